//! Texts that mean something to YAML, to a terminal or to a reviewer's eye are written so that they mean
//! nothing, or are refused.

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
    for texts in TEXTS.chunks(3) {
        let [family, display, address] = texts else {
            panic!("three at a time");
        };
        // Behind `=`, so that a dash begins no flag.
        let said = [
            format!("--family-name={family}"),
            format!("--display-name={display}"),
            format!("--address={address}"),
        ];
        let mut arguments = vec!["request", "change", "kim", "--effective", "2099-01-04"];
        arguments.extend(said.iter().map(String::as_str));
        let (path, request) = super::writes_one(&access, &arguments);
        let set = &request["spec"]["set"];
        assert_eq!(set["familyName"], *family);
        assert_eq!(set["displayName"], *display);
        assert_eq!(set["contact"]["address"], *address);
        std::fs::remove_file(access.repository().join(path)).unwrap();
    }
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
        csv.contains("jack,\"'=HYPERLINK(\"\"https://x.example\"\",\"\"a\"\"),b\",active"),
        "{csv}"
    );
}
