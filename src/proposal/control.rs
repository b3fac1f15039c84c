//! Two catalogs → the changes of who controls what (SEMANTICS 4): these need a second approver.

use super::barred::{Difference, mean_otherwise, pairs};
use super::maintained::maintained;
use super::office::{Approval, is_office};
use crate::catalog::{Catalog, Linked};
use crate::desired::expand::COUNTERSIGN;
use crate::manifest::parse::Location;
use crate::manifest::{PolicySpec, ResourceSpec, RoleSpec, ScopeSpec};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::sync::Arc;

/// One change of who controls what.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ControlChange {
    /// The file: of the new revision, or of the old one where the manifest is gone.
    pub file: Arc<str>,
    /// The line of the manifest's name, 1-based.
    pub line: u32,
    /// What changes: `signing keys of kim`, `groups of level editor of gis-data`.
    pub words: String,
}

/// Every change of control, sorted by place; `differences` are those of access between the two.
pub fn control(
    before: &Catalog,
    after: &Catalog,
    differences: &[Difference],
) -> Vec<ControlChange> {
    let mut found = Found(BTreeSet::new());
    found.config(before, after);
    found.mail_templates(before, after);
    found.users(before, after);
    found.administrators(before, after, differences);
    for (name, old, new) in pairs(&before.policies, &after.policies) {
        found.when_differs(
            old,
            new,
            |p: &PolicySpec| Some(p.clone()),
            || format!("policy {name}"),
        );
    }
    for (name, old, new) in pairs(&before.resources, &after.resources) {
        found.resource(name, old, new);
    }
    for (at, words) in maintained(before, after) {
        found.at(at, words);
    }
    for (name, old, new) in pairs(&before.roles, &after.roles) {
        let groups = |r: &RoleSpec| Some(r.groups.clone()).filter(|g| !g.is_empty());
        found.when_differs(old, new, groups, || format!("groups of role {name}"));
        let eligible = |r: &RoleSpec| r.eligible.clone();
        found.when_differs(old, new, eligible, || {
            format!("who is eligible for role {name}")
        });
        if let Some(new) = new.filter(|new| mean_otherwise(old, Some(new), RoleSpec::means_as)) {
            let resource = &new.spec.resource;
            found.add(new, format!("what role {name} means to {resource}"));
        }
    }
    for (name, old, new) in pairs(&before.scopes, &after.scopes) {
        let groups = |s: &ScopeSpec| {
            let groups = (s.groups.clone(), s.wildcard_groups.clone());
            (!groups.0.is_empty() || !groups.1.is_empty()).then_some(groups)
        };
        found.when_differs(old, new, groups, || format!("groups of scope {name}"));
        if let Some(new) = new.filter(|new| mean_otherwise(old, Some(new), ScopeSpec::means_as)) {
            let resource = &new.spec.resource;
            found.add(new, format!("what scope {name} means to {resource}"));
        }
    }
    for (name, old, new) in pairs(&before.profiles, &after.profiles) {
        found.templates(old, new, || format!("profile {name}"));
    }
    for (name, old, new) in pairs(&before.organizations, &after.organizations) {
        found.templates(old, new, || format!("organization {name}"));
    }
    found.0.into_iter().collect()
}

/// What was found so far.
struct Found(BTreeSet<ControlChange>);

impl Found {
    fn add<S>(&mut self, linked: &Linked<S>, words: String) {
        self.at(&linked.at, words);
    }

    fn at(&mut self, at: &Location, words: String) {
        self.0.insert(ControlChange {
            file: at.file.clone(),
            line: at.line,
            words,
        });
    }

    /// Adds a change where what is asked of the two manifests differs; what is not there says nothing.
    fn when_differs<S, V: PartialEq>(
        &mut self,
        old: Option<&Linked<S>>,
        new: Option<&Linked<S>>,
        of: impl Fn(&S) -> Option<V>,
        words: impl FnOnce() -> String,
    ) {
        let (was, is) = (old.and_then(|l| of(&l.spec)), new.and_then(|l| of(&l.spec)));
        if was != is
            && let Some(linked) = new.or(old)
        {
            self.add(linked, words());
        }
    }

    fn config(&mut self, before: &Catalog, after: &Catalog) {
        if before.config.spec != after.config.spec {
            self.add(&after.config, "the configuration".into());
        }
    }

    fn mail_templates(&mut self, before: &Catalog, after: &Catalog) {
        let (old, new) = (&before.mail_templates, &after.mail_templates);
        let paths: BTreeSet<&Arc<str>> = old.keys().chain(new.keys()).collect();
        for path in paths.into_iter().filter(|p| old.get(*p) != new.get(*p)) {
            self.0.insert(ControlChange {
                file: path.clone(),
                line: 1,
                words: format!("the mail template {path}"),
            });
        }
    }

    fn users(&mut self, before: &Catalog, after: &Catalog) {
        for (name, old, new) in pairs(&before.users, &after.users) {
            let credentials = |u: &crate::manifest::UserSpec| {
                let said = u.credentials.clone();
                said.filter(|c| *c != crate::manifest::user::Credentials::default())
            };
            self.when_differs(old, new, credentials, || format!("credentials of {name}"));
            let deputy = |u: &crate::manifest::UserSpec| u.deputy.clone();
            self.when_differs(old, new, deputy, || format!("the deputy of {name}"));
            let account = |u: &crate::manifest::UserSpec| u.account.clone();
            self.when_differs(old, new, account, || {
                format!("the account that is {name}'s")
            });
        }
        // Folding a request moves what it says, and changes nothing.
        let all = |catalog: &Catalog| -> BTreeMap<_, _> {
            let live = catalog.requests.iter().chain(&catalog.archived);
            live.map(|(n, r)| (n.clone(), r.clone())).collect()
        };
        let (old, new) = (all(before), all(after));
        for (name, old, new) in pairs(&old, &new) {
            let account = |r: &crate::manifest::RequestSpec| {
                r.account
                    .clone()
                    .map(|account| (account, r.subject.clone()))
            };
            self.when_differs(old, new, account, || {
                format!("the account that request {name} takes over")
            });
        }
    }

    /// Who approves: whoever comes to hold the level, or ceases to, at any instant; whoever has it and
    /// is away then, or is not.
    fn administrators(&mut self, before: &Catalog, after: &Catalog, differences: &[Difference]) {
        for difference in differences {
            let name = &difference.user;
            let office = format!("an administrator of {COUNTERSIGN}");
            let words = if difference.gained.iter().any(is_office) {
                format!("{name} becomes {office}")
            } else if difference.lost.iter().any(is_office) {
                format!("{name} is no longer {office}")
            } else {
                match difference.approval {
                    Some(Approval::Ends) => {
                        format!("{name}, {office}, is away and approves nothing")
                    }
                    Some(Approval::Begins) => format!("{name}, {office}, is back and approves"),
                    None => continue,
                }
            };
            let user = after.users.get(name).or(before.users.get(name));
            match user {
                Some(user) => self.add(user, words),
                None => self.add(&after.config, words),
            }
        }
    }

    fn resource(
        &mut self,
        name: &crate::name::ResourceName,
        old: Option<&Linked<ResourceSpec>>,
        new: Option<&Linked<ResourceSpec>>,
    ) {
        let eligible = |r: &ResourceSpec| r.eligible.clone();
        self.when_differs(old, new, eligible, || format!("who is eligible for {name}"));
        let inherits = |r: &ResourceSpec| r.inherits_from.clone();
        self.when_differs(old, new, inherits, || format!("what {name} inherits from"));
        let levels = |r: Option<&Linked<ResourceSpec>>| -> BTreeSet<_> {
            let levels = r.into_iter().flat_map(|l| &l.spec.levels);
            levels.map(|level| level.name.clone()).collect()
        };
        for level in levels(old).union(&levels(new)) {
            let of = |r: &ResourceSpec| r.levels.iter().find(|l| l.name == *level).cloned();
            let say = |what: &dyn Display| format!("{what} of level {level} of {name}");
            let groups = |r: &ResourceSpec| of(r).map(|l| l.groups).filter(|g| !g.is_empty());
            self.when_differs(old, new, groups, || say(&"groups"));
            let eligible = |r: &ResourceSpec| of(r).and_then(|l| l.eligible);
            self.when_differs(old, new, eligible, || say(&"eligibility"));
            let changed_by = |r: &ResourceSpec| of(r).and_then(|l| l.changed_by);
            self.when_differs(old, new, changed_by, || say(&"`changedBy`"));
        }
        self.templates(old, new, || format!("resource {name}"));
    }

    /// Texts that are evaluated, wherever in a manifest they stand.
    fn templates<S: Serialize>(
        &mut self,
        old: Option<&Linked<S>>,
        new: Option<&Linked<S>>,
        what: impl FnOnce() -> String,
    ) {
        let of = |spec: &S| {
            let mut texts = Vec::new();
            collect(&serde_json::json!(spec), "", &mut texts);
            Some(texts).filter(|t| !t.is_empty())
        };
        self.when_differs(old, new, of, || format!("templates of {}", what()));
    }
}

/// Every template in a value, with the names that lead to it.
fn collect(value: &Json, route: &str, found: &mut Vec<(String, String)>) {
    match value {
        Json::String(text) if text.contains("{{") || text.contains("{%") => {
            found.push((route.to_owned(), text.clone()));
        }
        Json::Array(values) => values.iter().for_each(|v| collect(v, route, found)),
        Json::Object(map) => {
            for (key, value) in map {
                collect(value, &format!("{route}/{key}"), found);
            }
        }
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
    }
}
