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
    At, AttributeName, Attributes, Entry, EntryKind, Failure, FailureClass, Modification,
    NextLogOn, Transport, Value,
};
use crate::dn::{Dn, Rdn};
use document::{Document, RecordId, Stage};
use index::Index;
use links::Links;
use std::collections::BTreeMap;
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
        let mut found: BTreeMap<AttributeName, Vec<Value>> = BTreeMap::new();
        for line in 1..self.document.line_count(id) {
            let name = self.document.name_at(id, line);
            if let Some(wanted) = attributes.iter().find(|wanted| name.is(wanted.as_str())) {
                let value = Value::new(self.document.value_at(id, line));
                found.entry(wanted.clone()).or_default().push(value);
            }
        }
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
