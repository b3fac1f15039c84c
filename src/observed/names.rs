//! A directory's objects, as they come → the names they have. What is noted while the next ones are on
//! their way needs no time afterwards.

use super::{Account, Directory, Group};
use crate::desired::accounts::{Holder, Taken};
use crate::dn::Dn;
use foldhash::HashMap;
use std::sync::Arc;

/// The names of a directory in the making.
pub(super) struct Names {
    base: Dn,
    domain: Option<String>,
    /// Places below the base, innermost first and in lower case: `ou=its,ou=departments`. Many stand in one.
    parents: HashMap<Dn, String>,
    taken: Taken,
}

impl Names {
    pub fn new(base: &Dn) -> Self {
        Self {
            base: base.clone(),
            domain: base.domain(),
            parents: HashMap::default(),
            taken: Taken::default(),
        }
    }

    /// Those of a whole directory.
    pub fn of(directory: &Directory) -> Self {
        let mut names = Self::new(&directory.base);
        for account in directory.accounts.values() {
            names.account(account);
        }
        for group in directory.groups.values() {
            names.group(group);
        }
        for unit in &directory.units {
            names.unit(unit);
        }
        names
    }

    pub fn account(&mut self, account: &Account) {
        let holder = Holder::Account(account.guid);
        self.taken.login(&account.login, holder.clone());
        // A login name is a principal name too, and the other way round (AD.md 7).
        if let Some(domain) = &self.domain {
            let address = format!("{}@{domain}", account.login);
            self.taken.address(&address, holder.clone());
        }
        let upn = account.text("userPrincipalName").unwrap_or_default();
        if let Some((local, suffix)) = upn.rsplit_once('@')
            && let Some(domain) = &self.domain
            && domain.eq_ignore_ascii_case(suffix)
        {
            self.taken.login(local, holder.clone());
        }
        for attribute in ["userPrincipalName", "mail", "proxyAddresses"] {
            let values = account.values(&attribute.into()).iter();
            for value in values.filter_map(|value| value.text()) {
                let address = value.split_once(':').map_or(value, |(_, address)| address);
                self.taken.address(address, holder.clone());
            }
        }
        self.common_name(&account.dn, holder);
    }

    pub fn group(&mut self, group: &Group) {
        self.taken.login(&group.name, Holder::Object);
        self.common_name(&group.dn, Holder::Object);
    }

    pub fn unit(&mut self, unit: &Dn) {
        self.common_name(unit, Holder::Object);
    }

    pub fn taken(self) -> Arc<Taken> {
        Arc::new(self.taken)
    }

    fn common_name(&mut self, dn: &Dn, holder: Holder) {
        let base = &self.base;
        let parent = match dn.parent() {
            Some(parent) => {
                let path = |parent: &Dn| path(base, parent);
                self.parents.entry(parent).or_insert_with_key(path).as_str()
            }
            None => "",
        };
        self.taken.common_name(parent, &dn.name(), holder);
    }
}

fn path(base: &Dn, dn: &Dn) -> String {
    let mut parts = Vec::new();
    let mut next = Some(dn.clone());
    while let Some(parent) = next {
        if parent == *base || parent.depth() <= base.depth() {
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
    parts.join(",").to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connector::{Attributes, Guid, Value};
    use crate::desired::accounts::fold;

    fn account(dn: &str, login: &str, upn: &str) -> Account {
        let upn = ("userPrincipalName".into(), vec![Value::from(upn)]);
        Account {
            guid: Guid::from_wire(&[7; 16]).unwrap(),
            dn: Dn::parse(dn).unwrap(),
            login: login.into(),
            control: 0,
            control_text: None,
            protection: None,
            primary_group: None,
            attributes: Attributes::from([upn]),
        }
    }

    #[test]
    fn an_account_holds_its_login_name_in_both_forms_and_its_place() {
        let mut names = Names::new(&Dn::parse("DC=city,DC=example").unwrap());
        let dn = "CN=Zoë,OU=ITS,OU=Departments,DC=city,DC=example";
        names.account(&account(dn, "Zoe.M", "z@CITY.example"));
        let taken = names.taken();
        let logins = ["zoe.m", "z"].map(|login| taken.logins.contains_key(login));
        assert_eq!(logins, [true; 2]);
        let addresses = ["zoe.m@city.example", "z@city.example"];
        assert_eq!(
            addresses.map(|a| taken.addresses.contains_key(&*fold(a))),
            [true; 2]
        );
        let below = taken.below("ou=its,ou=departments").unwrap();
        assert!(below.contains_key("zoë"));
    }
}
