//! Edits of a manifest that is there: only the lines that are meant change, comments and layout stay.
//!
//! Decision: an edit is made by `yaml-edit` and then not believed. What comes out is read again by the
//! reader of manifests, and must be what was there with the edit made in its value, in every document of
//! the file, and every comment and line outside of what was edited must still be there. Where any of that
//! does not hold, the edit is refused: a person can make it, and nothing is corrupted.

use super::text::below;
use crate::manifest::yaml::{self, Node, Step, Yaml};
use serde_json::Value;
use std::str::FromStr as _;
use std::sync::Arc;
use yaml_edit::{Document, Mapping, Sequence, YamlFile, YamlNode};

/// One change of one document.
#[derive(Debug, Clone, PartialEq)]
pub enum Edit {
    /// Gives the value at the end of the route; what leads there is made where it is not there yet.
    Set(Vec<Step>, Value),
    /// Takes a key of a mapping, or an element of a list, with its value.
    Remove(Vec<Step>),
    /// Puts an element at the end of a list; the list is made where it is not there yet.
    Push(Vec<Step>, Value),
}

/// That an edit cannot be made safely.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)]
pub enum EditError {
    #[error("the file cannot be read as YAML, so it is not edited")]
    Unreadable,
    #[error("the file has no document {0}")]
    NoDocument(u32),
    #[error("there is no `{0}` to edit")]
    NoSuchPlace(String),
    #[error(
        "`{0}` cannot be edited here without touching what is around it; edit the file by hand"
    )]
    Unsafe(String),
}

/// Makes edits in one document (from 0) of a file, one after the other.
///
/// # Errors
/// [`EditError`] where one of them cannot be made without touching anything else; the file is then as it was.
pub fn edit(text: &str, document: u32, edits: &[Edit]) -> Result<String, EditError> {
    let mut text = text.to_owned();
    for change in edits {
        text = one(&text, document, change)?;
    }
    Ok(text)
}

fn one(text: &str, document: u32, change: &Edit) -> Result<String, EditError> {
    // yaml-edit sees line feeds only; the other forms are put back as they were.
    let (mark, body) = match text.strip_prefix('\u{feff}') {
        Some(body) => ("\u{feff}", body),
        None => ("", text),
    };
    let (ends, body) = match line_ends(body) {
        Some(ends) => (ends, body.replace("\r\n", "\n")),
        None => return Err(EditError::Unsafe(shown(change.route()))),
    };
    let before = values(&body)?;
    let mut wanted = before.clone();
    let value = wanted.get_mut(document as usize);
    let value = value.ok_or(EditError::NoDocument(document))?;
    let there = apply(value, change)?;
    let after = carry_out(&body, document, change, there)?;
    if values(&after).as_ref() != Ok(&wanted) || !keeps(&body, &after, document, change) {
        return Err(EditError::Unsafe(shown(change.route())));
    }
    Ok(format!("{mark}{}", after.replace('\n', ends)))
}

impl Edit {
    fn route(&self) -> &[Step] {
        match self {
            Self::Set(route, _) | Self::Remove(route) | Self::Push(route, _) => route,
        }
    }
}

/// A route as people write it: `spec.access.2.level`.
fn shown(route: &[Step]) -> String {
    let part = |step: &Step| match step {
        Step::Key(key) | Step::KeyOf(key) => key.clone(),
        Step::Index(index) => index.to_string(),
    };
    route.iter().map(part).collect::<Vec<_>>().join(".")
}

/// How lines end; none where some end otherwise.
fn line_ends(text: &str) -> Option<&'static str> {
    let all = text.matches('\n').count();
    let long = text.matches("\r\n").count();
    match long {
        0 if !text.contains('\r') => Some("\n"),
        long if long == all && text.matches('\r').count() == long => Some("\r\n"),
        _ => None,
    }
}

/// The value of every document.
fn values(text: &str) -> Result<Vec<Value>, EditError> {
    let mut diagnostics = Vec::new();
    let path: Arc<str> = "edited".into();
    let documents = yaml::compose(&path, text, &mut diagnostics);
    if crate::diagnostic::any_error(&diagnostics) || documents.iter().any(|d| d.damaged) {
        return Err(EditError::Unreadable);
    }
    Ok(documents.iter().map(|d| value(&d.root)).collect())
}

fn value(node: &Node) -> Value {
    match &node.value {
        Yaml::Null | Yaml::Broken => Value::Null,
        Yaml::Bool(truth) => Value::from(*truth),
        Yaml::Int(number) => Value::from(*number),
        Yaml::Float(number) => Value::from(*number),
        Yaml::Text(text, _) => Value::from(text.as_str()),
        Yaml::Sequence(nodes) => nodes.iter().map(value).collect(),
        Yaml::Mapping(entries) => {
            let entries = entries
                .iter()
                .map(|(key, node)| (key.text.clone(), value(node)));
            Value::Object(entries.collect())
        }
    }
}

/// Whether what is edited is there already.
#[derive(Clone, Copy, PartialEq, Eq)]
enum There {
    Already,
    NotYet,
}

/// Makes the edit in a value.
fn apply(value: &mut Value, change: &Edit) -> Result<There, EditError> {
    let route = change.route();
    let none = || EditError::NoSuchPlace(shown(route));
    let Some((last, way)) = route.split_last() else {
        return Err(none());
    };
    let is_removal = matches!(change, Edit::Remove(_));
    let mut at = value;
    for step in way {
        if at.is_null() && !is_removal {
            *at = Value::Object(serde_json::Map::new());
        }
        at = match (at, step) {
            (Value::Object(entries), Step::Key(key)) => {
                if is_removal && !entries.contains_key(key) {
                    return Err(none());
                }
                entries.entry(key.clone()).or_insert(Value::Null)
            }
            (Value::Array(elements), Step::Index(index)) => {
                elements.get_mut(*index).ok_or_else(none)?
            }
            _ => return Err(none()),
        };
    }
    if at.is_null() && !is_removal && matches!(last, Step::Key(_)) {
        *at = Value::Object(serde_json::Map::new());
    }
    match (at, last, change) {
        (Value::Object(entries), Step::Key(key), Edit::Set(_, value)) => {
            Ok(match entries.insert(key.clone(), value.clone()) {
                Some(_) => There::Already,
                None => There::NotYet,
            })
        }
        (Value::Array(elements), Step::Index(index), Edit::Set(_, value)) => {
            *elements.get_mut(*index).ok_or_else(none)? = value.clone();
            Ok(There::Already)
        }
        (Value::Object(entries), Step::Key(key), Edit::Remove(_)) => {
            entries.shift_remove(key).ok_or_else(none)?;
            Ok(There::Already)
        }
        (Value::Array(elements), Step::Index(index), Edit::Remove(_))
            if *index < elements.len() =>
        {
            elements.remove(*index);
            Ok(There::Already)
        }
        (at, last, Edit::Push(_, value)) => {
            let list = match (at, last) {
                (Value::Object(entries), Step::Key(key)) => {
                    entries.entry(key.clone()).or_insert(Value::Null)
                }
                (Value::Array(elements), Step::Index(index)) => {
                    elements.get_mut(*index).ok_or_else(none)?
                }
                _ => return Err(none()),
            };
            match list {
                Value::Null => {
                    *list = Value::Array(vec![value.clone()]);
                    Ok(There::NotYet)
                }
                Value::Array(elements) if elements.is_empty() => {
                    elements.push(value.clone());
                    Ok(There::NotYet)
                }
                Value::Array(elements) => {
                    elements.push(value.clone());
                    Ok(There::Already)
                }
                _ => Err(none()),
            }
        }
        _ => Err(none()),
    }
}

/// Makes the edit in the text.
fn carry_out(text: &str, document: u32, change: &Edit, there: There) -> Result<String, EditError> {
    let file = YamlFile::from_str(text).map_err(|_| EditError::Unreadable)?;
    let unsafe_ = || EditError::Unsafe(shown(change.route()));
    let root = file
        .documents()
        .nth(document as usize)
        .ok_or(EditError::NoDocument(document))?;
    let root = root.as_mapping().ok_or_else(unsafe_)?;
    let (last, way) = change.route().split_last().ok_or_else(unsafe_)?;
    // As deep as it goes; what is not there yet is made as one value.
    let mut at = Place::Mapping(root);
    let mut rest = way;
    while let Some((step, deeper)) = rest.split_first() {
        let Some(next) = at.step(step) else { break };
        at = next;
        rest = deeper;
    }
    let steps: Vec<&Step> = rest.iter().chain([last]).collect();
    let Some((first, missing)) = steps.split_first() else {
        return Err(unsafe_());
    };
    match change {
        Edit::Set(_, value) => at.set(first, &wrapped(missing, value.clone()).ok_or_else(unsafe_)?),
        Edit::Push(_, value) => match (there, at.step(first)) {
            (There::Already, Some(Place::Sequence(list))) if missing.is_empty() => {
                let node = node(value).ok_or_else(unsafe_)?;
                list.push(node);
                Some(())
            }
            _ => {
                let list = Value::Array(vec![value.clone()]);
                at.set(first, &wrapped(missing, list).ok_or_else(unsafe_)?)
            }
        },
        Edit::Remove(_) => at.remove(first),
    }
    .ok_or_else(unsafe_)?;
    Ok(file.to_string())
}

/// A value below keys that are not there yet.
fn wrapped(missing: &[&Step], value: Value) -> Option<Value> {
    let mut value = value;
    for step in missing.iter().rev() {
        let Step::Key(key) = step else { return None };
        value = Value::Object([(key.clone(), value)].into_iter().collect());
    }
    Some(value)
}

/// A collection in the text.
enum Place {
    Mapping(Mapping),
    Sequence(Sequence),
}

impl Place {
    fn step(&self, step: &Step) -> Option<Self> {
        let node = match (self, step) {
            (Self::Mapping(mapping), Step::Key(key)) => mapping.get(key.as_str())?,
            (Self::Sequence(list), Step::Index(index)) => list.get(*index)?,
            _ => return None,
        };
        let mapping = node.as_mapping().cloned().map(Self::Mapping);
        mapping.or_else(|| node.as_sequence().cloned().map(Self::Sequence))
    }

    fn set(&self, step: &Step, value: &Value) -> Option<()> {
        let node = node(value)?;
        match (self, step) {
            (Self::Mapping(mapping), Step::Key(key)) => mapping.set(key.as_str(), node),
            (Self::Sequence(list), Step::Index(index)) => {
                list.set(*index, node);
            }
            _ => return None,
        }
        Some(())
    }

    fn remove(&self, step: &Step) -> Option<()> {
        match (self, step) {
            (Self::Mapping(mapping), Step::Key(key)) => mapping.remove(key.as_str()).map(|_| ()),
            (Self::Sequence(list), Step::Index(index)) => list.remove(*index).map(|_| ()),
            _ => None,
        }
    }
}

/// A value as yaml-edit takes it, written as this program writes.
fn node(value: &Value) -> Option<YamlNode> {
    Document::from_str(&below("v", value)).ok()?.get("v")
}

/// Whether every comment and line outside of what was edited is still there, in order.
fn keeps(before: &str, after: &str, document: u32, change: &Edit) -> bool {
    let Some(touched) = touched(before, document, change) else {
        return false;
    };
    let lines: Vec<&str> = before.lines().collect();
    let kept = lines
        .iter()
        .enumerate()
        .filter(|(i, line)| !touched.lines.contains(i) && !line.trim().is_empty());
    let kept = kept.map(|(_, line)| (*line).to_owned());
    let comments = comments(before).into_iter();
    let comments = comments
        .filter(|(line, _)| touched.comments == Comments::Stay || !touched.lines.contains(line));
    is_within(kept, after.lines().map(str::to_owned))
        && is_within(
            comments.map(|(_, text)| text),
            self::comments(after).into_iter().map(|(_, text)| text),
        )
}

/// Whether all of these are among those, in order.
fn is_within(these: impl Iterator<Item = String>, mut those: impl Iterator<Item = String>) -> bool {
    let mut these = these;
    these.all(|this| those.any(|that| that == this))
}

/// Every comment and the line it stands on, from 0.
fn comments(text: &str) -> Vec<(usize, String)> {
    let Ok(file) = YamlFile::from_str(text) else {
        return Vec::new();
    };
    let comment = |comment: yaml_edit::Comment| {
        let start = usize::from(comment.text_range().start());
        let line = text.get(..start).unwrap_or_default().matches('\n').count();
        (line, comment.text().to_owned())
    };
    file.comments().map(comment).collect()
}

/// What an edit may change.
struct Touched {
    /// The lines, from 0.
    lines: std::ops::Range<usize>,
    /// What becomes of the comments on them.
    comments: Comments,
}

#[derive(PartialEq, Eq)]
enum Comments {
    Stay,
    /// They belong to what goes.
    MayGo,
}

/// The lines of what is edited, or of what it is put into.
fn touched(before: &str, document: u32, change: &Edit) -> Option<Touched> {
    let path: Arc<str> = "edited".into();
    let documents = yaml::compose(&path, before, &mut Vec::new());
    let root = &documents.get(document as usize)?.root;
    let mut marks = Vec::new();
    for document in &documents {
        gather(&document.root, &mut marks);
    }
    // As deep as it goes.
    let (mut node, mut start, mut there) = (root, root.mark.line, true);
    for step in change.route() {
        let next = match (&node.value, step) {
            (Yaml::Sequence(nodes), Step::Index(index)) => {
                nodes.get(*index).map(|n| (n.mark.line, n))
            }
            (Yaml::Mapping(_), Step::Key(key)) => node.entry(key).map(|(k, n)| (k.mark.line, n)),
            _ => None,
        };
        match next {
            Some((line, child)) => (start, node) = (line, child),
            None => {
                there = false;
                break;
            }
        }
    }
    let mut inside = Vec::new();
    gather(node, &mut inside);
    let last = inside
        .into_iter()
        .max()
        .unwrap_or((start, 0))
        .max((start, 0));
    let next = marks.into_iter().filter(|mark| *mark > last).min();
    let lines: Vec<&str> = before.lines().collect();
    // A line that the next thing begins on may be one that is shared with it.
    let shared = next.is_some_and(|(line, _)| line == last.0);
    let mut end = match next {
        Some((line, _)) if !shared => line as usize - 1,
        Some((line, _)) => line as usize,
        None => lines.len(),
    };
    let is_between = |line: &str| {
        let line = line.trim();
        line.is_empty()
            || line.starts_with('#')
            || line.starts_with("---")
            || line.starts_with("...")
    };
    while end > last.0 as usize && lines.get(end - 1).is_some_and(|line| is_between(line)) {
        end -= 1;
    }
    let is_collection = |value: &Value| value.is_object() || value.is_array();
    let comments = match change {
        Edit::Remove(_) => Comments::MayGo,
        Edit::Set(_, new) if there && (is_collection(new) || is_collection(&value(node))) => {
            Comments::MayGo
        }
        Edit::Set(..) | Edit::Push(..) => Comments::Stay,
    };
    Some(Touched {
        lines: start as usize - 1..end,
        comments,
    })
}

/// Line and column of every key and value below a node, and of itself.
fn gather(node: &Node, marks: &mut Vec<(u32, u32)>) {
    marks.push((node.mark.line, node.mark.column));
    match &node.value {
        Yaml::Sequence(nodes) => nodes.iter().for_each(|node| gather(node, marks)),
        Yaml::Mapping(entries) => {
            for (key, node) in entries {
                marks.push((key.mark.line, key.mark.column));
                gather(node, marks);
            }
        }
        Yaml::Null
        | Yaml::Bool(_)
        | Yaml::Int(_)
        | Yaml::Float(_)
        | Yaml::Text(..)
        | Yaml::Broken => {}
    }
}

#[cfg(test)]
mod tests;
