//! Cuts LDIF text into lines, folded ones joined, and lines into attribute and value; and makes them.

use super::{LdifError, LdifFault};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use std::borrow::Cow;
use std::ops::Range;

/// How long a written line is at most, in characters (RFC 2849 note 10: no less than 76).
const LINE_LONGEST: usize = 76;

/// One line, with those that continue it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its number, counted from one; of a folded line the first.
    pub number: usize,
    /// Its bytes in the text, line ends included.
    pub span: Range<usize>,
    /// What sort of line.
    pub sort: LineSort,
}

/// What sort of line it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineSort {
    /// Nothing: it ends a record.
    Blank,
    /// A comment.
    Comment,
    /// A lone `-`: it ends a step of a modify record.
    Dash,
    /// An attribute and its value; the name is this long.
    Value {
        /// Bytes of the attribute's name, options included.
        name: usize,
    },
}

/// Cuts a text into its lines, in order and without gaps, a byte order mark aside.
pub fn lines(text: &[u8]) -> impl Iterator<Item = Result<Line, LdifError>> {
    let mut at = if text.starts_with(b"\xEF\xBB\xBF") {
        3
    } else {
        0
    };
    let mut number = 1;
    std::iter::from_fn(move || {
        if at >= text.len() {
            return None;
        }
        let (start, first) = (at, number);
        at = line_end(text, at);
        number += 1;
        let content = without_end(&text[start..at]);
        let sort = match content.first() {
            None => Ok(LineSort::Blank),
            Some(b' ') => Err(LdifFault::NothingToContinue),
            Some(b'#') => Ok(LineSort::Comment),
            Some(b'-') if content == b"-" => Ok(LineSort::Dash),
            Some(_) => name_length(content).map(|name| LineSort::Value { name }),
        };
        if !matches!(sort, Ok(LineSort::Blank)) {
            while text.get(at) == Some(&b' ') {
                at = line_end(text, at);
                number += 1;
            }
        }
        Some(match sort {
            Ok(sort) => Ok(Line {
                number: first,
                span: start..at,
                sort,
            }),
            Err(fault) => Err(LdifError { line: first, fault }),
        })
    })
}

fn line_end(text: &[u8], from: usize) -> usize {
    text[from..]
        .iter()
        .position(|b| *b == b'\n')
        .map_or(text.len(), |length| from + length + 1)
}

fn without_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

fn name_length(content: &[u8]) -> Result<usize, LdifFault> {
    let length = content
        .iter()
        .position(|b| *b == b':')
        .ok_or(LdifFault::NoAttribute)?;
    let is_name = content[..length]
        .first()
        .is_some_and(u8::is_ascii_alphanumeric)
        && content[..length].iter().all(|b| is_name_byte(*b));
    if is_name {
        Ok(length)
    } else {
        Err(LdifFault::NoAttribute)
    }
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b';' | b'_' | b'=')
}

/// The value of an attribute line of these bytes, whose name is `name` long: unfolded, decoded.
///
/// # Errors
/// [`LdifFault`] where it is written in no form that is read.
pub fn value(line: &[u8], name: usize) -> Result<Cow<'_, [u8]>, LdifFault> {
    let rest = unfolded(&line[(name + 1).min(line.len())..]);
    let after = |skipped: usize| {
        let blanks = rest[skipped..].iter().take_while(|b| **b == b' ').count();
        skipped + blanks
    };
    match rest.first() {
        Some(b':') => BASE64
            .decode(&rest[after(1)..])
            .map(Cow::Owned)
            .map_err(|_| LdifFault::Base64),
        Some(b'<') => Err(LdifFault::Url),
        Some(_) | None => {
            let start = after(0);
            match rest.iter().any(|b| matches!(b, b'\0' | b'\r')) {
                true => Err(LdifFault::ControlCharacter),
                false => Ok(match rest {
                    Cow::Borrowed(rest) => Cow::Borrowed(&rest[start..]),
                    Cow::Owned(rest) => Cow::Owned(rest[start..].to_vec()),
                }),
            }
        }
    }
}

fn unfolded(lines: &[u8]) -> Cow<'_, [u8]> {
    let first = line_end(lines, 0);
    if first == lines.len() {
        return Cow::Borrowed(without_end(lines));
    }
    let mut whole = without_end(&lines[..first]).to_vec();
    let mut at = first;
    while at < lines.len() {
        let end = line_end(lines, at);
        whole.extend_from_slice(&without_end(&lines[at..end])[1..]);
        at = end;
    }
    Cow::Owned(whole)
}

/// Appends the line of an attribute and its value, folded, in base64 where it must be.
///
/// A name with other characters than names have cannot be written; each such becomes `?`, which no
/// directory takes.
pub fn push_value(out: &mut String, name: &str, value: &[u8], line_end: &str) {
    let mut line = String::with_capacity(name.len() + value.len() * 4 / 3 + 8);
    let plain = |c: char| u8::try_from(c).is_ok_and(is_name_byte);
    line.extend(name.chars().map(|c| if plain(c) { c } else { '?' }));
    line.push(':');
    match plain_text(value) {
        Some("") => {}
        Some(text) => {
            line.push(' ');
            line.push_str(text);
        }
        None => {
            line.push_str(": ");
            BASE64.encode_string(value, &mut line);
        }
    }
    push_folded(out, &line, line_end);
}

/// Appends comment lines; characters other than printable ASCII become `?`.
pub fn push_comment(out: &mut String, text: &str, line_end: &str) {
    for line in text.lines() {
        let line = line.replace(|c: char| !matches!(c, ' '..='~'), "?");
        push_folded(out, &format!("# {line}"), line_end);
    }
}

/// RFC 2849's SAFE-STRING, and no control characters, which some terminals obey.
fn plain_text(value: &[u8]) -> Option<&str> {
    let safe = value.iter().all(|b| matches!(b, b' '..=b'~'))
        && !matches!(value.first(), Some(b' ' | b':' | b'<'))
        && !value.ends_with(b" ");
    std::str::from_utf8(value).ok().filter(|_| safe)
}

fn push_folded(out: &mut String, line: &str, line_end: &str) {
    let mut rest = line;
    let mut room = LINE_LONGEST;
    while let Some((piece, after)) = rest.split_at_checked(room).filter(|(_, r)| !r.is_empty()) {
        out.push_str(piece);
        out.push_str(line_end);
        out.push(' ');
        rest = after;
        room = LINE_LONGEST - 1;
    }
    out.push_str(rest);
    out.push_str(line_end);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn only(text: &str) -> (String, Result<Vec<u8>, LdifFault>) {
        let mut all = lines(text.as_bytes())
            .collect::<Result<Vec<_>, _>>()
            .unwrap();
        assert_eq!(all.len(), 1, "{text:?}");
        let line = all.remove(0);
        let LineSort::Value { name } = line.sort else {
            panic!("{line:?}")
        };
        let bytes = &text.as_bytes()[line.span];
        let value = value(bytes, name).map(Cow::into_owned);
        (String::from_utf8_lossy(&bytes[..name]).into_owned(), value)
    }

    #[test]
    fn values_are_plain_folded_or_base64() {
        for (text, value) in [
            ("cn: a", "a"),
            ("cn:a\n", "a"),
            ("cn:   a b \r\n", "a b "),
            ("cn:", ""),
            ("cn: \n", ""),
            ("cn: a\n b\r\n  c\n", "ab c"),
            ("cn:: w7xi\n ZXI=\n", "über"),
            ("cn:: w7\n xiZXI=", "über"),
            ("cn: über", "über"),
            ("cn:\n : w7xiZXI=", "über"),
        ] {
            assert_eq!(only(text), ("cn".into(), Ok(value.into())), "{text:?}");
        }
        assert_eq!(only("userCertificate;binary:: AP8=").1, Ok(vec![0, 0xFF]));
        assert_eq!(only("cn:: w7").1, Err(LdifFault::Base64));
        assert_eq!(only("cn:< file:///etc/passwd").1, Err(LdifFault::Url));
        assert_eq!(only("cn:\n < file:///etc/passwd").1, Err(LdifFault::Url));
        assert_eq!(only("cn: a\rb").1, Err(LdifFault::ControlCharacter));
        assert_eq!(only("cn: a\0b").1, Err(LdifFault::ControlCharacter));
    }

    #[test]
    fn lines_have_numbers_and_no_gaps() {
        let text = b"\xEF\xBB\xBF# one\n  more\n\ndn: a\n b\n-\ncn: x";
        let all = lines(text).collect::<Result<Vec<_>, _>>().unwrap();
        let numbers = all.iter().map(|l| l.number).collect::<Vec<_>>();
        assert_eq!(numbers, [1, 3, 4, 6, 7]);
        let sorts = all.iter().map(|l| l.sort).collect::<Vec<_>>();
        let value = LineSort::Value { name: 2 };
        assert_eq!(
            sorts,
            [
                LineSort::Comment,
                LineSort::Blank,
                value,
                LineSort::Dash,
                value
            ]
        );
        assert_eq!(all[0].span.start, 3);
        assert!(
            all.windows(2)
                .all(|pair| pair[0].span.end == pair[1].span.start)
        );
        assert_eq!(all[4].span.end, text.len());
    }

    #[test]
    fn faults_have_their_line() {
        for (text, line, fault) in [
            ("dn: a\n\n b", 3, LdifFault::NothingToContinue),
            (" b", 1, LdifFault::NothingToContinue),
            ("dn: a\n b\nnonsense", 3, LdifFault::NoAttribute),
            (": x", 1, LdifFault::NoAttribute),
            ("a b: x", 1, LdifFault::NoAttribute),
            ("-x", 1, LdifFault::NoAttribute),
        ] {
            let found = lines(text.as_bytes()).find_map(Result::err);
            assert_eq!(found, Some(LdifError { line, fault }), "{text:?}");
        }
    }

    #[test]
    fn what_is_not_safe_is_written_in_base64() {
        let written = |value: &str| {
            let mut out = String::new();
            push_value(&mut out, "cn", value.as_bytes(), "\n");
            out
        };
        assert_eq!(written("a: <b"), "cn: a: <b\n");
        assert_eq!(written(""), "cn:\n");
        for value in [
            " a",
            "a ",
            ":a",
            "<a",
            "ü",
            "a\nb: c",
            "a\r",
            "\0",
            "\u{1b}[31m",
            "\u{7f}",
        ] {
            assert!(written(value).starts_with("cn:: "), "{value:?}");
        }
        assert_eq!(
            written(&"x".repeat(100)).lines().map(str::len).max(),
            Some(76)
        );
        let mut out = String::new();
        push_value(&mut out, "cn: a\ndn", b"x", "\r\n");
        assert_eq!(out, "cn??a?dn: x\r\n");
    }

    #[test]
    fn comments_stay_comments() {
        let mut out = String::new();
        push_comment(&mut out, "a\nb: c\r\nd\u{2028}é", "\n");
        assert_eq!(out, "# a\n# b: c\n# d??\n");
        let mut out = String::new();
        push_comment(&mut out, &"x".repeat(100), "\n");
        assert_eq!(out.lines().nth(1).map(|l| &l[..2]), Some(" x"));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(value in proptest::collection::vec(any::<u8>(), 0..200), crlf in any::<bool>()) {
            let mut out = String::new();
            push_value(&mut out, "attr;x-y", &value, if crlf { "\r\n" } else { "\n" });
            prop_assert_eq!(only(&out), ("attr;x-y".to_string(), Ok(value)));
        }

        #[test]
        fn nothing_makes_reading_panic(text in proptest::collection::vec(proptest::sample::select(
            vec![b'a', b':', b' ', b'\n', b'\r', b'#', b'-', b'=', b'<', 0, 0xFF]), 0..40)) {
            for line in lines(&text).flatten() {
                if let LineSort::Value { name } = line.sort {
                    let _ = value(&text[line.span], name);
                }
            }
        }
    }
}
