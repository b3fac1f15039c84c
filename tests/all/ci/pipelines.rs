//! Pipelines: what they may do, what they run, and what they say of a pull request.

use super::runner::{Api, Job, Step};
use super::{city, read, workflows, yaml};
use crate::bed::Access;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Every step of a workflow, with the name of its job.
fn steps(workflow: &Value) -> Vec<(&String, &Value)> {
    let jobs = workflow["jobs"].as_object().unwrap();
    let steps = jobs.iter().flat_map(|(name, job)| {
        let steps = job["steps"].as_array().unwrap();
        steps.iter().map(move |step| (name, step))
    });
    steps.collect()
}

#[test]
fn no_text_of_others_reaches_a_script() {
    let access = city();
    for (path, workflow) in workflows(&access) {
        for (_, step) in steps(&workflow) {
            if let Some(script) = step["run"].as_str() {
                assert!(!script.contains("${{"), "{path}: {script}");
            }
        }
        // What an expression hands to a variable is a number, a hash, a token or a fixed word.
        let text = read(&access, &path);
        for expression in text.split("${{").skip(1) {
            let expression = expression.split("}}").next().unwrap();
            for hostile in [
                "title",
                "body",
                "head.ref",
                "head_ref",
                "head_branch",
                "label",
                "login",
                "message",
                "email",
            ] {
                assert!(!expression.contains(hostile), "{path}: {expression}");
            }
        }
    }
}

#[test]
fn every_action_is_one_commit_and_every_job_ends() {
    let access = city();
    for (path, workflow) in workflows(&access) {
        for (_, step) in steps(&workflow) {
            if let Some(action) = step["uses"].as_str() {
                let (name, commit) = action.split_once('@').unwrap();
                assert!(name.starts_with("actions/"), "{path}: {action}");
                let hex = commit.len() == 40 && commit.bytes().all(|b| b.is_ascii_hexdigit());
                assert!(hex, "{path}: {action}");
            }
        }
        for (name, job) in workflow["jobs"].as_object().unwrap() {
            assert!(job["timeout-minutes"].as_i64().is_some(), "{path}: {name}");
        }
        assert!(workflow["concurrency"]["group"].is_string(), "{path}");
    }
}

/// SEMANTICS: what a pull request proposes is never read beside a right to write, but as data.
#[test]
fn what_a_pull_request_may_change_has_no_secret_and_no_right_to_write() {
    let access = city();
    for (path, workflow) in workflows(&access) {
        let on: BTreeSet<&String> = workflow["on"].as_object().unwrap().keys().collect();
        let text = read(&access, &path);
        let by_others = on
            .iter()
            .any(|e| ["pull_request", "pull_request_review"].contains(&e.as_str()));
        let github = path.starts_with(".github");
        if by_others {
            assert!(!text.contains("secrets."), "{path}");
        }
        for (name, job) in workflow["jobs"].as_object().unwrap() {
            let rights = job.get("permissions").unwrap_or(&workflow["permissions"]);
            let writes = rights.to_string().contains("write");
            if github {
                assert!(
                    rights.is_object(),
                    "{path}: {name} takes the default rights"
                );
            }
            if writes && by_others {
                // The only one that writes runs on the approved branch alone.
                assert!(
                    job["if"]
                        .as_str()
                        .unwrap()
                        .contains("github.event_name == 'push'"),
                    "{path}: {name}"
                );
            }
            let secret = writes || job.to_string().contains("secrets.");
            for step in job["steps"].as_array().unwrap() {
                let Some(action) = step["uses"].as_str() else {
                    continue;
                };
                if action.starts_with("actions/checkout@")
                    && (secret || !by_others)
                    && !on.contains(&"push".to_owned())
                {
                    // What is laid into the folder is the approved branch, never what is proposed.
                    assert_eq!(step["with"]["ref"], "main", "{path}: {name}");
                }
            }
        }
    }
    let gitlab = yaml(&access.repository().join(".gitlab-ci.yml"));
    for (name, job) in gitlab.as_object().unwrap() {
        let Some(rules) = job
            .get("rules")
            .filter(|_| name.starts_with("countersign:"))
        else {
            continue;
        };
        let token = job.to_string().contains("COUNTERSIGN_FORGE_TOKEN");
        if rules.to_string().contains("merge_request_event") {
            assert!(!token && job.get("environment").is_none(), "{name}");
        }
        if token || job.to_string().contains("countersign comment") {
            assert_eq!(job["environment"]["name"], "countersign", "{name}");
        }
    }
}

/// The words of each `countersign …` that scripts run, variables replaced by something that fits.
fn calls(script: &str) -> Vec<Vec<String>> {
    let script = script.replace("\\\n", " ");
    let mut found = Vec::new();
    for line in script.lines() {
        let line = line.trim();
        if line.starts_with('#') {
            continue;
        }
        for (at, _) in line.match_indices("countersign ") {
            let before = line[..at].trim_end();
            let begins = ["", "elif", "if", ";", "|", "then"]
                .iter()
                .any(|w| before.ends_with(w) && (!w.is_empty() || before.is_empty()));
            if !begins {
                continue;
            }
            let line = line[at..].replace("$(git merge-base HEAD \"$head\")", "0000");
            let end = line.find(['>', '|', ';']).unwrap_or(line.len());
            let words = line[..end].split_whitespace().map(|word| {
                if word == "$base" {
                    return "--base=0000".to_owned();
                }
                let word = word.trim_matches('"');
                match word {
                    "${base[@]}" => "--base=0000".to_owned(),
                    "$GITHUB_SERVER_URL" | "$CI_SERVER_URL" => "https://git.example".to_owned(),
                    word if word.starts_with('$') => "1".to_owned(),
                    word => word.split("$").next().unwrap().to_owned(),
                }
            });
            let words: Vec<String> = words.collect();
            if words[1] != "--version" {
                found.push(words);
            }
        }
    }
    found
}

#[test]
fn every_command_of_the_pipelines_is_one_that_the_program_takes() {
    let access = city();
    let mut all: BTreeSet<Vec<String>> = BTreeSet::new();
    for (_, workflow) in workflows(&access) {
        for (_, step) in steps(&workflow) {
            all.extend(calls(step["run"].as_str().unwrap_or_default()));
        }
    }
    let gitlab = yaml(&access.repository().join(".gitlab-ci.yml"));
    for job in gitlab.as_object().unwrap().values() {
        for line in job["script"].as_array().into_iter().flatten() {
            all.extend(calls(line.as_str().unwrap()));
        }
    }
    let hooks = read(&access, ".github/workflows/countersign.yml");
    assert!(hooks.contains("countersign ci check"));
    let mut commands = BTreeSet::new();
    for call in &all {
        let name = call[1..]
            .iter()
            .find(|w| w.starts_with(|c: char| c.is_ascii_lowercase()));
        commands.insert(name.unwrap().as_str());
        let taken = countersign::cli::command().try_get_matches_from(call);
        assert!(taken.is_ok(), "{call:?}: {}", taken.unwrap_err());
    }
    let expected = [
        "approve-check",
        "ci",
        "comment",
        "diff",
        "policy",
        "request",
        "validate",
    ];
    assert_eq!(commands, BTreeSet::from(expected), "{all:?}");
}

/// A pull request: a branch with these files, merged for the check as a forge does it.
pub fn proposed(access: &Access, files: &[(&str, &str)]) -> (PathBuf, String, tempfile::TempDir) {
    let base = access.git(&["rev-parse", "HEAD"]).trim().to_owned();
    access.git(&["checkout", "--quiet", "-b", "proposal"]);
    for (path, text) in files {
        access.write(path, text);
    }
    access.commit("Proposal");
    access.git(&["checkout", "--quiet", "main"]);
    let folder = tempfile::tempdir().unwrap();
    let checkout = folder.path().join("checkout");
    let git = |folder: &Path, arguments: &[&str]| {
        let identity = [
            "-c",
            "user.name=Forge",
            "-c",
            "user.email=forge@city.example",
        ];
        let mut ran = Command::new("git");
        ran.arg("-C").arg(folder).args(identity).args(arguments);
        let output = ran.output().unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    };
    let from = access.repository();
    git(
        folder.path(),
        &["clone", "--quiet", from.to_str().unwrap(), "checkout"],
    );
    git(
        &checkout,
        &[
            "merge",
            "--quiet",
            "--no-ff",
            "-m",
            "Merge",
            "origin/proposal",
        ],
    );
    (checkout, base, folder)
}

fn step<'a>(ran: &'a [Step], name: &str) -> &'a Step {
    ran.iter()
        .find(|s| s.name == name)
        .unwrap_or_else(|| panic!("{name} was not run: {ran:#?}"))
}

pub const GOOD: &str = "# yaml-language-server: $schema=../.schema/request.json
apiVersion: countersign/v1
kind: Request
metadata: {name: 2099-01-04-change-maria.lopez}
spec:
  action: Change
  requestedBy: noor.haddad
  subject: maria.lopez
  effective: \"2099-01-04\"
  set: {title: Analyst}
";

#[test]
fn a_good_pull_request_passes_and_a_wrong_one_is_told_at_its_line() {
    let path = "requests/2099-01-04-change-maria.lopez.yaml";
    let wrong = GOOD.replace("subject: maria.lopez", "subject: maria.lopes");
    for (text, code) in [(GOOD, 0), (wrong.as_str(), 1)] {
        let access = city();
        let (checkout, base, _kept) = proposed(&access, &[(path, text)]);
        for forge in ["github", "forgejo"] {
            let workflow = yaml(&checkout.join(format!(".{forge}/workflows/countersign.yml")));
            let job = Job::new(checkout.clone()).knows(&[
                (
                    "github.event.pull_request.base.sha || github.event.before",
                    &base,
                ),
                ("github.event.pull_request.base.sha", &base),
            ]);
            let ran = job.run(&workflow, "validate");
            let name = if forge == "github" {
                "Every mistake, at its line"
            } else {
                "Every mistake"
            };
            let validate = step(&ran, name);
            assert_eq!(validate.code, code, "{validate:?}");
            if code == 1 {
                let place = if forge == "github" {
                    format!("::error file={path},line=8,")
                } else {
                    format!("{path}:8:")
                };
                assert!(validate.out.contains(&place), "{}", validate.out);
            }
            assert_eq!(step(&ran, "The tests of the policies").code, 0, "{ran:?}");
        }
        let gitlab = yaml(&checkout.join(".gitlab-ci.yml"));
        let job = Job::new(checkout.clone()).has(&[("CI_MERGE_REQUEST_DIFF_BASE_SHA", &base)]);
        let ran = job.run_lines(&gitlab, "countersign:validate");
        assert_eq!(ran.code, code, "{ran:?}");
        let report = fs::read_to_string(checkout.join("gl-code-quality-report.json")).unwrap();
        let report: Value = serde_json::from_str(&report).unwrap();
        assert_eq!(report.as_array().unwrap().is_empty(), code == 0, "{report}");
        if code == 1 {
            assert_eq!(report[0]["location"]["path"], path);
            assert_eq!(report[0]["location"]["lines"]["begin"], 8);
        }
    }
}

#[test]
fn what_has_happened_stays_and_stale_files_are_told() {
    let access = city();
    let user = read(&access, "users/maria.lopez.yaml");
    let profile = read(&access, "profiles/city-employee.yaml")
        .replace("label: Office phone", "label: Desk phone");
    let (checkout, base, _kept) = proposed(&access, &[("profiles/city-employee.yaml", &profile)]);
    fs::remove_file(checkout.join("users/maria.lopez.yaml")).unwrap();
    assert!(!user.is_empty());
    let git = Command::new("git")
        .arg("-C")
        .arg(&checkout)
        .args([
            "-c",
            "user.name=F",
            "-c",
            "user.email=f@x",
            "commit",
            "-qam",
            "gone",
        ])
        .status();
    assert!(git.unwrap().success());
    let workflow = yaml(&checkout.join(".github/workflows/countersign.yml"));
    let job = Job::new(checkout).knows(&[
        (
            "github.event.pull_request.base.sha || github.event.before",
            &base,
        ),
        ("github.event.pull_request.base.sha", &base),
    ]);
    let ran = job.run(&workflow, "validate");
    let validate = step(&ran, "Every mistake, at its line");
    assert!(
        validate.code == 1 && validate.out.contains("maria.lopez"),
        "{validate:?}"
    );
    let fresh = step(&ran, "What is generated is fresh");
    assert!(
        fresh.code == 1
            && fresh
                .out
                .contains(".github/ISSUE_TEMPLATE/new-hire.yml is stale"),
        "{fresh:?}"
    );
}

/// The program, but for two commands that reach a forge: they note what they were asked, and end so.
fn noting(folder: &Path, code: i32) {
    let real = env!("CARGO_BIN_EXE_countersign");
    let note = folder.join("noted");
    let script = format!(
        "#!/bin/sh\ncase \" $* \" in *' comment '*|*' approve-check '*) echo \"$*\" >>{}; exit {code};; esac\nexec {real} \"$@\"\n",
        note.display()
    );
    let program = folder.join("countersign");
    fs::write(&program, script).unwrap();
    fs::set_permissions(
        &program,
        std::os::unix::fs::PermissionsExt::from_mode(0o755),
    )
    .unwrap();
}

#[test]
fn a_report_goes_to_the_pull_request_of_the_event_and_only_as_a_text_of_limited_size() {
    let access = city();
    let (_, _, _kept) = proposed(
        &access,
        &[("requests/2099-01-04-change-maria.lopez.yaml", GOOD)],
    );
    let head = access.git(&["rev-parse", "proposal"]).trim().to_owned();
    let pull =
        |number: u64| json!({"number": number, "head": {"sha": head}, "base": {"repo": {"id": 7}}});
    let event = |pulls: Value| json!({"workflow_run": {"head_sha": head, "repository": {"id": 7}, "pull_requests": pulls}});
    let workflow = yaml(
        &access
            .repository()
            .join(".github/workflows/countersign-report.yml"),
    );
    for (named, listed, report, said) in [
        (
            json!([pull(5)]),
            json!([]),
            Some("text"),
            Some("--pull-request 5 "),
        ),
        // Of a fork: the run names none, the list of open ones does.
        (
            json!([]),
            json!([pull(6)]),
            Some("text"),
            Some("--pull-request 6 "),
        ),
        (json!([]), json!([]), Some("text"), None),
        (json!([pull(5)]), json!([]), Some("link"), None),
        (json!([pull(5)]), json!([]), Some("long"), None),
        (json!([pull(5)]), json!([]), None, None),
    ] {
        let api = Api::answering(&[("/pulls", listed)]);
        let bin = tempfile::tempdir().unwrap();
        noting(bin.path(), 0);
        let told = bin.path().join("event.json");
        fs::write(&told, event(named).to_string()).unwrap();
        let mut job = Job::new(access.repository())
            .knows(&[("github.token", "secret-token")])
            .has(&[
                ("GITHUB_EVENT_PATH", told.to_str().unwrap()),
                ("GITHUB_API_URL", &api.url),
                ("GITHUB_REPOSITORY", "city/access"),
                ("GITHUB_SERVER_URL", "https://git.example"),
            ]);
        job.first_on_path = Some(bin.path().to_owned());
        let file = job.file("temp/report/diff.md");
        fs::create_dir(file.parent().unwrap()).unwrap();
        match report {
            Some("link") => std::os::unix::fs::symlink("/etc/hostname", &file).unwrap(),
            Some("long") => fs::write(&file, vec![b'x'; 1_000_001]).unwrap(),
            Some(text) => fs::write(&file, text).unwrap(),
            None => {}
        }
        let ran = job.run(&workflow, "comment");
        let noted = fs::read_to_string(bin.path().join("noted")).unwrap_or_default();
        match said {
            Some(said) => {
                assert!(ran.iter().all(|s| s.code == 0), "{ran:#?}");
                assert!(
                    noted.contains(said) && noted.contains("--repository city/access"),
                    "{noted}"
                );
            }
            None => assert_eq!(noted, "", "{ran:#?}"),
        }
        assert!(!format!("{ran:?}").contains("secret-token"), "{ran:#?}");
    }
}

#[test]
fn approval_is_a_status_on_the_head_that_was_asked_about() {
    let access = city();
    let (_, _, _kept) = proposed(
        &access,
        &[("requests/2099-01-04-change-maria.lopez.yaml", GOOD)],
    );
    let head = access.git(&["rev-parse", "proposal"]).trim().to_owned();
    let before = access.git(&["rev-parse", "HEAD"]).trim().to_owned();
    access.git(&["update-ref", "refs/pull/5/head", &head]);
    access.git(&["update-ref", "refs/merge-requests/5/head", &head]);
    for forge in super::FORGES {
        for (asked, code, github, gitlab) in [
            (&head, 0, "success", "success"),
            (&head, 1, "failure", "failed"),
            // The forge could not be asked: that is not the same as not approved.
            (&head, 3, "error", "pending"),
            // Somebody pushed in between: what was asked about is not the head any more.
            (&before, 0, "pending", "pending"),
        ] {
            let folder = tempfile::tempdir().unwrap();
            access.git(&[
                "clone",
                "--quiet",
                ".",
                folder.path().join("c").to_str().unwrap(),
            ]);
            noting(folder.path(), code);
            let api = Api::answering(&[]);
            let told = folder.path().join("event.json");
            let event = match forge {
                "github" => {
                    json!({"workflow_run": {"head_sha": asked, "repository": {"id": 7}, "pull_requests":
                    [{"number": 5, "head": {"sha": asked}, "base": {"repo": {"id": 7}}}]}})
                }
                "gitlab" => {
                    json!({"object_kind": "merge_request", "object_attributes": {"iid": 5, "last_commit": {"id": asked}}})
                }
                _ => json!({"pull_request": {"number": 5, "head": {"sha": asked}}}),
            };
            fs::write(&told, event.to_string()).unwrap();
            let told = told.to_str().unwrap();
            let mut job = Job::new(folder.path().join("c"))
                .knows(&[
                    ("github.token", "secret-token"),
                    ("secrets.COUNTERSIGN_FORGE_TOKEN", "secret-token"),
                    ("github.event.pull_request.number", "5"),
                    ("github.event.pull_request.head.sha", asked),
                ])
                .has(&[
                    ("GITHUB_EVENT_PATH", told),
                    ("GITHUB_API_URL", &api.url),
                    ("GITHUB_REPOSITORY", "city/access"),
                    ("GITHUB_SERVER_URL", "https://git.example"),
                    ("GITHUB_RUN_ID", "7"),
                    ("TRIGGER_PAYLOAD", told),
                    ("COUNTERSIGN_FORGE_TOKEN", "secret-token"),
                    ("CI_API_V4_URL", &api.url),
                    ("CI_PROJECT_ID", "3"),
                    ("CI_PROJECT_PATH", "city/access"),
                    ("CI_PROJECT_URL", "https://git.example/city/access"),
                    ("CI_SERVER_URL", "https://git.example"),
                    ("CI_COMMIT_SHA", &before),
                    ("CI_JOB_URL", "https://git.example/job"),
                ]);
            job.first_on_path = Some(folder.path().to_owned());
            let ran = if forge == "gitlab" {
                vec![job.run_lines(
                    &yaml(&access.repository().join(".gitlab-ci.yml")),
                    "countersign:approval",
                )]
            } else {
                let path = format!(".{forge}/workflows/countersign-report.yml");
                job.run(&yaml(&access.repository().join(path)), "approval")
            };
            assert!(ran.iter().all(|s| s.code == 0), "{ran:#?}");
            let sent = api.asked().pop().unwrap();
            assert!(
                sent.line.ends_with(&format!("/statuses/{asked} HTTP/1.1")),
                "{}",
                sent.line
            );
            let state = match forge {
                "gitlab" => format!("state={gitlab}&"),
                _ => format!("\"state\":\"{github}\""),
            };
            assert!(sent.body.contains(&state), "{forge}: {}", sent.body);
            let noted = fs::read_to_string(folder.path().join("noted")).unwrap_or_default();
            assert_eq!(noted.contains("approve-check"), *asked != before, "{noted}");
            assert!(!format!("{ran:?}").contains("secret-token"), "{ran:#?}");
            // The checkout is as it was: what was proposed is laid nowhere.
            let status = Command::new("git")
                .arg("-C")
                .arg(folder.path().join("c"))
                .args(["status", "--porcelain"])
                .output()
                .unwrap();
            let laid = String::from_utf8(status.stdout).unwrap();
            assert!(!laid.contains("requests"), "{laid}");
        }
    }
}

#[test]
fn a_program_that_is_not_the_one_that_was_meant_is_not_run() {
    let access = city();
    let bin = tempfile::tempdir().unwrap();
    // Stands in for the download, and for nothing else: it says what it was asked for and gives a program.
    let curl = bin.path().join("curl");
    fs::write(&curl, "#!/bin/sh\nwhile [ $# -gt 1 ]; do [ \"$1\" = --output ] && to=$2; shift; done\necho \"asked $1\" >&2\nprintf '#!/bin/sh\\necho it ran\\n' >\"$to\"\n").unwrap();
    fs::set_permissions(&curl, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let program = bin.path().join("program");
    fs::write(&program, "#!/bin/sh\necho it ran\n").unwrap();
    let sum = Command::new("sha256sum")
        .arg(&program)
        .output()
        .unwrap()
        .stdout;
    let sum = String::from_utf8(sum).unwrap()[..64].to_owned();
    for (sum, fits) in [(sum, true), ("0".repeat(64), false)] {
        let forges = format!(
            "forges: [github, gitlab, forgejo]\n    program: {{url: \"https://git.example/c\", sha256: \"{sum}\"}}"
        );
        access.edit(
            "countersign.yaml",
            "forges: [github, gitlab, forgejo]",
            &forges,
        );
        access.run_embedded(&["ci", "generate"]).ends(0);
        let workflow = yaml(
            &access
                .repository()
                .join(".github/workflows/countersign-report.yml"),
        );
        let mut job = Job::new(access.repository())
            .knows(&[("github.token", "t")])
            .has(&[
                ("GITHUB_API_URL", "https://api.example"),
                ("GITHUB_REPOSITORY", "city/access"),
                ("GITHUB_EVENT_PATH", "/dev/null"),
            ]);
        job.first_on_path = Some(bin.path().to_owned());
        let ran = job.run(&workflow, "comment");
        assert!(
            ran[0].err.contains("asked https://git.example/c"),
            "{ran:?}"
        );
        assert_eq!(ran[0].code == 0, fits, "{ran:?}");
        let path = fs::read_to_string(job.file("path")).unwrap();
        assert_eq!(path.contains("/bin"), fits, "{path}");
        if !fits {
            assert_eq!(ran.len(), 1, "a step came after it: {ran:?}");
        }
        let text = read(&access, "countersign.yaml");
        access.write(
            "countersign.yaml",
            &text.replace(&forges, "forges: [github, gitlab, forgejo]"),
        );
    }
}
