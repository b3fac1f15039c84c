//! The pipelines' check of approval, run as it stands with the real program, against a forge that has
//! the pull request: its status is what the forge's reviews say.

use super::pipelines::{GOOD, proposed};
use super::runner::{Api, Job};
use super::{FORGES, city, yaml};
use crate::approval::hub::{Did, Hub, Pull};
use crate::bed::Access;
use crate::forge::bed::TOKEN;
use countersign::forge::ForgeKind;
use serde_json::json;
use std::fs;

/// Runs the check of a pull request; the state and the words of the status, and what the job said.
fn status(access: &Access, forge: &str, hub: &Hub, head: &str) -> (String, String) {
    let folder = tempfile::tempdir().unwrap();
    let clone = folder.path().join("c");
    access.git(&["clone", "--quiet", ".", clone.to_str().unwrap()]);
    let before = access.git(&["rev-parse", "main"]).trim().to_owned();
    let api = Api::answering(&[]);
    let event = match forge {
        "github" => {
            json!({"workflow_run": {"head_sha": head, "repository": {"id": 7}, "pull_requests":
            [{"number": 5, "head": {"sha": head}, "base": {"repo": {"id": 7}}}]}})
        }
        "gitlab" => {
            json!({"object_kind": "merge_request", "object_attributes": {"iid": 5, "last_commit": {"id": head}}})
        }
        _ => json!({"pull_request": {"number": 5, "head": {"sha": head}}}),
    };
    let told = folder.path().join("event.json");
    fs::write(&told, event.to_string()).unwrap();
    let told = told.to_str().unwrap();
    let server = format!("https://{}", hub.bed.front().address);
    let job = Job::new(clone)
        .knows(&[
            ("github.token", TOKEN),
            ("secrets.COUNTERSIGN_FORGE_TOKEN", TOKEN),
            ("github.event.pull_request.number", "5"),
            ("github.event.pull_request.head.sha", head),
        ])
        .has(&[
            ("SSL_CERT_FILE", hub.bed.authority().to_str().unwrap()),
            ("NO_PROXY", "127.0.0.1"),
            ("GITHUB_EVENT_PATH", told),
            ("GITHUB_API_URL", &api.url),
            ("GITHUB_REPOSITORY", "city/access"),
            ("GITHUB_SERVER_URL", &server),
            ("GITHUB_RUN_ID", "7"),
            ("TRIGGER_PAYLOAD", told),
            ("COUNTERSIGN_FORGE_TOKEN", TOKEN),
            ("CI_API_V4_URL", &api.url),
            ("CI_PROJECT_ID", "3"),
            ("CI_PROJECT_PATH", "city/access"),
            ("CI_SERVER_URL", &server),
            ("CI_COMMIT_SHA", &before),
            ("CI_JOB_URL", "https://git.example/job"),
        ]);
    let ran = match forge {
        "gitlab" => vec![job.run_lines(
            &yaml(&access.repository().join(".gitlab-ci.yml")),
            "countersign:approval",
        )],
        _ => {
            let path = format!(".{forge}/workflows/countersign-report.yml");
            job.run(&yaml(&access.repository().join(path)), "approval")
        }
    };
    assert!(ran.iter().all(|step| step.code == 0), "{ran:#?}");
    let said = format!("{ran:?}");
    assert!(!said.contains(TOKEN), "{said}");
    (api.asked().pop().unwrap().body, said)
}

#[test]
fn the_status_is_what_the_reviews_on_the_forge_say() {
    let access = city();
    let path = "requests/2099-01-04-change-maria.lopez.yaml";
    let (_, _, _kept) = proposed(&access, &[(path, GOOD)]);
    let head = access.git(&["rev-parse", "proposal"]).trim().to_owned();
    access.git(&["update-ref", "refs/pull/5/head", &head]);
    access.git(&["update-ref", "refs/merge-requests/5/head", &head]);
    for (forge, kind) in
        FORGES
            .into_iter()
            .zip([ForgeKind::GitHub, ForgeKind::GitLab, ForgeKind::Forgejo])
    {
        let hub = Hub::new(kind);
        let own = || {
            let account = json!({"id": 5, "login": "form-bot", "username": "form-bot"});
            for at in ["/api/v1/user", "/api/v4/user"] {
                hub.bed.get(at, &account);
            }
        };
        let pull = Pull::new(5, "noorh", &head);
        let cases = [
            (pull.clone(), None, "success", "1 of 1 approvals"),
            (pull.clone(), None, "failure", "has none"),
            (pull.clone(), None, "failure", "it is their own"),
            (pull, Some(503), "error", "could not be read to their end"),
        ];
        for (number, (pull, fails, state, words)) in cases.into_iter().enumerate() {
            let pull = match number {
                0 | 3 => pull.approved_by(&["dana-reyes"]),
                1 => pull.said("dana-reyes", Did::AskedForChanges),
                _ => pull.approved_by(&["noorh"]),
            };
            hub.tells(&[pull]);
            own();
            if let Some(status) = fails {
                hub.fails(5, status, None);
            }
            let (sent, said) = status(&access, forge, &hub, &head);
            let state = match (forge, state) {
                ("gitlab", "failure") => "state=failed&".to_owned(),
                ("gitlab", "error") => "state=pending&".to_owned(),
                ("gitlab", state) => format!("state={state}&"),
                (_, state) => format!("\"state\":\"{state}\""),
            };
            assert!(sent.contains(&state), "{forge} {state}: {sent}\n{said}");
            assert!(said.contains(words), "{forge} {words}: {said}");
        }
    }
}
