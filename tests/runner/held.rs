//! Texts held against the files of an `expected/`, which `BLESS=1` writes.

use similar::TextDiff;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// The files of an `expected/`.
pub struct Held {
    folder: PathBuf,
    bless: bool,
    shown: BTreeSet<PathBuf>,
}

impl Held {
    /// Those of a folder.
    pub fn in_folder(folder: PathBuf) -> Self {
        Self {
            folder,
            bless: std::env::var_os("BLESS").is_some_and(|v| v == "1"),
            shown: BTreeSet::new(),
        }
    }

    /// The same, written by nobody: what is shown must be there.
    #[allow(
        dead_code,
        reason = "not every runner has several that must show the same"
    )]
    pub fn read_only(self) -> Self {
        Self {
            bless: false,
            ..self
        }
    }

    /// Whether nothing was held against any of them.
    #[allow(dead_code, reason = "only cases ask")]
    pub fn is_empty(&self) -> bool {
        self.shown.is_empty()
    }

    /// Holds a text against the file of that name.
    pub fn is(&mut self, name: &str, text: &str) -> Result<(), String> {
        let path = self.folder.join(name);
        self.shown.insert(path.clone());
        let text = match text.is_empty() {
            true => "nothing\n",
            false => text,
        };
        if self.bless {
            let parent = path.parent().unwrap_or(&self.folder);
            std::fs::create_dir_all(parent).map_err(|e| e.to_string())?;
            return std::fs::write(path, text).map_err(|e| e.to_string());
        }
        let name = path.display();
        let found = std::fs::read_to_string(&path)
            .map_err(|e| format!("{name}: {e}; BLESS=1 writes it"))?;
        match found == text {
            true => Ok(()),
            false => {
                let diff = TextDiff::from_lines(found.as_str(), text)
                    .unified_diff()
                    .to_string();
                Err(format!("{name} is no longer what comes out:\n{diff}"))
            }
        }
    }

    /// Fails for files that nothing was held against.
    pub fn end(self) -> Result<(), String> {
        let mut folders = vec![self.folder.clone()];
        if self.shown.is_empty() {
            return Err("the case shows nothing".into());
        }
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).map_err(|e| e.to_string())? {
                let path = entry.map_err(|e| e.to_string())?.path();
                match (path.is_dir(), self.shown.contains(&path)) {
                    (true, _) => folders.push(path),
                    (false, true) => {}
                    (false, false) if self.bless => {
                        std::fs::remove_file(path).map_err(|e| e.to_string())?;
                    }
                    (false, false) => {
                        return Err(format!("{}: nothing shows this", path.display()));
                    }
                }
            }
        }
        Ok(())
    }
}
