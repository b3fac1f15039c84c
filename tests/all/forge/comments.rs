//! One comment below a pull request, kept up to date on a forge that remembers what was written.

use super::bed::Bed;
use super::{forgejo, github, gitlab};
use countersign::forge::{Commented, ForgeKind, Marker};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use wiremock::matchers::{method, path, path_regex};
use wiremock::{Mock, Request, ResponseTemplate};

/// Number, login and text of each comment.
type Comments = Arc<Mutex<Vec<(u64, String, String)>>>;

const FORGES: [ForgeKind; 3] = [ForgeKind::GitHub, ForgeKind::GitLab, ForgeKind::Forgejo];

/// A forge that remembers comments.
struct Thread {
    bed: Bed,
    kind: ForgeKind,
    comments: Comments,
}

fn thread(kind: ForgeKind) -> Thread {
    let bed = Bed::new();
    let (list, one, user) = match kind {
        ForgeKind::GitHub => (
            format!("{}/issues/7/comments", github::BELOW),
            format!("^{}/issues/comments/[0-9]+$", github::BELOW),
            "/api/v3/user",
        ),
        ForgeKind::GitLab => (
            format!("{}/merge_requests/7/notes", gitlab::BELOW),
            format!("^{}/merge_requests/7/notes/[0-9]+$", gitlab::BELOW),
            "/api/v4/user",
        ),
        ForgeKind::Forgejo => (
            format!("{}/issues/7/comments", forgejo::BELOW),
            format!("^{}/issues/comments/[0-9]+$", forgejo::BELOW),
            "/api/v1/user",
        ),
    };
    bed.get(user, &account(kind, "ci"));
    let comments = Comments::default();
    let shown = comments.clone();
    let answer = move |_: &Request| {
        let comments = shown.lock().unwrap();
        let form = |(id, login, body): &(u64, String, String)| {
            let user = account(kind, login);
            match kind {
                ForgeKind::GitLab => {
                    json!({"id": id, "author": user, "body": body, "system": false})
                }
                ForgeKind::GitHub | ForgeKind::Forgejo => {
                    json!({"id": id, "user": user, "body": body})
                }
            }
        };
        let all: Vec<Value> = comments.iter().map(form).collect();
        // Forgejo has no pages here, and says how many there are.
        let answer =
            ResponseTemplate::new(200).insert_header("x-total-count", all.len().to_string());
        answer.set_body_json(all)
    };
    bed.mount(
        Mock::given(method("GET"))
            .and(path(list.as_str()))
            .respond_with(answer),
    );
    let written = comments.clone();
    let answer = move |request: &Request| {
        let body: Value = request.body_json().unwrap();
        let mut comments = written.lock().unwrap();
        let id = comments.iter().map(|(id, ..)| *id).max().unwrap_or(0) + 1;
        comments.push((id, "ci".into(), body["body"].as_str().unwrap().into()));
        ResponseTemplate::new(201).set_body_json(json!({"id": id}))
    };
    bed.mount(
        Mock::given(method("POST"))
            .and(path(list.as_str()))
            .respond_with(answer),
    );
    let number = |request: &Request| request.url.path().rsplit('/').next()?.parse::<u64>().ok();
    let changed = comments.clone();
    let answer = move |request: &Request| {
        let body: Value = request.body_json().unwrap();
        let number = number(request).unwrap();
        for (id, _, text) in changed.lock().unwrap().iter_mut() {
            if *id == number {
                *text = body["body"].as_str().unwrap().into();
            }
        }
        ResponseTemplate::new(200).set_body_json(json!({"id": number}))
    };
    let verb = if kind == ForgeKind::GitLab {
        "PUT"
    } else {
        "PATCH"
    };
    bed.mount(
        Mock::given(method(verb))
            .and(path_regex(one.as_str()))
            .respond_with(answer),
    );
    let deleted = comments.clone();
    let answer = move |request: &Request| {
        let number = number(request).unwrap();
        deleted.lock().unwrap().retain(|(id, ..)| *id != number);
        ResponseTemplate::new(204)
    };
    bed.mount(
        Mock::given(method("DELETE"))
            .and(path_regex(one.as_str()))
            .respond_with(answer),
    );
    Thread {
        bed,
        kind,
        comments,
    }
}

fn account(kind: ForgeKind, login: &str) -> Value {
    match kind {
        ForgeKind::GitHub => github::user(login),
        ForgeKind::GitLab => gitlab::user(login),
        ForgeKind::Forgejo => forgejo::user(3, login),
    }
}

impl Thread {
    fn keep(&self, bodies: &[&str]) -> Commented {
        let bodies: Vec<String> = bodies.iter().map(|body| (*body).to_owned()).collect();
        let marker = Marker::new("diff").unwrap();
        self.bed
            .forge(self.kind)
            .comment(7, &marker, &bodies)
            .unwrap()
    }

    fn add(&self, login: &str, body: &str) {
        let mut comments = self.comments.lock().unwrap();
        let id = comments.len() as u64 + 100;
        comments.push((id, login.into(), body.into()));
    }

    fn texts(&self) -> Vec<String> {
        let comments = self.comments.lock().unwrap();
        comments
            .iter()
            .map(|(_, login, body)| format!("{login}: {body}"))
            .collect()
    }

    /// How many calls changed something.
    fn changes(&self) -> usize {
        let asked = self.bed.asked();
        asked
            .iter()
            .filter(|line| !line.starts_with("GET "))
            .count()
    }
}

fn done(written: usize, changed: usize, kept: usize, removed: usize) -> Commented {
    Commented {
        written,
        changed,
        kept,
        removed,
    }
}

#[test]
fn one_comment_is_written_then_changed_then_left_alone_then_removed() {
    for kind in FORGES {
        let thread = thread(kind);
        assert_eq!(thread.keep(&["first"]), done(1, 0, 0, 0));
        assert_eq!(thread.keep(&["second"]), done(0, 1, 0, 0));
        assert_eq!(thread.texts(), ["ci: <!-- countersign:diff 1 -->\nsecond"]);
        let before = thread.changes();
        assert_eq!(thread.keep(&["second\r\n"]), done(0, 0, 1, 0));
        assert_eq!(thread.changes(), before);
        assert_eq!(thread.keep(&[]), done(0, 0, 0, 1));
        assert!(thread.texts().is_empty());
    }
}

#[test]
fn several_parts_are_numbered_and_surplus_ones_go_away() {
    for kind in FORGES {
        let thread = thread(kind);
        assert_eq!(thread.keep(&["a", "b", "c"]), done(3, 0, 0, 0));
        assert_eq!(
            thread.texts()[1],
            "ci: <!-- countersign:diff 2 -->\n_Part 2 of 3_\n\nb"
        );
        assert_eq!(thread.keep(&["a", "x", "c"]), done(0, 1, 2, 0));
        assert_eq!(thread.keep(&["a"]), done(0, 1, 0, 2));
        assert_eq!(thread.texts(), ["ci: <!-- countersign:diff 1 -->\na"]);
    }
    let thread = thread(ForgeKind::GitHub);
    let long = "- a line of what changes\n".repeat(8_000);
    assert_eq!(thread.keep(&[long.as_str()]), done(4, 0, 0, 0));
    for (_, _, body) in thread.comments.lock().unwrap().iter() {
        assert!(body.len() <= 65_536);
    }
}

#[test]
fn what_others_wrote_is_never_touched_whatever_it_says() {
    for kind in FORGES {
        let thread = thread(kind);
        let forged = "<!-- countersign:diff 1 -->\nApproved by everybody.";
        thread.add("mallory", forged);
        thread.add("ci", "quoted:\n<!-- countersign:diff 1 -->");
        thread.add("ci", "<!-- countersign:other 1 -->\nkept by another");
        thread.add("mallory", "<!-- countersign:diff 9 -->");
        let before = thread.texts();
        assert_eq!(thread.keep(&["text"]), done(1, 0, 0, 0));
        assert_eq!(thread.keep(&[]), done(0, 0, 0, 1));
        assert_eq!(thread.texts(), before);
    }
}

#[test]
fn of_two_of_the_same_part_one_stays() {
    let thread = thread(ForgeKind::GitHub);
    thread.add("ci", "<!-- countersign:diff 1 -->\nold");
    thread.add("ci", "<!-- countersign:diff 1 -->\nolder");
    assert_eq!(thread.keep(&["new"]), done(0, 1, 0, 1));
    assert_eq!(thread.texts(), ["ci: <!-- countersign:diff 1 -->\nnew"]);
}

#[test]
fn what_may_not_be_deleted_is_emptied_once() {
    let thread = thread(ForgeKind::Forgejo);
    thread.keep(&["a", "b"]);
    let refused = ResponseTemplate::new(403).set_body_json(json!({"message": "no"}));
    thread.bed.mount(
        Mock::given(method("DELETE"))
            .respond_with(refused)
            .with_priority(1),
    );
    assert_eq!(thread.keep(&["a"]), done(0, 1, 0, 1));
    assert!(thread.texts()[1].ends_with("There is no further part any more._"));
    let before = thread.changes();
    assert_eq!(thread.keep(&["a"]), done(0, 0, 1, 0));
    assert_eq!(thread.changes(), before);
    assert_eq!(thread.keep(&["a", "c"]), done(0, 2, 0, 0));
}

#[test]
fn the_token_of_a_job_on_github_is_asked_for_its_name_another_way() {
    for said in ["github-actions", "github-actions[bot]"] {
        let thread = thread(ForgeKind::GitHub);
        thread.add("github-actions[bot]", "<!-- countersign:diff 1 -->\nold");
        thread.add("github-actions", "<!-- countersign:diff 1 -->\na person's");
        let denied = json!({"message": "Resource not accessible by integration"});
        thread.bed.refuse("/api/v3/user", 403, &denied);
        let viewer = json!({"data": {"viewer": {"login": said}}});
        let answer = ResponseTemplate::new(200).set_body_json(viewer);
        let at = path("/api/graphql");
        thread
            .bed
            .mount(Mock::given(method("POST")).and(at).respond_with(answer));
        assert_eq!(thread.keep(&["new"]), done(0, 1, 0, 0));
        let texts = thread.texts();
        assert_eq!(
            texts[0],
            "github-actions[bot]: <!-- countersign:diff 1 -->\nnew"
        );
        assert!(texts[1].ends_with("a person's"));
    }
    // Without a name nothing is written: it could be somebody else's.
    let thread = thread(ForgeKind::GitHub);
    thread.bed.refuse("/api/v3/user", 403, &json!({}));
    let answer = ResponseTemplate::new(200).set_body_json(json!({"errors": [{"message": "no"}]}));
    thread
        .bed
        .mount(Mock::given(path("/api/graphql")).respond_with(answer));
    let marker = Marker::new("diff").unwrap();
    assert!(
        thread
            .bed
            .forge(ForgeKind::GitHub)
            .comment(7, &marker, &["x".into()])
            .is_err()
    );
    assert!(thread.texts().is_empty());
}
