//! `countersign ledger`: what the record holds, whether all of it is as it was written, and a new
//! beginning after a loss.

use super::{Exit, Failed, Outcome, Place, print, talk, workbench};
use crate::ledger::{Begun, History, Ledger, verify};
use crate::manifest::parse::Known;
use crate::plan::recorded::Kept;
use crate::reconcile::{self, rebuild};
use crate::report;
use crate::source::Origin;
use clap::{Subcommand, ValueEnum};
use jiff::Timestamp;

/// Show the record, verify it, or begin it anew after a loss.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show runs, tasks, and who has the lease.
    Show {
        /// How it is shown.
        #[arg(long, value_enum, default_value = "human")]
        format: FormatArg,
    },
    /// Verify every line, and of a shared record every commit and its signature.
    Verify,
    /// Begin a lost record anew: from this machine's file where that is whole, else with what is
    /// wanted now taken as held. Nothing is written to the directory, nobody is mailed.
    Rebuild {
        /// The revision whose manual work is taken as done.
        #[arg(long, default_value = "HEAD", value_name = "REVISION")]
        rev: String,
        /// Who says so; left out: the git identity of the repository.
        #[arg(long)]
        by: Option<String>,
        /// It was lost, though nothing on this machine tells that there was one.
        #[arg(long)]
        lost: bool,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum FormatArg {
    /// For people.
    Human,
    /// Everything that is shown, and every run.
    Json,
}

/// Runs the command.
///
/// # Errors
/// When the ledger cannot be read, or is not lost.
pub fn run(place: &Place, args: &Args) -> Outcome {
    match &args.command {
        Command::Show { format } => {
            let operator = workbench::operator(place)?;
            let history = workbench::history(&operator)?;
            print(&match format {
                FormatArg::Human => report::ledger::human(&history),
                FormatArg::Json => report::ledger::json(&history),
            })?;
            for finding in history.findings() {
                talk(format!("warning: {}", finding.message));
            }
            Ok(Exit::Done)
        }
        Command::Verify => {
            let operator = workbench::operator(place)?;
            let shared = workbench::shared(&operator)?;
            let verified = verify::verify(&operator.ledger, shared);
            let verified = verified.map_err(workbench::ledger_failed)?;
            print(&report::ledger::verified(&verified))?;
            match verified.faults.is_empty() {
                true => Ok(Exit::Done),
                false => Ok(Exit::Findings),
            }
        }
        Command::Rebuild { rev, by, lost } => {
            let by = place.who(by.as_ref())?;
            let told = match lost {
                true => Told::Lost,
                false => Told::Nothing,
            };
            rebuilt(place, rev, &by, told)
        }
    }
}

/// What an administrator says of the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Nothing,
    Lost,
}

fn rebuilt(place: &Place, rev: &str, by: &str, told: Told) -> Outcome {
    let operator = workbench::operator(place)?;
    let failed = workbench::ledger_failed;
    let begun = match workbench::shared(&operator)? {
        Some(shared) => Ledger::begin_anew(&operator.ledger, shared).map_err(failed)?,
        None => {
            let ledger = Ledger::open(&operator.ledger).map_err(failed)?;
            match ledger.history().recorded().kept {
                Kept::Yes => Begun::AsItWas(ledger),
                Kept::No => Begun::Anew(ledger),
            }
        }
    };
    let (mut ledger, lost) = match begun {
        Begun::AsItWas(ledger) => (ledger, told),
        Begun::Anew(ledger) => (ledger, Told::Lost),
    };
    let is_whole = !ledger.history().head().is_empty();
    match (lost, is_whole) {
        (Told::Nothing, true) => {
            return Err(Failed::say(
                Exit::Usage,
                "the ledger is there, so there is nothing to begin anew",
            ));
        }
        (Told::Nothing, false) => {
            return Err(Failed::say(
                Exit::Usage,
                "nothing tells that there ever was a ledger, and the first run begins one; with --lost one is begun as after a loss",
            ));
        }
        (Told::Lost, true) => {
            let run = rebuild::run(Timestamp::now());
            ledger.hold(run).map_err(failed)?;
            ledger.close().map_err(failed)?;
            print(&format!(
                "the branch of the ledger is begun anew from {}; what other machines had pushed after its last record is lost",
                operator.ledger.display()
            ))?;
            return Ok(Exit::Done);
        }
        (Told::Lost, false) => {}
    }
    let origin = Origin::Revision {
        folder: place.folder.clone(),
        revision: rev.to_owned(),
    };
    let now = workbench::InstantArgs::now();
    let nothing = History::default();
    let (reading, situation) = workbench::situation(&origin, &now, &operator, &nothing)?;
    let revision = reading.source.revision.clone().unwrap_or_default();
    let instant = situation.desired.instant;
    let present = reconcile::bootstrap(
        &place.folder,
        &revision,
        &situation,
        instant,
        &mut Known::default(),
    )
    .map_err(|error| Failed::new(Exit::World, error))?;
    let at = Timestamp::now();
    ledger.hold(rebuild::run(at)).map_err(failed)?;
    let records = rebuild::records(&present, by, at);
    ledger.append_all(records).map_err(failed)?;
    ledger.close().map_err(failed)?;
    print(&report::ledger::rebuilt(&present))?;
    Ok(Exit::Done)
}
