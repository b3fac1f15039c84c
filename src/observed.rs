//! Observed state: what is, as the connectors saw it. No opinions: nothing here knows what should be.

mod names;
pub mod snapshot;
pub mod tie;

use crate::connector::active_directory::matching::{account_expires_never, uac};
use crate::connector::{
    At, AttributeName, Attributes, Entry, EntryKind, Failure, Guid, Transport, Value, roster,
};
use crate::desired::GroupKey;
use crate::desired::accounts::Taken;
use crate::dn::Dn;
use crate::name::ResourceName;
use foldhash::HashMap;
use names::Names;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What is.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    /// The directory; none where none was at hand.
    pub directory: Option<Directory>,
    /// The rosters, by resource.
    pub rosters: BTreeMap<ResourceName, BTreeMap<roster::RowKey, roster::Row>>,
    /// What could not be read to its end, the directory among them: nothing of it is planned.
    pub unread: BTreeMap<ResourceName, Failure>,
}

/// A directory as it was read, completely.
#[derive(Debug, Clone)]
pub struct Directory {
    /// The base DN.
    pub base: Dn,
    /// Accounts, by what they are.
    pub accounts: BTreeMap<Guid, Arc<Account>>,
    /// Groups, by sAMAccountName in lower case.
    pub groups: BTreeMap<GroupKey, Group>,
    /// Organizational units (and the base).
    pub units: BTreeSet<Dn>,
    /// What replication renamed because two domain controllers gave one name (MS-ADTS 3.1.1.5.1.2.2).
    pub conflicts: BTreeSet<Dn>,
    /// What a principal name may end in; none where that cannot be told.
    pub suffixes: Option<BTreeSet<String>>,
    /// Every name that an object has.
    names: Arc<Taken>,
    by_dn: HashMap<Dn, Guid>,
    /// Which groups each account is a direct member of, sorted.
    memberships: HashMap<Guid, Vec<GroupKey>>,
    /// The primary group of each account, which is in no list of members (AD.md 56).
    primary: BTreeMap<Guid, GroupKey>,
}

/// An account as it was read.
#[derive(Debug, Clone)]
pub struct Account {
    /// What it is.
    pub guid: Guid,
    /// Where it stands.
    pub dn: Dn,
    /// sAMAccountName.
    pub login: String,
    /// The bits of userAccountControl.
    pub control: u32,
    /// Its userAccountControl as the directory spells it.
    pub control_text: Option<Value>,
    /// Why nothing may be done to it, if it is one of those (AD.md 65, 66).
    pub protection: Option<Protection>,
    /// The last part of the SID of its primary group.
    primary_group: Option<u32>,
    /// Everything that was asked for.
    pub attributes: Attributes,
}

/// Accounts of a directory that is still being read.
#[derive(Debug)]
pub struct Portion {
    /// The directory's base DN.
    pub base: Dn,
    /// As they came.
    pub accounts: Vec<Arc<Account>>,
}

/// Why an object is never touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    /// The system depends on it, or it came with the domain (RID below 1000).
    BuiltIn,
    /// It is or was a member of a protected group: AdminSDHolder guards it.
    AdminCount,
    /// It is the account that this program logs on with.
    OwnLogOn,
}

/// A group as it was read.
#[derive(Debug, Clone)]
pub struct Group {
    /// What it is.
    pub guid: Guid,
    /// Where it stands.
    pub dn: Dn,
    /// sAMAccountName as it is spelled.
    pub name: String,
    /// Its members, accounts or not; sorted.
    pub members: Vec<Dn>,
    /// Why nothing may be done to it, if it is one of those.
    pub protection: Option<Protection>,
    /// The last part of its SID, which accounts name it by as their primary group.
    relative_id: Option<u32>,
}

/// Attributes that are read of every entry, whatever is managed.
const ALWAYS: [&str; 16] = [
    "sAMAccountName",
    "userPrincipalName",
    "mail",
    "proxyAddresses",
    "userAccountControl",
    "pwdLastSet",
    "accountExpires",
    "description",
    "adminCount",
    "isCriticalSystemObject",
    "objectSid",
    "primaryGroupID",
    "member",
    "displayName",
    "employeeNumber",
    "manager",
];

/// The attributes a plan needs: those managed, those only read, and what every plan needs.
pub fn attributes(wanted: impl IntoIterator<Item = AttributeName>) -> Vec<AttributeName> {
    let mut all: BTreeSet<AttributeName> = ALWAYS.into_iter().map(AttributeName::from).collect();
    all.extend(wanted);
    all.into_iter().collect()
}

/// Reads a whole directory.
///
/// # Errors
/// [`Failure`] when anything could not be read: an incomplete directory is none.
pub fn collect(
    transport: &mut dyn Transport,
    attributes: &[AttributeName],
) -> Result<Directory, Failure> {
    collect_watched(transport, attributes, &mut |_| {})
}

/// Reads a whole directory, and tells of each account as it comes: it may come again, and what is told counts
/// for nothing where the directory is not read to its end.
///
/// # Errors
/// As [`collect`].
pub fn collect_watched(
    transport: &mut dyn Transport,
    attributes: &[AttributeName],
    watcher: &mut dyn FnMut(&Arc<Account>),
) -> Result<Directory, Failure> {
    let mut directory = Directory {
        base: transport.base().clone(),
        accounts: BTreeMap::new(),
        groups: BTreeMap::new(),
        units: BTreeSet::from([transport.base().clone()]),
        conflicts: BTreeSet::new(),
        suffixes: transport.principal_suffixes()?,
        names: Arc::default(),
        by_dn: HashMap::default(),
        memberships: HashMap::default(),
        primary: BTreeMap::new(),
    };
    let mut names = Names::new(&directory.base);
    names.unit(&directory.base);
    let mut spellings = Spellings::default();
    let mut whole = true;
    transport.read_all(attributes, &mut |entry| {
        let guid = entry.guid;
        whole &= directory.put(entry, &mut names, &mut spellings) == Put::New;
        directory
            .accounts
            .get(&guid)
            .into_iter()
            .for_each(&mut *watcher);
    })?;
    // What came twice was renamed meanwhile, and counts as it came last.
    directory.names = match whole {
        true => names.taken(),
        false => Names::of(&directory).taken(),
    };
    directory.finish(transport);
    Ok(directory)
}

/// Names that were read, by how they are spelled: most stand in the directory many times, as what an
/// object is called and in the lists of groups, and are kept once.
#[derive(Debug, Default)]
struct Spellings(HashMap<Arc<str>, Dn>);

impl Spellings {
    /// Reads a name.
    fn read(&mut self, text: &str) -> Option<Dn> {
        match self.0.get(text) {
            Some(known) => Some(known.clone()),
            None => Some(self.one(Dn::parse(text).ok()?)),
        }
    }

    /// The name that is spelled so; this one, where it is the first.
    fn one(&mut self, dn: Dn) -> Dn {
        self.0.entry(dn.text().clone()).or_insert(dn).clone()
    }
}

/// Whether an object was known already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Put {
    New,
    Again,
}

impl Put {
    fn over<T>(before: Option<T>) -> Self {
        match before {
            None => Self::New,
            Some(_) => Self::Again,
        }
    }
}

impl Directory {
    fn put(&mut self, entry: Entry, names: &mut Names, spellings: &mut Spellings) -> Put {
        let Entry {
            dn,
            guid,
            kind,
            mut attributes,
        } = entry;
        let dn = spellings.one(dn);
        self.by_dn.insert(dn.clone(), guid);
        if dn.name().contains("\nCNF:") {
            self.conflicts.insert(dn.clone());
        }
        let protection = protection(&attributes);
        let login = text(&attributes, "sAMAccountName")
            .unwrap_or_default()
            .to_owned();
        match kind {
            EntryKind::Account => {
                let control_text = attributes
                    .get(&"userAccountControl".into())
                    .and_then(|v| v.first())
                    .cloned();
                let control = control_text
                    .as_ref()
                    .and_then(Value::text)
                    .and_then(uac::parse);
                let account = Account {
                    guid,
                    dn,
                    login,
                    control: control.unwrap_or(uac::OF_NEW_ACCOUNT),
                    control_text,
                    protection,
                    primary_group: text(&attributes, "primaryGroupID")
                        .and_then(|id| id.parse().ok()),
                    attributes,
                };
                names.account(&account);
                Put::over(self.accounts.insert(guid, Arc::new(account)))
            }
            EntryKind::Group => {
                let members = attributes.remove(&"member".into()).unwrap_or_default();
                let mut members: Vec<Dn> = members
                    .iter()
                    .filter_map(Value::text)
                    .filter_map(|text| spellings.read(text))
                    .collect();
                members.sort();
                let group = Group {
                    guid,
                    dn,
                    name: login.clone(),
                    members,
                    protection,
                    relative_id: sid(&attributes).and_then(relative_id),
                };
                names.group(&group);
                Put::over(self.groups.insert(GroupKey::new(&login), group))
            }
            EntryKind::Unit => {
                names.unit(&dn);
                self.units.insert(dn);
                Put::New
            }
            EntryKind::Other => Put::New,
        }
    }

    /// Takes out what is known of an account or a group.
    fn forget(&mut self, guid: Guid) {
        self.accounts.remove(&guid);
        self.groups.retain(|_, group| group.guid != guid);
    }

    /// Works out what follows from all entries together.
    fn finish(&mut self, transport: &dyn Transport) {
        self.index();
        let own = transport.log_on().and_then(|dn| self.at(&dn));
        if let Some(own) = own.and_then(|guid| self.accounts.get_mut(&guid)) {
            let own = Arc::make_mut(own);
            own.protection = own.protection.or(Some(Protection::OwnLogOn));
        }
    }

    fn index(&mut self) {
        self.primary.clear();
        self.memberships.clear();
        let by_id: HashMap<u32, &GroupKey> = self
            .groups
            .iter()
            .filter_map(|(key, group)| Some((group.relative_id?, key)))
            .collect();
        for account in self.accounts.values() {
            let group = account.primary_group.and_then(|id| by_id.get(&id));
            if let Some(group) = group {
                self.primary.insert(account.guid, (*group).clone());
            }
        }
        let none = self.accounts.keys().map(|guid| (*guid, Vec::new()));
        self.memberships = none.collect();
        for (key, group) in &self.groups {
            for member in &group.members {
                let guid = self.by_dn.get(member);
                let groups = guid.and_then(|guid| self.memberships.get_mut(guid));
                if let Some(groups) = groups
                    && groups.last() != Some(key)
                {
                    groups.push(key.clone());
                }
            }
        }
    }

    /// What stands at a place.
    pub fn at(&self, dn: &Dn) -> Option<Guid> {
        self.by_dn.get(dn).copied()
    }

    /// The groups an account is a direct member of and can leave: not its primary group.
    pub fn groups_of(&self, guid: Guid) -> impl Iterator<Item = &GroupKey> {
        self.memberships.get(&guid).into_iter().flatten()
    }

    /// Whether an account is a direct member of a group, be it the primary one.
    pub fn is_member(&self, guid: Guid, group: &GroupKey) -> bool {
        let listed = self.memberships.get(&guid);
        listed.is_some_and(|groups| groups.binary_search(group).is_ok())
            || self.primary.get(&guid) == Some(group)
    }
}

impl Account {
    /// The values of an attribute; none where it is absent.
    pub fn values(&self, attribute: &AttributeName) -> &[Value] {
        self.attributes.get(attribute).map_or(&[], Vec::as_slice)
    }

    /// The first value of an attribute as text.
    pub fn text(&self, attribute: impl Into<AttributeName>) -> Option<&str> {
        text(&self.attributes, attribute)
    }

    /// Whether it can be logged on to.
    pub fn is_enabled(&self) -> bool {
        uac::is_enabled(self.control)
    }

    /// Whether it never got a password that was used: pwdLastSet is 0 or absent (AD.md 47).
    pub fn lacks_password(&self) -> bool {
        self.text("pwdLastSet").is_none_or(|text| text == "0")
    }

    /// When it stopped being one that can be logged on to, as 100 ns since 1601; none: it did not,
    /// and will not by itself (AD.md 48).
    pub fn expires(&self) -> Option<i64> {
        let values = self.values(&"accountExpires".into());
        match account_expires_never(values.first()) {
            true => None,
            false => values.first()?.text()?.parse().ok(),
        }
    }

    /// How a write names it.
    pub fn place(&self) -> At {
        At::Guid(self.guid)
    }
}

fn text(attributes: &Attributes, name: impl Into<AttributeName>) -> Option<&str> {
    attributes.get(&name.into())?.first()?.text()
}

/// Objects that came with the domain, that the system depends on, or that AdminSDHolder guards.
fn protection(attributes: &Attributes) -> Option<Protection> {
    let critical = text(attributes, "isCriticalSystemObject");
    let built_in = critical.is_some_and(|t| t.eq_ignore_ascii_case("true"));
    let rid = sid(attributes).and_then(relative_id);
    if built_in || rid.is_some_and(|rid| rid < 1000) {
        return Some(Protection::BuiltIn);
    }
    let guarded = text(attributes, "adminCount").is_some_and(|t| t != "0");
    guarded.then_some(Protection::AdminCount)
}

fn sid(attributes: &Attributes) -> Option<&[u8]> {
    let values = attributes.get(&"objectSid".into())?;
    values.first().map(Value::bytes)
}

/// The last part of a SID (MS-DTYP 2.4.2): the last four bytes, little-endian.
fn relative_id(sid: &[u8]) -> Option<u32> {
    let tail = sid.last_chunk::<4>()?;
    (sid.len() >= 12).then(|| u32::from_le_bytes(*tail))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connector::{At, Modification, NextLogOn};
    use crate::dn::Rdn;
    use secrecy::SecretString;

    /// One account that was renamed while it was read.
    struct Renamed(Dn);

    impl Transport for Renamed {
        fn describe(&self) -> String {
            "renamed".into()
        }

        fn base(&self) -> &Dn {
            &self.0
        }

        fn read_all(
            &mut self,
            _: &[AttributeName],
            found: &mut dyn FnMut(Entry),
        ) -> Result<(), Failure> {
            for login in ["before", "after"] {
                let named = ("sAMAccountName".into(), vec![Value::from(login)]);
                found(Entry {
                    dn: Dn::parse(&format!("CN={login},DC=x")).unwrap(),
                    guid: Guid::from_wire(&[7; 16]).unwrap(),
                    kind: EntryKind::Account,
                    attributes: Attributes::from([named]),
                });
            }
            Ok(())
        }

        fn read(&mut self, _: &At, _: &[AttributeName]) -> Result<Option<Entry>, Failure> {
            Ok(None)
        }

        fn add(&mut self, _: &Dn, _: &Attributes) -> Result<(), Failure> {
            Ok(())
        }

        fn modify(&mut self, _: &At, _: &[Modification]) -> Result<(), Failure> {
            Ok(())
        }

        fn rename(&mut self, _: &Dn, _: &Rdn, _: &Dn) -> Result<(), Failure> {
            Ok(())
        }

        fn set_password(&mut self, _: &At, _: &SecretString, _: NextLogOn) -> Result<(), Failure> {
            Ok(())
        }
    }

    #[test]
    fn what_was_renamed_while_it_was_read_has_its_last_names_only() {
        let mut transport = Renamed(Dn::parse("DC=x").unwrap());
        let directory = collect(&mut transport, &[]).unwrap();
        let logins: Vec<_> = directory.names.logins.keys().collect();
        assert_eq!(logins, ["after"]);
    }
}
