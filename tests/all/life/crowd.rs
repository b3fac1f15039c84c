//! Many people who are all alike, and told as one.

use super::story;
use crate::bed::Attributes;
use std::fmt::Write as _;

/// A crowd: `crowd.0001`, `crowd.0002` …
#[derive(Debug, Clone, Copy)]
pub struct Crowd {
    pub people: usize,
    viewers: bool,
}

/// Where its manifests are.
pub const FILE: &str = "users/crowd.yaml";
/// The title everybody has at the start.
const TITLE: &str = "Clerk";

impl Crowd {
    pub fn of(story: &story::Crowd, people: usize) -> Self {
        Self {
            people,
            viewers: story.viewers,
        }
    }

    /// Their manifests.
    pub fn manifests(self, title: Option<&str>) -> String {
        let title = title.unwrap_or(TITLE);
        let viewer = match self.viewers {
            true => ", {resource: gis-data, level: viewer}",
            false => "",
        };
        let mut text = String::new();
        for number in 1..=self.people {
            let _ = write!(
                text,
                "---\napiVersion: countersign/v1\nkind: User\nmetadata: {{name: crowd.{number:04}}}\nspec:\n  \
                 givenName: Crowd\n  familyName: \"{number:04}\"\n  employeeNumber: \"9{number:05}\"\n  \
                 type: employee\n  organization: its\n  title: {title}\n  \
                 access: [{{resource: active-directory}}{viewer}]\n"
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
                ("userAccountControl", "514".to_owned()),
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

    /// Those of them who are members of `APP-GIS-View`.
    pub fn members(self, base: &str) -> Vec<String> {
        match self.viewers {
            true => (1..=self.people).map(|n| self.dn(n, base)).collect(),
            false => Vec::new(),
        }
    }

    fn dn(self, number: usize, base: &str) -> String {
        format!("CN=Crowd {number:04},OU=ITS,OU=Departments,{base}")
    }
}
