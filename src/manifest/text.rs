//! Bytes of a file → text that can be read, and what can be said of it before it is YAML.

use super::Kind;
use super::yaml::is_document_start;
use crate::diagnostic::{Code, Diagnostic, Place};
use crate::name::ManifestName;
use std::sync::Arc;

/// Most unseen characters reported of one file: a binary file has them everywhere.
const MOST_UNSEEN: usize = 20;

/// The text of a file without its byte order mark; none where reading on would only mislead.
pub fn readable<'a>(
    path: &Arc<str>,
    bytes: &'a [u8],
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<&'a str> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.strip_prefix('\u{feff}').unwrap_or(text),
        Err(error) => {
            let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
            diagnostics.push(
                Diagnostic::new(
                    Code::NotUtf8,
                    behind(path, &String::from_utf8_lossy(before)),
                    "the file is not UTF-8 from here on",
                )
                .help("save it as UTF-8 (not UTF-16, not Windows-1252)"),
            );
            return None;
        }
    };
    let before = diagnostics.len();
    diagnostics.extend(unseen(path, text).take(MOST_UNSEEN));
    diagnostics.extend(unmerged(path, text));
    (diagnostics.len() == before).then_some(text)
}

/// The place behind a text.
fn behind(path: &Arc<str>, text: &str) -> Place {
    let line = text.matches('\n').count() as u32 + 1;
    let column = text.rsplit('\n').next().unwrap_or_default().chars().count() as u32 + 1;
    Place {
        file: path.clone(),
        line,
        column,
        width: 1,
    }
}

/// The first character of each line that a review does not show, or shows as something else.
///
/// Line ends that only some readers take for one (YAML 1.1 and 1.2 differ, section 5.4 of both) and
/// characters that turn the direction of writing are among them.
fn unseen<'a>(path: &'a Arc<str>, text: &'a str) -> impl Iterator<Item = Diagnostic> + 'a {
    let unseen = |c: char| {
        (c.is_control() && c != '\t')
            || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    (1..).zip(text.split('\n')).filter_map(move |(number, line)| {
        let line = line.strip_suffix('\r').unwrap_or(line);
        let (column, c) = (1..).zip(line.chars()).find(|(_, c)| unseen(*c))?;
        let place = Place { file: path.clone(), line: number, column, width: 1 };
        let message = format!("the file has the control character U+{:04X}", c as u32);
        let help = match c {
            '\r' => "end lines with a line feed, or with carriage return and line feed",
            _ => "delete it, or write it in quotes as `\\u....`; a binary file does not belong here",
        };
        Some(Diagnostic::new(Code::ControlCharacter, place, message).help(help))
    })
}

/// Every merge that was left unfinished: where it begins, or what is left of it.
fn unmerged(path: &Arc<str>, text: &str) -> Vec<Diagnostic> {
    let lines = || (1..).zip(text.lines());
    let begin: Vec<_> = lines()
        .filter(|(_, line)| line.starts_with("<<<<<<<"))
        .collect();
    let rest = |line: &str| line.starts_with(">>>>>>>") || line == "=======";
    let found = match begin.is_empty() {
        true => lines().find(|(_, line)| rest(line)).into_iter().collect(),
        false => begin,
    };
    let diagnostic = |(number, line): (u32, &str)| {
        let width = line.chars().count() as u32;
        let place = Place {
            file: path.clone(),
            line: number,
            column: 1,
            width,
        };
        Diagnostic::new(Code::MergeMarker, place, "a merge was left unfinished here")
            .help("decide which side is meant and take the marker lines out")
    };
    found.into_iter().map(diagnostic).collect()
}

/// What a text that cannot be read seems to declare: kind and name as a person would see them.
///
/// So that one unclosed bracket is one mistake, and not one more wherever the name is used.
pub fn declared(text: &str) -> Vec<(Kind, ManifestName)> {
    let mut found = Vec::new();
    let (mut kind, mut name) = (None, None);
    for line in text.lines() {
        if is_document_start(line) {
            (kind, name) = (None, None);
        } else if let Some(said) = line.strip_prefix("kind:") {
            kind = Kind::ALL
                .into_iter()
                .find(|kind| kind.as_str() == plain(said));
        } else if name.is_none() {
            let flow = line
                .strip_prefix("metadata:")
                .and_then(|rest| rest.split_once('{'));
            let entry = flow.map_or(line, |(_, entries)| entries).trim_start();
            let inside = flow.is_some() || line.starts_with(' ');
            let said = entry.strip_prefix("name:").filter(|_| inside);
            name = said.and_then(|said| ManifestName::new(plain(said)).ok());
        }
        if let (Some(whole), Some(said)) = (kind, name.clone()) {
            found.push((whole, said));
            kind = None;
        }
    }
    found
}

/// A value without quotes and without what follows it.
fn plain(value: &str) -> &str {
    let value = value.trim_start().trim_start_matches(['"', '\'']);
    value
        .split([' ', '\t', '\r', '"', '\'', ',', '}', '#'])
        .next()
        .unwrap_or_default()
}

/// What looks like a secret: it would be in git for ever.
pub fn secrets(path: &Arc<str>, text: &str) -> Vec<Diagnostic> {
    const MARKS: [&str; 8] = [
        "PRIVATE KEY-----",
        "AGE-SECRET-KEY-1",
        "ghp_",
        "github_pat_",
        "glpat-",
        "xoxb-",
        "AKIA",
        "-----BEGIN PGP PRIVATE",
    ];
    if !MARKS.iter().any(|mark| text.contains(mark)) && !text.contains(LINK) {
        return Vec::new();
    }
    let token = |line: &str, at: usize, mark: &str| {
        let rest = &line[at + mark.len()..];
        let long = rest
            .bytes()
            .take_while(|b| b.is_ascii_alphanumeric() || *b == b'_')
            .count();
        mark.contains("KEY") || mark.contains("PGP") || long >= 16
    };
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let marked = MARKS.iter().find_map(|mark| {
            let at = line.find(mark).filter(|at| token(line, *at, mark))?;
            Some((at, mark.len()))
        });
        if let Some((at, width)) = marked.or_else(|| password(line)) {
            let place = Place {
                file: path.clone(),
                line: number as u32 + 1,
                column: line[..at].chars().count() as u32 + 1,
                width: line[at..at + width].chars().count() as u32,
            };
            found.push(
                Diagnostic::new(Code::Secret, place, "this looks like a secret")
                    .help("take it out, and replace it where it is used: whoever reads the repository has it"),
            );
        }
    }
    found
}

/// Stands between a link's scheme and its host.
const LINK: &str = "://";

/// A name with a password before the host of a link: where it begins, and how many bytes it has.
fn password(line: &str) -> Option<(usize, usize)> {
    line.match_indices(LINK).find_map(|(at, _)| {
        let begin = at + LINK.len();
        let host = line[begin..]
            .split(|c: char| c.is_whitespace() || "/?#\\\"'<>".contains(c))
            .next()?;
        let (user, _) = host.rsplit_once('@')?;
        let (_, password) = user.split_once(':')?;
        (!password.is_empty()).then_some((begin, user.len()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(bytes: &[u8]) -> Vec<(Code, u32, u32)> {
        let mut diagnostics = Vec::new();
        let text = readable(&"f.yaml".into(), bytes, &mut diagnostics);
        assert_eq!(text.is_some(), diagnostics.is_empty());
        diagnostics
            .iter()
            .map(|d| (d.code, d.place.line, d.place.column))
            .collect()
    }

    #[test]
    fn what_a_review_does_not_show_is_found_on_every_line() {
        let text = "a: \0b\0\r\nb: c\rd: e\n\u{85}\nä\u{202e}\n\u{200f}\tx\r\n";
        let control = Code::ControlCharacter;
        assert_eq!(
            places(text.as_bytes()),
            [
                (control, 1, 4),
                (control, 2, 5),
                (control, 3, 1),
                (control, 4, 2)
            ]
        );
        assert_eq!(places("\0\n".repeat(1_000).as_bytes()).len(), MOST_UNSEEN);
    }

    #[test]
    fn every_unfinished_merge_is_found_and_half_a_merge_too() {
        let text = "a: 1\n<<<<<<< x\n=======\n>>>>>>> y\n<<<<<<< x\n=======\n>>>>>>> y\n";
        assert_eq!(
            places(text.as_bytes()),
            [(Code::MergeMarker, 2, 1), (Code::MergeMarker, 5, 1)]
        );
        assert_eq!(places(b"a: 1\r\n=======\r\n"), [(Code::MergeMarker, 2, 1)]);
        assert_eq!(places(b"a: |\n  =======\n"), []);
    }

    #[test]
    fn other_encodings_are_told_by_their_first_byte() {
        assert_eq!(places(b"a: b\nc: \xe4\n"), [(Code::NotUtf8, 2, 4)]);
        assert_eq!(places(b"\xff\xfea\0"), [(Code::NotUtf8, 1, 1)]);
        assert_eq!(places("\u{feff}a: b\n".as_bytes()), []);
    }

    #[test]
    fn names_are_seen_in_what_is_no_yaml() {
        let text = "kind: User # x\nmetadata: {name: kim, labels: {}\nspec: [\n---\napiVersion: x\nmetadata:\n  name: \"its\"\nkind: 'Organization'\nspec:\n  - name: other\n---\nkind: Thing\nmetadata: {name: x}\n";
        let names = declared(text);
        let names: Vec<_> = names
            .iter()
            .map(|(kind, name)| (*kind, name.as_str()))
            .collect();
        assert_eq!(names, [(Kind::User, "kim"), (Kind::Organization, "its")]);
    }

    #[test]
    fn what_looks_like_a_secret_is_found_once_a_line() {
        let text = "a: ghp_0123456789abcdef0\nb: ghp_short\n-----BEGIN OPENSSH PRIVATE KEY-----\n";
        let found = secrets(&"f.yaml".into(), text);
        let found: Vec<_> = found
            .iter()
            .map(|d| (d.place.line, d.place.column))
            .collect();
        assert_eq!(found, [(1, 4), (3, 20)]);
    }

    #[test]
    fn a_password_before_the_host_of_a_link_is_found() {
        let text = "url: https://kim:hunter2@host.example/\nurl: https://kim@host\nurl: https://host:443/a:b@c\n\
                    ä: see ssh://git@host and ldaps://cn=x:pä@host.\nurl: 'https://kim:'\n";
        let found = secrets(&"f.yaml".into(), text);
        let found: Vec<_> = found
            .iter()
            .map(|d| (d.place.line, d.place.column, d.place.width))
            .collect();
        assert_eq!(found, [(1, 14, 11), (4, 35, 7)]);
    }
}
