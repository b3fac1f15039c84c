//! What applications are handed is made of the approved revision, as plans are.

use super::held::{ACCOUNT, operated_with, set};
use super::{By, Town, user};
use crate::bed::Ran;

const PORTAL: &str = "apiVersion: countersign/v1
kind: Resource
metadata: {name: portal}
spec:
  type: application
  connector: none
  identities: {types: [{name: member}], default: [{type: member}]}
  fields: [{name: login, signIn: true}]
";

/// A user with the portal.
fn with_portal(name: &str, keys: &[String], more: &str) -> String {
    let more = match more {
        "" => "  access:\n".to_owned(),
        more => more.to_owned(),
    };
    let entry = format!("    - {{resource: portal, fields: {{login: {name}}}}}\n");
    user(name, keys, &format!("{more}{entry}"))
}

fn exported(town: &Town) -> Ran {
    town.access
        .run(&["identity", "export", "--application", "portal"])
}

#[track_caller]
fn users(town: &Town) -> (String, Vec<String>) {
    let json = exported(town).ends(0).json();
    let users = json["users"].as_array().unwrap().iter();
    let users = users.map(|user| user["id"].as_str().unwrap().to_owned());
    (
        json["revision"].as_str().unwrap().to_owned(),
        users.collect(),
    )
}

#[test]
fn an_export_has_what_is_approved_and_nothing_else() {
    let town = operated_with("signed-merge", |access, _| {
        access.write("portal.yaml", PORTAL);
    });
    assert_eq!(users(&town), (town.first.clone(), vec![]));
    let kim = with_portal("kim", &[], ACCOUNT);
    town.pull(By::Ssh("sam"), "kim", &[("users/kim.yaml", &kim)]);
    let good = town.merge(By::Ssh("ada"), "kim");
    assert_eq!(users(&town), (good.clone(), vec!["kim".to_owned()]));
    // Whoever is let in by what nobody approved is not in it, and is once it is approved.
    let sam = with_portal("sam", &[town.public("sam")], "");
    town.pull(By::Ssh("sam"), "sam", &[("users/sam.yaml", &sam)]);
    let bad = town.merge(By::Nobody, "sam");
    assert_eq!(users(&town), (good, vec!["kim".to_owned()]));
    for name in ["ada", "ben"] {
        town.approve(By::Ssh(name), name, &bad).ends(0);
    }
    let both = vec!["kim".to_owned(), "sam".to_owned()];
    assert_eq!(users(&town), (bad, both.clone()));
    // The branch itself, where the operator says so.
    town.pull(
        By::Nobody,
        "none",
        &[("users/kim.yaml", &user("kim", &[], ACCOUNT))],
    );
    let last = town.merge(By::Nobody, "none");
    assert_eq!(users(&town).1, both);
    set(&town, "signed-merge", "trust-branch");
    assert_eq!(users(&town), (last, vec!["sam".to_owned()]));
}
