//! Tags: they cover a commit that came without evidence, and approve the head of a pull request.

use super::{ADMINISTRATOR, By, Town, map, request, user};

const FILE: &str = "requests/maps.yaml";

fn straight(town: &Town) -> String {
    town.access.write("README.md", "straight\n");
    town.commit(By::Ssh("sam"), "Straight")
}

#[test]
fn a_tag_of_an_administrator_covers_a_commit_that_came_without_evidence() {
    let town = Town::new();
    let commit = straight(&town);
    town.check().refused(&["without a merge"]);
    let ran = town.approve(By::Ssh("ada"), "ada", &commit).ends(0);
    assert_eq!(ran.out.trim(), format!("countersign/approve/{commit}/ada"));
    assert!(
        ran.err
            .contains("push it: git push origin refs/tags/countersign/approve/"),
        "{}",
        ran.err
    );
    let check = town.check();
    check.approved_by(&["ada"]);
    assert!(
        check
            .human
            .out
            .contains("covered: it stands on the branch without a merge"),
        "{}",
        check.human.out
    );
}

#[test]
fn what_nobody_signed_is_covered_by_two() {
    let town = Town::new();
    town.access.write("README.md", "straight\n");
    let commit = town.commit(By::Nobody, "Straight");
    town.approve(By::Ssh("ada"), "ada", &commit).ends(0);
    town.check()
        .refused(&["it needs 2 approvers", "has 1: ada"]);
    town.approve(By::Ssh("ben"), "ben", &commit).ends(0);
    town.check().approved_by(&["ada", "ben"]);
}

#[test]
fn whoever_wrote_a_commit_does_not_cover_it() {
    let town = Town::new();
    town.access.write("README.md", "straight\n");
    let commit = town.commit(By::Ssh("ada"), "Straight");
    town.tag(By::Ssh("ada"), "ada", &commit);
    town.check()
        .refused(&["ada signed", "which does not count", "has none"]);
}

#[test]
fn the_command_refuses_whoever_may_not_approve_it_and_signs_nothing() {
    let town = Town::new();
    let refused = |commit: &str, user: &str, why: &str| {
        let ran = town.approve(By::Ssh(user), user, commit).ends(1);
        let words = "so this approval would not count";
        for words in [why, words] {
            assert!(ran.err.contains(words), "{words}\n{}", ran.err);
        }
        assert_eq!(town.access.git(&["tag", "--list"]), "");
    };
    // The head of a pull request: also what was committed before its last commit.
    let asked = request("ada", "ben", "viewer");
    town.pull(By::Ssh("ada"), "maps", &[(FILE, &asked)]);
    town.access.write("README.md", "more\n");
    let head = town.commit(By::Ssh("sam"), "More");
    refused(&head, "ada", "ada wrote ");
    refused(&head, "ada", "asks for it (maps-ben)");
    refused(&head, "ben", "ben is whom it is about (requests/maps.yaml)");
    // The merge of it, and a commit that came without one.
    let merge = town.merge(By::Ssh("ada"), "maps");
    refused(&merge, "ben", "gains maps viewer by it");
    let straight = straight(&town);
    town.access.write("README.md", "straight on\n");
    let theirs = town.commit(By::Ssh("ada"), "Straight on");
    refused(&theirs, "ada", "ada wrote ");
    // What others did before it is not theirs.
    town.approve(By::Ssh("ada"), "ada", &straight).ends(0);
}

#[test]
fn a_tag_that_is_not_signed_counts_for_nobody() {
    let town = Town::new();
    let commit = straight(&town);
    let name = format!("countersign/approve/{commit}/ada");
    town.access
        .git(&["tag", "-a", "-m", "Approved", &name, &commit]);
    town.check()
        .refused(&["does not count: it is not signed", "has none"]);
    // One without an object of its own says nothing at all.
    town.access.git(&["tag", "--force", &name, &commit]);
    town.check().refused(&["has none"]);
}

#[test]
fn a_tag_counts_for_the_commit_and_the_user_it_was_signed_for() {
    let town = Town::new();
    let commit = straight(&town);
    // Ada signs as ben.
    let name = format!("countersign/approve/{commit}/ben");
    town.git(
        By::Ssh("ada"),
        &["tag", "-s", "-m", "Approved", &name, &commit],
    );
    town.check()
        .refused(&["ada signed it, and it is called otherwise"]);
    town.access.git(&["tag", "-d", &name]);
    // A tag of ada's for another commit, put where one for this would be.
    let other = format!("countersign/approve/{}/ada", town.first);
    town.git(
        By::Ssh("ada"),
        &["tag", "-s", "-f", "-m", "Approved", &other, &town.first],
    );
    let object = town
        .access
        .git(&["rev-parse", &format!("refs/tags/{other}")]);
    let reference = format!("refs/tags/countersign/approve/{commit}/ada");
    town.access.git(&["update-ref", &reference, object.trim()]);
    town.check().refused(&["has none"]);
}

#[test]
fn the_command_takes_a_tag_back_that_would_not_count() {
    let town = Town::new();
    let commit = straight(&town);
    let ran = town.approve(By::Ssh("eve"), "ada", &commit).ends(1);
    assert!(
        ran.err
            .contains("git did not sign with a key that ada has in `credentials.signingKeys`"),
        "{}",
        ran.err
    );
    assert_eq!(town.access.git(&["tag", "--list"]), "");
    let ran = town.approve(By::Nobody, "ada", &commit).ends(3);
    assert!(ran.err.contains("git did not make the tag"), "{}", ran.err);
}

#[test]
fn the_command_knows_who_you_are_by_your_address() {
    let town = Town::with(|access, town| {
        let more = format!("{ADMINISTRATOR}  contact: {{mail: dana.reyes@city.example}}\n");
        access.write("users/ada.yaml", &user("ada", &[town.public("ada")], &more));
    });
    let commit = straight(&town);
    town.access.git(&["config", "gpg.format", "ssh"]);
    town.access
        .git(&["config", "user.signingkey", &town.secret("ada")]);
    town.access.run_embedded(&["approve", &commit]).ends(0);
    town.check().approved_by(&["ada"]);
    town.access
        .git(&["config", "user.email", "nobody@town.example"]);
    let ran = town.access.run_embedded(&["approve", &commit]).ends(64);
    assert!(
        ran.err.contains("say who you are with --as USER"),
        "{}",
        ran.err
    );
}

#[test]
fn approvals_of_a_pull_requests_head_count_with_the_merge() {
    let town = Town::new();
    let text = user("kim", &[town.public("eve")], "");
    let head = town.pull(By::Ssh("sam"), "key", &[("users/kim.yaml", &text)]);
    town.approve(By::Ssh("ben"), "ben", &head).ends(0);
    town.merge(By::Ssh("ada"), "key");
    town.check().approved_by(&["ada", "ben"]);
}

#[test]
fn an_approval_of_an_earlier_head_does_not_count() {
    let town = Town::new();
    let text = user("kim", &[town.public("eve")], "");
    let head = town.pull(By::Ssh("sam"), "key", &[("users/kim.yaml", &text)]);
    town.approve(By::Ssh("ben"), "ben", &head).ends(0);
    town.access.write("README.md", "more\n");
    town.commit(By::Ssh("sam"), "More");
    town.merge(By::Ssh("ada"), "key");
    town.check()
        .refused(&["and more was committed since", "has 1: ada"]);
}

#[test]
fn before_the_merge_it_is_said_what_is_needed_by_whom_and_who_is_barred() {
    let town = Town::new();
    let head = town.pull(
        By::Ssh("sam"),
        "maps",
        &[(FILE, &request("sam", "ben", "viewer"))],
    );
    let run = |format: &str| {
        let arguments = [
            "approve-check",
            "main..maps",
            "--pull-request",
            "--format",
            format,
        ];
        town.access.run_embedded(&arguments)
    };
    let ran = run("human").ends(1);
    for words in [
        "needs     ",
        "0 of 1 approvals (every change)",
        "may approve: ada, cleo",
        "may not: ben, who is whom it is about (requests/maps.yaml), gains maps viewer by it",
        "not approved yet",
    ] {
        assert!(ran.out.contains(words), "{words}\n{}", ran.out);
    }
    let json = run("json").ends(1).json();
    assert_eq!(json["approved"], false);
    assert_eq!(json["pullRequest"], true);
    let barred = map(&json["commits"][0]["requirement"]["barred"]);
    assert_eq!(barred.keys().collect::<Vec<_>>(), ["ben", "sam"]);
    // Nobody merged anything: nothing of the branch itself moved.
    town.approve(By::Ssh("ada"), "ada", &head).ends(0);
    let ran = run("human").ends(0);
    assert!(
        ran.out.contains("approved: it can be merged"),
        "{}",
        ran.out
    );
}

#[test]
fn a_head_that_is_behind_is_judged_as_merging_it_would_make_it() {
    let town = Town::new();
    town.pull(
        By::Ssh("sam"),
        "maps",
        &[(FILE, &request("sam", "kim", "viewer"))],
    );
    town.pull(By::Ssh("sam"), "gone", &[("README.md", "other\n")]);
    let text = user("kim", &[], "  access:\n    - {resource: maps}\n");
    town.pull(By::Ssh("sam"), "kim", &[("users/kim.yaml", &text)]);
    town.merge(By::Ssh("ada"), "kim");
    town.merge(By::Ssh("ada"), "gone");
    let ran = town
        .access
        .run_embedded(&["approve-check", "main..maps", "--pull-request"])
        .ends(1);
    // Kim has it already by what was merged meanwhile.
    assert!(!ran.out.contains("gains maps"), "{}", ran.out);
    assert!(
        ran.out.contains("may approve: ada, ben, cleo"),
        "{}",
        ran.out
    );
}

#[test]
fn a_pull_request_that_would_be_invalid_is_not_approved() {
    let town = Town::new();
    let text = request("sam", "nobody", "viewer");
    let head = town.pull(By::Ssh("sam"), "maps", &[(FILE, &text)]);
    for name in ["ada", "ben"] {
        town.approve(By::Ssh(name), name, &head).ends(0);
    }
    let ran = town
        .access
        .run_embedded(&["approve-check", "main..maps", "--pull-request"])
        .ends(1);
    assert!(
        ran.out
            .contains("merging it would make a revision with 2 mistakes"),
        "{}",
        ran.out
    );
}
