//! Memberships: additive takes away only what was granted from here; exact takes away what nobody
//! wants; leavers lose every managed group (SEMANTICS 16).

use super::accounts::is_untouchable;
use super::{Draft, Proposal, leaving};
use crate::connector::{At, Guid};
use crate::desired::{Cause, GroupKey, Person, Tie};
use crate::diagnostic::Code;
use crate::dn::Dn;
use crate::manifest::config::Membership;
use crate::manifest::user::UserState;
use crate::observed::{Directory, Group};
use crate::plan::limits::Limits;
use crate::plan::recorded::Kept;
use crate::plan::{Action, ChangeId, MemberChange, Write};
use std::collections::BTreeSet;

/// What one person's memberships need.
pub(super) fn memberships(
    draft: &mut Draft<'_>,
    person: &Person,
    directory: &Directory,
    limits: &Limits,
) {
    let Some(wanted) = person.account.as_ref().filter(|a| a.trouble.is_none()) else {
        return;
    };
    let known = wanted
        .known
        .and_then(|(guid, _)| directory.accounts.get(&guid));
    let (member, member_dn, after) = match (known, draft.created.get(&person.name)) {
        (Some(account), _) => {
            let dn = draft
                .final_place(account.guid, directory)
                .unwrap_or(account.dn.clone());
            (At::Guid(account.guid), dn, Vec::new())
        }
        (None, Some((created, dn))) => (At::Dn(dn.clone()), dn.clone(), vec![created.clone()]),
        (None, None) => return,
    };
    let login = known.map_or(&*wanted.login, |a| a.login.as_str());
    let untouchable = known.is_some_and(|a| is_untouchable(person, a, limits));
    for (key, grant) in &wanted.groups {
        if known.is_some_and(|a| directory.is_member(a.guid, key)) {
            continue;
        }
        let what = format!("add {login} to {}", grant.name);
        let refusal = match directory.groups.get(key) {
            _ if untouchable => Some((
                Code::Protected,
                "the account is protected or outside the managed OUs".to_owned(),
            )),
            _ if !limits.covers_group(key) => Some((
                Code::Outside,
                format!("the group {} is not within the managed groups", grant.name),
            )),
            None => Some((
                Code::GroupMissing,
                format!(
                    "the group {} is not in the directory, or cannot be seen",
                    grant.name
                ),
            )),
            Some(group) if group.protection.is_some() => Some((
                Code::Protected,
                format!("the group {} is protected", group.name),
            )),
            Some(_) => None,
        };
        if let Some((code, reason)) = refusal {
            draft.hold(code, Some(&person.name), what, reason, &grant.causes);
            continue;
        }
        if let Some(group) = directory.groups.get(key) {
            draft.change(Proposal {
                action: Action::AddMember,
                user: Some(&person.name),
                resource: &grant.resource,
                target: login.to_owned(),
                what: group.name.clone(),
                write: member_write(group, MemberChange::Add, member.clone(), member_dn.clone()),
                fields: Vec::new(),
                after: after.clone(),
                causes: &grant.causes,
            });
        }
    }
    let Some(account) = known else { return };
    let leaving = person.state == UserState::Left || !wanted_at_all(person);
    let retained = leaving::retained(wanted);
    // What a run left as it should be is granted, whoever gave it; of this account, not of one before.
    let recorded = wanted.known.is_some_and(|(_, tie)| tie == Tie::Recorded);
    let agreed = draft.inputs.recorded.agreed.users.get(&person.name);
    let agreed = agreed.filter(|_| recorded);
    for key in directory.groups_of(account.guid) {
        if wanted.groups.contains_key(key) || !limits.covers_group(key) {
            continue;
        }
        // Kept for a time, as the configuration says.
        if leaving
            && retained
                .iter()
                .any(|(globs, _)| globs.is_match(key.as_str()))
        {
            continue;
        }
        let Some(group) = directory.groups.get(key) else {
            continue;
        };
        let exact = limits.membership(key) == Membership::Exact
            && draft.inputs.desired.named_groups.contains(key);
        let record = draft.inputs.recorded;
        let granted = record.memberships.contains(&(account.guid, key.clone()))
            || agreed.is_some_and(|agreed| agreed.groups.0.contains(key));
        let recorded = record.kept == Kept::Yes;
        let what = format!("remove {login} from {}", group.name);
        if !(leaving || exact || granted) {
            if !recorded {
                let reason = "no record says whether the membership came from here";
                draft.hold(
                    Code::NoRecord,
                    Some(&person.name),
                    what,
                    reason,
                    &super::ending(person),
                );
            }
            continue;
        }
        if untouchable || group.protection.is_some() {
            let reason = "the account or the group is protected; a person must do it";
            draft.hold(
                Code::Protected,
                Some(&person.name),
                what,
                reason,
                &super::ending(person),
            );
            continue;
        }
        // Memberships go before anything moves: the member still stands where it was read.
        draft.change(Proposal {
            action: Action::RemoveMember,
            user: Some(&person.name),
            resource: &draft.inputs.desired.directory,
            target: login.to_owned(),
            what: group.name.clone(),
            write: member_write(
                group,
                MemberChange::Remove,
                At::Guid(account.guid),
                account.dn.clone(),
            ),
            fields: Vec::new(),
            after: Vec::new(),
            causes: &super::ending(person),
        });
    }
}

/// Whether the person holds the directory at all.
fn wanted_at_all(person: &Person) -> bool {
    person.account.as_ref().is_some_and(|a| a.enabled) || person.state == UserState::Suspended
}

fn member_write(group: &Group, change: MemberChange, member: At, member_dn: Dn) -> Write {
    Write::Member {
        group: group.guid,
        group_dn: group.dn.clone(),
        change,
        member,
        member_dn,
    }
}

/// Members of exact groups who are nobody's desired account.
pub(super) fn exact(draft: &mut Draft<'_>, directory: &Directory, limits: &Limits) {
    let known: BTreeSet<Guid> = draft
        .inputs
        .desired
        .people
        .values()
        .filter_map(|p| p.account.as_ref()?.known.map(|(guid, _)| guid))
        .collect();
    let troubled = draft
        .inputs
        .desired
        .people
        .values()
        .any(|p| p.account.as_ref().is_some_and(|a| a.trouble.is_some()));
    let keys: Vec<GroupKey> = draft.inputs.desired.named_groups.iter().cloned().collect();
    for key in keys {
        if limits.membership(&key) != Membership::Exact || !limits.covers_group(&key) {
            continue;
        }
        let Some(group) = directory.groups.get(&key) else {
            continue;
        };
        for member in &group.members {
            let account = directory.at(member);
            if account.is_some_and(|guid| known.contains(&guid)) {
                continue;
            }
            let what = format!("remove {member} from {}", group.name);
            let why = format!("the membership of {} is exact", group.name);
            let cause = Cause::new(why, "countersign.yaml", 1);
            let protected = account
                .and_then(|guid| directory.accounts.get(&guid))
                .is_some_and(|a| {
                    a.protection.is_some() || limits.protected.contains(&a.login.to_lowercase())
                });
            if protected || group.protection.is_some() {
                let reason = "the member or the group is protected; a person must do it";
                draft.hold(Code::Protected, None, what, reason, &[cause]);
                continue;
            }
            if troubled {
                let reason = "the account may be that of a user whose account cannot be told";
                draft.hold(Code::AmbiguousAnchor, None, what, reason, &[cause]);
                continue;
            }
            let at = account.map_or_else(|| At::Dn(member.clone()), At::Guid);
            let login = account
                .and_then(|guid| directory.accounts.get(&guid))
                .map_or_else(|| member.to_string(), |a| a.login.clone());
            draft.change(Proposal {
                action: Action::RemoveMember,
                user: None,
                resource: &draft.inputs.desired.directory,
                target: login,
                what: group.name.clone(),
                write: member_write(group, MemberChange::Remove, at, member.clone()),
                fields: Vec::new(),
                after: Vec::<ChangeId>::new(),
                causes: &[cause],
            });
        }
    }
}
