//! What people ordered: plans that may be carried out although they were held, and pauses; and what
//! a run that has not come to its end was about to do.

use super::record::{Event, RunId};
use crate::name::ResourceName;
use crate::plan::{ChangeId, NoticeKey, TaskId};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// What people ordered, and what is in hand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Orders {
    held: BTreeMap<String, BTreeSet<String>>,
    allowed: BTreeMap<String, Allowance>,
    paused: BTreeMap<Option<ResourceName>, Pause>,
    received: BTreeSet<String>,
    intent: Option<Intent>,
    rebuilt: Option<Timestamp>,
}

/// That a plan may be carried out although it was held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowance {
    /// Who says so.
    pub by: String,
    /// Since when.
    pub at: Timestamp,
    /// When it no longer may.
    pub until: Timestamp,
}

/// That nothing is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    /// Who says so.
    pub by: String,
    /// Since when.
    pub at: Timestamp,
    /// Why.
    pub reason: String,
}

/// What a run is about to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intent {
    /// The run.
    pub run: RunId,
    /// The changes.
    pub changes: BTreeSet<ChangeId>,
    /// The tasks.
    pub tasks: BTreeSet<TaskId>,
    /// The notices.
    pub notices: BTreeSet<NoticeKey>,
}

impl Orders {
    /// The allowance of a plan that holds at this instant and was not used.
    pub fn allowed(&self, digest: &str, now: Timestamp) -> Option<&Allowance> {
        let allowance = self.allowed.get(digest);
        allowance.filter(|allowance| now < allowance.until)
    }

    /// What a plan was about to do that a guard held, by what allows it; none where there is no such.
    pub fn held_run(&self, digest: &str) -> Option<&BTreeSet<String>> {
        self.held.get(digest)
    }

    /// What is allowed at this instant: what allows it, who said so, and what it covers.
    pub fn allowances(
        &self,
        now: Timestamp,
    ) -> impl Iterator<Item = (&str, &Allowance, &BTreeSet<String>)> {
        self.allowed.iter().filter_map(move |(digest, allowance)| {
            let steps = self.held.get(digest)?;
            (now < allowance.until).then_some((digest.as_str(), allowance, steps))
        })
    }

    /// What is paused, by resource; under none stands the pause of everything.
    pub fn paused(&self) -> &BTreeMap<Option<ResourceName>, Pause> {
        &self.paused
    }

    /// The pause that a resource is under: of everything, or its own.
    pub fn pause_of(&self, resource: &ResourceName) -> Option<&Pause> {
        let everything = self.paused.get(&None);
        everything.or_else(|| self.paused.get(&Some(resource.clone())))
    }

    /// Whether a message of the inbox was read already, done or refused.
    pub fn is_received(&self, message: &str) -> bool {
        self.received.contains(message)
    }

    /// What the latest run was about to do; none where it came to its end.
    pub fn open_intent(&self) -> Option<&Intent> {
        self.intent.as_ref()
    }

    /// When the ledger was begun anew after a loss; none where it never was.
    pub fn rebuilt(&self) -> Option<Timestamp> {
        self.rebuilt
    }

    /// Takes what a record says; every other event is none of these.
    pub(super) fn take(&mut self, at: Timestamp, run: &RunId, event: &Event) {
        match event {
            Event::RunHeld { digest, steps } => {
                let steps = steps.iter().cloned().collect();
                self.held.insert(digest.clone(), steps);
            }
            Event::Allowed { digest, by, until } => {
                let allowance = Allowance {
                    by: by.clone(),
                    at,
                    until: *until,
                };
                self.allowed.insert(digest.clone(), allowance);
            }
            Event::AllowanceUsed { digest } => {
                self.allowed.remove(digest);
                self.held.remove(digest);
            }
            Event::Paused {
                resource,
                by,
                reason,
            } => {
                let pause = Pause {
                    by: by.clone(),
                    at,
                    reason: reason.clone(),
                };
                self.paused.insert(resource.clone(), pause);
            }
            Event::Unpaused { resource, by: _ } => {
                self.paused.remove(resource);
            }
            Event::Received { message, .. } => {
                self.received.insert(message.clone());
            }
            Event::Intended {
                changes,
                tasks,
                notices,
            } => {
                self.intent = Some(Intent {
                    run: run.clone(),
                    changes: changes.iter().cloned().collect(),
                    tasks: tasks.iter().cloned().collect(),
                    notices: notices.iter().cloned().collect(),
                });
            }
            Event::RunEnded { .. } => {
                self.intent.take_if(|intent| intent.run == *run);
            }
            Event::Rebuilt { .. } => self.rebuilt = Some(at),
            Event::RunStarted { .. }
            | Event::Verified { .. }
            | Event::Seen { .. }
            | Event::Begun { .. }
            | Event::Settled { .. }
            | Event::Outcome { .. }
            | Event::Account { .. }
            | Event::PasswordSet { .. }
            | Event::HandedOver { .. }
            | Event::Departed { .. }
            | Event::NoticesKnown { .. }
            | Event::Noticed { .. }
            | Event::NoticeClosed { .. }
            | Event::Membership { .. }
            | Event::Row { .. }
            | Event::Assumed { .. }
            | Event::TaskOpened { .. }
            | Event::TaskRevised { .. }
            | Event::TaskCancelled { .. }
            | Event::Frozen { .. }
            | Event::Thawed { .. }
            | Event::Reminded { .. }
            | Event::Escalated { .. }
            | Event::Capped { .. }
            | Event::Contradicted { .. }
            | Event::Mailed { .. }
            | Event::DirectoryAgrees { .. }
            | Event::TaskDone { .. }
            | Event::IdentitySelected { .. }
            | Event::Rejoined { .. }
            | Event::Agreed { .. } => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::RunSummary;

    fn at(second: i64) -> Timestamp {
        Timestamp::new(second, 0).unwrap()
    }

    fn of(events: impl IntoIterator<Item = (i64, &'static str, Event)>) -> Orders {
        let mut orders = Orders::default();
        for (second, run, event) in events {
            let text = serde_json::to_string(&event).unwrap();
            assert_eq!(serde_json::from_str::<Event>(&text).unwrap(), event);
            orders.take(at(second), &RunId(run.into()), &event);
        }
        orders
    }

    #[test]
    fn an_allowance_covers_one_digest_once_and_until_its_time() {
        let allowed = || Event::Allowed {
            digest: "abc".into(),
            by: "kim".into(),
            until: at(100),
        };
        let orders = of([(1, "r", allowed())]);
        assert_eq!(orders.allowed("abc", at(99)).unwrap().by, "kim");
        assert_eq!(orders.allowed("abc", at(100)), None);
        assert_eq!(orders.allowed("abd", at(2)), None);
        let used = Event::AllowanceUsed {
            digest: "abc".into(),
        };
        assert_eq!(
            of([(1, "r", allowed()), (2, "r", used)]).allowed("abc", at(3)),
            None
        );
    }

    #[test]
    fn a_pause_of_everything_is_one_of_each_and_ends_by_itself_only() {
        let gis = ResourceName::new("gis").unwrap();
        let pause = |resource: Option<&ResourceName>, reason: &str| Event::Paused {
            resource: resource.cloned(),
            by: "kim".into(),
            reason: reason.into(),
        };
        let end = |resource: Option<&ResourceName>| Event::Unpaused {
            resource: resource.cloned(),
            by: "kim".into(),
        };
        let all = of([(1, "r", pause(None, "move")), (2, "r", end(Some(&gis)))]);
        assert_eq!(all.pause_of(&gis).unwrap().reason, "move");
        let one = of([
            (1, "r", pause(Some(&gis), "upgrade")),
            (2, "r", pause(None, "move")),
            (3, "r", end(None)),
        ]);
        assert_eq!(one.pause_of(&gis).unwrap().reason, "upgrade");
        assert_eq!(one.pause_of(&ResourceName::new("portal").unwrap()), None);
        assert_eq!(one.paused().len(), 1);
    }

    #[test]
    fn an_intent_is_open_until_its_own_run_ends() {
        let intended = || Event::Intended {
            changes: vec![ChangeId("c".into())],
            tasks: Vec::new(),
            notices: Vec::new(),
        };
        let ended = || Event::RunEnded {
            summary: RunSummary::default(),
        };
        let open = of([(1, "one", intended()), (2, "two", ended())]);
        assert_eq!(open.open_intent().unwrap().run, RunId("one".into()));
        assert_eq!(
            of([(1, "one", intended()), (2, "one", ended())]).open_intent(),
            None
        );
    }
}
