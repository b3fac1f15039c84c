//! Bytes of a connection to LDAP messages and back.
//!
//! `ldap3_proto` holds filter values as `String` and drops the connection for a filter such as
//! `(objectGUID=\f3\…)`. So a value that is not UTF-8 is carried through its decoder in disguise:
//! [`MARK`] and hex digits. [`assertion`] undoes it.

use super::text;
use ldap3_proto::LdapCodec;
use ldap3_proto::proto::LdapMsg;
use std::io;
use tokio_util::bytes::BytesMut;
use tokio_util::codec::{Decoder, Encoder};

/// A noncharacter, which no honest text holds.
const MARK: char = '\u{FFFE}';

/// Bytes of a request; a whole group's members fit.
const LARGEST: usize = 64 << 20;

const SEARCH_REQUEST: u8 = 0x63;
/// Where the filter stands in a search request (RFC 4511 section 4.5.1).
const FILTER_PLACE: usize = 6;
/// dnAttributes of an extensible match: a boolean, not text.
const DN_ATTRIBUTES: u8 = 0x84;
const CONSTRUCTED: u8 = 0x20;

/// Takes the next whole message out of the buffer.
///
/// # Errors
/// What is there is not LDAP.
pub fn decode(buffer: &mut BytesMut) -> io::Result<Option<LdapMsg>> {
    let Some(length) = frame(buffer)? else {
        return Ok(None);
    };
    let bytes = buffer.split_to(length);
    let message = Element::parse(&bytes).ok_or_else(malformed)?;
    let mut bytes = BytesMut::from(message.disguised().as_slice());
    LdapCodec::new(Some(2 * LARGEST), None).decode(&mut bytes)
}

/// Writes messages one after the other.
///
/// # Errors
/// None that a well-formed message could cause.
pub fn encode(messages: Vec<LdapMsg>) -> io::Result<BytesMut> {
    let mut buffer = BytesMut::new();
    let mut codec = LdapCodec::default();
    for message in messages {
        codec.encode(message, &mut buffer)?;
    }
    Ok(buffer)
}

/// The bytes that a filter value stands for.
pub fn assertion(value: &str) -> Vec<u8> {
    value
        .strip_prefix(MARK)
        .and_then(text::parse_hex)
        .unwrap_or_else(|| value.as_bytes().to_vec())
}

/// A filter value in the escaped form of RFC 4515.
pub fn escaped(value: &str) -> String {
    let bytes = assertion(value);
    match String::from_utf8(bytes) {
        Ok(plain) => plain
            .chars()
            .map(|c| match c {
                '*' | '(' | ')' | '\\' | '\0' => format!("\\{:02x}", u32::from(c)),
                other => other.to_string(),
            })
            .collect(),
        Err(raw) => {
            let bytes = raw.as_bytes().chunks(1);
            bytes
                .flat_map(|byte| ["\\".to_owned(), text::hex(byte)])
                .collect()
        }
    }
}

/// One BER element with a one-byte tag, which is all that LDAP has.
struct Element<'a> {
    tag: u8,
    content: &'a [u8],
    /// With tag and length.
    whole: &'a [u8],
}

impl<'a> Element<'a> {
    fn parse(bytes: &'a [u8]) -> Option<Element<'a>> {
        let (header, length) = header(bytes)?;
        Some(Element {
            tag: bytes[0],
            content: bytes.get(header..header + length)?,
            whole: &bytes[..header + length],
        })
    }

    fn children(&self) -> Option<Vec<Element<'a>>> {
        let mut rest = self.content;
        let mut children = Vec::new();
        while !rest.is_empty() {
            let child = Element::parse(rest)?;
            rest = &rest[child.whole.len()..];
            children.push(child);
        }
        Some(children)
    }

    /// The message, its filter's binary values replaced.
    fn disguised(&self) -> Vec<u8> {
        self.with_children(|_, part| {
            if part.tag != SEARCH_REQUEST {
                return part.whole.to_vec();
            }
            part.with_children(|place, field| {
                if place == FILTER_PLACE {
                    field.disguised_filter()
                } else {
                    field.whole.to_vec()
                }
            })
        })
    }

    fn disguised_filter(&self) -> Vec<u8> {
        if self.tag & CONSTRUCTED != 0 {
            return self.with_children(|_, child| child.disguised_filter());
        }
        if self.tag == DN_ATTRIBUTES || std::str::from_utf8(self.content).is_ok() {
            return self.whole.to_vec();
        }
        let hex = text::hex(self.content);
        element(self.tag, format!("{MARK}{hex}").as_bytes())
    }

    fn with_children(&self, change: impl Fn(usize, &Element) -> Vec<u8>) -> Vec<u8> {
        match self.children() {
            Some(children) => {
                let changed = children.iter().enumerate();
                let content: Vec<u8> = changed.flat_map(|(at, child)| change(at, child)).collect();
                element(self.tag, &content)
            }
            None => self.whole.to_vec(),
        }
    }
}

fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag];
    match u8::try_from(content.len()) {
        Ok(short) if short < 0x80 => bytes.push(short),
        _ => {
            let length = content.len().to_be_bytes();
            let skipped = length.iter().take_while(|&&b| b == 0).count();
            bytes.push(0x80 | u8::try_from(length.len() - skipped).unwrap_or(8));
            bytes.extend(&length[skipped..]);
        }
    }
    bytes.extend(content);
    bytes
}

/// Lengths of the header and of the content; `None` where the header is not whole.
fn header(bytes: &[u8]) -> Option<(usize, usize)> {
    let &first = bytes.get(1)?;
    if first < 0x80 {
        return Some((2, usize::from(first)));
    }
    let count = usize::from(first & 0x7F);
    let digits = bytes.get(2..2 + count)?;
    let length = digits
        .iter()
        .fold(0_usize, |sum, &b| sum << 8 | usize::from(b));
    Some((2 + count, length))
}

fn frame(buffer: &[u8]) -> io::Result<Option<usize>> {
    if buffer.first().is_some_and(|&tag| tag != 0x30) {
        return Err(malformed());
    }
    let Some((header, length)) = header(buffer) else {
        return Ok(None);
    };
    if length > LARGEST {
        return Err(malformed());
    }
    let whole = header + length;
    Ok((buffer.len() >= whole).then_some(whole))
}

fn malformed() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "not an LDAP message")
}
