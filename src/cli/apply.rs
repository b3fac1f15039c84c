//! `countersign apply`: carries out the plan of now, or a saved one that still holds.

use super::act::{self, Acted};
use super::workbench::Purpose;
use super::{Exit, Failed, Outcome, Place, print, talk, workbench};
use crate::apply::Stop;
use crate::apply::probe::{State, probe};
use crate::approval::Refusal;
use crate::ledger::Pause;
use crate::operator::Operator;
use crate::plan::{Change, Plan, Write};
use crate::report;
use crate::report::outcome::Outcomes;
use crate::report::plan::{Format, Styling};
use crate::source::Origin;
use clap::ValueEnum;
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Carry out the plan: write what may be written, ask maintainers for the rest.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A plan saved by `countersign plan --out`; left out: the plan of now.
    plan: Option<PathBuf>,
    /// The revision.
    #[arg(long, default_value = "HEAD", value_name = "REVISION")]
    rev: String,
    /// How the outcome is shown.
    #[arg(long, value_enum, default_value = "human")]
    format: FormatArg,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum FormatArg {
    /// For people.
    Human,
    /// What became of every change and mail.
    Json,
}

/// Runs the command.
///
/// # Errors
/// When nothing could be concluded, or the plan may not be applied.
pub fn run(place: &Place, args: &Args) -> Outcome {
    let saved = args.plan.as_deref().map(saved_plan).transpose()?;
    let operator = workbench::operator(place)?;
    let mut ledger = workbench::ledger(&operator)?;
    let origin = Origin::Revision {
        folder: place.folder.clone(),
        revision: args.rev.clone(),
    };
    for line in workbench::inbox(&operator, &mut ledger, &origin) {
        talk(format!("inbox: {line}"));
    }
    if let Some(pause) = ledger.history().orders().paused().get(&None) {
        let Pause { by, reason, .. } = pause;
        talk(format!(
            "nothing is done: {by} paused everything: {reason}. `countersign unpause` ends it"
        ));
        return Ok(Exit::Findings);
    }
    let now = workbench::InstantArgs::now();
    let record = |_: &Operator| Ok(ledger.history());
    let mut bench = workbench::bench(place, &origin, &now, operator, record, Purpose::Apply)?;
    let plan = match saved {
        Some(saved) => {
            still_holds(&saved, &mut bench)?;
            bench.plan.only(&saved)
        }
        None => bench.plan.clone(),
    };
    let stop = Interrupt::listen();
    let shown = |plan: &Plan| match args.format {
        FormatArg::Human => print(&report::plan::render(plan, Format::Human, Styling::Ansi)),
        // Its result is one value.
        FormatArg::Json => Ok(()),
    };
    let acted = act::act(bench, plan, &mut ledger, &stop, &shown)?;
    let Acted {
        plan,
        outcomes,
        held,
        ..
    } = match acted {
        Ok(acted) => acted,
        Err(refusals) => return Ok(refused(&refusals)),
    };
    print(&match args.format {
        FormatArg::Human => report::outcome::human(&plan, &outcomes),
        FormatArg::Json => report::outcome::json(&plan, &outcomes),
    })?;
    for digest in held {
        talk(format!(
            "held by a guard: `countersign allow {digest}` by an administrator lets it through once"
        ));
    }
    Ok(exit(&outcomes))
}

fn exit(outcomes: &Outcomes) -> Exit {
    match outcomes.is_success() && outcomes.summary.held == 0 {
        true => Exit::Done,
        false => Exit::Findings,
    }
}

fn refused(refusals: &[Refusal]) -> Exit {
    for refusal in refusals {
        talk(format!("refused: {refusal}"));
    }
    Exit::Findings
}

fn saved_plan(path: &Path) -> Result<Plan, Failed> {
    let text = std::fs::read_to_string(path).map_err(|e| Failed::new(Exit::World, e))?;
    let plan: Plan = serde_json::from_str(&text).map_err(|error| {
        Failed::say(
            Exit::Usage,
            format!("{} is not a plan of this version: {error}", path.display()),
        )
    })?;
    match plan.format_version {
        crate::plan::FORMAT_VERSION => Ok(plan),
        other => Err(Failed::say(
            Exit::Usage,
            format!("the plan has format {other}; plan again"),
        )),
    }
}

/// A saved plan is refused when the commit, the policies or what it touches have moved on.
///
/// What is carried out afterwards is the fresh plan's own words for what the saved one names, so that
/// a file somebody edited can only ask for less.
fn still_holds(saved: &Plan, bench: &mut workbench::Bench) -> Result<(), Failed> {
    let fresh = &bench.plan;
    let mut stale = Vec::new();
    if saved.revision != fresh.revision {
        let short = |r: &Option<String>| r.clone().unwrap_or_else(|| "a working folder".into());
        stale.push(format!(
            "it was made from {}, and the revision is now {}",
            short(&saved.revision),
            short(&fresh.revision)
        ));
    }
    if saved.policies != fresh.policies {
        stale.push("the configuration or the policies have changed".into());
    }
    if saved.directory_mode != fresh.directory_mode {
        stale.push("the operator has changed who writes the directory".into());
    }
    if saved.instant > Timestamp::now() {
        stale.push(format!(
            "it was made for {}, which has not come yet",
            saved.instant
        ));
    }
    if saved
        .valid_until
        .is_some_and(|until| until <= Timestamp::now())
    {
        stale.push("an instant at which something begins or ends has passed since".into());
    }
    let planned: BTreeSet<&_> = fresh.changes.iter().map(|c| &c.id).collect();
    let gone: Vec<&Change> = saved
        .changes
        .iter()
        .filter(|c| !planned.contains(&c.id))
        .collect();
    for change in gone {
        let state = match (&change.write, bench.directory.as_deref_mut()) {
            (Write::Row { .. }, _) => State::AlreadySo,
            (_, Some(directory)) => {
                probe(change, directory).map_err(|failure| Failed::say(Exit::World, failure))?
            }
            (_, None) => State::MovedOn("there is no directory at hand".into()),
        };
        let what = format!("{} {} {}", change.action, change.target, change.what);
        match state {
            State::AlreadySo => {}
            State::MovedOn(how) => stale.push(format!("{}: {how}", what.trim_end())),
            State::Ready => match change.action {
                // Recorded already: nothing is left of it.
                crate::plan::Action::Adopt
                | crate::plan::Action::SetPassword
                | crate::plan::Action::ResetPassword => {}
                _ => stale.push(format!("{}: it is no longer wanted", what.trim_end())),
            },
        }
    }
    if stale.is_empty() {
        return Ok(());
    }
    for reason in &stale {
        talk(format!("stale: {reason}"));
    }
    Err(Failed::say(
        Exit::Findings,
        "the saved plan no longer holds; nothing was written. Plan again",
    ))
}

/// A polite request to stop: Ctrl-C or SIGTERM; the change in hand is finished.
struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    fn listen() -> Self {
        let flag = Arc::new(AtomicBool::new(false));
        for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
            if let Err(error) = signal_hook::flag::register(signal, flag.clone()) {
                talk(format!("warning: a signal cannot be listened to: {error}"));
            }
        }
        Self(flag)
    }
}

impl Stop for Interrupt {
    fn asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
