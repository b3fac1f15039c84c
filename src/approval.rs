//! Approval: a plan and the evidence for its commit become the only thing that can be applied.
//!
//! Decision: this version has one evidence module, `trust-branch`: whoever can move the branch is
//! trusted, and every plan says so. Proof of approval is what the next version is about.

use crate::plan::Plan;

/// What the approval of a commit rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// The branch itself: nobody's approval was checked.
    TrustBranch,
    /// The forge's record of who approved what.
    ForgeReviews,
}

impl Evidence {
    /// The word plans carry.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TrustBranch => "trust-branch",
            Self::ForgeReviews => "forge-reviews",
        }
    }
}

/// A plan that may be applied.
#[derive(Debug, Clone, PartialEq)]
pub struct Approved(Plan);

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
pub fn bind(plan: Plan, evidence: Evidence) -> Result<Approved, Vec<Refusal>> {
    let mut refusals = Vec::new();
    if plan.revision.is_none() {
        refusals.push(Refusal::NoRevision);
    }
    if plan.approval != evidence.as_str() {
        refusals.push(Refusal::OtherEvidence {
            plan: plan.approval.clone(),
            wanted: evidence.as_str(),
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
}
