//! An export of a manual system, as CSV or LDIF → whose rows it has, and at which levels.
//!
//! Invariant: what could not be read whole is a [`Failure`], never a shorter list: *could not read* is
//! not *is not there*. So a file without rows, without its columns, cut off in the middle or written
//! while it was read fails.

use super::active_directory::ldif_text::{self, LdifRecord};
use super::{AttributeName, Failure, FailureClass};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Largest export, in bytes: a million rows.
const LARGEST: u64 = 256 * 1024 * 1024;

/// Where an export is, and what its columns mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Export {
    /// The file; LDIF where its name ends in `.ldif`, else CSV.
    pub path: PathBuf,
    /// The column (or attribute) that tells whose row it is.
    pub key: String,
    /// What of a user that column holds.
    pub of: UserKey,
    /// The column (or attribute) of the level; none: a row says only that the user is there.
    pub level: Option<String>,
    /// How old it may be.
    pub max_age: SignedDuration,
}

/// What of a user an export tells people by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserKey {
    /// The employee number.
    EmployeeNumber,
    /// The login name in the directory.
    Login,
    /// The mail address.
    Mail,
    /// The name people read, where nobody else has it; or the name of the manifest.
    Name,
}

/// An export as it was read, completely.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// When the file was last written.
    pub written: Timestamp,
    /// What of a user its keys are.
    pub of: UserKey,
    /// Whether its rows tell levels.
    pub tells_levels: bool,
    /// The levels of each row, by key; both as [`folded`] gives them. Never empty.
    pub rows: BTreeMap<String, BTreeSet<String>>,
}

/// What two spellings of a value share.
pub fn folded(text: &str) -> String {
    text.trim().to_lowercase()
}

impl Export {
    /// Reads the export, as of an instant.
    ///
    /// # Errors
    /// [`Failure`] where it could not be read whole, holds no row, or is too old to say anything.
    pub fn read(&self, now: Timestamp) -> Result<Exported, Failure> {
        let failed = |error: std::io::Error| self.failure(&error.to_string());
        let before = fs::metadata(&self.path).map_err(failed)?;
        if before.len() > LARGEST {
            return Err(self.failure(&format!("it has more than {LARGEST} bytes")));
        }
        let bytes = fs::read(&self.path).map_err(failed)?;
        let after = fs::metadata(&self.path).map_err(failed)?;
        let modified = after.modified().map_err(failed)?;
        let same = before.modified().map_err(failed)? == modified;
        if !same || before.len() != after.len() || bytes.len() as u64 != after.len() {
            return Err(self.failure("it was being written"));
        }
        let written = Timestamp::try_from(modified);
        let written = written.map_err(|error| self.failure(&error.to_string()))?;
        let is_ldif = |path: &Path| {
            path.extension()
                .is_some_and(|e| e.eq_ignore_ascii_case("ldif"))
        };
        if now.duration_since(written) > self.max_age {
            let hours = self.max_age.as_hours();
            let reason = format!("it was written at {written}, more than {hours} hours ago");
            return Err(self.failure(&reason));
        }
        let rows = match is_ldif(&self.path) {
            true => self.ldif(&bytes),
            false => self.csv(&bytes),
        };
        let rows = rows.map_err(|reason| self.failure(&reason))?;
        match rows.is_empty() {
            true => Err(self.failure("it has no row")),
            false => Ok(Exported {
                written,
                of: self.of,
                tells_levels: self.level.is_some(),
                rows,
            }),
        }
    }

    fn failure(&self, reason: &str) -> Failure {
        Failure {
            class: FailureClass::Incomplete,
            code: None,
            extended: None,
            message: format!("{}: {reason}", self.path.display()),
        }
    }

    fn csv(&self, bytes: &[u8]) -> Result<BTreeMap<String, BTreeSet<String>>, String> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        if !bytes.ends_with(b"\n") {
            return Err("its last line has no end: it was cut off".into());
        }
        if bytes.iter().filter(|b| **b == b'"').count() % 2 == 1 {
            return Err("a quotation mark is never closed".into());
        }
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(delimiter(bytes))
            .from_reader(bytes);
        let header = reader.headers().map_err(|error| error.to_string())?;
        let header: Vec<String> = header.iter().map(folded).collect();
        let column = |name: &str| {
            let mut places = (0..header.len()).filter(|at| header[*at] == folded(name));
            match (places.next(), places.next()) {
                (Some(at), None) => Ok(at),
                (None, _) => Err(format!("its first line names no column `{name}`")),
                (Some(_), Some(_)) => Err(format!("two columns are called `{name}`")),
            }
        };
        let key = column(&self.key)?;
        let level = self.level.as_deref().map(column).transpose()?;
        let mut rows = BTreeMap::new();
        for record in reader.records() {
            let record = record.map_err(|error| error.to_string())?;
            let cell = |at: usize| folded(record.get(at).unwrap_or_default());
            add(&mut rows, cell(key), level.map(cell));
        }
        Ok(rows)
    }

    fn ldif(&self, bytes: &[u8]) -> Result<BTreeMap<String, BTreeSet<String>>, String> {
        if !bytes.ends_with(b"\n") {
            return Err("its last line has no end: it was cut off".into());
        }
        let mut rows = BTreeMap::new();
        let key = AttributeName::new(self.key.as_str());
        let level = self.level.as_deref().map(AttributeName::new);
        for record in ldif_text::read(bytes).map_err(|error| error.to_string())? {
            let LdifRecord::Content { attributes, .. } = record else {
                return Err("it holds changes, not entries".into());
            };
            let texts = |name: &AttributeName| -> Vec<String> {
                let values = attributes.get(name).into_iter().flatten();
                values
                    .filter_map(|value| value.text().map(folded))
                    .collect()
            };
            let levels = level.as_ref().map(texts).unwrap_or_default();
            for key in texts(&key) {
                add(&mut rows, key.clone(), None);
                for level in &levels {
                    add(&mut rows, key.clone(), Some(level.clone()));
                }
            }
        }
        match rows.is_empty() {
            true => Err(format!("no entry has `{}`", self.key)),
            false => Ok(rows),
        }
    }
}

/// Adds a row; one of nobody is none.
fn add(rows: &mut BTreeMap<String, BTreeSet<String>>, key: String, level: Option<String>) {
    if !key.is_empty() {
        let levels = rows.entry(key).or_default();
        levels.extend(level.filter(|level| !level.is_empty()));
    }
}

/// What the first line has most of: a comma, a semicolon (as spreadsheets write where a comma is the
/// decimal point), or a tab.
fn delimiter(bytes: &[u8]) -> u8 {
    let first = bytes.split(|b| *b == b'\n').next().unwrap_or_default();
    let count = |delimiter: &u8| first.iter().filter(|b| *b == delimiter).count();
    // Of equals the last: the comma.
    let most = [b'\t', b';', b','].into_iter().max_by_key(count);
    most.unwrap_or(b',')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, text: &[u8], level: Option<&str>) -> Result<Exported, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        let export = Export {
            path,
            key: "Employee number".into(),
            of: UserKey::EmployeeNumber,
            level: level.map(str::to_owned),
            max_age: SignedDuration::from_hours(1),
        };
        export
            .read(Timestamp::now())
            .map_err(|failure| failure.message)
    }

    #[test]
    fn rows_are_read_whatever_parts_them() {
        for text in [
            "Employee number,Role\n001077,Staff\n001077,Admin\n\"001091\",\n",
            "\u{feff}Employee Number;Role\r\n001077;Staff\r\n001077;admin\r\n001091;\r\n",
        ] {
            let exported = read("x.csv", text.as_bytes(), Some("role")).unwrap();
            let rows: Vec<_> = exported.rows.iter().collect();
            assert_eq!(rows.len(), 2);
            assert_eq!(rows[0].0, "001077");
            assert!(rows[0].1.contains("staff") && rows[0].1.contains("admin"));
            assert!(rows[1].1.is_empty());
        }
    }

    #[test]
    fn what_cannot_be_read_whole_is_never_a_shorter_list() {
        for (text, reason) in [
            ("", "cut off"),
            ("Employee number,Role\n", "no row"),
            ("Employee number,Role\n001077,Staff\n00109", "cut off"),
            ("Employee number,Role\n001077,Staff\n001091\n", "record"),
            ("Employee number,Role\n001077,\"Staff\n", "never closed"),
            ("Number,Role\n001077,Staff\n", "no column"),
            ("Employee number,employee number\n1,2\n", "two columns"),
        ] {
            let error = read("x.csv", text.as_bytes(), None).unwrap_err();
            assert!(error.contains(reason), "{text:?}: {error}");
        }
        let gone = export("/nowhere/x.csv".into());
        assert!(gone.read(Timestamp::now()).is_err());
    }

    #[test]
    fn an_old_export_says_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.ldif");
        fs::write(&path, "dn: uid=kim,o=x\nuid: kim\n").unwrap();
        let export = export(path);
        let later = |minutes| Timestamp::now() + SignedDuration::from_mins(minutes);
        assert!(export.read(later(59)).is_ok());
        let error = export.read(later(61)).unwrap_err();
        assert!(error.message.contains("1 hours ago"), "{error}");
    }

    fn export(path: PathBuf) -> Export {
        Export {
            path,
            key: "uid".into(),
            of: UserKey::Login,
            level: Some("role".into()),
            max_age: SignedDuration::from_hours(1),
        }
    }

    #[test]
    fn an_ldif_of_entries_is_an_export_too() {
        let read = |text: &str| {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("x.ldif");
            fs::write(&path, text).unwrap();
            export(path).read(Timestamp::now())
        };
        let text = "dn: uid=kim,o=x\nuid: Kim\nrole: a\nrole: B\n\ndn: uid=jo,o=x\nuid: jo\n";
        let exported = read(text).unwrap();
        let levels: Vec<&str> = exported.rows["kim"].iter().map(String::as_str).collect();
        assert_eq!(levels, ["a", "b"]);
        assert!(exported.rows["jo"].is_empty());
        let change = "dn: uid=kim,o=x\nchangetype: delete\n";
        assert!(read(change).is_err());
        assert!(read("dn: o=x\no: x\n").is_err(), "no entry has the key");
    }
}
