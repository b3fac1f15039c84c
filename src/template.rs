//! Templates: a text with `{{ … }}` over named texts, strict and bounded.
//!
//! Most templates are a constant or one variable; those are filled without the engine, with the
//! same result (a test compares the two).

pub use minijinja::Value;
use minijinja::{Environment, ErrorKind, UndefinedBehavior};
use regex::Regex;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

/// Steps one rendering may take: a hundred times what a name rule needs.
const FUEL: u64 = 20_000;
/// Longest rendered text, in bytes.
const LONGEST: usize = 8192;

/// The variables a template sees: `user.givenName`, `fields['timetrack'].username` …
pub trait Variables {
    /// The text of a variable, by its parts; none where it is absent.
    fn text(&self, path: &[&str]) -> Option<Cow<'_, str>>;
    /// Everything, as nested mappings.
    fn all(&self) -> Value;
}

/// A template that was compiled.
#[derive(Debug, Clone)]
pub struct Template {
    form: Form,
    /// Other resources' fields it reads.
    pub reads: Vec<(String, String)>,
    /// Variables it names, dotted (`user.givenName`), without `fields`.
    pub variables: Vec<String>,
}

#[derive(Debug, Clone)]
enum Form {
    Constant(String),
    Plain(Vec<Part>),
    Engine(Arc<Engine>),
}

/// A part of a template that needs no engine.
#[derive(Debug, Clone)]
enum Part {
    Text(String),
    Variable(Path),
}

/// The parts of a variable's name.
#[derive(Debug, Clone)]
struct Path(Vec<String>);

/// More parts than any variable has that needs no engine.
const DEEPEST: usize = 8;

impl Path {
    fn look_up<'v>(&self, variables: &'v dyn Variables) -> Result<Cow<'v, str>, TemplateError> {
        let mut path = [""; DEEPEST];
        let parts = path.get_mut(..self.0.len()).ok_or(TemplateError::Absent)?;
        for (part, text) in parts.iter_mut().zip(&self.0) {
            *part = text;
        }
        variables.text(parts).ok_or(TemplateError::Absent)
    }
}

struct Engine {
    environment: Environment<'static>,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Engine")
    }
}

/// Why a template could not be compiled or filled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)]
pub enum TemplateError {
    #[error("{0}")]
    Syntax(String),
    #[error("a field of another resource is named as `fields['resource'].field`, both written out")]
    NotLiteral,
    /// It names a variable that is absent for this user.
    #[error("it needs something that is absent")]
    Absent,
    #[error("{0}")]
    Failed(String),
}

impl Template {
    /// Compiles a text.
    ///
    /// # Errors
    /// [`TemplateError::Syntax`] or [`TemplateError::NotLiteral`].
    pub fn compile(text: &str) -> Result<Self, TemplateError> {
        if !text.contains("{{") && !text.contains("{%") && !text.contains("{#") {
            let form = Form::Constant(text.to_owned());
            return Ok(Self {
                form,
                reads: Vec::new(),
                variables: Vec::new(),
            });
        }
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_fuel(Some(FUEL));
        environment.set_formatter(written);
        environment
            .add_template_owned("t", text.to_owned())
            .map_err(|error| TemplateError::Syntax(words(&error)))?;
        let reads = reads(text)?;
        let template = environment
            .get_template("t")
            .map_err(|e| TemplateError::Syntax(words(&e)))?;
        let mut variables: Vec<String> = template
            .undeclared_variables(true)
            .into_iter()
            .filter(|v| v != "fields" && !v.starts_with("fields."))
            .collect();
        variables.sort();
        let form = match plain(text) {
            Some(parts) => Form::Plain(parts),
            None => Form::Engine(Arc::new(Engine { environment })),
        };
        Ok(Self {
            form,
            reads,
            variables,
        })
    }

    /// Whether it names the variable of that dotted name.
    pub fn reads_variable(&self, name: &str) -> bool {
        self.variables.iter().any(|v| v == name)
    }

    /// Whether it has no variable at all.
    pub fn is_constant(&self) -> bool {
        self.constant().is_some()
    }

    /// What it gives whatever the variables are, if it has none.
    pub fn constant(&self) -> Option<&str> {
        match &self.form {
            Form::Constant(text) => Some(text),
            Form::Plain(_) | Form::Engine(_) => None,
        }
    }

    /// Fills it.
    ///
    /// # Errors
    /// [`TemplateError::Absent`] where a variable is absent, [`TemplateError::Failed`] where it
    /// breaks a bound or an operation fails.
    pub fn fill(&self, variables: &dyn Variables) -> Result<String, TemplateError> {
        let mut text = String::new();
        self.fill_into(variables, &mut text)?;
        Ok(text)
    }

    /// Fills it into a text that is used again and again: what was in it before is gone.
    ///
    /// # Errors
    /// As [`fill`](Self::fill); there is a part of it then, or nothing.
    pub fn fill_into(
        &self,
        variables: &dyn Variables,
        text: &mut String,
    ) -> Result<(), TemplateError> {
        text.clear();
        match &self.form {
            Form::Constant(constant) => {
                text.push_str(constant);
                return Ok(());
            }
            Form::Plain(parts) => {
                for part in parts {
                    match part {
                        Part::Text(literal) => text.push_str(literal),
                        Part::Variable(path) => text.push_str(&path.look_up(variables)?),
                    }
                }
            }
            Form::Engine(engine) => *text = engine.fill(variables.all())?,
        }
        match text.len() > LONGEST {
            true => Err(TemplateError::Failed(format!(
                "it gives more than {LONGEST} bytes"
            ))),
            false => Ok(()),
        }
    }
}

/// How a value is written: truth values as manifests write them.
fn written(
    out: &mut minijinja::Output<'_>,
    state: &mut minijinja::State<'_, '_>,
    value: &Value,
) -> Result<(), minijinja::Error> {
    if value.kind() == minijinja::value::ValueKind::Bool {
        let text = if value.is_true() { "true" } else { "false" };
        return out.write_str(text).map_err(minijinja::Error::from);
    }
    minijinja::escape_formatter(out, state, value)
}

impl Engine {
    fn fill(&self, variables: Value) -> Result<String, TemplateError> {
        let failed = |error: minijinja::Error| match error.kind() {
            ErrorKind::UndefinedError => TemplateError::Absent,
            _ => TemplateError::Failed(words(&error)),
        };
        self.environment
            .get_template("t")
            .and_then(|t| t.render(variables))
            .map_err(failed)
    }
}

fn words(error: &minijinja::Error) -> String {
    match error.detail() {
        Some(detail) => detail.to_owned(),
        None => error.kind().to_string(),
    }
}

/// `fields['resource'].name`, every one of them.
fn reads(text: &str) -> Result<Vec<(String, String)>, TemplateError> {
    static READ: OnceLock<Option<Regex>> = OnceLock::new();
    static ANY: OnceLock<Option<Regex>> = OnceLock::new();
    let read = READ.get_or_init(|| {
        Regex::new(r#"\bfields\s*(?:\[\s*(?:'([^']+)'|"([^"]+)")\s*\]|\.\s*([A-Za-z_][A-Za-z0-9_]*))\s*(?:\.\s*([A-Za-z_][A-Za-z0-9_]*)|\[\s*(?:'([^']+)'|"([^"]+)")\s*\])"#).ok()
    });
    let any = ANY.get_or_init(|| Regex::new(r"\bfields\b").ok());
    let (Some(read), Some(any)) = (read, any) else {
        return Err(TemplateError::NotLiteral);
    };
    let found: Vec<_> = read
        .captures_iter(text)
        .map(|c| {
            let pick = |groups: [usize; 3]| {
                groups
                    .into_iter()
                    .find_map(|g| c.get(g))
                    .map_or("", |m| m.as_str())
                    .to_owned()
            };
            (pick([1, 2, 3]), pick([4, 5, 6]))
        })
        .collect();
    match found.len() == any.find_iter(text).count() {
        true => Ok(found),
        false => Err(TemplateError::NotLiteral),
    }
}

/// The parts of a template that is nothing but texts and variables.
fn plain(text: &str) -> Option<Vec<Part>> {
    static VARIABLE: OnceLock<Option<Regex>> = OnceLock::new();
    let variable = VARIABLE
        .get_or_init(|| {
            Regex::new(r#"\{\{ *(?:([a-z]+(?:\.[A-Za-z][A-Za-z0-9]*)+)|fields\[(?:'([^'"{}\\]+)'|"([^'"{}\\]+)")\]\.([A-Za-z][A-Za-z0-9]*)) *\}\}"#).ok()
        })
        .as_ref()?;
    // The engine takes a line end at the end away.
    if text.ends_with('\n') {
        return None;
    }
    let mut parts = Vec::new();
    let mut end = 0;
    let literal = |text: &str| {
        let is_plain = !["{{", "}}", "{%", "{#"]
            .iter()
            .any(|mark| text.contains(mark));
        is_plain.then(|| Part::Text(text.to_owned()))
    };
    for found in variable.captures_iter(text) {
        let whole = found.get(0)?;
        if end < whole.start() {
            parts.push(literal(&text[end..whole.start()])?);
        }
        end = whole.end();
        let path = match (found.get(1), found.get(2).or(found.get(3)), found.get(4)) {
            (Some(dotted), ..) => dotted
                .as_str()
                .split('.')
                .map(str::to_owned)
                .collect::<Vec<_>>(),
            (None, Some(resource), Some(field)) => ["fields", resource.as_str(), field.as_str()]
                .map(str::to_owned)
                .to_vec(),
            _ => return None,
        };
        if path.len() > DEEPEST {
            return None;
        }
        parts.push(Part::Variable(Path(path)));
    }
    if end < text.len() {
        parts.push(literal(&text[end..])?);
    }
    Some(parts)
}

/// Variables kept as nested lists of named texts.
///
/// There are a dozen names at most on a level, and a list of them for every user: looking through one
/// is as quick as a tree, and takes a tenth of the memory.
#[derive(Debug, Clone, Default)]
pub struct Nested(Vec<(Arc<str>, NestedValue)>);

/// A text, or more of them by name.
#[derive(Debug, Clone)]
enum NestedValue {
    /// A text.
    Text(Arc<str>),
    /// Yes or no: what a template can ask with `if`.
    Truth(bool),
    /// Texts by name.
    Nested(Nested),
}

impl Nested {
    /// Sets a text at a path.
    pub fn set(&mut self, path: &[&str], text: impl Into<Arc<str>>) {
        self.put(path, NestedValue::Text(text.into()));
    }

    /// Sets yes or no at a path.
    pub fn set_truth(&mut self, path: &[&str], truth: bool) {
        self.put(path, NestedValue::Truth(truth));
    }

    /// Sets everything below a name.
    pub fn set_all(&mut self, name: &str, below: Self) {
        self.put(&[name], NestedValue::Nested(below));
    }

    fn put(&mut self, path: &[&str], value: NestedValue) {
        match path {
            [] => {}
            [last] => match self.0.iter_mut().find(|(name, _)| **name == **last) {
                Some((_, old)) => *old = value,
                None => self.0.push(((*last).into(), value)),
            },
            [first, rest @ ..] => {
                self.map(first);
                let child = self.0.iter_mut().find(|(name, _)| **name == **first);
                if let Some((_, NestedValue::Nested(below))) = child {
                    below.put(rest, value);
                }
            }
        }
    }

    fn get(&self, name: &str) -> Option<&NestedValue> {
        let found = self.0.iter().find(|(known, _)| **known == *name);
        found.map(|(_, value)| value)
    }

    /// Sets a text at a path, where there is one.
    pub fn set_some(&mut self, path: &[&str], text: Option<impl Into<Arc<str>>>) {
        if let Some(text) = text {
            self.set(path, text);
        }
    }

    /// Makes sure that there is a mapping at a path, empty if need be.
    pub fn map(&mut self, name: &str) {
        if self.get(name).is_none() {
            self.0
                .push((name.into(), NestedValue::Nested(Self::default())));
        }
    }
}

fn to_value(nested: &Nested) -> Value {
    let values = nested.0.iter().map(|(name, value)| match value {
        NestedValue::Text(text) => (name.to_string(), Value::from(text.clone())),
        NestedValue::Truth(truth) => (name.to_string(), Value::from(*truth)),
        NestedValue::Nested(below) => (name.to_string(), to_value(below)),
    });
    Value::from_object(values.collect::<BTreeMap<String, Value>>())
}

impl Nested {
    /// All of it, for the engine.
    pub fn value(&self) -> Value {
        to_value(self)
    }
}

impl Variables for Nested {
    fn text(&self, path: &[&str]) -> Option<Cow<'_, str>> {
        let (first, rest) = path.split_first()?;
        let mut value = self.get(first)?;
        for step in rest {
            value = match value {
                NestedValue::Nested(below) => below.get(step)?,
                NestedValue::Text(_) | NestedValue::Truth(_) => return None,
            };
        }
        match value {
            NestedValue::Text(text) => Some(Cow::Borrowed(text)),
            NestedValue::Truth(true) => Some(Cow::Borrowed("true")),
            NestedValue::Truth(false) => Some(Cow::Borrowed("false")),
            NestedValue::Nested(_) => None,
        }
    }

    fn all(&self) -> Value {
        to_value(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables() -> Nested {
        let mut v = Nested::default();
        v.set(&["user", "givenName"], "Zoë");
        v.set(&["fields", "active-directory", "sAMAccountName"], "zoe.x");
        v.set_truth(&["user", "notifications"], false);
        v.map("answers");
        v
    }

    #[test]
    fn the_short_way_gives_what_the_engine_gives() {
        for text in [
            "plain",
            "{{ user.givenName }}",
            "{{user.givenName}}",
            "{{ user.familyName }}",
            "{{ fields['active-directory'].sAMAccountName }}",
            "{{ fields[\"active-directory\"].nothing }}",
            "{{ answers.phone }}",
            "{{ user.notifications }}",
            "{{ user.notifications.x }}",
            "{{ user.givenName }}.{{ user.notifications }}",
            "Room {{user.givenName}} }\n at { {{ fields['active-directory'].sAMAccountName }}-",
            "{{ user.givenName }} {{ user.familyName }}",
            "{{ user.givenName }}{{ fields.x.y }}",
            "{{ user.givenName[0] }}.{{ user.givenName }}",
            " {{- user.givenName }} x",
            "{% if user.notifications %}{{ user.givenName }}{% endif %}x",
        ] {
            let short = Template::compile(text).unwrap().fill(&variables());
            // A comment makes the same template long.
            let long = Template::compile(&format!("{text}{{# #}}"))
                .unwrap()
                .fill(&variables());
            assert_eq!(short, long, "{text}");
        }
    }

    #[test]
    fn a_line_end_at_the_end_is_left_to_the_engine() {
        let template = Template::compile("{{ user.givenName }}\n").unwrap();
        assert!(matches!(template.form, Form::Engine(_)));
        assert_eq!(template.fill(&variables()).unwrap(), "Zoë");
    }

    #[test]
    fn yes_and_no_can_be_asked() {
        let template = Template::compile("{{ 'yes' if user.notifications else 'no' }}").unwrap();
        assert_eq!(template.fill(&variables()).unwrap(), "no");
    }

    #[test]
    fn what_it_reads_is_known_before_it_is_filled() {
        let template =
            Template::compile("{{ fields['a-b'].x }}{{ fields.c.y }}{{ user.name }}").unwrap();
        assert_eq!(
            template.reads,
            [("a-b".into(), "x".into()), ("c".into(), "y".into())]
        );
        assert_eq!(template.variables, ["user.name"]);
        assert_eq!(
            Template::compile("{{ fields[user.name].x }}").unwrap_err(),
            TemplateError::NotLiteral
        );
        assert!(matches!(
            Template::compile("{{ user."),
            Err(TemplateError::Syntax(_))
        ));
    }

    #[test]
    fn it_is_bounded() {
        let loops = "{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}";
        let error = Template::compile(loops)
            .unwrap()
            .fill(&variables())
            .unwrap_err();
        assert!(matches!(error, TemplateError::Failed(_)), "{error:?}");
        let long = "{{ 'x' * 9000 }}{{ user.givenName }}";
        assert!(Template::compile(long).unwrap().fill(&variables()).is_err());
    }
}
