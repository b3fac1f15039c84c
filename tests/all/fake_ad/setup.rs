//! Changes by the test, or by a person beside the client: no checks, no rights, and a panic where a
//! test names what is not there.

use super::account::{self, bits};
use super::directory::{Content, Directory, NodeId};
use super::ldif;
use super::name::{Dn, Rdn};
use super::schema::{self, Attribute, Syntax, Values, Writable};
use super::text;
use std::collections::{BTreeMap, BTreeSet};

/// The password of every account made by set-up, unless it needs none or is given another.
pub const PASSWORD: &str = "Correct-Horse-7";

impl Directory {
    /// Adds an object, and the containers above it that are missing; replaces the attributes of one
    /// that is there. Without objectClass it is a unit, group, user or container by what it has. What
    /// the server gives an object (objectGUID, objectSid …) is kept where given, else made up.
    pub fn add_entry<V: AsRef<[u8]>>(&mut self, dn: &str, attributes: &[(&str, V)]) {
        let id = self.add_values(dn, attributes);
        self.add_links(id, attributes);
    }

    /// Adds an organizational unit.
    pub fn add_unit(&mut self, dn: &str) {
        self.add_entry(dn, &[("objectClass", "organizationalUnit")]);
    }

    /// Adds an enabled user whose password is [`PASSWORD`].
    pub fn add_user(&mut self, dn: &str, login: &str) {
        let principal = format!("{login}@{}", self.options.domain);
        let attributes = [
            ("objectClass", "user"),
            ("sAMAccountName", login),
            ("userPrincipalName", &principal),
            ("userAccountControl", "512"),
        ];
        self.add_entry(dn, &attributes);
    }

    /// Adds a global security group.
    pub fn add_group(&mut self, dn: &str, login: &str, members: &[&str]) {
        let mut attributes = vec![("objectClass", "group"), ("sAMAccountName", login)];
        attributes.extend(members.iter().map(|&member| ("member", member)));
        self.add_entry(dn, &attributes);
    }

    /// Adds LDIF content records in any order; links are set when all are there.
    pub fn load_ldif(&mut self, ldif: &str) {
        let mut records = ldif::read(ldif);
        // Containers first, so that none is made up that the file describes.
        records.sort_by_key(|(dn, _)| Dn::parse(dn).map_or(0, |dn| dn.0.len()));
        let mut added = Vec::new();
        for (dn, pairs) in &records {
            added.push((self.add_values(dn, pairs), pairs));
        }
        for (id, pairs) in added {
            self.add_links(id, pairs);
        }
    }

    /// Replaces all values of an attribute, a link or not; no values remove it.
    pub fn replace(&mut self, dn: &str, attribute: &str, values: &[&str]) {
        let id = self.at(dn);
        let mut content = self.node(id).content.clone();
        let known = self.known(attribute);
        assert!(known.writable != Writable::Name, "rename {dn} instead");
        if known.syntax == Syntax::Dn {
            let targets = values.iter().map(|value| self.at(value)).collect();
            content.set_links(&known.name, targets);
        } else {
            let values = values
                .iter()
                .map(|value| value.as_bytes().to_vec())
                .collect();
            content.set(&known.name, values);
        }
        self.commit(id, content);
    }

    /// Puts somebody into a group.
    ///
    /// # Panics
    /// They are in it.
    pub fn add_member(&mut self, group: &str, member: &str) {
        self.change_members(group, |members, id| members.insert(id), member);
    }

    /// Takes somebody out of a group.
    ///
    /// # Panics
    /// They are not in it.
    pub fn remove_member(&mut self, group: &str, member: &str) {
        self.change_members(group, |members, id| members.remove(&id), member);
    }

    fn change_members(
        &mut self,
        group: &str,
        change: impl FnOnce(&mut BTreeSet<NodeId>, NodeId) -> bool,
        member: &str,
    ) {
        let (group, member) = (self.at(group), self.at(member));
        let mut content = self.node(group).content.clone();
        let mut members = content.links("member");
        assert!(change(&mut members, member), "the membership is so already");
        content.set_links("member", members);
        self.commit(group, content);
    }

    /// Renames, moves, or both.
    pub fn rename(&mut self, dn: &str, new: &str) {
        let id = self.at(dn);
        let new = Dn::parse(new).unwrap_or_else(|| panic!("{new} is no DN"));
        let parent = self.container(&new.parent());
        self.place(id, new.0[0].clone(), parent);
    }

    /// Deletes an object and all below it.
    pub fn remove(&mut self, dn: &str) {
        let top = self.at(dn);
        for id in self.subtree(top).into_iter().rev() {
            self.bury(id);
        }
    }

    /// Gives an account a password, or takes it away; no policy applies.
    pub fn set_password(&mut self, dn: &str, password: Option<&str>) {
        let id = self.at(dn);
        let mut content = self.node(id).content.clone();
        content.password = password.map(str::to_owned);
        self.commit(id, content);
    }

    /// Makes an object and all below it unreadable: to clients they do not exist.
    pub fn hide(&mut self, dn: &str) {
        let id = self.at(dn);
        self.hidden.insert(id);
    }

    pub fn unhide(&mut self, dn: &str) {
        let id = self.at(dn);
        self.hidden.remove(&id);
    }

    /// Makes an object and all below it read-only (result 50), as adminSDHolder does.
    pub fn deny_writes(&mut self, dn: &str) {
        let id = self.at(dn);
        self.denied.insert(id);
    }

    pub fn allow_writes(&mut self, dn: &str) {
        let id = self.at(dn);
        self.denied.remove(&id);
    }

    /// Protects an object from accidental deletion: delete and move are refused with result 50,
    /// renaming in place is not. Deleting the tree above it ignores this.
    pub fn protect(&mut self, dn: &str) {
        let id = self.at(dn);
        self.protected.insert(id);
    }

    pub fn unprotect(&mut self, dn: &str) {
        let id = self.at(dn);
        self.protected.remove(&id);
    }

    /// Makes an attribute unreadable everywhere.
    pub fn conceal(&mut self, attribute: &str) {
        let name = self.known(attribute).name.to_ascii_lowercase();
        self.concealed.insert(name);
    }

    pub fn reveal(&mut self, attribute: &str) {
        self.concealed.remove(&attribute.to_ascii_lowercase());
    }

    /// Extends the schema by a text attribute.
    pub fn define_attribute(&mut self, name: &str, values: Values, range_upper: usize) {
        self.schema.define(Attribute {
            name: name.to_owned(),
            id: 0x00FF_0000,
            syntax: Syntax::Text,
            values,
            range_upper,
            writable: Writable::Yes,
        });
    }

    /// Finds an object that a test takes for granted.
    pub(super) fn at(&self, name: &str) -> NodeId {
        self.find(name)
            .unwrap_or_else(|miss| panic!("no {name} in the fake directory: {miss:?}"))
    }

    fn known(&self, attribute: &str) -> Attribute {
        let known = self.schema.attribute(attribute).cloned();
        known.unwrap_or_else(|| panic!("{attribute} is not in the schema: define_attribute it"))
    }

    /// Finds a container, and makes it where there is none.
    fn container(&mut self, dn: &Dn) -> NodeId {
        if let Ok(id) = self.find_dn(dn) {
            return id;
        }
        let domain = self.dn_text(self.domain());
        let text = dn.text(self.options.dn_spelling);
        assert!(
            dn.is_within(&self.dn(self.domain())),
            "{text} is not within {domain}"
        );
        let class = if dn.0[0].kind == "OU" {
            "organizationalUnit"
        } else {
            "container"
        };
        self.add_values(&text, &[("objectClass", class)])
    }

    /// Everything about an object but its links.
    fn add_values<N: AsRef<str>, V: AsRef<[u8]>>(
        &mut self,
        dn: &str,
        attributes: &[(N, V)],
    ) -> NodeId {
        let dn = Dn::parse(dn).unwrap_or_else(|| panic!("{dn} is no DN"));
        let there = self.find_dn(&dn).ok();
        let mut content = there
            .map(|id| self.node(id).content.clone())
            .unwrap_or_default();
        let mut given: BTreeMap<String, Vec<Vec<u8>>> = BTreeMap::new();
        for (name, value) in attributes {
            let known = self.known(name.as_ref());
            let own = known.writable == Writable::Name || known.name == "distinguishedName";
            if !own && known.syntax != Syntax::Dn {
                given
                    .entry(known.name)
                    .or_default()
                    .push(value.as_ref().to_vec());
            }
        }
        if let Some(password) = given.remove("unicodePwd") {
            content.password = Some(String::from_utf8_lossy(&password[0]).into_owned());
        }
        let class = structural_class(&dn.0[0], &given, &content);
        given.remove("objectClass");
        for (name, values) in given {
            content.set(&name, values);
        }
        let (classes, category, _) =
            schema::class(&class).unwrap_or_else(|| panic!("class {class}?"));
        let classes = classes.iter().map(|c| c.as_bytes().to_vec()).collect();
        content.set("objectClass", classes);
        content.set("objectCategory", vec![self.category(category).into_bytes()]);
        self.complete(&mut content, &dn.0[0]);
        match there {
            Some(id) => {
                self.commit(id, content);
                id
            }
            None => {
                let parent = self.container(&dn.parent());
                self.insert(vec![dn.0[0].clone()], Some(parent), content)
            }
        }
    }

    fn add_links<N: AsRef<str>, V: AsRef<[u8]>>(&mut self, id: NodeId, attributes: &[(N, V)]) {
        let mut content = self.node(id).content.clone();
        for (name, value) in attributes {
            let known = self.known(name.as_ref());
            if known.syntax == Syntax::Dn && known.writable == Writable::Yes {
                let target = self.at(&String::from_utf8_lossy(value.as_ref()));
                let mut targets = content.links(&known.name);
                targets.insert(target);
                content.set_links(&known.name, targets);
            }
        }
        self.commit(id, content);
    }

    /// What the server would give an account.
    fn complete(&mut self, content: &mut Content, rdn: &Rdn) {
        let group = content.is_a("group");
        if !group && !content.is_a("user") {
            return;
        }
        if content.first("sAMAccountName").is_none() {
            content.set("sAMAccountName", vec![rdn.value.clone().into_bytes()]);
        }
        if content.first("objectSid").is_none() {
            let sid = self.new_sid();
            content.set("objectSid", vec![sid]);
        }
        let computer = content.is_a("computer");
        let mut default = |name: &str, value: i64| {
            if content.number(name).is_none() {
                content.set_number(name, value);
            }
        };
        if group {
            default("groupType", account::GLOBAL_SECURITY);
            let kind = content.number("groupType").unwrap_or(0);
            content.set_number("sAMAccountType", account::group_account_type(kind));
            return;
        }
        let blank = bits::DISABLED | bits::PASSWORD_NOT_REQUIRED | bits::NORMAL;
        default("userAccountControl", blank);
        default("sAMAccountType", 0x3000_0000 + i64::from(computer));
        default("accountExpires", account::NEVER);
        default("primaryGroupID", if computer { 515 } else { 513 });
        default("badPwdCount", 0);
        let flags = content.number("userAccountControl").unwrap_or(0);
        if content.password.is_none() && flags & bits::PASSWORD_NOT_REQUIRED == 0 {
            content.password = Some(PASSWORD.to_owned());
        }
        if content.first("pwdLastSet").is_none() {
            let set = content
                .password
                .as_ref()
                .map_or(0, |_| text::filetime(self.now));
            content.set_number("pwdLastSet", set);
        }
    }
}

fn structural_class(
    rdn: &Rdn,
    given: &BTreeMap<String, Vec<Vec<u8>>>,
    present: &Content,
) -> String {
    let named = given
        .get("objectClass")
        .or_else(|| present.values.get("objectClass"));
    let named = named
        .into_iter()
        .flatten()
        .map(|c| String::from_utf8_lossy(c).into_owned());
    let structural = named.filter(|class| schema::class(class).is_some());
    let deepest =
        structural.max_by_key(|c| schema::class(c).map_or(0, |(chain, _, _)| chain.len()));
    let guess = if rdn.kind == "OU" {
        "organizationalUnit"
    } else if given.contains_key("groupType") {
        "group"
    } else if given.contains_key("sAMAccountName") {
        "user"
    } else {
        "container"
    };
    deepest.unwrap_or_else(|| guess.to_owned())
}
