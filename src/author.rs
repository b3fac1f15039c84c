//! Authoring: writes what begins an access repository, new manifests, edits of old ones, and the
//! branches they are proposed on.

pub mod clone;
pub mod draft;
pub mod edit;
pub mod fold;
pub mod place;
pub mod text;

use crate::manifest::Kind;
use crate::manifest::schema::{file_name, schema};
use std::io;
use std::path::Path;

/// The folder of the schemas in an access repository; its dot keeps it from being read as manifests.
pub const SCHEMAS: &str = ".schema";

/// Writes a file and the folders above it; one that is there is never written over.
///
/// # Errors
/// When it cannot be written, or is there already.
pub fn file(folder: &Path, name: &str, text: &[u8]) -> io::Result<()> {
    use std::io::Write as _;
    let path = folder.join(name);
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    let mut file = std::fs::File::options()
        .write(true)
        .create_new(true)
        .open(path)?;
    file.write_all(text)
}

/// Writes the schemas that the manifests' first lines name, so that editors find them.
///
/// # Errors
/// When one cannot be written.
pub fn schemas(folder: &Path) -> io::Result<()> {
    for kind in Kind::ALL {
        let mut text = serde_json::to_string_pretty(&schema(kind)).unwrap_or_default();
        text.push('\n');
        file(
            folder,
            &format!("{SCHEMAS}/{}", file_name(kind)),
            text.as_bytes(),
        )?;
    }
    Ok(())
}

/// What git leaves alone in an access repository: what is kept without an operator's file.
pub const GITIGNORE: &str =
    "# What countersign keeps here when there is no operator's file\n/.countersign/\n";
