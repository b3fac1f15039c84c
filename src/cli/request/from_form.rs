//! `countersign request from-form`: a form that somebody filled in at a forge becomes the request that
//! `request new-hire`, `change` or `terminate` would write. The text is hostile, its author is not: that
//! one is told by the forge.

use super::super::ask::Asker;
use super::super::ci::{EventArgs, ForgeArg, bounded};
use super::super::desk::{BranchArgs, Desk};
use super::super::{Exit, Failed, Outcome, Place, talk};
use super::{change, new_hire, terminate};
use crate::author::ci::event;
use crate::author::form::read::{Filled, LONGEST, arguments, read};
use crate::author::form::{Form, Says, inputs};
use crate::manifest::config::ForgeKind;
use crate::manifest::user::UserState;
use crate::name::UserName;
use clap::{ArgMatches, FromArgMatches as _};
use std::path::PathBuf;

/// Write the request of a form that was filled in at a forge, asked for by whoever opened it.
///
/// What is not one of our forms writes nothing and is no error.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("from").required(true).args(["event", "body"])))]
pub struct Args {
    /// The forge.
    #[arg(long, value_enum)]
    forge: ForgeArg,
    /// The event of the opened issue, or the payload of a webhook: a file of JSON.
    #[arg(long, value_name = "FILE", conflicts_with = "author")]
    event: Option<PathBuf>,
    /// The text of the form.
    #[arg(long, value_name = "FILE", requires = "author")]
    body: Option<PathBuf>,
    /// The login of whoever opened it, as the forge tells it.
    #[arg(long, value_name = "LOGIN", requires = "body")]
    author: Option<String>,
    #[command(flatten)]
    branch: BranchArgs,
}

/// Runs the command.
///
/// # Errors
/// When the author is no user, or the form does not say what a request needs.
pub fn run(place: &Place, args: &Args) -> Outcome {
    let forge = ForgeKind::from(args.forge);
    let Some((author, body)) = opened(args, forge)? else {
        talk("the event is about no issue, so there is nothing to do");
        return Ok(Exit::Done);
    };
    let desk = Desk::open(place, &args.branch)?;
    let filled = read(desk.catalog(), &body).map_err(|e| Failed::new(Exit::Findings, e))?;
    let Some(filled) = filled else {
        talk("the text is not one of our forms, so there is nothing to do");
        return Ok(Exit::Done);
    };
    let requester = requester(&desk, forge, &author)?;
    let mut more = vec![format!("--requested-by={requester}")];
    more.extend(args.branch.flag());
    let written = write(place, &filled, &arguments(&filled, &more));
    written.map_err(|failed| in_words_of(&filled, &desk, &failed))
}

/// Who opened what.
fn opened(args: &Args, forge: ForgeKind) -> Result<Option<(String, Vec<u8>)>, Failed> {
    if let (Some(body), Some(author)) = (&args.body, &args.author) {
        return Ok(Some((author.clone(), bounded(body, LONGEST as u64)?)));
    }
    let Some(path) = &args.event else {
        return Err(Failed::say(
            Exit::Usage,
            "say --event, or --body and --author",
        ));
    };
    let event = EventArgs {
        forge: args.forge,
        event: path.clone(),
    };
    let issue = event::issue(forge, &event.read()?).map_err(|e| Failed::new(Exit::Findings, e))?;
    Ok(issue.map(|issue| (issue.author, issue.body.into_bytes())))
}

/// The one user with this login, who is here.
fn requester(desk: &Desk, forge: ForgeKind, login: &str) -> Result<UserName, Failed> {
    let timeline = desk.timeline();
    let mut found = desk.names().into_iter().filter(|name| {
        let Some(user) = timeline.user(name, desk.now) else {
            return false;
        };
        let logins = user.spec.credentials.as_ref().map(|c| &c.forge_logins);
        let theirs = logins.and_then(|logins| logins.get(forge.as_str()));
        // Forges do not tell logins apart by case.
        theirs.is_some_and(|theirs| theirs.eq_ignore_ascii_case(login))
            && user.spec.state == UserState::Active
    });
    let forge = forge.as_str();
    let refused = match (found.next(), found.next()) {
        (Some(one), None) => return Ok(one.clone()),
        (None, _) => "no active user has it",
        (Some(_), Some(_)) => "more than one user has it",
    };
    let words = format!(
        "the form is by `{}` at {forge}, and {refused}; an administrator says whose it is, `credentials: {{forgeLogins: {{{forge}: …}}}}` in their manifest",
        crate::author::form::shown(login)
    );
    Err(Failed::say(Exit::Findings, words))
}

/// Writes the request with the command that is for it.
fn write(place: &Place, filled: &Filled, arguments: &[String]) -> Outcome {
    match filled.form {
        Form::NewHire => {
            let matches = matches(new_hire::command(), arguments)?;
            let args = new_hire::Args::from_arg_matches(&matches).map_err(unusable)?;
            new_hire::ask(place, &args, Asker::nobody())
        }
        Form::Change => {
            let matches = matches(change::command(), arguments)?;
            let args = change::Args::from_arg_matches(&matches).map_err(unusable)?;
            change::run(place, &args)
        }
        Form::Terminate => {
            let matches = matches(terminate::command(), arguments)?;
            let args = terminate::Args::from_arg_matches(&matches).map_err(unusable)?;
            terminate::run(place, &args)
        }
    }
}

fn matches(command: clap::Command, arguments: &[String]) -> Result<ArgMatches, Failed> {
    let command = command.no_binary_name(true).disable_help_flag(true);
    command.try_get_matches_from(arguments).map_err(unusable)
}

/// What is wrong, in one line and without advice about flags.
fn unusable(error: clap::Error) -> Failed {
    let words = error.to_string();
    let first = words.lines().next().unwrap_or_default();
    let first = first.strip_prefix("error: ").unwrap_or(first);
    Failed::say(Exit::Findings, first)
}

/// The same failure, naming the headings of the form in place of flags.
fn in_words_of(filled: &Filled, desk: &Desk, failed: &Failed) -> Failed {
    let nobody = "; without a terminal nobody can be asked";
    let mut words = failed.words().replace(nobody, ": the form leaves it out");
    let mut inputs = inputs(desk.catalog(), filled.form);
    // `--access` must not be taken for the beginning of a longer one.
    inputs.sort_by_key(|input| match &input.says {
        Says::Flag(flag) | Says::Flags(flag) | Says::Switch(flag) => usize::MAX - flag.len(),
        Says::Answer(_) | Says::Subject => 0,
    });
    for input in inputs {
        let label = format!("`{}`", input.label);
        words = match &input.says {
            Says::Answer(key) => words.replace(&format!("--answer {key}=…"), &label),
            Says::Flag(flag) | Says::Flags(flag) | Says::Switch(flag) => {
                words.replace(flag, &label)
            }
            Says::Subject => words,
        };
    }
    let exit = match failed.exit {
        Exit::Usage => Exit::Findings,
        exit => exit,
    };
    Failed::say(exit, words)
}
