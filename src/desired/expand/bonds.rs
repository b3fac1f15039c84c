//! What people owe each other at an instant, where requests make it so: nobody reports to themselves in
//! a circle, and no two have one employee number. (Of the manifests alone this was told when they were
//! linked.)

use crate::catalog::Problem;
use crate::desired::Person;
use crate::diagnostic::Code;
use crate::name::UserName;
use crate::request::{Folded, Origin};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Reports what does not fit of those who were looked at.
pub(super) fn check(
    folded: &Folded,
    people: &BTreeMap<UserName, Arc<Person>>,
    numbers: &mut BTreeMap<String, UserName>,
    problems: &mut Vec<Problem>,
) {
    for (name, user) in &folded.people {
        if let Some(origin) = user.changed.first() {
            circle(name, origin, people, problems);
        }
        let number = user.spec.employee_number.as_ref().map(|n| n.0.clone());
        numbers.retain(|held, holder| holder != name || Some(held) == number.as_ref());
        let Some(number) = number else { continue };
        let holder = numbers
            .entry(number.clone())
            .or_insert_with(|| name.clone());
        if holder == name {
            continue;
        }
        // Of two manifests it was told already.
        let theirs = folded.people.get(holder).and_then(|u| u.changed.first());
        if let Some(origin) = user.changed.first().or(theirs) {
            problems.push(
                Problem::new(
                    Code::LoginTaken,
                    &origin.at,
                    "subject",
                    format!("employee number `{number}` would be that of `{holder}` and `{name}`"),
                )
                .help("every user has a number of their own; accounts are adopted by it"),
            );
        }
    }
}

/// A circle of supervisors that leads back to a user.
fn circle(
    name: &UserName,
    origin: &Origin,
    people: &BTreeMap<UserName, Arc<Person>>,
    problems: &mut Vec<Problem>,
) {
    let mut line = vec![name];
    let mut next = people.get(name).and_then(|p| p.supervisor.as_ref());
    while let Some(supervisor) = next {
        if supervisor == name {
            let names: Vec<&str> = line.iter().map(|n| n.as_str()).collect();
            problems.push(
                Problem::new(
                    Code::Cycle,
                    &origin.at,
                    "subject",
                    format!("`{name}` would report to themselves: {}", names.join(" → ")),
                )
                .help("name another supervisor"),
            );
            return;
        }
        // A circle beside this user is told where it lies.
        if line.contains(&supervisor) {
            return;
        }
        line.push(supervisor);
        next = people.get(supervisor).and_then(|p| p.supervisor.as_ref());
    }
}
