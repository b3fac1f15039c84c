//! An example's directory export (LDIF) to records that a domain controller takes from `ldapmodify`:
//! under its own base DN, without what only the server gives, links last.

use super::PASSWORD;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fmt::Write as _;

/// What the server gives by itself, or is the base's own.
const SERVERS: [&str; 7] = [
    "objectGUID",
    "objectSid",
    "objectCategory",
    "pwdLastSet",
    "dc",
    "name",
    "whenCreated",
];

/// Attributes whose values are other entries.
const LINKS: [&str; 2] = ["member", "manager"];

/// The attributes of an entry in their order: name and value.
pub type Attributes = Vec<(String, Vec<u8>)>;

/// The entries of an LDIF file.
#[derive(Debug, Clone)]
pub struct Export {
    pub entries: Vec<(String, Attributes)>,
}

impl Export {
    /// Reads LDIF content records.
    pub fn read(ldif: &str) -> Self {
        let unfolded = ldif.replace("\r\n", "\n").replace("\n ", "");
        let mut entries = Vec::new();
        for record in unfolded.split("\n\n") {
            let mut pairs = record
                .lines()
                .filter(|line| !line.starts_with('#') && !line.is_empty())
                .map(pair)
                .filter(|(name, _)| name != "version");
            let Some((name, dn)) = pairs.next() else {
                continue;
            };
            assert_eq!(name, "dn", "{record}");
            let dn = String::from_utf8(dn).unwrap();
            entries.push((dn, pairs.collect()));
        }
        Self { entries }
    }

    /// The DN that everything is below.
    pub fn base(&self) -> &str {
        &self.entries[0].0
    }

    /// The same entries for a domain with another base: records for `ldapmodify`.
    pub fn records(&self, base: &str) -> String {
        let old = self.base().to_owned();
        let moved = |dn: &str| dn.replace(&old, base);
        let (from, to) = (domain(&old), domain(base));
        let mut adds = String::new();
        // One record a group, however many members it has.
        let mut links: Vec<(String, String)> = Vec::new();
        for (dn, attributes) in &self.entries[1..] {
            let dn = moved(dn);
            let _ = write!(adds, "{}\nchangetype: add\n", line("dn", dn.as_bytes()));
            for (name, value) in attributes {
                if SERVERS.contains(&name.as_str()) {
                    continue;
                }
                let mut value = value.clone();
                if LINKS.contains(&name.as_str()) {
                    value = moved(std::str::from_utf8(&value).unwrap()).into();
                    let (dn, value) = (line("dn", dn.as_bytes()), line(name, &value));
                    let to = format!("{dn}\nchangetype: modify\nadd: {name}\n");
                    match links.last_mut().filter(|(last, _)| *last == to) {
                        Some((_, values)) => *values += &format!("{value}\n"),
                        None => links.push((to, format!("{value}\n"))),
                    }
                    continue;
                }
                if name == "userPrincipalName" {
                    let text = std::str::from_utf8(&value).unwrap();
                    value = text.replace(&format!("@{from}"), &format!("@{to}")).into();
                }
                let _ = writeln!(adds, "{}", line(name, &value));
            }
            if has_password(attributes) {
                let _ = writeln!(adds, "{}", line("unicodePwd", &unicode_password(PASSWORD)));
            }
            adds.push('\n');
        }
        let links = links
            .iter()
            .map(|(to, values)| format!("{to}{values}-\n\n"));
        adds + &links.collect::<String>()
    }
}

/// The line of LDIF that sets a password.
pub fn unicode_password_line(password: &str) -> String {
    line("unicodePwd", &unicode_password(password))
}

/// A password as Active Directory takes it: in quotes, as UTF-16.
pub fn unicode_password(password: &str) -> Vec<u8> {
    let quoted = format!("\"{password}\"");
    quoted.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn has_password(attributes: &[(String, Vec<u8>)]) -> bool {
    attributes
        .iter()
        .any(|(name, value)| name == "pwdLastSet" && value != b"0")
}

/// `city.example` of `DC=city,DC=example`.
fn domain(base: &str) -> String {
    let parts: Vec<&str> = base
        .split(',')
        .filter_map(|part| part.strip_prefix("DC="))
        .collect();
    parts.join(".")
}

/// A line of LDIF to a name and a value.
pub fn pair(line: &str) -> (String, Vec<u8>) {
    let (name, rest) = line.split_once(':').unwrap();
    let value = match rest.strip_prefix(':') {
        Some(coded) => STANDARD.decode(coded.trim()).unwrap(),
        None => rest.trim_start().as_bytes().to_vec(),
    };
    (name.to_owned(), value)
}

/// A name and a value to a line of LDIF, always in base64.
pub fn line(name: &str, value: &[u8]) -> String {
    format!("{name}:: {}", STANDARD.encode(value))
}
