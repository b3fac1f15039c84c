//! Every fail point × {crash, error, delay}.

use super::super::place::{Census, Place, tasks};
use super::town::{Fault, Town};
use crate::bed::{Break, Link, Weather, servers};
use countersign::failpoint::NAMES;
use std::thread;

const FAULTS: [Fault; 3] = [Fault::Crash, Fault::Error, Fault::Delay];
/// Places that only a mail server meets.
const OF_SMTP: [&str; 2] = ["smtp", "smtp-accepted"];
/// A place that is only met where nobody's approval is verified.
const OF_TRUST: &str = "cache";
/// Places that are another matter the next times: a letter of a maintainer after a first password's, the push at
/// the end after that of the intent, the journal in the midst of changes.
const LATER: [(&str, usize); 8] = [
    ("outbox", 1),
    ("outbox-written", 1),
    ("mark-sent", 1),
    ("ledger-push", 1),
    ("ledger-pushed", 1),
    ("journal", 9),
    ("journal-written", 20),
    ("entry-read", 5),
];

/// What became of a share of the places.
#[derive(Default)]
struct Figures {
    places: usize,
    further: usize,
    most: usize,
    twice: usize,
}

impl Figures {
    fn meet(&mut self, town: &mut Town, point: &str, skipped: usize, fault: Fault) {
        let (further, twice) = town.meets(point, skipped, fault);
        let allowed = usize::from(fault != Fault::Delay);
        assert!(twice <= allowed, "{point}: {twice} mails twice");
        self.places += 1;
        self.further += further;
        self.most = self.most.max(further);
        self.twice += twice;
    }

    fn tell(&self, fault: &str, town: &Town) {
        println!(
            "{fault} at {} places, each reached: {} further runs, at most {} after one; {} mails, {} twice: the \
             same Message-ID again, or a first password set anew",
            self.places,
            self.further,
            self.most,
            town.known.len(),
            self.twice,
        );
    }
}

/// Whether a fault is met at a place: usually every second one fails, and the others wait.
fn is_met(fault: Fault, index: usize) -> bool {
    let all = std::env::var("COUNTERSIGN_PLACES").is_ok_and(|share| share == "all");
    match fault {
        Fault::Crash => true,
        Fault::Error => all || index.is_multiple_of(2),
        Fault::Delay => all || !index.is_multiple_of(2),
    }
}

#[test]
fn wherever_it_crashes_fails_or_waits_two_further_runs_reach_the_desired_state() {
    let once = NAMES.into_iter();
    let once = once.filter(|point| !OF_SMTP.contains(point) && *point != OF_TRUST);
    let points: Vec<(&str, usize)> = once.map(|point| (point, 0)).chain(LATER).collect();
    let points = &points;
    // The companies go their way side by side, and all have the same one.
    let (twin, towns) = thread::scope(|scope| {
        let twin = scope.spawn(move || {
            let mut twin = Town::of(Place::fake());
            // Whose approval is asked for is no matter of what comes about, and nobody disturbs it here.
            let place = &twin.place;
            place.operated("module: signed-merge", "module: trust-branch");
            for _ in points {
                twin.happens();
                twin.run("");
            }
            twin
        });
        let towns = FAULTS.map(|fault| {
            scope.spawn(move || {
                let mut town = Town::of(Place::fake().shared());
                let mut figures = Figures::default();
                for (index, (point, skipped)) in points.iter().enumerate() {
                    match is_met(fault, index) {
                        true => figures.meet(&mut town, point, *skipped, fault),
                        false => {
                            town.happens();
                            town.run("");
                        }
                    }
                }
                figures.tell(&format!("{fault:?}"), &town);
                town
            })
        });
        let towns = towns.map(|town| town.join().unwrap());
        (twin.join().unwrap(), towns)
    });
    let (directory, asked) = (Census::of(&twin.place), tasks(twin.access()));
    directory.nobody_is_twice();
    for town in &towns {
        assert_eq!(Census::of(&town.place), directory);
        assert_eq!(tasks(town.access()), asked);
    }
    println!(
        "{} fail points, {} of them met here: {} accounts, none twice; {} tasks, none lost",
        NAMES.len(),
        NAMES.len() - OF_SMTP.len() - 1,
        directory.accounts.len(),
        asked.len(),
    );
}

#[test]
fn wherever_what_was_parsed_is_not_kept_two_further_runs_reach_the_desired_state() {
    let mut town = Town::of(Place::fake());
    town.place
        .operated("module: signed-merge", "module: trust-branch");
    let mut figures = Figures::default();
    for fault in FAULTS {
        figures.meet(&mut town, OF_TRUST, 0, fault);
    }
    Census::of(&town.place).nobody_is_twice();
    figures.tell("what was parsed: crash, error, delay", &town);
}

#[test]
fn wherever_the_third_page_of_a_directory_is_lost_two_further_runs_reach_the_desired_state() {
    let mut town = Town::of(Place::crowded());
    let mut figures = Figures::default();
    for point in ["page", "page-read"] {
        for fault in FAULTS {
            figures.meet(&mut town, point, 2, fault);
        }
    }
    Census::of(&town.place).nobody_is_twice();
    figures.tell("the third page: crash, error, delay", &town);
}

#[test]
fn whatever_breaks_between_it_and_a_mail_server_no_mail_is_lost_and_one_a_crash_comes_twice() {
    let Some(servers) = servers("fail points of a mail server") else {
        return;
    };
    let mut town = Town::of(Place::mailed(&servers.mail));
    let mut figures = Figures::default();
    for point in OF_SMTP {
        for skipped in [0, 1] {
            for fault in FAULTS {
                figures.meet(&mut town, point, skipped, fault);
            }
        }
    }
    // A connection that breaks within DATA, and between it and its 250.
    let link = Link::before(servers.mail.tls.parse().unwrap());
    let through = format!("url: smtps://127.0.0.1:{}", link.address.port());
    let direct = format!("url: smtps://{}", servers.mail.tls);
    town.place.operated(&direct, &through);
    town.happens();
    town.run("");
    let (asked, answered) = (link.asked(), link.answered());
    assert!(asked > 2000 && town.told() == 0);
    for share in [50, 70, 90, 98, 100] {
        for weather in [
            Weather::Requests(asked * share / 100, Break::Cut),
            Weather::Answers(answered * share / 100, Break::Cut),
        ] {
            town.happens();
            link.set(weather);
            town.run("");
            link.set(Weather::Fine);
            town.run("");
            let twice = town.told();
            assert!(twice <= 1, "{weather:?}: {twice} mails twice");
            figures.places += 1;
            figures.further += 1;
            figures.twice += twice;
        }
    }
    assert!(town.is_settled());
    Census::of(&town.place).nobody_is_twice();
    figures.tell("a mail server: crash, error, delay, cut", &town);
}
