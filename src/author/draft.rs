//! Drafts: files as they would be, laid over a repository to see whether it stays valid, and then
//! written, all of them or none.

use crate::source::{File, Source};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// One file as it would be.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// Its path in the repository.
    pub path: Arc<str>,
    /// Its text; none: there is no such file any more.
    pub text: Option<String>,
    /// The bytes it has now; none: there is no such file yet.
    pub before: Option<Arc<[u8]>>,
}

impl Draft {
    /// A file that is not there yet.
    pub fn new(path: Arc<str>, text: String) -> Self {
        Self {
            path,
            text: Some(text),
            before: None,
        }
    }

    /// A file that is edited, or is no longer there.
    pub fn of(path: Arc<str>, text: Option<String>, before: Arc<[u8]>) -> Self {
        Self {
            path,
            text,
            before: Some(before),
        }
    }
}

/// The files of a repository with the drafts among them.
pub fn over(source: &Source, drafts: &[Draft]) -> Source {
    let mut source = source.clone();
    for draft in drafts {
        match &draft.text {
            Some(text) => source
                .files
                .insert(draft.path.clone(), File::of(text.as_bytes())),
            None => source.files.remove(&draft.path),
        };
    }
    source
}

/// Writes drafts into the folder of the repository.
///
/// # Errors
/// When one cannot be written: a new file is there by now, or one that is edited has changed. Those
/// that were written before it are then as they were.
pub fn write(folder: &Path, drafts: &[Draft]) -> io::Result<()> {
    let mut done: Vec<(PathBuf, Option<&Arc<[u8]>>)> = Vec::new();
    for draft in drafts {
        let path = folder.join(&*draft.path);
        let written = match (&draft.before, &draft.text) {
            (None, Some(text)) => super::file(folder, &draft.path, text.as_bytes()),
            (Some(before), Some(text)) => replace(&path, before, text.as_bytes()),
            (Some(before), None) => remove(&path, before),
            (None, None) => Ok(()),
        };
        if let Err(error) = written {
            for (path, before) in done {
                // What cannot be undone is still in the way of the next attempt, which says so.
                let _ = match before {
                    None => std::fs::remove_file(path),
                    Some(before) => std::fs::write(path, before),
                };
            }
            let words = format!("{}: {error}", draft.path);
            return Err(io::Error::new(error.kind(), words));
        }
        done.push((path, draft.before.as_ref()));
    }
    Ok(())
}

/// Replaces a file that is still as it was read.
fn replace(path: &Path, before: &[u8], text: &[u8]) -> io::Result<()> {
    if std::fs::read(path)? != before {
        return Err(io::Error::other("it was changed in the meantime"));
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text)?;
    file.as_file()
        .set_permissions(std::fs::metadata(path)?.permissions())?;
    file.persist(path)?;
    Ok(())
}

/// Removes a file that is still as it was read.
fn remove(path: &Path, before: &[u8]) -> io::Result<()> {
    if std::fs::read(path)? != before {
        return Err(io::Error::other("it was changed in the meantime"));
    }
    std::fs::remove_file(path)
}
