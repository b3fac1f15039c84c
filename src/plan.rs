//! The plan: what to do so that what is becomes what should be. A value, made purely, carried out
//! elsewhere without further choices.
//!
//! Invariant: this module sees neither manifests nor the catalog; [`diff`] compares a
//! [`Desired`](crate::desired::Desired) with an [`Observed`](crate::observed::Observed).

mod agreed;
pub mod diff;
mod frozen;
pub mod guard;
pub mod hold;
pub mod limits;
pub mod notice;
mod paused;
pub mod recorded;
mod renamed;
pub mod sighting;
pub mod task;
pub mod verified;

pub use diff::{Bootstrap, Inputs, plan};
pub use frozen::is_leaving;
pub use hold::{Because, Step};
pub use notice::{Notice, NoticeId, NoticeKey, NoticeKind, NoticePart};
pub use renamed::renamed;
pub use sighting::{Shows, Sighting};
pub use verified::{Approver, ByFile, CommitEvidence, VerifiedLine, Waiting};

pub use task::{Task, TaskAction, TaskChange, TaskField, TaskId, TaskStep};

pub use crate::connector::roster::RowKey;
use crate::connector::{At, AttributeName, Attributes, Guid, Modification, Value};
use crate::desired::{Cause, EntitlementKey, FieldValues, Recipient};
use crate::dn::{Dn, Rdn};
use crate::name::{ResourceName, UserName};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt;

/// The version of the JSON form; raised when a reader of the old one would misread the new one.
pub const FORMAT_VERSION: u32 = 1;

/// What to do, in the order it is to be done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Plan {
    /// The version of this form.
    pub format_version: u32,
    /// The commit it was made from; none for a working folder.
    pub revision: Option<String>,
    /// The instant it was made for.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub instant: Timestamp,
    /// The next instant at which the desired state changes by itself, or a window begins or ends; the plan
    /// is void from then on.
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub valid_until: Option<Timestamp>,
    /// What the approval of the commit rests on: `trust-branch` takes the branch's word for it.
    pub approval: String,
    /// The approved line that the commit ends; left out: nobody's approval was checked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified: Option<VerifiedLine>,
    /// SHA-256 of the policies and the configuration it was made under.
    pub policies: String,
    /// How each directory is written: by us, or by its maintainers.
    pub directory_mode: DirectoryMode,
    /// What we do ourselves, in order.
    pub changes: Vec<Change>,
    /// What maintainers are asked to do, sorted by maintainer, user and resource.
    pub tasks: Vec<TaskChange>,
    /// Whom the run tells what, sorted by user and sort.
    pub notices: Vec<Notice>,
    /// Manual entitlements that are taken as held without asking anyone (SEMANTICS 9).
    pub assumed: Vec<Assumption>,
    /// What is taken as told before, because it is older than the record.
    pub known: Vec<NoticeKey>,
    /// What should be done and is not, each with its reason.
    pub held: Vec<Held>,
    /// What exports of manual systems show of tasks: it is recorded before anything is asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seen: Vec<Sighting>,
    /// What people should know and nothing is done about.
    pub findings: Vec<Finding>,
    /// The guards that were asked, and which of them holds the whole plan.
    pub guards: Vec<GuardResult>,
    /// How many there are of each thing, for people.
    pub summary: Summary,
}

/// Who writes the directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DirectoryMode {
    /// Countersign does.
    Direct,
    /// Its maintainers do, from a mail with LDIF and PowerShell; Countersign only reads.
    Maintainer,
}

/// One thing to do, with what must still be true when it is done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Change {
    /// What makes it this change and no other; the same in every plan that contains it.
    pub id: ChangeId,
    /// What is done.
    pub action: Action,
    /// The user it is done for; none for a member nobody here knows.
    pub user: Option<UserName>,
    /// The resource it is done to.
    pub resource: ResourceName,
    /// The object it is done to, as people know it: a login, a group, a DN.
    pub target: String,
    /// What it is: the group joined, the entitlement granted; empty where the action says it all.
    pub what: String,
    /// What it writes.
    pub write: Write,
    /// Values before and after, for people; secrets are never in it.
    pub fields: Vec<FieldChange>,
    /// Changes that must have been applied before; if one was not, this one waits.
    pub after: Vec<ChangeId>,
    /// Why, never empty.
    pub causes: Vec<Cause>,
}

/// What makes a change this change: the first 16 hex digits of a SHA-256.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct ChangeId(pub String);

/// What is done. The order is the order of a plan: those who leave first.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// An account can no longer be logged on to.
    Disable,
    /// An account gets a password that nobody knows.
    ResetPassword,
    /// An account expires: whatever still works with it ends.
    Expire,
    /// A membership goes.
    RemoveMember,
    /// An entitlement goes (connectors other than the directory's).
    Revoke,
    /// An existing account is recorded as a user's; nothing is written.
    Adopt,
    /// An account is made, disabled.
    Create,
    /// An account gets its first password.
    SetPassword,
    /// Attributes change.
    Update,
    /// The common name changes.
    Rename,
    /// The OU changes.
    Move,
    /// A link to another account changes (`manager`).
    Link,
    /// A membership comes.
    AddMember,
    /// An account can be logged on to.
    Enable,
    /// An entitlement comes, or its fields change (connectors other than the directory's).
    Grant,
}

impl Action {
    /// The words people read.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::ResetPassword => "reset password",
            Self::Expire => "expire",
            Self::RemoveMember => "remove member",
            Self::Revoke => "revoke",
            Self::Adopt => "adopt",
            Self::Create => "create",
            Self::SetPassword => "set password",
            Self::Update => "update",
            Self::Rename => "rename",
            Self::Move => "move",
            Self::Link => "link",
            Self::AddMember => "add member",
            Self::Enable => "enable",
            Self::Grant => "grant",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What a change writes. Every variant names what must be true before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Write {
    /// Nothing but the ledger's record that the account is the user's.
    Adopt {
        /// The account.
        guid: Guid,
        /// Where it stood.
        dn: Dn,
    },
    /// An entry is added; there must be none of that name.
    Create {
        /// Where it will stand.
        dn: Dn,
        /// All its attributes.
        attributes: Attributes,
    },
    /// A password is generated and set; the account must be disabled.
    SetPassword {
        /// The account: by GUID, or by name when an earlier change creates it.
        at: At,
        /// Names that the password has no part of.
        avoid: Vec<String>,
        /// To whom it is handed on, encrypted; none: nobody ever knows it.
        hand_over: Option<HandOver>,
    },
    /// A password that nobody knows is set, unless the account has expired already.
    ResetPassword {
        /// The account.
        guid: Guid,
        /// When it expires from now on: 100 ns since 1601.
        expires: i64,
    },
    /// An entry is modified; each value that goes must be there, each that comes must not.
    Modify {
        /// The entry: by GUID, or by name when an earlier change creates it.
        at: At,
        /// Where it stood.
        dn: Dn,
        /// The steps, in one request.
        modifications: Vec<Modification>,
    },
    /// An entry gets another name, another parent, or both; it must still stand where it stood.
    Rename {
        /// What it is.
        guid: Guid,
        /// Where it stood.
        dn: Dn,
        /// Its relative name from now on.
        rdn: Rdn,
        /// Its parent from now on.
        parent: Dn,
    },
    /// A value of `member` comes or goes.
    Member {
        /// The group.
        group: Guid,
        /// Where the group stood.
        group_dn: Dn,
        /// Comes or goes.
        change: MemberChange,
        /// The member: by GUID, or by name when an earlier change creates it.
        member: At,
        /// Where the member stood (or will stand after earlier changes).
        member_dn: Dn,
    },
    /// A row of a roster file comes, changes or goes.
    Row {
        /// The row's key.
        key: RowKey,
        /// Its values before; none: there must be no such row.
        before: Option<FieldValues>,
        /// Its values from now on; none: the row goes.
        after: Option<FieldValues>,
    },
}

/// To whom a first password is handed on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HandOver {
    /// The public key it is encrypted to: age or SSH.
    pub key: String,
    /// Who is mailed the encrypted file besides; none: it only lies in the operator's folder.
    pub to: Option<Recipient>,
}

/// Whether a membership comes or goes.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum MemberChange {
    /// It comes.
    Add,
    /// It goes.
    Remove,
}

/// One value before and after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FieldChange {
    /// The attribute or field.
    pub name: AttributeName,
    /// Its values before; empty: it was absent.
    pub before: Vec<Value>,
    /// Its values after; empty: it will be absent.
    pub after: Vec<Value>,
}

/// A manual entitlement that is taken as held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Assumption {
    /// The user.
    pub user: UserName,
    /// What is taken as held.
    pub entitlement: EntitlementKey,
    /// The values of its fields.
    pub fields: FieldValues,
    /// Whether they rest on names that are not settled: others are taken as held once they are.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unsettled: bool,
    /// Why it should be held.
    pub causes: Vec<Cause>,
}

/// Something that should be done and is not.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Held {
    /// What sort of reason: one of the codes in `countersign explain-code`.
    pub code: String,
    /// The user it would be done for.
    pub user: Option<UserName>,
    /// What would be done.
    pub what: String,
    /// Why it is not, and what to do.
    pub reason: String,
    /// Why it should be done.
    pub causes: Vec<Cause>,
}

/// Something people should know.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Finding {
    /// What sort: one of the codes in `countersign explain-code`.
    pub code: String,
    /// One sentence.
    pub message: String,
}

/// What a guard counted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GuardResult {
    /// What it counts: `creates`, `disables`, `removals`.
    pub guard: String,
    /// How many the plan has.
    pub count: usize,
    /// How many it may have.
    pub limit: usize,
    /// Of how many managed ones.
    pub managed: usize,
    /// Whose limit is in force: `repository` or `operator`.
    pub set_by: String,
    /// Whether the plan is within it.
    pub verdict: Verdict,
}

/// Whether a plan is within a guard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It is.
    Within,
    /// It is not: nothing of the plan is applied.
    Beyond,
}

/// How many there are of each thing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Summary {
    /// Changes by action.
    pub changes: BTreeMap<String, usize>,
    /// Tasks to be mailed.
    pub tasks: usize,
    /// Changes held.
    pub held: usize,
    /// Entitlements assumed held.
    pub assumed: usize,
    /// Notices to be mailed.
    pub notices: usize,
}

impl Plan {
    /// Whether there is nothing to do and nothing held.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
            && self.tasks.is_empty()
            && self.assumed.is_empty()
            && self.held.is_empty()
            && self.notices.iter().all(|n| n.to.is_empty())
    }

    /// What of this plan another one does not have: what comes of the difference between the two.
    #[must_use]
    pub fn less(mut self, other: &Self) -> Self {
        self.changes
            .retain(|c| !other.changes.iter().any(|o| o.id == c.id));
        self.tasks.retain(|t| {
            !other
                .tasks
                .iter()
                .any(|o| o.task.id == t.task.id && o.step == t.step)
        });
        self.notices
            .retain(|n| !other.notices.iter().any(|o| o.key == n.key));
        self.held.retain(|h| !other.held.contains(h));
        self.findings.retain(|f| !other.findings.contains(f));
        self.assumed.retain(|a| !other.assumed.contains(a));
        self.summary = diff::summary(
            &self.changes,
            &self.tasks,
            &self.held,
            &self.assumed,
            &self.notices,
        );
        self
    }

    /// What of this plan another one has too: what was reviewed, and nothing besides.
    #[must_use]
    pub fn only(&self, reviewed: &Self) -> Self {
        let mut plan = self.clone();
        plan.changes
            .retain(|c| reviewed.changes.iter().any(|r| r.id == c.id));
        plan.tasks.retain(|t| {
            let same = |r: &TaskChange| {
                (&r.task.id, r.task.revision, r.step) == (&t.task.id, t.task.revision, t.step)
            };
            reviewed.tasks.iter().any(same)
        });
        plan.notices
            .retain(|n| reviewed.notices.iter().any(|r| r.id == n.id));
        plan
    }

    /// What of this plan is among these.
    #[must_use]
    pub fn within(
        &self,
        changes: &BTreeSet<ChangeId>,
        tasks: &BTreeSet<TaskId>,
        notices: &BTreeSet<NoticeKey>,
    ) -> Self {
        let mut plan = self.clone();
        plan.changes.retain(|c| changes.contains(&c.id));
        plan.tasks.retain(|t| tasks.contains(&t.task.id));
        plan.notices.retain(|n| notices.contains(&n.key));
        plan
    }

    /// Whether a guard stops it before its first write.
    pub fn is_beyond_a_guard(&self) -> bool {
        self.guards.iter().any(|g| g.verdict == Verdict::Beyond)
    }
}
