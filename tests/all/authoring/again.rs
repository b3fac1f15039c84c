//! Another request about somebody on a day that has one already.

use super::writes_one;
use crate::bed::Access;

#[test]
fn a_name_that_a_folded_request_has_is_taken() {
    let access = Access::example("bloomington");
    access.edit(
        "countersign.yaml",
        "spec:\n",
        "spec:\n  foldedThrough: \"2026-01-02\"\n",
    );
    access.write(
        "archive/a-marriage.yaml",
        "apiVersion: countersign/v1\nkind: Request\nmetadata: {name: 2099-02-01-change-maria.lopez}\n\
         spec: {action: Change, requestedBy: dana.reyes, subject: maria.lopez, effective: 2026-01-01, set: {title: Clerk}}\n",
    );
    let change = [
        "request",
        "change",
        "maria.lopez",
        "--login",
        "mbloom",
        "--effective",
        "2099-02-01",
    ];
    let (path, request) = writes_one(&access, &change);
    assert_eq!(path, "requests/2099-02-01-change-maria.lopez-2.yaml");
    assert_eq!(
        request["metadata"]["name"],
        "2099-02-01-change-maria.lopez-2"
    );
}

/// What the program writes without an operator's file, from when on that holds, and what it says of it.
#[track_caller]
fn at_once(access: &Access, arguments: &[&str]) -> (String, String) {
    let ran = access.run_embedded(arguments).ends(0);
    let text = std::fs::read_to_string(ran.out.trim()).unwrap();
    let effective = text.lines().find_map(|l| l.strip_prefix("  effective: "));
    let effective = effective.unwrap().trim_matches('"').to_owned();
    (effective, ran.err)
}

#[test]
fn what_begins_now_begins_after_what_began_in_the_same_minute() {
    let access = Access::example("bloomington");
    let now = ["--effective", "now"];
    let leave = ["--reason", "retired"];
    let back = [
        "--name",
        "maria.lopez",
        "--type",
        "employee",
        "--organization",
        "its",
    ];
    let asked: [(&[&str], &[&str]); 4] = [
        (&["user", "deactivate", "maria.lopez"], &[]),
        (&["user", "activate", "maria.lopez"], &[]),
        (&["request", "terminate", "maria.lopez"], &leave),
        (&["request", "new-hire"], &back),
    ];
    let mut before = (String::new(), String::new());
    for (command, more) in asked {
        let (effective, said) = at_once(&access, &[command, &now, more].concat());
        assert!(before.0 < effective, "{effective} after {}", before.0);
        before = (effective, said);
        access.run_embedded(&["validate", "--worktree"]).ends(0);
    }
    // Four do not fit into one minute, unless this test took three.
    let (effective, said) = before;
    let words = format!("`maria.lopez`: from {effective} on, and not from ");
    assert!(said.contains(&words), "{said}");
    access.commit("Back and forth");
    let listed = access.run_embedded(&[
        "user",
        "show",
        "maria.lopez",
        "--at",
        &effective,
        "--format",
        "json",
    ]);
    assert_eq!(listed.ends(0).json()[0]["state"], "active");
}

#[test]
fn what_begins_now_begins_after_what_was_folded_in_the_same_minute() {
    let access = Access::example("bloomington");
    let change = ["request", "change", "maria.lopez", "--effective", "now"];
    let first = at_once(
        &access,
        &[&change[..], &["--family-name", "Bloom"]].concat(),
    )
    .0;
    access.commit("A marriage");
    access.run_embedded(&["fold"]).ends(0);
    access.commit("Fold");
    let (second, said) = at_once(&access, &[&change[..], &["--login", "mbloom"]].concat());
    assert!(first < second, "{first} {second}");
    if said.contains("and not from") {
        assert!(said.contains("requests were folded since then"), "{said}");
    }
    access.run_embedded(&["validate", "--worktree"]).ends(0);
}
