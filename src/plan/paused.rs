//! A plan and what is paused → the same plan without what waits for the end of a pause.

use super::{Because, Plan};
use crate::desired::Desired;
use crate::diagnostic::Code;
use crate::name::ResourceName;

impl Plan {
    /// The same without the steps on resources that somebody paused: `pause` says who and why.
    #[must_use]
    pub fn paused(
        self,
        desired: &Desired,
        pause: &dyn Fn(&ResourceName) -> Option<(String, String)>,
    ) -> Self {
        if self.steps().all(|step| pause(step.resource()).is_none()) {
            return self;
        }
        let mut plan = self.holding_back(&|step| {
            let (by, reason) = pause(step.resource())?;
            Some(Because {
                code: Code::Paused,
                words: format!("{by} paused it: {reason}"),
            })
        });
        // What waits for the end of a pause is no part of what one run does.
        plan.recount_guards(desired);
        plan
    }
}
