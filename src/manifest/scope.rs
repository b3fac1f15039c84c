//! `Scope`: a dimension of row-level security of an application.

use super::organization::OrganizationType;
use super::resource::is_no;
use crate::name::{IdentityType, ResourceName};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What values a scope has and what each grants.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ScopeSpec {
    /// The name people read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// The application.
    pub resource: ResourceName,
    /// What the application calls it; left out: the display name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Its values, case kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
    /// Where its values come from besides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values_from: Option<ValuesFrom>,
    /// Whether `*` may stand for all values.
    #[serde(default, skip_serializing_if = "is_no")]
    pub wildcard: bool,
    /// What an identity without a value sees; left out: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub absent: Option<Absent>,
    /// Identity types that must have a value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub required_for: Vec<IdentityType>,
    /// The directory groups each value grants, as templates over `value` and `organization`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// The directory groups `*` grants; left out: those of every value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wildcard_groups: Vec<String>,
}

impl ScopeSpec {
    /// What its application knows it by.
    fn known_as(&self) -> Option<&str> {
        self.key.as_deref().or(self.display_name.as_deref())
    }

    /// Whether another means the same to its application, besides groups.
    pub fn means_as(&self, other: &Self) -> bool {
        self.known_as() == other.known_as() && self.absent == other.absent
    }
}

/// Where the values of a scope come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ValuesFrom {
    /// Every organization of these types: its code, else its name.
    #[schemars(length(min = 1))]
    pub organization_types: Vec<OrganizationType>,
}

/// What an identity without a value of a scope sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Absent {
    /// No rows.
    Nothing,
    /// All rows.
    Everything,
}

impl Absent {
    /// The word a manifest writes.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Everything => "everything",
        }
    }
}
