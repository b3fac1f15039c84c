//! One identity → what follows from it: access, roles, levels, scopes and groups.

use super::super::holdings::{Collector, Rank};
use super::{GivenRole, Whole, join};
use crate::catalog::duties::{implicit_level, types};
use crate::catalog::{Linked, Problem};
use crate::desired::variables::Organization;
use crate::desired::{
    Cause, DesiredIdentity, DesiredRole, DesiredScope, Dropped, EntitlementKey, Grant, Rows,
    SpelledGroup,
};
use crate::diagnostic::Code;
use crate::manifest::ResourceSpec;
use crate::manifest::scope::Absent;
use crate::name::{OrganizationName, RoleName, ScopeName};
use crate::template::Nested;
use std::collections::BTreeMap;

/// Grants what follows from an identity; none where the user may not have the application.
pub(super) fn grant(collector: &mut Collector<'_>, whole: &Whole) -> Option<DesiredIdentity> {
    let catalog = collector.facts.catalog;
    let resource = &catalog.resources.get(&whole.resource)?.spec;
    let origin = whole.origin.clone();
    let own = (whole.rank == Rank::Personal).then_some((&origin, whole.route.as_str()));
    let level = implicit_level()?;
    if !collector.level(&whole.resource, resource, &level, whole.causes.clone(), own) {
        return None;
    }
    let mut roles: BTreeMap<RoleName, DesiredRole> = BTreeMap::new();
    for (name, given) in &whole.roles {
        role(collector, whole, resource, name, given, &mut roles);
    }
    let mut scopes = Vec::new();
    let of_resource = catalog
        .scopes
        .iter()
        .filter(|(_, s)| s.spec.resource == whole.resource);
    for (name, Linked { at, spec, .. }) in of_resource {
        let given = whole.scopes.get(name);
        if spec.required_for.contains(&whole.kind) && given.is_none_or(BTreeMap::is_empty) {
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
            .related(at, "requiredFor", "required here");
            collector.say(problem, None);
        }
        let rows = match given {
            Some(values) => scope(collector, whole, name, values),
            None => Rows::Absent(spec.absent.unwrap_or(Absent::Nothing)),
        };
        let key = spec.key.as_ref().or(spec.display_name.as_ref());
        scopes.push(DesiredScope {
            key: key.map_or(name.as_str(), String::as_str).to_owned(),
            name: name.clone(),
            rows,
        });
    }
    let rules = resource.identities.as_ref()?;
    let kind = rules.types.iter().find(|k| k.name == whole.kind);
    let named = kind.and_then(|k| k.display_name.clone());
    let mut causes = whole.causes.clone();
    causes.sort();
    causes.dedup();
    Some(DesiredIdentity {
        resource: whole.resource.clone(),
        alias: whole.alias.clone(),
        kind: whole.kind.clone(),
        kind_display: named.unwrap_or_else(|| whole.kind.to_string()),
        standing: whole.standing,
        default: whole.default,
        permissions: roles
            .values()
            .flat_map(|r| r.permissions.iter().cloned())
            .collect(),
        roles: roles.into_values().collect(),
        scopes,
        causes,
    })
}

fn role(
    collector: &mut Collector<'_>,
    whole: &Whole,
    resource: &ResourceSpec,
    name: &RoleName,
    given: &GivenRole,
    held: &mut BTreeMap<RoleName, DesiredRole>,
) {
    let catalog = collector.facts.catalog;
    let own = (given.rank == Rank::Personal).then_some((&given.origin, given.route.as_str()));
    for included in catalog.role_closure(name) {
        let Some(Linked { at, spec, .. }) = catalog.roles.get(included) else {
            continue;
        };
        let mut causes = given.causes.clone();
        if included != name {
            let why = format!("role {name} includes {included}");
            causes.push(Cause::new(why, at.file.clone(), at.line));
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
            if let Some((origin, _)) = own
                && included != name
            {
                let holder = collector.name;
                let problem = Problem::new(
                    Code::NotEligible,
                    &origin.at,
                    &join(&given.route, "roles"),
                    format!(
                        "`{name}` of `{holder}` includes `{included}`, which is not for identities of type `{}`",
                        whole.kind
                    ),
                )
                .help("give a role that does not include it, or list the type under `eligible.identities`")
                .related(at, "eligible.identities", "the role's rule");
                collector.say(problem, None);
            }
            let reason = format!("not for identities of type {}", whole.kind);
            collector.held.dropped.push(Dropped {
                entitlement: key,
                reason,
                causes,
            });
            continue;
        }
        let eligible = spec.eligible.as_ref().map(|e| e.user_types.as_slice());
        if !collector.grant(key, eligible, causes.clone(), own) {
            continue;
        }
        held.entry(included.clone()).or_insert_with(|| {
            let key = spec.key.as_ref().or(spec.display_name.as_ref());
            DesiredRole {
                name: included.clone(),
                key: key.map_or(included.as_str(), String::as_str).to_owned(),
                permissions: spec.permissions.iter().cloned().collect(),
            }
        });
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
            collector.level(&whole.resource, resource, level, causes.clone(), own);
        }
        for group in &spec.groups {
            collector.group(SpelledGroup::new(&group.0), &whole.resource, causes.iter());
        }
    }
}

/// Grants the values of a scope; what is seen by them.
fn scope(
    collector: &mut Collector<'_>,
    whole: &Whole,
    name: &ScopeName,
    values: &BTreeMap<String, Vec<Cause>>,
) -> Rows {
    let facts = collector.facts;
    let catalog = facts.catalog;
    let mut seen: BTreeMap<String, Option<OrganizationName>> = BTreeMap::new();
    let scope = catalog.scopes.get(name).zip(facts.scope_values(name));
    let Some((Linked { at, spec, .. }, known)) = scope else {
        return Rows::Values(seen);
    };
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
        if !collector.grant(key, Some(&anyone), causes.clone(), None) {
            continue;
        }
        let all = value == "*";
        seen.insert(value.clone(), known.get(&value).cloned().flatten());
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
                    Some(Ok(group)) => {
                        let group = SpelledGroup::new(&group);
                        collector.group(group, &whole.resource, causes.iter());
                    }
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
    match seen.contains_key("*") {
        true => Rows::All,
        false => Rows::Values(seen),
    }
}

fn of_value(
    collector: &Collector<'_>,
    value: &str,
    organization: Option<&Option<OrganizationName>>,
) -> Nested {
    let mut variables = Nested::default();
    variables.set(&["value"], value);
    if let Some(Some(name)) = organization {
        self::organization(collector, name, &mut variables);
    }
    variables
}

fn organization(collector: &Collector<'_>, name: &OrganizationName, variables: &mut Nested) {
    if let Some(organization) = Organization::new(collector.facts.catalog, name) {
        organization.put(variables);
    }
}

/// A scope value that is a template over the user and their organization.
fn filled(collector: &Collector<'_>, text: &str) -> Option<String> {
    let mut variables = Nested::default();
    variables.set(&["user", "name"], collector.name.as_str());
    variables.set(&["user", "type"], types(&[collector.user.spec.kind]));
    let organization = &collector.user.spec.organization;
    self::organization(collector, organization, &mut variables);
    collector
        .facts
        .catalog
        .templates
        .get(text)?
        .fill(&variables)
        .ok()
}
