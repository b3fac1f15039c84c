//! An expression that was checked → what it says of values, in steps that are counted.
//!
//! Decision: the language is CEL's and so is its parser; the evaluation is this. It ends after so many
//! steps whatever it is asked of, knows nothing that the checker does not know, works a variable out
//! once, and copies no record.

use super::value::Value;
use cel::IdedExpr;
use cel::common::ast::{CallExpr, ComprehensionExpr, Expr, LiteralValue, operators};
use regex::Regex;
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Longest string that may come of adding strings, in bytes.
const LONGEST: usize = 1 << 20;
/// Characters that are read in one step.
const STRIDE: usize = 64;

/// A part of an expression.
#[derive(Debug, Clone)]
pub enum Node {
    /// A string that is written out.
    Text(Box<str>),
    /// A number that is written out.
    Number(i64),
    /// `true` or `false`.
    Truth(bool),
    /// A list that is written out.
    List(Vec<Node>),
    /// A name of the policy's surroundings.
    Name(Box<str>, Hint),
    /// A variable of the policy, by number.
    Variable(usize),
    /// The name a macro gives to each element; so many macros further out.
    Bound(usize),
    /// A field of a record, or what a map has under a key.
    Field(Box<Node>, Box<str>, Hint),
    /// Whether there is one.
    Has(Box<Node>, Box<str>),
    /// Both.
    And(Box<[Node; 2]>),
    /// Either.
    Or(Box<[Node; 2]>),
    /// The one or the other.
    If(Box<[Node; 3]>),
    /// What an operator or function makes of values.
    Call(Op, Vec<Node>),
    /// Whether a string fits a pattern.
    Matches(Box<Node>, Box<Regex>),
    /// A macro over a list or the keys of a map.
    Each(Each, Box<Loop>),
}

impl Node {
    /// Notes every field and key that is named in it.
    pub fn fields(&self, found: &mut BTreeSet<String>) {
        match self {
            Self::Text(_)
            | Self::Number(_)
            | Self::Truth(_)
            | Self::Name(..)
            | Self::Variable(_)
            | Self::Bound(_) => {}
            Self::List(nodes) => nodes.iter().for_each(|node| node.fields(found)),
            Self::Call(op, nodes) => {
                nodes.iter().for_each(|node| node.fields(found));
                if let (Op::Index, [_, Self::Text(key)]) = (op, nodes.as_slice()) {
                    found.insert(key.to_string());
                }
            }
            Self::Field(of, name, _) | Self::Has(of, name) => {
                of.fields(found);
                found.insert(name.to_string());
            }
            Self::And(both) | Self::Or(both) => both.iter().for_each(|node| node.fields(found)),
            Self::If(parts) => parts.iter().for_each(|node| node.fields(found)),
            Self::Matches(of, _) => of.fields(found),
            Self::Each(_, parts) => {
                let Loop { over, holds, gives } = &**parts;
                [over, holds, gives]
                    .into_iter()
                    .for_each(|node| node.fields(found));
            }
        }
    }
}

/// What an operator or function does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "their names say it")]
pub enum Op {
    Not,
    Equals,
    Differs,
    Less,
    LessEquals,
    Greater,
    GreaterEquals,
    In,
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Negate,
    Index,
    Size,
    StartsWith,
    EndsWith,
    Contains,
}

/// What a macro makes of its elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Each {
    /// Whether it holds for all.
    All,
    /// Whether it holds for any.
    Exists,
    /// Whether it holds for exactly one.
    ExistsOne,
    /// What comes of those for which it holds: `filter` and `map`.
    Collect,
}

/// Where a name was found the last time: mostly it is there again.
#[derive(Debug, Default)]
pub struct Hint(AtomicUsize);

impl Hint {
    /// The place of a name: where it was, or where it is now.
    fn find(
        &self,
        is_at: impl Fn(usize) -> bool,
        search: impl Fn() -> Option<usize>,
    ) -> Option<usize> {
        let hint = self.0.load(Relaxed);
        if is_at(hint) {
            return Some(hint);
        }
        let found = search()?;
        self.0.store(found, Relaxed);
        Some(found)
    }
}

impl Clone for Hint {
    fn clone(&self) -> Self {
        Self(AtomicUsize::new(self.0.load(Relaxed)))
    }
}

/// A macro's parts.
#[derive(Debug, Clone)]
pub struct Loop {
    over: Node,
    holds: Node,
    gives: Node,
}

/// Why an evaluation came to nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)]
pub enum Fault {
    #[error("there is no `{0}` in a map; ask first whether it is `in` it")]
    Missing(String),
    #[error("there is no element {0} in a list of {1}; ask first: `size(…) > {0}`")]
    Outside(i64, usize),
    #[error("a number is divided by 0")]
    Division,
    #[error("a number becomes too great")]
    Overflow,
    #[error("a string becomes longer than {LONGEST} bytes")]
    Long,
    #[error("it takes more than {0} steps")]
    Steps(u64),
    #[error("`{0}` is not known")]
    Unknown(String),
    #[error("`{0}` is asked of what it does not go with")]
    Type(&'static str),
}

impl Fault {
    /// Of two the one that says more: that a name is not known yet may still turn out well.
    fn or(self, other: Self) -> Self {
        match (&self, &other) {
            (Self::Steps(_) | Self::Unknown(_), _) => self,
            (_, Self::Steps(_) | Self::Unknown(_)) => other,
            _ => self,
        }
    }
}

/// What an expression comes to.
#[derive(Debug, Clone)]
pub enum Val<'v> {
    /// A string.
    Text(Words<'v>),
    /// A whole number.
    Number(i64),
    /// True or false.
    Truth(bool),
    /// A list that the expression made.
    Made(Arc<Vec<Val<'v>>>),
    /// A list, map or record that it was given.
    Given(&'v Value<'v>),
}

/// A string: one that was given, or one that an expression made. Neither is copied again.
#[derive(Debug, Clone)]
pub enum Words<'v> {
    /// Given.
    Given(&'v str),
    /// Made.
    Made(Arc<str>),
}

impl Deref for Words<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Self::Given(text) => text,
            Self::Made(text) => text,
        }
    }
}

/// Lowers an expression that was checked; none where it holds something the checker lets nowhere through.
///
/// `variables` are the policy's, in the order of their numbers.
pub fn lower(expression: &IdedExpr, variables: &[&str]) -> Option<Node> {
    let bound = Vec::new();
    Lowering { variables, bound }.node(expression)
}

struct Lowering<'e> {
    variables: &'e [&'e str],
    bound: Vec<&'e str>,
}

impl<'e> Lowering<'e> {
    fn boxed(&mut self, e: &'e IdedExpr) -> Option<Box<Node>> {
        self.node(e).map(Box::new)
    }

    fn node(&mut self, e: &'e IdedExpr) -> Option<Node> {
        Some(match &e.expr {
            Expr::Literal(LiteralValue::Boolean(truth)) => Node::Truth(*truth.inner()),
            Expr::Literal(LiteralValue::Int(number)) => Node::Number(*number.inner()),
            Expr::Literal(LiteralValue::String(text)) => Node::Text(text.inner().into()),
            Expr::Literal(
                LiteralValue::Bytes(_)
                | LiteralValue::Double(_)
                | LiteralValue::UInt(_)
                | LiteralValue::Null,
            ) => return None,
            Expr::Ident(name) => {
                let bound = self.bound.iter().rev().position(|n| n == name);
                let variable = self.variables.iter().position(|n| n == name);
                match (bound, variable) {
                    (Some(out), _) => Node::Bound(out),
                    (None, Some(number)) => Node::Variable(number),
                    (None, None) => Node::Name(name.as_str().into(), Hint::default()),
                }
            }
            Expr::Select(select) => {
                let of = self.boxed(&select.operand)?;
                let field = select.field.as_str().into();
                match select.test {
                    true => Node::Has(of, field),
                    false => Node::Field(of, field, Hint::default()),
                }
            }
            Expr::List(list) => {
                let elements = list.elements.iter();
                Node::List(elements.map(|e| self.node(e)).collect::<Option<_>>()?)
            }
            Expr::Call(call) => self.call(call)?,
            Expr::Comprehension(comprehension) => self.each(comprehension)?,
            Expr::Map(_) | Expr::Struct(_) | Expr::Unspecified => return None,
        })
    }

    fn call(&mut self, call: &'e CallExpr) -> Option<Node> {
        let args = call.target.iter().map(AsRef::as_ref).chain(&call.args);
        let args: Vec<&IdedExpr> = args.collect();
        let name = call.func_name.as_str();
        Some(match (name, args.as_slice()) {
            (operators::LOGICAL_AND, [a, b]) => Node::And(Box::new([self.node(a)?, self.node(b)?])),
            (operators::LOGICAL_OR, [a, b]) => Node::Or(Box::new([self.node(a)?, self.node(b)?])),
            (operators::CONDITIONAL, [a, b, c]) => {
                Node::If(Box::new([self.node(a)?, self.node(b)?, self.node(c)?]))
            }
            ("matches", [text, pattern]) => {
                let Expr::Literal(LiteralValue::String(pattern)) = &pattern.expr else {
                    return None;
                };
                let text = self.boxed(text)?;
                Node::Matches(text, Box::new(super::check::pattern(pattern.inner()).ok()?))
            }
            (name, args) => {
                let op = op(name)?;
                let args = args.iter().map(|arg| self.node(arg));
                Node::Call(op, args.collect::<Option<_>>()?)
            }
        })
    }

    /// What a macro was before it was written out; its accumulator begins with what tells which it is.
    fn each(&mut self, c: &'e ComprehensionExpr) -> Option<Node> {
        let over = self.node(&c.iter_range)?;
        let step = match &c.loop_step.expr {
            Expr::Call(step) => step.args.as_slice(),
            _ => return None,
        };
        let always = Node::Truth(true);
        let appended = |e: &'e IdedExpr| -> Option<&'e IdedExpr> {
            let Expr::Call(add) = &e.expr else {
                return None;
            };
            match &add.args.as_slice() {
                [_, last] => match &last.expr {
                    Expr::List(list) => list.elements.first(),
                    _ => None,
                },
                _ => None,
            }
        };
        self.bound.push(&c.iter_var);
        let parts = match (&c.accu_init.expr, step) {
            (Expr::Literal(LiteralValue::Boolean(begin)), [_, holds]) => {
                let each = match begin.inner() {
                    true => Each::All,
                    false => Each::Exists,
                };
                self.node(holds).map(|holds| (each, holds, always))
            }
            (Expr::Literal(LiteralValue::Int(_)), [holds, _, _]) => self
                .node(holds)
                .map(|holds| (Each::ExistsOne, holds, always)),
            (Expr::List(_), [holds, step, _]) => {
                let gives = appended(step).and_then(|e| self.node(e));
                let holds = self.node(holds);
                gives
                    .zip(holds)
                    .map(|(gives, holds)| (Each::Collect, holds, gives))
            }
            (Expr::List(_), [_, _]) => {
                let gives = appended(&c.loop_step).and_then(|e| self.node(e));
                gives.map(|gives| (Each::Collect, always, gives))
            }
            _ => None,
        };
        self.bound.pop();
        let (each, holds, gives) = parts?;
        Some(Node::Each(each, Box::new(Loop { over, holds, gives })))
    }
}

fn op(name: &str) -> Option<Op> {
    Some(match name {
        operators::LOGICAL_NOT => Op::Not,
        operators::EQUALS => Op::Equals,
        operators::NOT_EQUALS => Op::Differs,
        operators::LESS => Op::Less,
        operators::LESS_EQUALS => Op::LessEquals,
        operators::GREATER => Op::Greater,
        operators::GREATER_EQUALS => Op::GreaterEquals,
        operators::IN => Op::In,
        operators::ADD => Op::Add,
        operators::SUBSTRACT => Op::Subtract,
        operators::MULTIPLY => Op::Multiply,
        operators::DIVIDE => Op::Divide,
        operators::MODULO => Op::Modulo,
        operators::NEGATE => Op::Negate,
        operators::INDEX => Op::Index,
        "size" => Op::Size,
        "startsWith" => Op::StartsWith,
        "endsWith" => Op::EndsWith,
        "contains" => Op::Contains,
        _ => return None,
    })
}

impl<'v> Val<'v> {
    fn of(value: &'v Value<'v>) -> Self {
        match value {
            Value::Text(text) => Self::Text(Words::Given(text)),
            Value::Number(number) => Self::Number(*number),
            Value::Truth(truth) => Self::Truth(*truth),
            Value::List(_) | Value::Map(_) | Value::Lazy(_) | Value::Record(_) => {
                Self::Given(value)
            }
        }
    }

    /// How many elements a list or map has.
    fn count(&self) -> Option<usize> {
        match self {
            Self::Made(list) => Some(list.len()),
            Self::Given(Value::List(list)) => Some(list.0.len()),
            Self::Given(Value::Map(map)) => Some(map.0.len()),
            Self::Given(Value::Lazy(lazy)) => Some(lazy.keys().len()),
            Self::Given(_) | Self::Text(_) | Self::Number(_) | Self::Truth(_) => None,
        }
    }

    /// An element of a list, or a key of a map.
    fn element(&self, index: usize) -> Option<Self> {
        match self {
            Self::Made(list) => list.get(index).cloned(),
            Self::Given(Value::List(list)) => list.0.get(index).map(Self::of),
            Self::Given(Value::Map(map)) => {
                let found = map.0.get(index);
                found.map(|(key, _)| Self::Text(Words::Given(key)))
            }
            Self::Given(Value::Lazy(lazy)) => {
                let found = lazy.keys().get(index);
                found.map(|key| Self::Text(Words::Given(key)))
            }
            Self::Given(_) | Self::Text(_) | Self::Number(_) | Self::Truth(_) => None,
        }
    }

    fn is_map(&self) -> bool {
        matches!(self, Self::Given(Value::Map(_) | Value::Lazy(_)))
    }
}

/// One evaluation, or several that are about the same.
pub struct Evaluation<'v> {
    names: &'v [(&'static str, &'v Value<'v>)],
    variables: &'v [Node],
    /// What variables came to, as far as they were asked for.
    known: Vec<Option<Result<Val<'v>, Fault>>>,
    bound: Vec<Val<'v>>,
    steps: u64,
    most: u64,
    /// Where strings are put together.
    scratch: String,
}

impl<'v> Evaluation<'v> {
    /// Begins; each of its evaluations ends after so many steps.
    pub fn new(
        names: &'v [(&'static str, &'v Value<'v>)],
        variables: &'v [Node],
        most: u64,
    ) -> Self {
        Self {
            names,
            variables,
            known: vec![None; variables.len()],
            bound: Vec::new(),
            steps: 0,
            most,
            scratch: String::new(),
        }
    }

    /// Whether an expression holds.
    ///
    /// # Errors
    /// Why that cannot be told.
    pub fn holds(&mut self, node: &'v Node) -> Result<bool, Fault> {
        self.steps = 0;
        self.truth(node)
    }

    /// What an expression comes to.
    ///
    /// # Errors
    /// Why that cannot be told.
    pub fn value(&mut self, node: &'v Node) -> Result<Val<'v>, Fault> {
        self.steps = 0;
        self.eval(node)
    }

    fn step(&mut self, steps: usize) -> Result<(), Fault> {
        let steps = u64::try_from(steps).unwrap_or(u64::MAX);
        self.steps = self.steps.saturating_add(steps);
        match self.steps > self.most {
            true => Err(Fault::Steps(self.most)),
            false => Ok(()),
        }
    }

    fn truth(&mut self, node: &'v Node) -> Result<bool, Fault> {
        match self.eval(node)? {
            Val::Truth(truth) => Ok(truth),
            _ => Err(Fault::Type("true or false")),
        }
    }

    /// What of two decides alone, whatever becomes of the other: false of `&&`, true of `||`.
    fn either(&mut self, [a, b]: &'v [Node; 2], decides: bool) -> Result<bool, Fault> {
        let first = self.truth(a);
        if first == Ok(decides) {
            return Ok(decides);
        }
        match (first, self.truth(b)) {
            (_, Ok(second)) if second == decides => Ok(decides),
            (Err(first), Err(second)) => Err(first.or(second)),
            (Ok(_), second) => second,
            (first, Ok(_)) => first,
        }
    }

    fn eval(&mut self, node: &'v Node) -> Result<Val<'v>, Fault> {
        self.step(1)?;
        Ok(match node {
            Node::Text(text) => Val::Text(Words::Given(text)),
            Node::Number(number) => Val::Number(*number),
            Node::Truth(truth) => Val::Truth(*truth),
            Node::List(nodes) => {
                let each = nodes.iter().map(|node| self.eval(node));
                Val::Made(Arc::new(each.collect::<Result<_, _>>()?))
            }
            Node::Name(name, hint) => {
                let names = self.names;
                let is_at = |at: usize| names.get(at).is_some_and(|(n, _)| *n == &**name);
                let place = hint.find(is_at, || names.iter().rposition(|(n, _)| *n == &**name));
                let found = place.and_then(|place| names.get(place));
                let (_, value) = found.ok_or_else(|| Fault::Unknown(name.to_string()))?;
                Val::of(value)
            }
            Node::Variable(number) => self.variable(*number)?,
            Node::Bound(out) => {
                let index = self.bound.len().checked_sub(out + 1);
                let found = index.and_then(|index| self.bound.get(index));
                found.cloned().ok_or(Fault::Type("a macro's name"))?
            }
            Node::Field(of, name, hint) => match self.eval(of)? {
                Val::Given(Value::Record(record)) => {
                    let is_at = |at: usize| record.shape().is_at(at, name);
                    let place = hint.find(is_at, || record.shape().place(name));
                    let value = place.and_then(|place| record.nth(place));
                    value.map(Val::of).ok_or(Fault::Type("a field"))?
                }
                of => field(&of, name)?,
            },
            Node::Has(of, name) => match self.eval(of)? {
                Val::Given(Value::Record(record)) => Val::Truth(record.get(name).is_some()),
                Val::Given(Value::Map(map)) => Val::Truth(map.get(name).is_some()),
                Val::Given(Value::Lazy(lazy)) => Val::Truth(lazy.has(name)),
                _ => return Err(Fault::Type("has")),
            },
            Node::And(both) => Val::Truth(self.either(both, false)?),
            Node::Or(both) => Val::Truth(self.either(both, true)?),
            Node::If(parts) => {
                let [when, yes, no] = &**parts;
                match self.truth(when)? {
                    true => self.eval(yes)?,
                    false => self.eval(no)?,
                }
            }
            Node::Call(op, args) => self.call(*op, args)?,
            Node::Matches(text, pattern) => match self.eval(text)? {
                Val::Text(text) => {
                    self.step(text.len() / STRIDE)?;
                    Val::Truth(pattern.is_match(&text))
                }
                _ => return Err(Fault::Type("matches")),
            },
            Node::Each(each, parts) => self.each(*each, parts)?,
        })
    }

    fn variable(&mut self, number: usize) -> Result<Val<'v>, Fault> {
        if let Some(Some(known)) = self.known.get(number) {
            return known.clone();
        }
        let node = self.variables.get(number);
        let node = node.ok_or(Fault::Type("a variable"))?;
        let value = self.eval(node);
        // That the steps ran out says something of who asked, not of the variable.
        if let (Some(slot), false) = (
            self.known.get_mut(number),
            matches!(value, Err(Fault::Steps(_))),
        ) {
            *slot = Some(value.clone());
        }
        value
    }

    fn call(&mut self, op: Op, args: &'v [Node]) -> Result<Val<'v>, Fault> {
        let mut values = args.iter().map(|arg| self.eval(arg));
        let first = values.next().ok_or(Fault::Type("a call"))??;
        let second = values.next().transpose()?;
        let Some(second) = second else {
            return match (op, &first) {
                (Op::Not, Val::Truth(truth)) => Ok(Val::Truth(!truth)),
                (Op::Negate, Val::Number(number)) => {
                    Ok(Val::Number(number.checked_neg().ok_or(Fault::Overflow)?))
                }
                (Op::Size, Val::Text(text)) => {
                    self.step(text.len() / STRIDE)?;
                    Ok(Val::Number(number(text.chars().count())))
                }
                (Op::Size, value) => Ok(Val::Number(number(
                    value.count().ok_or(Fault::Type("size"))?,
                ))),
                _ => Err(Fault::Type("a sign")),
            };
        };
        match (op, &first, &second) {
            (Op::Equals, a, b) => Ok(Val::Truth(self.equal(a, b)?)),
            (Op::Differs, a, b) => Ok(Val::Truth(!self.equal(a, b)?)),
            (Op::Less | Op::LessEquals | Op::Greater | Op::GreaterEquals, a, b) => {
                let order = match (a, b) {
                    (Val::Text(a), Val::Text(b)) => (**a).cmp(&**b),
                    (Val::Number(a), Val::Number(b)) => a.cmp(b),
                    _ => return Err(Fault::Type("a comparison")),
                };
                Ok(Val::Truth(match op {
                    Op::Less => order == Ordering::Less,
                    Op::LessEquals => order != Ordering::Greater,
                    Op::Greater => order == Ordering::Greater,
                    _ => order != Ordering::Less,
                }))
            }
            (Op::In, Val::Text(key), Val::Given(Value::Map(map))) => {
                Ok(Val::Truth(map.get(key).is_some()))
            }
            (Op::In, Val::Text(key), Val::Given(Value::Lazy(lazy))) => {
                Ok(Val::Truth(lazy.has(key)))
            }
            (Op::In, value, Val::Made(list)) => {
                for element in list.iter() {
                    self.step(1)?;
                    if self.equal(value, element)? {
                        return Ok(Val::Truth(true));
                    }
                }
                Ok(Val::Truth(false))
            }
            (Op::In, value, list) => {
                let count = list.count().ok_or(Fault::Type("in"))?;
                for index in 0..count {
                    self.step(1)?;
                    if let Some(element) = list.element(index)
                        && self.equal(value, &element)?
                    {
                        return Ok(Val::Truth(true));
                    }
                }
                Ok(Val::Truth(false))
            }
            (Op::Add, Val::Text(a), Val::Text(b)) => {
                let length = a.len() + b.len();
                self.step(length / STRIDE)?;
                match length > LONGEST {
                    true => Err(Fault::Long),
                    false => {
                        self.scratch.clear();
                        self.scratch.push_str(a);
                        self.scratch.push_str(b);
                        Ok(Val::Text(Words::Made(self.scratch.as_str().into())))
                    }
                }
            }
            (Op::Add, Val::Number(a), Val::Number(b)) => checked(a.checked_add(*b)),
            (Op::Add, a, b) if !a.is_map() && !b.is_map() => {
                let (first, second) = a.count().zip(b.count()).ok_or(Fault::Type("+"))?;
                self.step(first.saturating_add(second))?;
                let elements = (0..first).filter_map(|i| a.element(i));
                let elements = elements.chain((0..second).filter_map(|i| b.element(i)));
                Ok(Val::Made(Arc::new(elements.collect())))
            }
            (Op::Subtract, Val::Number(a), Val::Number(b)) => checked(a.checked_sub(*b)),
            (Op::Multiply, Val::Number(a), Val::Number(b)) => checked(a.checked_mul(*b)),
            (Op::Divide | Op::Modulo, Val::Number(_), Val::Number(0)) => Err(Fault::Division),
            (Op::Divide, Val::Number(a), Val::Number(b)) => checked(a.checked_div(*b)),
            (Op::Modulo, Val::Number(a), Val::Number(b)) => checked(a.checked_rem(*b)),
            (Op::Index, of, Val::Text(key)) => field(of, key),
            (Op::Index, list, Val::Number(index)) if !list.is_map() => {
                let count = list.count().ok_or(Fault::Type("[]"))?;
                let found = usize::try_from(*index).ok().and_then(|i| list.element(i));
                found.ok_or(Fault::Outside(*index, count))
            }
            (Op::StartsWith, Val::Text(a), Val::Text(b)) => Ok(Val::Truth(a.starts_with(&**b))),
            (Op::EndsWith, Val::Text(a), Val::Text(b)) => Ok(Val::Truth(a.ends_with(&**b))),
            (Op::Contains, Val::Text(a), Val::Text(b)) => {
                self.step(a.len() / STRIDE)?;
                Ok(Val::Truth(a.contains(&**b)))
            }
            _ => Err(Fault::Type("an operator")),
        }
    }

    fn equal(&mut self, a: &Val<'v>, b: &Val<'v>) -> Result<bool, Fault> {
        match (a, b) {
            (Val::Text(a), Val::Text(b)) => {
                self.step(a.len().min(b.len()) / STRIDE)?;
                Ok(**a == **b)
            }
            (Val::Number(a), Val::Number(b)) => Ok(a == b),
            (Val::Truth(a), Val::Truth(b)) => Ok(a == b),
            (a, b) => {
                let counts = a.count().zip(b.count());
                let (first, second) = counts.ok_or(Fault::Type("=="))?;
                if first != second {
                    return Ok(false);
                }
                for index in 0..first {
                    self.step(1)?;
                    let pair = a.element(index).zip(b.element(index));
                    if let Some((a, b)) = pair
                        && !self.equal(&a, &b)?
                    {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
        }
    }

    fn each(&mut self, each: Each, parts: &'v Loop) -> Result<Val<'v>, Fault> {
        let over = self.eval(&parts.over)?;
        let count = over.count().ok_or(Fault::Type("a macro"))?;
        let height = self.bound.len();
        let result = self.elements(each, parts, &over, count);
        self.bound.truncate(height);
        result
    }

    fn elements(
        &mut self,
        each: Each,
        parts: &'v Loop,
        over: &Val<'v>,
        count: usize,
    ) -> Result<Val<'v>, Fault> {
        let mut pending: Option<Fault> = None;
        let mut held = 0usize;
        let mut made = Vec::new();
        let height = self.bound.len();
        for index in 0..count {
            self.step(1)?;
            let Some(element) = over.element(index) else {
                continue;
            };
            self.bound.truncate(height);
            self.bound.push(element);
            let holds = self.truth(&parts.holds);
            match (each, holds) {
                // An element that decides decides, whatever became of those before it.
                (Each::All, Ok(false)) => return Ok(Val::Truth(false)),
                (Each::Exists, Ok(true)) => return Ok(Val::Truth(true)),
                (_, Err(fault @ Fault::Steps(_))) => return Err(fault),
                (Each::All | Each::Exists, Err(fault)) => {
                    pending = Some(match pending {
                        Some(earlier) => earlier.or(fault),
                        None => fault,
                    });
                }
                (Each::All | Each::Exists, Ok(_)) => {}
                (Each::ExistsOne | Each::Collect, Err(fault)) => return Err(fault),
                (Each::ExistsOne | Each::Collect, Ok(false)) => {}
                (Each::ExistsOne, Ok(true)) => held += 1,
                (Each::Collect, Ok(true)) => made.push(self.eval(&parts.gives)?),
            }
        }
        match (each, pending) {
            (_, Some(fault)) => Err(fault),
            (Each::All, None) => Ok(Val::Truth(true)),
            (Each::Exists, None) => Ok(Val::Truth(false)),
            (Each::ExistsOne, None) => Ok(Val::Truth(held == 1)),
            (Each::Collect, None) => Ok(Val::Made(Arc::new(made))),
        }
    }
}

fn field<'v>(of: &Val<'v>, name: &str) -> Result<Val<'v>, Fault> {
    match of {
        Val::Given(Value::Record(record)) => {
            let value = record.get(name);
            value.map(Val::of).ok_or(Fault::Type("a field"))
        }
        Val::Given(Value::Map(map)) => {
            let value = map.get(name).map(Val::of);
            value.ok_or_else(|| Fault::Missing(name.to_owned()))
        }
        Val::Given(Value::Lazy(lazy)) => {
            let value = lazy.get(name).map(Val::of);
            value.ok_or_else(|| Fault::Missing(name.to_owned()))
        }
        _ => Err(Fault::Type("a field")),
    }
}

fn checked<'v>(number: Option<i64>) -> Result<Val<'v>, Fault> {
    number.map(Val::Number).ok_or(Fault::Overflow)
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
