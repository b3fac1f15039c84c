//! The tests that stand beside policies: what they find, what they do not show, and the library's own.

use crate::bed::{Access, project};
use serde_json::{Value, json};

const POLICY: &str = "apiVersion: countersign/v1\nkind: Policy\nmetadata: {name: titled}\nspec:\n  stage: state\n  each: user\n  \
     validations:\n    - {expression: 'user.title != \"\"', message: \"{{ user.name }} has no title\"}\n    - {expression: '!user.title.contains(\"!\")', \
     message: \"{{ user.title }} is loud\"}\n  effect: deny\n";

fn with(cases: &str) -> Access {
    let access = Access::empty();
    access.write("policies/titled.yaml", POLICY);
    access.write("policies/tests/titled.yaml", cases);
    access
}

#[test]
fn cases_that_hold_are_counted_and_what_they_do_not_show_is_said() {
    let access = with(
        "policy: titled\ncases:\n  - {name: a head, given: {user: {title: Head}}, expect: pass}\n  - {name: nobody, given: {user: {name: kim}}, \
         expect: deny, says: kim has no title}\n",
    );
    let ran = access.run_embedded(&["policy", "test"]).ends(0);
    assert_eq!(
        ran.out,
        "no case is refused by validation 2 of titled\n2 of 2 cases hold; 1 policies, 1 rules said no at least once\n"
    );
    // What is not shown is a finding where that is wanted.
    access
        .run_embedded(&["policy", "test", "--covered"])
        .ends(1);
    let shown = access
        .run_embedded(&["policy", "test", "--format", "json"])
        .ends(0)
        .json();
    assert_eq!(
        shown["gaps"],
        json!([{"policy": "titled", "validation": 1}])
    );
    assert_eq!(shown["cases"][1]["says"], json!(["kim has no title"]));
    assert_eq!(shown["cases"][1]["holds"], Value::Bool(true));
}

#[test]
fn a_policy_that_nothing_passes_is_a_gap() {
    let access = with(
        "policy: titled\ncases:\n  - {name: loud, given: {user: {title: \"Head!\"}}, expect: deny}\n",
    );
    let ran = access
        .run_embedded(&["policy", "test", "--covered"])
        .ends(1);
    assert!(
        ran.out
            .starts_with("no case is refused by validation 1 of titled\nno case passes titled\n"),
        "{}",
        ran.out
    );
}

#[test]
fn a_case_that_does_not_hold_says_what_the_policy_says() {
    let access = with(
        "policy: titled\ncases:\n  - {name: a head, given: {user: {title: Head}}, expect: deny}\n  - {name: nobody, given: {user: {name: kim}}, \
         expect: deny, says: something else}\n",
    );
    let ran = access.run_embedded(&["policy", "test"]).ends(1);
    let wanted = "failed: titled: a head (tests/titled.yaml:3)\n        expected deny, and the policy says pass\n\
                  failed: titled: nobody (tests/titled.yaml:4)\n        expected deny, and the policy says deny\n        kim has no title\n        \
                  (nothing says: something else)\n";
    assert!(ran.out.starts_with(wanted), "{}", ran.out);
}

#[test]
fn what_cannot_be_read_is_said_with_its_place() {
    let cases = [
        (
            "policy: titeld\ncases: []\n",
            "1:9",
            "there is no policy `titeld`",
            "did you mean `titled`?",
        ),
        (
            "policy: titled\n",
            "1:1",
            "there are no cases",
            "write `cases:",
        ),
        (
            "policy: titled\ncases: [{nam: x, expect: pass}]\n",
            "2:10",
            "there is no `nam` here",
            "did you mean `name`?",
        ),
        (
            "policy: titled\ncases: [{name: x}]\n",
            "2:9",
            "case `x` expects nothing",
            "write `expect: pass`",
        ),
        (
            "policy: titled\ncases: [{name: x, expect: fine}]\n",
            "2:27",
            "this is nothing a policy says",
            "write pass, deny",
        ),
        (
            "policy: titled\ncases: [{name: x, given: {user: {titel: Head}}, expect: pass}]\n",
            "2:34",
            "there is no `titel` here",
            "did you mean `title`?",
        ),
        (
            "policy: titled\ncases: [{name: x, given: {usr: {}}, expect: pass}]\n",
            "2:27",
            "there is no `usr` here",
            "did you mean `user`?",
        ),
        (
            "policy: titled\ncases: [{name: x, given: {user: {title: [Head]}}, expect: pass}]\n",
            "2:41",
            "stands where a string is expected",
            "`countersign policy names`",
        ),
        ("policy: [\n", "", "", ""),
    ];
    for (text, place, message, help) in cases {
        let ran = with(text).run_embedded(&["policy", "test"]).ends(1);
        for part in [&format!("tests/titled.yaml:{place}")[..], message, help] {
            assert!(ran.err.contains(part), "{part} is not in {}", ran.err);
        }
    }
    let empty = Access::empty();
    let ran = empty.run_embedded(&["policy", "test"]).ends(0);
    assert!(ran.err.contains("has no policies"), "{}", ran.err);
    let ran = empty.run_embedded(&["policy", "test", "nowhere"]).ends(3);
    assert!(
        ran.err.contains("is no folder: name that of the policies"),
        "{}",
        ran.err
    );
}

#[test]
fn the_library_holds_what_its_tests_say_and_every_rule_of_it_is_shown() {
    let folder = project("policies");
    let folder = folder.to_str().unwrap();
    let ran = Access::empty()
        .run_embedded(&["policy", "test", folder, "--covered"])
        .ends(0);
    assert!(
        !ran.out.contains("no case") && !ran.out.contains("failed"),
        "{}",
        ran.out
    );
    // Each policy stands with its tests in the list, and says why it exists.
    let readme = std::fs::read_to_string(project("policies/README.md")).unwrap();
    for entry in std::fs::read_dir(project("policies")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|e| e != "yaml") {
            continue;
        }
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(
            readme.contains(&format!("]({name})")),
            "{name} is not in policies/README.md"
        );
        assert!(
            project("policies/tests").join(name).exists(),
            "{name} has no tests"
        );
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(
            text.contains("# Why: ") && text.contains("  reason: "),
            "{name} does not say why"
        );
    }
}

#[test]
fn the_examples_policies_hold_what_their_tests_say() {
    for example in ["bloomington", "clear-my-record", "white-glove"] {
        let folder = project("examples").join(example).join("policies");
        let folder = folder.to_str().unwrap();
        Access::empty()
            .run_embedded(&["policy", "test", folder, "--covered"])
            .ends(0);
    }
}
