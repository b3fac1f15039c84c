//! Open tasks and a directory's changes to mails that ask maintainers for work: one mail for each
//! maintainer and run, written once, sent as the same bytes however often.
//!
//! [`digests`] is pure; [`mime::render`] makes the bytes of it; a [`Post`] delivers them: over SMTP
//! ([`smtp`]) or into a folder ([`outbox`]).
//!
//! Invariant: nothing here talks to a connector, and nothing that a manifest says can become a
//! header, markup, an LDIF line or a PowerShell command.

#[cfg(test)]
mod cast;
mod difference;
mod digest;
pub mod directory;
#[cfg(test)]
mod injection;
pub mod mime;
pub mod notice;
pub mod outbox;
mod page;
mod plain;
pub mod post;
pub mod smtp;
mod subject;
pub mod thread;

pub use digest::{Attachment, Digest, digests};
pub use directory::DirectoryWork;
pub use mime::{RenderError, Sender};
pub use post::{Letter, Post, PostError, RecipientDomains, Remedy, Sent};
pub use thread::{MessageId, Threads};

use crate::desired::Rules;
use jiff::Timestamp;

/// The words of the repository in mails.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wording {
    /// The name of the organization.
    pub organization: String,
    /// What stands in front of every subject, in brackets; none: the organization.
    pub subject_prefix: Option<String>,
    /// What stands at the foot of every mail.
    pub signature: Option<String>,
}

impl From<&Rules> for Wording {
    fn from(rules: &Rules) -> Self {
        Self {
            organization: rules.organization.clone(),
            subject_prefix: rules.mail.subject_prefix.clone(),
            signature: rules.mail.signature.clone(),
        }
    }
}

/// Which run it is that asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunIdentity {
    /// What the run's intent is known by: with the maintainer, what makes a mail this mail.
    pub intent: String,
    /// The instant of the plan.
    pub instant: Timestamp,
    /// The commit the plan was made from.
    pub revision: Option<String>,
    /// The domain of the sender's address, for Message-IDs.
    pub sender_domain: String,
}

/// That a mail could not be written.
#[derive(Debug, thiserror::Error)]
pub enum NotifyError {
    /// A template of ours is wrong.
    #[error("a mail template does not render")]
    Template(#[from] minijinja::Error),
}
