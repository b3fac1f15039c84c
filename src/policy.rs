//! Policies: rules in CEL over what is, and over what a pull request changes. Pure.
//!
//! A policy is compiled once, against the one table of names and types ([`shape`]); what names nothing,
//! compares what cannot be compared, or could take too long is a mistake with its place, and such a
//! policy refuses everything it would have been asked about. So does one whose evaluation fails.

pub mod check;
pub mod code;
pub mod exceptions;
pub mod fixture;
pub mod judge;
pub mod rule;
pub mod shape;
pub mod value;
pub mod world;

use crate::catalog::{Catalog, Linked, Problem};
use crate::diagnostic::Code;
use crate::manifest::PolicySpec;
use crate::manifest::policy::{Effect, PolicyStage, PolicySubject};
use crate::name::PolicyName;
use check::Names;
use code::Evaluation;
use rule::{Rule, Scope, Variables};
use shape::{ALWAYS, OF_A_CHANGE, Type};
use std::collections::{BTreeMap, BTreeSet};
use world::Fields;

/// Steps that all evaluations of a policy may take together, as far as that can be told beforehand.
const BUDGET: u64 = 50_000_000;
/// Steps that one evaluation may take in any case: lists may be longer than they were taken to be.
const LEAST: u64 = 50_000;

/// Every policy of a catalog, compiled.
pub struct Policies<'a> {
    list: Vec<Policy<'a>>,
    /// What their expressions and messages name.
    fields: Fields,
}

/// A policy, compiled.
pub struct Policy<'a> {
    /// Its name.
    pub name: &'a PolicyName,
    /// Its manifest.
    pub linked: &'a Linked<PolicySpec>,
    /// Its validations; none where it could not be compiled: then it refuses.
    rules: Option<Vec<Rule>>,
    variables: Variables,
    /// Steps that one evaluation may take.
    most: u64,
}

impl Policy<'_> {
    /// Whether it can be asked; one that cannot refuses.
    pub fn is_sound(&self) -> bool {
        self.rules.is_some()
    }

    /// Whether any of its expressions reads a name.
    fn reads(&self, name: &str) -> bool {
        let mut rules = self.rules.iter().flatten();
        rules.any(|rule| rule.reads.contains(name) || rule.mentions.contains(name))
    }

    /// An evaluation of its expressions, all of the same.
    fn evaluation<'v>(&'v self, scope: &'v Scope<'v>) -> Evaluation<'v> {
        Evaluation::new(&scope.0, &self.variables.nodes, self.most)
    }

    fn spec(&self) -> &PolicySpec {
        &self.linked.spec
    }
}

impl<'a> Policies<'a> {
    /// Compiles the policies of a catalog and reports what is wrong with them.
    pub fn compile(catalog: &'a Catalog, problems: &mut Vec<Problem>) -> Self {
        Self::compile_with(catalog, true, problems)
    }

    /// Compiles policies without the repository they are for: any name may be there.
    pub fn compile_alone(catalog: &'a Catalog, problems: &mut Vec<Problem>) -> Self {
        Self::compile_with(catalog, false, problems)
    }

    fn compile_with(catalog: &'a Catalog, within: bool, problems: &mut Vec<Problem>) -> Self {
        let mut list = Vec::new();
        for (name, linked) in &catalog.policies {
            let before = problems.len();
            let (rules, variables) = compile(catalog, within, linked, problems);
            let sound = problems.len() == before;
            let times = times(catalog, linked.spec.each);
            list.push(Policy {
                name,
                linked,
                rules: sound.then_some(rules),
                variables,
                most: (BUDGET / times.max(1)).max(LEAST),
            });
        }
        let mut fields = BTreeSet::new();
        for policy in &list {
            let rules = policy.rules.iter().flatten();
            rules.for_each(|rule| rule.fields(&mut fields));
            let variables = policy.variables.nodes.iter();
            variables.for_each(|node| node.fields(&mut fields));
        }
        Self {
            list,
            fields: Fields::only(fields),
        }
    }

    /// Those that another catalog does not have just so.
    #[must_use]
    pub fn except(mut self, other: &Catalog) -> Self {
        self.list.retain(|policy| {
            let there = other.policies.get(policy.name);
            there.is_none_or(|there| there.spec != policy.linked.spec)
        });
        self
    }

    /// Whether any policy is asked at a stage.
    pub fn any(&self, stage: PolicyStage) -> bool {
        self.list.iter().any(|p| p.spec().stage == stage)
    }

    /// The policies of a stage.
    pub fn of(&self, stage: PolicyStage) -> impl Iterator<Item = &Policy<'a>> {
        self.list.iter().filter(move |p| p.spec().stage == stage)
    }

    /// The names that the policies of a stage read, and those they are asked of each of.
    fn roots(&self, stage: PolicyStage) -> BTreeSet<&'static str> {
        let names = ALWAYS.iter().map(|(name, _, _)| *name);
        let each = |p: &Policy<'_>| p.spec().each == Some(PolicySubject::Resource);
        names
            .filter(|name| {
                let mut of = self.of(stage);
                of.any(|p| p.reads(name) || *name == "resources" && each(p))
            })
            .collect()
    }
}

/// How often a policy is asked at most, of so many users.
fn times(catalog: &Catalog, each: Option<PolicySubject>) -> u64 {
    let times = match each {
        None => 1,
        Some(PolicySubject::Resource) => catalog.resources.len(),
        // What comes and goes with one pull request is taken to be no more than there are users.
        Some(PolicySubject::User | PolicySubject::Gained | PolicySubject::Lost) => {
            catalog.users.len()
        }
    };
    u64::try_from(times).unwrap_or(u64::MAX)
}

/// The names that a policy may use, and their types.
pub fn names(spec: &PolicySpec) -> Vec<(&'static str, Type, &'static str)> {
    let mut names: Vec<_> = ALWAYS.to_vec();
    let user = Type::Record(&shape::USER);
    let old = (
        "old",
        user,
        "the user as before; without a name where there was none",
    );
    let new = (
        "new",
        user,
        "the user from then on; without a name where there is none",
    );
    if spec.stage == PolicyStage::Change {
        // What is asked of each part is not asked of the whole.
        let whole = spec.each.is_none();
        names.extend(
            OF_A_CHANGE
                .iter()
                .filter(|(name, _, _)| whole || *name != "change"),
        );
    }
    let grant = Type::Record(&shape::GRANT);
    match (spec.each, spec.stage) {
        (None, _) => {}
        (Some(PolicySubject::User), PolicyStage::State) => names.push(("user", user, "the user")),
        (Some(PolicySubject::User), PolicyStage::Change) => {
            names.extend([old, new, ("user", user, "the user: new, or old where gone")]);
        }
        (Some(PolicySubject::Gained), _) => {
            names.extend([("gained", grant, "what comes"), old, new]);
        }
        (Some(PolicySubject::Lost), _) => names.extend([("lost", grant, "what goes"), old, new]),
        (Some(PolicySubject::Resource), _) => {
            names.push(("resource", Type::Record(&shape::RESOURCE), "the resource"));
        }
    }
    names
}

fn known(catalog: &Catalog, within: bool, spec: &PolicySpec) -> Names {
    fn keys<N: std::fmt::Display, S>(map: &BTreeMap<N, S>) -> (usize, Option<BTreeSet<String>>) {
        let keys = map.keys().map(ToString::to_string);
        (map.len(), Some(keys.collect()))
    }
    let mut known = Names::default();
    for (name, kind, _) in names(spec) {
        let (size, keys) = match name {
            "organizations" => keys(&catalog.organizations),
            "profiles" => keys(&catalog.profiles),
            "resources" => keys(&catalog.resources),
            "roles" => keys(&catalog.roles),
            "scopes" => keys(&catalog.scopes),
            // Requests come and go, and users are declared by them.
            "requests" => (catalog.requests.len(), None),
            "users" => (catalog.users.len() + catalog.requests.len(), None),
            "approvers" => (9, None),
            _ => (1, None),
        };
        known.add(name, kind, size, keys.filter(|_| within));
    }
    known
}

/// The validations and variables of a policy that can be used.
fn compile(
    catalog: &Catalog,
    within: bool,
    linked: &Linked<PolicySpec>,
    problems: &mut Vec<Problem>,
) -> (Vec<Rule>, Variables) {
    let Linked { at, spec, .. } = linked;
    let mut refuse = |route: &str, message: &str, help: &str| {
        problems.push(Problem::new(Code::PolicyForm, at, route, message).help(help));
    };
    if let (Some(PolicySubject::Gained | PolicySubject::Lost), PolicyStage::State) =
        (spec.each, spec.stage)
    {
        refuse(
            "each",
            "of a state nothing is gained or lost",
            "say `stage: change`, or ask of each user",
        );
    }
    if let (Effect::Approvals(_), PolicyStage::State) = (spec.effect, spec.stage) {
        refuse(
            "effect",
            "a state is not approved: it may be, or not",
            "say `deny` or `warn`, or `stage: change`",
        );
    }
    let mut names = known(catalog, within, spec);
    let variables = rule::variables(spec, at, &mut names, problems);
    let mut rules = Vec::new();
    let mut cost = 0u64;
    for (index, validation) in spec.validations.iter().enumerate() {
        let found = Rule::compile(validation, index, at, &names, &variables, problems);
        if let Some((rule, steps)) = found {
            cost = cost.saturating_add(steps);
            rules.push(rule);
        }
    }
    let times = times(catalog, spec.each);
    if cost.saturating_mul(times) > BUDGET {
        let message = format!(
            "the policy may take {cost} steps, {times} times over: more than {BUDGET} in all"
        );
        problems.push(
            Problem::new(Code::PolicyForm, at, "validations", message).help(
                "ask of each user instead of all in all, or walk over fewer lists in one another",
            ),
        );
    }
    (rules, variables)
}
