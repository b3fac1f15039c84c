//! Plans, mails and records as the text that `expected/` keeps, and what of the program they show.

use super::ldif;
use super::stage::{Made, Ran};
use countersign::diagnostic::Diagnostic;
use countersign::plan::{Plan, TaskStep, Verdict};
use countersign::report::plan::{Format, Styling, render};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A plan as people read it.
pub fn plan(plan: &Plan) -> String {
    render(plan, Format::Human, Styling::Plain)
}

/// A plan as programs read it.
pub fn json(plan: &Plan) -> String {
    render(plan, Format::Json, Styling::Plain)
}

/// A plan's changes of the directory as change records.
pub fn change_records(plan: &Plan) -> String {
    render(plan, Format::Ldif, Styling::Plain)
}

/// Diagnostics as people read them without colours, and their codes.
pub fn diagnostics(
    diagnostics: &[Diagnostic],
    manifests: usize,
    texts: &BTreeMap<Arc<str>, Arc<str>>,
) -> (String, BTreeSet<String>) {
    use countersign::report::diagnostics::{Format, render};
    let text = |path: &str| texts.get(path).cloned();
    let shown = render(diagnostics, manifests, &text, Format::Human);
    let codes = diagnostics.iter().map(|d| d.code.as_str().to_owned());
    (without_colours(&shown), codes.collect())
}

/// A text without the ANSI escapes that style it.
fn without_colours(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            '\u{1b}' => drop(rest.by_ref().find(|c| *c == 'm')),
            c => plain.push(c),
        }
    }
    plain
}

/// Codes, actions, tasks and guards that a plan and its apply show.
pub fn covered(made: &Made, ran: &Ran) -> BTreeSet<String> {
    let plan = &made.plan;
    let mut covered = made.codes.clone();
    covered.extend(plan.held.iter().map(|held| held.code.clone()));
    covered.extend(plan.findings.iter().map(|finding| finding.code.clone()));
    let actions = plan.changes.iter().map(|c| c.action.as_str());
    covered.extend(actions.map(|action| action.replace(' ', "-")));
    for change in &plan.tasks {
        covered.insert(format!("task-{}", change.task.action.as_str()));
        covered.insert(match change.step {
            TaskStep::Open => "task-opened".into(),
            TaskStep::Revise => "task-revised".into(),
            TaskStep::Cancel => "task-cancelled".into(),
        });
    }
    for notice in plan.notices.iter().filter(|n| !n.to.is_empty()) {
        covered.insert(format!("notice-{}", notice.key.kind.as_str()));
    }
    if !plan.assumed.is_empty() {
        covered.insert("assumed".into());
    }
    let beyond = plan.guards.iter().filter(|g| g.verdict == Verdict::Beyond);
    covered.extend(beyond.map(|guard| format!("guard-{}", guard.guard)));
    if let Some(outcomes) = &ran.outcomes {
        let outcomes = outcomes.done.iter().map(|done| done.outcome.as_str());
        covered.extend(outcomes.map(|outcome| format!("outcome-{}", outcome.replace(' ', "-"))));
    }
    covered
}

/// A line of the ledger in short: the event and its words, without digests and reasons.
pub fn record(line: &str) -> Result<String, String> {
    let json: Value = serde_json::from_str(line).map_err(|e| e.to_string())?;
    let event = json["event"]
        .as_object()
        .and_then(|event| event.iter().next());
    let (name, fields) = event.ok_or_else(|| format!("no event: {line}"))?;
    let mut text = name.clone();
    for (key, value) in fields.as_object().into_iter().flatten() {
        let known_elsewhere = ["plan", "causes", "message", "change", "revision"];
        let left_out =
            value.is_null() || known_elsewhere.contains(&key.as_str()) && !value.is_object();
        let shown = key == "change" && name != "outcome";
        if left_out && !shown {
            continue;
        }
        text += &format!(" {key}={}", short(key, value));
    }
    Ok(text + "\n")
}

fn short(key: &str, value: &Value) -> String {
    match (key, value) {
        ("task", Value::Object(task)) => {
            let of = |key: &str| short(key, &task[key]);
            let words = ["id", "revision", "action", "user", "resource"].map(of);
            words.join(" ")
        }
        ("key", Value::Object(key)) if key.contains_key("kind") => {
            let of = |part: &str| short(part, &key[part]);
            ["kind", "user", "by"].map(of).join(" ")
        }
        ("letter", Value::Object(letter)) => {
            let of = |part: &str| short(part, &letter[part]);
            ["recipient", "subject"].map(of).join(" ")
        }
        ("file", Value::String(path)) => {
            let name = path.rsplit('/').next();
            name.unwrap_or_default().to_owned()
        }
        (_, Value::String(text)) => text.clone(),
        (_, other) => other.to_string(),
    }
}

/// A plan whatever its manifests' files are called, and however they are ordered.
pub fn without_files(plan: &Plan) -> Result<Value, String> {
    let mut json = serde_json::to_value(plan).map_err(|e| e.to_string())?;
    blank(&mut json);
    Ok(json)
}

fn blank(json: &mut Value) {
    match json {
        Value::Object(map) => {
            if map.contains_key("file") {
                map.insert("file".into(), Value::Null);
            }
            map.values_mut().for_each(blank);
            for list in ["causes", "held"] {
                if let Some(Value::Array(list)) = map.get_mut(list) {
                    list.sort_by_key(Value::to_string);
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(blank),
        _ => {}
    }
}

/// The state of a directory as one text, to compare and to show where it differs.
pub fn state(text: &str) -> String {
    let entries = ldif::content(text).into_values();
    entries.map(|lines| lines.join("\n") + "\n\n").collect()
}
