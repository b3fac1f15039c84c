//! A long Markdown text → parts that each stand by themselves, within a limit.
//!
//! It is cut between lines, after an empty one where that can be. What is open there - a block of code,
//! a folded section - is closed and opened again in the next part, so nothing that was shown as code
//! becomes markup by being cut.

/// Deepest folded section that is opened again; deeper ones end with their part.
const DEEPEST: usize = 4;

/// Longest fence line that is written again.
const LONGEST_FENCE: usize = 64;

/// How a folded section goes on.
const CONTINUED: &str = "<details><summary>(continued)</summary>\n\n";

/// Cuts a text into parts of at most `limit` bytes; never an empty list. Limits below 1,000 are taken
/// for 1,000.
pub(super) fn split(text: &str, limit: usize) -> Vec<String> {
    let limit = limit.max(1_000);
    if text.len() <= limit {
        return vec![text.to_owned()];
    }
    let lines: Vec<&str> = text
        .split_inclusive('\n')
        .flat_map(|line| pieces(line, limit / 2))
        .collect();
    let mut parts = Vec::new();
    let (mut first, mut open) = (0, Open::default());
    while first < lines.len() {
        let begin = open.again();
        let (mut at, mut size, mut state) = (first, begin.len(), open.clone());
        let mut good: Option<(usize, Open)> = None;
        while let Some(line) = lines.get(at) {
            let next = state.after(line);
            if at > first && size + line.len() + next.end().len() > limit {
                break;
            }
            (size, state, at) = (size + line.len(), next, at + 1);
            if line.trim().is_empty() && state == Open::default() && size > limit / 2 {
                good = Some((at, state.clone()));
            }
        }
        let (end, state) = match good {
            Some(good) if at < lines.len() => good,
            Some(_) | None => (at, state),
        };
        let closing = match end < lines.len() {
            true => state.end(),
            false => String::new(),
        };
        parts.push(format!("{begin}{}{closing}", lines[first..end].concat()));
        (first, open) = (end, state);
    }
    parts
}

/// A line in pieces of at most `limit` bytes.
fn pieces(line: &str, limit: usize) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = line;
    while rest.len() > limit {
        let at = (0..=limit).rev().find(|at| rest.is_char_boundary(*at));
        let (piece, behind) = rest.split_at(at.filter(|at| *at > 0).unwrap_or(rest.len()));
        pieces.push(piece);
        rest = behind;
    }
    pieces.push(rest);
    pieces
}

/// What is open behind a line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Open {
    /// The line that began a block of code (CommonMark 4.5).
    fence: Option<String>,
    /// How many folded sections.
    details: usize,
}

impl Open {
    fn after(&self, line: &str) -> Self {
        let trimmed = line.trim();
        let run = |c: char| trimmed.chars().take_while(|found| *found == c).count();
        let (ticks, tildes) = (run('`'), run('~'));
        let mut open = self.clone();
        match &self.fence {
            Some(fence) => {
                let sign = if fence.starts_with('`') { '`' } else { '~' };
                let needed = fence.chars().take_while(|c| *c == sign).count();
                if run(sign) >= needed && trimmed.chars().all(|c| c == sign) {
                    open.fence = None;
                }
            }
            None if tildes >= 3 || (ticks >= 3 && !trimmed[ticks..].contains('`')) => {
                let whole = trimmed.len() <= LONGEST_FENCE;
                let begin = match (whole, ticks >= 3) {
                    (true, _) => trimmed.to_owned(),
                    (false, true) => "`".repeat(ticks),
                    (false, false) => "~".repeat(tildes),
                };
                open.fence = Some(begin).filter(|begin| begin.len() <= LONGEST_FENCE);
            }
            None => {
                open.details += line.matches("<details").count();
                open.details = open
                    .details
                    .saturating_sub(line.matches("</details>").count());
            }
        }
        open
    }

    /// What closes it.
    fn end(&self) -> String {
        let mut end = String::new();
        if let Some(fence) = &self.fence {
            let sign = if fence.starts_with('`') { '`' } else { '~' };
            let count = fence.chars().take_while(|c| *c == sign).count();
            end.push('\n');
            end.extend(std::iter::repeat_n(sign, count));
            end.push('\n');
        }
        for _ in 0..self.details.min(DEEPEST) {
            end.push_str("\n</details>\n");
        }
        end
    }

    /// What opens it again.
    fn again(&self) -> String {
        let mut again = CONTINUED.repeat(self.details.min(DEEPEST));
        if let Some(fence) = &self.fence {
            again.push_str(fence);
            again.push('\n');
        }
        again
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_text_stays_whole() {
        assert_eq!(split("a\n\nb", 1_000), ["a\n\nb"]);
        assert_eq!(split("", 1_000), [""]);
    }

    #[test]
    fn a_long_text_is_cut_after_an_empty_line_and_nothing_is_lost() {
        let paragraph = format!("{}\n\n", "word ".repeat(60).trim());
        let text = paragraph.repeat(20);
        let parts = split(&text, 1_000);
        assert!(parts.len() > 5);
        assert!(
            parts
                .iter()
                .all(|part| part.len() <= 1_000 && part.ends_with("\n\n"))
        );
        assert_eq!(parts.concat(), text);
    }

    #[test]
    fn code_and_folded_sections_are_closed_and_opened_again() {
        let lines: String = (0..200)
            .map(|n| format!("<b>{n}</b> line of code\n"))
            .collect();
        let text = format!(
            "# Title\n\n<details><summary>all</summary>\n\n````yaml\n{lines}````\n\n</details>\n\nend\n"
        );
        let parts = split(&text, 1_000);
        assert!(parts.len() > 3);
        for (index, part) in parts.iter().enumerate() {
            assert!(part.len() <= 1_000, "{}", part.len());
            assert_eq!(part.matches("````").count() % 2, 0, "{part}");
            assert_eq!(
                part.matches("<details").count(),
                part.matches("</details>").count(),
                "{part}"
            );
            if (1..parts.len() - 1).contains(&index) {
                assert!(part.starts_with("<details><summary>(continued)</summary>\n\n````yaml\n"));
            }
        }
        for n in 0..200 {
            let line = format!("<b>{n}</b> line of code\n");
            assert_eq!(parts.iter().filter(|part| part.contains(&line)).count(), 1);
        }
    }

    #[test]
    fn a_line_without_end_and_hostile_nesting_keep_the_limit() {
        for text in [
            "é".repeat(10_000),
            "<details>\n".repeat(2_000),
            "</details>\n".repeat(2_000),
            "`".repeat(10_000),
            "~~~~\n".repeat(2_000),
            format!("```{}\n{}", "x".repeat(5_000), "y\n".repeat(3_000)),
            "\u{1f600}".repeat(3_000),
        ] {
            let parts = split(&text, 1_000);
            let longest = parts.iter().map(String::len).max();
            assert!(longest <= Some(1_000), "{longest:?} {:.20}", text);
        }
    }
}
