//! The first-parent line of the branch → up to which commit it is approved, and what stands in the
//! way of the next.
//!
//! Invariant: every step is judged by the rules, keys and approvers of the revision before it, as
//! they are now. A commit's own dates, the refs it was found under and the machine's git
//! configuration decide nothing.

use super::authors::{Authors, AuthorsError, Before, authors, is_merge_of};
use super::fault::Fault;
use super::requirement::{Approver, Count, Demand, Requirement, UNPROVEN};
use super::revision::{Link, Revision, Shelf};
use super::signature::Signer;
use crate::catalog::Catalog;
use crate::name::UserName;
use crate::proposal::barred::{Why, barred, differences, touched};
use crate::proposal::control::{ControlChange, control};
use crate::source::objects::{APPROVALS, Ancestry, Commit, Objects, ObjectsError, Tag};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// The policies of two revisions, asked about the step between them.
pub type Policies<'a> = dyn Fn(&Ask<'_>) -> Vec<Demand> + 'a;

/// What policies are asked about.
pub struct Ask<'a> {
    /// Whose policies and whose old state.
    pub before: &'a Catalog,
    /// Whose policies apply too, and whose new state.
    pub after: &'a Catalog,
    /// Who wrote the step, as far as it is known.
    pub authors: BTreeSet<UserName>,
    /// Who approved it, as far as it is known.
    pub approvers: BTreeSet<UserName>,
    /// The instant.
    pub now: Timestamp,
}

/// What verification needs to know.
pub struct Means<'a> {
    /// Git's objects.
    pub objects: &'a Objects,
    /// Files to a catalog.
    pub link: &'a dyn Link,
    /// The policies.
    pub policies: &'a Policies<'a>,
    /// The instant of verification.
    pub now: Timestamp,
}

/// Why nothing can be verified.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum LineError {
    #[error(transparent)]
    Authors(#[from] AuthorsError),
    #[error(
        "{from} ({what}) is not on the first-parent line of {head}: the branch was moved (a force-push, an unrelated history, or a fast-forward to a branch that had merged it). Put the branch back on it; if it was moved on purpose, the operator names the new start in `repository.bootstrap`"
    )]
    Moved {
        from: String,
        what: &'static str,
        head: String,
    },
}

impl From<ObjectsError> for LineError {
    fn from(error: ObjectsError) -> Self {
        Self::Authors(error.into())
    }
}

/// What became of one commit of the line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Judged {
    /// The commit.
    pub commit: String,
    /// The first line of its message.
    pub subject: String,
    /// Whether it is approved.
    pub approved: bool,
    /// What it needs.
    pub requirement: Requirement,
    /// Approvals that count.
    pub counted: Vec<Approver>,
    /// Approvals that do not count, and why; signatures that are none.
    pub remarks: Vec<String>,
    /// Why it is not approved; of an approved one what its approvers covered.
    pub faults: Vec<Fault>,
    /// The files that differ from the revision before.
    pub files: BTreeSet<String>,
}

/// Up to where a line is approved.
#[derive(Debug)]
pub struct Verified {
    /// Where it was begun: approved by what is said elsewhere.
    pub from: String,
    /// Where the line ends.
    pub head: String,
    /// The newest commit up to which every one is approved.
    pub verified: String,
    /// The newest of those that is valid: what is planned from.
    pub effective: Rc<Revision>,
    /// The newest approved one where it is not valid.
    pub stalled: Option<Rc<Revision>>,
    /// The commits that were judged, the oldest first; the last is not approved where `waiting` or it itself stands in the way.
    pub judged: Vec<Judged>,
    /// Commits behind one that is not approved: their rules are not known yet.
    pub waiting: Vec<Commit>,
}

impl Verified {
    /// The commit that stands in the way.
    pub fn blocking(&self) -> Option<&Judged> {
        self.judged.last().filter(|judged| !judged.approved)
    }
}

/// Verifies the line from a commit that is approved already to a head; `what` the first one is.
///
/// # Errors
/// [`LineError`] when the line does not come by the first commit, or it cannot be read.
pub fn verify(
    means: &Means<'_>,
    from: &str,
    what: &'static str,
    head: &str,
) -> Result<Verified, LineError> {
    let Some(line) = means.objects.line(from, head)? else {
        return Err(LineError::Moved {
            from: from.to_owned(),
            what,
            head: head.to_owned(),
        });
    };
    let tags = means.objects.approvals()?;
    let shelf = Shelf::new(means.objects, means.link);
    let mut ours = means.objects.ancestry(from)?;
    let first = shelf.revision(from)?;
    let mut verified = Verified {
        from: from.to_owned(),
        head: head.to_owned(),
        verified: from.to_owned(),
        effective: first.clone(),
        stalled: None,
        judged: Vec::new(),
        waiting: Vec::new(),
    };
    let mut before = first;
    let mut commits = line.into_iter();
    for commit in commits.by_ref() {
        let after = shelf.revision(&commit.id)?;
        let step = Step {
            means,
            shelf: &shelf,
            rules: &verified.effective,
            before: &before,
            after: &after,
            ours: &ours,
            tags: &tags,
        };
        let judged = step.judge(&commit, Stage::Merged)?;
        let approved = judged.approved;
        verified.judged.push(judged);
        if !approved {
            break;
        }
        let new = means.objects.beyond(&ours, &commit.id)?;
        ours.extend(new.into_iter().map(|c| c.id));
        verified.verified.clone_from(&commit.id);
        match after.is_valid() {
            true => {
                verified.effective = after.clone();
                verified.stalled = None;
            }
            false => verified.stalled = Some(after.clone()),
        }
        before = after;
    }
    verified.waiting = commits.collect();
    Ok(verified)
}

/// What merging a head would need, and what it has of that already.
#[derive(Debug)]
pub struct Proposal {
    /// The verdict; its commit is the head.
    pub judged: Judged,
    /// Mistakes of the revision that would come about.
    pub errors: Vec<crate::diagnostic::Diagnostic>,
}

/// Judges a head that is not merged yet; `base`, the branch it would be merged into, is taken as approved.
///
/// # Errors
/// [`LineError`] when something cannot be read.
pub fn propose(means: &Means<'_>, base: &str, head: &str) -> Result<Proposal, LineError> {
    let shelf = Shelf::new(means.objects, means.link);
    let before = shelf.revision(base)?;
    let head_commit = means.objects.commit(head)?;
    let ours = means.objects.ancestry(base)?;
    let proposed = means.objects.proposed(base, head)?;
    let after = match &proposed {
        Some(merge) => shelf.revision(&merge.id)?,
        None => shelf.revision(head)?,
    };
    let step = Step {
        means,
        shelf: &shelf,
        rules: &before,
        before: &before,
        after: &after,
        ours: &ours,
        tags: &means.objects.approvals()?,
    };
    let stage = match proposed {
        Some(_) => Stage::Proposed,
        None => Stage::Conflicting,
    };
    let judged = step.judge(&head_commit, stage)?;
    Ok(Proposal {
        judged,
        errors: after.errors.clone(),
    })
}

/// Where a commit is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// On the branch.
    Merged,
    /// The head of a pull request.
    Proposed,
    /// The same, and it cannot be merged as it is.
    Conflicting,
}

struct Step<'a> {
    means: &'a Means<'a>,
    shelf: &'a Shelf<'a>,
    /// The newest valid revision before.
    rules: &'a Rc<Revision>,
    /// The revision before.
    before: &'a Rc<Revision>,
    after: &'a Rc<Revision>,
    ours: &'a Ancestry,
    tags: &'a BTreeMap<String, Vec<Tag>>,
}

/// How a commit of the line hangs together with what was reviewed.
struct Shape {
    /// The reviewed head.
    head: Option<Commit>,
    faults: Vec<Fault>,
    /// The tree that the commit's own content is compared with, where it has any.
    own: Option<String>,
}

impl Step<'_> {
    fn judge(&self, commit: &Commit, stage: Stage) -> Result<Judged, LineError> {
        let objects = self.means.objects;
        let ring = self.shelf.ring(self.rules, self.before);
        let present = self.rules.present(self.means.now);
        let known = Before {
            objects,
            ring: &ring,
            active: &present.active,
            ours: self.ours,
            before: &self.before.catalog,
            base: &self.before.commit.id,
        };
        let shape = match stage {
            Stage::Merged => self.shape(commit)?,
            Stage::Proposed | Stage::Conflicting => Shape {
                head: Some(commit.clone()),
                faults: Vec::new(),
                own: None,
            },
        };
        let mut faults = shape.faults;
        if stage == Stage::Conflicting {
            faults.push(Fault::Conflict);
        }
        let mut commits = objects.beyond(self.ours, &commit.id)?;
        let mut odd = BTreeMap::new();
        match (stage, shape.own) {
            (Stage::Merged, Some(tree)) => {
                odd.insert(commit.id.clone(), tree);
            }
            (Stage::Merged, None) => commits.retain(|c| c.id != commit.id),
            (Stage::Proposed | Stage::Conflicting, _) => {}
        }
        let authors = authors(&known, &commits, &odd).map_err(LineError::from)?;
        faults.extend(authors.faults.iter().cloned());
        self.requesters(&authors, &mut faults);
        let mut remarks = Vec::new();
        let covering = self.tagged(&known, &commit.id, &mut remarks)?;
        // What is not what was reviewed is not approved by whoever reviewed that.
        let whole = faults.iter().all(|fault| !fault.can_be_covered());
        let mut approvers = covering;
        if whole && stage == Stage::Merged {
            approvers.extend(self.merger(&known, commit, &mut remarks)?);
            if let Some(head) = &shape.head {
                approvers.extend(self.tagged(&known, &head.id, &mut remarks)?);
            }
        }
        self.stale(&commits, shape.head.as_ref(), commit, &mut remarks);
        let requirement = self.requirement(&authors, &faults, &approvers)?;
        let count = requirement.count(approvers);
        remarks.extend(count.dismissed.iter().map(|d| {
            let who = &d.approver;
            format!("{} {}, which does not count: {}", who.user, who.how, d.why)
        }));
        let missing = requirement.missing(&count);
        let denied = requirement.denied.iter().map(|d| Fault::Denied {
            policy: d.policy.clone(),
            message: d.message.clone(),
        });
        faults.extend(denied);
        if missing > 0 {
            faults.push(few(&requirement, &count));
        }
        let open = |fault: &Fault| !fault.can_be_covered() || stage != Stage::Merged;
        let approved = missing == 0 && !faults.iter().any(open);
        faults.sort();
        faults.dedup();
        let files = objects.changed(&self.before.commit.tree, &self.after.commit.tree)?;
        Ok(Judged {
            commit: commit.id.clone(),
            subject: commit.subject.clone(),
            approved,
            requirement,
            counted: count.counted,
            remarks,
            faults,
            files,
        })
    }

    /// How a commit on the branch hangs together.
    fn shape(&self, commit: &Commit) -> Result<Shape, LineError> {
        let objects = self.means.objects;
        let first = &self.before.commit;
        let own = Some(first.tree.clone());
        let heads = commit.parents.get(1..).unwrap_or_default();
        let [head] = heads else {
            let fault = match heads.len() {
                0 => Fault::Straight,
                heads => Fault::Octopus { heads },
            };
            let faults = vec![fault];
            return Ok(Shape {
                head: None,
                faults,
                own,
            });
        };
        let head = objects.commit(head)?;
        if is_merge_of(objects, commit, &first.id, &head.id)? {
            return Ok(Shape {
                head: Some(head),
                faults: Vec::new(),
                own: None,
            });
        }
        // Whatever the merge would have given is no content of its own.
        let clean = objects.proposed(&first.id, &head.id)?;
        let tree = clean.map_or_else(|| first.tree.clone(), |clean| clean.tree);
        let files = objects.changed(&tree, &commit.tree)?;
        Ok(Shape {
            head: Some(head),
            faults: vec![Fault::Altered {
                files: files.into_iter().collect(),
            }],
            own: Some(tree),
        })
    }

    /// Whoever a request says asks for it must have brought it.
    fn requesters(&self, authors: &Authors, faults: &mut Vec<Fault>) {
        let present = self.rules.present(self.means.now);
        for (name, request) in touched(&self.before.catalog, &self.after.catalog) {
            let said = &request.spec.requested_by;
            let is_there = self.after.catalog.requests.contains_key(name);
            let Some((commit, signer)) = authors.brought.get(name).filter(|_| is_there) else {
                continue;
            };
            if !present.active.contains(said) {
                faults.push(Fault::UnknownRequester {
                    request: name.clone(),
                    said: said.clone(),
                });
            } else if let Some(signer) = signer.as_ref().filter(|signer| *signer != said) {
                faults.push(Fault::NotTheRequester {
                    request: name.clone(),
                    said: said.clone(),
                    signer: signer.clone(),
                    commit: commit.clone(),
                });
            }
        }
    }

    /// Whoever signed the merge.
    fn merger(
        &self,
        known: &Before<'_>,
        commit: &Commit,
        remarks: &mut Vec<String>,
    ) -> Result<Option<Approver>, LineError> {
        let signer = known.signer(commit).map_err(AuthorsError::from)?;
        Ok(match signer {
            Signer::User { user, key } => Some(Approver {
                user,
                how: format!("signed the merge with {key}"),
            }),
            Signer::Nobody => {
                remarks.push("the merge is not signed".into());
                None
            }
            Signer::Unknown => {
                remarks.push(
                    "the merge is signed with a key that nobody has by the revision before: one that comes with this very change, or was taken away, does not count".into(),
                );
                None
            }
            Signer::Refused(why) => {
                remarks.push(format!("the merge's signature does not count: {why}"));
                None
            }
        })
    }

    /// Whoever approved a commit with a tag of their own.
    fn tagged(
        &self,
        known: &Before<'_>,
        commit: &str,
        remarks: &mut Vec<String>,
    ) -> Result<Vec<Approver>, LineError> {
        let mut found = Vec::new();
        for tag in self.tags.get(commit).into_iter().flatten() {
            let signer = known.ring.signer(tag.signed.as_ref());
            let signer = known.present(signer.map_err(AuthorsError::from)?);
            let why = match signer {
                Signer::User { user, key } => {
                    if tag.name == tag_name(commit, &user) {
                        let how = format!("signed {} with {key}", short(commit));
                        found.push(Approver { user, how });
                        continue;
                    }
                    format!("{user} signed it, and it is called otherwise")
                }
                Signer::Nobody => "it is not signed".into(),
                Signer::Unknown => {
                    "nobody has the key it is signed with, by the revision before".into()
                }
                Signer::Refused(why) => why,
            };
            remarks.push(format!("tag {} does not count: {why}", tag.name));
        }
        Ok(found)
    }

    /// Approvals of what the pull request was before.
    fn stale(
        &self,
        commits: &[Commit],
        head: Option<&Commit>,
        commit: &Commit,
        remarks: &mut Vec<String>,
    ) {
        let is_older = |c: &&Commit| c.id != commit.id && head.is_none_or(|head| head.id != c.id);
        for older in commits.iter().filter(is_older) {
            for tag in self.tags.get(&older.id).into_iter().flatten() {
                remarks.push(format!(
                    "tag {} approves {}, and more was committed since",
                    tag.name,
                    short(&older.id)
                ));
            }
        }
    }

    fn requirement(
        &self,
        authors: &Authors,
        faults: &[Fault],
        approvers: &[Approver],
    ) -> Result<Requirement, LineError> {
        let (before, after) = (&self.before.catalog, &self.after.catalog);
        let now = self.means.now;
        let differences = differences(before, after, now);
        let mut controls = control(before, after, &differences);
        controls.extend(self.unreadable()?);
        let barred = barred(before, after, &differences);
        let demands = (self.means.policies)(&Ask {
            before: &self.rules.catalog,
            after,
            authors: authors.authors.keys().cloned().collect(),
            approvers: approvers.iter().map(|a| a.user.clone()).collect(),
            now,
        });
        let present = self.rules.present(now);
        let entitled = present.approvers.clone();
        let rules = &self.rules.catalog;
        let mut requirement = Requirement::new(rules, after, entitled, controls, barred, demands);
        for (author, commit) in &authors.authors {
            let commit = commit.clone();
            requirement.bar(author, Why::Author { commit });
        }
        if let Some(commit) = authors.unsigned.first() {
            let words = format!(
                "{} of it is signed by nobody whom the revision before knows",
                short(commit)
            );
            requirement.need(UNPROVEN, words);
        }
        let unproven = faults.iter().filter(|fault| match fault {
            Fault::Octopus { .. }
            | Fault::Unrelated { .. }
            | Fault::Elsewhere { .. }
            | Fault::BadSignature { .. }
            | Fault::NotTheRequester { .. } => true,
            Fault::Straight
            | Fault::Altered { .. }
            | Fault::Conflict
            | Fault::UnknownRequester { .. }
            | Fault::Denied { .. }
            | Fault::Few { .. } => false,
        });
        for fault in unproven {
            requirement.need(UNPROVEN, fault.to_string());
        }
        self.edits(authors, &mut requirement)?;
        Ok(requirement)
    }

    /// What cannot be read on either side may be anything.
    fn unreadable(&self) -> Result<Vec<ControlChange>, LineError> {
        let mut files = self.before.unreadable();
        files.extend(self.after.unreadable());
        if files.is_empty() {
            return Ok(Vec::new());
        }
        let (old, new) = (&self.before.commit.tree, &self.after.commit.tree);
        let changed = self.means.objects.changed(old, new)?;
        let both = files.into_iter().filter(|file| changed.contains(&**file));
        let controls = both.map(|file| ControlChange {
            file,
            line: 1,
            words: "a file with mistakes, of which nobody can tell what it means".into(),
        });
        Ok(controls.collect())
    }

    /// Edits of somebody else's request that give more than they asked for need a second approver.
    fn edits(&self, authors: &Authors, requirement: &mut Requirement) -> Result<(), LineError> {
        for edit in &authors.edits {
            let asked = self.shelf.revision(&edit.since)?;
            let now = self.means.now;
            let more = differences(&asked.catalog, &self.after.catalog, now);
            // What others gain meanwhile is somebody else's request.
            let of = |catalog: &Catalog| {
                let request = catalog.requests.get(&edit.request);
                request.map(|request| request.spec.subject.clone())
            };
            let subjects = [of(&asked.catalog), of(&self.after.catalog)];
            let gains = more.iter().find(|d| {
                let comes = !d.gained.is_empty() || !d.joined.is_empty();
                comes && subjects.iter().flatten().any(|subject| *subject == d.user)
            });
            if let Some(gains) = gains {
                let what = gains.gained.iter().map(ToString::to_string);
                let what = what.chain(gains.joined.iter().cloned()).next();
                let words = format!(
                    "{} edited request {}, and {} gets {} that {} did not ask for",
                    edit.editor,
                    edit.request,
                    gains.user,
                    what.unwrap_or_default(),
                    edit.requester
                );
                requirement.need(UNPROVEN, words);
            }
        }
        Ok(())
    }
}

fn few(requirement: &Requirement, count: &Count) -> Fault {
    let by: Vec<UserName> = count.counted.iter().map(|a| a.user.clone()).collect();
    let eligible = requirement.eligible().into_iter();
    Fault::Few {
        needed: requirement.needed(),
        because: requirement.because().to_owned(),
        eligible: eligible.filter(|user| !by.contains(user)).collect(),
        by,
    }
}

fn short(commit: &str) -> &str {
    commit.get(..12).unwrap_or(commit)
}

/// The name of the tag by which a user approves a commit.
pub fn tag_name(commit: &str, user: &UserName) -> String {
    format!("{APPROVALS}{commit}/{user}")
}
