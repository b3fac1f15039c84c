//! What somebody changed by hand in the directory → the edits of the user's manifest that make it what
//! the manifests say, and what no manifest of a user can say. Pure.

use super::edit::Edit;
use crate::catalog::Catalog;
use crate::catalog::problem::route;
use crate::connector::Value;
use crate::desired::GroupKey;
use crate::manifest::UserSpec;
use crate::manifest::resource::Field;
use crate::name::{LevelName, ResourceName};
use crate::plan::{Action, Change, FieldChange, Write};
use serde_json::json;

/// What is written, and what is not.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Accepted {
    /// The edits of the user's manifest, in their order.
    pub edits: Vec<Edit>,
    /// What no edit says, and what to do about it.
    pub left: Vec<String>,
}

/// Why an exception is made; everyone may read it.
const REASON: &str = "taken out by hand in the directory, and accepted";

/// The edits that accept what these changes would undo.
pub fn accept(catalog: &Catalog, spec: &UserSpec, changes: &[&Change]) -> Accepted {
    let mut accepted = Accepted::default();
    // Of a list the last goes first, so that the places of the others stay.
    let mut gone: Vec<usize> = Vec::new();
    for change in changes {
        match change.action {
            Action::Update => {
                for field in &change.fields {
                    match value(catalog, spec, field) {
                        Ok(edit) => accepted.edits.push(edit),
                        Err(why) => accepted.left.push(why),
                    }
                }
            }
            Action::AddMember | Action::RemoveMember => {
                let Some((resource, level)) = level(catalog, change) else {
                    let words = format!("no level of any resource has the group {}", change.what);
                    accepted.left.push(words);
                    continue;
                };
                let own = spec.access.iter().position(|access| {
                    let default = catalog.resources.get(&access.resource);
                    let default = default.and_then(|r| r.spec.default_level.as_ref());
                    let at = access.level.as_ref().or(default);
                    access.resource == *resource && at == Some(level)
                });
                match (change.action, own) {
                    (Action::AddMember, Some(own)) => gone.push(own),
                    (Action::AddMember, None) => {
                        let exception =
                            json!({"resource": resource, "level": level, "reason": REASON});
                        accepted.edits.push(Edit::Push(route("without"), exception));
                    }
                    (_, _) => {
                        let access = json!({"resource": resource, "level": level});
                        accepted.edits.push(Edit::Push(route("access"), access));
                    }
                }
            }
            Action::Enable => accepted.left.push(format!(
                "{} is disabled: `countersign user deactivate` begins a leave of absence",
                change.target
            )),
            Action::Disable
            | Action::ResetPassword
            | Action::Expire
            | Action::Revoke
            | Action::Adopt
            | Action::Create
            | Action::SetPassword
            | Action::Rename
            | Action::Move
            | Action::Link
            | Action::Grant => accepted.left.push(format!(
                "{} {} {}: edit the manifests by hand",
                change.action, change.target, change.what
            )),
        }
    }
    gone.sort_unstable();
    gone.dedup();
    let gone = gone.into_iter().rev();
    let gone = gone.map(|own| Edit::Remove(route(&format!("access.{own}"))));
    accepted.edits.extend(gone);
    accepted
}

/// The edit that makes a field what it is in the directory; in words, why there is none.
fn value(catalog: &Catalog, spec: &UserSpec, change: &FieldChange) -> Result<Edit, String> {
    let name = &change.name;
    let text = change.before.first().and_then(Value::text);
    if name.is("userPrincipalName") {
        return Err(format!(
            "{name} is `{}`: it follows from the login name and `naming.upn` of the configuration; where \
             they make another of it, change it back by hand",
            text.unwrap_or_default()
        ));
    }
    if name.is("sAMAccountName") {
        let text = text.ok_or_else(|| format!("{name} is empty, and no manifest can say that"))?;
        return Ok(Edit::Set(route("login"), json!(text)));
    }
    let directory = catalog.resources.get(&catalog.config.spec.directory);
    let fields = directory.map_or(&[][..], |d| &d.spec.fields);
    let field = fields.iter().find(|f| name.is(f.name.as_str()));
    let field = field.ok_or_else(|| format!("{name} is no field of the directory"))?;
    let is = match change.before.as_slice() {
        [] => None,
        [one] => Some(Value::text(one).ok_or_else(|| format!("{name} is no text"))?),
        [_, ..] => {
            return Err(format!(
                "{name} has several values, and a manifest says one"
            ));
        }
    };
    let own = match (&field.value, question(field)) {
        (Some(value), None) if is_of_the_address(value) => {
            let is = is.ok_or_else(|| format!("{name} is empty, and no manifest can say that"))?;
            return Ok(Edit::Set(route("mail"), json!(is)));
        }
        (Some(_), Some(question)) => ("answers", question.to_owned()),
        (Some(value), None) => {
            return Err(format!(
                "{name} is `{value}` for everybody; nobody can have another"
            ));
        }
        (None, _) => ("attributes", field.name.to_string()),
    };
    let (map, key) = own;
    let at = route(&format!("{map}.{key}"));
    let said = match map {
        "answers" => spec.answers.keys().any(|k| k.as_str() == key),
        _ => spec.attributes.keys().any(|k| k.as_str() == key),
    };
    match is {
        Some(is) => Ok(Edit::Set(at, json!(is))),
        None if said => Ok(Edit::Remove(at)),
        None => Err(format!(
            "{name} is empty, and comes from a profile or a default"
        )),
    }
}

/// Whether a field is the account's mail address, which a manifest says as `mail`.
fn is_of_the_address(template: &str) -> bool {
    let inner = template.trim().strip_prefix("{{");
    let inner = inner.and_then(|inner| inner.strip_suffix("}}"));
    inner.is_some_and(|inner| inner.trim() == "account.mail")
}

/// The question whose answer a field is, where it is nothing else.
fn question(field: &Field) -> Option<&str> {
    let template = field.value.as_deref()?.trim();
    let inner = template.strip_prefix("{{")?.strip_suffix("}}")?.trim();
    let question = inner.strip_prefix("answers.")?;
    let plain = question.chars().all(|c| c.is_ascii_alphanumeric());
    plain.then_some(question)
}

/// The level that the group of a membership comes with: of the change's resource, else of any.
fn level<'a>(catalog: &'a Catalog, change: &Change) -> Option<(&'a ResourceName, &'a LevelName)> {
    match &change.write {
        Write::Member { .. } => {}
        Write::Adopt { .. }
        | Write::Create { .. }
        | Write::SetPassword { .. }
        | Write::ResetPassword { .. }
        | Write::Modify { .. }
        | Write::Rename { .. }
        | Write::Row { .. } => return None,
    }
    let group = GroupKey::new(&change.what);
    let levels = catalog.resources.iter().flat_map(|(name, resource)| {
        let levels = resource.spec.levels.iter();
        levels.map(move |level| (name, level))
    });
    let mut having: Vec<_> = levels
        .filter(|(_, level)| level.groups.iter().any(|g| GroupKey::new(&g.0) == group))
        .collect();
    having.sort_by_key(|(name, level)| (**name != change.resource, level.groups.len()));
    having.first().map(|(name, level)| (*name, &level.name))
}
