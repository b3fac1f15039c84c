//! A plan beyond what one run may do → what of it may be done all the same, the rest held, and the
//! administrators told once (SEMANTICS 24).
//!
//! Urgent leavers do not wait for a guard; they have a limit of their own. Whoever is an administrator
//! may allow a held plan: then what it had is done, once, and nothing besides.

use crate::connector::Guid;
use crate::desired::{Desired, Recipient};
use crate::diagnostic::Code;
use crate::ledger::{Event, History};
use crate::name::UserName;
use crate::observed::Directory;
use crate::plan::limits::Outer;
use crate::plan::recorded::{Recorded, Told};
use crate::plan::{
    Action, Because, Change, GuardResult, Notice, NoticeKey, NoticeKind, NoticePart, Plan, Step,
    TaskId, Verdict,
};
use crate::report::plan::told;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;

/// How many lines of what is held an administrator is mailed; the plan has them all.
const MAILED: usize = 40;

/// Accounts recorded as people's from which on it is noticed that half of them are gone.
const ENOUGH: usize = 10;

/// A plan that is within its guards, and what the record has to say of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Guarded {
    /// The plan.
    pub plan: Plan,
    /// What is recorded before it is carried out.
    pub events: Vec<Event>,
    /// The digests that allow what is held; none where no guard holds anything.
    pub held: Vec<String>,
}

/// What guards are asked with.
#[derive(Debug, Clone, Copy)]
pub struct Guards<'a> {
    /// What is recorded.
    pub history: &'a History,
    /// What should be.
    pub desired: &'a Desired,
    /// What was read of the directory.
    pub directory: Option<&'a Directory>,
    /// The operator's limits.
    pub outer: &'a Outer,
    /// Urgent leavers a day.
    pub urgent_per_day: u32,
}

/// Holds what is beyond a guard.
pub fn guarded(plan: Plan, guards: &Guards<'_>) -> Guarded {
    let mut guarded = urgent(plan, guards);
    let mut beyond: Vec<GuardResult> = Vec::new();
    beyond.extend(
        guarded
            .plan
            .guards
            .iter()
            .filter(|g| g.verdict == Verdict::Beyond)
            .cloned(),
    );
    beyond.extend(vanished(guards));
    if beyond.is_empty() {
        return guarded;
    }
    if let Some((plan, used)) = allowed(&guarded.plan, guards) {
        guarded.plan = plan;
        guarded.events.push(used);
        return guarded;
    }
    let waits = |step: Step<'_>| !is_urgent(step, guards.desired);
    let said = beyond.iter().map(said).collect::<Vec<_>>().join("; ");
    let mut guarded = guarded.waiting(&waits, &said, guards);
    let plan = &mut guarded.plan;
    // Nobody is told of what has not come about.
    plan.notices
        .retain(|n| is_of_what_waits(n.key.kind) || guards.desired.is_urgent_leaver(&n.key.user));
    // What is left is within them: nothing, or those who leave at once.
    for guard in &mut plan.guards {
        if guard.verdict == Verdict::Beyond {
            guard.verdict = Verdict::Within;
            guard.count = 0;
        }
    }
    plan.recount();
    guarded
}

impl Guarded {
    /// The same without the steps that wait for an administrator, who is told.
    fn waiting(self, waits: &dyn Fn(Step<'_>) -> bool, said: &str, guards: &Guards<'_>) -> Self {
        let Self {
            plan,
            mut events,
            mut held,
        } = self;
        let steps = known_by(&plan, waits);
        let digest = digest(&steps);
        let words = format!(
            "{said}. An administrator who has looked at it says `countersign allow {digest}`, or the limit is raised"
        );
        let subject = format!("a run waits for you: {said} ({digest})");
        let notice = notice(&plan, waits, &digest, subject, &words, guards);
        if guards.history.orders().held_run(&digest).is_none() {
            events.push(Event::RunHeld {
                digest: digest.clone(),
                steps: steps.into_iter().collect(),
            });
        }
        let because = Because {
            code: Code::GuardHeld,
            words,
        };
        let mut plan = plan.holding_back(&|step| waits(step).then(|| because.clone()));
        plan.notices.extend(notice);
        plan.notices.sort_by(|a, b| a.key.cmp(&b.key));
        plan.recount();
        held.push(digest);
        Self { plan, events, held }
    }
}

/// The plan with what an administrator allowed of it, and that it is used; none where nothing is allowed.
fn allowed(plan: &Plan, guards: &Guards<'_>) -> Option<(Plan, Event)> {
    let orders = guards.history.orders();
    let waits = |step: &Step<'_>| !is_urgent(*step, guards.desired);
    let (digest, allowance, steps) = orders.allowances(plan.instant).find(|(_, _, steps)| {
        plan.steps()
            .filter(waits)
            .any(|s| steps.contains(&named(s)))
    })?;
    let because = Because {
        code: Code::GuardHeld,
        words: format!("it came after the plan {digest} that was allowed; the next run asks anew"),
    };
    let kept = |step: Step<'_>| is_urgent(step, guards.desired) || steps.contains(&named(step));
    let mut plan = plan
        .clone()
        .holding_back(&|step| (!kept(step)).then(|| because.clone()));
    for guard in &mut plan.guards {
        if guard.verdict == Verdict::Beyond {
            guard.verdict = Verdict::Within;
            guard.limit = guard.count;
            guard.set_by = format!("allow {digest} by {}", allowance.by);
        }
    }
    let used = Event::AllowanceUsed {
        digest: digest.to_owned(),
    };
    Some((plan, used))
}

/// Urgent leavers whom a plan disables, in its order, and how many are let through still today.
fn urgent_leavers(plan: &Plan, guards: &Guards<'_>) -> (BTreeSet<UserName>, usize) {
    let limit = usize::try_from(guards.urgent_per_day).unwrap_or(usize::MAX);
    let since = plan.instant - SignedDuration::from_hours(24);
    let done = guards.history.disabled_since(since);
    let done = done
        .filter(|user| guards.desired.is_urgent_leaver(user))
        .count();
    let of_urgent = |c: &&Change| is_urgent(Step::Change(c), guards.desired);
    let disables = plan.changes.iter().filter(of_urgent);
    let disables = disables.filter(|c| c.action == Action::Disable);
    let users = disables.filter_map(|c| c.user.clone()).collect();
    (users, limit.saturating_sub(done))
}

/// What the guard of urgent leavers says of a plan; none where it lets all of them through.
pub fn too_many_urgent(plan: &Plan, guards: &Guards<'_>) -> Option<GuardResult> {
    let (users, free) = urgent_leavers(plan, guards);
    (users.len() > free).then(|| GuardResult {
        guard: "urgentPerDay".into(),
        count: users.len(),
        limit: free,
        managed: guards.history.recorded().accounts.len(),
        set_by: "operator".into(),
        verdict: Verdict::Beyond,
    })
}

/// Holds urgent leavers beyond the operator's limit of a day, unless an administrator lets them through.
fn urgent(plan: Plan, guards: &Guards<'_>) -> Guarded {
    let (users, free) = urgent_leavers(&plan, guards);
    let many = users.len();
    let over: BTreeSet<UserName> = users.into_iter().skip(free).collect();
    let guarded = Guarded {
        plan,
        events: Vec::new(),
        held: Vec::new(),
    };
    if over.is_empty() {
        return guarded;
    }
    let waits = |step: Step<'_>| step.user().is_some_and(|user| over.contains(user));
    let steps = known_by(&guarded.plan, &waits);
    let orders = guards.history.orders();
    let allowance = orders
        .allowances(guarded.plan.instant)
        .find(|(_, _, allowed)| steps.is_subset(allowed));
    if let Some((digest, _, _)) = allowance {
        let used = Event::AllowanceUsed {
            digest: digest.to_owned(),
        };
        return Guarded {
            events: vec![used],
            ..guarded
        };
    }
    let limit = guards.urgent_per_day;
    let said = format!(
        "{many} urgent leavers, and {free} are let through still of {limit} a day (`outer.guards.urgentPerDay`)"
    );
    let mut guarded = guarded.waiting(&waits, &said, guards);
    // Nobody is told that they have left.
    guarded
        .plan
        .notices
        .retain(|n| is_of_what_waits(n.key.kind) || !over.contains(&n.key.user));
    guarded.plan.recount();
    guarded
}

/// That half of the accounts that are recorded as people's are not there any more.
fn vanished(guards: &Guards<'_>) -> Option<GuardResult> {
    let directory = guards.directory?;
    let recorded = &guards.history.recorded().accounts;
    let guids: BTreeSet<Guid> = recorded.values().map(|account| account.guid).collect();
    let gone = guids
        .iter()
        .filter(|guid| !directory.accounts.contains_key(guid))
        .count();
    let limit = guids.len() / 2;
    (guids.len() >= ENOUGH && gone > limit).then(|| GuardResult {
        guard: "vanished".into(),
        count: gone,
        limit,
        managed: guids.len(),
        set_by: "default".into(),
        verdict: Verdict::Beyond,
    })
}

fn said(guard: &GuardResult) -> String {
    let GuardResult {
        guard,
        count,
        limit,
        managed,
        set_by,
        ..
    } = guard;
    match guard.as_str() {
        "vanished" => format!(
            "{count} of {managed} accounts that are recorded as people's are not in the directory"
        ),
        _ => format!("{count} {guard}, and {limit} are allowed in one run (by the {set_by})"),
    }
}

/// Whether a notice tells of something that waits, whatever a run does.
fn is_of_what_waits(kind: NoticeKind) -> bool {
    match kind {
        NoticeKind::Unapproved | NoticeKind::Guard | NoticeKind::Drift => true,
        NoticeKind::Acknowledgement | NoticeKind::Welcome | NoticeKind::Departure => false,
    }
}

/// Whether a step is of somebody whose leaving cannot wait.
fn is_urgent(step: Step<'_>, desired: &Desired) -> bool {
    let user = step.user();
    user.is_some_and(|user| desired.is_urgent_leaver(user))
}

/// What a step is known by.
fn named(step: Step<'_>) -> String {
    match step {
        Step::Change(change) => change.id.0.clone(),
        Step::Task(task) => {
            let TaskId(id) = &task.task.id;
            format!("{id}.{}", task.task.revision)
        }
    }
}

/// What the steps of a plan are known by that wait.
fn known_by(plan: &Plan, waits: &dyn Fn(Step<'_>) -> bool) -> BTreeSet<String> {
    plan.steps().filter(|s| waits(*s)).map(named).collect()
}

/// What a held plan is known by: the first 12 hex digits of a SHA-256 over its steps.
fn digest(steps: &BTreeSet<String>) -> String {
    use sha2::Digest as _;
    let mut hash = sha2::Sha256::new();
    for step in steps {
        hash.update(step.as_bytes());
        hash.update([0]);
    }
    let digest = hash.finalize();
    digest.iter().take(6).map(|b| format!("{b:02x}")).collect()
}

/// What the administrators are told still; none where they were, or there is nobody to tell.
fn notice(
    plan: &Plan,
    waits: &dyn Fn(Step<'_>) -> bool,
    digest: &str,
    subject: String,
    words: &str,
    guards: &Guards<'_>,
) -> Option<Notice> {
    let held: Vec<Step<'_>> = plan.steps().filter(|step| waits(*step)).collect();
    let mut lines: Vec<String> = held.iter().take(MAILED).map(|step| told(*step)).collect();
    let more = held.len().saturating_sub(MAILED);
    if more > 0 {
        lines.push(format!(
            "and {more} more: `countersign plan` shows them all"
        ));
    }
    let first = held.first()?;
    let (user, causes) = match first {
        Step::Change(change) => (change.user.clone(), &change.causes),
        Step::Task(task) => (Some(task.task.user.clone()), &task.task.causes),
    };
    let user = user.or_else(|| guards.desired.people.keys().next().cloned())?;
    let key = NoticeKey {
        user,
        kind: NoticeKind::Guard,
        by: digest.to_owned(),
    };
    let mut notice = Notice {
        id: key.id(),
        key,
        user_display: String::new(),
        to: Vec::new(),
        after: Vec::new(),
        subject,
        parts: vec![
            NoticePart {
                heading: "Held".into(),
                lines: vec![words.to_owned()],
            },
            NoticePart {
                heading: "What would have been done".into(),
                lines,
            },
        ],
        description: None,
        causes: causes.iter().take(1).cloned().collect(),
    };
    let recorded = guards.history.recorded();
    notice.to = untold(&notice.key, guards.desired, recorded, guards.outer)?;
    Some(notice)
}

/// The administrators who were not told something yet; none where all of them were.
pub(super) fn untold(
    key: &NoticeKey,
    desired: &Desired,
    recorded: &Recorded,
    outer: &Outer,
) -> Option<Vec<Recipient>> {
    let told = match recorded.notices.get(key) {
        Some(Told::All) => return None,
        Some(Told::These(addresses)) => addresses.clone(),
        None => BTreeSet::new(),
    };
    let administrators = desired.administrators.iter();
    let to = administrators
        .filter(|r| outer.may_mail(&r.mail) && !told.contains(&r.mail.to_lowercase()));
    Some(to.cloned().collect())
}

/// Until when an allowance given now holds.
pub fn until(now: Timestamp) -> Timestamp {
    now + SignedDuration::from_hours(24)
}
