//! Many people who are all alike, and told as one.

use super::place::Kind;
use super::story;
use crate::bed::Attributes;
use std::fmt::Write as _;

/// A crowd: `crowd.0001`, `crowd.0002` … They are all GIS viewers.
#[derive(Debug, Clone, Copy)]
pub struct Crowd {
    pub people: usize,
}

/// Where its manifests are.
pub const FILE: &str = "users/crowd.yaml";
/// The title everybody has.
const TITLE: &str = "Clerk";

impl Crowd {
    pub fn of(story: &story::Crowd, kind: Kind) -> Self {
        let there = story.on_a_domain_controller;
        let there = there.filter(|_| kind == Kind::Domain);
        Self {
            people: there.unwrap_or(story.people),
        }
    }

    /// Their manifests.
    pub fn manifests(self) -> String {
        let mut text = String::new();
        for number in 1..=self.people {
            let _ = write!(
                text,
                "---\napiVersion: countersign/v1\nkind: User\nmetadata: {{name: crowd.{number:04}}}\nspec:\n  \
                 givenName: Crowd\n  familyName: \"{number:04}\"\n  employeeNumber: \"9{number:05}\"\n  \
                 type: employee\n  organization: its\n  title: {TITLE}\n  \
                 access: [{{resource: active-directory}}, {{resource: gis-data, level: viewer}}]\n"
            );
        }
        text
    }

    /// Their accounts, below a base.
    pub fn accounts(self, base: &str, domain: &str) -> Vec<(String, Attributes)> {
        let account = |number: usize| {
            let login = format!("crowd.{number:04}");
            let name = format!("Crowd {number:04}");
            let attributes = [
                ("objectClass", "top".to_owned()),
                ("objectClass", "person".to_owned()),
                ("objectClass", "organizationalPerson".to_owned()),
                ("objectClass", "user".to_owned()),
                ("cn", name.clone()),
                ("sAMAccountName", login.clone()),
                ("userPrincipalName", format!("{login}@{domain}")),
                ("userAccountControl", "512".to_owned()),
                ("pwdLastSet", "134000000000000000".to_owned()),
                ("employeeNumber", format!("9{number:05}")),
                ("givenName", "Crowd".to_owned()),
                ("sn", format!("{number:04}")),
                ("displayName", name.clone()),
                ("mail", format!("{login}@city.example")),
                ("title", TITLE.to_owned()),
            ];
            let attributes = attributes.map(|(name, value)| (name.to_owned(), value.into_bytes()));
            (self.dn(number, base), attributes.to_vec())
        };
        (1..=self.people).map(account).collect()
    }

    /// Their accounts' names: members of `APP-GIS-View`.
    pub fn members(self, base: &str) -> Vec<String> {
        (1..=self.people)
            .map(|number| self.dn(number, base))
            .collect()
    }

    fn dn(self, number: usize, base: &str) -> String {
        format!("CN=Crowd {number:04},OU=ITS,OU=Departments,{base}")
    }
}
