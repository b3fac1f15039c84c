//! A forge's record of a pull request → who wrote it, who approved which commit, what it became; and
//! one comment below it that is kept up to date.
//!
//! It knows nothing of manifests and decides nothing: who may approve, and how many have to, is not
//! its matter. What it tells was read whole and fits together, or it is an error.
//!
//! Decision: the forge is asked for what is true now. An account that was renamed is known by its new
//! name only, and whoever takes the old name is taken for its owner; SECURITY.md says so.

mod api;
mod client;
mod comment;
mod failure;
mod forgejo;
mod form;
mod github;
mod gitlab;
mod parts;
mod review;
mod settings;

pub use comment::{Commented, Marker, MarkerError};
pub use failure::ForgeError;
pub use review::{Commit, Login, PullRequest, Review, ReviewState, Weight};
pub use settings::{
    ForgeKind, ForgeUrl, Patience, RepositoryPath, RepositoryPathError, Settings, UrlError,
};

use api::Api;
use std::collections::BTreeSet;
use std::fmt;

/// A repository on a forge.
pub struct Forge {
    kind: ForgeKind,
    api: Box<dyn Api>,
    repository: RepositoryPath,
    bots: BTreeSet<Login>,
}

impl fmt::Debug for Forge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Forge")
            .field("repository", &self.repository)
            .field("bots", &self.bots)
            .finish_non_exhaustive()
    }
}

impl Forge {
    /// Opens a repository on a forge; nothing is sent yet.
    ///
    /// # Errors
    /// When the certificates cannot be read, or the token cannot be one.
    pub fn open(settings: &Settings) -> Result<Self, ForgeError> {
        let api: Box<dyn Api> = match settings.kind {
            ForgeKind::GitHub => Box::new(github::GitHub::open(settings)?),
            ForgeKind::GitLab => Box::new(gitlab::GitLab::open(settings)?),
            ForgeKind::Forgejo => Box::new(forgejo::Forgejo::open(settings)?),
        };
        Ok(Self {
            kind: settings.kind,
            api,
            repository: settings.repository.clone(),
            bots: settings.bots.clone(),
        })
    }

    /// The same, whose own account is one of those that turn filled forms into pull requests.
    ///
    /// # Errors
    /// When the forge does not tell whose token it is.
    pub fn being_a_bot(mut self) -> Result<Self, ForgeError> {
        self.bots.insert(self.api.own_login()?);
        Ok(self)
    }

    /// Which software it is.
    pub fn kind(&self) -> ForgeKind {
        self.kind
    }

    /// The open pull request for a branch whose last commit a commit is; none where there is no such.
    ///
    /// The commit is 40 or 64 hex digits.
    ///
    /// # Errors
    /// When the forge cannot be asked, when several are, and when a bot opened it and whose form it was
    /// cannot be told.
    pub fn proposed(&self, head: &str, base: &str) -> Result<Option<PullRequest>, ForgeError> {
        let head = whole(head)?;
        let open = self.api.open()?.into_iter();
        let ours = open.filter(|open| open.head == head && open.base == base);
        let numbers: BTreeSet<u64> = ours.map(|open| open.number).collect();
        let numbers: Vec<u64> = numbers.into_iter().collect();
        let number = match numbers[..] {
            [] => return Ok(None),
            [number] => number,
            _ => return Err(ForgeError::Several { head, numbers }),
        };
        let pull_request = self.pull_request(number)?;
        match pull_request.head == head && pull_request.merged_at.is_none() {
            true => Ok(Some(pull_request)),
            false => Err(ForgeError::Inconsistent {
                number,
                why: format!("it was listed as open with the head {head}, and is not any more"),
            }),
        }
    }

    /// The merged pull request whose merge or squash commit a commit is; none where there is no such
    /// pull request, as for a commit that was pushed to the branch, or merged by fast-forward.
    ///
    /// The commit is 40 or 64 hex digits.
    ///
    /// # Errors
    /// When the forge cannot be asked or does not know the commit, when it is the merge of several,
    /// and when a bot opened the pull request and whose form it was cannot be told.
    pub fn merged(&self, commit: &str) -> Result<Option<PullRequest>, ForgeError> {
        let commit = whole(commit)?;
        let numbers: BTreeSet<u64> = self.api.merged_as(&commit)?.into_iter().collect();
        let number = match numbers.iter().copied().collect::<Vec<u64>>()[..] {
            [] => return Ok(None),
            [number] => number,
            _ => {
                return Err(ForgeError::Ambiguous {
                    commit,
                    numbers: numbers.into_iter().collect(),
                });
            }
        };
        let pull_request = self.pull_request(number)?;
        match pull_request.merge_commit.as_deref() {
            Some(merge) if merge == commit => Ok(Some(pull_request)),
            Some(_) | None => Err(ForgeError::Inconsistent {
                number,
                why: format!("it was found by its merge {commit}, and does not name it"),
            }),
        }
    }

    /// A pull request as it is now, merged or not.
    ///
    /// # Errors
    /// When the forge cannot be asked or has no such pull request, and when a bot opened it and whose
    /// form it was cannot be told.
    pub fn pull_request(&self, number: u64) -> Result<PullRequest, ForgeError> {
        let read = self.api.pull_request(number)?;
        if !self.repository.is(&read.repository) {
            return Err(ForgeError::OtherRepository {
                asked: self.repository.to_string(),
                found: failure::printable(&read.repository),
            });
        }
        if read.pull_request.number != number {
            return Err(ForgeError::Inconsistent {
                number,
                why: format!("another was told of, #{}", read.pull_request.number),
            });
        }
        let bot = read.by_bot || self.bots.contains(&read.pull_request.author);
        let opened_for = match bot {
            true => Some(form::filled_in_by(self.api.as_ref(), &self.bots, &read)?),
            false => None,
        };
        Ok(PullRequest {
            opened_for,
            ..read.pull_request
        })
    }

    /// Keeps one comment below a pull request up to date: the one that begins with the marker and is
    /// our own. Texts too long for one become several, numbered; those no longer needed go away. What
    /// others wrote is never touched.
    ///
    /// # Errors
    /// When the forge cannot be asked or refuses; what was written until then stays, and the next time
    /// puts it right.
    pub fn comment(
        &self,
        number: u64,
        marker: &Marker,
        bodies: &[String],
    ) -> Result<Commented, ForgeError> {
        comment::keep(self.api.as_ref(), number, marker, bodies)
    }
}

/// A hash in lower case.
///
/// # Errors
/// When it is none, or a part of one.
fn whole(hash: &str) -> Result<String, ForgeError> {
    let hash = hash.to_ascii_lowercase();
    match api::is_hash(&hash) {
        true => Ok(hash),
        false => {
            let words = format!("`{}` is not a whole hash", failure::printable(&hash));
            Err(ForgeError::Settings(words))
        }
    }
}
