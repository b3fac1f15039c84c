//! Requests folded: the people of an instant, with what was assigned to each and by what.
//!
//! A request is a layer of its subject's life in [effective, until). [`Timeline`] orders the layers
//! once and judges each by the state it meets; [`Timeline::at`] puts together the people of any instant.
//!
//! Decision: who left and comes back starts again. An `Activate` of somebody who left keeps the person
//! (names, number, login, contact, answers) and nothing that was assigned: what a former job gave was
//! not approved for this one.

mod layer;
mod life;
mod status;
mod timeline;

pub use layer::fits;
pub use life::{Activated, Terminated};
pub use timeline::{Step, Timeline, Verdict, ahead};

use crate::manifest::identity::GivenIdentity;
use crate::manifest::parse::Location;
use crate::manifest::{Access, Line, UserSpec, Without};
use crate::name::{ProfileName, UserName};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The people of an instant.
#[derive(Debug, Clone, Default)]
pub struct Folded {
    /// Every user declared by then, by name; in boxes, because a tree is made by moving what is in it, and
    /// a user is large.
    pub people: BTreeMap<UserName, Box<FoldedUser>>,
    /// Instants after this one at which a manifest says that something changes; sorted.
    pub later: BTreeSet<Timestamp>,
}

/// One user at an instant.
#[derive(Debug, Clone, PartialEq)]
pub struct FoldedUser {
    /// The manifest that declares the user.
    pub declared: Origin,
    /// The user's own fields. Of what is assigned, and of how their time here began and ended, the manifest's
    /// word stands in it still; what holds is below.
    pub spec: Arc<UserSpec>,
    /// Profiles.
    pub profiles: Vec<Assigned<ProfileName>>,
    /// Profiles that were taken and whose access is kept for a time, for handing over.
    pub kept: Vec<Assigned<ProfileName>>,
    /// Personal access.
    pub access: Vec<Assigned<Access>>,
    /// What profiles and organizations give and the user does not get.
    pub without: Vec<Assigned<Exception>>,
    /// Identities that requests gave.
    pub identities: Vec<Assigned<GivenIdentity>>,
    /// Identities, or parts of them, that requests took.
    pub taken: Vec<Assigned<Taking>>,
    /// The request that began the user's present time here, if one did.
    pub activated: Option<Activated>,
    /// The request that ended it, if one did.
    pub terminated: Option<Terminated>,
    /// Requests that made the user what they are now, the latest first.
    pub changed: Vec<Origin>,
}

/// Something assigned to a user, and by what.
#[derive(Debug, Clone, PartialEq)]
pub struct Assigned<T> {
    /// What.
    pub value: T,
    /// By what.
    pub origin: Origin,
    /// The way to it in that manifest, dotted below `spec`.
    pub route: String,
}

/// An exception, and how far it reaches.
#[derive(Debug, Clone, PartialEq)]
pub struct Exception {
    /// What is not given.
    pub without: Without,
    /// The profiles whose grants it takes away; none: those of all of them. It lapses when they go (MODEL 10).
    pub profiles: Option<BTreeSet<ProfileName>>,
    /// When it begins to say something is to be expected to go by it; none: it took something personal already.
    pub since: Option<Timestamp>,
}

/// Identities, or parts of them, that a request took.
#[derive(Debug, Clone, PartialEq)]
pub enum Taking {
    /// What a matcher names; of profiles and organizations only what these gave then.
    Matched {
        /// Which.
        matcher: crate::manifest::request::IdentityMatcher,
        /// The profiles whose grants it takes away.
        profiles: BTreeSet<ProfileName>,
    },
    /// Every identity declared by a manifest: the user left, and what they had is not had again.
    Declared,
}

/// A manifest that assigned something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// In words: `user kim`, `request 2026-…`.
    pub text: Arc<str>,
    /// Where it stands.
    pub at: Location,
}

impl Origin {
    /// The line of something in that manifest, or of its name.
    pub fn line(&self, line: Line) -> u32 {
        match line.0 {
            0 => self.at.line,
            line => line,
        }
    }
}
