//! Who there is, on the real binary: names that the record tells are those of the accounts, and names
//! that nothing tells are marked.

use crate::bed::{Access, Directory, Post};
use serde_json::{Value, json};

/// The city, brought about, where Dana's account was adopted under a name that no rule makes.
fn city() -> Access {
    let export = Access::export_text("bloomington");
    let export = export.replace("sAMAccountName: dana.reyes", "sAMAccountName: dreyes");
    let export = export.replace("dana.reyes@city.example", "dreyes@city.example");
    let access = Access::example("bloomington")
        .with_ldif(&export)
        .operated_by_anchor(&Directory::Ldif, &Post::Outbox);
    access.run(&["run", "--once"]).ends(0);
    // From here on there is the record, and no directory.
    std::fs::remove_file(access.ldif()).unwrap();
    access
}

fn dana(listed: &Value) -> Value {
    let mut rows = listed.as_array().unwrap().iter();
    let row = rows.find(|row| row["id"] == "dana.reyes").unwrap();
    json!([
        row["account"],
        row["logins"]["timetrack"],
        row["contact"]["mail"],
        row.get("provisional")
    ])
}

#[test]
fn the_names_of_an_account_are_those_the_record_tells() {
    let access = city();
    for arguments in [
        &["user", "show", "dana.reyes", "--format", "json"][..],
        &["user", "list", "--format", "json"],
    ] {
        let ran = access.run(arguments).ends(0);
        assert_eq!(
            dana(&ran.json()),
            json!(["dreyes", "dreyes", "dreyes@city.example", null]),
        );
        assert_eq!(ran.err, "");
    }
    let shown = access.run(&["user", "show", "dana.reyes"]).ends(0).out;
    for line in [
        "logins        dreyes\n",
        "contact       dreyes@city.example\n",
        "account       dreyes\n",
    ] {
        assert!(shown.contains(line), "{line:?} is not in {shown}");
    }
    let listed = access.run(&["user", "list", "--search", "dreyes", "--format", "csv"]);
    assert_eq!(listed.ends(0).out.lines().count(), 2);
}

#[test]
fn names_that_no_record_tells_are_marked() {
    let access = city();
    for arguments in [
        &["user", "show", "dana.reyes", "--format", "json"][..],
        &["user", "list", "--format", "json"],
    ] {
        let row = dana(&access.run_embedded(arguments).ends(0).json());
        assert_eq!(row[0], "dana.reyes");
        assert_eq!(
            row[3],
            json!([
                "account",
                "contact.mail",
                "logins.account-tracker",
                "logins.timetrack"
            ])
        );
    }
    let shown = access
        .run_embedded(&["user", "show", "dana.reyes"])
        .ends(0)
        .out;
    for line in [
        "contact       dana.reyes@city.example (provisional)\n",
        "account       dana.reyes (provisional)\n",
    ] {
        assert!(shown.contains(line), "{line:?} is not in {shown}");
    }
    // What the manifest says is no proposal.
    access.edit(
        "users/dana.reyes.yaml",
        "spec:\n",
        "spec:\n  login: dreyes\n  mail: dreyes@city.example\n",
    );
    let shown = access.run_embedded(&["user", "show", "dana.reyes", "--worktree"]);
    let shown = shown.ends(0).out;
    assert!(!shown.contains("(provisional)"), "{shown}");
}

#[test]
fn who_asks_is_known_by_the_address_that_the_record_tells() {
    let access = city();
    let change = [
        "request",
        "change",
        "maria.lopez",
        "--title",
        "Planner",
        "--effective",
        "2099-02-01",
    ];
    let ran = access.run(&change).ends(64);
    assert!(ran.err.contains("say --requested-by USER"), "{}", ran.err);
    access.git(&["config", "user.email", "dreyes@city.example"]);
    let ran = access.run(&change).ends(0);
    let text = std::fs::read_to_string(ran.out.trim()).unwrap();
    assert!(text.contains("requestedBy: dana.reyes\n"), "{text}");
}
