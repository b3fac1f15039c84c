//! GitHub's REST interface, version 2022-11-28 (<https://docs.github.com/en/rest>), and one question to
//! GraphQL.
//!
//! What it can prove: a review names the commit it is of, a dismissed one says so, and `type` tells
//! bots from people. A review is not tied to the branch the pull request was for when it was written,
//! so those from before a change of the base are counted as out of date.

use super::api::{Account, Api, Comment, Hash, Issue, Open, Read, ending_with, without_author};
use super::client::{Client, Manners, PATCH, POST, path};
use super::failure::ForgeError;
use super::settings::{ForgeKind, RepositoryPath, Settings};
use super::{Commit, Login, PullRequest, Review, ReviewState};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

/// Longest comment: 65,536 characters, says the interface where one is longer ("body is too long
/// (maximum is 65536 characters)"). Counted in bytes here, which are never fewer.
const LONGEST_COMMENT: usize = 65_536;

/// Most commits of a pull request that are told.
/// Source: <https://docs.github.com/en/rest/pulls/pulls#list-commits-on-a-pull-request>.
const MOST_COMMITS: usize = 250;

const MANNERS: Manners = Manners {
    token: ("authorization", "Bearer "),
    page: ("per_page", 100),
    version: Some(("x-github-api-version", "2022-11-28")),
};

/// Events after which earlier reviews are of something else.
/// Source: <https://docs.github.com/en/rest/using-the-rest-api/issue-event-types>.
const BASE_CHANGED: [&str; 2] = ["base_ref_changed", "automatic_base_change_succeeded"];

pub(super) struct GitHub {
    client: Client,
    repository: RepositoryPath,
    /// The path of GraphQL.
    graphql: String,
}

#[derive(Deserialize)]
struct Found {
    number: u64,
    merged_at: Option<Timestamp>,
    merge_commit_sha: Option<Hash>,
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
    commits: usize,
}

#[derive(Deserialize)]
struct User {
    login: String,
    #[serde(rename = "type")]
    sort: String,
}

impl User {
    fn login(&self) -> Login {
        Login::new(&self.login)
    }

    fn is_bot(&self) -> bool {
        self.sort == "Bot"
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
    #[serde(rename = "ref")]
    branch: String,
    sha: Hash,
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
pub(super) struct Verification {
    pub(super) verified: bool,
}

#[derive(Deserialize)]
struct Said {
    user: Option<User>,
    state: String,
    commit_id: Option<Hash>,
    submitted_at: Option<Timestamp>,
}

#[derive(Deserialize)]
struct Event {
    event: String,
    created_at: Timestamp,
}

#[derive(Deserialize)]
struct Form {
    number: u64,
    user: Option<User>,
    created_at: Timestamp,
    repository_url: String,
    pull_request: Option<Value>,
}

impl GitHub {
    pub(super) fn open(settings: &Settings) -> Result<Self, ForgeError> {
        let (_, below) = settings.url.api(ForgeKind::GitHub);
        let graphql = match below.strip_suffix("/v3") {
            Some(below) => format!("{below}/graphql"),
            None => format!("{below}/graphql"),
        };
        Ok(Self {
            client: Client::new(settings, MANNERS)?,
            repository: settings.repository.clone(),
            graphql,
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

impl Api for GitHub {
    fn merged_as(&self, commit: &str) -> Result<Vec<u64>, ForgeError> {
        let found: Vec<Found> = self
            .client
            .list(&self.path(&["commits", commit, "pulls"]), "")?;
        // An open one has a `merge_commit_sha` too: of a merge that was only tried.
        let merges = found.into_iter().filter(|found| {
            found.merged_at.is_some()
                && found
                    .merge_commit_sha
                    .as_ref()
                    .is_some_and(|sha| sha.0 == commit)
        });
        Ok(merges.map(|found| found.number).collect())
    }

    /// Read whole: of a commit that only a fork has, the list by commit tells nothing.
    fn open(&self) -> Result<Vec<Open>, ForgeError> {
        let path = self.path(&["pulls"]);
        let query = "state=open&sort=created&direction=asc&";
        let found: Vec<Proposed> = self.client.list(&path, query)?;
        let open = found.into_iter().map(|pull| Open {
            number: pull.number,
            base: pull.base.name,
            head: pull.head.sha.0,
        });
        Ok(open.collect())
    }

    fn pull_request(&self, number: u64) -> Result<Read, ForgeError> {
        let text = number.to_string();
        let pull: Pull = self.client.get(&self.path(&["pulls", &text]))?;
        let author = pull.user.as_ref().ok_or_else(|| without_author(number))?;
        let listed: Vec<Listed> = self
            .client
            .list(&self.path(&["pulls", &text, "commits"]), "")?;
        if listed.len() != pull.commits {
            let (has, shown) = (pull.commits, listed.len());
            let why = format!(
                "it has {has} commits, of which {shown} are told; GitHub tells at most {MOST_COMMITS}, so split a longer one"
            );
            return Err(match has > MOST_COMMITS {
                true => ForgeError::NoProof { number, why },
                false => ForgeError::Inconsistent { number, why },
            });
        }
        let commits = listed.into_iter().map(|listed| Commit {
            hash: listed.sha.0,
            author: author_of(listed.author.as_ref()),
            verified: listed.commit.verification.is_some_and(|v| v.verified),
        });
        let commits = ending_with(&pull.head.sha.0, commits.collect(), number)?;
        let events: Vec<Event> = self
            .client
            .list(&self.path(&["issues", &text, "events"]), "")?;
        let rebased = events
            .iter()
            .filter(|event| BASE_CHANGED.contains(&event.event.as_str()))
            .map(|event| event.created_at)
            .max();
        let said: Vec<Said> = self
            .client
            .list(&self.path(&["pulls", &text, "reviews"]), "")?;
        let mut reviews = Vec::new();
        for said in said {
            let (Some(user), Some(at)) = (&said.user, said.submitted_at) else {
                // One not sent yet, or by an account that is gone: neither can approve.
                continue;
            };
            let state = match said.state.as_str() {
                "APPROVED" if rebased.is_some_and(|rebased| at <= rebased) => ReviewState::Stale,
                "APPROVED" => ReviewState::Approved,
                "CHANGES_REQUESTED" => ReviewState::ChangesRequested,
                "COMMENTED" => ReviewState::Commented,
                "DISMISSED" => ReviewState::Dismissed,
                "PENDING" => continue,
                _ => ReviewState::Unknown,
            };
            reviews.push(Review {
                login: user.login(),
                state,
                commit: said.commit_id.map(|hash| hash.0),
                submitted_at: at,
            });
        }
        if pull.merged && (pull.merged_at.is_none() || pull.merge_commit_sha.is_none()) {
            let why = "it is merged, and neither when nor as what is told".into();
            return Err(ForgeError::Inconsistent { number, why });
        }
        Ok(Read {
            by_bot: author.is_bot(),
            text: pull.body.unwrap_or_default(),
            branch: pull.head.branch,
            created_at: pull.created_at,
            repository: pull.base.repo.full_name,
            pull_request: PullRequest {
                number: pull.number,
                url: pull.html_url,
                base: pull.base.branch,
                head: pull.head.sha.0,
                author: author.login(),
                opened_for: None,
                merged_by: pull
                    .merged_by
                    .as_ref()
                    .filter(|_| pull.merged)
                    .map(User::login),
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
        let repository = form.repository_url.rsplit_once("/repos/");
        Ok(Issue {
            number: form.number,
            author: form.user.as_ref().map(User::login),
            by_bot: form.user.as_ref().is_some_and(User::is_bot),
            is_pull_request: form.pull_request.is_some(),
            created_at: form.created_at,
            repository: Some(
                repository
                    .map(|(_, name)| name)
                    .unwrap_or_default()
                    .to_owned(),
            ),
        })
    }

    /// The token of a job belongs to an app, which `/user` refuses to speak of.
    fn own_login(&self) -> Result<Login, ForgeError> {
        #[derive(Deserialize)]
        struct Answer {
            data: Data,
        }
        #[derive(Deserialize)]
        struct Data {
            viewer: Account,
        }
        match self.client.get::<Account>(&path(&["user"])) {
            Ok(user) => Ok(user.login()),
            Err(ForgeError::Refused {
                status: 403 | 404, ..
            }) => {
                let question = json!({"query": "query { viewer { login } }"});
                let answer: Answer = self.client.ask(&self.graphql, &question)?;
                let login = answer.data.viewer.0;
                // REST calls it so, GraphQL without the ending.
                Ok(Login::new(&match login.ends_with("[bot]") {
                    true => login,
                    false => format!("{login}[bot]"),
                }))
            }
            Err(error) => Err(error),
        }
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

/// Whose a commit is. Where GitHub knows nobody, it says null, or an object with nothing in it.
pub(super) fn author_of(author: Option<&Value>) -> Option<Login> {
    let login = author?.get("login")?.as_str()?;
    (!login.is_empty()).then(|| Login::new(login))
}
