//! What several commands begin with: which revision, which instant, which operator's file, and the
//! plan that follows from them.

mod line;
mod looking;

pub use line::{Line, approved};

use super::{Exit, Failed, Place, talk};
use crate::approval::Evidence;
use crate::catalog::Catalog;
use crate::connector::roster::Roster;
use crate::connector::{AttributeName, Failure, Mark, Since, Transport};
use crate::desired::Desired;
use crate::desired::accounts::Accounts;
use crate::diagnostic::{Code, Diagnostic};
use crate::failpoint::fail_point;
use crate::ledger::{History, Ledger, LedgerError, Record, Rest, Shared};
use crate::manifest::parse::Known;
use crate::manifest::{Edge, Moment};
use crate::name::ResourceName;
use crate::observed::Portion;
use crate::observed::snapshot::{Snapshot, Taken};
use crate::operator::{DEFAULT_FILE, LedgerBranch, Operator, OperatorError};
use crate::plan::{Bootstrap, Change, DirectoryMode, Held, Plan};
use crate::reconcile::drifted::{Given, drifted};
use crate::reconcile::guarded::{Guards, too_many_urgent};
use crate::reconcile::inbox::{Answer, collect};
use crate::reconcile::verified::Memory;
use crate::reconcile::wanted::Wanted;
use crate::reconcile::world::{self, OpenError};
use crate::reconcile::{self, Parsed, Reading, ReconcileError, Situation, World};
use crate::report::diagnostics::{Format, render};
use crate::source::{Blob, Origin, SourceError, git};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use looking::{Looking, Reached};
use rayon::prelude::*;
use std::borrow::Borrow;
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The folder of what is kept without an operator's file.
pub const STATE: &str = ".countersign";

/// Which state of the repository.
#[derive(Debug, Clone, clap::Args)]
pub struct OriginArgs {
    /// The revision.
    #[arg(
        long,
        default_value = "HEAD",
        value_name = "REVISION",
        conflicts_with = "worktree"
    )]
    rev: String,
    /// The folder as it lies there, committed or not.
    #[arg(long)]
    worktree: bool,
}

impl OriginArgs {
    /// Where to read from.
    pub fn origin(&self, folder: &Path) -> Origin {
        let folder = folder.to_owned();
        match self.worktree {
            true => Origin::Worktree { folder },
            false => Origin::Revision {
                folder,
                revision: self.rev.clone(),
            },
        }
    }
}

/// Which instant.
#[derive(Debug, Clone, clap::Args)]
pub struct InstantArgs {
    /// The instant, as a manifest writes it (`2027-01-04T08:00`, in the repository's time zone);
    /// left out: now.
    #[arg(long, value_name = "INSTANT")]
    at: Option<String>,
}

impl InstantArgs {
    /// The instant of the call.
    pub fn now() -> Self {
        Self { at: None }
    }

    /// The instant. Of now every revision tells: one that was folded through later has a mistake, which is
    /// for who diagnoses it.
    ///
    /// # Errors
    /// When there is no such moment, or the manifests no longer tell of it.
    pub fn resolve(&self, catalog: &Catalog) -> Result<Timestamp, Failed> {
        let now = self.moment(&catalog.zone)?;
        if self.at.is_none() {
            return Ok(now);
        }
        match catalog.folded_through().filter(|through| now < *through) {
            None => Ok(now),
            Some(through) => Err(Failed::say(
                Exit::Usage,
                format!(
                    "requests were folded through {through}, so this revision no longer tells of {now}; \
                     use --rev with a revision from before the fold"
                ),
            )),
        }
    }

    fn moment(&self, zone: &TimeZone) -> Result<Timestamp, Failed> {
        let Some(text) = &self.at else {
            // Whole seconds: nobody's plan differs by less.
            let now = Timestamp::now();
            return Ok(Timestamp::from_second(now.as_second()).unwrap_or(now));
        };
        let moment = Moment(text.clone());
        moment.resolve(zone, Edge::Start).map_err(|error| {
            Failed::say(
                Exit::Usage,
                format!(
                    "{error}; write `2027-02-01`, `2027-02-01T08:00` or `2027-02-01T08:00:00-05:00`"
                ),
            )
        })
    }
}

/// Reads and links the repository.
///
/// # Errors
/// When it cannot be read at all.
pub fn read(origin: &Origin) -> Result<Reading, Failed> {
    let [reading] = read_all([origin])?;
    Ok(reading)
}

/// Reads and links states of one repository; what is the same in them is parsed once.
///
/// # Errors
/// When one of them cannot be read at all.
pub fn read_all<const N: usize>(origins: [&Origin; N]) -> Result<[Reading; N], Failed> {
    // Among those who do the work: from outside each step of it is handed over, and waited for.
    rayon::scope(|_| read_here(origins)).map_err(source_failed)
}

fn read_here<const N: usize>(origins: [&Origin; N]) -> Result<[Reading; N], SourceError> {
    let folder = match origins[0] {
        Origin::Revision { folder, .. } | Origin::Worktree { folder } => folder,
    };
    let mut before = 0;
    let loaded = || {
        let known = known(folder);
        before = known.0.len();
        known
    };
    let (first, mut known) = Parsed::read_with(origins[0], loaded)?;
    let mut parsed = vec![first];
    for origin in &origins[1..] {
        parsed.push(Parsed::read(origin, &mut known)?);
    }
    let mut blobs = BTreeSet::new();
    if known.0.len() != before {
        let files = parsed.iter().flat_map(|p| p.source.files.values());
        blobs.extend(files.map(|f| f.blob));
    }
    let link = || parsed.into_par_iter().map(Parsed::link).collect();
    let keep = || {
        keep(folder, &known, &blobs);
        drop(known);
    };
    let (readings, ()): (Vec<Reading>, ()) = rayon::join(link, keep);
    match readings.try_into() {
        Ok(readings) => Ok(readings),
        Err(_) => unreachable!("there are as many as were asked for"),
    }
}

fn cache_file(folder: &Path) -> Option<PathBuf> {
    git::git_folder(folder).map(|git| git.join("countersign").join("manifests.jsonl"))
}

/// What earlier runs parsed; nothing where it cannot be read: it is only a cache.
pub fn known(folder: &Path) -> Known {
    cache_file(folder)
        .and_then(|file| Known::load(&file))
        .unwrap_or_default()
}

/// Keeps what was parsed of these files, where there are any.
fn keep(folder: &Path, known: &Known, blobs: &BTreeSet<Blob>) {
    if let (false, Some(file)) = (blobs.is_empty(), cache_file(folder)) {
        fail_point!("cache", return);
        // Without the cache the next run parses again; nothing is lost.
        let _ = known.save(&file, blobs);
    }
}

/// How trouble with the repository ends a command.
pub fn source_failed(error: SourceError) -> Failed {
    let exit = match &error {
        SourceError::NotARepository { .. } | SourceError::NoSuchRevision { .. } => Exit::Usage,
        SourceError::Git { .. } | SourceError::Io { .. } => Exit::World,
    };
    Failed::new(exit, error)
}

/// The operator's file, or what holds without one.
///
/// # Errors
/// When it is named or there, and cannot be used.
pub fn operator(place: &Place) -> Result<Operator, Failed> {
    let root = root(&place.folder);
    let default = Path::new(DEFAULT_FILE);
    let path = match &place.operator {
        Some(path) => path.as_path(),
        None if default.exists() => default,
        None => return Ok(Operator::embedded(Path::new(STATE), &root)),
    };
    let operator = Operator::load(path, &root).map_err(|error| match error {
        OperatorError::Invalid { path, diagnostics } => {
            talk(shown(&diagnostics, None));
            Failed::say(Exit::Usage, format!("{path} cannot be used"))
        }
        OperatorError::Io { .. } => Failed::new(Exit::World, error),
        OperatorError::Inside { .. } | OperatorError::Writable { .. } => {
            Failed::new(Exit::Usage, error)
        }
    })?;
    for finding in &operator.findings {
        talk(format!(
            "warning: {}:{}: {}",
            finding.place.file, finding.place.line, finding.message
        ));
    }
    Ok(operator)
}

/// What the record says; nothing where nothing was ever done from here.
///
/// # Errors
/// When it cannot be read.
pub fn history(operator: &Operator) -> Result<History, Failed> {
    let first = operator.is_embedded() && !operator.ledger.parent().is_some_and(Path::is_dir);
    let history = match (first, shared(operator)?) {
        (true, _) => return Ok(History::default()),
        (false, Some(shared)) => Ledger::look(&operator.ledger, shared),
        (false, None) => Ledger::read(&operator.ledger),
    };
    history.map_err(ledger_failed)
}

/// How the record is shared; none where it is a file only.
///
/// # Errors
/// When the signing key cannot be had.
pub fn shared(operator: &Operator) -> Result<Option<Shared>, Failed> {
    let branch = operator.ledger_branch.as_ref();
    let settings = branch.map(LedgerBranch::settings).transpose();
    settings.map_err(|error| Failed::new(Exit::World, error))
}

/// The record, open for writing.
///
/// # Errors
/// When it cannot be read or written, or another run has it.
pub fn ledger(operator: &Operator) -> Result<Ledger, Failed> {
    ledger_again(operator, None)
}

/// The same, with what it held when it was closed, where that is known.
///
/// # Errors
/// As [`ledger`].
pub fn ledger_again(operator: &Operator, rest: Option<Rest>) -> Result<Ledger, Failed> {
    if let Some(folder) = operator.ledger.parent().filter(|_| operator.is_embedded()) {
        std::fs::create_dir_all(folder).map_err(|e| Failed::new(Exit::World, e))?;
    }
    let Some(shared) = shared(operator)? else {
        let ledger = Ledger::open_again(&operator.ledger, rest).map_err(ledger_failed)?;
        // What began with nothing would ask for everything again, and tell everybody.
        return match ledger.history().is_lost() {
            false => Ok(ledger),
            true => Err(Failed::say(
                Exit::World,
                format!(
                    "the ledger {} is gone: nothing is done. Put it back from a copy; where there is none, `countersign ledger rebuild` begins it anew, takes what is wanted now as held, and mails nobody",
                    operator.ledger.display()
                ),
            )),
        };
    };
    Ledger::share_again(&operator.ledger, shared, rest).map_err(ledger_failed)
}

/// Adds what a command says to the record, alone and at once; one that cannot be recorded changes
/// nothing.
///
/// # Errors
/// When another run has the record, or it cannot be written.
pub fn record(ledger: &mut Ledger, record: Record) -> Result<(), LedgerError> {
    ledger.hold(record.run.clone())?;
    ledger.append(record)
}

/// Reads the inbox of a shared record with the keys of the newest approved revision; what people should
/// know of it, a line each. Nothing waits for it: what cannot be read now is read another time.
pub fn inbox(operator: &Operator, ledger: &mut Ledger, origin: &Origin) -> Vec<String> {
    let mut read = || -> Result<Vec<Answer>, Failed> {
        fail_point!("inbox", return Err(ledger_failed(LedgerError::Stopped)));
        if ledger.waiting().map_err(ledger_failed)? == 0 {
            return Ok(Vec::new());
        }
        let line = approved(operator, ledger.history(), origin, Memory::default())?;
        let reading = line
            .as_ref()
            .map_or_else(|| self::read(origin), Line::read)?;
        collect(ledger, &reading.catalog, Timestamp::now()).map_err(ledger_failed)
    };
    let words = |answer: &Answer| match answer.finding() {
        Some(finding) => finding.message,
        None => {
            let from = answer.from.as_ref().map_or("somebody", |u| u.as_str());
            format!("`{}` from {from} is recorded", answer.command)
        }
    };
    match read() {
        Ok(answers) => answers.iter().map(words).collect(),
        Err(failed) => vec![format!("the inbox was not read: {}", failed.words())],
    }
}

/// The folder of the access repository.
pub fn root(folder: &Path) -> PathBuf {
    std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned())
}

fn shown(diagnostics: &[Diagnostic], reading: Option<&Reading>) -> String {
    let text = |path: &str| {
        let bytes = reading?.source.files.get(path)?.bytes()?;
        Some(String::from_utf8_lossy(&bytes).into())
    };
    render(diagnostics, 0, &text, Format::Human)
}

/// What should be and what is, with the names that the directory's accounts really have; nothing is
/// planned.
///
/// # Errors
/// When the repository has mistakes, or the directory cannot be seen completely.
pub fn situation(
    origin: &Origin,
    instant: &InstantArgs,
    operator: &Operator,
    history: &History,
) -> Result<(Reading, Situation), Failed> {
    let line = approved(operator, history, origin, Memory::default())?;
    let mut reading = line.as_ref().map_or_else(|| read(origin), Line::read)?;
    let now = instant.resolve(&reading.catalog)?;
    let (mut directory, mode) = opened(operator, &reading)?;
    if directory.is_none() {
        talk("no directory is at hand: names that come from it are left out");
    }
    let mut world = World {
        directory: directory.as_deref_mut().map(|d| d as &mut dyn Transport),
        mode,
        rosters: &BTreeMap::new(),
        outer: operator.outer(),
        recorded: history.recorded(),
    };
    let situation = reconcile::situation(&mut reading, &mut world, now);
    let situation = situation.map_err(|error| reconcile_failed(error, &reading))?;
    Ok((reading, situation))
}

/// The directory, open, and who writes it; none where none is at hand.
fn opened(
    operator: &Operator,
    reading: &Reading,
) -> Result<(Option<Box<dyn Transport>>, DirectoryMode), Failed> {
    let resource = &reading.catalog.config.spec.directory;
    let opened = world::directory(operator, resource).map_err(open_failed)?;
    Ok(match opened {
        Some((directory, mode)) => (Some(directory), mode),
        None => (None, DirectoryMode::Direct),
    })
}

/// That a repository has mistakes; some show only beside the directory.
#[derive(Debug, thiserror::Error)]
#[error("the repository has mistakes, so nothing is planned or exported")]
pub struct Mistakes(pub Vec<Diagnostic>);

/// What a plan is made for.
#[derive(Clone, Copy)]
pub enum Purpose<'a> {
    /// To be looked at: the directory is let go once it was read.
    Look,
    /// To be applied.
    Apply,
    /// To be applied as far as the world can be seen: what cannot be read is held, and the rest goes on.
    GoOn(&'a Standing),
}

/// What a loop knows of the world from before.
#[derive(Default)]
pub struct Standing {
    /// Connectors that failed a moment ago and are not asked, and why they failed.
    pub shut: BTreeMap<ResourceName, Failure>,
    /// The directory as it was; taken by who looks at it again.
    pub kept: Cell<Option<Snapshot>>,
    /// What was parsed of the access repository.
    pub parsed: Memory,
}

impl Purpose<'_> {
    /// What was parsed before.
    fn memory(&self) -> Memory {
        match self {
            Self::GoOn(standing) => standing.parsed.clone(),
            Self::Look | Self::Apply => Memory::default(),
        }
    }

    /// Why a connector is not asked; none where it is.
    fn shut(&self, resource: &ResourceName) -> Option<&Failure> {
        match self {
            Self::GoOn(standing) => standing.shut.get(resource),
            Self::Look | Self::Apply => None,
        }
    }
}

/// A plan and everything it rests on.
pub struct Bench {
    /// The operator's file.
    pub operator: Operator,
    /// What should be, and what is.
    pub situation: Situation,
    /// The directory, open, where the plan is to be applied.
    pub directory: Option<Box<dyn Transport>>,
    /// How the directory was read, where that is kept for the next time.
    pub taken: Option<Taken>,
    /// The rosters.
    pub rosters: BTreeMap<ResourceName, Roster>,
    /// Every connector that the operator's file has a place for.
    pub connectors: BTreeSet<ResourceName>,
    /// The plan.
    pub plan: Plan,
    /// What would undo what somebody did by hand, whether it is done or not.
    pub drift: Vec<Change>,
    /// The line that was verified; none: nobody's approval is checked.
    pub line: Option<Line>,
}

/// The record, read already or to be read while something else is waited for.
enum Recall<H, F> {
    Read(H),
    Later(F),
}

/// Reads, observes and plans.
///
/// # Errors
/// When the repository has mistakes, or the world cannot be seen completely.
pub fn bench<H: Borrow<History>>(
    place: &Place,
    origin: &Origin,
    instant: &InstantArgs,
    operator: Operator,
    history: impl FnOnce(&Operator) -> Result<H, Failed>,
    purpose: Purpose<'_>,
) -> Result<Bench, Failed> {
    // What is approved stands in the record, where that is asked at all.
    let (line, history) = match operator.evidence {
        Evidence::TrustBranch => (None, Recall::Later(history)),
        Evidence::SignedMerge | Evidence::ForgeReviews => {
            let history = history(&operator)?;
            let line = approved(&operator, history.borrow(), origin, purpose.memory())?;
            (line, Recall::Read(history))
        }
    };
    let origin = &line.as_ref().map_or_else(|| origin.clone(), Line::origin);
    let ahead = Looking::ahead(origin, &operator, purpose);
    let mut reading = line.as_ref().map_or_else(|| read(origin), Line::read)?;
    let now = instant.resolve(&reading.catalog)?;
    let wanted = Wanted::of(&reading.catalog, operator.outer());
    let resource = wanted.resource.clone();
    let reached = Reached::of(&operator, wanted, ahead, purpose)?;
    if reached.looking.is_none() && reached.away.is_none() {
        talk("no directory is at hand: new names are provisional, accounts are left alone");
    }
    let mut fields = reconcile::roster_fields(&reading.catalog);
    let shut = |roster: &ResourceName| Some((roster.clone(), purpose.shut(roster)?.clone()));
    let shut: BTreeMap<_, _> = fields.keys().filter_map(shut).collect();
    fields.retain(|roster, _| !shut.contains_key(roster));
    let (rosters, mut unread) = world::rosters(&operator, fields);
    unread.extend(shut);
    let mut connectors: BTreeSet<ResourceName> =
        rosters.keys().chain(unread.keys()).cloned().collect();
    connectors.extend(operator.directory(&resource).map(|_| resource.clone()));
    let findings = std::mem::take(&mut reading.findings);
    let mut taken = None;
    // While the directory answers, the record is read and all is worked out that does not depend on it.
    let history = match history {
        Recall::Read(history) => history,
        Recall::Later(read) => read(&operator)?,
    };
    let history = history.borrow();
    let world = rest_of_world(history, &rosters, &operator, reached.mode);
    let looked = |see: &mut dyn FnMut(Portion)| reached.looked(purpose, &mut taken, see);
    let situation = reconcile::situation_of(&reading, findings, &world, looked, now);
    let Reached {
        looking,
        away: _,
        mode,
    } = reached;
    let mut directory = looking.and_then(Looking::end);
    let mut situation = situation.map_err(|error| reconcile_failed(error, &reading))?;
    let begun = history.last_run().is_some() || history.orders().rebuilt().is_some();
    match situation.observed.unread.get(&resource) {
        None => {
            let exports = world::exports(&operator, &situation.desired, now);
            situation.read_back(history, &exports);
        }
        // An export is compared with names that only the directory tells.
        Some(_) if begun => directory = None,
        // Nothing is known of anybody.
        Some(failure) => return Err(open_failed(OpenError::Directory(failure.clone()))),
    }
    let world = rest_of_world(history, &rosters, &operator, mode);
    let bootstrap = match (begun, reading.source.revision.is_some()) {
        (false, true) => {
            let revision = bootstrap_revision(place, &operator, origin)?;
            let mut known = match &line {
                Some(_) => Known::default(),
                None => known(&place.folder),
            };
            reconcile::bootstrap(&place.folder, &revision, &situation, now, &mut known).map_err(
                |error| {
                    talk(format!("at the bootstrap revision {revision}:"));
                    reconcile_failed(error, &reading)
                },
            )?
        }
        _ => Bootstrap::default(),
    };
    let approval = operator.evidence.as_str();
    let mut plan = reconcile::make_plan(&situation, &world, &reading, &bootstrap, approval);
    plan.findings.extend(history.findings().iter().cloned());
    situation.observed.unread.append(&mut unread);
    plan.held.extend(held_unread(&situation));
    plan.held.sort();
    plan.recount();
    let given = Given {
        desired: &situation.desired,
        recorded: history.recorded(),
        limits: situation.limits.as_ref(),
        outer: operator.outer(),
    };
    let Given {
        desired,
        recorded,
        limits,
        outer: _,
    } = given;
    let is_let_go = matches!(purpose, Purpose::Look) && directory.is_none();
    let mut again = match is_let_go && !plan.drifted(desired, recorded, limits).is_empty() {
        // It tells now when something was changed by hand.
        true => opened(&operator, &reading)?.0,
        false => None,
    };
    let asked = directory.as_deref_mut().or(again.as_deref_mut());
    let asked = asked.map(|directory| directory as &mut dyn Transport);
    let (plan, drift) = drifted(plan, given, asked);
    if matches!(purpose, Purpose::Look) {
        directory = None;
    }
    let paused = |resource: &ResourceName| {
        let pause = history.orders().pause_of(resource)?;
        Some((pause.by.clone(), pause.reason.clone()))
    };
    let plan = plan.frozen(&situation.desired);
    let mut plan = plan.paused(&situation.desired, &paused);
    if matches!(purpose, Purpose::Look) {
        // Whoever carries it out asks this guard itself.
        let guards = guards(history, &situation, &operator);
        plan.guards.extend(too_many_urgent(&plan, &guards));
    }
    if let Some(line) = &line {
        plan = line.rest(plan, &situation, history.recorded(), &operator)?;
    }
    if !situation.diagnostics.is_empty() {
        talk(shown(&situation.diagnostics, Some(&reading)));
    }
    // Nobody waits until the repository is taken apart.
    rayon::spawn(move || drop(reading));
    Ok(Bench {
        operator,
        situation,
        directory,
        taken,
        rosters,
        connectors,
        plan,
        drift,
        line,
    })
}

/// What guards are asked with.
pub fn guards<'a>(
    history: &'a History,
    situation: &'a Situation,
    operator: &'a Operator,
) -> Guards<'a> {
    Guards {
        history,
        desired: &situation.desired,
        directory: situation.observed.directory.as_ref(),
        outer: operator.outer(),
        urgent_per_day: operator.urgent_per_day,
    }
}

/// What is held because it could not be read.
fn held_unread(situation: &Situation) -> impl Iterator<Item = Held> {
    let unread = situation.observed.unread.iter();
    unread.map(|(resource, failure)| {
        let is_directory = *resource == situation.desired.directory;
        let (code, what) = match is_directory {
            true => (Code::DirectoryUnread, format!("the directory {resource}")),
            false => (Code::RosterUnread, format!("the roster of {resource}")),
        };
        Held {
            code: code.as_str().into(),
            user: None,
            what,
            reason: format!("it could not be read, so nothing of it is planned: {failure}"),
            causes: Vec::new(),
        }
    })
}

/// What a plan is made from, the directory aside, which was looked at already.
fn rest_of_world<'a>(
    history: &'a History,
    rosters: &'a BTreeMap<ResourceName, Roster>,
    operator: &'a Operator,
    mode: DirectoryMode,
) -> World<'a> {
    World {
        directory: None,
        mode,
        rosters,
        outer: operator.outer(),
        recorded: history.recorded(),
    }
}

/// Where the directory stands now, if surely nothing of it has changed since it was read with these
/// attributes; none where something has, or that cannot be told.
///
/// # Errors
/// When it cannot be opened or asked.
pub fn unchanged(
    operator: &Operator,
    resource: &ResourceName,
    (mark, attributes): (&Mark, &[AttributeName]),
) -> Result<Option<Mark>, Failed> {
    let opened = world::directory(operator, resource).map_err(open_failed)?;
    match opened {
        Some((mut directory, _)) => directory
            .since(mark, attributes)
            .map(|since| match since {
                Since::Touched(now, touched) => touched.is_empty().then_some(now),
                Since::Untold => None,
            })
            .map_err(|failure| Failed::say(Exit::World, failure)),
        None => Ok(None),
    }
}

/// What should be, with the accounts that the directory really holds; in words, why they cannot be told.
///
/// # Errors
/// When no directory is at hand, it cannot be read, or the repository has mistakes.
pub fn seen(place: &Place, reading: &mut Reading, now: Timestamp) -> Result<Desired, String> {
    let words = |failed: Failed| failed.report.to_string();
    let operator = operator(place).map_err(words)?;
    let history = history(&operator).map_err(words)?;
    let resource = reading.catalog.config.spec.directory.clone();
    let opened = world::directory(&operator, &resource).map_err(|e| words(open_failed(e)))?;
    let (mut directory, mode) = opened.ok_or("no directory is at hand")?;
    let mut world = World {
        directory: Some(directory.as_mut()),
        mode,
        rosters: &BTreeMap::new(),
        outer: operator.outer(),
        recorded: history.recorded(),
    };
    let situation = reconcile::situation(reading, &mut world, now);
    situation.map(|s| s.desired).map_err(|e| e.to_string())
}

/// Which accounts are whose, as far as the record tells, under the names they were seen with last; no
/// directory is asked. In words, why it cannot be told.
///
/// # Errors
/// When the operator's file or the record cannot be read.
pub fn recorded(place: &Place) -> Result<Accounts, String> {
    let words = |failed: Failed| failed.report.to_string();
    let operator = operator(place).map_err(words)?;
    let history = history(&operator).map_err(words)?;
    let recorded = history.recorded();
    Ok(match recorded.accounts.is_empty() {
        true => Accounts::default(),
        false => reconcile::remembered(recorded),
    })
}

/// Which accounts are whose, as far as there is a directory to tell.
///
/// # Errors
/// When there is one, and it cannot be read completely.
pub fn accounts(place: &Place, origin: &Origin) -> Result<Accounts, Failed> {
    let operator = operator(place)?;
    let history = history(&operator)?;
    let mut reading = read(origin)?;
    let now = InstantArgs::now().resolve(&reading.catalog)?;
    let (directory, mode) = opened(&operator, &reading)?;
    let Some(mut directory) = directory else {
        return Ok(Accounts::default());
    };
    let mut world = World {
        directory: Some(directory.as_mut()),
        mode,
        rosters: &BTreeMap::new(),
        outer: operator.outer(),
        recorded: history.recorded(),
    };
    let situation = reconcile::situation(&mut reading, &mut world, now);
    let situation = situation.map_err(|error| reconcile_failed(error, &reading))?;
    Ok(situation.accounts().clone())
}

/// The revision an empty record starts from: the operator's, else the first commit.
fn bootstrap_revision(
    place: &Place,
    operator: &Operator,
    origin: &Origin,
) -> Result<String, Failed> {
    let named = operator
        .repository
        .as_ref()
        .and_then(|r| r.bootstrap.clone());
    match (named, origin) {
        (Some(named), _) => Ok(named),
        (None, Origin::Revision { revision, .. }) => {
            git::root_of(&place.folder, revision).map_err(source_failed)
        }
        (None, Origin::Worktree { .. }) => {
            git::root_of(&place.folder, "HEAD").map_err(source_failed)
        }
    }
}

/// How a ledger's trouble ends a command.
pub fn ledger_failed(error: LedgerError) -> Failed {
    Failed::new(Exit::World, error)
}

/// How trouble with the world ends a command.
pub fn open_failed(error: OpenError) -> Failed {
    let exit = match &error {
        OpenError::Mail(_) => Exit::Usage,
        OpenError::Directory(_) | OpenError::Secret(_) | OpenError::Ca { .. } => Exit::World,
    };
    Failed::new(exit, error)
}

fn reconcile_failed(error: ReconcileError, reading: &Reading) -> Failed {
    match error {
        ReconcileError::Invalid(diagnostics) => {
            talk(shown(&diagnostics, Some(reading)));
            Failed::new(Exit::Findings, Mistakes(diagnostics))
        }
        ReconcileError::Source(error) => source_failed(error),
        ReconcileError::Pattern(error) => Failed::new(Exit::Usage, error),
        error @ ReconcileError::Directory(_) => Failed::new(Exit::World, error),
    }
}
