//! What windows owe: each is one of a week or one that comes once, and its times exist.

use crate::catalog::Problem;
use crate::diagnostic::Code;
use crate::manifest::parse::Location;
use crate::manifest::windows::WindowsSpec;
use crate::manifest::{Edge, Moment};
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// What windows owe.
pub(super) fn windows(
    spec: &WindowsSpec,
    at: &Location,
    repository: &TimeZone,
    problems: &mut Vec<Problem>,
) {
    let zone = match spec.time_zone.as_deref().map(TimeZone::get) {
        None => repository.clone(),
        Some(Ok(zone)) => zone,
        Some(Err(error)) => {
            let words = error.to_string();
            problems.push(
                Problem::new(Code::BadTimeZone, at, "windows.timeZone", words)
                    .help("name one like `America/Indiana/Indianapolis` or `Europe/London`"),
            );
            repository.clone()
        }
    };
    for (list, windows) in [("allow", &spec.allow), ("deny", &spec.deny)] {
        for (i, window) in windows.iter().enumerate() {
            let route = format!("windows.{list}.{i}");
            if window.is_weekly() == window.is_dated() {
                let words = "a window is of every week (`days`, `from`, `until`), or comes once (`begins`, `ends`)";
                let problem = Problem::new(Code::ExactlyOne, at, &route, words);
                problems.push(problem.help("keep the one that is meant"));
            }
            let mut resolve = |moment: Option<&Moment>, field: &str, edge| -> Option<Timestamp> {
                match moment?.resolve(&zone, edge) {
                    Ok(instant) => Some(instant),
                    Err(error) => {
                        let route = format!("{route}.{field}");
                        let words = error.to_string();
                        problems.push(Problem::new(Code::BadMoment, at, &route, words));
                        None
                    }
                }
            };
            let begins = resolve(window.begins.as_ref(), "begins", Edge::Start);
            let ends = resolve(window.ends.as_ref(), "ends", Edge::End);
            if let Some((begins, ends)) = begins.zip(ends).filter(|(b, e)| b >= e) {
                let words = format!("the window ends at {ends}, and begins at {begins}");
                let route = format!("{route}.ends");
                problems.push(Problem::new(Code::EndsBeforeStart, at, &route, words));
            }
        }
    }
}
