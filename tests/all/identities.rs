//! Identities as applications are given them: nobody's access is in an export who has none, and
//! nothing that stands in a manifest acts on who reads it.

use crate::bed::{Access, Directory, Post, json};
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

const EXPORT: [&str; 4] = ["identity", "export", "--application", "portal"];

/// An application that knows people by a login of its own.
const PORTAL: &str = "apiVersion: countersign/v1
kind: Resource
metadata: {name: portal}
spec:
  displayName: Portal
  type: application
  connector: none
  owner: {organization: seko-farnborough}
  pii: false
  eligible: [employee, client]
  identities:
    types: [{name: member, displayName: Member}, {name: guest}]
    default: [{type: member, roles: [portal.reader]}]
  fields: [{name: login, signIn: true}]
---
apiVersion: countersign/v1
kind: Role
metadata: {name: portal.reader}
spec: {resource: portal, key: Reader, permissions: [read], eligible: {userTypes: [employee, client]}}
---
apiVersion: countersign/v1
kind: Role
metadata: {name: portal.writer}
spec: {resource: portal, key: Writer, permissions: [write, read], includes: [portal.reader]}
";

/// What has broken other programs that read names and values.
const HOSTILE: [&str; 14] = [
    "=HYPERLINK(\"http://x.example\",\"y\")",
    "+1",
    "-1",
    "@SUM(A1:A9)",
    "'; DROP TABLE users; --",
    "\" OR \"\"=\"",
    "a,b;c",
    "</script><script>alert(1)</script>",
    "\\u0022, \\\"all\\\": true",
    "null",
    "Zoë Łukasz 王小明 😀",
    "cafe\u{301}",
    "% _ %",
    "true",
];

/// White Glove's firm with the portal, and more.
fn access(more: &[(&str, &str)]) -> Access {
    let access = Access::example("white-glove")
        .with_ldif(&Access::export_text("white-glove"))
        .operated_by_anchor(&Directory::Ldif, &Post::Outbox);
    access.write("portal.yaml", PORTAL);
    for (path, text) in more {
        access.write(path, text);
    }
    access.commit("The portal");
    access
}

/// Gives a user the portal, with a login of their own.
fn give(access: &Access, user: &str, login: &str) {
    let path = format!("users/{user}.yaml");
    let text = std::fs::read_to_string(access.repository().join(&path)).unwrap();
    let entry = format!("    - {{resource: portal, fields: {{login: \"{login}\"}}}}\n");
    let text = match text.contains("  access:\n") {
        true => text.replace("  access:\n", &format!("  access:\n{entry}")),
        false => format!("{text}  access:\n{entry}"),
    };
    access.write(&path, &text);
    access.commit("One more");
}

fn identity(name: &str, spec: &str) -> String {
    format!(
        "apiVersion: countersign/v1\nkind: Identity\nmetadata: {{name: {name}}}\nspec: {{resource: portal, {spec}}}\n"
    )
}

fn exported(access: &Access) -> Value {
    access.run(&EXPORT).ends(0).json()
}

/// The names of those in the export.
fn users(exported: &Value) -> Vec<String> {
    let users = exported["users"].as_array().unwrap().iter();
    users
        .map(|user| user["id"].as_str().unwrap().to_owned())
        .collect()
}

/// Writes the export to a file.
fn write(access: &Access, format: &str) -> PathBuf {
    let path = access.outbox().join(format!("portal.{format}"));
    let out = ["--format", format, "--out", path.to_str().unwrap()];
    access.run(&[EXPORT.as_slice(), &out].concat()).ends(0);
    path
}

fn column(path: &PathBuf, query: &str) -> Vec<String> {
    let database = rusqlite::Connection::open(path).unwrap();
    let mut query = database.prepare(query).unwrap();
    let rows = query.query_map([], |row| row.get(0)).unwrap();
    rows.map(Result::unwrap).collect()
}

#[test]
fn whoever_has_no_access_is_in_no_export() {
    let access = access(&[]);
    for user in ["lucy", "kim", "jack", "simon"] {
        give(&access, user, user);
    }
    assert_eq!(users(&exported(&access)), ["jack", "kim", "lucy", "simon"]);
    let kim = "  type: employee\n";
    access.edit("users/kim.yaml", kim, &format!("{kim}  state: suspended\n"));
    let jack = "  type: client\n";
    access.edit("users/jack.yaml", jack, &format!("{jack}  state: left\n"));
    access.edit(
        "users/simon.yaml",
        jack,
        &format!("{jack}  startDate: \"2099-01-04\"\n"),
    );
    access.commit("On leave, gone, to come");
    assert_eq!(users(&exported(&access)), ["lucy"]);
    let database = write(&access, "sqlite");
    assert_eq!(column(&database, "SELECT id FROM users"), ["lucy"]);
    assert_eq!(column(&database, "SELECT user FROM identities"), ["lucy"]);
    // Not even in what SQLite left behind in the file.
    let bytes = std::fs::read(&database).unwrap();
    let text = String::from_utf8_lossy(&bytes).to_lowercase();
    for name in ["kim", "jack", "simon"] {
        assert!(!text.contains(name), "{name}");
    }
    // What is kept over a leave is listed, and says that it is a leave.
    let list = access.run(&[
        "identity",
        "list",
        "--application",
        "portal",
        "--format",
        "json",
    ]);
    let list = list.ends(0).json();
    let list = list.as_array().unwrap().iter();
    let list: Vec<(&str, &str)> = list
        .map(|i| (i["user"].as_str().unwrap(), i["state"].as_str().unwrap()))
        .collect();
    assert_eq!(list, [("kim", "suspended"), ("lucy", "active")]);
    // And then the day comes.
    let later = [EXPORT.as_slice(), &["--at", "2099-01-04T08:00"]].concat();
    assert_eq!(users(&access.run(&later).ends(0).json()), ["lucy", "simon"]);
}

#[test]
fn nothing_is_exported_of_a_repository_with_mistakes() {
    let access = access(&[]);
    give(&access, "lucy", "lucy");
    let path = write(&access, "json");
    let before = std::fs::read(&path).unwrap();
    let bad = identity("lucy.portal", "user: lucy, type: membre");
    access.write("lucy.yaml", &bad);
    access.commit("A mistake");
    for format in ["json", "sqlite"] {
        let out = ["--format", format, "--out", path.to_str().unwrap()];
        let ran = access.run(&[EXPORT.as_slice(), &out].concat()).ends(1);
        assert!(ran.err.contains("did you mean `member`?"), "{}", ran.err);
    }
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn a_login_that_is_not_settled_is_left_out() {
    let access = Access::example("white-glove");
    let arguments = ["identity", "export", "--application", "white-glove"];
    let ran = access.run_embedded(&arguments).ends(0);
    assert!(
        ran.err.contains("names that come from it are left out"),
        "{}",
        ran.err
    );
    let exported = ran.json();
    assert_eq!(users(&exported), ["jack", "kim", "lucy", "simon"]);
    for user in exported["users"].as_array().unwrap() {
        // Whoever has that name today may be somebody else.
        assert_eq!(
            (&user["login"], &user["account"]),
            (&Value::Null, &Value::Null)
        );
    }
}

#[test]
fn a_login_that_two_would_sign_in_with_stops_the_export() {
    let access = access(&[]);
    give(&access, "lucy", "desk");
    give(&access, "kim", "Desk");
    let ran = access.run(&EXPORT).ends(1);
    assert!(
        ran.err.contains("kim, lucy would all sign in as `Desk`"),
        "{}",
        ran.err
    );
    assert_eq!(ran.out, "");
}

/// The portal, with fields that read the directory, where `info` is empty.
fn reading_the_directory(login: &str, desk: &str) -> Access {
    let read = |attribute: &str| format!("\"{{{{ fields['active-directory'].{attribute} }}}}\"");
    let fields = format!(
        "fields:\n    - {{name: login, signIn: true, required: true, value: {}}}\n    - {{name: desk, required: true, value: {}}}\n",
        read(login),
        read(desk)
    );
    let access = access(&[]);
    access.write(
        "portal.yaml",
        &PORTAL.replace("fields: [{name: login, signIn: true}]\n", &fields),
    );
    access.edit(
        "resources/active-directory.yaml",
        "  fields:\n",
        "  fields:\n    - {name: info, source: observed}\n",
    );
    access.edit(
        "users/lucy.yaml",
        "  access:\n",
        "  access:\n    - {resource: portal}\n",
    );
    access.commit("The portal reads the directory");
    access.apply();
    access
}

#[test]
fn a_login_that_the_directory_does_not_tell_locks_nobody_out() {
    let access = reading_the_directory("info", "sAMAccountName");
    let ran = access.run(&EXPORT).ends(1);
    assert!(ran.err.contains("lucy: `login` is needed"), "{}", ran.err);
    assert_eq!(ran.out, "");
    // Something else that it does not tell is no matter of signing in.
    let access = reading_the_directory("sAMAccountName", "info");
    let exported = exported(&access);
    assert_eq!(exported["users"][0]["login"], "lucy");
}

#[test]
fn the_same_state_is_the_same_bytes_and_a_file_keeps_its_permissions() {
    let access = access(&[]);
    give(&access, "lucy", "lucy");
    give(&access, "jack", "jack");
    for format in ["json", "sqlite"] {
        let path = write(&access, format);
        let mode = |mode: u32| std::fs::Permissions::from_mode(mode);
        let permissions = std::fs::metadata(&path).unwrap().permissions();
        assert_eq!(permissions.mode() & 0o777, 0o600, "{format}");
        let first = std::fs::read(&path).unwrap();
        std::fs::set_permissions(&path, mode(0o640)).unwrap();
        write(&access, format);
        assert_eq!(std::fs::read(&path).unwrap(), first, "{format}");
        let permissions = std::fs::metadata(&path).unwrap().permissions();
        assert_eq!(permissions.mode() & 0o777, 0o640, "{format}");
    }
    let left = std::fs::read_dir(access.outbox()).unwrap().count();
    assert_eq!(left, 2, "nothing half-written is left");
    // Somewhere it cannot be written: nothing is, and the end says so.
    let nowhere = access.outbox().join("no/portal.json");
    let out = ["--out", nowhere.to_str().unwrap()];
    access.run(&[EXPORT.as_slice(), &out].concat()).ends(3);
    let ran = access
        .run(&[EXPORT.as_slice(), &["--format", "sqlite"]].concat())
        .ends(64);
    assert!(
        ran.err.contains("name the database with --out"),
        "{}",
        ran.err
    );
}

#[test]
fn the_end_of_a_limit_never_widens_what_is_seen() {
    let scope = "apiVersion: countersign/v1\nkind: Scope\nmetadata: {name: portal.county}\nspec: {resource: portal, key: County, values: [North, South], absent: everything}\n";
    let limited = identity(
        "lucy.portal",
        "user: lucy, type: member, roles: [portal.writer], scopes: {portal.county: [{value: North, until: \"2098-12-31\"}]}",
    );
    let free = identity("kim.portal", "user: kim, type: member");
    let access = access(&[
        ("county.yaml", scope),
        ("lucy.yaml", &limited),
        ("kim.yaml", &free),
    ]);
    let seen = |at: &str| {
        let ran = access
            .run(&[EXPORT.as_slice(), &["--at", at]].concat())
            .ends(0)
            .json();
        let users = ran["users"].as_array().unwrap().iter();
        let seen = users.map(|user| {
            let scope = &user["identities"][0]["scopes"][0];
            format!(
                "{} {} {} {}",
                user["id"], scope["given"], scope["all"], scope["values"]
            )
        });
        seen.collect::<Vec<_>>()
    };
    assert_eq!(
        seen("2098-12-31T12:00"),
        [r#""kim" false true []"#, r#""lucy" true false ["North"]"#]
    );
    assert_eq!(
        seen("2099-01-01T00:00"),
        [r#""kim" false true []"#, r#""lucy" true false []"#]
    );
    let table = access
        .run(&["identity", "list", "--application", "portal"])
        .ends(0)
        .out;
    assert!(table.contains("County: everything"), "{table}");
    assert!(table.contains("Reader + Writer  County = North"), "{table}");
    // With one left, that one is where the user starts, and nobody need say so.
    let ends = identity(
        "kim.portal-2",
        "user: kim, type: guest, default: true, until: \"2098-12-31\"",
    );
    access.write("kim-2.yaml", &ends);
    access.commit("For a time");
    let starts = |at: &str| {
        let arguments = [
            "identity",
            "list",
            "kim",
            "--application",
            "portal",
            "--format",
            "json",
            "--at",
            at,
        ];
        let list = access.run(&arguments).ends(0).json();
        let list = list
            .as_array()
            .unwrap()
            .iter()
            .filter(|i| i["default"] == true);
        list.map(|i| i["identity"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    access.run(&["validate"]).ends(0);
    assert_eq!(starts("2098-12-31T12:00"), ["guest"]);
    assert_eq!(starts("2099-01-01T00:00"), ["Member"]);
}

/// Lucy's identities in the portal, each with a field of it.
fn portal_of_lucy(access: &Access, more: &[&str], field: &str) -> Vec<String> {
    let mut arguments = vec!["identity", "list", "lucy", "--application", "portal"];
    arguments.extend(["--format", "json"]);
    arguments.extend(more);
    let list = access.run(&arguments).ends(0).json();
    let list = list.as_array().unwrap().iter();
    list.map(|i| format!("{} {}", i["identity"], i[field]))
        .collect()
}

#[test]
fn an_inactive_identity_is_not_replaced_by_the_default_one() {
    let access = access(&[]);
    give(&access, "lucy", "lucy");
    let listed = || portal_of_lucy(&access, &[], "standing");
    assert_eq!(listed(), [r#""Member" "virtual""#]);
    let guest = identity("lucy.portal", "user: lucy, type: guest, active: false");
    access.write("lucy.yaml", &guest);
    access.commit("Locked out");
    assert_eq!(listed(), [""; 0]);
    access.edit("lucy.yaml", ", active: false", "");
    access.commit("Let in");
    assert_eq!(listed(), [r#""guest" "declared""#]);
}

#[test]
fn an_identity_that_has_ended_is_not_replaced_by_the_default_one() {
    let ends = identity(
        "lucy.portal",
        "user: lucy, type: guest, until: \"2098-12-31\"",
    );
    let access = access(&[("lucy.yaml", &ends)]);
    give(&access, "lucy", "lucy");
    let listed = |at: &str| portal_of_lucy(&access, &["--at", at], "roles");
    access.run(&["validate"]).ends(0);
    assert_eq!(listed("2098-12-31T12:00"), [r#""guest" []"#]);
    assert_eq!(listed("2099-01-01T00:00"), [""; 0]);
    // Nobody sees a role that would be gained by waiting.
    let upcoming = access.run(&["upcoming"]).ends(0).out;
    assert!(!upcoming.contains("portal.reader"), "{upcoming}");
}

#[test]
fn what_ends_by_itself_is_no_requests_doing() {
    let ends = identity(
        "lucy.portal",
        "user: lucy, type: guest, roles: [portal.writer], until: \"2098-12-31\"",
    );
    let request = "apiVersion: countersign/v1\nkind: Request\nmetadata: {name: a-title}\nspec: \
        {action: Change, requestedBy: lucy, subject: lucy, effective: \"2020-01-01\", reason: a title, \
        set: {title: Owner}}\n";
    let access = access(&[("lucy.yaml", &ends), ("requests/title.yaml", request)]);
    give(&access, "lucy", "lucy");
    let upcoming = access.run(&["upcoming", "lucy"]).ends(0).out;
    let lost = upcoming.lines().filter(|line| line.contains("- portal"));
    let lost: Vec<&str> = lost.collect();
    assert!(!lost.is_empty(), "{upcoming}");
    for line in lost {
        assert!(line.contains("lucy.yaml"), "{line}");
        assert!(!line.contains("a-title"), "{line}");
    }
}

#[test]
fn hostile_names_are_values_and_nothing_else() {
    let quoted = |text: &str| serde_json::to_string(text).unwrap();
    let values: Vec<String> = HOSTILE.iter().map(|v| quoted(v)).collect();
    let scope = format!(
        "apiVersion: countersign/v1\nkind: Scope\nmetadata: {{name: portal.row}}\nspec:\n  resource: portal\n  key: {}\n  values: [{}]\n",
        quoted(HOSTILE[4]),
        values.join(", ")
    );
    let mut identities = String::new();
    for (i, value) in values.iter().enumerate() {
        let default = if i == 0 { ", default: true" } else { "" };
        let spec = format!(
            "user: lucy, type: member, alias: {value}, scopes: {{portal.row: [{value}]}}{default}"
        );
        identities.push_str(&identity(&format!("lucy.portal-{i}"), &spec));
        identities.push_str("---\n");
    }
    let access = access(&[("row.yaml", &scope), ("lucy.yaml", &identities)]);
    access.edit(
        "users/lucy.yaml",
        "  givenName: Lucy\n",
        &format!("  givenName: Lucy\n  displayName: {}\n", quoted(HOSTILE[0])),
    );
    access.commit("A name");
    let mut expected: Vec<String> = HOSTILE.iter().map(|v| (*v).to_owned()).collect();
    expected.sort();
    // JSON.
    let path = write(&access, "json");
    let read = json(&std::fs::read_to_string(path).unwrap());
    let identities = read["users"][0]["identities"].as_array().unwrap();
    let aliases: Vec<&str> = identities
        .iter()
        .map(|i| i["alias"].as_str().unwrap())
        .collect();
    assert_eq!(aliases, expected);
    for identity in identities {
        assert_eq!(
            identity["scopes"][0]["values"],
            serde_json::json!([identity["alias"]])
        );
        assert_eq!(identity["scopes"][0]["all"], false);
    }
    assert_eq!(read["users"][0]["displayName"], HOSTILE[0]);
    // The database.
    let path = write(&access, "sqlite");
    assert_eq!(
        column(&path, "SELECT alias FROM identities ORDER BY alias"),
        expected
    );
    let query = "SELECT value FROM visible_values JOIN identities ON id = identity WHERE alias = value ORDER BY value";
    assert_eq!(column(&path, query), expected);
    assert_eq!(column(&path, "SELECT key FROM scopes"), [HOSTILE[4]]);
    assert_eq!(
        column(&path, "SELECT display_name FROM users"),
        [HOSTILE[0]]
    );
    // CSV: as they are, and with an apostrophe before what a spreadsheet would reckon with.
    let arguments = [
        "identity",
        "list",
        "--application",
        "portal",
        "--format",
        "csv",
    ];
    let text = access.run(&arguments).ends(0).out;
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let cells: Vec<(String, String)> = reader
        .records()
        .map(Result::unwrap)
        .map(|row| (row[1].to_owned(), row[4].to_owned()))
        .collect();
    let harmless = |text: &String| match text.starts_with(['=', '+', '-', '@']) {
        true => format!("'{text}"),
        false => text.clone(),
    };
    let shown: Vec<String> = expected.iter().map(harmless).collect();
    assert_eq!(
        cells
            .iter()
            .map(|(_, alias)| alias.clone())
            .collect::<Vec<_>>(),
        shown
    );
    assert_eq!(cells[0].0, format!("'{}", HOSTILE[0]));
    // Selecting takes them as they are.
    for alias in [HOSTILE[4], HOSTILE[2]] {
        let arguments = ["identity", "select", "--by", "Lucy", "--", "lucy", alias];
        access.run(&arguments).ends(0);
        let current = "SELECT alias FROM identities WHERE is_current";
        assert_eq!(column(&write(&access, "sqlite"), current), [alias]);
    }
}
