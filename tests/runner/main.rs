//! A directory below `tests/cases/` → a test. Its `case.yaml` says what it proves; `expected/` holds what it shows.
//!
//! `BLESS=1 cargo test --test cases` writes `expected/`; its difference is reviewed as code. Without it a missing or
//! left-over file fails. Whatever a case is about, its plan also has to keep every law of [`laws`].
//! `tests/cases/_base/README.md` introduces the cast.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod case;
mod coverage;
mod expected;
mod fault;
mod files;
mod held;
mod laws;
mod ldif;
mod mail;
mod stage;
mod words;

use case::Case;
use expected::Expected;
use stage::{Planned, Stage};
use std::path::Path;

type Result<T> = datatest_stable::Result<T>;

/// Runs a case, and holds its plan against the laws.
fn case(file: &Path) -> Result<()> {
    let case = Case::read(file)?;
    let start = Stage::of(&case)?;
    let mut expected = Expected::new(&case);
    match start.planned()? {
        Planned::Refused(refused) => {
            if refused.text != start.planned()?.refused()?.text {
                return Err("the same repository gives other diagnostics the second time".into());
            }
            expected.is("diagnostics.txt", &refused.text)?;
            case.covers(&refused.codes)?;
        }
        Planned::Plan(planned) => {
            expected.is("diagnostics.txt", &planned.diagnostics)?;
            expected.is("plan.txt", &words::plan(&planned.plan))?;
            expected.is("upcoming.txt", &planned.upcoming)?;
            expected.is("plan.json", &words::json(&planned.plan))?;
            expected.is("plan.ldif", &words::change_records(&planned.plan))?;
            let end = start.copied()?;
            let ran = end.meanwhile(&case)?.apply(&planned, None)?;
            expected.is("outcome.txt", &ran.outcome)?;
            expected.is("directory.ldif", &end.written_since(&start)?)?;
            expected.is("ledger.txt", &end.recorded_since(&start)?)?;
            expected.is("roster.csv", &end.rosters()?)?;
            expected.mails(&ran.letters)?;
            case.covers(&words::covered(&planned, &ran))?;
            laws::all(&case, &start, &planned)?;
        }
    }
    expected.end()
}

/// Every code, action, task and guard has a case, or a reason why it has none.
fn every_word_has_a_case(file: &Path) -> Result<()> {
    coverage::check(file)
}

datatest_stable::harness! {
    { test = case, root = "tests/cases", pattern = r"/case\.yaml$" },
    { test = every_word_has_a_case, root = "tests/cases", pattern = r"^without-a-case\.yaml$" },
}
