//! The commits of a request → who wrote what in it: authors, who brought each request, who edited
//! somebody else's, and what nobody signed.

use super::fault::Fault;
use super::signature::{KeyRing, SignatureError, Signer};
use crate::catalog::Catalog;
use crate::manifest::RequestSpec;
use crate::manifest::parse::{Body, Known, Manifests, parse};
use crate::name::{RequestName, UserName};
use crate::source::objects::{Ancestry, Commit, Objects, ObjectsError};
use crate::source::{File, Source, is_manifest};
use std::collections::{BTreeMap, BTreeSet};

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
        .chain(&known.before.archived)
        .map(|(name, request)| (name.clone(), request.spec.requested_by.clone()))
        .collect();
    // The last commit that each requester had a hand in.
    let mut last: BTreeMap<UserName, String> = BTreeMap::new();
    let mut edits: Vec<(UserName, RequestName)> = Vec::new();
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
        let theirs = |name: &RequestName, after: Option<&RequestSpec>| {
            let requester = asked.get(name);
            let same = after.is_none_or(|after| Some(&after.requested_by) == requester);
            same && requester.is_some() && requester != writer.as_ref()
        };
        let only_edits = !contents.others
            && !contents.requests.is_empty()
            && contents
                .requests
                .iter()
                .all(|(name, after)| theirs(name, after.as_ref()));
        if let Some(user) = &writer {
            last.insert(user.clone(), commit.id.clone());
            match only_edits {
                true => {
                    let names = contents.requests.keys();
                    edits.extend(names.map(|name| (user.clone(), name.clone())));
                }
                false => {
                    let entry = found.authors.entry(user.clone());
                    entry.or_insert_with(|| commit.id.clone());
                }
            }
        }
        for (name, after) in contents.requests {
            let Some(after) = after else {
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
    for (editor, request) in edits {
        let Some(requester) = asked.get(&request).cloned() else {
            continue;
        };
        let brought = found.brought.get(&request).map(|(commit, _)| commit);
        let since = last.get(&requester).or(brought);
        let since = since.cloned().unwrap_or_else(|| known.base.to_owned());
        found.edits.push(Edit {
            editor,
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

/// What two trees differ in: requests, by name and as they are afterwards, and whether in anything else.
struct Contents {
    requests: BTreeMap<RequestName, Option<RequestSpec>>,
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
    for path in objects.changed(before, after)? {
        if !is_manifest(&path) {
            contents.others = true;
            continue;
        }
        let (was, is) = (said(objects, before, &path), said(objects, after, &path));
        contents.others |= was.others != is.others || was.broken || is.broken;
        old.extend(was.requests);
        new.extend(is.requests);
    }
    // A request that only moved to another file is the same.
    let names: BTreeSet<&RequestName> = old.keys().chain(new.keys()).collect();
    let differ = names
        .into_iter()
        .filter(|name| old.get(*name) != new.get(*name));
    contents.requests = differ
        .map(|name| (name.clone(), new.get(name).cloned()))
        .collect();
    Ok(contents)
}

/// What one file says.
struct Said {
    requests: BTreeMap<RequestName, RequestSpec>,
    others: Vec<Body>,
    broken: bool,
}

fn said(objects: &Objects, tree: &str, path: &str) -> Said {
    let mut source = Source::default();
    if let Some(bytes) = objects.file(tree, path) {
        source.files.insert(path.into(), File::of(&bytes));
    }
    let Manifests {
        list, diagnostics, ..
    } = parse(&source, &mut Known::default());
    let mut said = Said {
        requests: BTreeMap::new(),
        others: Vec::new(),
        broken: crate::diagnostic::any_error(&diagnostics),
    };
    for located in list {
        match located.body {
            Body::Request(request) => match RequestName::new(request.metadata.name.as_str()) {
                Ok(name) => {
                    said.requests.insert(name, (*request.spec).clone());
                }
                Err(_) => said.broken = true,
            },
            other => said.others.push(other),
        }
    }
    said
}
