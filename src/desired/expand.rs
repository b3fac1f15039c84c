//! Folded catalog + accounts + instant → desired state. Pure: people first (what they hold), then
//! names (one after the other, because they must differ), then field values.

mod bonds;
mod distinct;
mod fields;
mod ground;
mod holders;
mod holdings;
mod lines;
mod identities;
mod newcomers;
mod orphans;
mod person;
mod places;
mod rehearsal;
mod sheet;
mod sources;
mod terms;

pub use ground::{Facts, Ground};
pub use rehearsal::Rehearsal;
pub use terms::{rules, written};

use super::accounts::Accounts;
use super::naming::{GivenNames, Namer, Names};
use super::variables::UserVariables;
use super::{Desired, Entitlement, Person, Recipient};
use crate::catalog::problem::found_by;
use crate::catalog::{Catalog, Problem};
use crate::diagnostic::Code;
use crate::manifest::Edge;
use crate::manifest::request::RequestAction;
use crate::name::{ResourceName, UserName};
use crate::request::{Folded, FoldedUser, Timeline};
use crate::sorted::Sorted;
use distinct::Distinct;
use ground::Presence;
use holders::Holders;
use holdings::Holdings;
use jiff::{SignedDuration, Timestamp};
use person::{Filled, Supervisors};
use places::Place;
use rayon::prelude::*;
use rehearsal::Rehearsed;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
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
    holders: Holders,
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
        Self {
            timeline,
            accounts,
            now: Timestamp::MIN,
            namer: Namer::new(ground.catalog, accounts),
            people: BTreeMap::new(),
            distinct: Distinct::default(),
            holders: Holders::new(ground.sheets.asked),
            ground,
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

    /// Lets go of all that was made on the way: nobody waits until everybody is taken apart.
    pub fn let_go(self) {
        let remains = self.into_remains();
        rayon::spawn(move || drop(remains));
    }

    /// All that was made on the way, for who has a time to take it apart.
    pub fn into_remains(self) -> impl Send + use<> {
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
        let is_first = std::mem::take(&mut self.fresh);
        let touched = match is_first {
            true => None,
            false => self.timeline.touched(now),
        };
        let folded = match &touched {
            None => self.timeline.at(now),
            Some(names) => self.timeline.these(&self.with_supervisors(names, now), now),
        };
        let ground = self.ground.clone();
        let facts = ground.at(now);
        let glance = self.put(&facts, Held::later(&folded), problems);
        // Nobody waits until everybody is taken apart; later ones must not pile up.
        if is_first {
            rayon::spawn(move || drop(folded));
        }
        glance
    }

    /// Looks at the first instant, of which somebody else has the folded users, and maybe what they hold.
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
        if first {
            self.namer.expect(names.len());
            self.distinct.expect(names.len());
            self.numbers.expect(names.len());
        }
        let filled = fill(facts, (&mut self.namer, self.accounts), held, problems);
        let mut claims = Vec::with_capacity(filled.len());
        let mut asked = Vec::with_capacity(filled.len());
        let people = filled.into_iter().map(|filled| {
            problems.extend(filled.problems);
            let name = filled.person.name.clone();
            claims.push(filled.claims);
            asked.push(filled.asked);
            (name, filled.person)
        });
        // Everybody at once is quicker than one after the other.
        match self.people.is_empty() {
            true => self.people = people.collect(),
            false => self.people.extend(people),
        }
        let (catalog, timeline, now) = (facts.catalog, self.timeline, self.now);
        let people = &self.people;
        let (shared, (bonds, (orphaned, too_early))) = rayon::join(
            || {
                let claims = names.iter().zip(claims);
                self.distinct.look(catalog, &before, claims)
            },
            || {
                let looked_at = (names.as_slice(), now);
                let orphaned = |found: &mut Vec<Problem>| {
                    orphans::warn(catalog, timeline, looked_at, &before, people, found);
                };
                let too_early = |found: &mut Vec<Problem>| {
                    if first {
                        newcomers::warn(catalog, timeline, people, now, found);
                    }
                };
                rayon::join(
                    || bonds::check(folded, &before, people, &mut self.numbers),
                    || rayon::join(|| found_by(orphaned).1, || found_by(too_early).1),
                )
            },
        );
        let found = [shared, bonds, orphaned, too_early];
        problems.extend(found.into_iter().flatten());
        self.note_holders(&names, asked, problems);
        let recipients = self.recipients();
        if recipients.may_differ(&names, &before) {
            terms::resources(&self.ground, &recipients, problems);
        }
        Glance { names, before }
    }

    fn recipients(&self) -> terms::Recipients<'_> {
        terms::Recipients::new(&self.ground, &self.people, &self.holders, self.now)
    }

    /// These users and whom they report to: what templates say of a supervisor must be known.
    fn with_supervisors(&self, names: &BTreeSet<UserName>, now: Timestamp) -> BTreeSet<UserName> {
        let users = names.iter().filter_map(|n| self.timeline.user(n, now));
        let supervisors = users.filter_map(|u| u.spec.supervisor.clone());
        names.iter().cloned().chain(supervisors).collect()
    }

    /// Notes who holds what, and reports more holders than seats (MODEL 12).
    fn note_holders(
        &mut self,
        names: &[UserName],
        asked: Vec<Vec<usize>>,
        problems: &mut Vec<Problem>,
    ) {
        let mut added: BTreeMap<usize, BTreeSet<&UserName>> = BTreeMap::new();
        let before: Vec<usize> = self.holders.counts().collect();
        for (name, asked) in names.iter().zip(asked) {
            for place in self.holders.put(name, asked) {
                added.entry(place).or_default().insert(name);
            }
        }
        for resource in self.ground.catalog.resources.keys() {
            let sheet = self.ground.sheets.get(resource);
            let Some(place) = sheet.and_then(|sheet| sheet.asked.any()) else {
                continue;
            };
            let (holders, added) = (self.holders.at(place), added.get(&place));
            if let Some(added) = added.filter(|_| holders.len() > before[place]) {
                seats(
                    self.ground.catalog,
                    resource,
                    (holders, added),
                    &self.people,
                    problems,
                );
            }
        }
    }

    /// What should be, at the instant last looked at.
    pub fn desired(&self) -> Desired {
        let (catalog, now) = (self.ground.catalog, self.now);
        let recipients = self.recipients();
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

/// What everybody holds at an instant, as far as they were not put together already.
pub struct Held<'p> {
    folded: &'p Folded,
    /// In the order of users; of those who are missing it is worked out while others are named.
    parts: VecDeque<Box<Part<'p>>>,
}

impl<'p> Held<'p> {
    /// Works it out, user by user.
    pub fn new(facts: &'p Facts<'p>, folded: &'p Folded) -> Self {
        let parts = held_by(facts, &everybody(folded)).into();
        Self { folded, parts }
    }

    /// Leaves it to be worked out.
    pub fn later(folded: &'p Folded) -> Self {
        let parts = VecDeque::new();
        Self { folded, parts }
    }
}

/// A user whose account is yet to be named. It is half a thousand bytes, so it is boxed to be moved.
struct Part<'p> {
    work: Work<'p>,
    /// What is wrong with what they hold.
    problems: Vec<Problem>,
    /// What templates see of them.
    variables: UserVariables<'p>,
}

/// How far it has come with a user.
enum Work<'p> {
    /// It is known what they hold.
    Held(Holdings<'p>),
    /// They were put together, as it seemed they would be.
    Rehearsed(Box<Rehearsed>),
}

impl Work<'_> {
    /// Where the user is in their time here, and whether they hold an account.
    fn standing(&self) -> (Presence, bool) {
        match self {
            Self::Held(holdings) => (holdings.presence, holdings.has_account),
            Self::Rehearsed(rehearsed) => rehearsed.standing,
        }
    }

    /// Where the user's account stands.
    fn place(
        &self,
        facts: &Facts<'_>,
        (name, user): User<'_>,
        away: bool,
        problems: &mut Vec<Problem>,
    ) -> Place {
        match self {
            Self::Held(holdings) => facts.places.of(name, user, holdings, away, problems),
            Self::Rehearsed(rehearsed) => rehearsed.place.clone(),
        }
    }
}

fn held_by<'p>(facts: &'p Facts<'p>, people: &[User<'p>]) -> Vec<Box<Part<'p>>> {
    let parts = people.par_iter().map(|user| Box::new(part(facts, user)));
    parts.collect()
}

fn part<'p>(facts: &'p Facts<'p>, (name, user): &User<'p>) -> Part<'p> {
    let (holdings, problems) = holdings::of(facts, name, user);
    let variables = person::variables(facts, name, user, &holdings);
    Part {
        work: Work::Held(holdings),
        problems,
        variables,
    }
}

/// A user, and what requests made of them.
type User<'p> = (&'p UserName, &'p FoldedUser);

/// How many users' holdings are worked out while as many others are named, and the fields of as many filled:
/// few enough that what one of them made is still at hand for the next.
const AT_ONCE: usize = 512;

fn everybody(folded: &Folded) -> Vec<User<'_>> {
    let people = folded.people.iter();
    people.map(|(name, user)| (name, &**user)).collect()
}

/// Names everybody and fills their fields, whether they hold something or nothing. Names come one after the
/// other; meanwhile it is worked out what the next users hold, and the fields of those before are filled.
fn fill<'p>(
    facts: &'p Facts<'p>,
    (namer, accounts): (&mut Namer<'_>, &'p Accounts),
    mut held: Held<'p>,
    problems: &mut Vec<Problem>,
) -> Vec<Filled> {
    let people = everybody(held.folded);
    let (mut supervisors, ()) = rayon::join(
        || Supervisors::of(facts, &people),
        || {
            for (name, user) in &people {
                namer.claim(name, user, problems);
            }
        },
    );
    let mut found: Vec<Filled> = Vec::with_capacity(people.len());
    let mut named: Vec<Box<Based<'p>>> = Vec::new();
    let mut waiting: Vec<Box<Based<'p>>> = Vec::new();
    let (mut held_of, mut named_of) = (held.parts.len(), 0);
    while named_of < people.len() || !named.is_empty() {
        let next = &people[held_of..people.len().min(held_of + AT_ONCE)];
        let to_name = &people[named_of..held_of.min(named_of + AT_ONCE)];
        let parts = held.parts.drain(..to_name.len());
        let (ready, later): (Vec<_>, Vec<_>) = std::mem::take(&mut named)
            .into_iter()
            .partition(|based| supervisors.tell_of(based.user.1));
        waiting.extend(later);
        let (more, (based, filled)) = rayon::join(
            || held_by(facts, next),
            || {
                rayon::join(
                    || {
                        let of = to_name.iter().zip(parts);
                        let named = of.map(|(user, part)| {
                            based(facts, (&mut *namer, accounts), *user, *part, problems)
                        });
                        named.collect::<Vec<_>>()
                    },
                    || filled(facts, (accounts, &supervisors), ready),
                )
            },
        );
        named_of += based.len();
        held_of += more.len();
        held.parts.extend(more);
        found.extend(filled);
        supervisors.add(based.iter().map(|based| (based.user, &based.base)));
        named = based;
    }
    let is_in_order = waiting.is_empty();
    found.extend(filled(facts, (accounts, &supervisors), waiting));
    if !is_in_order {
        found.sort_unstable_by(|a, b| a.person.name.cmp(&b.person.name));
    }
    found
}

fn filled<'p>(
    facts: &'p Facts<'p>,
    known: (&'p Accounts, &'p Supervisors),
    based: Vec<Box<Based<'p>>>,
) -> Vec<Filled> {
    let one = |based: Box<Based<'p>>| {
        let Based {
            user: (name, user),
            work,
            base,
        } = *based;
        let holdings = match work {
            Work::Held(holdings) => holdings,
            Work::Rehearsed(rehearsed) => {
                match rehearsed.unless_otherwise(known, (name, user), &base) {
                    Some(filled) => return filled,
                    // What is wrong with them was told already.
                    None => holdings::of(facts, name, user).0,
                }
            }
        };
        person::person(facts, known, name, user, holdings, base)
    };
    based.into_par_iter().map(one).collect()
}

/// A user whose account has its names.
struct Based<'p> {
    user: User<'p>,
    work: Work<'p>,
    base: Base<'p>,
}

fn based<'p>(
    facts: &Facts<'_>,
    known: (&mut Namer<'_>, &Accounts),
    user: User<'p>,
    part: Part<'p>,
    problems: &mut Vec<Problem>,
) -> Box<Based<'p>> {
    let Part {
        work,
        problems: found,
        variables,
    } = part;
    problems.extend(found);
    let base = base(facts, known, user, &work, variables, problems);
    Box::new(Based { user, work, base })
}

/// The names of one user's account, and where it stands.
struct Base<'p> {
    names: Option<Names>,
    place: Option<Place>,
    variables: UserVariables<'p>,
    presence: Presence,
}

fn base<'p>(
    facts: &Facts<'_>,
    (namer, accounts): (&mut Namer<'_>, &Accounts),
    (name, user): User<'_>,
    work: &Work<'_>,
    mut variables: UserVariables<'p>,
    problems: &mut Vec<Problem>,
) -> Base<'p> {
    let (presence, has_account) = work.standing();
    let known = accounts.known.contains_key(name);
    let here = matches!(
        presence,
        Presence::Active | Presence::Suspended | Presence::Ahead
    );
    let troubled = accounts.troubled.contains_key(name);
    if !(has_account && here || known || troubled) {
        return Base {
            names: None,
            place: None,
            variables,
            presence,
        };
    }
    let away = presence == Presence::Left || !has_account;
    let place = work.place(facts, (name, user), away, problems);
    let names = namer.name(name, user, &place.below, &mut variables, problems);
    Base {
        names,
        place: Some(place),
        variables,
        presence,
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

/// Somebody to mail, of a person.
fn recipient(person: &Person) -> Option<Recipient> {
    person.mail.as_ref().map(|mail| Recipient {
        mail: mail.clone(),
        name: Some(person.display_name.clone()),
    })
}

/// What the parts put together.
type Entitlements = Sorted<super::EntitlementKey, Entitlement>;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::link;
    use crate::connector::AttributeName;
    use crate::manifest::parse::Manifests;
    use std::fmt::Write as _;

    const CITY: &str = r#"apiVersion: countersign/v1
kind: Config
metadata: {name: countersign}
spec:
  timeZone: UTC
  directory: ad
  naming: {login: {candidates: ["{{ user.givenName }}"], thenNumber: true}}
  managed: {ous: [[Departments]], groups: []}
---
apiVersion: countersign/v1
kind: Organization
metadata: {name: its}
spec: {type: department, ou: [Departments], profiles: [{profile: everybody, userTypes: [employee]}]}
---
apiVersion: countersign/v1
kind: Profile
metadata: {name: everybody}
spec: {access: [{resource: ad, level: account}, {resource: countersign, level: administrator}]}
---
apiVersion: countersign/v1
kind: Resource
metadata: {name: ad}
spec:
  type: directory
  connector: active-directory
  levels: [{name: account}]
  fields: [{name: description, value: "of {{ supervisor.login }}"}]
---
apiVersion: countersign/v1
kind: Resource
metadata: {name: countersign}
spec: {type: application, levels: [{name: administrator}], seats: 1000, maintainers: [{mail: it@city.example}]}
"#;

    /// Some portions of users and a half, each of whom reports to the one so many behind, or before.
    fn town(report_to: impl Fn(usize) -> Option<usize>) -> (Desired, Vec<Problem>, usize) {
        let count = 3 * AT_ONCE + AT_ONCE / 2;
        let mut text = CITY.to_owned();
        for i in 0..count {
            let said = "givenName: Kim, type: employee, organization: its";
            let supervisor = report_to(i).filter(|s| *s < count);
            let supervisor =
                supervisor.map_or_else(String::new, |s| format!(", supervisor: u{s:05}"));
            write!(
                text,
                "---\napiVersion: countersign/v1\nkind: User\nmetadata: {{name: u{i:05}}}\nspec: {{{said}{supervisor}}}\n"
            )
            .unwrap();
        }
        let (catalog, findings) = link(Manifests::of_text("city.yaml", &text));
        let linked: Vec<_> = findings.problems.iter().map(|p| &p.message).collect();
        assert!(!findings.any_error(), "{linked:?}");
        let timeline = Timeline::new(&catalog, &mut Vec::new());
        let now = Timestamp::UNIX_EPOCH;
        let (desired, problems) = expand(&catalog, &timeline, &Accounts::default(), now);
        (desired, problems, count)
    }

    #[test]
    fn whoever_comes_in_whichever_portion_has_the_name_of_their_turn_and_knows_their_supervisors() {
        let behind = |i: usize| Some(i + AT_ONCE + 7);
        let before = |i: usize| i.checked_sub(1);
        let description = AttributeName::from("description");
        let login = |i: usize| match i {
            0 => "kim".to_owned(),
            _ => format!("kim{}", i + 1),
        };
        for report_to in [&behind as &dyn Fn(usize) -> Option<usize>, &before] {
            let (desired, problems, count) = town(report_to);
            let accounts = desired.people.values().map(|p| p.account.as_ref().unwrap());
            for (i, account) in accounts.enumerate() {
                assert_eq!(*account.login, *login(i));
                let supervisor = report_to(i).filter(|s| *s < count).map(login);
                let said = account.attributes.get(&description);
                let said = said.map(ToString::to_string);
                assert_eq!(said, supervisor.map(|login| format!("of {login}")));
            }
            assert_eq!(desired.people.len(), count);
            assert_eq!(desired.administrators.len(), 0, "nobody has an address");
            let seats = problems.iter().filter(|p| p.code == Code::Seats);
            let seats: Vec<_> = seats.map(|p| p.message.clone()).collect();
            assert_eq!(seats.len(), 1);
            assert!(seats[0].contains(&format!("1000 seats and {count} holders")));
        }
    }
}
