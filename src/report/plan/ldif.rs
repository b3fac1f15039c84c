//! A plan's changes of the directory → LDIF change records (RFC 2849), in plan order, by name.
//!
//! Every value that goes is named, so that the directory refuses a record it no longer agrees with.
//! Passwords are left out, and with them the enabling of accounts that lack one: after this file alone
//! the next plan is exactly *set password, enable*. What is left out is said in the first lines.

use super::outline;
use super::standing::Standing;
use super::text;
use super::words::{self, Word, plain};
use crate::connector::active_directory::ldif_text::LdifWriter;
use crate::connector::active_directory::ldif_text::line::push_comment;
use crate::connector::active_directory::matching::uac;
use crate::connector::{At, Attributes, Modification, ModificationKind, Value};
use crate::plan::{Action, Change, ChangeId, MemberChange, Plan, Write};
use std::collections::BTreeSet;

/// The userAccountControl of an ordinary account that cannot be logged on to.
const DISABLED_ACCOUNT: u32 = uac::NORMAL_ACCOUNT | uac::ACCOUNTDISABLE;

const LINE_END: &str = "\n";

/// Longest line of a comment, in characters: with its `# ` it is not folded (RFC 2849 note 10).
const COMMENT_LONGEST: usize = 74;

/// What a comment's line begins with when it goes on.
const CONTINUED: &str = "    ";

pub(super) fn render(plan: &Plan) -> String {
    let records = records(&plan.changes);
    let mut lines: Vec<String> = outline::head(plan).iter().map(|line| plain(line)).collect();
    if plan.is_beyond_a_guard() {
        lines.push("BEYOND A GUARD: only what concerns those who leave at once is applied".into());
    }
    let written = plan.changes.len() - records.left_out.len();
    lines.push(format!(
        "{} in the order of the plan",
        outline::counted(written, "record")
    ));
    lines.extend(records.left_out);
    let mut text = "version: 1\n\n".to_owned();
    for line in lines.iter().flat_map(|line| wrapped(line)) {
        push_comment(&mut text, &line, LINE_END);
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
    let reasons = words::change(change, &[]).reasons;
    let causes = reasons
        .shown
        .iter()
        .map(|cause| format!("  because {cause}"));
    let lines = [title(change)].into_iter().chain(causes);
    lines.flat_map(|line| wrapped(&line)).collect()
}

/// The line in printable ASCII, in pieces so short that none is folded: not every reader of LDIF
/// knows that a folded comment goes on as a comment.
fn wrapped(line: &str) -> Vec<String> {
    let mut pieces = vec![String::new()];
    for word in text::ascii(line).split_inclusive(' ') {
        for part in word.as_bytes().chunks(COMMENT_LONGEST - CONTINUED.len()) {
            let part = String::from_utf8_lossy(part);
            match pieces.last_mut() {
                Some(last) if last.len() + part.len() <= COMMENT_LONGEST => last.push_str(&part),
                Some(_) | None => pieces.push(format!("{CONTINUED}{part}")),
            }
        }
    }
    pieces
        .iter()
        .map(|piece| piece.trim_end().to_owned())
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
    resets: BTreeSet<&'a ChangeId>,
    accounts: BTreeSet<String>,
}

/// What one change is in LDIF.
enum Record {
    Add(crate::dn::Dn, Attributes),
    Modify(At, Vec<Modification>),
    Rename(crate::dn::Dn, crate::dn::Rdn, crate::dn::Dn),
}

impl<'a> Passwords<'a> {
    fn of(planned: &'a [Change]) -> Self {
        let all = planned.iter().filter_map(|change| match &change.write {
            Write::SetPassword { at, .. } => Some((&change.id, key(at))),
            Write::Adopt { .. }
            | Write::Create { .. }
            | Write::ResetPassword { .. }
            | Write::Modify { .. }
            | Write::Rename { .. }
            | Write::Member { .. }
            | Write::Row { .. } => None,
        });
        let (changes, accounts) = all.unzip();
        let resets = planned
            .iter()
            .filter(|c| c.action == Action::ResetPassword)
            .map(|c| &c.id)
            .collect();
        Self {
            changes,
            resets,
            accounts,
        }
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
            Write::Modify { .. } if change.after.iter().any(|id| self.resets.contains(id)) => {
                Err("the password is reset first")
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
            Write::SetPassword { .. } | Write::ResetPassword { .. } => {
                Err("no password stands in a file")
            }
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
            let bits = uac::parse(values.first()?.text()?)?;
            Some(bits | uac::ACCOUNTDISABLE)
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

#[cfg(test)]
mod tests {
    use super::super::cast;
    use super::*;
    use crate::connector::active_directory::ldif_text::{LdifRecord, read};

    fn records_of(plan: &Plan) -> Vec<LdifRecord> {
        read(render(plan).as_bytes()).unwrap()
    }

    fn only(action: Action) -> Plan {
        let mut plan = cast::rich();
        plan.changes.retain(|change| change.action == action);
        plan
    }

    #[test]
    fn passwords_and_what_waits_for_them_are_left_out_and_said() {
        let plan = cast::rich();
        let left_out = records(&plan.changes).left_out;
        assert_eq!(records_of(&plan).len(), plan.changes.len() - left_out.len());
        assert_eq!(
            left_out[2..4],
            [
                "left out: set password robin.ellis (no password stands in a file)",
                "left out: enable robin.ellis (the account needs its password first)",
            ]
        );
        let text = render(&plan);
        assert!(
            text.contains("\n# left out: set password robin.ellis ("),
            "{text}"
        );
        // Whose password is set already can be enabled.
        let mut plan = only(Action::Enable);
        assert_eq!(records_of(&plan).len(), 1);
        // By name or by dependency: either is enough to wait.
        let password = cast::rich()
            .changes
            .into_iter()
            .find(|c| c.action == Action::SetPassword);
        plan.changes.extend(password.clone());
        plan.changes[0].after.clear();
        assert_eq!(records_of(&plan).len(), 0);
        plan.changes[1].write = Write::SetPassword {
            at: At::Dn(crate::dn::Dn::parse("CN=x,DC=x").unwrap()),
            avoid: Vec::new(),
            hand_over: None,
        };
        assert_eq!(records_of(&plan).len(), 1);
        plan.changes[0]
            .after
            .extend(password.map(|change| change.id));
        assert_eq!(records_of(&plan).len(), 0);
    }

    #[test]
    fn a_new_account_is_disabled_and_has_no_secret_whatever_the_plan_says() {
        for (planned, written) in [
            ("512", "514"),
            ("514", "514"),
            ("66048", "66050"),
            ("", "514"),
        ] {
            let mut plan = only(Action::Create);
            if let Write::Create { attributes, .. } = &mut plan.changes[0].write {
                attributes.insert("userAccountControl".into(), vec![planned.into()]);
                attributes.insert("unicodePwd".into(), vec!["\"secret\"".into()]);
            }
            let [LdifRecord::Add { attributes, .. }] = &records_of(&plan)[..] else {
                panic!("one add");
            };
            assert_eq!(
                attributes[&"userAccountControl".into()],
                [Value::from(written)]
            );
            assert!(!attributes.contains_key(&"unicodePwd".into()));
        }
        let mut plan = only(Action::Update);
        if let Write::Modify { modifications, .. } = &mut plan.changes[0].write {
            for step in modifications {
                step.attribute = "UnicodePwd".into();
            }
        }
        assert_eq!(records_of(&plan), []);
    }

    #[test]
    fn records_after_a_rename_use_the_new_name() {
        let all = records_of(&cast::rich());
        let base = "OU=Departments,DC=city,DC=example";
        let renamed = format!("CN=Kim Lee-Reyes,OU=Planning,{base}");
        let moved = all.iter().find_map(|record| match record {
            LdifRecord::Rename {
                dn,
                parent: Some(parent),
                ..
            } => Some((dn.to_string(), parent.to_string())),
            _ => None,
        });
        assert_eq!(moved, Some((renamed, format!("OU=Parks,{base}"))));
        let linked = all.iter().find_map(|record| match record {
            LdifRecord::Modify { modifications, .. } => modifications
                .iter()
                .find(|step| step.attribute.is("manager")),
            _ => None,
        });
        let now = format!("CN=Kim Lee-Reyes,OU=Parks,{base}");
        assert_eq!(linked.unwrap().values, [Value::from(now)]);
    }

    #[test]
    fn no_text_becomes_a_record_and_no_comment_is_folded() {
        for plan in [cast::rich(), cast::hostile(), cast::nothing()] {
            let text = render(&plan);
            assert!(text.is_ascii());
            let left_out = records(&plan.changes).left_out.len();
            assert_eq!(records_of(&plan).len(), plan.changes.len() - left_out);
            let lines: Vec<_> = text.lines().collect();
            for pair in lines.windows(2) {
                assert!(
                    !(pair[0].starts_with('#') && pair[1].starts_with(' ')),
                    "{pair:?}"
                );
            }
        }
    }

    #[test]
    fn a_plan_beyond_a_guard_says_so() {
        let mut plan = cast::rich();
        assert!(render(&plan).contains(
            "\n# BEYOND A GUARD: only what concerns those who leave at once is applied\n"
        ));
        plan.guards.clear();
        assert!(!render(&plan).contains("BEYOND"));
    }
}
