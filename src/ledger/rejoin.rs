//! Records that were made here and not pushed, and records that another reconciler pushed meanwhile →
//! which of ours may stand behind the other's.
//!
//! Decision: ours are older than the other's, whatever their times say: it read the world after us.
//! So a record of ours whose subject (this membership, this account, this task, this run) the other
//! has recorded as well says nothing more, and would turn the newer one round.

use super::history::History;
use super::record::{Event, Record};
use crate::desired::EntitlementKey;
use crate::name::UserName;
use crate::plan::Task;
use std::collections::BTreeSet;

/// Records of ours, sorted.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Sorted {
    /// Those that may stand behind the other's, in their order.
    pub(super) fitting: Vec<Record>,
    /// How many may not.
    pub(super) left: usize,
}

/// Sorts our records; `history` has the other's already, and gets those of ours that fit.
pub(super) fn fitting(ours: Vec<Record>, theirs: &[Record], history: &mut History) -> Sorted {
    let said: BTreeSet<String> = theirs.iter().flat_map(|r| subjects(&r.event)).collect();
    let mut sorted = Sorted::default();
    for record in ours {
        let new = subjects(&record.event).iter().all(|s| !said.contains(s));
        match new && history.add(record.clone()).is_ok() {
            true => sorted.fitting.push(record),
            false => sorted.left += 1,
        }
    }
    sorted
}

/// What an event says something of.
fn subjects(event: &Event) -> Vec<String> {
    let one = |text: String| vec![text];
    match event {
        // A run of the other's makes ours one that is over.
        Event::RunStarted { .. } | Event::RunEnded { .. } | Event::Intended { .. } => {
            one("run".into())
        }
        Event::Verified { .. } => one("verified".into()),
        Event::Seen { commits } => commits.iter().map(|c| format!("commit {c}")).collect(),
        Event::Begun { change, .. } | Event::Settled { change } | Event::Outcome { change, .. } => {
            one(format!("change {}", change.0))
        }
        Event::Account { user, guid, .. } => {
            vec![format!("account of {user}"), format!("account {guid}")]
        }
        Event::PasswordSet { account, .. } | Event::HandedOver { account, .. } => {
            one(format!("password {account}"))
        }
        Event::Departed { user, .. } => one(format!("departure {user}")),
        Event::NoticesKnown { keys } => keys.iter().map(|key| format!("notice {key:?}")).collect(),
        Event::Noticed { key, recipient, .. } => one(format!("notice {key:?} to {recipient}")),
        Event::NoticeClosed { key } => one(format!("notice {key:?}")),
        Event::Membership { account, group, .. } => {
            one(format!("membership {account} {}", group.as_str()))
        }
        Event::Row { resource, key, .. } => one(format!("row {resource} {key:?}")),
        Event::Assumed {
            user, entitlement, ..
        } => one(manual(user, entitlement)),
        Event::TaskOpened { task } | Event::TaskRevised { task } => one(of_task(task)),
        Event::TaskCancelled { task } => vec![of_task(task), format!("end of task {}", task.id)],
        Event::TaskDone { task, .. } | Event::Contradicted { task, .. } => {
            one(format!("end of task {task}"))
        }
        Event::Frozen { letter } => one(format!("mail {}", letter.message)),
        Event::Mailed { message, .. }
        | Event::Thawed { message }
        | Event::Reminded { message, .. }
        | Event::Escalated { message, .. }
        | Event::Capped { message, .. } => one(format!("mail {message}")),
        Event::DirectoryAgrees { changes } => {
            changes.iter().map(|id| format!("asked {}", id.0)).collect()
        }
        Event::IdentitySelected { user, resource, .. } => {
            one(format!("selection {user} {resource}"))
        }
        Event::RunHeld { digest, .. } => one(format!("held {digest}")),
        Event::Allowed { digest, .. } | Event::AllowanceUsed { digest } => {
            one(format!("allowance {digest}"))
        }
        Event::Paused { resource, .. } | Event::Unpaused { resource, .. } => {
            one(format!("pause {resource:?}"))
        }
        Event::Received { message, .. } => one(format!("message {message}")),
        Event::Rebuilt { .. } => one("rebuilt".into()),
        // What one of two saw of a directory says nothing of what the other saw.
        Event::Agreed { .. } => one("agreed".into()),
        Event::Rejoined { .. } => Vec::new(),
    }
}

fn of_task(task: &Task) -> String {
    manual(&task.user, &task.entitlement)
}

fn manual(user: &UserName, entitlement: &EntitlementKey) -> String {
    format!("manual {user} {entitlement:?}")
}

#[cfg(test)]
mod tests {
    use super::super::history::tests::{asked, at, done, task, user};
    use super::*;
    use crate::connector::Guid;
    use crate::desired::GroupKey;
    use crate::plan::{MemberChange, TaskAction};

    fn member(second: i64, group: &str, change: MemberChange) -> Record {
        let event = Event::Membership {
            user: Some(user("kim")),
            account: Guid::parse("1b671a64-40d5-491e-99b0-da01ff1f3341").unwrap(),
            group: GroupKey::new(group),
            change,
        };
        at(second, event)
    }

    fn sort(ours: &[Record], theirs: &[Record]) -> Sorted {
        let mut history = History::default();
        for record in theirs {
            history.add(record.clone()).unwrap();
        }
        fitting(ours.to_vec(), theirs, &mut history)
    }

    #[test]
    fn what_the_other_has_seen_since_is_not_turned_round() {
        let ours = [
            member(1, "app-gis", MemberChange::Remove),
            member(2, "app-maps", MemberChange::Add),
        ];
        let theirs = [member(3, "app-gis", MemberChange::Add)];
        let sorted = sort(&ours, &theirs);
        assert_eq!(sorted.fitting, ours[1..]);
        assert_eq!(sorted.left, 1);
    }

    #[test]
    fn work_that_both_asked_for_is_asked_for_once() {
        let grant = task(TaskAction::Grant, 1, &[]);
        let ours = [at(1, asked(&grant)), at(2, done(&grant))];
        assert_eq!(sort(&ours, &[]).left, 0);
        let sorted = sort(&ours, &[at(3, asked(&grant))]);
        assert_eq!((sorted.fitting, sorted.left), (ours[1..].to_vec(), 1));
        let sorted = sort(&ours, &[at(3, asked(&grant)), at(4, done(&grant))]);
        assert_eq!((sorted.fitting.len(), sorted.left), (0, 2));
    }
}
