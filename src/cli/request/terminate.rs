//! `countersign request terminate`: somebody leaves.

use super::super::desk::{BranchArgs, Desk};
use super::super::{Exit, Failed, Outcome, Place};
use super::{AskedArgs, blank, effective, requester, write};
use crate::manifest::request::RequestAction;

/// Let somebody go: at that instant the account is disabled, access is taken away, nothing is deleted.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The user.
    user: String,
    #[command(flatten)]
    asked: AskedArgs,
    /// It cannot wait: a random password and expiry at once; without --effective: now.
    #[arg(long)]
    urgent: bool,
    #[command(flatten)]
    branch: BranchArgs,
}

/// The flags.
pub fn command() -> clap::Command {
    <Args as clap::Args>::augment_args(clap::Command::new("terminate"))
}

/// Runs the command.
///
/// # Errors
/// When something needed is not said, or what would be written is not right.
pub fn run(place: &Place, args: &Args) -> Outcome {
    let desk = Desk::open(place, &args.branch)?;
    let subject = desk.user(&args.user)?;
    let Some(reason) = args.asked.reason.clone() else {
        let words = "say --reason CODE, such as `resigned`, `retired`, `end-of-contract` or `dismissed`; no sensitive text, everybody who can read the repository reads it";
        return Err(Failed::say(Exit::Usage, words));
    };
    let at_once = args.urgent.then_some("now");
    let (moment, from) = effective(&desk, &subject, args.asked.effective.as_deref(), at_once)?;
    let mut spec = blank(
        RequestAction::Terminate,
        requester(&desk, &args.asked)?,
        subject,
        moment,
    );
    spec.reason = Some(reason);
    spec.urgent = args.urgent;
    write(&desk, "terminate", from, &spec)
}
