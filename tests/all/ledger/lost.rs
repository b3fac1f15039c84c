//! A ledger that is gone: nothing is done until an administrator says so, and then nobody is asked
//! again for what was settled.

use super::bed::{BRANCH, git};
use super::town::Town;
use std::fs;

#[test]
fn a_branch_that_is_gone_is_begun_anew_from_the_file_and_on_command_only() {
    let town = Town::applied();
    let lines = town.bed.lines();
    let ran = town.access.run(&["ledger", "rebuild"]).ends(64);
    assert!(ran.err.contains("nothing to begin anew"), "{}", ran.err);
    git(&town.bed.remote(), &["update-ref", "-d", BRANCH]);
    let ran = town.access.run(&["apply"]).ends(3);
    assert!(
        ran.err.contains("countersign ledger rebuild"),
        "{}",
        ran.err
    );
    town.access.run(&["plan"]).ends(3);
    assert_eq!(town.bed.head(), None);
    town.access.run(&["ledger", "rebuild"]).ends(0);
    assert_eq!(town.bed.lines(), lines);
    let traces = town.access.traces();
    town.access.apply();
    assert_eq!(town.access.traces(), traces);
}

#[test]
fn without_the_file_as_well_what_is_wanted_is_taken_as_held_and_nobody_is_mailed() {
    let town = Town::applied();
    let mails = town.access.mails().len();
    let directory = fs::read_to_string(town.access.ldif()).unwrap();
    git(&town.bed.remote(), &["update-ref", "-d", BRANCH]);
    fs::remove_file(town.access.ledger()).unwrap();
    town.access.run(&["apply"]).ends(3);
    let ran = town.access.run(&["ledger", "rebuild"]).ends(0);
    assert!(ran.out.contains("- kim: maps"), "{}", ran.out);
    assert!(
        ran.out.contains("which identities users selected"),
        "{}",
        ran.out
    );
    assert!(town.bed.lines().contains("\"rebuilt\""));
    assert_eq!(fs::read_to_string(town.access.ldif()).unwrap(), directory);
    let plan = town.access.plan();
    assert_eq!(plan["tasks"].as_array().unwrap().len(), 0, "{plan}");
    assert_eq!(plan["notices"].as_array().unwrap().len(), 0, "{plan}");
    assert_eq!(town.access.mails().len(), mails);
    // What comes later is asked for as ever.
    town.write_user("new", None, &["resource: maps"]);
    let plan = town.access.plan();
    assert_eq!(plan["tasks"].as_array().unwrap().len(), 1, "{plan}");
}

#[test]
fn a_machine_that_knows_of_no_ledger_begins_none_as_after_a_loss_unless_told() {
    let town = Town::new();
    let ran = town.access.run(&["ledger", "rebuild"]).ends(64);
    assert!(ran.err.contains("--lost"), "{}", ran.err);
    town.access.run(&["ledger", "rebuild", "--lost"]).ends(0);
    assert_eq!(town.access.plan()["tasks"].as_array().unwrap().len(), 0);
}
