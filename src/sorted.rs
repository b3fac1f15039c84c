//! A small map that is made once and then read: a sorted list. Of each person and each account there are
//! some, each of a dozen entries, and a tree of those takes three times the memory.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Index;

/// Values by key, sorted by key.
#[derive(Clone, PartialEq, Eq)]
pub struct Sorted<K, V>(Vec<(K, V)>);

impl<K: Ord, V> Sorted<K, V> {
    /// Nothing yet.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Nothing yet, with room for so many.
    pub fn with_capacity(count: usize) -> Self {
        Self(Vec::with_capacity(count))
    }

    fn place(&self, key: &K) -> Result<usize, usize> {
        self.0.binary_search_by(|(known, _)| known.cmp(key))
    }

    /// Puts a value in; the one that was there for that key. What is added behind all others is cheap.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        let place = match self.0.last() {
            Some((last, _)) if *last >= key => self.place(&key),
            Some(_) | None => Err(self.0.len()),
        };
        match place {
            Ok(place) => Some(std::mem::replace(&mut self.0[place].1, value)),
            Err(place) => {
                self.0.insert(place, (key, value));
                None
            }
        }
    }

    /// The value of a key; where there is none, this one from now on.
    pub fn or_insert_with(&mut self, key: K, value: impl FnOnce() -> V) -> &mut V {
        let place = self.place(&key).unwrap_or_else(|place| {
            self.0.insert(place, (key, value()));
            place
        });
        &mut self.0[place].1
    }

    /// Of entries that come sorted; of several values of one key the last stays.
    pub fn in_order(mut entries: Vec<(K, V)>) -> Self {
        dedup(&mut entries);
        debug_assert!(entries.is_sorted_by(|(a, _), (b, _)| a < b));
        entries.shrink_to_fit();
        Self(entries)
    }

    /// The same in no more memory than it needs: moved, so that what it grew in is free for the next one.
    pub fn fitted(self) -> Self {
        let mut fitted = Vec::with_capacity(self.0.len());
        fitted.extend(self.0);
        Self(fitted)
    }

    /// Takes out the value of a key.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        let place = self.place(key).ok()?;
        Some(self.0.remove(place).1)
    }

    /// The value of a key.
    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let place = self.place(key).ok()?;
        Some(&mut self.0[place].1)
    }

    /// The value of a key.
    pub fn get(&self, key: &K) -> Option<&V> {
        self.get_key_value(key).map(|(_, value)| value)
    }

    /// The entry of a key.
    pub fn get_key_value(&self, key: &K) -> Option<(&K, &V)> {
        let (key, value) = &self.0[self.place(key).ok()?];
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

    /// The same, for whoever looks for keys in their order: it goes through the map once.
    pub fn in_turn(&self) -> InTurn<'_, K, V> {
        InTurn(&self.0)
    }

    /// The values, by key.
    pub fn values(&self) -> impl ExactSizeIterator<Item = &V> + Clone {
        self.0.iter().map(|(_, value)| value)
    }

    /// The values, by key.
    pub fn values_mut(&mut self) -> impl ExactSizeIterator<Item = &mut V> {
        self.0.iter_mut().map(|(_, value)| value)
    }

    /// Keys and values, by key.
    pub fn iter_mut(&mut self) -> impl ExactSizeIterator<Item = (&K, &mut V)> {
        self.0.iter_mut().map(|(key, value)| (&*key, value))
    }

    /// Takes out what does not hold.
    pub fn retain(&mut self, holds: impl Fn(&K, &V) -> bool) {
        self.0.retain(|(key, value)| holds(key, value));
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

/// Entries that are yet to be looked for.
pub struct InTurn<'a, K, V>(&'a [(K, V)]);

impl<'a, K: Ord, V> InTurn<'a, K, V> {
    /// The value of a key that comes after every one that was looked for before.
    pub fn get(&mut self, key: &K) -> Option<&'a V> {
        while let Some(((known, value), rest)) = self.0.split_first() {
            match known.cmp(key) {
                Ordering::Less => self.0 = rest,
                Ordering::Equal => return Some(value),
                Ordering::Greater => return None,
            }
        }
        None
    }
}

impl<K: Serialize, V: Serialize> Serialize for Sorted<K, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self)
    }
}

impl<'de, K: Deserialize<'de> + Ord, V: Deserialize<'de>> Deserialize<'de> for Sorted<K, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let tree = BTreeMap::deserialize(deserializer)?;
        Ok(Self(tree.into_iter().collect()))
    }
}

impl<K: JsonSchema, V: JsonSchema> JsonSchema for Sorted<K, V> {
    fn inline_schema() -> bool {
        BTreeMap::<K, V>::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        BTreeMap::<K, V>::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        BTreeMap::<K, V>::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        BTreeMap::<K, V>::json_schema(generator)
    }
}

impl<K: Ord, V> Index<&K> for Sorted<K, V> {
    type Output = V;

    /// # Panics
    /// There is no value of that key.
    fn index(&self, key: &K) -> &V {
        match self.get(key) {
            Some(value) => value,
            None => panic!("no value of that key"),
        }
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
        dedup(&mut entries);
        entries.shrink_to_fit();
        Self(entries)
    }
}

/// Of neighbours with one key the last stays.
fn dedup<K: PartialEq, V>(entries: &mut Vec<(K, V)>) {
    entries.dedup_by(|later, first| {
        let same = later.0 == first.0;
        if same {
            std::mem::swap(&mut later.1, &mut first.1);
        }
        same
    });
}

impl<K: Ord, V, const N: usize> From<[(K, V); N]> for Sorted<K, V> {
    fn from(entries: [(K, V); N]) -> Self {
        entries.into_iter().collect()
    }
}

impl<K: Ord, V> Extend<(K, V)> for Sorted<K, V> {
    fn extend<T: IntoIterator<Item = (K, V)>>(&mut self, entries: T) {
        for (key, value) in entries {
            self.insert(key, value);
        }
    }
}

impl<K, V> IntoIterator for Sorted<K, V> {
    type Item = (K, V);
    type IntoIter = std::vec::IntoIter<(K, V)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
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
        assert!(sorted.iter().eq(&tree));
        assert!(sorted.keys().eq(tree.keys()) && sorted.values().eq(tree.values()));
        let mut in_turn = sorted.in_turn();
        for key in 0..5 {
            assert_eq!(sorted.get(&key), tree.get(&key));
            assert_eq!(in_turn.get(&key), tree.get(&key));
            assert_eq!(in_turn.get(&key), tree.get(&key), "the same again");
            assert_eq!(sorted.get_key_value(&key), tree.get_key_value(&key));
            assert_eq!(sorted.contains_key(&key), tree.contains_key(&key));
        }
        assert!(sorted.within(|key| (key / 2).cmp(&1)).eq(tree.range(2..4)));
        assert!(sorted.within(|key| key.cmp(&0)).next().is_none());
        assert_eq!((sorted.len(), sorted.is_empty()), (3, false));
        assert_eq!(format!("{sorted:?}"), format!("{tree:?}"));
        assert!(Sorted::<u8, u8>::default().is_empty());
    }

    #[test]
    fn it_changes_as_a_tree_does() {
        let (mut sorted, mut tree) = (Sorted::new(), BTreeMap::new());
        for (step, key) in [4, 9, 2, 9, 11, 2, 5].into_iter().enumerate() {
            assert_eq!(sorted.insert(key, step), tree.insert(key, step));
        }
        for key in [9, 3, 2] {
            assert_eq!(sorted.remove(&key), tree.remove(&key));
        }
        for key in [4, 7] {
            assert_eq!(
                sorted.or_insert_with(key, || 70),
                tree.entry(key).or_insert(70)
            );
        }
        for key in [4, 9] {
            assert_eq!(sorted.get_mut(&key), tree.get_mut(&key));
        }
        assert!(sorted.iter().eq(&tree));
        sorted.values_mut().for_each(|value| *value += 1);
        sorted
            .iter_mut()
            .for_each(|(key, value)| *value += *key as usize);
        tree.iter_mut()
            .for_each(|(key, value)| *value += 1 + *key as usize);
        sorted.retain(|key, _| *key != 7);
        tree.retain(|key, _| *key != 7);
        sorted.extend([(3, 1), (40, 2), (3, 4)]);
        tree.extend([(3, 1), (40, 2), (3, 4)]);
        assert!(sorted.iter().eq(&tree));
        let fitted = sorted.clone().fitted();
        assert!(fitted == sorted && fitted.0.capacity() == fitted.len());
        let json = serde_json::to_string(&sorted).unwrap();
        assert_eq!(json, serde_json::to_string(&tree).unwrap());
        let back: Sorted<i32, usize> = serde_json::from_str(&json).unwrap();
        assert_eq!(back, sorted);
        assert!(back.into_iter().eq(tree));
    }
}
