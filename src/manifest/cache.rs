//! What was parsed before, kept by blob id: a run parses only what changed.
//!
//! A text of lines, so that all cores read it: the build, then a JSON array for each blob. Only manifests
//! without a mistake are kept. A cache of another build is not read: its types may differ.

use super::parse::{Body, Known};
use crate::source::Blob;
use foldhash::{HashMap, HashMapExt as _};
use rayon::prelude::*;
use std::collections::BTreeSet;
use std::fs;
use std::io::{self, BufRead, Read as _, Write as _};
use std::path::Path;

/// What a cache must name to be read.
const BUILD: &str = concat!(env!("CARGO_PKG_VERSION"), " 2");

/// The manifests of a file: place in it, line of the name, what it says.
type Bodies = Vec<(u32, u32, Body)>;

impl Known {
    /// Reads a cache; none where there is none of this build.
    pub fn load(file: &Path) -> Option<Self> {
        let file = fs::File::open(file).ok()?;
        Self::read(io::BufReader::with_capacity(SECTION, file))
    }

    fn read(mut file: impl BufRead + Send) -> Option<Self> {
        let mut build = String::new();
        file.read_line(&mut build).ok()?;
        if build.strip_suffix('\n') != Some(BUILD) {
            return None;
        }
        let sections = std::iter::from_fn(|| section(&mut file).transpose());
        let kept = sections.par_bridge().map(|lines| blobs(&lines.ok()?));
        // All of them or none, whatever is wrong: it ends with the first that cannot be read.
        let kept: Vec<_> = kept.collect::<Option<_>>()?;
        let mut known = HashMap::with_capacity(kept.iter().map(Vec::len).sum());
        for (blob, bodies) in kept.into_iter().flatten() {
            if known.insert(blob, bodies).is_some() {
                return None;
            }
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

/// How many bytes of a cache are read at once, while those before are parsed: few enough that they are still at
/// hand then.
const SECTION: usize = 128 * 1024;

/// The next lines of a cache; none behind the last.
fn section(file: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut lines = Vec::with_capacity(SECTION + SECTION / 8);
    file.take(SECTION as u64).read_to_end(&mut lines)?;
    file.read_until(b'\n', &mut lines)?;
    Ok(Some(lines).filter(|lines| !lines.is_empty()))
}

/// The blobs of some lines; none where one of them cannot be read.
fn blobs(lines: &[u8]) -> Option<Vec<(Blob, Bodies)>> {
    let lines = lines.strip_suffix(b"\n").unwrap_or(lines);
    lines.split(|byte| *byte == b'\n').map(blob).collect()
}

fn blob(line: &[u8]) -> Option<(Blob, Bodies)> {
    let (blob, bodies): (&str, Bodies) = serde_json::from_slice(line).ok()?;
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

    #[test]
    fn what_is_longer_than_is_read_at_once_is_read_to_its_end() {
        let mut known = Known::default();
        for i in 0..2000_u32 {
            let name = format!("p{i:0>20}");
            let long = "x".repeat(if i == 7 { 3 * SECTION } else { 100 });
            let text = format!(
                "apiVersion: countersign/v1\nkind: Profile\nmetadata: {{name: {name}}}\nspec: {{displayName: {long}}}\n"
            );
            let (bodies, mistakes) = check_text("p.yaml", &text);
            assert_eq!(mistakes, []);
            let bodies = bodies.into_iter().map(|b| (0, 3, b)).collect();
            known.0.insert(Blob::of(text.as_bytes()), bodies);
        }
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("manifests.jsonl");
        let blobs: BTreeSet<Blob> = known.0.keys().copied().collect();
        known.save(&file, &blobs).unwrap();
        assert!(fs::metadata(&file).unwrap().len() > 6 * SECTION as u64);
        assert_eq!(Known::load(&file).unwrap().0, known.0);
        // Half a line is not a cache, and neither is what has a line twice, or an empty one.
        let text = fs::read(&file).unwrap();
        let line = text.split_inclusive(|b| *b == b'\n').nth(1).unwrap();
        let broken = [
            &text[..text.len() - 10],
            &[&text[..], line].concat(),
            &[&text[..], b"\n"].concat(),
        ];
        for broken in broken {
            assert!(Known::read(broken).is_none());
        }
    }

    #[test]
    fn what_cannot_be_read_to_its_end_is_no_cache() {
        struct Broken;
        impl io::Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StaleNetworkFileHandle.into())
            }
        }
        let lines = 0..(3 * SECTION / 46);
        let lines: String = lines.map(|i| format!("[\"{i:040x}\",[]]\n")).collect();
        let text = || io::Cursor::new(format!("{BUILD}\n{lines}"));
        let whole = Known::read(io::BufReader::new(text()));
        assert_eq!(whole.unwrap().0.len(), 3 * SECTION / 46);
        let broken = io::BufReader::new(text().chain(Broken));
        assert!(Known::read(broken).is_none());
    }
}
