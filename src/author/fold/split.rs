//! A file as its documents, with every byte of each.

/// The documents of a file, in order: each from its `---` (the first from the beginning) to the next.
///
/// YAML takes a line that begins with `---` for a marker wherever it stands, so this is exact.
pub(super) fn documents(text: &str) -> Vec<&str> {
    let mut starts = vec![0];
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if at > 0 && is_marker(line) {
            starts.push(at);
        }
        at += line.len();
    }
    starts.push(text.len());
    let parts = starts.windows(2).map(|w| &text[w[0]..w[1]]);
    // What holds nothing but remarks is no document; it goes with the one after it.
    let mut found: Vec<&str> = Vec::new();
    let mut from = 0;
    let mut end = 0;
    for part in parts {
        end += part.len();
        if part.lines().any(holds) {
            found.push(&text[from..end]);
            from = end;
        }
    }
    found
}

fn is_marker(line: &str) -> bool {
    line.strip_prefix("---")
        .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
}

fn holds(line: &str) -> bool {
    let line = line.trim_start_matches('\u{feff}');
    let line = line
        .strip_prefix("---")
        .filter(|_| is_marker(line))
        .unwrap_or(line);
    let line = line.trim();
    !line.is_empty() && !line.starts_with('#') && line != "..."
}

/// A document as a file of its own.
pub(super) fn alone(part: &str) -> String {
    let mut lines = part.split_inclusive('\n');
    let first = part.split_inclusive('\n').next();
    if first.is_some_and(|line| line.trim_end() == "---") {
        lines.next();
    }
    ended(lines.collect())
}

/// Documents as one file.
pub(super) fn together(parts: &[&str]) -> String {
    let mut text = String::new();
    for part in parts {
        let begins = part.lines().next().is_some_and(is_marker);
        match (text.is_empty(), begins) {
            (true, true) => text.push_str(&alone(part)),
            (false, false) => {
                text.push_str("---\n");
                text.push_str(part);
            }
            (true, false) | (false, true) => text.push_str(part),
        }
        text = ended(text);
    }
    text
}

fn ended(mut text: String) -> String {
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_its_documents() {
        let text = "# about\na: 1\n---\n# second\nb: |\n  --- no marker\n---  \nc: 3\n";
        let parts = documents(text);
        assert_eq!(parts.len(), 3);
        assert_eq!(parts.concat(), text);
        assert_eq!(alone(parts[1]), "# second\nb: |\n  --- no marker\n");
        assert_eq!(
            together(&[parts[0], parts[2]]),
            "# about\na: 1\n---  \nc: 3\n"
        );
        assert_eq!(together(&parts[1..2]), "# second\nb: |\n  --- no marker\n");
    }

    #[test]
    fn remarks_alone_are_no_document() {
        let parts = documents("---\n# remark\n---\na: 1\n---\n");
        assert_eq!(parts, ["---\n# remark\n---\na: 1\n"]);
    }
}
