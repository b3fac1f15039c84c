//! Plan and apply act on the newest approved and valid revision; what came later is held, told once,
//! and blocks nobody else.

use super::{ADMINISTRATOR, By, Town, request, user};
use crate::bed::{Access, Directory, Post, json};
use serde_json::Value;
use std::fs;

/// Access to the directory.
pub const ACCOUNT: &str = "  access:\n    - {resource: active-directory}\n";

const LDIF: &str = "version: 1

dn: DC=town,DC=example
objectClass: top
objectClass: domain
objectClass: domainDNS
dc: town
objectGUID:: Ms5/gYaHJkOb14FkmJuS0A==

dn: OU=Departments,DC=town,DC=example
objectClass: top
objectClass: organizationalUnit
ou: Departments
objectGUID:: fF8MUvCSn0uo45vj8Ru0Jw==
";

/// A town with an operator who asks for signed merges.
fn operated() -> Town {
    operated_with("signed-merge", |_, _| {})
}

/// A town with an operator who asks for this evidence, and with more in its first commit.
pub fn operated_with(evidence: &str, more: impl FnOnce(&Access, &Town)) -> Town {
    let mut town = Town::with(|access, town| {
        access.write("users/kim.yaml", &user("kim", &[], ACCOUNT));
        more(access, town);
    });
    town.access = town
        .access
        .with_ldif(LDIF)
        .operated(&Directory::Ldif, &Post::Outbox, "");
    set(
        &town,
        "evidence: {module: trust-branch}",
        &format!("evidence: {{module: {evidence}}}"),
    );
    let url = format!("{}}}", town.access.repository().display());
    let bootstrap = format!(
        "{}, bootstrap: \"{}\"}}",
        town.access.repository().display(),
        town.first
    );
    set(&town, &url, &bootstrap);
    set(
        &town,
        "recipientDomains: [city.example",
        "recipientDomains: [town.example, city.example",
    );
    town
}

pub fn set(town: &Town, old: &str, new: &str) {
    let path = town.access.operator();
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(old), "{old} is not in {text}");
    fs::write(path, text.replacen(old, new, 1)).unwrap();
}

pub fn plan(town: &Town, code: i32) -> Value {
    json(
        &town
            .access
            .run(&["plan", "--format", "json"])
            .ends(code)
            .out,
    )
}

pub fn asked(plan: &Value) -> Vec<(String, String)> {
    let tasks = plan["tasks"].as_array().unwrap().iter();
    let text = |t: &Value, key: &str| t["task"][key].as_str().unwrap().to_owned();
    tasks
        .map(|t| (text(t, "user"), text(t, "resource")))
        .collect()
}

pub fn held(plan: &Value) -> Vec<String> {
    let held = plan["held"].as_array().unwrap().iter();
    held.map(|h| {
        format!(
            "{} {} {}",
            h["code"].as_str().unwrap(),
            h["user"].as_str().unwrap_or("-"),
            h["what"].as_str().unwrap()
        )
    })
    .collect()
}

/// Sam asks for kim, and somebody merges it.
fn merged(town: &Town, branch: &str, by: By<'_>, text: &str) -> String {
    town.pull(
        By::Ssh("sam"),
        branch,
        &[(&format!("requests/{branch}.yaml"), text)],
    );
    town.merge(by, branch)
}

#[test]
fn what_is_approved_is_applied_and_the_plan_names_the_evidence() {
    let town = operated();
    let merge = merged(
        &town,
        "maps",
        By::Ssh("ada"),
        &request("sam", "kim", "viewer"),
    );
    let made = plan(&town, 0);
    assert_eq!(made["approval"], "signed-merge");
    assert_eq!(made["revision"], merge.as_str());
    assert_eq!(made["verified"]["bootstrap"], town.first.as_str());
    assert_eq!(made["verified"]["head"], merge.as_str());
    assert_eq!(asked(&made), [("kim".to_owned(), "maps".to_owned())]);
    let evidence = made["verified"]["evidence"].as_array().unwrap();
    let ours = evidence
        .iter()
        .find(|e| e["commit"] == merge.as_str())
        .unwrap();
    assert_eq!(ours["approvers"][0]["user"], "ada");
    assert_eq!(ours["tasks"][0], made["tasks"][0]["task"]["id"]);
    let first = evidence
        .iter()
        .find(|e| e["commit"] == town.first.as_str())
        .unwrap();
    assert_eq!(first["approvers"].as_array().unwrap().len(), 0);
    let human = town.access.run(&["plan"]).ends(0).out;
    assert!(
        human.contains(&format!(
            "approval: signed-merge, from {}",
            &town.first[..12]
        )),
        "{human}"
    );
    assert!(
        human.contains(&format!("approved: {} by ada, behind", &merge[..12])),
        "{human}"
    );
    town.access.run(&["apply"]).ends(0);
    assert!(
        fs::read_to_string(town.access.ledger())
            .unwrap()
            .contains(&merge)
    );
}

#[test]
fn what_is_not_approved_is_held_and_blocks_nothing_that_was_approved_before() {
    let town = operated();
    let good = merged(
        &town,
        "maps",
        By::Ssh("ada"),
        &request("sam", "kim", "viewer"),
    );
    let text = request("sam", "sam", "editor");
    let bad = merged(&town, "sam", By::Ssh("eve"), &text);
    let later = merged(
        &town,
        "readme",
        By::Ssh("ada"),
        &request("sam", "ben", "viewer"),
    );
    let made = plan(&town, 1);
    assert_eq!(made["revision"], good.as_str());
    assert_eq!(made["verified"]["head"], later.as_str());
    assert_eq!(asked(&made), [("kim".to_owned(), "maps".to_owned())]);
    let held = held(&made);
    assert!(
        held.iter()
            .any(|h| h.starts_with(&format!("not-approved - commit {} (Merge sam)", &bad[..12]))),
        "{held:?}"
    );
    assert!(
        held.iter().any(|h| h.starts_with(&format!(
            "not-approved - commit {} (Merge readme)",
            &later[..12]
        ))),
        "{held:?}"
    );
    assert!(
        held.iter()
            .any(|h| h.starts_with("not-approved sam + maps editor")),
        "{held:?}"
    );
    assert!(
        held.iter()
            .any(|h| h.starts_with("not-approved ben + maps viewer")),
        "{held:?}"
    );
    assert!(!held.iter().any(|h| h.contains("kim")), "{held:?}");
    let reasons: Vec<&str> = made["held"]
        .as_array()
        .unwrap()
        .iter()
        .map(|h| h["reason"].as_str().unwrap())
        .collect();
    assert!(
        reasons.iter().any(|r| r.contains("countersign approve")),
        "{reasons:?}"
    );
    // What was approved goes on.
    town.access.run(&["apply"]).ends(1);
    assert_eq!(town.access.tasks().len(), 1);
    // Once it is covered, the rest follows.
    for name in ["ada", "ben"] {
        town.approve(By::Ssh(name), name, &bad).ends(0);
    }
    let made = plan(&town, 0);
    assert_eq!(made["revision"], later.as_str());
    assert_eq!(asked(&made).len(), 2);
}

#[test]
fn administrators_are_told_once_what_waits() {
    let town = operated();
    let bad = merged(
        &town,
        "maps",
        By::Ssh("eve"),
        &request("sam", "kim", "viewer"),
    );
    town.access.run(&["apply"]).ends(1);
    let about = |town: &Town| -> Vec<String> {
        let mails = town.access.mails();
        let ours = mails
            .iter()
            .filter(|m| m.subject.contains("is not approved"));
        ours.map(|m| format!("{} {}", m.to.join(" "), m.subject))
            .collect()
    };
    let mails = about(&town);
    assert_eq!(mails.len(), 3, "{mails:?}");
    assert!(mails.iter().all(|m| m.contains(&bad[..12])), "{mails:?}");
    for name in ["ada", "ben", "cleo"] {
        assert!(
            mails
                .iter()
                .any(|m| m.starts_with(&format!("{name}@town.example"))),
            "{mails:?}"
        );
    }
    town.access.run(&["apply"]).ends(1);
    assert_eq!(about(&town).len(), 3);
    // Something else that waits is told again.
    town.access
        .git(&["reset", "--quiet", "--hard", &town.first]);
    merged(
        &town,
        "more",
        By::Ssh("eve"),
        &request("sam", "kim", "editor"),
    );
    town.access.run(&["apply"]).ends(1);
    assert_eq!(about(&town).len(), 6);
}

#[test]
fn a_saved_plan_is_verified_again_and_refused_where_it_no_longer_is() {
    let town = operated();
    merged(
        &town,
        "maps",
        By::Ssh("ada"),
        &request("sam", "kim", "viewer"),
    );
    let file = town.access.operator().with_file_name("plan.json");
    let file = file.to_str().unwrap();
    town.access.run(&["plan", "--out", file]).ends(0);
    // The branch is moved back: what the plan rests on is approved no more.
    town.access
        .git(&["reset", "--quiet", "--hard", &town.first]);
    let ran = town.access.run(&["apply", file]).ends(1);
    assert!(ran.err.contains("and the revision is now"), "{}", ran.err);
    town.access.git(&["reset", "--quiet", "--hard", "main@{1}"]);
    // A plan that says it rests on trust alone is none.
    let text = fs::read_to_string(file).unwrap();
    fs::write(file, text.replace("\"signed-merge\"", "\"trust-branch\"")).unwrap();
    set(&town, "signed-merge", "trust-branch");
    town.access.run(&["apply", file]).ends(0);
    set(&town, "trust-branch", "signed-merge");
    fs::write(file, &text).unwrap();
    town.access.run(&["apply", file]).ends(0);
}

#[test]
fn a_branch_that_was_moved_off_what_was_applied_is_refused() {
    let town = operated();
    merged(
        &town,
        "maps",
        By::Ssh("ada"),
        &request("sam", "kim", "viewer"),
    );
    town.access.run(&["apply"]).ends(0);
    town.access
        .git(&["reset", "--quiet", "--hard", &town.first]);
    merged(
        &town,
        "other",
        By::Ssh("ada"),
        &request("sam", "kim", "editor"),
    );
    let ran = town.access.run(&["plan"]).ends(1);
    for words in [
        "the newest approved commit that the ledger knows",
        "is not on the first-parent line",
        "repository.bootstrap",
    ] {
        assert!(ran.err.contains(words), "{}", ran.err);
    }
    // The operator names a new start.
    let first = town.first.clone();
    let head = town.head();
    set(&town, &first, &head);
    town.access.run(&["plan"]).ends(0);
}

#[test]
fn a_revision_that_is_approved_and_invalid_is_not_acted_on() {
    let town = operated();
    let good = merged(
        &town,
        "maps",
        By::Ssh("ada"),
        &request("sam", "kim", "viewer"),
    );
    town.pull(
        By::Ssh("sam"),
        "broken",
        &[("users/kim.yaml", "kind: User\n")],
    );
    let broken = town.merge(By::Ssh("ada"), "broken");
    town.approve(By::Ssh("ben"), "ben", &broken).ends(0);
    let made = plan(&town, 1);
    assert_eq!(made["revision"], good.as_str());
    assert_eq!(asked(&made), [("kim".to_owned(), "maps".to_owned())]);
    let held = held(&made);
    assert_eq!(held.len(), 1, "{held:?}");
    assert!(
        held[0].starts_with(&format!("stalled - revision {}", &broken[..12])),
        "{held:?}"
    );
    let reason = made["held"][0]["reason"].as_str().unwrap();
    assert!(
        reason.contains("requests/maps.yaml:7: there is no User named `kim`")
            && reason.contains("countersign validate --rev"),
        "{reason}"
    );
    town.access.run(&["apply"]).ends(1);
    // What mends it is judged by the rules of the last valid one, and is acted on.
    town.pull(
        By::Ssh("sam"),
        "mended",
        &[("users/kim.yaml", &user("kim", &[], ACCOUNT))],
    );
    let mended = town.merge(By::Ssh("ada"), "mended");
    town.approve(By::Ssh("ben"), "ben", &mended).ends(0);
    assert_eq!(plan(&town, 0)["revision"], mended.as_str());
}

#[test]
fn what_was_approved_once_stays_so_when_its_approver_leaves() {
    let town = operated();
    merged(
        &town,
        "maps",
        By::Ssh("cleo"),
        &request("sam", "kim", "viewer"),
    );
    town.access.run(&["apply"]).ends(0);
    let left = format!("{ADMINISTRATOR}  state: left\n");
    let text = user("cleo", &[town.public("cleo")], &left);
    town.pull(By::Ssh("sam"), "cleo", &[("users/cleo.yaml", &text)]);
    let merge = town.merge(By::Ssh("ada"), "cleo");
    town.approve(By::Ssh("ben"), "ben", &merge).ends(0);
    assert_eq!(plan(&town, 0)["revision"], merge.as_str());
    town.access.run(&["apply"]).ends(0);
    // Nothing that cleo signs from now on counts.
    merged(
        &town,
        "more",
        By::Ssh("cleo"),
        &request("sam", "kim", "editor").replace("maps-kim", "more-kim"),
    );
    let made = plan(&town, 1);
    assert_eq!(made["revision"], merge.as_str());
}

#[test]
fn the_branch_itself_is_trusted_where_the_operator_says_so_and_the_plan_says_it() {
    let town = operated();
    set(&town, "signed-merge", "trust-branch");
    merged(&town, "maps", By::Nobody, &request("sam", "kim", "viewer"));
    let made = plan(&town, 0);
    assert_eq!(made["approval"], "trust-branch");
    assert!(made.get("verified").is_none());
    let human = town.access.run(&["plan"]).ends(0).out;
    assert!(
        human.contains("approval: trust-branch (nobody's approval was checked)"),
        "{human}"
    );
    let range = format!("{}..main", town.first);
    let ran = town.access.run(&["approve-check", &range]).ends(0);
    assert!(ran.err.contains("there is nothing to prove"), "{}", ran.err);
    town.access
        .run(&["approve-check", &range, "--evidence", "signed-merge"])
        .ends(1);
}

#[test]
fn proof_without_a_beginning_is_refused() {
    let town = operated();
    let bootstrap = format!(", bootstrap: \"{}\"", town.first);
    set(&town, &bootstrap, "");
    let ran = town.access.run(&["plan"]).ends(64);
    for words in ["`repository.bootstrap` names none", "git rev-parse HEAD"] {
        assert!(ran.err.contains(words), "{}", ran.err);
    }
    let town = operated();
    let first = town.first.clone();
    set(&town, &first, "0123456789012345678901234567890123456789");
    let ran = town.access.run(&["plan"]).ends(1);
    assert!(
        ran.err.contains("the operator's `repository.bootstrap`"),
        "{}",
        ran.err
    );
}
