//! A form that somebody filled in becomes a pull request with one request in it, or nothing at all.

use super::runner::{Api, Job};
use super::{city, yaml};
use crate::authoring::{files, judged};
use crate::bed::{Access, Ran};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

/// A form as GitHub sends it.
fn form(answers: &[(&str, &str)]) -> String {
    answers
        .iter()
        .map(|(label, answer)| format!("### {label}\n\n{answer}\n\n"))
        .collect()
}

fn new_hire() -> Vec<(&'static str, &'static str)> {
    vec![
        ("New hire: given name", "Ana"),
        ("Family name", "Ruiz"),
        ("Employee number", "001299"),
        ("Handle of somebody who comes back", "_No response_"),
        ("Type", "employee"),
        ("Organization", "Information Technology Services (its)"),
        ("Supervisor", "noor.haddad"),
        ("Job title", "GIS Analyst"),
        ("Profiles", "GIS analyst (its.gis-analyst)"),
        ("First day", "2099-01-04"),
        ("Last day", "_No response_"),
        ("Further access", "arcgis-pro"),
        ("Reason", "new-position"),
        ("Office phone (officePhone)", "812-555-0117"),
        ("Public phone (publicPhone)", "812-555-0114"),
    ]
}

fn event(author: &str, body: &str) -> Value {
    json!({"action": "opened", "sender": {"login": author},
        "issue": {"number": 12, "user": {"login": author}, "body": body, "title": "$(id) ${{ x }}"}})
}

fn gitlab_event(author: &str, body: &str) -> Value {
    json!({"object_kind": "issue", "user": {"id": 3, "username": author},
        "object_attributes": {"action": "open", "iid": 12, "author_id": 3, "description": body}})
}

/// Writes a file beside the repository.
fn beside(access: &Access, name: &str, bytes: &[u8]) -> PathBuf {
    let path = access.repository().parent().unwrap().join(name);
    fs::write(&path, bytes).unwrap();
    path
}

fn submit(access: &Access, author: &str, body: &[u8]) -> Ran {
    let body = beside(access, "body.md", body);
    let body = body.to_str().unwrap();
    access.run_embedded(&[
        "request",
        "from-form",
        "--forge",
        "github",
        "--author",
        author,
        "--body",
        body,
    ])
}

#[test]
fn each_forges_form_becomes_a_pull_request_by_its_author() {
    for forge in super::FORGES {
        let access = city();
        let remote = tempfile::tempdir().unwrap();
        let bare = remote.path().join("access.git");
        access.git(&["clone", "--quiet", "--bare", ".", bare.to_str().unwrap()]);
        access.git(&[
            "--git-dir",
            bare.to_str().unwrap(),
            "config",
            "receive.advertisePushOptions",
            "true",
        ]);
        let checkout = remote.path().join("checkout");
        access.git(&[
            "clone",
            "--quiet",
            bare.to_str().unwrap(),
            checkout.to_str().unwrap(),
        ]);
        let api = Api::answering(&[]);
        let body = form(&new_hire());
        let told = match forge {
            "gitlab" => gitlab_event("noorh", &body),
            _ => event("noorh", &body),
        };
        let told = beside(&access, "event.json", told.to_string().as_bytes());
        let job = Job::new(checkout.clone())
            .knows(&[
                ("github.event.issue.number", "12"),
                (
                    "secrets.COUNTERSIGN_REQUEST_TOKEN || github.token",
                    "secret-token",
                ),
                ("secrets.COUNTERSIGN_FORGE_TOKEN", "secret-token"),
                ("github.token", "secret-token"),
            ])
            .has(&[
                ("GITHUB_EVENT_PATH", told.to_str().unwrap()),
                ("GITHUB_API_URL", &api.url),
                ("GITHUB_REPOSITORY", "city/access"),
                ("GITHUB_SERVER_URL", "https://git.example"),
                ("GITHUB_RUN_ID", "7"),
                ("GITHUB_RUN_NUMBER", "7"),
                ("TRIGGER_PAYLOAD", told.to_str().unwrap()),
                ("COUNTERSIGN_FORGE_TOKEN", "secret-token"),
                ("CI_SERVER_HOST", "git.example"),
                ("CI_SERVER_PORT", "443"),
                ("CI_PROJECT_PATH", "city/access"),
            ]);
        let log: String = if forge == "gitlab" {
            let real = format!("url.{}.insteadOf", bare.display());
            let job = job.has(&[
                ("GIT_CONFIG_COUNT", "1"),
                ("GIT_CONFIG_KEY_0", &real),
                (
                    "GIT_CONFIG_VALUE_0",
                    "https://oauth2:secret-token@git.example:443/city/access.git",
                ),
            ]);
            let ran = job.run_lines(
                &yaml(&checkout.join(".gitlab-ci.yml")),
                "countersign:request",
            );
            assert_eq!(ran.code, 0, "{ran:?}");
            format!("{}{}", ran.out, ran.err)
        } else {
            let path = format!(".{forge}/workflows/countersign-request.yml");
            let ran = job.run(&yaml(&checkout.join(path)), "request");
            assert!(ran.iter().all(|s| s.code == 0), "{ran:#?}");
            let asked = api.asked();
            assert_eq!(asked.len(), 1, "{asked:?}");
            assert_eq!(asked[0].line, "POST /repos/city/access/pulls HTTP/1.1");
            assert!(asked[0].headers.contains("secret-token"));
            let sent: Value = serde_json::from_str(&asked[0].body).unwrap();
            assert_eq!(sent["head"], "request/form-12");
            assert_eq!(sent["base"], "main");
            assert!(
                sent["body"].as_str().unwrap().contains("Closes #12"),
                "{sent}"
            );
            ran.iter().map(|s| format!("{}{}", s.out, s.err)).collect()
        };
        assert!(!log.contains("secret-token"), "{log}");
        let bare = bare.to_str().unwrap();
        let changed = access.git(&[
            "--git-dir",
            bare,
            "diff",
            "--name-status",
            "main",
            "request/form-12",
        ]);
        assert_eq!(
            changed, "A\trequests/2099-01-04-new-hire-ana.ruiz.yaml\n",
            "{forge}"
        );
        let text = access.git(&[
            "--git-dir",
            bare,
            "show",
            "request/form-12:requests/2099-01-04-new-hire-ana.ruiz.yaml",
        ]);
        let request = judged(&text, None);
        assert_eq!(request["spec"]["requestedBy"], "noor.haddad");
        assert_eq!(request["spec"]["subject"], "ana.ruiz");
        assert_eq!(request["spec"]["set"]["employeeNumber"], "001299");
        assert_eq!(request["spec"]["set"]["organization"], "its");
        assert_eq!(
            request["spec"]["profiles"]["add"],
            json!(["its.gis-analyst"])
        );
        assert_eq!(request["spec"]["answers"]["officePhone"], "812-555-0117");
        assert_eq!(
            request["spec"]["access"]["add"][0]["resource"],
            "arcgis-pro"
        );
    }
}

#[test]
fn a_form_says_the_same_as_the_command() {
    type Answers = Vec<(&'static str, &'static str)>;
    let cases: [(Answers, Vec<&str>); 3] = [
        (
            new_hire(),
            vec![
                "new-hire",
                "--given-name=Ana",
                "--family-name=Ruiz",
                "--employee-number=001299",
                "--type=employee",
                "--organization=its",
                "--supervisor=noor.haddad",
                "--title=GIS Analyst",
                "--profile=its.gis-analyst",
                "--effective=2099-01-04",
                "--access=arcgis-pro",
                "--reason=new-position",
                "--answer=officePhone=812-555-0117",
                "--answer=publicPhone=812-555-0114",
            ],
        ),
        (
            vec![
                ("Change: user", "maria.lopez"),
                ("From when on", "2099-02-01T08:00"),
                ("Until when it holds", "2099-03-01"),
                ("New job title", "Planner: \"senior\" #1"),
                ("New organization", "Fire (fire)"),
                ("Access to give", "ureport:staff, arcgis-pro"),
                ("Reason", "transfer"),
            ],
            vec![
                "change",
                "maria.lopez",
                "--effective=2099-02-01T08:00",
                "--until=2099-03-01",
                "--title=Planner: \"senior\" #1",
                "--organization=fire",
                "--add-access=ureport:staff",
                "--add-access=arcgis-pro",
                "--reason=transfer",
            ],
        ),
        (
            vec![
                ("Termination: user", "maria.lopez"),
                ("From when on they have left", "2099-01-31T17:00"),
                ("Reason", "resigned"),
                ("It cannot wait", "yes"),
            ],
            vec![
                "terminate",
                "maria.lopez",
                "--effective=2099-01-31T17:00",
                "--reason=resigned",
                "--urgent",
            ],
        ),
    ];
    for (answers, arguments) in cases {
        let by_form = city();
        submit(&by_form, "NOORH", form(&answers).as_bytes()).ends(0);
        let by_hand = city();
        let mut command = vec!["request"];
        command.extend(&arguments);
        command.push("--requested-by=noor.haddad");
        by_hand.run_embedded(&command).ends(0);
        let requests = |access: &Access| -> BTreeMap<String, String> {
            let all = files(access).into_iter();
            all.filter(|(path, _)| path.starts_with("requests/"))
                .collect()
        };
        let (formed, written) = (requests(&by_form), requests(&by_hand));
        assert_eq!(formed, written);
        assert_eq!(formed.len(), 1);
    }
}

#[test]
fn line_ends_remarks_and_blanks_around_an_answer_mean_nothing() {
    let access = city();
    let body = form(&new_hire())
        .replace('\n', "\r\n")
        .replace("\r\n\r\nAna", "\r\n\r\n  Ana\t");
    let body = format!("\u{feff}<!-- a remark -->\r\n\r\n{body}<!-- another -->\r\n");
    submit(&access, "noorh", body.as_bytes()).ends(0);
    let text = super::read(&access, "requests/2099-01-04-new-hire-ana.ruiz.yaml");
    assert!(
        text.contains("givenName: Ana") && !text.contains('\r'),
        "{text}"
    );
}

/// Refused, with these words and without a file.
#[track_caller]
fn refused(access: &Access, author: &str, body: &[u8], words: &str) {
    let before = files(access);
    let ran = submit(access, author, body).ends(1);
    assert!(ran.err.contains(words), "{words:?} is not in {}", ran.err);
    assert!(
        !ran.err.contains("--given-name") && !ran.err.contains("--effective"),
        "{}",
        ran.err
    );
    assert_eq!(ran.out, "");
    assert_eq!(files(access), before);
}

#[test]
fn a_form_is_refused_where_its_author_is_not_one_active_user() {
    let access = city();
    let body = form(&new_hire());
    for author in ["mallory", "", "noor.haddad", "noorh\n", "../dana", "*"] {
        refused(&access, author, body.as_bytes(), "no active user has it");
    }
    access.edit(
        "users/dana.reyes.yaml",
        "github: dana-reyes",
        "github: noorh",
    );
    refused(
        &access,
        "noorh",
        body.as_bytes(),
        "more than one user has it",
    );
    let gone = city();
    gone.edit(
        "users/noor.haddad.yaml",
        "spec:\n",
        "spec:\n  state: suspended\n",
    );
    refused(&gone, "noorh", body.as_bytes(), "no active user has it");
}

#[test]
fn an_issue_that_was_edited_or_opened_for_somebody_else_is_not_read() {
    let access = city();
    let before = files(&access);
    let mut edited = event("noorh", &form(&new_hire()));
    edited["action"] = json!("edited");
    let mut other = event("noorh", &form(&new_hire()));
    other["sender"]["login"] = json!("mallory");
    for told in [edited, other] {
        let told = beside(&access, "event.json", told.to_string().as_bytes());
        let told = told.to_str().unwrap();
        access
            .run_embedded(&["request", "from-form", "--forge", "github", "--event", told])
            .ends(1);
    }
    assert_eq!(files(&access), before);
}

#[test]
fn what_is_no_form_is_nobodys_fault() {
    let access = city();
    let before = files(&access);
    for body in [
        "",
        "hello",
        "### Something else\n\nx\n",
        "# New hire: given name\n\nAna\n",
        "---\nkind: Request\n",
    ] {
        let ran = submit(&access, "mallory", body.as_bytes()).ends(0);
        assert_eq!(ran.out, "");
        assert!(ran.err.contains("nothing to do"), "{}", ran.err);
    }
    assert_eq!(files(&access), before);
}

#[test]
fn hostile_answers_are_refused_or_are_just_text() {
    let with = |label: &str, answer: &str| {
        let mut answers = new_hire();
        answers.iter_mut().find(|(l, _)| *l == label).unwrap().1 =
            Box::leak(answer.to_owned().into_boxed_str());
        form(&answers)
    };
    let access = city();
    for (label, answer, words) in [
        (
            "Family name",
            "Ruiz\nrequestedBy: dana.reyes",
            "must be one line",
        ),
        ("Family name", "Ruiz\n---\nkind: Policy", "must be one line"),
        (
            "Family name",
            "Ruiz\n\n### Supervisor\n\ndana.reyes",
            "stands there twice",
        ),
        (
            "Family name",
            "Ruiz\n\n### Requested by\n\ndana.reyes",
            "no heading `Requested by`",
        ),
        ("Family name", "Ru\u{202e}iz", "nobody can see"),
        ("Family name", "Ru\u{200b}iz", "nobody can see"),
        ("Family name", "Ru\u{0}iz", "nobody can see"),
        ("Type", "root", "none of the choices"),
        ("Organization", "Nowhere (its)", "none of the choices"),
        (
            "Profiles",
            "GIS analyst (its.gis-analyst), --requested-by=dana.reyes",
            "none of the choices",
        ),
        ("Supervisor", "../../etc/passwd", "Supervisor"),
        ("Supervisor", "--requested-by=dana.reyes", "Supervisor"),
        (
            "Handle of somebody who comes back",
            "--branch=main",
            "Handle of somebody who comes back",
        ),
        ("First day", "--urgent", "First day"),
        ("First day", "today; rm -rf /", "First day"),
        ("Last day", "$(id)", "Last day"),
        (
            "Further access",
            "countersign:administrator --requested-by=dana.reyes",
            "Further access",
        ),
        ("Reason", "because of `id`", "Reason"),
        (
            "Office phone (officePhone)",
            "_No response_",
            "Office phone",
        ),
        ("Office phone (officePhone)", "call me", "Office phone"),
        (
            "New hire: given name",
            "_No response_",
            "`New hire: given name` is missing",
        ),
    ] {
        refused(&access, "noorh", with(label, answer).as_bytes(), words);
    }
    refused(
        &access,
        "noorh",
        &[b"### New hire: given name\n\n".as_slice(), &[0xff, 0xfe]].concat(),
        "not UTF-8",
    );
    let long = with("Job title", &"x".repeat(1 << 20));
    refused(&access, "noorh", long.as_bytes(), "longer than");
    let long = with("Job title", &"x".repeat(501));
    refused(&access, "noorh", long.as_bytes(), "at most 500 characters");
    for title in [
        "{{ user.password }} ${{ secrets.TOKEN }}",
        "\"; kind: Policy #",
        "'$(id)' `id` & | > < \\ % !",
        "- [x] *anchor &anchor !!tag",
        "null",
        "yes",
        "0x1F",
        "<script>alert(1)</script> @everyone",
    ] {
        let access = city();
        let body = with("Job title", title);
        let told = beside(
            &access,
            "event.json",
            event("noorh", &body).to_string().as_bytes(),
        );
        let ran = access.run_embedded(&[
            "request",
            "from-form",
            "--forge",
            "github",
            "--event",
            told.to_str().unwrap(),
        ]);
        let text = super::read(
            &access,
            ran.ends(0)
                .out
                .lines()
                .next()
                .unwrap()
                .rsplit_once("access/")
                .unwrap()
                .1,
        );
        let request = judged(&text, None);
        assert_eq!(request["spec"]["set"]["title"], title);
        assert_eq!(request["spec"]["requestedBy"], "noor.haddad");
    }
}

#[test]
fn whoever_is_refused_is_told_where_to_read_why() {
    let access = city();
    for forge in ["github", "forgejo"] {
        let api = Api::answering(&[]);
        let told = event("mallory", &form(&new_hire())).to_string();
        let told = beside(&access, "event.json", told.as_bytes());
        let job = Job::new(access.repository())
            .knows(&[
                ("github.event.issue.number", "12"),
                ("secrets.COUNTERSIGN_REQUEST_TOKEN || github.token", "t"),
                ("secrets.COUNTERSIGN_FORGE_TOKEN", "t"),
                ("github.token", "t"),
            ])
            .has(&[
                ("GITHUB_EVENT_PATH", told.to_str().unwrap()),
                ("GITHUB_API_URL", &api.url),
                ("GITHUB_REPOSITORY", "city/access"),
                ("GITHUB_SERVER_URL", "https://git.example"),
                ("GITHUB_RUN_ID", "7"),
                ("GITHUB_RUN_NUMBER", "7"),
            ]);
        let path = format!(".{forge}/workflows/countersign-request.yml");
        let ran = job.run(&yaml(&access.repository().join(path)), "request");
        assert_eq!(ran.iter().filter(|s| s.code != 0).count(), 1, "{ran:#?}");
        let asked = api.asked();
        assert_eq!(asked.len(), 1, "{asked:?}");
        assert_eq!(
            asked[0].line,
            "POST /repos/city/access/issues/12/comments HTTP/1.1"
        );
        let sent: Value = serde_json::from_str(&asked[0].body).unwrap();
        assert!(
            sent["body"]
                .as_str()
                .unwrap()
                .contains("https://git.example/city/access/actions/runs/7"),
            "{sent}"
        );
    }
}
