//! Task changes to what the templates show: sections by resource, a card for each task. Every text
//! in it is already one a reader can trust ([`plain`](super::plain)); escaping is the templates'.

use super::difference::{DifferenceLine, difference};
use super::directory::DirectoryPage;
use super::plain::{lines, one_line};
use super::subject::counted;
use super::templates::{Written, rendered};
use super::{NotifyError, RunIdentity, Wording};
use crate::desired::{Cause, Grant};
use crate::ledger::due::{Escalation, Reminder};
use crate::plan::task::{Task, TaskAction, TaskChange, TaskField, TaskStep};
use serde::Serialize;

/// The narrowest and the widest column of labels in the text, in characters.
const LABELS: (usize, usize) = (8, 24);

/// Everything a mail says.
#[derive(Debug, Serialize)]
pub(super) struct Page<'a> {
    pub(super) organization: String,
    pub(super) heading: String,
    pub(super) signature: Vec<String>,
    /// Whether anything is to be said done.
    pub(super) awaits: bool,
    /// What stands above everything where nothing is to be said done.
    pub(super) opening: Option<String>,
    pub(super) sections: &'a [Section],
    pub(super) directory: Option<&'a DirectoryPage>,
    pub(super) run: String,
    pub(super) instant: String,
    pub(super) revision: Option<String>,
}

/// The tasks of one resource.
#[derive(Debug, Serialize)]
pub(super) struct Section {
    /// What stands above it: that what follows was asked before.
    pub(super) lead: Option<String>,
    pub(super) resource: String,
    /// A link, where the resource has one that is `https`.
    pub(super) url: Option<String>,
    pub(super) count: String,
    pub(super) cards: Vec<Card>,
}

/// One task.
#[derive(Debug, Serialize)]
pub(super) struct Card {
    #[serde(skip)]
    pub(super) step: TaskStep,
    /// Whether it cannot wait; what is withdrawn can.
    #[serde(skip)]
    pub(super) urgent: bool,
    pub(super) id: String,
    /// What is asked, in a word or two.
    pub(super) badge: String,
    /// The style it is shown in.
    pub(super) tone: &'static str,
    pub(super) person: String,
    pub(super) about: String,
    pub(super) notice: Option<String>,
    pub(super) rows: Vec<Row>,
    /// How wide the column of labels is in the text, in characters.
    pub(super) width: usize,
    pub(super) difference: Vec<DifferenceLine>,
    pub(super) instructions: Vec<String>,
    pub(super) causes: Vec<CauseLine>,
    pub(super) done: Option<String>,
}

/// A label and what it labels.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    pub(super) label: String,
    pub(super) value: String,
}

/// Why, and where that is written.
#[derive(Debug, Serialize)]
pub(super) struct CauseLine {
    pub(super) text: String,
    pub(super) place: String,
}

impl CauseLine {
    pub(super) fn of(cause: &Cause) -> Self {
        Self {
            text: one_line(&cause.text),
            place: one_line(&format!("{}:{}", cause.file, cause.line)),
        }
    }
}

/// Sorts tasks into sections by the resource's name as people read it, what is urgent before all others; in
/// each, access that goes first.
pub(super) fn sections(tasks: &[&TaskChange]) -> Vec<Section> {
    let cards = tasks.iter().map(|change| (&change.task, card(change)));
    sectioned(cards.collect())
}

/// Sorts what is reminded of into sections, with a lead above the first.
pub(super) fn reminders(reminders: &[&Reminder]) -> Vec<Section> {
    let card = |reminder: &&Reminder| {
        let days = counted(reminder.open as usize, "working day");
        let asked = reminder.asked;
        Card {
            notice: Some(format!("Asked on {asked} and still open, for {days}.")),
            ..asked_for(&reminder.task)
        }
    };
    let cards = reminders.iter().map(|r| (&r.task, card(r)));
    let mut sections = sectioned(cards.collect());
    if let Some(first) = sections.first_mut() {
        first.lead = Some("Asked before, and not said done".to_owned());
    }
    sections
}

/// Sorts what is not done into sections, for whoever answers for it.
pub(super) fn overdue(escalations: &[&Escalation]) -> Vec<Section> {
    let card = |escalation: &&Escalation| {
        let days = counted(escalation.open as usize, "working day");
        let asked = escalation.asked;
        let of = escalation.task.maintainers.iter().map(|m| match &m.name {
            Some(name) => one_line(&format!("{name} <{}>", m.mail)),
            None => one_line(&m.mail),
        });
        let of = Row {
            label: "Asked of".to_owned(),
            value: of.collect::<Vec<_>>().join(", "),
        };
        let card = asked_for(&escalation.task);
        Card {
            notice: Some(format!("Open for {days}, since {asked}.")),
            rows: card.rows.into_iter().chain([of]).collect(),
            done: None,
            ..card
        }
    };
    sectioned(escalations.iter().map(|e| (&e.task, card(e))).collect())
}

fn sectioned(mut cards: Vec<(&Task, Card)>) -> Vec<Section> {
    cards.sort_by_cached_key(|(task, _)| order(task));
    let mut sections: Vec<(&Task, Section)> = Vec::new();
    for (task, card) in cards {
        match sections.last_mut() {
            Some((first, section))
                if first.resource == task.resource && first.urgent == task.urgent =>
            {
                section.cards.push(card)
            }
            Some(_) | None => {
                let url = task.url.as_deref().filter(|url| is_link(url));
                let section = Section {
                    lead: None,
                    resource: one_line(&task.resource_display),
                    url: url.map(str::to_owned),
                    count: String::new(),
                    cards: vec![card],
                };
                sections.push((task, section));
            }
        }
    }
    let counted = |section: Section| Section {
        count: counted(section.cards.len(), "task"),
        ..section
    };
    sections.into_iter().map(|(_, s)| counted(s)).collect()
}

/// Writes a page as text and as HTML.
pub(super) fn write(words: &Wording, page: &Page<'_>) -> Result<Written, NotifyError> {
    rendered(words, "digest", page)
}

impl<'a> Page<'a> {
    /// Puts what a mail says under its heading.
    pub(super) fn of(
        words: &Wording,
        run: &RunIdentity,
        sections: &'a [Section],
        directory: Option<&'a DirectoryPage>,
    ) -> Self {
        let fresh = sections.iter().take_while(|s| s.lead.is_none()).count();
        let (work, reminders) = sections.split_at(fresh);
        let cards = |sections: &[Section]| sections.iter().map(|s| s.cards.len()).sum::<usize>();
        let of = |count: usize, what: &str| (count > 0).then(|| counted(count, what));
        let tasks = of(cards(work), "task");
        let reminders = of(cards(reminders), "reminder");
        let tasks = tasks.into_iter().chain(reminders);
        let changes = directory.map(|d| format!("{} to {}", d.count, d.name));
        let heading: Vec<String> = tasks.chain(changes).collect();
        let mut cards = sections.iter().flat_map(|s| &s.cards);
        let awaits = cards.any(|card| card.done.is_some());
        Self {
            awaits,
            directory,
            ..Self::plain(words, run, heading.join(" and "), sections)
        }
    }

    /// Puts what is not done under its heading, for whoever answers for it.
    pub(super) fn overdue(words: &Wording, run: &RunIdentity, sections: &'a [Section]) -> Self {
        let tasks: usize = sections.iter().map(|s| s.cards.len()).sum();
        let heading = format!("{} overdue", counted(tasks, "task"));
        let opening = "You answer for what follows. Its maintainers were asked and reminded, and have not \
                       said that it is done: please see to it.";
        Self {
            opening: Some(opening.to_owned()),
            ..Self::plain(words, run, heading, sections)
        }
    }

    fn plain(words: &Wording, run: &RunIdentity, heading: String, sections: &'a [Section]) -> Self {
        Self {
            organization: one_line(&words.organization),
            heading,
            signature: words.signature.as_deref().map(lines).unwrap_or_default(),
            awaits: false,
            opening: None,
            sections,
            directory: None,
            run: one_line(&run.intent),
            instant: run.instant.strftime("%Y-%m-%d %H:%M UTC").to_string(),
            revision: run
                .revision
                .as_deref()
                .map(|r| one_line(r).chars().take(12).collect()),
        }
    }
}

/// What tasks are sorted by.
fn order(task: &Task) -> impl Ord {
    let urgency = match task.action {
        TaskAction::Revoke => 0,
        TaskAction::Disable => 1,
        TaskAction::Update => 2,
        TaskAction::Grant => 3,
        TaskAction::Enable => 4,
    };
    (
        !task.urgent,
        task.resource_display.to_lowercase(),
        task.resource.clone(),
        urgency,
        task.user_display.to_lowercase(),
        task.user.clone(),
        task.entitlement.clone(),
        task.id.clone(),
    )
}

/// A task as it was asked for.
fn asked_for(task: &Task) -> Card {
    card(&TaskChange {
        step: TaskStep::Open,
        task: task.clone(),
        after: Vec::new(),
    })
}

fn card(change: &TaskChange) -> Card {
    let task = &change.task;
    let wanted = change.step != TaskStep::Cancel;
    let mut rows = vec![Row {
        label: "What".to_owned(),
        value: what(task),
    }];
    let mut shown = Vec::new();
    match task.action {
        TaskAction::Update => shown = changed_fields(&task.fields),
        TaskAction::Grant | TaskAction::Revoke | TaskAction::Disable | TaskAction::Enable => {
            rows.extend(task.fields.iter().filter_map(|field| {
                let value = field.after.as_ref().or(field.before.as_ref())?;
                Some(Row {
                    label: one_line(&field.label),
                    value: one_line(value),
                })
            }));
        }
    }
    let longest = rows
        .iter()
        .map(|row| row.label.chars().count())
        .max()
        .unwrap_or_default();
    Card {
        step: change.step,
        urgent: wanted && task.urgent,
        id: one_line(&task.id.0),
        badge: match wanted {
            true if task.urgent => format!("urgent: {}", task.action.as_str()),
            true => task.action.as_str().to_owned(),
            false => format!("{} withdrawn", task.action.as_str()),
        },
        tone: if wanted {
            task.action.as_str()
        } else {
            "withdrawn"
        },
        person: one_line(&task.user_display),
        about: about(task),
        notice: notice(change),
        rows,
        width: longest.clamp(LABELS.0, LABELS.1),
        difference: shown,
        instructions: match wanted {
            true => task.instructions.as_deref().map(lines).unwrap_or_default(),
            false => Vec::new(),
        },
        causes: task.causes.iter().map(CauseLine::of).collect(),
        done: wanted.then(|| format!("countersign task done {}", one_line(&task.id.0))),
    }
}

/// What of the resource, in the application's words.
fn what(task: &Task) -> String {
    let label = task.entitlement_label.trim();
    let what = match &task.entitlement.grant {
        grant if label.is_empty() => grant.to_string(),
        Grant::Level(_) => label.to_owned(),
        Grant::Role(_) => format!("role {label}"),
        Grant::Scope(_, value) if label.contains(value) => format!("scope {label}"),
        Grant::Scope(_, value) => format!("scope {label} = {value}"),
    };
    let identity = task.entitlement.identity.as_ref();
    let identity = identity
        .map(|alias| format!(", as identity {alias}"))
        .unwrap_or_default();
    one_line(&format!("{what}{identity}"))
}

/// Employee number and handle.
fn about(task: &Task) -> String {
    let number = task
        .employee_number
        .as_ref()
        .map(|number| format!("employee {number}"));
    let parts: Vec<String> = number.into_iter().chain([task.user.to_string()]).collect();
    one_line(&parts.join(", "))
}

fn notice(change: &TaskChange) -> Option<String> {
    match change.step {
        TaskStep::Open => change.task.reopened.as_deref().map(sentence),
        TaskStep::Revise => {
            let revision = change.task.revision;
            Some(format!(
                "Changed since you were asked: this replaces it (revision {revision})."
            ))
        }
        TaskStep::Cancel if change.task.urgent => {
            Some("No longer asked of you: the user is back, or it is done without you.".to_owned())
        }
        TaskStep::Cancel => Some(
            "No longer wanted: please leave it as it is, and undo it if you have begun.".to_owned(),
        ),
    }
}

/// What an export shows, as a sentence.
fn sentence(shows: &str) -> String {
    let mut chars = shows.chars();
    let first = chars.next().map(char::to_uppercase).into_iter().flatten();
    one_line(&format!("{}{}.", first.collect::<String>(), chars.as_str()))
}

fn changed_fields(fields: &[TaskField]) -> Vec<DifferenceLine> {
    let side = |value: fn(&TaskField) -> Option<&String>| -> Vec<String> {
        let line = |f: &TaskField| Some(one_line(&format!("{}: {}", f.label, value(f)?)));
        fields.iter().filter_map(line).collect()
    };
    difference(&side(|f| f.before.as_ref()), &side(|f| f.after.as_ref()))
}

/// Whether a text is an `https` link and nothing besides.
fn is_link(url: &str) -> bool {
    url.strip_prefix("https://").is_some_and(|rest| {
        !rest.is_empty()
            && rest
                .bytes()
                .all(|b| b.is_ascii_graphic() && !b"\"'<>`\\".contains(&b))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::{RoleName, ScopeName};
    use crate::notify::cast;

    #[test]
    fn what_is_asked_is_in_the_words_of_the_application() {
        let role = Grant::Role(RoleName::new("white-glove.client").unwrap());
        let scope = |value: &str| {
            Grant::Scope(
                ScopeName::new("white-glove.client").unwrap(),
                value.to_owned(),
            )
        };
        let shown = |grant: &Grant, label: &str, identity: Option<&str>| {
            let mut task = cast::task("lucy", "Lucy", "white-glove", TaskAction::Grant).task;
            task.entitlement.grant = grant.clone();
            task.entitlement.identity = identity.map(str::to_owned);
            task.entitlement_label = label.to_owned();
            what(&task)
        };
        assert_eq!(
            shown(&role, "Client user", Some("Client")),
            "role Client user, as identity Client"
        );
        assert_eq!(shown(&scope("*"), "Client", None), "scope Client = *");
        assert_eq!(
            shown(&scope("Acme"), "Client = Acme", None),
            "scope Client = Acme"
        );
        assert_eq!(shown(&role, " ", None), "role white-glove.client");
    }

    #[test]
    fn in_a_resource_access_that_goes_comes_first() {
        use TaskAction::{Disable, Enable, Grant, Revoke, Update};
        let tasks = [Enable, Grant, Update, Disable, Revoke]
            .map(|action| cast::task("jo.hart", "Jo Hart", "showers", action));
        let sections = sections(&tasks.iter().collect::<Vec<_>>());
        let order: Vec<&str> = sections[0].cards.iter().map(|c| c.badge.as_str()).collect();
        assert_eq!(order, ["revoke", "disable", "update", "grant", "enable"]);
    }

    #[test]
    fn only_plain_https_becomes_a_link() {
        assert!(is_link("https://timetrack.city.example/a?b=c&d=%20"));
        for url in [
            "http://x.example",
            "javascript:alert(1)",
            "https://",
            "https://x\" onclick=\"y",
            "https://x y",
            "https://x\r\nBcc: y",
        ] {
            assert!(!is_link(url), "{url:?}");
        }
    }
}
