//! `countersign task`: what maintainers were asked, and saying that it is done.

use super::{Exit, Failed, Outcome, Place, letterbox, print, talk, workbench};
use crate::apply::{Connections, Stop};
use crate::ledger::inbox::{Letterbox, Message};
use crate::ledger::{Event, Ledger, Record, RunId, Seen, TaskStatus};
use crate::operator::Operator;
use crate::plan::TaskId;
use crate::reconcile::run::{self as reconciling, Means};
use crate::reconcile::world;
use crate::report;
use crate::source::Origin;
use clap::{Subcommand, ValueEnum};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// List the work maintainers were asked for, say that it is done, or remind them of it.
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
    /// Remind the maintainers of tasks now; it is recorded, and counts as the reminder that was due.
    Remind {
        /// The tasks, as the mail names them.
        #[arg(required = true)]
        ids: Vec<String>,
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
            let by = place.who(by.as_ref())?;
            let exit = done(&mut ledger, ids, &by, note.as_deref())?;
            ledger.close().map_err(workbench::ledger_failed)?;
            return Ok(exit);
        }
        Command::Remind { ids } => return remind(place, &operator, ids),
    }
    Ok(Exit::Done)
}

fn remind(place: &Place, operator: &Operator, ids: &[String]) -> Outcome {
    let mut ledger = workbench::ledger(operator)?;
    let origin = Origin::Revision {
        folder: place.folder.clone(),
        revision: "HEAD".to_owned(),
    };
    let now = workbench::InstantArgs::now();
    let (_, situation) = workbench::situation(&origin, &now, operator, ledger.history())?;
    let desired = &situation.desired;
    let mut exit = Exit::Done;
    let mut tasks = Vec::new();
    for id in ids {
        let task = TaskId(id.clone());
        let record = ledger.history().tasks().get(&task);
        match record.map(|r| (&r.status, r.told.is_empty())) {
            Some((TaskStatus::Open, false)) => tasks.push(task),
            Some((TaskStatus::Open, true)) => {
                talk(format!("nobody was asked for {id} yet; the next run asks"));
                exit = Exit::Findings;
            }
            Some((status @ (TaskStatus::Done { .. } | TaskStatus::Cancelled { .. }), _)) => {
                talk(format!("{id} is {} already", status.as_str()));
                exit = Exit::Findings;
            }
            None => {
                talk(format!(
                    "there is no task {id}; `countersign task list` shows those that are open"
                ));
                exit = Exit::Findings;
            }
        }
    }
    // Nobody is mailed where another reconciler is at work.
    ledger.vacancy().map_err(workbench::ledger_failed)?;
    let mut mailer =
        world::mailer(operator, &desired.rules.organization).map_err(workbench::open_failed)?;
    let sender = mailer.sender.clone();
    let mut means = Means {
        connections: Connections {
            directory: None,
            rosters: &BTreeMap::new(),
        },
        post: &mut mailer,
        sender: &sender,
        hand_over: &operator.hand_over,
        letters: &operator.letters(),
        desired,
        directory: ("", &[]),
        closing: &|_, _| Vec::new(),
        clock: &Timestamp::now,
        stop: &NeverStop,
    };
    let mails = reconciling::remind(&tasks, &mut means, &mut ledger);
    for mailed in mails.map_err(|error| Failed::new(Exit::World, error))? {
        match &mailed.result {
            Ok(_) => talk(format!("{} was mailed: {}", mailed.to, mailed.subject)),
            Err(why) => {
                talk(format!("{} was not mailed: {why}", mailed.to));
                exit = Exit::Findings;
            }
        }
    }
    ledger.close().map_err(workbench::ledger_failed)?;
    Ok(exit)
}

/// A few mails are not worth stopping for.
struct NeverStop;

impl Stop for NeverStop {
    fn asked(&self) -> bool {
        false
    }
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
