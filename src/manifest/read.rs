//! A checked node → the kind's type, by serde; lines go along under the key `$line`.

use super::yaml::{Node, Yaml};
use serde::de::value::{BorrowedStrDeserializer, U32Deserializer};
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, EnumAccess, IntoDeserializer, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};
use std::fmt;

/// That a node is not of the type although its shape was right: a mistake of this program.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ReadError(String);

impl de::Error for ReadError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

/// Makes a value of a node.
///
/// # Errors
/// [`ReadError`] where the node is not of the type.
pub fn read<T: DeserializeOwned>(node: &Node) -> Result<T, ReadError> {
    T::deserialize(Reader(node))
}

#[derive(Clone, Copy)]
struct Reader<'a>(&'a Node);

impl<'de> de::Deserializer<'de> for Reader<'de> {
    type Error = ReadError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match &self.0.value {
            Yaml::Null | Yaml::Broken => visitor.visit_unit(),
            Yaml::Bool(value) => visitor.visit_bool(*value),
            Yaml::Int(value) => visitor.visit_i64(*value),
            Yaml::Float(value) if value.fract() == 0.0 && value.abs() < 9e15 => {
                visitor.visit_i64(*value as i64)
            }
            Yaml::Float(value) => visitor.visit_f64(*value),
            Yaml::Text(text, _) => visitor.visit_borrowed_str(text),
            Yaml::Sequence(nodes) => visitor.visit_seq(Elements(nodes.iter())),
            Yaml::Mapping(_) => visitor.visit_map(Fields::of(self.0, false)),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match &self.0.value {
            Yaml::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        match &self.0.value {
            Yaml::Mapping(_) => visitor.visit_map(Fields::of(self.0, fields.contains(&"$line"))),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        match self.0.text() {
            Some(text) => visitor.visit_enum(Choice(text)),
            None => Err(ReadError(format!("{} is not a choice", self.0.sort()))),
        }
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string
        bytes byte_buf unit unit_struct seq tuple tuple_struct map identifier ignored_any
    }
}

struct Elements<'a>(std::slice::Iter<'a, Node>);

impl<'de> SeqAccess<'de> for Elements<'de> {
    type Error = ReadError;
    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, ReadError> {
        self.0
            .next()
            .map(|node| seed.deserialize(Reader(node)))
            .transpose()
    }
}

struct Fields<'a> {
    entries: std::slice::Iter<'a, (super::yaml::Key, Node)>,
    value: Option<&'a Node>,
    line: Option<u32>,
}

impl<'a> Fields<'a> {
    fn of(node: &'a Node, with_line: bool) -> Self {
        let entries = match &node.value {
            Yaml::Mapping(entries) => entries.iter(),
            _ => [].iter(),
        };
        Self {
            entries,
            value: None,
            line: with_line.then_some(node.mark.line),
        }
    }
}

impl<'de> MapAccess<'de> for Fields<'de> {
    type Error = ReadError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, ReadError> {
        match self.entries.next() {
            Some((key, value)) => {
                self.value = Some(value);
                seed.deserialize(BorrowedStrDeserializer::new(&key.text))
                    .map(Some)
            }
            None if self.line.is_some() => {
                self.value = None;
                seed.deserialize(BorrowedStrDeserializer::new("$line"))
                    .map(Some)
            }
            None => Ok(None),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, ReadError> {
        match self.value.take() {
            Some(node) => seed.deserialize(Reader(node)),
            None => {
                let line: U32Deserializer<ReadError> =
                    self.line.take().unwrap_or_default().into_deserializer();
                seed.deserialize(line)
            }
        }
    }
}

struct Choice<'a>(&'a str);

impl<'de> EnumAccess<'de> for Choice<'de> {
    type Error = ReadError;
    type Variant = Unit;
    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Unit), ReadError> {
        seed.deserialize(BorrowedStrDeserializer::new(self.0))
            .map(|value| (value, Unit))
    }
}

struct Unit;

impl<'de> VariantAccess<'de> for Unit {
    type Error = ReadError;
    fn unit_variant(self) -> Result<(), ReadError> {
        Ok(())
    }
    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, _: T) -> Result<T::Value, ReadError> {
        Err(ReadError("a choice has no content".into()))
    }
    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, ReadError> {
        Err(ReadError("a choice has no content".into()))
    }
    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, ReadError> {
        Err(ReadError("a choice has no content".into()))
    }
}
