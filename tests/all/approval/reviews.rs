//! Reviews on a forge are one more evidence: who reviewed is told, and everything else is the same.

use super::{By, Town, request, user};
use countersign::approval::fault::Fault;
use countersign::approval::line::Judged;
use countersign::approval::requirement::Approver;
use countersign::approval::reviews::{Found, Reviewed, Reviews};
use countersign::catalog::Catalog;
use countersign::name::UserName;
use jiff::Timestamp;
use std::collections::BTreeMap;

const FILE: &str = "requests/maps.yaml";

/// A forge that knows one pull request.
struct Forge(Option<Reviewed>);

impl Forge {
    fn found(&self) -> Found {
        match &self.0 {
            Some(reviewed) => Found::PullRequest(reviewed.clone()),
            None => Found::Nothing("nobody knows of it".into()),
        }
    }
}

impl Reviews for Forge {
    fn merged(&self, _: &str, _: &Catalog) -> Result<Found, String> {
        Ok(self.found())
    }

    fn open(&self, _: &str, _: &Catalog) -> Result<Found, String> {
        Ok(self.found())
    }
}

fn name(text: &str) -> UserName {
    UserName::new(text).unwrap()
}

fn reviewed(head: &str, author: &str, approvers: &[&str]) -> Reviewed {
    let approver = |user: &&str| Approver {
        user: name(user),
        how: "approved #1".into(),
    };
    Reviewed {
        name: "#1".into(),
        head: head.into(),
        author: Ok(name(author)),
        writers: BTreeMap::new(),
        approvers: approvers.iter().map(approver).collect(),
        remarks: vec!["lou's review was dismissed".into()],
    }
}

fn judged(town: &Town, reviewed: Option<Reviewed>) -> Judged {
    let verified = town.verified(Some(&Forge(reviewed)), Timestamp::now(), None);
    verified.judged.last().unwrap().clone()
}

fn by(judged: &Judged) -> Vec<&str> {
    assert!(judged.approved, "{:?}", judged.faults);
    judged.counted.iter().map(|a| a.user.as_str()).collect()
}

/// A squash as a forge makes it: nobody's signature is ours.
fn squashed(town: &Town, author: &str) -> String {
    let head = town.pull(
        By::Nobody,
        "maps",
        &[(FILE, &request(author, "kim", "viewer"))],
    );
    town.access.git(&["checkout", "--quiet", "main"]);
    town.access.git(&["merge", "--quiet", "--squash", "maps"]);
    town.commit(By::Nobody, "Maps (#1)");
    head
}

#[test]
fn a_squash_of_a_reviewed_head_is_approved_by_its_reviewers() {
    let town = Town::new();
    let head = squashed(&town, "sam");
    assert_eq!(
        by(&judged(&town, Some(reviewed(&head, "sam", &["ada"])))),
        ["ada"]
    );
    // Without the forge's word it is a commit of nobody's.
    assert!(!judged(&town, None).approved);
}

#[test]
fn a_merge_of_a_reviewed_head_is_approved_by_its_reviewers() {
    let town = Town::new();
    let head = town.pull(
        By::Nobody,
        "maps",
        &[(FILE, &request("sam", "kim", "viewer"))],
    );
    town.merge(By::Nobody, "maps");
    assert_eq!(
        by(&judged(&town, Some(reviewed(&head, "sam", &["ada"])))),
        ["ada"]
    );
}

#[test]
fn whoever_opened_it_is_its_author_and_its_requester() {
    let town = Town::new();
    let head = squashed(&town, "ada");
    assert!(!judged(&town, Some(reviewed(&head, "ada", &["ada"]))).approved);
    let other = judged(&town, Some(reviewed(&head, "sam", &["ben"])));
    assert!(
        other
            .faults
            .iter()
            .any(|f| matches!(f, Fault::NotTheRequester { .. })),
        "{:?}",
        other.faults
    );
    let nobody = Reviewed {
        author: Err("ghost".into()),
        ..reviewed(&head, "sam", &["ben", "cleo"])
    };
    let nobody = judged(&town, Some(nobody));
    assert!(!nobody.approved);
    let said: Vec<String> = nobody.faults.iter().map(ToString::to_string).collect();
    assert!(
        said.iter()
            .any(|s| s.contains("#1 was opened by ghost, which is nobody's login")),
        "{said:?}"
    );
}

#[test]
fn control_needs_two_reviewers_and_strangers_do_not_count() {
    let town = Town::new();
    let text = user("kim", &[town.public("eve")], "");
    let head = town.pull(By::Nobody, "key", &[("users/kim.yaml", &text)]);
    town.merge(By::Nobody, "key");
    let one = judged(&town, Some(reviewed(&head, "sam", &["ada", "sam"])));
    assert!(!one.approved);
    assert!(
        one.remarks
            .iter()
            .any(|r| r.contains("lou's review was dismissed")),
        "{:?}",
        one.remarks
    );
    assert_eq!(
        by(&judged(
            &town,
            Some(reviewed(&head, "sam", &["ada", "ben"]))
        )),
        ["ada", "ben"]
    );
}

#[test]
fn what_was_changed_while_merging_was_not_reviewed() {
    let town = Town::new();
    let head = town.pull(
        By::Nobody,
        "maps",
        &[(FILE, &request("sam", "kim", "viewer"))],
    );
    town.access.git(&["checkout", "--quiet", "main"]);
    town.access.git(&["merge", "--quiet", "--squash", "maps"]);
    town.access.edit(FILE, "level: viewer", "level: editor");
    town.commit(By::Nobody, "Maps (#1)");
    let judged = judged(&town, Some(reviewed(&head, "sam", &["ada", "ben"])));
    assert!(!judged.approved);
    assert!(
        judged
            .faults
            .iter()
            .any(|f| matches!(f, Fault::Altered { .. })),
        "{:?}",
        judged.faults
    );
}

#[test]
fn a_reviewed_head_that_is_not_at_hand_is_to_be_fetched() {
    let town = Town::new();
    squashed(&town, "sam");
    let head = "0123456789012345678901234567890123456789";
    let judged = judged(&town, Some(reviewed(head, "sam", &["ada"])));
    assert!(!judged.approved);
    let fault = judged
        .faults
        .iter()
        .find(|f| matches!(f, Fault::Unfetched { .. }))
        .unwrap();
    assert!(
        fault
            .way_out(&judged.commit)
            .contains(&format!("git fetch origin {head}"))
    );
}
