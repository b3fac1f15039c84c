//! Everybody put together while the directory is still being read, as their accounts come in: mostly they turn
//! out so, and whoever waits for the directory has little left to do when its last account is there.
//!
//! Invariant: what was rehearsed counts only where nothing that it was made of is otherwise in the end.

use super::person::{self, Filled, Supervisors};
use super::places::Place;
use super::{Base, Facts, Held, Part, Presence, User, Work, base, everybody, part};
use crate::desired::accounts::Seen;
use crate::desired::naming::{Namer, Names};
use crate::desired::variables::Supervisor;
use crate::desired::{Accounts, KnownAccount};
use crate::name::UserName;
use crate::request::Folded;
use foldhash::HashMap;
use std::sync::Arc;

/// People who are put together as their accounts come in.
pub struct Rehearsal<'p> {
    facts: &'p Facts<'p>,
    folded: &'p Folded,
    people: Vec<User<'p>>,
    /// In the order of people; none of those who wait for another's account.
    parts: Vec<Option<Box<Part<'p>>>>,
    /// The accounts that came in.
    accounts: Accounts,
    supervisors: Supervisors,
    /// Whose accounts came in before that of whom they report to, by whom that is.
    waiting: HashMap<UserName, Vec<Named<'p>>>,
}

/// A user whose account has its names.
struct Named<'p> {
    place: usize,
    /// The user as before that.
    part: Box<Part<'p>>,
    base: Base<'p>,
}

/// A user who was put together, and what of.
pub(super) struct Rehearsed {
    /// Where they are in their time here, and whether they hold an account.
    pub standing: (Presence, bool),
    /// Where their account stands.
    pub place: Place,
    known: Arc<KnownAccount>,
    names: Names,
    supervisor: Option<Supervisor>,
    filled: Filled,
}

impl Rehearsed {
    /// The user as they were put together; none where something is otherwise now.
    pub fn unless_otherwise(
        self,
        (accounts, supervisors): (&Accounts, &Supervisors),
        (name, user): User<'_>,
        base: &Base<'_>,
    ) -> Option<Filled> {
        let is_so = accounts.seen == Seen::Yes
            && accounts.known.get(name) == Some(&self.known)
            && !accounts.troubled.contains_key(name)
            && base.names.as_ref() == Some(&self.names)
            && supervisors.get(user) == self.supervisor.as_ref();
        is_so.then_some(self.filled)
    }
}

impl<'p> Rehearsal<'p> {
    /// Begins with what everybody holds.
    pub fn new(facts: &'p Facts<'p>, held: Held<'p>) -> Self {
        let Held { folded, parts } = held;
        let people = everybody(folded);
        Self {
            facts,
            folded,
            supervisors: Supervisors::of(facts, &people),
            people,
            parts: parts.into_iter().map(Some).collect(),
            accounts: Accounts {
                seen: Seen::Yes,
                ..Accounts::default()
            },
            waiting: HashMap::default(),
        }
    }

    /// Takes accounts that came in, of a directory of that domain, and puts those together of whom all is there.
    pub fn see(&mut self, domain: Option<String>, known: Vec<(UserName, Arc<KnownAccount>)>) {
        self.accounts.domain = domain;
        let mut came = Vec::with_capacity(known.len());
        for (name, known) in known {
            let place = self
                .people
                .binary_search_by(|(other, _)| (*other).cmp(&name));
            let Ok(place) = place else { continue };
            self.accounts.owners.insert(known.guid, name.clone());
            // What comes twice was renamed meanwhile, and is otherwise in the end.
            if self.accounts.known.insert(name, known).is_none() {
                came.push(place);
            }
        }
        let named = self.name(&came);
        let bases = named.iter().map(|n| (self.people[n.place], &n.base));
        self.supervisors.add(bases);
        let names: Vec<&UserName> = named.iter().map(|n| self.people[n.place].0).collect();
        let below = names
            .into_iter()
            .filter_map(|name| self.waiting.remove(name));
        let below: Vec<_> = below.flatten().collect();
        for named in named.into_iter().chain(below) {
            let user = self.people[named.place].1;
            match &user.spec.supervisor {
                Some(supervisor) if !self.supervisors.tell_of(user) => {
                    let waiting = self.waiting.entry(supervisor.clone());
                    waiting.or_default().push(named);
                }
                Some(_) | None => {
                    let place = named.place;
                    self.parts[place] = self.filled(named);
                }
            }
        }
    }

    /// Gives names to the accounts of these people. Nobody else's are known, so they may have others in the end;
    /// with whom something is wrong is left to then.
    fn name(&mut self, came: &[usize]) -> Vec<Named<'p>> {
        let mut all = Vec::with_capacity(came.len());
        let mut namer = Namer::new(self.facts.catalog, &self.accounts);
        for &place in came {
            let Some(part) = self.parts[place].take() else {
                continue;
            };
            let (user, known) = (self.people[place], (&mut namer, &self.accounts));
            let mut found = Vec::new();
            let variables = part.variables.clone();
            let base = base(self.facts, known, user, &part.work, variables, &mut found);
            match found.is_empty() && base.names.is_some() {
                true => all.push(Named { place, part, base }),
                false => self.parts[place] = Some(part),
            }
        }
        all
    }

    /// Puts somebody together.
    fn filled(&self, named: Named<'p>) -> Option<Box<Part<'p>>> {
        let Named {
            place,
            mut part,
            base,
        } = named;
        let Work::Held(holdings) = part.work else {
            return Some(part);
        };
        let (name, user) = self.people[place];
        let known = (&self.accounts, &self.supervisors);
        let rehearsed = Rehearsed {
            standing: (holdings.presence, holdings.has_account),
            place: base.place.clone()?,
            known: self.accounts.known.get(name)?.clone(),
            names: base.names.clone()?,
            supervisor: self.supervisors.get(user).cloned(),
            filled: person::person(self.facts, known, name, user, holdings, base),
        };
        part.work = Work::Rehearsed(Box::new(rehearsed));
        Some(part)
    }

    /// What came of it, for the end.
    pub fn end(self) -> Held<'p> {
        let Self {
            facts,
            folded,
            people,
            mut parts,
            waiting,
            accounts,
            supervisors,
        } = self;
        rayon::spawn(move || drop((accounts, supervisors)));
        for named in waiting.into_values().flatten() {
            parts[named.place] = Some(named.part);
        }
        let parts = parts.into_iter().zip(&people);
        let parts = parts.map(|(known, user)| known.unwrap_or_else(|| Box::new(part(facts, user))));
        Held {
            folded,
            parts: parts.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{Catalog, Problem, link};
    use crate::connector::Guid;
    use crate::desired::accounts::Trouble;
    use crate::desired::expand::{Ground, Outlook};
    use crate::desired::{Desired, Tie};
    use crate::diagnostic::Code;
    use crate::manifest::parse::Manifests;
    use crate::request::Timeline;
    use crate::sorted::Sorted;
    use jiff::Timestamp;
    use std::collections::BTreeMap;

    /// Dana reports to nobody, Kim to Dana, Sam to Kim; Robin to Lee, who has no account.
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
spec: {access: [{resource: ad, level: account}, {resource: desk, level: member}]}
---
apiVersion: countersign/v1
kind: Resource
metadata: {name: ad}
spec:
  type: directory
  connector: active-directory
  levels: [{name: account}]
  fields: [{name: description, value: "of {{ supervisor.login or 'nobody' }}"}]
---
apiVersion: countersign/v1
kind: Resource
metadata: {name: desk}
spec:
  type: application
  levels: [{name: member}]
  maintainers: [{mail: it@city.example}]
  fields: [{name: place, value: "{{ account.dn or '-' }}"}]
---
apiVersion: countersign/v1
kind: User
metadata: {name: dana}
spec: {givenName: Dana, type: employee, organization: its}
---
apiVersion: countersign/v1
kind: User
metadata: {name: kim}
spec: {givenName: Kim, type: employee, organization: its, supervisor: dana}
---
apiVersion: countersign/v1
kind: User
metadata: {name: lee}
spec: {givenName: Lee, type: employee, organization: its}
---
apiVersion: countersign/v1
kind: User
metadata: {name: robin}
spec: {givenName: Robin, type: employee, organization: its, supervisor: lee}
---
apiVersion: countersign/v1
kind: User
metadata: {name: sam}
spec: {givenName: Sam, type: employee, organization: its, supervisor: kim}
"#;

    const HAVE_ACCOUNTS: [&str; 4] = ["dana", "kim", "robin", "sam"];

    fn user(name: &str) -> UserName {
        UserName::new(name).unwrap()
    }

    fn account(name: &str, login: &str) -> (UserName, Arc<KnownAccount>) {
        let known = KnownAccount {
            guid: Guid::from_wire(&[name.as_bytes()[0]; 16]).unwrap(),
            tie: Tie::Recorded,
            dn: format!("CN={name},OU=Departments,DC=city,DC=example").into(),
            login: login.into(),
            upn: format!("{login}@city.example").into(),
            cn: name.into(),
            mail: None,
            by_hand: None,
            observed: Sorted::new(),
        };
        (user(name), Arc::new(known))
    }

    fn catalog() -> Catalog {
        let (catalog, findings) = link(Manifests::of_text("city.yaml", CITY));
        let linked: Vec<_> = findings.problems.iter().map(|p| &p.message).collect();
        assert!(!findings.any_error(), "{linked:?}");
        catalog
    }

    /// What should be where these accounts came in one after the other, what is wrong with it, and whom it was
    /// rehearsed for and stayed so.
    fn rehearsed(came: &[&str], accounts: &Accounts) -> (Desired, Vec<Problem>, Vec<String>) {
        let (catalog, now) = (catalog(), Timestamp::UNIX_EPOCH);
        let timeline = Timeline::new(&catalog, &mut Vec::new());
        let ground = Arc::new(Ground::new(&catalog));
        let (facts, folded) = (ground.at(now), timeline.at(now));
        let mut rehearsal = Rehearsal::new(&facts, Held::new(&facts, &folded));
        for name in came {
            rehearsal.see(Some("city.example".into()), vec![account(name, name)]);
        }
        let held = rehearsal.end();
        let made = held.parts.iter().filter_map(|part| match &part.work {
            Work::Rehearsed(rehearsed) => Some(rehearsed.filled.person.clone()),
            Work::Held(_) => None,
        });
        let made: Vec<_> = made.collect();
        let mut problems = Vec::new();
        let mut outlook = Outlook::on(ground.clone(), &timeline, accounts);
        outlook.begin(&facts, held, &mut problems);
        let desired = outlook.desired();
        let stayed = made
            .iter()
            .filter(|p| Arc::ptr_eq(p, &desired.people[&p.name]));
        let stayed = stayed.map(|p| p.name.to_string()).collect();
        (desired, problems, stayed)
    }

    fn accounts(known: impl IntoIterator<Item = (UserName, Arc<KnownAccount>)>) -> Accounts {
        let known: BTreeMap<_, _> = known.into_iter().collect();
        Accounts {
            seen: Seen::Yes,
            domain: Some("city.example".into()),
            owners: known
                .iter()
                .map(|(user, k)| (k.guid, user.clone()))
                .collect(),
            known,
            ..Accounts::default()
        }
    }

    /// What was rehearsed may never show but in the time it takes.
    fn stays(came: &[&str], accounts: &Accounts, expected: &[&str]) {
        let (desired, problems, stayed) = rehearsed(came, accounts);
        let (plainly, plain_problems, _) = rehearsed(&[], accounts);
        assert_eq!(desired, plainly);
        assert_eq!(problems, plain_problems);
        assert_eq!(stayed, expected);
    }

    #[test]
    fn whoever_came_in_whichever_order_is_as_rehearsed_unless_their_supervisor_never_came() {
        let all = accounts(HAVE_ACCOUNTS.map(|name| account(name, name)));
        let expected = ["dana", "kim", "sam"];
        stays(&HAVE_ACCOUNTS, &all, &expected);
        stays(&["sam", "robin", "kim", "dana"], &all, &expected);
        stays(&["sam", "robin", "dana"], &all, &["dana"]);
    }

    #[test]
    fn what_an_account_turns_out_to_be_called_is_otherwise_for_those_below_it_too() {
        let mut known: Vec<_> = HAVE_ACCOUNTS.map(|name| account(name, name)).into();
        known[0] = account("dana", "dana.r");
        stays(&HAVE_ACCOUNTS, &accounts(known), &["sam"]);
    }

    #[test]
    fn an_account_that_stands_elsewhere_or_is_nobody_s_in_the_end_was_rehearsed_for_nothing() {
        let mut moved: Vec<_> = HAVE_ACCOUNTS.map(|name| account(name, name)).into();
        let elsewhere = KnownAccount {
            dn: "CN=sam,OU=Others,DC=city,DC=example".into(),
            ..moved[3].1.as_ref().clone()
        };
        moved[3].1 = Arc::new(elsewhere);
        stays(&HAVE_ACCOUNTS, &accounts(moved), &["dana", "kim"]);
        let but_sam = HAVE_ACCOUNTS.iter().filter(|name| **name != "sam");
        let mut without = accounts(but_sam.map(|name| account(name, name)));
        stays(&HAVE_ACCOUNTS, &without, &["dana", "kim"]);
        let trouble = Trouble {
            code: Code::AmbiguousAnchor,
            reason: "two claim it".into(),
        };
        without.troubled.insert(user("sam"), trouble);
        stays(&HAVE_ACCOUNTS, &without, &["dana", "kim"]);
    }

    #[test]
    fn a_name_that_is_another_s_in_the_end_is_not_as_rehearsed() {
        let mut all = accounts(HAVE_ACCOUNTS.map(|name| account(name, name)));
        // Somebody else was called so once: the common name is told apart.
        let taken = crate::desired::accounts::Holder::User(user("robin"));
        all.taken.common_name("ou=departments", "sam", taken);
        stays(&HAVE_ACCOUNTS, &all, &["dana", "kim"]);
    }

    #[test]
    fn what_is_only_remembered_is_never_as_rehearsed() {
        let mut all = accounts(HAVE_ACCOUNTS.map(|name| account(name, name)));
        all.seen = Seen::Remembered;
        stays(&HAVE_ACCOUNTS, &all, &[]);
    }
}
