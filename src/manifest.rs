//! Manifests: the ten kinds as types. What a file may say; what it means is the catalog's.
//!
//! Each kind has a file of its own. The types are the single source of `schema/<kind>.json`
//! (see [`schema`]), and the schema is what [`parse`] checks a document against, so an editor and
//! `countersign validate` cannot disagree.

pub mod cache;
pub mod check;
pub mod config;
pub mod identity;
pub mod moment;
pub mod organization;
pub mod parse;
pub mod policy;
pub mod profile;
pub mod read;
pub mod request;
pub mod resource;
pub mod role;
pub mod schema;
pub mod scope;
pub mod signing_key;
pub mod text;
pub mod timed;
pub mod user;
pub mod value;
pub mod windows;
pub mod written;
pub mod yaml;

pub use config::ConfigSpec;
pub use identity::IdentitySpec;
pub use moment::{Edge, Moment, MomentError, Now};
pub use organization::OrganizationSpec;
pub use policy::PolicySpec;
pub use profile::ProfileSpec;
pub use request::RequestSpec;
pub use resource::ResourceSpec;
pub use role::RoleSpec;
pub use scope::ScopeSpec;
pub use user::UserSpec;

use crate::name::{FieldName, LevelName, ManifestName, ProfileName, ResourceName, RoleName};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// The version that every manifest of this program names.
pub const API_VERSION: &str = "countersign/v1";

/// A kind of manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Kind {
    Config,
    Organization,
    Profile,
    User,
    Resource,
    Role,
    Scope,
    Identity,
    Request,
    Policy,
}

impl Kind {
    /// Every kind, in the order the documents list them.
    pub const ALL: [Self; 10] = [
        Self::Config,
        Self::Organization,
        Self::Profile,
        Self::User,
        Self::Resource,
        Self::Role,
        Self::Scope,
        Self::Identity,
        Self::Request,
        Self::Policy,
    ];

    /// The word a manifest writes behind `kind:`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Config => "Config",
            Self::Organization => "Organization",
            Self::Profile => "Profile",
            Self::User => "User",
            Self::Resource => "Resource",
            Self::Role => "Role",
            Self::Scope => "Scope",
            Self::Identity => "Identity",
            Self::Request => "Request",
            Self::Policy => "Policy",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One YAML document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Manifest<S> {
    /// The version of the manifest model: always `countersign/v1`.
    pub api_version: String,
    /// What the manifest describes.
    pub kind: String,
    /// Name, labels and annotations.
    pub metadata: Metadata,
    // The cache of what was parsed and the catalog share it.
    /// What is said of it.
    pub spec: Arc<S>,
}

/// What every manifest says of itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Metadata {
    /// The permanent handle: lower-case letters, digits, `.`, `_` and `-`, at most 64, unique per kind.
    pub name: ManifestName,
    /// Words to select manifests by; Countersign gives them no meaning.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Remarks for people and other programs; Countersign gives them no meaning.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// The line a part of a manifest stands on (1-based), kept so that every entitlement can say why.
///
/// Filled by the reader under the key `$line`; two values that differ only here are equal.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Line(pub u32);

impl PartialEq for Line {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Line {}

/// A link to something outside: `https` only, so nothing is ever sent in the clear, and without a name or
/// password before the host, which everybody who reads the repository would have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Url(
    #[schemars(regex(
        pattern = r"^https://[^@/?#\\\x00-\x20\x7f-\xa0\u1680\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff]+([/?#][^\\\x00-\x20\x7f-\xa0\u1680\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff]*)?$"
    ))]
    pub String,
);

/// A value that says something: the directory takes no empty one.
#[derive(JsonSchema)]
#[schemars(inline)]
#[allow(dead_code, reason = "for the schema")]
pub struct Said(#[schemars(regex(pattern = r"^[^\x00]*[^\x00-\x20][^\x00]*$"))] String);

/// A mail address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct MailAddress(
    #[schemars(regex(
        pattern = r"^[^@<>,;:\x00-\x20\x7f-\xa0\u1680\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff]{1,64}@[A-Za-z0-9.-]{1,190}$"
    ))]
    pub String,
);

/// How a person or an organization is reached.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Contact {
    /// Mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mail: Option<MailAddress>,
    /// Telephone number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// Mobile telephone number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mobile: Option<String>,
    /// Postal address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
}

/// What sort of person (or machine) a user is; eligibility goes by it.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum UserType {
    /// On the payroll.
    Employee,
    /// Works here for a time; gets only what names contractors.
    Contractor,
    /// Works for a partner organization.
    Partner,
    /// Acts for a client.
    Client,
    /// Acts for a supplier.
    Supplier,
    /// A program, not a person.
    Service,
}

impl UserType {
    /// The word a manifest uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Employee => "employee",
            Self::Contractor => "contractor",
            Self::Partner => "partner",
            Self::Client => "client",
            Self::Supplier => "supplier",
            Self::Service => "service",
        }
    }
}

/// One grant: a resource, at a level, with values for its fields.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Access {
    /// The resource.
    pub resource: ResourceName,
    /// The level; left out: the resource's default level.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<LevelName>,
    /// Values for fields of the resource, by field name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<FieldName, String>,
    /// The end of the grant; a date is inclusive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Moment>,
    #[serde(rename = "$line", default)]
    #[schemars(skip)]
    #[allow(missing_docs)]
    pub line: Line,
}

/// An exception: something a profile or organization grants and this user does not get.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Without {
    /// The resource.
    pub resource: ResourceName,
    /// Only this level; left out: all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<LevelName>,
    /// Only this role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<RoleName>,
    /// Only what these profiles give; the exception goes with them. Left out: what all of them give.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub profiles: Vec<ProfileName>,
    /// Why, in a few words that everyone may read.
    pub reason: String,
    #[serde(rename = "$line", default)]
    #[schemars(skip)]
    #[allow(missing_docs)]
    pub line: Line,
}

/// Which access entries a request takes away.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AccessMatcher {
    /// The resource.
    pub resource: ResourceName,
    /// Only this level; left out: all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<LevelName>,
}

/// That something is no longer to be given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Deprecation {
    /// Why.
    pub reason: String,
    /// What to give instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replacement: Option<RoleName>,
}
