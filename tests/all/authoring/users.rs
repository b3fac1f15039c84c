//! `user clone | activate | deactivate`, and that nobody is deleted.

use super::{refuses, writes, writes_one};
use crate::bed::Access;
use serde_json::json;

#[test]
fn a_leave_of_absence_begins_and_ends() {
    let access = Access::example("white-glove");
    access.git(&["config", "user.email", "LUCY@seko.example"]);
    let (path, request) = writes_one(
        &access,
        &[
            "user",
            "deactivate",
            "kim",
            "--effective",
            "2099-01-04",
            "--until",
            "2099-03-01",
            "--reason",
            "parental-leave",
        ],
    );
    assert_eq!(path, "requests/2099-01-04-suspend-kim.yaml");
    assert_eq!(
        request["spec"],
        json!({
            "action": "Suspend", "requestedBy": "lucy", "subject": "kim", "effective": "2099-01-04",
            "until": "2099-03-01", "reason": "parental-leave",
        })
    );
    let (path, request) = writes_one(
        &access,
        &["user", "activate", "kim", "--effective", "2099-02-01"],
    );
    assert_eq!(path, "requests/2099-02-01-resume-kim.yaml");
    assert_eq!(request["spec"]["action"], "Resume");
    access.commit("Leave");
    for (at, state) in [
        ("2099-01-03", "active"),
        ("2099-01-04", "suspended"),
        ("2099-02-01", "active"),
    ] {
        let listed = access.run_embedded(&[
            "user", "list", "--at", at, "--search", "kim", "--format", "json",
        ]);
        assert_eq!(listed.ends(0).json()[0]["state"], state, "{at}");
    }
}

#[test]
fn who_has_not_started_is_not_on_leave() {
    let access = Access::example("white-glove");
    let kim = "  givenName: Kim\n";
    access.edit(
        "users/kim.yaml",
        kim,
        &format!("{kim}  startDate: \"2099-01-04\"\n"),
    );
    access.commit("Kim is to come");
    let listed = |state: &str, at: &str| {
        let arguments = [
            "user", "list", "--state", state, "--at", at, "--format", "json",
        ];
        let listed = access.run_embedded(&arguments).ends(0).json();
        let listed = listed.as_array().unwrap().iter();
        listed
            .map(|row| format!("{} {}", row["id"], row["state"]))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        listed("not-yet-here", "2099-01-03"),
        [r#""kim" "not-yet-here""#]
    );
    assert_eq!(listed("suspended", "2099-01-03"), [""; 0]);
    assert_eq!(listed("not-yet-here", "2099-01-04"), [""; 0]);
    for (command, at, state) in [
        ("explain", "2099-01-03", "not-yet-here"),
        ("explain", "2099-01-04", "active"),
    ] {
        let said = access.run_embedded(&[command, "kim", "--at", at]).ends(0);
        assert!(said.out.contains(state), "{}", said.out);
    }
    let shown = access.run_embedded(&["user", "show", "kim", "--at", "2099-01-03"]);
    assert!(shown.ends(0).out.contains("not-yet-here"));
}

#[test]
fn a_clone_copies_the_job_and_not_the_person() {
    let access = Access::example("bloomington");
    access.edit(
        "users/maria.lopez.yaml",
        "spec:\n",
        "spec:\n  contact: {phone: 812-349-0001}\n  title: Clerk\n",
    );
    let original = super::judged(
        &super::files(&access)["users/maria.lopez.yaml"],
        Some(&String::new()),
    );
    let ran = access
        .run_embedded(&[
            "user",
            "show",
            "maria.lopez",
            "--worktree",
            "--format",
            "json",
        ])
        .ends(0);
    let written = writes(
        &access,
        &[
            "user",
            "clone",
            "maria.lopez",
            "--as",
            "Ana María Ruiz",
            "--employee-number",
            "002001",
            "--answer",
            "officePhone=812-555-0119",
            "--answer",
            "publicPhone=812-555-0120",
            "--start-date",
            "2099-02-01",
        ],
    );
    assert_eq!(written.len(), 1, "{written:?}");
    let (path, user) = &written[0];
    assert_eq!(path, "users/ana.maria-ruiz.yaml");
    let (spec, old) = (&user["spec"], &original["spec"]);
    for same in ["type", "organization", "supervisor", "profiles"] {
        assert_eq!(spec[same], old[same], "{same}");
    }
    assert_eq!(spec["givenName"], "Ana");
    assert_eq!(spec["familyName"], "María Ruiz");
    assert_eq!(spec["employeeNumber"], "002001");
    assert_eq!(
        spec["answers"],
        json!({"officePhone": "812-555-0119", "publicPhone": "812-555-0120"})
    );
    for never in [
        "contact",
        "title",
        "login",
        "mail",
        "credentials",
        "account",
        "attributes",
        "displayName",
    ] {
        assert!(spec.get(never).is_none(), "{never}");
    }
    assert_eq!(ran.json()[0]["id"], "maria.lopez");
}

#[test]
fn what_a_clone_leaves_out_is_said() {
    let access = Access::example("clear-my-record");
    access.git(&["config", "user.email", "ben.golder@codeforamerica.example"]);
    access.edit(
        "identities/rosa.delgado.yaml",
        "  scopes:\n",
        "  # for a time\n  scopes:\n",
    );
    let ran = access.run_embedded(&[
        "user",
        "clone",
        "rosa.delgado",
        "--as",
        "luz.ortega",
        "--contact-mail",
        "luz@monterey.example",
    ]);
    let ran = ran.ends(0);
    assert!(
        ran.err
            .contains("role clear-my-record.performance_monitors of identity"),
        "{}",
        ran.err
    );
    assert!(ran.err.contains("is deprecated"), "{}", ran.err);
    let identity = &super::files(&access)["identities/luz.ortega.clear-my-record.member.yaml"];
    assert!(!identity.contains("performance_monitors"), "{identity}");
    assert!(identity.contains("monterey_pubdef"), "{identity}");
    // An administrator's clone administers nothing.
    let ran = access
        .run_embedded(&[
            "user",
            "clone",
            "ben.golder",
            "--as",
            "Sam Poe",
            "--answer",
            "githubLogin=sampoe",
            "--employee-number",
            "9001",
        ])
        .ends(0);
    assert!(
        ran.err
            .contains("access to countersign administrator: administers"),
        "{}",
        ran.err
    );
    let user = &super::files(&access)["users/sam.poe.yaml"];
    assert!(
        !user.contains("administrator") && !user.contains("signingKeys"),
        "{user}"
    );
}

#[test]
fn a_clone_is_somebody_new() {
    let access = Access::example("white-glove");
    refuses(&access, 64, &["user", "clone", "jack", "--as", "simon"]);
    refuses(&access, 64, &["user", "clone", "jacques", "--as", "simone"]);
    refuses(&access, 64, &["user", "clone", "jack", "--as", "?!"]);
    let ran = refuses(
        &access,
        1,
        &[
            "user",
            "clone",
            "jack",
            "--as",
            "simone",
            "--mail",
            "jack@room.example",
        ],
    );
    assert!(ran.err.contains("login-taken"), "{}", ran.err);
}

#[test]
fn of_who_has_left_nothing_is_said_to_be_kept_from_them() {
    let access = Access::example("bloomington");
    let explained = || {
        let ran = access.run_embedded(&["explain", "walter.nguyen", "--worktree"]);
        ran.ends(0).out
    };
    assert!(explained().contains("is the higher one"));
    access.edit(
        "users/walter.nguyen.yaml",
        "  type: employee\n",
        "  type: employee\n  state: left\n",
    );
    let left = explained();
    assert!(!left.contains("is the higher one"), "{left}");
}

#[test]
fn nobody_is_deleted_and_help_says_why() {
    let access = Access::example("white-glove");
    let ran = access.run_embedded(&["user", "delete", "kim"]).ends(64);
    assert_eq!(ran.out, "");
    let help = access
        .run_embedded(&["user", "--help"])
        .ends(0)
        .out
        .replace('\n', " ");
    assert!(help.contains("There is no `user delete`"), "{help}");
    assert!(help.contains("request terminate"), "{help}");
}
