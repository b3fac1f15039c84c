//! The operator's choice of evidence, asked about the branch → the line up to the newest approved
//! revision, what the record does not know of it yet, and what a plan holds because of the rest.

use super::super::approve_check;
use super::super::{Exit, Failed};
use super::source_failed;
use crate::approval::line::Verified;
use crate::approval::reviews::Reviews;
use crate::approval::reviews::forge_record::ForgeRecord;
use crate::approval::{Evidence, Proof};
use crate::failpoint::fail_point;
use crate::forge::Forge;
use crate::ledger::{ApprovedCommit, ApprovedLine, Event, History};
use crate::operator::Operator;
use crate::plan::Plan;
use crate::plan::recorded::Recorded;
use crate::reconcile::verified::{AsOf, Memory, Start, verified};
use crate::reconcile::{self, Reading, Situation, unapproved};
use crate::source::{Blob, Origin, git};
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// So many manifests are kept in any case.
const FEW: usize = 1000;

/// How a line is proven.
#[derive(Clone, Copy)]
enum Proven {
    ByReviews,
    BySignatures,
}

impl Proven {
    fn as_str(self) -> &'static str {
        match self {
            Self::ByReviews => Evidence::ForgeReviews.as_str(),
            Self::BySignatures => Evidence::SignedMerge.as_str(),
        }
    }
}

/// The line of a branch, verified.
pub struct Line {
    folder: PathBuf,
    bootstrap: String,
    evidence: Proven,
    /// What the record knows already.
    known: ApprovedLine,
    verified: Verified,
    memory: Memory,
}

/// Verifies the branch up to a revision, as the operator's file asks for; none where it asks for
/// nothing, or it is a working folder, of which nothing can be applied.
///
/// # Errors
/// When the branch does not come by what was approved before, or it cannot be read.
pub fn approved(
    operator: &Operator,
    history: &History,
    origin: &Origin,
    memory: Memory,
) -> Result<Option<Line>, Failed> {
    let Origin::Revision { folder, revision } = origin else {
        return Ok(None);
    };
    let repository = operator.repository.as_ref();
    let bootstrap = repository.and_then(|r| r.bootstrap.clone());
    let evidence = match operator.evidence {
        Evidence::TrustBranch => return Ok(None),
        Evidence::ForgeReviews => Proven::ByReviews,
        Evidence::SignedMerge => Proven::BySignatures,
    };
    let (Some(repository), Some(bootstrap)) = (repository, bootstrap) else {
        return Err(nothing_named("`repository.bootstrap`"));
    };
    let forge = match (evidence, &operator.forge) {
        (Proven::ByReviews, Some(named)) => {
            let settings = named.settings().map_err(|e| Failed::new(Exit::World, e))?;
            Some(Forge::open(&settings).map_err(|e| Failed::new(Exit::World, e))?)
        }
        (Proven::ByReviews, None) => return Err(nothing_named("a forge")),
        (Proven::BySignatures, _) => None,
    };
    let record = forge.as_ref();
    let record = record.map(|forge| ForgeRecord::new(forge, &repository.branch));
    let reviews = record.as_ref().map(|record| record as &dyn Reviews);
    let approved = history.approved();
    let approved = approved.filter(|line| line.rests_on(&bootstrap, evidence.as_str()));
    let approved = approved.cloned();
    let approved = approved.unwrap_or_else(|| ApprovedLine::begin(&bootstrap, evidence.as_str()));
    let what = match approved.newest == bootstrap {
        true => "the operator's `repository.bootstrap`",
        false => "the newest approved commit that the ledger knows",
    };
    let start = Start {
        commit: approved.newest.clone(),
        what,
    };
    fail_point!(
        "verify",
        return Err(Failed::new(Exit::World, crate::failpoint::broken()))
    );
    let head = git::revision_id(folder, revision).map_err(source_failed)?;
    // Who approves is asked as of now, whatever instant a plan is for.
    let now = Timestamp::now();
    let seen = |commit: &str| history.first_seen(commit);
    let as_of = AsOf { now, seen: &seen };
    let verified = verified(folder, &start, &head, &memory, reviews, as_of);
    fail_point!(
        "verified",
        return Err(Failed::new(Exit::World, crate::failpoint::broken()))
    );
    Ok(Some(Line {
        folder: folder.clone(),
        bootstrap,
        evidence,
        known: approved,
        verified: verified.map_err(approve_check::failed)?,
        memory,
    }))
}

/// An operator's file that asks for proof and does not say of what is none that is ever read; nothing
/// is planned from one.
fn nothing_named(what: &str) -> Failed {
    let words = format!("the operator's file asks for proof of approval and does not name {what}");
    Failed::say(Exit::Usage, words)
}

impl Line {
    /// The newest revision that is approved and valid.
    pub fn revision(&self) -> &str {
        &self.verified.effective.commit.id
    }

    /// What a plan of that revision rests on.
    pub fn proof(&self) -> Proof<'_> {
        match self.evidence {
            Proven::ByReviews => Proof::ForgeReviews(self.revision()),
            Proven::BySignatures => Proof::SignedMerge(self.revision()),
        }
    }

    /// Where to read it from.
    pub fn origin(&self) -> Origin {
        Origin::Revision {
            folder: self.folder.clone(),
            revision: self.revision().to_owned(),
        }
    }

    /// The revision, read.
    ///
    /// # Errors
    /// When it cannot be read at all.
    pub fn read(&self) -> Result<Reading, Failed> {
        self.read_from(&self.origin())
    }

    fn read_from(&self, origin: &Origin) -> Result<Reading, Failed> {
        let mut memory = self.memory.borrow_mut();
        let reading = reconcile::read(origin, &mut memory).map_err(source_failed)?;
        // What no newer revision has is not asked for again.
        if memory.0.len() > 2 * reading.source.files.len() + FEW {
            let files = reading.source.files.values();
            let blobs: BTreeSet<Blob> = files.map(|file| file.blob).collect();
            memory.0.retain(|blob, _| blobs.contains(blob));
        }
        Ok(reading)
    }

    /// What the record does not know yet: what is approved since, and what is seen of the branch and is not.
    pub fn news(&self, history: &History) -> Vec<Event> {
        let approved = self.approved();
        let verified = (!approved.is_empty()).then(|| Event::Verified {
            bootstrap: self.bootstrap.clone(),
            evidence: self.evidence.as_str().to_owned(),
            commits: approved,
        });
        let blocking = self.verified.blocking().map(|judged| &judged.commit);
        let waiting = self.verified.waiting.iter().map(|commit| &commit.id);
        let new = blocking.into_iter().chain(waiting);
        let new = new.filter(|commit| history.first_seen(commit).is_none());
        let commits: Vec<String> = new.cloned().collect();
        let seen = (!commits.is_empty()).then_some(Event::Seen { commits });
        verified.into_iter().chain(seen).collect()
    }

    /// The commits that are approved since, up to the one that is acted on.
    fn approved(&self) -> Vec<ApprovedCommit> {
        let last = self.revision();
        let mut judged = self.verified.judged.iter();
        let end = judged.position(|j| j.commit == last).map_or(0, |at| at + 1);
        let commits = self.verified.judged.iter().take(end);
        let commits = commits.map(|judged| ApprovedCommit {
            commit: judged.commit.clone(),
            approvers: judged.counted.clone(),
            files: judged.files.clone(),
        });
        commits.collect()
    }

    /// Says in a plan what it rests on, and holds what is not approved.
    pub fn rest(
        &self,
        plan: Plan,
        situation: &Situation,
        recorded: &Recorded,
        operator: &Operator,
    ) -> Result<Plan, Failed> {
        let mut line = self.known.clone();
        line.extend(self.approved());
        let plan = plan.resting_on(&self.bootstrap, &self.verified.head, &line.files);
        let now = situation.desired.instant;
        let head = match self.verified.head == self.revision() {
            true => None,
            false => self.head(now)?,
        };
        let Some(waiting) = unapproved::waiting(&self.verified, head.as_ref(), now) else {
            return Ok(plan);
        };
        let approvers = &self.verified.effective.present(Timestamp::now()).approvers;
        let outer = operator.outer();
        Ok(plan.holding(&waiting, approvers, &situation.desired, recorded, outer))
    }

    /// The branch as it stands; none where that has mistakes.
    fn head(&self, now: Timestamp) -> Result<Option<Reading>, Failed> {
        let origin = Origin::Revision {
            folder: self.folder.clone(),
            revision: self.verified.head.clone(),
        };
        let diagnostics = reconcile::diagnose(self.read_from(&origin)?, None, now);
        match crate::diagnostic::any_error(&diagnostics) {
            true => Ok(None),
            false => self.read_from(&origin).map(Some),
        }
    }
}
