//! `countersign user`: who there is, and writing manifests about one person.

pub mod clone;
pub mod list;
pub mod leave;
pub mod show;

use super::{Outcome, Place};
use clap::Subcommand;

/// List and show users; write a user like another one; begin and end a leave of absence.
///
/// There is no `user delete`. Who leaves is let go with `countersign request terminate`: the account is
/// disabled, access is taken away, and the record of who had what stays true. A deleted manifest would
/// leave an account that nobody answers for, and give somebody else's name away.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(list::Args),
    Show(show::Args),
    Clone(Box<clone::Args>),
    Activate(leave::ActivateArgs),
    Deactivate(leave::DeactivateArgs),
}

/// Runs the command.
///
/// # Errors
/// When the repository cannot be read, or what would be written is not right.
pub fn run(place: &Place, args: &Args) -> Outcome {
    match &args.command {
        Command::List(args) => list::run(place, args),
        Command::Show(args) => show::run(place, args),
        Command::Clone(args) => clone::run(place, args),
        Command::Activate(args) => leave::activate(place, args),
        Command::Deactivate(args) => leave::deactivate(place, args),
    }
}
