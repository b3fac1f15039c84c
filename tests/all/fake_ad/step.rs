//! One change of one attribute to a changed draft, or the reason why not.

use super::account::{Draft, NewPassword};
use super::directory::{Content, Directory, Life, Miss, NodeId};
use super::name::fold;
use super::refusal::{Problem, Refusal};
use super::schema::{Attribute, Syntax, Values, Writable};
use super::text;
use super::write::{Channel, Repeats, Terms, class_violation};
use ldap3_proto::proto::{LdapAttribute, LdapModifyType, LdapResultCode as Code};
use std::collections::BTreeSet;

/// One change of one attribute.
struct Step<'a> {
    kind: &'a LdapModifyType,
    attribute: Attribute,
    values: &'a [Vec<u8>],
}

impl Directory {
    /// Applies one change to the draft.
    pub(super) fn step(
        &self,
        id: Option<NodeId>,
        draft: &mut Draft,
        kind: &LdapModifyType,
        given: &LdapAttribute,
        terms: Terms,
    ) -> Result<(), Refusal> {
        let attribute = self.attribute(&given.atype)?.clone();
        self.check_writable(&attribute, &draft.content)?;
        let step = Step {
            kind,
            attribute,
            values: &given.vals,
        };
        if *kind == LdapModifyType::Increment {
            return Err(Refusal::service(0x2035));
        }
        if step.attribute.name == "unicodePwd" {
            return step_password(draft, &step, terms);
        }
        self.check_values(&step)?;
        draft.written.insert(step.attribute.name.clone());
        if step.attribute.syntax == Syntax::Dn {
            self.step_links(id, &mut draft.content, &step, terms)
        } else {
            self.step_values(&mut draft.content, &step, terms)
        }
    }

    fn check_writable(&self, attribute: &Attribute, content: &Content) -> Result<(), Refusal> {
        let name = attribute.name.as_str();
        match attribute.writable {
            Writable::Yes => {}
            Writable::Name => {
                let problem = "6004 (CANT_ON_RDN)";
                return Err(Refusal::update(Code::NotALlowedOnRDN, 0x2016, problem));
            }
            Writable::System => return Err(self.about(name, Code::ConstraintViolation, 0x20B1)),
            Writable::Computed => return Err(Refusal::service(0x209A)),
        }
        let of_groups = matches!(name, "member" | "groupType") && !content.is_a("group");
        let of_users = matches!(
            name,
            "userAccountControl" | "unicodePwd" | "pwdLastSet" | "userPrincipalName"
        ) && !content.is_a("user");
        if of_groups || of_users {
            return Err(class_violation());
        }
        Ok(())
    }

    fn check_values(&self, step: &Step) -> Result<(), Refusal> {
        let Attribute {
            name,
            syntax,
            range_upper,
            ..
        } = &step.attribute;
        let mut seen = BTreeSet::new();
        for value in step.values {
            if value.is_empty() {
                return Err(Refusal::conversion(Code::InvalidAttributeSyntax));
            }
            let text = std::str::from_utf8(value).ok();
            let valid = match syntax {
                Syntax::Octets => true,
                Syntax::Text | Syntax::Oid | Syntax::Time | Syntax::Dn => text.is_some(),
                Syntax::Integer => text.is_some_and(|t| t.parse::<i32>().is_ok()),
                Syntax::LargeInteger => text.is_some_and(|t| t.parse::<i64>().is_ok()),
                Syntax::Boolean => matches!(text, Some("TRUE" | "FALSE")),
            };
            if !valid {
                return Err(Refusal::conversion(Code::InvalidAttributeSyntax));
            }
            let length = text.map_or(value.len(), |t| t.chars().count());
            if *range_upper != 0 && length > *range_upper {
                return Err(self.about(name, Code::ConstraintViolation, 0x2082));
            }
            if !seen.insert(comparable(*syntax, value)) {
                return Err(value_exists(&step.attribute));
            }
        }
        Ok(())
    }

    fn step_values(&self, content: &mut Content, step: &Step, terms: Terms) -> Result<(), Refusal> {
        let Attribute { name, syntax, .. } = &step.attribute;
        let mut values = content.values.get(name).cloned().unwrap_or_default();
        let position = |values: &[Vec<u8>], value: &[u8]| {
            let wanted = comparable(*syntax, value);
            values.iter().position(|v| comparable(*syntax, v) == wanted)
        };
        match step.kind {
            LdapModifyType::Add => {
                for value in step.values {
                    match position(&values, value) {
                        None => values.push(value.clone()),
                        Some(_) if terms.repeats == Repeats::Permitted => {}
                        Some(_) => return Err(value_exists(&step.attribute)),
                    }
                }
            }
            LdapModifyType::Delete if step.values.is_empty() => {
                if values.is_empty() && terms.repeats == Repeats::Refused {
                    return Err(value_absent(&step.attribute));
                }
                values.clear();
            }
            LdapModifyType::Delete => {
                for value in step.values {
                    match position(&values, value) {
                        Some(at) => drop(values.remove(at)),
                        None if terms.repeats == Repeats::Permitted => {}
                        None => return Err(value_absent(&step.attribute)),
                    }
                }
            }
            LdapModifyType::Replace | LdapModifyType::Increment => values = step.values.to_vec(),
        }
        if values.len() > 1 {
            self.check_single(&step.attribute, content)?;
        }
        content.set(name, values);
        Ok(())
    }

    fn check_single(&self, attribute: &Attribute, content: &Content) -> Result<(), Refusal> {
        if attribute.values == Values::Single {
            return Err(self.about(&attribute.name, Code::ConstraintViolation, 0x2081));
        }
        // Multi-valued in the schema, but single on accounts (description page, Remarks).
        if attribute.name == "description" && content.is_account() {
            let code = Code::AttributeOrValueExists;
            let (id, name) = (attribute.id, &attribute.name);
            return Err(Refusal::attribute(
                code,
                0x200D,
                Problem::ValueExists,
                id,
                name,
            ));
        }
        Ok(())
    }

    fn step_links(
        &self,
        id: Option<NodeId>,
        content: &mut Content,
        step: &Step,
        terms: Terms,
    ) -> Result<(), Refusal> {
        let name = step.attribute.name.as_str();
        let named = step
            .values
            .iter()
            .map(|value| self.link_target(name, value));
        let named = named.collect::<Result<Vec<_>, _>>()?;
        let mut targets = content.links(name);
        match step.kind {
            LdapModifyType::Add => {
                for target in named {
                    let primary = name == "member" && self.is_primary(target, id);
                    let fresh = !primary && targets.insert(target);
                    if !fresh && terms.repeats == Repeats::Refused {
                        return Err(match name {
                            "member" => Refusal::exists(0x562),
                            _ => value_exists(&step.attribute),
                        });
                    }
                }
            }
            LdapModifyType::Delete if step.values.is_empty() => {
                if targets.is_empty() && terms.repeats == Repeats::Refused {
                    return Err(value_absent(&step.attribute));
                }
                targets.clear();
            }
            LdapModifyType::Delete => {
                for target in named {
                    if !targets.remove(&target) && terms.repeats == Repeats::Refused {
                        return Err(match name {
                            "member" => Refusal::service(0x561),
                            _ => value_absent(&step.attribute),
                        });
                    }
                }
            }
            LdapModifyType::Replace | LdapModifyType::Increment => {
                targets = named.into_iter().collect();
            }
        }
        if targets.len() > 1 {
            self.check_single(&step.attribute, content)?;
        }
        content.set_links(name, targets);
        Ok(())
    }

    fn link_target(&self, attribute: &str, value: &[u8]) -> Result<NodeId, Refusal> {
        let found = self.find(&String::from_utf8_lossy(value));
        match found {
            Ok(id) if self.node(id).life == Life::Live => Ok(id),
            Err(Miss::Malformed) => Err(Refusal::conversion(Code::InvalidAttributeSyntax)),
            Ok(_) | Err(Miss::Absent(_) | Miss::Elsewhere) => Err(match attribute {
                "member" => Refusal::absent(0x525, ""),
                _ => self.about(attribute, Code::ConstraintViolation, 0x20B5),
            }),
        }
    }

    /// Whether the group is the member's primary group.
    fn is_primary(&self, member: NodeId, group: Option<NodeId>) -> bool {
        let group = group.and_then(|id| self.node(id).content.first("objectSid"));
        let primary = self.node(member).content.number("primaryGroupID");
        primary.is_some() && group.and_then(text::rid).map(i64::from) == primary
    }
}

fn value_exists(attribute: &Attribute) -> Refusal {
    let (code, id) = (Code::AttributeOrValueExists, attribute.id);
    Refusal::attribute(code, 0x2083, Problem::ValueExists, id, &attribute.name)
}

fn value_absent(attribute: &Attribute) -> Refusal {
    let (code, id) = (Code::NoSuchAttribute, attribute.id);
    Refusal::attribute(code, 0x2085, Problem::AttributeAbsent, id, &attribute.name)
}

/// The form in which two values of an attribute are equal.
fn comparable(syntax: Syntax, value: &[u8]) -> Vec<u8> {
    match syntax {
        Syntax::Text | Syntax::Oid | Syntax::Dn => {
            fold(&String::from_utf8_lossy(value)).into_bytes()
        }
        Syntax::Integer
        | Syntax::LargeInteger
        | Syntax::Boolean
        | Syntax::Octets
        | Syntax::Time => value.to_vec(),
    }
}

/// unicodePwd: UTF-16LE of the quoted password, over TLS only (MS-ADTS 3.1.1.3.1.5.1).
fn step_password(draft: &mut Draft, step: &Step, terms: Terms) -> Result<(), Refusal> {
    if terms.channel == Channel::Clear {
        return Err(Refusal::service(0x2077));
    }
    let [value] = step.values else {
        return Err(Refusal::service(0x1F));
    };
    let given = unquoted(value).ok_or_else(|| Refusal::service(0x1F))?;
    draft.password = match (step.kind, std::mem::take(&mut draft.password)) {
        (LdapModifyType::Delete, _) => NewPassword::Change {
            old: given,
            new: None,
        },
        (LdapModifyType::Add, NewPassword::Change { old, new: None }) => NewPassword::Change {
            old,
            new: Some(given),
        },
        (LdapModifyType::Add | LdapModifyType::Replace | LdapModifyType::Increment, _) => {
            NewPassword::Reset(given)
        }
    };
    Ok(())
}

fn unquoted(value: &[u8]) -> Option<String> {
    if !value.len().is_multiple_of(2) {
        return None;
    }
    let units = value
        .chunks(2)
        .map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
    let text: String = char::decode_utf16(units).collect::<Result<_, _>>().ok()?;
    let inner = text.strip_prefix('"')?.strip_suffix('"')?;
    Some(inner.to_owned())
}
