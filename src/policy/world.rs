//! What policies see of a catalog and of those in it, at an instant.

use super::shape;
use super::value::{Lazy, Record, Value};
use crate::catalog::{Catalog, Linked};
use crate::desired::expand::COUNTERSIGN;
use crate::desired::{Cause, Entitlement, EntitlementKey, Grant, Person, Rows};
use crate::manifest::resource::{Connector, Cost, Maintainer, ResourceType};
use crate::manifest::scope::Absent;
use crate::manifest::user::UserState;
use crate::manifest::{ResourceSpec, UserType};
use crate::name::{LevelName, ResourceName, UserName};
use crate::request::{FoldedUser, Timeline};
use foldhash::{HashMap, HashMapExt as _};
use jiff::Timestamp;
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A catalog and everybody in it, at an instant.
#[derive(Clone, Copy)]
pub struct Lens<'a> {
    /// The manifests.
    pub catalog: &'a Catalog,
    /// Their requests.
    pub timeline: &'a Timeline<'a>,
    /// The instant.
    pub now: Timestamp,
    /// Everybody at it.
    pub people: &'a BTreeMap<UserName, Arc<Person>>,
}

/// Which fields somebody reads; the others need not be filled in.
#[derive(Debug, Clone, Default)]
pub struct Fields(Option<BTreeSet<String>>);

impl Fields {
    /// Every field.
    pub const ALL: Self = Self(None);

    /// These, of whatever record.
    pub fn only(names: BTreeSet<String>) -> Self {
        Self(Some(names))
    }

    fn has(&self, name: &str) -> bool {
        self.0.as_ref().is_none_or(|names| names.contains(name))
    }
}

/// Users as requests make them at the instant of a lens.
pub type Folded = BTreeMap<UserName, FoldedUser>;

/// Whether a person may approve.
pub fn is_administrator(person: &Person) -> bool {
    let mut held = person.entitlements.keys();
    person.state == UserState::Active
        && held.any(|key| match &key.grant {
            Grant::Level(level) => {
                key.resource.as_str() == COUNTERSIGN && level.as_str() == "administrator"
            }
            Grant::Role(_) | Grant::Scope(..) => false,
        })
}

impl<'a> Lens<'a> {
    /// Folds these users, to be borrowed from.
    pub fn fold(&self, names: impl IntoIterator<Item = &'a UserName>) -> Folded {
        let names = names.into_iter();
        names
            .filter_map(|name| Some((name.clone(), self.timeline.user(name, self.now)?)))
            .collect()
    }

    /// A user, of whom these fields are read; one in whom nothing is said where there is none.
    pub fn user(&self, folded: &'a Folded, name: &UserName, fields: &Fields) -> Value<'a> {
        let (Some(user), Some((name, person))) =
            (folded.get(name), self.people.get_key_value(name))
        else {
            return Value::nothing(&shape::Type::Record(&shape::USER));
        };
        let spec = &user.spec;
        let mut record = Record::new(&shape::USER);
        let texts: [(&str, Option<&str>); 11] = [
            ("name", Some(name.as_str())),
            ("displayName", Some(&person.display_name)),
            ("employeeNumber", person.employee_number.as_deref()),
            ("endDate", spec.end_date.as_ref().map(|m| m.0.as_str())),
            ("startDate", spec.start_date.as_ref().map(|m| m.0.as_str())),
            (
                "familyName",
                spec.family_name.as_ref().map(|n| n.0.as_str()),
            ),
            ("givenName", spec.given_name.as_ref().map(|n| n.0.as_str())),
            (
                "middleName",
                spec.middle_name.as_ref().map(|n| n.0.as_str()),
            ),
            ("mail", person.mail.as_deref()),
            ("organization", Some(spec.organization.as_str())),
            ("title", spec.title.as_deref()),
        ];
        for (field, text) in texts {
            record.set(field, Value::maybe(text));
        }
        let login = person.account.as_ref().map(|a| &*a.login);
        record.set("login", Value::maybe(login));
        record.set("type", Value::text(spec.kind.as_str()));
        record.set("state", Value::text(person.state.as_str()));
        let supervisor = spec.supervisor.as_ref();
        record.set("supervisor", Value::maybe(supervisor.map(UserName::as_str)));
        if fields.has("supervisors") {
            record.set("supervisors", Value::texts(self.supervisors(supervisor)));
        }
        record.set("administrator", Value::truth(is_administrator(person)));
        if fields.has("answers") {
            let answers = spec.answers.iter();
            let answers = answers.map(|(key, text)| (key.as_str(), Value::text(text)));
            record.set("answers", Value::map(answers));
        }
        record.set(
            "associated",
            Value::texts(spec.associated.iter().map(|o| o.as_str())),
        );
        if fields.has("attributes") {
            let attributes = person.account.iter().flat_map(|a| &a.attributes);
            let attributes = attributes.map(|(k, v)| (k.as_str(), Value::text(v)));
            record.set("attributes", Value::map(attributes));
        }
        if fields.has("entitlements") {
            let held = person.entitlements.iter();
            let held = held.map(|(key, held)| self.entitlement(name, key, held));
            record.set("entitlements", Value::list(held));
        }
        let identities = person.identities.iter().map(|identity| {
            let roles = identity.roles.iter().map(|role| role.name.as_str());
            let scopes = identity.scopes.iter().map(|scope| {
                let values: Vec<&str> = match &scope.rows {
                    Rows::All => vec!["*"],
                    Rows::Absent(Absent::Everything) => vec!["*"],
                    Rows::Absent(Absent::Nothing) => Vec::new(),
                    Rows::Values(values) => values.keys().map(String::as_str).collect(),
                };
                (scope.name.as_str(), Value::texts(values))
            });
            Value::Record(
                Record::new(&shape::IDENTITY)
                    .with("alias", Value::text(&identity.alias))
                    .with("default", Value::truth(identity.default))
                    .with("resource", Value::text(identity.resource.as_str()))
                    .with("roles", Value::texts(roles))
                    .with("scopes", Value::map(scopes))
                    .with("type", Value::text(identity.kind.as_str()))
                    .with("user", Value::text(name.as_str())),
            )
        });
        if fields.has("identities") {
            record.set("identities", Value::list(identities));
        }
        if let Some(credentials) = &spec.credentials {
            let logins = credentials.forge_logins.iter();
            let logins = logins.map(|(forge, login)| (forge.as_str(), Value::text(login)));
            record.set("forgeLogins", Value::map(logins));
            let keys = credentials.signing_keys.iter().map(String::as_str);
            record.set("signingKeys", Value::texts(keys));
        }
        record.set("labels", labels(self.catalog.users.get(name)));
        if fields.has("organizations") {
            let line = self.catalog.ancestry(&spec.organization);
            let line = line.iter().map(|(name, _)| name.as_str());
            record.set("organizations", Value::texts(line));
        }
        if fields.has("profiles") {
            let mut profiles: BTreeSet<&str> = BTreeSet::new();
            for assigned in &user.profiles {
                let line = self.catalog.lineage(&assigned.value);
                profiles.extend(line.iter().map(|(name, _)| name.as_str()));
            }
            record.set("profiles", Value::texts(profiles));
        }
        Value::Record(record)
    }

    /// Whom a user reports to, one above the other.
    fn supervisors(&self, first: Option<&UserName>) -> Vec<&'a str> {
        let mut line: Vec<&str> = Vec::new();
        let mut next = first;
        while let Some((name, person)) = next.and_then(|name| self.people.get_key_value(name)) {
            if line.contains(&name.as_str()) {
                break;
            }
            line.push(name.as_str());
            next = person.supervisor.as_ref();
        }
        line
    }

    fn entitlement(
        &self,
        user: &'a UserName,
        key: &'a EntitlementKey,
        held: &'a Entitlement,
    ) -> Value<'a> {
        Value::Record(grant(Record::new(&shape::ENTITLEMENT), user, key, held))
    }

    /// The manifests and users that policies may ask for by these names.
    pub fn roots(
        &self,
        names: &BTreeSet<&str>,
        fields: &'a Fields,
    ) -> BTreeMap<&'static str, Value<'a>> {
        let mut roots = BTreeMap::new();
        for (name, _, _) in &shape::ALWAYS {
            if names.contains(name) {
                roots.insert(*name, self.root(name, fields));
            }
        }
        roots
    }

    fn root(&self, name: &str, fields: &'a Fields) -> Value<'a> {
        let catalog = self.catalog;
        match name {
            "organizations" => Value::map(catalog.organizations.iter().map(|(name, linked)| {
                let spec = &linked.spec;
                let line = catalog.ancestry(name);
                let record = Record::new(&shape::ORGANIZATION)
                    .with(
                        "code",
                        Value::text(spec.code.as_deref().unwrap_or(name.as_str())),
                    )
                    .with(
                        "displayName",
                        shown(spec.display_name.as_deref(), name.as_str()),
                    )
                    .with(
                        "head",
                        Value::maybe(spec.head.as_ref().map(UserName::as_str)),
                    )
                    .with("labels", labels(Some(linked)))
                    .with("name", Value::text(name.as_str()))
                    .with(
                        "organizations",
                        Value::texts(line.iter().map(|(n, _)| n.as_str())),
                    )
                    .with(
                        "parent",
                        Value::maybe(spec.parent.as_ref().map(|p| p.as_str())),
                    )
                    .with("type", Value::text(spec.kind.as_str()));
                (name.as_str(), Value::Record(record))
            })),
            "profiles" => Value::map(catalog.profiles.iter().map(|(name, linked)| {
                let spec = &linked.spec;
                let given = spec.access.iter().map(|a| a.resource.as_str());
                let software = spec.software.iter().map(|r| r.as_str());
                let resources: BTreeSet<&str> = given.chain(software).collect();
                let record = Record::new(&shape::PROFILE)
                    .with(
                        "displayName",
                        shown(spec.display_name.as_deref(), name.as_str()),
                    )
                    .with(
                        "extends",
                        Value::texts(spec.extends.iter().map(|p| p.as_str())),
                    )
                    .with("labels", labels(Some(linked)))
                    .with("name", Value::text(name.as_str()))
                    .with("resources", Value::texts(resources));
                (name.as_str(), Value::Record(record))
            })),
            "requests" => Value::map(catalog.requests.iter().map(|(name, linked)| {
                let spec = &linked.spec;
                let record = Record::new(&shape::REQUEST)
                    .with("action", Value::text(spec.action.as_str()))
                    .with("effective", Value::text(&spec.effective.0))
                    .with("labels", labels(Some(linked)))
                    .with("name", Value::text(name.as_str()))
                    .with("reason", Value::maybe(spec.reason.as_deref()))
                    .with("requestedBy", Value::text(spec.requested_by.as_str()))
                    .with("subject", Value::text(spec.subject.as_str()))
                    .with(
                        "until",
                        Value::maybe(spec.until.as_ref().map(|m| m.0.as_str())),
                    )
                    .with("urgent", Value::truth(spec.urgent));
                (name.as_str(), Value::Record(record))
            })),
            "resources" => {
                let asked = ["administrators", "holders", "maintainers"];
                let held = match asked.iter().any(|field| fields.has(field)) {
                    true => self.holders(),
                    false => Holders::new(),
                };
                let each = catalog.resources.iter();
                Value::map(
                    each.map(|(name, linked)| (name.as_str(), self.resource(name, linked, &held))),
                )
            }
            "roles" => Value::map(catalog.roles.iter().map(|(name, linked)| {
                let spec = &linked.spec;
                let record = Record::new(&shape::ROLE)
                    .with("deprecated", Value::truth(spec.deprecated.is_some()))
                    .with(
                        "displayName",
                        shown(spec.display_name.as_deref(), name.as_str()),
                    )
                    .with(
                        "groups",
                        Value::texts(spec.groups.iter().map(|g| g.0.as_str())),
                    )
                    .with(
                        "includes",
                        Value::texts(spec.includes.iter().map(|r| r.as_str())),
                    )
                    .with("labels", labels(Some(linked)))
                    .with("name", Value::text(name.as_str()))
                    .with(
                        "permissions",
                        Value::texts(spec.permissions.iter().map(String::as_str)),
                    )
                    .with("resource", Value::text(spec.resource.as_str()));
                (name.as_str(), Value::Record(record))
            })),
            "scopes" => Value::map(catalog.scopes.iter().map(|(name, linked)| {
                let spec = &linked.spec;
                let record = Record::new(&shape::SCOPE)
                    .with(
                        "displayName",
                        shown(spec.display_name.as_deref(), name.as_str()),
                    )
                    .with("labels", labels(Some(linked)))
                    .with("name", Value::text(name.as_str()))
                    .with("resource", Value::text(spec.resource.as_str()))
                    .with(
                        "values",
                        Value::texts(spec.values.iter().map(String::as_str)),
                    )
                    .with("wildcard", Value::truth(spec.wildcard));
                (name.as_str(), Value::Record(record))
            })),
            _ => {
                let (lens, names) = (*self, self.people.keys());
                let names: Vec<&'a UserName> = names.collect();
                let keys = names.iter().map(|name| name.as_str()).collect();
                Value::Lazy(Arc::new(Lazy::new(keys, move |index| {
                    let name = names.get(index).copied();
                    let folded = lens.fold(name);
                    let user = name.map(|name| lens.user(&folded, name, fields).into_owned());
                    user.unwrap_or_else(|| Value::nothing(&shape::Type::Record(&shape::USER)))
                })))
            }
        }
    }

    /// How many hold each resource, and who holds the levels that say who administers or keeps it.
    fn holders(&self) -> Holders<'a> {
        let people: Vec<_> = self.people.iter().collect();
        let parts = people
            .par_chunks(AT_ONCE)
            .map(|people| self.holding(people));
        let mut held = self.holding(&[]);
        for (name, more) in parts.collect::<Vec<_>>().into_iter().flatten() {
            let Some(held) = held.get_mut(name) else {
                continue;
            };
            held.all += more.all;
            for (level, more) in more.levels {
                held.levels.entry(level).or_default().extend(more);
            }
        }
        held
    }

    /// The same, of some.
    fn holding(&self, people: &[(&'a UserName, &'a Arc<Person>)]) -> Holders<'a> {
        let mut held: Holders<'a> = HashMap::with_capacity(self.catalog.resources.len());
        for (name, linked) in &self.catalog.resources {
            let levels = linked.spec.levels.iter().filter(|level| level.administers);
            let levels = levels.map(|level| &level.name);
            let kept = linked.spec.maintainers.iter();
            let levels = levels.chain(kept.filter_map(|m| m.holders_of.as_ref()));
            let levels = levels.map(|level| (level, Vec::new())).collect();
            held.insert(name.as_str(), Held { all: 0, levels });
        }
        for (name, person) in people {
            // What is held comes resource by resource.
            let mut keys = person.entitlements.keys().peekable();
            while let Some(first) = keys.next() {
                let mut held = held.get_mut(first.resource.as_str());
                if let Some(held) = &mut held {
                    held.all += 1;
                }
                let mut key = Some(first);
                while let Some(now) = key {
                    if let (Some(held), Grant::Level(level)) = (&mut held, &now.grant)
                        && let Some(holders) = held.levels.get_mut(level)
                        && holders.last() != Some(&name.as_str())
                    {
                        holders.push(name.as_str());
                    }
                    key = keys.next_if(|next| next.resource == first.resource);
                }
            }
        }
        held
    }

    fn resource(
        &self,
        name: &'a ResourceName,
        linked: &'a Linked<ResourceSpec>,
        held: &Holders<'a>,
    ) -> Value<'a> {
        let spec = &linked.spec;
        let nobody = Held::default();
        let held = held.get(name.as_str()).unwrap_or(&nobody);
        let holding = |level: &LevelName| held.levels.get(level).into_iter().flatten().copied();
        let administering = spec.levels.iter().filter(|level| level.administers);
        let administrators: BTreeSet<&str> = administering
            .flat_map(|level| holding(&level.name))
            .collect();
        let mut maintainers: BTreeSet<&str> = BTreeSet::new();
        for Maintainer {
            user,
            organization,
            holders_of,
            mail: _,
            members,
            line: _,
        } in &spec.maintainers
        {
            maintainers.extend(user.iter().chain(members).map(UserName::as_str));
            let of = organization
                .as_ref()
                .and_then(|o| self.catalog.organizations.get(o));
            maintainers.extend(of.and_then(|o| o.spec.head.as_ref()).map(UserName::as_str));
            maintainers.extend(holders_of.iter().flat_map(holding));
        }
        let employees = [UserType::Employee];
        let eligible = spec.eligible.as_deref().unwrap_or(&employees);
        let eligible: Vec<&'static str> = eligible.iter().map(|kind| kind.as_str()).collect();
        let levels = spec.levels.iter().map(|level| {
            let record = Record::new(&shape::LEVEL)
                .with("administers", Value::truth(level.administers))
                .with(
                    "displayName",
                    shown(level.display_name.as_deref(), level.name.as_str()),
                )
                .with(
                    "groups",
                    Value::texts(level.groups.iter().map(|g| g.0.as_str())),
                )
                .with(
                    "includes",
                    Value::texts(level.includes.iter().map(LevelName::as_str)),
                )
                .with("name", Value::text(level.name.as_str()));
            (level.name.as_str(), Value::Record(record))
        });
        let owner = spec.owner.as_ref();
        let record = Record::new(&shape::RESOURCE)
            .with("administrators", Value::texts(administrators))
            .with("connector", Value::text(connector(spec.connector)))
            .with("cost", Value::text(cost(spec.cost)))
            .with(
                "displayName",
                shown(spec.display_name.as_deref(), name.as_str()),
            )
            .with("eligible", Value::texts(eligible))
            .with("holders", Value::number(held.all))
            .with(
                "inheritsFrom",
                Value::maybe(spec.inherits_from.as_ref().map(|i| i.resource.as_str())),
            )
            .with("labels", labels(Some(linked)))
            .with("levels", Value::map(levels))
            .with("maintainers", Value::texts(maintainers))
            .with("name", Value::text(name.as_str()))
            .with(
                "owner",
                Value::maybe(owner.and_then(|o| o.user.as_ref()).map(UserName::as_str)),
            )
            .with(
                "ownerOrganization",
                Value::maybe(
                    owner
                        .and_then(|o| o.organization.as_ref())
                        .map(|o| o.as_str()),
                ),
            )
            .with("pii", Value::truth(spec.pii == Some(true)))
            .with(
                "seats",
                Value::number(
                    spec.seats
                        .and_then(|s| usize::try_from(s).ok())
                        .unwrap_or(0),
                ),
            )
            .with("type", Value::text(sort(spec.kind)))
            .with("url", Value::maybe(spec.url.as_ref().map(|u| u.0.as_str())));
        Value::Record(record)
    }
}

/// How many hold anything of a resource, and who some of its levels.
#[derive(Default)]
struct Held<'a> {
    all: usize,
    levels: BTreeMap<&'a LevelName, Vec<&'a str>>,
}

/// People looked at at once.
const AT_ONCE: usize = 1024;

type Holders<'a> = HashMap<&'a str, Held<'a>>;

/// Fills in what is held; of an entitlement and of one that comes or goes.
pub fn grant<'a>(
    mut record: Record<'a>,
    user: &'a UserName,
    key: &'a EntitlementKey,
    held: &'a Entitlement,
) -> Record<'a> {
    record.set("user", Value::text(user.as_str()));
    record.set("resource", Value::text(key.resource.as_str()));
    record.set("identity", Value::maybe(key.identity.as_deref()));
    record.set("label", Value::text(&held.label));
    match &key.grant {
        Grant::Level(level) => {
            record.set("kind", Value::text("level"));
            record.set("level", Value::text(level.as_str()));
        }
        Grant::Role(role) => {
            record.set("kind", Value::text("role"));
            record.set("role", Value::text(role.as_str()));
        }
        Grant::Scope(scope, value) => {
            record.set("kind", Value::text("scope"));
            record.set("scope", Value::text(scope.as_str()));
            record.set("value", Value::text(value));
        }
    }
    let texts = || held.causes.iter().map(|cause: &'a Cause| &*cause.text);
    let requests = texts().filter_map(|text| text.strip_prefix("request "));
    record.set("request", Value::maybe(requests.max()));
    let assigned = ["profile ", "organization "];
    let by_profile = texts().any(|text| assigned.iter().any(|word| text.starts_with(word)));
    record.set("personal", Value::truth(!by_profile));
    record
}

fn labels<'a, S>(linked: Option<&'a Linked<S>>) -> Value<'a> {
    let labels = linked.into_iter().flat_map(|linked| &linked.labels);
    Value::map(labels.map(|(key, text)| (key.as_str(), Value::text(text))))
}

fn shown<'a>(display: Option<&'a str>, name: &'a str) -> Value<'a> {
    Value::text(display.unwrap_or(name))
}

fn connector(connector: Option<Connector>) -> &'static str {
    match connector.unwrap_or(Connector::Manual) {
        Connector::ActiveDirectory => "active-directory",
        Connector::Manual => "manual",
        Connector::Roster => "roster",
        Connector::None => "none",
    }
}

fn cost(cost: Option<Cost>) -> &'static str {
    match cost {
        Some(Cost::Free) => "free",
        Some(Cost::Premium) => "premium",
        None => "",
    }
}

fn sort(kind: ResourceType) -> &'static str {
    match kind {
        ResourceType::Directory => "directory",
        ResourceType::Application => "application",
        ResourceType::Software => "software",
        ResourceType::MailingList => "mailing-list",
        ResourceType::SharedFolder => "shared-folder",
        ResourceType::Equipment => "equipment",
    }
}
