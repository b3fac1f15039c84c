//! The interface of Forgejo and Gitea, version 1 (`/swagger.v1.json` of any of them).
//!
//! What it can prove: a review names the commit it is of; `official` says that the reviewer's approval
//! counts by the rules of the branch, `stale` and `dismissed` that it does not any more.
//!
//! Invariant: the `head` of a merged pull request is not believed. It is the branch as it is now, which
//! can be pushed to after the merge; its commits are those that were merged.

use super::api::{Account, Api, Comment, Hash, Issue, Open, Read, ending_with, without_author};
use super::client::{Client, Manners, PATCH, POST, path};
use super::failure::ForgeError;
use super::github::{Verification, author_of};
use super::settings::{RepositoryPath, Settings};
use super::{Commit, Login, PullRequest, Review, ReviewState};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

/// Longest comment, in bytes. Neither Forgejo nor Gitea has a limit of its own; this is what a TEXT
/// column of MySQL holds, which older ones keep comments in.
const LONGEST_COMMENT: usize = 65_535;

const MANNERS: Manners = Manners {
    token: ("authorization", "token "),
    // `MAX_RESPONSE_ITEMS`, if nobody changed it.
    page: ("limit", 50),
    version: None,
};

pub(super) struct Forgejo {
    client: Client,
    repository: RepositoryPath,
}

#[derive(Deserialize)]
struct Found {
    number: u64,
}

#[derive(Deserialize)]
struct Proposed {
    number: u64,
    base: Branch,
    head: Head,
}

#[derive(Deserialize)]
struct Branch {
    #[serde(rename = "ref")]
    name: String,
}

#[derive(Deserialize)]
struct Pull {
    number: u64,
    html_url: String,
    user: Option<User>,
    body: Option<String>,
    created_at: Timestamp,
    merged: bool,
    merged_at: Option<Timestamp>,
    merged_by: Option<User>,
    merge_commit_sha: Option<Hash>,
    base: Base,
    head: Head,
}

/// An account; those of the forge itself have numbers below zero: -1 stands for all that are gone, -2
/// for the jobs of its own CI.
#[derive(Deserialize)]
struct User {
    id: i64,
    login: String,
}

impl User {
    fn login(&self) -> Option<Login> {
        (self.id != -1 && !self.login.is_empty()).then(|| Login::new(&self.login))
    }

    fn is_bot(&self) -> bool {
        self.id < -1
    }
}

#[derive(Deserialize)]
struct Base {
    #[serde(rename = "ref")]
    branch: String,
    repo: Repo,
}

#[derive(Deserialize)]
struct Repo {
    full_name: String,
}

#[derive(Deserialize)]
struct Head {
    /// The branch, even where it is not there any more.
    label: String,
    sha: String,
}

#[derive(Deserialize)]
struct Listed {
    sha: Hash,
    author: Option<Value>,
    commit: Inner,
}

#[derive(Deserialize)]
struct Inner {
    verification: Option<Verification>,
}

#[derive(Deserialize)]
struct Said {
    user: Option<User>,
    state: String,
    commit_id: String,
    stale: bool,
    official: bool,
    dismissed: bool,
    submitted_at: Timestamp,
}

#[derive(Deserialize)]
struct Event {
    #[serde(rename = "type")]
    sort: String,
    created_at: Timestamp,
}

#[derive(Deserialize)]
struct Form {
    number: u64,
    user: Option<User>,
    created_at: Timestamp,
    pull_request: Option<Value>,
    repository: Repo,
}

impl Forgejo {
    pub(super) fn open(settings: &Settings) -> Result<Self, ForgeError> {
        Ok(Self {
            client: Client::new(settings, MANNERS)?,
            repository: settings.repository.clone(),
        })
    }

    fn path(&self, parts: &[&str]) -> String {
        let (owner, name) = self.repository.halves();
        path(&[&["repos", owner, name], parts].concat())
    }

    fn comment_path(&self, comment: u64) -> String {
        self.path(&["issues", "comments", &comment.to_string()])
    }
}

impl Api for Forgejo {
    fn merged_as(&self, commit: &str) -> Result<Vec<u64>, ForgeError> {
        let path = self.path(&["commits", commit, "pull"]);
        if let Some(Found { number }) = self.client.find(&path)? {
            return Ok(vec![number]);
        }
        // No such pull request, or no such repository for this token: only one of them is an answer.
        let _: Value = self.client.get(&self.path(&["git", "commits", commit]))?;
        Ok(Vec::new())
    }

    fn open(&self) -> Result<Vec<Open>, ForgeError> {
        let path = self.path(&["pulls"]);
        let found: Vec<Proposed> = self.client.list(&path, "state=open&sort=oldest&")?;
        let open = found.into_iter().map(|pull| Open {
            number: pull.number,
            base: pull.base.name,
            head: pull.head.sha.to_ascii_lowercase(),
        });
        Ok(open.collect())
    }

    fn pull_request(&self, number: u64) -> Result<Read, ForgeError> {
        let text = number.to_string();
        let pull: Pull = self.client.get(&self.path(&["pulls", &text]))?;
        let author = pull.user.as_ref();
        let login = author.and_then(User::login);
        let login = login.ok_or_else(|| without_author(number))?;
        let mut listed: Vec<Listed> = self
            .client
            .list(&self.path(&["pulls", &text, "commits"]), "files=false&")?;
        listed.reverse();
        let head = match (pull.merged, listed.last()) {
            (true, Some(last)) => last.sha.0.clone(),
            (false, _) | (true, None) => pull.head.sha.to_ascii_lowercase(),
        };
        let commits = listed.into_iter().map(|listed| Commit {
            hash: listed.sha.0,
            author: author_of(listed.author.as_ref()),
            verified: listed.commit.verification.is_some_and(|v| v.verified),
        });
        let commits = ending_with(&head, commits.collect(), number)?;
        let events: Vec<Option<Event>> = self
            .client
            .list(&self.path(&["issues", &text, "timeline"]), "")?;
        let rebased = events
            .iter()
            .flatten()
            .filter(|event| event.sort == "change_target_branch")
            .map(|event| event.created_at)
            .max();
        let said: Vec<Said> = self
            .client
            .list(&self.path(&["pulls", &text, "reviews"]), "")?;
        let mut reviews = Vec::new();
        for said in said {
            // A team that was asked, or an account that is gone.
            let Some(login) = said.user.as_ref().and_then(User::login) else {
                continue;
            };
            let late = said.stale || rebased.is_some_and(|rebased| said.submitted_at <= rebased);
            let state = match said.state.as_str() {
                "PENDING" | "REQUEST_REVIEW" => continue,
                "COMMENT" => ReviewState::Commented,
                "APPROVED" | "REQUEST_CHANGES" if said.dismissed => ReviewState::Dismissed,
                "REQUEST_CHANGES" => ReviewState::ChangesRequested,
                "APPROVED" if late => ReviewState::Stale,
                "APPROVED" if !said.official => ReviewState::Unofficial,
                "APPROVED" => ReviewState::Approved,
                _ => ReviewState::Unknown,
            };
            let commit = Hash::try_from(said.commit_id).ok();
            reviews.push(Review {
                login,
                state,
                commit: commit.map(|hash| hash.0),
                submitted_at: said.submitted_at,
            });
        }
        if pull.merged && (pull.merged_at.is_none() || pull.merge_commit_sha.is_none()) {
            let why = "it is merged, and neither when nor as what is told".into();
            return Err(ForgeError::Inconsistent { number, why });
        }
        Ok(Read {
            by_bot: author.is_some_and(User::is_bot),
            text: pull.body.unwrap_or_default(),
            branch: pull.head.label,
            created_at: pull.created_at,
            repository: pull.base.repo.full_name,
            pull_request: PullRequest {
                number: pull.number,
                url: pull.html_url,
                base: pull.base.branch,
                head,
                author: login,
                opened_for: None,
                merged_by: pull
                    .merged_by
                    .as_ref()
                    .filter(|_| pull.merged)
                    .and_then(User::login),
                merge_commit: pull
                    .merge_commit_sha
                    .filter(|_| pull.merged)
                    .map(|hash| hash.0),
                merged_at: pull.merged_at.filter(|_| pull.merged),
                commits,
                reviews,
            },
        })
    }

    fn issue(&self, number: u64) -> Result<Issue, ForgeError> {
        let form: Form = self
            .client
            .get(&self.path(&["issues", &number.to_string()]))?;
        Ok(Issue {
            number: form.number,
            author: form.user.as_ref().and_then(User::login),
            by_bot: form.user.as_ref().is_some_and(User::is_bot),
            is_pull_request: form.pull_request.is_some(),
            created_at: form.created_at,
            repository: Some(form.repository.full_name),
        })
    }

    fn own_login(&self) -> Result<Login, ForgeError> {
        let user: Account = self.client.get(&path(&["user"]))?;
        Ok(user.login())
    }

    fn comments(&self, number: u64) -> Result<Vec<Comment>, ForgeError> {
        let path = self.path(&["issues", &number.to_string(), "comments"]);
        self.client.list(&path, "")
    }

    fn write(&self, number: u64, body: &str) -> Result<(), ForgeError> {
        let path = self.path(&["issues", &number.to_string(), "comments"]);
        let _: Value = self.client.send(&POST, &path, &json!({"body": body}))?;
        Ok(())
    }

    fn rewrite(&self, _: u64, comment: u64, body: &str) -> Result<(), ForgeError> {
        let path = self.comment_path(comment);
        let _: Value = self.client.send(&PATCH, &path, &json!({"body": body}))?;
        Ok(())
    }

    fn delete(&self, _: u64, comment: u64) -> Result<(), ForgeError> {
        self.client.delete(&self.comment_path(comment))
    }

    fn longest_comment(&self) -> usize {
        LONGEST_COMMENT
    }
}
