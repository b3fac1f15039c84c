//! How the loop goes on.

use super::reader::{Reader, keys};
use crate::diagnostic::Code;
use crate::operator::settings;
use crate::operator::{Running, Webhook};
use jiff::SignedDuration;
use std::net::SocketAddr;

impl Reader<'_> {
    /// The section `run`; what holds where there is none. None where something in it is wrong.
    pub(super) fn running(&mut self) -> Option<Running> {
        let standard = Running::default();
        let Some(given) = self.section::<settings::Run>("run") else {
            return Some(standard);
        };
        let webhook = match &given.webhook {
            None => Some(None),
            Some(webhook) => {
                let listen = self.listen(Some(&webhook.listen), &["run", "webhook", "listen"]);
                let secret = self.secret(&webhook.secret, &["run", "webhook", "secret"]);
                match (listen, secret) {
                    (Some(Some(listen)), Some(secret)) => Some(Some(Webhook { listen, secret })),
                    _ => None,
                }
            }
        };
        let listen = self.listen(given.listen.as_deref(), &["run", "listen"]);
        Some(Running {
            interval: span(given.interval.as_deref(), standard.interval),
            fetch: span(given.fetch.as_deref(), standard.fetch),
            poll: span(given.poll.as_deref(), standard.poll),
            read_all: span(given.read_all.as_deref(), standard.read_all),
            listen: listen?,
            webhook: webhook?,
        })
    }

    /// An address to listen on; the inner none where none is given.
    fn listen(&mut self, given: Option<&str>, route: &[&str]) -> Option<Option<SocketAddr>> {
        let Some(text) = given else {
            return Some(None);
        };
        match text.parse() {
            Ok(address) => Some(Some(address)),
            Err(_) => {
                let place = self.place(&keys(route));
                let message = "this is no address to listen on";
                let help = "write an address and a port, as `127.0.0.1:9464` or `[::1]:9464`";
                self.say(Code::BadValue, place, message, Some(help));
                None
            }
        }
    }
}

/// A span as the schema has it: a number of seconds, minutes or hours.
fn span(given: Option<&str>, standard: SignedDuration) -> SignedDuration {
    let parsed = given.and_then(|text| {
        let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
        let number: i64 = number.parse().ok()?;
        let seconds = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            _ => return None,
        };
        Some(SignedDuration::from_secs(number.checked_mul(seconds)?))
    });
    parsed.unwrap_or(standard)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_seconds_minutes_or_hours() {
        let standard = SignedDuration::from_secs(7);
        let seconds = |text| span(text, standard).as_secs();
        assert_eq!(seconds(None), 7);
        assert_eq!(seconds(Some("30s")), 30);
        assert_eq!(seconds(Some("15m")), 900);
        assert_eq!(seconds(Some("2h")), 7200);
        assert_eq!(
            seconds(Some("2d")),
            7,
            "the schema says what is wrong with it"
        );
    }
}
