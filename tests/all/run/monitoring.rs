//! What is shipped for those who watch the loop is judged by the programs it is for: promtool, systemd.

use super::{Loop, applied, city, get, port, set};
use crate::bed::{project, servers};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};

/// Whether the programs are there: `tests/run` installs them.
fn judges() -> bool {
    servers("monitoring, judged by promtool and systemd-analyze").is_some()
}

#[track_caller]
fn promtool(arguments: &[&str], input: &str) {
    let mut child = Command::new("promtool")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].map(|o| String::from_utf8_lossy(&o).into_owned());
    assert!(output.status.success(), "{arguments:?}: {said:?}\n{input}");
}

/// Names of our metrics in a text.
fn names(text: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (at, _) in text.match_indices("countersign_") {
        let rest = &text[at..];
        let end = rest.find(|c: char| !c.is_ascii_lowercase() && c != '_');
        names.insert(rest[..end.unwrap_or(rest.len())].to_owned());
    }
    names
}

#[test]
fn metrics_are_well_formed_and_every_alert_and_panel_asks_for_one_that_is_there() {
    if !judges() {
        return;
    }
    let access = city();
    let watched = port();
    set(
        &access,
        "ledger:",
        &format!("run: {{listen: \"127.0.0.1:{watched}\"}}\nledger:"),
    );
    let going = Loop::begin(&access);
    going.until("the first pass", |s| !applied(s).is_empty());
    let answer = get(&format!("127.0.0.1:{watched}"), "/metrics");
    let (_, metrics) = answer.split_once("\r\n\r\n").unwrap();
    promtool(&["check", "metrics"], metrics);
    let folder = project("examples/monitoring");
    let alerts = folder.join("alerts.yaml");
    promtool(&["check", "rules", alerts.to_str().unwrap()], "");
    let alerts = fs::read_to_string(alerts).unwrap();
    let dashboard = fs::read_to_string(folder.join("dashboard.json")).unwrap();
    let board: Value = serde_json::from_str(&dashboard).unwrap();
    assert!(board["panels"].as_array().unwrap().len() > 5);
    let served = names(metrics);
    for asked in names(&alerts).union(&names(&dashboard)) {
        // A counter is served once something was counted.
        let is_served = served.contains(asked) || served.iter().any(|s| asked.starts_with(s));
        assert!(is_served, "{asked} is not among {served:?}");
    }
}

#[test]
fn the_service_is_one_that_systemd_takes_and_its_hardening_is_strict() {
    if !judges() {
        return;
    }
    let unit = fs::read_to_string(project("examples/systemd/countersign.service")).unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("countersign.service");
    let program = env!("CARGO_BIN_EXE_countersign");
    let unit = unit.replace("/usr/local/bin/countersign", program);
    fs::write(&path, unit).unwrap();
    let verified = Command::new("systemd-analyze")
        .args(["verify", "--man=no"])
        .arg(&path)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&verified.stderr).into_owned();
    let ours: Vec<&str> = said
        .lines()
        .filter(|l| l.contains("countersign.service"))
        .collect();
    assert!(verified.status.success() && ours.is_empty(), "{said}");
    let judged = Command::new("systemd-analyze")
        .args(["security", "--offline=true", "--threshold=20"])
        .arg(&path)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&judged.stdout).into_owned();
    let last = said.lines().last().unwrap_or_default();
    println!("systemd-analyze security: {last}");
    assert!(judged.status.success(), "{said}");
}
