//! A directory's changes to an LDIF file (RFC 2849): change records in the order of the plan, by name.
//!
//! Every value that goes is named, so that the directory refuses a record it no longer agrees with.
//! Passwords are left out, and with them the enabling of the accounts that lack one: after this file
//! alone the next plan is exactly *set password, enable*. So is the end of an account whose password
//! is reset: it is what tells that the password was (*reset password, expire*).

use super::standing::Standing;
use super::{DirectoryWork, comment_lines, disabled_control, is_secret, title_lines};
use crate::connector::active_directory::ldif_text::LdifWriter;
use crate::connector::{At, AttributeName, Attributes, Modification, ModificationKind, Value};
use crate::notify::RunIdentity;
use crate::plan::{Action, Change, MemberChange, Write};

/// Writes the file; none where passwords are all there is to do.
pub fn changes(work: &DirectoryWork, run: &RunIdentity) -> Option<String> {
    let mut standing = Standing::default();
    let mut writer = LdifWriter::new();
    for line in heading(work, run) {
        writer.write_comment(&line);
    }
    let mut records = 0;
    for change in work.changes() {
        let waits = change.action == Action::SetPassword
            || !work.passwords_before(change).is_empty()
            || work.waits_for_a_reset(change);
        if let Some(record) = Record::of(change, &mut standing).filter(|_| !waits) {
            for line in comment_lines(change) {
                writer.write_comment(&line);
            }
            record.write(&mut writer);
            records += 1;
        }
    }
    (records > 0).then(|| writer.into_text())
}

fn heading(work: &DirectoryWork, run: &RunIdentity) -> Vec<String> {
    let mut lines = title_lines(work, run);
    lines.push("Windows:  ldifde -i -f changes.ldif".to_owned());
    lines.push("OpenLDAP: ldapmodify -H ldaps://SERVER -D USER -W -f changes.ldif".to_owned());
    if work
        .changes()
        .iter()
        .any(|c| c.action == Action::SetPassword)
    {
        lines.push(
            "Accounts that need a password stay disabled: set it, then enable them.".to_owned(),
        );
    }
    let resets = work.changes().iter();
    for change in resets.filter(|c| c.action == Action::ResetPassword) {
        let target = super::super::plain::ascii(&change.target);
        lines.push(format!(
            "Not in this file: reset the password of {target}, then let the account expire."
        ));
    }
    lines.push(String::new());
    lines
}

/// What one change is in LDIF.
enum Record {
    Add(crate::dn::Dn, Attributes),
    Modify(At, Vec<Modification>),
    Rename(crate::dn::Dn, crate::dn::Rdn, crate::dn::Dn),
}

impl Record {
    /// The record of a change; none where LDIF has nothing to say about it.
    fn of(change: &Change, standing: &mut Standing) -> Option<Self> {
        match &change.write {
            Write::Create { dn, attributes } => {
                Some(Self::Add(dn.clone(), left_disabled(attributes)))
            }
            Write::Modify {
                at,
                dn,
                modifications,
            } => {
                let modifications = writable(modifications, change.action, standing);
                let at = At::Dn(standing.of(at, dn));
                (!modifications.is_empty()).then_some(Self::Modify(at, modifications))
            }
            Write::Rename {
                guid,
                dn,
                rdn,
                parent,
            } => {
                let from = standing.of_guid(*guid, dn);
                standing.rename(*guid, dn, rdn, parent);
                Some(Self::Rename(from, rdn.clone(), parent.clone()))
            }
            Write::Member {
                group,
                group_dn,
                change,
                member,
                member_dn,
            } => {
                let operation = match change {
                    MemberChange::Add => ModificationKind::Add,
                    MemberChange::Remove => ModificationKind::Delete,
                };
                let member = standing.of(member, member_dn).to_string();
                let attribute = AttributeName::from("member");
                let values = vec![Value::from(member)];
                let at = At::Dn(standing.of_guid(*group, group_dn));
                Some(Self::Modify(
                    at,
                    vec![Modification {
                        operation,
                        attribute,
                        values,
                    }],
                ))
            }
            Write::Adopt { .. }
            | Write::SetPassword { .. }
            | Write::ResetPassword { .. }
            | Write::Row { .. } => None,
        }
    }

    fn write(&self, writer: &mut LdifWriter) {
        match self {
            Self::Add(dn, attributes) => writer.write_add(dn, attributes),
            Self::Modify(at, modifications) => writer.write_modify(at, modifications),
            Self::Rename(dn, rdn, parent) => writer.write_modrdn(dn, rdn, parent),
        }
    }
}

/// The attributes of a new account without secrets, and such that it cannot be logged on to.
fn left_disabled(attributes: &Attributes) -> Attributes {
    let mut attributes = attributes.clone();
    attributes.retain(|name, _| !is_secret(name));
    let control = disabled_control(&attributes).to_string();
    attributes.insert(
        AttributeName::from("userAccountControl"),
        vec![Value::from(control)],
    );
    attributes
}

/// The steps of a modify request without secrets; links as the names stand now.
fn writable(steps: &[Modification], action: Action, standing: &Standing) -> Vec<Modification> {
    let now = |values: &[Value]| match action == Action::Link {
        true => values.iter().map(|value| standing.link(value)).collect(),
        false => values.to_vec(),
    };
    steps
        .iter()
        .filter(|step| !is_secret(&step.attribute))
        .map(|step| Modification {
            values: now(&step.values),
            ..step.clone()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connector::active_directory::ldif_text::{LdifRecord, read};
    use crate::notify::cast;

    fn records(changes: &[Change]) -> Vec<LdifRecord> {
        let text = super::changes(&cast::work(changes), &cast::run()).unwrap();
        read(text.as_bytes()).unwrap()
    }

    #[test]
    fn the_file_says_what_it_does_and_why_in_plan_order() {
        let text = super::changes(&cast::work(&cast::changes()), &cast::run()).unwrap();
        let expected = "\
version: 1

# 10 changes to Active Directory, in the order of the plan.
# Run 2027-02-01-0007, revision 8f14e45fceea167a5a36dedd4bea2543f1b2c3d4, 202
";
        assert!(
            text.starts_with(expected.trim_end_matches("202\n")),
            "{text}"
        );
        let second = "
# remove member sam.okafor APP-GIS
#   because profile its.gis-analyst profiles/its.yaml:7
dn: CN=APP-GIS,OU=Departments,DC=city,DC=example
changetype: modify
delete: member
member: CN=Sam Okafor,OU=Planning,OU=Departments,DC=city,DC=example
-

# create maria.lopez
";
        assert!(text.contains(second), "{text}");
    }

    #[test]
    fn passwords_and_what_waits_for_them_are_left_out() {
        let changes = cast::changes();
        let all = records(&changes);
        assert_eq!(
            all.len(),
            changes.len() - 2,
            "all but set password and enable"
        );
        let only: Vec<Change> = changes
            .iter()
            .filter(|c| matches!(c.action, Action::SetPassword | Action::Enable))
            .cloned()
            .collect();
        assert_eq!(super::changes(&cast::work(&only), &cast::run()), None);
        let enable: Vec<Change> = only
            .into_iter()
            .filter(|c| c.action == Action::Enable)
            .collect();
        assert_eq!(
            records(&enable).len(),
            1,
            "an account that has its password is enabled"
        );
    }

    #[test]
    fn a_new_account_is_disabled_and_has_no_secret_whatever_the_plan_says() {
        for (planned, written) in [
            ("512", "514"),
            ("514", "514"),
            ("66048", "66050"),
            ("", "514"),
        ] {
            let mut changes = cast::changes();
            changes.retain(|c| c.action == Action::Create);
            if let Some(Change {
                write: Write::Create { attributes, .. },
                ..
            }) = changes.first_mut()
            {
                attributes.insert("userAccountControl".into(), vec![planned.into()]);
                attributes.insert("unicodePwd".into(), vec!["\"secret\"".into()]);
            }
            let [LdifRecord::Add { attributes, .. }] = &records(&changes)[..] else {
                panic!("one add");
            };
            assert_eq!(
                attributes[&"userAccountControl".into()],
                [Value::from(written)]
            );
            assert!(!attributes.contains_key(&"unicodePwd".into()));
        }
    }

    #[test]
    fn records_after_a_rename_use_the_new_name() {
        let names: Vec<String> = records(&cast::changes())
            .into_iter()
            .filter_map(|record| match record {
                LdifRecord::Rename { dn, rdn, parent } => Some(format!("{dn} > {rdn} {parent:?}")),
                LdifRecord::Modify { modifications, .. } => modifications
                    .iter()
                    .find(|m| m.attribute.is("manager"))
                    .map(|m| format!("{:?}", m.values)),
                LdifRecord::Content { .. } | LdifRecord::Add { .. } | LdifRecord::Delete { .. } => {
                    None
                }
            })
            .collect();
        let base = "OU=Departments,DC=city,DC=example";
        assert_eq!(
            names,
            [
                format!("CN=Kim Lee,OU=Planning,{base} > CN=Kim Lee-Reyes None"),
                format!(
                    "CN=Kim Lee-Reyes,OU=Planning,{base} > CN=Kim Lee-Reyes Some(\"OU=Parks & Recreation,{base}\")"
                ),
                format!("[\"CN=Kim Lee-Reyes,OU=Parks & Recreation,{base}\"]"),
            ]
        );
    }
}
