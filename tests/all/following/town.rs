//! A small town without a directory: a repository, a ledger, a mailbox that may break, and a clock.

use countersign::apply::{Connections, Stop};
use countersign::approval::{Evidence, Proof, bind};
use countersign::connector::read_back::{Export, UserKey};
use countersign::desired::Desired;
use countersign::ledger::{Event, Ledger, Record, RunId, Seen, TaskStatus};
use countersign::manifest::parse::Known;
use countersign::notify::mime::Sender;
use countersign::notify::post::{Letter, Post, PostError, Sent};
use countersign::plan::limits::Outer;
use countersign::plan::{Bootstrap, DirectoryMode, Plan, TaskId};
use countersign::reconcile::read_back::Exports;
use countersign::reconcile::run::{Means, carry_out, remind};
use countersign::reconcile::{self, Situation, World};
use countersign::source::Origin;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::PathBuf;
use tempfile::TempDir;

const CONFIG: &str = "apiVersion: countersign/v1
kind: Config
metadata: {name: countersign}
spec:
  displayName: Town
  timeZone: America/Indiana/Indianapolis
  directory: active-directory
  naming: {login: {candidates: [\"{{ user.givenName }}\"]}}
  managed: {}
";

const TOWN: &str = "apiVersion: countersign/v1
kind: Organization
metadata: {name: town}
spec: {displayName: Town, type: department, ou: [Departments]}
---
apiVersion: countersign/v1
kind: Resource
metadata: {name: active-directory}
spec:
  type: directory
  connector: active-directory
  eligible: [service]
  levels: [{name: account}]
  defaultLevel: account
---
apiVersion: countersign/v1
kind: Resource
metadata: {name: countersign}
spec:
  type: application
  connector: none
  levels: [{name: administrator, administers: true}]
";

/// What becomes of the next mails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weather {
    /// They are taken.
    Fair,
    /// The server takes this one (the first is 1), and the program dies before it hears so.
    DiesAfter(usize),
    /// The program dies before this one leaves.
    DiesBefore(usize),
    /// The connection breaks after the server took it.
    Breaks,
    /// The server puts every mail off.
    PutsOff,
}

/// The town.
pub struct Town {
    repository: TempDir,
    memory: TempDir,
    pub weather: Weather,
}

/// The end of a program that died.
struct Died;

struct Mailbox {
    weather: Weather,
    attempts: usize,
    arrived: Vec<Letter>,
}

impl Post for Mailbox {
    fn send(&mut self, letter: &Letter) -> Result<Sent, PostError> {
        self.attempts += 1;
        let taken = || Sent {
            message_id: letter.message_id.clone(),
            answer: "250 taken".into(),
        };
        match self.weather {
            Weather::DiesBefore(at) if at == self.attempts => resume_unwind(Box::new(Died)),
            Weather::PutsOff => Err(PostError::Deferred {
                recipient: letter.to.clone(),
                answer: "450 later".into(),
            }),
            Weather::DiesAfter(at) if at == self.attempts => {
                self.arrived.push(letter.clone());
                resume_unwind(Box::new(Died))
            }
            Weather::Breaks => {
                self.arrived.push(letter.clone());
                Err(PostError::Unreachable {
                    server: "mail.town.example".into(),
                    source: "the connection was lost".into(),
                })
            }
            Weather::Fair | Weather::DiesAfter(_) | Weather::DiesBefore(_) => {
                self.arrived.push(letter.clone());
                Ok(taken())
            }
        }
    }
}

struct Go;

impl Stop for Go {
    fn asked(&self) -> bool {
        false
    }
}

/// An instant of the town's own clock.
pub fn at(local: &str) -> Timestamp {
    let local: jiff::civil::DateTime = local.parse().unwrap();
    let zoned = local.in_tz("America/Indiana/Indianapolis").unwrap();
    zoned.timestamp()
}

/// To whom and what: `dana: 1 task: Timetrack (1)`.
pub fn subjects(letters: &[Letter]) -> Vec<String> {
    let one = |letter: &Letter| {
        let to = letter.to.split('@').next().unwrap();
        let subject = letter.subject.strip_prefix("[Town] ").unwrap();
        format!("{to}: {subject}")
    };
    letters.iter().map(one).collect()
}

impl Town {
    /// The town where `rest` stands besides the configuration with these further lines, and nobody was
    /// asked for anything yet.
    pub fn new(config: &str, rest: &str) -> Self {
        let town = Self {
            repository: TempDir::new().unwrap(),
            memory: TempDir::new().unwrap(),
            weather: Weather::Fair,
        };
        town.write("countersign.yaml", &format!("{CONFIG}{config}"));
        town.write("town.yaml", TOWN);
        town.write("rest.yaml", rest);
        town
    }

    pub fn write(&self, path: &str, text: &str) {
        let path = self.repository.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn ledger(&self) -> PathBuf {
        self.memory.path().join("ledger.jsonl")
    }

    /// The folder of the letters that nobody knows to have gone out.
    pub fn kept(&self) -> PathBuf {
        self.memory.path().join("ledger.jsonl.mail")
    }

    /// The ledger as it is.
    pub fn history(&self) -> countersign::ledger::History {
        Ledger::read(&self.ledger()).unwrap()
    }

    /// Every event in the ledger.
    pub fn events(&self) -> Vec<Event> {
        let records = countersign::ledger::records(&self.ledger()).unwrap();
        records.into_iter().map(|record| record.event).collect()
    }

    /// An export of that key, written at an instant.
    pub fn export(&self, text: &str, written: Timestamp) {
        let path = self.memory.path().join("export.csv");
        fs::write(&path, text).unwrap();
        let file = fs::File::options().write(true).open(path).unwrap();
        file.set_modified(written.into()).unwrap();
    }

    fn exports(&self, desired: &Desired, now: Timestamp) -> Exports {
        let export = Export {
            path: self.memory.path().join("export.csv"),
            key: "number".into(),
            of: UserKey::EmployeeNumber,
            level: Some("level".into()),
            max_age: SignedDuration::from_hours(24 * 14),
        };
        let with = desired
            .resources
            .iter()
            .filter(|(_, t)| t.read_back.is_some());
        with.map(|(name, _)| (name.clone(), export.read(now).map_err(|f| f.message)))
            .collect()
    }

    /// What is wrong with the repository, as `file:line: code`.
    pub fn mistakes(&self) -> Vec<String> {
        let folder = self.repository.path().to_owned();
        let reading = reconcile::read(&Origin::Worktree { folder }, &mut Known::default());
        let found = reconcile::diagnose(reading.unwrap(), None, at("2027-02-01T08:00"));
        found
            .iter()
            .map(|d| format!("{}:{}: {}", d.place.file, d.place.line, d.code.as_str()))
            .collect()
    }

    /// The plan of an instant.
    pub fn plan(&self, now: Timestamp) -> (Plan, Situation) {
        let folder = self.repository.path().to_owned();
        let mut reading =
            reconcile::read(&Origin::Worktree { folder }, &mut Known::default()).unwrap();
        reading.source.revision = Some("c".repeat(40));
        let history = self.history();
        let rosters = BTreeMap::new();
        let outer = Outer::default();
        let mut world = World {
            directory: None,
            mode: DirectoryMode::Direct,
            rosters: &rosters,
            outer: &outer,
            recorded: history.recorded(),
        };
        let mut situation = reconcile::situation(&mut reading, &mut world, now)
            .map_err(|error| format!("{error:?}"))
            .unwrap();
        let exports = self.exports(&situation.desired, now);
        situation.read_back(&history, &exports);
        let plan = reconcile::make_plan(
            &situation,
            &world,
            &reading,
            &Bootstrap::default(),
            Evidence::TrustBranch.as_str(),
        );
        (plan, situation)
    }

    /// A run at an instant: the mails that arrived.
    pub fn run(&self, now: Timestamp) -> Vec<Letter> {
        self.noted_run(now).0
    }

    /// The same, and what the run says of itself.
    pub fn noted_run(&self, now: Timestamp) -> (Vec<Letter>, Vec<String>) {
        let (plan, situation) = self.plan(now);
        let approved = bind(plan, Proof::TrustBranch).unwrap();
        let mut notes = Vec::new();
        let letters = self.with_means(&situation.desired, now, |means, ledger| {
            notes = carry_out(&approved, means, ledger).unwrap().notes;
        });
        (letters, notes)
    }

    /// Somebody reminds of a task.
    pub fn remind(&self, task: &TaskId, now: Timestamp) -> Vec<Letter> {
        let (_, situation) = self.plan(now);
        let task = task.clone();
        self.with_means(&situation.desired, now, |means, ledger| {
            drop(remind(&[task], means, ledger).unwrap());
        })
    }

    fn with_means(
        &self,
        desired: &Desired,
        now: Timestamp,
        act: impl FnOnce(&mut Means<'_>, &mut Ledger),
    ) -> Vec<Letter> {
        let mut ledger = Ledger::open(&self.ledger()).unwrap();
        let mut mailbox = Mailbox {
            weather: self.weather,
            attempts: 0,
            arrived: Vec::new(),
        };
        let sender = Sender {
            mail: "access@town.example".into(),
            name: None,
        };
        let rosters = BTreeMap::new();
        let mut means = Means {
            connections: Connections {
                directory: None,
                rosters: &rosters,
            },
            post: &mut mailbox,
            sender: &sender,
            hand_over: &self.memory.path().join("hand-over"),
            letters: &self.kept(),
            desired,
            directory: ("Active Directory", &[]),
            closing: &|_, _| Vec::new(),
            clock: &|| now,
            stop: &Go,
        };
        let ended = catch_unwind(AssertUnwindSafe(|| act(&mut means, &mut ledger)));
        if let Err(panic) = ended
            && !panic.is::<Died>()
        {
            resume_unwind(panic);
        }
        mailbox.arrived
    }

    /// The next instant at which something becomes due.
    pub fn next_due(&self, now: Timestamp) -> Option<Timestamp> {
        let (_, situation) = self.plan(now);
        countersign::ledger::due::next_due(&self.history(), &situation.desired, now)
    }

    /// The tasks that are open.
    pub fn open(&self) -> Vec<countersign::plan::Task> {
        let history = self.history();
        let open = history.tasks().values();
        let open = open.filter(|record| record.status == TaskStatus::Open);
        open.map(|record| countersign::plan::Task::clone(&record.task))
            .collect()
    }

    /// A maintainer says that every open task is done.
    pub fn done(&self, now: Timestamp) {
        let mut ledger = Ledger::open(&self.ledger()).unwrap();
        for task in self.open() {
            let event = Event::TaskDone {
                task: task.id,
                by: "dana".into(),
                note: None,
                seen: Seen::Confirmed,
            };
            let run = RunId("done".into());
            ledger
                .append(Record {
                    at: now,
                    run,
                    event,
                })
                .unwrap();
        }
    }
}

/// A user with a mail address, and further lines of the manifest.
pub fn user(name: &str, more: &str) -> String {
    format!(
        "---\napiVersion: countersign/v1\nkind: User\nmetadata: {{name: {name}}}\nspec:\n  givenName: {name}\n  \
         type: employee\n  organization: town\n  contact: {{mail: {name}@town.example}}\n{more}"
    )
}

/// An administrator.
pub fn administrator(name: &str) -> String {
    user(
        name,
        "  access: [{resource: countersign, level: administrator}]\n",
    )
}

/// A manual application that one user maintains, and further lines of the manifest.
pub fn resource(name: &str, maintainer: &str, more: &str) -> String {
    format!(
        "---\napiVersion: countersign/v1\nkind: Resource\nmetadata: {{name: {name}}}\nspec:\n  displayName: {name}\n  \
         type: application\n  maintainers: [{{user: {maintainer}}}]\n{more}"
    )
}
