//! Making a signed tag, as git itself makes one: it knows keys, agents and formats.

use super::SourceError;
use super::git::open;
use std::path::Path;
use std::process::{Command, Stdio};

/// That a tag cannot be made.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum TagError {
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error("git cannot be run")]
    Git(#[source] std::io::Error),
    #[error("git did not make the tag: {0}")]
    Refused(String),
}

/// Makes a signed tag of a commit, with the user's own configuration.
///
/// # Errors
/// [`TagError`]; there is then no new tag.
pub fn sign(folder: &Path, name: &str, commit: &str, message: &str) -> Result<(), TagError> {
    git(folder, &["tag", "-s", "-m", message, name, commit])
}

/// Takes a tag back.
///
/// # Errors
/// [`TagError`] when git does not.
pub fn remove(folder: &Path, name: &str) -> Result<(), TagError> {
    git(folder, &["tag", "-d", name])
}

fn git(folder: &Path, arguments: &[&str]) -> Result<(), TagError> {
    let repository = open(folder)?;
    let made = Command::new("git")
        .arg("--git-dir")
        .arg(repository.path())
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .map_err(TagError::Git)?;
    match made.status.success() {
        true => Ok(()),
        false => {
            let said = String::from_utf8_lossy(&made.stderr);
            Err(TagError::Refused(said.trim().to_owned()))
        }
    }
}
