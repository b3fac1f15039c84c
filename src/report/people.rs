//! Who there is: a row a user, with login names, contact, identities and whose rows they see (MODEL 5).
//!
//! Login names are the values of fields marked `signIn`. Clients and suppliers are those the user is
//! associated with, belongs to, or sees by a scope; `*` stays `*`. The partner is the nearest partner
//! organization at or above the user's own.

use super::plan::text::Shown;
use super::table::Table;
use crate::catalog::Catalog;
use crate::desired::accounts::Accounts;
use crate::desired::{Desired, Grant, Person};
use crate::manifest::organization::OrganizationType;
use crate::manifest::{Contact, UserType};
use crate::name::{OrganizationName, ProfileName, ResourceName, UserName};
use crate::request::{Folded, FoldedUser};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// The people of an instant.
pub struct People {
    /// With what was assigned to each.
    pub folded: Folded,
    /// With what each should have.
    pub desired: Desired,
    /// Whose accounts are known.
    pub accounts: Accounts,
}

/// One user in a list.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// The permanent handle.
    pub id: UserName,
    /// The name people read.
    pub name: String,
    /// Active, suspended, left or not yet here.
    pub state: &'static str,
    /// What sort of user.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The organization.
    pub organization: OrganizationName,
    /// The nearest partner organization at or above it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partner: Option<OrganizationName>,
    /// The login name of the account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Login names, by resource.
    pub logins: BTreeMap<ResourceName, String>,
    /// How the user is reached.
    pub contact: Contact,
    /// Identities with their roles, by application and alias.
    pub identities: Vec<Represented>,
    /// Clients whose rows the user sees, or who they belong to or are associated with; `*` is all of them.
    pub clients: BTreeSet<String>,
    /// The same of suppliers.
    pub suppliers: BTreeSet<String>,
    /// Profiles, those that come with the organization too.
    pub profiles: BTreeSet<ProfileName>,
    /// Resources the user holds something of.
    pub resources: BTreeSet<ResourceName>,
    /// Which of the names above are proposals, since no account of the user is known: `account`,
    /// `contact.mail`, `logins.timetrack`.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub provisional: BTreeSet<String>,
}

/// What a user represents in an application.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Represented {
    /// The application.
    pub resource: ResourceName,
    /// What the identity is called.
    pub alias: String,
    /// Its roles, by the keys the application knows them by; those that come with others too.
    pub roles: Vec<String>,
    /// Values of its scopes, by the scopes' keys.
    pub scopes: BTreeMap<String, Vec<String>>,
}

/// Which users are listed; what is not said does not matter.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Of this type.
    pub kind: Option<UserType>,
    /// Of this organization, or one below it.
    pub organization: Option<OrganizationName>,
    /// With this profile.
    pub profile: Option<ProfileName>,
    /// Who hold something of this resource.
    pub resource: Option<ResourceName>,
    /// In this state.
    pub state: Option<&'static str>,
    /// With this text, in any spelling, in id, name, login names or contact.
    pub search: Option<String>,
}

/// Everybody at an instant whom the filter lets through, by id.
pub fn rows(catalog: &Catalog, people: &People, filter: &Filter) -> Vec<Row> {
    let persons = people.desired.people.values();
    let rows = persons.filter_map(|person| {
        let user = people.folded.people.get(&person.name)?;
        Some(row(catalog, people, user, person))
    });
    rows.filter(|row| filter.lets_through(catalog, row))
        .collect()
}

impl Filter {
    fn lets_through(&self, catalog: &Catalog, row: &Row) -> bool {
        let Self {
            kind,
            organization,
            profile,
            resource,
            state,
            search,
        } = self;
        let below = |name: &OrganizationName| {
            let line = catalog.ancestry(&row.organization);
            line.iter().any(|(above, _)| *above == name)
        };
        kind.is_none_or(|kind| kind.as_str() == row.kind)
            && organization.as_ref().is_none_or(below)
            && profile.as_ref().is_none_or(|p| row.profiles.contains(p))
            && resource.as_ref().is_none_or(|r| row.resources.contains(r))
            && state.is_none_or(|state| state == row.state)
            && search.as_deref().is_none_or(|text| row.has(text))
    }
}

impl Row {
    /// A name, and that it is a proposal where it is one.
    fn marked(&self, route: &str, name: String) -> String {
        match self.provisional.contains(route) {
            true => format!("{name} (provisional)"),
            false => name,
        }
    }

    fn has(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        let Contact {
            mail,
            phone,
            mobile,
            address,
        } = &self.contact;
        let mail = mail.as_ref().map(|m| m.0.as_str());
        let contact = [
            mail,
            phone.as_deref(),
            mobile.as_deref(),
            address.as_deref(),
        ];
        let words = [self.id.as_str(), self.name.as_str()].into_iter();
        let words = words.chain(self.logins.values().map(String::as_str));
        words
            .chain(contact.into_iter().flatten())
            .any(|word| word.to_lowercase().contains(&text))
    }
}

/// One user's row.
pub fn row(catalog: &Catalog, people: &People, user: &FoldedUser, person: &Person) -> Row {
    let organization = &user.spec.organization;
    let line = catalog.ancestry(organization);
    let partner = line
        .iter()
        .find(|(_, o)| o.spec.kind == OrganizationType::Partner);
    let identities = identities(catalog, person);
    let sees = |kind: OrganizationType| related(catalog, user, person, kind);
    let contact = user.spec.contact.clone().unwrap_or_default();
    let mail = account_value(person, "mail").or_else(|| person.mail.clone());
    let mail = mail.map(crate::manifest::MailAddress);
    let given = user.profiles.iter().map(|p| p.value.clone());
    let member =
        crate::catalog::duties::answers::member_profiles(catalog, organization, user.spec.kind);
    Row {
        id: person.name.clone(),
        name: person.display_name.clone(),
        state: person.stands(),
        kind: person.kind.as_str(),
        organization: organization.clone(),
        partner: partner.map(|(name, _)| (*name).clone()),
        account: person.account.as_ref().map(|a| a.login.to_string()),
        logins: logins(person, &people.desired),
        contact: Contact {
            // The address mails go to, where there is one.
            mail: mail.or(contact.mail),
            ..contact
        },
        identities,
        clients: sees(OrganizationType::Client),
        suppliers: sees(OrganizationType::Supplier),
        profiles: given.chain(member.into_iter().cloned()).collect(),
        resources: person
            .entitlements
            .keys()
            .map(|key| key.resource.clone())
            .collect(),
        provisional: provisional(people, user, person),
    }
}

/// Names that rest on an account nobody knows, and that the manifest does not say.
fn provisional(people: &People, user: &FoldedUser, person: &Person) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let Some(account) = &person.account else {
        return found;
    };
    if !account.provisional || people.accounts.known.contains_key(&person.name) {
        return found;
    }
    let login = user.spec.login.as_ref().map(|l| l.0.as_str());
    let mail = user.spec.mail.as_ref().map(|m| m.0.as_str());
    if login.is_none() {
        found.insert("account".to_owned());
    }
    let contact = user.spec.contact.as_ref().and_then(|c| c.mail.as_ref());
    let contact = contact.map(|m| m.0.as_str());
    let shown = account_value(person, "mail").or_else(|| person.mail.as_deref().map(str::to_owned));
    if shown.is_some_and(|shown| ![mail, contact].contains(&Some(shown.as_str()))) {
        found.insert("contact.mail".to_owned());
    }
    for (resource, said) in logins(person, &people.desired) {
        let entitlements = person.entitlements.iter();
        let mut of_it = entitlements.filter(|(key, _)| key.resource == resource);
        let rests = of_it.any(|(_, entitlement)| entitlement.provisional);
        if rests && ![login, mail].contains(&Some(said.as_str())) {
            found.insert(format!("logins.{resource}"));
        }
    }
    found
}

/// The values of the fields that a user signs in with.
fn logins(person: &Person, desired: &Desired) -> BTreeMap<ResourceName, String> {
    let mut logins = BTreeMap::new();
    for (key, entitlement) in &person.entitlements {
        let terms = desired.resources.get(&key.resource);
        let fields = terms.into_iter().flat_map(|t| &t.fields);
        for field in fields.filter(|f| f.sign_in) {
            if let Some(value) = entitlement.fields.get(&field.name) {
                logins.insert(key.resource.clone(), value.to_string());
            }
        }
    }
    logins
}

fn identities(catalog: &Catalog, person: &Person) -> Vec<Represented> {
    let mut found: BTreeMap<(&ResourceName, &str), Represented> = BTreeMap::new();
    for (key, entitlement) in &person.entitlements {
        let Some(alias) = &key.identity else { continue };
        let entry = found.entry((&key.resource, alias));
        let identity = entry.or_insert_with(|| Represented {
            resource: key.resource.clone(),
            alias: alias.clone(),
            roles: Vec::new(),
            scopes: BTreeMap::new(),
        });
        match &key.grant {
            Grant::Role(_) => identity.roles.push(entitlement.label.to_string()),
            Grant::Scope(scope, value) => {
                let spec = catalog.scopes.get(scope).map(|s| &s.spec);
                let called = spec.and_then(|s| s.key.clone().or_else(|| s.display_name.clone()));
                let called = called.unwrap_or_else(|| scope.to_string());
                identity
                    .scopes
                    .entry(called)
                    .or_default()
                    .push(value.clone());
            }
            Grant::Level(_) => {}
        }
    }
    found.into_values().collect()
}

/// Organizations of a type that a user has to do with, by the values that scopes use for them.
fn related(
    catalog: &Catalog,
    user: &FoldedUser,
    person: &Person,
    kind: OrganizationType,
) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut put = |name: &OrganizationName| {
        if let Some(organization) = catalog
            .organizations
            .get(name)
            .filter(|o| o.spec.kind == kind)
        {
            let code = organization.spec.code.as_deref().unwrap_or(name.as_str());
            found.insert(code.to_owned());
        }
    };
    put(&user.spec.organization);
    user.spec.associated.iter().for_each(&mut put);
    let mut all = false;
    for key in person.entitlements.keys() {
        let Grant::Scope(scope, value) = &key.grant else {
            continue;
        };
        let from = catalog
            .scopes
            .get(scope)
            .and_then(|s| s.spec.values_from.as_ref());
        let of_kind = from.is_some_and(|from| from.organization_types.contains(&kind));
        match value.as_str() {
            "*" => all |= of_kind,
            value => {
                let values = catalog.scope_values(scope);
                if let Some(Some(name)) = values.get(value) {
                    put(name);
                }
            }
        }
    }
    if all {
        found.insert("*".to_owned());
    }
    found
}

/// Longest value in a table, in characters; more belongs into JSON.
const VALUE_LONGEST: usize = 60;

/// The columns of table and CSV.
pub const COLUMNS: [&str; 12] = [
    "id",
    "name",
    "state",
    "type",
    "organization",
    "partner",
    "logins",
    "contact",
    "identities",
    "roles",
    "clients",
    "suppliers",
];

/// A user's cells, each with its values.
fn cells(catalog: &Catalog, row: &Row) -> [Vec<String>; 12] {
    let called = |name: &OrganizationName| {
        let organization = catalog.organizations.get(name);
        let display = organization.and_then(|o| o.spec.display_name.clone());
        display.unwrap_or_else(|| name.to_string())
    };
    let Contact {
        mail,
        phone,
        mobile,
        address,
    } = row.contact.clone();
    let mail = mail.map(|m| row.marked("contact.mail", m.0));
    let contact = [mail, phone, mobile, address];
    let logins = row.logins.iter();
    let logins = logins.map(|(resource, login)| {
        let login = row.marked(&format!("logins.{resource}"), login.clone());
        (resource, login)
    });
    let logins: Vec<(&ResourceName, String)> = logins.collect();
    // One name that serves everywhere is said once.
    let names: BTreeSet<&String> = logins.iter().map(|(_, login)| login).collect();
    let logins = match names.len() {
        1 => names.into_iter().cloned().collect(),
        _ => {
            let logins = logins.iter();
            let login = |(resource, login): &(_, _)| format!("{resource}: {login}");
            logins.map(login).collect()
        }
    };
    let applications: BTreeSet<&ResourceName> =
        row.identities.iter().map(|i| &i.resource).collect();
    let name = |i: &Represented| match applications.len() {
        1 => i.alias.clone(),
        _ => format!("{}: {}", i.resource, i.alias),
    };
    let roles = row.identities.iter().map(|i| match row.identities.len() {
        1 => i.roles.join(" + "),
        _ => format!("{}: {}", name(i), i.roles.join(" + ")),
    });
    [
        vec![row.id.to_string()],
        vec![row.name.clone()],
        vec![row.state.to_owned()],
        vec![row.kind.to_owned()],
        vec![called(&row.organization)],
        row.partner.iter().map(called).collect(),
        logins,
        contact.into_iter().flatten().collect(),
        row.identities.iter().map(name).collect(),
        roles.collect(),
        row.clients.iter().cloned().collect(),
        row.suppliers.iter().cloned().collect(),
    ]
}

/// A table for people; a cell of several values has several lines.
pub fn table(catalog: &Catalog, rows: &[Row]) -> String {
    if rows.is_empty() {
        return "nobody\n".into();
    }
    let head = COLUMNS.map(|name| vec![name.to_uppercase()]);
    let cells = rows.iter().map(|row| self::cells(catalog, row));
    let lines = std::iter::once(head).chain(cells);
    let lines: Vec<[Vec<Shown>; 12]> = lines
        .map(|cells| cells.map(|cell| cell.iter().map(|v| Shown::of(v, VALUE_LONGEST)).collect()))
        .collect();
    let width = |column: usize| {
        let values = lines.iter().flat_map(|cells| &cells[column]);
        values.map(Shown::width).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..COLUMNS.len()).map(width).collect();
    let nothing = Shown::of("", VALUE_LONGEST);
    let mut text = String::new();
    for cells in &lines {
        let height = cells.iter().map(Vec::len).max().unwrap_or(1);
        for i in 0..height {
            let mut line = String::new();
            for (width, cell) in widths.iter().zip(cells) {
                line.push_str(&format!("{:width$}  ", cell.get(i).unwrap_or(&nothing)));
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
    }
    text
}

/// One line a user, for a spreadsheet; several values of a cell with `; ` between them.
pub fn lines(catalog: &Catalog, rows: &[Row]) -> Table<12> {
    let cells = rows.iter().map(|row| cells(catalog, row));
    Table {
        head: COLUMNS,
        rows: cells
            .map(|cells| cells.map(|cell| cell.join("; ")))
            .collect(),
    }
}

/// Every row, for programs.
pub fn json(rows: &[Row]) -> String {
    serde_json::to_string_pretty(rows).unwrap_or_default()
}

/// One user, for people.
pub fn one(catalog: &Catalog, row: &Row, person: &Person) -> String {
    let scopes = row.identities.iter().flat_map(|identity| {
        let scopes = identity.scopes.iter();
        scopes.map(move |(scope, values)| {
            format!("{}: {scope} = {}", identity.alias, values.join(", "))
        })
    });
    let login = row
        .account
        .clone()
        .map(|login| row.marked("account", login));
    let declared = format!("{}:{}", person.declared.file, person.declared.line);
    let more = [
        ("scopes", scopes.collect()),
        (
            "title",
            account_value(person, "title").into_iter().collect(),
        ),
        ("account", login.into_iter().collect()),
        (
            "supervisor",
            person.supervisor.iter().map(ToString::to_string).collect(),
        ),
        (
            "profiles",
            row.profiles.iter().map(ToString::to_string).collect(),
        ),
        (
            "resources",
            row.resources.iter().map(ToString::to_string).collect(),
        ),
        ("declared", vec![declared]),
        (
            "changed by",
            person.because.iter().map(|c| c.text.to_string()).collect(),
        ),
    ];
    let mut text = String::new();
    for (label, values) in COLUMNS.into_iter().zip(cells(catalog, row)).chain(more) {
        for (i, value) in values.iter().enumerate() {
            let label = if i == 0 { label } else { "" };
            text.push_str(&format!("{label:14}{}\n", Shown::of(value, VALUE_LONGEST)));
        }
    }
    text
}

fn account_value(person: &Person, attribute: &str) -> Option<String> {
    let attributes = &person.account.as_ref()?.attributes;
    let attribute = crate::connector::AttributeName::new(attribute);
    attributes.get(&attribute).map(|value| value.to_string())
}
