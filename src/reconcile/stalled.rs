//! A newest revision that has mistakes, where nobody's approval is asked → what a plan of the last valid one
//! holds, and what the administrators are told once (SEMANTICS 11).

use super::guarded::untold;
use crate::desired::{Cause, Desired};
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::plan::limits::Outer;
use crate::plan::recorded::Recorded;
use crate::plan::{Held, Notice, NoticeKey, NoticeKind, NoticePart, Plan};

/// Mistakes that are mailed; `plan` shows them all, those too that show only beside the directory.
const MAILED: usize = 10;

/// A revision that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stalled {
    commit: String,
    reason: String,
    mistakes: Vec<String>,
    file: std::sync::Arc<str>,
}

impl Stalled {
    /// That a commit has these mistakes, and another stays in force; in words where it is not for a mistake
    /// that it cannot be used.
    pub fn of(commit: &str, valid: &str, (words, found): (&str, &[Diagnostic])) -> Self {
        let errors = found.iter().filter(|d| d.severity == Severity::Error);
        let errors: Vec<&Diagnostic> = errors.collect();
        let why = match errors.len() {
            0 => words.to_owned(),
            1 => "it has a mistake".to_owned(),
            count => format!("it has {count} mistakes"),
        };
        let reason = format!(
            "{why}; {} stays in force, its future instants too. Run `countersign plan`, which shows all that is wrong, and merge what mends it",
            short(valid)
        );
        let said = |d: &&Diagnostic| format!("{}:{}: {}", d.place.file, d.place.line, d.message);
        Self {
            commit: commit.to_owned(),
            reason,
            mistakes: errors.iter().take(MAILED).map(said).collect(),
            file: errors
                .first()
                .map_or_else(|| "countersign.yaml".into(), |d| d.place.file.clone()),
        }
    }

    /// The plan of the valid revision, which says that the newest one waits.
    pub fn told(
        &self,
        mut plan: Plan,
        desired: &Desired,
        recorded: &Recorded,
        outer: &Outer,
    ) -> Plan {
        plan.held.push(Held {
            code: Code::Stalled.as_str().into(),
            user: None,
            what: format!("revision {}", short(&self.commit)),
            reason: self.reason.clone(),
            causes: Vec::new(),
        });
        plan.held.sort();
        let user = desired.people.keys().next();
        if let Some(user) = user {
            let key = NoticeKey {
                user: user.clone(),
                kind: NoticeKind::Unapproved,
                by: self.commit.clone(),
            };
            let to = untold(&key, desired, recorded, outer).unwrap_or_default();
            let mut lines = vec![self.reason.clone()];
            lines.extend(self.mistakes.iter().cloned());
            plan.notices.push(Notice {
                id: key.id(),
                key,
                user_display: String::new(),
                to,
                after: Vec::new(),
                subject: format!(
                    "the newest revision cannot be used ({})",
                    short(&self.commit)
                ),
                parts: vec![NoticePart {
                    heading: "Stalled".into(),
                    lines,
                }],
                description: None,
                causes: vec![Cause::new(
                    format!("commit {}", short(&self.commit)),
                    self.file.clone(),
                    1,
                )],
            });
            plan.notices.sort_by(|a, b| a.key.cmp(&b.key));
        }
        plan.recount();
        plan
    }
}

fn short(commit: &str) -> &str {
    commit.get(..12).unwrap_or(commit)
}
