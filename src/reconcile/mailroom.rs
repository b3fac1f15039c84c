//! What a run tells people → letters that are written once, kept, and then sent (SEMANTICS 19).
//!
//! A letter is written to a file beside the ledger and recorded before the first one goes out. A run
//! that finds letters of which nobody knows that they went out sends those same bytes, before it writes
//! any of its own; so a crash costs at most one duplicate, with the same Message-ID. Where the files are
//! gone - another machine, with nothing but the ledger - the letters are written anew, and what makes a
//! Message-ID is what they say, so it is the same.

use super::run::{RunError, with_source};
use crate::apply::Stop;
use crate::failpoint::fail_point;
use crate::ledger::{Event, FrozenLetter, Ledger, MailResult, Record, RunId, Says};
use crate::notify::post::{Letter, Post, PostError, Remedy};
use crate::notify::{Digest, MessageId, Sender};
use crate::report::outcome::Mailed;
use jiff::Timestamp;
use sha2::Digest as _;
use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

/// Writes, keeps and sends letters.
pub(super) struct Mailroom<'a> {
    /// What delivers them.
    pub post: &'a mut dyn Post,
    /// Who they come from.
    pub sender: &'a Sender,
    /// The folder they are kept in.
    pub folder: &'a Path,
    /// What time it is.
    pub clock: &'a dyn Fn() -> Timestamp,
    /// Whether somebody asked the run to stop.
    pub stop: &'a dyn Stop,
    /// The run.
    pub run: &'a RunId,
    /// What became of each.
    pub mails: Vec<Mailed>,
    /// Letters that were tried: what did not go out is not tried twice in a run.
    pub tried: BTreeSet<String>,
    /// Templates of the repository that failed on a mail, and how.
    pub failed: BTreeSet<String>,
}

/// A mail that is to be sent, and what is known to have been said once it was.
pub(super) struct Draft {
    pub digest: Digest,
    pub says: Says,
}

impl Mailroom<'_> {
    /// Sends what an earlier run has written and nobody knows to have gone out; files of letters that
    /// are not expected go.
    pub(super) fn resume(&mut self, ledger: &mut Ledger) -> Result<(), RunError> {
        self.sweep(ledger)
            .map_err(|source| RunError::kept(self.folder, source))?;
        self.send(ledger)
    }

    /// Writes letters, keeps them, and sends them.
    pub(super) fn deliver(
        &mut self,
        drafts: Vec<Draft>,
        ledger: &mut Ledger,
    ) -> Result<(), RunError> {
        let mut frozen = Vec::new();
        for draft in drafts {
            self.failed.extend(draft.digest.failed.iter().cloned());
            match Letter::of(&draft.digest, self.sender, (self.clock)()) {
                Ok(letter) => frozen.push(self.keep(letter, draft.says)?),
                Err(source) => self.unwritable(&draft, source, ledger)?,
            }
        }
        if !frozen.is_empty() {
            settle(self.folder).map_err(|source| RunError::kept(self.folder, source))?;
            fail_point!(
                "letters-kept",
                return Err(crate::ledger::LedgerError::Stopped.into())
            );
            let letters = frozen.into_iter();
            self.say(ledger, letters.map(|letter| Event::Frozen { letter }))?;
            fail_point!(
                "letters-recorded",
                return Err(crate::ledger::LedgerError::Stopped.into())
            );
        }
        self.send(ledger)
    }

    /// Sends every letter that is kept, the oldest first.
    fn send(&mut self, ledger: &mut Ledger) -> Result<(), RunError> {
        let kept = ledger.history().frozen().to_vec();
        for frozen in kept {
            if self.stop.asked() || !ledger.may_start() {
                return Ok(());
            }
            let path = self.path(&frozen.sha256);
            let Some(letter) = read(&path, &frozen) else {
                let message = frozen.message.clone();
                self.say(ledger, [Event::Thawed { message }])?;
                let _ = fs::remove_file(&path);
                continue;
            };
            if !self.tried.insert(frozen.message.clone()) {
                continue;
            }
            let sent = self.post.send(&letter);
            fail_point!(
                "mark-sent",
                return Err(crate::ledger::LedgerError::Stopped.into())
            );
            self.attempted(&frozen, sent.map(|s| s.answer), ledger)?;
            if !ledger.history().frozen().contains(&frozen) {
                fail_point!("letter-removed", continue);
                // A file that stays is swept by the next run.
                let _ = fs::remove_file(&path);
            }
        }
        Ok(())
    }

    /// Records what became of an attempt. Nobody knows what became of a letter whose connection broke:
    /// it stays, and is sent again as it is. What was refused is written anew by a later run.
    fn attempted(
        &mut self,
        frozen: &FrozenLetter,
        answer: Result<String, PostError>,
        ledger: &mut Ledger,
    ) -> Result<(), RunError> {
        let (result, given_up) = match &answer {
            Ok(_) => (MailResult::Sent, false),
            Err(error) => {
                let unknown = matches!(error, PostError::Unreachable { .. });
                debug_assert!(!unknown || error.remedy() == Remedy::Wait);
                (MailResult::Failed(error.to_string()), !unknown)
            }
        };
        let message = frozen.message.clone();
        let thawed = given_up.then_some(Event::Thawed { message });
        self.say(ledger, frozen.attempted(result).into_iter().chain(thawed))?;
        self.mails.push(Mailed {
            to: frozen.recipient.clone(),
            subject: frozen.subject.clone(),
            result: answer.map_err(|error| with_source(&error)),
        });
        Ok(())
    }

    /// A mail that no letter can be made of: its address is none.
    fn unwritable(
        &mut self,
        draft: &Draft,
        source: crate::notify::RenderError,
        ledger: &mut Ledger,
    ) -> Result<(), RunError> {
        let Draft { digest, says } = draft;
        let recipient = digest.to.mail.clone();
        let frozen = FrozenLetter {
            message: digest.message_id.0.clone(),
            from: self.sender.mail.clone(),
            recipient: recipient.clone(),
            subject: digest.subject.clone(),
            date: (self.clock)(),
            sha256: String::new(),
            says: says.clone(),
        };
        let error = PostError::Address { recipient, source };
        self.attempted(&frozen, Err(error), ledger)
    }

    fn keep(&self, letter: Letter, says: Says) -> Result<FrozenLetter, RunError> {
        let sha256 = sha256(letter.mime.as_bytes());
        let path = self.path(&sha256);
        fail_point!(
            "letter-kept",
            return Err(RunError::kept(&path, crate::failpoint::broken()))
        );
        write(self.folder, &path, letter.mime.as_bytes())
            .map_err(|source| RunError::kept(&path, source))?;
        Ok(FrozenLetter {
            message: letter.message_id.0,
            from: letter.from,
            recipient: letter.to,
            subject: letter.subject,
            date: letter.date,
            sha256,
            says,
        })
    }

    /// Removes files that a crash left: of letters that went out, or that were never recorded.
    fn sweep(&self, ledger: &Ledger) -> io::Result<()> {
        fail_point!("letters-swept", return Err(crate::failpoint::broken()));
        let frozen = ledger.history().frozen().iter();
        let expected: BTreeSet<PathBuf> = frozen.map(|f| self.path(&f.sha256)).collect();
        let files = match fs::read_dir(self.folder) {
            Ok(files) => files,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        for file in files {
            let path = file?.path();
            let ours = path.extension().is_some_and(|end| end == "eml");
            if ours && !expected.contains(&path) {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }

    fn path(&self, sha256: &str) -> PathBuf {
        self.folder.join(format!("{sha256}.eml"))
    }

    fn say(
        &self,
        ledger: &mut Ledger,
        events: impl IntoIterator<Item = Event>,
    ) -> Result<(), RunError> {
        let at = (self.clock)();
        let run = self.run;
        ledger.append_all(events.into_iter().map(|event| Record {
            at,
            run: run.clone(),
            event,
        }))?;
        Ok(())
    }
}

/// A letter as it was written; none where its file is not there, or is another by now.
fn read(path: &Path, frozen: &FrozenLetter) -> Option<Letter> {
    let mime = fs::read_to_string(path).ok()?;
    let same = sha256(mime.as_bytes()) == frozen.sha256;
    same.then(|| Letter {
        message_id: MessageId(frozen.message.clone()),
        from: frozen.from.clone(),
        to: frozen.recipient.clone(),
        subject: frozen.subject.clone(),
        date: frozen.date,
        mime,
    })
}

/// Writes a file, readable for its owner only, whole or not at all.
fn write(folder: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// Makes new names in a folder survive a crash.
fn settle(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn sha256(bytes: &[u8]) -> String {
    let digest = sha2::Sha256::digest(bytes);
    digest.iter().map(|b| format!("{b:02x}")).collect()
}
