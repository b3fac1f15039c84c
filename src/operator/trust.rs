//! Whether the operator's file can be believed: where it lies, and who can change it.
//!
//! The access repository is changed by pull requests. What lies in one of its worktrees, in its own
//! folder, or behind a link in either, could be changed by one.

use super::OperatorError;
use std::collections::VecDeque;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

/// Most links on the way to a file, as on Linux.
const MOST_LINKS: usize = 40;

/// The access repository on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Repository {
    /// The root of the worktree, without links on the way.
    root: PathBuf,
    /// The folder that all its worktrees share (`.git`); none outside git.
    common: Option<PathBuf>,
}

impl Repository {
    /// The repository that a folder is in, or the folder itself where it is in none.
    pub(super) fn at(folder: &Path) -> io::Result<Self> {
        let folder = folder.canonicalize()?;
        Ok(match worktree(&folder) {
            Some((root, common)) => Self {
                root,
                common: Some(common),
            },
            None => Self {
                root: folder,
                common: None,
            },
        })
    }

    /// The root of the worktree.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Whether a file, there or not yet, lies in the repository or is reached over a link in it.
    pub(super) fn holds(&self, path: &Path) -> bool {
        let Ok(path) = std::path::absolute(path) else {
            return true;
        };
        let mut ahead: VecDeque<PathBuf> = path.components().map(own).collect();
        let mut at = PathBuf::new();
        let mut links = 0;
        while let Some(part) = ahead.pop_front() {
            match part.components().next() {
                Some(Component::ParentDir) => {
                    at.pop();
                }
                Some(Component::Normal(name)) => match fs::read_link(at.join(name)) {
                    Ok(target) => {
                        links += 1;
                        if links > MOST_LINKS || self.is_ours(&at) {
                            return true;
                        }
                        for part in target.components().rev() {
                            ahead.push_front(own(part));
                        }
                    }
                    Err(_) => at.push(name),
                },
                Some(Component::RootDir | Component::Prefix(_)) => at.push(part),
                Some(Component::CurDir) | None => {}
            }
        }
        self.is_ours(&at)
    }

    /// Whether a path without links on the way is in a worktree, or in the folder they share.
    fn is_ours(&self, path: &Path) -> bool {
        let Some(common) = &self.common else {
            return path.starts_with(&self.root);
        };
        path.starts_with(&self.root)
            || path.starts_with(common)
            || worktree(path).is_some_and(|(_, other)| other == *common)
    }
}

fn own(part: Component<'_>) -> PathBuf {
    PathBuf::from(part.as_os_str())
}

/// The nearest worktree above a path, and the folder it shares with its siblings.
fn worktree(path: &Path) -> Option<(PathBuf, PathBuf)> {
    path.ancestors()
        .find_map(|root| Some((root.to_owned(), common(root)?)))
}

/// Where the `.git` of a worktree leads (gitrepository-layout: `gitdir:` and `commondir`).
fn common(root: &Path) -> Option<PathBuf> {
    let dot_git = root.join(".git");
    if dot_git.is_dir() {
        return dot_git.canonicalize().ok();
    }
    let text = fs::read_to_string(&dot_git).ok()?;
    let git = root.join(text.strip_prefix("gitdir:")?.trim());
    let shared = match fs::read_to_string(git.join("commondir")) {
        Ok(shared) => git.join(shared.trim()),
        Err(_) => git,
    };
    shared.canonicalize().ok()
}

/// Refuses a file that lies in the repository, or that anybody could have written.
pub(super) fn check(path: &Path, repository: &Repository) -> Result<(), OperatorError> {
    if repository.holds(path) {
        return Err(OperatorError::Inside {
            path: path.display().to_string(),
            repository: repository.root().display().to_string(),
        });
    }
    let failed = OperatorError::io(path);
    let canonical = path.canonicalize().map_err(failed)?;
    for file in [Some(canonical.as_path()), canonical.parent()]
        .into_iter()
        .flatten()
    {
        if anybody_writes(file).map_err(OperatorError::io(file))? {
            return Err(OperatorError::Writable {
                path: file.display().to_string(),
            });
        }
    }
    Ok(())
}

/// Whether anybody can change a file, or put another one in its place. In a folder with the sticky
/// bit (`/tmp`) only a file's owner can.
#[cfg(unix)]
fn anybody_writes(path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::PermissionsExt;
    let metadata = fs::metadata(path)?;
    let mode = metadata.permissions().mode();
    let sticky = metadata.is_dir() && mode & 0o1000 != 0;
    Ok(mode & 0o002 != 0 && !sticky)
}

#[cfg(not(unix))]
fn anybody_writes(_: &Path) -> io::Result<bool> {
    Ok(false)
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    /// `access/` with a second worktree `other/`, and `etc/` beside them.
    fn machine() -> (tempfile::TempDir, PathBuf, Repository) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        for path in [
            "access/.git/worktrees/other",
            "access/users",
            "other/users",
            "etc",
        ] {
            fs::create_dir_all(root.join(path)).unwrap();
        }
        fs::write(
            root.join("other/.git"),
            "gitdir: ../access/.git/worktrees/other\n",
        )
        .unwrap();
        fs::write(
            root.join("access/.git/worktrees/other/commondir"),
            "../..\n",
        )
        .unwrap();
        fs::write(root.join("etc/operator.yaml"), "version: 1\n").unwrap();
        let repository = Repository::at(&root.join("access/users")).unwrap();
        (folder, root, repository)
    }

    #[test]
    fn the_repository_is_every_worktree_of_it_and_its_own_folder() {
        let (_folder, root, repository) = machine();
        assert_eq!(repository.root(), root.join("access"));
        for inside in [
            "access/operator.yaml",
            "access/users/new/operator.yaml",
            "access/.git/operator.yaml",
            "other/operator.yaml",
            "etc/../access/operator.yaml",
        ] {
            assert!(repository.holds(&root.join(inside)), "{inside}");
        }
        for outside in [
            "etc/operator.yaml",
            "access/../etc/operator.yaml",
            "access-2/operator.yaml",
        ] {
            assert!(!repository.holds(&root.join(outside)), "{outside}");
        }
        let from_other = Repository::at(&root.join("other")).unwrap();
        assert!(from_other.holds(&root.join("access/operator.yaml")));
        assert!(!from_other.holds(&root.join("etc/operator.yaml")));
    }

    #[test]
    fn a_link_into_or_in_the_repository_is_the_repository() {
        let (_folder, root, repository) = machine();
        symlink(root.join("access/users"), root.join("etc/users")).unwrap();
        symlink("../etc/operator.yaml", root.join("access/link.yaml")).unwrap();
        symlink(root.join("access/link.yaml"), root.join("etc/over.yaml")).unwrap();
        symlink("operator.yaml", root.join("etc/beside.yaml")).unwrap();
        symlink("loop", root.join("etc/loop")).unwrap();
        for inside in [
            "etc/users/new.yaml",
            "access/link.yaml",
            "etc/over.yaml",
            "etc/loop",
        ] {
            assert!(repository.holds(&root.join(inside)), "{inside}");
        }
        assert!(!repository.holds(&root.join("etc/beside.yaml")));
    }

    #[test]
    fn a_folder_outside_git_is_the_whole_of_it() {
        let (_folder, root, _) = machine();
        let repository = Repository::at(&root.join("etc")).unwrap();
        assert_eq!(repository.root(), root.join("etc"));
        assert!(repository.holds(&root.join("etc/operator.yaml")));
        assert!(!repository.holds(&root.join("access/operator.yaml")));
    }

    #[test]
    fn what_anybody_could_have_written_is_refused() {
        let (_folder, root, repository) = machine();
        let path = root.join("etc/operator.yaml");
        let mode = |path: &Path, mode| {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        };
        mode(&path, 0o644);
        assert!(check(&path, &repository).is_ok());
        mode(&path, 0o646);
        assert!(matches!(
            check(&path, &repository),
            Err(OperatorError::Writable { .. })
        ));
        mode(&path, 0o644);
        mode(&root.join("etc"), 0o777);
        assert!(matches!(
            check(&path, &repository),
            Err(OperatorError::Writable { .. })
        ));
        mode(&root.join("etc"), 0o1777);
        assert!(check(&path, &repository).is_ok());
        let inside = check(&root.join("access/operator.yaml"), &repository);
        assert!(matches!(inside, Err(OperatorError::Inside { .. })));
        let missing = check(&root.join("etc/no.yaml"), &repository);
        assert!(matches!(missing, Err(OperatorError::Io { .. })));
    }
}
