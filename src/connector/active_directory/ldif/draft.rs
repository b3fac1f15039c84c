//! Turns the steps of a modify request into one edit of a record: all of them, or the first refusal.

use super::LdifDirectory;
use super::change::Edit;
use super::document::RecordId;
use super::index::{Object, folded};
use super::links::{Holder, Links, named};
use super::rules::{self, KEY_VERSION, refusal};
use crate::connector::active_directory::failure::Operation;
use crate::connector::active_directory::matching::{is_single_valued, same_value};
use crate::connector::{AttributeName, Failure, Modification, ModificationKind, Value};
use crate::dn::Dn;
use std::collections::BTreeMap;

/// What the steps so far have made of a record.
pub(super) struct Draft {
    operation: Operation,
    id: RecordId,
    plain: BTreeMap<AttributeName, Plain>,
    links: BTreeMap<(Holder, Dn), Link>,
}

/// An attribute's values, each with the line of the file that it stands on, if it does.
struct Plain {
    before: Vec<usize>,
    now: Vec<(Option<usize>, Value)>,
}

/// One value of a link: the line that goes, and whether it comes.
#[derive(Default)]
struct Link {
    removed: Option<usize>,
    added: bool,
}

/// What a modify request does.
pub(super) struct Modified {
    pub(super) edit: Edit,
    pub(super) object: Object,
    /// Names, who refers to them, and whether they do so from then on.
    pub(super) links: Vec<(Dn, Holder, bool)>,
}

impl LdifDirectory {
    /// The edit that all the steps make of a record.
    pub(super) fn modified(
        &self,
        operation: Operation,
        id: RecordId,
        links: &Links,
        steps: &[Modification],
    ) -> Result<Modified, Failure> {
        let mut draft = Draft {
            operation,
            id,
            plain: BTreeMap::new(),
            links: BTreeMap::new(),
        };
        for step in steps {
            rules::can_be_written(operation, &self.index.object(id).dn, &step.attribute)?;
            match Holder::new(id, step.attribute.as_str()) {
                Some(holder) => self.link_step(&mut draft, links, holder, step)?,
                None => self.plain_step(&mut draft, step)?,
            }
        }
        self.outcome(draft)
    }

    fn plain_step(&self, draft: &mut Draft, step: &Modification) -> Result<(), Failure> {
        let attribute = &step.attribute;
        let values = draft.plain.entry(attribute.clone()).or_insert_with(|| {
            let before = self
                .document
                .lines_of(draft.id, attribute.as_str())
                .collect::<Vec<_>>();
            let value = |line| Value::new(self.document.value_at(draft.id, line));
            let now = before
                .iter()
                .map(|line| (Some(*line), value(*line)))
                .collect();
            Plain { before, now }
        });
        let place = |now: &[(Option<usize>, Value)], value: &Value| {
            now.iter()
                .position(|(_, there)| is_stored_as(attribute, there, value))
        };
        let absent = |value: &str| {
            refusal(
                draft.operation,
                16,
                0x2085,
                &format!("`{attribute}` has no value {value}"),
            )
        };
        match step.operation {
            ModificationKind::Add => {
                for value in &step.values {
                    if place(&values.now, value).is_some() {
                        let what = format!("`{attribute}` has the value {value:?} already");
                        return Err(refusal(draft.operation, 20, 0x2083, &what));
                    }
                    if is_single_valued(attribute) && !values.now.is_empty() {
                        return Err(one_value(draft.operation, attribute));
                    }
                    values.now.push((None, value.clone()));
                }
            }
            ModificationKind::Delete if step.values.is_empty() => match values.now.is_empty() {
                true => return Err(absent("at all")),
                false => values.now.clear(),
            },
            ModificationKind::Delete => {
                for value in &step.values {
                    let at =
                        place(&values.now, value).ok_or_else(|| absent(&format!("{value:?}")))?;
                    values.now.remove(at);
                }
            }
        }
        Ok(())
    }

    fn link_step(
        &self,
        draft: &mut Draft,
        links: &Links,
        holder: Holder,
        step: &Modification,
    ) -> Result<(), Failure> {
        let operation = draft.operation;
        let is_member = step.attribute.is("member");
        let targets = match (step.operation, step.values.is_empty()) {
            (ModificationKind::Delete, true) => self.all_targets(operation, holder, step)?,
            (ModificationKind::Add, _) | (ModificationKind::Delete, false) => step
                .values
                .iter()
                .map(|value| {
                    match (
                        self.target(operation, &step.attribute, value),
                        step.operation,
                    ) {
                        // What is not there any more can still be taken out.
                        (Err(failure), ModificationKind::Delete) => {
                            named(value.bytes()).ok_or(failure)
                        }
                        (target, ModificationKind::Add | ModificationKind::Delete) => target,
                    }
                })
                .collect::<Result<Vec<_>, _>>()?,
        };
        for target in targets {
            let was_held = links.has(&target, holder);
            let is_full = is_single_valued(&step.attribute) && self.has_target(draft, holder);
            let text = target.to_string();
            let link = draft.links.entry((holder, target)).or_default();
            let is_held = link.added || (was_held && link.removed.is_none());
            match (step.operation, is_held) {
                (ModificationKind::Add, false) if is_full => {
                    return Err(one_value(operation, &step.attribute));
                }
                (ModificationKind::Add, false) => link.added = true,
                (ModificationKind::Add, true) if is_member => {
                    return Err(refusal(operation, 68, 0x562, &text));
                }
                (ModificationKind::Add, true) => return Err(refusal(operation, 20, 0x2083, &text)),
                (ModificationKind::Delete, true) if link.added => link.added = false,
                (ModificationKind::Delete, true) => {
                    let dn = named(text.as_bytes());
                    link.removed = self
                        .document
                        .lines_of(draft.id, holder.attribute())
                        .find(|line| named(&self.document.value_at(draft.id, *line)) == dn);
                }
                (ModificationKind::Delete, false) if is_member => {
                    return Err(refusal(operation, 53, 0x561, &text));
                }
                (ModificationKind::Delete, false) => {
                    return Err(refusal(operation, 16, 0x2085, &text));
                }
            }
        }
        Ok(())
    }

    /// Everything that the attribute refers to, for a step that takes all of it.
    fn all_targets(
        &self,
        operation: Operation,
        holder: Holder,
        step: &Modification,
    ) -> Result<Vec<Dn>, Failure> {
        let lines = self.document.lines_of(holder.record, holder.attribute());
        let targets = lines
            .filter_map(|line| named(&self.document.value_at(holder.record, line)))
            .collect::<Vec<_>>();
        match targets.is_empty() {
            true => Err(refusal(
                operation,
                16,
                0x2085,
                &format!("no `{}`", step.attribute),
            )),
            false => Ok(targets),
        }
    }

    fn outcome(&self, draft: Draft) -> Result<Modified, Failure> {
        let Draft {
            operation,
            id,
            plain,
            links,
        } = draft;
        let mut object = self.index.object(id).clone();
        let mut edit = Edit::default();
        for (attribute, Plain { before, now }) in plain {
            let (lines, values): (Vec<_>, Vec<_>) = now.into_iter().unzip();
            let kept = rules::kept(operation, object.kind, &attribute, values.clone())?;
            rules::has_what_it_must(operation, &attribute, &kept)?;
            if attribute.is("userAccountControl") {
                let version = self.document.values(id, KEY_VERSION);
                rules::may_be_enabled(operation, kept.first(), version.first())?;
            } else if attribute.is("sAMAccountName") {
                object.login = folded(kept.first().map(Value::bytes));
            } else if attribute.is("userPrincipalName") {
                object.principal = folded(kept.first().map(Value::bytes));
            }
            edit.removed
                .extend(before.iter().filter(|line| !lines.contains(&Some(**line))));
            for ((line, written), value) in lines.into_iter().zip(values).zip(kept) {
                if line.is_none() || written != value {
                    edit.removed.extend(line);
                    edit.added.push((attribute.clone(), value));
                }
            }
        }
        self.is_unique(operation, id, &object)?;
        let mut changed = Vec::new();
        for ((holder, target), Link { removed, added }) in links {
            edit.removed.extend(removed);
            if added {
                edit.added
                    .push((holder.attribute().into(), target.to_string().into()));
            }
            if added != removed.is_some() {
                changed.push((target, holder, added));
            }
        }
        Ok(Modified {
            edit,
            object,
            links: changed,
        })
    }

    /// Whether the attribute, as far as it has been changed, refers to anything.
    fn has_target(&self, draft: &Draft, holder: Holder) -> bool {
        let links = draft
            .links
            .iter()
            .filter(|((of, _), _)| *of == holder)
            .map(|(_, link)| link);
        let removed = links
            .clone()
            .filter_map(|link| link.removed)
            .collect::<Vec<_>>();
        let mut lines = self.document.lines_of(draft.id, holder.attribute());
        links.clone().any(|link| link.added) || lines.any(|line| !removed.contains(&line))
    }
}

fn one_value(operation: Operation, attribute: &AttributeName) -> Failure {
    refusal(
        operation,
        19,
        0x2081,
        &format!("`{attribute}` takes one value, and has one"),
    )
}

/// Whether the directory would find the value by the other. Numbers are found by what they are, not by
/// what they mean.
fn is_stored_as(attribute: &AttributeName, stored: &Value, value: &Value) -> bool {
    let is_number = attribute.is("userAccountControl") || attribute.is("accountExpires");
    stored == value || (!is_number && same_value(attribute, stored, value))
}
