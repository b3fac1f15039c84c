//! `identity create`: for who is there, and with who is not; one default at any time.

use super::{files, refuses, writes};
use crate::bed::Access;
use serde_json::json;

const APP: [&str; 2] = ["--application", "white-glove"];

fn create<'a>(more: &[&'a str]) -> Vec<&'a str> {
    ["identity", "create"]
        .iter()
        .chain(more)
        .chain(&APP)
        .copied()
        .collect()
}

#[test]
fn the_first_identity_stays_the_default_and_only_that_line_is_new() {
    let access = Access::example("white-glove");
    let before = files(&access)
        .remove("identities/white-glove.yaml")
        .unwrap();
    let written = writes(
        &access,
        &create(&[
            "kim",
            "As a client",
            "--type",
            "client",
            "--role",
            "white-glove.client",
            "--scope",
            "white-glove.client=*",
        ]),
    );
    let paths: Vec<&str> = written.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "identities/white-glove.yaml",
            "identities/kim.white-glove.client.yaml"
        ]
    );
    assert_eq!(
        written[1].1["spec"],
        json!({
            "user": "kim", "resource": "white-glove", "type": "client", "alias": "As a client",
            "roles": ["white-glove.client"], "scopes": {"white-glove.client": ["*"]},
        })
    );
    let after = files(&access)
        .remove("identities/white-glove.yaml")
        .unwrap();
    let rows = "  scopes: {white-glove.client: [ROOM]}\n---\n";
    let expected = before.replacen(
        rows,
        "  scopes: {white-glove.client: [ROOM]}\n  default: true\n---\n",
        1,
    );
    assert_ne!(before, after);
    assert_eq!(after, expected);
}

#[test]
fn a_new_default_takes_the_place_of_the_old_one() {
    let access = Access::example("white-glove");
    let written = writes(
        &access,
        &create(&[
            "lucy",
            "Other",
            "--type",
            "client",
            "--role",
            "white-glove.client",
            "--scope",
            "white-glove.client=ROOM",
            "--default",
        ]),
    );
    assert_eq!(written[1].1["spec"]["default"], true);
    let text = files(&access)
        .remove("identities/white-glove.yaml")
        .unwrap();
    assert!(!text.contains("default: true"), "{text}");
    assert!(
        text.contains("# Of her two, the one she starts with, until she selects the other."),
        "{text}"
    );
}

#[test]
fn an_identity_without_more_words_is_the_default_one() {
    let access = Access::example("white-glove");
    let written = writes(
        &access,
        &create(&[
            "nina",
            "Client",
            "--given-name",
            "Nina",
            "--user-type",
            "client",
            "--organization",
            "pharma",
            "--mail",
            "nina@pharma.example",
        ]),
    );
    assert_eq!(written[0].0, "users/nina.yaml");
    assert_eq!(written[1].1["spec"]["roles"], json!(["white-glove.client"]));
    access.commit("Nina");
    let listed = access
        .run_embedded(&["user", "list", "--search", "nina", "--format", "json"])
        .ends(0)
        .json();
    assert_eq!(listed[0]["clients"], json!(["Pharma"]));
    assert_eq!(
        listed[0]["identities"][0]["scopes"],
        json!({"Client": ["Pharma"]})
    );
}

#[test]
fn what_an_identity_cannot_be_is_refused() {
    let access = Access::example("white-glove");
    for (arguments, code, said) in [
        (
            create(&["kim", "X", "--type", "clerk"]),
            64,
            "internal-user",
        ),
        (create(&["nina", "X"]), 64, "--given-name"),
        (
            create(&["kim", "X", "--given-name", "Kim"]),
            64,
            "request change kim",
        ),
        (
            vec![
                "identity",
                "create",
                "kim",
                "X",
                "--application",
                "seko-360",
            ],
            64,
            "has no identities",
        ),
        (
            vec![
                "identity",
                "create",
                "kim",
                "X",
                "--application",
                "whiteglove",
            ],
            64,
            "white-glove",
        ),
        (
            create(&[
                "kim",
                "X",
                "--type",
                "client",
                "--role",
                "white-glove.admin",
                "--scope",
                "white-glove.client=*",
            ]),
            1,
            "not-eligible",
        ),
        (
            create(&[
                "kim",
                "X",
                "--type",
                "client",
                "--role",
                "white-glove.client",
            ]),
            1,
            "scope-required",
        ),
        (
            create(&[
                "kim",
                "X",
                "--type",
                "client",
                "--role",
                "white-glove.client",
                "--scope",
                "white-glove.client=Nowhere",
            ]),
            1,
            "scope-value",
        ),
        (
            create(&["kim", "Internal User", "--role", "white-glove.user"]),
            1,
            "error[",
        ),
    ] {
        let ran = refuses(&access, code, &arguments);
        assert!(ran.err.contains(said), "{said} is not in {}", ran.err);
    }
}

#[test]
fn roles_and_rows_of_an_identity_change_by_a_request() {
    let access = Access::example("white-glove");
    access.git(&["config", "user.email", "lucy@seko.example"]);
    let (_, request) = super::writes_one(
        &access,
        &[
            "request",
            "change",
            "simon",
            "--effective",
            "2099-01-04",
            "--add-scope",
            "white-glove.client=ROOM",
            "--remove-scope",
            "white-glove.client=Pharma",
        ],
    );
    assert_eq!(
        request["spec"]["identities"],
        json!({
            "add": [{"resource": "white-glove", "type": "client", "alias": "Client",
                "scopes": {"white-glove.client": ["ROOM"]}}],
            "remove": [{"resource": "white-glove", "type": "client", "alias": "Client",
                "scopes": {"white-glove.client": ["Pharma"]}}],
        })
    );
    // For a time, and nothing afterwards: a client must see somebody's rows.
    let ran = refuses(
        &access,
        1,
        &[
            "request",
            "change",
            "jack",
            "--effective",
            "2099-01-04",
            "--add-scope",
            "white-glove.client=Pharma@2099-02-01",
            "--remove-scope",
            "white-glove.client=ROOM",
        ],
    );
    assert!(ran.err.contains("scope-required"), "{}", ran.err);
    let ran = refuses(
        &access,
        64,
        &[
            "request",
            "change",
            "lucy",
            "--effective",
            "2099-01-04",
            "--remove-role",
            "white-glove.admin",
        ],
    );
    assert!(ran.err.contains("--identity"), "{}", ran.err);
    let (_, request) = super::writes_one(
        &access,
        &[
            "request",
            "change",
            "lucy",
            "--effective",
            "2099-01-04",
            "--remove-role",
            "white-glove.admin",
            "--identity",
            "white-glove:internal-user=Internal User",
        ],
    );
    assert_eq!(
        request["spec"]["identities"]["remove"][0]["roles"],
        json!(["white-glove.admin"])
    );
    access.commit("Rows");
    let rows = |at: &str| {
        let listed = access.run_embedded(&[
            "user", "list", "--at", at, "--search", "simon", "--format", "json",
        ]);
        listed.ends(0).json()[0]["identities"][0]["scopes"].clone()
    };
    assert_eq!(rows("2099-01-03"), json!({"Client": ["Pharma"]}));
    assert_eq!(rows("2099-01-04"), json!({"Client": ["ROOM"]}));
}
