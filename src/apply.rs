//! Applying: an approved plan is carried out, change by change, each on the condition of its
//! `before`. No choices are made here; disagreement is `conflict`, and one failing object never
//! blocks the others.

mod first;
pub mod password;
mod points;
pub mod probe;

pub use first::{First, HandOn, HandedOn};

use crate::approval::Approved;
use crate::connector::roster::{Applied, Roster};
use crate::connector::{
    At, AttributeName, Attributes, Failure, FailureClass, Guid, Modification, ModificationKind,
    NextLogOn, Transport, Value,
};
use crate::desired::GroupKey;
use crate::failpoint::fail_point;
use crate::ledger::{Event, How, Ledger, LedgerError, Outcome, Record, RowChange, RunId, Stance};
use crate::name::{ResourceName, UserName};
use crate::plan::recorded::Attempt;
use crate::plan::{Action, Change, ChangeId, DirectoryMode, MemberChange, Write};
use jiff::Timestamp;
use probe::{State, probe};
use secrecy::SecretString;
use std::collections::{BTreeMap, BTreeSet};

/// What changes are carried out on.
pub struct Connections<'a> {
    /// The directory, where there is one.
    pub directory: Option<&'a mut dyn Transport>,
    /// The rosters, by resource.
    pub rosters: &'a BTreeMap<ResourceName, Roster>,
}

/// What became of one change.
#[derive(Debug, Clone, PartialEq)]
pub struct Done {
    /// The change.
    pub id: ChangeId,
    /// What became of it.
    pub outcome: Outcome,
    /// Why it did not come about.
    pub detail: Option<String>,
}

/// Times a refused password is made anew (AD.md 5.6).
const PASSWORD_TRIES: usize = 3;
/// Failures of the connection one after the other before the rest waits for the next run.
const PATIENCE: usize = 3;

/// Attributes whose values the record keeps: a name is never given to a second person.
const NAMES: [&str; 3] = ["sAMAccountName", "userPrincipalName", "mail"];

/// Whether a run goes on; asked between two changes.
pub trait Stop {
    /// Whether somebody asked the run to stop.
    fn asked(&self) -> bool;
}

/// Carries out a plan. Every outcome is in the ledger before the next change begins.
///
/// # Errors
/// [`LedgerError`] when an outcome could not be recorded: nothing more is done then.
pub fn apply(
    approved: &Approved,
    connections: &mut Connections<'_>,
    hand_on: &mut dyn HandOn,
    ledger: &mut Ledger,
    run: &RunId,
    clock: &dyn Fn() -> Timestamp,
    stop: &dyn Stop,
) -> Result<Vec<Done>, LedgerError> {
    let plan = approved.plan();
    let mut done: Vec<Done> = Vec::with_capacity(plan.changes.len());
    let mut reached: BTreeSet<&ChangeId> = BTreeSet::new();
    let mut lost = 0;
    for change in &plan.changes {
        if asked_of_maintainers(change, plan.directory_mode) {
            continue;
        }
        let waits = change.after.iter().find(|id| !reached.contains(id));
        let (result, events) = match waits {
            _ if stop.asked() => (held("the run was asked to stop"), Vec::new()),
            _ if lost >= PATIENCE => (
                held("the connection is lost; the next run goes on"),
                Vec::new(),
            ),
            Some(_) => (held("a change it needs did not come about"), Vec::new()),
            None if let Some(why) = stopped_by(ledger.stance(), change) => (held(&why), Vec::new()),
            None => {
                begin(ledger, run, clock(), change)?;
                let directory = connections.directory.as_deref_mut();
                match (&change.write, directory) {
                    (Write::SetPassword { .. }, Some(directory)) => {
                        first::password(change, directory, hand_on, ledger, run, clock)?
                    }
                    _ => one(change, connections),
                }
            }
        };
        lost = match result.class {
            Some(FailureClass::Transient | FailureClass::Configuration) => lost + 1,
            _ => 0,
        };
        if matches!(result.outcome, Outcome::Applied | Outcome::AlreadySo) {
            reached.insert(&change.id);
        }
        record(ledger, run, clock(), change, &result, events)?;
        if result.class.is_some_and(is_in_doubt) {
            begin(ledger, run, clock(), change)?;
        }
        done.push(Done {
            id: change.id.clone(),
            outcome: result.outcome,
            detail: result.detail,
        });
    }
    Ok(done)
}

/// Why the ledger does not let a change begin; none where it does.
fn stopped_by(stance: Stance, change: &Change) -> Option<String> {
    match stance {
        Stance::Good => None,
        Stance::TakingAway(_) if takes_away(change.action) => None,
        Stance::TakingAway(why) | Stance::Over(why) => Some(why),
    }
}

/// Whether a change only takes something away: what goes on without the ledger (SEMANTICS 23). Doing
/// it twice is as good as once.
fn takes_away(action: Action) -> bool {
    match action {
        Action::Disable
        | Action::ResetPassword
        | Action::Expire
        | Action::RemoveMember
        | Action::Revoke => true,
        Action::Adopt
        | Action::Create
        | Action::SetPassword
        | Action::Update
        | Action::Rename
        | Action::Move
        | Action::Link
        | Action::AddMember
        | Action::Enable
        | Action::Grant => false,
    }
}

/// Whether a write may have come about although it failed: its answer was lost.
fn is_in_doubt(class: FailureClass) -> bool {
    match class {
        FailureClass::Transient | FailureClass::Incomplete | FailureClass::Unknown => true,
        FailureClass::Changed
        | FailureClass::Gone
        | FailureClass::Exists
        | FailureClass::AlreadyThere
        | FailureClass::NotThere
        | FailureClass::ValueRejected
        | FailureClass::PasswordRejected
        | FailureClass::Denied
        | FailureClass::HasChildren
        | FailureClass::Configuration => false,
    }
}

/// Records that a change is about to be written, or asked for, where the record has to know if it
/// comes about.
///
/// # Errors
/// [`LedgerError`] when it could not be recorded.
pub fn begin(
    ledger: &mut Ledger,
    run: &RunId,
    at: Timestamp,
    change: &Change,
) -> Result<(), LedgerError> {
    let attempt = match (&change.write, &change.user) {
        (Write::Create { dn, attributes }, Some(user)) => Attempt::Account {
            user: user.clone(),
            dn: dn.clone(),
            login: first_text(attributes, "sAMAccountName").unwrap_or_default(),
        },
        (
            Write::Member {
                member,
                change: step,
                ..
            },
            user,
        ) => Attempt::Membership {
            user: user.clone(),
            account: member.clone(),
            group: change.what.clone(),
            change: *step,
        },
        (
            Write::Modify {
                at: At::Guid(account),
                modifications,
                ..
            },
            Some(user),
        ) if modifications.iter().any(is_of_a_name) => Attempt::Names {
            user: user.clone(),
            account: *account,
        },
        (
            Write::Create { .. }
            | Write::Adopt { .. }
            | Write::SetPassword { .. }
            | Write::ResetPassword { .. }
            | Write::Modify { .. }
            | Write::Rename { .. }
            | Write::Row { .. },
            _,
        ) => return Ok(()),
    };
    ledger.append(Record {
        at,
        run: run.clone(),
        event: Event::Begun {
            change: change.id.clone(),
            attempt,
        },
    })
}

/// Finds out what became of the writes that earlier runs began, or asked for, and records it.
///
/// # Errors
/// [`LedgerError`] when it could not be recorded. What the directory does not tell stays in doubt,
/// and so does what is still `asked` and was not done yet.
pub fn settle(
    directory: &mut dyn Transport,
    ledger: &mut Ledger,
    run: &RunId,
    at: Timestamp,
    asked: &BTreeSet<ChangeId>,
) -> Result<(), LedgerError> {
    for (change, attempt) in ledger.history().recorded().attempts.clone() {
        fail_point!("settle", continue);
        let Ok(came_about) = came_about(&attempt, directory) else {
            continue;
        };
        if came_about.is_none() && asked.contains(&change) {
            continue;
        }
        let events = came_about.into_iter().chain([Event::Settled { change }]);
        ledger.append_all(events.map(|event| Record {
            at,
            run: run.clone(),
            event,
        }))?;
    }
    Ok(())
}

/// What the record keeps of an attempt that came about; none where it did not.
fn came_about(attempt: &Attempt, directory: &mut dyn Transport) -> Result<Option<Event>, Failure> {
    match attempt {
        Attempt::Account { user, dn, login } => {
            let seen = account(user, &At::Dn(dn.clone()), How::Created, directory)?;
            Ok(seen
                .filter(|(found, _)| found.eq_ignore_ascii_case(login))
                .map(|(_, event)| event))
        }
        Attempt::Names {
            user,
            account: guid,
        } => {
            let seen = account(user, &At::Guid(*guid), How::Seen, directory)?;
            Ok(seen.map(|(_, event)| event))
        }
        Attempt::Membership {
            user,
            account,
            group,
            change,
        } => {
            let Some(entry) = directory.read(account, &["memberOf".into()])? else {
                return Ok(None);
            };
            let is_member = probe::groups(&entry, directory)?
                .iter()
                .any(|name| GroupKey::new(name) == GroupKey::new(group));
            let happened = match change {
                MemberChange::Add => is_member,
                MemberChange::Remove => !is_member,
            };
            Ok(happened.then(|| Event::Membership {
                user: user.clone(),
                account: entry.guid,
                group: GroupKey::new(group),
                change: *change,
            }))
        }
    }
}

/// Whether a change is the directory's maintainers' to make.
pub fn asked_of_maintainers(change: &Change, mode: DirectoryMode) -> bool {
    mode == DirectoryMode::Maintainer
        && match &change.write {
            Write::Adopt { .. } | Write::Row { .. } => false,
            Write::Create { .. }
            | Write::SetPassword { .. }
            | Write::ResetPassword { .. }
            | Write::Modify { .. }
            | Write::Rename { .. }
            | Write::Member { .. } => true,
        }
}

struct Ended {
    outcome: Outcome,
    detail: Option<String>,
    class: Option<FailureClass>,
}

fn held(why: &str) -> Ended {
    Ended {
        outcome: Outcome::Held,
        detail: Some(why.into()),
        class: None,
    }
}

fn reached(outcome: Outcome) -> Ended {
    Ended {
        outcome,
        detail: None,
        class: None,
    }
}

fn record(
    ledger: &mut Ledger,
    run: &RunId,
    at: Timestamp,
    change: &Change,
    result: &Ended,
    events: Vec<Event>,
) -> Result<(), LedgerError> {
    let outcome = Event::Outcome {
        change: change.id.clone(),
        action: change.action,
        user: change.user.clone(),
        resource: change.resource.clone(),
        target: change.target.clone(),
        outcome: result.outcome,
        detail: result.detail.clone(),
        causes: change.causes.clone(),
    };
    let records = events.into_iter().chain([outcome]);
    ledger.append_all(records.map(|event| Record {
        at,
        run: run.clone(),
        event,
    }))
}

/// Carries out one change, and says what of it the record must keep.
fn one(change: &Change, connections: &mut Connections<'_>) -> (Ended, Vec<Event>) {
    if let Write::Row { key, before, after } = &change.write {
        let Some(roster) = connections.rosters.get(&change.resource) else {
            return (
                held("the roster is not set up in the operator's file"),
                Vec::new(),
            );
        };
        return match roster.apply(key, before.as_ref(), after.as_ref()) {
            Ok(applied) => {
                let outcome = match applied {
                    Applied::Written => Outcome::Applied,
                    Applied::AlreadySo => Outcome::AlreadySo,
                };
                let row = match (before, after) {
                    (None, _) => RowChange::Add,
                    (Some(_), Some(_)) => RowChange::Update,
                    (Some(_), None) => RowChange::Remove,
                };
                let resource = change.resource.clone();
                (
                    reached(outcome),
                    vec![Event::Row {
                        resource,
                        key: key.clone(),
                        change: row,
                    }],
                )
            }
            Err(failure) => (failed(failure), Vec::new()),
        };
    }
    let Some(directory) = connections.directory.as_deref_mut() else {
        return (held("there is no directory at hand"), Vec::new());
    };
    let written = points::before(change.action)
        .and_then(|()| write(&change.write, directory))
        .and_then(|()| points::answer(change.action));
    let result = match written {
        Ok(()) => reached(Outcome::Applied),
        Err(failure) => explain(change, directory, failure),
    };
    let came_about = matches!(result.outcome, Outcome::Applied | Outcome::AlreadySo);
    let events = if came_about {
        events(change, directory)
    } else {
        Vec::new()
    };
    (result, events)
}

/// A refusal is a conflict where the object is no longer as the plan read it, and nothing to worry
/// about where it is as the plan wants it.
fn explain(change: &Change, directory: &mut dyn Transport, failure: Failure) -> Ended {
    match failure.class {
        FailureClass::Changed
        | FailureClass::Gone
        | FailureClass::Exists
        | FailureClass::AlreadyThere
        | FailureClass::NotThere => match probe(change, directory) {
            Ok(State::AlreadySo) => reached(Outcome::AlreadySo),
            Ok(State::MovedOn(how)) => Ended {
                outcome: Outcome::Conflict,
                detail: Some(how),
                class: Some(failure.class),
            },
            Ok(State::Ready) => failed(failure),
            Err(second) => failed(second),
        },
        FailureClass::ValueRejected
        | FailureClass::PasswordRejected
        | FailureClass::Denied
        | FailureClass::HasChildren
        | FailureClass::Incomplete
        | FailureClass::Transient
        | FailureClass::Configuration
        | FailureClass::Unknown => failed(failure),
    }
}

fn failed(failure: Failure) -> Ended {
    let outcome = match failure.class {
        FailureClass::Changed | FailureClass::Gone | FailureClass::Exists => Outcome::Conflict,
        _ => Outcome::Failed,
    };
    Ended {
        outcome,
        detail: Some(failure.to_string()),
        class: Some(failure.class),
    }
}

fn write(write: &Write, directory: &mut dyn Transport) -> Result<(), Failure> {
    match write {
        Write::Adopt { guid, dn } => match directory.read(&At::Guid(*guid), &[])? {
            Some(_) => Ok(()),
            None => Err(Failure {
                class: FailureClass::Gone,
                code: None,
                extended: None,
                message: format!("{dn} is no longer there"),
            }),
        },
        Write::Create { dn, attributes } => directory.add(dn, attributes),
        Write::SetPassword { at, avoid, .. } => first::set(at, avoid, directory).map(drop),
        Write::ResetPassword { guid, expires } => {
            let at = At::Guid(*guid);
            if probe::has_expired(&at, *expires, directory)? {
                return Err(changed("the account has expired already"));
            }
            set_password(&at, &[], directory).map(drop)
        }
        Write::Modify {
            at, modifications, ..
        } => directory.modify(at, modifications),
        Write::Rename {
            guid,
            dn,
            rdn,
            parent,
        } => {
            // A name may have passed to another object since: only the one that was planned moves.
            match directory.read(&At::Guid(*guid), &[])? {
                // Two spellings of one place are equal: the second time there is nothing to rename.
                Some(entry) if entry.dn.same_spelling(&parent.child(rdn.clone())) => {
                    Err(moved_on(dn))
                }
                Some(entry) if entry.dn == *dn => directory.rename(dn, rdn, parent),
                _ => Err(moved_on(dn)),
            }
        }
        Write::Member {
            group,
            change,
            member,
            member_dn,
            ..
        } => {
            let dn = match member {
                At::Guid(_) => directory.read(member, &[])?.map(|entry| entry.dn),
                At::Dn(dn) => Some(dn.clone()),
            };
            let dn = dn.ok_or_else(|| moved_on(member_dn))?;
            let operation = match change {
                MemberChange::Add => ModificationKind::Add,
                MemberChange::Remove => ModificationKind::Delete,
            };
            let modification = Modification {
                operation,
                attribute: "member".into(),
                values: vec![Value::from(dn.to_string())],
            };
            directory.modify(&At::Guid(*group), &[modification])
        }
        // Written by the roster, not by the directory.
        Write::Row { .. } => Ok(()),
    }
}

fn moved_on(dn: &crate::dn::Dn) -> Failure {
    changed(&format!("{dn} no longer stands there"))
}

fn changed(message: &str) -> Failure {
    Failure {
        class: FailureClass::Changed,
        code: None,
        extended: None,
        message: message.into(),
    }
}

/// Sets a generated password, and another one where the directory refuses it.
fn set_password(
    at: &At,
    avoid: &[String],
    directory: &mut dyn Transport,
) -> Result<SecretString, Failure> {
    let mut tries = 0;
    loop {
        tries += 1;
        let password = password::generate(avoid).map_err(|error| Failure {
            class: FailureClass::Transient,
            code: None,
            extended: None,
            message: format!("the operating system gave no randomness: {error}"),
        })?;
        match directory.set_password(at, &password, NextLogOn::MustChange) {
            Ok(()) => return Ok(password),
            Err(refused)
                if refused.class == FailureClass::PasswordRejected && tries < PASSWORD_TRIES => {}
            Err(failure) => return Err(failure),
        }
    }
}

/// Whether a modification changes a name that nobody else may ever get.
fn is_of_a_name(modification: &Modification) -> bool {
    NAMES.iter().any(|name| modification.attribute.is(name))
}

/// What the record keeps of a change that came about.
fn events(change: &Change, directory: &mut dyn Transport) -> Vec<Event> {
    let names = |how| match (&change.user, at(&change.write)) {
        (Some(user), Some(at)) => Some((user.clone(), at, how)),
        _ => None,
    };
    let seen = match &change.write {
        Write::Adopt { .. } => names(How::Adopted),
        Write::Create { .. } => names(How::Created),
        Write::Rename { .. } => names(How::Seen),
        Write::Modify { modifications, .. } => modifications
            .iter()
            .any(is_of_a_name)
            .then(|| names(How::Seen))
            .flatten(),
        Write::SetPassword { .. } | Write::ResetPassword { .. } | Write::Row { .. } => None,
        Write::Member {
            group_dn: _,
            change: step,
            member,
            ..
        } => {
            let account = guid(member, directory);
            return account
                .map(|account| Event::Membership {
                    user: change.user.clone(),
                    account,
                    group: GroupKey::new(&change.what),
                    change: *step,
                })
                .into_iter()
                .collect();
        }
    };
    let Some((user, at, how)) = seen else {
        return Vec::new();
    };
    let seen = account(&user, &at, how, directory).ok().flatten();
    seen.map(|(_, event)| event).into_iter().collect()
}

/// An account as it stands there: its login, and what the record keeps of it.
fn account(
    user: &UserName,
    at: &At,
    how: How,
    directory: &mut dyn Transport,
) -> Result<Option<(String, Event)>, Failure> {
    let Some(entry) = directory.read(at, &NAMES.map(AttributeName::from))? else {
        return Ok(None);
    };
    let text = |name: &'static str| first_text(&entry.attributes, name);
    let login = text("sAMAccountName").unwrap_or_default();
    let event = Event::Account {
        user: user.clone(),
        guid: entry.guid,
        login: login.clone(),
        upn: text("userPrincipalName"),
        mail: text("mail"),
        dn: entry.dn,
        how,
    };
    Ok(Some((login, event)))
}

fn first_text(attributes: &Attributes, name: &'static str) -> Option<String> {
    let values = attributes.get(&name.into())?;
    values.first()?.text().map(str::to_owned)
}

fn guid(at: &At, directory: &mut dyn Transport) -> Option<Guid> {
    match at {
        At::Guid(guid) => Some(*guid),
        At::Dn(_) => directory
            .read(at, &[])
            .ok()
            .flatten()
            .map(|entry| entry.guid),
    }
}

/// How a write names its account.
fn at(write: &Write) -> Option<At> {
    match write {
        Write::Adopt { guid, .. } | Write::Rename { guid, .. } => Some(At::Guid(*guid)),
        Write::Create { dn, .. } => Some(At::Dn(dn.clone())),
        Write::ResetPassword { guid, .. } => Some(At::Guid(*guid)),
        Write::SetPassword { at, .. } | Write::Modify { at, .. } => Some(at.clone()),
        Write::Member { .. } | Write::Row { .. } => None,
    }
}
