//! Replaces a file by another text, wholly or not at all.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

/// Writes a new file beside it, onto the disk, and puts it in its place, rights kept.
pub(super) fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut new = tempfile::Builder::new()
        .prefix(".countersign-")
        .tempfile_in(folder)?;
    new.write_all(text)?;
    fs::set_permissions(new.path(), fs::metadata(path)?.permissions())?;
    new.as_file().sync_all()?;
    new.persist(path)?;
    // The name is on the disk once its folder is.
    File::open(folder)?.sync_all()
}
