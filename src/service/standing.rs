//! Where the loop stands, and what is open → text for people and for programs.

use super::status::Status;
use crate::ledger::{History, TaskStatus};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

/// Where the loop stands, and what is open in the ledger.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Standing<'a> {
    /// What the loop last said of itself.
    #[serde(flatten)]
    pub status: &'a Status,
    /// Open tasks by age.
    pub open_tasks: Ages,
    /// What is paused, and why.
    pub paused: Vec<Paused<'a>>,
    /// Seconds since the loop last said anything.
    pub silent: i64,
}

/// Open tasks by how old they are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Ages {
    /// Opened within a day.
    pub day: usize,
    /// Within a week, but not a day.
    pub week: usize,
    /// Longer ago.
    pub older: usize,
}

/// A pause.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Paused<'a> {
    /// The resource; none: everything.
    pub resource: Option<&'a str>,
    /// Who says so.
    pub by: &'a str,
    /// Why.
    pub reason: &'a str,
}

impl Ages {
    /// Open tasks of a ledger, by age.
    pub fn of(history: &History, now: Timestamp) -> Self {
        let mut ages = Self::default();
        let open = history.tasks().values();
        for task in open.filter(|t| t.status == TaskStatus::Open) {
            match now.duration_since(task.opened).as_hours() {
                ..24 => ages.day += 1,
                24..168 => ages.week += 1,
                _ => ages.older += 1,
            }
        }
        ages
    }
}

impl<'a> Standing<'a> {
    /// What is known now.
    pub fn of(status: &'a Status, history: &'a History, now: Timestamp) -> Self {
        let paused = history.orders().paused().iter();
        let silent: SignedDuration = now.duration_since(status.at);
        Self {
            status,
            open_tasks: Ages::of(history, now),
            paused: paused
                .map(|(resource, pause)| Paused {
                    resource: resource.as_ref().map(|r| r.as_str()),
                    by: &pause.by,
                    reason: &pause.reason,
                })
                .collect(),
            silent: silent.as_secs(),
        }
    }
}

/// A standing for people.
pub fn human(standing: &Standing<'_>) -> String {
    let status = standing.status;
    let mut lines = Vec::new();
    for condition in &status.conditions {
        let sign = if condition.is_true { "yes" } else { "no" };
        lines.push(format!(
            "{:<12} {sign:<4} {} ({}, since {:.0})",
            condition.kind.as_str(),
            condition.message,
            condition.reason,
            condition.since
        ));
    }
    for circuit in &status.connectors {
        let (connector, state) = (&circuit.connector, circuit.state.as_str());
        if let (Some(again), Some(reason)) = (circuit.again, &circuit.reason) {
            lines.push(format!(
                "Connector    {connector} is {state}, {} failures, asked again at {again:.0}: {reason}",
                circuit.failures
            ));
        }
    }
    for paused in &standing.paused {
        let what = paused.resource.unwrap_or("everything");
        lines.push(format!(
            "Paused       {what}, by {}: {}",
            paused.by, paused.reason
        ));
    }
    let commit = |commit: &Option<String>| match commit {
        Some(commit) => commit.get(..12).unwrap_or(commit).to_owned(),
        None => "none".into(),
    };
    lines.push(format!(
        "Revision     {} in force, {} on the branch",
        commit(&status.applied),
        commit(&status.seen)
    ));
    if let Some(last) = &status.last {
        lines.push(format!(
            "Last pass    {:.0} ({}), {} ms: {} applied, {} already so, {} conflicts, {} failed, {} held, {} mails",
            last.began,
            last.wake,
            last.milliseconds,
            last.applied,
            last.already_so,
            last.conflict,
            last.failed,
            last.held,
            last.mailed
        ));
    }
    if let Some(next) = &status.next {
        lines.push(format!("Next pass    {:.0} ({})", next.at, next.wake));
    }
    let Ages { day, week, older } = standing.open_tasks;
    lines.push(format!(
        "Open tasks   {} ({day} of today, {week} of this week, {older} older)",
        day + week + older
    ));
    lines.push(format!(
        "Process      {}, {} passes since {:.0}; last heard of {} s ago",
        status.process, status.passes, status.started, standing.silent
    ));
    lines.join("\n") + "\n"
}

/// A standing for programs.
pub fn json(standing: &Standing<'_>) -> String {
    serde_json::to_string_pretty(standing).unwrap_or_default() + "\n"
}
