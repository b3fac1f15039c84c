//! What a case is told in: a folder of files, and YAML read by the program's own reader.

use countersign::diagnostic::Diagnostic;
use countersign::manifest::{read, yaml};
use std::collections::BTreeMap;
use std::path::Path;

/// The files of a repository, by path.
pub type Files = BTreeMap<String, Vec<u8>>;

/// A value of a YAML text, by the program's own reader.
pub fn yaml_of<T: serde::de::DeserializeOwned>(file: &Path, text: &str) -> Result<T, String> {
    let mut diagnostics: Vec<Diagnostic> = Vec::new();
    let name = file.display().to_string().into();
    let documents = yaml::compose(&name, text, &mut diagnostics);
    if let Some(diagnostic) = diagnostics.first() {
        let line = diagnostic.place.line;
        return Err(format!("{name}:{line}: {}", diagnostic.message));
    }
    match documents.as_slice() {
        [only] => read::read(&only.root).map_err(|error| format!("{name}: {error}")),
        _ => Err(format!("{name} has {} documents", documents.len())),
    }
}

/// The files below a folder; links are kept as what they lead to.
pub fn files_of(folder: &Path) -> Result<Files, String> {
    let mut files = Files::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        let entries = std::fs::read_dir(&next).map_err(|e| format!("{}: {e}", next.display()))?;
        for entry in entries {
            let path = entry.map_err(|e| e.to_string())?.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(folder).map_err(|e| e.to_string())?;
            let bytes = std::fs::read(&path).map_err(|e| format!("{}: {e}", path.display()))?;
            files.insert(name.to_string_lossy().into_owned(), bytes);
        }
    }
    Ok(files)
}
