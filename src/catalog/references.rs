//! References: every name in a manifest must be the name of something.

use super::problem::Problem;
use super::{Catalog, Linked};
use crate::diagnostic::Code;
use crate::diagnostic::suggest::did_you_mean;
use crate::manifest::identity::GivenIdentity;
use crate::manifest::parse::Location;
use crate::manifest::{Access, Kind, Without};
use crate::name::{ManifestName, RoleName, ScopeName};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Reports every reference that names nothing. What is only broken counts as there.
pub fn check(
    catalog: &Catalog,
    broken: &BTreeSet<(Kind, ManifestName)>,
    problems: &mut Vec<Problem>,
) {
    let mut check = References {
        catalog,
        broken,
        problems,
    };
    check.all();
}

struct References<'a> {
    catalog: &'a Catalog,
    broken: &'a BTreeSet<(Kind, ManifestName)>,
    problems: &'a mut Vec<Problem>,
}

impl References<'_> {
    fn all(&mut self) {
        let catalog = self.catalog;
        self.one(
            Kind::Resource,
            catalog.config.spec.directory.as_str(),
            &catalog.config.at,
            "directory",
        );
        if let Some(windows) = &catalog.config.spec.windows {
            for (list, windows) in [("allow", &windows.allow), ("deny", &windows.deny)] {
                for (i, window) in windows.iter().enumerate() {
                    let route = format!("windows.{list}.{i}.resources");
                    self.list(
                        Kind::Resource,
                        &window.resources,
                        &catalog.config.at,
                        &route,
                    );
                }
            }
        }
        for Linked { at, spec, .. } in catalog.organizations.values() {
            self.maybe(Kind::Organization, spec.parent.as_ref(), at, "parent");
            self.maybe(Kind::User, spec.head.as_ref(), at, "head");
            for (i, member) in spec.profiles.iter().enumerate() {
                self.one(
                    Kind::Profile,
                    member.profile.as_str(),
                    at,
                    format_args!("profiles.{i}.profile"),
                );
            }
        }
        for Linked { at, spec, .. } in catalog.users.values() {
            self.one(
                Kind::Organization,
                spec.organization.as_str(),
                at,
                "organization",
            );
            self.maybe(Kind::User, spec.supervisor.as_ref(), at, "supervisor");
            let deputy = spec.deputy.as_ref().map(|d| &d.user);
            self.maybe(Kind::User, deputy, at, "deputy.user");
            self.list(Kind::Organization, &spec.associated, at, "associated");
            self.list(Kind::Profile, &spec.profiles, at, "profiles");
            self.access(&spec.access, at, "access");
            self.without(&spec.without, at);
        }
        for Linked { at, spec, .. } in catalog.profiles.values() {
            self.maybe(
                Kind::Organization,
                spec.organization.as_ref(),
                at,
                "organization",
            );
            self.list(Kind::Profile, &spec.extends, at, "extends");
            self.access(&spec.access, at, "access");
            self.list(Kind::Resource, &spec.software, at, "software");
            self.identities(&spec.identities, at, "identities");
        }
        for Linked { at, spec, .. } in catalog.resources.values() {
            for (i, maintainer) in spec.maintainers.iter().enumerate() {
                let route = |field: &str| format!("maintainers.{i}.{field}");
                self.maybe(Kind::User, maintainer.user.as_ref(), at, &route("user"));
                let organization = maintainer.organization.as_ref();
                self.maybe(Kind::Organization, organization, at, &route("organization"));
                self.list(Kind::User, &maintainer.members, at, &route("members"));
            }
            if let Some(owner) = &spec.owner {
                self.maybe(Kind::User, owner.user.as_ref(), at, "owner.user");
                self.maybe(
                    Kind::Organization,
                    owner.organization.as_ref(),
                    at,
                    "owner.organization",
                );
            }
            if let Some(inherits) = &spec.inherits_from {
                self.one(
                    Kind::Resource,
                    inherits.resource.as_str(),
                    at,
                    "inheritsFrom.resource",
                );
            }
            for (i, default) in spec.identities.iter().flat_map(|r| &r.default).enumerate() {
                let route = format!("identities.default.{i}");
                self.list(Kind::Role, &default.roles, at, &format!("{route}.roles"));
                self.scopes(&default.scopes, at, &format!("{route}.scopes"));
            }
        }
        for Linked { at, spec, .. } in catalog.roles.values() {
            self.one(Kind::Resource, spec.resource.as_str(), at, "resource");
            self.list(Kind::Role, &spec.includes, at, "includes");
            let replacement = spec
                .deprecated
                .as_ref()
                .and_then(|d| d.replacement.as_ref());
            self.maybe(Kind::Role, replacement, at, "deprecated.replacement");
        }
        for Linked { at, spec, .. } in catalog.scopes.values() {
            self.one(Kind::Resource, spec.resource.as_str(), at, "resource");
        }
        for Linked { at, spec, .. } in catalog.identities.values() {
            self.user(spec.user.as_str(), at, "user");
            self.one(Kind::Resource, spec.resource.as_str(), at, "resource");
            let roles: Vec<&RoleName> = spec.roles.iter().map(|r| &r.given).collect();
            self.list(Kind::Role, &roles, at, "roles");
            self.scopes(&spec.scopes, at, "scopes");
        }
        self.requests();
    }

    fn requests(&mut self) {
        for Linked { at, spec, .. } in self.catalog.requests.values() {
            self.user(spec.requested_by.as_str(), at, "requestedBy");
            if spec.action != crate::manifest::request::RequestAction::Activate {
                self.user(spec.subject.as_str(), at, "subject");
            }
            if let Some(set) = &spec.set {
                self.maybe(
                    Kind::Organization,
                    set.organization.as_ref(),
                    at,
                    "set.organization",
                );
                if let Some(supervisor) = &set.supervisor {
                    self.user(supervisor.as_str(), at, "set.supervisor");
                }
            }
            if let Some(profiles) = &spec.profiles {
                self.list(Kind::Profile, &profiles.add, at, "profiles.add");
                self.list(Kind::Profile, &profiles.remove, at, "profiles.remove");
                let replace = profiles.replace.as_deref().unwrap_or_default();
                self.list(Kind::Profile, replace, at, "profiles.replace");
            }
            if let Some(access) = &spec.access {
                self.access(&access.add, at, "access.add");
                for (i, matcher) in access.remove.iter().enumerate() {
                    let route = format!("access.remove.{i}.resource");
                    self.one(Kind::Resource, matcher.resource.as_str(), at, &route);
                }
            }
            if let Some(identities) = &spec.identities {
                self.identities(&identities.add, at, "identities.add");
                for (i, matcher) in identities.remove.iter().enumerate() {
                    let route = format!("identities.remove.{i}.resource");
                    self.one(Kind::Resource, matcher.resource.as_str(), at, &route);
                }
            }
        }
    }

    fn access(&mut self, access: &[Access], at: &Location, route: &str) {
        for (i, entry) in access.iter().enumerate() {
            let route = format_args!("{route}.{i}.resource");
            self.one(Kind::Resource, entry.resource.as_str(), at, route);
        }
    }

    fn without(&mut self, without: &[Without], at: &Location) {
        for (i, entry) in without.iter().enumerate() {
            let route = format!("without.{i}");
            self.one(
                Kind::Resource,
                entry.resource.as_str(),
                at,
                format_args!("{route}.resource"),
            );
            self.maybe(
                Kind::Role,
                entry.role.as_ref(),
                at,
                &format!("{route}.role"),
            );
            let route = format!("{route}.profiles");
            self.list(Kind::Profile, &entry.profiles, at, &route);
        }
    }

    fn identities(&mut self, identities: &[GivenIdentity], at: &Location, route: &str) {
        for (i, identity) in identities.iter().enumerate() {
            let route = format!("{route}.{i}");
            self.one(
                Kind::Resource,
                identity.resource.as_str(),
                at,
                format_args!("{route}.resource"),
            );
            let roles: Vec<&RoleName> = identity.roles.iter().map(|r| &r.given).collect();
            self.list(Kind::Role, &roles, at, &format!("{route}.roles"));
            self.scopes(&identity.scopes, at, &format!("{route}.scopes"));
        }
    }

    fn scopes<V>(&mut self, scopes: &BTreeMap<ScopeName, V>, at: &Location, route: &str) {
        for scope in scopes.keys() {
            self.one(
                Kind::Scope,
                scope.as_str(),
                at,
                format_args!("{route}.`{scope}`"),
            );
        }
    }

    fn list<N: AsRef<str>>(&mut self, kind: Kind, names: &[N], at: &Location, route: &str) {
        for (i, name) in names.iter().enumerate() {
            self.one(kind, name.as_ref(), at, format_args!("{route}.{i}"));
            if names[..i].iter().any(|n| n.as_ref() == name.as_ref()) {
                self.problems.push(
                    Problem::new(
                        Code::DuplicateEntry,
                        at,
                        &format!("{route}.{i}"),
                        format!("`{}` stands in this list twice", name.as_ref()),
                    )
                    .help("keep one"),
                );
            }
        }
    }

    fn maybe<N: AsRef<str>>(&mut self, kind: Kind, name: Option<&N>, at: &Location, route: &str) {
        if let Some(name) = name {
            self.one(kind, name.as_ref(), at, route);
        }
    }

    /// A user: declared by a manifest, or by a request that activates them.
    fn user(&mut self, name: &str, at: &Location, route: &str) {
        self.one(Kind::User, name, at, route);
    }

    fn one(&mut self, kind: Kind, name: &str, at: &Location, route: impl fmt::Display) {
        let catalog = self.catalog;
        let there = match kind {
            Kind::Organization => catalog.organizations.contains_key(name),
            Kind::Profile => catalog.profiles.contains_key(name),
            Kind::User => catalog.users.contains_key(name) || activated(catalog, name),
            Kind::Resource => catalog.resources.contains_key(name),
            Kind::Role => catalog.roles.contains_key(name),
            Kind::Scope => catalog.scopes.contains_key(name),
            Kind::Identity => catalog.identities.contains_key(name),
            Kind::Request => catalog.requests.contains_key(name),
            Kind::Policy => catalog.policies.contains_key(name),
            Kind::Config => true,
        };
        if there || self.is_broken(kind, name) {
            return;
        }
        let help = did_you_mean(name, names(catalog, kind).iter().copied());
        self.problems.push(
            Problem::new(
                Code::UnknownReference,
                at,
                &route.to_string(),
                format!("there is no {kind} named `{name}`"),
            )
            .maybe_help(help),
        );
    }

    fn is_broken(&self, kind: Kind, name: &str) -> bool {
        // A request too broken to use may have declared the user.
        let requests = kind == Kind::User && self.broken.iter().any(|(k, _)| *k == Kind::Request);
        requests || ManifestName::new(name).is_ok_and(|name| self.broken.contains(&(kind, name)))
    }
}

fn activated(catalog: &Catalog, name: &str) -> bool {
    catalog.requests.values().any(|r| {
        r.spec.action == crate::manifest::request::RequestAction::Activate
            && r.spec.subject.as_str() == name
    })
}

fn names(catalog: &Catalog, kind: Kind) -> Vec<&str> {
    fn keys<N: AsRef<str>, S>(shelf: &BTreeMap<N, S>) -> Vec<&str> {
        shelf.keys().map(AsRef::as_ref).collect()
    }
    match kind {
        Kind::Organization => keys(&catalog.organizations),
        Kind::Profile => keys(&catalog.profiles),
        Kind::User => {
            let mut users = keys(&catalog.users);
            users.extend(catalog.requests.values().map(|r| r.spec.subject.as_str()));
            users
        }
        Kind::Resource => keys(&catalog.resources),
        Kind::Role => keys(&catalog.roles),
        Kind::Scope => keys(&catalog.scopes),
        Kind::Identity => keys(&catalog.identities),
        Kind::Request => keys(&catalog.requests),
        Kind::Policy => keys(&catalog.policies),
        Kind::Config => Vec::new(),
    }
}
