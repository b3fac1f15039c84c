//! Ties accounts to users: by the record, by the objectGUID a manifest names, by the anchor
//! attribute; never by name (SEMANTICS 8).

use super::{Account, Directory};
use crate::connector::{AttributeName, Guid};
use crate::desired::accounts::{Holder, Seen, Taken, Trouble};
use crate::desired::{Accounts, KnownAccount, Tie};
use crate::diagnostic::Code;
use crate::dn::Dn;
use crate::name::UserName;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What a user brings to find their account by.
#[derive(Debug, Clone, Default)]
pub struct Claim {
    /// The account the record says.
    pub recorded: Option<Guid>,
    /// The account the manifest says.
    pub declared: Option<Guid>,
    /// The value of the anchor attribute.
    pub anchor: Option<String>,
}

/// The rules accounts are found by.
pub struct Rules<'a> {
    /// The attribute an account may be adopted by, where the operator allows one.
    pub anchor: Option<&'a AttributeName>,
    /// Attributes that are only read.
    pub observed: &'a BTreeSet<AttributeName>,
    /// Whether accounts at a place are managed.
    pub covers: &'a dyn Fn(&Dn) -> bool,
    /// Names that were ever used, in lower case, and whose they were.
    pub names_used: &'a BTreeMap<String, UserName>,
}

/// Finds every user's account, and every name that is taken.
pub fn tie(
    directory: &Directory,
    claims: &BTreeMap<UserName, Claim>,
    rules: &Rules<'_>,
) -> Accounts {
    let anchors = anchors(directory, rules);
    let mut found: BTreeMap<&UserName, (Guid, Tie)> = BTreeMap::new();
    let mut troubled: BTreeMap<UserName, Trouble> = BTreeMap::new();
    for (user, claim) in claims {
        match one(directory, claim, rules, &anchors) {
            Ok(Some(tie)) => {
                found.insert(user, tie);
            }
            Ok(None) => {}
            Err(trouble) => {
                troubled.insert(user.clone(), trouble);
            }
        }
    }
    let mut claimed: BTreeMap<Guid, Vec<&UserName>> = BTreeMap::new();
    for (user, (guid, _)) in &found {
        claimed.entry(*guid).or_default().push(user);
    }
    for users in claimed.values().filter(|users| users.len() > 1) {
        for user in users {
            let others: Vec<&str> = users
                .iter()
                .filter(|u| u != &user)
                .map(|u| u.as_str())
                .collect();
            found.remove(user);
            troubled.insert(
                (*user).clone(),
                Trouble {
                    code: Code::AmbiguousAnchor,
                    reason: format!("the same account is also claimed by {}", others.join(", ")),
                },
            );
        }
    }
    let owners: BTreeMap<Guid, &UserName> = found
        .iter()
        .map(|(user, (guid, _))| (*guid, *user))
        .collect();
    let all_known = || {
        let accounts = found.iter().filter_map(|(user, (guid, tie))| {
            let account = directory.accounts.get(guid)?;
            Some(((*user).clone(), known(account, *tie, rules.observed)))
        });
        accounts.collect()
    };
    let (known, taken) = rayon::join(all_known, || taken(directory, &owners, rules.names_used));
    Accounts {
        seen: Seen::Yes,
        domain: directory.base.domain(),
        suffixes: directory.suffixes.clone(),
        known,
        taken,
        troubled,
    }
}

/// Managed accounts by the value of the anchor attribute, in lower case.
fn anchors(directory: &Directory, rules: &Rules<'_>) -> BTreeMap<String, Vec<Guid>> {
    let mut anchors: BTreeMap<String, Vec<Guid>> = BTreeMap::new();
    let Some(anchor) = rules.anchor else {
        return anchors;
    };
    for account in directory
        .accounts
        .values()
        .filter(|a| (rules.covers)(&a.dn))
    {
        if let Some(value) = account.text(anchor.clone()) {
            anchors
                .entry(value.to_lowercase())
                .or_default()
                .push(account.guid);
        }
    }
    anchors
}

fn one(
    directory: &Directory,
    claim: &Claim,
    rules: &Rules<'_>,
    anchors: &BTreeMap<String, Vec<Guid>>,
) -> Result<Option<(Guid, Tie)>, Trouble> {
    let gone = |guid: Guid, who: &str| Trouble {
        code: Code::AccountGone,
        reason: format!("the account {guid} that {who} is not in the directory, or cannot be seen"),
    };
    if let Some(guid) = claim.recorded {
        return match directory.accounts.contains_key(&guid) {
            true => Ok(Some((guid, Tie::Recorded))),
            false => Err(gone(guid, "was recorded as this user's")),
        };
    }
    if let Some(guid) = claim.declared {
        let account = directory.accounts.get(&guid);
        return match account {
            Some(account) if (rules.covers)(&account.dn) => Ok(Some((guid, Tie::Declared))),
            Some(account) => Err(Trouble {
                code: Code::Outside,
                reason: format!(
                    "the account to adopt stands outside the managed OUs: {}",
                    account.dn
                ),
            }),
            None => Err(gone(guid, "the manifest names")),
        };
    }
    let Some(value) = claim.anchor.as_ref().filter(|_| rules.anchor.is_some()) else {
        return Ok(None);
    };
    match anchors.get(&value.to_lowercase()).map(Vec::as_slice) {
        None | Some([]) => Ok(None),
        Some([only]) => Ok(Some((*only, Tie::Anchored))),
        Some(several) => Err(Trouble {
            code: Code::AmbiguousAnchor,
            reason: format!(
                "{} accounts carry the anchor value `{value}`",
                several.len()
            ),
        }),
    }
}

fn known(account: &Account, tie: Tie, observed: &BTreeSet<AttributeName>) -> KnownAccount {
    KnownAccount {
        guid: account.guid,
        tie,
        dn: account.dn.to_string(),
        login: account.login.clone(),
        upn: account
            .text("userPrincipalName")
            .unwrap_or_default()
            .to_owned(),
        cn: account.dn.rdn().value().to_owned(),
        mail: account.text("mail").map(str::to_owned),
        observed: observed
            .iter()
            .filter_map(|name| Some((name.clone(), account.text(name.clone())?.to_owned())))
            .collect(),
    }
}

fn taken(
    directory: &Directory,
    owners: &BTreeMap<Guid, &UserName>,
    names_used: &BTreeMap<String, UserName>,
) -> Taken {
    let mut taken = Taken::default();
    let mut parents = Parents::default();
    let domain = directory.base.domain();
    for account in directory.accounts.values() {
        let holder = match owners.get(&account.guid) {
            Some(user) => Holder::User((*user).clone()),
            None => Holder::Foreign,
        };
        taken.login(&account.login, holder.clone());
        // A login name is a principal name too, and the other way round (AD.md 7).
        if let Some(domain) = &domain {
            taken.address(&format!("{}@{domain}", account.login), holder.clone());
        }
        let upn = account.text("userPrincipalName").unwrap_or_default();
        if let Some((local, suffix)) = upn.rsplit_once('@')
            && domain
                .as_deref()
                .is_some_and(|d| d.eq_ignore_ascii_case(suffix))
        {
            taken.login(local, holder.clone());
        }
        for attribute in ["userPrincipalName", "mail", "proxyAddresses"] {
            for value in account
                .values(&attribute.into())
                .iter()
                .filter_map(|v| v.text())
            {
                let address = value.split_once(':').map_or(value, |(_, address)| address);
                taken.address(address, holder.clone());
            }
        }
        let parent = parents.of(directory, &account.dn);
        taken.common_name(parent, account.dn.rdn().value(), holder);
    }
    for group in directory.groups.values() {
        taken.login(&group.name, Holder::Object);
        let parent = parents.of(directory, &group.dn);
        taken.common_name(parent, group.dn.rdn().value(), Holder::Object);
    }
    for unit in &directory.units {
        let parent = parents.of(directory, unit);
        taken.common_name(parent, unit.rdn().value(), Holder::Object);
    }
    for (name, user) in names_used {
        match name.contains('@') {
            true => taken.address(name, Holder::User(user.clone())),
            false => taken.login(name, Holder::User(user.clone())),
        }
    }
    taken
}

/// The parents of places below the base, innermost first: `ou=its,ou=departments`. Many stand in one.
#[derive(Default)]
struct Parents(HashMap<Dn, String>);

impl Parents {
    fn of(&mut self, directory: &Directory, dn: &Dn) -> &str {
        let Some(parent) = dn.parent() else {
            return "";
        };
        let path = |parent: &Dn| path(directory, parent);
        self.0.entry(parent).or_insert_with_key(path)
    }
}

fn path(directory: &Directory, dn: &Dn) -> String {
    let mut parts = Vec::new();
    let mut next = Some(dn.clone());
    while let Some(parent) = next {
        if parent == directory.base || parent.depth() <= directory.base.depth() {
            break;
        }
        let rdn = parent.rdn();
        parts.push(format!(
            "{}={}",
            rdn.attribute().to_lowercase(),
            rdn.value()
        ));
        next = parent.parent();
    }
    parts.join(",")
}
