//! The operator's file: what a pull request must never decide. Where servers are, how to log in,
//! how approval is told, and the outermost limits.
//!
//! Invariant: an [`Operator`] holds names of secrets and never a secret, so whatever prints it
//! cannot print one. Decision: no line of the file is ever shown, only places in it; somebody may
//! have written a password there by mistake, and a journal would keep it.
//! Invariant: neither the file nor anything it names lies in the access repository.
//! [`Operator::embedded`], for trying things out, keeps everything beside the manifests and holds
//! no secret.

mod address;
mod parse;
mod running;
pub mod secret;
mod settings;
mod trust;

pub use address::{Encryption, GitUrl, Server};
pub use running::{Running, Webhook};
pub use secret::{SecretError, SecretSource};

pub use crate::approval::Evidence;
use crate::connector::AttributeName;
use crate::connector::read_back::Export;
use crate::diagnostic::{Code, Diagnostic, Place};
use crate::dn::Dn;
use crate::forge::{self, ForgeKind, ForgeUrl, RepositoryPath};
use crate::ledger::Shared;
use crate::manifest::schema::schema_of;
use crate::name::ResourceName;
use crate::plan::DirectoryMode;
use crate::plan::limits::Outer;
use crate::source::LARGEST_FILE;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where the file is looked for.
pub const DEFAULT_FILE: &str = "/etc/countersign/operator.yaml";

/// The file that its JSON Schema stands in, below `schema/`.
pub const SCHEMA_FILE: &str = "operator.json";

/// Urgent terminations a day, where the file does not say (SEMANTICS 24).
const URGENT_PER_DAY: u32 = 5;

/// What the operator decided.
#[derive(Debug, Clone, PartialEq)]
pub struct Operator {
    /// The access repository that is followed; none: the folder as it is.
    pub repository: Option<AccessRepository>,
    /// What the approval of a commit rests on.
    pub evidence: Evidence,
    /// The forge whose record the approval rests on; there with [`Evidence::ForgeReviews`] only.
    pub forge: Option<ForgeReviews>,
    /// How mail is sent.
    pub mail: Mail,
    /// The file of the ledger.
    pub ledger: PathBuf,
    /// The branch that the same lines stand in; none: there is the file only.
    pub ledger_branch: Option<LedgerBranch>,
    /// The folder that encrypted first passwords are put into.
    pub hand_over: PathBuf,
    /// Urgent terminations a day.
    pub urgent_per_day: u32,
    /// How the loop goes on.
    pub running: Running,
    /// What the operator should know of the file: warnings, sorted by place.
    pub findings: Vec<Diagnostic>,
    directories: BTreeMap<ResourceName, Directory>,
    rosters: BTreeMap<ResourceName, PathBuf>,
    exports: BTreeMap<String, Export>,
    /// The folder that every resource has its files in, without an operator's file.
    embedded: Option<PathBuf>,
    recipient_domains: Option<BTreeSet<String>>,
    outer: Outer,
}

/// The access repository that is followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessRepository {
    /// Where it is.
    pub url: GitUrl,
    /// The branch.
    pub branch: String,
    /// The commit that is trusted without evidence, as 40 hex digits.
    pub bootstrap: Option<String>,
    /// How long git may take to fetch.
    pub timeout: Duration,
}

/// A forge whose record of reviews is the evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForgeReviews {
    /// Which software it is.
    pub kind: ForgeKind,
    /// Where it is.
    pub url: ForgeUrl,
    /// The access repository on it.
    pub repository: RepositoryPath,
    /// Accounts that turn filled forms into pull requests, beside those the forge calls bots.
    pub bots: BTreeSet<forge::Login>,
    /// The certificates (PEM) its own must be signed by; none: the system's.
    pub ca_file: Option<PathBuf>,
    /// Where the token comes from.
    pub token: SecretSource,
}

impl ForgeReviews {
    /// What the forge is opened with; the token is read now.
    ///
    /// # Errors
    /// When the token cannot be had.
    pub fn settings(&self) -> Result<forge::Settings, SecretError> {
        Ok(forge::Settings {
            kind: self.kind,
            url: self.url.clone(),
            repository: self.repository.clone(),
            bots: self.bots.clone(),
            ca_file: self.ca_file.clone(),
            token: self.token.read()?,
            patience: forge::Patience::default(),
        })
    }
}

/// The branch of the ledger, and the lease of whoever writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerBranch {
    /// The repository that has it.
    pub remote: GitUrl,
    /// Its name.
    pub branch: String,
    /// Where the key that signs it comes from.
    pub key: SecretSource,
    /// Public keys whose commits count as well.
    pub trusted: Vec<String>,
    /// How long a lease holds after the last push.
    pub term: Duration,
    /// How long one operation may take at most.
    pub longest: Duration,
    /// How long git may take.
    pub timeout: Duration,
}

impl LedgerBranch {
    /// What the ledger is shared with; the key is read now.
    ///
    /// # Errors
    /// When the key cannot be had.
    pub fn settings(&self) -> Result<Shared, SecretError> {
        let shared = Shared::new(self.remote.as_str(), self.key.read()?);
        Ok(Shared {
            branch: self.branch.clone(),
            trusted: self.trusted.clone(),
            // A push that hangs must not outlast the lease it renews.
            patience: self.timeout.min(self.term / 3),
            term: self.term,
            longest: self.longest,
            ..shared
        })
    }
}

/// A directory, and who writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directory {
    /// How it is reached.
    pub transport: DirectoryTransport,
    /// Who writes it.
    pub mode: DirectoryMode,
}

impl Directory {
    /// The DN everything is below; none where an LDIF file says it itself.
    pub fn base(&self) -> Option<&Dn> {
        match &self.transport {
            DirectoryTransport::Ldap(ldap) => Some(&ldap.base),
            DirectoryTransport::Ldif(ldif) => ldif.base.as_ref(),
        }
    }
}

/// How a directory is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DirectoryTransport {
    /// A domain controller.
    Ldap(Ldap),
    /// A file.
    Ldif(Ldif),
}

/// A domain controller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ldap {
    /// The server.
    pub server: Server,
    /// The DN everything is below.
    pub base: Dn,
    /// The certificates (PEM) its own must be signed by; none: the system's.
    pub ca_file: Option<PathBuf>,
    /// The name in its certificate; none: the host.
    pub server_name: Option<String>,
    /// Who Countersign is to it.
    pub bind: Bind,
}

/// Who Countersign is to a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bind {
    /// The DN of its account.
    pub dn: Dn,
    /// Where the account's password comes from.
    pub password: SecretSource,
}

/// A directory as an LDIF file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ldif {
    /// The file.
    pub file: PathBuf,
    /// The DN everything is below; none: the first entry's.
    pub base: Option<Dn>,
}

/// How mail is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// Who it comes from.
    pub from: String,
    /// How it leaves.
    pub transport: MailTransport,
}

/// How mail leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MailTransport {
    /// To a mail server.
    Smtp(Smtp),
    /// Into a folder.
    Outbox(PathBuf),
}

/// A mail server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Smtp {
    /// The server.
    pub server: Server,
    /// The certificates (PEM) its own must be signed by; none: the system's.
    pub ca_file: Option<PathBuf>,
    /// How to log in.
    pub login: Login,
    /// How long it may take to answer.
    pub timeout: Duration,
}

/// How to log in to a mail server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The name.
    pub username: String,
    /// Where the password comes from.
    pub password: SecretSource,
}

/// That there is no operator's file that can be used.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum OperatorError {
    #[error("cannot read {path}")]
    Io {
        path: String,
        #[source]
        source: io::Error,
    },
    #[error(
        "the operator's file {path} lies in the access repository {repository}, where a pull request could change whom credentials are sent to; keep it elsewhere, as in {DEFAULT_FILE}"
    )]
    Inside { path: String, repository: String },
    #[error(
        "anybody can change {path}, and with it whom credentials are sent to: `chmod o-w {path}`"
    )]
    Writable { path: String },
    #[error("the operator's file {path} is not valid: {} finding{}", .diagnostics.len(), if .diagnostics.len() == 1 { "" } else { "s" })]
    Invalid {
        path: String,
        /// What is wrong, sorted by place; the text itself is never shown.
        diagnostics: Vec<Diagnostic>,
    },
}

impl OperatorError {
    fn io(path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.display().to_string();
        move |source| Self::Io { path, source }
    }
}

impl Operator {
    /// Reads the operator's file for the access repository in a folder.
    ///
    /// Paths in it are relative to its own folder. No secret is read yet.
    ///
    /// # Errors
    /// [`OperatorError`] when it is not there, can be changed by a pull request or by anybody, or
    /// has a mistake; all its mistakes are in it then.
    pub fn load(path: &Path, repository: &Path) -> Result<Self, OperatorError> {
        let repository =
            trust::Repository::at(repository).map_err(OperatorError::io(repository))?;
        trust::check(path, &repository)?;
        let absolute = std::path::absolute(path).map_err(OperatorError::io(path))?;
        let folder = absolute.parent().unwrap_or(Path::new("/"));
        let mut bytes = Vec::new();
        File::open(path)
            .and_then(|file| file.take(LARGEST_FILE + 1).read_to_end(&mut bytes))
            .map_err(OperatorError::io(path))?;
        let parsed = match bytes.len() as u64 > LARGEST_FILE {
            true => {
                let place = Place::of_file(&path.display().to_string().into());
                let message = format!("the file has more than {LARGEST_FILE} bytes");
                Err(vec![Diagnostic::new(Code::FileTooLarge, place, message)])
            }
            false => parse::parse(path, folder, &bytes, &repository),
        };
        parsed.map_err(|diagnostics| OperatorError::Invalid {
            path: path.display().to_string(),
            diagnostics,
        })
    }

    /// What holds without an operator's file: everything is a file in the folder `state`, normally
    /// `.countersign` in the repository, and nothing is sent anywhere.
    ///
    /// Every resource that is asked for has a directory, `directory.ldif`, and a roster,
    /// `<resource>.csv`; mails go to `outbox`. Accounts are adopted by `employeeNumber`.
    pub fn embedded(state: &Path, repository: &Path) -> Self {
        let state = repository.join(state);
        Self {
            repository: None,
            evidence: Evidence::TrustBranch,
            forge: None,
            mail: Mail {
                from: "countersign@localhost".into(),
                transport: MailTransport::Outbox(state.join("outbox")),
            },
            ledger: state.join("ledger.jsonl"),
            ledger_branch: None,
            hand_over: state.join("hand-over"),
            urgent_per_day: URGENT_PER_DAY,
            running: Running::default(),
            findings: Vec::new(),
            directories: BTreeMap::new(),
            rosters: BTreeMap::new(),
            exports: BTreeMap::new(),
            recipient_domains: None,
            outer: Outer {
                adopt_by_anchor: Some(AttributeName::new("employeeNumber")),
                ..Outer::default()
            },
            embedded: Some(state),
        }
    }

    /// The folder that letters are kept in until they are known to have gone out: beside the ledger.
    pub fn letters(&self) -> PathBuf {
        let mut name = self.ledger.clone().into_os_string();
        name.push(".mail");
        name.into()
    }

    /// Whether it stands for a file that is not there.
    pub fn is_embedded(&self) -> bool {
        self.embedded.is_some()
    }

    /// How the directory of a resource is reached; none where the file has none for it.
    pub fn directory(&self, resource: &ResourceName) -> Option<Directory> {
        match &self.embedded {
            Some(state) => Some(Directory {
                transport: DirectoryTransport::Ldif(Ldif {
                    file: state.join("directory.ldif"),
                    base: None,
                }),
                mode: DirectoryMode::Direct,
            }),
            None => self.directories.get(resource).cloned(),
        }
    }

    /// The roster file of a resource; none where the file has none for it.
    pub fn roster(&self, resource: &ResourceName) -> Option<PathBuf> {
        match &self.embedded {
            Some(state) => Some(state.join(format!("{resource}.csv"))),
            None => self.rosters.get(resource).cloned(),
        }
    }

    /// The export of that key; none where the file has none.
    pub fn export(&self, key: &str) -> Option<&Export> {
        self.exports.get(key)
    }

    /// The outermost limits of a plan.
    pub fn outer(&self) -> &Outer {
        &self.outer
    }

    /// Whether mail may be sent to an address: its domain is listed, subdomains one by one. Without a
    /// mail server there need not be a list; everything may go into a folder then.
    pub fn may_mail(&self, address: &str) -> bool {
        match (&self.recipient_domains, address.rsplit_once('@')) {
            (None, _) => true,
            (Some(domains), Some((_, domain))) => domains.contains(&domain.to_lowercase()),
            (Some(_), None) => false,
        }
    }

    /// Where every secret comes from, in the order of the file's sections.
    pub fn secrets(&self) -> Vec<&SecretSource> {
        let binds = self
            .directories
            .values()
            .filter_map(|directory| match &directory.transport {
                DirectoryTransport::Ldap(ldap) => Some(&ldap.bind.password),
                DirectoryTransport::Ldif(_) => None,
            });
        let login = match &self.mail.transport {
            MailTransport::Smtp(smtp) => Some(&smtp.login.password),
            MailTransport::Outbox(_) => None,
        };
        let forge = self.forge.as_ref().map(|forge| &forge.token);
        forge.into_iter().chain(binds).chain(login).collect()
    }

    /// Which secrets cannot be had: for the start of a run, before its first write.
    pub fn missing_secrets(&self) -> Vec<SecretError> {
        self.secrets()
            .into_iter()
            .filter_map(|secret| secret.read().err())
            .collect()
    }
}

/// The JSON Schema of the operator's file (draft-07).
pub fn schema() -> serde_json::Value {
    schema_of::<settings::Settings>("Countersign operator's file")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Severity;
    use crate::manifest::config::Limit;
    use std::fs;

    const FULL: &str = r#"version: 1
repository: {url: "ssh://git@git.city.example/access.git", branch: live, bootstrap: "0000000000000000000000000000000000000000"}
evidence: {module: trust-branch}
signingKey: {credential: reconciler-ed25519}
outer:
  ous: ["OU=Departments,DC=city,DC=example", "OU=Leavers,DC=city,DC=example"]
  groups: ["APP-*", "ITS-*"]
  attributes: [givenName, sn, employeeNumber]
  recipientDomains: [City.example]
  guards: {disables: {count: 10, percent: 5}, removals: {count: 100, percent: 10}, urgentPerDay: 3}
  adoptByAnchor: employeeNumber
  protected: [Break.Glass]
directories:
  active-directory:
    url: ldap://dc1.city.example
    startTls: true
    baseDn: DC=city,DC=example
    caFile: ca.pem
    serverName: dc1.city.example
    mode: maintainer
    bind: {dn: "CN=countersign,OU=Services,DC=city,DC=example", password: {credential: ad-bind}}
  lab: {ldif: {file: lab.ldif}}
rosters:
  ureport: {path: /var/lib/countersign/ureport.csv}
mail: {url: "smtps://mail.city.example", from: access@city.example, password: {env: SMTP_PASSWORD}}
ledger: {file: ledger.jsonl}
readBack: {ureport-export: {path: /var/lib/countersign/in/ureport.csv, key: employeeNumber}}
"#;

    /// A machine with an access repository and the operator's folder beside it.
    struct Machine {
        _folder: tempfile::TempDir,
        access: PathBuf,
        etc: PathBuf,
    }

    fn machine() -> Machine {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let (access, etc) = (root.join("access"), root.join("etc"));
        fs::create_dir_all(access.join(".git")).unwrap();
        fs::create_dir_all(&etc).unwrap();
        Machine {
            _folder: folder,
            access,
            etc,
        }
    }

    impl Machine {
        fn load(&self, text: &str) -> Result<Operator, OperatorError> {
            let path = self.etc.join("operator.yaml");
            fs::write(&path, text).unwrap();
            Operator::load(&path, &self.access)
        }

        /// `line:column code message` of every mistake.
        fn mistakes(&self, text: &str) -> Vec<String> {
            match self.load(text).unwrap_err() {
                OperatorError::Invalid { diagnostics, .. } => {
                    diagnostics.iter().map(line).collect()
                }
                other => panic!("{other}"),
            }
        }
    }

    fn line(found: &Diagnostic) -> String {
        let Place { line, column, .. } = found.place;
        format!("{line}:{column} {} {}", found.code, found.message)
    }

    fn resource(name: &str) -> ResourceName {
        ResourceName::new(name).unwrap()
    }

    #[test]
    fn the_whole_file_is_read_with_paths_beside_it() {
        let machine = machine();
        let operator = machine.load(FULL).unwrap();
        let repository = operator.repository.as_ref().unwrap();
        assert_eq!(
            repository.url.as_str(),
            "ssh://git@git.city.example/access.git"
        );
        assert_eq!(repository.branch, "live");
        assert_eq!(
            repository.bootstrap.as_deref(),
            Some("0".repeat(40).as_str())
        );
        assert_eq!(operator.evidence.as_str(), "trust-branch");
        let directory = operator.directory(&resource("active-directory")).unwrap();
        assert_eq!(directory.mode, DirectoryMode::Maintainer);
        let DirectoryTransport::Ldap(ldap) = directory.transport else {
            panic!()
        };
        assert_eq!(
            (ldap.server.host.as_str(), ldap.server.port),
            ("dc1.city.example", 389)
        );
        assert_eq!(ldap.server.encryption, Encryption::StartTls);
        assert_eq!(ldap.base.to_string(), "DC=city,DC=example");
        assert_eq!(ldap.ca_file, Some(machine.etc.join("ca.pem")));
        assert_eq!(
            ldap.bind.password.to_string(),
            "the systemd credential ad-bind"
        );
        let lab = operator.directory(&resource("lab")).unwrap();
        let ldif = Ldif {
            file: machine.etc.join("lab.ldif"),
            base: None,
        };
        assert_eq!(lab.transport, DirectoryTransport::Ldif(ldif));
        assert_eq!(lab.mode, DirectoryMode::Direct);
        assert_eq!(operator.directory(&resource("other")), None);
        let roster = Path::new("/var/lib/countersign/ureport.csv");
        assert_eq!(
            operator.roster(&resource("ureport")).as_deref(),
            Some(roster)
        );
        assert_eq!(operator.roster(&resource("timetrack")), None);
        let MailTransport::Smtp(smtp) = &operator.mail.transport else {
            panic!()
        };
        assert_eq!(smtp.server.port, 465);
        assert_eq!(smtp.login.username, "access@city.example");
        assert_eq!(operator.ledger, machine.etc.join("ledger.jsonl"));
        assert_eq!(operator.urgent_per_day, 3);
        assert!(operator.may_mail("dana@CITY.example"));
        for stranger in ["dana@sub.city.example", "dana@city.example.evil", "dana"] {
            assert!(!operator.may_mail(stranger), "{stranger}");
        }
        let names: Vec<_> = operator.secrets().iter().map(ToString::to_string).collect();
        let expected = [
            "the systemd credential ad-bind",
            "the environment variable SMTP_PASSWORD",
        ];
        assert_eq!(names, expected);
        assert!(!operator.is_embedded());
    }

    #[test]
    fn the_outer_limits_are_the_plans() {
        let outer = machine().load(FULL).unwrap().outer().clone();
        let ous: Vec<_> = outer.ous.unwrap().iter().map(Dn::to_string).collect();
        assert_eq!(
            ous,
            [
                "OU=Departments,DC=city,DC=example",
                "OU=Leavers,DC=city,DC=example"
            ]
        );
        assert_eq!(outer.groups.unwrap(), ["APP-*", "ITS-*"]);
        assert!(outer.attributes.unwrap().contains(&"GIVENNAME".into()));
        assert_eq!(
            outer.guards.disables,
            Some(Limit {
                count: 10,
                percent: 5.0
            })
        );
        assert_eq!(outer.guards.creates, None);
        assert_eq!(outer.adopt_by_anchor, Some("employeeNumber".into()));
        assert_eq!(outer.protected, BTreeSet::from(["break.glass".to_owned()]));
    }

    #[test]
    fn what_this_version_does_not_do_is_said() {
        let machine = machine();
        let operator = machine.load(FULL).unwrap();
        assert!(
            operator
                .findings
                .iter()
                .all(|found| found.severity == Severity::Warning)
        );
        let said: Vec<_> = operator.findings.iter().map(line).collect();
        let expected = [
            "4:1 not-in-this-version `signingKey` is not used: the ledger is a file that shows when it was edited, and has no `branch` to sign",
        ];
        assert_eq!(said, expected);
        let signed = FULL.replace("trust-branch", "signed-merge");
        let operator = machine.load(&signed).unwrap();
        assert_eq!(operator.evidence.as_str(), "signed-merge");
        let bootstrap = operator.repository.unwrap().bootstrap.unwrap();
        let without = signed.replace(&format!(", bootstrap: \"{bootstrap}\""), "");
        assert_ne!(without, signed);
        let error = machine.mistakes(&without);
        assert_eq!(
            error.first().map(String::as_str),
            Some(
                "3:20 missing-field `signed-merge` begins with a commit that is trusted, and `repository.bootstrap` names none"
            )
        );
    }

    #[test]
    fn a_ledger_with_a_branch_is_signed_and_stands_where_the_repository_is() {
        let machine = machine();
        assert_eq!(machine.load(FULL).unwrap().ledger_branch, None);
        let with =
            |more: &str| FULL.replace("file: ledger.jsonl", &format!("file: l.jsonl, {more}"));
        let operator = machine.load(&with("branch: countersign/ledger")).unwrap();
        let branch = operator.ledger_branch.unwrap();
        assert_eq!(branch.remote, operator.repository.unwrap().url);
        assert_eq!(branch.branch, "countersign/ledger");
        assert_eq!((branch.term.as_secs(), branch.longest.as_secs()), (90, 60));
        let elsewhere = with(
            "remote: \"ssh://git@git.city.example/l.git\", lease: {term: 2m, longestOperation: 30s}",
        );
        let branch = machine.load(&elsewhere).unwrap().ledger_branch.unwrap();
        assert_eq!(branch.remote.as_str(), "ssh://git@git.city.example/l.git");
        assert_eq!((branch.term.as_secs(), branch.longest.as_secs()), (120, 30));
        let key = "signingKey: {credential: reconciler-ed25519}\n";
        for (text, mistake) in [
            (
                with("branch: countersign/ledger").replace(key, ""),
                "missing-field a ledger with a branch needs `signingKey`: every commit of it is signed",
            ),
            (
                with("branch: live"),
                "bad-value this is the branch that is followed, and nobody but the program may write the ledger's",
            ),
            (
                with("branch: l, trusted: [\"SHA256:abc\"]"),
                "bad-value this is not an SSH public key",
            ),
            (
                with("branch: l, lease: {term: 5s}"),
                "bad-value a lease is from 30 seconds to an hour long",
            ),
            (
                with("lease: {term: 90s}"),
                "unknown-field a ledger that is a file only has no use for `lease`",
            ),
        ] {
            let found = machine.mistakes(&text);
            assert!(found.iter().any(|f| f.ends_with(mistake)), "{found:?}");
        }
    }

    #[test]
    fn how_long_git_and_a_mail_server_may_take_is_the_operators_to_say() {
        let machine = machine();
        let timeouts = |text: &str| {
            let operator = machine.load(text).unwrap();
            let MailTransport::Smtp(smtp) = operator.mail.transport else {
                panic!()
            };
            let branch = operator.ledger_branch.unwrap();
            [
                operator.repository.unwrap().timeout,
                branch.timeout,
                smtp.timeout,
            ]
            .map(|t| t.as_secs())
        };
        let shared = FULL.replace("file: ledger.jsonl", "file: l.jsonl, branch: l");
        assert_eq!(timeouts(&shared), [60, 30, 30]);
        let said = shared
            .replace("branch: live,", "branch: live, timeout: 5m,")
            .replace("branch: l}", "branch: l, timeout: 7s}")
            .replace("from: access@", "timeout: 2m, from: access@");
        assert_eq!(timeouts(&said), [300, 7, 120]);
        let wrong = said.replace("timeout: 2m", "timeout: soon");
        assert_eq!(machine.mistakes(&wrong).len(), 1);
        let outbox = FULL.replace(
            "url: \"smtps://mail.city.example\"",
            "outbox: out, timeout: 5s",
        );
        let found = machine.mistakes(&outbox);
        let mistake = "unknown-field an outbox folder has no use for `timeout`";
        assert!(found.iter().any(|f| f.ends_with(mistake)), "{found:?}");
    }

    #[test]
    fn every_mistake_is_told_at_its_place_in_one_run() {
        let machine = machine();
        let text = r#"version: 2
repository: {url: "http://git.city.example/access.git", brunch: main}
evidence: {module: trust-branch}
outer:
  ous: ["Departments", "OU=X,DC=town,DC=example"]
  groups: ["APP-[*"]
  adoptByAnchor: SN
directories:
  ad:
    url: ldap://dc1.city.example
    baseDn: DC=city,DC=example
    bind: {dn: "CN=c,DC=city,DC=example", password: {env: "correct horse", file: x}}
  copy: {url: "ldaps://admin:hunter2@dc1.city.example", bind: {dn: "CN=c,DC=city,DC=example", password: {env: "hunter2 !"}}}
  lab: {ldif: {file: lab.ldif}, bind: {dn: "CN=c", password: {file: p}}, startTls: true}
rosters:
  lab: {path: ledger.jsonl}
mail: {url: "smtp://mail.city.example", from: access@city.example, outbox: out}
ledger: {file: ledger.jsonl}
"#;
        let expected = [
            "1:10 bad-value `version` cannot be 2",
            "2:19 plain-connection `http://` sends everything in the clear",
            "2:57 unknown-field `repository` has no field `brunch`",
            "5:9 bad-value this is not a distinguished name: no `=` after the attribute name at character 12",
            "6:12 bad-pattern unclosed character class; missing ']'",
            "7:18 bad-value `SN` names a person, and nobody is adopted by a name",
            "10:10 plain-connection `ldap://` sends everything in the clear",
            "12:53 exactly-one `password` needs exactly one of `env`, `file`, `credential`, and has 2",
            "13:3 missing-field `copy` needs `baseDn` beside `url`",
            "13:15 plain-connection a name or password stands in the address",
            "13:24 secret this looks like a secret",
            "13:111 bad-value this is not the name of an environment variable",
            "14:33 unknown-field an LDIF file has no use for `bind`",
            "14:74 unknown-field an LDIF file has no use for `startTls`",
            "16:3 duplicate-entry `lab` is a directory already",
            "17:7 exactly-one `mail` needs exactly one of `url`, `outbox`, and has 2",
            "18:16 duplicate-entry this file has another use in this file already",
        ];
        assert_eq!(machine.mistakes(text), expected);
    }

    #[test]
    fn connections_in_the_clear_are_refused_and_so_is_mail_to_anywhere() {
        let machine = machine();
        for (from, to, expected) in [
            (
                "    startTls: true\n",
                "",
                "15:10 plain-connection `ldap://` sends everything in the clear",
            ),
            (
                "smtps:",
                "smtp:",
                "27:13 plain-connection `smtp://` sends everything in the clear",
            ),
            (
                "smtps:",
                "http:",
                "27:13 bad-value `http://` is not taken here",
            ),
            (
                ", password: {env: SMTP_PASSWORD}",
                "",
                "28:1 missing-field `mail` needs `password` beside `url`",
            ),
            (
                "  recipientDomains: [City.example]\n",
                "",
                "5:1 missing-field `outer` needs `recipientDomains`: mail goes to a server",
            ),
            (
                "ca.pem",
                "../access/ca.pem",
                "18:13 bad-value this path leads into the access repository",
            ),
            (
                "/var/lib/countersign/ureport.csv}",
                "lab.ldif}",
                "27:18 duplicate-entry this file has another use in this file already",
            ),
            ("OU=Leavers,DC=city", "OU=Leavers,DC=town", ""),
        ] {
            let text = FULL.replace(from, to).replace(
                "  lab: {ldif: {file: lab.ldif}}",
                match expected {
                    "" => "",
                    _ => "  lab: {ldif: {file: lab.ldif}}",
                },
            );
            let found = machine.mistakes(&text);
            let expected = match expected {
                "" => "6:50 bad-value no directory here has a base above this OU",
                expected => expected,
            };
            let expected = expected.split_once(' ').unwrap().1;
            assert!(
                found.iter().any(|f| f.ends_with(expected)),
                "{expected}: {found:?}"
            );
        }
    }

    #[test]
    fn no_secret_is_ever_printed_even_where_it_stands_by_mistake() {
        let machine = machine();
        let secret = machine.etc.join("smtp");
        fs::write(&secret, "hunter2").unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
        }
        let operator = machine
            .load(&FULL.replace("{env: SMTP_PASSWORD}", "{file: smtp}"))
            .unwrap();
        assert!(operator.secrets()[1].read().is_ok());
        assert!(!format!("{operator:?}").contains("hunter2"));
        let missing: Vec<_> = operator
            .missing_secrets()
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(missing.len(), 1);
        assert!(missing[0].starts_with("no secret from the systemd credential ad-bind, which "));
        for (from, to) in [
            ("{env: SMTP_PASSWORD}", "hunter2"),
            ("{env: SMTP_PASSWORD}", "{env: \"hunter2!\"}"),
            ("{env: SMTP_PASSWORD}", "{credential: \"hunter2/x\"}"),
            ("{env: SMTP_PASSWORD}", "{password: hunter2}"),
            ("smtps://", "smtps://me:hunter2@"),
            ("ssh://git@", "ssh://git:hunter2@"),
            (
                "dn: \"CN=countersign",
                "password2: hunter2, dn: \"CN=countersign",
            ),
        ] {
            let error = machine.load(&FULL.replace(from, to)).unwrap_err();
            let OperatorError::Invalid { diagnostics, .. } = &error else {
                panic!("{error}")
            };
            assert!(!diagnostics.is_empty());
            assert!(
                !format!("{error} {error:?}").contains("hunter2"),
                "{to}: {diagnostics:?}"
            );
        }
    }

    #[test]
    fn a_forge_is_named_with_what_it_takes_to_ask_it() {
        let machine = machine();
        let with = |evidence: &str| FULL.replace("{module: trust-branch}", evidence);
        let text = with(
            "{module: forge-reviews, forge: forgejo, url: \"https://git.city.example/forge\", repository: city/access, caFile: forge.pem, formBots: [Form-Bot], token: {credential: forge-token}}",
        );
        let operator = machine.load(&text).unwrap();
        assert_eq!(operator.evidence.as_str(), "forge-reviews");
        let forge = operator.forge.as_ref().unwrap();
        assert_eq!(forge.kind, ForgeKind::Forgejo);
        assert_eq!(forge.url.to_string(), "https://git.city.example/forge");
        assert_eq!(forge.repository.as_str(), "city/access");
        assert_eq!(forge.bots, BTreeSet::from([forge::Login::new("form-bot")]));
        assert_eq!(forge.ca_file, Some(machine.etc.join("forge.pem")));
        let secrets: Vec<_> = operator.secrets().iter().map(ToString::to_string).collect();
        assert_eq!(secrets[0], "the systemd credential forge-token");
        let short = with(
            "{module: forge-reviews, forge: gitlab, repository: city/its/access, token: {env: GITLAB_TOKEN}}",
        );
        let forge = machine.load(&short).unwrap().forge.unwrap();
        assert_eq!(forge.url.to_string(), "https://gitlab.com");
        assert!(forge.settings().is_err());
    }

    #[test]
    fn what_a_forge_needs_and_has_no_use_for_is_said() {
        let machine = machine();
        let bootstrap = format!(", bootstrap: \"{}\"", "0".repeat(40));
        for (evidence, expected) in [
            (
                "{module: forge-reviews}",
                &[
                    "3:1 missing-field `evidence` needs `forge` with `forge-reviews`",
                    "3:1 missing-field `evidence` needs `repository` with `forge-reviews`",
                    "3:1 missing-field `evidence` needs `token` with `forge-reviews`",
                ][..],
            ),
            (
                "{module: forge-reviews, forge: forgejo}",
                &[
                    "3:1 missing-field `evidence` needs `repository` with `forge-reviews`",
                    "3:1 missing-field `evidence` needs `token` with `forge-reviews`",
                    "3:1 missing-field `evidence` needs `url` with `forge-reviews`",
                ],
            ),
            (
                "{module: forge-reviews, forge: github, repository: city/its/access, url: \"https://hunter2@x\", token: {file: ../access/token}}",
                &[
                    "3:62 bad-value this is not `owner/name`",
                    "3:84 plain-connection a name or password stands in the address",
                    "3:119 bad-value this path leads into the access repository",
                ],
            ),
            (
                "{module: forge-reviews, forge: github, repository: a/b, url: \"http://x\", token: {env: T}}",
                &["3:72 plain-connection only `https://` is encrypted"],
            ),
            (
                "{module: trust-branch, token: {env: T}}",
                &["3:34 unknown-field only `forge-reviews` has a use for `token`"],
            ),
        ] {
            let text = FULL.replace("{module: trust-branch}", evidence);
            let found = machine.mistakes(&text);
            for expected in expected {
                assert!(
                    found.contains(&(*expected).to_owned()),
                    "{expected}: {found:?}"
                );
            }
        }
        let text = FULL
            .replace(
                "{module: trust-branch}",
                "{module: forge-reviews, forge: github, repository: a/b, token: {env: T}}",
            )
            .replace(&bootstrap, "");
        assert_eq!(
            machine.mistakes(&text)[0],
            "3:20 missing-field `forge-reviews` begins with a commit that is trusted, and `repository.bootstrap` names none"
        );
    }

    #[test]
    fn a_text_that_is_no_operators_file_is_refused() {
        let machine = machine();
        assert_eq!(
            machine.mistakes(""),
            ["1:1 empty-file the operator's file is empty"]
        );
        let twice = machine.mistakes(&format!("{FULL}---\nversion: 1\n"));
        let second =
            "29:1 bad-value the operator's file has one YAML document, and this is another";
        assert!(twice.contains(&second.to_owned()), "{twice:?}");
        let typo = machine.mistakes(&FULL.replace("ledger:", "leger:"));
        assert!(typo.contains(&"1:1 missing-field the operator's file needs `ledger`".to_owned()));
        assert!(
            typo.contains(
                &"26:1 unknown-field the operator's file has no field `leger`".to_owned()
            )
        );
        let key = format!("{FULL}# ghp_0123456789abcdef0123\n");
        let found = machine.mistakes(&key);
        assert!(
            found.contains(&"28:3 secret this looks like a secret".to_owned()),
            "{found:?}"
        );
        let error = machine.load("version: [").unwrap_err();
        assert!(
            error.to_string().ends_with("is not valid: 1 finding"),
            "{error}"
        );
    }

    #[test]
    fn a_file_in_the_repository_is_refused_before_it_is_read() {
        let machine = machine();
        let path = machine.access.join("operator.yaml");
        fs::write(&path, FULL).unwrap();
        let error = Operator::load(&path, &machine.access).unwrap_err();
        assert!(matches!(error, OperatorError::Inside { .. }), "{error}");
        let missing = Operator::load(&machine.etc.join("no.yaml"), &machine.access).unwrap_err();
        assert!(matches!(missing, OperatorError::Io { .. }), "{missing}");
    }

    #[test]
    fn without_a_file_everything_is_in_one_folder() {
        let repository = Path::new("/srv/access");
        let operator = Operator::embedded(Path::new(".countersign"), repository);
        let state = repository.join(".countersign");
        let any = resource("any");
        let directory = operator.directory(&any).unwrap();
        let ldif = Ldif {
            file: state.join("directory.ldif"),
            base: None,
        };
        assert_eq!(directory.transport, DirectoryTransport::Ldif(ldif));
        assert_eq!(operator.roster(&any), Some(state.join("any.csv")));
        assert_eq!(
            operator.mail.transport,
            MailTransport::Outbox(state.join("outbox"))
        );
        assert_eq!(operator.ledger, state.join("ledger.jsonl"));
        assert_eq!(
            operator.outer().adopt_by_anchor,
            Some("employeeNumber".into())
        );
        assert!(operator.may_mail("dana@city.example") && operator.is_embedded());
        assert!(operator.secrets().is_empty());
        let elsewhere = Operator::embedded(Path::new("/tmp/state"), repository);
        assert_eq!(elsewhere.ledger, Path::new("/tmp/state/ledger.jsonl"));
    }

    #[test]
    fn the_schema_describes_every_field_and_is_closed() {
        fn walk(schema: &serde_json::Value, path: &str) {
            if let Some(properties) = schema.get("properties").and_then(|p| p.as_object()) {
                assert_eq!(schema["additionalProperties"], false, "{path} is open");
                for (name, field) in properties {
                    let path = format!("{path}.{name}");
                    assert!(
                        field.get("description").is_some(),
                        "{path} has no description"
                    );
                    assert!(!field.to_string().contains("\"null\""), "{path} takes null");
                    walk(field, &path);
                }
            }
            for part in ["items", "additionalProperties", "patternProperties"] {
                if let Some(part) = schema.get(part) {
                    walk(part, path);
                    part.as_object()
                        .into_iter()
                        .flatten()
                        .for_each(|(_, part)| walk(part, path));
                }
            }
        }
        let schema = schema();
        assert_eq!(schema["$schema"], "http://json-schema.org/draft-07/schema#");
        assert_eq!(schema["title"], "Countersign operator's file");
        walk(&schema, "operator");
        let text = FULL.replace("trust-branch", "signed-merge");
        assert!(machine().load(&text).is_ok());
    }
}
