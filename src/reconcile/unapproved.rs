//! What the branch has that is not approved, or that cannot be used → what a plan holds, and what its
//! administrators are told.

use super::Reading;
use crate::approval::line::{Judged, Verified};
use crate::catalog::Catalog;
use crate::desired::Cause;
use crate::desired::accounts::Accounts;
use crate::desired::expand::{Outlook, kept_names};
use crate::diagnostic::Code;
use crate::impact::{Between, Impact, compare};
use crate::name::UserName;
use crate::plan::{Held, NoticePart, Waiting};
use crate::report::upcoming::words;
use crate::request::Timeline;
use jiff::Timestamp;
use std::collections::BTreeSet;

/// How many lines of one sort an administrator is mailed; the plan has them all.
const MAILED: usize = 20;

/// What is held of the branch; none where all of it is approved and valid. `head`, the branch as it
/// stands, is none where it cannot be used.
pub fn waiting(verified: &Verified, head: Option<&Reading>, now: Timestamp) -> Option<Waiting> {
    if let Some(judged) = verified.blocking() {
        return Some(unapproved(verified, judged, head, now));
    }
    let stalled = verified.stalled.as_ref()?;
    let commit = &stalled.commit;
    let first = stalled.errors.first();
    let mistake = first.map_or_else(String::new, |d| {
        format!("{}:{}: {}", d.place.file, d.place.line, d.message)
    });
    let reason = format!(
        "it has {} mistakes ({mistake}); {} stays in force, its future instants too. Run `countersign validate --rev {}`, and merge what mends it",
        stalled.errors.len(),
        short(&verified.effective.commit.id),
        short(&commit.id)
    );
    let file = first.map_or_else(|| "countersign.yaml".into(), |d| d.place.file.clone());
    let what = format!("revision {} ({})", short(&commit.id), commit.subject);
    let held = vec![Held {
        code: Code::Stalled.as_str().into(),
        user: None,
        what: what.clone(),
        reason: reason.clone(),
        causes: Vec::new(),
    }];
    Some(Waiting {
        commit: commit.id.clone(),
        held,
        subject: format!("the newest revision cannot be used ({})", short(&commit.id)),
        parts: vec![NoticePart {
            heading: "Stalled".into(),
            lines: vec![what, reason],
        }],
        cause: cause(&commit.id, file),
    })
}

fn unapproved(
    verified: &Verified,
    judged: &Judged,
    head: Option<&Reading>,
    now: Timestamp,
) -> Waiting {
    let because: Vec<String> = judged.faults.iter().map(ToString::to_string).collect();
    let ways: Vec<String> = judged
        .faults
        .iter()
        .map(|f| f.way_out(&judged.commit))
        .collect();
    let name = short(&judged.commit);
    let commit = format!("commit {name} ({})", judged.subject);
    let code: String = Code::NotApproved.as_str().into();
    let mut held = vec![Held {
        code: code.clone(),
        user: None,
        what: commit.clone(),
        reason: format!("{}. Way out: {}", because.join("; "), ways.join("; or ")),
        causes: Vec::new(),
    }];
    for waiting in &verified.waiting {
        held.push(Held {
            code: code.clone(),
            user: None,
            what: format!("commit {} ({})", short(&waiting.id), waiting.subject),
            reason: format!("it comes after {name}, which is not approved"),
            causes: Vec::new(),
        });
    }
    let mut effects = Vec::new();
    if let Some(head) = head {
        for (impact, at) in differences(&verified.effective.catalog, &head.catalog, now) {
            let is_its = |cause: &Cause| judged.files.contains(&*cause.file);
            let reason = match impact.causes.iter().any(is_its) || verified.waiting.is_empty() {
                true => format!("{commit} is not approved"),
                false => format!("it comes with or after {commit}, which is not approved"),
            };
            let from = match at {
                None => String::new(),
                Some(at) => {
                    let local = at.to_zoned(head.catalog.zone.clone());
                    format!(" from {} on", local.strftime("%Y-%m-%d %H:%M"))
                }
            };
            let what = format!("{}{from}", words(&impact.what));
            effects.push(format!("{}: {what}", impact.user));
            held.push(Held {
                code: code.clone(),
                user: Some(impact.user),
                what,
                reason,
                causes: impact.causes,
            });
        }
    }
    let more = effects.len().saturating_sub(MAILED);
    effects.truncate(MAILED);
    if more > 0 {
        effects.push(format!(
            "and {more} more; `countersign plan` shows them all"
        ));
    }
    let part = |heading: &str, lines: Vec<String>| NoticePart {
        heading: heading.into(),
        lines,
    };
    let mut parts = vec![
        part(&commit, because),
        part("What to do", ways),
        part("Held", effects),
    ];
    parts.retain(|part| !part.lines.is_empty());
    let file = judged
        .files
        .first()
        .map_or("countersign.yaml", String::as_str);
    Waiting {
        commit: judged.commit.clone(),
        held,
        subject: format!("{commit} is not approved"),
        parts,
        cause: cause(&judged.commit, file.into()),
    }
}

/// What the head would make otherwise, at once and at each later instant; each thing once.
fn differences(
    before: &Catalog,
    after: &Catalog,
    now: Timestamp,
) -> Vec<(Impact, Option<Timestamp>)> {
    let accounts = Accounts::default();
    // Both are valid; what is wrong with one is told elsewhere.
    let mut ignored = Vec::new();
    let (old_line, new_line) = (
        Timeline::new(before, &mut ignored),
        Timeline::new(after, &mut ignored),
    );
    let kept = kept_names(before, &old_line, &accounts, now);
    let mut old = Outlook::new(before, &old_line, &accounts).keeping(&kept);
    old.at(now, &mut ignored);
    let mut new = Outlook::new(after, &new_line, &accounts).keeping(old.names());
    new.at(now, &mut ignored);
    let directory = &after.config.spec.directory;
    let names: BTreeSet<UserName> = old
        .people()
        .keys()
        .chain(new.people().keys())
        .cloned()
        .collect();
    let mut found: Vec<(Impact, Option<Timestamp>)> = Vec::new();
    let impacts = compare(
        Between::Revisions,
        directory,
        old.people(),
        new.people(),
        &names,
    );
    found.extend(impacts.into_iter().map(|impact| (impact, None)));
    let instants: BTreeSet<Timestamp> = old_line.after(now).chain(new_line.after(now)).collect();
    for instant in instants {
        let mut names: BTreeSet<UserName> =
            old.at(instant, &mut ignored).names.into_iter().collect();
        names.extend(new.at(instant, &mut ignored).names);
        for impact in compare(
            Between::Revisions,
            directory,
            old.people(),
            new.people(),
            &names,
        ) {
            let same =
                |(known, _): &(Impact, _)| known.user == impact.user && known.what == impact.what;
            if !found.iter().any(same) {
                found.push((impact, Some(instant)));
            }
        }
    }
    found
}

fn cause(commit: &str, file: std::sync::Arc<str>) -> Cause {
    Cause::new(format!("commit {}", short(commit)), file, 1)
}

fn short(commit: &str) -> &str {
    commit.get(..12).unwrap_or(commit)
}
