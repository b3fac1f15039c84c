//! Whatever a forge answers - it may be anybody who sits in its place - there is a result or an error,
//! never a panic, and never an approval that was not told.

use super::bed::Bed;
use super::{HEAD, MERGE, approvers, forgejo, github, gitlab};
use countersign::forge::ForgeKind;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};
use std::cell::Cell;
use std::sync::{Arc, Mutex};
use wiremock::matchers::any as anything;
use wiremock::{Mock, Request, ResponseTemplate};

/// A forge whose every answer can be exchanged: path of the request → body.
type Answers = Arc<Mutex<Vec<(String, Value)>>>;

fn serving(bed: &Bed) -> Answers {
    let answers = Answers::default();
    let shown = answers.clone();
    bed.mount(
        Mock::given(anything()).respond_with(move |request: &Request| {
            let answers = shown.lock().unwrap();
            let found = answers.iter().find(|(at, _)| at == request.url.path());
            match found {
                Some((_, body)) => ResponseTemplate::new(200).set_body_json(body),
                None => ResponseTemplate::new(404),
            }
        }),
    );
    answers
}

/// Who opened the pull request.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Opened {
    ByAPerson,
    ByABot,
}

/// Good answers, with one approval by `mnovak` in them; of a form, where a bot opened the pull request.
fn good(kind: ForgeKind, opened: Opened) -> Vec<(String, Value)> {
    // The same answers that the tests of each forge begin with, taken from a mock of it.
    let bed = Bed::new();
    let paths: Vec<String> = match kind {
        ForgeKind::GitHub => {
            let pull = match opened {
                Opened::ByAPerson => github::pull(),
                Opened::ByABot => github::by_bot(),
            };
            github::told(
                &bed,
                &pull,
                &json!([github::review("mnovak", "APPROVED", HEAD, 12)]),
            );
            let at = |part: &str| format!("{}/{part}", github::BELOW);
            let form = at("issues/12");
            bed.get(&form, &github::issue(12, github::user("dreyes")));
            let parts = [
                "pulls/7",
                "pulls/7/commits",
                "issues/7/events",
                "pulls/7/reviews",
            ];
            parts.into_iter().map(at).chain([form]).collect()
        }
        ForgeKind::GitLab => {
            let approval =
                json!({"user": gitlab::user("mnovak"), "approved_at": "2026-03-01T13:00:00Z"});
            gitlab::told(&bed, &gitlab::merge_request(), &[approval], &[]);
            let at = |part: &str| format!("{}/merge_requests/7{part}", gitlab::BELOW);
            let account = format!("/api/v4/users/{}", gitlab::user("sokafor")["id"]);
            vec![
                at(""),
                at("/commits"),
                at("/versions"),
                at("/approvals"),
                at("/notes"),
                account,
            ]
        }
        ForgeKind::Forgejo => {
            forgejo::told(
                &bed,
                &forgejo::pull(),
                &json!([forgejo::review("mnovak", "APPROVED", HEAD, 12)]),
            );
            let at = |part: &str| format!("{}/{part}", forgejo::BELOW);
            vec![
                at("pulls/7"),
                at("pulls/7/commits"),
                at("issues/7/timeline"),
                at("pulls/7/reviews"),
            ]
        }
    };
    bed.answers(&paths)
}

/// Every place in a value.
fn places(value: &Value, at: String, all: &mut Vec<String>) {
    all.push(at.clone());
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                places(item, format!("{at}/{index}"), all);
            }
        }
        Value::Object(fields) => {
            for (name, field) in fields {
                places(field, format!("{at}/{name}"), all);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn odd() -> impl Strategy<Value = Value> {
    prop_oneof![
        select(vec![
            json!(null),
            json!(true),
            json!(false),
            json!(0),
            json!(-1),
            json!(7),
            json!(1e300),
            json!(18_446_744_073_709_551_615_u64),
            json!(""),
            json!([]),
            json!({}),
            json!([null]),
            json!("APPROVED"),
            json!("Bot"),
            json!("Closes #12"),
            json!("request/form-12"),
            json!("merged"),
            json!(HEAD),
            json!(MERGE),
            json!("\u{0}\u{202e}"),
            json!("9999-12-31T23:59:59Z"),
            json!("-009999-01-01T00:00:00Z"),
            json!("2026-03-01T12:00:00Z"),
            json!({"login": "mnovak", "id": 4, "type": "User", "username": "mnovak"}),
            json!([{"login": "x"}]),
        ]),
        ".{0,20}".prop_map(Value::String),
        any::<i64>().prop_map(Value::from),
    ]
}

/// Whether the answers, as they are, tell of an approval by this login at all: the word, the name and,
/// where the forge has it, the last commit stand in one object.
fn told(kind: ForgeKind, answers: &[(String, Value)], login: &str, head: &str) -> bool {
    let ending = if kind == ForgeKind::GitLab {
        "/approvals"
    } else {
        "/reviews"
    };
    let reviews = answers
        .iter()
        .find(|(at, _)| at.ends_with(ending))
        .map(|(_, body)| body);
    let is = |value: &Value| {
        value
            .as_str()
            .is_some_and(|text| text.eq_ignore_ascii_case(login))
    };
    let of = |user: &Value| is(&user["login"]) || is(&user["username"]);
    match (kind, reviews) {
        (_, None) => false,
        (ForgeKind::GitLab, Some(body)) => {
            let approved = body["approved_by"].as_array();
            approved.is_some_and(|all| all.iter().any(|one| of(&one["user"])))
        }
        (ForgeKind::GitHub | ForgeKind::Forgejo, Some(body)) => {
            let said = |one: &Value| {
                one["state"] == "APPROVED"
                    && of(&one["user"])
                    && one["commit_id"].as_str() == Some(head)
            };
            body.as_array().is_some_and(|all| all.iter().any(said))
        }
    }
}

#[test]
fn no_answer_makes_a_panic_or_an_approval_that_was_not_told() {
    for (kind, opened) in [
        (ForgeKind::GitHub, Opened::ByAPerson),
        (ForgeKind::GitHub, Opened::ByABot),
        (ForgeKind::GitLab, Opened::ByAPerson),
        (ForgeKind::Forgejo, Opened::ByAPerson),
    ] {
        let bed = Bed::new();
        let answers = serving(&bed);
        let forge = bed.forge(kind);
        let good = good(kind, opened);
        *answers.lock().unwrap() = good.clone();
        assert_eq!(approvers(&forge.pull_request(7).unwrap()), ["mnovak"]);
        let mut all = Vec::new();
        for (index, (_, body)) in good.iter().enumerate() {
            let mut found = Vec::new();
            places(body, String::new(), &mut found);
            all.extend(found.into_iter().map(|place| (index, place)));
        }
        let (read, refused) = (Cell::new(0), Cell::new(0));
        let change = (any::<Index>(), odd());
        let changes = proptest::collection::vec(change, 1..4);
        let mut runner = TestRunner::new(Config {
            cases: 400,
            failure_persistence: None,
            ..Config::default()
        });
        let result = runner.run(&changes, |changes| {
            let mut changed = good.clone();
            for (place, value) in changes {
                let (index, place) = &all[place.index(all.len())];
                if let Some(at) = changed[*index].1.pointer_mut(place) {
                    *at = value;
                }
            }
            *answers.lock().unwrap() = changed.clone();
            match forge.pull_request(7) {
                Ok(pull_request) => {
                    read.set(read.get() + 1);
                    for approver in approvers(&pull_request) {
                        prop_assert!(
                            told(kind, &changed, &approver, &pull_request.head),
                            "{approver}: {changed:?}"
                        );
                        prop_assert!(approver != pull_request.author.as_str());
                        let form = pull_request.opened_for.as_ref().map(|login| login.as_str());
                        prop_assert!(Some(approver.as_str()) != form);
                    }
                    let last = pull_request
                        .commits
                        .last()
                        .map(|commit| commit.hash.clone());
                    prop_assert_eq!(last, Some(pull_request.head));
                }
                Err(error) => {
                    refused.set(refused.get() + 1);
                    let unfit = error.to_string().contains(['\0', '\u{202e}', '\x1b']);
                    prop_assert!(!unfit, "{:?}", error);
                }
            }
            Ok(())
        });
        result.unwrap();
        // Both sorts were met, or this would show nothing.
        assert!(
            read.get() > 20 && refused.get() > 20,
            "{kind:?}: {read:?} {refused:?}"
        );
    }
}
