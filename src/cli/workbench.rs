//! What several commands begin with: which revision, which instant, which operator's file, and the
//! plan that follows from them.

use super::{Exit, Failed, Place, talk};
use crate::approval::Evidence;
use crate::approval::line::Verified;
use crate::catalog::Catalog;
use crate::connector::roster::Roster;
use crate::connector::{Mark, Transport};
use crate::desired::Desired;
use crate::desired::accounts::Accounts;
use crate::diagnostic::Diagnostic;
use crate::ledger::{ApprovedCommit, ApprovedLine, Event, History, Ledger, LedgerError};
use crate::manifest::parse::Known;
use crate::manifest::{Edge, Moment};
use crate::name::ResourceName;
use crate::operator::{DEFAULT_FILE, Operator, OperatorError};
use crate::plan::recorded::Recorded;
use crate::plan::{Bootstrap, Change, DirectoryMode, Plan};
use crate::reconcile::drifted::{Given, drifted};
use crate::reconcile::unapproved;
use crate::reconcile::verified::{self, Start};
use crate::reconcile::world::{self, OpenError};
use crate::reconcile::{self, Reading, ReconcileError, Situation, World};
use crate::report::diagnostics::{Format, render};
use crate::source::{Origin, SourceError, git};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::panic::resume_unwind;
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

    /// The instant.
    ///
    /// # Errors
    /// When there is no such moment, or the manifests no longer tell of it.
    pub fn resolve(&self, catalog: &Catalog) -> Result<Timestamp, Failed> {
        let now = self.moment(&catalog.zone)?;
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
    let folder = match origin {
        Origin::Revision { folder, .. } | Origin::Worktree { folder } => folder,
    };
    let mut known = known(folder);
    let before = known.0.len();
    let reading = reconcile::read(origin, &mut known).map_err(source_failed)?;
    if known.0.len() != before {
        keep(folder, &known, &reading);
    }
    Ok(reading)
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

fn keep(folder: &Path, known: &Known, reading: &Reading) {
    if let Some(file) = cache_file(folder) {
        let blobs = reading.source.files.values().map(|f| f.blob).collect();
        // Without the cache the next run parses again; nothing is lost.
        let _ = known.save(&file, &blobs);
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
    match first {
        true => Ok(History::default()),
        false => Ledger::read(&operator.ledger).map_err(ledger_failed),
    }
}

/// The record, open for writing.
///
/// # Errors
/// When it cannot be read or written, or another run has it.
pub fn ledger(operator: &Operator) -> Result<Ledger, Failed> {
    if let Some(folder) = operator.ledger.parent().filter(|_| operator.is_embedded()) {
        std::fs::create_dir_all(folder).map_err(|e| Failed::new(Exit::World, e))?;
    }
    Ledger::open(&operator.ledger).map_err(ledger_failed)
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
    let line = approved(operator, history, origin)?;
    let origin = &line.as_ref().map_or_else(|| origin.clone(), Line::origin);
    let mut reading = read(origin)?;
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

/// What a plan is made for.
#[derive(Clone, Copy)]
pub enum Purpose {
    /// To be looked at: the directory is let go once it was read.
    Look,
    /// To be applied.
    Apply,
}

/// A plan and everything it rests on.
pub struct Bench {
    /// The operator's file.
    pub operator: Operator,
    /// What should be, and what is.
    pub situation: Situation,
    /// The directory, open, where the plan is to be applied.
    pub directory: Option<Box<dyn Transport>>,
    /// Where the directory stood before it was read, where the plan is to be applied and it tells.
    pub mark: Option<Mark>,
    /// The rosters.
    pub rosters: BTreeMap<ResourceName, Roster>,
    /// The plan.
    pub plan: Plan,
    /// What would undo what somebody did by hand, whether it is done or not.
    pub drift: Vec<Change>,
    /// The line that was verified; none: nobody's approval is checked.
    pub line: Option<Line>,
}

/// The line of a branch, verified.
pub struct Line {
    folder: PathBuf,
    bootstrap: String,
    /// What the record knows already.
    known: ApprovedLine,
    verified: Verified,
}

/// Verifies the branch up to a revision, as the operator's file asks for; none where it asks for
/// nothing, or it is a working folder, of which nothing can be applied.
///
/// # Errors
/// When the branch does not come by what was approved before, or it cannot be read.
pub fn approved(
    operator: &Operator,
    history: &History,
    origin: &Origin,
) -> Result<Option<Line>, Failed> {
    let Origin::Revision { folder, revision } = origin else {
        return Ok(None);
    };
    let repository = operator.repository.as_ref();
    let bootstrap = repository.and_then(|r| r.bootstrap.clone());
    let (Evidence::SignedMerge, Some(bootstrap)) = (operator.evidence, bootstrap) else {
        return Ok(None);
    };
    let known = history
        .approved()
        .filter(|line| line.bootstrap == bootstrap);
    let known = known.cloned().unwrap_or_else(|| ApprovedLine {
        bootstrap: bootstrap.clone(),
        newest: bootstrap.clone(),
        ..ApprovedLine::default()
    });
    let what = match known.newest == bootstrap {
        true => "the operator's `repository.bootstrap`",
        false => "the newest approved commit that the ledger knows",
    };
    let start = Start {
        commit: known.newest.clone(),
        what,
    };
    let head = git::revision_id(folder, revision).map_err(source_failed)?;
    let parsed = self::known(folder);
    // Who approves is asked as of now, whatever instant a plan is for.
    let verified = verified::verified(folder, &start, &head, parsed, Timestamp::now());
    Ok(Some(Line {
        folder: folder.clone(),
        bootstrap,
        known,
        verified: verified.map_err(super::approve_check::failed)?,
    }))
}

impl Line {
    /// The newest revision that is approved and valid.
    pub fn revision(&self) -> &str {
        &self.verified.effective.commit.id
    }

    /// Where to read it from.
    pub fn origin(&self) -> Origin {
        Origin::Revision {
            folder: self.folder.clone(),
            revision: self.revision().to_owned(),
        }
    }

    /// What the record does not know yet.
    pub fn news(&self) -> Option<Event> {
        let approved = self.approved();
        (!approved.is_empty()).then(|| Event::Verified {
            bootstrap: self.bootstrap.clone(),
            commits: approved,
        })
    }

    /// The commits that are approved since, up to the one that is acted on.
    fn approved(&self) -> Vec<ApprovedCommit> {
        let last = self.revision();
        let mut judged = self.verified.judged.iter();
        let end = judged.position(|j| j.commit == last).map_or(0, |at| at + 1);
        let commits = self.verified.judged.iter().take(end);
        let commits = commits.map(|judged| ApprovedCommit {
            commit: judged.commit.clone(),
            approvers: judged.counted.clone(),
            files: judged.files.clone(),
        });
        commits.collect()
    }

    /// Says in a plan what it rests on, and holds what is not approved.
    fn rest(
        &self,
        plan: Plan,
        situation: &Situation,
        recorded: &Recorded,
        operator: &Operator,
    ) -> Result<Plan, Failed> {
        let mut line = self.known.clone();
        line.extend(self.approved());
        let plan = plan.resting_on(&self.bootstrap, &self.verified.head, &line.files);
        let now = situation.desired.instant;
        let head = match self.verified.head == self.revision() {
            true => None,
            false => self.head(now)?,
        };
        let Some(waiting) = unapproved::waiting(&self.verified, head.as_ref(), now) else {
            return Ok(plan);
        };
        let approvers = &self.verified.effective.present(Timestamp::now()).approvers;
        let outer = operator.outer();
        Ok(plan.holding(&waiting, approvers, &situation.desired, recorded, outer))
    }

    /// The branch as it stands; none where that has mistakes.
    fn head(&self, now: Timestamp) -> Result<Option<Reading>, Failed> {
        let origin = Origin::Revision {
            folder: self.folder.clone(),
            revision: self.verified.head.clone(),
        };
        let diagnostics = reconcile::diagnose(read(&origin)?, None, now);
        match crate::diagnostic::any_error(&diagnostics) {
            true => Ok(None),
            false => read(&origin).map(Some),
        }
    }
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
    purpose: Purpose,
) -> Result<Bench, Failed> {
    // What is approved stands in the record, where that is asked at all.
    let (line, history) = match operator.evidence {
        Evidence::TrustBranch => (None, Recall::Later(history)),
        Evidence::SignedMerge | Evidence::ForgeReviews => {
            let history = history(&operator)?;
            let line = approved(&operator, history.borrow(), origin)?;
            (line, Recall::Read(history))
        }
    };
    let origin = &line.as_ref().map_or_else(|| origin.clone(), Line::origin);
    let mut reading = read(origin)?;
    let now = instant.resolve(&reading.catalog)?;
    let (mut directory, mode) = opened(&operator, &reading)?;
    if directory.is_none() {
        talk("no directory is at hand: new names are provisional, accounts are left alone");
    }
    let mark = match (purpose, &mut directory) {
        // Whoever fails to tell where it stands is read anew each time.
        (Purpose::Apply, Some(directory)) => directory.mark().ok().flatten(),
        (Purpose::Apply | Purpose::Look, _) => None,
    };
    let fields = reconcile::roster_fields(&reading.catalog);
    let rosters = world::rosters(&operator, fields).map_err(open_failed)?;
    // The record is read while the directory answers.
    let (seen, history) = std::thread::scope(|scope| {
        let (catalog, outer) = (&reading.catalog, operator.outer());
        let looking = directory
            .as_deref_mut()
            .map(|directory| scope.spawn(move || reconcile::look(catalog, directory, outer)));
        let history = match history {
            Recall::Read(history) => Ok(history),
            Recall::Later(read) => read(&operator),
        };
        let seen = looking.map(|looking| looking.join().unwrap_or_else(|p| resume_unwind(p)));
        (seen, history)
    });
    let history = history?;
    let history = history.borrow();
    let seen = seen.transpose();
    let seen = seen.map_err(|error| reconcile_failed(error, &reading))?;
    let world = World {
        directory: None,
        mode,
        rosters: &rosters,
        outer: operator.outer(),
        recorded: history.recorded(),
    };
    let situation = reconcile::situation_of(&mut reading, &world, seen, now);
    let situation = situation.map_err(|error| reconcile_failed(error, &reading))?;
    let bootstrap = match (history.last_run(), reading.source.revision.is_some()) {
        (None, true) => {
            let revision = bootstrap_revision(place, &operator, origin)?;
            let mut known = known(&place.folder);
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
    let given = Given {
        desired: &situation.desired,
        recorded: history.recorded(),
        outer: operator.outer(),
    };
    let asked = directory.as_deref_mut().map(|d| d as &mut dyn Transport);
    let (plan, drift) = drifted(plan, given, asked);
    let mut plan = plan.frozen(&situation.desired);
    match purpose {
        Purpose::Look => directory = None,
        Purpose::Apply => {}
    }
    if let Some(line) = &line {
        plan = line.rest(plan, &situation, history.recorded(), &operator)?;
    }
    if !situation.diagnostics.is_empty() {
        talk(shown(&situation.diagnostics, Some(&reading)));
    }
    Ok(Bench {
        operator,
        situation,
        directory,
        mark,
        rosters,
        plan,
        drift,
        line,
    })
}

/// Where the directory stands now, if surely nothing of it has changed since a mark; none where
/// something has, or that cannot be told.
///
/// # Errors
/// When it cannot be opened or asked.
pub fn unchanged(
    operator: &Operator,
    resource: &ResourceName,
    mark: &Mark,
) -> Result<Option<Mark>, Failed> {
    let opened = world::directory(operator, resource).map_err(open_failed)?;
    match opened {
        Some((mut directory, _)) => directory
            .unchanged_since(mark)
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
        OpenError::Directory(_)
        | OpenError::Secret(_)
        | OpenError::Ca { .. }
        | OpenError::Roster(..) => Exit::World,
    };
    Failed::new(exit, error)
}

fn reconcile_failed(error: ReconcileError, reading: &Reading) -> Failed {
    match error {
        ReconcileError::Invalid(diagnostics) => {
            talk(shown(&diagnostics, Some(reading)));
            Failed::say(
                Exit::Findings,
                "the repository has mistakes, so nothing is planned or exported",
            )
        }
        ReconcileError::Source(error) => source_failed(error),
        ReconcileError::Pattern(error) => Failed::new(Exit::Usage, error),
        error @ (ReconcileError::Directory(_) | ReconcileError::Roster(..)) => {
            Failed::new(Exit::World, error)
        }
    }
}
