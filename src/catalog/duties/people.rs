//! What users, profiles, organizations and requests owe.

use super::grants::{access, attributes, in_order, moment, overruled};
use super::identities::given_identity;
use super::{hand_over_key, has_level, meant_level, needs_end, unknown_level};
use crate::catalog::{Catalog, Linked, Problem};
use crate::diagnostic::Code;
use crate::manifest::parse::Location;
use crate::manifest::resource::{Cost, ResourceType};
use crate::manifest::signing_key::SigningKey;
use crate::manifest::user::{Deputy, UserState};
use crate::manifest::{Access, UserSpec};
use crate::name::UserName;
use foldhash::{HashMap, HashMapExt as _};
use std::collections::BTreeMap;

/// What users owe.
pub fn people(catalog: &Catalog, problems: &mut Vec<Problem>) {
    let mut numbers: HashMap<&str, &Location> = HashMap::with_capacity(catalog.users.len());
    let mut keys = BTreeMap::new();
    for (name, Linked { at, spec, .. }) in &catalog.users {
        moment(catalog, spec.start_date.as_ref(), at, "startDate", problems);
        moment(catalog, spec.end_date.as_ref(), at, "endDate", problems);
        if let (Some(begin), Some(end)) = (&spec.start_date, &spec.end_date) {
            in_order(
                catalog,
                (begin, "startDate"),
                (end, "endDate"),
                at,
                problems,
            );
        }
        let activation = spec.activation.as_ref().map(|a| &a.at);
        moment(catalog, activation, at, "activation.at", problems);
        if let Some(departure) = &spec.departure {
            moment(catalog, Some(&departure.at), at, "departure.at", problems);
            if spec.state != UserState::Left {
                problems.push(
                    Problem::new(
                        Code::Conflict,
                        at,
                        "=departure",
                        format!("`{name}` has a departure and has not left"),
                    )
                    .help("say `state: left`, or take the departure out"),
                );
            }
        }
        if let Some(deputy) = &spec.deputy {
            stands_in(catalog, name, deputy, at, problems);
        }
        let bounded = spec.end_date.is_some() || spec.state == UserState::Left;
        if needs_end(spec.kind) && !bounded {
            let message = format!("a {} needs an end date", spec.kind.as_str());
            problems.push(
                Problem::new(Code::EndDateNeeded, at, "type", message)
                    .help("add `endDate: 2027-12-31`; the access ends by itself then"),
            );
        }
        access(catalog, &spec.access, at, "access", problems);
        attributes(catalog, spec.attributes.keys(), at, problems);
        if spec.title.is_some() {
            problems.extend(overruled(&spec.attributes, at, ""));
        }
        let key = spec.credentials.as_ref();
        let key = key.and_then(|c| c.hand_over_key.as_deref());
        hand_over_key(key, at, "credentials.handOverKey", problems);
        signing_keys(name, spec, at, &mut keys, problems);
        if let Some(number) = &spec.employee_number {
            if let Some(first) = numbers.get(number.0.as_str()) {
                problems.push(
                    Problem::new(
                        Code::LoginTaken,
                        at,
                        "employeeNumber",
                        format!("employee number `{}` is another user's", number.0),
                    )
                    .help("every user has a number of their own; accounts are adopted by it")
                    .related(first, "employeeNumber", "the other one"),
                );
            } else {
                numbers.insert(number.0.as_str(), at);
            }
        }
        for (i, without) in spec.without.iter().enumerate() {
            let route = format!("without.{i}");
            let Some(resource) = catalog.resources.get(&without.resource) else {
                continue;
            };
            if resource.spec.inherits_from.is_some() {
                problems.push(
                    Problem::new(
                        Code::FollowerAccess,
                        at,
                        &route,
                        format!("`{}` follows another resource", without.resource),
                    )
                    .help("name the one it follows"),
                );
            }
            if let Some(level) = without
                .level
                .as_ref()
                .filter(|l| !has_level(&resource.spec, l))
            {
                let route = format!("{route}.level");
                unknown_level(
                    at,
                    &route,
                    &without.resource,
                    &resource.spec,
                    level,
                    problems,
                );
            }
            let own = |a: &Access| {
                a.resource == without.resource
                    && (without.level.is_none() || meant_level(catalog, a) == without.level)
                    && without.role.is_none()
            };
            if spec.access.iter().any(own) {
                problems.push(
                    Problem::new(
                        Code::WithoutOwn,
                        at,
                        &route,
                        format!("`{name}` has `{}` personally and is excepted from it", without.resource),
                    )
                    .help("keep one of the two: `without` takes away only what profiles and organizations give"),
                );
            }
        }
    }
}

/// That signing keys are keys, and each is one user's.
fn signing_keys<'c>(
    name: &'c UserName,
    spec: &UserSpec,
    at: &'c Location,
    known: &mut BTreeMap<SigningKey, (&'c UserName, &'c Location, String)>,
    problems: &mut Vec<Problem>,
) {
    let texts = spec.credentials.iter().flat_map(|c| &c.signing_keys);
    for (i, text) in texts.enumerate() {
        let route = format!("credentials.signingKeys.{i}");
        let keys = match SigningKey::all(text) {
            Ok(keys) => keys,
            Err(error) => {
                problems.push(
                    Problem::new(Code::BadSigningKey, at, &route, error.to_string()).help(
                        "write the line of an SSH `.pub` file, or what `gpg --armor --export` prints",
                    ),
                );
                continue;
            }
        };
        for key in keys {
            match known.get(&key) {
                None => {
                    known.insert(key, (name, at, route.clone()));
                }
                Some((owner, _, _)) if *owner == name => {}
                Some((owner, first, theirs)) => problems.push(
                    Problem::new(
                        Code::SigningKeyTaken,
                        at,
                        &route,
                        format!("this key is `{owner}`'s already, and a key is one person's"),
                    )
                    .help("let everybody make a key of their own")
                    .related(first, theirs, "the other one"),
                ),
            }
        }
    }
}

/// That a deputy is somebody else, and at some time.
fn stands_in(
    catalog: &Catalog,
    name: &UserName,
    deputy: &Deputy,
    at: &Location,
    problems: &mut Vec<Problem>,
) {
    moment(catalog, deputy.from.as_ref(), at, "deputy.from", problems);
    moment(catalog, deputy.until.as_ref(), at, "deputy.until", problems);
    if let (Some(from), Some(until)) = (&deputy.from, &deputy.until) {
        let (from, until) = ((from, "deputy.from"), (until, "deputy.until"));
        in_order(catalog, from, until, at, problems);
    }
    if deputy.user == *name {
        let message = format!("`{name}` cannot stand in for themselves");
        problems.push(
            Problem::new(Code::Conflict, at, "deputy.user", message)
                .help("name somebody else, or take the deputy out"),
        );
    }
}

/// What profiles, organizations and requests owe.
pub fn profiles_and_requests(catalog: &Catalog, problems: &mut Vec<Problem>) {
    for Linked { at, spec, .. } in catalog.organizations.values() {
        attributes(catalog, spec.attributes.keys(), at, problems);
    }
    for (name, Linked { at, spec, .. }) in &catalog.profiles {
        access(catalog, &spec.access, at, "access", problems);
        attributes(catalog, spec.attributes.keys(), at, problems);
        for (i, identity) in spec.identities.iter().enumerate() {
            given_identity(catalog, identity, at, &format!("identities.{i}"), problems);
        }
        let software = spec.software.iter().enumerate();
        for (i, resource) in software {
            let Some(found) = catalog.resources.get(resource) else {
                continue;
            };
            if found.spec.kind != ResourceType::Software {
                problems.push(
                    Problem::new(
                        Code::NotSoftware,
                        at,
                        &format!("software.{i}"),
                        format!("`{resource}` is no software"),
                    )
                    .help("put it under `access`"),
                );
            }
        }
        let entries = spec
            .access
            .iter()
            .map(|a| &a.resource)
            .chain(&spec.software);
        for resource in entries {
            let found = catalog.resources.get(resource);
            if found.is_some_and(|r| {
                r.spec.cost == Some(Cost::Premium) && r.spec.kind == ResourceType::Software
            }) {
                problems.push(
                    Problem::new(
                        Code::PremiumInProfile,
                        at,
                        if spec.software.contains(resource) { "software" } else { "access" },
                        format!("profile `{name}` gives `{resource}`, which costs money, to everybody who has it"),
                    )
                    .help("give it to users personally"),
                );
            }
        }
    }
    for Linked { at, spec, .. } in catalog.requests.values() {
        moment(catalog, Some(&spec.effective), at, "effective", problems);
        moment(catalog, spec.until.as_ref(), at, "until", problems);
        if let Some(change) = &spec.access {
            access(catalog, &change.add, at, "access.add", problems);
        }
        if let Some(set) = &spec.set {
            attributes(catalog, set.attributes.keys(), at, problems);
        }
        for (i, identity) in spec.identities.iter().flat_map(|c| &c.add).enumerate() {
            given_identity(
                catalog,
                identity,
                at,
                &format!("identities.add.{i}"),
                problems,
            );
        }
    }
}
