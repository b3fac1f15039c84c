//! Where a setting stands, and whether a text there is a path, a DN, the name of a secret.

use super::super::address::AddressError;
use super::super::secret::{Asked, SecretName, SecretSource};
use super::super::settings::SecretReference;
use super::super::trust::Repository;
use crate::diagnostic::{Code, Diagnostic, Place};
use crate::dn::Dn;
use crate::manifest::yaml::{Node, Step, Yaml};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The file while it is checked.
pub(super) struct Reader<'a> {
    pub(super) file: &'a Arc<str>,
    pub(super) root: &'a Node,
    pub(super) folder: &'a Path,
    pub(super) repository: &'a Repository,
    /// Files that are written, and where they are named.
    pub(super) written: BTreeMap<PathBuf, Place>,
    pub(super) found: Vec<Diagnostic>,
}

/// A route into the file: keys only.
pub(super) fn keys(names: &[&str]) -> Vec<Step> {
    names
        .iter()
        .map(|name| Step::Key((*name).to_owned()))
        .collect()
}

impl Reader<'_> {
    pub(super) fn secret(
        &mut self,
        given: &SecretReference,
        route: &[&str],
    ) -> Option<SecretSource> {
        let at = |key| [route, &[key]].concat();
        let name = match given {
            SecretReference {
                env: Some(name), ..
            } => {
                let head = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
                let rest = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
                if !(head && rest) {
                    self.no_name(
                        &at("env"),
                        "the name of an environment variable",
                        "AD_PASSWORD",
                    );
                    return None;
                }
                SecretName::Env(name.clone())
            }
            SecretReference {
                file: Some(path), ..
            } => SecretName::File(self.path(path, &keys(&at("file")))?),
            SecretReference {
                credential: Some(name),
                ..
            } => {
                let plain =
                    |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b'@');
                let fits = (1..=255).contains(&name.len()) && !name.starts_with('.');
                if !(fits && name.bytes().all(plain)) {
                    self.no_name(
                        &at("credential"),
                        "the name of a systemd credential",
                        "ad-bind",
                    );
                    return None;
                }
                SecretName::Credential(name.clone())
            }
            SecretReference {
                env: None,
                file: None,
                credential: None,
            } => return None,
        };
        Some(SecretSource {
            name,
            asked: Asked::Place(self.place(&keys(route))),
        })
    }

    /// What stands here is not quoted: it may be the secret itself.
    pub(super) fn no_name(&mut self, route: &[&str], what: &str, example: &str) {
        let place = self.place(&keys(route));
        let help =
            format!("write a name, as `{example}`; the secret itself never stands in this file");
        self.say(
            Code::BadValue,
            place,
            format!("this is not {what}"),
            Some(&help),
        );
    }

    pub(super) fn dn(&mut self, text: &str, route: &[Step]) -> Option<Dn> {
        match Dn::parse(text) {
            Ok(dn) => Some(dn),
            Err(error) => {
                let message = format!("this is not a distinguished name: {error}");
                let help = "write it as `OU=Departments,DC=city,DC=example`";
                self.say(Code::BadValue, self.place(route), message, Some(help));
                None
            }
        }
    }

    pub(super) fn optional(
        &mut self,
        given: &Option<String>,
        route: &[&str],
    ) -> Option<Option<PathBuf>> {
        match given {
            Some(text) => self.path(text, &keys(route)).map(Some),
            None => Some(None),
        }
    }

    /// A file that runs write: no two settings may name the same one.
    pub(super) fn written(&mut self, text: &str, route: &[Step]) -> Option<PathBuf> {
        let path = self.path(text, route)?;
        let place = self.place(route);
        if let Some(first) = self.written.insert(path.clone(), place.clone()) {
            let message = "this file has another use in this file already";
            let diagnostic = Diagnostic::new(Code::DuplicateEntry, place, message);
            self.found.push(diagnostic.related(first, "here"));
        }
        Some(path)
    }

    pub(super) fn path(&mut self, text: &str, route: &[Step]) -> Option<PathBuf> {
        let path = self.folder.join(text);
        let (message, help) = if text.is_empty() || text.starts_with('~') {
            let help = "write an absolute path, or one relative to the folder of this file";
            ("this is not a path", help)
        } else if self.repository.holds(&path) {
            (
                "this path leads into the access repository",
                "keep it elsewhere: what lies there could be changed by a pull request",
            )
        } else {
            return Some(path);
        };
        self.say(Code::BadValue, self.place(route), message, Some(help));
        None
    }

    pub(super) fn address(&mut self, error: &AddressError, route: &[&str], help: &str) {
        let place = self.place(&keys(route));
        self.say(error.code(), place, error.to_string(), Some(help));
    }

    /// Whether the file has something there, well formed or not.
    pub(super) fn given(&self, route: &[&str]) -> bool {
        route
            .iter()
            .try_fold(self.root, |node, key| node.get(key))
            .is_some()
    }

    /// How many keys a section has.
    pub(super) fn count(&self, section: &str) -> usize {
        match self.root.get(section) {
            Some(Node {
                value: Yaml::Mapping(entries),
                ..
            }) => entries.len(),
            Some(_) | None => 0,
        }
    }

    pub(super) fn place(&self, route: &[Step]) -> Place {
        self.root.at(route).in_file(self.file)
    }

    /// The place of the last key itself.
    pub(super) fn key(&self, route: &[&str]) -> Place {
        let mut steps = keys(route);
        if let Some(Step::Key(last)) = steps.pop() {
            steps.push(Step::KeyOf(last));
        }
        self.place(&steps)
    }

    pub(super) fn say(
        &mut self,
        code: Code,
        place: Place,
        message: impl Into<String>,
        help: Option<&str>,
    ) {
        let diagnostic = Diagnostic::new(code, place, message);
        self.found
            .push(diagnostic.maybe_help(help.map(str::to_owned)));
    }
}
