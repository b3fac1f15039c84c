//! Two catalogs → who may not approve the step from one to the other, and why (SEMANTICS 3): who asks
//! for it, whom it is about, and everybody who gains access by it, at whichever instant.

use super::People;
use super::office::Approval;
use crate::catalog::{Catalog, Linked};
use crate::desired::accounts::Accounts;
use crate::desired::expand::Outlook;
use crate::desired::{EntitlementKey, Person};
use crate::manifest::RequestSpec;
use crate::manifest::user::UserState;
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
    /// Whether what the user approves counts otherwise than before.
    pub approval: Option<Approval>,
}

/// Who may not approve the step; `differences` are those between the two.
pub fn barred(before: &Catalog, after: &Catalog, differences: &[Difference]) -> Barred {
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
        if old.map(|l| &l.spec) != new.map(|l| &l.spec)
            && let Some(linked) = new.or(old)
        {
            let file = linked.at.file.clone();
            bar(name, Why::Subject { file });
        }
    }
    for (_, old, new) in pairs(&before.identities, &after.identities) {
        if old.map(|l| &l.spec) != new.map(|l| &l.spec) {
            for linked in [old, new].into_iter().flatten() {
                let file = linked.at.file.clone();
                bar(&linked.spec.user, Why::Subject { file });
            }
        }
    }
    for difference in differences {
        let gained = difference.gained.iter().map(ToString::to_string);
        let joined = difference.joined.iter().map(|g| format!("group {g}"));
        if let Some(what) = gained.chain(joined).next() {
            bar(&difference.user, Why::Gains { what });
        }
    }
    barred
}

/// Requests that are new, otherwise or gone, as they are now, else as they were; an archived one is the
/// same request.
pub fn touched<'c>(
    before: &'c Catalog,
    after: &'c Catalog,
) -> Vec<(&'c RequestName, &'c Linked<RequestSpec>)> {
    let all = |catalog: &'c Catalog| {
        let live = catalog.requests.iter();
        live.chain(&catalog.archived).collect::<BTreeMap<_, _>>()
    };
    let (old, new) = (all(before), all(after));
    let names: BTreeSet<&RequestName> = old.keys().chain(new.keys()).copied().collect();
    let mut found = Vec::new();
    for name in names {
        let (old, new) = (old.get(name).copied(), new.get(name).copied());
        if old.map(|l| &l.spec) != new.map(|l| &l.spec) {
            found.extend(new.or(old).map(|linked| (name, linked)));
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
            let groups = |p: Option<&Arc<Person>>| -> BTreeSet<String> {
                let accounts = p.into_iter().filter_map(|p| p.account.as_ref());
                accounts
                    .flat_map(|a| a.groups.values().map(|g| g.name.clone()))
                    .collect()
            };
            let difference = Difference {
                instant,
                user: name.clone(),
                gained: keys(after).difference(&keys(before)).cloned().collect(),
                joined: groups(after).difference(&groups(before)).cloned().collect(),
                lost: keys(before).difference(&keys(after)).cloned().collect(),
                left: after.is_some_and(|p| p.state == UserState::Left),
                approval: Approval::between(before.map(AsRef::as_ref), after.map(AsRef::as_ref)),
            };
            let nothing = difference.gained.is_empty()
                && difference.joined.is_empty()
                && difference.lost.is_empty()
                && difference.approval.is_none();
            let same = self.shown.get(name).is_some_and(|s| difference.is_as(s));
            if !nothing && !same {
                self.found.push(difference.clone());
            }
            self.shown.insert(name.clone(), difference);
        }
    }
}

impl Difference {
    /// Whether another one says the same, if perhaps of another instant.
    fn is_as(&self, other: &Self) -> bool {
        let Self {
            instant: _,
            user,
            gained,
            joined,
            lost,
            left,
            approval,
        } = self;
        *user == other.user
            && *gained == other.gained
            && *joined == other.joined
            && *lost == other.lost
            && *left == other.left
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
