//! A company in which everything happens that a run can do, and what becomes of it where a run meets a fail point.

use super::super::place::Place;
use crate::bed::{Access, Ran};
use countersign::ledger::{Event, Ledger, Record, RunId, Shared};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

/// Runs after a disturbed one, at most.
const FURTHER: usize = 2;
/// Steps until everything happens in one: who comes leaves three steps later.
const WARM: usize = 3;
/// What the subject of a letter with a first password says, before whose it is.
const FIRST_PASSWORD: &str = "the first password of ";
/// What a place does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    Crash,
    Error,
    Delay,
}

impl Fault {
    /// As the variable has it, and as the program's list of places has it.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Crash => ("crash", "crash"),
            Self::Error => ("1*error", "error"),
            Self::Delay => ("1*delay(100)", "delay"),
        }
    }
}

/// What is before a run that meets a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    Nothing,
    /// A run that crashed here.
    Crash(&'static str),
    /// Another reconciler wrote the ledger.
    Elsewhere,
    /// A run that crashed here, and then another reconciler.
    Both(&'static str),
}

impl Before {
    fn of(point: &str) -> Self {
        match point {
            "settle" => Self::Crash("create-answer"),
            "ledger-fetched" | "ledger-caught-up" => Self::Elsewhere,
            "rejoin" | "rejoined" => Self::Both("ledger-push"),
            _ => Self::Nothing,
        }
    }
}

/// A company in which everything happens.
pub struct Town {
    pub place: Place,
    step: usize,
    log: String,
    /// How often a mail went out, and which mails there are.
    sent: usize,
    pub known: BTreeSet<String>,
    letters: BTreeSet<PathBuf>,
}

impl Town {
    /// Nobody of it is disturbed yet.
    pub fn of(place: Place) -> Self {
        let access = place.access();
        access.write(
            "resources/parking.yaml",
            "apiVersion: countersign/v1\nkind: Resource\nmetadata: {name: parking}\nspec:\n  type: application\n  \
             connector: roster\n  eligible: [employee]\n  levels: [{name: space}]\n  defaultLevel: space\n  fields:\n    \
             - {name: login, label: Login, required: true, value: \"{{ fields['active-directory'].sAMAccountName }}\"}\n",
        );
        access.edit(
            "resources/active-directory.yaml",
            "    - name: telephoneNumber\n",
            "    - {name: manager, label: Supervisor, value: \"{{ supervisor.dn }}\"}\n    - name: telephoneNumber\n",
        );
        let roster = place.beside("parking.csv");
        let rosters = format!(
            "rosters: {{parking: {{path: {}}}}}\nmail:",
            roster.display()
        );
        place.operated("mail:", &rosters);
        place.operated(
            "  adoptByAnchor",
            "  guards: {urgentPerDay: 1000}\n  adoptByAnchor",
        );
        place.operated("module: trust-branch", "module: signed-merge");
        place.operated("repository: {url", "repository: {bootstrap: none, url");
        let log = place.beside("places").display().to_string();
        let mut letters = BTreeSet::new();
        let known = place.access().mails_beside(&mut letters).into_iter();
        let mut town = Self {
            known: known.map(|mail| mail.message_id).collect(),
            letters,
            place,
            step: 0,
            log,
            sent: 0,
        };
        for _ in 0..WARM {
            town.happens();
            town.run("");
        }
        assert!(town.is_settled(), "{}", town.left());
        town.told();
        town
    }

    pub fn access(&self) -> &Access {
        self.place.access()
    }

    /// Somebody comes, somebody has another name and one role less, somebody moves, somebody leaves at once.
    pub fn happens(&mut self) {
        let access = self.place.access();
        let step = self.step;
        let file = |number: usize| format!("users/p{number}.yaml");
        access.write(
            &file(step),
            &format!(
                "apiVersion: countersign/v1\nkind: User\nmetadata: {{name: p{step}}}\nspec:\n  givenName: P\n  \
                 familyName: Number{step}\n  type: employee\n  organization: seko-farnborough\n  supervisor: kim\n  \
                 access:\n    - {{resource: seko-360}}\n    - {{resource: parking}}\n    - {{resource: white-glove}}\n"
            ),
        );
        if let Some(number) = step.checked_sub(1) {
            access.edit(&file(number), "Number", "Changed");
            access.edit(&file(number), "    - {resource: white-glove}\n", "");
        }
        if let Some(number) = step.checked_sub(2) {
            access.edit(
                &file(number),
                "organization: seko-farnborough",
                "organization: room",
            );
        }
        if let Some(number) = step.checked_sub(3) {
            access.write(
                &format!("requests/leaves-p{number}.yaml"),
                &format!(
                    "apiVersion: countersign/v1\nkind: Request\nmetadata: {{name: leaves-p{number}}}\nspec:\n  \
                     action: Terminate\n  requestedBy: kim\n  subject: p{number}\n  effective: 2020-01-01T09:00\n  \
                     reason: resigned\n  urgent: true\n"
                ),
            );
        }
        let head = access.commit(&format!("Step {step}"));
        // Everything up to here is trusted; that it is asked for is what counts.
        let operator = fs::read_to_string(access.operator()).unwrap();
        let old = operator.split_once("bootstrap: ").unwrap().1;
        let old = old.split_once(',').unwrap().0;
        self.place.operated(
            &format!("bootstrap: {old},"),
            &format!("bootstrap: {head},"),
        );
        self.step += 1;
    }

    /// One pass with these places armed.
    pub fn run(&self, armed: &str) -> Ran {
        let variables = [
            ("COUNTERSIGN_FAILPOINTS", armed),
            ("COUNTERSIGN_FAILPOINTS_LOG", &self.log),
        ];
        self.access().run_within(&variables, &["run", "--once"])
    }

    pub fn reached(&self, place: &str) -> usize {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        log.lines().filter(|line| *line == place).count()
    }

    /// How many mails of the last step went out twice; nothing is asked for by two mails. So is a first password
    /// that was mailed and then set anew: nobody keeps one, so the other letter is another mail.
    ///
    /// A letter that replaces its own file in the outbox shows only where the program says that it wrote one, and
    /// one that a server took while its answer was lost only where the server kept it.
    pub fn told(&mut self) -> usize {
        let log = fs::read_to_string(&self.log).unwrap();
        let went_out =
            |line: &&str| line.starts_with("outbox-written ") || line.starts_with("smtp-accepted ");
        let written = log.lines().filter(went_out).count();
        let mails = self.place.access().mails_beside(&mut self.letters);
        let mut ids: BTreeSet<String> = BTreeSet::new();
        let mut asked: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
        let mut passwords: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for mail in mails.iter().filter(|m| !self.known.contains(&m.message_id)) {
            ids.insert(mail.message_id.clone());
            if mail.subject.contains(FIRST_PASSWORD) {
                passwords
                    .entry(&mail.subject)
                    .or_default()
                    .insert(&mail.message_id);
            }
            for rest in mail.text.split("countersign task done ").skip(1) {
                let task = rest.split_whitespace().next().unwrap().to_owned();
                asked.entry(task).or_default().insert(&mail.message_id);
            }
        }
        let anew: usize = passwords.values().map(|mails| mails.len() - 1).sum();
        asked.retain(|_, mails| mails.len() > 1);
        assert!(asked.is_empty(), "asked by two mails: {asked:?}");
        let went_out = mails.len().max(written - self.sent);
        let twice = went_out - ids.len() + anew;
        self.sent = written;
        self.known.extend(ids);
        twice
    }

    /// Another reconciler writes the ledger's branch.
    pub fn elsewhere(&self) {
        let folder = tempfile::tempdir().unwrap();
        let key = fs::read_to_string(self.place.beside("key")).unwrap();
        let remote = self.place.beside("ledger.git").display().to_string();
        let shared = Shared {
            every: Duration::ZERO,
            ..Shared::new(&remote, key.into())
        };
        let mut other = Ledger::share(&folder.path().join("ledger.jsonl"), shared).unwrap();
        let run = RunId("elsewhere".to_owned());
        other.hold(run.clone()).unwrap();
        let event = Event::DirectoryAgrees {
            changes: Vec::new(),
        };
        let at = Timestamp::now();
        other.append(Record { at, run, event }).unwrap();
        other.close().unwrap();
    }

    /// One step in which a run meets a place, the first times not counted; the runs that were needed then,
    /// and the mails that went out twice.
    pub fn meets(&mut self, point: &str, skipped: usize, fault: Fault) -> (usize, usize) {
        self.happens();
        let before = Before::of(point);
        if let Before::Crash(at) | Before::Both(at) = before {
            let ran = self.run(&format!("{at}=crash"));
            assert_eq!(ran.code, -1, "{at}: {}", ran.err);
        }
        if let Before::Elsewhere | Before::Both(_) = before {
            self.elsewhere();
        }
        let (armed, word) = fault.words();
        let line = format!("{point} {word}");
        let already = self.reached(&line);
        let armed = format!("{point}={skipped}+{armed}");
        let ran = self.run(&match point {
            // Records are pushed when the last push is some seconds old.
            "lease-renewed" => format!("create=1*delay(5200);{armed}"),
            _ => armed,
        });
        assert_eq!(
            self.reached(&line),
            already + 1,
            "{line} was not reached: {}\n{}",
            ran.err,
            fs::read_to_string(&self.log).unwrap()
        );
        let mut further = 0;
        match fault {
            Fault::Crash => assert_eq!(ran.code, -1, "{line}: {}", ran.err),
            Fault::Error => assert!([0, 1, 3].contains(&ran.code), "{line}: {}", ran.err),
            Fault::Delay => assert_eq!(ran.code, 0, "{line}: {}", ran.err),
        }
        // Whatever was disturbed, there is a next run.
        if fault != Fault::Delay {
            self.run("");
            further += 1;
        }
        while !self.is_settled() {
            assert!(further < FURTHER, "{line}: {}", self.left());
            self.run("");
            further += 1;
        }
        (further, self.told())
    }

    pub fn left(&self) -> String {
        let plan = self.access().run(&["plan"]);
        format!("{}\n{}", plan.out, plan.err)
    }

    pub fn is_settled(&self) -> bool {
        self.left().contains("nothing to do\n")
    }
}
