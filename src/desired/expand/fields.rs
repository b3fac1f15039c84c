//! Field values: each from the nearest that says one, else from its template, in the order in
//! which they read each other (MODEL 20, 21).

use super::holdings::{Given, Holdings, Rank, is_directory};
use super::{Account, Base, Entitlements, Facts, Presence};
use crate::catalog::{Catalog, Linked, Problem};
use crate::connector::AttributeName;
use crate::connector::active_directory::matching;
use crate::desired::{
    Cause, Departure, DesiredAccount, Entitlement, Grant, Person, Retained, Started,
    accounts::KnownAccount,
};
use crate::diagnostic::Code;
use crate::manifest::resource::{Field, FieldSource};
use crate::manifest::user::UserState;
use crate::manifest::value::mismatch;
use crate::manifest::{Contact, Edge, UserSpec};
use crate::name::{FieldName, OrganizationName, ProfileName, ResourceName, ScopeName, UserName};
use crate::request::FoldedUser;
use crate::template::{Nested, Template, TemplateError, Variables};
use std::collections::{BTreeMap, BTreeSet};

/// What templates see of everybody's supervisor.
pub(super) struct Supervisors(BTreeMap<UserName, Nested>);

impl Supervisors {
    pub fn new(people: &[(&UserName, &FoldedUser)], bases: &[Base]) -> Self {
        let wanted: BTreeSet<&UserName> = people
            .iter()
            .filter_map(|(_, user)| user.spec.supervisor.as_ref())
            .collect();
        let of = people
            .iter()
            .zip(bases)
            .filter(|((name, _), _)| wanted.contains(name));
        Self(
            of.map(|((name, user), base)| {
                let mut nested = Nested::default();
                nested.set(&["name"], name.as_str());
                nested.set(&["displayName"], display_name(name, &user.spec));
                let names = base.names.as_ref();
                nested.set_some(&["login"], names.map(|n| n.login.as_str()));
                let contact = user.spec.contact.as_ref().and_then(|c| c.mail.as_ref());
                let mail = names.and_then(|n| n.mail.clone());
                nested.set_some(&["mail"], mail.or_else(|| contact.map(|m| m.0.clone())));
                ((*name).clone(), nested)
            })
            .collect(),
        )
    }
}

/// The name people read: as said, else given and family name, else the handle.
pub(super) fn display_name(name: &UserName, spec: &UserSpec) -> String {
    if let Some(display) = &spec.display_name {
        return display.clone();
    }
    let parts = [&spec.given_name, &spec.family_name];
    let parts: Vec<&str> = parts.into_iter().flatten().map(|p| p.0.as_str()).collect();
    match parts.is_empty() {
        true => name.to_string(),
        false => parts.join(" "),
    }
}

/// Every name of a person, and the handle.
fn every_name(name: &UserName, spec: &UserSpec) -> Vec<String> {
    let parts = [&spec.given_name, &spec.middle_name, &spec.family_name];
    let parts = parts.into_iter().flatten().map(|p| p.0.clone());
    let shown = [display_name(name, spec), name.to_string()];
    parts.chain(shown).collect()
}

/// The variables of a user that need no directory.
pub(super) fn variables(
    facts: &Facts<'_>,
    name: &UserName,
    user: &FoldedUser,
    holdings: &Holdings,
) -> Nested {
    let spec = &user.spec;
    let mut variables = Nested::default();
    for map in [
        "user",
        "organization",
        "account",
        "answers",
        "supervisor",
        "fields",
    ] {
        variables.map(map);
    }
    variables.set(&["user", "name"], name.as_str());
    variables.set(&["user", "displayName"], display_name(name, spec));
    let text = |p: &Option<crate::manifest::user::PersonName>| p.as_ref().map(|p| p.0.clone());
    variables.set_some(&["user", "givenName"], text(&spec.given_name));
    variables.set_some(&["user", "middleName"], text(&spec.middle_name));
    variables.set_some(&["user", "familyName"], text(&spec.family_name));
    variables.set_some(&["user", "employeeNumber"], text(&spec.employee_number));
    variables.set(&["user", "type"], spec.kind.as_str());
    variables.set_truth(&["user", "notifications"], spec.notifications);
    let state = match holdings.presence {
        Presence::Left => UserState::Left,
        Presence::Suspended => UserState::Suspended,
        Presence::Active | Presence::Ahead | Presence::Waiting => UserState::Active,
    };
    variables.set(&["user", "state"], state.as_str());
    variables.set_some(
        &["user", "startDate"],
        spec.start_date.as_ref().map(|m| m.0.clone()),
    );
    variables.set_some(
        &["user", "endDate"],
        spec.end_date.as_ref().map(|m| m.0.clone()),
    );
    contact(&mut variables, "user", spec.contact.as_ref());
    organization(facts.catalog, &spec.organization, &mut variables);
    for (key, answer) in &spec.answers {
        variables.set(&["answers", key.as_str()], answer.as_str());
    }
    let config = &facts.catalog.config.spec;
    variables.set(
        &["config", "displayName"],
        config.display_name.clone().unwrap_or_default(),
    );
    if let Ok(title) = FieldName::new("title") {
        let mut sources = Sources {
            facts,
            user,
            holdings,
            problems: Vec::new(),
        };
        let title = sources.attribute(&title);
        variables.set_some(&["user", "title"], title);
    }
    variables
}

fn contact(variables: &mut Nested, root: &str, contact: Option<&Contact>) {
    // So that `user.contact.phone` is absent rather than a mistake.
    variables.set(&[root, "contact", ""], "");
    if let Some(Contact {
        mail,
        phone,
        mobile,
        address,
    }) = contact
    {
        variables.set_some(
            &[root, "contact", "mail"],
            mail.as_ref().map(|m| m.0.clone()),
        );
        variables.set_some(&[root, "contact", "phone"], phone.clone());
        variables.set_some(&[root, "contact", "mobile"], mobile.clone());
        variables.set_some(&[root, "contact", "address"], address.clone());
    }
}

/// The variables of an organization.
pub(super) fn organization(catalog: &Catalog, name: &OrganizationName, variables: &mut Nested) {
    let Some(Linked { spec, .. }) = catalog.organizations.get(name) else {
        return;
    };
    let set = |variables: &mut Nested, key: &str, text: &str| {
        variables.set(&["organization", key], text);
    };
    set(variables, "name", name.as_str());
    set(
        variables,
        "displayName",
        spec.display_name.as_deref().unwrap_or(name.as_str()),
    );
    set(
        variables,
        "code",
        spec.code.as_deref().unwrap_or(name.as_str()),
    );
    set(variables, "type", spec.kind.as_str());
    if let Some(parent) = &spec.parent {
        set(variables, "parent", parent.as_str());
    }
    contact(variables, "organization", spec.contact.as_ref());
}

/// Fills every field of a user and puts the person together.
pub(super) fn person(
    facts: &Facts<'_>,
    supervisors: &Supervisors,
    name: &UserName,
    user: &FoldedUser,
    holdings: Holdings,
    base: Base,
) -> (Person, Vec<Problem>) {
    let Base {
        names,
        ou,
        mut variables,
        presence,
    } = base;
    if let Some(supervisor) = user
        .spec
        .supervisor
        .as_ref()
        .and_then(|s| supervisors.0.get(s))
    {
        variables.set_all("supervisor", supervisor.clone());
    }
    let known = facts.accounts.known.get(name);
    variables.set_some(&["account", "dn"], known.map(|k| k.dn.as_str()));
    let contact = user
        .spec
        .contact
        .as_ref()
        .and_then(|c| c.mail.as_ref())
        .map(|m| m.0.clone());
    let own = user.spec.mail.as_ref().map(|m| m.0.clone());
    let mail = names
        .as_ref()
        .and_then(|n| n.mail.clone())
        .or(own)
        .or(contact);
    variables.set_some(&["user", "mail"], mail.as_deref());
    let mut filler = Filler {
        sources: Sources {
            facts,
            user,
            holdings: &holdings,
            problems: Vec::new(),
        },
        name,
        variables,
        done: BTreeMap::new(),
        provisional: names.as_ref().is_some_and(|n| n.provisional),
        open: BTreeSet::new(),
        known,
    };
    let departure = departure(facts, user, presence);
    let account = filler.account(names, ou, presence, departure.as_ref());
    let entitlements = filler.entitlements();
    let problems = filler.sources.problems;
    let declared = &user.declared;
    let person = Person {
        name: name.clone(),
        display_name: display_name(name, &user.spec),
        employee_number: user.spec.employee_number.as_ref().map(|n| n.0.clone()),
        kind: user.spec.kind,
        state: match presence {
            Presence::Active => UserState::Active,
            Presence::Suspended | Presence::Ahead | Presence::Waiting => UserState::Suspended,
            Presence::Left => UserState::Left,
        },
        mail: mail.filter(|_| user.spec.notifications),
        notifications: user.spec.notifications,
        names: every_name(name, &user.spec),
        hand_over_key: user
            .spec
            .credentials
            .as_ref()
            .and_then(|c| c.hand_over_key.clone()),
        supervisor: user.spec.supervisor.clone(),
        started: started(user, presence),
        departure,
        account,
        entitlements,
        identities: holdings.identities,
        dropped: holdings.dropped,
        because: user.changed.iter().map(Cause::of).collect(),
        declared: Cause::of(declared),
    };
    (person, problems)
}

/// How a user's present time here began, where a request began it.
fn started(user: &FoldedUser, presence: Presence) -> Option<Started> {
    let activated = user.activated.as_ref()?;
    let here = matches!(presence, Presence::Active | Presence::Suspended);
    here.then(|| Started {
        at: activated.at,
        request: activated.request.clone(),
        cause: Cause::of(&activated.origin),
    })
}

/// How a user left, where they did.
fn departure(facts: &Facts<'_>, user: &FoldedUser, presence: Presence) -> Option<Departure> {
    if presence != Presence::Left {
        return None;
    }
    if let Some(terminated) = &user.terminated {
        return Some(Departure {
            at: Some(terminated.at),
            reason: terminated.reason.clone().unwrap_or_else(|| "left".into()),
            request: Some(terminated.request.clone()),
            urgent: terminated.urgent,
            cause: Cause::of(&terminated.origin),
        });
    }
    let end = user.spec.end_date.as_ref();
    let end = end.and_then(|m| m.resolve(&facts.catalog.zone, Edge::End).ok());
    let end = end.filter(|end| *end <= facts.now);
    let reason = if end.is_some() { "end-date" } else { "left" };
    let said = user.changed.first().unwrap_or(&user.declared);
    Some(Departure {
        at: end,
        reason: reason.into(),
        request: None,
        urgent: false,
        cause: Cause::of(said),
    })
}

/// Where explicit values come from.
struct Sources<'a, 'p> {
    facts: &'p Facts<'a>,
    user: &'p FoldedUser,
    holdings: &'p Holdings,
    problems: Vec<Problem>,
}

impl Sources<'_, '_> {
    /// A directory field: request > user > profiles > organization's profiles > nearest organization.
    fn attribute(&mut self, field: &FieldName) -> Option<String> {
        let lookup = |map: &BTreeMap<FieldName, String>| {
            map.iter()
                .find(|(name, _)| name.as_str().eq_ignore_ascii_case(field.as_str()))
                .map(|(_, value)| value.clone())
        };
        let spec = &self.user.spec;
        let title = match field.as_str().eq_ignore_ascii_case("title") {
            true => spec.title.clone(),
            false => None,
        };
        if let Some(value) = title.or_else(|| lookup(&spec.attributes)) {
            return Some(value);
        }
        let catalog = self.facts.catalog;
        for rank in [Rank::Profile, Rank::OrganizationProfile] {
            let mut said: Vec<(&ProfileName, String)> = Vec::new();
            for (_, profile) in self.holdings.profiles.iter().filter(|(r, _)| *r == rank) {
                for (name, linked) in catalog.lineage(profile) {
                    if let Some(value) = lookup(&linked.spec.attributes)
                        && !said.iter().any(|(n, _)| *n == name)
                    {
                        said.push((name, value));
                    }
                }
            }
            if let Some(value) = self.undisputed(field, said) {
                return Some(value);
            }
        }
        let line = catalog.ancestry(&spec.organization);
        line.iter()
            .find_map(|(_, organization)| lookup(&organization.spec.attributes))
    }

    /// A field of any other resource: as given with the access, the nearest rank first.
    fn given(&mut self, resource: &ResourceName, field: &FieldName) -> Option<String> {
        let given = self.holdings.given.get(resource)?;
        for rank in [Rank::Personal, Rank::Profile, Rank::OrganizationProfile] {
            let of_rank = |g: &&Given| g.rank == rank && g.values.contains_key(field);
            let mut said: Vec<(Option<&ProfileName>, String)> = Vec::new();
            for given in given.iter().filter(of_rank) {
                if let Some(value) = given.values.get(field) {
                    said.push((given.profile.as_ref(), value.clone()));
                }
            }
            let personal = said.iter().find(|(profile, _)| profile.is_none());
            if let Some((_, value)) = personal {
                return Some(value.clone());
            }
            let of_profiles = said
                .into_iter()
                .filter_map(|(p, v)| Some((p?, v)))
                .collect();
            if let Some(value) = self.undisputed(field, of_profiles) {
                return Some(value);
            }
        }
        None
    }

    /// The value of those profiles that no other of them extends; two that differ are a conflict.
    fn undisputed(
        &mut self,
        field: &FieldName,
        said: Vec<(&ProfileName, String)>,
    ) -> Option<String> {
        let catalog = self.facts.catalog;
        let extended = |name: &ProfileName| {
            said.iter().any(|(other, _)| {
                *other != name && catalog.lineage(other).iter().any(|(n, _)| *n == name)
            })
        };
        let nearest: Vec<&(&ProfileName, String)> = said
            .iter()
            .filter(|(name, _)| said.len() == 1 || !extended(name))
            .collect();
        let (first, value) = nearest.first()?;
        if let Some((second, other)) = nearest.iter().find(|(_, other)| other != value) {
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
        Some(value.clone())
    }
}

struct Filler<'a, 'p> {
    sources: Sources<'a, 'p>,
    name: &'p UserName,
    variables: Nested,
    done: BTreeMap<(ResourceName, FieldName), (Option<String>, bool)>,
    provisional: bool,
    open: BTreeSet<(ResourceName, FieldName)>,
    known: Option<&'p KnownAccount>,
}

impl Filler<'_, '_> {
    /// Whether a resource's fields have values for this user.
    fn holds(&self, resource: &ResourceName) -> bool {
        let account = resource == self.sources.facts.directory
            && self.variables.text(&["account", "login"]).is_some();
        account
            || self
                .sources
                .holdings
                .entitlements
                .keys()
                .any(|key| key.resource == *resource)
    }

    /// The value of a field, and whether it rests on names that are not settled.
    fn value(&mut self, resource: &ResourceName, field: &FieldName) -> (Option<String>, bool) {
        let key = (resource.clone(), field.clone());
        if let Some(done) = self.done.get(&key) {
            return done.clone();
        }
        // A circle was reported when the catalog was linked.
        if !self.open.insert(key.clone()) {
            return (None, false);
        }
        let found = self.find(resource, field);
        self.open.remove(&key);
        if let Some(value) = &found.0 {
            self.variables.set(
                &["fields", resource.as_str(), field.as_str()],
                value.as_str(),
            );
        }
        self.done.insert(key, found.clone());
        found
    }

    fn find(&mut self, resource: &ResourceName, field: &FieldName) -> (Option<String>, bool) {
        let catalog = self.sources.facts.catalog;
        let Some(linked) = catalog.resources.get(resource) else {
            return (None, false);
        };
        let directory = is_directory(&linked.spec);
        let listed = linked
            .spec
            .fields
            .iter()
            .enumerate()
            .find(|(_, f)| match directory {
                true => f.name.as_str().eq_ignore_ascii_case(field.as_str()),
                false => f.name == *field,
            });
        let Some((index, spec)) = listed else {
            let account = |part| self.variables.text(&["account", part]);
            let value = match field.as_str() {
                "sAMAccountName" => account("login"),
                "userPrincipalName" => account("upn"),
                "cn" => account("cn"),
                "mail" => account("mail"),
                "distinguishedName" => account("dn"),
                _ => None,
            };
            return (value, self.provisional);
        };
        let mut provisional = false;
        let value = match (&spec.value, spec.source) {
            (Some(text), _) => self.fill(text, &mut provisional, linked, index),
            (None, Some(FieldSource::Observed)) => {
                let attribute = AttributeName::new(spec.name.as_str());
                self.known.and_then(|k| k.observed.get(&attribute).cloned())
            }
            (None, None) => {
                let given = match directory {
                    true => {
                        let given = self.sources.given(resource, &spec.name);
                        given.or_else(|| self.sources.attribute(&spec.name))
                    }
                    false => self.sources.given(resource, &spec.name),
                };
                match (given, &spec.default) {
                    (Some(given), _) => Some(given),
                    (None, Some(text)) => self.fill(text, &mut provisional, linked, index),
                    (None, None) => None,
                }
            }
        };
        let value = value.map(|v| v.trim().to_owned()).filter(|v| !v.is_empty());
        if let Some(value) = &value {
            self.check(resource, spec, value, linked, index);
            if directory && spec.source.is_none() && !self.reads_directory(spec) {
                self.fits(spec, value, linked, index);
            }
        }
        (value, provisional)
    }

    fn fill(
        &mut self,
        text: &str,
        provisional: &mut bool,
        linked: &Linked<crate::manifest::ResourceSpec>,
        index: usize,
    ) -> Option<String> {
        let catalog = self.sources.facts.catalog;
        let template: &Template = catalog.templates.get(text)?;
        if template.reads_variable("supervisor.dn") {
            return None;
        }
        if self.provisional && template.variables.iter().any(|v| v.starts_with("account")) {
            *provisional = true;
        }
        for (resource, field) in &template.reads {
            let (Ok(resource), Ok(field)) = (ResourceName::new(resource), FieldName::new(field))
            else {
                continue;
            };
            if self.holds(&resource) {
                *provisional |= self.value(&resource, &field).1;
            }
            // So that a field of a resource the user lacks is absent, not a mistake.
            self.variables.set(&["fields", resource.as_str(), ""], "");
        }
        match template.fill(&self.variables) {
            Ok(text) => Some(text),
            Err(TemplateError::Absent) => None,
            Err(error) => {
                self.sources.problems.push(
                    Problem::new(
                        Code::BadTemplate,
                        &linked.at,
                        &format!("fields.{index}"),
                        format!("the template cannot be filled for `{}`: {error}", self.name),
                    )
                    .help("check the filters and operators it uses"),
                );
                None
            }
        }
    }

    fn check(
        &mut self,
        resource: &ResourceName,
        field: &Field,
        value: &str,
        linked: &Linked<crate::manifest::ResourceSpec>,
        index: usize,
    ) {
        let pattern = field.pattern.as_deref();
        let pattern = pattern.and_then(|p| self.sources.facts.patterns.get(p));
        let mismatch = mismatch(field.kind, &field.options, value).or_else(|| {
            pattern
                .filter(|p| !p.is_match(value))
                .map(|p| (format!("it must match `{p}`"), None))
        });
        if let Some((why, help)) = mismatch {
            self.sources.problems.push(
                Problem::new(
                    Code::FieldValue,
                    &self.sources.user.declared.at,
                    "/metadata.name",
                    format!(
                        "`{}` of `{resource}` is `{value}` for `{}`: {why}",
                        field.name, self.name
                    ),
                )
                .maybe_help(
                    help.or_else(|| Some("change the value, or the rule of the field".into())),
                )
                .related(&linked.at, &format!("fields.{index}.name"), "the field"),
            );
        }
    }

    /// Whether the directory takes so long a value. What it says itself is looked at when it is written.
    fn fits(
        &mut self,
        field: &Field,
        value: &str,
        linked: &Linked<crate::manifest::ResourceSpec>,
        index: usize,
    ) {
        let attribute = AttributeName::new(field.name.as_str());
        let length = matching::length(&value.into());
        let Some(longest) = matching::longest(&attribute).filter(|longest| length > *longest)
        else {
            return;
        };
        self.sources.problems.push(
            Problem::new(
                Code::FieldValue,
                &self.sources.user.declared.at,
                "/metadata.name",
                format!(
                    "`{attribute}` of `{}` has {length} characters, and the directory takes {longest} at most: `{value}`",
                    self.name
                ),
            )
            .help("shorten it")
            .related(&linked.at, &format!("fields.{index}.name"), "the field"),
        );
    }

    /// Whether a field's template reads what only the directory can tell.
    fn reads_directory(&self, field: &Field) -> bool {
        let facts = self.sources.facts;
        let templates = field.value.iter().chain(&field.default);
        let mut templates = templates.filter_map(|text| facts.catalog.templates.get(text));
        templates.any(|t| {
            t.reads_variable("account.dn")
                || t.reads.iter().any(|(r, _)| r == facts.directory.as_str())
        })
    }

    fn account(
        &mut self,
        names: Option<super::Names>,
        ou: Vec<String>,
        presence: Presence,
        departure: Option<&Departure>,
    ) -> Account {
        let names = names?;
        let catalog = self.sources.facts.catalog;
        let directory = self.sources.facts.directory.clone();
        let linked = catalog.resources.get(&directory)?;
        let mut attributes = BTreeMap::new();
        let mut links = BTreeMap::new();
        for field in &linked.spec.fields {
            let attribute = AttributeName::new(field.name.as_str());
            if field.source.is_some() {
                continue;
            }
            let texts = field.value.iter().chain(&field.default);
            let mut templates = texts.filter_map(|text| catalog.templates.get(text));
            if templates.any(|t| t.reads_variable("supervisor.dn")) {
                if let Some(supervisor) = &self.sources.user.spec.supervisor {
                    links.insert(attribute, supervisor.clone());
                }
                continue;
            }
            if let (Some(value), _) = self.value(&directory, &field.name) {
                attributes.insert(attribute, vec![value]);
            }
        }
        if let Some(mail) = &names.mail {
            attributes
                .entry(AttributeName::from("mail"))
                .or_insert_with(|| vec![mail.clone()]);
        }
        let holdings = self.sources.holdings;
        let mut causes: Vec<Cause> = holdings
            .entitlements
            .iter()
            .filter(|(key, _)| key.resource == directory)
            .flat_map(|(_, causes)| causes.iter().cloned())
            .collect();
        causes.extend(self.sources.user.changed.iter().map(Cause::of));
        causes.push(Cause::of(&self.sources.user.declared));
        causes.sort();
        causes.dedup();
        let troubled = self.sources.facts.accounts.troubled.get(self.name);
        let farewell = departure.and_then(|d| self.farewell(d));
        Some(DesiredAccount {
            known: self.known.map(|k| (k.guid, k.tie)),
            trouble: troubled.cloned().or(names.trouble),
            provisional: names.provisional,
            login: names.login,
            upn: names.upn,
            cn: names.cn,
            ou,
            enabled: presence == Presence::Active && holdings.has_account,
            retained: departure.map_or_else(Vec::new, |d| retained(self.sources.facts, d)),
            farewell,
            attributes,
            links,
            groups: match holdings.has_account {
                true => holdings.groups.clone(),
                false => BTreeMap::new(),
            },
            causes,
        })
    }

    /// The description of the account of somebody who left.
    fn farewell(&mut self, departure: &Departure) -> Option<String> {
        let catalog = self.sources.facts.catalog;
        let config = &catalog.config;
        let text = config.spec.leavers.as_ref()?.description.as_ref()?;
        let template = catalog.templates.get(text)?;
        let date = departure.at.map(|at| {
            let local = at.to_zoned(catalog.zone.clone());
            local.strftime("%Y-%m-%d").to_string()
        });
        let known = [
            ("reason", Some(departure.reason.clone())),
            ("date", date),
            (
                "request",
                departure.request.as_ref().map(ToString::to_string),
            ),
        ];
        for (part, value) in known {
            let value = value.unwrap_or_else(|| "-".into());
            self.variables.set(&["departure", part], value);
        }
        match template.fill(&self.variables) {
            Ok(text) => Some(text.trim().to_owned()).filter(|t| !t.is_empty()),
            Err(TemplateError::Absent) => None,
            Err(error) => {
                self.sources.problems.push(
                    Problem::new(
                        Code::BadTemplate,
                        &config.at,
                        "leavers.description",
                        format!("the template cannot be filled for `{}`: {error}", self.name),
                    )
                    .help("check the filters and operators it uses"),
                );
                None
            }
        }
    }

    fn entitlements(&mut self) -> Entitlements {
        let catalog = self.sources.facts.catalog;
        let mut values: BTreeMap<&ResourceName, (BTreeMap<FieldName, String>, bool)> =
            BTreeMap::new();
        let holdings = self.sources.holdings;
        let mut found = BTreeMap::new();
        for (key, causes) in &holdings.entitlements {
            let Some((resource, linked)) = catalog.resources.get_key_value(&key.resource) else {
                continue;
            };
            if !values.contains_key(resource) {
                let filled = self.resource(resource, linked);
                values.insert(resource, filled);
            }
            let (fields, provisional) = values.get(resource).cloned().unwrap_or_default();
            let entitlement = Entitlement {
                label: label(catalog, &key.resource, &key.grant),
                fields,
                provisional,
                follows: linked.spec.inherits_from.is_some(),
                causes: causes.iter().cloned().collect(),
            };
            found.insert(key.clone(), entitlement);
        }
        found
    }

    fn resource(
        &mut self,
        name: &ResourceName,
        linked: &Linked<crate::manifest::ResourceSpec>,
    ) -> (BTreeMap<FieldName, String>, bool) {
        let mut fields = BTreeMap::new();
        let mut provisional = false;
        for (index, field) in linked.spec.fields.iter().enumerate() {
            let (value, unsettled) = self.value(name, &field.name);
            provisional |= unsettled;
            let link = field.value.iter().chain(&field.default).any(|text| {
                let template = self.sources.facts.catalog.templates.get(text);
                template.is_some_and(|t| t.reads_variable("supervisor.dn"))
            });
            match value {
                Some(value) => {
                    fields.insert(field.name.clone(), value);
                }
                None if field.required && !link && !self.awaited(field) => {
                    let holder = self.name;
                    self.sources.problems.push(
                        Problem::new(
                            Code::FieldMissing,
                            &self.sources.user.declared.at,
                            "/metadata.name",
                            format!(
                                "`{name}` needs `{}` of `{holder}`, and it has no value",
                                field.name
                            ),
                        )
                        .help(way_out(field))
                        .related(
                            &linked.at,
                            &format!("fields.{index}.name"),
                            "required here",
                        ),
                    );
                }
                None => {}
            }
        }
        (fields, provisional)
    }

    /// Whether a value will come from a directory that was not at hand.
    fn awaited(&self, field: &Field) -> bool {
        let observed = field.source.is_some();
        self.known.is_none() && (observed || self.reads_directory(field))
    }
}

/// Groups that somebody who left still keeps for a time.
fn retained(facts: &Facts<'_>, departure: &Departure) -> Vec<Retained> {
    let Some(at) = departure.at else {
        return Vec::new();
    };
    let zone = &facts.catalog.zone;
    let later = facts.catalog.config.spec.leavers.iter();
    let later = later.flat_map(|l| &l.strip_after);
    let each = later.map(|s| Retained {
        groups: s.groups.clone(),
        until: s.after.after(at, zone),
    });
    each.filter(|r| facts.now < r.until).collect()
}

fn way_out(field: &Field) -> String {
    match (&field.value, &field.default) {
        (Some(template), _) | (None, Some(template)) => {
            format!("its template is `{template}`: give the user what it reads")
        }
        (None, None) => format!("give it with the access: `fields: {{{}: …}}`", field.name),
    }
}

/// What the application calls a grant of a resource; a scope's value stands behind its name.
pub(super) fn label(catalog: &Catalog, resource: &ResourceName, grant: &Grant) -> String {
    match grant {
        Grant::Level(level) => {
            let resource = catalog.resources.get(resource);
            let found = resource.and_then(|r| r.spec.levels.iter().find(|l| l.name == *level));
            found
                .and_then(|l| l.display_name.clone())
                .unwrap_or_else(|| level.to_string())
        }
        Grant::Role(name) => {
            let role = catalog.roles.get(name).map(|r| &r.spec);
            let key = role.and_then(|r| r.key.clone().or_else(|| r.display_name.clone()));
            key.unwrap_or_else(|| name.to_string())
        }
        Grant::Scope(name, value) => format!("{} = {value}", scope_label(catalog, name)),
    }
}

/// What the application calls a scope.
pub(super) fn scope_label(catalog: &Catalog, name: &ScopeName) -> String {
    let scope = catalog.scopes.get(name).map(|s| &s.spec);
    let key = scope.and_then(|s| s.key.clone().or_else(|| s.display_name.clone()));
    key.unwrap_or_else(|| name.to_string())
}
