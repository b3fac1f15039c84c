//! Policies asked: of a state, and of what a pull request changes.

use super::code::Fault;
use super::exceptions::{Used, fit};
use super::rule::{Rule, Scope};
use super::shape::{self, Type};
use super::value::{Record, Value};
use super::world::{Fields, Folded, Lens, grant};
use super::{Policies, Policy};
use crate::catalog::{Catalog, Linked, Problem};
use crate::desired::{Entitlement, EntitlementKey};
use crate::diagnostic::{Code, Severity};
use crate::manifest::parse::Location;
use crate::manifest::policy::{Effect, PolicyStage, PolicySubject};
use crate::name::{PolicyName, RequestName, ResourceName, UserName};
use jiff::Timestamp;
use rayon::prelude::*;
use schemars::JsonSchema;
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
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

    /// Whether another one says the same, if perhaps of another instant.
    pub fn says_the_same(&self, other: &Self) -> bool {
        let key = |o: &'_ Self| (o.effect, o.verdict, o.rule);
        key(self) == key(other)
            && self.policy == other.policy
            && self.user == other.user
            && self.resource == other.resource
            && self.message == other.message
    }

    /// As a mistake of the manifest it is about.
    pub fn problem(&self, lens: &Lens<'_>) -> Problem {
        let declared = self
            .user
            .as_ref()
            .and_then(|user| lens.timeline.user(user, lens.now));
        let resource = self
            .resource
            .as_ref()
            .and_then(|r| lens.catalog.resources.get(r));
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
        let rule = format!("validations.{}.expression", self.rule.unwrap_or(0));
        let about = self.user.is_some() || self.resource.is_some();
        let route = match about {
            true => "/metadata.name",
            false => &rule,
        };
        let message = format!("{}{from} [policy {}]", self.message, self.policy);
        let help = match (&self.reason, self.verdict) {
            (_, Verdict::Failed) => {
                "mend the policy's expression, or what it is asked of".to_owned()
            }
            (Some(reason), _) => format!("why: {reason}"),
            (None, _) => "the policy says what is needed".to_owned(),
        };
        let mut problem = Problem::new(code, at, route, message).help(help);
        problem.severity = Some(match self.follows() {
            Effect::Deny => Severity::Error,
            Effect::Warn | Effect::Approvals(_) => Severity::Warning,
        });
        match about {
            true => problem.related(&self.stands, &rule, "the policy"),
            false => problem,
        }
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
        // Whoever it may be: what holds or not without the name, does.
        let known = (!unknown.is_empty()).then(|| scope.without(unknown));
        let mut evaluation = policy.evaluation(known.as_ref().unwrap_or(scope));
        for rule in rules {
            let (verdict, message) = match rule.holds(&mut evaluation) {
                Ok(true) => continue,
                Ok(false) => (Verdict::No, rule.says(scope)),
                Err(Fault::Unknown(name)) if unknown.contains(&name.as_str()) => {
                    (Verdict::Open, open_words(rule, scope, &name))
                }
                Err(why) => (Verdict::Failed, format!("the expression failed: {why}")),
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
                objection.message =
                    format!("{}; its exception is until {until}", objection.message);
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
    format!("depends on {whom} ({})", rule.says(scope))
}

fn scope<'v>(roots: &'v BTreeMap<&'static str, Value<'v>>) -> Scope<'v> {
    Scope(roots.iter().map(|(name, value)| (*name, value)).collect())
}

/// How many users may be looked at in all for policies that ask about the whole at later instants.
const WHOLE: usize = 2_000_000;

/// What an objection is known by.
type Key = (
    PolicyName,
    Option<usize>,
    Option<UserName>,
    Option<ResourceName>,
);

/// The policies of a state, asked instant after instant.
pub struct Watch<'a> {
    policies: &'a Policies<'a>,
    used: Used,
    seen: BTreeSet<Key>,
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
            let Objection {
                policy,
                rule,
                user,
                resource,
                ..
            } = &objection;
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
        for policy in self
            .policies
            .of(PolicyStage::State)
            .filter(|p| of_the_whole(p))
        {
            let message = format!(
                "the policy is not asked from {local} on: it looks at everybody at every instant"
            );
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
    whole
        && ["users", "resources", "resource"]
            .iter()
            .any(|name| policy.reads(name))
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
    let roots = lens.roots(&wanted, &policies.fields);
    let of_users: Vec<&Policy<'_>> = policies
        .of(PolicyStage::State)
        .filter(|p| p.spec().each == Some(PolicySubject::User))
        .collect();
    if !of_users.is_empty() {
        let parts: Vec<Judged> = names
            .par_chunks(64)
            .map(|names| users(&of_users, lens, (names, &policies.fields), &roots, later_at))
            .collect();
        parts.into_iter().for_each(|part| judged.add(part));
    }
    for policy in policies.of(PolicyStage::State) {
        if later && !(of_whole && of_the_whole(policy)) {
            continue;
        }
        match policy.spec().each {
            None => {
                let about = About {
                    at: later_at,
                    ..About::default()
                };
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
    (names, fields): (&[UserName], &Fields),
    roots: &BTreeMap<&'static str, Value<'_>>,
    at: Option<Timestamp>,
) -> Judged {
    let mut judged = Judged::default();
    for name in names {
        let Some((name, _)) = lens.people.get_key_value(name) else {
            continue;
        };
        let folded = lens.fold([name]);
        let user = lens.user(&folded, name, fields);
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
    let Some(Value::Map(resources)) = roots.get("resources") else {
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
    pub gained: Vec<Grant<'a>>,
    /// Access that goes.
    pub lost: Vec<Grant<'a>>,
}

/// Who gains or loses what.
pub type Grant<'a> = (&'a UserName, &'a EntitlementKey, &'a Entitlement);

/// Who stands behind a pull request, as far as that is known.
#[derive(Debug, Clone, Copy, Default)]
pub struct Behind<'a> {
    /// Who asks.
    pub actor: Option<&'a UserName>,
    /// Who approved.
    pub approvers: Option<&'a [UserName]>,
}

/// The policies of a change, asked step after step.
pub struct Inquiry<'a> {
    policies: &'a Policies<'a>,
    wanted: BTreeSet<&'static str>,
    /// Whether some policy looks at the whole change.
    reads_all: bool,
    actor: Value<'static>,
    approvers: Value<'static>,
    today: Value<'static>,
    /// Names that nothing is known of yet.
    unknown: Vec<&'static str>,
    gained: Vec<Value<'static>>,
    lost: Vec<Value<'static>>,
    users: Vec<Value<'static>>,
    judged: Judged,
}

impl<'a> Inquiry<'a> {
    /// Begins: who asks and who approves is a matter of the state before.
    pub fn new(
        policies: &'a Policies<'a>,
        before: &Lens<'_>,
        behind: Behind<'_>,
        now: Timestamp,
    ) -> Self {
        let person = |name: &UserName| {
            let Some((name, _)) = before.people.get_key_value(name) else {
                return Value::nothing(&Type::Record(&shape::USER));
            };
            let folded = before.fold([name]);
            before.user(&folded, name, &policies.fields).into_owned()
        };
        let mut unknown = Vec::new();
        if behind.actor.is_none() {
            unknown.push("actor");
        }
        if behind.approvers.is_none() {
            unknown.push("approvers");
        }
        let approvers = behind.approvers.into_iter().flatten().map(person);
        let today = now.to_zoned(before.catalog.zone.clone());
        let mut judged = Judged::default();
        let broken_ones = policies
            .of(PolicyStage::Change)
            .filter(|p| p.rules.is_none());
        judged.objections.extend(broken_ones.map(broken));
        Self {
            policies,
            wanted: policies.roots(PolicyStage::Change),
            reads_all: policies.of(PolicyStage::Change).any(|p| p.reads("change")),
            actor: behind.actor.map_or_else(whoever, person),
            approvers: Value::list(approvers.collect::<Vec<_>>()),
            today: Value::owned(today.strftime("%Y-%m-%d").to_string()),
            unknown,
            gained: Vec::new(),
            lost: Vec::new(),
            users: Vec::new(),
            judged,
        }
    }

    /// Asks about what changes at one instant.
    pub fn step(&mut self, step: &Step<'_>) {
        if !self.policies.any(PolicyStage::Change) {
            return;
        }
        let (old, new) = folds(step);
        let mut judged = std::mem::take(&mut self.judged);
        self.ask_by(step, &step.new, (&old, &new), &mut judged);
        // What is given is asked about as it is and as it was: else a pull request could call premium
        // software free and give it. What was not there before says nothing.
        if differ(step.old.catalog, step.new.catalog) {
            let mut before = Judged::default();
            self.ask_by(step, &step.old, (&old, &new), &mut before);
            before
                .objections
                .retain(|o| o.verdict == Verdict::No && o.user.is_some());
            judged.add(before);
        }
        self.judged = judged;
        if self.reads_all {
            let each = |grants: &[Grant<'_>]| -> Vec<Value<'static>> {
                let grants = grants.iter();
                grants
                    .map(|(name, key, held)| moved(step, name, key, held).into_owned())
                    .collect()
            };
            self.gained.extend(each(&step.gained));
            self.lost.extend(each(&step.lost));
            self.users.extend(step.users.iter().map(|name| {
                let record = Record::new(&shape::PAIR)
                    .with("at", Value::owned(when(step)))
                    .with("old", step.old.user(&old, name, &self.policies.fields))
                    .with("new", step.new.user(&new, name, &self.policies.fields));
                Value::Record(record).into_owned()
            }));
        }
    }

    /// Asks about a step, by what the manifests of one of its sides say.
    fn ask_by(
        &self,
        step: &Step<'_>,
        by: &Lens<'_>,
        (old, new): (&Folded, &Folded),
        judged: &mut Judged,
    ) {
        let fields = &self.policies.fields;
        let roots = by.roots(&self.wanted, fields);
        for policy in self.policies.of(PolicyStage::Change) {
            let ask =
                |judged: &mut Judged, about: About<'_>, more: &[(&'static str, &Value<'_>)]| {
                    let mut scope = self.scope(&roots);
                    scope.0.extend_from_slice(more);
                    let about = About {
                        at: step.at,
                        ..about
                    };
                    judged.ask(policy, &scope, about, &step.new, &self.unknown);
                };
            match policy.spec().each {
                // The whole change is known at the end.
                None if policy.reads("change") => {}
                None => {
                    // What does not vary is asked once.
                    if step.at.is_none() || of_the_whole(policy) {
                        ask(judged, About::default(), &[]);
                    }
                }
                Some(PolicySubject::User) => {
                    for name in &step.users {
                        let (before, after) = (
                            step.old.user(old, name, fields),
                            step.new.user(new, name, fields),
                        );
                        let user = if new.contains_key(*name) {
                            &after
                        } else {
                            &before
                        };
                        let about = About {
                            user: Some(name),
                            ..About::default()
                        };
                        ask(
                            judged,
                            about,
                            &[("old", &before), ("new", &after), ("user", user)],
                        );
                    }
                }
                Some(subject @ (PolicySubject::Gained | PolicySubject::Lost)) => {
                    let (word, grants) = match subject {
                        PolicySubject::Lost => ("lost", &step.lost),
                        _ => ("gained", &step.gained),
                    };
                    for (name, key, held) in grants {
                        let (before, after) = (
                            step.old.user(old, name, fields),
                            step.new.user(new, name, fields),
                        );
                        let what = moved(step, name, key, held);
                        let about = About {
                            user: Some(name),
                            resource: Some(&key.resource),
                            at: None,
                        };
                        ask(
                            judged,
                            about,
                            &[("old", &before), ("new", &after), (word, &what)],
                        );
                    }
                }
                Some(PolicySubject::Resource) => {
                    if step.at.is_none() || of_the_whole(policy) {
                        let Some(Value::Map(resources)) = roots.get("resources") else {
                            continue;
                        };
                        for name in step.new.catalog.resources.keys() {
                            if let Some(resource) = resources.get(name.as_str()) {
                                let about = About {
                                    resource: Some(name),
                                    ..About::default()
                                };
                                ask(judged, about, &[("resource", resource)]);
                            }
                        }
                    }
                }
            }
        }
    }

    fn scope<'v>(&'v self, roots: &'v BTreeMap<&'static str, Value<'v>>) -> Scope<'v> {
        let mut scope = scope(roots);
        scope.0.extend([
            ("actor", &self.actor),
            ("approvers", &self.approvers),
            ("today", &self.today),
        ]);
        scope
    }

    /// Asks about the change as a whole, in the state it makes at once.
    pub fn finish<'r>(
        mut self,
        first: &Lens<'_>,
        requests: impl IntoIterator<Item = &'r RequestName>,
    ) -> Judged {
        let mut judged = std::mem::take(&mut self.judged);
        if self.reads_all {
            let take = |values: &mut Vec<Value<'static>>| Value::list(std::mem::take(values));
            let requests = requests
                .into_iter()
                .map(|name| Value::owned(name.to_string()));
            let record = Record::new(&shape::CHANGE)
                .with("gained", take(&mut self.gained))
                .with("lost", take(&mut self.lost))
                .with("requests", Value::list(requests))
                .with("users", take(&mut self.users));
            let whole = Value::Record(record);
            let roots = first.roots(&self.wanted, &self.policies.fields);
            for policy in self.policies.of(PolicyStage::Change) {
                if policy.spec().each.is_none() && policy.reads("change") {
                    let mut scope = self.scope(&roots);
                    scope.0.push(("change", &whole));
                    judged.ask(policy, &scope, About::default(), first, &self.unknown);
                }
            }
        }
        let mut seen = BTreeSet::new();
        // The same at a later instant again is told once.
        judged.objections.retain(|o| {
            let about = (o.user.clone(), o.resource.clone());
            seen.insert((o.policy.clone(), o.rule, about, o.message.clone()))
        });
        judged
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
    local
        .map(|at| at.strftime("%Y-%m-%dT%H:%M").to_string())
        .unwrap_or_default()
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

/// Whether two catalogs say something else of what is given.
fn differ(one: &Catalog, other: &Catalog) -> bool {
    fn same<N: Ord, S: PartialEq>(
        one: &BTreeMap<N, Linked<S>>,
        other: &BTreeMap<N, Linked<S>>,
    ) -> bool {
        let pairs = one.iter().zip(other);
        one.len() == other.len()
            && pairs
                .into_iter()
                .all(|((a, x), (b, y))| a == b && x.spec == y.spec && x.labels == y.labels)
    }
    !(same(&one.resources, &other.resources)
        && same(&one.roles, &other.roles)
        && same(&one.scopes, &other.scopes)
        && same(&one.profiles, &other.profiles)
        && same(&one.organizations, &other.organizations))
}

/// Stands in a message where it is not known yet who asks; no expression ever sees it.
fn whoever() -> Value<'static> {
    let name = Value::text("whoever asks");
    Value::Record(Record::new(&shape::USER).with("name", name))
}

/// What the policies of a state say of the new state that they did not say of the old one, of those
/// whom a step is about, and where that is wanted of the whole.
pub fn of_state(policies: &Policies<'_>, step: &Step<'_>, whole: bool) -> Vec<Objection> {
    if !policies.any(PolicyStage::State) {
        return Vec::new();
    }
    let names: Vec<UserName> = step.users.iter().map(|name| (*name).clone()).collect();
    let later = step.at.is_some();
    let ask = |lens: &Lens<'_>| state(policies, lens, &names, later, whole).objections;
    let mut found = ask(&step.new);
    if found.is_empty() {
        return found;
    }
    let before = ask(&step.old);
    found.retain(|objection| !before.iter().any(|old| old.says_the_same(objection)));
    found
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
