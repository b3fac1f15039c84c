//! Asking: what was not said as a flag is asked on a terminal; in a pipe it is an error that names the
//! flag.

use super::{Exit, Failed, talk};
use std::cell::RefCell;
use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

/// Whoever can be asked, and what nobody could be asked for.
pub struct Asker {
    who: Who,
    missing: RefCell<Vec<String>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Who {
    Somebody,
    Nobody,
}

/// What is asked for.
pub struct Prompt<'a> {
    /// The flag that says it: `--given-name`, `--answer officePhone=…`.
    pub flag: &'a str,
    /// What people are asked.
    pub label: &'a str,
    /// A hint below it.
    pub hint: Option<String>,
    /// What an empty line means.
    pub default: Option<String>,
    /// Whether there must be one.
    pub need: Need,
    /// Why a text will not do.
    pub refused: &'a dyn Fn(&str) -> Option<String>,
}

/// Whether there must be an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Without one nothing is written.
    Required,
    /// It is asked for, and may be left out.
    Wanted,
    /// It is not asked for.
    Silent,
}

impl Asker {
    /// Whoever sits at the terminal, if somebody does.
    pub fn here() -> Self {
        let terminal = io::stdin().is_terminal() && io::stderr().is_terminal();
        Self {
            who: if terminal { Who::Somebody } else { Who::Nobody },
            missing: RefCell::default(),
        }
    }

    /// Nobody, whoever sits there.
    pub fn nobody() -> Self {
        Self {
            who: Who::Nobody,
            missing: RefCell::default(),
        }
    }

    /// What was given, or is answered now; none where it is left out.
    ///
    /// # Errors
    /// When what was given will not do, or the terminal was closed.
    pub fn text(&self, given: Option<&str>, prompt: &Prompt<'_>) -> Result<Option<String>, Failed> {
        if let Some(given) = given {
            return match (prompt.refused)(given) {
                Some(why) => Err(Failed::say(Exit::Usage, format!("{}: {why}", prompt.flag))),
                None => Ok(Some(given.to_owned())),
            };
        }
        match (self.who, prompt.need) {
            (_, Need::Silent) | (Who::Nobody, Need::Wanted) => Ok(None),
            (Who::Nobody, Need::Required) => {
                let missing = format!("{} ({})", prompt.flag, prompt.label);
                self.missing.borrow_mut().push(missing);
                Ok(None)
            }
            (Who::Somebody, Need::Required | Need::Wanted) => ask(prompt),
        }
    }

    /// That nothing is missing.
    ///
    /// # Errors
    /// When a required value was neither said nor could be asked for.
    pub fn complete(&self) -> Result<(), Failed> {
        let missing = self.missing.borrow();
        match missing.as_slice() {
            [] => Ok(()),
            missing => {
                let words = format!(
                    "say {}; without a terminal nobody can be asked",
                    missing.join(", ")
                );
                Err(Failed::say(Exit::Usage, words))
            }
        }
    }
}

fn ask(prompt: &Prompt<'_>) -> Result<Option<String>, Failed> {
    if let Some(hint) = &prompt.hint {
        talk(format!("  ({hint})"));
    }
    loop {
        let default = match (&prompt.default, prompt.need) {
            (Some(default), _) => format!(" [{default}]"),
            (None, Need::Required) => String::new(),
            (None, Need::Wanted | Need::Silent) => " (may be left out)".to_owned(),
        };
        let mut err = anstream::stderr().lock();
        let said = write!(err, "{}{default}: ", prompt.label).and_then(|()| err.flush());
        said.map_err(|e| Failed::new(Exit::World, e))?;
        drop(err);
        let mut line = String::new();
        let read = io::stdin().lock().read_line(&mut line);
        if read.map_err(|e| Failed::new(Exit::World, e))? == 0 {
            return Err(Failed::say(
                Exit::Usage,
                "the answers ended early; nothing was written",
            ));
        }
        let line = line.trim();
        let answer = match (line, &prompt.default, prompt.need) {
            ("", Some(default), _) => default.clone(),
            ("", None, Need::Wanted | Need::Silent) => return Ok(None),
            ("", None, Need::Required) => {
                talk("  it is needed");
                continue;
            }
            (line, ..) => line.to_owned(),
        };
        match (prompt.refused)(&answer) {
            Some(why) => talk(format!("  {why}")),
            None => return Ok(Some(answer)),
        }
    }
}
