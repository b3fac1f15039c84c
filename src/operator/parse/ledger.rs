//! Where the record is kept: a file, and the branch that makes it one record of several machines.

use super::super::address::{self, GIT_HELP};
use super::super::settings::{self, SecretReference};
use super::super::{AccessRepository, LedgerBranch};
use super::reader::{Reader, keys};
use crate::approval::signature::ssh_key;
use crate::diagnostic::Code;
use crate::ledger::DEFAULT_BRANCH;
use std::path::PathBuf;
use std::time::Duration;

/// The lease, where the file does not say.
const TERM: Duration = Duration::from_secs(90);
/// The longest operation, where the file does not say: twice what a directory is given to answer.
const LONGEST: Duration = Duration::from_secs(60);
/// How long git may take, where the file does not say: who takes over the branch waits for it.
const GIT: Duration = Duration::from_secs(30);
/// Shorter, and a slow push ends a lease; longer, and a crash stops everything for as long.
const TERMS: std::ops::RangeInclusive<Duration> =
    Duration::from_secs(30)..=Duration::from_secs(3600);

impl Reader<'_> {
    /// The file, and the branch where there is one.
    pub(super) fn ledger(
        &mut self,
        given: &settings::Ledger,
        repository: Option<&AccessRepository>,
    ) -> Option<(PathBuf, Option<LedgerBranch>)> {
        let file = self.written(&given.file, &keys(&["ledger", "file"]));
        let key: Option<SecretReference> = self.section("signingKey");
        let key = key.and_then(|key| self.secret(&key, &["signingKey"]));
        if !(self.given(&["ledger", "branch"]) || self.given(&["ledger", "remote"])) {
            self.only_a_file();
            return Some((file?, None));
        }
        if !self.given(&["signingKey"]) {
            let message = "a ledger with a branch needs `signingKey`: every commit of it is signed";
            let help = "make a key with `ssh-keygen -t ed25519 -N \"\" -f FILE`, and write `signingKey: {file: FILE}`";
            let place = self.key(&["ledger"]);
            self.say(Code::MissingField, place, message, Some(help));
        }
        let remote = match &given.remote {
            Some(text) => match address::git(text) {
                Ok(url) => Some(url),
                Err(error) => {
                    self.address(&error, &["ledger", "remote"], GIT_HELP);
                    None
                }
            },
            None => repository.map(|r| r.url.clone()),
        };
        let branch = given.branch.clone();
        let branch = branch.unwrap_or_else(|| DEFAULT_BRANCH.to_owned());
        let followed = repository.zip(remote.as_ref());
        if followed.is_some_and(|(r, remote)| r.url == *remote && r.branch == branch) {
            let message = "this is the branch that is followed, and nobody but the program may write the ledger's";
            let place = self.place(&keys(&["ledger", "branch"]));
            self.say(Code::BadValue, place, message, None);
        }
        for (index, key) in given.trusted.iter().enumerate() {
            if ssh_key(key).is_none() {
                let mut route = keys(&["ledger", "trusted"]);
                route.push(crate::manifest::yaml::Step::Index(index));
                let help = "write the line of its `.pub` file, as `ssh-ed25519 AAAA…`";
                let place = self.place(&route);
                self.say(
                    Code::BadValue,
                    place,
                    "this is not an SSH public key",
                    Some(help),
                );
            }
        }
        let lease = given.lease.as_ref();
        let term = lease.and_then(|l| l.term.as_deref());
        let term = term.map_or(Some(TERM), duration);
        if term.is_some_and(|term| !TERMS.contains(&term)) {
            let place = self.place(&keys(&["ledger", "lease", "term"]));
            let message = "a lease is from 30 seconds to an hour long";
            self.say(Code::BadValue, place, message, None);
        }
        let longest = lease.and_then(|l| l.longest_operation.as_deref());
        let branch = LedgerBranch {
            remote: remote?,
            branch,
            key: key?,
            trusted: given.trusted.clone(),
            term: term?,
            longest: longest.map_or(Some(LONGEST), duration)?,
            timeout: timeout(given.timeout.as_deref(), GIT)?,
        };
        Some((file?, Some(branch)))
    }

    /// Says what a ledger without a branch has no use for.
    fn only_a_file(&mut self) {
        for key in ["trusted", "lease", "timeout"] {
            if self.given(&["ledger", key]) {
                let message = format!("a ledger that is a file only has no use for `{key}`");
                let help = "take it out, or write `branch: countersign/ledger`";
                let place = self.key(&["ledger", key]);
                self.say(Code::UnknownField, place, message, Some(help));
            }
        }
        if self.given(&["signingKey"]) {
            self.warn(
                "signingKey",
                "is not used: the ledger is a file that shows when it was edited, and has no `branch` to sign",
            );
        }
    }
}

/// How long something may take, where the file says or does not say it; none where it is written wrongly.
pub(super) fn timeout(given: Option<&str>, standard: Duration) -> Option<Duration> {
    given.map_or(Some(standard), duration)
}

/// A duration as it is written: seconds or minutes.
fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let number: u64 = number.parse().ok()?;
    match unit {
        "s" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_secs(number * 60)),
        _ => None,
    }
}
