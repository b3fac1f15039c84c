//! Tasks: work a maintainer is asked for.

use crate::desired::{Cause, EntitlementKey, Recipient};
use crate::name::{FieldName, ResourceName, UserName};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;

/// What a task is known by: `t-` and the first 12 hex digits of a SHA-256 (SEMANTICS 18).
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct TaskId(pub String);

impl TaskId {
    /// The id of the work on one entitlement of one user, in one generation.
    pub fn of(user: &UserName, key: &EntitlementKey, action: TaskAction, generation: u32) -> Self {
        let mut hash = Sha256::new();
        let identity = key.identity.as_deref().unwrap_or_default();
        let parts = [
            user.as_str(),
            key.resource.as_str(),
            identity,
            &key.grant.to_string(),
            action.as_str(),
            &generation.to_string(),
        ];
        for part in parts {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        let hex: String = hash
            .finalize()
            .iter()
            .take(6)
            .map(|b| format!("{b:02x}"))
            .collect();
        Self(format!("t-{hex}"))
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl Task {
    /// Whether only administrators can do it: the account of somebody who left is protected.
    pub fn is_of_administrators(&self) -> bool {
        self.urgent && self.action == TaskAction::Disable
    }
}

/// What a maintainer is asked to do.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum TaskAction {
    /// Give access.
    Grant,
    /// Change what is recorded of the user.
    Update,
    /// Take access away.
    Revoke,
    /// Stop the user from signing in while on leave.
    Disable,
    /// Let the user sign in again.
    Enable,
}

impl TaskAction {
    /// The word people read.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Grant => "grant",
            Self::Update => "update",
            Self::Revoke => "revoke",
            Self::Disable => "disable",
            Self::Enable => "enable",
        }
    }
}

/// What becomes of a task in this plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TaskChange {
    /// Opened, revised or cancelled.
    pub step: TaskStep,
    /// The task as it is from now on.
    pub task: Task,
    /// Changes that must have been applied before its mail goes out: the login it names.
    pub after: Vec<super::ChangeId>,
}

/// What becomes of a task.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum TaskStep {
    /// It is new: its maintainers are mailed.
    Open,
    /// Its content changed before it was done: one update in the same thread.
    Revise,
    /// It is no longer wanted: its maintainers are told.
    Cancel,
}

/// One piece of work for a maintainer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Task {
    /// What it is known by.
    pub id: TaskId,
    /// Rises when the same work comes up again after it was closed.
    pub generation: u32,
    /// Rises when its content changes; starts at 1.
    pub revision: u32,
    /// What is asked.
    pub action: TaskAction,
    /// The user it is about.
    pub user: UserName,
    /// The user's name as people read it.
    pub user_display: String,
    /// The user's employee number, where there is one.
    pub employee_number: Option<String>,
    /// The resource.
    pub resource: ResourceName,
    /// The resource's name as people read it.
    pub resource_display: String,
    /// Where the resource is found.
    pub url: Option<String>,
    /// What of it.
    pub entitlement: EntitlementKey,
    /// What the application calls it.
    pub entitlement_label: String,
    /// Values the maintainer enters, in the resource's order.
    pub fields: Vec<TaskField>,
    /// What the resource says to do for this action.
    pub instructions: Option<String>,
    /// Why it is asked for again although somebody said that it was done: what an export shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reopened: Option<String>,
    /// Whether it is asked of the administrators and cannot wait: somebody left, and their account of the
    /// directory is protected, so that only a person may disable it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub urgent: bool,
    /// Who is mailed; sorted, never empty.
    pub maintainers: Vec<Recipient>,
    /// Why.
    pub causes: Vec<Cause>,
}

/// One value a maintainer enters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TaskField {
    /// The field.
    pub name: FieldName,
    /// What people call it.
    pub label: String,
    /// The value before, as far as it was confirmed; none: there was none.
    pub before: Option<String>,
    /// The value from now on; none: it goes.
    pub after: Option<String>,
}

pub use crate::desired::FieldValues;
