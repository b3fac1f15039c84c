//! Signals of the system → calls of the loop.

use super::wake::{Call, Wake};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;

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
                    stop.store(true, Ordering::Relaxed);
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
