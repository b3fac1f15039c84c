//! The tree itself: objects, their values, and the links between them.
//!
//! Invariant: a link is held as the target's [`NodeId`], never as a name, and every link is known at
//! both ends. So names follow renames and moves, and back-links cannot disagree with links.

use super::Options;
use super::name::{Dn, DnSpelling, Rdn, fold};
use super::refusal::Refusal;
use super::schema::{Attribute, LINKS, Schema};
use super::text;
use std::collections::{BTreeMap, BTreeSet};

/// One object of the tree, for as long as the directory lives; survives rename, move and deletion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NodeId(u64);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Life {
    #[default]
    Live,
    /// Deleted: seen only by searches that ask for deleted objects.
    Tombstone,
}

/// What a write may change of an object; compared and swapped as a whole, so a write is atomic.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Content {
    /// Values by attribute, as the schema spells its name. No attribute is there without a value.
    pub values: BTreeMap<String, Vec<Vec<u8>>>,
    /// Forward links by attribute. No attribute is there without a link.
    pub links: BTreeMap<String, BTreeSet<NodeId>>,
    pub password: Option<String>,
}

#[derive(Clone, Debug, Default)]
pub struct Node {
    /// The relative name; for the root of a naming context its whole name.
    pub rdns: Vec<Rdn>,
    pub parent: Option<NodeId>,
    /// By [`Rdn::key`].
    pub children: BTreeMap<String, NodeId>,
    pub content: Content,
    /// Who links here, by forward attribute.
    pub back: BTreeMap<String, BTreeSet<NodeId>>,
    pub life: Life,
}

/// Why a name leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Miss {
    Malformed,
    /// Nothing there; the nearest ancestor that is.
    Absent(String),
    /// Not within any naming context held here.
    Elsewhere,
}

/// The whole directory, as set-up and hooks change it. What a client does to it is not public.
#[derive(Debug)]
pub struct Directory {
    pub(super) options: Options,
    pub(super) schema: Schema,
    nodes: BTreeMap<NodeId, Node>,
    /// Roots of the naming contexts: domain, configuration, schema.
    pub(super) roots: Vec<NodeId>,
    by_guid: BTreeMap<Vec<u8>, NodeId>,
    logins: BTreeMap<String, NodeId>,
    principals: BTreeMap<String, NodeId>,
    pub(super) usn: u64,
    pub(super) next_rid: u32,
    random: u64,
    /// Seconds since 1970. Stands still until a test sets it.
    pub(super) now: u64,
    /// Objects whose whole subtree no client can read.
    pub(super) hidden: BTreeSet<NodeId>,
    /// Objects whose whole subtree no client can write.
    pub(super) denied: BTreeSet<NodeId>,
    /// Objects protected from accidental deletion.
    pub(super) protected: BTreeSet<NodeId>,
    /// Lower-case names of attributes no client can read.
    pub(super) concealed: BTreeSet<String>,
}

impl Directory {
    /// Makes a directory without a single object; see [`super::provision`].
    pub(super) fn empty(options: Options) -> Directory {
        Directory {
            schema: Schema::default(),
            nodes: BTreeMap::new(),
            roots: Vec::new(),
            by_guid: BTreeMap::new(),
            logins: BTreeMap::new(),
            principals: BTreeMap::new(),
            usn: 12_000,
            next_rid: 1103,
            random: options.seed,
            now: options.now,
            hidden: BTreeSet::new(),
            denied: BTreeSet::new(),
            protected: BTreeSet::new(),
            concealed: BTreeSet::new(),
            options,
        }
    }

    pub(super) fn node(&self, id: NodeId) -> &Node {
        &self.nodes[&id]
    }

    pub(super) fn node_mut(&mut self, id: NodeId) -> &mut Node {
        self.nodes.get_mut(&id).expect("nodes are never forgotten")
    }

    pub(super) fn domain(&self) -> NodeId {
        self.roots[0]
    }

    pub(super) fn dn(&self, id: NodeId) -> Dn {
        let mut rdns = Vec::new();
        let mut next = Some(id);
        while let Some(node) = next.map(|id| self.node(id)) {
            rdns.extend(node.rdns.iter().cloned());
            next = node.parent;
        }
        Dn(rdns)
    }

    /// The name as clients get it.
    pub(super) fn dn_text(&self, id: NodeId) -> String {
        self.dn(id).text(self.options.dn_spelling)
    }

    /// Finds an object by DN, `<GUID=…>` or `<SID=…>`; deleted ones too.
    pub(super) fn find(&self, name: &str) -> Result<NodeId, Miss> {
        let absent = || Miss::Absent(String::new());
        let name = name.trim();
        if let Some((kind, key)) = bracketed(name) {
            return match kind.to_ascii_uppercase().as_str() {
                "GUID" => {
                    let guid = text::parse_guid(key).ok_or(Miss::Malformed)?;
                    self.by_guid.get(&guid).copied().ok_or_else(absent)
                }
                "SID" => {
                    let sid = text::parse_sid(key).ok_or(Miss::Malformed)?;
                    self.by_value("objectSid", &sid).ok_or_else(absent)
                }
                _ => Err(Miss::Malformed),
            };
        }
        self.find_dn(&Dn::parse(name).ok_or(Miss::Malformed)?)
    }

    pub(super) fn find_dn(&self, dn: &Dn) -> Result<NodeId, Miss> {
        // The deepest naming context wins: the schema lies within the configuration's name.
        let root = self
            .roots
            .iter()
            .filter(|&&root| dn.is_within(&self.dn(root)))
            .max_by_key(|&&root| self.node(root).rdns.len());
        let &root = root.ok_or(Miss::Elsewhere)?;
        let depth = dn.0.len() - self.node(root).rdns.len();
        let mut found = root;
        for rdn in dn.0[..depth].iter().rev() {
            match self.node(found).children.get(&rdn.key()) {
                Some(&child) => found = child,
                None => return Err(Miss::Absent(self.dn(found).text(DnSpelling::Backslash))),
            }
        }
        Ok(found)
    }

    /// The DN of what `<GUID=…>` or `<SID=…>` names; any other name as it is.
    pub(super) fn name_of(&self, name: &str) -> String {
        let found = bracketed(name.trim()).and_then(|_| self.find(name).ok());
        found.map_or_else(|| name.to_owned(), |id| self.dn_text(id))
    }

    fn by_value(&self, attribute: &str, value: &[u8]) -> Option<NodeId> {
        self.nodes
            .iter()
            .find(|(_, node)| node.content.first(attribute) == Some(value))
            .map(|(&id, _)| id)
    }

    pub(super) fn by_login(&self, login: &str) -> Option<NodeId> {
        self.logins.get(&fold(login)).copied()
    }

    pub(super) fn by_principal(&self, principal: &str) -> Option<NodeId> {
        self.principals.get(&fold(principal)).copied()
    }

    /// Every object of a subtree, its top first, children in the order of their names.
    pub(super) fn subtree(&self, top: NodeId) -> Vec<NodeId> {
        let mut found = Vec::new();
        let mut open = vec![top];
        while let Some(id) = open.pop() {
            found.push(id);
            open.extend(self.node(id).children.values().rev());
        }
        found
    }

    /// Whether the object or one of its ancestors is in the set.
    pub(super) fn covered_by(&self, set: &BTreeSet<NodeId>, id: NodeId) -> bool {
        let mut next = Some(id);
        while let Some(id) = next {
            if set.contains(&id) {
                return true;
            }
            next = self.node(id).parent;
        }
        false
    }

    /// Puts an object into the tree, with identity and change stamps. The caller has seen to it that
    /// the name is free.
    pub(super) fn insert(
        &mut self,
        rdns: Vec<Rdn>,
        parent: Option<NodeId>,
        content: Content,
    ) -> NodeId {
        let id = NodeId(self.nodes.len() as u64);
        if let Some(parent) = parent {
            let children = &mut self.node_mut(parent).children;
            children.insert(rdns[0].key(), id);
        }
        let node = Node {
            rdns,
            parent,
            ..Node::default()
        };
        self.nodes.insert(id, node);
        let mut content = content;
        if content.first("objectGUID").is_none() {
            content.set("objectGUID", vec![self.new_guid()]);
        }
        let next = (self.usn + 1).to_string();
        content.set("uSNCreated", vec![next.into_bytes()]);
        let now = text::generalized_time(self.now);
        content.set("whenCreated", vec![now.into_bytes()]);
        content.set("instanceType", vec![b"4".to_vec()]);
        self.commit(id, content);
        id
    }

    /// Makes the content the object's own, and moves the change stamps if it differs from the old.
    pub(super) fn commit(&mut self, id: NodeId, content: Content) {
        let old = self.node(id).content.clone();
        if old == content {
            return;
        }
        self.index(id, &old, &content);
        for (forward, target) in pairs(&old) {
            if let Some(sources) = self.node_mut(target).back.get_mut(&forward) {
                sources.remove(&id);
            }
        }
        for (forward, target) in pairs(&content) {
            let back = &mut self.node_mut(target).back;
            back.entry(forward).or_default().insert(id);
        }
        self.node_mut(id).content = content;
        self.touch(id);
    }

    /// Moves the change stamps.
    pub(super) fn touch(&mut self, id: NodeId) {
        self.usn += 1;
        let usn = self.usn.to_string().into_bytes();
        let now = text::generalized_time(self.now).into_bytes();
        let content = &mut self.node_mut(id).content;
        content.set("uSNChanged", vec![usn]);
        content.set("whenChanged", vec![now]);
    }

    fn index(&mut self, id: NodeId, old: &Content, new: &Content) {
        let texts = |content: &Content, name| content.first(name).map(<[u8]>::to_vec);
        if let Some(guid) = texts(new, "objectGUID") {
            self.by_guid.insert(guid, id);
        }
        let indexed = [
            ("sAMAccountName", &mut self.logins),
            ("userPrincipalName", &mut self.principals),
        ];
        for (name, index) in indexed {
            if let Some(value) = texts(old, name) {
                index.remove(&fold(&String::from_utf8_lossy(&value)));
            }
            if let Some(value) = texts(new, name) {
                index.insert(fold(&String::from_utf8_lossy(&value)), id);
            }
        }
    }

    /// Frees the names that a deleted account held, for others to take.
    pub(super) fn release_names(&mut self, id: NodeId) {
        self.logins.retain(|_, holder| *holder != id);
        self.principals.retain(|_, holder| *holder != id);
    }

    /// A random but seeded version 4 UUID, in the byte order of objectGUID.
    pub(super) fn new_guid(&mut self) -> Vec<u8> {
        let mut guid = Vec::with_capacity(16);
        for _ in 0..2 {
            guid.extend(self.draw().to_be_bytes());
        }
        guid[7] = guid[7] & 0x0F | 0x40;
        guid[8] = guid[8] & 0x3F | 0x80;
        guid
    }

    /// The next number of the `SplitMix64` generator.
    fn draw(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// The schema's word on an attribute, or the refusal that an unknown name gets.
    pub(super) fn attribute(&self, name: &str) -> Result<&Attribute, Refusal> {
        let unknown = || Refusal::conversion(ldap3_proto::proto::LdapResultCode::NoSuchAttribute);
        self.schema.attribute(name).ok_or_else(unknown)
    }
}

impl Content {
    pub fn first(&self, attribute: &str) -> Option<&[u8]> {
        let values = self.values.get(attribute)?;
        values.first().map(Vec::as_slice)
    }

    pub fn text(&self, attribute: &str) -> Option<&str> {
        std::str::from_utf8(self.first(attribute)?).ok()
    }

    pub fn number(&self, attribute: &str) -> Option<i64> {
        self.text(attribute)?.parse().ok()
    }

    pub fn set(&mut self, attribute: &str, values: Vec<Vec<u8>>) {
        if values.is_empty() {
            self.values.remove(attribute);
        } else {
            self.values.insert(attribute.to_owned(), values);
        }
    }

    pub fn set_number(&mut self, attribute: &str, number: i64) {
        self.set(attribute, vec![number.to_string().into_bytes()]);
    }

    pub fn set_links(&mut self, attribute: &str, targets: BTreeSet<NodeId>) {
        if targets.is_empty() {
            self.links.remove(attribute);
        } else {
            self.links.insert(attribute.to_owned(), targets);
        }
    }

    pub fn links(&self, attribute: &str) -> BTreeSet<NodeId> {
        self.links.get(attribute).cloned().unwrap_or_default()
    }

    pub fn is_account(&self) -> bool {
        self.is_a("user") || self.is_a("group")
    }

    pub fn is_a(&self, class: &str) -> bool {
        let classes = self.values.get("objectClass");
        classes.is_some_and(|all| all.iter().any(|c| c.eq_ignore_ascii_case(class.as_bytes())))
    }
}

fn pairs(content: &Content) -> Vec<(String, NodeId)> {
    let linked = content.links.iter();
    linked
        .filter(|(name, _)| LINKS.iter().any(|(forward, _, _)| forward == name))
        .flat_map(|(name, targets)| targets.iter().map(|&target| (name.clone(), target)))
        .collect()
}

fn bracketed(name: &str) -> Option<(&str, &str)> {
    name.strip_prefix('<')?.strip_suffix('>')?.split_once('=')
}
