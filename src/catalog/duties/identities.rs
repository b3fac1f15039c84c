//! What roles, scopes and identities owe, wherever an identity is said.

use super::grants::moment;
use super::{ManagedGroups, has_level, types, unknown_level};
use crate::catalog::{Catalog, Linked, Problem};
use crate::diagnostic::Code;
use crate::diagnostic::suggest::did_you_mean;
use crate::manifest::ResourceSpec;
use crate::manifest::identity::GivenIdentity;
use crate::manifest::parse::Location;
use crate::manifest::timed::Timed;
use crate::name::{ResourceName, RoleName, ScopeName};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// What roles and scopes owe.
pub fn roles_and_scopes(catalog: &Catalog, problems: &mut Vec<Problem>) {
    let managed = ManagedGroups::new(&catalog.config.spec.managed);
    let roles = catalog.roles.iter();
    let roles = roles.map(|(name, Linked { at, spec, .. })| Called {
        name: name.as_str(),
        resource: &spec.resource,
        key: spec.key.as_deref(),
        display_name: spec.display_name.as_deref(),
        at,
    });
    called_once("role", roles, problems);
    let scopes = catalog.scopes.iter();
    let scopes = scopes.map(|(name, Linked { at, spec, .. })| Called {
        name: name.as_str(),
        resource: &spec.resource,
        key: spec.key.as_deref(),
        display_name: spec.display_name.as_deref(),
        at,
    });
    called_once("scope", scopes, problems);
    for (name, Linked { at, spec, .. }) in &catalog.roles {
        prefixed(name.as_str(), &spec.resource, at, problems);
        managed.check(&spec.groups, at, "groups", problems);
        for (i, other) in spec.includes.iter().enumerate() {
            let there = catalog.roles.get(other);
            if there.is_some_and(|r| r.spec.resource != spec.resource) {
                other_resource(
                    at,
                    &format!("includes.{i}"),
                    other.as_str(),
                    &spec.resource,
                    problems,
                );
            }
        }
        let Some(resource) = catalog.resources.get(&spec.resource) else {
            continue;
        };
        for (i, level) in spec.levels.iter().enumerate() {
            if !has_level(&resource.spec, level) {
                let route = format!("levels.{i}");
                unknown_level(at, &route, &spec.resource, &resource.spec, level, problems);
            }
        }
        let types = spec.eligible.iter().flat_map(|e| &e.identities).enumerate();
        for (i, kind) in types {
            identity_type(
                &resource.spec,
                kind,
                at,
                &format!("eligible.identities.{i}"),
                problems,
            );
        }
    }
    for Linked { at, spec, .. } in catalog.organizations.values() {
        if spec.code.as_deref() == Some("*") {
            problems.push(
                Problem::new(
                    Code::ScopeWildcard,
                    at,
                    "code",
                    "`*` is no value of its own, so no organization can be called so",
                )
                .help("give it another `code`, or none"),
            );
        }
    }
    for (name, Linked { at, spec, .. }) in &catalog.scopes {
        prefixed(name.as_str(), &spec.resource, at, problems);
        if !spec.wildcard_groups.is_empty() && !spec.wildcard {
            problems.push(
                Problem::new(
                    Code::ScopeWildcard,
                    at,
                    "wildcardGroups",
                    "`*` is not allowed for this scope, so its groups would never be granted",
                )
                .help("say `wildcard: true`, or take `wildcardGroups` out"),
            );
        }
        if let Some(i) = spec.values.iter().position(|v| v == "*") {
            problems.push(
                Problem::new(
                    Code::ScopeWildcard,
                    at,
                    &format!("values.{i}"),
                    "`*` is no value of its own",
                )
                .help("say `wildcard: true`"),
            );
        }
        let Some(resource) = catalog.resources.get(&spec.resource) else {
            continue;
        };
        for (i, kind) in spec.required_for.iter().enumerate() {
            identity_type(
                &resource.spec,
                kind,
                at,
                &format!("requiredFor.{i}"),
                problems,
            );
        }
    }
}

/// What identities owe.
pub fn identities(catalog: &Catalog, problems: &mut Vec<Problem>) {
    let mut aliases: BTreeMap<(&str, &str, String), &Location> = BTreeMap::new();
    for Linked { at, spec, .. } in catalog.identities.values() {
        let given = Given {
            resource: &spec.resource,
            kind: &spec.kind,
            roles: spec.roles.iter().map(|r| &r.given).collect(),
            scopes: timed(&spec.scopes),
        };
        identity(catalog, at, "", &given, problems);
        moment(catalog, spec.until.as_ref(), at, "until", problems);
        moments(catalog, &spec.roles, &spec.scopes, at, "", problems);
        let resource = catalog.resources.get(&spec.resource);
        let kinds = resource.and_then(|r| r.spec.identities.as_ref());
        let kind = kinds.and_then(|r| r.types.iter().find(|k| k.name == spec.kind));
        let alias = spec
            .alias
            .clone()
            .or_else(|| kind.and_then(|k| k.display_name.clone()))
            .unwrap_or_else(|| spec.kind.to_string());
        let key = (spec.user.as_str(), spec.resource.as_str(), alias);
        if let Some(first) = aliases.get(&key) {
            problems.push(
                Problem::new(
                    Code::DuplicateEntry,
                    at,
                    if spec.alias.is_some() {
                        "alias"
                    } else {
                        "type"
                    },
                    format!(
                        "`{}` has an identity `{}` in `{}` already",
                        key.0, key.2, key.1
                    ),
                )
                .help("give one of them another `alias`")
                .related(first, "type", "the other one"),
            );
        } else {
            aliases.insert(key, at);
        }
        if let (Some(kind), Some(user)) = (kind, catalog.users.get(&spec.user))
            && !kind.user_types.is_empty()
            && !kind.user_types.contains(&user.spec.kind)
        {
            problems.push(
                Problem::new(
                    Code::IdentityType,
                    at,
                    "type",
                    format!(
                        "a user of type {} cannot be `{}` here",
                        user.spec.kind.as_str(),
                        kind.name
                    ),
                )
                .help(format!("this type is for {}", types(&kind.user_types)))
                .related(&user.at, "type", "the user"),
            );
        }
    }
}

pub(super) fn given_identity(
    catalog: &Catalog,
    given: &GivenIdentity,
    at: &Location,
    route: &str,
    problems: &mut Vec<Problem>,
) {
    let until = format!("{route}.until");
    moment(catalog, given.until.as_ref(), at, &until, problems);
    moments(catalog, &given.roles, &given.scopes, at, route, problems);
    let given = Given {
        resource: &given.resource,
        kind: &given.kind,
        roles: given.roles.iter().map(|r| &r.given).collect(),
        scopes: timed(&given.scopes),
    };
    identity(catalog, at, route, &given, problems);
}

/// The scopes and their values, whenever these end.
fn timed(scopes: &BTreeMap<ScopeName, Vec<Timed<String>>>) -> Vec<(&ScopeName, Vec<&str>)> {
    let one = scopes.iter().map(|(name, values)| {
        let texts = values.iter().map(|v| v.given.as_str());
        (name, texts.collect())
    });
    one.collect()
}

/// The ends of roles and scope values.
fn moments(
    catalog: &Catalog,
    roles: &[Timed<RoleName>],
    scopes: &BTreeMap<ScopeName, Vec<Timed<String>>>,
    at: &Location,
    route: &str,
    problems: &mut Vec<Problem>,
) {
    let below = |part: String| match route {
        "" => part,
        route => format!("{route}.{part}"),
    };
    for (i, role) in roles.iter().enumerate() {
        let route = below(format!("roles.{i}.until"));
        moment(catalog, role.until.as_ref(), at, &route, problems);
    }
    for (name, values) in scopes {
        for (i, value) in values.iter().enumerate() {
            let route = below(format!("scopes.`{name}`.{i}.until"));
            moment(catalog, value.until.as_ref(), at, &route, problems);
        }
    }
}

/// What an identity says, wherever it is said.
pub(super) struct Given<'a> {
    pub(super) resource: &'a ResourceName,
    pub(super) kind: &'a crate::name::IdentityType,
    pub(super) roles: Vec<&'a RoleName>,
    pub(super) scopes: Vec<(&'a ScopeName, Vec<&'a str>)>,
}

pub(super) fn identity(
    catalog: &Catalog,
    at: &Location,
    route: &str,
    given: &Given<'_>,
    problems: &mut Vec<Problem>,
) {
    let below = |part: &str| match route {
        "" => part.to_owned(),
        route => format!("{route}.{part}"),
    };
    let Some(resource) = catalog.resources.get(given.resource) else {
        return;
    };
    match &resource.spec.identities {
        Some(_) => identity_type(&resource.spec, given.kind, at, &below("type"), problems),
        None => problems.push(
            Problem::new(
                Code::IdentityType,
                at,
                &below("resource"),
                format!("`{}` has no identities", given.resource),
            )
            .help("add `identities` to the resource, or give access instead"),
        ),
    }
    for (i, name) in given.roles.iter().copied().enumerate() {
        let Some(role) = catalog.roles.get(name) else {
            continue;
        };
        let route = below(&format!("roles.{i}"));
        if role.spec.resource != *given.resource {
            other_resource(at, &route, name.as_str(), given.resource, problems);
        }
        let limits = role.spec.eligible.as_ref().map(|e| &e.identities);
        if limits.is_some_and(|types| !types.is_empty() && !types.contains(given.kind)) {
            problems.push(
                Problem::new(
                    Code::NotEligible,
                    at,
                    &route,
                    format!(
                        "role `{name}` is not for identities of type `{}`",
                        given.kind
                    ),
                )
                .related(&role.at, "eligible.identities", "the role's rule"),
            );
        }
    }
    for (name, values) in &given.scopes {
        let name = *name;
        let Some(scope) = catalog.scopes.get(name) else {
            continue;
        };
        let route = below(&format!("scopes.`{name}`"));
        if scope.spec.resource != *given.resource {
            other_resource(at, &route, name.as_str(), given.resource, problems);
        }
        for (i, value) in values.iter().copied().enumerate() {
            let route = format!("{route}.{i}");
            if value == "*" {
                let mut say = |message: &str, help: &str| {
                    problems
                        .push(Problem::new(Code::ScopeWildcard, at, &route, message).help(help));
                };
                if !scope.spec.wildcard {
                    say("this scope does not allow `*`", "name the values");
                } else if values.len() > 1 {
                    say(
                        "`*` stands beside other values",
                        "keep `*` alone, or the values",
                    );
                }
            } else if !value.contains('{') && !catalog.has_scope_value(name, value) {
                let known = catalog.scope_values(name);
                problems.push(
                    Problem::new(
                        Code::ScopeValue,
                        at,
                        &route,
                        format!("`{name}` has no value `{value}`"),
                    )
                    .maybe_help(did_you_mean(value, known.keys().map(String::as_str))),
                );
            }
        }
    }
}

pub(super) fn identity_type(
    resource: &ResourceSpec,
    kind: &crate::name::IdentityType,
    at: &Location,
    route: &str,
    problems: &mut Vec<Problem>,
) {
    let Some(rules) = &resource.identities else {
        return;
    };
    if !rules.types.iter().any(|k| k.name == *kind) {
        let known = rules.types.iter().map(|k| k.name.as_str());
        problems.push(
            Problem::new(
                Code::IdentityType,
                at,
                route,
                format!("there is no identity type `{kind}`"),
            )
            .maybe_help(did_you_mean(kind.as_str(), known)),
        );
    }
}

/// What an application calls a role or a scope.
struct Called<'c> {
    name: &'c str,
    resource: &'c ResourceName,
    key: Option<&'c str>,
    display_name: Option<&'c str>,
    at: &'c Location,
}

/// That an application calls no two alike: exports know them by that alone (MODEL 1).
fn called_once<'c>(what: &str, all: impl Iterator<Item = Called<'c>>, problems: &mut Vec<Problem>) {
    let mut known: BTreeMap<(&ResourceName, &str), (&str, &Location, &str)> = BTreeMap::new();
    for called in all {
        let Called {
            name,
            resource,
            key,
            display_name,
            at,
        } = called;
        let (word, route) = match (key, display_name) {
            (Some(key), _) => (key, "key"),
            (None, Some(display_name)) => (display_name, "displayName"),
            (None, None) => (name, "/metadata.name"),
        };
        match known.entry((resource, word)) {
            Entry::Vacant(entry) => {
                entry.insert((name, at, route));
            }
            Entry::Occupied(entry) => {
                let (other, first, theirs) = *entry.get();
                problems.push(
                    Problem::new(
                        Code::KeyTaken,
                        at,
                        route,
                        format!("`{resource}` calls two {what}s `{word}`: this one and `{other}`"),
                    )
                    .help("give each the `key` that the application knows it by")
                    .related(first, theirs, "the other one"),
                );
            }
        }
    }
}

pub(super) fn prefixed(
    name: &str,
    resource: &ResourceName,
    at: &Location,
    problems: &mut Vec<Problem>,
) {
    let fits = name
        .strip_prefix(resource.as_str())
        .is_some_and(|rest| rest.strip_prefix('.').is_some_and(|rest| !rest.is_empty()));
    if !fits {
        problems.push(
            Problem::new(
                Code::MisplacedName,
                at,
                "/metadata.name",
                format!("`{name}` belongs to `{resource}`, and its name does not say so"),
            )
            .help(format!("name it `{resource}.…`")),
        );
    }
}

pub(super) fn other_resource(
    at: &Location,
    route: &str,
    name: &str,
    resource: &ResourceName,
    problems: &mut Vec<Problem>,
) {
    problems.push(
        Problem::new(
            Code::OtherResource,
            at,
            route,
            format!("`{name}` does not belong to `{resource}`"),
        )
        .help(format!("name one of `{resource}`'s own")),
    );
}
