//! Every fail point × {crash, error, delay}.

use super::super::place::{Census, Place, tasks};
use crate::bed::{Access, Ran};
use countersign::failpoint::NAMES;
use countersign::ledger::{Event, Ledger, Record, RunId, Shared};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::Duration;

/// Runs after a disturbed one, at most.
const FURTHER: usize = 2;
/// Steps until everything happens in one: who comes leaves three steps later.
const WARM: usize = 3;
/// Places that only a mail server meets.
const OF_SMTP: [&str; 2] = ["smtp", "smtp-accepted"];

/// What a place does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
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
struct Town {
    place: Place,
    step: usize,
    log: String,
    /// How often a mail went out, and which mails there are.
    sent: usize,
    known: BTreeSet<String>,
}

impl Town {
    /// Nobody of it is disturbed yet.
    fn of(place: Place) -> Self {
        let place = place.shared();
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
        let known = place.access().mails().into_iter().map(|m| m.message_id);
        let mut town = Self {
            known: known.collect(),
            place,
            step: 0,
            log,
            sent: 0,
        };
        for _ in 0..WARM {
            town.happens();
            town.run("");
        }
        town.settled("before anything was disturbed");
        town.told();
        town
    }

    fn access(&self) -> &Access {
        self.place.access()
    }

    /// Somebody comes, somebody has another name and one role less, somebody moves, somebody leaves at once.
    fn happens(&mut self) {
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
    fn run(&self, armed: &str) -> Ran {
        let variables = [
            ("COUNTERSIGN_FAILPOINTS", armed),
            ("COUNTERSIGN_FAILPOINTS_LOG", &self.log),
        ];
        self.access().run_within(&variables, &["run", "--once"])
    }

    fn reached(&self, place: &str) -> usize {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        log.lines().filter(|line| *line == place).count()
    }

    fn is_settled(&self) -> bool {
        let plan = self.access().run(&["plan"]);
        plan.out.ends_with("nothing to do\n")
    }

    #[track_caller]
    fn settled(&self, when: &str) {
        let plan = self.access().run(&["plan"]);
        assert!(
            plan.out.ends_with("nothing to do\n"),
            "{when}: {}\n{}",
            plan.out,
            plan.err
        );
    }

    /// How many mails of the last step went out twice; nothing is asked for by two mails.
    fn told(&mut self) -> usize {
        let written: usize = ["pass", "crash", "error", "delay"]
            .map(|word| self.reached(&format!("outbox-written {word}")))
            .iter()
            .sum();
        let mails = self.access().mails();
        let mut ids: BTreeSet<String> = BTreeSet::new();
        let mut asked: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
        for mail in mails.iter().filter(|m| !self.known.contains(&m.message_id)) {
            ids.insert(mail.message_id.clone());
            for rest in mail.text.split("countersign task done ").skip(1) {
                let task = rest.split_whitespace().next().unwrap().to_owned();
                asked.entry(task).or_default().insert(&mail.message_id);
            }
        }
        asked.retain(|_, mails| mails.len() > 1);
        assert!(asked.is_empty(), "asked by two mails: {asked:?}");
        let twice = written - self.sent - ids.len();
        self.sent = written;
        self.known.extend(ids);
        twice
    }

    /// Another reconciler writes the ledger's branch.
    fn elsewhere(&self) {
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

    /// One step in which a run meets a place; the runs that were needed then, and the mails that went out twice.
    fn meets(&mut self, point: &str, fault: Fault) -> (usize, usize) {
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
        let armed = format!("{point}={armed}");
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
        match fault {
            Fault::Crash => assert_eq!(ran.code, -1, "{line}: {}", ran.err),
            Fault::Error => assert!([0, 1, 3].contains(&ran.code), "{line}: {}", ran.err),
            Fault::Delay => assert_eq!(ran.code, 0, "{line}: {}", ran.err),
        }
        let mut further = 0;
        while !self.is_settled() && further < FURTHER {
            self.run("");
            further += 1;
        }
        self.settled(&line);
        (further, self.told())
    }
}

/// Every place once, in one company.
fn every_place(fault: Fault) {
    let mut town = Town::of(Place::fake());
    let mut twin = Town::of(Place::fake());
    let (mut runs, mut most, mut twice) = (0, 0, 0);
    let points = NAMES.into_iter().filter(|point| !OF_SMTP.contains(point));
    let mut places = 0;
    for point in points {
        twin.happens();
        twin.run("");
        let (further, duplicates) = town.meets(point, fault);
        let allowed = usize::from(fault != Fault::Delay);
        assert!(duplicates <= allowed, "{point}: {duplicates} mails twice");
        places += 1;
        runs += further;
        most = most.max(further);
        twice += duplicates;
    }
    assert_eq!(Census::of(&town.place), Census::of(&twin.place));
    Census::of(&town.place).nobody_is_twice();
    let tasks = tasks(town.access());
    assert_eq!(tasks, super::super::place::tasks(twin.access()));
    println!(
        "{fault:?} at {places} places of {}: each reached, {runs} further runs, at most {most} after one; {} accounts, \
         none twice; {} tasks, none lost; {} mails, {twice} of them twice, with the same Message-ID",
        NAMES.len(),
        Census::of(&town.place).accounts.len(),
        tasks.len(),
        town.known.len(),
    );
}

#[test]
fn wherever_it_crashes_two_further_runs_reach_the_desired_state() {
    every_place(Fault::Crash);
}

#[test]
fn wherever_something_fails_two_further_runs_reach_the_desired_state() {
    every_place(Fault::Error);
}

#[test]
fn wherever_it_waits_the_run_itself_reaches_the_desired_state() {
    every_place(Fault::Delay);
}
