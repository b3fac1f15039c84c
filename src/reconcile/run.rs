//! A run: an approved plan is applied, tasks are recorded, maintainers are mailed, and the ledger
//! knows each of it before the next begins.

use crate::apply::{Connections, Stop, apply, asked_of_maintainers, settle};
use crate::approval::Approved;
use crate::desired::{Recipient, Rules};
use crate::ledger::{
    Event, History, Ledger, LedgerError, MailResult, Outcome, Record, RunId, RunSummary, TaskStatus,
};
use crate::notify::post::{Letter, Post, PostError};
use crate::notify::thread::{MessageId, Threads};
use crate::notify::{Digest, DirectoryWork, NotifyError, RunIdentity, Sender, Wording, digests};
use crate::plan::{Change, ChangeId, DirectoryMode, Plan, TaskChange, TaskStep};
use crate::report::outcome::{Mailed, Outcomes};
use jiff::Timestamp;
use sha2::Digest as _;
use std::collections::BTreeSet;

/// What a run needs besides the plan.
pub struct Means<'a> {
    /// What changes are carried out on.
    pub connections: Connections<'a>,
    /// What delivers mails.
    pub post: &'a mut dyn Post,
    /// Who mails come from.
    pub sender: &'a Sender,
    /// The words of the repository in mails, and the name of the organization.
    pub rules: &'a Rules,
    /// The directory's name as people read it, and who is asked where its mode is `maintainer`.
    pub directory: (&'a str, &'a [Recipient]),
    /// What time it is.
    pub clock: &'a dyn Fn() -> Timestamp,
    /// Whether somebody asked the run to stop.
    pub stop: &'a dyn Stop,
}

/// Why a run ended before its end.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum RunError {
    #[error("what was done could not be recorded, so the run stopped")]
    Ledger(#[from] LedgerError),
    #[error("a mail could not be written")]
    Notify(#[from] NotifyError),
}

/// Carries out a plan to its end. A plan with nothing in it leaves no trace.
///
/// # Errors
/// [`RunError`] when something could not be recorded; what was done before it is in the ledger.
pub fn carry_out(
    approved: &Approved,
    means: &mut Means<'_>,
    ledger: &mut Ledger,
) -> Result<Outcomes, RunError> {
    let plan = approved.plan();
    let unasked = unasked(plan, means.directory.1, ledger);
    let nothing = plan
        .changes
        .iter()
        .all(|c| asked_of_maintainers(c, plan.directory_mode))
        && plan.tasks.is_empty()
        && plan.assumed.is_empty()
        && unasked.is_empty()
        && ledger.history().recorded().attempts.is_empty()
        && ledger.history().unmailed().is_empty();
    if nothing {
        let summary = RunSummary {
            held: plan.held.len(),
            ..RunSummary::default()
        };
        return Ok(Outcomes {
            run: None,
            done: Vec::new(),
            mails: Vec::new(),
            summary,
        });
    }
    let digest = digest(plan);
    let started = (means.clock)();
    let run = RunId(format!(
        "{}-{}",
        started.strftime("%Y%m%dT%H%M%SZ"),
        &digest[..8]
    ));
    let say = |ledger: &mut Ledger, at: Timestamp, events: Vec<Event>| {
        ledger.append_all(events.into_iter().map(|event| Record {
            at,
            run: run.clone(),
            event,
        }))
    };
    let begin = Event::RunStarted {
        revision: plan.revision.clone(),
        instant: plan.instant,
        plan: digest.clone(),
    };
    let assumed = plan.assumed.iter().map(|a| Event::Assumed {
        user: a.user.clone(),
        entitlement: a.entitlement.clone(),
        fields: a.fields.clone(),
    });
    say(
        ledger,
        started,
        std::iter::once(begin).chain(assumed).collect(),
    )?;
    if let Some(directory) = means.connections.directory.as_deref_mut() {
        settle(directory, ledger, &run, started)?;
    }
    let done = apply(
        approved,
        &mut means.connections,
        ledger,
        &run,
        means.clock,
        means.stop,
    )?;
    let came_about: BTreeSet<&ChangeId> = done
        .iter()
        .filter(|d| matches!(d.outcome, Outcome::Applied | Outcome::AlreadySo))
        .map(|d| &d.id)
        .collect();
    let tasks = plan
        .tasks
        .iter()
        .filter(|t| t.after.iter().all(|id| came_about.contains(id)))
        .filter(|t| is_news(t, ledger.history()));
    let tasks = tasks.map(task_event).collect();
    say(ledger, (means.clock)(), tasks)?;
    let mails = mail(plan, &digest, &unasked, means, ledger, &run)?;
    let mut summary = RunSummary::default();
    done.iter().for_each(|d| summary.count(d.outcome));
    summary.held += plan.held.len();
    summary.mailed = mails.iter().filter(|m| m.result.is_ok()).count();
    say(ledger, (means.clock)(), vec![Event::RunEnded { summary }])?;
    Ok(Outcomes {
        run: Some(run),
        done,
        mails,
        summary,
    })
}

/// Whether the ledger does not say it already: a plan may be carried out twice.
fn is_news(change: &TaskChange, history: &History) -> bool {
    let record = history.tasks().get(&change.task.id);
    let open = record.is_some_and(|r| r.status == TaskStatus::Open);
    match change.step {
        TaskStep::Open => record.is_none(),
        TaskStep::Revise => open && record.is_some_and(|r| r.task.revision < change.task.revision),
        TaskStep::Cancel => open,
    }
}

fn task_event(change: &TaskChange) -> Event {
    let task = Box::new(change.task.clone());
    match change.step {
        TaskStep::Open => Event::TaskOpened { task },
        TaskStep::Revise => Event::TaskRevised { task },
        TaskStep::Cancel => Event::TaskCancelled { task },
    }
}

/// SHA-256 of a plan's content.
pub fn digest(plan: &Plan) -> String {
    let text = serde_json::to_vec(plan).unwrap_or_default();
    hex(&sha2::Sha256::digest(&text))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// Changes of the directory that its maintainers have not been mailed yet.
fn unasked(plan: &Plan, recipients: &[Recipient], ledger: &Ledger) -> Vec<Change> {
    let history = ledger.history();
    let addresses = || recipients.iter().map(|r| r.mail.as_str());
    plan.changes
        .iter()
        .filter(|c| {
            asked_of_maintainers(c, plan.directory_mode) && !history.is_asked(&c.id, addresses())
        })
        .cloned()
        .collect()
}

fn mail(
    plan: &Plan,
    digest: &str,
    unasked: &[Change],
    means: &mut Means<'_>,
    ledger: &mut Ledger,
    run: &RunId,
) -> Result<Vec<Mailed>, RunError> {
    let tasks = ledger.history().unmailed();
    let (name, recipients) = means.directory;
    let work = match plan.directory_mode {
        DirectoryMode::Maintainer => DirectoryWork::of(name, unasked, recipients),
        DirectoryMode::Direct => None,
    };
    let identity = RunIdentity {
        intent: intent(digest, &tasks),
        instant: plan.instant,
        revision: plan.revision.clone(),
        sender_domain: means.sender.domain().to_owned(),
    };
    let words = Wording::from(means.rules);
    let letters = digests(&tasks, work.as_ref(), &words, &identity, &threads(ledger))?;
    let mut mails = Vec::with_capacity(letters.len());
    for letter in letters {
        if means.stop.asked() {
            break;
        }
        mails.push(deliver(&letter, means, ledger, run)?);
    }
    Ok(mails)
}

/// What makes the mails of a run these mails: the plan and what is told for the first time.
fn intent(digest: &str, tasks: &[TaskChange]) -> String {
    let mut hash = sha2::Sha256::new();
    hash.update(digest.as_bytes());
    for change in tasks {
        hash.update(change.task.id.0.as_bytes());
        hash.update([change.step as u8]);
        hash.update(change.task.revision.to_be_bytes());
    }
    hex(&hash.finalize()).chars().take(16).collect()
}

fn threads(ledger: &Ledger) -> Threads {
    let history = ledger.history();
    let mut threads = Threads::default();
    for (id, record) in history.tasks() {
        for (address, told) in &record.told {
            let roots = threads.tasks.entry(id.clone()).or_default();
            roots.insert(address.clone(), MessageId(told.thread.clone()));
        }
    }
    for (address, id) in history.directory_threads() {
        threads
            .directory
            .insert(address.clone(), MessageId(id.clone()));
    }
    threads
}

fn deliver(
    digest: &Digest,
    means: &mut Means<'_>,
    ledger: &mut Ledger,
    run: &RunId,
) -> Result<Mailed, RunError> {
    let now = (means.clock)();
    let recipient = digest.to.mail.clone();
    let result = match Letter::of(digest, means.sender, now) {
        Ok(letter) => means.post.send(&letter),
        Err(source) => Err(PostError::Address { recipient, source }),
    };
    let told = match &result {
        Ok(_) => MailResult::Sent,
        Err(error) => MailResult::Failed(error.to_string()),
    };
    let event = Event::Mailed {
        recipient: digest.to.mail.clone(),
        message: digest.message_id.0.clone(),
        tasks: digest.tasks.clone(),
        changes: digest.changes.clone(),
        result: told,
    };
    ledger.append(Record {
        at: (means.clock)(),
        run: run.clone(),
        event,
    })?;
    Ok(Mailed {
        to: digest.to.mail.clone(),
        subject: digest.subject.clone(),
        result: result
            .map(|sent| sent.answer)
            .map_err(|error| with_source(&error)),
    })
}

/// An error and what caused it, in one line.
fn with_source(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        text.push_str(": ");
        text.push_str(&source.to_string());
        next = source.source();
    }
    text
}
