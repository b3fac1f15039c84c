//! Row-level security of one application → a file that the application reads: who may sign in, as
//! what, with which permissions, and whose rows each identity sees.
//!
//! Invariant: whoever is not in it has no access. Those on leave, those who left and those who have
//! not started are not in it at all, so a reader that forgets to look at a flag opens nothing.
//! Invariant: the same state gives the same bytes; the moment of the export is not in it.

#[cfg(feature = "sql")]
pub mod sqlite;

use super::identity::{Selections, selected};
use crate::catalog::Catalog;
use crate::desired::{Desired, DesiredIdentity, DesiredScope, Grant, Person, Rows, Standing};
use crate::manifest::UserType;
use crate::manifest::resource::SignIn;
use crate::manifest::scope::Absent;
use crate::manifest::user::UserState;
use crate::name::{IdentityType, OrganizationName, ResourceName, RoleName, ScopeName, UserName};
use jiff::Timestamp;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// The form of the file; rises when an old reader would misread the new one.
pub const FORMAT: u32 = 1;

/// Who may sign in to one application, as what, and whose rows they see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RowSecurity {
    /// The form of this file. A reader refuses one that it does not know.
    pub format_version: u32,
    /// The application.
    pub application: Application,
    /// The commit it was made of; null: a folder as it lay there.
    pub revision: Option<String>,
    /// The next instant at which something may change by itself; null: none is known.
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub valid_until: Option<Timestamp>,
    /// Every role of the application, by name.
    pub roles: Vec<Role>,
    /// Every scope of the application, by name.
    pub scopes: Vec<Scope>,
    /// Everybody who may sign in, by id. Whoever is not here has no access.
    pub users: Vec<User>,
}

/// The application.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Application {
    /// Its resource.
    pub name: ResourceName,
    /// The name people read.
    pub display_name: String,
}

/// A role of the application.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Role {
    /// Its name.
    pub name: RoleName,
    /// What the application calls it.
    pub key: String,
    /// What it permits by itself, sorted.
    pub permissions: BTreeSet<String>,
}

/// A scope of the application: a dimension in which rows are told apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Scope {
    /// Its name.
    pub name: ScopeName,
    /// What the application calls it.
    pub key: String,
    /// What an identity sees that the scope is not given to.
    pub absent: Absent,
    /// Every value there is, by value.
    pub values: Vec<ScopeValue>,
}

/// A value of a scope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScopeValue {
    /// The value, as it stands in the rows.
    pub value: String,
    /// The organization it stands for; null: none.
    pub organization: Option<OrganizationName>,
}

/// Somebody who may sign in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// The permanent handle.
    pub id: UserName,
    /// The name people read.
    pub display_name: String,
    /// What sort of user.
    #[serde(rename = "type")]
    pub kind: UserType,
    /// The name the user signs in to the application with, unique whatever its case; null: not settled yet.
    pub login: Option<String>,
    /// The account in the directory; null: none, or no directory was at hand.
    pub account: Option<Account>,
    /// What they are, by alias; never empty, and exactly one is `current`.
    pub identities: Vec<Identity>,
}

/// An account in the directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    /// objectGUID: what it is, whatever it is called.
    #[serde(rename = "objectGUID")]
    pub object_guid: String,
    /// sAMAccountName.
    pub login: String,
    /// userPrincipalName.
    pub upn: String,
}

/// What a user is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Identity {
    /// What the user calls it; unique per user.
    pub alias: String,
    /// The type of the identity.
    #[serde(rename = "type")]
    pub kind: IdentityType,
    /// What people call that.
    pub type_name: String,
    /// Whether it arose because the user has no identity that somebody gave.
    #[serde(rename = "virtual")]
    pub is_virtual: bool,
    /// Whether it is the one the user starts with where they selected none.
    pub default: bool,
    /// Whether it is the one the user is at log-on: the selected one, else the default.
    pub current: bool,
    /// The roles it holds, by name; those included by others too.
    pub roles: Vec<RoleName>,
    /// What these permit together, sorted.
    pub permissions: BTreeSet<String>,
    /// Whose rows it sees: every scope of the application, by name.
    pub scopes: Vec<IdentityScope>,
}

/// Whose rows an identity sees in one dimension: a row is seen if `all`, or if its value is in `values`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IdentityScope {
    /// The scope.
    pub scope: ScopeName,
    /// What the application calls it.
    pub key: String,
    /// Whether the scope is given to the identity; if not, the rest says what the scope's `absent` means.
    pub given: bool,
    /// Whether every row is seen, those of values to come too.
    pub all: bool,
    /// The values whose rows are seen, sorted; empty where `all`.
    pub values: Vec<String>,
}

impl IdentityScope {
    /// What an identity sees in a scope.
    pub fn of(scope: &DesiredScope) -> Self {
        let (given, all, values) = match &scope.rows {
            Rows::All => (true, true, Vec::new()),
            Rows::Values(values) => (true, false, values.keys().cloned().collect()),
            Rows::Absent(Absent::Everything) => (false, true, Vec::new()),
            Rows::Absent(Absent::Nothing) => (false, false, Vec::new()),
        };
        Self {
            scope: scope.name.clone(),
            key: scope.key.clone(),
            given,
            all,
            values,
        }
    }
}

/// A login that several users would sign in with: the application could not tell whose rows to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedLogin {
    /// The login.
    pub login: String,
    /// Whose it is.
    pub users: Vec<UserName>,
}

impl RowSecurity {
    /// Takes what is about one application out of the desired state.
    ///
    /// # Errors
    /// The logins that are not one user's.
    pub fn of(
        resource: &ResourceName,
        catalog: &Catalog,
        desired: &Desired,
        selections: &Selections,
        revision: Option<&str>,
    ) -> Result<Self, Vec<SharedLogin>> {
        let people = desired.people.values();
        let users: Vec<User> = people
            .filter_map(|person| user(person, resource, desired, selections))
            .collect();
        let shared = shared(&users);
        if !shared.is_empty() {
            return Err(shared);
        }
        let terms = desired.resources.get(resource);
        let display_name = terms.map_or(resource.as_str(), |t| t.display_name.as_str());
        Ok(Self {
            format_version: FORMAT,
            application: Application {
                name: resource.clone(),
                display_name: display_name.to_owned(),
            },
            revision: revision.map(str::to_owned),
            valid_until: desired.valid_until,
            roles: roles(resource, catalog),
            scopes: scopes(resource, catalog),
            users,
        })
    }

    /// The file as JSON; `schema/row-level-security.json` describes it.
    pub fn json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }
}

/// The schema of the JSON.
pub fn schema() -> serde_json::Value {
    let settings = SchemaSettings::draft07().for_serialize();
    let generator = settings.into_generator();
    let mut schema = generator.into_root_schema_for::<RowSecurity>().to_value();
    super::plan::tidy(&mut schema);
    if let Some(root) = schema.as_object_mut() {
        root.insert("title".into(), "Countersign row-level security".into());
    }
    schema
}

fn roles(resource: &ResourceName, catalog: &Catalog) -> Vec<Role> {
    let roles = catalog.roles.iter();
    let roles = roles.filter(|(_, role)| role.spec.resource == *resource);
    roles
        .map(|(name, role)| {
            let key = role.spec.key.as_ref().or(role.spec.display_name.as_ref());
            Role {
                name: name.clone(),
                key: key.map_or(name.as_str(), String::as_str).to_owned(),
                permissions: role.spec.permissions.iter().cloned().collect(),
            }
        })
        .collect()
}

fn scopes(resource: &ResourceName, catalog: &Catalog) -> Vec<Scope> {
    let scopes = catalog.scopes.iter();
    let scopes = scopes.filter(|(_, scope)| scope.spec.resource == *resource);
    scopes
        .map(|(name, scope)| {
            let key = scope.spec.key.as_ref().or(scope.spec.display_name.as_ref());
            let values = catalog.scope_values(name).into_iter();
            Scope {
                name: name.clone(),
                key: key.map_or(name.as_str(), String::as_str).to_owned(),
                absent: scope.spec.absent.unwrap_or(Absent::Nothing),
                values: values
                    .map(|(value, organization)| ScopeValue {
                        value,
                        organization,
                    })
                    .collect(),
            }
        })
        .collect()
}

/// A user who may sign in; none for all others.
fn user(
    person: &Person,
    resource: &ResourceName,
    desired: &Desired,
    selections: &Selections,
) -> Option<User> {
    match person.state {
        UserState::Active => {}
        UserState::Suspended | UserState::Left => return None,
    }
    let current = selected(person, resource, selections)?;
    let identities = person
        .identities
        .iter()
        .filter(|i| i.resource == *resource)
        .map(|i| identity(i, i.alias == current.identity.alias))
        .collect();
    let account = person.account.as_ref().filter(|a| !a.provisional);
    let account = account.and_then(|account| {
        let (guid, _) = account.known?;
        Some(Account {
            object_guid: guid.to_string(),
            login: account.login.to_string(),
            upn: account.upn.to_string(),
        })
    });
    Some(User {
        id: person.name.clone(),
        display_name: person.display_name.clone(),
        kind: person.kind,
        login: login(person, resource, desired, account.as_ref()),
        account,
        identities,
    })
}

/// The field that says so, else the directory's login where the application goes by that.
fn login(
    person: &Person,
    resource: &ResourceName,
    desired: &Desired,
    account: Option<&Account>,
) -> Option<String> {
    let terms = desired.resources.get(resource)?;
    let Some(field) = terms.fields.iter().find(|f| f.sign_in) else {
        return match terms.sign_in {
            SignIn::Directory => account.map(|a| a.login.clone()),
            SignIn::Own => None,
        };
    };
    let mut held = person.entitlements.iter();
    let (_, entitlement) = held.find(|(key, _)| {
        key.resource == *resource && matches!(key.grant, Grant::Level(_)) && key.identity.is_none()
    })?;
    let value = entitlement.fields.get(&field.name);
    let value = value.filter(|_| !entitlement.provisional);
    value.map(|text| text.to_string())
}

fn identity(identity: &DesiredIdentity, current: bool) -> Identity {
    Identity {
        alias: identity.alias.clone(),
        kind: identity.kind.clone(),
        type_name: identity.kind_display.clone(),
        is_virtual: match identity.standing {
            Standing::Virtual => true,
            Standing::Declared => false,
        },
        default: identity.default,
        current,
        roles: identity.roles.iter().map(|r| r.name.clone()).collect(),
        permissions: identity.permissions.clone(),
        scopes: identity.scopes.iter().map(IdentityScope::of).collect(),
    }
}

/// Logins that several users have, whatever their case.
fn shared(users: &[User]) -> Vec<SharedLogin> {
    let mut holders: BTreeMap<String, (&str, Vec<UserName>)> = BTreeMap::new();
    for user in users {
        if let Some(login) = &user.login {
            let holders = holders.entry(login.to_lowercase());
            let (_, holders) = holders.or_insert_with(|| (login, Vec::new()));
            holders.push(user.id.clone());
        }
    }
    let shared = holders.into_values().filter(|(_, users)| users.len() > 1);
    shared
        .map(|(login, users)| SharedLogin {
            login: login.to_owned(),
            users,
        })
        .collect()
}
