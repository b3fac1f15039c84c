//! `countersign comment`: texts → one comment below a pull request, kept up to date. For the job that
//! alone may write: it gets texts that another job made, and reads nothing else of the pull request.

use super::forge::ForgeArgs;
use super::{Exit, Failed, Outcome, print};
use crate::forge::{Forge, Marker};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

/// Largest text, in bytes: more than all parts that are ever written.
const LARGEST: u64 = 32 * 1024 * 1024;

/// Keep one comment below a pull request up to date, as the one with what it would change.
///
/// The comment is found by its marker and our own login; nobody else's is touched. A text that is too
/// long becomes several, numbered. The token is read from an environment variable or a file, never from
/// an argument.
#[derive(Debug, clap::Args)]
#[command(mut_arg("forge", |forge| forge.required(true)))]
pub struct Args {
    #[command(flatten)]
    forge: ForgeArgs,
    /// The number of the pull request; on GitLab, of the merge request.
    #[arg(long, value_name = "NUMBER")]
    pull_request: u64,
    /// What tells this comment from others below the same pull request.
    #[arg(long, default_value = "diff", value_parser = Marker::new)]
    marker: Marker,
    /// The texts, Markdown, each a comment of its own; `-` is standard input. Where all are empty, the
    /// comment is taken away.
    #[arg(required = true, value_name = "FILE")]
    texts: Vec<PathBuf>,
}

/// Runs the command.
///
/// # Errors
/// When a text or the token cannot be read, or the forge does not take the comment.
pub fn run(args: &Args) -> Outcome {
    let forge = args.forge.named()?;
    let forge = forge.ok_or_else(|| Failed::say(Exit::Usage, "name the forge with --forge"))?;
    let mut texts = Vec::new();
    for file in &args.texts {
        let text = text(file)?;
        if !text.trim().is_empty() {
            texts.push(text);
        }
    }
    let world = |error: anyhow::Error| Failed::new(Exit::World, error);
    let settings = forge.settings(BTreeSet::new())?;
    let forge = Forge::open(&settings).map_err(|error| world(error.into()))?;
    let done = forge
        .comment(args.pull_request, &args.marker, &texts)
        .map_err(|error| world(error.into()))?;
    print(&format!(
        "comment `{}` below #{}: {} written, {} changed, {} as they were, {} removed",
        args.marker, args.pull_request, done.written, done.changed, done.kept, done.removed
    ))?;
    Ok(Exit::Done)
}

fn text(file: &Path) -> Result<String, Failed> {
    let name = match file == Path::new("-") {
        true => "standard input".to_owned(),
        false => file.display().to_string(),
    };
    let failed = |error: io::Error| {
        let error = anyhow::Error::new(error).context(format!("cannot read {name}"));
        Failed::new(Exit::World, error)
    };
    let mut text = String::new();
    let read = match file == Path::new("-") {
        true => io::stdin().take(LARGEST + 1).read_to_string(&mut text),
        false => {
            let file = File::open(file).map_err(failed)?;
            file.take(LARGEST + 1).read_to_string(&mut text)
        }
    };
    match read.map_err(failed)? as u64 > LARGEST {
        true => {
            let words = format!("{name} has more than {LARGEST} bytes");
            Err(Failed::say(Exit::World, words))
        }
        false => Ok(text),
    }
}
