//! The access repository as the operator names it → a bare repository here that has its branch and
//! tags, kept up to date in the background.
//!
//! Invariant: a fetch that fails leaves what was fetched before. A branch that was moved to something
//! else is taken as it is now: whether that may be is for those to say who know what was approved.

use super::wake::{Call, Wake};
use crate::source::SourceError;
use crate::source::git;
use crate::source::remote::{Remote, RemoteError};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long a fetch may take.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A repository here that follows a branch somewhere else.
#[derive(Debug, Clone)]
pub struct Mirror {
    remote: Remote,
    branch: String,
}

/// Why a branch is not here.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum MirrorError {
    #[error("cannot make a repository here")]
    Init(#[source] SourceError),
    #[error("cannot fetch {branch} from {url}")]
    Fetch {
        branch: String,
        url: String,
        #[source]
        source: RemoteError,
    },
}

impl Mirror {
    /// One that keeps what it fetches in a folder; it is made where it is not there.
    ///
    /// # Errors
    /// [`MirrorError::Init`] when it cannot be made.
    pub fn open(
        folder: PathBuf,
        url: &str,
        branch: &str,
        patience: Duration,
    ) -> Result<Self, MirrorError> {
        if !folder.join("HEAD").is_file() {
            git::init_bare(&folder, branch).map_err(MirrorError::Init)?;
        }
        let remote = Remote {
            local: folder,
            url: url.to_owned(),
            patience,
        };
        let branch = branch.to_owned();
        Ok(Self { remote, branch })
    }

    /// The folder of the repository here.
    pub fn folder(&self) -> &Path {
        &self.remote.local
    }

    /// The branch that is followed, as a revision.
    pub fn revision(&self) -> String {
        format!("refs/heads/{}", self.branch)
    }

    /// Where the branch stands here; none before the first fetch.
    pub fn head(&self) -> Option<String> {
        git::revision_id(self.folder(), &self.revision()).ok()
    }

    /// Fetches the branch, and the tags that approve commits.
    ///
    /// # Errors
    /// [`MirrorError::Fetch`] when the remote cannot be reached or has no such branch.
    pub fn fetch(&self) -> Result<(), MirrorError> {
        let branch = self.revision();
        let fetched = self.remote.fetch(&branch, &branch);
        let tags = || self.remote.fetch("refs/tags/*", "refs/tags/*");
        fetched
            .and_then(|()| tags())
            .map_err(|source| MirrorError::Fetch {
                branch: self.branch.clone(),
                url: self.remote.url.clone(),
                source,
            })
    }
}

/// A mirror that is kept up to date.
#[derive(Debug)]
pub struct Follower {
    now: Sender<()>,
    moved: Arc<AtomicBool>,
    failure: Arc<Mutex<Option<String>>>,
}

impl Follower {
    /// Begins to fetch, every so often and whenever it is asked to; calls whenever something moved.
    pub fn begin(mirror: Mirror, every: Duration, calls: Sender<Call>) -> Self {
        let (now, asked) = channel();
        let follower = Self {
            now,
            moved: Arc::new(AtomicBool::new(false)),
            failure: Arc::new(Mutex::new(None)),
        };
        let (moved, failure) = (follower.moved.clone(), follower.failure.clone());
        std::thread::spawn(move || follow(&mirror, every, &asked, &calls, &moved, &failure));
        follower
    }

    /// Asks for a fetch now.
    pub fn fetch_now(&self) {
        // A thread that has ended says so by what it fails to fetch.
        let _ = self.now.send(());
    }

    /// Whether the branch moved since this was asked last.
    pub fn take_moved(&self) -> bool {
        self.moved.swap(false, Ordering::Relaxed)
    }

    /// Whether the branch moved, without taking note.
    pub fn has_moved(&self) -> bool {
        self.moved.load(Ordering::Relaxed)
    }

    /// Why the last fetch failed; none: it did not.
    pub fn failure(&self) -> Option<String> {
        let failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.clone()
    }
}

fn follow(
    mirror: &Mirror,
    every: Duration,
    asked: &Receiver<()>,
    calls: &Sender<Call>,
    moved: &AtomicBool,
    failure: &Mutex<Option<String>>,
) {
    let mut known = git::refs(mirror.folder());
    loop {
        match asked.recv_timeout(every) {
            Ok(()) => drop(asked.try_iter().count()),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        let fetched = mirror.fetch();
        let said = fetched.err().map(|error| super::words(&error));
        let turned = {
            let mut failure = failure.lock().unwrap_or_else(PoisonError::into_inner);
            let turned = failure.is_some() != said.is_some();
            *failure = said;
            turned
        };
        let refs = git::refs(mirror.folder());
        if refs != known {
            known = refs;
            moved.store(true, Ordering::Relaxed);
        } else if !turned {
            continue;
        }
        if calls.send(Call::Wake(Wake::Revision)).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    fn git(folder: &Path, arguments: &[&str]) {
        let mut command = Command::new("git");
        command.arg("-C").arg(folder);
        command.args(["-c", "user.name=Kim", "-c", "user.email=kim@city.example"]);
        command.args(["-c", "commit.gpgsign=false"]).args(arguments);
        assert!(command.status().unwrap().success());
    }

    fn with_one_commit(folder: &Path) {
        std::fs::create_dir(folder).unwrap();
        git(folder, &["init", "--quiet", "--initial-branch", "main"]);
        git(folder, &["commit", "--quiet", "--allow-empty", "-m", "one"]);
    }

    #[test]
    fn a_branch_is_followed_also_where_it_was_moved() {
        let scratch = tempfile::tempdir().unwrap();
        let (there, here) = (scratch.path().join("there"), scratch.path().join("here"));
        with_one_commit(&there);
        let url = there.display().to_string();
        let mirror = Mirror::open(here.clone(), &url, "main", PATIENCE).unwrap();
        assert_eq!(mirror.head(), None);
        mirror.fetch().unwrap();
        let one = mirror.head().unwrap();
        let (caller, calls) = channel();
        let follower = Follower::begin(mirror.clone(), PATIENCE, caller);
        git(
            &there,
            &["commit", "--quiet", "--amend", "--allow-empty", "-m", "two"],
        );
        git(&there, &["tag", "approved"]);
        follower.fetch_now();
        let call = calls.recv_timeout(PATIENCE).unwrap();
        assert_eq!(call, Call::Wake(Wake::Revision));
        assert!(follower.take_moved() && !follower.take_moved());
        let head = mirror.head().unwrap();
        assert_ne!(head, one);
        assert_eq!(git::revision_id(&here, "approved").unwrap(), head);
    }

    #[test]
    fn what_cannot_be_reached_says_so_and_leaves_what_is_there() {
        let scratch = tempfile::tempdir().unwrap();
        let there = scratch.path().join("there");
        with_one_commit(&there);
        let url = there.display().to_string();
        let here = scratch.path().join("here");
        let mirror = Mirror::open(here, &url, "main", PATIENCE).unwrap();
        mirror.fetch().unwrap();
        let head = mirror.head();
        std::fs::rename(&there, scratch.path().join("elsewhere")).unwrap();
        let (caller, calls) = channel();
        let follower = Follower::begin(mirror.clone(), PATIENCE, caller);
        follower.fetch_now();
        calls.recv_timeout(PATIENCE).unwrap();
        let failure = follower.failure().unwrap();
        assert!(failure.contains("there"), "{failure}");
        assert!(!follower.take_moved());
        assert_eq!(mirror.head(), head);
    }
}
