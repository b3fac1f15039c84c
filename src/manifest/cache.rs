//! What was parsed before, kept by blob id: a run parses only what changed.
//!
//! Only manifests without a mistake are kept. A cache of another build is not read: its types may
//! differ.

use super::parse::{Body, Known};
use crate::source::Blob;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;

/// What a cache must name to be read.
const BUILD: &str = concat!(env!("CARGO_PKG_VERSION"), " 1");

/// The manifests of a file: place in it, line of the name, what it says.
type Bodies = Vec<(u32, u32, Body)>;

#[derive(Deserialize)]
struct Cache {
    build: String,
    blobs: Vec<(String, Bodies)>,
}

#[derive(Serialize)]
struct CacheRef<'a> {
    build: &'a str,
    blobs: Vec<(String, &'a Bodies)>,
}

impl Known {
    /// Reads a cache; none where there is none of this build.
    pub fn load(file: &Path) -> Option<Self> {
        let bytes = fs::read(file).ok()?;
        let cache: Cache = serde_json::from_slice(&bytes).ok()?;
        if cache.build != BUILD {
            return None;
        }
        let mut known = Self::default();
        for (blob, bodies) in cache.blobs {
            known.0.insert(from_hex(&blob)?, bodies);
        }
        Some(known)
    }

    /// Writes a cache of these blobs.
    ///
    /// # Errors
    /// When the file cannot be written; the old one is left then.
    pub fn save(&self, file: &Path, blobs: &BTreeSet<Blob>) -> io::Result<()> {
        let kept = blobs
            .iter()
            .filter_map(|blob| Some((to_hex(blob), self.0.get(blob)?)));
        let cache = CacheRef {
            build: BUILD,
            blobs: kept.collect(),
        };
        let folder = file.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder)?;
        let mut new = tempfile::NamedTempFile::new_in(folder)?;
        serde_json::to_writer(io::BufWriter::new(&mut new), &cache)?;
        new.persist(file)?;
        Ok(())
    }
}

fn to_hex(blob: &Blob) -> String {
    blob.0.iter().map(|b| format!("{b:02x}")).collect()
}

fn from_hex(text: &str) -> Option<Blob> {
    let mut blob = Blob([0; 20]);
    if text.len() != 40 {
        return None;
    }
    for (i, byte) in blob.0.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * i..2 * i + 2)?, 16).ok()?;
    }
    Some(blob)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::parse::check_text;

    #[test]
    fn what_was_kept_is_what_was_parsed() {
        let text = "apiVersion: countersign/v1\nkind: Profile\nmetadata: {name: p}\nspec:\n  access:\n    - {resource: a, until: \"2027-01-01\"}\n    - {resource: b}\n";
        let (bodies, _) = check_text("p.yaml", text);
        let blob = Blob([7; 20]);
        let mut known = Known::default();
        known
            .0
            .insert(blob, bodies.into_iter().map(|b| (0, 3, b)).collect());
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a/manifests.json");
        known.save(&file, &BTreeSet::from([blob])).unwrap();
        let again = Known::load(&file).unwrap();
        assert_eq!(again.0, known.0);
        let Body::Profile(profile) = &again.0[&blob][0].2 else {
            panic!("no profile")
        };
        assert_eq!(profile.spec.access[1].line.0, 7, "lines are kept too");
        fs::write(&file, "{\"build\":\"other\",\"blobs\":[]}").unwrap();
        assert!(Known::load(&file).is_none());
    }
}
