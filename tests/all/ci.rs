//! What `countersign init` and `ci generate` write for forges: judged by their schemas and linters, and
//! run: each script of a pipeline in a real repository, with the real program.

mod approval;
mod editors;
mod forms;
mod generated;
mod judges;
mod pipelines;
mod runner;

use crate::bed::Access;
use serde_json::Value;
use std::fs;
use std::path::Path;

/// The forges, as the configuration names them.
const FORGES: [&str; 3] = ["github", "gitlab", "forgejo"];

/// The city at every forge, generated and committed. Dana administers and Noor asks.
fn city() -> Access {
    let access = Access::example("bloomington");
    let config = fs::read_to_string(access.repository().join("countersign.yaml")).unwrap();
    let pipelines = "  pipelines:\n    forges: [github, gitlab, forgejo]\n";
    access.write("countersign.yaml", &format!("{config}{pipelines}"));
    for (user, login) in [("dana.reyes", "dana-reyes"), ("noor.haddad", "NoorH")] {
        let path = format!("users/{user}.yaml");
        let text = fs::read_to_string(access.repository().join(&path)).unwrap();
        let without: String = text
            .split("  credentials:\n")
            .next()
            .unwrap()
            .trim_end()
            .to_owned();
        let logins = FORGES.map(|forge| format!("{forge}: {login}")).join(", ");
        access.write(
            &path,
            &format!("{without}\n  credentials:\n    forgeLogins: {{{logins}}}\n"),
        );
    }
    access.run_embedded(&["ci", "generate"]).ends(0);
    access.commit("Pipelines");
    access.run_embedded(&["validate"]).ends(0);
    access
}

fn read(access: &Access, path: &str) -> String {
    fs::read_to_string(access.repository().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// A YAML file as a value.
#[track_caller]
fn yaml(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap();
    let mut diagnostics = Vec::new();
    let documents = countersign::manifest::yaml::compose(&"f".into(), &text, &mut diagnostics);
    assert!(
        !countersign::diagnostic::any_error(&diagnostics),
        "{}: {diagnostics:?}",
        path.display()
    );
    crate::authoring::value(&documents[0].root)
}

/// The workflows of GitHub and Forgejo.
fn workflows(access: &Access) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    for folder in [".github/workflows", ".forgejo/workflows"] {
        for entry in fs::read_dir(access.repository().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            found.push((format!("{folder}/{name}"), yaml(&path)));
        }
    }
    assert_eq!(found.len(), 6);
    found
}
