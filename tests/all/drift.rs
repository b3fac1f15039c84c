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
    let entry = entry(access, "walter.nguyen");
    let line = entry.lines().find(|l| l.starts_with("title: ")).unwrap();
    line.trim_start_matches("title: ").to_owned()
}

/// That runs mail nobody about what stays, and `status` names it.
#[track_caller]
fn only_status_tells(access: &Access) {
    let mails = access.mails_of(|access| {
        access.run(&["run", "--once"]).ends(1);
        access.run(&["run", "--once"]).ends(1);
    });
    assert_eq!(mails.len(), 0);
    let status = json(&access.run(&["status", "--format", "json"]).out);
    assert!(
        status["conditions"].to_string().contains("drift"),
        "{status}"
    );
}

/// That a run mails about what it holds, and the next one does not.
#[track_caller]
fn administrators_are_told_once(access: &Access) {
    let mails = access.mails_of(|access| {
        access.run(&["run", "--once"]).ends(1);
    });
    assert!(!mails.is_empty());
    let again = access.mails_of(|access| {
        access.run(&["run", "--once"]).ends(1);
    });
    assert_eq!(again.len(), 0);
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
    only_status_tells(&access);
    assert_eq!(title(&access), "Help Desk Lead");
    let plan = held(&access);
    let held = texts(&plan, "held", "reason");
    assert!(held[0].contains("accept-drift walter.nguyen"), "{held:?}");
}

#[test]
fn drift_that_is_held_is_told_to_the_administrators_once() {
    let access = city("hold");
    by_hand(&access, BEFORE, AFTER);
    administrators_are_told_once(&access);
    assert_eq!(title(&access), "Help Desk Lead");
}

#[test]
fn access_that_waits_for_what_the_directory_lacks_takes_nothing_from_drift() {
    let access = Access::example("bloomington")
        .with_ldif(&Access::export_text("bloomington"))
        .operated_by_anchor(&Directory::Ldif, &Post::Outbox);
    access.edit(RESOURCE, "\nspec:\n", "\nspec:\n  drift: hold\n");
    access.edit(
        RESOURCE,
        "  fields:\n",
        "  fields:\n    - {name: info, source: observed, required: true}\n",
    );
    access.commit("Drift, and a remark nobody has");
    access.run(&["run", "--once"]).ends(1);
    let plan = held(&access);
    let waiting = codes(&plan, "held");
    assert!(!waiting.is_empty(), "{plan}");
    assert!(
        waiting.iter().all(|code| *code == "field-missing"),
        "{plan}"
    );
    by_hand(&access, BEFORE, AFTER);
    let plan = held(&access);
    assert_eq!(plan["changes"].as_array().unwrap().len(), 0, "{plan}");
    assert_eq!(texts(&plan, "held", "what").len(), 1, "{plan}");
    access.run(&["run", "--once"]).ends(1);
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
    let entry = entry(&access, "walter.nguyen");
    assert!(entry.contains("userAccountControl: 514"), "{entry}");
}

/// Another login name, principal name and address for Walter, past us.
fn renamed(access: &Access) {
    let names = [
        ("sAMAccountName: ", "sAMAccountName: w.nguyen"),
        (
            "userPrincipalName: ",
            "userPrincipalName: w.nguyen@city.example",
        ),
        ("mail: ", "mail: w.nguyen@city.example"),
    ];
    by_hand_of(access, "walter.nguyen", &names);
}

fn entry(access: &Access, login: &str) -> String {
    let text = fs::read_to_string(access.ldif()).unwrap();
    let mut entries = text.split("\n\n");
    let line = format!("\nsAMAccountName: {login}\n");
    let entry = entries.find(|entry| entry.contains(&line));
    entry
        .unwrap_or_else(|| panic!("nobody is {login}"))
        .to_owned()
}

#[test]
fn names_changed_by_hand_are_held_and_told_once() {
    let access = city("hold");
    renamed(&access);
    let plan = held(&access);
    assert_eq!(plan["changes"].as_array().unwrap().len(), 0, "{plan}");
    let reasons = texts(&plan, "held", "reason");
    assert_eq!(reasons.len(), 1, "{plan}");
    for name in ["sAMAccountName", "userPrincipalName", "mail"] {
        assert!(reasons[0].contains(name), "{reasons:?}");
    }
    assert_eq!(
        plan["tasks"].as_array().unwrap().len(),
        0,
        "asked of nobody"
    );
    administrators_are_told_once(&access);
    entry(&access, "w.nguyen");
}

#[test]
fn names_changed_by_hand_hide_nothing_else() {
    let access = city("hold");
    renamed(&access);
    by_hand(&access, BEFORE, AFTER);
    for _ in 0..2 {
        let plan = held(&access);
        assert_eq!(plan["changes"].as_array().unwrap().len(), 0, "{plan}");
        let reasons = texts(&plan, "held", "reason");
        assert!(reasons[0].contains("title"), "{reasons:?}");
        access.run(&["run", "--once"]).ends(1);
    }
    assert!(entry(&access, "w.nguyen").contains("title: Help Desk Lead"));
}

#[test]
fn names_changed_by_hand_are_changed_back_and_the_plan_says_so() {
    let access = city("revert");
    let before = entry(&access, "walter.nguyen");
    renamed(&access);
    let plan = access.plan();
    let said = texts(&plan, "findings", "message");
    assert_eq!(said.len(), 1, "{plan}");
    assert!(said[0].contains("\"w.nguyen\""), "{said:?}");
    access.run(&["run", "--once"]).ends(0);
    let after = entry(&access, "walter.nguyen");
    for name in ["userPrincipalName: ", "mail: "] {
        let line = |entry: &str| {
            let mut lines = entry.lines();
            lines.find(|l| l.starts_with(name)).unwrap().to_owned()
        };
        assert_eq!(line(&after), line(&before));
    }
    let plan = access.plan();
    assert_eq!(plan["changes"].as_array().unwrap().len(), 0, "{plan}");
    assert_eq!(codes(&plan, "findings"), [""; 0]);
}

#[test]
fn names_changed_by_hand_are_reported_and_stay() {
    let access = city("report");
    renamed(&access);
    only_status_tells(&access);
    entry(&access, "w.nguyen");
}

#[test]
fn names_that_were_accepted_are_the_users_from_then_on() {
    let access = city("hold");
    renamed(&access);
    access
        .run(&["accept-drift", "walter.nguyen", "--branch=accepted"])
        .ends(0);
    access.git(&["merge", "--quiet", "accepted"]);
    let user = "users/walter.nguyen.yaml";
    let accepted = ["  login: w.nguyen\n", "  mail: w.nguyen@city.example\n"];
    let text = fs::read_to_string(access.repository().join(user)).unwrap();
    for line in accepted {
        assert!(text.contains(line), "{text}");
    }
    let plan = access.run(&["plan", "--format", "json"]).json();
    assert_eq!(plan["changes"].as_array().unwrap().len(), 0, "{plan}");
    assert_eq!(codes(&plan, "held"), [""; 0]);
    access.run(&["run", "--once"]).ends(0);
    // What nobody says any more stays as it was accepted.
    for line in accepted {
        access.edit(user, line, "");
    }
    access.commit("Nobody says it any more");
    let plan = access.plan();
    assert_eq!(plan["changes"].as_array().unwrap().len(), 0, "{plan}");
    assert_eq!(codes(&plan, "held"), [""; 0]);
    // And nobody else is ever given it.
    access.edit(
        "users/dana.reyes.yaml",
        "spec:\n",
        "spec:\n  login: w.nguyen\n",
    );
    access.commit("Somebody else");
    let plan = access.run(&["plan", "--format", "json"]).json();
    let held = plan["held"].to_string();
    assert!(held.contains("`walter.nguyen`'s"), "{held}");
    assert_eq!(plan["changes"].as_array().unwrap().len(), 0, "{plan}");
}

#[test]
fn a_principal_name_that_the_rule_makes_by_now_is_right() {
    let access = city("hold");
    let suffix = [(
        "userPrincipalName: ",
        "userPrincipalName: walter.nguyen@town.example",
    )];
    by_hand_of(&access, "walter.nguyen", &suffix);
    assert_eq!(codes(&held(&access), "held"), ["drift"]);
    access.edit(
        "countersign.yaml",
        "    mail: \"{{ account.login }}@city.example\"\n",
        "    mail: \"{{ account.login }}@city.example\"\n    upn: \"{{ account.login }}@town.example\"\n",
    );
    access.commit("Town");
    let plan = access.plan();
    assert_eq!(plan["changes"].as_array().unwrap().len(), 0, "{plan}");
    assert_eq!(codes(&plan, "held"), [""; 0]);
}

#[test]
fn a_name_that_is_anothers_by_now_is_not_taken_back() {
    let access = city("revert");
    renamed(&access);
    let text = fs::read_to_string(access.ldif()).unwrap();
    let other = "\n\ndn: CN=Other,OU=ITS,OU=City Hall,OU=Departments,DC=city,DC=example\n\
        objectClass: top\nobjectClass: person\nobjectClass: organizationalPerson\nobjectClass: user\n\
        cn: Other\nsAMAccountName: walter.nguyen\nuserAccountControl: 512\n\
        objectGUID:: AAAAAAAAAAAAAAAAAAAABw==\n";
    fs::write(access.ldif(), format!("{}{other}", text.trim_end())).unwrap();
    let plan = access.run(&["plan", "--format", "json"]).json();
    let said = texts(&plan, "findings", "message");
    assert!(
        said.iter().any(|s| s.contains("is another's by now")),
        "{plan}"
    );
    let changes = plan["changes"].as_array().unwrap();
    assert!(
        changes.iter().all(|c| c["user"] != "walter.nguyen"),
        "{plan}"
    );
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
fn a_title_a_name_and_a_place_are_accepted_where_the_user_says_them() {
    let access = city("hold");
    access.edit(
        "users/walter.nguyen.yaml",
        "  answers:",
        "  title: Helper\n  answers:",
    );
    access.commit("A title of his own");
    access.run(&["run", "--once"]).ends(0);
    let changed = [("title: ", "title: Chief"), ("sn: ", "sn: Nguyen-Vo")];
    by_hand_of(&access, "walter.nguyen", &changed);
    let text = fs::read_to_string(access.ldif()).unwrap();
    let (here, there) = (
        "CN=Walter Nguyen,OU=ITS,",
        "CN=Walter Nguyen,OU=Risk Management,OU=Legal,",
    );
    fs::write(access.ldif(), text.replace(here, there)).unwrap();
    let ran = access.run(&["accept-drift", "walter.nguyen", "--branch=accepted"]);
    let ran = ran.ends(0);
    assert!(!ran.err.contains("left as it is"), "{}", ran.err);
    access.git(&["merge", "--quiet", "accepted"]);
    let after = fs::read_to_string(access.repository().join("users/walter.nguyen.yaml")).unwrap();
    for line in [
        "  title: Chief\n",
        "  familyName: Nguyen-Vo\n",
        "City Hall, Legal, Risk Management",
    ] {
        assert!(after.contains(line), "{line}: {after}");
    }
    assert!(!after.contains("attributes"), "{after}");
    let plan = access.run(&["plan", "--format", "json"]).json();
    let changes = plan["changes"].to_string();
    for name in ["title", "\"sn\"", "\"move\""] {
        assert!(!changes.contains(name), "{changes}");
    }
}

#[test]
fn what_something_else_would_give_again_is_not_accepted_in_vain() {
    let access = city("hold");
    access.edit(
        "resources/account-tracker.yaml",
        "{name: administrator, displayName: Administrator,",
        "{name: administrator, displayName: Administrator, groups: [DEPT-ITS],",
    );
    access.commit("Two levels with one group");
    access.run(&["run", "--once"]).ends(0);
    by_hand(
        &access,
        "member: CN=Walter Nguyen,OU=ITS,OU=City Hall,OU=Departments,DC=city,DC=example\nobjectGUID:: pFFXbE/mWUGAsaSu4VnqvQ==",
        "objectGUID:: pFFXbE/mWUGAsaSu4VnqvQ==",
    );
    let ran = access.run(&["accept-drift", "walter.nguyen", "--branch=accepted"]);
    let ran = ran.ends(1);
    assert!(
        ran.err.contains("DEPT-ITS would still be given"),
        "{}",
        ran.err
    );
    assert_eq!(access.git(&["branch", "--list", "accepted"]), "");
}

#[test]
fn a_first_password_is_not_called_a_change_by_hand() {
    let access = city("revert");
    let disabled = [
        ("userAccountControl: ", "userAccountControl: 514"),
        ("pwdLastSet: ", "pwdLastSet: 0"),
    ];
    by_hand_of(&access, "walter.nguyen", &disabled);
    let plan = access.plan();
    assert!(
        plan["changes"].to_string().contains("set-password"),
        "{plan}"
    );
    let said = texts(&plan, "findings", "message");
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("was disabled by hand"), "{said:?}");
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

/// Walter's title is another and his account is shut, past us.
fn by_hand_in_two_parts(access: &Access) {
    let blocked = [
        ("userAccountControl: 512", "userAccountControl: 514"),
        ("title: ", "title: Help Desk Lead"),
    ];
    by_hand_of(access, "walter.nguyen", &blocked);
}

fn another_number(access: &Access, old: &str, new: &str) {
    let number = |end: &str| format!("officePhone: 812-555-{end}");
    access.edit("users/walter.nguyen.yaml", &number(old), &number(new));
    access.commit("Another number");
}

#[test]
fn what_is_asked_for_undoes_nothing_that_was_changed_by_hand_besides() {
    for policy in ["hold", "report"] {
        let access = city(policy);
        by_hand_in_two_parts(&access);
        access.run(&["run", "--once"]).ends(1);
        another_number(&access, "0113", "0199");
        let plan = held(&access);
        let changes = plan["changes"].as_array().unwrap();
        assert_eq!(changes.len(), 1, "{plan}");
        let fields = changes[0]["fields"].as_array().unwrap();
        assert_eq!(fields.len(), 1, "{plan}");
        assert_eq!(fields[0]["name"], "telephoneNumber");
        let reasons = texts(&plan, "held", "reason");
        assert!(reasons.iter().any(|r| r.contains("title")), "{reasons:?}");
        assert!(
            reasons.iter().any(|r| r.contains("disabled")),
            "{reasons:?}"
        );
        access.run(&["run", "--once"]).ends(1);
        let is = entry(&access, "walter.nguyen");
        for line in [
            "title: Help Desk Lead",
            "userAccountControl: 514",
            "telephoneNumber: 812-555-0199",
        ] {
            assert!(is.contains(line), "{is}");
        }
        // What was asked for meanwhile is looked after like everything else.
        by_hand(
            &access,
            "telephoneNumber: 812-555-0199",
            "telephoneNumber: 812-555-0000",
        );
        let plan = held(&access);
        assert_eq!(plan["changes"].as_array().unwrap().len(), 0, "{plan}");
        let reasons = texts(&plan, "held", "reason");
        assert!(reasons.iter().any(|r| r.contains("0000")), "{reasons:?}");
    }
}

#[test]
fn what_is_asked_for_is_done_even_where_somebody_changed_the_same_by_hand() {
    let access = city("hold");
    by_hand_in_two_parts(&access);
    access.run(&["run", "--once"]).ends(1);
    access.edit(
        "users/walter.nguyen.yaml",
        "  answers:",
        "  attributes: {title: Help Desk Manager}\n  answers:",
    );
    access.commit("Promotion");
    access.run(&["run", "--once"]).ends(1);
    assert_eq!(title(&access), "Help Desk Manager");
    assert!(entry(&access, "walter.nguyen").contains("userAccountControl: 514"));
}

#[test]
fn a_rule_that_touches_nothing_of_it_changes_nothing_about_drift() {
    let access = city("hold");
    by_hand_in_two_parts(&access);
    access.edit("countersign.yaml", "\"DEPT-*\"]", "\"DEPT-*\", \"NEW-*\"]");
    access.commit("More groups");
    let plan = held(&access);
    assert_eq!(plan["changes"].as_array().unwrap().len(), 0, "{plan}");
    assert_eq!(codes(&plan, "held"), ["drift", "drift"]);
}

/// Walter is put into a group that he is not wanted in, past us.
fn put_into_a_group(access: &Access) {
    by_hand(
        access,
        "sAMAccountName: APP-GIS-Viewers\n",
        "sAMAccountName: APP-GIS-Viewers\nmember: CN=Walter Nguyen,OU=ITS,OU=City Hall,OU=Departments,DC=city,DC=example\n",
    );
}

#[test]
fn a_membership_that_a_new_rule_forbids_is_taken_whoever_gave_it() {
    let access = city("hold");
    put_into_a_group(&access);
    assert_eq!(codes(&access.plan(), "held"), [""; 0]);
    access.edit(
        "countersign.yaml",
        "membership: additive",
        "membership: exact",
    );
    access.commit("Exact");
    let plan = access.plan();
    let changes = plan["changes"].as_array().unwrap();
    let removed = changes.iter().filter(|c| c["user"] == "walter.nguyen");
    let removed: Vec<_> = removed.map(|c| &c["what"]).collect();
    assert_eq!(removed, ["APP-GIS-Viewers"], "{plan}");
    assert_eq!(codes(&plan, "held"), [""; 0]);
    access.run(&["run", "--once"]).ends(0);
    // From then on it is forbidden, and whoever gives it changes something by hand.
    put_into_a_group(&access);
    another_number(&access, "0113", "0199");
    let plan = held(&access);
    assert_eq!(codes(&plan, "held"), ["drift"], "{plan}");
    assert_eq!(plan["changes"].as_array().unwrap().len(), 1, "{plan}");
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

#[test]
fn names_changed_by_hand_on_a_domain_controller_are_changed_back() {
    let Some(servers) = servers("names by hand on the domain controller") else {
        return;
    };
    let domain = Domain::with(&servers, &Access::export("bloomington"));
    let access = Access::example("bloomington")
        .operated_by_anchor(&Directory::Ldaps(&domain), &Post::Outbox);
    access.run(&["run", "--once"]).ends(0);
    let before = domain.account("walter.nguyen");
    domain.modify(&format!(
        "dn: {}\nchangetype: modify\nreplace: sAMAccountName\nsAMAccountName: w.nguyen\n-\n\
         replace: mail\nmail: somebody@elsewhere.example\n",
        before.dn
    ));
    let plan = access.plan();
    let said = texts(&plan, "findings", "message");
    println!("{said:?}");
    assert!(
        said[0].contains("w.nguyen") && said[0].contains("somebody@elsewhere.example"),
        "{said:?}"
    );
    access.run(&["run", "--once"]).ends(0);
    let after = domain.account("walter.nguyen");
    for name in ["sAMAccountName", "userPrincipalName", "mail"] {
        assert_eq!(after.text(name), before.text(name));
    }
    assert_eq!(codes(&access.plan(), "findings"), [""; 0]);
}
