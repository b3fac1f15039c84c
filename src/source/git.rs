//! Reading a revision straight from git's objects, without a checkout.

use super::{
    Blob, File, LARGEST_FILE, Sort, Source, SourceError, link, sort, submodule, too_large, unnamed,
};
use git2::{ErrorCode, ObjectType, Oid, Repository, Tree};
use rayon::prelude::*;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Unix mode of a symbolic link in a tree.
const LINK: i32 = 0o120_000;

/// That git could not read something.
fn failed(what: impl fmt::Display) -> impl FnOnce(git2::Error) -> SourceError {
    move |source| SourceError::Git {
        what: what.to_string(),
        source,
    }
}

/// The manifest files of a revision, listed; none of them is read yet.
pub struct Listing {
    revision: String,
    /// The repository that still has known content later.
    place: Arc<Path>,
    found: Vec<Found>,
}

/// Lists the manifest files of a revision.
pub(super) fn list(folder: &Path, revision: &str) -> Result<Listing, SourceError> {
    let repository = open(folder)?;
    let commit = resolve(&repository, revision)?;
    let tree = commit.tree().map_err(failed("the revision's tree"))?;
    let tree = below(&repository, tree, folder)?;
    let revision = commit.id().to_string();
    list_tree(&repository, &revision, &tree, repository.path())
}

/// Lists the manifest files of a tree; `place` is the repository that still has known content later.
pub(super) fn list_tree(
    repository: &Repository,
    revision: &str,
    tree: &Tree<'_>,
    place: &Path,
) -> Result<Listing, SourceError> {
    let mut found = Vec::new();
    walk(repository, tree, &mut found).map_err(failed("the revision's files"))?;
    Ok(Listing {
        revision: revision.to_owned(),
        place: place.into(),
        found,
    })
}

impl Listing {
    /// Reads those of them that are not known; by this handle, or by as many as there are cores where there are
    /// many.
    pub(super) fn read(
        self,
        handle: Option<&Repository>,
        known: &dyn Fn(&Blob) -> bool,
    ) -> Result<Source, SourceError> {
        let Self {
            revision,
            place,
            found,
        } = self;
        let mut source = Source {
            revision: Some(revision),
            ..Source::default()
        };
        let (mut new, mut files) = (Vec::new(), Vec::with_capacity(found.len()));
        for Found {
            path,
            id,
            mode,
            kind,
            plain,
        } in found
        {
            if !plain {
                source.diagnostics.push(unnamed(&path));
            }
            if kind == Some(ObjectType::Commit) {
                source.diagnostics.push(submodule(&path));
                continue;
            }
            if mode == LINK || kind != Some(ObjectType::Blob) {
                source.diagnostics.push(link(&path));
                continue;
            }
            let mut blob = Blob([0; 20]);
            blob.0.copy_from_slice(id.as_bytes());
            match known(&blob) {
                true => files.push((path, File::in_git(blob, &place))),
                false => new.push((path, id, blob)),
            }
        }
        let parts = match handle {
            Some(repository) => vec![contents(repository, &new)],
            None if new.is_empty() => Vec::new(),
            None if new.len() > FEW => new
                .par_chunks(new.len() / rayon::current_num_threads() + 1)
                .map(|new| contents(&again(&place)?, new))
                .collect(),
            None => vec![contents(&again(&place)?, &new)],
        };
        for part in parts {
            for (path, content) in part? {
                match content {
                    Ok(file) => files.push((path, file)),
                    Err(size) => source.diagnostics.push(too_large(&path, size)),
                }
            }
        }
        source.add(files);
        Ok(source)
    }
}

/// Another handle to a repository that was open already.
fn again(place: &Path) -> Result<Repository, SourceError> {
    Repository::open(place).map_err(failed(place.display()))
}

/// So few files are read by one core.
const FEW: usize = 256;

/// A file's path, and its content, or its size where that is too large.
type Contents = Vec<(Arc<str>, Result<File, u64>)>;

fn contents(
    repository: &Repository,
    new: &[(Arc<str>, Oid, Blob)],
) -> Result<Contents, SourceError> {
    let odb = repository.odb().map_err(failed("the object store"))?;
    let mut read = Vec::with_capacity(new.len());
    for (path, id, blob) in new {
        let (size, _) = odb.read_header(*id).map_err(failed(path))?;
        let content = match size as u64 > LARGEST_FILE {
            true => Err(size as u64),
            false => {
                let object = odb.read(*id).map_err(failed(path))?;
                Ok(File::new(*blob, object.data()))
            }
        };
        read.push((path.clone(), content));
    }
    Ok(read)
}

/// What stands in a tree.
struct Found {
    path: Arc<str>,
    id: Oid,
    mode: i32,
    kind: Option<ObjectType>,
    /// Whether the path can be said: each name of it is UTF-8 and one name.
    plain: bool,
}

/// Lists the manifest files and submodules of a tree.
///
/// Not by libgit2's own walk: that one stops at a folder whose name is not UTF-8.
fn walk(
    repository: &Repository,
    tree: &Tree<'_>,
    found: &mut Vec<Found>,
) -> Result<(), git2::Error> {
    // Not by recursion: a tree can be as deep as whoever pushes it likes.
    let mut open = vec![Folder {
        tree: tree.clone(),
        next: 0,
        length: 0,
        plain: true,
    }];
    let mut prefix = String::new();
    found.reserve(tree.len());
    while let Some(mut folder) = open.pop() {
        let mut below = None;
        while let Some(entry) = folder.tree.get(folder.next) {
            folder.next += 1;
            let name = String::from_utf8_lossy(entry.name_bytes());
            let plain = folder.plain && is_plain(entry.name_bytes());
            if name.starts_with('.') {
                continue;
            }
            prefix.truncate(folder.length);
            prefix.push_str(&name);
            let kind = entry.kind();
            if kind == Some(ObjectType::Tree) {
                let tree = repository.find_tree(entry.id())?;
                found.reserve(tree.len());
                prefix.push('/');
                below = Some(Folder {
                    tree,
                    next: 0,
                    length: prefix.len(),
                    plain,
                });
                break;
            }
            if kind == Some(ObjectType::Commit) || sort(&prefix) != Sort::Other {
                found.push(Found {
                    path: prefix.as_str().into(),
                    id: entry.id(),
                    mode: entry.filemode(),
                    kind,
                    plain,
                });
            }
        }
        // First what is below it, then what is left of it.
        if let Some(below) = below {
            open.extend([folder, below]);
        }
    }
    Ok(())
}

/// A folder of a tree that is gone through.
struct Folder<'r> {
    tree: Tree<'r>,
    /// The place of the entry that is next.
    next: usize,
    /// How long the path is that its entries' begin with.
    length: usize,
    /// Whether that path can be said.
    plain: bool,
}

/// Whether a name of a tree is UTF-8 and one name: git writes no other, and other programs can.
pub(super) fn is_plain(name: &[u8]) -> bool {
    !name.contains(&b'/') && std::str::from_utf8(name).is_ok()
}

/// The content of a blob, where the repository still has it.
pub(super) fn blob(repository: &Path, blob: &Blob) -> Option<Arc<[u8]>> {
    let repository = Repository::open(repository).ok()?;
    let blob = repository.find_blob(Oid::from_bytes(&blob.0).ok()?).ok()?;
    Some(blob.content().into())
}

/// The content of one file of a revision; none where it cannot be had. Whoever reads all of them is told
/// why.
pub fn file(folder: &Path, revision: &str, path: &str) -> Option<Vec<u8>> {
    let repository = open(folder).ok()?;
    let tree = resolve(&repository, revision).ok()?.tree().ok()?;
    let tree = below(&repository, tree, folder).ok()?;
    let entry = tree.get_path(Path::new(path)).ok()?;
    let blob = repository.find_blob(entry.id()).ok()?;
    (entry.filemode() != LINK).then(|| blob.content().to_vec())
}

/// The id of a revision.
///
/// # Errors
/// [`SourceError`] when there is no repository or no such revision.
pub fn revision_id(folder: &Path, revision: &str) -> Result<String, SourceError> {
    let repository = open(folder)?;
    resolve(&repository, revision).map(|commit| commit.id().to_string())
}

/// Where a branch that is merged into another left it: the other itself, where the branch contains it.
///
/// # Errors
/// [`SourceError`] when a revision cannot be read, or the two have no history in common.
pub fn merge_base(folder: &Path, into: &str, branch: &str) -> Result<String, SourceError> {
    let repository = open(folder)?;
    let into = resolve(&repository, into)?.id();
    let branch = resolve(&repository, branch)?.id();
    let base = repository.merge_base(into, branch);
    base.map(|id| id.to_string())
        .map_err(failed(format!("what {into} and {branch} have in common")))
}

/// The first commit of the first-parent line that ends at a revision: what an empty ledger starts from.
///
/// # Errors
/// [`SourceError`] when the history cannot be read.
pub fn root_of(folder: &Path, revision: &str) -> Result<String, SourceError> {
    let repository = open(folder)?;
    let mut commit = resolve(&repository, revision)?;
    while commit.parent_count() > 0 {
        let what = format!("the parent of {}", commit.id());
        commit = commit.parent(0).map_err(failed(what))?;
    }
    Ok(commit.id().to_string())
}

/// The folder that holds what git keeps (`.git`): where a cache may lie.
pub fn git_folder(folder: &Path) -> Option<PathBuf> {
    open(folder).ok().map(|r| r.path().to_path_buf())
}

pub(super) fn open(folder: &Path) -> Result<Repository, SourceError> {
    Repository::discover(folder).map_err(|source| match source.code() {
        ErrorCode::NotFound => SourceError::NotARepository {
            folder: folder.display().to_string(),
        },
        _ => SourceError::Git {
            what: folder.display().to_string(),
            source,
        },
    })
}

pub(super) fn resolve<'r>(
    repository: &'r Repository,
    revision: &str,
) -> Result<git2::Commit<'r>, SourceError> {
    repository
        .revparse_single(revision)
        .and_then(|object| object.peel_to_commit())
        .map_err(|source| match source.code() {
            ErrorCode::NotFound | ErrorCode::InvalidSpec | ErrorCode::UnbornBranch => {
                SourceError::NoSuchRevision {
                    revision: revision.to_owned(),
                    // libgit2's own `is_empty` wants the branch to have the default name.
                    empty: repository
                        .references()
                        .is_ok_and(|mut all| all.next().is_none()),
                }
            }
            _ => SourceError::Git {
                what: format!("revision {revision}"),
                source,
            },
        })
}

/// The tree of the folder that was named, where it is not the root of the git repository.
fn below<'r>(
    repository: &'r Repository,
    tree: Tree<'r>,
    folder: &Path,
) -> Result<Tree<'r>, SourceError> {
    let Some(workdir) = repository.workdir() else {
        return Ok(tree);
    };
    let (Ok(workdir), Ok(folder)) = (workdir.canonicalize(), folder.canonicalize()) else {
        return Ok(tree);
    };
    let Ok(relative) = folder.strip_prefix(&workdir) else {
        return Ok(tree);
    };
    if relative.as_os_str().is_empty() {
        return Ok(tree);
    }
    tree.get_path(relative)
        .and_then(|entry| entry.to_object(repository))
        .and_then(|object| object.peel_to_tree())
        .map_err(failed(relative.display()))
}

/// Makes a bare repository whose HEAD is a branch.
///
/// # Errors
/// [`SourceError`] when it cannot be made.
pub fn init_bare(folder: &Path, branch: &str) -> Result<(), SourceError> {
    let mut options = git2::RepositoryInitOptions::new();
    options.bare(true).initial_head(branch);
    Repository::init_opts(folder, &options)
        .map(drop)
        .map_err(failed(folder.display()))
}

/// What every ref of a repository points at, sorted by name; none where it cannot be read.
pub fn refs(folder: &Path) -> Option<std::collections::BTreeMap<String, String>> {
    let repository = Repository::open(folder).ok()?;
    let references = repository.references().ok()?;
    let named = references.filter_map(|reference| {
        let reference = reference.ok()?;
        let target = reference.target()?.to_string();
        Some((reference.name().ok()?.to_owned(), target))
    });
    Some(named.collect())
}

/// Takes away locks of refs that are older than whoever may hold one; whether there were any.
pub fn unlock(repository: &Path, age: Duration) -> bool {
    let mut locks = vec![
        repository.join("HEAD.lock"),
        repository.join("packed-refs.lock"),
    ];
    let mut folders = vec![repository.join("refs")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            match path.is_dir() {
                true => folders.push(path),
                false if path.extension().is_some_and(|end| end == "lock") => locks.push(path),
                false => {}
            }
        }
    }
    let is_old = |lock: &&PathBuf| {
        let modified = std::fs::metadata(lock).and_then(|m| m.modified());
        modified.is_ok_and(|at| at.elapsed().is_ok_and(|since| since > age))
    };
    let old = locks.iter().filter(is_old);
    old.filter(|lock| std::fs::remove_file(lock).is_ok())
        .count()
        > 0
}

/// The address of the remote `origin`, where there is one.
pub fn origin(folder: &Path) -> Option<String> {
    let repository = open(folder).ok()?;
    let remote = repository.find_remote("origin").ok()?;
    remote.url().ok().map(str::to_owned)
}

/// Who commits in a repository, where git was told: `Name <mail>`.
pub fn identity(folder: &Path) -> Option<String> {
    let repository = open(folder).ok()?;
    let signature = repository.signature().ok()?;
    Some(format!(
        "{} <{}>",
        signature.name().ok()?,
        signature.email().ok()?
    ))
}
