//! Random requests over a fixed cast: what the lives of a few people may be made of.

use proptest::prelude::*;
use std::fs;
use std::path::{Path, PathBuf};

/// One random request.
#[derive(Debug, Clone)]
pub struct Life {
    subject: usize,
    /// Quarters of a day after the beginning of 2027.
    from: i64,
    length: Option<i64>,
    what: What,
}

#[derive(Debug, Clone)]
enum What {
    Activate {
        set: Vec<usize>,
        profiles: Vec<usize>,
        access: Vec<usize>,
    },
    Change {
        set: Vec<usize>,
        profiles: Option<Profiles>,
        add: Vec<(usize, bool)>,
        remove: Vec<usize>,
        identities: Vec<usize>,
    },
    Suspend,
    Resume,
    Terminate {
        urgent: bool,
    },
}

#[derive(Debug, Clone)]
enum Profiles {
    Replace(Vec<usize>, bool),
    Add(Vec<usize>),
    Remove(Vec<usize>),
}

const SUBJECTS: [&str; 5] = [
    "kim.lee",
    "sue.park",
    "lucy.moss",
    "max.stone",
    "dana.reyes",
];
const PROFILES: [&str; 3] = ["planner", "surveyor", "clerk"];
const ACCESS: [&str; 5] = [
    "{resource: gis-data, level: viewer}",
    "{resource: gis-data, level: editor}",
    "{resource: timetrack}",
    "{resource: active-directory}",
    "{resource: wg}",
];
const REMOVED: [&str; 4] = [
    "{resource: gis-data}",
    "{resource: gis-data, level: viewer}",
    "{resource: timetrack}",
    "{resource: wg}",
];
const SET: [&str; 12] = [
    "title: Planner",
    "title: \"Head, \\\"acting\\\" <b>\"",
    "familyName: Okafor",
    "givenName: Zoë",
    "organization: streets",
    "organization: its",
    "supervisor: dana.reyes",
    "login: somebody",
    "ou: [Departments, \"Streets, Signs & Lights\"]",
    "ou: [Servers]",
    "attributes: {telephoneNumber: 812-349-0001}",
    "displayName: \"*)(cn=*\"",
];
const IDENTITIES: [&str; 8] = [
    "add: [{resource: wg, type: member, roles: [wg.reader]}]",
    "add: [{resource: wg, type: member, alias: Second, roles: [{role: wg.writer, until: \"2027-02-10\"}]}]",
    "add: [{resource: wg, type: member, scopes: {wg.client: [acme]}}]",
    "add: [{resource: wg, type: guest, alias: Third, until: \"2027-01-25\"}]",
    "remove: [{resource: wg, alias: Third}]",
    "remove: [{resource: wg}]",
    "remove: [{resource: wg, roles: [wg.reader]}]",
    "remove: [{resource: wg, alias: Second}]",
];

/// The manifests that requests are over.
pub fn cast() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/_base/manifests");
    let mut files = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path
                .strip_prefix(&root)
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned();
            files.push((name, fs::read_to_string(&path).unwrap()));
        }
    }
    files.push(("more.yaml".into(), MORE.into()));
    files.sort();
    files
}

/// The directory beside them.
pub fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/_base/directory.ldif")
}

const MORE: &str = r#"# Whom and what random requests are about.
apiVersion: countersign/v1
kind: User
metadata: {name: sue.park}
spec:
  givenName: Sue # as she likes it
  familyName: Park
  type: employee
  organization: its
  state: suspended
  # both of them
  profiles: [planner, clerk]
  access:
    - {resource: active-directory}   # her account
    - resource: timetrack
      until: "2027-01-20"
  without: [{resource: wg, role: wg.reader, reason: shares}]
---
apiVersion: countersign/v1
kind: User
metadata: {name: max.stone}
spec: {givenName: Max, familyName: Stone, type: employee, organization: streets, endDate: "2027-02-05", profiles: [surveyor]}
---
apiVersion: countersign/v1
kind: Profile
metadata: {name: planner}
spec:
  access: [{resource: active-directory}, {resource: gis-data, level: viewer}, {resource: timetrack}]
---
apiVersion: countersign/v1
kind: Profile
metadata: {name: surveyor}
spec: {access: [{resource: active-directory}, {resource: gis-data, level: editor}], attributes: {telephoneNumber: 812-349-9999}}
---
apiVersion: countersign/v1
kind: Profile
metadata: {name: clerk}
spec: {identities: [{resource: wg, type: member, roles: [wg.reader]}]}
---
apiVersion: countersign/v1
kind: Organization
metadata: {name: acme}
spec: {displayName: Acme, type: client, parent: city}
---
apiVersion: countersign/v1
kind: Resource
metadata: {name: wg}
spec:
  type: application
  maintainers: [{mail: wg@city.example}]
  identities: {types: [{name: member}, {name: guest}], default: [{type: guest}]}
---
apiVersion: countersign/v1
kind: Role
metadata: {name: wg.reader}
spec: {resource: wg, permissions: [read], groups: [APP-WG-READ]}
---
apiVersion: countersign/v1
kind: Role
metadata: {name: wg.writer}
spec: {resource: wg, permissions: [write], includes: [wg.reader]}
---
apiVersion: countersign/v1
kind: Scope
metadata: {name: wg.client}
spec: {resource: wg, valuesFrom: {organizationTypes: [client]}}
---
apiVersion: countersign/v1
kind: Identity
metadata: {name: kim.wg}
spec: {user: kim.lee, resource: wg, type: member, roles: [wg.reader], default: true} # the first
"#;

/// Up to so many random requests.
pub fn lives(most: usize) -> impl Strategy<Value = Vec<Life>> {
    prop::collection::vec(life(), 1..most)
}

fn life() -> impl Strategy<Value = Life> {
    (
        0..SUBJECTS.len(),
        0..240i64,
        prop::option::weighted(0.3, 1..120i64),
        what(),
    )
        .prop_map(|(subject, from, length, what)| Life {
            subject,
            from,
            length,
            what,
        })
}

fn what() -> impl Strategy<Value = What> {
    let some = |n: usize, most: usize| prop::collection::vec(0..n, 0..most);
    let profiles = prop_oneof![
        (some(3, 2), any::<bool>()).prop_map(|(p, keep)| Profiles::Replace(p, keep)),
        some(3, 2).prop_map(Profiles::Add),
        some(3, 2).prop_map(Profiles::Remove),
    ];
    let access = prop::collection::vec((0..ACCESS.len(), any::<bool>()), 0..3);
    prop_oneof![
        2 => (some(SET.len(), 2), some(3, 2), some(ACCESS.len(), 3))
            .prop_map(|(set, profiles, access)| What::Activate { set, profiles, access }),
        5 => (some(SET.len(), 3), prop::option::of(profiles), access, some(REMOVED.len(), 2), some(IDENTITIES.len(), 2))
            .prop_map(|(set, profiles, add, remove, identities)| What::Change { set, profiles, add, remove, identities }),
        1 => Just(What::Suspend),
        1 => Just(What::Resume),
        2 => any::<bool>().prop_map(|urgent| What::Terminate { urgent }),
    ]
}

/// A list's elements, each once and without two of one key (what stands before `:`).
fn distinct<'t>(indices: &[usize], texts: &[&'t str], key: char) -> Vec<&'t str> {
    let mut seen = Vec::new();
    let mut found = Vec::new();
    for index in indices {
        let text = texts[*index];
        let head = text.split(key).next().unwrap_or(text);
        if !seen.contains(&head) {
            seen.push(head);
            found.push(text);
        }
    }
    found
}

fn moment(quarters: i64) -> String {
    let day: jiff::civil::Date = "2027-01-04".parse().unwrap();
    let day = day
        .checked_add(jiff::Span::new().days(quarters / 4))
        .unwrap();
    format!("{day}T{:02}:00", (quarters % 4) * 6 + 1)
}

impl Life {
    /// The file, and its text.
    pub fn text(&self, number: usize) -> (String, String) {
        let subject = SUBJECTS[self.subject];
        let name = format!("r{number:02}-{subject}");
        let (action, mut rest) = self.what.text(subject);
        if let (Some(length), What::Activate { .. } | What::Change { .. } | What::Suspend) =
            (self.length, &self.what)
        {
            rest.push_str(&format!("  until: \"{}\"\n", moment(self.from + length)));
        }
        let text = format!(
            "apiVersion: countersign/v1\nkind: Request\nmetadata: {{name: {name}}}\nspec:\n  action: {action}\n  \
             requestedBy: dana.reyes\n  subject: {subject}\n  effective: \"{}\"\n{rest}",
            moment(self.from)
        );
        (format!("requests/{name}.yaml"), text)
    }
}

impl What {
    fn text(&self, subject: &str) -> (&'static str, String) {
        match self {
            Self::Suspend => ("Suspend", String::new()),
            Self::Resume => ("Resume", String::new()),
            Self::Terminate { urgent } => (
                "Terminate",
                format!("  urgent: {urgent}\n  reason: resigned\n"),
            ),
            Self::Activate {
                set,
                profiles,
                access,
            } => {
                let mut fields = distinct(set, &SET, ':');
                if !fields.iter().any(|f| f.starts_with("organization")) {
                    fields.push("organization: its");
                }
                fields.push("type: employee");
                if !fields.iter().any(|f| f.starts_with("givenName")) {
                    fields.push("givenName: Lucy");
                }
                if !fields.iter().any(|f| f.starts_with("familyName")) {
                    fields.push("familyName: Moss");
                }
                let profiles = distinct(profiles, &PROFILES, ':').join(", ");
                let access = distinct(access, &ACCESS, '\n').join(", ");
                let _ = subject;
                (
                    "Activate",
                    format!(
                        "  set: {{{}}}\n  profiles: {{add: [{profiles}]}}\n  access: {{add: [{access}]}}\n",
                        fields.join(", ")
                    ),
                )
            }
            Self::Change {
                set,
                profiles,
                add,
                remove,
                identities,
            } => {
                let mut text = String::new();
                let fields = distinct(set, &SET, ':');
                if !fields.is_empty() {
                    text.push_str(&format!("  set: {{{}}}\n", fields.join(", ")));
                }
                if let Some(profiles) = profiles {
                    let list = |p: &[usize]| distinct(p, &PROFILES, ':').join(", ");
                    let change = match profiles {
                        Profiles::Replace(p, true) => {
                            format!("replace: [{}], keepUntil: \"2027-02-20\"", list(p))
                        }
                        Profiles::Replace(p, false) => format!("replace: [{}]", list(p)),
                        Profiles::Add(p) => format!("add: [{}]", list(p)),
                        Profiles::Remove(p) => format!("remove: [{}]", list(p)),
                    };
                    text.push_str(&format!("  profiles: {{{change}}}\n"));
                }
                let indices: Vec<usize> = add.iter().map(|(i, _)| *i).collect();
                let added: Vec<String> = distinct(&indices, &ACCESS, '\n')
                    .into_iter()
                    .zip(add)
                    .map(|(entry, (_, ends))| match ends {
                        true => entry.replace('}', ", until: \"2027-02-15\"}"),
                        false => entry.to_owned(),
                    })
                    .collect();
                let removed = distinct(remove, &REMOVED, '\n').join(", ");
                if !added.is_empty() || !removed.is_empty() {
                    text.push_str(&format!(
                        "  access: {{add: [{}], remove: [{removed}]}}\n",
                        added.join(", ")
                    ));
                }
                let changes = distinct(identities, &IDENTITIES, ':');
                if !changes.is_empty() {
                    text.push_str(&format!("  identities: {{{}}}\n", changes.join(", ")));
                }
                ("Change", text)
            }
        }
    }
}
