//! The LDIF that maintainers are mailed, applied by `ldapmodify` to a real domain controller: it
//! produces the state, and refuses to produce it twice.
//!
//! The controller is told by `COUNTERSIGN_TEST_LDAP_*`; where it is not, this test has nothing to
//! meet, and fails if `COUNTERSIGN_TEST_BED` says that it should be there.

#![allow(clippy::unwrap_used)]

use countersign::connector::active_directory::ldif_text::{LdifRecord, LdifWriter, read};
use countersign::connector::{
    At, AttributeName, Attributes, Guid, Modification, ModificationKind, Value,
};
use countersign::desired::{Cause, Recipient};
use countersign::dn::{Dn, Rdn};
use countersign::name::ResourceName;
use countersign::notify::RunIdentity;
use countersign::notify::directory::{DirectoryWork, ldif};
use countersign::plan::{Action, Change, ChangeId, MemberChange, Write};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Output};

/// Names that an account can have and that LDIF must not trip over.
const NAMES: [&str; 9] = [
    "O'Brien, \"Bob\" <script>",
    "#1 + 2 = 3; \\ /",
    ": leading colon",
    "< leading less",
    " leading and trailing blank ",
    "\u{2019}; Remove-ADUser -Identity x #",
    "$(whoami) `n",
    "Zoë Łukasz 王小明 עברית",
    "😀😀😀😀😀😀😀😀😀😀😀😀",
];

/// A value that would be other lines, were it written as it is.
const LINES: &str = " a\n-\ndelete: member\n\ndn: CN=x\nchangetype: delete\n";

struct Controller {
    url: String,
    bind: String,
    base: Dn,
    ca: String,
    password: tempfile::NamedTempFile,
}

/// The domain controller of the test bed; none where there is no test bed.
fn controller() -> Option<Controller> {
    let variable = |name: &'static str| std::env::var(format!("COUNTERSIGN_TEST_{name}")).ok();
    let Some(url) = variable("LDAP_URL") else {
        assert!(
            variable("BED").is_none(),
            "the test bed has no domain controller"
        );
        eprintln!("skipped: no domain controller in COUNTERSIGN_TEST_LDAP_URL");
        return None;
    };
    let secret = std::fs::read_to_string(variable("LDAP_PASSWORD_FILE").unwrap()).unwrap();
    let mut password = tempfile::NamedTempFile::new().unwrap();
    password.write_all(secret.trim_end().as_bytes()).unwrap();
    Some(Controller {
        url,
        bind: variable("LDAP_BIND").unwrap(),
        base: Dn::parse(&variable("LDAP_BASE").unwrap()).unwrap(),
        ca: variable("LDAP_CA").unwrap(),
        password,
    })
}

impl Controller {
    fn run(&self, tool: &str, arguments: &[&str]) -> Output {
        Command::new(tool)
            .env("LDAPTLS_CACERT", &self.ca)
            .args(["-x", "-H", &self.url, "-D", &self.bind, "-y"])
            .arg(self.password.path())
            .args(arguments)
            .output()
            .unwrap()
    }

    /// Gives a file to `ldapmodify`, which stops at the first record that is refused.
    fn modify(&self, text: &str) -> Result<(), String> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        let output = self.run("ldapmodify", &["-f", file.path().to_str().unwrap()]);
        match output.status.success() {
            true => Ok(()),
            false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        }
    }

    /// Everything below a name, by name.
    fn entries(&self, below: &Dn) -> BTreeMap<Dn, Attributes> {
        let asked = [
            "member",
            "manager",
            "title",
            "description",
            "userAccountControl",
            "objectClass",
        ];
        let mut arguments = vec!["-LLL", "-b"];
        let below = below.to_string();
        arguments.extend([below.as_str(), "(objectClass=*)"]);
        arguments.extend(asked);
        let output = self.run("ldapsearch", &arguments);
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let records = read(&output.stdout).unwrap();
        records
            .into_iter()
            .map(|record| match record {
                LdifRecord::Content { dn, attributes } => (dn, attributes),
                other => panic!("{other:?}"),
            })
            .collect()
    }
}

fn guid(number: usize) -> Guid {
    Guid::parse(&format!("00000000-0000-4000-8000-{number:012x}")).unwrap()
}

fn attributes(pairs: &[(&'static str, &str)]) -> Attributes {
    let mut attributes = Attributes::new();
    for (name, value) in pairs {
        let values = attributes.or_insert_with(AttributeName::from(*name), Vec::new);
        values.push(Value::from(*value));
    }
    attributes
}

fn replace(name: &'static str, old: &str, new: &str) -> Vec<Modification> {
    let step = |operation, value: &str| Modification {
        operation,
        attribute: AttributeName::from(name),
        values: vec![Value::from(value)],
    };
    vec![
        step(ModificationKind::Delete, old),
        step(ModificationKind::Add, new),
    ]
}

/// Where one person's entries stand before and after.
struct Person {
    old: Dn,
    renamed: Rdn,
    parent: Dn,
    new: Dn,
    login: String,
}

impl Person {
    fn moved(&self) -> Dn {
        self.parent.child(self.renamed.clone())
    }
}

/// The changes of all actions: an old account is disabled, leaves a group, and is changed, renamed
/// and moved; a new one is made, gets the old one as its manager, joins the group, and waits.
fn changes(people: &[Person], group: &Dn) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut number = 0;
    let mut add = |action: Action, target: &str, write: Write| {
        number += 1;
        changes.push(Change {
            id: ChangeId(format!("c{number:03}")),
            action,
            user: None,
            resource: ResourceName::new("active-directory").unwrap(),
            target: target.to_owned(),
            what: String::new(),
            write,
            fields: Vec::new(),
            after: Vec::new(),
            causes: vec![Cause::new(target, "x.yaml", 1)],
        });
    };
    let actions = [
        Action::Disable,
        Action::ResetPassword,
        Action::Expire,
        Action::RemoveMember,
        Action::Create,
        Action::SetPassword,
        Action::Update,
        Action::Rename,
        Action::Move,
        Action::Link,
        Action::AddMember,
        Action::Enable,
    ];
    for action in actions {
        for (place, person) in people.iter().enumerate() {
            let Person {
                old,
                renamed,
                parent,
                new,
                login,
            } = person;
            let (at_old, at_new) = (At::Guid(guid(place)), At::Dn(new.clone()));
            let modify = |at: &At, dn: &Dn, modifications: Vec<Modification>| Write::Modify {
                at: at.clone(),
                dn: dn.clone(),
                modifications,
            };
            let member = |change, member: &At, member_dn: &Dn| Write::Member {
                group: guid(999),
                group_dn: group.clone(),
                change,
                member: member.clone(),
                member_dn: member_dn.clone(),
            };
            let rename = |parent: Dn| Write::Rename {
                guid: guid(place),
                dn: old.clone(),
                rdn: renamed.clone(),
                parent,
            };
            let write = match action {
                Action::Disable => {
                    modify(&at_old, old, replace("userAccountControl", "512", "514"))
                }
                Action::ResetPassword => Write::ResetPassword {
                    guid: guid(place),
                    expires: 134_459_604_000_000_000,
                },
                Action::Expire => modify(
                    &at_old,
                    old,
                    replace(
                        "accountExpires",
                        "9223372036854775807",
                        "134459604000000000",
                    ),
                ),
                Action::RemoveMember => member(MemberChange::Remove, &at_old, old),
                Action::Create => Write::Create {
                    dn: new.clone(),
                    attributes: attributes(&[
                        ("objectClass", "user"),
                        ("sAMAccountName", login),
                        ("userAccountControl", "514"),
                        ("description", LINES),
                        ("title", new.rdn().value()),
                    ]),
                },
                Action::SetPassword => Write::SetPassword {
                    at: at_new,
                    avoid: Vec::new(),
                    hand_over: None,
                },
                Action::Update => modify(&at_old, old, replace("description", LINES, ":: x")),
                Action::Rename => rename(old.parent().unwrap()),
                Action::Move => rename(parent.clone()),
                Action::Link => modify(
                    &at_new,
                    new,
                    vec![Modification {
                        operation: ModificationKind::Add,
                        attribute: AttributeName::from("manager"),
                        values: vec![Value::from(old.to_string())],
                    }],
                ),
                Action::AddMember => member(MemberChange::Add, &at_new, new),
                Action::Enable => modify(&at_new, new, replace("userAccountControl", "514", "512")),
                Action::Revoke | Action::Adopt | Action::Grant => continue,
            };
            add(action, old.rdn().value(), write);
        }
    }
    changes
}

#[test]
fn the_ldif_produces_the_state_on_a_domain_controller() {
    let Some(controller) = controller() else {
        return;
    };
    let unlike = std::process::id();
    let top = controller
        .base
        .child(Rdn::new("OU", &format!("notify-{unlike}")));
    let from = top.child(Rdn::new("OU", "City Hall, ITS"));
    let to = top.child(Rdn::new("OU", "Parks & Recreation #2"));
    let group = top.child(Rdn::new("CN", &format!("APP-{unlike}")));
    let people: Vec<Person> = NAMES
        .iter()
        .enumerate()
        .map(|(place, name)| Person {
            old: from.child(Rdn::new("CN", name)),
            renamed: Rdn::new("CN", &format!("{name} II")),
            parent: to.clone(),
            new: from.child(Rdn::new("CN", &format!("{name} new"))),
            login: format!("n{unlike}.{place}"),
        })
        .collect();

    let mut before = LdifWriter::new();
    for unit in [&top, &from, &to] {
        before.write_add(unit, &attributes(&[("objectClass", "organizationalUnit")]));
    }
    for (place, person) in people.iter().enumerate() {
        let login = format!("o{unlike}.{place}");
        before.write_add(
            &person.old,
            &attributes(&[
                ("objectClass", "user"),
                ("sAMAccountName", &login),
                ("userAccountControl", "512"),
                ("description", LINES),
            ]),
        );
    }
    let mut members = attributes(&[
        ("objectClass", "group"),
        ("sAMAccountName", &format!("APP-{unlike}")),
    ]);
    let old = people
        .iter()
        .map(|person| Value::from(person.old.to_string()))
        .collect();
    members.insert(AttributeName::from("member"), old);
    before.write_add(&group, &members);
    controller.modify(&before.into_text()).unwrap();

    let recipient = Recipient {
        mail: "dana@city.example".to_owned(),
        name: None,
    };
    let work = DirectoryWork::of("AD", &changes(&people, &group), &[recipient]).unwrap();
    let run = RunIdentity {
        intent: LINES.to_owned(),
        instant: "2027-02-01T05:00:00Z".parse().unwrap(),
        revision: None,
        sender_domain: "city.example".to_owned(),
    };
    let text = ldif::changes(&work, &run).unwrap();
    controller.modify(&text).unwrap();

    let after = controller.entries(&top);
    let values = |dn: &Dn, name: &'static str| {
        let entry = after.get(dn).unwrap_or_else(|| panic!("{dn} is not there"));
        entry
            .get(&AttributeName::from(name))
            .cloned()
            .unwrap_or_default()
    };
    let named = |values: Vec<Value>| {
        let names = values
            .iter()
            .map(|value| Dn::parse(value.text().unwrap()).unwrap());
        names.collect::<std::collections::BTreeSet<_>>()
    };
    for person in &people {
        let moved = person.moved();
        assert!(!after.contains_key(&person.old));
        assert_eq!(values(&moved, "userAccountControl"), ["514".into()]);
        assert_eq!(values(&moved, "description"), [":: x".into()]);
        assert_eq!(
            values(&person.new, "userAccountControl"),
            ["514".into()],
            "left disabled"
        );
        assert_eq!(values(&person.new, "description"), [LINES.into()]);
        assert_eq!(
            values(&person.new, "title"),
            [person.new.rdn().value().into()]
        );
        assert_eq!(named(values(&person.new, "manager")), [moved].into());
    }
    let joined = people.iter().map(|person| person.new.clone()).collect();
    assert_eq!(named(values(&group, "member")), joined);

    let refusal = controller.modify(&text).unwrap_err();
    assert!(refusal.contains("ldap_modify"), "{refusal}");
    assert_eq!(controller.entries(&top), after);
}
