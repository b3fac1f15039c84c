//! Tasks, in words and for programs.

use crate::ledger::TaskRecord;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// For people: a line a task, in the order of their ids.
pub fn human(tasks: &[&TaskRecord]) -> String {
    if tasks.is_empty() {
        return "no task is open\n".into();
    }
    let mut text = String::new();
    for record in tasks {
        let task = &record.task;
        let maintainers: Vec<&str> = task.maintainers.iter().map(|m| m.mail.as_str()).collect();
        let _ = writeln!(
            text,
            "{}  {:9}  {} {} ({}) for {} ({})  asked of {} on {}",
            task.id,
            record.status.as_str(),
            task.action.as_str(),
            task.resource_display,
            task.entitlement_label,
            task.user_display,
            task.user,
            maintainers.join(", "),
            record.opened.strftime("%Y-%m-%d"),
        );
    }
    text
}

/// For programs: every task with its content and status.
pub fn json(tasks: &[&TaskRecord]) -> String {
    let tasks: Vec<Value> = tasks
        .iter()
        .map(|r| json!({ "task": r.task, "status": r.status.as_str(), "opened": r.opened }))
        .collect();
    serde_json::to_string_pretty(&tasks).unwrap_or_default()
}
