//! How a pass came out → conditions, metrics and one line of the log: what is shown of the loop, without names
//! of people.

use super::Loop;
use crate::cli::{Exit, Failed};
use crate::service::status::{ConditionKind, Finding, Pass, Status};
use jiff::Timestamp;
use std::path::PathBuf;

/// How a pass came out, before it is told.
pub(super) struct Told {
    pub pass: Pass,
    pub held: Vec<String>,
    /// Why the directory could not be read.
    pub unread: Option<String>,
}

impl Told {
    /// A pass that did nothing, because somebody paused everything.
    pub(super) fn paused(by: &str, reason: &str) -> Self {
        Self {
            pass: Pass {
                wake: String::new(),
                began: Timestamp::UNIX_EPOCH,
                milliseconds: 0,
                run: None,
                applied: 0,
                already_so: 0,
                conflict: 0,
                failed: 0,
                held: 1,
                mailed: 0,
                unmailed: 0,
                unread: 0,
                read: None,
            },
            held: vec![format!("paused by {by}: {reason}")],
            unread: None,
        }
    }
}

impl Loop {
    pub(super) fn succeeded(&mut self, told: Told, now: Timestamp) -> Exit {
        let Told { pass, held, unread } = told;
        let left = pass.failed + pass.conflict + pass.unmailed;
        let behind = self.status.seen != self.status.applied;
        let is_invalid = held.iter().any(|h| h == "stalled");
        let is_blind = unread.is_some();
        let stalled = match (&self.fetch_failure, unread, is_invalid) {
            (Some(failure), _, _) => Some(("FetchFailed", failure.clone())),
            (None, Some(failure), _) => Some((
                "DirectoryFailed",
                format!("the directory could not be read, what rests on it waits: {failure}"),
            )),
            (None, None, true) => Some((
                "InvalidRevision",
                "the newest approved revision has mistakes; the last valid one is in force".into(),
            )),
            (None, None, false) => None,
        };
        let quiet = self.failures.is_empty() && left == 0;
        let reconciling = match quiet {
            true => finding(false, "Done", "nothing is left to do here".into()),
            false => finding(
                true,
                "Retrying",
                format!(
                    "{} changes and {} mails are tried again",
                    self.failures.len(),
                    pass.unmailed
                ),
            ),
        };
        let waits = match held.is_empty() {
            true => finding(false, "Nothing", "nothing is held".into()),
            false => finding(
                true,
                "Waiting",
                format!("{} held: {}", pass.held, held.join(", ")),
            ),
        };
        let ready = match (quiet, behind, &stalled) {
            (true, false, None) => {
                finding(true, "InForce", "the newest revision is in force".into())
            }
            (_, true, _) => finding(
                false,
                "Behind",
                "the newest revision on the branch is not in force".into(),
            ),
            (_, _, Some(_)) => finding(false, "Stalled", "see Stalled".into()),
            (false, _, None) => finding(false, "Retrying", "see Reconciling".into()),
        };
        self.note(ConditionKind::Ready, ready, now);
        self.note(ConditionKind::Reconciling, reconciling, now);
        self.note(ConditionKind::Held, waits, now);
        let fine = || finding(false, "Fine", "the last pass was made to its end".into());
        let stalled = stalled.map_or_else(fine, |(reason, message)| finding(true, reason, message));
        let is_stalled = stalled.is_true;
        self.note(ConditionKind::Stalled, stalled, now);
        self.shown.metrics.pass(&pass);
        tracing::info!(
            run = pass.run.as_deref(),
            applied = pass.applied,
            already_so = pass.already_so,
            conflict = pass.conflict,
            failed = pass.failed,
            held = pass.held,
            mailed = pass.mailed,
            milliseconds = pass.milliseconds,
            "the pass is over"
        );
        let exit = match left == 0 && pass.held == 0 && !is_stalled {
            // Nothing was concluded.
            false if is_blind && pass.run.is_none() => Exit::World,
            false => Exit::Findings,
            true => Exit::Done,
        };
        self.status.last = Some(pass);
        exit
    }

    pub(super) fn failed(&mut self, failed: &Failed, now: Timestamp) -> Exit {
        let reason = match failed.exit {
            Exit::World => "WorldFailed",
            Exit::Usage => "Settings",
            Exit::Findings | Exit::Pending | Exit::Done => "InvalidRevision",
        };
        let message = failed.words();
        tracing::error!(reason, "{message}");
        let not_ready = finding(false, "Stalled", "see Stalled".into());
        self.note(ConditionKind::Ready, not_ready, now);
        let again = self.outage.next();
        let again = again.map_or_else(String::new, |at| format!(" at {at:.0}"));
        let retry = finding(true, "Retrying", format!("the pass is made anew{again}"));
        self.note(ConditionKind::Reconciling, retry, now);
        self.note(ConditionKind::Stalled, finding(true, reason, message), now);
        self.shown.metrics.failure();
        failed.exit
    }

    fn note(&mut self, kind: ConditionKind, finding: Finding, now: Timestamp) {
        self.status.note(kind, finding, now);
    }

    /// Shows where the loop stands, to whoever looks.
    pub(super) fn tell(&mut self) {
        self.status.at = Timestamp::now();
        self.status.connectors = self.breakers.shown(self.status.at);
        self.shown.show(&self.status);
        self.alive();
        let file: PathBuf = Status::file(&self.operator.ledger);
        if let Err(error) = self.status.write(&file) {
            tracing::warn!(reason = %error, "the status is not written");
        }
    }
}

fn finding(is_true: bool, reason: &'static str, message: String) -> Finding {
    Finding {
        is_true,
        reason,
        message,
    }
}
