//! What becomes otherwise → changes of who has a level that only administrators may ask for (MODEL 13),
//! and who asks for them without being one.
//!
//! Decision: what counts is who has the level with the step and would not without it, or the other way
//! round, at any instant and by whatever way: own access, a profile, an organization, a level that
//! includes it, a request that is taken out.
//!
//! Decision: whoever leaves loses everything, and that anybody may ask for. Otherwise an urgent leaver
//! would wait for an administrator, and of three administrators none could be dismissed: of the other two
//! one would ask, and two have to approve.

use super::barred::{Difference, touched};
use crate::catalog::Catalog;
use crate::desired::expand::COUNTERSIGN;
use crate::desired::{EntitlementKey, Grant};
use crate::manifest::resource::ChangedBy;
use crate::name::{LevelName, ResourceName, UserName};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// A change of who has a level that only administrators may ask for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Reserved {
    /// The resource.
    pub resource: ResourceName,
    /// The level.
    pub level: LevelName,
    /// Whether it comes or goes.
    pub turn: Turn,
    /// For whom; never empty.
    pub users: BTreeSet<UserName>,
}

/// Whether a level comes or goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Turn {
    /// It comes.
    Gains,
    /// It goes.
    Loses,
}

/// Somebody who stands behind a step, by name where that is known, and in which way.
pub type Askers = BTreeMap<Option<UserName>, String>;

impl Reserved {
    /// The change in words.
    pub fn words(&self) -> String {
        let Self {
            resource,
            level,
            turn,
            users,
        } = self;
        let first = users.first().map_or("", UserName::as_str);
        let who = match users.len() {
            0 | 1 => first.to_owned(),
            all => format!("{first} and {} more", all - 1),
        };
        let verb = match (turn, users.len()) {
            (Turn::Gains, 0 | 1) => "gains",
            (Turn::Gains, _) => "gain",
            (Turn::Loses, 0 | 1) => "loses",
            (Turn::Loses, _) => "lose",
        };
        format!(
            "{who} {verb} level {level} of {resource}, which only administrators of {COUNTERSIGN} may ask for (`changedBy`)"
        )
    }
}

impl Reserved {
    /// The change in words, and who asks for it in which way and may not.
    pub fn asked_by(&self, user: &UserName, how: &str) -> String {
        format!("{}, and {user}, who {how}, is none", self.words())
    }
}

/// Such changes, sorted; levels that either catalog reserves.
pub fn reserved(before: &Catalog, after: &Catalog, differences: &[Difference]) -> Vec<Reserved> {
    let mut found: BTreeMap<(&ResourceName, &LevelName, Turn), BTreeSet<UserName>> =
        BTreeMap::new();
    for difference in differences {
        let gained = difference.gained.iter().map(|key| (key, Turn::Gains));
        let lost = difference.lost.iter().filter(|_| !difference.left);
        for (key, turn) in gained.chain(lost.map(|key| (key, Turn::Loses))) {
            let Some(level) = level(key) else {
                continue;
            };
            if [before, after].iter().any(|c| is_reserved(c, key, level)) {
                let users = found.entry((&key.resource, level, turn)).or_default();
                users.insert(difference.user.clone());
            }
        }
    }
    let each = found.into_iter();
    each.map(|((resource, level, turn), users)| Reserved {
        resource: resource.clone(),
        level: level.clone(),
        turn,
        users,
    })
    .collect()
}

fn level(key: &EntitlementKey) -> Option<&LevelName> {
    match &key.grant {
        Grant::Level(level) => Some(level),
        Grant::Role(_) | Grant::Scope(..) => None,
    }
}

fn is_reserved(catalog: &Catalog, key: &EntitlementKey, level: &LevelName) -> bool {
    let resource = catalog.resources.get(&key.resource);
    let mut levels = resource.iter().flat_map(|r| &r.spec.levels);
    levels.any(|l| match l.changed_by {
        Some(ChangedBy::Administrators) => l.name == *level,
        None => false,
    })
}

/// Whom the requests of a step name.
pub fn requesters(before: &Catalog, after: &Catalog) -> Askers {
    let mut askers = Askers::new();
    for (name, _) in touched(before, after) {
        // One that is taken out is nobody's wish any more.
        if let Some(request) = after.requests.get(name) {
            let how = format!("asks for it (request {name})");
            let user = request.spec.requested_by.clone();
            askers.entry(Some(user)).or_insert(how);
        }
    }
    askers
}

/// Those who ask and are no administrators, or nobody knows who they are.
pub fn outsiders<'a>(
    askers: &'a Askers,
    administrators: &BTreeSet<UserName>,
) -> Vec<(Option<&'a UserName>, &'a str)> {
    let outside = askers.iter().filter(|(user, _)| match user {
        Some(user) => !administrators.contains(user),
        None => true,
    });
    outside
        .map(|(user, how)| (user.as_ref(), how.as_str()))
        .collect()
}

/// What is said of such a change of a pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reservation {
    /// The change.
    pub change: Reserved,
    /// Who asks for it and is no administrator; none: nobody says who asks.
    pub by: Option<UserName>,
    /// What it comes to, in a sentence.
    pub message: String,
}

/// Such changes of a pull request that whoever opens it may not ask for, or of which nobody says who
/// does. Who administers is looked up only where there are any: everybody is looked at for it.
pub fn reservations(
    (before, after): (&Catalog, &Catalog),
    differences: &[Difference],
    actor: Option<&UserName>,
    administrators: impl FnOnce() -> BTreeSet<UserName>,
) -> Vec<Reservation> {
    let changes = reserved(before, after, differences);
    if changes.is_empty() {
        return Vec::new();
    }
    let mut askers = requesters(before, after);
    if let Some(actor) = actor {
        let asks = || "asks for it".to_owned();
        askers.entry(Some(actor.clone())).or_insert_with(asks);
    }
    // Everybody who asks here is named.
    let mut outsiders = outsiders(&askers, &administrators()).into_iter();
    let outsider = outsiders.find_map(|(by, how)| Some((by?, how)));
    let mut found = Vec::new();
    for change in changes {
        let (by, message) = match (outsider, actor) {
            (Some((by, how)), _) => (Some(by.clone()), change.asked_by(by, how)),
            (None, None) => (None, change.words()),
            (None, Some(_)) => continue,
        };
        found.push(Reservation {
            change,
            by,
            message,
        });
    }
    found
}
