//! Values that expressions see. They borrow what they say, so that a policy over thousands of users
//! copies little.

use super::shape::{Shape, Type};
use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, OnceLock};

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// A string.
    Text(Cow<'a, str>),
    /// A whole number.
    Number(i64),
    /// True or false.
    Truth(bool),
    /// Values in order.
    List(List<'a>),
    /// Values by a string.
    Map(Map<'a>),
    /// Values by a string, each made when it is asked for.
    Lazy(Arc<Lazy<'a>>),
    /// Named fields.
    Record(Record<'a>),
}

/// Values in order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct List<'a>(pub Vec<Value<'a>>);

/// Values by a string, sorted by it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Map<'a>(pub Vec<(Cow<'a, str>, Value<'a>)>);

/// Values by a string, sorted by it, of which most are never asked for.
pub struct Lazy<'a> {
    keys: Vec<&'a str>,
    /// Each borrows nothing, so that what holds them may be shortened in its lifetime.
    made: Vec<OnceLock<Value<'static>>>,
    make: Box<dyn Fn(usize) -> Value<'static> + Send + Sync + 'a>,
}

impl<'a> Lazy<'a> {
    /// Values that are made of a key's number.
    pub fn new(
        keys: Vec<&'a str>,
        make: impl Fn(usize) -> Value<'static> + Send + Sync + 'a,
    ) -> Self {
        Self {
            made: keys.iter().map(|_| OnceLock::new()).collect(),
            keys,
            make: Box::new(make),
        }
    }

    /// Every key, sorted.
    pub fn keys(&self) -> &[&'a str] {
        &self.keys
    }

    /// Whether there is a key.
    pub fn has(&self, key: &str) -> bool {
        self.keys.binary_search(&key).is_ok()
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Value<'static>> {
        let index = self.keys.binary_search(&key).ok()?;
        let made = self.made.get(index)?;
        Some(made.get_or_init(|| (self.make)(index)))
    }
}

impl fmt::Debug for Lazy<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(&self.keys).finish()
    }
}

impl PartialEq for Lazy<'_> {
    fn eq(&self, other: &Self) -> bool {
        let each = self.keys.iter();
        self.keys == other.keys && each.clone().all(|key| self.get(key) == other.get(key))
    }
}

/// The fields of a shape, in its order.
#[derive(Debug, Clone, PartialEq)]
pub struct Record<'a> {
    shape: &'static Shape,
    values: Vec<Value<'a>>,
}

impl<'a> Value<'a> {
    /// A string that is borrowed.
    pub fn text(text: &'a str) -> Self {
        Self::Text(text.into())
    }

    /// A string that is owned.
    pub fn owned(text: String) -> Self {
        Self::Text(text.into())
    }

    /// A string, "" where there is none.
    pub fn maybe(text: Option<&'a str>) -> Self {
        Self::text(text.unwrap_or_default())
    }

    /// True or false.
    pub fn truth(truth: bool) -> Self {
        Self::Truth(truth)
    }

    /// A whole number.
    pub fn number(number: usize) -> Self {
        Self::Number(i64::try_from(number).unwrap_or(i64::MAX))
    }

    /// Strings.
    pub fn texts(texts: impl IntoIterator<Item = &'a str>) -> Self {
        Self::List(List(texts.into_iter().map(Self::text).collect()))
    }

    /// Values.
    pub fn list(values: impl IntoIterator<Item = Self>) -> Self {
        Self::List(List(values.into_iter().collect()))
    }

    /// Values by a string.
    pub fn map(values: impl IntoIterator<Item = (&'a str, Self)>) -> Self {
        let values = values.into_iter().map(|(k, v)| (Cow::from(k), v));
        let mut values: Vec<_> = values.collect();
        values.sort_by(|a, b| a.0.cmp(&b.0));
        values.dedup_by(|a, b| a.0 == b.0);
        Self::Map(Map(values))
    }

    fn map_owned(values: impl IntoIterator<Item = (String, Value<'static>)>) -> Value<'static> {
        let values = values.into_iter().map(|(k, v)| (Cow::from(k), v));
        Value::Map(Map(values.collect()))
    }

    /// What stands where nothing is known: "", 0, false, nothing, and records of these.
    pub fn nothing(kind: &Type) -> Self {
        match kind {
            Type::Text => Self::text(""),
            Type::Number => Self::number(0),
            Type::Truth => Self::truth(false),
            Type::List(_) => Self::List(List::default()),
            Type::Map(_) => Self::Map(Map::default()),
            Type::Record(shape) => Self::Record(Record::new(shape)),
        }
    }

    /// The same, borrowing nothing.
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Self::Text(text) => Value::Text(text.into_owned().into()),
            Self::Number(number) => Value::Number(number),
            Self::Truth(truth) => Value::Truth(truth),
            Self::List(list) => {
                Value::List(List(list.0.into_iter().map(Self::into_owned).collect()))
            }
            Self::Map(map) => {
                let each = map.0.into_iter();
                Value::Map(Map(each
                    .map(|(k, v)| (k.into_owned().into(), v.into_owned()))
                    .collect()))
            }
            Self::Lazy(lazy) => Value::map_owned(lazy.keys.iter().filter_map(|key| {
                let value = lazy.get(key)?;
                Some(((*key).to_owned(), value.clone()))
            })),
            Self::Record(Record { shape, values }) => Value::Record(Record {
                shape,
                values: values.into_iter().map(Self::into_owned).collect(),
            }),
        }
    }

    /// The value at the end of a path of fields and keys.
    pub fn at(&self, path: &[&str]) -> Option<&Self> {
        let Some((first, rest)) = path.split_first() else {
            return Some(self);
        };
        match self {
            Self::Record(record) => record.get(first)?.at(rest),
            Self::Map(map) => map.get(first)?.at(rest),
            Self::Lazy(lazy) => lazy.get(first)?.at(rest),
            Self::Text(_) | Self::Number(_) | Self::Truth(_) | Self::List(_) => None,
        }
    }

    /// The value in a sentence: strings of a list are joined.
    pub fn words(&self) -> String {
        match self {
            Self::Text(text) => text.to_string(),
            Self::Number(number) => number.to_string(),
            Self::Truth(truth) => truth.to_string(),
            Self::List(list) => {
                let each: Vec<String> = list.0.iter().map(Self::words).collect();
                each.join(", ")
            }
            Self::Map(map) => {
                let each: Vec<&str> = map.0.iter().map(|(key, _)| &**key).collect();
                each.join(", ")
            }
            Self::Lazy(lazy) => lazy.keys.join(", "),
            Self::Record(record) => record.get("name").map(Self::words).unwrap_or_default(),
        }
    }
}

impl<'a> Record<'a> {
    /// A record in which nothing is said.
    pub fn new(shape: &'static Shape) -> Self {
        let values = shape.fields.iter();
        Self {
            shape,
            values: values.map(|(_, kind, _)| Value::nothing(kind)).collect(),
        }
    }

    /// Says a field; one the shape does not have is left out.
    #[must_use]
    pub fn with(mut self, name: &str, value: Value<'a>) -> Self {
        self.set(name, value);
        self
    }

    /// Says a field; one the shape does not have is left out.
    pub fn set(&mut self, name: &str, value: Value<'a>) {
        let place = self.shape.place(name);
        if let Some(slot) = place.and_then(|index| self.values.get_mut(index)) {
            *slot = value;
        }
    }

    /// A field.
    pub fn get(&self, name: &str) -> Option<&Value<'a>> {
        self.nth(self.shape.place(name)?)
    }

    /// The field at a place of the shape.
    pub fn nth(&self, place: usize) -> Option<&Value<'a>> {
        self.values.get(place)
    }

    /// Which record it is.
    pub fn shape(&self) -> &'static Shape {
        self.shape
    }
}

impl<'a> Map<'a> {
    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Value<'a>> {
        let found = self.0.binary_search_by(|(k, _)| (**k).cmp(key)).ok()?;
        self.0.get(found).map(|(_, value)| value)
    }
}
