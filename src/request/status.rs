//! Whether a request fits the state it meets: judged once for every request, in order of instant.

use super::timeline::{Step, Verdict};
use crate::catalog::duties::needs_end;
use crate::catalog::{Catalog, Linked, Problem};
use crate::diagnostic::Code;
use crate::manifest::parse::Location;
use crate::manifest::request::RequestAction;
use crate::manifest::user::UserState;
use crate::manifest::{Edge, Moment, RequestSpec, UserSpec, UserType};
use crate::name::{FieldName, ProfileName, UserName};
use jiff::Timestamp;
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};

/// Where a user is in their time here, as far as fitting goes.
struct Status<'a> {
    /// Whether anything declares the user yet.
    declared: bool,
    /// What ended their time here, if anything did.
    left: Option<Left<'a>>,
    /// When it ends by itself.
    end: Option<Timestamp>,
    /// When it begins, where it has not begun yet.
    start: Option<Timestamp>,
    /// Suspended by the manifest.
    suspended: bool,
    /// Leaves of absence: until when each lasts.
    leaves: Vec<Option<Timestamp>>,
    /// Questions that are answered.
    answered: BTreeSet<FieldName>,
    /// Profiles the user has by themselves.
    profiles: BTreeSet<ProfileName>,
    /// What sort of user.
    kind: Option<UserType>,
    /// Whether something could not be folded when the others were.
    open: bool,
}

/// What ended a user's time here.
#[derive(Clone, Copy)]
enum Left<'a> {
    /// The manifest says so.
    Manifest,
    /// The end date has passed.
    EndDate,
    /// A request ended it.
    Request(&'a Location),
}

impl<'a> Left<'a> {
    /// What ended it before any request of the timeline: the one that was folded, where one was.
    fn of(catalog: &'a Catalog, spec: &UserSpec) -> Option<Self> {
        if spec.state != UserState::Left {
            return None;
        }
        let request = spec.departure.as_ref().map(|d| &d.request);
        let folded = request.and_then(|request| catalog.archived.get(request));
        Some(folded.map_or(Self::Manifest, |folded| Self::Request(&folded.at)))
    }
}

impl<'a> Status<'a> {
    fn of(catalog: &'a Catalog, user: Option<&Linked<UserSpec>>) -> Self {
        let spec = user.map(|u| &u.spec);
        let at = |moment: Option<&Moment>, edge| moment?.resolve(&catalog.zone, edge).ok();
        let state = spec.map(|s| s.state);
        Self {
            declared: spec.is_some(),
            left: spec.and_then(|spec| Left::of(catalog, spec)),
            end: at(spec.and_then(|s| s.end_date.as_ref()), Edge::End),
            start: at(spec.and_then(|s| s.start_date.as_ref()), Edge::Start),
            suspended: state == Some(UserState::Suspended),
            leaves: Vec::new(),
            answered: spec.map_or_else(BTreeSet::new, |s| s.answers.keys().cloned().collect()),
            profiles: spec.map_or_else(BTreeSet::new, |s| s.profiles.iter().cloned().collect()),
            kind: spec.map(|s| s.kind),
            open: false,
        }
    }

    /// Lets time pass until an instant.
    fn pass(&mut self, now: Timestamp) {
        if self.left.is_none() && self.end.is_some_and(|end| end <= now) {
            self.left = Some(Left::EndDate);
        }
        self.leaves.retain(|end| end.is_none_or(|end| now < end));
    }

    fn is_suspended(&self) -> bool {
        self.suspended || !self.leaves.is_empty()
    }
}

/// Judges the requests of one subject, which are in order, and reports what does not fit.
pub(super) fn judge<'a>(
    catalog: &'a Catalog,
    subject: &UserName,
    steps: &mut [Step<'a>],
    problems: &mut Vec<Problem>,
) {
    let user = catalog.users.get(subject);
    let mut status = Status::of(catalog, user);
    let through = catalog.folded_through();
    for step in steps.iter_mut() {
        status.open |= through
            .is_some_and(|through| step.is_open(catalog, through) || step.takes_identities());
        status.pass(step.from);
        form(step, problems);
        step.verdict = fits(catalog, subject, user, &status, step, problems);
        if step.verdict == Verdict::Applies {
            advance(catalog, &mut status, step);
            bounded(&status, step, problems);
            answers(catalog, &mut status, step, problems);
        }
    }
    simultaneous(steps, problems);
}

fn contradiction(step: &Step<'_>, route: &str, message: String) -> Problem {
    Problem::new(Code::RequestContradiction, &step.request.at, route, message)
}

/// What a request's own words contradict.
fn form(step: &Step<'_>, problems: &mut Vec<Problem>) {
    let RequestSpec {
        action,
        until,
        urgent,
        set,
        profiles,
        access,
        identities,
        answers,
        account,
        ..
    } = &*step.request.spec;
    let word = action.as_str();
    let changes = matches!(action, RequestAction::Activate | RequestAction::Change);
    let given = [
        ("set", set.is_some()),
        ("profiles", profiles.is_some()),
        ("access", access.is_some()),
        ("identities", identities.is_some()),
        ("answers", !answers.is_empty()),
    ];
    let mut say = |route: &str, message: String, help: &str| {
        problems.push(contradiction(step, route, message).help(help));
    };
    for (field, _) in given.iter().filter(|(_, is_there)| *is_there && !changes) {
        say(
            &format!("={field}"),
            format!("a `{word}` changes nothing else, and `{field}` would be lost"),
            "write a Change beside it, or take the field out",
        );
    }
    if account.is_some() && *action != RequestAction::Activate {
        let message = format!("a `{word}` does not adopt an account");
        say(
            "=account",
            message,
            "put `account` on the user, or on an Activate",
        );
    }
    if *urgent && *action != RequestAction::Terminate {
        let message = format!("a `{word}` is not urgent: only a Terminate can be");
        say("=urgent", message, "take `urgent` out");
    }
    let ends = matches!(action, RequestAction::Terminate | RequestAction::Resume);
    if until.is_some() && ends {
        let message = format!("a `{word}` has no end");
        say(
            "=until",
            message,
            "take `until` out; a new request undoes this one",
        );
    }
    let remove = access.iter().any(|a| !a.remove.is_empty())
        || identities.iter().any(|i| !i.remove.is_empty())
        || profiles
            .iter()
            .any(|p| !p.remove.is_empty() || p.keep_until.is_some());
    if remove && *action == RequestAction::Activate {
        let message = "an `Activate` begins with nothing, so there is nothing to take away".into();
        say(
            "action",
            message,
            "take it out, or write a Change beside it",
        );
    }
    if profiles
        .iter()
        .any(|p| p.replace.is_some() && !(p.add.is_empty() && p.remove.is_empty()))
    {
        let message = "`replace` says all profiles, and stands beside `add` or `remove`".into();
        say("profiles.=replace", message, "keep `replace` alone");
    }
    let sets_end = set.as_ref().is_some_and(|s| s.end_date.is_some());
    if sets_end && until.is_some() {
        let message = match action {
            RequestAction::Activate => "`until` is the end date, and `set.endDate` says another",
            _ => "an end date cannot be changed for a time only",
        };
        say("set.=endDate", message.into(), "keep one of the two");
    }
    if step.until.is_some_and(|until| until <= step.from) {
        let message = "it ends before it begins".into();
        say("until", message, "check `effective` and `until`");
    }
}

fn fits(
    catalog: &Catalog,
    subject: &UserName,
    user: Option<&Linked<UserSpec>>,
    status: &Status<'_>,
    step: &Step<'_>,
    problems: &mut Vec<Problem>,
) -> Verdict {
    let spec = &step.request.spec;
    let word = spec.action.as_str();
    let void = |problem: Problem, verdict: Verdict, problems: &mut Vec<Problem>| {
        problems.push(problem);
        verdict
    };
    // What was open when the others were folded, and what came after it, still stands here.
    if let Some(through) = catalog.folded_through()
        && step.from < through
        && !status.open
    {
        let problem = Problem::new(
            Code::FoldedThrough,
            &step.request.at,
            "effective",
            "requests were folded through this instant already",
        )
        .help("ask for it from a later instant on; what was before is settled")
        .related(&catalog.config.at, "foldedThrough", "folded through here");
        return void(problem, Verdict::Refused, problems);
    }
    match (spec.action, status.declared, status.left) {
        (RequestAction::Activate, false, _) => {
            let said = spec.set.as_ref();
            if said.is_none_or(|set| set.kind.is_none() || set.organization.is_none()) {
                let message =
                    "a request that creates a user says at least `type` and `organization`";
                let problem = Problem::new(Code::MissingField, &step.request.at, "set", message)
                    .help("add them under `set`");
                return void(problem, Verdict::Refused, problems);
            }
            Verdict::Applies
        }
        (RequestAction::Activate, true, Some(_)) => Verdict::Applies,
        (RequestAction::Activate, true, None) => {
            let message = format!("`{subject}` is active already");
            let mut problem = contradiction(step, "subject", message)
                .help("for another person choose another name; for new access write a Change");
            if let Some(user) = user {
                problem = problem.related(&user.at, "/metadata.name", "declared here");
            }
            void(problem, Verdict::Refused, problems)
        }
        (_, false, _) => {
            let message = format!("`{subject}` is not known yet at that instant");
            let problem = contradiction(step, "effective", message)
                .help("choose an instant at or after the one they are activated at");
            void(problem, Verdict::Refused, problems)
        }
        (RequestAction::Terminate, true, Some(_)) => {
            let message = format!("`{subject}` has left already at that instant");
            void(without_effect(step, message), Verdict::Void, problems)
        }
        (_, true, Some(Left::Request(terminated))) => {
            let message = format!("`{subject}` has left at that instant, so this `{word}` is void");
            let problem = Problem::new(Code::RequestVoid, &step.request.at, "subject", message)
                .help("take it out; who comes back comes by an Activate")
                .related(terminated, "effective", "they leave here");
            void(problem, Verdict::Void, problems)
        }
        (_, true, Some(left)) => {
            let how = match left {
                Left::EndDate => "their end date has passed",
                Left::Manifest | Left::Request(_) => "the manifest says `state: left`",
            };
            let message = format!("`{subject}` has left at that instant: {how}");
            let problem = contradiction(step, "subject", message).help(
                "who comes back comes by an Activate; for a later end set it before it passes",
            );
            void(problem, Verdict::Refused, problems)
        }
        (RequestAction::Resume, true, None) if !status.is_suspended() => {
            let message = format!("`{subject}` is not on leave at that instant");
            void(without_effect(step, message), Verdict::Void, problems)
        }
        (RequestAction::Suspend, true, None) if is_covered(status, step) => {
            let message = format!("`{subject}` is on leave all that time already");
            void(without_effect(step, message), Verdict::Void, problems)
        }
        (
            RequestAction::Resume
            | RequestAction::Suspend
            | RequestAction::Change
            | RequestAction::Terminate,
            true,
            None,
        ) => Verdict::Applies,
    }
}

fn without_effect(step: &Step<'_>, message: String) -> Problem {
    Problem::new(
        Code::RequestWithoutEffect,
        &step.request.at,
        "effective",
        message,
    )
    .help("take the request out, or check its subject and instant")
}

/// Whether a leave of absence lies within what is one already.
fn is_covered(status: &Status<'_>, step: &Step<'_>) -> bool {
    let covers = |end: &Option<Timestamp>| match (end, step.until) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(end), Some(until)) => until <= *end,
    };
    status.suspended || status.leaves.iter().any(covers)
}

fn advance<'a>(catalog: &Catalog, status: &mut Status<'a>, step: &Step<'a>) {
    let spec = &step.request.spec;
    match spec.action {
        RequestAction::Activate => {
            status.declared = true;
            status.left = None;
            status.end = step.until;
            status.start = None;
            status.suspended = false;
            status.leaves.clear();
            status.profiles.clear();
        }
        RequestAction::Terminate => status.left = Some(Left::Request(&step.request.at)),
        RequestAction::Suspend => status.leaves.push(step.until),
        RequestAction::Resume => {
            status.suspended = false;
            status.leaves.clear();
        }
        RequestAction::Change => {}
    }
    let end = spec.set.as_ref().and_then(|s| s.end_date.as_ref());
    let end = end.and_then(|m| m.resolve(&catalog.zone, Edge::End).ok());
    status.end = end.or(status.end);
    status.kind = spec.set.as_ref().and_then(|s| s.kind).or(status.kind);
}

/// Whoever is not on the payroll and works here for a time has an end.
fn bounded(status: &Status<'_>, step: &Step<'_>, problems: &mut Vec<Problem>) {
    let Linked { at, spec, .. } = step.request;
    let begins = spec.action == RequestAction::Activate
        || spec.set.as_ref().is_some_and(|s| s.kind.is_some());
    if let Some(kind) = status.kind.filter(|kind| needs_end(*kind))
        && begins
        && status.end.is_none()
    {
        let field = match spec.action {
            RequestAction::Activate => "until",
            _ => "set.endDate",
        };
        let message = format!("a {} needs an end date", kind.as_str());
        problems.push(
            Problem::new(Code::EndDateNeeded, at, "=set", message)
                .help(format!("say `{field}`; the access ends by itself then")),
        );
    }
}

/// Required questions of the profiles that a request attaches must be answered by then.
fn answers(
    catalog: &Catalog,
    status: &mut Status<'_>,
    step: &Step<'_>,
    problems: &mut Vec<Problem>,
) {
    let Linked { at, spec, .. } = step.request;
    status.answered.extend(spec.answers.keys().cloned());
    let Some(change) = &spec.profiles else { return };
    let attached: BTreeSet<ProfileName> = match &change.replace {
        Some(replace) => replace.iter().cloned().collect(),
        None => {
            status.profiles.retain(|p| !change.remove.contains(p));
            change.add.iter().cloned().collect()
        }
    };
    let mut known = BTreeSet::new();
    for profile in attached.difference(&status.profiles.clone()) {
        for (name, linked) in catalog.lineage(profile) {
            for question in &linked.spec.questions {
                let first = known.insert(question.key.clone());
                if first && question.required && !status.answered.contains(&question.key) {
                    problems.push(
                        Problem::new(
                            Code::AnswerMissing,
                            at,
                            "=answers",
                            format!("`{}` must be answered: {}", question.key, question.label),
                        )
                        .help(format!("add `{}: …` under `answers`", question.key))
                        .related(
                            &linked.at,
                            "questions",
                            format!("asked by profile `{name}`"),
                        ),
                    );
                }
            }
        }
    }
    if change.replace.is_some() {
        status.profiles.clear();
    }
    status.profiles.extend(attached);
}

/// Two requests that say different things of one field at one instant.
fn simultaneous(steps: &[Step<'_>], problems: &mut Vec<Problem>) {
    for together in steps.chunk_by(|a, b| a.from == b.from) {
        if together.len() < 2 {
            continue;
        }
        let mut said: BTreeMap<String, (Json, &Step<'_>)> = BTreeMap::new();
        for step in together.iter().filter(|s| s.verdict == Verdict::Applies) {
            for (field, value) in says(&step.request.spec) {
                match said.get(&field) {
                    Some((other, first)) if *other != value => {
                        let message = format!(
                            "two requests say different things of `{field}` at one instant"
                        );
                        let route = format!("={field}");
                        let problem = contradiction(step, &route, message)
                            .help("take one of them out, or choose different instants")
                            .related(&first.request.at, &route, "the other one");
                        problems.push(problem);
                    }
                    Some(_) => {}
                    None => {
                        said.insert(field, (value, step));
                    }
                }
            }
        }
    }
}

/// Every field that a request says something of, and what; by its route.
fn says(spec: &RequestSpec) -> Vec<(String, Json)> {
    let mut said = Vec::new();
    let set = spec.set.as_ref().map(|s| serde_json::json!(s));
    for (field, value) in set.as_ref().and_then(Json::as_object).into_iter().flatten() {
        match (field.as_str(), value.as_object()) {
            ("attributes", Some(map)) => {
                let each = map.iter();
                said.extend(each.map(|(k, v)| (format!("set.attributes.`{k}`"), v.clone())));
            }
            _ => said.push((format!("set.{field}"), value.clone())),
        }
    }
    let answers = spec.answers.iter();
    said.extend(answers.map(|(k, v)| (format!("answers.`{k}`"), Json::from(v.as_str()))));
    if let Some(replace) = spec.profiles.as_ref().and_then(|p| p.replace.as_ref()) {
        said.push(("profiles.replace".into(), serde_json::json!(replace)));
    }
    said
}
