//! What a new revision may not do to the one before: change what has happened, or forget somebody.

use crate::catalog::{Catalog, Linked, Problem};
use crate::desired::accounts::Accounts;
use crate::desired::expand::{Outlook, people};
use crate::desired::{Grant, Person};
use crate::diagnostic::Code;
use crate::manifest::parse::Location;
use crate::manifest::request::RequestAction;
use crate::manifest::resource::Connector;
use crate::manifest::{Edge, RequestSpec, UserSpec};
use crate::name::{RequestName, RoleName, UserName};
use crate::request::{Timeline, Verdict};
use jiff::Timestamp;
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};

/// Holders of one resource that a message names at most.
const NAMED: usize = 5;

/// Reports what a revision does to the one before that it may not; places are in the new one.
pub fn check(before: &Catalog, after: &Catalog, now: Timestamp) -> Vec<Problem> {
    let mut problems = settled(before, after, now);
    users(before, after, &mut problems);
    resources(before, after, now, &mut problems);
    void(before, after, &mut problems);
    roles(before, after, now, &mut problems);
    problems
}

/// The same as far as it is about what has taken effect, which nobody changes any more.
pub fn settled(before: &Catalog, after: &Catalog, now: Timestamp) -> Vec<Problem> {
    let mut problems = Vec::new();
    through(before, after, now, &mut problems);
    requests(before, after, now, &mut problems);
    late(before, after, now, &mut problems);
    unfolded(before, after, &mut problems);
    problems
}

/// What was folded. One that is still to come is a mistake, and what mends it is none.
fn folded(before: &Catalog, now: Timestamp) -> Option<Timestamp> {
    before.folded_through().filter(|through| *through <= now)
}

/// The instant of the fold only moves forward.
fn through(before: &Catalog, after: &Catalog, now: Timestamp, problems: &mut Vec<Problem>) {
    if let Some(old) = folded(before, now)
        && after.folded_through().is_none_or(|new| new < old)
    {
        let message = "`foldedThrough` was later already: what was folded cannot be unfolded";
        let at = &after.config.at;
        problems.push(
            Problem::new(Code::RequestImmutable, at, "=foldedThrough", message)
                .help("put the old value back"),
        );
    }
}

/// A request whose instant has passed is not changed and not taken out; only `fold` archives it (SEMANTICS 10).
fn requests(before: &Catalog, after: &Catalog, now: Timestamp, problems: &mut Vec<Problem>) {
    for (name, old) in before.requests.iter().chain(&before.archived) {
        let effective = old.spec.effective.resolve(&before.zone, Edge::Start).ok();
        if effective.is_none_or(|at| now < at) {
            continue;
        }
        let new = after.requests.get(name).or(after.archived.get(name));
        let (at, what) = match new {
            Some(new) if new.spec == old.spec => continue,
            Some(new) => (&new.at, "has taken effect already, and is changed here"),
            None => (
                &after.config.at,
                "has taken effect already, and is taken out",
            ),
        };
        problems.push(
            Problem::new(
                Code::RequestImmutable,
                at,
                "/metadata.name",
                format!("request `{name}` {what}"),
            )
            .help("put it back as it was; a new request undoes it"),
        );
    }
}

/// Nothing comes into the archive but what a fold puts there: it would be in nobody's way there, and come
/// into force with a move.
fn unfolded(before: &Catalog, after: &Catalog, problems: &mut Vec<Problem>) {
    for (name, new) in &after.archived {
        let (known, live) = (
            before.archived.contains_key(name),
            before.requests.contains_key(name),
        );
        if known || live && after.has_folded(&new.spec) {
            continue;
        }
        let message = format!("request `{name}` is archived, and was not folded");
        problems.push(
            Problem::new(Code::RequestImmutable, &new.at, "/metadata.name", message)
                .help("put it back; `countersign fold` archives what has taken effect"),
        );
    }
}

/// Nothing new begins before what was folded already.
fn late(before: &Catalog, after: &Catalog, now: Timestamp, problems: &mut Vec<Problem>) {
    let Some(through) = folded(before, now) else {
        return;
    };
    for (name, new) in &after.requests {
        let effective = new.spec.effective.resolve(&after.zone, Edge::Start).ok();
        if before.requests.contains_key(name) || effective.is_none_or(|at| through <= at) {
            continue;
        }
        problems.push(
            Problem::new(
                Code::FoldedThrough,
                &new.at,
                "effective",
                "requests were folded through this instant already",
            )
            .help("ask for it from a later instant on; what was before is settled")
            .related(&after.config.at, "foldedThrough", "folded through here"),
        );
    }
}

/// Nobody is forgotten, and nothing is said twice in different ways.
fn users(before: &Catalog, after: &Catalog, problems: &mut Vec<Problem>) {
    let activates = |r: &&Linked<RequestSpec>| r.spec.action == RequestAction::Activate;
    let declared = after.requests.values().filter(activates);
    let declared: BTreeSet<&UserName> = declared.map(|r| &r.spec.subject).collect();
    for (name, old) in &before.users {
        match after.users.get(name) {
            Some(new) => fold_first(name, (old, new), (before, after), problems),
            None if declared.contains(name) => {}
            None => problems.push(
                Problem::new(
                    Code::UserRemoved,
                    &after.config.at,
                    "/metadata.name",
                    format!("user `{name}` ({}) is taken out", old.at.file),
                )
                .help("put the manifest back and write a Terminate, or say `state: left`"),
            ),
        }
    }
}

/// A resource that its maintainers are asked about by mail goes when nobody holds it any more.
fn resources(before: &Catalog, after: &Catalog, now: Timestamp, problems: &mut Vec<Problem>) {
    let removed = before.resources.iter().filter(|(name, linked)| {
        let is_followed = linked.spec.inherits_from.is_some();
        let connector = linked.spec.connector.unwrap_or(Connector::Manual);
        !is_followed && connector == Connector::Manual && !after.resources.contains_key(*name)
    });
    let removed: Vec<_> = removed.collect();
    if removed.is_empty() {
        return;
    }
    let people = people(before, now);
    for (name, linked) in removed {
        let holders = people.iter().filter(|(_, person)| {
            let mut held = person.entitlements.keys();
            held.any(|key| key.resource == *name)
        });
        let holders: Vec<&str> = holders.map(|(user, _)| user.as_str()).collect();
        if holders.is_empty() {
            continue;
        }
        let (first, more) = holders.split_at(holders.len().min(NAMED));
        let more = match more.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        problems.push(
            Problem::new(
                Code::ResourceRemoved,
                &after.config.at,
                "/metadata.name",
                format!(
                    "resource `{name}` ({}) is taken out, and is held by {}{more}",
                    linked.at.file,
                    first.join(", ")
                ),
            )
            .help("take its grants out first; the resource goes when its maintainers have said that nobody holds it"),
        );
    }
}

/// A field that an unfolded request also sets is not edited below it (SEMANTICS 10). What a fold writes
/// is no edit: a request to come sets it again.
fn fold_first(
    name: &UserName,
    (old, new): (&Linked<UserSpec>, &Linked<UserSpec>),
    (before, after): (&Catalog, &Catalog),
    problems: &mut Vec<Problem>,
) {
    if old.spec == new.spec {
        return;
    }
    let (old_said, new_said) = (said(&old.spec), said(&new.spec));
    let folded = before.requests.iter().filter(|(request, linked)| {
        linked.spec.subject == *name && after.archived.contains_key(*request)
    });
    let folded: Vec<&RequestSpec> = folded.map(|(_, linked)| &*linked.spec).collect();
    let edited = |field: &String| {
        let said = (old_said.get(field), new_said.get(field));
        said.0 != said.1 && !writes(&folded, field, said)
    };
    let theirs = after.requests.iter();
    for (request, linked) in theirs.filter(|(_, r)| r.spec.subject == *name) {
        for field in sets(&linked.spec).into_iter().filter(edited) {
            let route = format!("={}", field.split('/').next().unwrap_or_default());
            problems.push(
                Problem::new(
                    Code::FoldFirst,
                    &new.at,
                    &route,
                    format!("`{field}` of `{name}` is edited, and request `{request}` sets it too"),
                )
                .help("run `countersign fold` first, or write a Change")
                .related(&linked.at, "action", "this request"),
            );
        }
    }
}

/// Whether folding these requests of a user makes this of a field.
fn writes(folded: &[&RequestSpec], field: &str, said: (Option<&Json>, Option<&Json>)) -> bool {
    let (old, new) = said;
    // What the directory holds is settled with every fold.
    let settles = matches!(field, "login" | "mail") && old.is_none_or(Json::is_null);
    folded.iter().any(|spec| {
        let set = serde_json::json!(spec.set);
        let renames = set.get("givenName").or(set.get("familyName")).is_some();
        match (spec.action, set.get(field)) {
            // Who comes back begins with nothing.
            (RequestAction::Activate, _) => true,
            (_, Some(value)) => new == Some(value),
            (_, None) => {
                settles
                    || renames && field == "displayName"
                    || sets(spec).iter().any(|set| set == field)
            }
        }
    })
}

/// Everything a user's manifest says, by field; access by resource.
fn said(spec: &UserSpec) -> BTreeMap<String, Json> {
    let mut said = BTreeMap::new();
    let json = serde_json::json!(spec);
    for (field, value) in json.as_object().into_iter().flatten() {
        match (field.as_str(), value) {
            ("answers" | "attributes", Json::Object(map)) => {
                said.extend(map.iter().map(|(k, v)| (format!("{field}/{k}"), v.clone())));
            }
            ("access", Json::Array(entries)) => {
                for entry in entries {
                    let mut entry = entry.clone();
                    if let Some(map) = entry.as_object_mut() {
                        map.remove("$line");
                    }
                    let resource = entry.get("resource").and_then(Json::as_str);
                    let key = format!("access/{}", resource.unwrap_or_default());
                    let list = said.entry(key).or_insert_with(|| Json::Array(Vec::new()));
                    if let Some(list) = list.as_array_mut() {
                        list.push(entry);
                    }
                }
            }
            _ => {
                said.insert(field.clone(), value.clone());
            }
        }
    }
    said
}

/// Every field of the user that a request sets, as [`said`] calls it.
fn sets(spec: &RequestSpec) -> Vec<String> {
    let mut sets = Vec::new();
    let set = spec.set.as_ref().map(|s| serde_json::json!(s));
    for (field, value) in set.as_ref().and_then(Json::as_object).into_iter().flatten() {
        match (field.as_str(), value) {
            ("attributes", Json::Object(map)) => {
                sets.extend(map.keys().map(|k| format!("attributes/{k}")));
            }
            _ => sets.push(field.clone()),
        }
    }
    sets.extend(spec.answers.keys().map(|k| format!("answers/{k}")));
    if spec.profiles.is_some() {
        sets.push("profiles".into());
    }
    if let Some(access) = &spec.access {
        let added = access.add.iter().map(|a| &a.resource);
        let removed = access.remove.iter().map(|m| &m.resource);
        sets.extend(added.chain(removed).map(|r| format!("access/{r}")));
    }
    match spec.action {
        RequestAction::Activate => {
            sets.extend(["state", "startDate", "endDate"].map(str::to_owned));
        }
        RequestAction::Suspend | RequestAction::Resume | RequestAction::Terminate => {
            sets.push("state".into());
        }
        RequestAction::Change => {}
    }
    sets
}

/// A request that is new and void: the termination was there before it was asked for.
fn void(before: &Catalog, after: &Catalog, problems: &mut Vec<Problem>) {
    let timeline = Timeline::new(after, &mut Vec::new());
    let is_new = |name: &RequestName| !before.requests.contains_key(name);
    for (subject, step) in timeline.all_steps() {
        if step.verdict != Verdict::Void || !is_new(step.name) {
            continue;
        }
        let was_to_leave = timeline.steps(subject).iter().any(|other| {
            other.request.spec.action == RequestAction::Terminate
                && other.verdict == Verdict::Applies
                && other.from <= step.from
                && !is_new(other.name)
        });
        let departure = after.users.get(subject);
        let departure = departure.and_then(|user| user.spec.departure.as_ref());
        let had_left = departure
            .is_some_and(|d| before.archived.contains_key(&d.request) || !is_new(&d.request));
        if was_to_leave || had_left {
            problems.push(
                Problem::new(
                    Code::RequestContradiction,
                    &step.request.at,
                    "subject",
                    format!("it was settled before this was asked for that `{subject}` leaves"),
                )
                .help("who comes back comes by an Activate"),
            );
        }
    }
}

/// A deprecated role is not given to somebody who did not have it (MODEL 15).
fn roles(before: &Catalog, after: &Catalog, now: Timestamp, problems: &mut Vec<Problem>) {
    let deprecated = after.roles.iter();
    let deprecated = deprecated.filter(|(_, r)| r.spec.deprecated.is_some());
    let deprecated: BTreeSet<&RoleName> = deprecated.map(|(name, _)| name).collect();
    if deprecated.is_empty() {
        return;
    }
    let had = holders(before, &deprecated, now);
    for (user, role) in holders(after, &deprecated, now).difference(&had) {
        let Some(linked) = after.roles.get(role) else {
            continue;
        };
        let instead = linked.spec.deprecated.as_ref();
        let instead = instead.and_then(|d| d.replacement.as_ref());
        let (at, route) = giver(after, user, role).unwrap_or((&linked.at, "deprecated"));
        problems.push(
            Problem::new(
                Code::DeprecatedGiven,
                at,
                route,
                format!("`{user}` would be given `{role}`, which is no longer given"),
            )
            .maybe_help(instead.map(|r| format!("give `{r}` instead")))
            .related(&linked.at, "deprecated", "deprecated here"),
        );
    }
}

/// Where a role is most likely given to a user: an identity or request that names it, else the user.
fn giver<'a>(
    catalog: &'a Catalog,
    user: &UserName,
    role: &RoleName,
) -> Option<(&'a Location, &'static str)> {
    let identities = catalog.identities.values();
    let mut identities = identities.filter(|i| i.spec.user == *user);
    let identity = identities.find(|i| i.spec.roles.iter().any(|r| r.given == *role));
    let requests = catalog.requests.values();
    let mut requests = requests.filter(|r| r.spec.subject == *user);
    let request = requests.find(|r| {
        let mut added = r.spec.identities.iter().flat_map(|c| &c.add);
        added.any(|i| i.roles.iter().any(|r| r.given == *role))
    });
    let declared = || catalog.users.get(user).map(|u| (&u.at, "/metadata.name"));
    identity
        .map(|i| (&i.at, "roles"))
        .or(request.map(|r| (&r.at, "identities.add")))
        .or_else(declared)
}

/// Who holds which of these roles at any instant from now on.
fn holders(
    catalog: &Catalog,
    roles: &BTreeSet<&RoleName>,
    now: Timestamp,
) -> BTreeSet<(UserName, RoleName)> {
    fn note<'p>(
        people: impl Iterator<Item = (&'p UserName, &'p std::sync::Arc<Person>)>,
        roles: &BTreeSet<&RoleName>,
        found: &mut BTreeSet<(UserName, RoleName)>,
    ) {
        for (name, person) in people {
            let held = person
                .entitlements
                .keys()
                .filter_map(|key| match &key.grant {
                    Grant::Role(role) if roles.contains(role) => Some(role.clone()),
                    Grant::Role(_) | Grant::Level(_) | Grant::Scope(..) => None,
                });
            found.extend(held.map(|role| (name.clone(), role)));
        }
    }
    let accounts = Accounts::default();
    let mut ignored = Vec::new();
    let timeline = Timeline::new(catalog, &mut ignored);
    let mut outlook = Outlook::new(catalog, &timeline, &accounts);
    let mut found = BTreeSet::new();
    outlook.at(now, &mut ignored);
    note(outlook.people().iter(), roles, &mut found);
    for instant in timeline.after(now) {
        let names = outlook.at(instant, &mut ignored).names;
        let people = names.iter();
        let people = people.filter_map(|n| outlook.people().get_key_value(n));
        note(people, roles, &mut found);
    }
    found
}
