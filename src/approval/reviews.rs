//! Reviews on a forge, as evidence: what a module that reads them has to tell. It decides nothing;
//! counting, barring and the comparison of trees are the same as for signatures.

use super::requirement::Approver;
use crate::catalog::Catalog;
use crate::name::UserName;

/// What is known of the pull request of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reviewed {
    /// The pull request, as people know it: `#12`.
    pub name: String,
    /// The head that was reviewed last: 40 hex digits.
    pub head: String,
    /// Who opened it, or whose form a bot opened it from; else the login, which is nobody's here.
    pub author: Result<UserName, String>,
    /// Who approved its head.
    pub approvers: Vec<Approver>,
    /// What did not count, and why: dismissed reviews, reviews of an earlier head, unknown logins.
    pub remarks: Vec<String>,
}

/// What tells of pull requests.
pub trait Reviews {
    /// The merged pull request that a commit of the branch is the merge or squash of; none where there
    /// is no such. Logins are the users' that `rules`, the revision before, says.
    ///
    /// # Errors
    /// When the forge could not be asked to the end, in words: then nothing is known.
    fn merged(&self, commit: &str, rules: &Catalog) -> Result<Option<Reviewed>, String>;

    /// The open pull request of a head; none where there is no such.
    ///
    /// # Errors
    /// As [`Reviews::merged`].
    fn open(&self, head: &str, rules: &Catalog) -> Result<Option<Reviewed>, String>;
}
