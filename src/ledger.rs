//! The ledger: what was done, asked, said and mailed, as records that are added and never changed.
//!
//! One file, one JSON line a record ([`file`]), read whole into a [`History`]. A plan needs the
//! history only; a run opens the [`Ledger`], which nobody else can open meanwhile, and every effect
//! is recorded before the next one begins.
//!
//! Invariant: fails closed. A ledger that was edited, that another run has open, or that cannot be
//! written stops the run; it is never repaired by guessing.

pub mod due;
mod file;
mod history;
mod letters;
pub mod record;

pub use history::{
    ApprovedLine, Contradiction, History, Run, Selection, TaskRecord, TaskStatus, Told,
};
pub use record::{
    ApprovedCommit, Event, FrozenLetter, How, MailResult, Outcome, Record, RowChange, RunId,
    RunSummary, Says, Seen,
};

use file::Writer;
use std::io;
use std::path::Path;

/// A ledger that can be written.
#[derive(Debug)]
pub struct Ledger {
    history: History,
    writer: Writer,
}

/// That a ledger cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum LedgerError {
    #[error("cannot reach the ledger at {path}")]
    Io {
        path: String,
        #[source]
        source: io::Error,
    },
    #[error("the ledger is being written by {holder}; wait for it, or end it ({path})")]
    Locked { path: String, holder: String },
    #[error("line {line} of the ledger is not a record that this version knows")]
    Malformed {
        line: usize,
        #[source]
        source: serde_json::Error,
    },
    #[error(
        "line {line} of the ledger does not follow from the line before it: one of the two was changed, taken out or put in"
    )]
    Broken { line: usize },
    #[error("line {line} of the ledger contradicts the lines before it")]
    Impossible {
        line: usize,
        #[source]
        source: Contradiction,
    },
    #[error("this cannot be recorded")]
    Contradiction(#[from] Contradiction),
    #[error("this record cannot be written as JSON")]
    Unwritable(#[source] serde_json::Error),
    #[error("an earlier record could not be written; nothing more is recorded by this run")]
    Stopped,
}

impl LedgerError {
    fn io(path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.display().to_string();
        move |source| Self::Io { path, source }
    }
}

impl Ledger {
    /// Opens a ledger for writing, and keeps everybody else from doing so until it is dropped.
    ///
    /// A last line that a crash cut off is set aside as `<file>.torn-<n>`, with a finding. The file
    /// is made by the first record; its folder must be there.
    ///
    /// # Errors
    /// [`LedgerError`] when another run has it open, or it is not what runs have written.
    pub fn open(path: &Path) -> Result<Self, LedgerError> {
        let kept = file::kept(path);
        let mut history = History::default();
        let (writer, content, aside) = Writer::open(path, &mut |record| history.add(record))?;
        let torn = aside.map(|aside| {
            format!(
                "a crash cut off the last line of the ledger; it is kept in {}",
                aside.display()
            )
        });
        history.end(content, torn, kept);
        Ok(Self { history, writer })
    }

    /// Reads a ledger and leaves it as it is; another run may be writing it.
    ///
    /// Where there is none, the history is empty; where there once was one, it says so
    /// ([`Kept::No`](crate::plan::recorded::Kept)).
    ///
    /// # Errors
    /// [`LedgerError`] when it is not what runs have written.
    pub fn read(path: &Path) -> Result<History, LedgerError> {
        let kept = file::kept(path);
        let mut history = History::default();
        let content = file::read(path, &mut |record| history.add(record))?;
        let torn = content.as_ref().filter(|content| !content.torn.is_empty()).map(|_| {
            "the last line of the ledger is not complete and is left out: a run is writing it, or was interrupted"
                .to_owned()
        });
        history.end(content, torn, kept);
        Ok(history)
    }

    /// What its records add up to.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// Adds a record; it is on the disk when this returns.
    ///
    /// # Errors
    /// [`LedgerError::Contradiction`] where it cannot follow the records before it (a closed task is
    /// done once more): nothing was written. Any other error: nothing more can be written.
    pub fn append(&mut self, record: Record) -> Result<(), LedgerError> {
        self.append_all([record])
    }

    /// Adds records with one wait for the disk, in their order.
    ///
    /// # Errors
    /// As [`Ledger::append`]; the records before the one that contradicts are written.
    pub fn append_all(
        &mut self,
        records: impl IntoIterator<Item = Record>,
    ) -> Result<(), LedgerError> {
        let mut accepted = Vec::new();
        let mut refused = Ok(());
        for record in records {
            match self.history.add(record.clone()) {
                Ok(()) => accepted.push(record),
                Err(contradiction) => {
                    refused = Err(contradiction);
                    break;
                }
            }
        }
        self.writer.append(&accepted)?;
        self.history.head = self.writer.head().to_owned();
        Ok(refused?)
    }
}

/// Reads every record of a ledger, in order; none where there is no ledger.
///
/// # Errors
/// [`LedgerError`] when it is not what runs have written.
pub fn records(path: &Path) -> Result<Vec<Record>, LedgerError> {
    let mut records = Vec::new();
    file::read(path, &mut |record| {
        records.push(record);
        Ok(())
    })?;
    Ok(records)
}

#[cfg(test)]
mod tests {
    use super::history::tests::{asked, at, done, task};
    use super::*;
    use crate::plan::TaskAction;
    use crate::plan::recorded::Kept;
    use std::fs;

    #[test]
    fn a_second_done_is_refused_and_the_ledger_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.jsonl");
        let grant = task(TaskAction::Grant, 1, &[]);
        let mut ledger = Ledger::open(&path).unwrap();
        ledger.append(at(1, asked(&grant))).unwrap();
        let both = [at(2, done(&grant)), at(3, done(&grant))];
        let error = ledger.append_all(both).unwrap_err();
        assert!(matches!(
            error,
            LedgerError::Contradiction(Contradiction::Closed(..))
        ));
        let revoke = task(TaskAction::Revoke, 2, &[]);
        ledger.append(at(4, asked(&revoke))).unwrap();
        let written = records(&path).unwrap();
        assert_eq!(
            written,
            [
                at(1, asked(&grant)),
                at(2, done(&grant)),
                at(4, asked(&revoke))
            ]
        );
        let read = Ledger::read(&path).unwrap();
        assert_eq!(read.head(), ledger.history().head());
        assert_eq!(read.tasks(), ledger.history().tasks());
    }

    #[test]
    fn a_ledger_that_was_never_begun_is_whole_and_one_that_is_gone_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.jsonl");
        let kept = || Ledger::read(&path).unwrap().recorded().kept;
        assert_eq!(kept(), Kept::Yes);
        let mut ledger = Ledger::open(&path).unwrap();
        assert_eq!(ledger.history().recorded().kept, Kept::Yes);
        ledger.append_all([]).unwrap();
        drop(ledger);
        assert!(!path.exists());
        assert_eq!(kept(), Kept::Yes, "opened and not written is not begun");
        let mut ledger = Ledger::open(&path).unwrap();
        ledger
            .append(at(1, asked(&task(TaskAction::Grant, 1, &[]))))
            .unwrap();
        drop(ledger);
        assert_eq!(kept(), Kept::Yes);
        std::fs::remove_file(&path).unwrap();
        assert_eq!(kept(), Kept::No, "there was one");
        let nowhere = Ledger::read(&folder.path().join("no/ledger.jsonl")).unwrap_err();
        assert!(matches!(nowhere, LedgerError::Io { .. }));
    }

    #[test]
    fn records_that_contradict_each_other_are_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (folder.path().join("one"), folder.path().join("two"));
        let grant = task(TaskAction::Grant, 1, &[]);
        Ledger::open(&one)
            .unwrap()
            .append(at(1, asked(&grant)))
            .unwrap();
        // A chain that is whole, of records that no ledger would have taken.
        let (mut writer, _, _) = Writer::open(&two, &mut |_| Ok(())).unwrap();
        writer
            .append(&[at(1, asked(&grant)), at(2, asked(&grant))])
            .unwrap();
        assert!(Ledger::read(&one).is_ok());
        let error = Ledger::read(&two).unwrap_err();
        assert!(
            matches!(error, LedgerError::Impossible { line: 2, .. }),
            "{error}"
        );
    }

    #[test]
    fn what_a_crash_cut_off_is_kept_beside_and_said() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.jsonl");
        let grant = task(TaskAction::Grant, 1, &[]);
        Ledger::open(&path)
            .unwrap()
            .append(at(1, asked(&grant)))
            .unwrap();
        let whole = fs::read(&path).unwrap();
        for number in 1..=2 {
            let torn = format!("{{\"prev\":\"{number}");
            fs::write(&path, [&whole[..], torn.as_bytes()].concat()).unwrap();
            let read = Ledger::read(&path).unwrap();
            assert_eq!(read.findings()[0].code, "ledger-torn");
            assert_eq!(read.tasks().len(), 1);
            assert_ne!(fs::read(&path).unwrap(), whole);
            let ledger = Ledger::open(&path).unwrap();
            let name = format!("ledger.jsonl.torn-{number}");
            assert!(ledger.history().findings()[0].message.contains(&name));
            assert_eq!(fs::read_to_string(folder.path().join(name)).unwrap(), torn);
            assert_eq!(fs::read(&path).unwrap(), whole);
        }
        assert_eq!(Ledger::read(&path).unwrap().findings(), []);
        Ledger::open(&path)
            .unwrap()
            .append(at(2, done(&grant)))
            .unwrap();
        assert_eq!(records(&path).unwrap().len(), 2);
    }
}
