//! Accounts: adopted, created, disabled, updated, renamed, moved, linked, enabled. Never deleted.

use super::{Draft, Proposal, by_hand, causes, leaving, notices, proxies};
use crate::connector::active_directory::matching::{self, NEVER, uac};
use crate::connector::{
    At, AttributeName, Attributes, Guid, Modification, ModificationKind, Value,
};
use crate::desired::{Cause, DesiredAccount, Person, Tie};
use crate::diagnostic::Code;
use crate::dn::{Dn, Rdn};
use crate::manifest::user::UserState;
use crate::observed::{Account, Directory, Protection};
use crate::plan::agreed::Wanted;
use crate::plan::limits::Limits;
use crate::plan::{Action, ChangeId, DirectoryMode, FieldChange, Finding, Write};
use std::sync::Arc;

const CONTROL: &str = "userAccountControl";

/// What one person's account needs, links and memberships aside.
pub(super) fn account(
    draft: &mut Draft<'_>,
    person: &Person,
    directory: &Directory,
    limits: &Limits,
) {
    let Some(wanted) = &person.account else {
        return;
    };
    if let Some(trouble) = &wanted.trouble {
        let what = format!("the account of {}", person.name);
        draft.hold(
            trouble.code,
            Some(&person.name),
            what,
            trouble.reason.clone(),
            &causes(person),
        );
        return;
    }
    let known = wanted
        .known
        .and_then(|(guid, tie)| Some((directory.accounts.get(&guid)?, tie)));
    match known {
        Some((account, tie)) => present(draft, person, wanted, account, tie, directory, limits),
        None if person.state == UserState::Left => {}
        None => absent(draft, person, wanted, directory, limits),
    }
}

/// Whether an account may be touched; if not, says so where something would be done.
fn untouchable(person: &Person, account: &Account, limits: &Limits) -> Option<(Code, String)> {
    if !limits.covers(&account.dn) {
        return Some((
            Code::Outside,
            format!("the account stands outside the managed OUs: {}", account.dn),
        ));
    }
    let why = match account.protection {
        Some(Protection::BuiltIn) => "it is built in, or the system depends on it",
        Some(Protection::OwnLogOn) => "it is the one this program logs on with",
        Some(Protection::AdminCount) => "it is or was in a protected group (adminCount)",
        None if limits.protected.contains(&account.login.to_lowercase()) => {
            "the operator protects it"
        }
        None => return None,
    };
    let whose = &person.name;
    Some((
        Code::Protected,
        format!("the account of {whose} is protected: {why}; a person must do it"),
    ))
}

fn present(
    draft: &mut Draft<'_>,
    person: &Person,
    wanted: &DesiredAccount,
    account: &Account,
    tie: Tie,
    directory: &Directory,
    limits: &Limits,
) {
    let before = draft.changes.len();
    let held_before = draft.held.len();
    let resource = &draft.inputs.desired.directory;
    let name = &person.name;
    let why = causes(person);
    let mut adopted = Vec::new();
    if tie != Tie::Recorded {
        let by = match tie {
            Tie::Declared => "its objectGUID, which the manifest names",
            Tie::Anchored | Tie::Recorded => "the anchor attribute",
        };
        adopted.push(draft.change(Proposal {
            action: Action::Adopt,
            user: Some(name),
            resource,
            target: account.login.clone(),
            what: format!("found by {by}"),
            write: Write::Adopt {
                guid: account.guid,
                dn: account.dn.clone(),
            },
            fields: Vec::new(),
            after: Vec::new(),
            causes: &why,
        }));
    }
    let disabled = (!wanted.enabled && account.is_enabled()).then(|| {
        let control = account.control | uac::ACCOUNTDISABLE;
        let causes = super::ending(person);
        draft.control(
            person,
            account,
            control,
            Action::Disable,
            &causes,
            Vec::new(),
        )
    });
    leaving::lock_out(draft, person, account, disabled);
    // Those who left keep their attributes as they were.
    match person.state {
        UserState::Left => leaving::farewell(draft, person, wanted, account, limits),
        UserState::Active | UserState::Suspended => {
            for trouble in &person.kept_names {
                let what = format!("another name for {}", account.login);
                let reason = trouble.reason.clone();
                draft.hold(trouble.code, Some(name), what, reason, &why);
            }
            lost(draft, person, wanted, account);
            update(draft, person, wanted, account, directory, limits);
        }
    }
    relocate(draft, person, wanted, account, directory, limits);
    if wanted.enabled && !account.is_enabled() {
        let mut after = adopted;
        if leaving::needs_password(draft, person, account, limits) {
            let (target, at) = (account.login.clone(), account.place());
            after.push(draft.password(person, target, at, Vec::new()));
        }
        let control = account.control & !uac::ACCOUNTDISABLE & !uac::PASSWD_NOTREQD;
        draft.control(person, account, control, Action::Enable, &why, after);
    }
    let touched = draft.changes[before..]
        .iter()
        .any(|c| c.action != Action::Adopt);
    let forbidden = untouchable(person, account, limits);
    let why_not = forbidden.as_ref().map(|(_, reason)| reason.as_str());
    by_hand::by_hand(draft, person, account, why_not);
    if let Some((code, reason)) = forbidden
        && (touched || draft.changes.len() > before || draft.held.len() > held_before)
    {
        let dropped: Vec<String> = draft
            .changes
            .drain(before..)
            .map(|c| c.action.as_str().to_owned())
            .collect();
        draft.moved.remove(&account.guid);
        draft.hold(
            code,
            Some(name),
            format!("{} {}", dropped.join(", "), account.login),
            reason,
            &why,
        );
    }
}

impl Draft<'_> {
    /// Changes the bits of userAccountControl on the condition that they are as they were read.
    fn control(
        &mut self,
        person: &Person,
        account: &Account,
        control: u32,
        action: Action,
        causes: &[Cause],
        after: Vec<ChangeId>,
    ) -> ChangeId {
        let old = account.control_text.clone();
        let new = Value::from(control.cast_signed().to_string());
        let mut fields = vec![FieldChange {
            name: CONTROL.into(),
            before: old.iter().cloned().collect(),
            after: vec![new],
        }];
        if action == Action::Enable && leaving::has_expired(self, account) {
            let expires = AttributeName::from(leaving::EXPIRES);
            let old = account.values(&expires);
            let new = [Value::from(NEVER.to_string())];
            fields.push(FieldChange {
                name: expires,
                before: old.to_vec(),
                after: new.to_vec(),
            });
        }
        self.modify(person, account, action, fields, after, causes)
    }

    /// Changes attributes of an account that is there, on the condition that they are as they were read.
    pub(super) fn modify(
        &mut self,
        person: &Person,
        account: &Account,
        action: Action,
        fields: Vec<FieldChange>,
        after: Vec<ChangeId>,
        causes: &[Cause],
    ) -> ChangeId {
        let steps = fields
            .iter()
            .map(|f| exchange(&f.name, &f.before, &f.after));
        let modifications = steps.flatten().collect();
        self.change(Proposal {
            action,
            user: Some(&person.name),
            resource: &self.inputs.desired.directory,
            target: account.login.clone(),
            what: String::new(),
            write: Write::Modify {
                at: account.place(),
                dn: account.dn.clone(),
                modifications,
            },
            fields,
            after,
            causes,
        })
    }

    /// A first password, handed on to whom it can be.
    fn password(
        &mut self,
        person: &Person,
        target: String,
        at: At,
        after: Vec<ChangeId>,
    ) -> ChangeId {
        let hand_over = notices::hand_over(self.inputs, person);
        let names = person.every_name().chain([target.as_str()]);
        let avoid = names.map(str::to_owned).collect();
        self.change(Proposal {
            action: Action::SetPassword,
            user: Some(&person.name),
            resource: &self.inputs.desired.directory,
            target,
            what: match (&hand_over, self.inputs.mode) {
                (Some(_), _) | (None, DirectoryMode::Maintainer) => {
                    "generated, to be changed at the first log-on".into()
                }
                (None, DirectoryMode::Direct) => {
                    "generated, known to nobody: an administrator resets it".into()
                }
            },
            write: Write::SetPassword {
                at,
                avoid,
                hand_over,
            },
            fields: Vec::new(),
            after,
            causes: &causes(person),
        })
    }
}

/// Delete-old + add-new: nothing is overwritten that was not read (AD.md 76).
pub(super) fn exchange(
    attribute: &AttributeName,
    old: &[Value],
    new: &[Value],
) -> Vec<Modification> {
    let step = |operation, values: &[Value]| Modification {
        operation,
        attribute: attribute.clone(),
        values: values.to_vec(),
    };
    let gone: Vec<Value> = old.iter().filter(|v| !new.contains(v)).cloned().collect();
    let come: Vec<Value> = new.iter().filter(|v| !old.contains(v)).cloned().collect();
    let mut steps = Vec::new();
    if !gone.is_empty() {
        steps.push(step(ModificationKind::Delete, &gone));
    }
    if !come.is_empty() {
        steps.push(step(ModificationKind::Add, &come));
    }
    steps
}

/// Says where a login name that was changed by hand stays so, because the one before is another's by now.
fn lost(draft: &mut Draft<'_>, person: &Person, wanted: &DesiredAccount, account: &Account) {
    let recorded = draft.inputs.recorded.accounts.get(&person.name);
    let Some(recorded) = recorded.filter(|r| r.guid == account.guid) else {
        return;
    };
    let is = |login: &str| login.eq_ignore_ascii_case(&account.login);
    if !is(&recorded.login) && is(&wanted.login) && !wanted.said.login {
        draft.findings.push(Finding {
            code: Code::Drift.as_str().into(),
            message: format!(
                "{}: the login name {} was changed to {} by hand, and is another's by now; it stays",
                person.name, recorded.login, account.login
            ),
        });
    }
}

fn update(
    draft: &mut Draft<'_>,
    person: &Person,
    wanted: &DesiredAccount,
    account: &Account,
    directory: &Directory,
    limits: &Limits,
) {
    let mut fields = Vec::new();
    let mut put = |attribute: &AttributeName, old: &[Value], new: Vec<Value>| {
        fields.push(FieldChange {
            name: attribute.clone(),
            before: old.to_vec(),
            after: new,
        });
    };
    let names = [
        ("sAMAccountName", &wanted.login),
        ("userPrincipalName", &wanted.upn),
    ];
    for (attribute, value) in names {
        let attribute = AttributeName::from(attribute);
        let old = account.values(&attribute);
        if is_spelled_so(old, Some(value)) {
            continue;
        }
        let new = vec![Value::from(&**value)];
        if !matching::same_values(&attribute, old, &new) {
            put(&attribute, old, new);
        }
    }
    let (mut texts, mut olds) = (wanted.attributes.in_turn(), account.attributes.in_turn());
    for managed in limits.attributes() {
        let attribute = &managed.name;
        let text = texts.get(attribute);
        let old = olds.get(attribute).map_or(&[][..], Vec::as_slice);
        if is_spelled_so(old, text) || managed.is_link || wanted.links.contains_key(attribute) {
            continue;
        }
        if attribute.is(proxies::ATTRIBUTE) {
            continue;
        }
        let new: Vec<Value> = text.into_iter().map(|t| Value::from(&**t)).collect();
        if matching::same_values(attribute, old, &new) {
            continue;
        }
        if let Some(reason) = refused(attribute, &new) {
            let what = format!("update {attribute} of {}", account.login);
            draft.held.push(crate::plan::Held {
                code: Code::ValueRejected.as_str().into(),
                user: Some(person.name.clone()),
                what,
                reason,
                causes: causes(person).to_vec(),
            });
            continue;
        }
        put(attribute, old, new);
    }
    if let Some((old, new)) = leaving::no_farewell(draft, person, account, limits) {
        put(&leaving::DESCRIPTION.into(), &old, new);
    }
    if let Some(new) = proxies::wanted(draft, person, wanted, account, directory, limits) {
        let attribute = AttributeName::from(proxies::ATTRIBUTE);
        put(&attribute, account.values(&attribute), new);
    }
    if fields.is_empty() {
        return;
    }
    // What somebody changed by hand is undone by itself: it may have to stay, and the rest come.
    let inputs = draft.inputs;
    let agreed = inputs.recorded.agreed.users.get(&person.name);
    let agreed =
        agreed.and_then(|agreed| Some((agreed, Wanted::of(person, inputs.desired, limits)?)));
    let is_by_hand = |attribute: &AttributeName| {
        let agreed = agreed.as_ref();
        agreed.is_some_and(|(agreed, wanted)| wanted.is_agreed(attribute, agreed))
    };
    let (undone, asked) = fields
        .into_iter()
        .partition::<Vec<_>, _>(|field| is_by_hand(&field.name));
    for fields in [asked, undone] {
        if !fields.is_empty() {
            let action = Action::Update;
            draft.modify(person, account, action, fields, Vec::new(), &causes(person));
        }
    }
}

/// Whether the values are these texts to the letter, as most are.
fn is_spelled_so(values: &[Value], text: Option<&Arc<str>>) -> bool {
    match (values, text) {
        ([], None) => true,
        ([value], Some(text)) => value.bytes() == text.as_bytes(),
        _ => false,
    }
}

/// Why the directory would not take these values, if it would not (AD.md 17).
pub(super) fn refused(attribute: &AttributeName, values: &[Value]) -> Option<String> {
    let longest = matching::longest(attribute)?;
    let value = values.iter().find(|v| matching::length(v) > longest)?;
    let length = matching::length(value);
    Some(format!(
        "`{attribute}` has {length} characters, and the directory takes {longest} at most"
    ))
}

fn relocate(
    draft: &mut Draft<'_>,
    person: &Person,
    wanted: &DesiredAccount,
    account: &Account,
    directory: &Directory,
    limits: &Limits,
) {
    let renamed = *account.dn.name() != *wanted.cn && person.state != UserState::Left;
    let unit = (!wanted.ou.is_empty()).then(|| draft.unit(limits, &wanted.ou));
    let moved = unit
        .as_ref()
        .is_some_and(|unit| !account.dn.stands_in(unit));
    if !renamed && !moved {
        return;
    }
    let here = || account.dn.parent().unwrap_or_else(|| limits.base.clone());
    let parent = unit.unwrap_or_else(here);
    let rdn = match renamed {
        true => Rdn::new("CN", &wanted.cn),
        false => account.dn.rdn(),
    };
    let goal = parent.child(rdn.clone());
    let what = format!("move {} to {goal}", account.login);
    if moved && !draft.place(person, &parent, &what, directory, limits) {
        return;
    }
    if directory
        .at(&goal)
        .is_some_and(|other| other != account.guid)
    {
        let reason = format!("{goal} is taken by something that belongs to nobody here");
        draft.hold(
            Code::NameHeld,
            Some(&person.name),
            what,
            reason,
            &causes(person),
        );
        return;
    }
    draft.moved.insert(account.guid, goal.clone());
    draft.change(Proposal {
        action: if moved { Action::Move } else { Action::Rename },
        user: Some(&person.name),
        resource: &draft.inputs.desired.directory,
        target: account.login.clone(),
        what: String::new(),
        write: Write::Rename {
            guid: account.guid,
            dn: account.dn.clone(),
            rdn,
            parent,
        },
        fields: vec![FieldChange {
            name: "distinguishedName".into(),
            before: vec![Value::from(account.dn.to_string())],
            after: vec![Value::from(goal.to_string())],
        }],
        after: Vec::new(),
        causes: &causes(person),
    });
}

impl Draft<'_> {
    /// The unit of these OUs, outermost first.
    fn unit(&mut self, limits: &Limits, ou: &Arc<[String]>) -> Dn {
        let known = self.units.entry(ou.clone());
        let dn = known.or_insert_with(|| Dn::of_ous(&limits.base, ou));
        dn.clone()
    }

    /// Whether an account may stand below this OU; if not, says so.
    fn place(
        &mut self,
        person: &Person,
        parent: &Dn,
        what: &str,
        directory: &Directory,
        limits: &Limits,
    ) -> bool {
        let leavers = limits.leavers_ou.as_ref() == Some(parent);
        let (code, reason) = if !limits.covers(parent) {
            let whose = if leavers { "the leavers' OU" } else { "the OU" };
            (
                Code::Outside,
                format!("{whose} {parent} is not within the managed OUs"),
            )
        } else if !directory.units.contains(parent) {
            (
                Code::OuMissing,
                format!("{parent} is not in the directory, or cannot be seen"),
            )
        } else {
            return true;
        };
        self.hold(code, Some(&person.name), what, reason, &causes(person));
        false
    }
}

fn absent(
    draft: &mut Draft<'_>,
    person: &Person,
    wanted: &DesiredAccount,
    directory: &Directory,
    limits: &Limits,
) {
    let name = &person.name;
    let why = causes(person);
    let what = format!("create the account {}", wanted.login);
    if wanted.ou.is_empty() {
        // Reported when the state was expanded.
        return;
    }
    let parent = draft.unit(limits, &wanted.ou);
    if !draft.place(person, &parent, &what, directory, limits) {
        return;
    }
    let dn = parent.child(Rdn::new("CN", &wanted.cn));
    if directory.at(&dn).is_some() {
        let reason = format!(
            "{dn} is taken by something that belongs to nobody here; adopt it, or give the user another name"
        );
        draft.hold(Code::NameHeld, Some(name), what, reason, &why);
        return;
    }
    let (attributes, refusal) = new_attributes(wanted, limits);
    if let Some(reason) = refusal {
        draft.hold(Code::ValueRejected, Some(name), what, reason, &why);
        return;
    }
    let shown = attributes
        .iter()
        .filter(|(attribute, _)| !attribute.is("objectClass") && !attribute.is(CONTROL))
        .map(|(name, values)| FieldChange {
            name: name.clone(),
            before: Vec::new(),
            after: values.clone(),
        })
        .collect();
    let resource = &draft.inputs.desired.directory;
    let created = draft.change(Proposal {
        action: Action::Create,
        user: Some(name),
        resource,
        target: wanted.login.to_string(),
        what: dn.to_string(),
        write: Write::Create {
            dn: dn.clone(),
            attributes,
        },
        fields: shown,
        after: Vec::new(),
        causes: &why,
    });
    draft
        .created
        .insert(name.clone(), (created.clone(), dn.clone()));
    if !wanted.enabled {
        return;
    }
    let password = draft.password(
        person,
        wanted.login.to_string(),
        At::Dn(dn.clone()),
        vec![created.clone()],
    );
    let old = Value::from((uac::NORMAL_ACCOUNT | uac::ACCOUNTDISABLE).to_string());
    let new = Value::from(uac::NORMAL_ACCOUNT.to_string());
    let modifications = exchange(
        &CONTROL.into(),
        std::slice::from_ref(&old),
        std::slice::from_ref(&new),
    );
    draft.change(Proposal {
        action: Action::Enable,
        user: Some(name),
        resource,
        target: wanted.login.to_string(),
        what: String::new(),
        write: Write::Modify {
            at: At::Dn(dn.clone()),
            dn,
            modifications,
        },
        fields: vec![FieldChange {
            name: CONTROL.into(),
            before: vec![old],
            after: vec![new],
        }],
        after: vec![created, password],
        causes: &why,
    });
}

/// The attributes a new account is made with, and why the directory would refuse one.
fn new_attributes(wanted: &DesiredAccount, limits: &Limits) -> (Attributes, Option<String>) {
    let mut attributes = Attributes::new();
    let classes = ["top", "person", "organizationalPerson", "user"];
    attributes.insert("objectClass".into(), classes.map(Value::from).to_vec());
    let control = (uac::NORMAL_ACCOUNT | uac::ACCOUNTDISABLE).to_string();
    let own = [
        ("cn", &*wanted.cn),
        ("sAMAccountName", &*wanted.login),
        ("userPrincipalName", &*wanted.upn),
        (CONTROL, &*control),
    ];
    for (name, value) in own {
        attributes.insert(name.into(), vec![Value::from(value)]);
    }
    for (attribute, value) in &wanted.attributes {
        if limits.covers_attribute(attribute) {
            attributes.insert(attribute.clone(), vec![Value::from(&**value)]);
        }
    }
    let refusal = attributes
        .iter()
        .find_map(|(name, values)| refused(name, values));
    (attributes, refusal)
}

/// Links to other accounts (`manager`).
pub(super) fn links(
    draft: &mut Draft<'_>,
    person: &Person,
    directory: &Directory,
    limits: &Limits,
) {
    let Some(wanted) = &person.account else {
        return;
    };
    if wanted.trouble.is_some() || person.state == UserState::Left {
        return;
    }
    let linked = limits.attributes().iter();
    for managed in linked.filter(|m| m.is_link || wanted.links.contains_key(&m.name)) {
        let attribute = &managed.name;
        let goal = wanted
            .links
            .get(attribute)
            .map(|user| goal(draft, user, directory));
        let (goal, needs) = match goal {
            Some(Some((dn, needs))) => (Some(dn), needs),
            // The other has no account (yet): nothing is known, so nothing is changed.
            Some(None) => continue,
            None => (None, None),
        };
        link(
            draft, person, wanted, attribute, goal, needs, directory, limits,
        );
    }
}

/// Where another user's account will stand, and the change that creates it.
fn goal(
    draft: &Draft<'_>,
    user: &crate::name::UserName,
    directory: &Directory,
) -> Option<(Dn, Option<ChangeId>)> {
    if let Some((change, dn)) = draft.created.get(user) {
        return Some((dn.clone(), Some(change.clone())));
    }
    let (guid, _) = draft
        .inputs
        .desired
        .people
        .get(user)?
        .account
        .as_ref()?
        .known?;
    Some((draft.final_place(guid, directory)?, None))
}

impl Draft<'_> {
    /// Where an account will stand when the plan's moves are done.
    pub(super) fn final_place(&self, guid: Guid, directory: &Directory) -> Option<Dn> {
        let moved = self.moved.get(&guid).cloned();
        moved.or_else(|| directory.accounts.get(&guid).map(|a| a.dn.clone()))
    }
}

#[allow(clippy::too_many_arguments)]
fn link(
    draft: &mut Draft<'_>,
    person: &Person,
    wanted: &DesiredAccount,
    attribute: &AttributeName,
    goal: Option<Dn>,
    needs: Option<ChangeId>,
    directory: &Directory,
    limits: &Limits,
) {
    let why = causes(person);
    let known = wanted
        .known
        .and_then(|(guid, _)| directory.accounts.get(&guid));
    let mut after: Vec<ChangeId> = needs.into_iter().collect();
    let (at, dn, old, login) = match (known, draft.created.get(&person.name)) {
        (Some(account), _) => {
            if untouchable(person, account, limits).is_some() {
                return;
            }
            let read = account.values(attribute).first().and_then(Value::text);
            let read = read.and_then(|text| match &goal {
                Some(goal) if **goal.text() == *text => Some(goal.clone()),
                Some(_) | None => Dn::parse(text).ok(),
            });
            // A link follows its target: compare and remove it where the target will stand.
            let old = read.map(|dn| {
                let moved = directory
                    .at(&dn)
                    .and_then(|guid| draft.moved.get(&guid).cloned());
                moved.unwrap_or(dn)
            });
            let dn = draft
                .final_place(account.guid, directory)
                .unwrap_or(account.dn.clone());
            (account.place(), dn, old, account.login.clone())
        }
        (None, Some((created, dn))) => {
            after.push(created.clone());
            let login = wanted.login.to_string();
            (At::Dn(dn.clone()), dn.clone(), None, login)
        }
        (None, None) => return,
    };
    if old == goal {
        return;
    }
    let value = |dn: &Dn| Value::from(dn.to_string());
    let old: Vec<Value> = old.iter().map(value).collect();
    let new: Vec<Value> = goal.iter().map(value).collect();
    let modifications = exchange(attribute, &old, &new);
    let resource = &draft.inputs.desired.directory;
    draft.change(Proposal {
        action: Action::Link,
        user: Some(&person.name),
        resource,
        target: login,
        what: attribute.to_string(),
        write: Write::Modify {
            at,
            dn,
            modifications,
        },
        fields: vec![FieldChange {
            name: attribute.clone(),
            before: old,
            after: new,
        }],
        after,
        causes: &why,
    });
}

/// Whether nothing may be done to a known account; what memberships ask too.
pub(super) fn is_untouchable(person: &Person, account: &Account, limits: &Limits) -> bool {
    untouchable(person, account, limits).is_some()
}
