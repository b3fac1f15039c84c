//! A maintainer's work is followed until it is done: mailed, reminded, escalated, seen in an export,
//! opened again; each exactly once, whatever crashes. With a clock that says what the test says.

mod commands;
mod exports;
mod letters;
mod reminders;
mod templates;
mod town;
