//! Manifests → catalog: by kind and name, with every mistake that linking shows.

use super::problem::{Problem, found_by};
use super::templates::Templates;
use super::{ARCHIVE, Catalog, Linked, cycles, duties, references};
use crate::diagnostic::{Code, Diagnostic, Place};
use crate::manifest::config::{LoginNaming, Managed, Naming};
use crate::manifest::parse::{Body, CONFIG_FILE, Located, Location, Manifests};
use crate::manifest::{ConfigSpec, Kind, Manifest};
use crate::name::{ManifestName, RequestName, ResourceName, UserName};
use jiff::tz::TimeZone;
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

/// A check of the catalog: all of them are asked, whatever the others found.
type Check = fn(&Catalog, &mut Vec<Problem>);

const CHECKS: [Check; 14] = [
    cycles::organizations,
    cycles::supervisors,
    cycles::profiles,
    cycles::roles,
    cycles::levels,
    cycles::followers,
    duties::config,
    duties::resources,
    duties::roles_and_scopes,
    duties::identities,
    duties::people,
    duties::profiles_and_requests,
    duties::questions,
    duties::answers,
];

/// The document of a `Config` that is not there.
const NOWHERE: u32 = u32::MAX;

/// What linking found wrong.
#[derive(Debug, Default)]
pub struct Findings {
    /// Mistakes with a place already.
    pub diagnostics: Vec<Diagnostic>,
    /// Mistakes whose place is still a route.
    pub problems: Vec<Problem>,
}

impl Findings {
    /// Whether any of them makes the repository invalid.
    pub fn any_error(&self) -> bool {
        use crate::diagnostic::Severity::Error;
        crate::diagnostic::any_error(&self.diagnostics)
            || self
                .problems
                .iter()
                .any(|p| p.severity.unwrap_or(p.code.explanation().severity) == Error)
    }
}

/// Links every manifest. The catalog is always there, so that later stages can go on finding
/// mistakes; it may be used for a plan only where there is no error.
pub fn link(manifests: Manifests) -> (Catalog, Findings) {
    let mut problems = Vec::new();
    let mut diagnostics = manifests.diagnostics;
    let empty = manifests.list.is_empty() && manifests.broken.is_empty();
    let broken = manifests.broken;
    let mut shelves = Shelves {
        users: Vec::with_capacity(manifests.list.len()),
        ..Shelves::default()
    };
    for located in manifests.list {
        shelves.put(located, &mut problems);
    }
    let config_broken = broken.iter().any(|(kind, _)| *kind == Kind::Config);
    if empty && diagnostics.is_empty() {
        diagnostics.push(
            Diagnostic::new(
                Code::EmptyRepository,
                Place::of_file(&CONFIG_FILE.into()),
                "the repository holds no manifest",
            )
            .help("`countersign init` writes a first one"),
        );
    } else if shelves.config.is_none() && !config_broken {
        diagnostics.push(
            Diagnostic::new(
                Code::NoConfig,
                Place::of_file(&CONFIG_FILE.into()),
                "the repository has no `Config`",
            )
            .help(format!(
                "write one into {CONFIG_FILE}; `countersign init` shows what it looks like"
            )),
        );
    }
    let mut damaged = manifests.damaged;
    let config = shelves.config.unwrap_or_else(|| {
        damaged.insert((CONFIG_FILE.into(), NOWHERE));
        no_config()
    });
    let zone = TimeZone::get(&config.spec.time_zone);
    if let Err(error) = &zone {
        problems.push(
            Problem::new(Code::BadTimeZone, &config.at, "timeZone", error.to_string())
                .help("name one like `America/Indiana/Indianapolis` or `Europe/London`"),
        );
    }
    let mut catalog = Catalog {
        config,
        zone: zone.unwrap_or(TimeZone::UTC),
        organizations: shelves.organizations,
        profiles: shelves.profiles,
        users: shelved(shelves.users, Kind::User, &mut problems),
        resources: shelves.resources,
        roles: shelves.roles,
        scopes: shelves.scopes,
        identities: shelves.identities,
        requests: shelves.requests,
        archived: shelves.archived,
        policies: shelves.policies,
        damaged,
        mail_templates: BTreeMap::new(),
        templates: Templates::default(),
    };
    let linked = &catalog;
    let ((dangling, (templates, mistaken)), found) = rayon::join(
        || {
            rayon::join(
                || found_by(|problems| references::check(linked, &broken, problems)).1,
                || found_by(|problems| Templates::compile(linked, problems)),
            )
        },
        || {
            let checks = CHECKS.par_iter().with_max_len(1);
            let found = checks.map(|check| found_by(|problems| check(linked, problems)).1);
            found.collect::<Vec<_>>()
        },
    );
    catalog.templates = templates;
    let found = found.into_iter().flatten();
    problems.extend(dangling.into_iter().chain(mistaken).chain(found));
    // What nobody wrote has no mistakes of its own.
    problems.retain(|problem| problem.at.document != NOWHERE);
    (
        catalog,
        Findings {
            diagnostics,
            problems,
        },
    )
}

#[derive(Default)]
struct Shelves {
    config: Option<Linked<ConfigSpec>>,
    organizations:
        BTreeMap<crate::name::OrganizationName, Linked<crate::manifest::OrganizationSpec>>,
    profiles: BTreeMap<crate::name::ProfileName, Linked<crate::manifest::ProfileSpec>>,
    /// There are many, and all at once are quicker than one by one.
    users: Vec<(UserName, Linked<crate::manifest::UserSpec>)>,
    resources: BTreeMap<ResourceName, Linked<crate::manifest::ResourceSpec>>,
    roles: BTreeMap<crate::name::RoleName, Linked<crate::manifest::RoleSpec>>,
    scopes: BTreeMap<crate::name::ScopeName, Linked<crate::manifest::ScopeSpec>>,
    identities: BTreeMap<crate::name::IdentityName, Linked<crate::manifest::IdentitySpec>>,
    requests: BTreeMap<RequestName, Linked<crate::manifest::RequestSpec>>,
    archived: BTreeMap<RequestName, Linked<crate::manifest::RequestSpec>>,
    policies: BTreeMap<crate::name::PolicyName, Linked<crate::manifest::PolicySpec>>,
}

impl Shelves {
    fn put(&mut self, located: Located, problems: &mut Vec<Problem>) {
        let at = located.at;
        if at.file.starts_with(ARCHIVE) && !matches!(located.body, Body::Request(_)) {
            problems.push(
                Problem::new(
                    Code::Archived,
                    &at,
                    "/kind",
                    "the archive keeps folded requests and nothing else",
                )
                .help("move it out of archive/"),
            );
        }
        match located.body {
            Body::Config(manifest) => match &self.config {
                Some(first) => problems.push(
                    Problem::new(
                        Code::NoConfig,
                        &at,
                        "/kind",
                        "there is a second `Config` in the repository",
                    )
                    .help("keep one, in countersign.yaml")
                    .related(&first.at, "/kind", "the first one"),
                ),
                None => self.config = Some(linked(at, &manifest)),
            },
            Body::Organization(m) => shelve(
                &mut self.organizations,
                at,
                &m,
                Kind::Organization,
                problems,
            ),
            Body::Profile(m) => shelve(&mut self.profiles, at, &m, Kind::Profile, problems),
            Body::User(m) => {
                let name = UserName::from(&m.metadata.name);
                self.users.push((name, linked(at, &m)));
            }
            Body::Resource(m) => shelve(&mut self.resources, at, &m, Kind::Resource, problems),
            Body::Role(m) => shelve(&mut self.roles, at, &m, Kind::Role, problems),
            Body::Scope(m) => shelve(&mut self.scopes, at, &m, Kind::Scope, problems),
            Body::Identity(m) => shelve(&mut self.identities, at, &m, Kind::Identity, problems),
            Body::Request(m) => {
                let name = RequestName::from(&m.metadata.name);
                let archived = at.file.starts_with(ARCHIVE);
                let (shelf, other) = match archived {
                    true => (&mut self.archived, &self.requests),
                    false => (&mut self.requests, &self.archived),
                };
                match other.get(&name) {
                    Some(first) => problems.push(same_name(&at, first, Kind::Request, &name)),
                    None => shelve(shelf, at, &m, Kind::Request, problems),
                }
            }
            Body::Policy(m) => shelve(&mut self.policies, at, &m, Kind::Policy, problems),
        }
    }
}

fn shelve<N, S>(
    shelf: &mut BTreeMap<N, Linked<S>>,
    at: Location,
    manifest: &Manifest<S>,
    kind: Kind,
    problems: &mut Vec<Problem>,
) where
    N: for<'a> From<&'a ManifestName> + Ord,
{
    let name = &manifest.metadata.name;
    match shelf.entry(N::from(name)) {
        Entry::Occupied(first) => problems.push(same_name(&at, first.get(), kind, name)),
        Entry::Vacant(place) => {
            place.insert(linked(at, manifest));
        }
    }
}

fn linked<S>(at: Location, manifest: &Manifest<S>) -> Linked<S> {
    Linked {
        at,
        labels: manifest.metadata.labels.clone(),
        spec: manifest.spec.clone(),
    }
}

/// Those of a kind by name; of several of one name the first, and the others are reported.
fn shelved<N: Ord + std::fmt::Display, S>(
    mut all: Vec<(N, Linked<S>)>,
    kind: Kind,
    problems: &mut Vec<Problem>,
) -> BTreeMap<N, Linked<S>> {
    // The first of a name stays the first.
    all.sort_by(|(one, _), (other, _)| one.cmp(other));
    all.dedup_by(|(name, linked), (first_name, first)| {
        let is_twice = name == first_name;
        if is_twice {
            problems.push(same_name(&linked.at, first, kind, name));
        }
        is_twice
    });
    all.into_iter().collect()
}

fn same_name<S>(
    at: &Location,
    first: &Linked<S>,
    kind: Kind,
    name: &impl std::fmt::Display,
) -> Problem {
    Problem::new(
        Code::DuplicateName,
        at,
        "/metadata.name",
        format!("there is another {kind} named `{name}`"),
    )
    .help("names are unique per kind; rename one")
    .related(&first.at, "/metadata.name", "the first one")
}

/// What stands in where there is no `Config`, so that other mistakes are still found.
fn no_config() -> Linked<ConfigSpec> {
    let at = Location {
        file: CONFIG_FILE.into(),
        document: NOWHERE,
        line: 1,
    };
    let spec = ConfigSpec {
        display_name: None,
        time_zone: "UTC".into(),
        directory: ResourceName::from(&directory_name()),
        naming: Naming {
            login: LoginNaming {
                max_length: 20,
                then_number: true,
                candidates: Vec::new(),
            },
            mail: None,
            upn: None,
            cn: None,
        },
        managed: Managed {
            ous: Vec::new(),
            leavers_ou: None,
            groups: Vec::new(),
            attributes: None,
            membership: None,
            exact: Vec::new(),
        },
        create_ahead: None,
        leavers: None,
        hand_over_key: None,
        folded_through: None,
        reminders: None,
        approval: None,
        guards: None,
        windows: None,
        mail: None,
        ignore: Vec::new(),
        pipelines: None,
    };
    Linked {
        at,
        labels: BTreeMap::new(),
        spec: Arc::new(spec),
    }
}

fn directory_name() -> ManifestName {
    match ManifestName::new("active-directory") {
        Ok(name) => name,
        Err(_) => unreachable!("the literal keeps the rule"),
    }
}
