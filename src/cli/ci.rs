//! `countersign ci`: the files that forges read, made from the manifests; and what a forge tells a
//! pipeline, in numbers and hashes.

use super::{Exit, Failed, Outcome, Place, print, talk, workbench};
use crate::author::ci::{self, Generated, Standing, event};
use crate::author::schemas;
use crate::catalog::Catalog;
use crate::diagnostic::any_error;
use crate::manifest::config::ForgeKind;
use crate::reconcile::diagnose;
use crate::source::Origin;
use clap::{Subcommand, ValueEnum};
use jiff::Timestamp;
use serde_json::Value;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// Longest event, in bytes; a forge's texts are below 1 MiB, and each stands in it a few times.
const LONGEST_EVENT: u64 = 32 * 1024 * 1024;

/// Generate pipelines, CODEOWNERS, templates and forms from the manifests, and tell whether they are fresh.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write what is generated for the forges of `pipelines` in countersign.yaml, and the editors' schemas.
    Generate,
    /// Tell which generated files are stale; the pipelines run this.
    Check,
    /// Which pull request an event is about: `number=…` and `head=…`, or nothing.
    PullRequest(PullRequestArgs),
    /// Which issue was opened: `number=…`, or nothing.
    Issue(EventArgs),
}

/// What a forge tells.
#[derive(Debug, clap::Args)]
pub struct EventArgs {
    /// The forge.
    #[arg(long, value_enum)]
    pub forge: ForgeArg,
    /// The event, or the payload of a webhook: a file of JSON.
    #[arg(long, value_name = "FILE")]
    pub event: PathBuf,
}

#[derive(Debug, clap::Args)]
struct PullRequestArgs {
    #[command(flatten)]
    event: EventArgs,
    /// The forge's list of open pull requests, for events that name only a head.
    #[arg(long, value_name = "FILE")]
    open: Option<PathBuf>,
}

/// A forge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
#[allow(missing_docs)]
pub enum ForgeArg {
    Github,
    Gitlab,
    Forgejo,
}

impl From<ForgeArg> for ForgeKind {
    fn from(arg: ForgeArg) -> Self {
        match arg {
            ForgeArg::Github => Self::Github,
            ForgeArg::Gitlab => Self::Gitlab,
            ForgeArg::Forgejo => Self::Forgejo,
        }
    }
}

/// Runs the command.
///
/// # Errors
/// When something cannot be read or written, or is not ours to write.
pub fn run(place: &Place, args: &Args) -> Outcome {
    match &args.command {
        Command::Generate => generate(place),
        Command::Check => check(place),
        Command::PullRequest(args) => {
            let open = args.open.as_deref().map(json).transpose()?;
            let found =
                event::pull_request(args.event.forge.into(), &args.event.read()?, open.as_ref());
            let found = found.map_err(|e| Failed::new(Exit::Findings, e))?;
            match found {
                Some(pull) => print(&format!("number={}\nhead={}\n", pull.number, pull.head))?,
                None => talk("the event is about no open pull request"),
            }
            Ok(Exit::Done)
        }
        Command::Issue(args) => {
            let found = event::issue(args.forge.into(), &args.read()?);
            match found.map_err(|e| Failed::new(Exit::Findings, e))? {
                Some(issue) => print(&format!("number={}\n", issue.number))?,
                None => talk("the event is about no issue"),
            }
            Ok(Exit::Done)
        }
    }
}

impl EventArgs {
    /// The event.
    ///
    /// # Errors
    /// When it cannot be read, or is no JSON.
    pub fn read(&self) -> Result<Value, Failed> {
        json(&self.event)
    }
}

fn json(path: &Path) -> Result<Value, Failed> {
    let bytes = bounded(path, LONGEST_EVENT)?;
    serde_json::from_slice(&bytes).map_err(|error| {
        let words = format!("{} is no JSON: {error}", path.display());
        Failed::say(Exit::Usage, words)
    })
}

/// The bytes of a file that is not longer than so many.
///
/// # Errors
/// When it is, or cannot be read.
pub fn bounded(path: &Path, most: u64) -> Result<Vec<u8>, Failed> {
    let world = |error: std::io::Error| {
        let words = format!("cannot read {}: {error}", path.display());
        Failed::say(Exit::World, words)
    };
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(world)?;
    file.take(most + 1).read_to_end(&mut bytes).map_err(world)?;
    if bytes.len() as u64 > most {
        let words = format!("{} is longer than {most} bytes", path.display());
        return Err(Failed::say(Exit::Findings, words));
    }
    Ok(bytes)
}

/// The catalog of the folder as it lies there, without a mistake that would be generated from.
///
/// # Errors
/// When it cannot be read, holds no manifest, or has mistakes.
pub fn catalog(place: &Place) -> Result<Catalog, Failed> {
    let folder = place.folder.clone();
    let reading = workbench::read(&Origin::Worktree { folder })?;
    if reading.manifests == 0 {
        let words = format!(
            "{} holds no manifest; name the access repository with -C, or begin one with `countersign init`",
            place.folder.display()
        );
        return Err(Failed::say(Exit::Usage, words));
    }
    let catalog = reading.catalog.clone();
    if any_error(&diagnose(reading, None, Timestamp::now())) {
        let words = "the repository has mistakes, which `countersign validate --worktree` tells; nothing is generated from it";
        return Err(Failed::say(Exit::Findings, words));
    }
    Ok(catalog)
}

/// Everything that is generated here, schemas too where there are any.
fn all(catalog: &Catalog, folder: &Path) -> Vec<Generated> {
    let mut all = ci::generated(catalog);
    if folder.join(crate::author::SCHEMAS).is_dir() {
        all.extend(schemas::generated(catalog, crate::author::SCHEMAS));
    }
    all
}

fn unread(error: std::io::Error) -> Failed {
    Failed::new(Exit::World, error)
}

fn generate(place: &Place) -> Outcome {
    let catalog = catalog(place)?;
    let written = write(&catalog, &place.folder, &|path| {
        talk(format!("wrote {path}"))
    })?;
    match written {
        0 => talk("everything is fresh"),
        written => talk(format!(
            "{written} {} written; commit what changed",
            if written == 1 { "file" } else { "files" }
        )),
    }
    Ok(Exit::Done)
}

/// Writes everything that is generated, telling each path; how many files were not as they are now.
///
/// # Errors
/// When one is somebody's own, and then none is written, or one cannot be written.
pub fn write(catalog: &Catalog, folder: &Path, told: &dyn Fn(&str)) -> Result<usize, Failed> {
    let mut stale = Vec::new();
    let mut own = Vec::new();
    for file in all(catalog, folder) {
        match ci::standing(folder, &file, &schemas::is_ours).map_err(unread)? {
            Standing::Fresh => {}
            Standing::Missing | Standing::Stale => stale.push(file),
            Standing::ByHand => own.push(file.path),
        }
    }
    if !own.is_empty() {
        let words = format!(
            "{} {} not generated, so nothing was written; move what is there elsewhere, or leave its forge out of `pipelines.forges` in countersign.yaml",
            own.join(", "),
            if own.len() == 1 { "was" } else { "were" },
        );
        return Err(Failed::say(Exit::Findings, words));
    }
    let mut count = 0;
    for file in stale {
        replace(folder, &file).map_err(|error| {
            let words = format!("cannot write {}: {error}", file.path);
            Failed::say(Exit::World, words)
        })?;
        told(&file.path);
        count += 1;
    }
    for path in ci::forsaken(catalog) {
        if ci::was_generated(folder, &path).map_err(unread)? {
            std::fs::remove_file(folder.join(&path)).map_err(unread)?;
            told(&format!("{path}: removed"));
            count += 1;
        }
    }
    Ok(count)
}

/// Writes one file, unless what lies there is somebody's own.
///
/// # Errors
/// When it is, or cannot be written.
pub fn put(folder: &Path, file: &Generated, ours: &dyn Fn(&str) -> bool) -> Result<(), Failed> {
    if ci::standing(folder, file, ours).map_err(unread)? == Standing::ByHand {
        let path = folder.join(&file.path);
        let words = format!("{} was not generated; move it elsewhere", path.display());
        return Err(Failed::say(Exit::Findings, words));
    }
    replace(folder, file).map_err(unread)
}

fn replace(folder: &Path, file: &Generated) -> std::io::Result<()> {
    use std::io::Write as _;
    let path = folder.join(&file.path);
    let parent = path.parent().unwrap_or(folder);
    std::fs::create_dir_all(parent)?;
    let mut written = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        written.permissions(std::fs::Permissions::from_mode(0o644));
    }
    let mut written = written.tempfile_in(parent)?;
    written.write_all(file.text.as_bytes())?;
    written.persist(path)?;
    Ok(())
}

fn check(place: &Place) -> Outcome {
    let catalog = catalog(place)?;
    let folder = &place.folder;
    let mut found = Vec::new();
    for file in all(&catalog, folder) {
        let path = &file.path;
        match ci::standing(folder, &file, &schemas::is_ours).map_err(unread)? {
            Standing::Fresh => {}
            Standing::Missing => found.push(format!("{path} is not there")),
            Standing::Stale => found.push(format!("{path} is stale: the manifests say otherwise")),
            Standing::ByHand => found.push(format!(
                "{path} was written by hand, and would have to be generated: move it elsewhere"
            )),
        }
    }
    for path in ci::forsaken(&catalog) {
        if ci::was_generated(folder, &path).map_err(unread)? {
            found.push(format!(
                "{path} is of a forge that `pipelines` in countersign.yaml no longer names"
            ));
        }
    }
    if found.is_empty() {
        return Ok(Exit::Done);
    }
    print(&found.join("\n"))?;
    talk("make them fresh: run `countersign ci generate` and commit what changed");
    Ok(Exit::Findings)
}
