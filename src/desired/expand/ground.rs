//! What is the same for every user: made once of a catalog.

use super::lines::Lines;
use super::places::Places;
use super::sheet::Sheets;
use crate::catalog::{Catalog, Linked};
use crate::manifest::resource::IdentityRules;
use crate::manifest::user::UserState;
use crate::manifest::{Edge, IdentitySpec, Moment, Now, ResourceSpec};
use crate::name::{IdentityName, OrganizationName, ResourceName, ScopeName, UserName};
use crate::request::{FoldedUser, ahead};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::OnceLock;

/// What is the same for every user, at every instant.
pub struct Ground<'a> {
    pub(super) catalog: &'a Catalog,
    pub(super) directory: &'a ResourceName,
    pub(super) lines: Lines<'a>,
    pub(super) sheets: Sheets<'a>,
    pub(super) places: Places<'a>,
    pub(super) followers: Vec<&'a ResourceName>,
    /// Resources of which only one level can be held.
    pub(super) exclusive: Vec<(&'a ResourceName, &'a Linked<ResourceSpec>)>,
    /// Resources with identities.
    pub(super) with_identities: Vec<(
        &'a ResourceName,
        &'a Linked<ResourceSpec>,
        &'a IdentityRules,
    )>,
    /// The values of each scope, once somebody asks for them.
    scope_values: BTreeMap<&'a ScopeName, OnceLock<ScopeValues>>,
    /// The identities that manifests declare, by user.
    pub(super) identities:
        BTreeMap<&'a UserName, Vec<(&'a IdentityName, &'a Linked<IdentitySpec>)>>,
}

/// The values of a scope, and the organizations that they are of.
pub(super) type ScopeValues = BTreeMap<String, Option<OrganizationName>>;

impl<'a> Ground<'a> {
    /// Makes a catalog ready.
    pub fn new(catalog: &'a Catalog) -> Self {
        let resources = || catalog.resources.iter();
        let mut identities: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (name, identity) in &catalog.identities {
            let of_user = identities.entry(&identity.spec.user).or_default();
            of_user.push((name, identity));
        }
        Self {
            catalog,
            directory: &catalog.config.spec.directory,
            lines: Lines::new(catalog),
            sheets: Sheets::new(catalog),
            places: Places::new(catalog),
            exclusive: resources().filter(|(_, r)| r.spec.exclusive).collect(),
            with_identities: resources()
                .filter_map(|(name, r)| Some((name, r, r.spec.identities.as_ref()?)))
                .collect(),
            followers: follow_order(catalog),
            scope_values: catalog
                .scopes
                .keys()
                .map(|n| (n, OnceLock::new()))
                .collect(),
            identities,
        }
    }

    /// The values of a scope; none where there is no such scope.
    pub(super) fn scope_values(&self, name: &ScopeName) -> Option<&ScopeValues> {
        let values = self.scope_values.get(name)?;
        Some(values.get_or_init(|| self.catalog.scope_values(name)))
    }

    /// The same, at an instant.
    pub fn at(&'a self, now: Timestamp) -> Facts<'a> {
        let moment = Now::new(now);
        Facts {
            ground: self,
            now,
            moment,
        }
    }
}

/// What is the same for every user, at an instant.
pub struct Facts<'p> {
    ground: &'p Ground<'p>,
    pub(super) now: Timestamp,
    /// The same, to compare moments with.
    moment: Now,
}

impl<'p> Deref for Facts<'p> {
    type Target = Ground<'p>;

    fn deref(&self) -> &Self::Target {
        self.ground
    }
}

impl Facts<'_> {
    /// Whether a grant with this end is still in force.
    pub(super) fn in_force(&self, until: Option<&Moment>) -> bool {
        let end = until.and_then(|m| m.resolve(&self.catalog.zone, Edge::End).ok());
        end.is_none_or(|end| self.now < end)
    }

    /// Where a user is in their time here.
    pub(super) fn state(&self, user: &FoldedUser) -> Presence {
        let zone = &self.catalog.zone;
        let end = user.spec.end_date.as_ref();
        let end = end.and_then(|m| m.resolve(zone, Edge::End).ok());
        let ended = end.is_some_and(|end| end <= self.now);
        let start = user.spec.start_date.as_ref();
        let start = start.and_then(|m| m.resolve_after(&self.moment, zone, Edge::Start));
        match (ended, start, user.spec.state) {
            (true, _, _) | (_, _, UserState::Left) => Presence::Left,
            (_, Some(start), _) if ahead(self.catalog, start) <= self.now => Presence::Ahead,
            (_, Some(_), _) => Presence::Waiting,
            (_, None, UserState::Suspended) => Presence::Suspended,
            (_, None, UserState::Active) => Presence::Active,
        }
    }
}

/// Where a user is in their time here, at the instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    /// Declared; the start is some time ahead.
    Waiting,
    /// The account is made already, disabled, and opens nothing yet.
    Ahead,
    Active,
    Suspended,
    Left,
}

/// Resources that follow others, those followed first.
fn follow_order(catalog: &Catalog) -> Vec<&ResourceName> {
    let mut order: Vec<&ResourceName> = Vec::new();
    let followers: Vec<_> = catalog
        .resources
        .iter()
        .filter_map(|(name, r)| Some((name, &r.spec.inherits_from.as_ref()?.resource)))
        .collect();
    for _ in 0..followers.len() {
        for (name, followed) in &followers {
            let ready = !followers.iter().any(|(n, _)| n == followed) || order.contains(followed);
            if ready && !order.contains(name) {
                order.push(name);
            }
        }
    }
    order
}
