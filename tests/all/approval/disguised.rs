//! What only looks like an edit of somebody else's request: whoever does anything else is an author, a
//! request in somebody's name is brought by them, and what has taken effect stays as it was.

use super::{ADMINISTRATOR, By, CONFIG, Town, request, user};
use jiff::Timestamp;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;

const FILE: &str = "requests/maps.yaml";

/// A request of sam's that is still to come.
fn to_come() -> String {
    request("sam", "kim", "viewer").replace("2020-01-01", "2099-01-01")
}

/// A town in which that is merged, and a branch on which ada gives it a reason; more is still to be done.
fn tidied(more: impl FnOnce(&crate::bed::Access, &Town)) -> Town {
    let town = Town::with(more);
    town.pull(By::Ssh("sam"), "maps", &[(FILE, &to_come())]);
    town.merge(By::Ssh("ben"), "maps");
    town.branch("tidy");
    let text = format!("{}  reason: tidy\n", to_come());
    town.access.write(FILE, &text);
    town
}

/// Commits what ada did beside it, and merges it as ada.
fn merged(town: &Town) -> String {
    town.commit(By::Ssh("ada"), "Tidy");
    town.merge(By::Ssh("ada"), "tidy")
}

/// That a command finds a mistake, and says this of it.
#[track_caller]
fn finds(town: &Town, arguments: &[&str], words: &str) {
    let said = town.access.run_embedded(arguments).ends(1);
    let all = format!("{}{}", said.out, said.err);
    assert!(all.contains(words), "{all}");
}

fn terminate(subject: &str, effective: &str) -> String {
    format!(
        "apiVersion: countersign/v1\nkind: Request\nmetadata: {{name: {subject}-leaves}}\nspec:\n  action: Terminate\n  \
         requestedBy: sam\n  subject: {subject}\n  effective: {effective}\n"
    )
}

#[test]
fn an_edit_and_nothing_else_still_counts() {
    let town = tidied(|_, _| {});
    merged(&town);
    town.check().approved_by(&["ada"]);
}

#[test]
fn a_file_whose_name_is_no_text_is_a_mistake_and_no_edit() {
    let town = tidied(|_, _| {});
    let text = request("sam", "cleo", "editor");
    let folder = town.access.repository().join("requests");
    let path = folder.join(OsStr::from_bytes(b"x\xff.yaml"));
    fs::write(path, text).unwrap();
    merged(&town);
    town.check()
        .refused(&["ada, who wrote", "a file with mistakes", "has none"]);
    finds(&town, &["validate"], "the file's name is not UTF-8");
}

#[test]
fn a_request_that_is_moved_into_the_archive_by_hand_is_taken_out_and_no_edit() {
    let leaving = terminate("kim", "2024-01-01");
    let town = tidied(|_, _| {});
    town.access.git(&["stash", "--quiet"]);
    town.pull(
        By::Ssh("sam"),
        "leaves",
        &[("requests/leaves.yaml", &leaving)],
    );
    town.merge(By::Ssh("ben"), "leaves");
    town.branch("archived");
    town.access.git(&["stash", "pop", "--quiet"]);
    fs::create_dir_all(town.access.repository().join("archive")).unwrap();
    town.access
        .git(&["mv", "requests/leaves.yaml", "archive/leaves.yaml"]);
    town.commit(By::Ssh("ada"), "Tidy");
    let merge = town.merge(By::Ssh("ada"), "archived");
    town.check().refused(&["ada wrote", "has none"]);
    // Whoever approves it: what has taken effect stays, and the revision before stays in force.
    town.tag(By::Ssh("ben"), "ben", &merge);
    town.check().refused(&["1 mistakes", "validate --base"]);
}

#[test]
fn a_request_that_was_never_in_force_does_not_come_out_of_the_archive_in_another_s_name() {
    let town = tidied(|_, _| {});
    town.access.git(&["checkout", "--quiet", "--", "."]);
    let draft = request("sam", "cleo", "editor");
    town.pull(By::Ssh("ada"), "draft", &[("archive/draft.yaml", &draft)]);
    town.merge(By::Ssh("ben"), "draft");
    town.check().refused(&["1 mistakes"]);
    finds(
        &town,
        &["validate", "--base", "HEAD^1"],
        "is archived, and was not folded",
    );
}

#[test]
fn a_draft_that_is_moved_into_force_was_brought_by_nobody() {
    let town = tidied(|access, _| {
        let config = format!("{CONFIG}  ignore: [\"drafts/**\"]\n");
        access.write("countersign.yaml", &config);
        access.write("drafts/maps.yaml", &request("sam", "cleo", "editor"));
    });
    town.access
        .git(&["mv", "drafts/maps.yaml", "requests/cleo.yaml"]);
    merged(&town);
    town.check().refused(&[
        "request maps-cleo says that sam asks for it",
        "nobody brought it",
        "ada, who wrote",
    ]);
}

#[test]
fn whoever_edits_a_change_of_control_is_none_of_its_two_approvers() {
    let town = Town::new();
    let asked = request("sam", "kim", "viewer");
    town.pull(By::Ssh("sam"), "maps", &[(FILE, &asked)]);
    let office = asked.replace(
        "{resource: maps, level: viewer}",
        "{resource: countersign, level: administrator}",
    );
    town.access.write(FILE, &office);
    town.commit(By::Ssh("ada"), "As asked");
    let merge = town.merge(By::Ssh("ada"), "maps");
    town.tag(By::Ssh("ben"), "ben", &merge);
    town.check().refused(&["ada wrote", "has 1: ben"]);
    town.tag(By::Ssh("cleo"), "cleo", &merge);
    town.check().approved_by(&["ben", "cleo"]);
}

#[test]
fn an_edit_that_nobody_merged_is_not_covered_by_whoever_made_it() {
    let town = tidied(|_, _| {});
    town.access.git(&["checkout", "--quiet", "main"]);
    let commit = town.commit(By::Ssh("ada"), "Straight");
    town.tag(By::Ssh("ada"), "ada", &commit);
    town.check().refused(&["ada wrote", "has none"]);
    town.tag(By::Ssh("ben"), "ben", &commit);
    town.check().approved_by(&["ben"]);
}

#[test]
fn another_wish_or_for_another_person_is_no_edit() {
    for (old, new) in [
        ("subject: kim", "subject: cleo"),
        ("action: Change", "action: Resume"),
    ] {
        let town = tidied(|_, _| {});
        let text = to_come().replace(old, new);
        let text = match old.starts_with("action") {
            true => text
                .lines()
                .filter(|l| !l.contains("access:"))
                .fold(String::new(), |all, line| all + line + "\n"),
            false => text,
        };
        town.access.write(FILE, &text);
        merged(&town);
        town.check().refused(&["ada wrote", "has none"]);
    }
}

#[test]
fn whoever_a_request_was_about_does_not_approve_that_it_is_about_another() {
    let town = Town::new();
    let asked = to_come().replace("subject: kim", "subject: ada");
    town.pull(By::Ssh("sam"), "maps", &[(FILE, &asked)]);
    town.merge(By::Ssh("ben"), "maps");
    town.pull(By::Ssh("sam"), "other", &[(FILE, &to_come())]);
    town.merge(By::Ssh("ada"), "other");
    town.check()
        .refused(&["ada is whom it is about", "has none"]);
}

#[test]
fn who_comes_back_by_an_edit_gets_more_than_was_asked_for() {
    let leave = "apiVersion: countersign/v1\nkind: Request\nmetadata: {name: leave}\nspec:\n  action: Suspend\n  \
         requestedBy: sam\n  subject: kim\n  effective: 2020-01-01\n";
    let town = Town::new();
    town.pull(By::Ssh("sam"), "leave", &[(FILE, leave)]);
    let shorter = format!("{leave}  until: 2020-02-01\n");
    town.access.write(FILE, &shorter);
    town.commit(By::Ssh("ada"), "Shorter");
    town.merge(By::Ssh("ada"), "leave");
    town.check().refused(&[
        "it needs 2 approvers (ada edited request leave, and kim gets access again that sam did not ask for)",
    ]);
}

#[test]
fn more_than_was_asked_for_is_more_than_the_branch_has_not_than_it_once_had() {
    let town = Town::with(|access, _| {
        let level = "  access: [{resource: maps, level: editor}]\n";
        access.write("users/kim.yaml", &user("kim", &[], level));
    });
    town.pull(
        By::Ssh("sam"),
        "maps",
        &[(FILE, &request("sam", "kim", "viewer"))],
    );
    town.pull(
        By::Ssh("ben"),
        "less",
        &[("users/kim.yaml", &user("kim", &[], ""))],
    );
    town.merge(By::Ssh("cleo"), "less");
    town.branch("maps");
    town.access.write(FILE, &request("sam", "kim", "editor"));
    town.commit(By::Ssh("ada"), "More");
    town.merge(By::Ssh("ada"), "maps");
    town.check().refused(&[
        "kim gets maps editor that sam did not ask for",
        "has 1: ada",
    ]);
}

#[test]
fn a_request_that_has_taken_effect_is_not_taken_out_whoever_approves_it() {
    let town = Town::new();
    let leaving = terminate("kim", "2024-01-01");
    town.pull(By::Ssh("sam"), "leaves", &[(FILE, &leaving)]);
    let kept = town.merge(By::Ssh("ben"), "leaves");
    town.branch("stays");
    town.access.git(&["rm", "--quiet", FILE]);
    town.commit(By::Ssh("sam"), "Stays");
    town.merge(By::Ssh("ben"), "stays");
    let verdict = town.check();
    verdict.refused(&["1 mistakes"]);
    let json = verdict.json.json();
    assert_eq!(json["effective"], kept.as_str());
    // What puts it back is in force again.
    town.pull(By::Ssh("sam"), "back", &[(FILE, &leaving)]);
    town.merge(By::Ssh("ben"), "back");
    town.check().approved_by(&["ben"]);
}

#[test]
fn a_request_that_was_taken_out_in_time_is_gone_however_late_that_is_seen() {
    let town = Town::new();
    town.pull(By::Ssh("sam"), "maps", &[(FILE, &to_come())]);
    town.merge(By::Ssh("ben"), "maps");
    town.branch("never-mind");
    town.access.git(&["rm", "--quiet", FILE]);
    town.commit(By::Ssh("sam"), "Never mind");
    let merge = town.merge(By::Ssh("ben"), "never-mind");
    let now = "2100-01-01T00:00:00Z".parse().unwrap();
    let verified = town.verified(None, now, None);
    assert_eq!(verified.effective.commit.id, merge);
}

#[test]
fn a_role_that_comes_to_mean_more_is_a_change_of_control_and_not_for_its_holders_to_approve() {
    let role = "apiVersion: countersign/v1\nkind: Role\nmetadata: {name: desk.reader}\nspec:\n  resource: desk\n  \
         key: reader\n  permissions: [read]\n---\napiVersion: countersign/v1\nkind: Resource\nmetadata: {name: desk}\n\
         spec:\n  type: application\n  connector: manual\n  identities: {types: [{name: main}]}\n  maintainers: [{mail: maps@town.example}]\n";
    let identity = "apiVersion: countersign/v1\nkind: Identity\nmetadata: {name: ada-desk}\nspec:\n  user: ada\n  \
         resource: desk\n  type: main\n  roles: [desk.reader]\n";
    let town = Town::with(|access, _| {
        access.write("desk.yaml", role);
        access.write("identities/ada.yaml", identity);
    });
    let more = role.replace("permissions: [read]", "permissions: [read, write]");
    town.pull(By::Ssh("sam"), "more", &[("desk.yaml", &more)]);
    let merge = town.merge(By::Ssh("ada"), "more");
    town.check().refused(&[
        "what role desk.reader means to desk",
        "ada gains another meaning of",
        "has none",
    ]);
    town.tag(By::Ssh("ben"), "ben", &merge);
    town.tag(By::Ssh("cleo"), "cleo", &merge);
    town.check().approved_by(&["ben", "cleo"]);
}

#[test]
fn whose_labels_change_is_whom_it_is_about() {
    let town = Town::new();
    let text = user("ada", &[town.public("ada")], ADMINISTRATOR);
    let labelled = text.replace(
        "metadata: {name: ada}",
        "metadata: {name: ada, labels: {clearance: \"yes\"}}",
    );
    town.pull(By::Ssh("sam"), "label", &[("users/ada.yaml", &labelled)]);
    town.merge(By::Ssh("ada"), "label");
    town.check()
        .refused(&["ada is whom it is about", "has none"]);
}

#[test]
fn who_lost_their_office_approves_nothing_while_that_revision_is_invalid() {
    let town = Town::new();
    let ben = user("ben", &[town.public("ben")], "");
    let broken = user("kim", &[], "  profiles: [nowhere]\n");
    let files = [
        ("users/ben.yaml", ben.as_str()),
        ("users/kim.yaml", broken.as_str()),
    ];
    town.pull(By::Ssh("sam"), "office", &files);
    let merge = town.merge(By::Ssh("ada"), "office");
    town.tag(By::Ssh("cleo"), "cleo", &merge);
    town.pull(
        By::Ssh("sam"),
        "maps",
        &[(FILE, &request("sam", "cleo", "viewer"))],
    );
    town.merge(By::Ssh("ben"), "maps");
    town.check()
        .refused(&["ben is not an administrator of countersign", "has none"]);
}

#[test]
fn who_comes_to_an_office_after_a_commit_was_seen_does_not_approve_it() {
    let office = "apiVersion: countersign/v1\nkind: Request\nmetadata: {name: office}\nspec:\n  action: Change\n  \
         requestedBy: ada\n  subject: sam\n  effective: 2024-01-01\n  access: {add: [{resource: countersign, level: administrator}]}\n";
    let town = Town::with(|access, _| access.write("requests/office.yaml", office));
    town.pull(
        By::Ssh("ada"),
        "maps",
        &[(FILE, &request("ada", "kim", "viewer"))],
    );
    let merge = town.merge(By::Ssh("sam"), "maps");
    let approved = |seen: Option<&str>| {
        let seen = seen.map(|at| at.parse().unwrap());
        town.verified(None, Timestamp::now(), seen).verified == merge
    };
    assert!(approved(None));
    assert!(approved(Some("2024-02-01T00:00:00Z")));
    assert!(!approved(Some("2023-12-01T00:00:00Z")));
}

#[test]
fn what_nobody_signed_and_changes_who_controls_what_needs_one_more() {
    let town = Town::new();
    let kim = user("kim", &[], ADMINISTRATOR);
    town.pull(By::Nobody, "office", &[("users/kim.yaml", &kim)]);
    let merge = town.merge(By::Ssh("ada"), "office");
    town.tag(By::Ssh("ben"), "ben", &merge);
    town.check()
        .refused(&["is signed by nobody", "it needs 3 approvers"]);
    town.tag(By::Ssh("cleo"), "cleo", &merge);
    town.check().approved_by(&["ada", "ben", "cleo"]);
}

#[test]
fn what_was_parsed_before_and_lies_in_the_git_folder_decides_nothing() {
    let town = Town::new();
    town.access.run_embedded(&["validate"]).ends(0);
    town.pull(
        By::Ssh("sam"),
        "maps",
        &[(FILE, &request("sam", "kim", "viewer"))],
    );
    town.merge(By::Ssh("eve"), "maps");
    town.check().refused(&["has none"]);
    let cache = town
        .access
        .repository()
        .join(".git/countersign/manifests.jsonl");
    let text = fs::read_to_string(&cache).unwrap();
    let (ada, eve) = (town.public("ada"), town.public("eve"));
    assert!(text.contains(&ada));
    fs::write(&cache, text.replace(&ada, &eve)).unwrap();
    town.check().refused(&["has none"]);
}
