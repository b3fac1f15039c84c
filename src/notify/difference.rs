//! Two lists of lines to one: what goes, what comes, what stays, in the form of a unified diff.

use serde::Serialize;
use similar::{ChangeTag, TextDiff};

/// One line of a difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DifferenceLine {
    /// Whether it goes, comes or stays.
    pub mark: Mark,
    /// The sign in front of it: `-`, `+` or a blank.
    pub sign: char,
    /// The line.
    pub text: String,
}

/// Whether a line goes, comes or stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mark {
    /// It was there and will not be.
    Goes,
    /// It was not there and will be.
    Comes,
    /// It was and will be there.
    Stays,
}

impl Mark {
    fn sign(self) -> char {
        match self {
            Self::Goes => '-',
            Self::Comes => '+',
            Self::Stays => ' ',
        }
    }
}

/// Compares two lists of lines; all lines that stay are in the result, so it needs no hunk headers.
pub fn difference(before: &[String], after: &[String]) -> Vec<DifferenceLine> {
    let before: Vec<&str> = before.iter().map(String::as_str).collect();
    let after: Vec<&str> = after.iter().map(String::as_str).collect();
    TextDiff::from_slices(&before, &after)
        .iter_all_changes()
        .map(|change| {
            let mark = match change.tag() {
                ChangeTag::Delete => Mark::Goes,
                ChangeTag::Insert => Mark::Comes,
                ChangeTag::Equal => Mark::Stays,
            };
            DifferenceLine {
                mark,
                sign: mark.sign(),
                text: change.value().to_owned(),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_stands_beside_what_stays() {
        let lines = |of: &[&str]| of.iter().map(|l| (*l).to_owned()).collect::<Vec<_>>();
        let shown: Vec<String> = difference(
            &lines(&["User name: m.lopez", "Phone: 1", "Room: 7"]),
            &lines(&["User name: m.lopez", "Phone: 2", "Room: 7", "Fax: 3"]),
        )
        .iter()
        .map(|l| format!("{}{}", l.sign, l.text))
        .collect();
        assert_eq!(
            shown,
            [
                " User name: m.lopez",
                "-Phone: 1",
                "+Phone: 2",
                " Room: 7",
                "+Fax: 3"
            ]
        );
    }
}
