//! `countersign init`: an access repository with nobody in it yet.

use super::{Exit, Failed, Outcome, Place, print};
use crate::author;
use crate::source::commit::{Author, Writer};
use jiff::Timestamp;
use std::path::{Path, PathBuf};

/// Start an access repository: configuration, a first organization, profile and resources, no user.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The folder; left out: the current one (or -C).
    folder: Option<PathBuf>,
}

const FILES: [(&str, &str); 6] = [
    (".gitignore", author::GITIGNORE),
    ("countersign.yaml", include_str!("init/countersign.yaml")),
    (
        "organizations/our-organization.yaml",
        include_str!("init/organization.yaml"),
    ),
    ("profiles/employee.yaml", include_str!("init/employee.yaml")),
    (
        "resources/active-directory.yaml",
        include_str!("init/active-directory.yaml"),
    ),
    (
        "resources/countersign.yaml",
        include_str!("init/countersign-resource.yaml"),
    ),
];

/// Folders that are empty at first; git keeps them by a file of no meaning.
const FOLDERS: [&str; 5] = ["users", "roles", "scopes", "identities", "requests"];

/// Runs the command.
///
/// # Errors
/// When the folder holds an access repository already, or cannot be written.
pub fn run(place: &Place, args: &Args) -> Outcome {
    let folder = args.folder.as_deref().unwrap_or(&place.folder);
    if folder.join("countersign.yaml").exists() {
        let words = format!("{} holds an access repository already", folder.display());
        return Err(Failed::say(Exit::Usage, words));
    }
    write(folder).map_err(|error| {
        let words = format!("cannot write into {}: {error}", folder.display());
        Failed::say(Exit::World, words)
    })?;
    let writer = Writer::init(folder).map_err(|e| Failed::new(Exit::World, e))?;
    let (name, mail) = writer
        .identity()
        .unwrap_or_else(|| ("Countersign".into(), "countersign@localhost".into()));
    let by = Author {
        name: &name,
        mail: &mail,
        at: Timestamp::now(),
    };
    let commit = writer
        .commit("Begin the access repository", &by)
        .map_err(|e| Failed::new(Exit::World, e))?;
    print(&format!(
        "An access repository with nobody in it yet: {} (commit {}).\n\n\
         Next:\n  \
         1. say in countersign.yaml what your directory looks like,\n  \
         2. add a user below users/ and check it: countersign validate --worktree\n  \
         3. commit, and see what would be done: countersign plan\n",
        folder.display(),
        &commit[..10],
    ))?;
    Ok(Exit::Done)
}

fn write(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    for (name, text) in FILES {
        if name == ".gitignore" && folder.join(name).exists() {
            continue;
        }
        author::file(folder, name, text.as_bytes())?;
    }
    for name in FOLDERS {
        author::file(folder, &format!("{name}/.gitkeep"), b"")?;
    }
    if folder.join(author::SCHEMAS).exists() {
        return Ok(());
    }
    author::schemas(folder)
}
