//! `countersign identity select`: which identity a user is from the next log-on on.

use super::{
    Exit, Failed, Outcome, Place, application, desired, letterbox, person, talk, unknown, workbench,
};
use crate::desired::{Desired, DesiredIdentity, Person};
use crate::ledger::inbox::Message;
use crate::ledger::{Event, Record, RunId};
use crate::name::ResourceName;
use crate::reconcile::Reading;
use jiff::Timestamp;

/// Select the identity a user is from the next log-on on; it stays until another is selected.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The user.
    user: String,
    /// The identity, by its alias.
    identity: String,
    /// In which application; needed where several have an identity of that alias.
    #[arg(long, value_name = "RESOURCE")]
    application: Option<String>,
    /// Who says so; left out: the git identity of the repository.
    #[arg(long)]
    by: Option<String>,
    #[command(flatten)]
    origin: workbench::OriginArgs,
}

/// Runs the command.
///
/// # Errors
/// When the user has no such identity now, or the ledger cannot be written.
pub fn run(place: &Place, args: &Args) -> Outcome {
    let operator = workbench::operator(place)?;
    let letterbox = letterbox::of(place, &operator)?;
    let by = place.who(args.by.as_ref())?;
    let reading = workbench::read(&args.origin.origin(&place.folder))?;
    let now = workbench::InstantArgs::now().resolve(&reading.catalog)?;
    let desired = desired(&reading, now);
    let person = person(&desired, &args.user)?;
    let only = args.application.as_ref();
    let only = only.map(|name| application(&reading, name)).transpose()?;
    let identity = chosen(&reading, person, &args.identity, only)?;
    let words = words(&desired, person, identity);

    if let Some(letterbox) = letterbox {
        letterbox::nobody_else(args.by.as_deref())?;
        let message = Message::IdentitySelect {
            user: person.name.clone(),
            resource: identity.resource.clone(),
            identity: identity.alias.clone(),
        };
        letterbox::send(&letterbox, message, &words)?;
        return Ok(Exit::Done);
    }
    let mut ledger = workbench::ledger(&operator)?;
    let key = (person.name.clone(), identity.resource.clone());
    let selected = ledger.history().selections().get(&key);
    if selected.is_some_and(|s| s.identity == identity.alias) {
        talk(format!("{words} already"));
        return Ok(Exit::Done);
    }
    let now = Timestamp::now();
    let record = Record {
        at: now,
        run: RunId(format!("{}-select", now.strftime("%Y%m%dT%H%M%SZ"))),
        event: Event::IdentitySelected {
            user: person.name.clone(),
            resource: identity.resource.clone(),
            identity: identity.alias.clone(),
            by: by.clone(),
        },
    };
    let recorded = workbench::record(&mut ledger, record).and_then(|()| ledger.close());
    recorded.map_err(workbench::ledger_failed)?;
    talk(format!("{words}, says {by}"));
    Ok(Exit::Done)
}

fn words(desired: &Desired, person: &Person, identity: &DesiredIdentity) -> String {
    let terms = desired.resources.get(&identity.resource);
    let application = terms.map_or(identity.resource.as_str(), |t| t.display_name.as_str());
    format!(
        "{} is `{}` in {} at log-on",
        person.name,
        identity.alias.escape_debug(),
        application.escape_debug()
    )
}

/// The identity of that alias, in that application or in the only one that has it.
fn chosen<'a>(
    reading: &Reading,
    person: &'a Person,
    alias: &str,
    only: Option<&ResourceName>,
) -> Result<&'a DesiredIdentity, Failed> {
    let within = person.identities.iter();
    let within: Vec<&DesiredIdentity> = within
        .filter(|i| only.is_none_or(|only| i.resource == *only))
        .collect();
    let named: Vec<&DesiredIdentity> = within
        .iter()
        .filter(|i| i.alias == alias)
        .copied()
        .collect();
    match named.as_slice() {
        [identity] => Ok(identity),
        [] => {
            let inactive = reading.catalog.identities.values().any(|identity| {
                let spec = &identity.spec;
                spec.user == person.name
                    && spec.alias.as_deref() == Some(alias)
                    && only.is_none_or(|only| spec.resource == *only)
            });
            let name = &person.name;
            let alias_shown = alias.escape_debug();
            let words = match inactive {
                true => format!("identity `{alias_shown}` of `{name}` is not in force now"),
                false => format!("`{name}` has no identity `{alias_shown}`"),
            };
            let known = within.iter().map(|i| i.alias.as_str());
            Err(unknown(words, alias, known))
        }
        several => {
            let applications: Vec<&str> = several.iter().map(|i| i.resource.as_str()).collect();
            let words = format!(
                "`{}` is `{}` in several applications; say which with --application: {}",
                person.name,
                alias.escape_debug(),
                applications.join(", ")
            );
            Err(Failed::say(Exit::Usage, words))
        }
    }
}
