//! Names, types and cost of an expression, before it is ever evaluated: what does not pass cannot run.
//!
//! Decision: the language is a part of CEL in which every expression ends soon: strings, whole
//! numbers, truth, lists, the macros over one list or map, and no way to make a map or a type. What an
//! evaluation can cost at most is known from nesting and from the sizes of what it walks over.

use super::shape::{Shape, Type};
use crate::diagnostic::suggest::did_you_mean;
use cel::IdedExpr;
use cel::common::ast::{CallExpr, ComprehensionExpr, Expr, LiteralValue, SourceInfo, operators};
use regex::{Regex, RegexBuilder};
use std::collections::{BTreeMap, BTreeSet};

/// Deepest nesting of an expression.
const DEEPEST: usize = 64;
/// Deepest nesting of an expression with the variables that stand in it.
const DEEPEST_OF_ALL: usize = 256;
/// How large a compiled pattern may become, in bytes.
const PATTERN_SIZE: usize = 1 << 16;
/// How long a string is taken to be.
const TEXT: u64 = 256;
/// How long a string may become.
const LONGEST: u64 = 1 << 20;
/// How many elements lists and maps of one user or manifest are taken to have.
const FEW: u64 = 32;

/// The type of an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A string.
    Text,
    /// A whole number.
    Number,
    /// True or false.
    Truth,
    /// The element of `[]`.
    Nothing,
    /// Values of one type.
    List(Box<Kind>),
    /// Values of one type, by a string.
    Map(Box<Kind>),
    /// Named fields.
    Record(&'static Shape),
}

impl From<Type> for Kind {
    fn from(kind: Type) -> Self {
        match kind {
            Type::Text => Self::Text,
            Type::Number => Self::Number,
            Type::Truth => Self::Truth,
            Type::List(of) => Self::List(Box::new((*of).into())),
            Type::Map(of) => Self::Map(Box::new((*of).into())),
            Type::Record(shape) => Self::Record(shape),
        }
    }
}

impl Kind {
    /// The word people read.
    pub fn words(&self) -> String {
        match self {
            Self::Text => "string".into(),
            Self::Number => "int".into(),
            Self::Truth => "bool".into(),
            Self::Nothing => "nothing".into(),
            Self::List(of) => format!("list({})", of.words()),
            Self::Map(of) => format!("map(string, {})", of.words()),
            Self::Record(shape) => shape.name.into(),
        }
    }

    /// The type of both, if there is one.
    fn with(&self, other: &Self) -> Option<Self> {
        match (self, other) {
            (Self::Nothing, kind) | (kind, Self::Nothing) => Some(kind.clone()),
            (Self::List(a), Self::List(b)) => Some(Self::List(Box::new(a.with(b)?))),
            (a, b) if a == b => Some(a.clone()),
            _ => None,
        }
    }
}

/// What an expression is found to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its type.
    pub kind: Kind,
    /// Steps of one evaluation, at most.
    pub cost: u64,
    /// How long the string, or how many elements the list or map may be.
    size: u64,
    /// A string that is written out.
    literal: Option<String>,
    /// How deeply it is nested, with its variables.
    deep: usize,
}

/// What is wrong with an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Where in its text: characters from its beginning, and how many.
    pub at: (usize, usize),
    /// In a sentence.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
}

/// The names an expression may use.
#[derive(Debug, Clone, Default)]
pub struct Names {
    known: BTreeMap<String, Found>,
    /// Whose keys are known: names written out are looked up.
    keys: BTreeMap<String, BTreeSet<String>>,
}

impl Names {
    /// Adds a name. A map of so many elements; of the keys that are known.
    pub fn add(&mut self, name: &str, kind: Type, size: usize, keys: Option<BTreeSet<String>>) {
        let size = match kind {
            Type::Map(_) | Type::List(_) => u64::try_from(size).unwrap_or(u64::MAX).max(1),
            Type::Text => TEXT,
            Type::Number | Type::Truth | Type::Record(_) => 1,
        };
        let found = Found {
            kind: kind.into(),
            cost: 1,
            size,
            literal: None,
            deep: 0,
        };
        self.known.insert(name.into(), found);
        if let Some(keys) = keys {
            self.keys.insert(name.into(), keys);
        }
    }

    /// Adds a name for an expression that was checked; it is worked out once.
    pub fn define(&mut self, name: &str, found: Found) {
        let found = Found {
            literal: None,
            cost: 1,
            ..found
        };
        self.known.insert(name.into(), found);
    }

    /// Whether there is such a name.
    pub fn has(&self, name: &str) -> bool {
        self.known.contains_key(name)
    }

    /// Every name.
    pub fn all(&self) -> impl Iterator<Item = &str> {
        self.known.keys().map(String::as_str)
    }

    /// The type of a dotted path; of a message's template.
    pub fn path(&self, path: &[&str]) -> Option<Kind> {
        let (first, rest) = path.split_first()?;
        let mut kind = self.known.get(*first)?.kind.clone();
        for part in rest {
            kind = match kind {
                Kind::Record(shape) => shape.field(part)?.into(),
                Kind::Map(of) => *of,
                Kind::Text | Kind::Number | Kind::Truth | Kind::Nothing | Kind::List(_) => {
                    return None;
                }
            };
        }
        Some(kind)
    }
}

/// Checks an expression.
///
/// # Errors
/// The first [`Mistake`] in it.
pub fn check(expression: &IdedExpr, source: &SourceInfo, names: &Names) -> Result<Found, Mistake> {
    let mut checker = Checker {
        source,
        names,
        bound: Vec::new(),
        deepest: 0,
    };
    let found = checker.expr(expression, 0)?;
    Ok(Found {
        deep: checker.deepest,
        ..found
    })
}

/// Compiles a pattern that does not become too large.
///
/// # Errors
/// Where it is no pattern, or a large one.
pub fn pattern(text: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(text).size_limit(PATTERN_SIZE).build()
}

struct Checker<'a> {
    source: &'a SourceInfo,
    names: &'a Names,
    /// Variables of the macros around, the innermost last.
    bound: Vec<(String, Found)>,
    deepest: usize,
}

impl Checker<'_> {
    fn mistake(&self, at: &IdedExpr, message: impl Into<String>) -> Mistake {
        let (start, last) = self.source.offset_for(at.id).unwrap_or((0, 0));
        let start = usize::try_from(start).unwrap_or(0);
        let last = usize::try_from(last).unwrap_or(0);
        Mistake {
            at: (start, last.saturating_sub(start) + 1),
            message: message.into(),
            help: None,
        }
    }

    /// The same about the field that is selected, which stands behind the dot.
    fn of_field(&self, at: &IdedExpr, field: &str, message: impl Into<String>) -> Mistake {
        let mut mistake = self.mistake(at, message);
        let (dot, _) = mistake.at;
        let behind = self.source.source.chars().enumerate().skip(dot);
        let mut behind = behind.skip_while(|(_, c)| *c == '.' || c.is_whitespace());
        let is_there = |(at, _): &(usize, char)| {
            let rest = self.source.source.chars().skip(*at);
            field.chars().eq(rest.take(field.chars().count()))
        };
        if let Some((at, _)) = behind.next().filter(is_there) {
            mistake.at = (at, field.chars().count());
        }
        mistake
    }

    fn expr(&mut self, e: &IdedExpr, depth: usize) -> Result<Found, Mistake> {
        if depth > DEEPEST {
            let mut mistake = self.mistake(e, "the expression is nested too deeply");
            mistake.help = Some("say it in two validations, or use variables".into());
            return Err(mistake);
        }
        self.deepest = self.deepest.max(depth);
        match &e.expr {
            Expr::Literal(literal) => self.literal(e, literal),
            Expr::Ident(name) => {
                let found = self.ident(e, name)?;
                let deep = depth + found.deep;
                if deep > DEEPEST_OF_ALL {
                    let message =
                        "the expression is nested too deeply once its variables stand in it";
                    let mut mistake = self.mistake(e, message);
                    mistake.help = Some("name fewer variables that name each other".into());
                    return Err(mistake);
                }
                self.deepest = self.deepest.max(deep);
                Ok(found)
            }
            Expr::Select(select) => {
                let operand = self.expr(&select.operand, depth + 1)?;
                let found = self.select(e, &operand, &select.operand.expr, &select.field)?;
                match select.test {
                    true => Ok(scalar(Kind::Truth, found.cost)),
                    false => Ok(found),
                }
            }
            Expr::Call(call) => self.call(e, call, depth + 1),
            Expr::List(list) => {
                let mut kind = Kind::Nothing;
                let (mut cost, mut size) = (1, 0u64);
                for element in &list.elements {
                    let found = self.expr(element, depth + 1)?;
                    kind = kind.with(&found.kind).ok_or_else(|| {
                        let words = (kind.words(), found.kind.words());
                        self.mistake(
                            element,
                            format!("a list holds {} here and {} there", words.0, words.1),
                        )
                    })?;
                    cost = plus(cost, found.cost);
                    size += 1;
                }
                Ok(Found {
                    kind: Kind::List(Box::new(kind)),
                    cost,
                    size,
                    literal: None,
                    deep: 0,
                })
            }
            Expr::Comprehension(comprehension) => self.comprehension(e, comprehension, depth + 1),
            Expr::Map(_) | Expr::Struct(_) => {
                let mut mistake = self.mistake(e, "a policy makes no maps and no messages");
                mistake.help = Some("take a list: `[\"a\", \"b\"]`".into());
                Err(mistake)
            }
            Expr::Unspecified => Err(self.mistake(e, "the expression has a hole")),
        }
    }

    fn literal(&self, e: &IdedExpr, literal: &LiteralValue) -> Result<Found, Mistake> {
        match literal {
            LiteralValue::Boolean(_) => Ok(scalar(Kind::Truth, 1)),
            LiteralValue::Int(_) => Ok(scalar(Kind::Number, 1)),
            LiteralValue::String(text) => Ok(Found {
                kind: Kind::Text,
                cost: 1,
                size: length(text.inner()),
                literal: Some(text.inner().to_owned()),
                deep: 0,
            }),
            LiteralValue::Null => {
                let mut mistake = self.mistake(e, "nothing is null here");
                mistake.help = Some("a field without a value is \"\"".into());
                Err(mistake)
            }
            LiteralValue::Bytes(_) | LiteralValue::Double(_) | LiteralValue::UInt(_) => {
                Err(self.mistake(e, "a policy knows strings, whole numbers and truth"))
            }
        }
    }

    fn ident(&self, e: &IdedExpr, name: &str) -> Result<Found, Mistake> {
        let bound = self.bound.iter().rev().find(|(n, _)| n == name);
        let found = bound
            .map(|(_, found)| found)
            .or_else(|| self.names.known.get(name));
        found.cloned().ok_or_else(|| {
            let mut mistake = self.mistake(e, format!("there is no `{name}` here"));
            let all = self.names.all().filter(|n| !n.starts_with('@'));
            let bound = self.bound.iter().map(|(n, _)| n.as_str());
            let all: Vec<&str> = all.chain(bound).collect();
            let near = did_you_mean(name, all.iter().copied());
            mistake.help = near.or_else(|| Some(format!("there are {}", all.join(", "))));
            mistake
        })
    }

    fn select(
        &self,
        e: &IdedExpr,
        operand: &Found,
        of: &Expr,
        field: &str,
    ) -> Result<Found, Mistake> {
        let cost = plus(operand.cost, 1);
        match &operand.kind {
            Kind::Record(shape) => {
                let kind = shape.field(field).ok_or_else(|| {
                    let article = match shape.name.starts_with(['A', 'E', 'I', 'O']) {
                        true => "an",
                        false => "a",
                    };
                    let message = format!("{article} {} has no `{field}`", shape.name);
                    let mut mistake = self.of_field(e, field, message);
                    let fields = shape.fields.iter().map(|(name, _, _)| *name);
                    let fields: Vec<&str> = fields.collect();
                    let near = did_you_mean(field, fields.iter().copied());
                    mistake.help = near.or_else(|| Some(format!("it has {}", fields.join(", "))));
                    mistake
                })?;
                Ok(of_type(kind.into(), cost))
            }
            Kind::Map(kind) => {
                self.key(e, of, field)?;
                Ok(of_type((**kind).clone(), cost))
            }
            kind => Err(self.of_field(e, field, format!("{} has no fields", kind.words()))),
        }
    }

    /// A key that is written out, of a map whose keys are known.
    fn key(&self, e: &IdedExpr, of: &Expr, key: &str) -> Result<(), Mistake> {
        let Expr::Ident(name) = of else {
            return Ok(());
        };
        let Some(keys) = self.names.keys.get(name) else {
            return Ok(());
        };
        if self.bound.iter().any(|(n, _)| n == name) || keys.contains(key) {
            return Ok(());
        }
        let mut mistake = self.of_field(e, key, format!("`{name}` has no `{key}`"));
        mistake.help = did_you_mean(key, keys.iter().map(String::as_str))
            .or_else(|| Some("name one that there is".into()));
        Err(mistake)
    }

    fn call(&mut self, e: &IdedExpr, call: &CallExpr, depth: usize) -> Result<Found, Mistake> {
        let mut args = Vec::new();
        for arg in call.target.iter().map(AsRef::as_ref).chain(&call.args) {
            args.push((arg, self.expr(arg, depth)?));
        }
        let cost = args.iter().fold(1, |sum, (_, found)| plus(sum, found.cost));
        let kinds: Vec<&Kind> = args.iter().map(|(_, found)| &found.kind).collect();
        let size = |index: usize| args.get(index).map_or(0, |(_, found)| found.size);
        let truth = |cost| Ok(scalar(Kind::Truth, cost));
        match (
            call.func_name.as_str(),
            call.target.is_some(),
            kinds.as_slice(),
        ) {
            (operators::LOGICAL_AND | operators::LOGICAL_OR, _, [Kind::Truth, Kind::Truth]) => {
                truth(cost)
            }
            (operators::LOGICAL_NOT | operators::NOT_STRICTLY_FALSE, _, [Kind::Truth]) => {
                truth(cost)
            }
            (operators::CONDITIONAL, _, [Kind::Truth, a, b]) => {
                let kind = a.with(b).ok_or_else(|| {
                    self.mistake(e, format!("`? :` gives {} or {}", a.words(), b.words()))
                })?;
                Ok(Found {
                    kind,
                    cost,
                    size: size(1).max(size(2)),
                    literal: None,
                    deep: 0,
                })
            }
            (operators::EQUALS | operators::NOT_EQUALS, _, [a, b]) => {
                let comparable = a.with(b).is_some_and(|kind| is_plain(&kind));
                match comparable {
                    // A string is read many characters at a step, a list element by element.
                    true if matches!(a, Kind::Text) => {
                        truth(plus(cost, size(0).max(size(1)) / TEXT))
                    }
                    true => truth(plus(cost, size(0).max(size(1)))),
                    false => {
                        let message = format!("{} and {} cannot be compared", a.words(), b.words());
                        let mut mistake = self.mistake(e, message);
                        let help = match a.with(b) {
                            Some(_) => "compare their fields, or their sizes",
                            None => "compare what is of one type",
                        };
                        mistake.help = Some(help.into());
                        Err(mistake)
                    }
                }
            }
            (
                operators::LESS
                | operators::LESS_EQUALS
                | operators::GREATER
                | operators::GREATER_EQUALS,
                _,
                [Kind::Text, Kind::Text] | [Kind::Number, Kind::Number],
            ) => truth(cost),
            (operators::IN, _, [Kind::Text, Kind::Map(_)]) => truth(cost),
            (operators::IN, _, [a, Kind::List(of)]) if a.with(of).is_some() && is_plain(a) => {
                truth(plus(cost, size(1)))
            }
            (operators::ADD, _, [Kind::Text, Kind::Text]) => {
                let size = plus(size(0), size(1));
                match size > LONGEST {
                    true => Err(self.mistake(e, "the string may become too long")),
                    false => Ok(Found {
                        kind: Kind::Text,
                        cost: plus(cost, size / TEXT),
                        size,
                        literal: None,
                        deep: 0,
                    }),
                }
            }
            (operators::ADD, _, [a @ Kind::List(_), b @ Kind::List(_)]) if a.with(b).is_some() => {
                let size = plus(size(0), size(1));
                Ok(Found {
                    kind: a.with(b).unwrap_or(Kind::Nothing),
                    cost: plus(cost, size),
                    size,
                    literal: None,
                    deep: 0,
                })
            }
            (
                operators::ADD
                | operators::SUBSTRACT
                | operators::MULTIPLY
                | operators::DIVIDE
                | operators::MODULO,
                _,
                [Kind::Number, Kind::Number],
            )
            | (operators::NEGATE, _, [Kind::Number]) => Ok(scalar(Kind::Number, cost)),
            (operators::INDEX, _, [Kind::List(of), Kind::Number]) => {
                Ok(of_type((**of).clone(), cost))
            }
            (operators::INDEX, _, [Kind::Map(of), Kind::Text]) => {
                if let [
                    (map, _),
                    (
                        index,
                        Found {
                            literal: Some(key), ..
                        },
                    ),
                ] = args.as_slice()
                {
                    self.key(index, &map.expr, key)?;
                }
                Ok(of_type((**of).clone(), cost))
            }
            (operators::INDEX, _, [Kind::Record(_), Kind::Text]) => match args.as_slice() {
                [
                    (of, operand),
                    (
                        index,
                        Found {
                            literal: Some(key), ..
                        },
                    ),
                ] => self.select(index, operand, &of.expr, key),
                _ => Err(self.mistake(e, "a field is named by a string that is written out")),
            },
            ("size", _, [Kind::Text | Kind::List(_) | Kind::Map(_)]) => {
                Ok(scalar(Kind::Number, cost))
            }
            ("startsWith" | "endsWith" | "contains", true, [Kind::Text, Kind::Text]) => {
                truth(plus(cost, size(0) / TEXT))
            }
            ("matches", true, [Kind::Text, Kind::Text]) => {
                let pattern = args
                    .get(1)
                    .and_then(|(at, found)| Some((at, found.literal.as_ref()?)));
                let Some((at, pattern)) = pattern else {
                    let mut mistake =
                        self.mistake(e, "the pattern is a string that is written out");
                    mistake.help = Some(
                        "write it in quotes, or ask with startsWith, endsWith or contains".into(),
                    );
                    return Err(mistake);
                };
                match self::pattern(pattern) {
                    Ok(_) => truth(plus(cost, size(0) / TEXT)),
                    Err(error) => {
                        let words = error.to_string();
                        let last = words.lines().last().unwrap_or_default();
                        let last = last.trim_start_matches("error: ").trim_end_matches('.');
                        let mut mistake =
                            self.mistake(at, format!("the pattern cannot be used: {last}"));
                        mistake.help = Some("close what is open, and repeat less".into());
                        Err(mistake)
                    }
                }
            }
            (name, _, kinds) => {
                let words: Vec<String> = kinds.iter().map(|kind| kind.words()).collect();
                let shown = name.trim_matches(['_', '@']).replace("_", " ");
                let mut mistake = self.mistake(
                    e,
                    format!(
                        "`{}` does not go with {}",
                        shown.trim(),
                        words.join(" and ")
                    ),
                );
                mistake.help = Some(
                    "there are && || ! == != < <= > >= + - * / % in ?: [] size startsWith endsWith contains matches has all exists exists_one filter map"
                        .into(),
                );
                Err(mistake)
            }
        }
    }

    /// What `all`, `exists`, `exists_one`, `filter` and `map` come to.
    fn comprehension(
        &mut self,
        e: &IdedExpr,
        c: &ComprehensionExpr,
        depth: usize,
    ) -> Result<Found, Mistake> {
        if c.iter_var2.is_some() {
            return Err(self.mistake(e, "a macro over a map takes one name: that of the key"));
        }
        let taken = self.names.has(&c.iter_var) || self.bound.iter().any(|(n, _)| *n == c.iter_var);
        if taken {
            let message = format!("`{}` means something else already", c.iter_var);
            let mut mistake = self.mistake(e, message);
            mistake.help = Some("take another name".into());
            return Err(mistake);
        }
        let range = self.expr(&c.iter_range, depth)?;
        let element = match &range.kind {
            Kind::List(of) => (**of).clone(),
            Kind::Map(_) => Kind::Text,
            kind => {
                let message = format!("{} has no elements", kind.words());
                return Err(self.mistake(&c.iter_range, message));
            }
        };
        let begin = self.expr(&c.accu_init, depth)?;
        let height = self.bound.len();
        self.bound.push((c.iter_var.clone(), of_type(element, 1)));
        let accumulator = Found {
            size: range.size,
            cost: 1,
            literal: None,
            deep: 0,
            kind: begin.kind.clone(),
        };
        self.bound.push((c.accu_var.clone(), accumulator));
        let condition = self.expr(&c.loop_cond, depth);
        let step = self.expr(&c.loop_step, depth);
        let (condition, step) = (condition?, step?);
        let kind = begin.kind.with(&step.kind).ok_or_else(|| {
            self.mistake(
                e,
                format!("{} is not {}", step.kind.words(), begin.kind.words()),
            )
        })?;
        if condition.kind != Kind::Truth {
            return Err(self.mistake(e, "a macro asks for true or false"));
        }
        // As long as its steps make it.
        let long = match &kind {
            Kind::List(_) => range.size,
            Kind::Text => step.size.saturating_mul(range.size),
            Kind::Number | Kind::Truth | Kind::Nothing | Kind::Map(_) | Kind::Record(_) => 1,
        };
        let inner = match &kind {
            // Appending copies nothing: CEL's evaluator adds to the list in place.
            Kind::List(_) => step.cost.saturating_sub(range.size).max(1),
            _ => step.cost,
        };
        self.bound.truncate(height + 1);
        let accumulated = Found {
            kind,
            cost: 1,
            size: long,
            literal: None,
            deep: 0,
        };
        self.bound.push((c.accu_var.clone(), accumulated));
        let result = self.expr(&c.result, depth);
        self.bound.truncate(height);
        let result = result?;
        let each = plus(condition.cost, inner);
        let cost = plus(
            plus(range.cost, begin.cost),
            plus(result.cost, each.saturating_mul(range.size)),
        );
        Ok(Found { cost, ..result })
    }
}

/// Strings, numbers, truth, and lists of them.
fn is_plain(kind: &Kind) -> bool {
    match kind {
        Kind::Text | Kind::Number | Kind::Truth | Kind::Nothing => true,
        Kind::List(of) => is_plain(of),
        Kind::Map(_) | Kind::Record(_) => false,
    }
}

fn scalar(kind: Kind, cost: u64) -> Found {
    Found {
        kind,
        cost,
        size: 1,
        literal: None,
        deep: 0,
    }
}

fn of_type(kind: Kind, cost: u64) -> Found {
    let size = match kind {
        Kind::Text => TEXT,
        Kind::List(_) | Kind::Map(_) => FEW,
        Kind::Number | Kind::Truth | Kind::Nothing | Kind::Record(_) => 1,
    };
    Found {
        kind,
        cost,
        size,
        literal: None,
        deep: 0,
    }
}

fn plus(a: u64, b: u64) -> u64 {
    a.saturating_add(b)
}

fn length(text: &str) -> u64 {
    u64::try_from(text.len()).unwrap_or(u64::MAX)
}
