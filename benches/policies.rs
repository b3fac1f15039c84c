//! Times policies over a generated city (benches/city.rs), in a process of its own.
//!
//! `policies CITY` prints, in seconds: fifty policies asked of everybody; then of only what a pull request with one request
//! changes. The policies are those of the library and variations of them, put into the linked catalog as if they had been read.

use anyhow::{Context, bail};
use countersign::catalog::{Catalog, link};
use countersign::desired::Accounts;
use countersign::desired::expand::Outlook;
use countersign::manifest::parse::{Known, parse};
use countersign::manifest::policy::PolicyStage;
use countersign::name::{PolicyName, UserName};
use countersign::policy::Policies;
use countersign::policy::judge::{Behind, Inquiry, Step, Watch, of_state};
use countersign::policy::world::Lens;
use countersign::request::Timeline;
use countersign::source::{self, Origin};
use jiff::Timestamp;
use std::path::{Path, PathBuf};
use std::time::Instant;

const POLICIES: usize = 50;

/// The library's policies, again and again under other names until there are enough.
fn library(catalog: &mut Catalog) -> anyhow::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    let mut source = source::read(&Origin::Worktree { folder }, &|_| false)?;
    source.files.retain(|path, _| !path.starts_with("tests/"));
    let (library, _) = link(parse(&source, &mut Known::default()));
    let mut list: Vec<_> = library.policies.into_values().collect();
    // As many of a state as of a change: it is those that are asked of everybody.
    list.sort_by_key(|linked| linked.spec.stage == PolicyStage::Change);
    for (number, linked) in list.into_iter().cycle().take(POLICIES).enumerate() {
        catalog
            .policies
            .insert(PolicyName::new(&format!("p{number:02}"))?, linked);
    }
    Ok(())
}

/// Fifty rules of a state, each asked of every user.
fn of_everybody(catalog: &mut Catalog) -> anyhow::Result<()> {
    catalog
        .policies
        .retain(|_, p| p.spec.stage == PolicyStage::State);
    let of_users: Vec<_> = catalog
        .policies
        .values()
        .filter(|p| p.spec.each == Some(countersign::manifest::policy::PolicySubject::User))
        .cloned()
        .collect();
    let have = catalog.policies.len();
    for number in 0..POLICIES.saturating_sub(have) {
        let linked = &of_users[number % of_users.len()];
        let name = PolicyName::new(&format!("q{number:02}"))?;
        catalog.policies.insert(name, linked.clone());
    }
    Ok(())
}

fn main() -> anyhow::Result<()> {
    let folder: PathBuf = std::env::args_os().nth(1).context("name the city")?.into();
    let now: Timestamp = "2027-01-11T13:00:00Z".parse()?;
    let read = || -> anyhow::Result<Catalog> {
        let origin = Origin::Revision {
            folder: folder.join("access"),
            revision: "HEAD".into(),
        };
        let source = source::read(&origin, &|_| false)?;
        let mut catalog = link(parse(&source, &mut Known::default())).0;
        library(&mut catalog)?;
        Ok(catalog)
    };
    let mut catalog = read()?;
    of_everybody(&mut catalog)?;
    let accounts = Accounts::default();
    let mut problems = Vec::new();
    {
        let timeline = Timeline::new(&catalog, &mut problems);
        let mut outlook = Outlook::new(&catalog, &timeline, &accounts);
        let glance = outlook.at(now, &mut problems);
        let lens = Lens {
            catalog: &catalog,
            timeline: &timeline,
            now,
            people: outlook.people(),
        };
        problems.clear();
        let begin = Instant::now();
        let policies = Policies::compile(&catalog, &mut problems);
        if !problems.is_empty() || catalog.policies.len() < POLICIES {
            let said: Vec<&str> = problems.iter().map(|p| p.message.as_str()).collect();
            bail!("the policies cannot be used: {said:?}");
        }
        Watch::new(&policies).look(&lens, &glance.names, false, &mut problems);
        let took = begin.elapsed();
        println!(
            "{:.3} {POLICIES} policies over {} users, {} findings",
            took.as_secs_f64(),
            glance.names.len(),
            problems.len()
        );
    }
    // Somebody gets what somebody else has.
    let before = read()?;
    let mut after = read()?;
    let (name, access) = {
        let mut users = after.users.iter();
        let with = users.find(|(_, u)| !u.spec.access.is_empty());
        let access = with.map(|(_, u)| u.spec.access.clone());
        let without = after.users.iter().find(|(_, u)| u.spec.access.is_empty());
        let name = without.map(|(name, _)| name.clone());
        (name.context("nobody")?, access.unwrap_or_default())
    };
    if let Some(user) = after.users.get_mut(&name) {
        std::sync::Arc::make_mut(&mut user.spec).access = access;
    }
    let (old_line, new_line) = (
        Timeline::new(&before, &mut problems),
        Timeline::new(&after, &mut problems),
    );
    let mut old = Outlook::new(&before, &old_line, &accounts);
    let mut new = Outlook::new(&after, &new_line, &accounts);
    old.at(now, &mut problems);
    new.at(now, &mut problems);
    let lens = |catalog, timeline, people| Lens {
        catalog,
        timeline,
        now,
        people,
    };
    let (old, new) = (
        lens(&before, &old_line, old.people()),
        lens(&after, &new_line, new.people()),
    );
    let had = &old.people[&name].entitlements;
    let has = &new.people[&name].entitlements;
    let gained = has.iter().filter(|(key, _)| !had.contains_key(*key));
    let step = Step {
        at: None,
        old,
        new,
        users: vec![&name],
        gained: gained.map(|(key, held)| (&name, key, held)).collect(),
        lost: Vec::new(),
    };
    let actor: Option<&UserName> = before.users.keys().next();
    let begin = Instant::now();
    let policies = Policies::compile(&after, &mut problems);
    let behind = Behind {
        actor,
        approvers: None,
    };
    let mut inquiry = Inquiry::new(&policies, &step.old, behind, now);
    inquiry.step(&step);
    let judged = inquiry.finish(&step.new, []);
    let of_states = of_state(&policies, &step, true);
    let took = begin.elapsed();
    println!(
        "{:.3} {POLICIES} policies over {} changes, {} findings",
        took.as_secs_f64(),
        step.users.len() + step.gained.len(),
        judged.objections.len() + of_states.len()
    );
    Ok(())
}
