//! What the record says: the accounts, memberships and manual entitlements that came from here.
//! Declared here because the plan reads it; the ledger fills it.

use super::task::{FieldValues, Task};
use crate::connector::Guid;
use crate::desired::{EntitlementKey, GroupKey};
use crate::name::UserName;
use std::collections::{BTreeMap, BTreeSet};

/// The record, as far as a plan needs it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Recorded {
    /// Whether there is a record at all; without one, removals are held (SEMANTICS 16).
    pub kept: Kept,
    /// Which account is whose, as created or adopted from here.
    pub accounts: BTreeMap<UserName, RecordedAccount>,
    /// Memberships that were granted from here and not taken away since.
    pub memberships: BTreeSet<(Guid, GroupKey)>,
    /// Manual entitlements: what is held, and what is asked.
    pub manual: BTreeMap<(UserName, EntitlementKey), ManualState>,
    /// The highest generation of a task that was closed, by what it was about.
    pub generations: BTreeMap<(UserName, EntitlementKey), u32>,
    /// Login names, principal names and addresses ever used, in lower case, and whose they were.
    pub names_used: BTreeMap<String, UserName>,
}

/// Whether there is a record.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Kept {
    /// There is one, perhaps of nothing yet.
    #[default]
    Yes,
    /// There is none at hand: what came from here cannot be told.
    No,
}

/// An account that was created or adopted from here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedAccount {
    /// The account.
    pub guid: Guid,
    /// Its login name when it was last seen.
    pub login: String,
}

/// What is known of one manual entitlement of one user.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ManualState {
    /// The field values as confirmed (or assumed); none: not held.
    pub held: Option<FieldValues>,
    /// Whether its sign-in is stopped for a leave of absence.
    pub disabled: bool,
    /// The task that is open for it.
    pub open: Option<Task>,
}
