//! The machine that verifies: its git configuration, its refs and what lies in its `.git` decide nothing.

use super::{By, Town, request, user};
use std::fs;

const FILE: &str = "requests/maps.yaml";

fn refused(town: &Town) {
    town.check().refused(&["and has none"]);
}

/// A merge that eve signed, whom nobody knows.
fn merged_by_eve() -> (Town, String) {
    let town = Town::new();
    town.pull(
        By::Ssh("sam"),
        "maps",
        &[(FILE, &request("sam", "kim", "viewer"))],
    );
    let merge = town.merge(By::Ssh("eve"), "maps");
    refused(&town);
    (town, merge)
}

#[test]
fn a_program_that_says_every_signature_is_good_is_not_asked() {
    let (town, _) = merged_by_eve();
    let liar = town.access.repository().join(".git/liar");
    fs::write(
        &liar,
        "#!/bin/sh\necho '[GNUPG:] GOODSIG 0 ada'\necho '[GNUPG:] VALIDSIG 0'\nexit 0\n",
    )
    .unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(&liar, fs::Permissions::from_mode(0o755)).unwrap();
    }
    for key in ["gpg.program", "gpg.ssh.program", "gpg.openpgp.program"] {
        town.access.git(&["config", key, liar.to_str().unwrap()]);
    }
    refused(&town);
}

#[test]
fn signers_whom_the_machine_allows_are_not_allowed_here() {
    let (town, _) = merged_by_eve();
    let allowed = town.access.repository().join(".git/allowed");
    fs::write(&allowed, format!("ada {}\n", town.public("eve"))).unwrap();
    town.access.git(&[
        "config",
        "gpg.ssh.allowedSignersFile",
        allowed.to_str().unwrap(),
    ]);
    assert!(
        town.access
            .git(&["log", "--format=%G?", "-1", "main"])
            .contains('G')
    );
    refused(&town);
}

#[test]
fn a_replaced_commit_is_seen_as_it_was_written() {
    let (town, merge) = merged_by_eve();
    town.access
        .git(&["reset", "--quiet", "--hard", &town.first]);
    let good = town.merge(By::Ssh("ada"), "maps");
    town.access.git(&["reset", "--quiet", "--hard", &merge]);
    town.access.git(&["replace", &merge, &good]);
    assert!(!town.access.git(&["cat-file", "commit", &merge]).is_empty());
    refused(&town);
}

#[test]
fn a_graft_hides_no_commit() {
    let town = Town::new();
    town.access.write("README.md", "straight\n");
    let straight = town.commit(By::Nobody, "Straight");
    town.pull(
        By::Ssh("sam"),
        "maps",
        &[(FILE, &request("sam", "kim", "viewer"))],
    );
    let merge = town.merge(By::Ssh("ada"), "maps");
    let head = town.access.git(&["rev-parse", "maps"]);
    let graft = format!("{merge} {} {}", town.first, head.trim());
    fs::write(town.access.repository().join(".git/info/grafts"), graft).unwrap();
    assert!(
        !town
            .access
            .git(&["rev-list", "--first-parent", "main"])
            .contains(&straight)
    );
    town.check()
        .refused(&["it stands on the branch without a merge"]);
}

#[test]
fn a_branch_that_is_called_like_a_hash_is_not_that_commit() {
    let (town, merge) = merged_by_eve();
    town.access
        .git(&["reset", "--quiet", "--hard", &town.first]);
    town.access
        .git(&["update-ref", &format!("refs/heads/{merge}"), &town.first]);
    town.range(&format!("{}..{merge}", town.first))
        .refused(&["and has none"]);
}

#[test]
fn an_access_repository_in_a_folder_of_a_larger_one_is_verified_as_well() {
    let town = Town::new();
    let repository = town.access.repository();
    town.access.git(&["checkout", "--quiet", "-b", "moved"]);
    fs::create_dir(repository.join("access")).unwrap();
    for name in [
        "countersign.yaml",
        "resources.yaml",
        "organizations",
        "users",
    ] {
        town.access.git(&["mv", name, "access/"]);
    }
    let first = town.commit(By::Nobody, "Into a folder");
    town.access.git(&["checkout", "--quiet", "-B", "main"]);
    let text = user("kim", &[town.public("eve")], "");
    town.pull(By::Ssh("sam"), "key", &[("access/users/kim.yaml", &text)]);
    town.merge(By::Ssh("ada"), "key");
    let ran = std::process::Command::new(env!("CARGO_BIN_EXE_countersign"))
        .arg("-C")
        .arg(repository.join("access"))
        .args(["approve-check", &format!("{first}..main")])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert_eq!(ran.status.code(), Some(1), "{said}");
    assert!(
        said.contains("credentials of kim (users/kim.yaml:3)"),
        "{said}"
    );
}
