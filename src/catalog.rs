//! The catalog: every manifest by kind and name, references resolved, every mistake of meaning
//! that can be told without an instant.

pub mod cycles;
pub mod duties;
pub mod linking;
pub mod problem;
pub mod references;
pub mod templates;

pub use linking::link;
pub use problem::{Problem, located};

use crate::manifest::parse::Location;
use crate::manifest::{
    ConfigSpec, Edge, IdentitySpec, OrganizationSpec, PolicySpec, ProfileSpec, RequestSpec,
    ResourceSpec, RoleSpec, ScopeSpec, UserSpec,
};
use crate::name::{
    IdentityName, OrganizationName, PolicyName, ProfileName, RequestName, ResourceName, RoleName,
    ScopeName, UserName,
};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Where folded requests are kept: a folder at the root.
pub const ARCHIVE: &str = "archive/";

/// A manifest in the catalog.
#[derive(Debug, Clone, PartialEq)]
pub struct Linked<S> {
    /// Where it stands.
    pub at: Location,
    /// Its labels: words for policies and other programs.
    pub labels: BTreeMap<String, String>,
    /// What it says.
    pub spec: Arc<S>,
}

/// Every manifest by kind and name.
///
/// Where [`link`] reported no error, every reference in it resolves and nothing refers to itself.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct Catalog {
    pub config: Linked<ConfigSpec>,
    pub zone: TimeZone,
    pub organizations: BTreeMap<OrganizationName, Linked<OrganizationSpec>>,
    pub profiles: BTreeMap<ProfileName, Linked<ProfileSpec>>,
    pub users: BTreeMap<UserName, Linked<UserSpec>>,
    pub resources: BTreeMap<ResourceName, Linked<ResourceSpec>>,
    pub roles: BTreeMap<RoleName, Linked<RoleSpec>>,
    pub scopes: BTreeMap<ScopeName, Linked<ScopeSpec>>,
    pub identities: BTreeMap<IdentityName, Linked<IdentitySpec>>,
    pub requests: BTreeMap<RequestName, Linked<RequestSpec>>,
    /// Requests that were folded into the manifests: kept for their names, causes and evidence.
    pub archived: BTreeMap<RequestName, Linked<RequestSpec>>,
    pub policies: BTreeMap<PolicyName, Linked<PolicySpec>>,
    /// Documents of which a part could not be used, by file and number.
    pub damaged: BTreeSet<(Arc<str>, u32)>,
    /// Templates of mails, by path; filled by whoever read them, for they are no manifests.
    pub mail_templates: BTreeMap<Arc<str>, Arc<str>>,
    /// Templates of fields, naming rules and scope groups, compiled, by their text.
    pub templates: templates::Templates,
}

impl Catalog {
    /// The instant that requests were folded through, if any were.
    pub fn folded_through(&self) -> Option<Timestamp> {
        let moment = self.config.spec.folded_through.as_ref()?;
        // A moment that does not exist folds nothing.
        moment.resolve(&self.zone, Edge::Start).ok()
    }

    /// Whether a request has taken effect by the instant that requests were folded through.
    pub fn has_folded(&self, request: &RequestSpec) -> bool {
        let effective = request.effective.resolve(&self.zone, Edge::Start).ok();
        effective.is_some() && effective <= self.folded_through()
    }

    /// Whether a part of a manifest could not be used.
    pub fn is_damaged(&self, at: &Location) -> bool {
        self.damaged.contains(&(at.file.clone(), at.document))
    }

    /// An organization and those it belongs to, nearest first.
    pub fn ancestry<'a>(
        &'a self,
        name: &OrganizationName,
    ) -> Vec<(&'a OrganizationName, &'a Linked<OrganizationSpec>)> {
        let mut line = Vec::new();
        let mut next = self.organizations.get_key_value(name);
        while let Some((name, organization)) = next {
            if line.iter().any(|(seen, _)| *seen == name) {
                break;
            }
            line.push((name, organization));
            next = organization
                .spec
                .parent
                .as_ref()
                .and_then(|parent| self.organizations.get_key_value(parent));
        }
        line
    }

    /// A profile and those it builds on, each once: the profile itself first, then what it extends
    /// in the order written, deeper ones later.
    pub fn lineage<'a>(
        &'a self,
        name: &ProfileName,
    ) -> Vec<(&'a ProfileName, &'a Linked<ProfileSpec>)> {
        let mut line: Vec<(&ProfileName, &Linked<ProfileSpec>)> = Vec::new();
        let mut queue = vec![name];
        while !queue.is_empty() {
            let mut next = Vec::new();
            for name in queue {
                if let Some((name, profile)) = self.profiles.get_key_value(name)
                    && !line.iter().any(|(seen, _)| *seen == name)
                {
                    line.push((name, profile));
                    next.extend(&profile.spec.extends);
                }
            }
            queue = next;
        }
        line
    }

    /// A role and those it includes, each once, sorted.
    pub fn role_closure<'a>(&'a self, name: &RoleName) -> BTreeSet<&'a RoleName> {
        let mut found = BTreeSet::new();
        let mut queue = vec![name];
        while let Some(name) = queue.pop() {
            if let Some((name, role)) = self.roles.get_key_value(name)
                && found.insert(name)
            {
                queue.extend(&role.spec.includes);
            }
        }
        found
    }

    /// The values a scope has: its own, then those of organizations, which win over them; sorted.
    pub fn scope_values(&self, name: &ScopeName) -> BTreeMap<String, Option<OrganizationName>> {
        let values = self.values_of(name);
        values
            .map(|(value, organization)| (value.to_owned(), organization.cloned()))
            .collect()
    }

    /// Whether a scope has a value.
    pub fn has_scope_value(&self, name: &ScopeName, value: &str) -> bool {
        self.values_of(name).any(|(known, _)| known == value)
    }

    fn values_of(
        &self,
        name: &ScopeName,
    ) -> impl Iterator<Item = (&str, Option<&OrganizationName>)> {
        let scope = self.scopes.get(name).map(|scope| &scope.spec);
        let own = scope.into_iter().flat_map(|scope| &scope.values);
        let from = scope.and_then(|scope| scope.values_from.as_ref());
        let theirs = from.into_iter().flat_map(|from| {
            let organizations = self.organizations.iter();
            organizations.filter(|(_, o)| from.organization_types.contains(&o.spec.kind))
        });
        let theirs = theirs.map(|(name, organization)| {
            let code = organization.spec.code.as_deref();
            (code.unwrap_or(name.as_str()), Some(name))
        });
        own.map(|value| (value.as_str(), None)).chain(theirs)
    }
}
