//! Two reconcilers that are killed, stopped and woken at random: neither begins anything while the
//! other has the lease, and no record is lost.

use super::bed::{Bed, Machine, run, selection};
use countersign::ledger::verify::verify;
use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const BED: &str = "COUNTERSIGN_TEST_TURNS";
/// The test, which begins itself as either of the two.
const TEST: &str = "ledger::turns::nothing_begins_while_another_has_the_lease_and_nothing_that_was_recorded_is_lost";
const NAMES: [&str; 2] = ["one", "two"];
/// How long they are harried.
const LONG: Duration = Duration::from_secs(20);

fn now() -> u128 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap().as_micros()
}

fn note(path: &Path, words: &str) {
    let mut options = OpenOptions::new();
    let mut file = options.append(true).create(true).open(path).unwrap();
    file.write_all(format!("{words}\n").as_bytes()).unwrap();
}

/// Works whenever it may, for as long as it lives.
fn work(machine: &Machine, name: &str, notes: &Path) -> ! {
    let life = now();
    let mut number = 0;
    loop {
        sleep(Duration::from_millis(30));
        let Ok(mut ledger) = machine.try_open() else {
            continue;
        };
        // Whoever takes it finds the head where it was before: from here on it is nobody else's.
        let at = now();
        if ledger.vacancy().is_err() || ledger.hold(run(name)).is_err() {
            continue;
        }
        note(notes, &format!("{at} take {name} -"));
        for _ in 0..12 {
            let at = now();
            if !ledger.may_start() {
                break;
            }
            number += 1;
            let what = format!("{name}-{life}-{number}");
            note(notes, &format!("{at} effect {name} {what}"));
            sleep(Duration::from_millis(10));
            if ledger.append(selection(&what, "x")).is_err() {
                break;
            }
            note(notes, &format!("{} recorded {name} {what}", now()));
        }
        let _ = ledger.close();
        drop(ledger);
        sleep(Duration::from_millis(500));
    }
}

/// What a process is that the test began.
fn a_reconciler(bed: &Path) -> ! {
    let name = std::env::var("COUNTERSIGN_TEST_NAME").unwrap();
    let bed = Bed::at(bed);
    let mut machine = bed.machine(&name);
    // Not every record is pushed at once: what a kill leaves must come back.
    machine.shared.every = Duration::from_millis(400);
    work(&machine, &name, &bed.path().join("notes"))
}

fn begin(bed: &Bed, name: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", TEST])
        .env(BED, bed.path())
        .env("COUNTERSIGN_TEST_NAME", name)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn signal(child: &Child, signal: &str) {
    let sent = Command::new("kill")
        .args([signal, &child.id().to_string()])
        .status();
    sent.unwrap();
}

#[test]
fn nothing_begins_while_another_has_the_lease_and_nothing_that_was_recorded_is_lost() {
    if let Some(bed) = std::env::var_os(BED) {
        a_reconciler(Path::new(&bed));
    }
    let bed = Bed::new();
    let notes = bed.path().join("notes");
    let mut seed: u64 = 0x5eed;
    let mut random = move |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 33) % below
    };
    let mut children: BTreeMap<&str, Child> = NAMES
        .iter()
        .map(|name| (*name, begin(&bed, name)))
        .collect();
    let began = Instant::now();
    let (mut kills, mut stops) = (0, 0);
    // Each has a time for itself, however slow the machine is.
    for name in NAMES {
        signal(&children[name], "-STOP");
        sleep(Duration::from_secs(4));
        signal(&children[name], "-CONT");
    }
    while began.elapsed() < LONG {
        sleep(Duration::from_millis(200 + random(500)));
        let name = NAMES[random(2) as usize];
        let child = children.get_mut(name).unwrap();
        match random(3) {
            0 => {
                child.kill().unwrap();
                child.wait().unwrap();
                *child = begin(&bed, name);
                kills += 1;
            }
            1 => {
                signal(child, "-STOP");
                sleep(Duration::from_millis(random(3000)));
                signal(child, "-CONT");
                stops += 1;
            }
            _ => {}
        }
    }
    for child in children.values_mut() {
        child.kill().unwrap();
        child.wait().unwrap();
    }
    // Whoever comes back brings what it had not pushed.
    for name in NAMES.iter().chain(&NAMES) {
        let machine = bed.machine(name);
        let until = Instant::now() + Duration::from_secs(10);
        loop {
            let mut ledger = machine.open();
            match ledger.hold(run("end")) {
                Ok(()) => break ledger.close().unwrap(),
                Err(error) => assert!(Instant::now() < until, "{error}"),
            }
            drop(ledger);
            sleep(Duration::from_millis(300));
        }
    }

    let text = fs::read_to_string(&notes).unwrap();
    let mut all: Vec<(u128, &str, &str, &str)> = text
        .lines()
        .filter_map(|line| {
            let words: Vec<&str> = line.split(' ').collect();
            let [at, what, name, id] = words[..] else {
                return None;
            };
            Some((at.parse().ok()?, what, name, id))
        })
        .collect();
    all.sort();
    let mut holder = "";
    let (mut effects, mut turns) = (0, 0);
    for (at, what, name, id) in &all {
        match *what {
            "take" => {
                turns += usize::from(holder != *name);
                holder = name;
            }
            "effect" => {
                assert_eq!(
                    holder, *name,
                    "{id} began at {at}, and the lease was {holder}'s"
                );
                effects += 1;
            }
            _ => {}
        }
    }
    let lines = bed.lines();
    let recorded: Vec<&str> = all
        .iter()
        .filter(|(_, what, ..)| *what == "recorded")
        .map(|(.., id)| *id)
        .collect();
    let lost: Vec<&&str> = recorded
        .iter()
        .filter(|id| !lines.contains(&format!("\"{id}\"")))
        .collect();
    println!(
        "{kills} kills, {stops} stops: {turns} turns, {effects} effects, {} recorded, {} lost",
        recorded.len(),
        lost.len()
    );
    assert_eq!(lost, Vec::<&&str>::new());
    assert!(
        effects > 10 && turns > 1,
        "{effects} effects, {turns} turns"
    );
    let machine = bed.machine("one");
    let verified = verify(&machine.ledger, Some(machine.shared.clone())).unwrap();
    assert_eq!(verified.faults, Vec::<String>::new());
}
