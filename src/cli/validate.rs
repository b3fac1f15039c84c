//! `countersign validate`: every mistake of the repository, in one run.

use super::{Exit, Outcome, Place, leave, print, workbench};
use crate::diagnostic::any_error;
use crate::reconcile::{Diagnosed, diagnosed};
use crate::report::diagnostics::{Format, render};
use crate::source::Origin;
use clap::ValueEnum;
use std::sync::Arc;

/// Check every manifest and report every mistake.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    origin: workbench::OriginArgs,
    /// How mistakes are shown.
    #[arg(long, value_enum, default_value = "human")]
    format: FormatArg,
    #[command(flatten)]
    instant: workbench::InstantArgs,
    /// The revision this one would follow: what has happened must stay as it was, nobody may be
    /// forgotten, nothing deprecated given anew.
    #[arg(long, value_name = "REVISION")]
    base: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum FormatArg {
    /// The line, underlined, in words.
    Human,
    /// An array of {code, severity, file, line, column, message, help}.
    Json,
    /// Annotations of GitHub Actions.
    Github,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// GitLab's code quality report.
    Gitlab,
    /// JUnit XML.
    Junit,
}

/// Runs the command.
///
/// # Errors
/// When the repository cannot be read at all.
pub fn run(place: &Place, args: &Args) -> Outcome {
    let origin = args.origin.origin(&place.folder);
    let reading = workbench::read(&origin)?;
    let now = args.instant.resolve(&reading.catalog)?;
    let count = reading.manifests;
    let files = reading.source.files.clone();
    let base = match &args.base {
        Some(revision) => Some(workbench::read(&Origin::Revision {
            folder: place.folder.clone(),
            revision: revision.clone(),
        })?),
        None => None,
    };
    let Diagnosed {
        catalog,
        diagnostics,
        remains,
    } = diagnosed(reading, base.as_ref().map(|b| &b.catalog), now);
    let text = |path: &str| -> Option<Arc<str>> {
        let bytes = files.get(path)?.bytes()?;
        Some(String::from_utf8_lossy(&bytes).into())
    };
    let format = match args.format {
        FormatArg::Human => Format::Human,
        FormatArg::Json => Format::Json,
        FormatArg::Github => Format::Github,
        FormatArg::Sarif => Format::Sarif,
        FormatArg::Gitlab => Format::Gitlab,
        FormatArg::Junit => Format::Junit,
    };
    print(&render(&diagnostics, count, &text, format))?;
    leave((catalog, remains, base, files));
    Ok(if any_error(&diagnostics) {
        Exit::Findings
    } else {
        Exit::Done
    })
}
