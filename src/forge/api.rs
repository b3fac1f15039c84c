//! What each forge has to tell, and the forms in which they tell it alike.

use super::failure::ForgeError;
use super::{Commit, Login, PullRequest};
use jiff::Timestamp;
use serde::Deserialize;

/// What is asked of a forge.
pub(super) trait Api {
    /// The numbers of merged pull requests whose merge or squash commit a commit is.
    fn merged_as(&self, commit: &str) -> Result<Vec<u64>, ForgeError>;
    /// Every open pull request.
    fn open(&self) -> Result<Vec<Open>, ForgeError>;
    /// A pull request with its commits and reviews.
    fn pull_request(&self, number: u64) -> Result<Read, ForgeError>;
    /// An issue.
    fn issue(&self, number: u64) -> Result<Issue, ForgeError>;
    /// Whose token it is.
    fn own_login(&self) -> Result<Login, ForgeError>;
    /// Every comment below a pull request.
    fn comments(&self, number: u64) -> Result<Vec<Comment>, ForgeError>;
    /// Writes a comment.
    fn write(&self, number: u64, body: &str) -> Result<(), ForgeError>;
    /// Changes a comment.
    fn rewrite(&self, number: u64, comment: u64, body: &str) -> Result<(), ForgeError>;
    /// Deletes a comment.
    fn delete(&self, number: u64, comment: u64) -> Result<(), ForgeError>;
    /// Longest comment, in bytes.
    fn longest_comment(&self) -> usize;
}

/// An open pull request, as a list has it.
pub(super) struct Open {
    /// Its number.
    pub(super) number: u64,
    /// The branch it is for.
    pub(super) base: String,
    /// Its last commit, in hex.
    pub(super) head: String,
}

/// A pull request as it was read, with what is needed to tell whose it is.
pub(super) struct Read {
    /// `opened_for` is not told yet.
    pub(super) pull_request: PullRequest,
    /// Whether the forge says that its author is a bot.
    pub(super) by_bot: bool,
    /// The text that it was opened with, or that it was edited to be.
    pub(super) text: String,
    /// The branch it comes from.
    pub(super) branch: String,
    /// When it was opened.
    pub(super) created_at: Timestamp,
    /// The repository it is in, as the forge calls it now.
    pub(super) repository: String,
}

/// An issue.
pub(super) struct Issue {
    /// Its number.
    pub(super) number: u64,
    /// Who opened it; none where the account is gone.
    pub(super) author: Option<Login>,
    /// Whether the forge says that its author is a bot.
    pub(super) by_bot: bool,
    /// Whether it is a pull request and no issue.
    pub(super) is_pull_request: bool,
    /// When it was opened.
    pub(super) created_at: Timestamp,
    /// The repository it is in; none where the forge need not say.
    pub(super) repository: Option<String>,
}

/// A comment.
#[derive(Deserialize)]
pub(super) struct Comment {
    pub(super) id: u64,
    #[serde(alias = "author", default)]
    pub(super) user: Option<Account>,
    #[serde(default)]
    pub(super) body: Option<String>,
}

/// An account.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "Names")]
pub(super) struct Account(pub(super) String);

/// What forges call the name of an account; Forgejo calls it both.
#[derive(Deserialize)]
struct Names {
    login: Option<String>,
    username: Option<String>,
}

impl TryFrom<Names> for Account {
    type Error = &'static str;

    fn try_from(names: Names) -> Result<Self, Self::Error> {
        let name = names.login.or(names.username);
        name.map(Self).ok_or("an account has no name")
    }
}

impl Account {
    pub(super) fn login(&self) -> Login {
        Login::new(&self.0)
    }
}

/// A commit's hash in an answer, checked.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Hash(pub(super) String);

impl TryFrom<String> for Hash {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let text = text.to_ascii_lowercase();
        match is_hash(&text) {
            true => Ok(Self(text)),
            false => Err("what should be a commit's hash is none"),
        }
    }
}

/// Whether a text is a hash of git, SHA-1 or SHA-256.
pub(super) fn is_hash(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// Commits in the order of a [`PullRequest`].
///
/// # Errors
/// When the last one is not among them: then they are not all there are.
pub(super) fn ending_with(
    head: &str,
    mut commits: Vec<Commit>,
    number: u64,
) -> Result<Vec<Commit>, ForgeError> {
    let last = commits.iter().rposition(|commit| commit.hash == head);
    let Some(last) = last else {
        return Err(ForgeError::Inconsistent {
            number,
            why: format!(
                "its last commit {head} is not among the {} that are listed; it may have been pushed to just now",
                commits.len()
            ),
        });
    };
    let last = commits.remove(last);
    commits.push(last);
    Ok(commits)
}

/// Says that the account of a pull request's author is gone.
pub(super) fn without_author(number: u64) -> ForgeError {
    ForgeError::NoProof {
        number,
        why: "it has no author any more, so it cannot be told who approves their own work".into(),
    }
}
