//! What one user has and why, in words.

use crate::desired::{Cause, Desired, Person};
use serde_json::{Value, json};
use std::fmt::Write as _;

/// For people. Resources in order of their names; what is not granted stands last.
pub fn human(person: &Person, desired: &Desired, only: Option<&str>) -> String {
    let mut text = format!(
        "{} ({}), {} {}, declared in {}:{}\n",
        person.display_name,
        person.name,
        person.stands(),
        person.kind.as_str(),
        person.declared.file,
        person.declared.line,
    );
    let wanted = |resource: &str| only.is_none_or(|only| only == resource);
    let mut any = false;
    if let Some(account) = &person.account {
        let login = account.login.escape_debug();
        let settled = match account.provisional {
            true => "provisional".to_owned(),
            false => account.upn.escape_debug().to_string(),
        };
        let _ = writeln!(text, "account {login} ({settled})");
    }
    for (key, entitlement) in &person.entitlements {
        if !wanted(key.resource.as_str()) {
            continue;
        }
        any = true;
        let terms = desired.resources.get(&key.resource);
        let resource = terms.map_or(key.resource.as_str(), |t| t.display_name.as_str());
        let identity = key
            .identity
            .as_ref()
            .map(|i| format!(" as {i}"))
            .unwrap_or_default();
        let _ = writeln!(text, "\n  {resource}{identity}: {}", entitlement.label);
        because(&mut text, &entitlement.causes);
        for (name, value) in entitlement.fields.iter() {
            let _ = writeln!(text, "      {name}: {}", value.escape_debug());
        }
        if let Some(trouble) = &entitlement.withheld {
            let _ = writeln!(text, "      held: {}", trouble.reason.escape_debug());
        }
    }
    if let Some(account) = &person.account {
        let groups = account
            .groups
            .values()
            .filter(|g| wanted(g.resource.as_str()));
        for group in groups {
            any = true;
            let _ = writeln!(text, "\n  directory group {}", group.name);
            because(&mut text, &group.causes);
        }
    }
    for dropped in person
        .dropped
        .iter()
        .filter(|d| wanted(d.entitlement.resource.as_str()))
    {
        any = true;
        let _ = writeln!(text, "\n  not {}: {}", dropped.entitlement, dropped.reason);
        because(&mut text, &dropped.causes);
    }
    if !any {
        text.push_str("\n  nothing\n");
    }
    text
}

fn because(text: &mut String, causes: &[Cause]) {
    for cause in causes {
        let _ = writeln!(text, "      because {cause}");
    }
}

/// The same for programs.
pub fn json(person: &Person, desired: &Desired, only: Option<&str>) -> String {
    let wanted = |resource: &str| only.is_none_or(|only| only == resource);
    let entitlements: Vec<Value> = person
        .entitlements
        .iter()
        .filter(|(key, _)| wanted(key.resource.as_str()))
        .map(|(key, e)| {
            json!({ "entitlement": key, "label": e.label, "fields": e.fields,
                    "withheld": e.withheld.as_ref().map(|trouble| &trouble.reason),
                    "follows": e.follows, "causes": e.causes })
        })
        .collect();
    let groups: Vec<Value> = person
        .account
        .iter()
        .flat_map(|a| a.groups.values())
        .filter(|g| wanted(g.resource.as_str()))
        .map(|g| json!({ "group": g.name, "resource": g.resource, "causes": g.causes }))
        .collect();
    let dropped: Vec<Value> = person
        .dropped
        .iter()
        .filter(|d| wanted(d.entitlement.resource.as_str()))
        .map(|d| json!({ "entitlement": d.entitlement, "reason": d.reason, "causes": d.causes }))
        .collect();
    let whole = json!({
        "user": person.name,
        "displayName": person.display_name,
        "state": person.stands(),
        "type": person.kind,
        "instant": desired.instant,
        "declared": person.declared,
        "account": person.account.as_ref().map(|a| json!({
            "login": a.login, "userPrincipalName": a.upn, "commonName": a.cn, "provisional": a.provisional,
        })),
        "entitlements": entitlements,
        "groups": groups,
        "dropped": dropped,
    });
    serde_json::to_string_pretty(&whole).unwrap_or_default()
}
