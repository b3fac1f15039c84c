//! `countersign demo`: the whole story on one machine, with no network, no server and no
//! configuration. It plays at a fixed instant, so that it prints the same everywhere.

mod stage;

use super::{Exit, Failed, Outcome, talk};
use stage::Stage;
use std::path::PathBuf;

/// Show the whole story: an access repository, a new hire by request, the directory, the mails.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The folder to write; it must not be there yet, or be empty.
    #[arg(default_value = "countersign-demo")]
    folder: PathBuf,
}

/// Runs the command.
///
/// # Errors
/// When the folder cannot be written.
pub fn run(args: &Args) -> Outcome {
    let taken = args
        .folder
        .read_dir()
        .is_ok_and(|mut entries| entries.next().is_some());
    if taken {
        let words = format!(
            "{} is there already: delete it, or name another folder: countersign demo DIR",
            args.folder.display()
        );
        return Err(Failed::say(Exit::Usage, words));
    }
    play(&args.folder).map_err(|error| Failed::new(Exit::World, error))
}

fn play(folder: &std::path::Path) -> Result<Exit, anyhow::Error> {
    let mut stage = Stage::set(folder)?;
    stage.heading("An access repository: who works here, what there is, who looks after it");
    stage.repository()?;
    stage.heading("countersign validate");
    stage.validate()?;
    stage.heading(
        "countersign plan: the accounts are there already, and are recognised by employee number",
    );
    stage.plan()?;
    stage.heading("countersign apply");
    stage.apply()?;
    stage.heading("A supervisor asks for a new hire: one short file, a pull request");
    stage.request()?;
    stage.heading("countersign plan: what merging it means");
    stage.plan()?;
    stage.heading("countersign apply: accounts are written, maintainers are mailed");
    stage.apply()?;
    stage.heading("countersign plan: once more");
    let empty = stage.plan()?;
    stage.closing();
    if !empty {
        talk("the last plan should have been empty; please report this");
        return Ok(Exit::Findings);
    }
    Ok(Exit::Done)
}
