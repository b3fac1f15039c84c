//! One validation of a policy: an expression that was checked, and what to say where it is not true.

use super::check::{Kind, Mistake, Names, check};
use super::value::Value;
use crate::catalog::Problem;
use crate::diagnostic::Code;
use crate::manifest::PolicySpec;
use crate::manifest::parse::Location;
use crate::manifest::policy::Validation;
use crate::template::{Nested, Template, TemplateError};
use cel::common::ast::{ComprehensionExpr, EntryExpr, Expr};
use cel::common::types::CelBool;
use cel::common::value::CowVal;
use cel::context::VariableResolver;
use cel::{Context, Env, IdedExpr, Program};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

/// Longest expression, in bytes.
const LONGEST: usize = 4096;
/// Most brackets in one another, conditions in a row, and signs in a row: what the parser recurses on.
const MOST: usize = 32;
/// Most parts an expression may have once its variables stand in it.
const PARTS: usize = 20_000;

static ENV: LazyLock<Arc<Env>> =
    LazyLock::new(|| Arc::new(Env::stdlib().with_optional_support(false)));

/// A validation.
pub struct Rule {
    /// Which of the policy's.
    pub index: usize,
    expression: IdedExpr,
    message: Template,
    /// Names that the expression reads.
    pub reads: BTreeSet<String>,
}

/// Variables of a policy, by name, with the others put into them.
pub type Variables = BTreeMap<String, IdedExpr>;

/// The values that names stand for.
#[derive(Default)]
pub struct Scope<'a>(pub Vec<(&'static str, &'a Value<'a>)>);

impl VariableResolver for Scope<'_> {
    fn resolve<'b>(&'b self, variable: &str) -> Option<CowVal<'b, 'b>> {
        self.get(variable)
            .map(|value| CowVal::Borrowed(value.val()))
    }
}

impl<'a> Scope<'a> {
    fn get(&self, name: &str) -> Option<&'a Value<'a>> {
        let found = self.0.iter().rev().find(|(n, _)| *n == name);
        found.map(|(_, value)| *value)
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
    if is_deep(text) {
        let message =
            "the expression is nested too deeply: 32 brackets, conditions or signs at most";
        return Err(whole(message.into()));
    }
    ENV.compile(text)
        .map_err(|errors| match errors.errors.first() {
            Some(error) => {
                let line = usize::try_from(error.pos.0).unwrap_or(1).max(1);
                let before = text.split_inclusive('\n').take(line - 1);
                let before: usize = before.map(|l| l.chars().count()).sum();
                let column = usize::try_from(error.pos.1).unwrap_or(1).max(1);
                Mistake {
                    at: (before + column - 1, 1),
                    message: format!("the expression cannot be read: {}", error.msg.trim()),
                    help: None,
                }
            }
            None => whole("the expression cannot be read".into()),
        })
}

/// Whether a text has more brackets in one another, conditions or signs than the parser is let to recurse on.
fn is_deep(text: &str) -> bool {
    let (mut depth, mut signs, mut conditions) = (0usize, 0usize, 0usize);
    for c in text.chars() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            '?' => conditions += 1,
            _ => {}
        }
        match c {
            '!' | '-' => signs += 1,
            c if c.is_whitespace() => {}
            _ => signs = 0,
        }
        if depth > MOST || signs > MOST || conditions > MOST {
            return true;
        }
    }
    false
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

/// Checks the variables of a policy, each after those it names; none where one cannot be used.
pub fn variables(
    spec: &PolicySpec,
    at: &Location,
    names: &mut Names,
    problems: &mut Vec<Problem>,
) -> Option<Variables> {
    let mut parsed: BTreeMap<&str, (Program, BTreeSet<String>)> = BTreeMap::new();
    let mut sound = true;
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
            let problem = Problem::new(Code::PolicyForm, at, &route, message);
            problems.push(problem.help("take letters and digits, a letter first"));
            sound = false;
            continue;
        }
        match parse(text) {
            Ok(program) => {
                let reads = reads(program.expression());
                parsed.insert(name, (program, reads));
            }
            Err(mistake) => {
                problems.push(problem(at, &route, text, mistake));
                sound = false;
            }
        }
    }
    let mut done = Variables::new();
    while sound && !parsed.is_empty() {
        let ready = parsed
            .iter()
            .find(|(_, (_, reads))| !reads.iter().any(|read| parsed.contains_key(read.as_str())));
        let Some(name) = ready.map(|(name, _)| *name) else {
            let circle: Vec<&str> = parsed.keys().copied().collect();
            let message = format!("variables name each other: {}", circle.join(", "));
            let route = format!("variables.`{}`", circle.first().unwrap_or(&""));
            let problem = Problem::new(Code::PolicyForm, at, &route, message);
            problems.push(problem.help("write one of them out"));
            sound = false;
            break;
        };
        let Some((program, _)) = parsed.remove(name) else {
            break;
        };
        let text = spec
            .variables
            .get(name)
            .map(String::as_str)
            .unwrap_or_default();
        match check(program.expression(), program.source_info(), names) {
            Ok(found) => {
                names.define(name, found);
                let mut expression = program.expression().clone();
                if let Err(mistake) = put_all(&mut expression, text, &done) {
                    problems.push(problem(at, &format!("variables.`{name}`"), text, mistake));
                    sound = false;
                }
                done.insert(name.to_owned(), expression);
            }
            Err(mistake) => {
                problems.push(problem(at, &format!("variables.`{name}`"), text, mistake));
                sound = false;
            }
        }
    }
    sound.then_some(done)
}

impl Rule {
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
            let mut expression = program.expression().clone();
            put_all(&mut expression, text, variables)?;
            Ok((expression, found.cost))
        });
        let (expression, cost) = match checked {
            Ok(checked) => checked,
            Err(mistake) => {
                problems.push(problem(at, &route, text, mistake));
                return None;
            }
        };
        let reads = reads(&expression);
        let rule = Self {
            index,
            expression,
            message: message?,
            reads,
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
    pub fn holds(&self, scope: &Scope<'_>) -> Result<bool, String> {
        let mut context = Context::with_env(ENV.clone());
        context.set_variable_resolver(scope);
        let value = cel::Value::resolve_val(&self.expression, &context);
        match value {
            Ok(value) => match value.downcast_ref::<CelBool>() {
                Some(truth) => Ok(*truth.inner()),
                None => Err("it says neither true nor false".into()),
            },
            Err(error) => Err(words(&error)),
        }
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

/// An error of an evaluation, without the values in it.
fn words(error: &cel::ExecutionError) -> String {
    match error {
        cel::ExecutionError::NoSuchKey(key) => {
            format!("there is no `{key}` in a list or map; ask first: `\"{key}\" in …`")
        }
        error => {
            let text = error.to_string();
            let line = text.lines().next().unwrap_or_default();
            line.chars().take(200).collect()
        }
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
        Expr::Map(map) => map
            .entries
            .iter()
            .flat_map(|entry| match &entry.expr {
                EntryExpr::MapEntry(entry) => vec![&entry.key, &entry.value],
                EntryExpr::StructField(field) => vec![&field.value],
            })
            .collect(),
        Expr::Struct(of) => of
            .entries
            .iter()
            .flat_map(|entry| match &entry.expr {
                EntryExpr::MapEntry(entry) => vec![&entry.key, &entry.value],
                EntryExpr::StructField(field) => vec![&field.value],
            })
            .collect(),
        Expr::Ident(_) | Expr::Literal(_) | Expr::Unspecified => Vec::new(),
    }
}

/// How many parts an expression has once its variables stand in it; counted no further than needed.
fn parts(expression: &IdedExpr, variables: &Variables) -> usize {
    let mut count = 0;
    let mut ahead = vec![expression];
    while let Some(next) = ahead.pop() {
        count += 1;
        if count > PARTS {
            return count;
        }
        match &next.expr {
            Expr::Ident(name) => ahead.extend(variables.get(name)),
            _ => ahead.extend(each(next)),
        }
    }
    count
}

/// Puts variables where they are named, where that does not make the expression too long.
fn put_all(expression: &mut IdedExpr, text: &str, variables: &Variables) -> Result<(), Mistake> {
    if parts(expression, variables) > PARTS {
        return Err(Mistake {
            at: (0, text.chars().count().max(1)),
            message: "the expression is too long once its variables stand in it".into(),
            help: Some("name fewer variables that name each other".into()),
        });
    }
    put(expression, variables);
    Ok(())
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

/// Puts variables where they are named. Nothing else has their names: the checker sees to it.
fn put(expression: &mut IdedExpr, variables: &Variables) {
    if let Expr::Ident(name) = &expression.expr {
        if let Some(variable) = variables.get(name) {
            *expression = variable.clone();
        }
        return;
    }
    match &mut expression.expr {
        Expr::Call(call) => {
            let target = call.target.iter_mut().map(AsMut::as_mut);
            target
                .chain(&mut call.args)
                .for_each(|part| put(part, variables));
        }
        Expr::Comprehension(c) => {
            let ComprehensionExpr {
                iter_range,
                accu_init,
                loop_cond,
                loop_step,
                result,
                ..
            } = &mut **c;
            for part in [iter_range, accu_init, loop_cond, loop_step, result] {
                put(part, variables);
            }
        }
        Expr::List(list) => list
            .elements
            .iter_mut()
            .for_each(|part| put(part, variables)),
        Expr::Select(select) => put(&mut select.operand, variables),
        // The checker lets none of these through.
        Expr::Map(_) | Expr::Struct(_) | Expr::Ident(_) | Expr::Literal(_) | Expr::Unspecified => {}
    }
}
