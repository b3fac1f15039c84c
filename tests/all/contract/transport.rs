//! What every transport of Active Directory does alike. Each scenario runs below a parent of its own,
//! which is empty before it and whose name begins every log-on name, because those are unique in a domain.

use countersign::connector::active_directory::matching::{same_value, uac};
use countersign::connector::{
    At, AttributeName, Attributes, Entry, EntryKind, FailureClass as Class, Guid, Modification,
    ModificationKind, NextLogOn, Transport, Value,
};
use countersign::dn::{Dn, Rdn};
use secrecy::SecretString;

/// Whose manners a directory has, where the two differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manners {
    /// A domain controller of Windows, and what behaves like one.
    Windows,
    /// Samba 4.17: it enables accounts without a password, and takes longer names.
    Samba,
}

/// A scenario: a directory, and a parent that is empty.
pub type Scenario = fn(&mut dyn Transport, &Dn, Manners);

/// All of them, with the names they have in a report.
pub const SCENARIOS: &[(&str, Scenario)] = &[
    ("what is added is read", what_is_added_is_read),
    ("hostile names survive", hostile_names_survive),
    ("hostile values survive", hostile_values_survive),
    ("names are unique", names_are_unique),
    (
        "a modify does all its steps or none",
        a_modify_does_all_its_steps_or_none,
    ),
    ("values have limits", values_have_limits),
    ("memberships", memberships),
    ("links follow what they name", links_follow_what_they_name),
    ("renames and moves", renames_and_moves),
    ("passwords and enabling", passwords_and_enabling),
    ("control bits", control_bits),
    ("what cannot be written", what_cannot_be_written),
    ("what is not there", what_is_not_there),
];

/// Runs every scenario, each below an organizational unit of its own below `parent`.
pub fn contract(directory: &mut dyn Transport, parent: &Dn, manners: Manners) {
    for (number, (name, scenario)) in SCENARIOS.iter().enumerate() {
        let room = Rdn::new("OU", &format!("{}{number}", parent.rdn().value()));
        let room = add_unit(directory, parent, room);
        println!("{}: {name}", directory.describe());
        scenario(directory, &room, manners);
    }
}

/// Names that have broken programs like this one.
pub const HOSTILE: &[&str] = &[
    "O'Brien, \"Bob\" \\ <x>; +=#",
    "#leading hash",
    "trailing space ",
    " leading space",
    "stars * and (parens)",
    "a)(objectClass=*",
    "R&D / Größe, Ünïcode ЖЯ 漢字 😀",
    "{{7*7}} ${7*7} #{7*7}",
    "$(id) `id` ; rm -rf /",
    "x,CN=Administrator,CN=Users",
    "x\\2CCN=y\\",
    "two\nlines\r\nof text",
    "dn: CN=x\nchangetype: delete",
    "=cmd|' /C calc'!A0",
    "<script>alert(1)</script>",
    "%s %n %00 \u{202e}txt.exe",
    "--option",
    "+1 (812) 349-0002",
];

fn values(texts: &[&str]) -> Vec<Value> {
    texts.iter().map(|text| Value::from(*text)).collect()
}

fn step(operation: ModificationKind, attribute: &'static str, texts: &[&str]) -> Modification {
    Modification {
        operation,
        attribute: attribute.into(),
        values: values(texts),
    }
}

fn comes(attribute: &'static str, texts: &[&str]) -> Modification {
    step(ModificationKind::Add, attribute, texts)
}

fn goes(attribute: &'static str, texts: &[&str]) -> Modification {
    step(ModificationKind::Delete, attribute, texts)
}

fn login(parent: &Dn, name: &str) -> String {
    format!("{}.{name}", parent.rdn().value())
}

fn add_unit(directory: &mut dyn Transport, parent: &Dn, rdn: Rdn) -> Dn {
    let dn = parent.child(rdn);
    let attributes = Attributes::from([("objectClass".into(), values(&["organizationalUnit"]))]);
    directory.add(&dn, &attributes).unwrap();
    dn
}

fn of_class(parent: &Dn, class: &str, name: &str) -> Attributes {
    Attributes::from([
        ("objectClass".into(), values(&[class])),
        ("sAMAccountName".into(), values(&[&login(parent, name)])),
    ])
}

fn add(directory: &mut dyn Transport, parent: &Dn, class: &str, name: &str) -> Dn {
    let dn = parent.child(Rdn::new("CN", name));
    directory.add(&dn, &of_class(parent, class, name)).unwrap();
    dn
}

fn names(attributes: &[&'static str]) -> Vec<AttributeName> {
    attributes
        .iter()
        .map(|name| AttributeName::from(*name))
        .collect()
}

fn entry(directory: &mut dyn Transport, dn: &Dn, attributes: &[&'static str]) -> Entry {
    let found = directory
        .read(&At::Dn(dn.clone()), &names(attributes))
        .unwrap();
    found.unwrap_or_else(|| panic!("{dn} is not there"))
}

fn read(directory: &mut dyn Transport, dn: &Dn, attribute: &'static str) -> Vec<String> {
    let mut entry = entry(directory, dn, &[attribute]);
    let values = entry
        .attributes
        .remove(&attribute.into())
        .unwrap_or_default();
    values
        .iter()
        .map(|value| value.text().unwrap().to_string())
        .collect()
}

fn guid(directory: &mut dyn Transport, dn: &Dn) -> Guid {
    entry(directory, dn, &[]).guid
}

fn names_in(directory: &mut dyn Transport, dn: &Dn, attribute: &'static str) -> Vec<Dn> {
    let texts = read(directory, dn, attribute);
    let mut names = texts
        .iter()
        .map(|text| Dn::parse(text).unwrap())
        .collect::<Vec<_>>();
    names.sort();
    names
}

fn only_name(directory: &mut dyn Transport, dn: &Dn, attribute: &'static str) -> Dn {
    let mut names = names_in(directory, dn, attribute);
    assert_eq!(names.len(), 1, "{attribute} of {dn}: {names:?}");
    names.remove(0)
}

fn modify(directory: &mut dyn Transport, dn: &Dn, steps: &[Modification]) -> Result<(), Class> {
    directory
        .modify(&At::Dn(dn.clone()), steps)
        .map_err(|failure| {
            assert!(
                !failure.message.is_empty() && !failure.message.contains('\n'),
                "{failure:?}"
            );
            failure.class
        })
}

fn what_is_added_is_read(directory: &mut dyn Transport, parent: &Dn, _: Manners) {
    let user = parent.child(Rdn::new("CN", "maria"));
    let mut attributes = of_class(parent, "user", "maria");
    attributes.insert("displayName".into(), values(&["María Lopez"]));
    attributes.insert("otherTelephone".into(), values(&["1", "2"]));
    directory.add(&user, &attributes).unwrap();
    let group = add(directory, parent, "group", "readers");
    let unit = add_unit(directory, parent, Rdn::new("OU", "Unit"));
    modify(directory, &group, &[comes("member", &[&user.to_string()])]).unwrap();

    let wanted = [
        "displayName",
        "OTHERTELEPHONE",
        "info",
        "memberOf",
        "sAMAccountName",
        "objectGUID",
    ];
    let found = entry(directory, &user, &wanted);
    assert!(found.dn.same_spelling(&user), "{} is not {user}", found.dn);
    assert_eq!(found.kind, EntryKind::Account);
    let has = |name: &'static str| found.attributes.get(&name.into()).cloned();
    assert_eq!(has("displayName"), Some(values(&["María Lopez"])));
    let mut phones = has("otherTelephone").unwrap();
    phones.sort();
    assert_eq!(phones, values(&["1", "2"]));
    assert_eq!(has("info"), None, "absent is not empty");
    assert_eq!(
        has("userAccountControl"),
        None,
        "what was not asked for is not told"
    );
    assert_eq!(
        has("objectGUID"),
        Some(vec![Value::new(found.guid.to_wire())])
    );
    assert_eq!(only_name(directory, &user, "memberOf"), group);
    assert_eq!(only_name(directory, &user, "distinguishedName"), user);
    assert_eq!(read(directory, &user, "cn"), ["maria"]);
    assert_eq!(read(directory, &user, "name"), ["maria"]);
    assert_eq!(read(directory, &user, "userAccountControl"), ["546"]);
    assert_eq!(read(directory, &user, "pwdLastSet"), ["0"]);

    let by_guid = directory
        .read(&At::Guid(found.guid), &names(&wanted))
        .unwrap();
    assert_eq!(by_guid.as_ref(), Some(&found));
    let mut all = Vec::new();
    directory
        .read_all(&names(&wanted), &mut |entry| all.push(entry))
        .unwrap();
    all.retain(|entry| entry.dn.is_within(parent));
    all.sort_by(|a, b| a.dn.cmp(&b.dn));
    let kinds = all
        .iter()
        .map(|entry| (entry.dn.clone(), entry.kind))
        .collect::<Vec<_>>();
    let mut expected = vec![
        (parent.clone(), EntryKind::Unit),
        (user.clone(), EntryKind::Account),
        (group.clone(), EntryKind::Group),
        (unit, EntryKind::Unit),
    ];
    expected.sort();
    assert_eq!(kinds, expected);
    assert!(
        all.contains(&found),
        "read alone and among all it is the same"
    );
    let mut members = Vec::new();
    directory
        .read_all(&names(&["member"]), &mut |entry| members.push(entry))
        .unwrap();
    let readers = members.iter().find(|entry| entry.dn == group).unwrap();
    assert_eq!(
        readers.attributes.get(&"member".into()).map(Vec::len),
        Some(1)
    );
}

fn hostile_names_survive(directory: &mut dyn Transport, parent: &Dn, _: Manners) {
    let group = add(directory, parent, "group", "all");
    let mut users = Vec::new();
    for (number, name) in HOSTILE.iter().enumerate() {
        let dn = parent.child(Rdn::new("CN", name));
        let attributes = of_class(parent, "user", &format!("n{number}"));
        directory
            .add(&dn, &attributes)
            .unwrap_or_else(|failure| panic!("{name:?}: {failure}"));
        let found = entry(directory, &dn, &["cn"]);
        assert_eq!(found.dn.rdn().value(), *name);
        assert!(found.dn.same_spelling(&dn), "{} is not {dn}", found.dn);
        assert_eq!(
            found.attributes.get(&"cn".into()),
            Some(&values(&[name])),
            "{name:?}"
        );
        modify(directory, &group, &[comes("member", &[&dn.to_string()])]).unwrap();
        modify(directory, &dn, &[comes("manager", &[&dn.to_string()])]).unwrap();
        users.push(dn);
    }
    let mut expected = users.clone();
    expected.sort();
    assert_eq!(names_in(directory, &group, "member"), expected);
    let mut all = Vec::new();
    directory
        .read_all(&[], &mut |entry| all.push(entry.dn))
        .unwrap();
    all.retain(|dn| dn.is_within(parent) && dn != parent && *dn != group);
    all.sort();
    assert_eq!(all, expected);

    // Each takes its neighbour's name, with a letter in front; a unit of that name takes it in.
    for (dn, name) in users.iter().zip(HOSTILE.iter().cycle().skip(1)) {
        let unit = add_unit(directory, parent, Rdn::new("OU", name));
        let rdn = Rdn::new("CN", &format!("r{name}"));
        directory
            .rename(dn, &rdn, &unit)
            .unwrap_or_else(|f| panic!("{dn} to {name:?}: {f}"));
        let new = unit.child(rdn);
        assert!(entry(directory, &new, &[]).dn.same_spelling(&new));
        assert_eq!(only_name(directory, &new, "manager"), new);
        assert!(names_in(directory, &group, "member").contains(&new));
    }
}

fn hostile_values_survive(directory: &mut dyn Transport, parent: &Dn, _: Manners) {
    let user = add(directory, parent, "user", "u");
    let more = [
        "a: b\n-\nadd: member\nmember: CN=x",
        "\r\n\r\ndn: CN=evil,DC=example,DC=test\nobjectClass: user\n",
        ": colon",
        "< file:///etc/passwd",
        ":: aGVsbG8=",
        "-",
        "#",
        "tab\tand bell\u{7}",
        "ends with newline\n",
        "0",
    ];
    let mut before: Option<&str> = None;
    for text in HOSTILE.iter().chain(&more) {
        let leaving = before.map(|old| goes("info", &[old]));
        let steps = leaving
            .into_iter()
            .chain([comes("info", &[text])])
            .collect::<Vec<_>>();
        modify(directory, &user, &steps).unwrap_or_else(|class| panic!("{text:?}: {class:?}"));
        assert_eq!(read(directory, &user, "info"), [*text]);
        before = Some(text);
    }
    let long = "long text ".repeat(100);
    let photo = Value::new((0..=255).cycle().take(5000).collect::<Vec<u8>>());
    let steps = [
        goes("info", &[before.unwrap()]),
        comes("info", &[&long]),
        Modification {
            operation: ModificationKind::Add,
            attribute: "thumbnailPhoto".into(),
            values: vec![photo.clone()],
        },
    ];
    modify(directory, &user, &steps).unwrap();
    assert_eq!(read(directory, &user, "info"), [long]);
    let found = entry(directory, &user, &["thumbnailPhoto"]);
    assert_eq!(
        found.attributes.get(&"thumbnailPhoto".into()),
        Some(&vec![photo])
    );
}

fn names_are_unique(directory: &mut dyn Transport, parent: &Dn, _: Manners) {
    let user = add(directory, parent, "user", "u");
    let class = |result: Result<(), countersign::connector::Failure>| result.map_err(|f| f.class);
    let again = parent.child(Rdn::new("CN", "U"));
    assert_eq!(
        class(directory.add(&again, &of_class(parent, "user", "other"))),
        Err(Class::Exists)
    );
    let other = parent.child(Rdn::new("CN", "other"));
    assert_eq!(
        class(directory.add(&other, &of_class(parent, "user", "U"))),
        Err(Class::Exists)
    );
    assert_eq!(
        class(directory.add(&other, &of_class(parent, "group", "u"))),
        Err(Class::Exists)
    );
    assert_eq!(directory.read(&At::Dn(other.clone()), &[]), Ok(None));
    let nowhere = parent
        .child(Rdn::new("OU", "nowhere"))
        .child(Rdn::new("CN", "x"));
    assert_eq!(
        class(directory.add(&nowhere, &of_class(parent, "user", "x"))),
        Err(Class::Gone)
    );
    let other = add(directory, parent, "user", "other");
    let (old, new) = (login(parent, "other"), login(parent, "u"));
    let steps = [
        goes("sAMAccountName", &[&old]),
        comes("sAMAccountName", &[&new]),
    ];
    assert_eq!(modify(directory, &other, &steps), Err(Class::Exists));
    let principal = format!("{}@example.test", login(parent, "p"));
    modify(
        directory,
        &user,
        &[comes("userPrincipalName", &[&principal])],
    )
    .unwrap();
    let upper = principal.to_uppercase();
    let result = modify(directory, &other, &[comes("userPrincipalName", &[&upper])]);
    // Samba answers 19 without saying why, which is a value that it does not take.
    assert!(
        matches!(result, Err(Class::Exists | Class::ValueRejected)),
        "{result:?}"
    );
    // A name that was given up is free.
    let free = login(parent, "free");
    let steps = [
        goes("sAMAccountName", &[&new]),
        comes("sAMAccountName", &[&free]),
    ];
    modify(directory, &user, &steps).unwrap();
    let steps = [
        goes("sAMAccountName", &[&old]),
        comes("sAMAccountName", &[&new]),
    ];
    modify(directory, &other, &steps).unwrap();
}

fn a_modify_does_all_its_steps_or_none(directory: &mut dyn Transport, parent: &Dn, _: Manners) {
    let user = add(directory, parent, "user", "u");
    modify(
        directory,
        &user,
        &[comes("title", &["One"]), comes("info", &["i"])],
    )
    .unwrap();
    let stale = [
        comes("department", &["D"]),
        goes("title", &["Stale"]),
        comes("title", &["Two"]),
    ];
    assert_eq!(modify(directory, &user, &stale), Err(Class::Changed));
    assert_eq!(read(directory, &user, "department"), [""; 0]);
    assert_eq!(
        modify(directory, &user, &[comes("title", &["Two"])]),
        Err(Class::Changed)
    );
    assert_eq!(
        modify(directory, &user, &[goes("department", &["D"])]),
        Err(Class::Changed)
    );
    assert_eq!(read(directory, &user, "title"), ["One"]);
    modify(
        directory,
        &user,
        &[goes("title", &["One"]), comes("title", &["Two"])],
    )
    .unwrap();
    let wrong_order = [comes("title", &["Three"]), goes("title", &["Two"])];
    assert_eq!(modify(directory, &user, &wrong_order), Err(Class::Changed));
    assert_eq!(read(directory, &user, "title"), ["Two"]);
    modify(directory, &user, &[goes("info", &["i"])]).unwrap();
    assert_eq!(read(directory, &user, "info"), [""; 0]);
    modify(
        directory,
        &user,
        &[goes("title", &["Two"]), comes("title", &["two"])],
    )
    .unwrap();
    assert_eq!(
        read(directory, &user, "title"),
        ["two"],
        "a change of case alone is one"
    );
    modify(
        directory,
        &user,
        &[comes("proxyAddresses", &["SMTP:a@x", "smtp:b@x"])],
    )
    .unwrap();
    let again = [comes("proxyAddresses", &["smtp:c@x", "smtp:b@x"])];
    assert_eq!(modify(directory, &user, &again), Err(Class::Changed));
    let promoted = [
        goes("proxyAddresses", &["SMTP:a@x", "smtp:b@x"]),
        comes("proxyAddresses", &["smtp:a@x", "SMTP:b@x"]),
    ];
    modify(directory, &user, &promoted).unwrap();
    let mut addresses = read(directory, &user, "proxyAddresses");
    addresses.sort();
    assert_eq!(addresses, ["SMTP:b@x", "smtp:a@x"]);
}

fn values_have_limits(directory: &mut dyn Transport, parent: &Dn, manners: Manners) {
    let user = add(directory, parent, "user", "u");
    for (attribute, value) in [
        ("info", ""),
        ("initials", "abcdefg"),
        ("employeeID", "12345678901234567"),
    ] {
        let result = modify(directory, &user, &[comes(attribute, &[value])]);
        assert_eq!(result, Err(Class::ValueRejected), "{attribute}");
    }
    modify(directory, &user, &[comes("initials", &["äöüäöü"])]).unwrap();
    let mut attributes = of_class(parent, "user", "v");
    attributes.insert("title".into(), values(&["One", "Two"]));
    let dn = parent.child(Rdn::new("CN", "v"));
    let result = directory.add(&dn, &attributes).map_err(|f| f.class);
    assert_eq!(result, Err(Class::ValueRejected), "one title");
    let mut attributes = of_class(parent, "user", "v");
    attributes.insert("sAMAccountName".into(), values(&["a*b"]));
    let result = directory.add(&dn, &attributes).map_err(|f| f.class);
    assert_eq!(result, Err(Class::ValueRejected), "a star in a log-on name");
    let long = "l".repeat(21 - parent.rdn().value().len() - 1);
    let named = of_class(parent, "group", &long);
    directory
        .add(&parent.child(Rdn::new("CN", "long group")), &named)
        .unwrap();
    if manners == Manners::Windows {
        let named = of_class(parent, "user", &long.replacen('l', "m", 1));
        let result = directory.add(&dn, &named).map_err(|f| f.class);
        assert_eq!(
            result,
            Err(Class::ValueRejected),
            "21 characters in a user's log-on name"
        );
        let long = parent.child(Rdn::new("CN", &"c".repeat(65)));
        let result = directory
            .add(&long, &of_class(parent, "user", "v"))
            .map_err(|f| f.class);
        assert_eq!(result, Err(Class::ValueRejected), "65 characters in a name");
    }
}

fn memberships(directory: &mut dyn Transport, parent: &Dn, _: Manners) {
    let group = add(directory, parent, "group", "g");
    let (a, b) = (
        add(directory, parent, "user", "a"),
        add(directory, parent, "user", "b"),
    );
    let (a_text, b_text) = (a.to_string(), b.to_string());
    let nobody = parent.child(Rdn::new("CN", "nobody")).to_string();
    let other_case = a_text.to_uppercase();
    modify(directory, &group, &[comes("member", &[&a_text])]).unwrap();
    for again in [&a_text, &other_case] {
        let result = modify(directory, &group, &[comes("member", &[again])]);
        assert_eq!(result, Err(Class::AlreadyThere), "{again}");
    }
    let result = modify(directory, &group, &[comes("member", &[&b_text, &a_text])]);
    assert_eq!(result, Err(Class::AlreadyThere));
    let result = modify(directory, &group, &[comes("member", &[&b_text, &nobody])]);
    assert_eq!(result, Err(Class::Gone));
    assert_eq!(
        only_name(directory, &group, "member"),
        a,
        "none of a refused request"
    );
    let result = modify(directory, &group, &[goes("member", &[&b_text])]);
    assert_eq!(result, Err(Class::NotThere));
    let result = modify(directory, &group, &[goes("member", &[&a_text, &b_text])]);
    assert_eq!(result, Err(Class::NotThere));
    assert_eq!(only_name(directory, &a, "memberOf"), group);
    modify(directory, &group, &[goes("member", &[&other_case])]).unwrap();
    assert_eq!(read(directory, &a, "memberOf"), [""; 0]);
    modify(
        directory,
        &group,
        &[comes("member", &[&a_text, &b_text, &group.to_string()])],
    )
    .unwrap();
    assert_eq!(
        names_in(directory, &group, "member").len(),
        3,
        "a group may be its own member"
    );
    modify(
        directory,
        &group,
        &[goes("member", &[&a_text]), comes("member", &[&a_text])],
    )
    .unwrap();
    let by_guid = format!("<GUID={}>", guid(directory, &b));
    modify(directory, &group, &[goes("member", &[&by_guid])]).unwrap();
    modify(directory, &group, &[comes("member", &[&by_guid])]).unwrap();
    assert_eq!(only_name(directory, &b, "memberOf"), group);
}

fn links_follow_what_they_name(directory: &mut dyn Transport, parent: &Dn, _: Manners) {
    let unit = add_unit(directory, parent, Rdn::new("OU", "Old"));
    let boss = unit.child(Rdn::new("CN", "boss"));
    directory
        .add(&boss, &of_class(parent, "user", "boss"))
        .unwrap();
    let user = add(directory, parent, "user", "u");
    let group = add(directory, parent, "group", "g");
    let nobody = parent.child(Rdn::new("CN", "nobody")).to_string();
    let result = modify(directory, &user, &[comes("manager", &[&nobody])]);
    assert_eq!(result, Err(Class::ValueRejected));
    modify(directory, &user, &[comes("manager", &[&boss.to_string()])]).unwrap();
    let result = modify(directory, &user, &[comes("manager", &[&user.to_string()])]);
    assert_eq!(result, Err(Class::Changed), "there is a manager already");
    modify(
        directory,
        &group,
        &[comes("member", &[&boss.to_string(), &user.to_string()])],
    )
    .unwrap();

    directory
        .rename(&boss, &Rdn::new("CN", "chief"), &unit)
        .unwrap();
    let chief = unit.child(Rdn::new("CN", "chief"));
    assert_eq!(only_name(directory, &user, "manager"), chief);
    directory
        .rename(&unit, &Rdn::new("OU", "New"), parent)
        .unwrap();
    let unit = parent.child(Rdn::new("OU", "New"));
    let chief = unit.child(Rdn::new("CN", "chief"));
    assert_eq!(only_name(directory, &user, "manager"), chief);
    let mut members = vec![chief.clone(), user.clone()];
    members.sort();
    assert_eq!(names_in(directory, &group, "member"), members);
    directory
        .rename(&group, &Rdn::new("CN", "team"), &unit)
        .unwrap();
    let team = unit.child(Rdn::new("CN", "team"));
    assert_eq!(only_name(directory, &chief, "memberOf"), team);
    let steps = [
        goes("manager", &[&chief.to_string()]),
        comes("manager", &[&user.to_string()]),
    ];
    modify(directory, &user, &steps).unwrap();
    assert_eq!(only_name(directory, &user, "manager"), user);
    modify(directory, &team, &[goes("member", &[&chief.to_string()])]).unwrap();
    assert_eq!(only_name(directory, &team, "member"), user);
}

fn renames_and_moves(directory: &mut dyn Transport, parent: &Dn, _: Manners) {
    let user = add(directory, parent, "user", "u");
    let (one, two) = (Rdn::new("OU", "One"), Rdn::new("OU", "Two"));
    let one = add_unit(directory, parent, one);
    let two = add_unit(directory, parent, two);
    let other = add(directory, parent, "user", "other");
    let id = guid(directory, &user);
    let mut rename = |from: &Dn, name: &str, to: &Dn| {
        directory
            .rename(from, &Rdn::new("CN", name), to)
            .map_err(|failure| failure.class)
    };
    assert_eq!(rename(&user, "OTHER", parent), Err(Class::Exists));
    assert_eq!(
        rename(&user, "u", &parent.child(Rdn::new("OU", "no"))),
        Err(Class::Gone)
    );
    assert_eq!(
        rename(&parent.child(Rdn::new("CN", "no")), "x", parent),
        Err(Class::Gone)
    );
    rename(&user, "U", parent).unwrap();
    let upper = parent.child(Rdn::new("CN", "U"));
    rename(&upper, "U", &one).unwrap();
    rename(&one.child(Rdn::new("CN", "U")), "moved, \"too\"", &two).unwrap();
    rename(&other, "u", parent).unwrap();
    let moved = two.child(Rdn::new("CN", "moved, \"too\""));
    let found = entry(directory, &moved, &["cn", "name"]);
    assert_eq!(
        found.guid, id,
        "it is the same object whatever it is called"
    );
    assert_eq!(
        found.attributes.get(&"cn".into()),
        Some(&values(&["moved, \"too\""]))
    );
    assert_eq!(
        found.attributes.get(&"name".into()),
        Some(&values(&["moved, \"too\""]))
    );
    let found = directory.read(&At::Guid(id), &[]).unwrap().unwrap();
    assert!(found.dn.same_spelling(&moved));
    let steps = [comes("title", &["by GUID"])];
    directory.modify(&At::Guid(id), &steps).unwrap();
    assert_eq!(read(directory, &moved, "title"), ["by GUID"]);

    directory
        .rename(&two, &Rdn::new("OU", "Three"), &one)
        .unwrap();
    let three = one.child(Rdn::new("OU", "Three"));
    let below = three.child(moved.rdn());
    assert_eq!(guid(directory, &below), id, "what lies below comes along");
    assert_eq!(directory.read(&At::Dn(moved), &[]), Ok(None));
    let result = directory
        .rename(&one, &Rdn::new("OU", "One"), &three)
        .map_err(|f| f.class);
    assert_eq!(
        result,
        Err(Class::ValueRejected),
        "nothing stands below itself"
    );
}

fn passwords_and_enabling(directory: &mut dyn Transport, parent: &Dn, manners: Manners) {
    let user = add(directory, parent, "user", "u");
    let at = At::Dn(user.clone());
    let enable = [
        goes("userAccountControl", &["546"]),
        comes("userAccountControl", &["512"]),
    ];
    if manners == Manners::Windows {
        assert_eq!(
            modify(directory, &user, &enable),
            Err(Class::PasswordRejected)
        );
        let mut attributes = of_class(parent, "user", "enabled");
        attributes.insert("userAccountControl".into(), values(&["512"]));
        let dn = parent.child(Rdn::new("CN", "enabled"));
        let result = directory.add(&dn, &attributes).map_err(|f| f.class);
        assert_eq!(result, Err(Class::PasswordRejected));
    }
    let mut set = |at: &At, password: &str, next| {
        directory
            .set_password(at, &SecretString::from(password), next)
            .map_err(|f| {
                assert!(!f.to_string().contains(password), "{f}");
                f.class
            })
    };
    for weak in ["Ab1!", "alllowercase", "1234567890"] {
        assert_eq!(
            set(&at, weak, NextLogOn::Keep),
            Err(Class::PasswordRejected),
            "{weak}"
        );
    }
    set(&at, "pässword \"Quoted\" 9", NextLogOn::MustChange).unwrap();
    assert_eq!(read(directory, &user, "pwdLastSet"), ["0"]);
    modify(directory, &user, &enable).unwrap();
    assert_eq!(read(directory, &user, "userAccountControl"), ["512"]);
    let id = guid(directory, &user);
    let password = SecretString::from("Another 1 <of> them");
    directory
        .set_password(&At::Guid(id), &password, NextLogOn::Keep)
        .unwrap();
    assert_ne!(read(directory, &user, "pwdLastSet"), ["0"]);
    assert_eq!(
        read(directory, &user, "unicodePwd"),
        [""; 0],
        "a password cannot be read"
    );
}

fn control_bits(directory: &mut dyn Transport, parent: &Dn, _: Manners) {
    let user = add(directory, parent, "user", "u");
    let control = AttributeName::from("userAccountControl");
    let written = uac::ACCOUNTDISABLE | uac::READ_ONLY | uac::DONT_EXPIRE_PASSWORD;
    let written = written.to_string();
    let steps = [
        goes("userAccountControl", &["546"]),
        comes("userAccountControl", &[&written]),
    ];
    modify(directory, &user, &steps).unwrap();
    let found = read(directory, &user, "userAccountControl");
    assert_eq!(found, ["66050"], "ordinary comes, what is read-only goes");
    assert!(same_value(
        &control,
        &found[0].as_str().into(),
        &written.as_str().into()
    ));
    let steps = [
        goes("userAccountControl", &["512"]),
        comes("userAccountControl", &["514"]),
    ];
    assert_eq!(
        modify(directory, &user, &steps),
        Err(Class::Changed),
        "bits are compared exactly"
    );
    let mut attributes = of_class(parent, "user", "v");
    attributes.insert("userAccountControl".into(), values(&["2"]));
    let dn = parent.child(Rdn::new("CN", "v"));
    directory.add(&dn, &attributes).unwrap();
    assert_eq!(read(directory, &dn, "userAccountControl"), ["514"]);
}

fn what_cannot_be_written(directory: &mut dyn Transport, parent: &Dn, _: Manners) {
    let user = add(directory, parent, "user", "u");
    let group = add(directory, parent, "group", "g");
    for steps in [
        vec![comes("memberOf", &[&group.to_string()])],
        vec![goes("cn", &["u"]), comes("cn", &["v"])],
        vec![comes("objectGUID", &["0123456789abcdef"])],
        vec![goes("pwdLastSet", &["0"]), comes("pwdLastSet", &["5"])],
        vec![comes("objectClass", &["group"])],
        vec![comes("manager", &["no name at all"])],
        vec![comes("accountExpires", &["2027-01-01"])],
    ] {
        let result = modify(directory, &user, &steps);
        // A value that is there already is told before it is told that it cannot be written.
        let is_refused = matches!(result, Err(Class::ValueRejected | Class::Changed));
        assert!(is_refused, "{:?}: {result:?}", steps[0].attribute);
    }
    assert_eq!(read(directory, &user, "memberOf"), [""; 0]);
    let wrong = parent.child(Rdn::new("OU", "x"));
    let result = directory
        .add(&wrong, &of_class(parent, "user", "x"))
        .map_err(|f| f.class);
    assert_eq!(result, Err(Class::ValueRejected), "a user is named by CN");
    let mut attributes = of_class(parent, "user", "x");
    attributes.insert("cn".into(), values(&["y"]));
    let dn = parent.child(Rdn::new("CN", "x"));
    let result = directory.add(&dn, &attributes).map_err(|f| f.class);
    assert_eq!(result, Err(Class::ValueRejected), "the name and `cn` agree");
}

fn what_is_not_there(directory: &mut dyn Transport, parent: &Dn, _: Manners) {
    let nobody = Guid::parse("11111111-2222-3333-4444-555555555555").unwrap();
    let nowhere = parent
        .child(Rdn::new("OU", "no"))
        .child(Rdn::new("CN", "no"));
    for at in [At::Guid(nobody), At::Dn(nowhere)] {
        assert_eq!(directory.read(&at, &names(&["cn"])), Ok(None), "{at:?}");
        let result = directory
            .modify(&at, &[comes("title", &["x"])])
            .map_err(|f| f.class);
        assert_eq!(result, Err(Class::Gone), "{at:?}");
        let password = SecretString::from("Correct 1 horse");
        let result = directory
            .set_password(&at, &password, NextLogOn::Keep)
            .map_err(|f| f.class);
        assert_eq!(result, Err(Class::Gone), "{at:?}");
    }
}
