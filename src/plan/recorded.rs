//! What the record says: the accounts, memberships and manual entitlements that came from here.
//! Declared here because the plan reads it; the ledger fills it.

use super::task::{FieldValues, Task};
use super::{ChangeId, MemberChange, NoticeKey};
use crate::connector::{At, Guid};
use crate::desired::{EntitlementKey, GroupKey};
use crate::dn::Dn;
use crate::name::UserName;
use crate::observed::Directory;
use crate::observed::tie::RecordedNames;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The record, as far as a plan needs it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Recorded {
    /// Whether there is a record at all; without one, removals are held (SEMANTICS 16).
    pub kept: Kept,
    /// The instant of the latest run; none: there was none.
    pub ran: Option<Timestamp>,
    /// Which account is whose, as created or adopted from here.
    pub accounts: BTreeMap<UserName, RecordedAccount>,
    /// Memberships that were granted from here and not taken away since.
    pub memberships: BTreeSet<(Guid, GroupKey)>,
    /// Manual entitlements: what is held, and what is asked.
    pub manual: BTreeMap<(UserName, EntitlementKey), ManualState>,
    /// The highest generation of a task that was closed, by what it was about.
    pub generations: BTreeMap<(UserName, EntitlementKey), u32>,
    /// Login names, principal names and addresses ever used, in lower case, and whose they were.
    pub names_used: BTreeMap<String, UserName>,
    /// Accounts that were given a first password from here, as long as their users did not leave.
    pub passwords: BTreeMap<Guid, FirstPassword>,
    /// Users whose leaving was seen, and what it left.
    pub departures: BTreeMap<UserName, RecordedDeparture>,
    /// What was told, and to whom.
    pub notices: BTreeMap<NoticeKey, Told>,
    /// Whose accounts were what they should be, part by part, and what that was.
    pub agreed: Agreed,
    /// Writes that were begun, and of which nobody knows whether they came about: the answer was
    /// lost, or the program ended.
    pub attempts: BTreeMap<ChangeId, Attempt>,
}

/// What users' accounts should be, as far as a run left nothing to do for them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Agreed {
    /// Groups that only who should be was in.
    pub exact: Groups,
    /// By user, what of their account was what it should be.
    pub users: BTreeMap<UserName, AgreedAccount>,
}

/// What is new about what accounts should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgreedNews {
    /// The groups that only who should be was in; none: the same as before.
    pub exact: Option<Groups>,
    /// Users whose accounts something else is said of. An empty one: of that account nothing is so.
    pub users: BTreeMap<UserName, AgreedAccount>,
}

/// What of one account was what it should be. Written as its fingerprints and its groups.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct AgreedAccount {
    /// A fingerprint of each part: of which it is and what it should be.
    pub parts: BTreeSet<u32>,
    /// The managed groups it was in, and should be in.
    pub groups: Groups,
}

impl From<String> for AgreedAccount {
    fn from(text: String) -> Self {
        let (prints, groups) = text.split_at(text.find('/').unwrap_or(text.len()));
        let prints = prints.as_bytes().chunks_exact(PRINT);
        let prints = prints.filter_map(|digits| {
            let digits = std::str::from_utf8(digits).ok()?;
            u32::from_str_radix(digits, 16).ok()
        });
        Self {
            parts: prints.collect(),
            groups: groups.to_owned().into(),
        }
    }
}

impl From<AgreedAccount> for String {
    fn from(account: AgreedAccount) -> Self {
        let AgreedAccount { parts, groups } = account;
        let prints = parts.iter().map(|print| format!("{print:08x}"));
        prints.chain([Self::from(groups)]).collect()
    }
}

/// The hex digits of a fingerprint.
const PRINT: usize = 8;

/// Groups, written each after a slash, which no group's name has in it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Groups(pub BTreeSet<GroupKey>);

impl From<String> for Groups {
    fn from(text: String) -> Self {
        // What stands before the first slash is of a record of before, which named no groups.
        Self(text.split('/').skip(1).map(GroupKey::new).collect())
    }
}

impl From<Groups> for String {
    fn from(groups: Groups) -> Self {
        let names = groups.0.iter().map(|key| format!("/{}", key.as_str()));
        names.collect()
    }
}

/// A write whose coming about the record has to know of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum Attempt {
    /// An account is made.
    Account {
        /// The user it is made for.
        user: UserName,
        /// Where it would stand.
        dn: Dn,
        /// The login name it would have.
        login: String,
    },
    /// The names of an account that is a user's change.
    Names {
        /// The user.
        user: UserName,
        /// The account.
        account: Guid,
    },
    /// A membership comes or goes.
    Membership {
        /// The user, where the account is one's.
        user: Option<UserName>,
        /// The account.
        account: At,
        /// The group's sAMAccountName.
        group: String,
        /// It comes or goes.
        change: MemberChange,
    },
}

/// What a map by user and entitlement has of one user, by entitlement.
pub fn of_user<'m, V>(
    map: &'m BTreeMap<(UserName, EntitlementKey), V>,
    user: &'m UserName,
) -> impl Iterator<Item = (&'m EntitlementKey, &'m V)> {
    map.range((user.clone(), EntitlementKey::least())..)
        .take_while(move |((name, _), _)| name == user)
        .map(|((_, key), value)| (key, value))
}

impl Recorded {
    /// What the record says once the directory has told what became of every attempt.
    ///
    /// An account is a user's where our own record says that it was about to be made there under
    /// that name; a name alone never makes it so (SEMANTICS 8).
    pub fn settled(&self, directory: &Directory) -> Self {
        let mut settled = self.clone();
        for attempt in std::mem::take(&mut settled.attempts).into_values() {
            match attempt {
                Attempt::Account { user, dn, login } => {
                    let account = directory.at(&dn).and_then(|g| directory.accounts.get(&g));
                    let made = account.filter(|a| a.login.eq_ignore_ascii_case(&login));
                    if let Some(account) = made {
                        let guid = account.guid;
                        let account = RecordedAccount {
                            guid,
                            login,
                            upn: account.text("userPrincipalName").map(str::to_owned),
                            mail: account.text("mail").map(str::to_owned),
                            made: Made::Here,
                        };
                        settled.accounts.entry(user).or_insert(account);
                    }
                }
                Attempt::Names { user, account } => {
                    let known = settled.accounts.get_mut(&user);
                    let found = directory.accounts.get(&account);
                    if let (Some(known), Some(found)) = (known, found)
                        && known.guid == account
                    {
                        known.login.clone_from(&found.login);
                        known.upn = found.text("userPrincipalName").map(str::to_owned);
                        known.mail = found.text("mail").map(str::to_owned);
                        let names = ["sAMAccountName", "userPrincipalName", "mail"];
                        let names = names.into_iter().filter_map(|name| found.text(name));
                        let names = names.map(|name| (name.to_lowercase(), user.clone()));
                        settled.names_used.extend(names);
                    }
                }
                Attempt::Membership {
                    user: _,
                    account,
                    group,
                    change,
                } => {
                    let guid = match account {
                        At::Guid(guid) => Some(guid),
                        At::Dn(dn) => directory.at(&dn),
                    };
                    let Some(guid) = guid else { continue };
                    let group = GroupKey::new(&group);
                    match (change, directory.is_member(guid, &group)) {
                        (MemberChange::Add, true) => settled.memberships.insert((guid, group)),
                        (MemberChange::Remove, false) => settled.memberships.remove(&(guid, group)),
                        (MemberChange::Add, false) | (MemberChange::Remove, true) => false,
                    };
                }
            }
        }
        settled
    }
}

/// What became of a first password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FirstPassword {
    /// It was set; nobody knows it.
    Set,
    /// It was set and handed on.
    HandedOver,
}

/// A leaving that was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedDeparture {
    /// What ended the user's time here: see [`NoticeKey::by`].
    pub by: String,
    /// The description their account was to have from then on.
    pub description: Option<String>,
}

/// Who was told something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// These addresses (in lower case), and perhaps not everybody yet.
    These(BTreeSet<String>),
    /// Everybody there was to tell.
    All,
}

/// Whether there is a record.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Kept {
    /// There is one, perhaps of nothing yet.
    #[default]
    Yes,
    /// There is none at hand: what came from here cannot be told.
    No,
}

/// An account that was created or adopted from here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedAccount {
    /// The account.
    pub guid: Guid,
    /// Its login name when it was last seen.
    pub login: String,
    /// Its principal name then.
    pub upn: Option<String>,
    /// Its mail address then.
    pub mail: Option<String>,
    /// Whether it was made from here.
    pub made: Made,
}

impl RecordedAccount {
    /// Which account it is, and its names.
    pub fn names(&self) -> RecordedNames {
        RecordedNames {
            guid: self.guid,
            login: self.login.clone(),
            upn: self.upn.clone(),
            mail: self.mail.clone(),
        }
    }
}

/// How an account came to be a user's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Made {
    /// It was created from here.
    Here,
    /// It was there before.
    Before,
}

/// What is known of one manual entitlement of one user.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ManualState {
    /// The field values as confirmed (or assumed); none: not held.
    pub held: Option<FieldValues>,
    /// Whether those were assumed of names that were not settled: nobody ever had them.
    pub unsettled: bool,
    /// Whether its sign-in is stopped for a leave of absence.
    pub disabled: bool,
    /// The task that is open for it.
    pub open: Option<Arc<Task>>,
    /// What an export of the system showed after a maintainer had said that the work was done; the
    /// work is asked for again.
    pub contradicted: Option<String>,
}
