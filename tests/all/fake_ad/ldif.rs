//! LDIF content records to names and values, and back (RFC 2849).

use super::entry::Entry;
use super::text;
use std::fmt::Write as _;

/// One record: its DN, and attribute–value pairs in the order of the file.
pub type Record = (String, Vec<(String, Vec<u8>)>);

/// Values that differ from run to run or only repeat the rest; [`write`] leaves them out.
const VOLATILE: &[&str] = &[
    "badPwdCount",
    "cn",
    "countryCode",
    "directReports",
    "distinguishedName",
    "instanceType",
    "managedObjects",
    "memberOf",
    "name",
    "objectCategory",
    "objectGUID",
    "objectSid",
    "ou",
    "pwdLastSet",
    "sAMAccountType",
    "uSNChanged",
    "uSNCreated",
    "whenChanged",
    "whenCreated",
];

/// Reads content records; `changetype: add` is tolerated.
///
/// # Panics
/// The text is not LDIF, or holds other changes.
pub fn read(text: &str) -> Vec<Record> {
    let text = text.replace("\r\n", "\n").replace("\n ", "");
    let mut records = Vec::new();
    for block in text.split("\n\n") {
        let lines = block
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'));
        let mut pairs = lines
            .map(pair)
            .filter(|(name, _)| name != "version")
            .peekable();
        let Some((first, dn)) = pairs.next() else {
            continue;
        };
        assert!(
            first.eq_ignore_ascii_case("dn"),
            "a record begins with dn, not {first}"
        );
        let dn = String::from_utf8(dn).expect("a DN is text");
        let attributes = pairs.filter(|(name, value)| {
            let change = name.eq_ignore_ascii_case("changetype");
            assert!(
                !change || value == b"add",
                "{dn}: only content and added records can be loaded"
            );
            !change
        });
        let attributes = attributes.collect();
        records.push((dn, attributes));
    }
    records
}

fn pair(line: &str) -> (String, Vec<u8>) {
    let (name, value) = line
        .split_once(':')
        .unwrap_or_else(|| panic!("not LDIF: {line}"));
    let value = match value.strip_prefix(':') {
        Some(encoded) => {
            text::parse_base64(encoded).unwrap_or_else(|| panic!("not base64: {line}"))
        }
        None => value.trim_start().as_bytes().to_vec(),
    };
    (name.to_owned(), value)
}

/// Writes entries sorted by attribute, without what the server gives and changes by itself.
pub fn write(entries: &[Entry]) -> String {
    let mut ldif = String::new();
    for entry in entries {
        line(&mut ldif, "dn", entry.dn.as_bytes());
        for (name, values) in &entry.attributes {
            if VOLATILE.contains(&name.as_str()) {
                continue;
            }
            for value in values {
                line(&mut ldif, name, value);
            }
        }
        ldif.push('\n');
    }
    ldif
}

fn line(ldif: &mut String, name: &str, value: &[u8]) {
    let plain = std::str::from_utf8(value).ok().filter(|text| {
        text.is_ascii()
            && !text.contains(['\n', '\r', '\0'])
            && !text.starts_with([' ', ':', '<'])
            && !text.ends_with(' ')
    });
    // Writing to a string cannot fail.
    let _ = match plain {
        Some(text) => writeln!(ldif, "{name}: {text}"),
        None => writeln!(ldif, "{name}:: {}", text::base64(value)),
    };
}
