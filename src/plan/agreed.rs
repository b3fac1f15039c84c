//! What users' accounts should be, as fingerprints: whether the manifests ask for anything new since
//! a run left nothing to do, or somebody changed something by hand. Pure.

use super::recorded::{Agreed, Recorded};
use super::{Action, Change, ChangeId, Plan, limits::Outer};
use crate::desired::{Desired, DesiredAccount, Person};
use crate::manifest::user::UserState;
use crate::name::UserName;
use rayon::prelude::*;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};

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
    /// Users whom the manifests ask nothing new for, and what differs all the same: what somebody
    /// changed by hand.
    pub fn drifted<'p>(
        &'p self,
        desired: &Desired,
        recorded: &Recorded,
        outer: &Outer,
    ) -> BTreeMap<&'p UserName, Vec<&'p Change>> {
        let agreed = &recorded.agreed;
        if agreed.users.is_empty() || agreed.rules != rules(desired, outer) {
            return BTreeMap::new();
        }
        let mut changes: BTreeMap<&UserName, Vec<&Change>> = BTreeMap::new();
        for change in self.changes.iter().filter(|c| c.is_of_the_directory()) {
            if let Some(user) = &change.user {
                changes.entry(user).or_default().push(change);
            }
        }
        let nobody = BTreeSet::new();
        changes.retain(|user, changes| {
            let person = desired.people.get(*user);
            let now = person.and_then(|person| fingerprint(person, desired, &nobody));
            let same = now.is_some() && now.as_ref() == agreed.users.get(*user);
            same && !changes.iter().any(|c| is_of_a_beginning(c))
        });
        changes
    }

    /// What is to be recorded once this plan was carried out as far as these changes came about: whose
    /// accounts are what they should be, and whose no longer are and should be something else by now.
    /// Only what is news; none where nothing is.
    pub fn agreed(
        &self,
        carried: &Self,
        came_about: &BTreeSet<&ChangeId>,
        desired: &Desired,
        recorded: &Recorded,
        outer: &Outer,
    ) -> Option<Agreed> {
        let rules = rules(desired, outer);
        let left = self.changes.iter().filter(|c| c.is_of_the_directory());
        let left = left.filter(|c| !came_about.contains(&c.id));
        let held = self.held.iter().chain(&carried.held);
        let unsettled: BTreeSet<&UserName> = left
            .filter_map(|c| c.user.as_ref())
            .chain(held.filter_map(|h| h.user.as_ref()))
            .collect();
        let made = self.changes.iter().filter(|c| c.action == Action::Create);
        let made = made.filter(|c| came_about.contains(&c.id));
        let made: BTreeSet<&UserName> = made.filter_map(|c| c.user.as_ref()).collect();
        let before = &recorded.agreed;
        let news = desired.people.par_iter().filter_map(|(name, person)| {
            let known = before.users.get(name).filter(|known| !known.is_empty());
            let is = fingerprint(person, desired, &made);
            let is_there = person.account.as_ref().is_some_and(|a| a.known.is_some());
            let settled = (is_there || made.contains(name)) && !unsettled.contains(name);
            let agreed = match (settled, &is, known) {
                (true, Some(is), _) => Some(is),
                // It differs, and the manifests ask for what they asked for before: by hand.
                (false, Some(is), Some(known)) if is == known && rules == before.rules => Some(is),
                (true | false, _, _) => None,
            };
            (agreed != known).then(|| (name.clone(), agreed.cloned().unwrap_or_default()))
        });
        let mut news: BTreeMap<UserName, String> = news.collect();
        let gone = before.users.iter().filter(|(_, known)| !known.is_empty());
        let gone = gone.filter(|(name, _)| !desired.people.contains_key(*name));
        news.extend(gone.map(|(name, _)| (name.clone(), String::new())));
        let nothing = news.is_empty() && (rules == before.rules || before.users.is_empty());
        (!nothing).then_some(Agreed { rules, users: news })
    }
}

/// What may be touched, whoever it is about: where that changes, nothing is anybody's doing.
fn rules(desired: &Desired, outer: &Outer) -> String {
    let rules = &desired.rules;
    let groups: Vec<&str> = desired.named_groups.iter().map(|g| g.as_str()).collect();
    let exact = match (&rules.membership, rules.exact.is_empty()) {
        (crate::manifest::config::Membership::Additive, true) => Vec::new(),
        // Only where membership is exact does a group matter that someone else is in.
        (_, _) => groups,
    };
    let Outer {
        ous,
        groups,
        attributes,
        guards: _,
        protected,
        adopt_by_anchor: _,
        recipient_domains: _,
    } = outer;
    let ous: Option<Vec<String>> = ous
        .as_ref()
        .map(|ous| ous.iter().map(ToString::to_string).collect());
    hashed(&json!([
        &rules.ous,
        &rules.leavers_ou,
        &rules.groups,
        &rules.attributes,
        &rules.membership,
        &rules.exact,
        exact,
        ous,
        groups,
        attributes,
        protected,
    ]))
}

/// What the account of a user should be: the first 16 hex digits of a SHA-256. None where that cannot
/// be told, or there should be none. `made`: whose accounts are there by now besides.
fn fingerprint(person: &Person, desired: &Desired, made: &BTreeSet<&UserName>) -> Option<String> {
    let account = person.account.as_ref().filter(|a| a.trouble.is_none())?;
    let DesiredAccount {
        known: _,
        trouble: _,
        provisional: _,
        said,
        login,
        upn,
        cn,
        ou,
        enabled,
        retained,
        farewell,
        attributes,
        links,
        groups,
        causes: _,
    } = account;
    let state = match person.state {
        UserState::Active => "active",
        UserState::Suspended => "suspended",
        UserState::Left => "left",
    };
    // What no manifest says is as somebody has it in the directory, and so is what is made of it: it is
    // asked for by nobody.
    let mail = attributes.get(&"mail".into()).and_then(|v| v.first());
    let kept = [
        mail.filter(|_| !said.mail).map(|mail| &**mail),
        (!said.login).then_some(upn.as_str()),
        (!said.login).then_some(login.as_str()),
    ];
    let kept = || kept.iter().flatten().filter(|name| !name.is_empty());
    let asked = |value: &str| {
        kept().fold(value.to_owned(), |value, name| {
            value.replace(*name, "\u{0}")
        })
    };
    let attributes: Vec<_> = attributes
        .iter()
        .map(|(name, values)| {
            let values: Vec<String> = values.iter().map(|v| asked(v)).collect();
            (name.as_str().to_lowercase(), values)
        })
        .collect();
    let (login, upn) = (asked(login), asked(upn));
    let is_there = |user: &UserName| {
        let other = desired.people.get(user).and_then(|p| p.account.as_ref());
        other.is_some_and(|a| a.known.is_some()) || made.contains(user)
    };
    let links: Vec<_> = links
        .iter()
        .map(|(name, user)| (name.as_str().to_lowercase(), user, is_there(user)))
        .collect();
    let retained: Vec<_> = retained.iter().map(|r| (&r.groups, r.until)).collect();
    let groups: Vec<&str> = groups.iter().map(|(key, _)| key.as_str()).collect();
    Some(hashed(&json!([
        state, login, upn, cn, &**ou, enabled, retained, farewell, attributes, links, groups,
    ])))
}

fn hashed(content: &serde_json::Value) -> String {
    let digest = Sha256::digest(content.to_string().as_bytes());
    digest.iter().take(8).map(|b| format!("{b:02x}")).collect()
}
