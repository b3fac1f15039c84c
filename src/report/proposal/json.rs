//! What a pull request means → its JSON form, and the JSON Schema of that form.

use super::{Told, by_weight};
use crate::approval::requirement::Need;
use crate::impact::{Impact, What};
use crate::manifest::policy::Effect;
use crate::name::{PolicyName, RequestName, ResourceName, UserName};
use crate::policy::judge::Verdict;
use crate::proposal::reserved::Reserved;
use crate::report::plan::tidy;
use jiff::Timestamp;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;

/// The version of the JSON form; rises when an old reader would misread the new one.
const FORMAT_VERSION: u32 = 1;

/// What a pull request means: people and access, instant by instant.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Diff<'p> {
    /// The form of this file. A reader refuses one that it does not know.
    pub format_version: u32,
    /// The commit it is compared with: where the branch left the one it is merged into.
    pub base: &'p str,
    /// The commit that is proposed.
    pub head: &'p str,
    /// The instant it is looked at: what "at once" means.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub instant: Timestamp,
    /// What becomes otherwise, instant by instant; instants at which nothing does are left out.
    pub stages: Vec<Stage<'p>>,
    /// Seats that are taken or given back.
    pub seats: Vec<Seats<'p>>,
    /// Who will be mailed what to do.
    pub mails: Vec<Mail<'p>>,
    /// Requests that are added or changed.
    pub requests: &'p [RequestName],
    /// How many approvers it needs, each number with its reason; the greatest holds.
    pub approvals: &'p [Need],
    /// Changes that only administrators may ask for, where somebody else asks or nobody says who.
    pub reserved: Vec<Reservation<'p>>,
    /// Policies that do not say yes, the gravest first.
    pub policies: Vec<Objection<'p>>,
}

/// What becomes otherwise at one instant.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Stage<'p> {
    /// The instant; null: at once.
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub instant: Option<Timestamp>,
    /// What happens then that would not happen without the pull request; sorted by user.
    pub impacts: &'p [Impact],
    /// What would happen then without the pull request, and does not with it; sorted by user.
    pub averted: &'p [Impact],
}

/// Seats of a resource, before and after.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Seats<'p> {
    /// The resource.
    pub resource: &'p ResourceName,
    /// When; null: at once.
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub instant: Option<Timestamp>,
    /// How many are taken without the pull request.
    pub before: usize,
    /// How many with it.
    pub after: usize,
    /// How many there are.
    pub seats: u32,
}

/// What one group of maintainers will be asked.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Mail<'p> {
    /// The resource.
    pub resource: &'p ResourceName,
    /// Addresses; may be empty, and then nobody can be mailed.
    pub to: Vec<&'p str>,
    /// When; null: at once.
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub instant: Option<Timestamp>,
    /// For whom what is given, changed and taken.
    pub what: Vec<Asked<'p>>,
}

/// One thing that is asked for in a mail.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Asked<'p> {
    /// For whom.
    pub user: &'p UserName,
    /// What.
    pub what: &'p What,
}

/// A change that only administrators may ask for.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Reservation<'p> {
    /// The change.
    #[serde(flatten)]
    pub change: &'p Reserved,
    /// Who asks for it and is no administrator: it is refused; null: nobody says who asks.
    pub by: Option<&'p UserName>,
    /// What it comes to, in a sentence.
    pub message: &'p str,
}

/// A policy that does not say yes.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Objection<'p> {
    /// The policy.
    pub policy: &'p PolicyName,
    /// What follows; of a policy that could not be asked, refusal.
    pub effect: Effect,
    /// How it came to it.
    pub verdict: Verdict,
    /// What it says, in a sentence.
    pub message: &'p str,
    /// Why the policy exists; null: it does not say.
    pub reason: Option<&'p str>,
    /// About whom; null: about nobody in particular.
    pub user: Option<&'p UserName>,
    /// About which resource; null: about none in particular.
    pub resource: Option<&'p ResourceName>,
    /// From when on; null: at once.
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub instant: Option<Timestamp>,
}

/// For programs; [`schema`] describes it.
pub fn render(told: Told<'_>, base: &str, head: &str) -> String {
    let Told {
        proposal,
        needs,
        reserved,
    } = told;
    let reserved = reserved.iter().map(|reservation| Reservation {
        change: &reservation.change,
        by: reservation.by.as_ref(),
        message: &reservation.message,
    });
    let stages = proposal.stages.iter().map(|stage| Stage {
        instant: stage.at,
        impacts: &stage.impacts,
        averted: &stage.averted,
    });
    let seats = proposal.seats.iter().map(|seats| Seats {
        resource: &seats.resource,
        instant: seats.at,
        before: seats.before,
        after: seats.after,
        seats: seats.seats,
    });
    let mails = proposal.mails.iter().map(|mail| {
        let what = mail.what.iter();
        Mail {
            resource: &mail.resource,
            to: mail.to.iter().map(|to| to.mail.as_str()).collect(),
            instant: mail.at,
            what: what.map(|(user, what)| Asked { user, what }).collect(),
        }
    });
    let policies = by_weight(proposal).into_iter().map(|o| Objection {
        policy: &o.policy,
        effect: o.follows(),
        verdict: o.verdict,
        message: &o.message,
        reason: o.reason.as_deref(),
        user: o.user.as_ref(),
        resource: o.resource.as_ref(),
        instant: o.at,
    });
    let diff = Diff {
        format_version: FORMAT_VERSION,
        base,
        head,
        instant: proposal.now,
        stages: stages.collect(),
        seats: seats.collect(),
        mails: mails.collect(),
        requests: &proposal.requests,
        approvals: needs,
        reserved: reserved.collect(),
        policies: policies.collect(),
    };
    // Only a map with keys that are not texts, or a Serialize that fails, can fail: neither is here.
    serde_json::to_string_pretty(&diff)
        .map(|text| text + "\n")
        .unwrap_or_default()
}

/// The JSON Schema (draft-07) of the JSON form, as it is published in `schema/diff.json`.
pub fn schema() -> serde_json::Value {
    let settings = SchemaSettings::draft07().for_serialize();
    let mut schema = settings
        .into_generator()
        .into_root_schema_for::<Diff<'static>>()
        .to_value();
    tidy(&mut schema);
    if let Some(root) = schema.as_object_mut() {
        root.insert("title".into(), "Countersign diff".into());
    }
    schema
}
