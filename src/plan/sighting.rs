//! Sightings: what an export of a manual system, or the directory, shows of work that was asked for or
//! said to be done.

use super::{Finding, Plan, TaskId};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What an export or the directory shows of a task.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Sighting {
    /// The task.
    pub task: TaskId,
    /// Whether it is done.
    pub shows: Shows,
    /// The export's key in the operator's file; none: the directory shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub export: Option<String>,
    /// When the export was written, or the directory read.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub written: Timestamp,
    /// What it shows, in one line, for whoever did the work.
    pub words: String,
}

/// Whether work is done, as an export or the directory shows it.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Shows {
    /// Open work is done.
    Done,
    /// Work that somebody said was done is not: it is asked for again.
    Undone,
}

impl Plan {
    /// The same with what exports show, and what is to be said of it.
    #[must_use]
    pub fn seeing(mut self, seen: &[Sighting], findings: &[Finding]) -> Self {
        self.seen.extend_from_slice(seen);
        self.seen.sort();
        self.findings.extend_from_slice(findings);
        self.findings.sort();
        self.findings.dedup();
        self
    }
}
