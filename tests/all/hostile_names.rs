//! Names and values that mean something to LDAP, LDIF, YAML, HTML, shells or templates go from a
//! manifest to a real domain controller and are read back by `ldapsearch`, unchanged.

use crate::bed::{Access, Directory, Domain, Post, servers};

const SUITE: &str = "hostile names on a domain controller";

/// Family names, each with the login that it leads to.
const FAMILY: [&str; 21] = [
    "O'Brien",
    "Smith, Jr.",
    "a\"b\"c",
    "back\\slash",
    "#1",
    "plus+equals=semi;colon",
    "<script>alert(1)</script>",
    "*)(objectClass=*",
    "(&(a=b))",
    "Zoë Łukasz",
    "王小明",
    "עברית",
    "😀 grin",
    "-hyphen",
    "CN=Administrator,CN=Users",
    "; Remove-ADUser x #",
    "$(whoami) `n",
    "percent % and \\2c",
    "%0d%0aBcc: x",
    "' OR 1=1 --",
    "cafe\u{301}",
];

/// Titles that are more than a title.
const TITLES: [&str; 21] = [
    ": colon",
    "< less",
    "dn: CN=x",
    "\\0d\\0a",
    "a=b,c=d",
    "%n%s",
    "(*)",
    "\"quoted\"",
    "'quoted'",
    "#hash",
    "-",
    "~",
    "null",
    "true",
    "0x1f",
    "1e3",
    "@at",
    "`tick`",
    "&amp;",
    "é\u{200b}é",
    "?",
];

/// A text in quotes, as YAML has it (JSON is YAML).
fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

#[test]
fn they_arrive_unchanged() {
    let Some(servers) = servers(SUITE) else {
        return;
    };
    let domain = Domain::with(&servers, &Access::export("white-glove"));
    let access = Access::example("white-glove");
    for (number, (family, title)) in FAMILY.iter().zip(TITLES).enumerate() {
        let (family, title) = (quoted(family), quoted(title));
        access.write(
            &format!("users/h{number:02}.yaml"),
            &format!(
                "apiVersion: countersign/v1\nkind: User\nmetadata: {{name: h{number:02}}}\nspec:\n  givenName: H{number:02}\n  familyName: {family}\n  type: employee\n  organization: seko-farnborough\n  login: h{number:02}\n  title: {title}\n"
            ),
        );
    }
    access.edit(
        "resources/active-directory.yaml",
        "    - name: telephoneNumber\n",
        "    - {name: title, label: Title, value: \"{{ user.title }}\"}\n    - name: telephoneNumber\n",
    );
    access.edit(
        "countersign.yaml",
        "creates: {count: 5,",
        "creates: {count: 50,",
    );
    access.commit("Everybody with a name");
    access.run_embedded(&["validate"]).ends(0);
    let (directory, post) = (Directory::Ldaps(&domain), Post::Outbox);
    let access = access.operated_by_anchor(&directory, &post);
    access.apply();
    for (number, (family, title)) in FAMILY.iter().zip(TITLES).enumerate() {
        let entry = domain.account(&format!("h{number:02}"));
        let value = |attribute: &str| entry.text(attribute).unwrap_or_default();
        assert_eq!(value("sn"), *family);
        assert_eq!(value("title"), title);
        assert_eq!(value("displayName"), format!("H{number:02} {family}"));
        assert_eq!(value("cn"), format!("H{number:02} {family}"));
        assert_eq!(value("userAccountControl"), "512");
    }
    let before = domain.dump();
    access.run(&["plan", "--detailed-exitcode"]).ends(0);
    access.apply();
    assert_eq!(before, domain.dump());

    // Renamed to the next one's name, everybody, and back in one piece.
    for (number, family) in FAMILY.iter().cycle().skip(1).take(FAMILY.len()).enumerate() {
        let path = format!("users/h{number:02}.yaml");
        access.edit(
            &path,
            &format!("familyName: {}", quoted(FAMILY[number])),
            &format!("familyName: {}", quoted(family)),
        );
    }
    access.commit("Everybody marries");
    access.apply();
    for (number, family) in FAMILY.iter().cycle().skip(1).take(FAMILY.len()).enumerate() {
        let entry = domain.account(&format!("h{number:02}"));
        assert_eq!(entry.text("cn"), Some(format!("H{number:02} {family}")));
        assert_eq!(entry.text("sn").as_deref(), Some(*family));
    }
    access.run(&["plan", "--detailed-exitcode"]).ends(0);
}

#[test]
fn what_cannot_be_written_is_refused_by_validation() {
    let access = Access::example("white-glove");
    for name in [
        "a\\u0000b",
        "line\\nbreak",
        "tab\\tbed",
        "escape\\u001b[31m",
    ] {
        let user = format!(
            "apiVersion: countersign/v1\nkind: User\nmetadata: {{name: evil}}\nspec:\n  givenName: \"{name}\"\n  type: employee\n  organization: seko-farnborough\n"
        );
        access.write("users/evil.yaml", &user);
        access.commit("Evil");
        let ran = access.run_embedded(&["validate", "--format", "json"]);
        assert_eq!(ran.code, 1, "{name}: {}", ran.out);
        assert!(ran.out.contains("users/evil.yaml"), "{name}: {}", ran.out);
    }
}
