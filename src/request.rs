//! Requests folded: the people of an instant, with what was assigned to each and by what.
//!
//! Decision: this version folds `Activate` requests that create a user. Any other request is an
//! error, because leaving a termination aside silently would leave a door open.

use crate::catalog::{Catalog, Linked, Problem};
use crate::diagnostic::Code;
use crate::manifest::identity::GivenIdentity;
use crate::manifest::parse::Location;
use crate::manifest::request::RequestAction;
use crate::manifest::user::UserState;
use crate::manifest::{Access, Edge, IdentitySpec, Line, Moment, RequestSpec, UserSpec};
use crate::name::{ProfileName, RequestName, UserName};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The people of an instant.
#[derive(Debug, Clone, Default)]
pub struct Folded {
    /// Every user declared by then, by name.
    pub people: BTreeMap<UserName, FoldedUser>,
    /// Instants after this one at which a manifest says that something changes; sorted.
    pub later: BTreeSet<Timestamp>,
}

/// One user at an instant.
#[derive(Debug, Clone)]
pub struct FoldedUser {
    /// The manifest that declares the user.
    pub declared: Origin,
    /// The user's own fields; what is assigned stands in the lists below instead.
    pub spec: UserSpec,
    /// Profiles.
    pub profiles: Vec<Assigned<ProfileName>>,
    /// Personal access.
    pub access: Vec<Assigned<Access>>,
    /// Identities that requests gave.
    pub identities: Vec<Assigned<GivenIdentity>>,
}

/// Something assigned to a user, and by what.
#[derive(Debug, Clone)]
pub struct Assigned<T> {
    /// What.
    pub value: T,
    /// By what.
    pub origin: Origin,
    /// The way to it in that manifest, dotted below `spec`.
    pub route: String,
}

/// A manifest that assigned something.
#[derive(Debug, Clone)]
pub struct Origin {
    /// In words: `user kim`, `request 2026-…`.
    pub text: Arc<str>,
    /// Where it stands.
    pub at: Location,
}

/// Folds every request effective at or before an instant, in order of instant, then name.
pub fn fold(catalog: &Catalog, now: Timestamp, problems: &mut Vec<Problem>) -> Folded {
    fold_where(catalog, now, &|_| true, problems)
}

/// The same for some users only. What is wrong with any request is reported all the same.
pub fn fold_where(
    catalog: &Catalog,
    now: Timestamp,
    wanted: &dyn Fn(&UserName) -> bool,
    problems: &mut Vec<Problem>,
) -> Folded {
    let mut folded = Folded::default();
    let users = catalog.users.iter().filter(|(name, _)| wanted(name));
    for (name, Linked { at, spec }) in users {
        let origin = Origin {
            text: format!("user {name}").into(),
            at: at.clone(),
        };
        folded
            .people
            .insert(name.clone(), of_manifest(origin, spec));
    }
    let mut requests: Vec<(Timestamp, &RequestName, &Linked<RequestSpec>)> = Vec::new();
    for (name, request) in &catalog.requests {
        // A moment that does not exist was reported when the catalog was linked.
        if let Ok(effective) = request.spec.effective.resolve(&catalog.zone, Edge::Start) {
            requests.push((effective, name, request));
        }
    }
    requests.sort_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)));
    let mut activated: BTreeMap<&UserName, &Location> = BTreeMap::new();
    for (effective, name, request) in requests {
        let Linked { at, spec } = request;
        if spec.action != RequestAction::Activate {
            problems.push(
                Problem::new(
                    Code::RequestUnsupported,
                    at,
                    "action",
                    format!(
                        "this version does not carry out `{}` requests yet",
                        spec.action.as_str()
                    ),
                )
                .help("change the user's manifest instead (`state: left` disables and strips)"),
            );
            continue;
        }
        if let Some(problem) = contradiction(catalog, request, activated.get(&spec.subject)) {
            problems.push(problem);
            continue;
        }
        activated.insert(&spec.subject, at);
        answers(catalog, request, problems);
        let origin = Origin {
            text: format!("request {name}").into(),
            at: at.clone(),
        };
        let Some(user) = of_request(origin, spec) else {
            problems.push(
                Problem::new(
                    Code::MissingField,
                    at,
                    "set",
                    "a request that creates a user says at least `type` and `organization`",
                )
                .help("add them under `set`"),
            );
            continue;
        };
        match effective <= now {
            true if wanted(&spec.subject) => {
                folded.people.insert(spec.subject.clone(), user);
            }
            true => {}
            false => {
                folded.later.insert(effective);
            }
        }
    }
    let instants = instants(catalog, &folded)
        .filter(|t| *t > now)
        .collect::<BTreeSet<_>>();
    folded.later.extend(instants);
    folded
}

fn contradiction(
    catalog: &Catalog,
    request: &Linked<RequestSpec>,
    earlier: Option<&&Location>,
) -> Option<Problem> {
    let Linked { at, spec } = request;
    if let Some(earlier) = earlier {
        return Some(
            Problem::new(
                Code::RequestContradiction,
                at,
                "subject",
                format!(
                    "`{}` is activated by an earlier request already",
                    spec.subject
                ),
            )
            .help("a second activation needs a termination in between")
            .related(earlier, "subject", "the earlier request"),
        );
    }
    let user = catalog.users.get(&spec.subject)?;
    Some(match user.spec.state {
        UserState::Active => Problem::new(
            Code::RequestContradiction,
            at,
            "subject",
            format!("`{}` is active already", spec.subject),
        )
        .help("for another person choose another name; for new access write a Change")
        .related(&user.at, "/metadata.name", "declared here"),
        UserState::Suspended | UserState::Left => Problem::new(
            Code::RequestUnsupported,
            at,
            "subject",
            "this version does not carry out rehires by request yet",
        )
        .help("set `state: active` in the user's manifest instead")
        .related(&user.at, "state", "the user"),
    })
}

/// Required questions of the profiles that a request attaches must be answered in it.
fn answers(catalog: &Catalog, request: &Linked<RequestSpec>, problems: &mut Vec<Problem>) {
    let Linked { at, spec } = request;
    let attached = spec
        .profiles
        .iter()
        .flat_map(|p| p.add.iter().chain(p.replace.iter().flatten()));
    let mut known = BTreeSet::new();
    for profile in attached {
        for (name, linked) in catalog.lineage(profile) {
            for question in &linked.spec.questions {
                let first = known.insert(question.key.clone());
                if first && question.required && !spec.answers.contains_key(&question.key) {
                    problems.push(
                        Problem::new(
                            Code::AnswerMissing,
                            at,
                            "=answers",
                            format!("`{}` must be answered: {}", question.key, question.label),
                        )
                        .help(format!("add `{}: …` under `answers`", question.key))
                        .related(
                            &linked.at,
                            "questions",
                            format!("asked by profile `{name}`"),
                        ),
                    );
                }
            }
        }
    }
}

fn of_manifest(origin: Origin, spec: &UserSpec) -> FoldedUser {
    let mut spec = spec.clone();
    let profiles = std::mem::take(&mut spec.profiles);
    let access = std::mem::take(&mut spec.access);
    FoldedUser {
        profiles: assigned(profiles, &origin, "profiles"),
        access: assigned(access, &origin, "access"),
        identities: Vec::new(),
        declared: origin,
        spec,
    }
}

fn assigned<T>(values: Vec<T>, origin: &Origin, route: &str) -> Vec<Assigned<T>> {
    let one = |(i, value)| Assigned {
        value,
        origin: origin.clone(),
        route: format!("{route}.{i}"),
    };
    values.into_iter().enumerate().map(one).collect()
}

/// The user that an `Activate` request declares; none where type or organization is missing.
fn of_request(origin: Origin, request: &RequestSpec) -> Option<FoldedUser> {
    let set = request.set.clone()?;
    let spec = UserSpec {
        display_name: set.display_name,
        given_name: set.given_name,
        middle_name: set.middle_name,
        family_name: set.family_name,
        employee_number: set.employee_number,
        kind: set.kind?,
        organization: set.organization?,
        associated: Vec::new(),
        title: set.title,
        supervisor: set.supervisor,
        contact: set.contact,
        notifications: set.notifications.unwrap_or(true),
        state: UserState::Active,
        start_date: Some(request.effective.clone()),
        end_date: request.until.clone(),
        login: set.login,
        mail: set.mail,
        ou: set.ou,
        profiles: Vec::new(),
        access: Vec::new(),
        without: Vec::new(),
        attributes: set.attributes,
        answers: request.answers.clone(),
        credentials: None,
        account: request.account.clone(),
    };
    let profiles = request.profiles.clone().unwrap_or_default();
    let profiles = profiles.replace.unwrap_or(profiles.add);
    let access = request.access.clone().unwrap_or_default().add;
    let identities = request.identities.clone().unwrap_or_default().add;
    Some(FoldedUser {
        profiles: assigned(profiles, &origin, "profiles.add"),
        access: assigned(access, &origin, "access.add"),
        identities: assigned(identities, &origin, "identities.add"),
        declared: origin,
        spec,
    })
}

/// Users for whom something begins or ends by itself after one instant and until another; none
/// where that is so for everybody who has a profile.
pub fn touched(
    catalog: &Catalog,
    folded: &Folded,
    after: Timestamp,
    until: Timestamp,
) -> Option<BTreeSet<UserName>> {
    let within = |(moment, edge): (&Moment, Edge)| {
        let instant = moment.resolve(&catalog.zone, edge);
        instant.is_ok_and(|instant| after < instant && instant <= until)
    };
    if of_profiles(catalog).any(within) {
        return None;
    }
    let people = folded.people.iter();
    let people = people.filter(|(_, user)| of_user(user).any(within));
    let identities = catalog.identities.values();
    let identities = identities.filter(|i| of_identity(&i.spec).any(within));
    let requests = catalog.requests.values();
    let requests = requests.filter(|r| {
        let end = r.spec.until.iter().map(|m| (m, Edge::End));
        let grants = r.spec.access.iter().flat_map(|a| &a.add);
        let grants = grants.filter_map(|a| a.until.as_ref());
        std::iter::once((&r.spec.effective, Edge::Start))
            .chain(end)
            .chain(grants.map(|m| (m, Edge::End)))
            .any(within)
    });
    let people = people.map(|(name, _)| name);
    let identities = identities.map(|i| &i.spec.user);
    let requests = requests.map(|r| &r.spec.subject);
    Some(people.chain(identities).chain(requests).cloned().collect())
}

/// Instants at which grants, identities and users begin or end by themselves.
fn instants<'a>(catalog: &'a Catalog, folded: &'a Folded) -> impl Iterator<Item = Timestamp> + 'a {
    let identities = catalog.identities.values();
    folded
        .people
        .values()
        .flat_map(of_user)
        .chain(of_profiles(catalog))
        .chain(identities.flat_map(|i| of_identity(&i.spec)))
        .filter_map(|(moment, edge)| moment.resolve(&catalog.zone, edge).ok())
}

fn of_user(user: &FoldedUser) -> impl Iterator<Item = (&Moment, Edge)> {
    let start = user.spec.start_date.iter().map(|m| (m, Edge::Start));
    let end = user.spec.end_date.iter().map(|m| (m, Edge::End));
    let grants = user.access.iter().filter_map(|a| a.value.until.as_ref());
    start.chain(end).chain(grants.map(|m| (m, Edge::End)))
}

fn of_profiles(catalog: &Catalog) -> impl Iterator<Item = (&Moment, Edge)> {
    let profiles = catalog.profiles.values().flat_map(|p| &p.spec.access);
    profiles
        .filter_map(|a| a.until.as_ref())
        .map(|m| (m, Edge::End))
}

fn of_identity(identity: &IdentitySpec) -> impl Iterator<Item = (&Moment, Edge)> {
    identity.until.iter().map(|m| (m, Edge::End))
}

impl Origin {
    /// The line of something in that manifest, or of its name.
    pub fn line(&self, line: Line) -> u32 {
        match line.0 {
            0 => self.at.line,
            line => line,
        }
    }
}
