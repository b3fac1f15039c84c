//! Circles: what may not refer to itself, however far around.

use super::{Catalog, Linked, Problem};
use crate::diagnostic::Code;
use crate::manifest::parse::Location;
use crate::name::LevelName;
use std::collections::{BTreeMap, BTreeSet};

/// Organizations that belong to themselves.
pub fn organizations(catalog: &Catalog, problems: &mut Vec<Problem>) {
    let graph = catalog
        .organizations
        .iter()
        .map(|(name, Linked { at, spec, .. })| {
            (
                name.as_str(),
                (at, spec.parent.iter().map(AsRef::as_ref).collect()),
            )
        });
    report(graph.collect(), "parent", "belongs to", problems);
}

/// Users who report to themselves.
pub fn supervisors(catalog: &Catalog, problems: &mut Vec<Problem>) {
    // Only who has somebody reporting to them can be part of a circle.
    let users = catalog.users.values();
    let supervisors: BTreeSet<_> = users.filter_map(|u| u.spec.supervisor.as_ref()).collect();
    let graph = supervisors.into_iter().filter_map(|name| {
        let (name, Linked { at, spec, .. }) = catalog.users.get_key_value(name)?;
        let next = spec.supervisor.iter().map(AsRef::as_ref).collect();
        Some((name.as_str(), (at, next)))
    });
    report(graph.collect(), "supervisor", "reports to", problems);
}

/// Profiles that extend themselves.
pub fn profiles(catalog: &Catalog, problems: &mut Vec<Problem>) {
    let graph = catalog
        .profiles
        .iter()
        .map(|(name, Linked { at, spec, .. })| {
            (
                name.as_str(),
                (at, spec.extends.iter().map(AsRef::as_ref).collect()),
            )
        });
    report(graph.collect(), "extends", "extends", problems);
}

/// Roles that include themselves.
pub fn roles(catalog: &Catalog, problems: &mut Vec<Problem>) {
    let graph = catalog.roles.iter().map(|(name, Linked { at, spec, .. })| {
        (
            name.as_str(),
            (at, spec.includes.iter().map(AsRef::as_ref).collect()),
        )
    });
    report(graph.collect(), "includes", "includes", problems);
}

/// Levels that include themselves.
pub fn levels(catalog: &Catalog, problems: &mut Vec<Problem>) {
    for Linked { at, spec, .. } in catalog.resources.values() {
        let graph = spec.levels.iter().map(|level| {
            let next = level.includes.iter().map(LevelName::as_str).collect();
            (level.name.as_str(), (at, next))
        });
        report(graph.collect(), "levels", "includes", problems);
    }
}

/// Resources whose access follows their own.
pub fn followers(catalog: &Catalog, problems: &mut Vec<Problem>) {
    let graph = catalog
        .resources
        .iter()
        .map(|(name, Linked { at, spec, .. })| {
            (
                name.as_str(),
                (
                    at,
                    spec.inherits_from
                        .iter()
                        .map(|i| i.resource.as_str())
                        .collect(),
                ),
            )
        });
    report(
        graph.collect(),
        "inheritsFrom.resource",
        "follows",
        problems,
    );
}

type Graph<'a> = BTreeMap<&'a str, (&'a Location, Vec<&'a str>)>;

/// Reports each circle once, at its member of the least name.
fn report(graph: Graph<'_>, route: &str, verb: &str, problems: &mut Vec<Problem>) {
    let mut settled: BTreeSet<&str> = BTreeSet::new();
    for start in graph.keys() {
        if settled.contains(start) {
            continue;
        }
        // Depth first without recursion: a chain may be as long as there are manifests.
        let mut path: Vec<(&str, usize)> = vec![(start, 0)];
        while let Some((name, next)) = path.last_mut() {
            let name: &str = name;
            let target = graph
                .get(name)
                .and_then(|(_, targets)| targets.get(*next))
                .copied();
            *next += 1;
            let Some(target) = target else {
                settled.insert(name);
                path.pop();
                continue;
            };
            if settled.contains(target) || !graph.contains_key(target) {
                continue;
            }
            match path.iter().position(|(seen, _)| *seen == target) {
                Some(from) => {
                    let ring: Vec<&str> = path[from..].iter().map(|(name, _)| *name).collect();
                    circle(&graph, &ring, route, verb, problems);
                }
                None => path.push((target, 0)),
            }
        }
    }
}

fn circle(graph: &Graph<'_>, ring: &[&str], route: &str, verb: &str, problems: &mut Vec<Problem>) {
    let least = ring
        .iter()
        .enumerate()
        .min_by_key(|(_, name)| **name)
        .map_or(0, |(i, _)| i);
    let mut names: Vec<&str> = ring
        .iter()
        .cycle()
        .skip(least)
        .take(ring.len())
        .copied()
        .collect();
    names.push(names[0]);
    let Some((at, _)) = graph.get(names[0]) else {
        return;
    };
    let text = names.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>();
    let mut problem = Problem::new(
        Code::Cycle,
        at,
        route,
        format!("there is a circle: {}", text.join(&format!(" {verb} "))),
    )
    .help("take one of these links out");
    for name in names.iter().skip(1).take(names.len() - 2) {
        if let Some((at, _)) = graph.get(name) {
            problem = problem.related(at, route, "and here");
        }
    }
    problems.push(problem);
}
