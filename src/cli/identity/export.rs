//! `countersign identity export`: row-level security of one application as a file that it reads.

use super::{Exit, Failed, Outcome, Place, application, talk, workbench};
use crate::cli::print;
use crate::desired::Desired;
use crate::name::ResourceName;
use crate::report::diagnostics::{Format, render};
use crate::report::row_security::{RowSecurity, SharedLogin};
use clap::ValueEnum;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Export who may sign in to an application, as what, and whose rows they see.
///
/// Whoever is not in the file has no access: users on leave, users who left and users who have not
/// started are not in it. Nothing is exported of a repository that has mistakes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The application.
    #[arg(long, value_name = "RESOURCE")]
    application: String,
    /// The form.
    #[arg(long, value_enum, default_value = "json")]
    format: FormatArg,
    /// The file, replaced at once and only when all of it is written; left out: standard output.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    origin: workbench::OriginArgs,
    #[command(flatten)]
    instant: workbench::InstantArgs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum FormatArg {
    /// schema/row-level-security.json describes it.
    Json,
    /// A database; `sqlite3 FILE .schema` describes it. Needs --out.
    #[cfg(feature = "sql")]
    Sqlite,
}

/// Runs the command.
///
/// # Errors
/// When the repository has mistakes, two users would sign in with one name, the directory cannot be
/// read completely or does not tell somebody's name, or the file cannot be written.
pub fn run(place: &Place, args: &Args) -> Outcome {
    #[cfg(feature = "sql")]
    if matches!((args.format, &args.out), (FormatArg::Sqlite, None)) {
        return Err(Failed::say(Exit::Usage, "name the database with --out"));
    }
    let operator = workbench::operator(place)?;
    let history = workbench::history(&operator)?;
    let origin = args.origin.origin(&place.folder);
    let (reading, situation) = workbench::situation(&origin, &args.instant, &operator, &history)?;
    let resource = application(&reading, &args.application)?;
    if !situation.diagnostics.is_empty() {
        talk(render(&situation.diagnostics, 0, &|_| None, Format::Human));
    }
    let rights = RowSecurity::of(
        resource,
        &reading.catalog,
        &situation.desired,
        history.selections(),
        reading.source.revision.as_deref(),
    );
    let rights = rights.map_err(|shared| {
        shared.iter().for_each(|shared| talk(several(shared)));
        Failed::say(
            Exit::Findings,
            "whose rows those are could not be told, so nothing is exported",
        )
    })?;
    let untold = untold(&rights, resource, &situation.desired);
    if !untold.is_empty() {
        untold.into_iter().for_each(talk);
        return Err(Failed::say(
            Exit::Findings,
            "the directory does not tell by which name everybody signs in, so nothing is exported",
        ));
    }
    let bytes = match args.format {
        FormatArg::Json => rights.json().into_bytes(),
        #[cfg(feature = "sql")]
        FormatArg::Sqlite => crate::report::row_security::sqlite::database(&rights)
            .map_err(|error| Failed::new(Exit::World, error))?,
    };
    match &args.out {
        None => print(&String::from_utf8_lossy(&bytes))?,
        Some(path) => {
            replace(path, &bytes).map_err(|error| {
                let words = format!("cannot write {}: {error}", path.display());
                Failed::say(Exit::World, words)
            })?;
            let count = rights.users.len();
            let users = if count == 1 { "user" } else { "users" };
            talk(format!("wrote {count} {users} to {}", path.display()));
        }
    }
    Ok(Exit::Done)
}

/// Who would have no login in the file because the directory does not say something: they would be locked out.
fn untold(rights: &RowSecurity, resource: &ResourceName, desired: &Desired) -> Vec<String> {
    let without = rights.users.iter().filter(|user| user.login.is_none());
    let of = without.filter_map(|user| {
        let held = desired.people.get(&user.id)?.entitlements.iter();
        let mut troubles = held.filter_map(|(key, held)| {
            let withheld = held.withheld.as_ref()?;
            (key.resource == *resource).then_some(withheld)
        });
        let trouble = troubles.next()?;
        Some(format!("{}: {}", user.id, trouble.reason))
    });
    of.collect()
}

fn several(shared: &SharedLogin) -> String {
    let users: Vec<&str> = shared.users.iter().map(AsRef::as_ref).collect();
    format!(
        "{} would all sign in as `{}`",
        users.join(", "),
        shared.login.escape_debug()
    )
}

/// Replaces a file at once: a reader finds the old one or the new one, whole. A new one can be read by
/// its owner only; one that is replaced keeps its permissions.
fn replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    // Through a link to the file it means, so that the link stays.
    let path = &std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut file = tempfile::Builder::new()
        .prefix(".countersign-")
        .tempfile_in(folder)?;
    file.write_all(bytes)?;
    if let Ok(before) = std::fs::metadata(path) {
        file.as_file().set_permissions(before.permissions())?;
    }
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}
