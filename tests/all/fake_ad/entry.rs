//! An object as a test looks at it: everything, unranged, whatever clients may see.

use super::directory::{Directory, Life, NodeId};
use super::text;
use std::collections::BTreeMap;

/// A copy; it does not follow later changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// As Active Directory spells it.
    pub dn: String,
    /// By the schema's spelling of the attribute; computed ones included.
    pub attributes: BTreeMap<String, Vec<Vec<u8>>>,
    pub password: Option<String>,
}

impl Entry {
    /// The first value of an attribute, in whatever case it is named.
    pub fn text(&self, attribute: &str) -> Option<String> {
        self.texts(attribute).into_iter().next()
    }

    pub fn texts(&self, attribute: &str) -> Vec<String> {
        let values = self.values(attribute).iter();
        values
            .map(|value| String::from_utf8_lossy(value).into_owned())
            .collect()
    }

    pub fn values(&self, attribute: &str) -> &[Vec<u8>] {
        let mut named = self.attributes.iter();
        named
            .find(|(name, _)| name.eq_ignore_ascii_case(attribute))
            .map_or(&[], |(_, values)| values)
    }

    pub fn number(&self, attribute: &str) -> Option<i64> {
        self.text(attribute)?.parse().ok()
    }

    /// objectGUID as dashed text.
    pub fn guid(&self) -> String {
        text::guid_text(self.values("objectGUID").first().map_or(&[], Vec::as_slice))
    }
}

impl Directory {
    pub(super) fn entry_of(&self, id: NodeId) -> Entry {
        let names = self.attribute_names(id).into_iter();
        Entry {
            dn: self.dn_text(id),
            attributes: names
                .map(|name| (name.clone(), self.values(id, &name)))
                .collect(),
            password: self.node(id).content.password.clone(),
        }
    }

    /// Every live object of the domain, containers before what they hold.
    pub(super) fn entries(&self) -> Vec<Entry> {
        let all = self.subtree(self.domain()).into_iter();
        all.filter(|&id| self.node(id).life == Life::Live)
            .map(|id| self.entry_of(id))
            .collect()
    }
}
