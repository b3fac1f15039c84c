//! Folded catalog + accounts + instant → desired state. Pure: people first (what they hold), then
//! names (one after the other, because they must differ), then field values.

mod bonds;
mod distinct;
mod fields;
mod ground;
mod holdings;
mod lines;
mod identities;
mod newcomers;
mod orphans;
mod places;
mod sheet;
mod sources;
mod terms;

pub use ground::{Facts, Ground};
pub use terms::{rules, written};

use super::accounts::Accounts;
use super::naming::{GivenNames, Namer, Names};
use super::variables::UserVariables;
use super::{Cause, Desired, Entitlement, Person, Recipient};
use crate::catalog::{Catalog, Problem};
use crate::diagnostic::Code;
use crate::manifest::Edge;
use crate::manifest::request::RequestAction;
use crate::name::{ResourceName, UserName};
use crate::request::{Folded, FoldedUser, Timeline};
use crate::sorted::Sorted;
use distinct::Distinct;
use ground::Presence;
use holdings::Holdings;
use jiff::{SignedDuration, Timestamp};
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The resource whose `administrator`s approve.
pub const COUNTERSIGN: &str = "countersign";

/// Expands what should be at an instant, and reports every mistake that shows on the way.
pub fn expand(
    catalog: &Catalog,
    timeline: &Timeline<'_>,
    accounts: &Accounts,
    now: Timestamp,
) -> (Desired, Vec<Problem>) {
    let mut problems = Vec::new();
    let mut outlook = Outlook::new(catalog, timeline, accounts);
    outlook.at(now, &mut problems);
    (outlook.desired(), problems)
}

/// Everybody at an instant, as far as manifests tell; what is wrong is told elsewhere.
pub fn people(catalog: &Catalog, now: Timestamp) -> BTreeMap<UserName, Arc<Person>> {
    let (accounts, mut ignored) = (Accounts::default(), Vec::new());
    let timeline = Timeline::new(catalog, &mut ignored);
    let mut outlook = Outlook::new(catalog, &timeline, &accounts);
    outlook.at(now, &mut ignored);
    outlook.people
}

/// The names that users without an account that is known had before requests of the past called them
/// otherwise: a name change keeps the login (MODEL 3). Empty where no request did.
pub fn kept_names(
    catalog: &Catalog,
    timeline: &Timeline<'_>,
    accounts: &Accounts,
    now: Timestamp,
) -> GivenNames {
    let renaming = timeline.all_steps().filter(|(_, step)| {
        let is_change = step.request.spec.action == RequestAction::Change && step.from <= now;
        let set = step.request.spec.set.as_ref().filter(|_| is_change);
        set.is_some_and(|set| {
            let names = [&set.given_name, &set.middle_name, &set.family_name];
            let account = set.login.is_some() || set.mail.is_some() || set.display_name.is_some();
            account || names.iter().any(|name| name.is_some())
        })
    });
    let Some(first) = renaming.map(|(_, step)| step.from).min() else {
        return GivenNames::default();
    };
    let before = first - SignedDuration::from_nanos(1);
    let mut ignored = Vec::new();
    let mut outlook = Outlook::new(catalog, timeline, accounts);
    outlook.at(before, &mut ignored);
    for instant in timeline.after(before).take_while(|instant| *instant < now) {
        outlook.at(instant, &mut ignored);
    }
    outlook.names().clone()
}

/// What there is and will be, instant after instant, and the mistakes that shows: of everybody at
/// first, and then of those only for whom something changes.
pub struct Outlook<'a> {
    timeline: &'a Timeline<'a>,
    ground: Arc<Ground<'a>>,
    accounts: &'a Accounts,
    /// The instant last looked at.
    now: Timestamp,
    namer: Namer<'a>,
    people: BTreeMap<UserName, Arc<Person>>,
    distinct: Distinct,
    /// Who has a seat, of resources that have so many.
    seats: BTreeMap<&'a ResourceName, BTreeSet<UserName>>,
    /// Whose each employee number is.
    numbers: bonds::Numbers,
    /// Whether nobody was looked at yet.
    fresh: bool,
}

/// Who was looked at anew at an instant: the others are as they were.
pub struct Glance {
    /// Their names, sorted.
    pub names: Vec<UserName>,
    /// Those of them who were known before, as they were.
    pub before: BTreeMap<UserName, Arc<Person>>,
}

impl<'a> Outlook<'a> {
    /// Begins before anybody is known.
    pub fn new(catalog: &'a Catalog, timeline: &'a Timeline<'a>, accounts: &'a Accounts) -> Self {
        Self::on(Arc::new(Ground::new(catalog)), timeline, accounts)
    }

    /// The same, of a catalog that was made ready.
    pub fn on(ground: Arc<Ground<'a>>, timeline: &'a Timeline<'a>, accounts: &'a Accounts) -> Self {
        let catalog = ground.catalog;
        let seats = catalog
            .resources
            .iter()
            .filter(|(_, r)| r.spec.seats.is_some());
        Self {
            timeline,
            ground,
            accounts,
            now: Timestamp::MIN,
            namer: Namer::new(catalog, accounts),
            people: BTreeMap::new(),
            distinct: Distinct::default(),
            seats: seats.map(|(name, _)| (name, BTreeSet::new())).collect(),
            numbers: bonds::Numbers::default(),
            fresh: true,
        }
    }

    /// Keeps names that were given before, where nobody says others.
    pub fn keeping(mut self, names: &GivenNames) -> Self {
        self.namer.keep(names);
        self
    }

    /// The names it gave to those who have no account that is known.
    pub fn names(&self) -> &GivenNames {
        self.namer.given()
    }

    /// Everybody by name, at the instant last looked at.
    pub fn people(&self) -> &BTreeMap<UserName, Arc<Person>> {
        &self.people
    }

    /// All that was made on the way, for whoever takes it apart.
    pub fn into_remains(self) -> impl Send + 'static {
        let Self {
            people,
            namer,
            distinct,
            numbers,
            ..
        } = self;
        (people, namer.into_names(), distinct, numbers)
    }

    /// Looks at an instant later than any before, and reports what is wrong at it.
    pub fn at(&mut self, now: Timestamp, problems: &mut Vec<Problem>) -> Glance {
        let touched = match std::mem::take(&mut self.fresh) {
            true => None,
            false => self.timeline.touched(now),
        };
        let folded = match &touched {
            None => self.timeline.at(now),
            Some(names) => self.timeline.these(&self.with_supervisors(names, now), now),
        };
        let ground = self.ground.clone();
        let facts = ground.at(now);
        self.put(&facts, Held::new(&facts, &folded), problems)
    }

    /// Looks at the first instant, where what everybody holds at it was worked out already.
    pub fn begin(
        &mut self,
        facts: &Facts<'_>,
        held: Held<'_>,
        problems: &mut Vec<Problem>,
    ) -> Glance {
        self.fresh = false;
        self.put(facts, held, problems)
    }

    fn put(&mut self, facts: &Facts<'_>, held: Held<'_>, problems: &mut Vec<Problem>) -> Glance {
        let first = self.now == Timestamp::MIN;
        self.now = facts.now;
        let folded = held.folded;
        let names: Vec<UserName> = folded.people.keys().cloned().collect();
        let mut before: BTreeMap<UserName, Arc<Person>> = BTreeMap::new();
        for name in &names {
            before.extend(self.people.remove_entry(name));
        }
        let known = (&mut self.namer, self.accounts);
        fill(facts, known, held, &mut self.people, problems);
        let catalog = facts.catalog;
        let Self {
            people,
            numbers,
            distinct,
            ..
        } = self;
        let (bonds, shared) = rayon::join(
            || bonds::check(folded, people, numbers),
            || distinct.look(catalog, names.iter().filter_map(|name| people.get(name))),
        );
        problems.extend(bonds.into_iter().chain(shared));
        self.count_seats(&names, problems);
        orphans::warn(
            catalog,
            self.timeline,
            (&names, self.now),
            &before,
            &self.people,
            problems,
        );
        if first {
            newcomers::warn(catalog, self.timeline, &self.people, facts.now, problems);
        }
        let recipients = terms::Recipients::new(catalog, &self.people, facts.now);
        if recipients.may_differ(&names, &before) {
            terms::resources(&self.ground, &recipients, problems);
        }
        Glance { names, before }
    }

    /// These users and whom they report to: what templates say of a supervisor must be known.
    fn with_supervisors(&self, names: &BTreeSet<UserName>, now: Timestamp) -> BTreeSet<UserName> {
        let users = names.iter().filter_map(|n| self.timeline.user(n, now));
        let supervisors = users.filter_map(|u| u.spec.supervisor.clone());
        names.iter().cloned().chain(supervisors).collect()
    }

    /// More holders than seats (MODEL 12).
    fn count_seats(&mut self, names: &[UserName], problems: &mut Vec<Problem>) {
        for (resource, holders) in &mut self.seats {
            let before = holders.len();
            let mut added: BTreeSet<&UserName> = BTreeSet::new();
            for name in names {
                let person = self.people.get(name);
                let mut keys = person.into_iter().flat_map(|p| p.entitlements.keys());
                match keys.any(|key| key.resource == **resource) {
                    true if holders.insert(name.clone()) => drop(added.insert(name)),
                    true => {}
                    false => drop(holders.remove(name)),
                }
            }
            if holders.len() > before {
                seats(
                    self.ground.catalog,
                    resource,
                    (holders, &added),
                    &self.people,
                    problems,
                );
            }
        }
    }

    /// What should be, at the instant last looked at.
    pub fn desired(&self) -> Desired {
        let (catalog, now) = (self.ground.catalog, self.now);
        let recipients = terms::Recipients::new(catalog, &self.people, now);
        Desired {
            instant: now,
            valid_until: self.timeline.after(now).next(),
            // What is wrong with them was reported when the instant was looked at.
            resources: terms::resources(&self.ground, &recipients, &mut Vec::new()),
            directory: catalog.config.spec.directory.clone(),
            named_groups: terms::named_groups(catalog, &self.people),
            rules: terms::rules(catalog),
            administrators: recipients.administrators().to_vec(),
            requests: terms::requests(catalog, &self.people),
            people: self.people.clone(),
        }
    }
}

/// What everybody holds at an instant, before anybody knows of accounts.
pub struct Held<'p> {
    folded: &'p Folded,
    holdings: Vec<Holdings<'p>>,
    variables: Vec<UserVariables<'p>>,
    problems: Vec<Problem>,
}

impl<'p> Held<'p> {
    /// Works it out, user by user.
    pub fn new(facts: &'p Facts<'p>, folded: &'p Folded) -> Self {
        let people = everybody(folded);
        let parts: Vec<(Holdings<'_>, Vec<Problem>, UserVariables<'_>)> = people
            .par_iter()
            .map(|(name, user)| {
                let (holdings, found) = holdings::of(facts, name, user);
                let variables = fields::variables(facts, name, user, &holdings);
                (holdings, found, variables)
            })
            .collect();
        let mut held = Self {
            folded,
            holdings: Vec::with_capacity(people.len()),
            variables: Vec::with_capacity(people.len()),
            problems: Vec::new(),
        };
        for (holdings, found, variables) in parts {
            held.holdings.push(holdings);
            held.variables.push(variables);
            held.problems.extend(found);
        }
        held
    }
}

fn everybody(folded: &Folded) -> Vec<(&UserName, &FoldedUser)> {
    let people = folded.people.iter();
    people.map(|(name, user)| (name, &**user)).collect()
}

/// Puts those who hold something, or nothing, among the people.
fn fill<'p>(
    facts: &'p Facts<'p>,
    (namer, accounts): (&mut Namer<'_>, &'p Accounts),
    held: Held<'p>,
    into: &mut BTreeMap<UserName, Arc<Person>>,
    problems: &mut Vec<Problem>,
) {
    let Held {
        folded,
        holdings,
        variables,
        problems: found,
    } = held;
    problems.extend(found);
    let people = everybody(folded);
    // Names, one after the other.
    for (name, user) in &people {
        namer.claim(name, user, problems);
    }
    let mut bases: Vec<Base<'_>> = Vec::with_capacity(people.len());
    for (((name, user), holdings), variables) in people.iter().zip(&holdings).zip(variables) {
        bases.push(base(
            facts,
            (namer, accounts),
            (name, user),
            holdings,
            variables,
            problems,
        ));
    }
    let supervisors = fields::Supervisors::new(&people, &bases);
    // Field values, user by user.
    let filled: Vec<(Arc<Person>, Vec<Problem>)> = people
        .par_iter()
        .zip(holdings.into_par_iter())
        .zip(bases.into_par_iter())
        .map(|(((name, user), holdings), base)| {
            let known = (accounts, &supervisors);
            fields::person(facts, known, name, user, holdings, base)
        })
        .collect();
    for (person, found) in filled {
        problems.extend(found);
        into.insert(person.name.clone(), person);
    }
}

/// The names of one user's account, and where it stands.
struct Base<'p> {
    names: Option<Names>,
    ou: Arc<[String]>,
    variables: UserVariables<'p>,
    presence: Presence,
}

fn base<'p>(
    facts: &Facts<'_>,
    (namer, accounts): (&mut Namer<'_>, &Accounts),
    (name, user): (&UserName, &FoldedUser),
    holdings: &Holdings<'_>,
    mut variables: UserVariables<'p>,
    problems: &mut Vec<Problem>,
) -> Base<'p> {
    let known = accounts.known.contains_key(name);
    let here = matches!(
        holdings.presence,
        Presence::Active | Presence::Suspended | Presence::Ahead
    );
    let troubled = accounts.troubled.contains_key(name);
    if !(holdings.has_account && here || known || troubled) {
        return Base {
            names: None,
            ou: [].into(),
            variables,
            presence: holdings.presence,
        };
    }
    let away = holdings.presence == Presence::Left || !holdings.has_account;
    let place = facts.places.of(name, user, holdings, away, problems);
    let names = namer.name(name, user, &place.below, &mut variables, problems);
    Base {
        names,
        ou: place.ou,
        variables,
        presence: holdings.presence,
    }
}

/// Says that a resource has more holders than seats, and who of those added at the instant exceeds, by
/// which request.
fn seats(
    catalog: &Catalog,
    resource: &ResourceName,
    (holders, added): (&BTreeSet<UserName>, &BTreeSet<&UserName>),
    people: &BTreeMap<UserName, Arc<Person>>,
    problems: &mut Vec<Problem>,
) {
    let Some(linked) = catalog.resources.get(resource) else {
        return;
    };
    let seats = linked.spec.seats.unwrap_or(u32::MAX);
    if holders.len() <= seats as usize {
        return;
    }
    // Whoever a request added last exceeds.
    let mut requested = Vec::new();
    for person in added.iter().filter_map(|name| people.get(*name)) {
        let held = person.entitlements.iter();
        let held = held.filter(|(key, _)| key.resource == *resource);
        for cause in held.flat_map(|(_, entitlement)| &entitlement.causes) {
            let request = cause.text.strip_prefix("request ");
            let request = request.and_then(|name| catalog.requests.get_key_value(name));
            if let Some((name, request)) = request {
                let from = request.spec.effective.resolve(&catalog.zone, Edge::Start);
                requested.push((from.ok(), name, &request.at));
            }
        }
    }
    requested.sort();
    let requested = requested.last().map(|(_, _, at)| (*at, "subject"));
    let last = added.last().and_then(|name| catalog.users.get(*name));
    let declared = last.map(|user| (&user.at, "/metadata.name"));
    let (at, route) = requested.or(declared).unwrap_or((&linked.at, "seats"));
    let names: Vec<&str> = holders.iter().map(UserName::as_str).collect();
    problems.push(
        Problem::new(
            Code::Seats,
            at,
            route,
            format!(
                "`{resource}` has {seats} seats and {} holders: {}",
                holders.len(),
                names.join(", ")
            ),
        )
        .help("buy seats and raise `seats`, or take the access from somebody")
        .related(&linked.at, "seats", "the seats"),
    );
}

/// The cause of a manifest.
fn cause(text: impl Into<std::sync::Arc<str>>, file: &std::sync::Arc<str>, line: u32) -> Cause {
    Cause {
        text: text.into(),
        file: file.clone(),
        line,
    }
}

/// Somebody to mail, of a person.
fn recipient(person: &Person) -> Option<Recipient> {
    person.mail.as_ref().map(|mail| Recipient {
        mail: mail.clone(),
        name: Some(person.display_name.clone()),
    })
}

/// What the parts put together.
type Entitlements = Sorted<super::EntitlementKey, Entitlement>;
