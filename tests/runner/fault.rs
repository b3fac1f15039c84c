//! A directory and a mailbox that fail at the effect one asks for.

use countersign::connector::{
    At, AttributeName, Attributes, Entry, Failure, FailureClass, Modification, NextLogOn, Transport,
};
use countersign::dn::{Dn, Rdn};
use countersign::notify::post::{Letter, Post, PostError, Sent};
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What goes wrong, and at which effect (the first is 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It does not come about.
    Refused(usize),
    /// It comes about, and the answer is lost.
    LostReply(usize),
    /// It comes about, and the program dies before it records anything.
    Died(usize),
    /// Somebody asks the run to stop after so many changes.
    Stopped(usize),
}

/// The end of a program that died.
pub struct Died;

/// What becomes of one effect.
enum Fate {
    Nothing,
    Refused,
    LostReply,
    Died,
}

/// Counts an effect, and tells its fate.
fn fate(count: &AtomicUsize, fault: Option<Fault>) -> Fate {
    let now = count.fetch_add(1, Ordering::Relaxed) + 1;
    match fault {
        Some(Fault::Refused(at)) if at == now => Fate::Refused,
        Some(Fault::LostReply(at)) if at == now => Fate::LostReply,
        Some(Fault::Died(at)) if at == now => Fate::Died,
        _ => Fate::Nothing,
    }
}

/// A directory with a fault.
pub struct Faults<'a> {
    inner: &'a mut dyn Transport,
    count: &'a AtomicUsize,
    fault: Option<Fault>,
}

impl<'a> Faults<'a> {
    /// A directory that fails when the count comes to the fault's.
    pub fn new(inner: &'a mut dyn Transport, count: &'a AtomicUsize, fault: Option<Fault>) -> Self {
        Self {
            inner,
            count,
            fault,
        }
    }

    fn effect(
        &mut self,
        write: impl FnOnce(&mut dyn Transport) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let lost = Failure {
            class: FailureClass::Transient,
            code: None,
            extended: None,
            message: "the connection was lost".into(),
        };
        match fate(self.count, self.fault) {
            Fate::Nothing => write(self.inner),
            Fate::Refused => Err(lost),
            Fate::LostReply => write(self.inner).and(Err(lost)),
            Fate::Died => {
                let _ = write(self.inner);
                resume_unwind(Box::new(Died))
            }
        }
    }
}

impl Transport for Faults<'_> {
    fn describe(&self) -> String {
        self.inner.describe()
    }

    fn base(&self) -> &Dn {
        self.inner.base()
    }

    fn read_all(
        &mut self,
        attributes: &[AttributeName],
        found: &mut dyn FnMut(Entry),
    ) -> Result<(), Failure> {
        self.inner.read_all(attributes, found)
    }

    fn read(&mut self, at: &At, attributes: &[AttributeName]) -> Result<Option<Entry>, Failure> {
        self.inner.read(at, attributes)
    }

    fn add(&mut self, dn: &Dn, attributes: &Attributes) -> Result<(), Failure> {
        self.effect(|inner| inner.add(dn, attributes))
    }

    fn modify(&mut self, at: &At, modifications: &[Modification]) -> Result<(), Failure> {
        self.effect(|inner| inner.modify(at, modifications))
    }

    fn rename(&mut self, dn: &Dn, rdn: &Rdn, parent: &Dn) -> Result<(), Failure> {
        self.effect(|inner| inner.rename(dn, rdn, parent))
    }

    fn set_password(
        &mut self,
        at: &At,
        password: &secrecy::SecretString,
        next_log_on: NextLogOn,
    ) -> Result<(), Failure> {
        self.effect(|inner| inner.set_password(at, password, next_log_on))
    }
}

/// A mailbox with a fault.
pub struct Letters<'a> {
    /// What arrived.
    pub sent: Vec<Letter>,
    count: &'a AtomicUsize,
    fault: Option<Fault>,
}

impl<'a> Letters<'a> {
    /// A mailbox that fails when the count comes to the fault's.
    pub fn new(count: &'a AtomicUsize, fault: Option<Fault>) -> Self {
        Self {
            sent: Vec::new(),
            count,
            fault,
        }
    }
}

impl Post for Letters<'_> {
    fn send(&mut self, letter: &Letter) -> Result<Sent, PostError> {
        let fate = fate(self.count, self.fault);
        if !matches!(fate, Fate::Refused) {
            self.sent.push(letter.clone());
        }
        match fate {
            Fate::Nothing => Ok(Sent {
                message_id: letter.message_id.clone(),
                answer: "250 taken".into(),
            }),
            Fate::Refused => Err(PostError::Deferred {
                recipient: letter.to.clone(),
                answer: "450 try again later".into(),
            }),
            Fate::LostReply => Err(PostError::Unreachable {
                server: "mail.city.example".into(),
                source: "the connection was lost".into(),
            }),
            Fate::Died => resume_unwind(Box::new(Died)),
        }
    }
}
