//! What a ledger says: one event of one run, at one moment. A record is never changed; what it
//! means for the next plan is the [`History`](super::History)'s.
//!
//! Invariant: no record has a field for a password; what connectors report is without secrets.

use crate::approval::Evidence;
use crate::connector::Guid;
use crate::connector::roster::RowKey;
use crate::desired::{Cause, EntitlementKey, GroupKey};
use crate::dn::Dn;
use crate::name::{ResourceName, UserName};
use crate::plan::recorded::{AgreedAccount, Attempt, Groups};
use crate::plan::task::FieldValues;
use crate::plan::{
    Action, Approver, ChangeId, MemberChange, NoticeKey, Shows, Sighting, Task, TaskId,
};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// One event, and when and in which run it happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Record {
    /// When.
    pub at: Timestamp,
    /// In which run; a command of a person is a run of its own.
    pub run: RunId,
    /// What.
    pub event: Event,
}

/// What a run is known by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(pub String);

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A commit that is approved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ApprovedCommit {
    /// The commit.
    pub commit: String,
    /// Who approved it.
    pub approvers: Vec<Approver>,
    /// The files it changed.
    pub files: BTreeSet<String>,
}

/// What approval rested on before there was a choice.
fn signed_merge() -> String {
    Evidence::SignedMerge.as_str().to_owned()
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum Event {
    /// A run begins to carry out a plan.
    RunStarted {
        /// The commit; none for a working folder.
        revision: Option<String>,
        /// The instant the plan was made for.
        instant: Timestamp,
        /// The plan's digest.
        plan: String,
    },
    /// Commits of the branch are approved: they are not asked about again.
    Verified {
        /// The commit that the operator trusts without evidence.
        bootstrap: String,
        /// What their approval rests on.
        #[serde(default = "signed_merge")]
        evidence: String,
        /// The commits, the oldest first.
        commits: Vec<ApprovedCommit>,
    },
    /// Commits of the branch were seen that are not approved: who approves is asked as of then, too.
    Seen {
        /// The commits, the oldest first.
        commits: Vec<String>,
    },
    /// A change is about to be written; as long as no outcome follows, nobody knows what became of it.
    Begun {
        /// The change.
        change: ChangeId,
        /// What it is about to bring about.
        attempt: Attempt,
    },
    /// It is known what became of a change that was begun: what came about was recorded before this.
    Settled {
        /// The change.
        change: ChangeId,
    },
    /// What became of one change of the plan.
    Outcome {
        /// The change.
        change: ChangeId,
        /// What it does.
        action: Action,
        /// The user it is done for.
        user: Option<UserName>,
        /// The resource it is done to.
        resource: ResourceName,
        /// The object it is done to, as people know it.
        target: String,
        /// What became of it.
        outcome: Outcome,
        /// Why it did not come about, in one line.
        detail: Option<String>,
        /// Why it was to be done.
        causes: Vec<Cause>,
    },
    /// An account is a user's.
    Account {
        /// The user.
        user: UserName,
        /// The account.
        guid: Guid,
        /// Where it stands.
        dn: Dn,
        /// sAMAccountName.
        login: String,
        /// userPrincipalName.
        upn: Option<String>,
        /// Its mail address.
        mail: Option<String>,
        /// How it came to be the user's.
        how: How,
    },
    /// An account got a first password; whoever is to know it was not told yet.
    PasswordSet {
        /// The user.
        user: UserName,
        /// The account.
        account: Guid,
    },
    /// The first password of an account was handed on, encrypted.
    HandedOver {
        /// The user.
        user: UserName,
        /// The account.
        account: Guid,
        /// The encrypted file.
        file: String,
        /// The address it was mailed to as well.
        mailed: Option<String>,
    },
    /// A user's leaving was seen for the first time.
    Departed {
        /// The user.
        user: UserName,
        /// What ended their time here.
        by: String,
        /// The description their account is to have from then on.
        description: Option<String>,
    },
    /// What is taken as told before, because it is older than the record.
    NoticesKnown {
        /// What.
        keys: Vec<NoticeKey>,
    },
    /// A notice was mailed to one of its recipients, or was not.
    Noticed {
        /// Which.
        key: NoticeKey,
        /// The address.
        recipient: String,
        /// The Message-ID, with its angle brackets.
        message: String,
        /// Whether the server took it.
        result: MailResult,
    },
    /// Everybody there was to tell something was told.
    NoticeClosed {
        /// What.
        key: NoticeKey,
    },
    /// A membership was granted from here or taken away.
    Membership {
        /// The user, where the account is one's.
        user: Option<UserName>,
        /// The account.
        account: Guid,
        /// The group.
        #[serde(with = "group_key")]
        group: GroupKey,
        /// It came or went.
        change: MemberChange,
    },
    /// A row of a roster was written.
    Row {
        /// The resource.
        resource: ResourceName,
        /// The row.
        key: RowKey,
        /// What became of it.
        change: RowChange,
    },
    /// A manual entitlement is taken as held without asking anyone (SEMANTICS 9).
    Assumed {
        /// The user.
        user: UserName,
        /// What is taken as held.
        entitlement: EntitlementKey,
        /// The values of its fields.
        fields: FieldValues,
        /// Whether they rest on names that are not settled.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        unsettled: bool,
    },
    /// Maintainers are to be asked for work.
    TaskOpened {
        /// The work.
        task: Box<Task>,
    },
    /// The content of open work changed.
    TaskRevised {
        /// The work as it is from now on.
        task: Box<Task>,
    },
    /// Open work is no longer wanted.
    TaskCancelled {
        /// The work.
        task: Box<Task>,
    },
    /// A mail went out, or did not.
    Mailed {
        /// The address.
        recipient: String,
        /// The Message-ID, with its angle brackets.
        message: String,
        /// The tasks it is about.
        tasks: Vec<TaskId>,
        /// The changes of the directory it asks for.
        changes: Vec<ChangeId>,
        /// Whether the server took it.
        result: MailResult,
    },
    /// A letter was written and is kept: it goes out as these bytes and no others (SEMANTICS 19).
    Frozen {
        /// The letter.
        letter: FrozenLetter,
    },
    /// A letter that was kept is given up: the server will not take it, or it is no longer there.
    /// What it says is written anew.
    Thawed {
        /// The Message-ID, with its angle brackets.
        message: String,
    },
    /// A maintainer was reminded of work that is not done, by a mail that the server took.
    Reminded {
        /// The address.
        recipient: String,
        /// The Message-ID, with its angle brackets.
        message: String,
        /// The tasks, and how many working days after its first mail each reminder was due.
        tasks: BTreeMap<TaskId, u32>,
    },
    /// Whoever answers for a resource was told of work that is not done, or was not.
    Escalated {
        /// The address.
        recipient: String,
        /// The Message-ID, with its angle brackets.
        message: String,
        /// The tasks.
        tasks: Vec<TaskId>,
        /// Whether the server took it.
        result: MailResult,
    },
    /// An administrator was told that mails wait because their recipients had as many as they get
    /// in a day, or was not.
    Capped {
        /// The day, in the time zone of the configuration.
        day: Date,
        /// The administrator's address.
        recipient: String,
        /// The Message-ID, with its angle brackets.
        message: String,
        /// Whether the server took it.
        result: MailResult,
    },
    /// An export of a manual system contradicts work that a maintainer said was done.
    Contradicted {
        /// The work.
        task: TaskId,
        /// The export's key in the operator's file.
        export: String,
        /// When the export was written.
        written: Timestamp,
        /// What it shows, in one line.
        shows: String,
    },
    /// Changes that the directory's maintainers were asked for are no longer wanted: they were made,
    /// or the manifests changed.
    DirectoryAgrees {
        /// The changes.
        changes: Vec<ChangeId>,
    },
    /// Work is done.
    TaskDone {
        /// The work.
        task: TaskId,
        /// Who says so.
        by: String,
        /// What they add.
        note: Option<String>,
        /// What is known of it.
        seen: Seen,
    },
    /// A user is another of their identities from the next log-on on, until the next such record.
    IdentitySelected {
        /// The user.
        user: UserName,
        /// The application.
        resource: ResourceName,
        /// The alias of the identity.
        identity: String,
        /// Who says so.
        by: String,
    },
    /// What a run is about to do, before its first effect: what is recovered if it does not come to
    /// its end (SEMANTICS 20).
    Intended {
        /// The changes.
        changes: Vec<ChangeId>,
        /// The tasks that are opened, revised or cancelled.
        tasks: Vec<TaskId>,
        /// The notices that are told.
        notices: Vec<NoticeKey>,
    },
    /// A guard holds a plan.
    RunHeld {
        /// What allows it.
        digest: String,
        /// What it is about to do: ids of changes, and of tasks with their revision.
        steps: Vec<String>,
    },
    /// A plan that was held may be carried out, once (SEMANTICS 24).
    Allowed {
        /// The digest of the plan.
        digest: String,
        /// Who says so.
        by: String,
        /// When it no longer may.
        until: Timestamp,
    },
    /// A plan is carried out because it was allowed: it is not a second time.
    AllowanceUsed {
        /// The digest of the plan.
        digest: String,
    },
    /// Nothing is done until it is taken back (SEMANTICS 25).
    Paused {
        /// On which resource; none: on none of them.
        resource: Option<ResourceName>,
        /// Who says so.
        by: String,
        /// Why.
        reason: String,
    },
    /// A pause is over.
    Unpaused {
        /// Of which resource; none: the pause of everything.
        resource: Option<ResourceName>,
        /// Who says so.
        by: String,
    },
    /// A command that somebody signed was read from the inbox; what it brought about was recorded
    /// before this (SEMANTICS 21).
    Received {
        /// What it is known by: the SHA-256 of what was signed.
        message: String,
        /// Who signed it, as far as that is known.
        from: Option<UserName>,
        /// What it asks for, in a word.
        command: String,
        /// Why it counts for nothing; none: it was done.
        refused: Option<String>,
    },
    /// Another reconciler had written meanwhile: what was not pushed was added behind its records.
    Rejoined {
        /// How many records.
        added: usize,
        /// How many contradict the other's, and stand in a file beside the ledger only.
        left: usize,
    },
    /// The ledger was lost, and an administrator had it begun anew (SEMANTICS 23).
    Rebuilt {
        /// Who says so.
        by: String,
    },
    /// A run is over.
    RunEnded {
        /// What became of its changes.
        summary: RunSummary,
    },
    /// Parts of accounts are what they should be, and no run has anything to do for them: whatever
    /// differs from now on, while the manifests ask for the same, was changed by hand.
    Agreed {
        /// The groups that only who should be is in; none: the same as before.
        #[serde(default, alias = "rules", skip_serializing_if = "Option::is_none")]
        exact: Option<Groups>,
        /// By user, what of the account is so. Only users of whom the record says something else.
        users: BTreeMap<UserName, AgreedAccount>,
    },
}

impl Event {
    /// What is recorded of what an export or the directory shows.
    pub fn of_sighting(sighting: &Sighting) -> Self {
        let task = sighting.task.clone();
        let by = match &sighting.export {
            Some(export) => format!("the export {export}"),
            None => "the directory".to_owned(),
        };
        match sighting.shows {
            Shows::Done => Self::TaskDone {
                task,
                by,
                note: Some(sighting.words.clone()),
                seen: Seen::Observed,
            },
            Shows::Undone => Self::Contradicted {
                task,
                export: sighting.export.clone().unwrap_or_default(),
                written: sighting.written,
                shows: sighting.words.clone(),
            },
        }
    }
}

/// A letter that is kept until it is known to have gone out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FrozenLetter {
    /// The Message-ID, with its angle brackets.
    pub message: String,
    /// The sender's address.
    pub from: String,
    /// The recipient's address.
    pub recipient: String,
    /// Its subject.
    pub subject: String,
    /// The date it bears.
    pub date: Timestamp,
    /// SHA-256 of its bytes; what its file is called.
    pub sha256: String,
    /// What is known to have been said once it went out.
    pub says: Says,
}

/// What a letter says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum Says {
    /// What a maintainer is asked, told of what was asked, and reminded of.
    Work {
        /// Tasks asked for, revised or withdrawn.
        tasks: Vec<TaskId>,
        /// Changes of the directory.
        changes: Vec<ChangeId>,
        /// Tasks reminded of, and after how many working days.
        reminded: BTreeMap<TaskId, u32>,
    },
    /// What whoever answers for a resource is told.
    Overdue {
        /// The tasks.
        tasks: Vec<TaskId>,
    },
    /// A notice.
    Notice {
        /// Which.
        key: NoticeKey,
    },
    /// That mails wait.
    Capped {
        /// The day.
        day: Date,
    },
}

impl FrozenLetter {
    /// What is recorded of an attempt to send it.
    pub fn attempted(&self, result: MailResult) -> Vec<Event> {
        let recipient = || self.recipient.clone();
        let message = || self.message.clone();
        match self.says.clone() {
            Says::Work {
                tasks,
                changes,
                reminded,
            } => {
                let reminder =
                    (result == MailResult::Sent && !reminded.is_empty()).then(|| Event::Reminded {
                        recipient: recipient(),
                        message: message(),
                        tasks: reminded,
                    });
                let mailed = Event::Mailed {
                    recipient: recipient(),
                    message: message(),
                    tasks,
                    changes,
                    result,
                };
                // The reminder first: once the mail is known to have gone out, the letter is gone.
                reminder.into_iter().chain([mailed]).collect()
            }
            Says::Overdue { tasks } => vec![Event::Escalated {
                recipient: recipient(),
                message: message(),
                tasks,
                result,
            }],
            Says::Notice { key } => vec![Event::Noticed {
                key,
                recipient: recipient(),
                message: message(),
                result,
            }],
            Says::Capped { day } => vec![Event::Capped {
                day,
                recipient: recipient(),
                message: message(),
                result,
            }],
        }
    }
}

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It was written.
    Applied,
    /// It was so already.
    AlreadySo,
    /// The directory no longer agreed with the plan; nothing was written.
    Conflict,
    /// It was tried, and refused.
    Failed,
    /// It was not tried.
    Held,
}

impl Outcome {
    /// Whether what the change is for is so by now.
    pub fn is_so(self) -> bool {
        match self {
            Self::Applied | Self::AlreadySo => true,
            Self::Conflict | Self::Failed | Self::Held => false,
        }
    }

    /// The words people read.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::AlreadySo => "already so",
            Self::Conflict => "conflict",
            Self::Failed => "failed",
            Self::Held => "held",
        }
    }
}

/// How an account came to be a user's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// It was made from here.
    Created,
    /// It was there and is the user's from now on.
    Adopted,
    /// It is the recorded one, seen under these names.
    Seen,
}

/// What became of a row of a roster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RowChange {
    /// It came.
    Add,
    /// Its values changed.
    Update,
    /// It went.
    Remove,
}

/// Whether a mail went out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MailResult {
    /// The server took it.
    Sent,
    /// It did not, for this reason.
    Failed(String),
}

/// What is known of work that is said to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Seen {
    /// A person confirmed it; nobody looked.
    Confirmed,
    /// The system was read and agrees.
    Observed,
}

/// How many changes of a run came to which end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RunSummary {
    /// Written.
    pub applied: usize,
    /// So already.
    pub already_so: usize,
    /// Where the directory no longer agreed.
    pub conflict: usize,
    /// Refused.
    pub failed: usize,
    /// Not tried.
    pub held: usize,
    /// Mails the server took.
    pub mailed: usize,
}

impl RunSummary {
    /// Counts one change.
    pub fn count(&mut self, outcome: Outcome) {
        let counter = match outcome {
            Outcome::Applied => &mut self.applied,
            Outcome::AlreadySo => &mut self.already_so,
            Outcome::Conflict => &mut self.conflict,
            Outcome::Failed => &mut self.failed,
            Outcome::Held => &mut self.held,
        };
        *counter += 1;
    }
}

mod group_key {
    use crate::desired::GroupKey;
    use serde::{Deserialize, Deserializer, Serializer};
    use std::borrow::Cow;

    pub(super) fn serialize<S: Serializer>(key: &GroupKey, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(key.as_str())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<GroupKey, D::Error> {
        Cow::<'de, str>::deserialize(from).map(|name| GroupKey::new(&name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_record_of_before_agreed_on_is_agreed_no_more() {
        let hex = "0123456789abcdef";
        let text =
            format!(r#"{{"agreed":{{"rules":"{hex}","users":{{"kim":"{hex}","lee":""}}}}}}"#);
        let Event::Agreed { exact, users } = serde_json::from_str(&text).unwrap() else {
            panic!("{text}");
        };
        assert_eq!(exact, Some(Groups::default()));
        assert!(
            users
                .values()
                .all(|account| account.groups == Groups::default())
        );
    }

    #[test]
    fn what_is_agreed_on_reads_as_it_was_written() {
        let groups = |names: &[&str]| Groups(names.iter().map(|n| GroupKey::new(n)).collect());
        let kim = AgreedAccount {
            parts: [1, 0xfeed_beef].into(),
            groups: groups(&["app-gis", "its staff"]),
        };
        for exact in [None, Some(groups(&[])), Some(groups(&["app-gis"]))] {
            let users = [("kim", kim.clone()), ("lee", AgreedAccount::default())];
            let users = users.map(|(name, account)| (UserName::new(name).unwrap(), account));
            let event = Event::Agreed {
                exact,
                users: users.into(),
            };
            let text = serde_json::to_string(&event).unwrap();
            assert_eq!(
                serde_json::from_str::<Event>(&text).unwrap(),
                event,
                "{text}"
            );
            assert!(
                text.contains(r#""00000001feedbeef/app-gis/its staff""#),
                "{text}"
            );
        }
    }

    #[test]
    fn a_record_reads_as_it_was_written_and_nothing_unknown_is_taken() {
        let text = r#"{"at":"2027-02-01T13:00:00Z","run":"r-1","event":{"membership":{"user":"kim","account":"1b671a64-40d5-491e-99b0-da01ff1f3341","group":"app-gis","change":"add"}}}"#;
        let record: Record = serde_json::from_str(text).unwrap();
        assert!(
            matches!(&record.event, Event::Membership { group, .. } if group.as_str() == "app-gis")
        );
        assert_eq!(serde_json::to_string(&record).unwrap(), text);
        for (known, unknown) in [
            ("membership", "leadership"),
            ("\"user\"", "\"usr\""),
            ("\"run\"", "\"ran\""),
        ] {
            let other = text.replacen(known, unknown, 1);
            assert!(serde_json::from_str::<Record>(&other).is_err(), "{other}");
        }
    }

    #[test]
    fn every_outcome_is_counted_as_itself() {
        let mut summary = RunSummary::default();
        for (times, outcome) in [
            Outcome::Applied,
            Outcome::AlreadySo,
            Outcome::Conflict,
            Outcome::Failed,
            Outcome::Held,
        ]
        .into_iter()
        .enumerate()
        {
            (0..=times).for_each(|_| summary.count(outcome));
        }
        let expected = RunSummary {
            applied: 1,
            already_so: 2,
            conflict: 3,
            failed: 4,
            held: 5,
            mailed: 0,
        };
        assert_eq!(summary, expected);
    }
}
