//! Who is named before they are here: warnings, since a reference to who has not started links, and is a
//! finding only where it is used before the start (SEMANTICS 12).

use crate::catalog::{Catalog, Linked, Problem};
use crate::desired::Person;
use crate::diagnostic::Code;
use crate::manifest::parse::Location;
use crate::manifest::request::RequestAction;
use crate::manifest::user::UserState;
use crate::manifest::{Edge, Moment, Now};
use crate::name::UserName;
use crate::request::{Timeline, Verdict};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Warns of everything that names somebody, from this instant on, before they are here; once for each
/// place that does.
pub(super) fn warn(
    catalog: &Catalog,
    timeline: &Timeline<'_>,
    people: &BTreeMap<UserName, Arc<Person>>,
    now: Timestamp,
    problems: &mut Vec<Problem>,
) {
    let starts = starts(catalog, timeline, now);
    if starts.is_empty() {
        return;
    }
    let newcomers = Newcomers {
        catalog,
        people,
        starts,
        now,
    };
    newcomers.of_users(problems);
    newcomers.of_requests(timeline, problems);
    newcomers.of_the_rest(problems);
}

/// Those who are not here yet, and when they start.
fn starts<'a>(
    catalog: &'a Catalog,
    timeline: &Timeline<'a>,
    now: Timestamp,
) -> BTreeMap<&'a UserName, Timestamp> {
    let mut starts = BTreeMap::new();
    let moment = Now::new(now);
    for (name, user) in &catalog.users {
        let start = user.spec.start_date.as_ref();
        let start = start.and_then(|m| m.resolve_after(&moment, &catalog.zone, Edge::Start));
        starts.extend(start.map(|start| (name, start)));
    }
    for (subject, step) in timeline.all_steps() {
        let activates = step.request.spec.action == RequestAction::Activate;
        let is_new = !catalog.users.contains_key(subject);
        if activates && is_new && step.verdict == Verdict::Applies {
            starts.entry(subject).or_insert(step.from);
        }
    }
    starts.retain(|_, start| now < *start);
    starts
}

struct Newcomers<'a> {
    catalog: &'a Catalog,
    people: &'a BTreeMap<UserName, Arc<Person>>,
    starts: BTreeMap<&'a UserName, Timestamp>,
    now: Timestamp,
}

impl Newcomers<'_> {
    /// When somebody starts, where that is after an instant.
    fn start(&self, name: &UserName, used: Timestamp) -> Option<Timestamp> {
        self.starts.get(name).copied().filter(|start| used < *start)
    }

    fn supervised_by(&self, name: &UserName) -> Option<&UserName> {
        let person = self.people.get(name)?;
        let person = Some(person).filter(|p| p.state != UserState::Left);
        person.and_then(|p| p.supervisor.as_ref())
    }

    fn of_users(&self, problems: &mut Vec<Problem>) {
        let at_moment = |moment: &Option<Moment>, edge| {
            let moment = moment.as_ref();
            moment.and_then(|m| m.resolve(&self.catalog.zone, edge).ok())
        };
        for (user, Linked { at, spec, .. }) in &self.catalog.users {
            let here = self.starts.get(user).copied().unwrap_or(self.now);
            let supervisor = spec.supervisor.as_ref();
            let supervisor = supervisor.filter(|s| self.starts.contains_key(s));
            // A request may have named another one since.
            let supervisor = supervisor.filter(|s| self.supervised_by(user) == Some(*s));
            if let Some(supervisor) = supervisor {
                let what = format!("`{user}` reports to");
                self.say((at, "supervisor"), &what, (supervisor, here), problems);
            }
            let deputy = spec.deputy.as_ref();
            if let Some(deputy) = deputy.filter(|d| self.starts.contains_key(&d.user)) {
                let begins = at_moment(&deputy.from, Edge::Start).unwrap_or(here);
                let ended = at_moment(&deputy.until, Edge::End).is_some_and(|end| end <= self.now);
                if !ended && spec.state != UserState::Left {
                    let what = format!("the deputy of `{user}` is");
                    let named = (&deputy.user, begins.max(here));
                    self.say((at, "deputy.user"), &what, named, problems);
                }
            }
        }
    }

    fn of_requests(&self, timeline: &Timeline<'_>, problems: &mut Vec<Problem>) {
        for (subject, step) in timeline.all_steps() {
            let Linked { at, spec, .. } = step.request;
            let is_past = step.from <= self.now;
            if step.verdict != Verdict::Applies {
                continue;
            }
            // What has taken effect cannot be asked for by somebody else any more.
            if !is_past {
                let named = (&spec.requested_by, step.from);
                let what = "this is asked for by";
                self.say((at, "requestedBy"), what, named, problems);
            }
            let supervisor = spec.set.as_ref().and_then(|s| s.supervisor.as_ref());
            let in_force = |s: &&UserName| !is_past || self.supervised_by(subject) == Some(*s);
            if let Some(supervisor) = supervisor.filter(in_force) {
                let what = format!("`{subject}` would report to");
                let named = (supervisor, step.from.max(self.now));
                self.say((at, "set.supervisor"), &what, named, problems);
            }
        }
    }

    /// Organizations and resources, which name whoever they name from now on.
    fn of_the_rest(&self, problems: &mut Vec<Problem>) {
        for (organization, Linked { at, spec, .. }) in &self.catalog.organizations {
            if let Some(head) = &spec.head {
                let what = format!("`{organization}` is headed by");
                self.say((at, "head"), &what, (head, self.now), problems);
            }
        }
        for (resource, Linked { at, spec, .. }) in &self.catalog.resources {
            for (i, maintainer) in spec.maintainers.iter().enumerate() {
                let what = format!("`{resource}` is maintained by");
                if let Some(user) = &maintainer.user {
                    let route = format!("maintainers.{i}.user");
                    self.say((at, &route), &what, (user, self.now), problems);
                }
                for (n, member) in maintainer.members.iter().enumerate() {
                    let route = format!("maintainers.{i}.members.{n}");
                    self.say((at, &route), &what, (member, self.now), problems);
                }
            }
            let owner = spec.owner.as_ref().and_then(|o| o.user.as_ref());
            if let Some(owner) = owner {
                let what = format!("`{resource}` is owned by");
                self.say((at, "owner.user"), &what, (owner, self.now), problems);
            }
        }
    }

    /// Says that a place names somebody who is not here when that begins to count.
    fn say(
        &self,
        (at, route): (&Location, &str),
        what: &str,
        (name, used): (&UserName, Timestamp),
        problems: &mut Vec<Problem>,
    ) {
        let Some(start) = self.start(name, used) else {
            return;
        };
        let day = start.to_zoned(self.catalog.zone.clone());
        let message = format!(
            "{what} `{name}`, who is not here before {}",
            day.strftime("%Y-%m-%d")
        );
        problems.push(
            Problem::new(Code::NamesNewcomer, at, route, message)
                .help("name somebody else until then, or choose another day"),
        );
    }
}
