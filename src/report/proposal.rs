//! What a pull request means: in words, as comments on it, and for programs.
//!
//! Invariant: in Markdown, whatever is not a literal of this program stands in a code span, or with
//! entities in `<code>`, where no forge sees markup, HTML, links or mentions.

pub mod json;

use super::plan::markdown::{code, entities};
use super::plan::text::Shown;
use super::upcoming::{plain, words};
use crate::approval::requirement::Need;
use crate::impact::{Impact, What};
use crate::manifest::policy::Effect;
use crate::policy::judge::{Objection, Verdict};
use crate::proposal::reserved::Reservation;
use crate::proposal::{Mail, Proposal, Seats, Stage};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// Longest comment, in characters: GitHub refuses 65,536 and more; room is left for a marker.
const LONGEST: usize = 60_000;

/// People who are shown open; of more, each is folded up.
const OPEN: usize = 8;

/// What is told of a pull request.
#[derive(Debug, Clone, Copy)]
pub struct Told<'p> {
    /// What it means.
    pub proposal: &'p Proposal,
    /// How many approvers it needs, and why.
    pub needs: &'p [Need],
    /// What only administrators may ask for.
    pub reserved: &'p [Reservation],
}

/// What follows from the policies, in the order of weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Weight {
    Refused,
    Approvals,
    Open,
    Warned,
}

fn weight(objection: &Objection) -> Weight {
    match (objection.verdict, objection.follows()) {
        (Verdict::Open, _) => Weight::Open,
        (_, Effect::Deny) => Weight::Refused,
        (_, Effect::Approvals(_)) => Weight::Approvals,
        (_, Effect::Warn) => Weight::Warned,
    }
}

fn follows(objection: &Objection) -> String {
    match (objection.verdict, objection.follows()) {
        (Verdict::Open, Effect::Deny) => "may be refused".into(),
        (Verdict::Open, Effect::Approvals(n)) => format!("may need {n} approvals"),
        (Verdict::Open, Effect::Warn) => "may be warned of".into(),
        (_, Effect::Deny) => "refused".into(),
        (_, Effect::Approvals(n)) => format!("needs {}", approvals(n)),
        (_, Effect::Warn) => "warning".into(),
    }
}

/// What follows from a change that only administrators may ask for.
fn follows_of(reservation: &Reservation) -> &'static str {
    match reservation.by {
        Some(_) => "refused",
        None => "may be refused",
    }
}

fn approvals(number: u32) -> String {
    match number {
        1 => "1 approval".into(),
        number => format!("{number} approvals"),
    }
}

/// The greatest number of approvers, with its first reason.
fn most(needs: &[Need]) -> Option<&Need> {
    let most = needs.iter().map(|need| need.approvals).max()?;
    needs.iter().find(|need| need.approvals == most)
}

fn by_weight(proposal: &Proposal) -> Vec<&Objection> {
    let mut all: Vec<&Objection> = proposal.objections.iter().collect();
    all.sort_by_key(|objection| weight(objection));
    all
}

/// A text of others that cannot break, hide or turn its line.
fn shown(text: &str) -> String {
    Shown::of(text, 400).to_string()
}

/// The day and time of a stage.
fn when(at: Option<Timestamp>, zone: &TimeZone) -> String {
    match at {
        None => "at once".into(),
        Some(at) => {
            let local = at.to_zoned(zone.clone());
            local.strftime("%A %Y-%m-%d %H:%M %Z").to_string()
        }
    }
}

/// What it comes to, in a line.
fn summary(proposal: &Proposal) -> String {
    let impacts = || {
        proposal
            .stages
            .iter()
            .flat_map(|s| s.impacts.iter().chain(&s.averted))
    };
    let people: BTreeSet<_> = impacts().map(|impact| &impact.user).collect();
    if people.is_empty() {
        return "nobody gains or loses anything".into();
    }
    let count = |is: &dyn Fn(&What) -> bool| {
        let happening = proposal.stages.iter().flat_map(|s| &s.impacts);
        happening.filter(|impact| is(&impact.what)).count()
    };
    let gains = count(&|what| matches!(what, What::Gains { .. }));
    let losses = count(&|what| matches!(what, What::Loses { .. }));
    let begin = count(&|what| matches!(what, What::Begins));
    let leave = count(&|what| matches!(what, What::Leaves { .. }));
    let averted = proposal
        .stages
        .iter()
        .map(|s| s.averted.len())
        .sum::<usize>();
    let mut parts = vec![match people.len() {
        1 => "1 person".to_owned(),
        n => format!("{n} people"),
    }];
    for (number, word) in [
        (begin, "begin"),
        (leave, "leave"),
        (gains, "gained"),
        (losses, "lost"),
        (averted, "averted"),
    ] {
        if number > 0 {
            parts.push(format!("{number} {word}"));
        }
    }
    parts.join(", ")
}

/// For people at a terminal.
pub fn human(told: Told<'_>, zone: &TimeZone) -> String {
    let Told {
        proposal,
        needs,
        reserved,
    } = told;
    let mut text = format!("{}\n", summary(proposal));
    if let Some(need) = most(needs) {
        let _ = writeln!(
            text,
            "needs {}: {}",
            approvals(need.approvals),
            plain(&need.because)
        );
    }
    for reservation in reserved {
        let follows = follows_of(reservation);
        let _ = writeln!(text, "\n{follows}: {}", plain(&reservation.message));
    }
    for objection in by_weight(proposal) {
        let _ = writeln!(
            text,
            "\n{}: {}",
            follows(objection),
            plain(&objection.message)
        );
        let reason = objection
            .reason
            .as_deref()
            .map(|r| format!(": {}", plain(r)));
        let _ = writeln!(
            text,
            "  policy {}{}",
            objection.policy,
            reason.unwrap_or_default()
        );
        if let Some(at) = objection.at {
            let _ = writeln!(text, "  from {} on", when(Some(at), zone));
        }
    }
    for stage in &proposal.stages {
        let _ = writeln!(text, "\n{}", when(stage.at, zone));
        lines(&mut text, &stage.impacts);
        if !stage.averted.is_empty() {
            text.push_str("  what would happen then, and does not:\n");
            lines(&mut text, &stage.averted);
        }
    }
    if !proposal.seats.is_empty() {
        text.push_str("\nseats\n");
        for Seats {
            display_name,
            at,
            before,
            after,
            seats,
            ..
        } in &proposal.seats
        {
            let (name, when) = (plain(display_name), when(*at, zone));
            let _ = writeln!(text, "  {name}: {before} → {after} of {seats} ({when})");
        }
    }
    if !proposal.mails.is_empty() {
        text.push_str("\nmails\n");
        for mail in &proposal.mails {
            let _ = writeln!(
                text,
                "  {}: {} ({})",
                plain(&mail.display_name),
                plain(&to(mail)),
                when(mail.at, zone)
            );
            for (user, what) in &mail.what {
                let _ = writeln!(text, "    {user}: {}", words(what));
            }
        }
    }
    text
}

fn lines(text: &mut String, impacts: &[Impact]) {
    let mut last = None;
    for impact in impacts {
        if last != Some(&impact.user) {
            let _ = writeln!(text, "  {} ({})", plain(&impact.display_name), impact.user);
            last = Some(&impact.user);
        }
        let causes: Vec<String> = impact.causes.iter().map(ToString::to_string).collect();
        let because = match causes.is_empty() {
            true => String::new(),
            false => format!("   because {}", plain(&causes.join(" and "))),
        };
        let _ = writeln!(text, "    {}{because}", words(&impact.what));
    }
}

fn to(mail: &Mail) -> String {
    let each: Vec<&str> = mail.to.iter().map(|to| to.mail.as_str()).collect();
    match each.is_empty() {
        true => "nobody can be mailed".into(),
        false => format!("to {}", each.join(", ")),
    }
}

/// As comments on the pull request, none longer than a forge takes.
pub fn markdown(told: Told<'_>, zone: &TimeZone) -> Vec<String> {
    let Told {
        proposal,
        needs,
        reserved,
    } = told;
    let mut blocks = Vec::new();
    if let Some(need) = most(needs) {
        let because = code(&shown(&need.because));
        blocks.push(format!(
            "**Needs {}**: {because}\n",
            approvals(need.approvals)
        ));
    }
    let reservations: Vec<String> = reserved
        .iter()
        .map(|r| format!("- **{}**: {}\n", follows_of(r), code(&shown(&r.message))))
        .collect();
    if !reservations.is_empty() {
        let list = reservations.concat();
        blocks.push(format!("#### For administrators to ask\n\n{list}"));
    }
    let mut policies = String::new();
    for objection in by_weight(proposal) {
        let reason = objection
            .reason
            .as_deref()
            .map(|r| format!(" — {}", code(&shown(r))));
        let _ = writeln!(
            policies,
            "- **{}**: {} (policy {}{})",
            follows(objection),
            code(&shown(&objection.message)),
            code(objection.policy.as_str()),
            reason.unwrap_or_default(),
        );
    }
    if !policies.is_empty() {
        blocks.push(format!("#### Policies\n\n{policies}"));
    }
    let people: usize = proposal.stages.iter().map(|stage| users(stage).len()).sum();
    for stage in &proposal.stages {
        let title = match stage.at {
            None => "At once".to_owned(),
            at => when(at, zone),
        };
        blocks.push(format!("#### {title}\n"));
        for user in users(stage) {
            blocks.push(person(stage, &user, people > OPEN));
        }
    }
    if !proposal.seats.is_empty() {
        let mut text = String::from("#### Seats\n\n");
        for Seats {
            display_name,
            at,
            before,
            after,
            seats,
            ..
        } in &proposal.seats
        {
            let (name, when) = (code(&shown(display_name)), when(*at, zone));
            let _ = writeln!(text, "- {name}: {before} → {after} of {seats} ({when})");
        }
        blocks.push(text);
    }
    if !proposal.mails.is_empty() {
        let count = proposal.mails.len();
        let mut text = format!("<details><summary>Mails ({count})</summary>\n\n");
        for mail in &proposal.mails {
            let name = code(&shown(&mail.display_name));
            let _ = writeln!(
                text,
                "- {name}: {} ({})",
                code(&shown(&to(mail))),
                when(mail.at, zone)
            );
            for (user, what) in &mail.what {
                let _ = writeln!(
                    text,
                    "  - {}",
                    code(&shown(&format!("{user}: {}", words(what))))
                );
            }
        }
        text.push_str("\n</details>\n");
        blocks.push(text);
    }
    parts(
        &format!("What this pull request means: {}", summary(proposal)),
        blocks,
    )
}

fn users(stage: &Stage) -> BTreeSet<String> {
    let all = stage.impacts.iter().chain(&stage.averted);
    all.map(|impact| impact.user.to_string()).collect()
}

fn person(stage: &Stage, user: &str, folded: bool) -> String {
    let of = |impacts: &'_ [Impact]| -> Vec<Impact> {
        let theirs = impacts.iter().filter(|impact| impact.user.as_str() == user);
        theirs.cloned().collect()
    };
    let (happens, averted) = (of(&stage.impacts), of(&stage.averted));
    let first = happens.first().or(averted.first());
    let name = first
        .map(|impact| impact.display_name.clone())
        .unwrap_or_default();
    let mut list = String::new();
    let mut each = |impacts: &[Impact], word: &str| {
        for impact in impacts {
            let causes: Vec<String> = impact.causes.iter().map(ToString::to_string).collect();
            let because = match causes.is_empty() {
                true => String::new(),
                false => format!(" because {}", code(&shown(&causes.join(" and ")))),
            };
            let _ = writeln!(
                list,
                "- {word}{}{because}",
                code(&shown(&words(&impact.what)))
            );
        }
    };
    each(&happens, "");
    each(&averted, "no longer: ");
    let title = format!(
        "<code>{}</code> (<code>{}</code>)",
        entities(&shown(&name)),
        entities(user)
    );
    match folded {
        true => {
            let count = happens.len() + averted.len();
            format!("<details><summary>{title}: {count}</summary>\n\n{list}\n</details>\n")
        }
        false => format!("{title}\n\n{list}"),
    }
}

/// Puts blocks together, as many in one comment as there is room for.
fn parts(title: &str, blocks: Vec<String>) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    let mut part = String::new();
    // The title and the number of the part.
    let room = LONGEST - title.chars().count() - 100;
    for block in blocks {
        let block = match block.chars().count() > room {
            true => cut(&block, room),
            false => block,
        };
        if part.chars().count() + block.chars().count() + 1 > room {
            parts.push(std::mem::take(&mut part));
        }
        part.push('\n');
        part.push_str(&block);
    }
    parts.push(part);
    let count = parts.len();
    let numbered = parts.into_iter().enumerate();
    numbered
        .map(|(index, part)| match count {
            1 => format!("### {title}\n{part}"),
            _ => format!("### {title} ({} of {count})\n{part}", index + 1),
        })
        .collect()
}

/// A block that is longer than a whole comment: its first lines, and how many there are more.
fn cut(block: &str, room: usize) -> String {
    let mut text = String::new();
    let (mut length, mut left) = (0, 0);
    for line in block.lines() {
        let long = line.chars().count() + 1;
        if left > 0 || length + long + 200 > room {
            left += 1;
            continue;
        }
        length += long;
        text.push_str(line);
        text.push('\n');
    }
    if block.trim_start().starts_with("<details>") {
        text.push_str("\n</details>\n");
    }
    let _ = writeln!(
        text,
        "\n… and {left} lines more: `countersign diff` shows them all\n"
    );
    text
}
