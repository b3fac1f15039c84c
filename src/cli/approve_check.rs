//! `countersign approve-check`: whether commits are approved, before they are merged and after.

use super::forge::{ForgeArgs, Named};
use super::{Exit, Failed, Outcome, Place, print, talk, workbench};
use crate::approval::Evidence;
use crate::approval::line::LineError;
use crate::approval::reviews::Reviews;
use crate::approval::reviews::forge_record::ForgeRecord;
use crate::forge::{Forge, Login};
use crate::operator::Operator;
use crate::reconcile::verified::{AsOf, Memory, Start, proposed, verified};
use crate::report::approval::{Check, human, json};
use crate::source::git;
use clap::ValueEnum;
use jiff::Timestamp;

/// The branch that is followed where nobody says.
const BRANCH: &str = "main";

/// Whose token it is, among form bots: no login has that sign.
const OWN: &str = "@me";

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
    /// What approval rests on; left out: the reviews of the forge that is named, else as the
    /// operator's file says, else signed merges.
    #[arg(long, value_enum, value_name = "MODULE")]
    evidence: Option<EvidenceArg>,
    #[command(flatten)]
    forge: ForgeArgs,
    /// The branch that pull requests have to be for; left out: the operator's, else `main`.
    #[arg(long, value_name = "BRANCH")]
    branch: Option<String>,
    /// An account that turns filled forms into pull requests, beside those the forge itself calls bots;
    /// `@me` is whose token it is. Repeat it.
    #[arg(long = "form-bot", value_name = "LOGIN", requires = "forge")]
    form_bots: Vec<String>,
    /// How the result is shown.
    #[arg(long, value_enum, default_value = "human")]
    format: FormatArg,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum EvidenceArg {
    /// The reviews that a forge recorded: of the one that --forge names, else of the operator's.
    ForgeReviews,
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
/// When the history cannot be read, or does not come by BASE; when the forge cannot be asked.
pub fn run(place: &Place, args: &Args) -> Outcome {
    let named = args.forge.named()?;
    // What flags say in full needs no operator.
    let operator = match (args.evidence, &named) {
        (Some(EvidenceArg::SignedMerge), _) | (_, Some(_)) => None,
        (Some(EvidenceArg::ForgeReviews) | None, None) => {
            Some(workbench::operator(place)?).filter(|operator| operator.repository.is_some())
        }
    };
    let evidence = match (args.evidence, &named, &operator) {
        (Some(EvidenceArg::SignedMerge), Some(_), _) => {
            return Err(Failed::say(
                Exit::Usage,
                "signed merges ask no forge; leave out --forge, or say --evidence forge-reviews",
            ));
        }
        (Some(EvidenceArg::SignedMerge), None, _) | (None, None, None) => Evidence::SignedMerge,
        (Some(EvidenceArg::ForgeReviews), ..) | (None, Some(_), _) => Evidence::ForgeReviews,
        (None, None, Some(operator)) => operator.evidence,
    };
    let forge = match evidence {
        Evidence::TrustBranch => {
            talk(
                "trust-branch: whoever can move the branch is trusted, so there is nothing to prove; --evidence signed-merge asks for signatures all the same",
            );
            return Ok(Exit::Done);
        }
        Evidence::SignedMerge => None,
        Evidence::ForgeReviews => Some(forge(args, named, operator.as_ref())?),
    };
    let (base, head) = ends(place, &args.range)?;
    let repository = operator.as_ref().and_then(|o| o.repository.as_ref());
    let branch = args.branch.as_deref();
    let branch = branch.or(repository.map(|r| r.branch.as_str()));
    let branch = branch.unwrap_or(BRANCH);
    let record = forge.as_ref().map(|forge| ForgeRecord::new(forge, branch));
    let reviews = record.as_ref().map(|record| record as &dyn Reviews);
    let known = Memory::default();
    let now = Timestamp::now();
    let name = evidence.as_str();
    let check = match args.pull_request {
        true => {
            let proposal = proposed(&place.folder, &base, &head, &known, reviews, now);
            let proposal = proposal.map_err(failed)?;
            let mistakes = proposal.errors.len();
            Check::proposed(name, &base, proposal.judged, mistakes)
        }
        false => {
            let start = Start {
                commit: base,
                what: "BASE",
            };
            let as_of = AsOf::at(now);
            let line = verified(&place.folder, &start, &head, &known, reviews, as_of);
            Check::merged(name, &line.map_err(failed)?)
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

/// The forge that flags name, else the operator's.
fn forge(args: &Args, named: Option<Named>, operator: Option<&Operator>) -> Result<Forge, Failed> {
    let world = |error: anyhow::Error| Failed::new(Exit::World, error);
    let settings = match (named, operator.and_then(|operator| operator.forge.as_ref())) {
        (Some(named), _) => {
            let bots = args.form_bots.iter().filter(|login| *login != OWN);
            named.settings(bots.map(|login| Login::new(login)).collect())?
        }
        (None, Some(forge)) => forge.settings().map_err(|error| world(error.into()))?,
        (None, None) => {
            return Err(Failed::say(
                Exit::Usage,
                "forge-reviews asks a forge, and none is named: say --forge and --repository, or name an operator's file that has `evidence: {module: forge-reviews, …}` with --operator",
            ));
        }
    };
    let forge = Forge::open(&settings).map_err(|error| world(error.into()))?;
    match args.form_bots.iter().any(|login| login == OWN) {
        true => forge.being_a_bot().map_err(|error| world(error.into())),
        false => Ok(forge),
    }
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
