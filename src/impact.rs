//! Two desired states → what the difference means: people and access, not lines of YAML. Pure.

pub mod history;

use crate::desired::{Cause, Entitlement, EntitlementKey, Person};
use crate::manifest::user::UserState;
use crate::name::{ResourceName, UserName};
use crate::sorted::Sorted;
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What becomes otherwise for one user.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Impact {
    /// The user.
    pub user: UserName,
    /// The user's name as people read it.
    pub display_name: String,
    /// What becomes otherwise.
    pub what: What,
    /// Why; may be empty where something ends by itself and no request says so.
    pub causes: Vec<Cause>,
}

/// What becomes otherwise.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(
    rename_all = "camelCase",
    tag = "kind",
    rename_all_fields = "camelCase"
)]
pub enum What {
    /// The user leaves.
    Leaves {
        /// The reason code.
        reason: String,
        /// Whether it cannot wait.
        urgent: bool,
    },
    /// The account is made, disabled, ahead of the start.
    AccountMade {
        /// Its login name.
        login: String,
    },
    /// The user begins, for the first time or again.
    Begins,
    /// Leave of absence begins.
    Suspended,
    /// Leave of absence ends.
    Resumes,
    /// The user is called otherwise.
    Renamed {
        /// Until then.
        before: String,
        /// From then on.
        after: String,
    },
    /// The user reports to somebody else.
    Supervisor {
        /// Until then; none: to nobody.
        before: Option<UserName>,
        /// From then on; none: to nobody.
        after: Option<UserName>,
    },
    /// The account moves.
    Moves {
        /// Where it stood, outermost OU first.
        before: Vec<String>,
        /// Where it stands from then on.
        after: Vec<String>,
    },
    /// A field of the account changes.
    Field {
        /// The attribute.
        name: String,
        /// Its value until then; none: it had none.
        before: Option<String>,
        /// Its value from then on; none: it goes.
        after: Option<String>,
    },
    /// Access goes.
    Loses {
        /// What.
        entitlement: EntitlementKey,
        /// What the application calls it.
        label: String,
    },
    /// Access comes.
    Gains {
        /// What.
        entitlement: EntitlementKey,
        /// What the application calls it.
        label: String,
    },
    /// What is recorded with access changes.
    Updates {
        /// What.
        entitlement: EntitlementKey,
        /// What the application calls it.
        label: String,
        /// The fields that change.
        fields: Vec<String>,
    },
    /// What is held stays and cannot be signed in to for a leave of absence; only who is mailed is told.
    Disables {
        /// What.
        entitlement: EntitlementKey,
        /// What the application calls it.
        label: String,
    },
    /// After a leave of absence it can be signed in to again; only who is mailed is told.
    Enables {
        /// What.
        entitlement: EntitlementKey,
        /// What the application calls it.
        label: String,
    },
}

/// What two states are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Between {
    /// Two revisions, at one instant: a request that both have makes no difference.
    Revisions,
    /// Two instants of one revision: what a request says begins and ends with time.
    Instants,
}

/// What becomes otherwise for these users; sorted by user, then as [`What`] is ordered.
///
/// Fields of access that comes or goes with the user are not repeated.
pub fn compare<'p>(
    between: Between,
    directory: &ResourceName,
    before: &BTreeMap<UserName, Arc<Person>>,
    after: &BTreeMap<UserName, Arc<Person>>,
    names: impl IntoIterator<Item = &'p UserName>,
) -> Vec<Impact> {
    let names: BTreeSet<&UserName> = names.into_iter().collect();
    let names: Vec<&UserName> = names.into_iter().collect();
    names
        .into_par_iter()
        .flat_map_iter(|name| {
            one(
                (between, directory),
                before.get(name).map(AsRef::as_ref),
                after.get(name).map(AsRef::as_ref),
            )
        })
        .collect()
}

/// Where a user is in their time here, as far as others see it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Unknown,
    Away,
    Here,
    Left,
}

fn stage(person: Option<&Person>) -> Stage {
    match person {
        None => Stage::Unknown,
        Some(p) => match p.state {
            UserState::Active => Stage::Here,
            UserState::Suspended => Stage::Away,
            UserState::Left => Stage::Left,
        },
    }
}

fn one(
    (between, directory): (Between, &ResourceName),
    before: Option<&Person>,
    after: Option<&Person>,
) -> Vec<Impact> {
    let Some(person) = after.or(before) else {
        return Vec::new();
    };
    let mut found: Vec<(What, Vec<Cause>)> = Vec::new();
    let asked = asked(between, before, person);
    let phase = phase(before, after);
    let asked = match (between, &phase) {
        (Between::Instants, Some(what)) => asked.or_else(|| Some(of_itself(what, person))),
        (Between::Instants, None) | (Between::Revisions, _) => asked,
    };
    let why: Vec<Cause> = asked.iter().cloned().collect();
    found.extend(phase.map(|what| (what, why.clone())));
    if let (Some(old), Some(new)) = (before, after) {
        // Where no request is new, somebody said it otherwise than before, or what is said has an end.
        let said = asked.or_else(|| Some(new.declared.clone()));
        fields(old, new, said.as_slice(), &mut found);
    }
    let none = Sorted::default();
    access(
        held_of(before, &none),
        held_of(after, &none),
        (between, &why),
        &mut found,
    );
    // The account's fields are told already.
    found.retain(|(what, _)| match what {
        What::Updates { entitlement, .. } => entitlement.resource != *directory,
        What::Leaves { .. }
        | What::AccountMade { .. }
        | What::Begins
        | What::Suspended
        | What::Resumes
        | What::Renamed { .. }
        | What::Supervisor { .. }
        | What::Moves { .. }
        | What::Field { .. }
        | What::Loses { .. }
        | What::Gains { .. }
        | What::Disables { .. }
        | What::Enables { .. } => true,
    });
    found.sort();
    let display_name = person.display_name.clone();
    found
        .into_iter()
        .map(|(what, causes)| Impact {
            user: person.name.clone(),
            display_name: display_name.clone(),
            what,
            causes,
        })
        .collect()
}

/// What says that somebody's being here begins or ends, where that is no request.
fn of_itself(what: &What, person: &Person) -> Cause {
    let departure = person.departure.as_ref();
    let departure = departure.filter(|_| matches!(what, What::Leaves { .. }));
    departure.map_or_else(|| person.declared.clone(), |d| d.cause.clone())
}

/// The request that made a person what they were not before, or that time ended; none where none did.
fn asked(between: Between, before: Option<&Person>, person: &Person) -> Option<Cause> {
    let latest = person.because.first();
    match between {
        Between::Revisions => {
            let known = before.and_then(|before| before.because.first());
            latest.filter(|latest| known != Some(latest)).cloned()
        }
        Between::Instants => {
            let before = before.map_or(&[][..], |before| &before.because);
            let begun = person.because.iter().find(|cause| !before.contains(cause));
            let ended = || before.iter().find(|cause| !person.because.contains(cause));
            begun.or_else(ended).cloned()
        }
    }
}

fn held_of<'p>(
    person: Option<&'p Person>,
    none: &'p Sorted<EntitlementKey, Entitlement>,
) -> &'p Sorted<EntitlementKey, Entitlement> {
    person.map_or(none, |p| &p.entitlements)
}

/// What changes of a user's being here.
fn phase(before: Option<&Person>, after: Option<&Person>) -> Option<What> {
    let started = |p: Option<&Person>| p.is_some_and(|p| p.started.is_some());
    match (stage(before), stage(after)) {
        (Stage::Left, Stage::Left) | (Stage::Here, Stage::Here) => None,
        (_, Stage::Left) => {
            let departure = after?.departure.as_ref();
            Some(What::Leaves {
                reason: departure.map_or_else(|| "left".into(), |d| d.reason.clone()),
                urgent: departure.is_some_and(|d| d.urgent),
            })
        }
        (Stage::Unknown | Stage::Left, Stage::Here) => Some(What::Begins),
        // Somebody whose account was made ahead begins; somebody on leave resumes.
        (Stage::Away, Stage::Here) => match !started(before) && started(after) {
            true => Some(What::Begins),
            false => Some(What::Resumes),
        },
        (Stage::Here, Stage::Away) => Some(What::Suspended),
        (Stage::Unknown | Stage::Left | Stage::Away, Stage::Away) => {
            let login = |p: Option<&Person>| p?.account.as_ref().map(|a| a.login.clone());
            match (login(before), login(after)) {
                (None, Some(login)) => Some(What::AccountMade {
                    login: login.to_string(),
                }),
                _ => None,
            }
        }
        (_, Stage::Unknown) => None,
    }
}

fn fields(old: &Person, new: &Person, why: &[Cause], found: &mut Vec<(What, Vec<Cause>)>) {
    if old.display_name != new.display_name {
        let what = What::Renamed {
            before: old.display_name.clone(),
            after: new.display_name.clone(),
        };
        found.push((what, why.to_vec()));
    }
    if old.supervisor != new.supervisor && new.state != UserState::Left {
        let what = What::Supervisor {
            before: old.supervisor.clone(),
            after: new.supervisor.clone(),
        };
        found.push((what, why.to_vec()));
    }
    let (Some(before), Some(after)) = (&old.account, &new.account) else {
        return;
    };
    if before.ou != after.ou {
        let what = What::Moves {
            before: before.ou.to_vec(),
            after: after.ou.to_vec(),
        };
        found.push((what, why.to_vec()));
    }
    // Those who leave keep their attributes as they were.
    if new.state == UserState::Left {
        return;
    }
    if before.login != after.login {
        let what = What::Field {
            name: "sAMAccountName".into(),
            before: Some(before.login.to_string()),
            after: Some(after.login.to_string()),
        };
        found.push((what, why.to_vec()));
    }
    let keys: BTreeSet<_> = before
        .attributes
        .keys()
        .chain(after.attributes.keys())
        .collect();
    for key in keys {
        let text = |value: Option<&Arc<str>>| value.map(|v| v.to_string());
        let (before, after) = (
            text(before.attributes.get(key)),
            text(after.attributes.get(key)),
        );
        if before != after {
            let name = key.to_string();
            let what = What::Field {
                name,
                before,
                after,
            };
            found.push((what, why.to_vec()));
        }
    }
}

fn access(
    before: &Sorted<EntitlementKey, Entitlement>,
    after: &Sorted<EntitlementKey, Entitlement>,
    (between, why): (Between, &[Cause]),
    found: &mut Vec<(What, Vec<Cause>)>,
) {
    for (key, entitlement) in before {
        if !after.contains_key(key) {
            let what = What::Loses {
                entitlement: key.clone(),
                label: entitlement.label.to_string(),
            };
            let why = match (between, why) {
                // Whatever gave it says until when.
                (Between::Instants, []) => entitlement.causes.clone(),
                (Between::Instants | Between::Revisions, why) => why.to_vec(),
            };
            found.push((what, why));
        }
    }
    for (key, entitlement) in after {
        let label = entitlement.label.to_string();
        let entitled = || key.clone();
        match before.get(key) {
            None => {
                let what = What::Gains {
                    entitlement: entitled(),
                    label,
                };
                found.push((what, entitlement.causes.clone()));
            }
            Some(old) if old.fields != entitlement.fields => {
                let fields = old.fields.keys().chain(entitlement.fields.keys());
                let differ =
                    |f: &&crate::name::FieldName| old.fields.get(f) != entitlement.fields.get(f);
                let fields: BTreeSet<String> =
                    fields.filter(differ).map(ToString::to_string).collect();
                let what = What::Updates {
                    entitlement: entitled(),
                    label,
                    fields: fields.into_iter().collect(),
                };
                let why = match why.is_empty() {
                    true => entitlement.causes.clone(),
                    false => why.to_vec(),
                };
                found.push((what, why));
            }
            Some(_) => {}
        }
    }
}
