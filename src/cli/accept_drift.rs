//! `countersign accept-drift`: what somebody changed by hand becomes what the manifests say.

use super::desk::{BranchArgs, Desk};
use super::workbench::{self, InstantArgs, Purpose};
use super::{Exit, Failed, Outcome, Place, talk};
use crate::author::accept::{accept, otherwise};
use crate::author::draft::{Draft, over};
use crate::author::edit::{EditError, edit};
use crate::desired::expand::expand;
use crate::manifest::parse::Known;
use crate::plan::Change;
use crate::reconcile::read_source;
use crate::request::Timeline;

/// Write into a user's manifest what somebody changed by hand in the directory, so that the manifests say
/// it from then on. What no manifest of a user can say is named, and left.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The user.
    user: String,
    #[command(flatten)]
    branch: BranchArgs,
}

/// Runs the command.
///
/// # Errors
/// When nothing was changed by hand, or what would be written is not right.
pub fn run(place: &Place, args: &Args) -> Outcome {
    let desk = Desk::open(place, &args.branch)?;
    let user = desk.user(&args.user)?;
    let operator = workbench::operator(place)?;
    let bench = workbench::bench(
        place,
        &desk.origin(),
        &InstantArgs::now(),
        operator,
        workbench::history,
        Purpose::Look,
    )?;
    let drift = bench.drift.iter();
    let drift: Vec<&Change> = drift.filter(|c| c.user.as_ref() == Some(&user)).collect();
    if drift.is_empty() {
        let words = format!(
            "nobody changed anything of {user} by hand since the last run left nothing to do for them"
        );
        return Err(Failed::say(Exit::Findings, words));
    }
    let catalog = desk.catalog();
    let Some(declared) = catalog.users.get(&user) else {
        let words = format!(
            "{user} is declared by a request and has no manifest yet: `countersign fold` writes it"
        );
        return Err(Failed::say(Exit::Findings, words));
    };
    let base = bench.situation.limits.as_ref().map(|limits| &limits.base);
    let accepted = accept(catalog, &declared.spec, base, &drift);
    for left in &accepted.left {
        talk(format!("left as it is: {left}"));
    }
    if accepted.edits.is_empty() {
        let words = "the manifest of the user can say none of it, so nothing was written";
        return Err(Failed::say(Exit::Findings, words));
    }
    let at = &declared.at;
    let before = desk.bytes(&at.file);
    let text = before.as_deref();
    let text = text.and_then(|bytes| std::str::from_utf8(bytes).ok());
    let edited = text.ok_or(EditError::Unreadable);
    let edited = edited.and_then(|text| edit(text, at.document, &accepted.edits));
    let text =
        edited.map_err(|error| Failed::say(Exit::Findings, format!("{}: {error}", at.file)))?;
    let draft = Draft {
        path: at.file.clone(),
        text: Some(text),
        before,
    };
    let after = read_source(
        over(desk.source(), std::slice::from_ref(&draft)),
        &mut Known::default(),
    );
    let timeline = Timeline::new(&after.catalog, &mut Vec::new());
    // What is wrong with it is told when it is written.
    let (desired, _) = expand(
        &after.catalog,
        &timeline,
        bench.situation.accounts(),
        desk.now,
    );
    let account = desired.people.get(&user).and_then(|p| p.account.as_ref());
    let still = otherwise(&accepted.written, account, base);
    for left in &still {
        talk(format!("left as it is: {left}"));
    }
    if still.len() == accepted.written.len() {
        let words =
            "nothing that the manifest of the user can say would change it, so nothing was written";
        return Err(Failed::say(Exit::Findings, words));
    }
    let message = format!("drift: what was changed by hand of {user} is accepted\n");
    desk.finish(&[draft], &format!("accept-drift-{user}"), &message)
}
