//! One validation of a policy: an expression that was checked, and what to say where it is not true.

use super::check::{Kind, Mistake, Names, check};
use super::code::{Evaluation, Fault, Node, lower};
use super::value::Value;
use crate::catalog::Problem;
use crate::diagnostic::Code;
use crate::manifest::PolicySpec;
use crate::manifest::parse::Location;
use crate::manifest::policy::Validation;
use crate::template::{Nested, Template, TemplateError};
use cel::common::ast::{ComprehensionExpr, Expr};
use cel::{Env, IdedExpr, Program};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

/// Longest expression, in bytes.
const LONGEST: usize = 4096;
/// Most brackets, conditions and signs in one another: what the parser recurses on.
const MOST: usize = 32;
/// More than so many in one another are parsed on a stack of their own.
const SHALLOW: usize = 8;
/// Bytes of that stack: ten times what the deepest expression takes of it.
const STACK: usize = 32 << 20;

static ENV: LazyLock<Arc<Env>> =
    LazyLock::new(|| Arc::new(Env::stdlib().with_optional_support(false)));

/// A validation.
pub struct Rule {
    /// Which of the policy's.
    pub index: usize,
    expression: Node,
    message: Template,
    /// Names that the expression reads, its variables' among them.
    pub reads: BTreeSet<String>,
    /// Names that the message fills in.
    pub mentions: BTreeSet<String>,
}

/// Variables of a policy.
#[derive(Default)]
pub struct Variables {
    /// Their names; their place here is their number.
    names: Vec<String>,
    /// What they stand for.
    pub nodes: Vec<Node>,
    /// Names that each reads, those of its own variables among them.
    reads: Vec<BTreeSet<String>>,
    /// Steps that each may take.
    cost: Vec<u64>,
    /// Those that cannot be used, and are not numbered.
    broken: BTreeSet<String>,
}

impl Variables {
    fn is_broken(&self, reads: &BTreeSet<String>) -> bool {
        reads.iter().any(|read| self.broken.contains(read))
    }

    fn lower(&self, expression: &IdedExpr) -> Option<Node> {
        let names: Vec<&str> = self.names.iter().map(String::as_str).collect();
        lower(expression, &names)
    }

    /// What an expression reads where its variables are what they stand for, and what working these out may cost.
    fn through(&self, reads: BTreeSet<String>) -> (BTreeSet<String>, u64) {
        let (mut all, mut cost) = (reads.clone(), 0u64);
        for read in &reads {
            if let Some(number) = self.names.iter().position(|name| name == read) {
                all.extend(self.reads.get(number).into_iter().flatten().cloned());
            }
        }
        for (name, steps) in self.names.iter().zip(&self.cost) {
            if all.contains(name) {
                cost = cost.saturating_add(*steps);
            }
        }
        (all, cost)
    }
}

/// The values that names stand for.
#[derive(Default, Clone)]
pub struct Scope<'a>(pub Vec<(&'static str, &'a Value<'a>)>);

impl<'a> Scope<'a> {
    fn get(&self, name: &str) -> Option<&'a Value<'a>> {
        let found = self.0.iter().rev().find(|(n, _)| *n == name);
        found.map(|(_, value)| *value)
    }

    /// The same without some names.
    pub fn without(&self, names: &[&str]) -> Self {
        let rest = self.0.iter().filter(|(name, _)| !names.contains(name));
        Self(rest.copied().collect())
    }
}

/// What is wrong with an expression that was checked and is not understood all the same.
fn not_lowered(text: &str) -> Mistake {
    Mistake {
        at: (0, text.chars().count().max(1)),
        message: "the expression cannot be used".into(),
        help: None,
    }
}

/// Parses a text that is not too deep to be parsed.
fn parse(text: &str) -> Result<Program, Mistake> {
    let whole = |message: String| Mistake {
        at: (0, text.chars().count().max(1)),
        message,
        help: None,
    };
    if text.len() > LONGEST {
        return Err(whole(format!(
            "the expression is longer than {LONGEST} bytes"
        )));
    }
    let depth = depth(text);
    if depth > MOST {
        let message = format!(
            "the expression is nested too deeply: {MOST} brackets, conditions and signs at most"
        );
        return Err(Mistake {
            help: Some("say it in two validations, or use variables".into()),
            ..whole(message)
        });
    }
    if depth > SHALLOW {
        // Whoever calls may stand on a small stack.
        let parsed = std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().stack_size(STACK);
            let thread = thread.spawn_scoped(scope, || read(text));
            thread.ok().and_then(|thread| thread.join().ok())
        });
        return parsed.unwrap_or_else(|| Err(whole("the expression cannot be read".into())));
    }
    read(text)
}

fn read(text: &str) -> Result<Program, Mistake> {
    ENV.compile(text)
        .map_err(|errors| match errors.errors.first() {
            Some(error) => {
                let line = usize::try_from(error.pos.0).unwrap_or(1).max(1);
                let before = text.split_inclusive('\n').take(line - 1);
                let before: usize = before.map(|l| l.chars().count()).sum();
                let column = usize::try_from(error.pos.1).unwrap_or(1).max(1);
                Mistake {
                    at: (before + column - 1, 1),
                    message: syntax(error.msg.trim()),
                    help: Some(
                        "`countersign policy names` lists names, operators and functions".into(),
                    ),
                }
            }
            None => Mistake {
                at: (0, text.chars().count().max(1)),
                message: "the expression cannot be read".into(),
                help: None,
            },
        })
}

/// What the parser says, in words of people.
fn syntax(said: &str) -> String {
    let said = said.trim_start_matches("Syntax error: ");
    let quoted = said
        .split_once('\'')
        .and_then(|(_, rest)| rest.rsplit_once('\''));
    let token = quoted.map(|(inside, _)| inside.split("' expecting").next().unwrap_or(inside));
    match token {
        Some("<EOF>") => "the expression ends too early".into(),
        Some(token) if said.starts_with("token recognition") => {
            format!("`{}` is no part of the language", token.trim())
        }
        Some(token) if !token.is_empty() => format!("`{token}` does not belong here"),
        Some(_) | None => format!("the expression cannot be read: {said}"),
    }
}

/// How many brackets, conditions and signs stand in one another at most; strings are not told apart,
/// because what would be one to us may be none to the parser.
fn depth(text: &str) -> usize {
    #[derive(Clone, Copy)]
    struct Level {
        outside: usize,
        conditions: usize,
        signs: usize,
    }
    let mut levels = Vec::new();
    let mut level = Level {
        outside: 0,
        conditions: 0,
        signs: 0,
    };
    let mut deepest = 0;
    let mut after_value = false;
    for c in text.chars() {
        match c {
            '(' | '[' | '{' => {
                levels.push(level);
                level = Level {
                    outside: level.outside + level.conditions + level.signs + 1,
                    conditions: 0,
                    signs: 0,
                };
            }
            ')' | ']' | '}' => {
                if let Some(outer) = levels.pop() {
                    level = outer;
                }
            }
            '?' => level.conditions += 1,
            // Before a value it is a sign, behind one it takes two.
            '!' | '-' if !after_value => level.signs += 1,
            c if c.is_whitespace()
                || c.is_alphanumeric()
                || matches!(c, '_' | '.' | '"' | '\'') => {}
            _ => level.signs = 0,
        }
        if !c.is_whitespace() {
            after_value =
                c.is_alphanumeric() || matches!(c, '_' | '.' | '"' | '\'' | ')' | ']' | '}');
        }
        deepest = deepest.max(level.outside + level.conditions + level.signs);
    }
    deepest
}

fn problem(at: &Location, route: &str, text: &str, mistake: Mistake) -> Problem {
    let Mistake {
        at: within,
        message,
        help,
    } = mistake;
    Problem::new(Code::PolicyForm, at, route, message)
        .maybe_help(help.or_else(|| Some("`countersign policy names` lists what there is".into())))
        .within(text, within)
}

/// Checks the variables of a policy, each after those it names.
pub fn variables(
    spec: &PolicySpec,
    at: &Location,
    names: &mut Names,
    problems: &mut Vec<Problem>,
) -> Variables {
    let mut parsed: BTreeMap<&str, (Program, BTreeSet<String>)> = BTreeMap::new();
    let mut done = Variables::default();
    for (name, text) in &spec.variables {
        let route = format!("variables.`{name}`");
        let word = name.starts_with(|c: char| c.is_ascii_alphabetic());
        let word = word && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        let taken = names.has(name);
        if !word || taken {
            let message = match taken {
                true => format!("`{name}` means something else already"),
                false => format!("`{name}` is no name for a variable"),
            };
            let help = match taken {
                true => "take another name",
                false => "take letters and digits, a letter first",
            };
            problems.push(Problem::new(Code::PolicyForm, at, &route, message).help(help));
            if !taken {
                done.broken.insert(name.clone());
            }
            continue;
        }
        match parse(text) {
            Ok(program) => {
                let reads = reads(program.expression());
                parsed.insert(name, (program, reads));
            }
            Err(mistake) => {
                problems.push(problem(at, &route, text, mistake));
                done.broken.insert(name.clone());
            }
        }
    }
    while !parsed.is_empty() {
        let ready = parsed
            .iter()
            .find(|(_, (_, reads))| !reads.iter().any(|read| parsed.contains_key(read.as_str())));
        let Some(name) = ready.map(|(name, _)| *name) else {
            let circle: Vec<&str> = parsed.keys().copied().collect();
            let message = format!("variables name each other: {}", circle.join(", "));
            let route = format!("variables.`{}`", circle.first().unwrap_or(&""));
            let problem = Problem::new(Code::PolicyForm, at, &route, message);
            problems.push(problem.help("write one of them out"));
            done.broken.extend(circle.into_iter().map(str::to_owned));
            break;
        };
        let Some((program, reads)) = parsed.remove(name) else {
            break;
        };
        let text = spec
            .variables
            .get(name)
            .map(String::as_str)
            .unwrap_or_default();
        if done.is_broken(&reads) {
            // What is wrong with what it names is said.
            done.broken.insert(name.to_owned());
            continue;
        }
        match check(program.expression(), program.source_info(), names) {
            Ok(found) => match done.lower(program.expression()) {
                Some(node) => {
                    let (reads, _) = done.through(reads);
                    done.names.push(name.to_owned());
                    done.nodes.push(node);
                    done.reads.push(reads);
                    done.cost.push(found.cost);
                    names.define(name, found);
                }
                None => {
                    let route = format!("variables.`{name}`");
                    problems.push(problem(at, &route, text, not_lowered(text)));
                    done.broken.insert(name.to_owned());
                }
            },
            Err(mistake) => {
                problems.push(problem(at, &format!("variables.`{name}`"), text, mistake));
                done.broken.insert(name.to_owned());
            }
        }
    }
    done
}

impl Rule {
    /// Notes every field and key that its expression or its message names.
    pub fn fields(&self, found: &mut BTreeSet<String>) {
        self.expression.fields(found);
        let paths = self.message.variables.iter();
        found.extend(paths.flat_map(|path| path.split('.')).map(str::to_owned));
    }

    /// Compiles a validation; with the steps it may take.
    pub fn compile(
        validation: &Validation,
        index: usize,
        at: &Location,
        names: &Names,
        variables: &Variables,
        problems: &mut Vec<Problem>,
    ) -> Option<(Self, u64)> {
        let message = Self::message(validation, index, at, names, problems);
        let route = format!("validations.{index}.expression");
        let text = &validation.expression;
        let checked = parse(text).and_then(|program| {
            if variables.is_broken(&reads(program.expression())) {
                return Ok(None);
            }
            let found = check(program.expression(), program.source_info(), names)?;
            if found.kind != Kind::Truth {
                return Err(Mistake {
                    at: (0, text.chars().count().max(1)),
                    message: format!(
                        "the expression gives {}, and must say true or false",
                        found.kind.words()
                    ),
                    help: Some("compare it with something".into()),
                });
            }
            let node = variables.lower(program.expression());
            let node = node.ok_or_else(|| not_lowered(text))?;
            let (reads, more) = variables.through(reads(program.expression()));
            Ok(Some((node, reads, found.cost.saturating_add(more))))
        });
        let (expression, reads, cost) = match checked {
            Ok(Some(checked)) => checked,
            // What is wrong with its variables is said.
            Ok(None) => return None,
            Err(mistake) => {
                problems.push(problem(at, &route, text, mistake));
                return None;
            }
        };
        let message = message?;
        let mentions = message.variables.iter();
        let mentions = mentions.filter_map(|path| path.split('.').next());
        let rule = Self {
            index,
            expression,
            reads,
            mentions: mentions.map(str::to_owned).collect(),
            message,
        };
        Some((rule, cost))
    }

    fn message(
        validation: &Validation,
        index: usize,
        at: &Location,
        names: &Names,
        problems: &mut Vec<Problem>,
    ) -> Option<Template> {
        let route = format!("validations.{index}.message");
        let mut refuse = |message: String, help: &str| {
            problems.push(Problem::new(Code::PolicyForm, at, &route, message).help(help));
        };
        let template = match Template::compile(&validation.message) {
            Ok(template) => template,
            Err(TemplateError::Syntax(words) | TemplateError::Failed(words)) => {
                refuse(
                    format!("the message cannot be read: {words}"),
                    "close what is opened",
                );
                return None;
            }
            Err(error) => {
                refuse(
                    format!("the message cannot be read: {error}"),
                    "name what the expression may name",
                );
                return None;
            }
        };
        let mut sound = true;
        for variable in &template.variables {
            let path: Vec<&str> = variable.split('.').collect();
            if names.path(&path).is_none() {
                refuse(
                    format!("there is no `{variable}` here"),
                    "a message names what the expression may name, with a dot before each field",
                );
                sound = false;
            }
        }
        sound.then_some(template)
    }

    /// Whether it holds.
    ///
    /// # Errors
    /// Why that cannot be told.
    pub fn holds<'v>(&'v self, evaluation: &mut Evaluation<'v>) -> Result<bool, Fault> {
        evaluation.holds(&self.expression)
    }

    /// What to say where it does not hold. Variables of the policy cannot be named in it.
    pub fn says(&self, scope: &Scope<'_>) -> String {
        let mut nested = Nested::default();
        for variable in &self.message.variables {
            let path: Vec<&str> = variable.split('.').collect();
            let value = path
                .split_first()
                .and_then(|(root, rest)| scope.get(root)?.at(rest));
            nested.set(&path, value.map(Value::words).unwrap_or_default());
        }
        let filled = self.message.fill(&nested);
        let text =
            filled.unwrap_or_else(|error| format!("(the message cannot be filled: {error})"));
        // One line, whatever a name holds.
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

/// The parts below an expression.
fn each(expression: &IdedExpr) -> Vec<&IdedExpr> {
    match &expression.expr {
        Expr::Call(call) => {
            let target = call.target.iter().map(AsRef::as_ref);
            target.chain(&call.args).collect()
        }
        Expr::Comprehension(c) => {
            let ComprehensionExpr {
                iter_range,
                accu_init,
                loop_cond,
                loop_step,
                result,
                ..
            } = &**c;
            vec![iter_range, accu_init, loop_cond, loop_step, result]
        }
        Expr::List(list) => list.elements.iter().collect(),
        Expr::Select(select) => vec![&select.operand],
        // The checker lets none of these through.
        Expr::Map(_) | Expr::Struct(_) => Vec::new(),
        Expr::Ident(_) | Expr::Literal(_) | Expr::Unspecified => Vec::new(),
    }
}

/// Names that an expression reads; those its macros bind among them.
fn reads(expression: &IdedExpr) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut ahead = vec![expression];
    while let Some(next) = ahead.pop() {
        if let Expr::Ident(name) = &next.expr {
            found.insert(name.clone());
        }
        ahead.extend(each(next));
    }
    found
}
