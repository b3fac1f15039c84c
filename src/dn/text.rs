//! Reads the text form of distinguished names (RFC 4514), and writes the canonical one that names are kept in.

use super::DnError;
use std::borrow::Cow;

// In keys: the lowest character, so that parents sort right before their children.
pub(super) const BETWEEN_RDNS: char = '\u{0}';
const BETWEEN_VALUES: char = '\u{1}';
const KEY_ESCAPE: char = '\u{2}';

/// A text and how far it has been read.
pub(super) struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let mut reader = Self { text, at: 0 };
        reader.skip_blanks();
        reader
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.at == self.text.len()
    }

    pub(super) fn place(&self) -> usize {
        self.text[..self.at].chars().count() + 1
    }

    fn skip_blanks(&mut self) {
        self.at += self.rest().bytes().take_while(|b| *b == b' ').count();
    }

    pub(super) fn take_comma(&mut self) -> bool {
        let found = self.rest().starts_with(',');
        self.at += usize::from(found);
        found
    }

    /// Reads one part, appends its canonical text and its key, and returns its first value.
    pub(super) fn rdn(&mut self, text: &mut String, keys: &mut String) -> Result<String, DnError> {
        let start = keys.len();
        let (attribute, first) = self.value_of_attribute()?;
        push_value(attribute, &first, text, keys);
        if self.rest().starts_with('+') {
            let mut parts = vec![keys.split_off(start)];
            while self.rest().starts_with('+') {
                self.at += 1;
                text.push('+');
                let (attribute, value) = self.value_of_attribute()?;
                let mut key = String::new();
                push_value(attribute, &value, text, &mut key);
                parts.push(key);
            }
            parts.sort();
            keys.push_str(&parts.join(&BETWEEN_VALUES.to_string()));
        }
        Ok(first.into_owned())
    }

    fn value_of_attribute(&mut self) -> Result<(&'a str, Cow<'a, str>), DnError> {
        self.skip_blanks();
        let place = self.at;
        let length = self
            .rest()
            .find(['=', ',', '+', '\\', '"'])
            .unwrap_or(self.rest().len());
        let attribute = self.rest()[..length].trim_end_matches(' ');
        self.at += length;
        if !self.rest().starts_with('=') {
            return Err(DnError::NoValue(self.place()));
        }
        if !is_attribute(attribute) {
            self.at = place;
            return Err(DnError::NoAttribute(self.place()));
        }
        self.at += 1;
        self.skip_blanks();
        let value = match self.rest().starts_with('#') {
            true => Cow::Owned(self.hex_value()?),
            false => self.string_value()?,
        };
        Ok((attribute, value))
    }

    fn string_value(&mut self) -> Result<Cow<'a, str>, DnError> {
        let start = self.at;
        let plain = self
            .rest()
            .find(['\\', ',', '+', '"', ';', '<', '>', '\0'])
            .unwrap_or(self.rest().len());
        self.at += plain;
        if self.is_at_end() || self.rest().starts_with([',', '+']) {
            return Ok(Cow::Borrowed(
                self.text[start..self.at].trim_end_matches(' '),
            ));
        }
        let mut value = self.text.as_bytes()[start..self.at].to_vec();
        let mut kept = 0;
        while let Some(found) = self.rest().chars().next() {
            match found {
                ',' | '+' => break,
                '"' | ';' | '<' | '>' | '\0' => {
                    return Err(DnError::Unescaped(found, self.place()));
                }
                '\\' => {
                    value.push(self.escaped()?);
                    kept = value.len();
                }
                _ => {
                    value.extend_from_slice(&self.rest().as_bytes()[..found.len_utf8()]);
                    self.at += found.len_utf8();
                }
            }
        }
        let end = value
            .iter()
            .rposition(|b| *b != b' ')
            .map_or(0, |last| last + 1);
        value.truncate(end.max(kept));
        self.text_of(value, start)
    }

    fn escaped(&mut self) -> Result<u8, DnError> {
        let rest = self.rest().as_bytes();
        let byte = match (rest.get(1).copied(), rest.get(2).copied()) {
            (Some(high), Some(low)) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                hex_byte(high, low)
            }
            (Some(b' ' | b'"' | b'#' | b'+' | b',' | b';' | b'<' | b'=' | b'>' | b'\\'), _) => None,
            (Some(_) | None, _) => return Err(DnError::Escape(self.place())),
        };
        self.at += if byte.is_some() { 3 } else { 2 };
        Ok(byte.unwrap_or(rest[1]))
    }

    fn hex_value(&mut self) -> Result<String, DnError> {
        let start = self.at;
        let fault = |reader: &Self| {
            DnError::Hex(
                Self {
                    text: reader.text,
                    at: start,
                }
                .place(),
            )
        };
        self.at += 1;
        let length = self.rest().find([',', '+']).unwrap_or(self.rest().len());
        let digits = self.rest()[..length].trim_end_matches(' ').as_bytes();
        self.at += length;
        let bytes = digits
            .chunks(2)
            .map(|pair| match pair {
                [high, low] => hex_byte(*high, *low),
                _ => None,
            })
            .collect::<Option<Vec<u8>>>()
            .ok_or_else(|| fault(self))?;
        let content = ber_string(&bytes).ok_or_else(|| fault(self))?;
        Ok(self.text_of(content.to_vec(), start)?.into_owned())
    }

    fn text_of(&self, value: Vec<u8>, start: usize) -> Result<Cow<'a, str>, DnError> {
        String::from_utf8(value).map(Cow::Owned).map_err(|_| {
            DnError::NotText(
                Self {
                    text: self.text,
                    at: start,
                }
                .place(),
            )
        })
    }
}

/// RFC 4512 section 1.4: a name or a dotted number.
fn is_attribute(text: &str) -> bool {
    let name = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let number = !text.is_empty()
        && text
            .split('.')
            .all(|arc| !arc.is_empty() && arc.bytes().all(|b| b.is_ascii_digit()));
    name || number
}

fn hex_byte(high: u8, low: u8) -> Option<u8> {
    let digit = |b: u8| (b as char).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

/// The content of one BER string (X.690): OCTET STRING, or a string type whose content is UTF-8 or ASCII.
fn ber_string(bytes: &[u8]) -> Option<&[u8]> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, content) = match first {
        0..=0x7F => (usize::from(first), rest),
        0x81 => (usize::from(*rest.first()?), &rest[1..]),
        0x82 => (
            usize::from(*rest.first()?) << 8 | usize::from(*rest.get(1)?),
            &rest[2..],
        ),
        _ => return None,
    };
    (matches!(tag, 0x04 | 0x0C | 0x12 | 0x13 | 0x16 | 0x1A) && content.len() == length)
        .then_some(content)
}

pub(super) fn push_value(attribute: &str, value: &str, text: &mut String, key: &mut String) {
    text.push_str(attribute);
    text.push('=');
    push_escaped(value, text);
    key.extend(attribute.chars().map(|c| c.to_ascii_lowercase()));
    key.push('=');
    push_folded(value, key);
}

const HEX: [char; 16] = [
    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F',
];

/// Escapes as Microsoft writes them: `=` too, and control characters as bytes, so that a name is one line.
fn push_escaped(value: &str, out: &mut String) {
    let last = value.len().saturating_sub(1);
    for (at, c) in value.char_indices() {
        match c {
            ',' | '+' | '"' | '\\' | '<' | '>' | ';' | '=' => out.extend(['\\', c]),
            '#' if at == 0 => out.push_str("\\#"),
            ' ' if at == 0 || at == last => out.push_str("\\ "),
            _ if c.is_control() => {
                for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                    out.push('\\');
                    out.extend([byte / 16, byte % 16].map(|digit| HEX[usize::from(digit)]));
                }
            }
            _ => out.push(c),
        }
    }
}

/// Folds each character by itself: that of a name must not depend on what surrounds it.
fn push_folded(value: &str, out: &mut String) {
    for c in value.chars() {
        match c {
            BETWEEN_RDNS..=KEY_ESCAPE => {
                out.push(KEY_ESCAPE);
                out.extend(char::from_u32(c as u32 + u32::from(b'0')));
            }
            _ if c.is_ascii() => out.push(c.to_ascii_lowercase()),
            _ => out.extend(c.to_lowercase()),
        }
    }
}

/// Where the first part of a canonical text ends, unless it is the last.
pub(super) fn boundary(text: &str) -> Option<usize> {
    unescaped(text, b',')
}

fn unescaped(text: &str, wanted: u8) -> Option<usize> {
    let mut escaped = false;
    text.bytes().position(|b| {
        let found = b == wanted && !escaped;
        escaped = b == b'\\' && !escaped;
        found
    })
}

/// The attributes and escaped values of one part of a canonical text.
pub(super) fn plain_values(part: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = Some(part);
    std::iter::from_fn(move || {
        let text = rest?;
        let end = unescaped(text, b'+');
        rest = end.map(|end| &text[end + 1..]);
        text[..end.unwrap_or(text.len())].split_once('=')
    })
}

pub(super) fn unescape(canonical: &str) -> Cow<'_, str> {
    if !canonical.contains('\\') {
        return Cow::Borrowed(canonical);
    }
    let mut out = Vec::with_capacity(canonical.len());
    let mut rest = canonical.as_bytes();
    while let [first, after @ ..] = rest {
        rest = match (first, after) {
            (b'\\', [high, low, after @ ..]) if let Some(byte) = hex_byte(*high, *low) => {
                out.push(byte);
                after
            }
            (b'\\', [special, after @ ..]) => {
                out.push(*special);
                after
            }
            _ => {
                out.push(*first);
                after
            }
        };
    }
    Cow::Owned(String::from_utf8_lossy(&out).into_owned())
}

pub(super) fn same_spelling(one: &str, other: &str) -> bool {
    fn spelled(text: &str) -> Vec<Vec<(String, &str)>> {
        let mut parts = Vec::new();
        let mut rest = Some(text);
        while let Some(text) = rest {
            let end = boundary(text);
            let mut part = plain_values(&text[..end.unwrap_or(text.len())])
                .map(|(attribute, value)| (attribute.to_ascii_lowercase(), value))
                .collect::<Vec<_>>();
            part.sort();
            parts.push(part);
            rest = end.map(|end| &text[end + 1..]);
        }
        parts
    }
    one == other || spelled(one) == spelled(other)
}

#[cfg(test)]
mod tests {
    use super::super::{Dn, DnError, Rdn};
    use proptest::prelude::*;

    #[test]
    fn reads_what_rfc_4514_shows() {
        let value = |text: &str| Rdn::parse(text).map(|rdn| rdn.value().to_string());
        assert_eq!(
            value(r#"CN=James \"Jim\" Smith\, III"#).unwrap(),
            "James \"Jim\" Smith, III"
        );
        assert_eq!(value(r"CN=Before\0dAfter").unwrap(), "Before\rAfter");
        assert_eq!(value(r"CN=Lu\C4\8Di\C4\87").unwrap(), "Lučić");
        assert_eq!(value("1.3.6.1.4.1.1466.0=#04024869").unwrap(), "Hi");
        assert_eq!(value("CN=#0C05c3a4c3b6c3bc").unwrap_err(), DnError::Hex(4));
        assert_eq!(value("CN = #0c04C3A4C3B6 ").unwrap(), "äö");
        assert_eq!(value(r"  CN = \  a b \20 ").unwrap(), "  a b  ");
        assert_eq!(value("CN=a=b").unwrap(), "a=b");
        assert_eq!(value("CN=").unwrap(), "");
        assert_eq!(Dn::parse("CN=a , DC=b").unwrap().to_string(), "CN=a,DC=b");
    }

    #[test]
    fn faults_say_where() {
        for (text, fault) in [
            ("", DnError::Empty),
            ("  ", DnError::Empty),
            ("CN=a,", DnError::NoValue(6)),
            ("CN=ä,x", DnError::NoValue(7)),
            ("=a", DnError::NoAttribute(1)),
            ("C N=a", DnError::NoAttribute(1)),
            ("<GUID=11>", DnError::NoAttribute(1)),
            ("CN=a,1..2=b", DnError::NoAttribute(6)),
            ("CN=a;DC=b", DnError::Unescaped(';', 5)),
            ("CN=ä\"", DnError::Unescaped('"', 5)),
            ("CN=a\0", DnError::Unescaped('\0', 5)),
            (r"CN=a\", DnError::Escape(5)),
            (r"CN=a\x", DnError::Escape(5)),
            (r"CN=a\0g", DnError::Escape(5)),
            ("CN=#", DnError::Hex(4)),
            ("CN=#0", DnError::Hex(4)),
            ("CN=#0402486", DnError::Hex(4)),
            ("CN=#020101", DnError::Hex(4)),
            (r"CN=a\FF", DnError::NotText(4)),
        ] {
            assert_eq!(Dn::parse(text).unwrap_err(), fault, "{text:?}");
        }
        assert_eq!(Rdn::parse("CN=a,DC=b").unwrap_err(), DnError::NotOnePart(5));
    }

    #[test]
    fn escapes_what_the_directory_needs_escaped() {
        let text = |value: &str| Rdn::new("CN", value).to_string();
        assert_eq!(text(r#"a,b+"\<>;="#), r#"CN=a\,b\+\"\\\<\>\;\="#);
        assert_eq!(text(" # #a  "), r"CN=\ # #a \ ");
        assert_eq!(text("#a"), r"CN=\#a");
        assert_eq!(text(" "), r"CN=\ ");
        assert_eq!(text("a\0\r\n\u{7f}\u{85}"), r"CN=a\00\0D\0A\7F\C2\85");
        assert_eq!(text("é*()/'😀"), "CN=é*()/'😀");
    }

    fn hostile() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            4 => proptest::sample::select(vec![
                "&", ",", "+", "\"", "\\", "<", ">", ";", "=", "#", " ", "  ", "\0", "\u{1}", "\u{2}", "*", "(", ")",
                "/", "'", "\n", "\r\n", "\u{7f}", "😀", "É", "İ", "ẞ", "Σ", "\\2C", "\\,", "CN=", ",DC=x", "a", "0", "{{7*7}}",
            ]).prop_map(String::from),
            1 => any::<String>(),
        ];
        proptest::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn reading_what_was_written_is_identity(values in proptest::collection::vec(hostile(), 1..5)) {
            let mut dn = Dn::parse("DC=x").unwrap();
            for value in &values {
                let parent = dn.clone();
                dn = dn.child(Rdn::new("OU", value));
                prop_assert_eq!(dn.parent(), Some(parent.clone()));
                prop_assert!(dn.is_within(&parent) && !parent.is_within(&dn) && parent < dn);
                let rdn = dn.rdn();
                prop_assert_eq!(rdn.value(), value);
            }
            let text = dn.to_string();
            let read = Dn::parse(&text).unwrap();
            prop_assert_eq!(&read, &dn);
            prop_assert!(read.same_spelling(&dn));
            prop_assert_eq!(read.to_string(), text.clone());
            prop_assert_eq!(text.chars().find(|c| c.is_control()), None);
            prop_assert_eq!(read.depth(), values.len() + 1);
            prop_assert_eq!(Rdn::parse(&dn.rdn().to_string()).unwrap(), dn.rdn());
        }

        #[test]
        fn names_are_equal_where_their_values_are(one in hostile(), other in hostile()) {
            let lower = |s: &str| s.chars().flat_map(char::to_lowercase).collect::<String>();
            let (a, b) = (Rdn::new("CN", &one), Rdn::new("cn", &other));
            prop_assert_eq!(a == b, lower(&one) == lower(&other));
            prop_assert_eq!(a.same_spelling(&b), one == other);
            let joined = Dn::parse(&format!("{a}+{b},DC=x")).unwrap();
            prop_assert_eq!(Dn::parse(&format!("{b}+{a},dc=X")).unwrap(), joined.clone());
            prop_assert_eq!(Dn::parse(&joined.to_string()).unwrap(), joined);
        }

        #[test]
        fn no_text_makes_reading_panic(text in hostile(), any in any::<String>()) {
            for text in [text.clone(), any, format!("CN={text}"), format!("CN=#{text}")] {
                if let Ok(dn) = Dn::parse(&text) {
                    prop_assert_eq!(Dn::parse(&dn.to_string()).unwrap(), dn);
                }
            }
        }
    }
}
