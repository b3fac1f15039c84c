//! A city → the ledger of a run that adopted every account and took what people have as held.

use super::ADOPTED;
use super::directory::{ACCOUNT, dn, guid, mail, principal};
use super::model::{City, Resident, Sort};
use countersign::connector::Guid;
use countersign::desired::{EntitlementKey, Grant};
use countersign::dn::Dn;
use countersign::ledger::{Event, How, Ledger, Record, RunId, RunSummary};
use countersign::name::{FieldName, LevelName, ResourceName, UserName};
use countersign::plan::task::FieldValues;
use jiff::Timestamp;
use std::error::Error;
use std::path::Path;

/// Writes the ledger.
///
/// # Errors
/// When it cannot be written.
pub fn write(city: &City, commit: &str, path: &Path) -> Result<(), Box<dyn Error>> {
    let at: Timestamp = ADOPTED.parse()?;
    let mut events = vec![Event::RunStarted {
        revision: Some(commit.to_owned()),
        instant: at,
        plan: "0".repeat(64),
    }];
    for resident in &city.people {
        events.push(account(city, resident)?);
    }
    for resident in &city.people {
        for (resource, level, fields) in held(city, resident) {
            events.push(Event::Assumed {
                user: UserName::new(&resident.handle)?,
                entitlement: EntitlementKey {
                    resource: ResourceName::new(&resource)?,
                    identity: None,
                    grant: Grant::Level(LevelName::new(level)?),
                },
                fields: fields
                    .into_iter()
                    .map(|(name, value)| Ok((FieldName::new(name)?, value.into())))
                    .collect::<Result<FieldValues, Box<dyn Error>>>()?,
                unsettled: false,
            });
        }
    }
    events.push(Event::RunEnded {
        summary: RunSummary::default(),
    });
    let run = RunId("20270104T130000Z-00000000".into());
    let records = events.into_iter().map(|event| Record {
        at,
        run: run.clone(),
        event,
    });
    Ledger::open(path)?.append_all(records)?;
    Ok(())
}

fn account(city: &City, resident: &Resident) -> Result<Event, Box<dyn Error>> {
    let wire = guid(ACCOUNT, resident.number);
    Ok(Event::Account {
        user: UserName::new(&resident.handle)?,
        guid: Guid::from_wire(&wire).ok_or("sixteen bytes")?,
        dn: Dn::parse(&dn(city, resident, None))?,
        login: resident.handle.clone(),
        upn: Some(principal(city, resident)),
        mail: Some(mail(resident)),
        how: How::Adopted,
    })
}

type Held = (String, &'static str, Vec<(&'static str, String)>);

/// The manual entitlements somebody has: resource, level, values of the fields.
fn held(city: &City, resident: &Resident) -> Vec<Held> {
    if matches!(resident.sort, Sort::Left | Sort::Contractor) {
        return Vec::new();
    }
    let card = City::card(resident);
    let unit = resident.unit;
    let name = format!(
        "{} {} (Unit {}-{})",
        resident.given,
        resident.family,
        unit / city.units + 1,
        unit % city.units + 1
    );
    let mut held = vec![
        ("libreoffice".to_owned(), "access", Vec::new()),
        ("7-zip".to_owned(), "access", Vec::new()),
        (
            "timetrack".to_owned(),
            "access",
            vec![
                ("username", resident.handle.clone()),
                ("cardNumber", card.clone()),
                ("employeeNumber", format!("{:06}", resident.number + 1)),
                ("firstName", resident.given.to_owned()),
                ("lastName", resident.family.to_owned()),
                ("email", mail(resident)),
            ],
        ),
        (
            "doors".to_owned(),
            "office-hours",
            vec![("name", name), ("cardNumber", card)],
        ),
    ];
    if let Some(package) = city.own_software(resident) {
        held.push((format!("software-{package}"), "access", Vec::new()));
    }
    held
}
