//! Entitlements: what one user holds of one resource, and why.

use super::Cause;
use super::accounts::Trouble;
use crate::name::{FieldName, LevelName, ResourceName, RoleName, ScopeName};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

/// What is held: unique per user.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub struct EntitlementKey {
    /// The resource.
    pub resource: ResourceName,
    /// The alias of the identity it belongs to, where it belongs to one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub identity: Option<String>,
    /// What of the resource.
    pub grant: Grant,
}

impl EntitlementKey {
    /// The account itself, of the directory: what an urgent task is about.
    pub fn account(directory: &ResourceName) -> Self {
        static ACCOUNT: OnceLock<LevelName> = OnceLock::new();
        let level = ACCOUNT.get_or_init(|| match LevelName::new("account") {
            Ok(level) => level,
            Err(_) => unreachable!("the literal keeps the rule"),
        });
        Self {
            resource: directory.clone(),
            identity: None,
            grant: Grant::Level(level.clone()),
        }
    }

    /// A key before every other: `-` is the least character of a name.
    pub(crate) fn least() -> Self {
        static LEAST: OnceLock<EntitlementKey> = OnceLock::new();
        let least = LEAST.get_or_init(|| match (ResourceName::new("-"), LevelName::new("-")) {
            (Ok(resource), Ok(level)) => Self {
                resource,
                identity: None,
                grant: Grant::Level(level),
            },
            (Err(_), _) | (_, Err(_)) => unreachable!("the literals keep the rule"),
        });
        least.clone()
    }
}

/// What of a resource is held.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Grant {
    /// A level; `access` is the implicit one.
    Level(LevelName),
    /// A role of an identity.
    Role(RoleName),
    /// A value of a scope of an identity; `*` is all of them.
    Scope(ScopeName, String),
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Level(level) => write!(f, "{level}"),
            Self::Role(role) => write!(f, "role {role}"),
            Self::Scope(scope, value) => write!(f, "{scope} = {value}"),
        }
    }
}

impl fmt::Display for EntitlementKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.resource)?;
        if let Some(identity) = &self.identity {
            write!(f, " ({identity})")?;
        }
        match &self.grant {
            Grant::Level(level) if level.as_str() == "access" => Ok(()),
            grant => write!(f, " {grant}"),
        }
    }
}

impl Entitlement {
    /// Whether its fields say what they will say.
    pub fn is_settled(&self) -> bool {
        !self.provisional && self.withheld.is_none()
    }
}

/// The values of a resource's fields for one user: absent ones are not in it, none is empty.
pub type FieldValues = BTreeMap<FieldName, Arc<str>>;

/// The same of one thing held. The names are the resource's, so everybody shares them.
#[derive(Clone)]
pub struct Fields {
    /// Sorted, each once.
    names: Arc<[FieldName]>,
    /// In the order of the names.
    values: Box<[Option<Arc<str>>]>,
}

impl Fields {
    /// Values in the order of their names, which are sorted.
    pub fn new(names: &Arc<[FieldName]>, values: Box<[Option<Arc<str>>]>) -> Self {
        debug_assert!(names.is_sorted_by(|one, next| one < next) && names.len() == values.len());
        Self {
            names: names.clone(),
            values,
        }
    }

    /// Those that have a value, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&FieldName, &Arc<str>)> + Clone {
        let all = self.names.iter().zip(&self.values);
        all.filter_map(|(name, value)| Some((name, value.as_ref()?)))
    }

    /// The names of those that have a value, sorted.
    pub fn keys(&self) -> impl Iterator<Item = &FieldName> + Clone {
        self.iter().map(|(name, _)| name)
    }

    /// The value of a field.
    pub fn get(&self, name: &FieldName) -> Option<&Arc<str>> {
        let place = self.names.binary_search(name).ok()?;
        self.values[place].as_ref()
    }

    /// The same as a tree, to go on changing.
    pub fn to_tree(&self) -> FieldValues {
        let each = self.iter();
        each.map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    }
}

impl PartialEq for Fields {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl Serialize for Fields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

/// One thing held, with what its maintainer must be told and why it is held.
#[derive(Debug, Clone, PartialEq)]
pub struct Entitlement {
    /// What the application calls it: display name of the level, key of the role.
    pub label: Arc<str>,
    /// Values of the resource's fields for this user.
    pub fields: Fields,
    /// Whether a field depends on a login that is not settled yet.
    pub provisional: bool,
    /// What the directory would have to say first, and does not.
    pub withheld: Option<Box<Trouble>>,
    /// Whether it only mirrors another resource's access: nobody is asked.
    pub follows: bool,
    /// Why, sorted, never empty.
    pub causes: Vec<Cause>,
}
