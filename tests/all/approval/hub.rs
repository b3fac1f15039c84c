//! A forge that has pull requests of a real repository, told as GitHub, GitLab and Forgejo tell them.

use crate::forge::bed::{Bed, TOKEN};
use crate::forge::{forgejo, github, gitlab};
use countersign::forge::ForgeKind;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use wiremock::matchers::{method, path, path_regex, query_param};
use wiremock::{Mock, ResponseTemplate};

/// Every forge there is.
pub const FORGES: [ForgeKind; 3] = [ForgeKind::GitHub, ForgeKind::GitLab, ForgeKind::Forgejo];

/// What a reviewer did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Did {
    Approved,
    AskedForChanges,
    /// Approved, and it was taken back.
    TookBack,
}

/// A review, at an hour of the day the pull request was opened on.
#[derive(Clone, Debug)]
pub struct Said {
    pub login: String,
    pub did: Did,
    /// The last commit then.
    pub commit: String,
    pub hour: usize,
}

/// A pull request. Its commits were pushed one by one, the first at eight o'clock, one each hour.
#[derive(Clone, Debug)]
pub struct Pull {
    pub number: u64,
    pub author: String,
    pub base: String,
    pub branch: String,
    /// Its commits, the oldest first, and whose they are said to be.
    pub commits: Vec<(String, String)>,
    /// What it was merged as, where it was.
    pub merge: Option<String>,
    /// On GitLab, the squash that was merged.
    pub squash: Option<String>,
    pub reviews: Vec<Said>,
    /// When its target branch was changed.
    pub retargeted: Option<usize>,
    pub text: String,
}

impl Pull {
    /// One for main, by this person, who wrote its one commit.
    pub fn new(number: u64, author: &str, head: &str) -> Self {
        Self {
            number,
            author: author.into(),
            base: "main".into(),
            branch: "branch".into(),
            commits: vec![(head.into(), author.into())],
            merge: None,
            squash: None,
            reviews: Vec::new(),
            retargeted: None,
            text: "Please.".into(),
        }
    }

    pub fn head(&self) -> &str {
        &self.commits.last().unwrap().0
    }

    pub fn merged(mut self, merge: &str) -> Self {
        self.merge = Some(merge.into());
        self
    }

    pub fn said(mut self, login: &str, did: Did) -> Self {
        let said = Said {
            login: login.into(),
            did,
            commit: self.head().into(),
            hour: 7 + self.commits.len(),
        };
        self.reviews.push(said);
        self
    }

    pub fn approved_by(mut self, logins: &[&str]) -> Self {
        for login in logins {
            self = self.said(login, Did::Approved);
        }
        self
    }

    /// Somebody pushes one more.
    pub fn pushed(mut self, commit: &str, author: &str) -> Self {
        self.commits.push((commit.into(), author.into()));
        self
    }
}

fn at(hour: usize, minute: usize) -> String {
    format!("2026-03-01T{hour:02}:{minute:02}:00Z")
}

/// Late enough for any issue of these tests to be older.
const OPENED: &str = "2026-03-01T08:00:00Z";

/// A forge, and the repository's operator asking it.
pub struct Hub {
    pub bed: Bed,
    pub kind: ForgeKind,
}

impl Hub {
    pub fn new(kind: ForgeKind) -> Self {
        Self {
            bed: Bed::new(),
            kind,
        }
    }

    fn below(&self) -> &'static str {
        match self.kind {
            ForgeKind::GitHub => github::BELOW,
            ForgeKind::GitLab => gitlab::BELOW,
            ForgeKind::Forgejo => forgejo::BELOW,
        }
    }

    fn at(&self, part: &str) -> String {
        format!("{}/{part}", self.below())
    }

    /// What an operator's file says of it; the token lies in a file beside that.
    pub fn evidence(&self, operator: &Path) -> String {
        let token = operator.with_file_name("forge-token");
        fs::write(&token, TOKEN).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            fs::set_permissions(&token, fs::Permissions::from_mode(0o600)).unwrap();
        }
        format!(
            "evidence: {{module: forge-reviews, forge: {}, url: \"https://{}\", repository: city/access, caFile: {}, formBots: [form-bot], token: {{file: {}}}}}",
            self.kind.as_str(),
            self.bed.front().address,
            self.bed.authority().display(),
            token.display()
        )
    }

    /// The same as flags.
    pub fn flags(&self, operator: &Path) -> Vec<String> {
        self.evidence(operator);
        let token = operator.with_file_name("forge-token");
        vec![
            format!("--forge={}", self.kind.as_str()),
            format!("--url=https://{}", self.bed.front().address),
            "--repository=city/access".into(),
            format!("--ca-file={}", self.bed.authority().display()),
            format!("--token-file={}", token.display()),
        ]
    }

    fn user(&self, login: &str) -> Value {
        match self.kind {
            ForgeKind::GitHub => github::user(login),
            ForgeKind::GitLab => gitlab::user(login),
            ForgeKind::Forgejo => {
                forgejo::user(login.bytes().map(i64::from).sum::<i64>() + 1, login)
            }
        }
    }

    /// Forgets what it told, and tells of this pull request alone.
    pub fn tells_of(&self, pull: &Pull) {
        self.tells(std::slice::from_ref(pull));
    }

    /// Forgets what it told, and tells of these pull requests and no others.
    pub fn tells(&self, pulls: &[Pull]) {
        self.bed.reset();
        for pull in pulls {
            match self.kind {
                ForgeKind::GitHub => self.github(pull),
                ForgeKind::GitLab => self.gitlab(pull),
                ForgeKind::Forgejo => self.forgejo(pull),
            }
        }
        let open = pulls.iter().filter(|pull| pull.merge.is_none());
        let open: Vec<Value> = open.map(|pull| self.whole(pull)).collect();
        let (list, none, commit) = match self.kind {
            ForgeKind::GitHub => ("pulls", "/commits/[0-9a-f]{40}/pulls$", ""),
            ForgeKind::GitLab => (
                "merge_requests",
                "/repository/commits/[0-9a-f]{40}/merge_requests$",
                "",
            ),
            ForgeKind::Forgejo => ("pulls", "", "/git/commits/[0-9a-f]{40}$"),
        };
        self.bed.get(&self.at(list), &json!(open));
        for (regex, body) in [(none, json!([])), (commit, json!({"sha": "x"}))] {
            if !regex.is_empty() {
                let answer = ResponseTemplate::new(200).set_body_json(body);
                let given = Mock::given(method("GET")).and(path_regex(regex));
                self.bed.mount(given.respond_with(answer).with_priority(9));
            }
        }
        for login in pulls.iter().map(|pull| pull.author.as_str()) {
            let id = self.user(login)["id"].clone();
            let bot = login.ends_with("_bot");
            let account = json!({"id": id, "username": login, "bot": bot});
            self.bed.get(&format!("/api/v4/users/{id}"), &account);
        }
    }

    /// Answers every call below a pull request with this status, and asks for patience so long.
    pub fn fails(&self, number: u64, status: u16, retry: Option<&str>) {
        let part = match self.kind {
            ForgeKind::GitHub | ForgeKind::Forgejo => format!("/pulls/{number}/reviews$"),
            ForgeKind::GitLab => format!("/merge_requests/{number}/approvals$"),
        };
        let mut answer = ResponseTemplate::new(status).set_body_json(json!({"message": "no"}));
        if let Some(retry) = retry {
            answer = answer.insert_header("retry-after", retry);
        }
        let given = Mock::given(path_regex(part));
        self.bed.mount(given.respond_with(answer).with_priority(1));
    }

    /// How often it was asked since it was last told what to tell.
    pub fn asked(&self) -> usize {
        self.bed.requests().len()
    }

    /// An issue, whose form a bot made a pull request of.
    pub fn issue(&self, number: u64, author: &str) {
        let user = self.user(author);
        let issue = match self.kind {
            ForgeKind::GitHub => github::issue(number, user),
            ForgeKind::GitLab => {
                json!({"id": 9, "iid": number, "author": user, "created_at": "2026-03-01T07:00:00Z",
                       "references": {"full": format!("city/access#{number}")}})
            }
            ForgeKind::Forgejo => {
                json!({"id": 1, "number": number, "user": user, "pull_request": null,
                       "created_at": "2026-03-01T07:00:00Z", "repository": {"full_name": "city/access"}})
            }
        };
        self.bed.get(&self.at(&format!("issues/{number}")), &issue);
        let id = self.user(author)["id"].clone();
        let account = json!({"id": id, "username": author, "bot": false});
        self.bed.get(&format!("/api/v4/users/{id}"), &account);
    }

    /// The pull request itself, as this forge writes one.
    fn whole(&self, pull: &Pull) -> Value {
        let merged = pull.merge.is_some();
        let (head, base) = (pull.head(), pull.base.as_str());
        let merged_at = merged.then_some("2026-03-02T09:00:00Z");
        let url = format!("https://forge.test/city/access/pull/{}", pull.number);
        match self.kind {
            ForgeKind::GitHub => {
                json!({"number": pull.number, "html_url": url, "user": self.user(&pull.author),
                "body": pull.text, "created_at": OPENED, "merged": merged, "merged_at": merged_at,
                "merged_by": null, "merge_commit_sha": pull.merge, "commits": pull.commits.len(),
                "state": if merged { "closed" } else { "open" },
                "base": {"ref": base, "repo": {"full_name": "City/Access"}},
                "head": {"ref": pull.branch, "sha": head}})
            }
            ForgeKind::GitLab => {
                json!({"iid": pull.number, "web_url": url, "author": self.user(&pull.author),
                "description": pull.text, "created_at": OPENED, "merged_at": merged_at,
                "state": if merged { "merged" } else { "opened" },
                "merge_commit_sha": pull.merge, "squash_commit_sha": pull.squash, "target_branch": base,
                "source_branch": pull.branch, "sha": head,
                "references": {"full": format!("city/access!{}", pull.number)}})
            }
            ForgeKind::Forgejo => {
                json!({"number": pull.number, "html_url": url, "user": self.user(&pull.author),
                "body": pull.text, "created_at": OPENED, "merged": merged, "merged_at": merged_at,
                "merged_by": null, "merge_commit_sha": pull.merge,
                "base": {"ref": base, "repo": {"full_name": "city/access"}},
                "head": {"label": pull.branch, "ref": pull.branch, "sha": head}})
            }
        }
    }

    fn github(&self, pull: &Pull) {
        let part = |part: &str| self.at(&format!("pulls/{}{part}", pull.number));
        self.bed.get(&part(""), &self.whole(pull));
        let commits = pull.commits.iter();
        let commits = commits.map(|(hash, by)| github::commit(hash, github::user(by), false));
        self.bed
            .get(&part("/commits"), &json!(commits.collect::<Vec<_>>()));
        let events = pull
            .retargeted
            .map(|hour| json!({"id": 1, "event": "base_ref_changed", "created_at": at(hour, 45)}));
        let events: Vec<Value> = events.into_iter().collect();
        let at_events = self.at(&format!("issues/{}/events", pull.number));
        self.bed.get(&at_events, &json!(events));
        let said = pull.reviews.iter().map(|said| {
            let state = match said.did {
                Did::Approved => "APPROVED",
                Did::AskedForChanges => "CHANGES_REQUESTED",
                Did::TookBack => "DISMISSED",
            };
            json!({"user": github::user(&said.login), "state": state, "commit_id": said.commit,
                   "submitted_at": at(said.hour, 30)})
        });
        self.bed
            .get(&part("/reviews"), &json!(said.collect::<Vec<_>>()));
        if let Some(merge) = &pull.merge {
            let found = self.at(&format!("commits/{merge}/pulls"));
            self.bed.get(&found, &json!([self.whole(pull)]));
        }
    }

    fn gitlab(&self, pull: &Pull) {
        let part = |part: &str| self.at(&format!("merge_requests/{}{part}", pull.number));
        self.bed.get(&part(""), &self.whole(pull));
        let commits = pull.commits.iter().rev();
        let commits = commits.map(|(hash, _)| json!({"id": hash}));
        self.bed
            .get(&part("/commits"), &json!(commits.collect::<Vec<_>>()));
        let versions = pull.commits.iter().enumerate().rev().map(
            |(n, (hash, _))| json!({"id": n, "head_commit_sha": hash, "created_at": at(8 + n, 0)}),
        );
        self.bed
            .get(&part("/versions"), &json!(versions.collect::<Vec<_>>()));
        let (mut approved, mut notes) = (Vec::new(), Vec::new());
        let mut note = |login: &str, body: &str, hour: usize| {
            notes.push(
                json!({"system": true, "body": body, "author": gitlab::user(login),
                              "created_at": at(hour, 31)}),
            );
        };
        for said in &pull.reviews {
            match said.did {
                Did::Approved => approved.push(json!({"user": gitlab::user(&said.login),
                    "approved_at": at(said.hour, 30)})),
                Did::AskedForChanges => note(&said.login, "requested changes", said.hour),
                Did::TookBack => note(&said.login, "unapproved this merge request", said.hour),
            }
        }
        if let Some(hour) = pull.retargeted {
            note(&pull.author, "changed target branch from `a` to `b`", hour);
        }
        self.bed
            .get(&part("/approvals"), &json!({"approved_by": approved}));
        self.bed.get(&part("/notes"), &json!(notes));
        if let Some(merge) = &pull.merge {
            let found = self.at(&format!("repository/commits/{merge}/merge_requests"));
            self.bed.get(&found, &json!([self.whole(pull)]));
        }
    }

    fn forgejo(&self, pull: &Pull) {
        let part = |part: &str| self.at(&format!("pulls/{}{part}", pull.number));
        self.bed.get(&part(""), &self.whole(pull));
        let commits = pull.commits.iter().rev();
        let commits = commits.map(|(hash, by)| {
            json!({"sha": hash, "author": self.user(by), "commit": {"verification": null}})
        });
        self.bed
            .get(&part("/commits"), &json!(commits.collect::<Vec<_>>()));
        let events = pull.retargeted.map(
            |hour| json!({"id": 1, "type": "change_target_branch", "created_at": at(hour, 45)}),
        );
        let events: Vec<Value> = events.into_iter().collect();
        let at_events = self.at(&format!("issues/{}/timeline", pull.number));
        self.bed.get(&at_events, &json!(events));
        let said = pull.reviews.iter().map(|said| {
            let state = match said.did {
                Did::Approved | Did::TookBack => "APPROVED",
                Did::AskedForChanges => "REQUEST_CHANGES",
            };
            json!({"user": self.user(&said.login), "state": state, "commit_id": said.commit,
                   "stale": said.commit != pull.head(), "official": true,
                   "dismissed": said.did == Did::TookBack, "submitted_at": at(said.hour, 30)})
        });
        self.bed
            .get(&part("/reviews"), &json!(said.collect::<Vec<_>>()));
        if let Some(merge) = &pull.merge {
            let found = self.at(&format!("commits/{merge}/pull"));
            self.bed.get(&found, &self.whole(pull));
        }
    }

    /// Tells the reviews of a pull request in two pages of which only the first is full; the second is
    /// these.
    pub fn second_page(&self, pull: &Pull, second: &[Said]) {
        let reviews = |said: &[Said]| -> Value {
            let only = Hub::new(self.kind);
            let pull = Pull {
                reviews: said.to_vec(),
                ..pull.clone()
            };
            only.tells_of(&pull);
            let path = match self.kind {
                ForgeKind::GitHub | ForgeKind::Forgejo => {
                    self.at(&format!("pulls/{}/reviews", pull.number))
                }
                ForgeKind::GitLab => self.at(&format!("merge_requests/{}/notes", pull.number)),
            };
            only.bed.answers(&[path]).remove(0).1
        };
        let at = match self.kind {
            ForgeKind::GitHub | ForgeKind::Forgejo => {
                self.at(&format!("pulls/{}/reviews", pull.number))
            }
            ForgeKind::GitLab => self.at(&format!("merge_requests/{}/notes", pull.number)),
        };
        let first = reviews(&pull.reviews);
        for (number, body, more) in [("1", first, true), ("2", reviews(second), false)] {
            let mut answer = ResponseTemplate::new(200).set_body_json(body);
            let link = if more { "next" } else { "first" };
            let link = format!("<https://elsewhere.example/?page=9>; rel=\"{link}\"");
            answer = answer.insert_header("link", link.as_str());
            let given = Mock::given(method("GET")).and(path(at.as_str()));
            let given = given.and(query_param("page", number));
            self.bed.mount(given.respond_with(answer).with_priority(1));
        }
    }
}
