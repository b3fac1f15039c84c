//! `countersign plan`: what would be done, by whom and why. Nothing is written.

use super::workbench::Purpose;
use super::{Exit, Failed, Outcome, Place, kept, leave, print, talk, workbench};
use crate::operator::Operator;
use crate::report::plan::{Format, Styling, render};
use clap::ValueEnum;
use std::path::PathBuf;

/// Compare what should be with what is, and show what would be done.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    origin: workbench::OriginArgs,
    #[command(flatten)]
    instant: workbench::InstantArgs,
    /// How the plan is shown.
    #[arg(long, value_enum, default_value = "human")]
    format: FormatArg,
    /// Save the plan, for `countersign apply FILE`.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// End with 2 where changes are pending.
    #[arg(long)]
    detailed_exitcode: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum FormatArg {
    /// For people.
    Human,
    /// The whole plan; schema/plan.json describes it.
    Json,
    /// A comment on a pull request.
    Markdown,
    /// The directory's changes as RFC 2849 change records.
    Ldif,
}

/// Runs the command.
///
/// # Errors
/// When the repository has mistakes, or the world cannot be seen completely.
pub fn run(place: &Place, args: &Args) -> Outcome {
    let operator = workbench::operator(place)?;
    let origin = args.origin.origin(&place.folder);
    let record = |operator: &Operator| workbench::history(operator).map(kept);
    let instant = &args.instant;
    let bench = workbench::bench(place, &origin, instant, operator, record, Purpose::Look)?;
    let plan = &bench.plan;
    if let Some(path) = &args.out {
        std::fs::write(path, render(plan, Format::Json, Styling::Plain))
            .map_err(|e| Failed::new(Exit::World, e))?;
        talk(format!(
            "saved to {}; `countersign apply {0}` carries it out",
            path.display()
        ));
    }
    let format = match args.format {
        FormatArg::Human => Format::Human,
        FormatArg::Json => Format::Json,
        FormatArg::Markdown => Format::Markdown,
        FormatArg::Ldif => Format::Ldif,
    };
    print(&render(plan, format, Styling::Ansi))?;
    let exit = if !plan.held.is_empty() || plan.is_beyond_a_guard() {
        Exit::Findings
    } else if args.detailed_exitcode && !plan.is_empty() {
        Exit::Pending
    } else {
        Exit::Done
    };
    leave(bench);
    Ok(exit)
}
