//! GitHub: forms as in the OpenAPI description of its REST interface (`pull-request`,
//! `pull-request-simple`, `commit`, `pull-request-review`, `issue-event`, `issue`).

use super::bed::{Bed, TOKEN};
use super::{HEAD, MERGE, OLD, OTHER, approvers};
use countersign::forge::{ForgeError, ForgeKind, PullRequest, ReviewState};
use serde_json::{Value, json};
use wiremock::matchers::{method, path, query_param};
use wiremock::{Mock, ResponseTemplate};

pub const BELOW: &str = "/api/v3/repos/city/access";

pub fn user(login: &str) -> Value {
    let sort = if login.ends_with("[bot]") {
        "Bot"
    } else {
        "User"
    };
    json!({"login": login, "id": 1, "node_id": "MDQ6VXNlcjE=", "type": sort, "site_admin": false})
}

pub fn pull() -> Value {
    json!({
        "url": "https://api.github.com/repos/city/access/pulls/7", "id": 1, "node_id": "x", "number": 7,
        "html_url": "https://github.com/city/access/pull/7", "state": "closed", "locked": false,
        "title": "New hire: Avery Kim", "user": user("sokafor"), "body": "Please.",
        "created_at": "2026-03-01T09:00:00Z", "updated_at": "2026-03-02T09:00:00Z",
        "merged": true, "merged_at": "2026-03-02T09:00:00Z", "merged_by": user("mnovak"),
        "merge_commit_sha": MERGE, "draft": false, "commits": 2, "additions": 1, "deletions": 0,
        "base": {"label": "city:main", "ref": "main", "sha": OTHER, "user": user("city"),
                 "repo": {"id": 1, "name": "access", "full_name": "City/access", "private": true}},
        "head": {"label": "city:kim", "ref": "kim", "sha": HEAD, "user": user("city"), "repo": null},
    })
}

fn found(number: u64, merged: Option<&str>, merge: Option<&str>) -> Value {
    json!({"number": number, "state": "closed", "merged_at": merged, "merge_commit_sha": merge,
           "user": user("sokafor"), "base": {"ref": "main"}, "head": {"ref": "kim", "sha": HEAD}})
}

pub fn commit(hash: &str, author: Value, verified: bool) -> Value {
    json!({"sha": hash, "author": author, "committer": {}, "parents": [], "commit": {
        "message": "a", "author": {"name": "S", "email": "s@city.example", "date": "2026-03-01T09:00:00Z"},
        "verification": {"verified": verified, "reason": "valid", "signature": null, "payload": null}}})
}

pub fn review(login: &str, state: &str, hash: &str, hour: u8) -> Value {
    json!({"id": hour, "node_id": "x", "user": user(login), "body": "", "state": state,
           "commit_id": hash, "submitted_at": format!("2026-03-01T{hour:02}:00:00Z"),
           "author_association": "MEMBER", "html_url": "https://github.com/x"})
}

/// Everything of pull request 7.
pub fn told(bed: &Bed, pull: &Value, reviews: &Value) {
    bed.get(&format!("{BELOW}/pulls/7"), pull);
    bed.get(
        &format!("{BELOW}/pulls/7/commits"),
        &json!([
            commit(OLD, user("Sokafor"), true),
            commit(HEAD, json!({}), false)
        ]),
    );
    bed.get(
        &format!("{BELOW}/issues/7/events"),
        &json!([
        {"id": 1, "event": "labeled", "actor": null, "created_at": "2026-03-01T23:00:00Z"}]),
    );
    bed.get(&format!("{BELOW}/pulls/7/reviews"), reviews);
}

fn merged(pull: &Value, reviews: &Value) -> Result<Option<PullRequest>, ForgeError> {
    let bed = Bed::new();
    told(&bed, pull, reviews);
    let at = format!("{BELOW}/commits/{MERGE}/pulls");
    bed.get(
        &at,
        &json!([found(7, Some("2026-03-02T09:00:00Z"), Some(MERGE))]),
    );
    bed.forge(ForgeKind::GitHub).merged(MERGE)
}

#[test]
fn a_merged_pull_request_is_told_whole() {
    let reviews = json!([review("mnovak", "APPROVED", HEAD, 12)]);
    let told = merged(&pull(), &reviews).unwrap().unwrap();
    assert_eq!((told.number, told.base.as_str()), (7, "main"));
    assert_eq!(told.url, "https://github.com/city/access/pull/7");
    assert_eq!(told.author.as_str(), "sokafor");
    assert_eq!(told.merged_by.as_ref().unwrap().as_str(), "mnovak");
    assert_eq!(told.merge_commit.as_deref(), Some(MERGE));
    assert_eq!(told.merged_at.unwrap().to_string(), "2026-03-02T09:00:00Z");
    assert_eq!((told.head.as_str(), told.opened_for.as_ref()), (HEAD, None));
    let hashes: Vec<_> = told.commits.iter().map(|c| c.hash.as_str()).collect();
    assert_eq!(hashes, [OLD, HEAD]);
    assert_eq!(told.commits[0].author.as_ref().unwrap().as_str(), "sokafor");
    assert!(told.commits[0].verified && told.commits[1].author.is_none());
    assert_eq!(approvers(&told), ["mnovak"]);
}

#[test]
fn only_the_last_word_of_others_on_the_last_commit_approves() {
    for (reviews, expected) in [
        (json!([]), &[][..]),
        (json!([review("mnovak", "APPROVED", OLD, 10)]), &[]),
        (json!([review("mnovak", "DISMISSED", HEAD, 10)]), &[]),
        (json!([review("SOKAFOR", "APPROVED", HEAD, 10)]), &[]),
        (
            json!([
                review("mnovak", "APPROVED", HEAD, 10),
                review("mnovak", "CHANGES_REQUESTED", HEAD, 11)
            ]),
            &[],
        ),
        (
            json!([
                review("mnovak", "APPROVED", HEAD, 10),
                review("mnovak", "COMMENTED", HEAD, 11)
            ]),
            &["mnovak"],
        ),
        (
            json!([
                review("mnovak", "CHANGES_REQUESTED", OLD, 9),
                review("mnovak", "APPROVED", HEAD, 11),
                review("tlee", "APPROVED", HEAD, 12)
            ]),
            &["mnovak", "tlee"],
        ),
        (json!([review("mnovak", "SHIPPED", HEAD, 10)]), &[]),
        (
            json!([{"user": null, "state": "APPROVED", "commit_id": HEAD, "submitted_at": "2026-03-01T10:00:00Z"},
                   {"user": user("tlee"), "state": "PENDING", "commit_id": HEAD},
                   {"user": user("akim"), "state": "APPROVED", "commit_id": null, "submitted_at": "2026-03-01T10:00:00Z"}]),
            &[],
        ),
    ] {
        let told = merged(&pull(), &reviews).unwrap().unwrap();
        assert_eq!(approvers(&told), expected, "{reviews}");
    }
}

#[test]
fn a_push_by_force_leaves_approvals_of_what_was_there_behind() {
    let mut forced = pull();
    forced["head"]["sha"] = json!(OTHER);
    let bed = Bed::new();
    told(
        &bed,
        &forced,
        &json!([review("mnovak", "APPROVED", HEAD, 12)]),
    );
    let forge = bed.forge(ForgeKind::GitHub);
    // The list of commits is still the old one: nothing is concluded from a half.
    let error = forge.pull_request(7).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("is not among the 2 that are listed"),
        "{error}"
    );
    bed.reset();
    told(
        &bed,
        &forced,
        &json!([review("mnovak", "APPROVED", HEAD, 12)]),
    );
    let commits = json!([
        commit(OLD, json!(null), false),
        commit(OTHER, json!(null), false)
    ]);
    let answer = ResponseTemplate::new(200).set_body_json(commits);
    let at = path(format!("{BELOW}/pulls/7/commits"));
    bed.mount(Mock::given(at).respond_with(answer).with_priority(1));
    assert!(approvers(&forge.pull_request(7).unwrap()).is_empty());
}

#[test]
fn an_approval_from_before_the_base_was_changed_is_of_something_else() {
    for event in ["base_ref_changed", "automatic_base_change_succeeded"] {
        let bed = Bed::new();
        let events = json!([{"id": 1, "event": event, "created_at": "2026-03-01T11:00:00Z"}]);
        let answer = ResponseTemplate::new(200).set_body_json(events);
        let at = path(format!("{BELOW}/issues/7/events"));
        bed.mount(Mock::given(at).respond_with(answer).with_priority(1));
        let reviews = [
            review("mnovak", "APPROVED", HEAD, 10),
            review("tlee", "APPROVED", HEAD, 12),
        ];
        told(&bed, &pull(), &json!(reviews));
        let told = bed.forge(ForgeKind::GitHub).pull_request(7).unwrap();
        assert_eq!(approvers(&told), ["tlee"]);
        assert_eq!(told.reviews[0].state, ReviewState::Stale);
    }
}

#[test]
fn before_the_merge_there_is_no_merge_commit_though_github_tried_one() {
    let mut open = pull();
    open["merged"] = json!(false);
    open["merged_at"] = json!(null);
    open["merged_by"] = json!(null);
    let bed = Bed::new();
    told(
        &bed,
        &open,
        &json!([review("mnovak", "APPROVED", HEAD, 12)]),
    );
    let forge = bed.forge(ForgeKind::GitHub);
    let told = forge.pull_request(7).unwrap();
    assert_eq!((told.merge_commit.as_ref(), told.merged_at), (None, None));
    assert_eq!(approvers(&told), ["mnovak"]);
    bed.get(
        &format!("{BELOW}/commits/{MERGE}/pulls"),
        &json!([found(7, None, Some(MERGE))]),
    );
    assert_eq!(forge.merged(MERGE).unwrap(), None);
}

#[test]
fn a_commit_is_the_merge_of_one_pull_request_or_of_none() {
    let at = "2026-03-02T09:00:00Z";
    for (list, expected) in [
        (json!([]), Some(None)),
        // A commit of a pull request is not its merge.
        (
            json!([found(8, Some(at), Some(OTHER)), found(9, Some(at), None)]),
            Some(None),
        ),
        // It belongs to two, and is the merge of one: a stack, or a squash beside its parent.
        (
            json!([
                found(8, Some(at), Some(OTHER)),
                found(7, Some(at), Some(MERGE))
            ]),
            Some(Some(7)),
        ),
        (
            json!([
                found(8, Some(at), Some(MERGE)),
                found(7, Some(at), Some(MERGE))
            ]),
            None,
        ),
    ] {
        let bed = Bed::new();
        told(&bed, &pull(), &json!([]));
        bed.get(&format!("{BELOW}/commits/{MERGE}/pulls"), &list);
        match (bed.forge(ForgeKind::GitHub).merged(MERGE), expected) {
            (Ok(told), Some(expected)) => assert_eq!(told.map(|t| t.number), expected, "{list}"),
            (Err(error @ ForgeError::Ambiguous { .. }), None) => {
                assert!(
                    error.to_string().contains("several pull requests (#7, #8)"),
                    "{error}"
                );
            }
            (other, _) => panic!("{list}: {other:?}"),
        }
    }
}

#[test]
fn the_base_is_told_so_that_one_merged_elsewhere_is_known_by_it() {
    let mut elsewhere = pull();
    elsewhere["base"]["ref"] = json!("sandbox");
    let told = merged(&elsewhere, &json!([])).unwrap().unwrap();
    assert_eq!(told.base, "sandbox");
}

#[test]
fn what_does_not_fit_together_is_no_evidence() {
    let reviews = json!([review("mnovak", "APPROVED", HEAD, 12)]);
    for (key, value, expected) in [
        ("/number", json!(8), "another was told of, #8"),
        ("/merge_commit_sha", json!(OTHER), "was found by its merge"),
        ("/merge_commit_sha", json!(null), "neither when nor as what"),
        ("/user", json!(null), "has no author any more"),
        (
            "/commits",
            json!(251),
            "it has 251 commits, of which 2 are told",
        ),
        (
            "/base/repo/full_name",
            json!("city/other"),
            "speaks of the repository city/other",
        ),
        (
            "/head/sha",
            json!("2222"),
            "what should be a commit's hash is none",
        ),
        ("/merged", json!("yes"), "invalid type"),
    ] {
        let mut pull = pull();
        *pull.pointer_mut(key).unwrap() = value;
        let error = merged(&pull, &reviews).unwrap_err().to_string();
        assert!(error.contains(expected), "{key}: {error}");
    }
    let error = Bed::new()
        .forge(ForgeKind::GitHub)
        .merged("main")
        .unwrap_err();
    assert!(
        error.to_string().contains("`main` is not a whole hash"),
        "{error}"
    );
}

pub fn by_bot() -> Value {
    let mut pull = pull();
    pull["user"] = user("github-actions[bot]");
    pull["head"]["ref"] = json!("request/form-12");
    pull["body"] = json!("From a form.\n\nCloses #12\n");
    pull
}

pub fn issue(number: u64, author: Value) -> Value {
    json!({"id": 1, "number": number, "state": "closed", "title": "New hire", "user": author,
           "url": format!("https://api.github.com/repos/city/access/issues/{number}"),
           "repository_url": "https://api.github.com/repos/City/access",
           "created_at": "2026-03-01T08:00:00Z", "body": "Closes #99"})
}

#[test]
fn a_bots_pull_request_is_its_forms_author_who_cannot_approve_it() {
    let bed = Bed::new();
    let reviews = json!([
        review("dreyes", "APPROVED", HEAD, 10),
        review("mnovak", "APPROVED", HEAD, 11)
    ]);
    told(&bed, &by_bot(), &reviews);
    bed.get(&format!("{BELOW}/issues/12"), &issue(12, user("DReyes")));
    let told = bed.forge(ForgeKind::GitHub).pull_request(7).unwrap();
    assert_eq!(told.author.as_str(), "github-actions[bot]");
    assert_eq!(told.opened_for.as_ref().unwrap().as_str(), "dreyes");
    assert_eq!(approvers(&told), ["mnovak"]);
}

#[test]
fn whose_form_it_was_is_proven_or_refused() {
    let at = |key: &str, value: Value| {
        let mut issue = issue(12, user("dreyes"));
        issue[key] = value;
        issue
    };
    let with = |key: &str, value: Value| {
        let mut pull = by_bot();
        *pull.pointer_mut(key).unwrap() = value;
        pull
    };
    let good = || issue(12, user("dreyes"));
    for (pull, issue, expected) in [
        (by_bot(), at("user", json!(null)), "has no account any more"),
        (by_bot(), at("user", user("other[bot]")), "is a bot too"),
        (by_bot(), at("user", user("form-bot")), "is a bot too"),
        (
            by_bot(),
            at("pull_request", json!({"url": "x"})),
            "#12 is no issue",
        ),
        (by_bot(), at("number", json!(13)), "was moved elsewhere"),
        (
            by_bot(),
            at(
                "repository_url",
                json!("https://api.github.com/repos/city/other"),
            ),
            "was moved elsewhere",
        ),
        (
            by_bot(),
            at("created_at", json!("2026-03-01T09:00:01Z")),
            "is younger",
        ),
        (
            with("/body", json!("Closes #99")),
            good(),
            "name different issues",
        ),
        (
            with("/body", json!("Closes #12\nFixes #99")),
            good(),
            "closes several issues",
        ),
        (with("/body", json!(null)), good(), "has no line"),
        (
            with("/head/ref", json!("kim")),
            good(),
            "does not end in the number",
        ),
        // An account that is a bot by the operator's word.
        (
            with("/user", user("form-bot")),
            at("user", json!(null)),
            "bot form-bot",
        ),
    ] {
        let bed = Bed::new();
        told(&bed, &pull, &json!([]));
        bed.get(&format!("{BELOW}/issues/12"), &issue);
        let error = bed.forge(ForgeKind::GitHub).pull_request(7).unwrap_err();
        assert!(matches!(error, ForgeError::Form { .. }), "{error}");
        assert!(error.to_string().contains(expected), "{expected}: {error}");
    }
    let bed = Bed::new();
    told(&bed, &by_bot(), &json!([]));
    bed.refuse(
        &format!("{BELOW}/issues/12"),
        410,
        &json!({"message": "This issue was deleted"}),
    );
    let error = bed.forge(ForgeKind::GitHub).pull_request(7).unwrap_err();
    assert!(error.is_an_answer(), "{error}");
    let error = error.to_string();
    assert!(
        error.contains("410: This issue was deleted; it was deleted, or"),
        "{error}"
    );
}

#[test]
fn lists_are_read_to_their_end() {
    let bed = Bed::new();
    let at = format!("{BELOW}/pulls/7/reviews");
    let page = |number: &str, reviews: Value, link: Option<&str>| {
        let mut answer = ResponseTemplate::new(200).set_body_json(reviews);
        if let Some(link) = link {
            answer = answer.insert_header("link", link);
        }
        let given = Mock::given(method("GET")).and(path(at.as_str()));
        given
            .and(query_param("page", number))
            .respond_with(answer)
            .with_priority(1)
    };
    // The addresses in the links lead elsewhere; only that there is a next page is believed.
    let next = "<https://elsewhere.example/steal?page=2>; rel=\"next\"";
    let early: Vec<Value> = (0..100)
        .map(|_| review("tlee", "COMMENTED", HEAD, 9))
        .collect();
    bed.mount(page("1", json!(early), Some(next)));
    bed.mount(page(
        "2",
        json!([review("mnovak", "APPROVED", HEAD, 10)]),
        Some(next),
    ));
    let last = json!([review("mnovak", "CHANGES_REQUESTED", HEAD, 11)]);
    bed.mount(page("3", last, Some("<https://x/?page=1>; rel=\"first\"")));
    told(&bed, &pull(), &json!([]));
    let told = bed.forge(ForgeKind::GitHub).pull_request(7).unwrap();
    assert_eq!(told.reviews.len(), 102);
    assert!(approvers(&told).is_empty(), "the last page was not read");
    for request in bed.requests() {
        assert_eq!(request.headers["authorization"], format!("Bearer {TOKEN}"));
        assert_eq!(request.headers["x-github-api-version"], "2022-11-28");
        assert!(
            request.headers["user-agent"]
                .to_str()
                .unwrap()
                .starts_with("countersign/")
        );
    }
}

#[test]
fn a_list_without_end_is_an_error_and_not_a_part() {
    let bed = Bed::new();
    let reviews = json!([review("mnovak", "APPROVED", HEAD, 10)]);
    let hour = std::sync::atomic::AtomicUsize::new(0);
    let mock = Mock::given(path(format!("{BELOW}/pulls/7/reviews"))).respond_with(
        move |_: &wiremock::Request| {
            let mut reviews = reviews.clone();
            reviews[0]["id"] = json!(hour.fetch_add(1, std::sync::atomic::Ordering::SeqCst));
            let answer = ResponseTemplate::new(200).set_body_json(reviews);
            answer.insert_header("link", "<https://x>; rel=\"next\"")
        },
    );
    bed.mount(mock.with_priority(1));
    told(&bed, &pull(), &json!([]));
    let error = bed.forge(ForgeKind::GitHub).pull_request(7).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("/reviews has more than 100 pages"),
        "{error}"
    );
}
