//! YAML text → documents of nodes that know where they stand, and every mistake on the way.
//!
//! Decision: the tree is composed here from `granit-parser`'s events rather than by a serde reader,
//! because a serde reader stops at the first mistake of a document and forgets places. One parser,
//! one set of rules: duplicate keys, foreign tags and ambiguous scalars are mistakes.

use super::Line;
use crate::diagnostic::{Code, Diagnostic, Place};
use granit_parser::{Event, Options, Parser, ScalarStyle, Span, StrInput, Tag};
use std::collections::HashMap;
use std::sync::Arc;

/// Deepest nesting of a document: manifests need 8.
const DEEPEST: usize = 64;
/// Most nodes of one file, aliases counted out: keeps a bomb of aliases small.
const MOST_NODES: usize = 400_000;
/// Longest part of a text in a message, in characters.
const LONGEST_SHOWN: usize = 80;
/// With more entries than this, a mapping is looked up instead of looked through.
const FEW: usize = 32;

/// A position in a file: 1-based line and column in code points, and a width on that line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Mark {
    /// The line.
    pub line: u32,
    /// The column.
    pub column: u32,
    /// How many code points on that line.
    pub width: u32,
}

impl Mark {
    /// The place in a file.
    pub fn in_file(self, file: &Arc<str>) -> Place {
        Place {
            file: file.clone(),
            line: self.line,
            column: self.column,
            width: self.width.max(1),
        }
    }
}

/// A node and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Where it begins.
    pub mark: Mark,
    /// What it is.
    pub value: Yaml,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq)]
pub enum Yaml {
    /// Nothing: `~`, `null` or an empty place.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Another number.
    Float(f64),
    /// A text.
    Text(String, Ambiguity),
    /// A sequence.
    Sequence(Vec<Node>),
    /// A mapping, in the order it was written, keys unique.
    Mapping(Vec<(Key, Node)>),
    /// What a mistake left; it is reported already.
    Broken,
}

/// A key of a mapping.
#[derive(Debug, Clone, PartialEq)]
pub struct Key {
    /// Its text.
    pub text: String,
    /// Where it stands.
    pub mark: Mark,
}

/// What other YAML readers might take a text for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ambiguity {
    /// A text for everyone.
    None,
    /// `yes`, `no`, `on`, `off` without quotes: a truth value in YAML 1.1.
    Bool,
    /// `1_000`, `12:30`, `0b1` without quotes: a number in YAML 1.1.
    Number,
    /// A date without quotes: a timestamp in YAML 1.1.
    Date,
}

impl Node {
    /// The value under a key, where this is a mapping that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|(_, node)| node)
    }

    /// Key and value, where this is a mapping that has it.
    pub fn entry(&self, key: &str) -> Option<(&Key, &Node)> {
        match &self.value {
            Yaml::Mapping(entries) => entries
                .iter()
                .find(|(k, _)| k.text == key)
                .map(|(k, node)| (k, node)),
            _ => None,
        }
    }

    /// The text, where this is one.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Yaml::Text(text, _) => Some(text),
            _ => None,
        }
    }

    /// What it is, in a word.
    pub fn sort(&self) -> &'static str {
        match &self.value {
            Yaml::Null => "nothing",
            Yaml::Bool(_) => "a truth value",
            Yaml::Int(_) | Yaml::Float(_) => "a number",
            Yaml::Text(..) => "a text",
            Yaml::Sequence(_) => "a list",
            Yaml::Mapping(_) => "a mapping",
            Yaml::Broken => "a mistake",
        }
    }

    /// The node at the end of a route, or the deepest one on the way to it.
    pub fn at(&self, route: &[Step]) -> Mark {
        let mut mark = self.mark;
        let mut node = self;
        for step in route {
            let next = match (&node.value, step) {
                (Yaml::Sequence(nodes), Step::Index(index)) => nodes.get(*index),
                (Yaml::Mapping(_), Step::Key(key)) => match node.entry(key) {
                    Some((k, child)) => {
                        mark = k.mark;
                        Some(child)
                    }
                    None => None,
                },
                (Yaml::Mapping(_), Step::KeyOf(key)) => {
                    return node.entry(key).map_or(mark, |(k, _)| k.mark);
                }
                _ => None,
            };
            match next {
                Some(child) => {
                    node = child;
                    mark = child.mark;
                }
                None => return mark,
            }
        }
        mark
    }
}

/// One step of a route into a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// To the value under a key.
    Key(String),
    /// To an element of a sequence, from 0.
    Index(usize),
    /// To a key itself; ends a route.
    KeyOf(String),
}

/// One document of a file.
#[derive(Debug, Clone)]
pub struct Document {
    /// Its root.
    pub root: Node,
    /// Whether something in it was left out because of a mistake already reported.
    pub damaged: bool,
}

/// Composes every document of a file. A mistake in one document does not hide those after it.
pub fn compose(file: &Arc<str>, text: &str, diagnostics: &mut Vec<Diagnostic>) -> Vec<Document> {
    let mut documents = Vec::new();
    let lines: Vec<&str> = text.split('\n').collect();
    // Where the rest of the text begins: the line and its byte.
    let (mut first, mut byte) = (0, 0);
    let mut nodes = 0;
    loop {
        let part = text.get(byte..).unwrap_or_default();
        let mut composer = Composer {
            file,
            lines: &lines,
            offset: first as u32,
            nodes,
            anchors: HashMap::new(),
            diagnostics,
            damaged: false,
        };
        let stopped = composer.stream(part, &mut documents);
        nodes = composer.nodes;
        let Some(line) = stopped else { break };
        let from = (line as usize).max(first + 1);
        match (from..lines.len()).find(|l| is_document_start(lines[*l])) {
            Some(next) if nodes < MOST_NODES => {
                byte += lines[first..next]
                    .iter()
                    .map(|line| line.len() + 1)
                    .sum::<usize>();
                first = next;
            }
            _ => break,
        }
    }
    documents
}

/// Whether a document begins with this line.
pub(super) fn is_document_start(line: &str) -> bool {
    let rest = line.strip_prefix("---");
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\r', '\t']))
}

/// A text of a manifest as a message shows it: on one line, and not longer than one.
pub(super) fn shown(text: &str) -> String {
    let mut shown: String = text.chars().take(LONGEST_SHOWN).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
        .escape_debug()
        .to_string()
        .replace("\\\"", "\"")
        .replace("\\'", "'")
}

struct Composer<'a> {
    file: &'a Arc<str>,
    lines: &'a [&'a str],
    offset: u32,
    nodes: usize,
    anchors: HashMap<usize, (Node, usize)>,
    diagnostics: &'a mut Vec<Diagnostic>,
    damaged: bool,
}

/// A collection that is still open.
enum Open {
    Sequence(Mark, usize, Vec<Node>),
    Mapping(Mark, usize, Entries, Next),
}

/// What an open mapping waits for.
enum Next {
    Key,
    Value(Key),
    /// The value of a key that was reported; it is dropped.
    Dropped,
    /// Nothing: it is a template without quotes.
    Template,
}

/// The entries of a mapping that is still open.
#[derive(Default)]
struct Entries {
    list: Vec<(Key, Node)>,
    /// Where each key stands in the list, once there are more than a few.
    index: HashMap<String, usize>,
}

impl Entries {
    fn key(&self, text: &str) -> Option<&Key> {
        let at = match self.index.is_empty() {
            true => self.list.iter().position(|(key, _)| key.text == text),
            false => self.index.get(text).copied(),
        };
        at.and_then(|at| self.list.get(at)).map(|(key, _)| key)
    }

    fn push(&mut self, key: Key, node: Node) {
        self.list.push((key, node));
        let unlisted = if self.list.len() > FEW {
            self.index.len()..
        } else {
            self.list.len()..
        };
        let keys = self.list[unlisted.clone()]
            .iter()
            .map(|(key, _)| key.text.clone());
        self.index.extend(keys.zip(unlisted));
    }
}

impl Composer<'_> {
    /// Composes documents until the end (`None`) or a mistake of form (its line, 1-based).
    fn stream(&mut self, text: &str, documents: &mut Vec<Document>) -> Option<u32> {
        let mut options = Options::default();
        options.set_emit_comments(false);
        options.flow_nesting_limit = DEEPEST;
        options.block_nesting_limit = DEEPEST;
        let parser: Parser<'_, StrInput<'_>> = Parser::new_from_str_with_options(text, options);
        let mut open: Vec<Open> = Vec::new();
        for event in parser {
            let (event, span) = match event {
                Ok(pair) => pair,
                Err(error) => {
                    let marker = error.marker();
                    let mark = self.inside(Mark {
                        line: marker.line().max(1) as u32 + self.offset,
                        column: marker.col() as u32 + 1,
                        width: 1,
                    });
                    self.syntax(mark, &error.info());
                    return Some(mark.line);
                }
            };
            let mark = self.mark(&span);
            let done = match event {
                Event::DocumentStart(..) => {
                    self.damaged = false;
                    self.anchors.clear();
                    None
                }
                Event::Scalar(text, style, anchor, tag) => {
                    let value = self.scalar(&text, style, tag.as_deref(), mark);
                    Some((Node { mark, value }, anchor))
                }
                Event::Alias(id) => Some((self.alias(id, mark)?, 0)),
                Event::SequenceStart(_, anchor, tag) => {
                    self.tag(tag.as_deref(), "seq", mark);
                    open.push(Open::Sequence(mark, anchor, Vec::new()));
                    None
                }
                Event::MappingStart(_, anchor, tag) => {
                    self.tag(tag.as_deref(), "map", mark);
                    open.push(Open::Mapping(mark, anchor, Entries::default(), Next::Key));
                    None
                }
                Event::SequenceEnd | Event::MappingEnd => {
                    open.pop().map(|collection| match collection {
                        Open::Sequence(mark, anchor, nodes) => (
                            Node {
                                mark,
                                value: Yaml::Sequence(nodes),
                            },
                            anchor,
                        ),
                        Open::Mapping(mark, anchor, _, Next::Template) => (
                            Node {
                                mark,
                                value: Yaml::Broken,
                            },
                            anchor,
                        ),
                        Open::Mapping(mark, anchor, entries, _) => (
                            Node {
                                mark,
                                value: Yaml::Mapping(entries.list),
                            },
                            anchor,
                        ),
                    })
                }
                _ => None,
            };
            let Some((node, anchor)) = done else { continue };
            // What has an anchor is kept twice.
            let kept = if anchor == 0 { 0 } else { size(&node) };
            self.nodes += 1 + kept;
            if self.nodes > MOST_NODES {
                self.diagnostics.push(
                    Diagnostic::new(
                        Code::TooComplex,
                        mark.in_file(self.file),
                        format!("the file has more than {MOST_NODES} values once its aliases are written out"),
                    )
                    .help("write manifests out; do not build them from aliases"),
                );
                return Some(u32::MAX);
            }
            if anchor != 0 {
                self.anchors.insert(anchor, (node.clone(), kept));
            }
            match open.last_mut() {
                None => documents.push(Document {
                    root: node,
                    damaged: self.damaged,
                }),
                Some(Open::Sequence(_, _, nodes)) => nodes.push(node),
                Some(Open::Mapping(_, _, entries, next)) => {
                    *next = match std::mem::replace(next, Next::Key) {
                        Next::Key => match key_of(node) {
                            Ok(key) => Next::Value(key),
                            Err(mark) => self.key(mark),
                        },
                        Next::Value(key) => {
                            match entries.key(&key.text) {
                                Some(first) => self.twice(&key, first.mark),
                                None => entries.push(key, node),
                            }
                            Next::Key
                        }
                        Next::Dropped => Next::Key,
                        Next::Template => Next::Template,
                    };
                }
            }
        }
        None
    }

    fn mark(&self, span: &Span) -> Mark {
        let (start, end) = (span.start, span.end);
        let line = start.line().max(1) as u32 + self.offset;
        let column = start.col() as u32 + 1;
        let width = match end.line() == start.line() && end.col() > start.col() {
            true => (end.col() - start.col()) as u32,
            false => 1,
        };
        // A collection in block style ends on a later line: underline its first line.
        let width = match end.line() > start.line() {
            true => {
                let text = self
                    .lines
                    .get(line as usize - 1)
                    .copied()
                    .unwrap_or_default();
                let length = text.trim_end().chars().count() as u32;
                length.saturating_sub(column - 1).max(1)
            }
            false => width,
        };
        Mark {
            line,
            column,
            width,
        }
    }

    /// The same, or the end of the text where the parser counts a line that is not there.
    fn inside(&self, mark: Mark) -> Mark {
        let last = self.lines.len() as u32;
        let line = self.lines.get(mark.line as usize - 1).or(self.lines.last());
        let end = line.map_or(0, |line| line.trim_end_matches('\r').chars().count()) as u32 + 1;
        let column = if mark.line > last {
            end
        } else {
            mark.column.min(end)
        };
        Mark {
            line: mark.line.min(last),
            column,
            ..mark
        }
    }

    fn alias(&mut self, id: usize, mark: Mark) -> Option<Node> {
        match self.anchors.get(&id) {
            Some((node, size)) if self.nodes + size <= MOST_NODES => {
                self.nodes += size;
                Some(Node {
                    mark,
                    value: node.value.clone(),
                })
            }
            Some(_) => {
                // Counted as too much by the caller's next check.
                self.nodes = MOST_NODES;
                Some(Node {
                    mark,
                    value: Yaml::Null,
                })
            }
            None => {
                self.damaged = true;
                self.diagnostics.push(Diagnostic::new(
                    Code::Syntax,
                    mark.in_file(self.file),
                    "this alias refers to something that contains it",
                ));
                Some(Node {
                    mark,
                    value: Yaml::Broken,
                })
            }
        }
    }

    /// Reports a key that is no text, and says what becomes of its mapping.
    fn key(&mut self, mark: Mark) -> Next {
        self.damaged = true;
        let line = self
            .lines
            .get(mark.line as usize - 1)
            .copied()
            .unwrap_or_default();
        let place = mark.in_file(self.file);
        if line.contains("{{") {
            self.diagnostics.push(
                Diagnostic::new(
                    Code::UnquotedTemplate,
                    place,
                    "a template without quotes is a mapping to YAML",
                )
                .help("write it in quotes: \"{{ … }}\""),
            );
            return Next::Template;
        }
        let message = "a key must be a plain text";
        self.diagnostics
            .push(Diagnostic::new(Code::Syntax, place, message));
        Next::Dropped
    }

    fn twice(&mut self, key: &Key, first: Mark) {
        self.damaged = true;
        self.diagnostics.push(
            Diagnostic::new(
                Code::DuplicateKey,
                key.mark.in_file(self.file),
                format!("`{}` stands here twice", shown(&key.text)),
            )
            .help("keep one of them; which one counts would depend on the reader")
            .related(first.in_file(self.file), "first here"),
        );
    }

    fn tag(&mut self, tag: Option<&Tag>, expected: &str, mark: Mark) -> bool {
        let Some(tag) = tag else { return true };
        if tag.is_yaml_core_schema_tag(expected) {
            return true;
        }
        self.damaged = true;
        self.diagnostics.push(
            Diagnostic::new(
                Code::Syntax,
                mark.in_file(self.file),
                format!("the tag `{}` is not known here", shown(&tag.original())),
            )
            .help("leave the tag out; quotes make a text"),
        );
        false
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, tag: Option<&Tag>, mark: Mark) -> Yaml {
        let as_text = || Yaml::Text(text.to_owned(), Ambiguity::None);
        if style != ScalarStyle::Plain || tag.is_some_and(|t| t.is_yaml_core_schema_tag("str")) {
            return if self.tag(tag, "str", mark) {
                as_text()
            } else {
                Yaml::Broken
            };
        }
        let value = resolve(text);
        let expected = match value {
            Yaml::Null => "null",
            Yaml::Bool(_) => "bool",
            Yaml::Int(_) => "int",
            Yaml::Float(_) => "float",
            Yaml::Text(..) | Yaml::Sequence(_) | Yaml::Mapping(_) | Yaml::Broken => "str",
        };
        if self.tag(tag, expected, mark) {
            value
        } else {
            Yaml::Broken
        }
    }

    fn syntax(&mut self, mark: Mark, message: &str) {
        let line = |number: u32| {
            self.lines
                .get(number as usize - 1)
                .copied()
                .unwrap_or_default()
        };
        let indent = |number| line(number).chars().take_while(|c| c.is_whitespace());
        // The parser is at the end of what it understood: the tab may lead the next line.
        let tab = [mark.line, mark.line + 1].into_iter().find_map(|number| {
            let column = indent(number).position(|c| c == '\t')? as u32 + 1;
            Some(Mark {
                line: number,
                column,
                width: 1,
            })
        });
        let reported = |d: &Diagnostic| {
            d.code == Code::UnquotedTemplate
                && d.place.line == mark.line
                && d.place.file == *self.file
        };
        if self.diagnostics.last().is_some_and(reported) {
            return;
        }
        let value = line(mark.line)
            .split_once(": ")
            .map(|(_, value)| value.trim_start());
        let (code, mark, message, help) = if let Some(tab) = tab {
            let message = "this is not YAML: a line is indented with a tab".to_owned();
            (
                Code::Syntax,
                tab,
                message,
                "indent with spaces; YAML does not take tabs".to_owned(),
            )
        } else if value.is_some_and(|value| value.starts_with("{{")) {
            let message = "a template without quotes is a mapping to YAML".to_owned();
            let help = "write it in quotes: \"{{ … }}\"".to_owned();
            (Code::UnquotedTemplate, mark, message, help)
        } else if message.contains("nesting") || message.contains("recursion") {
            let help = format!("a manifest is never nested deeper than {DEEPEST}");
            (
                Code::Syntax,
                mark,
                format!("this is not YAML: {message}"),
                help,
            )
        } else {
            let help = "check indentation, colons and quotes on this line and the one before";
            (
                Code::Syntax,
                mark,
                format!("this is not YAML: {message}"),
                help.to_owned(),
            )
        };
        self.diagnostics
            .push(Diagnostic::new(code, mark.in_file(self.file), message).help(help));
    }
}

fn size(node: &Node) -> usize {
    match &node.value {
        Yaml::Sequence(nodes) => 1 + nodes.iter().map(size).sum::<usize>(),
        Yaml::Mapping(entries) => 1 + entries.iter().map(|(_, n)| 1 + size(n)).sum::<usize>(),
        Yaml::Null
        | Yaml::Bool(_)
        | Yaml::Int(_)
        | Yaml::Float(_)
        | Yaml::Text(..)
        | Yaml::Broken => 1,
    }
}

fn key_of(node: Node) -> Result<Key, Mark> {
    let mark = node.mark;
    let text = match node.value {
        Yaml::Text(text, _) => text,
        Yaml::Bool(value) => value.to_string(),
        Yaml::Int(value) => value.to_string(),
        Yaml::Null | Yaml::Float(_) | Yaml::Sequence(_) | Yaml::Mapping(_) | Yaml::Broken => {
            return Err(mark);
        }
    };
    Ok(Key { text, mark })
}

/// What a scalar without quotes is: YAML 1.2's core schema, with what YAML 1.1 would make of a text noted.
pub fn resolve(text: &str) -> Yaml {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Yaml::Null,
        "true" | "True" | "TRUE" => return Yaml::Bool(true),
        "false" | "False" | "FALSE" => return Yaml::Bool(false),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => {
            return Yaml::Float(f64::INFINITY);
        }
        "-.inf" | "-.Inf" | "-.INF" => return Yaml::Float(f64::NEG_INFINITY),
        ".nan" | ".NaN" | ".NAN" => return Yaml::Float(f64::NAN),
        _ => {}
    }
    let ambiguous = |ambiguity| Yaml::Text(text.to_owned(), ambiguity);
    if matches!(
        text,
        "yes" | "Yes" | "YES" | "no" | "No" | "NO" | "on" | "On" | "ON" | "off" | "Off" | "OFF"
    ) {
        return ambiguous(Ambiguity::Bool);
    }
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.')) {
        return ambiguous(Ambiguity::None);
    }
    if let Some(number) = number(text) {
        return number;
    }
    if is_date(text) {
        return ambiguous(Ambiguity::Date);
    }
    if is_old_number(text) {
        return ambiguous(Ambiguity::Number);
    }
    ambiguous(Ambiguity::None)
}

/// A number of the core schema (YAML 1.2.2 section 10.3.2).
fn number(text: &str) -> Option<Yaml> {
    let whole = |digits: &str, radix| {
        let big = i64::from_str_radix(digits, radix);
        Some(big.map_or(Yaml::Float(f64::MAX), Yaml::Int))
    };
    if let Some(digits) = text.strip_prefix("0x") {
        let hex = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_hexdigit());
        return hex.then(|| whole(digits, 16))?;
    }
    if let Some(digits) = text.strip_prefix("0o") {
        let octal = !digits.is_empty() && digits.bytes().all(|b| (b'0'..=b'7').contains(&b));
        return octal.then(|| whole(digits, 8))?;
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !unsigned.is_empty() && unsigned.bytes().all(|b| b.is_ascii_digit()) {
        return whole(text.strip_prefix('+').unwrap_or(text), 10);
    }
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    let mantissa_ok = match mantissa.split_once('.') {
        Some((before, after)) => {
            digits(before) && digits(after) && !(before.is_empty() && after.is_empty())
        }
        None => !mantissa.is_empty() && digits(mantissa),
    };
    let exponent_ok = exponent.is_none_or(|e| {
        let e = e.strip_prefix(['-', '+']).unwrap_or(e);
        !e.is_empty() && digits(e)
    });
    match mantissa_ok && exponent_ok {
        true => text.parse().ok().map(Yaml::Float),
        false => None,
    }
}

/// A timestamp of YAML 1.1 (yaml.org/type/timestamp).
fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    let digit = |i: usize| bytes.get(i).is_some_and(u8::is_ascii_digit);
    let date = (0..4).all(digit)
        && bytes.get(4) == Some(&b'-')
        && bytes.get(7) == Some(&b'-')
        && [5, 6, 8, 9].into_iter().all(digit);
    date && match text.get(10..) {
        Some("") => true,
        Some(rest) => rest.starts_with(['T', 't', ' ']) && rest.matches(':').count() >= 2,
        None => false,
    }
}

/// A number of YAML 1.1 that YAML 1.2 takes for a text.
fn is_old_number(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let begins = unsigned.starts_with(|c: char| c.is_ascii_digit());
    let binary = unsigned
        .strip_prefix("0b")
        .is_some_and(|d| !d.is_empty() && d.bytes().all(|b| matches!(b, b'0' | b'1' | b'_')));
    let underscored = unsigned.contains('_')
        && unsigned
            .bytes()
            .all(|b| b.is_ascii_digit() || matches!(b, b'_' | b'.'));
    let sexagesimal = unsigned.contains(':')
        && unsigned.split(':').enumerate().all(|(i, part)| {
            !part.is_empty()
                && part.bytes().all(|b| b.is_ascii_digit())
                && (i == 0 || part.parse::<u32>().is_ok_and(|n| n < 60))
        });
    begins && (binary || underscored || sexagesimal)
}

impl From<Mark> for Line {
    fn from(mark: Mark) -> Self {
        Self(mark.line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn documents(text: &str) -> (Vec<Document>, Vec<Diagnostic>) {
        let mut diagnostics = Vec::new();
        let documents = compose(&"f.yaml".into(), text, &mut diagnostics);
        (documents, diagnostics)
    }

    #[test]
    fn places_are_one_based_and_count_code_points() {
        let (documents, diagnostics) = documents("ä: {b: [1, zwei]}\n---\nc: d\n");
        assert!(diagnostics.is_empty());
        let mark =
            documents[0]
                .root
                .at(&[Step::Key("ä".into()), Step::Key("b".into()), Step::Index(1)]);
        assert_eq!(
            mark,
            Mark {
                line: 1,
                column: 12,
                width: 4
            }
        );
        assert_eq!(documents[1].root.get("c").unwrap().mark.line, 3);
    }

    #[test]
    fn what_other_readers_would_misread_is_noted() {
        for (text, expected) in [
            ("0123", Yaml::Int(123)),
            ("1e5", Yaml::Float(1e5)),
            ("0x1F", Yaml::Int(31)),
            ("no", Yaml::Text("no".into(), Ambiguity::Bool)),
            ("OFF", Yaml::Text("OFF".into(), Ambiguity::Bool)),
            ("1_000", Yaml::Text("1_000".into(), Ambiguity::Number)),
            ("12:30", Yaml::Text("12:30".into(), Ambiguity::Number)),
            (
                "2027-02-01",
                Yaml::Text("2027-02-01".into(), Ambiguity::Date),
            ),
            (
                "2027-02-01T00:00",
                Yaml::Text("2027-02-01T00:00".into(), Ambiguity::None),
            ),
            (
                "2027-02-01T00:00:00Z",
                Yaml::Text("2027-02-01T00:00:00Z".into(), Ambiguity::Date),
            ),
            (
                "812-349-0002",
                Yaml::Text("812-349-0002".into(), Ambiguity::None),
            ),
            ("v1.2", Yaml::Text("v1.2".into(), Ambiguity::None)),
        ] {
            assert_eq!(resolve(text), expected, "{text}");
        }
    }

    #[test]
    fn a_broken_document_does_not_hide_the_next() {
        let (documents, diagnostics) = documents("a: 1\n---\nb: [1\nc: }\n---\nd: 2\nd: 3\n");
        assert_eq!(documents.len(), 2, "{documents:?}");
        let codes: Vec<_> = diagnostics.iter().map(|d| (d.code, d.place.line)).collect();
        assert_eq!(codes.len(), 2, "{diagnostics:?}");
        assert_eq!(codes[1], (Code::DuplicateKey, 7));
    }

    #[test]
    fn bombs_stay_small() {
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
        for i in 1..12 {
            let parts = vec![format!("*a{}", i - 1); 9].join(", ");
            bomb.push_str(&format!("a{i}: &a{i} [{parts}]\n"));
        }
        let (_, diagnostics) = documents(&bomb);
        assert!(
            diagnostics.iter().any(|d| d.code == Code::TooComplex),
            "{diagnostics:?}"
        );
        let deep = format!("a: {}{}", "[".repeat(10_000), "]".repeat(10_000));
        assert!(!documents(&deep).1.is_empty());
        let block = (0..10_000)
            .map(|i| format!("{}a:\n", " ".repeat(i)))
            .collect::<String>();
        assert!(!documents(&block).1.is_empty());
    }

    #[test]
    fn a_loop_of_aliases_is_a_mistake() {
        let (_, diagnostics) = documents("a: &a [*a]\n");
        assert!(!diagnostics.is_empty());
    }
}
