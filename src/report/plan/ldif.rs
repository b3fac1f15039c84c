//! A plan's changes of the directory → LDIF change records (RFC 2849), in plan order, by name.
//!
//! Every value that goes is named, so that the directory refuses a record it no longer agrees with.
//! Passwords are left out, and with them the enabling of accounts that lack one: after this file alone
//! the next plan is exactly *set password, enable*. What is left out is said in the first lines.

use super::outline;
use super::standing::Standing;
use super::text::{self, ACCOUNT_DISABLE};
use super::words::{self, Word, plain};
use crate::connector::active_directory::ldif_text::LdifWriter;
use crate::connector::active_directory::ldif_text::line::push_comment;
use crate::connector::{At, Attributes, Modification, ModificationKind, Value};
use crate::plan::{Action, Change, ChangeId, MemberChange, Plan, Write};
use std::collections::BTreeSet;

/// The userAccountControl of an ordinary account that cannot be logged on to (MS-ADTS 2.2.16).
const DISABLED_ACCOUNT: u32 = 0x202;

const LINE_END: &str = "\n";

pub(super) fn render(plan: &Plan) -> String {
    let records = records(&plan.changes);
    let mut lines: Vec<String> = outline::head(plan).iter().map(|line| plain(line)).collect();
    if plan.is_beyond_a_guard() {
        lines.push("BEYOND A GUARD: nothing of this plan is applied".into());
    }
    let written = plan.changes.len() - records.left_out.len();
    lines.push(format!(
        "{} in the order of the plan",
        outline::counted(written, "record")
    ));
    lines.extend(records.left_out);
    let mut text = "version: 1\n\n".to_owned();
    for line in &lines {
        push_comment(&mut text, &text::ascii(line), LINE_END);
    }
    text + records
        .text
        .strip_prefix("version: 1\n")
        .unwrap_or(&records.text)
}

/// Changes as LDIF.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Records {
    /// The text, its version line included; each record after a comment that says what it does and why.
    pub text: String,
    /// A line for each change that is not in it, and why it is not.
    pub left_out: Vec<String>,
}

/// Writes changes as LDIF, in their order.
pub fn records(changes: &[Change]) -> Records {
    let mut standing = Standing::default();
    let passwords = Passwords::of(changes);
    let mut writer = LdifWriter::new();
    let mut left_out = Vec::new();
    for change in changes {
        match passwords.record(change, &mut standing) {
            Ok(record) => {
                comment(change)
                    .iter()
                    .for_each(|line| writer.write_comment(line));
                record.write(&mut writer);
            }
            Err(reason) => {
                left_out.push(format!("left out: {} ({reason})", title(change)));
            }
        }
    }
    Records {
        text: writer.into_text(),
        left_out,
    }
}

/// What a change does and why, a line each.
fn comment(change: &Change) -> Vec<String> {
    let causes = words::change(change).causes;
    let causes = causes.iter().map(|cause| format!("  because {cause}"));
    [title(change)]
        .into_iter()
        .chain(causes)
        .map(|line| text::ascii(&line))
        .collect()
}

fn title(change: &Change) -> String {
    let (target, what) = (words::name(&change.target), words::name(&change.what));
    let title = plain(&[target, Word::Ours(" "), what]);
    format!("{} {}", change.action, title.trim_end())
}

/// The accounts that a plan gives a password.
struct Passwords<'a> {
    changes: BTreeSet<&'a ChangeId>,
    accounts: BTreeSet<String>,
}

/// What one change is in LDIF.
enum Record {
    Add(crate::dn::Dn, Attributes),
    Modify(At, Vec<Modification>),
    Rename(crate::dn::Dn, crate::dn::Rdn, crate::dn::Dn),
}

impl<'a> Passwords<'a> {
    fn of(changes: &'a [Change]) -> Self {
        let all = changes.iter().filter_map(|change| match &change.write {
            Write::SetPassword { at } => Some((&change.id, key(at))),
            Write::Adopt { .. }
            | Write::Create { .. }
            | Write::Modify { .. }
            | Write::Rename { .. }
            | Write::Member { .. }
            | Write::Row { .. } => None,
        });
        let (changes, accounts) = all.unzip();
        Self { changes, accounts }
    }

    /// Whether the change lets somebody log on to an account whose password does not come with it.
    fn waited_for_by(&self, change: &Change, at: &At) -> bool {
        let is_password = |id| self.changes.contains(id);
        change.action == Action::Enable
            && (self.accounts.contains(&key(at)) || change.after.iter().any(is_password))
    }

    /// The record of a change, or why there is none.
    fn record(&self, change: &Change, standing: &mut Standing) -> Result<Record, &'static str> {
        match &change.write {
            Write::Create { dn, attributes } => {
                Ok(Record::Add(dn.clone(), left_disabled(attributes)))
            }
            Write::Modify { at, .. } if self.waited_for_by(change, at) => {
                Err("the account needs its password first")
            }
            Write::Modify {
                at,
                dn,
                modifications,
            } => {
                let steps = writable(modifications, change.action, standing);
                match steps.is_empty() {
                    true => Err("there is nothing to write"),
                    false => Ok(Record::Modify(At::Dn(standing.of(at, dn)), steps)),
                }
            }
            Write::Rename {
                guid,
                dn,
                rdn,
                parent,
            } => {
                let before = standing.rename(*guid, dn, rdn, parent);
                Ok(Record::Rename(before, rdn.clone(), parent.clone()))
            }
            Write::Member {
                group,
                group_dn,
                change,
                member,
                member_dn,
            } => {
                let operation = match change {
                    MemberChange::Add => ModificationKind::Add,
                    MemberChange::Remove => ModificationKind::Delete,
                };
                let member = Value::from(standing.of(member, member_dn).to_string());
                let step = Modification {
                    operation,
                    attribute: "member".into(),
                    values: vec![member],
                };
                Ok(Record::Modify(
                    At::Dn(standing.of_guid(*group, group_dn)),
                    vec![step],
                ))
            }
            Write::SetPassword { .. } => Err("no password stands in a file"),
            Write::Adopt { .. } => Err("nothing is written in the directory"),
            Write::Row { .. } => Err("it is no change of the directory"),
        }
    }
}

impl Record {
    fn write(&self, writer: &mut LdifWriter) {
        match self {
            Self::Add(dn, attributes) => writer.write_add(dn, attributes),
            Self::Modify(at, steps) => writer.write_modify(at, steps),
            Self::Rename(dn, rdn, parent) => writer.write_modrdn(dn, rdn, parent),
        }
    }
}

fn key(at: &At) -> String {
    match at {
        At::Guid(guid) => guid.to_string(),
        At::Dn(dn) => dn.to_string().to_lowercase(),
    }
}

/// The attributes of a new account without secrets, and such that it cannot be logged on to.
fn left_disabled(attributes: &Attributes) -> Attributes {
    let mut attributes = attributes.clone();
    attributes.retain(|name, _| !text::is_secret(name));
    let planned = attributes
        .get(&"userAccountControl".into())
        .and_then(|values| {
            let bits: u32 = values.first()?.text()?.parse().ok()?;
            Some(bits | ACCOUNT_DISABLE)
        });
    let bits = planned.unwrap_or(DISABLED_ACCOUNT).to_string();
    attributes.insert("userAccountControl".into(), vec![bits.into()]);
    attributes
}

/// The steps of a modify request without secrets; links as the names stand now.
fn writable(steps: &[Modification], action: Action, standing: &Standing) -> Vec<Modification> {
    let now = |values: &[Value]| match action == Action::Link {
        true => values.iter().map(|value| standing.link(value)).collect(),
        false => values.to_vec(),
    };
    let steps = steps
        .iter()
        .filter(|step| !text::is_secret(&step.attribute));
    steps
        .map(|step| Modification {
            values: now(&step.values),
            ..step.clone()
        })
        .collect()
}
