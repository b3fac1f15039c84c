//! `countersign validate` and the published JSON Schemas agree on every document.
//!
//! Documents are made from the schemas themselves, so that a new field or kind is covered without
//! anybody thinking of it, and then broken in a few places. A validator nobody here wrote is the judge.

use countersign::diagnostic::any_error;
use countersign::manifest::parse::{Body, check_text};
use countersign::manifest::{Kind, schema::schema};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::string::string_regex;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use serde_json::{Map, Value, json};
use std::cell::Cell;
use std::sync::LazyLock;

/// Schema and judge of each kind.
static KINDS: LazyLock<Vec<(Kind, Value, jsonschema::Validator)>> = LazyLock::new(|| {
    let judge = |kind| jsonschema::draft7::new(&schema(kind)).unwrap();
    Kind::ALL
        .map(|kind| (kind, schema(kind), judge(kind)))
        .into()
});

#[test]
fn validate_and_the_schemas_agree_on_every_document() {
    let (good, bad) = (Cell::new(0), Cell::new(0));
    let more = Config::default();
    let config = Config {
        cases: more.cases.max(3_000),
        failure_persistence: None,
        ..more
    };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let dice = (
        0..KINDS.len(),
        0usize..4,
        proptest::collection::vec(any::<u32>(), 0..500),
    );
    TestRunner::new_with_rng(config, rng)
        .run(&dice, |(kind, breaks, dice)| {
            let mut dice = Dice {
                rolls: dice,
                next: 0,
            };
            let mut document = make(&KINDS[kind].1, &mut dice);
            for _ in 0..breaks {
                damage(&mut document, &mut dice);
            }
            let valid = agree(&document)?;
            let counter = if valid { &good } else { &bad };
            counter.set(counter.get() + 1);
            Ok(())
        })
        .unwrap_or_else(|failure| panic!("{failure}"));
    // Otherwise it would only look as if something had been compared.
    assert!(
        good.get() > 700 && bad.get() > 700,
        "{} good, {} bad",
        good.get(),
        bad.get()
    );
}

/// Whether a document is valid, when everyone says the same of it.
fn agree(document: &Value) -> Result<bool, TestCaseError> {
    let said = document.get("kind").and_then(Value::as_str);
    let judge = KINDS.iter().find(|(kind, ..)| Some(kind.as_str()) == said);
    let valid = judge.is_some_and(|(_, _, judge)| judge.is_valid(document));
    let text = yaml(document);
    let (bodies, diagnostics) = check_text("x.yaml", &text);
    let reasons = || {
        let errors = judge
            .iter()
            .flat_map(|(_, _, judge)| judge.iter_errors(document));
        let errors: Vec<_> = errors
            .map(|e| format!("{}: {e}", e.instance_path()))
            .collect();
        format!("schema: {errors:#?}\nvalidate: {diagnostics:#?}\n{text}")
    };
    prop_assert_eq!(valid, !any_error(&diagnostics), "{}", reasons());
    for place in diagnostics.iter().map(|d| &d.place) {
        let line = place
            .line
            .checked_sub(1)
            .and_then(|n| text.lines().nth(n as usize));
        let last = line.map(|l| l.chars().count() as u32 + 1);
        prop_assert!(
            (1..=last.unwrap_or(0)).contains(&place.column),
            "{}",
            reasons()
        );
    }
    if valid {
        prop_assert_eq!(bodies.len(), 1, "no typed manifest: {}", reasons());
        let again = yaml(&written(&bodies[0]));
        prop_assert_eq!(
            &check_text("x.yaml", &again).0,
            &bodies,
            "{}\n{}",
            text,
            again
        );
    }
    Ok(valid)
}

/// A typed manifest as it would be written.
fn written(body: &Body) -> Value {
    fn without_lines(value: &mut Value) {
        match value {
            Value::Object(object) => {
                object.retain(|key, value| key != "$line" || !value.is_number());
                object.values_mut().for_each(without_lines);
            }
            Value::Array(elements) => elements.iter_mut().for_each(without_lines),
            _ => {}
        }
    }
    let Ok(Value::Object(body)) = serde_json::to_value(body) else {
        panic!("{body:?}")
    };
    let mut value = body.into_values().next().unwrap();
    without_lines(&mut value);
    value
}

/// Numbers that decide what a document becomes; all 0 when they are used up, which is the simplest.
struct Dice {
    rolls: Vec<u32>,
    next: usize,
}

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        let roll = self.rolls.get(self.next).copied().unwrap_or_default();
        self.next += 1;
        roll as usize % below.max(1)
    }

    fn pick<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[self.roll(choices.len())].clone()
    }
}

/// Texts that readers like to take for something else.
const TEXTS: [&str; 14] = [
    "Clerk",
    "",
    "0123",
    "yes",
    "null",
    "~",
    "1e5",
    "2027-02-01",
    "a: b # c",
    "- {x}",
    "*",
    "ä 日",
    "two\nlines\n",
    "\t\u{feff}\u{85}\u{2028}",
];

/// A document that a schema takes.
fn make(schema: &Value, dice: &mut Dice) -> Value {
    if let Some(parts) = schema["anyOf"].as_array() {
        let part = dice.pick(parts);
        // A part without a type says only what else the object must have.
        let Some(more) = part["required"]
            .as_array()
            .filter(|_| part["type"].is_null())
        else {
            return make(&part, dice);
        };
        let mut whole = schema.clone();
        let fields = whole.as_object_mut().unwrap();
        fields.remove("anyOf");
        let required = fields.entry("required").or_insert_with(|| json!([]));
        required
            .as_array_mut()
            .unwrap()
            .extend(more.iter().cloned());
        return make(&whole, dice);
    }
    if let Some(value) = schema.get("const") {
        return value.clone();
    }
    if let Some(choices) = schema["enum"].as_array() {
        return dice.pick(choices);
    }
    match schema["type"].as_str().unwrap() {
        "object" => make_object(schema, dice),
        "array" => {
            let least = schema["minItems"].as_u64().unwrap_or(0) as usize;
            let length = least + dice.roll(3);
            (0..length).map(|_| make(&schema["items"], dice)).collect()
        }
        "integer" => {
            let (least, most) = (border(schema, "minimum"), border(schema, "maximum"));
            let (least, most) = (least.unwrap_or(0.0) as i64, most.unwrap_or(9e9) as i64);
            json!(dice.pick(&[least, most, least + 1, i64::midpoint(least, most)]))
        }
        "number" => {
            let (least, most) = (border(schema, "minimum"), border(schema, "maximum"));
            dice.pick(&[
                json!(least.unwrap_or(0.0)),
                json!(most.unwrap_or(9e9)),
                json!(2),
                json!(0.5),
            ])
        }
        "boolean" => json!(dice.roll(2) == 1),
        "string" => match schema["pattern"].as_str() {
            Some(pattern) => json!(matching(pattern, dice)),
            None => json!(dice.pick(&TEXTS)),
        },
        other => panic!("a schema has the type {other}"),
    }
}

fn make_object(schema: &Value, dice: &mut Dice) -> Value {
    let free = schema["patternProperties"]
        .as_object()
        .and_then(|p| p.iter().next());
    let free = free.map(|(key, values)| (Some(key.as_str()), values));
    let open = schema
        .get("additionalProperties")
        .filter(|v| v.is_object())
        .map(|v| (None, v));
    if let Some((key, values)) = free.or(open) {
        let entries = (0..dice.roll(3)).map(|_| {
            let key = match key {
                Some(pattern) => matching(pattern, dice),
                None => dice.pick(&TEXTS).to_owned(),
            };
            (key, make(values, dice))
        });
        return Value::Object(entries.collect());
    }
    let names = |value: &Value| -> Vec<String> {
        value
            .as_array()
            .into_iter()
            .flatten()
            .map(|v| v.as_str().unwrap().to_owned())
            .collect()
    };
    let required = names(&schema["required"]);
    let one: Vec<String> = schema["oneOf"]
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(|part| names(&part["required"]))
        .collect();
    let chosen = (!one.is_empty()).then(|| dice.pick(&one));
    let mut object = Map::new();
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let wanted = required.contains(name) || chosen.as_ref() == Some(name);
        if wanted || (!one.contains(name) && dice.roll(3) == 1) {
            object.insert(name.clone(), make(field, dice));
        }
    }
    Value::Object(object)
}

fn border(schema: &Value, key: &str) -> Option<f64> {
    schema[key].as_f64()
}

/// A text that matches a pattern.
fn matching(pattern: &str, dice: &mut Dice) -> String {
    let seed: Vec<u8> = (0..8)
        .flat_map(|_| (dice.roll(1 << 32) as u32).to_le_bytes())
        .collect();
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let inside = pattern
        .strip_prefix('^')
        .and_then(|p| p.strip_suffix('$'))
        .unwrap();
    // What ECMAScript, whose patterns JSON Schema has, means by them.
    let inside = inside.replace(r"\d", "[0-9]");
    string_regex(&inside)
        .unwrap()
        .new_tree(&mut runner)
        .unwrap()
        .current()
}

/// Breaks a document somewhere; sometimes it stays good.
fn damage(document: &mut Value, dice: &mut Dice) {
    let routes = routes(document);
    let route = dice.pick(&routes);
    let other = document.pointer(&dice.pick(&routes)).cloned().unwrap();
    let Some(node) = document.pointer_mut(&route) else {
        return;
    };
    match dice.roll(8) {
        0 => *node = odd(dice),
        1 => *node = other,
        2 => *node = json!([node.take()]),
        3 => remove_child(node, dice),
        4 => add_child(node, dice),
        5 => rename_child(node, dice),
        6 => *node = Value::Null,
        _ => bend(node, dice),
    }
}

/// The JSON pointers of every node.
fn routes(document: &Value) -> Vec<String> {
    fn walk(value: &Value, at: String, found: &mut Vec<String>) {
        match value {
            Value::Object(object) => {
                for (key, child) in object {
                    let key = key.replace('~', "~0").replace('/', "~1");
                    walk(child, format!("{at}/{key}"), found);
                }
            }
            Value::Array(elements) => {
                for (index, child) in elements.iter().enumerate() {
                    walk(child, format!("{at}/{index}"), found);
                }
            }
            _ => {}
        }
        found.push(at);
    }
    let mut found = Vec::new();
    walk(document, String::new(), &mut found);
    found
}

fn odd(dice: &mut Dice) -> Value {
    let long = "a".repeat(dice.pick(&[20, 21, 63, 64, 65, 190, 300]));
    let values = [
        json!(dice.pick(&TEXTS)),
        json!(long),
        json!(true),
        json!(0),
        json!(-1),
        json!(1.0),
        json!(-0.0),
        json!(0.5),
        json!(1e300),
        json!(i64::MIN),
        json!(u64::MAX),
        json!(u32::MAX),
        json!(u64::from(u32::MAX) + 1),
        json!([]),
        json!({}),
        json!([[]]),
        json!({ "": null }),
    ];
    dice.pick(&values)
}

fn remove_child(node: &mut Value, dice: &mut Dice) {
    match node {
        Value::Object(object) if !object.is_empty() => {
            let key = dice.pick(&object.keys().cloned().collect::<Vec<_>>());
            object.shift_remove(&key);
        }
        Value::Array(elements) if !elements.is_empty() => {
            elements.remove(dice.roll(elements.len()));
        }
        _ => {}
    }
}

fn add_child(node: &mut Value, dice: &mut Dice) {
    match node {
        Value::Object(object) => {
            let keys = [
                "extra", "$line", "", "name", "spec", "Kind", "~", "on", "1", "a b", "level",
            ];
            object.insert(dice.pick(&keys).to_owned(), odd(dice));
        }
        Value::Array(elements) => elements.push(odd(dice)),
        _ => {}
    }
}

fn rename_child(node: &mut Value, dice: &mut Dice) {
    let Value::Object(object) = node else { return };
    if object.is_empty() {
        return;
    }
    let chosen = dice.roll(object.len());
    let bent = dice.roll(4);
    let entries = std::mem::take(object)
        .into_iter()
        .enumerate()
        .map(|(index, (key, value))| {
            let key = match (index == chosen, bent) {
                (false, _) => key,
                (true, 0) => format!("{key}s"),
                (true, 1) => key.to_uppercase(),
                (true, 2) => key.chars().skip(1).collect(),
                (true, _) => format!(" {key}"),
            };
            (key, value)
        });
    *object = entries.collect();
}

/// Changes a value a little, so that it lies at the border of what is taken.
fn bend(node: &mut Value, dice: &mut Dice) {
    match node {
        Value::String(text) => {
            let ends = [
                "\n",
                "\r",
                " ",
                ".",
                "-",
                "_",
                "A",
                "ä",
                "@",
                "\0",
                "\u{7f}",
                "\u{a0}",
                "\u{85}",
                "\u{feff}",
                "\u{2028}",
                "\u{180e}",
                "\u{663}",
                "\u{1d7d9}",
                ",",
                "]",
            ];
            let part = dice.pick(&ends);
            match dice.roll(7) {
                0 => text.push_str(part),
                1 => text.insert_str(0, part),
                2 => *text = text.to_uppercase(),
                3 => *text = text.repeat(dice.pick(&[2, 21, 64, 65])),
                4 => text.truncate(text.char_indices().nth(1).map_or(0, |(at, _)| at)),
                5 => {
                    let digits = |c: char| c.to_digit(10).and_then(|d| char::from_u32(0x660 + d));
                    *text = text.chars().map(|c| digits(c).unwrap_or(c)).collect();
                }
                _ => {
                    let at = text
                        .char_indices()
                        .nth(dice.roll(12))
                        .map_or(0, |(at, _)| at);
                    text.insert_str(at, part);
                }
            }
        }
        Value::Number(number) => {
            let value = number.as_f64().unwrap();
            let near = [
                value + 1.0,
                value - 1.0,
                -value,
                value + 0.5,
                value * 10.0,
                value.trunc(),
            ];
            *node = json!(dice.pick(&near));
        }
        Value::Bool(value) => *node = json!(if *value { "true" } else { "no" }),
        Value::Array(elements) => elements.clear(),
        Value::Object(object) => object.clear(),
        Value::Null => *node = json!({}),
    }
}

/// A document as YAML in block style, every text and key in quotes.
fn yaml(document: &Value) -> String {
    fn quoted(text: &str) -> String {
        let character = |c: char| match c {
            '"' | '\\' => format!("\\{c}"),
            ' '..='~' => c.to_string(),
            c => format!("\\U{:08X}", c as u32),
        };
        format!("\"{}\"", text.chars().map(character).collect::<String>())
    }
    fn write(value: &Value, depth: usize, text: &mut String) {
        let indent = "  ".repeat(depth);
        match value {
            Value::Object(object) if !object.is_empty() => {
                for (key, child) in object {
                    text.push_str(&format!("\n{indent}{}:", quoted(key)));
                    write(child, depth + 1, text);
                }
            }
            Value::Array(elements) if !elements.is_empty() => {
                for child in elements {
                    text.push_str(&format!("\n{indent}-"));
                    write(child, depth + 1, text);
                }
            }
            Value::String(string) => text.push_str(&format!(" {}", quoted(string))),
            Value::Object(_)
            | Value::Array(_)
            | Value::Null
            | Value::Bool(_)
            | Value::Number(_) => {
                text.push_str(&format!(" {value}"));
            }
        }
    }
    let mut text = "---".to_owned();
    write(document, 0, &mut text);
    text + "\n"
}
