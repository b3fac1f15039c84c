//! Something given for good, or until a moment: a role or a scope value.

use super::Moment;
use super::moment::PATTERN;
use crate::name::RoleName;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

/// `sales`, or `{role: sales, until: "2027-03-01"}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timed<T> {
    /// What is given.
    pub given: T,
    /// The end of it; a date is inclusive.
    pub until: Option<Moment>,
}

/// What can be given until a moment.
pub trait Given {
    /// The key of what is given, where an end stands beside it.
    const KEY: &'static str;
    /// What the field is, for editors.
    const WHAT: &'static str;
}

impl Given for RoleName {
    const KEY: &'static str = "role";
    const WHAT: &'static str = "The role.";
}

impl Given for String {
    const KEY: &'static str = "value";
    const WHAT: &'static str = "The value.";
}

impl<T> Timed<T> {
    /// Something given for good.
    pub fn for_good(given: T) -> Self {
        Self { given, until: None }
    }
}

impl<T: Given + JsonSchema> JsonSchema for Timed<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("Timed{}", T::KEY).into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let plain = T::json_schema(generator);
        let mut described = plain.clone();
        described.insert("description".into(), T::WHAT.into());
        json_schema!({ "anyOf": [
            plain,
            { "type": "object",
              "properties": {
                  (T::KEY): described,
                  "until": {
                      "description": "The end of it; a date is inclusive.",
                      "type": "string", "pattern": PATTERN } },
              "required": [T::KEY, "until"], "additionalProperties": false },
        ] })
    }
}

impl<T: Given + Serialize> Serialize for Timed<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.until {
            None => self.given.serialize(serializer),
            Some(until) => {
                let mut map = serializer.serialize_map(Some(2))?;
                map.serialize_entry(T::KEY, &self.given)?;
                map.serialize_entry("until", until)?;
                map.end()
            }
        }
    }
}

impl<'de, T: Given + Deserialize<'de>> Deserialize<'de> for Timed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TimedVisitor(PhantomData))
    }
}

struct TimedVisitor<T>(PhantomData<T>);

impl<'de, T: Given + Deserialize<'de>> Visitor<'de> for TimedVisitor<T> {
    type Value = Timed<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a text, or `{{{}, until}}`", T::KEY)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Timed<T>, E> {
        let given = T::deserialize(de::value::StrDeserializer::new(text))?;
        Ok(Timed::for_good(given))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Timed<T>, A::Error> {
        let mut given = None;
        let mut until = None;
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                key if key == T::KEY => given = Some(map.next_value()?),
                "until" => until = Some(map.next_value()?),
                other => return Err(de::Error::custom(format!("unknown field `{other}`"))),
            }
        }
        let given = given.ok_or_else(|| de::Error::missing_field(T::KEY))?;
        Ok(Timed { given, until })
    }
}
