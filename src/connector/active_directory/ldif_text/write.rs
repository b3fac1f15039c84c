//! Turns entries and changes into LDIF text, pure ASCII, for people and for `ldifde` or `ldapmodify`.

use super::line::{push_comment, push_value};
use crate::connector::{At, Attributes, Modification, ModificationKind, Value};
use crate::dn::{Dn, Rdn};

/// A text that records are appended to.
#[derive(Debug, Clone)]
pub struct LdifWriter {
    text: String,
    follows_comment: bool,
}

impl Default for LdifWriter {
    fn default() -> Self {
        Self::new()
    }
}

impl LdifWriter {
    /// A text of no records yet.
    pub fn new() -> Self {
        Self {
            text: "version: 1\n".into(),
            follows_comment: false,
        }
    }

    /// The whole text.
    pub fn into_text(self) -> String {
        self.text
    }

    /// Appends a comment that belongs to the record after it. It cannot become anything else.
    pub fn write_comment(&mut self, text: &str) {
        self.separate();
        push_comment(&mut self.text, text, "\n");
        self.follows_comment = true;
    }

    /// Appends an entry as it is.
    pub fn write_content(&mut self, dn: &Dn, attributes: &Attributes) {
        self.begin(&At::Dn(dn.clone()));
        self.attributes(attributes);
    }

    /// Appends that an entry is to be added.
    pub fn write_add(&mut self, dn: &Dn, attributes: &Attributes) {
        self.begin(&At::Dn(dn.clone()));
        self.value("changetype", b"add");
        self.attributes(attributes);
    }

    /// Appends that an entry is to be modified, all steps or none.
    pub fn write_modify(&mut self, at: &At, modifications: &[Modification]) {
        self.begin(at);
        self.value("changetype", b"modify");
        for step in modifications {
            let operation = match step.operation {
                ModificationKind::Add => "add",
                ModificationKind::Delete => "delete",
            };
            self.value(operation, step.attribute.as_str().as_bytes());
            for value in &step.values {
                self.value(step.attribute.as_str(), value.bytes());
            }
            self.text.push_str("-\n");
        }
    }

    /// Appends that an entry is to be renamed, moved below another parent, or both.
    pub fn write_modrdn(&mut self, dn: &Dn, rdn: &Rdn, parent: &Dn) {
        self.begin(&At::Dn(dn.clone()));
        self.value("changetype", b"modrdn");
        self.value("newrdn", rdn.to_string().as_bytes());
        self.value("deleteoldrdn", b"1");
        if dn.parent().as_ref() != Some(parent) {
            self.value("newsuperior", parent.to_string().as_bytes());
        }
    }

    fn separate(&mut self) {
        if !std::mem::take(&mut self.follows_comment) {
            self.text.push('\n');
        }
    }

    fn begin(&mut self, at: &At) {
        self.separate();
        match at {
            At::Dn(dn) => self.value("dn", dn.to_string().as_bytes()),
            At::Guid(guid) => {
                // `<` begins a URL, so that the name must be in base64; people read the comment.
                let name = format!("<GUID={guid}>");
                push_comment(&mut self.text, &name, "\n");
                self.value("dn", name.as_bytes());
            }
        }
    }

    fn value(&mut self, name: &str, value: &[u8]) {
        push_value(&mut self.text, name, value, "\n");
    }

    /// Writes what sort of object it is first, the rest by name.
    fn attributes(&mut self, attributes: &Attributes) {
        let (classes, rest): (Vec<_>, Vec<_>) = attributes
            .iter()
            .partition(|(name, _)| name.is("objectClass"));
        for (name, values) in classes.into_iter().chain(rest) {
            for value in values {
                let value: &Value = value;
                self.value(name.as_str(), value.bytes());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{LdifRecord, read};
    use super::*;
    use crate::connector::{AttributeName, Guid};
    use proptest::prelude::*;

    fn dn(text: &str) -> Dn {
        Dn::parse(text).unwrap()
    }

    #[test]
    fn writes_what_people_and_tools_read() {
        let mut writer = LdifWriter::new();
        let attributes = Attributes::from([
            ("cn".into(), vec!["Jörg".into()]),
            ("objectClass".into(), vec!["user".into()]),
        ]);
        writer.write_comment("because users/maria.yaml:3");
        writer.write_add(&dn("CN=Jörg,DC=x"), &attributes);
        let title = |operation, value: &str| Modification {
            operation,
            attribute: "title".into(),
            values: vec![value.into()],
        };
        let guid = Guid::parse("12345678-1234-1234-1234-123456789abc").unwrap();
        let steps = [
            title(ModificationKind::Delete, "Old"),
            title(ModificationKind::Add, "New"),
        ];
        writer.write_modify(&At::Guid(guid), &steps);
        writer.write_modrdn(&dn("CN=a,DC=x"), &Rdn::new("CN", "b"), &dn("DC=x"));
        writer.write_modrdn(&dn("CN=a,DC=x"), &Rdn::new("CN", "b"), &dn("OU=y,DC=x"));
        let expected = "\
version: 1

# because users/maria.yaml:3
dn:: Q049SsO2cmcsREM9eA==
changetype: add
objectClass: user
cn:: SsO2cmc=

# <GUID=12345678-1234-1234-1234-123456789abc>
dn:: PEdVSUQ9MTIzNDU2NzgtMTIzNC0xMjM0LTEyMzQtMTIzNDU2Nzg5YWJjPg==
changetype: modify
delete: title
title: Old
-
add: title
title: New
-

dn: CN=a,DC=x
changetype: modrdn
newrdn: CN=b
deleteoldrdn: 1

dn: CN=a,DC=x
changetype: modrdn
newrdn: CN=b
deleteoldrdn: 1
newsuperior: OU=y,DC=x
";
        assert_eq!(writer.into_text(), expected);
    }

    #[test]
    fn nothing_that_is_written_becomes_another_line() {
        let hostile =
            "x\ndn: CN=Domain Admins,DC=x\nchangetype: modify\nadd: member\nmember: CN=me";
        let mut writer = LdifWriter::new();
        writer.write_comment(hostile);
        let name = dn("DC=x").child(Rdn::new("CN", hostile));
        let attributes =
            Attributes::from([("info".into(), vec![hostile.into(), "a\r\n\r\nb".into()])]);
        writer.write_content(&name, &attributes);
        let steps = [Modification {
            operation: ModificationKind::Add,
            attribute: AttributeName::new("info"),
            values: vec![hostile.into()],
        }];
        writer.write_modify(&At::Dn(name.clone()), &steps);
        writer.write_modrdn(&name, &Rdn::new("CN", hostile), &name);
        let text = writer.into_text();
        assert!(text.is_ascii());
        let modifications = steps.to_vec();
        let expected = [
            LdifRecord::Content {
                dn: name.clone(),
                attributes,
            },
            LdifRecord::Modify {
                at: At::Dn(name.clone()),
                modifications,
            },
            LdifRecord::Rename {
                dn: name.clone(),
                rdn: Rdn::new("CN", hostile),
                parent: Some(name),
            },
        ];
        assert_eq!(read(text.as_bytes()).unwrap(), expected);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            name in any::<String>(),
            values in proptest::collection::btree_map(
                "[a-zA-Z][a-zA-Z0-9-]{0,8}",
                proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..80), 1..4),
                0..5,
            ),
        ) {
            let dn = dn("DC=x").child(Rdn::new("CN", &name));
            let reserved = ["changetype", "control", "dn"];
            let attributes = values
                .into_iter()
                .map(|(name, values)| {
                    (AttributeName::new(name), values.into_iter().map(Value::new).collect())
                })
                .filter(|(name, _): &(AttributeName, Vec<Value>)| !reserved.iter().any(|r| name.is(r)))
                .collect::<Attributes>();
            let mut writer = LdifWriter::new();
            writer.write_comment(&name);
            writer.write_content(&dn, &attributes);
            writer.write_add(&dn, &attributes);
            let text = writer.into_text();
            prop_assert!(text.is_ascii() && text.lines().all(|line| line.len() <= 76));
            let expected = vec![
                LdifRecord::Content { dn: dn.clone(), attributes: attributes.clone() },
                LdifRecord::Add { dn, attributes },
            ];
            prop_assert_eq!(read(text.as_bytes()).unwrap(), expected);
        }
    }
}
