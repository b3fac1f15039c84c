//! `countersign task`: what maintainers were asked, and saying that it is done.

use super::{Exit, Failed, Outcome, Place, letterbox, print, talk, workbench};
use crate::ledger::inbox::{Letterbox, Message};
use crate::ledger::{Event, Ledger, Record, RunId, Seen, TaskStatus};
use crate::plan::TaskId;
use crate::report;
use clap::{Subcommand, ValueEnum};
use jiff::Timestamp;

/// List the work maintainers were asked for, or say that it is done.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List tasks.
    List {
        /// Those that are done or cancelled too.
        #[arg(long)]
        all: bool,
        /// How they are shown.
        #[arg(long, value_enum, default_value = "human")]
        format: FormatArg,
    },
    /// Say that tasks are done.
    Done {
        /// The tasks, as the mail names them.
        #[arg(required = true)]
        ids: Vec<String>,
        /// Who says so; left out: the git identity of the repository.
        #[arg(long)]
        by: Option<String>,
        /// What to add.
        #[arg(long)]
        note: Option<String>,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum FormatArg {
    /// For people.
    Human,
    /// Every task with its content and status.
    Json,
}

/// Runs the command.
///
/// # Errors
/// When the ledger cannot be read or written, or there is no such task.
pub fn run(place: &Place, args: &Args) -> Outcome {
    let operator = workbench::operator(place)?;
    match &args.command {
        Command::List { all, format } => {
            let history = workbench::history(&operator)?;
            let tasks: Vec<_> = history
                .tasks()
                .values()
                .filter(|task| *all || matches!(task.status, TaskStatus::Open))
                .collect();
            print(&match format {
                FormatArg::Human => report::task::human(&tasks),
                FormatArg::Json => report::task::json(&tasks),
            })?;
        }
        Command::Done { ids, by, note } => {
            if let Some(letterbox) = letterbox::of(place, &operator)? {
                return said(&letterbox, ids, by.as_deref(), note.as_deref());
            }
            let mut ledger = workbench::ledger(&operator)?;
            let by = by
                .clone()
                .or_else(|| crate::source::git::identity(&place.folder));
            let Some(by) = by else {
                return Err(Failed::say(Exit::Usage, "say who you are with --by"));
            };
            let exit = done(&mut ledger, ids, &by, note.as_deref())?;
            ledger.close().map_err(workbench::ledger_failed)?;
            return Ok(exit);
        }
    }
    Ok(Exit::Done)
}

/// Says it to whoever keeps the record, under one's own signature.
fn said(letterbox: &Letterbox, ids: &[String], by: Option<&str>, note: Option<&str>) -> Outcome {
    letterbox::nobody_else(by)?;
    for id in ids {
        let message = Message::TaskDone {
            task: TaskId(id.clone()),
            note: note.map(str::to_owned),
        };
        letterbox::send(letterbox, message, &format!("{id} is done"))?;
    }
    Ok(Exit::Done)
}

fn done(ledger: &mut Ledger, ids: &[String], by: &str, note: Option<&str>) -> Outcome {
    let mut exit = Exit::Done;
    for id in ids {
        let now = Timestamp::now();
        let task = TaskId(id.clone());
        if !ledger.history().tasks().contains_key(&task) {
            talk(format!(
                "there is no task {id}; `countersign task list` shows those that are open"
            ));
            exit = Exit::Findings;
            continue;
        }
        let event = Event::TaskDone {
            task,
            by: by.to_owned(),
            note: note.map(str::to_owned),
            seen: Seen::Confirmed,
        };
        let run = RunId(format!("{}-done", now.strftime("%Y%m%dT%H%M%SZ")));
        let record = Record {
            at: now,
            run,
            event,
        };
        match workbench::record(ledger, record) {
            Ok(()) => talk(format!("{id} is done, says {by}")),
            Err(crate::ledger::LedgerError::Contradiction(why)) => {
                talk(format!("{id}: {why}"));
                exit = Exit::Findings;
            }
            Err(error) => return Err(workbench::ledger_failed(error)),
        }
    }
    Ok(exit)
}
