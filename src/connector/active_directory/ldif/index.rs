//! What is known of the records of an LDIF file: turns names into places.

use super::document::{Document, RecordId};
use crate::connector::active_directory::ldif_text::{LdifError, LdifFault};
use crate::connector::active_directory::matching::kind;
use crate::connector::{At, EntryKind, Guid};
use crate::dn::Dn;
use foldhash::HashMap;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;

/// A record as an object of the directory.
#[derive(Debug, Clone)]
pub(super) struct Object {
    /// Where it stands.
    pub(super) dn: Dn,
    /// What it is: its objectGUID, or one derived where the file has none.
    pub(super) guid: Guid,
    /// Whether the file has its objectGUID.
    pub(super) has_guid: bool,
    /// What sort of object.
    pub(super) kind: EntryKind,
    /// Its sAMAccountName, folded.
    pub(super) login: Option<String>,
    /// Its userPrincipalName, folded.
    pub(super) principal: Option<String>,
}

/// Why a file cannot be taken as a directory.
#[derive(Debug, thiserror::Error)]
pub(super) enum IndexError {
    /// It is not LDIF of entries.
    #[error(transparent)]
    Ldif(#[from] LdifError),
    /// Two records are the same object.
    #[error("line {line}: {what} is that of the record in line {first} too")]
    Twice {
        /// The later record.
        line: usize,
        /// The earlier one.
        first: usize,
        /// What they share.
        what: String,
    },
    /// An objectGUID of another length than 16 bytes.
    #[error("the record in line {0} has an objectGUID that is none")]
    Guid(usize),
}

/// The objects of a file, and how they are found.
#[derive(Debug, Default)]
pub(super) struct Index {
    objects: Vec<Object>,
    by_dn: HashMap<Dn, RecordId>,
    by_guid: HashMap<Guid, RecordId>,
    by_login: HashMap<String, RecordId>,
    by_principal: HashMap<String, RecordId>,
}

impl Index {
    /// Finds the objects of a file that was just read.
    pub(super) fn of(document: &Document) -> Result<Self, IndexError> {
        let mut index = Self::default();
        let mut found = Vec::with_capacity(document.order().len());
        for id in document.order().iter().copied() {
            let line = document.number(id);
            let dn = dn_of(document, id).map_err(|fault| LdifError { line, fault })?;
            twice(document, id, index.by_dn.insert(dn.clone(), id), || {
                format!("the name {dn}")
            })?;
            let bytes = document.first(id, "objectGUID");
            let guid = bytes.map(|bytes| Guid::from_wire(&bytes).ok_or(IndexError::Guid(line)));
            let guid = guid.transpose()?;
            if let Some(guid) = guid {
                let first = index.by_guid.insert(guid, id);
                twice(document, id, first, || format!("the objectGUID {guid}"))?;
            }
            found.push((id, dn, guid));
        }
        // Those of the file are known first, so that a derived one never takes a place that is taken.
        for (id, dn, guid) in found {
            let has_guid = guid.is_some();
            let guid = guid.unwrap_or_else(|| index.new_guid(&dn));
            index.by_guid.insert(guid, id);
            let kind = kind(&document.values(id, "objectClass"));
            let login = folded(document.first(id, "sAMAccountName").as_deref());
            let principal = folded(document.first(id, "userPrincipalName").as_deref());
            index.objects.push(Object {
                dn,
                guid,
                has_guid,
                kind,
                login,
                principal,
            });
        }
        for (id, object) in index.objects.iter().enumerate() {
            if let Some(login) = &object.login {
                let first = index.by_login.insert(login.clone(), id);
                twice(document, id, first, || {
                    format!("the sAMAccountName {login}")
                })?;
            }
            if let Some(principal) = &object.principal {
                let first = index.by_principal.insert(principal.clone(), id);
                twice(document, id, first, || {
                    format!("the userPrincipalName {principal}")
                })?;
            }
        }
        Ok(index)
    }

    /// Takes note of new or changed records, all at once, because names may pass from one to the other.
    pub(super) fn learn(&mut self, objects: Vec<(RecordId, Object)>) {
        for (id, _) in &objects {
            if let Some(old) = self.objects.get(*id) {
                self.by_dn.remove(&old.dn);
                self.by_guid.remove(&old.guid);
                old.login
                    .as_ref()
                    .and_then(|login| self.by_login.remove(login));
                old.principal
                    .as_ref()
                    .and_then(|principal| self.by_principal.remove(principal));
            }
        }
        for (id, object) in objects {
            self.by_dn.insert(object.dn.clone(), id);
            self.by_guid.insert(object.guid, id);
            object
                .login
                .clone()
                .and_then(|login| self.by_login.insert(login, id));
            object
                .principal
                .clone()
                .and_then(|name| self.by_principal.insert(name, id));
            match self.objects.get_mut(id) {
                Some(old) => *old = object,
                None => self.objects.push(object),
            }
        }
    }

    /// The object of a record.
    pub(super) fn object(&self, id: RecordId) -> &Object {
        &self.objects[id]
    }

    /// The record that an operation names.
    pub(super) fn find(&self, at: &At) -> Option<RecordId> {
        match at {
            At::Dn(dn) => self.by_dn.get(dn).copied(),
            At::Guid(guid) => self.by_guid.get(guid).copied(),
        }
    }

    /// The record that stands there.
    pub(super) fn at(&self, dn: &Dn) -> Option<RecordId> {
        self.by_dn.get(dn).copied()
    }

    /// The record with that sAMAccountName, in whatever case.
    pub(super) fn of_login(&self, login: &str) -> Option<RecordId> {
        self.by_login.get(&login.to_lowercase()).copied()
    }

    /// The record with that userPrincipalName, in whatever case.
    pub(super) fn of_principal(&self, principal: &str) -> Option<RecordId> {
        self.by_principal.get(&principal.to_lowercase()).copied()
    }

    /// The records at or below a name.
    pub(super) fn within(&self, dn: &Dn) -> BTreeSet<RecordId> {
        (0..self.objects.len())
            .filter(|id| self.objects[*id].dn.is_within(dn))
            .collect()
    }

    /// An objectGUID for an object that gets this name: the same for the same file.
    pub(super) fn new_guid(&self, dn: &Dn) -> Guid {
        let mut counter = 0;
        loop {
            let free = derived_guid(dn, counter).filter(|guid| !self.by_guid.contains_key(guid));
            match free {
                Some(guid) => return guid,
                None => counter += 1,
            }
        }
    }
}

fn twice(
    document: &Document,
    id: RecordId,
    first: Option<RecordId>,
    what: impl Fn() -> String,
) -> Result<(), IndexError> {
    match first {
        None => Ok(()),
        Some(first) => Err(IndexError::Twice {
            line: document.number(id),
            first: document.number(first),
            what: what(),
        }),
    }
}

fn dn_of(document: &Document, id: RecordId) -> Result<Dn, LdifFault> {
    let value = document.value_at(id, 0);
    let text = std::str::from_utf8(&value).map_err(|_| LdifFault::NotText)?;
    Dn::parse(text).map_err(LdifFault::Dn)
}

/// A name as it is looked up.
pub(super) fn folded(value: Option<&[u8]>) -> Option<String> {
    value
        .and_then(|bytes| std::str::from_utf8(bytes).ok())
        .map(str::to_lowercase)
}

/// SHA-256 of the name and a counter, marked as a UUID made by a rule of our own (RFC 9562 version 8).
fn derived_guid(dn: &Dn, counter: u32) -> Option<Guid> {
    let digest = Sha256::new()
        .chain_update(b"countersign objectGUID\0")
        .chain_update(dn.to_string().to_lowercase())
        .chain_update([0])
        .chain_update(counter.to_be_bytes())
        .finalize();
    let mut wire = [0; 16];
    wire.copy_from_slice(&digest[..16]);
    // On the wire the version stands in the high half of byte 7, the variant in that of byte 8.
    wire[7] = wire[7] & 0x0F | 0x80;
    wire[8] = wire[8] & 0x3F | 0x80;
    Guid::from_wire(&wire)
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;

    fn index(text: &str) -> Result<Index, String> {
        let document = Document::read(text.as_bytes().to_vec()).unwrap();
        Index::of(&document).map_err(|error| error.to_string())
    }

    #[test]
    fn an_object_without_guid_has_one_that_is_always_the_same() {
        let file = "dn: DC=x\n\ndn: CN=a,DC=x\n\ndn: CN=B,DC=x\n";
        let (one, other) = (index(file).unwrap(), index(&file.to_lowercase()).unwrap());
        let guids = |index: &Index| (0..3).map(|id| index.object(id).guid).collect::<Vec<_>>();
        assert_eq!(guids(&one), guids(&other));
        assert_eq!(guids(&one).into_iter().collect::<BTreeSet<_>>().len(), 3);
        let a = one.object(1).guid;
        assert_eq!(a.to_string().as_bytes()[14], b'8', "a UUID of version 8");
        assert_eq!(one.find(&At::Guid(a)), Some(1));
        // Another object took that GUID along when it was renamed: the next one gets another.
        let wire = base64::engine::general_purpose::STANDARD.encode(a.to_wire());
        let taken = format!("dn: CN=a,DC=x\n\ndn: CN=was a,DC=x\nobjectGUID:: {wire}\n");
        let taken = index(&taken).unwrap();
        assert_eq!(taken.find(&At::Guid(a)), Some(1));
        assert_ne!(taken.object(0).guid, a);
        assert_eq!(taken.find(&At::Guid(taken.object(0).guid)), Some(0));
    }

    #[test]
    fn two_that_are_one_are_refused_with_both_lines() {
        for (lines, what) in [
            ("dn: cn=A,dc=X\n", "the name"),
            ("dn: CN=b,DC=x\nsAMAccountName: ANN\n", "the sAMAccountName"),
            (
                "dn: CN=b,DC=x\nuserPrincipalName: Ann@x\n",
                "the userPrincipalName",
            ),
            (
                "dn: CN=b,DC=x\nobjectGUID:: AAAAAAAAAAAAAAAAAAAAAA==\n",
                "the objectGUID",
            ),
        ] {
            let first = "dn: CN=a,DC=x\nsAMAccountName: ann\nuserPrincipalName: ann@x\n\
                         objectGUID:: AAAAAAAAAAAAAAAAAAAAAA==\n";
            let error = index(&format!("{first}\n{lines}")).unwrap_err();
            assert!(error.starts_with(&format!("line 6: {what}")), "{error}");
            assert!(error.ends_with("the record in line 1 too"), "{error}");
        }
        assert!(
            index("dn: CN=a,DC=x\nobjectGUID: short\n")
                .unwrap_err()
                .contains("line 1")
        );
        assert!(
            index("dn: CN=a,DC=x\n\ndn: nonsense\n")
                .unwrap_err()
                .starts_with("line 3:")
        );
    }
}
