//! Turns the text of a distinguished name (RFC 4514) into a value that compares as the directory
//! compares, and back into text that the directory takes.
//!
//! Decision: a name keeps its spelling but not its escapes. Active Directory returns other escapes
//! than it was sent (`\3B` for `\;`), so that escapes mean nothing; letters' case does, to people.
//! Decision: values are text. A value that is not UTF-8, or a `#hex` one that is no string, is refused:
//! no object that this program may touch is named by one.

mod text;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use text::{BETWEEN_RDNS, Reader, boundary, plain_values, push_value, same_spelling, unescape};

/// A distinguished name, at least one part long: spelling kept, compared without case.
///
/// Ordered as a tree from the root: a parent before its children, all of those before its next sibling.
#[derive(Clone)]
pub struct Dn {
    text: Arc<str>,
    /// Folded parts, root first, each after a [`text::BETWEEN_RDNS`]; a parent's is a prefix of its child's.
    key: Arc<str>,
}

/// One part of a distinguished name: `CN=Maria Lopez`, rarely several joined by `+`.
#[derive(Clone)]
pub struct Rdn {
    text: Arc<str>,
    key: Arc<str>,
    value: Arc<str>,
}

/// A text that is not a distinguished name. Places count characters from one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DnError {
    /// No part at all.
    #[error("a distinguished name has at least one part")]
    Empty,
    /// No `=` where a part should be.
    #[error("no `=` after the attribute name at character {0}")]
    NoValue(usize),
    /// What stands before `=` is no attribute name (RFC 4512 section 1.4).
    #[error("no attribute name at character {0}")]
    NoAttribute(usize),
    /// A character that must be escaped is not.
    #[error("{0:?} at character {1} must be escaped with a backslash")]
    Unescaped(char, usize),
    /// A backslash before something that needs none.
    #[error("the backslash at character {0} escapes nothing")]
    Escape(usize),
    /// A `#` value that is not the hex form of a string.
    #[error("the `#` value at character {0} is not a string in hexadecimal BER")]
    Hex(usize),
    /// A value that is not UTF-8.
    #[error("the value at character {0} is not UTF-8 text")]
    NotText(usize),
    /// Something after the one part that was wanted.
    #[error("more than one part, from character {0} on")]
    NotOnePart(usize),
}

impl Dn {
    /// Reads a name: escapes, hexadecimal values, several values a part, blanks around separators.
    ///
    /// # Errors
    /// [`DnError`] at the first place that cannot be read.
    pub fn parse(text: &str) -> Result<Self, DnError> {
        let mut reader = Reader::new(text);
        let mut spelled = String::with_capacity(text.len() + 8);
        let mut keys = String::with_capacity(text.len() + 8);
        let mut starts = Vec::with_capacity(8);
        if reader.is_at_end() {
            return Err(DnError::Empty);
        }
        loop {
            starts.push(keys.len());
            reader.rdn(&mut spelled, &mut keys)?;
            match reader.take_comma() {
                true => spelled.push(','),
                false => break,
            }
        }
        let mut key = String::with_capacity(keys.len() + starts.len());
        let mut end = keys.len();
        for &start in starts.iter().rev() {
            if !key.is_empty() {
                key.push(BETWEEN_RDNS);
            }
            key.push_str(&keys[start..end]);
            end = start;
        }
        Ok(Self {
            text: spelled.into(),
            key: key.into(),
        })
    }

    /// The text, without escapes that the directory does not need.
    pub(crate) fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// The organizational units `ous_outermost_first` below `base`.
    pub fn of_ous(base: &Self, ous_outermost_first: &[String]) -> Self {
        ous_outermost_first
            .iter()
            .fold(base.clone(), |dn, ou| dn.child(Rdn::new("OU", ou)))
    }

    /// The first part: what the object is called within its parent.
    pub fn rdn(&self) -> Rdn {
        let text = &self.text[..boundary(&self.text).unwrap_or(self.text.len())];
        let key = self
            .key
            .rfind(BETWEEN_RDNS)
            .map_or(&self.key[..], |at| &self.key[at + 1..]);
        Rdn {
            text: text.into(),
            key: key.into(),
            value: self.name().into(),
        }
    }

    /// The value of the first part, of several the first: what the object is called within its parent.
    pub fn name(&self) -> Cow<'_, str> {
        let text = &self.text[..boundary(&self.text).unwrap_or(self.text.len())];
        let mut values = plain_values(text);
        values
            .next()
            .map_or(Cow::Borrowed(""), |(_, value)| unescape(value))
    }

    /// Whether that is what it stands in.
    pub fn stands_in(&self, parent: &Self) -> bool {
        let key = self.key.rfind(BETWEEN_RDNS).map(|end| &self.key[..end]);
        key == Some(&parent.key)
    }

    /// What it stands in; none for a name of one part.
    pub fn parent(&self) -> Option<Self> {
        let text = &self.text[boundary(&self.text)? + 1..];
        let key = &self.key[..self.key.rfind(BETWEEN_RDNS)?];
        Some(Self {
            text: text.into(),
            key: key.into(),
        })
    }

    /// The name of that part within this.
    pub fn child(&self, rdn: Rdn) -> Self {
        Self {
            text: format!("{},{}", rdn.text, self.text).into(),
            key: format!("{}{BETWEEN_RDNS}{}", self.key, rdn.key).into(),
        }
    }

    /// Whether it is `ancestor` or stands below it.
    pub fn is_within(&self, ancestor: &Self) -> bool {
        self.key
            .strip_prefix(&*ancestor.key)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(BETWEEN_RDNS))
    }

    /// Where it stands once `from`, in which it stands, has become `to`; none where it does not stand in it.
    pub fn moved(&self, from: &Self, to: &Self) -> Option<Self> {
        let rest = self.is_within(from).then(|| &self.key[from.key.len()..])?;
        let parts = rest.matches(BETWEEN_RDNS).count();
        let end = (1..parts).try_fold(boundary(&self.text).unwrap_or(0), |at, _| {
            boundary(&self.text[at + 1..]).map(|next| at + 1 + next)
        })?;
        Some(match parts {
            0 => to.clone(),
            _ => Self {
                text: format!("{},{}", &self.text[..end], to.text).into(),
                key: format!("{}{rest}", to.key).into(),
            },
        })
    }

    /// How many parts it has.
    pub fn depth(&self) -> usize {
        self.key.matches(BETWEEN_RDNS).count() + 1
    }

    /// Whether the other name has the same letters, case included. Names of attributes have no case.
    pub fn same_spelling(&self, other: &Self) -> bool {
        same_spelling(&self.text, &other.text)
    }

    /// The DNS name that the `DC=` parts at its end make: `city.example`; none without such parts.
    pub fn domain(&self) -> Option<String> {
        let mut labels = Vec::new();
        let mut rest = Some(&self.text[..]);
        while let Some(text) = rest {
            let end = boundary(text);
            let part = &text[..end.unwrap_or(text.len())];
            let mut values = plain_values(part);
            match (values.next(), values.next()) {
                (Some((attribute, value)), None) if attribute.eq_ignore_ascii_case("DC") => {
                    labels.push(unescape(value));
                }
                _ => labels.clear(),
            }
            rest = end.map(|end| &text[end + 1..]);
        }
        (!labels.is_empty()).then(|| labels.join("."))
    }
}

impl Rdn {
    /// The part that gives `attribute` (a literal of the program: `CN`, `OU`) any text as its value.
    pub fn new(attribute: &'static str, value: &str) -> Self {
        let mut text = String::with_capacity(value.len() + 8);
        let mut key = String::with_capacity(value.len() + 8);
        push_value(attribute, value, &mut text, &mut key);
        Self {
            text: text.into(),
            key: key.into(),
            value: value.into(),
        }
    }

    /// Reads one part.
    ///
    /// # Errors
    /// [`DnError`] at the first place that cannot be read.
    pub fn parse(text: &str) -> Result<Self, DnError> {
        let mut reader = Reader::new(text);
        if reader.is_at_end() {
            return Err(DnError::Empty);
        }
        let (mut spelled, mut key) = (String::new(), String::new());
        let value = reader.rdn(&mut spelled, &mut key)?;
        match reader.is_at_end() {
            true => Ok(Self {
                text: spelled.into(),
                key: key.into(),
                value: value.into(),
            }),
            false => Err(DnError::NotOnePart(reader.place())),
        }
    }

    /// The attribute, of several the first, as it is spelled: `CN`.
    pub fn attribute(&self) -> &str {
        plain_values(&self.text)
            .next()
            .map_or("", |(attribute, _)| attribute)
    }

    /// The value, of several the first, without escapes.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// Whether the other part has the same letters, case included.
    pub fn same_spelling(&self, other: &Self) -> bool {
        same_spelling(&self.text, &other.text)
    }
}

macro_rules! compared_by_key {
    ($($type:ident, $what:literal;)*) => {$(
        impl PartialEq for $type {
            fn eq(&self, other: &Self) -> bool {
                self.key == other.key
            }
        }

        impl Eq for $type {}

        impl PartialOrd for $type {
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }

        impl Ord for $type {
            fn cmp(&self, other: &Self) -> Ordering {
                self.key.cmp(&other.key)
            }
        }

        impl Hash for $type {
            fn hash<H: Hasher>(&self, state: &mut H) {
                self.key.hash(state);
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.text)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.text, f)
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.text)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = Cow::<'de, str>::deserialize(deserializer)?;
                Self::parse(&text).map_err(serde::de::Error::custom)
            }
        }

        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "description": $what, "type": "string", "minLength": 1 })
            }
        }
    )*};
}

compared_by_key! {
    Dn, "A distinguished name (RFC 4514).";
    Rdn, "One part of a distinguished name (RFC 4514): `CN=Maria Lopez`.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_object_is_called_and_stands_in_is_told_without_taking_its_name_apart() {
        let names = [
            r"CN=Lopez\, Maria,OU=ITS,DC=x",
            r"CN=a\+b+OU=c,OU=its,DC=x",
            "OU=ITS,DC=x",
            "DC=x",
        ];
        let names = names.map(|text| Dn::parse(text).unwrap());
        for dn in &names {
            assert_eq!(dn.name(), dn.rdn().value());
            for parent in &names {
                assert_eq!(dn.stands_in(parent), dn.parent().as_ref() == Some(parent));
            }
        }
        assert_eq!(names[0].name(), "Lopez, Maria");
        assert!(names[0].stands_in(&names[2]) && names[1].stands_in(&names[2]));
    }

    fn dn(text: &str) -> Dn {
        Dn::parse(text).unwrap()
    }

    #[test]
    fn case_is_kept_and_does_not_count() {
        let (one, other) = (
            dn("CN=Jörg ÄÖ,OU=It,DC=city"),
            dn("cn=jörg äö,ou=IT,dc=CITY"),
        );
        assert_eq!(one, other);
        assert!(!one.same_spelling(&other));
        assert!(one.same_spelling(&dn("cn=Jörg ÄÖ, ou=It ,dc=city")));
        assert!(dn("CN=a\\;b,DC=c").same_spelling(&dn("CN=a\\3Bb,DC=c")));
        assert_eq!(one.to_string(), "CN=Jörg ÄÖ,OU=It,DC=city");
        assert_ne!(dn("CN=a\\,OU=b,DC=c"), dn("CN=a,OU=b,DC=c"));
        assert_ne!(dn("CN=a  b,DC=c"), dn("CN=a b,DC=c"));
    }

    #[test]
    fn values_joined_by_plus_have_no_order() {
        let (one, other) = (dn("CN=a+OU=b,DC=c"), dn("ou=B+cn=A,DC=c"));
        assert_eq!(one, other);
        assert!(!one.same_spelling(&other) && one.same_spelling(&dn("ou=b+cn=a,DC=c")));
        assert_ne!(one, dn("CN=a\\+OU=b,DC=c"));
        assert_eq!((one.rdn().attribute(), one.rdn().value()), ("CN", "a"));
    }

    #[test]
    fn parents_children_and_what_lies_within() {
        let base = dn("DC=city,DC=example");
        let its = Dn::of_ous(&base, &["Departments".into(), "City Hall, ITS".into()]);
        assert_eq!(
            its.to_string(),
            "OU=City Hall\\, ITS,OU=Departments,DC=city,DC=example"
        );
        assert_eq!((its.depth(), base.depth()), (4, 2));
        assert_eq!(its.rdn().value(), "City Hall, ITS");
        assert_eq!(its.parent().and_then(|p| p.parent()), Some(base.clone()));
        assert_eq!(dn("DC=example").parent(), None);
        assert!(its.is_within(&base) && its.is_within(&its) && !base.is_within(&its));
        assert!(!dn("OU=x,DC=example2").is_within(&dn("DC=example")));
        assert!(!dn("OU=x\\,DC=example").is_within(&dn("DC=example")));
        assert!(!dn("CN=a\\00b,DC=c").is_within(&dn("CN=b,DC=c")));
        assert!(!dn("CN=b,CN=a,DC=c").is_within(&dn("CN=a\\00cn=b,DC=c")));
    }

    #[test]
    fn order_is_the_tree_from_the_root() {
        let mut names = [
            "OU=b,DC=x",
            "CN=z,OU=a,DC=x",
            "DC=x",
            "OU=a b,DC=x",
            "OU=a,DC=x",
        ]
        .map(dn);
        names.sort();
        let names = names.map(|dn| dn.to_string());
        assert_eq!(
            names,
            [
                "DC=x",
                "OU=a,DC=x",
                "CN=z,OU=a,DC=x",
                "OU=a b,DC=x",
                "OU=b,DC=x"
            ]
        );
    }

    #[test]
    fn a_move_takes_what_lies_below_along() {
        let (from, to) = (dn("OU=Old,DC=x"), dn("OU=New,OU=Up,DC=x"));
        let moved = |text: &str| dn(text).moved(&from, &to).map(|dn| dn.to_string());
        assert_eq!(moved("ou=old,dc=x").as_deref(), Some("OU=New,OU=Up,DC=x"));
        assert_eq!(
            moved("CN=a\\,b,OU=old,DC=x").as_deref(),
            Some("CN=a\\,b,OU=New,OU=Up,DC=x")
        );
        let deep = dn("CN=a,OU=Mid,OU=Old,DC=x").moved(&from, &to);
        assert_eq!(deep, Some(dn("CN=a,OU=Mid,OU=New,OU=Up,DC=x")));
        assert_eq!(
            deep.and_then(|d| d.parent()),
            Some(dn("OU=mid,OU=new,OU=up,DC=x"))
        );
        assert_eq!(moved("CN=a,OU=Other,DC=x"), None);
    }

    #[test]
    fn the_domain_is_made_of_the_last_dc_parts() {
        assert_eq!(
            dn("OU=x,DC=city,DC=example").domain().as_deref(),
            Some("city.example")
        );
        assert_eq!(
            dn("DC=in,OU=x,dc=example").domain().as_deref(),
            Some("example")
        );
        assert_eq!(dn("O=city,C=us").domain(), None);
    }

    #[test]
    fn serializes_as_its_text() {
        let text = r#"CN=O'Brien\, \"Bob\",DC=x"#;
        let read: Dn = serde_json::from_value(text.into()).unwrap();
        assert_eq!(read.rdn().value(), "O'Brien, \"Bob\"");
        assert_eq!(serde_json::to_value(&read).unwrap(), text);
        assert!(serde_json::from_str::<Dn>("\"nonsense\"").is_err());
        let rdn: Rdn = serde_json::from_str("\"CN=a\\\\,b\"").unwrap();
        assert_eq!(rdn, Rdn::new("cn", "A,B"));
    }
}
