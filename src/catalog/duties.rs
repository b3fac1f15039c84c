//! Duties: what each kind owes besides its form and its references.

pub mod answers;
mod grants;
mod identities;
mod people;
mod questions;
mod resources;
mod windows;

pub use answers::answers;
pub use grants::overruled;
pub use identities::{identities, roles_and_scopes};
pub use people::{people, profiles_and_requests};
pub use questions::questions;
pub use resources::resources;

use super::{Catalog, Linked, Problem};
use crate::diagnostic::Code;
use crate::diagnostic::suggest::did_you_mean;
use crate::manifest::config::Managed;
use crate::manifest::parse::Location;
use crate::manifest::resource::{Connector, GroupName, ResourceType};
use crate::manifest::{Access, ResourceSpec, UserType};
use crate::name::{LevelName, ResourceName};
use crate::seal::Recipient;
use globset::GlobBuilder;
use std::sync::OnceLock;

/// That a first password can be encrypted to a key.
fn hand_over_key(key: Option<&str>, at: &Location, route: &str, problems: &mut Vec<Problem>) {
    if let Some(Err(error)) = key.map(Recipient::parse) {
        problems.push(
            Problem::new(Code::BadHandOverKey, at, route, error.to_string())
                .help("write the public key of who hands the password on: `age1…`, or a line of an SSH `.pub` file"),
        );
    }
}

/// What `countersign.yaml` owes.
pub fn config(catalog: &Catalog, problems: &mut Vec<Problem>) {
    let Linked { at, spec, .. } = &catalog.config;
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
    for (
        name,
        Linked {
            at, spec: resource, ..
        },
    ) in &catalog.resources
    {
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
    let later = spec.leavers.iter().flat_map(|l| &l.strip_after).enumerate();
    for (i, glob) in later.flat_map(|(i, s)| s.groups.iter().map(move |g| (i, g))) {
        if let Err(error) = GlobBuilder::new(glob).build() {
            let route = format!("leavers.stripAfter.{i}.groups");
            let problem = Problem::new(Code::BadPattern, at, &route, error.to_string());
            problems.push(problem);
        }
    }
    if let Some(windows) = &spec.windows {
        self::windows::windows(windows, at, &catalog.zone, problems);
    }
    let calendar = spec.reminders.iter().filter_map(|r| r.calendar.as_ref());
    for (i, day) in calendar.flat_map(|c| &c.holidays).enumerate() {
        if day.date().is_none() {
            let route = format!("reminders.calendar.holidays.{i}");
            let message = format!("`{}` is not a date that exists", day.0);
            problems.push(Problem::new(Code::BadMoment, at, &route, message));
        }
    }
    let key = spec.hand_over_key.as_deref();
    hand_over_key(key, at, "handOverKey", problems);
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
        true => implicit_level(),
        false => None,
    })
}

/// The level an access entry means: the one it names, else the default one.
pub fn meant_level(catalog: &Catalog, access: &Access) -> Option<LevelName> {
    let resource = catalog.resources.get(&access.resource);
    let default = || resource.and_then(|r| default_level(&r.spec));
    access.level.clone().or_else(default)
}

/// The level `access`, which nobody has to list.
pub fn implicit_level() -> Option<LevelName> {
    static LEVEL: OnceLock<Option<LevelName>> = OnceLock::new();
    LEVEL.get_or_init(|| LevelName::new("access").ok()).clone()
}

/// Whether users of a type must have an end date: they are here for a time, and nobody sees them go.
pub fn needs_end(kind: UserType) -> bool {
    match kind {
        UserType::Contractor | UserType::Supplier => true,
        UserType::Employee | UserType::Partner | UserType::Client | UserType::Service => false,
    }
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
