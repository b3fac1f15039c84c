//! Forgejo and Gitea: forms as in their swagger description (`PullRequest`, `Commit`, `PullReview`,
//! `TimelineComment`, `Issue`).

use super::bed::{Bed, TOKEN};
use super::{HEAD, MERGE, OLD, OTHER, approvers};
use countersign::forge::{ForgeError, ForgeKind, PullRequest, ReviewState};
use serde_json::{Value, json};
use wiremock::matchers::{path, query_param};
use wiremock::{Mock, ResponseTemplate};

pub const BELOW: &str = "/api/v1/repos/city/access";

pub fn user(id: i64, login: &str) -> Value {
    json!({"id": id, "login": login, "login_name": "", "full_name": "", "email": "x@noreply.localhost",
           "username": login, "active": false, "is_admin": false, "visibility": "public"})
}

pub fn pull() -> Value {
    json!({
        "id": 1, "number": 7, "url": "https://git.city.example/city/access/pulls/7",
        "html_url": "https://git.city.example/city/access/pulls/7", "user": user(3, "sokafor"),
        "title": "New hire", "body": "Please.", "state": "closed", "draft": false, "mergeable": false,
        "merged": true, "merged_at": "2026-03-02T10:00:00+01:00", "merge_commit_sha": MERGE,
        "merged_by": user(4, "mnovak"), "created_at": "2026-03-01T10:00:00+01:00", "merge_base": OTHER,
        "base": {"label": "main", "ref": "main", "sha": OTHER, "repo_id": 1,
                 "repo": {"id": 1, "name": "access", "full_name": "city/access"}},
        "head": {"label": "kim", "ref": "refs/pull/7/head", "sha": HEAD, "repo_id": 1, "repo": null},
    })
}

pub fn review(login: &str, state: &str, hash: &str, hour: u8) -> Value {
    json!({"id": hour, "user": user(i64::from(hour) + 10, login), "team": null, "state": state, "body": "",
           "commit_id": hash, "stale": false, "official": true, "dismissed": false, "comments_count": 0,
           "submitted_at": format!("2026-03-01T{hour:02}:00:00Z"), "html_url": "https://x"})
}

fn with(mut review: Value, key: &str, value: Value) -> Value {
    review[key] = value;
    review
}

pub fn told(bed: &Bed, pull: &Value, reviews: &Value) {
    bed.get(&format!("{BELOW}/pulls/7"), pull);
    let commit = |hash: &str, author: Value| {
        json!({"sha": hash, "author": author, "parents": [], "commit": {"message": "a",
               "verification": {"verified": true, "reason": "", "signature": "", "signer": null, "payload": ""}}})
    };
    // The newest first.
    let commits = json!([commit(HEAD, json!(null)), commit(OLD, user(3, "sokafor"))]);
    bed.get(&format!("{BELOW}/pulls/7/commits"), &commits);
    bed.get(
        &format!("{BELOW}/issues/7/timeline"),
        &json!([
        null, {"id": 1, "type": "comment", "created_at": "2026-03-01T23:00:00Z"}]),
    );
    bed.get(&format!("{BELOW}/pulls/7/reviews"), reviews);
}

fn read(reviews: &Value) -> PullRequest {
    let bed = Bed::new();
    told(&bed, &pull(), reviews);
    bed.forge(ForgeKind::Forgejo).pull_request(7).unwrap()
}

#[test]
fn a_merged_pull_request_is_told_whole() {
    let bed = Bed::new();
    told(
        &bed,
        &pull(),
        &json!([review("mnovak", "APPROVED", HEAD, 12)]),
    );
    bed.get(&format!("{BELOW}/commits/{MERGE}/pull"), &pull());
    let told = bed
        .forge(ForgeKind::Forgejo)
        .merged(MERGE)
        .unwrap()
        .unwrap();
    assert_eq!(
        (told.number, told.base.as_str(), told.head.as_str()),
        (7, "main", HEAD)
    );
    assert_eq!(told.merged_at.unwrap().to_string(), "2026-03-02T09:00:00Z");
    let hashes: Vec<_> = told.commits.iter().map(|c| c.hash.as_str()).collect();
    assert_eq!(hashes, [OLD, HEAD]);
    assert_eq!(told.commits[0].author.as_ref().unwrap().as_str(), "sokafor");
    assert_eq!(approvers(&told), ["mnovak"]);
    let requests = bed.requests();
    assert!(
        requests
            .iter()
            .all(|r| r.headers["authorization"] == format!("token {TOKEN}"))
    );
}

#[test]
fn only_official_approvals_in_force_of_the_last_commit_count() {
    let approved = |hash| review("mnovak", "APPROVED", hash, 12);
    for (reviews, expected, state) in [
        (
            json!([approved(HEAD)]),
            &["mnovak"][..],
            ReviewState::Approved,
        ),
        (json!([approved(OLD)]), &[], ReviewState::Approved),
        (json!([approved("")]), &[], ReviewState::Approved),
        (
            json!([with(approved(HEAD), "stale", json!(true))]),
            &[],
            ReviewState::Stale,
        ),
        (
            json!([with(approved(HEAD), "dismissed", json!(true))]),
            &[],
            ReviewState::Dismissed,
        ),
        (
            json!([with(approved(HEAD), "official", json!(false))]),
            &[],
            ReviewState::Unofficial,
        ),
        (
            json!([review("sokafor", "APPROVED", HEAD, 12)]),
            &[],
            ReviewState::Approved,
        ),
        (
            json!([
                approved(HEAD),
                review("mnovak", "REQUEST_CHANGES", HEAD, 13)
            ]),
            &[],
            ReviewState::Approved,
        ),
        (
            json!([
                approved(HEAD),
                review("mnovak", "REQUEST_REVIEW", HEAD, 13),
                review("mnovak", "COMMENT", HEAD, 14),
                review("tlee", "PENDING", HEAD, 14)
            ]),
            &["mnovak"],
            ReviewState::Approved,
        ),
        (
            json!([review("mnovak", "LGTM", HEAD, 12)]),
            &[],
            ReviewState::Unknown,
        ),
    ] {
        let told = read(&reviews);
        assert_eq!(approvers(&told), expected, "{reviews}");
        assert_eq!(told.reviews[0].state, state);
    }
    let gone = with(approved(HEAD), "user", user(-1, "Ghost"));
    let team = with(approved(HEAD), "user", json!(null));
    assert!(read(&json!([gone, team])).reviews.is_empty());
}

#[test]
fn a_push_to_the_branch_after_the_merge_changes_nothing() {
    let bed = Bed::new();
    let mut pushed = pull();
    pushed["head"] = json!({"label": "kim", "ref": "kim", "sha": OTHER, "repo_id": 1});
    told(
        &bed,
        &pushed,
        &json!([
            review("mnovak", "APPROVED", HEAD, 12),
            review("tlee", "APPROVED", OTHER, 13)
        ]),
    );
    let forge = bed.forge(ForgeKind::Forgejo);
    let merged = forge.pull_request(7).unwrap();
    assert_eq!(
        (merged.head.as_str(), approvers(&merged)),
        (HEAD, vec!["mnovak".to_owned()])
    );
    // Before the merge the branch is what counts, and its commits have to be told of.
    pushed["merged"] = json!(false);
    bed.reset();
    told(&bed, &pushed, &json!([]));
    let error = forge.pull_request(7).unwrap_err().to_string();
    assert!(
        error.contains("is not among the 2 that are listed"),
        "{error}"
    );
}

#[test]
fn an_approval_from_before_the_base_was_changed_is_of_something_else() {
    let bed = Bed::new();
    let events =
        json!([{"id": 1, "type": "change_target_branch", "created_at": "2026-03-01T12:30:00Z"}]);
    let answer = ResponseTemplate::new(200).set_body_json(events);
    let at = path(format!("{BELOW}/issues/7/timeline"));
    bed.mount(Mock::given(at).respond_with(answer).with_priority(1));
    let reviews = json!([
        review("mnovak", "APPROVED", HEAD, 12),
        review("tlee", "APPROVED", HEAD, 13)
    ]);
    told(&bed, &pull(), &reviews);
    assert_eq!(
        approvers(&bed.forge(ForgeKind::Forgejo).pull_request(7).unwrap()),
        ["tlee"]
    );
}

#[test]
fn no_pull_request_is_told_from_no_repository() {
    let bed = Bed::new();
    let forge = bed.forge(ForgeKind::Forgejo);
    let nothing =
        json!({"message": "The target couldn't be found.", "url": "https://x/api/swagger"});
    bed.refuse(&format!("{BELOW}/commits/{OTHER}/pull"), 404, &nothing);
    bed.get(
        &format!("{BELOW}/git/commits/{OTHER}"),
        &json!({"sha": OTHER}),
    );
    assert_eq!(forge.merged(OTHER).unwrap(), None);
    bed.refuse(&format!("{BELOW}/git/commits/{OTHER}"), 404, &nothing);
    let error = forge.merged(OTHER).unwrap_err();
    assert!(
        matches!(error, ForgeError::Refused { status: 404, .. }),
        "{error}"
    );
}

#[test]
fn pages_smaller_than_asked_for_are_all_read() {
    let bed = Bed::new();
    let at = format!("{BELOW}/pulls/7/reviews");
    // A server that gives two at most, behind a proxy that strips links. Somebody's pending review is
    // counted and not shown.
    for (number, reviews) in [
        (
            "1",
            json!([
                review("akim", "APPROVED", HEAD, 10),
                review("bkim", "APPROVED", HEAD, 11)
            ]),
        ),
        ("2", json!([review("mnovak", "APPROVED", HEAD, 12)])),
        ("3", json!([])),
    ] {
        let answer = ResponseTemplate::new(200).set_body_json(reviews);
        let answer = answer.insert_header("x-total-count", "4");
        let given = Mock::given(path(at.as_str())).and(query_param("page", number));
        bed.mount(given.respond_with(answer).with_priority(1));
    }
    told(&bed, &pull(), &json!([]));
    let told = bed.forge(ForgeKind::Forgejo).pull_request(7).unwrap();
    assert_eq!(approvers(&told), ["akim", "bkim", "mnovak"]);
}

#[test]
fn a_form_is_its_authors_whether_a_job_or_an_account_opened_the_pull_request() {
    for bot in [user(-2, "forgejo-actions"), user(9, "form-bot")] {
        let mut opened = pull();
        opened["user"] = bot;
        opened["head"]["label"] = json!("request/form-12");
        opened["body"] = json!("Closes #12");
        let issue = json!({"id": 1, "number": 12, "user": user(5, "dreyes"), "pull_request": null,
                           "created_at": "2026-03-01T08:00:00Z", "state": "open",
                           "repository": {"id": 1, "name": "access", "owner": "city", "full_name": "city/access"}});
        let bed = Bed::new();
        told(
            &bed,
            &opened,
            &json!([review("dreyes", "APPROVED", HEAD, 12)]),
        );
        let forge = bed.forge(ForgeKind::Forgejo);
        bed.get(&format!("{BELOW}/issues/12"), &issue);
        let told = forge.pull_request(7).unwrap();
        assert_eq!(told.opened_for.as_ref().unwrap().as_str(), "dreyes");
        assert!(approvers(&told).is_empty());
        let mut gone = issue.clone();
        gone["user"] = user(-1, "Ghost");
        let at = path(format!("{BELOW}/issues/12"));
        let answer = ResponseTemplate::new(200).set_body_json(gone);
        bed.mount(Mock::given(at).respond_with(answer).with_priority(1));
        assert!(matches!(
            forge.pull_request(7),
            Err(ForgeError::Form { .. })
        ));
    }
}
