//! The first-parent line of the branch → up to which commit it is approved, and what stands in the
//! way of the next.
//!
//! Invariant: every step is judged by the rules, keys and approvers of the revision before it, as
//! they are now. A commit's own dates, the refs it was found under and the machine's git
//! configuration decide nothing.

use super::authors::AuthorsError;
use super::revision::{Revision, Shelf};
pub use super::step::{Judged, Means, tag_name};
use super::step::{Stage, Step, entitled};
use crate::catalog::located;
use crate::impact::history;
use crate::source::Source;
use crate::source::objects::{Commit, ObjectsError};
use jiff::Timestamp;
use std::rc::Rc;

/// Why nothing can be verified.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum LineError {
    #[error(transparent)]
    Authors(#[from] AuthorsError),
    #[error(
        "{from} ({what}) is not on the first-parent line of {head}: the branch was moved (a force-push, an unrelated history, or a fast-forward to a branch that had merged it). Put the branch back on it; if it was moved on purpose, the operator names the new start in `repository.bootstrap`"
    )]
    Moved {
        from: String,
        what: &'static str,
        head: String,
    },
}

impl From<ObjectsError> for LineError {
    fn from(error: ObjectsError) -> Self {
        Self::Authors(error.into())
    }
}

/// Up to where a line is approved.
#[derive(Debug)]
pub struct Verified {
    /// Where it was begun: approved by what is said elsewhere.
    pub from: String,
    /// Where the line ends.
    pub head: String,
    /// The newest commit up to which every one is approved.
    pub verified: String,
    /// The newest of those that is valid: what is planned from.
    pub effective: Rc<Revision>,
    /// The newest approved one where it is not valid.
    pub stalled: Option<Rc<Revision>>,
    /// The commits that were judged, the oldest first; the last is not approved where `waiting` or it itself stands in the way.
    pub judged: Vec<Judged>,
    /// Commits behind one that is not approved: their rules are not known yet.
    pub waiting: Vec<Commit>,
}

impl Verified {
    /// The commit that stands in the way.
    pub fn blocking(&self) -> Option<&Judged> {
        self.judged.last().filter(|judged| !judged.approved)
    }
}

/// Verifies the line from a commit that is approved already to a head; `what` the first one is.
///
/// # Errors
/// [`LineError`] when the line does not come by the first commit, or it cannot be read.
pub fn verify(
    means: &Means<'_>,
    from: &str,
    what: &'static str,
    head: &str,
) -> Result<Verified, LineError> {
    let Some(line) = means.objects.line(from, head)? else {
        return Err(LineError::Moved {
            from: from.to_owned(),
            what,
            head: head.to_owned(),
        });
    };
    let tags = means.objects.approvals()?;
    let shelf = Shelf::new(means.objects, means.link);
    let mut ours = means.objects.ancestry(from)?;
    let first = shelf.revision(from)?;
    let mut verified = Verified {
        from: from.to_owned(),
        head: head.to_owned(),
        verified: from.to_owned(),
        effective: first.clone(),
        stalled: None,
        judged: Vec::new(),
        waiting: Vec::new(),
    };
    let mut before = first;
    let mut commits = line.into_iter();
    for commit in commits.by_ref() {
        let after = shelf.revision(&commit.id)?;
        let step = Step {
            means,
            shelf: &shelf,
            rules: &verified.effective,
            before: &before,
            after: &after,
            ours: &ours,
            tags: &tags,
            present: entitled(means, &verified.effective, &before, &commit.id),
        };
        let judged = step.judge(&commit, Stage::Merged)?;
        let approved = judged.approved;
        verified.judged.push(judged);
        if !approved {
            break;
        }
        let new = means.objects.beyond(&ours, &commit.id)?;
        ours.extend(new.into_iter().map(|c| c.id));
        verified.verified.clone_from(&commit.id);
        let at = instant(means, &before.commit, &commit);
        let after = settled(&verified.effective, after, at);
        match after.is_valid() {
            true => {
                verified.effective = after.clone();
                verified.stalled = None;
            }
            false => verified.stalled = Some(after.clone()),
        }
        before = after;
    }
    verified.waiting = commits.collect();
    Ok(verified)
}

/// When a commit of the line came, for what had taken effect by then: as it says itself, not before the one it
/// follows and not after now.
///
/// Decision: whoever merges says when, and is an approver. Were it the instant of verification, a request that
/// was taken out in time would be one that had taken effect, whenever the branch is fetched a little later, or
/// verified once more.
fn instant(means: &Means<'_>, before: &Commit, commit: &Commit) -> Timestamp {
    let said = commit.when.max(before.when);
    said.map_or(means.now, |said| said.min(means.now))
}

/// A revision with what it may not do to one before: what has taken effect stays as it was (SEMANTICS 10).
fn settled(before: &Revision, after: Rc<Revision>, at: Timestamp) -> Rc<Revision> {
    let problems = history::settled(&before.catalog, &after.catalog, at);
    if problems.is_empty() {
        return after;
    }
    // Without the files the places are those of the manifests.
    let more = located(problems, &after.catalog, &Source::default());
    Rc::new(after.with(more))
}

/// What merging a head would need, and what it has of that already.
#[derive(Debug)]
pub struct Proposed {
    /// The verdict; its commit is the head.
    pub judged: Judged,
    /// Mistakes of the revision that would come about.
    pub errors: Vec<crate::diagnostic::Diagnostic>,
}

/// Judges a head that is not merged yet; `base`, the branch it would be merged into, is taken as approved.
///
/// # Errors
/// [`LineError`] when something cannot be read.
pub fn propose(means: &Means<'_>, base: &str, head: &str) -> Result<Proposed, LineError> {
    let shelf = Shelf::new(means.objects, means.link);
    let before = shelf.revision(base)?;
    let head_commit = means.objects.commit(head)?;
    let ours = means.objects.ancestry(base)?;
    let proposed = means.objects.proposed(base, head)?;
    let after = match &proposed {
        Some(merge) => shelf.revision(&merge.id)?,
        None => shelf.revision(head)?,
    };
    let step = Step {
        means,
        shelf: &shelf,
        rules: &before,
        before: &before,
        after: &after,
        ours: &ours,
        tags: &means.objects.approvals()?,
        present: entitled(means, &before, &before, &head_commit.id),
    };
    let stage = match proposed {
        Some(_) => Stage::Proposed,
        None => Stage::Conflicting,
    };
    let judged = step.judge(&head_commit, stage)?;
    let after = settled(&before, after.clone(), means.now);
    Ok(Proposed {
        judged,
        errors: after.errors.clone(),
    })
}
