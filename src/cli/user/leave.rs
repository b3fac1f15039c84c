//! `countersign user activate | deactivate`: a leave of absence ends, or begins.

use super::super::desk::{BranchArgs, Desk};
use super::super::request::{AskedArgs, blank, effective, requester, write};
use super::super::{Exit, Failed, Outcome, Place};
use crate::manifest::Edge;
use crate::manifest::request::RequestAction;

/// End somebody's leave of absence: writes a Resume request.
///
/// Who has left comes back with `countersign request new-hire --name USER`.
#[derive(Debug, clap::Args)]
pub struct ActivateArgs {
    /// The user.
    user: String,
    #[command(flatten)]
    asked: AskedArgs,
    #[command(flatten)]
    branch: BranchArgs,
}

/// Begin somebody's leave of absence: writes a Suspend request. Everything assigned is kept.
///
/// Who leaves for good is let go with `countersign request terminate`. Nobody is ever deleted.
#[derive(Debug, clap::Args)]
pub struct DeactivateArgs {
    /// The user.
    user: String,
    /// The last day (inclusive) or end instant of the leave; left out: until `user activate`.
    #[arg(long, value_name = "INSTANT")]
    until: Option<String>,
    #[command(flatten)]
    asked: AskedArgs,
    #[command(flatten)]
    branch: BranchArgs,
}

/// Writes a Resume.
///
/// # Errors
/// When something needed is not said, or what would be written is not right.
pub fn activate(place: &Place, args: &ActivateArgs) -> Outcome {
    let desk = Desk::open(place, &args.branch)?;
    let subject = desk.user(&args.user)?;
    let (moment, from) = effective(
        &desk,
        &subject,
        args.asked.effective.as_deref(),
        Some("now"),
    )?;
    let user = desk.timeline().user(&subject, from);
    if user.is_some_and(|u| u.spec.state == crate::manifest::user::UserState::Left) {
        let words = format!(
            "`{subject}` has left at that instant; who comes back comes with `countersign request new-hire --name {subject}`"
        );
        return Err(Failed::say(Exit::Findings, words));
    }
    let mut spec = blank(
        RequestAction::Resume,
        requester(&desk, &args.asked)?,
        subject,
        moment,
    );
    spec.reason = args.asked.reason.clone();
    write(&desk, "resume", from, &spec)
}

/// Writes a Suspend.
///
/// # Errors
/// When something needed is not said, or what would be written is not right.
pub fn deactivate(place: &Place, args: &DeactivateArgs) -> Outcome {
    let desk = Desk::open(place, &args.branch)?;
    let subject = desk.user(&args.user)?;
    let (moment, from) = effective(
        &desk,
        &subject,
        args.asked.effective.as_deref(),
        Some("now"),
    )?;
    let mut spec = blank(
        RequestAction::Suspend,
        requester(&desk, &args.asked)?,
        subject,
        moment,
    );
    let until = args
        .until
        .as_deref()
        .map(|until| desk.moment(until, Edge::End, "--until"));
    spec.until = until.transpose()?.map(|(moment, _)| moment);
    spec.reason = args.asked.reason.clone();
    write(&desk, "suspend", from, &spec)
}
