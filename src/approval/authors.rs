//! The commits of a request → who wrote what in it: authors, who brought each request, who edited
//! somebody else's, and what nobody signed.
//!
//! Decision: an edit of somebody else's request is that and nothing else: in the file it stands in, which
//! says everything else as before, and it stays the same person's wish of the same sort for the same
//! person. Whatever else a commit does makes its writer an author: moving a file, taking a request out, and
//! every change that cannot be read.

use super::fault::Fault;
use super::signature::{KeyRing, SignatureError, Signer};
use crate::catalog::{ARCHIVE, Catalog};
use crate::manifest::parse::{Body, Known, Manifests, parse};
use crate::manifest::{Manifest, RequestSpec};
use crate::name::{RequestName, UserName};
use crate::source::objects::{Ancestry, Commit, Objects, ObjectsError};
use crate::source::{File, Source, is_manifest};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Who wrote what.
#[derive(Debug, Default)]
pub struct Authors {
    /// Who signed, or is said to have written, a commit that is not only an edit of somebody else's
    /// request, and which.
    pub authors: BTreeMap<UserName, String>,
    /// Commits that nobody signed, or nobody the revision before knows.
    pub unsigned: Vec<String>,
    /// Requests that came or now name another requester: who brought that, where it is known.
    pub brought: BTreeMap<RequestName, (String, Option<UserName>)>,
    /// Edits of somebody else's request.
    pub edits: Vec<Edit>,
    /// What cannot be.
    pub faults: Vec<Fault>,
}

/// An edit of somebody else's request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// Who edited it.
    pub editor: UserName,
    /// With which commit.
    pub commit: String,
    /// Which request.
    pub request: RequestName,
    /// Who asks for it.
    pub requester: UserName,
    /// The last commit that has it as the requester wrote it.
    pub since: String,
}

/// Why it cannot be told who wrote what.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum AuthorsError {
    #[error(transparent)]
    Objects(#[from] ObjectsError),
    #[error(transparent)]
    Signature(#[from] SignatureError),
    #[error("the reviews of {commit} could not be read to their end: {why}")]
    Reviews { commit: String, why: String },
}

/// What is known when the commits are read.
pub struct Before<'a> {
    /// Git's objects.
    pub objects: &'a Objects,
    /// The keys of the revision before.
    pub ring: &'a KeyRing,
    /// Who works here by the revision before.
    pub active: &'a BTreeSet<UserName>,
    /// The revision before and everything before it.
    pub ours: &'a Ancestry,
    /// What the revision before says.
    pub before: &'a Catalog,
    /// Its hash.
    pub base: &'a str,
}

impl Before<'_> {
    /// Who signed, as far as they work here.
    ///
    /// # Errors
    /// [`SignatureError`] when no tool tells.
    pub fn signer(&self, commit: &Commit) -> Result<Signer, SignatureError> {
        let signer = self.ring.signer(commit.signed.as_ref())?;
        Ok(self.present(signer))
    }

    /// A signature of somebody who does not work here counts for nobody.
    pub fn present(&self, signer: Signer) -> Signer {
        match signer {
            Signer::User { user, .. } if !self.active.contains(&user) => Signer::Refused(format!(
                "{user} does not work here at this instant, by the revision before"
            )),
            other => other,
        }
    }
}

/// Whom a forge takes for the writer of what nobody signed.
#[derive(Debug, Clone, Copy)]
pub struct Claimed<'a> {
    /// Whoever opened the pull request: stands behind what nobody else is said to have written.
    pub opener: Option<&'a UserName>,
    /// Whom each commit is said to be by. Anybody can write anybody's name there.
    pub writers: &'a BTreeMap<String, UserName>,
}

impl Claimed<'_> {
    fn writer(&self, commit: &Commit) -> Option<UserName> {
        self.opener?;
        self.writers.get(&commit.id).or(self.opener).cloned()
    }
}

/// Reads the commits, which stand parents first. The content of `odd` ones, merges that are no clean
/// ones, is compared with the tree beside them.
///
/// Invariant: a claim makes somebody an author or an editor, who is barred by it or needs a second
/// approver; it never tells who brought a request.
///
/// # Errors
/// [`AuthorsError`] when objects are missing or no tool tells who signed.
pub fn authors(
    known: &Before<'_>,
    commits: &[Commit],
    odd: &BTreeMap<String, String>,
    claimed: Claimed<'_>,
) -> Result<Authors, AuthorsError> {
    let mut found = Authors::default();
    let mut asked: BTreeMap<RequestName, UserName> = known
        .before
        .requests
        .iter()
        .map(|(name, request)| (name.clone(), request.spec.requested_by.clone()))
        .collect();
    // The last commit that each requester had a hand in.
    let mut last: BTreeMap<UserName, String> = BTreeMap::new();
    let mut edits: Vec<(UserName, RequestName, String)> = Vec::new();
    for commit in commits {
        if !known.shape(commit, odd, &mut found.faults)? {
            continue;
        }
        let before = known.compared(commit, odd)?;
        let contents = contents(known.objects, before.as_deref(), &commit.tree)?;
        let signer = match known.signer(commit)? {
            Signer::User { user, .. } => Some(user),
            Signer::Nobody | Signer::Unknown => {
                found.unsigned.push(commit.id.clone());
                None
            }
            Signer::Refused(why) => {
                let commit = commit.id.clone();
                found.faults.push(Fault::BadSignature { commit, why });
                None
            }
        };
        let writer = signer.clone().or_else(|| claimed.writer(commit));
        let theirs = |name: &RequestName| {
            let requester = asked.get(name);
            requester.is_some() && requester != writer.as_ref()
        };
        let only_edits = !contents.others
            && !contents.requests.is_empty()
            && contents.requests.keys().all(theirs);
        if let Some(user) = &writer {
            last.insert(user.clone(), commit.id.clone());
            match only_edits {
                true => {
                    let names = contents.requests.keys();
                    edits.extend(names.map(|name| (user.clone(), name.clone(), commit.id.clone())));
                }
                false => {
                    let entry = found.authors.entry(user.clone());
                    entry.or_insert_with(|| commit.id.clone());
                }
            }
        }
        for (name, after) in contents.requests {
            let Some(after) = after else {
                asked.remove(&name);
                continue;
            };
            if asked.get(&name) != Some(&after.requested_by) {
                asked.insert(name.clone(), after.requested_by);
                found
                    .brought
                    .insert(name, (commit.id.clone(), signer.clone()));
            }
        }
    }
    for (editor, request, commit) in edits {
        let Some(requester) = asked.get(&request).cloned() else {
            continue;
        };
        let brought = found.brought.get(&request).map(|(commit, _)| commit);
        let since = last.get(&requester).or(brought);
        let since = since.cloned().unwrap_or_else(|| known.base.to_owned());
        found.edits.push(Edit {
            editor,
            commit,
            request,
            requester,
            since,
        });
    }
    Ok(found)
}

impl Before<'_> {
    /// Whether a commit has content of its own; says what is wrong with how it hangs together.
    fn shape(
        &self,
        commit: &Commit,
        odd: &BTreeMap<String, String>,
        faults: &mut Vec<Fault>,
    ) -> Result<bool, ObjectsError> {
        if odd.contains_key(&commit.id) {
            return Ok(true);
        }
        let [first, others @ ..] = &commit.parents[..] else {
            let root = commit.id.clone();
            faults.push(Fault::Unrelated { root });
            return Ok(true);
        };
        for other in others.iter().filter(|other| !self.ours.has(other)) {
            faults.push(Fault::Elsewhere {
                commit: commit.id.clone(),
                other: other.clone(),
            });
        }
        // Bringing the branch up to date writes nothing.
        let [other] = others else {
            return Ok(true);
        };
        let is_clean = self.ours.has(other) && is_merge_of(self.objects, commit, first, other)?;
        Ok(!is_clean)
    }

    /// The tree that a commit's content is compared with; none: it has no parent.
    fn compared(
        &self,
        commit: &Commit,
        odd: &BTreeMap<String, String>,
    ) -> Result<Option<String>, ObjectsError> {
        if let Some(tree) = odd.get(&commit.id) {
            return Ok(Some(tree.clone()));
        }
        let parent = commit.parents.first();
        parent
            .map(|parent| self.objects.commit(parent).map(|parent| parent.tree))
            .transpose()
    }
}

/// Whether a commit's tree is the one that merging the two gives, with nothing decided by anybody.
///
/// # Errors
/// [`ObjectsError`] when a part of the history is missing.
pub fn is_merge_of(
    objects: &Objects,
    commit: &Commit,
    ours: &str,
    theirs: &str,
) -> Result<bool, ObjectsError> {
    let plain = objects.merged(ours, theirs)?;
    Ok(plain.as_ref() == Some(&commit.tree)
        || objects.merged_by_git(ours, theirs).as_ref() == Some(&commit.tree))
}

/// What two trees differ in.
struct Contents {
    /// Requests that are otherwise, as they are afterwards; none: gone. What is archived is none.
    requests: BTreeMap<RequestName, Option<RequestSpec>>,
    /// Whether in anything else than edits of requests that stay where they are.
    others: bool,
}

fn contents(
    objects: &Objects,
    before: Option<&str>,
    after: &str,
) -> Result<Contents, ObjectsError> {
    let mut contents = Contents {
        requests: BTreeMap::new(),
        others: false,
    };
    let Some(before) = before else {
        contents.others = true;
        return Ok(contents);
    };
    let (mut old, mut new) = (BTreeMap::new(), BTreeMap::new());
    for entry in objects.entries(before, after)? {
        let path = entry.path.as_deref().filter(|path| is_manifest(path));
        let Some(path) = path.filter(|path| !path.starts_with(ARCHIVE)) else {
            contents.others = true;
            continue;
        };
        let was = said(path, entry.before.as_deref());
        let is = said(path, entry.after.as_deref());
        contents.others |= !entry.in_place || !is.only_edits(&was);
        old.extend(was.requests());
        new.extend(is.requests());
    }
    let names: BTreeSet<&RequestName> = old.keys().chain(new.keys()).collect();
    let differ = names
        .into_iter()
        .filter(|name| old.get(*name) != new.get(*name));
    contents.requests = differ
        .map(|name| {
            let spec = new.get(name).map(|request| request.spec.as_ref().clone());
            (name.clone(), spec)
        })
        .collect();
    Ok(contents)
}

/// What one file says.
struct Said {
    bodies: Vec<Body>,
    broken: bool,
}

impl Said {
    fn requests(self) -> impl Iterator<Item = (RequestName, Arc<Manifest<RequestSpec>>)> {
        let requests = self.bodies.into_iter().filter_map(|body| match body {
            Body::Request(request) => Some(request),
            _ => None,
        });
        requests.filter_map(|request| {
            let name = RequestName::new(request.metadata.name.as_str()).ok()?;
            Some((name, request))
        })
    }

    /// Whether nothing is otherwise than before but what requests ask for.
    fn only_edits(&self, before: &Self) -> bool {
        let readable = !self.broken && !before.broken;
        let same = |is: &Body, was: &Body| match (is, was) {
            (Body::Request(is), Body::Request(was)) => {
                is.metadata == was.metadata
                    && is.spec.requested_by == was.spec.requested_by
                    && is.spec.subject == was.spec.subject
                    && is.spec.action == was.spec.action
            }
            (is, was) => is == was,
        };
        readable
            && self.bodies.len() == before.bodies.len()
            && self
                .bodies
                .iter()
                .zip(&before.bodies)
                .all(|(is, was)| same(is, was))
    }
}

fn said(path: &str, content: Option<&[u8]>) -> Said {
    let mut source = Source::default();
    if let Some(bytes) = content {
        source.files.insert(path.into(), File::of(bytes));
    }
    let Manifests {
        list, diagnostics, ..
    } = parse(&source, &mut Known::default());
    let named = |body: &Body| match body {
        Body::Request(request) => RequestName::new(request.metadata.name.as_str()).is_ok(),
        _ => true,
    };
    let bodies: Vec<Body> = list.into_iter().map(|located| located.body).collect();
    Said {
        broken: crate::diagnostic::any_error(&diagnostics) || !bodies.iter().all(named),
        bodies,
    }
}
