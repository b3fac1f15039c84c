//! What plans and mails need to know of resources and rules, taken out of the catalog.

use super::fields::scope_label;
use super::holders::{ADMINISTRATOR, Holders};
use super::{COUNTERSIGN, Ground, recipient};
use crate::catalog::{Catalog, Linked, Problem};
use crate::connector::AttributeName;
use crate::desired::variables::Organization;
use crate::desired::{
    Cause, FieldTerms, Following, GroupKey, Person, Recipient, RequestTerms, ResourceTerms, Rules,
    Windows,
};
use crate::diagnostic::Code;
use crate::manifest::config::Membership;
use crate::manifest::organization::OuName;
use crate::manifest::resource::{Connector, DriftPolicy, Maintainer, SignIn};
use crate::manifest::user::UserState;
use crate::manifest::{ConfigSpec, Edge, RequestSpec, ResourceSpec};
use crate::name::{OrganizationName, RequestName, ResourceName, UserName};
use jiff::Timestamp;
use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Who is mailed.
pub(super) struct Recipients<'a> {
    catalog: &'a Catalog,
    ground: &'a Ground<'a>,
    people: &'a BTreeMap<UserName, Arc<Person>>,
    held: &'a Holders,
    now: Timestamp,
    /// Found when they are first asked for: every resource may ask.
    administrators: OnceCell<Vec<Recipient>>,
}

impl<'a> Recipients<'a> {
    pub fn new(
        ground: &'a Ground<'a>,
        people: &'a BTreeMap<UserName, Arc<Person>>,
        held: &'a Holders,
        now: Timestamp,
    ) -> Self {
        Self {
            catalog: ground.catalog,
            ground,
            people,
            held,
            now,
            administrators: OnceCell::new(),
        }
    }

    /// A user who is here and not on leave (CM4: no notifications), and whoever stands in for them now.
    fn user(&self, name: &UserName) -> Vec<Recipient> {
        let person = self.people.get(name);
        let here = person.filter(|p| p.state == UserState::Active);
        let deputy = self.deputy(name).and_then(|d| self.people.get(d));
        let both = here.into_iter().chain(deputy);
        both.filter_map(|person| recipient(person)).collect()
    }

    /// Who stands in for a user now, if they are at work themselves.
    fn deputy(&self, name: &UserName) -> Option<&'a UserName> {
        let deputy = self.catalog.users.get(name)?.spec.deputy.as_ref()?;
        let person = self.people.get(&deputy.user);
        let at_work = person.is_some_and(|p| p.state == UserState::Active);
        let stands_in = deputy.is_in_force(&self.catalog.zone, self.now);
        (stands_in && at_work).then_some(&deputy.user)
    }

    fn organization(&self, name: &OrganizationName) -> Option<Recipient> {
        let organization = &self.catalog.organizations.get(name)?.spec;
        let mail = organization.contact.as_ref()?.mail.as_ref()?.0.clone();
        Some(Recipient {
            mail,
            name: organization.display_name.clone(),
        })
    }

    /// Those who hold a level of a resource whose holders are asked about, and are at work.
    fn holders(&self, resource: &ResourceName, level: &str) -> impl Iterator<Item = &'a Person> {
        let sheet = self.ground.sheets.get(resource);
        let place = sheet.and_then(|sheet| sheet.asked.level(level));
        let names = place.into_iter().flat_map(|place| self.held.at(place));
        names.filter_map(|name| self.people.get(name).map(|person| &**person))
    }

    /// Those who administer Countersign.
    pub fn administrators(&self) -> &[Recipient] {
        self.administrators
            .get_or_init(|| match ResourceName::new(COUNTERSIGN) {
                Ok(name) => {
                    let holders = self.holders(&name, ADMINISTRATOR);
                    holders.filter_map(recipient).collect()
                }
                Err(_) => Vec::new(),
            })
    }

    /// Whether anybody may be mailed otherwise than before, now that these users are looked at again.
    pub fn may_differ(&self, names: &[UserName], before: &BTreeMap<UserName, Arc<Person>>) -> bool {
        let known = |name: &UserName| {
            let (Some(old), Some(new)) = (before.get(name), self.people.get(name)) else {
                return false;
            };
            let same = old.entitlements.keys().eq(new.entitlements.keys());
            same && old.state == new.state && old.mail == new.mail
        };
        !names.iter().all(known)
    }

    fn maintainer(&self, resource: &ResourceName, maintainer: &Maintainer) -> Vec<Recipient> {
        let Maintainer {
            user,
            organization,
            holders_of,
            mail,
            ..
        } = maintainer;
        let user = user.iter().flat_map(|name| self.user(name));
        let organization = organization
            .iter()
            .filter_map(|name| self.organization(name));
        let holders = holders_of
            .iter()
            .flat_map(|level| self.holders(resource, level.as_str()))
            .flat_map(|holder| self.user(&holder.name));
        let mail = mail.iter().map(|mail| Recipient {
            mail: mail.0.clone(),
            name: None,
        });
        user.chain(organization)
            .chain(holders)
            .chain(mail)
            .collect()
    }

    /// The maintainers; where none can be reached the owner, then the administrators (MODEL 26).
    fn maintainers(&self, name: &ResourceName, spec: &ResourceSpec) -> (Vec<Recipient>, bool) {
        let mut found: Vec<Recipient> = spec
            .maintainers
            .iter()
            .flat_map(|m| self.maintainer(name, m))
            .collect();
        let reached = !found.is_empty();
        if !reached {
            found = self.answerable(spec);
        }
        (each_once(found), reached)
    }

    /// The owner; where there is none that can be reached the administrators (MODEL 26).
    fn answerable(&self, spec: &ResourceSpec) -> Vec<Recipient> {
        let owner = spec.owner.iter();
        let users = owner.clone().flat_map(|o| &o.user);
        let organizations = owner.flat_map(|o| &o.organization);
        let mut found: Vec<Recipient> = users.flat_map(|u| self.user(u)).collect();
        found.extend(organizations.filter_map(|o| self.organization(o)));
        if found.is_empty() {
            found = self.administrators().to_vec();
        }
        each_once(found)
    }

    /// Who may say that work is done (MODEL 14), and whoever stands in for them now.
    fn closers(&self, name: &ResourceName, spec: &ResourceSpec) -> BTreeSet<UserName> {
        let mut found = BTreeSet::new();
        for maintainer in &spec.maintainers {
            let Maintainer {
                user,
                organization,
                holders_of,
                mail: _,
                members,
                line: _,
            } = maintainer;
            let heads = organization
                .iter()
                .filter_map(|name| self.catalog.organizations.get(name)?.spec.head.as_ref());
            let holders = holders_of
                .iter()
                .flat_map(|level| self.holders(name, level.as_str()));
            found.extend(user.iter().chain(heads).chain(members).cloned());
            found.extend(holders.map(|holder| holder.name.clone()));
        }
        let deputies: Vec<UserName> = found
            .iter()
            .filter_map(|name| self.deputy(name).cloned())
            .collect();
        found.extend(deputies);
        found
    }
}

/// Sorted, and no address twice.
fn each_once(mut recipients: Vec<Recipient>) -> Vec<Recipient> {
    recipients.sort();
    recipients.dedup_by(|a, b| a.mail.eq_ignore_ascii_case(&b.mail));
    recipients
}

/// The terms of every resource.
pub(super) fn resources(
    ground: &Ground<'_>,
    recipients: &Recipients<'_>,
    problems: &mut Vec<Problem>,
) -> BTreeMap<ResourceName, ResourceTerms> {
    let catalog = ground.catalog;
    let mut found = BTreeMap::new();
    for (name, Linked { at, spec, .. }) in &catalog.resources {
        let sheet = ground.sheets.get(name);
        let connector = match (&spec.inherits_from, spec.connector) {
            (Some(_), _) => Connector::None,
            (None, connector) => connector.unwrap_or(Connector::Manual),
        };
        let (maintainers, reached) = recipients.maintainers(name, spec);
        if connector == Connector::Manual && !spec.maintainers.is_empty() && !reached {
            problems.push(
                Problem::new(
                    Code::NoMail,
                    at,
                    "maintainers",
                    format!("no maintainer of `{name}` can be mailed"),
                )
                .help(
                    "give one a mail address; until then its owner or the administrators are asked",
                ),
            );
        }
        let label = |f: &crate::manifest::resource::Field| FieldTerms {
            name: f.name.clone(),
            label: f.label.clone().unwrap_or_else(|| f.name.to_string()),
            sign_in: f.sign_in,
        };
        let terms = ResourceTerms {
            display_name: spec
                .display_name
                .clone()
                .unwrap_or_else(|| name.to_string()),
            kind: spec.kind,
            connector,
            follows: spec.inherits_from.as_ref().map(|i| i.resource.clone()),
            sign_in: spec.sign_in.unwrap_or(SignIn::Own),
            drift: spec.drift.unwrap_or(DriftPolicy::Revert),
            maintainers,
            answerable: recipients.answerable(spec),
            closers: recipients.closers(name, spec),
            fields: spec.fields.iter().map(label).collect(),
            labels: sheet.map(|sheet| sheet.labels.clone()).unwrap_or_default(),
            scope_labels: BTreeMap::new(),
            instructions: spec.instructions.clone().unwrap_or_default(),
            url: spec.url.as_ref().map(|u| u.0.clone()),
            seats: spec.seats,
            read_back: spec.read_back.clone(),
        };
        found.insert(name.clone(), terms);
    }
    for (name, scope) in &catalog.scopes {
        if let Some(terms) = found.get_mut(&scope.spec.resource) {
            let called = scope_label(catalog, name);
            terms.scope_labels.insert(name.clone(), called);
        }
    }
    found
}

/// What people are told of every request.
pub(super) fn requests(
    catalog: &Catalog,
    people: &BTreeMap<UserName, Arc<Person>>,
) -> BTreeMap<RequestName, RequestTerms> {
    let one = |(name, Linked { at, spec, .. }): (&RequestName, &Linked<RequestSpec>)| {
        let effective = spec.effective.resolve(&catalog.zone, Edge::Start).ok()?;
        let until = spec.until.as_ref();
        let subject = people.get(&spec.subject);
        let set = spec.set.as_ref();
        let told = set.and_then(|set| {
            let parts = [&set.given_name, &set.family_name];
            let parts: Vec<&str> = parts.into_iter().flatten().map(|p| p.0.as_str()).collect();
            (!parts.is_empty()).then(|| parts.join(" "))
        });
        let terms = RequestTerms {
            action: spec.action,
            requested_by: spec.requested_by.clone(),
            subject: spec.subject.clone(),
            subject_display: subject
                .map(|p| p.display_name.clone())
                .or_else(|| set.and_then(|s| s.display_name.clone()))
                .or(told)
                .unwrap_or_else(|| spec.subject.to_string()),
            effective,
            until: until.and_then(|m| m.resolve(&catalog.zone, Edge::End).ok()),
            cause: Cause::new(format!("request {name}"), at.file.clone(), at.line),
        };
        Some((name.clone(), terms))
    };
    catalog.requests.iter().filter_map(one).collect()
}

/// Groups that some level, role or scope names.
pub(super) fn named_groups(
    catalog: &Catalog,
    people: &BTreeMap<UserName, Arc<Person>>,
) -> BTreeSet<GroupKey> {
    let levels = catalog
        .resources
        .values()
        .flat_map(|r| &r.spec.levels)
        .flat_map(|l| &l.groups);
    let roles = catalog.roles.values().flat_map(|r| &r.spec.groups);
    let mut named: BTreeSet<GroupKey> = levels.chain(roles).map(|g| GroupKey::new(&g.0)).collect();
    for (name, scope) in &catalog.scopes {
        for (value, organization) in catalog.scope_values(name) {
            let mut variables = crate::template::Nested::default();
            variables.set(&["value"], value.as_str());
            let organization = organization.and_then(|name| Organization::new(catalog, &name));
            if let Some(organization) = organization {
                organization.put(&mut variables);
            }
            let texts = scope.spec.groups.iter().chain(&scope.spec.wildcard_groups);
            let templates = texts.filter_map(|text| catalog.templates.get(text));
            named.extend(
                templates
                    .filter_map(|t| t.fill(&variables).ok())
                    .map(|g| GroupKey::new(&g)),
            );
        }
    }
    let granted = people
        .values()
        .filter_map(|p| p.account.as_ref())
        .flat_map(|a| a.groups.keys());
    named.extend(granted.cloned());
    named
}

/// What may be touched, as the repository says.
pub fn rules(catalog: &Catalog) -> Rules {
    let config = &catalog.config.spec;
    let managed = &config.managed;
    let texts = |ous: &[OuName]| ous.iter().map(|o| o.0.clone()).collect::<Vec<_>>();
    let directory = catalog.resources.get(&config.directory);
    Rules {
        ous: managed.ous.iter().map(|o| texts(o)).collect(),
        leavers_ou: managed.leavers_ou.as_deref().map(texts),
        groups: managed.groups.clone(),
        attributes: written(config, directory.map(|d| &*d.spec)),
        membership: managed.membership.unwrap_or(Membership::Additive),
        exact: managed.exact.clone(),
        guards: config.guards.unwrap_or_default(),
        windows: Windows::of(config.windows.as_ref(), &catalog.zone),
        following: Following::of(config.reminders.as_ref(), &catalog.zone),
        mail: config.mail.clone().unwrap_or_default(),
        organization: config
            .display_name
            .clone()
            .unwrap_or_else(|| "Countersign".into()),
        templates: catalog.mail_templates.clone(),
        hand_over_key: config.hand_over_key.clone(),
        zone: catalog.zone.clone(),
    }
}

/// The attributes that are written in the directory, by its resource.
pub fn written(config: &ConfigSpec, directory: Option<&ResourceSpec>) -> BTreeSet<AttributeName> {
    let fields = directory.into_iter().flat_map(|d| &d.fields);
    let written = fields.filter(|f| f.source.is_none());
    let mut attributes: BTreeSet<AttributeName> = written
        .map(|f| AttributeName::new(f.name.as_str()))
        .collect();
    if config.naming.mail.is_some() {
        attributes.insert(AttributeName::from("mail"));
    }
    if let Some(only) = &config.managed.attributes {
        let only: Vec<AttributeName> = only
            .iter()
            .map(|n| AttributeName::new(n.as_str()))
            .collect();
        attributes.retain(|a| only.contains(a));
    }
    attributes
}
