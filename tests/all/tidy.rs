//! House rules: reading order is import order, and each outside library is known to one place.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    entries.sort();
    for path in entries {
        match path.is_dir() {
            true => sources(&path, found),
            false if path.extension().is_some_and(|e| e == "rs") => found.push(path),
            false => {}
        }
    }
}

/// Every source file: its path below `src/`, its top module, and its code without tests and comments.
fn code() -> Vec<(String, String, String)> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&src, &mut files);
    files
        .into_iter()
        .map(|path| {
            let name = path
                .strip_prefix(&src)
                .unwrap()
                .to_string_lossy()
                .into_owned();
            let top = name
                .split('/')
                .next()
                .unwrap()
                .trim_end_matches(".rs")
                .to_owned();
            let text = fs::read_to_string(&path).unwrap();
            let text = text
                .split("#[cfg(test)]\nmod tests")
                .next()
                .unwrap()
                .to_owned();
            let lines = text.lines().filter(|l| !l.trim_start().starts_with("//"));
            (name, top, lines.collect::<Vec<_>>().join("\n"))
        })
        .collect()
}

fn order() -> Vec<String> {
    let lib = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    let modules = lib
        .lines()
        .filter_map(|l| l.strip_prefix("pub mod ")?.strip_suffix(';'));
    modules.map(str::to_owned).collect()
}

/// The top modules that a text names behind `crate::`.
fn uses(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices("crate::") {
        let rest = &text[at + "crate::".len()..];
        let names: Vec<&str> = match rest.strip_prefix('{') {
            Some(list) => list.split('}').next().unwrap().split(',').collect(),
            None => vec![rest],
        };
        for name in names {
            let name = name.trim();
            let end = name.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            found.push(name[..end.unwrap_or(name.len())].to_owned());
        }
    }
    found
}

#[test]
fn reading_order_is_import_order() {
    let order = order();
    assert!(order.len() > 15, "{order:?}");
    let rank: BTreeMap<&str, usize> = order
        .iter()
        .enumerate()
        .map(|(i, name)| (name.as_str(), i))
        .collect();
    let mut wrong = Vec::new();
    for (file, top, text) in code() {
        let Some(own) = rank.get(top.as_str()) else {
            continue;
        };
        for used in uses(&text) {
            if rank.get(used.as_str()).is_some_and(|other| other > own) {
                wrong.push(format!("{file} uses {used}, which is declared below {top}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_narrower_rules_hold() {
    let may_not = [
        ("plan", "catalog"),
        ("plan", "request"),
        ("observed", "catalog"),
        ("notify", "apply"),
        ("apply", "catalog"),
        ("apply", "desired::expand"),
    ];
    let mut wrong = Vec::new();
    for (file, top, text) in code() {
        for (module, other) in may_not {
            if top == module && text.contains(&format!("crate::{other}")) {
                wrong.push(format!("{file} uses {other}"));
            }
        }
        let transports = [
            "active_directory::ldap",
            "active_directory::ldif::",
            "Transport",
        ];
        if top == "notify"
            && transports
                .iter()
                .any(|t| text.contains(&format!("connector::{t}")))
        {
            wrong.push(format!("{file} talks to a connector"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn each_outside_library_is_known_to_one_place() {
    let homes = [
        ("ldap3::", vec!["connector/active_directory/ldap"]),
        ("lettre::", vec!["notify/smtp", "notify/mime"]),
        ("git2::", vec!["source"]),
        ("granit_parser::", vec!["manifest/yaml"]),
        ("clap::", vec!["cli"]),
        (
            "csv::",
            vec!["connector/read_back", "connector/roster", "report/table"],
        ),
        ("rusqlite::", vec!["report/row_security/sqlite"]),
        ("minijinja::", vec!["template", "notify"]),
        ("ureq::", vec!["forge/client"]),
    ];
    let mut wrong = Vec::new();
    for (file, _, text) in code() {
        for (library, homes) in &homes {
            let named = text.lines().any(|l| {
                l.match_indices(library).any(|(at, _)| {
                    !l[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':')
                })
            });
            if named && !homes.iter().any(|home| file.starts_with(home)) {
                wrong.push(format!("{file} knows {library}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_file_opens_by_saying_what_it_is() {
    for (file, ..) in code() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("src")
            .join(&file);
        let first = fs::read_to_string(path).unwrap();
        let included = file == "diagnostic/codes.in.rs";
        assert!(
            included || first.starts_with("//!"),
            "{file} does not open with //!"
        );
    }
}

#[test]
fn nothing_is_left_unfinished() {
    for (file, _, text) in code() {
        for word in ["dry_run", "todo!", "unimplemented!", "FIXME"] {
            assert!(!text.contains(word), "{file} has {word}");
        }
    }
}

/// The texts in quotes that follow a word, in order.
fn quoted<'a>(text: &'a str, word: &str) -> Vec<&'a str> {
    let rests = text.split(word).skip(1);
    rests
        .filter_map(|rest| rest.trim_start().strip_prefix('"')?.split('"').next())
        .collect()
}

#[test]
fn every_fail_point_is_one_place_and_every_place_is_known_to_the_tests() {
    let (mut listed, mut places) = (Vec::new(), Vec::new());
    for (file, _, text) in code() {
        match file.as_str() {
            "failpoint.rs" => {
                let list = text.split("pub const NAMES").nth(1).unwrap();
                let list = list.split_once("= [").unwrap().1.split(']').next().unwrap();
                let names = list.split(',').map(|name| name.trim().trim_matches('"'));
                listed.extend(names.filter(|n| !n.is_empty()).map(str::to_owned));
            }
            _ => places.extend(quoted(&text, "fail_point!(").into_iter().map(str::to_owned)),
        }
    }
    listed.sort();
    places.sort();
    assert!(listed.len() >= 40, "{listed:?}");
    assert_eq!(listed, places);
}
