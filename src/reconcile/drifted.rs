//! A plan whose changes undo what somebody did by hand → what each resource wants done about it, and
//! when and where it was done, as far as the directory tells.
//!
//! Whoever leaves is not asked about: an account that is to be shut is shut.

use crate::connector::active_directory::metadata::{
    Changed, OF_ATTRIBUTES, OF_VALUES, WHEN_CHANGED, of_attribute, of_entry, of_member,
};
use crate::connector::{At, AttributeName, Attributes, Transport, Value};
use crate::desired::Desired;
use crate::diagnostic::Code;
use crate::manifest::resource::DriftPolicy;
use crate::name::UserName;
use crate::plan::limits::{Limits, Outer};
use crate::plan::recorded::Recorded;
use crate::plan::{
    Action, Because, Change, ChangeId, Finding, Notice, NoticeKey, NoticeKind, NoticePart, Plan,
    Step, Write, is_leaving,
};
use std::collections::BTreeMap;

use super::guarded::untold;

/// What drift is looked at with.
#[derive(Debug, Clone, Copy)]
pub struct Given<'a> {
    /// What should be.
    pub desired: &'a Desired,
    /// What is recorded.
    pub recorded: &'a Recorded,
    /// What may be touched; none where no directory was at hand.
    pub limits: Option<&'a Limits>,
    /// The operator's limits.
    pub outer: &'a Outer,
}

/// The plan, with what is done about drift: changed back and said, held, or held and told; and what
/// would undo it, whether that is done or not.
pub fn drifted(
    plan: Plan,
    given: Given<'_>,
    mut directory: Option<&mut dyn Transport>,
) -> (Plan, Vec<Change>) {
    let Given {
        desired,
        recorded,
        limits,
        outer: _,
    } = given;
    let mut findings = Vec::new();
    let mut waiting: BTreeMap<ChangeId, Because> = BTreeMap::new();
    let mut notices = Vec::new();
    for (user, changes) in plan.drifted(desired, recorded, limits) {
        let mut asked: Vec<(&Change, String)> = Vec::new();
        for change in changes {
            let transport = directory.as_mut().map(|d| &mut **d as &mut dyn Transport);
            let seen = transport.and_then(|directory| seen(change, directory));
            let words = format!("{}{}", by_hand(change), told(seen.as_ref(), desired));
            let policy = match is_leaving(Step::Change(change), desired) {
                true => DriftPolicy::Revert,
                false => policy(change, desired),
            };
            let held = match policy {
                // It comes with the account that is enabled again, which is said.
                DriftPolicy::Revert if change.action == Action::SetPassword => continue,
                DriftPolicy::Revert => {
                    findings.push(Finding {
                        code: Code::Drift.as_str().into(),
                        message: format!("{user}: {words}; it is changed back"),
                    });
                    continue;
                }
                DriftPolicy::Report => format!(
                    "{words}. It stays; `countersign accept-drift {user}` makes the manifests say so"
                ),
                DriftPolicy::Hold => {
                    asked.push((change, words.clone()));
                    format!("{words}. {}", way_out(user, change))
                }
            };
            let because = Because {
                code: Code::Drift,
                words: held,
            };
            waiting.insert(change.id.clone(), because);
        }
        notices.extend(notice(user, &asked, given));
    }
    let by_hand = plan.drifted(desired, recorded, limits).into_values();
    let by_hand: Vec<Change> = by_hand.flatten().cloned().collect();
    if by_hand.is_empty() {
        return (plan, by_hand);
    }
    let mut plan = plan.holding_back(&|step| match step {
        Step::Change(change) => waiting.get(&change.id).cloned(),
        Step::Task(_) => None,
    });
    plan.findings.extend(findings);
    plan.findings.sort();
    plan.notices.extend(notices);
    plan.notices.sort_by(|a, b| a.key.cmp(&b.key));
    plan.recount();
    plan.recount_guards(desired);
    (plan, by_hand)
}

fn policy(change: &Change, desired: &Desired) -> DriftPolicy {
    let terms = desired.resources.get(&change.resource);
    terms.map_or(DriftPolicy::Revert, |terms| terms.drift)
}

fn way_out(user: &UserName, change: &Change) -> String {
    format!(
        "Where it is right, `countersign accept-drift {user}` makes the manifests say so; where it is not, change it back by hand, or let `drift` of {} be `revert`",
        change.resource
    )
}

/// What the administrators are told still of what is held; none where they were.
fn notice(user: &UserName, asked: &[(&Change, String)], given: Given<'_>) -> Option<Notice> {
    let (first, _) = asked.first()?;
    let ids: Vec<&str> = asked
        .iter()
        .map(|(change, _)| change.id.0.as_str())
        .collect();
    let person = given.desired.people.get(user);
    let display = person.map_or_else(|| user.to_string(), |p| p.display_name.clone());
    let key = NoticeKey {
        user: user.clone(),
        kind: NoticeKind::Drift,
        by: ids.join("+"),
    };
    let to = untold(&key, given.desired, given.recorded, given.outer)?;
    Some(Notice {
        id: key.id(),
        key,
        to,
        after: Vec::new(),
        subject: format!("changed by hand, and held: {display}"),
        user_display: display,
        parts: vec![
            NoticePart {
                heading: "In the directory".into(),
                lines: asked.iter().map(|(_, words)| words.clone()).collect(),
            },
            NoticePart {
                heading: "What to do".into(),
                lines: vec![way_out(user, first)],
            },
        ],
        description: None,
        causes: first.causes.clone(),
    })
}

/// What somebody did by hand, as the change that would undo it tells.
fn by_hand(change: &Change) -> String {
    let Change {
        action,
        target,
        what,
        fields,
        write,
        ..
    } = change;
    match action {
        Action::AddMember => format!("{target} was taken out of {what} by hand"),
        Action::RemoveMember => format!("{target} was put into {what} by hand"),
        Action::Enable => format!("{target} was disabled by hand"),
        Action::Disable => format!("{target} was enabled by hand"),
        Action::SetPassword => format!("{target} needs a first password where it is enabled again"),
        Action::Move | Action::Rename => match write {
            Write::Rename { dn, .. } => format!("{target} was moved to {dn} by hand"),
            Write::Adopt { .. }
            | Write::Create { .. }
            | Write::SetPassword { .. }
            | Write::ResetPassword { .. }
            | Write::Modify { .. }
            | Write::Member { .. }
            | Write::Row { .. } => format!("{target} was moved by hand"),
        },
        Action::Expire
        | Action::Revoke
        | Action::ResetPassword
        | Action::Adopt
        | Action::Create
        | Action::Update
        | Action::Link
        | Action::Grant => {
            let fields = fields.iter().map(|field| {
                let (is, was) = (values(&field.before), values(&field.after));
                format!("{} is {is}, and should be {was}", field.name)
            });
            let fields = fields.collect::<Vec<_>>().join("; ");
            format!("{target} was changed by hand: {fields}")
        }
    }
}

fn values(values: &[Value]) -> String {
    match values {
        [] => "empty".into(),
        values => {
            let shown = values.iter().map(|v| format!("{v:?}"));
            shown.collect::<Vec<_>>().join(", ")
        }
    }
}

fn told(seen: Option<&Changed>, desired: &Desired) -> String {
    let Some(Changed { at, on }) = seen else {
        return String::new();
    };
    let at = at.to_zoned(desired.rules.zone.clone());
    let at = at.strftime("%Y-%m-%d %H:%M %Z");
    match on {
        Some(on) => format!(" ({at}, on {on})"),
        None => format!(" (last changed {at})"),
    }
}

/// When and where it was done, as far as the directory tells; that it does not tell holds up nobody.
fn seen(change: &Change, directory: &mut dyn Transport) -> Option<Changed> {
    let read = |directory: &mut dyn Transport, at: &At, metadata: &'static str| {
        let wanted = [AttributeName::from(WHEN_CHANGED), metadata.into()];
        let entry = directory.read(at, &wanted).ok().flatten();
        entry.map(|entry| entry.attributes)
    };
    let latest = |entry: &Attributes, names: &mut dyn Iterator<Item = AttributeName>| {
        let told = names.filter_map(|name| of_attribute(entry, &name)).max();
        told.or_else(|| of_entry(entry))
    };
    match &change.write {
        Write::Modify { at, .. } => {
            let entry = read(directory, at, OF_ATTRIBUTES)?;
            latest(&entry, &mut change.fields.iter().map(|f| f.name.clone()))
        }
        Write::Rename { guid, .. } => {
            let entry = read(directory, &At::Guid(*guid), OF_ATTRIBUTES)?;
            latest(&entry, &mut std::iter::once(AttributeName::from("name")))
        }
        Write::Member {
            group, member_dn, ..
        } => {
            let entry = read(directory, &At::Guid(*group), OF_VALUES)?;
            of_member(&entry, member_dn).or_else(|| of_entry(&entry))
        }
        Write::Adopt { .. }
        | Write::Create { .. }
        | Write::SetPassword { .. }
        | Write::ResetPassword { .. }
        | Write::Row { .. } => None,
    }
}
