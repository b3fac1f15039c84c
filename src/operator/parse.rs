//! The text of the operator's file → an [`Operator`], or every mistake in it at its place.
//!
//! The text goes through the reader of the manifests, against the published schema; what a
//! schema cannot say is checked here.

mod evidence;
mod ledger;
mod reader;
mod running;
mod servers;

use super::address::{self, GIT_HELP};
use super::settings::{self, KeyOf};
use super::trust::Repository;
use super::{AccessRepository, Directory, Operator, URGENT_PER_DAY, schema};
use crate::connector::AttributeName;
use crate::connector::read_back::{Export, UserKey};
use crate::diagnostic::{Code, Diagnostic, Place, Severity, any_error, sorted};
use crate::dn::Dn;
use crate::manifest::check::{check_as, clean};
use crate::manifest::config::Guards;
use crate::manifest::read::read;
use crate::manifest::schema::{Shape, compile};
use crate::manifest::text::{readable, secrets};
use crate::manifest::yaml::{Node, Step, Yaml, compose};
use crate::name::{FieldName, ResourceName};
use crate::plan::limits::{Outer, globs};
use jiff::SignedDuration;
use ledger::timeout;
use reader::{Reader, keys};
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// What messages call the file.
const WHAT: &str = "the operator's file";

/// How old an export may be, where the file does not say: the weekly ones are read, a forgotten one is not.
const MAX_AGE_HOURS: u32 = 7 * 24;

/// How long git may take to fetch the access repository, where the file does not say.
const FETCH: Duration = Duration::from_secs(60);

/// Where encrypted first passwords go, where the file does not say.
const HAND_OVER: &str = "/var/lib/countersign/hand-over";

/// Attributes that name a person: nobody is adopted by a name (SEMANTICS 8).
const NAMES: [&str; 9] = [
    "cn",
    "displayName",
    "distinguishedName",
    "givenName",
    "mail",
    "name",
    "sAMAccountName",
    "sn",
    "userPrincipalName",
];

/// Reads the text of a file at `path`, whose paths are relative to `folder`.
pub(super) fn parse(
    path: &Path,
    folder: &Path,
    bytes: &[u8],
    repository: &Repository,
) -> Result<Operator, Vec<Diagnostic>> {
    let file: Arc<str> = path.display().to_string().into();
    let mut found = Vec::new();
    let Some(root) = document(&file, bytes, &mut found) else {
        return Err(sorted(found));
    };
    check_as(&file, &root, shape(), WHAT, &mut found);
    let mut reader = Reader {
        file: &file,
        root: &root,
        folder,
        repository,
        written: BTreeMap::new(),
        found,
    };
    let operator = reader.operator();
    let findings = sorted(reader.found);
    match operator {
        Some(operator) if !any_error(&findings) => Ok(Operator {
            findings,
            ..operator
        }),
        _ => Err(findings),
    }
}

/// The rules of the schema.
fn shape() -> &'static Shape {
    static SHAPE: OnceLock<Shape> = OnceLock::new();
    SHAPE.get_or_init(|| compile(&schema()))
}

/// The only document of the file.
fn document(file: &Arc<str>, bytes: &[u8], found: &mut Vec<Diagnostic>) -> Option<Node> {
    let text = readable(file, bytes, found)?;
    let instead =
        "take it out and replace it where it is used; write `env`, `file` or `credential` instead";
    found.extend(
        secrets(file, text)
            .into_iter()
            .map(|diagnostic| diagnostic.help(instead)),
    );
    let mut documents = compose(file, text, found)
        .into_iter()
        .map(|document| document.root);
    let first = documents.next().filter(|root| root.value != Yaml::Null);
    if let Some(second) = documents.next() {
        let message = format!("{WHAT} has one YAML document, and this is another");
        found.push(Diagnostic::new(
            Code::BadValue,
            second.mark.in_file(file),
            message,
        ));
    }
    if first.is_none() && !any_error(found) {
        let message = format!("{WHAT} is empty");
        found.push(Diagnostic::new(
            Code::EmptyFile,
            Place::of_file(file),
            message,
        ));
    }
    first
}

impl Reader<'_> {
    fn operator(&mut self) -> Option<Operator> {
        let given: Option<settings::Evidence> = self.section("evidence");
        let evidence = given.as_ref().and_then(|given| self.evidence(given));
        let repository = self.section("repository");
        let repository = repository.and_then(|given| self.access_repository(&given));
        let directories = self.directories();
        let rosters = self.rosters();
        let exports = self.exports();
        let limits: Option<settings::Outer> = self.section("outer");
        let outer = limits.as_ref().map(|given| self.outer(given, &directories));
        let mail = self.section("mail").and_then(|given| self.mail(&given));
        let ledger: Option<settings::Ledger> = self.section("ledger");
        let ledger = ledger.and_then(|given| self.ledger(&given, repository.as_ref()));
        let hand_over = match self.section::<settings::HandOver>("handOver") {
            Some(given) => self.written(&given.folder, &keys(&["handOver", "folder"])),
            None => Some(Path::new(HAND_OVER).to_owned()),
        };
        let running = self.running();
        let limits = limits?;
        let (evidence, forge) = evidence?;
        let (ledger, ledger_branch) = ledger?;
        let lower = |domains: Vec<String>| domains.iter().map(|d| d.to_lowercase()).collect();
        Some(Operator {
            repository: Some(repository?),
            evidence,
            forge,
            mail: mail?,
            ledger,
            ledger_branch,
            hand_over: hand_over?,
            urgent_per_day: limits
                .guards
                .and_then(|g| g.urgent_per_day)
                .unwrap_or(URGENT_PER_DAY),
            running: running?,
            findings: Vec::new(),
            directories,
            rosters,
            exports,
            embedded: None,
            recipient_domains: limits.recipient_domains.map(lower),
            outer: outer?,
        })
    }

    /// What is well formed of a section, even where something else in it or beside it is not: so
    /// one run shows every mistake.
    fn section<T: DeserializeOwned>(&mut self, name: &str) -> Option<T> {
        let node = self.root.get(name)?;
        let Shape::Object { fields, .. } = shape() else {
            return None;
        };
        let (_, shape) = fields.iter().find(|(field, _)| field == name)?;
        match read(&clean(node, shape)?) {
            Ok(section) => Some(section),
            Err(error) => {
                let place = node.mark.in_file(self.file);
                self.say(Code::WrongType, place, error.to_string(), None);
                None
            }
        }
    }

    fn directories(&mut self) -> BTreeMap<ResourceName, Directory> {
        let given: BTreeMap<ResourceName, settings::Directory> =
            self.section("directories").unwrap_or_default();
        let each = given.iter();
        each.filter_map(|(name, given)| Some((name.clone(), self.directory(name, given)?)))
            .collect()
    }

    fn rosters(&mut self) -> BTreeMap<ResourceName, PathBuf> {
        let given: BTreeMap<ResourceName, settings::Roster> =
            self.section("rosters").unwrap_or_default();
        let mut rosters = BTreeMap::new();
        for (name, roster) in given {
            let route = ["rosters", name.as_str()];
            if self.given(&["directories", name.as_str()]) {
                let message = format!("`{name}` is a directory already");
                self.say(Code::DuplicateEntry, self.key(&route), message, None);
            }
            let path = self.written(&roster.path, &keys(&[route[0], route[1], "path"]));
            rosters.extend(path.map(|path| (name.clone(), path)));
        }
        rosters
    }

    fn exports(&mut self) -> BTreeMap<String, Export> {
        let given: BTreeMap<String, settings::ReadBack> =
            self.section("readBack").unwrap_or_default();
        let mut exports = BTreeMap::new();
        for (name, given) in given {
            let route = ["readBack", name.as_str()];
            let path = self.path(&given.path, &keys(&[route[0], route[1], "path"]));
            let of = match (given.of, given.key.to_lowercase().as_str()) {
                (Some(KeyOf::EmployeeNumber), _) | (None, "employeenumber") => {
                    Some(UserKey::EmployeeNumber)
                }
                (Some(KeyOf::Login), _) | (None, "login" | "samaccountname" | "uid") => {
                    Some(UserKey::Login)
                }
                (Some(KeyOf::Mail), _) | (None, "mail" | "email") => Some(UserKey::Mail),
                (Some(KeyOf::Name), _) | (None, "name") => Some(UserKey::Name),
                (None, _) => None,
            };
            if of.is_none() {
                let message = format!("it is not said what of a user `{}` holds", given.key);
                let help = "add `of: employeeNumber`, `login`, `mail` or `name`";
                let place = self.place(&keys(&[route[0], route[1], "key"]));
                self.say(Code::BadValue, place, message, Some(help));
            }
            if let (Some(path), Some(of)) = (path, of) {
                let max_age = given.max_age_hours.unwrap_or(MAX_AGE_HOURS);
                let export = Export {
                    path,
                    key: given.key,
                    of,
                    level: given.level,
                    max_age: SignedDuration::from_hours(max_age.into()),
                };
                exports.insert(name, export);
            }
        }
        exports
    }

    fn warn(&mut self, key: &str, why: &str) {
        let message = format!("`{key}` {why}");
        let mut diagnostic = Diagnostic::new(Code::NotInThisVersion, self.key(&[key]), message);
        diagnostic.severity = Severity::Warning;
        self.found.push(diagnostic);
    }

    fn access_repository(&mut self, given: &settings::Repository) -> Option<AccessRepository> {
        let url = match address::git(&given.url) {
            Ok(url) => url,
            Err(error) => {
                self.address(&error, &["repository", "url"], GIT_HELP);
                return None;
            }
        };
        let branch = given.branch.clone().unwrap_or_else(|| "main".into());
        Some(AccessRepository {
            url,
            branch,
            bootstrap: given.bootstrap.clone(),
            timeout: timeout(given.timeout.as_deref(), FETCH)?,
        })
    }

    fn outer(
        &mut self,
        given: &settings::Outer,
        directories: &BTreeMap<ResourceName, Directory>,
    ) -> Outer {
        // Only where every base is known can an OU be said to be outside all of them.
        let bases: Option<Vec<&Dn>> = match self.count("directories") == directories.len() {
            true => directories.values().map(Directory::base).collect(),
            false => None,
        };
        let mut ous = Vec::new();
        for (index, text) in given.ous.iter().flatten().enumerate() {
            let mut route = keys(&["outer", "ous"]);
            route.push(Step::Index(index));
            let Some(ou) = self.dn(text, &route) else {
                continue;
            };
            let reached = |bases: &Vec<&Dn>| bases.iter().any(|base| ou.is_within(base));
            if bases
                .as_ref()
                .is_some_and(|bases| !bases.is_empty() && !reached(bases))
            {
                let message = "no directory here has a base above this OU";
                self.say(
                    Code::BadValue,
                    self.place(&route),
                    message,
                    Some("nothing in it could be managed"),
                );
            }
            ous.push(ou);
        }
        for (index, pattern) in given.groups.iter().flatten().enumerate() {
            if let Err(error) = globs(std::slice::from_ref(pattern)) {
                let mut route = keys(&["outer", "groups"]);
                route.push(Step::Index(index));
                self.say(
                    Code::BadPattern,
                    self.place(&route),
                    error.kind().to_string(),
                    None,
                );
            }
        }
        let anchor = given.adopt_by_anchor.as_ref();
        if let Some(anchor) = anchor.filter(|anchor| {
            NAMES
                .iter()
                .any(|name| name.eq_ignore_ascii_case(anchor.as_str()))
        }) {
            let message = format!("`{anchor}` names a person, and nobody is adopted by a name");
            let help = "take an attribute that belongs to one person for ever, as `employeeNumber`";
            self.say(
                Code::BadValue,
                self.place(&keys(&["outer", "adoptByAnchor"])),
                message,
                Some(help),
            );
        }
        let attribute = |field: &FieldName| AttributeName::new(field.as_str());
        let guards = given.guards.map_or_else(Guards::default, |guards| Guards {
            creates: guards.creates,
            disables: guards.disables,
            removals: guards.removals,
        });
        Outer {
            ous: given.ous.as_ref().map(|_| ous),
            groups: given.groups.clone(),
            attributes: given
                .attributes
                .as_ref()
                .map(|a| a.iter().map(attribute).collect()),
            guards,
            protected: given
                .protected
                .iter()
                .map(|login| login.to_lowercase())
                .collect(),
            adopt_by_anchor: anchor.map(attribute),
            recipient_domains: given
                .recipient_domains
                .as_ref()
                .map(|domains| domains.iter().map(|d| d.to_lowercase()).collect()),
        }
    }
}
