//! Where entries stand while a list of changes goes by: a change planned against one name may be
//! carried out, by name, only after an earlier change gave the entry another.

use crate::connector::{At, Guid, Value};
use crate::dn::{Dn, Rdn};
use std::collections::BTreeMap;

/// The names that renames and moves have given so far.
#[derive(Debug, Default)]
pub(super) struct Standing {
    now: BTreeMap<Guid, Dn>,
    stood: BTreeMap<Dn, Guid>,
}

impl Standing {
    /// Where an entry stands now that stood at `planned`.
    pub(super) fn of(&self, at: &At, planned: &Dn) -> Dn {
        match at {
            At::Guid(guid) => self.of_guid(*guid, planned),
            At::Dn(dn) => dn.clone(),
        }
    }

    /// Where the entry of that GUID stands now.
    pub(super) fn of_guid(&self, guid: Guid, planned: &Dn) -> Dn {
        self.now.get(&guid).unwrap_or(planned).clone()
    }

    /// Takes note of a rename or move, and says where the entry stood before.
    pub(super) fn rename(&mut self, guid: Guid, planned: &Dn, rdn: &Rdn, parent: &Dn) -> Dn {
        let before = self.of_guid(guid, planned);
        for name in [planned, &before] {
            self.stood.entry(name.clone()).or_insert(guid);
        }
        self.now.insert(guid, parent.child(rdn.clone()));
        before
    }

    /// A value that names another entry, as it has to be written now: links follow a rename.
    pub(super) fn link(&self, value: &Value) -> Value {
        let named = value.text().and_then(|text| Dn::parse(text).ok());
        let now = named.and_then(|dn| self.now.get(self.stood.get(&dn)?));
        now.map_or_else(|| value.clone(), |dn| dn.to_string().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_where_its_last_rename_put_it_and_links_follow() {
        let dn = |text: &str| Dn::parse(text).unwrap();
        let guid = Guid::parse("00000000-0000-4000-8000-000000000001").unwrap();
        let (old, other) = (dn("CN=Kim,OU=a,DC=x"), dn("CN=Sam,OU=a,DC=x"));
        let mut standing = Standing::default();
        assert_eq!(standing.of_guid(guid, &old), old);
        let lee = Rdn::new("CN", "Kim Lee");
        assert_eq!(standing.rename(guid, &old, &lee, &dn("OU=a,DC=x")), old);
        // The move was planned against the old name as well.
        let between = standing.rename(guid, &old, &lee, &dn("OU=b,DC=x"));
        assert_eq!(between, dn("CN=Kim Lee,OU=a,DC=x"));
        let now = dn("CN=Kim Lee,OU=b,DC=x");
        assert_eq!(standing.of(&At::Guid(guid), &old), now);
        assert_eq!(standing.of(&At::Dn(other.clone()), &old), other);
        for name in [&old, &between] {
            assert_eq!(
                standing.link(&name.to_string().into()),
                now.to_string().into()
            );
        }
        assert_eq!(
            standing.link(&"CN=Sam,OU=a,DC=x".into()),
            "CN=Sam,OU=a,DC=x".into()
        );
        assert_eq!(standing.link(&"no name".into()), "no name".into());
    }
}
