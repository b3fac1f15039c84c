//! Policies asked: of a state, and of what a pull request changes.

use super::exceptions::{Used, fit};
use super::rule::{Rule, Scope};
use super::shape::{self, Type};
use super::value::{Record, Value};
use super::world::{Folded, Lens, grant};
use super::{Policies, Policy};
use crate::catalog::Problem;
use crate::desired::{Entitlement, EntitlementKey};
use crate::diagnostic::{Code, Severity};
use crate::manifest::parse::Location;
use crate::manifest::policy::{Effect, PolicyStage, PolicySubject};
use crate::name::{PolicyName, RequestName, ResourceName, UserName};
use jiff::Timestamp;
use rayon::prelude::*;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// A policy that does not say yes.
#[derive(Debug, Clone, PartialEq)]
pub struct Objection {
    /// The policy.
    pub policy: PolicyName,
    /// What follows.
    pub effect: Effect,
    /// How it came to it.
    pub verdict: Verdict,
    /// What it says, in a sentence.
    pub message: String,
    /// Why the policy exists.
    pub reason: Option<String>,
    /// About whom.
    pub user: Option<UserName>,
    /// About which resource.
    pub resource: Option<ResourceName>,
    /// From when on; none: at once.
    pub at: Option<Timestamp>,
    /// Which of its validations; none: the policy itself is broken.
    rule: Option<usize>,
    /// Where the policy stands.
    stands: Location,
}

/// How a policy came to an objection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Its expression is false.
    No,
    /// Its expression could not be evaluated: taken for a no, whatever its effect.
    Failed,
    /// It asks who asked or who approved, which is not known yet.
    Open,
}

impl Objection {
    /// What follows: of what could not be told, refusal.
    pub fn follows(&self) -> Effect {
        match self.verdict {
            Verdict::No => self.effect,
            Verdict::Failed => Effect::Deny,
            Verdict::Open => self.effect,
        }
    }

    /// As a mistake of the manifest it is about.
    pub fn problem(&self, lens: &Lens<'_>) -> Problem {
        let declared = self.user.as_ref().and_then(|user| lens.timeline.user(user, lens.now));
        let resource = self.resource.as_ref().and_then(|r| lens.catalog.resources.get(r));
        let at = declared.as_ref().map(|user| &user.declared.at);
        let at = at.or(resource.map(|r| &r.at)).unwrap_or(&self.stands);
        let code = match self.verdict {
            Verdict::No | Verdict::Open => Code::PolicyDenied,
            Verdict::Failed => Code::PolicyFailed,
        };
        let from = match self.at {
            None => String::new(),
            Some(at) => {
                let local = at.to_zoned(lens.catalog.zone.clone());
                format!(" (from {} on)", local.strftime("%Y-%m-%d %H:%M"))
            }
        };
        let route = match self.user.is_some() || self.resource.is_some() {
            true => "/metadata.name",
            false => "validations",
        };
        let message = format!("{}{from} [policy {}]", self.message, self.policy);
        let help = match (&self.reason, self.verdict) {
            (_, Verdict::Failed) => "mend the policy's expression, or what it is asked of".to_owned(),
            (Some(reason), _) => format!("why: {reason}"),
            (None, _) => "the policy says what is needed".to_owned(),
        };
        let mut problem = Problem::new(code, at, route, message).help(help);
        problem.severity = Some(match self.follows() {
            Effect::Deny => Severity::Error,
            Effect::Warn | Effect::Approvals(_) => Severity::Warning,
        });
        let rule = self.rule.unwrap_or(0);
        problem.related(&self.stands, &format!("validations.{rule}.expression"), "the policy")
    }
}

/// What a policy is asked about.
#[derive(Clone, Copy, Default)]
struct About<'a> {
    user: Option<&'a UserName>,
    resource: Option<&'a ResourceName>,
    at: Option<Timestamp>,
}

/// Objections, and exceptions that kept some away.
#[derive(Debug, Default)]
pub struct Judged {
    /// In the order of policies, then of what they are about.
    pub objections: Vec<Objection>,
    /// Exceptions that let something pass.
    pub used: Used,
}

impl Judged {
    fn add(&mut self, other: Self) {
        self.objections.extend(other.objections);
        self.used.extend(other.used);
    }

    /// Asks the validations of a policy.
    fn ask(
        &mut self,
        policy: &Policy<'_>,
        scope: &Scope<'_>,
        about: About<'_>,
        lens: &Lens<'_>,
        unknown: &[&'static str],
    ) {
        let Some(rules) = &policy.rules else {
            return;
        };
        for rule in rules {
            let open = unknown.iter().find(|name| rule.reads.contains(**name));
            let (verdict, message) = match open {
                Some(name) => (Verdict::Open, open_words(rule, scope, name)),
                None => match rule.holds(scope) {
                    Ok(true) => continue,
                    Ok(false) => (Verdict::No, rule.says(scope)),
                    Err(why) => (Verdict::Failed, format!("the expression failed: {why}")),
                },
            };
            let mut objection = Objection {
                policy: policy.name.clone(),
                effect: policy.linked.spec.effect,
                verdict,
                message,
                reason: policy.linked.spec.reason.clone(),
                user: about.user.cloned(),
                resource: about.resource.cloned(),
                at: about.at,
                rule: Some(rule.index),
                stands: policy.linked.at.clone(),
            };
            if verdict == Verdict::No
                && let Some(fit) = fit(policy, about.user, about.resource, lens.catalog, lens.now)
            {
                if !fit.ended {
                    self.used.insert((policy.name.clone(), fit.index));
                    continue;
                }
                // Time alone makes nothing invalid (SEMANTICS 11); what changes must still pass.
                let until = &fit.exception.until.0;
                objection.message = format!("{}; its exception ended: {until}", objection.message);
                if policy.linked.spec.stage == PolicyStage::State {
                    objection.effect = Effect::Warn;
                }
            }
            self.objections.push(objection);
        }
    }
}

fn open_words(rule: &Rule, scope: &Scope<'_>, name: &str) -> String {
    let whom = match name {
        "actor" => "who asks",
        _ => "who approves",
    };
    format!("depends on {whom}: {}", rule.says(scope))
}

fn scope<'v>(roots: &'v BTreeMap<&'static str, Value<'v>>) -> Scope<'v> {
    Scope(roots.iter().map(|(name, value)| (*name, value)).collect())
}

/// How many users may be looked at in all for policies that ask about the whole at later instants.
const WHOLE: usize = 2_000_000;

/// The policies of a state, asked instant after instant.
pub struct Watch<'a> {
    policies: &'a Policies<'a>,
    used: Used,
    seen: BTreeSet<(PolicyName, Option<usize>, Option<UserName>, Option<ResourceName>)>,
    whole: usize,
    /// The instant from which on the whole is not asked about any more.
    given_up: Option<Timestamp>,
}

impl<'a> Watch<'a> {
    /// Before the first instant.
    pub fn new(policies: &'a Policies<'a>) -> Self {
        Self {
            policies,
            used: Used::new(),
            seen: BTreeSet::new(),
            whole: 0,
            given_up: None,
        }
    }

    /// Asks at an instant, of those who were looked at anew; what was said before is not said again.
    pub fn look(
        &mut self,
        lens: &Lens<'_>,
        names: &[UserName],
        later: bool,
        problems: &mut Vec<Problem>,
    ) {
        if !self.policies.any(PolicyStage::State) {
            return;
        }
        let varies = self.policies.of(PolicyStage::State).any(of_the_whole);
        if later && varies && !names.is_empty() {
            self.whole += lens.people.len();
        }
        let whole = !later || self.whole <= WHOLE && !names.is_empty();
        if later && varies && !whole && !names.is_empty() {
            self.given_up.get_or_insert(lens.now);
        }
        let judged = state(self.policies, lens, names, later, whole);
        self.used.extend(judged.used);
        for objection in judged.objections {
            let Objection { policy, rule, user, resource, .. } = &objection;
            let key = (policy.clone(), *rule, user.clone(), resource.clone());
            if self.seen.insert(key) {
                problems.push(objection.problem(lens));
            }
        }
    }

    /// What is left to say after the last instant.
    pub fn finish(&self, lens: &Lens<'_>, problems: &mut Vec<Problem>) {
        super::exceptions::check(self.policies, lens.catalog, &self.used, lens.now, problems);
        let Some(from) = self.given_up else {
            return;
        };
        let local = from.to_zoned(lens.catalog.zone.clone());
        let local = local.strftime("%Y-%m-%d %H:%M");
        for policy in self.policies.of(PolicyStage::State).filter(|p| of_the_whole(p)) {
            let message = format!("the policy is not asked from {local} on: it looks at everybody at every instant");
            let at = &policy.linked.at;
            let mut problem = Problem::new(Code::PolicyForm, at, "validations", message)
                .help("ask of each user instead, or fold what has passed");
            problem.severity = Some(Severity::Warning);
            problems.push(problem);
        }
    }
}

/// Whether a policy asks about everybody at once, so that anybody's change may change its answer.
fn of_the_whole(policy: &Policy<'_>) -> bool {
    let whole = matches!(policy.spec().each, None | Some(PolicySubject::Resource));
    whole && ["users", "resources", "resource"].iter().any(|name| policy.reads(name))
}

/// Asks the policies of a state: of these users, and of the whole.
fn state(
    policies: &Policies<'_>,
    lens: &Lens<'_>,
    names: &[UserName],
    later: bool,
    of_whole: bool,
) -> Judged {
    let mut judged = Judged::default();
    let later_at = later.then_some(lens.now);
    let wanted = policies.roots(PolicyStage::State);
    let folded = match wanted.contains("users") {
        true => lens.fold(lens.people.keys()),
        false => Folded::new(),
    };
    let roots = lens.roots(&wanted, &folded);
    let of_users: Vec<&Policy<'_>> = policies
        .of(PolicyStage::State)
        .filter(|p| p.spec().each == Some(PolicySubject::User))
        .collect();
    if !of_users.is_empty() {
        let parts: Vec<Judged> = names
            .par_chunks(64)
            .map(|names| users(&of_users, lens, names, &roots, later_at))
            .collect();
        parts.into_iter().for_each(|part| judged.add(part));
    }
    for policy in policies.of(PolicyStage::State) {
        if later && !(of_whole && of_the_whole(policy)) {
            continue;
        }
        match policy.spec().each {
            None => {
                let about = About { at: later_at, ..About::default() };
                judged.ask(policy, &scope(&roots), about, lens, &[]);
            }
            Some(PolicySubject::Resource) => {
                each_resource(policy, lens, &roots, later_at, &mut judged);
            }
            Some(PolicySubject::User | PolicySubject::Gained | PolicySubject::Lost) => {}
        }
    }
    // As they stand, not as they were asked side by side.
    judged.objections.sort_by(|a, b| {
        (&a.policy, &a.user, &a.resource, a.rule).cmp(&(&b.policy, &b.user, &b.resource, b.rule))
    });
    judged
}

fn users(
    policies: &[&Policy<'_>],
    lens: &Lens<'_>,
    names: &[UserName],
    roots: &BTreeMap<&'static str, Value<'_>>,
    at: Option<Timestamp>,
) -> Judged {
    let mut judged = Judged::default();
    for name in names {
        let Some((name, _)) = lens.people.get_key_value(name) else {
            continue;
        };
        let folded = lens.fold([name]);
        let user = lens.user(&folded, name);
        let mut scope = scope(roots);
        scope.0.push(("user", &user));
        let about = About {
            user: Some(name),
            resource: None,
            at,
        };
        for policy in policies {
            judged.ask(policy, &scope, about, lens, &[]);
        }
    }
    judged
}

fn each_resource(
    policy: &Policy<'_>,
    lens: &Lens<'_>,
    roots: &BTreeMap<&'static str, Value<'_>>,
    at: Option<Timestamp>,
    judged: &mut Judged,
) {
    let none = Folded::new();
    let all = lens.roots(&BTreeSet::from(["resources"]), &none);
    let Some(Value::Map(resources)) = all.get("resources") else {
        return;
    };
    for name in lens.catalog.resources.keys() {
        let Some(resource) = resources.get(name.as_str()) else {
            continue;
        };
        let mut scope = scope(roots);
        scope.0.push(("resource", resource));
        let about = About {
            user: None,
            resource: Some(name),
            at,
        };
        judged.ask(policy, &scope, about, lens, &[]);
    }
}

/// What a pull request changes at one instant.
pub struct Step<'a> {
    /// The instant; none: at once.
    pub at: Option<Timestamp>,
    /// As it would be without it.
    pub old: Lens<'a>,
    /// As it would be with it.
    pub new: Lens<'a>,
    /// Users that become otherwise.
    pub users: Vec<&'a UserName>,
    /// Access that comes, with whom it comes to.
    pub gained: Vec<(&'a UserName, &'a EntitlementKey, &'a Entitlement)>,
    /// Access that goes.
    pub lost: Vec<(&'a UserName, &'a EntitlementKey, &'a Entitlement)>,
}

/// A pull request, as policies are asked about it.
pub struct Change<'a> {
    /// What it changes, instant by instant; at least one, the first at once.
    pub steps: Vec<Step<'a>>,
    /// Who asks, where that is known.
    pub actor: Option<&'a UserName>,
    /// Who approved, where that is known.
    pub approvers: Option<Vec<&'a UserName>>,
    /// Requests that it adds or changes.
    pub requests: Vec<&'a RequestName>,
    /// The instant it is looked at.
    pub now: Timestamp,
}

/// Asks the policies of a change.
pub fn change(policies: &Policies<'_>, change: &Change<'_>) -> Judged {
    let mut judged = Judged::default();
    if !policies.any(PolicyStage::Change) {
        return judged;
    }
    for policy in policies.of(PolicyStage::Change).filter(|p| p.rules.is_none()) {
        judged.objections.push(broken(policy));
    }
    let Some(first) = change.steps.first() else {
        return judged;
    };
    let zone = &first.new.catalog.zone;
    let today = change.now.to_zoned(zone.clone()).strftime("%Y-%m-%d").to_string();
    let today = Value::owned(today);
    let wanted = policies.roots(PolicyStage::Change);
    // People as they are before: who asks and who approves is a matter of what was approved.
    let involved = change.actor.into_iter().chain(change.approvers.iter().flatten().copied());
    let involved = first.old.fold(involved);
    let actor = change.actor.map(|name| first.old.user(&involved, name));
    let approvers = change.approvers.as_ref().map(|names| {
        Value::list(names.iter().map(|name| first.old.user(&involved, name)))
    });
    let mut unknown: Vec<&'static str> = Vec::new();
    if actor.is_none() {
        unknown.push("actor");
    }
    if approvers.is_none() {
        unknown.push("approvers");
    }
    let nobody = Value::nothing(&Type::Record(&shape::USER));
    let nothing = Value::List(Default::default());
    let (actor, approvers) = (actor.as_ref().unwrap_or(&nobody), approvers.as_ref().unwrap_or(&nothing));
    let reads_all = policies.of(PolicyStage::Change).any(|p| p.reads("change"));
    let folds: Vec<(Folded, Folded)> = change.steps.iter().map(folds).collect();
    let whole = match reads_all {
        true => whole(change, &folds),
        false => Value::nothing(&Type::Record(&shape::CHANGE)),
    };
    for (step, (old, new)) in change.steps.iter().zip(&folds) {
        let everybody = match wanted.contains("users") {
            true => step.new.fold(step.new.people.keys()),
            false => Folded::new(),
        };
        let roots = step.new.roots(&wanted, &everybody);
        let base = || {
            let mut scope = scope(&roots);
            scope.0.extend([
                ("actor", actor),
                ("approvers", approvers),
                ("change", &whole),
                ("today", &today),
            ]);
            scope
        };
        for policy in policies.of(PolicyStage::Change) {
            match policy.spec().each {
                None => {
                    // Once, with everything in sight; what varies by instant is asked each time.
                    let again = policy.reads("users") || policy.reads("resources");
                    if step.at.is_none() || again {
                        let about = About { at: step.at, ..About::default() };
                        judged.ask(policy, &base(), about, &step.new, &unknown);
                    }
                }
                Some(PolicySubject::User) => {
                    for name in &step.users {
                        let (before, after) = (step.old.user(old, name), step.new.user(new, name));
                        let gone = !new.contains_key(*name);
                        let mut scope = base();
                        let user = if gone { &before } else { &after };
                        scope.0.extend([("old", &before), ("new", &after), ("user", user)]);
                        let about = About {
                            user: Some(name),
                            resource: None,
                            at: step.at,
                        };
                        judged.ask(policy, &scope, about, &step.new, &unknown);
                    }
                }
                Some(subject @ (PolicySubject::Gained | PolicySubject::Lost)) => {
                    let (word, grants) = match subject {
                        PolicySubject::Lost => ("lost", &step.lost),
                        _ => ("gained", &step.gained),
                    };
                    for (name, key, held) in grants {
                        let (before, after) = (step.old.user(old, name), step.new.user(new, name));
                        let what = moved(step, name, key, held);
                        let mut scope = base();
                        scope.0.extend([("old", &before), ("new", &after), (word, &what)]);
                        let about = About {
                            user: Some(name),
                            resource: Some(&key.resource),
                            at: step.at,
                        };
                        judged.ask(policy, &scope, about, &step.new, &unknown);
                    }
                }
                Some(PolicySubject::Resource) => {
                    if step.at.is_none() {
                        each_resource_of(policy, step, &base, &mut judged, &unknown);
                    }
                }
            }
        }
    }
    let mut seen = BTreeSet::new();
    // The same at a later instant again is told once.
    judged.objections.retain(|o| {
        seen.insert((o.policy.clone(), o.rule, o.user.clone(), o.resource.clone(), o.message.clone()))
    });
    judged
}

fn each_resource_of<'v>(
    policy: &Policy<'_>,
    step: &Step<'_>,
    base: &dyn Fn() -> Scope<'v>,
    judged: &mut Judged,
    unknown: &[&'static str],
) {
    let none = Folded::new();
    let all = step.new.roots(&BTreeSet::from(["resources"]), &none);
    let Some(Value::Map(resources)) = all.get("resources") else {
        return;
    };
    for name in step.new.catalog.resources.keys() {
        if let Some(resource) = resources.get(name.as_str()) {
            let mut scope = Scope(base().0.iter().map(|(name, value)| (*name, *value)).collect());
            scope.0.push(("resource", resource));
            let about = About {
                user: None,
                resource: Some(name),
                at: step.at,
            };
            judged.ask(policy, &scope, about, &step.new, unknown);
        }
    }
}

/// Those whom a step is about, before and after.
fn folds(step: &Step<'_>) -> (Folded, Folded) {
    let grants = step.gained.iter().chain(&step.lost);
    let names: BTreeSet<&UserName> = grants
        .map(|(name, _, _)| *name)
        .chain(step.users.iter().copied())
        .collect();
    let of = |lens: &Lens<'_>| -> Folded {
        let folded = names.iter().filter_map(|name| {
            let user = lens.timeline.user(name, lens.now)?;
            Some(((*name).clone(), user))
        });
        folded.collect()
    };
    (of(&step.old), of(&step.new))
}

/// The local time of a step.
fn when(step: &Step<'_>) -> String {
    let zone = &step.new.catalog.zone;
    let local = step.at.map(|at| at.to_zoned(zone.clone()));
    local.map(|at| at.strftime("%Y-%m-%dT%H:%M").to_string()).unwrap_or_default()
}

fn moved<'a>(
    step: &Step<'_>,
    user: &'a UserName,
    key: &'a EntitlementKey,
    held: &'a Entitlement,
) -> Value<'a> {
    let record = grant(Record::new(&shape::GRANT), user, key, held);
    Value::Record(record.with("at", Value::owned(when(step))))
}

fn whole<'a>(change: &Change<'a>, folds: &'a [(Folded, Folded)]) -> Value<'a> {
    let (mut gained, mut lost, mut users) = (Vec::new(), Vec::new(), Vec::new());
    for (step, (old, new)) in change.steps.iter().zip(folds) {
        let each = |grants: &[(&'a UserName, &'a EntitlementKey, &'a Entitlement)]| -> Vec<Value<'a>> {
            let grants = grants.iter();
            grants.map(|(name, key, held)| moved(step, name, key, held)).collect()
        };
        gained.extend(each(&step.gained));
        lost.extend(each(&step.lost));
        users.extend(step.users.iter().map(|name| {
            let record = Record::new(&shape::PAIR)
                .with("at", Value::owned(when(step)))
                .with("old", step.old.user(old, name))
                .with("new", step.new.user(new, name));
            Value::Record(record)
        }));
    }
    let requests = change.requests.iter().map(|name| name.as_str());
    let record = Record::new(&shape::CHANGE)
        .with("gained", Value::list(gained))
        .with("lost", Value::list(lost))
        .with("requests", Value::texts(requests))
        .with("users", Value::list(users));
    Value::Record(record)
}

fn broken(policy: &Policy<'_>) -> Objection {
    Objection {
        policy: policy.name.clone(),
        effect: Effect::Deny,
        verdict: Verdict::Failed,
        message: "the policy cannot be used, so it refuses".into(),
        reason: policy.linked.spec.reason.clone(),
        user: None,
        resource: None,
        at: None,
        rule: None,
        stands: policy.linked.at.clone(),
    }
}
