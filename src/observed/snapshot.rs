//! A directory that is kept from one look to the next: only what was touched meanwhile is read again.
//!
//! Invariant: what is not surely the same is read. A name that changed or went is in other objects, too
//! (members, managers), which are not told of (AD.md 27, 62): then everything is read anew. So it is where
//! a unit was touched, whose rights are those of what stands in it.

use super::names::Names;
use super::{Account, Directory, Spellings, collect_watched};
use crate::connector::{At, AttributeName, Failure, Guid, Mark, Since, Touched, Transport};
use crate::dn::Dn;
use foldhash::{HashMap, HashSet};
use jiff::Timestamp;
use std::sync::Arc;

/// A directory as it was read, and how.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// What was read.
    pub directory: Directory,
    /// How it was read.
    pub taken: Taken,
}

/// How a directory was read.
#[derive(Debug, Clone)]
pub struct Taken {
    /// Of what.
    of: String,
    /// With these attributes; whoever asks what was touched asks for the same.
    pub attributes: Vec<AttributeName>,
    /// Where it stood before it was read; none where it does not tell.
    pub mark: Option<Mark>,
    /// When it was read as a whole.
    pub whole: Timestamp,
    /// What was read.
    pub extent: Extent,
}

/// What of a directory was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Extent {
    /// All of it.
    Whole,
    /// What was touched since the time before.
    Changes,
}

impl Extent {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Changes => "changes",
        }
    }
}

impl Snapshot {
    /// Reads a directory: of one that is kept from before, and is still good for that, what was touched. Where all
    /// of it is read, each account is told of as it comes.
    ///
    /// # Errors
    /// [`Failure`] when anything could not be read.
    pub fn take(
        transport: &mut dyn Transport,
        attributes: Vec<AttributeName>,
        kept: Option<Self>,
        now: Timestamp,
        watcher: &mut dyn FnMut(&Arc<Account>),
    ) -> Result<Self, Failure> {
        let of = transport.describe();
        if let Some(kept) = kept.filter(|kept| {
            let taken = &kept.taken;
            taken.of == of
                && taken.attributes == attributes
                && kept.directory.base == *transport.base()
        }) && let Some(renewed) = kept.renewed(transport)?
        {
            return Ok(renewed);
        }
        // Whoever fails to tell where it stands is read anew each time.
        let mark = transport.mark().ok().flatten();
        let directory = collect_watched(transport, &attributes, watcher)?;
        let taken = Taken {
            of,
            attributes,
            mark,
            whole: now,
            extent: Extent::Whole,
        };
        Ok(Self { directory, taken })
    }

    /// The same directory as it is now; none where it must be read as a whole.
    fn renewed(mut self, transport: &mut dyn Transport) -> Result<Option<Self>, Failure> {
        let Some(mark) = &self.taken.mark else {
            return Ok(None);
        };
        let Since::Touched(now, touched) = transport.since(mark, &self.taken.attributes)? else {
            return Ok(None);
        };
        let Some(again) = self.to_read(&touched) else {
            return Ok(None);
        };
        let dns: HashSet<&Dn> = touched.iter().filter_map(|t| t.dn.as_ref()).collect();
        // All names are noted anew below, because of those that went.
        let mut noted = Names::new(&self.directory.base);
        let mut spellings = Spellings::default();
        for guid in again {
            // It may have gone or moved since it was told of.
            let entry = transport.read(&At::Guid(guid), &self.taken.attributes)?;
            let Some(entry) = entry.filter(|entry| dns.contains(&entry.dn)) else {
                return Ok(None);
            };
            self.directory.forget(guid);
            self.directory.put(entry, &mut noted, &mut spellings);
        }
        self.directory.suffixes = transport.principal_suffixes()?;
        if !touched.is_empty() {
            self.directory.names = Names::of(&self.directory).taken();
            self.directory.finish(transport);
        }
        self.taken.mark = Some(now);
        self.taken.extent = Extent::Changes;
        Ok(Some(self))
    }

    /// What has to be read again; none where that is everything.
    fn to_read(&self, touched: &[Touched]) -> Option<Vec<Guid>> {
        let directory = &self.directory;
        if touched.is_empty() {
            return Some(Vec::new());
        }
        let known: HashMap<Guid, &Dn> = directory
            .by_dn
            .iter()
            .map(|(dn, guid)| (*guid, dn))
            .collect();
        let mut again = Vec::new();
        for Touched { guid, dn, is_new } in touched {
            let here = dn.as_ref().filter(|dn| dn.is_within(&directory.base));
            match (known.get(guid), here) {
                // Never seen, and not here now.
                (None, None) => {}
                // What comes from elsewhere, or back, may be in other objects.
                (None, Some(dn)) if !is_new || directory.by_dn.contains_key(dn) => return None,
                (None, Some(_)) => again.push(*guid),
                (Some(before), Some(dn)) if *before == dn && !directory.units.contains(dn) => {
                    again.push(*guid);
                }
                (Some(_), _) => return None,
            }
        }
        Some(again)
    }
}
