//! One user → another who starts with the same: what is copied, and what is not, and why (MODEL 6).

use crate::catalog::Catalog;
use crate::manifest::timed::Timed;
use crate::manifest::user::UserState;
use crate::manifest::{Access, IdentitySpec, Line, UserSpec, UserType};
use crate::name::{ManifestName, OrganizationName, RoleName, UserName};
use crate::request::{FoldedUser, Taking};
use crate::sorted::Sorted;
use std::collections::BTreeMap;

/// What a clone is written as.
#[derive(Debug, Clone, PartialEq)]
pub struct Clone {
    /// The user.
    pub user: UserSpec,
    /// The identities, by name.
    pub identities: Vec<(ManifestName, IdentitySpec)>,
    /// What was left out, and why; a line each.
    pub left_out: Vec<String>,
}

/// Copies a user as they are at an instant: organization, type, supervisor, profiles, own access without an
/// end, exceptions and identities. Never who they are, and nothing that administers or is deprecated.
pub fn clone(catalog: &Catalog, from: &UserName, original: &FoldedUser, name: &UserName) -> Clone {
    let mut left_out = Vec::new();
    let user = UserSpec {
        supervisor: original.spec.supervisor.clone(),
        profiles: original.profiles.iter().map(|p| p.value.clone()).collect(),
        access: access(catalog, original, &mut left_out),
        without: without(original, &mut left_out),
        ..nobody(original.spec.kind, original.spec.organization.clone())
    };
    personal(&original.spec, &mut left_out);
    let identities = identities(catalog, from, original, name, &mut left_out);
    Clone {
        user,
        identities,
        left_out,
    }
}

/// A user of whom nothing is said yet but type and organization.
pub fn nobody(kind: UserType, organization: OrganizationName) -> UserSpec {
    UserSpec {
        display_name: None,
        given_name: None,
        middle_name: None,
        family_name: None,
        employee_number: None,
        kind,
        organization,
        associated: Vec::new(),
        title: None,
        supervisor: None,
        contact: None,
        notifications: true,
        state: UserState::Active,
        start_date: None,
        end_date: None,
        login: None,
        mail: None,
        ou: None,
        profiles: Vec::new(),
        access: Vec::new(),
        without: Vec::new(),
        attributes: BTreeMap::new(),
        answers: Sorted::new(),
        deputy: None,
        credentials: None,
        account: None,
        activation: None,
        departure: None,
    }
}

/// What the original has and the clone does not get. Every field is named, so that a new one does not
/// compile unconsidered.
fn personal(spec: &UserSpec, left_out: &mut Vec<String>) {
    let UserSpec {
        display_name: _,
        given_name: _,
        middle_name: _,
        family_name: _,
        employee_number,
        kind: _,
        organization: _,
        associated,
        title,
        supervisor: _,
        contact,
        notifications,
        state,
        start_date,
        end_date,
        login,
        mail,
        ou,
        profiles: _,
        access: _,
        without: _,
        attributes,
        answers,
        deputy,
        credentials,
        account,
        activation: _,
        // Whoever left cannot be cloned into somebody who left.
        departure: _,
    } = spec;
    let theirs = "is their own";
    for (is_there, what, why) in [
        (employee_number.is_some(), "employee number", theirs),
        (login.is_some(), "login", theirs),
        (mail.is_some(), "mail address", theirs),
        (contact.is_some(), "contact", theirs),
        (deputy.is_some(), "deputy", theirs),
        (credentials.is_some(), "credentials", theirs),
        (account.is_some(), "adopted account", theirs),
        (
            !answers.is_empty(),
            "answers",
            "are asked of everybody anew",
        ),
        (start_date.is_some() || end_date.is_some(), "dates", theirs),
        (*state != UserState::Active, "state", theirs),
        (
            title.is_some(),
            "title",
            "is said anew where the profiles do not say it",
        ),
        (
            !associated.is_empty(),
            "associated clients and suppliers",
            "are said anew",
        ),
        (
            !attributes.is_empty(),
            "directory attributes",
            "are their own",
        ),
        (ou.is_some(), "OU", "follows from the organization"),
        (
            !notifications,
            "notifications",
            "are on until somebody says otherwise",
        ),
    ] {
        if is_there {
            left_out.push(format!("{what}: {why}"));
        }
    }
}

fn access(catalog: &Catalog, original: &FoldedUser, left_out: &mut Vec<String>) -> Vec<Access> {
    let mut copied = Vec::new();
    for given in &original.access {
        let access = &given.value;
        let resource = catalog.resources.get(&access.resource).map(|r| &r.spec);
        let level = access
            .level
            .as_ref()
            .or(resource.and_then(|r| r.default_level.as_ref()));
        let levels = resource.into_iter().flat_map(|r| &r.levels);
        let administers = levels
            .filter(|l| Some(&l.name) == level)
            .any(|l| l.administers);
        let what = match level {
            Some(level) => format!("{} {level}", access.resource),
            None => access.resource.to_string(),
        };
        if let Some(until) = &access.until {
            left_out.push(format!(
                "access to {what}: is given for a time only, until {until}"
            ));
        } else if administers {
            left_out.push(format!(
                "access to {what}: administers, and is asked for by itself"
            ));
        } else {
            if !access.fields.is_empty() {
                left_out.push(format!("field values of {what}: are their own"));
            }
            copied.push(Access {
                resource: access.resource.clone(),
                level: access.level.clone(),
                fields: BTreeMap::new(),
                until: None,
                line: Line(0),
            });
        }
    }
    copied
}

fn without(original: &FoldedUser, left_out: &mut Vec<String>) -> Vec<crate::manifest::Without> {
    let mut copied = Vec::new();
    for exception in &original.without {
        let without = &exception.value.without;
        match exception.value.profiles {
            None => copied.push(without.clone()),
            Some(_) => left_out.push(format!(
                "what {} took of {}: belongs to that request",
                exception.origin.text, without.resource
            )),
        }
    }
    copied
}

fn identities(
    catalog: &Catalog,
    from: &UserName,
    original: &FoldedUser,
    name: &UserName,
    left_out: &mut Vec<String>,
) -> Vec<(ManifestName, IdentitySpec)> {
    let void = original
        .taken
        .iter()
        .any(|t| matches!(t.value, Taking::Declared));
    let declared = catalog.identities.values().map(|i| &*i.spec);
    let declared = declared
        .filter(|spec| spec.user == *from && spec.active && !void)
        .cloned();
    let given = original.identities.iter().map(|g| g.value.clone());
    let given = given.map(|g| IdentitySpec {
        display_name: None,
        user: from.clone(),
        resource: g.resource,
        kind: g.kind,
        alias: g.alias,
        roles: g.roles,
        scopes: g.scopes,
        active: true,
        default: g.default,
        until: g.until,
    });
    let mut copied: Vec<(ManifestName, IdentitySpec)> = Vec::new();
    for mut spec in declared.chain(given) {
        let what = format!(
            "identity {} of {}",
            spec.alias.as_deref().unwrap_or(spec.kind.as_str()),
            spec.resource
        );
        for taken in &original.taken {
            let Taking::Matched { matcher, .. } = &taken.value else {
                continue;
            };
            if crate::request::fits(
                catalog,
                matcher,
                &spec.resource,
                &spec.kind,
                spec.alias.as_deref(),
            ) {
                left_out.push(format!(
                    "{what}: {} took it, or a part of it; say what is meant",
                    taken.origin.text
                ));
                spec.active = false;
            }
        }
        if let Some(until) = &spec.until {
            left_out.push(format!("{what}: is given for a time only, until {until}"));
            spec.active = false;
        }
        if !spec.active {
            continue;
        }
        spec.roles
            .retain(|role| keeps_role(catalog, role, &what, left_out));
        for (scope, values) in &mut spec.scopes {
            values.retain(|value| {
                let kept = value.until.is_none();
                if !kept {
                    left_out.push(format!(
                        "{scope} = {} of {what}: is given for a time only",
                        value.given
                    ));
                }
                kept
            });
        }
        spec.scopes.retain(|_, values| !values.is_empty());
        spec.user = name.clone();
        spec.display_name = None;
        if let Ok(identity) = identity_name(catalog, &copied, &spec) {
            copied.push((identity, spec));
        }
    }
    copied
}

fn keeps_role(
    catalog: &Catalog,
    role: &Timed<RoleName>,
    what: &str,
    left_out: &mut Vec<String>,
) -> bool {
    let deprecated = catalog
        .roles
        .get(&role.given)
        .and_then(|r| r.spec.deprecated.as_ref());
    match (&role.until, deprecated) {
        (Some(until), _) => left_out.push(format!(
            "role {} of {what}: is given for a time only, until {until}",
            role.given
        )),
        (None, Some(deprecated)) => {
            let instead = deprecated
                .replacement
                .as_ref()
                .map(|r| format!("; give {r} instead"));
            left_out.push(format!(
                "role {} of {what}: is deprecated{}",
                role.given,
                instead.unwrap_or_default()
            ));
        }
        (None, None) => return true,
    }
    false
}

/// `lucy.white-glove.client`, or with a number behind it where that is taken.
///
/// # Errors
/// Where it would be no name.
pub fn identity_name(
    catalog: &Catalog,
    others: &[(ManifestName, IdentitySpec)],
    spec: &IdentitySpec,
) -> Result<ManifestName, crate::name::NameError> {
    let is_taken = |name: &str| {
        let mut others = others.iter().map(|(other, _)| other.as_str());
        catalog.identities.contains_key(name) || others.any(|other| other == name)
    };
    super::place::free(
        is_taken,
        &format!("{}.{}.{}", spec.user, spec.resource, spec.kind),
    )
}
