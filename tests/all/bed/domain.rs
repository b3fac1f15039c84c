//! A stopped domain to a running one of one's own, and OpenLDAP's tools to look at it and change it:
//! witnesses that share no code with the program.

use super::export::{Export, pair};
use super::{Servers, project};
use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A running domain controller; stopped and deleted when dropped.
pub struct Domain {
    folder: tempfile::TempDir,
    address: String,
}

/// An entry as `ldapsearch` printed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub dn: String,
    pub attributes: BTreeMap<String, Vec<Vec<u8>>>,
}

impl Entry {
    /// The values of an attribute as text, sorted.
    pub fn texts(&self, attribute: &str) -> Vec<String> {
        let values = self.attributes.get(attribute).into_iter().flatten();
        let mut texts: Vec<String> = values
            .map(|value| String::from_utf8_lossy(value).into_owned())
            .collect();
        texts.sort();
        texts
    }

    /// The one value of an attribute.
    pub fn text(&self, attribute: &str) -> Option<String> {
        let texts = self.texts(attribute);
        assert!(texts.len() < 2, "{attribute} of {}: {texts:?}", self.dn);
        texts.into_iter().next()
    }

    /// objectGUID as people write it.
    pub fn guid(&self) -> String {
        let bytes: [u8; 16] = self.attributes["objectGUID"][0]
            .as_slice()
            .try_into()
            .unwrap();
        uuid::Uuid::from_bytes_le(bytes).to_string()
    }
}

impl Domain {
    /// Starts a copy of the kept domain on a loopback address of its own.
    pub fn start(servers: &Servers) -> Self {
        // Samba's sockets are below it, and their names must be short.
        let folder = tempfile::Builder::new()
            .prefix("cs-dc.")
            .tempdir_in("/tmp")
            .unwrap();
        let at = folder.path().join("dc");
        script(&["clone".as_ref(), servers.domain.as_ref(), at.as_ref()]);
        script(&["start".as_ref(), at.as_ref()]);
        let address = fs::read_to_string(at.join("address")).unwrap();
        Self {
            folder,
            address: address.trim().to_owned(),
        }
    }

    /// The same with an example's directory in it.
    pub fn with(servers: &Servers, export: &Export) -> Self {
        let domain = Self::start(servers);
        domain.modify(&export.records(domain.base()));
        domain
    }

    pub fn base(&self) -> &'static str {
        "DC=example,DC=test"
    }

    pub fn bind_dn(&self) -> &'static str {
        "CN=Administrator,CN=Users,DC=example,DC=test"
    }

    /// The address it listens on: 389 with StartTLS, 636 with TLS.
    pub fn address(&self) -> &str {
        &self.address
    }

    pub fn ca_file(&self) -> PathBuf {
        self.folder.path().join("dc/tls/ca.pem")
    }

    pub fn password_file(&self) -> PathBuf {
        self.folder.path().join("dc/password")
    }

    /// Runs one of OpenLDAP's tools on it, as its administrator.
    pub fn tool(&self, tool: &str, arguments: &[&str]) -> Output {
        Command::new(tool)
            .env("LDAPTLS_CACERT", self.ca_file())
            .args(["-x", "-H", &format!("ldaps://{}", self.address)])
            .args(["-D", self.bind_dn(), "-y"])
            .arg(self.password_file())
            .args(arguments)
            .output()
            .unwrap()
    }

    /// Gives LDIF to `ldapmodify`.
    ///
    /// # Panics
    /// A record is refused.
    pub fn modify(&self, ldif: &str) {
        if let Err(error) = self.try_modify(ldif) {
            panic!("{error}");
        }
    }

    /// Gives LDIF to `ldapmodify`, which stops at the first record that is refused.
    pub fn try_modify(&self, ldif: &str) -> Result<(), String> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(ldif.as_bytes()).unwrap();
        let output = self.tool("ldapmodify", &["-f", file.path().to_str().unwrap()]);
        match output.status.success() {
            true => Ok(()),
            false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        }
    }

    /// What `ldapsearch` finds in the whole domain, sorted by DN.
    pub fn search(&self, filter: &str, attributes: &[&str]) -> Vec<Entry> {
        let mut entries: Vec<Entry> = records(&self.search_text(filter, attributes));
        entries.sort_by(|a, b| a.dn.cmp(&b.dn));
        entries
    }

    /// The one entry that `ldapsearch` finds, with all its attributes.
    pub fn one(&self, filter: &str) -> Entry {
        let mut found = self.search(filter, &["*"]);
        assert_eq!(found.len(), 1, "{filter}: {found:?}");
        found.remove(0)
    }

    /// The account with a login.
    pub fn account(&self, login: &str) -> Entry {
        self.one(&format!("(&(objectClass=user)(sAMAccountName={login}))"))
    }

    /// Logins of a group's members, sorted.
    pub fn members(&self, group: &str) -> Vec<String> {
        let group = self.one(&format!("(&(objectClass=group)(sAMAccountName={group}))"));
        let filter = format!("(memberOf={})", group.dn);
        let found = self.search(&filter, &["sAMAccountName"]);
        let mut logins: Vec<String> = found
            .iter()
            .filter_map(|entry| entry.text("sAMAccountName"))
            .collect();
        logins.sort();
        logins
    }

    /// Every entry of the domain with every attribute and its uSNChanged, but the administrator, who
    /// changes by logging in.
    pub fn dump(&self) -> Vec<Entry> {
        self.search("(!(sAMAccountName=Administrator))", &["*", "uSNChanged"])
    }

    fn search_text(&self, filter: &str, attributes: &[&str]) -> String {
        let mut arguments = vec!["-LLL", "-o", "ldif-wrap=no", "-E", "pr=1000/noprompt"];
        arguments.extend(["-b", self.base(), filter]);
        arguments.extend(attributes);
        let output = self.tool("ldapsearch", &arguments);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{filter}: {error}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Whether somebody can log in with a password.
    pub fn lets_in(&self, login: &str, password: &str) -> bool {
        self.log_on(login, password).status.success()
    }

    /// What the domain says to somebody who logs in with a password.
    pub fn log_on(&self, login: &str, password: &str) -> Output {
        Command::new("ldapsearch")
            .env("LDAPTLS_CACERT", self.ca_file())
            .args(["-x", "-LLL", "-H", &format!("ldaps://{}", self.address)])
            .args(["-D", &format!("{login}@example.test"), "-w", password])
            .args(["-s", "base", "-b", "", "namingContexts"])
            .output()
            .unwrap()
    }
}

impl Drop for Domain {
    fn drop(&mut self) {
        let at = self.folder.path().join("dc");
        let script = project("tests/testbed/domain");
        let _ = Command::new(script).arg("stop").arg(at).status();
    }
}

fn script(arguments: &[&Path]) {
    let script = project("tests/testbed/domain");
    let status = Command::new(script).args(arguments).status().unwrap();
    assert!(status.success(), "tests/testbed/domain {arguments:?}");
}

fn records(text: &str) -> Vec<Entry> {
    let mut entries = Vec::new();
    for record in text.split("\n\n") {
        let mut pairs = record
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .map(pair);
        let Some((first, dn)) = pairs.next() else {
            continue;
        };
        if first != "dn" {
            continue;
        }
        let mut attributes: BTreeMap<String, Vec<Vec<u8>>> = BTreeMap::new();
        for (name, value) in pairs {
            attributes.entry(name).or_default().push(value);
        }
        attributes.values_mut().for_each(|values| values.sort());
        let dn = String::from_utf8(dn).unwrap();
        entries.push(Entry { dn, attributes });
    }
    entries
}
