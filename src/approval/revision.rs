//! Revisions as they are asked of again and again while a line of commits is verified.

use super::requirement::{Present, present};
use super::signature::KeyRing;
use crate::catalog::Catalog;
use crate::diagnostic::Diagnostic;
use crate::name::UserName;
use crate::source::objects::{Commit, Objects, ObjectsError};
use crate::source::{Blob, Source};
use jiff::Timestamp;
use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

/// What makes a catalog of files.
pub trait Link {
    /// Whether the content of a blob need not be read again.
    fn knows(&self, blob: &Blob) -> bool;

    /// The catalog, and every mistake that makes it invalid.
    fn link(&self, source: Source) -> (Catalog, Vec<Diagnostic>);
}

/// A revision, read and linked.
#[derive(Debug)]
pub struct Revision {
    /// The commit.
    pub commit: Commit,
    /// What it says.
    pub catalog: Catalog,
    /// What makes it invalid; empty: it is valid.
    pub errors: Vec<Diagnostic>,
    /// Files with a mistake: what they mean cannot be told.
    unreadable: BTreeSet<Arc<str>>,
    present: OnceCell<Present>,
}

impl Revision {
    /// Whether something may be planned from it.
    pub fn is_valid(&self) -> bool {
        self.errors.is_empty()
    }

    /// The same with more that makes it invalid.
    pub fn with(&self, more: Vec<Diagnostic>) -> Self {
        let mut errors = self.errors.clone();
        errors.extend(more);
        Self {
            commit: self.commit.clone(),
            catalog: self.catalog.clone(),
            errors,
            unreadable: self.unreadable.clone(),
            present: OnceCell::new(),
        }
    }

    /// Who is here and who approves by it.
    pub fn present(&self, now: Timestamp) -> &Present {
        self.present.get_or_init(|| present(&self.catalog, now))
    }

    /// Files with a mistake: what they mean cannot be told.
    pub fn unreadable(&self) -> &BTreeSet<Arc<str>> {
        &self.unreadable
    }

    /// Whether what it says of a user can be told, or that it says nothing of them any more; `rules`, a
    /// revision that knows them.
    pub fn tells_of(&self, user: &UserName, rules: &Self) -> bool {
        if let Some(user) = self.catalog.users.get(user) {
            return !self.catalog.is_damaged(&user.at);
        }
        let unreadable = self.unreadable();
        match rules.catalog.users.get(user) {
            Some(user) => !unreadable.contains(&user.at.file),
            None => unreadable.is_empty(),
        }
    }

    /// The keys its users sign with.
    fn keys(&self) -> BTreeMap<UserName, Vec<String>> {
        let users = self.catalog.users.iter();
        let with = users.filter_map(|(name, user)| {
            let keys = &user.spec.credentials.as_ref()?.signing_keys;
            Some((name.clone(), keys.clone())).filter(|(_, keys)| !keys.is_empty())
        });
        with.collect()
    }
}

/// Whose each key is.
type Keys = BTreeMap<UserName, Vec<String>>;

/// Revisions that were read, so that none is read twice in a row.
pub struct Shelf<'a> {
    objects: &'a Objects,
    link: &'a dyn Link,
    read: RefCell<Vec<Rc<Revision>>>,
    ring: RefCell<Option<(Keys, Rc<KeyRing>)>>,
}

/// How many revisions are kept: the one before, the valid one before, the new one, and one between.
const KEPT: usize = 4;

impl<'a> Shelf<'a> {
    /// An empty one.
    pub fn new(objects: &'a Objects, link: &'a dyn Link) -> Self {
        Self {
            objects,
            link,
            read: RefCell::new(Vec::new()),
            ring: RefCell::new(None),
        }
    }

    /// The revision of a commit.
    ///
    /// # Errors
    /// [`ObjectsError`] when it cannot be read.
    pub fn revision(&self, id: &str) -> Result<Rc<Revision>, ObjectsError> {
        let known = self.read.borrow();
        if let Some(revision) = known.iter().find(|r| r.commit.id == id) {
            return Ok(revision.clone());
        }
        drop(known);
        let commit = self.objects.commit(id)?;
        let source = self.objects.read(&commit, &|blob| self.link.knows(blob))?;
        let (catalog, errors) = self.link.link(source);
        let unreadable = errors.iter().map(|d| d.place.file.clone()).collect();
        let revision = Rc::new(Revision {
            commit,
            catalog,
            errors,
            unreadable,
            present: OnceCell::new(),
        });
        let mut read = self.read.borrow_mut();
        if read.len() >= KEPT {
            read.remove(0);
        }
        read.push(revision.clone());
        Ok(revision)
    }

    /// The keys of the rules' revision. Where a later one, invalid but approved, has taken a key away
    /// from somebody, it is taken away.
    pub fn ring(&self, rules: &Revision, before: &Revision) -> Rc<KeyRing> {
        let mut keys = rules.keys();
        if rules.commit.id != before.commit.id {
            let later = &before.catalog.users;
            for (name, keys) in &mut keys {
                match later.get(name) {
                    Some(user) => {
                        let credentials = user.spec.credentials.as_ref();
                        let still = credentials.map(|c| c.signing_keys.as_slice());
                        keys.retain(|key| still.unwrap_or_default().contains(key));
                    }
                    None if before.tells_of(name, rules) => keys.clear(),
                    None => {}
                }
            }
            keys.retain(|_, keys| !keys.is_empty());
        }
        let mut last = self.ring.borrow_mut();
        if let Some((known, ring)) = &*last
            && *known == keys
        {
            return ring.clone();
        }
        let each = keys.iter().map(|(user, keys)| (user, keys.as_slice()));
        let ring = Rc::new(KeyRing::new(each));
        *last = Some((keys, ring.clone()));
        ring
    }
}
