//! The JSON Schemas of the kinds, made from the types, and the same rules in a form that checks a
//! document and finds every mistake in it.

use super::*;
use regex::Regex;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeMap;
use std::sync::{Mutex, OnceLock, PoisonError};

/// The JSON Schema (draft-07, which editors follow) of a kind.
pub fn schema(kind: Kind) -> Json {
    let mut schema = marked(kind);
    unmark(&mut schema);
    schema
}

/// The same, with a `$comment` at each name that says what is named: `profile name`.
pub fn marked(kind: Kind) -> Json {
    match kind {
        Kind::Config => generate::<ConfigSpec>(kind),
        Kind::Organization => generate::<OrganizationSpec>(kind),
        Kind::Profile => generate::<ProfileSpec>(kind),
        Kind::User => generate::<UserSpec>(kind),
        Kind::Resource => generate::<ResourceSpec>(kind),
        Kind::Role => generate::<RoleSpec>(kind),
        Kind::Scope => generate::<ScopeSpec>(kind),
        Kind::Identity => generate::<IdentitySpec>(kind),
        Kind::Request => generate::<RequestSpec>(kind),
        Kind::Policy => generate::<PolicySpec>(kind),
    }
}

/// The file a kind's schema stands in, below `schema/`.
pub fn file_name(kind: Kind) -> String {
    format!("{}.json", kind.as_str().to_lowercase())
}

/// The JSON Schema of a type in the form of the kinds': draft-07, closed, nothing that may be null.
pub fn schema_of<T: JsonSchema>(title: &str) -> Json {
    let mut schema = marked_of::<T>(title);
    unmark(&mut schema);
    schema
}

/// Takes out what says which names stand where.
pub fn unmark(schema: &mut Json) {
    match schema {
        Json::Object(object) => {
            // A field of that name would be described by a mapping.
            if object.get("$comment").is_some_and(Json::is_string) {
                object.remove("$comment");
            }
            object.values_mut().for_each(unmark);
        }
        Json::Array(parts) => parts.iter_mut().for_each(unmark),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
    }
}

fn marked_of<T: JsonSchema>(title: &str) -> Json {
    let settings = SchemaSettings::draft07().with(|s| s.inline_subschemas = true);
    let mut schema = settings
        .into_generator()
        .into_root_schema_for::<T>()
        .to_value();
    tidy(&mut schema);
    if let Some(root) = schema.as_object_mut() {
        root.insert("title".into(), json!(title));
    }
    schema
}

fn generate<S: JsonSchema>(kind: Kind) -> Json {
    let mut schema = marked_of::<Manifest<S>>(&format!("Countersign {kind}"));
    if let Some(Json::Object(properties)) = schema.get_mut("properties") {
        for (name, value) in [("apiVersion", API_VERSION), ("kind", kind.as_str())] {
            if let Some(Json::Object(property)) = properties.get_mut(name) {
                property.insert("const".into(), json!(value));
            }
        }
    }
    schema
}

/// Leaves out what serde does not take (`null` for what may be left out) and what validators do
/// not know (formats of Rust's numbers), and joins described choices to one enumeration.
fn tidy(schema: &mut Json) {
    let Json::Object(object) = schema else {
        if let Json::Array(parts) = schema {
            parts.iter_mut().for_each(tidy);
        }
        return;
    };
    for (key, value) in object.iter_mut() {
        match (key.as_str(), value) {
            // Names of fields, not words of the schema language: `default` may be one.
            ("properties" | "patternProperties", Json::Object(fields)) => {
                fields.values_mut().for_each(tidy);
            }
            (_, value) => tidy(value),
        }
    }
    if object.get("format").is_some_and(|f| f == "uint32") {
        object.entry("maximum").or_insert(json!(u32::MAX));
    }
    object.remove("format");
    object.remove("default");
    if let Some(Json::Array(types)) = object.get_mut("type") {
        types.retain(|t| t != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            object.insert("type".into(), only);
        }
    }
    if let Some(Json::Array(choices)) = object.get_mut("enum") {
        choices.retain(|c| !c.is_null());
    }
    if let Some(Json::Array(mut parts)) = object.remove("anyOf") {
        parts.retain(|p| p.get("type").is_none_or(|t| t != "null"));
        match parts.as_mut_slice() {
            [Json::Object(only)] => {
                for (key, value) in std::mem::take(only) {
                    object.entry(key).or_insert(value);
                }
            }
            _ => {
                object.insert("anyOf".into(), Json::Array(parts));
            }
        }
    }
    join_choices(object);
}

/// `oneOf: [{const, description} …]` → `enum` with the descriptions in one text.
fn join_choices(object: &mut Map<String, Json>) {
    let Some(Json::Array(parts)) = object.get("oneOf") else {
        return;
    };
    if !parts.iter().all(|p| p.get("const").is_some()) {
        return;
    }
    let mut text = object
        .get("description")
        .and_then(Json::as_str)
        .unwrap_or_default()
        .to_owned();
    let mut choices = Vec::new();
    for part in parts {
        if let Some(value) = part.get("const") {
            choices.push(value.clone());
            let about = part
                .get("description")
                .and_then(Json::as_str)
                .unwrap_or_default();
            text.push_str(&format!(
                "\n- {}: {about}",
                value.as_str().unwrap_or_default()
            ));
        }
    }
    object.remove("oneOf");
    object.insert("type".into(), json!("string"));
    object.insert("enum".into(), Json::Array(choices));
    object.insert("description".into(), json!(text.trim_start()));
}

/// The rules of a kind's schema, ready to check a document.
#[derive(Debug)]
pub enum Shape {
    /// A mapping with known fields.
    Object {
        /// Its fields, as the type lists them.
        fields: Vec<(String, Shape)>,
        /// Those that must be there.
        required: Vec<String>,
        /// Of these, one must be there and no other.
        exactly_one: Vec<String>,
        /// Fields of which at least one must be there; empty: no such rule.
        at_least_one: Vec<String>,
    },
    /// A mapping with free keys.
    Map {
        /// What a key must match.
        keys: Option<Pattern>,
        /// What every value must be.
        values: Box<Shape>,
    },
    /// A sequence.
    List {
        /// What every element must be.
        elements: Box<Shape>,
        /// Fewest elements.
        least: usize,
    },
    /// A text.
    Text {
        /// What it must match.
        pattern: Option<Pattern>,
        /// What it may be; empty: anything.
        choices: Vec<String>,
    },
    /// A whole number.
    Integer(f64, f64),
    /// A number.
    Number(f64, f64),
    /// `true` or `false`.
    Bool,
    /// One of several forms.
    Either(Vec<Shape>),
}

/// A pattern of a schema. There are hundreds of them, mostly the same few, and a run meets a dozen: each is
/// compiled when a text first meets it.
#[derive(Debug)]
pub struct Pattern {
    text: String,
    compiled: OnceLock<Option<Regex>>,
}

impl Pattern {
    fn new(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            compiled: OnceLock::new(),
        }
    }

    /// The pattern as the schema says it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether a text keeps it; one that cannot be compiled is kept by all (a test sees to it that there is none).
    pub fn is_match(&self, text: &str) -> bool {
        let compiled = self.compiled.get_or_init(|| compiled(&self.text));
        compiled.as_ref().is_none_or(|regex| regex.is_match(text))
    }
}

/// A pattern, compiled once however often schemas say it.
fn compiled(pattern: &str) -> Option<Regex> {
    static KNOWN: Mutex<BTreeMap<String, Option<Regex>>> = Mutex::new(BTreeMap::new());
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let compile = || Regex::new(pattern).ok();
    known
        .entry(pattern.to_owned())
        .or_insert_with(compile)
        .clone()
}

/// The rules of a kind.
pub fn shape(kind: Kind) -> &'static Shape {
    static SHAPES: [OnceLock<Shape>; Kind::ALL.len()] =
        [const { OnceLock::new() }; Kind::ALL.len()];
    let place = Kind::ALL.iter().position(|k| *k == kind);
    SHAPES[place.unwrap_or_default()].get_or_init(|| compile(&schema(kind)))
}

/// The rules of a schema.
pub fn compile(schema: &Json) -> Shape {
    let strings = |key: &str| -> Vec<String> {
        let list = schema.get(key).and_then(Json::as_array);
        list.into_iter()
            .flatten()
            .filter_map(|v| v.as_str().map(str::to_owned))
            .collect()
    };
    let pattern = |text: Option<&str>| text.map(Pattern::new);
    let bounds = || {
        let bound = |key: &str, none| schema.get(key).and_then(Json::as_f64).unwrap_or(none);
        (
            bound("minimum", f64::NEG_INFINITY),
            bound("maximum", f64::INFINITY),
        )
    };
    // Of a mapping `anyOf` says which fields must be there, and of anything else what it may be.
    let is_object = schema.get("type").and_then(Json::as_str) == Some("object");
    if let Some(parts) = schema.get("anyOf").and_then(Json::as_array)
        && !is_object
    {
        return Shape::Either(parts.iter().map(compile).collect());
    }
    match schema.get("type").and_then(Json::as_str) {
        Some("object") => {
            if let Some(patterns) = schema.get("patternProperties").and_then(Json::as_object)
                && let Some((key, values)) = patterns.iter().next()
            {
                return Shape::Map {
                    keys: pattern(Some(key)),
                    values: Box::new(compile(values)),
                };
            }
            if let Some(values) = schema.get("additionalProperties").filter(|v| v.is_object()) {
                return Shape::Map {
                    keys: None,
                    values: Box::new(compile(values)),
                };
            }
            let properties = schema.get("properties").and_then(Json::as_object);
            let required_by = |word: &str| {
                let parts = schema.get(word).and_then(Json::as_array);
                let parts = parts.into_iter().flatten();
                let first = parts.filter_map(|part| part.get("required")?.get(0)?.as_str());
                first.map(str::to_owned).collect()
            };
            Shape::Object {
                fields: properties
                    .into_iter()
                    .flatten()
                    .map(|(name, schema)| (name.clone(), compile(schema)))
                    .collect(),
                required: strings("required"),
                exactly_one: required_by("oneOf"),
                at_least_one: required_by("anyOf"),
            }
        }
        Some("array") => Shape::List {
            elements: Box::new(compile(schema.get("items").unwrap_or(&Json::Null))),
            least: schema.get("minItems").and_then(Json::as_u64).unwrap_or(0) as usize,
        },
        Some("integer") => Shape::Integer(bounds().0, bounds().1),
        Some("number") => Shape::Number(bounds().0, bounds().1),
        Some("boolean") => Shape::Bool,
        _ => {
            let constant = schema
                .get("const")
                .and_then(Json::as_str)
                .map(str::to_owned);
            Shape::Text {
                pattern: pattern(schema.get("pattern").and_then(Json::as_str)),
                choices: constant.map_or_else(|| strings("enum"), |c| vec![c]),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn each_field(schema: &Json, path: &str, check: &mut dyn FnMut(&str, &Json)) {
        if let Some(properties) = schema.get("properties").and_then(Json::as_object) {
            for (name, field) in properties {
                let path = format!("{path}.{name}");
                check(&path, field);
                each_field(field, &path, check);
            }
        }
        for part in ["items", "additionalProperties"] {
            if let Some(part) = schema.get(part) {
                each_field(part, path, check);
            }
        }
        for part in schema
            .get("anyOf")
            .and_then(Json::as_array)
            .into_iter()
            .flatten()
        {
            each_field(part, path, check);
        }
    }

    #[test]
    fn every_field_is_described_and_every_mapping_is_closed() {
        for kind in Kind::ALL {
            let schema = schema(kind);
            assert_eq!(schema["$schema"], "http://json-schema.org/draft-07/schema#");
            assert_eq!(schema["properties"]["kind"]["const"], kind.as_str());
            assert_eq!(schema["additionalProperties"], false);
            each_field(&schema, kind.as_str(), &mut |path, field| {
                assert!(
                    field.get("description").is_some(),
                    "{path} has no description"
                );
                assert!(!field.to_string().contains("\"null\""), "{path} takes null");
                if field.get("properties").is_some() {
                    assert_eq!(field["additionalProperties"], false, "{path} is open");
                }
            });
        }
    }

    #[test]
    fn a_field_may_be_called_like_a_word_of_the_schema_language() {
        let schema = schema(Kind::Identity);
        assert!(schema["properties"]["spec"]["properties"]["default"].is_object());
    }

    #[test]
    fn every_pattern_of_the_schemas_is_checked_by_us_too() {
        fn patterns(schema: &Json, found: &mut Vec<String>) {
            match schema {
                Json::Object(object) => {
                    found.extend(
                        object
                            .get("pattern")
                            .and_then(Json::as_str)
                            .map(str::to_owned),
                    );
                    object.values().for_each(|v| patterns(v, found));
                }
                Json::Array(list) => list.iter().for_each(|v| patterns(v, found)),
                _ => {}
            }
        }
        for kind in Kind::ALL {
            let mut found = Vec::new();
            patterns(&schema(kind), &mut found);
            assert!(!found.is_empty());
            for pattern in found {
                Regex::new(&pattern).unwrap();
                // What these mean depends on the reader: ASCII or Unicode, with or without U+FEFF.
                for class in [r"\d", r"\s", r"\w", r"\b"] {
                    assert!(!pattern.contains(class), "{pattern} has {class}");
                }
                assert!(
                    pattern.starts_with('^') && pattern.ends_with('$'),
                    "{pattern}"
                );
            }
        }
    }
}
