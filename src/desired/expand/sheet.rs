//! Resources made ready for filling the fields of everybody: templates found, what they read resolved,
//! patterns compiled. Made once of a catalog.

use super::fields::label;
use super::holders::Asked;
use super::holdings::is_directory;
use crate::catalog::duties::{default_level, implicit_level};
use crate::catalog::{Catalog, Linked};
use crate::connector::AttributeName;
use crate::connector::active_directory::matching;
use crate::desired::{Grant, SpelledGroup};
use crate::manifest::ResourceSpec;
use crate::manifest::resource::{Field, GroupName};
use crate::manifest::value::whole;
use crate::name::{FieldName, LevelName, ResourceName};
use crate::template::Template;
use foldhash::HashMap;
use regex::Regex;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Every resource, by name.
pub(super) struct Sheets<'a> {
    sheets: Vec<Sheet<'a>>,
    places: HashMap<&'a ResourceName, usize>,
    /// How many fields there are in all.
    pub fields: usize,
    /// How many things there are whose holders are asked about.
    pub asked: usize,
}

/// The fields of a resource.
pub(super) struct Sheet<'a> {
    pub name: &'a ResourceName,
    pub linked: &'a Linked<ResourceSpec>,
    /// Its place among the resources.
    pub place: usize,
    pub is_directory: bool,
    pub slots: Vec<Slot<'a>>,
    /// The places of its slots, in the order of their attributes; of those of one name as they come.
    pub by_attribute: Vec<usize>,
    /// The same, in the order of their names; of those of one name the first.
    pub by_name: Vec<usize>,
    /// Their names.
    pub names: Arc<[FieldName]>,
    /// The level of whoever is given the resource and no level; none where there is no such.
    pub default_level: Option<LevelName>,
    /// Of what of it holders are asked about.
    pub asked: Asked<'a>,
    /// What the application calls its levels and roles.
    pub labels: Arc<BTreeMap<Grant, Arc<str>>>,
    /// Its levels, the implicit one among them: there are few, and everybody has one.
    levels: Vec<SheetLevel>,
}

/// A level, made ready.
pub(super) struct SheetLevel {
    name: LevelName,
    /// What the application calls it.
    called: Arc<str>,
    /// Its directory groups.
    pub groups: Vec<SpelledGroup>,
}

/// One field.
pub(super) struct Slot<'a> {
    pub field: &'a Field,
    /// Its place among the fields of all resources.
    pub place: usize,
    /// The first of that name on the sheet.
    pub first: usize,
    pub attribute: AttributeName,
    pub value: Option<Filling<'a>>,
    pub default: Option<Filling<'a>>,
    pub pattern: Option<Regex>,
    /// The longest value the directory takes.
    pub longest: Option<usize>,
    /// Whether its value is somebody else's account.
    pub is_link: bool,
    /// Whether its templates read what only the directory can tell.
    pub reads_directory: bool,
}

/// A template, and what it reads.
pub(super) struct Filling<'a> {
    pub template: &'a Template,
    /// What it gives without any variable, trimmed; none within: nothing.
    pub constant: Option<Option<Arc<str>>>,
    pub reads: Vec<Reading<'a>>,
    pub reads_account: bool,
    /// Whether it reads the account's own mail address.
    pub reads_mail: bool,
    /// Whether it reads anything that may come from an account, its own or the supervisor's.
    pub reads_names: bool,
    pub is_link: bool,
}

/// A field of a resource that a template reads.
pub(super) struct Reading<'a> {
    pub resource: &'a str,
    pub field: &'a str,
    /// The resource's place, where there is one of that name.
    pub sheet: Option<usize>,
    pub target: Target,
}

/// What a template reads.
#[derive(Clone, Copy)]
pub(super) enum Target {
    /// A field of that index on the sheet.
    Field(usize),
    /// A name of the account.
    Account(AccountPart),
    Nothing,
}

/// A name of an account, as fields call it.
#[derive(Clone, Copy)]
pub(super) enum AccountPart {
    Login,
    Upn,
    Cn,
    Mail,
    Dn,
}

impl<'a> Sheets<'a> {
    /// Makes every resource of a catalog ready.
    pub fn new(catalog: &'a Catalog) -> Self {
        let (mut fields, mut asked) = (0, 0);
        let mut sheets = Vec::new();
        for (place, (name, linked)) in catalog.resources.iter().enumerate() {
            let sheet = Sheet::new(catalog, name, linked, place, (fields, &mut asked));
            fields += sheet.slots.len();
            sheets.push(sheet);
        }
        let names = catalog.resources.keys().enumerate();
        Self {
            sheets,
            places: names.map(|(place, name)| (name, place)).collect(),
            fields,
            asked,
        }
    }

    /// The sheet of a resource.
    pub fn get(&self, name: &ResourceName) -> Option<&Sheet<'a>> {
        self.at(*self.places.get(name)?)
    }

    /// The sheet at a place.
    pub fn at(&self, place: usize) -> Option<&Sheet<'a>> {
        self.sheets.get(place)
    }

    pub fn len(&self) -> usize {
        self.sheets.len()
    }
}

impl<'a> Sheet<'a> {
    fn new(
        catalog: &'a Catalog,
        name: &'a ResourceName,
        linked: &'a Linked<ResourceSpec>,
        place: usize,
        (before, asked): (usize, &mut usize),
    ) -> Self {
        let slots = linked.spec.fields.iter().enumerate().map(|(i, field)| {
            let value = field.value.as_ref().and_then(|t| Filling::new(catalog, t));
            let default = field
                .default
                .as_ref()
                .and_then(|t| Filling::new(catalog, t));
            let attribute = matching::named(field.name.as_str());
            let fillings = || value.iter().chain(&default);
            let directory = catalog.config.spec.directory.as_str();
            let of_directory = |f: &Filling<'_>| {
                let mut reads = f.template.reads.iter();
                f.template.reads_variable("account.dn") || reads.any(|(r, _)| r == directory)
            };
            Slot {
                field,
                place: before + i,
                first: listed(linked, field.name.as_str()).unwrap_or(i),
                longest: matching::longest(&attribute),
                attribute,
                pattern: field.pattern.as_deref().and_then(whole),
                is_link: fillings().any(|f| f.is_link),
                reads_directory: fillings().any(of_directory),
                value,
                default,
            }
        });
        let called = |grant: &Grant| -> Arc<str> { label(catalog, name, grant).into() };
        let level = |name: &LevelName, groups: &[GroupName]| SheetLevel {
            name: name.clone(),
            called: called(&Grant::Level(name.clone())),
            groups: groups.iter().map(|g| SpelledGroup::new(&g.0)).collect(),
        };
        let levels = linked.spec.levels.iter();
        let levels = levels.map(|l| level(&l.name, &l.groups));
        let implicit = implicit_level().filter(|_| linked.spec.levels.is_empty());
        let levels: Vec<SheetLevel> = levels
            .chain(implicit.map(|name| level(&name, &[])))
            .collect();
        let roles = catalog.roles.iter();
        let roles = roles.filter(|(_, role)| role.spec.resource == *name);
        let roles = roles.map(|(role, _)| Grant::Role(role.clone()));
        let roles = roles.map(|grant| (grant.clone(), called(&grant)));
        let labels = levels
            .iter()
            .map(|l| (Grant::Level(l.name.clone()), l.called.clone()));
        let labels = labels.chain(roles).collect();
        let slots: Vec<Slot<'_>> = slots.collect();
        let mut by_attribute: Vec<usize> = (0..slots.len()).collect();
        let mut by_name = by_attribute.clone();
        by_attribute.sort_by_key(|place| &slots[*place].attribute);
        by_name.sort_by_key(|place| &slots[*place].field.name);
        by_name.dedup_by_key(|place| &slots[*place].field.name);
        let names = by_name.iter().map(|place| slots[*place].field.name.clone());
        let names = names.collect();
        Self {
            name,
            linked,
            place,
            is_directory: is_directory(&linked.spec),
            slots,
            by_attribute,
            names,
            by_name,
            default_level: default_level(&linked.spec),
            asked: Asked::of(catalog, name, asked),
            labels: Arc::new(labels),
            levels,
        }
    }

    /// A level, the first of that name.
    pub fn level(&self, name: &LevelName) -> Option<&SheetLevel> {
        self.levels.iter().find(|level| level.name == *name)
    }

    /// What the application calls a grant of the resource.
    pub fn label(&self, catalog: &Catalog, grant: &Grant) -> Arc<str> {
        let known = match grant {
            Grant::Level(level) => self.level(level).map(|level| &level.called),
            Grant::Role(_) | Grant::Scope(..) => self.labels.get(grant),
        };
        let known = known.cloned();
        known.unwrap_or_else(|| label(catalog, self.name, grant).into())
    }
}

impl<'a> Filling<'a> {
    fn new(catalog: &'a Catalog, text: &str) -> Option<Self> {
        let template = catalog.templates.get(text)?;
        let trimmed = |text: &str| (!text.trim().is_empty()).then(|| text.trim().into());
        Some(Self {
            template,
            constant: template.constant().map(trimmed),
            reads: template
                .reads
                .iter()
                .filter_map(|(resource, field)| Reading::new(catalog, resource, field))
                .collect(),
            reads_account: template.variables.iter().any(|v| v.starts_with("account")),
            reads_mail: template.reads_variable("account.mail"),
            reads_names: template.variables.iter().any(|v| may_be_an_accounts(v)),
            is_link: template.reads_variable("supervisor.dn"),
        })
    }
}

/// Whether a variable may come from an account, or is too much to tell.
fn may_be_an_accounts(variable: &str) -> bool {
    let apart = ["account", "supervisor", "user.mail"];
    variable == "user" || apart.iter().any(|root| variable.starts_with(root))
}

impl<'a> Reading<'a> {
    /// None where these are no names.
    fn new(catalog: &Catalog, resource: &'a str, field: &'a str) -> Option<Self> {
        let name = ResourceName::new(resource).ok()?;
        FieldName::new(field).ok()?;
        let linked = catalog.resources.get(&name);
        let target = linked.map(|linked| match (listed(linked, field), field) {
            (Some(index), _) => Target::Field(index),
            (None, "sAMAccountName") => Target::Account(AccountPart::Login),
            (None, "userPrincipalName") => Target::Account(AccountPart::Upn),
            (None, "cn") => Target::Account(AccountPart::Cn),
            (None, "mail") => Target::Account(AccountPart::Mail),
            (None, "distinguishedName") => Target::Account(AccountPart::Dn),
            (None, _) => Target::Nothing,
        });
        Some(Self {
            resource,
            field,
            sheet: catalog.resources.keys().position(|known| *known == name),
            target: target.unwrap_or(Target::Nothing),
        })
    }
}

/// Where a resource lists a field; the directory's are compared without case.
fn listed(linked: &Linked<ResourceSpec>, field: &str) -> Option<usize> {
    let directory = is_directory(&linked.spec);
    linked.spec.fields.iter().position(|f| match directory {
        true => f.name.as_str().eq_ignore_ascii_case(field),
        false => f.name.as_str() == field,
    })
}
