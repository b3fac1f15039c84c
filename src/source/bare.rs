//! A bare repository of our own: nothing but objects, and refs that keep them.
//!
//! Invariant: it has no configuration but what it was made with, and nobody else's refs: so what is
//! read from it is what the objects say.

use super::SourceError;
use super::objects::{Commit, ObjectsError, commit};
use git2::{ErrorCode, ObjectType, Oid, Repository, RepositoryInitOptions};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::path::Path;

/// Unix mode of a file in a tree.
const FILE: i32 = 0o100_644;
/// Unix mode of a folder in a tree.
const FOLDER: i32 = 0o040_000;

/// A bare repository.
pub struct Bare(Repository);

impl std::fmt::Debug for Bare {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Bare").field(&self.0.path()).finish()
    }
}

/// A commit that is to be made.
#[derive(Debug, Clone, Copy)]
pub struct Draft<'a> {
    /// Its tree.
    pub tree: &'a str,
    /// What it follows.
    pub parent: Option<&'a str>,
    /// Who makes it: `Name <mail>`.
    pub author: &'a str,
    /// When.
    pub at: Timestamp,
    /// Its message.
    pub message: &'a str,
}

impl Draft<'_> {
    /// The commit as it is signed.
    pub fn text(&self) -> String {
        let parent = self.parent.map(|p| format!("parent {p}\n"));
        let (author, at) = (self.author, self.at.as_second());
        format!(
            "tree {}\n{}author {author} {at} +0000\ncommitter {author} {at} +0000\n\n{}\n",
            self.tree,
            parent.unwrap_or_default(),
            self.message
        )
    }
}

fn failed(what: impl Into<String>) -> impl FnOnce(git2::Error) -> ObjectsError {
    let what = what.into();
    move |source| SourceError::Git { what, source }.into()
}

impl Bare {
    /// Opens the repository in a folder, or makes it.
    ///
    /// # Errors
    /// [`ObjectsError`] when git cannot write there.
    pub fn open(folder: &Path) -> Result<Self, ObjectsError> {
        let shown = || folder.display().to_string();
        match Repository::open_bare(folder) {
            Ok(repository) => Ok(Self(repository)),
            Err(error) if error.code() == ErrorCode::NotFound => {
                let mut options = RepositoryInitOptions::new();
                options.bare(true).external_template(false).mkpath(true);
                let made = Repository::init_opts(folder, &options);
                made.map(Self).map_err(failed(shown()))
            }
            Err(error) => Err(failed(shown())(error)),
        }
    }

    /// Whether an object is there.
    pub fn has(&self, id: &str) -> bool {
        let odb = self.0.odb().ok().zip(Oid::from_str(id).ok());
        odb.is_some_and(|(odb, id)| odb.refresh().is_ok() && odb.exists(id))
    }

    /// A commit.
    ///
    /// # Errors
    /// [`ObjectsError`] when it is not there or is no commit.
    pub fn commit(&self, id: &str) -> Result<Commit, ObjectsError> {
        let bytes = self.bytes(id, ObjectType::Commit)?;
        commit(id, &bytes).ok_or_else(|| ObjectsError::Form(id.to_owned()))
    }

    /// The files of a tree by path, each with its blob and how many bytes that has.
    ///
    /// # Errors
    /// [`ObjectsError`] when it has anything but files, and folders of files.
    pub fn files(&self, tree: &str) -> Result<BTreeMap<String, (String, usize)>, ObjectsError> {
        let mut files = BTreeMap::new();
        self.walk(tree, "", &mut files)?;
        Ok(files)
    }

    fn walk(
        &self,
        tree: &str,
        prefix: &str,
        files: &mut BTreeMap<String, (String, usize)>,
    ) -> Result<(), ObjectsError> {
        let id = Oid::from_str(tree).map_err(failed(tree))?;
        let found = self.0.find_tree(id).map_err(failed(tree))?;
        let odb = self.0.odb().map_err(failed("the objects"))?;
        for entry in found.iter() {
            let name = String::from_utf8_lossy(entry.name_bytes()).into_owned();
            let id = entry.id();
            match (entry.kind(), entry.filemode()) {
                (Some(ObjectType::Blob), FILE) => {
                    let (size, _) = odb.read_header(id).map_err(failed(&name))?;
                    files.insert(format!("{prefix}{name}"), (id.to_string(), size));
                }
                (Some(ObjectType::Tree), _) if prefix.is_empty() => {
                    self.walk(&id.to_string(), &format!("{name}/"), files)?;
                }
                _ => return Err(ObjectsError::Form(id.to_string())),
            }
        }
        Ok(())
    }

    /// The content of a blob.
    ///
    /// # Errors
    /// [`ObjectsError`] when it is not there.
    pub fn blob(&self, id: &str) -> Result<Vec<u8>, ObjectsError> {
        self.bytes(id, ObjectType::Blob)
    }

    /// Writes a blob; its id.
    ///
    /// # Errors
    /// [`ObjectsError`] when it cannot be written.
    pub fn write(&self, bytes: &[u8]) -> Result<String, ObjectsError> {
        let id = self.0.blob(bytes).map_err(failed("a file"))?;
        Ok(id.to_string())
    }

    /// Writes a tree of files by path, at most one folder deep; its id.
    ///
    /// # Errors
    /// [`ObjectsError`] when it cannot be written.
    pub fn write_tree(&self, files: &BTreeMap<String, String>) -> Result<String, ObjectsError> {
        let mut folders: BTreeMap<&str, Vec<(&str, &str)>> = BTreeMap::new();
        for (path, id) in files {
            let (folder, name) = path.split_once('/').unwrap_or(("", path));
            folders.entry(folder).or_default().push((name, id));
        }
        let what = "a tree";
        let mut root = self.0.treebuilder(None).map_err(failed(what))?;
        for (folder, files) in &folders {
            let mut below = self.0.treebuilder(None).map_err(failed(what))?;
            let into = match folder.is_empty() {
                true => &mut root,
                false => &mut below,
            };
            for (name, id) in files {
                let id = Oid::from_str(id).map_err(failed(*name))?;
                into.insert(name, id, FILE).map_err(failed(*name))?;
            }
            if !folder.is_empty() {
                let id = below.write().map_err(failed(*folder))?;
                root.insert(folder, id, FOLDER).map_err(failed(*folder))?;
            }
        }
        Ok(root.write().map_err(failed(what))?.to_string())
    }

    /// Writes a commit under its signature; its id.
    ///
    /// # Errors
    /// [`ObjectsError`] when it cannot be written.
    pub fn write_commit(&self, text: &str, signature: &str) -> Result<String, ObjectsError> {
        let signed = self.0.commit_signed(text, signature, None);
        Ok(signed.map_err(failed("a commit"))?.to_string())
    }

    /// What a ref points at.
    pub fn target(&self, name: &str) -> Option<String> {
        let found = self.0.find_reference(name).ok()?;
        found.target().map(|id| id.to_string())
    }

    /// The refs that begin with a text, and what they point at.
    ///
    /// # Errors
    /// [`ObjectsError`] when they cannot be read.
    pub fn targets(&self, prefix: &str) -> Result<BTreeMap<String, String>, ObjectsError> {
        let what = "the refs";
        let found = self.0.references_glob(&format!("{prefix}*"));
        let mut targets = BTreeMap::new();
        for reference in found.map_err(failed(what))? {
            let reference = reference.map_err(failed(what))?;
            let name = String::from_utf8_lossy(reference.name_bytes()).into_owned();
            targets.extend(reference.target().map(|id| (name, id.to_string())));
        }
        Ok(targets)
    }

    /// Makes a ref point at an object: what it reaches is kept.
    ///
    /// # Errors
    /// [`ObjectsError`] when it cannot be written.
    pub fn point(&self, name: &str, id: &str) -> Result<(), ObjectsError> {
        let oid = Oid::from_str(id).map_err(failed(id))?;
        let made = self.0.reference(name, oid, true, "countersign");
        made.map(drop).map_err(failed(name))
    }

    /// Takes away the lock that a killed process left on a ref: only for who knows that nobody else moves it.
    pub fn unlock(&self, name: &str) {
        let lock = self.0.path().join(format!("{name}.lock"));
        // One that stays says so when the ref is to move.
        let _ = std::fs::remove_file(lock);
    }

    /// Takes a ref away; one that is not there is gone.
    pub fn forget(&self, name: &str) {
        if let Ok(mut reference) = self.0.find_reference(name) {
            // Nothing reads it again.
            let _ = reference.delete();
        }
    }

    fn bytes(&self, id: &str, kind: ObjectType) -> Result<Vec<u8>, ObjectsError> {
        let oid = Oid::from_str(id).map_err(failed(id))?;
        let odb = self.0.odb().map_err(failed("the objects"))?;
        let object = odb.read(oid).map_err(|source| match source.code() {
            ErrorCode::NotFound => ObjectsError::Missing(id.to_owned()),
            _ => failed(id)(source),
        })?;
        match object.kind() == kind {
            true => Ok(object.data().to_vec()),
            false => Err(ObjectsError::Form(id.to_owned())),
        }
    }
}
