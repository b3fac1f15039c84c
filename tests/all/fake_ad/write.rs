//! Add and modify requests to changed objects, each whole or not at all.

use super::account::Draft;
use super::directory::{Content, Directory, Life, Miss, NodeId};
use super::name::{Dn, DnSpelling, Rdn, fold};
use super::refusal::Refusal;
use super::schema;
use ldap3_proto::proto::{LdapAttribute, LdapModify, LdapModifyType, LdapResultCode as Code};
use std::collections::BTreeSet;

/// Under which conditions a write came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    pub channel: Channel,
    pub repeats: Repeats,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    Clear,
    Tls,
}

/// What becomes of adding what is there and deleting what is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeats {
    Refused,
    /// The client sent the permissive-modify control.
    Permitted,
}

impl Directory {
    /// Does an add request.
    ///
    /// # Errors
    /// The refusal that Active Directory documents for the first rule broken.
    pub(super) fn add(
        &mut self,
        dn: &str,
        attributes: &[LdapAttribute],
        terms: Terms,
    ) -> Result<(), Refusal> {
        let dn = Dn::parse(dn).ok_or_else(Refusal::bad_name)?;
        let rdn = dn.0.first().ok_or_else(Refusal::bad_name)?.clone();
        let parent = self
            .find_dn(&dn.parent())
            .map_err(|miss| self.missed(miss, 0x208D))?;
        if self.is_hidden(parent) {
            return Err(Refusal::absent(0x208D, ""));
        }
        self.check_may_write(parent)?;
        if self.node(parent).children.contains_key(&rdn.key()) {
            return Err(Refusal::exists(0x2071));
        }
        let mut draft = Draft::default();
        let kind = class_of(attributes)?;
        let (classes, category, naming) = schema::class(&kind).ok_or_else(class_violation)?;
        self.check_name(&rdn, naming)?;
        let above = &self.node(parent).content;
        let holds = [
            "organizationalUnit",
            "container",
            "domainDNS",
            "builtinDomain",
        ];
        if !holds.iter().any(|class| above.is_a(class)) {
            return Err(Refusal::naming());
        }
        let classes = classes.iter().map(|c| c.as_bytes().to_vec()).collect();
        draft.content.set("objectClass", classes);
        let category = self.category(category).into_bytes();
        draft.content.set("objectCategory", vec![category]);
        for given in attributes {
            if given.atype.eq_ignore_ascii_case("objectClass") || names_itself(given, &rdn) {
                continue;
            }
            self.step(None, &mut draft, &LdapModifyType::Add, given, terms)?;
        }
        if draft.content.is_account() && draft.content.first("sAMAccountName").is_none() {
            let made_up = format!("$A{:05X}-{:012X}", self.next_rid, self.usn);
            draft
                .content
                .set("sAMAccountName", vec![made_up.into_bytes()]);
        }
        self.settle(None, &Content::default(), &mut draft)?;
        if draft.content.is_account() {
            let sid = self.new_sid();
            draft.content.set("objectSid", vec![sid]);
        }
        self.insert(vec![rdn], Some(parent), draft.content);
        Ok(())
    }

    /// Does a modify request.
    ///
    /// # Errors
    /// The refusal that Active Directory documents for the first rule broken; nothing is changed.
    pub(super) fn modify(
        &mut self,
        name: &str,
        changes: &[LdapModify],
        terms: Terms,
    ) -> Result<(), Refusal> {
        let id = self.target(name)?;
        self.check_may_write(id)?;
        let old = self.node(id).content.clone();
        let mut draft = Draft {
            content: old.clone(),
            ..Draft::default()
        };
        for change in changes {
            self.step(
                Some(id),
                &mut draft,
                &change.operation,
                &change.modification,
                terms,
            )?;
        }
        self.settle(Some(id), &old, &mut draft)?;
        let swap = self.primary_swap(id, &old, &draft.content)?;
        self.commit(id, draft.content);
        if let Some((left, entered)) = swap {
            self.relink(left, |members| members.insert(id));
            self.relink(entered, |members| members.remove(&id));
        }
        Ok(())
    }

    /// Finds what a write names, among what the client can see.
    pub(super) fn target(&self, name: &str) -> Result<NodeId, Refusal> {
        let id = self.find(name).map_err(|miss| self.missed(miss, 0x208D))?;
        if id == self.domain() || !(self.is_hidden(id) || self.node(id).life == Life::Tombstone) {
            return Ok(id);
        }
        Err(Refusal::absent(0x208D, ""))
    }

    pub(super) fn check_may_write(&self, id: NodeId) -> Result<(), Refusal> {
        if self.covered_by(&self.denied, id) {
            return Err(Refusal::no_right());
        }
        Ok(())
    }

    pub(super) fn missed(&self, miss: Miss, win32: u32) -> Refusal {
        match miss {
            Miss::Malformed => Refusal::bad_name(),
            Miss::Absent(best) => Refusal::absent(win32, &best),
            Miss::Elsewhere => Refusal::elsewhere(&self.options.domain, ""),
        }
    }

    /// The name of an object that is new or renamed: its kind, and the CN limit of 64 characters.
    pub(super) fn check_name(&self, rdn: &Rdn, naming: &str) -> Result<(), Refusal> {
        if rdn.kind != naming {
            return Err(Refusal::naming());
        }
        let attribute = self.attribute(&rdn.kind)?;
        if rdn.value.chars().count() > attribute.range_upper {
            return Err(self.about(&attribute.name, Code::ConstraintViolation, 0x2082));
        }
        Ok(())
    }

    pub(super) fn category(&self, name: &str) -> String {
        let schema = self.dn(self.roots[2]).text(DnSpelling::Backslash);
        format!("CN={name},{schema}")
    }

    pub(super) fn new_sid(&mut self) -> Vec<u8> {
        let mut sid = self
            .node(self.domain())
            .content
            .first("objectSid")
            .unwrap_or_default()
            .to_vec();
        // One sub-authority more than the domain's own.
        sid[1] += 1;
        sid.extend(self.next_rid.to_le_bytes());
        self.next_rid += 1;
        sid
    }

    /// A changed primaryGroupID: the groups that the account leaves as primary and enters as such.
    fn primary_swap(
        &self,
        id: NodeId,
        old: &Content,
        new: &Content,
    ) -> Result<Option<(NodeId, NodeId)>, Refusal> {
        let (before, after) = (old.number("primaryGroupID"), new.number("primaryGroupID"));
        if before == after || before.is_none() {
            return Ok(None);
        }
        let group = |rid: Option<i64>| self.group_by_rid(u32::try_from(rid?).ok()?);
        match (group(before), group(after)) {
            (Some(left), Some(entered))
                if self.node(entered).content.links("member").contains(&id) =>
            {
                Ok(Some((left, entered)))
            }
            _ => Err(Refusal::service(0x561)),
        }
    }

    fn relink(&mut self, group: NodeId, change: impl FnOnce(&mut BTreeSet<NodeId>) -> bool) {
        let mut content = self.node(group).content.clone();
        let mut members = content.links("member");
        change(&mut members);
        content.set_links("member", members);
        self.commit(group, content);
    }
}

fn class_of(attributes: &[LdapAttribute]) -> Result<String, Refusal> {
    let classes = attributes
        .iter()
        .filter(|a| a.atype.eq_ignore_ascii_case("objectClass"))
        .flat_map(|a| &a.vals)
        .map(|value| String::from_utf8_lossy(value).into_owned());
    // The structural class is the one with the longest chain of those named.
    classes
        .filter(|class| schema::class(class).is_some())
        .max_by_key(|class| schema::class(class).map_or(0, |(chain, _, _)| chain.len()))
        .ok_or_else(class_violation)
}

pub fn class_violation() -> Refusal {
    Refusal::update(
        Code::ObjectClassViolation,
        0x207D,
        "6002 (OBJ_CLASS_VIOLATION)",
    )
}

/// Whether an attribute of an add request only repeats the name that the DN gives.
fn names_itself(given: &LdapAttribute, rdn: &Rdn) -> bool {
    let naming =
        given.atype.eq_ignore_ascii_case(&rdn.kind) || given.atype.eq_ignore_ascii_case("name");
    let same = |value: &Vec<u8>| fold(&String::from_utf8_lossy(value)) == fold(&rdn.value);
    naming && given.vals.len() == 1 && given.vals.iter().all(same)
}
