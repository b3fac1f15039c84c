//! One step of the line: what it needs, who approved it, and what is wrong with it.

use super::authors::{Authors, AuthorsError, Before, Claimed, authors, is_merge_of};
use super::fault::Fault;
use super::requirement::{
    Approver, Count, Demand, Present, Requirement, UNPROVEN, of_control, present,
};
use super::reviews::{Found, Reviewed, Reviews};
use super::revision::{Link, Revision, Shelf};
use super::signature::Signer;
use crate::manifest::policy::Effect;
use crate::name::UserName;
use crate::policy::judge::Behind;
use crate::proposal::Proposal;
use crate::proposal::barred::{Difference, Why, barred, differences};
use crate::proposal::control::{ControlChange, control};
use crate::proposal::reserved::{Askers, outsiders, requesters, reserved};
use crate::source::objects::{APPROVALS, Ancestry, Commit, Objects, ObjectsError, Tag};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// What verification needs to know.
pub struct Means<'a> {
    /// Git's objects.
    pub objects: &'a Objects,
    /// Files to a catalog.
    pub link: &'a dyn Link,
    /// Reviews of pull requests, where they are evidence.
    pub reviews: Option<&'a dyn Reviews>,
    /// The instant of verification.
    pub now: Timestamp,
    /// When a commit was first seen; none: it was not before, or nobody recorded it.
    pub seen: &'a dyn Fn(&str) -> Option<Timestamp>,
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

/// Where a commit is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// On the branch.
    Merged,
    /// The head of a pull request.
    Proposed,
    /// The same, and it cannot be merged as it is.
    Conflicting,
}

/// A commit, beside the revision before it.
pub(super) struct Step<'a> {
    pub(super) means: &'a Means<'a>,
    pub(super) shelf: &'a Shelf<'a>,
    /// The newest valid revision before.
    pub(super) rules: &'a Rc<Revision>,
    /// The revision before.
    pub(super) before: &'a Rc<Revision>,
    pub(super) after: &'a Rc<Revision>,
    pub(super) ours: &'a Ancestry,
    pub(super) tags: &'a BTreeMap<String, Vec<Tag>>,
    /// Who is here and who approves.
    pub(super) present: Present,
}

/// Who is here and who approves a commit: by the rules, at the instant it was first seen and still. Where a
/// later revision, approved and not valid, has taken somebody's office away, it is taken away.
pub(super) fn entitled(
    means: &Means<'_>,
    rules: &Revision,
    before: &Revision,
    commit: &str,
) -> Present {
    let mut entitled = rules.present(means.now).clone();
    if let Some(seen) = (means.seen)(commit).filter(|seen| *seen < means.now) {
        let then = present(&rules.catalog, seen);
        entitled.active.retain(|user| then.active.contains(user));
        entitled
            .approvers
            .retain(|user| then.approvers.contains(user));
    }
    if rules.commit.id != before.commit.id {
        let later = before.present(means.now);
        let goes = |user: &UserName| before.tells_of(user, rules);
        let stays = |user: &UserName| later.active.contains(user) || !goes(user);
        entitled.active.retain(stays);
        // A mistake that leaves nobody is no dismissal of everybody.
        if !later.approvers.is_empty() {
            let stays = |user: &UserName| later.approvers.contains(user) || !goes(user);
            entitled.approvers.retain(stays);
        }
        let active = &entitled.active;
        entitled.approvers.retain(|user| active.contains(user));
    }
    entitled
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
    /// The verdict on a commit.
    pub(super) fn judge(&self, commit: &Commit, stage: Stage) -> Result<Judged, AuthorsError> {
        let objects = self.means.objects;
        let ring = self.shelf.ring(self.rules, self.before);
        let known = Before {
            objects,
            ring: &ring,
            active: &self.present.active,
            ours: self.ours,
            before: &self.before.catalog,
            base: &self.before.commit.id,
        };
        let mut remarks = Vec::new();
        let reviewed = self.reviewed(commit, stage, &mut remarks)?;
        let shape = match (stage, &reviewed) {
            (Stage::Merged, Some(reviewed)) => self.reviewed_shape(commit, reviewed)?,
            (Stage::Merged, None) => self.shape(commit)?,
            (Stage::Proposed | Stage::Conflicting, _) => Shape {
                head: Some(commit.clone()),
                faults: Vec::new(),
                own: None,
            },
        };
        let mut faults = shape.faults;
        if stage == Stage::Conflicting {
            faults.push(Fault::Conflict);
        }
        let mut odd = BTreeMap::new();
        let commits = match (shape.own, &shape.head) {
            // The merge or squash itself writes nothing.
            (None, Some(head)) => objects.beyond(self.ours, &head.id)?,
            (own, _) => {
                odd.extend(own.map(|tree| (commit.id.clone(), tree)));
                objects.beyond(self.ours, &commit.id)?
            }
        };
        let nobody = BTreeMap::new();
        let claimed = Claimed {
            opener: reviewed.as_ref().and_then(|r| r.author.as_ref().ok()),
            writers: reviewed.as_ref().map_or(&nobody, |r| &r.writers),
        };
        let mut authors = authors(&known, &commits, &odd, claimed)?;
        faults.extend(authors.faults.iter().cloned());
        if let Some(reviewed) = &reviewed {
            opened(reviewed, &mut authors, &mut faults);
        }
        self.requesters(&authors, &mut faults);
        let covering = self.tagged(&known, &commit.id, &mut remarks)?;
        // What is not what was reviewed is not approved by whoever reviewed that.
        let whole = faults.iter().all(|fault| !fault.can_be_covered());
        let mut approvers = covering;
        if let Some(reviewed) = &reviewed {
            remarks.extend(reviewed.remarks.iter().cloned());
            let same = shape
                .head
                .as_ref()
                .is_some_and(|head| head.id == reviewed.head);
            match same && whole {
                true => approvers.extend(reviewed.approvers.iter().cloned()),
                false => remarks.push(format!(
                    "what {} was approved for is not this",
                    reviewed.name
                )),
            }
        }
        if whole && stage == Stage::Merged {
            // Whom a forge signs its merges for matters only where its record does not tell.
            let mut said = Vec::new();
            approvers.extend(self.merger(&known, commit, &mut said)?);
            if reviewed.is_none() {
                remarks.extend(said);
            }
            if let Some(head) = &shape.head {
                approvers.extend(self.tagged(&known, &head.id, &mut remarks)?);
            }
        }
        self.stale(&commits, shape.head.as_ref(), commit, &mut remarks);
        let (old, new) = (&self.before.catalog, &self.after.catalog);
        let differences = differences(old, new, self.means.now);
        self.reserved(&authors, &differences, &mut faults);
        let requirement = self.requirement(&authors, &differences, &faults, &approvers, whole)?;
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

    /// The pull request of a commit, where reviews are evidence.
    fn reviewed(
        &self,
        commit: &Commit,
        stage: Stage,
        remarks: &mut Vec<String>,
    ) -> Result<Option<Reviewed>, AuthorsError> {
        let Some(reviews) = self.means.reviews else {
            return Ok(None);
        };
        let rules = &self.rules.catalog;
        let found = match stage {
            Stage::Merged => reviews.merged(&commit.id, rules),
            Stage::Proposed | Stage::Conflicting => reviews.open(&commit.id, rules),
        };
        let found = found.map_err(|why| AuthorsError::Reviews {
            commit: commit.id.clone(),
            why,
        });
        match found? {
            Found::PullRequest(reviewed) => Ok(Some(reviewed)),
            Found::Nothing(why) => {
                remarks.push(why);
                Ok(None)
            }
        }
    }

    /// How the merge or squash of a pull request hangs together with the head that was reviewed.
    fn reviewed_shape(&self, commit: &Commit, reviewed: &Reviewed) -> Result<Shape, AuthorsError> {
        let objects = self.means.objects;
        let first = &self.before.commit;
        let others = commit.parents.get(1..).unwrap_or_default();
        if others.len() > 1 {
            return self.shape(commit);
        }
        let head = match objects.commit(&reviewed.head) {
            Ok(head) => head,
            Err(ObjectsError::Missing(head)) => {
                return Ok(Shape {
                    head: None,
                    faults: vec![Fault::Unfetched { head }],
                    own: Some(first.tree.clone()),
                });
            }
            Err(error) => return Err(error.into()),
        };
        for other in others.iter().filter(|other| **other != head.id) {
            if !self.is_squash_of(other, &head)? {
                return self.shape(commit);
            }
        }
        if is_merge_of(objects, commit, &first.id, &head.id)? {
            return Ok(Shape {
                head: Some(head),
                faults: Vec::new(),
                own: None,
            });
        }
        self.altered(commit, head)
    }

    /// Whether a commit is a head squashed onto what was on the branch: some forges merge that commit
    /// in the head's stead.
    fn is_squash_of(&self, commit: &str, head: &Commit) -> Result<bool, AuthorsError> {
        let squash = self.means.objects.commit(commit)?;
        match &squash.parents[..] {
            [parent] if self.ours.has(parent) => {
                let objects = self.means.objects;
                Ok(is_merge_of(objects, &squash, parent, &head.id)?)
            }
            _ => Ok(false),
        }
    }

    /// A commit that holds something else than merging a head gives.
    fn altered(&self, commit: &Commit, head: Commit) -> Result<Shape, AuthorsError> {
        let objects = self.means.objects;
        let first = &self.before.commit;
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

    /// How a commit on the branch hangs together.
    fn shape(&self, commit: &Commit) -> Result<Shape, AuthorsError> {
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
        self.altered(commit, head)
    }

    /// Whoever a request says asks for it must have brought it.
    fn requesters(&self, authors: &Authors, faults: &mut Vec<Fault>) {
        let before = &self.before.catalog.requests;
        let present = &self.present;
        for (name, request) in &self.after.catalog.requests {
            let said = &request.spec.requested_by;
            let old = before.get(name).map(|before| &before.spec);
            if old == Some(&request.spec) {
                continue;
            }
            let is_new = old.is_none_or(|old| old.requested_by != *said);
            let Some((commit, signer)) = authors.brought.get(name) else {
                if is_new {
                    faults.push(Fault::Unbrought {
                        request: name.clone(),
                        said: said.clone(),
                    });
                }
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

    /// Who has a level that only administrators may ask for changes only where nobody else asks.
    fn reserved(&self, authors: &Authors, differences: &[Difference], faults: &mut Vec<Fault>) {
        let changes = reserved(&self.rules.catalog, &self.after.catalog, differences);
        if changes.is_empty() {
            return;
        }
        let askers = self.askers(authors);
        let administrators = &self.present.approvers;
        let outsiders = outsiders(&askers, administrators);
        for change in changes {
            faults.extend(outsiders.iter().map(|(by, how)| Fault::Reserved {
                change: change.clone(),
                by: by.cloned(),
                how: (*how).to_owned(),
                administrators: administrators.iter().cloned().collect(),
            }));
        }
    }

    /// Everybody who asks for something of it: whom its requests name, who wrote and who edited it; and
    /// nobody knows who, where a commit is signed by nobody who can be told.
    fn askers(&self, authors: &Authors) -> Askers {
        let mut askers = requesters(&self.before.catalog, &self.after.catalog);
        for (user, commit) in &authors.authors {
            let how = format!("wrote {} of it", short(commit));
            askers.entry(Some(user.clone())).or_insert(how);
        }
        for edit in &authors.edits {
            let how = format!("edited request {}", edit.request);
            askers.entry(Some(edit.editor.clone())).or_insert(how);
        }
        let refused = authors.faults.iter().find_map(Fault::badly_signed);
        if let Some(commit) = authors.unsigned.first().map(String::as_str).or(refused) {
            let how = format!(
                "{} of it is signed by nobody whom the revision before knows",
                short(commit)
            );
            askers.entry(None).or_insert(how);
        }
        askers
    }

    /// Whoever signed the merge.
    fn merger(
        &self,
        known: &Before<'_>,
        commit: &Commit,
        remarks: &mut Vec<String>,
    ) -> Result<Option<Approver>, AuthorsError> {
        let signer = known.signer(commit)?;
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
    ) -> Result<Vec<Approver>, AuthorsError> {
        let mut found = Vec::new();
        for tag in self.tags.get(commit).into_iter().flatten() {
            let signer = known.ring.signer(tag.signed.as_ref());
            let signer = known.present(signer?);
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
        differences: &[Difference],
        faults: &[Fault],
        approvers: &[Approver],
        whole: bool,
    ) -> Result<Requirement, AuthorsError> {
        let (before, after) = (&self.before.catalog, &self.after.catalog);
        let mut controls = control(before, after, differences);
        controls.extend(self.unreadable()?);
        let barred = barred(before, after, differences, self.means.now);
        let entitled = self.present.approvers.clone();
        let is_of_control = !controls.is_empty();
        let rules = &self.rules.catalog;
        let mut requirement = Requirement::new(rules, after, entitled, controls, barred);
        for (author, commit) in &authors.authors {
            let commit = commit.clone();
            requirement.bar(author, Why::Author { commit });
        }
        // Who edits what somebody else asked for approves it all the same, but not a change of who controls
        // what, and not what only they have seen.
        for edit in authors.edits.iter().filter(|_| is_of_control || !whole) {
            let commit = edit.commit.clone();
            requirement.bar(&edit.editor, Why::Author { commit });
        }
        if let Some(commit) = authors.unsigned.first() {
            let words = format!(
                "{} of it is signed by nobody whom the revision before knows",
                short(commit)
            );
            requirement.need(UNPROVEN, words.clone());
            // One of those who approve it may be who wrote it.
            if is_of_control {
                let words = format!("{words}, and it changes who controls what");
                requirement.need(of_control(rules, after) + 1, words);
            }
        }
        let unproven = faults.iter().filter(|fault| match fault {
            Fault::Octopus { .. }
            | Fault::Unrelated { .. }
            | Fault::Elsewhere { .. }
            | Fault::BadSignature { .. }
            | Fault::NotTheRequester { .. }
            | Fault::Unbrought { .. }
            | Fault::Unfetched { .. }
            | Fault::UnknownAuthor { .. } => true,
            Fault::Straight
            | Fault::Altered { .. }
            | Fault::Conflict
            | Fault::UnknownRequester { .. }
            | Fault::Reserved { .. }
            | Fault::Denied { .. }
            | Fault::Few { .. } => false,
        });
        for fault in unproven {
            requirement.need(UNPROVEN, fault.to_string());
        }
        self.edits(authors, &mut requirement)?;
        let counted = requirement.count(approvers.iter().cloned()).counted;
        let counted: Vec<UserName> = counted.into_iter().map(|a| a.user).collect();
        requirement.ask(self.demands(authors, &counted));
        Ok(requirement)
    }

    /// What the policies of both revisions say of the step. Whoever stands behind it are those who
    /// signed it; where nobody did, those whom its requests name. What depends on that and cannot be
    /// told is taken for a no.
    fn demands(&self, authors: &Authors, approvers: &[UserName]) -> BTreeSet<Demand> {
        let (before, after) = (&self.rules.catalog, &self.after.catalog);
        let mut demands = BTreeSet::new();
        if before.policies.is_empty() && after.policies.is_empty() {
            return demands;
        }
        let mut actors: BTreeSet<Option<&UserName>> = authors.authors.keys().map(Some).collect();
        let unsigned = |name| {
            authors
                .brought
                .get(name)
                .is_some_and(|(_, by)| by.is_none())
        };
        let requests = after.requests.iter().filter(|(name, _)| unsigned(*name));
        actors.extend(requests.map(|(_, request)| Some(&request.spec.requested_by)));
        if actors.is_empty() {
            actors.insert(None);
        }
        for actor in actors {
            let behind = Behind {
                actor,
                approvers: Some(approvers),
            };
            let proposal = Proposal::new(before, after, behind, self.means.now);
            for objection in proposal.objections {
                let approvals = match objection.follows() {
                    Effect::Deny => None,
                    Effect::Approvals(approvals) => Some(approvals),
                    Effect::Warn => continue,
                };
                demands.insert(Demand {
                    policy: objection.policy.to_string(),
                    approvals,
                    message: objection.message,
                });
            }
        }
        demands
    }

    /// What cannot be read on either side may be anything.
    fn unreadable(&self) -> Result<Vec<ControlChange>, AuthorsError> {
        let mut files = self.before.unreadable().clone();
        files.extend(self.after.unreadable().iter().cloned());
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

    /// Edits of somebody else's request that give more than they asked for need a second approver: what
    /// comes about is compared with what would, had the request stayed as they wrote it.
    fn edits(&self, authors: &Authors, requirement: &mut Requirement) -> Result<(), AuthorsError> {
        for edit in &authors.edits {
            let asked = self.shelf.revision(&edit.since)?;
            let Some(asked) = asked.catalog.requests.get(&edit.request) else {
                let words = format!(
                    "{} edited request {}, and what {} asked for cannot be told",
                    edit.editor, edit.request, edit.requester
                );
                requirement.need(UNPROVEN, words);
                continue;
            };
            let after = &self.after.catalog;
            let mut as_asked = after.clone();
            as_asked
                .requests
                .insert(edit.request.clone(), asked.clone());
            let more = differences(&as_asked, after, self.means.now);
            if let Some((user, what)) = more.iter().find_map(|d| Some((&d.user, d.gains()?))) {
                let words = format!(
                    "{} edited request {}, and {user} gets {what} that {} did not ask for",
                    edit.editor, edit.request, edit.requester
                );
                requirement.need(UNPROVEN, words);
            }
        }
        Ok(())
    }
}

/// Whoever opened a pull request stands behind what nobody signed in it.
fn opened(reviewed: &Reviewed, authors: &mut Authors, faults: &mut Vec<Fault>) {
    match &reviewed.author {
        Ok(author) => {
            authors.unsigned.clear();
            let entry = authors.authors.entry(author.clone());
            entry.or_insert_with(|| reviewed.head.clone());
            for (_, signer) in authors.brought.values_mut() {
                signer.get_or_insert_with(|| author.clone());
            }
        }
        Err(login) => faults.push(Fault::UnknownAuthor {
            name: reviewed.name.clone(),
            login: login.clone(),
        }),
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
