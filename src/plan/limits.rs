//! Limits: the smaller of what the repository and the operator allow. What lies outside is never
//! compared, let alone touched.

use crate::connector::AttributeName;
use crate::connector::active_directory::matching::is_link;
use crate::desired::{GroupKey, Rules};
use crate::dn::Dn;
use crate::manifest::config::{Guards, Limit, Membership};
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use std::collections::BTreeSet;

/// The outermost limits: the operator's. What is `None` is not limited by the operator.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Outer {
    /// OUs whose accounts may be managed.
    pub ous: Option<Vec<Dn>>,
    /// Patterns of groups that may be managed.
    pub groups: Option<Vec<String>>,
    /// Attributes that may be managed.
    pub attributes: Option<BTreeSet<AttributeName>>,
    /// How much one run may do.
    pub guards: Guards,
    /// Objects that are never touched: the bind account, break-glass accounts (login names in lower case).
    pub protected: BTreeSet<String>,
    /// The attribute an account may be adopted by.
    pub adopt_by_anchor: Option<AttributeName>,
    /// Domains (in lower case) that mails may go to.
    pub recipient_domains: Option<BTreeSet<String>>,
}

/// What may be touched in one directory.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The base DN.
    pub base: Dn,
    ous: Trees,
    outer_ous: Option<Trees>,
    /// Where leavers go.
    pub leavers_ou: Option<Dn>,
    groups: GlobSet,
    outer_groups: Option<GlobSet>,
    exact: GlobSet,
    membership: Membership,
    attributes: Vec<Managed>,
    outer_attributes: Option<BTreeSet<AttributeName>>,
    /// Login names, in lower case, that are never touched.
    pub protected: BTreeSet<String>,
}

/// Places with all that stands in them.
#[derive(Debug, Clone)]
struct Trees(
    /// Sorted, and none within another: what is within one of them comes right behind it.
    Vec<Dn>,
);

impl Trees {
    fn of(mut roots: Vec<Dn>) -> Self {
        roots.sort();
        roots.dedup_by(|later, kept| later.is_within(kept));
        Self(roots)
    }

    fn cover(&self, dn: &Dn) -> bool {
        let behind = self.0.partition_point(|root| root <= dn);
        let root = behind.checked_sub(1).and_then(|place| self.0.get(place));
        root.is_some_and(|root| dn.is_within(root))
    }
}

/// An attribute that may be touched.
#[derive(Debug, Clone)]
pub struct Managed {
    /// Its name.
    pub name: AttributeName,
    /// Whether its values are names of other objects.
    pub is_link: bool,
}

impl Outer {
    /// Whether a mail may go to that address; a subdomain is a domain of its own.
    pub fn may_mail(&self, mail: &str) -> bool {
        let domain = mail
            .rsplit_once('@')
            .map(|(_, domain)| domain.to_lowercase());
        let known = self.recipient_domains.as_ref();
        known.is_none_or(|domains| domain.is_some_and(|domain| domains.contains(&domain)))
    }
}

impl Limits {
    /// The limits of a directory with this base DN.
    ///
    /// # Errors
    /// The pattern that cannot be compiled.
    pub fn new(base: &Dn, rules: &Rules, outer: &Outer) -> Result<Self, globset::Error> {
        let of_ous = |ous: &[String]| Dn::of_ous(base, ous);
        let allowed = outer.attributes.as_ref();
        let attributes = rules.attributes.iter();
        let attributes = attributes.filter(|name| allowed.is_none_or(|a| a.contains(*name)));
        let attributes = attributes.map(|name| Managed {
            name: name.clone(),
            is_link: is_link(name),
        });
        Ok(Self {
            base: base.clone(),
            ous: Trees::of(rules.ous.iter().map(|ous| of_ous(ous)).collect()),
            outer_ous: outer.ous.clone().map(Trees::of),
            leavers_ou: rules.leavers_ou.as_deref().map(of_ous),
            groups: globs(&rules.groups)?,
            outer_groups: outer.groups.as_deref().map(globs).transpose()?,
            exact: globs(&rules.exact)?,
            membership: rules.membership,
            attributes: attributes.collect(),
            outer_attributes: outer.attributes.clone(),
            protected: outer.protected.clone(),
        })
    }

    /// Whether accounts at this place are managed.
    pub fn covers(&self, dn: &Dn) -> bool {
        let outer = self.outer_ous.as_ref();
        self.ous.cover(dn) && outer.is_none_or(|ous| ous.cover(dn))
    }

    /// Whether a group is managed.
    pub fn covers_group(&self, group: &GroupKey) -> bool {
        self.groups.is_match(group.as_str())
            && self
                .outer_groups
                .as_ref()
                .is_none_or(|groups| groups.is_match(group.as_str()))
    }

    /// Whether an attribute is managed.
    pub fn covers_attribute(&self, attribute: &AttributeName) -> bool {
        let found = self.attributes.binary_search_by(|m| m.name.cmp(attribute));
        found.is_ok()
    }

    /// The managed attributes, sorted.
    pub fn attributes(&self) -> &[Managed] {
        &self.attributes
    }

    /// Whether the operator lets an attribute be written, whatever the repository manages.
    pub fn admits(&self, attribute: &AttributeName) -> bool {
        let outer = self.outer_attributes.as_ref();
        outer.is_none_or(|allowed| allowed.contains(attribute))
    }

    /// Whether the operator names an attribute as one that may be written.
    pub fn names(&self, attribute: &AttributeName) -> bool {
        let outer = self.outer_attributes.as_ref();
        outer.is_some_and(|allowed| allowed.contains(attribute))
    }

    /// What is done with members of a group nobody asked for.
    pub fn membership(&self, group: &GroupKey) -> Membership {
        match self.exact.is_match(group.as_str()) {
            true => Membership::Exact,
            false => self.membership,
        }
    }
}

/// Patterns of groups: globs without regard to case, `*` across everything.
pub fn globs(patterns: &[String]) -> Result<GlobSet, globset::Error> {
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        set.add(
            GlobBuilder::new(&pattern.to_lowercase())
                .literal_separator(false)
                .build()?,
        );
    }
    set.build()
}

/// So many are allowed by a limit of `managed` ones.
pub fn allowed(limit: &Limit, managed: usize) -> usize {
    let share = (managed as f64 * limit.percent / 100.0).floor() as usize;
    share.max(limit.count as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_one_of_several_places_is_covered_whichever_stand_beside_or_in_them() {
        let dn = |text: &str| Dn::parse(text).unwrap();
        let roots = [
            "OU=b,DC=x",
            "OU=a,OU=b,DC=x",
            "OU=a b,DC=x",
            "OU=Z,OU=c,DC=x",
            "OU=b,DC=x",
        ];
        let roots: Vec<Dn> = roots.map(dn).into();
        let trees = Trees::of(roots.clone());
        assert_eq!(trees.0.len(), 3);
        let places = [
            "DC=x",
            "OU=a,DC=x",
            "CN=k,OU=a,DC=x",
            "OU=A B,DC=x",
            "CN=k,OU=a b,DC=x",
            "OU=b,DC=x",
            "CN=k,OU=b,DC=x",
            "CN=k,OU=a,OU=B,DC=x",
            "CN=k,OU=bb,DC=x",
            "OU=c,DC=x",
            "CN=k,OU=y,OU=c,DC=x",
            "CN=k,OU=z,OU=c,DC=x",
            "CN=k,OU=b,DC=y",
        ];
        let covered = places.map(|place| trees.cover(&dn(place)));
        let within = |place: &&str| roots.iter().any(|root| dn(place).is_within(root));
        assert_eq!(covered, places.each_ref().map(within));
        assert_eq!(covered.iter().filter(|covered| **covered).count(), 6);
        assert!(!Trees::of(Vec::new()).cover(&dn("DC=x")));
    }
}
