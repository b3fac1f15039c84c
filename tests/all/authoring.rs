//! The commands that write manifests, end to end: what they write is valid by the schemas and with the
//! rest of the repository, means what was said, and is not written at all where it would not be right.

mod again;
mod branches;
mod hostile;
mod identities;
mod requests;
mod terminal;
mod users;

use crate::bed::{Access, Ran};
use countersign::diagnostic::any_error;
use countersign::manifest::parse::check_text;
use countersign::manifest::schema::schema;
use countersign::manifest::{Kind, yaml};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;

/// Runs the program and judges every file that it says it wrote: path and value of each.
#[track_caller]
pub(super) fn writes(access: &Access, arguments: &[&str]) -> Vec<(String, Value)> {
    let before = files(access);
    let ran = access.run_embedded(arguments).ends(0);
    let root = format!("{}/", access.repository().display());
    let said = ran
        .out
        .lines()
        .map(|line| line.strip_prefix(&root).unwrap().to_owned());
    let said: Vec<String> = said.collect();
    let mut there = files(access);
    let mut found = Vec::new();
    for path in &said {
        let text = there
            .remove(path)
            .unwrap_or_else(|| panic!("{path} is not there"));
        found.push((path.clone(), judged(&text, before.get(path))));
    }
    let untouched: BTreeMap<_, _> = before
        .into_iter()
        .filter(|(path, _)| !said.contains(path))
        .collect();
    assert_eq!(there, untouched, "something else was written");
    access.run_embedded(&["validate", "--worktree"]).ends(0);
    found
}

/// A text by the schema of its kind and by our reader; a new one without any finding.
#[track_caller]
pub(super) fn judged(text: &str, before: Option<&String>) -> Value {
    let mut diagnostics = Vec::new();
    let documents = yaml::compose(&"f".into(), text, &mut diagnostics);
    assert!(!any_error(&diagnostics), "{text}\n{diagnostics:?}");
    let (_, findings) = check_text("f.yaml", text);
    assert!(!any_error(&findings), "{text}\n{findings:?}");
    if before.is_none() {
        assert!(findings.is_empty(), "{text}\n{findings:?}");
        assert_eq!(documents.len(), 1, "{text}");
        assert!(
            text.starts_with("# yaml-language-server: $schema="),
            "{text}"
        );
    }
    let values: Vec<Value> = documents.iter().map(|d| value(&d.root)).collect();
    for value in &values {
        let kind = Kind::ALL
            .into_iter()
            .find(|k| value["kind"] == k.as_str())
            .unwrap();
        let judge = jsonschema::draft7::new(&schema(kind)).unwrap();
        let errors: Vec<String> = judge.iter_errors(value).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{text}\n{errors:?}");
    }
    values.into_iter().next().unwrap()
}

pub(super) fn value(node: &yaml::Node) -> Value {
    match &node.value {
        yaml::Yaml::Null | yaml::Yaml::Broken => Value::Null,
        yaml::Yaml::Bool(truth) => (*truth).into(),
        yaml::Yaml::Int(number) => (*number).into(),
        yaml::Yaml::Float(number) => (*number).into(),
        yaml::Yaml::Text(text, _) => text.as_str().into(),
        yaml::Yaml::Sequence(nodes) => nodes.iter().map(value).collect(),
        yaml::Yaml::Mapping(entries) => {
            let entries = entries
                .iter()
                .map(|(key, node)| (key.text.clone(), value(node)));
            Value::Object(entries.collect())
        }
    }
}

/// Runs the program; it must end like this and have written nothing.
#[track_caller]
pub(super) fn refuses(access: &Access, code: i32, arguments: &[&str]) -> Ran {
    let before = files(access);
    let ran = access.run_embedded(arguments).ends(code);
    assert_eq!(files(access), before);
    assert_eq!(ran.out, "");
    ran
}

/// Every file of the repository but git's own.
pub(super) fn files(access: &Access) -> BTreeMap<String, String> {
    fn walk(
        folder: &std::path::Path,
        root: &std::path::Path,
        found: &mut BTreeMap<String, String>,
    ) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with(".git") {
                walk(&path, root, found);
            } else if path.is_file() {
                let name = path
                    .strip_prefix(root)
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .to_owned();
                found.insert(name, fs::read_to_string(&path).unwrap());
            }
        }
    }
    let mut found = BTreeMap::new();
    let root = access.repository();
    walk(&root, &root, &mut found);
    found
}

/// The only file that was written.
#[track_caller]
pub(super) fn writes_one(access: &Access, arguments: &[&str]) -> (String, Value) {
    let mut written = writes(access, arguments);
    assert_eq!(written.len(), 1, "{written:?}");
    written.remove(0)
}
