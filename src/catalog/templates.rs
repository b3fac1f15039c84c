//! Templates of the repository, compiled once, with what they read known.

use super::{Catalog, Linked, Problem};
use crate::diagnostic::Code;
use crate::diagnostic::suggest::did_you_mean;
use crate::manifest::parse::Location;
use crate::manifest::resource::ResourceType;
use crate::manifest::timed::Timed;
use crate::name::ScopeName;
use crate::template::{Template, TemplateError};
use std::collections::{BTreeMap, BTreeSet};

/// Compiled templates by their text.
#[derive(Debug, Clone, Default)]
pub struct Templates(BTreeMap<String, Template>);

/// Fields the directory resource has without listing them.
pub const ACCOUNT_FIELDS: [&str; 5] = [
    "sAMAccountName",
    "userPrincipalName",
    "cn",
    "mail",
    "distinguishedName",
];

/// What templates see of a user.
pub const USER: [&str; 17] = [
    "name",
    "displayName",
    "givenName",
    "middleName",
    "familyName",
    "employeeNumber",
    "type",
    "title",
    "mail",
    "notifications",
    "startDate",
    "endDate",
    "state",
    "contact.mail",
    "contact.phone",
    "contact.mobile",
    "contact.address",
];
/// What templates see of an organization.
pub const ORGANIZATION: [&str; 7] = [
    "name",
    "displayName",
    "code",
    "type",
    "parent",
    "contact.mail",
    "contact.phone",
];
/// What templates see of a supervisor.
pub const SUPERVISOR: [&str; 5] = ["name", "displayName", "mail", "login", "dn"];
/// What is known of a departure; what is not is `-`.
pub const DEPARTURE: [&str; 3] = ["reason", "date", "request"];
/// What templates see of an account.
pub const ACCOUNT: [&str; 5] = ["login", "upn", "mail", "cn", "dn"];

impl Templates {
    /// The compiled form of a text that was seen when the catalog was linked.
    pub fn get(&self, text: &str) -> Option<&Template> {
        self.0.get(text)
    }

    /// Compiles every template of the repository and reports what is wrong with it.
    pub fn compile(catalog: &Catalog, problems: &mut Vec<Problem>) -> Self {
        let mut compiler = Compiler {
            catalog,
            questions: questions(catalog),
            found: BTreeMap::new(),
            problems,
        };
        let config = &catalog.config;
        let naming = &config.spec.naming;
        for (i, text) in naming.login.candidates.iter().enumerate() {
            let route = format!("naming.login.candidates.{i}");
            compiler.add(text, &config.at, &route, &["user", "organization"]);
        }
        let names = ["user", "organization", "account"];
        for (text, route) in [
            (&naming.mail, "naming.mail"),
            (&naming.upn, "naming.upn"),
            (&naming.cn, "naming.cn"),
        ] {
            if let Some(text) = text {
                compiler.add(text, &config.at, route, &names);
            }
        }
        let everything = [
            "user",
            "organization",
            "supervisor",
            "account",
            "answers",
            "fields",
            "config",
        ];
        for Linked { at, spec, .. } in catalog.resources.values() {
            for (i, field) in spec.fields.iter().enumerate() {
                for (text, word) in [(&field.value, "value"), (&field.default, "default")] {
                    if let Some(text) = text {
                        compiler.add(text, at, &format!("fields.{i}.{word}"), &everything);
                    }
                }
            }
            for (i, default) in spec.identities.iter().flat_map(|r| &r.default).enumerate() {
                let route = format!("identities.default.{i}");
                let scopes = default.scopes.iter();
                let scopes = scopes.map(|(n, v)| (n, v.iter().map(String::as_str).collect()));
                compiler.scopes(scopes, at, &route);
            }
        }
        for Linked { at, spec, .. } in catalog.profiles.values() {
            for (i, identity) in spec.identities.iter().enumerate() {
                let route = format!("identities.{i}");
                compiler.scopes(timed(&identity.scopes), at, &route);
            }
        }
        for Linked { at, spec, .. } in catalog.requests.values() {
            let added = spec.identities.iter().flat_map(|c| &c.add);
            for (i, identity) in added.enumerate() {
                let route = format!("identities.add.{i}");
                compiler.scopes(timed(&identity.scopes), at, &route);
            }
        }
        for Linked { at, spec, .. } in catalog.identities.values() {
            compiler.scopes(timed(&spec.scopes), at, "");
        }
        if let Some(text) = catalog
            .config
            .spec
            .leavers
            .as_ref()
            .and_then(|l| l.description.as_ref())
        {
            let at = &catalog.config.at;
            compiler.add(text, at, "leavers.description", &["user", "departure"]);
        }
        for Linked { at, spec, .. } in catalog.scopes.values() {
            let lists = [
                (&spec.groups, "groups"),
                (&spec.wildcard_groups, "wildcardGroups"),
            ];
            for (texts, word) in lists {
                for (i, text) in texts.iter().enumerate() {
                    compiler.add(text, at, &format!("{word}.{i}"), &["value", "organization"]);
                }
            }
        }
        let found = compiler.found;
        let templates = Self(found);
        field_cycles(catalog, &templates, problems);
        templates
    }

    /// Whether any of them says something of whom somebody reports to, other than that they do.
    pub fn tell_of_supervisors(&self) -> bool {
        let mut variables = self.0.values().flat_map(|template| &template.variables);
        variables.any(|name| name.starts_with("supervisor") && name != "supervisor.dn")
    }
}

/// Scopes and the texts of their values.
fn timed(
    scopes: &BTreeMap<ScopeName, Vec<Timed<String>>>,
) -> impl Iterator<Item = (&ScopeName, Vec<&str>)> {
    scopes.iter().map(|(name, values)| {
        let texts = values.iter().map(|v| v.given.as_str());
        (name, texts.collect())
    })
}

fn questions(catalog: &Catalog) -> BTreeSet<&str> {
    catalog
        .profiles
        .values()
        .flat_map(|p| &p.spec.questions)
        .map(|q| q.key.as_str())
        .collect()
}

struct Compiler<'a> {
    catalog: &'a Catalog,
    questions: BTreeSet<&'a str>,
    found: BTreeMap<String, Template>,
    problems: &'a mut Vec<Problem>,
}

impl Compiler<'_> {
    fn scopes<'v>(
        &mut self,
        scopes: impl Iterator<Item = (&'v ScopeName, Vec<&'v str>)>,
        at: &Location,
        route: &str,
    ) {
        for (scope, values) in scopes {
            for (i, text) in values
                .into_iter()
                .enumerate()
                .filter(|(_, text)| text.contains('{'))
            {
                let route = format!("{route}.scopes.`{scope}`.{i}");
                self.add(text, at, &route, &["user", "organization"]);
            }
        }
    }

    fn add(&mut self, text: &str, at: &Location, route: &str, roots: &[&str]) {
        let template = match self.found.get(text) {
            Some(template) => template.clone(),
            None => match Template::compile(text) {
                Ok(template) => template,
                Err(error) => {
                    let help = match error {
                        TemplateError::NotLiteral => None,
                        _ => Some("templates look like \"{{ user.givenName }}\"".to_owned()),
                    };
                    self.problems.push(
                        Problem::new(
                            Code::BadTemplate,
                            at,
                            route,
                            format!("the template cannot be read: {error}"),
                        )
                        .maybe_help(help),
                    );
                    return;
                }
            },
        };
        for variable in &template.variables {
            self.variable(variable, at, route, roots);
        }
        for (resource, field) in &template.reads {
            self.read(resource, field, at, route, roots);
        }
        self.found.insert(text.to_owned(), template);
    }

    fn variable(&mut self, variable: &str, at: &Location, route: &str, roots: &[&str]) {
        let (root, rest) = variable.split_once('.').unwrap_or((variable, ""));
        let known: Vec<String> = match root {
            _ if !roots.contains(&root) => roots.iter().map(|r| (*r).to_owned()).collect(),
            "user" => names("user", &USER),
            "organization" => names("organization", &ORGANIZATION),
            "supervisor" => names("supervisor", &SUPERVISOR),
            "account" => names("account", &ACCOUNT),
            "config" => names("config", &["displayName"]),
            "departure" => names("departure", &DEPARTURE),
            "answers" => self
                .questions
                .iter()
                .map(|q| format!("answers.{q}"))
                .collect(),
            _ => return,
        };
        // `user.givenName[0]` and `user.contact` name a part or a whole of what is known.
        let fits = roots.contains(&root)
            && (rest.is_empty()
                || known.iter().any(|k| {
                    k == variable
                        || k.starts_with(&format!("{variable}."))
                        || variable.starts_with(&format!("{k}."))
                }));
        if !fits {
            self.problems.push(
                Problem::new(
                    Code::BadTemplate,
                    at,
                    route,
                    format!("there is no variable `{variable}` here"),
                )
                .maybe_help(did_you_mean(variable, known.iter().map(String::as_str))),
            );
        }
    }

    fn read(&mut self, resource: &str, field: &str, at: &Location, route: &str, roots: &[&str]) {
        let mut say = |message: String, help: Option<String>| {
            let problem = Problem::new(Code::BadTemplate, at, route, message);
            self.problems.push(problem.maybe_help(help));
        };
        if !roots.contains(&"fields") {
            say("fields of resources cannot be read here".into(), None);
            return;
        }
        let Some(target) = self.catalog.resources.get(resource) else {
            let known = self.catalog.resources.keys().map(AsRef::as_ref);
            say(
                format!("there is no Resource named `{resource}`"),
                did_you_mean(resource, known),
            );
            return;
        };
        let mut known: Vec<&str> = target.spec.fields.iter().map(|f| f.name.as_str()).collect();
        if target.spec.kind == ResourceType::Directory {
            known.extend(ACCOUNT_FIELDS);
        }
        if !known.contains(&field) {
            say(
                format!("`{resource}` has no field `{field}`"),
                did_you_mean(field, known.iter().copied()),
            );
        }
    }
}

fn names(root: &str, rest: &[&str]) -> Vec<String> {
    rest.iter().map(|r| format!("{root}.{r}")).collect()
}

/// Fields that are read from each other in a circle, across resources.
fn field_cycles(catalog: &Catalog, templates: &Templates, problems: &mut Vec<Problem>) {
    type Key<'a> = (&'a str, &'a str);
    let mut reads: BTreeMap<Key<'_>, (Vec<Key<'_>>, &Location, usize)> = BTreeMap::new();
    for (name, Linked { at, spec, .. }) in &catalog.resources {
        for (i, field) in spec.fields.iter().enumerate() {
            let texts = field.value.iter().chain(&field.default);
            let targets = texts
                .filter_map(|text| templates.get(text))
                .flat_map(|t| t.reads.iter().map(|(r, f)| (r.as_str(), f.as_str())))
                .collect();
            reads.insert((name.as_str(), field.name.as_str()), (targets, at, i));
        }
    }
    let mut settled: BTreeSet<Key<'_>> = BTreeSet::new();
    for start in reads.keys() {
        let mut path: Vec<(Key<'_>, usize)> = vec![(*start, 0)];
        if settled.contains(start) {
            continue;
        }
        while let Some((key, next)) = path.last_mut() {
            let key = *key;
            let target = reads
                .get(&key)
                .and_then(|(targets, ..)| targets.get(*next))
                .copied();
            *next += 1;
            let Some(target) = target else {
                settled.insert(key);
                path.pop();
                continue;
            };
            if settled.contains(&target) || !reads.contains_key(&target) {
                continue;
            }
            match path.iter().position(|(seen, _)| *seen == target) {
                Some(from) => {
                    let mut ring: Vec<String> = path[from..]
                        .iter()
                        .map(|((r, f), _)| format!("`{r}.{f}`"))
                        .collect();
                    ring.push(ring[0].clone());
                    if let Some((_, at, i)) = reads.get(&target) {
                        problems.push(
                            Problem::new(
                                Code::FieldCycle,
                                at,
                                &format!("fields.{i}.name"),
                                format!("fields are read in a circle: {}", ring.join(" reads ")),
                            )
                            .help("give one of them a value of its own"),
                        );
                    }
                }
                None => path.push((target, 0)),
            }
        }
    }
}
