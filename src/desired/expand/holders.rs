//! Who holds what is asked about again and again: levels whose holders are mailed, and resources with so many
//! seats. Noted where people are put together, for to look through everybody takes longer than that.

use crate::catalog::Catalog;
use crate::desired::expand::COUNTERSIGN;
use crate::desired::{EntitlementKey, Grant};
use crate::name::{LevelName, ResourceName, UserName};
use std::collections::{BTreeMap, BTreeSet};

/// What is asked about of one resource: its places among all that is.
#[derive(Default)]
pub(super) struct Asked<'a> {
    /// Levels of which it matters who holds them and is at work.
    levels: Vec<(&'a str, usize)>,
    /// Whether it matters who has anything of it at all.
    any: Option<usize>,
}

impl<'a> Asked<'a> {
    /// What is asked about of a resource; places are counted on.
    pub fn of(catalog: &'a Catalog, name: &ResourceName, places: &mut usize) -> Self {
        let mut place = || {
            *places += 1;
            *places - 1
        };
        let spec = catalog.resources.get(name).map(|linked| &linked.spec);
        let maintainers = spec.into_iter().flat_map(|spec| &spec.maintainers);
        let mut names: BTreeSet<&str> = maintainers
            .filter_map(|maintainer| maintainer.holders_of.as_ref().map(LevelName::as_str))
            .collect();
        if name.as_str() == COUNTERSIGN {
            names.insert(ADMINISTRATOR);
        }
        Self {
            levels: names.into_iter().map(|level| (level, place())).collect(),
            any: spec.and_then(|spec| spec.seats).map(|_| place()),
        }
    }

    /// The place of a level.
    pub fn level(&self, name: &str) -> Option<usize> {
        let mut levels = self.levels.iter();
        levels.find(|(level, _)| *level == name).map(|(_, p)| *p)
    }

    /// The place of everything of it.
    pub fn any(&self) -> Option<usize> {
        self.any
    }

    /// Adds the places of something held of it, by somebody who is at work or not.
    pub fn note(&self, key: &EntitlementKey, is_at_work: bool, places: &mut Vec<usize>) {
        let level = match &key.grant {
            Grant::Level(level) if is_at_work => self.level(level.as_str()),
            Grant::Level(_) | Grant::Role(_) | Grant::Scope(..) => None,
        };
        for place in level.into_iter().chain(self.any) {
            if !places.contains(&place) {
                places.push(place);
            }
        }
    }
}

/// The level of [`COUNTERSIGN`] whose holders administer it.
pub(super) const ADMINISTRATOR: &str = "administrator";

/// Who holds each of it, as far as people were looked at.
pub(super) struct Holders {
    by_place: Vec<BTreeSet<UserName>>,
    of: BTreeMap<UserName, Vec<usize>>,
}

impl Holders {
    /// Nobody yet, of so many places.
    pub fn new(places: usize) -> Self {
        Self {
            by_place: vec![BTreeSet::new(); places],
            of: BTreeMap::new(),
        }
    }

    /// Who holds what a place stands for.
    pub fn at(&self, place: usize) -> &BTreeSet<UserName> {
        &self.by_place[place]
    }

    /// How many hold what each place stands for.
    pub fn counts(&self) -> impl Iterator<Item = usize> {
        self.by_place.iter().map(BTreeSet::len)
    }

    /// Notes what somebody holds now, in place of what they held; which of it is new.
    pub fn put(&mut self, name: &UserName, places: Vec<usize>) -> Vec<usize> {
        let before = self.of.remove(name).unwrap_or_default();
        for place in before.iter().filter(|place| !places.contains(place)) {
            self.by_place[*place].remove(name);
        }
        let new = places.iter().copied().filter(|p| !before.contains(p));
        let new: Vec<usize> = new.collect();
        for place in &new {
            self.by_place[*place].insert(name.clone());
        }
        if !places.is_empty() {
            self.of.insert(name.clone(), places);
        }
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_somebody_holds_takes_the_place_of_what_they_held() {
        let user = |name| UserName::new(name).unwrap();
        let mut holders = Holders::new(3);
        assert_eq!(holders.put(&user("ann"), vec![0, 2]), [0, 2]);
        assert_eq!(holders.put(&user("bob"), vec![2]), [2]);
        assert_eq!(holders.put(&user("ann"), vec![2, 1]), [1]);
        assert_eq!(holders.at(0), &BTreeSet::new());
        assert_eq!(holders.at(2), &BTreeSet::from([user("ann"), user("bob")]));
        assert_eq!(holders.put(&user("ann"), Vec::new()), [0_usize; 0]);
        assert_eq!(holders.at(2), &BTreeSet::from([user("bob")]));
    }
}
