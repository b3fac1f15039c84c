//! Policies of the revision before decide, and those of the new one too: the stricter wins.

use super::{By, Town, request};
use crate::bed::Access;

const FILE: &str = "requests/maps.yaml";

/// A policy about every entitlement gained.
fn policy(expression: &str, effect: &str) -> String {
    format!(
        "apiVersion: countersign/v1\nkind: Policy\nmetadata: {{name: maps}}\nspec:\n  stage: change\n  each: gained\n  validations: [{{expression: '{expression}', message: 'maps are precious'}}]\n  effect: {effect}\n"
    )
}

fn town(expression: &str, effect: &str) -> Town {
    let text = policy(expression, effect);
    Town::with(|access: &Access, _| access.write("policies/maps.yaml", &text))
}

fn pulled(town: &Town) -> String {
    town.pull(
        By::Ssh("sam"),
        "maps",
        &[(FILE, &request("sam", "kim", "viewer"))],
    );
    town.merge(By::Ssh("ada"), "maps")
}

#[test]
fn a_policy_may_ask_for_more_approvers() {
    let town = town("gained.resource != \"maps\"", "{approvals: 2}");
    let merge = pulled(&town);
    town.check().refused(&[
        "it needs 2 approvers (policy maps: maps are precious)",
        "has 1: ada",
    ]);
    town.approve(By::Ssh("ben"), "ben", &merge).ends(0);
    town.check().approved_by(&["ada", "ben"]);
}

#[test]
fn a_policy_may_forbid_and_nobody_covers_that() {
    let town = town("gained.resource != \"maps\"", "deny");
    let merge = pulled(&town);
    let words = "policy maps forbids it: maps are precious";
    town.check()
        .refused(&[words, "take a merged one off the branch"]);
    for name in ["ben", "cleo"] {
        town.approve(By::Ssh(name), name, &merge).ends(0);
    }
    town.check().refused(&[words]);
}

#[test]
fn a_policy_that_only_warns_stops_nothing() {
    let town = town("gained.resource != \"maps\"", "warn");
    pulled(&town);
    town.check().approved_by(&["ada"]);
}

#[test]
fn a_policy_that_a_merge_takes_out_still_holds_for_that_merge() {
    let town = town("gained.resource != \"maps\"", "deny");
    town.branch("out");
    town.access.git(&["rm", "--quiet", "policies/maps.yaml"]);
    town.access.write(FILE, &request("sam", "kim", "viewer"));
    town.commit(By::Ssh("sam"), "Out with it");
    let merge = town.merge(By::Ssh("ada"), "out");
    town.approve(By::Ssh("ben"), "ben", &merge).ends(0);
    town.check().refused(&["policy maps forbids it"]);
}

#[test]
fn a_policy_that_comes_with_a_merge_holds_for_it_already() {
    let town = Town::new();
    let text = policy("gained.resource != \"maps\"", "{approvals: 3}");
    town.pull(
        By::Ssh("sam"),
        "maps",
        &[
            (FILE, &request("sam", "kim", "viewer")),
            ("policies/maps.yaml", &text),
        ],
    );
    let merge = town.merge(By::Ssh("ada"), "maps");
    town.approve(By::Ssh("ben"), "ben", &merge).ends(0);
    town.check().refused(&[
        "it needs 3 approvers (policy maps: maps are precious)",
        "by one of: cleo",
    ]);
}

#[test]
fn a_policy_sees_who_asks_and_who_approves() {
    let town = town("actor.name != \"sam\"", "deny");
    pulled(&town);
    town.check().refused(&["policy maps forbids it"]);
    let town = self::town("approvers.all(a, a.name != \"ada\")", "deny");
    pulled(&town);
    town.check().refused(&["policy maps forbids it"]);
    let town = self::town(
        "actor.name != \"ben\" && approvers.all(a, a.name != \"ben\")",
        "deny",
    );
    pulled(&town);
    town.check().approved_by(&["ada"]);
}

#[test]
fn where_nobody_provably_asks_a_policy_that_wants_to_know_says_no() {
    let town = town("actor.name != \"eve\"", "deny");
    let more = "  access:\n    - {resource: maps}\n";
    let text = super::user("kim", &[], more);
    town.pull(By::Nobody, "kim", &[("users/kim.yaml", &text)]);
    let merge = town.merge(By::Ssh("ada"), "kim");
    town.approve(By::Ssh("ben"), "ben", &merge).ends(0);
    town.check().refused(&["policy maps forbids it"]);
}
