//! Failures in a row → how long to wait before the next try.

use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::hash::{BuildHasher as _, RandomState};

/// The wait after the first failure.
const FIRST: SignedDuration = SignedDuration::from_secs(30);
/// The longest wait: a person who mended something sees it go on within a coffee.
const LONGEST: SignedDuration = SignedDuration::from_mins(30);

/// The wait after so many failures in a row: doubled each time, and between half of that and all of
/// it, so that many who failed at once do not come back at once. `chance` is any number.
pub fn delay(failures: u32, chance: u64) -> SignedDuration {
    let doubled = 1i32
        .checked_shl(failures.saturating_sub(1).min(16))
        .unwrap_or(i32::MAX);
    let whole = FIRST.saturating_mul(doubled).min(LONGEST);
    let half = whole.as_millis() / 2;
    let share = i128::from(chance % 1000) * half / 1000;
    SignedDuration::from_millis(i64::try_from(half + share).unwrap_or(i64::MAX))
}

/// A duration, up to a tenth longer or shorter.
pub fn jitter(duration: SignedDuration, chance: u64) -> SignedDuration {
    let tenth = duration.as_millis() / 10;
    let share = i128::from(chance % 2001) * tenth / 1000 - tenth;
    let millis = duration.as_millis() + share;
    SignedDuration::from_millis(i64::try_from(millis).unwrap_or(i64::MAX))
}

/// Any number, another one each time: for waits that must not come together.
pub fn chance() -> u64 {
    RandomState::new().hash_one(0)
}

/// What failed, how often in a row, and when it is tried again.
#[derive(Debug, Clone)]
pub struct Failures<K>(BTreeMap<K, Failing>);

/// Something that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failing {
    /// How often in a row.
    pub times: u32,
    /// When it is tried again.
    pub again: Timestamp,
}

impl<K> Default for Failures<K> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<K: Ord> Failures<K> {
    /// Notes that something failed once more.
    pub fn failed(&mut self, what: K, now: Timestamp, chance: u64) {
        let entry = self.0.entry(what).or_insert(Failing {
            times: 0,
            again: now,
        });
        entry.times = entry.times.saturating_add(1);
        entry.again = now + delay(entry.times, chance);
    }

    /// Notes that something came about.
    pub fn came_about(&mut self, what: &K) {
        self.0.remove(what);
    }

    /// Forgets what is no longer asked for.
    pub fn keep(&mut self, wanted: impl Fn(&K) -> bool) {
        self.0.retain(|what, _| wanted(what));
    }

    /// What has to wait still; none: it may be tried.
    pub fn waits<Q: Ord + ?Sized>(&self, what: &Q, now: Timestamp) -> Option<&Failing>
    where
        K: std::borrow::Borrow<Q>,
    {
        self.0.get(what).filter(|failing| failing.again > now)
    }

    /// When the first of them is tried again.
    pub fn next(&self) -> Option<Timestamp> {
        self.0.values().map(|failing| failing.again).min()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing failed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_are_spread() {
        let seconds = |failures, chance| delay(failures, chance).as_secs();
        assert_eq!(seconds(1, 0), 15);
        assert_eq!(seconds(1, 999), 29);
        assert_eq!(seconds(2, 0), 30);
        assert_eq!(seconds(7, 0), 900);
        assert_eq!(seconds(4_000_000_000, 0), 900);
        let ten = SignedDuration::from_secs(100);
        assert_eq!(jitter(ten, 0).as_secs(), 90);
        assert_eq!(jitter(ten, 1000).as_secs(), 100);
        assert_eq!(jitter(ten, 2000).as_secs(), 110);
    }

    #[test]
    fn what_failed_waits_and_is_forgotten_once_it_came_about() {
        let now = Timestamp::UNIX_EPOCH;
        let mut failures = Failures::default();
        failures.failed("a", now, 0);
        failures.failed("a", now, 0);
        failures.failed("b", now, 0);
        assert_eq!(failures.waits("a", now).unwrap().times, 2);
        assert_eq!(failures.next(), Some(now + SignedDuration::from_secs(15)));
        let later = now + SignedDuration::from_secs(20);
        assert!(failures.waits("a", later).is_some());
        assert!(failures.waits("b", later).is_none());
        failures.came_about(&"a");
        failures.keep(|what| *what != "b");
        assert!(failures.is_empty());
    }
}
