//! Turns requests into edits of records: what is written, what else follows from it, or why not.

use super::LdifDirectory;
use super::document::{RecordId, Stage};
use super::draft::Modified;
use super::index::{Object, folded};
use super::links::{Holder, Links, named};
use super::rules::{self, KEY_VERSION, PASSWORD_WAS_SET, refusal};
use crate::connector::active_directory::failure::Operation;
use crate::connector::active_directory::matching::{is_link, same_value};
use crate::connector::{
    At, AttributeName, Attributes, EntryKind, Failure, Guid, Modification, NextLogOn, Value,
};
use crate::dn::{Dn, Rdn};
use secrecy::{ExposeSecret as _, SecretString};
use std::collections::{BTreeMap, BTreeSet};

impl LdifDirectory {
    pub(super) fn add_object(&mut self, dn: &Dn, attributes: &Attributes) -> Result<(), Failure> {
        let operation = Operation::Add;
        if dn
            .parent()
            .is_none_or(|parent| self.index.at(&parent).is_none())
        {
            return Err(rules::gone(
                operation,
                &format!("the parent of {dn} is not there"),
            ));
        }
        if self.index.at(dn).is_some() {
            return Err(refusal(operation, 68, 0x2071, &dn.to_string()));
        }
        let (kind, mut attributes) = rules::new_object(dn, attributes)?;
        let guid = self.index.new_guid(dn);
        if matches!(kind, EntryKind::Account | EntryKind::Group) {
            let name = "sAMAccountName".into();
            attributes.or_insert_with(name, || vec![given_login(guid)]);
        }
        let id = self.document.next_id();
        let first = |name: &'static str| {
            attributes
                .get(&name.into())
                .and_then(|values| values.first())
        };
        let object = Object {
            dn: dn.clone(),
            guid,
            has_guid: true,
            kind,
            login: folded(first("sAMAccountName").map(Value::bytes)),
            principal: folded(first("userPrincipalName").map(Value::bytes)),
        };
        self.is_unique(operation, id, &object)?;
        let mut links = Vec::new();
        for (attribute, values) in attributes.iter_mut().filter(|(name, _)| is_link(name)) {
            for value in values {
                let target = self.target(operation, attribute, value)?;
                *value = target.to_string().into();
                links.extend(Holder::new(id, attribute.as_str()).map(|holder| (target, holder)));
            }
        }
        attributes.insert("objectGUID".into(), vec![Value::new(guid.to_wire())]);
        let class = AttributeName::from("objectClass");
        let classes = attributes.remove(&class).map(|values| (class, values));
        let values = std::iter::once(("dn".into(), dn.to_string().into()))
            .chain(
                classes
                    .into_iter()
                    .chain(attributes)
                    .flat_map(|(name, values)| {
                        values.into_iter().map(move |value| (name.clone(), value))
                    }),
            )
            .collect::<Vec<(AttributeName, Value)>>();
        let appended = Some(self.document.made(&values));
        self.commit(Stage {
            appended,
            ..Stage::default()
        })?;
        self.index.learn(vec![(id, object)]);
        if let Some(known) = &mut self.links {
            links
                .into_iter()
                .for_each(|(target, holder)| known.insert(target, holder));
        }
        Ok(())
    }

    pub(super) fn modify_object(
        &mut self,
        at: &At,
        modifications: &[Modification],
    ) -> Result<(), Failure> {
        let operation = Operation::of(modifications);
        let id = self.find(operation, at)?;
        let has_links = modifications.iter().any(|step| is_link(&step.attribute));
        let links = if has_links {
            std::mem::take(self.links())
        } else {
            Links::default()
        };
        let modified = self.modified(operation, id, &links, modifications);
        if has_links {
            self.links = Some(links);
        }
        let Modified {
            edit,
            object,
            links,
        } = modified?;
        let record = self.document.edited(id, &edit.removed, &edit.added);
        self.commit(Stage {
            edited: [(id, record)].into(),
            ..Stage::default()
        })?;
        self.index.learn(vec![(id, object)]);
        if let Some(known) = &mut self.links {
            for (target, holder, is_held) in links {
                match is_held {
                    true => known.insert(target, holder),
                    false => known.remove(&target, holder),
                }
            }
        }
        Ok(())
    }

    pub(super) fn rename_object(&mut self, dn: &Dn, rdn: &Rdn, parent: &Dn) -> Result<(), Failure> {
        let operation = Operation::Rename;
        let id = self.find(operation, &At::Dn(dn.clone()))?;
        let Some(parent_id) = self.index.at(parent) else {
            return Err(rules::gone(operation, &format!("{parent} is not there")));
        };
        let object = self.index.object(id);
        let (old, kind) = (object.dn.clone(), object.kind);
        if parent.is_within(&old) {
            return Err(refusal(
                operation,
                53,
                0x2035,
                "nothing can stand below itself",
            ));
        }
        if !rdn.attribute().eq_ignore_ascii_case(old.rdn().attribute()) {
            return Err(refusal(
                operation,
                64,
                0x2037,
                "the sort of a name cannot change",
            ));
        }
        rules::kept(
            operation,
            kind,
            &AttributeName::new(rdn.attribute()),
            vec![rdn.value().into()],
        )?;
        // The parent as it is spelled, whatever the request says.
        let new = self.index.object(parent_id).dn.child(rdn.clone());
        if self.index.at(&new).is_some_and(|there| there != id) {
            return Err(refusal(operation, 68, 0x2071, &new.to_string()));
        }
        let moved = self.index.within(&old);
        let names = moved
            .iter()
            .filter_map(|id| {
                let from = &self.index.object(*id).dn;
                Some((*id, (from.clone(), from.moved(&old, &new)?)))
            })
            .collect::<BTreeMap<RecordId, (Dn, Dn)>>();
        let mut edits = names
            .iter()
            .map(|(id, (_, to))| (*id, self.name_edit(*id, to)))
            .collect::<BTreeMap<RecordId, Edit>>();
        if let Some(edit) = edits.get_mut(&id) {
            self.naming_edit(id, rdn, edit);
        }
        let names = names.into_values().collect::<Vec<_>>();
        self.follow(&names, &mut edits);
        let edited = edits
            .iter()
            .map(|(id, edit)| (*id, self.document.edited(*id, &edit.removed, &edit.added)))
            .collect();
        let moved_to_end = self.moved_to_end(&moved, parent_id);
        self.commit(Stage {
            edited,
            moved_to_end,
            appended: None,
        })?;
        let by_old = names
            .iter()
            .map(|(from, to)| (from, to))
            .collect::<BTreeMap<_, _>>();
        let objects = moved
            .into_iter()
            .filter_map(|id| {
                let object = self.index.object(id).clone();
                let dn = (*by_old.get(&object.dn)?).clone();
                Some((
                    id,
                    Object {
                        dn,
                        has_guid: true,
                        ..object
                    },
                ))
            })
            .collect();
        self.index.learn(objects);
        if let Some(known) = &mut self.links {
            known.rename(&names);
        }
        Ok(())
    }

    pub(super) fn note_password(
        &mut self,
        at: &At,
        password: &SecretString,
        next_log_on: NextLogOn,
    ) -> Result<(), Failure> {
        let operation = Operation::SetPassword;
        let id = self.find(operation, at)?;
        let object = self.index.object(id).clone();
        if object.kind != EntryKind::Account {
            return Err(refusal(
                operation,
                16,
                0x57,
                "only an account has a password",
            ));
        }
        if !rules::takes_password(password.expose_secret(), object.login.as_deref()) {
            return Err(refusal(
                operation,
                19,
                0x52D,
                "too short, too simple, or the log-on name",
            ));
        }
        let version = self.document.first(id, KEY_VERSION);
        let version = version.and_then(|v| std::str::from_utf8(&v).ok()?.parse::<u32>().ok());
        let date = match next_log_on {
            NextLogOn::MustChange => "0",
            NextLogOn::Keep => PASSWORD_WAS_SET,
        };
        let next = version.unwrap_or(1).saturating_add(1);
        let mut edit = Edit::default();
        for (name, value) in [("pwdLastSet", date.into()), (KEY_VERSION, next.to_string())] {
            edit.removed.extend(self.document.lines_of(id, name));
            edit.added.push((name.into(), value.into()));
        }
        let record = self.document.edited(id, &edit.removed, &edit.added);
        self.commit(Stage {
            edited: [(id, record)].into(),
            ..Stage::default()
        })
    }
}

/// Value lines of a record that go, and values that come.
#[derive(Debug, Default)]
pub(super) struct Edit {
    pub(super) removed: BTreeSet<usize>,
    pub(super) added: Vec<(AttributeName, Value)>,
}

impl LdifDirectory {
    /// Refuses names that another object has.
    pub(super) fn is_unique(
        &self,
        operation: Operation,
        id: RecordId,
        object: &Object,
    ) -> Result<(), Failure> {
        let other = |found: Option<RecordId>| found.is_some_and(|found| found != id);
        if let Some(login) = object
            .login
            .as_deref()
            .filter(|l| other(self.index.of_login(l)))
        {
            let extended = if object.kind == EntryKind::Group {
                0x526
            } else {
                0x524
            };
            return Err(refusal(
                operation,
                68,
                extended,
                &format!("sAMAccountName {login}"),
            ));
        }
        let principal = object.principal.as_deref();
        match principal.filter(|name| other(self.index.of_principal(name))) {
            Some(name) => Err(refusal(
                operation,
                19,
                0x21C8,
                &format!("userPrincipalName {name}"),
            )),
            None => Ok(()),
        }
    }

    /// The name of the object that a link is to refer to, as that object is spelled.
    pub(super) fn target(
        &self,
        operation: Operation,
        attribute: &AttributeName,
        value: &Value,
    ) -> Result<Dn, Failure> {
        let text = value.text().unwrap_or_default();
        let guid = text
            .strip_prefix("<GUID=")
            .and_then(|rest| rest.strip_suffix('>'));
        let at = match guid.and_then(Guid::parse) {
            Some(guid) => At::Guid(guid),
            None => At::Dn(
                Dn::parse(text)
                    .map_err(|error| refusal(operation, 34, 0x208F, &format!("{text}: {error}")))?,
            ),
        };
        let found = self
            .index
            .find(&at)
            .map(|id| self.index.object(id).dn.clone());
        found.ok_or_else(|| match attribute.is("member") {
            true => refusal(operation, 32, 0x525, text),
            false => refusal(operation, 19, 0x20B5, text),
        })
    }

    /// A record under another name: the lines that say it, and its objectGUID, which was derived from the old.
    fn name_edit(&self, id: RecordId, to: &Dn) -> Edit {
        let mut edit = Edit {
            removed: [0].into(),
            added: vec![("dn".into(), to.to_string().into())],
        };
        for line in self.document.lines_of(id, "distinguishedName") {
            edit.removed.insert(line);
            edit.added
                .push(("distinguishedName".into(), to.to_string().into()));
        }
        let object = self.index.object(id);
        if !object.has_guid {
            edit.added
                .push(("objectGUID".into(), Value::new(object.guid.to_wire())));
        }
        edit
    }

    /// The attributes that say what the name says (`cn` or `ou`, and `name`), where the file has them.
    fn naming_edit(&self, id: RecordId, rdn: &Rdn, edit: &mut Edit) {
        let old = self.index.object(id).dn.rdn();
        let naming = AttributeName::new(rdn.attribute());
        for attribute in [naming, "name".into()] {
            let line = self.document.lines_of(id, attribute.as_str()).find(|line| {
                let value = Value::new(self.document.value_at(id, *line));
                same_value(&attribute, &value, &old.value().into())
            });
            if let Some(line) = line {
                edit.removed.insert(line);
                let name = attribute.as_str().to_ascii_lowercase();
                edit.added
                    .push((AttributeName::new(name), rdn.value().into()));
            }
        }
    }

    /// Links to what is renamed get its new name.
    fn follow(&mut self, names: &[(Dn, Dn)], edits: &mut BTreeMap<RecordId, Edit>) {
        let links = self.links();
        let holders = names.iter().flat_map(|(old, _)| links.holders(old));
        let holders = holders.collect::<BTreeSet<Holder>>();
        let new_names = names
            .iter()
            .map(|(old, new)| (old, new))
            .collect::<BTreeMap<_, _>>();
        for holder in holders {
            let edit = edits.entry(holder.record).or_default();
            for line in self.document.lines_of(holder.record, holder.attribute()) {
                let old = named(&self.document.value_at(holder.record, line));
                if let Some(new) = old.and_then(|old| new_names.get(&old).copied()) {
                    edit.removed.insert(line);
                    edit.added
                        .push((holder.attribute().into(), new.to_string().into()));
                }
            }
        }
    }

    /// Parents stand before children: what moved below a later parent goes to the end of the file.
    fn moved_to_end(&self, moved: &BTreeSet<RecordId>, parent: RecordId) -> Vec<RecordId> {
        let order = self.document.order();
        let first = order.iter().find(|id| moved.contains(id) || **id == parent);
        match first == Some(&parent) {
            true => Vec::new(),
            false => order
                .iter()
                .copied()
                .filter(|id| moved.contains(id))
                .collect(),
        }
    }
}

/// The sAMAccountName that the directory gives where none is said.
fn given_login(guid: Guid) -> Value {
    let digits = guid.to_string().to_ascii_uppercase();
    format!("${}-{}", &digits[..6], &digits[24..]).into()
}
