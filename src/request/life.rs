//! A user as declared → a user at an instant: layers put on one another, in order.

use super::layer::{change, taken_by};
use super::timeline::Step;
use super::{Assigned, Exception, FoldedUser, Origin, Taking};
use crate::catalog::{Catalog, Linked};
use crate::manifest::request::RequestAction;
use crate::manifest::user::UserState;
use crate::manifest::{Edge, RequestSpec, UserSpec};
use crate::name::{ProfileName, RequestName, UserName};
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The request that began a user's present time here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activated {
    /// The request.
    pub request: RequestName,
    /// From when on.
    pub at: Timestamp,
    /// Where it stands.
    pub origin: Origin,
}

/// The request that ended a user's time here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terminated {
    /// The request.
    pub request: RequestName,
    /// From when on.
    pub at: Timestamp,
    /// Its reason code.
    pub reason: Option<String>,
    /// Whether it cannot wait.
    pub urgent: bool,
    /// Where it stands.
    pub origin: Origin,
}

/// A user as the manifest declares them.
pub(super) fn declared(
    catalog: &Catalog,
    name: &UserName,
    linked: &Linked<UserSpec>,
) -> FoldedUser {
    let origin = Origin {
        text: format!("user {name}").into(),
        at: linked.at.clone(),
    };
    let spec = &linked.spec;
    let without = spec.without.iter().map(|without| Exception {
        profiles: (!without.profiles.is_empty())
            .then(|| without.profiles.iter().cloned().collect()),
        without: without.clone(),
        since: None,
    });
    let terminated = spec.departure.as_ref().and_then(|departure| {
        Some(Terminated {
            request: departure.request.clone(),
            // A moment that does not exist was reported when the catalog was linked.
            at: departure.at.resolve(&catalog.zone, Edge::Start).ok()?,
            reason: departure.reason.clone(),
            urgent: departure.urgent,
            origin: origin.clone(),
        })
    });
    let activated = spec.activation.as_ref().and_then(|activation| {
        Some(Activated {
            request: activation.request.clone(),
            at: activation.at.resolve(&catalog.zone, Edge::Start).ok()?,
            origin: origin.clone(),
        })
    });
    FoldedUser {
        profiles: assigned(spec.profiles.iter().cloned(), &origin, "profiles"),
        access: assigned(spec.access.iter().cloned(), &origin, "access"),
        without: assigned(without, &origin, "without"),
        activated,
        terminated,
        ..empty(origin, spec.clone())
    }
}

/// A user without anything assigned.
fn empty(declared: Origin, spec: Arc<UserSpec>) -> FoldedUser {
    FoldedUser {
        declared,
        spec,
        profiles: Vec::new(),
        kept: Vec::new(),
        access: Vec::new(),
        without: Vec::new(),
        identities: Vec::new(),
        taken: Vec::new(),
        activated: None,
        terminated: None,
        changed: Vec::new(),
    }
}

/// Everything of a list with its origin.
pub(super) fn assigned<T>(
    values: impl IntoIterator<Item = T>,
    origin: &Origin,
    route: &str,
) -> Vec<Assigned<T>> {
    let one = |(i, value)| Assigned {
        value,
        origin: origin.clone(),
        route: format!("{route}.{i}"),
    };
    values.into_iter().enumerate().map(one).collect()
}

/// Puts one request on the user it finds; none: nobody is declared yet.
pub(super) fn put(
    catalog: &Catalog,
    user: Option<FoldedUser>,
    step: &Step<'_>,
    now: Timestamp,
) -> Option<FoldedUser> {
    let Linked { at, spec, .. } = step.request;
    let origin = Origin {
        text: Arc::clone(&step.text),
        at: at.clone(),
    };
    let user = match spec.action {
        RequestAction::Activate => activate(user, step, spec, &origin)?,
        RequestAction::Terminate => leave(user?, step, spec, &origin),
        RequestAction::Suspend => state(user?, UserState::Suspended),
        RequestAction::Resume => state(user?, UserState::Active),
        RequestAction::Change => user?,
    };
    let mut user = match spec.action {
        RequestAction::Activate | RequestAction::Change => {
            change(catalog, user, step, spec, &origin, now)
        }
        RequestAction::Suspend | RequestAction::Resume | RequestAction::Terminate => user,
    };
    user.changed.insert(0, origin);
    Some(user)
}

fn state(mut user: FoldedUser, state: UserState) -> FoldedUser {
    Arc::make_mut(&mut user.spec).state = state;
    user
}

/// What a user is from an `Activate` on, before what it gives: new, or the person they were.
fn activate(
    user: Option<FoldedUser>,
    step: &Step<'_>,
    request: &RequestSpec,
    origin: &Origin,
) -> Option<FoldedUser> {
    let mut user = match user {
        Some(user) => again(user, origin),
        None => empty(origin.clone(), new(request)?.into()),
    };
    let spec = Arc::make_mut(&mut user.spec);
    spec.state = UserState::Active;
    spec.start_date = Some(request.effective.clone());
    spec.end_date = request.until.clone();
    if request.account.is_some() {
        spec.account.clone_from(&request.account);
    }
    user.activated = Some(Activated {
        request: step.name.clone(),
        at: step.from,
        origin: origin.clone(),
    });
    Some(user)
}

/// A person who comes back: who they are, and nothing that was assigned to them.
fn again(user: FoldedUser, origin: &Origin) -> FoldedUser {
    let FoldedUser {
        declared, mut spec, ..
    } = user;
    let own = Arc::make_mut(&mut spec);
    own.title = None;
    own.supervisor = None;
    own.ou = None;
    own.attributes.clear();
    own.associated.clear();
    FoldedUser {
        taken: vec![Assigned {
            value: Taking::Declared,
            origin: origin.clone(),
            route: "action".into(),
        }],
        ..empty(declared, spec)
    }
}

/// The fields of a user whom an `Activate` declares; none where type or organization is missing.
fn new(request: &RequestSpec) -> Option<UserSpec> {
    let set = request.set.as_ref()?;
    Some(UserSpec {
        display_name: None,
        given_name: None,
        middle_name: None,
        family_name: None,
        employee_number: None,
        kind: set.kind?,
        organization: set.organization.clone()?,
        associated: Vec::new(),
        title: None,
        supervisor: None,
        contact: None,
        notifications: true,
        state: UserState::Active,
        start_date: None,
        end_date: None,
        login: None,
        mail: None,
        ou: None,
        profiles: Vec::new(),
        access: Vec::new(),
        without: Vec::new(),
        attributes: Default::default(),
        answers: Default::default(),
        deputy: None,
        credentials: None,
        account: None,
        activation: None,
        departure: None,
    })
}

/// A user who has left: what they had is still said, and no longer held.
fn leave(
    mut user: FoldedUser,
    step: &Step<'_>,
    request: &RequestSpec,
    origin: &Origin,
) -> FoldedUser {
    Arc::make_mut(&mut user.spec).state = UserState::Left;
    user.terminated = Some(Terminated {
        request: step.name.clone(),
        at: step.from,
        reason: request.reason.clone(),
        urgent: request.urgent,
        origin: origin.clone(),
    });
    user
}

/// The profiles a user has, by themselves and by their organization.
pub(super) fn profiles(catalog: &Catalog, user: &FoldedUser) -> BTreeSet<ProfileName> {
    let own = user.profiles.iter().map(|p| p.value.clone());
    let line = catalog.ancestry(&user.spec.organization);
    let given = line.into_iter().flat_map(|(_, o)| &o.spec.profiles);
    let given = given.filter(|p| p.user_types.contains(&user.spec.kind));
    own.chain(given.map(|p| p.profile.clone())).collect()
}

/// Lets exceptions lapse whose profiles are no longer there (MODEL 10).
pub(super) fn lapse(catalog: &Catalog, user: &mut FoldedUser) {
    let bound = user.without.iter().any(|e| e.value.profiles.is_some()) || taken_by(user);
    if !bound {
        return;
    }
    let there = profiles(catalog, user);
    user.without
        .retain_mut(|exception| match &mut exception.value.profiles {
            None => true,
            Some(profiles) => {
                profiles.retain(|p| there.contains(p));
                !profiles.is_empty()
            }
        });
    for taking in &mut user.taken {
        match &mut taking.value {
            Taking::Matched { profiles, .. } => profiles.retain(|p| there.contains(p)),
            Taking::Declared => {}
        }
    }
}
