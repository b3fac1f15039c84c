//! `countersign request`: asks for a change in somebody's life, as one manifest that is approved by
//! merging it.

pub mod change;
pub mod from_form;
pub mod new_hire;
pub mod terminate;

use super::desk::Desk;
use super::{Exit, Failed, Outcome, Place, talk};
use crate::manifest::request::RequestAction;
use crate::manifest::{Edge, Moment, RequestSpec};
use crate::name::UserName;
use clap::Subcommand;
use jiff::{Timestamp, ToSpan as _};
use std::collections::BTreeMap;

/// Ask for a new hire, a change or a termination: writes one request, which is approved by merging it.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    NewHire(Box<new_hire::Args>),
    Change(Box<change::Args>),
    Terminate(terminate::Args),
    FromForm(from_form::Args),
}

/// Who asks, from when on and why.
#[derive(Debug, Clone, clap::Args)]
pub struct AskedArgs {
    /// Who asks; left out: the user with the mail address that git commits as.
    #[arg(long, value_name = "USER")]
    pub requested_by: Option<String>,
    /// From when on: `2027-02-01`, `2027-02-01T08:00`, `today`, `now`; in the repository's time zone.
    #[arg(long, value_name = "INSTANT")]
    pub effective: Option<String>,
    /// A coarse reason code, such as `transfer`; everybody who can read the repository reads it.
    #[arg(long, value_name = "CODE", value_parser = reason)]
    pub reason: Option<String>,
}

/// Runs the command.
///
/// # Errors
/// When something needed is not said, or what would be written is not right.
pub fn run(place: &Place, args: &Args) -> Outcome {
    match &args.command {
        Command::NewHire(args) => new_hire::run(place, args),
        Command::Change(args) => change::run(place, args),
        Command::Terminate(args) => terminate::run(place, args),
        Command::FromForm(args) => from_form::run(place, args),
    }
}

fn reason(text: &str) -> Result<String, String> {
    let fits = (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    match fits {
        true => Ok(text.to_owned()),
        false => Err(
            "a reason is a code of lower-case letters, digits and `-`, such as `transfer`".into(),
        ),
    }
}

/// Who asks, where that is known; else what to say.
///
/// # Errors
/// When the named user does not exist, or nobody is named or found.
pub fn requester(desk: &Desk, asked: &AskedArgs) -> Result<UserName, Failed> {
    desk.requester(asked.requested_by.as_deref())?
        .ok_or_else(|| {
            let words = "say --requested-by USER: no user has the mail address that git commits as";
            Failed::say(Exit::Usage, words)
        })
}

/// From when on a request about a user holds: as a flag says, or what it means where it is left out.
///
/// # Errors
/// When there is no such moment, or neither is there.
pub fn effective(
    desk: &Desk,
    subject: &UserName,
    said: Option<&str>,
    left_out: Option<&str>,
) -> Result<(Moment, Timestamp), Failed> {
    match said.or(left_out) {
        Some("now") => at_once(desk, subject),
        Some(text) => desk.moment(text, Edge::Start, "--effective"),
        None => Err(Failed::say(
            Exit::Usage,
            "say --effective INSTANT: from when on",
        )),
    }
}

/// The first minute from now on that comes after all that was asked for a user in it, and that was not
/// folded: of one instant the order is that of names, and `resume` would come before `suspend`.
fn at_once(desk: &Desk, subject: &UserName) -> Result<(Moment, Timestamp), Failed> {
    let timeline = desk.timeline();
    let folded = desk.catalog().folded_through();
    let mut moved: Option<(Moment, &str)> = None;
    let mut now = desk.now;
    loop {
        let (moment, from) = desk.minute(now)?;
        let next = from.saturating_add(1.minute()).unwrap_or(Timestamp::MAX);
        let mut steps = timeline.steps(subject).iter();
        let why = if steps.any(|step| (from..next).contains(&step.from)) {
            "another request about them begins then"
        } else if folded.is_some_and(|through| from < through) {
            "requests were folded since then"
        } else {
            if let Some((wanted, why)) = moved {
                talk(format!(
                    "`{subject}`: from {moment} on, and not from {wanted} on: {why}"
                ));
            }
            return Ok((moment, from));
        };
        moved.get_or_insert((moment, why));
        now = now.saturating_add(1.minute()).unwrap_or(Timestamp::MAX);
    }
}

/// A request that says nothing yet.
pub fn blank(
    action: RequestAction,
    requested_by: UserName,
    subject: UserName,
    effective: Moment,
) -> RequestSpec {
    RequestSpec {
        display_name: None,
        action,
        requested_by,
        subject,
        effective,
        until: None,
        reason: None,
        urgent: false,
        set: None,
        profiles: None,
        access: None,
        identities: None,
        answers: BTreeMap::new(),
        account: None,
    }
}

/// Writes a request, named after its action's word.
///
/// # Errors
/// As [`Desk::finish`].
pub fn write(desk: &Desk, word: &str, from: Timestamp, spec: &RequestSpec) -> Outcome {
    let (name, draft) = desk.request(word, from, spec)?;
    let reason = spec
        .reason
        .as_ref()
        .map(|r| format!(" ({r})"))
        .unwrap_or_default();
    let message = format!(
        "request: {} {} from {}{reason}\n\nRequested by {}.\n",
        word.replace('-', " "),
        spec.subject,
        spec.effective,
        spec.requested_by
    );
    desk.finish(&[draft], name.as_str(), &message)
}
