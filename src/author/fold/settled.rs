//! A folded user → the manifests that say the same.

use crate::catalog::{Catalog, Linked};
use crate::desired::accounts::Accounts;
use crate::manifest::identity::GivenIdentity;
use crate::manifest::request::IdentityMatcher;
use crate::manifest::timed::Timed;
use crate::manifest::user::{ActivationRecord, DepartureRecord, LoginName};
use crate::manifest::{IdentitySpec, MailAddress, UserSpec, Without};
use crate::name::{IdentityName, UserName};
use crate::request::{FoldedUser, Taking, Timeline, fits};
use jiff::Timestamp;

/// The manifests of one user, as requests made them.
pub(super) struct Settled {
    pub user: UserSpec,
    pub identities: Vec<Identity>,
}

/// An identity, and the manifest that declares it already.
pub(super) struct Identity {
    pub declared: Option<IdentityName>,
    /// Whether requests took all of it: then there is no such identity any more.
    pub taken: bool,
    pub spec: IdentitySpec,
}

/// The manifests that say what a folded user is.
pub(super) fn of(
    catalog: &Catalog,
    accounts: &Accounts,
    name: &UserName,
    user: &FoldedUser,
) -> Settled {
    Settled {
        user: spec(accounts, name, user),
        identities: identities(catalog, name, user),
    }
}

fn spec(accounts: &Accounts, name: &UserName, folded: &FoldedUser) -> UserSpec {
    let mut spec = UserSpec::clone(&folded.spec);
    spec.profiles = folded.profiles.iter().map(|p| p.value.clone()).collect();
    spec.access = folded.access.iter().map(|a| a.value.clone()).collect();
    let without = folded.without.iter().map(|e| {
        let profiles = e.value.profiles.iter().flatten().cloned();
        Without {
            profiles: profiles.collect(),
            ..e.value.without.clone()
        }
    });
    spec.without = without.collect();
    spec.activation = folded.activated.as_ref().map(|a| ActivationRecord {
        at: super::moment(a.at),
        request: a.request.clone(),
    });
    spec.departure = folded.terminated.as_ref().map(|t| DepartureRecord {
        at: super::moment(t.at),
        reason: t.reason.clone(),
        request: t.request.clone(),
        urgent: t.urgent,
    });
    // What the directory holds is settled: no rule makes it anew.
    if let Some(known) = accounts.known.get(name) {
        let login = || LoginName(known.login.to_string());
        spec.login.get_or_insert_with(login);
        if spec.mail.is_none() {
            spec.mail = known.mail.as_ref().map(|m| MailAddress(m.to_string()));
        }
    }
    spec
}

fn identities(catalog: &Catalog, name: &UserName, user: &FoldedUser) -> Vec<Identity> {
    let mut found: Vec<Identity> = Vec::new();
    let declared = catalog.identities.iter();
    for (identity, Linked { spec, .. }) in declared.filter(|(_, i)| i.spec.user == *name) {
        let mut spec = IdentitySpec::clone(spec);
        let mut taken = false;
        for taking in &user.taken {
            taken |= match &taking.value {
                Taking::Declared => true,
                Taking::Matched { matcher, .. } => take(catalog, matcher, &mut spec),
            };
        }
        found.push(Identity {
            declared: Some(identity.clone()),
            taken,
            spec,
        });
    }
    for given in &user.identities {
        join(catalog, name, &given.value, &mut found);
    }
    found
}

/// Takes from an identity what a matcher names; whether that is all of it.
fn take(catalog: &Catalog, matcher: &IdentityMatcher, spec: &mut IdentitySpec) -> bool {
    let alias = spec.alias.as_deref();
    if !fits(catalog, matcher, &spec.resource, &spec.kind, alias) {
        return false;
    }
    if matcher.roles.is_empty() && matcher.scopes.is_empty() {
        return true;
    }
    spec.roles.retain(|r| !matcher.roles.contains(&r.given));
    for (scope, values) in &matcher.scopes {
        if let Some(given) = spec.scopes.get_mut(scope) {
            given.retain(|v| !values.contains(&v.given));
        }
    }
    // An empty list stays: without it nothing is given, which may be everything.
    false
}

/// Adds what a request gave to the identity of the same alias, or as one of its own.
fn join(catalog: &Catalog, user: &UserName, given: &GivenIdentity, found: &mut Vec<Identity>) {
    let matcher = IdentityMatcher {
        resource: given.resource.clone(),
        kind: None,
        alias: Some(alias(catalog, given)),
        roles: Vec::new(),
        scopes: Default::default(),
        line: given.line,
    };
    let same = |i: &&mut Identity| {
        let spec = &i.spec;
        // One that ends is not prolonged by what is given to it.
        let alike = !i.taken && spec.active && spec.until == given.until;
        alike
            && fits(
                catalog,
                &matcher,
                &spec.resource,
                &spec.kind,
                spec.alias.as_deref(),
            )
    };
    let Some(identity) = found.iter_mut().find(same) else {
        found.push(Identity {
            declared: None,
            taken: false,
            spec: IdentitySpec {
                display_name: None,
                user: user.clone(),
                resource: given.resource.clone(),
                kind: given.kind.clone(),
                alias: given.alias.clone(),
                roles: given.roles.clone(),
                scopes: given.scopes.clone(),
                active: true,
                default: given.default,
                until: given.until.clone(),
            },
        });
        return;
    };
    let spec = &mut identity.spec;
    spec.default |= given.default;
    add(&mut spec.roles, &given.roles);
    for (scope, values) in &given.scopes {
        add(spec.scopes.entry(scope.clone()).or_default(), values);
    }
}

fn add<T: Clone + PartialEq>(list: &mut Vec<Timed<T>>, more: &[Timed<T>]) {
    for value in more {
        // Given for good wins over given for a time.
        let there = list
            .iter()
            .any(|v| v.given == value.given && v.until.is_none());
        if !there && !list.contains(value) {
            list.retain(|v| v.given != value.given || value.until.is_some());
            list.push(value.clone());
        }
    }
}

fn alias(catalog: &Catalog, given: &GivenIdentity) -> String {
    let rules = catalog.resources.get(&given.resource);
    let rules = rules.and_then(|r| r.spec.identities.as_ref());
    let kind = rules.and_then(|r| r.types.iter().find(|k| k.name == given.kind));
    given
        .alias
        .clone()
        .or_else(|| kind.and_then(|k| k.display_name.clone()))
        .unwrap_or_else(|| given.kind.to_string())
}

/// Whether a profile gives something of what the subject's requests took of identities.
pub(super) fn of_profiles(
    catalog: &Catalog,
    timeline: &Timeline<'_>,
    subject: &UserName,
    count: usize,
    now: Timestamp,
) -> bool {
    let Some(user) = timeline.after_first(subject, count, now) else {
        return false;
    };
    user.taken.iter().any(|taking| match &taking.value {
        Taking::Declared => false,
        Taking::Matched { matcher, profiles } => profiles.iter().any(|profile| {
            let line = catalog.lineage(profile);
            let mut given = line.iter().flat_map(|(_, p)| &p.spec.identities);
            given.any(|i| fits(catalog, matcher, &i.resource, &i.kind, i.alias.as_deref()))
        }),
    })
}
