//! Text from manifests to text a reader can trust: one value stays on one line, and nothing in it
//! is invisible or turns the line around.

use std::fmt::Write;

/// Makes one line of a value: characters that break, hide or reorder a line are written as escapes.
pub fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => line.push_str("\\n"),
            '\r' => line.push_str("\\r"),
            '\t' => line.push_str("\\t"),
            // A write to a String cannot fail.
            c if is_unseen(c) => {
                let _ = write!(line, "\\u{{{:x}}}", u32::from(c));
            }
            c => line.push(c),
        }
    }
    line
}

/// Splits a text of several lines, such as an instruction, into lines; blank ones at both ends go.
pub fn lines(text: &str) -> Vec<String> {
    text.trim()
        .lines()
        .map(|line| one_line(&line.replace('\t', "    ")))
        .collect()
}

/// Makes one line of printable ASCII: for the comments of files whose encoding a reader may guess wrong.
pub fn ascii(text: &str) -> String {
    one_line(&deunicode::deunicode(&one_line(text)))
}

/// Whether a reader would not see the character, or would see the others elsewhere than they are.
fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{feff}'
            // joiners (200c, 200d) stay: emoji and several scripts need them
            | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_cannot_break_or_turn_its_line() {
        assert_eq!(one_line("a\r\nBcc: x"), "a\\r\\nBcc: x");
        assert_eq!(
            one_line("a\u{202e}b\u{2028}c\u{85}d"),
            "a\\u{202e}b\\u{2028}c\\u{85}d"
        );
        assert_eq!(one_line("Zoë 👩\u{200d}🌾"), "Zoë 👩\u{200d}🌾");
    }

    #[test]
    fn an_instruction_keeps_its_lines_and_nothing_else() {
        assert_eq!(
            lines("\n Open People.\n\n\tAdd \u{1b}[31mher.\n"),
            ["Open People.", "", "    Add \\u{1b}[31mher."]
        );
        assert!(lines(" \n ").is_empty());
    }

    #[test]
    fn a_comment_is_printable_ascii() {
        for text in ["Zoë\n’; x", "👩\u{200d}🌾", "\u{2028}", "Łukasz"] {
            assert!(
                ascii(text).bytes().all(|b| (b' '..=b'~').contains(&b)),
                "{text:?}"
            );
        }
        assert_eq!(ascii("Łukasz Żółć"), "Lukasz Zolc");
    }
}
