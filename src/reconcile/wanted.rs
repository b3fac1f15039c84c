//! A repository → what a plan asks of the directory. Two of its files tell that long before all of
//! them are read.

use crate::catalog::Catalog;
use crate::connector::AttributeName;
use crate::desired::expand::written;
use crate::manifest::parse::{Body, CONFIG_FILE, check_text};
use crate::manifest::resource::FieldSource;
use crate::manifest::{ConfigSpec, ResourceSpec};
use crate::name::ResourceName;
use crate::observed::attributes;
use crate::plan::limits::Outer;
use crate::source::{Origin, git};
use std::collections::BTreeSet;

/// Which directory, and which attributes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The resource that is the directory.
    pub resource: ResourceName,
    /// Sorted.
    pub attributes: Vec<AttributeName>,
}

impl Wanted {
    /// What a catalog wants.
    pub fn of(catalog: &Catalog, outer: &Outer) -> Self {
        let config = &catalog.config.spec;
        Self::by(config, directory(catalog), outer)
    }

    /// What a revision seems to want, by the two files that most repositories say it in; none where
    /// they are elsewhere. It may be wrong: whoever goes by it compares it with [`Wanted::of`].
    pub fn guessed(origin: &Origin, outer: &Outer) -> Option<Self> {
        let Origin::Revision { folder, revision } = origin else {
            return None;
        };
        let bodies = |path: &str| {
            let bytes = git::file(folder, revision, path)?;
            Some(check_text(path, std::str::from_utf8(&bytes).ok()?).0)
        };
        let config = bodies(CONFIG_FILE)?.into_iter().find_map(|body| {
            let Body::Config(config) = body else {
                return None;
            };
            Some(config)
        });
        let config = &config?.spec;
        let name = config.directory.as_str();
        let directory = bodies(&format!("resources/{name}.yaml"))?;
        let directory = directory.into_iter().find_map(|body| {
            let Body::Resource(directory) = body else {
                return None;
            };
            (directory.metadata.name.as_str() == name).then_some(directory)
        });
        Some(Self::by(config, Some(&directory?.spec), outer))
    }

    fn by(config: &ConfigSpec, directory: Option<&ResourceSpec>, outer: &Outer) -> Self {
        let all = written(config, directory).into_iter();
        let all = all.chain(observed(directory));
        Self {
            resource: config.directory.clone(),
            attributes: attributes(all.chain(outer.adopt_by_anchor.clone())),
        }
    }
}

/// Attributes of the directory that are read and never written.
pub(super) fn only_read(catalog: &Catalog) -> BTreeSet<AttributeName> {
    observed(directory(catalog)).collect()
}

fn directory(catalog: &Catalog) -> Option<&ResourceSpec> {
    let directory = catalog.resources.get(&catalog.config.spec.directory);
    directory.map(|d| &*d.spec)
}

fn observed(directory: Option<&ResourceSpec>) -> impl Iterator<Item = AttributeName> {
    let fields = directory.into_iter().flat_map(|d| &d.fields);
    let observed = fields.filter(|f| f.source == Some(FieldSource::Observed));
    observed.map(|f| AttributeName::new(f.name.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::parse::Known;
    use crate::reconcile::read;
    use std::path::Path;
    use std::process::Command;

    const CONFIG: &str = r#"apiVersion: countersign/v1
kind: Config
metadata: {name: countersign}
spec:
  timeZone: UTC
  directory: ad
  naming: {login: {candidates: ["{{ user.givenName }}"]}, mail: "{{ account.login }}@city.example"}
  managed: {ous: [[Departments]], groups: []}
"#;

    const DIRECTORY: &str = r#"apiVersion: countersign/v1
kind: Resource
metadata: {name: ad}
spec:
  type: directory
  connector: active-directory
  fields:
    - {name: title}
    - {name: employeeID, source: observed}
"#;

    fn committed(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let git = |arguments: &[&str]| {
            let mut git = Command::new("git");
            git.current_dir(folder.path()).args(arguments);
            assert!(git.output().unwrap().status.success(), "{arguments:?}");
        };
        let me = ["-c", "user.name=kim", "-c", "user.email=kim@city.example"];
        git(&["init", "--quiet"]);
        git(&["add", "--all"]);
        let commit = ["-c", "commit.gpgsign=false", "commit", "--quiet", "-m", "x"];
        git(&[&me[..], &commit[..]].concat());
        folder
    }

    fn origin(folder: &Path) -> Origin {
        Origin::Revision {
            folder: folder.to_owned(),
            revision: "HEAD".into(),
        }
    }

    #[test]
    fn two_files_tell_what_all_of_them_tell() {
        let folder = committed(&[
            ("countersign.yaml", CONFIG),
            ("resources/ad.yaml", DIRECTORY),
        ]);
        let outer = Outer {
            adopt_by_anchor: Some("employeeNumber".into()),
            ..Outer::default()
        };
        let origin = origin(folder.path());
        let reading = read(&origin, &mut Known::default()).unwrap();
        let wanted = Wanted::of(&reading.catalog, &outer);
        let named = |name: &str| wanted.attributes.contains(&AttributeName::new(name));
        assert!(["title", "employeeID", "mail", "employeeNumber"].map(named) == [true; 4]);
        assert_eq!(Wanted::guessed(&origin, &outer), Some(wanted));
    }

    #[test]
    fn nothing_is_guessed_where_the_directory_stands_elsewhere() {
        let folder = committed(&[("countersign.yaml", CONFIG), ("all.yaml", DIRECTORY)]);
        let guess = Wanted::guessed(&origin(folder.path()), &Outer::default());
        assert_eq!(guess, None);
        let folder = folder.path().to_owned();
        let guess = Wanted::guessed(&Origin::Worktree { folder }, &Outer::default());
        assert_eq!(guess, None);
    }
}
