//! `countersign upcoming`: what will happen when, by itself, as the manifests stand.

use super::{Exit, Failed, Outcome, Place, print, talk, workbench};
use crate::diagnostic::suggest::did_you_mean;
use crate::manifest::{Edge, Moment};
use crate::reconcile::upcoming;
use crate::report;
use clap::ValueEnum;

/// Show what will happen when: starts, ends, leaves, changes that were asked for.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only what happens to this user.
    user: Option<String>,
    #[command(flatten)]
    origin: workbench::OriginArgs,
    #[command(flatten)]
    instant: workbench::InstantArgs,
    /// Only what happens by then; a date is inclusive.
    #[arg(long, value_name = "INSTANT")]
    until: Option<String>,
    /// How it is shown.
    #[arg(long, value_enum, default_value = "human")]
    format: FormatArg,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum FormatArg {
    /// In words.
    Human,
    /// `{formatVersion, instants: [{instant, impacts}]}`.
    Json,
}

/// Runs the command.
///
/// # Errors
/// When the repository cannot be read, or has no such user.
pub fn run(place: &Place, args: &Args) -> Outcome {
    let reading = workbench::read(&args.origin.origin(&place.folder))?;
    let catalog = &reading.catalog;
    let now = args.instant.resolve(catalog)?;
    let until = args.until.as_ref().map(|text| {
        let moment = Moment(text.clone());
        let end = moment.resolve(&catalog.zone, Edge::End);
        end.map_err(|error| Failed::say(Exit::Usage, error))
    });
    let mut found = upcoming(catalog, now, until.transpose()?);
    if reading.findings.any_error() {
        talk(
            "the repository has findings (`countersign validate` shows them); this is what it says all the same",
        );
    }
    if let Some(user) = &args.user {
        let subjects = catalog.requests.values().map(|r| r.spec.subject.as_str());
        let mut known = catalog.users.keys().map(AsRef::as_ref).chain(subjects);
        if !known.any(|name| name == user) {
            let names = catalog.users.keys().map(AsRef::as_ref);
            let help = did_you_mean(user, names)
                .map(|h| format!("; {h}"))
                .unwrap_or_default();
            let words = format!("there is no user `{user}`{help}");
            return Err(Failed::say(Exit::Usage, words));
        }
        for (_, impacts) in &mut found {
            impacts.retain(|impact| impact.user.as_str() == user);
        }
        found.retain(|(_, impacts)| !impacts.is_empty());
    }
    print(&match args.format {
        FormatArg::Human => report::upcoming::human(&found, &catalog.zone),
        FormatArg::Json => report::upcoming::json(&found),
    })?;
    Ok(Exit::Done)
}
