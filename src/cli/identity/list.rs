//! `countersign identity list`: identities with their roles and rows.

use super::{Exit, Failed, Outcome, Place, application, desired, person, talk, workbench};
use crate::cli::print;
use crate::report::identity::{gone, json, listed, table};
use clap::ValueEnum;

/// List identities with their roles and scopes, and which of them is the one at log-on.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The user; left out: all.
    user: Option<String>,
    /// Only in this application.
    #[arg(long, value_name = "RESOURCE")]
    application: Option<String>,
    #[command(flatten)]
    origin: workbench::OriginArgs,
    #[command(flatten)]
    instant: workbench::InstantArgs,
    /// How they are shown.
    #[arg(long, value_enum, default_value = "table")]
    format: FormatArg,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum FormatArg {
    /// For people.
    Table,
    /// For spreadsheets; what they would take for a formula has an apostrophe before it.
    Csv,
    /// For programs: every identity with roles, permissions, scopes and causes.
    Json,
}

/// Runs the command.
///
/// # Errors
/// When the repository or the ledger cannot be read, or there is no such user or application.
pub fn run(place: &Place, args: &Args) -> Outcome {
    let operator = workbench::operator(place)?;
    let history = workbench::history(&operator)?;
    let reading = workbench::read(&args.origin.origin(&place.folder))?;
    let now = args.instant.resolve(&reading.catalog)?;
    let desired = desired(&reading, now);
    let user = args.user.as_ref().map(|name| person(&desired, name));
    let user = user.transpose()?.map(|person| &person.name);
    let only = args.application.as_ref();
    let only = only.map(|name| application(&reading, name)).transpose()?;
    let list = listed(&desired, history.selections(), user, only);
    for line in gone(&list) {
        talk(line);
    }
    match args.format {
        FormatArg::Table if list.is_empty() => talk("no identities"),
        FormatArg::Table => print(&table(&list).human())?,
        FormatArg::Csv => {
            let text = table(&list).csv();
            print(&text.map_err(|error| Failed::new(Exit::World, error))?)?;
        }
        FormatArg::Json => print(&json(&list))?,
    }
    Ok(Exit::Done)
}
