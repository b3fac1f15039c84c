//! A world of its own for a case: a repository, a directory, rosters, a ledger, a mailbox. What is done in a copy
//! of it stays in the copy.

use super::case::{Before, Case, OperatorSettings, roster_file};
use super::fault::{Died, Fault, Faults, Letters};
use super::files::Files;
use super::{ldif, words};
use countersign::apply::{Connections, Stop};
use countersign::approval::{Evidence, Proof, bind};
use countersign::connector::active_directory::ldif::LdifDirectory;
use countersign::connector::read_back::{Export, UserKey};
use countersign::connector::roster::Roster;
use countersign::connector::{Failure, Transport};
use countersign::desired::Desired;
use countersign::diagnostic::{Diagnostic, sorted};
use countersign::ledger::{Event, Ledger, Record, RunId, Seen, TaskStatus};
use countersign::manifest::parse::Known;
use countersign::name::ResourceName;
use countersign::notify::mime::Sender;
use countersign::notify::post::Letter;
use countersign::plan::recorded::Recorded;
use countersign::plan::{Bootstrap, DirectoryMode, Plan};
use countersign::reconcile::read_back::Exports;
use countersign::reconcile::run::{Means, carry_out};
use countersign::reconcile::{self, ReconcileError, Situation, World};
use countersign::report;
use countersign::source::Origin;
use jiff::{SignedDuration, Timestamp};
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use tempfile::TempDir;

/// When the cast's manifests were applied.
const SETTLED: &str = "2027-01-04T13:00:00Z";

/// A world.
pub struct Stage {
    folder: TempDir,
    repository: Arc<TempDir>,
    /// What stands for the commit: which manifests they are.
    revision: char,
    bootstrap: Option<Arc<TempDir>>,
    follows: Option<Arc<TempDir>>,
    operator: OperatorSettings,
    has_directory: bool,
    now: Timestamp,
}

/// What a plan came to.
pub enum Planned {
    /// A plan.
    Plan(Box<Made>),
    /// None, because the repository has mistakes.
    Refused(Refused),
}

/// A plan, and what it was made of.
pub struct Made {
    /// The plan.
    pub plan: Plan,
    /// What should be.
    pub situation: Situation,
    /// Warnings, as people read them; empty where there is none.
    pub diagnostics: String,
    /// Codes of the warnings.
    pub codes: BTreeSet<String>,
    /// What will happen when, as people read it.
    pub upcoming: String,
}

/// The mistakes of a repository.
pub struct Refused {
    /// As people read them.
    pub text: String,
    /// Their codes.
    pub codes: BTreeSet<String>,
}

/// What an apply came to.
pub struct Ran {
    /// As people read it.
    pub outcome: String,
    /// What became of the changes.
    pub outcomes: Option<report::outcome::Outcomes>,
    /// The mails that were sent.
    pub letters: Vec<Letter>,
    /// How many effects there were: writes to the directory, and mails.
    pub effects: usize,
}

impl Planned {
    /// The plan, where there is one.
    pub fn plan(self) -> Result<Made, String> {
        match self {
            Self::Plan(made) => Ok(*made),
            Self::Refused(refused) => Err(format!("nothing was planned:\n{}", refused.text)),
        }
    }

    /// The mistakes, where that is what it came to.
    pub fn refused(self) -> Result<Refused, String> {
        match self {
            Self::Plan(_) => Err("there are no mistakes".into()),
            Self::Refused(refused) => Ok(refused),
        }
    }
}

impl Stage {
    /// The world a case's plan is made in.
    pub fn of(case: &Case) -> Result<Self, String> {
        let settings = &case.settings;
        let cast = fs::read_to_string(case.cast().join("directory.ldif"));
        let folder = temporary()?;
        write(&folder.path().join("directory.ldif"), cast.map_err(text)?)?;
        fs::create_dir(folder.path().join("rosters")).map_err(text)?;
        let mut stage = Self {
            folder,
            repository: Arc::new(repository(&case.cast_manifests()?)?),
            revision: 'c',
            bootstrap: None,
            follows: None,
            operator: OperatorSettings::default(),
            has_directory: true,
            now: SETTLED.parse().map_err(text)?,
        };
        if settings.settled {
            stage.apply(&stage.planned()?.plan()?, None)?;
            stage.done(None)?;
        }
        stage.operator = settings.operator.clone();
        stage.has_directory = settings.directory;
        if let Some(folder) = &settings.bootstrap {
            stage.bootstrap = Some(Arc::new(repository(&case.manifests(folder)?)?));
        }
        if let Some(folder) = &settings.follows {
            stage.follows = Some(Arc::new(repository(&case.manifests(folder)?)?));
        }
        for (number, before) in settings.before.iter().enumerate() {
            stage.now = before.at.unwrap_or(settings.now);
            stage.go_through(case, before, number)?;
        }
        stage.now = settings.now;
        if let Some(over) = case.text("by-hand.ldif")? {
            stage.by_hand(&over)?;
        }
        let stage = stage.with_manifests(&case.manifests("manifests")?, 'f')?;
        for (name, target) in &settings.links {
            let name = stage.repository.path().join(name);
            std::os::unix::fs::symlink(target, name).map_err(text)?;
        }
        Ok(stage)
    }

    fn go_through(&mut self, case: &Case, before: &Before, number: usize) -> Result<(), String> {
        let Before {
            at: _,
            apply,
            done,
            by_hand,
            export,
            ledger_lost,
        } = before;
        if let Some(folder) = apply {
            self.repository = Arc::new(repository(&case.manifests(folder)?)?);
            self.revision = char::from_digit(number as u32 + 1, 10).unwrap_or('9');
            self.apply(&self.planned()?.plan()?, None)?;
        }
        if let Some(resource) = done {
            self.done(Some(resource).filter(|r| *r != "all"))?;
        }
        if let Some(name) = by_hand {
            let over = case.text(name)?.ok_or_else(|| format!("no {name}"))?;
            self.by_hand(&over)?;
        }
        if let Some(name) = export {
            let rows = case.text(name)?.ok_or_else(|| format!("no {name}"))?;
            let path = self.folder.path().join("exports").join(name);
            fs::create_dir_all(self.folder.path().join("exports")).map_err(text)?;
            write(&path, rows)?;
            let file = fs::File::options().write(true).open(path).map_err(text)?;
            file.set_modified(self.now.into()).map_err(text)?;
        }
        if *ledger_lost {
            fs::remove_file(self.ledger()).map_err(text)?;
        }
        Ok(())
    }

    /// The same with other manifests.
    pub fn with_manifests(mut self, files: &Files, revision: char) -> Result<Self, String> {
        self.repository = Arc::new(repository(files)?);
        self.revision = revision;
        Ok(self)
    }

    /// The same, to do something in that does not happen here.
    pub fn copied(&self) -> Result<Self, String> {
        let folder = temporary()?;
        let mut rest = vec![PathBuf::new()];
        while let Some(below) = rest.pop() {
            for entry in fs::read_dir(self.folder.path().join(&below)).map_err(text)? {
                let name = below.join(entry.map_err(text)?.file_name());
                let (from, to) = (self.folder.path().join(&name), folder.path().join(&name));
                if from.is_dir() {
                    fs::create_dir(to).map_err(text)?;
                    rest.push(name);
                } else {
                    let written = fs::metadata(&from).and_then(|m| m.modified());
                    fs::copy(from, &to).map_err(text)?;
                    let file = fs::File::options().write(true).open(to).map_err(text)?;
                    file.set_modified(written.map_err(text)?).map_err(text)?;
                }
            }
        }
        Ok(Self {
            folder,
            repository: self.repository.clone(),
            revision: self.revision,
            bootstrap: self.bootstrap.clone(),
            follows: self.follows.clone(),
            operator: self.operator.clone(),
            has_directory: self.has_directory,
            now: self.now,
        })
    }

    /// What somebody did by hand between plan and apply.
    pub fn meanwhile(&self, case: &Case) -> Result<&Self, String> {
        if let Some(over) = case.text("meanwhile.ldif")? {
            self.by_hand(&over)?;
        }
        Ok(self)
    }

    fn by_hand(&self, over: &str) -> Result<(), String> {
        let path = self.folder.path().join("directory.ldif");
        let before = fs::read_to_string(&path).map_err(text)?;
        write(&path, ldif::laid_over(&before, over))
    }

    fn ledger(&self) -> PathBuf {
        self.folder.path().join("ledger.jsonl")
    }

    /// The directory as it is now.
    pub fn directory(&self) -> Result<String, String> {
        fs::read_to_string(self.folder.path().join("directory.ldif")).map_err(text)
    }

    /// The lines of the ledger.
    pub fn ledger_lines(&self) -> Result<Vec<String>, String> {
        let text = match self.ledger().exists() {
            true => fs::read_to_string(self.ledger()).map_err(text)?,
            false => String::new(),
        };
        Ok(text.lines().map(str::to_owned).collect())
    }

    /// What the ledger adds up to.
    pub fn recorded(&self) -> Result<Recorded, String> {
        let history = Ledger::read(&self.ledger()).map_err(text)?;
        Ok(history.recorded().clone())
    }

    /// The rosters as they are now, each behind its name.
    pub fn rosters(&self) -> Result<String, String> {
        let mut rosters = BTreeMap::new();
        for entry in fs::read_dir(self.folder.path().join("rosters")).map_err(text)? {
            let entry = entry.map_err(text)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.ends_with(".csv") {
                rosters.insert(name, fs::read_to_string(entry.path()).map_err(text)?);
            }
        }
        Ok(rosters
            .into_iter()
            .map(|(name, rows)| format!("# {name}\n{rows}"))
            .collect())
    }

    /// The entries that were written since another state of this world.
    pub fn written_since(&self, start: &Self) -> Result<String, String> {
        let (before, after) = (start.directory()?, self.directory()?);
        let written = ldif::written(&before, &after);
        Ok(written.iter().map(|entry| format!("{entry}\n\n")).collect())
    }

    /// What was recorded since another state of this world.
    pub fn recorded_since(&self, start: &Self) -> Result<String, String> {
        let known = start.ledger_lines()?.len();
        let lines = self.ledger_lines()?;
        lines[known..]
            .iter()
            .map(|line| words::record(line))
            .collect()
    }

    fn reading(&self, repository: &TempDir) -> Result<reconcile::Reading, String> {
        let folder = repository.path().to_owned();
        let origin = Origin::Worktree { folder };
        let mut reading = reconcile::read(&origin, &mut Known::default()).map_err(text)?;
        reading.source.revision = Some(self.revision.to_string().repeat(40));
        Ok(reading)
    }

    fn open_rosters(
        &self,
        reading: &reconcile::Reading,
    ) -> Result<BTreeMap<ResourceName, Roster>, String> {
        let folder = self.folder.path().join("rosters");
        let open = |(resource, fields): (ResourceName, Vec<_>)| {
            let roster = Roster::open(&folder.join(roster_file(&resource)), &fields);
            roster.map(|roster| (resource, roster)).map_err(text)
        };
        reconcile::roster_fields(&reading.catalog)
            .into_iter()
            .map(open)
            .collect()
    }

    /// The exports that resources name, as they are at the instant.
    fn exports(&self, desired: &Desired) -> Exports {
        let read = |key: &str| {
            let export = Export {
                path: self.folder.path().join(format!("exports/{key}.csv")),
                key: "number".into(),
                of: UserKey::EmployeeNumber,
                level: None,
                max_age: SignedDuration::from_hours(7 * 24),
            };
            // Where the case lies is nobody's matter.
            let reason = |failure: Failure| match failure.message.split_once(": ") {
                Some((_, reason)) => format!("{key}.csv: {reason}"),
                None => failure.message,
            };
            export.read(self.now).map_err(reason)
        };
        let named = desired.resources.iter();
        let named = named.filter_map(|(name, terms)| Some((name, terms.read_back.as_ref()?)));
        named
            .map(|(name, said)| (name.clone(), read(&said.export)))
            .collect()
    }

    fn open_directory(&self) -> Result<Option<LdifDirectory>, String> {
        let path = self.folder.path().join("directory.ldif");
        match self.has_directory {
            true => LdifDirectory::open(&path).map(Some).map_err(text),
            false => Ok(None),
        }
    }

    fn mode(&self) -> DirectoryMode {
        self.operator.mode.unwrap_or(DirectoryMode::Direct)
    }

    /// Makes the plan.
    pub fn planned(&self) -> Result<Planned, String> {
        let follows = self.follows.as_ref().map(|f| self.reading(f)).transpose()?;
        let base = follows.as_ref().map(|f| &f.catalog);
        let found = reconcile::diagnose(self.reading(&self.repository)?, base, self.now);
        let mut reading = self.reading(&self.repository)?;
        let manifests = reading.manifests;
        let texts: BTreeMap<Arc<str>, Arc<str>> = reading
            .source
            .files
            .iter()
            .filter_map(|(path, file)| {
                let text = String::from_utf8_lossy(&file.bytes()?).into_owned();
                Some((path.clone(), text.into()))
            })
            .collect();
        let show = |mut diagnostics: Vec<Diagnostic>| {
            diagnostics.extend(found.iter().cloned());
            words::diagnostics(&sorted(diagnostics), manifests, &texts)
        };
        let rosters = self.open_rosters(&reading)?;
        let history = Ledger::read(&self.ledger()).map_err(text)?;
        let outer = self.operator.outer()?;
        let mut directory = self.open_directory()?;
        let mut world = World {
            directory: directory.as_mut().map(|d| d as &mut dyn Transport),
            mode: self.mode(),
            rosters: &rosters,
            outer: &outer,
            recorded: history.recorded(),
        };
        let mut situation = match reconcile::situation(&mut reading, &mut world, self.now) {
            Ok(situation) => situation,
            Err(ReconcileError::Invalid(diagnostics)) => {
                let (text, codes) = show(diagnostics);
                return Ok(Planned::Refused(Refused { text, codes }));
            }
            Err(error) => return Err(text(error)),
        };
        let exports = self.exports(&situation.desired);
        situation.read_back(&history, &exports);
        let assumed = match (&self.bootstrap, history.last_run()) {
            (Some(repository), None) => self.assumed(repository, &situation)?,
            _ => Bootstrap::default(),
        };
        let approval = Evidence::TrustBranch.as_str();
        let plan = reconcile::make_plan(&situation, &world, &reading, &assumed, approval);
        let (diagnostics, codes) = show(situation.diagnostics.clone());
        // A mistake that only a later instant brings is one of today (SEMANTICS 11).
        if countersign::diagnostic::any_error(&found) {
            return Ok(Planned::Refused(Refused {
                text: diagnostics,
                codes,
            }));
        }
        Ok(Planned::Plan(Box::new(Made {
            diagnostics: match codes.is_empty() {
                true => String::new(),
                false => diagnostics,
            },
            plan,
            situation,
            codes,
            upcoming: report::upcoming::human(
                &reconcile::upcoming(&reading.catalog, self.now, None),
                &reading.catalog.zone,
            ),
        })))
    }

    fn assumed(&self, repository: &TempDir, situation: &Situation) -> Result<Bootstrap, String> {
        use countersign::source::commit::{Author, Writer};
        let folder = repository.path();
        let by = Author {
            name: "Dana Reyes",
            mail: "dana.reyes@city.example",
            at: self.now,
        };
        let git = Writer::init(folder).map_err(text)?;
        let commit = git.commit("everybody who works here", &by).map_err(text)?;
        reconcile::bootstrap(folder, &commit, situation, self.now, &mut Known::default())
            .map_err(text)
    }

    /// Carries a plan out, with a fault or without one.
    pub fn apply(&self, made: &Made, fault: Option<Fault>) -> Result<Ran, String> {
        let approved = match bind(made.plan.clone(), Proof::TrustBranch) {
            Ok(approved) => approved,
            Err(refusals) => {
                return Ok(Ran {
                    outcome: refusals.iter().map(|r| format!("refused: {r}\n")).collect(),
                    outcomes: None,
                    letters: Vec::new(),
                    effects: 0,
                });
            }
        };
        let rosters = self.open_rosters(&self.reading(&self.repository)?)?;
        let mut ledger = Ledger::open(&self.ledger()).map_err(text)?;
        let desired = &made.situation.desired;
        let terms = desired.resources.get(&desired.directory);
        let recipients = match terms {
            Some(terms) if !terms.maintainers.is_empty() => &terms.maintainers,
            _ => &desired.administrators,
        };
        let sender = Sender {
            mail: "access@city.example".into(),
            name: None,
        };
        let count = AtomicUsize::new(0);
        let stops = Stops {
            at: match fault {
                Some(Fault::Stopped(at)) => Some(at),
                _ => None,
            },
            asked: Cell::new(0),
        };
        let hand_over = self.folder.path().join("hand-over");
        let kept = self.folder.path().join("ledger.jsonl.mail");
        let mut letters = Letters::new(&count, fault);
        let mut directory = self.open_directory()?;
        let ended = {
            let mut faults = directory.as_mut().map(|d| Faults::new(d, &count, fault));
            let directory = faults.as_mut().map(|d| d as &mut dyn Transport);
            let mut means = Means {
                connections: Connections {
                    directory,
                    rosters: &rosters,
                },
                post: &mut letters,
                sender: &sender,
                hand_over: &hand_over,
                letters: &kept,
                desired,
                directory: ("Active Directory", recipients),
                closing: &|_, _| Vec::new(),
                clock: &|| self.now,
                stop: &stops,
            };
            catch_unwind(AssertUnwindSafe(|| {
                carry_out(&approved, &mut means, &mut ledger)
            }))
        };
        let outcomes = match ended {
            Ok(outcomes) => Some(outcomes.map_err(text)?),
            Err(panic) if panic.is::<Died>() => None,
            Err(panic) => resume_unwind(panic),
        };
        Ok(Ran {
            outcome: outcomes
                .as_ref()
                .map(|outcomes| report::outcome::human(approved.plan(), outcomes))
                .unwrap_or_default(),
            outcomes,
            letters: letters.sent,
            effects: count.into_inner(),
        })
    }

    /// The maintainers of a resource, or all, say that their work is done.
    pub fn done(&self, resource: Option<&String>) -> Result<(), String> {
        let mut ledger = Ledger::open(&self.ledger()).map_err(text)?;
        let tasks = ledger.history().tasks().values();
        let open = tasks.filter(|t| t.status == TaskStatus::Open);
        let meant = open.filter(|t| resource.is_none_or(|r| t.task.resource.as_str() == r));
        let ids: Vec<_> = meant.map(|t| t.task.id.clone()).collect();
        if ids.is_empty() && resource.is_some() {
            return Err(format!("no task is open for {resource:?}"));
        }
        for task in ids {
            let record = Record {
                at: self.now,
                run: RunId("done".into()),
                event: Event::TaskDone {
                    task,
                    by: "a maintainer".into(),
                    note: None,
                    seen: Seen::Confirmed,
                },
            };
            ledger.append(record).map_err(text)?;
        }
        Ok(())
    }
}

/// Asks a run to stop after so many changes.
struct Stops {
    at: Option<usize>,
    asked: Cell<usize>,
}

impl Stop for Stops {
    fn asked(&self) -> bool {
        self.asked.set(self.asked.get() + 1);
        self.at.is_some_and(|at| self.asked.get() > at)
    }
}

/// A folder in memory where there is one: every write of a directory goes to the disk.
fn temporary() -> Result<TempDir, String> {
    let memory = Path::new("/dev/shm");
    match memory.is_dir() {
        true => TempDir::new_in(memory),
        false => TempDir::new(),
    }
    .map_err(text)
}

fn repository(files: &Files) -> Result<TempDir, String> {
    let folder = temporary()?;
    for (name, bytes) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap_or(folder.path())).map_err(text)?;
        fs::write(path, bytes).map_err(text)?;
    }
    Ok(folder)
}

fn write(path: &Path, content: String) -> Result<(), String> {
    fs::write(path, content).map_err(text)
}

/// An error and what caused it.
fn text(error: impl std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        text = format!("{text}: {source}");
        next = source.source();
    }
    text
}
