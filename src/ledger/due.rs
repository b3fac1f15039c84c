//! Tasks that are open, what should be, and an instant → who is reminded of what, and who is told what
//! is left undone. Pure; each is due exactly once, because the record says that it went out.
//!
//! Decision: the days are counted from the first mail to an address, in working days, whatever was
//! revised since. Where several reminders have become due at once, only the latest is sent.

use super::history::{History, TaskRecord, TaskStatus, Told, address_key};
use crate::desired::{Desired, Recipient};
use crate::plan::{Task, TaskId};
use jiff::Timestamp;
use jiff::civil::Date;

/// That somebody is reminded of a task.
#[derive(Debug, Clone, PartialEq)]
pub struct Reminder {
    /// Who.
    pub to: Recipient,
    /// Of what.
    pub task: Task,
    /// The local date of the first mail about it.
    pub asked: Date,
    /// The reminder: so many working days after the first mail it was due.
    pub after: u32,
    /// How many working days have passed since the first mail.
    pub open: u32,
}

/// That somebody who answers for a resource is told of a task that is not done.
#[derive(Debug, Clone, PartialEq)]
pub struct Escalation {
    /// Who.
    pub to: Recipient,
    /// What is not done; its `maintainers` are those who were asked.
    pub task: Task,
    /// The local date of the first mail about it.
    pub asked: Date,
    /// How many working days have passed since the first mail.
    pub open: u32,
}

/// Reminders that are due, by task id and address.
pub fn reminders(history: &History, desired: &Desired, now: Timestamp) -> Vec<Reminder> {
    let following = &desired.rules.following;
    let mut due = Vec::new();
    for (record, to, told) in told(history, desired) {
        let mut passed = following.after.iter().rev();
        let after = passed.find(|days| following.calendar.after(told.first, **days) <= now);
        if let Some(after) = after.filter(|after| **after > told.reminded) {
            due.push(Reminder {
                to: to.clone(),
                task: Task::clone(&record.task),
                asked: following.calendar.date(told.first),
                after: *after,
                open: following.calendar.between(told.first, now),
            });
        }
    }
    due
}

/// Reminders of one task that somebody asks for, whenever the next is due: each counts as the latest that
/// has become due. None where the task is not open, or nobody was asked yet.
pub fn asked_again(
    history: &History,
    desired: &Desired,
    task: &TaskId,
    now: Timestamp,
) -> Vec<Reminder> {
    let following = &desired.rules.following;
    let calendar = &following.calendar;
    let theirs = told(history, desired);
    let theirs = theirs.into_iter().filter(|(r, ..)| r.task.id == *task);
    let reminder = |(record, to, told): (&TaskRecord, &Recipient, &Told)| {
        let mut passed = following.after.iter().rev();
        let passed = passed.find(|days| calendar.after(told.first, **days) <= now);
        Reminder {
            to: to.clone(),
            task: Task::clone(&record.task),
            asked: calendar.date(told.first),
            after: told.reminded.max(passed.copied().unwrap_or_default()),
            open: calendar.between(told.first, now),
        }
    };
    theirs.map(reminder).collect()
}

/// Who has to be told that work is not done, by task id and address.
pub fn escalations(history: &History, desired: &Desired, now: Timestamp) -> Vec<Escalation> {
    let calendar = &desired.rules.following.calendar;
    let mut due = Vec::new();
    for (record, at) in overdue(history, desired) {
        let Some(first) = first(record).filter(|_| at <= now) else {
            continue;
        };
        for to in untold(record, desired) {
            due.push(Escalation {
                to: to.clone(),
                task: Task {
                    maintainers: record.maintainers(&desired.into()).to_vec(),
                    ..Task::clone(&record.task)
                },
                asked: calendar.date(first),
                open: calendar.between(first, now),
            });
        }
    }
    due
}

/// The next instant after `now` at which a reminder or an escalation becomes due; or, where mails wait
/// because their recipients had as many as they get in a day, the next day. None: nothing will.
///
/// What is due already is not counted: a run sends it, or has failed to.
pub fn next_due(history: &History, desired: &Desired, now: Timestamp) -> Option<Timestamp> {
    let following = &desired.rules.following;
    let reminders = told(history, desired).into_iter().flat_map(|(_, _, told)| {
        let later = following.after.iter().filter(|days| **days > told.reminded);
        later.map(|days| following.calendar.after(told.first, *days))
    });
    let escalations = overdue(history, desired).map(|(_, at)| at);
    let day = following.calendar.date(now);
    let full = |recipient: &Recipient| {
        history.mailed_on(&recipient.mail, &following.calendar, day) >= desired.rules.per_day()
    };
    let unmailed = history.unmailed(&desired.into());
    let mut recipients = unmailed.iter().flat_map(|change| &change.task.maintainers);
    let tomorrow = recipients
        .any(full)
        .then(|| following.calendar.tomorrow(now));
    let all = reminders.chain(escalations).chain(tomorrow);
    all.filter(|at| *at > now).min()
}

/// What those who are to do open tasks were told of them in its present form.
fn told<'a>(
    history: &'a History,
    desired: &'a Desired,
) -> Vec<(&'a TaskRecord, &'a Recipient, &'a Told)> {
    let mut found = Vec::new();
    for record in history.tasks().values() {
        if record.status != TaskStatus::Open {
            continue;
        }
        for to in record.maintainers(&desired.into()) {
            let told = record.told.get(&address_key(&to.mail));
            found.extend(told.map(|told| (record, to, told)));
        }
    }
    found
}

/// Open tasks that somebody was asked for, and when whoever answers for them is told.
fn overdue<'a>(
    history: &'a History,
    desired: &'a Desired,
) -> impl Iterator<Item = (&'a TaskRecord, Timestamp)> {
    let following = &desired.rules.following;
    let open = history.tasks().values();
    let open = open.filter(|record| record.status == TaskStatus::Open);
    open.filter_map(|record| {
        let first = first(record)?;
        let at = following.calendar.after(first, following.escalate_after?);
        Some((record, at))
    })
}

/// When anybody was first asked.
fn first(record: &TaskRecord) -> Option<Timestamp> {
    record.told.values().map(|told| told.first).min()
}

/// Who answers for a task and was not told that it is not done. Whoever is to do it knows; where that
/// is everybody who answers for it, the administrators are told.
fn untold<'a>(record: &'a TaskRecord, desired: &'a Desired) -> Vec<&'a Recipient> {
    let maintainers = record.maintainers(&desired.into());
    let knows = |to: &&Recipient| {
        let same = |m: &Recipient| address_key(&m.mail) == address_key(&to.mail);
        maintainers.iter().any(same)
    };
    let terms = desired.resources.get(&record.task.resource);
    let answerable = terms.map(|t| t.answerable.as_slice()).unwrap_or_default();
    let mut to: Vec<&Recipient> = answerable.iter().filter(|r| !knows(r)).collect();
    if to.is_empty() {
        to = desired
            .administrators
            .iter()
            .filter(|r| !knows(r))
            .collect();
    }
    to.retain(|to| !record.escalated.contains(&address_key(&to.mail)));
    to
}
