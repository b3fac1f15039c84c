//! Who moves the branch has the lease; nobody moves it unseen.

use super::bed::{Bed, run, selected, selection};
use countersign::ledger::{Lease, Ledger, LedgerError, Stance};
use std::fs;
use std::time::{Duration, Instant};

#[test]
fn a_run_is_an_intent_progress_and_an_end_and_the_branch_is_the_file() {
    let bed = Bed::new();
    let machine = bed.machine("one");
    let mut ledger = machine.open();
    ledger.append(selection("ada", "first")).unwrap();
    assert_eq!(bed.commits(), 0, "nothing is pushed before the intent");
    assert!(!ledger.may_start(), "nothing may begin before it either");
    ledger.hold(run("r-1")).unwrap();
    assert!(ledger.may_start());
    assert_eq!(bed.lines(), machine.lines());
    let lease: Lease = serde_json::from_str(&bed.file("lease.json").unwrap()).unwrap();
    assert_eq!(lease.process, std::process::id());
    assert_eq!(lease.run, Some(run("r-1")));
    ledger.append(selection("ben", "second")).unwrap();
    assert_eq!(bed.commits(), 2);
    ledger.close().unwrap();
    assert_eq!(bed.file("lease.json"), None);
    assert_eq!(bed.commits(), 3);
    assert_eq!(bed.lines(), machine.lines());
    assert!(!ledger.may_start());
}

#[test]
fn a_run_without_effects_makes_no_commit() {
    let bed = Bed::new();
    let machine = bed.machine("one");
    let mut ledger = machine.open();
    ledger.append(selection("ada", "first")).unwrap();
    ledger.close().unwrap();
    drop(ledger);
    assert_eq!(bed.commits(), 0);
    let mut ledger = machine.open();
    ledger.hold(run("r")).unwrap();
    assert_eq!(
        bed.lines(),
        machine.lines(),
        "the next run with effects pushes it"
    );
}

#[test]
fn a_new_machine_with_nothing_but_git_reads_what_was_pushed() {
    let bed = Bed::new();
    let machine = bed.machine("one");
    let mut ledger = machine.open();
    ledger.append(selection("ada", "first")).unwrap();
    ledger.hold(run("r")).unwrap();
    ledger.close().unwrap();
    let other = bed.machine("two");
    let looked = Ledger::look(&other.ledger, other.shared.clone()).unwrap();
    assert_eq!(looked.head(), ledger.history().head());
    assert!(!other.ledger.exists(), "who only looks writes no ledger");
    let opened = other.open();
    assert_eq!(selected(&opened), ["ada=first"]);
    assert_eq!(other.lines(), machine.lines());
}

#[test]
fn of_two_that_begin_together_one_is_told_who_was_first_and_since_when() {
    let bed = Bed::new();
    let (one, two) = (bed.machine("one"), bed.machine("two"));
    let mut first = one.open();
    let mut second = two.open();
    first.append(selection("ada", "first")).unwrap();
    second.append(selection("ben", "second")).unwrap();
    first.hold(run("r-1")).unwrap();
    let error = second.hold(run("r-2")).unwrap_err();
    let LedgerError::LeaseHeld { holder, since } = &error else {
        panic!("{error}")
    };
    assert!(
        holder.contains(&format!("process {}", std::process::id())),
        "{holder}"
    );
    let lease: Lease = serde_json::from_str(&bed.file("lease.json").unwrap()).unwrap();
    assert_eq!(*since, lease.since);
    assert!(matches!(second.stance(), Stance::Over(_)));
    drop(second);
    // Later ones need not push to learn it.
    let error = two.open().vacancy().unwrap_err();
    assert!(matches!(error, LedgerError::LeaseHeld { .. }), "{error}");
    first.close().unwrap();
}

#[test]
fn whoever_planned_on_an_older_head_plans_again() {
    let bed = Bed::new();
    let (one, two) = (bed.machine("one"), bed.machine("two"));
    let mut second = two.open();
    let mut first = one.open();
    first.append(selection("ada", "first")).unwrap();
    first.hold(run("r-1")).unwrap();
    first.close().unwrap();
    let error = second.hold(run("r-2")).unwrap_err();
    assert!(matches!(error, LedgerError::Moved), "{error}");
    drop(second);
    let mut second = two.open();
    assert_eq!(selected(&second), ["ada=first"]);
    second.hold(run("r-2")).unwrap();
}

#[test]
fn the_files_of_the_branch_are_bounded_and_only_the_last_one_grows() {
    let bed = Bed::new();
    let mut machine = bed.machine("one");
    machine.shared.every = Duration::from_secs(3600);
    let mut ledger = machine.open();
    let long = "x".repeat(2000);
    let records = |from: usize| {
        let long = &long;
        (from..from + 400).map(move |n| selection("ada", &format!("{n}-{long}")))
    };
    ledger.append_all(records(0)).unwrap();
    ledger.hold(run("r-1")).unwrap();
    let first = bed.file("records/000001.jsonl").unwrap();
    ledger.append_all(records(400)).unwrap();
    ledger.close().unwrap();
    assert_eq!(bed.file("records/000001.jsonl").unwrap(), first);
    for number in 1..=3 {
        let file = bed.file(&format!("records/00000{number}.jsonl")).unwrap();
        assert!(file.len() < 512 * 1024, "{number}: {}", file.len());
    }
    assert_eq!(bed.lines(), machine.lines());
    let other = bed.machine("two");
    other.open();
    assert_eq!(other.lines(), machine.lines());
}

#[test]
fn a_ledger_that_was_local_is_shared_with_its_past() {
    let bed = Bed::new();
    let machine = bed.machine("one");
    let mut ledger = Ledger::open(&machine.ledger).unwrap();
    ledger.append(selection("ada", "first")).unwrap();
    drop(ledger);
    let mut ledger = machine.open();
    ledger.hold(run("r")).unwrap();
    assert_eq!(bed.lines(), machine.lines());
    // Two ledgers of two pasts are not mixed.
    let other = bed.machine("two");
    let mut stranger = Ledger::open(&other.ledger).unwrap();
    stranger.append(selection("ben", "other")).unwrap();
    drop(stranger);
    let error = other.try_open().unwrap_err();
    assert!(matches!(error, LedgerError::Unrelated { .. }), "{error}");
    assert!(fs::read_to_string(&other.ledger).unwrap().contains("ben"));
}

#[test]
fn a_push_costs_little() {
    let bed = Bed::new();
    let machine = bed.machine("one");
    let mut ledger = machine.open();
    ledger.hold(run("r")).unwrap();
    let began = Instant::now();
    for number in 0..10 {
        ledger
            .append(selection("ada", &number.to_string()))
            .unwrap();
    }
    println!("a record, signed and pushed: {:?}", began.elapsed() / 10);
    ledger.close().unwrap();
}
