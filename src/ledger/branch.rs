//! The ledger's branch: the lines of the local file in a git branch elsewhere, signed, and whoever
//! moves it has the lease.
//!
//! The file stays the journal: every record is on this disk before the next effect. What stands on
//! the branch is the beginning of that file, and a push that names the head it expects moves it: of
//! two who push, one learns that it was second. A commit's signature vouches for everything before
//! it, so a head is verified when it is read; `countersign ledger verify` asks every commit.
//!
//! Invariant: fails closed. A head that is not signed, does not come by the head that was seen last,
//! or no longer holds what was pushed is an error, and nothing is written over it.

pub(super) mod join;
pub(super) mod mark;
mod push;
pub(super) mod read;

pub(super) use read::Found;

use super::lease::{Hold, Lease, Moment, Sighting};
use super::record::RunId;
use super::signing::SigningKey;
use super::{LedgerError, file};
use crate::failpoint::fail_point;
use crate::source::bare::Bare;
use crate::source::remote::{Remote, RemoteError};
use jiff::Timestamp;
use mark::Mark;
use push::Tried;
use secrecy::SecretString;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The branch, where the operator's file names none.
pub const DEFAULT_BRANCH: &str = "countersign/ledger";

/// How the ledger is shared.
#[derive(Debug, Clone)]
pub struct Shared {
    /// The repository that has the branch, as git takes it.
    pub remote: String,
    /// The branch.
    pub branch: String,
    /// The private key that commits are signed with (OpenSSH's form, without a passphrase).
    pub key: SecretString,
    /// Public keys of other reconcilers, and former ones of this: their commits count as well.
    pub trusted: Vec<String>,
    /// How long a lease holds after the last push.
    pub term: Duration,
    /// How long one operation may take at most: who takes over waits for it.
    pub longest: Duration,
    /// How long git may take.
    pub patience: Duration,
    /// How often records are pushed while a run goes on.
    pub every: Duration,
}

impl Shared {
    /// How a ledger is shared where nothing more is said.
    pub fn new(remote: &str, key: SecretString) -> Self {
        Self {
            remote: remote.to_owned(),
            branch: DEFAULT_BRANCH.to_owned(),
            key,
            trusted: Vec::new(),
            term: Duration::from_secs(90),
            longest: Duration::from_secs(60),
            patience: Duration::from_secs(30),
            every: Duration::from_secs(5),
        }
    }

    /// The branch as a ref.
    pub(super) fn name(&self) -> String {
        format!("refs/heads/{}", self.branch)
    }
}

/// Whether effects may begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stance {
    /// They may.
    Good,
    /// Those that take something away may, for this reason: the ledger cannot be reached, and what
    /// is taken away twice is taken away (SEMANTICS 23).
    TakingAway(String),
    /// None may, for this reason.
    Over(String),
}

/// Where a ledger stands with its branch.
#[derive(Debug)]
pub(super) enum State {
    /// Nobody asked for the lease.
    Idle,
    /// It has the lease.
    Holding(Hold, Lease),
    /// The branch cannot be reached.
    Apart(String),
    /// Another reconciler has the branch.
    Lost(String),
}

/// The branch of a ledger.
#[derive(Debug)]
pub(super) struct Branch {
    pub(super) settings: Shared,
    pub(super) key: SigningKey,
    pub(super) bare: Bare,
    pub(super) remote: Remote,
    /// The local file.
    pub(super) path: PathBuf,
    pub(super) instance: String,
    pub(super) host: String,
    /// How far the file and the branch agree.
    pub(super) mark: Mark,
    /// The files of the newest commit.
    pub(super) files: BTreeMap<String, (String, usize)>,
    /// Who has the lease by the newest commit.
    pub(super) lease: Option<Lease>,
    pub(super) state: State,
    /// Since when this process knows the newest commit.
    known: Moment,
    /// When the last push was tried.
    tried: Option<Moment>,
    /// Pushes of which nobody knows whether they came about.
    doubtful: Vec<Tried>,
}

impl Branch {
    /// Prepares to share a ledger; the remote is not asked yet.
    pub(super) fn open(path: &Path, settings: Shared) -> Result<Self, LedgerError> {
        let key = SigningKey::new(settings.key.clone(), &settings.trusted)?;
        let folder = file::beside(path, "git");
        let bare = Bare::open(&folder)?;
        let remote = Remote {
            local: folder,
            url: settings.remote.clone(),
            patience: settings.patience,
        };
        let place = (settings.remote.clone(), settings.branch.clone());
        let mut branch = Self {
            mark: Mark::read(path, &place)?,
            instance: mark::instance(path)?,
            host: mark::host(),
            path: path.to_owned(),
            files: BTreeMap::new(),
            lease: None,
            state: State::Idle,
            known: Moment::now(),
            tried: None,
            doubtful: Vec::new(),
            settings,
            key,
            bare,
            remote,
        };
        if let Some(head) = branch.mark.head.clone() {
            match branch.bare.has(&head) {
                true => branch.stand_at(&head)?,
                // What is fetched is verified again, and must come by it.
                false => branch.files = BTreeMap::new(),
            }
        }
        Ok(branch)
    }

    /// Whether the lease can be had, as far as the newest commit tells; whose it is taken from,
    /// where its holder has been silent for too long.
    pub(super) fn vacancy(&self) -> Result<Option<&Lease>, LedgerError> {
        if let State::Lost(_) = &self.state {
            return Err(LedgerError::Moved);
        }
        match &self.lease {
            None => Ok(None),
            Some(lease) if lease.is_of(&self.instance, &self.host) => Ok(None),
            Some(lease) => {
                let seen = self.mark.seen.as_ref().map(|s| s.ago(Timestamp::now()));
                let silent = self.known.ago().max(seen.unwrap_or_default());
                match silent >= lease.patience() {
                    true => Ok(Some(lease)),
                    false => Err(held_by(lease)),
                }
            }
        }
    }

    /// Takes the lease, and pushes everything that was recorded.
    pub(super) fn intend(&mut self, run: Option<RunId>) -> Result<(), LedgerError> {
        if let State::Holding(_, lease) = &self.state {
            let lease = lease.clone();
            return self.renew(lease, "intent");
        }
        self.vacancy()?;
        // It did not answer a moment ago: leavers wait for nothing twice.
        if let State::Apart(why) = &self.state {
            return Err(LedgerError::Unreachable(RemoteError::Before(why.clone())));
        }
        let milliseconds = |d: Duration| u64::try_from(d.as_millis()).unwrap_or(u64::MAX);
        let lease = Lease {
            instance: self.instance.clone(),
            host: self.host.clone(),
            process: std::process::id(),
            run,
            since: Timestamp::now(),
            term: milliseconds(self.settings.term),
            longest: milliseconds(self.settings.longest),
        };
        self.renew(lease, "intent")?;
        fail_point!(
            "lease-taken",
            return Err(LedgerError::io(&self.path)(crate::failpoint::broken()))
        );
        Ok(())
    }

    /// Pushes what was recorded since, where it is time to.
    pub(super) fn progress(&mut self) {
        let due = self.tried.is_none_or(|t| t.ago() >= self.settings.every);
        if let State::Holding(_, lease) = &self.state
            && due
        {
            let lease = lease.clone();
            // What is wrong shows in the state; the records stand in the file.
            let _ = self.renew(lease, "progress");
            fail_point!(
                "lease-renewed",
                self.state = State::Lost("a fail point".into())
            );
        }
    }

    /// Whether an effect may begin; a lease that grows old is renewed first.
    pub(super) fn stance(&mut self) -> Stance {
        if let State::Holding(hold, _) = &self.state
            && hold.began.at_most_ago() >= self.settings.term / 3
        {
            self.progress();
        }
        match &self.state {
            State::Holding(hold, _) if hold.is_good() => Stance::Good,
            State::Holding(..) => {
                Stance::Over("the lease of the ledger runs out; the next run goes on".into())
            }
            State::Apart(why) => {
                Stance::TakingAway(format!("the ledger's branch cannot be reached: {why}"))
            }
            State::Lost(why) => Stance::Over(why.clone()),
            State::Idle => Stance::Over("no lease of the ledger was taken".into()),
        }
    }

    /// Pushes the rest and gives the lease back.
    pub(super) fn close(&mut self) -> Result<(), LedgerError> {
        match &self.state {
            State::Holding(..) => {}
            State::Idle | State::Apart(_) => return Ok(()),
            State::Lost(_) => return Err(LedgerError::Moved),
        }
        fail_point!(
            "ledger-close",
            return Err(LedgerError::io(&self.path)(crate::failpoint::broken()))
        );
        self.push(None, "end")?;
        fail_point!(
            "lease-given-back",
            return Err(LedgerError::io(&self.path)(crate::failpoint::broken()))
        );
        self.state = State::Idle;
        self.tidy();
        Ok(())
    }

    /// Pushes the rest of an earlier run that could not give its lease back, and gives it back; nothing
    /// where no lease is left.
    pub(super) fn let_go(&mut self) -> Result<(), LedgerError> {
        let lease = self.lease.as_ref();
        let is_ours = lease.is_some_and(|lease| lease.is_of(&self.instance, &self.host));
        match &self.state {
            State::Idle if is_ours => self.push(None, "end"),
            State::Idle | State::Holding(..) | State::Apart(_) | State::Lost(_) => Ok(()),
        }
    }

    fn renew(&mut self, lease: Lease, what: &str) -> Result<(), LedgerError> {
        let began = Moment::now();
        self.push(Some(&lease), what)?;
        let term = self.settings.term;
        self.state = State::Holding(Hold { began, term }, lease);
        Ok(())
    }

    /// Packs what pushes have left, where git finds it worth the while.
    fn tidy(&self) {
        let arguments = ["-c", "gc.autoDetach=false", "gc", "--auto", "--quiet"];
        // An untidy repository works as well.
        let _ = crate::source::remote::run(&self.remote.local, &arguments, self.settings.patience);
    }

    /// Takes note that the remote could not be reached.
    pub(super) fn apart(&mut self, error: RemoteError) -> LedgerError {
        self.state = State::Apart(error.to_string());
        LedgerError::Unreachable(error)
    }

    /// Takes note of the newest commit.
    fn arrive(&mut self, head: &str, length: usize) -> Result<(), LedgerError> {
        if self.mark.head.as_deref() != Some(head) || self.mark.seen.is_none() {
            self.known = Moment::now();
            self.mark.seen = Some(Sighting {
                head: head.to_owned(),
                at: Timestamp::now(),
            });
        }
        self.mark.head = Some(head.to_owned());
        self.mark.length = length;
        self.bare.point(&self.settings.name(), head)?;
        fail_point!(
            "ledger-mark",
            return Err(LedgerError::io(&self.path)(crate::failpoint::broken()))
        );
        self.mark.write(&self.path)
    }
}

pub(super) fn held_by(lease: &Lease) -> LedgerError {
    LedgerError::LeaseHeld {
        holder: lease.to_string(),
        since: lease.since,
    }
}
