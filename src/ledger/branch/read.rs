//! The branch as it stands at the remote → verified, and the local file brought up to it.

use super::super::lease::{FILE, Lease};
use super::super::{LedgerError, segments};
use super::join::{Joined, join};
use super::mark::Past;
use super::{Branch, State};
use crate::failpoint::fail_point;
use crate::source::objects::Commit;

/// Where what is fetched stands until it is verified.
const FETCHED: &str = "refs/countersign/fetched";

/// What was found at the remote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::ledger) enum Found {
    /// The file has what the branch has.
    Joined(Joined),
    /// The remote cannot be reached; the file is as it was.
    Unreachable,
}

impl Branch {
    /// Fetches the branch, verifies it, and brings the local file up to it.
    pub(in crate::ledger) fn catch_up(&mut self) -> Result<Found, LedgerError> {
        let head = match self.fetched() {
            Ok(head) => head,
            Err(LedgerError::Unreachable(error)) => {
                // A machine that knows nothing has nothing to go on with.
                if !self.path.exists() {
                    return Err(LedgerError::Unreachable(error));
                }
                self.state = State::Apart(error.to_string());
                return Ok(Found::Unreachable);
            }
            Err(error) => return Err(error),
        };
        let Some(head) = head else {
            if !self.path.exists() {
                self.mark.past = Past::Shared;
                self.mark.write(&self.path)?;
            }
            return Ok(Found::Joined(Joined::Whole));
        };
        let length = std::fs::metadata(&self.path).map_or(0, |m| m.len());
        let has_all = length >= self.mark.length as u64;
        if self.mark.head.as_ref() == Some(&head) && has_all {
            return Ok(Found::Joined(Joined::Whole));
        }
        let branch = self.content()?;
        let joined = join(&self.path, &branch, self.mark.length, self.mark.past)?;
        fail_point!(
            "ledger-caught-up",
            return Err(LedgerError::io(&self.path)(crate::failpoint::broken()))
        );
        self.arrive(&head, branch.len())?;
        Ok(Found::Joined(joined))
    }

    /// What the branch holds, where the remote can be reached and it has more than the file was
    /// known to; none where the file is as good. Nothing is written but objects.
    pub(in crate::ledger) fn newer(&mut self) -> Result<Option<Vec<u8>>, LedgerError> {
        let head = self.fetched()?;
        match head == self.mark.head && self.path.exists() {
            true => Ok(None),
            false if head.is_none() => Ok(None),
            false => self.content().map(Some),
        }
    }

    /// The head of the branch, verified, with its files; none where there is none and never was one.
    pub(in crate::ledger) fn fetched(&mut self) -> Result<Option<String>, LedgerError> {
        let name = self.settings.name();
        fail_point!("ledger-fetch", return Err(self.late()));
        let head = self.remote.head(&name).map_err(LedgerError::Unreachable)?;
        let known = self.mark.head.clone();
        let head = match (head, &known) {
            (None, None) => return Ok(None),
            (None, Some(known)) => {
                return Err(LedgerError::Lost {
                    known: known.clone(),
                });
            }
            (Some(head), _) => head,
        };
        if known.as_ref() == Some(&head) && self.bare.has(&head) {
            self.stand_at(&head)?;
            return Ok(Some(head));
        }
        // Others may read with the same objects meanwhile.
        let into = format!("{FETCHED}-{}", std::process::id());
        let fetched = self.remote.fetch(&name, &into);
        fail_point!("ledger-fetched", return Err(self.late()));
        let head = fetched.map(|()| self.bare.target(&into));
        let head = head.map_err(LedgerError::Unreachable)?;
        let verified = match &head {
            Some(head) => self.verify(head, known.as_deref()),
            None => Ok(()),
        };
        self.bare.forget(&into);
        verified?;
        if let Some(head) = &head {
            self.stand_at(head)?;
        }
        Ok(head)
    }

    /// That git did not end in time.
    #[cfg(feature = "failpoints")]
    fn late(&self) -> LedgerError {
        let late = crate::source::remote::RemoteError::TimedOut(self.settings.patience);
        LedgerError::Unreachable(late)
    }

    /// Whether a head is signed, and comes by the one that was seen last.
    fn verify(&self, head: &str, known: Option<&str>) -> Result<(), LedgerError> {
        let commit = self.bare.commit(head)?;
        self.signed(&commit)?;
        let mut at = commit;
        loop {
            if known == Some(at.id.as_str()) {
                return Ok(());
            }
            match &at.parents[..] {
                [parent] => at = self.bare.commit(parent)?,
                [] => break,
                _ => return Err(form(&at.id, "it is a merge")),
            }
        }
        match known {
            None => Ok(()),
            Some(known) => Err(LedgerError::Rewound {
                head: head.to_owned(),
                known: known.to_owned(),
            }),
        }
    }

    /// Whether a commit is signed with a key that counts.
    pub(in crate::ledger) fn signed(&self, commit: &Commit) -> Result<(), LedgerError> {
        self.key
            .judge(commit.signed.as_ref())?
            .map_err(|why| LedgerError::Unsigned {
                commit: commit.id.clone(),
                why,
            })
    }

    /// Takes the files and the lease of a commit for those of the branch.
    pub(super) fn stand_at(&mut self, head: &str) -> Result<(), LedgerError> {
        let commit = self.bare.commit(head)?;
        let files = self.bare.files(&commit.tree)?;
        self.lease = match files.get(FILE) {
            Some((blob, _)) => {
                let lease: Result<Lease, _> = serde_json::from_slice(&self.bare.blob(blob)?);
                Some(lease.map_err(|_| form(head, "its lease cannot be read"))?)
            }
            None => None,
        };
        self.files = files;
        Ok(())
    }

    /// The lines on the branch, in one.
    pub(in crate::ledger) fn content(&self) -> Result<Vec<u8>, LedgerError> {
        let head = self.mark.head.as_deref().unwrap_or_default();
        let records = segments::of(&self.files);
        let records = records.ok_or_else(|| form(head, "a file of records is missing"))?;
        let mut content = Vec::new();
        for (blob, _) in records {
            let file = self.bare.blob(blob)?;
            if !segments::is_whole(&file, segments::LARGEST) {
                return Err(form(head, "a file of records is not whole lines"));
            }
            content.extend(file);
        }
        Ok(content)
    }
}

pub(in crate::ledger) fn form(commit: &str, what: &'static str) -> LedgerError {
    LedgerError::Form {
        commit: commit.to_owned(),
        what,
    }
}
