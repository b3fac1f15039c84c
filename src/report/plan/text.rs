//! Text from manifests and directories → text that a reader can trust: on one line, of bounded
//! length, with an escape for every character that would be invisible or move the others.

use crate::connector::active_directory::matching::{NEVER, uac};
use crate::connector::{AttributeName, Value};
use std::fmt::{self, Write as _};

/// Longest value shown whole, in characters: about a line of a wide terminal.
const VALUE_LONGEST: usize = 96;

/// Of two long values that begin alike, how much of the like is shown before they part.
const ALIKE_SHOWN: usize = 20;

/// Attributes that hold a password or what it is derived from: their values are never shown or written.
const SECRETS: [&str; 8] = [
    "unicodePwd",
    "userPassword",
    "clearTextPassword",
    "dBCSPwd",
    "lmPwdHistory",
    "ntPwdHistory",
    "supplementalCredentials",
    "ms-Mcs-AdmPwd",
];

/// Text that can be shown wherever one line of text can.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::report) struct Shown(String);

impl Shown {
    /// The text, cut at its end where it is longer than so many characters.
    pub(in crate::report) fn of(text: &str, longest: usize) -> Self {
        Self(cut(&escaped(text), longest))
    }

    /// The text, cut at its beginning where it is longer than so many characters.
    pub(super) fn end_of(text: &str, longest: usize) -> Self {
        let text = escaped(text);
        match text.chars().count().checked_sub(longest) {
            None | Some(0) => Self(text),
            Some(over) => Self(text.chars().skip(over + 1).fold("…".into(), push)),
        }
    }

    /// Its first characters.
    pub(super) fn first(&self, length: usize) -> Self {
        Self(self.0.chars().take(length).collect())
    }

    pub(in crate::report) fn as_str(&self) -> &str {
        &self.0
    }

    /// How many characters it has.
    pub(in crate::report) fn width(&self) -> usize {
        self.0.chars().count()
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Whether the attribute's value is a secret.
pub(super) fn is_secret(attribute: &AttributeName) -> bool {
    SECRETS.iter().any(|name| attribute.is(name))
}

/// One value of an attribute.
pub(super) fn value(attribute: &AttributeName, value: &Value) -> Shown {
    let (shown, _) = pair(attribute, value, value);
    shown
}

/// Two values of an attribute; where both are long they are cut so that their difference is seen.
pub(super) fn pair(attribute: &AttributeName, one: &Value, other: &Value) -> (Shown, Shown) {
    if is_secret(attribute) {
        let hidden = || Shown("(not shown)".into());
        return (hidden(), hidden());
    }
    let (Some(a), Some(b)) = (one.text(), other.text()) else {
        return (alone(attribute, one), alone(attribute, other));
    };
    let long = |text: &str| text.chars().count() > VALUE_LONGEST;
    let alike = a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count();
    if a == b || !(long(a) || long(b)) || alike <= VALUE_LONGEST / 2 {
        return (alone(attribute, one), alone(attribute, other));
    }
    let skipped = alike - ALIKE_SHOWN;
    (text(a, skipped), text(b, skipped))
}

fn alone(attribute: &AttributeName, value: &Value) -> Shown {
    let Some(plain) = value.text() else {
        let bytes = value.bytes();
        let first: String = bytes.iter().take(8).map(|b| format!("{b:02x}")).collect();
        let more = if bytes.len() > 8 { "…" } else { "" };
        return Shown(format!("({} bytes: {first}{more})", bytes.len()));
    };
    meaning(attribute, plain).unwrap_or_else(|| text(plain, 0))
}

/// A value without its first characters: in quotes where its ends would be missed or mistaken.
fn text(value: &str, skipped: usize) -> Shown {
    let length = value.chars().count();
    let rest: String = value.chars().skip(skipped).collect();
    let needs_quotes = rest.is_empty()
        || rest != rest.trim()
        || rest.starts_with(['"', '('])
        || rest.contains('→')
        || rest.contains(is_unseen);
    let whole = match needs_quotes {
        true => escaped(&rest.replace('\\', "\\\\").replace('"', "\\\"")),
        false => rest,
    };
    let kept = cut(&whole, VALUE_LONGEST);
    let is_cut = skipped > 0 || kept != whole;
    let before = if skipped > 0 { "…" } else { "" };
    let quoted = match needs_quotes {
        true => format!("\"{before}{kept}\""),
        false => format!("{before}{kept}"),
    };
    match is_cut {
        true => Shown(format!("{quoted} ({length} characters)")),
        false => Shown(quoted),
    }
}

/// What a number of the directory means, where people would have to look it up.
fn meaning(attribute: &AttributeName, value: &str) -> Option<Shown> {
    if attribute.is("userAccountControl") {
        let enabled = uac::is_enabled(uac::parse(value)?);
        let word = if enabled { "enabled" } else { "disabled" };
        return Some(Shown(format!("{value} ({word})")));
    }
    if attribute.is("accountExpires") {
        // 100 ns since 1601; 0 and the largest number mean never.
        let ticks: i64 = value.parse().ok()?;
        if matches!(ticks, 0 | NEVER) {
            return Some(Shown("never".into()));
        }
        let second = ticks / 10_000_000 - 11_644_473_600;
        return jiff::Timestamp::from_second(second)
            .ok()
            .map(|t| Shown(t.to_string()));
    }
    None
}

/// The text in printable ASCII: for comments in files whose encoding a reader may guess wrong.
pub(super) fn ascii(text: &str) -> String {
    text.chars()
        .fold(String::with_capacity(text.len()), |line, c| match c {
            ' '..='~' => push(line, c),
            c => escape(line, c),
        })
}

fn escaped(text: &str) -> String {
    text.chars()
        .fold(String::with_capacity(text.len()), |line, c| match c {
            '\n' => line + "\\n",
            '\r' => line + "\\r",
            '\t' => line + "\\t",
            c if is_unseen(c) => escape(line, c),
            c => push(line, c),
        })
}

fn push(mut line: String, c: char) -> String {
    line.push(c);
    line
}

fn escape(mut line: String, c: char) -> String {
    // A write to a String cannot fail.
    let _ = write!(line, "\\u{{{:x}}}", u32::from(c));
    line
}

fn cut(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        None => text.into(),
        Some(_) => {
            text.chars()
                .take(longest.saturating_sub(1))
                .collect::<String>()
                + "…"
        }
    }
}

/// Whether a reader would not see the character, or would see the others elsewhere than they are.
pub(super) fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{feff}' | '\u{115f}' | '\u{1160}' | '\u{3164}'
            // Joiners (200c, 200d) stay: emoji and several scripts need them.
            | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(attribute: &'static str, text: &str) -> String {
        value(&attribute.into(), &text.into()).to_string()
    }

    #[test]
    fn a_text_cannot_break_hide_or_turn_its_line() {
        for (text, expected) in [
            ("a\r\n\tb", "a\\r\\n\\tb"),
            (
                "\u{1b}[31mred\u{9b}0m\u{7f}",
                "\\u{1b}[31mred\\u{9b}0m\\u{7f}",
            ),
            (
                "\u{202e}nimda\u{2066}\u{200b}\u{feff}",
                "\\u{202e}nimda\\u{2066}\\u{200b}\\u{feff}",
            ),
            ("Zoë 👩\u{200d}🌾 王小明", "Zoë 👩\u{200d}🌾 王小明"),
        ] {
            assert_eq!(Shown::of(text, 99).as_str(), expected);
        }
        assert_eq!(ascii("Zoë\n"), "Zo\\u{eb}\\u{a}");
    }

    #[test]
    fn a_long_text_is_cut_where_it_matters_least() {
        assert_eq!(Shown::of("abcdef", 6).as_str(), "abcdef");
        assert_eq!(Shown::of("abcdefg", 6).as_str(), "abcde…");
        assert_eq!(
            Shown::end_of("users/maria.yaml", 11).as_str(),
            "…maria.yaml"
        );
        assert_eq!(Shown::end_of("maria.yaml", 10).as_str(), "maria.yaml");
    }

    #[test]
    fn a_value_is_quoted_where_its_ends_would_be_missed() {
        for (value, expected) in [
            ("GIS Analyst", "GIS Analyst"),
            ("", "\"\""),
            (" a ", "\" a \""),
            ("(none)", "\"(none)\""),
            ("a → b", "\"a → b\""),
            ("\"a\"", "\"\\\"a\\\"\""),
            ("a\\\nb", "\"a\\\\\\nb\""),
            ("a\\,b", "a\\,b"),
        ] {
            assert_eq!(shown("title", value), expected);
        }
    }

    #[test]
    fn numbers_of_the_directory_are_shown_as_what_they_mean() {
        assert_eq!(shown("useraccountcontrol", "514"), "514 (disabled)");
        assert_eq!(shown("userAccountControl", "66048"), "66048 (enabled)");
        assert_eq!(shown("accountExpires", "9223372036854775807"), "never");
        assert_eq!(shown("accountExpires", "0"), "never");
        assert_eq!(
            shown("accountExpires", "134300304000000000"),
            "2026-08-01T04:00:00Z"
        );
        assert_eq!(shown("accountExpires", "soon"), "soon");
    }

    #[test]
    fn bytes_are_counted_and_secrets_never_shown() {
        let bytes = Value::new([0xff, 0, 1]);
        assert_eq!(
            value(&"objectSid".into(), &bytes).as_str(),
            "(3 bytes: ff0001)"
        );
        assert_eq!(shown("UNICODEPWD", "hunter2"), "(not shown)");
    }

    #[test]
    fn a_difference_far_behind_is_seen_all_the_same() {
        let (one, other) = ("x".repeat(500) + "one", "x".repeat(500) + "two");
        let (one, other) = pair(&"info".into(), &one.into(), &other.into());
        assert_eq!(
            one.as_str(),
            format!("…{}one (503 characters)", "x".repeat(20))
        );
        assert_ne!(one, other);
        let long = shown("info", &"ä".repeat(500));
        assert_eq!(long, format!("{}… (500 characters)", "ä".repeat(95)));
        let hostile = shown("info", &format!(" {}", "\u{1b}".repeat(500)));
        assert!(hostile.chars().count() < 130, "{hostile}");
    }
}
