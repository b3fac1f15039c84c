//! `User`: a person (or a service) and what is assigned to them personally.

use super::organization::OuName;
use super::{Access, Contact, Edge, MailAddress, Moment, UserType, Without};
use crate::name::{FieldName, OrganizationName, ProfileName, RequestName, UserName};
use crate::sorted::Sorted;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Who a person is, where they work and what is theirs personally.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UserSpec {
    /// The name people read; left out: given and family name.
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
    #[serde(rename = "type")]
    pub kind: UserType,
    /// The organization the user belongs to.
    pub organization: OrganizationName,
    /// Clients and suppliers the user is associated with; grants nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub associated: Vec<OrganizationName>,
    /// Job title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Whom the user reports to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supervisor: Option<UserName>,
    /// How the user is reached outside the directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<Contact>,
    /// Whether the user gets notifications; left out: yes.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub notifications: bool,
    /// Active, suspended or left; left out: active.
    #[serde(default, skip_serializing_if = "UserState::is_default")]
    pub state: UserState,
    /// First day (or instant) of the user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_date: Option<Moment>,
    /// Last day (inclusive) or end instant of the user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_date: Option<Moment>,
    /// The login name, where it is not to be made from the naming rules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<LoginName>,
    /// The account's mail address, where it is not to be made from the naming rules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mail: Option<MailAddress>,
    /// The directory OU, where it is not the organization's; outermost first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub ou: Option<Vec<OuName>>,
    /// Profiles the user has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub profiles: Vec<ProfileName>,
    /// What the user has personally.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub access: Vec<Access>,
    /// What profiles and organizations would give and the user does not get.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub without: Vec<Without>,
    /// Directory field values of this user.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<FieldName, super::Said>")]
    pub attributes: BTreeMap<FieldName, String>,
    /// Answers to the questions of the user's profiles, by question key.
    #[serde(default, skip_serializing_if = "Sorted::is_empty")]
    pub answers: Sorted<FieldName, String>,
    /// Who stands in for the user where the user is a maintainer or answers for something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deputy: Option<Deputy>,
    /// Keys and forge logins the user signs and reviews with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<Credentials>,
    /// An existing directory account that is this user's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<Adoption>,
    /// How the user's present time here began; written by `countersign fold`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activation: Option<ActivationRecord>,
    /// How the user left; written by `countersign fold`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub departure: Option<DepartureRecord>,
}

/// Who stands in for a user: gets the mails that ask for work too, and may say that it is done. A deputy
/// approves nothing, and a deputy's own deputy does not follow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Deputy {
    /// The deputy.
    pub user: UserName,
    /// First day (or instant); left out: at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Moment>,
    /// Last day (inclusive) or end instant; left out: until it is taken out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Moment>,
}

impl Deputy {
    /// Whether the deputy stands in at an instant.
    pub fn is_in_force(&self, zone: &TimeZone, now: Timestamp) -> bool {
        let at = |moment: &Option<Moment>, edge| moment.as_ref()?.resolve(zone, edge).ok();
        let begun = at(&self.from, Edge::Start).is_none_or(|from| from <= now);
        begun && at(&self.until, Edge::End).is_none_or(|until| now < until)
    }
}

/// How a user's time here began: what a folded `Activate` said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ActivationRecord {
    /// When.
    pub at: Moment,
    /// The request that began it.
    pub request: RequestName,
}

/// How a user left: what a folded `Terminate` said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DepartureRecord {
    /// When.
    pub at: Moment,
    /// Its reason code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[a-z0-9-]{1,64}$"))]
    pub reason: Option<String>,
    /// The request that ended it.
    pub request: RequestName,
    /// Whether it could not wait.
    #[serde(default, skip_serializing_if = "super::resource::is_no")]
    pub urgent: bool,
}

/// A name or number of a person: any text of one line.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct PersonName(#[schemars(regex(pattern = r"^[^\x00-\x1f\x7f]{1,64}$"))] pub String);

/// A login name as Active Directory takes it: at most 20 characters, none of `"/\[]:;|=,+*?<>@`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct LoginName(
    #[schemars(regex(
        pattern = r#"^[^\x00-\x20\x7f"/\\\[\]:;|=,+*?<>@]{0,19}[^\x00-\x20\x7f"/\\\[\]:;|=,+*?<>@.]$"#
    ))]
    pub String,
);

/// Where a user is in their time here.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum UserState {
    /// Works here.
    #[default]
    Active,
    /// On leave: keeps everything assigned, the account is disabled.
    Suspended,
    /// Has left: account disabled, access removed, nothing deleted.
    Left,
}

impl UserState {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// The word a manifest uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Left => "left",
        }
    }
}

/// What proves that an action is this user's.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Credentials {
    /// Public keys the user signs commits and tags with: an SSH public key (the line of `id_ed25519.pub`),
    /// or an OpenPGP public key as text (`gpg --armor --export`). A fingerprint is not enough: nothing
    /// is checked with keys from anywhere else.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(inner(regex(
        pattern = r"^((ssh|ecdsa-sha2|sk)-[A-Za-z0-9@.-]+ [A-Za-z0-9+/=]+( [^\x00-\x1f\x7f]*)?|-----BEGIN PGP PUBLIC KEY BLOCK-----\n[^\x00-\x09\x0b-\x1f\x7f]+\n-----END PGP PUBLIC KEY BLOCK-----\n*)$"
    )))]
    pub signing_keys: Vec<String>,
    /// Logins at forges, by forge.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub forge_logins: BTreeMap<String, String>,
    /// The age or SSH public key that hand-over files are encrypted to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hand_over_key: Option<String>,
}

/// An account that exists already and is taken over as this user's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Adoption {
    /// The account's objectGUID, as `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx`.
    #[serde(rename = "objectGUID")]
    #[schemars(regex(pattern = r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"))]
    pub object_guid: String,
}

fn yes() -> bool {
    true
}

fn is_yes(value: &bool) -> bool {
    *value
}
