//! Texts and values to PowerShell literals that nothing inside them can end.

use crate::connector::{AttributeName, Value};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Attributes whose values are numbers (LDAP syntaxes INTEGER and Large Integer), which the
/// ActiveDirectory module takes as such.
const NUMBERS: [&str; 10] = [
    "accountExpires",
    "countryCode",
    "gidNumber",
    "lockoutTime",
    "maxStorage",
    "msDS-SupportedEncryptionTypes",
    "primaryGroupID",
    "pwdLastSet",
    "uidNumber",
    "userAccountControl",
];

/// Writes a text as an expression of printable ASCII whose value is exactly that text.
///
/// Printable ASCII stands in single quotes, `'` doubled; in these nothing else is special. Any other
/// UTF-16 unit, and so every other character that PowerShell takes for a quote (U+2018 to U+201B) or
/// for the end of a line, is a `[char]` code. The first operand is a string, else `+` would add numbers.
pub fn literal(text: &str) -> String {
    let mut parts = Vec::new();
    let mut quoted = String::new();
    for c in text.chars() {
        match c {
            '\'' => quoted.push_str("''"),
            ' '..='~' => quoted.push(c),
            other => {
                if parts.is_empty() || !quoted.is_empty() {
                    parts.push(format!("'{}'", std::mem::take(&mut quoted)));
                }
                let units = other.encode_utf16(&mut [0; 2]).to_vec();
                parts.extend(units.iter().map(|unit| format!("[char]0x{unit:04X}")));
            }
        }
    }
    if parts.is_empty() || !quoted.is_empty() {
        parts.push(format!("'{quoted}'"));
    }
    match parts.len() {
        1 => parts.concat(),
        _ => format!("({})", parts.join(" + ")),
    }
}

/// Writes an attribute's values as an array: numbers as numbers, texts as texts, all else as bytes.
pub fn array(attribute: &AttributeName, values: &[Value]) -> String {
    match values {
        // Without the comma PowerShell would make an array of the bytes of a single value.
        [value] if value.text().is_none() => format!("@(, {})", single(attribute, value)),
        values => {
            let values: Vec<String> = values.iter().map(|v| single(attribute, v)).collect();
            format!("@({})", values.join(", "))
        }
    }
}

fn single(attribute: &AttributeName, value: &Value) -> String {
    match value.text() {
        Some(text) if is_number(attribute, text) => text.to_owned(),
        Some(text) => literal(text),
        None => format!(
            "([Convert]::FromBase64String('{}'))",
            STANDARD.encode(value.bytes())
        ),
    }
}

/// Whether the text is a number as the directory writes them, of an attribute that takes one.
fn is_number(attribute: &AttributeName, text: &str) -> bool {
    NUMBERS.iter().any(|name| attribute.is(name))
        && text
            .parse::<i64>()
            .is_ok_and(|number| number.to_string() == text)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Reads one literal as PowerShell does (language specification 2.3.5.2): the value and the rest.
    ///
    /// It knows nothing of how they are written: every quote PowerShell knows ends a string.
    pub(crate) fn read(text: &str) -> Option<(String, &str)> {
        let quotes = ['\'', '\u{2018}', '\u{2019}', '\u{201a}', '\u{201b}'];
        if let Some(mut rest) = text.strip_prefix('(') {
            let mut units = Vec::new();
            loop {
                rest = rest.trim_start();
                if let Some(hex) = rest.strip_prefix("[char]0x") {
                    if units.is_empty() && text.starts_with("([") {
                        return None; // a number would be added, not a text joined
                    }
                    units.push(u16::from_str_radix(hex.get(..4)?, 16).ok()?);
                    rest = &hex[4..];
                } else {
                    let (part, after) = read(rest)?;
                    units.extend(part.encode_utf16());
                    rest = after;
                }
                rest = rest.trim_start();
                match rest.strip_prefix('+') {
                    Some(after) => rest = after,
                    None => {
                        return Some((String::from_utf16(&units).ok()?, rest.strip_prefix(')')?));
                    }
                }
            }
        }
        let inner = text.strip_prefix(quotes)?;
        let mut value = String::new();
        let mut rest = inner;
        loop {
            let end = rest.find(quotes)?;
            value.push_str(&rest[..end]);
            let quote = rest[end..].chars().next()?;
            rest = &rest[end + quote.len_utf8()..];
            match rest.strip_prefix(quotes) {
                Some(after) => {
                    value.push(quote);
                    rest = after;
                }
                None => return Some((value, rest)),
            }
        }
    }

    #[test]
    fn quotes_of_all_kinds_stay_inside() {
        assert_eq!(literal("O'Brien"), "'O''Brien'");
        assert_eq!(literal("$(whoami) `n \"x\""), "'$(whoami) `n \"x\"'");
        assert_eq!(literal("\u{2019}; evil"), "('' + [char]0x2019 + '; evil')");
        assert_eq!(
            literal("a\r\nb"),
            "('a' + [char]0x000D + [char]0x000A + 'b')"
        );
        assert_eq!(literal("😀"), "('' + [char]0xD83D + [char]0xDE00)");
        assert_eq!(literal(""), "''");
    }

    #[test]
    fn values_are_numbers_texts_or_bytes() {
        let control = AttributeName::from("userAccountControl");
        let title = AttributeName::from("title");
        assert_eq!(array(&control, &[Value::from("514")]), "@(514)");
        assert_eq!(array(&control, &[Value::from("0514")]), "@('0514')");
        assert_eq!(
            array(&title, &[Value::from("514"), Value::from("b")]),
            "@('514', 'b')"
        );
        let bytes = Value::new([0xff, 0x00]);
        assert_eq!(
            array(&title, &[bytes]),
            "@(, ([Convert]::FromBase64String('/wA=')))"
        );
    }

    proptest! {
        #[test]
        fn any_text_comes_back_and_nothing_is_left(text in "\\PC*|[\u{0}-\u{2100}']*") {
            let literal = literal(&text);
            prop_assert!(literal.bytes().all(|b| (b' '..=b'~').contains(&b)));
            let read = read(&literal);
            prop_assert_eq!(read, Some((text, "")));
        }
    }
}
