//! `countersign mail`: what mails look like, with the repository's own templates, before any goes out.

use super::{Exit, Failed, Outcome, Place, print, talk, workbench};
use crate::desired::expand::rules;
use crate::desired::{Recipient, Rules};
use crate::diagnostic::Code;
use crate::ledger::due::{Escalation, Reminder};
use crate::ledger::{History, TaskRecord, TaskStatus};
use crate::notify::post::Letter;
use crate::notify::sample::{self, Kind};
use crate::notify::templates::{names, ours_of};
use crate::notify::{Digest, NotifyError, Sender, Threads, Wording, digests, overdue};
use crate::plan::{Task, TaskChange, TaskStep};
use clap::{Subcommand, ValueEnum};
use jiff::Timestamp;

/// Look at mails before any goes out.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write a mail to the terminal, with real tasks or with a sample.
    Preview {
        /// Which mail.
        #[arg(value_enum, default_value = "digest")]
        mail: KindArg,
        /// With this task of the ledger, open or not.
        #[arg(long, value_name = "ID", conflicts_with = "user")]
        task: Option<String>,
        /// With the open tasks about this user.
        #[arg(long, value_name = "NAME")]
        user: Option<String>,
        /// Which part of the mail.
        #[arg(long, value_enum, default_value = "text")]
        format: FormatArg,
        #[command(flatten)]
        origin: workbench::OriginArgs,
    },
    /// Print one of the templates that mails are written with where `templates/` has none of its name.
    Template {
        /// Its name, as `digest.html`; left out: all names.
        name: Option<String>,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum KindArg {
    /// What a maintainer is asked.
    Digest,
    /// What a maintainer is reminded of.
    Reminder,
    /// What whoever answers for a resource is told.
    Overdue,
    /// That a request was merged, access is ready, somebody left.
    Notice,
}

impl From<KindArg> for Kind {
    fn from(kind: KindArg) -> Self {
        match kind {
            KindArg::Digest => Self::Digest,
            KindArg::Reminder => Self::Reminder,
            KindArg::Overdue => Self::Overdue,
            KindArg::Notice => Self::Notice,
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum FormatArg {
    /// The mail as text.
    Text,
    /// The mail as HTML.
    Html,
    /// The whole mail, headers included.
    Eml,
}

/// Runs the command.
///
/// # Errors
/// When the repository or the ledger cannot be read, or there is no such task or template.
pub fn run(place: &Place, args: &Args) -> Outcome {
    match &args.command {
        Command::Preview {
            mail,
            task,
            user,
            format,
            origin,
        } => {
            let about = match (task, user) {
                (Some(id), _) => About::Task(id),
                (None, Some(name)) => About::User(name),
                (None, None) => About::Sample,
            };
            preview(place, (*mail).into(), &about, *format, origin)
        }
        Command::Template { name: None } => {
            let names: String = names().map(|name| format!("{name}\n")).collect();
            print(&names)?;
            Ok(Exit::Done)
        }
        Command::Template { name: Some(name) } => {
            let known = || names().collect::<Vec<_>>().join(", ");
            let text = ours_of(name).ok_or_else(|| {
                let words = format!("there is no template `{name}`; there are {}", known());
                Failed::say(Exit::Usage, words)
            })?;
            print(text)?;
            Ok(Exit::Done)
        }
    }
}

/// What a preview is about.
enum About<'a> {
    Task(&'a str),
    User(&'a str),
    Sample,
}

fn preview(
    place: &Place,
    kind: Kind,
    about: &About<'_>,
    format: FormatArg,
    origin: &workbench::OriginArgs,
) -> Outcome {
    let operator = workbench::operator(place)?;
    let reading = workbench::read(&origin.origin(&place.folder))?;
    let mut exit = Exit::Done;
    for found in &reading.findings.diagnostics {
        if found.code == Code::BadMailTemplate {
            let at = &found.place;
            talk(format!("{}:{}: {}", at.file, at.line, found.message));
            exit = Exit::Findings;
        }
    }
    let rules = rules(&reading.catalog);
    let sender = Sender {
        mail: operator.mail.from.clone(),
        name: Some(rules.organization.clone()),
    };
    let now = Timestamp::now();
    let digest = match about {
        About::Sample => sample::mail(kind, &Wording::from(&rules), &sample::run(sender.domain())),
        About::Task(_) | About::User(_) => {
            let history = workbench::history(&operator)?;
            let records = records(&history, about)?;
            real(kind, &records, &rules, sender.domain(), now)
        }
    };
    let digest = digest.map_err(|error| match error {
        NotifyError::Nothing => Failed::say(
            Exit::Usage,
            "a notice is not about a task; leave --task and --user out",
        ),
        error @ (NotifyError::Template(_) | NotifyError::Sample(_)) => {
            Failed::new(Exit::Findings, error)
        }
    })?;
    print(&match format {
        FormatArg::Text => digest.text,
        FormatArg::Html => digest.html,
        FormatArg::Eml => {
            let letter = Letter::of(&digest, &sender, now);
            letter.map_err(|e| Failed::new(Exit::Usage, e))?.mime
        }
    })?;
    Ok(exit)
}

/// The tasks that a preview is about; never empty.
fn records<'h>(history: &'h History, about: &About<'_>) -> Result<Vec<&'h TaskRecord>, Failed> {
    let all = history.tasks().values();
    let (records, none): (Vec<_>, String) = match about {
        About::Task(id) => (
            all.filter(|r| r.task.id.0 == **id).collect(),
            format!("there is no task {id}; `countersign task list --all` shows them"),
        ),
        About::User(name) => (
            all.filter(|r| r.task.user.as_str() == *name && r.status == TaskStatus::Open)
                .collect(),
            format!("no task is open about `{name}`"),
        ),
        About::Sample => (Vec::new(), "there is no task".to_owned()),
    };
    match records.is_empty() {
        true => Err(Failed::say(Exit::Findings, none)),
        false => Ok(records),
    }
}

/// The mail to the first who is asked for these tasks.
fn real(
    kind: Kind,
    records: &[&TaskRecord],
    rules: &Rules,
    sender_domain: &str,
    now: Timestamp,
) -> Result<Digest, NotifyError> {
    let words = Wording::from(rules);
    let run = sample::run(sender_domain);
    let calendar = &rules.following.calendar;
    let to = records
        .iter()
        .find_map(|r| r.task.maintainers.first().cloned());
    let to: Recipient = to.ok_or(NotifyError::Nothing)?;
    let first = |record: &TaskRecord| {
        let told = record.told.values().map(|told| told.first);
        told.min().unwrap_or(record.opened)
    };
    match kind {
        Kind::Notice => Err(NotifyError::Nothing),
        Kind::Digest => {
            let change = |record: &&TaskRecord| {
                let mut task = Task::clone(&record.task);
                task.maintainers = vec![to.clone()];
                TaskChange {
                    step: match record.status {
                        TaskStatus::Cancelled { .. } => TaskStep::Cancel,
                        TaskStatus::Open | TaskStatus::Done { .. } if task.revision > 1 => {
                            TaskStep::Revise
                        }
                        TaskStatus::Open | TaskStatus::Done { .. } => TaskStep::Open,
                    },
                    task,
                    after: Vec::new(),
                }
            };
            let tasks: Vec<TaskChange> = records.iter().map(change).collect();
            let mails = digests(&tasks, &[], None, &words, &run, &Threads::default())?;
            mails.into_iter().next().ok_or(NotifyError::Nothing)
        }
        Kind::Reminder => {
            let reminder = |record: &&TaskRecord| Reminder {
                to: to.clone(),
                task: Task::clone(&record.task),
                asked: calendar.date(first(record)),
                after: 0,
                open: calendar.between(first(record), now),
            };
            let reminders: Vec<Reminder> = records.iter().map(reminder).collect();
            let mails = digests(&[], &reminders, None, &words, &run, &Threads::default())?;
            mails.into_iter().next().ok_or(NotifyError::Nothing)
        }
        Kind::Overdue => {
            let escalation = |record: &&TaskRecord| Escalation {
                to: to.clone(),
                task: Task::clone(&record.task),
                asked: calendar.date(first(record)),
                open: calendar.between(first(record), now),
            };
            let escalations: Vec<Escalation> = records.iter().map(escalation).collect();
            let all: Vec<&Escalation> = escalations.iter().collect();
            overdue(&all, &to, &words, &run)
        }
    }
}
