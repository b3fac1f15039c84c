//! `countersign status`: where the loop stands, what is open, and what comes next.

use super::{Exit, Failed, Outcome, Place, print, workbench};
use crate::service::standing::{Standing, human, json};
use crate::service::status::{ConditionKind, Status};
use clap::ValueEnum;
use jiff::Timestamp;

/// Show where the loop stands: the last pass, what is held or stalled and why, open tasks, what comes next.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// How it is shown.
    #[arg(long, value_enum, default_value = "human")]
    format: FormatArg,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum FormatArg {
    /// For people.
    Human,
    /// For programs.
    Json,
}

/// Runs the command: 0 where all is well, 1 where something is held or stalled, 3 where no loop ever ran.
///
/// # Errors
/// When the status or the ledger cannot be read.
pub fn run(place: &Place, args: &Args) -> Outcome {
    let operator = workbench::operator(place)?;
    let file = Status::file(&operator.ledger);
    let status = Status::read(&file).map_err(|error| Failed::new(Exit::World, error))?;
    let Some(status) = status else {
        return Err(Failed::say(
            Exit::World,
            format!(
                "no loop has run here ({} is not there); `countersign run` is one",
                file.display()
            ),
        ));
    };
    let history = workbench::history(&operator)?;
    let standing = Standing::of(&status, &history, Timestamp::now());
    print(&match args.format {
        FormatArg::Human => human(&standing),
        FormatArg::Json => json(&standing),
    })?;
    let needs = status.is(ConditionKind::Held) || status.is(ConditionKind::Stalled);
    Ok(match needs {
        true => Exit::Findings,
        false => Exit::Done,
    })
}
