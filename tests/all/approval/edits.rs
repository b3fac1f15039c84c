//! Who edits somebody else's request still approves it; what goes beyond what was asked needs a second one.

use super::{By, Town, request};

const FILE: &str = "requests/maps.yaml";

/// Sam asks for this, and ada edits it to that on sam's branch and merges.
fn edited(asked: &str, given: &str) -> (Town, String) {
    let town = Town::new();
    town.pull(By::Ssh("sam"), "maps", &[(FILE, asked)]);
    town.access.write(FILE, given);
    town.commit(By::Ssh("ada"), "As far as it goes");
    let merge = town.merge(By::Ssh("ada"), "maps");
    (town, merge)
}

#[test]
fn an_administrator_who_gives_less_than_was_asked_for_still_approves() {
    let asked = request("sam", "kim", "viewer");
    let less = asked.replace(
        "effective: 2020-01-01",
        "effective: 2020-01-01\n  until: 2099-01-01",
    );
    let (town, _) = edited(&asked, &less);
    town.check().approved_by(&["ada"]);
}

#[test]
fn an_edit_that_gives_more_than_was_asked_for_needs_a_second_approver() {
    let asked = request("sam", "kim", "viewer");
    let (town, merge) = edited(&asked, &asked.replace("viewer", "editor"));
    town.check().refused(&[
        "it needs 2 approvers (ada edited request maps-kim, and kim gets maps editor that sam did not ask for)",
        "has 1: ada",
    ]);
    town.approve(By::Ssh("cleo"), "cleo", &merge).ends(0);
    town.check().approved_by(&["ada", "cleo"]);
}

#[test]
fn more_at_an_earlier_day_is_more() {
    let asked = request("sam", "kim", "viewer").replace("2020-01-01", "2099-01-01");
    let (town, _) = edited(&asked, &asked.replace("2099-01-01", "2020-01-01"));
    town.check().refused(&["that sam did not ask for"]);
}

#[test]
fn what_the_requester_committed_after_an_edit_is_asked_for() {
    let asked = request("sam", "kim", "viewer");
    let town = Town::new();
    town.pull(By::Ssh("sam"), "maps", &[(FILE, &asked)]);
    town.access.write(FILE, &asked.replace("viewer", "editor"));
    town.commit(By::Ssh("ada"), "More");
    town.access.write(
        FILE,
        &format!("{}  reason: transfer\n", asked.replace("viewer", "editor")),
    );
    town.commit(By::Ssh("sam"), "Indeed");
    town.merge(By::Ssh("ada"), "maps");
    town.check().approved_by(&["ada"]);
}

#[test]
fn an_edit_of_a_request_that_was_merged_before_is_one() {
    let town = Town::new();
    let asked = request("sam", "kim", "viewer").replace("2020-01-01", "2099-01-01");
    town.pull(By::Ssh("sam"), "maps", &[(FILE, &asked)]);
    town.merge(By::Ssh("ada"), "maps");
    town.pull(
        By::Ssh("ada"),
        "edit",
        &[(FILE, &asked.replace("viewer", "editor"))],
    );
    town.merge(By::Ssh("ada"), "edit");
    town.check().refused(&[
        "it needs 2 approvers (ada edited request maps-kim",
        "has 1: ada",
    ]);
}

#[test]
fn an_edit_that_is_for_the_editor_is_no_edit_of_somebody_elses() {
    let asked = request("sam", "kim", "viewer");
    let (town, _) = edited(&asked, &asked.replace("subject: kim", "subject: ada"));
    town.check().refused(&["gains maps", "has none"]);
}

#[test]
fn whoever_takes_over_a_request_asks_for_it() {
    let asked = request("sam", "kim", "viewer");
    let (town, _) = edited(
        &asked,
        &asked.replace("requestedBy: sam", "requestedBy: ben"),
    );
    town.check()
        .refused(&["request maps-kim says that ben asks for it, and ada brought it"]);
    let (town, _) = edited(
        &asked,
        &asked.replace("requestedBy: sam", "requestedBy: ada"),
    );
    town.check()
        .refused(&["asks for it (maps-kim)", "has none"]);
}

#[test]
fn whoever_changes_something_besides_is_an_author() {
    let town = Town::new();
    let asked = request("sam", "kim", "viewer");
    town.pull(By::Ssh("sam"), "maps", &[(FILE, &asked)]);
    town.access.write("README.md", "ada was here\n");
    town.commit(By::Ssh("ada"), "Besides");
    town.merge(By::Ssh("ada"), "maps");
    town.check()
        .refused(&["ada signed the merge", "of it", "has none"]);
}
