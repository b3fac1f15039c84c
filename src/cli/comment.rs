//! `countersign comment`: texts → one comment below a pull request, kept up to date. For the job that
//! alone may write: it gets texts that another job made, and reads nothing else of the pull request.

use super::{Exit, Failed, Outcome, print};
use crate::forge::{Forge, ForgeKind, ForgeUrl, Marker, Patience, RepositoryPath, Settings};
use crate::operator::SecretSource;
use clap::ValueEnum;
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
pub struct Args {
    /// Which software the forge is; Gitea is taken for Forgejo.
    #[arg(long, value_enum)]
    forge: ForgeArg,
    /// Where people open the forge in a browser; left out: github.com or gitlab.com.
    #[arg(long, value_name = "URL", value_parser = ForgeUrl::parse)]
    url: Option<ForgeUrl>,
    /// The repository on it.
    #[arg(long, value_name = "OWNER/NAME")]
    repository: String,
    /// The number of the pull request; on GitLab, of the merge request.
    #[arg(long, value_name = "NUMBER")]
    pull_request: u64,
    /// What tells this comment from others below the same pull request.
    #[arg(long, default_value = "diff", value_parser = Marker::new)]
    marker: Marker,
    /// The environment variable that holds the token.
    #[arg(
        long,
        value_name = "NAME",
        default_value = "COUNTERSIGN_FORGE_TOKEN",
        conflicts_with = "token_file"
    )]
    token_variable: String,
    /// The file that holds the token; others can neither read nor write it.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// The certificates (PEM) that the forge's must be signed by; left out: the system's.
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// The texts, Markdown, each a comment of its own; `-` is standard input. Where all are empty, the
    /// comment is taken away.
    #[arg(required = true, value_name = "FILE")]
    texts: Vec<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ForgeArg {
    /// github.com, GitHub Enterprise Cloud or Server.
    #[value(name = "github")]
    GitHub,
    /// gitlab.com, or one's own GitLab.
    #[value(name = "gitlab")]
    GitLab,
    /// Forgejo or Gitea.
    #[value(name = "forgejo")]
    Forgejo,
}

impl From<ForgeArg> for ForgeKind {
    fn from(arg: ForgeArg) -> Self {
        match arg {
            ForgeArg::GitHub => Self::GitHub,
            ForgeArg::GitLab => Self::GitLab,
            ForgeArg::Forgejo => Self::Forgejo,
        }
    }
}

/// Runs the command.
///
/// # Errors
/// When a text or the token cannot be read, or the forge does not take the comment.
pub fn run(args: &Args) -> Outcome {
    let kind = ForgeKind::from(args.forge);
    let url = args.url.clone().or_else(|| kind.usual_url());
    let url = url.ok_or_else(|| {
        let words = format!("say with --url where this {} is", kind.title());
        Failed::say(Exit::Usage, words)
    })?;
    let repository = RepositoryPath::parse(&args.repository, kind)
        .map_err(|error| Failed::say(Exit::Usage, format!("--repository: {error}")))?;
    let token = match &args.token_file {
        Some(file) => SecretSource::file(file, "--token-file"),
        None => SecretSource::variable(&args.token_variable, "--token-variable"),
    };
    let mut texts = Vec::new();
    for file in &args.texts {
        let text = text(file)?;
        if !text.trim().is_empty() {
            texts.push(text);
        }
    }
    let world = |error: anyhow::Error| Failed::new(Exit::World, error);
    let token = token.read().map_err(|error| world(error.into()))?;
    let forge = Forge::open(&Settings {
        kind,
        url,
        repository,
        bots: BTreeSet::new(),
        ca_file: args.ca_file.clone(),
        token,
        patience: Patience::default(),
    })
    .map_err(|error| world(error.into()))?;
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
