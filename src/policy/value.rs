//! Values as CEL's evaluator takes them. They borrow what they say, so that a policy over thousands of
//! users copies little.

use super::shape::{Shape, Type};
use cel::ExecutionError;
use cel::common::traits::{self, Container, Indexer, Iterable, Sizer};
use cel::common::types::{self, CelBool, CelInt, CelString};
use cel::common::value::{CowVal, Val};
use std::sync::Arc;

/// A value.
#[derive(Debug, Clone)]
pub enum Value<'a> {
    /// A string.
    Text(CelString<'a>),
    /// A whole number.
    Number(CelInt),
    /// True or false.
    Truth(CelBool),
    /// Values in order.
    List(List<'a>),
    /// Values by a string.
    Map(Map<'a>),
    /// Named fields.
    Record(Record<'a>),
}

/// Values in order.
#[derive(Debug, Clone, Default)]
pub struct List<'a>(pub Vec<Value<'a>>);

/// Values by a string, sorted by it.
#[derive(Debug, Clone, Default)]
pub struct Map<'a>(Vec<(CelString<'a>, Value<'a>)>);

/// The fields of a shape, in its order.
#[derive(Debug, Clone)]
pub struct Record<'a> {
    shape: &'static Shape,
    values: Vec<Value<'a>>,
}

impl<'a> Value<'a> {
    /// A string that is borrowed.
    pub fn text(text: &'a str) -> Self {
        Self::Text(CelString::from(text))
    }

    /// A string that is owned.
    pub fn owned(text: String) -> Self {
        Self::Text(CelString::from(text))
    }

    /// A string, "" where there is none.
    pub fn maybe(text: Option<&'a str>) -> Self {
        Self::text(text.unwrap_or_default())
    }

    /// True or false.
    pub fn truth(truth: bool) -> Self {
        Self::Truth(CelBool::from(truth))
    }

    /// A whole number.
    pub fn number(number: usize) -> Self {
        Self::Number(CelInt::from(i64::try_from(number).unwrap_or(i64::MAX)))
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
        let values = values.into_iter().map(|(k, v)| (CelString::from(k), v));
        let mut values: Vec<_> = values.collect();
        values.sort_by(|a, b| a.0.cmp(&b.0));
        values.dedup_by(|a, b| a.0 == b.0);
        Self::Map(Map(values))
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
            Self::Text(text) => Value::Text(text.into_static()),
            Self::Number(number) => Value::Number(number),
            Self::Truth(truth) => Value::Truth(truth),
            Self::List(list) => {
                Value::List(List(list.0.into_iter().map(Self::into_owned).collect()))
            }
            Self::Map(map) => {
                let each = map.0.into_iter();
                Value::Map(Map(each
                    .map(|(k, v)| (k.into_static(), v.into_owned()))
                    .collect()))
            }
            Self::Record(Record { shape, values }) => Value::Record(Record {
                shape,
                values: values.into_iter().map(Self::into_owned).collect(),
            }),
        }
    }

    /// The value as CEL sees it.
    pub fn val<'b>(&'b self) -> &'b (dyn Val + 'a) {
        match self {
            Self::Text(v) => v,
            Self::Number(v) => v,
            Self::Truth(v) => v,
            Self::List(v) => v,
            Self::Map(v) => v,
            Self::Record(v) => v,
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
            Self::Text(_) | Self::Number(_) | Self::Truth(_) | Self::List(_) => None,
        }
    }

    /// The value in a sentence: strings of a list are joined.
    pub fn words(&self) -> String {
        match self {
            Self::Text(text) => text.inner().to_owned(),
            Self::Number(number) => number.inner().to_string(),
            Self::Truth(truth) => truth.inner().to_string(),
            Self::List(list) => {
                let each: Vec<String> = list.0.iter().map(Self::words).collect();
                each.join(", ")
            }
            Self::Map(map) => {
                let each: Vec<&str> = map.0.iter().map(|(key, _)| key.inner()).collect();
                each.join(", ")
            }
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
        let place = self.place(name);
        if let Some(slot) = place.and_then(|index| self.values.get_mut(index)) {
            *slot = value;
        }
    }

    /// A field.
    pub fn get(&self, name: &str) -> Option<&Value<'a>> {
        self.values.get(self.place(name)?)
    }

    /// Which record it is.
    pub fn shape(&self) -> &'static Shape {
        self.shape
    }

    fn place(&self, name: &str) -> Option<usize> {
        let found = self
            .shape
            .fields
            .binary_search_by(|(field, _, _)| (*field).cmp(name));
        found.ok()
    }
}

fn missing(key: &dyn Val) -> ExecutionError {
    let key = key.downcast_ref::<CelString<'_>>();
    ExecutionError::NoSuchKey(Arc::new(
        key.map(|k| k.inner().to_owned()).unwrap_or_default(),
    ))
}

/// Whether a value of ours equals one of CEL's: lists of strings are both.
fn equal(a: &Value<'_>, other: &dyn Val) -> bool {
    a.val().equals(other) || other.equals(a.val())
}

impl Val for List<'_> {
    fn get_type(&self) -> &types::Type {
        &types::LIST_TYPE
    }
    fn cel_type() -> &'static types::Type {
        &types::LIST_TYPE
    }
    fn as_container(&self) -> Option<&dyn Container> {
        Some(self)
    }
    fn as_indexer<'b, 'v>(&'b self) -> Option<&'b (dyn Indexer + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }
    fn as_iterable<'b, 'v>(&'b self) -> Option<&'b (dyn Iterable + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }
    fn as_sizer(&self) -> Option<&dyn Sizer> {
        Some(self)
    }
    fn equals(&self, other: &dyn Val) -> bool {
        let (Some(sizer), Some(items)) = (other.as_sizer(), other.as_iterable()) else {
            return false;
        };
        if usize::try_from(*sizer.size().inner()) != Ok(self.0.len()) {
            return false;
        }
        let mut items = items.iter();
        self.0
            .iter()
            .all(|value| items.next().is_some_and(|item| value.val().equals(item)))
    }
    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v>
    where
        Self: 'v,
    {
        Box::new(self.clone())
    }
}

impl Container for List<'_> {
    fn contains(&self, value: &dyn Val) -> Result<bool, ExecutionError> {
        Ok(self.0.iter().any(|each| equal(each, value)))
    }
}

impl Indexer for List<'_> {
    fn get<'b, 'v>(&'b self, index: &dyn Val) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        let number = index.downcast_ref::<CelInt>().map(|i| *i.inner());
        let index_of = number.and_then(|i| usize::try_from(i).ok());
        let value = index_of.and_then(|i| self.0.get(i));
        match value {
            Some(value) => Ok(CowVal::Borrowed(value.val())),
            None => Err(missing(index)),
        }
    }
    fn steal<'v>(self: Box<Self>, index: &dyn Val) -> Result<Box<dyn Val + 'v>, ExecutionError>
    where
        Self: 'v,
    {
        self.get(index).map(|value| value.clone_as_boxed())
    }
}

struct Items<'b, 'a>(std::slice::Iter<'b, Value<'a>>);

impl<'b, 'v, 'a: 'v> traits::Iterator<'b, 'v> for Items<'b, 'a> {
    fn next(&mut self) -> Option<&'b (dyn Val + 'v)> {
        let value = self.0.next()?;
        Some(value.val())
    }
}

impl Iterable for List<'_> {
    fn iter<'b, 'v>(&'b self) -> Box<dyn traits::Iterator<'b, 'v> + 'b>
    where
        Self: 'v,
    {
        Box::new(Items(self.0.iter()))
    }
}

impl Sizer for List<'_> {
    fn size(&self) -> CelInt {
        CelInt::from(i64::try_from(self.0.len()).unwrap_or(i64::MAX))
    }
}

impl<'a> Map<'a> {
    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Value<'a>> {
        let found = self.0.binary_search_by(|(k, _)| k.inner().cmp(key)).ok()?;
        self.0.get(found).map(|(_, value)| value)
    }

    fn find(&self, key: &dyn Val) -> Option<&Value<'a>> {
        self.get(key.downcast_ref::<CelString<'_>>()?.inner())
    }
}

impl Val for Map<'_> {
    fn get_type(&self) -> &types::Type {
        &types::MAP_TYPE
    }
    fn cel_type() -> &'static types::Type {
        &types::MAP_TYPE
    }
    fn as_container(&self) -> Option<&dyn Container> {
        Some(self)
    }
    fn as_indexer<'b, 'v>(&'b self) -> Option<&'b (dyn Indexer + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }
    fn as_iterable<'b, 'v>(&'b self) -> Option<&'b (dyn Iterable + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }
    fn as_sizer(&self) -> Option<&dyn Sizer> {
        Some(self)
    }
    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v>
    where
        Self: 'v,
    {
        Box::new(self.clone())
    }
}

impl Container for Map<'_> {
    fn contains(&self, key: &dyn Val) -> Result<bool, ExecutionError> {
        Ok(self.find(key).is_some())
    }
}

impl Indexer for Map<'_> {
    fn get<'b, 'v>(&'b self, key: &dyn Val) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        match self.find(key) {
            Some(value) => Ok(CowVal::Borrowed(value.val())),
            None => Err(missing(key)),
        }
    }
    fn steal<'v>(self: Box<Self>, key: &dyn Val) -> Result<Box<dyn Val + 'v>, ExecutionError>
    where
        Self: 'v,
    {
        Indexer::get(&*self, key).map(|value| value.clone_as_boxed())
    }
}

struct Keys<'b, 'a>(std::slice::Iter<'b, (CelString<'a>, Value<'a>)>);

impl<'b, 'v, 'a: 'v> traits::Iterator<'b, 'v> for Keys<'b, 'a> {
    fn next(&mut self) -> Option<&'b (dyn Val + 'v)> {
        let (key, _) = self.0.next()?;
        Some(key)
    }
}

impl Iterable for Map<'_> {
    fn iter<'b, 'v>(&'b self) -> Box<dyn traits::Iterator<'b, 'v> + 'b>
    where
        Self: 'v,
    {
        Box::new(Keys(self.0.iter()))
    }
}

impl Sizer for Map<'_> {
    fn size(&self) -> CelInt {
        CelInt::from(i64::try_from(self.0.len()).unwrap_or(i64::MAX))
    }
}

impl Val for Record<'_> {
    fn get_type(&self) -> &types::Type {
        &types::MAP_TYPE
    }
    fn cel_type() -> &'static types::Type {
        &types::MAP_TYPE
    }
    fn as_container(&self) -> Option<&dyn Container> {
        Some(self)
    }
    fn as_indexer<'b, 'v>(&'b self) -> Option<&'b (dyn Indexer + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }
    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v>
    where
        Self: 'v,
    {
        Box::new(self.clone())
    }
}

impl Container for Record<'_> {
    fn contains(&self, key: &dyn Val) -> Result<bool, ExecutionError> {
        let key = key.downcast_ref::<CelString<'_>>();
        Ok(key.is_some_and(|key| self.get(key.inner()).is_some()))
    }
}

impl Indexer for Record<'_> {
    fn get<'b, 'v>(&'b self, key: &dyn Val) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        let name = key.downcast_ref::<CelString<'_>>().map(|k| k.inner());
        match name.and_then(|name| Record::get(self, name)) {
            Some(value) => Ok(CowVal::Borrowed(value.val())),
            None => Err(missing(key)),
        }
    }
    fn steal<'v>(self: Box<Self>, key: &dyn Val) -> Result<Box<dyn Val + 'v>, ExecutionError>
    where
        Self: 'v,
    {
        Indexer::get(&*self, key).map(|value| value.clone_as_boxed())
    }
}
