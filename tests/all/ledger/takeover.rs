//! A reconciler that fell silent: who goes on, and what becomes of what it had not pushed.

use super::bed::{Bed, run, selected, selection};
use countersign::ledger::{Event, LedgerError, Stance, records};
use std::fs;
use std::thread::sleep;
use std::time::Duration;

#[test]
fn a_silent_lease_is_taken_over_after_its_time_and_not_before() {
    let bed = Bed::new();
    let (one, two) = (bed.machine("one"), bed.machine("two"));
    let mut first = one.open();
    first.append(selection("ada", "first")).unwrap();
    first.hold(run("r-1")).unwrap();
    // The first one is still there, and says nothing more.
    let mut second = two.open();
    let error = second.hold(run("r-2")).unwrap_err();
    assert!(matches!(error, LedgerError::LeaseHeld { .. }), "{error}");
    drop(second);
    sleep(Duration::from_millis(2100));
    let mut second = two.open();
    second.append(selection("ben", "second")).unwrap();
    second.hold(run("r-2")).unwrap();
    assert!(second.may_start());
    // The first one learns it before its next effect.
    assert!(!first.may_start());
    assert!(matches!(first.stance(), Stance::Over(_)));
    first
        .append(selection("cleo", "seen by nobody yet"))
        .unwrap();
    let error = first.close().unwrap_err();
    assert!(matches!(error, LedgerError::Moved), "{error}");
    second.close().unwrap();
}

#[test]
fn its_own_term_ends_before_anybody_elses_patience() {
    let bed = Bed::new();
    let mut machine = bed.machine("one");
    machine.shared.every = Duration::from_secs(3600);
    let mut ledger = machine.open();
    ledger.hold(run("r")).unwrap();
    assert!(ledger.may_start());
    sleep(Duration::from_millis(1050));
    assert!(!ledger.may_start(), "two thirds of 1.5 s are over");
}

#[test]
fn a_lease_is_renewed_as_long_as_there_is_work() {
    let bed = Bed::new();
    let machine = bed.machine("one");
    let mut ledger = machine.open();
    ledger.hold(run("r")).unwrap();
    for _ in 0..6 {
        sleep(Duration::from_millis(600));
        assert!(ledger.may_start());
    }
    ledger.close().unwrap();
}

#[test]
fn the_same_instance_retakes_its_lease_at_once() {
    let bed = Bed::new();
    let machine = bed.machine("one");
    let mut ledger = machine.open();
    ledger.append(selection("ada", "first")).unwrap();
    ledger.hold(run("r-1")).unwrap();
    drop(ledger);
    let mut again = machine.open();
    again.hold(run("r-2")).unwrap();
    assert!(again.may_start());
}

#[test]
fn after_a_crash_before_the_push_a_new_machine_goes_on_with_nothing_but_git() {
    let bed = Bed::new();
    let mut one = bed.machine("one");
    one.shared.every = Duration::from_secs(3600);
    let mut first = one.open();
    first.append(selection("ada", "first")).unwrap();
    first.hold(run("r-1")).unwrap();
    first.append(selection("ben", "on this disk only")).unwrap();
    first
        .append(selection("cleo", "on this disk only"))
        .unwrap();
    drop(first);
    let two = bed.machine("two");
    drop(two.open());
    sleep(Duration::from_millis(2100));
    let mut second = two.open();
    assert_eq!(selected(&second), ["ada=first"]);
    second.append(selection("ben", "newer")).unwrap();
    second.hold(run("r-2")).unwrap();
    second.close().unwrap();
    drop(second);

    // The first machine comes back with records that nobody has seen.
    let mut first = one.open();
    assert_eq!(
        selected(&first),
        ["ada=first", "ben=newer", "cleo=on this disk only"]
    );
    let finding = &first.history().findings()[0];
    assert_eq!(finding.code, "ledger-rejoined");
    let aside = one.ledger.with_file_name("ledger.jsonl.unpushed-1");
    assert!(finding.message.contains(&aside.display().to_string()));
    assert_eq!(fs::read_to_string(&aside).unwrap().lines().count(), 2);
    first.hold(run("r-3")).unwrap();
    first.close().unwrap();
    assert_eq!(bed.lines(), one.lines());
    let written = records(&one.ledger).unwrap();
    let rejoined = written.iter().map(|r| &r.event);
    let rejoined: Vec<&Event> = rejoined
        .filter(|e| matches!(e, Event::Rejoined { .. }))
        .collect();
    assert_eq!(rejoined, [&Event::Rejoined { added: 1, left: 1 }]);
    drop(first);
    assert_eq!(two.open().history().head(), one.open().history().head());
}

#[test]
fn an_intent_that_was_not_finished_is_found_by_who_takes_over_and_by_nobody_else() {
    let bed = Bed::new();
    let (one, two) = (bed.machine("one"), bed.machine("two"));
    let mut first = one.open();
    let mut intended = selection("ada", "first");
    intended.run = run("r-1");
    intended.event = Event::Intended {
        changes: Vec::new(),
        tasks: Vec::new(),
        notices: Vec::new(),
    };
    first.append(intended).unwrap();
    first.hold(run("r-1")).unwrap();
    drop(first);
    assert_eq!(one.open().vacancy().unwrap(), None, "its own file is whole");
    drop(two.open());
    sleep(Duration::from_millis(2100));
    let second = two.open();
    assert_eq!(second.vacancy().unwrap().unwrap().run, run("r-1"));
}
