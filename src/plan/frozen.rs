//! A plan and the windows of its repository → the same plan without what waits for a window.
//!
//! Who leaves does not wait: accounts are disabled at once, and what somebody who left has goes at once.

use super::{Action, Because, Plan, Step};
use crate::desired::Desired;
use crate::desired::windows::Closed;
use crate::diagnostic::Code;
use crate::manifest::user::UserState;
use crate::name::{ResourceName, UserName};
use jiff::tz::TimeZone;
use std::collections::BTreeMap;

impl Plan {
    /// The same without the steps that wait for a window; it is void at the latest when one begins or ends.
    #[must_use]
    pub fn frozen(mut self, desired: &Desired) -> Self {
        let rules = &desired.rules;
        let next = rules.windows.next(self.instant);
        self.valid_until = self.valid_until.into_iter().chain(next).min();
        let mut closed: BTreeMap<ResourceName, Option<Closed>> = BTreeMap::new();
        let of = |step: Step<'_>| step.resource().clone();
        for resource in self.steps().map(of).collect::<Vec<_>>() {
            let found = rules.windows.closed(&resource, self.instant);
            closed.entry(resource).or_insert(found);
        }
        if closed.values().all(Option::is_none) {
            return self;
        }
        let mut plan = self.holding_back(&|step| {
            let closed = closed.get(step.resource())?.as_ref()?;
            let because = || Because {
                code: Code::Frozen,
                words: words(closed, &rules.zone),
            };
            (!is_leaving(step, desired)).then(because)
        });
        // What waits for a window is no part of what one run does.
        plan.recount_guards(desired);
        plan
    }
}

/// Whether a step is one that never waits: somebody is shut out, or has left.
pub fn is_leaving(step: Step<'_>, desired: &Desired) -> bool {
    let left = |user: &UserName| {
        let person = desired.people.get(user);
        person.is_some_and(|p| p.state == UserState::Left)
    };
    let disables = match step {
        Step::Change(change) => change.action == Action::Disable,
        Step::Task(_) => false,
    };
    disables || step.user().is_some_and(left)
}

fn words(closed: &Closed, zone: &TimeZone) -> String {
    let why = closed.reason.as_deref();
    let why = why.map_or_else(String::new, |why| format!(": {why}"));
    match closed.opens {
        Some(opens) => {
            let opens = opens.to_zoned(zone.clone());
            format!(
                "no change is made before {}{why}",
                opens.strftime("%Y-%m-%d %H:%M %Z")
            )
        }
        None => format!("no change is made for now (`windows` of countersign.yaml){why}"),
    }
}
