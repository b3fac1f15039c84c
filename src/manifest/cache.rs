//! What was parsed before, kept by blob id: a run parses only what changed.
//!
//! A text of lines, so that all cores read it: the build, then a JSON array a blob. Only manifests
//! without a mistake are kept. A cache of another build is not read: its types may differ.

use super::parse::{Body, Known};
use crate::source::Blob;
use foldhash::{HashMap, HashMapExt as _};
use rayon::prelude::*;
use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

/// What a cache must name to be read.
const BUILD: &str = concat!(env!("CARGO_PKG_VERSION"), " 2");

/// The manifests of a file: place in it, line of the name, what it says.
type Bodies = Vec<(u32, u32, Body)>;

impl Known {
    /// Reads a cache; none where there is none of this build.
    pub fn load(file: &Path) -> Option<Self> {
        let text = fs::read_to_string(file).ok()?;
        let (build, blobs) = text.split_once('\n')?;
        if build != BUILD {
            return None;
        }
        let lines: Vec<&str> = blobs.lines().collect();
        let kept: Vec<_> = lines.par_iter().map(|line| blob(line)).collect();
        let mut known = HashMap::with_capacity(kept.len());
        for kept in kept {
            let (blob, bodies) = kept?;
            known.insert(blob, bodies);
        }
        Some(Self(known))
    }

    /// Writes a cache of these blobs.
    ///
    /// # Errors
    /// When the file cannot be written; the old one is left then.
    pub fn save(&self, file: &Path, blobs: &BTreeSet<Blob>) -> io::Result<()> {
        let kept: Vec<_> = blobs
            .iter()
            .filter_map(|blob| Some((to_hex(blob), self.0.get(blob)?)))
            .collect();
        let lines = kept.par_iter().map(serde_json::to_string);
        let lines: Vec<String> = lines.collect::<Result<_, _>>()?;
        let folder = file.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder)?;
        let mut new = tempfile::NamedTempFile::new_in(folder)?;
        let mut text = io::BufWriter::new(&mut new);
        writeln!(text, "{BUILD}")?;
        for line in lines {
            writeln!(text, "{line}")?;
        }
        text.flush()?;
        drop(text);
        new.persist(file)?;
        Ok(())
    }
}

fn blob(line: &str) -> Option<(Blob, Bodies)> {
    let (blob, bodies): (&str, Bodies) = serde_json::from_str(line).ok()?;
    Some((from_hex(blob)?, bodies))
}

fn to_hex(blob: &Blob) -> String {
    blob.0.iter().map(|b| format!("{b:02x}")).collect()
}

fn from_hex(text: &str) -> Option<Blob> {
    let digit = |digit: u8| char::from(digit).to_digit(16);
    let mut blob = Blob([0; 20]);
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if pairs.len() != blob.0.len() || !rest.is_empty() {
        return None;
    }
    for (byte, [high, low]) in blob.0.iter_mut().zip(pairs) {
        *byte = u8::try_from(digit(*high)? << 4 | digit(*low)?).ok()?;
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
        fs::write(&file, "other\n").unwrap();
        assert!(Known::load(&file).is_none());
    }
}
