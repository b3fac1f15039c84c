//! `Organization`: a department, partner, client, supplier or employer.

use super::{Contact, Line, UserType};
use crate::name::{FieldName, OrganizationName, ProfileName, UserName};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What an organization is and what its members get.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OrganizationSpec {
    /// The name people read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// What the organization is to us.
    #[serde(rename = "type")]
    pub kind: OrganizationType,
    /// The organization this one belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<OrganizationName>,
    /// What applications call it: the value scopes use. Left out: the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The directory OU of its members, outermost first, relative to the base DN; left out: the parent's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub ou: Option<Vec<OuName>>,
    /// Who heads it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<UserName>,
    /// How it is reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<Contact>,
    /// Directory field values of its members, unless a profile, user or request says otherwise.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<FieldName, super::Said>")]
    pub attributes: BTreeMap<FieldName, String>,
    /// Profiles its members, and those of its sub-organizations, get.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub profiles: Vec<MemberProfile>,
}

/// What an organization is to us.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum OrganizationType {
    /// The organization whose repository this is, or one that employs for it.
    Employer,
    /// A part of the employer.
    Department,
    /// Works with us.
    Partner,
    /// We work for it.
    Client,
    /// Works for us.
    Supplier,
}

impl OrganizationType {
    /// The word a manifest uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Employer => "employer",
            Self::Department => "department",
            Self::Partner => "partner",
            Self::Client => "client",
            Self::Supplier => "supplier",
        }
    }
}

/// The name of one organizational unit, without `OU=` and without escapes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct OuName(#[schemars(regex(pattern = r"^[^\x00-\x1f]{1,64}$"))] pub String);

/// A profile that members get because they are members.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MemberProfile {
    /// The profile.
    pub profile: ProfileName,
    /// Only members of these types; left out: employees.
    #[serde(default = "employees", skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1))]
    pub user_types: Vec<UserType>,
    #[serde(rename = "$line", default)]
    #[schemars(skip)]
    #[allow(missing_docs)]
    pub line: Line,
}

pub(super) fn employees() -> Vec<UserType> {
    vec![UserType::Employee]
}
