//! What users' accounts should be, part by part: whether the manifests ask for anything new of a part
//! since a run left it as it should be, or somebody changed it by hand. Pure.
//!
//! Invariant: what the manifests ask for is never taken for somebody's doing. A part is as it was agreed
//! only where it was seen to be what it should be, and should be nothing else now.

use super::limits::Limits;
use super::recorded::{Agreed, AgreedAccount, AgreedNews, Groups, Recorded};
use super::{Action, Change, ChangeId, Plan};
use crate::connector::{AttributeName, Guid};
use crate::desired::{Desired, DesiredAccount, GroupKey, Person};
use crate::diagnostic::Code;
use crate::manifest::config::Membership;
use crate::manifest::user::UserState;
use crate::name::UserName;
use crate::observed::Directory;
use rayon::prelude::*;
use sha2::{Digest as _, Sha256};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

const LOGIN: &str = "sAMAccountName";
const UPN: &str = "userPrincipalName";
const MAIL: &str = "mail";
const PROXIES: &str = "proxyAddresses";
const DESCRIPTION: &str = "description";

/// Attributes of an account that are written whether they are managed or not.
static BESIDES: LazyLock<[AttributeName; 4]> =
    LazyLock::new(|| [LOGIN, UPN, PROXIES, DESCRIPTION].map(AttributeName::from));

/// Changes that nobody brings about by hand in a directory: where a user needs one of them, the rest
/// follows on it. A first password is none: whoever disables an account by hand brings about that it is
/// needed where there was no log-on yet.
fn is_of_a_beginning(change: &Change) -> bool {
    match change.action {
        Action::Adopt | Action::Create | Action::ResetPassword => true,
        Action::SetPassword
        | Action::Disable
        | Action::Expire
        | Action::RemoveMember
        | Action::Revoke
        | Action::Update
        | Action::Rename
        | Action::Move
        | Action::Link
        | Action::AddMember
        | Action::Enable
        | Action::Grant => false,
    }
}

impl Change {
    /// Whether it is one of the directory's; what connectors of other resources keep is theirs.
    fn is_of_the_directory(&self) -> bool {
        match self.write {
            super::Write::Row { .. } => false,
            super::Write::Adopt { .. }
            | super::Write::Create { .. }
            | super::Write::SetPassword { .. }
            | super::Write::ResetPassword { .. }
            | super::Write::Modify { .. }
            | super::Write::Rename { .. }
            | super::Write::Member { .. } => true,
        }
    }
}

impl Plan {
    /// Users whose accounts differ, by what the manifests ask nothing new for: what somebody changed by
    /// hand.
    pub fn drifted<'p>(
        &'p self,
        desired: &Desired,
        recorded: &Recorded,
        limits: Option<&Limits>,
    ) -> BTreeMap<&'p UserName, Vec<&'p Change>> {
        let agreed = &recorded.agreed;
        let mut changes: BTreeMap<&UserName, Vec<&Change>> = BTreeMap::new();
        let Some(limits) = limits.filter(|_| !agreed.users.is_empty()) else {
            return changes;
        };
        for change in self.changes.iter().filter(|c| c.is_of_the_directory()) {
            if let Some(user) = &change.user {
                changes.entry(user).or_default().push(change);
            }
        }
        changes.retain(|user, changes| {
            let person = desired.people.get(*user);
            let wanted = person.and_then(|person| Wanted::of(person, desired, limits));
            match (wanted, agreed.users.get(*user)) {
                (Some(wanted), Some(known)) if !changes.iter().any(|c| is_of_a_beginning(c)) => {
                    changes.retain(|change| wanted.is_by_hand(change, known, &agreed.exact));
                }
                (_, _) => changes.clear(),
            }
            !changes.is_empty()
        });
        changes
    }

    /// What is to be recorded once this plan was carried out as far as these changes came about: which
    /// parts of whose accounts are what they should be, and which no longer are and should be something
    /// else by now. Only what is news; none where nothing is.
    pub fn agreed(
        &self,
        carried: &Self,
        came_about: &BTreeSet<&ChangeId>,
        desired: &Desired,
        recorded: &Recorded,
        limits: &Limits,
        directory: &Directory,
    ) -> Option<AgreedNews> {
        let mut done = BTreeMap::<&UserName, Vec<&Change>>::new();
        let mut open = BTreeMap::<&UserName, Vec<&Change>>::new();
        for change in self.changes.iter().filter(|c| c.is_of_the_directory()) {
            let of = match came_about.contains(&change.id) {
                true => &mut done,
                false => &mut open,
            };
            let Some(user) = &change.user else { continue };
            of.entry(user).or_default().push(change);
        }
        // What somebody did by hand and waits is as it was agreed; what else waits is of nobody knows which part.
        let aside = [
            Code::Drift,
            Code::ResourceRemoved,
            Code::NoFreeSeat,
            Code::NoMail,
            Code::FieldMissing,
            Code::FieldValue,
        ];
        let held = self.held.iter().chain(&carried.held);
        let held = held.filter(|held| !aside.iter().any(|code| held.code == code.as_str()));
        let held: BTreeSet<&UserName> = held.filter_map(|h| h.user.as_ref()).collect();
        let is_made = |changes: &[&Change]| changes.iter().any(|c| c.action == Action::Create);
        let made = done.iter().filter(|(_, changes)| is_made(changes));
        let made: BTreeSet<&UserName> = made.map(|(user, _)| *user).collect();
        let before = &recorded.agreed;
        let nothing = AgreedAccount::default();
        let news = desired.people.par_iter().filter_map(|(name, person)| {
            let known = before.users.get(name).unwrap_or(&nothing);
            let account = person.account.as_ref();
            // Whose account cannot be told is asked about nothing.
            if account.is_some_and(|account| account.trouble.is_some()) {
                return None;
            }
            let wanted = Wanted::of(person, desired, limits);
            let ran = Ran {
                done: done.get(name).map_or(&[], Vec::as_slice),
                open: open.get(name).map_or(&[], Vec::as_slice),
                is_held: held.contains(name),
                made: &made,
                directory,
            };
            let is = wanted.map(|wanted| wanted.made_by(&made).left(known, &ran));
            let is = is.unwrap_or_default();
            (is != *known).then(|| (name.clone(), is))
        });
        let mut news: BTreeMap<UserName, AgreedAccount> = news.collect();
        let gone = before.users.keys();
        let gone = gone.filter(|name| !desired.people.contains_key(*name));
        news.extend(gone.map(|name| (name.clone(), AgreedAccount::default())));
        let exact = exact(desired, limits, directory, before, &done);
        let exact = (exact != before.exact).then_some(exact);
        (exact.is_some() || !news.is_empty()).then_some(AgreedNews { exact, users: news })
    }
}

/// The managed groups that only who is wanted is in: those where nobody who is not has to be taken out
/// still, and those where that was so.
fn exact(
    desired: &Desired,
    limits: &Limits,
    directory: &Directory,
    before: &Agreed,
    done: &BTreeMap<&UserName, Vec<&Change>>,
) -> Groups {
    let (mut exact, mut fresh) = (BTreeSet::new(), Vec::new());
    for key in &desired.named_groups {
        let is_exact = limits.covers_group(key) && limits.membership(key) == Membership::Exact;
        match before.exact.0.contains(key) {
            true if is_exact => drop(exact.insert(key)),
            false if is_exact => fresh.push(key),
            true | false => {}
        }
    }
    if !fresh.is_empty() {
        let accounts = desired.people.values();
        let accounts = accounts.filter_map(|p| Some((p.account.as_ref()?.known?.0, p)));
        let accounts: BTreeMap<Guid, _> = accounts.collect();
        exact.extend(fresh.into_iter().filter(|key| {
            let group = directory.groups.get(key);
            let mut members = group.into_iter().flat_map(|group| &group.members);
            !members.any(|member| {
                let person = directory.at(member).and_then(|guid| accounts.get(&guid));
                person.is_some_and(|person| {
                    let account = person.account.as_ref();
                    let is_wanted = account.is_some_and(|a| a.groups.contains_key(key));
                    let done = done.get(&person.name).map_or(&[][..], Vec::as_slice);
                    !is_wanted && !came(done, Action::RemoveMember, key)
                })
            })
        }));
    }
    Groups(exact.into_iter().cloned().collect())
}

/// Whether a membership came or went.
fn came(done: &[&Change], action: Action, group: &GroupKey) -> bool {
    let mut of = done.iter().filter(|change| change.action == action);
    of.any(|change| GroupKey::new(&change.what) == *group)
}

/// What a run did about one user.
struct Ran<'a> {
    /// What came about.
    done: &'a [&'a Change],
    /// What did not.
    open: &'a [&'a Change],
    /// Whether something of the user waits that is no change of this plan.
    is_held: bool,
    /// Whose accounts were made.
    made: &'a BTreeSet<&'a UserName>,
    /// The directory before it.
    directory: &'a Directory,
}

/// A part of an account that somebody can change by hand by itself.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Part<'a> {
    /// Whether it can be logged on to.
    LogOn,
    /// Common name and OU.
    Place,
    /// An attribute: names and links too.
    Attribute(&'a AttributeName),
    /// That it is in no group of those where only who is wanted may be.
    NoOtherGroup,
}

impl Change {
    /// The parts of an account that it is about; memberships that come aside.
    fn parts(&self) -> Vec<Part<'_>> {
        match self.action {
            Action::Disable
            | Action::ResetPassword
            | Action::Expire
            | Action::SetPassword
            | Action::Enable => vec![Part::LogOn],
            Action::Rename | Action::Move => vec![Part::Place],
            Action::Update | Action::Link => {
                let fields = self.fields.iter();
                fields.map(|f| Part::Attribute(&f.name)).collect()
            }
            Action::RemoveMember => vec![Part::NoOtherGroup],
            Action::AddMember | Action::Adopt | Action::Create | Action::Grant | Action::Revoke => {
                Vec::new()
            }
        }
    }
}

/// What an account should be.
pub(super) struct Wanted<'a> {
    person: &'a Person,
    account: &'a DesiredAccount,
    desired: &'a Desired,
    limits: &'a Limits,
    /// Whose accounts are there by now besides.
    made: Option<&'a BTreeSet<&'a UserName>>,
    /// Names that no manifest says, and what is made of them: they are as somebody has them in the
    /// directory, and asked for by nobody.
    kept: Vec<&'a str>,
}

impl<'a> Wanted<'a> {
    /// What the account of a user should be; none where that cannot be told, or there should be none.
    pub(super) fn of(person: &'a Person, desired: &'a Desired, limits: &'a Limits) -> Option<Self> {
        let account = person.account.as_ref().filter(|a| a.trouble.is_none())?;
        let said = &account.said;
        let mail = account.attributes.get(&MAIL.into());
        let kept = [
            mail.filter(|_| !said.mail).map(|mail| &**mail),
            (!said.login).then_some(&*account.upn),
            (!said.login).then_some(&*account.login),
        ];
        let kept = kept.into_iter().flatten().filter(|name| !name.is_empty());
        Some(Self {
            person,
            account,
            desired,
            limits,
            made: None,
            kept: kept.collect(),
        })
    }

    fn made_by(self, made: &'a BTreeSet<&'a UserName>) -> Self {
        let made = Some(made);
        Self { made, ..self }
    }

    /// Whether an attribute should be what it should have been when a run left it so.
    pub(super) fn is_agreed(&self, attribute: &AttributeName, known: &AgreedAccount) -> bool {
        self.is_as(Part::Attribute(attribute), known)
    }

    fn is_as(&self, part: Part<'_>, known: &AgreedAccount) -> bool {
        let print = self.print(part);
        print.is_some_and(|print| known.parts.contains(&print))
    }

    /// Whether a change only undoes what somebody did.
    fn is_by_hand(&self, change: &Change, known: &AgreedAccount, exact: &Groups) -> bool {
        let group = || GroupKey::new(&change.what);
        let is_left = self.person.state == UserState::Left;
        match change.action {
            Action::AddMember => known.groups.0.contains(&group()),
            Action::RemoveMember => {
                let is_clean = self.is_as(Part::NoOtherGroup, known);
                let may_nobody_else = match is_left {
                    true => self.is_as(Part::LogOn, known),
                    false => exact.0.contains(&group()),
                };
                is_clean && may_nobody_else && !known.groups.0.contains(&group())
            }
            Action::Disable
            | Action::ResetPassword
            | Action::Expire
            | Action::SetPassword
            | Action::Enable
            | Action::Rename
            | Action::Move
            | Action::Update
            | Action::Link
            | Action::Adopt
            | Action::Create
            | Action::Grant
            | Action::Revoke => {
                let parts = change.parts();
                !parts.is_empty() && parts.into_iter().all(|part| self.is_as(part, known))
            }
        }
    }

    /// What of it is as it should be after a run: what it was agreed to be where that is so still, and
    /// whatever nothing was left to do for.
    fn left(&self, known: &AgreedAccount, ran: &Ran<'_>) -> AgreedAccount {
        let name = &self.person.name;
        let is_there = self.account.known.is_some() || ran.made.contains(name);
        let is_open = |part: Part<'_>| ran.open.iter().any(|c| c.parts().contains(&part));
        let parts = self.parts().into_iter().filter_map(|part| {
            let print = self.print(part)?;
            let settled = is_there && !ran.is_held && !is_open(part);
            (settled || known.parts.contains(&print)).then_some(print)
        });
        let guid = self.account.known.map(|(guid, _)| guid);
        let was_member = |key: &GroupKey| guid.is_some_and(|g| ran.directory.is_member(g, key));
        let is_member = |key: &GroupKey| {
            came(ran.done, Action::AddMember, key)
                || was_member(key) && !came(ran.done, Action::RemoveMember, key)
        };
        let wanted = self.account.groups.iter().map(|(key, _)| key);
        let wanted = wanted.filter(|key| is_member(key) || known.groups.0.contains(*key));
        // To be taken away still.
        let unwanted = known.groups.0.iter();
        let unwanted = unwanted.filter(|key| !self.account.groups.contains_key(key));
        let groups = wanted.chain(unwanted.filter(|key| is_member(key)));
        let groups = groups.filter(|key| self.limits.covers_group(key));
        AgreedAccount {
            parts: parts.collect(),
            groups: Groups(groups.cloned().collect()),
        }
    }

    /// The parts that it has.
    fn parts(&self) -> Vec<Part<'a>> {
        let mut parts = vec![Part::LogOn, Part::Place, Part::NoOtherGroup];
        let attributes = self.desired.rules.attributes.iter().chain(&*BESIDES);
        parts.extend(attributes.map(Part::Attribute));
        parts
    }

    /// The fingerprint of what a part should be; none where it may be anything.
    fn print(&self, part: Part<'_>) -> Option<u32> {
        let Self {
            account, person, ..
        } = self;
        let DesiredAccount {
            known: _,
            trouble: _,
            provisional: _,
            said: _,
            login,
            upn,
            cn,
            ou,
            enabled,
            retained,
            farewell,
            attributes,
            links,
            groups: _,
            causes: _,
        } = account;
        let is_left = person.state == UserState::Left;
        let mut print = Print::default();
        match part {
            Part::LogOn => {
                print.add("log-on");
                print.add(person.state.as_str());
                print.add(if *enabled { "enabled" } else { "disabled" });
                for retained in retained {
                    print.add(&retained.until.to_string());
                    retained.groups.iter().for_each(|group| print.add(group));
                }
            }
            Part::Place => {
                print.add("place");
                print.add(cn);
                ou.iter().for_each(|unit| print.add(unit));
            }
            Part::NoOtherGroup => print.add("groups"),
            // Those who left keep their attributes as they were.
            Part::Attribute(name) if is_left => {
                let farewell = farewell.as_ref().filter(|_| name.is(DESCRIPTION))?;
                print.add(DESCRIPTION);
                print.add(farewell);
            }
            Part::Attribute(name) => {
                print.add(&name.as_str().to_lowercase());
                let rules = &self.desired.rules.attributes;
                let is_managed = rules.contains(name) && self.limits.covers_attribute(name);
                let value = attributes.get(name);
                match links.get(name) {
                    _ if name.is(LOGIN) => print.add(&self.asked(login)),
                    _ if name.is(UPN) => print.add(&self.asked(upn)),
                    _ if name.is(PROXIES) => {
                        let both = attributes.get(&MAIL.into()).into_iter().chain(value);
                        both.for_each(|v| print.add(&self.asked(v)));
                    }
                    _ if !is_managed => return None,
                    Some(user) => {
                        print.add(user.as_str());
                        print.add(if self.is_there(user) { "there" } else { "" });
                    }
                    None => value.into_iter().for_each(|v| print.add(&self.asked(v))),
                }
            }
        }
        Some(print.end())
    }

    /// A text without the names in it that nobody asks for.
    fn asked<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let kept = self.kept.iter();
        kept.fold(Cow::Borrowed(text), |text, name| {
            match text.len() >= name.len() && text.contains(name) {
                true => Cow::Owned(text.replace(name, "\u{0}")),
                false => text,
            }
        })
    }

    fn is_there(&self, user: &UserName) -> bool {
        let other = self.desired.people.get(user);
        let other = other.and_then(|person| person.account.as_ref());
        other.is_some_and(|a| a.known.is_some())
            || self.made.is_some_and(|made| made.contains(user))
    }
}

/// Texts → 32 bits that tell them from others.
#[derive(Default)]
struct Print(Sha256);

impl Print {
    fn add(&mut self, text: &str) {
        self.0.update(text.len().to_le_bytes());
        self.0.update(text);
    }

    fn end(self) -> u32 {
        let digest = self.0.finalize();
        let first = digest.iter().take(4);
        first.fold(0, |print, byte| print << 8 | u32::from(*byte))
    }
}
