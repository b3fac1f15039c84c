//! The access repository as the operator names it → a bare repository here that has its branch and
//! tags, kept up to date in the background.
//!
//! Invariant: a fetch that fails leaves what was fetched before. A branch that was moved to something
//! else is taken as it is now: whether that may be is for those to say who know what was approved.

use super::wake::{Call, Wake};
use crate::failpoint::fail_point;
use crate::source::SourceError;
use crate::source::git;
use crate::source::remote::{Remote, RemoteError};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How much older than any fetch a lock must be to be a dead process's.
const MARGIN: Duration = Duration::from_secs(10);

/// A repository here that follows a branch somewhere else.
#[derive(Debug, Clone)]
pub struct Mirror {
    remote: Remote,
    branch: String,
    /// The refs of what was reviewed, where that is to be here.
    heads: Option<&'static str>,
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
        Ok(Self {
            remote,
            branch,
            heads: None,
        })
    }

    /// The same, with the heads of pull requests: what a squash was made of is not on the branch.
    #[must_use]
    pub fn with_heads(self, heads: Option<&'static str>) -> Self {
        Self { heads, ..self }
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

    /// Fetches the branch, the tags that approve commits, and what was reviewed; the last one last,
    /// for anybody can open a pull request, and one that cannot be fetched must not keep the branch away.
    ///
    /// # Errors
    /// [`MirrorError::Fetch`] when the remote cannot be reached or has no such branch.
    pub fn fetch(&self) -> Result<(), MirrorError> {
        let fetched = self.fetch_all();
        let dead = self.remote.patience + MARGIN;
        match fetched.is_err() && git::unlock(self.folder(), dead) {
            true => self.fetch_all(),
            false => fetched,
        }
    }

    fn fetch_all(&self) -> Result<(), MirrorError> {
        let branch = self.revision();
        let refs = [Some(branch.as_str()), Some("refs/tags/*"), self.heads];
        let failed = |name: &str, source| MirrorError::Fetch {
            branch: match name == branch {
                true => self.branch.clone(),
                false => name.to_owned(),
            },
            url: self.remote.url.clone(),
            source,
        };
        fail_point!(
            "fetch",
            return Err(failed(&branch, RemoteError::TimedOut(self.remote.patience)))
        );
        for name in refs.into_iter().flatten() {
            let fetched = self.remote.fetch(name, name);
            fetched.map_err(|source| failed(name, source))?;
        }
        fail_point!(
            "fetched",
            return Err(failed(&branch, RemoteError::TimedOut(self.remote.patience)))
        );
        Ok(())
    }

    /// What moves when something is to be looked at: what is only proposed does not.
    fn refs(&self) -> Option<BTreeMap<String, String>> {
        let mut refs = git::refs(self.folder())?;
        let proposed = self.heads.and_then(|heads| heads.split_once('*'));
        if let Some((before, _)) = proposed {
            refs.retain(|name, _| !name.starts_with(before));
        }
        Some(refs)
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
    let mut known = mirror.refs();
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
        let refs = mirror.refs();
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

    /// Longer than a fetch takes on a busy machine.
    const PATIENCE: Duration = Duration::from_secs(60);

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

    /// A repository with one commit, and a mirror of it that was not fetched yet.
    fn mirrored(scratch: &Path) -> (PathBuf, Mirror) {
        let there = scratch.join("there");
        with_one_commit(&there);
        let url = there.display().to_string();
        let mirror = Mirror::open(scratch.join("here"), &url, "main", PATIENCE).unwrap();
        (there, mirror)
    }

    #[test]
    fn a_branch_is_followed_also_where_it_was_moved() {
        let scratch = tempfile::tempdir().unwrap();
        let (there, mirror) = mirrored(scratch.path());
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
        assert_eq!(git::revision_id(mirror.folder(), "approved").unwrap(), head);
    }

    #[test]
    fn heads_of_pull_requests_are_fetched_where_reviews_are_evidence_and_wake_nobody() {
        let scratch = tempfile::tempdir().unwrap();
        let (there, without) = mirrored(scratch.path());
        git(&there, &["update-ref", "refs/pull/7/head", "HEAD"]);
        without.fetch().unwrap();
        let before = without.refs().unwrap();
        let head = |mirror: &Mirror| git::revision_id(mirror.folder(), "refs/pull/7/head");
        assert!(head(&without).is_err());
        let with = without.with_heads(Some("refs/pull/*/head"));
        with.fetch().unwrap();
        assert_eq!(head(&with).ok(), with.head());
        assert_eq!(with.refs().unwrap(), before);
    }

    #[test]
    fn a_lock_that_a_killed_process_left_is_taken_away_once_no_fetch_can_have_it() {
        let scratch = tempfile::tempdir().unwrap();
        let (there, mirror) = mirrored(scratch.path());
        mirror.fetch().unwrap();
        let one = mirror.head();
        git(&there, &["commit", "--quiet", "--allow-empty", "-m", "two"]);
        let lock = mirror.folder().join("refs/heads/main.lock");
        let file = std::fs::File::create(&lock).unwrap();
        let failure = mirror.fetch().unwrap_err();
        assert!(
            super::super::words(&failure).contains("main.lock"),
            "{failure}"
        );
        assert_eq!(mirror.head(), one);
        let long_ago = std::time::SystemTime::now() - 2 * PATIENCE;
        file.set_modified(long_ago).unwrap();
        mirror.fetch().unwrap();
        assert!(!lock.exists());
        assert_ne!(mirror.head(), one);
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
