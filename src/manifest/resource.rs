//! `Resource`: anything access is given to.

use super::{Line, MailAddress, Url, UserType};
use crate::name::{
    FieldName, IdentityType, LevelName, OrganizationName, ResourceName, RoleName, ScopeName,
    UserName,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a resource is, who keeps it, and what can be had of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ResourceSpec {
    /// The name people read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What sort of resource it is.
    #[serde(rename = "type")]
    pub kind: ResourceType,
    /// Who brings it about; left out: `manual`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connector: Option<Connector>,
    /// Who is mailed what to do, where the connector is `manual`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub maintainers: Vec<Maintainer>,
    /// Who answers for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
    /// Where people find it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<Url>,
    /// With which account people sign in; left out: one of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sign_in: Option<SignIn>,
    /// The levels one can have it at; none: having it is all there is (`access`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub levels: Vec<Level>,
    /// The level meant where an access entry names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_level: Option<LevelName>,
    /// Whether a user has one level at most: the last listed one wins.
    #[serde(default, skip_serializing_if = "is_no")]
    pub exclusive: bool,
    /// What its maintainers or its connector must be told of a user.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<Field>,
    /// Whether it costs money; left out: free.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Cost>,
    /// How many users may have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seats: Option<u32>,
    /// Whether it holds personal data; left out: not stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pii: Option<bool>,
    /// The user types that may have it; left out: employees only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub eligible: Option<Vec<UserType>>,
    /// The resource its access follows: nobody is given it directly and nobody is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inherits_from: Option<Inheritance>,
    /// The identities users have in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identities: Option<IdentityRules>,
    /// What is done where somebody changed by hand what is managed of it; left out: it is changed back. Of the
    /// directory: accounts, and memberships that nobody is to have; of others: memberships that come with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift: Option<DriftPolicy>,
    /// The export that the work of its maintainers is checked against, where the connector is `manual`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_back: Option<ReadBack>,
    /// What maintainers are told to do, by action.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instructions: Option<Instructions>,
}

/// The export that manual work is checked against.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReadBack {
    /// The export, by its key in the operator's file.
    #[schemars(regex(pattern = r"^[a-z0-9][a-z0-9._-]{0,63}$"))]
    pub export: String,
    /// What the export calls levels; left out: as their names or display names, case ignored.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub levels: BTreeMap<LevelName, String>,
    /// So many working days after somebody said that work is done, an export that still shows otherwise
    /// opens it again; left out: 2.
    #[serde(default = "two")]
    #[schemars(range(min = 0, max = 250))]
    pub grace: u32,
}

fn two() -> u32 {
    2
}

/// What sort of resource it is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum ResourceType {
    /// The directory that owns the accounts.
    Directory,
    /// A program people sign in to.
    Application,
    /// A program on the user's workstation.
    Software,
    /// A mailing list.
    MailingList,
    /// A shared folder of a password vault or file store.
    SharedFolder,
    /// A thing one is handed.
    Equipment,
}

/// Who brings a resource's entitlements about.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Connector {
    /// Countersign writes accounts and group memberships.
    ActiveDirectory,
    /// Maintainers are mailed what to do.
    Manual,
    /// Countersign keeps a CSV file that the application reads.
    Roster,
    /// Recorded only; nobody is asked.
    None,
}

/// What is done where somebody changed something by hand, and the manifests ask for nothing new.
///
/// Who leaves or is on leave is shut out all the same.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum DriftPolicy {
    /// It stays; plans and `status` tell of it.
    Report,
    /// It is changed back; the plan says what it was.
    Revert,
    /// It stays until somebody decides; the administrators are mailed once.
    Hold,
}

/// Somebody who is mailed what to do: exactly one of `user`, `organization`, `holdersOf`, `mail`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("oneOf" = [
    {"required": ["user"]}, {"required": ["organization"]}, {"required": ["holdersOf"]}, {"required": ["mail"]}
]))]
pub struct Maintainer {
    /// A user; mailed at the user's address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserName>,
    /// An organization; mailed at its contact address, closed by its head.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<OrganizationName>,
    /// Everybody who holds this level of the resource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holders_of: Option<LevelName>,
    /// A mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mail: Option<MailAddress>,
    /// Who may say done for that mail address; without, administrators only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<UserName>,
    #[serde(rename = "$line", default)]
    #[schemars(skip)]
    #[allow(missing_docs)]
    pub line: Line,
}

/// Who answers for a resource: exactly one of `user`, `organization`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("oneOf" = [{"required": ["user"]}, {"required": ["organization"]}]))]
pub struct Owner {
    /// A user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserName>,
    /// An organization.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<OrganizationName>,
}

/// With which account people sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SignIn {
    /// One of its own.
    Own,
    /// The directory account: disabling that one ends access here too.
    Directory,
}

/// One entitlement of a resource.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Level {
    /// The level's name.
    pub name: LevelName,
    /// The name people read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// Levels that come with this one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub includes: Vec<LevelName>,
    /// The directory groups (sAMAccountName) that realise it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<GroupName>,
    /// The user types that may have it; left out: as the resource says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub eligible: Option<Vec<UserType>>,
    /// Whether holders administer the resource.
    #[serde(default, skip_serializing_if = "is_no")]
    pub administers: bool,
    /// Who may change who has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_by: Option<ChangedBy>,
}

/// Who may change who has a level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ChangedBy {
    /// Only administrators may ask for it.
    Administrators,
}

/// The sAMAccountName of a directory group.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct GroupName(
    #[schemars(regex(pattern = r#"^[^\x00-\x1f\x7f"/\\\[\]:;|=,+*?<>]{1,256}$"#))] pub String,
);

/// Something its maintainers or its connector must be told of a user.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Field {
    /// The field's name; of the directory: the LDAP attribute.
    pub name: FieldName,
    /// The name people read; left out: the field's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// What sort of value it takes; left out: text.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<FieldType>,
    /// Whether it must have a value.
    #[serde(default, skip_serializing_if = "is_no")]
    pub required: bool,
    /// The values it may have (type `choice`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
    /// A regular expression the whole value must match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// The value, as a template; nobody can override it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// The value where nothing else says one, as a template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// Where the value comes from, if not from here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<FieldSource>,
    /// Whether this is the name the user signs in with.
    #[serde(default, skip_serializing_if = "is_no")]
    pub sign_in: bool,
    /// Whether the value is personal data that exports leave out.
    #[serde(default, skip_serializing_if = "is_no")]
    pub pii: bool,
    #[serde(rename = "$line", default)]
    #[schemars(skip)]
    #[allow(missing_docs)]
    pub line: Line,
}

impl Field {
    /// The value, where it is the same for everybody.
    pub fn fixed(&self) -> Option<&str> {
        self.value.as_deref().filter(|value| !value.contains('{'))
    }
}

impl ResourceSpec {
    /// The user types a level is for, where somebody says: the level, else the resource.
    pub fn eligible_for<'s>(&'s self, level: Option<&'s Level>) -> Option<&'s [UserType]> {
        let own = level.and_then(|level| level.eligible.as_deref());
        own.or(self.eligible.as_deref())
    }
}

/// What sort of value a field or answer takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FieldType {
    /// Any text of one line.
    Text,
    /// Digits, perhaps with a sign and a decimal point.
    Number,
    /// A mail address.
    Email,
    /// A telephone number.
    Tel,
    /// A date, as `2027-02-01`.
    Date,
    /// One of the options.
    Choice,
}

/// Where a field's value comes from, if not from the manifests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FieldSource {
    /// Read from the directory; never written.
    Observed,
}

/// Whether a resource costs money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Cost {
    /// Costs nothing.
    Free,
    /// Costs money: not for default profiles.
    Premium,
}

/// The resource whose access this one follows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Inheritance {
    /// The resource it follows.
    pub resource: ResourceName,
    /// Their levels and what they are called here; left out: the same names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub levels: BTreeMap<LevelName, LevelName>,
}

/// The identities users have in an application.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IdentityRules {
    /// What a user can represent.
    #[schemars(length(min = 1))]
    pub types: Vec<IdentityKind>,
    /// The identity of a user who has none: the first that fits.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub default: Vec<DefaultIdentity>,
}

/// One thing a user can represent in an application.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IdentityKind {
    /// The type's name.
    pub name: IdentityType,
    /// The name people read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// The user types that may have it; left out: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub user_types: Vec<UserType>,
}

/// The identity that arises for a user who holds anything here and has none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DefaultIdentity {
    /// Only for these user types; left out: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub user_types: Vec<UserType>,
    /// The identity's type.
    #[serde(rename = "type")]
    pub kind: IdentityType,
    /// Its roles.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<RoleName>,
    /// Its scopes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub scopes: BTreeMap<ScopeName, Vec<String>>,
}

/// What maintainers are told to do, by action.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Instructions {
    /// To give access.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<String>,
    /// To change fields.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update: Option<String>,
    /// To take access away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoke: Option<String>,
    /// To stop the user from signing in while on leave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disable: Option<String>,
}

pub(super) fn is_no(value: &bool) -> bool {
    !*value
}
