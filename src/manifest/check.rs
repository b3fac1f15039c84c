//! A document against the rules of its kind: every mistake of form, each at its place.

use super::schema::{Pattern, Shape};
use super::yaml::{Ambiguity, Key, Mark, Node, Yaml, shown};
use crate::diagnostic::suggest::did_you_mean;
use crate::diagnostic::{Code, Diagnostic};
use crate::name::{FIELD_NAME_PATTERN, NAME_PATTERN};
use std::collections::HashSet;
use std::sync::Arc;

/// Of more unknown fields than this in one mapping, none is a slip of the pen.
const MOST_SLIPS: usize = 50;

/// Reports every way in which a node is not of its shape.
pub fn check(file: &Arc<str>, node: &Node, shape: &Shape, diagnostics: &mut Vec<Diagnostic>) {
    check_as(file, node, shape, "the document", diagnostics);
}

/// The same, with the words that messages have for the whole of it.
pub fn check_as(
    file: &Arc<str>,
    node: &Node,
    shape: &Shape,
    what: &str,
    diagnostics: &mut Vec<Diagnostic>,
) {
    Check { file, diagnostics }.node(node, shape, what);
}

/// What is left of a node when everything that is not of its shape is taken out; nothing where
/// something required is missing then.
pub fn clean(node: &Node, shape: &Shape) -> Option<Node> {
    let value = match (&node.value, shape) {
        (Yaml::Broken, _) => return None,
        (
            Yaml::Mapping(entries),
            Shape::Object {
                fields,
                required,
                exactly_one,
                at_least_one,
            },
        ) => {
            let kept: Vec<(Key, Node)> = entries
                .iter()
                .filter_map(|(key, value)| {
                    let (_, shape) = fields.iter().find(|(name, _)| *name == key.text)?;
                    Some((key.clone(), clean(value, shape)?))
                })
                .collect();
            let has = |name: &String| kept.iter().any(|(k, _)| k.text == *name);
            let one = exactly_one.is_empty() || exactly_one.iter().filter(|n| has(n)).count() == 1;
            let any = at_least_one.is_empty() || at_least_one.iter().any(has);
            if !required.iter().all(has) || !one || !any {
                return None;
            }
            Yaml::Mapping(kept)
        }
        (Yaml::Mapping(entries), Shape::Map { keys, values }) => Yaml::Mapping(
            entries
                .iter()
                .filter(|(key, _)| keys.as_ref().is_none_or(|k| k.is_match(&key.text)))
                .filter_map(|(key, value)| Some((key.clone(), clean(value, values)?)))
                .collect(),
        ),
        (Yaml::Sequence(nodes), Shape::List { elements, least }) => {
            let kept: Vec<Node> = nodes.iter().filter_map(|n| clean(n, elements)).collect();
            if kept.len() < *least {
                return None;
            }
            Yaml::Sequence(kept)
        }
        (_, Shape::Either(shapes)) => return shapes.iter().find_map(|s| clean(node, s)),
        (value, shape) => {
            let mut found = Vec::new();
            check(&"".into(), node, shape, &mut found);
            if crate::diagnostic::any_error(&found) {
                return None;
            }
            value.clone()
        }
    };
    Some(Node {
        mark: node.mark,
        value,
    })
}

struct Check<'a> {
    file: &'a Arc<str>,
    diagnostics: &'a mut Vec<Diagnostic>,
}

impl Check<'_> {
    fn say(&mut self, code: Code, mark: Mark, message: String, help: Option<String>) {
        self.diagnostics
            .push(Diagnostic::new(code, mark.in_file(self.file), message).maybe_help(help));
    }

    fn node(&mut self, node: &Node, shape: &Shape, what: &str) {
        match (&node.value, shape) {
            (Yaml::Broken, _) => {}
            (
                Yaml::Mapping(entries),
                Shape::Object {
                    fields,
                    required,
                    exactly_one,
                    at_least_one,
                },
            ) => {
                self.object(entries, fields, what);
                for name in required {
                    if node.get(name).is_none() {
                        self.say(
                            Code::MissingField,
                            node.mark,
                            format!("{what} needs `{name}`"),
                            Some(format!("add `{name}:`")),
                        );
                    }
                }
                if !at_least_one.is_empty() && !at_least_one.iter().any(|n| node.get(n).is_some()) {
                    let choices: Vec<String> =
                        at_least_one.iter().map(|c| format!("`{c}`")).collect();
                    self.say(
                        Code::MissingField,
                        node.mark,
                        format!("{what} needs {}", choices.join(" or ")),
                        Some("add what is meant".into()),
                    );
                }
                let given = exactly_one
                    .iter()
                    .filter(|name| node.get(name).is_some())
                    .count();
                if !exactly_one.is_empty() && given != 1 {
                    let choices = exactly_one
                        .iter()
                        .map(|c| format!("`{c}`"))
                        .collect::<Vec<_>>()
                        .join(", ");
                    self.say(
                        Code::ExactlyOne,
                        node.mark,
                        format!("{what} needs exactly one of {choices}, and has {given}"),
                        Some("keep the one that is meant".into()),
                    );
                }
            }
            (Yaml::Mapping(entries), Shape::Map { keys, values }) => {
                for (key, value) in entries {
                    if let Some(keys) = keys.as_ref().filter(|k| !k.is_match(&key.text)) {
                        self.say(
                            Code::BadValue,
                            key.mark,
                            format!("`{}` cannot be a key of {what}", shown(&key.text)),
                            Some(rule(keys.as_str())),
                        );
                    }
                    self.node(value, values, &format!("`{}`", shown(&key.text)));
                }
            }
            (Yaml::Sequence(nodes), Shape::List { elements, least }) => {
                if nodes.len() < *least {
                    self.say(
                        Code::BadValue,
                        node.mark,
                        format!("{what} needs at least {least}"),
                        Some("add one, or leave the whole field out".into()),
                    );
                }
                for element in nodes {
                    self.node(element, elements, &format!("an element of {what}"));
                }
            }
            (_, Shape::Either(shapes)) => {
                let fits = shapes
                    .iter()
                    .find(|shape| clean(node, shape).is_some_and(|c| c == *node));
                let near = shapes.iter().find(|shape| same_sort(&node.value, shape));
                match fits.or(near).or(shapes.first()) {
                    Some(shape) => self.node(node, shape, what),
                    None => self.wrong(node, shape, what),
                }
            }
            (Yaml::Text(text, ambiguity), Shape::Text { pattern, choices }) => {
                self.text(node.mark, text, *ambiguity, pattern.as_ref(), choices, what);
            }
            (Yaml::Int(value), Shape::Integer(least, most) | Shape::Number(least, most)) => {
                self.range(node.mark, *value as f64, *least, *most, what);
            }
            (Yaml::Float(value), Shape::Integer(least, most)) if value.fract() == 0.0 => {
                self.range(node.mark, *value, *least, *most, what);
            }
            (Yaml::Float(value), Shape::Number(least, most)) if value.is_finite() => {
                self.range(node.mark, *value, *least, *most, what);
            }
            (Yaml::Bool(_), Shape::Bool) => {}
            (_, shape) => self.wrong(node, shape, what),
        }
    }

    fn object(&mut self, entries: &[(Key, Node)], fields: &[(String, Shape)], what: &str) {
        let what = match what {
            "the document" => "a manifest",
            other => other,
        };
        let given: HashSet<&str> = entries.iter().map(|(key, _)| key.text.as_str()).collect();
        let names = fields.iter().map(|(name, _)| name.as_str());
        let free: Vec<&str> = names.filter(|name| !given.contains(name)).collect();
        let mut unknown = 0;
        for (key, value) in entries {
            if let Some((_, shape)) = fields.iter().find(|(name, _)| *name == key.text) {
                self.node(value, shape, &format!("`{}`", key.text));
                continue;
            }
            unknown += 1;
            let meant = match unknown <= MOST_SLIPS {
                true => did_you_mean(&key.text, free.iter().copied())
                    .or_else(|| (unknown == 1).then(|| format!("there are {}", listed(&free)))),
                false => None,
            };
            let message = format!("{what} has no field `{}`", shown(&key.text));
            self.say(Code::UnknownField, key.mark, message, meant);
        }
    }

    fn text(
        &mut self,
        mark: Mark,
        text: &str,
        ambiguity: Ambiguity,
        pattern: Option<&Pattern>,
        choices: &[String],
        what: &str,
    ) {
        let brief = shown(text);
        let quoted = format!("write it in quotes: \"{brief}\"");
        match ambiguity {
            Ambiguity::None => {}
            Ambiguity::Bool | Ambiguity::Number => {
                let sort = match ambiguity {
                    Ambiguity::Bool => "a truth value",
                    _ => "a number",
                };
                self.say(
                    Code::UnquotedScalar,
                    mark,
                    format!("{what} is a text, and some readers take `{brief}` without quotes for {sort}"),
                    Some(quoted),
                );
                return;
            }
            Ambiguity::Date => self.say(
                Code::UnquotedDate,
                mark,
                format!("some readers take `{brief}` without quotes for a timestamp"),
                Some(quoted),
            ),
        }
        if !choices.is_empty() && !choices.iter().any(|c| c == text) {
            self.say(
                Code::BadValue,
                mark,
                format!("{what} cannot be `{brief}`"),
                did_you_mean(text, choices.iter().map(String::as_str)),
            );
        }
        if let Some(pattern) = pattern.filter(|p| !p.is_match(text)) {
            self.say(
                Code::BadValue,
                mark,
                format!("{what} cannot be `{brief}`"),
                Some(rule(pattern.as_str())),
            );
        }
    }

    fn range(&mut self, mark: Mark, value: f64, least: f64, most: f64, what: &str) {
        if value < least || value > most {
            self.say(
                Code::BadValue,
                mark,
                format!("{what} cannot be {value}"),
                Some(format!("it lies between {least} and {most}")),
            );
        }
    }

    fn wrong(&mut self, node: &Node, shape: &Shape, what: &str) {
        if let (Shape::Text { .. }, Yaml::Bool(_) | Yaml::Int(_) | Yaml::Float(_)) =
            (shape, &node.value)
        {
            self.say(
                Code::UnquotedScalar,
                node.mark,
                format!(
                    "{what} is a text, and this is {} without quotes",
                    node.sort()
                ),
                Some(match &node.value {
                    Yaml::Bool(_) => "write it in quotes, or write what it says".into(),
                    _ => "write it in quotes, so that zeros in front stay and nothing is converted"
                        .into(),
                }),
            );
            return;
        }
        let wanted = match shape {
            Shape::Object { .. } | Shape::Map { .. } => "a mapping",
            Shape::List { .. } => "a list",
            Shape::Text { .. } => "a text",
            Shape::Integer(..) => "a whole number",
            Shape::Number(..) => "a number",
            Shape::Bool => "`true` or `false`",
            Shape::Either(_) => "something else",
        };
        let help = match (&node.value, shape) {
            (Yaml::Null, _) => "give it a value, or leave the field out".to_owned(),
            (Yaml::Text(text, _), Shape::Integer(..) | Shape::Number(..))
                if text.parse::<f64>().is_ok() =>
            {
                "take the quotes away".to_owned()
            }
            (Yaml::Text(text, _), Shape::Bool) => match text.to_lowercase().as_str() {
                "yes" | "on" => "write `true`".to_owned(),
                "no" | "off" => "write `false`".to_owned(),
                _ => "write `true` or `false`".to_owned(),
            },
            (_, Shape::List { .. }) => "begin each element with `- `, or write `[a, b]`".to_owned(),
            (_, shape) => match shape {
                Shape::Object { fields, .. } => {
                    let names: Vec<&str> = fields.iter().map(|(n, _)| n.as_str()).collect();
                    format!("its fields are {}", listed(&names))
                }
                _ => format!("write {wanted}"),
            },
        };
        self.say(
            Code::WrongType,
            node.mark,
            format!("{what} must be {wanted}, and this is {}", node.sort()),
            Some(help),
        );
    }
}

/// Names as a sentence has them.
fn listed(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

fn same_sort(value: &Yaml, shape: &Shape) -> bool {
    matches!(
        (value, shape),
        (Yaml::Mapping(_), Shape::Object { .. } | Shape::Map { .. })
            | (Yaml::Sequence(_), Shape::List { .. })
            | (Yaml::Text(..), Shape::Text { .. })
            | (
                Yaml::Int(_) | Yaml::Float(_),
                Shape::Integer(..) | Shape::Number(..)
            )
            | (Yaml::Bool(_), Shape::Bool)
    )
}

/// A pattern of the schemas in words.
fn rule(pattern: &str) -> String {
    match pattern {
        NAME_PATTERN => "a name has 1 to 64 lower-case letters, digits, `.`, `_` or `-`".into(),
        FIELD_NAME_PATTERN => {
            "a field name begins with a letter and has at most 64 letters, digits, `.`, `_` or `-`"
                .into()
        }
        p if p.starts_with("^https://") => {
            "only https:// links are taken, without a name or password before the host: nothing may travel in the clear, and whoever reads the repository reads it".into()
        }
        p if p.contains('@') && p.contains("A-Za-z0-9.-") => {
            "a mail address looks like `name@example.org`".into()
        }
        p if p == super::moment::PATTERN => {
            "write a date (`2027-02-01`), a local date and time (`2027-02-01T08:00`) or an instant (`2027-02-01T08:00:00-05:00`)"
                .into()
        }
        p if p.contains("{8}(-") => "an objectGUID looks like `1b671a64-40d5-491e-99b0-da01ff1f3341`".into(),
        p if p.contains("{0,19}") => {
            "a login name has at most 20 characters, none of `\"/\\[]:;|=,+*?<>@` and no space, and no dot at its end".into()
        }
        r"^[^\x00]*[^\x00-\x20][^\x00]*$" => "nothing is said by leaving it out, never by an empty text".into(),
        p if p.contains("a-z0-9-") => "a code has 1 to 64 lower-case letters, digits or `-`".into(),
        p => format!("it must match `{p}`"),
    }
}
