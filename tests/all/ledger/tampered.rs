//! A branch that somebody else wrote: nothing is done, and nothing is written over it.

use super::bed::{BRANCH, Bed, Machine, git, run, selection};
use countersign::ledger::{Ledger, LedgerError, Unsigned};
use std::fs;
use std::path::PathBuf;

/// A branch with two commits.
fn begun() -> (Bed, Machine) {
    let bed = Bed::new();
    let machine = bed.machine("one");
    let mut ledger = machine.open();
    ledger.append(selection("ada", "first")).unwrap();
    ledger.hold(run("r")).unwrap();
    ledger.append(selection("ben", "second")).unwrap();
    ledger.close().unwrap();
    (bed, machine)
}

/// A clone of the remote that stands on the branch.
fn clone(bed: &Bed) -> PathBuf {
    git(
        bed.path(),
        &[
            "clone",
            "--quiet",
            "-b",
            "countersign/ledger",
            "remote.git",
            "clone",
        ],
    );
    bed.path().join("clone")
}

fn fails(machine: &Machine, bed: &Bed) -> LedgerError {
    let (head, lines) = (bed.head(), machine.lines());
    let error = machine.try_open().unwrap_err();
    assert!(Ledger::look(&machine.ledger, machine.shared.clone()).is_err());
    assert_eq!(machine.lines(), lines);
    assert_eq!(bed.head(), head);
    error
}

#[test]
fn a_commit_that_is_not_signed_stops_everything() {
    let (bed, machine) = begun();
    let clone = clone(&bed);
    let file = clone.join("records/000001.jsonl");
    let text = fs::read_to_string(&file).unwrap();
    let last = text.lines().last().unwrap().to_owned();
    fs::write(&file, format!("{text}{last}\n")).unwrap();
    git(
        &clone,
        &["commit", "--quiet", "--no-gpg-sign", "-am", "one more"],
    );
    git(&clone, &["push", "--quiet"]);
    for machine in [machine, bed.machine("new")] {
        let error = fails(&machine, &bed);
        let unsigned = matches!(
            error,
            LedgerError::Unsigned {
                why: Unsigned::Nobody,
                ..
            }
        );
        assert!(unsigned, "{error}");
    }
}

#[test]
fn a_commit_that_another_key_signed_counts_only_where_the_operator_trusts_it() {
    let (bed, machine) = begun();
    let public = bed.key("other");
    let mut other = bed.machine("other");
    other.shared.key = bed.secret("other");
    let error = fails(&other, &bed);
    let unknown = matches!(
        error,
        LedgerError::Unsigned {
            why: Unsigned::Unknown,
            ..
        }
    );
    assert!(unknown, "{error}");
    let own = fs::read_to_string(bed.path().join("reconciler.pub")).unwrap();
    other.shared.trusted = vec![own];
    let mut ledger = other.open();
    ledger.append(selection("cleo", "third")).unwrap();
    ledger.hold(run("r")).unwrap();
    ledger.close().unwrap();
    assert!(matches!(
        fails(&machine, &bed),
        LedgerError::Unsigned { .. }
    ));
    let mut trusting = machine;
    trusting.shared.trusted = vec![public];
    trusting.open();
}

#[test]
fn a_branch_that_was_pushed_back_stops_everything() {
    let (bed, machine) = begun();
    git(
        &bed.remote(),
        &["update-ref", BRANCH, &format!("{BRANCH}~1")],
    );
    let error = fails(&machine, &bed);
    assert!(matches!(error, LedgerError::Rewound { .. }), "{error}");
}

#[test]
fn records_that_were_rewritten_stop_everything_even_under_a_good_signature() {
    let (bed, machine) = begun();
    let clone = clone(&bed);
    let file = clone.join("records/000001.jsonl");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("first", "frist")).unwrap();
    let key = bed.path().join("reconciler").display().to_string();
    git(
        &clone,
        &[
            "-c",
            "gpg.format=ssh",
            "-c",
            &format!("user.signingkey={key}"),
            "commit",
            "--quiet",
            "-S",
            "-am",
            "history",
        ],
    );
    git(&clone, &["push", "--quiet"]);
    let error = fails(&machine, &bed);
    assert!(matches!(error, LedgerError::Rewritten { .. }), "{error}");
    // Whoever has no file of its own sees that the chain is broken.
    let new = bed.machine("new");
    let error = new.try_open().unwrap_err();
    assert!(matches!(error, LedgerError::Broken { line: 2 }), "{error}");
    assert_eq!(new.lines(), "");
}

#[test]
fn a_branch_that_is_gone_is_a_loss_and_no_beginning() {
    let (bed, machine) = begun();
    git(&bed.remote(), &["update-ref", "-d", BRANCH]);
    let error = fails(&machine, &bed);
    assert!(matches!(error, LedgerError::Lost { .. }), "{error}");
}

#[test]
fn a_file_that_is_gone_is_made_again_from_the_branch() {
    let (_bed, machine) = begun();
    let lines = machine.lines();
    fs::remove_file(&machine.ledger).unwrap();
    drop(machine.open());
    assert_eq!(machine.lines(), lines);
    let folder = machine.ledger.with_file_name("ledger.jsonl.git");
    fs::remove_dir_all(folder).unwrap();
    machine.open().hold(run("r")).unwrap();
    machine.burn();
    drop(machine.open());
    assert_eq!(machine.lines(), lines);
}
