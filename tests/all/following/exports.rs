//! Work is checked against an export of the system: closed by it, opened again by it, and left alone by
//! one that cannot be trusted.

use super::town::{Town, administrator, at, resource, subjects, user};
use crate::life::mail::mail as text;
use countersign::ledger::{Seen, TaskStatus};
use countersign::plan::TaskAction;

const HELD: &str = "  access: [{resource: ureport, level: staff}]\n";
const TERMS: &str = "  levels: [{name: staff, displayName: Staff}, {name: lead}]\n  \
                     readBack: {export: ureport-export, levels: {lead: Team leader}}\n";

fn person(name: &str, number: &str, access: &str) -> String {
    user(name, &format!("  employeeNumber: \"{number}\"\n{access}"))
}

fn manifests(people: &[(&str, &str, &str)]) -> String {
    let people: String = people.iter().map(|(n, no, a)| person(n, no, a)).collect();
    let rest = [
        administrator("ada"),
        user("dana", ""),
        resource("ureport", "dana", TERMS),
    ];
    rest.concat() + &people
}

fn town() -> Town {
    Town::new("", &manifests(&[("jo", "0007", HELD)]))
}

fn codes(town: &Town, now: &str) -> Vec<String> {
    let (plan, _) = town.plan(at(now));
    let codes = plan.findings.iter().map(|f| f.code.clone());
    codes.filter(|code| code.starts_with("export")).collect()
}

#[test]
fn an_export_that_agrees_closes_the_task_and_an_older_one_does_not() {
    let town = town();
    town.run(at("2027-01-28T08:00"));
    town.export("number,level\n0007,STAFF\n", at("2027-01-28T07:00"));
    town.run(at("2027-01-28T09:00"));
    assert_eq!(town.open().len(), 1, "it is older than the task");
    town.export("number,level\n0007,lead\n", at("2027-01-29T02:00"));
    town.run(at("2027-01-29T09:00"));
    assert_eq!(town.open().len(), 1, "another level");
    town.export("number,level\n0007,Staff\n", at("2027-01-30T02:00"));
    assert_eq!(codes(&town, "2027-01-30T09:00"), ["export-agrees"]);
    assert!(town.run(at("2027-01-30T09:00")).is_empty());
    let history = town.history();
    let record = history.tasks().values().next().unwrap();
    assert!(
        matches!(
            record.status,
            TaskStatus::Done {
                seen: Seen::Observed,
                ..
            }
        ),
        "{:?}",
        record.status
    );
    let events = town.events().len();
    town.run(at("2027-01-30T10:00"));
    assert_eq!(town.events().len(), events, "nothing is left");
}

#[test]
fn what_was_said_to_be_done_and_is_not_is_asked_for_again_after_the_days_of_grace() {
    let town = town();
    town.run(at("2027-01-28T08:00"));
    town.done(at("2027-01-28T12:00"));
    let without = "number,level\n0007,lead\n";
    // Thursday noon and two working days: Monday noon.
    town.export(without, at("2027-02-01T11:00"));
    assert!(town.run(at("2027-02-01T12:30")).is_empty(), "within grace");
    town.export(without, at("2027-02-01T13:00"));
    assert_eq!(codes(&town, "2027-02-01T13:30"), ["export-contradicts"]);
    let again = town.run(at("2027-02-01T13:30"));
    assert_eq!(subjects(&again), ["dana: 1 task: ureport (1)"]);
    let words = text(&again[0]);
    assert!(
        words.contains("Said to be done on 2027-01-28, but the export"),
        "{words}"
    );
    let open = town.open().remove(0);
    assert_eq!((open.generation, open.action), (2, TaskAction::Grant));
    town.export(without, at("2027-02-02T02:00"));
    assert!(town.run(at("2027-02-02T08:00")).is_empty(), "told once");
    town.done(at("2027-02-02T12:00"));
    town.export("number,level\n0007,staff\n", at("2027-02-08T02:00"));
    assert!(town.run(at("2027-02-08T08:00")).is_empty());
    assert!(town.open().is_empty());
}

#[test]
fn access_that_was_said_to_be_taken_away_and_was_not_is_asked_for_again() {
    let town = town();
    town.run(at("2027-01-28T08:00"));
    town.done(at("2027-01-28T09:00"));
    town.write("rest.yaml", &manifests(&[("jo", "0007", "")]));
    town.run(at("2027-01-29T08:00"));
    assert_eq!(town.open()[0].action, TaskAction::Revoke);
    town.done(at("2027-01-29T09:00"));
    town.export("number,level\n0007,staff\n", at("2027-02-03T02:00"));
    let again = town.run(at("2027-02-03T08:00"));
    assert_eq!(subjects(&again), ["dana: 1 task: ureport (1)"]);
    let open = town.open().remove(0);
    assert_eq!((open.generation, open.action), (3, TaskAction::Revoke));
    // Another row: the export is not empty, and Jo is gone.
    town.write(
        "rest.yaml",
        &manifests(&[("jo", "0007", ""), ("lee", "0008", "")]),
    );
    town.export("number,level\n0008,lead\n", at("2027-02-04T02:00"));
    town.run(at("2027-02-04T08:00"));
    assert!(town.open().is_empty(), "seen to be gone");
}

#[test]
fn an_export_that_cannot_be_trusted_closes_nothing_and_opens_nothing() {
    let town = town();
    town.run(at("2027-01-28T08:00"));
    let cut = [
        ("number,level\n0007,staff", "cut off"),
        ("", "empty"),
        ("number,level\n", "no row"),
        ("nummer,level\n0007,staff\n", "another column"),
        ("number,level\n0099,staff\n", "nobody's"),
    ];
    for (text, why) in cut {
        town.export(text, at("2027-01-29T02:00"));
        assert_eq!(
            codes(&town, "2027-01-29T08:00"),
            ["export-unreadable"],
            "{why}"
        );
        assert!(town.run(at("2027-01-29T08:00")).is_empty(), "{why}");
        assert_eq!(town.open().len(), 1, "{why}");
    }
    town.export("number,level\n0007,staff\n", at("2027-01-29T02:00"));
    assert_eq!(
        codes(&town, "2027-03-01T08:00"),
        ["export-unreadable"],
        "old"
    );
    town.done(at("2027-01-29T12:00"));
    for (text, why) in cut {
        town.export(text, at("2027-02-05T02:00"));
        assert!(town.run(at("2027-02-05T08:00")).is_empty(), "{why}");
        assert!(town.open().is_empty(), "{why}");
    }
}

#[test]
fn an_export_from_which_more_than_half_vanished_at_once_is_not_believed() {
    let people = [
        ("jo", "0001", HELD),
        ("lee", "0002", HELD),
        ("max", "0003", HELD),
        ("sue", "0004", HELD),
    ];
    let town = Town::new("", &manifests(&people));
    town.run(at("2027-01-28T08:00"));
    town.done(at("2027-01-28T09:00"));
    town.export("number,level\n0001,staff\n", at("2027-02-05T02:00"));
    assert_eq!(codes(&town, "2027-02-05T08:00"), ["export-unreadable"]);
    assert!(town.run(at("2027-02-05T08:00")).is_empty());
    assert!(town.open().is_empty());
    town.export(
        "number,level\n0001,staff\n0002,staff\n",
        at("2027-02-06T02:00"),
    );
    assert_eq!(
        codes(&town, "2027-02-06T08:00"),
        ["export-contradicts", "export-contradicts"],
        "half of them is not more than half"
    );
    town.run(at("2027-02-06T08:00"));
    assert_eq!(town.open().len(), 2);
}
