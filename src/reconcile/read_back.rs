//! Exports of manual systems, the record and what should be → what they show of tasks. Pure.
//!
//! An export that is newer than a task and agrees with it closes it; one that still shows otherwise some
//! working days after somebody said done opens it again. An export that cannot be trusted does neither:
//! it could not be read, no row of it is anybody's, or more than half of those who should be in it
//! vanished at once.
//!
//! What is judged: `grant` and `revoke` of levels and roles. Without a column of levels a row says that
//! a user is there, which is told of users who have one thing of the resource only. Identities, scopes
//! and values of fields are not in an export.

use crate::connector::read_back::{Exported, UserKey, folded};
use crate::desired::{Calendar, Desired, EntitlementKey, Grant, Person, ResourceTerms};
use crate::diagnostic::Code;
use crate::ledger::{History, Seen, TaskRecord, TaskStatus};
use crate::manifest::resource::{Connector, ReadBack};
use crate::name::{ResourceName, UserName};
use crate::plan::recorded::of_user;
use crate::plan::sighting::{Shows, Sighting};
use crate::plan::{Finding, Task, TaskAction};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// The exports that resources name, as they were read; or why that failed.
pub type Exports = BTreeMap<ResourceName, Result<Exported, String>>;

/// What exports show, sorted, and what people should know of them.
pub fn judge(
    history: &History,
    desired: &Desired,
    exports: &Exports,
) -> (Vec<Sighting>, Vec<Finding>) {
    let mut seen = Vec::new();
    let mut findings = Vec::new();
    let latest = latest(history);
    for (resource, terms) in &desired.resources {
        let Some(said) = terms.read_back.as_ref() else {
            continue;
        };
        let (Connector::Manual, Some(exported)) = (terms.connector, exports.get(resource)) else {
            continue;
        };
        let rows = exported
            .as_ref()
            .map_err(Clone::clone)
            .and_then(|exported| Rows::of(exported, history, desired, resource));
        let rows = match rows {
            Ok(rows) => rows,
            Err(reason) => {
                findings.push(finding(
                    Code::ExportUnreadable,
                    format!(
                        "the work on {resource} is not checked against `{}`: {reason}",
                        said.export
                    ),
                ));
                continue;
            }
        };
        let judge = Judge {
            history,
            calendar: &desired.rules.following.calendar,
            terms,
            said,
            rows,
        };
        let tasks = latest.iter().filter(|r| r.task.resource == *resource);
        for sighting in tasks.filter_map(|record| judge.task(record)) {
            let code = match sighting.shows {
                Shows::Done => Code::ExportAgrees,
                Shows::Undone => Code::ExportContradicts,
            };
            findings.push(finding(
                code,
                format!("task {}: {}", sighting.task, sighting.words),
            ));
            seen.push(sighting);
        }
    }
    seen.sort();
    (seen, findings)
}

fn finding(code: Code, message: String) -> Finding {
    Finding {
        code: code.as_str().to_owned(),
        message,
    }
}

/// The latest task of each thing: what an earlier one left is not to be judged any more.
fn latest(history: &History) -> Vec<&TaskRecord> {
    let mut latest: BTreeMap<(&UserName, &EntitlementKey), &TaskRecord> = BTreeMap::new();
    for record in history.tasks().values() {
        let about = (&record.task.user, &record.task.entitlement);
        let known = latest.entry(about).or_insert(record);
        if known.task.generation < record.task.generation {
            *known = record;
        }
    }
    latest.into_values().collect()
}

/// Whom an export has, and at which levels.
struct Rows<'a> {
    exported: &'a Exported,
    users: BTreeMap<UserName, &'a BTreeSet<String>>,
}

impl<'a> Rows<'a> {
    /// Finds out whose the rows are.
    fn of(
        exported: &'a Exported,
        history: &History,
        desired: &Desired,
        resource: &ResourceName,
    ) -> Result<Self, String> {
        let keys = keys(exported.of, desired);
        let users: BTreeMap<UserName, &BTreeSet<String>> = exported
            .rows
            .iter()
            .filter_map(|(key, levels)| Some(((*keys.get(key)?).clone(), levels)))
            .collect();
        if users.is_empty() {
            return Err("no row of it is anybody's here".to_owned());
        }
        let recorded = history.recorded();
        let expected: BTreeSet<&UserName> = recorded
            .manual
            .iter()
            .filter(|((_, key), _)| key.resource == *resource)
            .filter(|(_, state)| {
                let mut going = state.open.iter().map(|task| task.action);
                state.held.is_some() && !going.any(|action| action == TaskAction::Revoke)
            })
            .map(|((user, _), _)| user)
            .collect();
        let vanished = expected.iter().filter(|user| !users.contains_key(**user));
        let vanished = vanished.count();
        // One who is missing is what an export is there to show.
        if vanished > 1 && vanished * 2 > expected.len() {
            return Err(format!(
                "it has no row of {vanished} of the {} users who should be in it",
                expected.len()
            ));
        }
        Ok(Self { exported, users })
    }
}

/// Users by what an export tells them by; what two of them share tells nobody.
fn keys(of: UserKey, desired: &Desired) -> BTreeMap<String, &UserName> {
    let mut keys: BTreeMap<String, Option<&UserName>> = BTreeMap::new();
    for (name, person) in &desired.people {
        for key in keys_of(of, person) {
            let known = keys.entry(folded(&key)).or_insert(Some(name));
            if *known != Some(name) {
                *known = None;
            }
        }
    }
    let told = keys
        .into_iter()
        .filter_map(|(key, name)| Some((key, name?)));
    told.collect()
}

fn keys_of(of: UserKey, person: &Person) -> Vec<String> {
    let one = |text: Option<&str>| text.map(str::to_owned).into_iter().collect();
    match of {
        UserKey::EmployeeNumber => one(person.employee_number.as_deref()),
        UserKey::Login => {
            let account = person.account.as_ref().filter(|a| !a.provisional);
            one(account.map(|a| &*a.login))
        }
        UserKey::Mail => one(person.mail.as_deref()),
        UserKey::Name => vec![person.display_name.clone(), person.name.to_string()],
    }
}

struct Judge<'a> {
    history: &'a History,
    calendar: &'a Calendar,
    terms: &'a ResourceTerms,
    said: &'a ReadBack,
    rows: Rows<'a>,
}

impl Judge<'_> {
    fn task(&self, record: &TaskRecord) -> Option<Sighting> {
        let task = &record.task;
        let written = self.rows.exported.written;
        let date = self.calendar.date(written);
        let there = self.is_there(task)?;
        let agrees = match task.action {
            TaskAction::Grant => there,
            TaskAction::Revoke => !there,
            TaskAction::Update | TaskAction::Disable | TaskAction::Enable => return None,
        };
        let row = match there {
            true => "has a row",
            false => "has no row",
        };
        let what = format!(
            "{} of {}",
            self.terms.label(&task.entitlement.grant),
            task.user
        );
        let export = &self.said.export;
        let (shows, words) = match &record.status {
            TaskStatus::Open if agrees && written > record.opened => (
                Shows::Done,
                format!("done: the export `{export}` of {date} {row} for {what}"),
            ),
            TaskStatus::Done {
                at,
                seen: Seen::Confirmed,
                ..
            } if !agrees && self.is_contradicted(task, *at) => {
                let said = self.calendar.date(*at);
                let words = format!(
                    "said to be done on {said}, but the export `{export}` of {date} still {row} for {what}"
                );
                (Shows::Undone, words)
            }
            TaskStatus::Open | TaskStatus::Done { .. } | TaskStatus::Cancelled { .. } => {
                return None;
            }
        };
        Some(Sighting {
            task: task.id.clone(),
            shows,
            export: Some(export.clone()),
            written,
            words,
        })
    }

    /// Whether the export was written late enough to speak against a word that was given, and nothing
    /// was made of it yet.
    fn is_contradicted(&self, task: &Task, said: Timestamp) -> bool {
        let grace = self.calendar.after(said, self.said.grace);
        let about = (task.user.clone(), task.entitlement.clone());
        let state = self.history.recorded().manual.get(&about);
        let asked_again = state.is_some_and(|s| s.contradicted.is_some() || s.open.is_some());
        self.rows.exported.written > grace && !asked_again
    }

    /// Whether the export has what a task is about; none where it cannot tell.
    fn is_there(&self, task: &Task) -> Option<bool> {
        if task.entitlement.identity.is_some() {
            return None;
        }
        let levels = self.rows.users.get(&task.user);
        if !self.rows.exported.tells_levels {
            let manual = &self.history.recorded().manual;
            let others = of_user(manual, &task.user)
                .filter(|(key, _)| key.resource == task.resource && **key != task.entitlement);
            return (others.count() == 0).then_some(levels.is_some());
        }
        let mut names = vec![self.terms.label(&task.entitlement.grant)];
        match &task.entitlement.grant {
            Grant::Level(level) => {
                names.push(level.to_string());
                if let Some(said) = self.said.levels.get(level) {
                    names = vec![said.clone()];
                }
            }
            Grant::Role(role) => names.push(role.to_string()),
            Grant::Scope(..) => return None,
        }
        let has = |name: &String| levels.is_some_and(|levels| levels.contains(&folded(name)));
        Some(names.iter().any(has))
    }
}
