//! Times the folding of 20,000 requests over a generated city (benches/city.rs), in a process of its own.
//!
//! `folding CITY`: the requests are a life of each user's: changes of title, leaves of absence, a
//! termination, a return. They are put into the linked catalog as if they had been read.

use anyhow::{Context, bail};
use countersign::catalog::Linked;
use countersign::manifest::parse::{Known, Location};
use countersign::manifest::request::{RequestAction, UserChange};
use countersign::manifest::{Moment, RequestSpec};
use countersign::name::{RequestName, UserName};
use countersign::reconcile;
use countersign::request::{Timeline, Verdict};
use countersign::source::Origin;
use jiff::Timestamp;
use std::path::PathBuf;
use std::time::Instant;

const REQUESTS: usize = 20_000;

fn request(action: RequestAction, subject: &UserName, day: usize, title: usize) -> RequestSpec {
    let date = jiff::civil::date(2025, 1, 1)
        .checked_add(jiff::Span::new().days(day as i64))
        .unwrap_or_default();
    let set = UserChange {
        title: Some(format!("Title {title}")),
        ..UserChange::default()
    };
    RequestSpec {
        display_name: None,
        action,
        requested_by: subject.clone(),
        subject: subject.clone(),
        effective: Moment(format!("{date}T08:00")),
        until: None,
        reason: None,
        urgent: false,
        set: (action == RequestAction::Change).then_some(set),
        profiles: None,
        access: None,
        identities: None,
        answers: Default::default(),
        account: None,
    }
}

fn main() -> anyhow::Result<()> {
    let folder: PathBuf = std::env::args_os().nth(1).context("name the city")?.into();
    let origin = Origin::Revision {
        folder: folder.join("access"),
        revision: "HEAD".into(),
    };
    let mut reading = reconcile::read(&origin, &mut Known::default())?;
    let catalog = &mut reading.catalog;
    let users = catalog.users.iter();
    let here = users.filter(|(_, u)| {
        u.spec.state == countersign::manifest::user::UserState::Active && u.spec.end_date.is_none()
    });
    let users: Vec<UserName> = here.map(|(name, _)| name.clone()).collect();
    let words = [
        RequestAction::Change,
        RequestAction::Suspend,
        RequestAction::Resume,
        RequestAction::Change,
    ];
    for number in 0..REQUESTS {
        let subject = &users[number % users.len()];
        let turn = number / users.len();
        let name = RequestName::new(&format!("r{number:05}"))?;
        let at = Location {
            file: format!("requests/r{number:05}.yaml").into(),
            document: 0,
            line: 3,
        };
        // Spread over two years, in another order than their names.
        let day = turn * 180 + number * 7919 % 180;
        let spec = request(words[turn % words.len()], subject, day, number);
        catalog.requests.insert(
            name,
            Linked {
                at,
                labels: Default::default(),
                spec: spec.into(),
            },
        );
    }
    let now: Timestamp = "2027-01-11T13:00:00Z".parse()?;
    let begin = Instant::now();
    let mut problems = Vec::new();
    let timeline = Timeline::new(catalog, &mut problems);
    let folded = timeline.at(now);
    let took = begin.elapsed();
    let applied = timeline.all_steps();
    let applied = applied
        .filter(|(_, s)| s.verdict == Verdict::Applies)
        .count();
    if applied < REQUESTS * 9 / 10 || folded.people.len() < users.len() {
        bail!("only {applied} of {REQUESTS} requests fit the state they meet");
    }
    println!(
        "{:.3} fold {REQUESTS} requests over {} users",
        took.as_secs_f64(),
        folded.people.len()
    );
    Ok(())
}
