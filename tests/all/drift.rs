//! Changes by hand and freeze windows on the real binary: what a resource wants done about drift is done,
//! nobody is told twice, and what was accepted is what the manifests say from then on.

use crate::bed::{Access, Directory, Domain, Post, json, servers};
use serde_json::Value;
use std::fs;

const RESOURCE: &str = "resources/active-directory.yaml";

/// The city of the example, brought about, with a policy for drift.
fn city(policy: &str) -> Access {
    let access = Access::example("bloomington")
        .with_ldif(&Access::export_text("bloomington"))
        .operated_by_anchor(&Directory::Ldif, &Post::Outbox);
    access.edit(
        RESOURCE,
        "\nspec:\n",
        &format!("\nspec:\n  drift: {policy}\n"),
    );
    access.commit("Drift");
    access.run(&["run", "--once"]).ends(0);
    assert_eq!(codes(&access.plan(), "held"), [""; 0]);
    access
}

/// Somebody changes the directory past us.
fn by_hand(access: &Access, old: &str, new: &str) {
    let text = fs::read_to_string(access.ldif()).unwrap();
    assert!(text.contains(old), "{old} is not in the directory");
    fs::write(access.ldif(), text.replacen(old, new, 1)).unwrap();
}

/// A plan that holds something.
fn held(access: &Access) -> Value {
    access.run(&["plan", "--format", "json"]).ends(1).json()
}

fn codes<'a>(plan: &'a Value, list: &str) -> Vec<&'a str> {
    let list = plan[list].as_array().unwrap();
    list.iter().map(|h| h["code"].as_str().unwrap()).collect()
}

fn texts<'a>(plan: &'a Value, list: &str, field: &str) -> Vec<&'a str> {
    let list = plan[list].as_array().unwrap();
    let of = list.iter().filter(|f| f["code"] == "drift");
    of.map(|f| f[field].as_str().unwrap()).collect()
}

fn title(access: &Access) -> String {
    let text = fs::read_to_string(access.ldif()).unwrap();
    let (_, entry) = text.split_once("sAMAccountName: walter.nguyen").unwrap();
    let line = entry.lines().find(|l| l.starts_with("title: ")).unwrap();
    line.trim_start_matches("title: ").to_owned()
}

const BEFORE: &str = "title: Help Desk Technician\n";
const AFTER: &str = "title: Help Desk Lead\n";

#[test]
fn drift_is_changed_back_and_the_plan_says_what_it_was() {
    let access = city("revert");
    by_hand(&access, BEFORE, AFTER);
    let plan = access.plan();
    let said = texts(&plan, "findings", "message");
    assert_eq!(said.len(), 1, "{plan}");
    for words in [
        "walter.nguyen",
        "\"Help Desk Lead\"",
        "\"Help Desk Technician\"",
    ] {
        assert!(said[0].contains(words), "{said:?}");
    }
    let mails = access.mails_of(|access| {
        access.run(&["run", "--once"]).ends(0);
    });
    assert_eq!(mails.len(), 0);
    assert_eq!(title(&access), "Help Desk Technician");
    assert_eq!(codes(&access.plan(), "findings"), [""; 0]);
}

#[test]
fn what_the_manifests_ask_for_is_never_taken_for_drift() {
    let access = city("hold");
    access.edit(
        "users/walter.nguyen.yaml",
        "  answers:",
        "  attributes: {title: Help Desk Lead}\n  answers:",
    );
    access.commit("Promotion");
    let plan = access.plan();
    assert_eq!(codes(&plan, "held"), [""; 0]);
    access.run(&["run", "--once"]).ends(0);
    assert_eq!(title(&access), "Help Desk Lead");
}

#[test]
fn drift_that_is_only_reported_stays_and_nobody_is_mailed() {
    let access = city("report");
    by_hand(&access, BEFORE, AFTER);
    let mails = access.mails_of(|access| {
        access.run(&["run", "--once"]).ends(1);
        access.run(&["run", "--once"]).ends(1);
    });
    assert_eq!(mails.len(), 0);
    assert_eq!(title(&access), "Help Desk Lead");
    let plan = held(&access);
    let held = texts(&plan, "held", "reason");
    assert!(held[0].contains("accept-drift walter.nguyen"), "{held:?}");
    let status = json(&access.run(&["status", "--format", "json"]).out);
    assert!(
        status["conditions"].to_string().contains("drift"),
        "{status}"
    );
}

#[test]
fn drift_that_is_held_is_told_to_the_administrators_once() {
    let access = city("hold");
    by_hand(&access, BEFORE, AFTER);
    let mails = access.mails_of(|access| {
        access.run(&["run", "--once"]).ends(1);
    });
    assert!(!mails.is_empty());
    let again = access.mails_of(|access| {
        access.run(&["run", "--once"]).ends(1);
    });
    assert_eq!(again.len(), 0);
    assert_eq!(title(&access), "Help Desk Lead");
}

/// Somebody changes lines of one account past us.
fn by_hand_of(access: &Access, login: &str, lines: &[(&str, &str)]) {
    let text = fs::read_to_string(access.ldif()).unwrap();
    let (before, rest) = text
        .split_once(&format!("sAMAccountName: {login}\n"))
        .unwrap();
    let start = before.rfind("\n\n").unwrap_or_default();
    let end = rest.find("\n\n").unwrap_or(rest.len());
    let mut entry = format!(
        "{}sAMAccountName: {login}\n{}",
        &before[start..],
        &rest[..end]
    );
    for (old, new) in lines {
        let line = entry.lines().find(|line| line.starts_with(old));
        let line = line
            .unwrap_or_else(|| panic!("{old} is not in {entry}"))
            .to_owned();
        entry = entry.replace(&line, new);
    }
    fs::write(
        access.ldif(),
        format!("{}{entry}{}", &before[..start], &rest[end..]),
    )
    .unwrap();
}

#[test]
fn an_account_that_was_disabled_by_hand_before_its_first_log_on_is_held() {
    let access = city("hold");
    let blocked = [
        ("userAccountControl: 512", "userAccountControl: 514"),
        ("pwdLastSet: ", "pwdLastSet: 0"),
    ];
    by_hand_of(&access, "walter.nguyen", &blocked);
    let plan = held(&access);
    assert_eq!(plan["changes"].as_array().unwrap().len(), 0, "{plan}");
    assert_eq!(codes(&plan, "held"), ["drift", "drift"], "password, enable");
    access.run(&["run", "--once"]).ends(1);
    let text = fs::read_to_string(access.ldif()).unwrap();
    let (_, entry) = text.split_once("sAMAccountName: walter.nguyen").unwrap();
    let (entry, _) = entry.split_once("\n\n").unwrap();
    assert!(entry.contains("userAccountControl: 514"), "{entry}");
}

#[test]
fn a_login_that_was_changed_by_hand_hides_nothing_else() {
    let access = city("hold");
    let renamed = [
        ("sAMAccountName: ", "sAMAccountName: w.nguyen"),
        (
            "userPrincipalName: ",
            "userPrincipalName: w.nguyen@city.example",
        ),
        ("title: ", "title: Help Desk Lead"),
    ];
    by_hand_of(&access, "walter.nguyen", &renamed);
    for _ in 0..2 {
        let plan = held(&access);
        assert_eq!(plan["changes"].as_array().unwrap().len(), 0, "{plan}");
        assert_eq!(codes(&plan, "held"), ["drift"]);
        access.run(&["run", "--once"]).ends(1);
    }
    let text = fs::read_to_string(access.ldif()).unwrap();
    assert!(text.contains("title: Help Desk Lead"));
}

#[test]
fn what_was_accepted_is_what_the_manifests_say_and_nothing_is_left_to_do() {
    let access = city("hold");
    by_hand(&access, BEFORE, AFTER);
    access.run(&["run", "--once"]).ends(1);
    let before = fs::read_to_string(access.repository().join("users/walter.nguyen.yaml")).unwrap();
    access
        .run(&["accept-drift", "walter.nguyen", "--branch=accepted"])
        .ends(0);
    access.git(&["merge", "--quiet", "accepted"]);
    let after = fs::read_to_string(access.repository().join("users/walter.nguyen.yaml")).unwrap();
    assert!(after.contains("title: Help Desk Lead"), "{after}");
    for line in before.lines() {
        assert!(after.contains(line), "{line} is gone: {after}");
    }
    let plan = access.plan();
    assert_eq!(plan["changes"].as_array().unwrap().len(), 0, "{plan}");
    assert_eq!(codes(&plan, "held"), [""; 0]);
    access
        .run(&["accept-drift", "walter.nguyen", "--branch=again"])
        .ends(1);
}

#[test]
fn a_membership_that_was_taken_by_hand_is_accepted_as_an_exception() {
    let access = city("hold");
    by_hand(
        &access,
        "member: CN=Walter Nguyen,OU=ITS,OU=City Hall,OU=Departments,DC=city,DC=example\nobjectGUID:: pFFXbE/mWUGAsaSu4VnqvQ==",
        "objectGUID:: pFFXbE/mWUGAsaSu4VnqvQ==",
    );
    let plan = access.plan();
    assert_eq!(texts(&plan, "findings", "message").len(), 1, "{plan}");
    access
        .run(&["accept-drift", "walter.nguyen", "--branch=accepted"])
        .ends(0);
    access.git(&["merge", "--quiet", "accepted"]);
    let after = fs::read_to_string(access.repository().join("users/walter.nguyen.yaml")).unwrap();
    assert!(after.contains("without"), "{after}");
    assert_eq!(access.plan()["changes"].as_array().unwrap().len(), 0);
}

#[test]
fn a_membership_that_was_given_by_hand_where_none_is_allowed_is_accepted_as_access() {
    let access = city("hold");
    access.edit(
        "countersign.yaml",
        "membership: additive",
        "membership: exact",
    );
    access.commit("Exact");
    access.run(&["run", "--once"]);
    by_hand(
        &access,
        "sAMAccountName: APP-GIS-Viewers\n",
        "sAMAccountName: APP-GIS-Viewers\nmember: CN=Walter Nguyen,OU=ITS,OU=City Hall,OU=Departments,DC=city,DC=example\n",
    );
    let plan = held(&access);
    let reasons = texts(&plan, "held", "reason");
    assert!(
        reasons.iter().any(|r| r.contains("APP-GIS-Viewers")),
        "{plan}"
    );
    access
        .run(&["accept-drift", "walter.nguyen", "--branch=accepted"])
        .ends(0);
    access.git(&["merge", "--quiet", "accepted"]);
    let after = fs::read_to_string(access.repository().join("users/walter.nguyen.yaml")).unwrap();
    assert!(after.contains("gis-data"), "{after}");
    let plan = access.run(&["plan", "--format", "json"]).json();
    assert_eq!(texts(&plan, "held", "reason").len(), 0, "{plan}");
}

#[test]
fn a_freeze_holds_everybody_but_those_who_leave() {
    let access = city("revert");
    access.edit(
        "countersign.yaml",
        "  mail:\n",
        "  windows: {deny: [{begins: \"2020-01-01\", reason: the move}]}\n  mail:\n",
    );
    access.edit(
        "users/walter.nguyen.yaml",
        "  answers:",
        "  attributes: {title: Help Desk Lead}\n  answers:",
    );
    access.write(
        "requests/leaves.yaml",
        "apiVersion: countersign/v1\nkind: Request\nmetadata: {name: leaves}\nspec:\n  action: Terminate\n  \
         requestedBy: dana.reyes\n  subject: maria.lopez\n  effective: 2026-11-23T09:00\n  reason: resigned\n",
    );
    access.commit("Freeze");
    let plan = held(&access);
    let changes = plan["changes"].as_array().unwrap();
    assert!(
        !changes.is_empty() && changes.iter().all(|c| c["user"] == "maria.lopez"),
        "{plan}"
    );
    assert_eq!(codes(&plan, "held"), ["frozen"]);
    assert!(
        plan["held"][0]["reason"]
            .as_str()
            .unwrap()
            .contains("the move")
    );
    access.run(&["apply"]).ends(1);
    assert_eq!(title(&access), "Help Desk Technician");
    access.edit(
        "countersign.yaml",
        "begins: \"2020-01-01\",",
        "begins: \"2020-01-01\", ends: \"2020-01-02\",",
    );
    access.commit("The move is over");
    access.apply().ends(0);
    assert_eq!(title(&access), "Help Desk Lead");
}

#[test]
fn a_domain_controller_tells_when_it_was_done() {
    let Some(servers) = servers("drift on the domain controller") else {
        return;
    };
    let domain = Domain::with(&servers, &Access::export("bloomington"));
    let access = Access::example("bloomington")
        .operated_by_anchor(&Directory::Ldaps(&domain), &Post::Outbox);
    access.edit(RESOURCE, "\nspec:\n", "\nspec:\n  drift: report\n");
    access.commit("Drift");
    access.run(&["run", "--once"]).ends(0);
    let dn = domain.account("walter.nguyen").dn;
    domain.modify(&format!(
        "dn: {dn}\nchangetype: modify\nreplace: title\ntitle: Help Desk Lead\n"
    ));
    let plan = held(&access);
    let reasons = texts(&plan, "held", "reason");
    println!("{reasons:?}");
    assert!(reasons[0].contains("Help Desk Lead"), "{reasons:?}");
    assert!(
        reasons[0].contains("changed 20") || reasons[0].contains(", on "),
        "{reasons:?}"
    );
    access.run(&["run", "--once"]).ends(1);
    assert_eq!(
        domain.account("walter.nguyen").text("title").unwrap(),
        "Help Desk Lead"
    );
}
