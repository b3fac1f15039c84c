//! Problems: mistakes whose place is still a route into a manifest; they become diagnostics when
//! somebody wants to read them.

use super::Catalog;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::manifest::parse::{Location, Places};
use crate::manifest::yaml::Step;
use crate::source::Source;

/// A mistake, with a route instead of line and column.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    /// Which sort.
    pub code: Code,
    /// How bad; none: as bad as the sort usually is.
    pub severity: Option<Severity>,
    /// The manifest.
    pub at: Location,
    /// The way into it.
    pub route: Vec<Step>,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
    /// Other places that belong to it.
    pub related: Vec<(Location, Vec<Step>, String)>,
    /// The part of the text at the end of the route that is meant: the text, and how many characters
    /// from its beginning for how many.
    pub within: Option<(String, (usize, usize))>,
}

/// What somebody makes, and the mistakes they find: for who works beside others.
pub fn found_by<T>(find: impl FnOnce(&mut Vec<Problem>) -> T) -> (T, Vec<Problem>) {
    let mut problems = Vec::new();
    (find(&mut problems), problems)
}

impl Problem {
    /// A mistake at the end of a route; the route is dotted below `spec`: `access.2.level`.
    pub fn new(code: Code, at: &Location, route: &str, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: None,
            at: at.clone(),
            route: self::route(route),
            message: message.into(),
            help: None,
            related: Vec::new(),
            within: None,
        }
    }

    /// The same about a part of the text that stands there.
    #[must_use]
    pub fn within(mut self, text: &str, part: (usize, usize)) -> Self {
        self.within = Some((text.to_owned(), part));
        self
    }

    /// The same with a way out.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The same with a way out, if there is one.
    #[must_use]
    pub fn maybe_help(mut self, help: Option<String>) -> Self {
        self.help = help.or(self.help);
        self
    }

    /// The same with another place.
    #[must_use]
    pub fn related(mut self, at: &Location, route: &str, word: impl Into<String>) -> Self {
        self.related
            .push((at.clone(), self::route(route), word.into()));
        self
    }

    fn locate(self, places: &mut Places<'_>) -> Diagnostic {
        let mut place = places.of(&self.at, &self.route);
        if let Some((text, part)) = &self.within {
            place = places.within(place, text, *part);
        }
        let mut diagnostic = Diagnostic::new(self.code, place, self.message).maybe_help(self.help);
        if let Some(severity) = self.severity {
            diagnostic.severity = severity;
        }
        for (at, route, word) in self.related {
            diagnostic = diagnostic.related(places.of(&at, &route), word);
        }
        diagnostic
    }
}

/// The diagnostics, with line and column.
///
/// A manifest of which a part is wrong is not said to lack something, too: it may well be that part.
/// And where the configuration cannot be used, nothing is said to go against it.
pub fn located(mut problems: Vec<Problem>, catalog: &Catalog, source: &Source) -> Vec<Diagnostic> {
    let guessed = catalog.is_damaged(&catalog.config.at);
    problems.retain(|problem| {
        let code = problem.code;
        let damaged = guessed || catalog.is_damaged(&problem.at);
        !(damaged && code.is_of_absence() || guessed && code.is_of_configuration())
    });
    // File by file, because each is composed for it.
    problems.sort_by(|a, b| a.at.cmp(&b.at));
    let mut places = Places::new(source);
    let problems = problems.into_iter();
    problems.map(|p| p.locate(&mut places)).collect()
}

/// `access.2.level` → steps below `spec`; `=key` as the last part is the key itself; `/metadata.name`
/// begins at the document. A part may be quoted by backticks where it has dots of its own.
pub fn route(text: &str) -> Vec<Step> {
    let (mut steps, rest) = match text.strip_prefix('/') {
        Some(rest) => (Vec::new(), rest),
        None => (vec![Step::Key("spec".into())], text),
    };
    let mut rest = rest;
    while !rest.is_empty() {
        let part;
        if let Some(quoted) = rest.strip_prefix('`') {
            let (inside, after) = quoted.split_once('`').unwrap_or((quoted, ""));
            part = inside;
            rest = after.strip_prefix('.').unwrap_or(after);
            steps.push(Step::Key(part.into()));
            continue;
        }
        (part, rest) = rest.split_once('.').unwrap_or((rest, ""));
        steps.push(match (part.parse::<usize>(), part.strip_prefix('=')) {
            (Ok(index), _) => Step::Index(index),
            (_, Some(key)) => Step::KeyOf(key.into()),
            _ => Step::Key(part.into()),
        });
    }
    steps
}
