//! Turns wanted rows into a CSV file that an application reads, and that file into observed rows.
//!
//! The first line is `user,identity,entitlement` and then the resource's fields in its order. Rows
//! are sorted by those three. Absent values are empty cells.
//!
//! Invariant: a roster belongs to Countersign as a whole. What it cannot read as its own - a row of
//! nobody, a column that is no field, a quote that never closes - makes the read fail; it is never
//! dropped by the next write. A column of a field that the resource no longer has is kept as long as
//! a row has a value in it.
//! Decision: a value that a spreadsheet would take for a formula is refused. To put an apostrophe
//! before it, as is often done, would change the value for the application.

use super::{Failure, FailureClass};
use crate::failpoint::fail_point;
use crate::name::{FieldName, UserName};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs::{self, File, Metadata};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The columns in front of the fields.
const KEY_COLUMNS: [&str; 3] = ["user", "identity", "entitlement"];

/// Unix mode of a new roster: whoever keeps it writes, its group reads (the application is in it).
#[cfg(unix)]
const MODE: u32 = 0o640;

/// A roster file of one resource.
#[derive(Debug, Clone)]
pub struct Roster {
    path: PathBuf,
    folder: PathBuf,
    fields: Vec<FieldName>,
}

/// What makes a row of a roster a row: user and entitlement.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub struct RowKey {
    /// The user.
    pub user: UserName,
    /// The identity's alias; empty where there is none.
    pub identity: String,
    /// The level, role or scope.
    pub entitlement: String,
}

impl fmt::Display for RowKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.identity.as_str() {
            "" => write!(f, "{} {}", self.user, self.entitlement),
            identity => write!(f, "{} ({identity}) {}", self.user, self.entitlement),
        }
    }
}

/// The values of a row by field; absent ones are not in it, none is empty.
pub type Row = BTreeMap<FieldName, Arc<str>>;

/// How a row came to be as it was wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// It was written.
    Written,
    /// It was so already.
    AlreadySo,
}

impl Roster {
    /// Takes the roster at a path, there or not yet, of a resource with these fields in this order.
    ///
    /// # Errors
    /// [`Failure`] where its folder is not there, or a field is called like one of the first columns.
    pub fn open(path: &Path, fields: &[FieldName]) -> Result<Self, Failure> {
        if let Some(field) = fields.iter().find(|f| KEY_COLUMNS.contains(&f.as_str())) {
            let message = format!("a roster has a column `{field}` already; rename the field");
            return Err(failure(FailureClass::Configuration, message));
        }
        let wrong = |error: &io::Error, what: &Path| {
            failure(
                FailureClass::Configuration,
                format!("{}: {error}", what.display()),
            )
        };
        let path = match fs::symlink_metadata(path) {
            Ok(_) => path.canonicalize().map_err(|e| wrong(&e, path))?,
            Err(_) => std::path::absolute(path).map_err(|e| wrong(&e, path))?,
        };
        let folder = path.parent().unwrap_or(Path::new("/")).to_owned();
        match fs::metadata(&folder) {
            Ok(metadata) if metadata.is_dir() => {}
            Ok(_) => return Err(wrong(&io::ErrorKind::NotADirectory.into(), &folder)),
            Err(error) => return Err(wrong(&error, &folder)),
        }
        Ok(Self {
            path,
            folder,
            fields: fields.to_vec(),
        })
    }

    /// What is read and written, for people: the file's path.
    pub fn describe(&self) -> String {
        self.path.display().to_string()
    }

    /// Reads every row; none where the file is not there yet.
    ///
    /// # Errors
    /// [`Failure`] when the file cannot be read, or something in it cannot be read as a row of ours.
    pub fn observe(&self) -> Result<BTreeMap<RowKey, Row>, Failure> {
        self.read()
    }

    /// Brings one row from `before` to `after`, either of which may be none, and keeps all others.
    ///
    /// The file is replaced in one step: a reader sees the old one or the new one. Its mode and
    /// owner stay.
    ///
    /// # Errors
    /// [`FailureClass::Changed`] where the row is neither as before nor as after; another
    /// [`Failure`] where the file cannot be read or written. The file is as it was then.
    pub fn apply(
        &self,
        key: &RowKey,
        before: Option<&Row>,
        after: Option<&Row>,
    ) -> Result<Applied, Failure> {
        let mut rows = self.read()?;
        let current = rows.get(key);
        if current == after {
            return Ok(Applied::AlreadySo);
        }
        if current != before {
            let message = match (before, current) {
                (None, _) => format!("{} has a row for {key} by now", self.describe()),
                (Some(_), None) => format!("{} has no row for {key} any more", self.describe()),
                (Some(_), Some(_)) => {
                    format!(
                        "the row for {key} in {} has other values by now",
                        self.describe()
                    )
                }
            };
            return Err(failure(FailureClass::Changed, message));
        }
        match after {
            Some(row) => {
                judge(key, row)?;
                rows.insert(key.clone(), row.clone());
            }
            None => {
                rows.remove(key);
            }
        }
        fail_point!(
            "row",
            return Err(self.failed(&crate::failpoint::broken(), FailureClass::Transient))
        );
        self.replace(&render(&self.fields, &rows)?)?;
        fail_point!(
            "row-written",
            return Err(self.failed(&crate::failpoint::broken(), FailureClass::Transient))
        );
        Ok(Applied::Written)
    }

    fn read(&self) -> Result<BTreeMap<RowKey, Row>, Failure> {
        fail_point!(
            "roster-read",
            return Err(self.failed(&crate::failpoint::broken(), FailureClass::Incomplete))
        );
        match fs::read(&self.path) {
            Ok(bytes) => parse(&bytes).map_err(|reason| {
                let message = format!("{}: {reason}", self.describe());
                failure(FailureClass::Incomplete, message)
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound && self.folder.is_dir() => {
                Ok(BTreeMap::new())
            }
            Err(error) => Err(self.failed(&error, FailureClass::Incomplete)),
        }
    }

    fn replace(&self, bytes: &[u8]) -> Result<(), Failure> {
        let failed = |error: io::Error| self.failed(&error, FailureClass::Transient);
        let before = match fs::metadata(&self.path) {
            Ok(metadata) => Some(metadata),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(failed(error)),
        };
        let mut file = tempfile::Builder::new()
            .prefix(".countersign-")
            .tempfile_in(&self.folder)
            .map_err(failed)?;
        file.write_all(bytes).map_err(failed)?;
        keep_access(file.as_file(), before.as_ref()).map_err(failed)?;
        file.as_file().sync_all().map_err(failed)?;
        file.persist(&self.path)
            .map_err(|error| failed(error.error))?;
        settle(&self.folder).map_err(failed)
    }

    fn failed(&self, error: &io::Error, otherwise: FailureClass) -> Failure {
        let class = match error.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                FailureClass::Denied
            }
            io::ErrorKind::NotFound | io::ErrorKind::IsADirectory => FailureClass::Configuration,
            _ => otherwise,
        };
        failure(class, format!("{}: {error}", self.describe()))
    }
}

fn failure(class: FailureClass, message: String) -> Failure {
    Failure {
        class,
        code: None,
        extended: None,
        message,
    }
}

/// Gives a file the mode and owner of the one it replaces.
#[cfg(unix)]
fn keep_access(file: &File, before: Option<&Metadata>) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
    let Some(before) = before else {
        return file.set_permissions(fs::Permissions::from_mode(MODE));
    };
    let now = file.metadata()?;
    if (now.uid(), now.gid()) != (before.uid(), before.gid()) {
        fchown(file, Some(before.uid()), Some(before.gid()))?;
    }
    file.set_permissions(before.permissions())
}

#[cfg(not(unix))]
fn keep_access(_: &File, _: Option<&Metadata>) -> io::Result<()> {
    Ok(())
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

fn parse(bytes: &[u8]) -> Result<BTreeMap<RowKey, Row>, String> {
    if bytes.is_empty() {
        return Err("the file is empty; a roster without rows has its first line".into());
    }
    if bytes.iter().filter(|b| **b == b'"').count() % 2 == 1 {
        return Err("a quotation mark is never closed".into());
    }
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .from_reader(bytes);
    let mut records = reader.records();
    let header = match records.next() {
        Some(header) => header.map_err(|error| error.to_string())?,
        None => return Err("the first line is missing".into()),
    };
    let columns = header.iter().map(column).collect::<Result<Vec<_>, _>>()?;
    let place = |wanted: Column| columns.iter().position(|column| *column == wanted);
    if columns.iter().collect::<BTreeSet<_>>().len() < columns.len() {
        return Err("two columns have the same name".into());
    }
    let (Some(user), Some(identity), Some(entitlement)) = (
        place(Column::User),
        place(Column::Identity),
        place(Column::Entitlement),
    ) else {
        return Err(format!(
            "the first line does not name {}",
            KEY_COLUMNS.join(", ")
        ));
    };
    let mut rows = BTreeMap::new();
    for record in records {
        let record = record.map_err(|error| error.to_string())?;
        let line = record.position().map_or(0, csv::Position::line);
        let cell = |at: usize| record.get(at).unwrap_or_default();
        let key = RowKey {
            user: UserName::new(cell(user)).map_err(|error| format!("line {line}: {error}"))?,
            identity: cell(identity).to_owned(),
            entitlement: cell(entitlement).to_owned(),
        };
        if key.entitlement.is_empty() {
            return Err(format!("line {line}: no entitlement"));
        }
        let cells = columns
            .iter()
            .zip(&record)
            .filter(|(_, value)| !value.is_empty());
        let row = cells
            .filter_map(|(column, value)| match column {
                Column::Field(field) => Some((field.clone(), value.into())),
                Column::User | Column::Identity | Column::Entitlement => None,
            })
            .collect();
        if rows.insert(key.clone(), row).is_some() {
            return Err(format!("line {line}: a second row for {key}"));
        }
    }
    Ok(rows)
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Column {
    User,
    Identity,
    Entitlement,
    Field(FieldName),
}

fn column(name: &str) -> Result<Column, String> {
    Ok(match name {
        "user" => Column::User,
        "identity" => Column::Identity,
        "entitlement" => Column::Entitlement,
        name => {
            Column::Field(FieldName::new(name).map_err(|error| format!("first line: {error}"))?)
        }
    })
}

fn render(fields: &[FieldName], rows: &BTreeMap<RowKey, Row>) -> Result<Vec<u8>, Failure> {
    let others: BTreeSet<&FieldName> = rows
        .values()
        .flat_map(Row::keys)
        .filter(|field| !fields.contains(field))
        .collect();
    let fields: Vec<&FieldName> = fields.iter().chain(others).collect();
    let failed = |error: csv::Error| failure(FailureClass::Unknown, error.to_string());
    let mut writer = csv::Writer::from_writer(Vec::new());
    let header = KEY_COLUMNS
        .into_iter()
        .chain(fields.iter().map(|field| field.as_str()));
    writer.write_record(header).map_err(failed)?;
    for (key, row) in rows {
        let cells = [key.user.as_str(), &key.identity, &key.entitlement];
        let values = fields
            .iter()
            .map(|field| row.get(*field).map_or("", AsRef::as_ref));
        writer
            .write_record(cells.into_iter().chain(values))
            .map_err(failed)?;
    }
    writer
        .into_inner()
        .map_err(|error| failure(FailureClass::Unknown, error.to_string()))
}

/// Refuses a row that would be read back as another one, or that a spreadsheet would run.
fn judge(key: &RowKey, row: &Row) -> Result<(), Failure> {
    let rejected = |what: &str, why: &str| {
        let message = format!("{what} of {key} {why}");
        Err(failure(FailureClass::ValueRejected, message))
    };
    for (what, value) in [
        ("the user", key.user.as_str()),
        ("the identity", &key.identity),
        ("the entitlement", &key.entitlement),
    ] {
        if is_formula(value) {
            return rejected(what, "would be a formula in a spreadsheet");
        }
    }
    if key.entitlement.is_empty() {
        return rejected("the entitlement", "is empty");
    }
    for (field, value) in row {
        if value.is_empty() {
            return rejected(
                field.as_str(),
                "is empty, and a roster cannot tell that from absent",
            );
        }
        if is_formula(value) {
            return rejected(field.as_str(), "would be a formula in a spreadsheet");
        }
    }
    Ok(())
}

/// Whether a spreadsheet would take a cell for a formula. Telephone and other numbers after a sign
/// (`+1 812 349-3400`, `-5`) call nothing and are not counted.
fn is_formula(value: &str) -> bool {
    let harmless = |c: char| c.is_ascii_digit() || matches!(c, ' ' | '-' | '.' | '(' | ')' | '/');
    match value.strip_prefix(['+', '-']) {
        Some(rest) => !rest.chars().all(harmless),
        None => value.starts_with(['=', '@', '\t', '\r']),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(user: &str, entitlement: &str) -> RowKey {
        RowKey {
            user: UserName::new(user).unwrap(),
            identity: String::new(),
            entitlement: entitlement.into(),
        }
    }

    fn row(values: &[(&str, &str)]) -> Row {
        values
            .iter()
            .map(|(f, v)| (FieldName::new(f).unwrap(), (*v).into()))
            .collect()
    }

    fn roster(folder: &Path) -> Roster {
        let fields = ["username", "cardNumber"].map(|f| FieldName::new(f).unwrap());
        Roster::open(&folder.join("ureport.csv"), &fields).unwrap()
    }

    fn text(roster: &Roster) -> String {
        fs::read_to_string(&roster.path).unwrap()
    }

    #[test]
    fn rows_come_change_and_go_and_the_file_is_sorted_with_the_fields_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let roster = roster(folder.path());
        assert_eq!(roster.observe().unwrap(), BTreeMap::new());
        let (lee, kim) = (key("lee", "access"), key("kim", "staff"));
        let wanted = row(&[("cardNumber", "7"), ("username", "lee, \"L\"")]);
        assert_eq!(
            roster.apply(&lee, None, Some(&wanted)).unwrap(),
            Applied::Written
        );
        roster
            .apply(&kim, None, Some(&row(&[("username", "kim")])))
            .unwrap();
        let expected = "user,identity,entitlement,username,cardNumber\n\
                        kim,,staff,kim,\nlee,,access,\"lee, \"\"L\"\"\",7\n";
        assert_eq!(text(&roster), expected);
        assert_eq!(roster.observe().unwrap()[&lee], wanted);
        let other = row(&[("username", "lee2")]);
        roster.apply(&lee, Some(&wanted), Some(&other)).unwrap();
        assert_eq!(roster.observe().unwrap()[&lee], other);
        roster.apply(&lee, Some(&other), None).unwrap();
        roster
            .apply(&kim, Some(&row(&[("username", "kim")])), None)
            .unwrap();
        assert_eq!(
            text(&roster),
            "user,identity,entitlement,username,cardNumber\n"
        );
        assert_eq!(roster.observe().unwrap(), BTreeMap::new());
    }

    #[test]
    fn what_somebody_else_wrote_is_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let roster = roster(folder.path());
        let kim = key("kim", "access");
        let (old, theirs, ours) = (
            row(&[("username", "a")]),
            row(&[("username", "b")]),
            row(&[("username", "c")]),
        );
        roster.apply(&kim, None, Some(&theirs)).unwrap();
        let bytes = text(&roster);
        let changed = |before: Option<&Row>, after: Option<&Row>| {
            roster.apply(&kim, before, after).unwrap_err().class == FailureClass::Changed
        };
        assert!(changed(None, Some(&ours)));
        assert!(changed(Some(&old), Some(&ours)));
        assert!(changed(Some(&old), None));
        assert_eq!(text(&roster), bytes);
        assert_eq!(
            roster.apply(&kim, Some(&old), Some(&theirs)).unwrap(),
            Applied::AlreadySo
        );
        let lee = key("lee", "access");
        assert_eq!(
            roster.apply(&lee, Some(&old), None).unwrap(),
            Applied::AlreadySo
        );
        let gone = roster.apply(&lee, Some(&old), Some(&ours)).unwrap_err();
        assert_eq!(gone.class, FailureClass::Changed);
        assert!(
            gone.message.ends_with("has no row for lee access any more"),
            "{gone}"
        );
    }

    #[test]
    fn what_cannot_be_read_as_ours_fails_and_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let roster = roster(folder.path());
        for (bytes, reason) in [
            ("", "the file is empty"),
            ("user;identity;entitlement\n", "first line"),
            ("user,identity\nkim,\n", "does not name"),
            (
                "user,identity,entitlement,Phone number\n",
                "not a field name",
            ),
            ("user,identity,entitlement,a,a\n", "same name"),
            (
                "user,identity,entitlement\nSomebody Else,,x\n",
                "line 2: `Somebody Else`",
            ),
            (
                "user,identity,entitlement\nkim,,\n",
                "line 2: no entitlement",
            ),
            (
                "user,identity,entitlement\nkim,,x\nkim,,x\n",
                "line 3: a second row for kim x",
            ),
            (
                "user,identity,entitlement\nkim,,x,more\n",
                "found record with 4 fields",
            ),
            (
                "user,identity,entitlement,a\nkim,,x,\"1\nlee,,x,2\n",
                "never closed",
            ),
        ] {
            fs::write(&roster.path, bytes).unwrap();
            let error = roster.observe().unwrap_err();
            assert_eq!(error.class, FailureClass::Incomplete);
            assert!(error.message.contains(reason), "{bytes:?}: {error}");
            let error = roster
                .apply(&key("kim", "x"), None, Some(&Row::new()))
                .unwrap_err();
            assert_eq!(error.class, FailureClass::Incomplete);
            assert_eq!(text(&roster), bytes);
        }
        fs::write(&roster.path, b"user,identity,entitlement\nkim,\xff,x\n").unwrap();
        assert_eq!(
            roster.observe().unwrap_err().class,
            FailureClass::Incomplete
        );
        fs::remove_file(&roster.path).unwrap();
        fs::create_dir(&roster.path).unwrap();
        assert_eq!(
            roster.observe().unwrap_err().class,
            FailureClass::Configuration
        );
    }

    #[test]
    fn a_column_of_a_former_field_stays_while_a_row_has_a_value_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let roster = roster(folder.path());
        let old = "\u{feff}entitlement,user,identity,badge\r\naccess,kim,,B1\r\n";
        fs::write(&roster.path, old).unwrap();
        roster
            .apply(&key("lee", "access"), None, Some(&Row::new()))
            .unwrap();
        let expected = "user,identity,entitlement,username,cardNumber,badge\n\
                        kim,,access,,,B1\nlee,,access,,,\n";
        assert_eq!(text(&roster), expected);
        let badge = row(&[("badge", "B1")]);
        roster
            .apply(&key("kim", "access"), Some(&badge), Some(&Row::new()))
            .unwrap();
        assert!(text(&roster).starts_with("user,identity,entitlement,username,cardNumber\n"));
    }

    #[test]
    fn formulas_and_empty_values_are_refused_and_numbers_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let roster = roster(folder.path());
        let kim = key("kim", "access");
        for bad in [
            "=1+1",
            "@SUM(A1)",
            "+cmd|' /C calc'!A0",
            "-A1",
            "\t=1",
            "\r=1",
            "",
        ] {
            let error = roster
                .apply(&kim, None, Some(&row(&[("username", bad)])))
                .unwrap_err();
            assert_eq!(error.class, FailureClass::ValueRejected, "{bad:?}");
        }
        let named = RowKey {
            identity: "=A1".into(),
            ..kim.clone()
        };
        let error = roster.apply(&named, None, Some(&Row::new())).unwrap_err();
        assert_eq!(error.class, FailureClass::ValueRejected);
        assert!(!roster.path.exists());
        for good in [
            "+1 (812) 349-3400",
            "-5",
            "a=b",
            "two\nlines",
            "001077",
            " x ",
        ] {
            let wanted = row(&[("username", good)]);
            let current = roster.observe().unwrap().remove(&kim);
            roster.apply(&kim, current.as_ref(), Some(&wanted)).unwrap();
            assert_eq!(roster.observe().unwrap()[&kim], wanted);
        }
    }

    #[test]
    fn a_roster_needs_its_folder_and_fields_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let missing = Roster::open(&folder.path().join("no/ureport.csv"), &[]).unwrap_err();
        assert_eq!(missing.class, FailureClass::Configuration);
        let user = [FieldName::new("user").unwrap()];
        let clash = Roster::open(&folder.path().join("ureport.csv"), &user).unwrap_err();
        assert_eq!(clash.class, FailureClass::Configuration);
    }

    #[cfg(unix)]
    #[test]
    fn the_mode_stays_the_link_stays_and_nothing_is_left_beside() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("target.csv");
        fs::write(&target, "user,identity,entitlement\n").unwrap();
        fs::set_permissions(&target, fs::Permissions::from_mode(0o604)).unwrap();
        let link = folder.path().join("ureport.csv");
        std::os::unix::fs::symlink(&target, &link).unwrap();
        let roster = roster(folder.path());
        roster
            .apply(&key("kim", "access"), None, Some(&Row::new()))
            .unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert!(fs::read_to_string(&target).unwrap().contains("kim"));
        assert_eq!(
            fs::metadata(&target).unwrap().permissions().mode() & 0o777,
            0o604
        );
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
        fs::remove_file(&link).unwrap();
        let fresh = self::roster(folder.path());
        fresh
            .apply(&key("kim", "access"), None, Some(&Row::new()))
            .unwrap();
        assert_eq!(
            fs::metadata(&link).unwrap().permissions().mode() & 0o777,
            MODE
        );
    }
}
