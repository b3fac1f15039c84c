//! What holds of every plan, whatever its case is about.
//!
//! - The same bytes give the same plan; so do the same manifests in files of other names and another order.
//! - A plan is what its file says.
//! - Of a user's identities in an application exactly one is where they start.
//! - After an apply nothing is left to do, unless something is held or the case says why.
//! - The same plan applied once more changes nothing.
//! - Whatever fails at whichever effect, the next run comes to the same end; nobody is told anything twice,
//!   except in a mail of the same Message-ID, which mail programs show once.
//! - An entry that no change is about keeps its bytes.

use super::case::Case;
use super::fault::Fault;
use super::stage::{Made, Ran, Stage};
use super::{ldif, mail, words};
use countersign::desired::Desired;
use countersign::ledger::Outcome;
use countersign::notify::post::Letter;
use countersign::plan::recorded::Recorded;
use countersign::plan::{ChangeId, DirectoryMode, Plan, Write};
use similar::TextDiff;
use std::collections::{BTreeMap, BTreeSet};

type Result<T> = std::result::Result<T, String>;

/// Holds a plan against every law.
pub fn all(case: &Case, start: &Stage, made: &Made) -> Result<()> {
    repeatable(case, start, made)?;
    written_and_read(&made.plan)?;
    one_default(&made.situation.desired)?;
    // What somebody did meanwhile is the case's own matter.
    if case.text("meanwhile.ldif")?.is_some() {
        return Ok(());
    }
    let end = start.copied()?;
    let ran = end.apply(made, None)?;
    foreign_is_untouched(&made.plan, &start.directory()?, &end.directory()?)?;
    if ran.outcomes.is_none() {
        return nothing_happened(start, &end);
    }
    nothing_is_left(case, &made.plan, &end)?;
    once_more(start, &end, made)?;
    if case.settings.remains.is_none() {
        whatever_fails(start, &end, made, &ran)?;
    }
    Ok(())
}

fn one_default(desired: &Desired) -> Result<()> {
    for person in desired.people.values() {
        let resources: BTreeSet<_> = person.identities.iter().map(|i| &i.resource).collect();
        for resource in resources {
            let these = person.identities.iter().filter(|i| i.resource == *resource);
            let defaults = these.filter(|i| i.default).count();
            if defaults != 1 {
                let name = &person.name;
                return Err(format!(
                    "{name} has {defaults} default identities in {resource}"
                ));
            }
        }
    }
    Ok(())
}

fn differ(what: &str, one: &str, other: &str) -> String {
    let diff = TextDiff::from_lines(one, other);
    let diff = diff.unified_diff().context_radius(3).to_string();
    format!("{what}:\n{diff}")
}

fn repeatable(case: &Case, start: &Stage, made: &Made) -> Result<()> {
    let again = start.planned()?.plan()?;
    let (one, other) = (words::json(&made.plan), words::json(&again.plan));
    if one != other {
        return Err(differ("the second plan is another", &one, &other));
    }
    let files = case.manifests("manifests")?;
    let renamed = files.into_iter().rev().enumerate().map(|(i, (_, bytes))| {
        // Neither order nor folders are those they had.
        (format!("{}/{i:03}.yml", i % 3), bytes)
    });
    let shuffled = start.copied()?.with_manifests(&renamed.collect(), 'f')?;
    let shuffled = shuffled.planned()?.plan()?.plan;
    let ignores_nothing = made.plan.policies == shuffled.policies;
    let (one, other) = (
        words::without_files(&made.plan)?,
        words::without_files(&shuffled)?,
    );
    match ignores_nothing && one == other {
        true => Ok(()),
        false => Err(differ(
            "manifests in other files give another plan",
            &format!("{one:#}"),
            &format!("{other:#}"),
        )),
    }
}

fn written_and_read(plan: &Plan) -> Result<()> {
    let text = words::json(plan);
    let read: Plan = serde_json::from_str(&text).map_err(|e| e.to_string())?;
    match read == *plan {
        true => Ok(()),
        false => Err(differ(
            "a plan is not what its file says",
            &text,
            &words::json(&read),
        )),
    }
}

fn nothing_happened(start: &Stage, end: &Stage) -> Result<()> {
    let same = start.directory()? == end.directory()?
        && start.ledger_lines()? == end.ledger_lines()?
        && start.rosters()? == end.rosters()?;
    match same {
        true => Ok(()),
        false => Err("the plan was refused, and yet something was written".into()),
    }
}

fn nothing_is_left(case: &Case, plan: &Plan, end: &Stage) -> Result<()> {
    let next = end.planned()?.plan()?.plan;
    let still_held = next.held.iter().all(|held| plan.held.contains(held));
    let asked = plan.directory_mode == DirectoryMode::Maintainer;
    let planned = |id: &ChangeId| plan.changes.iter().any(|c| c.id == *id);
    let changes_left = next.changes.iter().any(|c| !asked || !planned(&c.id));
    let told = next.notices.iter().all(|notice| notice.to.is_empty());
    let settled = next.tasks.is_empty() && next.assumed.is_empty() && told;
    let done = !changes_left && settled && still_held;
    match (&case.settings.remains, done) {
        (None, true) | (Some(_), false) => Ok(()),
        (Some(why), true) => Err(format!("nothing remains, although the case says: {why}")),
        (None, false) => Err(format!(
            "after the apply there is still something to do:\n{}",
            words::plan(&next)
        )),
    }
}

/// The same plan a second time, with the record of the first apply.
fn once_more(start: &Stage, end: &Stage, made: &Made) -> Result<()> {
    let again = end.copied()?;
    let ran = again.apply(made, None)?;
    let outcomes = ran.outcomes.ok_or("a guard holds what it let pass")?;
    let (one, other) = (end.directory()?, again.directory()?);
    if one != other {
        return Err(differ("the plan was applied twice", &one, &other));
    }
    let (one, other) = (end.rosters()?, again.rosters()?);
    if one != other {
        return Err(differ("the plan was applied twice", &one, &other));
    }
    let first = start.copied()?.apply(made, None)?.outcomes;
    let first = first.map(|o| o.done).unwrap_or_default();
    for (first, second) in first.iter().zip(&outcomes.done) {
        let came_about = matches!(first.outcome, Outcome::Applied | Outcome::AlreadySo);
        let is_so = matches!(second.outcome, Outcome::AlreadySo);
        let change = made.plan.changes.iter().find(|c| c.id == second.id);
        let only_recorded = change.is_some_and(|c| matches!(c.write, Write::Adopt { .. }));
        if came_about && !is_so && !only_recorded {
            return Err(format!("applied once more: {second:?}"));
        }
    }
    Ok(())
}

/// Entries that no change is about, and that do not refer to one that moves.
fn foreign_is_untouched(plan: &Plan, before: &str, after: &str) -> Result<()> {
    let mut concerned: Vec<String> = Vec::new();
    for change in &plan.changes {
        match &change.write {
            Write::Adopt { .. }
            | Write::Row { .. }
            | Write::SetPassword { .. }
            | Write::ResetPassword { .. } => {}
            Write::Create { dn, .. } | Write::Modify { dn, .. } | Write::Rename { dn, .. } => {
                concerned.push(dn.to_string());
            }
            Write::Member { group_dn, .. } => concerned.push(group_dn.to_string()),
        }
    }
    for entry in ldif::gone(before, after) {
        let unfolded = entry.replace("\n ", "").to_lowercase();
        if !concerned
            .iter()
            .any(|dn| unfolded.contains(&dn.to_lowercase()))
        {
            return Err(format!(
                "an entry that no change is about was written:\n{entry}"
            ));
        }
    }
    Ok(())
}

fn whatever_fails(start: &Stage, end: &Stage, made: &Made, ran: &Ran) -> Result<()> {
    let effects = 1..=ran.effects;
    let faults = effects.flat_map(|k| [Fault::Refused(k), Fault::LostReply(k), Fault::Died(k)]);
    let stops = (0..made.plan.changes.len()).map(Fault::Stopped);
    let goal = End::of(end)?;
    for fault in faults.chain(stops) {
        let stage = start.copied()?;
        let mut letters = stage.apply(made, Some(fault))?.letters;
        // Two more runs: a task whose account failed is asked for by the next, and by no later one.
        for _ in 0..2 {
            let next = stage.planned()?.plan()?;
            letters.extend(stage.apply(&next, None)?.letters);
        }
        let reached = End::of(&stage)?;
        let differs = |what: &str, one: &str, other: &str| {
            Err(differ(
                &format!("after {fault:?} {what} is another"),
                one,
                other,
            ))
        };
        if goal.directory != reached.directory {
            return differs("the directory", &goal.directory, &reached.directory);
        }
        if goal.rosters != reached.rosters {
            return differs("a roster", &goal.rosters, &reached.rosters);
        }
        if goal.recorded != reached.recorded {
            let text = |recorded: &Recorded| format!("{recorded:#?}\n");
            return differs(
                "the record",
                &text(&goal.recorded),
                &text(&reached.recorded),
            );
        }
        told_once(&ran.letters, &letters).map_err(|e| format!("after {fault:?}: {e}"))?;
    }
    Ok(())
}

/// What a world came to.
struct End {
    directory: String,
    rosters: String,
    recorded: Recorded,
}

impl End {
    fn of(stage: &Stage) -> Result<Self> {
        Ok(Self {
            directory: words::state(&stage.directory()?),
            rosters: stage.rosters()?,
            recorded: stage.recorded()?,
        })
    }
}

/// Everybody is told the same, once, in whatever mails.
fn told_once(wanted: &[Letter], sent: &[Letter]) -> Result<()> {
    let mut distinct: BTreeMap<&str, &Letter> = BTreeMap::new();
    for letter in sent {
        distinct.insert(letter.message_id.0.as_str(), letter);
    }
    let count = |letters: &mut dyn Iterator<Item = &Letter>| {
        let mut told: BTreeMap<(String, String), usize> = BTreeMap::new();
        for letter in letters {
            for id in tasks(letter) {
                *told.entry((letter.to.clone(), id)).or_default() += 1;
            }
        }
        told
    };
    let wanted = count(&mut wanted.iter());
    let told = count(&mut distinct.into_values());
    match wanted == told {
        true => Ok(()),
        false => Err(format!("told {told:?} instead of {wanted:?}")),
    }
}

/// The tasks and notices a mail is about: each stands in its text by its id.
fn tasks(letter: &Letter) -> Vec<String> {
    let text = mail::mail(letter);
    let is_id = |word: &&str| {
        let rest = word.strip_prefix("t-").or(word.strip_prefix("n-"));
        rest.is_some_and(|hex| hex.len() == 12 && hex.bytes().all(|b| b.is_ascii_hexdigit()))
    };
    let mut ids: Vec<String> = text
        .split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'))
        .filter(is_id)
        .map(str::to_owned)
        .collect();
    ids.sort();
    ids.dedup();
    ids
}
