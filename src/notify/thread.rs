//! Message-IDs and threads: which mail asked for what first, so that an update answers that mail.

use super::Digest;
use crate::plan::TaskId;
use serde::{Deserialize, Serialize};
use sha2::Digest as _;
use std::collections::BTreeMap;
use std::fmt;

/// The Message-ID of a mail, with its angle brackets (RFC 5322 section 3.6.4).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MessageId(pub String);

impl MessageId {
    /// The id of the mail of one intent to one maintainer (SEMANTICS 19): the same at every attempt.
    pub fn of(intent: &str, maintainer: &str, domain: &str) -> Self {
        let mut hash = sha2::Sha256::new();
        for part in [intent, &address_key(maintainer)] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        let hex: String = hash
            .finalize()
            .iter()
            .take(16)
            .map(|b| format!("{b:02x}"))
            .collect();
        Self(format!("<{hex}@{domain}>"))
    }

    /// What stands before the `@`: 32 hex digits for an id of our own.
    pub fn local(&self) -> &str {
        let bare = self.0.trim_start_matches('<').trim_end_matches('>');
        bare.split_once('@').map_or(bare, |(local, _)| local)
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The first mail about each thing, by the address it went to: every maintainer has a thread of their own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Threads {
    /// By task, then by address in lower case.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tasks: BTreeMap<TaskId, BTreeMap<String, MessageId>>,
    /// Of the directory's changes, by address in lower case.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub directory: BTreeMap<String, MessageId>,
}

impl Threads {
    /// Records that a digest went out; what was mailed to that address before keeps its first mail.
    pub fn record(&mut self, digest: &Digest) {
        let address = address_key(&digest.to.mail);
        let id = &digest.message_id;
        for task in &digest.tasks {
            let roots = self.tasks.entry(task.clone()).or_default();
            roots.entry(address.clone()).or_insert_with(|| id.clone());
        }
        if !digest.changes.is_empty() {
            self.directory.entry(address).or_insert_with(|| id.clone());
        }
    }

    /// The first mail about a task to an address.
    pub fn of_task(&self, task: &TaskId, mail: &str) -> Option<&MessageId> {
        self.tasks.get(task)?.get(&address_key(mail))
    }

    /// The first mail about the directory's changes to an address.
    pub fn of_directory(&self, mail: &str) -> Option<&MessageId> {
        self.directory.get(&address_key(mail))
    }
}

/// What two spellings of an address share.
pub(super) fn address_key(mail: &str) -> String {
    mail.trim().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_is_the_same_for_the_same_intent_and_maintainer_only() {
        let id = MessageId::of("run-1", "Dana@City.example", "city.example");
        assert_eq!(
            id,
            MessageId::of("run-1", "dana@city.example", "city.example")
        );
        assert_ne!(
            id,
            MessageId::of("run-2", "dana@city.example", "city.example")
        );
        assert_ne!(
            id,
            MessageId::of("run-1", "kim@city.example", "city.example")
        );
        assert_eq!(id.local().len(), 32);
        assert!(id.0.starts_with('<') && id.0.ends_with("@city.example>"));
    }

    #[test]
    fn where_intent_ends_and_maintainer_begins_matters() {
        assert_ne!(
            MessageId::of("run-1a", "b@x", "x"),
            MessageId::of("run-1", "ab@x", "x")
        );
    }
}
