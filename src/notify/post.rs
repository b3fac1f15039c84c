//! A digest to a letter, and what delivers letters. A letter is a mail as it was written once: what
//! an intent keeps, and what is sent again, byte for byte, when nobody knows whether it went out
//! (SEMANTICS 19).

use super::mime::{RenderError, Sender, render};
use super::{Digest, MessageId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// A mail as it is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Letter {
    /// What it is known by.
    pub message_id: MessageId,
    /// The sender's address.
    pub from: String,
    /// The recipient's address.
    pub to: String,
    /// Its subject, for people and file names.
    pub subject: String,
    /// The date it bears.
    pub date: Timestamp,
    /// The whole mail, headers and bodies: ASCII, lines ending in CRLF.
    pub mime: String,
}

impl Letter {
    /// Writes the letter of a digest.
    ///
    /// # Errors
    /// [`RenderError`] for an address or date that no mail can carry.
    pub fn of(digest: &Digest, from: &Sender, date: Timestamp) -> Result<Self, RenderError> {
        Ok(Self {
            message_id: digest.message_id.clone(),
            from: from.mail.clone(),
            to: digest.to.mail.clone(),
            subject: digest.subject.clone(),
            date,
            mime: render(digest, from, date)?,
        })
    }
}

/// What delivers letters.
pub trait Post {
    /// Delivers one letter to its one recipient.
    ///
    /// # Errors
    /// [`PostError`]; after [`PostError::Unreachable`] nobody knows whether it was delivered.
    fn send(&mut self, letter: &Letter) -> Result<Sent, PostError>;
}

/// That a letter was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// The letter.
    pub message_id: MessageId,
    /// What took it, in its own words: the server's answer or the file.
    pub answer: String,
}

/// That a letter was not taken.
#[derive(Debug, thiserror::Error)]
pub enum PostError {
    /// The operator's file does not let mails go there.
    #[error(
        "no mail may go to {recipient}: its domain is not among the operator's recipientDomains"
    )]
    Domain {
        /// The address.
        recipient: String,
    },
    /// The address is none.
    #[error("{recipient} cannot be mailed")]
    Address {
        /// The address.
        recipient: String,
        /// Why.
        source: RenderError,
    },
    /// The server will never take this one (5xx).
    #[error("the mail server refuses {recipient}: {answer}")]
    Refused {
        /// The address.
        recipient: String,
        /// The server's words.
        answer: String,
    },
    /// The server does not take this one now (4xx).
    #[error("the mail server puts {recipient} off: {answer}")]
    Deferred {
        /// The address.
        recipient: String,
        /// The server's words.
        answer: String,
    },
    /// The connection failed or broke.
    #[error("{server} cannot be reached, or the connection broke")]
    Unreachable {
        /// The server.
        server: String,
        /// How.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Certificate, log-on, or something the server lacks: no mail will go until it is mended.
    #[error("{server} cannot be used as it is set up: {reason}")]
    Configuration {
        /// The server.
        server: String,
        /// What is wrong.
        reason: String,
    },
    /// The file could not be written.
    #[error("{} cannot be written", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// What helps against a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Remedy {
    /// To try again later.
    Wait,
    /// To give the maintainer another address; other mails go.
    MendRecipient,
    /// To mend server or settings; until then no mail goes.
    MendSettings,
}

impl PostError {
    /// What helps.
    pub fn remedy(&self) -> Remedy {
        match self {
            Self::Deferred { .. } | Self::Unreachable { .. } => Remedy::Wait,
            Self::Domain { .. } | Self::Address { .. } | Self::Refused { .. } => {
                Remedy::MendRecipient
            }
            Self::Configuration { .. } | Self::File { .. } => Remedy::MendSettings,
        }
    }
}

/// The domains that mails may go to. The default admits nobody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecipientDomains(Option<BTreeSet<String>>);

impl Default for RecipientDomains {
    fn default() -> Self {
        Self(Some(BTreeSet::new()))
    }
}

impl RecipientDomains {
    /// Takes the domains, case ignored; a subdomain is a domain of its own.
    pub fn new<D: AsRef<str>>(domains: impl IntoIterator<Item = D>) -> Self {
        let lower = domains
            .into_iter()
            .map(|domain| domain.as_ref().trim().to_lowercase());
        Self(Some(lower.collect()))
    }

    /// Every domain: whoever calls has asked the operator's file already.
    pub fn any() -> Self {
        Self(None)
    }

    /// Whether a mail may go to that address.
    pub fn admit(&self, mail: &str) -> bool {
        let Some(domains) = &self.0 else { return true };
        let domain = mail
            .rsplit_once('@')
            .map(|(_, domain)| domain.to_lowercase());
        domain.is_some_and(|domain| domains.contains(&domain))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_operators_domains_are_mailed() {
        let domains = RecipientDomains::new(["City.example"]);
        assert!(domains.admit("dana@city.EXAMPLE"));
        for mail in [
            "dana@sub.city.example",
            "dana@city.example.evil",
            "dana@notcity.example",
            "dana@city.example@evil",
            "dana",
            "",
        ] {
            assert!(!domains.admit(mail), "{mail}");
        }
        assert!(!RecipientDomains::default().admit("dana@city.example"));
    }
}
