//! A story on its way: the repository, the directory, the record, and a clock that says what the story says.

use super::crowd::{self, Crowd};
use super::fault::{Died, Fault, Faults, Letters};
use super::files::{Files, files_of};
use super::place::{BASE, Kind, Place, temporary};
use super::seen::{self, State};
use super::story::{Selects, Step, Story};
use super::words::{self, Words};
use super::{hand, mail};
use crate::bed::{Access, Export, json, project};
use countersign::apply::{Connections, Stop};
use countersign::approval::{Evidence, Proof, bind};
use countersign::catalog::Catalog;
use countersign::connector::AttributeName;
use countersign::diagnostic::any_error;
use countersign::ledger::{Event, Ledger, Record, RunId, Seen, TaskStatus};
use countersign::manifest::parse::Known;
use countersign::manifest::{Edge, Moment};
use countersign::name::ResourceName;
use countersign::notify::mime::Sender;
use countersign::notify::post::Letter;
use countersign::plan::limits::Outer;
use countersign::plan::{DirectoryMode, Plan};
use countersign::reconcile::run::{Means, carry_out};
use countersign::reconcile::{self, ReconcileError, Situation, World};
use countersign::report;
use countersign::report::outcome::Outcomes;
use countersign::report::plan::{Format, Styling, render};
use countersign::report::row_security::RowSecurity;
use countersign::source::Origin;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use sha2::Digest as _;
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::PathBuf;
use std::sync::atomic::AtomicUsize;
use tempfile::TempDir;

/// When everybody was there whom the story finds.
const SETTLED: &str = "2027-01-04T08:00";

/// A telling.
pub struct Telling<'a> {
    story: &'a Story,
    access: Access,
    place: Place,
    /// Where the record is.
    memory: TempDir,
    crowd: Option<Crowd>,
    words: Words,
    /// GUIDs of the cast, and those the directory gave instead.
    guids: Vec<(String, String)>,
    outer: Outer,
    zone: TimeZone,
    known: Known,
}

/// A plan, and what it was made of.
struct Made {
    plan: Plan,
    situation: Situation,
    catalog: Catalog,
    /// What the repository is warned of.
    warnings: String,
}

/// What a run came to.
struct Ran {
    outcome: String,
    outcomes: Option<Outcomes>,
    letters: Vec<Letter>,
    exit: i32,
}

impl<'a> Telling<'a> {
    /// The cast in its directory, as it was settled; none where there is no test bed.
    pub fn begin(story: &'a Story, kind: Kind) -> Result<Option<Self>, String> {
        let cast = project("tests/cases/_base");
        let crowd = story.crowd.as_ref().map(|crowd| Crowd::of(crowd, kind));
        let hired = story.crowd.as_ref().and_then(|crowd| crowd.hired.clone());
        let there = crowd.filter(|_| hired.is_none());
        let own = story.folder.join("start/directory.ldif");
        let mut text = std::fs::read_to_string(cast.join("directory.ldif")).map_err(said)?;
        if own.exists() {
            text += &std::fs::read_to_string(own).map_err(said)?;
        }
        let export = directory(&text, there);
        let Some(place) = Place::with(kind, &export) else {
            return Ok(None);
        };
        let mut telling = Self {
            story,
            access: Access::empty(),
            guids: guids(&export, &place),
            place,
            memory: temporary(),
            crowd,
            words: Words::new(crowd.map_or(0, |crowd| crowd.people)),
            outer: Outer {
                adopt_by_anchor: there.map(|_| AttributeName::new("employeeNumber")),
                ..Outer::default()
            },
            zone: TimeZone::get("America/Indiana/Indianapolis").map_err(said)?,
            known: Known::default(),
        };
        for (cast, real) in telling.guids.clone() {
            telling.words.put(real, cast);
        }
        let mut files = files_of(&cast.join("manifests"))?;
        files.extend(telling.folder("start")?);
        files.remove("directory.ldif");
        let foreign = story.crowd.as_ref().is_some_and(|crowd| crowd.foreign);
        if let Some(crowd) = there.filter(|_| !foreign) {
            files.insert(crowd::FILE.into(), crowd.manifests().into());
        }
        telling.settle(files)?;
        Ok(Some(telling))
    }

    /// The first commit is the configuration, so that manual work is asked for; with the second everybody is there.
    fn settle(&mut self, files: Files) -> Result<(), String> {
        let config = "countersign.yaml";
        let only = files.get(config).cloned();
        self.write(
            only.into_iter()
                .map(|bytes| (config.into(), bytes))
                .collect(),
        );
        self.commit("config");
        self.write(files);
        self.commit("start");
        let at = self.instant(SETTLED)?;
        let made = self
            .judged(at)?
            .map_err(|refused| format!("the start is refused:\n{refused}"))?;
        let ran = self.carried_out(&made, None, at)?;
        if ran.exit != 0 {
            return Err(format!("the start did not come about:\n{}", ran.outcome));
        }
        self.done_and_told("all", at)?;
        self.nothing_is_left(at)
    }

    /// Goes through a step: what it shows, and what is wrong with it.
    pub fn step(&mut self, step: &Step) -> Result<(String, Option<String>), String> {
        let at = self.instant(&step.at)?;
        self.place.set_now(at);
        let files = self.folder(&step.name)?;
        let mut text = format!("{} at {}\n", step.name, step.at);
        for path in files.keys() {
            let _ = writeln!(text, "  {path}");
        }
        self.write(files);
        for path in &step.removes {
            let _ = writeln!(text, "  {path} is taken out");
            std::fs::remove_file(self.access.repository().join(path)).map_err(said)?;
        }
        let hired = self.story.crowd.as_ref().and_then(|c| c.hired.as_ref());
        if let Some(crowd) = self.crowd.filter(|_| hired == Some(&step.name)) {
            let _ = writeln!(text, "  {}", crowd::FILE);
            let manifests = crowd.manifests().into();
            self.write(Files::from([(crowd::FILE.into(), manifests)]));
        }
        self.commit(&step.name);
        let earlier = self.state();
        for selects in &step.selects {
            self.selected(selects, at)?;
            let Selects {
                user,
                application,
                identity,
            } = selects;
            let _ = writeln!(text, "  {user} selects {identity} in {application}");
        }
        self.hands(&step.by_hand)?;
        let before = self.state();
        if earlier != before {
            let by_hand = seen::told(&earlier, &before, &self.words)?;
            let _ = writeln!(text, "\n## by hand, before\n{}", by_hand.trim_end());
        }
        let (exit, trouble) = match self.judged(at)? {
            Err(refused) => {
                let _ = write!(text, "\n## refused\n{refused}");
                (1, None)
            }
            Ok(made) => self.run(step, at, &made, &before, &mut text)?,
        };
        let trouble = trouble.or_else(|| {
            let other = exit != step.exit;
            other.then(|| format!("it ended with {exit}, not {}", step.exit))
        });
        Ok((self.words.kept(&text), trouble))
    }

    fn run(
        &mut self,
        step: &Step,
        at: Timestamp,
        made: &Made,
        before: &State,
        text: &mut String,
    ) -> Result<(i32, Option<String>), String> {
        self.hands(&step.meanwhile)?;
        let between = self.state();
        let kept = self.handed_over();
        let ran = self.carried_out(made, step.fault.and_then(|trouble| trouble.fault()), at)?;
        if !made.warnings.is_empty() {
            let _ = write!(text, "\n## warnings\n{}", made.warnings);
        }
        let plan = render(&made.plan, Format::Human, Styling::Plain);
        let _ = write!(text, "\n## plan\n{}", self.words.plan(&plan));
        if self.crowd.is_some() && !made.plan.changes.is_empty() {
            let first = made.plan.changes.iter().take(3);
            let first = first.map(|c| format!("  {} {} {}", c.action, c.target, c.what));
            let lines = self
                .words
                .lines(first.map(|line| line.trim_end().to_owned()));
            let _ = write!(text, "first of all:\n{lines}\n");
        }
        if *before != between {
            let meanwhile = seen::told(before, &between, &self.words)?;
            let _ = write!(text, "## meanwhile, by hand\n{meanwhile}");
        }
        let outcome = match &ran.outcomes {
            Some(_) => self.words.outcome(&ran.outcome),
            None if ran.outcome.is_empty() => "the program died\n".to_owned(),
            None => ran.outcome.clone(),
        };
        let _ = write!(text, "## outcome\n{outcome}");
        text.push_str(&self.mails(&ran.letters));
        let after = self.state();
        let changed = seen::told(&between, &after, &self.words)?;
        let open = self.open_tasks()?;
        let handed_over = &self.handed_over() - &kept;
        let handed_over = handed_over.into_iter().collect::<Vec<_>>().join("\n");
        for (heading, told) in [
            ("handed over", handed_over.as_str()),
            ("directory", changed.trim_end()),
            ("open tasks", open.trim_end()),
        ] {
            if !told.is_empty() {
                let _ = writeln!(text, "\n## {heading}\n{told}");
            }
        }
        if let Some(application) = &step.exports {
            let rows = self.row_security(application, made)?;
            let _ = write!(text, "\n## row-level security of {application}\n{rows}");
        }
        let mut trouble = self.who_gets_in(&after).err();
        if step.exit == 0 && ran.exit == 0 {
            trouble = trouble.or(self.nothing_is_left(at).err());
        }
        if let Some(resource) = &step.done {
            let _ = writeln!(text, "\nthen done: {resource}");
            text.push_str(&self.done_and_told(resource, at)?);
            trouble = trouble.or(self.nothing_is_left(at).err());
        }
        Ok((ran.exit, trouble))
    }

    /// The manifests in a folder of the story, with the GUIDs of this directory.
    fn folder(&self, name: &str) -> Result<Files, String> {
        let folder = self.story.folder.join(name);
        let mut files = match folder.is_dir() {
            true => files_of(&folder)?,
            false => Files::new(),
        };
        files.remove("directory.ldif");
        Ok(files)
    }

    fn write(&self, files: Files) {
        for (path, bytes) in files {
            let mut text = String::from_utf8(bytes).unwrap();
            for (cast, real) in &self.guids {
                text = text.replace(cast, real);
            }
            self.access.write(&path, &text);
        }
    }

    fn commit(&mut self, step: &str) {
        let name = self.access.commit(step);
        let short = name[..12].to_owned();
        self.words.put(name, step.to_owned());
        self.words.put(short, step.to_owned());
    }

    fn instant(&self, text: &str) -> Result<Timestamp, String> {
        let moment = Moment(text.to_owned());
        moment.resolve(&self.zone, Edge::Start).map_err(said)
    }

    fn ledger(&self) -> PathBuf {
        self.memory.path().join("ledger.jsonl")
    }

    fn hand_over(&self) -> PathBuf {
        self.memory.path().join("hand-over")
    }

    /// The files that first passwords were handed over in, so far.
    fn handed_over(&self) -> BTreeSet<String> {
        let files = std::fs::read_dir(self.hand_over()).into_iter().flatten();
        files
            .map(|file| file.unwrap().file_name().to_string_lossy().into_owned())
            .collect()
    }

    fn state(&self) -> State {
        seen::state(self.place.entries())
    }

    fn hands(&self, hands: &[super::story::Hand]) -> Result<(), String> {
        if hands.is_empty() {
            return Ok(());
        }
        let mut directory = self.place.open();
        hands
            .iter()
            .try_for_each(|hand| hand::does(hand, directory.as_mut()))
    }

    fn reading(&mut self, revision: &str) -> Result<reconcile::Reading, String> {
        let origin = Origin::Revision {
            folder: self.access.repository(),
            revision: revision.to_owned(),
        };
        reconcile::read(&origin, &mut self.known).map_err(said)
    }

    /// The plan of the last commit; or what is wrong with it, beside the commit before it too.
    fn judged(&mut self, now: Timestamp) -> Result<Result<Made, String>, String> {
        let earlier = self.reading("HEAD~1")?;
        let found = reconcile::diagnose(self.reading("HEAD")?, Some(&earlier.catalog), now);
        let lines = found.iter().map(|d| {
            let severity = format!("{:?}", d.severity).to_lowercase();
            format!(
                "{severity}[{}] {}:{}: {}\n",
                d.code.as_str(),
                d.place.file,
                d.place.line,
                d.message
            )
        });
        let warnings: String = lines.collect();
        if any_error(&found) {
            return Ok(Err(warnings));
        }
        let made = self.planned(now)?;
        Ok(made.map(|made| Made { warnings, ..made }))
    }

    /// The plan of the last commit; or what is wrong with it.
    fn planned(&mut self, now: Timestamp) -> Result<Result<Made, String>, String> {
        let mut reading = self.reading("HEAD")?;
        let history = Ledger::read(&self.ledger()).map_err(said)?;
        let mut directory = self.place.open();
        let rosters = BTreeMap::new();
        let mut world = World {
            directory: Some(directory.as_mut()),
            mode: DirectoryMode::Direct,
            rosters: &rosters,
            outer: &self.outer,
            recorded: history.recorded(),
        };
        let situation = match reconcile::situation(&mut reading, &mut world, now) {
            Ok(situation) => situation,
            Err(ReconcileError::Invalid(diagnostics)) => {
                let lines = diagnostics.iter();
                let lines = lines.map(|d| format!("[{}] {}\n", d.code.as_str(), d.message));
                return Ok(Err(lines.collect()));
            }
            Err(error) => return Err(said(error)),
        };
        let bootstrap = match history.last_run() {
            None => {
                let folder = self.access.repository();
                let root = countersign::source::git::root_of(&folder, "HEAD").map_err(said)?;
                reconcile::bootstrap(&folder, &root, &situation, now, &mut self.known)
                    .map_err(said)?
            }
            Some(_) => Default::default(),
        };
        let approval = Evidence::TrustBranch.as_str();
        let plan = reconcile::make_plan(&situation, &world, &reading, &bootstrap, approval);
        Ok(Ok(Made {
            plan,
            situation,
            catalog: reading.catalog,
            warnings: String::new(),
        }))
    }

    fn carried_out(
        &self,
        made: &Made,
        fault: Option<Fault>,
        now: Timestamp,
    ) -> Result<Ran, String> {
        let approved = match bind(made.plan.clone(), Proof::TrustBranch) {
            Ok(approved) => approved,
            Err(refusals) => {
                return Ok(Ran {
                    outcome: refusals.iter().map(|r| format!("refused: {r}\n")).collect(),
                    outcomes: None,
                    letters: Vec::new(),
                    exit: 1,
                });
            }
        };
        let mut ledger = Ledger::open(&self.ledger()).map_err(said)?;
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
        let hand_over = self.hand_over();
        let kept = self.memory.path().join("ledger.jsonl.mail");
        let mut letters = Letters::new(&count, fault);
        let mut directory = self.place.open();
        let rosters = BTreeMap::new();
        let ended = {
            let mut faults = Faults::new(directory.as_mut(), &count, fault);
            let mut means = Means {
                connections: Connections {
                    directory: Some(&mut faults),
                    rosters: &rosters,
                },
                post: &mut letters,
                sender: &sender,
                hand_over: &hand_over,
                letters: &kept,
                desired,
                directory: ("Active Directory", recipients),
                closing: &|_, _| Vec::new(),
                clock: &|| now,
                stop: &stops,
            };
            catch_unwind(AssertUnwindSafe(|| {
                carry_out(&approved, &mut means, &mut ledger)
            }))
        };
        let outcomes = match ended {
            Ok(outcomes) => Some(outcomes.map_err(said)?),
            Err(panic) if panic.is::<Died>() => None,
            Err(panic) => resume_unwind(panic),
        };
        let plan = approved.plan();
        let well = |outcomes: &Outcomes| outcomes.is_success() && plan.held.is_empty();
        Ok(Ran {
            outcome: outcomes
                .as_ref()
                .map(|outcomes| report::outcome::human(plan, outcomes))
                .unwrap_or_default(),
            exit: match outcomes.as_ref().is_some_and(well) {
                true => 0,
                false => 1,
            },
            outcomes,
            letters: letters.sent,
        })
    }

    /// A second run at the same instant: an empty plan, and no trace of it.
    fn nothing_is_left(&mut self, now: Timestamp) -> Result<(), String> {
        let traces = |telling: &Self| (telling.place.trace(), std::fs::read(telling.ledger()).ok());
        let before = traces(self);
        let made = self
            .planned(now)?
            .map_err(|refused| format!("then refused:\n{refused}"))?;
        let plan = &made.plan;
        if !(plan.changes.is_empty() && plan.tasks.is_empty() && plan.held.is_empty()) {
            let plan = render(plan, Format::Human, Styling::Plain);
            return Err(format!("a second run still has something to do:\n{plan}"));
        }
        let ran = self.carried_out(&made, None, now)?;
        let run = ran.outcomes.and_then(|outcomes| outcomes.run);
        match run.is_none() && ran.letters.is_empty() && traces(self) == before {
            true => Ok(()),
            false => Err("a second run leaves traces".into()),
        }
    }

    /// Whoever the directory says can log on does, and nobody else.
    fn who_gets_in(&self, state: &State) -> Result<(), String> {
        let accounts = state.values().filter(|seen| seen.is_account);
        for account in accounts.filter(|seen| !seen.dn.starts_with("CN=Crowd ")) {
            match self.place.lets_in(&account.whole) {
                Some(gets_in) if gets_in != account.can_log_on => {
                    return Err(format!("{} gets in: {gets_in}", account.dn));
                }
                Some(_) | None => {}
            }
        }
        Ok(())
    }

    fn mails(&self, letters: &[Letter]) -> String {
        let mails = letters.iter().map(mail::mail);
        let mails = self
            .words
            .told_once(mails, |who, mail| format!("({who})\n{mail}"));
        let told = mails
            .iter()
            .map(|mail| format!("\n## mail\n{}\n", mail.trim_end()));
        told.collect()
    }

    fn open_tasks(&self) -> Result<String, String> {
        let history = Ledger::read(&self.ledger()).map_err(said)?;
        let open = history.tasks().values();
        let open = open.filter(|record| record.status == TaskStatus::Open);
        let lines = open.map(|record| {
            let task = &record.task;
            let asked = task.maintainers.iter().map(|m| m.mail.as_str());
            format!(
                "{} {} ({}) for {}, asked of {}\n",
                task.action.as_str(),
                task.resource_display,
                task.entitlement_label,
                task.user_display,
                asked.collect::<Vec<_>>().join(", ")
            )
        });
        let mut lines: Vec<String> = lines.collect();
        lines.sort();
        Ok(lines.concat())
    }

    /// Row-level security as the application reads it.
    fn row_security(&self, application: &ResourceName, made: &Made) -> Result<String, String> {
        let history = Ledger::read(&self.ledger()).map_err(said)?;
        let rights = RowSecurity::of(
            application,
            &made.catalog,
            &made.situation.desired,
            history.selections(),
            made.plan.revision.as_deref(),
        );
        let rights = rights.map_err(|shared| format!("{shared:?}"))?;
        Ok(words::rows(&json(&rights.json())))
    }

    /// Somebody selects an identity, as `identity select` records it.
    fn selected(&self, selects: &Selects, now: Timestamp) -> Result<(), String> {
        let mut ledger = Ledger::open(&self.ledger()).map_err(said)?;
        let record = Record {
            at: now,
            run: RunId("select".into()),
            event: Event::IdentitySelected {
                user: selects.user.clone(),
                resource: selects.application.clone(),
                identity: selects.identity.clone(),
                by: selects.user.to_string(),
            },
        };
        ledger.append(record).map_err(said)
    }

    /// The maintainers of a resource, or all, say that their work is done; what the next run tells of it.
    fn done_and_told(&mut self, resource: &str, now: Timestamp) -> Result<String, String> {
        self.done(resource, now)?;
        let made = self.planned(now)?;
        let made = made.map_err(|refused| format!("then refused:\n{refused}"))?;
        let ran = self.carried_out(&made, None, now)?;
        Ok(self.mails(&ran.letters))
    }

    /// The maintainers of a resource, or all, say that their work is done.
    fn done(&self, resource: &str, now: Timestamp) -> Result<(), String> {
        let mut ledger = Ledger::open(&self.ledger()).map_err(said)?;
        let tasks = ledger.history().tasks().values();
        let open = tasks.filter(|record| record.status == TaskStatus::Open);
        let meant = open.filter(|r| resource == "all" || r.task.resource.as_str() == resource);
        let ids: Vec<_> = meant.map(|record| record.task.id.clone()).collect();
        if ids.is_empty() && resource != "all" {
            return Err(format!("no task is open for {resource}"));
        }
        for task in ids {
            let record = Record {
                at: now,
                run: RunId("done".into()),
                event: Event::TaskDone {
                    task,
                    by: "a maintainer".into(),
                    note: None,
                    seen: Seen::Confirmed,
                },
            };
            ledger.append(record).map_err(said)?;
        }
        Ok(())
    }
}

/// The cast's export in this domain, the crowd with it; everything has an objectGUID.
fn directory(text: &str, crowd: Option<Crowd>) -> Export {
    let text = text.replace("DC=city,DC=example", BASE);
    let mut export = Export::read(&text);
    let domain = "example.test";
    export.entries.extend(
        crowd
            .into_iter()
            .flat_map(|crowd| crowd.accounts(BASE, domain)),
    );
    for (dn, attributes) in &mut export.entries {
        for (name, value) in attributes.iter_mut() {
            let text = String::from_utf8_lossy(value).into_owned();
            match name.as_str() {
                "userPrincipalName" => *value = text.replace("city.example", domain).into(),
                "dc" => *value = b"example".to_vec(),
                _ => {}
            }
        }
        let is_account = attributes
            .iter()
            .any(|(name, _)| name == "userAccountControl");
        if is_account && !attributes.iter().any(|(name, _)| name == "accountExpires") {
            // Never, as every account of Active Directory says.
            let never = i64::MAX.to_string().into_bytes();
            attributes.push(("accountExpires".to_owned(), never));
        }
        if dn.starts_with("CN=APP-GIS-View,") {
            let members = crowd.into_iter().flat_map(|crowd| crowd.members(BASE));
            attributes.extend(members.map(|member| ("member".to_owned(), member.into())));
        }
        if !attributes.iter().any(|(name, _)| name == "objectGUID") {
            let made = sha2::Sha256::digest(dn.as_bytes())[..16].to_vec();
            attributes.push(("objectGUID".to_owned(), made));
        }
    }
    export
}

/// GUIDs of the export that the directory did not take, and what it gave instead.
fn guids(export: &Export, place: &Place) -> Vec<(String, String)> {
    let real: BTreeMap<String, String> = seen::state(place.entries())
        .into_iter()
        .map(|(guid, seen)| (seen.whole, guid))
        .collect();
    let entries = export
        .entries
        .iter()
        .filter(|(dn, _)| !dn.starts_with("CN=Crowd "));
    let pairs = entries.filter_map(|(dn, attributes)| {
        let (_, bytes) = attributes.iter().find(|(name, _)| name == "objectGUID")?;
        let cast = countersign::connector::Guid::from_wire(bytes)?.to_string();
        let dn = countersign::dn::Dn::parse(dn).ok()?.to_string();
        let real = real.get(&dn)?.clone();
        (cast != real).then_some((cast, real))
    });
    pairs.collect()
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

/// An error and what caused it.
fn said(error: impl std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        text = format!("{text}: {source}");
        next = source.source();
    }
    text
}
