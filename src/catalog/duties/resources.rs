//! What resources owe: somebody who keeps them, levels, fields and identity types that fit together.

use super::grants::{choice, pattern};
use super::identities::{Given, identity};
use super::{ManagedGroups, has_level, unknown_level};
use crate::catalog::{Catalog, Linked, Problem};
use crate::diagnostic::Code;
use crate::diagnostic::suggest::did_you_mean;
use crate::manifest::ResourceSpec;
use crate::manifest::parse::Location;
use crate::manifest::resource::{Connector, Field, Instructions, ResourceType};
use crate::manifest::value::{mismatch, whole};
use crate::name::{LevelName, ResourceName};
use std::collections::BTreeSet;

/// What resources owe.
pub fn resources(catalog: &Catalog, problems: &mut Vec<Problem>) {
    let managed = ManagedGroups::new(&catalog.config.spec.managed);
    for (name, Linked { at, spec, .. }) in &catalog.resources {
        maintained(catalog, name, at, spec, problems);
        levels(at, spec, &managed, problems);
        fields(at, spec, problems);
        instructions(at, spec, problems);
        identity_rules(catalog, name, at, spec, problems);
    }
}

pub(super) fn maintained(
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

/// That maintainers are not sent to an address where what they type can be read on the way.
fn instructions(at: &Location, spec: &ResourceSpec, problems: &mut Vec<Problem>) {
    let Some(Instructions {
        grant,
        update,
        revoke,
        disable,
    }) = &spec.instructions
    else {
        return;
    };
    let all = [
        ("grant", grant),
        ("update", update),
        ("revoke", revoke),
        ("disable", disable),
    ];
    for (action, text) in all {
        if text
            .as_ref()
            .is_some_and(|text| text.to_lowercase().contains("http://"))
        {
            let route = format!("instructions.{action}");
            problems.push(
                Problem::new(Code::BadValue, at, &route, "an address in it is `http://`")
                    .help("only https:// links are taken: nothing may travel in the clear"),
            );
        }
    }
}

pub(super) fn levels(
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

/// Why a field does not take a value, and the nearest that it takes.
fn unlike(field: &Field, value: &str) -> Option<(String, Option<String>)> {
    let pattern = || {
        let pattern = field.pattern.as_ref()?;
        let whole = whole(pattern)?;
        (!whole.is_match(value)).then(|| (format!("it must match `{pattern}`"), None))
    };
    mismatch(field.kind, &field.options, value).or_else(pattern)
}

pub(super) fn fields(at: &Location, spec: &ResourceSpec, problems: &mut Vec<Problem>) {
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
        let value = field.fixed().filter(|value| !value.is_empty());
        if let Some((why, help)) = value.and_then(|value| unlike(field, value)) {
            problems.push(
                Problem::new(
                    Code::FieldValue,
                    at,
                    &format!("{route}.value"),
                    format!("`{}` cannot have this value: {why}", field.name),
                )
                .help(help.unwrap_or_else(|| "change the value, or the rule of the field".into())),
            );
        }
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

pub(super) fn identity_rules(
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
            roles: default.roles.iter().collect(),
            scopes: default
                .scopes
                .iter()
                .map(|(name, values)| (name, values.iter().map(String::as_str).collect()))
                .collect(),
        };
        identity(catalog, at, &route, &given, problems);
    }
}
