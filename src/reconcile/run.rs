//! A run: an approved plan is applied, tasks are recorded, maintainers are mailed, and the ledger
//! knows each of it before the next begins.

use super::hand_over::Hand;
use super::mailroom::Mailroom;
use super::told::{self, Telling, told_already, untold};
use crate::apply::{Connections, Done, Stop, apply, asked_of_maintainers, begin, settle};
use crate::approval::Approved;
use crate::desired::{Desired, Recipient};
use crate::failpoint::fail_point;
use crate::ledger::{
    Event, History, Intent, Ledger, LedgerError, Outcome, Record, RunId, RunSummary, Stance,
    TaskStatus,
};
use crate::notify::post::Post;
use crate::notify::{NotifyError, RunIdentity, Sender, Wording};
use crate::plan::{ChangeId, Notice, NoticeKind, Plan, TaskChange, TaskId, TaskStep};
use crate::report::outcome::{Mailed, Outcomes};
use jiff::Timestamp;
use sha2::Digest as _;
use std::collections::BTreeSet;
use std::path::Path;

/// What a run needs besides the plan.
pub struct Means<'a> {
    /// What changes are carried out on.
    pub connections: Connections<'a>,
    /// What delivers mails.
    pub post: &'a mut dyn Post,
    /// Who mails come from.
    pub sender: &'a Sender,
    /// The folder that encrypted first passwords are put into.
    pub hand_over: &'a Path,
    /// The folder that letters are kept in until they are known to have gone out.
    pub letters: &'a Path,
    /// What should be: the words of mails, who maintains what, and when they are reminded.
    pub desired: &'a Desired,
    /// The directory's name as people read it, and who is asked where its mode is `maintainer`.
    pub directory: (&'a str, &'a [Recipient]),
    /// What is to be recorded besides, once it is known what came about.
    pub closing: &'a dyn Fn(&[Done], &History) -> Vec<Event>,
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
    #[error("a mail could not be kept at {path} before it was sent")]
    Kept {
        path: String,
        #[source]
        source: std::io::Error,
    },
}

impl RunError {
    pub(super) fn kept(path: &Path, source: std::io::Error) -> Self {
        let path = path.display().to_string();
        Self::Kept { path, source }
    }
}

/// Carries out a plan to its end. A plan with nothing in it leaves no trace.
///
/// Where the ledger is shared, its lease is taken before the first effect and given back at the end.
/// Taken over from a reconciler that did not come to its end, only what it intended as well is done
/// (SEMANTICS 20); the next run does the rest. Where its branch cannot be reached, only what takes
/// away is done (SEMANTICS 23).
///
/// # Errors
/// [`RunError`] when another reconciler has the lease, or something could not be recorded; what was
/// done before it is in the ledger.
pub fn carry_out(
    approved: &Approved,
    means: &mut Means<'_>,
    ledger: &mut Ledger,
) -> Result<Outcomes, RunError> {
    let mut notes = Vec::new();
    let vacancy = ledger.vacancy().map(|intent| {
        let intent = intent?;
        let both = approved.within(&intent.changes, &intent.tasks, &intent.notices);
        let plan = both.plan();
        let left = !(plan.changes.is_empty() && plan.tasks.is_empty() && plan.notices.is_empty());
        left.then(|| (both, intent.run.clone()))
    });
    let (recovery, taken) = match vacancy {
        Ok(recovery) => (recovery, None),
        Err(error) => (None, Some(error)),
    };
    let approved = match &recovery {
        Some((both, run)) => {
            notes.push(format!(
                "another reconciler did not come to the end of run {run}: only what it intended as well is done, the next run does the rest"
            ));
            both
        }
        None => approved,
    };
    let plan = approved.plan();
    let telling = Telling {
        plan,
        desired: means.desired,
        directory: means.directory,
        sender_domain: means.sender.domain(),
        now: (means.clock)(),
    };
    // What no directory was asked about, none has agreed to.
    let is_asked = means.connections.directory.is_some();
    let agreed = match is_asked {
        true => agreed(plan, ledger),
        false => Vec::new(),
    };
    let asked = plan
        .changes
        .iter()
        .filter(|c| asked_of_maintainers(c, plan.directory_mode));
    let asked: BTreeSet<ChangeId> = asked.map(|c| c.id.clone()).collect();
    let nothing = plan
        .changes
        .iter()
        .all(|c| asked_of_maintainers(c, plan.directory_mode))
        && plan.tasks.is_empty()
        && plan.assumed.is_empty()
        && close_notices(plan, &BTreeSet::new(), ledger.history()).is_empty()
        && !plan.seen.iter().any(|s| ledger.history().is_news(s))
        && ledger.history().frozen().is_empty()
        && agreed.is_empty()
        && (!is_asked
            || ledger
                .history()
                .recorded()
                .attempts
                .keys()
                .all(|id| asked.contains(id)))
        && telling
            .drafts(ledger.history(), &BTreeSet::new())?
            .is_empty();
    if nothing {
        if let Err(error) = ledger.let_go() {
            notes.push(unpushed(&error));
        }
        let summary = RunSummary {
            held: plan.held.len(),
            ..RunSummary::default()
        };
        return Ok(Outcomes {
            run: None,
            done: Vec::new(),
            mails: Vec::new(),
            summary,
            notes,
        });
    }
    // Who has nothing to do need not wait for anybody.
    if let Some(error) = taken {
        return Err(error.into());
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
    let opening = Event::RunStarted {
        revision: plan.revision.clone(),
        instant: plan.instant,
        plan: digest.clone(),
    };
    let assumed = plan.assumed.iter().map(|a| Event::Assumed {
        user: a.user.clone(),
        entitlement: a.entitlement.clone(),
        fields: a.fields.clone(),
        unsettled: a.unsettled,
    });
    let agreed = Some(agreed).filter(|changes| !changes.is_empty());
    let agreed = agreed.map(|changes| Event::DirectoryAgrees { changes });
    let known = Some(plan.known.clone()).filter(|keys| !keys.is_empty());
    let known = known.map(|keys| Event::NoticesKnown { keys });
    let departed = departed(plan, ledger.history());
    let seen = plan.seen.iter().filter(|s| ledger.history().is_news(s));
    let seen: Vec<Event> = seen.map(Event::of_sighting).collect();
    let first = std::iter::once(opening).chain(seen);
    let first = first.chain(assumed).chain(agreed);
    let first = first.chain(known).chain(departed);
    say(ledger, started, first.collect())?;
    fail_point!("run-opened", return Err(LedgerError::Stopped.into()));
    match ledger.intend(intent_of(plan, &run), started) {
        Ok(()) => {}
        // What takes away goes on; the ledger says so at every change.
        Err(error @ LedgerError::Unreachable(_)) => notes.push(with_source(&error)),
        Err(error) => return Err(error.into()),
    }
    if let Some(directory) = means.connections.directory.as_deref_mut() {
        settle(directory, ledger, &run, started, &asked)?;
    }
    let identity = |intent: String| RunIdentity {
        intent,
        instant: plan.instant,
        revision: plan.revision.clone(),
        sender_domain: means.sender.domain().to_owned(),
    };
    let mut hand = Hand {
        folder: means.hand_over,
        post: &mut *means.post,
        sender: means.sender,
        words: Wording::from(&means.desired.rules),
        identity: identity(run.0.clone()),
        clock: means.clock,
        mails: Vec::new(),
    };
    let done = apply(
        approved,
        &mut means.connections,
        &mut hand,
        ledger,
        &run,
        means.clock,
        means.stop,
    )?;
    let mut mails = hand.mails;
    let stance = ledger.stance();
    let came_about: BTreeSet<&ChangeId> = done
        .iter()
        .filter(|d| matches!(d.outcome, Outcome::Applied | Outcome::AlreadySo))
        .map(|d| &d.id)
        .collect();
    let mut tasks: Vec<&TaskChange> = plan
        .tasks
        .iter()
        .filter(|t| t.after.iter().all(|id| came_about.contains(id)))
        .filter(|t| is_news(t, ledger.history()))
        .collect();
    let mut waiting = 0;
    if let Stance::TakingAway(why) | Stance::Over(why) = &stance {
        waiting = tasks.len();
        tasks.clear();
        notes.push(format!("nobody is asked or told anything: {why}"));
    }
    // What is withdrawn makes room for what is asked instead.
    tasks.sort_by_key(|t| t.step != TaskStep::Cancel);
    let tasks = tasks.into_iter().map(task_event).collect();
    fail_point!("tasks", return Err(LedgerError::Stopped.into()));
    say(ledger, (means.clock)(), tasks)?;
    fail_point!("tasks-recorded", return Err(LedgerError::Stopped.into()));
    // What maintainers make for us is ours, too.
    let ours_to_ask = plan.changes.iter().filter(|c| asked.contains(&c.id));
    for change in ours_to_ask.filter(|_| stance == Stance::Good) {
        if !ledger
            .history()
            .recorded()
            .attempts
            .contains_key(&change.id)
        {
            begin(ledger, &run, (means.clock)(), change)?;
        }
    }
    if stance == Stance::Good {
        let mut room = Mailroom {
            post: &mut *means.post,
            sender: means.sender,
            folder: means.letters,
            clock: means.clock,
            stop: means.stop,
            run: &run,
            mails,
            tried: BTreeSet::new(),
            failed: BTreeSet::new(),
        };
        room.resume(ledger)?;
        let drafts = telling.drafts(ledger.history(), &came_about)?;
        room.deliver(drafts, ledger)?;
        mails = room.mails;
        notes.extend(room.failed.into_iter().map(|failed| {
            format!(
                "mails are written with our own text, because the repository's failed: {failed}"
            )
        }));
        let closed = close_notices(plan, &came_about, ledger.history());
        fail_point!("notices-closed", return Err(LedgerError::Stopped.into()));
        say(ledger, (means.clock)(), closed)?;
    }
    let mut summary = RunSummary::default();
    done.iter().for_each(|d| summary.count(d.outcome));
    summary.held += plan.held.len() + waiting;
    summary.mailed = mails.iter().filter(|m| m.result.is_ok()).count();
    let mut last = (means.closing)(&done, ledger.history());
    last.push(Event::RunEnded { summary });
    say(ledger, (means.clock)(), last)?;
    fail_point!("run-ended", return Err(LedgerError::Stopped.into()));
    // Everything is done and on this disk: that it is not on the branch yet undoes none of it.
    if let Err(error) = ledger.close() {
        notes.push(unpushed(&error));
    }
    Ok(Outcomes {
        run: Some(run),
        done,
        mails,
        summary,
        notes,
    })
}

fn unpushed(error: &LedgerError) -> String {
    format!(
        "not everything that was recorded is on the ledger's branch yet: {}",
        with_source(error)
    )
}

/// Reminds the maintainers of tasks now, and records it; what became of each mail.
///
/// # Errors
/// As [`carry_out`].
pub fn remind(
    tasks: &[TaskId],
    means: &mut Means<'_>,
    ledger: &mut Ledger,
) -> Result<Vec<Mailed>, RunError> {
    let now = (means.clock)();
    let run = RunId(format!("{}-remind", now.strftime("%Y%m%dT%H%M%SZ")));
    let (desired, domain) = (means.desired, means.sender.domain());
    let mut room = Mailroom {
        post: &mut *means.post,
        sender: means.sender,
        folder: means.letters,
        clock: means.clock,
        stop: means.stop,
        run: &run,
        mails: Vec::new(),
        tried: BTreeSet::new(),
        failed: BTreeSet::new(),
    };
    room.resume(ledger)?;
    let drafts = told::asked_again(tasks, ledger.history(), desired, domain, now)?;
    room.deliver(drafts, ledger)?;
    Ok(room.mails)
}

/// What a run is about to do.
fn intent_of(plan: &Plan, run: &RunId) -> Intent {
    Intent {
        run: run.clone(),
        changes: plan.changes.iter().map(|c| c.id.clone()).collect(),
        tasks: plan.tasks.iter().map(|t| t.task.id.clone()).collect(),
        notices: plan.notices.iter().map(|n| n.key.clone()).collect(),
    }
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

/// Leavings that were not seen before.
fn departed(plan: &Plan, history: &History) -> Vec<Event> {
    let known = &history.recorded().departures;
    let notices = untold(plan, history).filter(|n| n.key.kind == NoticeKind::Departure);
    let fresh = notices.filter(|n| known.get(&n.key.user).is_none_or(|d| d.by != n.key.by));
    fresh
        .map(|n| Event::Departed {
            user: n.key.user.clone(),
            by: n.key.by.clone(),
            description: n.description.clone(),
        })
        .collect()
}

/// Records of which notices everybody was told what there is to tell.
fn close_notices(plan: &Plan, came_about: &BTreeSet<&ChangeId>, history: &History) -> Vec<Event> {
    let ready = |n: &&Notice| n.after.iter().all(|id| came_about.contains(id));
    let told = |n: &&Notice| n.to.iter().all(told_already(history, n));
    let closed = untold(plan, history).filter(ready).filter(told);
    let keys = closed.map(|notice| notice.key.clone());
    keys.map(|key| Event::NoticeClosed { key }).collect()
}

/// SHA-256 of a plan's content.
pub fn digest(plan: &Plan) -> String {
    let text = serde_json::to_vec(plan).unwrap_or_default();
    hex(&sha2::Sha256::digest(&text))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// Changes that were asked of the directory's maintainers and that the plan no longer has: they
/// were made, or are no longer wanted. Should they come up again, they are asked for again.
fn agreed(plan: &Plan, ledger: &Ledger) -> Vec<ChangeId> {
    let planned: BTreeSet<&ChangeId> = plan.changes.iter().map(|c| &c.id).collect();
    let asked = ledger.history().asked();
    asked.filter(|id| !planned.contains(id)).cloned().collect()
}

/// An error and what caused it, in one line.
pub(super) fn with_source(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        text.push_str(": ");
        text.push_str(&source.to_string());
        next = source.source();
    }
    text
}
