//! Where accounts stand: the leavers' OU, the user's, the profiles', the nearest organization's
//! (MODEL 21, 22).

use super::holdings::Holdings;
use crate::catalog::{Catalog, Problem};
use crate::diagnostic::Code;
use crate::manifest::config::Managed;
use crate::manifest::organization::OuName;
use crate::name::{OrganizationName, UserName};
use crate::request::FoldedUser;
use foldhash::HashMap;
use std::sync::Arc;

/// The places there are.
pub(super) struct Places<'a> {
    /// Managed OUs in lower case.
    managed: Vec<Vec<String>>,
    leavers: Option<Place>,
    organizations: HashMap<&'a OrganizationName, Place>,
}

/// Where an account stands.
#[derive(Clone)]
pub(super) struct Place {
    /// The OU, outermost first; none: nobody says where.
    pub ou: Arc<[String]>,
    /// The same as part of a name, innermost first and in lower case.
    pub below: Arc<str>,
    is_managed: bool,
}

impl<'a> Places<'a> {
    /// The places of a catalog.
    pub fn new(catalog: &'a Catalog) -> Self {
        let Managed {
            ous, leavers_ou, ..
        } = &catalog.config.spec.managed;
        let mut places = Self {
            managed: ous.iter().map(|ou| lower(ou)).collect(),
            leavers: None,
            organizations: HashMap::default(),
        };
        places.leavers = leavers_ou.as_ref().map(|ou| places.place(ou));
        for name in catalog.organizations.keys() {
            let line = catalog.ancestry(name);
            let ou = line.iter().find_map(|(_, o)| o.spec.ou.as_ref());
            if let Some(ou) = ou {
                places.organizations.insert(name, places.place(ou));
            }
        }
        places
    }

    fn place(&self, ou: &[OuName]) -> Place {
        let folded = lower(ou);
        let parts: Vec<String> = folded.iter().rev().map(|o| format!("ou={o}")).collect();
        Place {
            ou: ou.iter().map(|o| o.0.clone()).collect(),
            below: parts.join(",").into(),
            is_managed: self.managed.iter().any(|ou| folded.starts_with(ou)),
        }
    }

    /// Where the account of a user stands.
    pub fn of(
        &self,
        name: &UserName,
        user: &FoldedUser,
        holdings: &Holdings<'_>,
        away: bool,
        problems: &mut Vec<Problem>,
    ) -> Place {
        if let Some(leavers) = self.leavers.as_ref().filter(|_| away) {
            return leavers.clone();
        }
        let said = match &user.spec.ou {
            Some(ou) => Some(ou.as_slice()),
            None => holdings.profile_ou(user, problems),
        };
        let nearest = || self.organizations.get(&user.spec.organization).cloned();
        let Some(place) = said.map(|ou| self.place(ou)).or_else(nearest) else {
            problems.push(
                Problem::new(
                    Code::NoOu,
                    &user.declared.at,
                    "organization",
                    format!("there is no OU for the account of `{name}`"),
                )
                .help("give `ou` to the organization, a profile or the user"),
            );
            return self.place(&[]);
        };
        if !place.is_managed {
            problems.push(
                Problem::new(
                    Code::OuNotManaged,
                    &user.declared.at,
                    "organization",
                    format!(
                        "the OU of `{name}` is not managed: {}",
                        place.ou.join(" / ")
                    ),
                )
                .help("add it, or one above it, to `managed.ous` of countersign.yaml"),
            );
        }
        place
    }
}

fn lower(ou: &[OuName]) -> Vec<String> {
    ou.iter().map(|o| o.0.to_lowercase()).collect()
}
