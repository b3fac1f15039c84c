//! A plan and reasons to wait → the same plan without what waits, which it tells as held.
//!
//! What only follows on something held waits with it. Guards go on counting it: it is still to be done.

use super::{Change, ChangeId, Held, Plan, TaskChange, diff};
use crate::diagnostic::Code;
use crate::name::{ResourceName, UserName};
use std::collections::BTreeMap;

/// Something that a plan would do.
#[derive(Debug, Clone, Copy)]
pub enum Step<'a> {
    /// A change of a directory or a roster.
    Change(&'a Change),
    /// Work that maintainers are asked for.
    Task(&'a TaskChange),
}

impl<'a> Step<'a> {
    /// What it is done to.
    pub fn resource(self) -> &'a ResourceName {
        match self {
            Self::Change(change) => &change.resource,
            Self::Task(task) => &task.task.resource,
        }
    }

    /// Whom it is done for.
    pub fn user(self) -> Option<&'a UserName> {
        match self {
            Self::Change(change) => change.user.as_ref(),
            Self::Task(task) => Some(&task.task.user),
        }
    }
}

/// Why a step waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Because {
    /// The sort of reason.
    pub code: Code,
    /// The reason, and what to do.
    pub words: String,
}

impl Plan {
    /// Everything that it would do.
    pub fn steps(&self) -> impl Iterator<Item = Step<'_>> {
        let tasks = self.tasks.iter().map(Step::Task);
        self.changes.iter().map(Step::Change).chain(tasks)
    }

    /// The same without the steps that there is a reason to hold back.
    #[must_use]
    pub fn holding_back(mut self, why: &dyn Fn(Step<'_>) -> Option<Because>) -> Self {
        let mut waiting: BTreeMap<ChangeId, Because> = BTreeMap::new();
        let mut held = Vec::new();
        let mut kept = Vec::with_capacity(self.changes.len());
        // In their order: whatever a change follows on stands before it.
        for change in std::mem::take(&mut self.changes) {
            let follows = change.after.iter().find_map(|id| waiting.get(id));
            match why(Step::Change(&change)).or_else(|| follows.cloned()) {
                None => kept.push(change),
                Some(because) => {
                    held.push(held_change(&change, &because));
                    waiting.insert(change.id, because);
                }
            }
        }
        self.changes = kept;
        let mut kept = Vec::with_capacity(self.tasks.len());
        for task in std::mem::take(&mut self.tasks) {
            let follows = task.after.iter().find_map(|id| waiting.get(id));
            match why(Step::Task(&task)).or_else(|| follows.cloned()) {
                None => kept.push(task),
                Some(because) => held.push(held_task(&task, &because)),
            }
        }
        self.tasks = kept;
        if held.is_empty() {
            return self;
        }
        self.held.extend(held);
        self.held.sort();
        self.held.dedup();
        self.recount();
        self
    }

    /// Counts again what is there, but for the guards.
    pub fn recount(&mut self) {
        self.summary = diff::summary(
            &self.changes,
            &self.tasks,
            &self.held,
            &self.assumed,
            &self.notices,
        );
    }
}

fn held_change(change: &Change, because: &Because) -> Held {
    let what = format!("{} {} {}", change.action, change.target, change.what);
    Held {
        code: because.code.as_str().into(),
        user: change.user.clone(),
        what: what.trim_end().to_owned(),
        reason: because.words.clone(),
        causes: change.causes.clone(),
    }
}

fn held_task(change: &TaskChange, because: &Because) -> Held {
    let task = &change.task;
    Held {
        code: because.code.as_str().into(),
        user: Some(task.user.clone()),
        what: format!("{} {}", task.action.as_str(), task.resource),
        reason: because.words.clone(),
        causes: task.causes.clone(),
    }
}
