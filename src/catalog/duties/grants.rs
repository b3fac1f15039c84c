//! What access entries, attribute values and moments owe, wherever they stand.

use super::{default_level, has_level, meant_level, unknown_level};
use crate::catalog::templates::ACCOUNT_FIELDS;
use crate::catalog::{Catalog, Problem};
use crate::diagnostic::Code;
use crate::diagnostic::suggest::did_you_mean;
use crate::manifest::parse::Location;
use crate::manifest::resource::FieldType;
use crate::manifest::{Access, Edge, Moment};
use crate::name::FieldName;
use regex::Regex;
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn access(
    catalog: &Catalog,
    entries: &[Access],
    at: &Location,
    route: &str,
    problems: &mut Vec<Problem>,
) {
    let mut seen = BTreeSet::new();
    for (i, entry) in entries.iter().enumerate() {
        let route = format!("{route}.{i}");
        if entry.until.is_some() {
            let until = format!("{route}.until");
            moment(catalog, entry.until.as_ref(), at, &until, problems);
        }
        if !seen.insert((&entry.resource, meant_level(catalog, entry))) {
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

/// A title among attributes of somebody who has one of their own: that one wins.
pub fn overruled(
    attributes: &BTreeMap<FieldName, String>,
    at: &Location,
    below: &str,
) -> Option<Problem> {
    let mut names = attributes.keys();
    let name = names.find(|name| name.as_str().eq_ignore_ascii_case("title"))?;
    Some(
        Problem::new(
            Code::Overruled,
            at,
            &format!("{below}attributes.`{name}`"),
            format!(
                "`{name}` among the attributes has no effect: the user has a `title`, which wins"
            ),
        )
        .help("say it as `title`"),
    )
}

pub(super) fn attributes<'a>(
    catalog: &Catalog,
    names: impl Iterator<Item = &'a FieldName>,
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

pub(super) fn moment(
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

/// That what begins and ends is ever in force.
pub(super) fn in_order(
    catalog: &Catalog,
    (begin, begins): (&Moment, &str),
    (end, ends): (&Moment, &str),
    at: &Location,
    problems: &mut Vec<Problem>,
) {
    let begin_at = begin.resolve(&catalog.zone, Edge::Start);
    let end_at = end.resolve(&catalog.zone, Edge::End);
    if let (Ok(begin_at), Ok(end_at)) = (begin_at, end_at)
        && end_at <= begin_at
    {
        let message = format!("it ends at `{end}`, and begins at `{begin}` only");
        problems.push(
            Problem::new(Code::EndsBeforeStart, at, ends, message)
                .help("change one of the two")
                .related(at, begins, "here it begins"),
        );
    }
}

pub(super) fn pattern(
    pattern: Option<&str>,
    at: &Location,
    route: &str,
    problems: &mut Vec<Problem>,
) {
    if let Some(Err(error)) = pattern.map(Regex::new) {
        let text = error.to_string();
        let last = text.lines().last().unwrap_or("it cannot be read").trim();
        let why = last.strip_prefix("error: ").unwrap_or(last);
        let message = format!("this is no regular expression: {why}");
        let route = format!("{route}.pattern");
        problems.push(
            Problem::new(Code::BadPattern, at, &route, message)
                .help("mend it, or leave `pattern` out"),
        );
    }
}

pub(super) fn choice(
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
