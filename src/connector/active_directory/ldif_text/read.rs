//! Turns LDIF text into records.

use super::line::{LineSort, lines, value};
use super::{LdifError, LdifFault, LdifRecord};
use crate::connector::{
    At, AttributeName, Attributes, Guid, Modification, ModificationKind, Value,
};
use crate::dn::{Dn, Rdn};

/// Reads a text of content records, of change records, or of both.
///
/// # Errors
/// [`LdifError`] at the first line that cannot be read.
pub fn read(text: &[u8]) -> Result<Vec<LdifRecord>, LdifError> {
    let mut records = Vec::new();
    let mut part = Vec::new();
    let mut is_first = true;
    for line in lines(text) {
        let line = line?;
        let read = match line.sort {
            LineSort::Comment => continue,
            LineSort::Blank => {
                if !part.is_empty() {
                    records.push(record(std::mem::take(&mut part))?);
                }
                continue;
            }
            LineSort::Dash => Part {
                line: line.number,
                name: AttributeName::new("-"),
                value: vec![],
            },
            LineSort::Value { name } => {
                let bytes = &text[line.span];
                let fault = |fault| LdifError {
                    line: line.number,
                    fault,
                };
                let value = value(bytes, name).map_err(fault)?.into_owned();
                let name = AttributeName::new(String::from_utf8_lossy(&bytes[..name]));
                Part {
                    line: line.number,
                    name,
                    value,
                }
            }
        };
        if std::mem::take(&mut is_first) && read.name.is("version") {
            match read.value.as_slice() {
                b"1" => {}
                _ => return Err(read.fault(LdifFault::Version)),
            }
        } else {
            part.push(read);
        }
    }
    if !part.is_empty() {
        records.push(record(part)?);
    }
    Ok(records)
}

/// Reads how a record names its object: `<GUID=…>` or a distinguished name.
pub(super) fn object(text: &str) -> Result<At, LdifFault> {
    let guid = text
        .strip_prefix("<GUID=")
        .and_then(|rest| rest.strip_suffix('>'));
    match guid.and_then(Guid::parse) {
        Some(guid) => Ok(At::Guid(guid)),
        None => Dn::parse(text).map(At::Dn).map_err(LdifFault::Dn),
    }
}

/// A line of a record: a dash has the name `-`, which no attribute has.
struct Part {
    line: usize,
    name: AttributeName,
    value: Vec<u8>,
}

impl Part {
    fn fault(&self, fault: LdifFault) -> LdifError {
        LdifError {
            line: self.line,
            fault,
        }
    }

    fn text(&self) -> Result<&str, LdifError> {
        std::str::from_utf8(&self.value).map_err(|_| self.fault(LdifFault::NotText))
    }

    fn dn(&self) -> Result<Dn, LdifError> {
        Dn::parse(self.text()?).map_err(|error| self.fault(LdifFault::Dn(error)))
    }

    fn is_dash(&self) -> bool {
        self.name.is("-")
    }
}

fn record(parts: Vec<Part>) -> Result<LdifRecord, LdifError> {
    let mut parts = parts.into_iter().peekable();
    let Some(first) = parts.next() else {
        return Err(LdifError {
            line: 0,
            fault: LdifFault::NoDn,
        });
    };
    if !first.name.is("dn") {
        return Err(first.fault(LdifFault::NoDn));
    }
    let Some(change) = parts.next_if(|part| part.name.is("changetype")) else {
        return match parts.peek().filter(|part| part.name.is("control")) {
            Some(control) => Err(control.fault(LdifFault::Control)),
            None => Ok(LdifRecord::Content {
                dn: first.dn()?,
                attributes: attributes(parts)?,
            }),
        };
    };
    match change.text()?.to_ascii_lowercase().as_str() {
        "add" => Ok(LdifRecord::Add {
            dn: first.dn()?,
            attributes: attributes(parts)?,
        }),
        "modify" => {
            let at = object(first.text()?).map_err(|fault| first.fault(fault))?;
            Ok(LdifRecord::Modify {
                at,
                modifications: modifications(parts)?,
            })
        }
        "modrdn" | "moddn" => renamed(first.dn()?, &change, parts),
        "delete" => match parts.next() {
            Some(part) => Err(part.fault(LdifFault::Superfluous)),
            None => {
                let at = object(first.text()?).map_err(|fault| first.fault(fault))?;
                Ok(LdifRecord::Delete { at })
            }
        },
        _ => Err(change.fault(LdifFault::ChangeType)),
    }
}

fn attributes(parts: impl Iterator<Item = Part>) -> Result<Attributes, LdifError> {
    let mut attributes = Attributes::new();
    for part in parts {
        if part.is_dash() {
            return Err(part.fault(LdifFault::NoAttribute));
        }
        let values = attributes.or_insert_with(part.name, Vec::new);
        values.push(Value::new(part.value));
    }
    Ok(attributes)
}

fn modifications(mut parts: impl Iterator<Item = Part>) -> Result<Vec<Modification>, LdifError> {
    let mut modifications = Vec::new();
    while let Some(step) = parts.next() {
        let operation = match step.name.as_str().to_ascii_lowercase().as_str() {
            "add" => ModificationKind::Add,
            "delete" => ModificationKind::Delete,
            "replace" => return Err(step.fault(LdifFault::Replace)),
            _ => return Err(step.fault(LdifFault::Step)),
        };
        let attribute = AttributeName::new(step.text()?);
        let mut values = Vec::new();
        for part in parts.by_ref().take_while(|part| !part.is_dash()) {
            if part.name != attribute {
                return Err(part.fault(LdifFault::Step));
            }
            values.push(Value::new(part.value));
        }
        match (operation, values.is_empty()) {
            (ModificationKind::Add, true) => return Err(step.fault(LdifFault::NothingAdded)),
            (ModificationKind::Add, false) | (ModificationKind::Delete, true | false) => {
                modifications.push(Modification {
                    operation,
                    attribute,
                    values,
                });
            }
        }
    }
    Ok(modifications)
}

fn renamed(
    dn: Dn,
    change: &Part,
    mut parts: impl Iterator<Item = Part>,
) -> Result<LdifRecord, LdifError> {
    let lines = (parts.next(), parts.next(), parts.next(), parts.next());
    let (Some(rdn), Some(deletes), superior, None) = lines else {
        return Err(change.fault(LdifFault::NewRdn));
    };
    let superior_fits = superior
        .as_ref()
        .is_none_or(|part| part.name.is("newsuperior"));
    if !rdn.name.is("newrdn")
        || !deletes.name.is("deleteoldrdn")
        || deletes.value != b"1"
        || !superior_fits
    {
        return Err(rdn.fault(LdifFault::NewRdn));
    }
    let parsed = Rdn::parse(rdn.text()?).map_err(|error| rdn.fault(LdifFault::Dn(error)))?;
    let parent = superior.map(|part| part.dn()).transpose()?;
    Ok(LdifRecord::Rename {
        dn,
        rdn: parsed,
        parent,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(operation: ModificationKind, attribute: &'static str, values: &[&str]) -> Modification {
        let values = values.iter().map(|v| Value::from(*v)).collect();
        Modification {
            operation,
            attribute: attribute.into(),
            values,
        }
    }

    #[test]
    fn reads_all_sorts_of_records() {
        let text = "\
version: 1

# an entry
dn: CN=Maria Lopez,OU=ITS,DC=city,DC=example
objectClass: user
objectClass: person
displayName:: TWFyw61h
description: one
  two

dn:: Q049SsO2cmcsREM9eA==
changetype: add
cn: J

dn: CN=a,DC=x
changetype: Modify
delete: title
title: Old
-
add: Title
title: New
title: Newer
-
delete: info
-

dn:: PEdVSUQ9MTIzNDU2NzgtMTIzNC0xMjM0LTEyMzQtMTIzNDU2Nzg5YWJjPg==
changetype: modify
add: member
member: CN=b,DC=x


dn: CN=a,DC=x
changetype: modrdn
newrdn: CN=b\\, c
deleteoldrdn: 1
newsuperior: OU=y,DC=x

dn: CN=a,DC=x
changetype: moddn
newrdn: CN=b
deleteoldrdn: 1

dn: CN=a,DC=x
changetype: delete";
        let dn = |text: &str| Dn::parse(text).unwrap();
        let records = read(text.as_bytes()).unwrap();
        let content = Attributes::from([
            ("objectClass".into(), vec!["user".into(), "person".into()]),
            ("displayName".into(), vec!["María".into()]),
            ("description".into(), vec!["one two".into()]),
        ]);
        use ModificationKind::{Add, Delete};
        let expected = [
            LdifRecord::Content {
                dn: dn("CN=Maria Lopez,OU=ITS,DC=city,DC=example"),
                attributes: content,
            },
            LdifRecord::Add {
                dn: dn("CN=Jörg,DC=x"),
                attributes: Attributes::from([("cn".into(), vec!["J".into()])]),
            },
            LdifRecord::Modify {
                at: At::Dn(dn("CN=a,DC=x")),
                modifications: vec![
                    step(Delete, "title", &["Old"]),
                    step(Add, "title", &["New", "Newer"]),
                    step(Delete, "info", &[]),
                ],
            },
            LdifRecord::Modify {
                at: At::Guid(Guid::parse("12345678-1234-1234-1234-123456789abc").unwrap()),
                modifications: vec![step(Add, "member", &["CN=b,DC=x"])],
            },
            LdifRecord::Rename {
                dn: dn("CN=a,DC=x"),
                rdn: Rdn::new("CN", "b, c"),
                parent: Some(dn("OU=y,DC=x")),
            },
            LdifRecord::Rename {
                dn: dn("CN=a,DC=x"),
                rdn: Rdn::new("CN", "b"),
                parent: None,
            },
            LdifRecord::Delete {
                at: At::Dn(dn("CN=a,DC=x")),
            },
        ];
        assert_eq!(records, expected);
        assert_eq!(
            read(text.replace('\n', "\r\n").as_bytes()).unwrap(),
            expected
        );
        assert_eq!(read(b"").unwrap(), []);
        assert_eq!(read(b"version: 1\n# nothing\n\n").unwrap(), []);
    }

    #[test]
    fn faults_have_their_line() {
        use LdifFault::*;
        let change = |lines: &str| format!("dn: CN=a,DC=x\nchangetype: {lines}");
        for (text, line, fault) in [
            ("version: 2\n".into(), 1, Version),
            ("version: 1\ncn: a".into(), 2, NoDn),
            ("# c\n\ncn: a\n".into(), 3, NoDn),
            ("dn: CN=a,DC=x\nversion: 1\n\nversion: 1".into(), 4, NoDn),
            ("dn: a".into(), 1, Dn(crate::dn::DnError::NoValue(2))),
            ("dn:: /w==".into(), 1, NotText),
            ("dn: CN=a,DC=x\ncn: a\n-\n".into(), 3, NoAttribute),
            (
                "dn: CN=a,DC=x\njpegPhoto:< file:///etc/shadow\n".into(),
                2,
                Url,
            ),
            (
                "dn: CN=a,DC=x\ncontrol: 1.2.840.113556.1.4.805 true\n".into(),
                2,
                Control,
            ),
            (change("frobnicate\n"), 2, ChangeType),
            (change("delete\ncn: a"), 3, Superfluous),
            (change("modify\nreplace: title\ntitle: a\n-\n"), 3, Replace),
            (change("modify\nadd: title\n-\n"), 3, NothingAdded),
            (change("modify\nadd: title\ncn: a\n-\n"), 4, Step),
            (change("modify\nincrement: title\n"), 3, Step),
            (change("modify\n-\n"), 3, Step),
            (change("modrdn\n"), 2, NewRdn),
            (change("modrdn\nnewrdn: CN=b\ndeleteoldrdn: 0\n"), 3, NewRdn),
            (
                change("modrdn\nnewrdn: CN=b\ndeleteoldrdn: 1\nfoo: x\n"),
                3,
                NewRdn,
            ),
        ] {
            assert_eq!(
                read(text.as_bytes()),
                Err(LdifError { line, fault }),
                "{text:?}"
            );
        }
    }
}
