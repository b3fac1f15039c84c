//! What only a person may do and cannot wait: somebody left, and their account is protected. It is asked of
//! the administrators as a task, and followed until the directory shows that it is done (SEMANTICS 24).

use super::{Draft, ending};
use crate::desired::{EntitlementKey, Person, ResourceTerms};
use crate::diagnostic::Code;
use crate::manifest::user::UserState;
use crate::observed::Account;
use crate::plan::{Finding, Shows, Sighting, Task, TaskAction, TaskChange, TaskId, TaskStep};

/// Asks for the account of somebody who left to be disabled, where for some reason this program may not;
/// or withdraws that, where it is no longer so.
pub(super) fn by_hand(
    draft: &mut Draft<'_>,
    person: &Person,
    account: &Account,
    why_not: Option<&str>,
) {
    let recorded = draft.inputs.recorded;
    let key = EntitlementKey::account(&draft.inputs.desired.directory);
    let about = (person.name.clone(), key);
    let state = recorded.manual.get(&about);
    let open = state.and_then(|state| state.open.as_deref());
    let left = person.state == UserState::Left;
    let (step, task) = match (open, why_not.filter(|_| left)) {
        (Some(open), None) => (TaskStep::Cancel, open.clone()),
        (Some(open), Some(_)) if !account.is_enabled() => {
            let done = seen(draft, open, account);
            draft.findings.push(Finding {
                code: Code::ExportAgrees.as_str().to_owned(),
                message: format!("task {}: {}", done.task, done.words),
            });
            draft.seen.push(done);
            return;
        }
        (None, Some(why_not)) if account.is_enabled() => {
            if draft.inputs.desired.administrators.is_empty() {
                let what = format!("disable {}", account.login);
                let reason =
                    "a person must do it, and no administrator has an address to be asked at";
                let why = ending(person);
                draft.hold(Code::NoMail, Some(&person.name), what, reason, &why);
                return;
            }
            let (_, key) = &about;
            let closed = recorded.generations.get(&about);
            let generation = closed.map_or(1, |closed| closed + 1);
            let was_done = state.is_some_and(|state| state.disabled);
            let reopened =
                was_done.then(|| "it was disabled, or said to be, and is enabled".to_owned());
            let fresh = task(draft, person, account, why_not, key, generation);
            (TaskStep::Open, Task { reopened, ..fresh })
        }
        (Some(_), Some(_)) | (None, _) => return,
    };
    draft.tasks.push(TaskChange {
        step,
        task,
        after: Vec::new(),
    });
}

/// That the directory shows it done.
fn seen(draft: &Draft<'_>, task: &Task, account: &Account) -> Sighting {
    Sighting {
        task: task.id.clone(),
        shows: Shows::Done,
        export: None,
        written: draft.inputs.desired.instant,
        words: format!("done: the account {} is disabled", account.login),
    }
}

fn task(
    draft: &Draft<'_>,
    person: &Person,
    account: &Account,
    why_not: &str,
    key: &EntitlementKey,
    generation: u32,
) -> Task {
    let desired = draft.inputs.desired;
    let terms = desired.resources.get(&key.resource);
    let display_name = |terms: &ResourceTerms| terms.display_name.clone();
    let password = match desired.is_urgent_leaver(&person.name) {
        true => "Set a password that nobody knows: this leaving cannot wait.\n",
        false => "",
    };
    Task {
        id: TaskId::of(&person.name, key, TaskAction::Disable, generation),
        generation,
        revision: 1,
        action: TaskAction::Disable,
        user: person.name.clone(),
        user_display: person.display_name.clone(),
        employee_number: person.employee_number.clone(),
        resource: key.resource.clone(),
        resource_display: terms.map_or_else(|| key.resource.to_string(), display_name),
        url: terms.and_then(|terms| terms.url.clone()),
        entitlement: key.clone(),
        entitlement_label: format!("the account {}", account.login),
        fields: Vec::new(),
        instructions: Some(format!(
            "Disable {} and take it out of its groups.\n{password}By hand because {why_not}.",
            account.dn
        )),
        reopened: None,
        urgent: true,
        maintainers: desired.administrators.clone(),
        causes: ending(person),
    }
}
