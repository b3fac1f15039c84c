//! An object to the values a client can read of it: stored, linked and computed ones, in ranges.

use super::account;
use super::directory::{Directory, Life, NodeId};
use super::refusal::Refusal;
use super::schema::{self, LINKS, Syntax};
use super::text;
use ldap3_proto::proto::{LdapPartialAttribute, LdapResultCode as Code, LdapSearchResultEntry};
use std::collections::BTreeSet;

/// Computed attributes that only a search with base scope may ask for.
pub const BASE_ONLY: &[&str] = &["msds-memberOfTransitive", "tokenGroups"];

/// What a search wants of each object it finds.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub attributes: Vec<String>,
    pub types_only: bool,
}

impl Directory {
    /// Whether no client can see the object.
    pub(super) fn is_hidden(&self, id: NodeId) -> bool {
        self.covered_by(&self.hidden, id)
    }

    /// All values of an attribute, unranged; names and links as text.
    pub(super) fn values(&self, id: NodeId, attribute: &str) -> Vec<Vec<u8>> {
        let Some(attribute) = self.schema.attribute(attribute) else {
            return Vec::new();
        };
        let name = attribute.name.as_str();
        let node = self.node(id);
        match name {
            "unicodePwd" => Vec::new(),
            "name" => vec![node.rdns[0].value.clone().into_bytes()],
            "cn" | "ou" | "dc" if node.rdns[0].kind.eq_ignore_ascii_case(name) => {
                vec![node.rdns[0].value.clone().into_bytes()]
            }
            "distinguishedName" => vec![self.dn_text(id).into_bytes()],
            "canonicalName" => vec![self.canonical_name(id).into_bytes()],
            "msds-memberOfTransitive" => self.names(&self.groups_of(id)),
            "tokenGroups" => {
                let groups = self.groups_of(id).into_iter().chain(self.primary_group(id));
                groups
                    .flat_map(|group| self.values(group, "objectSid"))
                    .collect()
            }
            "msDS-User-Account-Control-Computed" => {
                let live = account::computed_control(&node.content);
                live.map(|bits| bits.to_string().into_bytes())
                    .into_iter()
                    .collect()
            }
            _ => {
                if let Some(forward) = schema::forward_of(name) {
                    return node
                        .back
                        .get(forward)
                        .map(|ids| self.names(ids))
                        .unwrap_or_default();
                }
                if attribute.syntax == Syntax::Dn {
                    return self.names(&node.content.links(name));
                }
                node.content.values.get(name).cloned().unwrap_or_default()
            }
        }
    }

    fn names(&self, ids: &BTreeSet<NodeId>) -> Vec<Vec<u8>> {
        let names = ids.iter().map(|&id| self.dn_text(id).into_bytes());
        names.collect()
    }

    fn canonical_name(&self, id: NodeId) -> String {
        let dn = self.dn(id);
        let (domain, path): (Vec<_>, Vec<_>) = dn.0.iter().partition(|rdn| rdn.kind == "DC");
        let dots: Vec<&str> = domain.iter().map(|rdn| rdn.value.as_str()).collect();
        let path = path.iter().rev().map(|rdn| rdn.value.replace('/', "\\/"));
        format!("{}/{}", dots.join("."), path.collect::<Vec<_>>().join("/"))
    }

    /// Every group the object is in, directly or through other groups; not its primary group.
    pub(super) fn groups_of(&self, id: NodeId) -> BTreeSet<NodeId> {
        let mut found = BTreeSet::new();
        let mut open = vec![id];
        while let Some(member) = open.pop() {
            for &group in self.node(member).back.get("member").into_iter().flatten() {
                if found.insert(group) {
                    open.push(group);
                }
            }
        }
        found
    }

    /// The names of all attributes that `*` returns: those with values, names and links included.
    pub(super) fn attribute_names(&self, id: NodeId) -> Vec<String> {
        let node = self.node(id);
        let mut names: BTreeSet<String> = node.content.values.keys().cloned().collect();
        names.extend(node.content.links.keys().cloned());
        names.extend(["name", "distinguishedName"].map(str::to_owned));
        names.insert(node.rdns[0].kind.to_ascii_lowercase());
        for (forward, _, back) in LINKS {
            if node.back.get(*forward).is_some_and(|ids| !ids.is_empty()) {
                names.insert((*back).to_owned());
            }
        }
        names.into_iter().collect()
    }

    /// Renders one search result.
    ///
    /// # Errors
    /// A range that starts behind the last value.
    pub(super) fn render(
        &self,
        id: NodeId,
        wanted: &Wanted,
    ) -> Result<LdapSearchResultEntry, Refusal> {
        let mut asked: Vec<String> = Vec::new();
        let all = wanted.attributes.is_empty() || wanted.attributes.iter().any(|a| a == "*");
        if all {
            asked.extend(self.attribute_names(id));
        }
        for name in wanted
            .attributes
            .iter()
            .filter(|a| *a != "*" && *a != "1.1")
        {
            let listed = asked.iter().any(|a| a.eq_ignore_ascii_case(name));
            if !listed {
                asked.push(name.clone());
            }
        }
        let mut attributes = Vec::new();
        for name in asked {
            attributes.extend(self.attribute_values(id, &name)?);
        }
        if wanted.types_only {
            for attribute in &mut attributes {
                attribute.vals.clear();
            }
        }
        Ok(LdapSearchResultEntry {
            dn: self.dn_text(id),
            attributes,
        })
    }

    /// An attribute as it stands in a search result: nothing, itself, or a range of it.
    fn attribute_values(
        &self,
        id: NodeId,
        asked: &str,
    ) -> Result<Vec<LdapPartialAttribute>, Refusal> {
        let mut options = asked.split(';');
        let base = options.next().unwrap_or_default();
        let Some(attribute) = self.schema.attribute(base) else {
            return Ok(Vec::new());
        };
        if self.concealed.contains(&base.to_ascii_lowercase()) {
            return Ok(Vec::new());
        }
        let name = attribute.name.clone();
        let values = self.values(id, &name);
        if values.is_empty() {
            return Ok(Vec::new());
        }
        let one = |atype: String, vals| LdapPartialAttribute { atype, vals };
        let limit = self.options.max_val_range;
        let range = options.find_map(|option| option.strip_prefix("range="));
        let Some(range) = range else {
            if values.len() <= limit {
                return Ok(vec![one(name, values)]);
            }
            let first = one(
                format!("{name};range=0-{}", limit - 1),
                values[..limit].to_vec(),
            );
            return Ok(vec![one(name, Vec::new()), first]);
        };
        let bad = || Refusal::conversion(Code::OperationsError);
        let (low, high) = range.split_once('-').ok_or_else(bad)?;
        let low: usize = low.parse().map_err(|_| bad())?;
        let high = match high {
            "*" => usize::MAX,
            digits => digits.parse().map_err(|_| bad())?,
        };
        if low >= values.len() || high < low {
            return Err(bad());
        }
        let end = high.saturating_add(1).min(low + limit);
        Ok(vec![if end >= values.len() {
            one(format!("{name};range={low}-*"), values[low..].to_vec())
        } else {
            let window = values[low..end].to_vec();
            one(format!("{name};range={low}-{}", end - 1), window)
        }])
    }

    /// The group that primaryGroupID names, which is in neither `member` nor `memberOf`.
    pub(super) fn primary_group(&self, id: NodeId) -> Option<NodeId> {
        let rid = self.node(id).content.number("primaryGroupID")?;
        self.group_by_rid(u32::try_from(rid).ok()?)
    }

    pub(super) fn group_by_rid(&self, rid: u32) -> Option<NodeId> {
        let live = self.subtree(self.domain()).into_iter();
        live.filter(|&id| self.node(id).life == Life::Live)
            .find(|&id| {
                let content = &self.node(id).content;
                content.is_a("group") && content.first("objectSid").and_then(text::rid) == Some(rid)
            })
    }
}
