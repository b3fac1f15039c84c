//! Records ↔ the lines of a file that only grows, each bound to the one before it.
//!
//! A line is a JSON object: `prev`, then the record. `prev` is the first 16 hex digits of the
//! SHA-256 of the line before it without its line feed; sixteen zeros on the first line.
//!
//! Invariant: a line is either there with its line feed, or it was never promised. What stands after
//! the last line feed is what a crash left; it is set aside in a file of its own, never dropped and
//! never read. Any other line that cannot be read, or does not follow, stops everything.

use super::record::{Event, Record, RunId};
use super::{Contradiction, LedgerError};
use crate::failpoint::fail_point;
use crate::plan::recorded::Kept;
use jiff::Timestamp;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

/// `prev` of the first line.
const NONE: &str = "0000000000000000";

/// Lines read at a time: many enough for all cores, few enough to stay in the cache.
const CHUNK: usize = 2048;
/// Fewest lines that are worth another core.
const SHARE: usize = 128;

/// Takes the records of a file one after the other, and may refuse one.
pub(super) type Take<'a> = &'a mut dyn FnMut(Record) -> Result<(), Contradiction>;

/// What a file holds beside its records.
#[derive(Debug, Default)]
pub(super) struct Content {
    /// The digest of the last line; empty where there is none.
    pub(super) head: String,
    /// How many bytes its complete lines have.
    pub(super) length: usize,
    /// What stands after them.
    pub(super) torn: Vec<u8>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LineOut<'a> {
    prev: &'a str,
    at: Timestamp,
    run: &'a RunId,
    event: &'a Event,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct LineIn<'a> {
    prev: &'a str,
    at: Timestamp,
    run: RunId,
    event: Event,
}

/// Reads a file; none where it is not there.
pub(super) fn read(path: &Path, take: Take<'_>) -> Result<Option<Content>, LedgerError> {
    match std::fs::read(path) {
        Ok(bytes) => decode(bytes, take).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound && parent(path).is_dir() => Ok(None),
        Err(error) => Err(LedgerError::io(path)(error)),
    }
}

pub(super) fn decode(mut bytes: Vec<u8>, take: Take<'_>) -> Result<Content, LedgerError> {
    let length = bytes
        .iter()
        .rposition(|b| *b == b'\n')
        .map_or(0, |at| at + 1);
    let torn = bytes.split_off(length);
    let lines: Vec<&[u8]> = match bytes.split_last() {
        Some((_, lines)) => lines.split(|b| *b == b'\n').collect(),
        None => Vec::new(),
    };
    let mut head = String::new();
    let mut number = 0;
    let mut parsed = Vec::new();
    for chunk in lines.chunks(CHUNK) {
        chunk
            .par_iter()
            .with_min_len(SHARE)
            .map(|line| (serde_json::from_slice::<LineIn<'_>>(line), digest(line)))
            .collect_into_vec(&mut parsed);
        for (line, digest) in parsed.drain(..) {
            number += 1;
            let line = line.map_err(|source| LedgerError::Malformed {
                line: number,
                source,
            })?;
            if line.prev != follows(&head) {
                return Err(LedgerError::Broken { line: number });
            }
            head = digest;
            take(Record {
                at: line.at,
                run: line.run,
                event: line.event,
            })
            .map_err(|source| LedgerError::Impossible {
                line: number,
                source,
            })?;
        }
    }
    Ok(Content { head, length, torn })
}

/// The record of one line, whatever it follows.
pub(super) fn parse(line: &[u8]) -> Result<Record, serde_json::Error> {
    let LineIn {
        prev: _,
        at,
        run,
        event,
    } = serde_json::from_slice(line)?;
    Ok(Record { at, run, event })
}

/// The line of a record that follows the line with this digest, and its own digest.
pub(super) fn encode(head: &str, record: &Record) -> Result<(Vec<u8>, String), serde_json::Error> {
    let Record { at, run, event } = record;
    let mut line = serde_json::to_vec(&LineOut {
        prev: follows(head),
        at: *at,
        run,
        event,
    })?;
    let digest = digest(&line);
    line.push(b'\n');
    Ok((line, digest))
}

fn follows(head: &str) -> &str {
    if head.is_empty() { NONE } else { head }
}

fn digest(line: &[u8]) -> String {
    let hash = Sha256::digest(line);
    let mut hex = String::with_capacity(16);
    for byte in hash.iter().take(8) {
        for digit in [byte >> 4, byte & 15] {
            hex.push(char::from_digit(u32::from(digit), 16).unwrap_or('0'));
        }
    }
    hex
}

fn parent(path: &Path) -> &Path {
    path.parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

/// The only hand that writes a ledger, as long as it lives.
#[derive(Debug)]
pub(super) struct Writer {
    path: PathBuf,
    /// Made at the first record: a run without one leaves no file.
    file: Option<File>,
    head: String,
    length: u64,
    state: State,
    /// Whether there was a ledger before, which is gone: its lock stays, and goes on telling.
    is_lost: bool,
    /// Held, never read: its lock goes with it.
    _lock: Lock,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Ready,
    /// A write failed: what the file holds is not known any more.
    Stopped,
}

impl Writer {
    /// Reads a ledger that is locked and has no torn end.
    pub(super) fn locked(
        path: PathBuf,
        lock: Lock,
        take: Take<'_>,
    ) -> Result<(Self, Option<Content>), LedgerError> {
        let content = read(&path, take)?;
        let (length, head) = match &content {
            Some(content) => (content.length as u64, content.head.clone()),
            None => (0, String::new()),
        };
        // That it cannot be written must show before the first effect, not after it.
        let file = match &content {
            Some(_) => Some(create(&path).map_err(LedgerError::io(&path))?),
            None => None,
        };
        let writer = Self {
            path,
            file,
            head,
            length,
            state: State::Ready,
            is_lost: false,
            _lock: lock,
        };
        Ok((writer, content))
    }

    /// Says that there was a ledger before, and it is gone.
    pub(super) fn is_of_a_lost_one(&mut self) {
        self.is_lost = true;
    }

    /// Goes on where an earlier writer stopped, without reading what it wrote.
    pub(super) fn again(path: PathBuf, lock: Lock, place: Place) -> Result<Self, LedgerError> {
        let file = create(&path).map_err(LedgerError::io(&path))?;
        Ok(Self {
            path,
            file: Some(file),
            head: place.head,
            length: place.stamp.length,
            state: State::Ready,
            is_lost: false,
            _lock: lock,
        })
    }

    /// Where it stops; none where it wrote nothing yet, or what the file holds is not known.
    pub(super) fn place(&self) -> Option<Place> {
        let stamp = Stamp::of(&self.path)?;
        let is_known = self.state == State::Ready && self.file.is_some();
        (is_known && stamp.length == self.length).then(|| Place {
            path: self.path.clone(),
            stamp,
            head: self.head.clone(),
        })
    }

    /// Appends records, one line each, and returns once they are on the disk.
    pub(super) fn append(&mut self, records: &[Record]) -> Result<(), LedgerError> {
        let mut lines = Vec::new();
        let mut head = self.head.clone();
        for record in records {
            let (line, digest) = encode(&head, record).map_err(|source| {
                self.state = State::Stopped;
                LedgerError::Unwritable(source)
            })?;
            lines.extend(line);
            head = digest;
        }
        self.write(&lines)?;
        self.length += lines.len() as u64;
        self.head = head;
        Ok(())
    }

    /// The digest of the last line.
    pub(super) fn head(&self) -> &str {
        &self.head
    }

    fn write(&mut self, lines: &[u8]) -> Result<(), LedgerError> {
        match self.state {
            State::Ready if lines.is_empty() => return Ok(()),
            State::Ready => {}
            State::Stopped => return Err(LedgerError::Stopped),
        }
        let failed = LedgerError::io(&self.path);
        let written = (|| {
            let file = match &mut self.file {
                Some(file) => file,
                None => self.file.insert(create(&self.path)?),
            };
            fail_point!("journal", return Err(crate::failpoint::broken()));
            file.write_all(lines)?;
            fail_point!("journal-written", return Err(crate::failpoint::broken()));
            file.sync_data()
        })();
        written.map_err(|error| {
            self.state = State::Stopped;
            // Half a line must not stand before another one; what is promised ends at `length`.
            if let Some(file) = &self.file {
                let _ = file.set_len(self.length).and_then(|()| file.sync_all());
            }
            failed(error)
        })
    }
}

/// By what a file is known to be as it was: no write leaves all of it alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stamp {
    /// Which file it is: device and number.
    file: (u64, u64),
    length: u64,
    /// When its content and its entry were last changed: seconds and nanoseconds.
    changed: [(i64, i64); 2],
}

impl Stamp {
    /// That of a file as it lies there; none where it is not there, or the system does not tell.
    #[cfg(unix)]
    fn of(path: &Path) -> Option<Self> {
        use std::os::unix::fs::MetadataExt as _;
        let told = std::fs::metadata(path).ok()?;
        Some(Self {
            file: (told.dev(), told.ino()),
            length: told.len(),
            changed: [
                (told.mtime(), told.mtime_nsec()),
                (told.ctime(), told.ctime_nsec()),
            ],
        })
    }

    #[cfg(not(unix))]
    fn of(_: &Path) -> Option<Self> {
        None
    }
}

/// Where a writer stopped: what it knew of its file.
#[derive(Debug)]
pub(super) struct Place {
    path: PathBuf,
    stamp: Stamp,
    head: String,
}

impl Place {
    /// Whether the file of that name is the same, and nobody has written it since. Whoever asks has its lock.
    pub(super) fn is_as_it_was(&self, path: &Path) -> bool {
        path == self.path && Stamp::of(path).as_ref() == Some(&self.stamp)
    }
}

/// Opens a file for appending; a new one is readable by its owner only, and its name survives a crash.
fn create(path: &Path) -> io::Result<File> {
    let is_new = !path.exists();
    let file = private(OpenOptions::new().append(true).create(true)).open(path)?;
    if is_new {
        settle(parent(path))?;
    }
    Ok(file)
}

/// Sets aside what a crash left behind the last line; the name of the file it is kept in.
pub(super) fn mend(path: &Path) -> Result<Option<PathBuf>, LedgerError> {
    let read = || -> io::Result<Option<Vec<u8>>> {
        let mut file = File::open(path)?;
        if file.metadata()?.len() == 0 {
            return Ok(None);
        }
        // Nearly always whole: then nothing more of it is read.
        let mut last = [0];
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
        match last {
            [b'\n'] => Ok(None),
            _ => std::fs::read(path).map(Some),
        }
    };
    let bytes = match read() {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(LedgerError::io(path)(error)),
    };
    let end = bytes.iter().rposition(|b| *b == b'\n');
    let length = end.map_or(0, |at| at + 1);
    let Some(torn) = bytes.get(length..).filter(|torn| !torn.is_empty()) else {
        return Ok(None);
    };
    let aside = set_aside(path, "torn", torn)?;
    let file = OpenOptions::new().write(true).open(path);
    file.and_then(|file| {
        file.set_len(length as u64)?;
        file.sync_all()
    })
    .map_err(LedgerError::io(path))?;
    Ok(Some(aside))
}

/// Keeps bytes in a new file beside a ledger; its name.
pub(super) fn set_aside(path: &Path, why: &str, bytes: &[u8]) -> Result<PathBuf, LedgerError> {
    let mut number = 1;
    loop {
        let aside = beside(path, &format!("{why}-{number}"));
        match private(OpenOptions::new().write(true).create_new(true)).open(&aside) {
            Ok(mut file) => {
                let written = file.write_all(bytes).and_then(|()| file.sync_all());
                written
                    .and_then(|()| settle(parent(path)))
                    .map_err(LedgerError::io(&aside))?;
                return Ok(aside);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
            Err(error) => return Err(LedgerError::io(&aside)(error)),
        }
    }
}

/// Adds bytes to the end of a file that nobody else writes.
pub(super) fn extend(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Replaces a file in one step; its owner only can read it.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(parent(path))?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    settle(parent(path))
}

/// The one name of a ledger: two names of it have one lock.
pub(super) fn canonical(path: &Path) -> Result<PathBuf, LedgerError> {
    match path.canonicalize() {
        Ok(path) => Ok(path),
        Err(_) => {
            let folder = parent(path)
                .canonicalize()
                .map_err(LedgerError::io(parent(path)))?;
            Ok(folder.join(path.file_name().unwrap_or_default()))
        }
    }
}

/// Takes the lock of a ledger, and writes into it who has it.
pub(super) fn lock(path: &Path) -> Result<Lock, LedgerError> {
    let path = beside(path, "lock");
    fail_point!(
        "ledger-lock",
        return Err(LedgerError::io(&path)(crate::failpoint::broken()))
    );
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    let mut file = private(&mut options)
        .open(&path)
        .map_err(LedgerError::io(&path))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            let known = file.read_to_string(&mut holder).is_ok() && !holder.trim().is_empty();
            let holder = if known {
                holder.trim().to_owned()
            } else {
                "another run".into()
            };
            return Err(LedgerError::Locked {
                path: path.display().to_string(),
                holder,
            });
        }
        Err(TryLockError::Error(error)) => return Err(LedgerError::io(&path)(error)),
    }
    let holder = format!(
        "process {} since {:.0}\n",
        std::process::id(),
        Timestamp::now()
    );
    let noted = file
        .set_len(0)
        .and_then(|()| file.write_all(holder.as_bytes()));
    noted.map_err(LedgerError::io(&path))?;
    Ok(Lock(file))
}

/// A lock that is let go when it is dropped, whoever has the file open still: a program that is just being
/// started has, until it runs.
#[derive(Debug)]
pub(super) struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        // Where that fails, it is let go once nobody has the file open.
        let _ = self.0.unlock();
    }
}

/// Whether the record is whole. A lock without a ledger says that there was one, and that it is lost;
/// neither of the two, that nothing was ever done from here.
pub(super) fn kept(path: &Path) -> Kept {
    match path.exists() || !beside(path, "lock").exists() {
        true => Kept::Yes,
        false => Kept::No,
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // A ledger that was opened and never written is none yet.
        if self.file.is_none() && !self.is_lost && !self.path.exists() {
            let _ = std::fs::remove_file(beside(&self.path, "lock"));
        }
    }
}

pub(super) fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(end);
    path.with_file_name(name)
}

/// Files made with these options are for their owner's eyes: people's names stand in them.
#[cfg(unix)]
pub(super) fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    options.mode(0o600)
}

#[cfg(not(unix))]
pub(super) fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

/// Makes a new name in a folder survive a crash.
#[cfg(unix)]
fn settle(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn settle(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::history::tests::{asked, at, done, task, user};
    use super::*;
    use crate::ledger::{Ledger, LedgerError, Outcome};
    use crate::name::ResourceName;
    use crate::plan::{Action, ChangeId, TaskAction};
    use std::fs;

    fn outcome(number: usize) -> Record {
        at(
            number as i64,
            Event::Outcome {
                change: ChangeId(format!("{number:016x}")),
                action: Action::AddMember,
                user: Some(user("kim")),
                resource: ResourceName::new("active-directory").unwrap(),
                target: "kim.lee".into(),
                outcome: Outcome::Applied,
                detail: None,
                causes: Vec::new(),
            },
        )
    }

    fn lines(count: usize) -> Vec<u8> {
        let mut head = String::new();
        let mut bytes = Vec::new();
        for number in 0..count {
            let (line, digest) = encode(&head, &outcome(number)).unwrap();
            bytes.extend(line);
            head = digest;
        }
        bytes
    }

    fn decoded(bytes: &[u8]) -> Result<(Content, Vec<Record>), LedgerError> {
        let mut records = Vec::new();
        let content = decode(bytes.to_vec(), &mut |record| {
            records.push(record);
            Ok(())
        })?;
        Ok((content, records))
    }

    #[test]
    fn lines_are_chained_by_their_digests() {
        let text = String::from_utf8(lines(2)).unwrap();
        let (first, second) = text.trim_end().split_once('\n').unwrap();
        assert!(
            first.starts_with("{\"prev\":\"0000000000000000\",\"at\":\"1970-01-01T00:00:00Z\"")
        );
        let prev: String = Sha256::digest(first)[..8]
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect();
        assert!(second.starts_with(&format!("{{\"prev\":\"{prev}\"")));
        let (content, records) = decoded(text.as_bytes()).unwrap();
        assert_eq!(records, [outcome(0), outcome(1)]);
        assert_eq!(content.head, digest(second.as_bytes()));
        assert_eq!((content.length, content.torn), (text.len(), Vec::new()));
    }

    #[test]
    fn every_change_to_an_earlier_line_is_noticed_and_names_the_line() {
        let text = String::from_utf8(lines(4)).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let read = |lines: &[&str]| decoded((lines.join("\n") + "\n").as_bytes()).map(|_| ());
        assert!(read(&lines).is_ok());
        let edited = lines[1].replace("kim.lee", "lee.kim");
        for (lines, broken) in [
            (vec![lines[0], &edited, lines[2], lines[3]], 3),
            (vec![lines[0], lines[2], lines[3]], 2),
            (vec![lines[1], lines[2], lines[3]], 1),
            (vec![lines[0], lines[1], lines[1], lines[2]], 3),
            (vec![lines[0], lines[2], lines[1], lines[3]], 2),
        ] {
            let error = read(&lines).unwrap_err();
            assert!(
                matches!(error, LedgerError::Broken { line } if line == broken),
                "{error}"
            );
        }
        for bad in [
            "",
            "{",
            "{}",
            &lines[1].replace("outcome", "outgo"),
            &format!("{} x", lines[1]),
        ] {
            let error = read(&[lines[0], bad, lines[2]]).unwrap_err();
            assert!(
                matches!(error, LedgerError::Malformed { line: 2, .. }),
                "{bad}: {error}"
            );
        }
    }

    #[test]
    fn a_crash_at_any_byte_loses_the_unfinished_line_only() {
        let bytes = lines(3);
        for cut in 0..=bytes.len() {
            let (content, records) = decoded(&bytes[..cut]).unwrap();
            let whole = bytes[..cut].iter().filter(|b| **b == b'\n').count();
            assert_eq!(records.len(), whole);
            assert_eq!(
                [&bytes[..content.length], &content.torn].concat(),
                &bytes[..cut]
            );
        }
    }

    #[test]
    fn only_one_has_it_open_and_the_other_is_told_who() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.jsonl");
        let first = Ledger::open(&path).unwrap();
        let error = Ledger::open(&path).unwrap_err();
        let LedgerError::Locked { holder, .. } = &error else {
            panic!("{error}")
        };
        assert!(
            holder.starts_with(&format!("process {}", std::process::id())),
            "{holder}"
        );
        assert!(Ledger::read(&path).is_ok());
        drop(first);
        assert!(Ledger::open(&path).is_ok());
    }

    #[cfg(unix)]
    #[test]
    fn two_names_of_a_ledger_share_its_lock_and_others_cannot_read_it() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (
            folder.path().join("ledger.jsonl"),
            folder.path().join("link"),
        );
        let mut ledger = Ledger::open(&path).unwrap();
        ledger.append(outcome(1)).unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(matches!(
            Ledger::open(&link),
            Err(LedgerError::Locked { .. })
        ));
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }

    #[test]
    fn after_a_failed_write_nothing_more_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.jsonl");
        let grant = task(TaskAction::Grant, 1, &[]);
        let mut ledger = Ledger::open(&path).unwrap();
        fs::create_dir(&path).unwrap();
        let error = ledger.append(at(1, asked(&grant))).unwrap_err();
        assert!(matches!(error, LedgerError::Io { .. }), "{error}");
        fs::remove_dir(&path).unwrap();
        let error = ledger.append(at(2, done(&grant))).unwrap_err();
        assert!(matches!(error, LedgerError::Stopped), "{error}");
        assert!(!path.exists());
    }
}
