//! `countersign completions`: for the shell.

use super::{Exit, Outcome, print};
use clap_complete::Shell;

/// Write completions for a shell.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The shell.
    #[arg(value_enum)]
    shell: Shell,
}

/// Runs the command.
///
/// # Errors
/// When the result cannot be written.
pub fn run(args: &Args) -> Outcome {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut super::command(), "countersign", &mut text);
    print(&String::from_utf8_lossy(&text))?;
    Ok(Exit::Done)
}
