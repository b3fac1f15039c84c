//! Approval, on real repositories with real signatures: what is approved, what is refused and what
//! the refusal says. Three administrators (ada, ben, cleo), a supervisor (sam), and whom requests are about (kim).

mod control;
mod cover;
mod disguised;
mod edits;
mod exported;
mod forges;
mod fuzz;
mod held;
pub mod hub;
mod keys;
mod machine;
mod people;
mod policies;
mod proposed;
mod reserved;
mod reviews;
mod shapes;

use crate::bed::{Access, Ran};
use countersign::approval::line::{Means, Verified, verify};
use countersign::approval::reviews::Reviews;
use countersign::reconcile::verified::{Linker, Memory};
use countersign::source::objects::Objects;
use jiff::Timestamp;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

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
  approval: {ordinary: 1, control: 2}
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
    - {name: employeeNumber, value: "{{ user.name }}"}
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
  maintainers: [{mail: maps@town.example}]
  levels: [{name: viewer}, {name: editor}]
  defaultLevel: viewer
"#;

/// Whose keys are made.
pub const PEOPLE: [&str; 5] = ["ada", "ben", "cleo", "sam", "eve"];

/// A town: its repository, and everybody's keys.
pub struct Town {
    pub access: Access,
    keys: tempfile::TempDir,
    /// The first commit: trusted.
    pub first: String,
}

/// How a commit is signed.
#[derive(Clone, Copy)]
pub enum By<'a> {
    /// With the SSH key of that name.
    Ssh(&'a str),
    /// With the OpenPGP key of that name.
    Pgp(&'a str),
    Nobody,
}

/// A user's manifest; `more` are further lines of its `spec`.
pub fn user(name: &str, keys: &[String], more: &str) -> String {
    let contact = match more.contains("contact:") {
        true => String::new(),
        false => format!("  contact: {{mail: {name}@town.example}}\n"),
    };
    let mut text = format!(
        "apiVersion: countersign/v1\nkind: User\nmetadata: {{name: {name}}}\nspec:\n  givenName: {name}\n  type: employee\n  organization: town\n{contact}{more}"
    );
    if !keys.is_empty() {
        text.push_str("  credentials:\n    signingKeys:\n");
        for key in keys {
            let lines: Vec<&str> = key.trim_end().lines().collect();
            match lines[..] {
                [line] => text.push_str(&format!("      - \"{line}\"\n")),
                _ => {
                    text.push_str("      - |\n");
                    lines
                        .iter()
                        .for_each(|l| text.push_str(&format!("        {l}\n")));
                }
            }
        }
    }
    text
}

pub const ADMINISTRATOR: &str = "  access:\n    - {resource: countersign, level: administrator}\n";

/// A request for access to maps.
pub fn request(by: &str, subject: &str, level: &str) -> String {
    format!(
        "apiVersion: countersign/v1\nkind: Request\nmetadata: {{name: maps-{subject}}}\nspec:\n  action: Change\n  requestedBy: {by}\n  subject: {subject}\n  effective: 2020-01-01\n  access: {{add: [{{resource: maps, level: {level}}}]}}\n"
    )
}

impl Town {
    pub fn new() -> Self {
        Self::with(|_, _| {})
    }

    /// A town whose first commit has more in it.
    pub fn with(more: impl FnOnce(&Access, &Town)) -> Self {
        let keys = tempfile::Builder::new().prefix("k").tempdir().unwrap();
        let town = Self {
            access: Access::empty(),
            keys,
            first: String::new(),
        };
        for name in PEOPLE {
            town.ssh(name);
        }
        let access = &town.access;
        access.write("countersign.yaml", CONFIG);
        access.write("resources.yaml", RESOURCES);
        access.write(
            "organizations/town.yaml",
            "apiVersion: countersign/v1\nkind: Organization\nmetadata: {name: town}\nspec:\n  type: employer\n  ou: [Departments]\n",
        );
        for name in ["ada", "ben", "cleo"] {
            let text = user(name, &[town.public(name)], ADMINISTRATOR);
            access.write(&format!("users/{name}.yaml"), &text);
        }
        let text = user("sam", &[town.public("sam")], "");
        access.write("users/sam.yaml", &text);
        access.write("users/kim.yaml", &user("kim", &[], ""));
        access.write("README.md", "The town\n");
        more(access, &town);
        access.run_embedded(&["validate", "--worktree"]).ends(0);
        let first = access.commit("Everybody");
        Self { first, ..town }
    }

    /// Makes an SSH key.
    pub fn ssh(&self, name: &str) {
        let made = Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-C", name, "-f"])
            .arg(self.key(name))
            .status()
            .unwrap();
        assert!(made.success());
    }

    fn key(&self, name: &str) -> PathBuf {
        self.keys.path().join(name)
    }

    /// Where a key's secret half lies.
    pub fn secret(&self, name: &str) -> String {
        self.key(name).display().to_string()
    }

    /// An SSH public key, as a manifest has it.
    pub fn public(&self, name: &str) -> String {
        let text = fs::read_to_string(self.key(&format!("{name}.pub"))).unwrap();
        text.trim().to_owned()
    }

    /// Signs a text as nobody's git would.
    pub fn sign_as(&self, name: &str, namespace: &str, text: &str) -> String {
        let file = self.key("text");
        let signature = self.key("text.sig");
        let _ = fs::remove_file(&signature);
        fs::write(&file, text).unwrap();
        let made = Command::new("ssh-keygen")
            .args(["-q", "-Y", "sign", "-n", namespace, "-f"])
            .arg(self.key(name))
            .arg(&file)
            .status()
            .unwrap();
        assert!(made.success());
        fs::read_to_string(signature).unwrap()
    }

    /// Writes an object as it stands and moves main to it.
    pub fn put(&self, kind: &str, text: &str) -> String {
        let file = self.key("object");
        fs::write(&file, text).unwrap();
        let arguments = ["hash-object", "-t", kind, "-w", file.to_str().unwrap()];
        let id = self.access.git(&arguments).trim().to_owned();
        self.access.git(&["reset", "--quiet", "--hard", &id]);
        id
    }

    /// Runs GnuPG on the keys of the town.
    pub fn gpg(&self, arguments: &[&str]) -> String {
        self.gpg_at("g", arguments)
    }

    fn gpg_at(&self, home: &str, arguments: &[&str]) -> String {
        let home = self.key(home);
        fs::create_dir_all(&home).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(&home, fs::Permissions::from_mode(0o700)).unwrap();
        }
        let out = Command::new("gpg")
            .arg("--homedir")
            .arg(&home)
            .args([
                "--batch",
                "--quiet",
                "--pinentry-mode",
                "loopback",
                "--passphrase",
                "",
            ])
            .args(arguments)
            .output()
            .unwrap();
        let error = String::from_utf8_lossy(&out.stderr);
        assert!(out.status.success(), "gpg {arguments:?}: {error}");
        String::from_utf8(out.stdout).unwrap()
    }

    /// Makes an OpenPGP key, and gives its public half as it is once it was revoked; the town's own
    /// copy is not.
    pub fn pgp_revoked(&self, name: &str) -> String {
        let key = self.pgp(name, "0");
        let file = self.key("public");
        fs::write(&file, key).unwrap();
        let revocations = fs::read_dir(self.key("g/openpgp-revocs.d")).unwrap();
        let revocation = revocations.last().unwrap().unwrap().path();
        let text = fs::read_to_string(&revocation).unwrap();
        fs::write(&revocation, text.replace(":-----BEGIN", "-----BEGIN")).unwrap();
        self.gpg_at("h", &["--import", file.to_str().unwrap()]);
        self.gpg_at("h", &["--import", revocation.to_str().unwrap()]);
        self.gpg_at(
            "h",
            &["--armor", "--export", &format!("{name}@town.example")],
        )
    }

    /// Makes an OpenPGP key that lasts so long (`0`: for ever), and gives its public half.
    pub fn pgp(&self, name: &str, lasts: &str) -> String {
        let address = format!("{name}@town.example");
        self.gpg(&["--quick-gen-key", &address, "ed25519", "sign", lasts]);
        self.gpg(&["--armor", "--export", &address])
    }

    /// Runs git, signing like this where the arguments ask for it.
    #[track_caller]
    pub fn git(&self, by: By<'_>, arguments: &[&str]) -> String {
        let mut all: Vec<String> = Vec::new();
        match by {
            By::Ssh(name) => all.extend([
                "-c".into(),
                "gpg.format=ssh".into(),
                "-c".into(),
                format!("user.signingkey={}", self.key(name).display()),
            ]),
            By::Pgp(name) => {
                let script = self.key("gpg.sh");
                let text = format!(
                    "#!/bin/sh\nexec gpg --homedir {} --batch --pinentry-mode loopback --passphrase '' \"$@\"\n",
                    self.key("g").display()
                );
                fs::write(&script, text).unwrap();
                #[cfg(unix)]
                {
                    use std::os::unix::fs::PermissionsExt;
                    fs::set_permissions(&script, fs::Permissions::from_mode(0o700)).unwrap();
                }
                all.extend([
                    "-c".into(),
                    format!("gpg.program={}", script.display()),
                    "-c".into(),
                    format!("user.signingkey={name}@town.example"),
                ]);
            }
            By::Nobody => {}
        }
        all.extend(arguments.iter().map(|a| (*a).to_owned()));
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        self.access.git(&all)
    }

    fn sign(by: By<'_>) -> &'static str {
        match by {
            By::Ssh(_) | By::Pgp(_) => "-S",
            By::Nobody => "--no-gpg-sign",
        }
    }

    /// Commits the folder; the commit.
    #[track_caller]
    pub fn commit(&self, by: By<'_>, message: &str) -> String {
        self.access.git(&["add", "--all"]);
        self.git(
            by,
            &[
                "commit",
                "--quiet",
                "--allow-empty",
                Self::sign(by),
                "-m",
                message,
            ],
        );
        self.head()
    }

    pub fn head(&self) -> String {
        self.access.git(&["rev-parse", "HEAD"]).trim().to_owned()
    }

    /// Goes to a branch, a new one from where the folder stands if there is none.
    pub fn branch(&self, name: &str) {
        let there = self.access.git(&["branch", "--list", name]);
        match there.trim().is_empty() {
            true => self.access.git(&["checkout", "--quiet", "-b", name]),
            false => self.access.git(&["checkout", "--quiet", name]),
        };
    }

    /// Merges a branch into main; the merge.
    #[track_caller]
    pub fn merge(&self, by: By<'_>, branch: &str) -> String {
        self.access.git(&["checkout", "--quiet", "main"]);
        let message = format!("Merge {branch}");
        self.git(
            by,
            &[
                "merge",
                "--quiet",
                "--no-ff",
                Self::sign(by),
                "-m",
                &message,
                branch,
            ],
        );
        self.head()
    }

    /// A branch from main with one commit that writes these files; its commit.
    #[track_caller]
    pub fn pull(&self, by: By<'_>, branch: &str, files: &[(&str, &str)]) -> String {
        self.access.git(&["checkout", "--quiet", "main"]);
        self.branch(branch);
        for (path, text) in files {
            self.access.write(path, text);
        }
        self.commit(by, branch)
    }

    /// Signs a tag that approves a commit, by the command.
    #[track_caller]
    pub fn approve(&self, by: By<'_>, user: &str, commit: &str) -> Ran {
        let config = match by {
            By::Ssh(name) => [
                ("gpg.format", "ssh".to_owned()),
                ("user.signingkey", self.key(name).display().to_string()),
            ],
            By::Pgp(_) | By::Nobody => [
                ("gpg.format", "ssh".to_owned()),
                ("user.signingkey", "/nonexistent".to_owned()),
            ],
        };
        for (key, value) in &config {
            self.access.git(&["config", key, value]);
        }
        let base = self.first.clone();
        let ran = self
            .access
            .run_embedded(&["approve", commit, "--as", user, "--base", &base]);
        for (key, _) in &config {
            self.access.git(&["config", "--unset", key]);
        }
        ran
    }

    /// Signs such a tag without the command, which would refuse where it does not count.
    #[track_caller]
    pub fn tag(&self, by: By<'_>, user: &str, commit: &str) {
        let name = format!("countersign/approve/{commit}/{user}");
        self.git(by, &["tag", "-s", "-m", "Approved", &name, commit]);
    }

    /// Checks from the first commit to main.
    #[track_caller]
    pub fn check(&self) -> Verdict {
        self.range(&format!("{}..main", self.first))
    }

    /// The line from the first commit to main, verified as of `now` by somebody who first saw its commits then.
    pub fn verified(
        &self,
        reviews: Option<&dyn Reviews>,
        now: Timestamp,
        seen: Option<Timestamp>,
    ) -> Verified {
        let objects = Objects::open(&self.access.repository()).unwrap();
        let linker = Linker::new(Memory::default(), now);
        let means = Means {
            objects: &objects,
            link: &linker,
            reviews,
            now,
            seen: &|_| seen,
        };
        verify(&means, &self.first, "the first", &self.head()).unwrap()
    }

    #[track_caller]
    pub fn range(&self, range: &str) -> Verdict {
        let json = self
            .access
            .run_embedded(&["approve-check", range, "--format", "json"]);
        let human = self.access.run_embedded(&["approve-check", range]);
        assert_eq!(json.code, human.code);
        Verdict { json, human }
    }
}

/// What `approve-check` said, in both forms.
pub struct Verdict {
    pub json: Ran,
    pub human: Ran,
}

impl Verdict {
    /// That everything is approved, and by whom the last commit is.
    #[track_caller]
    pub fn approved_by(&self, users: &[&str]) -> &Self {
        assert_eq!(self.human.code, 0, "{}\n{}", self.human.out, self.human.err);
        let last = self.last();
        let by: Vec<&str> = last["counted"]
            .as_array()
            .unwrap()
            .iter()
            .map(|a| a["user"].as_str().unwrap())
            .collect();
        assert_eq!(by, users, "{}", self.human.out);
        self
    }

    /// That it is refused, and that it says each of these.
    #[track_caller]
    pub fn refused(&self, words: &[&str]) -> &Self {
        assert_eq!(self.human.code, 1, "{}\n{}", self.human.out, self.human.err);
        let all = format!("{}{}", self.human.out, self.human.err);
        for word in words {
            assert!(all.contains(word), "{word:?} is not in\n{all}");
        }
        self
    }

    /// The verdict on the last commit that was judged.
    #[track_caller]
    pub fn last(&self) -> Value {
        let json = self.json.json();
        json["commits"].as_array().unwrap().last().unwrap().clone()
    }
}

/// The keys and values of an object.
pub fn map(value: &Value) -> BTreeMap<String, Value> {
    let object = value.as_object().unwrap();
    object.iter().map(|(k, v)| (k.clone(), v.clone())).collect()
}
