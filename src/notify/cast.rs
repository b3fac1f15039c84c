//! The people, tasks and changes that the tests of mails are about.

use super::{DirectoryWork, RunIdentity, Wording};
use crate::connector::{
    At, AttributeName, Attributes, Guid, Modification, ModificationKind, Value,
};
use crate::desired::{Cause, EntitlementKey, Grant, Recipient};
use crate::dn::{Dn, Rdn};
use crate::name::{FieldName, LevelName, ResourceName, UserName};
use crate::plan::task::{Task, TaskAction, TaskChange, TaskField, TaskStep};
use crate::plan::{Action, Change, ChangeId, FieldChange, MemberChange, TaskId, Write};

/// Names that have broken other programs' mails, markup, LDIF and scripts.
pub(super) const HOSTILE: [&str; 14] = [
    "O'Brien, \"Bob\" <script>alert(1)</script>\r\nBcc: x@evil.example",
    "'; Remove-ADUser -Identity x #",
    "\u{2019}; Remove-ADUser -Identity x #",
    "Ñ\u{2018}\u{201a}\u{201b}'; evil",
    "$(whoami) ${env:PATH} `whoami` @{x=1} | iex",
    ": leading colon",
    "< leading less",
    " leading and trailing blank ",
    "a\n-\ndelete: member\n\ndn: CN=x\nchangetype: delete\n",
    "Zoë Łukasz 王小明 עברית",
    "😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀\
     😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀",
    "{{ 7 * 7 }}{% raw %}",
    "=?utf-8?q?=0d=0aBcc:_x=40evil?= \u{202e}desrever\u{2028}next",
    "#<+\\,;=\"\u{0}\u{7f}\u{85}",
];

pub(super) fn words() -> Wording {
    Wording {
        organization: "City of Bloomington".to_owned(),
        subject_prefix: None,
        signature: Some("Information Technology Services\nhelpdesk@city.example".to_owned()),
        templates: super::Templates::default(),
    }
}

pub(super) fn run() -> RunIdentity {
    RunIdentity {
        intent: "2027-02-01-0007".to_owned(),
        instant: "2027-02-01T05:00:00Z".parse().unwrap(),
        revision: Some("8f14e45fceea167a5a36dedd4bea2543f1b2c3d4".to_owned()),
        sender_domain: "city.example".to_owned(),
    }
}

pub(super) fn recipient(mail: &str, name: &str) -> Recipient {
    Recipient {
        mail: mail.to_owned(),
        name: (!name.is_empty()).then(|| name.to_owned()),
    }
}

pub(super) fn cause(text: &str, file: &str, line: u32) -> Cause {
    Cause::new(text, file, line)
}

pub(super) fn field(name: &str, label: &str, before: &str, after: &str) -> TaskField {
    let value = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    TaskField {
        name: FieldName::new(name).unwrap(),
        label: label.to_owned(),
        before: value(before),
        after: value(after),
    }
}

/// Work on the level `access` of a resource, mailed to its own address.
pub(super) fn task(user: &str, display: &str, resource: &str, action: TaskAction) -> TaskChange {
    let user = UserName::new(user).unwrap();
    let entitlement = EntitlementKey {
        resource: ResourceName::new(resource).unwrap(),
        identity: None,
        grant: Grant::Level(LevelName::new("access").unwrap()),
    };
    TaskChange {
        step: TaskStep::Open,
        task: Task {
            id: TaskId::of(&user, &entitlement, action, 1),
            generation: 1,
            revision: 1,
            action,
            user,
            user_display: display.to_owned(),
            employee_number: Some("001077".to_owned()),
            resource: entitlement.resource.clone(),
            resource_display: resource.to_owned(),
            url: None,
            entitlement,
            entitlement_label: "Access".to_owned(),
            fields: Vec::new(),
            instructions: None,
            reopened: None,
            urgent: false,
            maintainers: vec![recipient(&format!("{resource}@city.example"), "")],
            causes: vec![cause("profile city-employee", "profiles/city.yaml", 12)],
        },
        after: Vec::new(),
    }
}

/// Three tasks of two resources, all mailed to Dana Reyes.
pub(super) fn tasks() -> Vec<TaskChange> {
    let dana = vec![recipient("dana.reyes@city.example", "Dana Reyes")];
    let mut hire = task("maria.lopez", "Maria Lopez", "timetrack", TaskAction::Grant);
    hire.task.employee_number = Some("001091".to_owned());
    hire.task.fields = vec![
        field("username", "User name", "", "maria.lopez"),
        field("cardNumber", "Card number", "", "40021"),
    ];
    hire.task.causes.push(cause(
        "request 2027-02-01-new-hire-maria.lopez",
        "requests/2027-02.yaml",
        3,
    ));
    let mut leave = task("sam.okafor", "Sam Okafor", "timetrack", TaskAction::Revoke);
    leave.task.fields = vec![field("username", "User name", "sam.okafor", "")];
    leave.task.causes = vec![cause(
        "request 2027-02-01-terminate-sam",
        "requests/2027-02.yaml",
        41,
    )];
    for change in [&mut hire, &mut leave] {
        change.task.resource_display = "Timetrack".to_owned();
        change.task.url = Some("https://timetrack.city.example/admin?tab=people&all=1".to_owned());
        change.task.instructions = Some(match change.task.action {
            TaskAction::Revoke => "Open People, find the user name, set *Inactive*.".to_owned(),
            _ => "Open People > Add.\nThe card number is on the back of the badge.\n".to_owned(),
        });
    }
    let mut change = task("kim.lee", "Kim Lee", "ureport", TaskAction::Update);
    change.task.resource_display = "uReport".to_owned();
    change.task.entitlement.grant = Grant::Level(LevelName::new("staff").unwrap());
    change.task.entitlement_label = "Staff".to_owned();
    change.task.fields = vec![
        field("username", "User name", "kim.lee", "kim.lee"),
        field("department", "Department", "Planning", "Parks & Recreation"),
        field("phone", "Phone", "", "812-349-0002"),
    ];
    let mut all = vec![hire, leave, change];
    for change in &mut all {
        change.task.maintainers.clone_from(&dana);
    }
    all
}

pub(super) fn guid(number: u8) -> Guid {
    Guid::parse(&format!("00000000-0000-4000-8000-0000000000{number:02x}")).unwrap()
}

pub(super) fn dn(text: &str) -> Dn {
    Dn::parse(text).unwrap()
}

/// One step of a modify request on one value.
pub(super) fn step(operation: ModificationKind, name: &'static str, value: &str) -> Modification {
    let values = vec![Value::from(value)];
    Modification {
        operation,
        attribute: AttributeName::from(name),
        values,
    }
}

/// A modify request that puts one value in the place of another, and what a mail shows of it.
pub(super) fn replaces(
    name: &'static str,
    old: &str,
    new: &str,
) -> (Vec<Modification>, Vec<FieldChange>) {
    let shown = FieldChange {
        name: AttributeName::from(name),
        before: vec![Value::from(old)],
        after: vec![Value::from(new)],
    };
    let steps = vec![
        step(ModificationKind::Delete, name, old),
        step(ModificationKind::Add, name, new),
    ];
    (steps, vec![shown])
}

pub(super) fn change(id: &str, action: Action, target: &str, what: &str, write: Write) -> Change {
    Change {
        id: ChangeId(id.to_owned()),
        action,
        user: None,
        resource: ResourceName::new("active-directory").unwrap(),
        target: target.to_owned(),
        what: what.to_owned(),
        write,
        fields: Vec::new(),
        after: Vec::new(),
        causes: vec![cause("profile its.gis-analyst", "profiles/its.yaml", 7)],
    }
}

/// Someone leaves, someone comes, someone is renamed and moved and gets a manager: in plan order.
pub(super) fn changes() -> Vec<Change> {
    let base = "OU=Departments,DC=city,DC=example";
    let sam = dn(&format!("CN=Sam Okafor,OU=Planning,{base}"));
    let kim = dn(&format!("CN=Kim Lee,OU=Planning,{base}"));
    let maria = dn(&format!("CN=Maria Lopez,OU=ITS,{base}"));
    let group = dn(&format!("CN=APP-GIS,{base}"));
    let (off, off_shown) = replaces("userAccountControl", "512", "514");
    let (on, on_shown) = replaces("userAccountControl", "514", "512");
    let (title, title_shown) = replaces("title", "Intern", "Planner, \"senior\"");
    let mut disable = change(
        "c01",
        Action::Disable,
        "sam.okafor",
        "",
        Write::Modify {
            at: At::Guid(guid(1)),
            dn: sam.clone(),
            modifications: off,
        },
    );
    disable.fields = off_shown;
    let leave_group = change(
        "c02",
        Action::RemoveMember,
        "sam.okafor",
        "APP-GIS",
        Write::Member {
            group: guid(9),
            group_dn: group.clone(),
            change: MemberChange::Remove,
            member: At::Guid(guid(1)),
            member_dn: sam,
        },
    );
    let attributes = Attributes::from([
        ("objectClass".into(), vec!["user".into()]),
        ("sAMAccountName".into(), vec!["maria.lopez".into()]),
        (
            "userPrincipalName".into(),
            vec!["maria.lopez@city.example".into()],
        ),
        ("userAccountControl".into(), vec!["514".into()]),
        ("givenName".into(), vec!["Maria".into()]),
        ("sn".into(), vec!["Lopez".into()]),
    ]);
    let mut create = change(
        "c03",
        Action::Create,
        "maria.lopez",
        "",
        Write::Create {
            dn: maria.clone(),
            attributes: attributes.clone(),
        },
    );
    create.fields = attributes
        .into_iter()
        .map(|(name, after)| FieldChange {
            name,
            before: Vec::new(),
            after,
        })
        .collect();
    let at_maria = At::Dn(maria.clone());
    let mut password = change(
        "c04",
        Action::SetPassword,
        "maria.lopez",
        "",
        Write::SetPassword {
            at: at_maria.clone(),
            avoid: Vec::new(),
            hand_over: None,
        },
    );
    password.after = vec![ChangeId("c03".to_owned())];
    let mut update = change(
        "c05",
        Action::Update,
        "kim.lee",
        "title",
        Write::Modify {
            at: At::Guid(guid(2)),
            dn: kim.clone(),
            modifications: title,
        },
    );
    update.fields = title_shown;
    let rename = change(
        "c06",
        Action::Rename,
        "kim.lee",
        "Kim Lee-Reyes",
        Write::Rename {
            guid: guid(2),
            dn: kim.clone(),
            rdn: Rdn::new("CN", "Kim Lee-Reyes"),
            parent: dn(&format!("OU=Planning,{base}")),
        },
    );
    let moved = change(
        "c07",
        Action::Move,
        "kim.lee",
        "OU=Parks & Recreation",
        Write::Rename {
            guid: guid(2),
            dn: kim.clone(),
            rdn: Rdn::new("CN", "Kim Lee-Reyes"),
            parent: dn(&format!("OU=Parks & Recreation,{base}")),
        },
    );
    let link = change(
        "c08",
        Action::Link,
        "maria.lopez",
        "manager",
        Write::Modify {
            at: at_maria.clone(),
            dn: maria.clone(),
            modifications: vec![step(ModificationKind::Add, "manager", &kim.to_string())],
        },
    );
    let mut join = change(
        "c09",
        Action::AddMember,
        "maria.lopez",
        "APP-GIS",
        Write::Member {
            group: guid(9),
            group_dn: group,
            change: MemberChange::Add,
            member: at_maria.clone(),
            member_dn: maria.clone(),
        },
    );
    join.after = vec![ChangeId("c03".to_owned())];
    let mut enable = change(
        "c10",
        Action::Enable,
        "maria.lopez",
        "",
        Write::Modify {
            at: at_maria,
            dn: maria,
            modifications: on,
        },
    );
    enable.fields = on_shown;
    enable.after = vec![ChangeId("c04".to_owned())];
    vec![
        disable,
        leave_group,
        create,
        password,
        update,
        rename,
        moved,
        link,
        join,
        enable,
    ]
}

pub(super) fn work(changes: &[Change]) -> DirectoryWork {
    let dana = recipient("dana.reyes@city.example", "Dana Reyes");
    DirectoryWork::of("Active Directory", changes, &[dana]).unwrap()
}
