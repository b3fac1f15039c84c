//! Everybody's attributes → what two users may not share, and what one address list may not say. The
//! directory takes all of it (AD.md 15, 16), and then mail goes to the wrong person.

use crate::catalog::{Catalog, Problem};
use crate::connector::AttributeName;
use crate::desired::accounts::fold;
use crate::desired::{DesiredAccount, Person};
use crate::diagnostic::Code;
use crate::manifest::parse::Location;
use crate::manifest::user::UserState;
use crate::name::UserName;
use foldhash::HashMap;
use std::collections::BTreeMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

const PROXY_ADDRESSES: &str = "proxyAddresses";

/// Attributes that tell people apart, and that the directory lets two of them share.
const PERSONAL: [&str; 2] = ["employeeID", "employeeNumber"];

/// Who claims what, as far as people were looked at.
#[derive(Default)]
pub(super) struct Distinct {
    holders: HashMap<Claim, Holders>,
}

/// Who makes a claim.
enum Holders {
    One(UserName),
    /// Hardly ever.
    Several(Vec<UserName>),
}

/// A sort of value, and the value with case and accents folded.
type Claim = (&'static str, Arc<str>);

/// What one person claims, and what is wrong with it whatever others claim.
#[derive(Default)]
pub(super) struct Claims {
    /// As it is written, and as it is compared.
    own: Vec<(Arc<str>, Claim)>,
    misaddressed: Option<String>,
}

impl Claims {
    /// What a person claims.
    pub fn of(person: &Person) -> Self {
        // Nothing is written of an account that is held: it shares nothing with anybody.
        let account = person.account.as_ref().filter(|a| a.trouble.is_none());
        let Some(account) = account else {
            return Self::default();
        };
        let list = account
            .attributes
            .get(&AttributeName::from(PROXY_ADDRESSES));
        let own = match person.state {
            UserState::Left => Vec::new(),
            UserState::Active | UserState::Suspended => claims(account),
        };
        let own = own.into_iter().map(|(sort, value)| {
            let folded = match fold(&value) {
                folded if *folded == *value => value.clone(),
                folded => folded.into(),
            };
            (value, (sort, folded))
        });
        Self {
            own: own.collect(),
            misaddressed: list.and_then(|list| misaddressed(std::slice::from_ref(list))),
        }
    }
}

impl Distinct {
    /// Makes ready for so many users at once.
    pub fn expect(&mut self, users: usize) {
        self.holders.reserve(2 * users);
    }

    /// Takes note of what people claim now, in place of what they claimed `before`, and reports what is
    /// another's too, and a list of addresses without exactly one primary.
    pub fn look<'p>(
        &mut self,
        catalog: &Catalog,
        before: &BTreeMap<UserName, Arc<Person>>,
        people: impl Iterator<Item = (&'p UserName, Claims)>,
    ) -> Vec<Problem> {
        let mut problems = Vec::new();
        for person in before
            .values()
            .filter(|p| catalog.users.contains_key(&p.name))
        {
            for (_, claim) in Claims::of(person).own {
                self.give_up(&person.name, &claim);
            }
        }
        for (name, Claims { own, misaddressed }) in people {
            if own.is_empty() && misaddressed.is_none() {
                continue;
            }
            let Some(user) = catalog.users.get(name) else {
                continue;
            };
            if let Some(why) = misaddressed {
                let help =
                    "write one `SMTP:` address, from which mail is sent, and `smtp:` before others";
                problems.push(
                    Problem::new(
                        Code::FieldValue,
                        &user.at,
                        "/metadata.name",
                        format!("`{PROXY_ADDRESSES}` of `{name}`: {why}"),
                    )
                    .help(help),
                );
            }
            for (value, claim) in own {
                let sort = claim.0;
                if let Some(first) = self.take(name, claim) {
                    problems.push(twice(sort, &value, &user.at, catalog, &first));
                }
            }
        }
        problems
    }

    /// Notes who makes a claim; the first of those who make it besides.
    fn take(&mut self, name: &UserName, claim: Claim) -> Option<UserName> {
        let holders = match self.holders.entry(claim) {
            Entry::Occupied(holders) => holders.into_mut(),
            Entry::Vacant(place) => {
                place.insert(Holders::One(name.clone()));
                return None;
            }
        };
        let mut all = match holders {
            Holders::One(one) => vec![one.clone()],
            Holders::Several(several) => std::mem::take(several),
        };
        let first = all.iter().filter(|other| *other != name).min().cloned();
        if !all.contains(name) {
            all.push(name.clone());
        }
        *holders = Holders::Several(all);
        first
    }

    /// Notes that somebody no longer makes a claim.
    fn give_up(&mut self, name: &UserName, claim: &Claim) {
        let is_left = match self.holders.get_mut(claim) {
            None => return,
            Some(Holders::One(one)) => one != name,
            Some(Holders::Several(several)) => {
                several.retain(|holder| holder != name);
                !several.is_empty()
            }
        };
        if !is_left {
            self.holders.remove(claim);
        }
    }
}

fn twice(sort: &str, value: &str, at: &Location, catalog: &Catalog, first: &UserName) -> Problem {
    let problem = Problem::new(
        Code::LoginTaken,
        at,
        "/metadata.name",
        format!("the {sort} `{value}` is `{first}`'s too"),
    )
    .help("give one of them another; the directory would take both");
    match catalog.users.get(first) {
        Some(other) => problem.related(&other.at, "/metadata.name", "the other one"),
        None => problem,
    }
}

/// What of an account belongs to nobody else: addresses for mail of any attribute, and numbers.
fn claims(account: &DesiredAccount) -> Vec<(&'static str, Arc<str>)> {
    let of = |name: &'static str| {
        let value = account.attributes.get(&AttributeName::from(name));
        value.into_iter()
    };
    let listed = of(PROXY_ADDRESSES).filter_map(|value| Some(mailbox(value)?.into()));
    let mail = of("mail").cloned().chain(listed);
    let mut claims: Vec<_> = mail.map(|address| ("address", address)).collect();
    for name in PERSONAL {
        claims.extend(of(name).map(|number| (name, number.clone())));
    }
    claims
}

/// The address of `SMTP:a@b` and `smtp:a@b`; other sorts are not mail.
fn mailbox(proxy: &str) -> Option<&str> {
    let (sort, address) = proxy.split_once(':')?;
    sort.eq_ignore_ascii_case("smtp").then_some(address)
}

/// Why a list of addresses cannot be: the prefix in capitals is the one primary.
fn misaddressed(list: &[Arc<str>]) -> Option<String> {
    if let Some(bare) = list.iter().find(|value| !value.contains(':')) {
        return Some(format!("`{bare}` does not say of which sort it is"));
    }
    if !list.iter().any(|value| mailbox(value).is_some()) {
        return None;
    }
    match list.iter().filter(|v| v.starts_with("SMTP:")).count() {
        1 => None,
        0 => Some("no address is primary (`SMTP:` in capitals)".into()),
        count => Some(format!(
            "{count} addresses are primary (`SMTP:` in capitals)"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_those_who_make_a_claim_the_first_is_told() {
        let user = |name| UserName::new(name).unwrap();
        let (ann, bob, cyd) = (user("ann"), user("bob"), user("cyd"));
        let claim = || ("address", Arc::from("desk@city.example"));
        let mut distinct = Distinct::default();
        assert_eq!(distinct.take(&bob, claim()), None);
        assert_eq!(distinct.take(&bob, claim()), None);
        // Who does not make it gives nothing up.
        distinct.give_up(&ann, &claim());
        assert_eq!(distinct.take(&cyd, claim()), Some(bob.clone()));
        assert_eq!(distinct.take(&ann, claim()), Some(bob.clone()));
        assert_eq!(distinct.take(&cyd, claim()), Some(ann.clone()));
        distinct.give_up(&ann, &claim());
        assert_eq!(distinct.take(&cyd, claim()), Some(bob.clone()));
        distinct.give_up(&bob, &claim());
        assert_eq!(distinct.take(&cyd, claim()), None);
        distinct.give_up(&cyd, &claim());
        assert_eq!(distinct.take(&ann, claim()), None);
        distinct.give_up(&ann, &claim());
        assert!(distinct.holders.is_empty());
    }

    /// AD 15: the prefix in capitals is the primary address, and there is exactly one.
    #[test]
    fn ad_15_a_list_of_addresses_has_one_primary() {
        let why =
            |list: &[&str]| misaddressed(&list.iter().map(|t| (*t).into()).collect::<Vec<_>>());
        assert_eq!(
            why(&["SMTP:kim@a.example", "smtp:k@a.example", "X500:/o=a"]),
            None
        );
        assert_eq!(why(&["X500:/o=a"]), None);
        assert_eq!(why(&[]), None);
        assert!(
            why(&["SMTP:kim@a.example", "SMTP:k@a.example"])
                .unwrap()
                .starts_with("2 addresses")
        );
        assert!(
            why(&["smtp:kim@a.example"])
                .unwrap()
                .starts_with("no address")
        );
        assert!(
            why(&["kim@a.example"])
                .unwrap()
                .starts_with("`kim@a.example`")
        );
    }
}
