//! What templates see of one user: looked up where it stands. Only a template that needs an engine
//! gets it all put together.

use crate::catalog::templates::{ACCOUNT, DEPARTURE, ORGANIZATION, SUPERVISOR, USER};
use crate::catalog::{Catalog, Linked};
use crate::manifest::user::UserState;
use crate::manifest::{Contact, OrganizationSpec, UserSpec};
use crate::name::{OrganizationName, UserName};
use crate::request::FoldedUser;
use crate::template::{Nested, Value, Variables};
use std::borrow::Cow;
use std::sync::Arc;

/// What templates see of one user.
#[derive(Clone)]
pub struct UserVariables<'a> {
    catalog: &'a Catalog,
    name: &'a UserName,
    user: &'a FoldedUser,
    state: UserState,
    organization: Option<Organization<'a>>,
    /// The name people read.
    pub display_name: String,
    /// What the user is.
    pub title: Option<&'a str>,
    /// Where mails go to, once that is known.
    pub mail: Option<Arc<str>>,
    /// The account, as far as its names are known.
    pub account: AccountVariables,
    /// Whom the user reports to.
    pub supervisor: Option<&'a Supervisor>,
    /// Fields of resources, as far as they are filled.
    pub fields: FieldVariables<'a>,
    /// What is known of how the user left, in the order of [`DEPARTURE`].
    pub departure: Option<[String; DEPARTURE.len()]>,
}

/// The names of an account.
#[derive(Debug, Clone, Default)]
#[allow(missing_docs)]
pub struct AccountVariables {
    pub login: Option<Arc<str>>,
    pub upn: Option<Arc<str>>,
    pub mail: Option<Arc<str>>,
    pub cn: Option<Arc<str>>,
    pub dn: Option<Arc<str>>,
}

/// What templates see of whom somebody reports to.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)]
pub struct Supervisor {
    pub name: UserName,
    pub display_name: String,
    pub login: Option<Arc<str>>,
    pub mail: Option<Arc<str>>,
}

/// Fields of resources.
#[derive(Debug, Clone, Default)]
pub struct FieldVariables<'a> {
    filled: Vec<(&'a str, &'a str, Arc<str>)>,
    asked: Vec<&'a str>,
}

impl<'a> FieldVariables<'a> {
    /// Makes ready for so many values.
    pub fn expect(&mut self, values: usize) {
        self.filled.reserve(values);
    }

    /// Notes the value of a field.
    pub fn put(&mut self, resource: &'a str, field: &'a str, value: Arc<str>) {
        self.filled.push((resource, field, value));
    }

    /// Notes that a resource's fields may be read, so that one the user lacks is absent and no mistake.
    pub fn ask(&mut self, resource: &'a str) {
        self.asked.push(resource);
    }

    fn get(&self, resource: &str, field: &str) -> Option<&str> {
        let of = |(r, f, _): &&(&str, &str, Arc<str>)| *f == field && *r == resource;
        self.filled.iter().find(of).map(|(.., value)| &**value)
    }
}

/// What templates see of an organization.
#[derive(Clone)]
pub struct Organization<'a> {
    name: &'a OrganizationName,
    spec: &'a OrganizationSpec,
}

impl<'a> Organization<'a> {
    /// An organization of the catalog.
    pub fn new(catalog: &'a Catalog, name: &OrganizationName) -> Option<Self> {
        let (name, Linked { spec, .. }) = catalog.organizations.get_key_value(name)?;
        Some(Self { name, spec })
    }

    fn text(&self, path: &[&str]) -> Option<&'a str> {
        let Self { name, spec } = self;
        match path {
            ["name"] => Some(name.as_str()),
            ["displayName"] => Some(spec.display_name.as_deref().unwrap_or(name.as_str())),
            ["code"] => Some(spec.code.as_deref().unwrap_or(name.as_str())),
            ["type"] => Some(spec.kind.as_str()),
            ["parent"] => spec.parent.as_ref().map(OrganizationName::as_str),
            ["contact", part] => contact(spec.contact.as_ref(), part),
            _ => None,
        }
    }

    /// Puts it below `organization`.
    pub fn put(&self, variables: &mut Nested) {
        // So that `organization.contact.phone` is absent rather than a mistake.
        variables.set(&["organization", "contact", ""], "");
        let more = ["contact.mobile", "contact.address"];
        for name in ORGANIZATION.into_iter().chain(more) {
            put(variables, "organization", name, |path| self.text(path));
        }
    }
}

fn contact<'a>(contact: Option<&'a Contact>, part: &str) -> Option<&'a str> {
    let Contact {
        mail,
        phone,
        mobile,
        address,
    } = contact?;
    match part {
        "mail" => mail.as_ref().map(|m| m.0.as_str()),
        "phone" => phone.as_deref(),
        "mobile" => mobile.as_deref(),
        "address" => address.as_deref(),
        _ => None,
    }
}

/// Puts the text of a dotted name below a root, where there is one.
fn put<'t>(
    variables: &mut Nested,
    root: &str,
    name: &str,
    text: impl FnOnce(&[&str]) -> Option<&'t str>,
) {
    let path: Vec<&str> = std::iter::once(root).chain(name.split('.')).collect();
    variables.set_some(&path, text(&path[1..]));
}

/// The name people read: as said, else given and family name, else the handle.
pub fn display_name(name: &UserName, spec: &UserSpec) -> String {
    if let Some(display) = &spec.display_name {
        return display.clone();
    }
    match (&spec.given_name, &spec.family_name) {
        (Some(given), Some(family)) => format!("{} {}", given.0, family.0),
        (Some(only), None) | (None, Some(only)) => only.0.clone(),
        (None, None) => name.to_string(),
    }
}

impl<'a> UserVariables<'a> {
    /// What is known of a user without title, account, supervisor and fields.
    pub fn new(
        catalog: &'a Catalog,
        name: &'a UserName,
        user: &'a FoldedUser,
        state: UserState,
    ) -> Self {
        Self {
            catalog,
            name,
            user,
            state,
            organization: Organization::new(catalog, &user.spec.organization),
            display_name: display_name(name, &user.spec),
            title: None,
            mail: None,
            account: AccountVariables::default(),
            supervisor: None,
            fields: FieldVariables::default(),
            departure: None,
        }
    }

    fn of_user(&self, path: &[&str]) -> Option<&str> {
        let spec = &self.user.spec;
        let name =
            |name: &'a Option<crate::manifest::user::PersonName>| Some(name.as_ref()?.0.as_str());
        match path {
            ["name"] => Some(self.name.as_str()),
            ["displayName"] => Some(&self.display_name),
            ["givenName"] => name(&spec.given_name),
            ["middleName"] => name(&spec.middle_name),
            ["familyName"] => name(&spec.family_name),
            ["employeeNumber"] => spec.employee_number.as_ref().map(|n| n.0.as_str()),
            ["type"] => Some(spec.kind.as_str()),
            ["title"] => self.title,
            ["mail"] => self.mail.as_deref(),
            ["notifications"] => Some(if spec.notifications { "true" } else { "false" }),
            ["startDate"] => spec.start_date.as_ref().map(|m| m.0.as_str()),
            ["endDate"] => spec.end_date.as_ref().map(|m| m.0.as_str()),
            ["state"] => Some(self.state.as_str()),
            ["contact", part] => contact(spec.contact.as_ref(), part),
            _ => None,
        }
    }

    fn look_up(&self, path: &[&str]) -> Option<&str> {
        match path {
            ["user", rest @ ..] => self.of_user(rest),
            ["organization", rest @ ..] => self.organization.as_ref()?.text(rest),
            ["account", part] => self.account.get(part),
            ["answers", key] => {
                let answers = &self.user.spec.answers;
                let mut named = answers.within(|name| name.as_str().cmp(key));
                named.next().map(|(_, answer)| answer.as_str())
            }
            ["supervisor", part] => self.supervisor?.get(part),
            ["fields", resource, field] => self.fields.get(resource, field),
            ["config", "displayName"] => {
                let shown = self.catalog.config.spec.display_name.as_deref();
                Some(shown.unwrap_or_default())
            }
            ["departure", part] => {
                let place = DEPARTURE.iter().position(|name| name == part)?;
                Some(&self.departure.as_ref()?[place])
            }
            _ => None,
        }
    }
}

impl AccountVariables {
    fn get(&self, part: &str) -> Option<&str> {
        match part {
            "login" => self.login.as_deref(),
            "upn" => self.upn.as_deref(),
            "mail" => self.mail.as_deref(),
            "cn" => self.cn.as_deref(),
            "dn" => self.dn.as_deref(),
            _ => None,
        }
    }
}

impl Supervisor {
    fn get(&self, part: &str) -> Option<&str> {
        match part {
            "name" => Some(self.name.as_str()),
            "displayName" => Some(&self.display_name),
            "login" => self.login.as_deref(),
            "mail" => self.mail.as_deref(),
            _ => None,
        }
    }
}

impl Variables for UserVariables<'_> {
    fn text(&self, path: &[&str]) -> Option<Cow<'_, str>> {
        self.look_up(path).map(Cow::Borrowed)
    }

    fn all(&self) -> Value {
        let mut all = Nested::default();
        for root in [
            "user",
            "organization",
            "account",
            "answers",
            "supervisor",
            "fields",
        ] {
            all.map(root);
        }
        // So that `user.contact.phone` is absent rather than a mistake.
        all.set(&["user", "contact", ""], "");
        for name in USER {
            put(&mut all, "user", name, |path| self.of_user(path));
        }
        all.set_truth(&["user", "notifications"], self.user.spec.notifications);
        if let Some(organization) = &self.organization {
            organization.put(&mut all);
        }
        for name in ACCOUNT {
            put(&mut all, "account", name, |_| self.account.get(name));
        }
        for (key, answer) in &self.user.spec.answers {
            all.set(&["answers", key.as_str()], answer.as_str());
        }
        for name in SUPERVISOR {
            let text = self.supervisor.and_then(|s| s.get(name));
            put(&mut all, "supervisor", name, |_| text);
        }
        for resource in &self.fields.asked {
            all.set(&["fields", resource, ""], "");
        }
        for (resource, field, value) in &self.fields.filled {
            all.set(&["fields", resource, field], value.clone());
        }
        let config = ["config", "displayName"];
        all.set_some(&config, self.look_up(&config));
        for name in DEPARTURE {
            let path = ["departure", name];
            all.set_some(&path, self.look_up(&path));
        }
        all.value()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::link;
    use crate::manifest::parse::Manifests;
    use crate::request::Timeline;
    use crate::template::Template;

    const CITY: &str = r#"apiVersion: countersign/v1
kind: Config
metadata: {name: countersign}
spec:
  displayName: The city
  timeZone: UTC
  directory: active-directory
  naming: {login: {candidates: ["{{ user.givenName }}"]}}
  managed: {ous: [[Departments]], groups: []}
---
apiVersion: countersign/v1
kind: Organization
metadata: {name: its}
spec: {displayName: IT, type: department, contact: {mail: its@city.example, phone: '100'}}
---
apiVersion: countersign/v1
kind: User
metadata: {name: sam}
spec:
  givenName: Sam
  familyName: Okafor
  employeeNumber: '001'
  type: employee
  organization: its
  supervisor: dana
  notifications: false
  startDate: '2020-01-01'
  contact: {mobile: '200'}
  answers: {phone: '300'}
"#;

    #[test]
    fn what_is_looked_up_is_what_the_engine_is_given() {
        let (catalog, _) = link(Manifests::of_text("city.yaml", CITY));
        let timeline = Timeline::new(&catalog, &mut Vec::new());
        let (name, now) = (UserName::new("sam").unwrap(), jiff::Timestamp::UNIX_EPOCH);
        let user = timeline.user(&name, now).unwrap();
        let supervisor = Supervisor {
            name: UserName::new("dana").unwrap(),
            display_name: "Dana".into(),
            login: Some("dana.r".into()),
            mail: None,
        };
        let bare = UserVariables::new(&catalog, &name, &user, UserState::Active);
        let mut full = UserVariables::new(&catalog, &name, &user, UserState::Left);
        full.title = Some("Clerk");
        full.mail = Some("sam@city.example".into());
        full.account.login = Some("sam.o".into());
        full.account.dn = Some("CN=Sam".into());
        full.supervisor = Some(&supervisor);
        full.departure = Some(["retired", "-", "request-1"].map(String::from));
        full.fields.ask("timetrack");
        full.fields.put("phones", "number", "400".into());
        let of = |root: &str, names: &[&str]| -> Vec<String> {
            names.iter().map(|name| format!("{root}.{name}")).collect()
        };
        let mut paths = of("user", &USER);
        paths.extend(of("organization", &ORGANIZATION));
        paths.extend(of("supervisor", &SUPERVISOR));
        paths.extend(of("departure", &DEPARTURE));
        paths.extend(of("account", &ACCOUNT));
        paths.extend(of("answers", &["phone", "other"]));
        paths.extend(of("fields['phones']", &["number", "other"]));
        paths.extend(of("fields['timetrack']", &["number"]));
        paths.extend(["config.displayName", "user.contact", "user.nothing"].map(String::from));
        let mut given = 0;
        for variables in [&bare, &full] {
            for path in &paths {
                let text = format!("{{{{ {path} }}}}");
                let short = Template::compile(&text).unwrap().fill(variables);
                // A comment makes the same template one for the engine.
                let long = Template::compile(&format!("{text}{{# #}}")).unwrap();
                let long = long.fill(variables);
                given += usize::from(short.is_ok());
                match path.as_str() {
                    "user.contact" => assert!(short.is_err() && long.is_ok()),
                    _ => assert_eq!(short, long, "{path}"),
                }
            }
        }
        assert!(given > 40, "{given} of {}", 2 * paths.len());
    }
}
