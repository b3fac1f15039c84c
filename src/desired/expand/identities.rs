//! Identities of one user: from manifests, requests and profiles, else the default one; with the
//! roles, levels, scopes and groups that follow.
//!
//! Decision: who may not have the application has no identity in it, whatever the identity is given.
//! Decision: a scope whose values have all ended or gone shows nothing, even where a scope that nobody
//! speaks of shows everything: the end of a limit never widens what is seen.
//! Decision: an identity that has ended is still there, as one that was deactivated is, and no default one
//! arises in its place (MODEL 18): whoever said until when said what comes after, too, which is nothing.

mod following;

use super::holdings::{Collector, Proposed, Rank};
use crate::catalog::{Linked, Problem};
use crate::desired::{Cause, DesiredIdentity, Standing};
use crate::diagnostic::Code;
use crate::manifest::identity::GivenIdentity;
use crate::manifest::resource::IdentityRules;
use crate::manifest::timed::Timed;
use crate::manifest::{Line, UserType};
use crate::name::{IdentityType, ResourceName, RoleName, ScopeName};
use crate::request::{Assigned, Origin, Taking, fits};
use std::collections::{BTreeMap, BTreeSet};

/// One identity, put together from everything that speaks of it.
struct Whole {
    resource: ResourceName,
    kind: IdentityType,
    alias: String,
    roles: BTreeMap<RoleName, GivenRole>,
    scopes: BTreeMap<ScopeName, BTreeMap<String, Vec<Cause>>>,
    default: bool,
    standing: Standing,
    causes: Vec<Cause>,
    /// The strongest that gives it, and where that stands.
    rank: Rank,
    origin: Origin,
    route: String,
}

/// An identity that has ended.
struct Ended {
    resource: ResourceName,
    /// Whether it was the default one.
    default: bool,
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
pub(super) fn collect(collector: &mut Collector<'_>) {
    let mut given = std::mem::take(&mut collector.identities);
    let declared = collector.facts.identities.get(collector.name);
    let void = |t: &Assigned<Taking>| matches!(t.value, Taking::Declared);
    let void = collector.user.taken.iter().any(void);
    let mut closed: BTreeSet<ResourceName> = BTreeSet::new();
    for (name, Linked { at, spec, .. }) in declared.into_iter().flatten() {
        // What somebody had before they left is as if it were not there; `fold` takes it out.
        if void {
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
        let proposed = Proposed {
            identity,
            rank: Rank::Personal,
            by: None,
            causes: vec![Cause::of(&origin)],
            origin,
            route: String::new(),
        };
        if spec.active {
            given.push(proposed);
        } else if left(collector, proposed).is_some() {
            closed.insert(spec.resource.clone());
        }
    }
    let mut wholes: Vec<Whole> = Vec::new();
    let mut ended: Vec<Ended> = Vec::new();
    for proposed in given {
        let Some(proposed) = left(collector, proposed) else {
            continue;
        };
        let identity = &proposed.identity;
        if collector.facts.in_force(identity.until.as_ref()) {
            put(collector, &mut wholes, proposed, Standing::Declared);
            continue;
        }
        closed.insert(identity.resource.clone());
        ended.push(Ended {
            resource: identity.resource.clone(),
            default: identity.default,
            origin: proposed.origin,
            route: proposed.route,
        });
    }
    for proposed in defaults(collector, &wholes, &closed) {
        put(collector, &mut wholes, proposed, Standing::Virtual);
    }
    let mut found: Vec<DesiredIdentity> = Vec::new();
    wholes.retain(|whole| match following::grant(collector, whole) {
        Some(identity) => {
            found.push(identity);
            true
        }
        None => false,
    });
    one_default(collector, &wholes, &ended);
    for i in 0..found.len() {
        let alone = !found
            .iter()
            .enumerate()
            .any(|(j, other)| j != i && other.resource == found[i].resource);
        found[i].default |= alone;
    }
    found.sort_by(|a, b| (&a.resource, &a.alias).cmp(&(&b.resource, &b.alias)));
    collector.held.identities = found;
}

/// What is left of an identity: of its roles and values those that have not ended, and nothing that a
/// request took.
fn left(collector: &Collector<'_>, mut proposed: Proposed) -> Option<Proposed> {
    let facts = collector.facts;
    let identity = &mut proposed.identity;
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

fn rules<'a>(collector: &Collector<'a>, resource: &ResourceName) -> Option<&'a IdentityRules> {
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
fn put(
    collector: &mut Collector<'_>,
    wholes: &mut Vec<Whole>,
    proposed: Proposed,
    standing: Standing,
) {
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
                standing,
                causes: Vec::new(),
                rank,
                origin: origin.clone(),
                route: route.clone(),
            });
            wholes.len() - 1
        }
    };
    let whole = &mut wholes[index];
    if whole.kind != identity.kind {
        let name = collector.name;
        let problem = Problem::new(
            Code::DuplicateEntry,
            &origin.at,
            &join(&route, "=type"),
            format!(
                "`{}` of `{name}` in `{}` is of type `{}` here and of type `{}` elsewhere",
                whole.alias, whole.resource, identity.kind, whole.kind
            ),
        )
        .help("give one of them another `alias`")
        .related(&whole.origin.at, &join(&whole.route, "=type"), "elsewhere");
        collector.say(problem, None);
        return;
    }
    if rank < whole.rank {
        whole.rank = rank;
        whole.origin = origin.clone();
        whole.route.clone_from(&route);
    }
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

/// The identities that arise because a user holds something and has none (MODEL 18). One that was
/// deactivated or has ended is there, and nothing arises in its place.
fn defaults(
    collector: &Collector<'_>,
    wholes: &[Whole],
    closed: &BTreeSet<ResourceName>,
) -> Vec<Proposed> {
    let mut found = Vec::new();
    for (name, resource, rules) in &collector.facts.with_identities {
        let name = *name;
        let mut held = collector.held.entitlements.keys();
        if !held.any(|key| key.resource == *name) {
            continue;
        }
        if wholes.iter().any(|w| w.resource == *name) || closed.contains(name) {
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
        let causes = vec![Cause::of(&origin)];
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
fn one_default(collector: &mut Collector<'_>, wholes: &[Whole], ended: &[Ended]) {
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
            let mut problem = Problem::new(
                Code::DefaultIdentity,
                &last.origin.at,
                &join(&last.route, if last.default { "default" } else { "=type" }),
                format!("of the {count} identities of `{name}` in `{resource}`, {defaults} are the default"),
            )
            .help("say `default: true` on exactly one")
            .related(&first.origin.at, &join(&first.route, "=type"), "another one");
            let was = ended.iter().find(|e| e.default && e.resource == *resource);
            if let (0, Some(was)) = (defaults, was) {
                let route = join(&was.route, "until");
                problem = problem.related(
                    &was.origin.at,
                    &route,
                    "the one that was the default has ended by then",
                );
            }
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
