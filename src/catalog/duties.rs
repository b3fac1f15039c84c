//! Duties: what each kind owes besides its form and its references.

use super::templates::ACCOUNT_FIELDS;
use super::{Catalog, Linked, Problem};
use crate::diagnostic::Code;
use crate::diagnostic::suggest::did_you_mean;
use crate::manifest::config::Managed;
use crate::manifest::identity::GivenIdentity;
use crate::manifest::parse::Location;
use crate::manifest::resource::{Connector, Cost, FieldType, GroupName, ResourceType};
use crate::manifest::{Access, Edge, Moment, ResourceSpec, UserType};
use crate::name::{LevelName, ResourceName, RoleName, ScopeName};
use globset::GlobBuilder;
use regex::Regex;
use std::collections::{BTreeMap, BTreeSet};

/// What `countersign.yaml` owes.
pub fn config(catalog: &Catalog, problems: &mut Vec<Problem>) {
    let Linked { at, spec } = &catalog.config;
    if let Some(directory) = catalog.resources.get(&spec.directory) {
        let right = directory.spec.kind == ResourceType::Directory
            && directory.spec.connector == Some(Connector::ActiveDirectory);
        if !right {
            problems.push(
                Problem::new(
                    Code::BadDirectory,
                    at,
                    "directory",
                    format!(
                        "`{}` is not a directory that can hold accounts",
                        spec.directory
                    ),
                )
                .help("name a resource with `type: directory` and `connector: active-directory`")
                .related(&directory.at, "type", "this resource"),
            );
        }
    }
    for (name, Linked { at, spec: resource }) in &catalog.resources {
        if resource.kind == ResourceType::Directory && *name != spec.directory {
            problems.push(
                Problem::new(
                    Code::BadDirectory,
                    at,
                    "type",
                    format!("there is one directory, and it is `{}`", spec.directory),
                )
                .help("give this resource another type"),
            );
        }
    }
    let managed = &spec.managed;
    for (globs, route) in [
        (&managed.groups, "managed.groups"),
        (&managed.exact, "managed.exact"),
    ] {
        for (i, glob) in globs.iter().enumerate() {
            if let Err(error) = GlobBuilder::new(glob).build() {
                let route = format!("{route}.{i}");
                problems.push(Problem::new(
                    Code::BadPattern,
                    at,
                    &route,
                    error.to_string(),
                ));
            }
        }
    }
    for (i, glob) in spec.ignore.iter().enumerate() {
        if let Err(error) = GlobBuilder::new(glob).build() {
            problems.push(Problem::new(
                Code::BadPattern,
                at,
                &format!("ignore.{i}"),
                error.to_string(),
            ));
        }
    }
    for policy in catalog.policies.values() {
        problems.push(
            Problem::new(
                Code::PolicyNotEvaluated,
                &policy.at,
                "validations",
                "this version reads policies and does not evaluate them",
            )
            .help("do not rely on this rule yet; look for it when you review"),
        );
    }
}

/// What resources owe.
pub fn resources(catalog: &Catalog, problems: &mut Vec<Problem>) {
    let managed = ManagedGroups::new(&catalog.config.spec.managed);
    for (name, Linked { at, spec }) in &catalog.resources {
        maintained(catalog, name, at, spec, problems);
        levels(at, spec, &managed, problems);
        fields(at, spec, problems);
        identity_rules(catalog, name, at, spec, problems);
    }
}

fn maintained(
    catalog: &Catalog,
    name: &ResourceName,
    at: &Location,
    spec: &ResourceSpec,
    problems: &mut Vec<Problem>,
) {
    let connector = spec.connector.unwrap_or(Connector::Manual);
    if let Some(inherits) = &spec.inherits_from {
        if spec.connector.is_some() {
            problems.push(
                Problem::new(
                    Code::FollowerAccess,
                    at,
                    "connector",
                    format!(
                        "`{name}` follows `{}`, so it has no connector of its own",
                        inherits.resource
                    ),
                )
                .help("take `connector` out"),
            );
        }
        let theirs = catalog.resources.get(&inherits.resource);
        for (their, our) in &inherits.levels {
            if let Some(theirs) = theirs.filter(|t| !has_level(&t.spec, their)) {
                unknown_level(
                    at,
                    "inheritsFrom.levels",
                    &inherits.resource,
                    &theirs.spec,
                    their,
                    problems,
                );
            }
            if !has_level(spec, our) {
                unknown_level(at, "inheritsFrom.levels", name, spec, our, problems);
            }
        }
        return;
    }
    if connector == Connector::Manual && spec.maintainers.is_empty() {
        problems.push(
            Problem::new(
                Code::NoMaintainer,
                at,
                "=displayName",
                format!("`{name}` is brought about by hand, and nobody is named who does it"),
            )
            .help("add `maintainers`, or say `connector: none` if nobody has to do anything"),
        );
    }
    for (i, maintainer) in spec.maintainers.iter().enumerate() {
        if let Some(level) = maintainer
            .holders_of
            .as_ref()
            .filter(|l| !has_level(spec, l))
        {
            unknown_level(
                at,
                &format!("maintainers.{i}.holdersOf"),
                name,
                spec,
                level,
                problems,
            );
        }
        let organization = maintainer.organization.as_ref();
        let silent = organization
            .and_then(|o| catalog.organizations.get(o))
            .filter(|o| o.spec.contact.as_ref().is_none_or(|c| c.mail.is_none()));
        if let Some(silent) = silent {
            problems.push(
                Problem::new(
                    Code::NoMail,
                    at,
                    &format!("maintainers.{i}.organization"),
                    "this organization has no mail address to ask at",
                )
                .help("give it `contact: {mail: …}`")
                .related(&silent.at, "=contact", "the organization"),
            );
        }
    }
}

fn levels(
    at: &Location,
    spec: &ResourceSpec,
    managed: &ManagedGroups,
    problems: &mut Vec<Problem>,
) {
    let mut seen: BTreeSet<&LevelName> = BTreeSet::new();
    for (i, level) in spec.levels.iter().enumerate() {
        if !seen.insert(&level.name) {
            problems.push(
                Problem::new(
                    Code::DuplicateEntry,
                    at,
                    &format!("levels.{i}.name"),
                    format!("there are two levels `{}`", level.name),
                )
                .help("rename one"),
            );
        }
        for (j, included) in level.includes.iter().enumerate() {
            if !spec.levels.iter().any(|l| l.name == *included) {
                let known = spec.levels.iter().map(|l| l.name.as_str());
                problems.push(
                    Problem::new(
                        Code::UnknownLevel,
                        at,
                        &format!("levels.{i}.includes.{j}"),
                        format!("there is no level `{included}` here"),
                    )
                    .maybe_help(did_you_mean(included.as_str(), known)),
                );
            }
        }
        managed.check(&level.groups, at, &format!("levels.{i}.groups"), problems);
    }
    if let Some(default) = spec.default_level.as_ref().filter(|l| !has_level(spec, l)) {
        let known = spec.levels.iter().map(|l| l.name.as_str());
        problems.push(
            Problem::new(
                Code::UnknownLevel,
                at,
                "defaultLevel",
                format!("there is no level `{default}` here"),
            )
            .maybe_help(did_you_mean(default.as_str(), known)),
        );
    }
}

fn fields(at: &Location, spec: &ResourceSpec, problems: &mut Vec<Problem>) {
    let mut seen: BTreeSet<String> = BTreeSet::new();
    for (i, field) in spec.fields.iter().enumerate() {
        let route = format!("fields.{i}");
        if !seen.insert(field.name.as_str().to_lowercase()) {
            problems.push(
                Problem::new(
                    Code::DuplicateEntry,
                    at,
                    &format!("{route}.name"),
                    format!("there are two fields `{}`", field.name),
                )
                .help("rename one"),
            );
        }
        pattern(field.pattern.as_deref(), at, &route, problems);
        choice(field.kind, &field.options, at, &route, problems);
        let sources = [
            field.value.is_some(),
            field.default.is_some(),
            field.source.is_some(),
        ];
        if sources.iter().filter(|given| **given).count() > 1 {
            problems.push(
                Problem::new(
                    Code::FixedField,
                    at,
                    &format!("{route}.name"),
                    format!(
                        "`{}` has more than one of `value`, `default` and `source`",
                        field.name
                    ),
                )
                .help("keep the one that is meant: `value` cannot be overridden, `default` can"),
            );
        }
        let named_by_us = [
            "sAMAccountName",
            "userPrincipalName",
            "cn",
            "distinguishedName",
        ];
        if spec.kind == ResourceType::Directory
            && named_by_us
                .iter()
                .any(|n| field.name.as_str().eq_ignore_ascii_case(n))
        {
            problems.push(
                Problem::new(
                    Code::FixedField,
                    at,
                    &format!("{route}.name"),
                    format!(
                        "`{}` follows from the naming rules of countersign.yaml",
                        field.name
                    ),
                )
                .help("take the field out; it can be read all the same"),
            );
        }
    }
}

fn identity_rules(
    catalog: &Catalog,
    name: &ResourceName,
    at: &Location,
    spec: &ResourceSpec,
    problems: &mut Vec<Problem>,
) {
    let Some(rules) = &spec.identities else {
        return;
    };
    let mut seen = BTreeSet::new();
    for (i, kind) in rules.types.iter().enumerate() {
        if !seen.insert(&kind.name) {
            let message = format!("there are two identity types `{}`", kind.name);
            let route = format!("identities.types.{i}.name");
            problems
                .push(Problem::new(Code::DuplicateEntry, at, &route, message).help("rename one"));
        }
    }
    for (i, default) in rules.default.iter().enumerate() {
        let route = format!("identities.default.{i}");
        let given = Given {
            resource: name,
            kind: &default.kind,
            roles: &default.roles,
            scopes: &default.scopes,
        };
        identity(catalog, at, &route, &given, problems);
    }
}

/// What roles and scopes owe.
pub fn roles_and_scopes(catalog: &Catalog, problems: &mut Vec<Problem>) {
    let managed = ManagedGroups::new(&catalog.config.spec.managed);
    for (name, Linked { at, spec }) in &catalog.roles {
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
    for (name, Linked { at, spec }) in &catalog.scopes {
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
    for Linked { at, spec } in catalog.identities.values() {
        let given = Given {
            resource: &spec.resource,
            kind: &spec.kind,
            roles: &spec.roles,
            scopes: &spec.scopes,
        };
        identity(catalog, at, "", &given, problems);
        moment(catalog, spec.until.as_ref(), at, "until", problems);
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

/// What users owe.
pub fn people(catalog: &Catalog, problems: &mut Vec<Problem>) {
    let mut numbers: BTreeMap<&str, &Location> = BTreeMap::new();
    for (name, Linked { at, spec }) in &catalog.users {
        moment(catalog, spec.start_date.as_ref(), at, "startDate", problems);
        moment(catalog, spec.end_date.as_ref(), at, "endDate", problems);
        access(catalog, &spec.access, at, "access", problems);
        attributes(catalog, spec.attributes.keys(), at, problems);
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
                    && (without.level.is_none() || a.level == without.level)
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

/// What profiles, organizations and requests owe.
pub fn profiles_and_requests(catalog: &Catalog, problems: &mut Vec<Problem>) {
    for Linked { at, spec } in catalog.organizations.values() {
        attributes(catalog, spec.attributes.keys(), at, problems);
    }
    for (name, Linked { at, spec }) in &catalog.profiles {
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
        let mut keys = BTreeSet::new();
        for (i, question) in spec.questions.iter().enumerate() {
            let route = format!("questions.{i}");
            pattern(question.pattern.as_deref(), at, &route, problems);
            choice(question.kind, &question.options, at, &route, problems);
            if !keys.insert(&question.key) {
                let message = format!("`{}` is asked twice", question.key);
                let route = format!("{route}.key");
                problems
                    .push(Problem::new(Code::DuplicateEntry, at, &route, message).help("keep one"));
            }
        }
    }
    for Linked { at, spec } in catalog.requests.values() {
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

fn given_identity(
    catalog: &Catalog,
    given: &GivenIdentity,
    at: &Location,
    route: &str,
    problems: &mut Vec<Problem>,
) {
    let given = Given {
        resource: &given.resource,
        kind: &given.kind,
        roles: &given.roles,
        scopes: &given.scopes,
    };
    identity(catalog, at, route, &given, problems);
}

/// What an identity says, wherever it is said.
struct Given<'a> {
    resource: &'a ResourceName,
    kind: &'a crate::name::IdentityType,
    roles: &'a [RoleName],
    scopes: &'a BTreeMap<ScopeName, Vec<String>>,
}

fn identity(
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
    for (i, name) in given.roles.iter().enumerate() {
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
    for (name, values) in given.scopes {
        let Some(scope) = catalog.scopes.get(name) else {
            continue;
        };
        let route = below(&format!("scopes.`{name}`"));
        if scope.spec.resource != *given.resource {
            other_resource(at, &route, name.as_str(), given.resource, problems);
        }
        let known = catalog.scope_values(name);
        for (i, value) in values.iter().enumerate() {
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
            } else if !value.contains('{') && !known.contains_key(value) {
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

fn access(
    catalog: &Catalog,
    entries: &[Access],
    at: &Location,
    route: &str,
    problems: &mut Vec<Problem>,
) {
    let mut seen = BTreeSet::new();
    for (i, entry) in entries.iter().enumerate() {
        let route = format!("{route}.{i}");
        moment(
            catalog,
            entry.until.as_ref(),
            at,
            &format!("{route}.until"),
            problems,
        );
        if !seen.insert((&entry.resource, &entry.level)) {
            problems.push(
                Problem::new(
                    Code::DuplicateEntry,
                    at,
                    &route,
                    format!("`{}` stands here twice at the same level", entry.resource),
                )
                .help("keep one"),
            );
        }
        let Some(resource) = catalog.resources.get(&entry.resource) else {
            continue;
        };
        if let Some(inherits) = &resource.spec.inherits_from {
            problems.push(
                Problem::new(
                    Code::FollowerAccess,
                    at,
                    &format!("{route}.resource"),
                    format!(
                        "access to `{}` follows `{}`",
                        entry.resource, inherits.resource
                    ),
                )
                .help(format!("give access to `{}`", inherits.resource)),
            );
            continue;
        }
        match &entry.level {
            Some(level) if !has_level(&resource.spec, level) => {
                let route = format!("{route}.level");
                unknown_level(at, &route, &entry.resource, &resource.spec, level, problems);
            }
            None if default_level(&resource.spec).is_none() => {
                let known = resource.spec.levels.iter().map(|l| format!("`{}`", l.name));
                problems.push(
                    Problem::new(
                        Code::LevelNeeded,
                        at,
                        &route,
                        format!("`{}` has levels, and this entry names none", entry.resource),
                    )
                    .help(format!(
                        "name one of {}",
                        known.collect::<Vec<_>>().join(", ")
                    )),
                );
            }
            _ => {}
        }
        for name in entry.fields.keys() {
            let field = resource.spec.fields.iter().find(|f| f.name == *name);
            let route = format!("{route}.fields.`{name}`");
            match field {
                None => {
                    let known = resource.spec.fields.iter().map(|f| f.name.as_str());
                    problems.push(
                        Problem::new(
                            Code::UnknownResourceField,
                            at,
                            &route,
                            format!("`{}` has no field `{name}`", entry.resource),
                        )
                        .maybe_help(did_you_mean(name.as_str(), known)),
                    );
                }
                Some(field) if field.value.is_some() || field.source.is_some() => {
                    problems.push(
                        Problem::new(
                            Code::FixedField,
                            at,
                            &route,
                            format!(
                                "`{name}` of `{}` cannot be given a value here",
                                entry.resource
                            ),
                        )
                        .help("take it out; the resource says where its value comes from"),
                    );
                }
                Some(_) => {}
            }
        }
    }
}

fn attributes<'a>(
    catalog: &Catalog,
    names: impl Iterator<Item = &'a crate::name::FieldName>,
    at: &Location,
    problems: &mut Vec<Problem>,
) {
    let Some(directory) = catalog.resources.get(&catalog.config.spec.directory) else {
        return;
    };
    for name in names {
        let field = directory
            .spec
            .fields
            .iter()
            .find(|f| f.name.as_str().eq_ignore_ascii_case(name.as_str()));
        let route = format!("attributes.`{name}`");
        match field {
            Some(field) if field.value.is_none() && field.source.is_none() => {}
            Some(_) => problems.push(
                Problem::new(
                    Code::FixedField,
                    at,
                    &route,
                    format!("`{name}` of the directory cannot be given a value here"),
                )
                .help("take it out; the directory resource says where its value comes from"),
            ),
            None if ACCOUNT_FIELDS.contains(&name.as_str()) => problems.push(
                Problem::new(
                    Code::FixedField,
                    at,
                    &route,
                    format!("`{name}` follows from the naming rules"),
                )
                .help("say `login` or `mail` on the user"),
            ),
            None => {
                let known = directory.spec.fields.iter().map(|f| f.name.as_str());
                problems.push(
                    Problem::new(
                        Code::UnknownResourceField,
                        at,
                        &route,
                        format!("the directory has no field `{name}`"),
                    )
                    .maybe_help(did_you_mean(name.as_str(), known)),
                );
            }
        }
    }
}

fn moment(
    catalog: &Catalog,
    moment: Option<&Moment>,
    at: &Location,
    route: &str,
    problems: &mut Vec<Problem>,
) {
    let edge = if route.ends_with("until") || route == "endDate" {
        Edge::End
    } else {
        Edge::Start
    };
    if let Some(Err(error)) = moment.map(|m| m.resolve(&catalog.zone, edge)) {
        problems.push(
            Problem::new(Code::BadMoment, at, route, error.to_string())
                .help("check month, day and hour, and the change of clocks"),
        );
    }
}

fn pattern(pattern: Option<&str>, at: &Location, route: &str, problems: &mut Vec<Problem>) {
    if let Some(Err(error)) = pattern.map(Regex::new) {
        let text = error.to_string();
        let last = text
            .lines()
            .last()
            .unwrap_or("it cannot be read")
            .trim()
            .to_owned();
        let route = format!("{route}.pattern");
        problems.push(Problem::new(Code::BadPattern, at, &route, last));
    }
}

fn choice(
    kind: Option<FieldType>,
    options: &[String],
    at: &Location,
    route: &str,
    problems: &mut Vec<Problem>,
) {
    let (message, help) = match (kind == Some(FieldType::Choice), options.is_empty()) {
        (true, true) => ("a choice needs `options`", "list them"),
        (false, false) => ("only a choice has `options`", "say `type: choice`"),
        (true, false) | (false, true) => return,
    };
    problems.push(Problem::new(Code::FieldValue, at, &format!("{route}.type"), message).help(help));
}

fn identity_type(
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

fn prefixed(name: &str, resource: &ResourceName, at: &Location, problems: &mut Vec<Problem>) {
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

fn other_resource(
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

fn unknown_level(
    at: &Location,
    route: &str,
    name: &ResourceName,
    spec: &ResourceSpec,
    level: &LevelName,
    problems: &mut Vec<Problem>,
) {
    let mut known: Vec<&str> = spec.levels.iter().map(|l| l.name.as_str()).collect();
    if known.is_empty() {
        known.push("access");
    }
    problems.push(
        Problem::new(
            Code::UnknownLevel,
            at,
            route,
            format!("`{name}` has no level `{level}`"),
        )
        .maybe_help(did_you_mean(level.as_str(), known.iter().copied())),
    );
}

/// Whether a resource has a level; `access` is implicit where there are none, or where there are identities.
pub fn has_level(spec: &ResourceSpec, level: &LevelName) -> bool {
    spec.levels.iter().any(|l| l.name == *level)
        || (level.as_str() == "access" && (spec.levels.is_empty() || spec.identities.is_some()))
}

/// The level an entry without one means.
pub fn default_level(spec: &ResourceSpec) -> Option<LevelName> {
    let implicit = spec.levels.is_empty() || spec.identities.is_some();
    spec.default_level.clone().or_else(|| match implicit {
        true => LevelName::new("access").ok(),
        false => None,
    })
}

/// `employee, contractor`.
pub fn types(types: &[UserType]) -> String {
    types
        .iter()
        .map(|t| t.as_str())
        .collect::<Vec<_>>()
        .join(", ")
}

struct ManagedGroups(Option<globset::GlobSet>);

impl ManagedGroups {
    fn new(managed: &Managed) -> Self {
        let mut set = globset::GlobSetBuilder::new();
        for pattern in &managed.groups {
            if let Ok(glob) = GlobBuilder::new(&pattern.to_lowercase()).build() {
                set.add(glob);
            }
        }
        Self(set.build().ok())
    }

    fn check(&self, groups: &[GroupName], at: &Location, route: &str, problems: &mut Vec<Problem>) {
        let Some(set) = &self.0 else { return };
        for (i, group) in groups.iter().enumerate() {
            if !set.is_match(group.0.to_lowercase()) {
                problems.push(
                    Problem::new(
                        Code::GroupNotManaged,
                        at,
                        &format!("{route}.{i}"),
                        format!("the group `{}` is not managed", group.0),
                    )
                    .help("add it to `managed.groups` of countersign.yaml, if it may be written"),
                );
            }
        }
    }
}
