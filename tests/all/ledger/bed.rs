//! A remote, and machines that share a ledger through it.

use countersign::ledger::{Event, Ledger, LedgerError, Record, RunId, Shared};
use countersign::name::{ResourceName, UserName};
use jiff::Timestamp;
use secrecy::SecretString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// The remote's branch as a ref.
pub const BRANCH: &str = "refs/heads/countersign/ledger";

pub struct Bed {
    folder: PathBuf,
    /// Whose end is the bed's.
    _kept: Option<tempfile::TempDir>,
}

/// A machine with a ledger of its own.
pub struct Machine {
    pub ledger: PathBuf,
    pub shared: Shared,
}

pub fn git(folder: &Path, arguments: &[&str]) -> String {
    let out = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(["-c", "user.name=Mallory", "-c", "user.email=m@example"])
        .args(arguments)
        .output()
        .unwrap();
    assert!(
        out.status.success(),
        "git {arguments:?}: {}",
        String::from_utf8_lossy(&out.stderr)
    );
    String::from_utf8(out.stdout).unwrap().trim().to_owned()
}

impl Bed {
    pub fn new() -> Self {
        let kept = tempfile::tempdir().unwrap();
        let bed = Self {
            folder: kept.path().to_owned(),
            _kept: Some(kept),
        };
        git(
            bed.path(),
            &["init", "--quiet", "--bare", "-b", "main", "remote.git"],
        );
        bed.key("reconciler");
        bed
    }

    /// The bed of another process.
    pub fn at(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            _kept: None,
        }
    }

    pub fn path(&self) -> &Path {
        &self.folder
    }

    pub fn remote(&self) -> PathBuf {
        self.path().join("remote.git")
    }

    /// Makes an SSH key; its public half.
    pub fn key(&self, name: &str) -> String {
        let path = self.path().join(name);
        let made = Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-C", name, "-f"])
            .arg(&path)
            .status()
            .unwrap();
        assert!(made.success());
        fs::read_to_string(path.with_extension("pub"))
            .unwrap()
            .trim()
            .to_owned()
    }

    pub fn secret(&self, name: &str) -> SecretString {
        fs::read_to_string(self.path().join(name)).unwrap().into()
    }

    /// A machine whose lease lasts a second and a half, and that pushes every record.
    pub fn machine(&self, name: &str) -> Machine {
        let folder = self.path().join(format!("machine-{name}"));
        fs::create_dir_all(&folder).unwrap();
        let remote = self.remote().display().to_string();
        Machine {
            ledger: folder.join("ledger.jsonl"),
            shared: Shared {
                term: Duration::from_millis(1500),
                longest: Duration::from_millis(500),
                every: Duration::ZERO,
                ..Shared::new(&remote, self.secret("reconciler"))
            },
        }
    }

    /// The head of the branch; none where it is not there.
    pub fn head(&self) -> Option<String> {
        let out = git(
            &self.remote(),
            &["for-each-ref", "--format=%(objectname)", BRANCH],
        );
        Some(out).filter(|id| !id.is_empty())
    }

    /// How many commits the branch has.
    pub fn commits(&self) -> usize {
        match self.head() {
            Some(_) => git(&self.remote(), &["rev-list", "--count", BRANCH])
                .parse()
                .unwrap(),
            None => 0,
        }
    }

    /// A file of the branch.
    pub fn file(&self, path: &str) -> Option<String> {
        let listed = git(
            &self.remote(),
            &["ls-tree", "-r", "--name-only", BRANCH, path],
        );
        let content = || git(&self.remote(), &["show", &format!("{BRANCH}:{path}")]);
        (!listed.is_empty()).then(content)
    }

    /// What stands in the branch's files of records, in one.
    pub fn lines(&self) -> String {
        let names = git(
            &self.remote(),
            &["ls-tree", "-r", "--name-only", BRANCH, "records/"],
        );
        let files = names.lines().map(|name| self.file(name).unwrap() + "\n");
        files.collect()
    }
}

impl Machine {
    pub fn open(&self) -> Ledger {
        self.try_open().unwrap()
    }

    pub fn try_open(&self) -> Result<Ledger, LedgerError> {
        Ledger::share(&self.ledger, self.shared.clone())
    }

    /// Nothing of it is left but what it pushed.
    pub fn burn(&self) {
        let folder = self.ledger.parent().unwrap();
        fs::remove_dir_all(folder).unwrap();
        fs::create_dir(folder).unwrap();
    }

    pub fn lines(&self) -> String {
        fs::read_to_string(&self.ledger).unwrap_or_default()
    }
}

pub fn run(name: &str) -> RunId {
    RunId(name.to_owned())
}

/// A record that somebody selected an identity.
pub fn selection(user: &str, identity: &str) -> Record {
    Record {
        at: Timestamp::from_second(1_800_000_000).unwrap(),
        run: run("r"),
        event: Event::IdentitySelected {
            user: UserName::new(user).unwrap(),
            resource: ResourceName::new("portal").unwrap(),
            identity: identity.to_owned(),
            by: user.to_owned(),
        },
    }
}

/// Which identities a ledger says are selected, as `user=identity`.
pub fn selected(ledger: &Ledger) -> Vec<String> {
    let selections = ledger.history().selections().iter();
    selections
        .map(|((user, _), s)| format!("{user}={}", s.identity))
        .collect()
}
