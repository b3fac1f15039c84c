//! Two catalogs → who may not approve the step from one to the other, and why (SEMANTICS 3): who asks
//! for it, whom it is about, and everybody who gains access by it, at whichever instant.

use super::People;
use super::office::Approval;
use crate::catalog::{Catalog, Linked};
use crate::desired::accounts::Accounts;
use crate::desired::expand::{Outlook, people};
use crate::desired::{EntitlementKey, Grant, Person};
use crate::manifest::user::UserState;
use crate::manifest::{RequestSpec, RoleSpec, ScopeSpec};
use crate::name::{RequestName, UserName};
use crate::request::Timeline;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Why somebody may not approve a step.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(
    rename_all = "camelCase",
    tag = "kind",
    rename_all_fields = "camelCase"
)]
pub enum Why {
    /// They signed, or are said to have written, more of it than edits of somebody else's request.
    Author {
        /// The commit.
        commit: String,
    },
    /// A request says that they ask for it.
    Requester {
        /// The request.
        request: RequestName,
    },
    /// It is about them.
    Subject {
        /// The file that says so.
        file: Arc<str>,
    },
    /// They gain access by it.
    Gains {
        /// What, as a plan calls it.
        what: String,
    },
}

impl Why {
    /// The reason in words.
    pub fn words(&self) -> String {
        match self {
            Self::Author { commit } => {
                format!("wrote {} of it", commit.get(..12).unwrap_or(commit))
            }
            Self::Requester { request } => format!("asks for it ({request})"),
            Self::Subject { file } => format!("is whom it is about ({file})"),
            Self::Gains { what } => format!("gains {what} by it"),
        }
    }
}

/// Who may not approve, each with every reason.
pub type Barred = BTreeMap<UserName, BTreeSet<Why>>;

/// What becomes otherwise for one user at one instant, as far as access goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// When it shows.
    pub instant: Timestamp,
    /// For whom.
    pub user: UserName,
    /// Entitlements that come.
    pub gained: BTreeSet<EntitlementKey>,
    /// Directory groups that come.
    pub joined: BTreeSet<String>,
    /// Entitlements that go.
    pub lost: BTreeSet<EntitlementKey>,
    /// Whether they go because the user has left by then.
    pub left: bool,
    /// Whether they work here then, and would not without it.
    pub back: bool,
    /// Whether what the user approves counts otherwise than before.
    pub approval: Option<Approval>,
}

/// Who may not approve the step at an instant; `differences` are those between the two.
pub fn barred(
    before: &Catalog,
    after: &Catalog,
    differences: &[Difference],
    now: Timestamp,
) -> Barred {
    let mut barred = Barred::new();
    let mut bar = |user: &UserName, why| {
        barred.entry(user.clone()).or_default().insert(why);
    };
    for (name, request) in touched(before, after) {
        let file = request.at.file.clone();
        let spec = &request.spec;
        let request = name.clone();
        bar(&spec.requested_by, Why::Requester { request });
        bar(&spec.subject, Why::Subject { file });
    }
    for (name, old, new) in pairs(&before.users, &after.users) {
        if otherwise(old, new)
            && let Some(linked) = new.or(old)
        {
            let file = linked.at.file.clone();
            bar(name, Why::Subject { file });
        }
    }
    for (_, old, new) in pairs(&before.identities, &after.identities) {
        if otherwise(old, new) {
            for linked in [old, new].into_iter().flatten() {
                let file = linked.at.file.clone();
                bar(&linked.spec.user, Why::Subject { file });
            }
        }
    }
    for difference in differences {
        if let Some(what) = difference.gains() {
            bar(&difference.user, Why::Gains { what });
        }
    }
    for (user, what) in meant_more(before, after, now) {
        bar(&user, Why::Gains { what });
    }
    barred
}

/// Whether a manifest says something else; its labels are for policies to read.
fn otherwise<S: PartialEq>(old: Option<&Linked<S>>, new: Option<&Linked<S>>) -> bool {
    old.map(|l| (&l.spec, &l.labels)) != new.map(|l| (&l.spec, &l.labels))
}

/// Whether what there was and is means something else to its application.
pub(super) fn mean_otherwise<S>(
    old: Option<&Linked<S>>,
    new: Option<&Linked<S>>,
    means_as: impl Fn(&S, &S) -> bool,
) -> bool {
    let both = old.zip(new);
    both.is_some_and(|(old, new)| !means_as(&old.spec, &new.spec))
}

/// Those who hold a role or a scope that comes to mean something else to its application.
fn meant_more(before: &Catalog, after: &Catalog, now: Timestamp) -> Vec<(UserName, String)> {
    let roles = pairs(&before.roles, &after.roles).into_iter();
    let roles = roles.filter(|(_, old, new)| mean_otherwise(*old, *new, RoleSpec::means_as));
    let roles = roles.map(|(name, ..)| name);
    let scopes = pairs(&before.scopes, &after.scopes).into_iter();
    let scopes = scopes.filter(|(_, old, new)| mean_otherwise(*old, *new, ScopeSpec::means_as));
    let scopes = scopes.filter_map(|(_, _, new)| Some(&new?.spec.resource));
    let (roles, scopes): (BTreeSet<_>, BTreeSet<_>) = (roles.collect(), scopes.collect());
    if roles.is_empty() && scopes.is_empty() {
        return Vec::new();
    }
    let people = people(after, now);
    let holders = people.into_iter().filter_map(|(user, person)| {
        // Who has no value of a scope is whom its `absent` is about.
        let concerned = |key: &&EntitlementKey| match &key.grant {
            Grant::Role(role) => roles.contains(role) || scopes.contains(&key.resource),
            Grant::Level(_) | Grant::Scope(..) => scopes.contains(&key.resource),
        };
        let key = person.entitlements.keys().find(concerned)?;
        Some((user, format!("another meaning of {key}")))
    });
    holders.collect()
}

/// Requests that are new, otherwise or gone, as they were and as they are. What a fold archives is the same
/// request; what comes into the archive or out of it in another way is not.
pub fn touched<'c>(
    before: &'c Catalog,
    after: &'c Catalog,
) -> Vec<(&'c RequestName, &'c Linked<RequestSpec>)> {
    let names = [before, after].map(|c| c.requests.keys().chain(c.archived.keys()));
    let names: BTreeSet<&RequestName> = names.into_iter().flatten().collect();
    let mut found = Vec::new();
    for name in names {
        let sides = [before, after].map(|c| (c.requests.get(name), c.archived.get(name)));
        let [old, new] = sides.map(|(live, archived)| live.or(archived));
        let folded = new.is_some_and(|new| after.has_folded(&new.spec));
        let kept = match sides.map(|(live, _)| live.is_some()) {
            [true, false] => folded,
            [false, true] => false,
            [true, true] | [false, false] => true,
        };
        if old.map(|l| &l.spec) != new.map(|l| &l.spec) || !kept {
            let both = [old, new].into_iter().flatten();
            found.extend(both.map(|linked| (name, linked)));
        }
    }
    found
}

/// What becomes otherwise, for everybody, at `now` and at each later instant that either names.
pub fn differences(before: &Catalog, after: &Catalog, now: Timestamp) -> Vec<Difference> {
    let accounts = Accounts::default();
    // What is wrong with either is told elsewhere.
    let mut ignored = Vec::new();
    let old_line = Timeline::new(before, &mut ignored);
    let new_line = Timeline::new(after, &mut ignored);
    let mut old = Outlook::new(before, &old_line, &accounts);
    let mut new = Outlook::new(after, &new_line, &accounts);
    old.at(now, &mut ignored);
    new.at(now, &mut ignored);
    let names = old.people().keys().chain(new.people().keys());
    let everybody: BTreeSet<UserName> = names.cloned().collect();
    let mut comparison = Comparison::default();
    comparison.look(now, &everybody, old.people(), new.people());
    let instants = old_line.after(now).chain(new_line.after(now));
    let instants: BTreeSet<Timestamp> = instants.collect();
    for instant in instants {
        ignored.clear();
        let mut names: BTreeSet<UserName> =
            old.at(instant, &mut ignored).names.into_iter().collect();
        names.extend(new.at(instant, &mut ignored).names);
        comparison.look(instant, &names, old.people(), new.people());
    }
    comparison.found
}

/// Two states, compared at one instant after the other.
#[derive(Default)]
pub(super) struct Comparison {
    /// What is told, in the order of instants.
    pub(super) found: Vec<Difference>,
    /// What was told last of each user.
    shown: BTreeMap<UserName, Difference>,
}

impl Comparison {
    /// Compares these people at one instant; what was told of an earlier one is not told again.
    pub(super) fn look<'n>(
        &mut self,
        instant: Timestamp,
        names: impl IntoIterator<Item = &'n UserName>,
        old: &People,
        new: &People,
    ) {
        for name in names {
            let (before, after) = (old.get(name), new.get(name));
            if before.is_some() && before == after {
                continue;
            }
            let keys = |p: Option<&Arc<Person>>| -> BTreeSet<EntitlementKey> {
                p.into_iter()
                    .flat_map(|p| p.entitlements.keys().cloned())
                    .collect()
            };
            let groups = |p: Option<&Arc<Person>>| -> BTreeSet<Arc<str>> {
                let accounts = p.into_iter().filter_map(|p| p.account.as_ref());
                accounts
                    .flat_map(|a| a.groups.values().map(|g| g.name.clone()))
                    .collect()
            };
            let difference = Difference {
                instant,
                user: name.clone(),
                gained: keys(after).difference(&keys(before)).cloned().collect(),
                joined: groups(after)
                    .difference(&groups(before))
                    .map(ToString::to_string)
                    .collect(),
                lost: keys(before).difference(&keys(after)).cloned().collect(),
                left: after.is_some_and(|p| p.state == UserState::Left),
                back: is_here(after) && !is_here(before),
                approval: Approval::between(before.map(AsRef::as_ref), after.map(AsRef::as_ref)),
            };
            let nothing = difference.gained.is_empty()
                && difference.joined.is_empty()
                && difference.lost.is_empty()
                && !difference.back
                && difference.approval.is_none();
            let same = self.shown.get(name).is_some_and(|s| difference.is_as(s));
            if !nothing && !same {
                self.found.push(difference.clone());
            }
            self.shown.insert(name.clone(), difference);
        }
    }
}

fn is_here(person: Option<&Arc<Person>>) -> bool {
    person.is_some_and(|p| p.state == UserState::Active)
}

impl Difference {
    /// What the user gains, in words: an entitlement, a group, or that they are here.
    pub fn gains(&self) -> Option<String> {
        let gained = self.gained.iter().map(ToString::to_string);
        let joined = self.joined.iter().map(|g| format!("group {g}"));
        let back = self.back.then(|| "access again".to_owned());
        gained.chain(joined).chain(back).next()
    }

    /// Whether another one says the same, if perhaps of another instant.
    fn is_as(&self, other: &Self) -> bool {
        let Self {
            instant: _,
            user,
            gained,
            joined,
            lost,
            left,
            back,
            approval,
        } = self;
        *user == other.user
            && *gained == other.gained
            && *joined == other.joined
            && *lost == other.lost
            && *left == other.left
            && *back == other.back
            && *approval == other.approval
    }
}

/// A name, and what stands under it before and after.
type Pair<'m, N, S> = (&'m N, Option<&'m Linked<S>>, Option<&'m Linked<S>>);

/// What stands under a name in one map, the other, or both.
pub(super) fn pairs<'m, N: Ord, S>(
    before: &'m BTreeMap<N, Linked<S>>,
    after: &'m BTreeMap<N, Linked<S>>,
) -> Vec<Pair<'m, N, S>> {
    let names: BTreeSet<&N> = before.keys().chain(after.keys()).collect();
    let names = names.into_iter();
    names
        .map(|name| (name, before.get(name), after.get(name)))
        .collect()
}
