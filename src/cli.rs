//! The command line: one file a command, each the calls of the pipeline in order and little else.
//! The result goes to standard output, talk to standard error.

pub mod accept_drift;
mod act;
pub mod apply;
pub mod approve;
pub mod approve_check;
mod ask;
pub mod ci;
pub mod comment;
pub mod completions;
pub mod demo;
mod desk;
pub mod diff;
pub mod explain;
pub mod explain_code;
mod flags;
mod forge;
pub mod fold;
pub mod identity;
pub mod init;
pub mod ledger;
mod letterbox;
pub mod order;
pub mod mail;
pub mod plan;
pub mod policy;
pub mod request;
pub mod run;
pub mod schema;
pub mod status;
pub mod task;
pub mod upcoming;
pub mod user;
pub mod validate;
mod workbench;

use crate::diagnostic::Diagnostic;
use crate::source::git;
use clap::{CommandFactory, Parser, Subcommand};
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

/// Access as code: who may do what stands in git, approved by merging; Active Directory and the
/// maintainers of everything else are brought in line with it.
#[derive(Debug, Parser)]
#[command(
    name = "countersign",
    version,
    max_term_width = 100,
    disable_help_subcommand = true
)]
pub struct Cli {
    /// The access repository, or a folder in it.
    #[arg(
        short = 'C',
        long = "directory",
        global = true,
        default_value = ".",
        value_name = "DIR"
    )]
    folder: PathBuf,
    /// The operator's file; left out: /etc/countersign/operator.yaml if it is there, else everything
    /// is kept in files below .countersign/ and nothing is sent anywhere.
    #[arg(long, global = true, env = "COUNTERSIGN_OPERATOR", value_name = "FILE")]
    operator: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Init(init::Args),
    Ci(ci::Args),
    Validate(validate::Args),
    Plan(plan::Args),
    Apply(apply::Args),
    Run(run::Args),
    Status(status::Args),
    Allow(order::Allow),
    Pause(order::Pause),
    Unpause(order::Unpause),
    Approve(approve::Args),
    ApproveCheck(Box<approve_check::Args>),
    Diff(diff::Args),
    Upcoming(upcoming::Args),
    Fold(fold::Args),
    AcceptDrift(accept_drift::Args),
    Task(task::Args),
    Mail(mail::Args),
    Ledger(ledger::Args),
    Request(Box<request::Args>),
    User(Box<user::Args>),
    Identity(Box<identity::Args>),
    Policy(policy::Args),
    Explain(explain::Args),
    ExplainCode(explain_code::Args),
    Comment(comment::Args),
    Schema(schema::Args),
    Demo(demo::Args),
    Completions(completions::Args),
}

/// How a command ended (SEMANTICS 26).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done, or nothing to do.
    Done,
    /// Findings, or something failed, conflicted or was held.
    Findings,
    /// Changes are pending (`--detailed-exitcode`).
    Pending,
    /// The outside world failed and nothing was concluded.
    World,
    /// Wrong usage.
    Usage,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Findings => 1,
            Exit::Pending => 2,
            Exit::World => 3,
            Exit::Usage => 64,
        })
    }
}

/// An error at the command line: what went wrong, and how the command ends for it.
#[derive(Debug)]
pub struct Failed {
    exit: Exit,
    report: anyhow::Error,
}

impl Failed {
    /// A failure that ends the command like this.
    pub fn new(exit: Exit, report: impl Into<anyhow::Error>) -> Self {
        Self {
            exit,
            report: report.into(),
        }
    }

    /// The same, said in words.
    pub fn say(exit: Exit, words: impl std::fmt::Display) -> Self {
        Self {
            exit,
            report: anyhow::anyhow!("{words}"),
        }
    }

    /// What went wrong.
    pub fn words(&self) -> String {
        chain(&self.report)
    }

    /// The mistakes of the repository it failed for, sorted by place; empty where that is not why.
    pub fn mistakes(&self) -> &[Diagnostic] {
        let mistakes = self.report.downcast_ref::<workbench::Mistakes>();
        mistakes.map_or(&[], |mistakes| &mistakes.0)
    }
}

/// What a command returns.
pub type Outcome = Result<Exit, Failed>;

/// Where everything is.
#[derive(Debug, Clone)]
pub struct Place {
    /// The access repository, or a folder in it.
    pub folder: PathBuf,
    /// The operator's file, if one was named.
    pub operator: Option<PathBuf>,
}

impl Place {
    /// Who says something: whoever was named, else the one git commits as.
    ///
    /// # Errors
    /// When neither says it.
    pub fn who(&self, named: Option<&String>) -> Result<String, Failed> {
        let who = named.cloned().or_else(|| git::identity(&self.folder));
        let way_out = "who says so? use --by, or tell git (`git config user.name`, `user.email`)";
        who.ok_or_else(|| Failed::say(Exit::Usage, way_out))
    }
}

/// Reads the arguments and carries out the command.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let wrong = error.use_stderr();
            // Nothing can be said any more where even that fails.
            let _ = error.print();
            return if wrong { Exit::Usage } else { Exit::Done }.into();
        }
    };
    let Cli {
        folder,
        operator,
        command,
    } = cli;
    let place = Place { folder, operator };
    let outcome = match command {
        Command::Init(args) => init::run(&place, &args),
        Command::Ci(args) => ci::run(&place, &args),
        Command::Validate(args) => validate::run(&place, &args),
        Command::Plan(args) => plan::run(&place, &args),
        Command::Apply(args) => apply::run(&place, &args),
        Command::Run(args) => run::run(&place, &args),
        Command::Status(args) => status::run(&place, &args),
        Command::Allow(args) => order::allow(&place, &args),
        Command::Pause(args) => order::pause(&place, &args),
        Command::Unpause(args) => order::unpause(&place, &args),
        Command::Approve(args) => approve::run(&place, &args),
        Command::ApproveCheck(args) => approve_check::run(&place, &args),
        Command::Diff(args) => diff::run(&place, &args),
        Command::Upcoming(args) => upcoming::run(&place, &args),
        Command::Fold(args) => fold::run(&place, &args),
        Command::AcceptDrift(args) => accept_drift::run(&place, &args),
        Command::Task(args) => task::run(&place, &args),
        Command::Mail(args) => mail::run(&place, &args),
        Command::Ledger(args) => ledger::run(&place, &args),
        Command::Request(args) => request::run(&place, &args),
        Command::User(args) => user::run(&place, &args),
        Command::Identity(args) => identity::run(&place, &args),
        Command::Policy(args) => policy::run(&place, &args),
        Command::Explain(args) => explain::run(&place, &args),
        Command::ExplainCode(args) => explain_code::run(&args),
        Command::Comment(args) => comment::run(&args),
        Command::Schema(args) => schema::run(&place, &args),
        Command::Demo(args) => demo::run(&args),
        Command::Completions(args) => completions::run(&args),
    };
    match outcome {
        Ok(exit) => exit.into(),
        Err(Failed { exit, report }) => {
            talk(format!("error: {}", chain(&report)));
            exit.into()
        }
    }
}

/// An error and its causes, without saying anything twice.
fn chain(report: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in report.chain() {
        let cause = cause.to_string();
        if !text.contains(&cause) {
            if !text.is_empty() {
                text.push_str(": ");
            }
            text.push_str(&cause);
        }
    }
    text
}

/// Writes the result of a command.
///
/// # Errors
/// When it cannot be written; a reader that went away is none.
pub fn print(text: &str) -> Result<(), Failed> {
    let mut out = anstream::stdout().lock();
    let written = out
        .write_all(text.as_bytes())
        .and_then(|()| match text.ends_with('\n') {
            true => out.flush(),
            false => out.write_all(b"\n").and_then(|()| out.flush()),
        });
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failed::new(Exit::World, error))
        }
        _ => Ok(()),
    }
}

/// Says something that is not the result.
pub fn talk(text: impl std::fmt::Display) {
    // Where nobody can hear it, there is nobody to tell.
    let _ = writeln!(anstream::stderr().lock(), "{text}");
}

/// Leaves a value to the end of the program, which is next: a city is a million small values, and nobody
/// waits until they are taken apart.
pub fn leave<T>(value: T) {
    std::mem::forget(value);
}

/// The same of a value that is still read.
pub fn kept<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

/// The command as clap knows it: for completions and tests.
pub fn command() -> clap::Command {
    Cli::command()
}
