//! Folded catalog + accounts + instant → desired state. Pure: people first (what they hold), then
//! names (one after the other, because they must differ), then field values.

mod distinct;
mod fields;
mod holdings;
mod identities;
mod terms;

pub use terms::rules;

use super::accounts::Accounts;
use super::naming::{Namer, Names};
use super::{Cause, Desired, DesiredAccount, Entitlement, Person, Recipient};
use crate::catalog::{Catalog, Linked, Problem};
use crate::diagnostic::Code;
use crate::manifest::user::UserState;
use crate::manifest::{Edge, IdentitySpec, Moment};
use crate::name::{IdentityName, LevelName, OrganizationName, ResourceName, UserName};
use crate::request::{Folded, FoldedUser};
use crate::template::Nested;
use distinct::Distinct;
use holdings::Holdings;
use jiff::Timestamp;
use rayon::prelude::*;
use std::collections::BTreeMap;

/// The resource whose `administrator`s approve.
pub const COUNTERSIGN: &str = "countersign";

/// Expands what should be at an instant, and reports every mistake that shows on the way.
pub fn expand(
    catalog: &Catalog,
    folded: &Folded,
    accounts: &Accounts,
    now: Timestamp,
) -> (Desired, Vec<Problem>) {
    let mut problems = Vec::new();
    let mut namer = Namer::new(catalog, accounts);
    let facts = Facts::new(catalog, accounts, now);
    let mut people = BTreeMap::new();
    let mut distinct = Distinct::default();
    fill(
        &facts,
        &mut namer,
        folded,
        &mut people,
        &mut distinct,
        &mut problems,
    );
    let recipients = terms::Recipients::new(catalog, &people);
    let resources = terms::resources(catalog, &recipients, &mut problems);
    let desired = Desired {
        instant: now,
        valid_until: folded.later.first().copied(),
        resources,
        directory: catalog.config.spec.directory.clone(),
        named_groups: terms::named_groups(catalog, &people),
        rules: terms::rules(catalog),
        administrators: recipients.administrators(),
        people,
    };
    (desired, problems)
}

/// What there will be, instant after instant, as far as it shows mistakes: of everybody at first,
/// and then of those only for whom something changes.
pub struct Outlook<'a> {
    catalog: &'a Catalog,
    accounts: &'a Accounts,
    namer: Namer<'a>,
    people: BTreeMap<UserName, Person>,
    distinct: Distinct,
}

impl<'a> Outlook<'a> {
    /// Begins before anybody is known.
    pub fn new(catalog: &'a Catalog, accounts: &'a Accounts) -> Self {
        Self {
            catalog,
            accounts,
            namer: Namer::new(catalog, accounts),
            people: BTreeMap::new(),
            distinct: Distinct::default(),
        }
    }

    /// Reports what is wrong at an instant, later than any before, at which these users are as they
    /// are folded and all others as they were. The supervisor of each of them is among them.
    pub fn at(&mut self, folded: &Folded, now: Timestamp, problems: &mut Vec<Problem>) {
        let facts = Facts::new(self.catalog, self.accounts, now);
        fill(
            &facts,
            &mut self.namer,
            folded,
            &mut self.people,
            &mut self.distinct,
            problems,
        );
        let recipients = terms::Recipients::new(self.catalog, &self.people);
        terms::resources(self.catalog, &recipients, problems);
    }
}

/// Puts those who are folded among the people.
fn fill<'a>(
    facts: &Facts<'a>,
    namer: &mut Namer<'a>,
    folded: &Folded,
    into: &mut BTreeMap<UserName, Person>,
    distinct: &mut Distinct,
    problems: &mut Vec<Problem>,
) {
    let people: Vec<(&UserName, &FoldedUser)> = folded.people.iter().collect();
    // What everybody holds, user by user.
    let mut held: Vec<Holdings> = Vec::with_capacity(people.len());
    let parts: Vec<(Holdings, Vec<Problem>)> = people
        .par_iter()
        .map(|(name, user)| holdings::of(facts, name, user))
        .collect();
    for (holdings, found) in parts {
        held.push(holdings);
        problems.extend(found);
    }
    // Names, one after the other.
    for (name, user) in &people {
        namer.claim(name, user, problems);
    }
    let mut bases: Vec<Base> = Vec::with_capacity(people.len());
    for ((name, user), holdings) in people.iter().zip(&held) {
        bases.push(base(facts, namer, name, user, holdings, problems));
    }
    let supervisors = fields::Supervisors::new(&people, &bases);
    // Field values, user by user.
    let filled: Vec<(Person, Vec<Problem>)> = people
        .par_iter()
        .zip(held.into_par_iter())
        .zip(bases.into_par_iter())
        .map(|(((name, user), holdings), base)| {
            fields::person(facts, &supervisors, name, user, holdings, base)
        })
        .collect();
    for (person, found) in filled {
        problems.extend(found);
        distinct.look_at(facts.catalog, &person, problems);
        into.insert(person.name.clone(), person);
    }
    seats(facts.catalog, into, problems);
}

/// What is the same for every user.
struct Facts<'a> {
    catalog: &'a Catalog,
    accounts: &'a Accounts,
    now: Timestamp,
    directory: &'a ResourceName,
    patterns: BTreeMap<&'a str, regex::Regex>,
    followers: Vec<&'a ResourceName>,
    /// The identities that manifests declare, by user.
    identities: BTreeMap<&'a UserName, Vec<(&'a IdentityName, &'a Linked<IdentitySpec>)>>,
}

impl<'a> Facts<'a> {
    fn new(catalog: &'a Catalog, accounts: &'a Accounts, now: Timestamp) -> Self {
        let fields = catalog.resources.values().flat_map(|r| &r.spec.fields);
        let of_fields = fields.filter_map(|f| f.pattern.as_deref());
        let questions = catalog.profiles.values().flat_map(|p| &p.spec.questions);
        let of_questions = questions.filter_map(|q| q.pattern.as_deref());
        let patterns = of_fields
            .chain(of_questions)
            .filter_map(|p| Some((p, regex::Regex::new(&format!("^(?:{p})$")).ok()?)))
            .collect();
        let mut identities: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (name, identity) in &catalog.identities {
            let of_user = identities.entry(&identity.spec.user).or_default();
            of_user.push((name, identity));
        }
        Self {
            catalog,
            accounts,
            now,
            directory: &catalog.config.spec.directory,
            patterns,
            followers: follow_order(catalog),
            identities,
        }
    }

    /// Whether a grant with this end is still in force.
    fn in_force(&self, until: Option<&Moment>) -> bool {
        let end = until.and_then(|m| m.resolve(&self.catalog.zone, Edge::End).ok());
        end.is_none_or(|end| self.now < end)
    }

    /// Where a user is in their time here.
    fn state(&self, user: &FoldedUser) -> Presence {
        let at = |moment: &Option<Moment>, edge| {
            moment
                .as_ref()
                .and_then(|m| m.resolve(&self.catalog.zone, edge).ok())
        };
        let ended = at(&user.spec.end_date, Edge::End).is_some_and(|end| end <= self.now);
        let waiting = at(&user.spec.start_date, Edge::Start).is_some_and(|start| self.now < start);
        match (ended, waiting, user.spec.state) {
            (true, _, _) | (_, _, UserState::Left) => Presence::Left,
            (_, true, _) => Presence::Waiting,
            (_, _, UserState::Suspended) => Presence::Suspended,
            (_, _, UserState::Active) => Presence::Active,
        }
    }
}

/// Where a user is in their time here, at the instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Presence {
    Waiting,
    Active,
    Suspended,
    Left,
}

/// Resources that follow others, those followed first.
fn follow_order(catalog: &Catalog) -> Vec<&ResourceName> {
    let mut order: Vec<&ResourceName> = Vec::new();
    let followers: Vec<_> = catalog
        .resources
        .iter()
        .filter_map(|(name, r)| Some((name, &r.spec.inherits_from.as_ref()?.resource)))
        .collect();
    for _ in 0..followers.len() {
        for (name, followed) in &followers {
            let ready = !followers.iter().any(|(n, _)| n == followed) || order.contains(followed);
            if ready && !order.contains(name) {
                order.push(name);
            }
        }
    }
    order
}

/// The names of one user's account, and where it stands.
struct Base {
    names: Option<Names>,
    ou: Vec<String>,
    variables: Nested,
    presence: Presence,
}

fn base(
    facts: &Facts<'_>,
    namer: &mut Namer<'_>,
    name: &UserName,
    user: &FoldedUser,
    holdings: &Holdings,
    problems: &mut Vec<Problem>,
) -> Base {
    let mut variables = fields::variables(facts, name, user, holdings);
    let known = facts.accounts.known.contains_key(name);
    let here = matches!(holdings.presence, Presence::Active | Presence::Suspended);
    let troubled = facts.accounts.troubled.contains_key(name);
    if !(holdings.has_account && here || known || troubled) {
        return Base {
            names: None,
            ou: Vec::new(),
            variables,
            presence: holdings.presence,
        };
    }
    let away = holdings.presence == Presence::Left || !holdings.has_account;
    let ou = ou(facts, name, user, holdings, away, problems).unwrap_or_default();
    let parent = ou
        .iter()
        .rev()
        .map(|o| format!("ou={o}"))
        .collect::<Vec<_>>()
        .join(",");
    let names = namer.name(name, user, &parent, &mut variables, problems);
    Base {
        names,
        ou,
        variables,
        presence: holdings.presence,
    }
}

/// The OU: the leavers', the user's, the profiles', the nearest organization's (MODEL 21, 22).
fn ou(
    facts: &Facts<'_>,
    name: &UserName,
    user: &FoldedUser,
    holdings: &Holdings,
    away: bool,
    problems: &mut Vec<Problem>,
) -> Option<Vec<String>> {
    let texts = |ous: &[crate::manifest::organization::OuName]| -> Vec<String> {
        ous.iter().map(|o| o.0.clone()).collect()
    };
    let managed = &facts.catalog.config.spec.managed;
    if let Some(leavers) = managed.leavers_ou.as_ref().filter(|_| away) {
        return Some(texts(leavers));
    }
    let mut of_profiles = || holdings.profile_ou(facts, user, problems);
    let found = match &user.spec.ou {
        Some(ou) => Some(texts(ou)),
        None => of_profiles().or_else(|| nearest_ou(facts.catalog, &user.spec.organization)),
    };
    let Some(found) = found else {
        problems.push(
            Problem::new(
                Code::NoOu,
                &user.declared.at,
                "organization",
                format!("there is no OU for the account of `{name}`"),
            )
            .help("give `ou` to the organization, a profile or the user"),
        );
        return None;
    };
    let covered = managed.ous.iter().any(|ous| {
        let lower = |texts: &[String]| texts.iter().map(|t| t.to_lowercase()).collect::<Vec<_>>();
        lower(&found).starts_with(&lower(&texts(ous)))
    });
    if !covered {
        problems.push(
            Problem::new(
                Code::OuNotManaged,
                &user.declared.at,
                "organization",
                format!("the OU of `{name}` is not managed: {}", found.join(" / ")),
            )
            .help("add it, or one above it, to `managed.ous` of countersign.yaml"),
        );
    }
    Some(found)
}

fn nearest_ou(catalog: &Catalog, organization: &OrganizationName) -> Option<Vec<String>> {
    let line = catalog.ancestry(organization);
    let ou = line.iter().find_map(|(_, o)| o.spec.ou.as_ref())?;
    Some(ou.iter().map(|o| o.0.clone()).collect())
}

/// More holders than seats (MODEL 12).
fn seats(catalog: &Catalog, people: &BTreeMap<UserName, Person>, problems: &mut Vec<Problem>) {
    for (resource, linked) in &catalog.resources {
        let Some(seats) = linked.spec.seats else {
            continue;
        };
        let holders: Vec<_> = people
            .iter()
            .filter(|(_, p)| p.entitlements.keys().any(|key| key.resource == *resource))
            .collect();
        if holders.len() <= seats as usize {
            continue;
        }
        // Whoever a request added came last.
        let requested = holders.iter().rev().find_map(|(_, person)| {
            let request = person.declared.text.strip_prefix("request ")?;
            Some((&catalog.requests.get(request)?.at, "subject"))
        });
        let last = holders
            .last()
            .and_then(|(name, _)| catalog.users.get(*name));
        let declared = last.map(|user| (&user.at, "/metadata.name"));
        let (at, route) = requested.or(declared).unwrap_or((&linked.at, "seats"));
        let names: Vec<&str> = holders.iter().map(|(name, _)| name.as_str()).collect();
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
}

/// The cause of a manifest.
fn cause(text: impl Into<std::sync::Arc<str>>, file: &std::sync::Arc<str>, line: u32) -> Cause {
    Cause {
        text: text.into(),
        file: file.clone(),
        line,
    }
}

fn implicit_level() -> Option<LevelName> {
    LevelName::new("access").ok()
}

/// Somebody to mail, of a person.
fn recipient(person: &Person) -> Option<Recipient> {
    person.mail.as_ref().map(|mail| Recipient {
        mail: mail.clone(),
        name: Some(person.display_name.clone()),
    })
}

/// What the parts put together.
type Entitlements = BTreeMap<super::EntitlementKey, Entitlement>;
/// An account before its links are known.
type Account = Option<DesiredAccount>;
