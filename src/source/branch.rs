//! A branch with one commit on top of HEAD, made beside the working folder: neither the folder nor
//! the index nor HEAD is touched.

use super::SourceError;
use super::git::open;
use git2::build::TreeUpdateBuilder;
use git2::{Commit, FileMode, Oid, Repository};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A branch that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Branch {
    /// Its name.
    pub name: String,
    /// Its one commit.
    pub commit: String,
    /// The remote it would be pushed to, where there is one.
    pub remote: Option<String>,
}

/// That a branch cannot be made.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum BranchError {
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error(
        "git does not know who you are: run `git config user.name \"…\"` and `git config user.email …`"
    )]
    Nobody,
    #[error("`{0}` is not a name that git takes for a branch")]
    Name(String),
    #[error("there is a branch `{0}` already; name another with --branch NAME")]
    Taken(String),
    #[error("git did not sign the commit: {0}")]
    Signing(String),
}

fn failed(what: &str) -> impl FnOnce(git2::Error) -> SourceError {
    let what = what.to_owned();
    move |source| SourceError::Git { what, source }
}

/// What the name of a branch is made of.
#[derive(Debug, Clone, Copy)]
pub enum Naming<'a> {
    /// This, or an error.
    Exactly(&'a str),
    /// This, or with a number behind it where it is taken.
    Like(&'a str),
}

/// Makes a branch whose one commit gives these files this content, or takes them out where there is
/// none; paths are below `folder`.
///
/// # Errors
/// [`BranchError`]; there is then no branch.
pub fn propose(
    folder: &Path,
    naming: Naming<'_>,
    files: &[(&str, Option<&[u8]>)],
    message: &str,
) -> Result<Branch, BranchError> {
    let repository = open(folder)?;
    let head = super::git::resolve(&repository, "HEAD")?;
    let name = named(&repository, naming)?;
    let prefix = prefix(&repository, folder);
    let mut update = TreeUpdateBuilder::new();
    for (path, bytes) in files {
        let place = prefix.join(path);
        match bytes {
            Some(bytes) => {
                let blob = repository.blob(bytes).map_err(failed(path))?;
                update.upsert(place, blob, FileMode::Blob);
            }
            None => {
                update.remove(place);
            }
        }
    }
    let tree = head.tree().map_err(failed("the tree of HEAD"))?;
    let tree = update
        .create_updated(&repository, &tree)
        .map_err(failed("the new tree"))?;
    let commit = commit(&repository, &head, tree, message)?;
    let commit = repository
        .find_commit(commit)
        .map_err(failed("the new commit"))?;
    repository
        .branch(&name, &commit, false)
        .map_err(failed(&name))?;
    Ok(Branch {
        remote: remote(&repository),
        commit: commit.id().to_string(),
        name,
    })
}

fn named(repository: &Repository, naming: Naming<'_>) -> Result<String, BranchError> {
    let taken = |name: &str| {
        repository
            .find_branch(name, git2::BranchType::Local)
            .is_ok()
    };
    let (Naming::Exactly(wanted) | Naming::Like(wanted)) = naming;
    if !git2::Branch::name_is_valid(wanted).unwrap_or(false) {
        return Err(BranchError::Name(wanted.to_owned()));
    }
    match naming {
        Naming::Exactly(name) if taken(name) => Err(BranchError::Taken(name.to_owned())),
        Naming::Exactly(name) => Ok(name.to_owned()),
        Naming::Like(name) => {
            let numbered = (2..).map(|number| format!("{name}-{number}"));
            let mut names = std::iter::once(name.to_owned()).chain(numbered);
            Ok(names.find(|name| !taken(name)).unwrap_or_default())
        }
    }
}

/// Where the folder lies in the repository.
fn prefix(repository: &Repository, folder: &Path) -> PathBuf {
    let workdir = repository.workdir().and_then(|w| w.canonicalize().ok());
    let folder = folder.canonicalize().ok();
    let below = workdir.zip(folder);
    let below = below.and_then(|(w, f)| f.strip_prefix(w).ok().map(Path::to_owned));
    below.unwrap_or_default()
}

fn commit(
    repository: &Repository,
    head: &Commit<'_>,
    tree: Oid,
    message: &str,
) -> Result<Oid, BranchError> {
    let signature = repository.signature().map_err(|_| BranchError::Nobody)?;
    let config = repository.config().map_err(failed("the configuration"))?;
    if config.get_bool("commit.gpgsign").unwrap_or(false) {
        return signed(repository, Some(head.id()), tree, message);
    }
    let tree = repository.find_tree(tree).map_err(failed("the new tree"))?;
    repository
        .commit(None, &signature, &signature, message, &tree, &[head])
        .map_err(|e| failed("the new commit")(e).into())
}

/// A signed commit is made by git itself: it knows keys, agents and formats.
fn signed(
    repository: &Repository,
    parent: Option<Oid>,
    tree: Oid,
    message: &str,
) -> Result<Oid, BranchError> {
    let mut git = Command::new("git");
    git.arg("--git-dir")
        .arg(repository.path())
        .args(["commit-tree", "-S", "-m", message]);
    if let Some(parent) = parent {
        git.args(["-p", &parent.to_string()]);
    }
    let made = git.arg(tree.to_string()).stdin(Stdio::null()).output();
    let made = made.map_err(|error| BranchError::Signing(error.to_string()))?;
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    match Oid::from_str(&said(&made.stdout)) {
        Ok(id) if made.status.success() => Ok(id),
        _ => Err(BranchError::Signing(said(&made.stderr))),
    }
}

/// Makes a signed commit of one file that follows nothing, and that no ref points at; its id.
///
/// # Errors
/// [`BranchError`] when git cannot write or sign.
pub fn alone(
    folder: &Path,
    path: &str,
    bytes: &[u8],
    message: &str,
) -> Result<String, BranchError> {
    let repository = open(folder)?;
    repository.signature().map_err(|_| BranchError::Nobody)?;
    let blob = repository.blob(bytes).map_err(failed(path))?;
    let mut tree = repository.treebuilder(None).map_err(failed(path))?;
    let added = tree.insert(path, blob, FileMode::Blob.into());
    added.map_err(failed(path))?;
    let tree = tree.write().map_err(failed("the new tree"))?;
    signed(&repository, None, tree, message).map(|id| id.to_string())
}

/// Where a clone keeps what git keeps, and the remote it would push to; none where it has none.
pub fn remote_of(folder: &Path) -> Option<(PathBuf, String)> {
    let repository = open(folder).ok()?;
    Some((repository.path().to_owned(), remote(&repository)?))
}

/// The remote of the present branch, else `origin`, else the only one.
fn remote(repository: &Repository) -> Option<String> {
    let head = repository.head().ok();
    let of_head = head.and_then(|head| {
        let name = head.name().ok()?.to_owned();
        let remote = repository.branch_upstream_remote(&name).ok()?;
        remote.as_str().ok().map(str::to_owned)
    });
    of_head.or_else(|| {
        let remotes = repository.remotes().ok()?;
        let names: Vec<String> = remotes
            .iter()
            .filter_map(|name| name.ok().flatten().map(str::to_owned))
            .collect();
        let origin = names.iter().find(|name| *name == "origin");
        origin
            .or(names.first().filter(|_| names.len() == 1))
            .cloned()
    })
}
