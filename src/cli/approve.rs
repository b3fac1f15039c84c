//! `countersign approve`: a signed tag that covers a commit which came without evidence, or approves
//! the head of a pull request.

use super::{Exit, Failed, Outcome, Place, print, talk, workbench};
use crate::approval::line::tag_name;
use crate::approval::requirement::present;
use crate::catalog::Catalog;
use crate::desired::expand::COUNTERSIGN;
use crate::name::UserName;
use crate::reconcile::verified::tag_signer;
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
