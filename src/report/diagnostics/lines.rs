//! A text → its lines, with any column of any line found at once.
//!
//! A manifest may be one line of megabytes with thousands of mistakes; finding each by counting from
//! the start of the line would take minutes.

use std::ops::Range;
use std::sync::Arc;

/// Every so many characters the byte they stand at is noted.
const STEP: usize = 256;

/// A text, ready to be shown in parts.
pub(super) struct Lines {
    text: Arc<str>,
    /// The byte of every [`STEP`]th character.
    steps: Vec<usize>,
    /// The character each line begins with, and one past the end of the text.
    starts: Vec<usize>,
}

impl Lines {
    /// Reads the text once.
    pub(super) fn of(text: Arc<str>) -> Self {
        let (mut steps, mut starts, mut characters) = (Vec::new(), vec![0], 0);
        for (byte, character) in text.char_indices() {
            if characters % STEP == 0 {
                steps.push(byte);
            }
            characters += 1;
            if character == '\n' {
                starts.push(characters);
            }
        }
        starts.push(characters + 1);
        Self {
            text,
            steps,
            starts,
        }
    }

    /// The characters of a line (1-based) without its end; none where there is no such line.
    pub(super) fn line(&self, line: u32) -> Option<Range<usize>> {
        let line = (line as usize).checked_sub(1)?;
        let (start, next) = (*self.starts.get(line)?, *self.starts.get(line + 1)?);
        let end = next - 1;
        let cr = end > start && self.slice(end - 1..end) == "\r";
        Some(start..if cr { end - 1 } else { end })
    }

    /// The text from one character to another.
    pub(super) fn slice(&self, characters: Range<usize>) -> &str {
        self.text
            .get(self.byte(characters.start)..self.byte(characters.end))
            .unwrap_or_default()
    }

    fn byte(&self, character: usize) -> usize {
        let Some(step) = self.steps.get(character / STEP) else {
            return self.text.len();
        };
        let rest = self.text.get(*step..).unwrap_or_default();
        rest.char_indices()
            .nth(character % STEP)
            .map_or(self.text.len(), |(byte, _)| step + byte)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(text: &str) -> Vec<String> {
        let lines = Lines::of(text.into());
        (1..)
            .map_while(|n| lines.line(n))
            .map(|range| lines.slice(range).to_owned())
            .collect()
    }

    #[test]
    fn lines_lose_their_ends_and_nothing_else() {
        assert_eq!(shown(""), [""]);
        assert_eq!(shown("ä\r\n\n b\r"), ["ä", "", " b"]);
        assert_eq!(shown("a\n"), ["a", ""]);
        let lines = Lines::of("a".into());
        assert_eq!(lines.line(0), None);
        assert_eq!(lines.line(2), None);
        assert_eq!(lines.line(u32::MAX), None);
    }

    proptest! {
        #[test]
        fn parts_are_what_counting_would_give(text in "[aä€\\n\\r]{0,1500}", from in 0usize..1600, long in 0usize..400) {
            let lines = Lines::of(text.as_str().into());
            let counted: String = text.chars().skip(from).take(long).collect();
            prop_assert_eq!(lines.slice(from..from + long), counted);
            let split: Vec<_> = text.split('\n').map(|l| l.strip_suffix('\r').unwrap_or(l)).collect();
            prop_assert_eq!(shown(&text), split);
        }
    }
}
