//! Identities: what one user represents in an application, with all that follows from it - the roles
//! really held, what these permit, and whose rows are seen - and the one the user is at log-on.

use super::Cause;
use crate::manifest::scope::Absent;
use crate::name::{IdentityType, OrganizationName, ResourceName, RoleName, ScopeName};
use std::collections::{BTreeMap, BTreeSet};

/// One identity of one user in one application, as it is in force.
#[derive(Debug, Clone, PartialEq)]
pub struct DesiredIdentity {
    /// The application.
    pub resource: ResourceName,
    /// What the user calls it; unique per user and application.
    pub alias: String,
    /// What the user represents.
    pub kind: IdentityType,
    /// What people call that.
    pub kind_display: String,
    /// Whether somebody said it or it arose by itself.
    pub standing: Standing,
    /// Whether it is the one the user starts with; in a repository without mistakes exactly one is.
    pub default: bool,
    /// The roles that are really held, those included by others too; by name.
    pub roles: Vec<DesiredRole>,
    /// What the roles permit, together.
    pub permissions: BTreeSet<String>,
    /// Whose rows are seen: every scope of the application, by name.
    pub scopes: Vec<DesiredScope>,
    /// Why, sorted, never empty.
    pub causes: Vec<Cause>,
}

impl DesiredIdentity {
    /// Takes out everything that only says why; see [`super::Person::without_reasons`].
    pub(super) fn without_reasons(&mut self) {
        let Self {
            resource: _,
            alias: _,
            kind: _,
            kind_display: _,
            standing: _,
            default: _,
            roles: _,
            permissions: _,
            scopes: _,
            causes,
        } = self;
        causes.clear();
    }
}

/// Where an identity comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// A manifest, a profile or a request says it.
    Declared,
    /// It arose because the user has the application and no identity in it (MODEL 18).
    Virtual,
}

impl Standing {
    /// The word people read.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Declared => "declared",
            Self::Virtual => "virtual",
        }
    }
}

/// A role that an identity holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesiredRole {
    /// The role.
    pub name: RoleName,
    /// What the application calls it.
    pub key: String,
    /// What it permits.
    pub permissions: BTreeSet<String>,
}

/// What an identity sees in one dimension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesiredScope {
    /// The scope.
    pub name: ScopeName,
    /// What the application calls it.
    pub key: String,
    /// Whose rows.
    pub rows: Rows,
}

/// Whose rows are seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rows {
    /// Those of every value, now and to come: `*`.
    All,
    /// Those of these values, each with the organization it stands for; without any: none.
    Values(BTreeMap<String, Option<OrganizationName>>),
    /// Nobody speaks of the scope: as the scope says.
    Absent(Absent),
}

/// The identity a user is at log-on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Current<'a> {
    /// The identity.
    pub identity: &'a DesiredIdentity,
    /// How it came to be that one.
    pub by: Choice<'a>,
}

/// How it is known which identity a user is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice<'a> {
    /// It was selected.
    Selected,
    /// It is the default.
    Default,
    /// It is the default, because the one that was selected is there no longer.
    Gone(&'a str),
}

/// The identity a user is in an application: the selected one as long as it is there, else the default.
pub fn current<'a>(
    identities: &'a [DesiredIdentity],
    resource: &ResourceName,
    selected: Option<&'a str>,
) -> Option<Current<'a>> {
    let mut these = identities.iter().filter(|i| i.resource == *resource);
    let chosen = these.clone().find(|i| Some(i.alias.as_str()) == selected);
    if let Some(identity) = chosen {
        return Some(Current {
            identity,
            by: Choice::Selected,
        });
    }
    let identity = these.find(|i| i.default)?;
    let by = selected.map_or(Choice::Default, Choice::Gone);
    Some(Current { identity, by })
}
