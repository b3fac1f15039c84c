//! Whole runs of the program on a ledger that is shared.

use super::bed::{Bed, run};
use super::town::Town;
use countersign::ledger::{Event, Ledger, LedgerError, Record, Shared};
use countersign::plan::TaskId;
use jiff::Timestamp;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

#[test]
fn a_run_is_on_the_branch_and_one_with_nothing_to_do_adds_nothing() {
    let town = Town::new();
    town.access.run(&["plan"]).ends(0);
    assert_eq!(town.bed.commits(), 0, "who plans writes nothing");
    town.access.apply();
    let commits = town.bed.commits();
    assert!(commits >= 2, "an intent and an end");
    assert!(town.bed.lines().contains("\"intended\""));
    assert_eq!(town.bed.file("lease.json"), None);
    let file = fs::read_to_string(town.access.ledger()).unwrap();
    assert_eq!(town.bed.lines(), file);
    let traces = town.access.traces();
    town.access.apply();
    assert_eq!(town.access.traces(), traces);
    assert_eq!(town.bed.commits(), commits);

    let task = town.task("maps");
    town.access.run(&["task", "done", &task]).ends(0);
    assert_eq!(
        town.bed.lines(),
        fs::read_to_string(town.access.ledger()).unwrap()
    );
    let verified = town.access.run(&["ledger", "verify"]).ends(0);
    assert!(
        verified.out.contains("all as it was written"),
        "{}",
        verified.out
    );
    let shown = town.access.run(&["ledger", "show", "--format", "json"]);
    let shown = shown.ends(0).json();
    assert_eq!(shown["tasks"]["done"], 1);
    assert_eq!(shown["lease"], Value::Null);
    assert_eq!(shown["runs"].as_array().unwrap().len(), 1);
    let human = town.access.run(&["ledger", "show"]).ends(0).out;
    assert!(human.contains("lease: nobody's"), "{human}");
}

#[test]
fn a_lease_that_could_not_be_given_back_is_given_back_by_a_run_with_nothing_to_do() {
    let town = Town::new();
    // The remote takes everything but the end of a run.
    let hook = town.bed.remote().join("hooks/pre-receive");
    fs::create_dir_all(hook.parent().unwrap()).unwrap();
    let refuses = "#!/bin/sh\nread old new ref\n! git log -1 --format=%s $new | grep -q ^end\n";
    fs::write(&hook, refuses).unwrap();
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    let ran = town.access.apply();
    let said = "not everything that was recorded is on the ledger's branch yet";
    assert!(ran.out.contains(said), "{}", ran.out);
    assert!(town.bed.file("lease.json").is_some());
    fs::remove_file(&hook).unwrap();
    let traces = town.access.traces();
    let ran = town.access.apply();
    assert!(!ran.out.contains(said), "{}", ran.out);
    assert_eq!(town.access.traces(), traces);
    assert_eq!(town.bed.file("lease.json"), None);
    assert_eq!(
        town.bed.lines(),
        fs::read_to_string(town.access.ledger()).unwrap()
    );
}

#[test]
fn while_another_has_the_lease_nothing_is_done_and_it_says_who_and_since_when() {
    let town = Town::new();
    let machine = town.bed.machine("other");
    let mut other = Ledger::share(&machine.ledger, town.shared()).unwrap();
    other.hold(run("theirs")).unwrap();
    let before = town.access.traces();
    let ran = town.access.run(&["apply"]).ends(3);
    let holder = format!("process {} on ", std::process::id());
    assert!(
        ran.err.contains(&holder) && ran.err.contains("since"),
        "{}",
        ran.err
    );
    assert_eq!(town.access.traces(), before);
    let shown = town.access.run(&["ledger", "show"]).ends(0).out;
    assert!(shown.contains(&holder), "{shown}");
    other.close().unwrap();
    town.access.apply();
}

#[test]
fn out_of_reach_of_the_ledger_leavers_are_locked_out_and_everything_else_waits() {
    let town = Town::applied();
    town.access
        .edit("users/kim.yaml", "spec:\n", "spec:\n  state: left\n");
    town.write_user(
        "new",
        None,
        &["resource: active-directory", "resource: maps"],
    );
    let away = town.bed.path().join("away.git");
    fs::rename(town.bed.remote(), &away).unwrap();
    let mails = town.access.mails().len();
    let ran = town.access.run(&["apply", "--format", "json"]).ends(1);
    let changes = ran.json()["changes"].as_array().unwrap().clone();
    let applied = changes.iter().filter(|c| c["outcome"] == "applied").count();
    let held: Vec<&Value> = changes.iter().filter(|c| c["outcome"] == "held").collect();
    assert!(applied >= 1, "{changes:?}");
    assert!(!held.is_empty(), "{changes:?}");
    let why = held[0]["detail"].as_str().unwrap();
    assert!(
        why.contains("the ledger's branch cannot be reached"),
        "{why}"
    );
    assert_eq!(town.access.mails().len(), mails, "nobody is told anything");
    let ldif = fs::read_to_string(town.access.ldif()).unwrap();
    assert!(ldif.contains("userAccountControl: 514"), "{ldif}");
    assert!(!ldif.contains("sAMAccountName: new"), "{ldif}");

    fs::rename(&away, town.bed.remote()).unwrap();
    town.access.apply();
    let ldif = fs::read_to_string(town.access.ldif()).unwrap();
    assert!(ldif.contains("sAMAccountName: new"), "{ldif}");
    assert!(town.access.mails().len() > mails);
    assert_eq!(
        town.bed.lines(),
        fs::read_to_string(town.access.ledger()).unwrap()
    );
    town.access.run(&["ledger", "verify"]).ends(0);
}

#[test]
fn after_a_crash_elsewhere_what_both_intend_is_done_first_and_the_rest_by_the_next_run() {
    let town = Town::new();
    let plan = town.access.plan();
    let tasks = plan["tasks"].as_array().unwrap();
    let maps = tasks.iter().find(|t| t["task"]["resource"] == "maps");
    let maps = maps.unwrap()["task"]["id"].as_str().unwrap().to_owned();
    // Another machine meant to ask for the maps, and was never heard of again.
    let machine = town.bed.machine("crashed");
    let shared = Shared {
        term: Duration::from_millis(1),
        longest: Duration::from_millis(1),
        ..town.shared()
    };
    let mut crashed = Ledger::share(&machine.ledger, shared).unwrap();
    let at = Timestamp::now();
    let opening = Record {
        at,
        run: run("crashed"),
        event: Event::RunStarted {
            revision: None,
            instant: at,
            plan: String::new(),
        },
    };
    crashed.append(opening).unwrap();
    let intent = countersign::ledger::Intent {
        run: run("crashed"),
        changes: Default::default(),
        tasks: [TaskId(maps)].into(),
        notices: Default::default(),
    };
    crashed.intend(intent, at).unwrap();
    drop(crashed);

    town.access.run(&["plan"]).ends(0);
    let first = town.access.run(&["apply"]).ends(0);
    assert!(first.out.contains("run crashed"), "{}", first.out);
    let asked = |town: &Town| -> Vec<String> {
        let tasks = town.access.tasks();
        let of = tasks
            .iter()
            .map(|t| t["task"]["resource"].as_str().unwrap());
        of.map(str::to_owned).collect()
    };
    assert_eq!(asked(&town), ["maps"]);
    assert!(
        !fs::read_to_string(town.access.ldif())
            .unwrap()
            .contains("kim")
    );
    town.access.apply();
    let mut all = asked(&town);
    all.sort();
    assert!(all.contains(&"timesheets".to_owned()), "{all:?}");
    assert!(
        fs::read_to_string(town.access.ldif())
            .unwrap()
            .contains("kim")
    );
}

#[test]
fn two_machines_take_turns_and_neither_asks_twice() {
    let town = Town::applied();
    let mails = town.access.mails().len();
    let machine = town.bed.machine("second");
    let other = Ledger::share(&machine.ledger, town.shared()).unwrap();
    assert_eq!(
        fs::read_to_string(&machine.ledger).unwrap(),
        fs::read_to_string(town.access.ledger()).unwrap()
    );
    drop(other);
    // The same operator on the second machine.
    fs::remove_file(town.access.ledger()).unwrap();
    town.access.apply();
    assert_eq!(town.access.mails().len(), mails);
}

#[test]
fn verify_names_the_commit_that_does_not_count() {
    let town = Town::applied();
    let clone = town.clone_of("ada");
    super::bed::git(
        &clone,
        &["fetch", "--quiet", "origin", "countersign/ledger"],
    );
    super::bed::git(&clone, &["checkout", "--quiet", "FETCH_HEAD"]);
    super::bed::git(
        &clone,
        &[
            "commit",
            "--quiet",
            "--no-gpg-sign",
            "--allow-empty",
            "-m",
            "x",
        ],
    );
    let head = super::bed::git(&clone, &["rev-parse", "HEAD"]);
    super::bed::git(
        &clone,
        &["push", "--quiet", "origin", "HEAD:countersign/ledger"],
    );
    let ran = town.access.run(&["ledger", "verify"]).ends(1);
    assert!(ran.out.contains(&head), "{}", ran.out);
    let ran = town.access.run(&["apply"]).ends(3);
    assert!(ran.err.contains("it is not signed"), "{}", ran.err);
}

#[test]
fn a_key_with_a_passphrase_is_no_signing_key() {
    let bed = Bed::new();
    let mut machine = bed.machine("one");
    machine.shared.key = "not a key".to_owned().into();
    let error = machine.try_open().unwrap_err();
    assert!(matches!(error, LedgerError::Signing(_)), "{error}");
}
