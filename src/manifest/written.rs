//! A part of a text that a manifest holds → where that part is written, whichever way YAML writes it:
//! plain, in quotes of either sort with their escapes, or as a block over several lines.

use std::iter::Peekable;
use std::str::Chars;

/// Where something is written: 1-based, columns and width in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
    /// How many characters of that line.
    pub width: usize,
}

/// Reads the characters of a scalar one by one, and knows where it is.
struct Pen<'s> {
    rest: Peekable<Chars<'s>>,
    line: usize,
    column: usize,
}

impl Pen<'_> {
    fn next(&mut self) -> Option<char> {
        let c = self.rest.next()?;
        match c {
            '\n' => (self.line, self.column) = (self.line + 1, 1),
            _ => self.column += 1,
        }
        Some(c)
    }

    fn next_if(&mut self, wanted: impl Fn(char) -> bool) -> bool {
        let is_it = self.rest.peek().is_some_and(|c| wanted(*c));
        if is_it {
            self.next();
        }
        is_it
    }

    fn skip(&mut self, wanted: impl Fn(char) -> bool) {
        while self.next_if(&wanted) {}
    }

    fn is_at(&mut self, c: char) -> bool {
        self.rest.peek() == Some(&c)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    Plain,
    Single,
    Double,
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

/// Where the characters `from`, `count` of them, of a text are written; the text's scalar begins at this
/// line and column of the source. None where the two cannot be brought together.
pub fn written(
    source: &str,
    (line, column): (usize, usize),
    text: &str,
    (from, count): (usize, usize),
) -> Option<Written> {
    let start = source.split_inclusive('\n').nth(line.checked_sub(1)?)?;
    let offset = start.as_ptr() as usize - source.as_ptr() as usize;
    let mut pen = Pen {
        rest: source.get(offset..)?.chars().peekable(),
        line,
        column: 1,
    };
    while pen.column < column {
        pen.next()?;
    }
    let style = match pen.rest.peek()? {
        '"' => Style::Double,
        '\'' => Style::Single,
        _ => Style::Plain,
    };
    match style {
        Style::Double | Style::Single => {
            pen.next();
        }
        // The sign of a block; its text stands below.
        Style::Plain if pen.is_at('|') || pen.is_at('>') => pen.skip(|c| c != '\n'),
        Style::Plain => {}
    }
    let mut found: Option<Written> = None;
    for (index, c) in text.chars().enumerate() {
        let (line, column) = place(&mut pen, style, c)?;
        if index < from {
            continue;
        }
        match &mut found {
            None => {
                let width = pen.column.saturating_sub(column).max(1);
                found = Some(Written {
                    line,
                    column,
                    width,
                });
            }
            Some(written) if index < from + count && line == written.line => {
                written.width = pen.column.saturating_sub(written.column).max(written.width);
            }
            Some(_) => break,
        }
    }
    // Behind the last character.
    found.or(Some(Written {
        line: pen.line,
        column: pen.column,
        width: 1,
    }))
}

/// Reads what one character of the text is written as; where that begins.
fn place(pen: &mut Pen<'_>, style: Style, c: char) -> Option<(usize, usize)> {
    // A line that goes on below.
    while style == Style::Double && pen.is_at('\\') {
        let mut ahead = pen.rest.clone();
        ahead.next();
        if ahead.peek() != Some(&'\n') {
            break;
        }
        pen.next();
        pen.skip(is_blank);
    }
    if is_blank(c) {
        let at = (pen.line, pen.column);
        match style == Style::Double && pen.is_at('\\') {
            true => escape(pen)?,
            // A break, with what indents the next line, is one blank, or one break.
            false => {
                let ahead = pen.rest.clone().find(|c| !matches!(c, ' ' | '\t' | '\r'));
                let breaks = ahead == Some('\n') && c == '\n' || pen.is_at('\n');
                match breaks || ahead == Some('\n') {
                    true => {
                        pen.skip(|c| c != '\n');
                        pen.next();
                        pen.skip(|c| c == ' ');
                    }
                    false => {
                        pen.next_if(is_blank);
                    }
                }
            }
        }
        return Some(at);
    }
    pen.skip(is_blank);
    let at = (pen.line, pen.column);
    match style {
        Style::Double if pen.is_at('\\') => escape(pen)?,
        Style::Single if c == '\'' => {
            pen.next();
            pen.next_if(|c| c == '\'');
        }
        Style::Single | Style::Double | Style::Plain => {
            if pen.next()? != c {
                return None;
            }
        }
    }
    Some(at)
}

/// Reads an escape of a text in double quotes (YAML 1.2, section 5.7).
fn escape(pen: &mut Pen<'_>) -> Option<()> {
    pen.next();
    let digits = match pen.next()? {
        'x' => 2,
        'u' => 4,
        'U' => 8,
        _ => 0,
    };
    for _ in 0..digits {
        pen.next()?;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Diagnostic;
    use crate::manifest::yaml::compose;
    use proptest::prelude::*;

    fn at(source: &str, part: &str) -> (usize, usize, usize) {
        let mut mistakes: Vec<Diagnostic> = Vec::new();
        let documents = compose(&"x.yaml".into(), source, &mut mistakes);
        let node = documents[0].root.get("k").unwrap();
        let text = node.text().unwrap();
        let before = text.split_once(part).unwrap().0.chars().count();
        let count = part.chars().count();
        let place = (node.mark.line as usize, node.mark.column as usize);
        let written = written(source, place, text, (before, count)).unwrap();
        (written.line, written.column, written.width)
    }

    #[test]
    fn a_part_is_found_however_the_text_is_written() {
        for (source, part, expected) in [
            ("k: a bad z\n", "bad", (1, 6, 3)),
            ("k: ñ bad z # bad\n", "bad", (1, 6, 3)),
            ("k: 'it''s bad'\n", "bad", (1, 11, 3)),
            ("k: \"\\\"a\\\" \\u00f1 bad\"\n", "bad", (1, 18, 3)),
            ("k: \"a\\\n   bad\"\n", "bad", (2, 4, 3)),
            ("k: a\n  && bad\n", "bad", (2, 6, 3)),
            ("k: a\n\n  && bad\n", "bad", (3, 6, 3)),
            ("k: 'a\n  bad z'\n", "bad", (2, 3, 3)),
            ("k: |\n  a\n    b bad\n", "bad", (3, 7, 3)),
            ("k: |-\n  a\n\n  bad\n", "bad", (4, 3, 3)),
            ("k: >-\n  a\n  b bad\n", "bad", (3, 5, 3)),
            ("k: >\n  a\n\n  bad c\n", "bad", (4, 3, 3)),
            ("j: {x: 1}\nk: |2\n   a\n  bad\n", "bad", (4, 3, 3)),
        ] {
            assert_eq!(at(source, part), expected, "{source}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(source in "[a'\"\\\\ \n|>]{0,40}", text in "[a'\"\\\\ \n|>]{0,20}", line in 0usize..4, column in 0usize..9, from in 0usize..25, count in 0usize..9) {
            let _ = written(&source, (line, column), &text, (from, count));
        }
    }
}
