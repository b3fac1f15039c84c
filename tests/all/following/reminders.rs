//! Reminders, escalation, deputies, and how many mails there are in a day.

use super::town::{Town, administrator, at, resource, subjects, user};
use crate::life::mail::mail as text;
use countersign::ledger::Event;

const TIMETRACK: &str = "  access: [{resource: timetrack}]\n";

/// Dana maintains Timetrack, Pat answers for it, Ada administers, Jo needs it.
fn manifests(owner: &str, dana: &str) -> String {
    [
        administrator("ada"),
        user("dana", dana),
        user("pat", ""),
        user("kim", ""),
        user("jo", TIMETRACK),
        resource("timetrack", "dana", owner),
    ]
    .concat()
}

const OWNED: &str = "  owner: {user: pat}\n";

#[test]
fn work_that_is_not_done_is_asked_for_again_on_working_days_and_then_told_to_the_owner() {
    let town = Town::new("", &manifests(OWNED, ""));
    // Friday.
    let first = town.run(at("2027-01-29T08:00"));
    assert_eq!(subjects(&first), ["dana: 1 task: timetrack (1)"]);
    assert_eq!(
        town.next_due(at("2027-01-29T08:00")),
        Some(at("2027-02-03T08:00")),
        "Wednesday: Saturday and Sunday do not count"
    );
    assert!(town.run(at("2027-02-03T07:59")).is_empty());
    let reminder = town.run(at("2027-02-03T08:00"));
    assert_eq!(
        subjects(&reminder),
        ["dana: Reminder of 1 task: timetrack (1)"]
    );
    let words = text(&reminder[0]);
    assert!(
        words.contains("Asked on 2027-01-29 and still open, for 3 working days."),
        "{words}"
    );
    let thread = &first[0].message_id.0;
    assert!(
        reminder[0].mime.contains(&format!("In-Reply-To: {thread}")),
        "it is in the thread:\n{}",
        reminder[0].mime
    );
    assert_ne!(reminder[0].message_id, first[0].message_id);
    assert!(town.run(at("2027-02-03T09:00")).is_empty(), "once");
    assert_eq!(
        subjects(&town.run(at("2027-02-09T08:00"))),
        ["dana: Reminder of 1 task: timetrack (1)"]
    );
    assert_eq!(
        town.next_due(at("2027-02-09T08:00")),
        Some(at("2027-02-12T08:00"))
    );
    let overdue = town.run(at("2027-02-12T08:00"));
    assert_eq!(
        subjects(&overdue),
        ["pat: Overdue, 10 working days: 1 task: timetrack (1)"]
    );
    let words = text(&overdue[0]);
    assert!(words.contains("Open for 10 working days, since 2027-01-29."));
    assert!(words.contains("Asked of") && words.contains("dana@town.example"));
    assert!(!words.contains("task done"), "{words}");
    assert!(town.run(at("2027-03-12T08:00")).is_empty(), "once");
    assert_eq!(town.next_due(at("2027-03-12T08:00")), None);
}

#[test]
fn who_left_is_not_told_what_is_withdrawn() {
    let town = Town::new("", &manifests(OWNED, ""));
    let first = town.run(at("2027-01-29T08:00"));
    assert_eq!(subjects(&first), ["dana: 1 task: timetrack (1)"]);
    let left = manifests(OWNED, "  state: left\n");
    town.write("rest.yaml", &left);
    let second = town.run(at("2027-01-29T09:00"));
    assert!(
        subjects(&second).iter().all(|s| !s.starts_with("dana")),
        "{:?}",
        subjects(&second)
    );
    let successor = subjects(&second);
    let successor: Vec<_> = successor.iter().filter(|s| s.contains("1 task:")).collect();
    assert_eq!(successor.len(), 1, "{successor:?}");
    town.write("rest.yaml", &left.replace(TIMETRACK, ""));
    let last = subjects(&town.run(at("2027-01-29T10:00")));
    assert_eq!(last.len(), 1, "{last:?}");
    assert!(last[0].contains("1 task withdrawn"), "{last:?}");
    assert!(!last[0].starts_with("dana"), "{last:?}");
}

#[test]
fn a_run_that_comes_late_sends_the_latest_reminder_only() {
    let town = Town::new("", &manifests(OWNED, ""));
    town.run(at("2027-01-29T08:00"));
    let late = town.run(at("2027-02-10T08:00"));
    assert_eq!(subjects(&late), ["dana: Reminder of 1 task: timetrack (1)"]);
    assert!(town.run(at("2027-02-10T09:00")).is_empty());
    let reminded = |event: &Event| match event {
        Event::Reminded { tasks, .. } => tasks.values().copied().collect(),
        _ => Vec::new(),
    };
    let reminded: Vec<u32> = town.events().iter().flat_map(reminded).collect();
    assert_eq!(reminded, [7]);
}

#[test]
fn what_is_done_is_not_reminded_of() {
    let town = Town::new("", &manifests(OWNED, ""));
    town.run(at("2027-01-29T08:00"));
    town.done(at("2027-02-01T08:00"));
    assert_eq!(town.next_due(at("2027-02-01T08:00")), None);
    assert!(town.run(at("2027-02-20T08:00")).is_empty());
}

#[test]
fn new_work_comes_first_and_reminders_after_it_in_one_mail() {
    let town = Town::new("", &manifests(OWNED, ""));
    town.run(at("2027-01-29T08:00"));
    let more = manifests(OWNED, "") + &user("lee", TIMETRACK);
    town.write("rest.yaml", &more);
    let mails = town.run(at("2027-02-03T08:00"));
    assert_eq!(
        subjects(&mails),
        ["dana: 1 task: timetrack (1); reminder of 1 task: timetrack (1)"]
    );
    let words = text(&mails[0]);
    let place = |what: &str| {
        words
            .find(what)
            .unwrap_or_else(|| panic!("{what}: {words}"))
    };
    assert!(place("grant: lee") < place("Asked before, and not said done"));
    assert!(place("Asked before, and not said done") < place("grant: jo"));
}

#[test]
fn the_calendar_of_the_configuration_says_which_days_count() {
    let config = "  reminders:\n    after: [1]\n    escalateAfter: 0\n    calendar:\n      \
                  workdays: [monday, tuesday, wednesday, thursday, friday, saturday]\n      holidays: [\"2027-01-30\"]\n";
    let town = Town::new(config, &manifests(OWNED, ""));
    town.run(at("2027-01-29T08:00"));
    assert_eq!(
        town.next_due(at("2027-01-29T08:00")),
        Some(at("2027-02-01T08:00"))
    );
    town.run(at("2027-02-01T08:00"));
    assert_eq!(town.next_due(at("2027-02-01T08:00")), None, "nobody else");
    let silent = Town::new(
        "  reminders: {after: [], escalateAfter: 0}\n",
        &manifests(OWNED, ""),
    );
    silent.run(at("2027-01-29T08:00"));
    assert_eq!(silent.next_due(at("2027-01-29T08:00")), None);
}

#[test]
fn a_holiday_that_does_not_exist_is_a_mistake() {
    let config = "  reminders: {calendar: {holidays: [\"2027-02-30\"]}}\n";
    let town = Town::new(config, &manifests(OWNED, ""));
    assert_eq!(town.mistakes(), ["countersign.yaml:10: bad-moment"]);
}

#[test]
fn without_an_owner_the_administrators_are_told() {
    for owner in ["", "  owner: {user: dana}\n"] {
        let town = Town::new(
            "  reminders: {after: [], escalateAfter: 2}\n",
            &manifests(owner, ""),
        );
        town.run(at("2027-01-29T08:00"));
        assert_eq!(
            subjects(&town.run(at("2027-02-02T08:00"))),
            ["ada: Overdue, 2 working days: 1 task: timetrack (1)"],
            "{owner:?}: whoever is to do it knows"
        );
    }
}

#[test]
fn a_deputy_is_asked_too_and_may_say_done_while_in_force() {
    let away = "  deputy: {user: kim, from: 2027-02-01, until: \"2027-02-02\"}\n";
    let town = Town::new("", &manifests(OWNED, away));
    let closers = |instant: &str| {
        let (_, situation) = town.plan(at(instant));
        let name = countersign::name::ResourceName::new("timetrack").unwrap();
        let closers = &situation.desired.resources[&name].closers;
        closers.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(subjects(&town.run(at("2027-01-29T08:00"))).len(), 1);
    assert_eq!(closers("2027-01-29T08:00"), ["dana"]);
    let (plan, _) = town.plan(at("2027-01-29T08:00"));
    assert_eq!(plan.valid_until, Some(at("2027-02-01T00:00")));
    assert_eq!(
        subjects(&town.run(at("2027-02-01T00:00"))),
        ["kim: 1 task: timetrack (1)"],
        "what is open, to the deputy"
    );
    assert_eq!(closers("2027-02-01T00:00"), ["dana", "kim"]);
    town.write(
        "rest.yaml",
        &(manifests(OWNED, away) + &user("lee", TIMETRACK)),
    );
    let both = town.run(at("2027-02-02T12:00"));
    assert_eq!(
        subjects(&both),
        ["dana: 1 task: timetrack (1)", "kim: 1 task: timetrack (1)"]
    );
    assert_eq!(closers("2027-02-03T00:00"), ["dana"]);
    let later = town.run(at("2027-02-05T12:00"));
    assert_eq!(
        subjects(&later),
        ["dana: Reminder of 2 tasks: timetrack (2)"],
        "no longer the deputy"
    );
    let nobody = (manifests(OWNED, away) + &user("lee", TIMETRACK)).replace(TIMETRACK, "");
    town.write("rest.yaml", &nobody);
    let withdrawn = town.run(at("2027-02-05T13:00"));
    assert_eq!(
        subjects(&withdrawn),
        [
            "dana: 2 tasks withdrawn: timetrack (2)",
            "kim: 2 tasks withdrawn: timetrack (2)"
        ],
        "whoever was asked is told"
    );
}

#[test]
fn nobody_stands_in_for_themselves() {
    let town = Town::new("", &manifests(OWNED, "  deputy: {user: dana}\n"));
    let mistakes = town.mistakes();
    assert!(mistakes[0].ends_with(": conflict"), "{mistakes:?}");
    let town = Town::new("", &manifests(OWNED, "  deputy: {user: nobody}\n"));
    let mistakes = town.mistakes();
    assert!(mistakes[0].contains("unknown"), "{mistakes:?}");
}

#[test]
fn somebody_may_remind_at_any_time_and_it_counts_as_the_reminder_that_was_due() {
    let town = Town::new("", &manifests(OWNED, ""));
    town.run(at("2027-01-29T08:00"));
    let task = town.open().remove(0).id;
    let early = town.remind(&task, at("2027-02-01T08:00"));
    assert_eq!(
        subjects(&early),
        ["dana: Reminder of 1 task: timetrack (1)"]
    );
    assert_eq!(
        town.next_due(at("2027-02-01T08:00")),
        Some(at("2027-02-03T08:00")),
        "none was due yet"
    );
    let due = town.remind(&task, at("2027-02-03T08:30"));
    assert_ne!(due[0].message_id, early[0].message_id);
    assert!(town.run(at("2027-02-03T08:40")).is_empty());
}

#[test]
fn an_address_gets_so_many_mails_a_day_and_the_administrators_hear_of_more_once() {
    let town = Town::new("  mail: {perDay: 1}\n", &manifests(OWNED, ""));
    assert_eq!(town.run(at("2027-01-29T08:00")).len(), 1);
    let two = manifests(OWNED, "") + &user("lee", TIMETRACK);
    town.write("rest.yaml", &two);
    let warning = town.run(at("2027-01-29T09:00"));
    assert_eq!(subjects(&warning), ["ada: mails wait for tomorrow"]);
    assert!(text(&warning[0]).contains("dana@town.example: 1 mail so far today"));
    assert!(town.run(at("2027-01-29T10:00")).is_empty(), "once a day");
    let events = town.events().len();
    assert!(town.run(at("2027-01-29T11:00")).is_empty());
    assert_eq!(town.events().len(), events, "and no trace of waiting");
    assert_eq!(
        town.next_due(at("2027-01-29T11:00")),
        Some(at("2027-01-30T00:00"))
    );
    let three = two + &user("max", TIMETRACK);
    town.write("rest.yaml", &three);
    assert!(town.run(at("2027-01-29T12:00")).is_empty());
    assert_eq!(
        subjects(&town.run(at("2027-01-30T00:00"))),
        ["dana: 2 tasks: timetrack (2)"],
        "in one mail, the next day"
    );
}

#[test]
fn what_is_about_somebody_who_leaves_never_waits() {
    let town = Town::new("  mail: {perDay: 1}\n", &manifests(OWNED, ""));
    town.run(at("2027-01-28T08:00"));
    town.done(at("2027-01-28T09:00"));
    town.write(
        "rest.yaml",
        &(manifests(OWNED, "") + &user("lee", TIMETRACK)),
    );
    assert_eq!(town.run(at("2027-01-29T08:00")).len(), 1);
    let left = manifests(OWNED, "").replace(
        &user("jo", TIMETRACK),
        &user("jo", &format!("{TIMETRACK}  state: left\n")),
    );
    town.write("rest.yaml", &(left + &user("lee", TIMETRACK)));
    let mails = town.run(at("2027-01-29T09:00"));
    assert!(
        subjects(&mails).contains(&"dana: 1 task: timetrack (1)".to_owned()),
        "{:?}",
        subjects(&mails)
    );
}

#[test]
fn work_that_was_never_mailed_is_withdrawn_in_silence() {
    let mut town = Town::new("", &manifests(OWNED, ""));
    town.weather = super::town::Weather::PutsOff;
    assert!(town.run(at("2027-01-29T08:00")).is_empty());
    assert_eq!(town.open().len(), 1);
    town.weather = super::town::Weather::Fair;
    town.write("rest.yaml", &manifests(OWNED, "").replace(TIMETRACK, ""));
    assert!(town.run(at("2027-01-29T09:00")).is_empty());
    assert!(town.open().is_empty());
}
