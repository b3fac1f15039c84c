//! What became of a run, in words and for programs.

use crate::apply::Done;
use crate::ledger::{Outcome, RunId, RunSummary};
use crate::plan::{Change, ChangeId, Plan, Write};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// What became of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcomes {
    /// The run; none where there was nothing to do.
    pub run: Option<RunId>,
    /// What became of every change that was ours to make, in the order of the plan.
    pub done: Vec<Done>,
    /// What became of every mail.
    pub mails: Vec<Mailed>,
    /// How many of each.
    pub summary: RunSummary,
    /// What else people should know of the run: one line each.
    pub notes: Vec<String>,
}

/// What became of a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mailed {
    /// The address.
    pub to: String,
    /// The subject.
    pub subject: String,
    /// What took it, or why nothing did.
    pub result: Result<String, String>,
}

impl Outcomes {
    /// Whether everything that was tried came about.
    pub fn is_success(&self) -> bool {
        let well = |d: &Done| matches!(d.outcome, Outcome::Applied | Outcome::AlreadySo);
        self.done.iter().all(well) && self.mails.iter().all(|m| m.result.is_ok())
    }
}

/// For people: what went as planned is counted, what did not is told.
pub fn human(plan: &Plan, outcomes: &Outcomes) -> String {
    let changes: BTreeMap<&ChangeId, &Change> = plan.changes.iter().map(|c| (&c.id, c)).collect();
    let mut text = String::new();
    for done in &outcomes.done {
        let well = matches!(done.outcome, Outcome::Applied | Outcome::AlreadySo);
        let Some(change) = changes.get(&done.id).filter(|_| !well) else {
            continue;
        };
        let what = format!("{} {} {}", change.action, change.target, change.what);
        let detail = done.detail.as_deref().unwrap_or("no reason was given");
        let _ = writeln!(
            text,
            "{}: {}: {detail}",
            done.outcome.as_str(),
            what.trim_end()
        );
    }
    for change in plan.changes.iter().filter(|c| is_known_to_nobody(c)) {
        let came_about = |d: &Done| d.id == change.id && d.outcome == Outcome::Applied;
        if outcomes.done.iter().any(came_about) {
            let _ = writeln!(
                text,
                "nobody knows the password of {}: an administrator resets it before the first log-on",
                change.target
            );
        }
    }
    for mail in &outcomes.mails {
        let _ = match &mail.result {
            Ok(_) => writeln!(text, "mailed {}: {}", mail.to, mail.subject),
            Err(why) => writeln!(text, "not mailed {}: {why}", mail.to),
        };
    }
    for note in &outcomes.notes {
        let _ = writeln!(text, "{note}");
    }
    let summary = &outcomes.summary;
    let counts = [
        (summary.applied, "applied"),
        (summary.already_so, "already so"),
        (summary.conflict, "in conflict"),
        (summary.failed, "failed"),
        (summary.held, "held"),
        (summary.mailed, "mailed"),
    ];
    let counts: Vec<String> = counts
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    match counts.is_empty() {
        true => text.push_str("nothing to do\n"),
        false => {
            let _ = writeln!(text, "{}", counts.join(", "));
        }
    }
    text
}

/// Whether a change sets a first password that is handed on to nobody.
fn is_known_to_nobody(change: &Change) -> bool {
    matches!(
        change.write,
        Write::SetPassword {
            hand_over: None,
            ..
        }
    )
}

/// For programs.
pub fn json(plan: &Plan, outcomes: &Outcomes) -> String {
    let changes: Vec<Value> = outcomes
        .done
        .iter()
        .map(|d| json!({ "id": d.id, "outcome": d.outcome, "detail": d.detail }))
        .collect();
    let mails: Vec<Value> = outcomes
        .mails
        .iter()
        .map(|m| {
            json!({ "to": m.to, "subject": m.subject, "sent": m.result.is_ok(),
                    "answer": m.result.as_ref().map_or_else(String::clone, String::clone) })
        })
        .collect();
    let whole = json!({
        "run": outcomes.run,
        "revision": plan.revision,
        "changes": changes,
        "mails": mails,
        "held": plan.held,
        "summary": outcomes.summary,
        "notes": outcomes.notes,
    });
    serde_json::to_string_pretty(&whole).unwrap_or_default()
}
