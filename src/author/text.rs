//! A manifest's value → its text: block style with short parts on one line, and every text written so
//! that no YAML reader takes it for anything else.

use crate::manifest::{API_VERSION, Kind};
use crate::name::ManifestName;
use serde::Serialize;
use serde_json::Value;

/// Longest line that a collection is written on, in characters.
const LONGEST_LINE: usize = 100;

/// Most entries of a mapping that is written on one line.
const MOST_ON_A_LINE: usize = 4;

/// The text of one manifest; `schema` is where its first line says that the schema stands.
pub fn manifest<S: Serialize>(schema: &str, kind: Kind, name: &ManifestName, spec: &S) -> String {
    let mut text = format!(
        "# yaml-language-server: $schema={schema}\napiVersion: {API_VERSION}\nkind: {kind}\nmetadata: {{name: {}}}\nspec:\n",
        scalar(name.as_str())
    );
    let value = plain(serde_json::to_value(spec).unwrap_or_default());
    if let Value::Object(entries) = &value {
        for (key, value) in entries {
            entry(&mut text, 2, key, value);
        }
    }
    text
}

/// A value of the manifest model as a value to be written: without the places it was read from.
pub fn plain(value: Value) -> Value {
    match value {
        Value::Object(entries) => {
            let entries = entries.into_iter().filter(|(key, _)| key != "$line");
            Value::Object(entries.map(|(key, value)| (key, plain(value))).collect())
        }
        Value::Array(elements) => Value::Array(elements.into_iter().map(plain).collect()),
        other => other,
    }
}

/// A key and the value below it.
pub fn below(key: &str, value: &Value) -> String {
    let mut text = String::new();
    entry(&mut text, 0, key, value);
    text
}

/// The value on one line.
pub fn flow(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(text) => scalar(text),
        Value::Array(elements) => {
            let elements: Vec<String> = elements.iter().map(flow).collect();
            format!("[{}]", elements.join(", "))
        }
        Value::Object(entries) => {
            let entry =
                |(key, value): (&String, &Value)| format!("{}: {}", scalar(key), flow(value));
            let entries: Vec<String> = entries.iter().map(entry).collect();
            format!("{{{}}}", entries.join(", "))
        }
    }
}

/// A text as a scalar: plain where every reader takes it for this text, else in double quotes.
pub fn scalar(text: &str) -> String {
    if is_plain(text) {
        return text.to_owned();
    }
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            c if is_unseen(c) => quoted.push_str(&format!("\\u{:04x}", c as u32)),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// Characters that a review does not show, or shows as something else.
pub fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

fn is_plain(text: &str) -> bool {
    const WORDS: [&str; 11] = [
        "y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf",
    ];
    let word = |w: &&str| text.eq_ignore_ascii_case(w);
    let first = text.chars().next().is_some_and(char::is_alphabetic);
    let inside = |c: char| c.is_alphanumeric() || " ._-/@+'()".contains(c);
    let plain = first && text.chars().all(inside) && !text.ends_with(' ');
    (plain && !WORDS.iter().any(word)) || is_dated_name(text)
}

/// `2027-02-01-change-maria.lopez`: a name that begins with a date, and is none.
fn is_dated_name(text: &str) -> bool {
    let (Some(date), Some(rest)) = (text.get(..10), text.get(10..)) else {
        return false;
    };
    let date = date.bytes().enumerate().all(|(i, b)| match i {
        4 | 7 => b == b'-',
        _ => b.is_ascii_digit(),
    });
    let mut rest = rest.bytes();
    let dash = rest.next() == Some(b'-') && rest.next().is_some_and(|b| b.is_ascii_lowercase());
    date && dash
        && rest.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b))
}

fn entry(text: &mut String, indent: usize, key: &str, value: &Value) {
    text.push_str(&format!("{:indent$}{}:", "", scalar(key)));
    behind(
        text,
        indent,
        indent + scalar(key).chars().count() + 1,
        value,
    );
}

/// Writes a value behind a key or a dash: on the same line, or below it.
fn behind(text: &mut String, indent: usize, used: usize, value: &Value) {
    if fits(value, used) {
        text.push(' ');
        text.push_str(&flow(value));
        text.push('\n');
        return;
    }
    text.push('\n');
    match value {
        Value::Object(entries) => {
            for (key, value) in entries {
                entry(text, indent + 2, key, value);
            }
        }
        Value::Array(elements) => {
            for element in elements {
                text.push_str(&format!("{:width$}-", "", width = indent + 2));
                match element {
                    // Its first key stands beside the dash.
                    Value::Object(entries) if !fits_as_element(element, indent + 3) => {
                        for (i, (key, value)) in entries.iter().enumerate() {
                            match i {
                                0 => text.push_str(&format!(" {}:", scalar(key))),
                                _ => text.push_str(&format!(
                                    "{:width$}{}:",
                                    "",
                                    scalar(key),
                                    width = indent + 4
                                )),
                            }
                            behind(text, indent + 4, indent + 5 + key.chars().count(), value);
                        }
                    }
                    element => {
                        text.push(' ');
                        text.push_str(&flow(element));
                        text.push('\n');
                    }
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Whether a value stands on the line of its key: scalars always, collections where they are small.
fn fits(value: &Value, used: usize) -> bool {
    match value {
        Value::Object(entries) => {
            !entries.is_empty()
                && entries.len() <= MOST_ON_A_LINE
                && entries.values().all(|v| is_scalar(v) || is_row(v))
                && used + 1 + flow(value).chars().count() <= LONGEST_LINE
                || entries.is_empty()
        }
        Value::Array(elements) => {
            elements.is_empty()
                || is_row(value) && used + 1 + flow(value).chars().count() <= LONGEST_LINE
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    }
}

fn fits_as_element(value: &Value, used: usize) -> bool {
    used + 1 + flow(value).chars().count() <= LONGEST_LINE
}

fn is_scalar(value: &Value) -> bool {
    !matches!(value, Value::Object(_) | Value::Array(_))
}

fn is_row(value: &Value) -> bool {
    matches!(value, Value::Array(elements) if elements.iter().all(is_scalar))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::yaml::{Ambiguity, Node, Yaml, compose};
    use proptest::prelude::*;
    use serde_json::json;

    /// What a reader makes of a text, with nothing to complain of.
    fn read(text: &str) -> Node {
        let mut diagnostics = Vec::new();
        crate::manifest::text::readable(&"f".into(), text.as_bytes(), &mut diagnostics);
        let documents = compose(&"f".into(), text, &mut diagnostics);
        assert!(diagnostics.is_empty(), "{text}: {diagnostics:?}");
        documents[0].root.clone()
    }

    fn is(node: &Node, value: &Value) -> bool {
        match (&node.value, value) {
            (Yaml::Text(text, ambiguity), Value::String(other)) => {
                text == other && *ambiguity == Ambiguity::None
            }
            (Yaml::Bool(truth), Value::Bool(other)) => truth == other,
            (Yaml::Sequence(nodes), Value::Array(others)) => {
                nodes.len() == others.len() && nodes.iter().zip(others).all(|(n, v)| is(n, v))
            }
            (Yaml::Mapping(entries), Value::Object(others)) => {
                entries.len() == others.len()
                    && entries
                        .iter()
                        .zip(others)
                        .all(|((key, node), (other, value))| key.text == *other && is(node, value))
            }
            _ => false,
        }
    }

    fn texts() -> impl Strategy<Value = String> {
        let tricky = prop::sample::select(vec![
            "",
            " ",
            "yes",
            "No",
            "~",
            "null",
            "1e3",
            "0x1F",
            "007",
            "1_000",
            "12:30",
            "2027-02-01",
            "2027-02-01-",
            "- a",
            "a: b",
            "a #b",
            "#",
            "{{ x }}",
            "[a]",
            "*a",
            "&a",
            "!a",
            "|",
            ">",
            "%a",
            "@a",
            "`",
            "'",
            "\"",
            "\\",
            "? a",
            "a\nb",
            "\r",
            "\t",
            "\u{85}",
            "\u{2028}",
            "\u{202e}",
            "\u{feff}",
            "🦉",
            "Zoë",
            ".inf",
            "--- a",
            "a ",
            " a",
            "=",
        ]);
        let some = prop::collection::vec(
            prop_oneof![tricky.prop_map(str::to_owned), "\\PC{0,6}"],
            0..4,
        );
        prop_oneof![some.prop_map(|parts| parts.concat()), any::<String>()]
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            texts().prop_map(Value::from),
            any::<bool>().prop_map(Value::from)
        ];
        leaf.prop_recursive(3, 24, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::btree_map(texts(), inner, 1..5)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_value_is_read_back_as_it_was(value in values()) {
            let text = below("key", &value);
            let node = read(&text);
            prop_assert!(is(node.get("key").unwrap(), &value), "{}", text);
            let node = read(&format!("key: {}\n", flow(&value)));
            prop_assert!(is(node.get("key").unwrap(), &value));
        }
    }

    #[test]
    fn short_parts_stand_on_one_line_and_lists_of_mappings_below() {
        let spec = json!({
            "subject": "kim.lee", "effective": "2027-02-01", "number": "007", "$line": 3,
            "set": {"givenName": "Kim", "familyName": "Lee", "title": "no", "type": "employee", "organization": "its"},
            "profiles": {"add": ["its.staff"]},
            "access": {"add": [{"resource": "x", "$line": 0}]},
        });
        let name = ManifestName::new("2027-02-01-change-kim.lee").unwrap();
        let expected = "\
# yaml-language-server: $schema=../.schema/request.json
apiVersion: countersign/v1
kind: Request
metadata: {name: 2027-02-01-change-kim.lee}
spec:
  subject: kim.lee
  effective: \"2027-02-01\"
  number: \"007\"
  set:
    givenName: Kim
    familyName: Lee
    title: \"no\"
    type: employee
    organization: its
  profiles: {add: [its.staff]}
  access:
    add:
      - {resource: x}
";
        assert_eq!(
            manifest("../.schema/request.json", Kind::Request, &name, &spec),
            expected
        );
    }
}
