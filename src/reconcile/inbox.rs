//! What lies in the inbox, and the approved manifests → records of what somebody says who may say it.
//!
//! Decision: the keys and the maintainers are those of the newest approved revision, as of now. Whose
//! key was taken out says nothing any more, whenever it was signed (SEMANTICS 21).

use super::guarded::until;
use crate::approval::signature::{KeyRing, Signer};
use crate::catalog::Catalog;
use crate::desired::expand::people;
use crate::desired::{Grant, Person};
use crate::diagnostic::Code;
use crate::ledger::inbox::{Message, Sealed};
use crate::ledger::{
    Event, History, Ledger, LedgerError, Record, RunId, Seen, SigningError, TaskStatus,
};
use crate::manifest::resource::Maintainer;
use crate::manifest::user::UserState;
use crate::name::{ResourceName, UserName};
use crate::plan::Finding;
use crate::proposal::office::administers;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What became of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Who signed it, as far as that is known.
    pub from: Option<UserName>,
    /// What it asks for, in a word.
    pub command: String,
    /// Why it counts for nothing; none: it was done.
    pub refused: Option<String>,
}

impl Answer {
    /// What people should know of it; none where it was done.
    pub fn finding(&self) -> Option<Finding> {
        let why = self.refused.as_ref()?;
        let from = self.from.as_ref().map_or("somebody", |u| u.as_str());
        Some(Finding {
            code: Code::InboxRefused.as_str().to_owned(),
            message: format!("`{}` from {from} was refused: {why}", self.command),
        })
    }
}

/// Reads the inbox, records what may be said, and empties it once that is on the branch.
///
/// Nothing where the ledger is not shared. What is refused is recorded too, and taken out.
///
/// # Errors
/// [`LedgerError`] when another reconciler has the lease, the remote does not answer, or no tool tells
/// who signed: the messages stay.
pub fn collect(
    ledger: &mut Ledger,
    catalog: &Catalog,
    now: Timestamp,
) -> Result<Vec<Answer>, LedgerError> {
    let sealed = ledger.inbox(now)?;
    if sealed.is_empty() {
        return Ok(Vec::new());
    }
    let users = catalog.users.iter().filter_map(|(name, user)| {
        let keys = &user.spec.credentials.as_ref()?.signing_keys;
        Some((name, keys.as_slice()))
    });
    let ring = KeyRing::new(users);
    let people = people(catalog, now);
    let who = Who {
        catalog,
        people: &people,
        now,
    };
    let run = RunId(format!("{}-inbox", now.strftime("%Y%m%dT%H%M%SZ")));
    ledger.vacancy()?;
    ledger.hold(run.clone())?;
    let mut answers = Vec::new();
    for message in &sealed {
        let signer = ring.signer(message.signed.as_ref());
        let signer = signer.map_err(SigningError::from)?;
        let answer = answer(ledger, &who, message, &signer, &run, now)?;
        answers.push(answer);
    }
    ledger.close()?;
    // What stays in the inbox is known, and refused as said before.
    let _ = ledger.discard(&sealed);
    Ok(answers)
}

/// Judges one message, and records what becomes of it.
fn answer(
    ledger: &mut Ledger,
    who: &Who<'_>,
    sealed: &Sealed,
    signer: &Signer,
    run: &RunId,
    now: Timestamp,
) -> Result<Answer, LedgerError> {
    let command = match &sealed.letter {
        Ok(letter) => letter.message.command(),
        Err(_) => "a message",
    };
    let from = match signer {
        Signer::User { user, .. } => Some(user.clone()),
        Signer::Nobody | Signer::Unknown | Signer::Refused(_) => None,
    };
    let record = |event: Event| Record {
        at: now,
        run: run.clone(),
        event,
    };
    // Signed by somebody else, the same words are another message: nobody silences anybody.
    let message = match &from {
        Some(user) => format!("{}/{user}", sealed.id),
        None => format!("{}/{}", sealed.id, sealed.commit),
    };
    if ledger.history().orders().is_received(&message) {
        return Ok(Answer {
            from,
            command: command.to_owned(),
            refused: Some("it was read before".into()),
        });
    }
    let judged = judge(ledger.history(), who, sealed, signer, now);
    let refused = match judged.map(|event| ledger.append(record(event))) {
        Ok(Ok(())) => None,
        Ok(Err(LedgerError::Contradiction(why))) => Some(why.to_string()),
        Ok(Err(error)) => return Err(error),
        Err(why) => Some(why),
    };
    ledger.append(record(Event::Received {
        message,
        from: from.clone(),
        command: command.to_owned(),
        refused: refused.clone(),
    }))?;
    Ok(Answer {
        from,
        command: command.to_owned(),
        refused,
    })
}

/// What a message brings about, or why nothing.
fn judge(
    history: &History,
    who: &Who<'_>,
    sealed: &Sealed,
    signer: &Signer,
    now: Timestamp,
) -> Result<Event, String> {
    let user = match signer {
        Signer::User { user, .. } => user,
        Signer::Nobody => return Err("it is not signed".into()),
        Signer::Unknown => return Err("no key of the approved manifests signed it".into()),
        Signer::Refused(why) => return Err(why.clone()),
    };
    let letter = sealed.letter.as_ref().map_err(Clone::clone)?;
    let person = who.people.get(user);
    let Some(person) = person.filter(|p| p.state == UserState::Active) else {
        return Err(format!("{user} is not here now"));
    };
    let administrator = administers(person);
    let unless = |may: bool, what: &str| match may || administrator {
        true => Ok(()),
        false => Err(format!("{user} is {what}, and no administrator")),
    };
    let by = user.to_string();
    match letter.message.clone() {
        Message::TaskDone { task, note } => {
            let Some(record) = history.tasks().get(&task) else {
                return Err(format!("there is no task {task}"));
            };
            let resource = &record.task.resource;
            unless(
                who.maintains(user, resource),
                &format!("no maintainer of {resource}"),
            )?;
            match &record.status {
                TaskStatus::Open => Ok(Event::TaskDone {
                    task,
                    by,
                    note,
                    seen: Seen::Confirmed,
                }),
                closed @ (TaskStatus::Done { .. } | TaskStatus::Cancelled { .. }) => {
                    Err(format!("task {task} is {} already", closed.as_str()))
                }
            }
        }
        Message::IdentitySelect {
            user: subject,
            resource,
            identity,
        } => {
            unless(*user == subject, &format!("not {subject}"))?;
            let has = who.people.get(&subject).is_some_and(|person| {
                let mut each = person.identities.iter();
                each.any(|i| i.resource == resource && i.alias == identity)
            });
            match has {
                true => Ok(Event::IdentitySelected {
                    user: subject,
                    resource,
                    identity,
                    by,
                }),
                false => Err(format!(
                    "{subject} has no identity `{}` in {resource} now",
                    identity.escape_debug()
                )),
            }
        }
        Message::Allow { digest } => {
            unless(false, "somebody who may not allow a plan")?;
            if history.orders().held_run(&digest).is_none() {
                let digest = digest.escape_debug();
                return Err(format!("no plan is held as {digest}"));
            }
            let until = until(now);
            Ok(Event::Allowed { digest, by, until })
        }
        Message::Pause { resource, reason } => {
            who.may_pause(user, resource.as_ref(), &unless)?;
            Ok(Event::Paused {
                resource,
                by,
                reason,
            })
        }
        Message::Unpause { resource } => {
            who.may_pause(user, resource.as_ref(), &unless)?;
            Ok(Event::Unpaused { resource, by })
        }
    }
}

/// Who is here, and who maintains what.
struct Who<'a> {
    catalog: &'a Catalog,
    people: &'a BTreeMap<UserName, Arc<Person>>,
    now: Timestamp,
}

impl Who<'_> {
    /// Whether a user maintains a resource, or stands in for somebody who does.
    fn maintains(&self, user: &UserName, resource: &ResourceName) -> bool {
        let mut users = self.catalog.users.iter();
        self.is_maintainer(user, resource)
            || users.any(|(name, linked)| {
                let deputy = linked.spec.deputy.as_ref();
                let deputy = deputy.filter(|d| d.user == *user);
                deputy.is_some_and(|d| d.is_in_force(&self.catalog.zone, self.now))
                    && self.is_maintainer(name, resource)
            })
    }

    /// Whether a user is named as a maintainer; where nobody is, whether they own the resource.
    fn is_maintainer(&self, user: &UserName, resource: &ResourceName) -> bool {
        let Some(found) = self.catalog.resources.get(resource) else {
            return false;
        };
        let maintainers = &found.spec.maintainers;
        if maintainers.is_empty() {
            let owner = found.spec.owner.as_ref();
            return owner.is_some_and(|owner| {
                owner.user.as_ref() == Some(user) || self.heads(user, owner.organization.as_ref())
            });
        }
        maintainers.iter().any(|m| self.is_one(user, resource, m))
    }

    fn is_one(&self, user: &UserName, resource: &ResourceName, maintainer: &Maintainer) -> bool {
        let holds = |level: &crate::name::LevelName| {
            let person = self.people.get(user);
            person.is_some_and(|person| {
                person.entitlements.keys().any(|key| {
                    key.resource == *resource
                        && matches!(&key.grant, Grant::Level(held) if held == level)
                })
            })
        };
        maintainer.user.as_ref() == Some(user)
            || maintainer.members.contains(user)
            || self.heads(user, maintainer.organization.as_ref())
            || maintainer.holders_of.as_ref().is_some_and(holds)
    }

    fn heads(&self, user: &UserName, organization: Option<&crate::name::OrganizationName>) -> bool {
        let found = organization.and_then(|name| self.catalog.organizations.get(name));
        found.is_some_and(|o| o.spec.head.as_ref() == Some(user))
    }

    fn may_pause(
        &self,
        user: &UserName,
        resource: Option<&ResourceName>,
        unless: &dyn Fn(bool, &str) -> Result<(), String>,
    ) -> Result<(), String> {
        match resource {
            Some(resource) if !self.catalog.resources.contains_key(resource) => {
                Err(format!("there is no resource {resource}"))
            }
            Some(resource) => unless(
                self.maintains(user, resource),
                &format!("no maintainer of {resource}"),
            ),
            None => unless(false, "somebody who may not pause everything"),
        }
    }
}
