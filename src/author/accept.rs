//! What somebody changed by hand in the directory → the edits of the user's manifest that make it what
//! the manifests say, and what no manifest of a user can say. Pure.

use super::edit::Edit;
use crate::catalog::Catalog;
use crate::catalog::problem::route;
use crate::connector::Value;
use crate::connector::active_directory::matching;
use crate::desired::{DesiredAccount, GroupKey};
use crate::dn::Dn;
use crate::manifest::UserSpec;
use crate::manifest::resource::Field;
use crate::name::{LevelName, ResourceName};
use crate::plan::{Action, Change, FieldChange, Write};
use serde_json::json;

/// What is written, and what is not.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Accepted<'c> {
    /// The edits of the user's manifest, in their order.
    pub edits: Vec<Edit>,
    /// What they are to bring about.
    pub written: Vec<Written<'c>>,
    /// What no edit says, and what to do about it.
    pub left: Vec<String>,
}

/// A change by hand that an edit says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Written<'c> {
    /// The value of a field.
    Field(&'c FieldChange),
    /// Where the account stands.
    Place(&'c Dn),
    /// That it is in a group no more.
    Out(&'c str),
    /// That it is in a group.
    In(&'c str),
}

/// Why an exception is made; everyone may read it.
const REASON: &str = "taken out by hand in the directory, and accepted";

/// The edits that accept what these changes would undo; `base`, the DN that OUs are relative to.
pub fn accept<'c>(
    catalog: &Catalog,
    spec: &UserSpec,
    base: Option<&Dn>,
    changes: &[&'c Change],
) -> Accepted<'c> {
    let mut accepted = Accepted::default();
    // Of a list the last goes first, so that the places of the others stay.
    let mut gone: Vec<usize> = Vec::new();
    for change in changes {
        match change.action {
            Action::Update => {
                for field in &change.fields {
                    match value(catalog, spec, field) {
                        Ok(edit) => {
                            accepted.edits.push(edit);
                            accepted.written.push(Written::Field(field));
                        }
                        Err(why) => accepted.left.push(why),
                    }
                }
            }
            Action::AddMember | Action::RemoveMember => {
                let Some((resource, level)) = level(catalog, change) else {
                    accepted.left.push(without_level(catalog, change));
                    continue;
                };
                accepted
                    .written
                    .push(match change.action == Action::AddMember {
                        true => Written::Out(&change.what),
                        false => Written::In(&change.what),
                    });
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
            // It comes with the account that is enabled again.
            Action::SetPassword => {}
            Action::Move | Action::Rename => place(spec, base, change, &mut accepted),
            Action::Disable
            | Action::ResetPassword
            | Action::Expire
            | Action::Revoke
            | Action::Adopt
            | Action::Create
            | Action::Link
            | Action::Grant => {
                let what = [change.target.as_str(), &change.what].join(" ");
                let words = format!(
                    "{} {}: edit the manifests by hand",
                    change.action,
                    what.trim()
                );
                accepted.left.push(words);
            }
        }
    }
    gone.sort_unstable();
    gone.dedup();
    let gone = gone.into_iter().rev();
    let gone = gone.map(|own| Edit::Remove(route(&format!("access.{own}"))));
    accepted.edits.extend(gone);
    accepted
}

/// What is still otherwise with the edits, where the account would be this; in words, each.
pub fn otherwise(
    written: &[Written<'_>],
    account: Option<&DesiredAccount>,
    base: Option<&Dn>,
) -> Vec<String> {
    let still = |written: &Written<'_>| {
        let Some(account) = account else {
            return Some("there would be no account".to_owned());
        };
        let why = "something else says it: a request that is not folded, a profile or a rule";
        match written {
            Written::Field(field) => {
                let said = match field.name.is("sAMAccountName") {
                    true => vec![Value::from(&*account.login)],
                    false => {
                        let value = account.attributes.get(&field.name);
                        value.into_iter().map(|v| Value::from(&**v)).collect()
                    }
                };
                let same = matching::same_values(&field.name, &field.before, &said);
                let said: Vec<String> = said.iter().map(|v| format!("{v:?}")).collect();
                let said = match said.is_empty() {
                    true => "empty".to_owned(),
                    false => said.join(", "),
                };
                (!same).then(|| format!("{} would still be {said}; {why}", field.name))
            }
            Written::Place(dn) => {
                let ous = base.and_then(|base| ous(dn, base));
                (ous.as_deref() != Some(&*account.ou))
                    .then(|| format!("the account would still be moved away from {dn}; {why}"))
            }
            Written::Out(group) => account
                .groups
                .contains_key(&GroupKey::new(group))
                .then(|| format!("{group} would still be given; {why}")),
            Written::In(group) => (!account.groups.contains_key(&GroupKey::new(group)))
                .then(|| format!("{group} would still not be given; {why}")),
        }
    };
    written.iter().filter_map(still).collect()
}

/// What says where an account stands now, and why nothing says how it is called.
fn place<'c>(spec: &UserSpec, base: Option<&Dn>, change: &'c Change, accepted: &mut Accepted<'c>) {
    let Write::Rename {
        dn, rdn, parent, ..
    } = &change.write
    else {
        return;
    };
    if dn.rdn() != *rdn {
        let words = format!(
            "the account is called {}: that follows from the names of the user and `naming.cn`; change it back by hand",
            dn.rdn().value()
        );
        accepted.left.push(words);
    }
    if dn.parent().as_ref() == Some(parent) {
        return;
    }
    let said: Option<Vec<&str>> = spec
        .ou
        .as_ref()
        .map(|ou| ou.iter().map(|ou| ou.0.as_str()).collect());
    match base.and_then(|base| ous(dn, base)) {
        Some(ous) if said.is_none_or(|said| said != ous) => {
            accepted.edits.push(Edit::Set(route("ou"), json!(ous)));
            accepted.written.push(Written::Place(dn));
        }
        Some(_) | None => accepted.left.push(format!(
            "the account was moved to {dn}, and `ou` of a user cannot say that; move it back by hand"
        )),
    }
}

/// The OUs that something stands in, outermost first; none where it stands in something else as well.
fn ous(dn: &Dn, base: &Dn) -> Option<Vec<String>> {
    let mut ous = Vec::new();
    let mut place = dn.parent()?;
    while place != *base {
        let rdn = place.rdn();
        if !rdn.attribute().eq_ignore_ascii_case("ou") {
            return None;
        }
        ous.push(rdn.value().to_owned());
        place = place.parent()?;
    }
    ous.reverse();
    (!ous.is_empty()).then_some(ous)
}

/// What to do about a group that comes with no level.
fn without_level(catalog: &Catalog, change: &Change) -> String {
    let group = &change.what;
    let key = GroupKey::new(group);
    let role = catalog.roles.iter().find(|(_, role)| {
        let mut groups = role.spec.groups.iter();
        groups.any(|g| GroupKey::new(&g.0) == key)
    });
    match role {
        Some((role, _)) => format!(
            "the group {group} comes with the role `{role}`: give or take it where the identity that has it is declared"
        ),
        None => format!(
            "no level and no role has the group {group}: where it comes with a value of a scope, edit the identity that has it"
        ),
    }
}

/// The field of a user that a template is; none where it is anything else.
fn own_field(template: &str) -> Option<&'static str> {
    match inner(template)? {
        "user.givenName" => Some("givenName"),
        "user.middleName" => Some("middleName"),
        "user.familyName" => Some("familyName"),
        "user.displayName" => Some("displayName"),
        "user.title" => Some("title"),
        _ => None,
    }
}

/// What stands in a template that is nothing else.
fn inner(template: &str) -> Option<&str> {
    let inner = template.trim().strip_prefix("{{")?.strip_suffix("}}")?;
    Some(inner.trim())
}

/// Whether a user says this of themselves.
fn says(spec: &UserSpec, field: &str) -> bool {
    match field {
        "givenName" => spec.given_name.is_some(),
        "middleName" => spec.middle_name.is_some(),
        "familyName" => spec.family_name.is_some(),
        "displayName" => spec.display_name.is_some(),
        "title" => spec.title.is_some(),
        _ => false,
    }
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
    let is_title = name.is("title") && field.value.is_none();
    let user = field.value.as_deref().and_then(own_field);
    if let Some(user) = user.or(is_title.then_some("title")) {
        let is_said = says(spec, user);
        match is {
            Some(is) => return Ok(Edit::Set(route(user), json!(is))),
            None if is_said => return Ok(Edit::Remove(route(user))),
            None if !is_title => {
                return Err(format!("{name} is empty, and the user does not say it"));
            }
            None => {}
        }
    }
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
    inner(template) == Some("account.mail")
}

/// The question whose answer a field is, where it is nothing else.
fn question(field: &Field) -> Option<&str> {
    let question = inner(field.value.as_deref()?)?.strip_prefix("answers.")?;
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
