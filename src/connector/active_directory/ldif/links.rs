//! Who refers to whom in an LDIF file: turns `member`, `manager` and the like round, so that `memberOf`
//! can be told and names follow when what they name is renamed.

use super::document::{Document, RecordId};
use crate::connector::active_directory::matching::LINKS;
use crate::dn::Dn;
use foldhash::HashMap;
use std::collections::BTreeSet;

/// A record that refers to something, and by which attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Holder {
    /// The record.
    pub(super) record: RecordId,
    /// The attribute's place in [`LINKS`].
    link: usize,
}

impl Holder {
    /// The holder, where the attribute is one that refers to objects.
    pub(super) fn new(record: RecordId, attribute: &str) -> Option<Self> {
        let link = LINKS
            .iter()
            .position(|link| link.eq_ignore_ascii_case(attribute))?;
        Some(Self { record, link })
    }

    /// The attribute.
    pub(super) fn attribute(self) -> &'static str {
        LINKS[self.link]
    }
}

/// Every name that is referred to, with who does.
#[derive(Debug, Default)]
pub(super) struct Links(HashMap<Dn, BTreeSet<Holder>>);

impl Links {
    /// Reads every link of a file. A value that is no name refers to nothing.
    pub(super) fn of(document: &Document) -> Self {
        let mut links = Self::default();
        for id in document.order().iter().copied() {
            for line in 1..document.line_count(id) {
                let name = document.name_at(id, line);
                let Some(link) = LINKS.iter().position(|link| name.is(link)) else {
                    continue;
                };
                if let Some(dn) = named(&document.value_at(id, line)) {
                    links.insert(dn, Holder { record: id, link });
                }
            }
        }
        links
    }

    /// Who refers to the name, in the order of records.
    pub(super) fn holders(&self, dn: &Dn) -> impl Iterator<Item = Holder> {
        self.0.get(dn).into_iter().flatten().copied()
    }

    /// Whether that attribute of that record refers to the name.
    pub(super) fn has(&self, dn: &Dn, holder: Holder) -> bool {
        self.0
            .get(dn)
            .is_some_and(|holders| holders.contains(&holder))
    }

    /// Takes note that it refers to the name.
    pub(super) fn insert(&mut self, dn: Dn, holder: Holder) {
        self.0.entry(dn).or_default().insert(holder);
    }

    /// Takes note that it does so no more.
    pub(super) fn remove(&mut self, dn: &Dn, holder: Holder) {
        if let Some(holders) = self.0.get_mut(dn) {
            holders.remove(&holder);
        }
    }

    /// Takes note of new names, all at once, because one may be another's old one.
    pub(super) fn rename(&mut self, names: &[(Dn, Dn)]) {
        let moved = names
            .iter()
            .map(|(old, _)| self.0.remove(old))
            .collect::<Vec<_>>();
        for ((_, new), holders) in names.iter().zip(moved) {
            if let Some(holders) = holders {
                self.0.insert(new.clone(), holders);
            }
        }
    }
}

/// The name that a value of a link is, where it is one.
pub(super) fn named(value: &[u8]) -> Option<Dn> {
    std::str::from_utf8(value)
        .ok()
        .and_then(|text| Dn::parse(text).ok())
}
