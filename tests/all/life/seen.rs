//! What is in a directory, as text that is the same whatever sort of directory it is.

use super::place::{BASE, Raw};
use super::words::Words;
use countersign::connector::Guid;
use countersign::dn::Dn;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// What a server gives by itself, differs from run to run, or says again what is said elsewhere.
const UNSEEN: [&str; 38] = [
    "accountExpires",
    "adminCount",
    "badPasswordTime",
    "badPwdCount",
    "cn",
    "codePage",
    "countryCode",
    "dSCorePropagationData",
    "directReports",
    "distinguishedName",
    "groupType",
    "instanceType",
    "isCriticalSystemObject",
    "lastLogoff",
    "lastLogon",
    "lastLogonTimestamp",
    "lockoutTime",
    "logonCount",
    "managedObjects",
    "memberOf",
    "msDS-KeyVersionNumber",
    "name",
    "objectCategory",
    "objectClass",
    "objectGUID",
    "objectSid",
    "ou",
    "primaryGroupID",
    "pwdLastSet",
    "sAMAccountType",
    "showInAdvancedViewOnly",
    "uSNChanged",
    "uSNCreated",
    "unicodePwd",
    "userParameters",
    "whenChanged",
    "whenCreated",
    "gPLink",
];

/// The entries of the city, by objectGUID.
pub type State = BTreeMap<String, Seen>;

/// An entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Its name below the base.
    pub dn: String,
    /// Its whole name.
    pub whole: String,
    /// Whether it is an account.
    pub is_account: bool,
    /// Whether its owner has a password that nobody else knows, and nothing keeps it from being used.
    pub can_log_on: bool,
    /// Its attributes: `name: value`, sorted.
    pub lines: BTreeSet<String>,
}

/// The entries in units of the city's own.
pub fn state(entries: Vec<Raw>) -> State {
    let seen = entries.iter().filter_map(|raw| {
        let dn = spelled(&raw.dn);
        let below = dn.strip_suffix(&format!(",{BASE}"))?.to_owned();
        let top = below.rsplit(',').next().unwrap_or_default();
        if !top.starts_with("OU=") || top == "OU=Domain Controllers" {
            return None;
        }
        let guid = Guid::from_wire(raw.value("objectGUID")?)?;
        Some((guid.to_string(), raw.seen(dn.clone(), below)))
    });
    seen.collect()
}

impl Raw {
    fn value(&self, attribute: &str) -> Option<&[u8]> {
        let mut named = self.attributes.iter();
        let (_, values) = named.find(|(name, _)| name.eq_ignore_ascii_case(attribute))?;
        values.first().map(Vec::as_slice)
    }

    fn number(&self, attribute: &str) -> Option<i64> {
        std::str::from_utf8(self.value(attribute)?)
            .ok()?
            .parse()
            .ok()
    }

    fn seen(&self, whole: String, dn: String) -> Seen {
        let is_account = self.value("userAccountControl").is_some();
        let mut lines = BTreeSet::new();
        for (name, values) in &self.attributes {
            if UNSEEN
                .iter()
                .any(|unseen| name.eq_ignore_ascii_case(unseen))
            {
                continue;
            }
            let values = values.iter().map(|value| said(value));
            lines.extend(values.map(|value| format!("{name}: {value}")));
        }
        let mut can_log_on = false;
        if is_account {
            let flags = self.number("userAccountControl").unwrap_or_default();
            let theirs = self.number("pwdLastSet").unwrap_or_default() != 0;
            let expires = self.number("accountExpires").and_then(expiry);
            lines.insert(format!(
                "password: {}",
                if theirs {
                    "their own"
                } else {
                    "none or the first"
                }
            ));
            lines.extend(expires.map(|at| format!("accountExpires: {at}")));
            can_log_on = flags & 2 == 0 && theirs;
        }
        Seen {
            dn,
            whole,
            is_account,
            can_log_on,
            lines,
        }
    }
}

/// Hundreds of nanoseconds since 1601 to an instant; none where it never comes.
fn expiry(ticks: i64) -> Option<Timestamp> {
    let never = ticks == 0 || ticks == i64::MAX;
    let seconds = ticks / 10_000_000 - 11_644_473_600;
    (!never)
        .then(|| Timestamp::from_second(seconds).ok())
        .flatten()
}

fn said(value: &[u8]) -> String {
    let Ok(text) = std::str::from_utf8(value) else {
        return value.iter().map(|byte| format!("{byte:02x}")).collect();
    };
    match text.ends_with(BASE) {
        true => {
            let dn = spelled(text);
            let below = dn.strip_suffix(&format!(",{BASE}"));
            below.unwrap_or(&dn).to_owned()
        }
        false => text.to_owned(),
    }
}

/// A name as this program spells it; a server may escape otherwise.
fn spelled(dn: &str) -> String {
    match dn.contains('\\').then(|| Dn::parse(dn)) {
        Some(Ok(dn)) => dn.to_string(),
        Some(Err(_)) | None => dn.to_owned(),
    }
}

/// What became of the directory: every entry that is new or other. Of an account everything is told, of anything else
/// what changed.
pub fn told(before: &State, after: &State, words: &Words) -> Result<String, String> {
    if let Some((_, gone)) = before.iter().find(|(guid, _)| !after.contains_key(*guid)) {
        return Err(format!("{} is gone from the directory", gone.dn));
    }
    let mut changed: Vec<(&str, String)> = Vec::new();
    for (guid, now) in after {
        let then = before.get(guid);
        if then == Some(now) {
            continue;
        }
        let mut text = match then {
            None => format!("new {}\n", now.dn),
            Some(then) if then.dn != now.dn => format!("{}\n  was {}\n", now.dn, then.dn),
            Some(_) => format!("{}\n", now.dn),
        };
        let none = BTreeSet::new();
        let old = then.map_or(&none, |then| &then.lines);
        let mut lines = Vec::new();
        for line in old.union(&now.lines) {
            let sign = match (old.contains(line), now.lines.contains(line)) {
                (true, false) => '-',
                (false, true) if then.is_some() => '+',
                _ if now.is_account || then.is_none() => ' ',
                _ => continue,
            };
            lines.push(format!("  {sign} {line}"));
        }
        match now.is_account {
            true => lines.iter().for_each(|line| text += &format!("{line}\n")),
            false => text += &words.lines(lines.into_iter()),
        }
        changed.push((&now.dn, text));
    }
    changed.sort();
    let changed = changed.into_iter().map(|(_, text)| text);
    Ok(words.alike(changed))
}
