//! Desired × observed × recorded → plan. Pure; the order of the result is total and repeatable.

mod accounts;
mod by_hand;
mod groups;
mod leaving;
mod notices;
mod proxies;
mod remarks;
mod rosters;
mod seats;
mod tasks;

use super::guard::{self, Managed, guards};
use super::limits::{Limits, Outer};
use super::recorded::Recorded;
use super::task::FieldValues;
use super::{
    Action, Assumption, Change, ChangeId, DirectoryMode, FORMAT_VERSION, FieldChange, Finding,
    Held, Notice, NoticeKey, Plan, Sighting, Summary, TaskChange, TaskStep, Verdict, Write,
};
use crate::desired::{Cause, Desired, EntitlementKey, Person};
use crate::diagnostic::Code;
use crate::manifest::user::UserState;
use crate::name::{ResourceName, UserName};
use crate::observed::Observed;
use foldhash::HashMap;
use rayon::prelude::*;
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

/// Everything a plan is made of.
pub struct Inputs<'a> {
    /// What should be.
    pub desired: &'a Desired,
    /// What is.
    pub observed: &'a Observed,
    /// What came from here.
    pub recorded: &'a Recorded,
    /// What may be touched; none where no directory was at hand.
    pub limits: Option<&'a Limits>,
    /// The operator's limits.
    pub outer: &'a Outer,
    /// What an empty record starts from.
    pub bootstrap: &'a Bootstrap,
    /// The commit; none for a working folder.
    pub revision: Option<&'a str>,
    /// SHA-256 of policies and configuration.
    pub policies: &'a str,
    /// What the approval rests on.
    pub approval: &'a str,
    /// Who writes the directory.
    pub mode: DirectoryMode,
}

/// What an empty record starts from: the state of the bootstrap revision.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Bootstrap {
    /// Manual entitlements in force: they are assumed held (SEMANTICS 9).
    pub manual: BTreeMap<(UserName, EntitlementKey), FieldValues>,
    /// Those of them whose values rest on names that are not settled.
    pub unsettled: BTreeSet<(UserName, EntitlementKey)>,
    /// What is taken as told.
    pub notices: BTreeSet<NoticeKey>,
}

/// Why nothing is done for who has no manifest.
const FORGOTTEN: &str = "the user has no manifest any more; put it back and say `state: left`";

/// Makes the plan.
pub fn plan(inputs: &Inputs<'_>) -> Plan {
    let mut draft = Draft::new(inputs);
    let mut besides = Draft::new(inputs);
    let ((), managed) = rayon::join(
        || draft.people(),
        || {
            besides.forgotten();
            managed(inputs)
        },
    );
    draft.held.append(&mut besides.held);
    let known = notices::notices(&mut draft);
    let Draft {
        mut changes,
        mut tasks,
        mut held,
        mut findings,
        assumed,
        mut seen,
        mut notices,
        ..
    } = draft;
    seen.sort();
    let urgent = |change: &Change| leaving::is_urgent(inputs.desired, change);
    changes.sort_by(|a, b| (!urgent(a), key(a)).cmp(&(!urgent(b), key(b))));
    notices.sort_by(|a, b| a.key.cmp(&b.key));
    tasks.sort_by(|a, b| task_key(a).cmp(&task_key(b)));
    held.sort();
    held.dedup();
    findings.sort();
    findings.dedup();
    let is_urgent = |user: &UserName| inputs.desired.is_urgent_leaver(user);
    let limits = (inputs.desired.rules.guards, inputs.outer.guards);
    let guards = guards(&changes, &tasks, &is_urgent, limits, managed);
    let summary = summary(&changes, &tasks, &held, &assumed, &notices);
    Plan {
        format_version: FORMAT_VERSION,
        revision: inputs.revision.map(str::to_owned),
        instant: inputs.desired.instant,
        valid_until: inputs.desired.valid_until,
        approval: inputs.approval.to_owned(),
        verified: None,
        policies: inputs.policies.to_owned(),
        directory_mode: inputs.mode,
        changes,
        tasks,
        notices,
        assumed,
        known,
        held,
        seen,
        findings,
        guards,
        summary,
    }
}

fn key(
    change: &Change,
) -> (
    Action,
    Option<&UserName>,
    &ResourceName,
    &str,
    &str,
    &ChangeId,
) {
    let Change {
        action,
        user,
        resource,
        target,
        what,
        id,
        ..
    } = change;
    (*action, user.as_ref(), resource, target, what, id)
}

fn task_key(change: &TaskChange) -> (Option<&str>, &ResourceName, &UserName, TaskStep, &str) {
    let task = &change.task;
    let first = task.maintainers.first().map(|m| m.mail.as_str());
    (first, &task.resource, &task.user, change.step, &task.id.0)
}

pub(super) fn summary(
    changes: &[Change],
    tasks: &[TaskChange],
    held: &[Held],
    assumed: &[Assumption],
    notices: &[Notice],
) -> Summary {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for change in changes {
        *counts.entry(change.action.as_str().to_owned()).or_default() += 1;
    }
    Summary {
        changes: counts,
        tasks: tasks.len(),
        held: held.len(),
        assumed: assumed.len(),
        notices: notices.iter().filter(|n| !n.to.is_empty()).count(),
    }
}

impl Plan {
    /// Counts for the guards what is there now; what is held by now is no part of what one run does.
    pub fn recount_guards(&mut self, desired: &Desired) {
        let is_urgent = |user: &UserName| desired.is_urgent_leaver(user);
        for guard in &mut self.guards {
            let count = guard::count(&guard.guard, &self.changes, &self.tasks, &is_urgent);
            guard.count = count.unwrap_or(guard.count);
            guard.verdict = match guard.count > guard.limit {
                true => Verdict::Beyond,
                false => Verdict::Within,
            };
        }
    }
}

fn managed(inputs: &Inputs<'_>) -> Managed {
    let mut managed = Managed::default();
    if let (Some(directory), Some(limits)) = (&inputs.observed.directory, inputs.limits) {
        managed.accounts = directory
            .accounts
            .values()
            .filter(|a| limits.covers(&a.dn))
            .count();
        let groups = directory
            .groups
            .iter()
            .filter(|(key, _)| limits.covers_group(key));
        managed.grants = groups.map(|(_, group)| group.members.len()).sum();
    }
    managed.grants += inputs
        .observed
        .rosters
        .values()
        .map(BTreeMap::len)
        .sum::<usize>();
    managed.grants += inputs
        .recorded
        .manual
        .values()
        .filter(|m| m.held.is_some())
        .count();
    managed
}

/// A plan in the making.
struct Draft<'a> {
    inputs: &'a Inputs<'a>,
    changes: Vec<Change>,
    tasks: Vec<TaskChange>,
    held: Vec<Held>,
    findings: Vec<Finding>,
    assumed: Vec<Assumption>,
    seen: Vec<Sighting>,
    notices: Vec<Notice>,
    /// Addresses of the directory, once somebody asked.
    addresses: Arc<OnceLock<proxies::Addresses>>,
    /// Accounts this plan creates: by user, the change and the place.
    created: BTreeMap<UserName, (ChangeId, crate::dn::Dn)>,
    /// Places this plan moves accounts to.
    moved: BTreeMap<crate::connector::Guid, crate::dn::Dn>,
    /// Units, as they are asked for again and again.
    units: HashMap<Arc<[String]>, crate::dn::Dn>,
    /// What is about whom, once every change and task is there.
    about: notices::About,
}

impl Inputs<'_> {
    /// Whether there is a directory that could not be read: what rests on it is not known.
    fn is_blind(&self) -> bool {
        let unread = &self.observed.unread;
        unread.contains_key(&self.desired.directory)
    }
}

impl<'a> Draft<'a> {
    fn new(inputs: &'a Inputs<'a>) -> Self {
        Self {
            inputs,
            changes: Vec::new(),
            tasks: Vec::new(),
            held: Vec::new(),
            findings: Vec::new(),
            assumed: Vec::new(),
            seen: Vec::new(),
            notices: Vec::new(),
            addresses: Arc::default(),
            created: BTreeMap::new(),
            moved: BTreeMap::new(),
            units: HashMap::default(),
            about: notices::About::default(),
        }
    }

    fn people(&mut self) {
        if let (Some(directory), Some(limits)) =
            (&self.inputs.observed.directory, self.inputs.limits)
        {
            self.each(|draft, person| accounts::account(draft, person, directory, limits));
            // Links and memberships come when every account's place is known.
            self.each(|draft, person| {
                accounts::links(draft, person, directory, limits);
                groups::memberships(draft, person, directory, limits);
            });
            groups::exact(self, directory, limits);
            remarks::remarks(self, directory, limits);
        }
        rosters::rows(self);
        tasks::tasks(self);
        seats::seats(self);
    }

    /// Does something for everybody, on all cores: what one person needs depends on nothing that the
    /// same step finds of another.
    fn each(&mut self, step: impl Fn(&mut Self, &'a Person) + Sync) {
        let people = self.inputs.desired.people.values();
        let people: Vec<&Person> = people.map(Arc::as_ref).collect();
        let parts: Vec<Self> = people
            .par_chunks(people.len() / (4 * rayon::current_num_threads()) + 1)
            .map(|people| {
                let mut part = self.part();
                people.iter().for_each(|person| step(&mut part, person));
                part
            })
            .collect();
        for part in parts {
            self.changes.extend(part.changes);
            self.tasks.extend(part.tasks);
            self.held.extend(part.held);
            self.findings.extend(part.findings);
            self.assumed.extend(part.assumed);
            self.seen.extend(part.seen);
            self.notices.extend(part.notices);
            self.created.extend(part.created);
            self.moved.extend(part.moved);
        }
    }

    /// An empty draft that knows what this one knows of accounts.
    fn part(&self) -> Self {
        Self {
            addresses: self.addresses.clone(),
            created: self.created.clone(),
            moved: self.moved.clone(),
            ..Self::new(self.inputs)
        }
    }

    /// What is recorded of users who have no manifest any more (SEMANTICS 13).
    fn forgotten(&mut self) {
        let Inputs {
            recorded, desired, ..
        } = self.inputs;
        let held = recorded.manual.iter().filter(|(_, m)| m.held.is_some());
        let mut users = BTreeSet::new();
        users.extend(strangers(recorded.accounts.keys(), desired));
        users.extend(strangers(held.map(|((user, _), _)| user), desired));
        for user in users {
            self.hold(
                Code::NoManifest,
                Some(user),
                format!("account and access of {user}"),
                FORGOTTEN,
                &[],
            );
        }
    }

    fn hold(
        &mut self,
        code: Code,
        user: Option<&UserName>,
        what: impl Into<String>,
        reason: impl Into<String>,
        causes: &[Cause],
    ) {
        self.held.push(Held {
            code: code.as_str().to_owned(),
            user: user.cloned(),
            what: what.into(),
            reason: reason.into(),
            causes: causes.to_vec(),
        });
    }

    fn change(&mut self, change: Proposal<'_>) -> ChangeId {
        let Proposal {
            action,
            user,
            resource,
            target,
            what,
            write,
            fields,
            after,
            causes,
        } = change;
        let id = ChangeId::of(action, user, resource, &write);
        self.changes.push(Change {
            id: id.clone(),
            action,
            user: user.cloned(),
            resource: resource.clone(),
            target,
            what,
            write,
            fields,
            after,
            causes: causes.to_vec(),
        });
        id
    }
}

/// Those of these users, who come sorted, who have no manifest.
fn strangers<'u>(
    users: impl Iterator<Item = &'u UserName>,
    desired: &Desired,
) -> impl Iterator<Item = &'u UserName> {
    let mut people = desired.people.keys().peekable();
    users.filter(move |user| {
        while people.next_if(|name| *name < *user).is_some() {}
        people.peek() != Some(user)
    })
}

/// A change before it has an id.
struct Proposal<'p> {
    action: Action,
    user: Option<&'p UserName>,
    resource: &'p ResourceName,
    target: String,
    what: String,
    write: Write,
    fields: Vec<FieldChange>,
    after: Vec<ChangeId>,
    causes: &'p [Cause],
}

impl ChangeId {
    /// The id of a change: the same content gives the same id.
    pub fn of(
        action: Action,
        user: Option<&UserName>,
        resource: &ResourceName,
        write: &Write,
    ) -> Self {
        let content = serde_json::json!([action, user, resource, write]).to_string();
        let digest = Sha256::digest(content.as_bytes());
        Self(digest.iter().take(8).map(|b| format!("{b:02x}")).collect())
    }
}

/// The person's causes. Of who left: what ended their time here, first of all. Else why there is an
/// account, or where the user is declared.
fn causes(person: &Person) -> Cow<'_, [Cause]> {
    if person.state == UserState::Left {
        return Cow::Owned(ending(person));
    }
    match &person.account {
        Some(account) if !account.causes.is_empty() => Cow::Borrowed(&account.causes),
        _ => Cow::Borrowed(std::slice::from_ref(&person.declared)),
    }
}

/// Why something of a person ends: what ended their time here, else the latest requests about them,
/// else why there is an account, or where the user is declared.
fn ending(person: &Person) -> Vec<Cause> {
    let departure = person.departure.iter().map(|d| &d.cause);
    let mut causes: Vec<Cause> = Vec::new();
    for cause in departure.chain(&person.because) {
        if !causes.contains(cause) {
            causes.push(cause.clone());
        }
    }
    let account = person
        .account
        .as_ref()
        .filter(|_| person.departure.is_none());
    match (causes.is_empty(), account) {
        (false, _) => causes,
        (true, Some(account)) if !account.causes.is_empty() => account.causes.clone(),
        (true, _) => vec![person.declared.clone()],
    }
}
