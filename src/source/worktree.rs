//! Reading a folder as it lies there.

use super::{
    File, LARGEST_FILE, Sort, Source, SourceError, link, sort, submodule, too_large, unnamed,
};
use crate::diagnostic::{Code, Diagnostic, Place};
use std::fs;
use std::path::Path;
use std::sync::Arc;

pub(super) fn read(folder: &Path) -> Result<Source, SourceError> {
    let mut source = Source::default();
    walk(folder, ("", true), &mut source)?;
    Ok(source)
}

fn walk(
    folder: &Path,
    (prefix, plain): (&str, bool),
    source: &mut Source,
) -> Result<(), SourceError> {
    let failed = |path: &Path| {
        let path = path.display().to_string();
        move |source| SourceError::Io { path, source }
    };
    let mut entries = fs::read_dir(folder)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(failed(folder))?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name();
        let plain = plain && name.to_str().is_some();
        let name = name.to_string_lossy();
        if name.starts_with('.') {
            continue;
        }
        let path: Arc<str> = format!("{prefix}{name}").into();
        let kind = entry.file_type().map_err(failed(&entry.path()))?;
        if kind.is_dir() && fs::symlink_metadata(entry.path().join(".git")).is_ok() {
            source.diagnostics.push(submodule(&path));
        } else if kind.is_dir() {
            walk(&entry.path(), (&format!("{path}/"), plain), source)?;
        } else if sort(&path) != Sort::Other {
            if !plain {
                source.diagnostics.push(unnamed(&path));
            }
            if kind.is_symlink() || !kind.is_file() {
                source.diagnostics.push(link(&path));
            } else {
                file(&entry.path(), &path, source);
            }
        }
    }
    Ok(())
}

fn file(at: &Path, path: &Arc<str>, source: &mut Source) {
    let read = fs::metadata(at).and_then(|meta| match meta.len() > LARGEST_FILE {
        true => Ok(Err(meta.len())),
        false => fs::read(at).map(Ok),
    });
    match read {
        Ok(Ok(bytes)) => source.add(vec![(path.clone(), File::of(&bytes))]),
        Ok(Err(size)) => source.diagnostics.push(too_large(path, size)),
        Err(error) => source.diagnostics.push(
            Diagnostic::new(
                Code::FileUnreadable,
                Place::of_file(path),
                format!("the file cannot be read: {error}"),
            )
            .help("check its permissions"),
        ),
    }
}
