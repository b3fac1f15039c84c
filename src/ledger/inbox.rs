//! The inbox: what people say to the ledger from a clone, as branches of one signed commit each.
//!
//! Invariant: nothing here decides who may say what. A message is read, never acted on, and names the
//! ledger it is for; what it is known by is what was signed, so that nobody can send it once more.

use super::branch::{Branch, State};
use super::{DEFAULT_BRANCH, LedgerError};
use crate::name::{ResourceName, UserName};
use crate::plan::TaskId;
use crate::source::bare::Bare;
use crate::source::branch::{self, BranchError};
use crate::source::objects::{Commit, Signed};
use crate::source::remote::{Remote, RemoteError, Update};
use jiff::{SignedDuration, Timestamp};
use rand::TryRng as _;
use rand::rngs::SysRng;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::path::Path;
use std::time::Duration;

/// What the names of messages' branches begin with; a number that was drawn follows.
const INBOX: &str = "refs/heads/countersign/inbox/";
/// The only file of a message.
const FILE: &str = "record.json";
/// Largest message, in bytes: a note of many pages.
const LARGEST: usize = 64 * 1024;
/// Most messages that are read at a time; the rest waits for the next.
const MOST: usize = 200;
/// How old a message may be: what somebody held back for longer is said again.
const OLDEST: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How far two clocks may be apart.
const AHEAD: SignedDuration = SignedDuration::from_mins(10);
/// How long git may take from a clone.
const PATIENCE: Duration = Duration::from_secs(60);

/// What somebody says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum Message {
    /// Work is done.
    TaskDone {
        /// The work.
        task: TaskId,
        /// What they add.
        note: Option<String>,
    },
    /// A user is this identity from the next log-on on.
    IdentitySelect {
        /// The user.
        user: UserName,
        /// The application.
        resource: ResourceName,
        /// The alias of the identity.
        identity: String,
    },
    /// A plan that was held may be carried out.
    Allow {
        /// Its digest.
        digest: String,
    },
    /// Nothing is done until it is taken back.
    Pause {
        /// On which resource; none: on none of them.
        resource: Option<ResourceName>,
        /// Why.
        reason: String,
    },
    /// A pause is over.
    Unpause {
        /// Of which resource; none: the pause of everything.
        resource: Option<ResourceName>,
    },
}

impl Message {
    /// The word people know it by.
    pub fn command(&self) -> &'static str {
        match self {
            Self::TaskDone { .. } => "task done",
            Self::IdentitySelect { .. } => "identity select",
            Self::Allow { .. } => "allow",
            Self::Pause { .. } => "pause",
            Self::Unpause { .. } => "unpause",
        }
    }
}

/// A message as it is signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Letter {
    /// The version of this form: 1.
    pub version: u32,
    /// The head of the ledger's branch that its author saw: the ledger it is for.
    pub ledger: String,
    /// When it was signed.
    pub at: Timestamp,
    /// What it says.
    pub message: Message,
}

/// A message that was found in the inbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// What it is known by: the SHA-256 of what was signed.
    pub id: String,
    /// Its signature; none: it is not signed.
    pub signed: Option<Signed>,
    /// What it says, or why that is no message for this ledger.
    pub letter: Result<Letter, String>,
    name: String,
    /// The commit it came as.
    pub commit: String,
}

/// Why a message could not be sent.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum SendError {
    #[error(
        "it cannot be signed; git signs with `user.signingkey` (and `gpg.format ssh` for an SSH key)"
    )]
    Unsigned(#[source] BranchError),
    #[error("the remote `{remote}` cannot be reached, or does not take it")]
    Remote {
        remote: String,
        #[source]
        source: RemoteError,
    },
    #[error("it cannot be written as JSON")]
    Unwritable(#[from] serde_json::Error),
    #[error("there is no randomness to name it with")]
    Random(#[from] rand::rngs::SysError),
}

/// A clone whose remote has a ledger.
#[derive(Debug, Clone)]
pub struct Letterbox {
    remote: Remote,
    ledger: String,
}

impl Letterbox {
    /// The letterbox of a clone; none where it has no remote, or that has no ledger.
    ///
    /// # Errors
    /// [`SendError`] when there is a remote that does not answer.
    pub fn of(clone: &Path) -> Result<Option<Self>, SendError> {
        let Some((local, url)) = branch::remote_of(clone) else {
            return Ok(None);
        };
        let remote = Remote {
            local,
            url,
            patience: PATIENCE,
        };
        let head = remote.head(&format!("refs/heads/{DEFAULT_BRANCH}"));
        let head = head.map_err(|source| SendError::Remote {
            remote: remote.url.clone(),
            source,
        })?;
        Ok(head.map(|ledger| Self { remote, ledger }))
    }

    /// Signs a message as git is configured to sign, and pushes it; the name of its branch.
    ///
    /// # Errors
    /// [`SendError`]; nothing was sent then.
    pub fn send(&self, message: Message, at: Timestamp) -> Result<String, SendError> {
        let command = message.command();
        let letter = Letter {
            version: 1,
            ledger: self.ledger.clone(),
            at,
            message,
        };
        let mut text = serde_json::to_vec_pretty(&letter)?;
        text.push(b'\n');
        let commit = branch::alone(&self.remote.local, FILE, &text, command);
        let commit = commit.map_err(SendError::Unsigned)?;
        let mut bytes = [0_u8; 16];
        SysRng.try_fill_bytes(&mut bytes)?;
        let number = uuid::Builder::from_random_bytes(bytes).into_uuid();
        let name = format!("{INBOX}{}", number.hyphenated());
        let update = Update {
            name: &name,
            from: None,
            to: Some(&commit),
        };
        let pushed = self.remote.push(&[update]);
        pushed.map_err(|source| SendError::Remote {
            remote: self.remote.url.clone(),
            source,
        })?;
        Ok(name)
    }
}

impl Branch {
    /// How many messages lie in the inbox; none where it is known already that it cannot be reached.
    pub(super) fn waiting(&self) -> Result<usize, LedgerError> {
        if let State::Apart(_) = &self.state {
            return Ok(0);
        }
        let all = self.remote.refs(&format!("{INBOX}*"));
        Ok(all.map_err(LedgerError::Unreachable)?.len())
    }

    /// What lies in the inbox, by the name of its branch.
    pub(super) fn inbox(&self, now: Timestamp) -> Result<Vec<Sealed>, LedgerError> {
        let all = format!("{INBOX}*");
        let found = self.remote.refs(&all).map_err(LedgerError::Unreachable)?;
        if found.is_empty() {
            return Ok(Vec::new());
        }
        // A repository of their own, which goes with them: nobody knows what they bring along.
        let place = tempfile::tempdir().map_err(LedgerError::io(&self.path))?;
        let bare = Bare::open(place.path())?;
        let remote = Remote {
            local: place.path().to_owned(),
            ..self.remote.clone()
        };
        let mut sealed = Vec::new();
        for name in found.keys().take(MOST) {
            let fetched = remote.fetch_tips(name, "refs/heads/message");
            fetched.map_err(LedgerError::Unreachable)?;
            let Some(commit) = bare.target("refs/heads/message") else {
                continue;
            };
            sealed.push(self.sealed(&bare, name, &commit, now));
        }
        Ok(sealed)
    }

    fn sealed(&self, bare: &Bare, name: &str, id: &str, now: Timestamp) -> Sealed {
        let of = |id: String, signed, letter| Sealed {
            id,
            signed,
            letter,
            name: name.to_owned(),
            commit: bare.target("refs/heads/message").unwrap_or_default(),
        };
        let Ok(commit) = bare.commit(id) else {
            return of(id.to_owned(), None, Err("it is not a commit".into()));
        };
        let text = match &commit.signed {
            Some(signed) => Sha256::digest(&signed.payload),
            None => Sha256::digest(id),
        };
        let digest = text.iter().map(|b| format!("{b:02x}")).collect();
        let letter = self.letter(bare, &commit, now);
        of(digest, commit.signed, letter)
    }

    fn letter(&self, bare: &Bare, commit: &Commit, now: Timestamp) -> Result<Letter, String> {
        if !commit.parents.is_empty() {
            return Err("its commit has parents".into());
        }
        let files = bare.files(&commit.tree).map_err(|e| e.to_string())?;
        let blob = match files.get(FILE) {
            Some((blob, size)) if files.len() == 1 && *size <= LARGEST => blob,
            _ => {
                return Err(format!(
                    "it is not one file `{FILE}` of {LARGEST} bytes at most"
                ));
            }
        };
        let bytes = bare.blob(blob).map_err(|e| e.to_string())?;
        let letter: Letter = serde_json::from_slice(&bytes)
            .map_err(|error| format!("it is no message that this version knows: {error}"))?;
        if letter.version != 1 {
            return Err(format!("it has version {}", letter.version));
        }
        let age = now.duration_since(letter.at);
        if age > OLDEST {
            return Err("it was signed more than seven days ago".into());
        }
        if age < -AHEAD {
            return Err("it was signed in the future".into());
        }
        match self.has_had(&letter.ledger) {
            true => Ok(letter),
            false => Err("it is for another ledger".into()),
        }
    }

    /// Whether a commit is one of the branch.
    fn has_had(&self, commit: &str) -> bool {
        let mut next = self.mark.head.clone();
        while let Some(id) = next {
            if id == commit {
                return true;
            }
            let found = self.bare.commit(&id).ok();
            next = found.and_then(|c| c.parents.into_iter().next());
        }
        false
    }

    /// Takes messages out of the inbox; one that cannot be taken out now is taken out another time.
    pub(super) fn discard(&self, read: &[Sealed]) -> Result<(), LedgerError> {
        let gone: Vec<Update<'_>> = read
            .iter()
            .map(|sealed| Update {
                name: &sealed.name,
                from: Some(&sealed.commit),
                to: None,
            })
            .collect();
        match gone.is_empty() {
            true => Ok(()),
            false => self.remote.push(&gone).map_err(LedgerError::Unreachable),
        }
    }
}
