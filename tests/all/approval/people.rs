//! Who may approve what: never the requester, the subject, or anybody who gains by it.

use super::{ADMINISTRATOR, By, Town, map, request, user};

const FILE: &str = "requests/maps.yaml";

#[test]
fn a_request_that_its_requester_signed_is_approved_by_one_administrator_who_merges_it() {
    let town = Town::new();
    town.pull(
        By::Ssh("sam"),
        "maps",
        &[(FILE, &request("sam", "kim", "viewer"))],
    );
    town.merge(By::Ssh("ada"), "maps");
    let check = town.check();
    check.approved_by(&["ada"]);
    let last = check.last();
    assert_eq!(last["requirement"]["needs"].as_array().unwrap().len(), 1);
    assert_eq!(
        map(&last["requirement"]["barred"])
            .keys()
            .collect::<Vec<_>>(),
        ["kim", "sam"]
    );
    let how = last["counted"][0]["how"].as_str().unwrap();
    assert!(how.starts_with("signed the merge with SHA256:"), "{how}");
}

#[test]
fn an_unsigned_request_needs_two_approvers() {
    let town = Town::new();
    town.pull(
        By::Nobody,
        "maps",
        &[(FILE, &request("sam", "kim", "viewer"))],
    );
    let merge = town.merge(By::Ssh("ada"), "maps");
    town.check().refused(&[
        "it needs 2 approvers",
        "signed by nobody whom the revision before knows",
        "and has 1: ada",
        "by one of: ben, cleo",
    ]);
    town.approve(By::Ssh("ben"), "ben", &merge).ends(0);
    town.check().approved_by(&["ada", "ben"]);
}

#[test]
fn whoever_asks_does_not_approve() {
    let town = Town::new();
    town.pull(
        By::Ssh("ada"),
        "maps",
        &[(FILE, &request("ada", "kim", "viewer"))],
    );
    let merge = town.merge(By::Ssh("ada"), "maps");
    town.check().refused(&[
        "it needs 1 approver (every change), and has none",
        "ada signed the merge with SHA256:",
        "asks for it (maps-kim)",
        "by one of: ben, cleo",
    ]);
    // A second signature of the same person is no second person's.
    town.tag(By::Ssh("ada"), "ada", &merge);
    town.check().refused(&["and has none"]);
    town.approve(By::Ssh("cleo"), "cleo", &merge).ends(0);
    town.check().approved_by(&["cleo"]);
}

#[test]
fn whom_it_is_about_does_not_approve() {
    let town = Town::new();
    town.pull(
        By::Ssh("sam"),
        "maps",
        &[(FILE, &request("sam", "ben", "viewer"))],
    );
    town.merge(By::Ssh("ben"), "maps");
    town.check().refused(&[
        "and has none",
        "is whom it is about (requests/maps.yaml)",
        "gains maps",
    ]);
}

#[test]
fn whoever_gains_access_does_not_approve_though_nobody_names_them() {
    let town = Town::with(|access, town| {
        access.write(
            "profiles/clerk.yaml",
            "apiVersion: countersign/v1\nkind: Profile\nmetadata: {name: clerk}\nspec:\n  access: []\n",
        );
        let more = format!("{ADMINISTRATOR}  profiles: [clerk]\n");
        access.write("users/ada.yaml", &user("ada", &[town.public("ada")], &more));
    });
    let profile = "apiVersion: countersign/v1\nkind: Profile\nmetadata: {name: clerk}\nspec:\n  access: [{resource: maps}]\n";
    town.pull(
        By::Ssh("sam"),
        "clerks",
        &[("profiles/clerk.yaml", profile)],
    );
    let merge = town.merge(By::Ssh("ada"), "clerks");
    town.check()
        .refused(&["ada signed the merge", "gains maps", "by one of: ben, cleo"]);
    town.approve(By::Ssh("ben"), "ben", &merge).ends(0);
    town.check().approved_by(&["ben"]);
}

#[test]
fn what_is_gained_only_later_is_gained_all_the_same() {
    let town = Town::new();
    let later = request("sam", "ada", "viewer").replace("2020-01-01", "2099-01-01");
    town.pull(By::Ssh("sam"), "maps", &[(FILE, &later)]);
    town.merge(By::Ssh("ada"), "maps");
    town.check().refused(&["gains maps", "and has none"]);
}

#[test]
fn somebody_who_is_no_administrator_approves_nothing() {
    let town = Town::new();
    town.pull(
        By::Ssh("ada"),
        "maps",
        &[(FILE, &request("ada", "kim", "viewer"))],
    );
    let merge = town.merge(By::Ssh("sam"), "maps");
    town.check()
        .refused(&["sam is not an administrator of countersign by the revision before"]);
    let ran = town.approve(By::Ssh("sam"), "sam", &merge).ends(1);
    assert!(
        ran.err.contains("sam is no administrator of countersign"),
        "{}",
        ran.err
    );
}

#[test]
fn the_requester_is_whoever_signed_the_commit_that_brings_the_request() {
    let town = Town::new();
    town.pull(
        By::Ssh("sam"),
        "maps",
        &[(FILE, &request("ben", "kim", "viewer"))],
    );
    town.merge(By::Ssh("ada"), "maps");
    town.check().refused(&[
        "request maps-kim says that ben asks for it, and sam brought it",
        "let ben commit and sign the request",
    ]);
}

#[test]
fn a_requester_whom_nobody_knows_is_refused() {
    let town = Town::new();
    let text = request("lou", "kim", "viewer");
    let lou = user("lou", &[], "");
    town.pull(
        By::Ssh("sam"),
        "maps",
        &[(FILE, &text), ("users/lou.yaml", &lou)],
    );
    let merge = town.merge(By::Ssh("ada"), "maps");
    let words = "request maps-kim says that lou asks for it, and nobody of that name works here by the revision before";
    town.check().refused(&[words]);
    // Nobody can cover that.
    town.approve(By::Ssh("ben"), "ben", &merge).ends(0);
    town.approve(By::Ssh("cleo"), "cleo", &merge).ends(0);
    town.check().refused(&[words]);
}

#[test]
fn an_urgent_leaver_needs_one_approver() {
    let town = Town::new();
    let leaver = "apiVersion: countersign/v1\nkind: Request\nmetadata: {name: leave-kim}\nspec:\n  action: Terminate\n  requestedBy: sam\n  subject: kim\n  effective: 2020-01-01\n  urgent: true\n";
    town.pull(By::Ssh("sam"), "leave", &[("requests/leave.yaml", leaver)]);
    town.merge(By::Ssh("cleo"), "leave");
    town.check().approved_by(&["cleo"]);
}
