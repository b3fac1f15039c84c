//! Reasons to look again → the next of them, waited for.

use jiff::{SignedDuration, Timestamp};
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
/// Calls that came meanwhile are one call; a stop among them is the one.
pub fn wait(calls: &Receiver<Call>, due: &Due, clock: &dyn Fn() -> Timestamp) -> Call {
    loop {
        let left = match due.next() {
            Some((at, wake)) => match until(clock(), at) {
                Duration::ZERO => return latest(calls, Call::Wake(wake)),
                left => left.min(LONGEST),
            },
            None => LONGEST,
        };
        match calls.recv_timeout(left) {
            Ok(call) => return latest(calls, call),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => std::thread::sleep(left),
        }
    }
}

/// The call, or a stop that came after it.
fn latest(calls: &Receiver<Call>, call: Call) -> Call {
    match calls.try_iter().any(|later| later == Call::Stop) {
        true => Call::Stop,
        false => call,
    }
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
            Call::Wake(Wake::Instant)
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
        assert_eq!(wait(&calls, &Due::default(), &Timestamp::now), Call::Stop);
        caller.send(Call::Wake(Wake::Pushed)).unwrap();
        assert_eq!(
            wait(&calls, &Due::default(), &Timestamp::now),
            Call::Wake(Wake::Pushed)
        );
    }
}
