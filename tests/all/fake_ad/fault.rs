//! Scripted failures: which request they wait for, and what then happens.

use super::directory::Directory;
use super::log::Operation;
use super::name::{Dn, fold};
use ldap3_proto::proto::LdapResultCode as Code;
use std::fmt;
use std::time::Duration;

/// One failure, waiting for its request. Requests are counted from when the fault is planted, over
/// all connections; each page of a paged search is a request.
///
/// ```ignore
/// fake.fault(Fault::answer(Operation::Modify, 2, 51, "busy"));
/// fake.fault(Fault::drop_during(Operation::Search, 3));
/// fake.fault(Fault::before(Trigger::Write, 1, |ad| ad.replace(ANN, "title", &["Mayor"])));
/// ```
pub struct Fault {
    trigger: Trigger,
    at: Option<String>,
    /// Requests to let pass before the first that fails.
    spared: usize,
    /// Requests still to fail.
    left: usize,
    pub effect: Effect,
}

/// The requests that a fault counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    Any,
    /// Add, modify, modifyDN, delete.
    Write,
    Only(Operation),
}

impl From<Operation> for Trigger {
    fn from(operation: Operation) -> Trigger {
        Trigger::Only(operation)
    }
}

pub enum Effect {
    /// Answered with this result, and not done.
    Answer(Code, String),
    /// The connection is dropped: the request not done, or done but not answered.
    Drop(Moment),
    /// Done, but only half of what is found is returned, and then this result.
    Partial(Code, String),
    /// Done, but only half of the answer's messages arrive before the connection is dropped.
    DropDuring,
    /// Done, but the answer's last bytes never come: the TLS stream ends within a record.
    Truncate,
    /// Done, after this long.
    Stall(Duration),
    /// Somebody else changes the directory first.
    Before(Box<dyn FnMut(&mut Directory) + Send>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    Before,
    After,
}

impl Fault {
    fn new(trigger: impl Into<Trigger>, nth: usize, effect: Effect) -> Fault {
        assert!(nth > 0, "requests are counted from 1");
        Fault {
            trigger: trigger.into(),
            at: None,
            spared: nth - 1,
            left: 1,
            effect,
        }
    }

    /// Answers the `nth` such request with a result code, without doing it.
    pub fn answer(on: impl Into<Trigger>, nth: usize, code: i64, message: &str) -> Fault {
        let code = Code::try_from(code).expect("a result code of LDAP");
        Fault::new(on, nth, Effect::Answer(code, message.to_owned()))
    }

    /// Does the `nth` such request and answers with a result code all the same: a write that reports
    /// failure though it took place, a search that breaks off with half of what it found.
    pub fn partial(on: impl Into<Trigger>, nth: usize, code: i64, message: &str) -> Fault {
        let code = Code::try_from(code).expect("a result code of LDAP");
        Fault::new(on, nth, Effect::Partial(code, message.to_owned()))
    }

    /// Drops the connection instead of doing the request.
    pub fn drop_before(on: impl Into<Trigger>, nth: usize) -> Fault {
        Fault::new(on, nth, Effect::Drop(Moment::Before))
    }

    /// Does the request, then drops the connection instead of answering.
    pub fn drop_after(on: impl Into<Trigger>, nth: usize) -> Fault {
        Fault::new(on, nth, Effect::Drop(Moment::After))
    }

    /// Drops the connection half-way through the answer, such as in the middle of a page.
    pub fn drop_during(on: impl Into<Trigger>, nth: usize) -> Fault {
        Fault::new(on, nth, Effect::DropDuring)
    }

    /// Does the request, and ends the stream within a TLS record of the answer.
    pub fn truncate(on: impl Into<Trigger>, nth: usize) -> Fault {
        Fault::new(on, nth, Effect::Truncate)
    }

    /// Keeps the client waiting, then does the request.
    pub fn stall(on: impl Into<Trigger>, nth: usize, time: Duration) -> Fault {
        Fault::new(on, nth, Effect::Stall(time))
    }

    /// Changes the directory just before the request is done, as another person would.
    pub fn before(
        on: impl Into<Trigger>,
        nth: usize,
        change: impl FnMut(&mut Directory) + Send + 'static,
    ) -> Fault {
        Fault::new(on, nth, Effect::Before(Box::new(change)))
    }

    /// Counts only requests that name this object, by DN or by GUID.
    #[must_use]
    pub fn at(mut self, dn: &str) -> Fault {
        self.at = Some(folded(dn));
        self
    }

    /// Fails this many requests in a row instead of one.
    #[must_use]
    pub fn times(mut self, count: usize) -> Fault {
        self.left = count;
        self
    }

    /// Counts a request; whether it is one that fails.
    pub fn strikes(&mut self, operation: Operation, dn: &str) -> bool {
        let counted = match self.trigger {
            Trigger::Any => true,
            Trigger::Write => operation.is_write(),
            Trigger::Only(only) => only == operation,
        };
        if !counted || self.at.as_ref().is_some_and(|at| *at != folded(dn)) {
            return false;
        }
        if self.spared > 0 {
            self.spared -= 1;
            return false;
        }
        self.left = self.left.saturating_sub(1);
        true
    }

    pub fn is_spent(&self) -> bool {
        self.left == 0
    }
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let effect = match &self.effect {
            Effect::Answer(code, _) => format!("answer {code:?}"),
            Effect::Partial(code, _) => format!("partial {code:?}"),
            Effect::Drop(moment) => format!("drop {moment:?}"),
            Effect::DropDuring => "drop during".to_owned(),
            Effect::Truncate => "truncate".to_owned(),
            Effect::Stall(time) => format!("stall {time:?}"),
            Effect::Before(_) => "change before".to_owned(),
        };
        let Fault {
            trigger,
            at,
            spared,
            left,
            ..
        } = self;
        write!(
            f,
            "{effect} on {trigger:?} at {at:?} after {spared}, {left} times"
        )
    }
}

fn folded(dn: &str) -> String {
    match Dn::parse(dn) {
        Some(dn) => dn.0.iter().map(|rdn| rdn.key() + ",").collect(),
        None => fold(dn),
    }
}
