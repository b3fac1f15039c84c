//! Accounts: which directory accounts are whose, and which names are taken. A plain value: the
//! directory and the ledger fill it, expansion reads it.

use super::Tie;
use crate::connector::{AttributeName, Guid};
use crate::diagnostic::Code;
use crate::name::{UserName, lower};
use crate::sorted::Sorted;
use foldhash::HashMap;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The accounts there are.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Accounts {
    /// Whether a directory was at hand; without one, new names are provisional.
    pub seen: Seen,
    /// The DNS name of the directory's domain, for principal names.
    pub domain: Option<String>,
    /// What principal names may end in, in lower case; none where that is not known.
    pub suffixes: Option<BTreeSet<String>>,
    /// Accounts that are users'.
    pub known: BTreeMap<UserName, Arc<KnownAccount>>,
    /// The same, by account.
    pub owners: HashMap<Guid, UserName>,
    /// Names that the directory's objects have.
    pub held: Arc<Taken>,
    /// Names that users once had.
    pub taken: Taken,
    /// Users whose account cannot be told, and why: nothing is done to it.
    pub troubled: BTreeMap<UserName, Trouble>,
}

/// Why nothing may be done to a user's account, or about their access.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// Which sort of reason.
    pub code: Code,
    /// The reason.
    pub reason: String,
}

/// Whether a directory was at hand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Seen {
    /// It was read.
    Yes,
    /// There is none at hand.
    #[default]
    No,
    /// It could not be read: what is here is what the record says. Whatever rests on it is provisional.
    Remembered,
}

/// An account that is a user's.
#[derive(Debug, Clone, PartialEq)]
pub struct KnownAccount {
    /// What it is.
    pub guid: Guid,
    /// How it is known to be the user's.
    pub tie: Tie,
    /// Where it stands.
    pub dn: Arc<str>,
    /// sAMAccountName, as it is recorded.
    pub login: Arc<str>,
    /// userPrincipalName, as it is recorded; empty where it has none.
    pub upn: Arc<str>,
    /// Common name.
    pub cn: Arc<str>,
    /// mail, where it has one, as it is recorded.
    pub mail: Option<Arc<str>>,
    /// The names the directory has instead, where somebody changed one of them by hand.
    pub by_hand: Option<Box<NamesByHand>>,
    /// Values of attributes with `source: observed`.
    pub observed: Sorted<AttributeName, Arc<str>>,
}

/// The names of an account of which somebody changed one by hand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NamesByHand {
    /// sAMAccountName.
    pub login: Arc<str>,
    /// userPrincipalName; empty where it has none.
    pub upn: Arc<str>,
    /// mail, where it has one.
    pub mail: Option<Arc<str>>,
}

impl NamesByHand {
    /// Whether these are those names; case is no difference.
    pub fn are(&self, other: &Self) -> bool {
        let same = |one: &str, other: &str| one == other || lower(one) == lower(other);
        let mails = (self.mail.as_deref(), other.mail.as_deref());
        let mail = match mails {
            (Some(one), Some(other)) => same(one, other),
            (one, other) => one == other,
        };
        mail && same(&self.login, &other.login) && same(&self.upn, &other.upn)
    }
}

/// Whose a name is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Holder {
    /// A user's, now or once.
    User(UserName),
    /// An account's. Where that belongs to no user here, it may well be one's.
    Account(Guid),
    /// A group's or an OU's.
    Object,
}

/// Names that cannot be given to anybody else.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Taken {
    /// Login names, by [`fold`]ed form.
    pub logins: Table,
    /// Principal names and mail addresses, by [`fold`]ed form.
    pub addresses: Table,
    /// Common names in lower case, by the place they stand in, in lower case too.
    common_names: HashMap<String, Table>,
}

/// Whose a name is: hardly ever more than one has it.
#[derive(Debug, Clone, PartialEq)]
pub struct Holders {
    first: Holder,
    more: Vec<Holder>,
}

impl Holders {
    /// Whether it is one of them.
    pub fn contains(&self, holder: &Holder) -> bool {
        self.first == *holder || self.more.contains(holder)
    }

    /// Those of them that are somebody else than this user.
    pub fn others<'s>(
        &'s self,
        user: &'s UserName,
        owners: &'s HashMap<Guid, UserName>,
    ) -> impl Iterator<Item = &'s Holder> {
        let own = move |holder: &&Holder| match holder {
            Holder::User(name) => name == user,
            Holder::Account(guid) => owners.get(guid) == Some(user),
            Holder::Object => false,
        };
        let all = std::iter::once(&self.first).chain(&self.more);
        all.filter(move |holder| !own(holder))
    }

    /// Whether somebody else than this user is one of them.
    pub fn has_another(&self, user: &UserName, owners: &HashMap<Guid, UserName>) -> bool {
        self.others(user, owners).next().is_some()
    }

    /// Whether an account that belongs to nobody here is one of them.
    pub fn has_foreign(&self, owners: &HashMap<Guid, UserName>) -> bool {
        let foreign = |holder: &Holder| match holder {
            Holder::Account(guid) => !owners.contains_key(guid),
            Holder::User(_) | Holder::Object => false,
        };
        foreign(&self.first) || self.more.iter().any(foreign)
    }
}

/// What two names share that the directory cannot tell apart: case and accents folded (AD.md 6).
pub fn fold(name: &str) -> Cow<'_, str> {
    match name.is_ascii() {
        true => lower(name),
        false => deunicode::deunicode(name).to_lowercase().into(),
    }
}

/// Those who have each name of a sort, by its folded form.
pub type Table = HashMap<String, Holders>;

fn note(table: &mut Table, name: Cow<'_, str>, holder: Holder) {
    match table.get_mut(&*name) {
        Some(holders) if holders.contains(&holder) => {}
        Some(holders) => holders.more.push(holder),
        None => {
            let more = Vec::new();
            let first = holder;
            table.insert(name.into_owned(), Holders { first, more });
        }
    }
}

impl Taken {
    /// Makes room for the names of so many accounts at once.
    pub fn reserve(&mut self, accounts: usize) {
        let Self {
            logins,
            addresses,
            common_names: _,
        } = self;
        logins.reserve(accounts);
        // A principal name and an address; mostly they are one.
        addresses.reserve(accounts);
    }

    /// Notes a login name.
    pub fn login(&mut self, name: &str, holder: Holder) {
        note(&mut self.logins, fold(name), holder);
    }

    /// Notes a principal name or address.
    pub fn address(&mut self, name: &str, holder: Holder) {
        note(&mut self.addresses, fold(name), holder);
    }

    /// Notes a common name below a parent, whose name is in lower case.
    pub fn common_name(&mut self, parent: &str, name: &str, holder: Holder) {
        let below = match self.common_names.get_mut(parent) {
            Some(below) => below,
            None => self.common_names.entry(parent.to_owned()).or_default(),
        };
        note(below, lower(name), holder);
    }

    /// Those who have each common name below a parent, whose name is in lower case.
    pub fn below(&self, parent: &str) -> Option<&Table> {
        self.common_names.get(parent)
    }
}
