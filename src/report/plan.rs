//! Plans → text for people and for programs.
//!
//! Invariant: what comes from a manifest or a directory reaches people only as [`text::Shown`]: on one
//! line, nothing in it invisible, nothing that steers a terminal. Markdown has it in code spans only.

mod human;
mod json;
pub mod ldif;
pub(super) mod markdown;
mod outline;
mod standing;
pub(super) mod text;
mod words;

#[cfg(test)]
mod cast;

pub use json::plan_schema;
pub(super) use json::tidy;

use crate::plan::{Plan, Step};

/// One step in one line, as the plan for people says it, after whom it is for.
pub fn told(step: Step<'_>) -> String {
    let (user, line) = match step {
        Step::Change(change) => (change.user.as_ref(), words::change(change, &[])),
        Step::Task(task) => (Some(&task.task.user), words::task(task, &[])),
    };
    match user {
        Some(user) => format!("{user}: {}", line.text()),
        None => line.text(),
    }
}

/// How a plan is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// By person, in words, with what goes, what comes, and why.
    Human,
    /// The plan itself: what `apply` reads, as [`plan_schema`] describes it.
    Json,
    /// A pull request's comment.
    Markdown,
    /// The directory's changes as RFC 2849 change records.
    Ldif,
}

impl Format {
    /// Every format, in the order the documents list them.
    pub const ALL: [Self; 4] = [Self::Human, Self::Json, Self::Markdown, Self::Ldif];

    /// The word behind `--format`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Human => "human",
            Self::Json => "json",
            Self::Markdown => "markdown",
            Self::Ldif => "ldif",
        }
    }
}

/// Whether text for people has colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Styling {
    /// It has none, and needs none to be understood.
    Plain,
    /// It has, as ANSI escapes.
    Ansi,
}

/// Writes a plan; only [`Format::Human`] heeds the styling. Never empty, ends in a line feed.
pub fn render(plan: &Plan, format: Format, styling: Styling) -> String {
    match format {
        Format::Human => human::render(plan, styling),
        Format::Json => json::render(plan),
        Format::Markdown => markdown::render(plan),
        Format::Ldif => ldif::render(plan),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_rich_plan_reads_as_it_was_reviewed() {
        for (format, name) in [
            (Format::Human, "plan.txt"),
            (Format::Markdown, "plan.md"),
            (Format::Ldif, "plan.ldif"),
            (Format::Json, "plan.json"),
        ] {
            let path = format!("tests/cases/report/everything-a-plan-can-say/expected/{name}");
            cast::assert_blessed(&path, &render(&cast::rich(), format, Styling::Plain));
        }
    }

    #[test]
    fn every_format_has_a_word_and_ends_its_last_line_even_of_nothing() {
        for format in Format::ALL {
            for plan in [cast::rich(), cast::nothing(), cast::hostile()] {
                for styling in [Styling::Plain, Styling::Ansi] {
                    let text = render(&plan, format, styling);
                    assert!(
                        text.ends_with('\n') && !text.ends_with("\n\n"),
                        "{format:?}"
                    );
                    assert_eq!(text, render(&plan, format, styling), "the same bytes twice");
                }
            }
        }
        let words: std::collections::BTreeSet<_> = Format::ALL.map(Format::as_str).into();
        assert_eq!(words.len(), Format::ALL.len());
    }

    /// Lines that a reader takes for a change, a task or a record.
    fn points(text: &str) -> usize {
        let begins = [
            "  + ", "  - ", "  ~ ", "  > ", "  ! ", "  ? ", "  = ", "- `", "dn:",
        ];
        text.lines()
            .filter(|line| begins.iter().any(|b| line.starts_with(b)))
            .count()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn no_text_of_a_plan_reaches_the_reader_raw(text in any::<String>()) {
            let plan = cast::saying(&text);
            for format in [Format::Human, Format::Markdown, Format::Ldif] {
                let written = render(&plan, format, Styling::Plain);
                let raw = |c: char| c != '\n' && text::is_unseen(c);
                prop_assert!(!written.contains(raw), "{:?} {}", format, written);
                let usual = render(&cast::saying("x"), format, Styling::Plain);
                prop_assert_eq!(points(&written), points(&usual), "{:?} {}", format, written);
            }
        }
    }
}
