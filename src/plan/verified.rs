//! What a plan's approval rests on, commit by commit, and what is not approved yet: held, shown, and
//! told to the administrators once.

use super::limits::Outer;
use super::notice::{Notice, NoticeKey, NoticeKind, NoticePart};
use super::recorded::{Recorded, Told};
use super::{ChangeId, Held, Plan, TaskId};
use crate::desired::{Cause, Desired, Recipient};
use crate::manifest::user::UserState;
use crate::name::UserName;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Who approved something, and how that is known.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Approver {
    /// Who.
    pub user: UserName,
    /// How that is known, in words: `signed the merge with SHA256:…`.
    pub how: String,
}

/// What the approval of a plan's commit rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VerifiedLine {
    /// The commit that the operator trusts without evidence.
    pub bootstrap: String,
    /// Where the branch stands; what comes after the plan's commit is held.
    pub head: String,
    /// The commits behind what is done, each with who approved it; the newest last.
    pub evidence: Vec<CommitEvidence>,
}

/// Who approved a commit, and what of the plan it brought about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CommitEvidence {
    /// The commit.
    pub commit: String,
    /// Who approved it; empty: it is the one the operator trusts, or older.
    pub approvers: Vec<Approver>,
    /// The changes it is behind.
    pub changes: Vec<ChangeId>,
    /// The tasks it is behind.
    pub tasks: Vec<TaskId>,
}

/// Who approved the commit that last changed each file since the bootstrap, in the order of the line.
pub type ByFile = BTreeMap<String, (usize, String, Vec<Approver>)>;

/// What is not approved, or cannot be used, and what to tell the administrators.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// The commit that stands in the way.
    pub commit: String,
    /// What is held because of it.
    pub held: Vec<Held>,
    /// One line that says it all.
    pub subject: String,
    /// What the administrators are told.
    pub parts: Vec<NoticePart>,
    /// Where it comes from.
    pub cause: Cause,
}

impl Plan {
    /// The same, resting on a line of approved commits.
    #[must_use]
    pub fn resting_on(mut self, bootstrap: &str, head: &str, files: &ByFile) -> Self {
        let oldest = (0, bootstrap.to_owned(), Vec::new());
        let mut behind: BTreeMap<(usize, &str), CommitEvidence> = BTreeMap::new();
        let mut note = |causes: &[Cause], change: Option<&ChangeId>, task: Option<&TaskId>| {
            for cause in causes {
                let (place, commit, approvers) = files.get(&*cause.file).unwrap_or(&oldest);
                let entry = behind.entry((*place, commit.as_str()));
                let evidence = entry.or_insert_with(|| CommitEvidence {
                    commit: commit.clone(),
                    approvers: approvers.clone(),
                    changes: Vec::new(),
                    tasks: Vec::new(),
                });
                let changes = change.filter(|id| !evidence.changes.contains(id)).cloned();
                evidence.changes.extend(changes);
                let tasks = task.filter(|id| !evidence.tasks.contains(id)).cloned();
                evidence.tasks.extend(tasks);
            }
        };
        for change in &self.changes {
            note(&change.causes, Some(&change.id), None);
        }
        for task in &self.tasks {
            note(&task.task.causes, None, Some(&task.task.id));
        }
        let evidence = behind.into_values().collect();
        self.verified = Some(VerifiedLine {
            bootstrap: bootstrap.to_owned(),
            head: head.to_owned(),
            evidence,
        });
        self
    }

    /// The same with what waits for approval: held, and told to the administrators once.
    #[must_use]
    pub fn holding(
        mut self,
        waiting: &Waiting,
        approvers: &BTreeSet<UserName>,
        desired: &Desired,
        recorded: &Recorded,
        outer: &Outer,
    ) -> Self {
        self.held.extend(waiting.held.iter().cloned());
        self.held.sort();
        self.held.dedup();
        self.summary.held = self.held.len();
        for user in approvers {
            let key = NoticeKey {
                user: user.clone(),
                kind: NoticeKind::Unapproved,
                by: waiting.commit.clone(),
            };
            let person = desired.people.get(user);
            let told = match recorded.notices.get(&key) {
                Some(Told::All) => continue,
                Some(Told::These(addresses)) => addresses.clone(),
                None => BTreeSet::new(),
            };
            let to = person
                .filter(|p| p.state == UserState::Active && p.notifications)
                .and_then(|p| Some((p, p.mail.as_ref()?)))
                .filter(|(_, mail)| outer.may_mail(mail) && !told.contains(&mail.to_lowercase()))
                .map(|(person, mail)| Recipient {
                    mail: mail.clone(),
                    name: Some(person.display_name.clone()),
                });
            let Some(to) = to else {
                continue;
            };
            self.summary.notices += 1;
            self.notices.push(Notice {
                id: key.id(),
                key,
                user_display: to.name.clone().unwrap_or_default(),
                to: vec![to],
                after: Vec::new(),
                subject: waiting.subject.clone(),
                parts: waiting.parts.clone(),
                description: None,
                causes: vec![waiting.cause.clone()],
            });
        }
        self.notices.sort_by(|a, b| a.key.cmp(&b.key));
        self
    }
}
