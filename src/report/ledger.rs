//! What a ledger holds, in words and for programs.

use crate::ledger::verify::Verified;
use crate::ledger::{History, Run, TaskStatus};
use crate::plan::Bootstrap;
use serde_json::json;
use std::fmt::Write as _;

/// Runs that are shown to people.
const SHOWN: usize = 10;

/// How many tasks are open, done and cancelled.
fn tasks(history: &History) -> (usize, usize, usize) {
    let mut count = (0, 0, 0);
    for record in history.tasks().values() {
        match record.status {
            TaskStatus::Open => count.0 += 1,
            TaskStatus::Done { .. } => count.1 += 1,
            TaskStatus::Cancelled { .. } => count.2 += 1,
        }
    }
    count
}

/// For people: who has it, what is in hand, and the latest runs.
pub fn human(history: &History) -> String {
    let mut text = String::new();
    let head = match history.head() {
        "" => "nothing was recorded yet",
        head => head,
    };
    let _ = writeln!(text, "head: {head}");
    let _ = match history.lease() {
        Some(lease) => writeln!(text, "lease: {lease} since {:.0}", lease.since),
        None => writeln!(text, "lease: nobody's"),
    };
    let (open, done, cancelled) = tasks(history);
    let _ = writeln!(
        text,
        "tasks: {open} open, {done} done, {cancelled} cancelled"
    );
    let orders = history.orders();
    for (resource, pause) in orders.paused() {
        let what = resource.as_ref().map_or("everything", |r| r.as_str());
        let _ = writeln!(
            text,
            "paused: {what} since {:.0} by {}: {}",
            pause.at,
            pause.by.escape_debug(),
            pause.reason.escape_debug()
        );
    }
    if let Some(at) = orders.rebuilt() {
        let _ = writeln!(text, "begun anew after a loss: {at:.0}");
    }
    let runs = history.runs();
    let _ = writeln!(text, "runs: {}", runs.len());
    for run in runs.iter().rev().take(SHOWN) {
        let _ = writeln!(text, "  {}", line(run));
    }
    text
}

fn line(run: &Run) -> String {
    let ended = match &run.summary {
        Some(s) => format!(
            "{} applied, {} already so, {} in conflict, {} failed, {} held, {} mailed",
            s.applied, s.already_so, s.conflict, s.failed, s.held, s.mailed
        ),
        None => "not ended".into(),
    };
    let revision = run.revision.as_deref().unwrap_or("a working folder");
    let revision = revision.get(..12).unwrap_or(revision);
    format!("{}  {revision}  {ended}", run.id)
}

/// For programs.
pub fn json(history: &History) -> String {
    let (open, done, cancelled) = tasks(history);
    let orders = history.orders();
    let runs = history.runs().iter().rev().map(|run| {
        json!({ "run": run.id, "started": run.started, "revision": run.revision,
                "instant": run.instant, "plan": run.plan, "summary": run.summary })
    });
    let paused = orders.paused().iter().map(|(resource, pause)| {
        json!({ "resource": resource, "by": pause.by, "since": pause.at, "reason": pause.reason })
    });
    let whole = json!({
        "head": history.head(),
        "lease": history.lease(),
        "tasks": { "open": open, "done": done, "cancelled": cancelled },
        "paused": paused.collect::<Vec<_>>(),
        "rebuilt": orders.rebuilt(),
        "findings": history.findings(),
        "runs": runs.collect::<Vec<_>>(),
    });
    serde_json::to_string_pretty(&whole).unwrap_or_default()
}

/// What was verified, and what is wrong.
pub fn verified(verified: &Verified) -> String {
    let mut text = String::new();
    for fault in &verified.faults {
        let _ = writeln!(text, "wrong: {fault}");
    }
    let _ = write!(text, "{} records", verified.lines);
    if let Some(commits) = verified.commits {
        let _ = write!(text, ", {commits} commits");
    }
    let _ = match verified.faults.len() {
        0 => writeln!(text, ": all as it was written"),
        count => writeln!(text, ": {count} wrong"),
    };
    text
}

/// What was lost, and what is taken instead.
pub fn rebuilt(present: &Bootstrap) -> String {
    let mut text = String::from(
        "The ledger was lost and is begun anew. Nothing was written to the directory, nobody was mailed.\n\n\
         Lost, and not to be had from anywhere:\n\
         - which manual work was asked for and not done yet: all that is wanted now is taken as done\n\
         - which identities users selected: everybody is their default one\n\
         - which account is whose: each is adopted anew, by its declared objectGUID or the anchor\n\
         - which memberships came from here: those that are no longer wanted are held\n\
         - names that were used once and are not in use now\n\
         - runs, outcomes, mails, allowances and pauses\n\n",
    );
    let _ = writeln!(text, "Taken as held: {}", present.manual.len());
    for (user, entitlement) in present.manual.keys() {
        let _ = writeln!(text, "- {user}: {entitlement}");
    }
    let _ = writeln!(text, "Taken as told: {} notices", present.notices.len());
    text
}
