//! A directory in an LDIF file: for demonstrations, for tests, and for trying a repository on an export.
//!
//! It behaves as Active Directory where the contract of [`Transport`] can tell: what it refuses, with
//! which class of failure, what it adds to what is written, what follows a rename. An entry that was not
//! written keeps its bytes, one that was keeps its other lines.
//!
//! - `objectGUID` is written when an entry is added; one of the file without it has one derived from its
//!   name, and gets it in writing when it is renamed. Both are the same for the same file.
//! - A password is not kept. `msDS-KeyVersionNumber` counts them as the directory does: 1 for an account
//!   that was added and never got one, one more for each that was set. `pwdLastSet` is 0 for a password that
//!   must be changed, else one fixed instant, so that the same steps make the same file.
//! - `memberOf` is told from the groups' `member`; what the file says itself is kept and not read.
//!
//! Decision: every write is in the file, and on the disk, when it returns: the whole file is replaced,
//! which costs time in proportion to its size. After [`LdifDirectory::hold_writes`] writes are kept in memory
//! until [`LdifDirectory::flush`]; then only what was flushed is sure. Dropping flushes too, unheard if it fails.
//! Decision: before it is replaced, the file is compared with what was last read or written, byte by byte;
//! that costs less than the write and, unlike its date, is never wrong. Reading everything reads it anew.

mod change;
mod document;
mod draft;
mod file;
mod index;
mod links;
mod rules;

use super::failure::{Operation, unanswered};
use crate::connector::{
    At, AttributeName, Attributes, Entry, EntryKind, Failure, FailureClass, Mark, Modification,
    NextLogOn, Since, Transport, Value,
};
use crate::dn::{Dn, Rdn};
use document::{Document, RecordId, Stage};
use index::Index;
use links::Links;
use std::path::{Path, PathBuf};

/// An LDIF file as a directory.
pub struct LdifDirectory {
    path: PathBuf,
    base: Dn,
    document: Document,
    index: Index,
    links: Option<Links>,
    writes: Writes,
}

/// When writes get into the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Writes {
    Each,
    Held,
    HeldAndPending,
}

impl LdifDirectory {
    /// Opens a file; its first entry is the base.
    ///
    /// # Errors
    /// [`FailureClass::Configuration`] where it cannot be read, has no entry, or is no directory: two
    /// entries of one name, objectGUID, sAMAccountName or userPrincipalName.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        Self::open_at(path, None)
    }

    /// Opens a file with another base than its first entry; it may have no entries.
    ///
    /// # Errors
    /// As [`LdifDirectory::open`].
    pub fn open_with_base(path: &Path, base: Dn) -> Result<Self, Failure> {
        Self::open_at(path, Some(base))
    }

    fn open_at(path: &Path, base: Option<Dn>) -> Result<Self, Failure> {
        let described = path.display().to_string();
        let wrong = |error: &dyn std::fmt::Display| {
            unanswered(FailureClass::Configuration, format!("{described}: {error}"))
        };
        // The file itself is replaced, not a symbolic link to it.
        let path = std::fs::canonicalize(path).map_err(|error| wrong(&error))?;
        let image = std::fs::read(&path).map_err(|error| wrong(&error))?;
        let (document, index) = parsed(image).map_err(|error| wrong(&error))?;
        let first = document
            .order()
            .first()
            .map(|id| index.object(*id).dn.clone());
        let base = base.or(first).ok_or_else(|| wrong(&"there is no entry"))?;
        Ok(Self {
            path,
            base,
            document,
            index,
            links: None,
            writes: Writes::Each,
        })
    }

    /// From now on writes are kept in memory until [`LdifDirectory::flush`].
    pub fn hold_writes(&mut self) {
        self.writes = match self.writes {
            Writes::Each | Writes::Held => Writes::Held,
            Writes::HeldAndPending => Writes::HeldAndPending,
        };
    }

    /// Writes what was held into the file.
    ///
    /// # Errors
    /// [`FailureClass::Changed`] where someone else wrote the file; [`FailureClass::Transient`] where it
    /// cannot be written. What is held stays held.
    pub fn flush(&mut self) -> Result<(), Failure> {
        match self.writes {
            Writes::Each | Writes::Held => Ok(()),
            Writes::HeldAndPending => {
                self.save()?;
                self.writes = Writes::Held;
                Ok(())
            }
        }
    }

    /// Makes a change of the document one of the file, or of neither.
    fn commit(&mut self, stage: Stage) -> Result<(), Failure> {
        let undo = self.document.apply(stage);
        match self.writes {
            Writes::Each => self.save().inspect_err(|_| self.document.undo(undo)),
            Writes::Held | Writes::HeldAndPending => {
                self.writes = Writes::HeldAndPending;
                Ok(())
            }
        }
    }

    fn save(&mut self) -> Result<(), Failure> {
        if !self.is_unchanged()? {
            return Err(self.changed_by_others());
        }
        let rendered = self.document.rendered();
        file::replace(&self.path, &rendered.0).map_err(|error| {
            let message = format!("{} cannot be written: {error}", self.path.display());
            unanswered(FailureClass::Transient, message)
        })?;
        self.document.rebase(rendered);
        Ok(())
    }

    fn is_unchanged(&self) -> Result<bool, Failure> {
        Ok(self.read_file()? == self.document.image())
    }

    fn read_file(&self) -> Result<Vec<u8>, Failure> {
        std::fs::read(&self.path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => self.changed_by_others(),
            _ => {
                let message = format!("{} cannot be read: {error}", self.path.display());
                unanswered(FailureClass::Transient, message)
            }
        })
    }

    fn changed_by_others(&self) -> Failure {
        let message = format!(
            "{} was changed by someone else since it was read",
            self.path.display()
        );
        unanswered(FailureClass::Changed, message)
    }

    /// Reads the file anew, where someone else wrote it.
    fn refresh(&mut self) -> Result<(), Failure> {
        let image = self.read_file()?;
        if image == self.document.image() {
            return Ok(());
        }
        if self.writes == Writes::HeldAndPending {
            return Err(self.changed_by_others());
        }
        let (document, index) = parsed(image).map_err(|error| {
            let message = format!("{}: {error}", self.path.display());
            unanswered(FailureClass::Configuration, message)
        })?;
        (self.document, self.index, self.links) = (document, index, None);
        Ok(())
    }

    fn links(&mut self) -> &mut Links {
        let document = &self.document;
        self.links.get_or_insert_with(|| Links::of(document))
    }

    fn find(&self, operation: Operation, at: &At) -> Result<RecordId, Failure> {
        self.index.find(at).ok_or_else(|| {
            let what = match at {
                At::Dn(dn) => dn.to_string(),
                At::Guid(guid) => format!("<GUID={guid}>"),
            };
            rules::gone(operation, &what)
        })
    }

    fn entry(&mut self, id: RecordId, attributes: &[AttributeName]) -> Entry {
        let object = self.index.object(id);
        let (dn, guid, kind) = (object.dn.clone(), object.guid, object.kind);
        let mut lines: Vec<(usize, usize)> = Vec::with_capacity(attributes.len());
        for line in 1..self.document.line_count(id) {
            let name = self.document.name_at(id, line);
            let wanted = attributes.iter().position(|a| name.is(a.as_str()));
            lines.extend(wanted.map(|place| (place, line)));
        }
        // As they stand, by attribute.
        lines.sort_unstable();
        let values = lines.chunk_by(|(one, _), (other, _)| one == other);
        let values = values.map(|lines| {
            let value = |(_, line): &(usize, usize)| Value::new(self.document.value_at(id, *line));
            let values: Vec<Value> = lines.iter().map(value).collect();
            (attributes[lines[0].0].clone(), values)
        });
        let mut found: Attributes = values.collect();
        for wanted in attributes {
            let told = if wanted.is("memberOf") {
                let groups = self.groups_of(&dn);
                found.remove(wanted);
                groups
            } else if wanted.is("objectGUID") {
                vec![Value::new(guid.to_wire())]
            } else if wanted.is("distinguishedName") {
                vec![dn.to_string().into()]
            } else if (wanted.is("name") || wanted.is(dn.rdn().attribute()))
                && !found.contains_key(wanted)
            {
                vec![dn.rdn().value().into()]
            } else {
                continue;
            };
            if !told.is_empty() {
                found.insert(wanted.clone(), told);
            }
        }
        Entry {
            dn,
            guid,
            kind,
            attributes: found,
        }
    }

    fn groups_of(&mut self, dn: &Dn) -> Vec<Value> {
        let holders = self.links().holders(dn).collect::<Vec<_>>();
        let groups = holders
            .into_iter()
            .filter(|holder| holder.attribute() == "member");
        groups
            .map(|group| self.index.object(group.record).dn.to_string().into())
            .collect()
    }

    /// Whether a read of everything tells of the record: accounts, groups and organizational units.
    fn is_listed(&self, id: RecordId) -> bool {
        let object = self.index.object(id);
        let is_listed = match object.kind {
            EntryKind::Account | EntryKind::Group => true,
            // A container is a unit too, and is not listed.
            EntryKind::Unit => object.dn.rdn().attribute().eq_ignore_ascii_case("OU"),
            EntryKind::Other => false,
        };
        is_listed && object.dn.is_within(&self.base)
    }
}

impl Drop for LdifDirectory {
    fn drop(&mut self) {
        // Nobody is left to tell; whoever must know calls `flush`.
        let _ = self.flush();
    }
}

fn parsed(image: Vec<u8>) -> Result<(Document, Index), index::IndexError> {
    let document = Document::read(image)?;
    let index = Index::of(&document)?;
    Ok((document, index))
}

impl Transport for LdifDirectory {
    fn describe(&self) -> String {
        self.path.display().to_string()
    }

    fn base(&self) -> &Dn {
        &self.base
    }

    fn mark(&mut self) -> Result<Option<Mark>, Failure> {
        use std::hash::{DefaultHasher, Hasher as _};
        let content = std::fs::read(&self.path);
        Ok(content.ok().map(|content| {
            let mut hash = DefaultHasher::new();
            hash.write(&content);
            Mark {
                source: self.path.as_os_str().as_encoded_bytes().to_vec(),
                number: hash.finish(),
                cookie: None,
            }
        }))
    }

    fn since(&mut self, mark: &Mark, _attributes: &[AttributeName]) -> Result<Since, Failure> {
        let now = self.mark()?.filter(|now| now == mark);
        Ok(now.map_or(Since::Untold, |now| Since::Touched(now, Vec::new())))
    }

    fn read_all(
        &mut self,
        attributes: &[AttributeName],
        found: &mut dyn FnMut(Entry),
    ) -> Result<(), Failure> {
        self.refresh()?;
        for id in self.document.order().to_vec() {
            if self.is_listed(id) {
                found(self.entry(id, attributes));
            }
        }
        Ok(())
    }

    fn read(&mut self, at: &At, attributes: &[AttributeName]) -> Result<Option<Entry>, Failure> {
        Ok(self.index.find(at).map(|id| self.entry(id, attributes)))
    }

    fn add(&mut self, dn: &Dn, attributes: &Attributes) -> Result<(), Failure> {
        self.add_object(dn, attributes)
    }

    fn modify(&mut self, at: &At, modifications: &[Modification]) -> Result<(), Failure> {
        self.modify_object(at, modifications)
    }

    fn rename(&mut self, dn: &Dn, rdn: &Rdn, parent: &Dn) -> Result<(), Failure> {
        self.rename_object(dn, rdn, parent)
    }

    fn set_password(
        &mut self,
        at: &At,
        password: &secrecy::SecretString,
        next_log_on: NextLogOn,
    ) -> Result<(), Failure> {
        self.note_password(at, password, next_log_on)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connector::ModificationKind;

    const FILE: &str = "\
version: 1

dn: DC=x
objectClass: domain

dn: OU=its,DC=x
objectClass: organizationalUnit

dn: CN=Users,DC=x
objectClass: container

dn: CN=ann,CN=Users,DC=x
objectClass: user
sAMAccountName: ann
memberOf: CN=stale,DC=x
userAccountControl: 514
x-foreign:  kept
distinguishedName: CN=ann,CN=Users,DC=x

dn: CN=staff,OU=its,DC=x
objectClass: group
sAMAccountName: staff
member: cn=Ann, cn=users, dc=x
member: CN=not here,DC=x

dn: CN=pc,OU=its,DC=x
objectClass: user
objectClass: computer
";

    struct Fixture {
        folder: tempfile::TempDir,
        path: PathBuf,
        directory: LdifDirectory,
    }

    fn fixture() -> Fixture {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("directory.ldif");
        std::fs::write(&path, FILE).unwrap();
        let directory = LdifDirectory::open(&path).unwrap();
        Fixture {
            folder,
            path,
            directory,
        }
    }

    impl Fixture {
        fn text(&self) -> String {
            std::fs::read_to_string(&self.path).unwrap()
        }
    }

    fn dn(text: &str) -> Dn {
        Dn::parse(text).unwrap()
    }

    fn adds(attribute: &'static str, value: &str) -> [Modification; 1] {
        let operation = ModificationKind::Add;
        [Modification {
            operation,
            attribute: attribute.into(),
            values: vec![value.into()],
        }]
    }

    fn ann() -> At {
        At::Dn(dn("CN=ann,CN=Users,DC=x"))
    }

    fn told(directory: &mut LdifDirectory, at: &At, attribute: &'static str) -> Vec<String> {
        let entry = directory.read(at, &[attribute.into()]).unwrap().unwrap();
        let values = entry.attributes.into_iter().flat_map(|(_, values)| values);
        values
            .map(|value| value.text().unwrap().to_string())
            .collect()
    }

    #[test]
    fn the_first_entry_is_the_base_unless_another_is_said() {
        let Fixture {
            folder: _folder,
            path,
            mut directory,
        } = fixture();
        assert_eq!(directory.base(), &dn("DC=x"));
        let names = |directory: &mut LdifDirectory| {
            let mut names = Vec::new();
            directory
                .read_all(&[], &mut |entry| names.push(entry.dn.rdn().to_string()))
                .unwrap();
            names
        };
        assert_eq!(names(&mut directory), ["OU=its", "CN=ann", "CN=staff"]);
        let mut its = LdifDirectory::open_with_base(&path, dn("OU=its,DC=x")).unwrap();
        assert_eq!(names(&mut its), ["OU=its", "CN=staff"]);
        std::fs::write(&path, "").unwrap();
        let class = |result: Result<LdifDirectory, Failure>| result.err().map(|f| f.class);
        assert_eq!(
            class(LdifDirectory::open(&path)),
            Some(FailureClass::Configuration)
        );
        assert_eq!(
            class(LdifDirectory::open_with_base(&path, dn("DC=x"))),
            None
        );
        std::fs::write(&path, "nonsense").unwrap();
        let failure = LdifDirectory::open(&path).err().unwrap();
        assert!(
            failure
                .message
                .contains("line 1: expected `attribute: value`"),
            "{failure}"
        );
        let missing = LdifDirectory::open(&path.with_extension("none"));
        assert_eq!(class(missing), Some(FailureClass::Configuration));
    }

    #[test]
    fn a_write_is_on_the_disk_and_everything_else_as_it_was() {
        let mut fixture = fixture();
        fixture
            .directory
            .modify(&ann(), &adds("title", "Mayor"))
            .unwrap();
        let last = "distinguishedName: CN=ann,CN=Users,DC=x\n";
        let expected = FILE.replace(last, &format!("{last}title: Mayor\n"));
        assert_eq!(fixture.text(), expected);
        let refused = fixture
            .directory
            .modify(&ann(), &adds("title", "Mayor"))
            .unwrap_err();
        assert_eq!(refused.class, FailureClass::Changed);
        assert_eq!(fixture.text(), expected);
    }

    #[test]
    fn member_of_is_told_from_the_groups() {
        let mut fixture = fixture();
        let groups = told(&mut fixture.directory, &ann(), "memberOf");
        assert_eq!(groups, ["CN=staff,OU=its,DC=x"]);
        let name = told(&mut fixture.directory, &ann(), "cn");
        assert_eq!(name, ["ann"], "the file has no such line");
    }

    #[test]
    fn a_rename_writes_what_follows_from_it() {
        let mut fixture = fixture();
        let guid = fixture.directory.read(&ann(), &[]).unwrap().unwrap().guid;
        let (rdn, parent) = (Rdn::new("CN", "Ann, B."), dn("OU=its,DC=x"));
        fixture
            .directory
            .rename(&dn("CN=ann,CN=Users,DC=x"), &rdn, &parent)
            .unwrap();
        let text = fixture.text();
        let new = r"CN=Ann\, B.,OU=its,DC=x";
        for name in ["dn", "distinguishedName", "member"] {
            assert!(
                text.contains(&format!("\n{name}: {new}\n")),
                "{name} in {text}"
            );
        }
        assert!(text.contains("x-foreign:  kept\n") && text.contains("objectGUID:: "));
        let mut again = LdifDirectory::open(&fixture.path).unwrap();
        let found = again.read(&At::Guid(guid), &[]).unwrap().unwrap();
        assert_eq!(
            found.dn,
            dn(new),
            "what it is does not depend on what it is called"
        );
        // The old name is free, and whoever gets it is somebody else.
        let attributes = Attributes::from([
            ("objectClass".into(), vec!["user".into()]),
            ("sAMAccountName".into(), vec!["ann2".into()]),
        ]);
        again.add(&dn("CN=ann,CN=Users,DC=x"), &attributes).unwrap();
        assert_ne!(again.read(&ann(), &[]).unwrap().unwrap().guid, guid);
    }

    #[test]
    fn parents_stay_before_children() {
        let mut fixture = fixture();
        let class = Attributes::from([("objectClass".into(), vec!["organizationalUnit".into()])]);
        fixture.directory.add(&dn("OU=late,DC=x"), &class).unwrap();
        let (its, late) = (dn("OU=its,DC=x"), dn("OU=late,DC=x"));
        fixture
            .directory
            .rename(&its, &Rdn::new("OU", "its"), &late)
            .unwrap();
        let text = fixture.text();
        let place = |dn: &str| text.find(&format!("dn: {dn}\n")).unwrap();
        assert!(place("OU=late,DC=x") < place("OU=its,OU=late,DC=x"));
        assert!(place("OU=its,OU=late,DC=x") < place("CN=staff,OU=its,OU=late,DC=x"));
        assert!(place("CN=ann,CN=Users,DC=x") < place("OU=late,DC=x"));
    }

    #[test]
    fn an_account_of_the_file_has_a_password_and_an_added_one_has_none() {
        let mut fixture = fixture();
        let directory = &mut fixture.directory;
        let enable = |from: &str| {
            let control = |operation, value: &str| Modification {
                operation,
                attribute: "userAccountControl".into(),
                values: vec![value.into()],
            };
            [
                control(ModificationKind::Delete, from),
                control(ModificationKind::Add, "512"),
            ]
        };
        directory.modify(&ann(), &enable("514")).unwrap();
        let bob = dn("CN=bob,CN=Users,DC=x");
        let class = Attributes::from([("objectClass".into(), vec!["user".into()])]);
        directory.add(&bob, &class).unwrap();
        let bob = At::Dn(bob);
        assert_eq!(
            told(directory, &bob, "sAMAccountName")[0].len(),
            20,
            "one is given"
        );
        let refused = directory.modify(&bob, &enable("546")).unwrap_err();
        assert_eq!(
            (refused.class, refused.code),
            (FailureClass::PasswordRejected, Some(53))
        );
        let password = secrecy::SecretString::from("Correct 1 horse");
        directory
            .set_password(&bob, &password, NextLogOn::MustChange)
            .unwrap();
        let mut again = LdifDirectory::open(&fixture.path).unwrap();
        assert_eq!(told(&mut again, &bob, "msDS-KeyVersionNumber"), ["2"]);
        assert_eq!(told(&mut again, &bob, "pwdLastSet"), ["0"]);
        again.modify(&bob, &enable("546")).unwrap();
        let group = At::Dn(dn("CN=staff,OU=its,DC=x"));
        let refused = again
            .set_password(&group, &password, NextLogOn::Keep)
            .unwrap_err();
        assert_eq!(refused.class, FailureClass::ValueRejected);
        assert!(!fixture.text().contains("horse"));
    }

    #[test]
    fn a_file_that_somebody_else_wrote_is_not_overwritten() {
        let mut fixture = fixture();
        let theirs = FILE.replace("kept", "hers");
        std::fs::write(&fixture.path, &theirs).unwrap();
        let failure = fixture
            .directory
            .modify(&ann(), &adds("title", "Mayor"))
            .unwrap_err();
        assert_eq!(failure.class, FailureClass::Changed);
        assert_eq!(fixture.text(), theirs);
        let directory = &mut fixture.directory;
        assert_eq!(
            told(directory, &ann(), "title"),
            [""; 0],
            "and not in memory either"
        );
        directory.read_all(&[], &mut |_| ()).unwrap();
        assert_eq!(
            told(directory, &ann(), "x-foreign"),
            ["hers"],
            "everything is read anew"
        );
        directory.modify(&ann(), &adds("title", "Mayor")).unwrap();
        assert!(fixture.text().contains("hers"));
        std::fs::remove_file(&fixture.path).unwrap();
        let failure = fixture
            .directory
            .modify(&ann(), &adds("info", "x"))
            .unwrap_err();
        assert_eq!(failure.class, FailureClass::Changed);
        assert!(!fixture.path.exists());
    }

    #[test]
    fn a_write_that_fails_changes_nothing() {
        let Fixture {
            folder: _folder,
            path,
            mut directory,
        } = fixture();
        let new = dn("OU=new,DC=x");
        let class = Attributes::from([("objectClass".into(), vec!["organizationalUnit".into()])]);
        // A folder cannot be read as a file.
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        assert_eq!(
            directory.add(&new, &class).unwrap_err().class,
            FailureClass::Transient
        );
        assert_eq!(directory.read(&At::Dn(new.clone()), &[]), Ok(None));
        let (from, rdn, to) = (dn("OU=its,DC=x"), Rdn::new("OU", "it"), dn("DC=x"));
        assert!(directory.rename(&from, &rdn, &to).is_err());
        assert!(
            directory
                .read(&At::Dn(from.clone()), &[])
                .unwrap()
                .is_some()
        );
        std::fs::remove_dir(&path).unwrap();
        std::fs::write(&path, FILE).unwrap();
        directory.add(&new, &class).unwrap();
        directory.rename(&from, &rdn, &to).unwrap();
        assert_eq!(
            told(&mut directory, &ann(), "memberOf"),
            ["CN=staff,OU=it,DC=x"]
        );
    }

    #[test]
    fn held_writes_are_flushed_when_asked_and_when_dropped() {
        let Fixture {
            folder: _folder,
            path,
            mut directory,
        } = fixture();
        let text = || std::fs::read_to_string(&path).unwrap();
        directory.hold_writes();
        directory.modify(&ann(), &adds("title", "Mayor")).unwrap();
        assert_eq!(told(&mut directory, &ann(), "title"), ["Mayor"]);
        assert_eq!(text(), FILE);
        directory.flush().unwrap();
        assert!(text().contains("title: Mayor"));
        directory.modify(&ann(), &adds("info", "later")).unwrap();
        let flushed = text();
        std::fs::write(&path, "dn: DC=x\n").unwrap();
        assert_eq!(directory.flush().unwrap_err().class, FailureClass::Changed);
        let failure = directory.read_all(&[], &mut |_| ()).unwrap_err();
        assert_eq!(
            failure.class,
            FailureClass::Changed,
            "what is held is not thrown away"
        );
        std::fs::write(&path, flushed).unwrap();
        drop(directory);
        assert!(text().contains("info: later"));
    }

    #[cfg(unix)]
    #[test]
    fn the_file_keeps_its_rights_and_links_to_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let Fixture {
            folder,
            path,
            directory,
        } = fixture();
        drop(directory);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let link = folder.path().join("link.ldif");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        let mut directory = LdifDirectory::open(&link).unwrap();
        directory.modify(&ann(), &adds("title", "Mayor")).unwrap();
        assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(
            std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o640
        );
        let names = std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(names, 2, "nothing is left beside it");
    }
}
