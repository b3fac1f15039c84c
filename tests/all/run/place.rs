//! A company whose people come and go, over the scripted Active Directory or a domain controller, and what
//! its directory has of them in the end.
#![cfg_attr(
    not(feature = "failpoints"),
    allow(dead_code, reason = "some of it only fail points need")
)]

use crate::bed::{Access, Directory, Domain, MailServer, Post, servers};
use crate::fake::Company;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// More than two pages of a domain controller hold.
const CROWD: usize = 2100;

/// A company with its access repository. Its guards let through whatever comes.
pub enum Place {
    Fake(Box<Company>),
    Domain(Box<Domain>, Box<Access>),
}

impl Place {
    /// Over the scripted Active Directory, everybody settled.
    pub fn fake() -> Self {
        let place = Self::Fake(Box::new(Company::settled()));
        place.roomy();
        place
    }

    /// The same, whose mails a server takes.
    pub fn mailed(server: &MailServer) -> Self {
        let place = Self::Fake(Box::new(Company::settled().posted(&Post::Tls(server))));
        place.roomy();
        place
    }

    /// The same, with so many others in the directory that reading it takes three pages.
    pub fn crowded() -> Self {
        let place = Self::fake();
        if let Self::Fake(company) = &place {
            company.ad.change(|ad| {
                for number in 0..CROWD {
                    let name = format!("other{number}");
                    ad.add_user(&format!("CN={name},CN=Users,DC=seko,DC=example"), &name);
                }
            });
        }
        place
    }

    /// Over a domain controller of its own, everybody settled; none where there is no test bed.
    pub fn domain() -> Option<Self> {
        let servers = servers("kills over a domain controller")?;
        let domain = Domain::with(&servers, &Access::export("white-glove"));
        let access = Access::example("white-glove");
        let access = access.operated_by_anchor(&Directory::Ldaps(&domain), &Post::Outbox);
        access.apply();
        let place = Self::Domain(Box::new(domain), Box::new(access));
        place.roomy();
        Some(place)
    }

    pub fn access(&self) -> &Access {
        match self {
            Self::Fake(company) => &company.access,
            Self::Domain(_, access) => access,
        }
    }

    fn roomy(&self) {
        for narrow in ["count: 5, percent: 10", "count: 1, percent: 10"] {
            self.access()
                .edit("countersign.yaml", narrow, "count: 9999");
        }
        // Years of work come in a day.
        let mail = "  mail:\n    subjectPrefix";
        self.access().edit(
            "countersign.yaml",
            mail,
            "  mail:\n    perDay: 1000\n    subjectPrefix",
        );
        self.access().commit("Wide guards");
    }

    /// Its ledger on a branch as well, in a repository beside it.
    pub fn shared(self) -> Self {
        let beside = |name: &str| self.beside(name);
        run("git", &["init", "--quiet", "--bare"], &beside("ledger.git"));
        let key = ["-q", "-t", "ed25519", "-N", "", "-C", "reconciler", "-f"];
        run("ssh-keygen", &key, &beside("key"));
        let shared = format!(
            "ledger: {{file: ledger.jsonl, remote: {}}}\nsigningKey: {{file: {}}}\n",
            beside("ledger.git").display(),
            beside("key").display()
        );
        self.operated("ledger: {file: ledger.jsonl}\n", &shared);
        self
    }

    /// A file beside the operator's.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.access().operator().with_file_name(name)
    }

    /// Replaces a text in the operator's file; it must be there.
    #[track_caller]
    pub fn operated(&self, old: &str, new: &str) {
        let path = self.access().operator();
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(old), "{old:?} is not in {text}");
        fs::write(path, text.replacen(old, new, 1)).unwrap();
    }

    /// Writes that came about in its directory so far.
    pub fn operations(&self) -> usize {
        match self {
            Self::Fake(company) => company.ad.writes().len(),
            // It keeps no list: what the record says of them.
            Self::Domain(..) => {
                let ledger = fs::read_to_string(self.access().ledger()).unwrap();
                ledger.matches("\"outcome\":\"applied\"").count()
            }
        }
    }
}

fn run(program: &str, arguments: &[&str], last: &Path) {
    let status = Command::new(program).args(arguments).arg(last).status();
    assert!(status.unwrap().success(), "{program} {arguments:?}");
}

/// Every task ever, by its id: what it is and how it stands.
pub fn tasks(access: &Access) -> BTreeMap<String, String> {
    let ran = access.run(&["task", "list", "--all", "--format", "json"]);
    let tasks = ran.json();
    let tasks = tasks.as_array().unwrap().iter();
    tasks
        .map(|task: &Value| {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let what = &task["task"];
            let said = format!(
                "{} {} {} {}",
                text(&what["user"]),
                text(&what["action"]),
                text(&what["resource"]),
                task["status"]
            );
            (text(&what["id"]), said)
        })
        .collect()
}

/// The accounts of a directory and who is in which group, without what no two directories have alike.
#[derive(Debug, PartialEq, Eq)]
pub struct Census {
    /// Each account, by its employee number.
    pub accounts: Vec<(String, String)>,
    pub memberships: Vec<String>,
}

impl Census {
    pub fn of(place: &Place) -> Self {
        let (mut accounts, mut memberships) = (Vec::new(), Vec::new());
        let mut seen = |dn: &str, read: &dyn Fn(&str) -> Vec<String>| {
            let one = |attribute: &str| read(attribute).into_iter().next();
            for member in read("member") {
                memberships.push(format!("{dn} has {member}"));
            }
            if let Some(number) = one("employeeNumber") {
                let control = one("userAccountControl").unwrap_or_default();
                let control: u64 = control.parse().unwrap_or_default();
                let login = one("sAMAccountName").unwrap_or_default();
                let is_disabled = control & 2 != 0;
                accounts.push((number, format!("{login} at {dn}, disabled: {is_disabled}")));
            }
        };
        match place {
            Place::Fake(company) => {
                for entry in company.ad.entries() {
                    seen(&entry.dn, &|attribute| entry.texts(attribute));
                }
            }
            Place::Domain(domain, _) => {
                for entry in domain.search("(|(employeeNumber=*)(member=*))", &["*"]) {
                    seen(&entry.dn, &|attribute| entry.texts(attribute));
                }
            }
        }
        accounts.sort();
        memberships.sort();
        Self {
            accounts,
            memberships,
        }
    }

    /// That every number stands on one account.
    #[track_caller]
    pub fn nobody_is_twice(&self) {
        let mut numbers: BTreeMap<&str, usize> = BTreeMap::new();
        for (number, _) in &self.accounts {
            *numbers.entry(number).or_default() += 1;
        }
        numbers.retain(|_, accounts| *accounts > 1);
        assert!(numbers.is_empty(), "accounts twice: {numbers:?}");
    }
}
