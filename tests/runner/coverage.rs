//! Every diagnostic code, action, task, outcome and guard has a case, or stands with its reason in
//! `tests/cases/without-a-case.yaml`.

use super::case::Case;
use super::files::yaml_of;
use countersign::diagnostic::Code;
use countersign::ledger::Outcome;
use countersign::plan::{Action, TaskAction};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Compares what there is with what the cases cover; each case shows for itself that it does.
pub fn check(file: &Path) -> datatest_stable::Result<()> {
    let text = std::fs::read_to_string(file)?;
    let excused: BTreeMap<String, String> = yaml_of(file, &text)?;
    let mut covered = BTreeSet::new();
    let mut folders = vec![PathBuf::from(file.parent().unwrap_or(Path::new(".")))];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.ends_with("case.yaml") {
                let settings = Case::read(&path)?.settings;
                if let Some(row) = settings.rows.iter().find(|row| !is_row(row)) {
                    return Err(format!("{}: there is no row {row}", path.display()).into());
                }
                covered.extend(settings.covers);
            }
        }
    }
    let all = all();
    let known = |name: &String| all.contains(name);
    let lists = [
        ("without a case", missing(&all, &covered, &excused)),
        ("excused, and yet with a case", {
            let both = excused.keys().filter(|name| covered.contains(*name));
            both.cloned().collect()
        }),
        ("not there at all", {
            let named = covered.iter().chain(excused.keys());
            named
                .filter(|name| !known(name))
                .cloned()
                .collect::<Vec<_>>()
        }),
    ];
    let wrong: Vec<String> = lists
        .into_iter()
        .filter(|(_, names)| !names.is_empty())
        .map(|(what, names)| format!("{what}: {}", names.join(", ")))
        .collect();
    match wrong.is_empty() {
        true => Ok(()),
        false => Err(wrong.join("\n").into()),
    }
}

/// Whether the product's table has such a row.
fn is_row(row: &str) -> bool {
    let rows = [("AT", 10), ("CM", 10), ("WG", 8)];
    rows.into_iter().any(|(source, last)| {
        let number = row.strip_prefix(source).and_then(|n| n.parse::<u32>().ok());
        number.is_some_and(|number| (1..=last).contains(&number))
    })
}

fn missing(
    all: &BTreeSet<String>,
    covered: &BTreeSet<String>,
    excused: &BTreeMap<String, String>,
) -> Vec<String> {
    let without = all.difference(covered);
    without
        .filter(|name| !excused.contains_key(*name))
        .cloned()
        .collect()
}

fn all() -> BTreeSet<String> {
    let codes = Code::ALL.iter().map(|code| code.as_str().to_owned());
    let actions = actions().map(|action| action.as_str().replace(' ', "-"));
    let tasks = tasks().map(|task| format!("task-{}", task.as_str()));
    let outcomes = outcomes().map(|o| format!("outcome-{}", o.as_str().replace(' ', "-")));
    let others = [
        "assumed",
        "guard-creates",
        "guard-disables",
        "guard-removals",
        "notice-acknowledgement",
        "notice-departure",
        "notice-welcome",
        "provisional",
        "task-cancelled",
        "task-opened",
        "task-revised",
    ];
    let others = others.map(str::to_owned);
    codes
        .chain(actions)
        .chain(tasks)
        .chain(outcomes)
        .chain(others)
        .collect()
}

/// Every action: each names the next, so that a new one does not compile unseen.
fn actions() -> impl Iterator<Item = Action> {
    let next = |action: &Action| match action {
        Action::Disable => Some(Action::ResetPassword),
        Action::ResetPassword => Some(Action::Expire),
        Action::Expire => Some(Action::RemoveMember),
        Action::RemoveMember => Some(Action::Revoke),
        Action::Revoke => Some(Action::Adopt),
        Action::Adopt => Some(Action::Create),
        Action::Create => Some(Action::SetPassword),
        Action::SetPassword => Some(Action::Update),
        Action::Update => Some(Action::Rename),
        Action::Rename => Some(Action::Move),
        Action::Move => Some(Action::Link),
        Action::Link => Some(Action::AddMember),
        Action::AddMember => Some(Action::Enable),
        Action::Enable => Some(Action::Grant),
        Action::Grant => None,
    };
    std::iter::successors(Some(Action::Disable), next)
}

fn tasks() -> impl Iterator<Item = TaskAction> {
    let next = |action: &TaskAction| match action {
        TaskAction::Grant => Some(TaskAction::Update),
        TaskAction::Update => Some(TaskAction::Revoke),
        TaskAction::Revoke => Some(TaskAction::Disable),
        TaskAction::Disable => Some(TaskAction::Enable),
        TaskAction::Enable => None,
    };
    std::iter::successors(Some(TaskAction::Grant), next)
}

fn outcomes() -> impl Iterator<Item = Outcome> {
    let next = |outcome: &Outcome| match outcome {
        Outcome::Applied => Some(Outcome::AlreadySo),
        Outcome::AlreadySo => Some(Outcome::Conflict),
        Outcome::Conflict => Some(Outcome::Failed),
        Outcome::Failed => Some(Outcome::Held),
        Outcome::Held => None,
    };
    std::iter::successors(Some(Outcome::Applied), next)
}
