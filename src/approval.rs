//! Approval: a plan and the evidence for its commit become the only thing that can be applied.
//!
//! A commit is approved where enough people approved it whom the revision *before* it entitles. What
//! it needs is asked once ([`requirement`]); a module of evidence answers who approved it and how
//! that is known ([`requirement::Approver`]). [`line`] goes from commit to commit.
//!
//! Decision: with `trust-branch`, whoever can move the branch is trusted, and every plan says so.
//!
//! Decision: a commit that stands on the branch without a merge is no signed evidence, whoever signed
//! it: its author and its approver would be the same person. It is covered afterwards by a signed tag
//! of somebody else (`countersign approve`), as is every other commit that came without evidence.

pub mod authors;
pub mod fault;
pub mod line;
pub mod requirement;
pub mod reviews;
pub mod revision;
pub mod signature;
pub mod step;

use crate::plan::{ChangeId, NoticeKey, Plan, TaskId};
use std::collections::BTreeSet;

/// What the approval of a commit rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// The branch itself: nobody's approval was checked.
    TrustBranch,
    /// The forge's record of who approved what.
    ForgeReviews,
    /// Merges and tags that approvers signed.
    SignedMerge,
}

impl Evidence {
    /// The word plans carry.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TrustBranch => "trust-branch",
            Self::ForgeReviews => "forge-reviews",
            Self::SignedMerge => "signed-merge",
        }
    }
}

/// A plan that may be applied.
#[derive(Debug, Clone, PartialEq)]
pub struct Approved(Plan);

/// What a plan must rest on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof<'a> {
    /// Nobody's approval was checked.
    TrustBranch,
    /// This revision is the newest that is approved and valid, by the forge's record.
    ForgeReviews(&'a str),
    /// This revision is the newest that is approved and valid, by signatures.
    SignedMerge(&'a str),
}

impl Proof<'_> {
    /// The module it comes from.
    pub fn evidence(self) -> Evidence {
        match self {
            Self::TrustBranch => Evidence::TrustBranch,
            Self::ForgeReviews(_) => Evidence::ForgeReviews,
            Self::SignedMerge(_) => Evidence::SignedMerge,
        }
    }

    /// The newest revision that is approved and valid; none where that was not asked.
    fn revision(&self) -> Option<&str> {
        match self {
            Self::TrustBranch => None,
            Self::ForgeReviews(revision) | Self::SignedMerge(revision) => Some(revision),
        }
    }
}

/// Why a plan may not be applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)]
pub enum Refusal {
    #[error(
        "the plan was made from a working folder; only a commit can be applied: commit, and plan again"
    )]
    NoRevision,
    #[error("the plan rests on `{plan}`, and the operator asks for `{wanted}`")]
    OtherEvidence { plan: String, wanted: &'static str },
    #[error(
        "the plan was made from {plan}, and the newest revision that is approved is {verified}; plan again"
    )]
    NotVerified { plan: String, verified: String },
    #[error(
        "guard `{guard}`: the plan has {count}, and {limit} are allowed (set by {set_by}); nothing was written"
    )]
    Guard {
        guard: String,
        count: usize,
        limit: usize,
        set_by: String,
    },
}

/// Binds a plan to the evidence for its commit.
///
/// # Errors
/// Every [`Refusal`] there is; nothing of such a plan may be applied.
pub fn bind(plan: Plan, proof: Proof<'_>) -> Result<Approved, Vec<Refusal>> {
    let mut refusals = Vec::new();
    if plan.revision.is_none() {
        refusals.push(Refusal::NoRevision);
    }
    let wanted = proof.evidence().as_str();
    if plan.approval != wanted {
        refusals.push(Refusal::OtherEvidence {
            plan: plan.approval.clone(),
            wanted,
        });
    }
    if let (Some(verified), Some(revision)) = (proof.revision(), &plan.revision)
        && verified != revision
    {
        refusals.push(Refusal::NotVerified {
            plan: revision.clone(),
            verified: verified.to_owned(),
        });
    }
    for guard in &plan.guards {
        if guard.verdict == crate::plan::Verdict::Beyond {
            refusals.push(Refusal::Guard {
                guard: guard.guard.clone(),
                count: guard.count,
                limit: guard.limit,
                set_by: guard.set_by.clone(),
            });
        }
    }
    match refusals.is_empty() {
        true => Ok(Approved(plan)),
        false => Err(refusals),
    }
}

impl Approved {
    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.0
    }

    /// What of it is among these: less is approved where more is.
    #[must_use]
    pub fn within(
        &self,
        changes: &BTreeSet<ChangeId>,
        tasks: &BTreeSet<TaskId>,
        notices: &BTreeSet<NoticeKey>,
    ) -> Self {
        Self(self.0.within(changes, tasks, notices))
    }
}
