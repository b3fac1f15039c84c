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
pub mod sample;
pub mod smtp;
mod subject;
pub mod templates;
pub mod thread;

pub use digest::{Attachment, Digest, digests, overdue};
pub use directory::DirectoryWork;
pub use mime::{RenderError, Sender};
pub use post::{Letter, Post, PostError, RecipientDomains, Remedy, Sent};
pub use templates::Templates;
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
    /// What the repository writes mails with, instead of our own templates.
    pub templates: Templates,
}

impl From<&Rules> for Wording {
    fn from(rules: &Rules) -> Self {
        Self {
            organization: rules.organization.clone(),
            subject_prefix: rules.mail.subject_prefix.clone(),
            signature: rules.mail.signature.clone(),
            templates: Templates::of(&rules.templates),
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
    /// A template is wrong: ours, or one of the repository that is on trial.
    #[error("a mail template does not render")]
    Template(#[from] minijinja::Error),
    /// The people of the samples cannot be read: a mistake of this program.
    #[error("there is no sample")]
    Sample(#[source] serde_json::Error),
    /// There is nothing to say.
    #[error("there is nothing to say")]
    Nothing,
}
