//! How a commit must hang together: the merge of what was reviewed, and nothing besides.

use super::{By, Town, request};
use std::process::Command;

const FILE: &str = "requests/maps.yaml";

fn pulled(town: &Town) {
    town.pull(
        By::Ssh("sam"),
        "maps",
        &[(FILE, &request("sam", "kim", "viewer"))],
    );
}

#[test]
fn a_commit_straight_on_the_branch_is_no_evidence_whoever_signed_it() {
    let town = Town::new();
    town.access.write("README.md", "changed\n");
    let commit = town.commit(By::Ssh("ada"), "Straight");
    town.check().refused(&[
        "it stands on the branch without a merge (a direct push, squash, rebase or fast-forward)",
        "git merge --no-ff -S",
        &format!("countersign approve {}", &commit[..12]),
    ]);
}

#[test]
fn a_fast_forward_is_no_evidence() {
    let town = Town::new();
    pulled(&town);
    town.access.git(&["checkout", "--quiet", "main"]);
    town.access.git(&["merge", "--quiet", "--ff-only", "maps"]);
    town.check().refused(&["without a merge", "fast-forward"]);
}

#[test]
fn a_rebase_is_no_evidence() {
    let town = Town::new();
    pulled(&town);
    town.access.git(&["checkout", "--quiet", "main"]);
    town.pull(By::Ssh("sam"), "other", &[("README.md", "other\n")]);
    town.merge(By::Ssh("ada"), "other");
    town.access.git(&["checkout", "--quiet", "maps"]);
    town.git(By::Ssh("ada"), &["rebase", "--quiet", "-S", "main"]);
    town.access.git(&["checkout", "--quiet", "main"]);
    town.access.git(&["merge", "--quiet", "--ff-only", "maps"]);
    town.check().refused(&["without a merge", "rebase"]);
}

#[test]
fn a_squash_is_no_evidence_and_can_be_covered() {
    let town = Town::new();
    pulled(&town);
    town.access.git(&["checkout", "--quiet", "main"]);
    town.access.git(&["merge", "--quiet", "--squash", "maps"]);
    let squash = town.commit(By::Ssh("ada"), "Squash");
    // Whoever squashed it is its only author that is known.
    town.check().refused(&[
        "squash",
        "request maps-kim says that sam asks for it, and ada brought it",
    ]);
    town.approve(By::Ssh("ben"), "ben", &squash).ends(0);
    town.check()
        .refused(&["it needs 2 approvers", "has 1: ben", "by one of: cleo"]);
    town.approve(By::Ssh("cleo"), "cleo", &squash).ends(0);
    town.check().approved_by(&["ben", "cleo"]);
}

#[test]
fn a_merge_that_holds_what_neither_side_has_is_refused() {
    let town = Town::new();
    pulled(&town);
    town.access.git(&["checkout", "--quiet", "main"]);
    town.access
        .git(&["merge", "--quiet", "--no-ff", "--no-commit", "maps"]);
    town.access.edit(FILE, "level: viewer", "level: editor");
    town.commit(By::Ssh("ada"), "Merge maps");
    town.check().refused(&[
        "the merge holds what neither side has, in requests/maps.yaml",
        "take the merge off the branch",
    ]);
}

#[test]
fn a_merge_that_leaves_out_what_was_reviewed_is_refused() {
    let town = Town::new();
    pulled(&town);
    town.access.git(&["checkout", "--quiet", "main"]);
    town.git(
        By::Ssh("ada"),
        &[
            "merge", "--quiet", "--no-ff", "-S", "-s", "ours", "-m", "Merge", "maps",
        ],
    );
    town.check()
        .refused(&["the merge holds what neither side has, in requests/maps.yaml"]);
}

#[test]
fn a_conflict_that_somebody_solved_while_merging_is_refused() {
    let town = Town::new();
    town.pull(By::Ssh("sam"), "one", &[("README.md", "one\n")]);
    town.pull(By::Ssh("sam"), "two", &[("README.md", "two\n")]);
    town.merge(By::Ssh("ada"), "one");
    let check = town
        .access
        .run_embedded(&["approve-check", "main..two", "--pull-request"])
        .ends(1);
    assert!(
        check
            .out
            .contains("it cannot be merged without somebody deciding something"),
        "{}",
        check.out
    );
    assert!(
        check.out.contains("update the pull request's branch"),
        "{}",
        check.out
    );
    town.git(
        By::Ssh("ada"),
        &[
            "merge",
            "--quiet",
            "--no-ff",
            "-S",
            "-X",
            "theirs",
            "-m",
            "Merge two",
            "two",
        ],
    );
    town.check()
        .refused(&["the merge holds what neither side has, in README.md"]);
}

#[test]
fn a_branch_that_was_brought_up_to_date_is_merged_as_any_other() {
    let town = Town::new();
    pulled(&town);
    town.pull(By::Ssh("eve"), "other", &[("README.md", "other\n")]);
    town.merge(By::Ssh("ada"), "other");
    // Eve is unknown here: her commit is as good as unsigned.
    town.approve(By::Ssh("ben"), "ben", "main").ends(0);
    town.access.git(&["checkout", "--quiet", "maps"]);
    // Whoever presses the button writes nothing.
    town.git(
        By::Nobody,
        &["merge", "--quiet", "--no-ff", "-m", "Update", "main"],
    );
    town.merge(By::Ssh("ada"), "maps");
    town.check().approved_by(&["ada"]);
}

#[test]
fn two_pull_requests_merged_at_once_are_refused() {
    let town = Town::new();
    pulled(&town);
    town.pull(By::Ssh("sam"), "other", &[("README.md", "other\n")]);
    town.access.git(&["checkout", "--quiet", "main"]);
    town.git(
        By::Ssh("ada"),
        &[
            "merge", "--quiet", "--no-ff", "-S", "-m", "Both", "maps", "other",
        ],
    );
    town.check().refused(&[
        "it merges 2 heads at once",
        "merge one pull request at a time",
    ]);
}

#[test]
fn a_history_from_elsewhere_is_refused() {
    let town = Town::new();
    town.access
        .git(&["checkout", "--quiet", "--orphan", "alien"]);
    town.access.git(&["rm", "--quiet", "-r", "--cached", "."]);
    town.access.git(&["clean", "--quiet", "-fd"]);
    town.access.write(FILE, &request("sam", "kim", "viewer"));
    town.commit(By::Ssh("sam"), "Alien");
    town.access.git(&["checkout", "--quiet", "main"]);
    let arguments = [
        "merge",
        "--quiet",
        "--no-ff",
        "-S",
        "--allow-unrelated-histories",
        "-m",
        "Merge",
        "alien",
    ];
    town.git(By::Ssh("ada"), &arguments);
    town.check()
        .refused(&["it brings a history that does not come from this repository"]);
}

#[test]
fn what_a_pull_request_merged_from_another_is_not_reviewed_with_it() {
    let town = Town::new();
    town.pull(By::Nobody, "rogue", &[("README.md", "rogue\n")]);
    pulled(&town);
    town.git(
        By::Ssh("sam"),
        &[
            "merge",
            "--quiet",
            "--no-ff",
            "-S",
            "-m",
            "Take it along",
            "rogue",
        ],
    );
    town.merge(By::Ssh("ada"), "maps");
    town.check().refused(&[
        "which was never on the branch: nobody reviewed it here",
        "open a pull request for what was merged first",
    ]);
}

#[test]
fn a_branch_that_was_moved_is_refused() {
    let town = Town::new();
    pulled(&town);
    let merge = town.merge(By::Ssh("ada"), "maps");
    town.access
        .git(&["reset", "--quiet", "--hard", &town.first]);
    town.pull(By::Ssh("sam"), "other", &[("README.md", "other\n")]);
    town.merge(By::Ssh("ada"), "other");
    let moved = town
        .access
        .run_embedded(&["approve-check", &format!("{merge}..main")])
        .ends(1);
    for word in [
        "is not on the first-parent line of",
        "a force-push",
        "repository.bootstrap",
    ] {
        assert!(moved.err.contains(word), "{}", moved.err);
    }
}

#[test]
fn a_fast_forward_to_a_branch_that_had_merged_main_is_refused() {
    let town = Town::new();
    pulled(&town);
    town.pull(By::Ssh("sam"), "other", &[("README.md", "other\n")]);
    let merge = town.merge(By::Ssh("ada"), "other");
    town.access.git(&["checkout", "--quiet", "maps"]);
    town.git(
        By::Ssh("sam"),
        &["merge", "--quiet", "--no-ff", "-S", "-m", "Update", "main"],
    );
    town.access.git(&["checkout", "--quiet", "main"]);
    town.access.git(&["merge", "--quiet", "--ff-only", "maps"]);
    // The branch now comes by sam's commit; the merge that was approved stands beside it.
    let moved = town
        .access
        .run_embedded(&["approve-check", &format!("{merge}..main")])
        .ends(1);
    assert!(
        moved.err.contains("is not on the first-parent line"),
        "{}",
        moved.err
    );
    town.check().refused(&["without a merge"]);
}

#[test]
fn a_shallow_clone_proves_nothing() {
    let town = Town::new();
    pulled(&town);
    town.merge(By::Ssh("ada"), "maps");
    let from = format!("file://{}", town.access.repository().display());
    town.access.git(&[
        "clone", "--quiet", "--depth", "1", "--branch", "main", &from, "shallow",
    ]);
    let ran = Command::new(env!("CARGO_BIN_EXE_countersign"))
        .arg("-C")
        .arg(town.access.repository().join("shallow"))
        .args(["approve-check", "HEAD..HEAD"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert_eq!(ran.status.code(), Some(3), "{said}");
    assert!(
        said.contains(
            "it is shallow or not complete; fetch the whole history (`git fetch --unshallow`)"
        ),
        "{said}"
    );
}
