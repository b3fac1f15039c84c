//! Tasks: what maintainers are asked, compared with what was asked and what was confirmed.

use super::notices::is_closed;
use super::{Draft, Inputs};
use crate::desired::accounts::Trouble;
use crate::desired::{Cause, Entitlement, EntitlementKey, Person, ResourceTerms};
use crate::diagnostic::Code;
use crate::manifest::resource::{Connector, SignIn};
use crate::manifest::user::UserState;
use crate::plan::TaskField;
use crate::plan::recorded::{ManualState, of_user};
use crate::plan::task::FieldValues;
use crate::plan::{
    Assumption, ChangeId, DirectoryMode, Finding, NoticeKey, NoticeKind, Task, TaskAction,
    TaskChange, TaskId, TaskStep,
};
use crate::sorted::Sorted;

/// What the resources without a connector need.
pub(super) fn tasks(draft: &mut Draft<'_>) {
    assume(draft);
    let inputs = draft.inputs;
    draft.each(|draft, person| {
        let recorded: Vec<_> = of_user(&inputs.recorded.manual, &person.name).collect();
        let recorded = Sorted::in_order(recorded);
        let assumed = of_user(&inputs.bootstrap.manual, &person.name).map(|(key, _)| key);
        let mut keys: Vec<&EntitlementKey> = person.entitlements.keys().collect();
        keys.extend(recorded.keys());
        keys.extend(assumed);
        keys.sort();
        keys.dedup();
        let mut recorded = recorded.in_turn();
        for key in keys {
            let recorded = recorded.get(&key).copied();
            match inputs.desired.resources.get(&key.resource) {
                Some(terms) if terms.connector == Connector::Manual => {
                    one(draft, person, (key, recorded), terms);
                }
                Some(_) => untold(draft, person, key),
                None => removed(draft, person, key),
            }
        }
    });
}

/// Holds what is wanted of a maintainer until the directory says what it lacks; what was asked for before and is
/// not wanted any more is withdrawn.
fn withhold(
    draft: &mut Draft<'_>,
    person: &Person,
    (key, recorded): (&EntitlementKey, Option<&ManualState>),
    wish: &Wish,
    trouble: &Trouble,
) {
    let open = recorded.and_then(|r| r.open.as_deref());
    if let Some(open) = open.filter(|open| open.action != wish.action) {
        draft.tasks.push(TaskChange {
            step: TaskStep::Cancel,
            task: open.clone(),
            after: Vec::new(),
        });
    }
    let what = format!("{} {key} for {}", wish.action.as_str(), person.name);
    let user = Some(&person.name);
    draft.hold(trouble.code, user, what, &trouble.reason, &wish.causes);
}

/// What the directory should say of its own access, and does not: nothing else waits for it there.
fn untold(draft: &mut Draft<'_>, person: &Person, key: &EntitlementKey) {
    let entitlement = person.entitlements.get(key);
    let trouble = entitlement.and_then(|e| Some((e, e.withheld.as_deref()?)));
    let is_its_own = key.resource == draft.inputs.desired.directory;
    if let Some((entitlement, trouble)) = trouble.filter(|_| is_its_own) {
        let what = format!("the fields of {key} of {}", person.name);
        let user = Some(&person.name);
        draft.hold(
            trouble.code,
            user,
            what,
            &trouble.reason,
            &entitlement.causes,
        );
    }
}

fn assume(draft: &mut Draft<'_>) {
    let inputs = draft.inputs;
    for ((user, key), fields) in &inputs.bootstrap.manual {
        if inputs
            .recorded
            .manual
            .contains_key(&(user.clone(), key.clone()))
        {
            continue;
        }
        let person = inputs.desired.people.get(user);
        let causes = person
            .and_then(|p| p.entitlements.get(key))
            .map(|e| e.causes.clone())
            .or_else(|| person.map(|p| vec![p.declared.clone()]))
            .unwrap_or_default();
        draft.assumed.push(Assumption {
            user: user.clone(),
            entitlement: key.clone(),
            fields: fields.clone(),
            unsettled: inputs
                .bootstrap
                .unsettled
                .contains(&(user.clone(), key.clone())),
            causes,
        });
    }
}

/// What is held of a resource that no manifest describes any more: nobody can be asked to take it away.
/// What was asked for and is not done is not wanted either; work that takes away goes on.
fn removed(draft: &mut Draft<'_>, person: &Person, key: &EntitlementKey) {
    let at = (person.name.clone(), key.clone());
    let recorded = draft.inputs.recorded.manual.get(&at);
    let open = recorded.and_then(|recorded| recorded.open.as_deref());
    match open.map(|open| (open.action, open)) {
        Some((TaskAction::Revoke | TaskAction::Disable, _)) => return,
        Some((TaskAction::Grant | TaskAction::Update | TaskAction::Enable, open)) => {
            draft.tasks.push(TaskChange {
                step: TaskStep::Cancel,
                task: open.clone(),
                after: Vec::new(),
            });
        }
        None => {}
    }
    let assumed = draft.inputs.bootstrap.manual.contains_key(&at);
    if recorded.map_or(assumed, |recorded| recorded.held.is_some()) {
        draft.hold(
            Code::ResourceRemoved,
            Some(&person.name),
            format!("{key} of {}", person.name),
            format!(
                "no manifest describes `{}` any more, so nobody can be asked to take it away; put it back without its grants until its maintainers have said that nobody holds it",
                key.resource
            ),
            &super::causes(person),
        );
    }
}

/// What is known of one manual entitlement.
#[derive(Clone, Copy)]
struct State<'a> {
    /// The field values as confirmed or assumed; none: not held.
    held: Option<&'a FieldValues>,
    /// Whether its sign-in is stopped for a leave of absence.
    disabled: bool,
}

/// What is wanted of a maintainer.
struct Wish {
    action: TaskAction,
    before: FieldValues,
    after: FieldValues,
    causes: Vec<Cause>,
    label: String,
    provisional: bool,
    reopened: Option<String>,
}

fn one(
    draft: &mut Draft<'_>,
    person: &Person,
    (key, recorded): (&EntitlementKey, Option<&ManualState>),
    terms: &ResourceTerms,
) {
    let at = || (person.name.clone(), key.clone());
    let assumed = match recorded {
        Some(_) => None,
        None => draft.inputs.bootstrap.manual.get(&at()),
    };
    let entitlement = person.entitlements.get(key);
    let held = assumed.or_else(|| recorded?.held.as_ref());
    let settled = held.and_then(|_| settled(draft, person, (key, recorded), entitlement));
    let state = State {
        held: settled.as_ref().or(held),
        disabled: recorded.is_some_and(|r| r.disabled),
    };
    let wish = wish(person, key, terms, entitlement, state);
    let wish = wish.map(|wish| match wish.action {
        TaskAction::Update => Wish {
            causes: [brought_about(draft.inputs, person), wish.causes].concat(),
            ..wish
        },
        TaskAction::Grant | TaskAction::Revoke | TaskAction::Disable | TaskAction::Enable => wish,
    });
    let is_unsettled = entitlement.is_some_and(|e| e.provisional);
    if is_unsettled && draft.inputs.is_blind() {
        // Neither asked, nor revised, nor withdrawn: what its fields say is not known.
        let news = wish.filter(|wish| wish.action != TaskAction::Update);
        if let Some(wish) = news.filter(|_| recorded.is_none_or(|r| r.open.is_none())) {
            let what = format!("{} {key} for {}", wish.action.as_str(), person.name);
            let reason = "it names what only the directory tells, which could not be read";
            draft.hold(
                Code::DirectoryUnread,
                Some(&person.name),
                what,
                reason,
                &wish.causes,
            );
        }
        return;
    }
    // What is taken away or stopped needs no fields; what is asked for needs those the directory lacks.
    if let Some(trouble) = entitlement.and_then(|e| e.withheld.as_deref()) {
        let asks = |wish: &Wish| matches!(wish.action, TaskAction::Grant | TaskAction::Update);
        if let Some(wish) = wish.as_ref().filter(|wish| asks(wish)) {
            withhold(draft, person, (key, recorded), wish, trouble);
            return;
        }
    }
    let asked = recorded.and_then(|r| r.open.as_deref().cloned());
    let generations = &draft.inputs.recorded.generations;
    let closed = match &wish {
        Some(_) => generations.get(&at()).copied().unwrap_or(0),
        None => 0,
    };
    match (wish, asked) {
        (None, None) => {}
        (None, Some(open)) => {
            draft.tasks.push(TaskChange {
                step: TaskStep::Cancel,
                task: open,
                after: Vec::new(),
            });
        }
        (Some(wish), None) => {
            let wish = Wish {
                reopened: recorded.and_then(|r| r.contradicted.clone()),
                ..wish
            };
            open(draft, person, key, terms, wish, closed + 1);
        }
        (Some(wish), Some(open_task)) => {
            let fresh = task(person, key, terms, &wish, open_task.generation);
            if open_task.action != wish.action {
                let generation = open_task.generation + 1;
                draft.tasks.push(TaskChange {
                    step: TaskStep::Cancel,
                    task: open_task,
                    after: Vec::new(),
                });
                open(draft, person, key, terms, wish, generation);
            } else if asks(&fresh) != asks(&open_task) {
                let task = Task {
                    revision: open_task.revision + 1,
                    reopened: open_task.reopened,
                    ..fresh
                };
                let after = awaited(draft, person, wish.provisional);
                draft.tasks.push(TaskChange {
                    step: TaskStep::Revise,
                    task,
                    after,
                });
            }
        }
    }
}

/// The values that something was held with all along, where it was assumed with names that nobody had
/// yet: nobody is asked to change it from those. Once they are settled, it is assumed with them.
fn settled(
    draft: &mut Draft<'_>,
    person: &Person,
    (key, recorded): (&EntitlementKey, Option<&ManualState>),
    entitlement: Option<&Entitlement>,
) -> Option<FieldValues> {
    let unsettled = match recorded {
        Some(recorded) => recorded.unsettled,
        None => {
            let unsettled = &draft.inputs.bootstrap.unsettled;
            unsettled.contains(&(person.name.clone(), key.clone()))
        }
    };
    if !unsettled {
        return None;
    }
    let fields = entitlement.map_or_else(FieldValues::new, |e| e.fields.to_tree());
    if let Some(entitlement) = entitlement.filter(|e| e.is_settled()) {
        draft.assumed.push(Assumption {
            user: person.name.clone(),
            entitlement: key.clone(),
            fields: fields.clone(),
            unsettled: false,
            causes: entitlement.causes.clone(),
        });
    }
    Some(fields)
}

/// The requests that made a user what they were not at the latest run: they took effect since, or were
/// merged since. What is written of the user is most likely other because of them.
fn brought_about(inputs: &Inputs<'_>, person: &Person) -> Vec<Cause> {
    let Some(ran) = inputs.recorded.ran else {
        return Vec::new();
    };
    let is_news = |cause: &&Cause| {
        let name = cause.text.strip_prefix("request ");
        let request = name.and_then(|name| inputs.desired.requests.get_key_value(name));
        request.is_some_and(|(name, terms)| {
            let acknowledged = NoticeKey {
                user: terms.subject.clone(),
                kind: NoticeKind::Acknowledgement,
                by: name.to_string(),
            };
            ran < terms.effective || !is_closed(inputs, &acknowledged)
        })
    };
    person.because.iter().filter(is_news).cloned().collect()
}

/// What of a task its maintainer has to know anew when it changes.
fn asks(task: &Task) -> Vec<(&str, Option<&str>)> {
    task.fields
        .iter()
        .map(|f| (f.name.as_str(), f.after.as_deref()))
        .collect()
}

fn wish(
    person: &Person,
    key: &EntitlementKey,
    terms: &ResourceTerms,
    entitlement: Option<&Entitlement>,
    state: State<'_>,
) -> Option<Wish> {
    let on_leave = person.state == UserState::Suspended && terms.sign_in == SignIn::Own;
    let held = state.held;
    let paused = |entitlement: &Entitlement| match person.because.is_empty() {
        true => entitlement.causes.clone(),
        false => super::ending(person),
    };
    let Some(entitlement) = entitlement else {
        let before = held?.clone();
        return Some(Wish {
            action: TaskAction::Revoke,
            before,
            after: FieldValues::new(),
            causes: match person.because.is_empty() && person.departure.is_none() {
                true => vec![person.declared.clone()],
                false => super::ending(person),
            },
            label: terms.label(&key.grant),
            provisional: false,
            reopened: None,
        });
    };
    let (action, before) = match held {
        // Nothing new is asked for while the user is away.
        None if person.state == UserState::Suspended => return None,
        None => (TaskAction::Grant, None),
        Some(held) if on_leave && !state.disabled => (TaskAction::Disable, Some(held)),
        Some(_) if on_leave => return None,
        Some(held) if state.disabled => (TaskAction::Enable, Some(held)),
        Some(held) if !entitlement.fields.iter().eq(held) => (TaskAction::Update, Some(held)),
        Some(_) => return None,
    };
    Some(Wish {
        action,
        before: before.cloned().unwrap_or_default(),
        after: entitlement.fields.to_tree(),
        causes: match action {
            TaskAction::Disable | TaskAction::Enable => paused(entitlement),
            TaskAction::Grant | TaskAction::Update | TaskAction::Revoke => {
                entitlement.causes.clone()
            }
        },
        label: entitlement.label.to_string(),
        provisional: entitlement.provisional,
        reopened: None,
    })
}

fn open(
    draft: &mut Draft<'_>,
    person: &Person,
    key: &EntitlementKey,
    terms: &ResourceTerms,
    wish: Wish,
    generation: u32,
) {
    if wish.provisional && !is_about_to_be(draft, person) {
        draft.findings.push(Finding {
            code: "provisional".into(),
            message: format!(
                "{key} of {} is asked for when the account exists: its login is not settled yet",
                person.name
            ),
        });
        return;
    }
    let fresh = task(person, key, terms, &wish, generation);
    // Whose leaving cannot wait loses what they have first of all.
    let urgent =
        wish.action == TaskAction::Revoke && draft.inputs.desired.is_urgent_leaver(&person.name);
    let task = Task { urgent, ..fresh };
    if task.maintainers.is_empty() {
        let reason =
            "nobody can be mailed: give a maintainer, the owner or an administrator an address";
        let what = format!("{} {key} for {}", task.action.as_str(), person.name);
        draft.hold(Code::NoMail, Some(&person.name), what, reason, &wish.causes);
        return;
    }
    let after = awaited(draft, person, wish.provisional);
    draft.tasks.push(TaskChange {
        step: TaskStep::Open,
        task,
        after,
    });
}

/// Whether the account is made by this plan, before what it says is needed.
pub(super) fn is_about_to_be(draft: &Draft<'_>, person: &Person) -> bool {
    let direct = draft.inputs.mode == DirectoryMode::Direct;
    direct && draft.created.contains_key(&person.name)
}

/// The change that must have been applied before the login in a mail or a row is settled.
pub(super) fn awaited(draft: &Draft<'_>, person: &Person, provisional: bool) -> Vec<ChangeId> {
    match draft.created.get(&person.name).filter(|_| provisional) {
        Some((created, _)) => vec![created.clone()],
        None => Vec::new(),
    }
}

fn task(
    person: &Person,
    key: &EntitlementKey,
    terms: &ResourceTerms,
    wish: &Wish,
    generation: u32,
) -> Task {
    let instructions = &terms.instructions;
    let fields = terms
        .fields
        .iter()
        .filter_map(|field| {
            let before = wish.before.get(&field.name).map(|v| v.to_string());
            let after = wish.after.get(&field.name).map(|v| v.to_string());
            (before.is_some() || after.is_some()).then(|| TaskField {
                name: field.name.clone(),
                label: field.label.clone(),
                before,
                after,
            })
        })
        .collect();
    Task {
        id: TaskId::of(&person.name, key, wish.action, generation),
        generation,
        revision: 1,
        action: wish.action,
        user: person.name.clone(),
        user_display: person.display_name.clone(),
        employee_number: person.employee_number.clone(),
        resource: key.resource.clone(),
        resource_display: terms.display_name.clone(),
        url: terms.url.clone(),
        entitlement: key.clone(),
        entitlement_label: wish.label.clone(),
        fields,
        instructions: match wish.action {
            TaskAction::Grant => instructions.grant.clone(),
            TaskAction::Update | TaskAction::Enable => instructions.update.clone(),
            TaskAction::Revoke => instructions.revoke.clone(),
            TaskAction::Disable => instructions.disable.clone(),
        },
        reopened: wish.reopened.clone(),
        urgent: false,
        maintainers: terms.maintainers.clone(),
        causes: wish.causes.clone(),
    }
}
