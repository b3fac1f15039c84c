//! The schemas of a repository: what is valid stays valid by them, a name that is none is not; and what
//! the language server behind most editors makes of them.

use super::city;
use crate::bed::{Access, project};
use countersign::manifest::{Kind, yaml};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;

#[test]
fn whatever_is_valid_in_a_repository_is_valid_by_its_schemas() {
    for example in ["bloomington", "clear-my-record", "white-glove"] {
        let access = Access::example(example);
        let out = tempfile::tempdir().unwrap();
        let folder = out.path().to_str().unwrap();
        access
            .run_embedded(&["schema", "--for-repository", folder])
            .ends(0);
        let mut judged = 0;
        for (path, text) in crate::authoring::files(&access) {
            if !path.ends_with(".yaml") || path.starts_with('.') {
                continue;
            }
            for document in yaml::compose(&"f".into(), &text, &mut Vec::new()) {
                let value = crate::authoring::value(&document.root);
                let Some(kind) = Kind::ALL.into_iter().find(|k| value["kind"] == k.as_str()) else {
                    continue;
                };
                let errors = errors(out.path(), kind, &value);
                assert!(errors.is_empty(), "{example}/{path}: {errors:?}");
                judged += 1;
            }
        }
        assert!(judged > 20, "{example}: {judged}");
    }
}

fn errors(folder: &Path, kind: Kind, value: &Value) -> Vec<String> {
    let file = folder.join(countersign::manifest::schema::file_name(kind));
    let schema: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    let judge = jsonschema::draft7::new(&schema).unwrap();
    judge.iter_errors(value).map(|e| e.to_string()).collect()
}

#[test]
fn a_name_that_the_repository_does_not_have_is_refused() {
    let access = Access::example("white-glove");
    let out = tempfile::tempdir().unwrap();
    access
        .run_embedded(&["schema", "--for-repository", out.path().to_str().unwrap()])
        .ends(0);
    let request = |access: Value| {
        serde_json::json!({"apiVersion": "countersign/v1", "kind": "Request",
            "metadata": {"name": "r"}, "spec": {"action": "Change", "requestedBy": "lucy",
            "subject": "somebody.new", "effective": "2099-01-01", "access": {"add": [access]}}})
    };
    let identity = |role: &str, scope: &str, kind: &str| {
        serde_json::json!({"apiVersion": "countersign/v1", "kind": "Identity",
            "metadata": {"name": "i"}, "spec": {"user": "lucy", "resource": "white-glove",
            "type": kind, "roles": [role], "scopes": {scope: ["*"]}}})
    };
    let fits = |kind: Kind, value: &Value| errors(out.path(), kind, value).is_empty();
    let resource = |name: &str, level: &str| serde_json::json!({"resource": name, "level": level});
    assert!(fits(
        Kind::Request,
        &request(resource("white-glove", "access"))
    ));
    assert!(!fits(
        Kind::Request,
        &request(resource("white-glove", "nonsense"))
    ));
    assert!(!fits(
        Kind::Request,
        &request(resource("white-gloves", "access"))
    ));
    assert!(fits(
        Kind::Identity,
        &identity("white-glove.client", "white-glove.client", "client")
    ));
    assert!(!fits(
        Kind::Identity,
        &identity("white-glove.clients", "white-glove.client", "client")
    ));
    assert!(!fits(
        Kind::Identity,
        &identity("white-glove.client", "white-glove.county", "client")
    ));
    assert!(!fits(
        Kind::Identity,
        &identity("white-glove.client", "white-glove.client", "guest")
    ));
}

#[test]
fn an_editor_completes_explains_and_underlines() {
    if super::judges::program("COUNTERSIGN_TEST_YAML_EDITOR").is_none() {
        return;
    }
    let access = city();
    access.run_embedded(&["schema", "--for-repository"]).ends(0);
    let manifest = "# yaml-language-server: $schema=../.schema/user.json\n\
        apiVersion: countersign/v1\n\
        kind: \n\
        metadata: {name: new}\n\
        spec:\n  type: employee\n  organization: itz\n  supervisor: brand.new\n  profiles:\n    - its.gis-analyst\n    - \n\
        \x20 access:\n    - resource: ureport\n      level: \n  e\n";
    access.write("users/new.yaml", manifest);
    let file = access.repository().join("users/new.yaml");
    let complete = |at: &str| ask(&["--complete", at], &file);
    assert!(complete("3:7").starts_with("User\t"), "{}", complete("3:7"));
    let profiles = complete("11:7");
    assert!(
        profiles.contains("its.help-desk\tHelp desk\n"),
        "{profiles}"
    );
    let levels = complete("14:14");
    assert!(
        levels.contains("staff\tStaff\n") && !levels.contains("viewer"),
        "{levels}"
    );
    let fields = complete("15:4");
    assert!(
        fields.contains("employeeNumber\tEmployee number"),
        "{fields}"
    );
    let users = complete("8:18");
    assert!(users.contains("noor.haddad\tNoor Haddad\n"), "{users}");
    let hover = ask(&["--hover", "10:10"], &file);
    assert!(hover.contains("GIS analyst"), "{hover}");
    let hover = ask(&["--hover", "7:5"], &file);
    assert!(
        hover.contains("The organization the user belongs to."),
        "{hover}"
    );
    let underlined = ask(&[], &file);
    assert!(
        underlined.contains("new.yaml:7:17: Value is not accepted."),
        "{underlined}"
    );
    // Who is hired by a request is no user in a manifest yet.
    assert!(!underlined.contains("new.yaml:8:"), "{underlined}");
}

fn ask(question: &[&str], file: &Path) -> String {
    let editor = project("tests/testbed/editor.mjs");
    let output = Command::new("node")
        .arg(editor)
        .args(question)
        .arg(file)
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(matches!(output.status.code(), Some(0 | 1)), "{error}");
    String::from_utf8(output.stdout).unwrap()
}
