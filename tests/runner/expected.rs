//! What a case shows, held against its `expected/`.

use super::case::Case;
use super::words;
use countersign::notify::post::Letter;
use similar::TextDiff;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The files of `expected/`.
pub struct Expected {
    folder: PathBuf,
    shows: Vec<String>,
    bless: bool,
    shown: BTreeSet<PathBuf>,
}

impl Expected {
    /// Those of a case.
    pub fn new(case: &Case) -> Self {
        Self {
            folder: case.folder.join("expected"),
            shows: case.settings.shows.clone(),
            bless: std::env::var_os("BLESS").is_some_and(|v| v == "1"),
            shown: BTreeSet::new(),
        }
    }

    /// Holds a text against the file of that name, where the case shows it.
    pub fn is(&mut self, name: &str, text: &str) -> Result<(), String> {
        let by_default = self.shows.is_empty()
            && match name {
                "plan.txt" => true,
                "diagnostics.txt" => self.shown.is_empty() && !text.is_empty(),
                _ => false,
            };
        match by_default || self.shows.iter().any(|shown| shown == name) {
            true => self.file(&self.folder.join(name), text),
            false => Ok(()),
        }
    }

    /// Holds the mails against `mails/`, where the case shows them.
    pub fn mails(&mut self, letters: &[Letter]) -> Result<(), String> {
        if !self.shows.iter().any(|shown| shown == "mails") {
            return Ok(());
        }
        if letters.is_empty() {
            return self.file(&self.folder.join("mails/none.txt"), "no mail was sent\n");
        }
        for (i, letter) in letters.iter().enumerate() {
            let name = format!("mails/{}-{}.txt", i + 1, letter.to);
            self.file(&self.folder.join(name), &words::mail(letter))?;
        }
        Ok(())
    }

    fn file(&mut self, path: &Path, text: &str) -> Result<(), String> {
        self.shown.insert(path.to_owned());
        let text = match text.is_empty() {
            true => "nothing\n",
            false => text,
        };
        if self.bless {
            let parent = path.parent().unwrap_or(Path::new("."));
            std::fs::create_dir_all(parent).map_err(|e| e.to_string())?;
            return std::fs::write(path, text).map_err(|e| e.to_string());
        }
        let name = path.display();
        let found =
            std::fs::read_to_string(path).map_err(|e| format!("{name}: {e}; BLESS=1 writes it"))?;
        match found == text {
            true => Ok(()),
            false => {
                let diff = TextDiff::from_lines(&found, text)
                    .unified_diff()
                    .to_string();
                Err(format!("{name} is no longer what comes out:\n{diff}"))
            }
        }
    }

    /// Fails for files that nothing was held against.
    pub fn end(self) -> datatest_stable::Result<()> {
        let mut folders = vec![self.folder.clone()];
        if self.shown.is_empty() {
            return Err("the case shows nothing".into());
        }
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder)? {
                let path = entry?.path();
                match (path.is_dir(), self.shown.contains(&path)) {
                    (true, _) => folders.push(path),
                    (false, true) => {}
                    (false, false) if self.bless => std::fs::remove_file(path)?,
                    (false, false) => {
                        return Err(format!("{}: nothing shows this", path.display()).into());
                    }
                }
            }
        }
        Ok(())
    }
}
