//! What a forge tells a pipeline (an event, or the payload of a webhook) → the little of it that is acted
//! on: numbers and hashes, and the text and author of an issue. Everything else in it is hostile.

use crate::manifest::config::ForgeKind;
use serde_json::Value;

/// A pull request that a pipeline is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullRequest {
    /// Its number.
    pub number: u64,
    /// The commit at its head, in hexadecimal.
    pub head: String,
}

/// An issue as its author opened it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issue {
    /// Its number.
    pub number: u64,
    /// The author's login.
    pub author: String,
    /// The text.
    pub body: String,
}

/// Why an event cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)]
pub enum EventError {
    #[error("the event has no usable `{0}`")]
    Lacks(&'static str),
    #[error("the issue was not opened just now; only what its author opened it with is read")]
    NotOpened,
    #[error(
        "the issue is by `{author}` and was opened by `{sender}`: nobody can ask in somebody else's name"
    )]
    OnBehalf { author: String, sender: String },
}

/// The pull request that an event is about; none where it is about something else.
///
/// `open` is the forge's list of open pull requests, where the event names only a head.
///
/// # Errors
/// [`EventError`] where it is about one and does not say which.
pub fn pull_request(
    forge: ForgeKind,
    event: &Value,
    open: Option<&Value>,
) -> Result<Option<PullRequest>, EventError> {
    let (number, head) = match forge {
        ForgeKind::Github => match event.get("workflow_run") {
            Some(run) => return of_run(run, open),
            None => ("/pull_request/number", "/pull_request/head/sha"),
        },
        ForgeKind::Forgejo => ("/pull_request/number", "/pull_request/head/sha"),
        ForgeKind::Gitlab => {
            if event.pointer("/object_kind").and_then(Value::as_str) != Some("merge_request") {
                return Ok(None);
            }
            (
                "/object_attributes/iid",
                "/object_attributes/last_commit/id",
            )
        }
    };
    let Some(number) = event.pointer(number) else {
        return Ok(None);
    };
    Ok(Some(PullRequest {
        number: number.as_u64().ok_or(EventError::Lacks("number"))?,
        head: hash(event.pointer(head))?,
    }))
}

/// The pull request of a finished run: the one the run names, else the open one with the run's head.
fn of_run(run: &Value, open: Option<&Value>) -> Result<Option<PullRequest>, EventError> {
    let head = hash(run.get("head_sha"))?;
    let repository = run.pointer("/repository/id").and_then(Value::as_u64);
    let fits = |pull: &&Value| {
        let of = |key: &str| pull.pointer(key);
        of("/head/sha").and_then(Value::as_str) == Some(&head)
            && of("/base/repo/id").and_then(Value::as_u64) == repository
            && repository.is_some()
    };
    let named = run.get("pull_requests").and_then(Value::as_array);
    let named = named.into_iter().flatten();
    let listed = open.and_then(Value::as_array).into_iter().flatten();
    let Some(pull) = named.chain(listed).find(fits) else {
        return Ok(None);
    };
    let number = pull.get("number").and_then(Value::as_u64);
    let number = number.ok_or(EventError::Lacks("number"))?;
    Ok(Some(PullRequest { number, head }))
}

fn hash(value: Option<&Value>) -> Result<String, EventError> {
    let text = value.and_then(Value::as_str).unwrap_or_default();
    let is_hash = matches!(text.len(), 40 | 64)
        && text
            .bytes()
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    match is_hash {
        true => Ok(text.to_owned()),
        false => Err(EventError::Lacks("head")),
    }
}

/// The issue that was opened; none where the event is about something else.
///
/// # Errors
/// [`EventError`] where the issue is not as its author opened it.
pub fn issue(forge: ForgeKind, event: &Value) -> Result<Option<Issue>, EventError> {
    let text = |key: &'static str| event.pointer(key).and_then(Value::as_str);
    let number = |key: &'static str| event.pointer(key).and_then(Value::as_u64);
    match forge {
        ForgeKind::Github | ForgeKind::Forgejo => {
            let Some(issue) = event.get("issue") else {
                return Ok(None);
            };
            if issue.get("pull_request").is_some_and(|p| !p.is_null()) {
                return Ok(None);
            }
            if text("/action") != Some("opened") {
                return Err(EventError::NotOpened);
            }
            let author = text("/issue/user/login").ok_or(EventError::Lacks("issue.user.login"))?;
            let sender = text("/sender/login").ok_or(EventError::Lacks("sender.login"))?;
            if author != sender {
                return Err(EventError::OnBehalf {
                    author: author.to_owned(),
                    sender: sender.to_owned(),
                });
            }
            Ok(Some(Issue {
                number: number("/issue/number").ok_or(EventError::Lacks("issue.number"))?,
                author: author.to_owned(),
                body: text("/issue/body").unwrap_or_default().to_owned(),
            }))
        }
        ForgeKind::Gitlab => {
            if text("/object_kind") != Some("issue") {
                return Ok(None);
            }
            if text("/object_attributes/action") != Some("open") {
                return Err(EventError::NotOpened);
            }
            let author = text("/user/username").ok_or(EventError::Lacks("user.username"))?;
            let sender = number("/user/id").ok_or(EventError::Lacks("user.id"))?;
            if number("/object_attributes/author_id") != Some(sender) {
                return Err(EventError::OnBehalf {
                    author: "somebody else".to_owned(),
                    sender: author.to_owned(),
                });
            }
            let iid = number("/object_attributes/iid");
            let body = text("/object_attributes/description");
            Ok(Some(Issue {
                number: iid.ok_or(EventError::Lacks("object_attributes.iid"))?,
                author: author.to_owned(),
                body: body.unwrap_or_default().to_owned(),
            }))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const HEAD: &str = "0123456789abcdef0123456789abcdef01234567";

    #[test]
    fn a_run_for_a_fork_is_told_by_its_head_and_its_repository() {
        let event = json!({"workflow_run": {"head_sha": HEAD, "repository": {"id": 7}, "pull_requests": []}});
        let pull = |number: u64, head: &str, base: u64| json!({"number": number, "head": {"sha": head}, "base": {"repo": {"id": base}}});
        let other = "f".repeat(40);
        let open = json!([pull(1, &other, 7), pull(2, HEAD, 8), pull(3, HEAD, 7)]);
        let found = pull_request(ForgeKind::Github, &event, Some(&open));
        assert_eq!(
            found,
            Ok(Some(PullRequest {
                number: 3,
                head: HEAD.into()
            }))
        );
        assert_eq!(pull_request(ForgeKind::Github, &event, None), Ok(None));
    }

    #[test]
    fn what_is_no_number_or_hash_is_refused() {
        for (number, head) in [
            (json!("1; id"), json!(HEAD)),
            (json!(-1), json!(HEAD)),
            (json!(1), json!("main")),
            (json!(1), json!("0123456789ABCDEF0123456789ABCDEF01234567")),
            (json!(1), json!(format!("{}\nx", &HEAD[..38]))),
        ] {
            let event = json!({"pull_request": {"number": number, "head": {"sha": head}}});
            assert!(
                pull_request(ForgeKind::Forgejo, &event, None).is_err(),
                "{event}"
            );
        }
    }

    #[test]
    fn nobody_opens_an_issue_in_somebody_elses_name() {
        let event = |author: &str, action: &str| {
            json!({"action": action, "sender": {"login": "sam"},
                "issue": {"number": 5, "user": {"login": author}, "body": "b"}})
        };
        let github = |event: &Value| issue(ForgeKind::Github, event);
        assert_eq!(
            github(&event("sam", "opened")),
            Ok(Some(Issue {
                number: 5,
                author: "sam".into(),
                body: "b".into()
            }))
        );
        assert_eq!(github(&event("sam", "edited")), Err(EventError::NotOpened));
        assert!(matches!(
            github(&event("dana", "opened")),
            Err(EventError::OnBehalf { .. })
        ));
        let gitlab = |author: u64| {
            json!({"object_kind": "issue", "user": {"id": 3, "username": "sam"},
                "object_attributes": {"action": "open", "iid": 9, "author_id": author, "description": "d"}})
        };
        assert!(
            issue(ForgeKind::Gitlab, &gitlab(3))
                .is_ok_and(|i| i.is_some_and(|i| i.author == "sam"))
        );
        assert!(issue(ForgeKind::Gitlab, &gitlab(4)).is_err());
    }
}
