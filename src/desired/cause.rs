//! Causes: the manifest line behind a change, in words.

use crate::manifest::Line;
use crate::request::Origin;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// One reason for an entitlement or a change. A line of a profile is one for everybody who has it, so it is
/// shared.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cause(Arc<Why>);

/// That of what is shared: a derived one would define it a second time, by the same name.
impl JsonSchema for Cause {
    fn inline_schema() -> bool {
        Why::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        Why::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        Why::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Why::json_schema(generator)
    }
}

/// One reason for an entitlement or a change: what grants it, and where that is written.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Cause")]
pub struct Why {
    /// What grants it, in words: `profile its.gis-analyst`, `request 2026-…`.
    pub text: Arc<str>,
    /// The file, relative to the repository's root.
    pub file: Arc<str>,
    /// The line, 1-based.
    pub line: u32,
}

impl Deref for Cause {
    type Target = Why;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl Cause {
    /// That a line of a file says so.
    pub fn new(text: impl Into<Arc<str>>, file: impl Into<Arc<str>>, line: u32) -> Self {
        Self(Arc::new(Why {
            text: text.into(),
            file: file.into(),
            line,
        }))
    }

    /// That a manifest says so.
    pub fn of(origin: &Origin) -> Self {
        Self::in_line(origin, Line(origin.at.line))
    }

    /// That a line of a manifest says so; where that is not known, the one of its name.
    pub fn in_line(origin: &Origin, line: Line) -> Self {
        let file = origin.at.file.clone();
        Self::new(origin.text.clone(), file, origin.line(line))
    }
}

/// Causes in their order, each once: there are two or three of them, for every entitlement of everybody.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Causes(Vec<Cause>);

impl Causes {
    /// The causes, sorted.
    pub fn iter(&self) -> std::slice::Iter<'_, Cause> {
        self.0.iter()
    }

    /// Adds causes. Mostly they are the first, and stay in the list that they came in.
    pub fn add(&mut self, mut causes: Vec<Cause>) {
        match self.0.is_empty() {
            true => self.0 = causes,
            false => {
                self.0.reserve_exact(causes.len());
                self.0.append(&mut causes);
            }
        }
        self.0.sort();
        self.0.dedup();
    }

    /// The causes, sorted.
    pub fn into_vec(self) -> Vec<Cause> {
        self.0
    }
}

impl IntoIterator for Causes {
    type Item = Cause;
    type IntoIter = std::vec::IntoIter<Cause>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}:{}", self.text, self.file, self.line)
    }
}
