//! Guards: how much one run may do. Beyond one the whole plan stops before its first write.

use super::limits::allowed;
use super::{Action, Change, GuardResult, TaskAction, TaskChange, TaskStep, Verdict};
use crate::manifest::config::{Guards, Limit};
use crate::name::UserName;

/// Accounts disabled in one run where nobody says a number: more is more often a mistake than a wish.
const DISABLES: Limit = Limit {
    count: 10,
    percent: 10.0,
};
/// Memberships and grants removed in one run where nobody says a number.
const REMOVALS: Limit = Limit {
    count: 100,
    percent: 10.0,
};

/// What is managed now: what percentages are of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Managed {
    /// Accounts within the managed OUs.
    pub accounts: usize,
    /// Memberships of managed groups, roster rows and manual entitlements held.
    pub grants: usize,
}

/// Asks every guard, the repository's and the operator's. What is `urgent` does not count: it has a limit of its own (SEMANTICS 24).
pub fn guards(
    changes: &[Change],
    tasks: &[TaskChange],
    urgent: &dyn Fn(&UserName) -> bool,
    (inner, outer): (Guards, Guards),
    managed: Managed,
) -> Vec<GuardResult> {
    [
        (
            "creates",
            inner.creates,
            outer.creates,
            None,
            managed.accounts,
        ),
        (
            "disables",
            inner.disables,
            outer.disables,
            Some(DISABLES),
            managed.accounts,
        ),
        (
            "removals",
            inner.removals,
            outer.removals,
            Some(REMOVALS),
            managed.grants,
        ),
    ]
    .into_iter()
    .filter_map(|(guard, inner, outer, default, managed)| {
        let count = count(guard, changes, tasks, urgent)?;
        let (limit, set_by) = smaller(inner, outer, default, managed)?;
        Some(GuardResult {
            guard: guard.into(),
            count,
            limit,
            managed,
            set_by: set_by.into(),
            verdict: if count > limit {
                Verdict::Beyond
            } else {
                Verdict::Within
            },
        })
    })
    .collect()
}

/// How many there are of what a guard counts; none where there is no such guard.
pub(super) fn count(
    guard: &str,
    changes: &[Change],
    tasks: &[TaskChange],
    urgent: &dyn Fn(&UserName) -> bool,
) -> Option<usize> {
    let counts = |c: &&Change| !c.user.as_ref().is_some_and(urgent);
    let of = |action: Action| {
        let changes = changes.iter().filter(counts);
        changes.filter(|c| c.action == action).count()
    };
    let revoked = || {
        let tasks = tasks.iter().filter(|t| !urgent(&t.task.user));
        tasks
            .filter(|t| t.step == TaskStep::Open && t.task.action == TaskAction::Revoke)
            .count()
    };
    match guard {
        "creates" => Some(of(Action::Create)),
        "disables" => Some(of(Action::Disable)),
        "removals" => Some(of(Action::RemoveMember) + of(Action::Revoke) + revoked()),
        _ => None,
    }
}

/// The limit in force: the smaller of the repository's and the operator's (SEMANTICS 24).
fn smaller(
    inner: Option<Limit>,
    outer: Option<Limit>,
    default: Option<Limit>,
    managed: usize,
) -> Option<(usize, &'static str)> {
    let inner = inner.map(|l| (allowed(&l, managed), "repository"));
    let outer = outer.map(|l| (allowed(&l, managed), "operator"));
    inner
        .into_iter()
        .chain(outer)
        .min_by_key(|(limit, _)| *limit)
        .or(default.map(|l| (allowed(&l, managed), "default")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smaller_limit_is_in_force_and_a_percentage_may_raise_a_count() {
        let limit = |count, percent| Some(Limit { count, percent });
        assert_eq!(
            smaller(limit(5, 2.0), limit(10, 5.0), None, 100),
            Some((5, "repository"))
        );
        assert_eq!(
            smaller(limit(5, 2.0), limit(10, 5.0), None, 1000),
            Some((20, "repository"))
        );
        assert_eq!(
            smaller(limit(50, 0.0), limit(10, 0.0), None, 1000),
            Some((10, "operator"))
        );
        assert_eq!(smaller(None, None, None, 1000), None);
        assert_eq!(
            smaller(None, None, Some(DISABLES), 1000),
            Some((100, "default"))
        );
    }
}
