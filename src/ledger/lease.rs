//! The lease: who may have effects, as `lease.json` of the branch says, and how long the holder may
//! rely on it.
//!
//! Decision: the holder counts from when the push that renewed the lease *began*, and starts nothing
//! in the last third of the term; whoever takes over waits for the whole term and the longest
//! operation, counted from when its own machine first saw the head that does not move. So no two
//! clocks are ever compared.

use super::record::RunId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};

/// The file on the branch.
pub(super) const FILE: &str = "lease.json";

/// Who holds the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Lease {
    /// The reconciler: what the file beside its ledger says.
    pub instance: String,
    /// The name of its machine.
    pub host: String,
    /// The number of its process.
    pub process: u32,
    /// The run it was taken for.
    pub run: Option<RunId>,
    /// Since when, by its clock: for people.
    pub since: Timestamp,
    /// How long it holds after the last push, in milliseconds.
    pub term: u64,
    /// How long an operation may take at most, in milliseconds.
    pub longest: u64,
}

impl std::fmt::Display for Lease {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "process {} on {}", self.process, self.host)
    }
}

impl Lease {
    /// How long its head must not have moved before another may take over.
    pub(super) fn patience(&self) -> Duration {
        Duration::from_millis(self.term.saturating_add(self.longest))
    }

    /// Whether it is that of the same reconciler: a machine that was copied has another name.
    pub(super) fn is_of(&self, instance: &str, host: &str) -> bool {
        self.instance == instance && self.host == host
    }
}

/// A moment by both clocks: the monotonic one stands still while a machine sleeps, the other one may
/// be set back.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    monotonic: Instant,
    wall: Timestamp,
}

impl Moment {
    pub(super) fn now() -> Self {
        Self {
            monotonic: Instant::now(),
            wall: Timestamp::now(),
        }
    }

    /// How long ago it was by the clock that says more.
    pub(super) fn at_most_ago(&self) -> Duration {
        let wall = Timestamp::now().duration_since(self.wall);
        let wall = Duration::try_from(wall).unwrap_or_default();
        self.monotonic.elapsed().max(wall)
    }

    /// How long ago it was by the monotonic clock.
    pub(super) fn ago(&self) -> Duration {
        self.monotonic.elapsed()
    }
}

/// When this machine first saw a head: what the staleness of a lease is counted from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Sighting {
    /// The head.
    pub(super) head: String,
    /// When, by this machine's clock.
    pub(super) at: Timestamp,
}

impl Sighting {
    /// How long ago; a clock that was set back since starts it anew.
    pub(super) fn ago(&self, now: Timestamp) -> Duration {
        Duration::try_from(now.duration_since(self.at)).unwrap_or_default()
    }
}

/// How long the holder of a lease may rely on it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hold {
    /// When the last push that succeeded began.
    pub(super) began: Moment,
    /// The term.
    pub(super) term: Duration,
}

impl Hold {
    /// Whether an effect may begin.
    pub(super) fn is_good(&self) -> bool {
        self.began.at_most_ago() < self.term * 2 / 3
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_begins_in_the_last_third_of_the_term() {
        let began = |ago: u64| {
            let now = Moment::now();
            let ago = Duration::from_secs(ago);
            Hold {
                began: Moment {
                    monotonic: now.monotonic.checked_sub(ago).unwrap_or(now.monotonic),
                    wall: now.wall,
                },
                term: Duration::from_secs(90),
            }
        };
        assert!(began(0).is_good());
        assert!(began(59).is_good());
        assert!(!began(60).is_good());
    }

    #[test]
    fn a_machine_that_slept_knows_it() {
        let now = Moment::now();
        let slept = Moment {
            wall: now.wall - Duration::from_secs(600),
            ..now
        };
        let term = Duration::from_secs(90);
        assert!(!Hold { began: slept, term }.is_good());
        let set_back = Moment {
            wall: now.wall + Duration::from_secs(600),
            ..now
        };
        let hold = Hold {
            began: set_back,
            term,
        };
        assert!(hold.is_good(), "a clock that was set back takes nothing");
    }
}
