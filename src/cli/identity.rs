//! `countersign identity`: what users represent in applications.

pub mod create;

use super::{Outcome, Place};
use clap::Subcommand;

/// Write identities: what users represent in applications, and what they may do there.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Create(Box<create::Args>),
}

/// Runs the command.
///
/// # Errors
/// When the repository cannot be read, or what would be written is not right.
pub fn run(place: &Place, args: &Args) -> Outcome {
    match &args.command {
        Command::Create(args) => create::run(place, args),
    }
}
