//! Identities as a list: who is what in which application, with roles and rows, and which of them is
//! the one at log-on.

use super::table::Table;
use crate::desired::identity::{Choice, Current, current};
use crate::desired::{Desired, DesiredIdentity, DesiredScope, Person, Rows};
use crate::ledger::Selection;
use crate::manifest::scope::Absent;
use crate::name::{ResourceName, UserName};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The identities that users selected.
pub type Selections = BTreeMap<(UserName, ResourceName), Selection>;

/// One identity of the list.
#[derive(Debug, Clone)]
pub struct Listed<'a> {
    person: &'a Person,
    identity: &'a DesiredIdentity,
    application: &'a str,
    current: Option<Current<'a>>,
}

impl Listed<'_> {
    fn is_current(&self) -> bool {
        let same = |c: &Current<'_>| c.identity.alias == self.identity.alias;
        self.current.as_ref().is_some_and(same)
    }
}

/// The identities of one user or of all, in one application or in all; by user, application, alias.
pub fn listed<'a>(
    desired: &'a Desired,
    selections: &'a Selections,
    user: Option<&UserName>,
    application: Option<&ResourceName>,
) -> Vec<Listed<'a>> {
    let people = desired.people.values();
    let people = people.filter(|p| user.is_none_or(|u| p.name == *u));
    let mut found = Vec::new();
    for person in people {
        for identity in &person.identities {
            let resource = &identity.resource;
            if application.is_some_and(|a| a != resource) {
                continue;
            }
            let terms = desired.resources.get(resource);
            found.push(Listed {
                person,
                identity,
                application: terms.map_or(resource.as_str(), |t| t.display_name.as_str()),
                current: selected(person, resource, selections),
            });
        }
    }
    found
}

/// The identity that a person is in an application.
pub fn selected<'a>(
    person: &'a Person,
    resource: &ResourceName,
    selections: &'a Selections,
) -> Option<Current<'a>> {
    let selection = selections.get(&(person.name.clone(), resource.clone()));
    current(
        &person.identities,
        resource,
        selection.map(|s| s.identity.as_str()),
    )
}

/// What is to be said of selections that hold no longer, a line each.
pub fn gone(list: &[Listed<'_>]) -> Vec<String> {
    let lines = list.iter().filter(|l| l.is_current()).filter_map(|l| {
        let Choice::Gone(alias) = l.current.as_ref()?.by else {
            return None;
        };
        Some(format!(
            "`{}` selected `{}` in {}, which is there no longer, and starts as `{}`, the default",
            l.person.name,
            alias.escape_debug(),
            l.application.escape_debug(),
            l.identity.alias.escape_debug(),
        ))
    });
    lines.collect()
}

/// The list as a table: a row an identity.
pub fn table(list: &[Listed<'_>]) -> Table<9> {
    let rows = list.iter().map(|listed| {
        let Listed {
            person,
            identity,
            application,
            current: _,
        } = listed;
        let roles: Vec<&str> = identity.roles.iter().map(|r| r.key.as_str()).collect();
        let scopes: Vec<String> = identity.scopes.iter().filter_map(rows).collect();
        [
            person.name.to_string(),
            person.display_name.clone(),
            person.state.as_str().to_owned(),
            (*application).to_owned(),
            identity.alias.clone(),
            identity.kind_display.clone(),
            at_log_on(listed).to_owned(),
            roles.join(" + "),
            scopes.join(", "),
        ]
    });
    Table {
        head: [
            "user",
            "name",
            "state",
            "application",
            "identity",
            "type",
            "at log-on",
            "roles",
            "scopes",
        ],
        rows: rows.collect(),
    }
}

fn at_log_on(listed: &Listed<'_>) -> &'static str {
    match listed.current.as_ref().filter(|_| listed.is_current()) {
        None => "",
        Some(current) => match current.by {
            Choice::Selected => "selected",
            Choice::Default | Choice::Gone(_) => "default",
        },
    }
}

/// What of a scope is worth a word: `Client = ROOM`. Nothing where nothing is seen.
fn rows(scope: &DesiredScope) -> Option<String> {
    let key = &scope.key;
    match &scope.rows {
        Rows::All => Some(format!("{key} = *")),
        Rows::Values(values) if values.is_empty() => None,
        Rows::Values(values) => {
            let values: Vec<&str> = values.keys().map(String::as_str).collect();
            Some(format!("{key} = {}", values.join(" | ")))
        }
        Rows::Absent(Absent::Everything) => Some(format!("{key}: everything")),
        Rows::Absent(Absent::Nothing) => None,
    }
}

/// The list for programs.
pub fn json(list: &[Listed<'_>]) -> String {
    let list: Vec<Value> = list.iter().map(one).collect();
    serde_json::to_string_pretty(&list).unwrap_or_default()
}

fn one(listed: &Listed<'_>) -> Value {
    let Listed {
        person,
        identity,
        application,
        current,
    } = listed;
    let gone = current.as_ref().and_then(|c| match c.by {
        Choice::Gone(alias) => Some(alias),
        Choice::Selected | Choice::Default => None,
    });
    let roles: Vec<Value> = identity
        .roles
        .iter()
        .map(|r| json!({ "name": r.name, "key": r.key, "permissions": r.permissions }))
        .collect();
    let scopes: Vec<Value> = identity.scopes.iter().map(scope).collect();
    json!({
        "user": person.name,
        "displayName": person.display_name,
        "userType": person.kind,
        "state": person.state,
        "application": identity.resource,
        "applicationName": application,
        "identity": identity.alias,
        "type": identity.kind,
        "typeName": identity.kind_display,
        "standing": identity.standing.as_str(),
        "default": identity.default,
        "atLogOn": match at_log_on(listed) { "" => Value::Null, word => word.into() },
        "selectionGone": gone.filter(|_| listed.is_current()),
        "roles": roles,
        "permissions": identity.permissions,
        "scopes": scopes,
        "causes": identity.causes,
    })
}

fn scope(scope: &DesiredScope) -> Value {
    let row_security = super::row_security::IdentityScope::of(scope);
    serde_json::to_value(row_security).unwrap_or_default()
}
