//! Messy files and edits of them: only the lines that are meant change.

use super::*;
use crate::catalog::problem::route;
use serde_json::json;

const FILES: [(&str, &str); 14] = [
    (
        "plain",
        "apiVersion: countersign/v1\nkind: User\nmetadata: {name: kim}\nspec:\n  givenName: Kim\n  title: Analyst\n  profiles: [a, b]\n  access:\n    - {resource: x}\n    - {resource: y, level: z}\n",
    ),
    (
        "comments",
        "# head\napiVersion: countersign/v1 # v\n# of kind\nkind: User # k\n\nmetadata: {name: kim} # m\nspec: # s\n  # of the name\n  givenName: Kim # g\n  # of the title\n  title: Analyst # t\n  # of profiles\n  profiles: [a, b] # p\n  # of access\n  access: # a\n    # of x\n    - {resource: x} # x\n    # of y\n    - resource: y # y\n      # of the level\n      level: z # z\n    # last of access\n  # last of spec\n# end\n",
    ),
    (
        "zero indent",
        "kind: User\nspec:\n  givenName: Kim\n  title: Analyst\n  profiles:\n  - a\n  - b\n  access:\n  - resource: x\n  - resource: y\n    level: z\n",
    ),
    (
        "flow",
        "kind: User\nspec: {givenName: Kim, title: Analyst, profiles: [a, b], access: [{resource: x}, {resource: y, level: z}]}\n",
    ),
    (
        "flow over lines",
        "kind: User\nspec: {\n  givenName: Kim, # g\n  title: Analyst,\n  # between\n  profiles: [\n    a, # a\n    b\n  ],\n  access: [{resource: x},\n    {resource: y, level: z}]\n}\n",
    ),
    (
        "crlf",
        "kind: User\r\nspec:\r\n  # c\r\n  givenName: Kim\r\n  title: Analyst # t\r\n  profiles: [a, b]\r\n  access:\r\n    - {resource: x}\r\n    - {resource: y, level: z}\r\n",
    ),
    (
        "bom",
        "\u{feff}kind: User\nspec:\n  givenName: Kim\n  title: Analyst\n  profiles: [a, b]\n  access: [{resource: x}, {resource: y, level: z}]\n",
    ),
    (
        "no end",
        "kind: User\nspec:\n  title: Analyst\n  profiles:\n    - a\n    - b\n  access:\n    - resource: x\n    - resource: y\n      level: z\n  givenName: Kim",
    ),
    (
        "documents",
        "# one\nkind: Other\nspec: {title: no}\n---\n# two\nkind: User\nspec:\n  givenName: Kim\n  title: Analyst\n  profiles: [a, b]\n  access:\n    - {resource: x}\n    - {resource: y, level: z}\n# after two\n---\n# three\nkind: Other\nspec:\n  title: no\n",
    ),
    (
        "marked",
        "---\nkind: User\nspec:\n  title: Analyst\n  givenName: Kim\n  profiles: [a, b]\n  access: [{resource: x}, {resource: y, level: z}]\n...\n",
    ),
    (
        "block scalars",
        "kind: User\nspec:\n  description: |\n    # not a comment\n    title: no\n\n    end\n  title: >-\n    Ana\n    lyst\n  givenName: Kim\n  profiles: [a, b]\n  access:\n    - {resource: x}\n    - {resource: y, level: z}\n",
    ),
    (
        "four",
        "kind: User\nspec:\n    givenName: Kim\n\n\n    title: 'Analyst'\n\n    profiles:\n        - a\n\n        - b\n    access:\n        -   resource: x\n        -   resource: y\n            level: z\n",
    ),
    (
        "nothing",
        "kind: User\nspec:\n  givenName: Kim\n  title:\n  profiles: []\n  access: # none yet\n",
    ),
    ("short", "kind: User\nspec: {}\n"),
];

/// Which document is the user's.
fn document(name: &str) -> u32 {
    u32::from(name == "documents")
}

fn edits() -> Vec<(&'static str, Edit)> {
    let set = |at: &str, value: Value| Edit::Set(route(at), value);
    vec![
        ("set a text", set("title", json!("Planner"))),
        (
            "set a hostile text",
            set("title", json!("a: \"b\" #c\n{{ x }} 🦉")),
        ),
        ("set a number's text", set("title", json!("007"))),
        ("set a truth", set("notifications", json!(false))),
        ("set a new text", set("login", json!("kim"))),
        ("set a date", set("endDate", json!("2027-02-01"))),
        ("set a list", set("profiles", json!(["c", "no"]))),
        (
            "set a map",
            set("contact", json!({"mail": "k@x.example", "phone": "1"})),
        ),
        (
            "set below what is not there",
            set("contact.mail", json!("k@x.example")),
        ),
        ("set a level", set("access.1.level", json!("w"))),
        (
            "set a new key of an element",
            set("access.0.level", json!("w")),
        ),
        (
            "set entries",
            set("access", json!([{"resource": "q", "level": "r"}])),
        ),
        ("push a text", Edit::Push(route("profiles"), json!("c"))),
        (
            "push an entry",
            Edit::Push(
                route("access"),
                json!({"resource": "q", "until": "2027-03-01"}),
            ),
        ),
        (
            "push to what is not there",
            Edit::Push(
                route("without"),
                json!({"resource": "q", "reason": "exempt"}),
            ),
        ),
        ("remove the first element", Edit::Remove(route("access.0"))),
        ("remove the last element", Edit::Remove(route("access.1"))),
        ("remove a text of a list", Edit::Remove(route("profiles.0"))),
        ("remove a key", Edit::Remove(route("title"))),
        ("remove a list", Edit::Remove(route("access"))),
        (
            "remove a key of an element",
            Edit::Remove(route("access.1.level")),
        ),
    ]
}

/// What yaml-edit would do to lines nearby, and so is not done.
const REFUSED: [&str; 3] = [
    "flow over lines: remove the first element",
    "flow over lines: remove the last element",
    "flow over lines: remove a list",
];

/// The lines of a text that the other one has not, by number.
fn gone(text: &str, other: &str) -> usize {
    let mut others: Vec<&str> = other.lines().collect();
    let is_gone = |line: &&str| match others.iter().position(|o| o == line) {
        Some(at) => {
            others.remove(at);
            false
        }
        None => true,
    };
    text.lines().filter(is_gone).count()
}

fn of(text: &str, document: u32, route: &[Step]) -> Option<Value> {
    let text = text.trim_start_matches('\u{feff}').replace("\r\n", "\n");
    let documents = yaml::compose(&"f".into(), &text, &mut Vec::new());
    let mut node = &documents[document as usize].root;
    for step in route {
        node = match (&node.value, step) {
            (Yaml::Sequence(nodes), Step::Index(index)) => nodes.get(*index)?,
            (_, Step::Key(key)) => node.get(key)?,
            _ => return None,
        };
    }
    Some(value(node))
}

#[test]
fn only_what_is_meant_changes_in_any_file() {
    let (mut done, mut refused, mut missing) = (0, Vec::new(), 0);
    for (file, text) in FILES {
        for (name, change) in edits() {
            let document = document(file);
            let after = match edit(text, document, std::slice::from_ref(&change)) {
                Ok(after) => after,
                Err(EditError::NoSuchPlace(_)) => {
                    missing += 1;
                    continue;
                }
                Err(error) => {
                    assert!(
                        matches!(error, EditError::Unsafe(_)),
                        "{file}: {name}: {error}"
                    );
                    refused.push(format!("{file}: {name}"));
                    continue;
                }
            };
            done += 1;
            assert_eq!(after.starts_with('\u{feff}'), text.starts_with('\u{feff}'));
            assert_eq!(after.contains('\r'), text.contains('\r'), "{file}: {name}");
            let is_list =
                ["set entries", "set a list"].contains(&name) || matches!(change, Edit::Remove(_));
            // A text over several lines goes with all of them.
            let most = if is_list { 8 } else { 3 };
            assert!(gone(text, &after) <= most, "{file}: {name}\n{after}");
            assert!(gone(&after, text) <= 2, "{file}: {name}\n{after}");
            let there = of(&after, document, change.route());
            match &change {
                Edit::Set(_, value) => assert_eq!(there.as_ref(), Some(value), "{file}: {name}"),
                Edit::Push(_, value) => {
                    let list = there.unwrap();
                    assert_eq!(
                        list.as_array().unwrap().last(),
                        Some(value),
                        "{file}: {name}"
                    );
                }
                Edit::Remove(route) => {
                    assert_ne!(there, of(text, document, route), "{file}: {name}");
                }
            }
        }
    }
    assert_eq!(refused, REFUSED);
    assert_eq!((done, missing), (277, 14));
}

#[test]
fn what_is_edited_and_undone_is_as_it_was() {
    let (_, text) = FILES[1];
    let there = edit(
        text,
        0,
        &[Edit::Push(route("access"), json!({"resource": "q"}))],
    )
    .unwrap();
    assert_eq!(
        edit(&there, 0, &[Edit::Remove(route("access.2"))]).unwrap(),
        text
    );
    let changed = edit(text, 0, &[Edit::Set(route("title"), json!("Planner"))]).unwrap();
    assert_eq!(
        edit(&changed, 0, &[Edit::Set(route("title"), json!("Analyst"))]).unwrap(),
        text
    );
}

#[test]
fn a_long_list_is_written_below_its_key() {
    let entries: Vec<Value> = (0..4)
        .map(|i| json!({"resource": format!("a-resource-of-a-long-name-{i}"), "level": "editor"}))
        .collect();
    let after = edit(
        FILES[1].1,
        0,
        &[Edit::Set(route("access"), Value::from(entries))],
    )
    .unwrap();
    let expected = "  access: # a\n    - {resource: a-resource-of-a-long-name-0, level: editor}\n    - {resource: a-resource-of-a-long-name-1, level: editor}\n";
    assert!(after.contains(expected), "{after}");
}

#[test]
fn what_cannot_be_done_safely_is_refused() {
    let set = [Edit::Set(route("title"), json!("x"))];
    for (text, error) in [
        ("kind: [", EditError::Unreadable),
        (
            "spec:\n  title: a\r\n  b: c\n",
            EditError::Unsafe("spec.title".into()),
        ),
        ("spec: text\n", EditError::NoSuchPlace("spec.title".into())),
        ("- a\n", EditError::NoSuchPlace("spec.title".into())),
    ] {
        assert_eq!(edit(text, 0, &set), Err(error), "{text}");
    }
    assert_eq!(edit("a: b\n", 1, &set), Err(EditError::NoDocument(1)));
    // An alias elsewhere would follow.
    let shared = "spec:\n  title: &t {a: b}\n  other: *t\n";
    let edited = edit(shared, 0, &[Edit::Set(route("title.a"), json!("c"))]);
    assert!(matches!(edited, Err(EditError::Unsafe(_))), "{edited:?}");
}
