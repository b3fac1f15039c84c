//! Rosters: rows of a file an application reads.

use super::{Draft, Proposal};
use crate::connector::roster::{Row, RowKey};
use crate::connector::{AttributeName, Value};
use crate::desired::{Cause, EntitlementKey};
use crate::diagnostic::Code;
use crate::manifest::resource::{Connector, SignIn};
use crate::manifest::user::UserState;
use crate::name::{ResourceName, UserName};
use crate::plan::{Action, FieldChange, Write};
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
        let mut wanted: BTreeMap<RowKey, (Row, Vec<Cause>)> = BTreeMap::new();
        // Rows whose values are not known now: they stay as they are.
        let mut unsettled: BTreeSet<RowKey> = BTreeSet::new();
        for person in desired.people.values() {
            // On leave: no login where the application has one of its own.
            if person.state == UserState::Suspended && terms.sign_in == SignIn::Own {
                continue;
            }
            for (key, entitlement) in &person.entitlements {
                if key.resource == *resource {
                    let row = (entitlement.fields.to_tree(), entitlement.causes.clone());
                    let at = row_key(&person.name, key);
                    if entitlement.provisional && draft.inputs.is_blind() {
                        unsettled.insert(at.clone());
                    }
                    wanted.insert(at, row);
                }
            }
        }
        for (key, (after, causes)) in &wanted {
            let before = observed.get(key);
            if unsettled.contains(key) {
                if before.is_none() {
                    let what = format!("grant {} {}", key.entitlement, key.user);
                    let reason = "it names what only the directory tells, which could not be read";
                    draft.hold(Code::DirectoryUnread, Some(&key.user), what, reason, causes);
                }
                continue;
            }
            if before != Some(after) {
                row(draft, resource, key, before, Some(after), causes);
            }
        }
        for (key, before) in observed.iter().filter(|(key, _)| !wanted.contains_key(key)) {
            let person = desired.people.get(&key.user);
            let causes = person.map_or_else(
                || {
                    vec![Cause {
                        text: "nobody declares this user".into(),
                        file: "".into(),
                        line: 0,
                    }]
                },
                |person| super::ending(person),
            );
            row(draft, resource, key, Some(before), None, &causes);
        }
    }
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
    before: Option<&Row>,
    after: Option<&Row>,
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
        after: Vec::new(),
        causes,
    });
}
