//! Notices: mails that ask for nothing and say what became of a request, of a start, of a leaving.
//! Each goes to each of its recipients exactly once.

use super::ChangeId;
use crate::desired::{Cause, Desired, Recipient};
use crate::manifest::user::UserState;
use crate::name::UserName;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::fmt;

/// What is told, and to whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Notice {
    /// What it is known by.
    pub id: NoticeId,
    /// What makes it this notice and no other.
    pub key: NoticeKey,
    /// The name people read of the user it is about.
    pub user_display: String,
    /// Who is told still; empty: there is nobody to tell, or everybody was told.
    pub to: Vec<Recipient>,
    /// Changes that must have been applied before; if one was not, it waits for the next run.
    pub after: Vec<ChangeId>,
    /// One line that says it all.
    pub subject: String,
    /// What it says, part by part.
    pub parts: Vec<NoticePart>,
    /// The description the account of somebody who left was to have, where it is one of a leaving.
    pub description: Option<String>,
    /// Why, never empty.
    pub causes: Vec<Cause>,
}

/// A part of a notice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NoticePart {
    /// What its lines are; empty: they stand for themselves.
    pub heading: String,
    /// The lines.
    pub lines: Vec<String>,
}

/// What a notice is known by: `n-` and the first 12 hex digits of a SHA-256.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct NoticeId(pub String);

impl fmt::Display for NoticeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// What makes a notice this notice.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NoticeKey {
    /// The user it is about; of what waits for approval the administrator who is told; of what a guard
    /// holds the first user it would have concerned.
    pub user: UserName,
    /// What sort of notice.
    pub kind: NoticeKind,
    /// What it is about: the name of a request; of a start or leaving that no request brought about
    /// `account`, the instant of the end, or `left`; of what waits for approval the commit; of what a
    /// guard holds what allows it; of what was changed by hand the changes that would undo it.
    pub by: String,
}

/// What sort of notice.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum NoticeKind {
    /// To who asked: the request was merged.
    Acknowledgement,
    /// To the new user and the supervisor: what there is, and how to log on.
    Welcome,
    /// To the supervisor: what was taken of who left, and what is asked of whom.
    Departure,
    /// To an administrator: what waits for approval, or cannot be used.
    Unapproved,
    /// To the administrators: what one run may not do, and waits for their word.
    Guard,
    /// To the administrators: what somebody changed by hand, and waits for their word.
    Drift,
}

impl NoticeKind {
    /// The word people read.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Acknowledgement => "acknowledgement",
            Self::Welcome => "welcome",
            Self::Departure => "departure",
            Self::Unapproved => "unapproved",
            Self::Guard => "guard",
            Self::Drift => "drift",
        }
    }
}

impl NoticeKey {
    /// What the notice is known by.
    pub fn id(&self) -> NoticeId {
        let mut hash = Sha256::new();
        for part in [self.kind.as_str(), self.user.as_str(), &self.by] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        let digest = hash.finalize();
        let hex: String = digest.iter().take(6).map(|b| format!("{b:02x}")).collect();
        NoticeId(format!("n-{hex}"))
    }
}

/// Everything that could be told of this state: what a record that begins with it takes as told.
pub fn all(desired: &Desired) -> BTreeSet<NoticeKey> {
    let requests = desired.requests.iter();
    let mut keys: BTreeSet<NoticeKey> = requests
        .map(|(name, terms)| NoticeKey {
            user: terms.subject.clone(),
            kind: NoticeKind::Acknowledgement,
            by: name.to_string(),
        })
        .collect();
    for person in desired.people.values() {
        keys.extend(started(person));
        keys.extend(departed(person));
    }
    keys
}

/// What the welcome of somebody whom a request let begin is known by.
pub(super) fn started(person: &crate::desired::Person) -> Option<NoticeKey> {
    let started = person.started.as_ref()?;
    Some(NoticeKey {
        user: person.name.clone(),
        kind: NoticeKind::Welcome,
        by: started.request.to_string(),
    })
}

/// What the notice of a leaving is known by.
pub(super) fn departed(person: &crate::desired::Person) -> Option<NoticeKey> {
    let departure = person.departure.as_ref()?;
    let by = match (&departure.request, departure.at) {
        (Some(request), _) => request.to_string(),
        (None, Some(at)) => at.to_string(),
        (None, None) => "left".to_owned(),
    };
    (person.state == UserState::Left).then(|| NoticeKey {
        user: person.name.clone(),
        kind: NoticeKind::Departure,
        by,
    })
}
