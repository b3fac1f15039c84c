//! `countersign fold`: what requests made of users and identities becomes their manifests, and the
//! requests go to the archive. Nothing of what should be changes.

use super::desk::{BranchArgs, Desk};
use super::{Exit, Failed, Outcome, Place, talk, workbench};
use crate::author::fold::{FoldError, fold};

/// Write what requests that have taken effect made of the manifests, and move them to archive/.
///
/// What should be is the same before and after, at every instant from now on; that is proven before
/// anything is written. Requests whose end is still to come stay, and those of the same user after them.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    branch: BranchArgs,
}

/// Runs the command.
///
/// # Errors
/// When the repository or the directory cannot be read, has mistakes, or a manifest cannot be edited.
pub fn run(place: &Place, args: &Args) -> Outcome {
    let desk = Desk::open(place, &args.branch)?;
    desk.must_be_valid()?;
    let accounts = workbench::accounts(place, &desk.origin())?;
    if accounts.known.is_empty() {
        talk(
            "no directory is at hand: login names and addresses are not written into the manifests",
        );
    }
    let fold = fold(desk.source(), desk.catalog(), &accounts, desk.now).map_err(failed)?;
    for (request, why) in &fold.left {
        talk(format!("not folded yet: {request}: {why}"));
    }
    if fold.folded.is_empty() {
        talk("nothing to fold");
        return Ok(Exit::Done);
    }
    let count = fold.folded.len();
    let noun = if count == 1 { "request" } else { "requests" };
    talk(format!("{count} {noun} folded into the manifests"));
    let day = desk.now.to_zoned(desk.catalog().zone.clone());
    let name = format!("fold-{}", day.strftime("%Y-%m-%d"));
    let message = format!("Fold {count} {noun}\n\nNothing of what should be changes.");
    desk.finish(&fold.drafts, &name, &message)
}

fn failed(error: FoldError) -> Failed {
    let exit = match &error {
        FoldError::Edit { .. } | FoldError::Name(_) | FoldError::Otherwise { .. } => Exit::Findings,
        FoldError::Unreadable(_) => Exit::World,
    };
    Failed::new(exit, error)
}
