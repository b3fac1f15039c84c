//! WG: the user maintenance of a logistics firm.

use super::{changes, example, findings, holds, in_directory, refused};
use crate::bed::Access;

const NAME: &str = "white-glove";

fn members(access: &Access, group: &str) -> Vec<String> {
    let dn = format!("CN={group},OU=Groups,DC=seko,DC=example");
    let mut members: Vec<String> = in_directory(access, &dn, "member")
        .iter()
        .map(|dn| dn["CN=".len()..dn.find(',').unwrap()].to_owned())
        .collect();
    members.sort();
    members
}

#[test]
fn without_a_directory_names_are_said_to_be_provisional() {
    let access = Access::example(NAME);
    let ran = access.run_embedded(&["explain", "kim"]).ends(0);
    assert!(
        ran.out.contains("\naccount kim (provisional)\n"),
        "{}",
        ran.out
    );
    assert!(ran.err.contains("no directory is at hand"), "{}", ran.err);
}

#[test]
fn wg1_roles_have_the_permissions_of_the_table() {
    let folder = crate::bed::project("examples/white-glove");
    let origin = countersign::source::Origin::Worktree { folder };
    let mut known = countersign::manifest::parse::Known::default();
    let reading = countersign::reconcile::read(&origin, &mut known).unwrap();
    let table: Vec<(String, String, usize)> = reading
        .catalog
        .roles
        .values()
        .map(|role| {
            let spec = serde_json::to_value(&role.spec).unwrap();
            let text = |key: &str| spec[key].as_str().unwrap().to_owned();
            (
                text("resource"),
                text("key"),
                spec["permissions"].as_array().unwrap().len(),
            )
        })
        .collect();
    let expected = [("Admin", 5), ("Client", 2), ("Supplier", 2), ("User", 4)];
    assert_eq!(
        table,
        expected.map(|(key, count)| (NAME.to_owned(), key.to_owned(), count))
    );
    let scopes: Vec<&str> = reading.catalog.scopes.keys().map(AsRef::as_ref).collect();
    assert_eq!(scopes, ["white-glove.client", "white-glove.supplier"]);
}

const NEW_CLIENT: &str = "apiVersion: countersign/v1
kind: User
metadata: {name: nina}
spec:
  givenName: Nina
  type: client
  organization: pharma
  mail: nina@pharma.example
  access: [{resource: white-glove}]
";

#[test]
fn wg2_a_user_without_an_identity_gets_the_default_one() {
    let access = example(NAME);
    access.apply();
    access.write("users/nina.yaml", NEW_CLIENT);
    access.commit("A client's new user");
    assert_eq!(
        holds(&access, "nina", NAME),
        [
            "access",
            "Client: white-glove.client",
            "Client: white-glove.client=Pharma"
        ]
    );
    assert_eq!(
        changes(&access.plan(), "nina"),
        [
            "create nina CN=Nina,OU=Pharma,OU=Clients,DC=seko,DC=example",
            "set-password nina generated, to be changed at the first log-on",
            "add-member nina APP-WG-Role-Client",
            "add-member nina APP-WG-pharma",
            "enable nina",
        ]
    );
    // An identity for a user who is there, and one of the wrong type.
    let identity = |kind: &str, role: &str| {
        format!(
            "apiVersion: countersign/v1\nkind: Identity\nmetadata: {{name: kim.second}}\nspec:\n  user: kim\n  resource: white-glove\n  type: {kind}\n  roles: [{role}]\n  scopes: {{white-glove.{kind}: [\"*\"]}}\n"
        )
    };
    access.write(
        "identities/kim.yaml",
        &identity("client", "white-glove.client"),
    );
    // Of two, one must be where she starts.
    access.edit(
        "identities/white-glove.yaml",
        "  user: kim\n",
        "  user: kim\n  default: true\n",
    );
    assert_eq!(findings(&access), Vec::<String>::new());
    assert_eq!(
        changes(&access.plan(), "kim"),
        [
            "add-member kim APP-WG-Role-Client",
            "add-member kim APP-WG-pharma"
        ]
    );
    access.write(
        "identities/kim.yaml",
        &identity("client", "white-glove.admin"),
    );
    refused(&access, &["not-eligible identities/kim.yaml:8 "]);
}

#[test]
fn wg3_a_star_is_every_value_and_a_value_is_itself() {
    let access = example(NAME);
    access.apply();
    assert_eq!(members(&access, "APP-WG-room"), ["Jack", "Kim", "Lucy"]);
    assert_eq!(members(&access, "APP-WG-pharma"), ["Lucy", "Simon"]);
    access.edit(
        "identities/white-glove.yaml",
        "user: jack\n",
        "user: jack\n  # Both, for now.\n",
    );
    access.edit("identities/white-glove.yaml", "[Pharma]", "[Pharma, ROOM]");
    assert_eq!(findings(&access), Vec::<String>::new());
    assert_eq!(
        changes(&access.plan(), "simon"),
        ["add-member simon APP-WG-room"]
    );
    access.edit("identities/white-glove.yaml", "[Pharma, ROOM]", "[Parma]");
    refused(&access, &["scope-value identities/white-glove.yaml:"]);
}

#[test]
fn wg7_rows_are_directory_groups_for_each_role_and_scope() {
    let access = example(NAME);
    access.apply();
    for (group, expected) in [
        ("APP-WG-Role-User", vec!["Kim", "Lucy"]),
        ("APP-WG-Role-Admin", vec!["Lucy"]),
        ("APP-WG-Role-Client", vec!["Jack", "Lucy", "Simon"]),
        ("APP-WG-Role-Supplier", vec![]),
        ("APP-WG-room", vec!["Jack", "Kim", "Lucy"]),
        ("APP-WG-pharma", vec!["Lucy", "Simon"]),
    ] {
        assert_eq!(members(&access, group), expected, "{group}");
    }
    // Membership is exact: who was put in by hand sees nobody's rows for long.
    let text = std::fs::read_to_string(access.ldif()).unwrap();
    let jack = "CN=Jack,OU=ROOM,OU=Clients,DC=seko,DC=example";
    let marker = "sAMAccountName: APP-WG-pharma";
    assert!(text.contains(marker));
    let by_hand = text.replace(marker, &format!("{marker}\nmember: {jack}"));
    std::fs::write(access.ldif(), by_hand).unwrap();
    assert_eq!(
        changes(&access.plan(), "jack"),
        ["remove-member jack APP-WG-pharma"]
    );
}

#[test]
fn wg8_the_five_records() {
    let access = example(NAME);
    assert_eq!(
        holds(&access, "lucy", NAME),
        [
            "access",
            "Client: white-glove.client",
            "Client: white-glove.client=*",
            "Internal User: white-glove.admin",
            "Internal User: white-glove.user",
        ]
    );
    assert_eq!(
        holds(&access, "kim", NAME),
        [
            "access",
            "Internal User: white-glove.user",
            "Internal User: white-glove.client=ROOM"
        ]
    );
    assert_eq!(
        holds(&access, "jack", NAME),
        [
            "access",
            "Client: white-glove.client",
            "Client: white-glove.client=ROOM"
        ]
    );
    assert_eq!(
        holds(&access, "simon", NAME),
        [
            "access",
            "Client: white-glove.client",
            "Client: white-glove.client=Pharma"
        ]
    );
}
