//! A map that is made once and then read: a sorted list. Of each person there are some, each of a dozen
//! entries, and a tree of those takes three times the memory.

use serde::{Serialize, Serializer};
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;

/// Values by key, sorted by key.
#[derive(Clone, PartialEq, Eq)]
pub struct Sorted<K, V>(Vec<(K, V)>);

impl<K: Ord, V> Sorted<K, V> {
    /// The value of a key.
    pub fn get(&self, key: &K) -> Option<&V> {
        self.get_key_value(key).map(|(_, value)| value)
    }

    /// The entry of a key.
    pub fn get_key_value(&self, key: &K) -> Option<(&K, &V)> {
        let place = self.0.binary_search_by(|(known, _)| known.cmp(key)).ok()?;
        let (key, value) = &self.0[place];
        Some((key, value))
    }

    /// Whether there is a value of that key.
    pub fn contains_key(&self, key: &K) -> bool {
        self.get(key).is_some()
    }
}

impl<K, V> Sorted<K, V> {
    /// Keys and values, by key.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&K, &V)> + Clone {
        self.0.iter().map(|(key, value)| (key, value))
    }

    /// The keys, sorted.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &K> + Clone {
        self.0.iter().map(|(key, _)| key)
    }

    /// Those entries that a probe finds equal; it must order keys as the map does.
    pub fn within(&self, probe: impl Fn(&K) -> Ordering) -> impl Iterator<Item = (&K, &V)> {
        let first = self.0.partition_point(|(key, _)| probe(key).is_lt());
        let found = self.0[first..].iter().map(|(key, value)| (key, value));
        found.take_while(move |(key, _)| probe(key).is_eq())
    }

    /// The values, by key.
    pub fn values(&self) -> impl ExactSizeIterator<Item = &V> + Clone {
        self.0.iter().map(|(_, value)| value)
    }

    /// The values, by key.
    pub fn values_mut(&mut self) -> impl ExactSizeIterator<Item = &mut V> {
        self.0.iter_mut().map(|(_, value)| value)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<K: Ord + Clone, V: Clone> Sorted<K, V> {
    /// The same as a tree, to go on changing.
    pub fn to_tree(&self) -> BTreeMap<K, V> {
        self.0.iter().cloned().collect()
    }
}

impl<K: Serialize, V: Serialize> Serialize for Sorted<K, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self)
    }
}

impl<K, V> Default for Sorted<K, V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K: Ord, V> FromIterator<(K, V)> for Sorted<K, V> {
    /// Of several values of one key the last stays.
    fn from_iter<T: IntoIterator<Item = (K, V)>>(entries: T) -> Self {
        let mut entries: Vec<(K, V)> = entries.into_iter().collect();
        entries.sort_by(|(a, _), (b, _)| a.cmp(b));
        entries.dedup_by(|later, first| {
            let same = later.0 == first.0;
            if same {
                std::mem::swap(&mut later.1, &mut first.1);
            }
            same
        });
        entries.shrink_to_fit();
        Self(entries)
    }
}

impl<'a, K, V> IntoIterator for &'a Sorted<K, V> {
    type Item = (&'a K, &'a V);
    type IntoIter = std::iter::Map<std::slice::Iter<'a, (K, V)>, fn(&'a (K, V)) -> (&'a K, &'a V)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter().map(|(key, value)| (key, value))
    }
}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for Sorted<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_holds_what_a_tree_would() {
        let entries = [(3, 'c'), (1, 'a'), (3, 'd'), (2, 'b'), (1, 'z')];
        let sorted = Sorted::from_iter(entries);
        let tree = BTreeMap::from(entries);
        assert!(sorted.iter().eq(&tree) && sorted.to_tree() == tree);
        assert!(sorted.keys().eq(tree.keys()) && sorted.values().eq(tree.values()));
        for key in 0..5 {
            assert_eq!(sorted.get(&key), tree.get(&key));
            assert_eq!(sorted.get_key_value(&key), tree.get_key_value(&key));
            assert_eq!(sorted.contains_key(&key), tree.contains_key(&key));
        }
        assert!(sorted.within(|key| (key / 2).cmp(&1)).eq(tree.range(2..4)));
        assert!(sorted.within(|key| key.cmp(&0)).next().is_none());
        assert_eq!((sorted.len(), sorted.is_empty()), (3, false));
        assert_eq!(format!("{sorted:?}"), format!("{tree:?}"));
        assert!(Sorted::<u8, u8>::default().is_empty());
    }
}
