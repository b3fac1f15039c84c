//! Which revision is approved: the evidence of the operator's choice, asked about the branch.

use super::{diagnosed, read_source};
use crate::approval::authors::AuthorsError;
use crate::approval::line::{LineError, Means, Proposed, Verified, propose, verify};
use crate::approval::reviews::Reviews;
use crate::approval::revision::Link;
use crate::approval::signature::{KeyRing, Signer};
use crate::catalog::Catalog;
use crate::diagnostic::{Diagnostic, Severity};
use crate::manifest::parse::Known;
use crate::name::UserName;
use crate::source::objects::Objects;
use crate::source::{Blob, Source};
use jiff::Timestamp;
use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;

/// Manifests that this process parsed itself. What is kept beside a repository decides nothing: whoever
/// can write there would say whose each key is.
pub type Memory = Rc<RefCell<Known>>;

/// Links revisions as a plan does, with what was parsed before.
pub struct Linker {
    known: Memory,
    now: Timestamp,
}

impl Linker {
    /// One that sees mistakes from this instant on.
    pub fn new(known: Memory, now: Timestamp) -> Self {
        Self { known, now }
    }
}

/// As of when something is verified.
pub struct AsOf<'a> {
    /// The instant.
    pub now: Timestamp,
    /// When a commit was first seen; none: it was not before, or nobody recorded it.
    pub seen: &'a dyn Fn(&str) -> Option<Timestamp>,
}

impl AsOf<'_> {
    /// As of an instant, by somebody who sees everything for the first time.
    pub fn at(now: Timestamp) -> Self {
        Self {
            now,
            seen: &|_| None,
        }
    }
}

impl Link for Linker {
    fn knows(&self, blob: &Blob) -> bool {
        self.known.borrow().0.contains_key(blob)
    }

    fn link(&self, source: Source) -> (Catalog, Vec<Diagnostic>) {
        let reading = read_source(source, &mut self.known.borrow_mut());
        let (catalog, mut diagnostics) = diagnosed(reading, None, self.now).let_go();
        diagnostics.retain(|d| d.severity == Severity::Error);
        (catalog, diagnostics)
    }
}

/// Where verification begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    /// The commit that is taken as approved.
    pub commit: String,
    /// What it is, in words.
    pub what: &'static str,
}

/// Verifies the line of a repository from a start to a head; with reviews, where they are evidence.
///
/// # Errors
/// [`LineError`] when the line does not come by the start, or it cannot be read.
pub fn verified(
    folder: &Path,
    start: &Start,
    head: &str,
    known: &Memory,
    reviews: Option<&dyn Reviews>,
    AsOf { now, seen }: AsOf<'_>,
) -> Result<Verified, LineError> {
    let objects = Objects::open(folder)?;
    let linker = Linker::new(known.clone(), now);
    verify(
        &Means {
            objects: &objects,
            link: &linker,
            reviews,
            now,
            seen,
        },
        &start.commit,
        start.what,
        head,
    )
}

/// Judges a head that is to be merged into a base; with reviews, where they are evidence.
///
/// # Errors
/// [`LineError`] when something cannot be read.
pub fn proposed(
    folder: &Path,
    base: &str,
    head: &str,
    known: &Memory,
    reviews: Option<&dyn Reviews>,
    now: Timestamp,
) -> Result<Proposed, LineError> {
    let objects = Objects::open(folder)?;
    let linker = Linker::new(known.clone(), now);
    let means = Means {
        objects: &objects,
        link: &linker,
        reviews,
        now,
        seen: &|_| None,
    };
    propose(&means, base, head)
}

/// Who signed a tag of a commit, by the keys of a catalog; none: nobody whom it knows.
///
/// # Errors
/// [`LineError`] when it cannot be read, or no tool tells.
pub fn tag_signer(
    folder: &Path,
    catalog: &Catalog,
    commit: &str,
    name: &str,
) -> Result<Option<UserName>, LineError> {
    let objects = Objects::open(folder)?;
    let tags = objects.approvals()?;
    let mut tags = tags.get(commit).into_iter().flatten();
    let Some(tag) = tags.find(|tag| tag.name == name) else {
        return Ok(None);
    };
    let users = catalog.users.iter().filter_map(|(name, user)| {
        let keys = &user.spec.credentials.as_ref()?.signing_keys;
        Some((name, keys.as_slice()))
    });
    let signer = KeyRing::new(users).signer(tag.signed.as_ref());
    Ok(match signer.map_err(AuthorsError::from)? {
        Signer::User { user, .. } => Some(user),
        Signer::Nobody | Signer::Unknown | Signer::Refused(_) => None,
    })
}
