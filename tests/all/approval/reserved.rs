//! `changedBy: administrators` (CM2): who has such a level changes only where administrators ask for it,
//! whoever approves.

use super::forges::{branch, town as forge_town};
use super::hub::{FORGES, Pull};
use super::{ADMINISTRATOR, By, RESOURCES, Town, request, user};
use crate::bed::Access;

const FILE: &str = "requests/maps.yaml";

const EDITOR: &str = "  access:\n    - {resource: maps, level: editor}\n";

fn clerks(access: &str) -> String {
    format!(
        "apiVersion: countersign/v1\nkind: Profile\nmetadata: {{name: clerk}}\nspec:\n  access: [{access}]\n"
    )
}

/// Editors of maps change only by administrators; kim is a clerk, and eve is an editor.
fn reserve(access: &Access) {
    let reserved = "{name: editor, changedBy: administrators}";
    let text = RESOURCES.replace("{name: editor}", reserved);
    access.write("resources.yaml", &text);
    access.write("profiles/clerk.yaml", &clerks(""));
    access.write("users/kim.yaml", &user("kim", &[], "  profiles: [clerk]\n"));
    access.write("users/eve.yaml", &user("eve", &[], EDITOR));
}

fn town() -> Town {
    Town::with(|access, _| reserve(access))
}

/// What is said of a step by sam that ada merges; that diff says it too.
#[track_caller]
fn refused(files: &[(&str, &str)], words: &[&str]) {
    let town = town();
    town.pull(By::Ssh("sam"), "change", files);
    let diff = |actor: &[&str]| {
        let mut arguments = vec!["diff", "main", "change"];
        arguments.extend(actor);
        town.access.run_embedded(&arguments)
    };
    let ran = diff(&["--actor", "sam"]).ends(1);
    for word in words {
        assert!(ran.out.contains(word), "{word:?} is not in\n{}", ran.out);
    }
    let merge = town.merge(By::Ssh("ada"), "change");
    town.check().refused(words).refused(&[
        "which only administrators of countersign may ask for (`changedBy`), and sam, who ",
        "let an administrator ask for it (ada, ben, cleo)",
    ]);
    // Nobody covers that.
    for name in ["ben", "cleo"] {
        town.approve(By::Ssh(name), name, &merge).ends(0);
    }
    town.check().refused(words);
}

#[test]
fn a_request_of_somebody_else_does_not_give_it() {
    let asked = request("sam", "kim", "editor");
    refused(&[(FILE, &asked)], &["kim gains level editor of maps"]);
    let later = asked.replace("2020-01-01", "2099-01-01");
    refused(&[(FILE, &later)], &["kim gains level editor of maps"]);
}

#[test]
fn nor_does_a_profile_or_a_level_that_includes_it() {
    let profile = clerks("{resource: maps, level: editor}");
    let words = ["kim gains level editor of maps"];
    refused(&[("profiles/clerk.yaml", &profile)], &words);
    let levels = RESOURCES.replace(
        "{name: viewer}, {name: editor}",
        "{name: viewer, includes: [editor]}, {name: editor, changedBy: administrators}",
    );
    let text = user("kim", &[], "  access:\n    - {resource: maps}\n");
    refused(
        &[("resources.yaml", &levels), ("users/kim.yaml", &text)],
        &words,
    );
}

#[test]
fn nor_where_the_rule_goes_with_it() {
    let text = user("kim", &[], EDITOR);
    refused(
        &[("resources.yaml", RESOURCES), ("users/kim.yaml", &text)],
        &["kim gains level editor of maps"],
    );
}

#[test]
fn nor_is_it_taken() {
    let text = user("eve", &[], "");
    let words = ["eve loses level editor of maps"];
    refused(&[("users/eve.yaml", &text)], &words);
}

#[test]
fn whoever_writes_an_administrators_request_asks_with_them() {
    let town = town();
    let asked = request("ada", "kim", "viewer");
    town.pull(By::Ssh("ada"), "maps", &[(FILE, &asked)]);
    town.access.write(FILE, &asked.replace("viewer", "editor"));
    town.commit(By::Ssh("sam"), "More");
    let merge = town.merge(By::Ssh("ben"), "maps");
    town.approve(By::Ssh("cleo"), "cleo", &merge).ends(0);
    town.check().refused(&[
        "kim gains level editor of maps",
        "sam, who edited request maps-kim, is none",
    ]);
}

#[test]
fn an_administrator_who_edits_somebody_elses_request_does_not_ask_in_their_stead() {
    let town = town();
    let asked = request("sam", "kim", "viewer");
    town.pull(By::Ssh("sam"), "maps", &[(FILE, &asked)]);
    town.access.write(FILE, &asked.replace("viewer", "editor"));
    town.commit(By::Ssh("ada"), "More");
    town.merge(By::Ssh("ben"), "maps");
    town.check()
        .refused(&["sam, who asks for it (request maps-kim), is none"]);
}

#[test]
fn what_nobody_provably_asks_for_is_refused() {
    let town = town();
    let asked = request("ada", "kim", "editor");
    town.pull(By::Nobody, "maps", &[(FILE, &asked)]);
    let merge = town.merge(By::Ssh("ben"), "maps");
    town.approve(By::Ssh("cleo"), "cleo", &merge).ends(0);
    town.check().refused(&[
        "kim gains level editor of maps",
        "is signed by nobody whom the revision before knows",
    ]);
}

#[test]
fn an_administrator_asks_and_another_approves() {
    let town = town();
    town.pull(
        By::Ssh("ada"),
        "maps",
        &[(FILE, &request("ada", "kim", "editor"))],
    );
    let ran = town
        .access
        .run_embedded(&["diff", "main", "maps", "--actor", "ada"])
        .ends(0);
    assert!(!ran.out.contains("refused"), "{}", ran.out);
    let ran = town.access.run_embedded(&["diff", "main", "maps"]).ends(0);
    let words = "may be refused: kim gains level editor of maps, which only administrators";
    assert!(ran.out.contains(words), "{}", ran.out);
    town.merge(By::Ssh("ben"), "maps");
    town.check().approved_by(&["ben"]);
}

#[test]
fn whoever_becomes_an_administrator_does_not_ask_in_the_same_step() {
    let town = town();
    let both = user("sam", &[town.public("sam")], ADMINISTRATOR);
    town.pull(
        By::Ssh("sam"),
        "maps",
        &[
            (FILE, &request("sam", "kim", "editor")),
            ("users/sam.yaml", &both),
        ],
    );
    let merge = town.merge(By::Ssh("ada"), "maps");
    town.approve(By::Ssh("ben"), "ben", &merge).ends(0);
    town.check().refused(&["and sam, who "]);
}

#[test]
fn other_levels_and_leavers_are_for_anybody_to_ask() {
    let town = town();
    town.pull(
        By::Ssh("sam"),
        "maps",
        &[(FILE, &request("sam", "kim", "viewer"))],
    );
    town.merge(By::Ssh("ada"), "maps");
    town.check().approved_by(&["ada"]);
    let leaver = "apiVersion: countersign/v1\nkind: Request\nmetadata: {name: leave-eve}\nspec:\n  action: Terminate\n  requestedBy: sam\n  subject: eve\n  effective: 2020-01-01\n  urgent: true\n";
    town.pull(By::Ssh("sam"), "leave", &[("requests/leave.yaml", leaver)]);
    town.merge(By::Ssh("ada"), "leave");
    town.check().approved_by(&["ada"]);
}

#[test]
fn a_leaver_who_stays_after_all_is_not() {
    let town = Town::with(|access, _| {
        reserve(access);
        let leaver = "apiVersion: countersign/v1\nkind: Request\nmetadata: {name: leave-eve}\nspec:\n  action: Terminate\n  requestedBy: sam\n  subject: eve\n  effective: 2099-01-01\n";
        access.write("requests/leave.yaml", leaver);
    });
    town.branch("stay");
    town.access.git(&["rm", "--quiet", "requests/leave.yaml"]);
    town.commit(By::Ssh("sam"), "Eve stays");
    town.merge(By::Ssh("ada"), "stay");
    town.check()
        .refused(&["eve gains level editor of maps", "and sam, who wrote "]);
}

#[test]
fn of_a_forge_whoever_opened_the_pull_request_asks() {
    for kind in FORGES {
        let (town, hub) = forge_town(kind);
        let reserved = "{name: editor, changedBy: administrators}";
        let text = RESOURCES.replace("{name: editor}", reserved);
        town.access.write("resources.yaml", &text);
        town.commit(By::Nobody, "Editors are reserved");
        let proposed = |head: &str, code| {
            let range = format!("main..{head}");
            let ran = town
                .access
                .run(&["approve-check", &range, "--pull-request"])
                .ends(code);
            format!("{}{}", ran.out, ran.err)
        };
        let head = branch(&town, "maps", "editor");
        hub.tells(&[Pull::new(7, "sam-l", &head).approved_by(&["ada-l", "ben-l"])]);
        let said = proposed(&head, 1);
        assert!(said.contains("kim gains level editor of maps"), "{said}");
        assert!(said.contains("and sam, who "), "{said}");
        let asked = request("ada", "kim", "editor");
        let head = town.pull(By::Nobody, "mine", &[(FILE, &asked)]);
        hub.tells(&[Pull::new(8, "ada-l", &head).approved_by(&["ben-l"])]);
        proposed(&head, 0);
    }
}
