//! The open pull request of a head: found in a list that is read to its end, of a fork too.

use super::bed::Bed;
use super::{HEAD, OLD, OTHER, forgejo, github, gitlab};
use countersign::forge::{ForgeError, ForgeKind};
use serde_json::{Value, json};
use wiremock::matchers::{method, path, query_param};
use wiremock::{Mock, ResponseTemplate};

/// Pull request 7, open, as a forge lists it and as it tells it alone.
fn open(bed: &Bed, kind: ForgeKind) -> (String, Value) {
    match kind {
        ForgeKind::GitHub => {
            let mut pull = github::pull();
            for key in ["merged_at", "merged_by"] {
                pull[key] = json!(null);
            }
            pull["merged"] = json!(false);
            github::told(bed, &pull, &json!([]));
            (format!("{}/pulls", github::BELOW), pull)
        }
        ForgeKind::GitLab => {
            let mut merge = gitlab::merge_request();
            for key in ["merged_at", "merge_commit_sha", "merge_user", "merged_by"] {
                merge[key] = json!(null);
            }
            merge["state"] = json!("opened");
            gitlab::told(bed, &merge, &[], &[]);
            (format!("{}/merge_requests", gitlab::BELOW), merge)
        }
        ForgeKind::Forgejo => {
            let mut pull = forgejo::pull();
            for key in ["merged_at", "merged_by", "merge_commit_sha"] {
                pull[key] = json!(null);
            }
            pull["merged"] = json!(false);
            forgejo::told(bed, &pull, &json!([]));
            (format!("{}/pulls", forgejo::BELOW), pull)
        }
    }
}

/// The same with another number and head.
fn other(kind: ForgeKind, pull: &Value, number: u64, head: &str) -> Value {
    let mut other = pull.clone();
    match kind {
        ForgeKind::GitHub | ForgeKind::Forgejo => {
            other["number"] = json!(number);
            other["head"]["sha"] = json!(head);
        }
        ForgeKind::GitLab => {
            other["iid"] = json!(number);
            other["sha"] = json!(head);
        }
    }
    other
}

const KINDS: [ForgeKind; 3] = [ForgeKind::GitHub, ForgeKind::GitLab, ForgeKind::Forgejo];

#[test]
fn it_is_found_on_whichever_page_it_stands() {
    for kind in KINDS {
        let bed = Bed::new();
        let (at, pull) = open(&bed, kind);
        let first = json!([other(kind, &pull, 5, OLD), other(kind, &pull, 6, OTHER)]);
        for (number, body, link) in [("1", first, "next"), ("2", json!([pull]), "first")] {
            let answer = ResponseTemplate::new(200).set_body_json(body);
            let link = format!("<https://elsewhere.example/?page=2>; rel=\"{link}\"");
            let answer = answer.insert_header("link", link.as_str());
            let given = Mock::given(method("GET")).and(path(at.as_str()));
            bed.mount(given.and(query_param("page", number)).respond_with(answer));
        }
        let forge = bed.forge(kind);
        let found = forge.proposed(HEAD, "main").unwrap().unwrap();
        assert_eq!((found.number, found.head.as_str()), (7, HEAD));
        assert_eq!(forge.proposed(HEAD, "sandbox").unwrap(), None);
        assert_eq!(forge.proposed(&"9".repeat(40), "main").unwrap(), None);
        let list = bed.requests().into_iter().find(|r| r.url.path() == at);
        let query = list.unwrap().url.query().unwrap_or_default().to_owned();
        assert!(query.contains("state=open"), "{query}");
    }
}

#[test]
fn one_of_several_is_not_chosen_and_one_that_moved_is_asked_about_again() {
    for kind in KINDS {
        let bed = Bed::new();
        let (at, pull) = open(&bed, kind);
        bed.get(&at, &json!([pull, other(kind, &pull, 9, HEAD)]));
        let error = bed.forge(kind).proposed(HEAD, "main").unwrap_err();
        assert!(error.is_an_answer(), "{error}");
        assert!(error.to_string().contains("(#7, #9)"), "{error}");
        // The list is older than what the pull request itself tells.
        let bed = Bed::new();
        let (at, pull) = open(&bed, kind);
        bed.get(&at, &json!([other(kind, &pull, 7, OTHER)]));
        let error = bed.forge(kind).proposed(OTHER, "main").unwrap_err();
        assert!(matches!(error, ForgeError::Inconsistent { .. }), "{error}");
        assert!(!error.is_an_answer());
        let error = bed.forge(kind).proposed("HEAD", "main").unwrap_err();
        assert!(error.to_string().contains("is not a whole hash"), "{error}");
    }
}
