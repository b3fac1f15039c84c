//! Ties accounts to users: by the record, by the objectGUID a manifest names, by the anchor
//! attribute; never by name (SEMANTICS 8).

use super::{Account, Directory};
use crate::connector::{AttributeName, Guid, Value};
use crate::desired::accounts::{Holder, NamesByHand, Seen, Taken, Trouble};
use crate::desired::{Accounts, KnownAccount, Tie};
use crate::diagnostic::Code;
use crate::dn::Dn;
use crate::name::UserName;
use foldhash::{HashMap, HashMapExt as _};
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What a user brings to find their account by.
#[derive(Debug, Clone, Default)]
pub struct Claim {
    /// The account the record says, and its names.
    pub recorded: Option<RecordedNames>,
    /// The account the manifest says.
    pub declared: Option<Guid>,
    /// The value of the anchor attribute.
    pub anchor: Option<String>,
}

/// What the record says of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedNames {
    /// Which it is.
    pub guid: Guid,
    /// Its login name.
    pub login: String,
    /// Its principal name, where it has one.
    pub upn: Option<String>,
    /// Its mail address, where it has one.
    pub mail: Option<String>,
}

/// The rules accounts are found by.
pub struct Rules<'a> {
    /// The attribute an account may be adopted by, where the operator allows one.
    pub anchor: Option<&'a AttributeName>,
    /// Attributes that are only read.
    pub observed: &'a BTreeSet<AttributeName>,
    /// Whether accounts at a place are managed.
    pub covers: &'a (dyn Fn(&Dn) -> bool + Sync),
    /// Whether mail addresses are managed; those that are not are as the directory has them.
    pub mail: bool,
}

/// Names that were ever used, in lower case, and whose they were: nobody else gets them.
pub fn used(names: &BTreeMap<String, UserName>) -> Taken {
    let mut taken = Taken::default();
    taken.reserve(names.len() / 2);
    for (name, user) in names {
        match name.contains('@') {
            true => taken.address(name, Holder::User(user.clone())),
            false => taken.login(name, Holder::User(user.clone())),
        }
    }
    taken
}

/// What is found of one user: their account, or why it cannot be told.
type Found<'a> = (&'a UserName, &'a Claim, Result<(Guid, Tie), Trouble>);

/// Finds every user's account, and every name that is taken besides those that were `used`. What was seen of an
/// account by the same rules and claims is not worked out again.
pub fn tie(
    directory: &Directory,
    claims: &BTreeMap<UserName, Claim>,
    rules: &Rules<'_>,
    (used, seen): (Taken, &SeenAccounts),
) -> Accounts {
    let anchors = anchors(directory, claims, rules);
    let claims: Vec<(&UserName, &Claim)> = claims.iter().collect();
    let found = claims.par_iter().filter_map(|(user, claim)| {
        let found = one(directory, claim, rules, &anchors).transpose()?;
        Some((*user, *claim, found))
    });
    let mut found: Vec<Found<'_>> = found.collect();
    ambiguous(&mut found);
    let known = found.par_iter().filter_map(|(user, claim, found)| {
        let (guid, tie) = found.as_ref().ok()?;
        let account = directory.accounts.get(guid)?;
        let is_same = |(before, known): &&(Arc<Account>, Arc<KnownAccount>)| {
            Arc::ptr_eq(before, account) && known.tie == *tie
        };
        let known = match seen.get(guid).filter(is_same) {
            Some((_, known)) => known.clone(),
            None => {
                let recorded = claim.recorded.as_ref();
                let recorded = recorded.filter(|_| (rules.covers)(&account.dn));
                Arc::new(known(account, *tie, recorded, rules))
            }
        };
        Some(((*user).clone(), known))
    });
    let known: Vec<_> = known.collect();
    let mut owners = HashMap::with_capacity(found.len());
    let mut troubled: BTreeMap<UserName, Trouble> = BTreeMap::new();
    for (user, _, found) in found {
        match found {
            Ok((guid, _)) => drop(owners.insert(guid, user.clone())),
            Err(trouble) => drop(troubled.insert(user.clone(), trouble)),
        }
    }
    Accounts {
        seen: Seen::Yes,
        domain: directory.base.domain(),
        suffixes: directory.suffixes.clone(),
        known: known.into_iter().collect(),
        owners,
        held: directory.names.clone(),
        taken: used,
        troubled,
    }
}

/// Whose accounts seem to be, while the directory is still being read: whether several are one user's, or one is
/// several users', is known at its end only.
pub struct Seeming<'a> {
    claims: &'a BTreeMap<UserName, Claim>,
    by_guid: HashMap<Guid, &'a UserName>,
    /// By the value of the anchor attribute in lower case.
    by_anchor: HashMap<String, &'a UserName>,
    seen: SeenAccounts,
}

/// Accounts that were looked at, and what was known of them then.
pub type SeenAccounts = HashMap<Guid, (Arc<Account>, Arc<KnownAccount>)>;

impl<'a> Seeming<'a> {
    /// By what users bring, and by the anchor attribute where accounts may be adopted by it.
    pub fn of(claims: &'a BTreeMap<UserName, Claim>, may_adopt: bool) -> Self {
        let mut by_guid = HashMap::with_capacity(claims.len());
        let mut by_anchor = HashMap::new();
        for (user, claim) in claims {
            let recorded = claim.recorded.as_ref().map(|recorded| recorded.guid);
            match (recorded.or(claim.declared), &claim.anchor) {
                (Some(guid), _) => drop(by_guid.insert(guid, user)),
                (None, Some(value)) if may_adopt => {
                    by_anchor.insert(value.to_lowercase(), user);
                }
                (None, _) => {}
            }
        }
        Self {
            claims,
            seen: HashMap::with_capacity(by_guid.len()),
            by_guid,
            by_anchor,
        }
    }

    /// The user whose an account seems to be, and how it is known then.
    pub fn look(
        &mut self,
        account: &Arc<Account>,
        rules: &Rules<'_>,
    ) -> Option<(UserName, Arc<KnownAccount>)> {
        let by_anchor = || {
            let value = account.text(rules.anchor?.clone())?;
            self.by_anchor.get(&value.to_lowercase())
        };
        let is_covered = (rules.covers)(&account.dn);
        let user = match self.by_guid.get(&account.guid) {
            Some(user) => *user,
            None if self.by_anchor.is_empty() => return None,
            None => *by_anchor()?,
        };
        let claim = self.claims.get(user)?;
        let tie = match (&claim.recorded, claim.declared) {
            (Some(_), _) => Tie::Recorded,
            (None, Some(_)) => Tie::Declared,
            (None, None) => Tie::Anchored,
        };
        if tie != Tie::Recorded && !is_covered {
            return None;
        }
        let recorded = claim.recorded.as_ref().filter(|_| is_covered);
        let known = Arc::new(known(account, tie, recorded, rules));
        let seen = (account.clone(), known.clone());
        self.seen.insert(account.guid, seen);
        Some((user.clone(), known))
    }

    /// What was looked at: the same of it is known in the end, where the record is still the same.
    pub fn into_seen(self) -> SeenAccounts {
        self.seen
    }
}

/// Of several users who claim one account nobody has it.
fn ambiguous(found: &mut [Found<'_>]) {
    let mut claimed: Vec<(Guid, usize)> = (0..)
        .zip(found.iter())
        .filter_map(|(place, (_, _, found))| Some((found.as_ref().ok()?.0, place)))
        .collect();
    claimed.sort_unstable();
    for places in claimed.chunk_by(|(a, _), (b, _)| a == b) {
        if places.len() == 1 {
            continue;
        }
        let users: Vec<&UserName> = places.iter().map(|(_, place)| found[*place].0).collect();
        for (_, place) in places {
            let (user, _, found) = &mut found[*place];
            let others = users.iter().filter(|other| *other != user);
            let others: Vec<&str> = others.map(|other| other.as_str()).collect();
            *found = Err(Trouble {
                code: Code::AmbiguousAnchor,
                reason: format!("the same account is also claimed by {}", others.join(", ")),
            });
        }
    }
}

/// Managed accounts by the value of the anchor attribute, in lower case; of the values that somebody is
/// looked for by.
fn anchors(
    directory: &Directory,
    claims: &BTreeMap<UserName, Claim>,
    rules: &Rules<'_>,
) -> HashMap<String, Vec<Guid>> {
    let Some(anchor) = rules.anchor else {
        return HashMap::new();
    };
    let claims = claims.values();
    let unknown = claims.filter(|c| c.recorded.is_none() && c.declared.is_none());
    let wanted = unknown.filter_map(|c| c.anchor.as_ref());
    let mut anchors: HashMap<String, Vec<Guid>> = wanted
        .map(|value| (value.to_lowercase(), Vec::new()))
        .collect();
    if anchors.is_empty() {
        return anchors;
    }
    for account in directory.accounts.values() {
        let value = account.values(anchor).first().and_then(Value::text);
        let Some(value) = value else { continue };
        if let Some(found) = anchors.get_mut(&value.to_lowercase())
            && (rules.covers)(&account.dn)
        {
            found.push(account.guid);
        }
    }
    anchors
}

fn one(
    directory: &Directory,
    claim: &Claim,
    rules: &Rules<'_>,
    anchors: &HashMap<String, Vec<Guid>>,
) -> Result<Option<(Guid, Tie)>, Trouble> {
    let gone = |guid: Guid, who: &str| Trouble {
        code: Code::AccountGone,
        reason: format!("the account {guid} that {who} is not in the directory, or cannot be seen"),
    };
    if let Some(RecordedNames { guid, .. }) = claim.recorded {
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

/// An account under the names that are recorded of it: those of the directory are another's work, where
/// they differ.
fn known(
    account: &Account,
    tie: Tie,
    recorded: Option<&RecordedNames>,
    rules: &Rules<'_>,
) -> KnownAccount {
    let here = NamesByHand {
        login: account.login.as_str().into(),
        upn: account.text("userPrincipalName").unwrap_or_default().into(),
        mail: account.text("mail").map(Into::into),
    };
    let recorded = recorded.filter(|recorded| !recorded.login.is_empty());
    let kept = recorded.map(|recorded| NamesByHand {
        login: said(&recorded.login, &here.login),
        upn: match &recorded.upn {
            Some(upn) => said(upn, &here.upn),
            None => here.upn.clone(),
        },
        mail: match (&recorded.mail, &here.mail) {
            (Some(mail), Some(same)) if rules.mail => Some(said(mail, same)),
            (Some(mail), None) if rules.mail => Some(mail.as_str().into()),
            _ => here.mail.clone(),
        },
    });
    let (names, by_hand) = match kept {
        Some(kept) if !kept.are(&here) => (kept, Some(Box::new(here))),
        Some(_) | None => (here, None),
    };
    KnownAccount {
        guid: account.guid,
        tie,
        dn: account.dn.text().clone(),
        login: names.login,
        upn: names.upn,
        cn: account.dn.name().into(),
        mail: names.mail,
        by_hand,
        observed: rules
            .observed
            .iter()
            .filter_map(|name| Some((name.clone(), account.text(name.clone())?.into())))
            .collect(),
    }
}

/// A text that is recorded: mostly it is the one that is there.
fn said(recorded: &str, here: &Arc<str>) -> Arc<str> {
    match recorded == &**here {
        true => here.clone(),
        false => recorded.into(),
    }
}
