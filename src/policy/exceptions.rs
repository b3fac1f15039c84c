//! What a policy lets pass all the same, for a time and a reason.

use super::Policy;
use crate::catalog::{Catalog, Problem};
use crate::diagnostic::{Code, Severity};
use crate::manifest::Edge;
use crate::manifest::policy::{PolicyException, PolicyStage};
use crate::name::{PolicyName, ResourceName, UserName};
use jiff::Timestamp;
use std::collections::BTreeSet;

/// Exceptions by policy and number.
pub type Used = BTreeSet<(PolicyName, usize)>;

/// An exception that fits.
pub struct Fit<'a> {
    /// Which of the policy's.
    pub index: usize,
    /// The exception.
    pub exception: &'a PolicyException,
    /// Whether it has ended by then.
    pub ended: bool,
}

/// Whether an exception has ended at an instant. One whose end cannot be told has.
fn has_ended(exception: &PolicyException, catalog: &Catalog, now: Timestamp) -> bool {
    let end = exception.until.resolve(&catalog.zone, Edge::End);
    end.is_ok_and(|end| end <= now) || exception.until.resolve(&catalog.zone, Edge::End).is_err()
}

/// The exception that fits a user and a resource: one in force before one that has ended.
pub fn fit<'a>(
    policy: &Policy<'a>,
    user: Option<&UserName>,
    resource: Option<&ResourceName>,
    catalog: &Catalog,
    now: Timestamp,
) -> Option<Fit<'a>> {
    let each = policy.linked.spec.exceptions.iter().enumerate();
    let fits = each.filter(|(_, e)| {
        let of_user = e.user.as_ref().is_none_or(|wanted| Some(wanted) == user);
        let of_resource = e
            .resource
            .as_ref()
            .is_none_or(|wanted| Some(wanted) == resource);
        // One that says neither would let everything pass; the schema has none.
        of_user && of_resource && (e.user.is_some() || e.resource.is_some())
    });
    let fits = fits.map(|(index, exception)| Fit {
        index,
        exception,
        ended: has_ended(exception, catalog, now),
    });
    fits.min_by_key(|fit| fit.ended)
}

/// Reports exceptions that have ended, and those of states that let nothing pass.
pub fn check(
    policies: &super::Policies<'_>,
    catalog: &Catalog,
    used: &Used,
    now: Timestamp,
    problems: &mut Vec<Problem>,
) {
    for policy in &policies.list {
        for (index, exception) in policy.linked.spec.exceptions.iter().enumerate() {
            let ended = has_ended(exception, catalog, now);
            let unused = policy.linked.spec.stage == PolicyStage::State
                && !used.contains(&(policy.name.clone(), index));
            let (message, help) = match (ended, unused) {
                (true, _) => (
                    format!("the exception has ended: {}", exception.until.0),
                    "delete it, or move its end if what it let pass must still be",
                ),
                (false, true) => (
                    "the exception matches nothing".to_owned(),
                    "delete it; nothing it names goes against this policy",
                ),
                (false, false) => continue,
            };
            let route = format!("exceptions.{index}");
            let mut problem =
                Problem::new(Code::PolicyException, &policy.linked.at, &route, message).help(help);
            problem.severity = Some(Severity::Warning);
            problems.push(problem);
        }
    }
}
