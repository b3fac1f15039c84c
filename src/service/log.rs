//! What the loop says while it works: `tracing`, for people or as JSON, on standard error.
//!
//! Invariant: at `info` and above no name of a person is said; ids of changes and tasks are.

use std::io;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::format::FmtSpan;

/// How lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// For people.
    Human,
    /// One JSON object a line.
    Json,
}

/// Begins to say what happens, from a level on. Once a program; a second call changes nothing.
pub fn begin(form: Form, level: LevelFilter) {
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(io::stderr)
        .with_span_events(FmtSpan::NONE);
    // Only a second call fails.
    let _ = match form {
        Form::Human => subscriber.with_target(false).try_init(),
        Form::Json => subscriber.json().try_init(),
    };
}
