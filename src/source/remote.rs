//! A repository somewhere else, reached as git itself reaches it: with the user's credential
//! helpers, SSH agent and proxies; what its branches point at, fetching and pushing.
//!
//! Invariant: nothing here waits for ever. Git may neither ask nor be asked, and when its time is
//! over it is ended with every program it has started.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// Most that git may say, in bytes: more than the refs of any repository that people work in.
const LARGEST_ANSWER: u64 = 16 * 1024 * 1024;

/// How often it is looked whether git has ended.
const GLANCE: Duration = Duration::from_millis(5);

/// How long git may take to clear up when it is ended.
const FAREWELL: Duration = Duration::from_secs(1);

/// Variables that make git work on another repository than the one it is told: they are set in hooks.
const OF_ANOTHER: [&str; 9] = [
    "GIT_DIR",
    "GIT_COMMON_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_NAMESPACE",
    "GIT_QUARANTINE_PATH",
    "GIT_PREFIX",
];

/// A remote repository, and the local one that what is fetched goes into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote {
    /// The local repository.
    pub local: PathBuf,
    /// The address, or the name that the local repository knows it by.
    pub url: String,
    /// How long git may take.
    pub patience: Duration,
}

/// That a remote repository was not reached, or did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum RemoteError {
    #[error("git cannot be run")]
    Program(#[source] io::Error),
    #[error("git did not end within {0:?}")]
    TimedOut(Duration),
    #[error("git says: {0}")]
    Failed(String),
    #[error("it did not answer a moment ago: {0}")]
    Before(String),
}

/// One ref of the remote that is to point somewhere else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Update<'a> {
    /// The ref, as `refs/heads/…`.
    pub name: &'a str,
    /// What it must point at now; none: it must not be there.
    pub from: Option<&'a str>,
    /// What it is to point at; none: it is to go.
    pub to: Option<&'a str>,
}

impl Remote {
    /// What refs point at, by name; a pattern is git's (`refs/heads/inbox/*`).
    ///
    /// # Errors
    /// [`RemoteError`] when the remote does not answer.
    pub fn refs(&self, pattern: &str) -> Result<BTreeMap<String, String>, RemoteError> {
        let out = self.git(&["ls-remote", "--refs", "--", &self.url, pattern])?;
        let lines = out.lines().filter_map(|line| line.split_once('\t'));
        Ok(lines
            .map(|(id, name)| (name.to_owned(), id.to_owned()))
            .collect())
    }

    /// What one ref points at; none where it is not there.
    ///
    /// # Errors
    /// [`RemoteError`] when the remote does not answer.
    pub fn head(&self, name: &str) -> Result<Option<String>, RemoteError> {
        // A pattern without a star fits every ref that ends with it.
        Ok(self.refs(name)?.remove(name))
    }

    /// Fetches a ref with its whole history into one of the local repository.
    ///
    /// # Errors
    /// [`RemoteError`] when the remote does not answer or has no such ref.
    pub fn fetch(&self, name: &str, into: &str) -> Result<(), RemoteError> {
        self.fetch_as(&[], &format!("+{name}:{into}"))
    }

    /// Fetches commits without what is before them.
    ///
    /// # Errors
    /// [`RemoteError`] when the remote does not answer or has no such refs.
    pub fn fetch_tips(&self, pattern: &str, into: &str) -> Result<(), RemoteError> {
        self.fetch_as(&["--depth=1"], &format!("+{pattern}:{into}"))
    }

    fn fetch_as(&self, more: &[&str], refspec: &str) -> Result<(), RemoteError> {
        let fixed = ["-c", "fetch.fsckObjects=true", "-c", "gc.autoDetach=false"];
        let rest = [
            "fetch",
            "--quiet",
            "--no-tags",
            "--no-write-fetch-head",
            "--no-recurse-submodules",
        ];
        let last = ["--", self.url.as_str(), refspec];
        let arguments = [&fixed[..], &rest, more, &last].concat();
        self.git(&arguments).map(drop)
    }

    /// Moves refs of the remote, each only where it is as it must be.
    ///
    /// # Errors
    /// [`RemoteError`] when one was not moved, or it is not known: then ask what it points at.
    pub fn push(&self, updates: &[Update<'_>]) -> Result<(), RemoteError> {
        let leases: Vec<String> = updates
            .iter()
            .map(|u| {
                format!(
                    "--force-with-lease={}:{}",
                    u.name,
                    u.from.unwrap_or_default()
                )
            })
            .collect();
        let specs: Vec<String> = updates
            .iter()
            .map(|u| format!("{}:{}", u.to.unwrap_or_default(), u.name))
            .collect();
        let mut arguments = vec!["push", "--quiet", "--no-verify", "--no-signed"];
        arguments.extend(leases.iter().map(String::as_str));
        arguments.extend(["--", self.url.as_str()]);
        arguments.extend(specs.iter().map(String::as_str));
        self.git(&arguments).map(drop)
    }

    fn git(&self, arguments: &[&str]) -> Result<String, RemoteError> {
        run(&self.local, arguments, self.patience)
    }
}

/// Runs git on a repository, for this long at most; what it says.
///
/// # Errors
/// [`RemoteError`] when it does not end in time, or not well.
pub fn run<A: AsRef<OsStr>>(
    repository: &Path,
    arguments: &[A],
    patience: Duration,
) -> Result<String, RemoteError> {
    let mut git = Command::new("git");
    for variable in OF_ANOTHER {
        git.env_remove(variable);
    }
    git.arg("--git-dir")
        .arg(repository)
        .args(arguments)
        .env("LC_ALL", "C")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GCM_INTERACTIVE", "never")
        .env("GIT_NO_REPLACE_OBJECTS", "1")
        .env("SSH_ASKPASS_REQUIRE", "force")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    if std::env::var_os("SSH_ASKPASS").is_none() {
        git.env("SSH_ASKPASS", "false");
    }
    on_its_own(&mut git);
    let mut child = git.spawn().map_err(RemoteError::Program)?;
    let said = [reader(child.stdout.take()), reader(child.stderr.take())];
    let status = wait(&mut child, patience)?;
    let [out, errors] = said.map(|text| text.recv_timeout(patience).unwrap_or_default());
    match status.success() {
        true => Ok(out),
        false => Err(RemoteError::Failed(short(&errors))),
    }
}

/// What git said, in one line.
fn short(errors: &str) -> String {
    let lines = errors.lines().map(str::trim).filter(|l| !l.is_empty());
    let lines = lines.filter(|l| !l.starts_with("hint:"));
    let text: Vec<String> = lines.map(|l| l.escape_debug().to_string()).collect();
    match text.is_empty() {
        true => "nothing".into(),
        false => text.join("; ").chars().take(500).collect(),
    }
}

fn reader(from: Option<impl Read + Send + 'static>) -> mpsc::Receiver<String> {
    let (send, receive) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(from) = from {
            // What cannot be read was not said; whether git did its work tells its exit.
            let _ = from.take(LARGEST_ANSWER).read_to_end(&mut bytes);
        }
        let _ = send.send(String::from_utf8_lossy(&bytes).into_owned());
    });
    receive
}

fn wait(child: &mut Child, patience: Duration) -> Result<ExitStatus, RemoteError> {
    let began = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(status),
            Ok(None) if began.elapsed() < patience => thread::sleep(GLANCE),
            Ok(None) => {
                end(child);
                return Err(RemoteError::TimedOut(patience));
            }
            Err(error) => {
                end(child);
                return Err(RemoteError::Program(error));
            }
        }
    }
}

/// Gives a program a process group, so that what it starts can be ended with it.
#[cfg(unix)]
fn on_its_own(command: &mut Command) {
    use std::os::unix::process::CommandExt;
    command.process_group(0);
}

#[cfg(not(unix))]
fn on_its_own(_: &mut Command) {}

fn end(child: &mut Child) {
    #[cfg(unix)]
    {
        use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};
        if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
            // Killed at once, it would leave its locks, and nothing could be fetched there any more.
            let _ = kill_process_group(group, Signal::TERM);
            // What it started may need longer than it does itself.
            let asked = Instant::now();
            let mut is_there = || {
                let program = matches!(child.try_wait(), Ok(None));
                program || test_kill_process_group(group).is_ok()
            };
            while is_there() && asked.elapsed() < FAREWELL {
                thread::sleep(GLANCE);
            }
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
    let _ = child.kill();
    let _ = child.wait();
}
