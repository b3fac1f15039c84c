//! `Role`: a role in an application.

use super::resource::GroupName;
use super::{Deprecation, UserType};
use crate::name::{IdentityType, LevelName, ResourceName, RoleName};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a role permits and what it brings with it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RoleSpec {
    /// The name people read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// The application.
    pub resource: ResourceName,
    /// What the application calls it; left out: the display name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// What holders may do, in the application's own words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub permissions: Vec<String>,
    /// Roles that come with this one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub includes: Vec<RoleName>,
    /// Directory groups (sAMAccountName) that holders are in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<GroupName>,
    /// Levels of the application that holders have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub levels: Vec<LevelName>,
    /// Who may have it; left out: employees, with any identity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eligible: Option<RoleEligibility>,
    /// Set when the role is no longer to be given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deprecated: Option<Deprecation>,
}

impl RoleSpec {
    /// What its application knows it by.
    fn known_as(&self) -> Option<&str> {
        self.key.as_deref().or(self.display_name.as_deref())
    }

    /// Whether another means the same to its application, besides groups and levels.
    pub fn means_as(&self, other: &Self) -> bool {
        self.known_as() == other.known_as() && self.permissions == other.permissions
    }
}

/// Who may have a role.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RoleEligibility {
    /// The user types; left out: employees.
    #[serde(
        default = "super::organization::employees",
        skip_serializing_if = "Vec::is_empty"
    )]
    #[schemars(length(min = 1))]
    pub user_types: Vec<UserType>,
    /// The identity types; left out: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub identities: Vec<IdentityType>,
}
