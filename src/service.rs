//! What keeps a reconciler going: when it wakes and why, how long it waits after a failure, what it
//! tells those who watch it. What a pass does is elsewhere; here is everything around it.
//!
//! Invariant: nothing here decides what is written. A wake says that it may be worth looking, and
//! whoever looks sees the world as it is; so a wake that is lost, doubled or forged does no harm.

pub mod backoff;
pub mod breaker;
pub mod listen;
pub mod log;
pub mod metrics;
pub mod mirror;
pub mod signals;
pub mod standing;
pub mod status;
pub mod supervisor;
pub mod wake;
pub mod watch;
pub mod webhook;

/// An error and what caused it, in one line, without saying anything twice.
pub fn words(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        let cause = source.to_string();
        if !text.contains(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
        next = source.source();
    }
    text
}
