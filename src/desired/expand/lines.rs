//! What profiles extend and what organizations belong to, followed once for everybody.

use crate::catalog::{Catalog, Linked};
use crate::desired::Cause;
use crate::manifest::organization::MemberProfile;
use crate::manifest::{OrganizationSpec, ProfileSpec};
use crate::name::{FieldName, OrganizationName, ProfileName};
use foldhash::HashMap;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The line of every profile and every organization.
pub(super) struct Lines<'a> {
    lineages: HashMap<&'a ProfileName, Lineage<'a>>,
    ancestries: HashMap<&'a OrganizationName, Vec<Ancestor<'a>>>,
}

/// A profile and those it builds on; see [`Catalog::lineage`].
pub(super) struct Lineage<'a> {
    pub name: &'a ProfileName,
    pub parts: Vec<Part<'a>>,
}

/// One profile of a lineage.
pub(super) struct Part<'a> {
    pub name: &'a ProfileName,
    pub linked: &'a Linked<ProfileSpec>,
    /// As a cause: `profile its.gis-analyst`.
    pub text: Arc<str>,
    /// Its lines that give something, as causes; those of one profile are one in every lineage.
    causes: Arc<BTreeMap<u32, Cause>>,
    /// What it says of attributes, by name.
    pub attributes: Vec<(&'a str, &'a str)>,
}

/// One organization of a line; see [`Catalog::ancestry`].
pub(super) struct Ancestor<'a> {
    /// The profiles it gives, each with what says so.
    pub profiles: Vec<(&'a MemberProfile, Cause)>,
    /// What it says of attributes, by name.
    pub attributes: Vec<(&'a str, &'a str)>,
}

fn listed(attributes: &BTreeMap<FieldName, String>) -> Vec<(&str, &str)> {
    let attributes = attributes.iter();
    attributes.map(|(k, v)| (k.as_str(), v.as_str())).collect()
}

/// Each line of a profile that gives something, and that of its name.
fn causes(linked: &Linked<ProfileSpec>, text: &Arc<str>) -> BTreeMap<u32, Cause> {
    let Linked { at, spec, .. } = linked;
    let access = spec.access.iter().map(|access| access.line.0);
    let identities = spec.identities.iter().map(|identity| identity.line.0);
    let lines = access.chain(identities).chain([at.line]);
    let cause = |line| (line, Cause::new(text.clone(), at.file.clone(), line));
    lines.map(cause).collect()
}

fn profiles<'a>(
    linked: &'a Linked<OrganizationSpec>,
    text: &Arc<str>,
) -> Vec<(&'a MemberProfile, Cause)> {
    let Linked { at, spec, .. } = linked;
    let cause = |line: u32| Cause::new(text.clone(), at.file.clone(), line.max(1));
    let profiles = spec.profiles.iter();
    profiles.map(|p| (p, cause(p.line.0))).collect()
}

impl<'a> Lines<'a> {
    /// Follows every line of a catalog.
    pub fn new(catalog: &'a Catalog) -> Self {
        let texts: HashMap<&ProfileName, Arc<str>> = catalog
            .profiles
            .keys()
            .map(|name| (name, format!("profile {name}").into()))
            .collect();
        let causes: HashMap<&ProfileName, Arc<BTreeMap<u32, Cause>>> = catalog
            .profiles
            .iter()
            .map(|(name, linked)| (name, causes(linked, &texts[name]).into()))
            .collect();
        let lineage = |name| {
            let line = catalog.lineage(name).into_iter();
            let parts = line.map(|(name, linked)| Part {
                name,
                linked,
                text: texts[name].clone(),
                causes: causes[name].clone(),
                attributes: listed(&linked.spec.attributes),
            });
            let parts = parts.collect();
            (name, Lineage { name, parts })
        };
        let texts: HashMap<&OrganizationName, Arc<str>> = catalog
            .organizations
            .keys()
            .map(|name| (name, format!("organization {name}").into()))
            .collect();
        let ancestry = |name| {
            let line = catalog.ancestry(name).into_iter();
            let line = line.map(|(name, linked)| Ancestor {
                profiles: profiles(linked, &texts[name]),
                attributes: listed(&linked.spec.attributes),
            });
            (name, line.collect())
        };
        Self {
            lineages: catalog.profiles.keys().map(lineage).collect(),
            ancestries: catalog.organizations.keys().map(ancestry).collect(),
        }
    }

    /// A profile and those it builds on; none where there is no such profile.
    pub fn lineage(&self, name: &ProfileName) -> Option<&Lineage<'a>> {
        self.lineages.get(name)
    }

    /// An organization and those it belongs to, nearest first.
    pub fn ancestry(&self, name: &OrganizationName) -> &[Ancestor<'a>] {
        self.ancestries.get(name).map_or(&[], Vec::as_slice)
    }
}

impl Part<'_> {
    /// That it says so in a line; where that is not known, in that of its name.
    pub fn cause(&self, line: u32) -> Cause {
        let Linked { at, .. } = self.linked;
        let line = if line == 0 { at.line } else { line };
        let known = self.causes.get(&line).cloned();
        known.unwrap_or_else(|| Cause::new(self.text.clone(), at.file.clone(), line))
    }
}

impl Lineage<'_> {
    /// Whether a profile is one of them.
    pub fn has(&self, name: &ProfileName) -> bool {
        self.parts.iter().any(|part| part.name == name)
    }
}
