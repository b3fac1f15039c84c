//! A remote that does not answer.

use super::bed::{Bed, run, selected, selection};
use countersign::ledger::{Ledger, LedgerError, Stance};
use std::fs;
use std::io::Write as _;
use std::time::{Duration, Instant};

#[test]
fn what_is_known_is_read_and_only_what_takes_away_may_begin() {
    let bed = Bed::new();
    let machine = bed.machine("one");
    let mut ledger = machine.open();
    ledger.append(selection("ada", "first")).unwrap();
    ledger.hold(run("r-1")).unwrap();
    ledger.close().unwrap();
    drop(ledger);
    let away = bed.path().join("away.git");
    fs::rename(bed.remote(), &away).unwrap();

    let mut ledger = machine.open();
    assert_eq!(selected(&ledger), ["ada=first"]);
    assert_eq!(ledger.history().findings()[0].code, "ledger-unreachable");
    let error = ledger.hold(run("r-2")).unwrap_err();
    assert!(matches!(error, LedgerError::Unreachable(_)), "{error}");
    assert!(matches!(ledger.stance(), Stance::TakingAway(_)));
    ledger.append(selection("ben", "journalled")).unwrap();
    ledger.close().unwrap();
    drop(ledger);
    let looked = Ledger::look(&machine.ledger, machine.shared.clone()).unwrap();
    assert_eq!(looked.findings()[0].code, "ledger-unreachable");
    let stranger = bed.machine("two").try_open().unwrap_err();
    assert!(
        matches!(stranger, LedgerError::Unreachable(_)),
        "{stranger}"
    );

    fs::rename(&away, bed.remote()).unwrap();
    let mut ledger = machine.open();
    ledger.hold(run("r-3")).unwrap();
    ledger.close().unwrap();
    assert!(bed.lines().contains("journalled"));
    assert_eq!(bed.lines(), machine.lines());
}

#[test]
fn a_run_whose_remote_goes_away_ends_with_its_lease_and_loses_nothing() {
    let bed = Bed::new();
    let machine = bed.machine("one");
    let mut ledger = machine.open();
    ledger.hold(run("r")).unwrap();
    let away = bed.path().join("away.git");
    fs::rename(bed.remote(), &away).unwrap();
    ledger.append(selection("ada", "first")).unwrap();
    assert!(ledger.may_start(), "the lease holds still");
    std::thread::sleep(Duration::from_millis(1050));
    ledger.append(selection("ben", "second")).unwrap();
    assert!(!ledger.may_start());
    assert!(ledger.close().is_err());
    drop(ledger);
    fs::rename(&away, bed.remote()).unwrap();
    let mut ledger = machine.open();
    assert_eq!(selected(&ledger), ["ada=first", "ben=second"]);
    ledger.hold(run("r")).unwrap();
    assert_eq!(bed.lines(), machine.lines());
}

#[test]
fn a_push_that_came_about_unanswered_is_known_for_what_it_is() {
    let bed = Bed::new();
    let machine = bed.machine("one");
    let mut ledger = machine.open();
    ledger.append(selection("ada", "first")).unwrap();
    // The server takes the push, and then fails.
    let hook = bed.remote().join("hooks/post-receive");
    script(&hook, "kill -9 $PPID");
    ledger.hold(run("r")).unwrap();
    assert!(ledger.may_start());
    fs::remove_file(&hook).unwrap();
    ledger.close().unwrap();
    assert_eq!(bed.lines(), machine.lines());
}

#[test]
fn a_push_that_the_remote_refuses_takes_nothing() {
    let bed = Bed::new();
    let machine = bed.machine("one");
    let mut ledger = machine.open();
    ledger.append(selection("ada", "first")).unwrap();
    script(&bed.remote().join("hooks/pre-receive"), "exit 1");
    let error = ledger.hold(run("r")).unwrap_err();
    assert!(matches!(error, LedgerError::Unreachable(_)), "{error}");
    assert!(!ledger.may_start());
    assert_eq!(bed.commits(), 0);
}

#[test]
fn a_git_that_hangs_is_ended_with_everything_it_started() {
    let bed = Bed::new();
    let mut machine = bed.machine("one");
    machine.shared.patience = Duration::from_millis(700);
    let mut ledger = machine.open();
    ledger.append(selection("ada", "first")).unwrap();
    let here = bed.path().join("still-running");
    script(
        &bed.remote().join("hooks/pre-receive"),
        &format!("sleep 3; touch {}", here.display()),
    );
    let began = Instant::now();
    let error = ledger.hold(run("r")).unwrap_err();
    assert!(matches!(error, LedgerError::Unreachable(_)), "{error}");
    assert!(began.elapsed() < Duration::from_millis(2800));
    std::thread::sleep(Duration::from_millis(3000));
    assert!(!here.exists(), "the hook was ended too");
}

#[test]
fn a_git_that_is_ended_may_clear_up_first() {
    let bed = Bed::new();
    let mut machine = bed.machine("one");
    machine.shared.patience = Duration::from_millis(1500);
    let mut ledger = machine.open();
    ledger.append(selection("ada", "first")).unwrap();
    let here = bed.path().join("cleared-up");
    script(
        &bed.remote().join("hooks/pre-receive"),
        &format!(
            "trap 'touch {}; exit 1' TERM; sleep 9 & wait",
            here.display()
        ),
    );
    let began = Instant::now();
    ledger.hold(run("r")).unwrap_err();
    assert!(began.elapsed() < Duration::from_secs(7));
    assert!(here.exists());
}

fn script(path: &std::path::Path, text: &str) {
    use std::os::unix::fs::OpenOptionsExt as _;
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o755)
        .open(path)
        .unwrap();
    write!(file, "#!/bin/sh\n{text}\n").unwrap();
}
