//! What somebody leaves behind: warnings, never errors, since a departure is not made invalid by what
//! it orphans (MODEL 26).

use crate::catalog::{Catalog, Linked, Problem};
use crate::desired::Person;
use crate::diagnostic::Code;
use crate::manifest::parse::Location;
use crate::manifest::user::UserState;
use crate::name::UserName;
use crate::request::Timeline;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Warns of everything that names one of these users who has left since, or is looked at for the first
/// time; and of those among them who report to somebody who has left, since they do.
pub(super) fn warn(
    catalog: &Catalog,
    timeline: &Timeline<'_>,
    (names, now): (&[UserName], Timestamp),
    before: &BTreeMap<UserName, Arc<Person>>,
    people: &BTreeMap<UserName, Arc<Person>>,
    problems: &mut Vec<Problem>,
) {
    let is_all = names.len() == people.len();
    let looked_at: Vec<(&UserName, &Arc<Person>)> = match is_all {
        true => people.iter().collect(),
        false => {
            let names = names.iter();
            names
                .filter_map(|name| people.get_key_value(name))
                .collect()
        }
    };
    let leavers = looked_at.iter().filter(|(_, person)| is_left(person));
    let leavers: BTreeSet<&UserName> = leavers.map(|(name, _)| *name).collect();
    if is_all && leavers.is_empty() {
        return;
    }
    for name in leavers.iter().copied() {
        if before.get(name).is_some_and(is_left) {
            continue;
        }
        for (organization, Linked { at, spec, .. }) in &catalog.organizations {
            if spec.head.as_ref() == Some(name) {
                let what = format!("`{organization}` is headed by `{name}`, who has left");
                say(at, "head", what, "name another head", problems);
            }
        }
        for (resource, Linked { at, spec, .. }) in &catalog.resources {
            for (i, maintainer) in spec.maintainers.iter().enumerate() {
                let member = maintainer.members.iter().position(|m| m == name);
                let route = match (maintainer.user.as_ref() == Some(name), member) {
                    (true, _) => format!("maintainers.{i}.user"),
                    (false, Some(member)) => format!("maintainers.{i}.members.{member}"),
                    (false, None) => continue,
                };
                let what = format!("`{resource}` is maintained by `{name}`, who has left");
                let help = "name another; until then the owner or the administrators are asked";
                say(at, &route, what, help, problems);
            }
            let owner = spec.owner.as_ref().and_then(|o| o.user.as_ref());
            if owner == Some(name) {
                let what = format!("`{resource}` is owned by `{name}`, who has left");
                say(at, "owner.user", what, "name another owner", problems);
            }
        }
    }
    // Who is not among these is as before.
    let were = |name: &UserName| match names.binary_search(name) {
        Ok(_) => before.get(name),
        Err(_) => people.get(name),
    };
    let has_left = |name: &UserName| match is_all {
        true => leavers.contains(name),
        false => people.get(name).is_some_and(is_left),
    };
    for (name, person) in looked_at {
        let Some(leaver) = leaver(person, has_left) else {
            continue;
        };
        let was = were(name)
            .and_then(|was| self::leaver(was, |supervisor| were(supervisor).is_some_and(is_left)));
        if was == Some(leaver) {
            continue;
        }
        let (at, route) = match (timeline.sets_supervisor(name, now), catalog.users.get(name)) {
            (Some(request), _) => (&request.at, "set.=supervisor"),
            (None, Some(user)) => (&user.at, "=supervisor"),
            (None, None) => continue,
        };
        let what = format!("`{name}` reports to `{leaver}`, who has left");
        say(at, route, what, "name another supervisor", problems);
    }
}

/// Whom somebody who is here reports to, where that one has left.
fn leaver(person: &Arc<Person>, has_left: impl Fn(&UserName) -> bool) -> Option<&UserName> {
    let supervisor = person.supervisor.as_ref().filter(|_| !is_left(person))?;
    has_left(supervisor).then_some(supervisor)
}

fn is_left(person: &Arc<Person>) -> bool {
    person.state == UserState::Left
}

fn say(at: &Location, route: &str, what: String, help: &str, problems: &mut Vec<Problem>) {
    problems.push(Problem::new(Code::NamesLeaver, at, route, what).help(help));
}
