//! Texts → comments of our own below a pull request, each written only where it changed.

use super::Login;
use super::api::{Api, Comment};
use super::failure::ForgeError;
use super::parts::split;
use std::collections::BTreeMap;
use std::fmt;

/// Most comments of one marker: beyond it nobody reads, and the last one says that it was cut.
const MOST_PARTS: usize = 20;

/// What stands above each part: the marker, and which part it is; in bytes, at most.
const HEAD: usize = 200;

/// What a part says that could not be deleted.
const EMPTIED: &str = "_There is no further part any more._";

/// What tells one kept comment from another below the same pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marker(String);

/// That a text is no marker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a marker is 1 to 40 lower-case letters, digits and hyphens")]
pub struct MarkerError;

impl Marker {
    /// Reads a marker, as `diff`.
    ///
    /// # Errors
    /// When it is not 1 to 40 lower-case letters, digits and single hyphens.
    pub fn new(text: &str) -> Result<Self, MarkerError> {
        // Two hyphens would end the HTML comment it stands in.
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let fits = (1..=40).contains(&text.len()) && text.bytes().all(plain);
        match fits && !text.contains("--") {
            true => Ok(Self(text.to_owned())),
            false => Err(MarkerError),
        }
    }

    /// The first line of a part; browsers do not show it.
    fn line(&self, part: usize) -> String {
        format!("<!-- countersign:{} {part} -->", self.0)
    }

    /// Which part a comment is, if it is one of this marker.
    fn part(&self, body: &str) -> Option<usize> {
        let first = body.lines().next()?.trim_end();
        let part = first
            .strip_prefix("<!-- countersign:")?
            .strip_prefix(self.0.as_str())?
            .strip_prefix(' ')?
            .strip_suffix(" -->")?;
        part.parse().ok()
    }
}

impl fmt::Display for Marker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// What became of the comments.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Commented {
    /// Written anew.
    pub written: usize,
    /// Changed.
    pub changed: usize,
    /// As they should be already.
    pub kept: usize,
    /// Deleted, or emptied where the forge does not let them be deleted.
    pub removed: usize,
}

/// Brings the comments of a marker in line with texts.
pub(super) fn keep(
    api: &dyn Api,
    number: u64,
    marker: &Marker,
    bodies: &[String],
) -> Result<Commented, ForgeError> {
    let parts = parts(marker, bodies, api.longest_comment());
    let mut there = ours(&api.own_login()?, marker, api.comments(number)?);
    let mut done = Commented::default();
    for (index, part) in parts.iter().enumerate() {
        let known = there
            .get_mut(&(index + 1))
            .and_then(|same| match same.is_empty() {
                true => None,
                false => Some(same.remove(0)),
            });
        match known {
            Some(known) if plain(known.body.as_deref().unwrap_or_default()) == plain(part) => {
                done.kept += 1;
            }
            Some(known) => {
                api.rewrite(number, known.id, part)?;
                done.changed += 1;
            }
            None => {
                api.write(number, part)?;
                done.written += 1;
            }
        }
    }
    for (part, surplus) in there {
        for comment in surplus {
            let emptied = format!("{}\n{EMPTIED}", marker.line(part));
            if plain(comment.body.as_deref().unwrap_or_default()) == plain(&emptied) {
                continue;
            }
            match api.delete(number, comment.id) {
                Ok(()) => {}
                Err(ForgeError::Refused { status: 403, .. }) => {
                    api.rewrite(number, comment.id, &emptied)?;
                }
                Err(error) => return Err(error),
            }
            done.removed += 1;
        }
    }
    Ok(done)
}

/// Our own comments of a marker by part, the oldest first where there are several of one.
fn ours(own: &Login, marker: &Marker, all: Vec<Comment>) -> BTreeMap<usize, Vec<Comment>> {
    let mut found: BTreeMap<usize, Vec<Comment>> = BTreeMap::new();
    for comment in all {
        let by_us = comment
            .user
            .as_ref()
            .is_some_and(|user| user.login() == *own);
        let part = comment.body.as_deref().and_then(|body| marker.part(body));
        if let (true, Some(part)) = (by_us, part) {
            found.entry(part).or_default().push(comment);
        }
    }
    for same in found.values_mut() {
        same.sort_by_key(|comment| comment.id);
    }
    found
}

/// The comments as they should be.
fn parts(marker: &Marker, bodies: &[String], longest: usize) -> Vec<String> {
    let mut texts: Vec<String> = bodies
        .iter()
        .flat_map(|body| split(body, longest.saturating_sub(HEAD)))
        .collect();
    let all = texts.len();
    if all > MOST_PARTS {
        texts.truncate(MOST_PARTS - 1);
        let cut = all - texts.len();
        texts.push(format!(
            "**Cut here:** {cut} parts more would follow, and nobody would read them. The job that made this has the whole text."
        ));
    }
    let count = texts.len();
    let head = |index: usize| match count {
        1 => format!("{}\n", marker.line(1)),
        _ => format!(
            "{}\n_Part {} of {count}_\n\n",
            marker.line(index + 1),
            index + 1
        ),
    };
    let texts = texts.iter().enumerate();
    texts
        .map(|(index, text)| format!("{}{text}", head(index)))
        .collect()
}

/// A text without what forges change in it.
fn plain(text: &str) -> String {
    text.replace("\r\n", "\n").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_is_found_again_in_the_first_line_only() {
        let marker = Marker::new("diff").unwrap();
        assert_eq!(marker.part(&format!("{}\ntext", marker.line(12))), Some(12));
        assert_eq!(marker.part("<!-- countersign:diff 2 -->\r\ntext"), Some(2));
        for other in [
            "text\n<!-- countersign:diff 1 -->",
            "<!-- countersign:diff-head 1 -->",
            "<!-- countersign:diff x -->",
            "> <!-- countersign:diff 1 -->",
            "",
        ] {
            assert_eq!(marker.part(other), None, "{other}");
        }
        for no in ["", "Diff", "a--b", "a b", "-->", &"x".repeat(41)] {
            assert_eq!(Marker::new(no), Err(MarkerError), "{no}");
        }
    }

    #[test]
    fn parts_are_numbered_only_where_there_are_several_and_a_flood_is_cut() {
        let marker = Marker::new("diff").unwrap();
        let one = parts(&marker, &["text".into()], 1_000);
        assert_eq!(one, ["<!-- countersign:diff 1 -->\ntext"]);
        let two = parts(&marker, &["a".into(), "b".into()], 1_000);
        assert_eq!(two[1], "<!-- countersign:diff 2 -->\n_Part 2 of 2_\n\nb");
        let flood = parts(&marker, &["line\n".repeat(10_000)], 2_000);
        assert_eq!(flood.len(), MOST_PARTS);
        assert!(flood.iter().all(|part| part.len() <= 2_000));
        assert!(flood[MOST_PARTS - 1].contains("**Cut here:**"));
        assert!(parts(&marker, &[], 1_000).is_empty());
    }
}
