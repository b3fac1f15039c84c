//! Which letters are kept, which went out when, and which warnings were given.

use super::history::address_key;
use super::record::{Event, FrozenLetter, MailResult};
use crate::desired::Calendar;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// For how long it is known when mails went out: any local day is over by then, in any time zone.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(50);

/// What the records say of letters.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Letters {
    frozen: Vec<FrozenLetter>,
    sent: BTreeMap<String, Vec<Timestamp>>,
    warned: BTreeSet<(Date, String)>,
}

impl Letters {
    /// Takes in what a record says of a letter.
    pub(super) fn note(&mut self, event: &Event, at: Timestamp) {
        if let Event::Frozen { letter } = event {
            self.thaw(&letter.message);
            self.frozen.push(letter.clone());
        }
        if let Event::Thawed { message } = event {
            self.thaw(message);
        }
        let (Event::Mailed {
            recipient,
            message,
            result: MailResult::Sent,
            ..
        }
        | Event::Noticed {
            recipient,
            message,
            result: MailResult::Sent,
            ..
        }
        | Event::Escalated {
            recipient,
            message,
            result: MailResult::Sent,
            ..
        }
        | Event::Capped {
            recipient,
            message,
            result: MailResult::Sent,
            ..
        }) = event
        else {
            return;
        };
        if let Event::Capped { day, .. } = event {
            self.warned.insert((*day, address_key(recipient)));
        }
        self.went(recipient, message, at);
    }

    fn went(&mut self, recipient: &str, message: &str, at: Timestamp) {
        self.thaw(message);
        let sent = self.sent.entry(address_key(recipient)).or_default();
        sent.retain(|earlier| at.duration_since(*earlier) < REMEMBERED);
        sent.push(at);
    }

    fn thaw(&mut self, message: &str) {
        self.frozen.retain(|letter| letter.message != message);
    }

    pub(super) fn frozen(&self) -> &[FrozenLetter] {
        &self.frozen
    }

    pub(super) fn sent_on(&self, address: &str, calendar: &Calendar, day: Date) -> usize {
        let sent = self.sent.get(address).into_iter().flatten();
        sent.filter(|at| calendar.date(**at) == day).count()
    }

    pub(super) fn is_warned(&self, day: Date, address: &str) -> bool {
        self.warned.contains(&(day, address.to_owned()))
    }
}
