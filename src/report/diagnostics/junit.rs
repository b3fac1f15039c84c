//! Diagnostics → JUnit XML: one test case a file with findings; its errors are one failure, its
//! warnings are output of a test that passed.
//!
//! Decision: one `<failure>` a test case, because readers commonly show only the first.

use super::{count, tally};
use crate::diagnostic::{Diagnostic, Severity};
use std::collections::BTreeMap;

pub(super) fn render(diagnostics: &[Diagnostic], manifests: usize) -> String {
    let mut files: BTreeMap<&str, Vec<&Diagnostic>> = BTreeMap::new();
    for diagnostic in diagnostics {
        files
            .entry(&diagnostic.place.file)
            .or_default()
            .push(diagnostic);
    }
    let failed =
        |of_file: &&Vec<&Diagnostic>| of_file.iter().any(|d| d.severity == Severity::Error);
    let failures = files.values().filter(failed).count();
    let tests = files.len().max(1);
    let counts = format!(r#"tests="{tests}" failures="{failures}" errors="0""#);
    let mut xml = format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="countersign" {counts}>
  <testsuite name="manifests" {counts} skipped="0">
"#
    );
    if files.is_empty() {
        let name = count(manifests, "manifest");
        xml.push_str(&format!(
            "    <testcase name=\"{name}\" classname=\"countersign\"/>\n"
        ));
    }
    for (file, of_file) in files {
        let file = escape(file);
        xml.push_str(&format!(
            "    <testcase name=\"{file}\" classname=\"countersign\" file=\"{file}\">\n"
        ));
        let (errors, warnings): (Vec<&Diagnostic>, _) = of_file
            .into_iter()
            .partition(|d| d.severity == Severity::Error);
        if let Some(first) = errors.first() {
            xml.push_str(&format!(
                "      <failure message=\"{}\" type=\"{}\">{}</failure>\n",
                tally(errors.iter().copied()),
                first.code,
                escape(&lines(&errors)),
            ));
        }
        if !warnings.is_empty() {
            let text = escape(&lines(&warnings));
            xml.push_str(&format!("      <system-out>{text}</system-out>\n"));
        }
        xml.push_str("    </testcase>\n");
    }
    xml.push_str("  </testsuite>\n</testsuites>\n");
    xml
}

fn lines(diagnostics: &[&Diagnostic]) -> String {
    let mut text = String::new();
    for Diagnostic {
        code,
        severity,
        place,
        message,
        help,
        related,
    } in diagnostics
    {
        let severity = severity.as_str();
        let at = format!("{}:{}:{}", place.file, place.line, place.column);
        text.push_str(&format!("{at}: {severity}[{code}]: {message}\n"));
        for (place, word) in related {
            text.push_str(&format!(
                "  {word}: {}:{}:{}\n",
                place.file, place.line, place.column
            ));
        }
        if let Some(help) = help {
            text.push_str(&format!("  help: {help}\n"));
        }
    }
    text
}

/// Text for an attribute or an element. What XML 1.0 cannot hold (section 2.2) becomes U+FFFD.
fn escape(text: &str) -> String {
    let mut xml = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            '"' => xml.push_str("&quot;"),
            '\'' => xml.push_str("&apos;"),
            '\t' | '\n' | '\r' => xml.push_str(&format!("&#{};", c as u32)),
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => xml.push('\u{fffd}'),
            _ => xml.push(c),
        }
    }
    xml
}

#[cfg(test)]
mod tests {
    use super::super::tests::{at, three};
    use super::*;
    use crate::diagnostic::Code;

    /// The names of elements as they begin, after checking that tags nest and nothing is left raw.
    fn elements(xml: &str) -> Vec<String> {
        let rest = xml
            .strip_prefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>")
            .unwrap();
        let (mut open, mut seen, mut at) = (Vec::new(), Vec::new(), rest);
        while let Some(start) = at.find('<') {
            text(&at[..start]);
            let end = start + at[start..].find('>').unwrap();
            let tag = &at[start + 1..end];
            at = &at[end + 1..];
            if let Some(name) = tag.strip_prefix('/') {
                assert_eq!(open.pop().as_deref(), Some(name));
                continue;
            }
            let (tag, alone) = tag.strip_suffix('/').map_or((tag, false), |t| (t, true));
            let (name, attributes) = tag.split_once(' ').unwrap_or((tag, ""));
            let quotes = attributes.matches('"').count();
            assert!(
                quotes.is_multiple_of(2) && !attributes.contains(['<', '\n']),
                "{tag}"
            );
            text(attributes);
            seen.push(name.to_owned());
            if !alone {
                open.push(name.to_owned());
            }
        }
        text(at);
        assert!(open.is_empty());
        seen
    }

    fn text(text: &str) {
        for part in text.split('&').skip(1) {
            let (name, _) = part.split_once(';').unwrap();
            assert!(
                ["amp", "lt", "gt", "quot", "apos", "#9", "#10", "#13"].contains(&name),
                "{name}"
            );
        }
        assert!(!text.contains(|c: char| c.is_control() && c != '\n'));
    }

    #[test]
    fn a_file_is_a_test_case_and_warnings_do_not_fail_it() {
        let xml = render(&three(), 9);
        assert_eq!(
            elements(&xml),
            [
                "testsuites",
                "testsuite",
                "testcase",
                "failure",
                "testcase",
                "system-out"
            ]
        );
        assert!(xml.contains(r#"<testsuite name="manifests" tests="2" failures="1" errors="0""#));
        assert!(
            xml.contains(r#"<failure message="2 errors" type="unknown-field">"#),
            "{xml}"
        );
        assert!(
            xml.contains("users/kim.yaml:4:3: error[duplicate-key]: `title` stands here twice")
        );
        assert!(xml.contains("  first here: users/kim.yaml:2:3"));
    }

    #[test]
    fn nothing_found_is_one_test_that_passes() {
        let xml = render(&[], 9);
        assert_eq!(elements(&xml), ["testsuites", "testsuite", "testcase"]);
        assert!(
            xml.contains(r#"tests="1" failures="0""#) && xml.contains("\"9 manifests\""),
            "{xml}"
        );
    }

    #[test]
    fn whatever_stands_in_a_message_it_stays_xml() {
        let all = [
            "<b a=\"1\" c='2'>]]></b>&amp;",
            "\0\u{1b}[31m\u{7}\t\r\n\u{ffff}",
            "ä\u{10ffff}",
        ]
        .map(|t| Diagnostic::new(Code::Syntax, at(t, 1, 1, 1), t).help(t));
        let xml = render(&all, 1);
        assert_eq!(elements(&xml).len(), 2 + 3 * 2);
        assert!(xml.contains("&lt;b a=&quot;1&quot; c=&apos;2&apos;&gt;]]&gt;&lt;/b&gt;&amp;amp;"));
    }
}
