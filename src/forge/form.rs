//! A pull request that a bot opened from a filled form → who filled the form in, as the forge tells it.
//!
//! The form is an issue. The bot names it twice: in the branch, whose name ends in its number, as
//! `request/form-12`, and in the text, as a line `Closes #12`. The text is anybody's who may edit the
//! pull request, and holds what a stranger wrote in the form; the name of the branch is the bot's alone.
//! So the branch says which issue, the text must not say another, and only the forge says whose it is.

use super::Login;
use super::api::{Api, Read};
use super::failure::ForgeError;
use regex::Regex;
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// Words that close an issue on one of the forges, and the issue.
/// Source: <https://docs.github.com/en/issues/tracking-your-work-with-issues/linking-a-pull-request-to-an-issue>,
/// <https://docs.gitlab.com/user/project/issues/managing_issues/#default-closing-pattern>.
#[allow(clippy::expect_used)] // a constant
static CLOSES: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(?:clos(?:e[sd]?|ing)|fix(?:e[sd]|ing)?|resolv(?:e[sd]?|ing)|implement(?:s|ed|ing)?):?\s+(\S*?)#([0-9]+)")
        .expect("a pattern")
});

/// Who filled in the form that a bot turned into a pull request.
///
/// # Errors
/// [`ForgeError::Form`] when the bot does not name one issue, when that was not written by a person, or
/// is none of this repository.
pub(super) fn filled_in_by(
    api: &dyn Api,
    bots: &BTreeSet<Login>,
    read: &Read,
) -> Result<Login, ForgeError> {
    let number = read.pull_request.number;
    let failed = |why: String| ForgeError::Form {
        number,
        bot: read.pull_request.author.clone(),
        why,
    };
    let issue = named(&read.branch, &read.text).map_err(|why| failed(why.into()))?;
    let found = match api.issue(issue) {
        Ok(found) => found,
        // It was deleted, or the token may not see it: nobody can tell whose it was.
        Err(
            error @ ForgeError::Refused {
                status: 404 | 410, ..
            },
        ) => {
            return Err(failed(error.to_string()));
        }
        Err(error) => return Err(error),
    };
    let elsewhere = found
        .repository
        .as_ref()
        .is_some_and(|repository| !repository.eq_ignore_ascii_case(&read.repository));
    if found.number != issue || elsewhere {
        return Err(failed(format!("issue #{issue} was moved elsewhere")));
    }
    if found.is_pull_request {
        return Err(failed(format!("#{issue} is no issue")));
    }
    if found.created_at > read.created_at {
        return Err(failed(format!("issue #{issue} is younger")));
    }
    match found.author {
        Some(author) if !found.by_bot && !bots.contains(&author) => Ok(author),
        Some(author) => Err(failed(format!(
            "issue #{issue} was opened by {author}, which is a bot too"
        ))),
        None => Err(failed(format!(
            "whoever opened issue #{issue} has no account any more"
        ))),
    }
}

/// The issue that a branch and a text name.
fn named(branch: &str, text: &str) -> Result<u64, &'static str> {
    let before = branch.trim_end_matches(|c: char| c.is_ascii_digit());
    let by_branch = branch
        .strip_prefix(before)
        .filter(|_| before.ends_with(['-', '/']))
        .and_then(|digits| digits.parse::<u64>().ok())
        .ok_or("its branch does not end in the number of an issue, as `request/form-12` does")?;
    let mut by_text = BTreeSet::new();
    for found in CLOSES.captures_iter(text) {
        if !found[1].is_empty() {
            return Err("its text closes an issue of another repository");
        }
        by_text.insert(found[2].parse::<u64>().unwrap_or(0));
    }
    let line = format!("closes #{by_branch}");
    let said = text.lines().any(|said| {
        let said = said.trim();
        let said = said.strip_suffix('.').unwrap_or(said);
        said.eq_ignore_ascii_case(&line)
    });
    match by_text.into_iter().collect::<Vec<u64>>()[..] {
        [only] if only == by_branch && said => Ok(by_branch),
        [] => Err("its text has no line `Closes #…`"),
        [only] if only == by_branch => Err("its text has no line that is only `Closes #…`"),
        [_] => Err("its text and its branch name different issues"),
        _ => Err("its text closes several issues"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn branch_and_text_must_name_the_same_issue() {
        for (branch, text, expected) in [
            ("request/form-12", "New hire\n\nCloses #12\n", Ok(12)),
            ("request/12", "closes #12\r\n", Ok(12)),
            ("request/form-12", "Form: #12\n\nCloses #12.", Ok(12)),
            ("request/form-12", "Closes #99", Err("different")),
            ("request/form-12", "Closes #12\n\nFixes #99", Err("several")),
            (
                "request/form-12",
                "Closes #12 and resolves: #99",
                Err("several"),
            ),
            (
                "request/form-12",
                "Closes #12\ncloses city/other#12",
                Err("another repository"),
            ),
            (
                "request/form-12",
                "Closes #12\ncloses https://github.com/city/other/issues/#12",
                Err("another repository"),
            ),
            ("request/form-12", "this closes #12, I hope", Err("only")),
            ("request/form-12", "", Err("no line")),
            ("request/issue12", "Closes #12", Err("branch does not end")),
            ("12", "Closes #12", Err("branch does not end")),
            ("main", "Closes #12", Err("branch does not end")),
            ("request/é", "Closes #12", Err("branch does not end")),
            ("", "", Err("branch does not end")),
            (
                "request/issue-99999999999999999999",
                "Closes #99999999999999999999",
                Err("branch does not end"),
            ),
        ] {
            match (named(branch, text), expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{branch} {text}"),
                (Err(found), Err(expected)) => {
                    assert!(found.contains(expected), "{branch} {text}: {found}");
                }
                (found, _) => panic!("{branch} {text}: {found:?}"),
            }
        }
    }
}
