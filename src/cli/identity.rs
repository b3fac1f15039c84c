//! `countersign identity`: who people are in applications.

mod create;
mod export;
mod list;
mod select;

use super::{Exit, Failed, Outcome, Place, letterbox, talk, workbench};
use crate::desired::accounts::Accounts;
use crate::desired::expand::expand;
use crate::desired::{Desired, Person};
use crate::diagnostic::suggest::did_you_mean;
use crate::name::ResourceName;
use crate::reconcile::Reading;
use crate::request::Timeline;
use clap::Subcommand;
use jiff::Timestamp;

/// Who people are in applications: create and list identities, select the one at log-on, export whose rows each sees.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Create(Box<create::Args>),
    List(list::Args),
    Select(select::Args),
    Export(export::Args),
}

/// Runs the command.
///
/// # Errors
/// As the command that is named.
pub fn run(place: &Place, args: &Args) -> Outcome {
    match &args.command {
        Command::Create(args) => create::run(place, args),
        Command::List(args) => list::run(place, args),
        Command::Select(args) => select::run(place, args),
        Command::Export(args) => export::run(place, args),
    }
}

/// What should be at an instant, as far as manifests say it.
fn desired(reading: &Reading, now: Timestamp) -> Desired {
    let mut problems = Vec::new();
    let timeline = Timeline::new(&reading.catalog, &mut problems);
    let (desired, more) = expand(&reading.catalog, &timeline, &Accounts::default(), now);
    problems.extend(more);
    if reading.findings.any_error() || !problems.is_empty() {
        talk(
            "the repository has findings (`countersign validate` shows them); this is what it says all the same",
        );
    }
    desired
}

/// The user of that name.
fn person<'a>(desired: &'a Desired, name: &str) -> Result<&'a Person, Failed> {
    let found = desired.people.get(name).map(AsRef::as_ref);
    found.ok_or_else(|| {
        let known = desired.people.keys().map(AsRef::as_ref);
        unknown(
            format!("there is no user `{name}` at that instant"),
            name,
            known,
        )
    })
}

/// The application of that name; it must have identities.
fn application<'a>(reading: &'a Reading, name: &str) -> Result<&'a ResourceName, Failed> {
    let resources = &reading.catalog.resources;
    let with_identities = resources
        .iter()
        .filter(|(_, r)| r.spec.identities.is_some());
    let known = with_identities.map(|(name, _)| name.as_str());
    match resources.get_key_value(name) {
        Some((name, resource)) if resource.spec.identities.is_some() => Ok(name),
        Some(_) => Err(unknown(format!("`{name}` has no identities"), name, known)),
        None => Err(unknown(
            format!("there is no application `{name}`"),
            name,
            known,
        )),
    }
}

/// Wrong usage: something that is not there, and what it may have been meant to be.
fn unknown<'a>(words: String, name: &str, known: impl Iterator<Item = &'a str> + Clone) -> Failed {
    let help = match did_you_mean(name, known.clone()) {
        Some(help) => format!("; {help}"),
        None => {
            let known: Vec<&str> = known.collect();
            match known.is_empty() || known.len() > 10 {
                true => String::new(),
                false => format!("; there is {}", known.join(", ")),
            }
        }
    };
    Failed::say(Exit::Usage, format!("{words}{help}"))
}
