//! `request new-hire | change | terminate`, by flags.

use super::{refuses, writes_one};
use crate::bed::Access;
use serde_json::json;

const HIRE: [&str; 26] = [
    "request",
    "new-hire",
    "--given-name",
    "Zoë",
    "--family-name",
    "O'Brien",
    "--employee-number",
    "001299",
    "--type",
    "employee",
    "--organization",
    "its",
    "--profile",
    "its.gis-analyst",
    "--effective",
    "2099-02-01",
    "--title",
    "Yes",
    "--supervisor",
    "noor.haddad",
    "--reason",
    "new-position",
    "--answer",
    "officePhone=812-555-0117",
    "--answer",
    "publicPhone=812-555-0118",
];

fn hire(more: &[&'static str]) -> Vec<&'static str> {
    HIRE.iter().chain(more).copied().collect()
}

#[test]
fn a_new_hire_is_written_as_it_was_said() {
    let access = Access::example("bloomington");
    let (path, request) = writes_one(
        &access,
        &hire(&[
            "--access",
            "arcgis-pro@2099-03-01",
            "--until",
            "2099-12-31",
            "--phone",
            "812",
            "--middle-name",
            "no",
        ]),
    );
    assert_eq!(path, "requests/2099-02-01-new-hire-zoe.obrien.yaml");
    assert_eq!(
        request,
        json!({
            "apiVersion": "countersign/v1",
            "kind": "Request",
            "metadata": {"name": "2099-02-01-new-hire-zoe.obrien"},
            "spec": {
                "action": "Activate", "requestedBy": "dana.reyes", "subject": "zoe.obrien",
                "effective": "2099-02-01", "until": "2099-12-31", "reason": "new-position",
                "set": {
                    "givenName": "Zoë", "middleName": "no", "familyName": "O'Brien", "employeeNumber": "001299",
                    "type": "employee", "organization": "its", "title": "Yes", "supervisor": "noor.haddad",
                    "contact": {"phone": "812"},
                },
                "profiles": {"add": ["its.gis-analyst"]},
                "access": {"add": [{"resource": "arcgis-pro", "until": "2099-03-01"}]},
                "answers": {"officePhone": "812-555-0117", "publicPhone": "812-555-0118"},
            },
        })
    );
    // The next of that name is somebody else, unless it is said who.
    let (path, _) = writes_one(
        &access,
        &hire(&["--employee-number=1"])
            .iter()
            .map(|a| if *a == "001299" { "001300" } else { a })
            .filter(|a| *a != "--employee-number=1")
            .collect::<Vec<_>>(),
    );
    assert_eq!(path, "requests/2099-02-01-new-hire-zoe.obrien-2.yaml");
}

#[test]
fn a_supervisor_who_has_left_by_then_is_told() {
    let access = Access::example("bloomington");
    access.edit(
        "users/noor.haddad.yaml",
        "spec:\n",
        "spec:\n  endDate: 2099-01-31\n",
    );
    access.commit("Noor leaves");
    let ran = access.run_embedded(&HIRE).ends(0);
    let told = "warning[names-leaver]: `zoe.obrien` reports to `noor.haddad`, who has left\n  --> requests/2099-02-01-new-hire-zoe.obrien.yaml:";
    assert!(ran.err.contains(told), "{}", ran.err);
}

#[test]
fn whatever_is_missing_in_a_pipe_is_named_and_nothing_is_written() {
    let access = Access::example("bloomington");
    let ran = refuses(
        &access,
        64,
        &["request", "new-hire", "--profile", "its.gis-analyst"],
    );
    for flag in [
        "--given-name",
        "--type",
        "--organization",
        "--effective",
        "--answer publicPhone",
        "--answer officePhone",
    ] {
        assert!(ran.err.contains(flag), "{flag} is not in {}", ran.err);
    }
    assert!(!ran.err.contains("--title"), "{}", ran.err);
    let ran = refuses(
        &access,
        64,
        &["request", "change", "maria.lopez", "--title", "x"],
    );
    assert!(ran.err.contains("--effective"), "{}", ran.err);
    let ran = refuses(
        &access,
        64,
        &[
            "request",
            "terminate",
            "maria.lopez",
            "--effective",
            "2099-01-01",
        ],
    );
    assert!(ran.err.contains("--reason"), "{}", ran.err);
    let ran = refuses(
        &access,
        64,
        &[
            "request",
            "change",
            "maria.lopez",
            "--effective",
            "2099-02-01",
        ],
    );
    assert!(ran.err.contains("say what changes"), "{}", ran.err);
    access.git(&["config", "user.email", "nobody@city.example"]);
    let ran = refuses(
        &access,
        64,
        &[
            "request",
            "terminate",
            "maria.lopez",
            "--effective",
            "2099-01-01",
            "--reason",
            "x",
        ],
    );
    assert!(ran.err.contains("--requested-by"), "{}", ran.err);
}

#[test]
fn an_answer_is_taken_as_validate_takes_it() {
    let access = Access::example("bloomington");
    let with = |from: &str, to: &'static str| -> Vec<&'static str> {
        HIRE.iter()
            .map(|a| if *a == from { to } else { a })
            .collect()
    };
    for (answer, why) in [
        ("officePhone=soon", "it must be a telephone number"),
        (
            "officePhone=812-555-01170",
            "it must match `[0-9]{3}-[0-9]{3}-[0-9]{4}`",
        ),
        ("offisPhone=812-555-0117", "did you mean `officePhone`?"),
    ] {
        let ran = refuses(&access, 64, &with("officePhone=812-555-0117", answer));
        assert!(ran.err.contains(why), "{}", ran.err);
    }
    // Every one that will not do is told.
    let more = [
        "--answer",
        "publicPhone=later",
        "--answer",
        "offisPhone=812-555-0117",
    ];
    let begin = with("officePhone=812-555-0117", "officePhone=soon");
    let ran = refuses(&access, 64, &[&begin[..], &more].concat());
    for why in [
        "--answer officePhone=…: it must be a telephone number",
        "--answer publicPhone=…: it must be a telephone number",
        "--answer offisPhone=…: there is no question `offisPhone`; did you mean `officePhone`?",
    ] {
        assert!(ran.err.contains(why), "{}", ran.err);
    }
    // The same mistake in a file is the same mistake.
    let (path, _) = writes_one(&access, &HIRE);
    access.edit(&path, "812-555-0117", "soon");
    let ran = access.run_embedded(&["validate", "--worktree"]).ends(1);
    assert!(
        ran.out.contains("it must be a telephone number"),
        "{}",
        ran.out
    );
}

#[test]
fn what_would_not_be_right_is_shown_and_not_written() {
    let access = Access::example("bloomington");
    let change = |more: &[&'static str]| -> Vec<&'static str> {
        let begin = [
            "request",
            "change",
            "maria.lopez",
            "--effective",
            "2099-02-01",
        ];
        begin.iter().chain(more).copied().collect()
    };
    for (arguments, code) in [
        (change(&["--organization", "nowhere"]), "unknown-reference"),
        (
            change(&["--add-access", "arcgis-pro:nothing"]),
            "unknown-level",
        ),
        (change(&["--title", "a\nb"]), "field-value"),
        (change(&["--given-name", "a\u{7}b"]), "bad-value"),
        (
            change(&["--until", "2099-01-01", "--title", "x"]),
            "request-contradiction",
        ),
        (
            vec![
                "request",
                "new-hire",
                "--name",
                "maria.lopez",
                "--effective",
                "2099-02-01",
            ],
            "request-contradiction",
        ),
        (
            vec!["user", "activate", "maria.lopez"],
            "request-without-effect",
        ),
    ] {
        let ran = refuses(&access, 1, &arguments);
        assert!(ran.err.contains(code), "{code} is not in {}", ran.err);
    }
    for arguments in [
        change(&["--effective-at", "x"]),
        vec![
            "request",
            "change",
            "maria.lopes",
            "--title",
            "x",
            "--effective",
            "2099-02-01",
        ],
        vec![
            "request",
            "change",
            "maria.lopez",
            "--title",
            "x",
            "--effective",
            "2099-02-30",
        ],
        vec![
            "request",
            "change",
            "maria.lopez",
            "--title",
            "x",
            "--effective",
            "soon",
        ],
        vec![
            "request",
            "terminate",
            "maria.lopez",
            "--effective",
            "2099-02-01",
            "--reason",
            "Not a code",
        ],
        change(&[
            "--replace-profiles",
            "its.staff",
            "--add-profile",
            "its.staff",
        ]),
        change(&["--field", "arcgis-pro:seat=1"]),
    ] {
        refuses(&access, 64, &arguments);
    }
}

#[test]
fn a_change_says_all_that_can_change() {
    let access = Access::example("bloomington");
    let (path, request) = writes_one(
        &access,
        &[
            "request",
            "change",
            "maria.lopez",
            "--effective",
            "2099-02-01T08:00",
            "--family-name",
            "Lopez-Smith",
            "--title",
            "Planner",
            "--organization",
            "planning-and-transportation",
            "--supervisor",
            "sam.okafor",
            "--phone",
            "812-349-0002",
            "--replace-profiles",
            "planning.planner",
            "--keep-until",
            "2099-03-01",
            "--add-access",
            "ureport:public@2099-04-01",
            "--reason",
            "transfer",
            "--requested-by",
            "sam.okafor",
            "--answer",
            "officePhone=812-349-0002",
            "--attribute",
            "businessCategory=Planning",
            "--notifications",
            "off",
        ],
    );
    assert_eq!(path, "requests/2099-02-01-change-maria.lopez.yaml");
    assert_eq!(
        request["spec"],
        json!({
            "action": "Change", "requestedBy": "sam.okafor", "subject": "maria.lopez",
            "effective": "2099-02-01T08:00", "reason": "transfer",
            "set": {
                "familyName": "Lopez-Smith", "title": "Planner", "organization": "planning-and-transportation",
                "supervisor": "sam.okafor", "contact": {"phone": "812-349-0002"}, "notifications": false,
                "attributes": {"businessCategory": "Planning"},
            },
            "profiles": {"replace": ["planning.planner"], "keepUntil": "2099-03-01"},
            "access": {"add": [{"resource": "ureport", "level": "public", "until": "2099-04-01"}]},
            "answers": {"officePhone": "812-349-0002"},
        })
    );
    // What is known of the contact is not lost by saying one number of it.
    let (_, request) = writes_one(
        &access,
        &[
            "request",
            "change",
            "maria.lopez",
            "--effective",
            "2099-03-01",
            "--mobile",
            "812-349-0009",
        ],
    );
    assert_eq!(
        request["spec"]["set"]["contact"],
        json!({"phone": "812-349-0002", "mobile": "812-349-0009"})
    );
}

#[test]
fn a_termination_that_cannot_wait_is_of_now() {
    let access = Access::example("bloomington");
    let (_, request) = writes_one(
        &access,
        &[
            "request",
            "terminate",
            "maria.lopez",
            "--urgent",
            "--reason",
            "dismissed",
        ],
    );
    let spec = &request["spec"];
    assert_eq!(
        (&spec["urgent"], &spec["action"], &spec["reason"]),
        (&json!(true), &json!("Terminate"), &json!("dismissed"))
    );
    // A minute or two ago, in the time zone of the repository.
    access.commit("Urgent");
    let listed = access
        .run_embedded(&["user", "list", "--state", "left", "--format", "json"])
        .ends(0)
        .json();
    assert!(
        listed
            .as_array()
            .unwrap()
            .iter()
            .any(|user| user["id"] == "maria.lopez"),
        "{listed}"
    );
    // And back again: the same person, by an Activate.
    let ran = refuses(&access, 1, &["user", "activate", "maria.lopez"]);
    assert!(
        ran.err.contains("request new-hire --name maria.lopez"),
        "{}",
        ran.err
    );
    let (path, request) = writes_one(
        &access,
        &[
            "request",
            "new-hire",
            "--name",
            "maria.lopez",
            "--effective",
            "2099-02-01",
        ],
    );
    assert_eq!(path, "requests/2099-02-01-rehire-maria.lopez.yaml");
    assert_eq!(request["spec"]["action"], "Activate");
    assert!(request["spec"].get("set").is_none());
}

#[test]
fn requests_go_where_the_repository_keeps_them() {
    let access = Access::example("bloomington");
    let text = "# yaml-language-server: $schema=../../../../schema/request.json\napiVersion: countersign/v1\nkind: Request\nmetadata: {name: r}\nspec:\n  action: Change\n  requestedBy: dana.reyes\n  subject: maria.lopez\n  effective: \"2099-01-01\"\n  set: {title: Planner}\n";
    access.write("people/asked/r.yaml", text);
    access.write(
        "people/asked/2099-02-01-change-maria.lopez.yaml",
        &text
            .replace("name: r}", "name: s}")
            .replace("2099-01-01", "2099-01-02")
            .replace("Planner", "Clerk"),
    );
    let (path, _) = writes_one(
        &access,
        &[
            "request",
            "change",
            "maria.lopez",
            "--effective",
            "2099-02-01",
            "--title",
            "Clerk II",
        ],
    );
    assert_eq!(path, "people/asked/2099-02-01-change-maria.lopez-2.yaml");
    let text = super::files(&access).remove(&path).unwrap();
    assert!(
        text.starts_with("# yaml-language-server: $schema=../../../../schema/request.json\n"),
        "{text}"
    );
}

#[test]
fn in_a_repository_of_init_the_first_request_finds_its_place() {
    let access = Access::empty();
    let folder = access.repository();
    access
        .run_embedded(&["init", folder.to_str().unwrap()])
        .ends(0);
    access.write(
        "users/dana.reyes.yaml",
        "apiVersion: countersign/v1\nkind: User\nmetadata: {name: dana.reyes}\nspec: {givenName: Dana, familyName: Reyes, employeeNumber: \"1\", type: employee, organization: our-organization, access: [{resource: countersign, level: administrator}]}\n",
    );
    let (path, _) = writes_one(
        &access,
        &[
            "request",
            "new-hire",
            "--given-name",
            "Kim",
            "--family-name",
            "Lee",
            "--employee-number",
            "2",
            "--type",
            "employee",
            "--organization",
            "our-organization",
            "--effective",
            "2099-01-01",
            "--requested-by",
            "dana.reyes",
        ],
    );
    assert_eq!(path, "requests/2099-01-01-new-hire-kim.lee.yaml");
    let text = super::files(&access).remove(&path).unwrap();
    assert!(
        text.starts_with("# yaml-language-server: $schema=../.schema/request.json\n"),
        "{text}"
    );
    assert!(folder.join("requests/../.schema/request.json").exists());
}

#[test]
fn nobody_who_has_left_asks() {
    let access = Access::example("bloomington");
    let by = ["--effective", "2099-01-01", "--requested-by", "noor.haddad"];
    let change = ["request", "change", "walter.nguyen", "--title", "Chief"];
    let change = [&change[..], &by[..]].concat();
    access.edit(
        "users/noor.haddad.yaml",
        "  type: employee\n",
        "  type: employee\n  state: left\n",
    );
    let ran = refuses(&access, 64, &change);
    assert!(ran.err.contains("noor.haddad has left"), "{}", ran.err);
}
