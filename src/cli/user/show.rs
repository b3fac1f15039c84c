//! `countersign user show`: one user, at an instant.

use super::super::{Exit, Failed, Outcome, Place, print, workbench};
use super::list::at;
use crate::diagnostic::suggest::did_you_mean;
use crate::report::people::{json, one, row};
use clap::ValueEnum;

/// Show what one user is and has; `countersign explain USER` says why.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The user.
    user: String,
    #[command(flatten)]
    origin: workbench::OriginArgs,
    #[command(flatten)]
    instant: workbench::InstantArgs,
    /// How they are shown.
    #[arg(long, value_enum, default_value = "human")]
    format: FormatArg,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum FormatArg {
    /// For people.
    Human,
    /// As in the list.
    Json,
}

/// Runs the command.
///
/// # Errors
/// When the repository cannot be read, or has no such user.
pub fn run(place: &Place, args: &Args) -> Outcome {
    let reading = workbench::read(&args.origin.origin(&place.folder))?;
    let now = args.instant.resolve(&reading.catalog)?;
    let people = at(place, &reading, now);
    let desired = &people.desired;
    let known = desired.people.get(args.user.as_str());
    let known = known.zip(people.folded.people.get(args.user.as_str()));
    let Some((person, user)) = known else {
        let known = desired.people.keys().map(AsRef::as_ref);
        let help = did_you_mean(&args.user, known).map(|h| format!("; {h}"));
        let words = format!(
            "there is no user `{}` at that instant{}",
            args.user,
            help.unwrap_or_default()
        );
        return Err(Failed::say(Exit::Usage, words));
    };
    let row = row(&reading.catalog, &people, user, person);
    print(&match args.format {
        FormatArg::Human => one(&reading.catalog, &row, person),
        FormatArg::Json => json(std::slice::from_ref(&row)),
    })?;
    Ok(Exit::Done)
}
