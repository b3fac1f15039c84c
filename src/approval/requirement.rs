//! What a step from one revision to the next needs, and whether those who approved it are enough.
//! Every module of evidence is counted and barred by this one rule. Pure.

use crate::catalog::Catalog;
use crate::desired::expand::{COUNTERSIGN, people};
use crate::manifest::config::ApprovalRules;
use crate::manifest::user::UserState;
use crate::name::UserName;
pub use crate::plan::Approver;
use crate::proposal::barred::{Barred, Why};
use crate::proposal::control::ControlChange;
use crate::proposal::office::approves;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Approvers of an ordinary change, where the configuration does not say.
const ORDINARY: u32 = 1;

/// Fewest approvers of a change of control, whatever the configuration says (SEMANTICS 4).
const CONTROL: u32 = 2;

/// Fewest approvers of what nobody provably asked for (SEMANTICS 3).
pub const UNPROVEN: u32 = 2;

/// What a policy asks for because of a step.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Demand {
    /// The policy.
    pub policy: String,
    /// So many approvers; none: the step may not be.
    pub approvals: Option<u32>,
    /// What the policy says.
    pub message: String,
}

/// Why a step needs so many approvers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Need {
    /// So many.
    pub approvals: u32,
    /// Because of what.
    pub because: String,
}

/// What a step needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Requirement {
    /// How many approvers, and why; the most of them holds. Never empty.
    pub needs: Vec<Need>,
    /// Changes of who controls what.
    pub control: Vec<ControlChange>,
    /// Who may approve at all, by the rules of the revision before.
    pub approvers: BTreeSet<UserName>,
    /// Who may not approve this step, and why.
    pub barred: Barred,
    /// Policies that forbid it.
    pub denied: Vec<Demand>,
}

/// Those who approved, told apart.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Count {
    /// Approvals that count; one a user.
    pub counted: Vec<Approver>,
    /// Approvals that do not, and why.
    pub dismissed: Vec<Dismissed>,
}

/// An approval that does not count.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Dismissed {
    /// Whose.
    pub approver: Approver,
    /// Why not.
    pub why: String,
}

impl Requirement {
    /// What a step needs by the rules of the revision before it; those of the new one where they ask
    /// for more.
    pub fn new(
        rules: &Catalog,
        after: &Catalog,
        approvers: BTreeSet<UserName>,
        control: Vec<ControlChange>,
        barred: Barred,
    ) -> Self {
        let mut needs = vec![Need {
            approvals: told(rules).ordinary.max(told(after).ordinary),
            because: "every change".into(),
        }];
        if let Some(first) = control.first() {
            let more = match control.len() - 1 {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            needs.push(Need {
                approvals: of_control(rules, after),
                because: format!(
                    "it changes who controls what: {} ({}:{}){more}",
                    first.words, first.file, first.line
                ),
            });
        }
        Self {
            needs,
            control,
            approvers,
            barred,
            denied: Vec::new(),
        }
    }

    /// Adds what policies ask for.
    pub fn ask(&mut self, demands: impl IntoIterator<Item = Demand>) {
        for demand in demands {
            match demand.approvals {
                Some(approvals) => {
                    let because = format!("policy {}: {}", demand.policy, demand.message);
                    self.need(approvals, because);
                }
                None => self.denied.push(demand),
            }
        }
    }

    /// Asks for so many approvers besides.
    pub fn need(&mut self, approvals: u32, because: impl Into<String>) {
        let because = because.into();
        self.needs.push(Need { approvals, because });
    }

    /// Keeps a user from approving.
    pub fn bar(&mut self, user: &UserName, why: Why) {
        self.barred.entry(user.clone()).or_default().insert(why);
    }

    /// How many approvers it needs.
    pub fn needed(&self) -> u32 {
        self.needs
            .iter()
            .map(|n| n.approvals)
            .max()
            .unwrap_or(ORDINARY)
    }

    /// Why it needs so many.
    pub fn because(&self) -> &str {
        let most = self.needed();
        let need = self.needs.iter().find(|n| n.approvals == most);
        need.map_or("", |n| &n.because)
    }

    /// Who could approve it.
    pub fn eligible(&self) -> BTreeSet<UserName> {
        let free = self.approvers.iter();
        let free = free.filter(|user| !self.barred.contains_key(*user));
        free.cloned().collect()
    }

    /// Tells approvals that count from those that do not.
    pub fn count(&self, approvers: impl IntoIterator<Item = Approver>) -> Count {
        let mut counted: BTreeMap<UserName, Approver> = BTreeMap::new();
        let mut dismissed = BTreeSet::new();
        for approver in approvers {
            let why = if let Some(why) = self.barred.get(&approver.user) {
                let words: Vec<String> = why.iter().map(Why::words).collect();
                format!("{} {}", approver.user, words.join(", "))
            } else if !self.approvers.contains(&approver.user) {
                format!(
                    "{} is not an administrator of {COUNTERSIGN} by the revision before, at this instant",
                    approver.user
                )
            } else {
                counted.entry(approver.user.clone()).or_insert(approver);
                continue;
            };
            dismissed.insert(Dismissed { approver, why });
        }
        Count {
            counted: counted.into_values().collect(),
            dismissed: dismissed.into_iter().collect(),
        }
    }

    /// How many approvals are missing still.
    pub fn missing(&self, count: &Count) -> u32 {
        let counted = u32::try_from(count.counted.len()).unwrap_or(u32::MAX);
        self.needed().saturating_sub(counted)
    }
}

/// How many approvers a change of control needs, by the rules of before and those of the new revision.
pub fn of_control(rules: &Catalog, after: &Catalog) -> u32 {
    let said = told(rules).control.max(told(after).control);
    said.max(CONTROL)
}

fn told(catalog: &Catalog) -> ApprovalRules {
    let said = catalog.config.spec.approval;
    said.unwrap_or(ApprovalRules {
        ordinary: ORDINARY,
        control: CONTROL,
    })
}

/// Who is here and who approves, at an instant: never at a commit's own date.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Present {
    /// Everybody who works here.
    pub active: BTreeSet<UserName>,
    /// Holders of the level `administrator` of `countersign` among them.
    pub approvers: BTreeSet<UserName>,
}

/// Who is here and who approves by a revision, at an instant.
pub fn present(catalog: &Catalog, now: Timestamp) -> Present {
    let people = people(catalog, now);
    let active = people.iter().filter(|(_, p)| p.state == UserState::Active);
    let mut present = Present::default();
    for (name, person) in active {
        present.active.insert(name.clone());
        if approves(person) {
            present.approvers.insert(name.clone());
        }
    }
    present
}
