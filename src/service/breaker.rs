//! Connectors that could not be read → which of them is asked again, and when.
//!
//! A connector's circuit is closed while it can be read. One failure opens it: it is not asked for a
//! while that grows, with jitter, and everything else goes on. Then it is half-open: the next pass asks
//! it once, and what becomes of that closes or opens it.

use super::backoff::delay;
use crate::connector::Failure;
use crate::name::ResourceName;
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// How soon a connector is asked again because there is something new: a leaver must not wait for the
/// longest of the waits, and whoever merges often must not have it asked all the time.
const NEWS: SignedDuration = SignedDuration::from_secs(20);

/// The circuits of connectors.
#[derive(Debug, Clone, Default)]
pub struct Breakers(BTreeMap<ResourceName, Option<Broken>>);

/// A circuit that is not closed.
#[derive(Debug, Clone)]
struct Broken {
    failure: Failure,
    /// Failures in a row.
    times: u32,
    asked: Timestamp,
    again: Timestamp,
}

/// Where a circuit stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// The connector could be read the last time.
    Closed,
    /// It could not, and is not asked now.
    Open,
    /// It could not, and the next pass asks it.
    HalfOpen,
}

impl State {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Closed, Self::Open, Self::HalfOpen];

    /// The word people read.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half-open",
        }
    }
}

/// What is shown of a circuit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Shown {
    /// The resource.
    pub connector: String,
    /// Where its circuit stands.
    pub state: State,
    /// Failures in a row.
    pub failures: u32,
    /// When it is asked again; none where it is closed.
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub again: Option<Timestamp>,
    /// Why the last of them failed; none where it is closed.
    pub reason: Option<String>,
}

impl Breakers {
    fn broken(&self) -> impl Iterator<Item = (&ResourceName, &Broken)> {
        let each = self.0.iter();
        each.filter_map(|(connector, broken)| Some((connector, broken.as_ref()?)))
    }

    /// Why connectors are not to be asked now.
    pub fn shut(&self, now: Timestamp) -> BTreeMap<ResourceName, Failure> {
        let open = self.broken().filter(|(_, broken)| broken.again > now);
        open.map(|(connector, broken)| (connector.clone(), broken.failure.clone()))
            .collect()
    }

    /// There is something new: whoever was not asked for a moment is asked now.
    pub fn news(&mut self, now: Timestamp) {
        for broken in self.0.values_mut().flatten() {
            broken.again = broken.again.min((broken.asked + NEWS).max(now));
        }
    }

    /// Somebody says that it is worth trying: everyone is asked now.
    pub fn ask_all(&mut self, now: Timestamp) {
        for broken in self.0.values_mut().flatten() {
            broken.again = broken.again.min(now);
        }
    }

    /// Takes note of a pass over these connectors: some could not be read, or were `shut` and not asked;
    /// the others could.
    pub fn passed(
        &mut self,
        connectors: &BTreeSet<ResourceName>,
        unread: &BTreeMap<ResourceName, Failure>,
        shut: &BTreeMap<ResourceName, Failure>,
        (now, chance): (Timestamp, u64),
    ) {
        self.0.retain(|connector, _| connectors.contains(connector));
        for connector in connectors {
            let broken = self.0.entry(connector.clone()).or_default();
            if shut.contains_key(connector) {
                continue;
            }
            let times = broken.as_ref().map_or(0, |b| b.times).saturating_add(1);
            *broken = unread.get(connector).map(|failure| Broken {
                failure: failure.clone(),
                times,
                asked: now,
                again: now + delay(times, chance),
            });
        }
    }

    /// When the first of them is asked again.
    pub fn next(&self) -> Option<Timestamp> {
        self.broken().map(|(_, broken)| broken.again).min()
    }

    /// What is shown of them, by connector.
    pub fn shown(&self, now: Timestamp) -> Vec<Shown> {
        let shown = |(connector, broken): (&ResourceName, &Option<Broken>)| Shown {
            connector: connector.to_string(),
            state: match broken.as_ref().map(|b| b.again > now) {
                None => State::Closed,
                Some(true) => State::Open,
                Some(false) => State::HalfOpen,
            },
            failures: broken.as_ref().map_or(0, |b| b.times),
            again: broken.as_ref().map(|b| b.again),
            reason: broken.as_ref().map(|b| b.failure.to_string()),
        };
        self.0.iter().map(shown).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connector::FailureClass;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds)
    }

    fn failed(breakers: &mut Breakers, second: i64) {
        let failure = Failure {
            class: FailureClass::Transient,
            code: None,
            extended: None,
            message: "nobody answers".into(),
        };
        passed(breakers, second, Some(failure));
    }

    fn passed(breakers: &mut Breakers, second: i64, failure: Option<Failure>) {
        let directory = ResourceName::new("directory").unwrap();
        let shut = breakers.shut(at(second));
        let unread = failure.map(|failure| (directory.clone(), failure));
        let connectors = BTreeSet::from([directory]);
        let unread = unread.into_iter().collect();
        breakers.passed(&connectors, &unread, &shut, (at(second), 0));
    }

    fn state(breakers: &Breakers, second: i64) -> (State, u32) {
        let shown = &breakers.shown(at(second))[0];
        (shown.state, shown.failures)
    }

    #[test]
    fn it_opens_waits_longer_each_time_and_closes_once_it_was_read() {
        let mut breakers = Breakers::default();
        failed(&mut breakers, 0);
        assert_eq!(state(&breakers, 14), (State::Open, 1));
        assert_eq!(breakers.shut(at(14)).len(), 1);
        // A pass that did not ask makes it no worse.
        failed(&mut breakers, 10);
        assert_eq!(state(&breakers, 15), (State::HalfOpen, 1));
        assert!(breakers.shut(at(15)).is_empty());
        failed(&mut breakers, 16);
        assert_eq!(state(&breakers, 16), (State::Open, 2));
        assert_eq!(breakers.next(), Some(at(46)));
        passed(&mut breakers, 46, None);
        assert_eq!(state(&breakers, 46), (State::Closed, 0));
        assert_eq!(breakers.next(), None);
    }

    #[test]
    fn what_is_new_has_it_asked_sooner_and_not_all_the_time() {
        let mut breakers = Breakers::default();
        for second in [0, 100, 300, 700] {
            failed(&mut breakers, second);
        }
        assert_eq!(breakers.next(), Some(at(820)));
        breakers.news(at(701));
        assert_eq!(breakers.next(), Some(at(720)));
        breakers.ask_all(at(702));
        assert!(breakers.shut(at(702)).is_empty());
        assert_eq!(state(&breakers, 702), (State::HalfOpen, 4));
    }
}
