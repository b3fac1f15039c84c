//! Diagnostics → what people read: the line, the mark under it, why, and the way out.

use super::lines::Lines;
use super::{Texts, count, tally};
use crate::diagnostic::{Diagnostic, Place, Severity};
use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use std::collections::{BTreeMap, BTreeSet};

/// Longest line shown whole, in characters: longer ones are cut around the mark.
const LONGEST: usize = 300;
/// Of a line that is cut, what is shown in front of the mark.
const BEFORE: usize = 120;
/// Longest mark, in characters: more of a line that long says nothing.
const WIDEST: usize = 120;
/// Nearest lines are shown in one piece; what is farther away gets a place of its own.
const NEAR: u32 = 6;

pub(super) fn render(diagnostics: &[Diagnostic], manifests: usize, texts: Texts<'_>) -> String {
    if diagnostics.is_empty() {
        return format!("no mistakes in {}\n", count(manifests, "manifest"));
    }
    let mut files = Files {
        texts,
        read: BTreeMap::new(),
    };
    let mut text = String::new();
    for diagnostic in diagnostics {
        text.push_str(&report(diagnostic, &mut files));
        text.push_str("\n\n");
    }
    let touched: BTreeSet<&str> = diagnostics.iter().map(|d| &*d.place.file).collect();
    text + &format!(
        "{} in {}\n",
        tally(diagnostics),
        count(touched.len(), "file")
    )
}

fn report(diagnostic: &Diagnostic, files: &mut Files<'_>) -> String {
    let Diagnostic {
        code,
        severity,
        place,
        message,
        help,
        related,
    } = diagnostic;
    let level = match severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level
        .primary_title(visible(message, &['\n']))
        .id(code.as_str());
    let mut group = Group::with_title(title);
    let (near, far): (Vec<_>, Vec<_>) = related
        .iter()
        .partition(|(other, _)| files.show_together(place, other));
    let mut marks = vec![Mark {
        place,
        kind: AnnotationKind::Primary,
        word: None,
    }];
    marks.extend(near.into_iter().map(Mark::related));
    let mut headers = Vec::new();
    group = place_of(group, &marks, files, &mut headers);
    for other in far {
        group = place_of(group, &[Mark::related(other)], files, &mut headers);
    }
    if let Some(help) = help {
        group = group.element(Level::HELP.message(visible(help, &['\n'])));
    }
    let text = Renderer::styled().render(&[group]);
    headers.into_iter().fold((text, 0), correct).0
}

/// A place and why it is marked.
struct Mark<'a> {
    place: &'a Place,
    kind: AnnotationKind,
    word: Option<&'a str>,
}

impl<'a> Mark<'a> {
    fn related((place, word): &'a (Place, String)) -> Self {
        Self {
            place,
            kind: AnnotationKind::Context,
            word: Some(word),
        }
    }
}

/// `file:line:column` as it would be shown, and as it must be where a line was cut.
struct Header {
    shown: String,
    meant: String,
}

/// Adds the lines that marks of one file stand on, or only where that is when there is no such line.
fn place_of<'a>(
    group: Group<'a>,
    marks: &[Mark<'a>],
    files: &mut Files<'_>,
    headers: &mut Vec<Header>,
) -> Group<'a> {
    let [Mark { place, word, .. }, ..] = marks else {
        return group;
    };
    let path = visible(&place.file, &[]);
    let Some((snippet, column)) = files
        .of(&place.file)
        .and_then(|lines| snippet(lines, marks))
    else {
        let origin = Origin::path(path).line(place.line as usize);
        let group = group.element(origin.char_column(place.column as usize));
        return match word {
            Some(word) => group.element(Level::NOTE.message(visible(word, &['\n']))),
            None => group,
        };
    };
    headers.push(Header {
        shown: format!("{path}:{}:{column}", place.line),
        meant: format!("{path}:{}:{}", place.line, place.column),
    });
    group.element(snippet.path(path))
}

/// The lines from the first mark to the last, and the column the first mark of the list has there.
fn snippet<'a>(lines: &Lines, marks: &[Mark<'a>]) -> Option<(Snippet<'a, Annotation<'a>>, usize)> {
    let numbers = || marks.iter().map(|mark| mark.place.line);
    let (first, last) = (numbers().min()?, numbers().max()?);
    let (mut source, mut annotations, mut columns) = (String::new(), Vec::new(), Vec::new());
    for number in first..=last {
        let line = lines.line(number)?;
        let length = line.len();
        let here = || marks.iter().filter(|mark| mark.place.line == number);
        let hidden = match here().next() {
            Some(mark) if length > LONGEST => start(mark.place, length).saturating_sub(BEFORE),
            _ => 0,
        };
        let from = line.start + hidden;
        let shown = from..line.end.min(from + LONGEST);
        let offset = source.len();
        source.push_str(&visible(lines.slice(shown.clone()), &['\t']));
        for mark in here() {
            let begin = start(mark.place, length).saturating_sub(hidden);
            let width = (mark.place.width as usize).clamp(1, WIDEST);
            let byte = |character| byte(&source[offset..], character) + offset;
            let span = byte(begin)..byte(begin + width);
            annotations.push(
                mark.kind
                    .span(span)
                    .label(mark.word.map(|w| visible(w, &[]))),
            );
            if mark.place == marks.first()?.place {
                columns.push(begin + 1);
            }
        }
        source.push('\n');
    }
    let snippet = Snippet::source(source)
        .line_start(first as usize)
        .annotations(annotations);
    Some((snippet, *columns.first()?))
}

/// The first character of a mark within its line, from 0; the end of the line where it is beyond.
fn start(place: &Place, length: usize) -> usize {
    (place.column as usize).saturating_sub(1).min(length)
}

fn byte(text: &str, character: usize) -> usize {
    text.char_indices()
        .nth(character)
        .map_or(text.len(), |(byte, _)| byte)
}

/// Puts the true column into a header; searches from where the last one ended, behind the title.
fn correct((text, from): (String, usize), Header { shown, meant }: Header) -> (String, usize) {
    let arrow = text
        .get(from..)
        .and_then(|rest| rest.find(&shown))
        .map(|at| at + from);
    match arrow {
        Some(at) => {
            let end = at + shown.len();
            (
                format!("{}{meant}{}", &text[..at], &text[end..]),
                at + meant.len(),
            )
        }
        None => (text, from),
    }
}

/// The files that were looked into, each read once.
struct Files<'a> {
    texts: Texts<'a>,
    read: BTreeMap<String, Option<Lines>>,
}

impl Files<'_> {
    fn of(&mut self, file: &str) -> Option<&Lines> {
        if !self.read.contains_key(file) {
            let text = (self.texts)(file);
            // Columns are counted behind a byte order mark.
            let text = text.map(|t| t.strip_prefix('\u{feff}').map_or(t.clone(), Into::into));
            self.read.insert(file.to_owned(), text.map(Lines::of));
        }
        self.read.get(file)?.as_ref()
    }

    fn show_together(&mut self, place: &Place, other: &Place) -> bool {
        let near = place.file == other.file && place.line.abs_diff(other.line) <= NEAR;
        near && self.of(&place.file).is_some_and(|lines| {
            let whole = |p: &Place| lines.line(p.line).is_some_and(|l| l.len() <= LONGEST);
            whole(place) && whole(other)
        })
    }
}

/// The text with a picture for every character that would move or recolour what is shown; one for
/// one, so that columns stay.
fn visible(text: &str, kept: &[char]) -> String {
    let picture = |c: char| match c {
        c if kept.contains(&c) => c,
        '\0'..='\u{1f}' => char::from_u32(0x2400 + c as u32).unwrap_or('\u{fffd}'),
        '\u{7f}' => '\u{2421}',
        '\u{80}'..='\u{9f}' | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' => {
            '\u{fffd}'
        }
        '\u{2066}'..='\u{2069}' => '\u{fffd}',
        c => c,
    };
    text.chars().map(picture).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{at, three};
    use super::*;
    use crate::diagnostic::Code;
    use proptest::prelude::*;
    use std::sync::Arc;

    fn plain(diagnostics: &[Diagnostic], text: &str) -> String {
        let text: Arc<str> = text.into();
        let styled = render(diagnostics, 7, &|file| {
            (file == "users/kim.yaml").then(|| text.clone())
        });
        anstream::adapter::strip_str(&styled).to_string()
    }

    fn kim(line: u32, column: u32, width: u32) -> Diagnostic {
        Diagnostic::new(
            Code::BadValue,
            at("users/kim.yaml", line, column, width),
            "no",
        )
    }

    #[test]
    fn the_line_is_shown_with_its_mark_its_help_and_what_belongs_to_it() {
        let text = "spec:\n  title: Clerk\n  tipe: employee\n  title: Clerk\n";
        assert_eq!(
            plain(&three(), text),
            "\
error[unknown-field]: `spec` has no field `tipe`
 --> users/kim.yaml:3:3
  |
3 |   tipe: employee
  |   ^^^^
  |
  = help: did you mean `type`?

error[duplicate-key]: `title` stands here twice
 --> users/kim.yaml:4:3
  |
2 |   title: Clerk
  |   ----- first here
3 |   tipe: employee
4 |   title: Clerk
  |   ^^^^^

warning[unquoted-date]: some readers take `2027-02-01` for a timestamp
--> users/ä b,c:d%.yaml:1:7

2 errors, 1 warning in 2 files
"
        );
    }

    #[test]
    fn nothing_found_says_how_much_was_looked_at() {
        assert_eq!(plain(&[], ""), "no mistakes in 7 manifests\n");
        assert_eq!(render(&[], 1, &|_| None), "no mistakes in 1 manifest\n");
    }

    #[test]
    fn a_far_place_and_another_file_get_places_of_their_own() {
        let text = format!("a: 1\n{}a: 2\n", "\n".repeat(20));
        let far = kim(22, 1, 1)
            .related(at("users/kim.yaml", 1, 1, 1), "first here")
            .related(at("users/else.yaml", 3, 5, 1), "and here")
            .help("keep one");
        assert_eq!(
            plain(&[far], &text),
            "\
error[bad-value]: no
  --> users/kim.yaml:22:1
   |
22 | a: 2
   | ^
   |
  ::: users/kim.yaml:1:1
   |
 1 | a: 1
   | - first here
  ::: users/else.yaml:3:5
   = note: and here
   = help: keep one

1 error in 1 file
"
        );
    }

    #[test]
    fn a_long_line_is_cut_around_the_mark_and_the_column_stays_true() {
        let text = format!("a: {}HERE{}\n", "ä".repeat(5000), "b".repeat(5000));
        let shown = plain(&[kim(1, 5004, 4)], &text);
        assert!(shown.contains("--> users/kim.yaml:1:5004\n"), "{shown}");
        assert!(
            shown.contains("äHEREb") && shown.contains("^^^^"),
            "{shown}"
        );
        let longest = shown.lines().map(|l| l.chars().count()).max();
        assert!(longest < Some(160), "{shown}");
        let both = kim(1, 5004, 4).related(at("users/kim.yaml", 1, 9000, 1), "there");
        let shown = plain(&[both], &text);
        assert!(shown.contains("--> users/kim.yaml:1:5004\n"), "{shown}");
        assert!(shown.contains("::: users/kim.yaml:1:9000\n"), "{shown}");
    }

    #[test]
    fn tabs_wide_letters_and_windows_line_ends_keep_the_mark_in_place() {
        let shown = plain(&[kim(2, 5, 3)], "\u{feff}a:\r\n\tb: bad\r\n");
        assert!(shown.contains("--> users/kim.yaml:2:5\n"), "{shown}");
        assert!(
            shown.contains("2 |     b: bad\n  |        ^^^\n"),
            "{shown}"
        );
        let shown = plain(&[kim(1, 4, 1)], "日本:x\r\n");
        assert!(shown.contains("1 | 日本:x\n  |      ^\n"), "{shown}");
    }

    #[test]
    fn nothing_in_a_repository_can_steer_the_terminal() {
        let file = "users/\u{1b}[2J\n.yaml";
        let bad = "\u{1b}]0;owned\u{7}\u{9b}31m\u{202e}";
        let diagnostic = Diagnostic::new(Code::BadValue, at(file, 1, 2, 1), bad).help(bad);
        let shown = render(&[diagnostic], 1, &|_| Some(bad.into()));
        let shown = anstream::adapter::strip_str(&shown).to_string();
        assert!(shown.contains("␛]0;owned␇"), "{shown}");
        assert!(shown.contains("users/␛[2J␊.yaml:1:2"), "{shown}");
        assert!(
            !shown.contains(|c: char| c.is_control() && c != '\n'),
            "{shown:?}"
        );
    }

    #[test]
    fn a_file_that_is_one_long_line_of_mistakes_takes_no_time() {
        let text = "ä: 1, ".repeat(500_000);
        let all: Vec<_> = (0..2_000).map(|n| kim(1, 2_990_000 - n * 6, 1)).collect();
        let begin = std::time::Instant::now();
        let shown = plain(&all, &text);
        assert!(shown.ends_with("2000 errors in 1 file\n"));
        assert!(begin.elapsed().as_secs() < 30, "{:?}", begin.elapsed());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]
        #[test]
        fn no_place_and_no_text_makes_it_panic(
            text in prop_oneof!["[ab\\t\\r\\n\u{feff}ä日\u{301}\u{200d}]{0,40}", "\\PC{0,400}"],
            message in any::<String>(),
            places in proptest::collection::vec(
                (0u32..6, prop_oneof![0u32..40, 290u32..420, Just(u32::MAX)], prop_oneof![0u32..9, Just(u32::MAX)]), 1..4,
            ),
        ) {
            let mut places = places.into_iter().map(|(l, c, w)| at("users/kim.yaml", l, c, w));
            let place = places.next().unwrap();
            let (line, column) = (place.line, place.column);
            let first = Diagnostic::new(Code::Syntax, place, message.clone());
            let all = places.fold(first, |d, place| d.related(place, message.clone()));
            let shown = plain(&[all], &text);
            prop_assert!(shown.ends_with("1 error in 1 file\n"));
            prop_assert!(shown.contains(&format!("users/kim.yaml:{line}:{column}\n")), "{}", shown);
        }
    }
}
