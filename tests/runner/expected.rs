//! What a case shows, held against its `expected/`.

use super::case::Case;
use super::held::Held;
use super::mail;
use countersign::notify::post::Letter;

/// The files of `expected/` that a case shows.
pub struct Expected {
    files: Held,
    shows: Vec<String>,
}

impl Expected {
    /// Those of a case.
    pub fn new(case: &Case) -> Self {
        Self {
            files: Held::in_folder(case.folder.join("expected")),
            shows: case.settings.shows.clone(),
        }
    }

    /// Holds a text against the file of that name, where the case shows it.
    pub fn is(&mut self, name: &str, text: &str) -> Result<(), String> {
        let by_default = self.shows.is_empty()
            && match name {
                "plan.txt" => true,
                "diagnostics.txt" => self.files.is_empty() && !text.is_empty(),
                _ => false,
            };
        match by_default || self.shows.iter().any(|shown| shown == name) {
            true => self.files.is(name, text),
            false => Ok(()),
        }
    }

    /// Holds the mails against `mails/`, where the case shows them.
    pub fn mails(&mut self, letters: &[Letter]) -> Result<(), String> {
        if !self.shows.iter().any(|shown| shown == "mails") {
            return Ok(());
        }
        if letters.is_empty() {
            return self.files.is("mails/none.txt", "no mail was sent\n");
        }
        for (i, letter) in letters.iter().enumerate() {
            let name = format!("mails/{}-{}.txt", i + 1, letter.to);
            self.files.is(&name, &mail::mail(letter))?;
        }
        Ok(())
    }

    /// Fails for files that nothing was held against.
    pub fn end(self) -> datatest_stable::Result<()> {
        Ok(self.files.end()?)
    }
}
