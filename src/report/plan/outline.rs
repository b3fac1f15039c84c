//! A plan → what a reader sees of it, in order: a head, the lines of each person, what maintainers
//! are asked, what is assumed, held and found, and a count of it all.

use super::text::Shown;
use super::words::{self, Line, Word};
use crate::name::UserName;
use crate::plan::{DirectoryMode, Plan, Verdict};
use std::collections::BTreeMap;

/// Of the entitlements that are assumed held so many are listed: there may be thousands, once.
const ASSUMED_LISTED: usize = 10;

/// How much of a commit's hash is shown: enough to find it, and git's own habit with room to spare.
const REVISION_SHOWN: usize = 12;

/// A plan in the order it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Outline {
    /// What it was made of, when, and what its approval rests on.
    pub(super) head: Vec<Vec<Word>>,
    /// The lines of each person, in the order of their first changes.
    pub(super) people: Vec<Person>,
    /// What maintainers are asked.
    pub(super) tasks: Vec<Line>,
    /// The first of what is assumed held.
    pub(super) assumed: Vec<Line>,
    /// How many more are.
    pub(super) more_assumed: usize,
    /// What is held.
    pub(super) held: Vec<Line>,
    /// What people should know.
    pub(super) findings: Vec<Line>,
    /// The guards that the plan is beyond.
    pub(super) guards: Vec<Line>,
    /// How much of each: `3 changes, 2 tasks, 1 held`.
    pub(super) summary: String,
}

/// One person's changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Person {
    /// The user; none: members of groups whom nobody here knows.
    pub(super) name: Option<Shown>,
    /// In plan order.
    pub(super) lines: Vec<Line>,
}

impl Outline {
    pub(super) fn of(plan: &Plan) -> Self {
        let beyond = plan
            .guards
            .iter()
            .filter(|guard| guard.verdict == Verdict::Beyond);
        let assumed = plan.assumed.iter().take(ASSUMED_LISTED);
        Self {
            head: head(plan),
            people: people(plan),
            tasks: plan.tasks.iter().map(words::task).collect(),
            assumed: assumed.map(words::assumption).collect(),
            more_assumed: plan.assumed.len().saturating_sub(ASSUMED_LISTED),
            held: plan.held.iter().map(words::held).collect(),
            findings: plan.findings.iter().map(words::finding).collect(),
            guards: beyond.map(words::guard).collect(),
            summary: summary(plan),
        }
    }
}

/// What the plan was made of, when, until when it holds, and whose word it rests on.
pub(super) fn head(plan: &Plan) -> Vec<Vec<Word>> {
    use Word::Ours;
    let mut first = match &plan.revision {
        Some(revision) => {
            vec![
                Ours("plan of "),
                Word::Name(Shown::of(revision, usize::MAX).first(REVISION_SHOWN)),
            ]
        }
        None => vec![Ours("plan of the working folder")],
    };
    first.extend([Ours(" for "), words::name(&plan.instant.to_string())]);
    if let Some(until) = plan.valid_until {
        first.extend([Ours(", valid until "), words::name(&until.to_string())]);
    }
    let mut approval = vec![Ours("approval: "), words::name(&plan.approval)];
    if plan.approval == "trust-branch" {
        approval.push(Ours(" (nobody's approval was checked)"));
    }
    let mode = match plan.directory_mode {
        DirectoryMode::Direct => None,
        DirectoryMode::Maintainer => Some(vec![Ours(
            "directory: written by its maintainers, who are mailed the changes",
        )]),
    };
    [first, approval].into_iter().chain(mode).collect()
}

fn people(plan: &Plan) -> Vec<Person> {
    let mut places: BTreeMap<Option<&UserName>, usize> = BTreeMap::new();
    let mut people: Vec<Person> = Vec::new();
    for change in &plan.changes {
        let user = change.user.as_ref();
        let place = *places.entry(user).or_insert(people.len());
        if place == people.len() {
            let name = user.map(|user| Shown::of(user.as_str(), usize::MAX));
            people.push(Person {
                name,
                lines: Vec::new(),
            });
        }
        if let Some(person) = people.get_mut(place) {
            person.lines.push(words::change(change));
        }
    }
    people
}

fn summary(plan: &Plan) -> String {
    if plan.is_empty() {
        return "nothing to do".into();
    }
    let parts = [
        (plan.changes.len(), counted(plan.changes.len(), "change")),
        (plan.tasks.len(), counted(plan.tasks.len(), "task")),
        (plan.held.len(), format!("{} held", plan.held.len())),
        (
            plan.assumed.len(),
            format!("{} assumed held", plan.assumed.len()),
        ),
    ];
    let parts = parts.into_iter().filter(|(number, _)| *number > 0);
    parts.map(|(_, text)| text).collect::<Vec<_>>().join(", ")
}

/// A number with its noun.
pub(super) fn counted(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
