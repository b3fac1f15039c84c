//! `countersign run`: looks, plans and acts whenever there may be reason to, until it is told to stop.

mod pass;

use super::workbench::{self, STATE};
use super::{Exit, Failed, Outcome, Place, talk};
use crate::operator::Operator;
use crate::service::listen::{Shown, listen};
use crate::service::log::{self, Form};
use crate::service::mirror::{Follower, Mirror};
use crate::service::status::Status;
use crate::service::supervisor::Supervisor;
use crate::service::wake::{Call, Wake, wait};
use crate::service::watch::{Watch, watch};
use crate::service::{signals, words};
use crate::source::git;
use clap::ValueEnum;
use jiff::Timestamp;
use pass::Loop;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Sender, channel};
use tracing_subscriber::filter::LevelFilter;

/// Follow the repository: plan and apply whenever something changed or an instant has come, until
/// stopped (SIGTERM, Ctrl-C). SIGHUP looks again at once.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// One pass, for cron: exits with 0 when everything is done, 1 when something is held or failed,
    /// 3 when the world could not be seen.
    #[arg(long)]
    once: bool,
    /// The branch or revision that is followed; with an operator's file its `repository.branch` is.
    #[arg(long, value_name = "REVISION")]
    rev: Option<String>,
    /// How what happens is told, on standard error.
    #[arg(long, value_enum, default_value = "human")]
    log: LogArg,
    /// From which level on.
    #[arg(long, value_enum, default_value = "info")]
    level: LevelArg,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum LogArg {
    /// For people.
    Human,
    /// One JSON object a line.
    Json,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum LevelArg {
    /// What went wrong.
    Error,
    /// What needs somebody.
    Warn,
    /// What was done; no name of a person.
    Info,
    /// Also what was looked at, with names.
    Debug,
}

/// Seconds that the loop may go without a sign of life before it is said to hang: several times the
/// longest single step, a fetch or a write that waits for its answer.
const HANG: i64 = 600;

/// Runs the command.
///
/// # Errors
/// When it cannot begin; what happens later is told, and tried again.
pub fn run(place: &Place, args: &Args) -> Outcome {
    let form = match args.log {
        LogArg::Human => Form::Human,
        LogArg::Json => Form::Json,
    };
    let level = match args.level {
        LevelArg::Error => LevelFilter::ERROR,
        LevelArg::Warn => LevelFilter::WARN,
        LevelArg::Info => LevelFilter::INFO,
        LevelArg::Debug => LevelFilter::DEBUG,
    };
    log::begin(form, level);
    let operator = workbench::operator(place)?;
    let (caller, calls) = channel();
    let stop = Arc::new(AtomicBool::new(false));
    signals::listen(caller.clone(), stop.clone()).map_err(|e| Failed::new(Exit::World, e))?;
    let followed = follow(place, args, &operator)?;
    let status = Status::started(Timestamp::now());
    let shown = Arc::new(Shown::new(status.clone(), HANG));
    let running = operator.running.clone();
    let _listeners = match args.once {
        true => None,
        false => Some(
            listen(
                running.listen,
                running.webhook.as_ref(),
                shown.clone(),
                caller.clone(),
            )
            .map_err(|e| Failed::new(Exit::World, e))?,
        ),
    };
    let place = Place {
        folder: followed.folder.clone(),
        operator: place.operator.clone(),
    };
    let mut going = Loop::new(
        place,
        followed.revision.clone(),
        operator,
        status,
        shown,
        stop,
    );
    // Watched before it is fetched: what moves in between calls once more.
    let _watch = match args.once {
        true => None,
        false => watched(&followed, &caller),
    };
    if let Some(mirror) = &followed.mirror
        && let Err(error) = mirror.fetch()
    {
        tracing::error!(reason = words(&error), "the branch was not fetched");
        going.fetched(Some(words(&error)));
    }
    if args.once {
        return Ok(going.pass(Wake::Start));
    }
    if let Some(mirror) = followed.mirror.clone() {
        going.follow(Follower::begin(
            mirror,
            running.fetch.unsigned_abs(),
            caller.clone(),
        ));
    }
    let mut supervisor = Supervisor::find();
    supervisor.ready();
    going.pass(Wake::Start);
    'going: loop {
        supervisor.status(&going.line());
        let calls = wait(&calls, &going.due(supervisor.patience()), &Timestamp::now);
        going.alive();
        supervisor.alive();
        for call in calls {
            match call {
                Call::Stop => break 'going,
                Call::Wake(wake) => going.woken(wake),
            }
        }
    }
    supervisor.stopping();
    tracing::info!("stopped");
    Ok(Exit::Done)
}

/// What is followed.
struct Followed {
    folder: PathBuf,
    revision: String,
    mirror: Option<Mirror>,
    /// The folder of git's own that is on this machine, and can be watched.
    local: Option<PathBuf>,
}

/// The repository that the operator's file names, mirrored here; without one the folder as it is.
fn follow(place: &Place, args: &Args, operator: &Operator) -> Result<Followed, Failed> {
    let named = operator.repository.as_ref();
    let Some(repository) = named.filter(|_| !operator.is_embedded()) else {
        let revision = args.rev.clone().unwrap_or_else(|| "HEAD".into());
        git::revision_id(&place.folder, &revision).map_err(workbench::source_failed)?;
        talk(format!(
            "following {revision} of {}; what is kept lies in {STATE}",
            workbench::root(&place.folder).display()
        ));
        return Ok(Followed {
            folder: place.folder.clone(),
            revision,
            mirror: None,
            local: git::git_folder(&place.folder),
        });
    };
    if args.rev.is_some() {
        return Err(Failed::say(
            Exit::Usage,
            "the operator's file names the branch that is followed; leave out --rev",
        ));
    }
    let url = repository.url.as_str();
    let folder = beside(&operator.ledger, "access.git");
    let mirror = Mirror::open(folder, url, &repository.branch, repository.timeout)
        .map_err(|error| Failed::new(Exit::World, error))?
        .with_heads(operator.forge.as_ref().map(|forge| forge.kind.heads()));
    let local = Path::new(url).is_absolute().then(|| Path::new(url));
    Ok(Followed {
        folder: mirror.folder().to_owned(),
        revision: mirror.revision(),
        local: local.and_then(git::git_folder),
        mirror: Some(mirror),
    })
}

/// A folder beside the ledger.
fn beside(ledger: &Path, name: &str) -> PathBuf {
    ledger.with_file_name(name)
}

/// Watches a repository on this machine; without that a change is seen when it is fetched.
fn watched(followed: &Followed, caller: &Sender<Call>) -> Option<Watch> {
    let local = followed.local.as_ref()?;
    match watch(local, caller.clone()) {
        Ok(watch) => Some(watch),
        Err(error) => {
            let reason = words(&error);
            tracing::warn!(reason, "the repository is not watched, only looked at");
            None
        }
    }
}
