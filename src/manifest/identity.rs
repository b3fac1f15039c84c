//! `Identity`: what a user represents in an application.

use super::timed::Timed;
use super::{Line, Moment};
use crate::name::{IdentityType, ResourceName, RoleName, ScopeName, UserName};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One identity of one user in one application.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IdentitySpec {
    /// The name people read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// The user.
    pub user: UserName,
    /// The application.
    pub resource: ResourceName,
    /// What the user represents: a type of the application's `identities`.
    #[serde(rename = "type")]
    pub kind: IdentityType,
    /// What the user calls it, unique per user and application; left out: the type's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// Its roles, each for good or `{role, until}`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<Timed<RoleName>>,
    /// Its scopes and their values, each for good or `{value, until}`; `"*"` is all of them where the scope allows it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub scopes: BTreeMap<ScopeName, Vec<Timed<String>>>,
    /// Whether it can be used; left out: yes.
    #[serde(default = "active", skip_serializing_if = "is_active")]
    pub active: bool,
    /// Whether it is the one the user starts with.
    #[serde(default, skip_serializing_if = "super::resource::is_no")]
    pub default: bool,
    /// The end of the identity; a date is inclusive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Moment>,
}

/// An identity that a profile or a request gives.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GivenIdentity {
    /// The application.
    pub resource: ResourceName,
    /// What the user represents: a type of the application's `identities`.
    #[serde(rename = "type")]
    pub kind: IdentityType,
    /// What the user calls it; left out: the type's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// Its roles, each for good or `{role, until}`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<Timed<RoleName>>,
    /// Its scopes and their values, each for good or `{value, until}`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub scopes: BTreeMap<ScopeName, Vec<Timed<String>>>,
    /// Whether it is the one the user starts with.
    #[serde(default, skip_serializing_if = "super::resource::is_no")]
    pub default: bool,
    /// The end of the identity; a date is inclusive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Moment>,
    #[serde(rename = "$line", default)]
    #[schemars(skip)]
    #[allow(missing_docs)]
    pub line: Line,
}

fn active() -> bool {
    true
}

fn is_active(value: &bool) -> bool {
    *value
}
