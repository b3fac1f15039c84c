//! CM: an intake service with partners in many counties.

use super::{changes, example, fields, findings, holds, in_directory, refused, tasks};
use countersign::catalog::Catalog;
use countersign::manifest::parse::Known;
use countersign::manifest::resource::Connector;
use countersign::reconcile;
use countersign::source::Origin;

const NAME: &str = "clear-my-record";

/// The manifests as the program links them.
fn catalog() -> Catalog {
    let folder = crate::bed::project("examples/clear-my-record");
    let reading = reconcile::read(&Origin::Worktree { folder }, &mut Known::default());
    reading.unwrap().catalog
}

#[test]
fn cm1_a_deprecated_group_is_reported_where_it_is_held_or_given() {
    let access = example(NAME);
    let expected = "deprecated-role identities/rosa.delgado.yaml:12 `rosa.delgado` holds `clear-my-record.performance_monitors`, which is no longer given: ";
    access.write("note.md", "");
    let found = findings(&access);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].starts_with(expected), "{found:#?}");
    let role = &catalog().roles["clear-my-record.followup_staff"].spec;
    assert_eq!(
        role.permissions,
        [
            "intake.view_app_details",
            "intake.view_application_note",
            "intake.add_applicationnote",
            "intake.change_applicationnote",
            "intake.delete_applicationnote",
        ]
    );
}

#[test]
fn cm2_the_flags_carry_who_may_change_them() {
    let catalog = catalog();
    let levels = &catalog.resources["clear-my-record"].spec.levels;
    for name in ["is_staff", "is_superuser"] {
        let level = levels.iter().find(|l| l.name.as_str() == name).unwrap();
        let text = serde_json::to_value(level).unwrap();
        assert_eq!(text["changedBy"], "administrators", "{text}");
    }
    let access = example(NAME);
    // Neither flag implies the other: Jazmyn is staff and no superuser.
    let flags: Vec<String> = holds(&access, "jazmyn", NAME)
        .into_iter()
        .filter(|held| held.starts_with("is_"))
        .collect();
    assert_eq!(flags, ["is_staff"]);
    access.edit(
        "users/annie.lo.yaml",
        "access:\n",
        "access:\n    - {resource: clear-my-record, level: is_superuser}\n",
    );
    let found = findings(&access);
    assert!(
        found
            .iter()
            .any(|f| f.starts_with("not-eligible users/annie.lo.yaml:")),
        "{found:#?}"
    );
}

#[test]
fn cm3_users_belong_to_the_right_organization() {
    let access = example(NAME);
    let plan = access.plan();
    for (user, organization, code) in [
        ("grace.tran", "San Francisco Public Defender", "sf_pubdef"),
        ("marcus.bell", "Contra Costa Public Defender", "cc_pubdef"),
        ("nadia.haddad", "East Bay Community Law Center", "ebclc"),
    ] {
        assert_eq!(
            holds(&access, user, NAME),
            [
                "access".to_owned(),
                "Organization member: clear-my-record.application_reviewers".to_owned(),
                format!("Organization member: clear-my-record.organization={code}"),
            ]
        );
        let fields = fields(&plan, user, NAME);
        assert!(
            fields.contains(&format!("organization: {organization}")),
            "{fields:?}"
        );
    }
}

#[test]
fn cm4_who_left_is_inactive_and_nothing_is_deleted() {
    let access = example(NAME);
    access.apply();
    access.all_tasks_done();
    access.edit(
        "users/annie.lo.yaml",
        "  organization: cfa",
        "  state: left\n  organization: cfa",
    );
    // Only the warning about Rosa's role.
    assert_eq!(findings(&access).len(), 1);
    let plan = access.plan();
    assert_eq!(
        changes(&plan, "annie.lo"),
        ["disable annie.lo", "move annie.lo"]
    );
    assert!(plan.to_string().contains("Never delete: an inactive user"));
    assert_eq!(tasks(&plan, "slack"), ["revoke annie.lo access"]);
    let before = access.export_names().len();
    access.apply();
    let dn = "CN=Annie Lo,OU=Leavers,DC=cfa,DC=example";
    assert_eq!(in_directory(&access, dn, "userAccountControl"), ["514"]);
    assert_eq!(in_directory(&access, dn, "employeeNumber"), ["C-031"]);
    assert_eq!(access.export_names().len(), before);
    access.all_tasks_done();
    access.run(&["plan", "--detailed-exitcode"]).ends(0);
    let to: Vec<String> = access
        .mails()
        .into_iter()
        .flat_map(|mail| mail.to)
        .collect();
    assert!(!to.contains(&"annie.lo@codeforamerica.example".to_owned()));
}

#[test]
fn cm6_who_is_in_which_vault_folder() {
    let plan = example(NAME).plan();
    let members = |folder: &str| -> Vec<String> {
        let tasks = tasks(&plan, folder).into_iter();
        tasks
            .map(|t| t.split(' ').nth(1).unwrap().to_owned())
            .collect()
    };
    assert_eq!(
        members("lastpass-clear-my-record"),
        [
            "annie.lo",
            "ben.golder",
            "jazmyn",
            "jenny.mt",
            "john",
            "laura.kogler",
            "lou",
            "mikela",
            "tiffany.andrews"
        ]
    );
    assert_eq!(
        members("lastpass-applicant-support"),
        ["annie.lo", "jazmyn", "jenny.mt"]
    );
    assert_eq!(members("lastpass-growth-campaigns"), ["tiffany.andrews"]);
    // The organization's own: its employees, and no contractor.
    assert_eq!(
        members("lastpass-cfa-staff"),
        [
            "ben.golder",
            "jazmyn",
            "jenny.mt",
            "john",
            "laura.kogler",
            "lou",
            "mikela",
            "tiffany.andrews"
        ]
    );
}

#[test]
fn cm7_a_seventh_seat_of_six_is_refused() {
    let access = example(NAME);
    let seats = tasks(&access.plan(), "front").into_iter();
    assert_eq!(seats.filter(|task| task.ends_with(" user")).count(), 6);
    access.edit(
        "users/lou.yaml",
        "access:\n",
        "access:\n    - {resource: front, level: user}\n",
    );
    let found = findings(&access);
    let seats: Vec<&String> = found.iter().filter(|f| f.starts_with("seats ")).collect();
    assert_eq!(seats.len(), 1, "{found:#?}");
    assert!(
        seats[0].contains('7') && seats[0].contains('6'),
        "{seats:?}"
    );
    access.run(&["plan"]).ends(1);
}

#[test]
fn cm8_access_that_follows_anothers() {
    let access = example(NAME);
    let plan = access.plan();
    for follower in ["travis-ci", "code-climate", "requires-io"] {
        // Nobody is asked for it, and everybody who is on GitHub has it.
        assert_eq!(tasks(&plan, follower), Vec::<String>::new());
        for user in ["annie.lo", "ben.golder", "lou", "mikela", "grace.tran"] {
            assert_eq!(
                holds(&access, user, follower),
                holds(&access, user, "github"),
                "{user}"
            );
        }
    }
    assert_eq!(
        holds(&access, "mikela", "travis-ci"),
        ["maintainer", "member"]
    );
    // Twilio's login lies in the vault folder of the whole organization.
    assert_eq!(holds(&access, "lou", "twilio"), ["administrator"]);
    assert_eq!(holds(&access, "annie.lo", "twilio"), Vec::<String>::new());
    // A follower that does not list her type is not hers, and it is said why.
    access.edit(
        "resources/follow-github.yaml",
        "  eligible: [employee, contractor]\n",
        "",
    );
    access.commit("Travis CI for employees");
    access.run(&["validate"]).ends(0);
    assert_eq!(
        holds(&access, "annie.lo", "travis-ci"),
        Vec::<String>::new()
    );
    let why = access.run(&["explain", "annie.lo"]).ends(0).out;
    assert!(
        why.contains("not travis-ci member: not for users of type contractor"),
        "{why}"
    );
}

#[test]
fn cm9_every_system_says_who_administers_it_and_whether_it_holds_personal_data() {
    let catalog = catalog();
    let pii = |name: &str| catalog.resources[name].spec.pii;
    assert_eq!(pii("front"), Some(true));
    assert_eq!(pii("mixpanel"), Some(false));
    assert_eq!(pii("clear-my-record"), Some(true));
    assert_eq!(pii("geckoboard"), Some(false));
    let plan = example(NAME).plan();
    let administrators: Vec<String> = tasks(&plan, "front")
        .into_iter()
        .filter(|task| task.ends_with(" administrator"))
        .collect();
    assert_eq!(
        administrators,
        [
            "ben.golder",
            "jazmyn",
            "jenny.mt",
            "laura.kogler",
            "tiffany.andrews"
        ]
        .map(|user| format!("grant {user} administrator"))
    );
    for (name, resource) in &catalog.resources {
        let spec = &resource.spec;
        let asks = spec.connector.is_none_or(|c| c == Connector::Manual);
        let follows = spec.inherits_from.is_some();
        assert!(!asks || follows || !spec.maintainers.is_empty(), "{name}");
    }
}

#[test]
fn cm10_levels_lists_and_notifications() {
    let access = example(NAME);
    let plan = access.plan();
    assert_eq!(
        tasks(&plan, "aws-iam"),
        [
            "grant ben.golder developer-specific",
            "grant john infra",
            "grant laura.kogler infra",
            "grant mikela infra",
        ]
    );
    access.apply();
    let list = |name: &str| -> Vec<String> {
        let dn = format!("CN={name},OU=Groups,DC=cfa,DC=example");
        let mut members = in_directory(&access, &dn, "member");
        members.sort();
        members
    };
    let staff = |name: &str| format!("CN={name},OU=Staff,DC=cfa,DC=example");
    assert_eq!(
        list("CMR-List-Alerts"),
        ["Ben Golder", "John", "Laura Kogler", "Mikela"].map(staff)
    );
    assert_eq!(
        list("CMR-List-Partnerships"),
        ["Jazmyn", "Tiffany Andrews"].map(staff)
    );
    let notified = |user| {
        let fields = fields(&plan, user, NAME);
        fields.into_iter().find(|f| f.starts_with("notifications"))
    };
    assert_eq!(
        notified("grace.tran").as_deref(),
        Some("notifications: yes")
    );
    assert_eq!(
        notified("marcus.bell").as_deref(),
        Some("notifications: no")
    );
    assert_eq!(
        notified("rosa.delgado").as_deref(),
        Some("notifications: no")
    );
    // Ben is asked by mail; the billing mailbox is not.
    let to: Vec<String> = access
        .mails()
        .into_iter()
        .flat_map(|mail| mail.to)
        .collect();
    assert!(to.contains(&"ben.golder@codeforamerica.example".to_owned()));
    assert!(!to.contains(&"billing@codeforamerica.example".to_owned()));
}

#[test]
fn cm7_a_freed_seat_can_be_given() {
    let access = example(NAME);
    access.edit(
        "users/annie.lo.yaml",
        "  access:\n    - {resource: front, level: user}\n",
        "",
    );
    access.edit(
        "users/lou.yaml",
        "access:\n",
        "access:\n    - {resource: front, level: user}\n",
    );
    assert_eq!(findings(&access).len(), 1);
    refused_not(&access);
}

/// That the warnings alone do not refuse.
fn refused_not(access: &crate::bed::Access) {
    access.run(&["validate"]).ends(0);
    let seats = tasks(&access.plan(), "front");
    assert!(seats.contains(&"grant lou user".to_owned()), "{seats:?}");
    access.edit("users/lou.yaml", "level: user}", "level: nobody}");
    refused(
        access,
        &["deprecated-role ", "unknown-level users/lou.yaml:"],
    );
}
