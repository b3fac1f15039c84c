//! Turns a search result as it came off the wire into an entry, or says that it is not whole yet.
//!
//! Decision: read from the BER structure, not with the library's own reader, which panics on what it does
//! not expect and takes a value for text or bytes depending on what it happens to be.

use crate::connector::active_directory::matching::kind;
use crate::connector::{AttributeName, Attributes, Entry, EntryKind, Guid, Value};
use crate::dn::Dn;
use ldap3::asn1::StructureTag;

/// Attributes that every read asks for besides those that are wanted.
pub(super) const NEEDED: [&str; 3] = ["objectGUID", "objectClass", CHANGE_NUMBER];

/// Rises with every change of an object, membership included (MS-ADTS 3.1.1.1.9).
pub(super) const CHANGE_NUMBER: &str = "uSNChanged";

/// An entry, and the attributes of which the server gave only the first values.
pub(super) struct Found {
    pub(super) entry: Entry,
    pub(super) partial: Vec<Partial>,
    pub(super) change_number: Option<Value>,
}

/// The first values of an attribute.
pub(super) struct Partial {
    pub(super) attribute: AttributeName,
    pub(super) values: Vec<Value>,
}

/// An attribute as the server named it.
pub(super) struct Named {
    pub(super) name: String,
    /// Which of the values these are; none: all.
    pub(super) range: Option<Range>,
    pub(super) values: Vec<Value>,
}

/// First and last of the values; no last: to the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) first: usize,
    pub(super) last: Option<usize>,
}

/// What is wrong with a search result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum EntryFault {
    #[error("an entry that is no entry")]
    Malformed,
    #[error("an entry with the name `{0}`, which cannot be read")]
    Name(String),
    #[error("{0}: the log-on may not see its {1}")]
    Hidden(Dn, &'static str),
    #[error("{0}: `{1}` does not begin with its first value")]
    Range(Dn, AttributeName),
}

impl Found {
    /// Reads an entry with the attributes that are wanted.
    pub(super) fn read(tag: StructureTag, wanted: &[AttributeName]) -> Result<Self, EntryFault> {
        let (name, all) = attributes(tag).ok_or(EntryFault::Malformed)?;
        let dn = Dn::parse(&name).map_err(|_| EntryFault::Name(name))?;
        let first = |attribute: &str| {
            let found = all
                .iter()
                .find(|named| named.name.eq_ignore_ascii_case(attribute));
            found
                .map(|named| named.values.as_slice())
                .filter(|values| !values.is_empty())
        };
        let guid = first("objectGUID").and_then(|values| Guid::from_wire(values[0].bytes()));
        let (Some(guid), Some(classes)) = (guid, first("objectClass")) else {
            return Err(EntryFault::Hidden(dn, "objectGUID or objectClass"));
        };
        let kind = kind(classes);
        // What every account and group has: where it does not come, it may not be seen.
        let always: &[&'static str] = match kind {
            EntryKind::Account => &["sAMAccountName", "userAccountControl"],
            EntryKind::Group => &["sAMAccountName"],
            EntryKind::Unit | EntryKind::Other => &[],
        };
        let hidden = always
            .iter()
            .find(|name| wanted.iter().any(|w| w.is(name)) && first(name).is_none());
        if let Some(name) = hidden {
            return Err(EntryFault::Hidden(dn, name));
        }
        let change_number = first(CHANGE_NUMBER).map(|values| values[0].clone());
        let mut attributes = Attributes::new();
        let mut partial = Vec::new();
        for Named {
            name,
            range,
            values,
        } in all
        {
            let Some(attribute) = wanted.iter().find(|wanted| wanted.is(&name)).cloned() else {
                continue;
            };
            match range {
                _ if values.is_empty() => {}
                Some(Range { first, .. }) if first != 0 => {
                    return Err(EntryFault::Range(dn, attribute));
                }
                Some(Range { last: Some(_), .. }) => partial.push(Partial { attribute, values }),
                Some(Range { last: None, .. }) | None => {
                    attributes.insert(attribute, values);
                }
            }
        }
        Ok(Self {
            entry: Entry {
                dn,
                guid,
                kind,
                attributes,
            },
            partial,
            change_number,
        })
    }
}

/// Name and attributes of a SearchResultEntry (RFC 4511 section 4.5.2).
pub(super) fn attributes(tag: StructureTag) -> Option<(String, Vec<Named>)> {
    let mut parts = tag.match_id(4)?.expect_constructed()?.into_iter();
    let name = String::from_utf8(parts.next()?.expect_primitive()?).ok()?;
    let attributes = parts
        .next()?
        .expect_constructed()?
        .into_iter()
        .map(|attribute| {
            let mut parts = attribute.expect_constructed()?.into_iter();
            let described = String::from_utf8(parts.next()?.expect_primitive()?).ok()?;
            let values = parts.next()?.expect_constructed()?.into_iter();
            let values = values
                .map(|value| value.expect_primitive().map(Value::new))
                .collect::<Option<_>>()?;
            let (name, range) = ranged(described)?;
            Some(Named {
                name,
                range,
                values,
            })
        });
    Some((name, attributes.collect::<Option<_>>()?))
}

/// `member;range=0-1499` and `member;range=1500-*`, which only the range option makes partial.
fn ranged(described: String) -> Option<(String, Option<Range>)> {
    let option = described.split(';').skip(1).find(|option| {
        option
            .get(..6)
            .is_some_and(|start| start.eq_ignore_ascii_case("range="))
    });
    let Some(option) = option else {
        return Some((described, None));
    };
    let (first, last) = option[6..].split_once('-')?;
    let first = first.parse().ok()?;
    let last = if last == "*" {
        None
    } else {
        Some(last.parse().ok()?)
    };
    let name = described
        .split(';')
        .filter(|part| *part != option)
        .collect::<Vec<_>>()
        .join(";");
    Some((name, Some(Range { first, last })))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ldap3::asn1::{PL, TagClass};

    fn text(bytes: &[u8]) -> StructureTag {
        StructureTag {
            class: TagClass::Universal,
            id: 4,
            payload: PL::P(bytes.to_vec()),
        }
    }

    fn list(id: u64, inner: Vec<StructureTag>) -> StructureTag {
        StructureTag {
            class: TagClass::Universal,
            id,
            payload: PL::C(inner),
        }
    }

    fn result(dn: &str, attributes: &[(&str, &[&[u8]])]) -> StructureTag {
        let attributes = attributes.iter().map(|(name, values)| {
            let values = values.iter().map(|value| text(value)).collect();
            list(16, vec![text(name.as_bytes()), list(17, values)])
        });
        let parts = vec![text(dn.as_bytes()), list(16, attributes.collect())];
        StructureTag {
            class: TagClass::Application,
            id: 4,
            payload: PL::C(parts),
        }
    }

    const ID: (&str, &[&[u8]]) = ("objectGUID", &[b"0123456789abcdef"]);
    const CLASS: (&str, &[&[u8]]) = ("objectClass", &[b"top", b"group"]);

    #[test]
    fn values_are_bytes_and_names_those_that_were_asked_for() {
        let photo: &[&[u8]] = &[&[0xFF, 0], b"text"];
        let tag = result(
            "CN=a,DC=x",
            &[
                ID,
                CLASS,
                ("JPEGPHOTO", photo),
                ("info", &[]),
                ("cn", &[b"a"]),
            ],
        );
        let found = Found::read(
            tag,
            &["jpegPhoto".into(), "info".into(), "objectGUID".into()],
        )
        .unwrap();
        assert_eq!(found.entry.kind, EntryKind::Group);
        assert_eq!(
            found.entry.guid,
            Guid::from_wire(b"0123456789abcdef").unwrap()
        );
        let names = found
            .entry
            .attributes
            .keys()
            .map(AttributeName::as_str)
            .collect::<Vec<_>>();
        assert_eq!(
            names,
            ["jpegPhoto", "objectGUID"],
            "neither empty ones nor others"
        );
        let values = &found.entry.attributes[&"jpegPhoto".into()];
        assert_eq!(values, &[Value::new([0xFF, 0]), "text".into()]);
    }

    #[test]
    fn values_in_parts_are_told_apart_from_all_of_them() {
        let member = |name: &'static str, values: &'static [&'static [u8]]| {
            let tag = result("CN=g,DC=x", &[ID, CLASS, ("member", &[]), (name, values)]);
            Found::read(tag, &["member".into()])
        };
        let found = member("member;range=0-1", &[b"a", b"b"]).unwrap();
        assert!(found.entry.attributes.is_empty());
        assert_eq!(found.partial[0].values, ["a".into(), "b".into()]);
        let found = member("Member;Range=0-*", &[b"a"]).unwrap();
        assert!(found.partial.is_empty() && found.entry.attributes.len() == 1);
        let fault = member("member;range=5-*", &[b"a"]).err().unwrap();
        assert!(matches!(fault, EntryFault::Range(..)));
        assert_eq!(
            member("member;range=x-*", &[b"a"]).err(),
            Some(EntryFault::Malformed)
        );
        assert_eq!(ranged("a;binary;range=0-9".into()).unwrap().0, "a;binary");
    }

    #[test]
    fn what_is_no_entry_is_said_and_does_not_panic() {
        let read = |tag| Found::read(tag, &[]).err().map(|fault| fault.to_string());
        assert_eq!(
            read(text(b"x")).as_deref(),
            Some("an entry that is no entry")
        );
        assert!(read(list(4, vec![])).is_some());
        assert!(read(list(4, vec![text(b"CN=a"), list(16, vec![text(b"x")])])).is_some());
        assert!(read(list(4, vec![text(&[0xFF]), list(16, vec![])])).is_some());
        assert!(
            read(result("nonsense", &[ID, CLASS]))
                .unwrap()
                .contains("`nonsense`")
        );
        assert!(
            read(result("CN=a,DC=x", &[ID]))
                .unwrap()
                .contains("may not see")
        );
        assert!(read(result("CN=a,DC=x", &[("objectGUID", &[b"short"]), CLASS])).is_some());
        let user: (&str, &[&[u8]]) = ("objectClass", &[b"user"]);
        let of_user = |wanted: &[AttributeName]| {
            let read = Found::read(result("CN=a,DC=x", &[ID, user]), wanted);
            read.err().map(|fault| fault.to_string())
        };
        assert_eq!(of_user(&["title".into()]), None);
        let hidden = of_user(&["UserAccountControl".into()]).unwrap();
        assert!(
            hidden.ends_with("may not see its userAccountControl"),
            "{hidden}"
        );
    }
}
