//! A plan and everything it rests on → carried out, as far as approval and guards let it.

use super::workbench::{self, Bench};
use super::{Exit, Failed};
use crate::apply::{Connections, Done, Stop};
use crate::approval::{Proof, Refusal, bind};
use crate::connector::Transport;
use crate::desired::Recipient;
use crate::dn::Dn;
use crate::failpoint::fail_point;
use crate::ledger::due::next_due;
use crate::ledger::{Event, History, How, Ledger, Record, RunId};
use crate::name::{ResourceName, UserName};
use crate::observed::Directory;
use crate::plan::recorded::{AgreedAccount, AgreedNews, RecordedAccount};
use crate::plan::{Plan, renamed};
use crate::reconcile::guarded::guarded;
use crate::reconcile::run::{Means, carry_out};
use crate::reconcile::world;
use crate::report::outcome::Outcomes;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// What became of a plan.
pub struct Acted {
    /// The plan as it was carried out: what a guard held is held in it.
    pub plan: Plan,
    /// What became of it.
    pub outcomes: Outcomes,
    /// What lets through what guards hold; none where none does.
    pub held: Vec<String>,
    /// When the next reminder or escalation becomes due.
    pub follow: Option<Timestamp>,
    /// The directory as it was read before; none where it was not.
    pub directory: Option<Directory>,
}

/// Users that one record of the ledger tells of at most.
const TOLD_AT_ONCE: usize = 500;

/// What the record says of accounts that are what they should be.
fn said(agreed: AgreedNews) -> Vec<Event> {
    let AgreedNews { mut exact, users } = agreed;
    let mut users: Vec<(UserName, AgreedAccount)> = users.into_iter().collect();
    let mut events = Vec::new();
    loop {
        let rest = users.split_off(users.len().min(TOLD_AT_ONCE));
        events.push(Event::Agreed {
            exact: exact.take(),
            users: users.into_iter().collect(),
        });
        users = rest;
        if users.is_empty() {
            return events;
        }
    }
}

/// What the record says of accounts that have other names by now.
fn renamings(renamed: BTreeMap<UserName, (RecordedAccount, Dn)>) -> Vec<Event> {
    let events = renamed.into_iter().map(|(user, (account, dn))| {
        let RecordedAccount {
            guid,
            login,
            upn,
            mail,
            made: _,
        } = account;
        Event::Account {
            user,
            guid,
            dn,
            login,
            upn,
            mail,
            how: How::Seen,
        }
    });
    events.collect()
}

/// A run that goes on until it is asked to stop, or a window shuts what it writes.
struct UntilShut<'a> {
    stop: &'a dyn Stop,
    shuts: Option<Timestamp>,
}

impl Stop for UntilShut<'_> {
    fn asked(&self) -> bool {
        self.stop.asked() || self.shuts.is_some_and(|at| at <= Timestamp::now())
    }
}

/// Carries out a plan of a bench, after it was `shown` as it will be carried out; the inner error says
/// why nothing of it may be.
///
/// # Errors
/// When something could not be recorded, or what delivers mails cannot be opened.
pub fn act(
    mut bench: Bench,
    plan: Plan,
    ledger: &mut Ledger,
    stop: &dyn Stop,
    shown: &dyn Fn(&Plan) -> Result<(), Failed>,
) -> Result<Result<Acted, Vec<Refusal>>, Failed> {
    let desired = &bench.situation.desired;
    let guards = workbench::guards(ledger.history(), &bench.situation, &bench.operator);
    let guarded = guarded(plan, &guards);
    let proof = match &bench.line {
        Some(line) => line.proof(),
        None => Proof::TrustBranch,
    };
    let approved = match bind(guarded.plan, proof) {
        Ok(approved) => approved,
        Err(refusals) => return Ok(Err(refusals)),
    };
    shown(approved.plan())?;
    let news = bench.line.as_ref().map(|line| line.news(ledger.history()));
    let news: Vec<Event> = news.unwrap_or_default();
    for (what, event) in news
        .into_iter()
        .map(|event| ("verified", event))
        .chain(guarded.events.into_iter().map(|event| ("guard", event)))
    {
        // Nothing is recorded where another reconciler is at work.
        ledger.vacancy().map_err(workbench::ledger_failed)?;
        let at = Timestamp::now();
        let run = RunId(format!("{what}-{}", at.strftime("%Y%m%dT%H%M%SZ")));
        let record = Record { at, run, event };
        ledger.append(record).map_err(workbench::ledger_failed)?;
    }
    let mut mailer = world::mailer(&bench.operator, &desired.rules.organization)
        .map_err(workbench::open_failed)?;
    let sender = mailer.sender.clone();
    let terms = desired.resources.get(&desired.directory);
    let name = terms.map_or("the directory", |t| t.display_name.as_str());
    let recipients: &[Recipient] = match terms {
        Some(terms) if !terms.maintainers.is_empty() => &terms.maintainers,
        _ => &desired.administrators,
    };
    let hand_over = bench.operator.hand_over.clone();
    let resources: BTreeSet<&ResourceName> = approved
        .plan()
        .steps()
        .map(|step| step.resource())
        .collect();
    let now = Timestamp::now();
    let shuts = desired.rules.windows.shuts(resources.iter().copied(), now);
    let stop = &UntilShut { stop, shuts };
    let letters = bench.operator.letters();
    let observed = bench.situation.observed.directory.as_ref();
    let limits = bench.situation.limits.as_ref();
    let (whole, carried) = (&bench.plan, approved.plan());
    let closing = |done: &[Done], history: &History| {
        let came_about = done.iter().filter(|d| d.outcome.is_so()).map(|d| &d.id);
        let came_about = came_about.collect();
        let recorded = history.recorded();
        let (Some(directory), Some(limits)) = (observed, limits) else {
            return Vec::new();
        };
        let agreed = whole.agreed(carried, &came_about, desired, recorded, limits, directory);
        let mut events = renamings(renamed(desired, directory, recorded));
        events.extend(agreed.map(said).unwrap_or_default());
        events
    };
    let mut means = Means {
        connections: Connections {
            directory: bench
                .directory
                .as_deref_mut()
                .map(|d| d as &mut dyn Transport),
            rosters: &bench.rosters,
        },
        post: &mut mailer,
        sender: &sender,
        hand_over: &hand_over,
        letters: &letters,
        desired,
        directory: (name, recipients),
        closing: &closing,
        clock: &Timestamp::now,
        stop,
    };
    let outcomes = carry_out(&approved, &mut means, ledger)
        .map_err(|error| Failed::new(Exit::World, error))?;
    // A run with nothing to do is none that the ledger's branch is told of: this waits for the next one.
    let mut news = match outcomes.run {
        Some(_) => Vec::new(),
        None => closing(&[], ledger.history()),
    };
    if ledger.vacancy().is_err() {
        news.clear();
    }
    let at = Timestamp::now();
    let run = RunId(format!("agreed-{}", at.strftime("%Y%m%dT%H%M%SZ")));
    fail_point!(
        "agreed",
        return Err(workbench::ledger_failed(
            crate::ledger::LedgerError::Stopped
        ))
    );
    let records = news.into_iter().map(|event| Record {
        at,
        run: run.clone(),
        event,
    });
    ledger
        .append_all(records)
        .map_err(workbench::ledger_failed)?;
    let follow = next_due(ledger.history(), desired, Timestamp::now());
    let Bench { mut situation, .. } = bench;
    let directory = situation.observed.directory.take();
    // Nobody waits until everybody is taken apart.
    rayon::spawn(move || drop(situation));
    Ok(Ok(Acted {
        plan: approved.plan().clone(),
        outcomes,
        held: guarded.held,
        follow,
        directory,
    }))
}
