//! The plans that the tests of renderings are about.

use crate::connector::roster::RowKey;
use crate::connector::{
    At, AttributeName, Attributes, Guid, Modification, ModificationKind, Value,
};
use crate::desired::{Cause, EntitlementKey, Grant, Recipient};
use crate::dn::{Dn, Rdn};
use crate::name::{FieldName, LevelName, ResourceName, RoleName, ScopeName, UserName};
use crate::plan::task::{Task, TaskAction, TaskChange, TaskField, TaskId, TaskStep};
use crate::plan::verified::{Approver, CommitEvidence, VerifiedLine};
use crate::plan::{
    Action, Assumption, Change, ChangeId, DirectoryMode, FORMAT_VERSION, FieldChange, Finding,
    GuardResult, Held, MemberChange, Notice, NoticeKey, NoticeKind, NoticePart, Plan, Summary,
    Verdict, Write,
};
use std::collections::BTreeMap;

const BASE: &str = "OU=Departments,DC=city,DC=example";

fn user(name: &str) -> UserName {
    UserName::new(name).unwrap()
}

fn dn(text: &str) -> Dn {
    Dn::parse(text).unwrap()
}

fn guid(number: u8) -> Guid {
    Guid::parse(&format!("00000000-0000-4000-8000-0000000000{number:02x}")).unwrap()
}

fn cause(text: &str, file: &str, line: u32) -> Cause {
    Cause::new(text, file, line)
}

fn level(resource: &str, level: &str) -> EntitlementKey {
    EntitlementKey {
        resource: ResourceName::new(resource).unwrap(),
        identity: None,
        grant: Grant::Level(LevelName::new(level).unwrap()),
    }
}

fn field(name: &'static str, before: &[&str], after: &[&str]) -> FieldChange {
    let values = |values: &[&str]| values.iter().map(|value| Value::from(*value)).collect();
    FieldChange {
        name: name.into(),
        before: values(before),
        after: values(after),
    }
}

/// A change that writes what its fields say.
fn change(number: u8, action: Action, name: &str, what: &str, write: Write) -> Change {
    Change {
        id: ChangeId(format!("{number:016x}")),
        action,
        user: Some(user(name)),
        resource: ResourceName::new("active-directory").unwrap(),
        target: name.into(),
        what: what.into(),
        write,
        fields: Vec::new(),
        after: Vec::new(),
        causes: vec![cause(
            "request 2027-02-01-terminate-sam",
            "requests/2027-02.yaml",
            41,
        )],
    }
}

fn modify(at: At, dn: Dn, fields: &[FieldChange]) -> Write {
    let step = |operation, name: &AttributeName, values: &[Value]| {
        let step = || Modification {
            operation,
            attribute: name.clone(),
            values: values.to_vec(),
        };
        (!values.is_empty()).then(step)
    };
    let steps = fields.iter().flat_map(|field| {
        let goes = step(ModificationKind::Delete, &field.name, &field.before);
        goes.into_iter()
            .chain(step(ModificationKind::Add, &field.name, &field.after))
    });
    Write::Modify {
        at,
        dn,
        modifications: steps.collect(),
    }
}

fn modifies(
    number: u8,
    action: Action,
    name: &str,
    at: (At, &Dn),
    fields: &[FieldChange],
) -> Change {
    let mut change = change(number, action, name, "", modify(at.0, at.1.clone(), fields));
    change.fields = fields.to_vec();
    change
}

fn member(number: u8, name: &str, group: &str, change_: MemberChange, of: (At, &Dn)) -> Change {
    let action = match change_ {
        MemberChange::Add => Action::AddMember,
        MemberChange::Remove => Action::RemoveMember,
    };
    let write = Write::Member {
        group: guid(0x90),
        group_dn: dn(&format!("CN={group},OU=Groups,{BASE}")),
        change: change_,
        member: of.0,
        member_dn: of.1.clone(),
    };
    change(number, action, name, group, write)
}

fn row(
    number: u8,
    action: Action,
    name: &str,
    before: Option<&str>,
    after: Option<&str>,
) -> Change {
    let row = |value: &str| BTreeMap::from([(FieldName::new("region").unwrap(), value.into())]);
    let key = RowKey {
        user: user(name),
        identity: "Client".into(),
        entitlement: "client".into(),
    };
    let write = Write::Row {
        key,
        before: before.map(row),
        after: after.map(row),
    };
    let mut change = change(
        number,
        action,
        name,
        "white-glove (Client) role client",
        write,
    );
    change.resource = ResourceName::new("white-glove").unwrap();
    let values = |value: &Option<&str>| value.iter().map(|value| Value::from(*value)).collect();
    change.fields = vec![FieldChange {
        name: "region".into(),
        before: values(&before),
        after: values(&after),
    }];
    change
}

fn task(
    name: &str,
    display: &str,
    step: TaskStep,
    action: TaskAction,
    key: EntitlementKey,
) -> TaskChange {
    let user = user(name);
    let value = |name: &str, label: &str, before: Option<&str>, after: Option<&str>| TaskField {
        name: FieldName::new(name).unwrap(),
        label: label.into(),
        before: before.map(Into::into),
        after: after.map(Into::into),
    };
    TaskChange {
        step,
        task: Task {
            id: TaskId::of(&user, &key, action, 1),
            generation: 1,
            revision: 1,
            action,
            user,
            user_display: display.into(),
            employee_number: Some("001091".into()),
            resource: key.resource.clone(),
            resource_display: "Timetrack".into(),
            url: Some("https://timetrack.city.example".into()),
            entitlement_label: match &key.grant {
                Grant::Level(_) => "Access".into(),
                Grant::Role(_) => "performance_monitors".into(),
                Grant::Scope(..) => "Client".into(),
            },
            entitlement: key,
            fields: vec![
                value("username", "User name", Some(name), Some(name)),
                value("cardNumber", "Card number", None, Some("40021")),
                value("room", "Room", Some("115"), None),
                value("phone", "Phone", Some("812-349-0002"), Some("812-349-0003")),
            ],
            instructions: Some("Open People > Add.\nThe number is on the badge.\n".into()),
            reopened: None,
            urgent: false,
            maintainers: vec![Recipient {
                mail: "timetrack@city.example".into(),
                name: None,
            }],
            causes: vec![cause(
                "profile city-employee",
                "profiles/city-employee.yaml",
                12,
            )],
        },
        after: vec![ChangeId(format!("{:016x}", 5))],
    }
}

fn notice() -> Notice {
    let key = NoticeKey {
        user: user("sam.okafor"),
        kind: NoticeKind::Departure,
        by: "2027-02-01-terminate-sam".into(),
    };
    Notice {
        id: key.id(),
        key,
        user_display: "Sam Okafor".into(),
        to: vec![Recipient {
            mail: "dana.reyes@city.example".into(),
            name: Some("Dana Reyes".into()),
        }],
        after: Vec::new(),
        subject: "left: Sam Okafor".into(),
        parts: vec![NoticePart {
            heading: "Taken away".into(),
            lines: vec!["member of APP-GIS-View".into()],
        }],
        description: None,
        causes: vec![cause(
            "request 2027-02-01-terminate-sam",
            "requests/2027-02.yaml",
            41,
        )],
    }
}

/// A plan of nothing, of a working folder.
pub(super) fn nothing() -> Plan {
    Plan {
        format_version: FORMAT_VERSION,
        revision: None,
        instant: "2027-02-01T05:00:00.354290004Z".parse().unwrap(),
        valid_until: None,
        approval: "trust-branch".into(),
        verified: None,
        policies: "0".repeat(64),
        directory_mode: DirectoryMode::Direct,
        changes: Vec::new(),
        tasks: Vec::new(),
        notices: Vec::new(),
        assumed: Vec::new(),
        known: Vec::new(),
        held: Vec::new(),
        seen: Vec::new(),
        findings: Vec::new(),
        guards: Vec::new(),
        summary: Summary::default(),
    }
}

/// Everything a plan can have: somebody leaves, comes, is renamed and moved, is adopted.
pub(super) fn rich() -> Plan {
    let sam = dn(&format!("CN=Sam Okafor,OU=Planning,{BASE}"));
    let kim = dn(&format!("CN=Kim Lee,OU=Planning,{BASE}"));
    let robin = dn(&format!("CN=Robin Ellis,OU=ITS,OU=City Hall,{BASE}"));
    let dale = dn(&format!("CN=Dale Hutchins,OU=Fire,{BASE}"));
    let stranger = dn(&format!("CN=Old Temp,OU=Temps,{BASE}"));
    let (of_sam, of_kim) = ((At::Guid(guid(1)), &sam), (At::Guid(guid(2)), &kim));
    let of_robin = || (At::Dn(robin.clone()), &robin);
    let hire = cause(
        "request 2027-02-01-new-hire-robin.ellis",
        "requests/2027-02.yaml",
        3,
    );
    let analyst = cause(
        "profile its.gis-analyst",
        "profiles/its.gis-analyst.yaml",
        12,
    );

    let uac = |before, after| field("userAccountControl", &[before], &[after]);
    let mut stranger_goes = member(
        4,
        "sam.okafor",
        "APP-GIS-Editors",
        MemberChange::Remove,
        (At::Guid(guid(8)), &stranger),
    );
    (stranger_goes.user, stranger_goes.target) = (None, stranger.to_string());
    stranger_goes.causes = vec![cause("group APP-GIS-* is exact", "countersign.yaml", 20)];

    let attributes = [
        ("objectClass", "user"),
        ("sAMAccountName", "robin.ellis"),
        ("userPrincipalName", "robin.ellis@city.example"),
        ("displayName", "Robin Ellis"),
        ("department", "Information Technology Services"),
        ("userAccountControl", "514"),
    ];
    let attributes: Attributes = attributes
        .map(|(name, value)| (name.into(), vec![value.into()]))
        .into();
    let mut create = change(
        6,
        Action::Create,
        "robin.ellis",
        "",
        Write::Create {
            dn: robin.clone(),
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
    let mut password = change(
        7,
        Action::SetPassword,
        "robin.ellis",
        "",
        Write::SetPassword {
            at: of_robin().0,
            avoid: Vec::new(),
            hand_over: None,
        },
    );
    password.after = vec![create.id.clone()];
    let rename = Write::Rename {
        guid: guid(2),
        dn: kim.clone(),
        rdn: Rdn::new("CN", "Kim Lee-Reyes"),
        parent: dn(&format!("OU=Planning,{BASE}")),
    };
    let moved = Write::Rename {
        guid: guid(2),
        dn: dn(&format!("CN=Kim Lee-Reyes,OU=Planning,{BASE}")),
        rdn: Rdn::new("CN", "Kim Lee-Reyes"),
        parent: dn(&format!("OU=Parks,{BASE}")),
    };
    let mut joins = member(
        13,
        "robin.ellis",
        "APP-GIS-Editors",
        MemberChange::Add,
        of_robin(),
    );
    joins.causes = vec![
        analyst.clone(),
        cause("organization its", "organizations/city-hall.yaml", 31),
        hire.clone(),
        cause("own access", "users/robin.ellis.yaml", 14),
        cause("own access", "users/robin.ellis.yaml", 18),
    ];
    let mut enable = modifies(
        14,
        Action::Enable,
        "robin.ellis",
        of_robin(),
        &[uac("514", "512")],
    );
    enable.after = vec![password.id.clone()];
    let kim_fields = [
        field("title", &["Planner"], &["Planner, \"senior\""]),
        field("telephoneNumber", &[], &["812-349-0002"]),
        field(
            "accountExpires",
            &["9223372036854775807"],
            &["134300304000000000"],
        ),
        field(
            "proxyAddresses",
            &["SMTP:kim.lee@city.example", "smtp:k@city.example"],
            &["SMTP:kim.lee-reyes@city.example", "smtp:k@city.example"],
        ),
    ];
    let manager = field("manager", &[], &[&kim.to_string()]);

    let mut changes = vec![
        modifies(
            1,
            Action::Disable,
            "sam.okafor",
            of_sam.clone(),
            &[uac("512", "514")],
        ),
        member(
            2,
            "sam.okafor",
            "APP-GIS-Editors",
            MemberChange::Remove,
            of_sam.clone(),
        ),
        member(3, "sam.okafor", "ITS-VPN", MemberChange::Remove, of_sam),
        stranger_goes,
        row(5, Action::Revoke, "sam.okafor", Some("north"), None),
        change(
            15,
            Action::Adopt,
            "dale.hutchins",
            "",
            Write::Adopt {
                guid: guid(3),
                dn: dale,
            },
        ),
        create,
        password,
        modifies(8, Action::Update, "kim.lee", of_kim, &kim_fields),
        change(9, Action::Rename, "kim.lee", "CN=Kim Lee-Reyes", rename),
        change(
            10,
            Action::Move,
            "kim.lee",
            &format!("OU=Parks,{BASE}"),
            moved,
        ),
        modifies(11, Action::Link, "robin.ellis", of_robin(), &[manager]),
        joins,
        enable,
        row(16, Action::Grant, "kim.lee", None, Some("south")),
        row(
            17,
            Action::Grant,
            "dale.hutchins",
            Some("north"),
            Some("south"),
        ),
    ];
    for change in &mut changes {
        if change.action == Action::Move {
            let before = format!("CN=Kim Lee-Reyes,OU=Planning,{BASE}");
            let after = format!("CN=Kim Lee-Reyes,OU=Parks,{BASE}");
            change.fields = vec![field("distinguishedName", &[&before], &[&after])];
        }
        let name = change.user.as_ref().map(UserName::as_str);
        if name == Some("robin.ellis") && change.causes.len() == 1 {
            change.causes = vec![hire.clone()];
        } else if matches!(name, Some("kim.lee" | "dale.hutchins")) {
            let name = name.unwrap_or_default();
            change.causes = vec![cause(
                &format!("user {name}"),
                &format!("users/{name}.yaml"),
                7,
            )];
        }
    }
    let of_identity = |grant| EntitlementKey {
        identity: Some("Client".into()),
        ..EntitlementKey {
            grant,
            ..level("white-glove", "access")
        }
    };
    let role = Grant::Role(RoleName::new("clear-my-record.performance_monitors").unwrap());
    let scope = Grant::Scope(ScopeName::new("white-glove.client").unwrap(), "ACME".into());
    let mut shared = task(
        "robin.ellis",
        "Robin Ellis",
        TaskStep::Open,
        TaskAction::Grant,
        level("timetrack", "staff"),
    );
    shared.task.maintainers.push(Recipient {
        mail: "dana.reyes@city.example".into(),
        name: Some("Dana Reyes".into()),
    });
    let mut tasks = vec![
        task(
            "robin.ellis",
            "Robin Ellis",
            TaskStep::Open,
            TaskAction::Grant,
            level("timetrack", "access"),
        ),
        shared,
        task(
            "sam.okafor",
            "Sam Okafor",
            TaskStep::Open,
            TaskAction::Revoke,
            level("timetrack", "access"),
        ),
        task(
            "kim.lee",
            "Kim Lee-Reyes",
            TaskStep::Revise,
            TaskAction::Update,
            of_identity(scope),
        ),
        task(
            "kim.lee",
            "Kim Lee-Reyes",
            TaskStep::Cancel,
            TaskAction::Grant,
            of_identity(role),
        ),
        task(
            "maria.lopez",
            "Maria Lopez",
            TaskStep::Open,
            TaskAction::Disable,
            level("timetrack", "access"),
        ),
        task(
            "bea.sorensen",
            "Bea Sørensen",
            TaskStep::Open,
            TaskAction::Enable,
            level("timetrack", "access"),
        ),
    ];
    let leaves = cause(
        "request 2027-02-01-terminate-sam",
        "requests/2027-02.yaml",
        41,
    );
    tasks[0].task.causes.push(hire.clone());
    tasks[1].task.causes = vec![cause(&hire.text, &hire.file, 25)];
    tasks[2].task.causes = vec![leaves];
    let assumed = (0..12).map(|number| Assumption {
        user: user(&format!("user.{number:02}")),
        entitlement: level("timetrack", "access"),
        fields: BTreeMap::from([(FieldName::new("username").unwrap(), "x".into())]),
        unsettled: false,
        causes: vec![cause(
            "profile city-employee",
            "profiles/city-employee.yaml",
            12,
        )],
    });
    let count = |name: &str, verdict, count| GuardResult {
        guard: name.into(),
        count,
        limit: 5,
        managed: 240,
        set_by: "operator".into(),
        verdict,
    };
    Plan {
        revision: Some("8f14e45fceea167a5a36dedd4bea2543f1b2c3d4".into()),
        valid_until: Some("2027-02-03T22:00:00Z".parse().unwrap()),
        directory_mode: DirectoryMode::Maintainer,
        changes,
        tasks,
        assumed: assumed.collect(),
        held: vec![
            Held {
                code: "no-manifest".into(),
                user: Some(user("gordon.pruitt")),
                what: "disable account gordon.pruitt".into(),
                reason: "The account was made from here and no manifest declares its user. Restore the manifest, or let a request end the employment.".into(),
                causes: Vec::new(),
            },
            Held {
                code: "name-taken".into(),
                user: Some(user("bea.sorensen")),
                what: "create account bea.sorensen".into(),
                reason: "An account of that name is nobody's here. Name its objectGUID in users/bea.sorensen.yaml to adopt it, or set another login.".into(),
                causes: vec![cause("user bea.sorensen", "users/bea.sorensen.yaml", 1)],
            },
        ],
        seen: Vec::new(),
        findings: vec![Finding {
            code: "foreign-member".into(),
            message: "APP-GIS-Editors has 3 members nobody asked for".into(),
        }],
        notices: vec![notice()],
        guards: vec![count("disables", Verdict::Within, 1), count("removals", Verdict::Beyond, 12)],
        summary: Summary {
            changes: BTreeMap::from([("disable".into(), 1), ("remove-member".into(), 3)]),
            tasks: 7,
            held: 2,
            assumed: 12,
            notices: 1,
        },
        ..nothing()
    }
}

/// A plan in which every text that can hold anything is this one.
pub(super) fn saying(text: &str) -> Plan {
    let mut plan = rich();
    (plan.approval, plan.revision) = (text.into(), Some(text.into()));
    plan.verified = Some(VerifiedLine {
        bootstrap: text.into(),
        head: text.into(),
        evidence: vec![CommitEvidence {
            commit: text.into(),
            approvers: vec![Approver {
                user: UserName::new("kim").unwrap(),
                how: text.into(),
            }],
            changes: Vec::new(),
            tasks: Vec::new(),
        }],
    });
    let say = |causes: &mut Vec<Cause>| {
        for cause in causes {
            *cause = Cause::new(text, text, cause.line);
        }
    };
    for change in &mut plan.changes {
        (change.target, change.what) = (text.into(), text.into());
        say(&mut change.causes);
        for field in &mut change.fields {
            field.name = AttributeName::new(text);
            for value in field.before.iter_mut().chain(&mut field.after) {
                *value = text.into();
            }
        }
        match &mut change.write {
            Write::Create { dn, attributes } => {
                *dn = dn.child(Rdn::new("CN", text));
                attributes.insert("info".into(), vec![text.into()]);
            }
            Write::Adopt { dn, .. } => *dn = dn.child(Rdn::new("CN", text)),
            Write::Rename { rdn, .. } => *rdn = Rdn::new("CN", text),
            Write::Modify { modifications, .. } => {
                for step in modifications {
                    step.values = vec![text.into()];
                }
            }
            Write::Member {
                member_dn, member, ..
            } => {
                *member_dn = member_dn.child(Rdn::new("CN", text));
                if let At::Dn(dn) = member {
                    *dn = member_dn.clone();
                }
            }
            Write::SetPassword { .. } | Write::ResetPassword { .. } => {}
            Write::Row { key, .. } => key.identity = text.into(),
        }
    }
    for notice in &mut plan.notices {
        (notice.user_display, notice.subject) = (text.into(), text.into());
        for part in &mut notice.parts {
            (part.heading, part.lines) = (text.into(), vec![text.into()]);
        }
        notice.to = vec![Recipient {
            mail: text.into(),
            name: Some(text.into()),
        }];
        say(&mut notice.causes);
    }
    for TaskChange { task, .. } in &mut plan.tasks {
        (task.user_display, task.resource_display) = (text.into(), text.into());
        task.entitlement_label = text.into();
        task.entitlement.identity = Some(text.into());
        task.maintainers = vec![Recipient {
            mail: text.into(),
            name: Some(text.into()),
        }];
        say(&mut task.causes);
        for field in &mut task.fields {
            field.label = text.into();
            field.after = Some(text.into());
        }
    }
    for assumption in &mut plan.assumed {
        assumption.entitlement.identity = Some(text.into());
        say(&mut assumption.causes);
    }
    for held in &mut plan.held {
        (held.code, held.what, held.reason) = (text.into(), text.into(), text.into());
        say(&mut held.causes);
    }
    for finding in &mut plan.findings {
        (finding.code, finding.message) = (text.into(), text.into());
    }
    for guard in &mut plan.guards {
        (guard.guard, guard.set_by) = (text.into(), text.into());
    }
    plan
}

/// Texts that have broken other programs' terminals, comments and files.
pub(super) const HOSTILE: [&str; 12] = [
    "@city/administrators #1 GH-1 https://evil.example www.evil.example a@evil.example",
    "`` ``` `x` ``y`",
    "<img src=x onerror=alert(1)><!-- --></details></summary></code>",
    "| a | b |\n|---|---|",
    "[link](https://evil.example) ![](x) **bold** _it_ ~~gone~~",
    "\u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}31m\r\u{8}",
    "\u{202e}nimda\u{2066}\u{200b}\u{2028}next",
    "x\n- `+` add member `Domain Admins`\n",
    "x\n-\n\ndn: CN=Domain Admins,DC=x\nchangetype: modify\nadd: member\nmember: CN=me",
    " leading and trailing ",
    "&lt;&#64;&amp;",
    "\\`\\\\` Zoë Łukasz 王小明 עברית 👩\u{200d}🌾",
];

/// The rich plan with every hostile text everywhere, and somebody whose every value is very long.
pub(super) fn hostile() -> Plan {
    let mut all = HOSTILE.map(saying).into_iter();
    let mut plan = all.next().unwrap();
    for other in all.chain([saying(&"very long ".repeat(500))]) {
        plan.changes.extend(other.changes);
        plan.tasks.extend(other.tasks);
        plan.held.extend(other.held);
        plan.findings.extend(other.findings);
        plan.guards.extend(other.guards);
    }
    plan
}

/// Compares a text with the file of the repository that keeps it; with `BLESS=1` writes that file.
pub(super) fn assert_blessed(path: &str, text: &str) {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("BLESS").is_some() {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, text).unwrap();
    }
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        kept == text,
        "{path} is not what is written now; BLESS=1 writes it:\n{text}"
    );
}
