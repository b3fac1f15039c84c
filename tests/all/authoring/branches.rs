//! `--branch`: one commit with one file on top of HEAD; folder, index and HEAD stay as they are.

use super::{files, judged, refuses};
use crate::bed::Access;
use std::fs;

const CHANGE: [&str; 7] = [
    "request",
    "change",
    "kim",
    "--effective",
    "2099-01-04",
    "--family-name",
    "Lee",
];

fn change(more: &[&'static str]) -> Vec<&'static str> {
    CHANGE.iter().chain(more).copied().collect()
}

fn access() -> Access {
    let access = Access::example("white-glove");
    access.git(&["config", "user.email", "lucy@seko.example"]);
    access.git(&["config", "user.name", "Lucy"]);
    access
}

#[test]
fn a_branch_holds_one_commit_with_the_file_and_nothing_else_is_touched() {
    let access = access();
    // Work that is under way: a staged file, a changed one, a new one that is no manifest at all.
    access.write("users/draft.yaml", "apiVersion: [");
    access.git(&["add", "users/draft.yaml"]);
    access.write("users/jack.yaml", "kind: User\n");
    let before = (
        files(&access),
        access.git(&["status", "--porcelain"]),
        access.git(&["rev-parse", "HEAD"]),
    );
    let ran = access.run_embedded(&change(&["--branch"])).ends(0);
    assert_eq!(ran.out, "requests/2099-01-04-change-kim.yaml\n");
    let name = "request/2099-01-04-change-kim";
    assert!(
        ran.err.contains(&format!("git push -u origin {name}")),
        "{}",
        ran.err
    );
    let after = (
        files(&access),
        access.git(&["status", "--porcelain"]),
        access.git(&["rev-parse", "HEAD"]),
    );
    assert_eq!(before, after);
    assert_eq!(access.git(&["rev-parse", &format!("{name}^")]), before.2);
    assert_eq!(
        access.git(&["diff", "--name-status", "HEAD", name]),
        "A\trequests/2099-01-04-change-kim.yaml\n"
    );
    assert_eq!(
        access.git(&["log", "-1", "--format=%an <%ae>", name]),
        "Lucy <lucy@seko.example>\n"
    );
    assert_eq!(
        access.git(&["log", "-1", "--format=%s", name]),
        "request: change kim from 2099-01-04\n"
    );
    judged(
        &access.git(&[
            "show",
            &format!("{name}:requests/2099-01-04-change-kim.yaml"),
        ]),
        None,
    );
    access.run_embedded(&["validate", "--rev", name]).ends(0);
    // Once more: another branch. A name that is taken, or is none, is refused.
    access.run_embedded(&change(&["--branch"])).ends(0);
    access.git(&["rev-parse", &format!("{name}-2")]);
    let ran = refuses(&access, 64, &change(&["--branch", name]));
    assert!(ran.err.contains("already"), "{}", ran.err);
    refuses(&access, 64, &change(&["--branch", "a..b"]));
}

#[test]
fn what_can_be_pushed_says_where_to() {
    let access = access();
    let bare = tempfile::tempdir().unwrap();
    let bare = bare.path().to_str().unwrap().to_owned();
    access.git(&["init", "--quiet", "--bare", &bare]);
    access.git(&["remote", "add", "upstream", &bare]);
    let ran = access
        .run_embedded(&change(&["--branch", "kim/name"]))
        .ends(0);
    assert!(
        ran.err.contains("git push -u upstream kim/name"),
        "{}",
        ran.err
    );
    fs::create_dir_all(&bare).unwrap();
    access.git(&["init", "--quiet", "--bare", &bare]);
    access.git(&["push", "--quiet", "-u", "upstream", "kim/name"]);
}

#[test]
fn a_repository_below_the_root_of_git_is_written_there() {
    let access = access();
    access.git(&["init", "--quiet"]);
    fs::create_dir(access.repository().join("access")).unwrap();
    for path in files(&access).into_keys() {
        let to = access.repository().join("access").join(&path);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::rename(access.repository().join(&path), to).unwrap();
    }
    access.commit("Moved");
    let below = access.repository().join("access");
    let arguments = change(&[
        "--branch",
        "b",
        "-C",
        below.to_str().unwrap().to_owned().leak(),
    ]);
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_countersign"))
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(
        access.git(&["diff", "--name-status", "HEAD", "b"]),
        "A\taccess/requests/2099-01-04-change-kim.yaml\n"
    );
}

#[test]
fn without_git_or_commit_or_name_there_is_a_clear_error() {
    let access = access();
    access.git(&["checkout", "--quiet", "--orphan", "new"]);
    let ran = refuses(&access, 64, &change(&["--branch"]));
    assert!(ran.err.contains("no commit to branch from"), "{}", ran.err);
    fs::remove_dir_all(access.repository().join(".git")).unwrap();
    let ran = refuses(
        &access,
        64,
        &change(&["--branch", "--requested-by", "lucy"]),
    );
    assert!(ran.err.contains("no git repository"), "{}", ran.err);
    // The folder needs no git.
    super::writes_one(&access, &change(&["--requested-by", "lucy"]));
    fs::create_dir(access.repository().join(".git")).unwrap();
    refuses(
        &access,
        64,
        &change(&["--branch", "--requested-by", "lucy"]),
    );
}

#[test]
fn where_commits_are_signed_the_branch_is() {
    let access = access();
    let keys = tempfile::tempdir().unwrap();
    let key = keys.path().join("key");
    let made = std::process::Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(&key)
        .status();
    assert!(made.unwrap().success());
    access.git(&["config", "gpg.format", "ssh"]);
    access.git(&["config", "user.signingkey", key.to_str().unwrap()]);
    access.git(&["config", "commit.gpgsign", "true"]);
    access
        .run_embedded(&change(&["--branch", "signed"]))
        .ends(0);
    let commit = access.git(&["cat-file", "commit", "signed"]);
    assert!(
        commit.contains("gpgsig -----BEGIN SSH SIGNATURE-----"),
        "{commit}"
    );
    // Without the key nothing is proposed unsigned.
    fs::remove_file(&key).unwrap();
    let ran = refuses(&access, 3, &change(&["--branch", "unsigned"]));
    assert!(ran.err.contains("did not sign"), "{}", ran.err);
    assert_eq!(access.git(&["branch", "--list", "unsigned"]), "");
}
