//! Values that somebody says outright: requests, users, profiles and organizations, the nearest first
//! (MODEL 21).

use super::Facts;
use super::holdings::{Given, Holdings, Rank};
use super::lines::Lineage;
use crate::catalog::Problem;
use crate::diagnostic::Code;
use crate::name::{FieldName, ProfileName, ResourceName};
use crate::request::FoldedUser;
use crate::sorted::Sorted;

/// Where explicit values of one user come from.
pub(super) struct Sources<'s, 'p> {
    pub facts: &'p Facts<'p>,
    pub user: &'p FoldedUser,
    pub profiles: &'s [(Rank, &'p Lineage<'p>)],
    pub given: &'s Sorted<ResourceName, Vec<Given<'p>>>,
    pub problems: Vec<Problem>,
}

impl<'s, 'p> Sources<'s, 'p> {
    pub fn new(facts: &'p Facts<'p>, user: &'p FoldedUser, holdings: &'s Holdings<'p>) -> Self {
        Self {
            facts,
            user,
            profiles: &holdings.profiles,
            given: &holdings.given,
            problems: Vec::new(),
        }
    }

    /// A directory field: request > user > profiles > organization's profiles > nearest organization.
    pub fn attribute(&mut self, field: &str) -> Option<&'p str> {
        let spec = &self.user.spec;
        let title = match field.eq_ignore_ascii_case("title") {
            true => spec.title.as_deref(),
            false => None,
        };
        let own = spec.attributes.iter();
        let own = own.map(|(name, value)| (name.as_str(), value.as_str()));
        if let Some(value) = title.or_else(|| listed(own, field)) {
            return Some(value);
        }
        for rank in [Rank::Profile, Rank::OrganizationProfile] {
            let mut said: Vec<(&ProfileName, &'p str)> = Vec::new();
            for (_, lineage) in self.profiles.iter().filter(|(r, _)| *r == rank) {
                for part in &lineage.parts {
                    if let Some(value) = listed(part.attributes.iter().copied(), field)
                        && !said.iter().any(|(n, _)| *n == part.name)
                    {
                        said.push((part.name, value));
                    }
                }
            }
            if let Some(value) = self.undisputed(field, &said) {
                return Some(value);
            }
        }
        let line = self.facts.lines.ancestry(&spec.organization);
        line.iter()
            .find_map(|ancestor| listed(ancestor.attributes.iter().copied(), field))
    }

    /// A field of any other resource: as given with the access, the nearest rank first.
    pub fn given(&mut self, resource: &ResourceName, field: &FieldName) -> Option<&'p str> {
        let given = self.given.get(resource)?;
        for rank in [Rank::Personal, Rank::Profile, Rank::OrganizationProfile] {
            let said = |given: &Given<'p>| {
                let value = given.values.get(field).filter(|_| given.rank == rank)?;
                Some((given.profile, value.as_str()))
            };
            let personal = given.iter().filter_map(said).find(|(p, _)| p.is_none());
            if let Some((_, value)) = personal {
                return Some(value);
            }
            let of_profiles = given.iter().filter_map(said);
            let of_profiles: Vec<_> = of_profiles.filter_map(|(p, v)| Some((p?, v))).collect();
            if let Some(value) = self.undisputed(field.as_str(), &of_profiles) {
                return Some(value);
            }
        }
        None
    }

    /// The value of those profiles that no other of them extends; two that differ are a conflict.
    fn undisputed(&mut self, field: &str, said: &[(&ProfileName, &'p str)]) -> Option<&'p str> {
        let lines = &self.facts.lines;
        let extended = |name: &ProfileName| {
            said.iter().any(|(other, _)| {
                *other != name && lines.lineage(other).is_some_and(|line| line.has(name))
            })
        };
        let mut nearest = said
            .iter()
            .filter(|(name, _)| said.len() == 1 || !extended(name));
        let (first, value) = nearest.next()?;
        if let Some((second, other)) = nearest.find(|(_, other)| other != value) {
            self.problems.push(
                Problem::new(
                    Code::Conflict,
                    &self.user.declared.at,
                    "profiles",
                    format!("profiles `{first}` and `{second}` disagree about `{field}`: `{value}` or `{other}`"),
                )
                .help("say it on the user"),
            );
        }
        Some(value)
    }
}

/// The value of a field whose name is compared without case.
fn listed<'v>(
    mut values: impl Iterator<Item = (&'v str, &'v str)>,
    field: &str,
) -> Option<&'v str> {
    let found = values.find(|(name, _)| name.eq_ignore_ascii_case(field));
    found.map(|(_, value)| value)
}
