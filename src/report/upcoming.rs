//! What will happen when, in words and for programs.

use super::plan::text::Shown;
use crate::impact::{Impact, What};
use crate::name::UserName;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// Longest text of others on one line, in characters.
const LONGEST: usize = 2_000;

/// The version of the JSON form.
const FORMAT_VERSION: u32 = 1;

/// For people: instant after instant, in the repository's time zone.
pub fn human(upcoming: &[(Timestamp, Vec<Impact>)], zone: &TimeZone) -> String {
    if upcoming.is_empty() {
        return "nothing changes by itself from now on\n".into();
    }
    let mut text = String::new();
    for (instant, impacts) in upcoming {
        if !text.is_empty() {
            text.push('\n');
        }
        let local = instant.to_zoned(zone.clone());
        let _ = writeln!(text, "{}", local.strftime("%A %Y-%m-%d %H:%M %Z"));
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
    text
}

/// For programs: `{formatVersion, instants: [{instant, impacts: […]}]}`.
pub fn json(upcoming: &[(Timestamp, Vec<Impact>)]) -> String {
    let instants: Vec<Value> = upcoming
        .iter()
        .map(|(instant, impacts)| json!({ "instant": instant, "impacts": impacts }))
        .collect();
    let whole = json!({ "formatVersion": FORMAT_VERSION, "instants": instants });
    serde_json::to_string_pretty(&whole).unwrap_or_default()
}

/// One change in words, with the sign a plan uses.
pub fn words(what: &What) -> String {
    let or_none = |value: &Option<String>| plain(value.as_deref().unwrap_or("(none)"));
    match what {
        What::Leaves { reason, urgent } => {
            let how = if *urgent { ", urgent" } else { "" };
            format!("- leaves ({}{how})", plain(reason))
        }
        What::AccountMade { login } => format!("+ account {} is made, disabled", plain(login)),
        What::Begins => "+ begins".into(),
        What::Suspended => "- leave of absence begins".into(),
        What::Resumes => "+ is back from leave".into(),
        What::Renamed { before, after } => format!("~ name: {} → {}", plain(before), plain(after)),
        What::Supervisor { before, after } => {
            let name = |user: &Option<UserName>| user.as_ref().map(ToString::to_string);
            let (before, after) = (name(before), name(after));
            format!("~ supervisor: {} → {}", or_none(&before), or_none(&after))
        }
        What::Moves { before, after } => format!(
            "> moves: {} → {}",
            plain(&before.join(" / ")),
            plain(&after.join(" / "))
        ),
        What::Field {
            name,
            before,
            after,
        } => format!("~ {name}: {} → {}", or_none(before), or_none(after)),
        What::Loses { entitlement, label } => {
            format!("- {} ({})", plain(&entitlement.to_string()), plain(label))
        }
        What::Gains { entitlement, label } => {
            format!("+ {} ({})", plain(&entitlement.to_string()), plain(label))
        }
        What::Updates {
            entitlement,
            fields,
            ..
        } => format!(
            "~ {}: {}",
            plain(&entitlement.to_string()),
            fields.join(", ")
        ),
        What::Disables { entitlement, label } => format!(
            "- {} ({}) is disabled for the leave",
            plain(&entitlement.to_string()),
            plain(label)
        ),
        What::Enables { entitlement, label } => format!(
            "+ {} ({}) is enabled again",
            plain(&entitlement.to_string()),
            plain(label)
        ),
    }
}

/// Text of others on one line of a terminal, nothing in it that hides or turns it.
pub(super) fn plain(text: &str) -> String {
    Shown::of(text, LONGEST).to_string()
}
