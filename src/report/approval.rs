//! Whether commits are approved, in words and for programs.

use super::plan::tidy;
use crate::approval::line::{Judged, Verified};
use crate::source::objects::Commit;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde_json::{Value as Json, json};
use std::fmt::Write as _;

/// The version of the JSON form.
const FORMAT_VERSION: u32 = 1;

/// Whether commits are approved.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// The version of this form.
    pub format_version: u32,
    /// What approval rests on.
    pub evidence: String,
    /// The commit that is taken as approved.
    pub base: String,
    /// The commit that was asked about.
    pub head: String,
    /// Whether the head is not merged yet.
    pub pull_request: bool,
    /// Whether everything between the two is approved and valid.
    pub approved: bool,
    /// The newest commit up to which every one is approved.
    pub verified: String,
    /// The newest of those that is valid: what is planned from.
    pub effective: String,
    /// How many mistakes the newest approved revision has, or the one that merging would make.
    pub mistakes: usize,
    /// The commits that were judged, the oldest first.
    pub commits: Vec<Judged>,
    /// Commits behind one that is not approved.
    pub waiting: Vec<Waiting>,
}

/// A commit that was not judged yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Waiting {
    /// The commit.
    pub commit: String,
    /// The first line of its message.
    pub subject: String,
}

impl Check {
    /// Of commits that are on the branch.
    pub fn merged(evidence: &str, verified: &Verified) -> Self {
        let waiting = |c: &Commit| Waiting {
            commit: c.id.clone(),
            subject: c.subject.clone(),
        };
        let mistakes = verified.stalled.as_ref().map_or(0, |r| r.errors.len());
        Self {
            format_version: FORMAT_VERSION,
            evidence: evidence.to_owned(),
            base: verified.from.clone(),
            head: verified.head.clone(),
            pull_request: false,
            approved: verified.verified == verified.head && mistakes == 0,
            verified: verified.verified.clone(),
            effective: verified.effective.commit.id.clone(),
            mistakes,
            commits: verified.judged.clone(),
            waiting: verified.waiting.iter().map(waiting).collect(),
        }
    }

    /// Of a head that is not merged yet.
    pub fn proposed(evidence: &str, base: &str, judged: Judged, mistakes: usize) -> Self {
        Self {
            format_version: FORMAT_VERSION,
            evidence: evidence.to_owned(),
            base: base.to_owned(),
            head: judged.commit.clone(),
            pull_request: true,
            approved: judged.approved && mistakes == 0,
            verified: base.to_owned(),
            effective: base.to_owned(),
            mistakes,
            commits: vec![judged],
            waiting: Vec::new(),
        }
    }
}

/// For programs; `schema/approval.json` describes it.
pub fn json(check: &Check) -> String {
    let text = serde_json::to_string_pretty(check);
    text.map(|text| text + "\n").unwrap_or_default()
}

/// The JSON Schema (draft-07) of the JSON form.
pub fn schema() -> Json {
    let settings = SchemaSettings::draft07().for_serialize();
    let schema = settings.into_generator().into_root_schema_for::<Check>();
    let mut schema = schema.to_value();
    tidy(&mut schema);
    if let Some(root) = schema.as_object_mut() {
        root.insert("title".into(), json!("Countersign approval"));
    }
    schema
}

/// For people.
pub fn human(check: &Check) -> String {
    let mut text = format!(
        "approval of {} by {}; {} is taken as approved\n",
        short(&check.head),
        check.evidence,
        short(&check.base)
    );
    if check.commits.is_empty() {
        text.push_str("\nnothing came since\n");
    }
    for judged in &check.commits {
        one(judged, check.pull_request, &mut text);
    }
    if check.mistakes > 0 {
        let revision = if check.pull_request {
            "merging it would make a revision"
        } else {
            "the newest approved revision has"
        };
        let with = if check.pull_request { " with" } else { "" };
        let _ = writeln!(
            text,
            "\n{revision}{with} {} mistakes, so nothing is done from it: run `countersign validate --base {}`",
            check.mistakes,
            short(&check.effective)
        );
    }
    for waiting in &check.waiting {
        let _ = writeln!(
            text,
            "\nwaits     {}  {}",
            short(&waiting.commit),
            plain(&waiting.subject)
        );
    }
    let verdict = match (check.approved, check.pull_request) {
        (true, true) => "approved: it can be merged".to_owned(),
        (true, false) => "approved".to_owned(),
        (false, true) => "not approved yet".to_owned(),
        (false, false) => format!(
            "not approved; {} is the newest revision that is acted on",
            short(&check.effective)
        ),
    };
    let _ = writeln!(text, "\n{verdict}");
    text
}

fn one(judged: &Judged, proposed: bool, text: &mut String) {
    let sign = match (judged.approved, proposed) {
        (true, _) => "approved",
        (false, true) => "needs   ",
        (false, false) => "refused ",
    };
    let _ = writeln!(
        text,
        "\n{sign}  {}  {}",
        short(&judged.commit),
        plain(&judged.subject)
    );
    let requirement = &judged.requirement;
    let counted = judged.counted.len();
    let needed = requirement.needed();
    let _ = writeln!(
        text,
        "  {counted} of {needed} approvals ({})",
        plain(requirement.because())
    );
    for approver in &judged.counted {
        let _ = writeln!(text, "  + {} {}", approver.user, plain(&approver.how));
    }
    for need in requirement.needs.iter().filter(|n| n.approvals > 1) {
        let _ = writeln!(text, "  needs {}: {}", need.approvals, plain(&need.because));
    }
    for control in &requirement.control {
        let _ = writeln!(
            text,
            "  control: {} ({}:{})",
            plain(&control.words),
            plain(&control.file),
            control.line
        );
    }
    let eligible: Vec<String> = requirement
        .eligible()
        .iter()
        .map(ToString::to_string)
        .collect();
    let may = match eligible.is_empty() {
        true => "nobody".to_owned(),
        false => eligible.join(", "),
    };
    let _ = writeln!(text, "  may approve: {may}");
    for (user, why) in &requirement.barred {
        // Whoever approves nothing anyway is not kept from it.
        if requirement.approvers.contains(user) {
            let words: Vec<String> = why.iter().map(|why| plain(&why.words())).collect();
            let _ = writeln!(text, "  may not: {user}, who {}", words.join(", "));
        }
    }
    for remark in &judged.remarks {
        let _ = writeln!(text, "  note: {}", plain(remark));
    }
    for fault in &judged.faults {
        let covered = if judged.approved {
            "covered"
        } else {
            "because"
        };
        let _ = writeln!(text, "  {covered}: {}", plain(&fault.to_string()));
        if !judged.approved {
            let _ = writeln!(
                text,
                "    way out: {}",
                plain(&fault.way_out(&judged.commit))
            );
        }
    }
}

fn short(commit: &str) -> &str {
    commit.get(..12).unwrap_or(commit)
}

/// Text of others on one line of a terminal.
fn plain(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}
