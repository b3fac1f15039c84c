//! A city → the files of its access repository, and the operator's file.

use super::model::{
    ADMINISTRATORS, APPLICATION_LEVELS, CONTRACT_ENDS, City, FOLDER_LEVELS, REQUEST_DAYS, Resident,
    Sort,
};
use std::fmt::Write as _;

/// The files, by their path in the repository.
pub fn files(city: &City) -> Vec<(String, String)> {
    let mut files = vec![("countersign.yaml".to_owned(), CONFIG.to_owned())];
    organizations(city, &mut files);
    profiles(city, &mut files);
    resources(city, &mut files);
    roles(city, &mut files);
    for resident in &city.people {
        let name = &resident.handle;
        files.push((format!("users/{name}.yaml"), user(city, resident)));
        if let Some((application, role)) = city.identity(resident) {
            let path = format!("identities/{name}.casework-{application}.yaml");
            files.push((path, identity(city, resident, application, role)));
        }
    }
    requests(city, &mut files);
    files
}

/// What a manifest begins with.
fn head(kind: &str, name: &str) -> String {
    let file = kind.to_lowercase();
    format!(
        "# yaml-language-server: $schema=../.schema/{file}.json\napiVersion: countersign/v1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec:\n"
    )
}

const CONFIG: &str = r#"apiVersion: countersign/v1
kind: Config
metadata: {name: countersign}
spec:
  displayName: The generated city
  timeZone: America/Indiana/Indianapolis
  directory: active-directory
  naming:
    login:
      maxLength: 20
      candidates: ["{{ user.givenName }}.{{ user.familyName }}", "{{ user.givenName[0] }}.{{ user.familyName }}"]
      thenNumber: true
    mail: "{{ account.login }}@city.example"
  managed:
    ous: [[Departments], [Leavers]]
    leaversOu: [Leavers]
    groups: ["APP-*", "ITS-*", "DEPT-*"]
    membership: additive
  approval: {ordinary: 1, control: 2}
  guards:
    creates: {count: 10, percent: 5}
    disables: {count: 5, percent: 2}
    removals: {count: 25, percent: 5}
"#;

fn organizations(city: &City, files: &mut Vec<(String, String)>) {
    let mut text = head("Organization", "city");
    text += "  displayName: The generated city\n  type: employer\n  ou: [Departments]\n  contact: {mail: helpdesk@city.example}\n  profiles:\n    - {profile: city-contractor, userTypes: [contractor]}\n";
    files.push(("organizations/city.yaml".into(), text));
    for department in 0..city.departments {
        let number = department + 1;
        let name = format!("dept-{number:02}");
        let mut text = head("Organization", &name);
        let _ = write!(
            text,
            "  displayName: Department {number}\n  type: department\n  parent: city\n  ou: [Departments, Department {number}]\n  contact: {{mail: {name}@city.example}}\n  attributes:\n    physicalDeliveryOfficeName: Building {number}\n    streetAddress: {number}01 N Morton St\n    postalCode: \"474{number:02}\"\n"
        );
        for unit in department * city.units..(department + 1) * city.units {
            let _ = write!(
                text,
                "---\napiVersion: countersign/v1\nkind: Organization\nmetadata: {{name: {}}}\nspec:\n  displayName: Unit {number}-{}\n  type: department\n  parent: {name}\n  ou: [{}]\n  head: {}\n",
                city.unit_name(unit),
                unit % city.units + 1,
                city.unit_ous(unit).join(", "),
                city.people[unit].handle,
            );
        }
        files.push((format!("organizations/{name}.yaml"), text));
    }
}

fn profiles(city: &City, files: &mut Vec<(String, String)>) {
    let mut put = |name: &str, spec: String| {
        let text = head("Profile", name) + &spec;
        files.push((format!("profiles/{name}.yaml"), text));
    };
    put("city-employee", EVERYBODY.into());
    put(
        "city-contractor",
        "  displayName: City contractor\n  organization: city\n  access:\n    - {resource: active-directory}\n    - {resource: remote-access}\n  attributes: {title: Contractor}\n".into(),
    );
    for unit in 0..city.all_units() {
        let name = city.unit_name(unit);
        let drive = unit / city.units + 1;
        put(
            &format!("{name}.staff"),
            format!(
                "  displayName: Staff of {name}\n  organization: {name}\n  extends: [city-employee]\n  attributes: {{title: Clerk, businessCategory: Service {}}}\n  access:\n    - {{resource: drive-{drive}, level: unit-{}-read}}\n",
                unit % 11 + 1,
                unit % city.units + 1,
            ),
        );
    }
    for job in 0..city.jobs {
        let unit = job % city.all_units();
        let name = city.unit_name(unit);
        let [(first, level), (second, least)] = city.applications_of_job(job);
        let mut spec = format!(
            "  displayName: Job {job} of {name}\n  organization: {name}\n  extends: [{name}.staff]\n  attributes: {{title: {}}}\n  access:\n    - {{resource: drive-{}, level: unit-{}-write}}\n    - {{resource: application-{first}, level: {level}}}\n    - {{resource: application-{second}, level: {least}}}\n",
            title(job),
            unit / city.units + 1,
            unit % city.units + 1,
        );
        if job % 4 == 1 {
            spec += "    # Works from home on Fridays.\n    - {resource: remote-access}\n";
        }
        put(&city.job_name(job), spec);
    }
}

/// The title of a job.
pub fn title(job: usize) -> String {
    let grade = [
        "Specialist",
        "Coordinator",
        "Analyst",
        "Technician",
        "Manager",
    ];
    format!("{} {}", grade[job % grade.len()], job + 1)
}

const EVERYBODY: &str = r#"  displayName: City employee
  organization: city
  access:
    - {resource: active-directory}
    - {resource: timetrack}
    - {resource: doors}
  software: [libreoffice, 7-zip]
  questions:
    - key: officePhone
      label: Office phone
      type: tel
      required: true
      pattern: "[0-9]{3}-[0-9]{3}-[0-9]{4}"
    - {key: publicPhone, label: Public phone, type: tel, pattern: "[0-9]{3}-[0-9]{3}-[0-9]{4}"}
"#;

fn resources(city: &City, files: &mut Vec<(String, String)>) {
    let mut put = |name: &str, spec: String| {
        let text = head("Resource", name) + &spec;
        files.push((format!("resources/{name}.yaml"), text));
    };
    put("active-directory", DIRECTORY.into());
    put("timetrack", TIMETRACK.into());
    put("doors", DOORS.into());
    put(
        "countersign",
        "  displayName: Countersign\n  type: application\n  connector: none\n  owner: {organization: city}\n  pii: true\n  levels:\n    - {name: administrator, displayName: Administrator, administers: true, changedBy: administrators}\n".into(),
    );
    put(
        "remote-access",
        "  displayName: Remote access\n  type: application\n  connector: active-directory\n  owner: {organization: city}\n  signIn: directory\n  pii: false\n  eligible: [employee, contractor]\n  levels: [{name: vpn, displayName: VPN, groups: [ITS-VPN-Users]}]\n  defaultLevel: vpn\n".into(),
    );
    for drive in 1..=city.departments {
        let mut spec = format!(
            "  displayName: Folders of department {drive}\n  type: shared-folder\n  connector: active-directory\n  owner: {{organization: dept-{drive:02}}}\n  signIn: directory\n  pii: true\n  levels:\n"
        );
        for unit in (drive - 1) * city.units..drive * city.units {
            for level in FOLDER_LEVELS {
                let _ = writeln!(
                    spec,
                    "    - {{name: unit-{}-{level}, displayName: Unit {} {level}, groups: [{}]}}",
                    unit % city.units + 1,
                    unit % city.units + 1,
                    city.folder_group(unit, level),
                );
            }
        }
        put(&format!("drive-{drive}"), spec);
    }
    for application in 0..city.applications {
        let mut spec = format!(
            "  displayName: Application {application}\n  type: application\n  url: https://application-{application}.city.example\n  connector: active-directory\n  owner: {{user: {}}}\n  signIn: directory\n  pii: true\n  levels:\n",
            city.people[application % city.people.len()].handle,
        );
        for level in APPLICATION_LEVELS {
            let _ = writeln!(
                spec,
                "    - {{name: {level}, displayName: {level} of {application}, groups: [APP-{application}-{level}]}}",
            );
        }
        put(&format!("application-{application}"), spec);
    }
    let software = |label: &str| {
        format!(
            "  displayName: {label}\n  type: software\n  cost: free\n  maintainers: [{{mail: helpdesk@city.example, members: [{}]}}]\n  signIn: directory\n  pii: false\n  instructions:\n    grant: Install it from the software share.\n    revoke: Uninstall it.\n",
            city.people[1].handle,
        )
    };
    put("libreoffice", software("LibreOffice"));
    put("7-zip", software("7-Zip"));
    for package in 0..city.software {
        put(
            &format!("software-{package}"),
            software(&format!("Software {package}")),
        );
    }
    for application in 0..city.casework {
        put(
            &format!("casework-{application}"),
            format!(
                "  displayName: Casework {application}\n  type: application\n  connector: active-directory\n  owner: {{organization: city}}\n  signIn: directory\n  pii: true\n  identities:\n    types: [{{name: staff, displayName: Staff, userTypes: [employee]}}]\n"
            ),
        );
    }
}

const DIRECTORY: &str = r#"  displayName: Active Directory
  type: directory
  connector: active-directory
  owner: {organization: city}
  maintainers: [{mail: helpdesk@city.example}]
  pii: true
  eligible: [employee, contractor]
  levels: [{name: account, displayName: Account}]
  defaultLevel: account
  fields:
    - {name: employeeNumber, label: Employee number, required: true, value: "{{ user.employeeNumber }}"}
    - {name: givenName, label: First name, required: true, value: "{{ user.givenName }}"}
    - {name: sn, label: Last name, required: true, value: "{{ user.familyName }}"}
    - {name: displayName, label: Full name, required: true, value: "{{ user.displayName }}"}
    - {name: mail, label: E-mail, type: email, required: true, value: "{{ account.mail }}"}

    # The card printer writes it here; Countersign only reads it.
    - {name: employeeID, label: Card number, source: observed}

    - {name: title, label: Title, default: "{{ user.title }}"}
    - {name: department, label: Department, default: "{{ organization.displayName }}"}
    - {name: businessCategory, label: Business category, default: General government}
    - {name: manager, label: Supervisor, value: "{{ supervisor.dn }}"}

    - {name: telephoneNumber, label: Office phone, type: tel, value: "{{ answers.officePhone }}"}
    - {name: pager, label: Public phone, type: tel, value: "{{ answers.publicPhone }}"}

    - {name: physicalDeliveryOfficeName, label: Office}
    - {name: streetAddress, label: Street address}
    - {name: l, label: City, value: Bloomington}
    - {name: st, label: State, value: Indiana}
    - {name: postalCode, label: ZIP code, pattern: "[0-9]{5}(-[0-9]{4})?"}
"#;

const TIMETRACK: &str = r#"  displayName: Timetrack
  type: application
  url: https://timetrack.city.example
  connector: manual
  maintainers: [{mail: timetrack@city.example}]
  owner: {organization: city}
  signIn: directory
  pii: true
  fields:
    - {name: username, label: Username, required: true, signIn: true, value: "{{ fields['active-directory'].sAMAccountName }}"}
    - {name: cardNumber, label: Card number, value: "{{ fields['active-directory'].employeeID }}"}
    - {name: employeeNumber, label: Employee number, required: true, value: "{{ fields['active-directory'].employeeNumber }}"}
    - {name: firstName, label: First name, required: true, value: "{{ fields['active-directory'].givenName }}"}
    - {name: lastName, label: Last name, required: true, value: "{{ fields['active-directory'].sn }}"}
    - {name: email, label: E-mail, type: email, required: true, value: "{{ fields['active-directory'].mail }}"}
  instructions:
    grant: Add the employee under Administration > Employees and assign the pay group of the department.
    update: Change the listed values only.
    revoke: Set the employment end date and let the last time sheet be approved.
"#;

const DOORS: &str = r#"  displayName: Door card
  type: equipment
  connector: manual
  maintainers: [{mail: frontdesk@city.example}]
  owner: {organization: city}
  signIn: directory
  pii: false
  exclusive: true
  levels:
    - {name: office-hours, displayName: Office hours}
    - {name: any-time, displayName: Any time}
  defaultLevel: office-hours
  fields:
    - {name: name, label: Name on the card, required: true, value: "{{ fields['active-directory'].displayName }} ({{ organization.displayName }})"}
    - {name: cardNumber, label: Card number, value: "{{ fields['active-directory'].employeeID }}"}
"#;

fn roles(city: &City, files: &mut Vec<(String, String)>) {
    for application in 0..city.casework {
        let resource = format!("casework-{application}");
        let mut text = String::new();
        for role in 0..city.roles {
            text += if role == 0 { "" } else { "---\n" };
            text += &head("Role", &format!("{resource}.role-{role}"));
            let _ = write!(
                text,
                "  displayName: Role {role}\n  resource: {resource}\n  permissions: [case.view_{role}, case.note_{role}]\n  groups: [APP-CASE-{application}-ROLE-{role}]\n"
            );
        }
        files.push((format!("roles/{resource}.yaml"), text));
    }
    // One of them keeps whose cases one sees in groups.
    let mut scope = head("Scope", "casework-0.unit");
    scope += "  displayName: Unit\n  resource: casework-0\n  values:\n";
    for unit in 0..city.all_units() {
        let _ = writeln!(scope, "    - {}", city.unit_name(unit));
    }
    scope += "  absent: nothing\n  groups: [\"APP-CASE-0-UNIT-{{ value }}\"]\n";
    files.push(("scopes/casework-0.yaml".into(), scope));
}

fn user(city: &City, resident: &Resident) -> String {
    let mut text = head("User", &resident.handle);
    let unit = city.unit_name(resident.unit);
    let kind = match resident.sort {
        Sort::Contractor => "contractor",
        Sort::Employee | Sort::Suspended | Sort::Left => "employee",
    };
    let _ = write!(
        text,
        "  givenName: {}\n  familyName: {}\n  employeeNumber: \"{:06}\"\n  type: {kind}\n  organization: {unit}\n",
        resident.given,
        resident.family,
        resident.number + 1,
    );
    if let Some(supervisor) = resident.supervisor {
        let _ = writeln!(text, "  supervisor: {}", city.people[supervisor].handle);
    }
    match (resident.sort, resident.job) {
        (Sort::Contractor, _) => {
            let end = CONTRACT_ENDS[resident.number / 50 % CONTRACT_ENDS.len()];
            let _ = writeln!(text, "  endDate: \"{end}\"");
        }
        (Sort::Employee | Sort::Suspended | Sort::Left, Some(job)) => {
            let _ = writeln!(text, "  profiles: [{}]", city.job_name(job));
        }
        (Sort::Employee | Sort::Suspended | Sort::Left, None) => {
            let _ = writeln!(text, "  profiles: [{unit}.staff]");
        }
    }
    match resident.sort {
        Sort::Left => text += "  state: left\n",
        Sort::Suspended => text += "  state: suspended\n",
        Sort::Employee | Sort::Contractor => {}
    }
    let mut access = String::new();
    if (1..=ADMINISTRATORS).contains(&resident.number) {
        access += "    - {resource: countersign, level: administrator}\n";
    }
    if let Some(application) = city.own_application(resident) {
        let _ = writeln!(
            access,
            "    - {{resource: application-{application}, level: administrator}}"
        );
    }
    if let Some(package) = city.own_software(resident) {
        let _ = writeln!(access, "    - {{resource: software-{package}}}");
    }
    if !access.is_empty() {
        text += "  access:\n";
        text += &access;
    }
    if resident.sort != Sort::Contractor {
        let _ = writeln!(
            text,
            "  answers: {{officePhone: {}, publicPhone: 812-555-0100}}",
            phone(resident),
        );
    }
    text
}

/// The telephone number on somebody's desk.
pub fn phone(resident: &Resident) -> String {
    format!(
        "812-{:03}-{:04}",
        350 + resident.number / 10_000,
        resident.number % 10_000
    )
}

fn identity(city: &City, resident: &Resident, application: usize, role: usize) -> String {
    let handle = &resident.handle;
    let mut text = head("Identity", &format!("{handle}.casework-{application}"));
    let _ = write!(
        text,
        "  user: {handle}\n  resource: casework-{application}\n  type: staff\n  roles: [casework-{application}.role-{role}]\n"
    );
    if application == 0 {
        let unit = city.unit_name(resident.unit);
        let _ = writeln!(text, "  scopes: {{casework-0.unit: [{unit}]}}");
    }
    text
}

/// New hires that are approved and have not started yet.
fn requests(city: &City, files: &mut Vec<(String, String)>) {
    let units = (0..city.all_units()).cycle();
    for (number, unit) in units.take(20).enumerate() {
        let day = REQUEST_DAYS[number % REQUEST_DAYS.len()];
        let name = format!("{day}-new-hire-{number}");
        let organization = city.unit_name(unit);
        let mut text = head("Request", &name);
        let _ = write!(
            text,
            "  action: Activate\n  requestedBy: {}\n  subject: new.hire-{number}\n  effective: \"{day}T00:00\"\n  set:\n    givenName: New\n    familyName: Hire {number}\n    employeeNumber: \"9{number:05}\"\n    type: employee\n    organization: {organization}\n    supervisor: {}\n  profiles: {{add: [{organization}.staff]}}\n  answers: {{officePhone: 812-555-0199}}\n",
            city.people[unit].handle, city.people[unit].handle,
        );
        files.push((format!("requests/{name}.yaml"), text));
    }
}

/// The operator's file, for the city in a folder, with the directory as a file.
pub fn operator(city: &City, folder: &str) -> String {
    let base = &city.base;
    format!(
        r#"version: 1
repository: {{url: "{folder}/access", branch: main}}
evidence: {{module: trust-branch}}
outer:
  ous: ["OU=Departments,{base}", "OU=Leavers,{base}"]
  groups: ["APP-*", "ITS-*", "DEPT-*"]
  recipientDomains: [city.example]
  adoptByAnchor: employeeNumber
directories:
  active-directory: {{ldif: {{file: {folder}/directory.ldif}}}}
mail: {{outbox: {folder}/outbox, from: access@city.example}}
ledger: {{file: {folder}/ledger.jsonl}}
"#
    )
}
