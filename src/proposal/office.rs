//! A person → whether they administer Countersign: hold the level `administrator` of `countersign`.

use crate::desired::expand::COUNTERSIGN;
use crate::desired::{Grant, Person};

/// The level whose holders approve.
pub const ADMINISTRATOR: &str = "administrator";

/// Whether somebody administers, at work or not.
pub fn administers(person: &Person) -> bool {
    person.entitlements.keys().any(|key| {
        key.resource.as_str() == COUNTERSIGN
            && matches!(&key.grant, Grant::Level(level) if level.as_str() == ADMINISTRATOR)
    })
}
