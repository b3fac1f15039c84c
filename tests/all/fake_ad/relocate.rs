//! Rename, move and deletion requests to a changed tree. Links follow by themselves.

use super::AbsentParent;
use super::directory::{Content, Directory, Life, Miss, NodeId};
use super::name::Rdn;
use super::refusal::Refusal;
use super::schema;
use super::text;
use ldap3_proto::proto::{LdapModifyDNRequest, LdapResultCode as Code};
use std::collections::BTreeSet;

/// What a deletion takes along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    Leaf,
    /// The client sent the tree-delete control, which ignores protection of the children.
    Tree,
}

/// What a tombstone keeps (MS-ADTS 3.1.1.5.5.1.1).
const KEPT: &[&str] = &[
    "instanceType",
    "objectClass",
    "objectGUID",
    "objectSid",
    "sAMAccountName",
    "userAccountControl",
    "uSNChanged",
    "uSNCreated",
    "whenChanged",
    "whenCreated",
];

impl Directory {
    /// Does a modifyDN request: rename, move, or both.
    ///
    /// # Errors
    /// The refusal that Active Directory documents for the first rule broken.
    pub(super) fn modify_dn(&mut self, request: &LdapModifyDNRequest) -> Result<(), Refusal> {
        let id = self.target(&request.dn)?;
        self.check_may_write(id)?;
        let rdn = Rdn::parse(&request.newrdn).ok_or_else(Refusal::bad_name)?;
        if !request.deleteoldrdn {
            return Err(Refusal::service(0x57));
        }
        let Some(parent) = self.node(id).parent else {
            return Err(Refusal::service(0x208D));
        };
        let destination = match &request.new_superior {
            Some(name) => self.destination(name)?,
            None => parent,
        };
        if destination != parent {
            if self.protected.contains(&id) {
                return Err(Refusal::no_right());
            }
            if self.subtree(id).contains(&destination) {
                return Err(Refusal::service(0x2089));
            }
        }
        let naming = self.node(id).rdns[0].kind.clone();
        self.check_name(&rdn, &naming)?;
        let taken = self.node(destination).children.get(&rdn.key());
        if taken.is_some_and(|&holder| holder != id) {
            return Err(Refusal::exists(0x2071));
        }
        self.place(id, rdn, destination);
        Ok(())
    }

    /// Hangs an object in its new place under its new name.
    pub(super) fn place(&mut self, id: NodeId, rdn: Rdn, parent: NodeId) {
        let old = self.node(id).rdns[0].clone();
        let from = self.node(id).parent;
        if from == Some(parent) && old == rdn {
            return;
        }
        if let Some(from) = from {
            self.node_mut(from).children.remove(&old.key());
        }
        self.node_mut(parent).children.insert(rdn.key(), id);
        let node = self.node_mut(id);
        node.rdns = vec![rdn];
        node.parent = Some(parent);
        self.touch(id);
    }

    fn destination(&self, name: &str) -> Result<NodeId, Refusal> {
        let found = match self.find(name) {
            Ok(id) if self.is_hidden(id) => Err(Miss::Absent(String::new())),
            other => other,
        };
        let id = found.map_err(|miss| {
            let absent = matches!(miss, Miss::Absent(_));
            match self.options.absent_parent {
                AbsentParent::Other if absent => {
                    Refusal::update(Code::Other, 0x2089, "5012 (DIR_ERROR)")
                }
                AbsentParent::Other | AbsentParent::NoSuchObject => self.missed(miss, 0x2089),
            }
        })?;
        self.check_may_write(id)?;
        let content = &self.node(id).content;
        let holds = ["organizationalUnit", "container", "domainDNS"];
        if !holds.iter().any(|class| content.is_a(class)) {
            return Err(Refusal::naming());
        }
        Ok(id)
    }

    /// Does a delete request.
    ///
    /// # Errors
    /// The refusal that Active Directory documents for the first rule broken.
    pub(super) fn delete(&mut self, name: &str, extent: Extent) -> Result<(), Refusal> {
        let id = self.target(name)?;
        self.check_may_write(id)?;
        let content = &self.node(id).content;
        if self.node(id).parent.is_none() || content.text("isCriticalSystemObject") == Some("TRUE")
        {
            // ERROR_SPECIAL_ACCOUNT.
            return Err(Refusal::update(Code::Other, 0x55B, "5012 (DIR_ERROR)"));
        }
        if self.protected.contains(&id) {
            return Err(Refusal::no_right());
        }
        if extent == Extent::Leaf && !self.node(id).children.is_empty() {
            let problem = "6003 (CANT_ON_NON_LEAF)";
            return Err(Refusal::update(Code::NotAllowedOnNonLeaf, 0x2015, problem));
        }
        for below in self.subtree(id).into_iter().rev() {
            self.bury(below);
        }
        Ok(())
    }

    /// Turns an object into a tombstone: links gone at both ends, most values too, its names free.
    pub(super) fn bury(&mut self, id: NodeId) {
        let sources: Vec<(String, NodeId)> = self
            .node(id)
            .back
            .iter()
            .flat_map(|(forward, ids)| ids.iter().map(|&source| (forward.clone(), source)))
            .collect();
        for (forward, source) in sources {
            let mut content = self.node(source).content.clone();
            let targets: BTreeSet<NodeId> = content
                .links(&forward)
                .into_iter()
                .filter(|&target| target != id)
                .collect();
            content.set_links(&forward, targets);
            self.commit(source, content);
        }
        let mut rest = Content::default();
        for &name in KEPT {
            let values = self.node(id).content.values.get(name).cloned();
            rest.set(name, values.unwrap_or_default());
        }
        rest.set("isDeleted", vec![b"TRUE".to_vec()]);
        if let Some(parent) = self.node(id).parent {
            rest.set("lastKnownParent", vec![self.dn_text(parent).into_bytes()]);
        }
        let guid = text::guid_text(rest.first("objectGUID").unwrap_or_default());
        self.commit(id, rest);
        self.release_names(id);
        self.node_mut(id).life = Life::Tombstone;
        let old = self.node(id).rdns[0].clone();
        let rdn = Rdn {
            value: format!("{}\nDEL:{guid}", old.value),
            ..old
        };
        let name = schema::DELETED_OBJECTS;
        if let Some(&bin) = self
            .node(self.domain())
            .children
            .get(&Rdn::of("CN", name).key())
        {
            self.place(id, rdn, bin);
        }
    }
}
