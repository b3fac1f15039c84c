//! Good and bad manifests before three judges: ours, and two that nobody here wrote.
//!
//! `check-jsonschema` (Python) and ajv (Node) read the published schemas as a user's editor or pre-commit
//! hook does. A bad file carries `# here` on every line that must be complained of, by us exactly.

use countersign::diagnostic::Severity;
use countersign::manifest::parse::{check_text, shape_of};
use countersign::manifest::schema::{Shape, file_name, schema};
use countersign::manifest::{Kind, yaml};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

#[test]
fn good_files_have_no_finding() {
    for case in cases("good") {
        let (bodies, diagnostics) = check_text("x.yaml", &case.text);
        assert!(
            diagnostics.is_empty(),
            "{}: {diagnostics:#?}",
            case.path.display()
        );
        assert_eq!(bodies.len(), 1, "{}", case.path.display());
    }
}

#[test]
fn bad_files_have_an_error_on_every_marked_line_and_on_no_other() {
    for case in cases("bad") {
        let lines = case.text.lines().zip(1u32..);
        let marked: BTreeSet<u32> = lines
            .filter(|(line, _)| line.ends_with("# here"))
            .map(|(_, number)| number)
            .collect();
        let (_, diagnostics) = check_text("x.yaml", &case.text);
        let errors = diagnostics.iter().filter(|d| d.severity == Severity::Error);
        let found: BTreeSet<u32> = errors.map(|d| d.place.line).collect();
        assert_eq!(found, marked, "{}: {diagnostics:#?}", case.path.display());
        assert!(!marked.is_empty(), "{}", case.path.display());
    }
}

#[test]
fn the_good_files_use_every_field_there_is() {
    let mut used = BTreeSet::new();
    for case in cases("good") {
        let documents = yaml::compose(&"x.yaml".into(), &case.text, &mut Vec::new());
        note_fields(
            shape_of(case.kind),
            &documents[0].root,
            case.kind.as_str(),
            &mut used,
        );
    }
    let mut all = Vec::new();
    for kind in Kind::ALL {
        list_fields(shape_of(kind), kind.as_str(), &mut all);
    }
    // The same for every kind, and used in organization-everything.yaml.
    all.retain(|field| !field.contains(".metadata.") && !used.contains(field));
    assert!(
        all.is_empty(),
        "no file in tests/cases/schema/good uses {all:?}"
    );
    assert!(cases("bad").len() >= 25);
}

/// Notes the path of every field that a document has.
fn note_fields(shape: &Shape, node: &yaml::Node, path: &str, used: &mut BTreeSet<String>) {
    match shape {
        Shape::Object { fields, .. } => {
            for (name, shape) in fields {
                if let Some(child) = node.get(name) {
                    let path = format!("{path}.{name}");
                    note_fields(shape, child, &path, used);
                    used.insert(path);
                }
            }
        }
        Shape::List { elements, .. } => {
            if let yaml::Yaml::Sequence(nodes) = &node.value {
                nodes
                    .iter()
                    .for_each(|child| note_fields(elements, child, path, used));
            }
        }
        Shape::Either(shapes) => {
            shapes
                .iter()
                .for_each(|shape| note_fields(shape, node, path, used));
        }
        Shape::Map { .. }
        | Shape::Text { .. }
        | Shape::Integer(..)
        | Shape::Number(..)
        | Shape::Bool => {}
    }
}

/// Lists the path of every field that a document can have.
fn list_fields(shape: &Shape, path: &str, all: &mut Vec<String>) {
    match shape {
        Shape::Object { fields, .. } => {
            for (name, shape) in fields {
                let path = format!("{path}.{name}");
                list_fields(shape, &path, all);
                all.push(path);
            }
        }
        Shape::List { elements, .. } => list_fields(elements, path, all),
        Shape::Either(shapes) => shapes
            .iter()
            .for_each(|shape| list_fields(shape, path, all)),
        Shape::Map { .. }
        | Shape::Text { .. }
        | Shape::Integer(..)
        | Shape::Number(..)
        | Shape::Bool => {}
    }
}

#[test]
fn validators_of_others_say_the_same() {
    let (Some(python), Some(node)) = (
        judge("COUNTERSIGN_TEST_CHECK_JSONSCHEMA"),
        judge("COUNTERSIGN_TEST_NODE_VALIDATOR"),
    ) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    for kind in Kind::ALL {
        let text = serde_json::to_string_pretty(&schema(kind)).unwrap();
        std::fs::write(folder.path().join(file_name(kind)), text).unwrap();
    }
    let documents: Vec<Case> = cases("good")
        .into_iter()
        .chain(cases("bad"))
        .chain(examples())
        .collect();
    let mut by_kind: BTreeMap<Kind, Vec<(PathBuf, Case)>> = BTreeMap::new();
    for (number, case) in documents.into_iter().enumerate() {
        let copy = folder.path().join(format!("{number}.yaml"));
        std::fs::write(&copy, &case.text).unwrap();
        by_kind.entry(case.kind).or_default().push((copy, case));
    }
    for (kind, cases) in by_kind {
        let schema = folder.path().join(file_name(kind));
        let files: Vec<&Path> = cases.iter().map(|(copy, _)| copy.as_path()).collect();
        let (refused, why) = refused_by_check_jsonschema(&python, &schema, &files);
        let (refused_too, why_too) = refused_by_node(&node, &schema, &files);
        for (copy, case) in &cases {
            let path = case.path.display();
            assert_eq!(
                refused.contains(copy),
                case.bad,
                "check-jsonschema, {path}: {why}"
            );
            assert_eq!(
                refused_too.contains(copy),
                case.bad,
                "ajv, {path}: {why_too}"
            );
        }
    }
}

/// The program that a variable names; says aloud when it names none, and fails where it must.
fn judge(variable: &str) -> Option<PathBuf> {
    let named = std::env::var_os(variable).filter(|value| !value.is_empty());
    if named.is_none() {
        let all = std::env::var_os("COUNTERSIGN_TEST_BED").is_some_and(|value| value == "1");
        assert!(!all, "COUNTERSIGN_TEST_BED=1, and {variable} is not set");
        // Not by `eprintln!`, which a passing test does not show.
        let said = format!(
            "LEFT OUT: validators of others, because {variable} is not set (tests/run sets it)\n"
        );
        std::io::stderr().write_all(said.as_bytes()).unwrap();
    }
    named.map(PathBuf::from)
}

fn refused_by_check_jsonschema(
    program: &Path,
    schema: &Path,
    files: &[&Path],
) -> (BTreeSet<PathBuf>, String) {
    let mut command = Command::new(program);
    command
        .args(["--output-format", "json", "--verbose", "--schemafile"])
        .arg(schema);
    let output = command.args(files).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let report: Value = serde_json::from_str(&text).unwrap_or_else(|_| {
        panic!(
            "{}: {text}{}",
            program.display(),
            String::from_utf8_lossy(&output.stderr)
        )
    });
    let unread = report["parse_errors"].as_array().into_iter().flatten();
    assert_eq!(unread.count(), 0, "{text}");
    let errors = report["errors"].as_array().into_iter().flatten();
    let refused = errors
        .map(|error| error["filename"].as_str().unwrap().into())
        .collect();
    (refused, text)
}

fn refused_by_node(program: &Path, schema: &Path, files: &[&Path]) -> (BTreeSet<PathBuf>, String) {
    let output = Command::new(program)
        .arg(schema)
        .args(files)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        matches!(output.status.code(), Some(0 | 1)),
        "{}: {errors}",
        program.display()
    );
    let complained = |file: &&&Path| {
        let head = format!("{}:", file.display());
        text.lines().any(|line| line.starts_with(&head))
    };
    (
        files
            .iter()
            .filter(complained)
            .map(|file| file.to_path_buf())
            .collect(),
        text,
    )
}

/// One document before the judges.
struct Case {
    path: PathBuf,
    kind: Kind,
    text: String,
    bad: bool,
}

/// The files of `tests/cases/schema/<folder>`, named `<kind>-<what it shows>.yaml`.
fn cases(folder: &str) -> Vec<Case> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/cases/schema")
        .join(folder);
    let mut cases = Vec::new();
    for path in yaml_files(&root) {
        let name = path.file_name().unwrap().to_string_lossy();
        let kind = Kind::ALL.into_iter().find(|kind| {
            let kind = kind.as_str().to_lowercase();
            name.strip_prefix(&kind)
                .is_some_and(|rest| rest.starts_with('-'))
        });
        let kind = kind.unwrap_or_else(|| panic!("{name} begins with no kind"));
        let text = std::fs::read_to_string(&path).unwrap();
        cases.push(Case {
            path,
            kind,
            text,
            bad: folder == "bad",
        });
    }
    assert!(!cases.is_empty());
    cases
}

/// Every manifest below `examples/`, each document by itself: check-jsonschema reads one a file.
fn examples() -> Vec<Case> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut cases = Vec::new();
    for path in yaml_files(&root.join("examples")) {
        let text = std::fs::read_to_string(&path).unwrap();
        for document in text.split("\n---\n") {
            if !document.contains("apiVersion: countersign/v1") {
                continue; // The operator's file, or a comment before the first document.
            }
            let said = document
                .lines()
                .find_map(|line| line.strip_prefix("kind: "))
                .unwrap_or("");
            let kind = Kind::ALL
                .into_iter()
                .find(|kind| kind.as_str() == said.trim());
            let kind = kind.unwrap_or_else(|| panic!("{}: kind `{said}`", path.display()));
            cases.push(Case {
                path: path.clone(),
                kind,
                text: document.to_owned(),
                bad: false,
            });
        }
    }
    cases
}

fn yaml_files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let mut found = Vec::new();
    for path in paths {
        if path.is_dir() {
            found.extend(yaml_files(&path));
        } else if path.extension().is_some_and(|end| end == "yaml") {
            found.push(path);
        }
    }
    found
}
