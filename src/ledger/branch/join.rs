//! What stands on the branch and what stands in the file → one file that holds both.
//!
//! Invariant: what is on the branch is never changed, and a record that was made here is never
//! dropped: it stands behind the others, or in a file of its own beside the ledger.

use super::super::file::{self, decode, encode, parse};
use super::super::history::History;
use super::super::record::{Event, Record, RunId};
use super::super::{LedgerError, rejoin};
use super::mark::Past;
use crate::failpoint::fail_point;
use jiff::Timestamp;
use std::io;
use std::path::{Path, PathBuf};

/// What became of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::ledger) enum Joined {
    /// It has what the branch has, and perhaps more.
    Whole,
    /// Another reconciler had written meanwhile, and what was not pushed stands behind its records.
    Rejoined {
        /// How many records.
        added: usize,
        /// How many contradict the other's.
        left: usize,
        /// Where all of them are kept.
        aside: PathBuf,
    },
}

/// Brings the file up to the branch, of which it held `pushed` bytes when the two last agreed. A file
/// with a past of its own is not put behind a branch that it has nothing in common with.
pub(in crate::ledger) fn join(
    path: &Path,
    branch: &[u8],
    pushed: usize,
    past: Past,
) -> Result<Joined, LedgerError> {
    let ours = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(LedgerError::io(path)(error)),
    };
    let common = ours.iter().zip(branch).take_while(|(a, b)| a == b).count();
    let here = || path.display().to_string();
    if branch.len() < pushed || common < pushed.min(ours.len()) {
        return Err(LedgerError::Rewritten { path: here() });
    }
    if common == branch.len() {
        return Ok(Joined::Whole);
    }
    // Nothing is taken over that could not be read afterwards.
    let mut history = History::default();
    let content = decode(branch.to_vec(), &mut |record| history.add(record))?;
    if common == ours.len() {
        let rest = branch.get(common..).unwrap_or_default();
        file::extend(path, rest).map_err(LedgerError::io(path))?;
        return Ok(Joined::Whole);
    }
    let start = |bytes: &[u8]| {
        let same = bytes.get(..common).unwrap_or_default();
        same.iter()
            .rposition(|b| *b == b'\n')
            .map_or(0, |at| at + 1)
    };
    let common = start(&ours);
    if common == 0 && past == Past::Own {
        return Err(LedgerError::Unrelated { path: here() });
    }
    let ours = ours.get(common..).unwrap_or_default();
    fail_point!(
        "rejoin",
        return Err(LedgerError::io(path)(crate::failpoint::broken()))
    );
    let aside = file::set_aside(path, "unpushed", ours)?;
    let number = branch.iter().filter(|b| **b == b'\n').count();
    let theirs = records(branch.get(common..).unwrap_or_default(), number)?;
    let sorted = rejoin::fitting(records(ours, number)?, &theirs, &mut history);
    let (added, left) = (sorted.fitting.len(), sorted.left);
    let at = Timestamp::now();
    let said = Record {
        at,
        run: RunId(format!("{}-rejoined", at.strftime("%Y%m%dT%H%M%SZ"))),
        event: Event::Rejoined { added, left },
    };
    let mut whole = branch.to_vec();
    let mut head = content.head;
    for record in sorted.fitting.iter().chain([&said]) {
        let (line, digest) = encode(&head, record).map_err(LedgerError::Unwritable)?;
        whole.extend(line);
        head = digest;
    }
    fail_point!(
        "rejoined",
        return Err(LedgerError::io(path)(crate::failpoint::broken()))
    );
    file::replace(path, &whole).map_err(LedgerError::io(path))?;
    Ok(Joined::Rejoined { added, left, aside })
}

fn records(lines: &[u8], before: usize) -> Result<Vec<Record>, LedgerError> {
    let lines = lines.split(|b| *b == b'\n').filter(|l| !l.is_empty());
    let each = lines.enumerate().map(|(index, line)| {
        parse(line).map_err(|source| LedgerError::Malformed {
            line: before + index + 1,
            source,
        })
    });
    each.collect()
}
