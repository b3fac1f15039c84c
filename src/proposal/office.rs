//! A person → whether they administer Countersign, holding the level `administrator` of `countersign`,
//! and whether what they approve counts.

use crate::desired::expand::COUNTERSIGN;
use crate::desired::{EntitlementKey, Grant, Person};
use crate::manifest::user::UserState;

/// The level whose holders approve.
const ADMINISTRATOR: &str = "administrator";

/// Whether somebody administers, at work or not.
pub fn administers(person: &Person) -> bool {
    person.entitlements.keys().any(is_office)
}

/// Whether holding this is to administer.
pub fn is_office(key: &EntitlementKey) -> bool {
    key.resource.as_str() == COUNTERSIGN
        && matches!(&key.grant, Grant::Level(level) if level.as_str() == ADMINISTRATOR)
}

/// Whether what somebody approves counts: only while they are at work.
pub fn approves(person: &Person) -> bool {
    person.state == UserState::Active && administers(person)
}

/// That somebody's approvals begin to count, or cease to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Approval {
    /// They count, and would not without the step.
    Begins,
    /// They do not count, and would without the step.
    Ends,
}

impl Approval {
    /// What becomes otherwise between somebody as they would be and as they are.
    pub fn between(before: Option<&Person>, after: Option<&Person>) -> Option<Self> {
        match (before.is_some_and(approves), after.is_some_and(approves)) {
            (false, true) => Some(Self::Begins),
            (true, false) => Some(Self::Ends),
            (true, true) | (false, false) => None,
        }
    }
}
