//! Reasons to look again → the next of them, waited for.

use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

/// Why a pass is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Wake {
    /// The program was started.
    Start,
    /// The branch may have gone on.
    Revision,
    /// An instant came at which something begins or ends.
    Instant,
    /// A maintainer is to be reminded, or an export to be read.
    Follow,
    /// Something that failed is tried again.
    Retry,
    /// The interval is over.
    Interval,
    /// Somebody asked for it with SIGHUP.
    Signal,
    /// Somebody says that the branch moved: the forge, or the system where the repository is on this machine.
    Pushed,
    /// The directory has changed.
    Directory,
}

impl Wake {
    /// The word people read.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Revision => "revision",
            Self::Instant => "instant",
            Self::Follow => "follow-up",
            Self::Retry => "retry",
            Self::Interval => "interval",
            Self::Signal => "signal",
            Self::Pushed => "pushed",
            Self::Directory => "directory",
        }
    }
}

impl fmt::Display for Wake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What the waiting loop is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// To look again.
    Wake(Wake),
    /// To stop.
    Stop,
}

/// Instants to look again at, each with its reason.
#[derive(Debug, Clone, Default)]
pub struct Due(Vec<(Timestamp, Wake)>);

impl Due {
    /// Adds an instant, where there is one.
    pub fn at(&mut self, instant: Option<Timestamp>, wake: Wake) {
        self.0.extend(instant.map(|instant| (instant, wake)));
    }

    /// The earliest; of two at one instant the one that stands earlier in [`Wake`].
    pub fn next(&self) -> Option<(Timestamp, Wake)> {
        self.0.iter().min().copied()
    }
}

/// Longest single wait: a clock that was set, or a machine that slept, is noticed within it.
const LONGEST: Duration = Duration::from_secs(30);

/// Waits until something calls or the next instant is due.
///
/// Calls that came meanwhile are one: a stop, where it is among them. Else what one of them asks for must not be
/// lost for another: that the branch moved elsewhere has it fetched, and besides that one pass is made.
pub fn wait(calls: &Receiver<Call>, due: &Due, clock: &dyn Fn() -> Timestamp) -> Vec<Call> {
    loop {
        let left = match due.next() {
            Some((at, wake)) => match until(clock(), at) {
                Duration::ZERO => return all(calls, Call::Wake(wake)),
                left => left.min(LONGEST),
            },
            None => LONGEST,
        };
        match calls.recv_timeout(left) {
            Ok(call) => return all(calls, call),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => std::thread::sleep(left),
        }
    }
}

/// What a call and those that came after it ask for.
fn all(calls: &Receiver<Call>, call: Call) -> Vec<Call> {
    let mut wakes = BTreeSet::new();
    for call in std::iter::once(call).chain(calls.try_iter()) {
        match call {
            Call::Stop => return vec![Call::Stop],
            Call::Wake(wake) => drop(wakes.insert(wake)),
        }
    }
    let is_pushed = wakes.remove(&Wake::Pushed);
    // Somebody who asks for it has everything looked at; a sign of life is the least.
    let one = wakes.into_iter().min_by_key(|wake| match wake {
        Wake::Signal => 0,
        Wake::Revision
        | Wake::Instant
        | Wake::Follow
        | Wake::Retry
        | Wake::Interval
        | Wake::Pushed
        | Wake::Directory => 1,
        Wake::Start => 2,
    });
    let pushed = is_pushed.then_some(Wake::Pushed);
    pushed.into_iter().chain(one).map(Call::Wake).collect()
}

fn until(now: Timestamp, at: Timestamp) -> Duration {
    let left: SignedDuration = at.duration_since(now);
    Duration::try_from(left).unwrap_or(Duration::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    #[test]
    fn the_earliest_instant_is_waited_for_and_says_why() {
        let now = Timestamp::now();
        let mut due = Due::default();
        assert_eq!(due.next(), None);
        due.at(Some(now + SignedDuration::from_secs(60)), Wake::Interval);
        due.at(Some(now - SignedDuration::from_secs(1)), Wake::Instant);
        due.at(None, Wake::Retry);
        let (_calls, calls) = channel();
        assert_eq!(
            wait(&calls, &due, &Timestamp::now),
            [Call::Wake(Wake::Instant)]
        );
    }

    #[test]
    fn a_call_ends_the_wait_and_a_stop_wins() {
        let (caller, calls) = channel();
        for call in [
            Call::Wake(Wake::Pushed),
            Call::Wake(Wake::Signal),
            Call::Stop,
        ] {
            caller.send(call).unwrap();
        }
        assert_eq!(wait(&calls, &Due::default(), &Timestamp::now), [Call::Stop]);
        caller.send(Call::Wake(Wake::Pushed)).unwrap();
        assert_eq!(
            wait(&calls, &Due::default(), &Timestamp::now),
            [Call::Wake(Wake::Pushed)]
        );
    }

    #[test]
    fn no_call_is_lost_for_another() {
        let (caller, calls) = channel();
        for (came, left) in [
            (
                &[Wake::Pushed, Wake::Revision][..],
                &[Wake::Pushed, Wake::Revision][..],
            ),
            (
                &[Wake::Revision, Wake::Pushed, Wake::Pushed],
                &[Wake::Pushed, Wake::Revision],
            ),
            (
                &[Wake::Directory, Wake::Revision, Wake::Signal],
                &[Wake::Signal],
            ),
            (&[Wake::Start, Wake::Directory], &[Wake::Directory]),
            (&[Wake::Start], &[Wake::Start]),
        ] {
            for wake in came {
                caller.send(Call::Wake(*wake)).unwrap();
            }
            let told = wait(&calls, &Due::default(), &Timestamp::now);
            let left: Vec<Call> = left.iter().copied().map(Call::Wake).collect();
            assert_eq!(told, left);
        }
        let mut due = Due::default();
        due.at(Some(Timestamp::now()), Wake::Interval);
        caller.send(Call::Wake(Wake::Pushed)).unwrap();
        let both = [Wake::Pushed, Wake::Interval].map(Call::Wake);
        assert_eq!(wait(&calls, &due, &Timestamp::now), both);
    }
}
