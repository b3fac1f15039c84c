//! One test for each row of what the three source systems ask for, named after it, on the outputs of
//! the real binary. The directory is a file here; `examples` has the same on real servers.
//!
//! Not here:
//! - AT3 (nothing is applied before approval), CM2's other half (who may set the flags), CM7's review: they
//!   are about approval and time, which have tests of their own.
//! - CM3's welcome mail (a case has it), CM5 (queries are the application's): there is no such command.

mod account_tracker;
mod clear_my_record;
mod white_glove;

use crate::bed::{Access, Directory, Post, json};
use serde_json::Value;

/// An example with its export as directory and a folder for mails.
fn example(name: &str) -> Access {
    Access::example(name)
        .with_ldif(&Access::export_text(name))
        .operated_by_anchor(&Directory::Ldif, &Post::Outbox)
}

/// The findings of `validate`: `code file:line message`.
fn findings(access: &Access) -> Vec<String> {
    access.commit("A change");
    let ran = access.run(&["validate", "--format", "json"]);
    let found = json(&ran.out);
    let found = found.as_array().unwrap().iter();
    found
        .map(|d| {
            let text = |key: &str| d[key].as_str().unwrap().to_owned();
            let (code, file) = (text("code"), text("file"));
            format!("{code} {file}:{} {}", d["line"], text("message"))
        })
        .collect()
}

/// That `validate` refuses, with findings that begin so.
#[track_caller]
fn refused(access: &Access, beginnings: &[&str]) {
    let found = findings(access);
    access.run(&["validate"]).ends(1);
    assert_eq!(found.len(), beginnings.len(), "{found:#?}");
    for (found, beginning) in found.iter().zip(beginnings) {
        assert!(found.starts_with(beginning), "{found} is not {beginning}");
    }
}

/// What an entitlement grants, as a word or two.
fn grant(entitlement: &Value) -> String {
    let grant = &entitlement["grant"];
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    match (&grant["level"], &grant["role"], &grant["scope"]) {
        (Value::String(level), ..) => level.clone(),
        (_, Value::String(role), _) => role.clone(),
        (.., scope) => format!("{}={}", text(&scope[0]), text(&scope[1])),
    }
}

/// The tasks of a plan for one resource: `action user grant`, sorted.
fn tasks(plan: &Value, resource: &str) -> Vec<String> {
    let tasks = plan["tasks"].as_array().unwrap().iter();
    let mut found: Vec<String> = tasks
        .map(|change| &change["task"])
        .filter(|task| task["resource"] == resource)
        .map(|task| {
            let text = |key: &str| task[key].as_str().unwrap().to_owned();
            let (action, user) = (text("action"), text("user"));
            format!("{action} {user} {}", grant(&task["entitlement"]))
        })
        .collect();
    found.sort();
    found
}

/// The fields of a user's task for a resource: `name: value`.
fn fields(plan: &Value, user: &str, resource: &str) -> Vec<String> {
    let tasks = plan["tasks"].as_array().unwrap().iter();
    let mut found = tasks
        .map(|change| &change["task"])
        .filter(|task| task["resource"] == resource && task["user"] == user);
    let task = found
        .next()
        .unwrap_or_else(|| panic!("no task for {user} in {resource}"));
    let fields = task["fields"].as_array().unwrap().iter();
    fields
        .map(|f| {
            format!(
                "{}: {}",
                f["name"].as_str().unwrap(),
                f["after"].as_str().unwrap_or_default()
            )
        })
        .collect()
}

/// The changes of a plan for one user: `action target what`, in order.
fn changes(plan: &Value, user: &str) -> Vec<String> {
    let changes = plan["changes"].as_array().unwrap().iter();
    changes
        .filter(|change| change["user"] == user)
        .map(|change| {
            let text = |key: &str| change[key].as_str().unwrap().to_owned();
            format!("{} {} {}", text("action"), text("target"), text("what"))
                .trim_end()
                .to_owned()
        })
        .collect()
}

/// What a user has of a resource: `identity: grant`, or `grant`; in the program's order.
fn holds(access: &Access, user: &str, resource: &str) -> Vec<String> {
    let ran = access.run(&["explain", user, resource, "--format", "json"]);
    let explained = ran.ends(0).json();
    let held = explained["entitlements"].as_array().unwrap().iter();
    held.map(|e| {
        let grant = grant(&e["entitlement"]);
        match e["entitlement"]["identity"].as_str() {
            Some(identity) => format!("{identity}: {grant}"),
            None => grant,
        }
    })
    .collect()
}

/// The text of the mail to an address.
#[track_caller]
fn mail_to(access: &Access, address: &str) -> String {
    let mails = access.mails();
    let mut found = mails.into_iter().filter(|mail| mail.to == [address]);
    match (found.next(), found.next()) {
        (Some(mail), None) => mail.text,
        (one, _) => panic!("not one mail to {address}: {}", one.is_some()),
    }
}

/// The values of an attribute of an entry in the directory's file.
fn in_directory(access: &Access, dn: &str, attribute: &str) -> Vec<String> {
    let text = std::fs::read_to_string(access.ldif()).unwrap();
    let export = crate::bed::Export::read(&text);
    let entry = export.entries.iter().find(|(name, _)| name == dn);
    let (_, attributes) = entry.unwrap_or_else(|| panic!("no {dn}"));
    attributes
        .iter()
        .filter(|(name, _)| name == attribute)
        .map(|(_, value)| String::from_utf8(value.clone()).unwrap())
        .collect()
}
