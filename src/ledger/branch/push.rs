//! What was recorded since → a signed commit, pushed where the branch is still where it was.

use super::super::lease::{FILE, Lease};
use super::super::{LedgerError, segments};
use super::{Branch, Moment, State, held_by};
use crate::failpoint::fail_point;
use crate::source::bare::Draft;
use crate::source::remote::{RemoteError, Update};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};

/// A push that was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tried {
    commit: String,
    /// How many bytes of the file stand on the branch with it.
    length: usize,
}

impl Branch {
    /// Pushes what the file holds beyond the branch, under this lease.
    pub(super) fn push(&mut self, lease: Option<&Lease>, what: &str) -> Result<(), LedgerError> {
        self.tried = Some(Moment::now());
        // Without the newest commit nothing can stand behind it.
        if self
            .mark
            .head
            .as_ref()
            .is_some_and(|head| !self.bare.has(head))
        {
            match self.newer() {
                Ok(None) => {}
                Ok(Some(_)) => return Err(self.overtaken()),
                Err(LedgerError::Unreachable(error)) => return Err(self.unreached(error)),
                Err(error) => return Err(error),
            }
        }
        fail_point!(
            "ledger-commit",
            return Err(LedgerError::io(&self.path)(crate::failpoint::broken()))
        );
        let tried = self.commit(lease, what)?;
        let name = self.settings.name();
        let update = Update {
            name: &name,
            from: self.mark.head.as_deref(),
            to: Some(&tried.commit),
        };
        fail_point!("ledger-push", return Err(self.unanswered(&tried)));
        let Err(error) = self.remote.push(&[update]) else {
            fail_point!("ledger-pushed", return Err(self.unanswered(&tried)));
            return self.pushed(&tried);
        };
        // It may have come about all the same, and so may an earlier one that nobody answered.
        self.doubtful.push(tried.clone());
        // Who did not answer in time is not asked at once what became of it.
        if let RemoteError::TimedOut(_) = error {
            return Err(self.unreached(error));
        }
        let head = match self.remote.head(&name) {
            Ok(head) => head,
            Err(_) => return Err(self.unreached(error)),
        };
        if head == self.mark.head {
            return Err(self.unreached(error));
        }
        let of_ours = |t: &&Tried| head.as_ref() == Some(&t.commit);
        match self.doubtful.iter().find(of_ours).cloned() {
            Some(found) if found == tried => self.pushed(&tried),
            Some(earlier) => {
                self.pushed(&earlier)?;
                self.push(lease, what)
            }
            None => Err(self.overtaken()),
        }
    }

    /// A lease that is held is not lost with one push that fails: it runs out.
    fn unreached(&mut self, error: RemoteError) -> LedgerError {
        match &self.state {
            State::Holding(..) => LedgerError::Unreachable(error),
            State::Idle | State::Apart(_) | State::Lost(_) => self.apart(error),
        }
    }

    /// A push that git did not end in time.
    #[cfg(feature = "failpoints")]
    fn unanswered(&mut self, tried: &Tried) -> LedgerError {
        self.doubtful.push(tried.clone());
        self.unreached(RemoteError::TimedOut(self.settings.patience))
    }

    /// Another has moved the branch: who it is.
    fn overtaken(&mut self) -> LedgerError {
        let error = match self.newer() {
            Err(error) => error,
            Ok(_) => match &self.lease {
                Some(lease) if !lease.is_of(&self.instance, &self.host) => held_by(lease),
                _ => LedgerError::Moved,
            },
        };
        self.state = State::Lost(error.to_string());
        error
    }

    fn pushed(&mut self, tried: &Tried) -> Result<(), LedgerError> {
        self.stand_at(&tried.commit)?;
        self.doubtful.clear();
        self.arrive(&tried.commit, tried.length)
    }

    /// Makes the commit; nobody sees it yet.
    fn commit(&self, lease: Option<&Lease>, what: &str) -> Result<Tried, LedgerError> {
        let lines = self.unpushed().map_err(LedgerError::io(&self.path))?;
        let records = segments::of(&self.files).unwrap_or_default();
        let last = match records.last() {
            Some((blob, _)) => self.bare.blob(blob)?,
            None => Vec::new(),
        };
        let first = records.len().max(1);
        let mut files: BTreeMap<String, String> = self
            .files
            .iter()
            .map(|(path, (blob, _))| (path.clone(), blob.clone()))
            .collect();
        let cut = segments::extend(&last, &lines, segments::LARGEST);
        for (index, content) in cut.iter().enumerate().filter(|(_, c)| !c.is_empty()) {
            files.insert(segments::path(first + index), self.bare.write(content)?);
        }
        match lease {
            Some(lease) => {
                let mut text = serde_json::to_vec_pretty(lease).map_err(LedgerError::Unwritable)?;
                text.push(b'\n');
                files.insert(FILE.to_owned(), self.bare.write(&text)?);
            }
            None => {
                files.remove(FILE);
            }
        }
        let count = lines.iter().filter(|b| **b == b'\n').count();
        let run = lease.and_then(|l| l.run.as_ref());
        let of_run = run.map(|run| format!(" of run {run}")).unwrap_or_default();
        let plural = if count == 1 { "" } else { "s" };
        let text = Draft {
            tree: &self.bare.write_tree(&files)?,
            parent: self.mark.head.as_deref(),
            author: &format!("Countersign <countersign@{}>", self.host),
            at: Timestamp::now(),
            message: &format!("{what}{of_run}: {count} record{plural}"),
        }
        .text();
        let commit = self.bare.write_commit(&text, &self.key.sign(&text)?)?;
        let length = self.mark.length + lines.len();
        Ok(Tried { commit, length })
    }

    /// The lines of the file that are not on the branch.
    fn unpushed(&self) -> io::Result<Vec<u8>> {
        let mut file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        file.seek(SeekFrom::Start(self.mark.length as u64))?;
        let mut lines = Vec::new();
        file.read_to_end(&mut lines)?;
        let end = lines.iter().rposition(|b| *b == b'\n');
        lines.truncate(end.map_or(0, |at| at + 1));
        Ok(lines)
    }
}
