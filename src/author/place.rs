//! Where a new manifest goes: the folder where the repository keeps its kind, a name that is free, and
//! the schema that its neighbours name.

use crate::catalog::{Catalog, Linked};
use crate::desired::naming::login_form;
use crate::manifest::Kind;
use crate::manifest::schema::file_name;
use crate::name::{ManifestName, NameError, UserName};
use crate::source::Source;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Longest name of a manifest.
const LONGEST_NAME: usize = 64;

/// The folder where applied requests lie once they were folded: nothing new goes there.
const ARCHIVE: &str = "archive";

/// What marks the line that names a manifest's schema.
const SCHEMA_MARK: &str = "# yaml-language-server: $schema=";

/// The files and names of a repository, and of what is about to be written.
pub struct Shelves<'a> {
    source: &'a Source,
    catalog: &'a Catalog,
    taken: BTreeSet<String>,
}

impl<'a> Shelves<'a> {
    /// Those of a repository.
    pub fn new(source: &'a Source, catalog: &'a Catalog) -> Self {
        let taken = source
            .files
            .keys()
            .map(|path| path.to_lowercase())
            .collect();
        Self {
            source,
            catalog,
            taken,
        }
    }

    /// A path for a manifest of this kind and name that no file has, and the way from there to its schema.
    pub fn place(&mut self, kind: Kind, name: &ManifestName) -> (Arc<str>, String) {
        let folder = self.folder(kind);
        let mut path = join(&folder, &format!("{name}.yaml"));
        let mut number = 2;
        while !self.taken.insert(path.to_lowercase()) {
            path = join(&folder, &format!("{name}-{number}.yaml"));
            number += 1;
        }
        (path.into(), self.schema(kind, &folder))
    }

    /// The folder where most manifests of this kind stand; where there is none yet, the conventional one.
    pub fn folder(&self, kind: Kind) -> String {
        let mut count: BTreeMap<&str, usize> = BTreeMap::new();
        for file in self.files(kind) {
            let folder = file.rsplit_once('/').map_or("", |(folder, _)| folder);
            if !folder.split('/').any(|part| part == ARCHIVE) {
                *count.entry(folder).or_default() += 1;
            }
        }
        let most = count
            .into_iter()
            .max_by_key(|(folder, n)| (*n, std::cmp::Reverse(*folder)));
        let conventional = || format!("{}s", kind.as_str().to_lowercase()).replace("ys", "ies");
        most.map_or_else(conventional, |(folder, _)| folder.to_owned())
    }

    fn files(&self, kind: Kind) -> Vec<&'a Arc<str>> {
        fn of<N, S>(shelf: &BTreeMap<N, Linked<S>>) -> Vec<&Arc<str>> {
            shelf.values().map(|linked| &linked.at.file).collect()
        }
        let catalog = self.catalog;
        match kind {
            Kind::Config => vec![&catalog.config.at.file],
            Kind::Organization => of(&catalog.organizations),
            Kind::Profile => of(&catalog.profiles),
            Kind::User => of(&catalog.users),
            Kind::Resource => of(&catalog.resources),
            Kind::Role => of(&catalog.roles),
            Kind::Scope => of(&catalog.scopes),
            Kind::Identity => of(&catalog.identities),
            Kind::Request => of(&catalog.requests),
            Kind::Policy => of(&catalog.policies),
        }
    }

    /// The way from a folder to the schema of a kind: to where the other manifests find theirs.
    fn schema(&self, kind: Kind, folder: &str) -> String {
        let config = &self.catalog.config.at.file;
        let others = Kind::ALL.into_iter().flat_map(|kind| self.files(kind));
        let mut files = std::iter::once(config).chain(others);
        let found = files.find_map(|file| {
            let bytes = self.source.files.get(file)?.bytes()?;
            let line = String::from_utf8_lossy(bytes.split(|b| *b == b'\n').next()?).into_owned();
            let named = line
                .trim_start_matches('\u{feff}')
                .strip_prefix(SCHEMA_MARK)?;
            let (way, _) = named.trim().rsplit_once('/').unwrap_or((".", ""));
            let from = file.rsplit_once('/').map_or("", |(folder, _)| folder);
            Some(match way.contains("://") {
                true => way.to_owned(),
                false => relative(&resolve(from, way), folder),
            })
        });
        let schemas = found.unwrap_or_else(|| relative(&[super::SCHEMAS.to_owned()], folder));
        format!("{schemas}/{}", file_name(kind))
    }
}

fn join(folder: &str, file: &str) -> String {
    match folder {
        "" => file.to_owned(),
        folder => format!("{folder}/{file}"),
    }
}

/// A way from a folder of the repository, as the parts from its root; `..` first where it leaves it.
fn resolve(from: &str, way: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    for part in from.split('/').chain(way.split('/')) {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| last != "..") => {
                parts.pop();
            }
            part => parts.push(part.to_owned()),
        }
    }
    parts
}

/// The way from a folder to what [`resolve`] found.
fn relative(to: &[String], from: &str) -> String {
    let from: Vec<&str> = from.split('/').filter(|part| !part.is_empty()).collect();
    let same = from
        .iter()
        .zip(to)
        .take_while(|(a, b)| **a == b.as_str())
        .count();
    let up = std::iter::repeat_n("..", from.len() - same);
    let down = to.iter().skip(same).map(String::as_str);
    let parts: Vec<&str> = up.chain(down).collect();
    match parts.as_slice() {
        [] => ".".into(),
        parts => parts.join("/"),
    }
}

/// A text as a part of a name: what cannot stand in one is left out.
pub fn slug(text: &str) -> String {
    let slug = login_form(&text.replace(char::is_whitespace, "-"));
    match slug.is_empty() {
        true => "identity".into(),
        false => slug,
    }
}

/// A name that is not taken: as it is, or with a number behind it.
///
/// # Errors
/// [`NameError`] where it is no name.
pub fn free(is_taken: impl Fn(&str) -> bool, name: &str) -> Result<ManifestName, NameError> {
    let mut number = 1;
    loop {
        let behind = match number {
            1 => String::new(),
            number => format!("-{number}"),
        };
        let room = LONGEST_NAME - behind.len();
        let short = name
            .get(..room)
            .unwrap_or(name)
            .trim_end_matches(['-', '.']);
        let candidate = format!("{short}{behind}");
        if !is_taken(&candidate) {
            return ManifestName::new(&candidate);
        }
        number += 1;
    }
}

/// The handle that somebody of this name gets: `maria.lopez`, or with a number behind it.
///
/// # Errors
/// [`NameError`] where nothing of the name can stand in a handle.
pub fn handle(catalog: &Catalog, given: &str, family: Option<&str>) -> Result<UserName, NameError> {
    let parts: Vec<String> = [Some(given), family]
        .into_iter()
        .flatten()
        .map(|part| login_form(&part.replace(char::is_whitespace, "-")))
        .filter(|part| !part.is_empty())
        .collect();
    let name = parts.join(".");
    if name.is_empty() {
        return Err(NameError {
            what: "name that a handle can be made of",
            text: given.to_owned(),
        });
    }
    let subjects = catalog.requests.values().map(|r| r.spec.subject.as_str());
    let users: BTreeSet<&str> = catalog
        .users
        .keys()
        .map(UserName::as_str)
        .chain(subjects)
        .collect();
    free(|name| users.contains(name), &name).map(|name| UserName::from(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_to_the_schema_is_found_from_any_folder() {
        for (file_folder, way, folder, expected) in [
            ("", ".schema", "requests", "../.schema"),
            ("users", "../.schema", "requests/2027", "../../.schema"),
            ("users", "../../../schema", "requests", "../../../schema"),
            ("", "../../schema", "a/b", "../../../../schema"),
            ("users", ".", "users", "."),
        ] {
            assert_eq!(
                relative(&resolve(file_folder, way), folder),
                expected,
                "{way} from {file_folder}"
            );
        }
    }

    #[test]
    fn names_that_are_taken_get_a_number_and_never_too_many_letters() {
        let long = "a".repeat(70);
        let shelf = ["kim".to_owned(), "kim-2".to_owned(), "a".repeat(64)];
        let is_taken = |name: &str| shelf.iter().any(|taken| taken == name);
        let name = |text: &str| free(is_taken, text).map(|n| n.as_str().to_owned());
        assert_eq!(name("lee").as_deref(), Ok("lee"));
        assert_eq!(name("kim").as_deref(), Ok("kim-3"));
        assert_eq!(name(&long), Ok(format!("{}-2", "a".repeat(62))));
        assert!(name("Ä").is_err());
    }
}
