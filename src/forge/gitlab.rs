//! GitLab's REST interface, version 4 (<https://docs.gitlab.com/api/>).
//!
//! What it can prove: who approves a merge request now, and when each approval was given; which commits
//! it had at what time (its versions). An approval does not name a commit, and without Premium it
//! outlives a push. So it is taken for one of the version that was the last when it was given; one given
//! before the last push, or whose time is not told, does not count. That holds on every tier.
//!
//! An approval is timed by `approved_at`, or, on versions that do not have it, by the note that GitLab
//! itself writes then. Such notes also tell of changes that were asked for and approvals taken back.

use super::api::{Account, Api, Comment, Hash, Issue, Open, Read, ending_with, without_author};
use super::client::{Client, Manners, POST, PUT, path};
use super::failure::ForgeError;
use super::settings::{RepositoryPath, Settings};
use super::{Commit, Login, PullRequest, Review, ReviewState};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Longest comment, in bytes: a note has at most 1,000,000 characters.
/// Source: <https://docs.gitlab.com/administration/instance_limits/>.
const LONGEST_COMMENT: usize = 1_000_000;

const MANNERS: Manners = Manners {
    token: ("private-token", ""),
    page: ("per_page", 100),
    version: None,
};

/// The state of a merge request that was merged.
const MERGED: &str = "merged";

// What GitLab writes itself (app/services/system_notes/merge_requests_service.rb); it is not translated.
const APPROVED: &str = "approved this merge request";
const UNAPPROVED: &str = "unapproved this merge request";
const REQUESTED_CHANGES: &str = "requested changes";
const TARGET_CHANGED: &str = "changed target branch";

pub(super) struct GitLab {
    client: Client,
    repository: RepositoryPath,
}

#[derive(Deserialize)]
struct Found {
    iid: u64,
    state: String,
    merge_commit_sha: Option<Hash>,
    squash_commit_sha: Option<Hash>,
}

#[derive(Deserialize)]
struct Proposed {
    iid: u64,
    target_branch: String,
    /// None for a moment after it was opened, and while it has no commit.
    sha: Option<Hash>,
}

/// The commit a merge request became on its target branch: of a squash that was merged then, the merge.
/// None before the merge, and where it was fast-forwarded.
fn became(state: &str, merge: Option<Hash>, squash: Option<Hash>) -> Option<String> {
    let became = merge.or(squash).filter(|_| state == MERGED);
    became.map(|hash| hash.0)
}

#[derive(Deserialize)]
struct Merge {
    iid: u64,
    state: String,
    merge_commit_sha: Option<Hash>,
    squash_commit_sha: Option<Hash>,
    web_url: String,
    author: Option<User>,
    description: Option<String>,
    created_at: Timestamp,
    merged_at: Option<Timestamp>,
    /// `merge_user` since 14.7; before, and beside it, `merged_by`.
    merge_user: Option<User>,
    merged_by: Option<User>,
    target_branch: String,
    source_branch: String,
    sha: Hash,
    references: References,
}

#[derive(Deserialize)]
struct User {
    id: u64,
    username: String,
}

impl User {
    fn login(&self) -> Login {
        Login::new(&self.username)
    }
}

#[derive(Deserialize)]
struct References {
    /// `group/project!7`.
    full: String,
}

#[derive(Deserialize)]
struct Listed {
    id: Hash,
}

#[derive(Deserialize)]
struct Version {
    id: u64,
    head_commit_sha: Hash,
    created_at: Timestamp,
}

#[derive(Deserialize)]
struct Approvals {
    approved_by: Vec<Approval>,
}

#[derive(Deserialize)]
struct Approval {
    user: User,
    approved_at: Option<Timestamp>,
}

#[derive(Deserialize)]
struct Note {
    system: bool,
    body: String,
    author: Option<User>,
    created_at: Timestamp,
}

#[derive(Deserialize)]
struct Form {
    iid: u64,
    author: Option<User>,
    created_at: Timestamp,
    references: References,
}

impl GitLab {
    pub(super) fn open(settings: &Settings) -> Result<Self, ForgeError> {
        Ok(Self {
            client: Client::new(settings, MANNERS)?,
            repository: settings.repository.clone(),
        })
    }

    fn path(&self, parts: &[&str]) -> String {
        path(&[&["projects", self.repository.as_str()], parts].concat())
    }

    fn note_path(&self, number: u64, note: u64) -> String {
        let (number, note) = (number.to_string(), note.to_string());
        self.path(&["merge_requests", &number, "notes", &note])
    }

    fn is_bot(&self, user: &User) -> Result<bool, ForgeError> {
        #[derive(Deserialize)]
        struct Whole {
            #[serde(default)]
            bot: bool,
        }
        let whole: Whole = self.client.get(&path(&["users", &user.id.to_string()]))?;
        Ok(whole.bot)
    }
}

impl Api for GitLab {
    fn merged_as(&self, commit: &str) -> Result<Vec<u64>, ForgeError> {
        let path = self.path(&["repository", "commits", commit, "merge_requests"]);
        let found: Vec<Found> = self.client.list(&path, "")?;
        let merges = found.into_iter().filter_map(|found| {
            let became = became(
                &found.state,
                found.merge_commit_sha,
                found.squash_commit_sha,
            );
            (became.as_deref() == Some(commit)).then_some(found.iid)
        });
        Ok(merges.collect())
    }

    fn open(&self) -> Result<Vec<Open>, ForgeError> {
        let path = self.path(&["merge_requests"]);
        let query = "state=opened&scope=all&order_by=created_at&sort=asc&";
        let found: Vec<Proposed> = self.client.list(&path, query)?;
        let open = found.into_iter().filter_map(|merge| {
            Some(Open {
                number: merge.iid,
                base: merge.target_branch,
                head: merge.sha?.0,
            })
        });
        Ok(open.collect())
    }

    fn pull_request(&self, number: u64) -> Result<Read, ForgeError> {
        let text = number.to_string();
        let at = |part| self.path(&["merge_requests", &text, part]);
        let merge: Merge = self.client.get(&self.path(&["merge_requests", &text]))?;
        let author = merge
            .author
            .as_ref()
            .ok_or_else(|| without_author(number))?;
        let mut listed: Vec<Listed> = self.client.list(&at("commits"), "")?;
        listed.reverse();
        let commits = listed.into_iter().map(|listed| Commit {
            hash: listed.id.0,
            author: None,
            verified: false,
        });
        let commits = ending_with(&merge.sha.0, commits.collect(), number)?;
        let mut versions: Vec<Version> = self.client.list(&at("versions"), "")?;
        versions.sort_by_key(|version| (version.created_at, version.id));
        if versions.last().map(|last| &last.head_commit_sha) != Some(&merge.sha) {
            let why = "its last version does not end with its last commit; it may have been pushed to just now".into();
            return Err(ForgeError::Inconsistent { number, why });
        }
        let approvals: Approvals = self.client.get(&at("approvals"))?;
        let notes: Vec<Note> = self
            .client
            .list(&at("notes"), "sort=asc&order_by=created_at&")?;
        let reviews = reviews(&versions, &approvals, &notes);
        let by_bot = self.is_bot(author)?;
        let merged = merge.state == MERGED;
        if merged && merge.merged_at.is_none() {
            let why = "it is merged, and when is not told".into();
            return Err(ForgeError::Inconsistent { number, why });
        }
        let merged_by = merge.merge_user.as_ref().or(merge.merged_by.as_ref());
        let (repository, _) = merge.references.full.rsplit_once('!').unwrap_or_default();
        Ok(Read {
            by_bot,
            text: merge.description.unwrap_or_default(),
            branch: merge.source_branch,
            created_at: merge.created_at,
            repository: repository.to_owned(),
            pull_request: PullRequest {
                number: merge.iid,
                url: merge.web_url,
                base: merge.target_branch,
                head: merge.sha.0,
                author: author.login(),
                opened_for: None,
                merged_by: merged_by.filter(|_| merged).map(User::login),
                merge_commit: became(
                    &merge.state,
                    merge.merge_commit_sha,
                    merge.squash_commit_sha,
                ),
                merged_at: merge.merged_at.filter(|_| merged),
                commits,
                reviews,
            },
        })
    }

    fn issue(&self, number: u64) -> Result<Issue, ForgeError> {
        let form: Form = self
            .client
            .get(&self.path(&["issues", &number.to_string()]))?;
        let by_bot = match &form.author {
            Some(author) => self.is_bot(author)?,
            None => false,
        };
        let (repository, _) = form.references.full.rsplit_once('#').unwrap_or_default();
        Ok(Issue {
            number: form.iid,
            author: form.author.as_ref().map(User::login),
            by_bot,
            is_pull_request: false,
            created_at: form.created_at,
            repository: Some(repository.to_owned()),
        })
    }

    fn own_login(&self) -> Result<Login, ForgeError> {
        let user: Account = self.client.get(&path(&["user"]))?;
        Ok(user.login())
    }

    fn comments(&self, number: u64) -> Result<Vec<Comment>, ForgeError> {
        let path = self.path(&["merge_requests", &number.to_string(), "notes"]);
        self.client.list(&path, "sort=asc&order_by=created_at&")
    }

    fn write(&self, number: u64, body: &str) -> Result<(), ForgeError> {
        let path = self.path(&["merge_requests", &number.to_string(), "notes"]);
        let _: Value = self.client.send(&POST, &path, &json!({"body": body}))?;
        Ok(())
    }

    fn rewrite(&self, number: u64, comment: u64, body: &str) -> Result<(), ForgeError> {
        let path = self.note_path(number, comment);
        let _: Value = self.client.send(&PUT, &path, &json!({"body": body}))?;
        Ok(())
    }

    fn delete(&self, number: u64, comment: u64) -> Result<(), ForgeError> {
        self.client.delete(&self.note_path(number, comment))
    }

    fn longest_comment(&self) -> usize {
        LONGEST_COMMENT
    }
}

/// Approvals and what notes tell, as reviews of the versions they were given on. Versions are sorted
/// by time.
fn reviews(versions: &[Version], approvals: &Approvals, notes: &[Note]) -> Vec<Review> {
    let on = |at: Timestamp| {
        let version = versions
            .iter()
            .rev()
            .find(|version| version.created_at <= at);
        version.map(|version| version.head_commit_sha.0.clone())
    };
    let mut reviews = Vec::new();
    // When each person approved last, by the notes.
    let mut noted: BTreeMap<Login, Timestamp> = BTreeMap::new();
    let mut retargeted: Option<Timestamp> = None;
    for note in notes.iter().filter(|note| note.system) {
        if note.body.starts_with(TARGET_CHANGED) {
            retargeted = retargeted.max(Some(note.created_at));
        }
        let Some(login) = note.author.as_ref().map(User::login) else {
            continue;
        };
        let state = match note.body.as_str() {
            APPROVED => {
                noted.insert(login, note.created_at);
                continue;
            }
            UNAPPROVED => ReviewState::Dismissed,
            REQUESTED_CHANGES => ReviewState::ChangesRequested,
            _ => continue,
        };
        reviews.push(Review {
            login,
            state,
            commit: on(note.created_at),
            submitted_at: note.created_at,
        });
    }
    for approval in &approvals.approved_by {
        let login = approval.user.login();
        let noted = noted.remove(&login);
        let Some(at) = approval.approved_at.or(noted) else {
            continue;
        };
        reviews.push(Review {
            login,
            state: match retargeted.is_some_and(|retargeted| at <= retargeted) {
                true => ReviewState::Stale,
                false => ReviewState::Approved,
            },
            commit: on(at),
            submitted_at: at,
        });
    }
    // Approvals that are not in force any more.
    reviews.extend(noted.into_iter().map(|(login, at)| Review {
        login,
        state: ReviewState::Dismissed,
        commit: on(at),
        submitted_at: at,
    }));
    reviews.sort_by_key(|review| review.submitted_at);
    reviews
}
