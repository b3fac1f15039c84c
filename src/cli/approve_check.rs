//! `countersign approve-check`: whether commits are approved, before they are merged and after.

use super::{Exit, Failed, Outcome, Place, print, talk, workbench};
use crate::approval::Evidence;
use crate::approval::line::LineError;
use crate::reconcile::verified::{Start, proposed, verified};
use crate::report::approval::{Check, human, json};
use crate::source::git;
use clap::ValueEnum;
use jiff::Timestamp;

/// Prove that commits are approved: on the branch, or of a pull request before it is merged.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// From a revision that is taken as approved to the one that is asked about.
    #[arg(value_name = "BASE..HEAD")]
    range: String,
    /// HEAD is the head of a pull request that would be merged into BASE: what it needs, who may
    /// approve it, and whether it has that already.
    #[arg(long)]
    pull_request: bool,
    /// What approval rests on; left out: as the operator's file says, else signed merges.
    #[arg(long, value_enum, value_name = "MODULE")]
    evidence: Option<EvidenceArg>,
    /// How the result is shown.
    #[arg(long, value_enum, default_value = "human")]
    format: FormatArg,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum EvidenceArg {
    /// Merges and tags that approvers signed.
    SignedMerge,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum FormatArg {
    /// For people.
    Human,
    /// For programs; schema/approval.json describes it.
    Json,
}

/// Runs the command.
///
/// # Errors
/// When the history cannot be read, or does not come by BASE.
pub fn run(place: &Place, args: &Args) -> Outcome {
    let evidence = match args.evidence {
        Some(EvidenceArg::SignedMerge) => Evidence::SignedMerge,
        None => match workbench::operator(place)? {
            operator if operator.repository.is_some() => operator.evidence,
            _ => Evidence::SignedMerge,
        },
    };
    if evidence == Evidence::TrustBranch {
        talk(
            "trust-branch: whoever can move the branch is trusted, so there is nothing to prove; --evidence signed-merge asks for signatures all the same",
        );
        return Ok(Exit::Done);
    }
    let (base, head) = ends(place, &args.range)?;
    let known = workbench::known(&place.folder);
    let now = Timestamp::now();
    let name = evidence.as_str();
    let check = match args.pull_request {
        true => {
            let proposal = proposed(&place.folder, &base, &head, known, now).map_err(failed)?;
            let mistakes = proposal.errors.len();
            Check::proposed(name, &base, proposal.judged, mistakes)
        }
        false => {
            let start = Start {
                commit: base,
                what: "BASE",
            };
            let line = verified(&place.folder, &start, &head, known, now).map_err(failed)?;
            Check::merged(name, &line)
        }
    };
    print(&match args.format {
        FormatArg::Human => human(&check),
        FormatArg::Json => json(&check),
    })?;
    Ok(match check.approved {
        true => Exit::Done,
        false => Exit::Findings,
    })
}

/// The two ends of a range, as hashes.
fn ends(place: &Place, range: &str) -> Result<(String, String), Failed> {
    let Some((base, head)) = range.split_once("..").filter(|(base, _)| !base.is_empty()) else {
        return Err(Failed::say(
            Exit::Usage,
            format!("`{range}` is no range; write `BASE..HEAD`, for example `origin/main..HEAD`"),
        ));
    };
    let head = if head.is_empty() { "HEAD" } else { head };
    let id = |revision| git::revision_id(&place.folder, revision);
    let both = id(base).and_then(|base| Ok((base, id(head)?)));
    both.map_err(workbench::source_failed)
}

/// How trouble with a line ends a command.
pub fn failed(error: LineError) -> Failed {
    let exit = match &error {
        LineError::Moved { .. } => Exit::Findings,
        LineError::Authors(_) => Exit::World,
    };
    Failed::new(exit, error)
}
