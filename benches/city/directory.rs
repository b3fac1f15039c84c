//! A city → its directory as LDIF: in agreement with the repository but for the differences.

use super::manifests::{phone, title};
use super::model::{APPLICATION_LEVELS, City, Difference, FOLDER_LEVELS, Resident, Sort};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// An objectGUID of its own for every object, as the directory keeps it.
pub fn guid(kind: u8, number: usize) -> [u8; 16] {
    let mut guid = [0x5C; 16];
    guid[0] = kind;
    guid[8..].copy_from_slice(
        &(number as u64)
            .wrapping_mul(0x9E37_79B9_7F4A_7C15)
            .to_be_bytes(),
    );
    guid
}

/// What kinds of objects there are, for their GUIDs.
const UNIT: u8 = 1;
const GROUP: u8 = 2;
/// The kind of accounts, for their GUIDs.
pub const ACCOUNT: u8 = 3;

/// The directory.
pub fn ldif(city: &City) -> String {
    let differences: BTreeMap<usize, Difference> = city.differences().into_iter().collect();
    let mut text = String::from("version: 1\n\n");
    let base = &city.base;
    let dc = base
        .split(',')
        .next()
        .unwrap_or_default()
        .trim_start_matches("DC=");
    let _ = write!(
        text,
        "dn: {base}\nobjectClass: top\nobjectClass: domain\nobjectClass: domainDNS\ndc: {dc}\n"
    );
    entry_end(&mut text, UNIT, 0);
    units(city, &mut text);
    for resident in &city.people {
        let difference = differences.get(&resident.number).copied();
        account(city, resident, difference, &differences, &mut text);
    }
    groups(city, &differences, &mut text);
    text
}

fn entry_end(text: &mut String, kind: u8, number: usize) {
    let _ = write!(
        text,
        "objectGUID:: {}\n\n",
        STANDARD.encode(guid(kind, number))
    );
}

fn line(text: &mut String, attribute: &str, value: &str) {
    let _ = match value.is_ascii() {
        true => writeln!(text, "{attribute}: {value}"),
        false => writeln!(text, "{attribute}:: {}", STANDARD.encode(value)),
    };
}

fn units(city: &City, text: &mut String) {
    let mut ous = vec![
        vec!["Departments".to_owned()],
        vec!["Leavers".to_owned()],
        vec!["Groups".to_owned()],
    ];
    for unit in 0..city.all_units() {
        let [top, department, name] = city.unit_ous(unit);
        if unit % city.units == 0 {
            ous.push(vec![top.clone(), department.clone()]);
        }
        ous.push(vec![top, department, name]);
    }
    for (number, ou) in ous.iter().enumerate() {
        let parts: Vec<String> = ou.iter().rev().map(|o| format!("OU={o}")).collect();
        let _ = write!(
            text,
            "dn: {},{}\nobjectClass: top\nobjectClass: organizationalUnit\nou: {}\n",
            parts.join(","),
            city.base,
            ou.last().map_or("", String::as_str),
        );
        entry_end(text, UNIT, number + 1);
    }
}

/// Where an account stands.
pub fn dn(city: &City, resident: &Resident, difference: Option<Difference>) -> String {
    let unit = match difference {
        Some(Difference::Place) => (resident.unit + 1) % city.all_units(),
        _ => resident.unit,
    };
    let ous = match resident.sort {
        Sort::Left => "OU=Leavers".to_owned(),
        Sort::Employee | Sort::Contractor | Sort::Suspended => {
            let parts = city.unit_ous(unit);
            parts
                .iter()
                .rev()
                .map(|o| format!("OU={o}"))
                .collect::<Vec<_>>()
                .join(",")
        }
    };
    format!("CN={},{ous},{}", resident.cn, city.base)
}

/// The principal name of an account.
pub fn principal(city: &City, resident: &Resident) -> String {
    let domain: Vec<&str> = city
        .base
        .split(',')
        .map(|p| p.trim_start_matches("DC="))
        .collect();
    format!("{}@{}", resident.handle, domain.join("."))
}

fn account(
    city: &City,
    resident: &Resident,
    difference: Option<Difference>,
    differences: &BTreeMap<usize, Difference>,
    text: &mut String,
) {
    line(text, "dn", &dn(city, resident, difference));
    *text += "objectClass: top\nobjectClass: person\nobjectClass: organizationalPerson\nobjectClass: user\n";
    line(text, "cn", &resident.cn);
    line(text, "sAMAccountName", &resident.handle);
    line(text, "userPrincipalName", &principal(city, resident));
    let enabled = match resident.sort {
        Sort::Employee | Sort::Contractor => true,
        Sort::Suspended => false,
        Sort::Left => difference == Some(Difference::Enabled),
    };
    line(
        text,
        "userAccountControl",
        if enabled { "512" } else { "514" },
    );
    line(
        text,
        "employeeNumber",
        &format!("{:06}", resident.number + 1),
    );
    let card = match difference {
        Some(Difference::Card) => format!("08{:08}", resident.number),
        _ => City::card(resident),
    };
    line(text, "employeeID", &card);
    line(text, "givenName", resident.given);
    line(text, "sn", resident.family);
    line(
        text,
        "displayName",
        &format!("{} {}", resident.given, resident.family),
    );
    line(text, "mail", &mail(resident));
    let title = match (difference, resident.sort, resident.job) {
        (Some(Difference::Title), ..) => "Trainee".to_owned(),
        (_, Sort::Contractor, _) => "Contractor".to_owned(),
        (_, _, Some(job)) => title(job),
        (_, _, None) => "Clerk".to_owned(),
    };
    line(text, "title", &title);
    let (department, unit) = (
        resident.unit / city.units + 1,
        resident.unit % city.units + 1,
    );
    line(text, "department", &format!("Unit {department}-{unit}"));
    let business = match resident.sort {
        Sort::Contractor => "General government".to_owned(),
        Sort::Employee | Sort::Suspended | Sort::Left => {
            format!("Service {}", resident.unit % 11 + 1)
        }
    };
    line(text, "businessCategory", &business);
    let manager = match difference {
        Some(Difference::Manager) => resident.supervisor.map(|s| (s + 1) % city.all_units()),
        _ => resident.supervisor,
    };
    if let Some(manager) = manager.map(|m| &city.people[m]) {
        line(
            text,
            "manager",
            &dn(city, manager, differences.get(&manager.number).copied()),
        );
    }
    if resident.sort != Sort::Contractor {
        if difference != Some(Difference::Phone) {
            line(text, "telephoneNumber", &phone(resident));
        }
        line(text, "pager", "812-555-0100");
    }
    line(
        text,
        "physicalDeliveryOfficeName",
        &format!("Building {department}"),
    );
    line(
        text,
        "streetAddress",
        &format!("{department}01 N Morton St"),
    );
    *text += "l: Bloomington\nst: Indiana\n";
    line(text, "postalCode", &format!("474{department:02}"));
    *text += "pwdLastSet: 134215932082166387\naccountExpires: 9223372036854775807\n";
    entry_end(text, ACCOUNT, resident.number);
}

/// The mail address of an account.
pub fn mail(resident: &Resident) -> String {
    format!("{}@city.example", resident.handle)
}

/// The groups somebody is in because of what they have.
fn memberships(city: &City, resident: &Resident) -> Vec<String> {
    let mut groups = Vec::new();
    match resident.sort {
        Sort::Left => return groups,
        Sort::Contractor => {}
        Sort::Employee | Sort::Suspended => groups.push(city.folder_group(resident.unit, "read")),
    }
    if let Some(job) = resident.job {
        groups.push(city.folder_group(resident.unit, "write"));
        for (application, level) in city.applications_of_job(job) {
            groups.push(format!("APP-{application}-{level}"));
        }
    }
    if let Some(application) = city.own_application(resident) {
        groups.push(format!("APP-{application}-administrator"));
    }
    if city.remote(resident) {
        groups.push("ITS-VPN-Users".into());
    }
    if let Some((application, role)) = city.identity(resident) {
        groups.push(format!("APP-CASE-{application}-ROLE-{role}"));
        if application == 0 {
            groups.push(format!("APP-CASE-0-UNIT-{}", city.unit_name(resident.unit)));
        }
    }
    groups
}

fn groups(city: &City, differences: &BTreeMap<usize, Difference>, text: &mut String) {
    let mut members: BTreeMap<String, Vec<&Resident>> = BTreeMap::new();
    for unit in 0..city.all_units() {
        for level in FOLDER_LEVELS {
            members.insert(city.folder_group(unit, level), Vec::new());
        }
        let scope = format!("APP-CASE-0-UNIT-{}", city.unit_name(unit));
        members.insert(scope, Vec::new());
    }
    for application in 0..city.applications {
        for level in APPLICATION_LEVELS {
            members.insert(format!("APP-{application}-{level}"), Vec::new());
        }
    }
    for application in 0..city.casework {
        for role in 0..city.roles {
            members.insert(format!("APP-CASE-{application}-ROLE-{role}"), Vec::new());
        }
    }
    members.insert("ITS-VPN-Users".into(), Vec::new());
    for list in 0..city.lists {
        let some = city.people.iter().filter(|r| r.sort != Sort::Left);
        let some = some.skip(list).step_by(city.lists).collect();
        members.insert(format!("DL-{list}"), some);
    }
    for resident in &city.people {
        let groups = memberships(city, resident);
        let skip = usize::from(differences.get(&resident.number) == Some(&Difference::Member));
        for group in groups.into_iter().skip(skip) {
            members.entry(group).or_default().push(resident);
        }
    }
    for (number, (group, members)) in members.iter().enumerate() {
        let _ = write!(
            text,
            "dn: CN={group},OU=Groups,{}\nobjectClass: top\nobjectClass: group\ncn: {group}\nsAMAccountName: {group}\ngroupType: -2147483646\n",
            city.base,
        );
        for member in members {
            let difference = differences.get(&member.number).copied();
            line(text, "member", &dn(city, member, difference));
        }
        entry_end(text, GROUP, number);
    }
}
