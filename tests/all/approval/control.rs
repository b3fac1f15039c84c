//! Changes of who controls what need two approvers who are neither author nor subject, each sort of them.

use super::{ADMINISTRATOR, By, CONFIG, RESOURCES, Town, request, user};
use std::fs;

/// Writes a file on a branch, merges it as ada alone, and says what the check says of control.
#[track_caller]
fn controls(town: &Town, path: &str, text: &str, words: &str) {
    town.pull(By::Ssh("sam"), "change", &[(path, text)]);
    let merge = town.merge(By::Ssh("ada"), "change");
    town.check().refused(&[
        "it needs 2 approvers (it changes who controls what: ",
        words,
        "and has 1: ada",
        "by one of: ben",
    ]);
    town.approve(By::Ssh("ben"), "ben", &merge).ends(0);
    town.check().approved_by(&["ada", "ben"]);
}

fn read(town: &Town, path: &str) -> String {
    fs::read_to_string(town.access.repository().join(path)).unwrap()
}

#[test]
fn signing_keys() {
    let town = Town::new();
    let text = user("kim", &[town.public("eve")], "");
    controls(
        &town,
        "users/kim.yaml",
        &text,
        "credentials of kim (users/kim.yaml:3)",
    );
}

#[test]
fn forge_logins() {
    let town = Town::new();
    let text = user("kim", &[], "  credentials: {forgeLogins: {github: kim}}\n");
    controls(&town, "users/kim.yaml", &text, "credentials of kim");
}

#[test]
fn who_approves() {
    let town = Town::new();
    let text = user("kim", &[], ADMINISTRATOR);
    let words = "kim becomes an administrator of countersign";
    controls(&town, "users/kim.yaml", &text, words);
}

#[test]
fn who_no_longer_approves() {
    let town = Town::new();
    let text = user("cleo", &[town.public("cleo")], "");
    let words = "cleo is no longer an administrator of countersign";
    controls(&town, "users/cleo.yaml", &text, words);
}

/// A request that somebody is away for a time.
fn away(subject: &str) -> String {
    format!(
        "apiVersion: countersign/v1\nkind: Request\nmetadata: {{name: away-{subject}}}\nspec:\n  action: Suspend\n  requestedBy: sam\n  subject: {subject}\n  effective: 2099-01-01\n  until: 2099-01-31\n"
    )
}

#[test]
fn an_administrator_who_is_away() {
    let town = Town::new();
    let words = "cleo, an administrator of countersign, is away and approves nothing";
    controls(&town, "requests/away.yaml", &away("cleo"), words);
    // Of others that says nothing.
    let town = Town::new();
    let files = [("requests/away.yaml", &*away("kim"))];
    town.pull(By::Ssh("sam"), "away", &files);
    town.merge(By::Ssh("ada"), "away");
    town.check().approved_by(&["ada"]);
}

#[test]
fn an_administrator_who_is_back_earlier() {
    let town = Town::with(|access, _| access.write("requests/away.yaml", &away("cleo")));
    let text = away("cleo").replace("01-31", "01-15");
    let words = "cleo, an administrator of countersign, is back and approves";
    controls(&town, "requests/away.yaml", &text, words);
}

/// A town whose maps an organization keeps, headed by kim.
fn kept_by_an_office() -> Town {
    Town::with(|access, _| {
        let maintainers = "maintainers: [{mail: maps@town.example}]";
        let text = RESOURCES.replace(maintainers, "maintainers: [{organization: office}]");
        access.write("resources.yaml", &text);
        access.write("organizations/office.yaml", OFFICE);
    })
}

const OFFICE: &str = "apiVersion: countersign/v1\nkind: Organization\nmetadata: {name: office}\nspec:\n  type: department\n  parent: town\n  head: kim\n  contact: {mail: office@town.example}\n";

#[test]
fn the_head_and_the_address_of_an_organization_that_keeps_something() {
    let file = "organizations/office.yaml";
    let town = kept_by_an_office();
    let text = OFFICE.replace("head: kim", "head: sam");
    let words = "who may say done for maps (organizations/office.yaml:3)";
    controls(&town, file, &text, words);
    let town = kept_by_an_office();
    let text = OFFICE.replace("office@", "elsewhere@");
    let words = "where mails for the maintainers of maps go (organizations/office.yaml:3)";
    controls(&town, file, &text, words);
    // Of one that keeps nothing that is no change of control.
    let town = Town::with(|access, _| access.write(file, OFFICE));
    let text = OFFICE.replace("head: kim", "head: sam");
    town.pull(By::Ssh("sam"), "head", &[(file, &text)]);
    town.merge(By::Ssh("ada"), "head");
    town.check().approved_by(&["ada"]);
}

#[test]
fn who_approves_by_a_request_from_a_later_day_on() {
    let town = Town::new();
    let text = request("sam", "kim", "administrator")
        .replace("resource: maps", "resource: countersign")
        .replace("2020-01-01", "2099-01-01");
    let words = "kim becomes an administrator of countersign";
    controls(&town, "requests/admin.yaml", &text, words);
}

#[test]
fn the_configuration() {
    let town = Town::new();
    let text = CONFIG.replace("The town", "Another town");
    controls(
        &town,
        "countersign.yaml",
        &text,
        "the configuration (countersign.yaml:",
    );
}

#[test]
fn one_approver_for_control_is_never_enough_whatever_the_configuration_says() {
    let town = Town::with(|access, _| {
        access.write(
            "countersign.yaml",
            &CONFIG.replace("control: 2", "control: 1"),
        );
    });
    let text = user("kim", &[town.public("eve")], "");
    controls(&town, "users/kim.yaml", &text, "credentials of kim");
}

#[test]
fn rules_come_from_before_and_stricter_ones_hold_at_once() {
    let town = Town::with(|access, _| {
        access.write(
            "countersign.yaml",
            &CONFIG.replace("ordinary: 1", "ordinary: 2"),
        );
    });
    // Fewer from now on: by the old rules.
    town.pull(By::Ssh("sam"), "fewer", &[("countersign.yaml", CONFIG)]);
    let merge = town.merge(By::Ssh("ada"), "fewer");
    town.check().refused(&["it needs 2 approvers"]);
    town.approve(By::Ssh("ben"), "ben", &merge).ends(0);
    town.check().approved_by(&["ada", "ben"]);
    // More from now on: that very change, too.
    let text = CONFIG.replace("control: 2", "control: 3");
    town.pull(By::Ssh("sam"), "more", &[("countersign.yaml", &text)]);
    let merge = town.merge(By::Ssh("ada"), "more");
    town.approve(By::Ssh("ben"), "ben", &merge).ends(0);
    town.check()
        .refused(&["it needs 3 approvers", "by one of: cleo"]);
}

#[test]
fn whoever_becomes_an_administrator_does_not_approve_in_the_same_merge() {
    let town = Town::new();
    let text = user("sam", &[town.public("sam")], ADMINISTRATOR);
    town.pull(By::Ssh("ada"), "sam", &[("users/sam.yaml", &text)]);
    town.merge(By::Ssh("sam"), "sam");
    town.check().refused(&[
        "sam signed the merge",
        "gains countersign",
        "by one of: ben, cleo",
    ]);
}

#[test]
fn policies() {
    let town = Town::new();
    let text = "apiVersion: countersign/v1\nkind: Policy\nmetadata: {name: fine}\nspec:\n  stage: state\n  validations: [{expression: 'true', message: fine}]\n  effect: warn\n";
    controls(
        &town,
        "policies/fine.yaml",
        text,
        "policy fine (policies/fine.yaml:3)",
    );
}

#[test]
fn templates_groups_eligibility_and_inheritance_of_a_resource() {
    for (old, new, words) in [
        (
            "value: \"{{ user.displayName }}\"",
            "value: \"{{ user.name }}\"",
            "templates of resource active-directory",
        ),
        (
            "{name: editor}",
            "{name: editor, groups: [APP-maps]}",
            "groups of level editor of maps",
        ),
        (
            "{name: editor}",
            "{name: editor, eligible: [employee, contractor]}",
            "eligibility of level editor of maps",
        ),
        (
            "{name: editor}",
            "{name: editor, changedBy: administrators}",
            "`changedBy` of level editor of maps",
        ),
        (
            "  connector: manual\n",
            "  connector: manual\n  eligible: [employee, contractor]\n",
            "who is eligible for maps",
        ),
        (
            "{mail: maps@town.example}",
            "{mail: maps@town.example, members: [kim]}",
            "who may say done for maps",
        ),
        (
            "{mail: maps@town.example}",
            "{user: kim}",
            "who may say done for maps",
        ),
        (
            "{mail: maps@town.example}",
            "{holdersOf: viewer}",
            "who may say done for maps",
        ),
        (
            "{mail: maps@town.example}",
            "{mail: others@town.example}",
            "where mails for the maintainers of maps go",
        ),
        (
            "  connector: manual\n  maintainers: [{mail: maps@town.example}]\n",
            "  inheritsFrom: {resource: countersign, levels: {administrator: editor}}\n",
            "what maps inherits from",
        ),
    ] {
        let town = Town::new();
        let text = read(&town, "resources.yaml");
        assert!(text.contains(old), "{old}");
        town.pull(
            By::Ssh("sam"),
            "change",
            &[("resources.yaml", &text.replace(old, new))],
        );
        town.merge(By::Ssh("ada"), "change");
        town.check()
            .refused(&["it changes who controls what", words]);
    }
}

#[test]
fn groups_of_roles_and_scopes() {
    let role = "apiVersion: countersign/v1\nkind: Role\nmetadata: {name: maps.clerk}\nspec: {resource: maps, displayName: Clerk, groups: [APP-clerks]}\n";
    let town = Town::new();
    controls(&town, "roles/clerk.yaml", role, "groups of role maps.clerk");
    let scope = "apiVersion: countersign/v1\nkind: Scope\nmetadata: {name: maps.area}\nspec: {resource: maps, displayName: Area, values: [north], groups: [\"APP-{{ value }}\"]}\n";
    let town = Town::new();
    controls(
        &town,
        "scopes/area.yaml",
        scope,
        "groups of scope maps.area",
    );
    let role = "apiVersion: countersign/v1\nkind: Role\nmetadata: {name: maps.clerk}\nspec: {resource: maps, displayName: Clerk, eligible: {userTypes: [contractor]}}\n";
    let town = Town::new();
    controls(
        &town,
        "roles/clerk.yaml",
        role,
        "who is eligible for role maps.clerk",
    );
}

#[test]
fn the_account_that_is_taken_over() {
    let town = Town::new();
    let text = user(
        "kim",
        &[],
        "  account: {objectGUID: 1b671a64-40d5-491e-99b0-da01ff1f3341}\n",
    );
    controls(&town, "users/kim.yaml", &text, "the account that is kim's");
    let town = Town::new();
    let text = "apiVersion: countersign/v1\nkind: Request\nmetadata: {name: hire-lou}\nspec:\n  action: Activate\n  requestedBy: sam\n  subject: lou\n  effective: 2099-01-01\n  set: {givenName: Lou, type: employee, organization: town}\n  account: {objectGUID: 1b671a64-40d5-491e-99b0-da01ff1f3341}\n";
    controls(
        &town,
        "requests/lou.yaml",
        text,
        "the account that request hire-lou takes over",
    );
}

#[test]
fn a_file_with_mistakes_may_mean_anything() {
    let town = Town::new();
    town.pull(
        By::Ssh("sam"),
        "broken",
        &[("users/kim.yaml", "kind: User\n")],
    );
    town.merge(By::Ssh("ada"), "broken");
    town.check().refused(&[
        "a file with mistakes, of which nobody can tell what it means (users/kim.yaml:1)",
    ]);
}

#[test]
fn an_ordinary_change_of_a_resource_is_no_change_of_control() {
    let town = Town::new();
    let text = read(&town, "resources.yaml")
        .replace("{name: viewer}", "{name: viewer, displayName: Reader}");
    town.pull(By::Ssh("sam"), "label", &[("resources.yaml", &text)]);
    town.merge(By::Ssh("ada"), "label");
    town.check().approved_by(&["ada"]);
}
