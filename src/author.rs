//! Authoring: writes what begins an access repository, new manifests, edits of old ones, and the
//! branches they are proposed on.

pub mod accept;
pub mod ci;
pub mod clone;
pub mod draft;
pub mod edit;
pub mod fold;
pub mod form;
pub mod place;
pub mod schemas;
pub mod text;

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

/// What git leaves alone in an access repository: what is kept without an operator's file.
pub const GITIGNORE: &str =
    "# What countersign keeps here when there is no operator's file\n/.countersign/\n";
