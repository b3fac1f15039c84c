//! What a template of the repository may say: enough to arrange what is on a page, and nothing that
//! builds long texts out of short ones or switches escaping off.

use super::Mistake;
use minijinja::value::ValueKind;
use minijinja::{Error, ErrorKind, Output, State, Value};

/// Statements that arrange.
const STATEMENTS: [&str; 7] = ["if", "elif", "else", "endif", "for", "endfor", "set"];

/// Filters whose result is no longer than what they are given, but for a bounded number of blanks.
const FILTERS: [&str; 13] = [
    "pad",
    "upper",
    "lower",
    "title",
    "capitalize",
    "trim",
    "length",
    "count",
    "first",
    "last",
    "default",
    "d",
    "e",
];

/// Looks at everything between `{{ }}` and `{% %}`.
pub(super) fn check(text: &str) -> Result<(), Mistake> {
    let mut rest = text;
    while let Some(start) = rest.find(['{']) {
        let (open, inside) = rest.split_at(start + 1);
        let line = line_of(text, text.len() - inside.len());
        let kind = inside.chars().next();
        let close = match kind {
            Some('{') => "}}",
            Some('%') => "%}",
            Some('#') => "#}",
            Some(_) | None => {
                rest = inside;
                continue;
            }
        };
        let _ = open;
        let inside = &inside[1..];
        // What is never closed is the engine's to refuse.
        let Some(end) = inside.find(close) else {
            return Ok(());
        };
        let said = &inside[..end];
        match kind {
            Some('%') => statement(said, line)?,
            Some('{') => expression(said, line)?,
            Some(_) | None => {}
        }
        rest = &inside[end + close.len()..];
    }
    Ok(())
}

fn line_of(text: &str, at: usize) -> u32 {
    let lines = text.as_bytes()[..at].iter().filter(|b| **b == b'\n');
    u32::try_from(lines.count() + 1).unwrap_or(u32::MAX)
}

fn statement(said: &str, line: u32) -> Result<(), Mistake> {
    let said = said.trim_matches(['-', '+']).trim();
    let word = said.split(|c: char| !c.is_ascii_alphanumeric()).next();
    let word = word.unwrap_or_default();
    if !STATEMENTS.contains(&word) {
        let known = STATEMENTS.join(", ");
        return Err(mistake(
            line,
            format!("a mail template has no `{word}`; it has {known}"),
        ));
    }
    if word == "set" && !said.contains('=') {
        let message = "`set` names a value, as `{% set name = value %}`";
        return Err(mistake(line, message.to_owned()));
    }
    if said.ends_with("recursive") {
        let message = "a loop cannot be recursive".to_owned();
        return Err(mistake(line, message));
    }
    expression(said, line)
}

/// An expression, a text in quotes left out.
fn expression(said: &str, line: u32) -> Result<(), Mistake> {
    let said = said.trim_matches(['-', '+']);
    let mut plain = String::new();
    let mut quote = None;
    let mut chars = said.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(_), '\\') => drop(chars.next()),
            (Some(open), c) if c == open => {
                quote = None;
                plain.push('_');
            }
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, c) => plain.push(c),
        }
    }
    if let Some(sign) = plain.chars().find(|c| "~*+".contains(*c)) {
        let message = format!(
            "a mail template has no `{sign}`: put what belongs together beside one another"
        );
        return Err(mistake(line, message));
    }
    for part in plain.split('|').skip(1) {
        let part = part.trim_start();
        let end = part.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let filter = &part[..end.unwrap_or(part.len())];
        if !FILTERS.contains(&filter) {
            let known = FILTERS.join(", ");
            return Err(mistake(
                line,
                format!("a mail template has no filter `{filter}`; it has {known}"),
            ));
        }
    }
    Ok(())
}

fn mistake(line: u32, message: String) -> Mistake {
    Mistake { line, message }
}

/// Writes texts, numbers and truths; a list is gone through with `for`.
pub(super) fn written(
    out: &mut Output<'_>,
    state: &mut State<'_, '_>,
    value: &Value,
) -> Result<(), Error> {
    match value.kind() {
        ValueKind::String | ValueKind::Number | ValueKind::Bool => {
            minijinja::escape_formatter(out, state, value)
        }
        ValueKind::Undefined => Err(Error::from(ErrorKind::UndefinedError)),
        kind => {
            let message = format!("{kind} cannot be written; name what of it is meant");
            Err(Error::new(ErrorKind::InvalidOperation, message))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_arranges_is_taken_and_what_builds_is_not() {
        for text in [
            "{{ heading }} {% if awaits %}x{% else %}y{% endif %}",
            "{% set a = \"b ~ c | safe\" %}{{ a }}",
            "{% for s in sections %}{{ s.resource|upper }}{% endfor %}",
            "{{ (\"Do\" if loop.first else \"\")|pad(card.width) }}",
            "a { b } c {# set ~ #}",
        ] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
        for text in [
            "{{ a ~ a }}",
            "{{ a * 9 }}",
            "{{ a|safe }}",
            "{{ a|replace('x', 'yy') }}",
            "{% macro m() %}{% endmacro %}",
            "{% set a %}{{ b }}{% endset %}",
            "{% autoescape false %}{% endautoescape %}",
            "{% for a in b recursive %}{% endfor %}",
            "{%- include 'digest.txt' -%}",
        ] {
            let text = format!("\n\n{text}");
            assert_eq!(check(&text).unwrap_err().line, 3, "{text}");
        }
    }
}
