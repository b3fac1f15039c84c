//! One pass of the loop, and what the loop remembers from one to the next.
//!
//! Invariant: what is remembered only spares work or puts it off. A loop that was started anew does
//! the same things.

mod told;

use crate::apply::Stop;
use crate::cli::act::{Acted, act};
use crate::cli::workbench::{self, Bench, InstantArgs, Purpose, Standing};
use crate::cli::{Exit, Failed, Place};
use crate::diagnostic::Code;
use crate::ledger::{Ledger, Outcome, Rest};
use crate::name::ResourceName;
use crate::observed::snapshot::Snapshot;
use crate::operator::Operator;
use crate::plan::{Because, ChangeId, Plan, Step};
use crate::reconcile::stalled::Stalled;
use crate::reconcile::verified::Memory;
use crate::service::backoff::{Failures, chance, jitter};
use crate::service::breaker::Breakers;
use crate::service::listen::Shown;
use crate::service::mirror::Follower;
use crate::service::standing::Ages;
use crate::service::status::{Next, Pass, Status};
use crate::service::supervisor::pulse;
use crate::service::wake::{Due, Wake};
use crate::source::{Origin, git};
use jiff::{SignedDuration, Timestamp};
use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use told::Told;

/// The loop between two passes.
pub struct Loop {
    place: Place,
    revision: String,
    operator: Operator,
    status: Status,
    shown: Arc<Shown>,
    stop: Arc<AtomicBool>,
    follower: Option<Follower>,
    fetch_failure: Option<String>,
    /// Connectors that could not be read, and when they are asked again.
    breakers: Breakers,
    /// What was parsed of the access repository.
    parsed: Memory,
    /// The record as it was when it was last closed.
    rest: Option<Rest>,
    /// Changes that failed, and when they are tried again.
    failures: Failures<ChangeId>,
    /// Passes that failed as a whole.
    outage: Failures<&'static str>,
    /// Mails that did not go out.
    post: Failures<&'static str>,
    /// When something begins or ends by itself.
    instant: Option<Timestamp>,
    /// When somebody is to be reminded.
    follow: Option<Timestamp>,
    /// When everything is looked at anew.
    interval: Timestamp,
    /// The directory as it was when it was last looked at.
    seen: Option<(ResourceName, Snapshot)>,
    /// When the directory is asked whether it changed.
    poll: Timestamp,
}

impl Loop {
    /// A loop that has made no pass.
    pub fn new(
        place: Place,
        revision: String,
        operator: Operator,
        status: Status,
        shown: Arc<Shown>,
        stop: Arc<AtomicBool>,
    ) -> Self {
        Self {
            place,
            revision,
            operator,
            interval: status.at,
            status,
            shown,
            stop,
            follower: None,
            fetch_failure: None,
            breakers: Breakers::default(),
            parsed: Memory::default(),
            rest: None,
            failures: Failures::default(),
            outage: Failures::default(),
            post: Failures::default(),
            instant: None,
            follow: None,
            seen: None,
            poll: Timestamp::MAX,
        }
    }

    /// Takes note of a fetch that failed, or did not.
    pub fn fetched(&mut self, failure: Option<String>) {
        if failure.is_some() {
            self.shown.metrics.fetch_failure();
        }
        self.fetch_failure = failure;
    }

    /// Has the branch fetched in the background from now on.
    pub fn follow(&mut self, follower: Follower) {
        self.follower = Some(follower);
    }

    /// A sign of life.
    pub fn alive(&self) {
        self.shown.alive(Timestamp::now());
    }

    /// Where the loop stands, in one line.
    pub fn line(&self) -> String {
        let stands = self.status.conditions.iter().rev().find(|c| c.is_true);
        let next = self.status.next.as_ref();
        let next = next.map_or_else(String::new, |n| format!("; next {} ({})", n.at, n.wake));
        match stands {
            Some(condition) => format!("{}{next}", condition.kind.as_str()),
            None => format!("waiting{next}"),
        }
    }

    /// When to look again; at the latest after `patience`, for a sign of life.
    pub fn due(&mut self, patience: Option<Duration>) -> Due {
        let mut due = Due::default();
        due.at(self.instant, Wake::Instant);
        due.at(self.follow, Wake::Follow);
        due.at(self.breakers.next(), Wake::Retry);
        due.at(self.failures.next(), Wake::Retry);
        due.at(self.outage.next(), Wake::Retry);
        due.at(self.post.next(), Wake::Retry);
        due.at(Some(self.interval), Wake::Interval);
        let mark = self
            .seen
            .as_ref()
            .and_then(|(_, seen)| seen.taken.mark.as_ref());
        due.at(mark.map(|_| self.poll), Wake::Directory);
        let next = due.next().map(|(at, wake)| Next {
            at,
            wake: wake.as_str().into(),
        });
        if self.status.next != next {
            self.status.next = next;
            self.tell();
        }
        let patience = patience.and_then(|p| SignedDuration::try_from(p).ok());
        // A sign of life is none of the reasons to look: the caller sees that nothing is due.
        due.at(patience.map(|p| Timestamp::now() + p), Wake::Start);
        due
    }

    /// Something called, or an instant came.
    pub fn woken(&mut self, wake: Wake) {
        match wake {
            // Only a sign of life was due.
            Wake::Start => {}
            Wake::Pushed | Wake::Signal => {
                if let Some(follower) = &self.follower {
                    follower.fetch_now();
                }
                // A review moves no branch, and may be what was waited for.
                let reviews = self.operator.forge.is_some();
                if wake == Wake::Signal || self.follower.is_none() || reviews {
                    self.pass(wake);
                }
            }
            Wake::Directory if self.is_unchanged() => {}
            Wake::Revision
            | Wake::Instant
            | Wake::Follow
            | Wake::Retry
            | Wake::Interval
            | Wake::Directory => {
                self.pass(wake);
            }
        }
    }

    /// Whether surely nothing in the directory has changed since it was read.
    fn is_unchanged(&mut self) -> bool {
        let chance = chance();
        self.poll = Timestamp::now() + jitter(self.operator.running.poll, chance);
        let Some((resource, seen)) = &mut self.seen else {
            return false;
        };
        let Some(mark) = &mut seen.taken.mark else {
            return false;
        };
        let asked = (&*mark, seen.taken.attributes.as_slice());
        match workbench::unchanged(&self.operator, resource, asked) {
            Ok(Some(now)) => {
                *mark = now;
                true
            }
            Ok(None) => {
                let told_by = match mark.cookie {
                    Some(_) => "DirSync",
                    None => "the numbers of changes",
                };
                tracing::info!(told_by, "the directory changed");
                false
            }
            Err(failed) => {
                // Whether it can be read at all, the next pass finds out.
                tracing::warn!(reason = failed.words(), "the directory was not asked");
                self.seen = None;
                true
            }
        }
    }

    /// Looks, plans and acts, once; how a command that did only this would end.
    pub fn pass(&mut self, wake: Wake) -> Exit {
        let began = Timestamp::now();
        let clock = Instant::now();
        let span = tracing::info_span!("pass", number = self.status.passes + 1, wake = %wake);
        let _inside = span.enter();
        if let Some(follower) = &self.follower {
            let failure = follower.failure();
            follower.take_moved();
            self.fetched(failure);
        }
        match wake {
            Wake::Start | Wake::Signal => self.breakers.ask_all(began),
            Wake::Revision | Wake::Pushed | Wake::Directory => self.breakers.news(began),
            Wake::Instant | Wake::Follow | Wake::Retry | Wake::Interval => {}
        }
        let seen = git::revision_id(&self.place.folder, &self.revision).ok();
        if seen != self.status.seen {
            tracing::info!(revision = seen.as_deref(), "the branch stands here");
            self.status.seen = seen;
        }
        let result = self.look_and_act(wake);
        let now = Timestamp::now();
        self.status.passes += 1;
        let chance = chance();
        self.interval = now + jitter(self.operator.running.interval, chance);
        let exit = match result {
            Ok(mut told) => {
                told.pass.wake = wake.as_str().into();
                told.pass.began = began;
                told.pass.milliseconds =
                    u64::try_from(clock.elapsed().as_millis()).unwrap_or(u64::MAX);
                self.outage.came_about(&"pass");
                self.succeeded(told, now)
            }
            Err(failed) => {
                self.outage.failed("pass", now, chance);
                self.failed(&failed, now)
            }
        };
        self.tell();
        exit
    }

    fn look_and_act(&mut self, wake: Wake) -> Result<Told, Failed> {
        self.operator = workbench::operator(&self.place)?;
        let mut ledger = workbench::ledger_again(&self.operator, self.rest.take())?;
        let told = self.act(&mut ledger, wake);
        self.rest = ledger.rest();
        told
    }

    fn act(&mut self, ledger: &mut Ledger, wake: Wake) -> Result<Told, Failed> {
        let origin = Origin::Revision {
            folder: self.place.folder.clone(),
            revision: self.revision.clone(),
        };
        for line in workbench::inbox(&self.operator, ledger, &origin) {
            tracing::info!("inbox: {line}");
        }
        if let Some(pause) = ledger.history().orders().paused().get(&None) {
            // Nothing is looked at: a mail of old work would be something done, too.
            tracing::info!("everything is paused");
            return Ok(Told::paused(&pause.by, &pause.reason));
        }
        let standing = self.standing(wake);
        let (mut bench, stalled) = match self.bench(ledger, &self.revision, &standing) {
            Err(failed) if failed.exit == Exit::Findings => {
                let Some(valid) = self.last_valid(ledger) else {
                    return Err(failed);
                };
                let bench = self.bench(ledger, &valid, &standing)?;
                (bench, Some(self.stalled(&valid, &failed)))
            }
            bench => (bench?, None),
        };
        let now = Timestamp::now();
        let unread = &bench.situation.observed.unread;
        self.breakers
            .passed(&bench.connectors, unread, &standing.shut, (now, chance()));
        let directory = &bench.situation.desired.directory;
        let blind = unread.get(directory).map(ToString::to_string);
        let unread = unread.len();
        let wanted = |id: &ChangeId| bench.plan.changes.iter().any(|c| c.id == *id);
        if blind.is_none() {
            self.failures.keep(wanted);
        }
        let mut plan = self.not_now(bench.plan.clone(), now);
        if let Some(stalled) = &stalled {
            let desired = &bench.situation.desired;
            let recorded = ledger.history().recorded();
            plan = stalled.told(plan, desired, recorded, self.operator.outer());
        }
        let resource = bench.situation.desired.directory.clone();
        let taken = bench.taken.take();
        let read = taken.as_ref().map(|taken| taken.extent.as_str().into());
        let poll = jitter(self.operator.running.poll, chance());
        self.poll = Timestamp::now() + poll;
        let revision = plan.revision.clone();
        self.instant = plan.valid_until;
        let stop = Between {
            stop: self.stop.clone(),
            shown: self.shown.clone(),
            follower: self.follower.as_ref(),
            began: Instant::now(),
        };
        let acted = act(bench, plan, ledger, &stop, &|_| Ok(()))?;
        let Acted {
            plan,
            outcomes,
            held,
            follow,
            directory,
        } = acted.map_err(|refusals| {
            let refusals: Vec<String> = refusals.iter().map(ToString::to_string).collect();
            Failed::say(Exit::Findings, refusals.join("; "))
        })?;
        if blind.is_none() {
            self.status.applied = revision;
        }
        self.seen = directory
            .zip(taken)
            .map(|(directory, taken)| (resource, Snapshot { directory, taken }));
        self.follow = follow;
        let chance = chance();
        for done in &outcomes.done {
            match done.outcome {
                Outcome::Applied | Outcome::AlreadySo => self.failures.came_about(&done.id),
                Outcome::Failed | Outcome::Conflict => {
                    self.failures.failed(done.id.clone(), now, chance);
                    let detail = done.detail.as_deref();
                    tracing::warn!(change = %done.id.0, detail, "{}", done.outcome.as_str());
                }
                Outcome::Held => {}
            }
        }
        let unmailed = outcomes.mails.iter().filter(|m| m.result.is_err()).count();
        match unmailed {
            0 => self.post.came_about(&"mail"),
            _ => self.post.failed("mail", now, chance),
        }
        self.shown.metrics.tasks(Ages::of(ledger.history(), now));
        let summary = outcomes.summary;
        let mut reasons: Vec<String> = held.into_iter().map(|d| format!("guard ({d})")).collect();
        reasons.extend(plan.held.iter().map(|h| h.code.clone()));
        reasons.sort();
        reasons.dedup();
        Ok(Told {
            pass: Pass {
                wake: String::new(),
                began: now,
                milliseconds: 0,
                run: outcomes.run.map(|run| run.0),
                applied: summary.applied,
                already_so: summary.already_so,
                conflict: summary.conflict,
                failed: summary.failed,
                held: summary.held,
                mailed: summary.mailed,
                unmailed,
                unread,
                read,
            },
            held: reasons,
            unread: blind,
        })
    }

    /// What is known of the world from before. The directory is read as a whole again after a while, because
    /// some of what happens is not told of; and where somebody wants everything looked at.
    fn standing(&mut self, wake: Wake) -> Standing {
        let now = Timestamp::now();
        let oldest = now - self.operator.running.read_all;
        let kept = self.seen.take().map(|(_, seen)| seen);
        let kept = kept.filter(|seen| seen.taken.whole >= oldest && wake != Wake::Signal);
        Standing {
            shut: self.breakers.shut(now),
            kept: Cell::new(kept),
            parsed: self.parsed.clone(),
        }
    }

    /// Reads, looks and plans.
    fn bench(&self, ledger: &Ledger, revision: &str, standing: &Standing) -> Result<Bench, Failed> {
        let origin = Origin::Revision {
            folder: self.place.folder.clone(),
            revision: revision.to_owned(),
        };
        workbench::bench(
            &self.place,
            &origin,
            &InstantArgs::now(),
            self.operator.clone(),
            |_: &Operator| Ok(ledger.history()),
            Purpose::GoOn(standing),
        )
    }

    /// The last revision that a plan could be made from, other than the branch's: it stays in force
    /// where the newest has mistakes (SEMANTICS 11).
    fn last_valid(&self, ledger: &Ledger) -> Option<String> {
        let last = ledger.history().last_run();
        let last = last.and_then(|run| run.revision.clone());
        let valid = self.status.applied.clone().or(last)?;
        (Some(&valid) != self.status.seen.as_ref()).then_some(valid)
    }

    /// That the newest revision cannot be used, and why.
    fn stalled(&self, valid: &str, failed: &Failed) -> Stalled {
        let commit = self.status.seen.as_deref().unwrap_or(&self.revision);
        Stalled::of(commit, valid, (&failed.words(), failed.mistakes()))
    }

    /// The plan without what failed a moment ago.
    fn not_now(&self, plan: Plan, now: Timestamp) -> Plan {
        plan.holding_back(&|step| {
            let Step::Change(change) = step else {
                return None;
            };
            let failing = self.failures.waits(&change.id, now)?;
            Some(Because {
                code: Code::WaitsForRetry,
                words: format!(
                    "it failed {} times, and is tried again at {:.0}",
                    failing.times, failing.again
                ),
            })
        })
    }
}

/// How long a pass goes on before a newer revision ends it: a leaver must not wait for thousands of
/// others, and the others must get on all the same.
const BEFORE_A_NEWER_ONE: Duration = Duration::from_secs(20);

/// What is asked between two changes.
struct Between<'a> {
    stop: Arc<AtomicBool>,
    shown: Arc<Shown>,
    follower: Option<&'a Follower>,
    began: Instant,
}

impl Stop for Between<'_> {
    fn asked(&self) -> bool {
        self.shown.alive(Timestamp::now());
        pulse();
        let moved = self.follower.is_some_and(Follower::has_moved);
        self.stop.load(Ordering::Relaxed) || moved && self.began.elapsed() >= BEFORE_A_NEWER_ONE
    }
}
