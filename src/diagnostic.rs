//! Diagnostics: an author's mistake, with a code, a place and a way out.
//!
//! A mistake is a value, never an early return: whoever finds one goes on and finds the next.

pub mod code;
pub mod suggest;

pub use code::Code;

use serde::Serialize;
use std::cmp::Ordering;
use std::sync::Arc;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The repository is not valid; nothing is planned from it.
    Error,
    /// It is valid and somebody should look.
    Warning,
}

impl Severity {
    /// The word people read.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// A stretch of one file. Lines and columns are 1-based; columns count Unicode code points.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The file, relative to the repository's root, with `/`.
    pub file: Arc<str>,
    /// The line.
    pub line: u32,
    /// The column.
    pub column: u32,
    /// How many code points on that line it covers; at least 1.
    pub width: u32,
}

impl Place {
    /// The head of a file: for what concerns the whole of it.
    pub fn of_file(file: &Arc<str>) -> Self {
        Self {
            file: file.clone(),
            line: 1,
            column: 1,
            width: 1,
        }
    }
}

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Diagnostic {
    /// Which sort of mistake.
    pub code: Code,
    /// How bad it is.
    pub severity: Severity,
    /// Where.
    pub place: Place,
    /// What is wrong, in one sentence without a full stop.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
    /// Other places that belong to it, each with a word.
    pub related: Vec<(Place, String)>,
}

impl Diagnostic {
    /// A mistake of this sort at this place, as bad as the sort usually is.
    pub fn new(code: Code, place: Place, message: impl Into<String>) -> Self {
        Self {
            severity: code.explanation().severity,
            code,
            place,
            message: message.into(),
            help: None,
            related: Vec::new(),
        }
    }

    /// The same with a way out.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The same with a way out, if there is one.
    #[must_use]
    pub fn maybe_help(mut self, help: Option<String>) -> Self {
        self.help = help.or(self.help);
        self
    }

    /// The same with another place that belongs to it.
    #[must_use]
    pub fn related(mut self, place: Place, word: impl Into<String>) -> Self {
        self.related.push((place, word.into()));
        self
    }

    fn key(&self) -> (&Place, Severity, &'static str, &str) {
        (
            &self.place,
            self.severity,
            self.code.as_str(),
            &self.message,
        )
    }
}

impl PartialOrd for Diagnostic {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Diagnostic {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key()
            .cmp(&other.key())
            .then_with(|| self.help.cmp(&other.help))
            .then_with(|| self.related.cmp(&other.related))
    }
}

/// Sorts by place, drops repetitions, and leaves none without a way on.
pub fn sorted(mut diagnostics: Vec<Diagnostic>) -> Vec<Diagnostic> {
    for diagnostic in diagnostics.iter_mut().filter(|d| d.help.is_none()) {
        diagnostic.help = Some(format!(
            "`countersign explain-code {}` shows one that is right",
            diagnostic.code
        ));
    }
    diagnostics.sort();
    diagnostics.dedup();
    diagnostics
}

/// Whether any of them makes the repository invalid.
pub fn any_error(diagnostics: &[Diagnostic]) -> bool {
    diagnostics.iter().any(|d| d.severity == Severity::Error)
}
