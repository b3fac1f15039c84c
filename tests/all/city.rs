//! The generated city that speed is measured on: it is valid, and its plan is what it says.

#[allow(dead_code)]
#[path = "../../benches/city.rs"]
mod generator;

use countersign::diagnostic::any_error;
use countersign::ledger::Ledger;
use countersign::manifest::parse::Known;
use countersign::operator::Operator;
use countersign::plan::{Plan, TaskAction};
use countersign::reconcile::{self, World, world};
use countersign::source::Origin;
use generator::model::{City, Difference};
use std::collections::BTreeMap;
use std::path::Path;

const USERS: usize = 60;

fn origin(folder: &Path) -> Origin {
    Origin::Revision {
        folder: folder.join("access"),
        revision: "HEAD".into(),
    }
}

fn plan(folder: &Path) -> Plan {
    let operator = Operator::load(&folder.join("operator.yaml"), &folder.join("access")).unwrap();
    let history = Ledger::read(&folder.join("ledger.jsonl")).unwrap();
    let mut reading = reconcile::read(&origin(folder), &mut Known::default()).unwrap();
    let resource = reading.catalog.config.spec.directory.clone();
    let (mut directory, mode) = world::directory(&operator, &resource).unwrap().unwrap();
    let mut world = World {
        directory: Some(directory.as_mut()),
        mode,
        rosters: &BTreeMap::new(),
        outer: operator.outer(),
        recorded: history.recorded(),
    };
    let now = generator::ADOPTED.parse().unwrap();
    let situation = reconcile::situation(&mut reading, &mut world, now).unwrap();
    reconcile::make_plan(
        &situation,
        &world,
        &reading,
        &countersign::plan::Bootstrap::default(),
        "trust-branch",
    )
}

#[test]
fn a_generated_city_has_no_mistake_and_its_plan_is_its_differences() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("city");
    let city = City::new(USERS, "DC=city,DC=example");
    generator::write(&city, &folder).unwrap();

    let reading = reconcile::read(&origin(&folder), &mut Known::default()).unwrap();
    assert_eq!(reading.catalog.users.len(), USERS);
    let diagnostics = reconcile::diagnose(reading, None, generator::ADOPTED.parse().unwrap());
    assert!(!any_error(&diagnostics), "{diagnostics:#?}");

    let plan = plan(&folder);
    let differences = city.differences();
    let of = |wanted: &[Difference]| -> Vec<&str> {
        let found = differences.iter().filter(|(_, what)| wanted.contains(what));
        let mut names: Vec<&str> = found
            .map(|(n, _)| city.people[*n].handle.as_str())
            .collect();
        names.sort_unstable();
        names
    };
    let mut changed: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for change in &plan.changes {
        let user = change.user.as_ref().map_or("", |u| u.as_str());
        changed
            .entry(change.action.as_str())
            .or_default()
            .push(user);
    }
    changed.values_mut().for_each(|users| users.sort_unstable());
    let expected = BTreeMap::from([
        ("add member", of(&[Difference::Member])),
        ("disable", of(&[Difference::Enabled])),
        ("link", of(&[Difference::Manager])),
        ("move", of(&[Difference::Place])),
        ("update", of(&[Difference::Title, Difference::Phone])),
    ]);
    assert_eq!(changed, expected);
    let mut asked: Vec<(&str, &str)> = Vec::new();
    for task in plan.tasks.iter().map(|t| &t.task) {
        assert_eq!(task.action, TaskAction::Update);
        asked.push((task.resource.as_str(), task.user.as_str()));
    }
    asked.sort_unstable();
    let cards = of(&[Difference::Card]);
    let of_each = ["doors", "timetrack"].into_iter();
    let wanted: Vec<_> = of_each
        .flat_map(|r| cards.iter().map(move |u| (r, *u)))
        .collect();
    assert_eq!(asked, wanted);
    assert_eq!(plan.held, []);
    assert!(!plan.is_beyond_a_guard());
    assert_eq!(differences.len(), 20);
}

#[test]
fn the_same_number_gives_the_same_city() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str| {
        let city = City::new(USERS, "DC=city,DC=example");
        let folder = folder.path().join(name);
        generator::write(&city, &folder).unwrap();
        let read = |file: &str| std::fs::read(folder.join(file)).unwrap();
        let source = countersign::source::read(&origin(&folder), &|_| false).unwrap();
        (
            source.revision,
            read("directory.ldif"),
            read("ledger.jsonl"),
        )
    };
    let (one, other) = (write("one"), write("other"));
    assert!(one == other);
}
