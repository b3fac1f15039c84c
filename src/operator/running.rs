//! How often the loop looks, and where it can be watched: what the operator decides of it.

use super::SecretSource;
use jiff::SignedDuration;
use std::net::SocketAddr;

/// How `countersign run` goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    /// How often everything is looked at, even where nothing says that it changed.
    pub interval: SignedDuration,
    /// How often the branch is fetched.
    pub fetch: SignedDuration,
    /// How often the directory is asked whether it changed.
    pub poll: SignedDuration,
    /// How long only what was touched is read of the directory before it is read as a whole again.
    pub read_all: SignedDuration,
    /// Where metrics and health are served; none: nowhere.
    pub listen: Option<SocketAddr>,
    /// Where the forge may call; none: nowhere.
    pub webhook: Option<Webhook>,
}

/// Where a forge may call, and what proves that it is the forge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// The address.
    pub listen: SocketAddr,
    /// What the forge signs with, or sends.
    pub secret: SecretSource,
}

impl Default for Running {
    fn default() -> Self {
        Self {
            interval: SignedDuration::from_mins(15),
            fetch: SignedDuration::from_secs(15),
            poll: SignedDuration::from_secs(30),
            read_all: SignedDuration::from_hours(1),
            listen: None,
            webhook: None,
        }
    }
}
