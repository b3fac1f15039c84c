//! Rosters: rows of a file an application reads.

use super::tasks::{awaited, is_about_to_be};
use super::{Draft, Proposal};
use crate::connector::roster::{Row, RowKey};
use crate::connector::{AttributeName, Value};
use crate::desired::accounts::Trouble;
use crate::desired::{Cause, EntitlementKey};
use crate::diagnostic::Code;
use crate::manifest::resource::{Connector, SignIn};
use crate::manifest::user::UserState;
use crate::name::{ResourceName, UserName};
use crate::plan::{Action, ChangeId, FieldChange, Finding, Write};
use std::collections::{BTreeMap, BTreeSet};

/// What the rosters need.
pub(super) fn rows(draft: &mut Draft<'_>) {
    let desired = draft.inputs.desired;
    for (resource, terms) in &desired.resources {
        if terms.connector != Connector::Roster {
            continue;
        }
        let Some(observed) = draft.inputs.observed.rosters.get(resource) else {
            continue;
        };
        let mut wanted: BTreeMap<RowKey, Wanted<'_>> = BTreeMap::new();
        for person in desired.people.values() {
            // On leave: no login where the application has one of its own.
            if person.state == UserState::Suspended && terms.sign_in == SignIn::Own {
                continue;
            }
            for (key, entitlement) in &person.entitlements {
                if key.resource == *resource {
                    let provisional = entitlement.provisional;
                    let row = Wanted {
                        row: entitlement.fields.to_tree(),
                        causes: entitlement.causes.clone(),
                        settled: match (&entitlement.withheld, is_about_to_be(draft, person)) {
                            (Some(trouble), _) => Settled::Withheld(trouble),
                            (None, false) if provisional => Settled::Not,
                            (None, _) => Settled::After(awaited(draft, person, provisional)),
                        },
                    };
                    wanted.insert(row_key(&person.name, key), row);
                }
            }
        }
        for (key, wanted) in &wanted {
            let before = observed.get(key);
            if before == Some(&wanted.row) {
                continue;
            }
            let causes = &wanted.causes;
            match &wanted.settled {
                Settled::After(after) => {
                    row(draft, resource, key, (before, Some(&wanted.row)), after, causes);
                }
                Settled::Not if draft.inputs.is_blind() => {
                    if before.is_none() {
                        let what = format!("grant {} {}", key.entitlement, key.user);
                        let reason =
                            "it names what only the directory tells, which could not be read";
                        draft.hold(Code::DirectoryUnread, Some(&key.user), what, reason, causes);
                    }
                }
                Settled::Withheld(trouble) => {
                    let step = if before.is_none() { "grant" } else { "update" };
                    let what = format!("{step} {resource} {} for {}", key.entitlement, key.user);
                    draft.hold(trouble.code, Some(&key.user), what, &trouble.reason, causes);
                }
                Settled::Not => draft.findings.push(Finding {
                    code: "provisional".into(),
                    message: format!(
                        "the row of {} in {resource} is written when the account exists: its login is not settled yet",
                        key.user
                    ),
                }),
            }
        }
        for (key, before) in observed.iter().filter(|(key, _)| !wanted.contains_key(key)) {
            match desired.people.get(&key.user) {
                Some(person) => {
                    let causes = super::ending(person);
                    row(draft, resource, key, (Some(before), None), &[], &causes);
                }
                None => draft.hold(
                    Code::NoManifest,
                    Some(&key.user),
                    format!("the row of {} in {resource}", key.user),
                    super::FORGOTTEN,
                    &[],
                ),
            }
        }
    }
}

/// A row that should be there.
struct Wanted<'a> {
    row: Row,
    causes: Vec<Cause>,
    settled: Settled<'a>,
}

/// Whether the values of a row are known.
enum Settled<'a> {
    /// Once these changes were applied.
    After(Vec<ChangeId>),
    /// Not now: the row stays as it is.
    Not,
    /// Not before the directory says what it lacks.
    Withheld(&'a Trouble),
}

fn row_key(user: &UserName, key: &EntitlementKey) -> RowKey {
    RowKey {
        user: user.clone(),
        identity: key.identity.clone().unwrap_or_default(),
        entitlement: key.grant.to_string(),
    }
}

fn row(
    draft: &mut Draft<'_>,
    resource: &ResourceName,
    key: &RowKey,
    (before, after): (Option<&Row>, Option<&Row>),
    follows: &[ChangeId],
    causes: &[Cause],
) {
    let names = before.into_iter().chain(after).flat_map(BTreeMap::keys);
    let names: BTreeSet<_> = names.collect();
    let value = |row: Option<&Row>, name| -> Vec<Value> {
        row.and_then(|r| r.get(name))
            .map(|v| Value::from(&**v))
            .into_iter()
            .collect()
    };
    let fields = names
        .into_iter()
        .map(|name| FieldChange {
            name: AttributeName::new(name.as_str()),
            before: value(before, name),
            after: value(after, name),
        })
        .filter(|change| change.before != change.after)
        .collect();
    draft.change(Proposal {
        action: if after.is_some() {
            Action::Grant
        } else {
            Action::Revoke
        },
        user: Some(&key.user),
        resource,
        target: key.user.to_string(),
        what: match key.identity.as_str() {
            "" => key.entitlement.clone(),
            identity => format!("{} ({identity})", key.entitlement),
        },
        write: Write::Row {
            key: key.clone(),
            before: before.cloned(),
            after: after.cloned(),
        },
        fields,
        after: follows.to_vec(),
        causes,
    });
}
