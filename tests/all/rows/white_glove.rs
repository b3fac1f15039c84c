//! WG: the user maintenance of a logistics firm.

use super::{changes, example, findings, holds, in_directory, refused};
use crate::bed::Access;
use serde_json::{Value, json};

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
    // The same out of what the application is given.
    let exported = rights(&example(NAME));
    let roles = exported["roles"].as_array().unwrap().iter();
    let roles: Vec<(&str, usize)> = roles
        .map(|role| {
            let permissions = role["permissions"].as_array().unwrap().len();
            (role["key"].as_str().unwrap(), permissions)
        })
        .collect();
    assert_eq!(roles, expected);
    let keys = exported["scopes"].as_array().unwrap().iter();
    let keys: Vec<&str> = keys.map(|s| s["key"].as_str().unwrap()).collect();
    assert_eq!(keys, ["Client", "Supplier"]);
}

/// What White Glove is given as JSON.
fn rights(access: &Access) -> Value {
    let ran = access.run(&["identity", "export", "--application", NAME]);
    ran.ends(0).json()
}

/// The same as a database.
fn database(access: &Access) -> rusqlite::Connection {
    let path = access.outbox().join("rights.db");
    let out = path.to_str().unwrap();
    let arguments = ["identity", "export", "--application", NAME];
    let format = ["--format", "sqlite", "--out", out];
    access
        .run(&[arguments.as_slice(), &format].concat())
        .ends(0);
    rusqlite::Connection::open(path).unwrap()
}

/// Every row of a query, its columns parted by `|`.
fn rows(database: &rusqlite::Connection, query: &str) -> Vec<String> {
    let mut query = database.prepare(query).unwrap();
    let columns = query.column_count();
    let row = |row: &rusqlite::Row<'_>| {
        let cells = (0..columns).map(|i| row.get::<_, Option<String>>(i));
        let cells: Result<Vec<_>, _> = cells.collect();
        Ok(cells?
            .into_iter()
            .map(Option::unwrap_or_default)
            .collect::<Vec<_>>()
            .join("|"))
    };
    let rows = query.query_map([], row).unwrap();
    rows.map(Result::unwrap).collect()
}

/// The identities as the list shows them: `user | identity | at log-on | roles | scopes`.
fn listed(access: &Access, arguments: &[&str]) -> Vec<String> {
    let all = [&["identity", "list", "--format", "csv"], arguments].concat();
    let text = access.run(&all).ends(0).out;
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let rows = reader.records().map(|row| {
        let row = row.unwrap();
        [0, 4, 6, 7, 8].map(|i| row[i].to_owned()).join(" | ")
    });
    rows.collect()
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
            "set-password nina generated, known to nobody: an administrator resets it",
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
    // Each in the form the application reads: the star stays a star, values are themselves.
    let exported = rights(&access);
    let client = |user: &str, alias: &str| {
        let named = |list: &Value, key: &str, name: &str| {
            let mut list = list.as_array().unwrap().iter();
            list.find(|one| one[key] == name).unwrap().clone()
        };
        let identity = named(
            &named(&exported["users"], "id", user)["identities"],
            "alias",
            alias,
        );
        named(&identity["scopes"], "key", "Client")
    };
    let seen = |given: bool, all: bool, values: &[&str]| json!({ "scope": "white-glove.client", "key": "Client", "given": given, "all": all, "values": values });
    assert_eq!(client("lucy", "Client"), seen(true, true, &[]));
    assert_eq!(client("lucy", "Internal User"), seen(false, false, &[]));
    assert_eq!(client("kim", "Internal User"), seen(true, false, &["ROOM"]));
    assert_eq!(
        client("simon", "Client"),
        seen(true, false, &["Pharma", "ROOM"])
    );
    access.edit("identities/white-glove.yaml", "[Pharma, ROOM]", "[Parma]");
    refused(&access, &["scope-value identities/white-glove.yaml:"]);
}

#[test]
fn wg4_the_selected_identity_stays_until_another_is_selected() {
    let access = example(NAME);
    let select = |arguments: &[&str]| {
        let all = [&["identity", "select", "--by", "Lucy"], arguments].concat();
        access.run(&all)
    };
    let at_log_on = || {
        let exported = rights(&access);
        let users = exported["users"].as_array().unwrap();
        let lucy = users.iter().find(|user| user["id"] == "lucy").unwrap();
        let identities = lucy["identities"].as_array().unwrap().iter();
        let current = identities.filter(|identity| identity["current"] == true);
        let current: Vec<String> = current
            .map(|i| i["alias"].as_str().unwrap().to_owned())
            .collect();
        let query = "SELECT alias FROM identities WHERE user = 'lucy' AND is_current";
        assert_eq!(rows(&database(&access), query), current);
        current
    };
    // Before she ever chose: the default.
    assert_eq!(at_log_on(), ["Internal User"]);
    let ran = select(&["lucy", "Client"]).ends(0);
    assert_eq!(
        ran.err,
        "lucy is `Client` in White Glove at log-on, says Lucy\n"
    );
    assert_eq!(at_log_on(), ["Client"]);
    // Runs, other commits and saying it once more change nothing of it.
    access.apply();
    access.commit("Nothing");
    let ran = select(&["lucy", "Client", "--application", NAME]).ends(0);
    assert!(ran.err.ends_with("already\n"), "{}", ran.err);
    assert_eq!(at_log_on(), ["Client"]);
    // It says nothing of groups: those are of all her identities.
    assert_eq!(members(&access, "APP-WG-Role-Admin"), ["Lucy"]);
    assert_eq!(changes(&access.plan(), "lucy"), Vec::<String>::new());
    // What is not there cannot be selected.
    for (arguments, message) in [
        (
            ["lucy", "client"].as_slice(),
            "`lucy` has no identity `client`; did you mean `Client`?",
        ),
        (&["kim", "Client"], "`kim` has no identity `Client`"),
        (
            &["luci", "Client"],
            "there is no user `luci` at that instant; did you mean `lucy`?",
        ),
        (
            &["lucy", "Client", "--application", "seko-360"],
            "`seko-360` has no identities; `white-glove` is the only choice here",
        ),
    ] {
        let ran = select(arguments).ends(64);
        assert!(ran.err.contains(message), "{}", ran.err);
    }
    assert_eq!(at_log_on(), ["Client"]);
    // When it is gone she is the default again, and the list says why.
    access.edit(
        "identities/white-glove.yaml",
        "  alias: Client\n  roles: [white-glove.client]\n  scopes: {white-glove.client: [\"*\"]}\n",
        "  alias: Client\n  active: false\n  roles: [white-glove.client]\n  scopes: {white-glove.client: [\"*\"]}\n",
    );
    access.commit("Lucy is no client any more");
    assert_eq!(at_log_on(), ["Internal User"]);
    let ran = access.run(&["identity", "list", "lucy"]).ends(0);
    assert_eq!(
        ran.err,
        "`lucy` selected `Client` in White Glove, which is there no longer, and starts as `Internal User`, the default\n"
    );
    let ran = select(&["lucy", "Client"]).ends(64);
    assert!(
        ran.err
            .contains("identity `Client` of `lucy` is not in force now"),
        "{}",
        ran.err
    );
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
fn wg7_rows_are_json_and_a_database_that_agree() {
    let access = example(NAME);
    access.apply();
    let exported = rights(&access);
    let schema = crate::bed::project("schema/row-level-security.json");
    let schema = crate::bed::json(&std::fs::read_to_string(schema).unwrap());
    let validator = jsonschema::draft7::new(&schema).unwrap();
    validator.validate(&exported).unwrap();
    let database = database(&access);
    assert_eq!(rows(&database, "PRAGMA integrity_check"), ["ok"]);
    assert_eq!(
        rows(&database, "SELECT \"table\" FROM pragma_foreign_key_check"),
        [""; 0]
    );
    // The names they sign in with are those of the directory, and stand there once they are.
    assert_eq!(
        rows(
            &database,
            "SELECT id, login, account_login FROM users ORDER BY id"
        ),
        [
            "jack|jack|jack",
            "kim|kim|kim",
            "lucy|lucy|lucy",
            "simon|simon|simon"
        ]
    );
    let mut told = Vec::new();
    for user in exported["users"].as_array().unwrap() {
        for identity in user["identities"].as_array().unwrap() {
            for scope in identity["scopes"].as_array().unwrap() {
                let text = |value: &Value| value.as_str().unwrap().to_owned();
                let values = scope["values"].as_array().unwrap().iter();
                let values: Vec<String> = values.map(text).collect();
                told.push(format!(
                    "{}|{}|{}|{}|{}",
                    text(&user["id"]),
                    text(&identity["alias"]),
                    text(&scope["key"]),
                    if scope["all"] == true { "1" } else { "0" },
                    values.join(","),
                ));
            }
        }
    }
    let query = "SELECT user, alias, key, CAST(all_rows AS TEXT), \
        (SELECT group_concat(value) FROM identity_scope_values v WHERE v.identity = i.id AND v.scope = s.scope) \
        FROM identities i JOIN identity_scopes s ON s.identity = i.id JOIN scopes ON name = scope \
        ORDER BY user, alias, scope";
    assert_eq!(rows(&database, query), told);
    // What an application asks: whose rows may this user see now?
    let seen = |user: &str| {
        let query = format!(
            "SELECT value FROM visible_values JOIN identities ON id = identity \
             WHERE user = '{user}' AND is_current AND scope = 'white-glove.client' ORDER BY value"
        );
        rows(&database, &query)
    };
    assert_eq!(seen("jack"), ["ROOM"]);
    assert_eq!(seen("lucy"), [""; 0]);
    access
        .run(&["identity", "select", "lucy", "Client", "--by", "Lucy"])
        .ends(0);
    let database = self::database(&access);
    let query = "SELECT value FROM visible_values JOIN identities ON id = identity WHERE user = 'lucy' AND is_current";
    assert_eq!(rows(&database, query), ["Pharma", "ROOM"]);
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
    // As its table has them: user, identity, roles, scope.
    let records = [
        "jack | Client | default | Client | Client = ROOM",
        "kim | Internal User | default | User | Client = ROOM",
        "lucy | Client |  | Client | Client = *",
        "lucy | Internal User | default | Admin + User | ",
        "simon | Client | default | Client | Client = Pharma",
    ];
    assert_eq!(listed(&access, &[]), records);
    assert_eq!(listed(&access, &["--application", NAME]), records);
    assert_eq!(listed(&access, &["lucy"]), records[2..4]);
    let query = "SELECT user, alias, \
        (SELECT group_concat(key, ' + ') FROM (SELECT key FROM identity_roles r JOIN roles ON name = r.role WHERE r.identity = i.id ORDER BY key)), \
        (SELECT key || ' = ' || CASE all_rows WHEN 1 THEN '*' ELSE value END FROM identity_scopes s \
           LEFT JOIN identity_scope_values v USING (identity, scope) JOIN scopes ON name = scope \
           WHERE s.identity = i.id AND s.given) \
        FROM identities i ORDER BY user, alias";
    assert_eq!(
        rows(&database(&access), query),
        [
            "jack|Client|Client|Client = ROOM",
            "kim|Internal User|User|Client = ROOM",
            "lucy|Client|Client|Client = *",
            "lucy|Internal User|Admin + User|",
            "simon|Client|Client|Client = Pharma",
        ]
    );
}

/// White Glove, with Lucy at the keyboard.
fn lucys() -> Access {
    let access = example(NAME);
    access.git(&["config", "user.name", "Lucy"]);
    access.git(&["config", "user.email", "lucy@seko.example"]);
    access.apply();
    access
}

#[test]
fn wg2_an_identity_is_created_for_who_is_there_and_with_who_is_not() {
    let access = lucys();
    let create = ["identity", "create"];
    let kim = [
        "kim",
        "Client",
        "--application",
        NAME,
        "--role",
        "white-glove.client",
        "--scope",
        "white-glove.client=Pharma",
    ];
    access.run(&[&create[..], &kim[..]].concat()).ends(0);
    let nina = [
        "nina",
        "Client",
        "--application",
        NAME,
        "--given-name",
        "Nina",
        "--user-type",
        "client",
        "--organization",
        "pharma",
        "--mail",
        "nina@pharma.example",
    ];
    access.run(&[&create[..], &nina[..]].concat()).ends(0);
    assert_eq!(findings(&access), Vec::<String>::new());
    assert_eq!(
        changes(&access.plan(), "kim"),
        [
            "add-member kim APP-WG-Role-Client",
            "add-member kim APP-WG-pharma"
        ]
    );
    assert_eq!(
        changes(&access.plan(), "nina"),
        [
            "create nina CN=Nina,OU=Pharma,OU=Clients,DC=seko,DC=example",
            "set-password nina generated, known to nobody: an administrator resets it",
            "add-member nina APP-WG-Role-Client",
            "add-member nina APP-WG-pharma",
            "enable nina",
        ]
    );
}

#[test]
fn wg5_the_list_of_users() {
    let access = lucys();
    let list = |more: &[&str]| access.run(&[&["user", "list"], more].concat()).ends(0);
    assert_eq!(
        list(&["--format", "csv"]).out,
        "id,name,state,type,organization,partner,logins,contact,identities,roles,clients,suppliers\r\n\
         jack,Jack,active,client,ROOM,SEKO Farnborough,jack,jack@room.example; 01632 960201,Client,Client,ROOM,\r\n\
         kim,Kim,active,employee,SEKO Farnborough,SEKO Farnborough,kim,kim@seko.example; 01632 960102,Internal User,User,ROOM,\r\n\
         lucy,Lucy,active,employee,SEKO Farnborough,SEKO Farnborough,lucy,lucy@seko.example; 01632 960101,Client; Internal User,Client: Client; Internal User: Admin + User,*,\r\n\
         simon,Simon,active,client,Pharma,SEKO Farnborough,simon,simon@pharma.example; 01632 960301,Client,Client,Pharma,\r\n"
    );
    let ids = |more: &[&str]| -> Vec<String> {
        let listed = list(&[&["--format", "json"], more].concat()).json();
        let listed = listed.as_array().unwrap().iter();
        listed
            .map(|row| row["id"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(ids(&["--type", "client"]), ["jack", "simon"]);
    assert_eq!(ids(&["--organization", "room"]), ["jack"]);
    assert_eq!(
        ids(&["--organization", "seko-farnborough"]),
        ["jack", "kim", "lucy", "simon"]
    );
    assert_eq!(ids(&["--resource", "countersign"]), ["kim", "lucy"]);
    assert_eq!(
        ids(&["--profile", "directory-account", "--search", "960201"]),
        ["jack"]
    );
    assert_eq!(ids(&["--state", "suspended"]), Vec::<String>::new());
    // Who is associated with a client or supplier has to do with it, and sees nothing by it.
    access.edit(
        "users/kim.yaml",
        "contact:",
        "associated: [pharma, sofa-ltd]\n  contact:",
    );
    access.write(
        "organizations/sofa-ltd.yaml",
        "apiVersion: countersign/v1\nkind: Organization\nmetadata: {name: sofa-ltd}\nspec: {displayName: Sofa Ltd, type: supplier, code: SOFA, parent: seko-farnborough}\n",
    );
    assert_eq!(findings(&access), Vec::<String>::new());
    let listed = list(&["--search", "kim", "--format", "json"]).json();
    assert_eq!(listed[0]["clients"], serde_json::json!(["Pharma", "ROOM"]));
    assert_eq!(listed[0]["suppliers"], serde_json::json!(["SOFA"]));
    assert_eq!(
        listed[0]["identities"][0]["scopes"],
        serde_json::json!({"Client": ["ROOM"]})
    );
    assert_eq!(
        listed[0]["logins"],
        serde_json::json!({"white-glove": "kim"})
    );
    let table = list(&["--search", "simon"]).out;
    let head = "ID     NAME   STATE   TYPE    ORGANIZATION  PARTNER           LOGINS  CONTACT               IDENTITIES  ROLES   CLIENTS  SUPPLIERS";
    assert_eq!(table.lines().next(), Some(head));
}

#[test]
fn wg6_users_are_cloned_deactivated_and_activated_again() {
    let access = lucys();
    access
        .run(&[
            "user",
            "clone",
            "jack",
            "--as",
            "Simone",
            "--mail",
            "simone@room.example",
        ])
        .ends(0);
    assert_eq!(findings(&access), Vec::<String>::new());
    assert_eq!(
        changes(&access.plan(), "simone"),
        [
            "create simone CN=Simone,OU=ROOM,OU=Clients,DC=seko,DC=example",
            "set-password simone generated, known to nobody: an administrator resets it",
            "add-member simone APP-WG-Role-Client",
            "add-member simone APP-WG-room",
            "enable simone",
        ]
    );
    access.apply();
    assert_eq!(holds(&access, "simone", NAME), holds(&access, "jack", NAME));
    access.run(&["user", "deactivate", "simone"]).ends(0);
    access.commit("Leave");
    assert_eq!(changes(&access.plan(), "simone"), ["disable simone"]);
    access.apply();
    // Not in the same minute: a request has an instant of its own.
    access
        .run(&["user", "activate", "simone", "--effective", "2099-01-04"])
        .ends(0);
    access.commit("Back");
    assert_eq!(changes(&access.plan(), "simone"), Vec::<String>::new());
    let later = access
        .run(&["plan", "--at", "2099-01-04", "--format", "json"])
        .ends(0)
        .json();
    let later = changes(&later, "simone");
    assert_eq!(later.last().map(String::as_str), Some("enable simone"));
    // Nothing of them is deleted, and nobody else was touched.
    let dn = "CN=Simone,OU=ROOM,OU=Clients,DC=seko,DC=example";
    assert_eq!(in_directory(&access, dn, "sAMAccountName"), ["simone"]);
}
