//! Seats: what a resource has no free seat for is asked of nobody before a seat that somebody gives up is
//! confirmed to be free (MODEL 12).

use super::Draft;
use crate::diagnostic::Code;
use crate::name::{ResourceName, UserName};
use crate::plan::{TaskAction, TaskChange, TaskStep};
use std::collections::{BTreeMap, BTreeSet};

/// Holds the grants there is no free seat for. Who was asked for already has one.
pub(super) fn seats(draft: &mut Draft<'_>) {
    let inputs = draft.inputs;
    let resources = inputs.desired.resources.iter();
    let limited: BTreeMap<&ResourceName, usize> = resources
        .filter_map(|(name, terms)| Some((name, usize::try_from(terms.seats?).ok()?)))
        .collect();
    if limited.is_empty() {
        return;
    }
    let mut taken: BTreeMap<&ResourceName, BTreeSet<&UserName>> = BTreeMap::new();
    let recorded = inputs.recorded.manual.iter().filter(|(_, state)| {
        let asked = state.open.as_ref();
        state.held.is_some() || asked.is_some_and(|task| task.action == TaskAction::Grant)
    });
    let assumed = inputs.bootstrap.manual.keys();
    for (user, key) in recorded.map(|(key, _)| key).chain(assumed) {
        taken.entry(&key.resource).or_default().insert(user);
    }
    let mut kept = Vec::with_capacity(draft.tasks.len());
    for change in std::mem::take(&mut draft.tasks) {
        let TaskChange { step, task, .. } = &change;
        let is_new = *step == TaskStep::Open && task.action == TaskAction::Grant;
        let place = limited.get_key_value(&task.resource).filter(|_| is_new);
        if let Some((resource, seats)) = place
            && let Some((user, _)) = inputs.desired.people.get_key_value(&task.user)
        {
            let holders = taken.entry(resource).or_default();
            if !holders.contains(user) && holders.len() >= *seats {
                let what = format!("grant {} for {user}", task.entitlement);
                let held = match seats {
                    1 => "the one seat is held".to_owned(),
                    _ => format!("all {seats} seats are held"),
                };
                let reason = format!("{held}: it is asked for once one is confirmed to be free");
                let causes = task.causes.clone();
                draft.hold(Code::NoFreeSeat, Some(user), what, reason, &causes);
                continue;
            }
            holders.insert(user);
        }
        kept.push(change);
    }
    draft.tasks = kept;
}
