//! A directory that cannot be read: nothing is written to it, nothing is taken away because of it, nobody
//! is told what only it knows; everything else goes on, and it is not asked all the time.

use super::{Loop, city, condition, get, leaves, port, set, status};
use crate::bed::{Access, Weather, json};
use crate::fake::Company;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;
use std::fs;
use std::thread::sleep;
use std::time::Duration;

/// Lets everything in a ledger have happened so many days earlier.
fn age(access: &Access, days: i64) {
    let text = fs::read_to_string(access.ledger()).unwrap();
    let mut head = "0".repeat(16);
    let mut aged = String::new();
    for line in text.lines() {
        let at = json(line)["at"].as_str().unwrap().to_owned();
        let before: jiff::Timestamp = at.parse().unwrap();
        let before = before - jiff::SignedDuration::from_hours(24 * days);
        let prev = json(line)["prev"].as_str().unwrap().to_owned();
        let line = line.replace(&at, &before.to_string());
        let line = line.replacen(&prev, &head, 1);
        head = Sha256::digest(&line)[..8]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        aged.push_str(&line);
        aged.push('\n');
    }
    fs::write(access.ledger(), aged).unwrap();
}

/// The city, whose dispatch reads a file; Connor was asked for at the plant ten days ago.
fn settled() -> Access {
    let access = city();
    access.edit(
        "resources/dispatch.yaml",
        "connector: manual",
        "connector: roster",
    );
    access.commit("Dispatch reads a file");
    let roster = access.operator().with_file_name("dispatch.csv");
    set(
        &access,
        "mail:",
        &format!(
            "rosters: {{dispatch: {{path: {}}}}}\nmail:",
            roster.display()
        ),
    );
    access.run(&["run", "--once"]).ends(0);
    access.edit(
        "users/connor.haas.yaml",
        "profiles: [fire.firefighter]",
        "profiles: [fire.firefighter]\n  access: [{resource: plant-control, level: operator, fields: {plant: Dillman Plant}}]",
    );
    access.commit("Connor at the plant");
    access.run(&["run", "--once"]).ends(0);
    age(&access, 10);
    access
}

fn rows(access: &Access) -> String {
    fs::read_to_string(access.operator().with_file_name("dispatch.csv")).unwrap()
}

fn held(access: &Access) -> Vec<String> {
    let held = status(access);
    let held = condition(&held, "Held")["message"]
        .as_str()
        .unwrap()
        .to_owned();
    held.split([' ', ',']).map(str::to_owned).collect()
}

/// Somebody leaves, somebody gets a row, somebody gets what names a login.
fn happens(access: &Access) {
    access.write("requests/leaves.yaml", &leaves("tyrell.boone", ""));
    access.edit(
        "users/sam.okafor.yaml",
        "  answers:",
        "  access: [{resource: dispatch, level: responder, fields: {channels: Fire}}]\n  answers:",
    );
    access.edit(
        "users/connor.haas.yaml",
        "access: [",
        "access: [{resource: ureport, level: staff}, ",
    );
    access.commit("One leaves, one gets a row, one gets uReport");
}

#[test]
fn a_directory_that_is_away_holds_what_rests_on_it_and_nothing_else() {
    let access = settled();
    let directory = fs::read(access.ldif()).unwrap();
    let away = access.ldif().with_extension("away");
    fs::rename(access.ldif(), &away).unwrap();
    happens(&access);
    let told = access.mails_of(|access| {
        access.run(&["run", "--once"]).ends(1);
    });
    // The roster went on, in both directions.
    let now = rows(&access);
    assert!(
        now.contains("sam.okafor") && now.contains("001077"),
        "{now}"
    );
    assert!(!now.contains("tyrell.boone"), "{now}");
    // So did the reminder, and what is to be taken from who left.
    let texts: Vec<&str> = told.iter().map(|mail| mail.text.as_str()).collect();
    let reminded = texts
        .iter()
        .any(|t| t.contains("still open") && t.contains("Connor"));
    assert!(reminded, "{texts:#?}");
    assert!(
        texts.iter().any(|t| t.contains("Tyrell Boone")),
        "{texts:#?}"
    );
    // What names a login did not, and neither did news of what only the directory can tell.
    let ureport = texts
        .iter()
        .any(|t| t.contains("uReport") && t.contains("Connor"));
    assert!(!ureport, "{texts:#?}");
    let subjects: Vec<&str> = told.iter().map(|mail| mail.subject.as_str()).collect();
    assert!(
        !subjects.iter().any(|s| s.contains("left:")),
        "{subjects:?}"
    );
    assert!(held(&access).contains(&"directory-unread".to_owned()));
    let said = status(&access);
    assert_eq!(condition(&said, "Stalled")["reason"], "DirectoryFailed");
    assert_eq!(condition(&said, "Ready")["isTrue"], false);
    assert_ne!(said["applied"], said["seen"], "it is not in force");
    assert_eq!(said["connectors"][0]["state"], "open");
    let shown = access.run(&["status"]).ends(1).out;
    assert!(
        shown.contains("active-directory is open, 1 failures"),
        "{shown}"
    );
    // A second pass has nothing to do, and concluded nothing.
    let again = access.mails_of(|access| {
        access.run(&["run", "--once"]).ends(3);
    });
    assert_eq!(again.len(), 0);
    // A person who asks for the whole plan is told that there is none.
    access.run(&["plan"]).ends(3);
    access.run(&["apply"]).ends(3);
    assert!(!access.ldif().exists());
    fs::rename(&away, access.ldif()).unwrap();
    assert_eq!(fs::read(access.ldif()).unwrap(), directory);
    let told = access.mails_of(|access| {
        access.run(&["run", "--once"]).ends(0);
    });
    let texts: Vec<&str> = told.iter().map(|mail| mail.text.as_str()).collect();
    assert!(
        texts
            .iter()
            .any(|t| t.contains("uReport") && t.contains("Connor")),
        "{texts:#?}"
    );
    assert!(told.iter().any(|mail| mail.subject.contains("left:")));
    let plan = access.run(&["plan"]).ends(0).out;
    assert!(plan.ends_with("nothing to do\n"), "{plan}");
    let mut ids = BTreeSet::new();
    for mail in access.mails() {
        assert!(
            ids.insert((mail.to.clone(), mail.message_id.clone())),
            "{mail:?}"
        );
    }
}

#[test]
fn the_operators_guard_holds_what_rosters_and_maintainers_would_lose_meanwhile() {
    let access = settled();
    set(
        &access,
        "  adoptByAnchor",
        "  guards: {removals: {count: 0}}\n  adoptByAnchor",
    );
    fs::rename(access.ldif(), access.ldif().with_extension("away")).unwrap();
    happens(&access);
    access.run(&["run", "--once"]).ends(1);
    assert!(rows(&access).contains("tyrell.boone"));
    assert!(held(&access).contains(&"guard-held".to_owned()));
}

#[test]
fn a_record_that_knows_nobody_concludes_nothing_without_the_directory() {
    let access = city();
    fs::rename(access.ldif(), access.ldif().with_extension("away")).unwrap();
    access.run(&["run", "--once"]).ends(3);
    assert_eq!(access.mails().len(), 0);
    assert_eq!(
        condition(&status(&access), "Stalled")["reason"],
        "WorldFailed"
    );
}

#[test]
fn the_loop_leaves_a_broken_directory_alone_and_takes_it_up_again_when_it_is_back() {
    let (company, link) = Company::behind_a_link();
    let access = &company.access;
    let watched = port();
    set(
        access,
        "ledger:",
        &format!("run: {{fetch: 1h, interval: 1h, listen: \"127.0.0.1:{watched}\"}}\nledger:"),
    );
    access.run(&["run", "--once"]).ends(0);
    let going = Loop::begin(access);
    going.until("the first pass", |s| {
        condition(s, "Ready")["isTrue"] == true && s["connectors"][0]["state"] == "closed"
    });
    link.set(Weather::Closed);
    company.ad.clear_log();
    let (mut asked, first) = (0, link.connections());
    let passes = |s: &Value| s["passes"].as_u64().unwrap();
    let mut last = passes(&status(access));
    // Merges wake the loop one after the other; the directory is asked once.
    for number in 0..5 {
        access.commit(&format!("Merge {number}"));
        let head = access.git(&["rev-parse", "HEAD"]).trim().to_owned();
        let now = going.until("a merge", |s| {
            passes(s) > last && s["seen"] == head.as_str()
        });
        last = passes(&now);
        assert_eq!(condition(&now, "Stalled")["reason"], "DirectoryFailed");
        asked = link.connections() - first;
    }
    println!("{asked} connections in five passes of a loop whose directory is away");
    assert!((1..=2).contains(&asked), "{asked}");
    let metrics = get(&format!("127.0.0.1:{watched}"), "/metrics");
    let open = "countersign_connector_circuit{connector=\"active-directory\",state=\"open\"} 1";
    assert!(metrics.contains(open), "{metrics}");
    assert_eq!(company.writes(|_| true), Vec::<String>::new());
    link.set(Weather::Fine);
    sleep(Duration::from_millis(200));
    // Somebody says that it is back.
    going.signal("-HUP");
    let now = going.until("it is back", |s| condition(s, "Ready")["isTrue"] == true);
    assert_eq!(now["connectors"][0]["state"], "closed");
    assert_eq!(now["applied"], now["seen"]);
}
