//! Desired state: what should be, for every person, with the reasons. Pure.
//!
//! [`expand::expand`] makes it of the folded catalog, the [`accounts::Accounts`] that exist, and an
//! instant. Nothing behind this module sees a manifest: whatever a plan, a mail or an explanation
//! needs is here, causes included.

pub mod accounts;
pub mod calendar;
pub mod cause;
pub mod entitlement;
pub mod expand;
pub mod identity;
pub mod variables;
pub mod naming;
pub mod windows;

pub use accounts::{Accounts, KnownAccount};
pub use calendar::{Calendar, Following};
pub use cause::{Cause, Causes};
pub use entitlement::{Entitlement, EntitlementKey, FieldValues, Fields, Grant};
pub use identity::{DesiredIdentity, DesiredRole, DesiredScope, Rows, Standing};
pub use naming::Said;
pub use windows::Windows;

use crate::connector::{AttributeName, Guid};
use crate::manifest::UserType;
use crate::manifest::config::{Guards, MailWording, Membership};
use crate::manifest::resource::{
    Connector, DriftPolicy, Instructions, ReadBack, ResourceType, SignIn,
};
use crate::manifest::user::UserState;
use crate::name::{FieldName, RequestName, ResourceName, ScopeName, UserName};
use crate::sorted::Sorted;
use jiff::Timestamp;
use jiff::civil::Date;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What should be, at one instant of one revision.
#[derive(Debug, Clone, PartialEq)]
pub struct Desired {
    /// The instant it holds for.
    pub instant: Timestamp,
    /// The next instant at which it changes by itself, if a manifest names one.
    pub valid_until: Option<Timestamp>,
    /// Every user, by name; those who left too. Of one instant and the next, most are the same.
    pub people: BTreeMap<UserName, Arc<Person>>,
    /// What a plan and a mail need to know of each resource.
    pub resources: BTreeMap<ResourceName, ResourceTerms>,
    /// The resource that owns the accounts.
    pub directory: ResourceName,
    /// Groups that some level, role or scope names: only these can be exact.
    pub named_groups: BTreeSet<GroupKey>,
    /// What may be touched and how much of it.
    pub rules: Rules,
    /// Who is mailed what nobody else can be mailed: holders of `administrator` of `countersign`.
    pub administrators: Vec<Recipient>,
    /// Every request that is not archived, by name; those of later instants too.
    pub requests: BTreeMap<RequestName, RequestTerms>,
}

impl Desired {
    /// Whether a user leaves, and that cannot wait.
    pub fn is_urgent_leaver(&self, user: &UserName) -> bool {
        let departure = self.people.get(user).and_then(|p| p.departure.as_ref());
        departure.is_some_and(|d| d.urgent)
    }
}

/// Where somebody is who has not started.
pub const NOT_YET_HERE: &str = "not-yet-here";

/// What should be for one user.
#[derive(Debug, Clone, PartialEq)]
pub struct Person {
    /// The permanent handle.
    pub name: UserName,
    /// The name people read.
    pub display_name: String,
    /// The employee number, where there is one.
    pub employee_number: Option<String>,
    /// What sort of user.
    pub kind: UserType,
    /// Active, suspended or left, at the instant.
    pub state: UserState,
    /// The address mails go to; none where notifications are off or there is no address.
    pub mail: Option<String>,
    /// Whether the user wants mails at all.
    pub notifications: bool,
    /// Given, middle and family name, as far as there are.
    pub names: Vec<String>,
    /// The public key that first passwords are encrypted to for this user to hand on.
    pub hand_over_key: Option<String>,
    /// Whom the user reports to.
    pub supervisor: Option<UserName>,
    /// When they start, where that is still to come.
    pub starts: Option<Timestamp>,
    /// How their present time here began, where a request began it and it has begun.
    pub started: Option<Box<Started>>,
    /// How they left, where they did.
    pub departure: Option<Box<Departure>>,
    /// The account in the directory; none for users the directory is not for.
    pub account: Option<DesiredAccount>,
    /// Names that the manifest says and the account cannot have, and why: it keeps those it has.
    pub kept_names: Vec<accounts::Trouble>,
    /// What is held, by key; empty for those who left.
    pub entitlements: Sorted<EntitlementKey, Entitlement>,
    /// Who they are in applications, by resource and alias; empty for those who left.
    pub identities: Vec<DesiredIdentity>,
    /// What a profile or organization would give and the user does not get, and why; for explanations.
    pub dropped: Vec<Dropped>,
    /// The requests that made the user what they are now, the latest first; empty where none did.
    pub because: Vec<Cause>,
    /// Where the user is declared.
    pub declared: Cause,
}

impl Person {
    /// Every name of the person, for what must have no part of one: a password.
    pub fn every_name(&self) -> impl Iterator<Item = &str> {
        let names = self.names.iter().map(String::as_str);
        names.chain([self.display_name.as_str(), self.name.as_str()])
    }

    /// Where they are in their time here, in a word.
    pub fn stands(&self) -> &'static str {
        match self.starts {
            Some(_) => NOT_YET_HERE,
            None => self.state.as_str(),
        }
    }

    /// Takes out everything that only says why: what is left is what should be. Every field is named,
    /// so that a new one does not compile unconsidered.
    pub fn without_reasons(&mut self) {
        let Self {
            name: _,
            display_name: _,
            employee_number: _,
            kind: _,
            state: _,
            mail: _,
            notifications: _,
            names: _,
            hand_over_key: _,
            supervisor: _,
            starts: _,
            started,
            departure,
            account,
            kept_names: _,
            entitlements,
            identities,
            dropped,
            because,
            declared,
        } = self;
        let nothing = || Cause::new("", "", 0);
        if let Some(started) = started {
            started.cause = nothing();
        }
        if let Some(departure) = departure {
            departure.cause = nothing();
        }
        if let Some(account) = account {
            account.causes.clear();
            account.said = Said::default();
            account.groups.values_mut().for_each(|g| g.causes.clear());
        }
        entitlements.values_mut().for_each(|e| e.causes.clear());
        for identity in identities.iter_mut() {
            identity.without_reasons();
        }
        dropped.iter_mut().for_each(|d| d.causes.clear());
        dropped.sort();
        // Two things may give the same, or one that takes the place of both.
        dropped.dedup();
        because.clear();
        *declared = nothing();
    }
}

/// How a user's time here began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Started {
    /// When.
    pub at: Timestamp,
    /// By which request.
    pub request: RequestName,
    /// Where it stands.
    pub cause: Cause,
}

/// How a user's time here ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Departure {
    /// When; none where a manifest only says that they left.
    pub at: Option<Timestamp>,
    /// The last day, where that is how an end date says it: `at` is the midnight after it.
    pub last_day: Option<Date>,
    /// The reason code: the request's, `end-date`, or `left` where nobody says one.
    pub reason: String,
    /// By which request; none: by an end date, or as the manifest says.
    pub request: Option<RequestName>,
    /// Whether it could not wait.
    pub urgent: bool,
    /// Where it stands.
    pub cause: Cause,
}

/// A request, as far as people are told about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestTerms {
    /// What it asks for, as a manifest writes it: `Activate`, `Terminate` …
    pub action: crate::manifest::request::RequestAction,
    /// Who asked.
    pub requested_by: UserName,
    /// Whom it is about.
    pub subject: UserName,
    /// The name of the subject as people read it; the handle where they are not known yet.
    pub subject_display: String,
    /// From when on.
    pub effective: Timestamp,
    /// Until when; none: for good.
    pub until: Option<Timestamp>,
    /// Where it stands.
    pub cause: Cause,
}

/// Something a profile or organization would give and a user does not get.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Dropped {
    /// What.
    pub entitlement: EntitlementKey,
    /// Why not.
    pub reason: String,
    /// What would give it.
    pub causes: Vec<Cause>,
}

/// What the directory account of one user should be.
#[derive(Debug, Clone, PartialEq)]
pub struct DesiredAccount {
    /// The account there is already, and how it is known to be this user's.
    pub known: Option<(Guid, Tie)>,
    /// Why nothing may be done to it, if its account cannot be told.
    pub trouble: Option<accounts::Trouble>,
    /// Whether the names below are not settled yet: there is no account that holds them.
    pub provisional: bool,
    /// Which of the names a manifest says; a mail address that a field says counts as said.
    pub said: Said,
    /// sAMAccountName.
    pub login: Arc<str>,
    /// userPrincipalName.
    pub upn: Arc<str>,
    /// Common name.
    pub cn: Arc<str>,
    /// The OU, outermost first, relative to the base DN.
    pub ou: Arc<[String]>,
    /// Whether it can be logged on to.
    pub enabled: bool,
    /// Groups that somebody who left keeps for a time all the same.
    pub retained: Vec<Retained>,
    /// The description of the account of somebody who left; none: it stays as it is.
    pub farewell: Option<String>,
    /// The managed attributes that should have a value; a managed attribute that is not here should have none.
    pub attributes: Sorted<AttributeName, Arc<str>>,
    /// Attributes whose value is the account of another user (`manager`).
    pub links: Sorted<AttributeName, UserName>,
    /// The groups it should be in, by sAMAccountName in lower case.
    pub groups: Sorted<GroupKey, GroupGrant>,
    /// Why there should be an account.
    pub causes: Vec<Cause>,
}

/// Groups that somebody who left keeps for a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retained {
    /// sAMAccountNames or globs.
    pub groups: Vec<String>,
    /// Until when.
    pub until: Timestamp,
}

/// How an account is known to be a user's (SEMANTICS 8: never by name).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tie {
    /// The ledger recorded it when it was created or adopted.
    Recorded,
    /// The manifest names its objectGUID: adopted by the plan.
    Declared,
    /// The anchor attribute has the user's value: adopted by the plan.
    Anchored,
}

/// A group's sAMAccountName in lower case: what two spellings share.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupKey(Arc<str>);

impl GroupKey {
    /// Takes a name in any spelling.
    pub fn new(name: &str) -> Self {
        Self(name.to_lowercase().into())
    }

    /// The lower-case name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A group's name, as it is compared and as a manifest spells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpelledGroup {
    /// What two spellings share.
    pub key: GroupKey,
    /// As it is spelled.
    pub spelled: Arc<str>,
}

impl SpelledGroup {
    /// Takes a name in any spelling.
    pub fn new(name: &str) -> Self {
        Self {
            key: GroupKey::new(name),
            spelled: name.into(),
        }
    }
}

/// That an account should be in a group.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupGrant {
    /// The group's name as the manifest spells it.
    pub name: Arc<str>,
    /// The resource whose level, role or scope grants it.
    pub resource: ResourceName,
    /// Why.
    pub causes: Vec<Cause>,
}

/// What a plan and a mail need to know of a resource.
#[derive(Debug, Clone, PartialEq)]
pub struct ResourceTerms {
    /// The name people read.
    pub display_name: String,
    /// What sort of resource.
    pub kind: ResourceType,
    /// Who brings it about.
    pub connector: Connector,
    /// Whether its access follows another's (then nobody is asked).
    pub follows: Option<ResourceName>,
    /// With which account people sign in.
    pub sign_in: SignIn,
    /// What is done where somebody changed something of it by hand.
    pub drift: DriftPolicy,
    /// Who is mailed; sorted, without duplicates.
    pub maintainers: Vec<Recipient>,
    /// Who is told what its maintainers leave undone; sorted, without duplicates.
    pub answerable: Vec<Recipient>,
    /// Who may say that its work is done; administrators may always.
    pub closers: BTreeSet<UserName>,
    /// Labels and order of its fields.
    pub fields: Vec<FieldTerms>,
    /// What it calls its levels and roles.
    pub labels: Arc<BTreeMap<Grant, Arc<str>>>,
    /// What it calls its scopes.
    pub scope_labels: BTreeMap<ScopeName, String>,
    /// What maintainers are told to do.
    pub instructions: Instructions,
    /// Where people find it.
    pub url: Option<String>,
    /// How many may hold it; none: any number.
    pub seats: Option<u32>,
    /// The export that the work of its maintainers is checked against.
    pub read_back: Option<ReadBack>,
}

impl ResourceTerms {
    /// What it calls something that is held of it; what it no longer has goes by its name.
    pub fn label(&self, grant: &Grant) -> String {
        match grant {
            Grant::Level(level) => match self.labels.get(grant) {
                Some(called) => called.to_string(),
                None => level.to_string(),
            },
            Grant::Role(role) => match self.labels.get(grant) {
                Some(called) => called.to_string(),
                None => role.to_string(),
            },
            Grant::Scope(scope, value) => match self.scope_labels.get(scope) {
                Some(label) => format!("{label} = {value}"),
                None => format!("{scope} = {value}"),
            },
        }
    }
}

/// Label and role of a field.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldTerms {
    /// The field's name.
    pub name: FieldName,
    /// The name people read.
    pub label: String,
    /// Whether it is the login name.
    pub sign_in: bool,
}

/// Somebody a mail goes to.
#[derive(
    Debug,
    Clone,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
pub struct Recipient {
    /// The address.
    pub mail: String,
    /// The name people read, where there is one.
    pub name: Option<String>,
}

/// What may be touched and how much of it: the repository's rules.
#[derive(Debug, Clone, PartialEq)]
pub struct Rules {
    /// OUs whose accounts are managed.
    pub ous: Vec<Vec<String>>,
    /// The OU of those who left.
    pub leavers_ou: Option<Vec<String>>,
    /// Patterns of managed groups.
    pub groups: Vec<String>,
    /// Managed attributes.
    pub attributes: BTreeSet<AttributeName>,
    /// What is done with members nobody asked for.
    pub membership: Membership,
    /// Patterns of groups whose membership is exact all the same.
    pub exact: Vec<String>,
    /// How much one run may do.
    pub guards: Guards,
    /// When steps are taken, and when they wait.
    pub windows: Windows,
    /// When work that is not done is asked for again.
    pub following: Following,
    /// Words in mails, and how many of them.
    pub mail: MailWording,
    /// The name of the organization, for mails.
    pub organization: String,
    /// The texts that mails are written with instead of our own, by path: `templates/digest.txt`.
    pub templates: BTreeMap<Arc<str>, Arc<str>>,
    /// The public key that first passwords are encrypted to; none: the supervisor's.
    pub hand_over_key: Option<String>,
    /// The time zone that people read dates in.
    pub zone: jiff::tz::TimeZone,
}

/// How many mails an address gets in a day, where the configuration does not say: more than a maintainer
/// can work through, and few enough to be read.
const MAILS_PER_DAY: u32 = 20;

impl Rules {
    /// How many mails an address gets in a day at most.
    pub fn per_day(&self) -> usize {
        self.mail.per_day.unwrap_or(MAILS_PER_DAY) as usize
    }
}
