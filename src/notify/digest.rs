//! Tasks and a directory's changes to digests: who is asked what in one mail.

use super::directory::DirectoryWork;
use super::thread::{MessageId, Threads, address_key};
use super::{NotifyError, RunIdentity, Wording, page, subject};
use crate::desired::Recipient;
use crate::ledger::due::{Escalation, Reminder};
use crate::plan::task::{TaskChange, TaskStep};
use crate::plan::{ChangeId, TaskId};
use std::collections::BTreeMap;

/// Writes the mails of a run, sorted by address: one for each address that is asked for anything.
///
/// New work comes first, then what was asked before. A task that is told anyhow is not reminded of in
/// words, and counts as reminded of. Tasks whose mail has to wait for a change are the caller's to leave
/// out ([`TaskChange::after`](crate::plan::TaskChange::after)).
///
/// # Errors
/// [`NotifyError::Template`], which no input brings about.
pub fn digests(
    tasks: &[TaskChange],
    reminders: &[Reminder],
    directory: Option<&DirectoryWork>,
    words: &Wording,
    run: &RunIdentity,
    threads: &Threads,
) -> Result<Vec<Digest>, NotifyError> {
    let attachments = directory
        .map(|work| work.attachments(run))
        .unwrap_or_default();
    asked(tasks, reminders, directory)
        .into_values()
        .map(|asked| digest(&asked, &attachments, words, run, threads))
        .collect()
}

/// Tells somebody who answers for them which tasks are not done; all are for the same address, never empty.
///
/// # Errors
/// [`NotifyError::Template`], which no input brings about.
pub fn overdue(
    escalations: &[&Escalation],
    to: &Recipient,
    words: &Wording,
    run: &RunIdentity,
) -> Result<Digest, NotifyError> {
    let sections = page::overdue(escalations);
    let page = page::Page::overdue(words, run, &sections);
    let written = page::write(words, &page)?;
    let mut tasks: Vec<TaskId> = escalations.iter().map(|e| e.task.id.clone()).collect();
    tasks.sort();
    tasks.dedup();
    Ok(Digest {
        to: to.clone(),
        subject: subject::overdue(words, &sections, longest(escalations)),
        text: written.text,
        html: written.html,
        failed: written.failed,
        attachments: Vec::new(),
        message_id: MessageId::of(&run.intent, &to.mail, &run.sender_domain),
        in_reply_to: Vec::new(),
        tasks,
        reminded: BTreeMap::new(),
        changes: Vec::new(),
    })
}

/// How many working days the oldest of them is open.
fn longest(escalations: &[&Escalation]) -> u32 {
    let days = escalations.iter().map(|e| e.open);
    days.max().unwrap_or_default()
}

/// What one maintainer is asked in one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest {
    /// Who is asked.
    pub to: Recipient,
    /// One line.
    pub subject: String,
    /// The mail as text, lines ending in `\n`.
    pub text: String,
    /// The same as HTML, complete in itself: it loads nothing.
    pub html: String,
    /// Templates of the repository that failed on it, each with its line and why: it is written with ours.
    pub failed: Vec<String>,
    /// The directory's LDIF and PowerShell; empty where only tasks are asked.
    pub attachments: Vec<Attachment>,
    /// What the mail is known by: the same at every attempt to send it.
    pub message_id: MessageId,
    /// The first mails about what this one revises, sorted; empty where all of it is new.
    pub in_reply_to: Vec<MessageId>,
    /// The tasks it asks for, revises or withdraws, sorted.
    pub tasks: Vec<TaskId>,
    /// The tasks it reminds of, and after how many working days each reminder was due.
    pub reminded: BTreeMap<TaskId, u32>,
    /// The directory's changes it asks for, in the order of the plan.
    pub changes: Vec<ChangeId>,
}

/// A file that comes with a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// The file's name: letters, digits, `.` and `-`.
    pub name: String,
    /// Its media type (RFC 2046).
    pub media_type: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// What one address is asked.
struct Asked<'a> {
    to: Recipient,
    tasks: Vec<&'a TaskChange>,
    reminders: Vec<&'a Reminder>,
    directory: Option<&'a DirectoryWork>,
}

impl Asked<'_> {
    /// Of several spellings of an address and names for it, takes the same whatever their order.
    fn known_as(&mut self, recipient: &Recipient) {
        if recipient.mail > self.to.mail {
            self.to.mail.clone_from(&recipient.mail);
        }
        let names = [self.to.name.take(), recipient.name.clone()];
        self.to.name = names.into_iter().flatten().min();
    }
}

/// Sorts the work by address; two spellings of an address are one.
fn asked<'a>(
    tasks: &'a [TaskChange],
    reminders: &'a [Reminder],
    directory: Option<&'a DirectoryWork>,
) -> BTreeMap<String, Asked<'a>> {
    let mut all: BTreeMap<String, Asked<'a>> = BTreeMap::new();
    let mut of = |recipient: &Recipient, add: &dyn Fn(&mut Asked<'a>)| {
        let key = address_key(&recipient.mail);
        let asked = all.entry(key).or_insert_with(|| Asked {
            to: recipient.clone(),
            tasks: Vec::new(),
            reminders: Vec::new(),
            directory: None,
        });
        asked.known_as(recipient);
        add(asked);
    };
    for task in tasks {
        for recipient in &task.task.maintainers {
            of(recipient, &|asked| {
                // The same task twice in a row: its maintainers name an address twice.
                if asked
                    .tasks
                    .last()
                    .is_none_or(|last| !std::ptr::eq(*last, task))
                {
                    asked.tasks.push(task);
                }
            });
        }
    }
    for reminder in reminders {
        of(&reminder.to, &|asked| asked.reminders.push(reminder));
    }
    for recipient in directory.map(DirectoryWork::recipients).unwrap_or_default() {
        of(recipient, &|asked| asked.directory = directory);
    }
    all
}

fn digest(
    asked: &Asked<'_>,
    attachments: &[Attachment],
    words: &Wording,
    run: &RunIdentity,
    threads: &Threads,
) -> Result<Digest, NotifyError> {
    let told = |reminder: &&&Reminder| {
        let mut tasks = asked.tasks.iter();
        !tasks.any(|change| change.task.id == reminder.task.id)
    };
    let reminders: Vec<&Reminder> = asked.reminders.iter().filter(told).copied().collect();
    let mut sections = page::sections(&asked.tasks);
    let fresh = sections.len();
    sections.extend(page::reminders(&reminders));
    let directory_page = asked.directory.map(|work| work.page(attachments));
    let page = page::Page::of(words, run, &sections, directory_page.as_ref());
    let written = page::write(words, &page)?;
    let mail = &asked.to.mail;
    let mut in_reply_to: Vec<MessageId> = asked
        .tasks
        .iter()
        .filter(|change| change.step != TaskStep::Open)
        .map(|change| &change.task.id)
        .chain(reminders.iter().map(|reminder| &reminder.task.id))
        .filter_map(|task| threads.of_task(task, mail))
        .chain(asked.directory.and_then(|_| threads.of_directory(mail)))
        .cloned()
        .collect();
    in_reply_to.sort();
    in_reply_to.dedup();
    let mut tasks: Vec<TaskId> = asked.tasks.iter().map(|c| c.task.id.clone()).collect();
    tasks.sort();
    let changes = asked
        .directory
        .map(DirectoryWork::changes)
        .unwrap_or_default();
    let reminded = asked.reminders.iter();
    let reminded = reminded.map(|reminder| (reminder.task.id.clone(), reminder.after));
    let counted = asked
        .directory
        .map(|work| (work.name(), work.changes().len()));
    Ok(Digest {
        to: asked.to.clone(),
        subject: subject::subject(words, sections.split_at(fresh), counted),
        text: written.text,
        html: written.html,
        failed: written.failed,
        attachments: asked
            .directory
            .map(|_| attachments.to_vec())
            .unwrap_or_default(),
        message_id: MessageId::of(&run.intent, mail, &run.sender_domain),
        in_reply_to,
        tasks,
        reminded: reminded.collect(),
        changes: changes.iter().map(|change| change.id.clone()).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::cast;
    use crate::plan::task::TaskAction;

    fn mails(tasks: &[TaskChange], work: Option<&DirectoryWork>, threads: &Threads) -> Vec<Digest> {
        digests(tasks, &[], work, &cast::words(), &cast::run(), threads).unwrap()
    }

    #[test]
    fn one_mail_for_each_maintainer_however_many_tasks_and_spellings() {
        let mut tasks = cast::tasks();
        let kim = cast::recipient("kim@city.example", "Kim");
        tasks[0].task.maintainers.push(kim.clone());
        tasks[1].task.maintainers = vec![cast::recipient("DANA.Reyes@city.example", "")];
        tasks[2]
            .task
            .maintainers
            .push(cast::recipient("dana.reyes@City.example", "Dana"));
        let work = DirectoryWork::of("Active Directory", &cast::changes(), &[kim]).unwrap();
        let mails = mails(&tasks, Some(&work), &Threads::default());
        let shown: Vec<(&str, usize, usize, usize)> = mails
            .iter()
            .map(|m| {
                (
                    m.to.mail.as_str(),
                    m.tasks.len(),
                    m.changes.len(),
                    m.attachments.len(),
                )
            })
            .collect();
        assert_eq!(
            shown,
            [
                ("dana.reyes@city.example", 3, 0, 0),
                ("kim@city.example", 1, 10, 2)
            ]
        );
        assert_eq!(mails[0].to.name.as_deref(), Some("Dana"));
        assert_ne!(mails[0].message_id, mails[1].message_id);
        assert!(mails.iter().all(|m| m.in_reply_to.is_empty()));
    }

    #[test]
    fn the_order_of_the_tasks_changes_nothing() {
        let mut tasks = cast::tasks();
        tasks[1].task.maintainers = vec![cast::recipient("Dana.Reyes@city.example", "D. Reyes")];
        let expected = mails(&tasks, None, &Threads::default());
        assert_eq!(expected.len(), 1);
        tasks.reverse();
        assert_eq!(mails(&tasks, None, &Threads::default()), expected);
        tasks.rotate_left(1);
        assert_eq!(mails(&tasks, None, &Threads::default()), expected);
    }

    #[test]
    fn an_update_answers_the_first_mail_that_this_maintainer_got() {
        let mut tasks = cast::tasks();
        tasks[0]
            .task
            .maintainers
            .push(cast::recipient("kim@city.example", "Kim"));
        let work = cast::work(&cast::changes());
        let mut threads = Threads::default();
        let first = mails(&tasks, Some(&work), &threads);
        first.iter().for_each(|mail| threads.record(mail));

        tasks.truncate(1);
        tasks[0].step = TaskStep::Revise;
        tasks[0].task.revision = 2;
        let run = RunIdentity {
            intent: "2027-02-02-0001".to_owned(),
            ..cast::run()
        };
        let second = digests(&tasks, &[], Some(&work), &cast::words(), &run, &threads).unwrap();
        for (first, second) in first.iter().zip(&second) {
            assert_eq!(second.in_reply_to, std::slice::from_ref(&first.message_id));
            assert_ne!(second.message_id, first.message_id);
        }
        assert!(second[0].text.contains("this replaces it (revision 2)"));

        second.iter().for_each(|mail| threads.record(mail));
        tasks[0].step = TaskStep::Cancel;
        let third = digests(&tasks, &[], None, &cast::words(), &run, &threads).unwrap();
        assert_eq!(
            third[1].in_reply_to,
            std::slice::from_ref(&first[1].message_id)
        );
        assert!(third[1].text.contains("grant withdrawn: Maria Lopez"));
        assert!(!third[1].text.contains("task done") && !third[1].text.contains("say so"));
    }

    #[test]
    fn nothing_to_ask_is_no_mail() {
        assert!(mails(&[], None, &Threads::default()).is_empty());
    }

    #[test]
    fn the_text_says_who_what_fields_instructions_why_and_how_to_say_done() {
        let mails = mails(&cast::tasks(), None, &Threads::default());
        let [mail] = &mails[..] else {
            panic!("one mail");
        };
        let expected = "\
City of Bloomington: 3 tasks

Please do what follows, and say so with the command under each task.


Timetrack - 2 tasks
https://timetrack.city.example/admin?tab=people&all=1
------------------------------------------------------------------------

revoke: Sam Okafor (employee 001077, sam.okafor)
  What       Access
  User name  sam.okafor
  Do         Open People, find the user name, set *Inactive*.
  Because    request 2027-02-01-terminate-sam, requests/2027-02.yaml:41
  Done?      countersign task done t-ef1dcc933538

grant: Maria Lopez (employee 001091, maria.lopez)
  What         Access
  User name    maria.lopez
  Card number  40021
  Do           Open People > Add.
               The card number is on the back of the badge.
  Because      profile city-employee, profiles/city.yaml:12
               request 2027-02-01-new-hire-maria.lopez, requests/2027-02.yaml:3
  Done?        countersign task done t-c9a647a505fd


uReport - 1 task
------------------------------------------------------------------------

update: Kim Lee (employee 001077, kim.lee)
  What      Staff
  Fields      User name: kim.lee
            - Department: Planning
            + Department: Parks & Recreation
            + Phone: 812-349-0002
  Because   profile city-employee, profiles/city.yaml:12
  Done?     countersign task done t-0f57e62e6772


-- 
Information Technology Services
helpdesk@city.example
Run 2027-02-01-0007, 2027-02-01 05:00 UTC, revision 8f14e45fceea.
";
        assert_eq!(mail.text, expected);
        assert_eq!(
            mail.subject,
            "[City of Bloomington] 3 tasks: Timetrack (2), uReport (1)"
        );
    }

    #[test]
    fn the_html_says_the_same_and_loads_nothing() {
        let work = cast::work(&cast::changes());
        let mails = mails(&cast::tasks(), Some(&work), &Threads::default());
        let html = &mails[0].html;
        for said in [
            "Sam Okafor",
            "employee 001091, maria.lopez",
            "40021",
            "Open People &gt; Add.<br>The card number",
            "Parks &amp; Recreation",
            "requests&#x2f;2027-02.yaml:41",
            "countersign task done t-ef1dcc933538",
            "href=\"https:&#x2f;&#x2f;timetrack.city.example&#x2f;admin?tab=people&amp;all=1\"",
            "changes.ldif",
            "changes.ps1.txt",
        ] {
            assert!(html.contains(said), "{said}\n{html}");
        }
        for loads in [
            "<img", "<link", "<script", "<iframe", "@import", "url(", " src=",
        ] {
            assert!(!html.contains(loads), "{loads}");
        }
    }

    #[test]
    fn a_task_with_nothing_to_link_or_tell_still_reads_well() {
        let mut task = cast::task("jo.hart", "Jo Hart", "showers", TaskAction::Disable);
        task.task.employee_number = None;
        task.task.entitlement_label = String::new();
        task.task.url = Some("http://showers.city.example".to_owned());
        let mails = mails(&[task], None, &Threads::default());
        let text = &mails[0].text;
        assert!(
            text.contains("\ndisable: Jo Hart (jo.hart)\n  What      access\n"),
            "{text}"
        );
        assert!(!text.contains("http:") && !mails[0].html.contains("http:"));
    }
}
