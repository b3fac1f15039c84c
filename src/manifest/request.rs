//! `Request`: what somebody asks for, from an instant on.

use super::identity::GivenIdentity;
use super::organization::OuName;
use super::user::{LoginName, PersonName};
use super::{Access, AccessMatcher, Contact, Line, MailAddress, Moment, UserType};
use crate::name::{
    FieldName, IdentityType, OrganizationName, ProfileName, ResourceName, RoleName, ScopeName,
    UserName,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One change in the life of one user; everyone who can read the repository reads it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RequestSpec {
    /// The name people read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// What is asked for.
    pub action: RequestAction,
    /// Who asks.
    pub requested_by: UserName,
    /// Whom it is about; `Activate` declares the user.
    pub subject: UserName,
    /// From when on; a date starts at 00:00.
    pub effective: Moment,
    /// Until when; a date is inclusive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Moment>,
    /// A coarse reason code, such as `transfer`; no sensitive text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[a-z0-9-]{1,64}$"))]
    pub reason: Option<String>,
    /// Whether a termination cannot wait.
    #[serde(default, skip_serializing_if = "super::resource::is_no")]
    pub urgent: bool,
    /// What the user's fields become.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set: Option<UserChange>,
    /// Profiles given or taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profiles: Option<ProfileChange>,
    /// Access given or taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access: Option<AccessChange>,
    /// Identities given or taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identities: Option<IdentityChange>,
    /// Answers to the profiles' questions, by question key.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub answers: BTreeMap<FieldName, String>,
    /// An existing directory account that is the user's (`Activate` only).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<super::user::Adoption>,
}

/// What a request asks for.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub enum RequestAction {
    /// A new hire, or a rehire.
    Activate,
    /// New name, job, department, profile or access.
    Change,
    /// Leave of absence begins.
    Suspend,
    /// Leave of absence ends.
    Resume,
    /// The user leaves.
    Terminate,
}

impl RequestAction {
    /// The word a manifest uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Activate => "Activate",
            Self::Change => "Change",
            Self::Suspend => "Suspend",
            Self::Resume => "Resume",
            Self::Terminate => "Terminate",
        }
    }
}

/// Fields of a user that a request sets; what is left out stays.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UserChange {
    /// The name people read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// Given name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given_name: Option<PersonName>,
    /// Middle name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub middle_name: Option<PersonName>,
    /// Family name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family_name: Option<PersonName>,
    /// Employee number: an identifier, so a string in quotes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub employee_number: Option<PersonName>,
    /// What sort of user this is.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<UserType>,
    /// The organization.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<OrganizationName>,
    /// Job title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Whom the user reports to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supervisor: Option<UserName>,
    /// Clients and suppliers the user is associated with, instead of all present ones; grants nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub associated: Option<Vec<OrganizationName>>,
    /// Last day (inclusive) or end instant of the user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_date: Option<Moment>,
    /// How the user is reached outside the directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<Contact>,
    /// Whether the user gets notifications.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notifications: Option<bool>,
    /// The login name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<LoginName>,
    /// The account's mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mail: Option<MailAddress>,
    /// The directory OU, outermost first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub ou: Option<Vec<OuName>>,
    /// Directory field values.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<FieldName, super::Said>")]
    pub attributes: BTreeMap<FieldName, String>,
}

/// Profiles given or taken.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProfileChange {
    /// Profiles to add.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub add: Vec<ProfileName>,
    /// Profiles to take away.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remove: Vec<ProfileName>,
    /// The profiles instead of all present ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replace: Option<Vec<ProfileName>>,
    /// How long what the taken profiles gave is kept all the same, for handing over; a date is inclusive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_until: Option<Moment>,
}

/// Access given or taken.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AccessChange {
    /// Entries to add.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub add: Vec<Access>,
    /// Entries to take away.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remove: Vec<AccessMatcher>,
}

/// Identities given or taken.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IdentityChange {
    /// Identities to add.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub add: Vec<GivenIdentity>,
    /// Identities to take away.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remove: Vec<IdentityMatcher>,
}

/// Which identities a request takes away.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IdentityMatcher {
    /// The application.
    pub resource: ResourceName,
    /// Only identities of this type; left out: all.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<IdentityType>,
    /// Only the identity of this alias; left out: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// Only these roles of it; the identity stays.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<RoleName>,
    /// Only these values of its scopes; the identity stays.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub scopes: BTreeMap<ScopeName, Vec<String>>,
    #[serde(rename = "$line", default)]
    #[schemars(skip)]
    #[allow(missing_docs)]
    pub line: Line,
}
