//! Expressions that mean something, at random: of a wanted type, over the names there are; now and then
//! with a mistake in them.

use super::{Dice, quoted};
use countersign::policy::shape::Type;

/// A name, and its type.
type Named = (String, Type);

/// Makes expressions.
pub struct Generator<'d> {
    pub dice: &'d mut Dice,
    names: Vec<Named>,
    count: usize,
    /// How often, of a hundred, something of another type is made than is wanted.
    mistakes: usize,
    /// Whether lists are made of the keys of maps, which CEL leaves in any order.
    pub of_maps: bool,
}

const TEXTS: [&str; 12] = [
    "",
    "kim.lee",
    "dana.reyes",
    "gis",
    "wg",
    "viewer",
    "wg.writer",
    "*",
    "its",
    "contractor",
    "left",
    "ñ\"\\'",
];
const PATTERNS: [&str; 5] = ["^a", "[a-z]+\\.[a-z]+$", "", "(kim|dana)", "\\d{4}-\\d{2}"];

const TEXTS_TYPE: Type = Type::List(&Type::Text);

impl<'d> Generator<'d> {
    pub fn new(dice: &'d mut Dice, names: &[(&'static str, Type)], mistakes: usize) -> Self {
        let names = names.iter().map(|(name, kind)| ((*name).to_owned(), *kind));
        Self {
            dice,
            names: names.collect(),
            count: 0,
            mistakes,
            of_maps: true,
        }
    }

    fn word(&mut self) -> String {
        quoted(TEXTS[self.dice.below(TEXTS.len())])
    }

    pub fn truth(&mut self, depth: usize) -> String {
        if self.dice.chance(self.mistakes) {
            return self.text(depth.saturating_sub(1));
        }
        if depth == 0 {
            let plain = ["true", "false"];
            return self
                .walk(Type::Truth)
                .unwrap_or_else(|| (*self.dice.one(&plain)).into());
        }
        let d = depth - 1;
        match self.dice.below(15) {
            0 => format!("!({})", self.truth(d)),
            1 => format!("({} && {})", self.truth(d), self.truth(d)),
            2 => format!("({} || {})", self.truth(d), self.truth(d)),
            3 => format!(
                "({} ? {} : {})",
                self.truth(d),
                self.truth(d),
                self.truth(d)
            ),
            4 | 5 => {
                let sign = *self.dice.one(&["==", "!=", "<", "<=", ">", ">="]);
                format!("{} {sign} {}", self.text(d), self.text(d))
            }
            6 => {
                let sign = *self.dice.one(&["==", "!=", "<", "<=", ">", ">="]);
                format!("{} {sign} {}", self.number(d), self.number(d))
            }
            7 => format!("{} in {}", self.text(d), self.texts(d)),
            8 => format!("{} == {}", self.texts(d), self.texts(d)),
            9 => {
                let function = *self.dice.one(&["startsWith", "endsWith", "contains"]);
                format!("{}.{function}({})", self.text(d), self.text(d))
            }
            10 => format!(
                "{}.matches({})",
                self.text(d),
                quoted(PATTERNS[self.dice.below(PATTERNS.len())])
            ),
            11 => match self.walk_map() {
                Some(map) => format!("{} in {map}", self.text(d)),
                None => self.truth(d),
            },
            12 => match self.walk(Type::Text) {
                Some(path) if path.contains('.') && !path.ends_with([']', ')']) => {
                    format!("has({path})")
                }
                _ => self.truth(d),
            },
            _ => {
                let word = *self.dice.one(&["all", "exists", "exists_one"]);
                let Some((list, of, _)) = self.range() else {
                    return self.truth(d);
                };
                let (name, body) = self.within(of, |g| g.truth(d));
                format!("{list}.{word}({name}, {body})")
            }
        }
    }

    pub fn text(&mut self, depth: usize) -> String {
        if self.dice.chance(self.mistakes) {
            return self.number(0);
        }
        let literal = self.word();
        match self.dice.below(6) {
            0 => literal,
            1 if depth > 0 => format!("({} + {})", self.text(depth - 1), self.text(depth - 1)),
            2 if depth > 0 => {
                let (when, a, b) = (
                    self.truth(depth - 1),
                    self.text(depth - 1),
                    self.text(depth - 1),
                );
                format!("({when} ? {a} : {b})")
            }
            3 if depth > 0 => format!("{}[{}]", self.texts(depth - 1), self.number(depth - 1)),
            _ => self.walk(Type::Text).unwrap_or(literal),
        }
    }

    fn number(&mut self, depth: usize) -> String {
        if self.dice.chance(self.mistakes) {
            return "true".into();
        }
        let literal = self.dice.below(4).to_string();
        match self.dice.below(6) {
            0 if depth > 0 => {
                let sign = *self.dice.one(&["+", "-", "*", "/", "%"]);
                format!(
                    "({} {sign} {})",
                    self.number(depth - 1),
                    self.number(depth - 1)
                )
            }
            1 if depth > 0 => format!("size({})", self.text(depth - 1)),
            2 if depth > 0 => format!("size({})", self.texts(depth - 1)),
            3 if depth > 0 => format!("-({})", self.number(depth - 1)),
            4 => self.walk(Type::Number).unwrap_or(literal),
            _ => literal,
        }
    }

    fn texts(&mut self, depth: usize) -> String {
        if self.dice.chance(self.mistakes) {
            return self.text(0);
        }
        let literal = format!("[{}, {}]", self.word(), self.word());
        match self.dice.below(7) {
            0 => literal,
            1 => "[]".into(),
            2 if depth > 0 => format!("({} + {})", self.texts(depth - 1), self.texts(depth - 1)),
            3 | 4 if depth > 0 => {
                let Some((list, of, of_map)) = self.range() else {
                    return literal;
                };
                if of_map && !self.of_maps {
                    return literal;
                }
                let (name, body) = self.within(of, |g| match g.dice.chance(30) {
                    true => format!("{}, {}", g.truth(depth - 1), g.text(depth - 1)),
                    false => g.text(depth - 1),
                });
                format!("{list}.map({name}, {body})")
            }
            5 if depth > 0 => {
                let list = self.texts(depth - 1);
                let (name, body) = self.within(Type::Text, |g| g.truth(depth - 1));
                format!("{list}.filter({name}, {body})")
            }
            _ => self.walk(TEXTS_TYPE).unwrap_or(literal),
        }
    }

    /// What is made where one more name is known.
    fn within(&mut self, of: Type, make: impl FnOnce(&mut Self) -> String) -> (String, String) {
        let name = format!("n{}", self.count);
        self.count += 1;
        self.names.push((name.clone(), of));
        let body = make(self);
        self.names.pop();
        (name, body)
    }

    /// A list or map, the type of its elements or keys, and whether it is a map.
    fn range(&mut self) -> Option<(String, Type, bool)> {
        for _ in 0..8 {
            let (path, kind) = self.steps(3);
            match kind {
                Type::List(of) => return Some((path, *of, false)),
                Type::Map(_) => return Some((path, Type::Text, true)),
                Type::Text | Type::Number | Type::Truth | Type::Record(_) => {}
            }
        }
        None
    }

    fn walk_map(&mut self) -> Option<String> {
        for _ in 0..8 {
            let (path, kind) = self.steps(3);
            if let Type::Map(_) = kind {
                return Some(path);
            }
        }
        None
    }

    /// Something of a type, from a name over fields, keys and elements.
    fn walk(&mut self, wanted: Type) -> Option<String> {
        for _ in 0..8 {
            let (path, kind) = self.steps(4);
            if kind == wanted {
                return Some(path);
            }
        }
        None
    }

    fn steps(&mut self, most: usize) -> (String, Type) {
        // What a macro binds is what one wants to talk about.
        let bound = self.names.len() > 3 && self.dice.chance(50);
        let (mut path, mut kind) = match bound {
            true => self.names[self.names.len() - 1].clone(),
            false => self.dice.one(&self.names).clone(),
        };
        for _ in 0..self.dice.below(most + 1) {
            match kind {
                Type::Record(shape) => {
                    let (field, of, _) = self.dice.one(shape.fields);
                    path = format!("{path}.{field}");
                    kind = *of;
                }
                Type::Map(of) => {
                    let key = match self.dice.chance(70) {
                        true => self.word(),
                        false => self.text(0),
                    };
                    path = format!("{path}[{key}]");
                    kind = *of;
                }
                Type::List(of) => {
                    path = format!("{path}[{}]", self.dice.below(3));
                    kind = *of;
                }
                Type::Text | Type::Number | Type::Truth => break,
            }
        }
        (path, kind)
    }
}

/// A text with something taken out, put in, doubled or swapped.
pub fn mutated(dice: &mut Dice, text: &str) -> String {
    const PIECES: [&str; 24] = [
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        "\"",
        "'",
        ".",
        ",",
        "?",
        ":",
        "&&",
        "||",
        "!",
        "-",
        "+ 1",
        ".all(x, ",
        "@result",
        "\u{202e}",
        "\0",
        "r\"",
        "0x",
        "9223372036854775808",
    ];
    let mut chars: Vec<char> = text.chars().collect();
    for _ in 0..=dice.below(3) {
        let at = dice.below(chars.len() + 1);
        let end = (at + dice.below(6)).min(chars.len());
        match dice.below(4) {
            0 => {
                chars.drain(at..end);
            }
            1 => {
                let piece: Vec<char> = dice.one(&PIECES).chars().collect();
                chars.splice(at..at, piece);
            }
            2 => {
                let doubled: Vec<char> = chars[at..end].to_vec();
                chars.splice(at..at, doubled);
            }
            _ if end < chars.len() && at < chars.len() => chars.swap(at, end),
            _ => {}
        }
    }
    chars.into_iter().collect()
}
