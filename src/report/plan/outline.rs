//! A plan → what a reader sees of it, in order: a head, the lines of each person, what is
//! adopted, assumed, held and found, and a count of it all.

use super::text::Shown;
use super::words::{self, CAUSES_SHOWN, Line, Reasons, Word};
use crate::desired::Cause;
use crate::name::UserName;
use crate::plan::{Action, Change, DirectoryMode, Notice, Plan, TaskChange, Verdict};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// Of what is adopted and of what is assumed held so many are listed: once there may be thousands.
const LISTED: usize = 3;

/// How much of a commit's hash is shown: enough to find it, and git's own habit with room to spare.
const REVISION_SHOWN: usize = 12;

/// A plan in the order it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Outline {
    /// What it was made of, when, and what its approval rests on.
    pub(super) head: Vec<Vec<Word>>,
    /// The lines of each person, in the order of their first changes.
    pub(super) people: Vec<Person>,
    /// The first of the accounts that are adopted.
    pub(super) adopted: Vec<Line>,
    /// How many more are.
    pub(super) more_adopted: usize,
    /// The first of what is assumed held.
    pub(super) assumed: Vec<Line>,
    /// How many more is.
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

/// One person's changes and tasks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Person {
    /// The user; none: members of groups whom nobody here knows.
    pub(super) name: Option<Shown>,
    /// Why all of them; what a line has beside is with that line.
    pub(super) reasons: Reasons,
    /// Changes, then tasks, both in plan order.
    pub(super) lines: Vec<Line>,
}

impl Outline {
    pub(super) fn of(plan: &Plan) -> Self {
        let beyond = plan
            .guards
            .iter()
            .filter(|guard| guard.verdict == Verdict::Beyond);
        let adoptions = plan.changes.iter().filter(|change| is_adoption(change));
        let assumed = plan.assumed.iter().take(LISTED);
        Self {
            head: head(plan),
            people: people(plan),
            more_adopted: adoptions.clone().count().saturating_sub(LISTED),
            adopted: adoptions.take(LISTED).map(words::adoption).collect(),
            assumed: assumed.map(words::assumption).collect(),
            more_assumed: plan.assumed.len().saturating_sub(LISTED),
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
    first.extend([Ours(" for "), second(plan.instant)]);
    if let Some(until) = plan.valid_until {
        first.extend([Ours(", valid until "), second(until)]);
    }
    let mut approval = vec![Ours("approval: "), words::name(&plan.approval)];
    if plan.approval == "trust-branch" {
        approval.push(Ours(" (nobody's approval was checked)"));
    }
    if let Some(line) = &plan.verified {
        approval.extend([Ours(", from "), hash(&line.bootstrap)]);
        if plan.revision.as_ref() != Some(&line.head) {
            approval.extend([Ours("; the branch is at "), hash(&line.head)]);
        }
    }
    let evidence = plan.verified.iter().flat_map(|line| &line.evidence);
    let evidence = evidence.filter(|e| !e.approvers.is_empty());
    let behind = evidence.map(|evidence| {
        let mut words = vec![Ours("approved: "), hash(&evidence.commit), Ours(" by ")];
        for (index, approver) in evidence.approvers.iter().enumerate() {
            words.extend((index > 0).then_some(Ours(", ")));
            words.push(words::name(approver.user.as_str()));
        }
        let work = evidence.changes.len() + evidence.tasks.len();
        words.extend([Ours(", behind "), Word::Count(work), Ours(" of this")]);
        words
    });
    let behind: Vec<Vec<Word>> = behind.collect();
    let mode = match plan.directory_mode {
        DirectoryMode::Direct => None,
        DirectoryMode::Maintainer => Some(vec![Ours(
            "directory: written by its maintainers, who are mailed the changes",
        )]),
    };
    [first, approval]
        .into_iter()
        .chain(behind)
        .chain(mode)
        .collect()
}

/// A commit, as much of it as finds it.
fn hash(commit: &str) -> Word {
    Word::Name(Shown::of(commit, usize::MAX).first(REVISION_SHOWN))
}

/// The instant to the second: what is finer tells people nothing.
fn second(instant: Timestamp) -> Word {
    let second = Timestamp::from_second(instant.as_second()).unwrap_or(instant);
    words::name(&second.to_string())
}

fn is_adoption(change: &Change) -> bool {
    change.action == Action::Adopt
}

/// What stands below one person's name.
enum Entry<'a> {
    Change(&'a Change),
    Task(&'a TaskChange),
    Notice(&'a Notice),
}

impl Entry<'_> {
    fn causes(&self) -> &[Cause] {
        match self {
            Self::Change(change) => &change.causes,
            Self::Task(change) => &change.task.causes,
            Self::Notice(notice) => &notice.causes,
        }
    }

    fn line(&self, given: &[Cause]) -> Line {
        match self {
            Self::Change(change) => words::change(change, given),
            Self::Task(change) => words::task(change, given),
            Self::Notice(notice) => words::notice(notice, given),
        }
    }
}

/// Everybody with a change or task, in the order of the first; adoptions stand elsewhere.
fn people(plan: &Plan) -> Vec<Person> {
    let changes = plan.changes.iter().filter(|change| !is_adoption(change));
    let changes = changes.map(|change| (change.user.as_ref(), Entry::Change(change)));
    let tasks = plan.tasks.iter();
    let tasks = tasks.map(|task| (Some(&task.task.user), Entry::Task(task)));
    let notices = plan.notices.iter().filter(|n| !n.to.is_empty());
    let notices = notices.map(|n| (Some(&n.key.user), Entry::Notice(n)));
    let mut places: BTreeMap<Option<&UserName>, usize> = BTreeMap::new();
    let mut people: Vec<(Option<&UserName>, Vec<Entry<'_>>)> = Vec::new();
    for (user, entry) in changes.chain(tasks).chain(notices) {
        let place = *places.entry(user).or_insert(people.len());
        match people.get_mut(place) {
            Some((_, entries)) => entries.push(entry),
            None => people.push((user, vec![entry])),
        }
    }
    let people = people.into_iter().map(|(user, entries)| {
        let given = shared(&entries);
        Person {
            name: user.map(|user| Shown::of(user.as_str(), usize::MAX)),
            reasons: Reasons::of(&given, &[]),
            lines: entries.iter().map(|entry| entry.line(&given)).collect(),
        }
    });
    people.collect()
}

/// What gives a person all of it: each with the place that most of it comes from. A line that the
/// same comes from another place keeps that place.
fn shared(entries: &[Entry<'_>]) -> Vec<Cause> {
    let [first, _, ..] = entries else {
        return Vec::new();
    };
    let mut texts: Vec<&str> = first.causes().iter().map(|cause| &*cause.text).collect();
    texts.dedup();
    texts.retain(|text| {
        let has = |entry: &Entry<'_>| entry.causes().iter().any(|cause| &*cause.text == *text);
        entries.iter().all(has)
    });
    let most = texts.iter().filter_map(|text| {
        let mut counts: BTreeMap<&Cause, usize> = BTreeMap::new();
        for cause in entries.iter().flat_map(Entry::causes) {
            if &*cause.text == *text {
                *counts.entry(cause).or_default() += 1;
            }
        }
        // Of equally frequent ones the first by place.
        let most = counts.into_iter().rev().max_by_key(|(_, count)| *count);
        most.map(|(cause, _)| cause.clone())
    });
    most.take(CAUSES_SHOWN).collect()
}

fn summary(plan: &Plan) -> String {
    if plan.is_empty() {
        return "nothing to do".into();
    }
    let told = plan.summary.notices;
    let parts = [
        (plan.changes.len(), counted(plan.changes.len(), "change")),
        (plan.tasks.len(), counted(plan.tasks.len(), "task")),
        (told, counted(told, "notice")),
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
