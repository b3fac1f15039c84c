//! Flags that several writing commands have: fields of a user, access, identities, answers.

use super::desk::Desk;
use super::{Exit, Failed};
use crate::manifest::identity::GivenIdentity;
use crate::manifest::organization::OuName;
use crate::manifest::request::UserChange;
use crate::manifest::timed::Timed;
use crate::manifest::user::{LoginName, PersonName};
use crate::manifest::{Access, AccessMatcher, Contact, Edge, Line, MailAddress, Moment, UserType};
use crate::name::{
    FieldName, IdentityType, LevelName, OrganizationName, ResourceName, RoleName, ScopeName,
    UserName,
};
use clap::ValueEnum;
use std::collections::BTreeMap;

/// What sort of user.
#[derive(Debug, Clone, Copy, ValueEnum)]
#[allow(missing_docs)]
pub enum TypeArg {
    Employee,
    Contractor,
    Partner,
    Client,
    Supplier,
    Service,
}

impl From<TypeArg> for UserType {
    fn from(arg: TypeArg) -> Self {
        match arg {
            TypeArg::Employee => Self::Employee,
            TypeArg::Contractor => Self::Contractor,
            TypeArg::Partner => Self::Partner,
            TypeArg::Client => Self::Client,
            TypeArg::Supplier => Self::Supplier,
            TypeArg::Service => Self::Service,
        }
    }
}

/// Names and contact of a person.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct PersonArgs {
    /// Given name.
    #[arg(long, value_name = "NAME")]
    pub given_name: Option<String>,
    /// Middle name.
    #[arg(long, value_name = "NAME")]
    pub middle_name: Option<String>,
    /// Family name.
    #[arg(long, value_name = "NAME")]
    pub family_name: Option<String>,
    /// The name people read, where it is not given and family name.
    #[arg(long, value_name = "NAME")]
    pub display_name: Option<String>,
    /// Employee number.
    #[arg(long, value_name = "NUMBER")]
    pub employee_number: Option<String>,
    /// Login name, where it is not to follow from the naming rules.
    #[arg(long)]
    pub login: Option<String>,
    /// Mail address of the account, where it is not to follow from the naming rules.
    #[arg(long, value_name = "ADDRESS")]
    pub mail: Option<String>,
    /// Mail address outside the directory.
    #[arg(long, value_name = "ADDRESS")]
    pub contact_mail: Option<String>,
    /// Telephone number.
    #[arg(long, value_name = "NUMBER")]
    pub phone: Option<String>,
    /// Mobile telephone number.
    #[arg(long, value_name = "NUMBER")]
    pub mobile: Option<String>,
    /// Postal address.
    #[arg(long)]
    pub address: Option<String>,
}

impl PersonArgs {
    /// How the person is reached: what is said here in place of what was known; none where nothing is said.
    pub fn contact(&self, known: Option<&Contact>) -> Option<Contact> {
        let said = [&self.contact_mail, &self.phone, &self.mobile, &self.address];
        if said.iter().all(|s| s.is_none()) {
            return None;
        }
        let known = known.cloned().unwrap_or_default();
        Some(Contact {
            mail: self.contact_mail.clone().map(MailAddress).or(known.mail),
            phone: self.phone.clone().or(known.phone),
            mobile: self.mobile.clone().or(known.mobile),
            address: self.address.clone().or(known.address),
        })
    }
}

/// Where a person works and what the account should say.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct JobArgs {
    /// What sort of user.
    #[arg(long = "type", value_enum, value_name = "TYPE")]
    pub kind: Option<TypeArg>,
    /// The organization.
    #[arg(long, value_name = "NAME", value_parser = OrganizationName::new)]
    pub organization: Option<OrganizationName>,
    /// Whom the user reports to.
    #[arg(long, value_name = "USER", value_parser = UserName::new)]
    pub supervisor: Option<UserName>,
    /// Job title.
    #[arg(long)]
    pub title: Option<String>,
    /// A client or supplier the user is associated with; repeat it. Those said here are all of them.
    #[arg(long, value_name = "ORGANIZATION", value_parser = OrganizationName::new)]
    pub associated: Vec<OrganizationName>,
    /// A unit of the directory OU, where it is not the organization's; repeat it, outermost first.
    #[arg(long = "ou", value_name = "NAME")]
    pub ou: Vec<String>,
    /// A directory field: `--attribute telephoneNumber=812-349-3400`; repeat it.
    #[arg(long = "attribute", value_name = "FIELD=VALUE", value_parser = pair)]
    pub attributes: Vec<(FieldName, String)>,
    /// Whether the user gets mails.
    #[arg(long, value_name = "on|off", value_parser = on_off)]
    pub notifications: Option<Switch>,
}

/// On or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Switch {
    On,
    Off,
}

fn on_off(text: &str) -> Result<Switch, String> {
    match text {
        "on" => Ok(Switch::On),
        "off" => Ok(Switch::Off),
        _ => Err("say `on` or `off`".into()),
    }
}

/// What a request sets, of these flags.
pub fn user_change(person: &PersonArgs, job: &JobArgs, known: Option<&Contact>) -> UserChange {
    let name = |text: &Option<String>| text.clone().map(PersonName);
    UserChange {
        display_name: person.display_name.clone(),
        given_name: name(&person.given_name),
        middle_name: name(&person.middle_name),
        family_name: name(&person.family_name),
        employee_number: name(&person.employee_number),
        kind: job.kind.map(UserType::from),
        organization: job.organization.clone(),
        title: job.title.clone(),
        supervisor: job.supervisor.clone(),
        associated: (!job.associated.is_empty()).then(|| job.associated.clone()),
        end_date: None,
        contact: person.contact(known),
        notifications: job.notifications.map(|switch| switch == Switch::On),
        login: person.login.clone().map(LoginName),
        mail: person.mail.clone().map(MailAddress),
        ou: (!job.ou.is_empty()).then(|| job.ou.iter().cloned().map(OuName).collect()),
        attributes: job.attributes.iter().cloned().collect(),
    }
}

/// `key=value`.
///
/// # Errors
/// When there is no `=`, or no name before it.
pub fn pair(text: &str) -> Result<(FieldName, String), String> {
    let (key, value) = text.split_once('=').ok_or("write `key=value`")?;
    let key = FieldName::new(key).map_err(|e| e.to_string())?;
    Ok((key, value.to_owned()))
}

/// `scope=value`, perhaps with `@end` behind it.
#[derive(Debug, Clone)]
pub struct ScopeArg {
    /// The scope.
    pub scope: ScopeName,
    /// The value.
    pub value: Ending<String>,
}

/// `scope=value[@until]`.
///
/// # Errors
/// When there is no `=`, or no scope's name before it.
pub fn scope(text: &str) -> Result<ScopeArg, String> {
    let (scope, value) = text.split_once('=').ok_or("write `scope=value`")?;
    let scope = ScopeName::new(scope).map_err(|e| e.to_string())?;
    let (value, until) = ending(value);
    Ok(ScopeArg {
        scope,
        value: Ending {
            what: value.to_owned(),
            until,
        },
    })
}

/// Something given, perhaps until a moment.
#[derive(Debug, Clone)]
pub struct Ending<T> {
    /// What.
    pub what: T,
    /// The end, as it was written.
    pub until: Option<String>,
}

impl<T> Ending<T> {
    /// With its end as a moment.
    ///
    /// # Errors
    /// When there is no such moment.
    pub fn timed(self, desk: &Desk, flag: &str) -> Result<Timed<T>, Failed> {
        Ok(Timed {
            given: self.what,
            until: end(desk, self.until.as_deref(), flag)?,
        })
    }
}

/// `role[@until]`.
///
/// # Errors
/// When it is no role's name.
pub fn role(text: &str) -> Result<Ending<RoleName>, String> {
    let (role, until) = ending(text);
    let what = RoleName::new(role).map_err(|e| e.to_string())?;
    Ok(Ending { what, until })
}

fn ending(text: &str) -> (&str, Option<String>) {
    match text.rsplit_once('@') {
        Some((what, until))
            if until.starts_with(|c: char| c.is_ascii_digit())
                || until == "today"
                || until == "tomorrow" =>
        {
            (what, Some(until.to_owned()))
        }
        _ => (text, None),
    }
}

fn end(desk: &Desk, until: Option<&str>, flag: &str) -> Result<Option<Moment>, Failed> {
    let end = until.map(|until| desk.moment(until, Edge::End, flag));
    Ok(end.transpose()?.map(|(moment, _)| moment))
}

/// A resource, perhaps at a level, perhaps until a moment.
#[derive(Debug, Clone)]
pub struct GrantArg {
    resource: ResourceName,
    level: Option<LevelName>,
    until: Option<String>,
}

/// `resource[:level][@until]`.
///
/// # Errors
/// When it is not written so.
pub fn grant(text: &str) -> Result<GrantArg, String> {
    let (grant, until) = ending(text);
    let (resource, level) = match grant.split_once(':') {
        Some((resource, level)) => (resource, Some(level)),
        None => (grant, None),
    };
    Ok(GrantArg {
        resource: ResourceName::new(resource).map_err(|e| e.to_string())?,
        level: level
            .map(LevelName::new)
            .transpose()
            .map_err(|e| e.to_string())?,
        until,
    })
}

/// A value for a field of a resource.
#[derive(Debug, Clone)]
pub struct FieldArg {
    resource: ResourceName,
    field: FieldName,
    value: String,
}

/// `resource:field=value`.
///
/// # Errors
/// When it is not written so.
pub fn field(text: &str) -> Result<FieldArg, String> {
    let form = "write `resource:field=value`";
    let (resource, rest) = text.split_once(':').ok_or(form)?;
    let (field, value) = pair(rest).map_err(|e| format!("{form}: {e}"))?;
    let resource = ResourceName::new(resource).map_err(|e| e.to_string())?;
    Ok(FieldArg {
        resource,
        field,
        value,
    })
}

/// Access entries, of grants and of values for their fields.
///
/// # Errors
/// When an end is no moment, or a value is for a resource that is not given.
pub fn access(
    desk: &Desk,
    grants: &[GrantArg],
    fields: &[FieldArg],
    flag: &str,
) -> Result<Vec<Access>, Failed> {
    let mut entries = Vec::new();
    for GrantArg {
        resource,
        level,
        until,
    } in grants
    {
        let mine = fields.iter().filter(|f| f.resource == *resource);
        entries.push(Access {
            resource: resource.clone(),
            level: level.clone(),
            fields: mine.map(|f| (f.field.clone(), f.value.clone())).collect(),
            until: end(desk, until.as_deref(), flag)?,
            line: Line(0),
        });
    }
    let given = |f: &&FieldArg| grants.iter().any(|g| g.resource == f.resource);
    match fields.iter().find(|f| !given(f)) {
        None => Ok(entries),
        Some(FieldArg { resource, .. }) => {
            let words = format!(
                "--field {resource}:…: `{resource}` is not given here; say {flag} {resource} too"
            );
            Err(Failed::say(Exit::Usage, words))
        }
    }
}

/// Matchers of access to take away.
pub fn matchers(grants: &[GrantArg]) -> Vec<AccessMatcher> {
    let matcher = |g: &GrantArg| AccessMatcher {
        resource: g.resource.clone(),
        level: g.level.clone(),
    };
    grants.iter().map(matcher).collect()
}

/// An identity as flags name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityArg {
    /// The application.
    pub resource: ResourceName,
    /// Its type.
    pub kind: Option<IdentityType>,
    /// Its alias.
    pub alias: Option<String>,
}

/// `application[:type][=alias]`.
///
/// # Errors
/// When it is not written so.
pub fn identity(text: &str) -> Result<IdentityArg, String> {
    let (named, alias) = match text.split_once('=') {
        Some((named, alias)) => (named, Some(alias.to_owned())),
        None => (text, None),
    };
    let (resource, kind) = match named.split_once(':') {
        Some((resource, kind)) => (resource, Some(kind)),
        None => (named, None),
    };
    Ok(IdentityArg {
        resource: ResourceName::new(resource).map_err(|e| e.to_string())?,
        kind: kind
            .map(IdentityType::new)
            .transpose()
            .map_err(|e| e.to_string())?,
        alias,
    })
}

/// Scope values by scope, in the order they were said.
///
/// # Errors
/// When an end is no moment.
pub fn scopes(
    desk: &Desk,
    given: &[ScopeArg],
    flag: &str,
) -> Result<BTreeMap<ScopeName, Vec<Timed<String>>>, Failed> {
    let mut scopes: BTreeMap<ScopeName, Vec<Timed<String>>> = BTreeMap::new();
    for ScopeArg { scope, value } in given.iter().cloned() {
        let value = value.timed(desk, flag)?;
        scopes.entry(scope).or_default().push(value);
    }
    Ok(scopes)
}

/// An identity without roles or scopes yet.
pub fn bare(resource: ResourceName, kind: IdentityType, alias: Option<String>) -> GivenIdentity {
    GivenIdentity {
        resource,
        kind,
        alias,
        roles: Vec::new(),
        scopes: BTreeMap::new(),
        default: false,
        until: None,
        line: Line(0),
    }
}
