//! Leaving and coming back: what of an account ends with its user's time here, and what begins again.

use super::accounts::refused;
use super::{Draft, Proposal, causes, ending};
use crate::connector::{AttributeName, Value};
use crate::desired::{Desired, DesiredAccount, Person, Retained};
use crate::diagnostic::Code;
use crate::dn::Dn;
use crate::manifest::user::UserState;
use crate::observed::Account;
use crate::plan::limits::{Limits, globs};
use crate::plan::recorded::{FirstPassword, Told};
use crate::plan::{Action, Change, ChangeId, FieldChange, Finding, NoticeKey, NoticeKind, Write};
use globset::GlobSet;
use jiff::Timestamp;

/// When an account expires.
pub(super) const EXPIRES: &str = "accountExpires";
/// What is written of who left.
pub(super) const DESCRIPTION: &str = "description";

/// Seconds from 1601, when the directory's clock begins, to 1970 (MS-DTYP 2.3.3).
const SINCE_1601: i64 = 11_644_473_600;
/// The directory counts 100 ns.
const A_SECOND: i64 = 10_000_000;

/// Whether a change is of somebody whose leaving cannot wait: it comes before all others.
pub(super) fn is_urgent(desired: &Desired, change: &Change) -> bool {
    let user = change.user.as_ref();
    user.is_some_and(|user| desired.is_urgent_leaver(user))
}

/// An instant as the directory counts: 100 ns since 1601.
fn filetime(instant: Timestamp) -> i64 {
    (instant.as_second() + SINCE_1601) * A_SECOND
}

/// Whether an account has expired at the instant of the plan.
pub(super) fn has_expired(draft: &Draft<'_>, account: &Account) -> bool {
    let now = filetime(draft.inputs.desired.instant);
    account.expires().is_some_and(|at| at <= now)
}

/// What an urgent leaving needs besides the disable: a password nobody knows, and the end of whatever
/// still works with the account. Last of the three comes what tells that all were done.
pub(super) fn lock_out(
    draft: &mut Draft<'_>,
    person: &Person,
    account: &Account,
    disabled: Option<ChangeId>,
) {
    let urgent = person.departure.as_ref().filter(|d| d.urgent);
    let Some(departure) = urgent.filter(|_| !has_expired(draft, account)) else {
        return;
    };
    let instant = draft.inputs.desired.instant;
    let at = departure.at.unwrap_or(instant).min(instant);
    let expires = filetime(at);
    let resource = &draft.inputs.desired.directory;
    let causes = ending(person);
    let mut after: Vec<ChangeId> = disabled.into_iter().collect();
    let reset = draft.change(Proposal {
        action: Action::ResetPassword,
        user: Some(&person.name),
        resource,
        target: account.login.clone(),
        what: "to one that nobody knows".into(),
        write: Write::ResetPassword {
            guid: account.guid,
            expires,
        },
        fields: Vec::new(),
        after: after.clone(),
        causes: &causes,
    });
    after.push(reset);
    let attribute = AttributeName::from(EXPIRES);
    let old = account.values(&attribute);
    let new = [Value::from(expires.to_string())];
    let fields = vec![FieldChange {
        name: attribute,
        before: old.to_vec(),
        after: new.to_vec(),
    }];
    draft.modify(person, account, Action::Expire, fields, after, &causes);
}

/// The description of who left, where the operator lets it be written.
pub(super) fn farewell(
    draft: &mut Draft<'_>,
    person: &Person,
    wanted: &DesiredAccount,
    account: &Account,
    limits: &Limits,
) {
    let Some(text) = &wanted.farewell else {
        return;
    };
    let attribute = AttributeName::from(DESCRIPTION);
    let old = account.values(&attribute);
    let new = vec![Value::from(text.as_str())];
    if old == new {
        return;
    }
    if !limits.admits(&attribute) {
        draft.findings.push(Finding {
            code: Code::Outside.as_str().into(),
            message: "`leavers.description` is not written: the operator's file does not let \
                      `description` be managed"
                .into(),
        });
        return;
    }
    if let Some(reason) = refused(&attribute, &new) {
        let what = format!("update {attribute} of {}", account.login);
        draft.hold(
            Code::ValueRejected,
            Some(&person.name),
            what,
            reason,
            &causes(person),
        );
        return;
    }
    let fields = vec![FieldChange {
        name: attribute,
        before: old.to_vec(),
        after: new,
    }];
    let action = Action::Update;
    draft.modify(person, account, action, fields, Vec::new(), &causes(person));
}

/// The description that a leaving left and nobody says any more, to be taken off who came back.
pub(super) fn no_farewell(
    draft: &Draft<'_>,
    person: &Person,
    account: &Account,
    limits: &Limits,
) -> Option<(Vec<Value>, Vec<Value>)> {
    let attribute = AttributeName::from(DESCRIPTION);
    let inputs = draft.inputs;
    let managed = inputs.desired.rules.attributes.contains(&attribute);
    if managed && limits.covers_attribute(&attribute) || !limits.admits(&attribute) {
        return None;
    }
    let left = inputs.recorded.departures.get(&person.name)?;
    let written = [Value::from(left.description.as_deref()?)];
    let old = account.values(&attribute);
    (old == written).then(|| (old.to_vec(), Vec::new()))
}

/// Whether an account that is to be enabled needs a first password: it has none, or it is that of
/// somebody who had left.
pub(super) fn needs_password(
    draft: &Draft<'_>,
    person: &Person,
    account: &Account,
    limits: &Limits,
) -> bool {
    let recorded = draft.inputs.recorded;
    let is_of_a_leaver = || {
        let leavers = limits.leavers_ou.as_ref();
        has_expired(draft, account) || leavers.is_some_and(|ou| stands_in(&account.dn, ou))
    };
    match recorded.passwords.get(&account.guid) {
        Some(FirstPassword::HandedOver) => false,
        Some(FirstPassword::Set) => account.lacks_password() || is_of_a_leaver(),
        None => account.lacks_password() || is_of_a_leaver() || has_left(draft, person),
    }
}

fn stands_in(dn: &Dn, ou: &Dn) -> bool {
    dn.is_within(ou)
}

/// Whether the record knows of a leaving of this user.
fn has_left(draft: &Draft<'_>, person: &Person) -> bool {
    let recorded = draft.inputs.recorded;
    let first = NoticeKey {
        user: person.name.clone(),
        kind: NoticeKind::Departure,
        by: String::new(),
    };
    let told = recorded.notices.range(&first..);
    let mut told = told.take_while(|(key, _)| (&key.user, key.kind) == (&first.user, first.kind));
    let told = told.any(|(_, told)| *told == Told::All);
    told || recorded.departures.contains_key(&person.name)
}

/// The groups that somebody who left keeps for a time, and until when.
pub(super) fn retained(wanted: &DesiredAccount) -> Vec<(GlobSet, &Retained)> {
    let each = wanted.retained.iter();
    // A pattern that cannot be read was reported when the catalog was linked.
    each.filter_map(|retained| Some((globs(&retained.groups).ok()?, retained)))
        .collect()
}

/// Whether a person has left.
pub(super) fn is_gone(person: &Person) -> bool {
    person.state == UserState::Left
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_directory_counts_from_1601() {
        let at = |text: &str| filetime(text.parse().unwrap());
        assert_eq!(at("1601-01-01T00:00:00Z"), 0);
        assert_eq!(at("1970-01-01T00:00:00Z"), 116_444_736_000_000_000);
        assert_eq!(at("2027-02-01T13:00:00Z"), 134_459_604_000_000_000);
    }
}
