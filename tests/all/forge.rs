//! Forges, as their API descriptions say they answer, behind real TLS with an authority of the test's
//! own: what is told of a pull request, what counts as approval, and what is refused.

mod any_answer;
pub mod bed;
mod comments;
mod contract;
pub mod forgejo;
pub mod github;
pub mod gitlab;
mod program;
mod proposed;
mod transport;

/// The last commit of the pull request of these tests.
const HEAD: &str = "2222222222222222222222222222222222222222";
/// An earlier one.
const OLD: &str = "1111111111111111111111111111111111111111";
/// What it became.
const MERGE: &str = "3333333333333333333333333333333333333333";
/// Another commit.
const OTHER: &str = "4444444444444444444444444444444444444444";

/// Who approved, by the module's own rule.
fn approvers(pull_request: &countersign::forge::PullRequest) -> Vec<String> {
    let approvals = pull_request.approvals();
    approvals.iter().map(|r| r.login.to_string()).collect()
}
