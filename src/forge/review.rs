//! A pull request as the forge recorded it, and which of its approvals count.

use jiff::Timestamp;
use std::collections::BTreeMap;
use std::fmt;

/// The name of an account on a forge, in lower case: no forge tells upper case from lower.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Login(String);

impl Login {
    /// A login as a forge or a manifest writes it.
    pub fn new(text: &str) -> Self {
        Self(text.to_ascii_lowercase())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A pull request (on GitLab a merge request), read whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullRequest {
    /// Its number in the repository.
    pub number: u64,
    /// Where people read it.
    pub url: String,
    /// The branch it is for. Which one it has to be is the caller's to check: one merged into another
    /// branch proves nothing of this one.
    pub base: String,
    /// The last commit, in hex; after the merge, the one that was merged.
    pub head: String,
    /// Who opened it.
    pub author: Login,
    /// Where a bot opened it from a form: who filled the form in.
    pub opened_for: Option<Login>,
    /// Who merged it; none before the merge, or where the account is gone.
    pub merged_by: Option<Login>,
    /// The commit it became on its base branch, in hex; none before the merge, and where the
    /// forge put its commits there as they are (fast-forward).
    pub merge_commit: Option<String>,
    /// When it was merged.
    pub merged_at: Option<Timestamp>,
    /// Its commits, the oldest first; the last is `head`. Never empty.
    pub commits: Vec<Commit>,
    /// What reviewers said, the oldest first; [`Self::approvals`] is what counts of it.
    pub reviews: Vec<Review>,
}

/// A commit of a pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Its hash, in hex.
    pub hash: String,
    /// Whose account its author's mail address belongs to; a claim, where it is not `verified`.
    pub author: Option<Login>,
    /// Whether the forge verified its signature.
    pub verified: bool,
}

/// What a reviewer said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Review {
    /// Who.
    pub login: Login,
    /// What.
    pub state: ReviewState,
    /// The last commit at that time, in hex; none where the forge does not know.
    pub commit: Option<String>,
    /// When.
    pub submitted_at: Timestamp,
}

/// What a review says, as far as it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReviewState {
    /// Approved.
    Approved,
    /// Changes are asked for.
    ChangesRequested,
    /// Neither; it leaves what the same person said before in force.
    Commented,
    /// Taken back, by the reviewer or by somebody with the right to.
    Dismissed,
    /// An approval that the forge itself calls out of date.
    Stale,
    /// An approval by somebody whose approval the forge does not count.
    Unofficial,
    /// A word this version does not know; it counts as taken back.
    Unknown,
}

/// What a person's last word comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// It is an approval that counts.
    Counts,
    /// It is an approval by the author, or by who filled in the form.
    Own,
    /// It is an approval of an earlier commit, or of one that is not told.
    Earlier,
    /// It is none, or does not count by what the forge itself says.
    Not(ReviewState),
}

impl PullRequest {
    /// The approvals that count, at most one a person, sorted by login: on the last commit, the last
    /// word of the person, not dismissed, stale or unofficial, and neither by the author nor by who
    /// filled in the form.
    ///
    /// Decision: an approval given after the merge counts. It is of the very same commit, and it is how
    /// a merge that came too early is made good.
    pub fn approvals(&self) -> Vec<&Review> {
        let weighed = self.weighed().into_iter();
        weighed
            .filter(|(_, weight)| *weight == Weight::Counts)
            .map(|(review, _)| review)
            .collect()
    }

    /// The last word of each person who said more than a comment, and what it comes to; sorted by login.
    pub fn weighed(&self) -> Vec<(&Review, Weight)> {
        let mut last: BTreeMap<&Login, &Review> = BTreeMap::new();
        for review in &self.reviews {
            match review.state {
                ReviewState::Commented => continue,
                ReviewState::Approved
                | ReviewState::ChangesRequested
                | ReviewState::Dismissed
                | ReviewState::Stale
                | ReviewState::Unofficial
                | ReviewState::Unknown => {}
            }
            let later = |known: &&Review| known.submitted_at <= review.submitted_at;
            if last.get(&review.login).is_none_or(later) {
                last.insert(&review.login, review);
            }
        }
        let weighed = last.into_values();
        weighed
            .map(|review| (review, self.weight(review)))
            .collect()
    }

    fn weight(&self, review: &Review) -> Weight {
        let (login, commit) = (&review.login, review.commit.as_deref());
        if review.state != ReviewState::Approved {
            Weight::Not(review.state)
        } else if *login == self.author || self.opened_for.as_ref() == Some(login) {
            Weight::Own
        } else if commit != Some(self.head.as_str()) {
            Weight::Earlier
        } else {
            Weight::Counts
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ReviewState::*;

    const HEAD: &str = "2222222222222222222222222222222222222222";
    const OLD: &str = "1111111111111111111111111111111111111111";

    fn review(login: &str, state: ReviewState, commit: &str, second: i64) -> Review {
        Review {
            login: Login::new(login),
            state,
            commit: Some(commit.into()),
            submitted_at: Timestamp::from_second(second).unwrap(),
        }
    }

    fn counted(reviews: Vec<Review>) -> Vec<String> {
        let pull_request = PullRequest {
            number: 7,
            url: "https://github.com/city/access/pull/7".into(),
            base: "main".into(),
            head: HEAD.into(),
            author: Login::new("sokafor"),
            opened_for: Some(Login::new("dreyes")),
            merged_by: None,
            merge_commit: None,
            merged_at: None,
            commits: vec![Commit {
                hash: HEAD.into(),
                author: None,
                verified: false,
            }],
            reviews,
        };
        let approvals = pull_request.approvals();
        approvals.iter().map(|r| r.login.to_string()).collect()
    }

    #[test]
    fn only_the_last_word_on_the_last_commit_counts() {
        for (reviews, expected) in [
            (vec![review("Mnovak", Approved, HEAD, 1)], &["mnovak"][..]),
            (vec![review("mnovak", Approved, OLD, 1)], &[]),
            (
                vec![
                    review("mnovak", Approved, HEAD, 1),
                    review("MNOVAK", ChangesRequested, HEAD, 2),
                ],
                &[],
            ),
            (
                vec![
                    review("mnovak", ChangesRequested, OLD, 1),
                    review("mnovak", Approved, HEAD, 2),
                    review("mnovak", Commented, HEAD, 3),
                ],
                &["mnovak"],
            ),
            (
                vec![
                    review("mnovak", Approved, HEAD, 2),
                    review("mnovak", ChangesRequested, OLD, 1),
                ],
                &["mnovak"],
            ),
            (
                vec![
                    review("mnovak", Approved, HEAD, 1),
                    review("mnovak", Unknown, HEAD, 1),
                ],
                &[],
            ),
            (
                vec![
                    review("sokafor", Approved, HEAD, 1),
                    review("dreyes", Approved, HEAD, 1),
                    review("tlee", Approved, HEAD, 1),
                    review("akim", Stale, HEAD, 1),
                    review("bkim", Unofficial, HEAD, 1),
                    review("ckim", Dismissed, HEAD, 1),
                    review("akim2", Approved, HEAD, 1),
                ],
                &["akim2", "tlee"],
            ),
        ] {
            assert_eq!(counted(reviews.clone()), expected, "{reviews:?}");
        }
    }

    #[test]
    fn an_approval_of_no_known_commit_does_not_count() {
        let mut unknown = review("mnovak", Approved, HEAD, 1);
        unknown.commit = None;
        assert!(counted(vec![unknown]).is_empty());
    }
}
