//! Times the reading of a ledger of 10,000 tasks and five years of daily runs, in a process of its own.
//!
//! `history`: the ledger is written into a folder that goes with the process. Prints the seconds that
//! reading all of it took, and how large it is.

use countersign::desired::{EntitlementKey, Grant, Recipient};
use countersign::ledger::{
    Event, Ledger, MailResult, Outcome, Record, RunId, RunSummary, Seen, TaskStatus,
};
use countersign::name::{LevelName, ResourceName, UserName};
use countersign::plan::{Action, ChangeId, Task, TaskAction, TaskId};
use jiff::{SignedDuration, Timestamp};
use std::time::Instant;

const TASKS: usize = 10_000;
const RUNS: usize = 5 * 365;
/// Changes that a run carries out: one a user every two years, in a city of 10,000.
const CHANGES: usize = 14;
/// Tasks that are open still.
const OPEN: usize = 500;

fn task(number: usize) -> anyhow::Result<Task> {
    let user = UserName::new(&format!("user-{number}"))?;
    let resource = ResourceName::new("timetrack")?;
    Ok(Task {
        reopened: None,
        urgent: false,
        id: TaskId(format!("{number:016x}")),
        generation: 1,
        revision: 1,
        action: TaskAction::Grant,
        user_display: format!("User {number} of the Department of Works"),
        user,
        employee_number: Some(format!("{number:06}")),
        resource: resource.clone(),
        resource_display: "Timetrack".into(),
        url: Some("https://timetrack.city.example".into()),
        entitlement: EntitlementKey {
            resource,
            identity: None,
            grant: Grant::Level(LevelName::new("access")?),
        },
        entitlement_label: "access".into(),
        fields: Vec::new(),
        instructions: Some("Add the card to the reader at the door.".into()),
        maintainers: vec![Recipient {
            mail: "timetrack@city.example".into(),
            name: None,
        }],
        causes: Vec::new(),
    })
}

fn of_run(number: usize, at: Timestamp) -> anyhow::Result<Vec<Record>> {
    let run = RunId(format!("{}-{number:08x}", at.strftime("%Y%m%dT%H%M%SZ")));
    let mut events = vec![Event::RunStarted {
        revision: Some(format!("{number:040x}")),
        instant: at,
        plan: format!("{number:064x}"),
    }];
    let changes: Vec<ChangeId> = (0..CHANGES)
        .map(|change| ChangeId(format!("{:016x}", number * CHANGES + change)))
        .collect();
    let tasks: Vec<usize> = (number * TASKS / RUNS..(number + 1) * TASKS / RUNS).collect();
    let ids = |tasks: &[usize]| tasks.iter().map(|n| TaskId(format!("{n:016x}"))).collect();
    events.push(Event::Intended {
        changes: changes.clone(),
        tasks: ids(&tasks),
        notices: Vec::new(),
    });
    for change in changes {
        events.push(Event::Outcome {
            change,
            action: Action::Update,
            user: Some(UserName::new(&format!("user-{number}"))?),
            resource: ResourceName::new("active-directory")?,
            target: format!("user-{number}"),
            outcome: Outcome::Applied,
            detail: None,
            causes: Vec::new(),
        });
    }
    for number in &tasks {
        let task = Box::new(task(*number)?);
        events.push(Event::TaskOpened { task });
    }
    events.push(Event::Mailed {
        recipient: "timetrack@city.example".into(),
        message: format!("<{number:016x}@city.example>"),
        tasks: ids(&tasks),
        changes: Vec::new(),
        result: MailResult::Sent,
    });
    events.push(Event::RunEnded {
        summary: RunSummary::default(),
    });
    for number in tasks.into_iter().filter(|n| n % (TASKS / OPEN) != 0) {
        events.push(Event::TaskDone {
            task: TaskId(format!("{number:016x}")),
            by: "timetrack@city.example".into(),
            note: None,
            seen: Seen::Confirmed,
        });
    }
    let of = |event| Record {
        at,
        run: run.clone(),
        event,
    };
    Ok(events.into_iter().map(of).collect())
}

fn main() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("ledger.jsonl");
    let begin: Timestamp = "2022-01-01T06:00:00Z".parse()?;
    let mut ledger = Ledger::open(&path)?;
    for number in 0..RUNS {
        let day = SignedDuration::from_hours(24 * i64::try_from(number)?);
        ledger.append_all(of_run(number, begin + day)?)?;
    }
    drop(ledger);
    let clock = Instant::now();
    let history = Ledger::read(&path)?;
    let took = clock.elapsed();
    let tasks = history.tasks().values();
    let open = tasks.filter(|t| t.status == TaskStatus::Open).count();
    anyhow::ensure!((history.runs().len(), open) == (RUNS, OPEN));
    println!(
        "{:.3} s to read {} bytes: {TASKS} tasks, {open} of them open, {RUNS} runs",
        took.as_secs_f64(),
        std::fs::metadata(&path)?.len()
    );
    Ok(())
}
