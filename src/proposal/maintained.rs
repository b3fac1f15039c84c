//! Two catalogs → the resources of which somebody else may say done, or whose mails go elsewhere
//! (SEMANTICS 4, 21).
//!
//! Decision: who holds a level that `holdersOf` names is asked of nobody here. Whoever wrote that made
//! the level carry the right, and giving the level is then access like any other; naming another level
//! is not.

use super::barred::pairs;
use crate::catalog::{Catalog, Linked};
use crate::manifest::ResourceSpec;
use crate::manifest::parse::Location;
use crate::manifest::resource::Maintainer;
use crate::name::{LevelName, OrganizationName, UserName};
use std::collections::BTreeSet;

/// Who keeps a resource.
#[derive(Debug, Default, PartialEq, Eq)]
struct Kept<'c> {
    /// Who may say done, by name.
    closers: BTreeSet<&'c UserName>,
    /// Who may say done, by what they hold.
    levels: BTreeSet<&'c LevelName>,
    /// Where mails go that no user is named for.
    mails: BTreeSet<&'c str>,
}

/// What of a resource is otherwise, in words, with the manifest that makes it so.
pub(super) fn maintained<'c>(
    before: &'c Catalog,
    after: &'c Catalog,
) -> Vec<(&'c Location, String)> {
    let mut found = Vec::new();
    for (name, old, new) in pairs(&before.resources, &after.resources) {
        let kept = |catalog, linked: Option<&'c Linked<ResourceSpec>>| {
            linked.map_or_else(Kept::default, |linked| Kept::of(catalog, &linked.spec))
        };
        let (was, is) = (kept(before, old), kept(after, new));
        let words = if (&was.closers, &was.levels) != (&is.closers, &is.levels) {
            format!("who may say done for {name}")
        } else if was.mails != is.mails && old.is_some() && new.is_some() {
            format!("where mails for the maintainers of {name} go")
        } else {
            continue;
        };
        found.extend(because((before, old), (after, new)).map(|at| (at, words)));
    }
    found
}

impl<'c> Kept<'c> {
    fn of(catalog: &'c Catalog, spec: &'c ResourceSpec) -> Self {
        let mut kept = Self::default();
        for maintainer in &spec.maintainers {
            let Maintainer {
                user,
                organization,
                holders_of,
                mail,
                members,
                line: _,
            } = maintainer;
            kept.closers.extend(user.iter().chain(members));
            kept.levels.extend(holders_of);
            kept.mails.extend(mail.iter().map(|mail| mail.0.as_str()));
            if let Some(name) = organization {
                let (head, mail) = answers(catalog, name);
                kept.closers.extend(head);
                kept.mails.extend(mail);
            }
        }
        kept
    }
}

/// Who heads an organization, and where it is mailed.
fn answers<'c>(
    catalog: &'c Catalog,
    name: &OrganizationName,
) -> (Option<&'c UserName>, Option<&'c str>) {
    let spec = catalog.organizations.get(name).map(|o| &o.spec);
    let contact = spec.and_then(|o| o.contact.as_ref());
    let mail = contact.and_then(|c| c.mail.as_ref());
    (
        spec.and_then(|o| o.head.as_ref()),
        mail.map(|mail| mail.0.as_str()),
    )
}

/// A catalog, and the resource in it.
type Side<'c> = (&'c Catalog, Option<&'c Linked<ResourceSpec>>);

/// The manifest that makes the difference: the resource's, where that names other maintainers; else that
/// of an organization it names.
fn because<'c>((before, old): Side<'c>, (after, new): Side<'c>) -> Option<&'c Location> {
    let named = |linked: Option<&'c Linked<ResourceSpec>>| linked.map(|l| &l.spec.maintainers);
    let resource = new.or(old).map(|linked| &linked.at);
    if named(old) != named(new) {
        return resource;
    }
    let organizations = named(new)
        .into_iter()
        .flatten()
        .filter_map(|m| m.organization.as_ref());
    let mut other = organizations.filter(|name| answers(before, name) != answers(after, name));
    let declared = other.next().and_then(|name| {
        after
            .organizations
            .get(name)
            .or(before.organizations.get(name))
    });
    declared.map(|linked| &linked.at).or(resource)
}
