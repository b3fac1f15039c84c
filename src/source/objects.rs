//! Git's objects as they were written: commits, signed tags and recomputed merges.
//!
//! Decision: nothing here is read through the repository itself. Replace refs, grafts, a shallow
//! file, a commit graph or a configured program could make a commit seem to have other parents or
//! another signature, and whoever prepared the operator's checkout would decide what is approved.
//! So a view is made: an empty repository in a private folder that has the real one's objects and
//! nothing else of it, and commits are taken apart from their own bytes.

use super::git::{list_tree, open};
use super::{Blob, Source, SourceError};
use git2::{Delta, ErrorCode, ObjectType, Oid, Repository, RepositoryInitOptions};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What the names of tags begin with that approve a commit; its hash and the approver follow.
pub const APPROVALS: &str = "countersign/approve/";

/// The objects of a repository.
pub struct Objects {
    view: Repository,
    place: tempfile::TempDir,
    real: PathBuf,
    /// Where the access repository lies in the git repository; empty or ending with `/`.
    prefix: String,
}

/// A commit, as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Its hash.
    pub id: String,
    /// The hash of its tree.
    pub tree: String,
    /// The hashes of its parents.
    pub parents: Vec<String>,
    /// The first line of its message.
    pub subject: String,
    /// When it was made, as whoever made it says; anything can stand there.
    pub when: Option<Timestamp>,
    /// Its signature; none: it is not signed.
    pub signed: Option<Signed>,
}

/// What differs between two trees at one path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The path in the access repository; none: it is not UTF-8.
    pub path: Option<String>,
    /// Whether it is a file on both sides, of the same mode.
    pub in_place: bool,
    /// The content before; none where there was no file.
    pub before: Option<Vec<u8>>,
    /// The content after; none where there is no file.
    pub after: Option<Vec<u8>>,
}

/// A signature and what it was made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// What was signed.
    pub payload: Vec<u8>,
    /// The signature, armored.
    pub signature: Vec<u8>,
}

/// A tag that approves a commit, as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    /// The name it was signed under; the ref it was found at may be called otherwise.
    pub name: String,
    /// The commit it was made for.
    pub commit: String,
    /// Its signature; none: it is not signed.
    pub signed: Option<Signed>,
}

/// Commits that can be reached from one.
#[derive(Debug, Clone, Default)]
pub struct Ancestry(HashSet<String>);

impl Ancestry {
    /// Whether a commit is among them.
    pub fn has(&self, id: &str) -> bool {
        self.0.contains(id)
    }

    /// The same with these commits.
    pub fn extend(&mut self, ids: impl IntoIterator<Item = String>) {
        self.0.extend(ids);
    }
}

/// Why the objects of a history do not tell what they must.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum ObjectsError {
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error(
        "commit {0} is not in this clone: it is shallow or not complete; fetch the whole history (`git fetch --unshallow`)"
    )]
    Missing(String),
    #[error("object {0} is not the commit it is said to be")]
    Form(String),
    #[error("a private folder cannot be made")]
    Folder(#[source] std::io::Error),
}

fn failed(what: impl Into<String>) -> impl FnOnce(git2::Error) -> ObjectsError {
    let what = what.into();
    move |source| SourceError::Git { what, source }.into()
}

impl Objects {
    /// Makes a view on the repository that a folder is in.
    ///
    /// # Errors
    /// [`ObjectsError`] when there is no repository, or no view can be made.
    pub fn open(folder: &Path) -> Result<Self, ObjectsError> {
        let real = open(folder)?;
        let place = tempfile::Builder::new()
            .prefix("cs-")
            .tempdir()
            .map_err(ObjectsError::Folder)?;
        let mut options = RepositoryInitOptions::new();
        options.bare(true).external_template(false);
        let view = Repository::init_opts(place.path(), &options)
            .map_err(failed("a view on the repository"))?;
        let objects = real.commondir().join("objects");
        let objects = objects.canonicalize().map_err(ObjectsError::Folder)?;
        let alternates = place.path().join("objects/info/alternates");
        let made = std::fs::create_dir_all(place.path().join("objects/info"));
        made.and_then(|()| std::fs::write(alternates, format!("{}\n", objects.display())))
            .map_err(ObjectsError::Folder)?;
        drop(view);
        let view = Repository::open_bare(place.path()).map_err(failed("the view"))?;
        Ok(Self {
            prefix: prefix(&real, folder),
            real: real.path().to_owned(),
            view,
            place,
        })
    }

    /// A commit.
    ///
    /// # Errors
    /// [`ObjectsError`] when it is not there or is no commit.
    pub fn commit(&self, id: &str) -> Result<Commit, ObjectsError> {
        let bytes = self.bytes(id, ObjectType::Commit)?;
        commit(id, &bytes).ok_or_else(|| ObjectsError::Form(id.to_owned()))
    }

    /// A commit and everything before it.
    ///
    /// # Errors
    /// [`ObjectsError`] when a part of the history is missing.
    pub fn ancestry(&self, id: &str) -> Result<Ancestry, ObjectsError> {
        let mut found = Ancestry::default();
        let new = self.beyond(&found, id)?;
        found.extend(new.into_iter().map(|c| c.id));
        Ok(found)
    }

    /// The commits that a head has and others have not; parents before their children.
    ///
    /// # Errors
    /// [`ObjectsError`] when a part of the history is missing.
    pub fn beyond(&self, known: &Ancestry, head: &str) -> Result<Vec<Commit>, ObjectsError> {
        let mut found: Vec<Commit> = Vec::new();
        let mut seen: HashSet<String> = HashSet::new();
        // A commit is put down once everything before it was.
        let mut stack = vec![(head.to_owned(), None::<Commit>)];
        while let Some((id, commit)) = stack.pop() {
            if let Some(commit) = commit {
                found.push(commit);
                continue;
            }
            if known.has(&id) || !seen.insert(id.clone()) {
                continue;
            }
            let commit = self.commit(&id)?;
            let parents = commit.parents.clone();
            stack.push((id, Some(commit)));
            stack.extend(parents.into_iter().rev().map(|parent| (parent, None)));
        }
        Ok(found)
    }

    /// The first-parent line from one commit (left out) to a head (included), the oldest first; none
    /// where the line does not come by it.
    ///
    /// # Errors
    /// [`ObjectsError`] when a part of the history is missing.
    pub fn line(&self, from: &str, head: &str) -> Result<Option<Vec<Commit>>, ObjectsError> {
        let mut line = Vec::new();
        let mut id = head.to_owned();
        while id != from {
            let commit = self.commit(&id)?;
            let parent = commit.parents.first().cloned();
            line.push(commit);
            match parent {
                Some(parent) => id = parent,
                None => return Ok(None),
            }
        }
        line.reverse();
        Ok(Some(line))
    }

    /// The tree that merging two commits gives where nobody has to decide anything; none where somebody has.
    ///
    /// # Errors
    /// [`ObjectsError`] when a part of the history is missing.
    pub fn merged(&self, ours: &str, theirs: &str) -> Result<Option<String>, ObjectsError> {
        let find = |id: &str| {
            let oid = Oid::from_str(id).map_err(failed(id))?;
            self.view.find_commit(oid).map_err(failed(id))
        };
        let (ours, theirs) = (find(ours)?, find(theirs)?);
        let mut index = self
            .view
            .merge_commits(&ours, &theirs, None)
            .map_err(failed("a merge"))?;
        if index.has_conflicts() {
            return Ok(None);
        }
        let tree = index
            .write_tree_to(&self.view)
            .map_err(failed("a merged tree"))?;
        Ok(Some(tree.to_string()))
    }

    /// The same as git itself merges: its way with renamed folders is another. None where it cannot.
    pub fn merged_by_git(&self, ours: &str, theirs: &str) -> Option<String> {
        let mut git = Command::new("git");
        git.env_clear().stdin(Stdio::null()).stderr(Stdio::null());
        let path = std::env::var_os("PATH");
        git.envs(path.map(|path| ("PATH", path)))
            .env("HOME", self.place.path())
            .env("LC_ALL", "C")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_ATTR_NOSYSTEM", "1")
            .env("GIT_NO_REPLACE_OBJECTS", "1")
            .args(["-c", "core.commitGraph=false", "--git-dir"])
            .arg(self.place.path())
            .args(["merge-tree", "--write-tree", ours, theirs]);
        let out = git.output().ok().filter(|out| out.status.success())?;
        let text = String::from_utf8(out.stdout).ok()?;
        let tree = text.trim();
        Oid::from_str(tree).ok().map(|tree| tree.to_string())
    }

    /// The files of the access repository that differ between two trees; those of a file that is
    /// new or gone too.
    ///
    /// # Errors
    /// [`ObjectsError`] when a tree is missing.
    pub fn changed(&self, before: &str, after: &str) -> Result<BTreeSet<String>, ObjectsError> {
        let diff = self.compared(before, after)?;
        let files = diff.deltas().flat_map(|d| [d.old_file(), d.new_file()]);
        let paths = files.filter_map(|f| {
            let path = String::from_utf8_lossy(f.path_bytes()?).into_owned();
            path.strip_prefix(&self.prefix).map(str::to_owned)
        });
        Ok(paths.collect())
    }

    /// What differs between two trees in the access repository, entry by entry: what was moved is gone in
    /// one place and new in another.
    ///
    /// # Errors
    /// [`ObjectsError`] when a tree is missing.
    pub fn entries(&self, before: &str, after: &str) -> Result<Vec<Entry>, ObjectsError> {
        let mut entries = Vec::new();
        for delta in self.compared(before, after)?.deltas() {
            let sides = [delta.old_file(), delta.new_file()];
            let path = sides.iter().find_map(git2::DiffFile::path_bytes);
            let path = path.unwrap_or_default();
            let Some(path) = path.strip_prefix(self.prefix.as_bytes()) else {
                continue;
            };
            let [old, new] = sides.map(|side| {
                let is_there = side.exists() && !side.id().is_zero();
                is_there.then(|| (side.id(), i32::from(side.mode())))
            });
            let in_place = delta.status() == Delta::Modified
                && old
                    .is_some_and(|(_, old)| new.is_some_and(|(_, new)| old == new && is_file(old)));
            let content = |side: Option<(Oid, i32)>| {
                let (id, mode) = side?;
                let blob = self.view.find_blob(id).ok().filter(|_| is_file(mode))?;
                Some(blob.content().to_vec())
            };
            entries.push(Entry {
                path: std::str::from_utf8(path).ok().map(str::to_owned),
                in_place,
                before: content(old),
                after: content(new),
            });
        }
        Ok(entries)
    }

    fn compared(&self, before: &str, after: &str) -> Result<git2::Diff<'_>, ObjectsError> {
        let find = |id: &str| {
            let oid = Oid::from_str(id).map_err(failed(id))?;
            self.view.find_tree(oid).map_err(failed(id))
        };
        let (before, after) = (find(before)?, find(after)?);
        let diff = self
            .view
            .diff_tree_to_tree(Some(&before), Some(&after), None);
        diff.map_err(failed("two trees"))
    }

    /// Reads every manifest file of a commit; the content of blobs that are `known` already is left
    /// in git until somebody asks for it.
    ///
    /// # Errors
    /// [`ObjectsError`] when the commit or a part of its tree is missing.
    pub fn read(
        &self,
        commit: &Commit,
        known: &dyn Fn(&Blob) -> bool,
    ) -> Result<Source, ObjectsError> {
        let oid = Oid::from_str(&commit.tree).map_err(failed(&commit.tree))?;
        let tree = self.view.find_tree(oid).map_err(failed(&commit.tree))?;
        let folder = Path::new(self.prefix.trim_end_matches('/'));
        let below = match self.prefix.is_empty() {
            true => Ok(tree),
            false => tree
                .get_path(folder)
                .and_then(|entry| entry.to_object(&self.view))
                .and_then(|object| object.peel_to_tree()),
        };
        let below = below.map_err(failed(&self.prefix))?;
        let listed = list_tree(&self.view, &commit.id, &below, &self.real);
        let read = listed.and_then(|listing| listing.read(Some(&self.view), known));
        Ok(read?)
    }

    /// The commit that merging a head would make; none where somebody has to decide something. It
    /// stands in the view only.
    ///
    /// # Errors
    /// [`ObjectsError`] when a part of the history is missing.
    pub fn proposed(&self, ours: &str, theirs: &str) -> Result<Option<Commit>, ObjectsError> {
        let tree = match self.merged(ours, theirs)? {
            Some(tree) => Some(tree),
            None => self.merged_by_git(ours, theirs),
        };
        let Some(tree) = tree else {
            return Ok(None);
        };
        let text = format!(
            "tree {tree}\nparent {ours}\nparent {theirs}\nauthor C <c@localhost> 0 +0000\ncommitter C <c@localhost> 0 +0000\n\nProposed\n"
        );
        let odb = self.view.odb().map_err(failed("the objects"))?;
        let id = odb
            .write(ObjectType::Commit, text.as_bytes())
            .map_err(failed("a proposed merge"))?;
        self.commit(&id.to_string()).map(Some)
    }

    /// The tags that approve a commit, by the commit.
    ///
    /// # Errors
    /// [`ObjectsError`] when the refs cannot be read.
    pub fn approvals(&self) -> Result<BTreeMap<String, Vec<Tag>>, ObjectsError> {
        let real = Repository::open(&self.real).map_err(failed("the repository"))?;
        let refs = real
            .references_glob(&format!("refs/tags/{APPROVALS}*"))
            .map_err(failed("the tags"))?;
        let mut found: BTreeMap<String, Vec<Tag>> = BTreeMap::new();
        for reference in refs {
            let reference = reference.map_err(failed("the tags"))?;
            let Some(target) = reference.target().map(|t| t.to_string()) else {
                continue;
            };
            // A tag without an object of its own says nothing about who made it.
            let Ok(bytes) = self.bytes(&target, ObjectType::Tag) else {
                continue;
            };
            if let Some(tag) = tag(&bytes) {
                found.entry(tag.commit.clone()).or_default().push(tag);
            }
        }
        Ok(found)
    }

    fn bytes(&self, id: &str, kind: ObjectType) -> Result<Vec<u8>, ObjectsError> {
        let oid = Oid::from_str(id).map_err(failed(id))?;
        let odb = self.view.odb().map_err(failed("the objects"))?;
        let object = odb.read(oid).map_err(|source| match source.code() {
            ErrorCode::NotFound => ObjectsError::Missing(id.to_owned()),
            _ => SourceError::Git {
                what: id.to_owned(),
                source,
            }
            .into(),
        })?;
        match object.kind() == kind {
            true => Ok(object.data().to_vec()),
            false => Err(ObjectsError::Form(id.to_owned())),
        }
    }
}

/// Whether a mode is that of a file: no link, no folder, no repository of its own.
fn is_file(mode: i32) -> bool {
    matches!(mode, 0o100_644 | 0o100_755 | 0o100_664)
}

/// Where a folder lies in a repository, as its files are named in a tree.
fn prefix(repository: &Repository, folder: &Path) -> String {
    let workdir = repository.workdir().and_then(|w| w.canonicalize().ok());
    let below = workdir.zip(folder.canonicalize().ok());
    let below = below.and_then(|(w, f)| f.strip_prefix(w).ok().map(Path::to_owned));
    match below.as_deref().and_then(Path::to_str) {
        Some("") | None => String::new(),
        Some(path) => format!("{path}/"),
    }
}

/// The header that holds a commit's signature (git's `gpgsig`; SHA-256 repositories have another).
const SIGNATURE: &str = "gpgsig";

/// Takes a commit apart: headers, an empty line, a message. The signature is a header whose further
/// lines begin with a blank, and what was signed is the commit without it.
pub(super) fn commit(id: &str, bytes: &[u8]) -> Option<Commit> {
    let end = bytes.windows(2).position(|w| w == b"\n\n")? + 1;
    let (headers, message) = bytes.split_at(end);
    let mut tree = None;
    let mut parents = Vec::new();
    let mut payload: Vec<u8> = Vec::with_capacity(bytes.len());
    let mut signature: Option<Vec<u8>> = None;
    let mut within = false;
    let mut described = false;
    let mut when = None;
    for line in headers.split_inclusive(|b| *b == b'\n') {
        let text = String::from_utf8_lossy(line);
        let text = text.trim_end_matches('\n');
        match text.split_once(' ') {
            Some(("", _)) if within => {
                signature.get_or_insert_default().extend(line.get(1..)?);
                continue;
            }
            Some((SIGNATURE, first)) => {
                // Two signatures: whose would count is not for us to guess.
                if signature.is_some() {
                    return None;
                }
                signature = Some(format!("{first}\n").into_bytes());
                within = true;
                continue;
            }
            Some(("tree", hash)) if tree.is_none() => tree = Some(hash.to_owned()),
            // As git reads it: parents stand between the tree and the author, and nowhere else.
            Some(("parent", hash)) if !described => parents.push(hash.to_owned()),
            Some(("committer", said)) => {
                described = true;
                let seconds = said.rsplit(' ').nth(1).and_then(|s| s.parse().ok());
                when = seconds.and_then(|s| Timestamp::from_second(s).ok());
            }
            _ => described = true,
        }
        within = false;
        payload.extend(line);
    }
    payload.extend(message);
    let message = String::from_utf8_lossy(message);
    let subject = message.trim_start().lines().next().unwrap_or_default();
    Some(Commit {
        id: id.to_owned(),
        tree: tree?,
        parents,
        subject: subject.to_owned(),
        when,
        signed: signature.map(|signature| Signed { payload, signature }),
    })
}

/// Takes a tag apart; none unless it is of a commit. Its signature stands at the end of its message.
fn tag(bytes: &[u8]) -> Option<Tag> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (headers, _) = text.split_once("\n\n")?;
    let mut lines = headers.lines();
    let commit = lines.next()?.strip_prefix("object ")?.to_owned();
    (lines.next()? == "type commit").then_some(())?;
    let name = lines.next()?.strip_prefix("tag ")?.to_owned();
    let begins = [
        "-----BEGIN SSH SIGNATURE-----",
        "-----BEGIN PGP SIGNATURE-----",
    ];
    let at = begins
        .iter()
        .filter_map(|begin| text.rfind(&format!("\n{begin}\n")));
    let signed = at.max().map(|at| Signed {
        payload: bytes.get(..=at).unwrap_or_default().to_vec(),
        signature: bytes.get(at + 1..).unwrap_or_default().to_vec(),
    });
    Some(Tag {
        name,
        commit,
        signed,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_is_taken_apart_as_it_was_written() {
        let bytes = b"tree aa\nparent bb\nparent cc\nauthor A <a@x> 1 +0000\ngpgsig -----BEGIN\n one\n \n two\ncommitter C <c@x> 1 +0000\n\nSubject\n\nparent dd\n";
        let commit = commit("id", bytes).unwrap();
        assert_eq!(
            (commit.tree.as_str(), commit.parents),
            ("aa", vec!["bb".into(), "cc".into()])
        );
        assert_eq!(commit.subject, "Subject");
        let signed = commit.signed.unwrap();
        assert_eq!(signed.signature, b"-----BEGIN\none\n\ntwo\n");
        assert_eq!(signed.payload, b"tree aa\nparent bb\nparent cc\nauthor A <a@x> 1 +0000\ncommitter C <c@x> 1 +0000\n\nSubject\n\nparent dd\n");
    }

    #[test]
    fn a_commit_with_two_signatures_is_none() {
        let bytes = b"tree aa\ngpgsig x\n y\ngpgsig z\n\nSubject\n";
        assert_eq!(commit("id", bytes), None);
    }

    #[test]
    fn a_tag_is_of_a_commit_and_signed_at_its_end() {
        let text = "object aa\ntype commit\ntag countersign/approve/aa/kim\ntagger K <k@x> 1 +0000\n\nApproved\n-----BEGIN SSH SIGNATURE-----\nxyz\n-----END SSH SIGNATURE-----\n";
        let found = tag(text.as_bytes()).unwrap();
        assert_eq!(
            (found.commit.as_str(), found.name.as_str()),
            ("aa", "countersign/approve/aa/kim")
        );
        let signed = found.signed.unwrap();
        assert!(signed.payload.ends_with(b"Approved\n"));
        assert!(signed.signature.starts_with(b"-----BEGIN SSH"));
        assert_eq!(
            tag(text.replace("type commit", "type tree").as_bytes()),
            None
        );
    }
}
