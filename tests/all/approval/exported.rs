//! What applications are handed is made of the approved revision, as plans are; folding is approved too.

use super::held::{ACCOUNT, operated_with, set};
use super::{By, Town, request, user};
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

#[test]
fn folding_needs_two_approvers_because_it_sets_from_when_on_the_past_is_closed() {
    let town = operated_with("signed-merge", |_, _| {});
    town.pull(
        By::Ssh("sam"),
        "maps",
        &[("requests/maps.yaml", &request("sam", "kim", "viewer"))],
    );
    town.merge(By::Ssh("ada"), "maps");
    town.access.run(&["apply"]).ends(0);
    town.branch("fold");
    town.access.run(&["fold"]).ends(0);
    town.commit(By::Ssh("sam"), "Fold 1 request");
    let merge = town.merge(By::Ssh("ada"), "fold");
    town.check().refused(&[
        "it needs 2 approvers (it changes who controls what: the configuration (countersign.yaml:",
        "has 1: ada",
    ]);
    town.approve(By::Ssh("ben"), "ben", &merge).ends(0);
    town.check().approved_by(&["ada", "ben"]);
    // It takes nothing away and gives nothing.
    let plan = town.access.plan();
    assert_eq!(plan["changes"].as_array().unwrap().len(), 0, "{plan}");
}
