//! Field values: each from the nearest that says one, else from its template, in the order in
//! which they read each other (MODEL 20, 21).

use super::Entitlements;
use super::sheet::{AccountPart, Filling, Reading, Sheet, Slot, Target};
use super::sources::Sources;
use crate::catalog::{Catalog, Problem};
use crate::connector::AttributeName;
use crate::connector::active_directory::matching;
use crate::desired::accounts::{KnownAccount, Trouble};
use crate::desired::naming::{Names, Said};
use crate::desired::variables::UserVariables;
use crate::desired::{Cause, Causes, Departure, Entitlement, EntitlementKey, Fields, Grant};
use crate::diagnostic::Code;
use crate::manifest::resource::{Field, FieldSource};
use crate::manifest::value::mismatch;
use crate::name::{ResourceName, ScopeName, UserName};
use crate::sorted::Sorted;
use crate::template::TemplateError;
use std::sync::Arc;

/// Fills the fields of one user.
pub(super) struct Filler<'s, 'p> {
    pub sources: Sources<'s, 'p>,
    name: &'p UserName,
    pub variables: UserVariables<'p>,
    /// How far each field is, by its place.
    states: Vec<State>,
    /// The values of those that are filled.
    values: Vec<Value>,
    /// Where templates are filled.
    text: String,
    /// Whether the user has anything of each resource, by its place.
    held: Vec<bool>,
    provisional: bool,
    /// Whether the directory could not be read: whatever it would tell is not settled.
    remembered: bool,
    known: Option<&'p KnownAccount>,
}

/// How much is known of a user's account.
pub(super) struct OfAccount<'p> {
    /// Whether its names are not settled.
    pub provisional: bool,
    /// Whether the directory could not be read, and this is what the record says.
    pub remembered: bool,
    /// The account there is.
    pub known: Option<&'p KnownAccount>,
}

/// How far a field is. Of the fields of all resources most people have few, so that this is small.
#[derive(Clone, Copy)]
enum State {
    Untouched,
    Open,
    /// Filled, with the value at that place.
    Done(u32),
}

/// The value of a field.
struct Value {
    text: Option<Arc<str>>,
    rests: Rests,
}

/// What a value rests on that does not stand yet.
#[derive(Clone, Default)]
struct Rests {
    /// Names that are not settled.
    on_names: bool,
    /// What the directory says, and the rules of its field refuse: why they do.
    on_misfit: Option<Arc<str>>,
}

impl Rests {
    fn add(&mut self, other: Self) {
        self.on_names |= other.on_names;
        self.on_misfit = self.on_misfit.take().or(other.on_misfit);
    }
}

/// What a resource is told of a user.
#[derive(Clone)]
struct FilledSheet {
    fields: Fields,
    provisional: bool,
    withheld: Option<Box<Trouble>>,
}

/// Attributes an account should have, and its links to other accounts.
type Directory = (
    Sorted<AttributeName, Arc<str>>,
    Sorted<AttributeName, UserName>,
);

impl<'s, 'p> Filler<'s, 'p> {
    /// Begins with nothing filled, of a user who holds something of these resources, by their places, with so
    /// many fields.
    pub fn new(
        sources: Sources<'s, 'p>,
        name: &'p UserName,
        mut variables: UserVariables<'p>,
        (held, fields): (Vec<bool>, usize),
        account: OfAccount<'p>,
    ) -> Self {
        let OfAccount {
            provisional,
            remembered,
            known,
        } = account;
        variables.fields.expect(fields);
        Self {
            states: vec![State::Untouched; sources.facts.sheets.fields],
            values: Vec::with_capacity(fields),
            text: String::new(),
            sources,
            name,
            variables,
            held,
            provisional,
            remembered,
            known,
        }
    }

    /// Whether a resource's fields have values for this user.
    fn holds(&self, resource: &str, place: Option<usize>) -> bool {
        let directory = self.sources.facts.directory.as_str();
        let account = resource == directory && self.variables.account.login.is_some();
        account || place.is_some_and(|place| self.held[place])
    }

    /// The value of the field at an index of a sheet.
    fn value(&mut self, sheet: &'p Sheet<'p>, index: usize) -> &Value {
        let slot = &sheet.slots[index];
        if let State::Untouched = self.states[slot.place] {
            self.settle(sheet, slot, index);
        }
        self.filled(slot)
    }

    /// The value of a field that was filled; while it is being filled it has none, and that circle was
    /// reported when the catalog was linked.
    fn filled(&self, slot: &Slot<'_>) -> &Value {
        static NOTHING: Value = Value {
            text: None,
            rests: Rests {
                on_names: false,
                on_misfit: None,
            },
        };
        match self.states[slot.place] {
            State::Untouched | State::Open => &NOTHING,
            State::Done(place) => &self.values[place as usize],
        }
    }

    fn settle(&mut self, sheet: &'p Sheet<'p>, slot: &'p Slot<'p>, index: usize) {
        self.states[slot.place] = State::Open;
        let found = self.find(sheet, slot, index);
        if let Some(value) = &found.text {
            let field = slot.field.name.as_str();
            let fields = &mut self.variables.fields;
            fields.put(sheet.name.as_str(), field, value.clone());
        }
        self.states[slot.place] = State::Done(self.values.len() as u32);
        self.values.push(found);
    }

    fn find(&mut self, sheet: &'p Sheet<'p>, slot: &'p Slot<'p>, index: usize) -> Value {
        let mut rests = Rests::default();
        let given = |text: &str| -> Option<Arc<str>> {
            let text = text.trim();
            (!text.is_empty()).then(|| text.into())
        };
        let value = match (&slot.field.value, slot.field.source) {
            (Some(_), _) => self.fill(slot.value.as_ref(), &mut rests, sheet, index),
            (None, Some(FieldSource::Observed)) => {
                rests.on_names |= self.remembered;
                let observed = self.known.and_then(|k| k.observed.get(&slot.attribute));
                observed.and_then(|text| given(text))
            }
            (None, None) => {
                let field = &slot.field.name;
                let mut said = self.sources.given(sheet.name, field);
                if sheet.is_directory {
                    said = said.or_else(|| self.sources.attribute(field.as_str()));
                }
                match said {
                    Some(said) => given(said),
                    None => self.fill(slot.default.as_ref(), &mut rests, sheet, index),
                }
            }
        };
        if let Some(value) = &value {
            let misfit = self.check(sheet, slot, value, index);
            rests.on_misfit = misfit.or(rests.on_misfit);
            if sheet.is_directory && slot.field.source.is_none() && !slot.reads_directory {
                self.fits(sheet, slot, value, index);
            }
        }
        Value { text: value, rests }
    }

    fn fill(
        &mut self,
        filling: Option<&'p Filling<'p>>,
        rests: &mut Rests,
        sheet: &'p Sheet<'p>,
        index: usize,
    ) -> Option<Arc<str>> {
        let filling = filling?;
        if let Some(constant) = &filling.constant {
            return constant.clone();
        }
        if filling.is_link {
            return None;
        }
        rests.on_names |= self.provisional && filling.reads_account;
        rests.on_names |= self.remembered && filling.reads_names;
        for reading in &filling.reads {
            if self.holds(reading.resource, reading.sheet) {
                rests.add(self.read(reading));
            }
            // So that a field of a resource the user lacks is absent, not a mistake.
            self.variables.fields.ask(reading.resource);
        }
        let Self {
            variables, text, ..
        } = self;
        match filling.template.fill_into(variables, text) {
            Ok(()) => {
                let text = text.trim();
                (!text.is_empty()).then(|| text.into())
            }
            Err(TemplateError::Absent) => None,
            Err(error) => {
                self.sources.problems.push(
                    Problem::new(
                        Code::BadTemplate,
                        &sheet.linked.at,
                        &format!("fields.{index}"),
                        format!("the template cannot be filled for `{}`: {error}", self.name),
                    )
                    .help("check the filters and operators it uses"),
                );
                None
            }
        }
    }

    /// Sees to what a template reads, and says what that rests on.
    fn read(&mut self, reading: &'p Reading<'p>) -> Rests {
        let of_account = Rests {
            on_names: self.provisional,
            on_misfit: None,
        };
        let account = &self.variables.account;
        let value = match reading.target {
            Target::Nothing => return of_account,
            Target::Field(index) => {
                let facts = self.sources.facts;
                let sheet = reading.sheet.and_then(|place| facts.sheets.at(place));
                let Some(sheet) = sheet else {
                    return Rests::default();
                };
                return self.value(sheet, index).rests.clone();
            }
            Target::Account(AccountPart::Login) => &account.login,
            Target::Account(AccountPart::Upn) => &account.upn,
            Target::Account(AccountPart::Cn) => &account.cn,
            Target::Account(AccountPart::Mail) => &account.mail,
            Target::Account(AccountPart::Dn) => &account.dn,
        };
        if let Some(value) = value.clone() {
            let fields = &mut self.variables.fields;
            fields.put(reading.resource, reading.field, value);
        }
        of_account
    }

    /// Reports a value that the field's rules refuse; why they do, where the directory has to change it.
    fn check(
        &mut self,
        sheet: &Sheet<'_>,
        slot: &Slot<'_>,
        value: &str,
        index: usize,
    ) -> Option<Arc<str>> {
        // What is the same for everybody was reported when the catalog was linked.
        if slot.field.fixed().is_some() {
            return None;
        }
        let mismatch = mismatch(slot.field.kind, &slot.field.options, value).or_else(|| {
            slot.pattern.as_ref().filter(|p| !p.is_match(value))?;
            let pattern = slot.field.pattern.as_deref().unwrap_or_default();
            Some((format!("it must match `{pattern}`"), None))
        });
        if let Some((why, _)) = &mismatch
            && self.is_told(sheet, slot)
        {
            let name = &slot.field.name;
            let said = format!("`{name}` is `{value}` as the directory says it: {why}");
            return Some(said.into());
        }
        if let Some((why, help)) = mismatch {
            self.sources.problems.push(
                Problem::new(
                    Code::FieldValue,
                    &self.sources.user.declared.at,
                    "/metadata.name",
                    format!(
                        "`{}` of `{}` is `{value}` for `{}`: {why}",
                        slot.field.name, sheet.name, self.name
                    ),
                )
                .maybe_help(
                    help.or_else(|| Some("change the value, or the rule of the field".into())),
                )
                .related(
                    &sheet.linked.at,
                    &format!("fields.{index}.name"),
                    "the field",
                ),
            );
        }
        None
    }

    /// Whether the directory takes so long a value. What it says itself is looked at when it is written.
    fn fits(&mut self, sheet: &Sheet<'_>, slot: &Slot<'_>, value: &str, index: usize) {
        // No text has more characters than bytes.
        let Some(longest) = slot.longest.filter(|longest| value.len() > *longest) else {
            return;
        };
        let length = matching::length(&value.into());
        if length <= longest {
            return;
        }
        self.sources.problems.push(
            Problem::new(
                Code::FieldValue,
                &self.sources.user.declared.at,
                "/metadata.name",
                format!(
                    "`{}` of `{}` has {length} characters, and the directory takes {longest} at most: `{value}`",
                    slot.attribute, self.name
                ),
            )
            .help("shorten it")
            .related(&sheet.linked.at, &format!("fields.{index}.name"), "the field"),
        );
    }

    /// Why there should be an account.
    pub fn causes(&self, entitlements: &Sorted<EntitlementKey, Causes>) -> Vec<Cause> {
        let Sources { facts, user, .. } = &self.sources;
        let mut causes: Vec<Cause> = entitlements
            .iter()
            .filter(|(key, _)| key.resource == *facts.directory)
            .flat_map(|(_, causes)| causes.iter().cloned())
            .collect();
        causes.extend(user.changed.iter().map(Cause::of));
        causes.push(Cause::of(&user.declared));
        causes.sort();
        causes.dedup();
        causes
    }

    /// The attributes an account should have, and its links to other accounts; whether a field says the
    /// mail address.
    pub fn attributes(&mut self, names: &Names, said: &mut Said) -> Option<Directory> {
        let facts = self.sources.facts;
        let sheet = facts.sheets.get(facts.directory)?;
        let mut links = Vec::new();
        for slot in &sheet.slots {
            if slot.field.source.is_some() {
                continue;
            }
            if slot.is_link {
                if let Some(supervisor) = &self.sources.user.spec.supervisor {
                    links.push((slot.attribute.clone(), supervisor.clone()));
                }
                continue;
            }
            let value = self.value(sheet, slot.first);
            let why = value.rests.on_misfit.clone();
            if let Some(why) = why.filter(|_| value.text.is_some()) {
                let message = format!("`{}` of `{}` rests on it: {why}", slot.attribute, self.name);
                let at = &self.sources.user.declared.at;
                let problem = Problem::new(Code::FieldValue, at, "/metadata.name", message);
                let help = "change it in the directory, or the rule of the field";
                self.sources.problems.push(problem.help(help));
            }
        }
        let mut attributes = Vec::with_capacity(sheet.slots.len() + 1);
        for place in &sheet.by_attribute {
            let slot = &sheet.slots[*place];
            let is_written = slot.field.source.is_none() && !slot.is_link;
            let value = self.filled(&sheet.slots[slot.first]);
            if let Some(text) = value.text.as_ref().filter(|_| is_written) {
                attributes.push((slot.attribute.clone(), text.clone()));
            }
        }
        let mut attributes = Sorted::in_order(attributes);
        if let Some(mail) = &names.mail {
            let attribute = AttributeName::from("mail");
            match sheet.slots.iter().find(|slot| slot.attribute == attribute) {
                Some(slot) => {
                    let value = slot.value.as_ref().or(slot.default.as_ref());
                    said.mail |= !value.is_some_and(|filling| filling.reads_mail);
                }
                None => drop(attributes.insert(attribute, mail.clone())),
            }
        }
        let links = links.into_iter().collect();
        Some((attributes, links))
    }

    /// The description of the account of somebody who left.
    pub fn farewell(&mut self, departure: &Departure) -> Option<String> {
        let catalog = self.sources.facts.catalog;
        let config = &catalog.config;
        let text = config.spec.leavers.as_ref()?.description.as_ref()?;
        let template = catalog.templates.get(text)?;
        let day = departure
            .at
            .map(|at| at.to_zoned(catalog.zone.clone()).date());
        let date = departure.last_day.or(day).map(|day| day.to_string());
        let request = departure.request.as_ref().map(ToString::to_string);
        let known = [Some(departure.reason.clone()), date, request];
        self.variables.departure = Some(known.map(|value| value.unwrap_or_else(|| "-".into())));
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

    pub fn entitlements(&mut self, held: Sorted<EntitlementKey, Causes>) -> Entitlements {
        let facts = self.sources.facts;
        let mut filled: Option<(&ResourceName, FilledSheet)> = None;
        let mut found = Vec::with_capacity(held.len());
        let mut held = held.into_iter().peekable();
        while let Some((key, causes)) = held.next() {
            let more = held
                .peek()
                .is_some_and(|(next, _)| next.resource == key.resource);
            let Some(sheet) = facts.sheets.get(&key.resource) else {
                continue;
            };
            // What is held comes resource by resource.
            let now = match filled.take() {
                Some((name, filled)) if *name == key.resource => filled,
                Some(_) | None => self.resource(sheet),
            };
            if more {
                filled = Some((sheet.name, now.clone()));
            }
            let FilledSheet {
                fields,
                provisional,
                withheld,
            } = now;
            let entitlement = Entitlement {
                label: sheet.label(facts.catalog, &key.grant),
                fields,
                provisional,
                withheld,
                follows: sheet.linked.spec.inherits_from.is_some(),
                causes: causes.into_vec(),
            };
            found.push((key, entitlement));
        }
        Sorted::in_order(found)
    }

    fn resource(&mut self, sheet: &'p Sheet<'p>) -> FilledSheet {
        let mut provisional = false;
        let mut withheld = Vec::new();
        for (index, slot) in sheet.slots.iter().enumerate() {
            let field = slot.field;
            let Value { text, rests } = self.value(sheet, slot.first);
            provisional |= rests.on_names;
            if let Some(why) = &rests.on_misfit {
                withheld.push((Code::FieldValue, why.as_ref().to_owned()));
            }
            let may_lack = text.is_some() || !field.required || slot.is_link;
            if may_lack || self.awaited(slot) {
                continue;
            }
            if self.is_told(sheet, slot) {
                withheld.push((Code::FieldMissing, untold(slot)));
                continue;
            }
            let needs = format!(
                "`{}` needs `{}` of `{}`, and it has no value",
                sheet.name, field.name, self.name
            );
            let at = &self.sources.user.declared.at;
            let problem = Problem::new(Code::FieldMissing, at, "/metadata.name", needs);
            let place = format!("fields.{index}.name");
            let problem = problem.help(way_out(field));
            let problem = problem.related(&sheet.linked.at, &place, "required here");
            self.sources.problems.push(problem);
        }
        let values = sheet.by_name.iter().map(|place| {
            let slot = &sheet.slots[*place];
            self.filled(&sheet.slots[slot.first]).text.clone()
        });
        let fields = Fields::new(&sheet.names, values.collect());
        withheld.dedup();
        let code = withheld.first().map(|(code, _)| *code);
        let reasons: Vec<String> = withheld.into_iter().map(|(_, why)| why).collect();
        let reason = reasons.join("; ");
        FilledSheet {
            fields,
            provisional,
            withheld: code.map(|code| Box::new(Trouble { code, reason })),
        }
    }

    /// Whether a value will come from a directory that was not at hand.
    fn awaited(&self, slot: &Slot<'_>) -> bool {
        (self.known.is_none() || self.remembered) && rests_on_directory(slot)
    }

    /// Whether a value is what the directory says of this user's account: what is wrong with it is no mistake
    /// of the repository, and keeps nobody else waiting.
    fn is_told(&self, sheet: &Sheet<'_>, slot: &Slot<'_>) -> bool {
        let is_written = sheet.is_directory && slot.field.source.is_none();
        self.known.is_some() && rests_on_directory(slot) && !is_written
    }
}

fn rests_on_directory(slot: &Slot<'_>) -> bool {
    slot.field.source.is_some() || slot.reads_directory
}

/// What the directory does not say of a field that must have a value.
fn untold(slot: &Slot<'_>) -> String {
    let Slot {
        field, attribute, ..
    } = slot;
    let told = match (&field.value, &field.default) {
        (Some(template), _) | (None, Some(template)) => {
            format!("its template is `{template}`, and what that reads has no value")
        }
        (None, None) => format!("`{attribute}` of the account has no value"),
    };
    format!("`{}` is needed, and {told}", field.name)
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
