//! A pull request, for what it means: who gains and loses what, when, at what cost, and which policies
//! object. Two catalogs → a [`Proposal`]. Pure; needs no directory and no credentials.
//!
//! Both revisions are followed through time side by side. At once, the two states are compared; at each
//! later instant what happens with the pull request is compared with what would happen without it. So a
//! request for next month shows next month, and taking away a planned departure shows as access kept.

pub mod barred;
pub mod control;
mod maintained;
pub mod office;
pub mod reserved;

use crate::catalog::{Catalog, Problem};
use crate::desired::accounts::Accounts;
use crate::desired::expand::{Glance, Outlook, kept_names};
use crate::desired::{Cause, EntitlementKey, Person, Recipient, ResourceTerms};
use crate::impact::{Between, Impact, What, compare};
use crate::manifest::resource::{Connector, SignIn};
use crate::name::{RequestName, ResourceName, UserName};
use crate::policy::Policies;
use crate::policy::judge::{Behind, Grant, Inquiry, Objection, Step, Watch, of_state};
use crate::policy::world::Lens;
use crate::request::Timeline;
use barred::{Comparison, Difference};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How many users may be looked at in all for policies of a state that ask about the whole.
const WHOLE: usize = 200_000;

/// What a pull request means.
#[derive(Debug, Clone, PartialEq)]
pub struct Proposal {
    /// The instant it is looked at.
    pub now: Timestamp,
    /// What becomes otherwise, instant by instant; instants at which nothing does are left out.
    pub stages: Vec<Stage>,
    /// Seats that are taken or given back.
    pub seats: Vec<Seats>,
    /// Who is mailed what to do.
    pub mails: Vec<Mail>,
    /// Requests that are added or changed.
    pub requests: Vec<RequestName>,
    /// Policies that do not say yes.
    pub objections: Vec<Objection>,
    /// What becomes otherwise as far as access goes, for who decides what that needs.
    pub differences: Vec<Difference>,
}

/// What becomes otherwise at one instant.
#[derive(Debug, Clone, PartialEq)]
pub struct Stage {
    /// The instant; none: at once.
    pub at: Option<Timestamp>,
    /// What happens then that would not happen without the pull request.
    pub impacts: Vec<Impact>,
    /// What would happen then, and does not with it.
    pub averted: Vec<Impact>,
}

/// Seats of a resource, before and after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seats {
    /// The resource.
    pub resource: ResourceName,
    /// Its name as people read it.
    pub display_name: String,
    /// When; none: at once.
    pub at: Option<Timestamp>,
    /// How many are taken without the pull request.
    pub before: usize,
    /// How many with it.
    pub after: usize,
    /// How many there are.
    pub seats: u32,
}

/// What one group of maintainers will be asked.
#[derive(Debug, Clone, PartialEq)]
pub struct Mail {
    /// The resource.
    pub resource: ResourceName,
    /// Its name as people read it.
    pub display_name: String,
    /// To whom.
    pub to: Vec<Recipient>,
    /// When; none: at once.
    pub at: Option<Timestamp>,
    /// For whom what is given, changed and taken.
    pub what: Vec<(UserName, What)>,
}

impl Proposal {
    /// Whether it changes nothing that anybody would notice.
    pub fn is_empty(&self) -> bool {
        self.stages.is_empty()
    }

    /// Reads what one revision means to the one before, for who stands behind it.
    pub fn new(before: &Catalog, after: &Catalog, behind: Behind<'_>, now: Timestamp) -> Self {
        Self::told(before, after, behind, now).0
    }

    /// The same, and what time brings of mistakes in the proposed revision.
    pub fn told(
        before: &Catalog,
        after: &Catalog,
        behind: Behind<'_>,
        now: Timestamp,
    ) -> (Self, Vec<Problem>) {
        let (mut ignored, mut problems) = (Vec::new(), Vec::new());
        let accounts = Accounts::default();
        let old_line = Timeline::new(before, &mut ignored);
        let new_line = Timeline::new(after, &mut problems);
        let kept = kept_names(before, &old_line, &accounts, now);
        let mut old = Outlook::new(before, &old_line, &accounts).keeping(&kept);
        let mut new = Outlook::new(after, &new_line, &accounts).keeping(&kept);
        let told = problems.len();
        let (_, mut at_first) =
            rayon::join(|| old.at(now, &mut ignored), || new.at(now, &mut problems));
        if old.names().differ_in(new.names()) {
            // Whoever has names keeps them, unless somebody says others (MODEL 3).
            problems.truncate(told);
            new = Outlook::new(after, &new_line, &accounts).keeping(old.names());
            at_first = new.at(now, &mut problems);
        }
        let both = [
            Policies::compile(after, &mut problems),
            // Rules come from before; where a policy is as it was, it need not be asked twice.
            Policies::compile(before, &mut ignored).except(after),
        ];
        let at_once = lens(before, &old_line, old.people(), now);
        let mut inquiries = both
            .each_ref()
            .map(|p| Inquiry::new(p, &at_once, behind, now));
        let mut reader = Reader {
            after,
            stages: Vec::new(),
            seats: Vec::new(),
            mails: Vec::new(),
            objections: Vec::new(),
            looked_at: 0,
        };
        let mut watch = Watch::new(&both[0]);
        let names = &at_first.names;
        watch.look(
            &lens(after, &new_line, new.people(), now),
            names,
            false,
            &mut problems,
        );
        let said = said_anew(before, after);
        let first_people = new.people().clone();
        let mut comparison = Comparison::default();
        {
            let names: BTreeSet<&UserName> =
                old.people().keys().chain(new.people().keys()).collect();
            comparison.look(now, names.iter().copied(), old.people(), new.people());
            let directory = &after.config.spec.directory;
            let mut impacts = compare(
                Between::Revisions,
                directory,
                old.people(),
                new.people(),
                names,
            );
            impacts
                .iter_mut()
                .for_each(|impact| no_longer(impact, old.people()));
            let stage = Stage {
                at: None,
                impacts,
                averted: Vec::new(),
            };
            let sides = Sides {
                old: at_once,
                new: lens(after, &new_line, new.people(), now),
                old_before: old.people(),
                new_before: old.people(),
            };
            reader.stage(stage, &sides, &new, &said, (&both, &mut inquiries));
        }
        let instants: BTreeSet<Timestamp> =
            old_line.after(now).chain(new_line.after(now)).collect();
        for instant in instants {
            let without = old.at(instant, &mut ignored);
            let with = new.at(instant, &mut problems);
            let both_names: BTreeSet<&UserName> = without.names.iter().chain(&with.names).collect();
            comparison.look(instant, both_names, old.people(), new.people());
            let proposed = lens(after, &new_line, new.people(), instant);
            watch.look(&proposed, &with.names, true, &mut problems);
            let happens = |glance: &Glance, outlook: &Outlook<'_>, catalog: &Catalog| {
                let directory = &catalog.config.spec.directory;
                compare(
                    Between::Instants,
                    directory,
                    &glance.before,
                    outlook.people(),
                    &glance.names,
                )
            };
            let without_it = happens(&without, &old, before);
            let with_it = happens(&with, &new, after);
            let stage = Stage {
                at: Some(instant),
                impacts: less(&with_it, &without_it),
                averted: less(&without_it, &with_it),
            };
            let sides = Sides {
                old: lens(before, &old_line, old.people(), instant),
                new: proposed,
                old_before: &without.before,
                new_before: &with.before,
            };
            let nobody = BTreeSet::new();
            reader.stage(stage, &sides, &new, &nobody, (&both, &mut inquiries));
        }
        let requests: Vec<RequestName> = after
            .requests
            .iter()
            .filter(|(name, new)| {
                before
                    .requests
                    .get(*name)
                    .is_none_or(|old| old.spec != new.spec)
            })
            .map(|(name, _)| name.clone())
            .collect();
        watch.finish(&lens(after, &new_line, new.people(), now), &mut problems);
        new_line.without_effect(now, &mut problems);
        let first = lens(after, &new_line, &first_people, now);
        for inquiry in inquiries {
            reader.object(inquiry.finish(&first, &requests).objections);
        }
        let Reader {
            stages,
            seats,
            mails,
            objections,
            ..
        } = reader;
        let proposal = Self {
            now,
            stages,
            seats,
            mails,
            requests,
            objections,
            differences: comparison.found,
        };
        old.let_go();
        new.let_go();
        rayon::spawn(move || drop(first_people));
        (proposal, problems)
    }
}

/// Users of whom the two revisions say something else, whether or not anybody would notice.
fn said_anew<'a>(before: &'a Catalog, after: &'a Catalog) -> BTreeSet<&'a UserName> {
    let mut names = BTreeSet::new();
    for (name, new) in &after.users {
        let old = before.users.get(name);
        if old.is_none_or(|old| old.spec != new.spec || old.labels != new.labels) {
            names.insert(name);
        }
    }
    names.extend(
        before
            .users
            .keys()
            .filter(|name| !after.users.contains_key(*name)),
    );
    for (name, new) in &after.requests {
        if before
            .requests
            .get(name)
            .is_none_or(|old| old.spec != new.spec)
        {
            names.insert(&new.spec.subject);
        }
    }
    for (name, old) in &before.requests {
        if !after.requests.contains_key(name) && !after.archived.contains_key(name) {
            names.insert(&old.spec.subject);
        }
    }
    names
}

/// What is lost without a request is lost because what gave it is gone.
fn no_longer(impact: &mut Impact, before: &People) {
    let What::Loses { entitlement, .. } = &impact.what else {
        return;
    };
    if impact.causes.is_empty() {
        let held = before
            .get(&impact.user)
            .and_then(|p| p.entitlements.get(entitlement));
        let causes = held.into_iter().flat_map(|held| &held.causes);
        impact.causes = causes
            .map(|cause| {
                let text = format!("no longer {}", cause.text);
                Cause::new(text, cause.file.clone(), cause.line)
            })
            .collect();
    }
}

/// What of the first is not in the second; why it happens does not count.
fn less(all: &[Impact], but: &[Impact]) -> Vec<Impact> {
    let but: BTreeSet<(&UserName, &What)> = but.iter().map(|i| (&i.user, &i.what)).collect();
    let rest = all.iter().filter(|i| !but.contains(&(&i.user, &i.what)));
    rest.cloned().collect()
}

/// What policies see of a revision at an instant.
fn lens<'a>(
    catalog: &'a Catalog,
    timeline: &'a Timeline<'a>,
    people: &'a People,
    now: Timestamp,
) -> Lens<'a> {
    Lens {
        catalog,
        timeline,
        now,
        people,
    }
}

/// Everybody by name.
type People = BTreeMap<UserName, Arc<Person>>;

/// The two states at an instant, and those who change as they were just before.
struct Sides<'a> {
    old: Lens<'a>,
    new: Lens<'a>,
    old_before: &'a People,
    new_before: &'a People,
}

struct Reader<'c> {
    after: &'c Catalog,
    stages: Vec<Stage>,
    seats: Vec<Seats>,
    mails: Vec<Mail>,
    objections: Vec<Objection>,
    looked_at: usize,
}

impl Reader<'_> {
    fn stage(
        &mut self,
        stage: Stage,
        sides: &Sides<'_>,
        outlook: &Outlook<'_>,
        said: &BTreeSet<&UserName>,
        (policies, inquiries): (&[Policies<'_>; 2], &mut [Inquiry<'_>; 2]),
    ) {
        if stage.impacts.is_empty()
            && stage.averted.is_empty()
            && said.is_empty()
            && stage.at.is_some()
        {
            return;
        }
        let touched = stage.impacts.iter().chain(&stage.averted).map(|i| &i.user);
        let users: BTreeSet<&UserName> = touched.chain(said.iter().copied()).collect();
        let step = Step {
            at: stage.at,
            old: sides.old,
            new: sides.new,
            users: users.into_iter().collect(),
            gained: grants(&stage, sides, true),
            lost: grants(&stage, sides, false),
        };
        for inquiry in inquiries {
            inquiry.step(&step);
        }
        // Of everybody at a later instant only as long as that is not too many; `validate` looks further.
        self.looked_at += step.new.people.len();
        let whole = step.at.is_none() || self.looked_at <= WHOLE;
        for policies in policies {
            let found = of_state(policies, &step, whole);
            self.object(found);
        }
        self.count_seats(&step);
        self.post(&stage, outlook);
        if !(stage.impacts.is_empty() && stage.averted.is_empty()) {
            self.stages.push(stage);
        }
    }

    fn object(&mut self, objections: Vec<Objection>) {
        for objection in objections {
            let known = self.objections.iter().any(|o| o.says_the_same(&objection));
            if !known {
                self.objections.push(objection);
            }
        }
    }

    fn count_seats(&mut self, step: &Step<'_>) {
        let moved = step.gained.iter().chain(&step.lost);
        let resources: BTreeSet<&ResourceName> = moved.map(|(_, key, _)| &key.resource).collect();
        for name in resources {
            let resource = self.after.resources.get(name);
            let Some((resource, seats)) = resource.and_then(|r| Some((r, r.spec.seats?))) else {
                continue;
            };
            let holders = |lens: &Lens<'_>| {
                let people = lens.people.values();
                let holds =
                    |p: &&Arc<Person>| p.entitlements.keys().any(|key| key.resource == *name);
                people.filter(holds).count()
            };
            let (before, after) = (holders(&step.old), holders(&step.new));
            if before != after {
                let shown = resource.spec.display_name.clone();
                self.seats.push(Seats {
                    resource: name.clone(),
                    display_name: shown.unwrap_or_else(|| name.to_string()),
                    at: step.at,
                    before,
                    after,
                    seats,
                });
            }
        }
    }

    /// Who will be asked by mail to do what: whoever maintains it at that instant.
    fn post(&mut self, stage: &Stage, outlook: &Outlook<'_>) {
        let mut all: Vec<(&UserName, What)> = Vec::new();
        for impact in &stage.impacts {
            let person = outlook.people().get(&impact.user);
            match &impact.what {
                What::Gains { .. } | What::Loses { .. } | What::Updates { .. } => {
                    all.push((&impact.user, impact.what.clone()));
                }
                What::Suspended => all.extend(leave(person, &impact.user, Leave::Begins)),
                What::Resumes => all.extend(leave(person, &impact.user, Leave::Ends)),
                What::Leaves { .. }
                | What::AccountMade { .. }
                | What::Begins
                | What::Renamed { .. }
                | What::Supervisor { .. }
                | What::Moves { .. }
                | What::Field { .. }
                | What::Disables { .. }
                | What::Enables { .. } => {}
            }
        }
        if all.is_empty() {
            return;
        }
        let terms = outlook.desired().resources;
        let mut asked: BTreeMap<&ResourceName, Vec<(UserName, What)>> = BTreeMap::new();
        for (user, what) in &all {
            let (What::Gains { entitlement, .. }
            | What::Loses { entitlement, .. }
            | What::Updates { entitlement, .. }
            | What::Disables { entitlement, .. }
            | What::Enables { entitlement, .. }) = what
            else {
                continue;
            };
            let of_leave = matches!(what, What::Disables { .. } | What::Enables { .. });
            let by_mail = |t: &&ResourceTerms| {
                let is_manual = t.connector == Connector::Manual && t.follows.is_none();
                is_manual && (!of_leave || t.sign_in == SignIn::Own)
            };
            if terms.get(&entitlement.resource).filter(by_mail).is_some() {
                let of_resource = asked.entry(&entitlement.resource).or_default();
                of_resource.push(((*user).clone(), what.clone()));
            }
        }
        for (resource, what) in asked {
            let terms = terms.get(resource);
            self.mails.push(Mail {
                resource: resource.clone(),
                display_name: terms
                    .map_or_else(|| resource.to_string(), |t| t.display_name.clone()),
                to: terms.map(|t| t.maintainers.clone()).unwrap_or_default(),
                at: stage.at,
                what,
            });
        }
    }
}

/// Which end of a leave of absence.
#[derive(Clone, Copy)]
enum Leave {
    Begins,
    Ends,
}

/// What of everything somebody holds is stopped for a leave, or works again after it.
fn leave<'p>(
    person: Option<&'p Arc<Person>>,
    user: &'p UserName,
    leave: Leave,
) -> impl Iterator<Item = (&'p UserName, What)> {
    let held = person.into_iter().flat_map(|person| &person.entitlements);
    held.map(move |(key, entitlement)| {
        let (entitlement, label) = (key.clone(), entitlement.label.to_string());
        let what = match leave {
            Leave::Begins => What::Disables { entitlement, label },
            Leave::Ends => What::Enables { entitlement, label },
        };
        (user, what)
    })
}

/// Access that comes with the pull request, or that goes: what would have gone and stays comes, too.
///
/// Invariant: whoever holds with the pull request at some instant what they would not hold without it
/// gains it at that instant, or at an earlier one from which on that is so.
fn grants<'a>(stage: &'a Stage, sides: &Sides<'a>, coming: bool) -> Vec<Grant<'a>> {
    let mut found: BTreeMap<_, Grant<'a>> = BTreeMap::new();
    let held = |people: &'a People, user: &UserName, key: &EntitlementKey| {
        let (user, person) = people.get_key_value(user)?;
        let (key, held) = person.entitlements.get_key_value(key)?;
        Some((user, key, held))
    };
    for (impacts, happens) in [(&stage.impacts, true), (&stage.averted, false)] {
        for impact in impacts {
            let (entitlement, gains) = match &impact.what {
                What::Gains { entitlement, .. } => (entitlement, true),
                What::Loses { entitlement, .. } => (entitlement, false),
                What::Leaves { .. }
                | What::AccountMade { .. }
                | What::Begins
                | What::Suspended
                | What::Resumes
                | What::Renamed { .. }
                | What::Supervisor { .. }
                | What::Moves { .. }
                | What::Field { .. }
                | What::Updates { .. }
                | What::Disables { .. }
                | What::Enables { .. } => continue,
            };
            if (gains == happens) != coming {
                continue;
            }
            // What would have gone, and is gone already, does not come; nor goes what came already.
            let holds = held(sides.new.people, &impact.user, entitlement).is_some();
            if holds != coming {
                continue;
            }
            // As it is where it is held: after it came, before it goes.
            let places = match (happens, gains) {
                (true, true) => [sides.new.people, sides.new_before],
                (true, false) => [sides.new_before, sides.old.people],
                (false, true) => [sides.old.people, sides.old_before],
                (false, false) => [sides.new.people, sides.old_before],
            };
            let grant = places
                .into_iter()
                .find_map(|people| held(people, &impact.user, entitlement));
            if let Some(grant) = grant {
                found.insert((&impact.user, entitlement), grant);
            }
        }
    }
    found.into_values().collect()
}
