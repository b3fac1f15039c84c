//! Why a commit is not approved, and what to do about it.

use crate::name::{RequestName, UserName};
use crate::proposal::reserved::Reserved;
use schemars::JsonSchema;
use serde::Serialize;
use std::fmt;

/// Why a commit is not approved.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(
    rename_all = "camelCase",
    tag = "kind",
    rename_all_fields = "camelCase"
)]
pub enum Fault {
    /// It stands on the branch without a merge.
    Straight,
    /// It merges several heads at once.
    Octopus {
        /// How many.
        heads: usize,
    },
    /// It brings a history that begins elsewhere.
    Unrelated {
        /// That history's first commit.
        root: String,
    },
    /// The reviewed head has merged something that was never on the branch.
    Elsewhere {
        /// The commit that merged it.
        commit: String,
        /// What it merged.
        other: String,
    },
    /// The merge holds what neither side has.
    Altered {
        /// The files.
        files: Vec<String>,
    },
    /// The head cannot be merged without somebody deciding something.
    Conflict,
    /// A commit of the request has a signature that counts for nobody.
    BadSignature {
        /// The commit.
        commit: String,
        /// Why.
        why: String,
    },
    /// A request says that somebody asks for it who did not bring it.
    NotTheRequester {
        /// The request.
        request: RequestName,
        /// Who it says asks for it.
        said: UserName,
        /// Who brought it.
        signer: UserName,
        /// The commit that brought it.
        commit: String,
    },
    /// A request comes into force, and no commit brought it.
    Unbrought {
        /// The request.
        request: RequestName,
        /// Who it says asks for it.
        said: UserName,
    },
    /// A request says that somebody asks for it whom the revision before does not know as working here.
    UnknownRequester {
        /// The request.
        request: RequestName,
        /// Who it says asks for it.
        said: UserName,
    },
    /// What was reviewed is not at hand.
    Unfetched {
        /// The reviewed head.
        head: String,
    },
    /// Whoever opened the pull request is nobody here.
    UnknownAuthor {
        /// The pull request.
        name: String,
        /// The login.
        login: String,
    },
    /// It changes who has a level that only administrators may ask for, and somebody else asks.
    Reserved {
        /// The change.
        change: Reserved,
        /// Who asks; none: nobody knows.
        by: Option<UserName>,
        /// In which way.
        how: String,
        /// Who could ask for it.
        administrators: Vec<UserName>,
    },
    /// A policy forbids it.
    Denied {
        /// The policy.
        policy: String,
        /// What it says.
        message: String,
    },
    /// Too few approved it.
    Few {
        /// So many are needed.
        needed: u32,
        /// Because of what.
        because: String,
        /// Who approved it.
        by: Vec<UserName>,
        /// Who else can.
        eligible: Vec<UserName>,
    },
}

fn short(commit: &str) -> &str {
    commit.get(..12).unwrap_or(commit)
}

fn list<'n>(names: impl IntoIterator<Item = &'n UserName>) -> String {
    let names: Vec<&str> = names.into_iter().map(UserName::as_str).collect();
    names.join(", ")
}

impl Fault {
    /// Whether approvers who look at the commit itself afterwards can cover it.
    pub fn can_be_covered(&self) -> bool {
        match self {
            Self::Straight
            | Self::Octopus { .. }
            | Self::Unrelated { .. }
            | Self::Elsewhere { .. }
            | Self::Altered { .. }
            | Self::BadSignature { .. }
            | Self::NotTheRequester { .. }
            | Self::Unbrought { .. }
            | Self::Unfetched { .. }
            | Self::UnknownAuthor { .. } => true,
            Self::Conflict
            | Self::UnknownRequester { .. }
            | Self::Reserved { .. }
            | Self::Denied { .. }
            | Self::Few { .. } => false,
        }
    }

    /// The commit whose signature counts for nobody.
    pub fn badly_signed(&self) -> Option<&str> {
        match self {
            Self::BadSignature { commit, .. } => Some(commit),
            Self::Straight
            | Self::Octopus { .. }
            | Self::Unrelated { .. }
            | Self::Elsewhere { .. }
            | Self::Altered { .. }
            | Self::Conflict
            | Self::NotTheRequester { .. }
            | Self::Unbrought { .. }
            | Self::UnknownRequester { .. }
            | Self::Unfetched { .. }
            | Self::UnknownAuthor { .. }
            | Self::Reserved { .. }
            | Self::Denied { .. }
            | Self::Few { .. } => None,
        }
    }

    /// What to do about it, for a commit that is on the branch already or for a head that is not.
    pub fn way_out(&self, commit: &str) -> String {
        let cover = format!(
            "look at the commit as it is and run `countersign approve {}`, or take it off the branch",
            short(commit)
        );
        match self {
            Self::Straight => {
                format!("merge pull requests with `git merge --no-ff -S`; for this one, {cover}")
            }
            Self::Octopus { .. } => format!("merge one pull request at a time; for this one, {cover}"),
            Self::Unrelated { .. } => {
                format!("make the change anew on a branch of this repository; else {cover}")
            }
            Self::Elsewhere { .. } => {
                format!("open a pull request for what was merged first, and rebase this one on it; else {cover}")
            }
            Self::Altered { .. } => {
                format!("take the merge off the branch, update the pull request's branch, let it be reviewed, and merge without changing anything; or {cover}")
            }
            Self::Conflict => {
                "update the pull request's branch (`git merge` of the target, solve the conflicts there) and let it be reviewed".into()
            }
            Self::BadSignature { .. } => {
                format!("sign the commit anew with a key that the revision before has (`git commit --amend -S`); of a merged one, {cover}")
            }
            Self::NotTheRequester { said, .. } => {
                format!("let {said} commit and sign the request, or name whoever did in `requestedBy`; of a merged one, {cover}")
            }
            Self::Unbrought { said, .. } => {
                format!("let {said} commit and sign the request, in a file that is read; of a merged one, {cover}")
            }
            Self::UnknownRequester { .. } => {
                "name in `requestedBy` somebody who works here by the revision before; take a merged one off the branch".into()
            }
            Self::Unfetched { head } => {
                format!("fetch it (`git fetch origin {head}`); else {cover}")
            }
            Self::UnknownAuthor { login, .. } => {
                format!("give whoever has the login {login} to a user (`credentials.forgeLogins`) first; of a merged one, {cover}")
            }
            Self::Reserved { administrators, .. } => format!(
                "let an administrator ask for it ({}): committed and signed by them, a request with them as `requestedBy`, in a pull request with nobody else's work; take a merged one off the branch",
                list(administrators)
            ),
            Self::Denied { .. } => {
                "change what the policy speaks of; take a merged one off the branch".into()
            }
            Self::Few { eligible, .. } if eligible.is_empty() => {
                "nobody is left who may approve it: split the change, so that no part is for everybody who approves; or let the operator set `repository.bootstrap`".into()
            }
            Self::Few { eligible, .. } => format!(
                "approval (`countersign approve {}`, or a review where a forge's reviews count) by one of: {}",
                short(commit),
                list(eligible)
            ),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Straight => f.write_str(
                "it stands on the branch without a merge (a direct push, squash, rebase or fast-forward), so whoever signed it approves only themselves",
            ),
            Self::Octopus { heads } => {
                write!(f, "it merges {heads} heads at once, and what was reviewed cannot be told apart")
            }
            Self::Unrelated { root } => {
                write!(f, "it brings a history that does not come from this repository (it begins at {})", short(root))
            }
            Self::Elsewhere { commit, other } => write!(
                f,
                "{} merged {}, which was never on the branch: nobody reviewed it here",
                short(commit),
                short(other)
            ),
            Self::Altered { files } => write!(
                f,
                "the merge holds what neither side has, in {}: it is not the merge of what was reviewed",
                files.join(", ")
            ),
            Self::Conflict => f.write_str("it cannot be merged without somebody deciding something"),
            Self::BadSignature { commit, why } => {
                write!(f, "the signature of {} does not count: {why}", short(commit))
            }
            Self::NotTheRequester {
                request,
                said,
                signer,
                commit,
            } => write!(
                f,
                "request {request} says that {said} asks for it, and {signer} brought it, with {}",
                short(commit)
            ),
            Self::Unbrought { request, said } => write!(
                f,
                "request {request} says that {said} asks for it, and comes into force by a change of something else: nobody brought it"
            ),
            Self::UnknownRequester { request, said } => write!(
                f,
                "request {request} says that {said} asks for it, and nobody of that name works here by the revision before"
            ),
            Self::Unfetched { head } => {
                write!(f, "the reviewed head {} is not in this clone", short(head))
            }
            Self::UnknownAuthor { name, login } => {
                write!(f, "{name} was opened by {login}, which is nobody's login by the revision before")
            }
            Self::Reserved {
                change, by, how, ..
            } => match by {
                Some(by) => f.write_str(&change.asked_by(by, how)),
                None => write!(f, "{}, and {how}", change.words()),
            },
            Self::Denied { policy, message } => write!(f, "policy {policy} forbids it: {message}"),
            Self::Few {
                needed,
                because,
                by,
                ..
            } => {
                let approvers = if *needed == 1 { "approver" } else { "approvers" };
                write!(f, "it needs {needed} {approvers} ({because}), and has ")?;
                match by.is_empty() {
                    true => f.write_str("none"),
                    false => write!(f, "{}: {}", by.len(), list(by)),
                }
            }
        }
    }
}
