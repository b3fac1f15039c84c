//! What the loop knows of itself → a file that `countersign status` and monitoring read.
//!
//! Invariant: no name of a person is in it. It is replaced as a whole, so nobody reads half of one.

use super::breaker::Shown;
use crate::failpoint::fail_point;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// The version of the form.
pub const FORMAT_VERSION: u32 = 1;

/// Where the loop stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Status {
    /// The version of this form.
    pub format_version: u32,
    /// When this was written.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub at: Timestamp,
    /// The process of the loop.
    pub process: u32,
    /// When it was started.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub started: Timestamp,
    /// Passes since then.
    pub passes: u64,
    /// The commit that was seen last on the branch.
    pub seen: Option<String>,
    /// The commit that was acted on last.
    pub applied: Option<String>,
    /// What is true of the loop, always the same four in this order.
    pub conditions: Vec<Condition>,
    /// Where the circuits of connectors stand, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub connectors: Vec<Shown>,
    /// The last pass that got as far as a plan.
    pub last: Option<Pass>,
    /// When it looks again.
    pub next: Option<Next>,
}

/// Something that is true of the loop or not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Condition {
    /// What.
    pub kind: ConditionKind,
    /// Whether it is true.
    pub is_true: bool,
    /// Why, in one word for programs.
    pub reason: String,
    /// Why, in a sentence for people.
    pub message: String,
    /// Since when it is as it is.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub since: Timestamp,
}

/// What a condition is about.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub enum ConditionKind {
    /// The newest revision is in force and nothing is left to do here.
    Ready,
    /// There is something that a later pass will go on with.
    Reconciling,
    /// Something waits for a person.
    Held,
    /// The loop does not get on: the world failed, or the newest revision has mistakes.
    Stalled,
}

impl ConditionKind {
    /// All of them, in the order they are shown in.
    pub const ALL: [Self; 4] = [Self::Ready, Self::Reconciling, Self::Held, Self::Stalled];

    /// The word people read.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "Ready",
            Self::Reconciling => "Reconciling",
            Self::Held => "Held",
            Self::Stalled => "Stalled",
        }
    }
}

/// What became of a pass.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Pass {
    /// Why it was made.
    pub wake: String,
    /// When it began.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub began: Timestamp,
    /// How long it took, in milliseconds.
    pub milliseconds: u64,
    /// The run in the ledger; none where there was nothing to do.
    pub run: Option<String>,
    /// Changes written.
    pub applied: usize,
    /// Changes that were so already.
    pub already_so: usize,
    /// Changes that the directory no longer agreed with.
    pub conflict: usize,
    /// Changes that failed.
    pub failed: usize,
    /// What is held.
    pub held: usize,
    /// Mails the server took.
    pub mailed: usize,
    /// Mails that did not go out.
    pub unmailed: usize,
    /// Connectors that could not be read.
    #[serde(default)]
    pub unread: usize,
    /// What of the directory was read: `whole`, or `changes` since the time before; none where none was.
    #[serde(default)]
    pub read: Option<String>,
}

/// When the loop looks again, and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Next {
    /// When.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub at: Timestamp,
    /// Why.
    pub wake: String,
}

/// What a condition was found to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Whether it is true.
    pub is_true: bool,
    /// Why, in one word.
    pub reason: &'static str,
    /// Why, in a sentence.
    pub message: String,
}

impl Status {
    /// A loop that was just started.
    pub fn started(at: Timestamp) -> Self {
        let condition = |kind| Condition {
            kind,
            is_true: kind == ConditionKind::Reconciling,
            reason: "Starting".into(),
            message: "no pass was made yet".into(),
            since: at,
        };
        Self {
            format_version: FORMAT_VERSION,
            at,
            process: std::process::id(),
            started: at,
            passes: 0,
            seen: None,
            applied: None,
            conditions: ConditionKind::ALL.map(condition).to_vec(),
            connectors: Vec::new(),
            last: None,
            next: None,
        }
    }

    /// What is known of a condition.
    pub fn condition(&self, kind: ConditionKind) -> Option<&Condition> {
        self.conditions.iter().find(|c| c.kind == kind)
    }

    /// Whether a condition is true.
    pub fn is(&self, kind: ConditionKind) -> bool {
        self.condition(kind).is_some_and(|c| c.is_true)
    }

    /// Notes what a condition was found to be; `since` moves only where it turned.
    pub fn note(&mut self, kind: ConditionKind, finding: Finding, now: Timestamp) {
        let Some(condition) = self.conditions.iter_mut().find(|c| c.kind == kind) else {
            return;
        };
        if condition.is_true != finding.is_true || condition.reason == "Starting" {
            condition.since = now;
        }
        condition.is_true = finding.is_true;
        condition.reason = finding.reason.to_owned();
        condition.message = finding.message;
    }

    /// Where it is kept, beside a ledger.
    pub fn file(ledger: &Path) -> PathBuf {
        let mut name = ledger.as_os_str().to_owned();
        name.push(".status.json");
        PathBuf::from(name)
    }

    /// Writes it, as a whole.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let folder = path.parent().unwrap_or(Path::new("."));
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        let mut text = serde_json::to_vec_pretty(self)?;
        text.push(b'\n');
        file.write_all(&text)?;
        fail_point!("status", return Err(crate::failpoint::broken()));
        file.persist(path).map(drop).map_err(|error| error.error)
    }

    /// Reads it; none where no loop ever wrote one.
    ///
    /// # Errors
    /// When it cannot be read, or another version wrote it.
    pub fn read(path: &Path) -> io::Result<Option<Self>> {
        match std::fs::read(path) {
            Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::SignedDuration;

    #[test]
    fn a_condition_says_since_when_it_is_as_it_is() {
        let at = |seconds| Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds);
        let mut status = Status::started(at(0));
        let stalled = |reason| Finding {
            is_true: true,
            reason,
            message: String::new(),
        };
        let since = |status: &Status| status.condition(ConditionKind::Stalled).unwrap().since;
        status.note(ConditionKind::Stalled, stalled("FetchFailed"), at(1));
        status.note(ConditionKind::Stalled, stalled("DirectoryFailed"), at(2));
        assert_eq!(since(&status), at(1));
        assert!(status.is(ConditionKind::Stalled));
        let gone = Finding {
            is_true: false,
            ..stalled("Fine")
        };
        status.note(ConditionKind::Stalled, gone, at(3));
        assert_eq!(since(&status), at(3));
    }

    #[test]
    fn what_was_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = Status::file(&folder.path().join("ledger.jsonl"));
        assert_eq!(Status::read(&path).unwrap(), None);
        let status = Status::started(Timestamp::UNIX_EPOCH);
        status.write(&path).unwrap();
        assert_eq!(Status::read(&path).unwrap(), Some(status));
        std::fs::write(&path, "{").unwrap();
        assert!(Status::read(&path).is_err());
    }
}
