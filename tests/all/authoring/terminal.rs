//! `request new-hire` on a terminal: what is not said is asked, and asked again where it will not do.

use super::{files, judged};
use crate::bed::Access;
use serde_json::json;
use std::io::Write as _;
use std::process::{Command, Stdio};

/// Runs the program on a terminal of its own, with these lines typed.
fn typed(access: &Access, arguments: &str, lines: &str) -> (String, Option<i32>) {
    let program = env!("CARGO_BIN_EXE_countersign");
    let command = format!("{program} -C {} {arguments}", access.repository().display());
    let mut child = Command::new("script")
        .args(["--quiet", "--return", "--command", &command, "/dev/null"])
        .env("NO_COLOR", "1")
        .env_remove("COUNTERSIGN_OPERATOR")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    // End of input, as a person types it.
    input.write_all(format!("{lines}\u{4}").as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    drop(input);
    (
        String::from_utf8_lossy(&output.stdout).into_owned(),
        output.status.code(),
    )
}

#[test]
fn a_new_hire_is_asked_for_and_the_questions_of_the_profile_too() {
    let access = Access::example("bloomington");
    let lines = "\nZoë\nLi\n001299\nemploye\n\nitz\nits\n\nAnalyst\nits.gis-analist\nits.gis-analyst\n\n812-555-0118\n81\n812-555-0117\n2099-02-30\n2099-02-01\n";
    let (said, code) = typed(&access, "request new-hire --reason new-position", lines);
    assert_eq!(code, Some(0), "{said}");
    for words in [
        "Given name: ",
        "it is needed",
        "did you mean `its`?",
        "Supervisor [dana.reyes]",
        "did you mean `its.gis-analyst`?",
        "Public phone: ",
        "it must be a telephone number",
        "is not a date or time that exists",
    ] {
        assert!(said.contains(words), "{words:?} was not said: {said}");
    }
    let text = files(&access)
        .remove("requests/2099-02-01-new-hire-zoe.li.yaml")
        .unwrap();
    assert_eq!(
        judged(&text, None)["spec"],
        json!({
            "action": "Activate", "requestedBy": "dana.reyes", "subject": "zoe.li", "effective": "2099-02-01",
            "reason": "new-position",
            "set": {
                "givenName": "Zoë", "familyName": "Li", "employeeNumber": "001299", "type": "employee",
                "organization": "its", "title": "Analyst", "supervisor": "dana.reyes",
            },
            "profiles": {"add": ["its.gis-analyst"]},
            "answers": {"officePhone": "812-555-0117", "publicPhone": "812-555-0118"},
        })
    );
}

#[test]
fn answers_that_end_early_write_nothing() {
    let access = Access::example("bloomington");
    let before = files(&access);
    let (said, code) = typed(&access, "request new-hire", "Zoë\n");
    assert_eq!(code, Some(64), "{said}");
    assert!(said.contains("nothing was written"), "{said}");
    assert_eq!(files(&access), before);
}

#[test]
fn the_supervisor_that_is_offered_is_somebody_who_is_here() {
    let access = Access::example("bloomington");
    let leave = "spec: {action: Terminate, requestedBy: dana.reyes, subject: dana.reyes, effective: 2026-01-01}\n";
    access.write(
        "requests/leave.yaml",
        &format!("apiVersion: countersign/v1\nkind: Request\nmetadata: {{name: leave}}\n{leave}"),
    );
    let lines = "Zo\nLi\n001299\nemployee\nits\n";
    let (said, _) = typed(&access, "request new-hire", lines);
    assert!(said.contains("Supervisor (may be left out)"), "{said}");
    // Whoever leaves later is here until then.
    access.edit("requests/leave.yaml", "2026-01-01", "2099-03-01");
    for (effective, offered) in [
        ("2099-02-01", "[dana.reyes]"),
        ("2099-03-01", "(may be left out)"),
    ] {
        let command = format!("request new-hire --effective {effective}");
        let (said, _) = typed(&access, &command, lines);
        assert!(said.contains(&format!("Supervisor {offered}")), "{said}");
    }
}
