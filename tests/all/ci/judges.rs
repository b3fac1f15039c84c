//! Judges that nobody here wrote: actionlint, and the schemas of SchemaStore.

use super::city;
use crate::bed::Access;
use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output};

/// The program that a variable names; says aloud when it names none, and fails where it must.
pub fn program(variable: &str) -> Option<PathBuf> {
    let named = std::env::var_os(variable).filter(|value| !value.is_empty());
    if named.is_none() {
        let all = std::env::var_os("COUNTERSIGN_TEST_BED").is_some_and(|value| value == "1");
        assert!(!all, "COUNTERSIGN_TEST_BED=1, and {variable} is not set");
        let said = format!(
            "LEFT OUT: a judge of pipelines, because {variable} is not set (tests/run sets it)\n"
        );
        std::io::stderr().write_all(said.as_bytes()).unwrap();
    }
    named.map(PathBuf::from)
}

fn yaml_files(access: &Access, folders: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in folders {
        for entry in fs::read_dir(access.repository().join(folder)).unwrap() {
            found.push(entry.unwrap().path());
        }
    }
    assert!(found.len() > 2);
    found
}

/// The city with its program on the runner's PATH, and with one that is fetched.
fn both() -> [Access; 2] {
    let fetched = city();
    let program = format!(
        "forges: [github, gitlab, forgejo]\n    program: {{url: \"https://git.example/c\", sha256: {}}}",
        "b".repeat(64)
    );
    fetched.edit(
        "countersign.yaml",
        "forges: [github, gitlab, forgejo]",
        &program,
    );
    fetched.run_embedded(&["ci", "generate"]).ends(0);
    [city(), fetched]
}

fn said(output: &Output) -> String {
    let out = String::from_utf8_lossy(&output.stdout);
    format!("{out}{}", String::from_utf8_lossy(&output.stderr))
}

#[test]
fn actionlint_has_nothing_to_say() {
    let Some(actionlint) = program("COUNTERSIGN_TEST_ACTIONLINT") else {
        return;
    };
    for access in both() {
        let files = yaml_files(&access, &[".github/workflows", ".forgejo/workflows"]);
        let output = Command::new(&actionlint).args(files).output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
    }
    // It does say something where there is something to say.
    let access = city();
    let path = ".github/workflows/countersign-request.yml";
    access.edit(
        path,
        "\"request/form-$ISSUE\"",
        "\"${{ github.event.issue.title }}\"",
    );
    let output = Command::new(&actionlint)
        .arg(access.repository().join(path))
        .output()
        .unwrap();
    assert!(
        said(&output).contains("potentially untrusted"),
        "{}",
        said(&output)
    );
}

#[test]
fn pipelines_and_forms_are_what_the_forges_schemas_ask_for() {
    let Some(check) = program("COUNTERSIGN_TEST_CHECK_JSONSCHEMA") else {
        return;
    };
    for access in both() {
        for (schema, files) in [
            (
                "vendor.github-workflows",
                yaml_files(&access, &[".github/workflows", ".forgejo/workflows"]),
            ),
            (
                "vendor.github-issue-forms",
                yaml_files(
                    &access,
                    &[".github/ISSUE_TEMPLATE", ".forgejo/ISSUE_TEMPLATE"],
                ),
            ),
            (
                "vendor.gitlab-ci",
                vec![access.repository().join(".gitlab-ci.yml")],
            ),
        ] {
            let mut command = Command::new(&check);
            command.args(["--builtin-schema", schema]);
            if schema == "vendor.gitlab-ci" {
                command.args(["--data-transform", "gitlab-ci"]);
            }
            let output = command.args(files).output().unwrap();
            assert!(output.status.success(), "{schema}: {}", said(&output));
        }
    }
}
