//! `countersign explain-code`: what a code means, why it matters, and what to write instead.

use super::{Exit, Failed, Outcome, print};
use crate::diagnostic::Code;
use crate::diagnostic::suggest::did_you_mean;

/// Explain a code of a diagnostic or of a held change.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The code, as in `error[unknown-field]`; left out: list all.
    code: Option<String>,
}

/// Runs the command.
///
/// # Errors
/// When there is no such code.
pub fn run(args: &Args) -> Outcome {
    let Some(text) = &args.code else {
        let width = Code::ALL
            .iter()
            .map(|c| c.as_str().len())
            .max()
            .unwrap_or(0);
        let line = |code: &Code| format!("{code:width$}  {}\n", code.explanation().what);
        print(&Code::ALL.iter().map(line).collect::<String>())?;
        return Ok(Exit::Done);
    };
    let Some(code) = Code::parse(text) else {
        let help = did_you_mean(text, Code::ALL.iter().map(|c| c.as_str()));
        let help = help.map(|h| format!("; {h}")).unwrap_or_default();
        return Err(Failed::say(
            Exit::Usage,
            format!("there is no code `{text}`{help}"),
        ));
    };
    let explanation = code.explanation();
    let indent = |text: &str| {
        text.lines()
            .map(|l| format!("    {l}\n"))
            .collect::<String>()
    };
    print(&format!(
        "{code} ({})\n\n{}\n{}\n\nBefore:\n{}\nAfter:\n{}",
        explanation.severity.as_str(),
        explanation.what,
        explanation.why,
        indent(explanation.before),
        indent(explanation.after),
    ))?;
    Ok(Exit::Done)
}
