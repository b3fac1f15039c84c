//! A run: an approved plan is applied, tasks are recorded, maintainers are mailed, and the ledger
//! knows each of it before the next begins.

use super::hand_over::Hand;
use crate::apply::{Connections, Stop, apply, asked_of_maintainers, begin, settle};
use crate::approval::Approved;
use crate::desired::{Recipient, Rules};
use crate::ledger::{
    Event, History, Intent, Ledger, LedgerError, MailResult, Outcome, Record, RunId, RunSummary,
    Stance, TaskStatus,
};
use crate::notify::post::{Letter, Post, PostError};
use crate::notify::thread::{MessageId, Threads};
use crate::notify::{
    self, Digest, DirectoryWork, NotifyError, RunIdentity, Sender, Wording, digests,
};
use crate::plan::recorded::Told;
use crate::plan::{Change, ChangeId, Notice, NoticeKind, Plan, Task, TaskChange, TaskStep};
use crate::report::outcome::{Mailed, Outcomes};
use jiff::Timestamp;
use sha2::Digest as _;
use std::collections::{BTreeMap, BTreeSet};
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
    let mut maintainers = means.directory.1.iter();
    let all_asked = maintainers.all(|m| unasked(plan, m, ledger).is_empty());
    let agreed = agreed(plan, ledger);
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
        && untold(plan, ledger.history()).all(|n| !n.after.is_empty())
        && all_asked
        && agreed.is_empty()
        && ledger
            .history()
            .recorded()
            .attempts
            .keys()
            .all(|id| asked.contains(id))
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
    });
    let agreed = Some(agreed).filter(|changes| !changes.is_empty());
    let agreed = agreed.map(|changes| Event::DirectoryAgrees { changes });
    let known = Some(plan.known.clone()).filter(|keys| !keys.is_empty());
    let known = known.map(|keys| Event::NoticesKnown { keys });
    let departed = departed(plan, ledger.history());
    let first = std::iter::once(opening).chain(assumed).chain(agreed);
    let first = first.chain(known).chain(departed);
    say(ledger, started, first.collect())?;
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
        words: Wording::from(means.rules),
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
    say(ledger, (means.clock)(), tasks)?;
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
        mails.extend(mail(plan, means, ledger, &run)?);
        mails.extend(tell(plan, &came_about, means, ledger, &run)?);
    }
    let mut summary = RunSummary::default();
    done.iter().for_each(|d| summary.count(d.outcome));
    summary.held += plan.held.len() + waiting;
    summary.mailed = mails.iter().filter(|m| m.result.is_ok()).count();
    say(ledger, (means.clock)(), vec![Event::RunEnded { summary }])?;
    // Everything is done and on this disk: that it is not on the branch yet undoes none of it.
    if let Err(error) = ledger.close() {
        notes.push(format!(
            "not everything that was recorded is on the ledger's branch yet: {}",
            with_source(&error)
        ));
    }
    Ok(Outcomes {
        run: Some(run),
        done,
        mails,
        summary,
        notes,
    })
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

/// Notices that the ledger does not say were told: a plan may be carried out twice.
fn untold<'p>(plan: &'p Plan, history: &'p History) -> impl Iterator<Item = &'p Notice> {
    let told = &history.recorded().notices;
    let notices = plan.notices.iter();
    notices.filter(|n| told.get(&n.key) != Some(&Told::All))
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

/// Tells everybody what has come about, each in a mail of its own.
fn tell(
    plan: &Plan,
    came_about: &BTreeSet<&ChangeId>,
    means: &mut Means<'_>,
    ledger: &mut Ledger,
    run: &RunId,
) -> Result<Vec<Mailed>, RunError> {
    let words = Wording::from(means.rules);
    let mut mails = Vec::new();
    let notices: Vec<Notice> = untold(plan, ledger.history()).cloned().collect();
    for notice in &notices {
        if !notice.after.iter().all(|id| came_about.contains(id)) {
            continue;
        }
        let told = match ledger.history().recorded().notices.get(&notice.key) {
            Some(Told::These(addresses)) => addresses.clone(),
            Some(Told::All) | None => BTreeSet::new(),
        };
        let mut all = true;
        let to = notice.to.iter();
        for recipient in to.filter(|r| !told.contains(&r.mail.to_lowercase())) {
            if means.stop.asked() || !ledger.may_start() {
                return Ok(mails);
            }
            let identity = RunIdentity {
                intent: notice.id.0.clone(),
                instant: plan.instant,
                revision: plan.revision.clone(),
                sender_domain: means.sender.domain().to_owned(),
            };
            let letter = notify::notice::notice(notice, recipient, &words, &identity)?;
            let (mailed, result) = send(&letter, means);
            all &= mailed.result.is_ok();
            ledger.append(Record {
                at: (means.clock)(),
                run: run.clone(),
                event: Event::Noticed {
                    key: notice.key.clone(),
                    recipient: recipient.mail.clone(),
                    message: letter.message_id.0.clone(),
                    result,
                },
            })?;
            mails.push(mailed);
        }
        if all {
            ledger.append(Record {
                at: (means.clock)(),
                run: run.clone(),
                event: Event::NoticeClosed {
                    key: notice.key.clone(),
                },
            })?;
        }
    }
    Ok(mails)
}

/// SHA-256 of a plan's content.
pub fn digest(plan: &Plan) -> String {
    let text = serde_json::to_vec(plan).unwrap_or_default();
    hex(&sha2::Sha256::digest(&text))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// Changes of the directory that one of its maintainers has not been mailed yet.
fn unasked(plan: &Plan, recipient: &Recipient, ledger: &Ledger) -> Vec<Change> {
    let history = ledger.history();
    let address = || std::iter::once(recipient.mail.as_str());
    let changes = plan.changes.iter();
    changes
        .filter(|c| asked_of_maintainers(c, plan.directory_mode))
        .filter(|c| !history.is_asked(&c.id, address()))
        .cloned()
        .collect()
}

/// Changes that were asked of the directory's maintainers and that the plan no longer has: they
/// were made, or are no longer wanted. Should they come up again, they are asked for again.
fn agreed(plan: &Plan, ledger: &Ledger) -> Vec<ChangeId> {
    let planned: BTreeSet<&ChangeId> = plan.changes.iter().map(|c| &c.id).collect();
    let asked = ledger.history().asked();
    asked.filter(|id| !planned.contains(id)).cloned().collect()
}

/// Mails everybody what they have not been told, each in one mail.
fn mail(
    plan: &Plan,
    means: &mut Means<'_>,
    ledger: &mut Ledger,
    run: &RunId,
) -> Result<Vec<Mailed>, RunError> {
    let tasks = ledger.history().unmailed();
    let (name, maintainers) = means.directory;
    let of_tasks = tasks.iter().flat_map(|t| &t.task.maintainers);
    let everybody: BTreeMap<String, &Recipient> = of_tasks
        .chain(maintainers)
        .map(|recipient| (recipient.mail.to_lowercase(), recipient))
        .collect();
    let words = Wording::from(means.rules);
    let mut mails = Vec::new();
    for (address, recipient) in everybody {
        let is_theirs = |r: &&Recipient| r.mail.to_lowercase() == address;
        let tasks: Vec<TaskChange> = tasks
            .iter()
            .filter_map(|change| told_to(change, is_theirs))
            .collect();
        let changes = match maintainers.iter().any(|r| is_theirs(&r)) {
            true => unasked(plan, recipient, ledger),
            false => Vec::new(),
        };
        let work = DirectoryWork::of(name, &changes, std::slice::from_ref(recipient));
        let identity = RunIdentity {
            intent: intent(&tasks, work.as_ref()),
            instant: plan.instant,
            revision: plan.revision.clone(),
            sender_domain: means.sender.domain().to_owned(),
        };
        for letter in digests(&tasks, work.as_ref(), &words, &identity, &threads(ledger))? {
            if means.stop.asked() || !ledger.may_start() {
                return Ok(mails);
            }
            mails.push(deliver(&letter, means, ledger, run)?);
        }
    }
    Ok(mails)
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
fn intent(tasks: &[TaskChange], work: Option<&DirectoryWork>) -> String {
    let mut hash = sha2::Sha256::new();
    for change in tasks {
        hash.update(change.task.id.0.as_bytes());
        hash.update([change.step as u8]);
        hash.update(change.task.revision.to_be_bytes());
    }
    hash.update(work.map(DirectoryWork::fingerprint).unwrap_or_default());
    hex(&hash.finalize()[..8])
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
    let (mailed, result) = send(digest, means);
    let event = Event::Mailed {
        recipient: digest.to.mail.clone(),
        message: digest.message_id.0.clone(),
        tasks: digest.tasks.clone(),
        changes: digest.changes.clone(),
        result,
    };
    ledger.append(Record {
        at: (means.clock)(),
        run: run.clone(),
        event,
    })?;
    Ok(mailed)
}

/// Sends one mail; what became of it, for people and for the record.
fn send(digest: &Digest, means: &mut Means<'_>) -> (Mailed, MailResult) {
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
    let mailed = Mailed {
        to: digest.to.mail.clone(),
        subject: digest.subject.clone(),
        result: result
            .map(|sent| sent.answer)
            .map_err(|error| with_source(&error)),
    };
    (mailed, told)
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
