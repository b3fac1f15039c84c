//! A small town whose operator shares the ledger: ada administers, sam maintains the maps, lee the
//! time sheets, and kim is who work is asked for.

use super::bed::{Bed, git};
use crate::bed::{Access, Directory, Post, Ran};
use countersign::catalog::Catalog;
use countersign::ledger::{Ledger, Shared};
use countersign::manifest::parse::Known;
use countersign::source::Origin;
use serde_json::Value;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

const CONFIG: &str = r#"apiVersion: countersign/v1
kind: Config
metadata: {name: countersign}
spec:
  displayName: The town
  timeZone: Etc/UTC
  directory: active-directory
  naming:
    login: {candidates: ["{{ user.name }}"]}
    mail: "{{ account.login }}@town.example"
  managed: {ous: [[Departments]], groups: ["APP-*"]}
"#;

const RESOURCES: &str = r#"apiVersion: countersign/v1
kind: Resource
metadata: {name: active-directory}
spec:
  type: directory
  connector: active-directory
  eligible: [employee]
  levels: [{name: account}]
  defaultLevel: account
  fields:
    - {name: displayName, value: "{{ user.displayName }}"}
    - {name: employeeNumber, value: "{{ user.employeeNumber }}"}
---
apiVersion: countersign/v1
kind: Resource
metadata: {name: countersign}
spec:
  type: application
  connector: none
  levels: [{name: administrator, administers: true}]
---
apiVersion: countersign/v1
kind: Resource
metadata: {name: maps}
spec:
  type: application
  connector: manual
  maintainers: [{mail: maps@town.example, members: [sam]}]
  levels: [{name: viewer}]
  defaultLevel: viewer
---
apiVersion: countersign/v1
kind: Resource
metadata: {name: timesheets}
spec:
  type: application
  connector: manual
  maintainers: [{user: lee}]
  levels: [{name: viewer}]
  defaultLevel: viewer
---
apiVersion: countersign/v1
kind: Resource
metadata: {name: portal}
spec:
  type: application
  connector: manual
  maintainers: [{user: lee}]
  identities:
    types:
      - {name: member, displayName: Member, userTypes: [employee]}
      - {name: client, displayName: Client, userTypes: [employee]}
---
apiVersion: countersign/v1
kind: Identity
metadata: {name: kim.portal.member}
spec: {resource: portal, user: kim, type: member, default: true}
---
apiVersion: countersign/v1
kind: Identity
metadata: {name: kim.portal.client}
spec: {resource: portal, user: kim, type: client}
"#;

const LDIF: &str = "version: 1

dn: DC=town,DC=example
objectClass: top
objectClass: domain
objectClass: domainDNS
dc: town
objectGUID:: Ms5/gYaHJkOb14FkmJuS0A==

dn: OU=Departments,DC=town,DC=example
objectClass: top
objectClass: organizationalUnit
ou: Departments
objectGUID:: fF8MUvCSn0uo45vj8Ru0Jw==
";

pub struct Town {
    pub bed: Bed,
    pub access: Access,
}

fn user(name: &str, key: Option<&str>, access: &[&str]) -> String {
    let mut text = format!(
        "apiVersion: countersign/v1\nkind: User\nmetadata: {{name: {name}}}\nspec:\n  givenName: {name}\n  employeeNumber: \"{name}-1\"\n  type: employee\n  organization: town\n  contact: {{mail: {name}@town.example}}\n"
    );
    if !access.is_empty() {
        text.push_str("  access:\n");
    }
    for entry in access {
        text.push_str(&format!("    - {{{entry}}}\n"));
    }
    if let Some(key) = key {
        text.push_str(&format!(
            "  credentials:\n    signingKeys:\n      - \"{key}\"\n"
        ));
    }
    text
}

impl Town {
    pub fn new() -> Self {
        let bed = Bed::new();
        let access = Access::empty();
        access.write("countersign.yaml", CONFIG);
        access.commit("Configuration");
        access.write("resources.yaml", RESOURCES);
        access.write(
            "organizations/town.yaml",
            "apiVersion: countersign/v1\nkind: Organization\nmetadata: {name: town}\nspec:\n  type: employer\n  ou: [Departments]\n",
        );
        for (name, rights) in [
            ("ada", &["resource: countersign, level: administrator"][..]),
            ("sam", &[]),
            ("lee", &[]),
            (
                "kim",
                &[
                    "resource: active-directory",
                    "resource: maps",
                    "resource: timesheets",
                ],
            ),
        ] {
            let key = bed.key(name);
            access.write(
                &format!("users/{name}.yaml"),
                &user(name, Some(&key), rights),
            );
        }
        access.commit("Everybody");
        let access = access
            .with_ldif(LDIF)
            .operated_by_anchor(&Directory::Ldif, &Post::Outbox);
        let town = Self { bed, access };
        let text = fs::read_to_string(town.access.operator()).unwrap();
        let ledger = format!(
            "ledger: {{file: ledger.jsonl, remote: {}}}\nsigningKey: {{file: {}}}\n",
            town.bed.remote().display(),
            town.bed.path().join("reconciler").display()
        );
        let text = text.replace("ledger: {file: ledger.jsonl}\n", &ledger);
        fs::write(town.access.operator(), text).unwrap();
        town
    }

    /// The same, with everything applied.
    pub fn applied() -> Self {
        let town = Self::new();
        town.access.apply();
        town
    }

    /// As the operator's file says.
    pub fn shared(&self) -> Shared {
        let remote = self.bed.remote().display().to_string();
        Shared {
            every: Duration::ZERO,
            ..Shared::new(&remote, self.bed.secret("reconciler"))
        }
    }

    /// The operator's own ledger.
    pub fn ledger(&self) -> Ledger {
        Ledger::share(&self.access.ledger(), self.shared()).unwrap()
    }

    pub fn catalog(&self) -> Catalog {
        let origin = Origin::Revision {
            folder: self.access.repository(),
            revision: "HEAD".to_owned(),
        };
        let reading = countersign::reconcile::read(&origin, &mut Known::default());
        reading.unwrap().catalog
    }

    /// A user with a manifest, a key and rights.
    pub fn write_user(&self, name: &str, key: Option<&str>, access: &[&str]) {
        self.access
            .write(&format!("users/{name}.yaml"), &user(name, key, access));
        self.access.commit(name);
    }

    /// The id of the open task of a resource.
    pub fn task(&self, resource: &str) -> String {
        let tasks: Vec<Value> = self.access.tasks();
        let found = tasks.iter().find(|t| t["task"]["resource"] == resource);
        found.unwrap()["task"]["id"].as_str().unwrap().to_owned()
    }

    /// A clone of the access repository whose remote has the ledger, and where git signs as somebody.
    pub fn clone_of(&self, name: &str) -> PathBuf {
        let folder = self.bed.path().join(format!("clone-of-{name}"));
        let from = self.access.repository().display().to_string();
        git(
            self.bed.path(),
            &["clone", "--quiet", &from, &folder.display().to_string()],
        );
        let remote = self.bed.remote().display().to_string();
        let key = self.bed.path().join(name).display().to_string();
        for (key, value) in [
            ("remote.origin.url", remote.as_str()),
            ("user.name", name),
            ("user.email", &format!("{name}@town.example")),
            ("gpg.format", "ssh"),
            ("user.signingkey", &key),
        ] {
            git(&folder, &["config", key, value]);
        }
        folder
    }

    /// Runs the program in a clone, as somebody without an operator's file.
    pub fn in_clone(&self, folder: &PathBuf, arguments: &[&str]) -> Ran {
        let out = Command::new(env!("CARGO_BIN_EXE_countersign"))
            .env("HOME", self.bed.path())
            .env("NO_COLOR", "1")
            .env_remove("COUNTERSIGN_OPERATOR")
            .stdin(Stdio::null())
            .arg("-C")
            .arg(folder)
            .args(arguments)
            .output()
            .unwrap();
        Ran {
            arguments: arguments.join(" "),
            code: out.status.code().unwrap_or(-1),
            out: String::from_utf8(out.stdout).unwrap(),
            err: String::from_utf8(out.stderr).unwrap(),
        }
    }

    /// How many messages lie in the inbox.
    pub fn inbox(&self) -> usize {
        let refs = git(
            &self.bed.remote(),
            &["for-each-ref", "refs/heads/countersign/inbox/"],
        );
        refs.lines().count()
    }
}
