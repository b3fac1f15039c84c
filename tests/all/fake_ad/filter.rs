//! A search filter to whether an object matches, by the rules of AD's syntaxes.

use super::directory::{Directory, NodeId};
use super::name::fold;
use super::schema::{self, Syntax};
use super::wire;
use ldap3_proto::proto::{LdapFilter, LdapMatchingRuleAssertion, LdapSubstringFilter};
use std::cmp::Ordering;
use std::collections::BTreeSet;

const BIT_AND: &str = "1.2.840.113556.1.4.803";
const BIT_OR: &str = "1.2.840.113556.1.4.804";
const IN_CHAIN: &str = "1.2.840.113556.1.4.1941";

impl Directory {
    /// Whether an object matches; `None` where the filter names an attribute the schema lacks, so
    /// that neither it nor its negation matches. An attribute without values is not such: it makes
    /// an equality false and its negation true.
    pub(super) fn matches(&self, id: NodeId, filter: &LdapFilter) -> Option<bool> {
        match filter {
            LdapFilter::And(all) => {
                let results: Vec<_> = all.iter().map(|one| self.matches(id, one)).collect();
                if results.contains(&Some(false)) {
                    return Some(false);
                }
                (!results.contains(&None)).then_some(true)
            }
            LdapFilter::Or(any) => {
                let results: Vec<_> = any.iter().map(|one| self.matches(id, one)).collect();
                if results.contains(&Some(true)) {
                    return Some(true);
                }
                (!results.contains(&None)).then_some(false)
            }
            LdapFilter::Not(inner) => self.matches(id, inner).map(|result| !result),
            LdapFilter::Present(name) => {
                self.schema.attribute(name)?;
                Some(name.eq_ignore_ascii_case("objectClass") || !self.visible(id, name).is_empty())
            }
            LdapFilter::Equality(name, value) | LdapFilter::Approx(name, value) => {
                self.equals(id, name, &wire::assertion(value))
            }
            LdapFilter::Substring(name, parts) => self.contains(id, name, parts),
            LdapFilter::GreaterOrEqual(name, bound) => {
                self.ordered(id, name, bound, Ordering::Less)
            }
            LdapFilter::LessOrEqual(name, bound) => {
                self.ordered(id, name, bound, Ordering::Greater)
            }
            LdapFilter::Extensible(assertion) => self.extended(id, assertion),
        }
    }

    fn visible(&self, id: NodeId, name: &str) -> Vec<Vec<u8>> {
        if self.concealed.contains(&name.to_ascii_lowercase()) {
            return Vec::new();
        }
        self.values(id, name)
    }

    fn equals(&self, id: NodeId, name: &str, wanted: &[u8]) -> Option<bool> {
        let attribute = self.schema.attribute(name)?;
        let values = self.visible(id, name);
        let text = String::from_utf8_lossy(wanted);
        if attribute.name == "objectCategory" && !text.contains('=') {
            // A class's name stands for its schema object.
            let category = schema::class(&text).map_or(text.as_ref(), |(_, category, _)| category);
            let wanted = fold(&self.category(category));
            return Some(values.iter().any(|value| folded(value) == wanted));
        }
        Some(match attribute.syntax {
            Syntax::Dn => self.find(&text).is_ok_and(|target| {
                let wanted = self.dn_text(target).into_bytes();
                values.contains(&wanted)
            }),
            _ if attribute.name == "distinguishedName" => self.find(&text) == Ok(id),
            Syntax::Integer | Syntax::LargeInteger => {
                let wanted = number(wanted);
                wanted.is_some() && values.iter().any(|value| number(value) == wanted)
            }
            Syntax::Octets => values.iter().any(|value| value == wanted),
            Syntax::Text | Syntax::Oid | Syntax::Boolean | Syntax::Time => {
                let wanted = fold(&text);
                values.iter().any(|value| folded(value) == wanted)
            }
        })
    }

    fn contains(&self, id: NodeId, name: &str, parts: &LdapSubstringFilter) -> Option<bool> {
        let attribute = self.schema.attribute(name)?;
        // Names of other objects cannot be searched in part.
        if attribute.syntax == Syntax::Dn {
            return Some(false);
        }
        let values = self.visible(id, name);
        Some(values.iter().any(|value| has_parts(&folded(value), parts)))
    }

    /// Whether a value does not stand on the excluded side of the bound.
    fn ordered(&self, id: NodeId, name: &str, bound: &str, excluded: Ordering) -> Option<bool> {
        let attribute = self.schema.attribute(name)?;
        let numeric = matches!(attribute.syntax, Syntax::Integer | Syntax::LargeInteger);
        let bound = wire::assertion(bound);
        let compare = |value: &Vec<u8>| {
            if numeric {
                Some(number(value)?.cmp(&number(&bound)?))
            } else {
                Some(folded(value).cmp(&folded(&bound)))
            }
        };
        let values = self.visible(id, name);
        Some(
            values
                .iter()
                .filter_map(compare)
                .any(|order| order != excluded),
        )
    }

    fn extended(&self, id: NodeId, assertion: &LdapMatchingRuleAssertion) -> Option<bool> {
        let name = assertion.type_.as_deref()?;
        let attribute = self.schema.attribute(name)?;
        let wanted = wire::assertion(&assertion.match_value);
        let numbers = || {
            self.visible(id, name)
                .iter()
                .filter_map(|v| number(v))
                .collect::<Vec<_>>()
        };
        match assertion.matching_rule.as_deref() {
            Some(BIT_AND) => {
                let mask = number(&wanted)?;
                Some(numbers().iter().any(|value| value & mask == mask))
            }
            Some(BIT_OR) => {
                let mask = number(&wanted)?;
                Some(numbers().iter().any(|value| value & mask != 0))
            }
            Some(IN_CHAIN) => {
                let target = self.find(&String::from_utf8_lossy(&wanted)).ok();
                Some(target.is_some_and(|target| self.chain(id, &attribute.name).contains(&target)))
            }
            _ => None,
        }
    }

    /// Every object reached by following a link or back-link again and again.
    fn chain(&self, id: NodeId, attribute: &str) -> BTreeSet<NodeId> {
        let back = schema::forward_of(attribute);
        let mut found = BTreeSet::new();
        let mut open = vec![id];
        while let Some(at) = open.pop() {
            let next = match back {
                Some(forward) => self.node(at).back.get(forward).cloned().unwrap_or_default(),
                None => self.node(at).content.links(attribute),
            };
            open.extend(next.into_iter().filter(|&id| found.insert(id)));
        }
        found
    }
}

/// The filter as text, for the log.
pub fn text(filter: &LdapFilter) -> String {
    let list = |mark: &str, inner: &[LdapFilter]| {
        let inner: String = inner.iter().map(text).collect();
        format!("({mark}{inner})")
    };
    match filter {
        LdapFilter::And(inner) => list("&", inner),
        LdapFilter::Or(inner) => list("|", inner),
        LdapFilter::Not(inner) => format!("(!{})", text(inner)),
        LdapFilter::Present(name) => format!("({name}=*)"),
        LdapFilter::Equality(name, value) => format!("({name}={})", wire::escaped(value)),
        LdapFilter::Approx(name, value) => format!("({name}~={})", wire::escaped(value)),
        LdapFilter::GreaterOrEqual(name, value) => format!("({name}>={})", wire::escaped(value)),
        LdapFilter::LessOrEqual(name, value) => format!("({name}<={})", wire::escaped(value)),
        LdapFilter::Substring(name, parts) => {
            let mut all = vec![parts.initial.as_deref().unwrap_or_default()];
            all.extend(parts.any.iter().map(String::as_str));
            all.push(parts.final_.as_deref().unwrap_or_default());
            let all: Vec<String> = all.into_iter().map(wire::escaped).collect();
            format!("({name}={})", all.join("*"))
        }
        LdapFilter::Extensible(rule) => {
            let name = rule.type_.as_deref().unwrap_or_default();
            let oid = rule.matching_rule.as_deref().unwrap_or_default();
            format!("({name}:{oid}:={})", wire::escaped(&rule.match_value))
        }
    }
}

fn has_parts(value: &str, parts: &LdapSubstringFilter) -> bool {
    let mut rest = value;
    if let Some(initial) = &parts.initial {
        match rest.strip_prefix(fold(initial).as_str()) {
            Some(after) => rest = after,
            None => return false,
        }
    }
    for part in &parts.any {
        let part = fold(part);
        match rest.find(&part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    parts
        .final_
        .as_ref()
        .is_none_or(|end| rest.ends_with(fold(end).as_str()))
}

fn folded(value: &[u8]) -> String {
    fold(&String::from_utf8_lossy(value))
}

fn number(value: &[u8]) -> Option<i64> {
    std::str::from_utf8(value).ok()?.parse().ok()
}
