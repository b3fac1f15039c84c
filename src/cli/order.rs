//! `countersign allow`, `pause`, `unpause`: what an administrator orders the loop, in the ledger.

use super::{Exit, Failed, Outcome, Place, letterbox, talk, workbench};
use crate::diagnostic::suggest::did_you_mean;
use crate::ledger::inbox::Message;
use crate::ledger::{Event, Record, RunId};
use crate::name::ResourceName;
use crate::reconcile::guarded::until;
use crate::source::Origin;
use jiff::Timestamp;

/// Let a plan through that a guard holds: what it had when it was held, once, within 24 hours.
#[derive(Debug, clap::Args)]
pub struct Allow {
    /// What the held plan is known by, as its mail and `countersign status` name it.
    #[arg(value_name = "RUN")]
    digest: String,
    /// Who says so; left out: the git identity of the repository.
    #[arg(long)]
    by: Option<String>,
}

/// Do nothing on a resource, or nothing at all, until `unpause`. A person's leave is `user deactivate`.
#[derive(Debug, clap::Args)]
pub struct Pause {
    /// The resource; left out: everything.
    #[arg(value_name = "RESOURCE")]
    resource: Option<String>,
    /// Why, for whoever wonders.
    #[arg(long)]
    reason: String,
    /// Who says so; left out: the git identity of the repository.
    #[arg(long)]
    by: Option<String>,
}

/// End a pause.
#[derive(Debug, clap::Args)]
pub struct Unpause {
    /// The resource; left out: the pause of everything.
    #[arg(value_name = "RESOURCE")]
    resource: Option<String>,
    /// Who says so; left out: the git identity of the repository.
    #[arg(long)]
    by: Option<String>,
}

/// Runs `allow`.
///
/// # Errors
/// When the ledger cannot be written.
pub fn allow(place: &Place, args: &Allow) -> Outcome {
    let operator = workbench::operator(place)?;
    let digest = args.digest.clone();
    let words = format!("{digest} is allowed");
    if said(
        place,
        &operator,
        &args.by,
        Message::Allow { digest },
        &words,
    )? {
        return Ok(Exit::Done);
    }
    let by = place.who(args.by.as_ref())?;
    let mut ledger = workbench::ledger(&operator)?;
    let now = Timestamp::now();
    let orders = ledger.history().orders();
    let Some(steps) = orders
        .held_run(&args.digest)
        .map(std::collections::BTreeSet::len)
    else {
        talk(format!(
            "no plan is held as {}; the mail about it and `countersign status` name it",
            args.digest
        ));
        return Ok(Exit::Findings);
    };
    let until = until(now);
    let event = Event::Allowed {
        digest: args.digest.clone(),
        by: by.clone(),
        until,
    };
    append(&mut ledger, now, "allow", event)?;
    talk(format!(
        "{by} allows {} with its {steps} steps, once, until {until:.0}",
        args.digest
    ));
    Ok(Exit::Done)
}

/// Runs `pause`.
///
/// # Errors
/// When the ledger cannot be written.
pub fn pause(place: &Place, args: &Pause) -> Outcome {
    let operator = workbench::operator(place)?;
    let resource = named(args.resource.as_ref())?;
    if let Some(resource) = &resource {
        is_known(place, resource)?;
    }
    let message = Message::Pause {
        resource: resource.clone(),
        reason: args.reason.clone(),
    };
    if said(place, &operator, &args.by, message, "a pause")? {
        return Ok(Exit::Done);
    }
    let by = place.who(args.by.as_ref())?;
    let mut ledger = workbench::ledger(&operator)?;
    let event = Event::Paused {
        resource: resource.clone(),
        by,
        reason: args.reason.clone(),
    };
    append(&mut ledger, Timestamp::now(), "pause", event)?;
    talk(match resource {
        Some(resource) => {
            format!("nothing is done on {resource} until `countersign unpause {resource}`")
        }
        None => "nothing is done until `countersign unpause`".into(),
    });
    Ok(Exit::Done)
}

/// Runs `unpause`.
///
/// # Errors
/// When the ledger cannot be written.
pub fn unpause(place: &Place, args: &Unpause) -> Outcome {
    let operator = workbench::operator(place)?;
    let resource = named(args.resource.as_ref())?;
    let message = Message::Unpause {
        resource: resource.clone(),
    };
    if said(place, &operator, &args.by, message, "the end of a pause")? {
        return Ok(Exit::Done);
    }
    let by = place.who(args.by.as_ref())?;
    let mut ledger = workbench::ledger(&operator)?;
    if !ledger.history().orders().paused().contains_key(&resource) {
        talk("it is not paused");
        return Ok(Exit::Findings);
    }
    let event = Event::Unpaused { resource, by };
    append(&mut ledger, Timestamp::now(), "unpause", event)?;
    talk("the pause is over; the next pass goes on");
    Ok(Exit::Done)
}

fn append(
    ledger: &mut crate::ledger::Ledger,
    at: Timestamp,
    what: &str,
    event: Event,
) -> Result<(), Failed> {
    let run = RunId(format!("{}-{what}", at.strftime("%Y%m%dT%H%M%SZ")));
    let recorded = workbench::record(ledger, Record { at, run, event });
    let recorded = recorded.and_then(|()| ledger.close());
    recorded.map_err(workbench::ledger_failed)
}

/// Says it to whoever keeps the record elsewhere; whether it is kept elsewhere.
fn said(
    place: &Place,
    operator: &crate::operator::Operator,
    by: &Option<String>,
    message: Message,
    words: &str,
) -> Result<bool, Failed> {
    let Some(letterbox) = letterbox::of(place, operator)? else {
        return Ok(false);
    };
    letterbox::nobody_else(by.as_deref())?;
    letterbox::send(&letterbox, message, words)?;
    Ok(true)
}

/// Refuses a resource that the repository does not have; where it cannot be read, any name will do: what is
/// wrong with it may be why somebody wants a pause.
fn is_known(place: &Place, resource: &ResourceName) -> Result<(), Failed> {
    let origin = Origin::Revision {
        folder: place.folder.clone(),
        revision: "HEAD".into(),
    };
    let Ok(reading) = workbench::read(&origin) else {
        return Ok(());
    };
    let resources = &reading.catalog.resources;
    if resources.is_empty() || resources.contains_key(resource) {
        return Ok(());
    }
    let known = resources.keys().map(|name| name.as_str());
    let help = did_you_mean(resource.as_str(), known).unwrap_or_default();
    let said = format!("there is no resource `{resource}`: nothing is paused. {help}");
    Err(Failed::say(Exit::Usage, said.trim_end()))
}

fn named(resource: Option<&String>) -> Result<Option<ResourceName>, Failed> {
    let parsed = resource
        .map(|text| ResourceName::new(text).map_err(|error| Failed::new(Exit::Usage, error)));
    parsed.transpose()
}
