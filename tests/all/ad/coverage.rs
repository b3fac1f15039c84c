//! `tests/ad-coverage.md` → whether it is whole and true: a row for each fact, every test it names is
//! one and names the fact, and every test that names a fact stands in its row.

use crate::bed::project;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Facts that have a number; the table of answers is called `table`.
const LAST: u32 = 83;

/// How something is known.
const KNOWN: [&str; 3] = ["domain controller", "fake", "assumed"];

struct Row {
    where_tested: String,
    known: String,
}

fn rows() -> BTreeMap<String, Row> {
    let text = fs::read_to_string(project("tests/ad-coverage.md")).unwrap();
    let mut rows = BTreeMap::new();
    for line in text.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let is_fact = cells[0] == "table" || cells[0].parse::<u32>().is_ok();
        if !is_fact {
            continue;
        }
        let [number, _, where_tested, known] = cells[..] else {
            panic!("four cells: {line}")
        };
        let row = Row {
            where_tested: where_tested.to_owned(),
            known: known.to_owned(),
        };
        assert!(
            rows.insert(number.to_owned(), row).is_none(),
            "{number} stands twice"
        );
    }
    rows
}

/// What stands in backquotes and is a test: `file::function`, or a case's folder.
fn tests_of(row: &Row) -> Vec<String> {
    let quoted = row.where_tested.split('`').skip(1).step_by(2);
    let paths = quoted.filter(|text| ["tests/", "src/"].iter().any(|p| text.starts_with(p)));
    paths.map(str::to_owned).collect()
}

/// The tests of a file: name, and the lines of documentation and attributes before it.
fn tests_in(path: &Path) -> BTreeMap<String, String> {
    let text = fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut tests = BTreeMap::new();
    let mut before = String::new();
    for line in text.lines() {
        let line = line.trim();
        if line.starts_with("///") || line.starts_with("#[") {
            before.push_str(line);
            before.push('\n');
            continue;
        }
        let function = line
            .strip_prefix("async ")
            .unwrap_or(line)
            .strip_prefix("fn ");
        if let Some((name, _)) = function.and_then(|rest| rest.split_once('('))
            && ["#[test]", "#[tokio::test]"]
                .iter()
                .any(|a| before.contains(a))
        {
            tests.insert(name.to_owned(), before.clone());
        }
        before.clear();
    }
    tests
}

/// Whether a text names the fact: `AD 15`, not `AD 155`.
fn names(text: &str, number: &str) -> bool {
    let wanted = format!("AD {number}");
    text.match_indices(&wanted).any(|(at, _)| {
        let behind = text[at + wanted.len()..].chars().next();
        !behind.is_some_and(|c| c.is_ascii_digit())
    })
}

/// Why a path is no test of a fact.
fn fault(path: &str, number: &str) -> Option<String> {
    let Some((file, function)) = path.split_once("::") else {
        let case = project(path).join("case.yaml");
        return match fs::read_to_string(&case) {
            Ok(text) if names(&text, number) => None,
            Ok(_) => Some(format!("{path} does not say AD {number}")),
            Err(_) => Some(format!("{path} is no case")),
        };
    };
    let tests = tests_in(&project(file));
    match tests.get(function) {
        Some(before) if function.contains(&format!("ad_{number}_")) || names(before, number) => {
            None
        }
        Some(_) => Some(format!("{path} does not name {number}")),
        None => Some(format!("{path} is no test")),
    }
}

#[test]
fn each_fact_has_a_row_that_is_true() {
    let rows = rows();
    let expected: BTreeSet<String> = (1..=LAST)
        .map(|number| number.to_string())
        .chain(["table".to_owned()])
        .collect();
    assert_eq!(rows.keys().cloned().collect::<BTreeSet<_>>(), expected);
    let mut faults = Vec::new();
    for (number, row) in &rows {
        let tests = tests_of(row);
        if tests.is_empty() && !row.where_tested.starts_with("not here: ") {
            faults.push(format!("{number}: neither a test nor why there is none"));
        }
        faults.extend(tests.iter().filter_map(|path| fault(path, number)));
        if !KNOWN.iter().any(|word| row.known.starts_with(word)) {
            faults.push(format!(
                "{number}: how it is known is none of {KNOWN:?}: {}",
                row.known
            ));
        }
        // What is proven on a domain controller has a test that goes there.
        let goes_there =
            tests
                .iter()
                .filter_map(|path| path.split_once("::"))
                .any(|(file, function)| {
                    let text = fs::read_to_string(project(file)).unwrap_or_default();
                    let body = text
                        .split(&format!("fn {function}("))
                        .nth(1)
                        .unwrap_or_default();
                    let body = body.split("\n}\n").next().unwrap_or_default();
                    ["everywhere(", "on_domain_controller("]
                        .iter()
                        .any(|way| body.contains(way))
                });
        if row.known.starts_with("domain controller") != goes_there {
            faults.push(format!(
                "{number}: `{}`, and its tests say otherwise",
                row.known
            ));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn each_test_of_a_fact_stands_in_its_row() {
    let rows = rows();
    let mut files = Vec::new();
    for folder in ["tests/all/ad", "tests/all/fake_ad/self_tests"] {
        let entries = fs::read_dir(project(folder)).unwrap();
        files.extend(entries.map(|entry| entry.unwrap().path()));
    }
    let root = project("");
    let mut missing = Vec::new();
    let mut count = 0;
    for file in files
        .iter()
        .filter(|file: &&PathBuf| !file.ends_with("coverage.rs"))
    {
        let short = file.strip_prefix(&root).unwrap().display();
        for function in tests_in(file).keys() {
            let Some((number, _)) = function.strip_prefix("ad_").and_then(|r| r.split_once('_'))
            else {
                continue;
            };
            count += 1;
            let path = format!("{short}::{function}");
            let stands = rows
                .get(number)
                .is_some_and(|row| tests_of(row).contains(&path));
            if !stands {
                missing.push(format!("{number}: `{path}`"));
            }
        }
    }
    assert!(count > 100, "{count}");
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

/// A fact that is no fact, a test that is none: the two tests above would see it.
#[test]
fn what_is_not_true_is_seen() {
    let path = "tests/all/ad/coverage.rs::each_fact_has_a_row_that_is_true";
    assert!(fault(path, "1").unwrap().contains("does not name"));
    assert!(
        fault("tests/all/ad/coverage.rs::fault", "1")
            .unwrap()
            .contains("is no test")
    );
    assert!(
        fault("tests/cases/plan/nowhere", "1")
            .unwrap()
            .contains("is no case")
    );
    assert_eq!(fault("tests/cases/plan/a-weak-account-is-told", "52"), None);
    assert!(fault("tests/cases/plan/a-weak-account-is-told", "5").is_some());
}
