//! Memberships that were there before: what the manifests wanted goes when they want it no longer, and
//! what they never wanted stays.

use crate::bed::{Access, Directory, Post};
use std::fs;

const WALTER: &str = "CN=Walter Nguyen,OU=ITS,OU=City Hall,OU=Departments,DC=city,DC=example";

/// The city of the example, whose directory was there before.
fn city() -> Access {
    Access::example("bloomington")
        .with_ldif(&Access::export_text("bloomington"))
        .operated_by_anchor(&Directory::Ldif, &Post::Outbox)
}

fn is_member(access: &Access, group: &str) -> bool {
    let text = fs::read_to_string(access.ldif()).unwrap();
    let mut entries = text.split("\n\n");
    let name = format!("\nsAMAccountName: {group}\n");
    let entry = entries.find(|entry| entry.contains(&name)).unwrap();
    entry.contains(&format!("\nmember: {WALTER}\n"))
}

/// Somebody puts Walter into a group past us.
fn put(access: &Access, group: &str) {
    let text = fs::read_to_string(access.ldif()).unwrap();
    let name = format!("sAMAccountName: {group}\n");
    let text = text.replacen(&name, &format!("{name}member: {WALTER}\n"), 1);
    fs::write(access.ldif(), text).unwrap();
}

/// Walter is not to have the drive of his department any more.
fn without_the_drive(access: &Access) {
    access.edit(
        "users/walter.nguyen.yaml",
        "  answers:",
        "  without: [{resource: shared-drive, level: its, reason: moved}]\n  answers:",
    );
    access.commit("Without the drive");
}

#[test]
fn a_membership_that_was_there_goes_when_it_is_wanted_no_longer() {
    let access = city();
    put(&access, "APP-GIS-Viewers");
    access.run(&["run", "--once"]).ends(0);
    assert!(is_member(&access, "DEPT-ITS"));
    let traces = access.traces();
    access.run(&["run", "--once"]).ends(0);
    assert_eq!(access.traces(), traces, "nothing is news");
    without_the_drive(&access);
    access.run(&["run", "--once"]).ends(0);
    assert!(!is_member(&access, "DEPT-ITS"));
    assert!(
        is_member(&access, "APP-GIS-Viewers"),
        "the manifests never wanted it"
    );
    // Whoever gives it by hand now gives it themselves.
    put(&access, "DEPT-ITS");
    access.run(&["run", "--once"]).ends(0);
    assert!(is_member(&access, "DEPT-ITS"));
}

#[test]
fn a_membership_goes_though_the_first_run_did_not_get_that_far() {
    let access = city();
    access.run(&["run", "--once"]).ends(0);
    access.edit(
        "countersign.yaml",
        "  mail:\n",
        "  windows: {deny: [{begins: \"2020-01-01\", reason: the move}]}\n  mail:\n",
    );
    without_the_drive(&access);
    for _ in 0..2 {
        access.run(&["run", "--once"]).ends(1);
        assert!(is_member(&access, "DEPT-ITS"));
    }
    access.edit(
        "countersign.yaml",
        "begins: \"2020-01-01\",",
        "begins: \"2020-01-01\", ends: \"2020-01-02\",",
    );
    access.commit("The move is over");
    access.run(&["run", "--once"]).ends(0);
    assert!(!is_member(&access, "DEPT-ITS"));
}

#[test]
fn with_a_lost_ledger_only_what_is_wanted_since_counts_as_given() {
    let access = city();
    access.run(&["run", "--once"]).ends(0);
    fs::remove_file(access.ledger()).unwrap();
    access
        .run(&["ledger", "rebuild", "--lost", "--by", "ada"])
        .ends(0);
    put(&access, "APP-GIS-Viewers");
    access.run(&["run", "--once"]).ends(1);
    without_the_drive(&access);
    let plan = access.run(&["plan", "--format", "json"]).ends(1).json();
    let held = plan["held"].as_array().unwrap().iter();
    let held: Vec<&str> = held.map(|h| h["what"].as_str().unwrap()).collect();
    assert_eq!(held, ["remove walter.nguyen from APP-GIS-Viewers"]);
    access.run(&["run", "--once"]).ends(1);
    assert!(!is_member(&access, "DEPT-ITS"));
    assert!(is_member(&access, "APP-GIS-Viewers"));
}
