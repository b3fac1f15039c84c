//! A plan, the record and an instant → the mails that are due: work and reminders in one digest a
//! maintainer, what is overdue to whoever answers for it, and notices. Pure.
//!
//! An address gets so many mails a day; what is more waits for the next day, and the administrators are
//! told so once that day. What is about somebody who leaves never waits.

use super::mailroom::Draft;
use crate::apply::asked_of_maintainers;
use crate::desired::{Desired, Recipient};
use crate::ledger::due::{self, Escalation, Reminder, escalations, reminders};
use crate::ledger::{History, Says};
use crate::manifest::user::UserState;
use crate::name::UserName;
use crate::notify::notice::{capped, notice};
use crate::notify::thread::{MessageId, Threads};
use crate::notify::{Digest, DirectoryWork, NotifyError, RunIdentity, Wording, digests, overdue};
use crate::plan::recorded::Told;
use crate::plan::{
    Change, ChangeId, Notice, NoticeKind, Plan, Task, TaskAction, TaskChange, TaskId,
};
use jiff::Timestamp;
use jiff::civil::Date;
use sha2::Digest as _;
use std::collections::{BTreeMap, BTreeSet};

/// What the mails of a run are made of.
pub(super) struct Telling<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// What should be.
    pub desired: &'a Desired,
    /// The directory's name as people read it, and who is asked where its mode is `maintainer`.
    pub directory: (&'a str, &'a [Recipient]),
    /// The domain that mails come from.
    pub sender_domain: &'a str,
    /// The instant.
    pub now: Timestamp,
}

/// Mails that may go out today.
struct Day<'a> {
    history: &'a History,
    desired: &'a Desired,
    date: Date,
    drafts: Vec<Draft>,
    /// How many mails each address has had today, those of this run included.
    had: BTreeMap<String, usize>,
    /// Addresses whose mails wait, and how many each has had today.
    waiting: BTreeMap<String, usize>,
}

/// Whether a mail may wait for the next day.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Haste {
    May,
    Never,
}

impl<'a> Day<'a> {
    fn new(telling: &Telling<'a>, history: &'a History) -> Self {
        let calendar = &telling.desired.rules.following.calendar;
        Self {
            history,
            desired: telling.desired,
            date: calendar.date(telling.now),
            drafts: Vec::new(),
            had: BTreeMap::new(),
            waiting: BTreeMap::new(),
        }
    }

    /// Takes a mail, or lets it wait.
    fn admit(&mut self, draft: Draft, waits: Haste) {
        let rules = &self.desired.rules;
        let calendar = &rules.following.calendar;
        let address = draft.digest.to.mail.to_lowercase();
        let before = || self.history.mailed_on(&address, calendar, self.date);
        let had = self.had.entry(address.clone()).or_insert_with(before);
        if *had >= rules.per_day() && waits == Haste::May {
            self.waiting.insert(address, *had);
            return;
        }
        *had += 1;
        self.drafts.push(draft);
    }
}

impl Telling<'_> {
    /// The mails that are due and may go out today.
    pub(super) fn drafts(
        &self,
        history: &History,
        came_about: &BTreeSet<&ChangeId>,
    ) -> Result<Vec<Draft>, NotifyError> {
        let words = Wording::from(&self.desired.rules);
        let mut day = Day::new(self, history);
        self.work(&mut day, &words)?;
        self.overdue(&mut day, &words)?;
        self.notices(&mut day, &words, came_about)?;
        self.waiting(&mut day, &words)?;
        Ok(day.drafts)
    }

    /// One digest for each maintainer: what they have not been told, and reminders.
    fn work(&self, day: &mut Day<'_>, words: &Wording) -> Result<(), NotifyError> {
        let history = day.history;
        let tasks = history.unmailed(&self.desired.into());
        let reminders = reminders(history, self.desired, self.now);
        let (name, maintainers) = self.directory;
        let of_tasks = tasks.iter().flat_map(|t| &t.task.maintainers);
        let of_reminders = reminders.iter().map(|r| &r.to);
        let everybody: BTreeMap<String, &Recipient> = of_reminders
            .chain(of_tasks)
            .chain(maintainers)
            .map(|recipient| (recipient.mail.to_lowercase(), recipient))
            .collect();
        let threads = threads(history);
        for (address, recipient) in everybody {
            let is_theirs = |r: &&Recipient| r.mail.to_lowercase() == address;
            let tasks: Vec<TaskChange> = tasks
                .iter()
                .filter_map(|change| told_to(change, is_theirs))
                .collect();
            let reminders = reminders.iter().filter(|r| is_theirs(&&r.to));
            let reminders: Vec<Reminder> = reminders.cloned().collect();
            let changes = match maintainers.iter().any(|r| is_theirs(&r)) {
                true => unasked(self.plan, recipient, history),
                false => Vec::new(),
            };
            let work = DirectoryWork::of(name, &changes, std::slice::from_ref(recipient));
            let identity = self.identity(intent(&tasks, &reminders, work.as_ref()));
            let mails = digests(
                &tasks,
                &reminders,
                work.as_ref(),
                words,
                &identity,
                &threads,
            )?;
            let changes = changes.iter().filter_map(|c| c.user.as_ref());
            let urgent = tasks.iter().any(|t| self.is_urgent(&t.task))
                || reminders.iter().any(|r| self.is_urgent(&r.task))
                || changes.into_iter().any(|user| self.has_left(user));
            for digest in mails {
                day.admit(drafted(digest), haste(urgent));
            }
        }
        Ok(())
    }

    /// What is not done, to whoever answers for it.
    fn overdue(&self, day: &mut Day<'_>, words: &Wording) -> Result<(), NotifyError> {
        let all = escalations(day.history, self.desired, self.now);
        let mut by_address: BTreeMap<String, Vec<&Escalation>> = BTreeMap::new();
        for escalation in &all {
            let address = escalation.to.mail.to_lowercase();
            by_address.entry(address).or_default().push(escalation);
        }
        for theirs in by_address.values() {
            let Some(first) = theirs.first() else {
                continue;
            };
            let ids: Vec<&TaskId> = theirs.iter().map(|e| &e.task.id).collect();
            let identity = self.identity(hashed("overdue", &ids));
            let digest = overdue(theirs, &first.to, words, &identity)?;
            let says = Says::Overdue {
                tasks: digest.tasks.clone(),
            };
            let urgent = theirs.iter().any(|e| self.is_urgent(&e.task));
            day.admit(Draft { digest, says }, haste(urgent));
        }
        Ok(())
    }

    /// What has come about, to everybody who was not told yet, each in a mail of its own.
    fn notices(
        &self,
        day: &mut Day<'_>,
        words: &Wording,
        came_about: &BTreeSet<&ChangeId>,
    ) -> Result<(), NotifyError> {
        for untold in untold(self.plan, day.history) {
            if !untold.after.iter().all(|id| came_about.contains(id)) {
                continue;
            }
            let told = told_already(day.history, untold);
            for to in untold.to.iter().filter(|r| !told(r)) {
                let identity = self.identity(untold.id.0.clone());
                let draft = Draft {
                    digest: notice(untold, to, words, &identity)?,
                    says: Says::Notice {
                        key: untold.key.clone(),
                    },
                };
                let urgent = match untold.key.kind {
                    NoticeKind::Departure => true,
                    NoticeKind::Acknowledgement
                    | NoticeKind::Welcome
                    | NoticeKind::Unapproved
                    | NoticeKind::Guard
                    | NoticeKind::Drift => false,
                };
                day.admit(draft, haste(urgent));
            }
        }
        Ok(())
    }

    /// That mails wait, to the administrators, once a day.
    fn waiting(&self, day: &mut Day<'_>, words: &Wording) -> Result<(), NotifyError> {
        if day.waiting.is_empty() {
            return Ok(());
        }
        let waiting = day.waiting.clone();
        let date = day.date;
        for to in &self.desired.administrators {
            if day.history.is_warned(date, &to.mail) {
                continue;
            }
            let identity = self.identity(format!("capped {date}"));
            let per_day = self.desired.rules.per_day();
            let draft = Draft {
                digest: capped(&waiting, per_day, to, words, &identity)?,
                says: Says::Capped { day: date },
            };
            day.admit(draft, Haste::Never);
        }
        Ok(())
    }

    fn identity(&self, intent: String) -> RunIdentity {
        RunIdentity {
            intent,
            instant: self.plan.instant,
            revision: self.plan.revision.clone(),
            sender_domain: self.sender_domain.to_owned(),
        }
    }

    /// Whether a task takes something from somebody who has left.
    fn is_urgent(&self, task: &Task) -> bool {
        let takes = match task.action {
            TaskAction::Revoke | TaskAction::Disable => true,
            TaskAction::Grant | TaskAction::Update | TaskAction::Enable => false,
        };
        takes && self.has_left(&task.user)
    }

    fn has_left(&self, user: &UserName) -> bool {
        let person = self.desired.people.get(user);
        person.is_none_or(|person| person.state == UserState::Left)
    }
}

/// Mails that remind of tasks because somebody asks for it, at an instant; whoever had as many mails today
/// as they get in a day is reminded all the same.
pub(super) fn asked_again(
    tasks: &[TaskId],
    history: &History,
    desired: &Desired,
    sender_domain: &str,
    now: Timestamp,
) -> Result<Vec<Draft>, NotifyError> {
    let reminders: Vec<Reminder> = tasks
        .iter()
        .flat_map(|task| due::asked_again(history, desired, task, now))
        .collect();
    let ids: Vec<&TaskId> = tasks.iter().collect();
    let identity = RunIdentity {
        intent: hashed(&format!("reminder {now}"), &ids),
        instant: now,
        revision: None,
        sender_domain: sender_domain.to_owned(),
    };
    let words = Wording::from(&desired.rules);
    let mails = digests(&[], &reminders, None, &words, &identity, &threads(history))?;
    Ok(mails.into_iter().map(drafted).collect())
}

fn haste(urgent: bool) -> Haste {
    match urgent {
        true => Haste::Never,
        false => Haste::May,
    }
}

/// A digest, and what it says.
fn drafted(digest: Digest) -> Draft {
    let says = Says::Work {
        tasks: digest.tasks.clone(),
        changes: digest.changes.clone(),
        reminded: digest.reminded.clone(),
    };
    Draft { digest, says }
}

/// Notices that the ledger does not say were told: a plan may be carried out twice.
pub(super) fn untold<'p>(plan: &'p Plan, history: &'p History) -> impl Iterator<Item = &'p Notice> {
    let told = &history.recorded().notices;
    let notices = plan.notices.iter();
    notices.filter(|n| told.get(&n.key) != Some(&Told::All))
}

/// Whether a recipient of a notice was told it.
pub(super) fn told_already<'h>(
    history: &'h History,
    notice: &'h Notice,
) -> impl Fn(&Recipient) -> bool + 'h {
    let told = history.recorded().notices.get(&notice.key);
    move |recipient| match told {
        Some(Told::These(addresses)) => addresses.contains(&recipient.mail.to_lowercase()),
        Some(Told::All) => true,
        None => false,
    }
}

/// Changes of the directory that one of its maintainers has not been mailed yet.
fn unasked(plan: &Plan, recipient: &Recipient, history: &History) -> Vec<Change> {
    let address = || std::iter::once(recipient.mail.as_str());
    let changes = plan.changes.iter();
    changes
        .filter(|c| asked_of_maintainers(c, plan.directory_mode))
        .filter(|c| !history.is_asked(&c.id, address()))
        .cloned()
        .collect()
}

/// A task as one of its maintainers is told it; none where they are not.
fn told_to(change: &TaskChange, is_theirs: impl Fn(&&Recipient) -> bool) -> Option<TaskChange> {
    let theirs = change.task.maintainers.iter().filter(is_theirs).cloned();
    let maintainers: Vec<Recipient> = theirs.collect();
    let told = || TaskChange {
        task: Task {
            maintainers: maintainers.clone(),
            ..change.task.clone()
        },
        ..change.clone()
    };
    (!maintainers.is_empty()).then(told)
}

/// What makes a mail this mail: what it tells for the first time. So it is the same mail when a
/// later run sends it because nobody knows whether it went out (SEMANTICS 19).
fn intent(tasks: &[TaskChange], reminders: &[Reminder], work: Option<&DirectoryWork>) -> String {
    let mut hash = sha2::Sha256::new();
    for change in tasks {
        hash.update(change.task.id.0.as_bytes());
        hash.update([change.step as u8]);
        hash.update(change.task.revision.to_be_bytes());
    }
    for reminder in reminders {
        hash.update(reminder.task.id.0.as_bytes());
        hash.update(b"reminder");
        hash.update(reminder.after.to_be_bytes());
    }
    hash.update(work.map(DirectoryWork::fingerprint).unwrap_or_default());
    hex(&hash.finalize()[..8])
}

/// What makes a mail about these tasks this mail.
fn hashed(what: &str, tasks: &[&TaskId]) -> String {
    let mut hash = sha2::Sha256::new();
    hash.update(what.as_bytes());
    for task in tasks {
        hash.update((task.0.len() as u64).to_be_bytes());
        hash.update(task.0.as_bytes());
    }
    hex(&hash.finalize()[..8])
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// The first mail about each thing.
fn threads(history: &History) -> Threads {
    let mut threads = Threads::default();
    for (id, record) in history.tasks() {
        for (address, told) in &record.told {
            let roots = threads.tasks.entry(id.clone()).or_default();
            roots.insert(address.clone(), MessageId(told.thread.clone()));
        }
    }
    for (address, id) in history.directory_threads() {
        let id = MessageId(id.clone());
        threads.directory.insert(address.clone(), id);
    }
    threads
}
