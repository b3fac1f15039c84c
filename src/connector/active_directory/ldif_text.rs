//! LDIF (RFC 2849): text into records, and entries and changes into text.
//!
//! Decision: `changetype: delete` is read and never written, because nothing here deletes. `replace`
//! is refused when read: it would overwrite what it did not read, and [`Modification`] has no such step.
//! Decision: values in `<file:…>` form are refused: an LDIF from elsewhere must not read our files.

pub mod line;
mod read;
mod write;

pub use read::read;
pub use write::LdifWriter;

use crate::connector::{At, Attributes, Modification};
use crate::dn::{Dn, DnError, Rdn};

/// One record of an LDIF text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LdifRecord {
    /// An entry as it is.
    Content {
        /// Where it stands.
        dn: Dn,
        /// Its attributes, values in the order of the text.
        attributes: Attributes,
    },
    /// An entry to be added.
    Add {
        /// Where it will stand.
        dn: Dn,
        /// Its attributes, values in the order of the text.
        attributes: Attributes,
    },
    /// An entry to be modified.
    Modify {
        /// Which one.
        at: At,
        /// The steps, in the order of the text.
        modifications: Vec<Modification>,
    },
    /// An entry to be renamed, moved, or both.
    Rename {
        /// Where it stands.
        dn: Dn,
        /// Its relative name from then on.
        rdn: Rdn,
        /// Its parent from then on; none: it stays where it is.
        parent: Option<Dn>,
    },
    /// An entry to be deleted.
    Delete {
        /// Which one.
        at: At,
    },
}

/// What is wrong with an LDIF text, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {fault}")]
pub struct LdifError {
    /// The line, counted from one; of a folded one the first.
    pub line: usize,
    /// What is wrong with it.
    pub fault: LdifFault,
}

/// What can be wrong with a line of LDIF.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LdifFault {
    /// No colon, or no attribute name before it.
    #[error("expected `attribute: value`")]
    NoAttribute,
    /// A line that continues, but nothing before it.
    #[error("a line that begins with a blank continues the one before, and there is none")]
    NothingToContinue,
    /// A character that a value cannot have as it is.
    #[error("a value with a NUL or carriage return must be written in base64")]
    ControlCharacter,
    /// A base64 value that is not.
    #[error("the value after `::` is not base64")]
    Base64,
    /// A value by URL.
    #[error("values by URL (`:<`) are not read")]
    Url,
    /// A value that must be text and is not.
    #[error("the value is not UTF-8 text")]
    NotText,
    /// A version other than 1.
    #[error("the version is not 1")]
    Version,
    /// A record that does not begin with `dn:`.
    #[error("a record begins with `dn:`")]
    NoDn,
    /// A name that cannot be read.
    #[error("the name cannot be read: {0}")]
    Dn(DnError),
    /// A changetype that is none.
    #[error("the changetype is not add, modify, modrdn, moddn or delete")]
    ChangeType,
    /// A control, which would change what the record means.
    #[error("controls are not read")]
    Control,
    /// A modify step that is none.
    #[error(
        "expected `add: attribute`, `delete: attribute`, or values of that attribute and then `-`"
    )]
    Step,
    /// A modify step that replaces.
    #[error("`replace` is not read: it would overwrite what it did not read")]
    Replace,
    /// A step that adds nothing.
    #[error("`add` has no values")]
    NothingAdded,
    /// A modrdn without its lines.
    #[error("expected `newrdn`, `deleteoldrdn: 1`, and at most `newsuperior`")]
    NewRdn,
    /// A change where an entry should be.
    #[error("expected an entry, not a change of one")]
    NotAnEntry,
    /// Values that a server gave in parts.
    #[error("the list of values is incomplete (`;range=`)")]
    Incomplete,
    /// Lines where none belong.
    #[error("nothing belongs after this record's changetype")]
    Superfluous,
}
