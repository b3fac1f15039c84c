//! Pages to text and HTML: with the repository's own templates where it has some, else with ours.
//!
//! Invariant: a template of the repository is bounded in steps and length, reaches nothing besides the
//! page, and cannot switch escaping off. Where it fails on a real page, the mail is written with ours:
//! no mail is lost to its wording.

mod bounds;

use super::{NotifyError, Wording};
use crate::source::TEMPLATES;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, ErrorKind, UndefinedBehavior};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Our own text of a template.
pub fn ours_of(name: &str) -> Option<&'static str> {
    let mut ours = OURS.iter();
    ours.find(|(known, _)| *known == name)
        .map(|(_, text)| *text)
}

/// What can be written otherwise, and our own text of it.
const OURS: [(&str, &str); 4] = [
    ("digest.txt", include_str!("templates/digest.txt")),
    ("digest.html", include_str!("templates/digest.html")),
    ("notice.txt", include_str!("templates/notice.txt")),
    ("notice.html", include_str!("templates/notice.html")),
];

/// Steps one rendering may take: what field templates may, for each of a hundred tasks in a mail.
const FUEL: u64 = 2_000_000;

/// Longest text that a template of the repository gives, in bytes.
const LONGEST: usize = 4 * 1024 * 1024;

/// The templates of a repository, by name (`digest.txt`); none: ours are used.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Templates {
    texts: BTreeMap<String, Arc<str>>,
    failing: Failing,
}

/// What becomes of a mail whose template fails.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Failing {
    /// It is written with ours.
    #[default]
    Ours,
    /// It is not written.
    Told,
}

/// What is wrong with a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The line, 1-based.
    pub line: u32,
    /// What is wrong, in one line.
    pub message: String,
}

impl Templates {
    /// Takes texts by path; what is not the name of a mail's template is left out.
    pub fn of(texts: &BTreeMap<Arc<str>, Arc<str>>) -> Self {
        let named = texts.iter().filter_map(|(path, text)| {
            let name = path.strip_prefix(TEMPLATES)?;
            is_known(name).then(|| (name.to_owned(), text.clone()))
        });
        Self {
            texts: named.collect(),
            failing: Failing::Ours,
        }
    }

    /// One text that is tried: where it fails, the mail fails.
    pub(super) fn on_trial(name: &str, text: &str) -> Self {
        Self {
            texts: BTreeMap::from([(name.to_owned(), text.into())]),
            failing: Failing::Told,
        }
    }
}

impl Mistake {
    /// What the engine says is wrong.
    pub(super) fn of(error: &minijinja::Error) -> Self {
        let line = error.line().and_then(|line| u32::try_from(line).ok());
        let detail = error.detail().map(str::to_owned);
        Self {
            line: line.unwrap_or(1).max(1),
            message: match (error.kind(), detail) {
                (ErrorKind::OutOfFuel, _) => "it takes too many steps".to_owned(),
                (ErrorKind::UndefinedError, _) => {
                    "it names something that is not on every such mail".to_owned()
                }
                (_, Some(detail)) => detail,
                (kind, None) => kind.to_string(),
            },
        }
    }
}

/// The names that templates can have.
pub fn names() -> impl Iterator<Item = &'static str> {
    OURS.iter().map(|(name, _)| *name)
}

/// Whether a mail is written with a template of that name.
pub fn is_known(name: &str) -> bool {
    names().any(|known| known == name)
}

/// Looks at what a template says, whatever it is filled with.
pub(super) fn check_form(text: &str) -> Result<(), Mistake> {
    bounds::check(text)
}

/// A page as it was written.
pub(super) struct Written {
    pub text: String,
    pub html: String,
    /// The repository's templates that failed on it, and how.
    pub failed: Vec<String>,
}

/// Writes a page of that name as text and as HTML.
pub(super) fn rendered(
    words: &Wording,
    name: &str,
    page: &impl Serialize,
) -> Result<Written, NotifyError> {
    let mut failed = Vec::new();
    let mut one = |end: &str| {
        let name = format!("{name}.{end}");
        let own = words.templates.texts.get(&name);
        match (
            own.map(|text| theirs(&name, text, page)),
            words.templates.failing,
        ) {
            (Some(Ok(text)), _) => Ok(text),
            (Some(Err(error)), Failing::Told) => Err(error),
            (Some(Err(error)), Failing::Ours) => {
                let Mistake { line, message } = Mistake::of(&error);
                failed.push(format!("{TEMPLATES}{name}:{line}: {message}"));
                ours(&name, page)
            }
            (None, _) => ours(&name, page),
        }
    };
    Ok(Written {
        text: one("txt")?,
        html: one("html")?,
        failed,
    })
}

fn ours(name: &str, page: &impl Serialize) -> Result<String, minijinja::Error> {
    let mut environment = environment()?;
    for (name, text) in OURS {
        environment.add_template(name, text)?;
    }
    environment.get_template(name)?.render(Serde(page))
}

fn theirs(name: &str, text: &str, page: &impl Serialize) -> Result<String, minijinja::Error> {
    let mut environment = environment()?;
    environment.set_fuel(Some(FUEL));
    for global in ["range", "dict", "debug", "namespace"] {
        environment.remove_global(global);
    }
    environment.set_formatter(bounds::written);
    environment.add_template(name, text)?;
    let template = environment.get_template(name)?;
    let mut written = Bounded(Vec::new());
    template.render_captured_to(Serde(page), &mut written)?;
    let invalid = |_| minijinja::Error::new(ErrorKind::BadEscape, "it is not text");
    String::from_utf8(written.0).map_err(invalid)
}

/// A text of limited length.
struct Bounded(Vec<u8>);

impl std::io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.0.len() + bytes.len() > LONGEST {
            let message = format!("it gives more than {LONGEST} bytes");
            return Err(std::io::Error::other(message));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn environment<'e>() -> Result<Environment<'e>, minijinja::Error> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    let mut syntax = SyntaxConfig::builder();
    syntax
        .trim_blocks(true)
        .lstrip_blocks(true)
        .keep_trailing_newline(true);
    environment.set_syntax(syntax.build()?);
    environment.set_auto_escape_callback(|name| match name.ends_with(".html") {
        true => AutoEscape::Html,
        false => AutoEscape::None,
    });
    environment.add_filter("pad", |text: String, width: usize| {
        let width = width.min(WIDEST);
        format!("{text:<width$}  ")
    });
    Ok(environment)
}

/// How wide a text can be made, in characters.
const WIDEST: usize = 200;
