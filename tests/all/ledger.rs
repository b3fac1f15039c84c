//! The ledger's branch: real git, real ssh-keygen, and a bare repository on the disk.

mod bed;
mod inbox;
mod lost;
mod moved;
mod runs;
mod takeover;
mod tampered;
mod town;
#[cfg(unix)]
mod turns;
mod unreachable;
