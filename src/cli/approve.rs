//! `countersign approve`: a signed tag that covers a commit which came without evidence, or approves
//! the head of a pull request.

use super::{Exit, Failed, Outcome, Place, print, talk, workbench};
use crate::approval::line::{LineError, tag_name};
use crate::approval::requirement::{Requirement, present};
use crate::catalog::Catalog;
use crate::desired::expand::COUNTERSIGN;
use crate::name::UserName;
use crate::proposal::barred::Why;
use crate::reconcile::verified::{AsOf, Memory, Start, proposed, tag_signer, verified};
use crate::source::{Origin, git, tag};
use jiff::Timestamp;

/// Approve a commit with a tag that you sign: one that is on the branch without enough approval, or
/// the head of a pull request.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The commit that you have looked at.
    #[arg(value_name = "REVISION")]
    rev: String,
    /// The revision whose administrators may approve it: the last approved one, else the branch it is
    /// to be merged into; left out: the commit's first parent.
    #[arg(long, value_name = "REVISION")]
    base: Option<String>,
    /// Who you are; left out: the user with the mail address that git commits with.
    #[arg(long = "as", value_name = "USER")]
    user: Option<String>,
}

/// Runs the command.
///
/// # Errors
/// When there is no such commit, it cannot be told who you are, or git cannot sign.
pub fn run(place: &Place, args: &Args) -> Outcome {
    let id = |revision: &str| git::revision_id(&place.folder, revision);
    let commit = id(&args.rev).map_err(workbench::source_failed)?;
    let base = match &args.base {
        Some(base) => base.clone(),
        None => format!("{commit}^1"),
    };
    let base = id(&base).map_err(workbench::source_failed)?;
    let origin = Origin::Revision {
        folder: place.folder.clone(),
        revision: base.clone(),
    };
    let reading = workbench::read(&origin)?;
    let catalog = &reading.catalog;
    let user = match &args.user {
        Some(user) => UserName::new(user).map_err(|e| Failed::new(Exit::Usage, e))?,
        None => whoever(place, catalog)?,
    };
    let now = Timestamp::now();
    if !present(catalog, now).approvers.contains(&user) {
        return Err(Failed::say(
            Exit::Findings,
            format!(
                "{user} is no administrator of {COUNTERSIGN} by {}, so this approval would not count; name the last approved revision with --base, or who you are with --as",
                short(&base)
            ),
        ));
    }
    match requirement(place, &commit, &base, now) {
        Ok(Some(requirement)) => not_their_own(&requirement, &user)?,
        Ok(None) => {}
        Err(error) => talk(format!(
            "whether it is a change of {user}'s own, which they may not approve, cannot be told here: {error}"
        )),
    }
    let name = tag_name(&commit, &user);
    tag::sign(
        &place.folder,
        &name,
        &commit,
        &format!("Approved by {user}"),
    )
    .map_err(|error| Failed::new(Exit::World, error))?;
    let signer = tag_signer(&place.folder, catalog, &commit, &name);
    let signer = signer.map_err(|error| Failed::new(Exit::World, error));
    match signer {
        Ok(Some(signer)) if signer == user => {}
        other => {
            tag::remove(&place.folder, &name).map_err(|e| Failed::new(Exit::World, e))?;
            other?;
            return Err(Failed::say(
                Exit::Findings,
                format!(
                    "git did not sign with a key that {user} has in `credentials.signingKeys` at {}, so the tag was taken back; set `user.signingkey` (and `gpg.format ssh` for an SSH key)",
                    short(&base)
                ),
            ));
        }
    }
    talk(format!("push it: git push origin refs/tags/{name}"));
    print(&name)?;
    Ok(Exit::Done)
}

/// Branches that commits stand on once they are merged.
const MERGED: [&str; 3] = ["main", "origin/main", "origin/HEAD"];

/// What a commit needs: of one that is merged what it brings by itself, of the head of a pull request
/// what merging it would bring; none: it was never anything's step.
fn requirement(
    place: &Place,
    commit: &str,
    base: &str,
    now: Timestamp,
) -> Result<Option<Requirement>, LineError> {
    let folder = &place.folder;
    let known = Memory::default();
    let parent = git::revision_id(folder, &format!("{commit}^1")).ok();
    let is_merged = MERGED.iter().any(|branch| {
        let base = git::merge_base(folder, branch, commit);
        base.is_ok_and(|base| base == commit)
    });
    match parent.filter(|parent| is_merged || parent == base) {
        Some(parent) => {
            let what = "its first parent";
            let start = Start {
                commit: parent,
                what,
            };
            let line = verified(folder, &start, commit, &known, None, AsOf::at(now))?;
            Ok(line.judged.into_iter().next().map(|j| j.requirement))
        }
        None => {
            let proposed = proposed(folder, base, commit, &known, None, now)?;
            Ok(Some(proposed.judged.requirement))
        }
    }
}

/// Nobody approves what is theirs (SEMANTICS 3).
fn not_their_own(requirement: &Requirement, user: &UserName) -> Result<(), Failed> {
    let Some(why) = requirement.barred.get(user) else {
        return Ok(());
    };
    let words: Vec<String> = why.iter().map(Why::words).collect();
    Err(Failed::say(
        Exit::Findings,
        format!(
            "{user} {}, so this approval would not count; it is for another administrator to give",
            words.join(", ")
        ),
    ))
}

/// The user who has the mail address that git commits with.
fn whoever(place: &Place, catalog: &Catalog) -> Result<UserName, Failed> {
    let identity = git::identity(&place.folder).unwrap_or_default();
    let mail = identity.rsplit_once('<').map_or("", |(_, mail)| mail);
    let mail = mail.trim_end_matches('>').to_lowercase();
    let has = |address: Option<&crate::manifest::MailAddress>| {
        !mail.is_empty() && address.is_some_and(|a| a.0.to_lowercase() == mail)
    };
    let users = catalog.users.iter().filter(|(_, user)| {
        let contact = user.spec.contact.as_ref().and_then(|c| c.mail.as_ref());
        has(user.spec.mail.as_ref()) || has(contact)
    });
    let found: Vec<&UserName> = users.map(|(name, _)| name).collect();
    match found[..] {
        [user] => Ok(user.clone()),
        _ => Err(Failed::say(
            Exit::Usage,
            format!(
                "no user is known by the address that git commits with ({mail}); say who you are with --as USER"
            ),
        )),
    }
}

fn short(commit: &str) -> &str {
    commit.get(..12).unwrap_or(commit)
}
