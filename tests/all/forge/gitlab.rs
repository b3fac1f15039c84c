//! GitLab: forms as in the documentation of its REST interface (merge requests, versions, approvals,
//! notes, commits, users, issues).

use super::bed::{Bed, TOKEN};
use super::{HEAD, MERGE, OLD, OTHER, approvers};
use countersign::forge::{ForgeError, ForgeKind, PullRequest, ReviewState};
use serde_json::{Value, json};
use wiremock::matchers::path;
use wiremock::{Mock, ResponseTemplate};

pub const BELOW: &str = "/api/v4/projects/city%2Faccess";

pub fn user(login: &str) -> Value {
    let id = login.bytes().map(u64::from).sum::<u64>();
    json!({"id": id, "username": login, "name": login, "state": "active", "locked": false,
           "avatar_url": null, "web_url": "https://gitlab.com/x"})
}

pub fn merge_request() -> Value {
    json!({
        "id": 1, "iid": 7, "project_id": 3, "title": "New hire", "description": "Please.",
        "state": "merged", "created_at": "2026-03-01T09:00:00.000Z", "updated_at": "2026-03-02T09:00:00.000Z",
        "merged_by": user("mnovak"), "merge_user": user("mnovak"), "merged_at": "2026-03-02T09:00:00.000Z",
        "target_branch": "main", "source_branch": "kim", "author": user("sokafor"), "draft": false,
        "sha": HEAD, "merge_commit_sha": MERGE, "squash_commit_sha": null, "squash": false,
        "references": {"short": "!7", "relative": "!7", "full": "City/access!7"},
        "web_url": "https://gitlab.com/city/access/-/merge_requests/7",
        "diff_refs": {"base_sha": OTHER, "head_sha": HEAD, "start_sha": OTHER},
    })
}

fn version(id: u64, head: &str, hour: u8) -> Value {
    json!({"id": id, "head_commit_sha": head, "base_commit_sha": OTHER, "start_commit_sha": OTHER,
           "created_at": format!("2026-03-01T{hour:02}:00:00.000Z"), "merge_request_id": 1,
           "state": "collected", "real_size": "1", "patch_id_sha": null})
}

fn approval(login: &str, hour: Option<u8>) -> Value {
    match hour {
        Some(hour) => {
            json!({"user": user(login), "approved_at": format!("2026-03-01T{hour:02}:30:00.000Z")})
        }
        None => json!({"user": user(login)}),
    }
}

fn note(login: &str, body: &str, system: bool, hour: u8) -> Value {
    json!({"id": 1, "type": null, "body": body, "author": user(login), "system": system,
           "created_at": format!("2026-03-01T{hour:02}:30:00.000Z"), "noteable_type": "MergeRequest"})
}

/// Everything of merge request 7: pushed at 9 and at 12 o'clock.
pub fn told(bed: &Bed, merge_request: &Value, approvals: &[Value], notes: &[Value]) {
    let at = |part: &str| format!("{BELOW}/merge_requests/7{part}");
    bed.get(&at(""), merge_request);
    let commit = |hash: &str| json!({"id": hash, "short_id": &hash[..8], "parent_ids": []});
    bed.get(&at("/commits"), &json!([commit(HEAD), commit(OLD)]));
    bed.get(
        &at("/versions"),
        &json!([version(2, HEAD, 12), version(1, OLD, 9)]),
    );
    let approved = json!({"id": 1, "iid": 7, "approvals_required": 0, "approvals_left": 0,
                          "user_has_approved": false, "approved": true, "approved_by": approvals});
    bed.get(&at("/approvals"), &approved);
    bed.get(&at("/notes"), &json!(notes));
    for login in ["sokafor", "dreyes"] {
        let id = user(login)["id"].clone();
        bed.get(
            &format!("/api/v4/users/{id}"),
            &json!({"id": id, "username": login, "bot": false}),
        );
    }
}

fn read(approvals: &[Value], notes: &[Value]) -> PullRequest {
    let bed = Bed::new();
    told(&bed, &merge_request(), approvals, notes);
    bed.forge(ForgeKind::GitLab).pull_request(7).unwrap()
}

const APPROVED: &str = "approved this merge request";

#[test]
fn a_merged_merge_request_is_told_whole() {
    let bed = Bed::new();
    told(&bed, &merge_request(), &[approval("mnovak", Some(13))], &[]);
    let at = format!("{BELOW}/repository/commits/{MERGE}/merge_requests");
    bed.get(&at, &json!([merge_request()]));
    let told = bed.forge(ForgeKind::GitLab).merged(MERGE).unwrap().unwrap();
    assert_eq!(
        (told.number, told.base.as_str(), told.head.as_str()),
        (7, "main", HEAD)
    );
    assert_eq!(told.merge_commit.as_deref(), Some(MERGE));
    assert_eq!(told.merged_by.as_ref().unwrap().as_str(), "mnovak");
    let hashes: Vec<_> = told.commits.iter().map(|c| c.hash.as_str()).collect();
    assert_eq!(hashes, [OLD, HEAD]);
    assert_eq!(approvers(&told), ["mnovak"]);
    assert!(
        bed.requests()
            .iter()
            .all(|r| r.headers["private-token"] == TOKEN)
    );
}

#[test]
fn an_approval_counts_if_it_was_given_after_the_last_push() {
    for (approvals, notes, expected) in [
        (vec![approval("mnovak", Some(13))], vec![], &["mnovak"][..]),
        // Without Premium an approval outlives a push.
        (vec![approval("mnovak", Some(11))], vec![], &[]),
        (vec![approval("mnovak", Some(8))], vec![], &[]),
        (vec![approval("SOkafor", Some(13))], vec![], &[]),
        // Older GitLabs time an approval by their note of it.
        (
            vec![approval("mnovak", None)],
            vec![note("mnovak", APPROVED, true, 13)],
            &["mnovak"],
        ),
        (
            vec![approval("mnovak", None)],
            vec![note("mnovak", APPROVED, true, 10)],
            &[],
        ),
        (vec![approval("mnovak", None)], vec![], &[]),
        // Nobody can write a note of GitLab's own.
        (
            vec![approval("mnovak", None)],
            vec![note("mnovak", APPROVED, false, 13)],
            &[],
        ),
        // A note of an approval that is not in force is none.
        (vec![], vec![note("mnovak", APPROVED, true, 13)], &[]),
        (
            vec![approval("mnovak", Some(13))],
            vec![note("mnovak", "requested changes", true, 14)],
            &[],
        ),
        (
            vec![approval("mnovak", Some(15))],
            vec![note("mnovak", "requested changes", true, 14)],
            &["mnovak"],
        ),
        (
            vec![approval("mnovak", Some(13))],
            vec![note(
                "tlee",
                "changed target branch from `dev` to `main`",
                true,
                14,
            )],
            &[],
        ),
    ] {
        let told = read(&approvals, &notes);
        assert_eq!(approvers(&told), expected, "{approvals:?} {notes:?}");
    }
    let told = read(&[], &[note("mnovak", APPROVED, true, 13)]);
    assert_eq!(told.reviews[0].state, ReviewState::Dismissed);
    assert_eq!(told.reviews[0].commit.as_deref(), Some(HEAD));
    let told = read(&[approval("mnovak", Some(10))], &[]);
    assert_eq!(told.reviews[0].commit.as_deref(), Some(OLD));
}

#[test]
fn a_push_back_to_what_was_approved_needs_approval_again() {
    let bed = Bed::new();
    let at = path(format!("{BELOW}/merge_requests/7/versions"));
    let versions = json!([
        version(3, HEAD, 14),
        version(2, OLD, 12),
        version(1, HEAD, 9)
    ]);
    let answer = ResponseTemplate::new(200).set_body_json(versions);
    bed.mount(Mock::given(at).respond_with(answer).with_priority(1));
    let approvals = [approval("mnovak", Some(12)), approval("tlee", Some(14))];
    told(&bed, &merge_request(), &approvals, &[]);
    assert_eq!(
        approvers(&bed.forge(ForgeKind::GitLab).pull_request(7).unwrap()),
        ["tlee"]
    );
}

#[test]
fn a_squash_is_its_merge_request_and_a_fast_forward_is_none() {
    for (state, merge, squash, asked, expected) in [
        ("merged", Some(MERGE), None, MERGE, true),
        ("merged", None, Some(MERGE), MERGE, true),
        // Squashed, and merged with a commit: the merge is on the branch.
        ("merged", Some(MERGE), Some(OTHER), MERGE, true),
        ("merged", Some(MERGE), Some(OTHER), OTHER, false),
        ("merged", None, None, HEAD, false),
        ("opened", Some(MERGE), None, MERGE, false),
    ] {
        let bed = Bed::new();
        let mut merged = merge_request();
        merged["state"] = json!(state);
        merged["merge_commit_sha"] = json!(merge);
        merged["squash_commit_sha"] = json!(squash);
        told(&bed, &merged, &[], &[]);
        let at = format!("{BELOW}/repository/commits/{asked}/merge_requests");
        bed.get(&at, &json!([merged]));
        let found = bed.forge(ForgeKind::GitLab).merged(asked).unwrap();
        assert_eq!(found.is_some(), expected, "{state} {merge:?} {squash:?}");
        assert!(found.is_none_or(|found| found.merge_commit.as_deref() == Some(asked)));
    }
}

#[test]
fn what_does_not_fit_together_is_no_evidence() {
    for (key, value, expected) in [
        ("/iid", json!(8), "another was told of, #8"),
        ("/author", json!(null), "has no author any more"),
        (
            "/references/full",
            json!("city/other!7"),
            "the repository city/other",
        ),
        ("/sha", json!(OTHER), "is not among the 2 that are listed"),
        (
            "/sha",
            json!(OLD),
            "its last version does not end with its last commit",
        ),
        ("/sha", json!(null), "invalid type: null"),
        ("/merged_at", json!(null), "when is not told"),
    ] {
        let bed = Bed::new();
        let mut merged = merge_request();
        *merged.pointer_mut(key).unwrap() = value;
        told(&bed, &merged, &[approval("mnovak", Some(13))], &[]);
        let error = bed
            .forge(ForgeKind::GitLab)
            .pull_request(7)
            .unwrap_err()
            .to_string();
        assert!(error.contains(expected), "{key}: {error}");
    }
}

#[test]
fn a_bot_is_known_by_its_account_and_its_forms_author_by_the_issue() {
    let bot = user("project_3_bot");
    let mut opened = merge_request();
    opened["author"] = bot.clone();
    opened["source_branch"] = json!("request/form-12");
    opened["description"] = json!("Closes #12");
    let issue = |full: &str, author: &str| {
        json!({"id": 9, "iid": 12, "project_id": 3, "state": "opened", "author": user(author),
               "created_at": "2026-03-01T08:00:00.000Z", "references": {"full": full}})
    };
    for (issue, expected) in [
        (issue("city/access#12", "dreyes"), Ok("dreyes")),
        (issue("city/other#12", "dreyes"), Err("was moved elsewhere")),
        (
            issue("city/access#12", "project_3_bot"),
            Err("is a bot too"),
        ),
    ] {
        let bed = Bed::new();
        told(
            &bed,
            &opened,
            &[approval("dreyes", Some(13)), approval("mnovak", Some(13))],
            &[],
        );
        let account = json!({"id": bot["id"], "username": "project_3_bot", "bot": true});
        bed.get(&format!("/api/v4/users/{}", bot["id"]), &account);
        bed.get(&format!("{BELOW}/issues/12"), &issue);
        match (bed.forge(ForgeKind::GitLab).pull_request(7), expected) {
            (Ok(told), Ok(expected)) => {
                assert_eq!(told.opened_for.as_ref().unwrap().as_str(), expected);
                assert_eq!(approvers(&told), ["mnovak"]);
            }
            (Err(error @ ForgeError::Form { .. }), Err(expected)) => {
                assert!(error.to_string().contains(expected), "{error}");
            }
            (other, _) => panic!("{other:?}"),
        }
    }
}
