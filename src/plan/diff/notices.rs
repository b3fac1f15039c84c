//! What people are told: who asked, that it was merged; who begins, that everything is ready; whose
//! people leave, what was taken and what is asked of whom.
//!
//! Decision: only who is here and wants mails is told anything (CM4). A recipient that no mail can
//! reach is a finding, and holds nothing up.

use super::{Draft, Inputs, leaving};
use crate::desired::{Departure, DesiredAccount, Person, Recipient, RequestTerms};
use crate::diagnostic::Code;
use crate::manifest::request::RequestAction;
use crate::manifest::user::UserState;
use crate::name::{RequestName, UserName};
use crate::observed::Account;
use crate::plan::recorded::{FirstPassword, Made, Told, of_user};
use crate::plan::{
    Action, Change, ChangeId, DirectoryMode, Finding, HandOver, MemberChange, Notice, NoticeKey,
    NoticeKind, NoticePart, TaskAction, TaskChange, TaskStep, Write, notice,
};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Puts the notices into the plan. Says what is taken as told, because it is older than the record.
pub(super) fn notices(draft: &mut Draft<'_>) -> Vec<NoticeKey> {
    let inputs = draft.inputs;
    draft.about = About::new(draft);
    for (name, terms) in &inputs.desired.requests {
        acknowledge(draft, name, terms);
    }
    for person in inputs.desired.people.values() {
        // Whether somebody can log on, or no longer can, only the directory tells.
        if !inputs.is_blind() {
            welcome(draft, person);
            departure(draft, person);
        }
    }
    let known = inputs.bootstrap.notices.iter();
    let recorded = &inputs.recorded.notices;
    known
        .filter(|key| recorded.get(*key) != Some(&Told::All))
        .cloned()
        .collect()
}

/// To whom the first password of a user is handed on.
pub(super) fn hand_over(inputs: &Inputs<'_>, person: &Person) -> Option<HandOver> {
    if inputs.mode == DirectoryMode::Maintainer || !crate::seal::IS_BUILT_IN {
        return None;
    }
    if let Some(key) = &inputs.desired.rules.hand_over_key {
        return Some(HandOver {
            key: key.clone(),
            to: None,
        });
    }
    let supervisor = supervisor(inputs, person)?;
    let key = supervisor.hand_over_key.clone()?;
    let mail = supervisor.mail.clone();
    let to = mail.filter(|mail| inputs.outer.may_mail(mail));
    Some(HandOver {
        key,
        to: to.map(|mail| Recipient {
            mail,
            name: Some(supervisor.display_name.clone()),
        }),
    })
}

/// The supervisor, where they are here.
fn supervisor<'a>(inputs: &Inputs<'a>, person: &Person) -> Option<&'a Person> {
    let supervisor = inputs.desired.people.get(person.supervisor.as_ref()?)?;
    (supervisor.state == UserState::Active).then_some(supervisor)
}

/// Whether something was told already, to everybody, or is older than the record.
pub(super) fn is_closed(inputs: &Inputs<'_>, key: &NoticeKey) -> bool {
    inputs.recorded.notices.get(key) == Some(&Told::All) || inputs.bootstrap.notices.contains(key)
}

/// A date and time as people there read it.
fn local(inputs: &Inputs<'_>, at: Timestamp) -> String {
    let zoned = at.to_zoned(inputs.desired.rules.zone.clone());
    zoned.strftime("%Y-%m-%d %H:%M").to_string()
}

impl Draft<'_> {
    /// Those of these people who can be told; the others, where they want to be, are findings.
    fn reached<'p>(
        &mut self,
        people: impl IntoIterator<Item = &'p Person>,
        key: &NoticeKey,
    ) -> Vec<Recipient> {
        let inputs = self.inputs;
        let told = match inputs.recorded.notices.get(key) {
            Some(Told::These(addresses)) => addresses.clone(),
            Some(Told::All) | None => BTreeSet::new(),
        };
        let mut reached: Vec<Recipient> = Vec::new();
        for person in people {
            if person.state != UserState::Active || !person.notifications {
                continue;
            }
            let why = match &person.mail {
                None => "there is no address".to_owned(),
                Some(mail) if !inputs.outer.may_mail(mail) => {
                    format!("the operator's recipientDomains do not let mails go to {mail}")
                }
                Some(mail) => {
                    let address = mail.to_lowercase();
                    let twice = reached.iter().any(|r| r.mail.to_lowercase() == address);
                    if !twice && !told.contains(&address) {
                        reached.push(Recipient {
                            mail: mail.clone(),
                            name: Some(person.display_name.clone()),
                        });
                    }
                    continue;
                }
            };
            self.findings.push(Finding {
                code: Code::NoMail.as_str().into(),
                message: format!(
                    "the {} about {} is not mailed to {}: {why}",
                    key.kind.as_str(),
                    key.user,
                    person.display_name
                ),
            });
        }
        reached
    }

    fn tell(&mut self, key: NoticeKey, said: Said) {
        let Said {
            user_display,
            to,
            after,
            subject,
            parts,
            description,
            causes,
        } = said;
        self.notices.push(Notice {
            id: key.id(),
            key,
            user_display,
            to,
            after,
            subject,
            parts: parts.into_iter().filter(|p| !p.lines.is_empty()).collect(),
            description,
            causes,
        });
    }

    fn changes_of<'s>(&'s self, person: &Person) -> impl Iterator<Item = &'s Change> {
        let places = self.about.changes.get(&person.name);
        places.into_iter().flatten().map(|i| &self.changes[*i])
    }

    fn tasks_of<'s>(&'s self, person: &Person) -> impl Iterator<Item = &'s TaskChange> {
        let places = self.about.tasks.get(&person.name);
        places.into_iter().flatten().map(|i| &self.tasks[*i])
    }
}

/// Where in a plan stands what is about whom.
#[derive(Default)]
pub(super) struct About {
    changes: BTreeMap<UserName, Vec<usize>>,
    tasks: BTreeMap<UserName, Vec<usize>>,
}

impl About {
    /// Looks through a plan whose changes and tasks are all there.
    fn new(draft: &Draft<'_>) -> Self {
        let mut about = Self::default();
        for (i, change) in draft.changes.iter().enumerate() {
            if let Some(user) = &change.user {
                about.changes.entry(user.clone()).or_default().push(i);
            }
        }
        for (i, TaskChange { task, .. }) in draft.tasks.iter().enumerate() {
            about.tasks.entry(task.user.clone()).or_default().push(i);
        }
        about
    }
}

/// What a notice says, before it has a name.
struct Said {
    user_display: String,
    to: Vec<Recipient>,
    after: Vec<ChangeId>,
    subject: String,
    parts: Vec<NoticePart>,
    description: Option<String>,
    causes: Vec<crate::desired::Cause>,
}

fn part(heading: &str, lines: Vec<String>) -> NoticePart {
    NoticePart {
        heading: heading.to_owned(),
        lines,
    }
}

/// To who asked: the request was merged.
fn acknowledge(draft: &mut Draft<'_>, name: &RequestName, terms: &RequestTerms) {
    let inputs = draft.inputs;
    let key = NoticeKey {
        user: terms.subject.clone(),
        kind: NoticeKind::Acknowledgement,
        by: name.to_string(),
    };
    if is_closed(inputs, &key) {
        return;
    }
    let requester = inputs.desired.people.get(&terms.requested_by);
    if requester.is_none() {
        draft.findings.push(Finding {
            code: Code::NoMail.as_str().into(),
            message: format!(
                "request {name} is not acknowledged: {} is not known",
                terms.requested_by
            ),
        });
    }
    let to = draft.reached(requester.map(AsRef::as_ref), &key);
    let what = match terms.action {
        RequestAction::Activate => "start",
        RequestAction::Change => "change",
        RequestAction::Suspend => "leave of absence",
        RequestAction::Resume => "return from leave",
        RequestAction::Terminate => "departure",
    };
    let subject_display = &terms.subject_display;
    let mut lines = vec![
        format!("Your request {name} was merged."),
        format!("What: {what} of {subject_display} ({})", terms.subject),
        format!("From: {}", local(inputs, terms.effective)),
    ];
    if let Some(until) = terms.until {
        lines.push(format!("Until: {}", local(inputs, until)));
    }
    lines.push(match terms.effective <= inputs.desired.instant {
        true => "It is being carried out.".into(),
        false => "It is carried out then, and nothing is to be done before.".into(),
    });
    draft.tell(
        key,
        Said {
            user_display: subject_display.clone(),
            to,
            after: Vec::new(),
            subject: format!("merged: {what} of {subject_display}"),
            parts: vec![part("", lines)],
            description: None,
            causes: vec![terms.cause.clone()],
        },
    );
}

/// To the new user and the supervisor: what there is, and how to log on.
fn welcome(draft: &mut Draft<'_>, person: &Person) {
    let inputs = draft.inputs;
    if person.state != UserState::Active {
        return;
    }
    let Some(key) = beginning(draft, person).filter(|key| !is_closed(inputs, key)) else {
        return;
    };
    if !is_ready(draft, person) {
        return;
    }
    let people = [Some(person), supervisor(inputs, person)];
    let to = draft.reached(people.into_iter().flatten(), &key);
    let after = draft.changes_of(person).map(|c| c.id.clone()).collect();
    let name = &person.display_name;
    let mut parts = vec![part("", vec![format!("The access of {name} is ready.")])];
    if let Some(account) = &person.account {
        parts.push(part(
            "Log-on",
            vec![
                format!("Login name: {}", login(draft, account)),
                password(draft, person, account),
            ],
        ));
    }
    parts.push(part("What there is", holdings(draft, person)));
    let mut causes: Vec<_> = person.started.iter().map(|s| s.cause.clone()).collect();
    if causes.is_empty() {
        causes.push(person.declared.clone());
    }
    draft.tell(
        key,
        Said {
            user_display: name.clone(),
            to,
            after,
            subject: format!("ready: the access of {name}"),
            parts,
            description: None,
            causes,
        },
    );
}

/// What the welcome is known by: the request that let the user begin, or the account that was made.
fn beginning(draft: &Draft<'_>, person: &Person) -> Option<NoticeKey> {
    if let Some(key) = notice::started(person) {
        return Some(key);
    }
    let recorded = draft.inputs.recorded.accounts.get(&person.name);
    let made = recorded.is_some_and(|account| account.made == Made::Here);
    (made || draft.created.contains_key(&person.name)).then(|| NoticeKey {
        user: person.name.clone(),
        kind: NoticeKind::Welcome,
        by: "account".into(),
    })
}

/// Whether, once the plan is applied, the user can log on and nothing is asked of anybody.
fn is_ready(draft: &Draft<'_>, person: &Person) -> bool {
    let inputs = draft.inputs;
    if let Some(wanted) = &person.account {
        let enabled = observed(inputs, wanted).is_some_and(Account::is_enabled);
        let enables = draft.changes_of(person).any(|c| c.action == Action::Enable);
        if !(enabled || enables) || wanted.trouble.is_some() || is_asked(draft, person) {
            return false;
        }
    }
    let planned = draft.tasks_of(person);
    let mut cancelled = BTreeSet::new();
    for task in planned {
        match task.step {
            TaskStep::Open | TaskStep::Revise => return false,
            TaskStep::Cancel => cancelled.insert(&task.task.id),
        };
    }
    let manual = of_user(&inputs.recorded.manual, &person.name);
    let mut open = manual.filter_map(|(_, state)| state.open.as_deref());
    open.all(|task| cancelled.contains(&task.id))
}

/// Whether the directory's maintainers are asked to change something of a person first.
fn is_asked(draft: &Draft<'_>, person: &Person) -> bool {
    let of_the_directory = |c: &Change| match c.write {
        Write::Adopt { .. } | Write::Row { .. } => false,
        Write::Create { .. }
        | Write::SetPassword { .. }
        | Write::ResetPassword { .. }
        | Write::Modify { .. }
        | Write::Rename { .. }
        | Write::Member { .. } => true,
    };
    let asked = draft.inputs.mode == DirectoryMode::Maintainer;
    asked && draft.changes_of(person).any(of_the_directory)
}

fn observed<'a>(inputs: &Inputs<'a>, wanted: &DesiredAccount) -> Option<&'a Account> {
    let (guid, _) = wanted.known?;
    let accounts = &inputs.observed.directory.as_ref()?.accounts;
    accounts.get(&guid).map(Arc::as_ref)
}

fn login(draft: &Draft<'_>, wanted: &DesiredAccount) -> String {
    let known = observed(draft.inputs, wanted);
    known.map_or_else(|| wanted.login.to_string(), |account| account.login.clone())
}

/// How the user comes to the password.
fn password(draft: &Draft<'_>, person: &Person, wanted: &DesiredAccount) -> String {
    let inputs = draft.inputs;
    let planned = draft.changes_of(person).find_map(|c| match &c.write {
        Write::SetPassword { hand_over, .. } => Some(hand_over.clone()),
        Write::Adopt { .. }
        | Write::Create { .. }
        | Write::ResetPassword { .. }
        | Write::Modify { .. }
        | Write::Rename { .. }
        | Write::Member { .. }
        | Write::Row { .. } => None,
    });
    let recorded = wanted.known.map(|(guid, _)| guid);
    let recorded = recorded.and_then(|guid| inputs.recorded.passwords.get(&guid));
    let handed = match (planned, recorded) {
        (Some(hand_over), _) => hand_over,
        (None, Some(FirstPassword::HandedOver)) => hand_over(inputs, person),
        (None, Some(FirstPassword::Set)) => None,
        (None, None) if inputs.mode == DirectoryMode::Maintainer => {
            return "Password: from who looks after the directory".into();
        }
        (None, None) => return "Password: the one there was".into(),
    };
    match handed {
        Some(HandOver { to: Some(to), .. }) => format!(
            "Password: from {}, who has it encrypted; it is changed at the first log-on",
            to.name.unwrap_or(to.mail)
        ),
        Some(HandOver { to: None, .. }) => "Password: from the service desk, which has it \
             encrypted; it is changed at the first log-on"
            .into(),
        None => "Password: an administrator sets one; ask for it".into(),
    }
}

/// What a person holds, a line each.
fn holdings(draft: &Draft<'_>, person: &Person) -> Vec<String> {
    let desired = draft.inputs.desired;
    let each = person.entitlements.iter();
    let mut lines: Vec<String> = each
        .filter(|(key, _)| key.resource != desired.directory)
        .map(|(key, entitlement)| {
            let terms = desired.resources.get(&key.resource);
            let resource =
                terms.map_or_else(|| key.resource.to_string(), |t| t.display_name.clone());
            let alias = key.identity.as_ref();
            let alias = alias.map(|a| format!(", as {a}")).unwrap_or_default();
            let url = terms.and_then(|t| t.url.as_ref());
            let url = url.map(|u| format!(" <{u}>")).unwrap_or_default();
            format!("{resource}: {}{alias}{url}", entitlement.label)
        })
        .collect();
    lines.sort();
    lines
}

/// To the supervisor: what was taken of who left, and what is asked of whom.
fn departure(draft: &mut Draft<'_>, person: &Person) {
    let inputs = draft.inputs;
    let (Some(key), Some(departure)) = (notice::departed(person), &person.departure) else {
        return;
    };
    let mut manual = of_user(&inputs.recorded.manual, &person.name);
    let had = departure.request.is_some()
        || person.account.as_ref().is_some_and(|a| a.known.is_some())
        || manual.next().is_some();
    if is_closed(inputs, &key) || !had || !leaving::is_gone(person) {
        return;
    }
    let disables = |c: &&Change| {
        matches!(
            c.action,
            Action::Disable | Action::ResetPassword | Action::Expire
        )
    };
    let after: Vec<ChangeId> = draft
        .changes_of(person)
        .filter(disables)
        .map(|c| c.id.clone())
        .collect();
    if let Some(wanted) = &person.account {
        let enabled = observed(inputs, wanted).is_some_and(Account::is_enabled);
        let disabled = draft
            .changes_of(person)
            .any(|c| c.action == Action::Disable);
        let asked = inputs.mode == DirectoryMode::Maintainer;
        if enabled && (!disabled || asked) || wanted.trouble.is_some() {
            return;
        }
    }
    let to = draft.reached(supervisor(inputs, person), &key);
    let name = &person.display_name;
    let last_day = departure.last_day.map(|day| day.to_string());
    let when = last_day.or_else(|| departure.at.map(|at| local(inputs, at)));
    let since = when.map(|when| format!(" on {when}")).unwrap_or_default();
    let mut first = vec![format!("{name} left{since} ({}).", departure.reason)];
    let account = person.account.as_ref().filter(|a| a.known.is_some());
    first.extend(account.map(|a| {
        let login = login(draft, a);
        format!("The account {login} is disabled; nothing is deleted.")
    }));
    let parts = vec![
        part("", first),
        part("Taken away", taken(draft, person)),
        part("Asked of others", asked(draft, person)),
        part("Kept for a time", kept(inputs, person)),
    ];
    let description = person.account.as_ref().and_then(|a| a.farewell.clone());
    draft.tell(
        key,
        Said {
            user_display: name.clone(),
            to,
            after,
            subject: format!("left: {name}"),
            parts,
            description,
            causes: why(departure),
        },
    );
}

fn why(departure: &Departure) -> Vec<crate::desired::Cause> {
    vec![departure.cause.clone()]
}

/// Memberships and entitlements that go by this plan.
fn taken(draft: &Draft<'_>, person: &Person) -> Vec<String> {
    let desired = draft.inputs.desired;
    let each = draft.changes_of(person).filter_map(|c| match &c.write {
        Write::Member {
            change: MemberChange::Remove,
            ..
        } => Some(format!("member of {}", c.what)),
        Write::Row { after: None, .. } => {
            let terms = desired.resources.get(&c.resource);
            let name = terms.map_or_else(|| c.resource.to_string(), |t| t.display_name.clone());
            Some(format!("{name}: {}", c.what))
        }
        Write::Adopt { .. }
        | Write::Create { .. }
        | Write::SetPassword { .. }
        | Write::ResetPassword { .. }
        | Write::Modify { .. }
        | Write::Rename { .. }
        | Write::Member { .. }
        | Write::Row { .. } => None,
    });
    each.collect()
}

/// What is asked of maintainers, now or already.
fn asked(draft: &Draft<'_>, person: &Person) -> Vec<String> {
    let planned = draft
        .tasks_of(person)
        .filter(|t| t.step != TaskStep::Cancel)
        .map(|t| &t.task);
    let manual = of_user(&draft.inputs.recorded.manual, &person.name);
    let open = manual.filter_map(|(_, state)| state.open.as_deref());
    let all = planned.chain(open);
    let revokes = all.filter(|t| t.action == TaskAction::Revoke);
    let lines: BTreeSet<String> = revokes
        .map(|task| {
            let who = task.maintainers.iter();
            let who = who.map(|r| r.name.clone().unwrap_or_else(|| r.mail.clone()));
            let who: Vec<String> = who.collect();
            let (what, of) = (&task.entitlement_label, &task.resource_display);
            format!("{of}: {what}, of {}", who.join(", "))
        })
        .collect();
    lines.into_iter().collect()
}

/// Groups that stay for a time, and until when.
fn kept(inputs: &Inputs<'_>, person: &Person) -> Vec<String> {
    let (Some(wanted), Some(directory)) = (&person.account, &inputs.observed.directory) else {
        return Vec::new();
    };
    let Some((guid, _)) = wanted.known else {
        return Vec::new();
    };
    let mut lines = Vec::new();
    for (globs, retained) in leaving::retained(wanted) {
        let groups = directory.groups_of(guid);
        let limits = inputs.limits;
        let managed = groups.filter(|key| limits.is_some_and(|l| l.covers_group(key)));
        let kept = managed.filter(|key| globs.is_match(key.as_str()));
        let names = kept.filter_map(|key| directory.groups.get(key));
        let until = local(inputs, retained.until);
        lines.extend(names.map(|group| format!("member of {} until {until}", group.name)));
    }
    lines
}
