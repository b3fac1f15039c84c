//! What hostile names do to mails and files: nothing. Each form is compared with the one that a
//! harmless name gives: apart from the values it must be the same, to the last tag, line and token.

use super::cast::{self, HOSTILE};
use super::directory::powershell::literal;
use super::mime::Sender;
use super::*;
use crate::connector::active_directory::ldif_text::{LdifRecord, read};
use crate::dn::Rdn;
use crate::plan::task::{TaskAction, TaskChange};
use crate::plan::{Change, Write};

/// Tasks and changes in which everything that can have a name has this one.
fn named(name: &str) -> (Vec<TaskChange>, DirectoryWork) {
    let mut tasks = cast::tasks();
    for TaskChange { task, .. } in &mut tasks {
        for text in [
            &mut task.user_display,
            &mut task.resource_display,
            &mut task.entitlement_label,
        ] {
            name.clone_into(text);
        }
        task.employee_number = Some(name.to_owned());
        task.entitlement.identity = Some(name.to_owned());
        // An update shows equal values in one line, so both of its sides differ.
        task.fields = match task.action {
            TaskAction::Update => vec![cast::field("x", name, name, &format!("{name}'"))],
            _ => vec![cast::field("x", name, "", name)],
        };
        task.instructions = Some("One line.".to_owned());
        task.causes = vec![cast::cause(name, name, 1)];
        task.maintainers = vec![cast::recipient("dana.reyes@city.example", name)];
    }
    let mut changes = cast::changes();
    for change in &mut changes {
        rename(change, name);
    }
    (
        tasks,
        DirectoryWork::of(
            name,
            &changes,
            &[cast::recipient("dana.reyes@city.example", name)],
        )
        .unwrap(),
    )
}

/// Puts the name everywhere in a change.
fn rename(change: &mut Change, name: &str) {
    let entry = |dn: &crate::dn::Dn| dn.parent().unwrap().child(Rdn::new("CN", name));
    name.clone_into(&mut change.target);
    name.clone_into(&mut change.what);
    change.causes = vec![cast::cause(name, name, 1)];
    for field in &mut change.fields {
        for value in field.before.iter_mut().chain(&mut field.after) {
            *value = format!("{name}{value:?}").into();
        }
    }
    match &mut change.write {
        Write::Create { dn, attributes } => {
            *dn = entry(dn);
            for (attribute, values) in attributes.iter_mut() {
                if !attribute.is("objectClass") && !attribute.is("userAccountControl") {
                    *values = vec![name.into()];
                }
            }
        }
        Write::SetPassword {
            at: crate::connector::At::Dn(dn),
            ..
        } => *dn = entry(dn),
        Write::Modify {
            at,
            dn,
            modifications,
        } => {
            *dn = entry(dn);
            if let crate::connector::At::Dn(at) = at {
                *at = entry(at);
            }
            for step in modifications {
                if !step.attribute.is("userAccountControl") {
                    step.values = vec![dn.to_string().into()];
                }
            }
        }
        Write::Rename { dn, rdn, .. } => {
            *dn = entry(dn);
            *rdn = Rdn::new("CN", &format!("{name} II"));
        }
        Write::Member {
            group_dn,
            member_dn,
            ..
        } => {
            *group_dn = entry(group_dn);
            *member_dn = entry(member_dn);
        }
        Write::SetPassword { .. }
        | Write::ResetPassword { .. }
        | Write::Adopt { .. }
        | Write::Row { .. } => {}
    }
}

fn mail(name: &str) -> Digest {
    let (tasks, work) = named(name);
    let words = Wording {
        organization: name.to_owned(),
        subject_prefix: Some(name.to_owned()),
        signature: Some("One line.".to_owned()),
        templates: super::Templates::default(),
    };
    let run = RunIdentity {
        intent: name.to_owned(),
        ..cast::run()
    };
    let mails = digests(&tasks, &[], Some(&work), &words, &run, &Threads::default()).unwrap();
    let [mail] = &mails[..] else {
        panic!("one mail");
    };
    mail.clone()
}

fn attachment(mail: &Digest, name: &str) -> String {
    let file = mail.attachments.iter().find(|a| a.name == name).unwrap();
    String::from_utf8(file.bytes.clone()).unwrap()
}

/// Everything of an HTML text that is markup.
fn tags(html: &str) -> Vec<String> {
    let html = html.split_once("</head>").unwrap().1;
    html.split('<')
        .skip(1)
        .map(|tag| tag.split('>').next().unwrap().to_owned())
        .collect()
}

#[test]
fn markup_is_the_same_whatever_the_names() {
    let harmless = tags(&mail("Maria").html);
    for name in HOSTILE {
        let html = mail(name).html;
        assert_eq!(tags(&html), harmless, "{name:?}");
        assert_eq!(html.matches("<script").count(), 0);
        assert_eq!(
            html.contains("{{ 7 * 7 }}"),
            name.contains("{{ 7 * 7 }}"),
            "a name is no template"
        );
    }
}

#[test]
fn the_text_has_the_same_lines_whatever_the_names() {
    let count = |name: &str| mail(name).text.lines().count();
    for name in HOSTILE {
        assert_eq!(count(name), count("Maria"), "{name:?}");
    }
}

#[test]
fn headers_are_the_same_whatever_the_names() {
    let from = |name: &str| Sender {
        mail: "access@city.example".to_owned(),
        name: Some(name.to_owned()),
    };
    for name in HOSTILE {
        let mut mail = mail(name);
        mail.subject.push_str(name);
        let mime = mime::render(&mail, &from(name), cast::run().instant).unwrap();
        let headers = mime.split("\r\n\r\n").next().unwrap();
        let names: Vec<&str> = headers
            .split("\r\n")
            .filter(|line| !line.starts_with(' '))
            .map(|line| line.split(':').next().unwrap())
            .collect();
        assert_eq!(
            names,
            [
                "From",
                "To",
                "Subject",
                "Date",
                "Message-ID",
                "Auto-Submitted",
                "X-Auto-Response-Suppress",
                "MIME-Version",
                "Content-Type",
            ]
        );
        assert!(
            mime.split("\r\n")
                .all(|line| line.len() <= 998 && !line.contains(['\r', '\n']))
        );
    }
}

/// A record without its values.
fn shape(record: &LdifRecord) -> String {
    match record {
        LdifRecord::Add { attributes, .. } => {
            format!("add {:?}", attributes.keys().collect::<Vec<_>>())
        }
        LdifRecord::Modify { modifications, .. } => {
            let steps = modifications
                .iter()
                .map(|m| (m.operation, &m.attribute, m.values.len()));
            format!("modify {:?}", steps.collect::<Vec<_>>())
        }
        LdifRecord::Rename { parent, .. } => format!("rename {}", parent.is_some()),
        LdifRecord::Content { .. } | LdifRecord::Delete { .. } => "forged".to_owned(),
    }
}

#[test]
fn the_ldif_has_the_same_records_whatever_the_names() {
    let records = |name: &str| {
        let text = attachment(&mail(name), directory::LDIF_NAME);
        assert!(
            text.bytes()
                .all(|b| b == b'\n' || (b' '..=b'~').contains(&b))
        );
        read(text.as_bytes()).unwrap()
    };
    let shapes = |name: &str| records(name).iter().map(shape).collect::<Vec<_>>();
    for name in HOSTILE {
        assert_eq!(shapes(name), shapes("Maria"), "{name:?}");
        let created = records(name).into_iter().find_map(|record| match record {
            LdifRecord::Add { dn, attributes } => Some((dn, attributes)),
            _ => None,
        });
        let (dn, attributes) = created.unwrap();
        assert_eq!(dn.rdn().value(), name);
        assert_eq!(attributes[&"givenName".into()], [name.into()]);
    }
}

/// A script without its comments and the values of its literals.
fn skeleton(script: &str) -> String {
    let lines = script.split("\r\n").filter(|line| !line.starts_with('#'));
    let script = lines.collect::<Vec<_>>().join("\n");
    let steps = &script[script.find("Invoke-Step @{").unwrap()..];
    let mut rest = steps;
    let mut skeleton = String::new();
    while let Some(c) = rest.chars().next() {
        // The brackets of an array are no literal's.
        let begins = c == '\'' || rest.starts_with("('") && !skeleton.ends_with('@');
        match literal::tests::read(rest).filter(|_| begins) {
            Some((_, after)) => {
                skeleton.push('«');
                rest = after;
            }
            None => {
                skeleton.push(c);
                rest = &rest[c.len_utf8()..];
            }
        }
    }
    skeleton
}

#[test]
fn the_script_has_the_same_commands_whatever_the_names() {
    let script = |name: &str| attachment(&mail(name), directory::POWERSHELL_NAME);
    let harmless = skeleton(&script("Maria"));
    assert!(
        harmless.contains("New-ADUser -Enabled $false -PasswordNotRequired $false -Name « -Path «"),
        "{harmless}"
    );
    for name in HOSTILE {
        let script = script(name);
        assert_eq!(skeleton(&script), harmless, "{name:?}");
        assert!(
            script
                .bytes()
                .all(|b| b"\r\n".contains(&b) || (b' '..=b'~').contains(&b))
        );
        assert_eq!(script.matches('\r').count(), script.matches('\n').count());
    }
}
