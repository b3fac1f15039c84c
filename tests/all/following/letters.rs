//! Letters are kept before the first goes out, and a crash costs at most one duplicate of the same id.

use super::town::{Town, Weather, administrator, at, resource, subjects, user};
use countersign::ledger::Event;
use countersign::notify::post::Letter;
use std::collections::BTreeSet;
use std::fs;

fn manifests() -> String {
    [
        administrator("ada"),
        user("dana", ""),
        user("kim", ""),
        user(
            "jo",
            "  access: [{resource: timetrack}, {resource: showers}]\n",
        ),
        resource("timetrack", "dana", ""),
        resource("showers", "kim", ""),
    ]
    .concat()
}

fn kept(town: &Town) -> usize {
    fs::read_dir(town.kept()).map_or(0, Iterator::count)
}

fn ids(letters: &[Letter]) -> BTreeSet<&str> {
    letters.iter().map(|l| l.message_id.0.as_str()).collect()
}

#[test]
fn every_letter_of_a_run_is_kept_before_the_first_goes_out_and_gone_once_it_did() {
    let mut town = Town::new("", &manifests());
    town.weather = Weather::DiesBefore(1);
    assert!(town.run(at("2027-01-29T08:00")).is_empty());
    assert_eq!(kept(&town), 2);
    let frozen = town.history().frozen().to_vec();
    assert_eq!(frozen.len(), 2);
    town.weather = Weather::Fair;
    let mails = town.run(at("2027-01-30T08:00"));
    assert_eq!(
        subjects(&mails),
        ["dana: 1 task: timetrack (1)", "kim: 1 task: showers (1)"]
    );
    for (letter, frozen) in mails.iter().zip(&frozen) {
        assert_eq!(letter.date, at("2027-01-29T08:00"), "as it was written");
        assert_eq!(letter.message_id.0, frozen.message);
    }
    assert_eq!(kept(&town), 0);
    assert!(town.history().frozen().is_empty());
    assert!(town.run(at("2027-01-30T09:00")).is_empty());
}

#[test]
fn a_crash_between_the_servers_answer_and_the_record_costs_one_duplicate_of_the_same_bytes() {
    for number in 1..=2 {
        let mut town = Town::new("", &manifests());
        town.weather = Weather::DiesAfter(number);
        let before = town.run(at("2027-01-29T08:00"));
        assert_eq!(before.len(), number);
        town.weather = Weather::Fair;
        // What is asked has changed meanwhile: the letter that was written goes out all the same.
        let after = town.run(at("2027-02-01T08:00"));
        assert_eq!(after.len(), 3 - number);
        let twice: Vec<&Letter> = before.iter().filter(|l| after.contains(l)).collect();
        assert_eq!(twice.len(), 1, "one duplicate, the same byte for byte");
        let all = [before.clone(), after].concat();
        assert_eq!(ids(&all).len(), 2);
        assert!(town.run(at("2027-02-01T09:00")).is_empty());
        assert_eq!(kept(&town), 0);
    }
}

#[test]
fn a_letter_whose_connection_broke_is_sent_again_as_it_is() {
    let mut town = Town::new("", &manifests());
    town.weather = Weather::Breaks;
    let before = town.run(at("2027-01-29T08:00"));
    assert_eq!(kept(&town), 2, "nobody knows");
    town.weather = Weather::Fair;
    assert_eq!(town.run(at("2027-01-29T09:00")), before);
}

#[test]
fn what_the_server_puts_off_is_written_anew_under_the_same_id() {
    let mut town = Town::new("", &manifests());
    town.weather = Weather::PutsOff;
    town.run(at("2027-01-29T08:00"));
    assert_eq!(kept(&town), 0);
    let refused: BTreeSet<String> = town.events().into_iter().filter_map(message).collect();
    town.weather = Weather::Fair;
    let mails = town.run(at("2027-01-29T09:00"));
    assert_eq!(mails.len(), 2);
    assert!(mails.iter().all(|l| refused.contains(&l.message_id.0)));
    assert_eq!(mails[0].date, at("2027-01-29T09:00"));
}

fn message(event: Event) -> Option<String> {
    match event {
        Event::Mailed { message, .. } => Some(message),
        _ => None,
    }
}

#[test]
fn without_the_files_the_letters_are_written_anew_under_the_same_ids() {
    let mut town = Town::new("", &manifests());
    town.weather = Weather::DiesAfter(2);
    let before = town.run(at("2027-01-29T08:00"));
    fs::remove_dir_all(town.kept()).unwrap();
    town.weather = Weather::Fair;
    let after = town.run(at("2027-01-29T09:00"));
    assert_eq!(subjects(&after), ["kim: 1 task: showers (1)"]);
    assert!(ids(&before).contains(after[0].message_id.0.as_str()));
    assert!(town.run(at("2027-01-29T10:00")).is_empty());
}

#[test]
fn a_file_that_nobody_recorded_or_that_was_changed_is_never_sent() {
    let mut town = Town::new("", &manifests());
    town.weather = Weather::DiesBefore(1);
    town.run(at("2027-01-29T08:00"));
    fs::write(town.kept().join("0000.eml"), "Subject: evil\r\n\r\n").unwrap();
    for file in fs::read_dir(town.kept()).unwrap() {
        let path = file.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replace("timetrack", "payroll")).unwrap();
    }
    town.weather = Weather::Fair;
    let mails = town.run(at("2027-01-29T09:00"));
    assert_eq!(mails.len(), 2);
    for letter in &mails {
        assert!(!letter.mime.contains("evil") && !letter.mime.contains("payroll"));
    }
    assert_eq!(kept(&town), 0);
}
