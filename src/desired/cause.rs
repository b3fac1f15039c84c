//! Causes: the manifest line behind a change, in words.

use crate::request::Origin;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// One reason for an entitlement or a change: what grants it, and where that is written.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub struct Cause {
    /// What grants it, in words: `profile its.gis-analyst`, `request 2026-…`.
    pub text: Arc<str>,
    /// The file, relative to the repository's root.
    pub file: Arc<str>,
    /// The line, 1-based.
    pub line: u32,
}

impl Cause {
    /// That a manifest says so.
    pub fn of(origin: &Origin) -> Self {
        Self {
            text: origin.text.clone(),
            file: origin.at.file.clone(),
            line: origin.at.line,
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}:{}", self.text, self.file, self.line)
    }
}
