//! What somebody leaves behind: warnings, never errors, since a departure is not made invalid by what
//! it orphans (MODEL 26).

use crate::catalog::{Catalog, Linked, Problem};
use crate::desired::Person;
use crate::diagnostic::Code;
use crate::manifest::parse::Location;
use crate::manifest::user::UserState;
use crate::name::UserName;
use crate::request::Timeline;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Warns of everything that names one of these users who has left since, or is looked at for the first time.
pub(super) fn warn(
    catalog: &Catalog,
    timeline: &Timeline<'_>,
    names: &[UserName],
    before: &BTreeMap<UserName, Arc<Person>>,
    people: &BTreeMap<UserName, Arc<Person>>,
    problems: &mut Vec<Problem>,
) {
    let is_left = |p: &Arc<Person>| p.state == UserState::Left;
    for name in names {
        let was = before.get(name).is_some_and(is_left);
        if was || !people.get(name).is_some_and(is_left) {
            continue;
        }
        for report in timeline.reports(name) {
            let person = people.get(report);
            let is_theirs = |p: &&Arc<Person>| !is_left(p) && p.supervisor.as_ref() == Some(name);
            if let (Some(_), Some(user)) = (person.filter(is_theirs), catalog.users.get(report)) {
                let what = format!("`{report}` reports to `{name}`, who has left");
                say(
                    &user.at,
                    "=supervisor",
                    what,
                    "name another supervisor",
                    problems,
                );
            }
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
}

fn say(at: &Location, route: &str, what: String, help: &str, problems: &mut Vec<Problem>) {
    problems.push(Problem::new(Code::NamesLeaver, at, route, what).help(help));
}
