//! Text to distinguished names, and names to the text a domain controller would return.

use std::fmt::Write as _;

/// A parsed distinguished name, leaf first. Empty for the rootDSE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dn(pub Vec<Rdn>);

/// One relative name. Active Directory knows no multi-valued ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rdn {
    /// The naming attribute as the server spells it: `CN`, `OU`, `DC`.
    pub kind: String,
    /// The value, unescaped.
    pub value: String,
}

/// How the server escapes special characters in the names it returns. Both are right by RFC 4514;
/// a client that compares names as strings passes under one and fails under the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DnSpelling {
    /// `Lopez\, Maria`, as Active Directory does.
    #[default]
    Backslash,
    /// `Lopez\2C Maria`.
    HexPairs,
}

impl Dn {
    /// Reads RFC 4514 text; `None` where Active Directory would answer invalidDNSyntax.
    pub fn parse(text: &str) -> Option<Dn> {
        if text.trim().is_empty() {
            return Some(Dn(Vec::new()));
        }
        split_unescaped(text, ',')
            .into_iter()
            .map(Rdn::parse)
            .collect::<Option<Vec<_>>>()
            .map(Dn)
    }

    pub fn text(&self, spelling: DnSpelling) -> String {
        let rdns: Vec<String> = self.0.iter().map(|rdn| rdn.text(spelling)).collect();
        rdns.join(",")
    }

    /// Everything but the leaf.
    pub fn parent(&self) -> Dn {
        Dn(self.0.iter().skip(1).cloned().collect())
    }

    /// Whether `self` is `ancestor` or lies below it.
    pub fn is_within(&self, ancestor: &Dn) -> bool {
        self.0.len() >= ancestor.0.len()
            && self.0[self.0.len() - ancestor.0.len()..]
                .iter()
                .zip(&ancestor.0)
                .all(|(ours, theirs)| ours.key() == theirs.key())
    }
}

impl Rdn {
    pub fn parse(text: &str) -> Option<Rdn> {
        let (kind, value) = text.split_once('=')?;
        let kind = kind.trim();
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
        if kind.is_empty() || !kind.chars().all(plain) {
            return None;
        }
        let value = unescape(value)?;
        (!value.is_empty()).then(|| Rdn {
            kind: kind.to_ascii_uppercase(),
            value,
        })
    }

    pub fn of(kind: &str, value: &str) -> Rdn {
        Rdn {
            kind: kind.to_owned(),
            value: value.to_owned(),
        }
    }

    pub fn text(&self, spelling: DnSpelling) -> String {
        format!("{}={}", self.kind, escape(&self.value, spelling))
    }

    /// The form under which siblings must differ.
    pub fn key(&self) -> String {
        format!("{}={}", self.kind, fold(&self.value))
    }
}

/// Returns text in the form under which Active Directory finds two strings equal: without case and
/// without accents (MS-ADTS 6.5).
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let mut folded = String::with_capacity(text.len());
    for c in text.chars().flat_map(char::to_lowercase) {
        match c {
            'à'..='å' | 'ā' | 'ă' | 'ą' => folded.push('a'),
            'ç' | 'ć' | 'ĉ' | 'ċ' | 'č' => folded.push('c'),
            'ď' | 'đ' => folded.push('d'),
            'è'..='ë' | 'ē' | 'ĕ' | 'ė' | 'ę' | 'ě' => folded.push('e'),
            'ĝ' | 'ğ' | 'ġ' | 'ģ' => folded.push('g'),
            'ì'..='ï' | 'ĩ' | 'ī' | 'ĭ' | 'į' | 'ı' => folded.push('i'),
            'ĺ' | 'ļ' | 'ľ' | 'ł' => folded.push('l'),
            'ñ' | 'ń' | 'ņ' | 'ň' => folded.push('n'),
            'ò'..='ö' | 'ø' | 'ō' | 'ŏ' | 'ő' => folded.push('o'),
            'ŕ' | 'ŗ' | 'ř' => folded.push('r'),
            'ś' | 'ŝ' | 'ş' | 'š' | 'ș' => folded.push('s'),
            'ţ' | 'ť' | 'ț' => folded.push('t'),
            'ù'..='ü' | 'ũ' | 'ū' | 'ŭ' | 'ů' | 'ű' | 'ų' => folded.push('u'),
            'ý' | 'ÿ' => folded.push('y'),
            'ź' | 'ż' | 'ž' => folded.push('z'),
            'ß' => folded.push_str("ss"),
            'æ' => folded.push_str("ae"),
            'œ' => folded.push_str("oe"),
            '\u{300}'..='\u{36f}' => {}
            other => folded.push(other),
        }
    }
    folded
}

fn split_unescaped(text: &str, separator: char) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut escaped) = (0, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == separator => {
                parts.push(&text[start..at]);
                start = at + c.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

fn unescape(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.trim_start_matches(' ').as_bytes();
    if rest.first() == Some(&b'#') {
        return None;
    }
    // How many bytes are sure to stay: unescaped spaces at the end do not.
    let mut kept = 0;
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        match first {
            b'\\' => {
                let (byte, length) = escaped_byte(rest)?;
                bytes.push(byte);
                rest = &rest[length..];
                kept = bytes.len();
            }
            b'"' | b'+' | b';' | b'<' | b'>' | 0 => return None,
            b' ' => bytes.push(b' '),
            _ => {
                bytes.push(first);
                kept = bytes.len();
            }
        }
    }
    bytes.truncate(kept);
    String::from_utf8(bytes).ok()
}

fn escaped_byte(rest: &[u8]) -> Option<(u8, usize)> {
    let digit = |at: usize| rest.get(at).and_then(|&b| char::from(b).to_digit(16));
    if let (Some(high), Some(low)) = (digit(0), digit(1)) {
        return u8::try_from(high * 16 + low).ok().map(|byte| (byte, 2));
    }
    let special = *rest.first()?;
    b" \"#+,;<=>\\".contains(&special).then_some((special, 1))
}

fn escape(value: &str, spelling: DnSpelling) -> String {
    let mut text = String::with_capacity(value.len());
    let last = value.chars().count().saturating_sub(1);
    for (at, c) in value.chars().enumerate() {
        let special = matches!(c, ',' | '+' | '"' | '\\' | '<' | '>' | ';' | '=')
            || (c == '#' && at == 0)
            || (c == ' ' && (at == 0 || at == last));
        if c.is_ascii_control() || (special && spelling == DnSpelling::HexPairs) {
            // Writing to a string cannot fail.
            let _ = write!(text, "\\{:02X}", u32::from(c));
        } else {
            if special {
                text.push('\\');
            }
            text.push(c);
        }
    }
    text
}
