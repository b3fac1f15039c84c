//! `countersign explain`: what a user has, and why.

use super::{Exit, Failed, Outcome, Place, print, talk, workbench};
use crate::desired::accounts::Accounts;
use crate::desired::expand::expand;
use crate::diagnostic::suggest::did_you_mean;
use crate::report;
use crate::request::Timeline;
use clap::ValueEnum;

/// Say what a user has (of one resource, or of all), and why.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The user.
    user: String,
    /// The resource; left out: all.
    resource: Option<String>,
    #[command(flatten)]
    origin: workbench::OriginArgs,
    #[command(flatten)]
    instant: workbench::InstantArgs,
    /// How the answer is shown.
    #[arg(long, value_enum, default_value = "human")]
    format: FormatArg,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum FormatArg {
    /// For people.
    Human,
    /// Entitlements with their causes.
    Json,
}

/// Runs the command.
///
/// # Errors
/// When the repository cannot be read, or has no such user or resource.
pub fn run(place: &Place, args: &Args) -> Outcome {
    let mut reading = workbench::read(&args.origin.origin(&place.folder))?;
    let now = args.instant.resolve(&reading.catalog)?;
    let mut problems = Vec::new();
    let timeline = Timeline::new(&reading.catalog, &mut problems);
    let (provisional, more) = expand(&reading.catalog, &timeline, &Accounts::default(), now);
    problems.extend(more);
    if reading.findings.any_error() || !problems.is_empty() {
        talk(
            "the repository has findings (`countersign validate` shows them); this is what it says all the same",
        );
    }
    let desired = match workbench::seen(place, &mut reading, now) {
        Ok(desired) => desired,
        Err(why) => {
            talk(format!("{why}: names of accounts are provisional"));
            provisional
        }
    };
    let Some(person) = desired.people.get(args.user.as_str()) else {
        let known = desired.people.keys().map(AsRef::as_ref);
        let help = did_you_mean(&args.user, known)
            .map(|h| format!("; {h}"))
            .unwrap_or_default();
        let words = format!("there is no user `{}` at that instant{help}", args.user);
        return Err(Failed::say(Exit::Usage, words));
    };
    if let Some(resource) = &args.resource
        && !desired.resources.contains_key(resource.as_str())
    {
        let known = desired.resources.keys().map(AsRef::as_ref);
        let help = did_you_mean(resource, known)
            .map(|h| format!("; {h}"))
            .unwrap_or_default();
        let words = format!("there is no resource `{resource}`{help}");
        return Err(Failed::say(Exit::Usage, words));
    }
    let only = args.resource.as_deref();
    print(&match args.format {
        FormatArg::Human => report::explain::human(person, &desired, only),
        FormatArg::Json => report::explain::json(person, &desired, only),
    })?;
    Ok(Exit::Done)
}
