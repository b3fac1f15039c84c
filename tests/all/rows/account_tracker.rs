//! AT: the account tracker of a city's IT department.

use super::{changes, example, fields, findings, in_directory, mail_to, refused, tasks};
use crate::bed::{Access, Ran};

const NEW_HIRE: &str = include_str!("../../../src/cli/demo/new-hire.yaml");
const REQUEST: &str = "requests/new-hire.yaml";
const DN: &str =
    "CN=Alexander Christopherson,OU=ITS,OU=City Hall,OU=Departments,DC=city,DC=example";

/// The city with everybody in place, and a new hire asked for.
fn hired() -> Access {
    let access = example("bloomington");
    access.apply();
    access.all_tasks_done();
    access.write(REQUEST, NEW_HIRE);
    access.commit("New hire");
    access
}

fn plan(access: &Access) -> Ran {
    access.run(&["plan", "--format", "json"]).ends(0)
}

#[test]
fn at1_a_new_hire_request_gathers_all_that_is_needed() {
    let access = hired();
    assert_eq!(
        findings(&Access::example("bloomington")),
        Vec::<String>::new()
    );
    let answers = "answers: {officePhone: 812-555-0117, publicPhone: 812-555-0114}";
    access.edit(REQUEST, answers, "answers: {publicPhone: 812-555-0114}");
    refused(&access, &["answer-missing requests/new-hire.yaml:"]);
    access.edit(
        REQUEST,
        "answers: {",
        "answers: {officePhone: 812-555-0117, ",
    );
    assert_eq!(findings(&access), Vec::<String>::new());
    let plan = plan(&access).json();
    let created = plan["changes"][0].clone();
    assert_eq!(created["action"], "create");
    let phone = created["fields"].as_array().unwrap().iter();
    let mut phone = phone.filter(|f| f["name"] == "telephoneNumber");
    assert_eq!(phone.next().unwrap()["after"][0], "812-555-0117");
}

#[test]
fn at1_the_command_asks_the_profiles_questions_and_takes_only_answers() {
    let access = example("bloomington");
    access.apply();
    access.all_tasks_done();
    let hire = |answers: &[&'static str]| {
        let said = [
            "request",
            "new-hire",
            "--given-name",
            "Alexander",
            "--family-name",
            "Christopherson",
            "--employee-number",
            "001204",
            "--type",
            "employee",
            "--organization",
            "its",
            "--profile",
            "its.gis-analyst",
            "--effective",
            "today",
            "--requested-by",
            "noor.haddad",
            "--answer",
            "publicPhone=812-555-0114",
        ];
        access.run(&[&said[..], answers].concat())
    };
    let ran = hire(&[]).ends(64);
    assert!(
        ran.err.contains("--answer officePhone=… (Office phone)"),
        "{}",
        ran.err
    );
    let ran = hire(&["--answer", "officePhone=5550117"]).ends(64);
    assert!(ran.err.contains("it must match"), "{}", ran.err);
    hire(&["--answer", "officePhone=812-555-0117"]).ends(0);
    assert_eq!(findings(&access), Vec::<String>::new());
    let created = plan(&access).json()["changes"][0].clone();
    assert_eq!(
        (&created["action"], &created["user"]),
        (&"create".into(), &"alexander.christopherson".into())
    );
    let phone = created["fields"].as_array().unwrap().iter();
    let mut phone = phone.filter(|f| f["name"] == "telephoneNumber");
    assert_eq!(phone.next().unwrap()["after"][0], "812-555-0117");
}

#[test]
fn at8_a_change_and_a_termination_are_requests() {
    let access = example("bloomington");
    access.apply();
    access.all_tasks_done();
    let change = [
        "request",
        "change",
        "maria.lopez",
        "--effective",
        "today",
        "--organization",
        "planning-and-transportation",
        "--supervisor",
        "sam.okafor",
        "--replace-profiles",
        "planning.planner",
        "--remove-access",
        "arcgis-pro",
        "--reason",
        "transfer",
    ];
    access.run(&change).ends(0);
    assert_eq!(findings(&access), Vec::<String>::new());
    let asked = plan(&access).json();
    let moved = changes(&asked, "maria.lopez");
    assert!(
        moved
            .iter()
            .any(|c| c.starts_with("move ") || c.contains("OU=Planning")),
        "{moved:?}"
    );
    assert_eq!(tasks(&asked, "arcgis-pro"), ["revoke maria.lopez access"]);
    access.apply();
    access.all_tasks_done();
    access
        .run(&[
            "request",
            "terminate",
            "maria.lopez",
            "--effective",
            "2099-01-09T17:00",
            "--reason",
            "resigned",
        ])
        .ends(0);
    access.commit("Leaves");
    assert_eq!(
        changes(&plan(&access).json(), "maria.lopez"),
        Vec::<String>::new()
    );
    let at = |instant: &str| {
        access
            .run(&["plan", "--at", instant, "--format", "json"])
            .ends(0)
            .json()
    };
    assert_eq!(
        changes(&at("2099-01-09T16:59"), "maria.lopez"),
        Vec::<String>::new()
    );
    let left = changes(&at("2099-01-09T17:00"), "maria.lopez");
    assert_eq!(
        left.first().map(String::as_str),
        Some("disable maria.lopez"),
        "{left:?}"
    );
    assert!(!left.iter().any(|c| c.starts_with("delete")), "{left:?}");
}

#[test]
fn at2_the_profile_predefines_and_the_supervisor_can_change() {
    let access = hired();
    let before = plan(&access).json();
    // Everything but ArcGIS Pro comes with the job.
    assert_eq!(
        tasks(&before, "arcgis-pro"),
        ["grant alexander.christopherson access"]
    );
    assert_eq!(
        tasks(&before, "qgis"),
        ["grant alexander.christopherson access"]
    );
    assert_eq!(
        tasks(&before, "ureport"),
        ["grant alexander.christopherson staff"]
    );
    access.edit(REQUEST, "arcgis-pro", "adobe-creative-cloud");
    access.edit(REQUEST, "[its.gis-analyst]", "[its.help-desk]");
    access.commit("What the supervisor wants instead");
    let after = plan(&access).json();
    let none = Vec::<String>::new();
    assert_eq!(tasks(&after, "arcgis-pro"), none);
    assert_eq!(tasks(&after, "qgis"), none);
    assert_eq!(
        tasks(&after, "adobe-creative-cloud"),
        ["grant alexander.christopherson access"]
    );
    assert_eq!(
        tasks(&after, "account-tracker"),
        ["grant alexander.christopherson support-staff"]
    );
    assert_eq!(tasks(&after, "ureport"), tasks(&before, "ureport"));
}

#[test]
fn at4_the_account_is_created_with_ou_attributes_and_groups() {
    let access = hired();
    access.apply();
    let one = |attribute: &str| {
        let mut values = in_directory(&access, DN, attribute);
        assert_eq!(values.len(), 1, "{attribute}");
        values.remove(0)
    };
    for (attribute, value) in [
        ("sAMAccountName", "a.christopherson2"),
        ("userPrincipalName", "a.christopherson2@city.example"),
        ("mail", "a.christopherson2@city.example"),
        ("employeeNumber", "001204"),
        ("title", "GIS Analyst"),
        ("telephoneNumber", "812-555-0117"),
        ("businessCategory", "Information technology"),
        ("userAccountControl", "512"),
        (
            "manager",
            "CN=Noor Haddad,OU=ITS,OU=City Hall,OU=Departments,DC=city,DC=example",
        ),
    ] {
        assert_eq!(one(attribute), value);
    }
    for group in [
        "APP-GIS-Editors",
        "APP-GIS-Viewers",
        "DEPT-ITS",
        "ITS-VPN-Users",
    ] {
        let group = format!("CN={group},OU=Groups,DC=city,DC=example");
        assert!(in_directory(&access, &group, "member").contains(&DN.to_owned()));
    }
}

#[test]
fn at5_maintainers_of_what_is_done_by_hand_are_mailed() {
    let access = hired();
    let mails = access.mails_of(|access| drop(access.apply()));
    // Four maintainers; the supervisor has the first password, and the word that the request was merged.
    assert_eq!(mails.len(), 6);
    let to = |address: &str| &mails.iter().find(|mail| mail.to == [address]).unwrap().text;
    let timetrack = to("timetrack@city.example");
    for line in [
        "Alexander Christopherson",
        "a.christopherson2",
        "001204",
        "a.christopherson2@city.example",
        "assign the pay group of the department",
    ] {
        assert!(timetrack.contains(line), "{line:?} is not in {timetrack}");
    }
    assert!(to("walter.nguyen@city.example").contains("uReport"));
    let showers = to("frontdesk@city.example");
    assert!(showers.contains("Any time") && showers.contains("Alexander Christopherson"));
    let helpdesk = to("helpdesk@city.example");
    for software in ["7-Zip", "ArcGIS Pro", "LibreOffice", "QGIS"] {
        assert!(helpdesk.contains(software));
    }
}

#[test]
fn at6_default_profiles_hold_only_free_software() {
    let access = example("bloomington");
    let profile = "profiles/city-employee.yaml";
    access.edit(
        profile,
        "[libreoffice, 7-zip]",
        "[libreoffice, 7-zip, arcgis-pro]",
    );
    // Nineteen people for three seats are another mistake.
    let found = findings(&access);
    assert!(
        found
            .iter()
            .any(|f| f.starts_with("premium-in-profile profiles/city-employee.yaml:12 ")),
        "{found:#?}"
    );
}

#[test]
fn at7_no_address_is_unencrypted() {
    let access = example("bloomington");
    access.edit(
        "resources/ureport.yaml",
        "https://ureport",
        "http://ureport",
    );
    refused(&access, &["bad-value resources/ureport.yaml:9 "]);
    let operator = std::fs::read_to_string(access.operator()).unwrap();
    let ldap = "url: ldap://dc1.city.example\n    baseDn: DC=city,DC=example\n    bind: {dn: \"CN=a,DC=city,DC=example\", password: {env: X}}";
    let plain = operator.replace(
        &format!("ldif: {{file: {}}}", access.ldif().display()),
        ldap,
    );
    let smtp = operator.replace(
        &format!("outbox: {}", access.outbox().display()),
        "url: smtp://mail.city.example\n  password: {env: X}",
    );
    for (text, scheme) in [(plain, "ldap"), (smtp, "smtp")] {
        assert_ne!(text, operator);
        std::fs::write(access.operator(), text).unwrap();
        let ran = access.run(&["plan"]).ends(64);
        assert!(ran.err.contains("plain-connection"), "{}", ran.err);
        assert!(
            ran.err.contains(scheme) && ran.err.contains("startTls"),
            "{}",
            ran.err
        );
    }
}

#[test]
fn at9_a_connector_replaces_the_mail_of_one_resource_alone() {
    let access = hired();
    let before = plan(&access).json();
    access.edit(
        "resources/ureport.yaml",
        "connector: manual",
        "connector: roster",
    );
    access.commit("uReport reads a file");
    let file = access.ldif().with_file_name("ureport.csv");
    let operator = std::fs::read_to_string(access.operator()).unwrap();
    let rosters = format!(
        "{operator}rosters: {{ureport: {{path: {}}}}}\n",
        file.display()
    );
    std::fs::write(access.operator(), rosters).unwrap();
    let after = plan(&access).json();
    assert_eq!(tasks(&after, "ureport"), Vec::<String>::new());
    for resource in [
        "timetrack",
        "showers",
        "qgis",
        "arcgis-pro",
        "libreoffice",
        "7-zip",
    ] {
        assert_eq!(tasks(&after, resource), tasks(&before, resource));
    }
    let grants = |user| {
        let changes = changes(&after, user);
        changes
            .into_iter()
            .filter(|c| c.starts_with("grant"))
            .count()
    };
    assert_eq!(grants("alexander.christopherson"), 1);
    access.apply();
    let roster = std::fs::read_to_string(file).unwrap();
    assert!(roster.contains("a.christopherson2"), "{roster}");
    assert!(roster.contains("walter.nguyen"), "{roster}");
    access.run(&["plan", "--detailed-exitcode"]).ends(0);
}

#[test]
fn at10_fields_are_read_from_another_resource() {
    let access = hired();
    let plan = plan(&access).json();
    assert_eq!(
        fields(&plan, "alexander.christopherson", "timetrack"),
        [
            "username: a.christopherson2",
            "employeeNumber: 001204",
            "firstName: Alexander",
            "lastName: Christopherson",
            "email: a.christopherson2@city.example",
        ]
    );
    access.apply();
    access.all_tasks_done();
    // The card is printed, and its number is in the directory: Timetrack and the doors follow.
    let text = std::fs::read_to_string(access.ldif()).unwrap();
    let marker = "employeeNumber: 001204";
    let printed = text.replace(marker, &format!("{marker}\nemployeeID: 0999999999"));
    std::fs::write(access.ldif(), printed).unwrap();
    let mails = access.mails_of(|access| drop(access.apply()));
    for maintainer in ["timetrack@city.example", "frontdesk@city.example"] {
        let mail = mails.iter().find(|mail| mail.to == [maintainer]).unwrap();
        assert!(mail.text.contains("0999999999"), "{}", mail.text);
    }

    // Typed, with options, required, and in an order.
    let channels = "fields: {channels: Police and Fire}";
    let marcus = "users/marcus.whitfield.yaml";
    access.edit(marcus, channels, "fields: {channels: Parks}");
    refused(&access, &["field-value users/marcus.whitfield.yaml:"]);
    access.edit(marcus, ", fields: {channels: Parks}", "");
    refused(&access, &["field-missing users/marcus.whitfield.yaml:"]);
    access.edit(
        marcus,
        "level: supervisor",
        &format!("level: supervisor, {channels}"),
    );
    access.edit(
        "resources/active-directory.yaml",
        "value: \"{{ user.familyName }}\"",
        "value: \"{{ fields['timetrack'].lastName }}\"",
    );
    let found = findings(&access);
    assert!(
        found
            .iter()
            .any(|f| f.starts_with("field-cycle resources/")),
        "{found:#?}"
    );
}

#[test]
fn at5_one_mail_each_to_those_who_look_after_it() {
    let access = example("bloomington");
    access.apply();
    let text = mail_to(&access, "marcus.whitfield@city.example");
    assert!(text.contains("Computer-aided dispatch"), "{text}");
}
