//! Every request, by subject and in order; and the people of any instant.

use super::life::{declared, lapse, put};
use super::status::judge;
use super::{Folded, FoldedUser, Origin};
use crate::catalog::duties::overruled;
use crate::catalog::{Catalog, Linked, Problem};
use crate::diagnostic::Code;
use crate::manifest::request::RequestAction;
use crate::manifest::{Edge, IdentitySpec, Moment, RequestSpec, UserSpec};
use crate::name::{RequestName, UserName};
use foldhash::HashMap;
use jiff::Timestamp;
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The lives of everybody, as the manifests tell them.
pub struct Timeline<'a> {
    catalog: &'a Catalog,
    steps: BTreeMap<&'a UserName, Vec<Step<'a>>>,
    /// Instants at which something changes, and for whom.
    instants: BTreeMap<Timestamp, Touched<'a>>,
    /// Who ever reports to whom: supervisor → reports, sorted.
    reports: HashMap<&'a UserName, Vec<&'a UserName>>,
}

/// One request as a layer of its subject's life.
#[derive(Debug, Clone)]
pub struct Step<'a> {
    /// The request.
    pub name: &'a RequestName,
    /// What it says.
    pub request: &'a Linked<RequestSpec>,
    /// In words: `request 2026-…`.
    pub text: Arc<str>,
    /// From when on.
    pub from: Timestamp,
    /// Until when; none: for good.
    pub until: Option<Timestamp>,
    /// Whether it fits the state it meets.
    pub verdict: Verdict,
}

/// Whether a request fits the state it meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It does.
    Applies,
    /// It has no effect: what it is about has ended, or is so already.
    Void,
    /// It contradicts the state; the repository is invalid.
    Refused,
}

/// For whom something changes.
#[derive(Debug, Clone)]
enum Touched<'a> {
    Everybody,
    These(BTreeSet<&'a UserName>),
}

impl Step<'_> {
    /// Whether its end, or the end of something it says, is still to come: it cannot be folded yet.
    pub fn is_open(&self, catalog: &Catalog, now: Timestamp) -> bool {
        let spec = &self.request.spec;
        let kept = spec.profiles.as_ref().and_then(|p| p.keep_until.as_ref());
        let kept = kept.and_then(|m| m.resolve(&catalog.zone, Edge::End).ok());
        let layer = match spec.action {
            RequestAction::Change | RequestAction::Suspend => self.until,
            RequestAction::Activate | RequestAction::Terminate | RequestAction::Resume => None,
        };
        layer.max(kept).is_some_and(|end| now < end)
    }

    /// Whether it takes identities: what profiles give of them cannot be said in a manifest.
    pub fn takes_identities(&self) -> bool {
        let identities = self.request.spec.identities.iter();
        identities.flat_map(|i| &i.remove).next().is_some()
    }

    /// That it has ended, as a reason.
    fn ended(&self) -> Origin {
        Origin {
            text: format!("the end of {}", self.text).into(),
            at: self.request.at.clone(),
        }
    }
}

impl<'a> Timeline<'a> {
    /// Orders and judges every request.
    pub fn new(catalog: &'a Catalog, problems: &mut Vec<Problem>) -> Self {
        let mut steps: BTreeMap<&UserName, Vec<Step<'_>>> = BTreeMap::new();
        for (name, request) in &catalog.requests {
            let spec = &request.spec;
            // A moment that does not exist was reported when the catalog was linked.
            let Ok(from) = spec.effective.resolve(&catalog.zone, Edge::Start) else {
                continue;
            };
            let until = spec.until.as_ref();
            steps.entry(&spec.subject).or_default().push(Step {
                name,
                request,
                text: format!("request {name}").into(),
                from,
                until: until.and_then(|m| m.resolve(&catalog.zone, Edge::End).ok()),
                verdict: Verdict::Refused,
            });
        }
        for (subject, steps) in &mut steps {
            // Requests come in order of name, and the sort keeps it within an instant.
            steps.sort_by_key(|step| step.from);
            judge(catalog, subject, steps, problems);
        }
        let mut timeline = Self {
            catalog,
            steps,
            instants: BTreeMap::new(),
            reports: HashMap::default(),
        };
        timeline.index();
        timeline
    }

    fn index(&mut self) {
        (self.instants, self.reports) = rayon::join(|| self.instants(), || self.all_reports());
    }

    fn all_reports(&self) -> HashMap<&'a UserName, Vec<&'a UserName>> {
        let mut all: HashMap<_, Vec<_>> = HashMap::default();
        for (name, user) in &self.catalog.users {
            if let Some(supervisor) = &user.spec.supervisor {
                all.entry(supervisor).or_default().push(name);
            }
        }
        for (subject, step) in self.all_steps() {
            let set = step.request.spec.set.as_ref();
            let set = set.filter(|_| step.verdict == Verdict::Applies);
            if let Some(supervisor) = set.and_then(|s| s.supervisor.as_ref()) {
                let reports = all.entry(supervisor).or_default();
                if let Err(place) = reports.binary_search(&subject) {
                    reports.insert(place, subject);
                }
            }
        }
        all
    }

    fn instants(&self) -> BTreeMap<Timestamp, Touched<'a>> {
        let catalog = self.catalog;
        let mut marks = Marks {
            catalog,
            instants: BTreeMap::new(),
        };
        for (name, user) in &catalog.users {
            marks.user(name, &user.spec);
        }
        for identity in catalog.identities.values() {
            marks.identity(&identity.spec);
        }
        for profile in catalog.profiles.values() {
            marks.profile(&profile.spec);
        }
        for (subject, steps) in &self.steps {
            for step in steps.iter().filter(|s| s.verdict == Verdict::Applies) {
                marks.step(subject, step);
            }
        }
        marks.instants
    }

    /// Everybody at an instant.
    pub fn at(&self, now: Timestamp) -> Folded {
        let users = &self.catalog.users;
        let subjects = self.steps.keys().copied();
        let new = subjects.filter(|subject| !users.contains_key(*subject));
        let mut names: Vec<&UserName> = users.keys().chain(new).collect();
        names.sort();
        self.fold(&names, now)
    }

    /// These users at an instant.
    pub fn these(&self, names: &BTreeSet<UserName>, now: Timestamp) -> Folded {
        let names: Vec<&UserName> = names.iter().collect();
        self.fold(&names, now)
    }

    /// These users, who are sorted, at an instant.
    fn fold(&self, names: &[&UserName], now: Timestamp) -> Folded {
        let one = |name: &&UserName| {
            let user = self.user(name, now)?;
            Some(((*name).clone(), Box::new(user)))
        };
        let people: Vec<_> = names.par_iter().filter_map(one).collect();
        Folded {
            people: people.into_iter().collect(),
            later: self.after(now).collect(),
        }
    }

    /// One user at an instant; none where nothing declares them by then.
    pub fn user(&self, name: &UserName, now: Timestamp) -> Option<FoldedUser> {
        let steps = self.steps.get(name).map(Vec::as_slice);
        self.through(name, steps.unwrap_or_default(), now)
    }

    /// One user as the first of their requests make them; none where nothing declares them by then.
    pub fn after_first(&self, name: &UserName, count: usize, now: Timestamp) -> Option<FoldedUser> {
        self.through(name, self.steps(name).get(..count)?, now)
    }

    fn through(&self, name: &UserName, steps: &[Step<'_>], now: Timestamp) -> Option<FoldedUser> {
        let catalog = self.catalog;
        let mut user = catalog.users.get(name).map(|u| declared(catalog, name, u));
        for step in steps {
            if step.verdict != Verdict::Applies {
                continue;
            }
            if self.in_force(step, user.is_some(), now) {
                user = put(catalog, user, step, now);
            } else if let (Some(user), true) = (&mut user, step.from <= now) {
                // What it gave is gone by its end, and that is why.
                user.changed.insert(0, step.ended());
            }
        }
        if let Some(user) = &mut user {
            lapse(catalog, user);
        }
        user
    }

    /// Whether a layer lies over an instant. A new hire is there a while before the start.
    fn in_force(&self, step: &Step<'_>, is_known: bool, now: Timestamp) -> bool {
        let Step { from, until, .. } = step;
        match step.request.spec.action {
            RequestAction::Activate if !is_known => ahead(self.catalog, *from) <= now,
            // What it gives ends with the user's time here, not before.
            RequestAction::Activate | RequestAction::Terminate | RequestAction::Resume => {
                *from <= now
            }
            RequestAction::Change | RequestAction::Suspend => {
                *from <= now && until.is_none_or(|until| now < until)
            }
        }
    }

    /// Instants after one at which something changes; sorted.
    pub fn after(&self, now: Timestamp) -> impl Iterator<Item = Timestamp> + '_ {
        let later = (
            std::ops::Bound::Excluded(now),
            std::ops::Bound::<Timestamp>::Unbounded,
        );
        self.instants.range(later).map(|(instant, _)| *instant)
    }

    /// Those who are otherwise at an instant than just before, themselves or by what their supervisor
    /// is; none where that may be everybody.
    pub fn touched(&self, instant: Timestamp) -> Option<BTreeSet<UserName>> {
        match self.instants.get(&instant) {
            None => Some(BTreeSet::new()),
            Some(Touched::Everybody) => None,
            Some(Touched::These(names)) => {
                let reports = names.iter().filter_map(|name| self.reports.get(name));
                let reports = reports.flatten().copied();
                Some(names.iter().copied().chain(reports).cloned().collect())
            }
        }
    }

    /// Who ever reports to a user.
    pub fn reports(&self, supervisor: &UserName) -> impl Iterator<Item = &'a UserName> {
        let reports = self.reports.get(supervisor);
        reports.into_iter().flatten().copied()
    }

    /// The request that says whom a user reports to at an instant; none where only their manifest does.
    pub fn sets_supervisor(
        &self,
        name: &UserName,
        now: Timestamp,
    ) -> Option<&'a Linked<RequestSpec>> {
        let mut is_known = self.catalog.users.contains_key(name);
        let mut found = None;
        for step in self.steps(name) {
            if step.verdict == Verdict::Applies && self.in_force(step, is_known, now) {
                is_known = true;
                let set = step.request.spec.set.as_ref();
                if set.is_some_and(|set| set.supervisor.is_some()) {
                    found = Some(step.request);
                }
            }
        }
        found
    }

    /// The requests of one subject, in order.
    pub fn steps(&self, subject: &UserName) -> &[Step<'a>] {
        self.steps.get(subject).map_or(&[], Vec::as_slice)
    }

    /// Every request that fits the state it meets, by subject and in order.
    pub fn all_steps(&self) -> impl Iterator<Item = (&'a UserName, &Step<'a>)> {
        self.steps
            .iter()
            .flat_map(|(subject, steps)| steps.iter().map(|step| (*subject, step)))
    }

    /// Reports changes after an instant that change nothing, and values that another of the user wins over.
    pub fn without_effect(&self, now: Timestamp, problems: &mut Vec<Problem>) {
        for (subject, steps) in &self.steps {
            for (i, step) in steps.iter().enumerate() {
                let set = step.request.spec.set.as_ref();
                let set = set.filter(|_| step.verdict == Verdict::Applies);
                let said = set.and_then(|s| overruled(&s.attributes, &step.request.at, "set."));
                if let Some(problem) = said
                    && let Some(after) = self.through(subject, &steps[..=i], step.from)
                    && after.spec.title.is_some()
                {
                    problems.push(problem);
                }
                let is_change = step.request.spec.action == RequestAction::Change;
                if !is_change || step.verdict != Verdict::Applies || step.from <= now {
                    continue;
                }
                let before = self.through(subject, &steps[..i], step.from);
                let after = self.through(subject, &steps[..=i], step.from);
                if same(before.as_ref(), after.as_ref()) {
                    problems.push(
                        Problem::new(
                            Code::RequestWithoutEffect,
                            &step.request.at,
                            "action",
                            format!("this changes nothing of `{subject}` at that instant"),
                        )
                        .help("take the request out, or check what it names"),
                    );
                }
            }
        }
    }
}

/// Whether two users are the same, whatever made them so.
fn same(before: Option<&FoldedUser>, after: Option<&FoldedUser>) -> bool {
    fn values<T>(list: &[super::Assigned<T>]) -> Vec<&T> {
        list.iter().map(|a| &a.value).collect()
    }
    match (before, after) {
        (Some(a), Some(b)) => {
            a.spec == b.spec
                && values(&a.profiles) == values(&b.profiles)
                && values(&a.access) == values(&b.access)
                && a.without.len() == b.without.len()
                && values(&a.identities) == values(&b.identities)
                && a.taken.len() == b.taken.len()
                && a.kept.len() == b.kept.len()
        }
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    }
}

/// The instant at which a new account is made, for a start.
pub fn ahead(catalog: &Catalog, start: Timestamp) -> Timestamp {
    match &catalog.config.spec.create_ahead {
        Some(span) => span.before(start, &catalog.zone),
        None => start,
    }
}

/// Gathers the instants at which something begins or ends.
struct Marks<'a> {
    catalog: &'a Catalog,
    instants: BTreeMap<Timestamp, Touched<'a>>,
}

impl<'a> Marks<'a> {
    fn put(&mut self, instant: Timestamp, name: &'a UserName) {
        match self
            .instants
            .entry(instant)
            .or_insert_with(|| Touched::These(BTreeSet::new()))
        {
            Touched::Everybody => {}
            Touched::These(names) => {
                names.insert(name);
            }
        }
    }

    fn end(&self, moment: &Moment) -> Option<Timestamp> {
        moment.resolve(&self.catalog.zone, Edge::End).ok()
    }

    fn ends(&mut self, moments: impl IntoIterator<Item = &'a Moment>, name: &'a UserName) {
        for moment in moments {
            if let Some(end) = self.end(moment) {
                self.put(end, name);
            }
        }
    }

    /// A departure, and when the groups go that are kept for a time.
    fn departure(&mut self, at: Timestamp, name: &'a UserName) {
        self.put(at, name);
        let leavers = self.catalog.config.spec.leavers.iter();
        for later in leavers.flat_map(|l| &l.strip_after) {
            let end = later.after.after(at, &self.catalog.zone);
            self.put(end, name);
        }
    }

    fn start(&mut self, at: Timestamp, name: &'a UserName) {
        self.put(at, name);
        self.put(ahead(self.catalog, at), name);
    }

    fn user(&mut self, name: &'a UserName, spec: &'a UserSpec) {
        let catalog = self.catalog;
        let zone = &catalog.zone;
        let start = spec.start_date.as_ref();
        if let Some(start) = start.and_then(|m| m.resolve(zone, Edge::Start).ok()) {
            self.start(start, name);
        }
        if let Some(end) = spec.end_date.as_ref().and_then(|m| self.end(m)) {
            self.departure(end, name);
        }
        let left = spec.departure.as_ref();
        if let Some(at) = left.and_then(|d| d.at.resolve(zone, Edge::Start).ok()) {
            self.departure(at, name);
        }
        self.ends(spec.access.iter().filter_map(|a| a.until.as_ref()), name);
        if let Some(deputy) = &spec.deputy {
            let begins = deputy.from.as_ref();
            if let Some(begins) = begins.and_then(|m| m.resolve(zone, Edge::Start).ok()) {
                self.put(begins, name);
            }
            self.ends(&deputy.until, name);
        }
    }

    fn identity(&mut self, spec: &'a IdentitySpec) {
        let roles = spec.roles.iter().filter_map(|r| r.until.as_ref());
        let values = spec.scopes.values().flatten();
        let values = values.filter_map(|v| v.until.as_ref());
        self.ends(spec.until.iter().chain(roles).chain(values), &spec.user);
    }

    fn profile(&mut self, spec: &'a crate::manifest::ProfileSpec) {
        let access = spec.access.iter().filter_map(|a| a.until.as_ref());
        let identities = spec.identities.iter().flat_map(ends_of);
        for moment in access.chain(identities) {
            if let Some(end) = self.end(moment) {
                self.instants.insert(end, Touched::Everybody);
            }
        }
    }

    fn step(&mut self, subject: &'a UserName, step: &Step<'a>) {
        let RequestSpec {
            action,
            set,
            profiles,
            access,
            identities,
            ..
        } = &*step.request.spec;
        match action {
            RequestAction::Activate => {
                self.start(step.from, subject);
                if let Some(until) = step.until {
                    self.departure(until, subject);
                }
            }
            RequestAction::Terminate => self.departure(step.from, subject),
            RequestAction::Change | RequestAction::Suspend | RequestAction::Resume => {
                self.put(step.from, subject);
                if let Some(until) = step.until {
                    self.put(until, subject);
                }
            }
        }
        if let Some(end) = set.as_ref().and_then(|s| s.end_date.as_ref())
            && let Some(end) = self.end(end)
        {
            self.departure(end, subject);
        }
        let kept = profiles.iter().filter_map(|p| p.keep_until.as_ref());
        let added = access.iter().flat_map(|a| &a.add);
        let added = added.filter_map(|a| a.until.as_ref());
        let given = identities.iter().flat_map(|i| &i.add).flat_map(ends_of);
        self.ends(kept.chain(added).chain(given), subject);
    }
}

/// The ends that an identity names.
fn ends_of(identity: &crate::manifest::identity::GivenIdentity) -> impl Iterator<Item = &Moment> {
    let roles = identity.roles.iter().filter_map(|r| r.until.as_ref());
    let values = identity.scopes.values().flatten();
    let values = values.filter_map(|v| v.until.as_ref());
    identity.until.iter().chain(roles).chain(values)
}
