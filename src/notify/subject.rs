//! What a mail holds to a subject that tells it and sorts: how many of what, by resource.

use super::Wording;
use super::page::Section;
use super::plain::one_line;
use crate::plan::task::TaskStep;

/// How many resources a subject lists; the mail lists them all.
const LISTED: usize = 4;

/// How many characters of a name a subject shows.
const NAME_LENGTH: usize = 40;

/// Writes the subject of a mail with these sections of work and of reminders and, of the directory of
/// this name, so many changes.
pub(super) fn subject(
    words: &Wording,
    (work, reminders): (&[Section], &[Section]),
    directory: Option<(&str, usize)>,
) -> String {
    let mut parts = Vec::new();
    if !work.is_empty() {
        parts.push(of_tasks(work));
    }
    if !reminders.is_empty() {
        let tasks = counted(cards(reminders), "task");
        let reminder = match parts.is_empty() {
            true => "Reminder of",
            false => "reminder of",
        };
        parts.push(format!("{reminder} {tasks}: {}", names(reminders)));
    }
    if let Some((name, changes)) = directory {
        parts.push(format!("{}: {}", short(name), counted(changes, "change")));
    }
    let urgent = urgent(work.iter().chain(reminders));
    prefixed(words, &format!("{urgent}{}", parts.join("; ")))
}

/// Writes the subject of a mail about work that is open for so many working days and more.
pub(super) fn overdue(words: &Wording, sections: &[Section], days: u32) -> String {
    let days = counted(days as usize, "working day");
    let tasks = counted(cards(sections), "task");
    let urgent = urgent(sections);
    prefixed(
        words,
        &format!("{urgent}Overdue, {days}: {tasks}: {}", names(sections)),
    )
}

/// What a subject begins with where something of the mail cannot wait.
fn urgent<'s>(sections: impl IntoIterator<Item = &'s Section>) -> &'static str {
    let mut cards = sections.into_iter().flat_map(|s| &s.cards);
    match cards.any(|card| card.urgent) {
        true => "urgent: ",
        false => "",
    }
}

fn cards(sections: &[Section]) -> usize {
    sections.iter().map(|s| s.cards.len()).sum()
}

/// A subject with the prefix that all have.
pub(super) fn prefixed(words: &Wording, what: &str) -> String {
    let prefix = words
        .subject_prefix
        .as_deref()
        .unwrap_or(&words.organization);
    format!("[{}] {what}", short(prefix))
}

/// `3 tasks: Timetrack (2), uReport (1)`.
fn of_tasks(sections: &[Section]) -> String {
    let count = |wanted: TaskStep| {
        sections
            .iter()
            .flat_map(|s| &s.cards)
            .filter(|card| card.step == wanted)
            .count()
    };
    let (opened, changed, withdrawn) = (
        count(TaskStep::Open),
        count(TaskStep::Revise),
        count(TaskStep::Cancel),
    );
    let all = counted(opened + changed + withdrawn, "task");
    let what = match (opened, changed, withdrawn) {
        (_, 0, 0) => all,
        (0, _, 0) => format!("{all} changed"),
        (0, 0, _) => format!("{all} withdrawn"),
        (_, _, 0) => format!("{all} ({changed} changed)"),
        (_, 0, _) => format!("{all} ({withdrawn} withdrawn)"),
        (_, _, _) => format!("{all} ({changed} changed, {withdrawn} withdrawn)"),
    };
    format!("{what}: {}", names(sections))
}

/// `Timetrack (2), uReport (1)`.
fn names(sections: &[Section]) -> String {
    let mut names: Vec<String> = sections
        .iter()
        .take(LISTED)
        .map(|s| format!("{} ({})", short(&s.resource), s.cards.len()))
        .collect();
    if sections.len() > LISTED {
        names.push(format!("{} more", sections.len() - LISTED));
    }
    names.join(", ")
}

/// `1 task`, `2 tasks`.
pub(super) fn counted(count: usize, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}

fn short(name: &str) -> String {
    let name = one_line(name);
    match name.char_indices().nth(NAME_LENGTH) {
        Some((end, _)) => format!("{}…", name[..end].trim_end()),
        None => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::{cast, page};
    use crate::plan::task::{TaskAction, TaskChange};

    fn of(tasks: &[TaskChange], directory: Option<(&str, usize)>) -> String {
        let tasks: Vec<&TaskChange> = tasks.iter().collect();
        let sections = page::sections(&tasks);
        subject(&cast::words(), (&sections, &[]), directory)
    }

    fn tasks(resources: &[&str]) -> Vec<TaskChange> {
        let task = |resource| cast::task("jo.hart", "Jo Hart", resource, TaskAction::Grant);
        resources.iter().map(|resource| task(resource)).collect()
    }

    #[test]
    fn it_counts_by_resource() {
        assert_eq!(
            of(&cast::tasks(), None),
            "[City of Bloomington] 3 tasks: Timetrack (2), uReport (1)"
        );
        assert_eq!(
            of(&tasks(&["showers"]), None),
            "[City of Bloomington] 1 task: showers (1)"
        );
        assert_eq!(
            of(&[], Some(("Active Directory", 5))),
            "[City of Bloomington] Active Directory: 5 changes"
        );
        assert_eq!(
            of(&tasks(&["showers"]), Some(("Active Directory", 1))),
            "[City of Bloomington] 1 task: showers (1); Active Directory: 1 change"
        );
    }

    #[test]
    fn it_tells_new_from_changed_from_withdrawn() {
        let mut tasks = tasks(&["a", "b", "c"]);
        let mut of = |steps: [TaskStep; 3]| {
            for (task, step) in tasks.iter_mut().zip(steps) {
                task.step = step;
            }
            let subject = of(&tasks, None);
            let (_, what) = subject.split_once("] ").unwrap();
            what.split_once(':').unwrap().0.to_owned()
        };
        use TaskStep::{Cancel, Open, Revise};
        assert_eq!(of([Revise, Revise, Revise]), "3 tasks changed");
        assert_eq!(of([Cancel, Cancel, Cancel]), "3 tasks withdrawn");
        assert_eq!(of([Open, Open, Revise]), "3 tasks (1 changed)");
        assert_eq!(of([Open, Cancel, Cancel]), "3 tasks (2 withdrawn)");
        assert_eq!(
            of([Cancel, Revise, Cancel]),
            "3 tasks (1 changed, 2 withdrawn)"
        );
    }

    #[test]
    fn it_stays_short_and_on_one_line() {
        let names = ["a", "b", "c", "d", "e", "f"];
        assert!(of(&tasks(&names), None).ends_with(": a (1), b (1), c (1), d (1), 2 more"));
        let long = format!("{}\r\nBcc: x", "ä".repeat(60));
        let subject = of(&[], Some((&long, 2)));
        assert_eq!(
            subject,
            format!("[City of Bloomington] {}…: 2 changes", "ä".repeat(40))
        );
    }
}
