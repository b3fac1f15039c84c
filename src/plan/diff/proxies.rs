//! Secondary addresses: a mail address that changes goes on working. Exactly one value of
//! `proxyAddresses` is primary (`SMTP:`), and no address of another account comes (AD.md 15).

use super::{Draft, causes};
use crate::connector::active_directory::matching;
use crate::connector::{AttributeName, Guid, Value};
use crate::desired::{DesiredAccount, Person};
use crate::diagnostic::Code;
use crate::observed::{Account, Directory};
use crate::plan::limits::Limits;
use std::collections::{BTreeMap, BTreeSet};

/// The attribute.
pub(super) const ATTRIBUTE: &str = "proxyAddresses";

/// What the address behind it is primary by; in lower case it is secondary.
const PRIMARY: &str = "SMTP:";
const SECONDARY: &str = "smtp:";

/// Addresses of the directory, in lower case, and whose they are.
pub(super) type Addresses = BTreeMap<String, BTreeSet<Guid>>;

/// The values the attribute should have, where they are others than it has.
pub(super) fn wanted(
    draft: &mut Draft<'_>,
    person: &Person,
    wanted: &DesiredAccount,
    account: &Account,
    directory: &Directory,
    limits: &Limits,
) -> Option<Vec<Value>> {
    let attribute = AttributeName::from(ATTRIBUTE);
    let mail = AttributeName::from("mail");
    let rules = &draft.inputs.desired.rules;
    let managed = |a: &AttributeName| rules.attributes.contains(a) && limits.covers_attribute(a);
    if !limits.admits(&attribute) || !managed(&mail) {
        return None;
    }
    let primary = wanted.attributes.get(&mail)?.clone();
    let before = account.text("mail");
    let changed = before.filter(|old| !old.eq_ignore_ascii_case(&primary));
    // An address that somebody gave by hand, and that is changed back, was never approved.
    let recorded = draft.inputs.recorded.accounts.get(&person.name);
    let recorded = recorded.and_then(|account| account.mail.as_deref());
    let is_back = recorded.is_some_and(|mail| mail.eq_ignore_ascii_case(&primary));
    let values: Vec<String> = account
        .values(&attribute)
        .iter()
        .filter_map(|v| v.text().map(str::to_owned))
        .collect();
    let named = limits.names(&attribute) && !values.is_empty();
    if !managed(&attribute) && changed.is_none() && !named {
        return None;
    }
    if values.len() != account.values(&attribute).len() {
        // Something that is no text: whose it is nobody here knows.
        return None;
    }
    let listed = wanted
        .attributes
        .get(&attribute)
        .filter(|_| managed(&attribute));
    let more = listed.into_iter().map(|value| secondary(value));
    let kept = changed.filter(|_| !is_back);
    let kept = kept.map(|old| format!("{SECONDARY}{old}"));
    let mut fresh: Vec<String> = vec![format!("{PRIMARY}{primary}")];
    fresh.extend(more.chain(kept));
    if let Some(taken) = fresh.iter().find(|v| {
        let has = values.iter().any(|old| same_address(old, v));
        !has && is_anothers(draft, directory, account.guid, address(v))
    }) {
        let what = format!("update {ATTRIBUTE} of {}", account.login);
        let reason = format!("`{}` is an address of another account", address(taken));
        draft.hold(
            Code::LoginTaken,
            Some(&person.name),
            what,
            reason,
            &causes(person),
        );
        return None;
    }
    let after = together(&values, &fresh);
    let after: Vec<Value> = after.into_iter().map(Value::from).collect();
    let same = matching::same_values(&attribute, account.values(&attribute), &after);
    (!same).then_some(after)
}

/// The values there are, and the new ones, of which the first is primary: an address once, and of
/// several primary ones all but the first secondary.
fn together(values: &[String], fresh: &[String]) -> Vec<String> {
    let Some((primary, more)) = fresh.split_first() else {
        return values.to_vec();
    };
    let mut all: Vec<String> = Vec::new();
    let rest = values.iter().filter(|v| !same_address(v, primary));
    for value in rest {
        match value.strip_prefix(PRIMARY) {
            Some(address) => all.push(format!("{SECONDARY}{address}")),
            None => all.push(value.clone()),
        }
    }
    for value in more {
        let there = same_address(value, primary) || all.iter().any(|v| same_address(v, value));
        if !there {
            all.push(value.clone());
        }
    }
    all.push(primary.clone());
    all
}

fn secondary(value: &str) -> String {
    match value.strip_prefix(PRIMARY) {
        Some(address) => format!("{SECONDARY}{address}"),
        None => value.to_owned(),
    }
}

/// Whether both are the same mail address, primary or not.
fn same_address(one: &str, other: &str) -> bool {
    is_mail(one) == is_mail(other) && address(one).eq_ignore_ascii_case(address(other))
}

fn is_mail(value: &str) -> bool {
    value
        .split_once(':')
        .is_none_or(|(kind, _)| kind.eq_ignore_ascii_case("smtp"))
}

/// A value without the sort of address in front of it.
fn address(value: &str) -> &str {
    value.split_once(':').map_or(value, |(_, address)| address)
}

fn is_anothers(draft: &Draft<'_>, directory: &Directory, own: Guid, address: &str) -> bool {
    let addresses = draft.addresses.get_or_init(|| addresses(directory));
    let holders = addresses.get(&address.to_lowercase());
    holders.is_some_and(|holders| holders.iter().any(|guid| *guid != own))
}

fn addresses(directory: &Directory) -> Addresses {
    let mut addresses = Addresses::new();
    for account in directory.accounts.values() {
        let proxies = account.values(&ATTRIBUTE.into()).iter();
        let proxies = proxies.filter_map(Value::text).map(address);
        let mail = account.text("mail");
        for text in proxies.chain(mail) {
            let holders = addresses.entry(text.to_lowercase()).or_default();
            holders.insert(account.guid);
        }
    }
    addresses
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(values: &[&str], fresh: &[&str]) -> Vec<String> {
        let texts = |list: &[&str]| list.iter().map(|v| (*v).to_owned()).collect::<Vec<_>>();
        together(&texts(values), &texts(fresh))
    }

    #[test]
    fn the_old_address_stays_and_one_is_primary() {
        let fresh = ["SMTP:new@x", "smtp:old@x"];
        assert_eq!(after(&[], &fresh), ["smtp:old@x", "SMTP:new@x"]);
        assert_eq!(
            after(&["SMTP:old@x", "x500:/o=x", "sip:kim@x"], &fresh),
            ["smtp:old@x", "x500:/o=x", "sip:kim@x", "SMTP:new@x"]
        );
        assert_eq!(
            after(&["SMTP:a@x", "SMTP:b@x", "smtp:NEW@x"], &fresh),
            ["smtp:a@x", "smtp:b@x", "smtp:old@x", "SMTP:new@x"]
        );
    }

    #[test]
    fn back_to_an_address_that_was_kept_makes_it_primary_again() {
        let before = ["smtp:old@x", "SMTP:new@x"];
        assert_eq!(
            after(&before, &["SMTP:old@x", "smtp:new@x"]),
            ["smtp:new@x", "SMTP:old@x"]
        );
        let settled = ["smtp:new@x", "SMTP:old@x"];
        assert_eq!(after(&settled, &["SMTP:old@x"]), settled);
    }
}
