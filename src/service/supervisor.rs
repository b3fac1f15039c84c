//! What systemd is told: that the program is ready, that it is alive, what it does, that it stops
//! (sd_notify(3)). Without systemd nobody is told.
//!
//! Decision: alive is what the loop says between its steps and between two changes, not what a thread of its own says: a loop
//! that hangs is restarted.

use sd_notify::NotifyState;
use std::time::{Duration, Instant};

/// systemd, where it started the program.
#[derive(Debug)]
pub struct Supervisor {
    every: Option<Duration>,
    last: Instant,
}

impl Supervisor {
    /// The one that started the program, if it did.
    pub fn find() -> Self {
        Self {
            // Twice as often as it asks for.
            every: sd_notify::watchdog_enabled().map(|asked| asked / 2),
            last: Instant::now(),
        }
    }

    /// Says that the program is up.
    pub fn ready(&self) {
        say(&[NotifyState::Ready]);
    }

    /// Says that the program ends.
    pub fn stopping(&self) {
        say(&[NotifyState::Stopping]);
    }

    /// Says in one line what it does.
    pub fn status(&self, line: &str) {
        say(&[NotifyState::Status(line)]);
    }

    /// Says that the program is alive, where it is time to.
    pub fn alive(&mut self) {
        let Some(every) = self.every else { return };
        if self.last.elapsed() >= every / 2 {
            say(&[NotifyState::Watchdog]);
            self.last = Instant::now();
        }
    }

    /// How long the loop may wait between two signs of life; none: for ever.
    pub fn patience(&self) -> Option<Duration> {
        self.every
    }
}

/// Says that the program is alive, in the middle of its work.
pub fn pulse() {
    say(&[NotifyState::Watchdog]);
}

fn say(state: &[NotifyState<'_>]) {
    // A systemd that does not listen is none of a reconciler's business.
    let _ = sd_notify::notify(state);
}
