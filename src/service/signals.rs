//! Signals of the system → calls of the loop.
//!
//! Decision: who is told to stop finishes the step in hand, but not for ever. What is waited for may be a
//! server that never answers, and whatever is ended in its middle the next start finishes: that is what
//! the record is for.

use super::wake::{Call, Wake};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::time::Duration;

/// How long the step in hand may take after the program was told to stop.
const PATIENCE: Duration = Duration::from_secs(8);

/// Listens for SIGHUP (look again) and SIGINT and SIGTERM (stop), which also set `stop`, so that a
/// pass that is going on ends after the change in hand.
///
/// # Errors
/// When the system does not let it listen.
pub fn listen(calls: Sender<Call>, stop: Arc<AtomicBool>) -> io::Result<()> {
    let mut signals = Signals::new([SIGHUP, SIGINT, SIGTERM])?;
    std::thread::spawn(move || {
        for signal in signals.forever() {
            let call = match signal {
                SIGHUP => Call::Wake(Wake::Signal),
                _ => {
                    if !stop.swap(true, Ordering::Relaxed) {
                        std::thread::spawn(end);
                    }
                    Call::Stop
                }
            };
            if calls.send(call).is_err() {
                break;
            }
        }
    });
    Ok(())
}

/// Ends the program in the middle of whatever it does, once it had time to end by itself.
fn end() {
    std::thread::sleep(PATIENCE);
    tracing::warn!("the step in hand did not end in time; the next start finishes it");
    std::process::exit(0);
}
