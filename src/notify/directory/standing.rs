//! Where entries stand while a list of changes goes by: a change planned against one name may be
//! carried out, by name, only after an earlier change gave the entry another.

use crate::connector::{At, Guid, Value};
use crate::dn::{Dn, Rdn};

/// The names that renames and moves have given so far.
#[derive(Debug, Default)]
pub(super) struct Standing {
    renamed: Vec<(Guid, Dn, Dn)>,
}

impl Standing {
    /// Where an entry stands now that stood at `planned`.
    pub(super) fn of(&self, at: &At, planned: &Dn) -> Dn {
        match at {
            At::Guid(guid) => self.of_guid(*guid, planned),
            At::Dn(_) => planned.clone(),
        }
    }

    /// Where the entry of that GUID stands now.
    pub(super) fn of_guid(&self, guid: Guid, planned: &Dn) -> Dn {
        let last = self
            .renamed
            .iter()
            .rev()
            .find(|(renamed, _, _)| *renamed == guid);
        last.map_or_else(|| planned.clone(), |(_, _, now)| now.clone())
    }

    /// Takes note of a rename or move, and says where the entry stands from now on.
    pub(super) fn rename(&mut self, guid: Guid, from: &Dn, rdn: &Rdn, parent: &Dn) -> Dn {
        let now = parent.child(rdn.clone());
        self.renamed.push((guid, from.clone(), now.clone()));
        now
    }

    /// A value that names another entry, as it has to be written now: links follow a rename.
    pub(super) fn link(&self, value: &Value) -> Value {
        let Some(named) = value.text().and_then(|text| Dn::parse(text).ok()) else {
            return value.clone();
        };
        match self.renamed.iter().find(|(_, from, _)| *from == named) {
            Some((guid, _, _)) => Value::from(self.of_guid(*guid, &named).to_string()),
            None => value.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::cast::{dn, guid};

    #[test]
    fn an_entry_is_followed_through_all_its_names() {
        let mut standing = Standing::default();
        let (old, parent) = (dn("CN=a,OU=x,DC=c"), dn("OU=y,DC=c"));
        let at = At::Guid(guid(1));
        assert_eq!(standing.of(&at, &old), old);
        standing.rename(guid(1), &old, &Rdn::new("CN", "b"), &dn("OU=x,DC=c"));
        let now = standing.rename(
            guid(1),
            &dn("CN=b,OU=x,DC=c"),
            &Rdn::new("CN", "b"),
            &parent,
        );
        assert_eq!(now, dn("CN=b,OU=y,DC=c"));
        assert_eq!(standing.of(&at, &old), now);
        assert_eq!(standing.of(&At::Guid(guid(2)), &old), old);
        for earlier in ["cn=A,ou=X,dc=c", "CN=b,OU=x,DC=c"] {
            assert_eq!(standing.link(&earlier.into()), Value::from(now.to_string()));
        }
        for other in ["CN=z,DC=c", "no name"] {
            assert_eq!(standing.link(&other.into()), Value::from(other));
        }
    }
}
