//! The ledger's branch: real git, real ssh-keygen, and a bare repository on the disk.

mod bed;
mod moved;
mod tampered;
mod takeover;
mod unreachable;
