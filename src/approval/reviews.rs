//! Reviews on a forge, as evidence: what a module that reads them has to tell. It decides nothing;
//! counting, barring and the comparison of trees are the same as for signatures.

pub mod forge_record;

use super::requirement::Approver;
use crate::catalog::Catalog;
use crate::name::UserName;
use std::collections::BTreeMap;

/// What is known of the pull request of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reviewed {
    /// The pull request, as people know it: `#12`.
    pub name: String,
    /// The head that was reviewed last: 40 hex digits.
    pub head: String,
    /// Who opened it, or whose form a bot opened it from; else the login, which is nobody's here.
    pub author: Result<UserName, String>,
    /// Whom the forge takes for the author of each commit, by its hash, where that is a user. It is a
    /// claim of whoever made the commit: it bars from approving, and proves nothing.
    pub writers: BTreeMap<String, UserName>,
    /// Who approved its head.
    pub approvers: Vec<Approver>,
    /// What did not count, and why: dismissed reviews, reviews of an earlier head, unknown logins.
    pub remarks: Vec<String>,
}

/// What a forge knows of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// Its pull request.
    PullRequest(Reviewed),
    /// None that could be evidence, and why, in words.
    Nothing(String),
}

/// What tells of pull requests.
pub trait Reviews {
    /// The merged pull request that a commit of the branch is the merge or squash of. Logins are the
    /// users' that `rules`, the revision before, says.
    ///
    /// # Errors
    /// When the forge could not be asked to the end, in words: then nothing is known.
    fn merged(&self, commit: &str, rules: &Catalog) -> Result<Found, String>;

    /// The open pull request of a head.
    ///
    /// # Errors
    /// As [`Reviews::merged`].
    fn open(&self, head: &str, rules: &Catalog) -> Result<Found, String>;
}
