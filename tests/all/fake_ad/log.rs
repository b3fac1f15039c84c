//! What the server was asked, in the order it came.

use super::filter;
use ldap3_proto::control::LdapControl;
use ldap3_proto::proto::{LdapModifyType, LdapMsg, LdapOp, LdapPartialAttribute};
use std::fmt;

use super::search::control;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    Bind,
    Unbind,
    Search,
    Add,
    Modify,
    ModifyDn,
    Delete,
    Compare,
    Extended,
    Abandon,
}

impl Operation {
    pub fn is_write(self) -> bool {
        match self {
            Operation::Add | Operation::Modify | Operation::ModifyDn | Operation::Delete => true,
            Operation::Bind
            | Operation::Unbind
            | Operation::Search
            | Operation::Compare
            | Operation::Extended
            | Operation::Abandon => false,
        }
    }
}

/// One request. `Display` is one line, fit for comparing: objects by DN, values sorted, no passwords.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logged {
    /// Connections are numbered from 1.
    pub connection: u64,
    pub operation: Operation,
    /// The object as the request names it: base, bind name, target. An extended request's OID.
    pub dn: String,
    /// The same, but a `<GUID=…>` replaced by the DN that the object had then.
    pub object: String,
    /// Of a modify or add.
    pub changes: Vec<Change>,
    /// Of a modifyDN: the new relative name, and the new parent where it moves.
    pub destination: Option<(String, Option<String>)>,
    /// Of a search.
    pub filter: String,
    /// Of a search.
    pub attributes: Vec<String>,
    /// OIDs of the controls sent.
    pub controls: Vec<String>,
    /// The result code, as far as one was decided. `None`: dropped before it was done.
    pub code: Option<i64>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub kind: ChangeKind,
    pub attribute: String,
    pub values: Vec<Vec<u8>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    Add,
    Delete,
    Replace,
}

impl Logged {
    /// Reads a request; `None` for a message that only servers send.
    pub fn of(connection: u64, message: &LdapMsg) -> Option<Logged> {
        let blank = |operation, dn: &str| Logged {
            connection,
            operation,
            dn: dn.to_owned(),
            object: dn.to_owned(),
            changes: Vec::new(),
            destination: None,
            filter: String::new(),
            attributes: Vec::new(),
            controls: message.ctrl.iter().map(control_oid).collect(),
            code: None,
        };
        Some(match &message.op {
            LdapOp::BindRequest(bind) => blank(Operation::Bind, &bind.dn),
            LdapOp::UnbindRequest => blank(Operation::Unbind, ""),
            LdapOp::SearchRequest(search) => Logged {
                filter: filter::text(&search.filter),
                attributes: search.attrs.clone(),
                ..blank(Operation::Search, &search.base)
            },
            LdapOp::AddRequest(add) => Logged {
                changes: add
                    .attributes
                    .iter()
                    .map(|a| change(ChangeKind::Add, a))
                    .collect(),
                ..blank(Operation::Add, &add.dn)
            },
            LdapOp::ModifyRequest(modify) => {
                let kind = |operation: &LdapModifyType| match operation {
                    LdapModifyType::Add | LdapModifyType::Increment => ChangeKind::Add,
                    LdapModifyType::Delete => ChangeKind::Delete,
                    LdapModifyType::Replace => ChangeKind::Replace,
                };
                let changes = modify.changes.iter();
                Logged {
                    changes: changes
                        .map(|c| change(kind(&c.operation), &c.modification))
                        .collect(),
                    ..blank(Operation::Modify, &modify.dn)
                }
            }
            LdapOp::ModifyDNRequest(rename) => Logged {
                destination: Some((rename.newrdn.clone(), rename.new_superior.clone())),
                ..blank(Operation::ModifyDn, &rename.dn)
            },
            LdapOp::DelRequest(dn) => blank(Operation::Delete, dn),
            LdapOp::CompareRequest(compare) => blank(Operation::Compare, &compare.dn),
            LdapOp::ExtendedRequest(extended) => blank(Operation::Extended, &extended.name),
            LdapOp::AbandonRequest(_) => blank(Operation::Abandon, ""),
            _ => return None,
        })
    }
}

fn change(kind: ChangeKind, attribute: &LdapPartialAttribute) -> Change {
    Change {
        kind,
        attribute: attribute.atype.clone(),
        values: attribute.vals.clone(),
    }
}

/// The control's OID, whether the protocol crate knows it or not.
pub fn control_oid(control: &LdapControl) -> String {
    let known = match control {
        LdapControl::SimplePagedResults { .. } => control::PAGED_RESULTS,
        LdapControl::ShowDeleted { .. } => control::SHOW_DELETED,
        LdapControl::SdFlags { .. } => control::SD_FLAGS,
        LdapControl::SearchOptions { .. } => control::SEARCH_OPTIONS,
        LdapControl::AdDirsync { .. } => "1.2.840.113556.1.4.841",
        LdapControl::ServerSort { .. } => "1.2.840.113556.1.4.473",
        LdapControl::ExtendedDn { .. } => "1.2.840.113556.1.4.529",
        LdapControl::ManageDsaIT { .. } => "2.16.840.1.113730.3.4.2",
        LdapControl::SyncRequest { .. } => "1.3.6.1.4.1.4203.1.9.1.1",
        LdapControl::Unknown { oid, .. } => oid,
        _ => "",
    };
    known.to_owned()
}

/// Whether the request may not be answered without honouring the control.
pub fn is_critical(control: &LdapControl) -> bool {
    match control {
        LdapControl::Unknown { criticality, .. }
        | LdapControl::ManageDsaIT { criticality }
        | LdapControl::SyncRequest { criticality, .. }
        | LdapControl::ExtendedDn { criticality, .. } => *criticality,
        // Without it DirSync would read everything, and sorted results would not be: always refused.
        LdapControl::AdDirsync { .. } | LdapControl::ServerSort { .. } => true,
        _ => false,
    }
}

impl fmt::Display for Logged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = match self.operation {
            Operation::Bind => "bind",
            Operation::Unbind => "unbind",
            Operation::Search => "search",
            Operation::Add => "add",
            Operation::Modify => "modify",
            Operation::ModifyDn => "modifydn",
            Operation::Delete => "delete",
            Operation::Compare => "compare",
            Operation::Extended => "extended",
            Operation::Abandon => "abandon",
        };
        write!(f, "{verb} {}", self.object)?;
        if let Some((rdn, parent)) = &self.destination {
            write!(f, " to {rdn}")?;
            if let Some(parent) = parent {
                write!(f, " under {parent}")?;
            }
        }
        if !self.filter.is_empty() {
            write!(f, " {}", self.filter)?;
        }
        for change in &self.changes {
            write!(f, "; {change}")?;
        }
        match self.code {
            Some(0) => Ok(()),
            Some(code) => write!(f, " -> {code}"),
            None => write!(f, " -> dropped"),
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = match self.kind {
            ChangeKind::Add => "+",
            ChangeKind::Delete => "-",
            ChangeKind::Replace => "=",
        };
        if self.attribute.eq_ignore_ascii_case("unicodePwd") {
            return write!(f, "{} {sign} (secret)", self.attribute);
        }
        let values = self.values.iter();
        let mut values: Vec<_> = values.map(|v| String::from_utf8_lossy(v)).collect();
        values.sort();
        write!(f, "{} {sign} [{}]", self.attribute, values.join(" | "))
    }
}
