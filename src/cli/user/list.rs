//! `countersign user list`: who there is, at an instant.

use super::super::flags::TypeArg;
use super::super::{Exit, Failed, Outcome, Place, print, talk, workbench};
use crate::desired::NOT_YET_HERE;
use crate::desired::accounts::Accounts;
use crate::desired::expand::expand;
use crate::manifest::user::UserState;
use crate::name::{OrganizationName, ProfileName, ResourceName};
use crate::reconcile::Reading;
use crate::report::people::{Filter, People, json, lines, rows, table};
use crate::request::Timeline;
use clap::ValueEnum;
use jiff::Timestamp;

/// List users with login names, contact, type, identities, roles, clients, suppliers and partner.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only users of this type.
    #[arg(long = "type", value_enum, value_name = "TYPE")]
    kind: Option<TypeArg>,
    /// Only users of this organization, or of one below it.
    #[arg(long, value_name = "NAME", value_parser = OrganizationName::new)]
    organization: Option<OrganizationName>,
    /// Only users with this profile.
    #[arg(long, value_name = "NAME", value_parser = ProfileName::new)]
    profile: Option<ProfileName>,
    /// Only users who hold something of this resource.
    #[arg(long, value_name = "NAME", value_parser = ResourceName::new)]
    resource: Option<ResourceName>,
    /// Only users in this state.
    #[arg(long, value_enum)]
    state: Option<StateArg>,
    /// Only users with this text in id, name, login names or contact.
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
    #[command(flatten)]
    origin: workbench::OriginArgs,
    #[command(flatten)]
    instant: workbench::InstantArgs,
    /// How they are listed.
    #[arg(long, value_enum, default_value = "table")]
    format: FormatArg,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum StateArg {
    Active,
    Suspended,
    Left,
    /// Who has not started.
    NotYetHere,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum FormatArg {
    /// For people.
    Table,
    /// RFC 4180, with a header.
    Csv,
    /// An array of users.
    Json,
}

/// Runs the command.
///
/// # Errors
/// When the repository cannot be read at all.
pub fn run(place: &Place, args: &Args) -> Outcome {
    let reading = workbench::read(&args.origin.origin(&place.folder))?;
    let now = args.instant.resolve(&reading.catalog)?;
    let people = at(place, &reading, now);
    let filter = Filter {
        kind: args.kind.map(Into::into),
        organization: args.organization.clone(),
        profile: args.profile.clone(),
        resource: args.resource.clone(),
        state: args.state.map(|state| match state {
            StateArg::Active => UserState::Active.as_str(),
            StateArg::Suspended => UserState::Suspended.as_str(),
            StateArg::Left => UserState::Left.as_str(),
            StateArg::NotYetHere => NOT_YET_HERE,
        }),
        search: args.search.clone(),
    };
    let rows = rows(&reading.catalog, &people, &filter);
    print(&match args.format {
        FormatArg::Table => table(&reading.catalog, &rows),
        FormatArg::Csv => lines(&reading.catalog, &rows)
            .csv()
            .map_err(|e| Failed::new(Exit::World, e))?,
        FormatArg::Json => json(&rows),
    })?;
    Ok(Exit::Done)
}

/// The people of an instant, with the names of accounts that the record tells; says where the repository
/// has mistakes.
pub fn at(place: &Place, reading: &Reading, now: Timestamp) -> People {
    let mut problems = Vec::new();
    let timeline = Timeline::new(&reading.catalog, &mut problems);
    let (mut desired, more) = expand(&reading.catalog, &timeline, &Accounts::default(), now);
    problems.extend(more);
    let wrong = |p: &crate::catalog::Problem| {
        let severity = p.severity.unwrap_or_else(|| p.code.explanation().severity);
        severity == crate::diagnostic::Severity::Error
    };
    if reading.findings.any_error() || problems.iter().any(wrong) {
        talk(
            "the repository has mistakes (`countersign validate` shows them); this is what it says all the same",
        );
    }
    let accounts = workbench::recorded(place).unwrap_or_else(|why| {
        talk(format!("{why}: names of accounts are provisional"));
        Accounts::default()
    });
    if accounts != Accounts::default() {
        // Without a directory some value may be missing, and that is no mistake.
        (desired, _) = expand(&reading.catalog, &timeline, &accounts, now);
    }
    People {
        folded: timeline.at(now),
        desired,
        accounts,
    }
}
