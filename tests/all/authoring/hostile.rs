//! Texts that mean something to YAML, to a terminal or to a reviewer's eye are written so that they mean
//! nothing, or are refused.

use super::{files, judged};
use crate::bed::Access;

const TEXTS: [&str; 42] = [
    "O'Brien",
    "a\"b\"c",
    "back\\slash",
    "#1",
    "a #b",
    "a: b",
    ": colon",
    "- dash",
    "-",
    "?",
    "? a",
    "~",
    "null",
    "yes",
    "No",
    "on",
    "true",
    "0x1f",
    "1e3",
    "007",
    "1_000",
    "12:30",
    "2027-02-01",
    ".inf",
    "{{ user.name }}",
    "[a, b]",
    "{a: b}",
    "*alias",
    "&anchor",
    "!!str x",
    "| block",
    "> folded",
    "%percent",
    "@at",
    "`tick`",
    "---",
    "... end",
    "🦉 owl",
    "Zoë 王小明",
    "a\u{202e}b",
    "é\u{200b}é",
    "<script>alert(1)</script>",
];

/// What no name of a person can be.
const NEVER: [&str; 4] = ["two\nlines", "a\rb", "\u{1b}[2J", "nul\u{7f}"];

#[test]
fn a_hostile_name_is_written_as_it_is_or_refused() {
    let access = Access::example("white-glove");
    access.git(&["config", "user.email", "lucy@seko.example"]);
    access.commit("As it was");
    let mut written = 0;
    for text in TEXTS {
        let ran = access.run_embedded(&[
            "request",
            "change",
            "kim",
            "--effective",
            "2099-01-04",
            "--family-name",
            text,
            "--display-name",
            text,
            "--address",
            text,
        ]);
        let requests: Vec<(String, String)> = files(&access)
            .into_iter()
            .filter(|(path, _)| path.starts_with("requests/"))
            .collect();
        match (ran.code, requests.as_slice()) {
            (0, [(path, file)]) => {
                let set = &judged(file, None)["spec"]["set"];
                assert_eq!(set["familyName"], text, "{file}");
                assert_eq!(set["displayName"], text, "{file}");
                assert_eq!(set["contact"]["address"], text, "{file}");
                access.run_embedded(&["validate", "--worktree"]).ends(0);
                std::fs::remove_file(access.repository().join(path)).unwrap();
                written += 1;
            }
            (1, []) => {}
            (code, requests) => panic!("{text:?}: {code} {requests:?}\n{}", ran.err),
        }
    }
    assert!(written >= 40, "only {written} were written");
    for text in NEVER {
        let ran = super::refuses(
            &access,
            1,
            &[
                "request",
                "change",
                "kim",
                "--effective",
                "2099-01-04",
                "--family-name",
                text,
            ],
        );
        assert!(
            !ran.err.contains(['\u{1b}', '\r', '\u{7f}']),
            "{:?}",
            ran.err
        );
    }
}

#[test]
fn a_hostile_user_in_a_list_moves_no_cursor_and_computes_nothing() {
    let access = Access::example("white-glove");
    access.edit(
        "users/kim.yaml",
        "givenName: Kim",
        "givenName: Kim\n  displayName: \"\\e[2J\\u202eKim\\nroot\"",
    );
    access.edit(
        "users/jack.yaml",
        "givenName: Jack",
        "givenName: Jack\n  displayName: '=HYPERLINK(\"https://x.example\",\"a\"),b'",
    );
    let table = access
        .run_embedded(&["user", "list", "--worktree"])
        .ends(0)
        .out;
    assert!(!table.contains(['\u{1b}', '\u{202e}']), "{table:?}");
    let csv = access
        .run_embedded(&["user", "list", "--worktree", "--format", "csv"])
        .ends(0)
        .out;
    assert!(
        csv.contains("jack,\" =HYPERLINK(\"\"https://x.example\"\",\"\"a\"\"),b\",active"),
        "{csv}"
    );
}
