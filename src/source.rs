//! Source: the files of an access repository, from a git revision or from the working folder.
//!
//! Invariant: the same bytes give the same result, wherever they were read from. Links are never
//! followed, and what cannot be read is a diagnostic, never a gap.

pub mod bare;
pub mod branch;
pub mod commit;
pub mod git;
pub mod objects;
pub mod remote;
pub mod tag;
pub mod worktree;

use crate::diagnostic::{Code, Diagnostic, Place};
use crate::name::lower;
use foldhash::{HashMap, HashMapExt as _};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Largest manifest file, in bytes: a thousand times what a person writes, a hundredth of what hurts.
pub const LARGEST_FILE: u64 = 4 * 1024 * 1024;

/// The files of one state of a repository.
#[derive(Debug, Clone, Default)]
pub struct Source {
    /// The commit, as 40 hex digits; none for a working folder.
    pub revision: Option<String>,
    /// The YAML files, by path.
    pub files: BTreeMap<Arc<str>, File>,
    /// The templates of mails, by path: they are no manifests.
    pub templates: BTreeMap<Arc<str>, File>,
    /// What could not be read, and why.
    pub diagnostics: Vec<Diagnostic>,
}

impl Source {
    /// Adds files; mostly they come in order, and all at once is quicker than one by one.
    fn add(&mut self, mut files: Vec<(Arc<str>, File)>) {
        let is_template = |(path, _): &mut (Arc<str>, File)| {
            path.starts_with(TEMPLATES) && matches!(sort(path), Sort::Template)
        };
        let templates = files.extract_if(.., is_template).collect();
        for (shelf, files) in [(&mut self.templates, templates), (&mut self.files, files)] {
            match shelf.is_empty() {
                true => *shelf = files.into_iter().collect(),
                false => shelf.extend(files),
            }
        }
    }

    /// Files that differ only in case.
    pub fn case_clashes(&self) -> Vec<Diagnostic> {
        let files = &self.files;
        let mut seen: HashMap<Cow<'_, str>, &Arc<str>> = HashMap::with_capacity(files.len());
        let mut clashes = Vec::new();
        for path in files.keys() {
            if let Some(first) = seen.insert(lower(path), path) {
                clashes.push(
                    Diagnostic::new(
                        Code::CaseClash,
                        Place::of_file(path),
                        format!("this file and {first} differ only in case"),
                    )
                    .help("rename one: on Windows and macOS only one of them would exist")
                    .related(Place::of_file(first), "the other one"),
                );
            }
        }
        clashes
    }
}

/// One file as it was read.
#[derive(Debug, Clone)]
pub struct File {
    /// The git blob id of the content: what a cache may know it by.
    pub blob: Blob,
    bytes: Content,
}

/// The content of a file: at hand, or still in git because a cache knows the blob already.
#[derive(Debug, Clone)]
enum Content {
    Here(Arc<[u8]>),
    InGit(Arc<Path>),
}

impl File {
    /// A file whose content is at hand.
    pub fn new(blob: Blob, bytes: impl Into<Arc<[u8]>>) -> Self {
        Self {
            blob,
            bytes: Content::Here(bytes.into()),
        }
    }

    /// A file whose content is left in git.
    fn in_git(blob: Blob, repository: &Arc<Path>) -> Self {
        Self {
            blob,
            bytes: Content::InGit(repository.clone()),
        }
    }

    /// A file that is not in git yet.
    pub fn of(bytes: &[u8]) -> Self {
        Self::new(Blob::of(bytes), bytes)
    }

    /// The content; none where git no longer gives it.
    pub fn bytes(&self) -> Option<Arc<[u8]>> {
        match &self.bytes {
            Content::Here(bytes) => Some(bytes.clone()),
            Content::InGit(folder) => git::blob(folder, &self.blob),
        }
    }
}

/// A git blob id (SHA-1 over `blob <length>\0<content>`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Blob(pub [u8; 20]);

impl Hash for Blob {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // It is a hash itself; two that begin alike are told apart all the same.
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        state.write_u64(u64::from_ne_bytes([a, b, c, d, e, f, g, h]));
    }
}

impl Blob {
    /// The id that git gives to this content.
    pub fn of(bytes: &[u8]) -> Self {
        let id = git2::Oid::hash_object(git2::ObjectType::Blob, bytes).ok();
        let id = id.and_then(|id| <[u8; 20]>::try_from(id.as_bytes()).ok());
        Self(id.unwrap_or_default())
    }
}

/// Where to read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A revision of the git repository at (or above) a folder.
    Revision {
        /// A folder of the repository.
        folder: PathBuf,
        /// Anything git understands: a branch, a tag, `HEAD~2`.
        revision: String,
    },
    /// A folder as it lies there.
    Worktree {
        /// The root of the access repository.
        folder: PathBuf,
    },
}

/// That nothing could be read at all.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum SourceError {
    #[error(
        "{folder} is not in a git repository; name one with -C, or read the folder as it is with --worktree"
    )]
    NotARepository { folder: String },
    #[error("there is no revision `{revision}` in this repository{}", empty_hint(*.empty))]
    NoSuchRevision { revision: String, empty: bool },
    #[error("cannot read {what}")]
    Git {
        what: String,
        #[source]
        source: git2::Error,
    },
    #[error("cannot read {path}")]
    Io {
        path: String,
        #[source]
        source: std::io::Error,
    },
}

fn empty_hint(empty: bool) -> &'static str {
    if empty {
        ": it has no commit yet; commit first, or use --worktree"
    } else {
        ""
    }
}

/// The files of one state of a repository, before it is asked which of them are known.
pub enum Listed {
    /// Those of a revision, listed.
    Revision(git::Listing),
    /// Those of a folder: they are read at once.
    Worktree(Source),
}

/// Lists every manifest file of a revision, or reads those of a folder.
///
/// # Errors
/// [`SourceError`] when the repository or the revision cannot be read at all.
pub fn list(origin: &Origin) -> Result<Listed, SourceError> {
    match origin {
        Origin::Revision { folder, revision } => git::list(folder, revision).map(Listed::Revision),
        Origin::Worktree { folder } => worktree::read(folder).map(Listed::Worktree),
    }
}

impl Listed {
    /// Reads them; the content of blobs that are `known` already is left in git until somebody asks for it.
    ///
    /// # Errors
    /// [`SourceError`] when the repository cannot be read at all. A single file that cannot be read is a
    /// diagnostic.
    pub fn read(self, known: &dyn Fn(&Blob) -> bool) -> Result<Source, SourceError> {
        match self {
            Self::Revision(listing) => listing.read(None, known),
            Self::Worktree(source) => Ok(source),
        }
    }
}

/// Lists every manifest file and reads it, as [`list`] and [`Listed::read`] do.
///
/// # Errors
/// As theirs.
pub fn read(origin: &Origin, known: &dyn Fn(&Blob) -> bool) -> Result<Source, SourceError> {
    list(origin)?.read(known)
}

/// Whether a path of the repository is that of a manifest file.
pub fn is_manifest(path: &str) -> bool {
    sort(path) == Sort::Manifest
}

/// What a path of the repository is to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sort {
    Manifest,
    /// The text of a mail: a file of the folder `templates/` at the root.
    Template,
    Other,
}

/// The folder at the root that templates of mails stand in.
pub const TEMPLATES: &str = "templates/";

/// Names beginning with a dot and `policies/tests/` are not manifests (SEMANTICS 28).
fn sort(path: &str) -> Sort {
    let hidden = path.split('/').any(|part| part.starts_with('.'));
    let yaml = path.rsplit_once('.').is_some_and(|(_, end)| {
        end.eq_ignore_ascii_case("yaml") || end.eq_ignore_ascii_case("yml")
    });
    let template = path.strip_prefix(TEMPLATES).is_some_and(|name| {
        !name.contains('/') && (name.ends_with(".txt") || name.ends_with(".html"))
    });
    match (yaml, template) {
        _ if hidden => Sort::Other,
        (true, _) if !path.starts_with("policies/tests/") => Sort::Manifest,
        (_, true) => Sort::Template,
        (true | false, false) => Sort::Other,
    }
}

fn too_large(file: &Arc<str>, size: u64) -> Diagnostic {
    Diagnostic::new(
        Code::FileTooLarge,
        Place::of_file(file),
        format!("the file has {size} bytes; a manifest file has at most {LARGEST_FILE}"),
    )
    .help("split it, or list it in `ignore` of countersign.yaml if it is no manifest")
}

fn unnamed(file: &Arc<str>) -> Diagnostic {
    Diagnostic::new(
        Code::FileUnreadable,
        Place::of_file(file),
        "the file's name is not UTF-8, or no name: what the file says cannot be told from another's",
    )
    .help("rename it: names are UTF-8")
}

fn link(file: &Arc<str>) -> Diagnostic {
    Diagnostic::new(Code::SymbolicLink, Place::of_file(file), "the file is a symbolic link")
        .help("put the manifest itself here; links are never followed, so that nothing outside the repository can be read")
}

fn submodule(folder: &Arc<str>) -> Diagnostic {
    Diagnostic::new(
        Code::SymbolicLink,
        Place::of_file(folder),
        "the folder is a repository of its own (a submodule); what it holds is not read",
    )
    .help("put the manifests themselves here, or list the folder in `ignore` of countersign.yaml")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_and_policy_tests_are_not_manifests() {
        for (path, expected) in [
            ("users/a.yaml", Sort::Manifest),
            ("a.YML", Sort::Manifest),
            ("policies/x.yaml", Sort::Manifest),
            ("policies/tests/x.yaml", Sort::Other),
            (".github/workflows/ci.yml", Sort::Other),
            ("users/.draft.yaml", Sort::Other),
            ("README.md", Sort::Other),
            ("templates/digest.txt", Sort::Template),
            ("templates/digest.html", Sort::Template),
            ("templates/old/digest.txt", Sort::Other),
            ("templates/.digest.txt", Sort::Other),
            ("templates/x.yaml", Sort::Manifest),
            ("users/templates/digest.txt", Sort::Other),
            ("yaml", Sort::Other),
        ] {
            assert_eq!(sort(path), expected, "{path}");
        }
    }
}
