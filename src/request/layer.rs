//! What `Activate` and `Change` give and take: fields, profiles, access, identities.

use super::life::{assigned, lapse, profiles};
use super::timeline::Step;
use super::{Assigned, Exception, FoldedUser, Origin, Taking};
use crate::catalog::Catalog;
use crate::catalog::duties::meant_level;
use crate::manifest::request::{
    AccessChange, IdentityChange, IdentityMatcher, ProfileChange, UserChange,
};
use crate::manifest::{Access, AccessMatcher, Edge, Line, RequestSpec, Without};
use crate::name::LevelName;
use jiff::Timestamp;
use std::sync::Arc;

/// Puts what a request gives and takes on a user.
pub(super) fn change(
    catalog: &Catalog,
    mut user: FoldedUser,
    step: &Step<'_>,
    request: &RequestSpec,
    origin: &Origin,
    now: Timestamp,
) -> FoldedUser {
    if let Some(set) = &request.set {
        fields(&mut user, set);
    }
    if !request.answers.is_empty() {
        let spec = Arc::make_mut(&mut user.spec);
        spec.answers.extend(request.answers.clone());
    }
    if let Some(change) = &request.profiles {
        of_profiles(catalog, &mut user, change, origin, now);
    }
    lapse(catalog, &mut user);
    // What goes, goes first: a level is exchanged by naming both.
    if let Some(AccessChange { add, remove }) = &request.access {
        for (i, matcher) in remove.iter().enumerate() {
            take(
                catalog,
                &mut user,
                matcher,
                step,
                origin,
                &format!("access.remove.{i}"),
            );
        }
        for given in assigned(add.clone(), origin, "access.add") {
            let key = |a: &Access| (a.resource.clone(), meant_level(catalog, a));
            let added = key(&given.value);
            user.access.retain(|old| key(&old.value) != added);
            // What is asked for by name is no longer excepted.
            user.without.retain(|e| {
                let bound = e.value.profiles.is_some();
                !(bound && excepts(&e.value.without, &added))
            });
            user.access.push(given);
        }
    }
    if let Some(IdentityChange { add, remove }) = &request.identities {
        for (i, matcher) in remove.iter().enumerate() {
            of_identity(
                catalog,
                &mut user,
                matcher,
                origin,
                &format!("identities.remove.{i}"),
            );
        }
        user.identities
            .extend(assigned(add.clone(), origin, "identities.add"));
    }
    user
}

/// Fields that a request sets; what it leaves out stays. Every field is named, so that a new one
/// does not compile unconsidered.
fn fields(user: &mut FoldedUser, set: &UserChange) {
    let UserChange {
        display_name,
        given_name,
        middle_name,
        family_name,
        employee_number,
        kind,
        organization,
        title,
        supervisor,
        associated,
        end_date,
        contact,
        notifications,
        login,
        mail,
        ou,
        attributes,
    } = set.clone();
    fn put<T>(field: &mut Option<T>, value: Option<T>) {
        if value.is_some() {
            *field = value;
        }
    }
    let renamed = given_name.is_some() || family_name.is_some();
    let spec = Arc::make_mut(&mut user.spec);
    // A display name that only says the old names would hide the new ones.
    if renamed && display_name.is_none() {
        spec.display_name = None;
    }
    put(&mut spec.display_name, display_name);
    put(&mut spec.given_name, given_name);
    put(&mut spec.middle_name, middle_name);
    put(&mut spec.family_name, family_name);
    put(&mut spec.employee_number, employee_number);
    put(&mut spec.title, title);
    put(&mut spec.supervisor, supervisor);
    put(&mut spec.end_date, end_date);
    put(&mut spec.contact, contact);
    put(&mut spec.login, login);
    put(&mut spec.mail, mail);
    put(&mut spec.ou, ou);
    spec.kind = kind.unwrap_or(spec.kind);
    spec.notifications = notifications.unwrap_or(spec.notifications);
    if let Some(organization) = organization {
        spec.organization = organization;
    }
    if let Some(associated) = associated {
        spec.associated = associated;
    }
    spec.attributes.extend(attributes);
}

fn of_profiles(
    catalog: &Catalog,
    user: &mut FoldedUser,
    change: &ProfileChange,
    origin: &Origin,
    now: Timestamp,
) {
    let ProfileChange {
        add,
        remove,
        replace,
        keep_until,
    } = change;
    let before = user.profiles.clone();
    match replace {
        Some(replace) => {
            let kept = |p: &Assigned<_>| replace.contains(&p.value);
            user.profiles.retain(kept);
            for given in assigned(replace.clone(), origin, "profiles.replace") {
                if !user.profiles.iter().any(|p| p.value == given.value) {
                    user.profiles.push(given);
                }
            }
        }
        None => {
            user.profiles.retain(|p| !remove.contains(&p.value));
            for given in assigned(add.clone(), origin, "profiles.add") {
                if !user.profiles.iter().any(|p| p.value == given.value) {
                    user.profiles.push(given);
                }
            }
        }
    }
    let end = keep_until
        .as_ref()
        .and_then(|m| m.resolve(&catalog.zone, Edge::End).ok());
    if end.is_some_and(|end| now < end) {
        let gone = |p: &Assigned<_>| !user.profiles.iter().any(|q| q.value == p.value);
        let gone: Vec<_> = before.into_iter().filter(gone).collect();
        user.kept.extend(gone.into_iter().map(|p| Assigned {
            value: p.value,
            origin: origin.clone(),
            route: "profiles.keepUntil".into(),
        }));
    }
}

fn excepts(
    without: &Without,
    (resource, level): &(crate::name::ResourceName, Option<LevelName>),
) -> bool {
    without.resource == *resource
        && without.role.is_none()
        && (without.level.is_none() || without.level == *level)
}

/// Takes personal access away, and excepts what the present profiles give.
fn take(
    catalog: &Catalog,
    user: &mut FoldedUser,
    matcher: &AccessMatcher,
    step: &Step<'_>,
    origin: &Origin,
    route: &str,
) {
    let before = user.access.len();
    user.access.retain(|old| {
        let same = old.value.resource == matcher.resource;
        let fits = matcher.level.is_none() || meant_level(catalog, &old.value) == matcher.level;
        !(same && fits)
    });
    let took = user.access.len() < before;
    let profiles = profiles(catalog, user);
    if profiles.is_empty() && took {
        return;
    }
    user.without.push(Assigned {
        value: Exception {
            without: Without {
                resource: matcher.resource.clone(),
                level: matcher.level.clone(),
                role: None,
                profiles: Vec::new(),
                reason: format!("taken by {}", origin.text),
                line: Line(0),
            },
            profiles: Some(profiles),
            since: (!took).then_some(step.from),
        },
        origin: origin.clone(),
        route: route.to_owned(),
    });
}

/// Takes identities away, or roles and scope values of them.
fn of_identity(
    catalog: &Catalog,
    user: &mut FoldedUser,
    matcher: &IdentityMatcher,
    origin: &Origin,
    route: &str,
) {
    let whole = matcher.roles.is_empty() && matcher.scopes.is_empty();
    user.identities.retain_mut(|given| {
        let GivenIdentity {
            resource,
            kind,
            alias,
            ..
        } = &given.value;
        if !fits(catalog, matcher, resource, kind, alias.as_deref()) {
            return true;
        }
        given
            .value
            .roles
            .retain(|r| !matcher.roles.contains(&r.given));
        for (scope, values) in &matcher.scopes {
            if let Some(given) = given.value.scopes.get_mut(scope) {
                given.retain(|v| !values.contains(&v.given));
            }
        }
        !whole
    });
    let profiles = profiles(catalog, user);
    user.taken.push(Assigned {
        value: Taking::Matched {
            matcher: matcher.clone(),
            profiles,
        },
        origin: origin.clone(),
        route: route.to_owned(),
    });
}

use crate::manifest::identity::GivenIdentity;

/// Whether a matcher means an identity.
pub fn fits(
    catalog: &Catalog,
    matcher: &IdentityMatcher,
    resource: &crate::name::ResourceName,
    kind: &crate::name::IdentityType,
    alias: Option<&str>,
) -> bool {
    let rules = catalog.resources.get(resource);
    let rules = rules.and_then(|r| r.spec.identities.as_ref());
    let named = rules.and_then(|r| r.types.iter().find(|k| k.name == *kind));
    let named = named.and_then(|k| k.display_name.as_deref());
    let alias = alias.or(named).unwrap_or(kind.as_str());
    matcher.resource == *resource
        && matcher.kind.as_ref().is_none_or(|k| k == kind)
        && matcher.alias.as_ref().is_none_or(|a| a == alias)
}

/// Whether a request took identities of a user.
pub(super) fn taken_by(user: &FoldedUser) -> bool {
    user.taken
        .iter()
        .any(|t| matches!(t.value, Taking::Matched { .. }))
}
