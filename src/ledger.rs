//! The ledger: what was done, asked, said and mailed, as records that are added and never changed.
//!
//! One file, one JSON line a record ([`file`]), read whole into a [`History`]. A plan needs the
//! history only; a run opens the [`Ledger`], which nobody else can open meanwhile, and every effect
//! is recorded before the next one begins. Where several machines may act, the lines stand in a git
//! branch as well ([`branch`]), and who moves it last has the lease ([`lease`]).
//!
//! Invariant: fails closed. A ledger that was edited, that another run has open, or that cannot be
//! written stops the run; it is never repaired by guessing.

mod branch;
pub mod due;
mod file;
mod history;
pub mod inbox;
mod lease;
mod letters;
pub mod orders;
pub mod record;
mod rejoin;
mod segments;
mod signing;
pub mod verify;

pub use branch::{DEFAULT_BRANCH, Shared, Stance};
pub use history::{
    ApprovedLine, Asked, Contradiction, History, Run, Selection, TaskRecord, TaskStatus, Told,
};
pub use orders::{Allowance, Intent, Orders, Pause};
pub use record::{
    ApprovedCommit, Event, FrozenLetter, How, MailResult, Outcome, Record, RowChange, RunId,
    RunSummary, Says, Seen,
};

pub use lease::Lease;
pub use signing::{SigningError, Unsigned};

use crate::diagnostic::Code;
use crate::failpoint::fail_point;
use crate::plan::Finding;
use crate::plan::recorded::Kept;
use crate::source::objects::ObjectsError;
use crate::source::remote::RemoteError;
use branch::join::Joined;
use branch::mark::Mark;
use branch::{Branch, Found};
use file::{Lock, Place, Writer};
use inbox::Sealed;
use jiff::Timestamp;
use std::io;
use std::path::{Path, PathBuf};

/// A ledger that can be written.
#[derive(Debug)]
pub struct Ledger {
    history: History,
    writer: Writer,
    branch: Option<Branch>,
    /// Whether the history is what the file says: nothing that was to be added was refused.
    is_told: bool,
}

/// What a ledger held when it was closed, for whoever opens it again: where nobody has written it since, it
/// is not read once more.
#[derive(Debug)]
pub struct Rest {
    history: History,
    place: Place,
}

/// A ledger that may have been lost.
#[derive(Debug)]
pub enum Begun {
    /// It was not.
    AsItWas(Ledger),
    /// It was: its branch is begun anew.
    Anew(Ledger),
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
    #[error("the ledger's branch cannot be reached")]
    Unreachable(#[source] RemoteError),
    #[error(
        "{holder} holds the ledger since {since:.0}: wait until it is done, or until its lease has run out"
    )]
    LeaseHeld { holder: String, since: Timestamp },
    #[error("another reconciler has written the ledger meanwhile; plan again")]
    Moved,
    #[error("commit {commit} of the ledger's branch does not count: {why}")]
    Unsigned { commit: String, why: Unsigned },
    #[error(
        "the ledger's branch was moved back or rewritten: {head} does not come by {known}, which was its head before; nothing is done until an administrator has put it back (or, where it was begun anew on purpose, ran `countersign ledger rebuild` here as well)"
    )]
    Rewound { head: String, known: String },
    #[error(
        "the ledger's branch no longer begins with what {path} had in common with it: one of the two was rewritten"
    )]
    Rewritten { path: String },
    #[error(
        "{path} and the ledger's branch have no record in common: they are ledgers of two pasts"
    )]
    Unrelated { path: String },
    #[error(
        "the ledger's branch is gone; its head was {known}. Put it back, or begin anew with `countersign ledger rebuild`"
    )]
    Lost { known: String },
    #[error("commit {commit} of the ledger's branch is none that a reconciler makes: {what}")]
    Form { commit: String, what: &'static str },
    #[error("the ledger's commits cannot be signed or verified")]
    Signing(#[from] SigningError),
    #[error("the ledger's own repository cannot be used")]
    Objects(#[from] ObjectsError),
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
        Self::open_again(path, None)
    }

    /// The same, with what it held when it was closed, where that is known.
    ///
    /// # Errors
    /// As [`Ledger::open`].
    pub fn open_again(path: &Path, rest: Option<Rest>) -> Result<Self, LedgerError> {
        let path = file::canonical(path)?;
        let kept = file::kept(&path);
        let lock = file::lock(&path)?;
        let torn = file::mend(&path)?.map(torn_aside);
        let mut ledger = Self::on(path, lock, rest, (torn, kept))?;
        if kept == Kept::No {
            ledger.writer.is_of_a_lost_one();
        }
        Ok(ledger)
    }

    /// A ledger whose lock is had.
    fn on(
        path: PathBuf,
        lock: Lock,
        rest: Option<Rest>,
        (torn, kept): (Option<String>, Kept),
    ) -> Result<Self, LedgerError> {
        let (history, writer) = match rest {
            Some(Rest { mut history, place }) if place.is_as_it_was(&path) => {
                history.begin_again(kept);
                (history, Writer::again(path, lock, place)?)
            }
            Some(_) | None => {
                let mut history = History::default();
                let (writer, content) =
                    Writer::locked(path, lock, &mut |record| history.add(record))?;
                history.end(content, torn, kept);
                (history, writer)
            }
        };
        Ok(Self {
            history,
            writer,
            branch: None,
            is_told: true,
        })
    }

    /// Closes it, and keeps what it holds; nothing where that may be other than what the file says.
    pub fn rest(self) -> Option<Rest> {
        let Self {
            history,
            writer,
            is_told,
            ..
        } = self;
        let place = writer.place().filter(|_| is_told)?;
        Some(Rest { history, place })
    }

    /// Opens a ledger that is shared: its branch is fetched and verified, and the file brought up to it.
    ///
    /// Where the remote cannot be reached, it is the file as it is, with a finding; nothing but what
    /// takes away may then be done ([`Stance`]).
    ///
    /// # Errors
    /// As [`Ledger::open`]; and when the branch is not what reconcilers have pushed.
    pub fn share(path: &Path, settings: Shared) -> Result<Self, LedgerError> {
        Self::share_again(path, settings, None)
    }

    /// The same, with what it held when it was closed, where that is known.
    ///
    /// # Errors
    /// As [`Ledger::share`].
    pub fn share_again(
        path: &Path,
        settings: Shared,
        rest: Option<Rest>,
    ) -> Result<Self, LedgerError> {
        let path = file::canonical(path)?;
        let kept = file::kept(&path);
        let lock = file::lock(&path)?;
        let torn = file::mend(&path)?.map(torn_aside);
        let mut branch = Branch::open(&path, settings)?;
        // Whoever moves the branch here has the lock of the ledger, so this one is a dead process's.
        branch.bare.unlock(&branch.settings.name());
        let seen = branch.catch_up()?;
        let kept = if path.exists() { Kept::Yes } else { kept };
        let mut ledger = Self::on(path, lock, rest, (torn, kept))?;
        ledger.history.finds(seen_finding(&seen));
        ledger.branch = Some(branch);
        Ok(ledger)
    }

    /// Reads a ledger that is shared, as it stands on the branch and in the file; neither is changed.
    ///
    /// # Errors
    /// As [`Ledger::share`].
    pub fn look(path: &Path, settings: Shared) -> Result<History, LedgerError> {
        let path = file::canonical(path)?;
        let mut branch = Branch::open(&path, settings)?;
        let mut history = match branch.newer() {
            Ok(None) => Self::read(&path)?,
            Ok(Some(lines)) => {
                let mut history = History::default();
                let content = file::decode(lines, &mut |record| history.add(record))?;
                history.end(Some(content), None, Kept::Yes);
                history
            }
            Err(LedgerError::Unreachable(_)) if path.exists() => {
                let mut history = Self::read(&path)?;
                history.finds(seen_finding(&Found::Unreachable));
                history
            }
            Err(error) => return Err(error),
        };
        history.leased_by(branch.lease);
        Ok(history)
    }

    /// Begins the branch of a ledger anew that is lost at the remote: it is forgotten that it was there.
    /// What the file beside holds is pushed by the next run, or by [`Ledger::hold`].
    ///
    /// # Errors
    /// [`LedgerError`] when the branch is not lost, or another process writes the ledger.
    pub fn begin_anew(path: &Path, settings: Shared) -> Result<Begun, LedgerError> {
        let path = file::canonical(path)?;
        match Self::share(&path, settings.clone()) {
            // Gone, or begun anew by another machine already.
            Err(LedgerError::Lost { .. } | LedgerError::Rewound { .. }) => {}
            opened => return opened.map(Begun::AsItWas),
        }
        let lock = file::lock(&path)?;
        Mark::forget(&path)?;
        drop(lock);
        Self::share(&path, settings).map(Begun::Anew)
    }

    /// Whether the lease can be had, as far as is known without asking; what a run that did not come
    /// to its end was about to do, where the lease is taken over from another reconciler.
    ///
    /// # Errors
    /// [`LedgerError::LeaseHeld`] where another reconciler has it.
    pub fn vacancy(&self) -> Result<Option<&Intent>, LedgerError> {
        let taken = match &self.branch {
            Some(branch) => branch.vacancy()?,
            None => None,
        };
        Ok(taken.and_then(|_| self.history.orders().open_intent()))
    }

    /// Takes the lease, and pushes everything that was recorded, and what the run is about to do: from
    /// now on effects may begin.
    ///
    /// Nothing where the ledger is not shared: nobody could take over from it.
    ///
    /// # Errors
    /// [`LedgerError`] when another reconciler has it or has written meanwhile, or the branch cannot
    /// be reached.
    pub fn intend(&mut self, intent: Intent, at: Timestamp) -> Result<(), LedgerError> {
        if self.branch.is_none() {
            return Ok(());
        }
        self.vacancy()?;
        let run = intent.run.clone();
        let event = Event::Intended {
            changes: intent.changes.into_iter().collect(),
            tasks: intent.tasks.into_iter().collect(),
            notices: intent.notices.into_iter().collect(),
        };
        self.append(Record {
            at,
            run: run.clone(),
            event,
        })?;
        fail_point!("intent-recorded", return Err(LedgerError::Stopped));
        self.hold(run)
    }

    /// Takes the lease, and pushes everything that was recorded, for a command that has no effects
    /// but its records.
    ///
    /// # Errors
    /// As [`Ledger::intend`].
    pub fn hold(&mut self, run: RunId) -> Result<(), LedgerError> {
        match &mut self.branch {
            Some(branch) => branch.intend(Some(run)),
            None => Ok(()),
        }
    }

    /// Whether an effect may begin now.
    pub fn stance(&mut self) -> Stance {
        match &mut self.branch {
            Some(branch) => branch.stance(),
            None => Stance::Good,
        }
    }

    /// Whether any effect may begin now.
    pub fn may_start(&mut self) -> bool {
        self.stance() == Stance::Good
    }

    /// Pushes what was not pushed yet, and gives the lease back.
    ///
    /// # Errors
    /// [`LedgerError`] when it cannot be pushed. The records stand in the file, and are pushed by the
    /// next run from here; the lease runs out.
    pub fn close(&mut self) -> Result<(), LedgerError> {
        match &mut self.branch {
            Some(branch) => branch.close(),
            None => Ok(()),
        }
    }

    /// Pushes what an earlier run from here could not push at its end, and gives back the lease that it
    /// still has: others need not wait for it.
    ///
    /// # Errors
    /// As [`Ledger::close`].
    pub fn let_go(&mut self) -> Result<(), LedgerError> {
        match &mut self.branch {
            Some(branch) => branch.let_go(),
            None => Ok(()),
        }
    }

    /// How many messages lie in the inbox; none where the ledger is not shared.
    ///
    /// # Errors
    /// [`LedgerError`] when the remote does not answer.
    pub fn waiting(&self) -> Result<usize, LedgerError> {
        self.branch.as_ref().map_or(Ok(0), Branch::waiting)
    }

    /// What lies in the inbox; nothing where the ledger is not shared.
    ///
    /// # Errors
    /// [`LedgerError`] when the remote does not answer.
    pub fn inbox(&self, now: Timestamp) -> Result<Vec<Sealed>, LedgerError> {
        match &self.branch {
            Some(branch) => branch.inbox(now),
            None => Ok(Vec::new()),
        }
    }

    /// Takes messages out of the inbox, whose answers are on the branch.
    ///
    /// # Errors
    /// [`LedgerError`] when the remote does not take them out: they are read again, and known.
    pub fn discard(&self, read: &[Sealed]) -> Result<(), LedgerError> {
        match &self.branch {
            Some(branch) => branch.discard(read),
            None => Ok(()),
        }
    }

    /// Who has the lease by the newest commit; nobody where the ledger is not shared.
    pub fn lease(&self) -> Option<&Lease> {
        self.branch.as_ref()?.lease.as_ref()
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
        let was_told = std::mem::take(&mut self.is_told);
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
        if let Some(branch) = &mut self.branch {
            branch.progress();
        }
        self.is_told = was_told && refused.is_ok();
        Ok(refused?)
    }
}

fn torn_aside(aside: PathBuf) -> String {
    format!(
        "a crash cut off the last line of the ledger; it is kept in {}",
        aside.display()
    )
}

/// What people should know of what was found at the remote.
fn seen_finding(seen: &Found) -> Option<Finding> {
    let (code, message) = match seen {
        Found::Joined(Joined::Whole) => return None,
        Found::Joined(Joined::Rejoined { added, left, aside }) => (
            Code::LedgerRejoined,
            format!(
                "another reconciler had written meanwhile: of what was not pushed, {added} records stand behind its own now, {left} contradict them; all are kept in {}",
                aside.display()
            ),
        ),
        Found::Unreachable => (
            Code::LedgerUnreachable,
            "the ledger's branch cannot be reached: another reconciler may have written more"
                .to_owned(),
        ),
    };
    Some(Finding {
        code: code.as_str().to_owned(),
        message,
    })
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
    fn what_it_held_is_gone_on_with_where_nobody_has_written_since() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.jsonl");
        let (one, two) = (
            task(TaskAction::Grant, 1, &[]),
            task(TaskAction::Revoke, 2, &[]),
        );
        let whole = || Ledger::read(&path).unwrap();
        let ledger = Ledger::open(&path).unwrap();
        assert!(ledger.rest().is_none(), "there is nothing yet");
        let mut ledger = Ledger::open(&path).unwrap();
        ledger.append(at(1, asked(&one))).unwrap();
        let mut rest = ledger.rest().unwrap();
        // What is remembered is told from what is read by this.
        rest.history.head = "remembered".into();
        let mut ledger = Ledger::open_again(&path, Some(rest)).unwrap();
        assert_eq!(ledger.history().head(), "remembered");
        ledger.append(at(2, done(&one))).unwrap();
        assert_eq!(*ledger.history(), whole());
        let rest = ledger.rest();
        // Somebody else writes.
        let mut other = Ledger::open(&path).unwrap();
        other.append(at(3, asked(&two))).unwrap();
        drop(other);
        let mut ledger = Ledger::open_again(&path, rest).unwrap();
        assert_eq!(*ledger.history(), whole());
        assert!(ledger.history().tasks().contains_key(&two.id));
        // What was refused may have left traces.
        assert!(ledger.append(at(4, done(&one))).is_err());
        assert!(ledger.rest().is_none());
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
        let lock = file::lock(&two).unwrap();
        let (mut writer, _) = Writer::locked(two.clone(), lock, &mut |_| Ok(())).unwrap();
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
