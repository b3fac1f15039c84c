//! An example to an access repository in git with an operator's file beside it, and the program run
//! on them.

use super::{Delivered, Domain, Export, MailServer, letter, project};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where the directory is.
pub enum Directory<'a> {
    /// The domain controller, over LDAPS.
    Ldaps(&'a Domain),
    /// The domain controller, over LDAP and StartTLS.
    StartTls(&'a Domain),
    /// The domain controller, written by its maintainers.
    Maintained(&'a Domain),
    /// The example's export, as a file.
    Ldif,
    /// Any other: the lines of the operator's file, two blanks in.
    Lines(String),
}

/// Where mails go.
pub enum Post<'a> {
    /// The mail server, with TLS from the first byte.
    Tls(&'a MailServer),
    /// The mail server, with STARTTLS.
    StartTls(&'a MailServer),
    /// A folder.
    Outbox,
}

/// An access repository, and all that an operator has beside it.
pub struct Access {
    folder: tempfile::TempDir,
    /// Who its mails come from: no other test has the same.
    sender: String,
    log: Option<PathBuf>,
}

/// How the program ended.
#[derive(Debug)]
pub struct Ran {
    pub arguments: String,
    /// -1 where a signal ended it.
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ran {
    /// That it ended like this; shows what it said otherwise.
    #[track_caller]
    pub fn ends(self, code: i32) -> Self {
        assert_eq!(
            self.code, code,
            "countersign {}\n{}\n{}",
            self.arguments, self.out, self.err
        );
        self
    }

    /// Its result as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        json(&self.out)
    }
}

/// Text to JSON.
#[track_caller]
pub fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error} in {text}"))
}

impl Access {
    /// A repository without a file, operator or commit.
    pub fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["access", "etc", "outbox"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        let unlike = folder.path().file_name().unwrap().to_string_lossy();
        let unlike: String = unlike.chars().filter(char::is_ascii_alphanumeric).collect();
        let access = Self {
            sender: format!("access-{}@city.example", unlike.to_lowercase()),
            folder,
            log: None,
        };
        access.git(&["init", "--quiet", "--initial-branch=main"]);
        access.git(&["config", "user.name", "Dana Reyes"]);
        access.git(&["config", "user.email", "dana.reyes@city.example"]);
        access.git(&["config", "commit.gpgsign", "false"]);
        access
    }

    /// An example. Its first commit is the configuration and nothing else, so that manual work is asked
    /// for and not assumed; the second one is everything. Days of 2027 are put off to 2099: nobody's
    /// time is to come while these tests are kept.
    pub fn example(name: &str) -> Self {
        let access = Self::empty();
        let from = project("examples").join(name);
        let file = "countersign.yaml";
        access.write(file, &fs::read_to_string(from.join(file)).unwrap());
        access.commit("Configuration");
        copy(&from, &from, &access);
        access.commit("Everybody");
        access
    }

    /// The example's directory export.
    pub fn export(name: &str) -> Export {
        Export::read(&Self::export_text(name))
    }

    pub fn export_text(name: &str) -> String {
        fs::read_to_string(project("examples").join(name).join("directory.ldif")).unwrap()
    }

    /// Puts the example's export beside it, for [`Directory::Ldif`].
    pub fn with_ldif(self, text: &str) -> Self {
        fs::write(self.ldif(), text).unwrap();
        self
    }

    /// Writes the operator's file; `outer` are more lines of that section, two blanks in.
    pub fn operated(mut self, directory: &Directory<'_>, post: &Post<'_>, outer: &str) -> Self {
        let directory = match directory {
            Directory::Ldaps(domain) => ldap(domain, &format!("url: ldaps://{}", domain.address())),
            Directory::Maintained(domain) => {
                let url = format!("url: ldaps://{}\n    mode: maintainer", domain.address());
                ldap(domain, &url)
            }
            Directory::StartTls(domain) => ldap(
                domain,
                &format!("url: ldap://{}\n    startTls: true", domain.address()),
            ),
            Directory::Ldif => format!("    ldif: {{file: {}}}\n", self.ldif().display()),
            Directory::Lines(lines) => lines.clone(),
        };
        let mail = match post {
            Post::Tls(server) => {
                self.log = Some(server.log.clone());
                smtp(server, &format!("url: smtps://{}", server.tls))
            }
            Post::StartTls(server) => {
                self.log = Some(server.log.clone());
                let url = format!("url: smtp://{}\n  startTls: true", server.start_tls);
                smtp(server, &url)
            }
            Post::Outbox => "  outbox: outbox\n".to_owned(),
        };
        let domains: Vec<String> = self.domains().into_iter().collect();
        let text = format!(
            "version: 1\n\
             repository: {{url: {}}}\n\
             evidence: {{module: trust-branch}}\n\
             outer:\n  recipientDomains: [{}]\n{outer}\
             directories:\n  active-directory:\n{directory}\
             mail:\n  from: {}\n{mail}\
             ledger: {{file: ledger.jsonl}}\n\
             handOver: {{folder: hand-over}}\n",
            self.repository().display(),
            domains.join(", "),
            self.sender,
        );
        let text = text.replace(
            "outbox: outbox",
            &format!("outbox: {}", self.outbox().display()),
        );
        fs::write(self.operator(), text).unwrap();
        self
    }

    /// The usual: accounts are adopted by employee number.
    pub fn operated_by_anchor(self, directory: &Directory<'_>, post: &Post<'_>) -> Self {
        self.operated(directory, post, "  adoptByAnchor: employeeNumber\n")
    }

    pub fn repository(&self) -> PathBuf {
        self.folder.path().join("access")
    }

    pub fn operator(&self) -> PathBuf {
        self.folder.path().join("etc/operator.yaml")
    }

    pub fn ledger(&self) -> PathBuf {
        self.folder.path().join("etc/ledger.jsonl")
    }

    /// The folder that encrypted first passwords are put into.
    pub fn hand_over(&self) -> PathBuf {
        self.folder.path().join("etc/hand-over")
    }

    pub fn ldif(&self) -> PathBuf {
        self.folder.path().join("etc/directory.ldif")
    }

    pub fn outbox(&self) -> PathBuf {
        self.folder.path().join("outbox")
    }

    /// Every domain that an address in the repository has.
    fn domains(&self) -> BTreeSet<String> {
        let mut domains = BTreeSet::from(["city.example".to_owned()]);
        for path in files(&self.repository()) {
            let text = fs::read_to_string(path).unwrap();
            for rest in text.split('@').skip(1) {
                let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && !".-".contains(c));
                let domain = rest[..end.unwrap_or(rest.len())].trim_end_matches('.');
                if domain.contains('.') {
                    domains.insert(domain.to_owned());
                }
            }
        }
        domains
    }

    /// Writes a file of the repository.
    pub fn write(&self, path: &str, text: &str) {
        let path = self.repository().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Replaces a text in a file of the repository; it must be there.
    #[track_caller]
    pub fn edit(&self, path: &str, old: &str, new: &str) {
        let text = fs::read_to_string(self.repository().join(path)).unwrap();
        assert!(text.contains(old), "{old:?} is not in {path}");
        self.write(path, &text.replace(old, new));
    }

    /// Commits everything; the commit's name.
    pub fn commit(&self, message: &str) -> String {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message", message]);
        self.git(&["rev-parse", "HEAD"]).trim().to_owned()
    }

    /// Runs git in the repository.
    #[track_caller]
    pub fn git(&self, arguments: &[&str]) -> String {
        let output = Command::new("git")
            .current_dir(self.repository())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_SYSTEM", "/dev/null")
            .args(arguments)
            .output()
            .unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "git {arguments:?}: {error}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs the program on the repository.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        self.run_within(&[], arguments)
    }

    /// Runs the program on the repository, with these variables set.
    pub fn run_within(&self, variables: &[(&str, &str)], arguments: &[&str]) -> Ran {
        let operator = self.operator();
        self.run_as(Some(&operator), variables, arguments)
    }

    /// Runs the program without an operator's file.
    pub fn run_embedded(&self, arguments: &[&str]) -> Ran {
        self.run_as(None, &[], arguments)
    }

    /// Runs the program on the repository, with the operator's file if there is one.
    fn run_as(
        &self,
        operator: Option<&Path>,
        variables: &[(&str, &str)],
        arguments: &[&str],
    ) -> Ran {
        let named = operator.map(|file| ["--operator".as_ref(), file.as_os_str()]);
        let output = Command::new(env!("CARGO_BIN_EXE_countersign"))
            .env("HOME", self.folder.path())
            .env("NO_COLOR", "1")
            .env("NO_PROXY", "127.0.0.1")
            .env_remove("COUNTERSIGN_OPERATOR")
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .arg("-C")
            .arg(self.repository())
            .args(named.into_iter().flatten())
            .args(arguments)
            .output()
            .unwrap();
        Ran {
            arguments: arguments.join(" "),
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The plan of now.
    #[track_caller]
    pub fn plan(&self) -> Value {
        self.run(&["plan", "--format", "json"]).ends(0).json()
    }

    /// Applies the plan of now; everything must come about.
    #[track_caller]
    pub fn apply(&self) -> Ran {
        self.run(&["apply"]).ends(0)
    }

    /// Open tasks.
    #[track_caller]
    pub fn tasks(&self) -> Vec<Value> {
        let ran = self.run(&["task", "list", "--format", "json"]).ends(0);
        ran.json().as_array().unwrap().clone()
    }

    /// Says that every open task is done; how many there were.
    #[track_caller]
    pub fn all_tasks_done(&self) -> usize {
        let tasks = self.tasks();
        let ids: Vec<&str> = tasks
            .iter()
            .map(|t| t["task"]["id"].as_str().unwrap())
            .collect();
        if !ids.is_empty() {
            let mut arguments = vec!["task", "done", "--by", "maintainer@city.example"];
            arguments.extend(&ids);
            self.run(&arguments).ends(0);
        }
        ids.len()
    }

    /// Every mail so far. Those of one second come in no order: what matters is whom they are to.
    pub fn mails(&self) -> Vec<Delivered> {
        Delivered::read(&self.letters())
    }

    /// The mails that are there after something was done, and were not before.
    pub fn mails_of(&self, what: impl FnOnce(&Self)) -> Vec<Delivered> {
        let mut before = self.letters().into_iter().collect();
        what(self);
        self.mails_beside(&mut before)
    }

    /// The mails that are not among these letters, which they are from now on.
    pub fn mails_beside(&self, known: &mut BTreeSet<PathBuf>) -> Vec<Delivered> {
        let mut new = self.letters();
        new.retain(|letter| known.insert(letter.clone()));
        match new[..] {
            [] => Vec::new(),
            _ => Delivered::read(&new),
        }
    }

    fn letters(&self) -> Vec<PathBuf> {
        match &self.log {
            Some(log) => letter::kept(log, &self.sender),
            None => {
                let mut files = files(&self.outbox());
                // What was killed while it wrote one leaves a part of it, under a name that is no letter's.
                files.retain(|file| file.extension().is_some_and(|end| end == "eml"));
                files.sort();
                files
            }
        }
    }

    /// DNs of the directory's file.
    pub fn export_names(&self) -> Vec<String> {
        let export = Export::read(&fs::read_to_string(self.ldif()).unwrap());
        export.entries.into_iter().map(|(dn, _)| dn).collect()
    }

    /// Everything that a run may change beside the directory: the ledger's bytes and the number of mails.
    pub fn traces(&self) -> (Vec<u8>, usize) {
        (
            fs::read(self.ledger()).unwrap_or_default(),
            self.letters().len(),
        )
    }
}

fn ldap(domain: &Domain, url: &str) -> String {
    format!(
        "    {url}\n    baseDn: {}\n    caFile: {}\n    bind: {{dn: \"{}\", password: {{file: {}}}}}\n",
        domain.base(),
        domain.ca_file().display(),
        domain.bind_dn(),
        domain.password_file().display(),
    )
}

fn smtp(server: &MailServer, url: &str) -> String {
    format!(
        "  {url}\n  username: {}\n  password: {{file: {}}}\n  caFile: {}\n",
        server.user,
        server.password_file.display(),
        server.ca_file.display(),
    )
}

/// Every file of a folder but git's own.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true if path.ends_with(".git") => {}
            true => found.extend(files(&path)),
            false => found.push(path),
        }
    }
    found
}

fn copy(root: &Path, folder: &Path, access: &Access) {
    for path in files(folder) {
        if path.extension().is_some_and(|e| e == "yaml") {
            let text = fs::read_to_string(&path).unwrap().replace("2027-", "2099-");
            let name = path.strip_prefix(root).unwrap().to_str().unwrap();
            access.write(name, &text);
        }
    }
}
