//! Diagnostics → text for people, and the formats that forges and editors read.
//!
//! Invariant: every format is complete and can be parsed when there is nothing to say, and none
//! leaves a diagnostic out. The order is the one given: [`crate::diagnostic::sorted`] makes it.

mod github;
mod gitlab;
mod human;
mod json;
mod junit;
mod lines;
mod sarif;

use crate::diagnostic::{Diagnostic, Severity};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::sync::Arc;

/// How diagnostics are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// The line, underlined, in words; styled with ANSI, which `anstream` takes out where nobody sees it.
    Human,
    /// An array of objects.
    Json,
    /// Workflow commands of GitHub Actions: marks in the pull request's files.
    Github,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// GitLab's code quality report.
    Gitlab,
    /// JUnit XML: each file is a test.
    Junit,
}

impl Format {
    /// Every format, in the order the documents list them.
    pub const ALL: [Self; 6] = [
        Self::Human,
        Self::Json,
        Self::Github,
        Self::Sarif,
        Self::Gitlab,
        Self::Junit,
    ];

    /// The word behind `--format`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Human => "human",
            Self::Json => "json",
            Self::Github => "github",
            Self::Sarif => "sarif",
            Self::Gitlab => "gitlab",
            Self::Junit => "junit",
        }
    }
}

/// Where the text of a file is found, by its path; none where it cannot be shown.
pub type Texts<'a> = &'a dyn Fn(&str) -> Option<Arc<str>>;

/// Writes diagnostics, in the order given; `manifests` is how many were looked at.
///
/// Ends in a line feed wherever it is not empty; only [`Format::Github`] is ever empty.
pub fn render(
    diagnostics: &[Diagnostic],
    manifests: usize,
    texts: Texts<'_>,
    format: Format,
) -> String {
    match format {
        Format::Human => human::render(diagnostics, manifests, texts),
        Format::Json => json::render(diagnostics),
        Format::Github => github::render(diagnostics),
        Format::Sarif => sarif::render(diagnostics),
        Format::Gitlab => gitlab::render(diagnostics),
        Format::Junit => junit::render(diagnostics, manifests),
    }
}

/// A number with its noun.
fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// `3 errors, 1 warning`; empty where there is neither.
fn tally<'a>(diagnostics: impl IntoIterator<Item = &'a Diagnostic>) -> String {
    let (mut errors, mut warnings) = (0, 0);
    for diagnostic in diagnostics {
        match diagnostic.severity {
            Severity::Error => errors += 1,
            Severity::Warning => warnings += 1,
        }
    }
    match (errors, warnings) {
        (0, 0) => String::new(),
        (_, 0) => count(errors, "error"),
        (0, _) => count(warnings, "warning"),
        _ => format!("{}, {}", count(errors, "error"), count(warnings, "warning")),
    }
}

/// One text a diagnostic, by which a forge knows it again after lines have moved: 64 hex digits.
///
/// Made from code, file and message; of equal ones the first, second … is told apart.
fn fingerprints(diagnostics: &[Diagnostic]) -> Vec<String> {
    let mut seen: HashMap<(&str, &str, &str), usize> = HashMap::new();
    diagnostics
        .iter()
        .map(|d| {
            let parts = (d.code.as_str(), &*d.place.file, d.message.as_str());
            let nth = seen.entry(parts).and_modify(|n| *n += 1).or_insert(0);
            let text = format!("{}\0{}\0{}\0{nth}", parts.0, parts.1, parts.2);
            Sha256::digest(text)
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect()
        })
        .collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::diagnostic::{Code, Place};

    pub(in crate::report) fn at(file: &str, line: u32, column: u32, width: u32) -> Place {
        Place {
            file: file.into(),
            line,
            column,
            width,
        }
    }

    /// Three of them in two files, with everything a diagnostic can have.
    pub(in crate::report) fn three() -> Vec<Diagnostic> {
        vec![
            Diagnostic::new(
                Code::UnknownField,
                at("users/kim.yaml", 3, 3, 4),
                "`spec` has no field `tipe`",
            )
            .help("did you mean `type`?"),
            Diagnostic::new(
                Code::DuplicateKey,
                at("users/kim.yaml", 4, 3, 5),
                "`title` stands here twice",
            )
            .related(at("users/kim.yaml", 2, 3, 5), "first here"),
            Diagnostic::new(
                Code::UnquotedDate,
                at("users/ä b,c:d%.yaml", 1, 7, 10),
                "some readers take `2027-02-01` for a timestamp",
            ),
        ]
    }

    #[test]
    fn an_equal_diagnostic_keeps_its_fingerprint_when_it_moves() {
        let before = three();
        let mut moved = three();
        for diagnostic in &mut moved {
            diagnostic.place.line += 7;
        }
        assert_eq!(fingerprints(&before), fingerprints(&moved));
        let twice = [before[0].clone(), before[0].clone()];
        let prints = fingerprints(&twice);
        assert_ne!(prints[0], prints[1]);
        assert!(prints.iter().all(|p| p.len() == 64));
    }

    #[test]
    fn tallies_read_well() {
        let all = three();
        assert_eq!(tally(&all), "2 errors, 1 warning");
        assert_eq!(tally(&all[..1]), "1 error");
        assert_eq!(tally(&all[2..]), "1 warning");
        assert_eq!(tally(&[]), "");
    }

    #[test]
    fn every_format_ends_its_last_line_and_has_a_word_of_its_own() {
        for format in Format::ALL {
            let text = render(&three(), 2, &|_| None, format);
            assert!(text.ends_with('\n'), "{format:?}");
            let none = render(&[], 2, &|_| None, format);
            assert_eq!(none.is_empty(), format == Format::Github, "{format:?}");
            assert_eq!(
                Format::ALL
                    .iter()
                    .filter(|f| f.as_str() == format.as_str())
                    .count(),
                1
            );
        }
    }
}
