//! The text of a filled form → what it says. The text is hostile: it is bounded, every heading must be
//! one of the form's, each once, and every answer is one line.

use super::{Answers, Choice, Form, Input, Says, inputs};
use crate::author::text::is_unseen;
use crate::catalog::Catalog;

/// Longest text of a form, in bytes; GitHub takes 65,536 characters.
pub const LONGEST: usize = 256 * 1024;

/// Longest answer, in characters.
const LONGEST_ANSWER: usize = 500;

/// What a forge writes where nothing was answered.
const NO_ANSWER: &str = "_No response_";

/// A form that was filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filled {
    /// Which.
    pub form: Form,
    /// What it says, in the order the form asks; what was left out is not there.
    pub said: Vec<(Input, String)>,
}

/// Why a text is no form that was filled in rightly.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)]
pub enum FormError {
    #[error("the form is longer than {LONGEST} bytes")]
    Long,
    #[error("the form is not UTF-8")]
    Encoding,
    #[error("there is no heading `{0}` in this form, or no longer; open a new one")]
    Heading(String),
    #[error("the heading `{0}` stands there twice")]
    Twice(String),
    #[error("`{0}`: the answer must be one line of at most {LONGEST_ANSWER} characters")]
    Line(String),
    #[error("`{0}`: the answer has characters that nobody can see")]
    Unseen(String),
    #[error("`{0}`: `{1}` is none of the choices")]
    Choice(String, String),
    #[error("`{0}` is missing")]
    Missing(String),
}

/// What a filled form says; none where the text is not one of our forms.
///
/// # Errors
/// [`FormError`] where it is, and was not filled in rightly.
pub fn read(catalog: &Catalog, bytes: &[u8]) -> Result<Option<Filled>, FormError> {
    if bytes.len() > LONGEST {
        return Err(FormError::Long);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| FormError::Encoding)?;
    let text = text.trim_start_matches('\u{feff}').replace("\r\n", "\n");
    let Some((form, inputs)) = form_of(catalog, &text) else {
        return Ok(None);
    };
    let mut answers: Vec<Option<String>> = vec![None; inputs.len()];
    let mut at = None;
    for line in lines(&text) {
        if let Some(heading) = line.strip_prefix("### ") {
            let heading = heading.trim();
            let found = inputs.iter().position(|i| i.label == heading);
            let found = found.ok_or_else(|| FormError::Heading(short(heading)))?;
            if answers[found].is_some() {
                return Err(FormError::Twice(short(heading)));
            }
            answers[found] = Some(String::new());
            at = Some(found);
            continue;
        }
        let answer = line.trim();
        let Some(found) = at.filter(|_| !answer.is_empty()) else {
            continue;
        };
        let label = || inputs[found].label.clone();
        let known = answers[found].get_or_insert_default();
        if !known.is_empty() || answer.chars().count() > LONGEST_ANSWER {
            return Err(FormError::Line(label()));
        }
        if answer.chars().any(is_unseen) {
            return Err(FormError::Unseen(label()));
        }
        *known = answer.to_owned();
    }
    let mut said = Vec::new();
    for (input, answer) in inputs.into_iter().zip(answers) {
        match answer.filter(|a| !a.is_empty() && a != NO_ANSWER) {
            Some(answer) => {
                let meant = meant(&input, &answer)?;
                said.push((input, meant));
            }
            None if input.required => return Err(FormError::Missing(input.label)),
            None => {}
        }
    }
    Ok(Some(Filled { form, said }))
}

/// The lines that say something: without remarks of the template.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split('\n').filter(|line| {
        let line = line.trim();
        !(line.starts_with("<!--") && line.ends_with("-->"))
    })
}

/// The form whose first heading the text begins with.
fn form_of(catalog: &Catalog, text: &str) -> Option<(Form, Vec<Input>)> {
    let first = lines(text).find(|line| !line.trim().is_empty())?;
    let first = first.strip_prefix("### ")?.trim();
    Form::ALL.into_iter().find_map(|form| {
        let inputs = inputs(catalog, form);
        let is_first = inputs.first().is_some_and(|i| i.label == first);
        is_first.then_some((form, inputs))
    })
}

/// What an answer means: the value of a choice; of several choices, with blanks between them.
fn meant(input: &Input, answer: &str) -> Result<String, FormError> {
    let one = |choices: &[Choice], text: &str| {
        let text = text.trim();
        let found = choices.iter().find(|c| c.shown == text || c.value == text);
        found
            .map(|c| c.value.clone())
            .ok_or_else(|| FormError::Choice(input.label.clone(), short(text)))
    };
    match &input.answers {
        Answers::Line => Ok(answer.to_owned()),
        Answers::One(choices) => one(choices, answer),
        Answers::Several(choices) => {
            let each = answer.split(',').map(|text| one(choices, text));
            Ok(each.collect::<Result<Vec<_>, _>>()?.join(" "))
        }
    }
}

fn short(text: &str) -> String {
    let seen = text.chars().filter(|c| !is_unseen(*c));
    let mut short: String = seen.take(80).collect();
    if text.chars().count() > 80 {
        short.push('…');
    }
    short
}

/// The arguments of the command that writes the request, behind its name.
///
/// Every value stands behind its flag and a `=`, or behind `--`, so that none can be taken for a flag.
pub fn arguments(filled: &Filled, more: &[String]) -> Vec<String> {
    let mut arguments = more.to_vec();
    let mut subject = None;
    for (input, value) in &filled.said {
        match &input.says {
            Says::Subject => subject = Some(value.clone()),
            Says::Flag(flag) => arguments.push(format!("{flag}={value}")),
            Says::Flags(flag) => {
                let values = value.split([' ', ',']).filter(|v| !v.is_empty());
                arguments.extend(values.map(|value| format!("{flag}={value}")));
            }
            Says::Switch(flag) => arguments.push((*flag).to_owned()),
            Says::Answer(key) => arguments.push(format!("--answer={key}={value}")),
        }
    }
    if let Some(subject) = subject {
        arguments.push("--".into());
        arguments.push(subject);
    }
    arguments
}
