//! Identities of one user: from manifests, requests and profiles, else the default one; with the
//! roles, levels, scopes and groups that follow.

use super::holdings::{Collector, Proposed, Rank};
use super::{cause, implicit_level};
use crate::catalog::duties::types;
use crate::catalog::{Linked, Problem};
use crate::desired::{Cause, Dropped, EntitlementKey, Grant};
use crate::diagnostic::Code;
use crate::manifest::identity::GivenIdentity;
use crate::manifest::resource::IdentityRules;
use crate::manifest::timed::Timed;
use crate::manifest::{Line, ResourceSpec, UserType};
use crate::name::{IdentityType, ResourceName, RoleName, ScopeName};
use crate::request::{Assigned, Origin, Taking, fits};
use crate::template::Nested;
use std::collections::{BTreeMap, BTreeSet};

/// One identity, put together from everything that speaks of it.
struct Whole {
    resource: ResourceName,
    kind: IdentityType,
    alias: String,
    roles: BTreeMap<RoleName, GivenRole>,
    scopes: BTreeMap<ScopeName, BTreeMap<String, Vec<Cause>>>,
    default: bool,
    causes: Vec<Cause>,
    origin: Origin,
    route: String,
}

/// A role of an identity, and what gives it.
struct GivenRole {
    /// The strongest that gives it.
    rank: Rank,
    /// Everything that gives it.
    causes: Vec<Cause>,
    /// Where the strongest stands.
    origin: Origin,
    route: String,
}

/// Collects a user's identities and what follows from them.
pub(super) fn collect(collector: &mut Collector<'_, '_>) {
    let mut given = std::mem::take(&mut collector.identities);
    let declared = collector.facts.identities.get(collector.name);
    let void = |t: &Assigned<Taking>| matches!(t.value, Taking::Declared);
    let void = collector.user.taken.iter().any(void);
    for (name, Linked { at, spec }) in declared.into_iter().flatten() {
        if !spec.active || void {
            continue;
        }
        let origin = Origin {
            text: format!("identity {name}").into(),
            at: at.clone(),
        };
        let identity = GivenIdentity {
            resource: spec.resource.clone(),
            kind: spec.kind.clone(),
            alias: spec.alias.clone(),
            roles: spec.roles.clone(),
            scopes: spec.scopes.clone(),
            default: spec.default,
            until: spec.until.clone(),
            line: Line(at.line),
        };
        given.push(Proposed {
            identity,
            rank: Rank::Personal,
            by: None,
            causes: vec![cause(origin.text.clone(), &at.file, at.line)],
            origin,
            route: String::new(),
        });
    }
    let mut wholes: Vec<Whole> = Vec::new();
    for proposed in given {
        if let Some(proposed) = left(collector, proposed) {
            put(collector, &mut wholes, proposed);
        }
    }
    for proposed in defaults(collector, &wholes) {
        put(collector, &mut wholes, proposed);
    }
    one_default(collector, &wholes);
    for whole in &wholes {
        grant(collector, whole);
    }
}

/// What is left of an identity: neither ended nor taken by a request.
fn left(collector: &Collector<'_, '_>, mut proposed: Proposed) -> Option<Proposed> {
    let facts = collector.facts;
    let identity = &mut proposed.identity;
    if !facts.in_force(identity.until.as_ref()) {
        return None;
    }
    identity
        .roles
        .retain(|role| facts.in_force(role.until.as_ref()));
    for values in identity.scopes.values_mut() {
        values.retain(|value| facts.in_force(value.until.as_ref()));
    }
    let of_request = proposed.rank == Rank::Personal && !proposed.route.is_empty();
    for taking in &collector.user.taken {
        let Taking::Matched { matcher, profiles } = &taking.value else {
            continue;
        };
        // What requests give was taken when they were folded; a later one may give it again.
        let reaches = match &proposed.by {
            Some(by) => profiles.contains(by),
            None => !of_request,
        };
        let alias = identity.alias.as_deref();
        if !reaches
            || !fits(
                facts.catalog,
                matcher,
                &identity.resource,
                &identity.kind,
                alias,
            )
        {
            continue;
        }
        if matcher.roles.is_empty() && matcher.scopes.is_empty() {
            return None;
        }
        identity.roles.retain(|r| !matcher.roles.contains(&r.given));
        for (scope, values) in &matcher.scopes {
            if let Some(given) = identity.scopes.get_mut(scope) {
                given.retain(|v| !values.contains(&v.given));
            }
        }
    }
    Some(proposed)
}

fn rules<'a>(collector: &Collector<'a, '_>, resource: &ResourceName) -> Option<&'a IdentityRules> {
    collector
        .facts
        .catalog
        .resources
        .get(resource)?
        .spec
        .identities
        .as_ref()
}

/// Joins an identity to the one of the same alias, or adds it.
fn put(collector: &Collector<'_, '_>, wholes: &mut Vec<Whole>, proposed: Proposed) {
    let Proposed {
        identity,
        rank,
        by: _,
        causes,
        origin,
        route,
    } = proposed;
    let Some(rules) = rules(collector, &identity.resource) else {
        return;
    };
    let kind = rules.types.iter().find(|k| k.name == identity.kind);
    let named = kind.and_then(|k| k.display_name.clone());
    let alias = identity
        .alias
        .clone()
        .or(named)
        .unwrap_or_else(|| identity.kind.to_string());
    let same = |w: &Whole| w.resource == identity.resource && w.alias == alias;
    let index = match wholes.iter().position(same) {
        Some(index) => index,
        None => {
            wholes.push(Whole {
                resource: identity.resource.clone(),
                kind: identity.kind.clone(),
                alias,
                roles: BTreeMap::new(),
                scopes: BTreeMap::new(),
                default: false,
                causes: Vec::new(),
                origin: origin.clone(),
                route: route.clone(),
            });
            wholes.len() - 1
        }
    };
    let whole = &mut wholes[index];
    whole.default |= identity.default;
    whole.causes.extend(causes.iter().cloned());
    for role in identity.roles {
        let given = whole.roles.entry(role.given).or_insert_with(|| GivenRole {
            rank,
            causes: Vec::new(),
            origin: origin.clone(),
            route: route.clone(),
        });
        if rank < given.rank {
            given.rank = rank;
            given.origin = origin.clone();
            given.route = route.clone();
        }
        given.causes.extend(causes.iter().cloned());
    }
    for (scope, values) in identity.scopes {
        let entry = whole.scopes.entry(scope).or_default();
        for value in values {
            entry
                .entry(value.given)
                .or_default()
                .extend(causes.iter().cloned());
        }
    }
}

/// The identities that arise because a user holds something and has none (MODEL 18).
fn defaults(collector: &Collector<'_, '_>, wholes: &[Whole]) -> Vec<Proposed> {
    let catalog = collector.facts.catalog;
    let held: BTreeSet<&ResourceName> = collector
        .held
        .entitlements
        .keys()
        .map(|k| &k.resource)
        .collect();
    let mut found = Vec::new();
    for name in held {
        let Some(resource) = catalog.resources.get(name) else {
            continue;
        };
        let Some(rules) = &resource.spec.identities else {
            continue;
        };
        if wholes.iter().any(|w| w.resource == *name) {
            continue;
        }
        let fits =
            |types: &[UserType]| types.is_empty() || types.contains(&collector.user.spec.kind);
        let Some((i, default)) = rules
            .default
            .iter()
            .enumerate()
            .find(|(_, d)| fits(&d.user_types))
        else {
            continue;
        };
        let origin = Origin {
            text: format!("default identity of {name}").into(),
            at: resource.at.clone(),
        };
        let causes = vec![cause(
            origin.text.clone(),
            &resource.at.file,
            resource.at.line,
        )];
        let identity = GivenIdentity {
            resource: name.clone(),
            kind: default.kind.clone(),
            alias: None,
            roles: default.roles.iter().cloned().map(Timed::for_good).collect(),
            scopes: default
                .scopes
                .iter()
                .map(|(name, values)| {
                    let values = values.iter().cloned().map(Timed::for_good);
                    (name.clone(), values.collect())
                })
                .collect(),
            default: true,
            until: None,
            line: Line(0),
        };
        found.push(Proposed {
            identity,
            rank: Rank::OrganizationProfile,
            by: None,
            causes,
            origin,
            route: format!("identities.default.{i}"),
        });
    }
    found
}

/// Of two or more identities in one application exactly one is the default (MODEL 17).
fn one_default(collector: &mut Collector<'_, '_>, wholes: &[Whole]) {
    let resources: BTreeSet<&ResourceName> = wholes.iter().map(|w| &w.resource).collect();
    for resource in resources {
        let these: Vec<&Whole> = wholes.iter().filter(|w| w.resource == *resource).collect();
        let defaults = these.iter().filter(|w| w.default).count();
        if these.len() < 2 || defaults == 1 {
            continue;
        }
        if let [first, .., last] = these.as_slice() {
            let count = these.len();
            let name = collector.name;
            let problem = Problem::new(
                Code::DefaultIdentity,
                &last.origin.at,
                &join(&last.route, if last.default { "default" } else { "=type" }),
                format!("of the {count} identities of `{name}` in `{resource}`, {defaults} are the default"),
            )
            .help("say `default: true` on exactly one")
            .related(&first.origin.at, &join(&first.route, "=type"), "another one");
            collector.say(problem, None);
        }
    }
}

fn join(route: &str, part: &str) -> String {
    match route {
        "" => part.to_owned(),
        route => format!("{route}.{part}"),
    }
}

fn grant(collector: &mut Collector<'_, '_>, whole: &Whole) {
    let catalog = collector.facts.catalog;
    let Some(resource) = catalog.resources.get(&whole.resource) else {
        return;
    };
    let origin = whole.origin.clone();
    let personal = !origin.text.starts_with("profile ") && !origin.text.starts_with("default ");
    let own = personal.then_some((&origin, whole.route.as_str()));
    if let Some(level) = implicit_level() {
        collector.level(&whole.resource, &resource.spec, &level, &whole.causes, own);
    }
    for (name, given) in &whole.roles {
        role(collector, whole, &resource.spec, name, given);
    }
    for (name, values) in &whole.scopes {
        scope(collector, whole, name, values);
    }
    let required = catalog
        .scopes
        .iter()
        .filter(|(_, s)| s.spec.resource == whole.resource);
    for (name, required) in required {
        let missing = required.spec.required_for.contains(&whole.kind)
            && whole.scopes.get(name).is_none_or(BTreeMap::is_empty);
        if missing {
            let route = join(&whole.route, "=type");
            let name_of = collector.name;
            let problem = Problem::new(
                Code::ScopeRequired,
                &whole.origin.at,
                &route,
                format!(
                    "identity `{}` of `{name_of}` needs a value for `{name}`",
                    whole.alias
                ),
            )
            .help(format!("add it under `scopes: {{{name}: […]}}`"))
            .related(&required.at, "requiredFor", "required here");
            collector.say(problem, None);
        }
    }
}

fn role(
    collector: &mut Collector<'_, '_>,
    whole: &Whole,
    resource: &ResourceSpec,
    name: &RoleName,
    given: &GivenRole,
) {
    let catalog = collector.facts.catalog;
    let own = (given.rank == Rank::Personal).then_some((&given.origin, given.route.as_str()));
    for included in catalog.role_closure(name) {
        let Some(Linked { at, spec }) = catalog.roles.get(included) else {
            continue;
        };
        let mut causes = given.causes.clone();
        if included != name {
            causes.push(cause(
                format!("role {name} includes {included}"),
                &at.file,
                at.line,
            ));
        }
        let key = EntitlementKey {
            resource: whole.resource.clone(),
            identity: Some(whole.alias.clone()),
            grant: Grant::Role(included.clone()),
        };
        if let Some(limits) = spec.eligible.as_ref().map(|e| &e.identities)
            && !limits.is_empty()
            && !limits.contains(&whole.kind)
        {
            // A direct role of the wrong identity was reported when the catalog was linked.
            let reason = format!("not for identities of type {}", whole.kind);
            collector.held.dropped.push(Dropped {
                entitlement: key,
                reason,
                causes,
            });
            continue;
        }
        let eligible = spec.eligible.as_ref().map(|e| e.user_types.as_slice());
        if !collector.grant(key, eligible, &causes, own) {
            continue;
        }
        if let Some(deprecated) = &spec.deprecated {
            let instead = deprecated.replacement.as_ref();
            let help = match instead {
                Some(role) => format!("give `{role}` instead"),
                None => "take it away where it is not needed any more".to_owned(),
            };
            let route = join(&given.route, "roles");
            let holder = collector.name;
            let problem = Problem::new(
                Code::DeprecatedRole,
                &given.origin.at,
                &route,
                format!(
                    "`{holder}` holds `{included}`, which is no longer given: {}",
                    deprecated.reason
                ),
            )
            .help(help)
            .related(at, "deprecated", "deprecated here");
            collector.say(problem, None);
        }
        for level in &spec.levels {
            collector.level(&whole.resource, resource, level, &causes, own);
        }
        for group in &spec.groups {
            collector.group(&group.0, &whole.resource, causes.iter());
        }
    }
}

fn scope(
    collector: &mut Collector<'_, '_>,
    whole: &Whole,
    name: &ScopeName,
    values: &BTreeMap<String, Vec<Cause>>,
) {
    let catalog = collector.facts.catalog;
    let Some(Linked { at, spec }) = catalog.scopes.get(name) else {
        return;
    };
    let known = catalog.scope_values(name);
    for (text, causes) in values {
        let value = match text.contains('{') {
            true => match filled(collector, text) {
                Some(value) => value,
                None => continue,
            },
            false => text.clone(),
        };
        let literal = value == *text;
        if (value == "*" && !literal) || (value != "*" && !known.contains_key(&value)) {
            let holder = collector.name;
            let problem = Problem::new(
                Code::ScopeValue,
                &whole.origin.at,
                &join(&whole.route, &format!("scopes.`{name}`")),
                format!("`{name}` has no value `{value}`, which `{text}` gives for `{holder}`"),
            );
            if !literal {
                collector.say(problem, None);
            }
            continue;
        }
        let key = EntitlementKey {
            resource: whole.resource.clone(),
            identity: Some(whole.alias.clone()),
            grant: Grant::Scope(name.clone(), value.clone()),
        };
        // Whoever may have the identity may have its rows.
        let anyone = [collector.user.spec.kind];
        if !collector.grant(key, Some(&anyone), causes, None) {
            continue;
        }
        let all = value == "*";
        let groups = match (all, spec.wildcard_groups.is_empty()) {
            (true, false) => vec![(&spec.wildcard_groups, value.clone())],
            (true, true) => known.keys().map(|v| (&spec.groups, v.clone())).collect(),
            (false, _) => vec![(&spec.groups, value.clone())],
        };
        for (templates, value) in groups {
            for template in templates {
                let variables = of_value(collector, &value, known.get(&value));
                let filled = catalog.templates.get(template).map(|t| t.fill(&variables));
                match filled {
                    Some(Ok(group)) => collector.group(&group, &whole.resource, causes.iter()),
                    Some(Err(error)) => {
                        let problem = Problem::new(
                            Code::BadTemplate,
                            at,
                            "groups",
                            format!("no group for the value `{value}`: {error}"),
                        )
                        .help("use `value` where a value is no organization");
                        collector.say(problem, None);
                    }
                    None => {}
                }
            }
        }
    }
}

fn of_value(
    collector: &Collector<'_, '_>,
    value: &str,
    organization: Option<&Option<crate::name::OrganizationName>>,
) -> Nested {
    let mut variables = Nested::default();
    variables.set(&["value"], value);
    if let Some(Some(name)) = organization {
        super::fields::organization(collector.facts.catalog, name, &mut variables);
    }
    variables
}

/// A scope value that is a template over the user and their organization.
fn filled(collector: &Collector<'_, '_>, text: &str) -> Option<String> {
    let mut variables = Nested::default();
    variables.set(&["user", "name"], collector.name.as_str());
    variables.set(&["user", "type"], types(&[collector.user.spec.kind]));
    let organization = &collector.user.spec.organization;
    super::fields::organization(collector.facts.catalog, organization, &mut variables);
    collector
        .facts
        .catalog
        .templates
        .get(text)?
        .fill(&variables)
        .ok()
}
