//! `countersign policy`: policies tried out, and what they may name.

use super::{Exit, Failed, Outcome, Place, print};
use crate::catalog::{Problem, located};
use crate::diagnostic::{Diagnostic, any_error, sorted};
use crate::manifest::parse::{Known, parse};
use crate::manifest::yaml::compose;
use crate::policy::fixture::{self, Report};
use crate::policy::{Policies, shape};
use crate::report::diagnostics::{Format, render};
use crate::source::{self, Origin};
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

/// Try policies out, and see what they may name.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Run the test cases that stand beside policies (`tests/*.yaml`), and say which rules no case shows.
    Test {
        /// The folder of the policies; left out: `policies` of the repository.
        // Not called `folder`: that is `-C`, which every command has.
        #[arg(value_name = "DIR")]
        policies: Option<PathBuf>,
        /// How it is shown.
        #[arg(long, value_enum, default_value = "human")]
        format: Shown,
        /// Fail where a validation never says no, or a policy lets nothing pass.
        #[arg(long)]
        covered: bool,
    },
    /// List the names expressions may use, with their types.
    Names,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Shown {
    /// In words.
    Human,
    /// `{cases, gaps}`.
    Json,
}

/// Runs the command.
///
/// # Errors
/// When the folder cannot be read.
pub fn run(place: &Place, args: &Args) -> Outcome {
    match &args.what {
        What::Test {
            policies,
            format,
            covered,
        } => {
            let own = super::workbench::root(&place.folder).join("policies");
            if policies.is_none() && !own.exists() {
                super::talk("the repository has no policies");
                return Ok(Exit::Done);
            }
            let folder = policies.clone().unwrap_or(own);
            test(folder, *format, *covered)
        }
        What::Names => {
            print(&names())?;
            Ok(Exit::Done)
        }
    }
}

fn test(folder: PathBuf, format: Shown, covered: bool) -> Outcome {
    if !folder.is_dir() {
        let message = format!(
            "{} is no folder: name that of the policies",
            folder.display()
        );
        return Err(Failed::say(Exit::World, message));
    }
    let origin = Origin::Worktree { folder };
    let mut source = source::read(&origin, &|_| false).map_err(|e| Failed::new(Exit::World, e))?;
    let tests = source.files.clone();
    let of_tests = |path: &str| path.starts_with("tests/");
    let clashes = source.case_clashes().into_iter();
    source
        .diagnostics
        .extend(clashes.filter(|clash| of_tests(&clash.place.file)));
    source.files.retain(|path, _| !of_tests(path));
    let manifests = parse(&source, &mut Known::default());
    let mut diagnostics: Vec<Diagnostic> = manifests.diagnostics.clone();
    let (catalog, _) = crate::catalog::link(manifests);
    let mut problems: Vec<Problem> = Vec::new();
    // Without the repository around it: what a name stands for is not known here, only its type.
    let policies = Policies::compile_alone(&catalog, &mut problems);
    diagnostics.extend(located(problems, &catalog, &source));
    let mut report = Report::default();
    for (path, file) in tests.iter().filter(|(path, _)| is_test(path)) {
        let bytes = file.bytes().unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let documents = compose(path, &text, &mut diagnostics);
        fixture::run(&policies, path, &documents, &mut report, &mut diagnostics);
    }
    diagnostics.retain(|d| d.code != crate::diagnostic::Code::NoConfig);
    let diagnostics = sorted(diagnostics);
    let gaps = report.gaps(&policies);
    let wrong = any_error(&diagnostics);
    if wrong {
        let text = |path: &str| -> Option<Arc<str>> {
            let bytes = tests.get(path)?.bytes()?;
            Some(String::from_utf8_lossy(&bytes).into())
        };
        let shown = render(&diagnostics, catalog.policies.len(), &text, Format::Human);
        super::talk(shown.trim_end());
    }
    match format {
        Shown::Human => print(&human(&report, &gaps, catalog.policies.len()))?,
        Shown::Json => print(&json(&report, &gaps))?,
    }
    let failed = report.outcomes.iter().any(|outcome| !outcome.holds);
    let bad = wrong || failed || covered && !gaps.is_empty();
    Ok(if bad { Exit::Findings } else { Exit::Done })
}

fn is_test(path: &str) -> bool {
    let inside = path.strip_prefix("tests/");
    inside.is_some_and(|path| path.ends_with(".yaml") || path.ends_with(".yml"))
}

fn human(report: &Report, gaps: &[fixture::Gap], policies: usize) -> String {
    let mut text = String::new();
    for outcome in report.outcomes.iter().filter(|o| !o.holds) {
        let fixture::Outcome {
            policy,
            name,
            file,
            line,
            expected,
            found,
            says,
            ..
        } = outcome;
        let _ = writeln!(text, "failed: {policy}: {name} ({file}:{line})");
        let _ = writeln!(
            text,
            "        expected {expected}, and the policy says {found}"
        );
        for says in says {
            let _ = writeln!(text, "        {says}");
        }
    }
    for gap in gaps {
        let _ = match gap.validation {
            Some(index) => writeln!(
                text,
                "no case is refused by validation {} of {}",
                index + 1,
                gap.policy
            ),
            None => writeln!(text, "no case passes {}", gap.policy),
        };
    }
    let held = report.outcomes.iter().filter(|o| o.holds).count();
    let all = report.outcomes.len();
    let _ = writeln!(
        text,
        "{held} of {all} cases hold; {policies} policies, {} rules said no at least once",
        report.fired.len()
    );
    text
}

fn json(report: &Report, gaps: &[fixture::Gap]) -> String {
    let cases: Vec<_> = report
        .outcomes
        .iter()
        .map(|o| {
            serde_json::json!({
                "policy": o.policy, "name": o.name, "file": &*o.file, "line": o.line,
                "expected": o.expected, "found": o.found, "says": o.says, "holds": o.holds,
            })
        })
        .collect();
    let gaps: Vec<_> = gaps
        .iter()
        .map(|gap| serde_json::json!({"policy": gap.policy, "validation": gap.validation}))
        .collect();
    let all = serde_json::json!({"cases": cases, "gaps": gaps});
    serde_json::to_string_pretty(&all).unwrap_or_default()
}

/// Every name with its type, and the fields of every record.
fn names() -> String {
    let mut text = String::from("Every policy may name\n");
    let line = |text: &mut String, (name, kind, meaning): &(&str, shape::Type, &str)| {
        let _ = writeln!(text, "  {name:<18} {:<28} {meaning}", kind.words());
    };
    shape::ALWAYS.iter().for_each(|each| line(&mut text, each));
    text.push_str("\nOne of `stage: change` besides\n");
    shape::OF_A_CHANGE
        .iter()
        .for_each(|each| line(&mut text, each));
    text.push_str("\nAnd what it is asked of each of\n");
    for (each, names) in [
        ("user", "user; of a change also old and new"),
        ("gained", "gained (Change), old, new"),
        ("lost", "lost (Change), old, new"),
        ("resource", "resource"),
    ] {
        let _ = writeln!(text, "  {each:<18} {names}");
    }
    for shape in [
        &shape::USER,
        &shape::ENTITLEMENT,
        &shape::GRANT,
        &shape::IDENTITY,
        &shape::RESOURCE,
        &shape::LEVEL,
        &shape::ROLE,
        &shape::SCOPE,
        &shape::ORGANIZATION,
        &shape::PROFILE,
        &shape::REQUEST,
        &shape::CHANGE,
        &shape::PAIR,
    ] {
        let _ = writeln!(text, "\n{}", shape.name);
        shape.fields.iter().for_each(|each| line(&mut text, each));
    }
    text.push_str("\nOperators: && || ! == != < <= > >= + - * / % in ?: []\n");
    text.push_str("Functions: size startsWith endsWith contains matches has\n");
    text.push_str("Over a list or the keys of a map: all exists exists_one filter map\n");
    text
}
