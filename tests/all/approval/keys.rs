//! Keys: only those count that the revision before has, one person's each, and valid now.

use super::{ADMINISTRATOR, By, Town, request, user};

const FILE: &str = "requests/maps.yaml";

fn pulled(town: &Town) {
    town.pull(
        By::Ssh("sam"),
        "maps",
        &[(FILE, &request("sam", "kim", "viewer"))],
    );
}

#[test]
fn a_key_that_comes_with_the_same_merge_does_not_count() {
    let town = Town::new();
    let both = [town.public("ada"), town.public("eve")];
    town.pull(
        By::Ssh("sam"),
        "key",
        &[("users/ada.yaml", &user("ada", &both, ADMINISTRATOR))],
    );
    town.merge(By::Ssh("eve"), "key");
    town.check().refused(&[
        "the merge is signed with a key that nobody has by the revision before: one that comes with this very change",
        "and has none",
    ]);
}

#[test]
fn a_key_counts_from_the_next_commit_on() {
    let town = Town::new();
    let both = [town.public("cleo"), town.public("eve")];
    town.pull(
        By::Ssh("sam"),
        "key",
        &[("users/cleo.yaml", &user("cleo", &both, ADMINISTRATOR))],
    );
    let merge = town.merge(By::Ssh("ada"), "key");
    town.check()
        .refused(&["it needs 2 approvers", "credentials of cleo", "has 1: ada"]);
    town.approve(By::Ssh("ben"), "ben", &merge).ends(0);
    town.check().approved_by(&["ada", "ben"]);
    pulled(&town);
    town.merge(By::Ssh("eve"), "maps");
    town.check().approved_by(&["cleo"]);
}

#[test]
fn a_key_that_was_taken_away_no_longer_counts() {
    let town = Town::new();
    let text = user("cleo", &[town.public("eve")], ADMINISTRATOR);
    town.pull(By::Ssh("sam"), "key", &[("users/cleo.yaml", &text)]);
    let merge = town.merge(By::Ssh("ada"), "key");
    town.approve(By::Ssh("ben"), "ben", &merge).ends(0);
    pulled(&town);
    town.merge(By::Ssh("cleo"), "maps");
    town.check().refused(&[
        "a key that nobody has by the revision before",
        "or was taken away",
    ]);
}

#[test]
fn a_key_of_two_users_counts_for_neither() {
    let town = Town::new();
    let text = user("ben", &[town.public("ada")], ADMINISTRATOR);
    town.access.write("users/ben.yaml", &text);
    // `validate` refuses it; an operator may name such a revision all the same.
    let ran = town
        .access
        .run_embedded(&["validate", "--worktree"])
        .ends(1);
    let words = "this key is `ada`'s already, and a key is one person's";
    assert!(ran.out.contains(words), "{}", ran.out);
    let base = town.commit(By::Nobody, "One key");
    pulled(&town);
    town.merge(By::Ssh("ada"), "maps");
    town.range(&format!("{base}..main")).refused(&[
        "the merge's signature does not count",
        "is that of several users (ada, ben): a key is one person's",
    ]);
}

#[test]
fn openpgp_signatures_count_like_any_other() {
    let town = Town::with(|access, town| {
        access.write(
            "users/ben.yaml",
            &user("ben", &[town.pgp("ben", "0")], ADMINISTRATOR),
        );
    });
    pulled(&town);
    town.merge(By::Pgp("ben"), "maps");
    town.check().approved_by(&["ben"]);
}

#[test]
fn an_openpgp_key_that_has_expired_does_not_count() {
    let town = Town::with(|access, town| {
        let key = town.pgp("ben", "seconds=2");
        access.write("users/ben.yaml", &user("ben", &[key], ADMINISTRATOR));
    });
    pulled(&town);
    town.merge(By::Pgp("ben"), "maps");
    std::thread::sleep(std::time::Duration::from_secs(3));
    town.check().refused(&[
        "the OpenPGP key it was made with has expired",
        "and has none",
    ]);
}

#[test]
fn an_openpgp_key_that_is_revoked_does_not_count() {
    let town = Town::with(|access, town| {
        // The manifest has the revocation; whoever has the key's secret half signs as before.
        let key = town.pgp_revoked("ben");
        access.write("users/ben.yaml", &user("ben", &[key], ADMINISTRATOR));
    });
    pulled(&town);
    town.merge(By::Pgp("ben"), "maps");
    town.check().refused(&[
        "the OpenPGP key it was made with is revoked",
        "and has none",
    ]);
}

#[test]
fn a_signature_that_was_moved_to_another_commit_does_not_count() {
    let town = Town::new();
    pulled(&town);
    let merge = town.merge(By::Ssh("ada"), "maps");
    // The same signature over another message.
    let object = town.access.git(&["cat-file", "commit", &merge]);
    let forged = object.replace("Merge maps", "Merge nothing");
    assert_ne!(object, forged);
    town.put("commit", &forged);
    town.check().refused(&[
        "the merge's signature does not count: the SSH signature does not fit what it stands under",
    ]);
}

#[test]
fn a_signature_for_something_else_than_git_does_not_count() {
    let town = Town::new();
    pulled(&town);
    let merge = town.merge(By::Nobody, "maps");
    let object = town.access.git(&["cat-file", "commit", &merge]);
    let signature = town.sign_as("ada", "file", &object);
    let (head, message) = object.split_once("\n\n").unwrap();
    let lines: Vec<&str> = signature.trim_end().lines().collect();
    town.put(
        "commit",
        &format!("{head}\ngpgsig {}\n\n{message}", lines.join("\n ")),
    );
    town.check().refused(&["the SSH signature does not fit"]);
    // In git's own namespace it is as if git had made it.
    let signature = town.sign_as("ada", "git", &object);
    let lines: Vec<&str> = signature.trim_end().lines().collect();
    town.put(
        "commit",
        &format!("{head}\ngpgsig {}\n\n{message}", lines.join("\n ")),
    );
    town.check().approved_by(&["ada"]);
}

#[test]
fn whoever_has_left_signs_nothing() {
    let town = Town::with(|access, town| {
        let left = format!("{ADMINISTRATOR}  state: left\n");
        access.write(
            "users/cleo.yaml",
            &user("cleo", &[town.public("cleo")], &left),
        );
    });
    pulled(&town);
    town.merge(By::Ssh("cleo"), "maps");
    town.check()
        .refused(&["cleo does not work here at this instant, by the revision before"]);
}

#[test]
fn an_administrator_whose_time_is_over_no_longer_approves_whatever_the_commit_is_dated() {
    let town = Town::with(|access, town| {
        let over =
            "  access:\n    - {resource: countersign, level: administrator, until: 2021-01-01}\n";
        access.write(
            "users/cleo.yaml",
            &user("cleo", &[town.public("cleo")], over),
        );
    });
    pulled(&town);
    town.merge(By::Ssh("cleo"), "maps");
    let object = town.access.git(&["cat-file", "commit", "main"]);
    // Dated when she still was one, and signed so.
    let unsigned = unsigned(&object);
    let dated: Vec<String> = unsigned
        .lines()
        .map(
            |l| match l.starts_with("author ") || l.starts_with("committer ") {
                true => format!("{} 1600000000 +0000", l.rsplitn(3, ' ').nth(2).unwrap()),
                false => l.to_owned(),
            },
        )
        .collect();
    let dated = dated.join("\n") + "\n";
    let signature = town.sign_as("cleo", "git", &dated);
    let (head, message) = dated.split_once("\n\n").unwrap();
    let lines: Vec<&str> = signature.trim_end().lines().collect();
    town.put(
        "commit",
        &format!("{head}\ngpgsig {}\n\n{message}", lines.join("\n ")),
    );
    town.check().refused(&[
        "cleo is not an administrator of countersign by the revision before, at this instant",
    ]);
}

/// A commit without its signature.
fn unsigned(object: &str) -> String {
    let mut within = false;
    let mut lines = Vec::new();
    let (head, message) = object.split_once("\n\n").unwrap();
    for line in head.lines() {
        within = line.starts_with("gpgsig ") || (within && line.starts_with(' '));
        if !within {
            lines.push(line);
        }
    }
    format!("{}\n\n{message}", lines.join("\n"))
}
