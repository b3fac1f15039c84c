//! Records in their order → what they add up to: accounts, memberships, manual entitlements,
//! tasks, and who was mailed what. Pure.
//!
//! Invariant: the same records give the same history, whether they are read from a file or were
//! appended one by one. A record that contradicts those before it changes nothing.

use super::file::Content;
use super::lease::Lease;
use super::letters::Letters;
use super::orders::Orders;
use super::record::{
    ApprovedCommit, Event, FrozenLetter, How, MailResult, Outcome, Record, RunId, RunSummary, Seen,
};
use crate::desired::{Calendar, Desired, EntitlementKey, Person, Recipient, ResourceTerms};
use crate::diagnostic::Code;
use crate::manifest::user::UserState;
use crate::name::{ResourceName, UserName};
use crate::plan::recorded::{
    AgreedAccount, FirstPassword, Kept, Made, ManualState, Recorded, RecordedAccount,
    RecordedDeparture, Told as ToldOf,
};
use crate::plan::task::{FieldValues, TaskStep};
use crate::plan::{
    Action, ByFile, ChangeId, Finding, MemberChange, Shows, Sighting, Task, TaskAction, TaskChange,
    TaskId,
};
use jiff::Timestamp;
use jiff::civil::Date;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What the records of a ledger add up to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct History {
    recorded: Recorded,
    /// When commits that are not approved were first seen.
    first_seen: BTreeMap<String, Timestamp>,
    tasks: BTreeMap<TaskId, TaskRecord>,
    directory: BTreeMap<String, String>,
    asked: BTreeMap<ChangeId, BTreeSet<String>>,
    selections: BTreeMap<(UserName, ResourceName), Selection>,
    runs: Vec<Run>,
    lease: Option<Lease>,
    disabled: BTreeMap<UserName, Timestamp>,
    approved: Option<ApprovedLine>,
    letters: Letters,
    orders: Orders,
    findings: Vec<Finding>,
    pub(super) head: String,
}

/// The line of commits that are approved already.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ApprovedLine {
    /// The commit that the operator trusted without evidence.
    pub bootstrap: String,
    /// What their approval rests on.
    pub evidence: String,
    /// The newest of the line.
    pub newest: String,
    /// How many there are.
    pub count: usize,
    /// The commit that last changed each file, and who approved it.
    pub files: ByFile,
}

impl ApprovedLine {
    /// A line of which nothing is known but where it begins.
    pub fn begin(bootstrap: &str, evidence: &str) -> Self {
        Self {
            bootstrap: bootstrap.to_owned(),
            evidence: evidence.to_owned(),
            newest: bootstrap.to_owned(),
            ..Self::default()
        }
    }

    /// Whether it begins there and is proved so: another bootstrap, or another sort of evidence, is
    /// another line.
    pub fn rests_on(&self, bootstrap: &str, evidence: &str) -> bool {
        self.bootstrap == bootstrap && self.evidence == evidence
    }

    /// The same with further commits.
    pub fn extend(&mut self, commits: impl IntoIterator<Item = ApprovedCommit>) {
        for commit in commits {
            self.count += 1;
            for file in commit.files {
                let entry = (self.count, commit.commit.clone(), commit.approvers.clone());
                self.files.insert(file, entry);
            }
            self.newest = commit.commit;
        }
    }
}

/// Who work is asked of, as things are.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Whose maintainers do what others can.
    pub resources: &'a BTreeMap<ResourceName, ResourceTerms>,
    /// Who does what only they can.
    pub administrators: &'a [Recipient],
    /// Every user.
    pub people: &'a BTreeMap<UserName, Arc<Person>>,
}

impl Asked<'_> {
    /// Whether an address is only that of somebody who left: nobody there is told anything any more.
    fn has_left(&self, mail: &str) -> bool {
        let address = address_key(mail);
        let is_theirs = |person: &&Arc<Person>| {
            let mail = person.mail.as_deref();
            mail.is_some_and(|mail| address_key(mail) == address)
        };
        let mut theirs = self.people.values().filter(is_theirs).peekable();
        theirs.peek().is_some() && theirs.all(|person| person.state == UserState::Left)
    }
}

impl<'a> From<&'a Desired> for Asked<'a> {
    fn from(desired: &'a Desired) -> Self {
        Self {
            resources: &desired.resources,
            administrators: &desired.administrators,
            people: &desired.people,
        }
    }
}

/// One task, and what became of it.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskRecord {
    /// The task in its latest revision.
    pub task: Arc<Task>,
    /// When it was opened.
    pub opened: Timestamp,
    /// Open, done or cancelled.
    pub status: TaskStatus,
    /// Who was mailed about it, by address in lower case.
    pub told: BTreeMap<String, Told>,
    /// Who was told that it is not done, by address in lower case.
    pub escalated: BTreeSet<String>,
}

/// What became of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TaskStatus {
    /// It is still asked for.
    Open,
    /// It is done.
    Done {
        /// Since when.
        at: Timestamp,
        /// Who says so.
        by: String,
        /// What they add.
        note: Option<String>,
        /// What is known of it.
        seen: Seen,
    },
    /// It is no longer wanted.
    Cancelled {
        /// Since when.
        at: Timestamp,
    },
}

impl TaskStatus {
    /// The word people read.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Done { .. } => "done",
            Self::Cancelled { .. } => "cancelled",
        }
    }
}

/// What an address was told of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The Message-ID of the first mail: the root of the thread.
    pub thread: String,
    /// When the first mail went out.
    pub first: Timestamp,
    /// When the latest mail went out.
    pub at: Timestamp,
    /// The latest reminder, by the working days it was due after; 0: there was none.
    pub reminded: u32,
    /// The revision that mail had.
    pub revision: u32,
    /// Whether that mail said that the task is cancelled.
    pub cancelled: bool,
}

/// Which identity a user selected in an application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// The alias.
    pub identity: String,
    /// When.
    pub at: Timestamp,
    /// Who says so.
    pub by: String,
}

/// A run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The run.
    pub id: RunId,
    /// When it began.
    pub started: Timestamp,
    /// The commit; none for a working folder.
    pub revision: Option<String>,
    /// The instant its plan was made for.
    pub instant: Timestamp,
    /// Its plan's digest.
    pub plan: String,
    /// What became of its changes; none: it is not over, or was interrupted.
    pub summary: Option<RunSummary>,
}

/// That an event cannot follow those before it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Contradiction {
    /// There is no such task.
    #[error("there is no task {0}")]
    Unknown(TaskId),
    /// The task was closed before.
    #[error("task {0} is not open: it is {1}")]
    Closed(TaskId, &'static str),
    /// There is such a task already.
    #[error("there is a task {0} already")]
    Known(TaskId),
    /// Other work on the same entitlement is open: that one must be closed first.
    #[error("task {1} is open for what task {0} is about")]
    Another(TaskId, TaskId),
}

impl History {
    /// The commits that are approved already; none where none were asked about.
    pub fn approved(&self) -> Option<&ApprovedLine> {
        self.approved.as_ref()
    }

    /// When a commit that is not approved yet was first seen.
    pub fn first_seen(&self, commit: &str) -> Option<Timestamp> {
        self.first_seen.get(commit).copied()
    }

    /// What a plan needs of it.
    pub fn recorded(&self) -> &Recorded {
        &self.recorded
    }

    /// What a plan needs of it once what exports show was recorded.
    pub fn having_seen(&self, seen: &[Sighting], at: Timestamp) -> Recorded {
        let mut later = self.clone();
        for sighting in seen {
            let event = Event::of_sighting(sighting);
            let run = RunId(String::new());
            // What contradicts the record changes nothing.
            let _ = later.add(Record { at, run, event });
        }
        later.recorded
    }

    /// Whether a sighting says something that is not recorded.
    pub fn is_news(&self, sighting: &Sighting) -> bool {
        let Some(record) = self.tasks.get(&sighting.task) else {
            return false;
        };
        let state = self.recorded.manual.get(&about(&record.task));
        let asked_again = state.is_some_and(|s| s.contradicted.is_some() || s.open.is_some());
        match (sighting.shows, &record.status) {
            (Shows::Done, TaskStatus::Open) => true,
            (Shows::Undone, TaskStatus::Done { .. }) => !asked_again,
            (Shows::Done, TaskStatus::Done { .. } | TaskStatus::Cancelled { .. })
            | (Shows::Undone, TaskStatus::Open | TaskStatus::Cancelled { .. }) => false,
        }
    }

    /// Every task ever opened, by id.
    pub fn tasks(&self) -> &BTreeMap<TaskId, TaskRecord> {
        &self.tasks
    }

    /// What has to be mailed still: tasks as each of their maintainers has not been told yet.
    ///
    /// By task id. The same task stands here twice if some were told of an earlier revision and
    /// others of none. `maintainers` are those to be told, never empty; `after` is empty.
    ///
    /// Whoever maintains a resource by now is asked for what is open, too: a successor, a deputy.
    pub fn unmailed(&self, asked: &Asked<'_>) -> Vec<TaskChange> {
        let mut changes = Vec::new();
        for record in self.tasks.values() {
            let maintainers = record.to_tell(asked);
            for step in [TaskStep::Open, TaskStep::Revise, TaskStep::Cancel] {
                let untold = |recipient: &&Recipient| {
                    let is_next = record.next(&recipient.mail) == Some(step);
                    is_next && !(step == TaskStep::Cancel && asked.has_left(&recipient.mail))
                };
                let maintainers: Vec<_> = maintainers.iter().filter(untold).cloned().collect();
                if !maintainers.is_empty() {
                    let task = Task {
                        maintainers,
                        ..Task::clone(&record.task)
                    };
                    changes.push(TaskChange {
                        step,
                        task,
                        after: Vec::new(),
                    });
                }
            }
        }
        changes
    }

    /// The Message-ID of the first mail about a task to an address.
    pub fn thread(&self, task: &TaskId, recipient: &str) -> Option<&str> {
        let told = self.tasks.get(task)?.told.get(&address_key(recipient))?;
        Some(&told.thread)
    }

    /// The Message-ID of the first mail about changes of the directory, by address in lower case.
    pub fn directory_threads(&self) -> &BTreeMap<String, String> {
        &self.directory
    }

    /// Whether the maintainers at these addresses were all mailed a change of the directory.
    pub fn is_asked<'a>(
        &self,
        change: &ChangeId,
        mut addresses: impl Iterator<Item = &'a str>,
    ) -> bool {
        let asked = self.asked.get(change);
        asked.is_some_and(|asked| addresses.all(|address| asked.contains(&address_key(address))))
    }

    /// The changes of the directory that somebody was mailed and that are open as far as is known.
    pub fn asked(&self) -> impl Iterator<Item = &ChangeId> {
        self.asked.keys()
    }

    /// Letters that are kept, in the order in which they were written: nobody knows that they went out.
    pub fn frozen(&self) -> &[FrozenLetter] {
        self.letters.frozen()
    }

    /// How many mails an address was sent on a local day.
    pub fn mailed_on(&self, recipient: &str, calendar: &Calendar, day: Date) -> usize {
        self.letters.sent_on(&address_key(recipient), calendar, day)
    }

    /// Whether an administrator was told that mails of that day wait.
    pub fn is_warned(&self, day: Date, recipient: &str) -> bool {
        self.letters.is_warned(day, &address_key(recipient))
    }

    /// The identities that users selected, by user and application; the identity may be gone.
    pub fn selections(&self) -> &BTreeMap<(UserName, ResourceName), Selection> {
        &self.selections
    }

    /// Users whose accounts were disabled from here since an instant.
    pub fn disabled_since(&self, since: Timestamp) -> impl Iterator<Item = &UserName> {
        let disabled = self.disabled.iter();
        disabled
            .filter(move |(_, at)| **at >= since)
            .map(|(user, _)| user)
    }

    /// The latest run that carried out a plan.
    pub fn last_run(&self) -> Option<&Run> {
        self.runs.last()
    }

    /// Every run that carried out a plan, the oldest first.
    pub fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// Who has the lease, as far as is known; nobody where the ledger is not shared.
    pub fn lease(&self) -> Option<&Lease> {
        self.lease.as_ref()
    }

    /// What people ordered, and what a run that has not ended was about to do.
    pub fn orders(&self) -> &Orders {
        &self.orders
    }

    /// What people should know of the file itself.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// The first 16 hex digits of the SHA-256 of the last line; empty where there is none.
    ///
    /// Kept elsewhere, it shows that the end of the file was cut off, which the file itself cannot.
    pub fn head(&self) -> &str {
        &self.head
    }

    /// Whether there was a record, and nothing is left of it.
    pub fn is_lost(&self) -> bool {
        self.recorded.kept == Kept::No && self.orders.rebuilt().is_none()
    }

    /// Ends the reading of a file: whether there is one, and what is to be said of it.
    pub(super) fn end(&mut self, content: Option<Content>, torn: Option<String>, kept: Kept) {
        self.is_kept(kept);
        self.head = content.map(|content| content.head).unwrap_or_default();
        let code = || Code::LedgerTorn.as_str().to_owned();
        self.findings.extend(torn.map(|message| Finding {
            code: code(),
            message,
        }));
    }

    /// Forgets what was said of where it was read from: the same records are gone on with.
    pub(super) fn begin_again(&mut self, kept: Kept) {
        self.findings.clear();
        self.lease = None;
        self.is_kept(kept);
    }

    fn is_kept(&mut self, kept: Kept) {
        // Who began anew does not know which memberships came from here (SEMANTICS 16).
        self.recorded.kept = match self.orders.rebuilt() {
            Some(_) => Kept::No,
            None => kept,
        };
    }

    /// Says who has the lease.
    pub(super) fn leased_by(&mut self, lease: Option<Lease>) {
        self.lease = lease;
    }

    /// Adds what is to be said of where it was read from.
    pub(super) fn finds(&mut self, finding: Option<Finding>) {
        self.findings.extend(finding);
    }

    /// Adds one record; one that contradicts those before it changes nothing.
    pub(super) fn add(&mut self, record: Record) -> Result<(), Contradiction> {
        let Record { at, run, event } = record;
        self.letters.note(&event, at);
        self.orders.take(at, &run, &event);
        match event {
            Event::RunStarted {
                revision,
                instant,
                plan,
            } => {
                self.recorded.ran = Some(instant);
                self.runs.push(Run {
                    id: run,
                    started: at,
                    revision,
                    instant,
                    plan,
                    summary: None,
                });
            }
            Event::Seen { commits } => {
                for commit in commits {
                    self.first_seen.entry(commit).or_insert(at);
                }
            }
            Event::Verified {
                bootstrap,
                evidence,
                commits,
            } => {
                for commit in &commits {
                    self.first_seen.remove(&commit.commit);
                }
                let line = self.approved.take();
                let line = line.filter(|line| line.rests_on(&bootstrap, &evidence));
                let line = line.unwrap_or_else(|| ApprovedLine::begin(&bootstrap, &evidence));
                let mut line = line;
                line.extend(commits);
                self.approved = Some(line);
            }
            Event::RunEnded { summary } => {
                if let Some(ended) = self.runs.iter_mut().rev().find(|r| r.id == run) {
                    ended.summary = Some(summary);
                }
            }
            Event::Account {
                user,
                guid,
                dn: _,
                login,
                upn,
                mail,
                how,
            } => {
                for name in [Some(&login), upn.as_ref(), mail.as_ref()]
                    .into_iter()
                    .flatten()
                {
                    self.recorded
                        .names_used
                        .insert(name.to_lowercase(), user.clone());
                }
                let known = self
                    .recorded
                    .accounts
                    .get(&user)
                    .is_some_and(|a| a.guid == guid);
                let is_theirs = match how {
                    How::Created | How::Adopted => true,
                    How::Seen => known,
                };
                if is_theirs {
                    if !known {
                        // What was so of another account says nothing of this one.
                        self.recorded.agreed.users.remove(&user);
                    }
                    let accounts = &mut self.recorded.accounts;
                    let before = accounts.get(&user).filter(|a| a.guid == guid);
                    let made = match (how, before) {
                        (How::Created, _) => Made::Here,
                        (How::Adopted, None) => Made::Before,
                        (How::Adopted | How::Seen, before) => {
                            before.map_or(Made::Before, |a| a.made)
                        }
                    };
                    let account = RecordedAccount {
                        guid,
                        login,
                        upn,
                        mail,
                        made,
                    };
                    accounts.insert(user, account);
                }
            }
            Event::Membership {
                user: _,
                account,
                group,
                change,
            } => {
                let membership = (account, group);
                match change {
                    MemberChange::Add => self.recorded.memberships.insert(membership),
                    MemberChange::Remove => self.recorded.memberships.remove(&membership),
                };
            }
            Event::Assumed {
                user,
                entitlement,
                fields,
                unsettled,
            } => {
                let state = self.recorded.manual.entry((user, entitlement)).or_default();
                state.held = Some(fields);
                state.unsettled = unsettled;
            }
            Event::TaskOpened { task } => self.open((*task).into(), at)?,
            Event::TaskRevised { task } => {
                let task: Arc<Task> = (*task).into();
                opened(&mut self.tasks, &task.id)?.task = task.clone();
                let state = manual(&mut self.recorded, &task);
                state.open = Some(task);
            }
            Event::TaskCancelled { task } => {
                let record = opened(&mut self.tasks, &task.id)?;
                record.status = TaskStatus::Cancelled { at };
                record.task = (*task).into();
                close(&mut self.recorded, &record.task, |_| {});
            }
            Event::TaskDone {
                task,
                by,
                note,
                seen,
            } => {
                let record = opened(&mut self.tasks, &task)?;
                record.status = TaskStatus::Done { at, by, note, seen };
                let task = &*record.task;
                close(&mut self.recorded, task, |state| fulfil(state, task));
            }
            Event::Mailed {
                recipient,
                message,
                tasks,
                changes,
                result,
            } => match result {
                MailResult::Sent => {
                    let address = address_key(&recipient);
                    for change in &changes {
                        self.asked
                            .entry(change.clone())
                            .or_default()
                            .insert(address.clone());
                    }
                    if !changes.is_empty() {
                        self.directory
                            .entry(address.clone())
                            .or_insert_with(|| message.clone());
                    }
                    for task in &tasks {
                        if let Some(record) = self.tasks.get_mut(task) {
                            record.tell(&address, &message, at);
                        }
                    }
                }
                MailResult::Failed(_) => {}
            },
            Event::PasswordSet { user: _, account } => {
                let passwords = &mut self.recorded.passwords;
                passwords.insert(account, FirstPassword::Set);
            }
            Event::HandedOver { account, .. } => {
                let passwords = &mut self.recorded.passwords;
                passwords.insert(account, FirstPassword::HandedOver);
            }
            Event::Departed {
                user,
                by,
                description,
            } => {
                if let Some(account) = self.recorded.accounts.get(&user) {
                    self.recorded.passwords.remove(&account.guid);
                }
                let departure = RecordedDeparture { by, description };
                self.recorded.departures.insert(user, departure);
            }
            Event::NoticesKnown { keys } => {
                let told = keys.into_iter().map(|key| (key, ToldOf::All));
                self.recorded.notices.extend(told);
            }
            Event::Noticed {
                key,
                recipient,
                message: _,
                result,
            } => match result {
                MailResult::Sent => {
                    let nobody = || ToldOf::These(BTreeSet::new());
                    let told = self.recorded.notices.entry(key).or_insert_with(nobody);
                    match told {
                        ToldOf::These(addresses) => {
                            addresses.insert(address_key(&recipient));
                        }
                        ToldOf::All => {}
                    }
                }
                MailResult::Failed(_) => {}
            },
            Event::NoticeClosed { key } => {
                self.recorded.notices.insert(key, ToldOf::All);
            }
            Event::Begun { change, attempt } => {
                self.recorded.attempts.insert(change, attempt);
            }
            Event::Settled { change } => {
                self.recorded.attempts.remove(&change);
            }
            Event::Outcome {
                change,
                action,
                user,
                outcome,
                ..
            } => {
                self.recorded.attempts.remove(&change);
                if let (Action::Disable, Outcome::Applied, Some(user)) = (action, outcome, user) {
                    self.disabled.insert(user, at);
                }
            }
            Event::DirectoryAgrees { changes } => {
                changes
                    .iter()
                    .for_each(|change| drop(self.asked.remove(change)));
            }
            Event::IdentitySelected {
                user,
                resource,
                identity,
                by,
            } => {
                let selection = Selection { identity, at, by };
                self.selections.insert((user, resource), selection);
            }
            Event::Agreed { exact, users } => {
                let agreed = &mut self.recorded.agreed;
                agreed.exact = exact.unwrap_or_else(|| std::mem::take(&mut agreed.exact));
                for (user, account) in users {
                    match account == AgreedAccount::default() {
                        true => agreed.users.remove(&user),
                        false => agreed.users.insert(user, account),
                    };
                }
            }
            Event::Reminded {
                recipient,
                message: _,
                tasks,
            } => {
                let address = address_key(&recipient);
                for (task, days) in tasks {
                    let record = self.tasks.get_mut(&task);
                    if let Some(told) = record.and_then(|r| r.told.get_mut(&address)) {
                        told.reminded = told.reminded.max(days);
                        told.at = at;
                    }
                }
            }
            Event::Escalated {
                recipient,
                message: _,
                tasks,
                result,
            } => match result {
                MailResult::Sent => {
                    for task in tasks {
                        if let Some(record) = self.tasks.get_mut(&task) {
                            record.escalated.insert(address_key(&recipient));
                        }
                    }
                }
                MailResult::Failed(_) => {}
            },
            Event::Contradicted { task, shows, .. } => {
                let record = self
                    .tasks
                    .get(&task)
                    .ok_or_else(|| Contradiction::Unknown(task.clone()))?;
                contradict(&mut self.recorded, &record.task, shows);
            }
            Event::Row { .. }
            | Event::Frozen { .. }
            | Event::Thawed { .. }
            | Event::Capped { .. }
            | Event::RunHeld { .. }
            | Event::Intended { .. }
            | Event::Allowed { .. }
            | Event::AllowanceUsed { .. }
            | Event::Paused { .. }
            | Event::Unpaused { .. }
            | Event::Received { .. }
            | Event::Rejoined { .. }
            | Event::Rebuilt { .. } => {}
        }
        Ok(())
    }

    fn open(&mut self, task: Arc<Task>, at: Timestamp) -> Result<(), Contradiction> {
        if self.tasks.contains_key(&task.id) {
            return Err(Contradiction::Known(task.id.clone()));
        }
        let manual = manual(&mut self.recorded, &task);
        if let Some(open) = &manual.open {
            return Err(Contradiction::Another(task.id.clone(), open.id.clone()));
        }
        manual.open = Some(task.clone());
        let record = TaskRecord {
            task,
            opened: at,
            status: TaskStatus::Open,
            told: BTreeMap::new(),
            escalated: BTreeSet::new(),
        };
        self.tasks.insert(record.task.id.clone(), record);
        Ok(())
    }
}

/// The task of that id, where it is open.
fn opened<'a>(
    tasks: &'a mut BTreeMap<TaskId, TaskRecord>,
    id: &TaskId,
) -> Result<&'a mut TaskRecord, Contradiction> {
    let record = tasks
        .get_mut(id)
        .ok_or_else(|| Contradiction::Unknown(id.clone()))?;
    match &record.status {
        TaskStatus::Open => Ok(record),
        closed @ (TaskStatus::Done { .. } | TaskStatus::Cancelled { .. }) => {
            Err(Contradiction::Closed(id.clone(), closed.as_str()))
        }
    }
}

/// Closes a task that leaves its entitlement in another state; a state that says nothing goes.
fn close(recorded: &mut Recorded, task: &Task, leave: impl FnOnce(&mut ManualState)) {
    let state = manual(recorded, task);
    state.open = None;
    state.contradicted = None;
    leave(state);
    if *state == ManualState::default() {
        recorded.manual.remove(&about(task));
    }
    let highest = recorded.generations.entry(about(task)).or_default();
    *highest = task.generation.max(*highest);
}

fn manual<'a>(recorded: &'a mut Recorded, task: &Task) -> &'a mut ManualState {
    recorded.manual.entry(about(task)).or_default()
}

/// Undoes what a task that was said to be done left, so that it is asked for again.
fn contradict(recorded: &mut Recorded, task: &Task, shows: String) {
    let state = manual(recorded, task);
    match task.action {
        TaskAction::Grant => state.held = None,
        TaskAction::Revoke => {
            let before = task.fields.iter();
            let before = before.filter_map(|f| Some((f.name.clone(), f.before.as_deref()?.into())));
            state.held = Some(before.collect());
        }
        // No export tells of these.
        TaskAction::Update | TaskAction::Disable | TaskAction::Enable => return,
    }
    state.contradicted = Some(shows);
}

impl TaskRecord {
    /// Who is to do it as things are: the resource's maintainers of now, deputies included; of what
    /// only they can do the administrators.
    pub fn maintainers<'a>(&'a self, asked: &Asked<'a>) -> &'a [Recipient] {
        let now = match self.task.is_of_administrators() {
            true => Some(asked.administrators),
            false => {
                let terms = asked.resources.get(&self.task.resource);
                terms.map(|terms| terms.maintainers.as_slice())
            }
        };
        match now.filter(|now| !now.is_empty()) {
            Some(now) => now,
            None => &self.task.maintainers,
        }
    }

    /// Who may have to be told something: whoever is to do it, or was asked for what is withdrawn.
    fn to_tell(&self, asked: &Asked<'_>) -> Vec<Recipient> {
        let now = self.maintainers(asked);
        let known = |address: &String| {
            let mut known = self.task.maintainers.iter().chain(now);
            let same = known.find(|r| address_key(&r.mail) == *address);
            same.cloned().unwrap_or_else(|| Recipient {
                mail: address.clone(),
                name: None,
            })
        };
        match &self.status {
            TaskStatus::Open => now.to_vec(),
            TaskStatus::Cancelled { .. } => self.told.keys().map(known).collect(),
            TaskStatus::Done { .. } => Vec::new(),
        }
    }

    /// What an address is to be told next.
    pub(super) fn next(&self, recipient: &str) -> Option<TaskStep> {
        let told = self.told.get(&address_key(recipient));
        match (&self.status, told) {
            (TaskStatus::Open, None) => Some(TaskStep::Open),
            (TaskStatus::Open, Some(told)) => {
                (told.revision < self.task.revision).then_some(TaskStep::Revise)
            }
            (TaskStatus::Cancelled { .. }, Some(told)) => {
                (!told.cancelled).then_some(TaskStep::Cancel)
            }
            (TaskStatus::Cancelled { .. }, None) | (TaskStatus::Done { .. }, _) => None,
        }
    }

    fn tell(&mut self, address: &str, message: &str, at: Timestamp) {
        let cancelled = match &self.status {
            TaskStatus::Cancelled { .. } => true,
            TaskStatus::Open | TaskStatus::Done { .. } => false,
        };
        let told = self.told.entry(address.to_owned()).or_insert_with(|| Told {
            thread: message.to_owned(),
            first: at,
            at,
            reminded: 0,
            revision: 0,
            cancelled,
        });
        told.at = at;
        told.revision = self.task.revision;
        told.cancelled = cancelled;
    }
}

/// What a task is about.
fn about(task: &Task) -> (UserName, EntitlementKey) {
    (task.user.clone(), task.entitlement.clone())
}

/// What is held once a task is done.
fn fulfil(state: &mut ManualState, task: &Task) {
    match task.action {
        TaskAction::Grant => {
            state.held = Some(entered(FieldValues::new(), task));
            state.unsettled = false;
        }
        TaskAction::Update => {
            state.held = Some(entered(state.held.take().unwrap_or_default(), task));
        }
        TaskAction::Revoke => {
            state.held = None;
            state.unsettled = false;
            state.disabled = false;
        }
        TaskAction::Disable => state.disabled = true,
        TaskAction::Enable => state.disabled = false,
    }
}

/// Values of fields once a maintainer has entered what a task says.
fn entered(mut values: FieldValues, task: &Task) -> FieldValues {
    for field in &task.fields {
        match &field.after {
            Some(value) => values.insert(field.name.clone(), value.as_str().into()),
            None => values.remove(&field.name),
        };
    }
    values
}

/// What two spellings of an address share.
pub(super) fn address_key(mail: &str) -> String {
    mail.trim().to_lowercase()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::connector::Guid;
    use crate::desired::{Grant, GroupKey};
    use crate::dn::Dn;
    use crate::ledger::RunId;
    use crate::name::{FieldName, LevelName, ResourceName};
    use crate::plan::ChangeId;
    use crate::plan::task::TaskField;

    pub(in crate::ledger) fn user(name: &str) -> UserName {
        UserName::new(name).unwrap()
    }

    pub(in crate::ledger) fn at(second: i64, event: Event) -> Record {
        Record {
            at: Timestamp::new(second, 0).unwrap(),
            run: RunId("r-1".into()),
            event,
        }
    }

    #[test]
    fn a_selection_stays_until_another_is_made_in_the_same_application() {
        let select = |second, name: &str, resource: &str, identity: &str| {
            let event = Event::IdentitySelected {
                user: user(name),
                resource: ResourceName::new(resource).unwrap(),
                identity: identity.into(),
                by: "Kim".into(),
            };
            at(second, event)
        };
        let mut history = History::default();
        for record in [
            select(1, "kim", "glove", "Client"),
            select(2, "kim", "portal", "Client"),
            select(3, "lee", "glove", "Client"),
            select(4, "kim", "glove", "Internal User"),
        ] {
            let text = serde_json::to_string(&record).unwrap();
            assert_eq!(serde_json::from_str::<Record>(&text).unwrap(), record);
            history.add(record).unwrap();
        }
        let selected: Vec<(&str, &str, &str, i64)> = history
            .selections()
            .iter()
            .map(|((user, resource), s)| {
                (
                    user.as_str(),
                    resource.as_str(),
                    s.identity.as_str(),
                    s.at.as_second(),
                )
            })
            .collect();
        let expected = [
            ("kim", "glove", "Internal User", 4),
            ("kim", "portal", "Client", 2),
            ("lee", "glove", "Client", 3),
        ];
        assert_eq!(selected, expected);
    }

    fn entitlement() -> EntitlementKey {
        EntitlementKey {
            resource: ResourceName::new("timetrack").unwrap(),
            identity: None,
            grant: Grant::Level(LevelName::new("access").unwrap()),
        }
    }

    fn key() -> (UserName, EntitlementKey) {
        (user("kim"), entitlement())
    }

    fn values(pairs: &[(&str, &str)]) -> FieldValues {
        pairs
            .iter()
            .map(|(f, v)| (FieldName::new(f).unwrap(), (*v).into()))
            .collect()
    }

    pub(in crate::ledger) fn task(
        action: TaskAction,
        generation: u32,
        fields: &[(&str, Option<&str>)],
    ) -> Task {
        let to = |mail: &str| Recipient {
            mail: mail.into(),
            name: None,
        };
        let field = |(name, after): &(&str, Option<&str>)| TaskField {
            name: FieldName::new(name).unwrap(),
            label: (*name).into(),
            before: None,
            after: after.map(str::to_owned),
        };
        Task {
            id: TaskId::of(&user("kim"), &entitlement(), action, generation),
            generation,
            revision: 1,
            action,
            user: user("kim"),
            user_display: "Kim Lee".into(),
            employee_number: None,
            resource: entitlement().resource,
            resource_display: "Timetrack".into(),
            url: None,
            entitlement: entitlement(),
            entitlement_label: "access".into(),
            fields: fields.iter().map(field).collect(),
            instructions: None,
            reopened: None,
            urgent: false,
            maintainers: vec![to("Dana@city.example"), to("team@city.example")],
            causes: Vec::new(),
        }
    }

    pub(in crate::ledger) fn asked(task: &Task) -> Event {
        Event::TaskOpened {
            task: Box::new(task.clone()),
        }
    }

    fn revised(task: &Task) -> Event {
        Event::TaskRevised {
            task: Box::new(task.clone()),
        }
    }

    fn cancelled(task: &Task) -> Event {
        Event::TaskCancelled {
            task: Box::new(task.clone()),
        }
    }

    pub(in crate::ledger) fn done(task: &Task) -> Event {
        let (task, by) = (task.id.clone(), "dana.reyes".to_owned());
        Event::TaskDone {
            task,
            by,
            note: None,
            seen: Seen::Confirmed,
        }
    }

    fn mailed(recipient: &str, message: &str, task: &Task, result: MailResult) -> Event {
        Event::Mailed {
            recipient: recipient.into(),
            message: message.into(),
            tasks: vec![task.id.clone()],
            changes: Vec::new(),
            result,
        }
    }

    fn history(events: impl IntoIterator<Item = Event>) -> History {
        let mut history = History::default();
        for (event, second) in events.into_iter().zip(0..) {
            history.add(at(second, event)).unwrap();
        }
        history
    }

    fn state_of(history: &History) -> ManualState {
        history
            .recorded()
            .manual
            .get(&key())
            .cloned()
            .unwrap_or_default()
    }

    fn held(history: &History) -> Option<FieldValues> {
        state_of(history).held
    }

    #[test]
    fn a_grant_is_asked_then_held_with_the_values_of_its_last_revision() {
        let first = task(
            TaskAction::Grant,
            1,
            &[("username", Some("klee")), ("card", None)],
        );
        let state = history([asked(&first)]);
        assert_eq!(state_of(&state).open.as_deref(), Some(&first));
        assert_eq!(held(&state), None);
        assert_eq!(state.recorded().generations, BTreeMap::new());
        let second = Task {
            revision: 2,
            ..task(
                TaskAction::Grant,
                1,
                &[("username", Some("kim.lee")), ("card", Some("7"))],
            )
        };
        let state = history([asked(&first), revised(&second)]);
        assert_eq!(state_of(&state).open.as_deref(), Some(&second));
        let state = history([asked(&first), revised(&second), done(&first)]);
        assert_eq!(
            held(&state),
            Some(values(&[("username", "kim.lee"), ("card", "7")]))
        );
        assert_eq!(state_of(&state).open, None);
        assert_eq!(state.recorded().generations[&key()], 1);
    }

    #[test]
    fn an_update_changes_the_values_it_names_and_a_revocation_ends_all() {
        let grant = task(
            TaskAction::Grant,
            1,
            &[("username", Some("klee")), ("card", Some("7"))],
        );
        let update = task(
            TaskAction::Update,
            2,
            &[("username", Some("kim")), ("card", None)],
        );
        let disable = task(TaskAction::Disable, 3, &[]);
        let revoke = task(TaskAction::Revoke, 4, &[]);
        let mut events = vec![asked(&grant), done(&grant), asked(&update)];
        let state = history(events.clone());
        assert_eq!(
            held(&state),
            Some(values(&[("username", "klee"), ("card", "7")]))
        );
        events.push(done(&update));
        assert_eq!(
            held(&history(events.clone())),
            Some(values(&[("username", "kim")]))
        );
        events.extend([asked(&disable), done(&disable), asked(&revoke)]);
        let state = history(events.clone());
        assert!(held(&state).is_some() && state_of(&state).disabled);
        events.push(done(&revoke));
        let state = history(events);
        assert_eq!(state.recorded().manual, BTreeMap::new());
        assert_eq!(state.recorded().generations[&key()], 4);
    }

    #[test]
    fn disabling_keeps_what_is_held_and_enabling_lifts_it() {
        let assumed = Event::Assumed {
            user: user("kim"),
            entitlement: entitlement(),
            fields: values(&[("username", "klee")]),
            unsettled: false,
        };
        let (disable, enable) = (
            task(TaskAction::Disable, 1, &[]),
            task(TaskAction::Enable, 2, &[]),
        );
        let mut events = vec![assumed, asked(&disable)];
        assert!(!state_of(&history(events.clone())).disabled);
        events.push(done(&disable));
        let state = history(events.clone());
        assert!(state_of(&state).disabled);
        assert_eq!(held(&state), Some(values(&[("username", "klee")])));
        events.extend([asked(&enable), done(&enable)]);
        let state = history(events);
        assert!(!state_of(&state).disabled);
        assert_eq!(held(&state), Some(values(&[("username", "klee")])));
    }

    #[test]
    fn a_cancelled_task_changes_nothing_and_closes_its_generation() {
        let grant = task(TaskAction::Grant, 3, &[("username", Some("klee"))]);
        let state = history([asked(&grant), cancelled(&grant)]);
        assert_eq!(state.recorded().manual, BTreeMap::new());
        assert_eq!(state.recorded().generations[&key()], 3);
        let status = TaskStatus::Cancelled {
            at: Timestamp::new(1, 0).unwrap(),
        };
        assert_eq!(state.tasks()[&grant.id].status, status);
    }

    #[test]
    fn what_cannot_follow_is_refused_and_changes_nothing() {
        let (grant, revoke) = (
            task(TaskAction::Grant, 1, &[]),
            task(TaskAction::Revoke, 1, &[]),
        );
        let id = grant.id.clone();
        let refused = |events: &[Event], next: Event| {
            let mut state = history(events.iter().cloned());
            let before = state.clone();
            let contradiction = state.add(at(99, next)).unwrap_err();
            assert_eq!(state, before);
            contradiction
        };
        let (open, close) = (asked(&grant), done(&grant));
        assert_eq!(
            refused(&[], close.clone()),
            Contradiction::Unknown(id.clone())
        );
        let twice = refused(&[open.clone(), close.clone()], close.clone());
        assert_eq!(twice, Contradiction::Closed(id.clone(), "done"));
        assert_eq!(
            twice.to_string(),
            format!("task {id} is not open: it is done")
        );
        let late = refused(&[open.clone(), cancelled(&grant)], close.clone());
        assert_eq!(late, Contradiction::Closed(id.clone(), "cancelled"));
        for event in [revised(&grant), cancelled(&grant)] {
            let late = refused(&[open.clone(), close.clone()], event);
            assert_eq!(late, Contradiction::Closed(id.clone(), "done"));
        }
        let again = refused(&[open.clone(), close.clone()], open.clone());
        assert_eq!(again, Contradiction::Known(id.clone()));
        let other = refused(&[open], asked(&revoke));
        assert_eq!(other, Contradiction::Another(revoke.id.clone(), id));
    }

    #[test]
    fn what_is_urgent_is_asked_of_its_maintainers_unless_only_administrators_can_do_it() {
        let administrators = [Recipient {
            mail: "ada@city.example".into(),
            name: None,
        }];
        let asked_of = |action: TaskAction| {
            let task = Task {
                urgent: true,
                ..task(action, 1, &[])
            };
            let everybody = Asked {
                resources: &BTreeMap::new(),
                administrators: &administrators,
                people: &BTreeMap::new(),
            };
            let unmailed = history([asked(&task)]).unmailed(&everybody);
            (unmailed[0].task.maintainers.clone(), task.maintainers)
        };
        let (of, maintainers) = asked_of(TaskAction::Revoke);
        assert_eq!(of, maintainers);
        let (of, _) = asked_of(TaskAction::Disable);
        assert_eq!(of, administrators);
    }

    #[test]
    fn each_maintainer_is_mailed_what_they_have_not_been_told_and_no_more() {
        let first = task(TaskAction::Grant, 1, &[]);
        let second = Task {
            revision: 2,
            ..first.clone()
        };
        let (sent, lost) = (MailResult::Sent, MailResult::Failed("greylisted".into()));
        let due = |events: &[Event]| -> Vec<(TaskStep, Vec<String>)> {
            let nobody = Asked {
                resources: &BTreeMap::new(),
                administrators: &[],
                people: &BTreeMap::new(),
            };
            let unmailed = history(events.iter().cloned()).unmailed(&nobody);
            let mails = |change: TaskChange| {
                change
                    .task
                    .maintainers
                    .into_iter()
                    .map(|to| to.mail)
                    .collect()
            };
            unmailed
                .into_iter()
                .map(|change| (change.step, mails(change)))
                .collect()
        };
        let (dana, team) = (
            "Dana@city.example".to_owned(),
            "team@city.example".to_owned(),
        );
        let mut events = vec![asked(&first)];
        assert_eq!(
            due(&events),
            [(TaskStep::Open, vec![dana.clone(), team.clone()])]
        );
        events.push(mailed("dana@CITY.example", "<1@x>", &first, sent.clone()));
        events.push(mailed(&team, "<2@x>", &first, lost));
        assert_eq!(due(&events), [(TaskStep::Open, vec![team.clone()])]);
        events.push(revised(&second));
        let both = [
            (TaskStep::Open, vec![team.clone()]),
            (TaskStep::Revise, vec![dana.clone()]),
        ];
        assert_eq!(due(&events), both);
        events.push(mailed(&dana, "<3@x>", &second, sent.clone()));
        let mut ended = events.clone();
        ended.push(cancelled(&second));
        assert_eq!(due(&ended), [(TaskStep::Cancel, vec![dana.clone()])]);
        ended.push(mailed(&dana, "<4@x>", &second, sent));
        assert_eq!(due(&ended), []);
        let state = history(ended);
        assert_eq!(state.thread(&first.id, "DANA@city.example"), Some("<1@x>"));
        assert_eq!(state.thread(&first.id, &team), None);
        events.push(done(&first));
        assert_eq!(due(&events), []);
    }

    #[test]
    fn the_directory_has_threads_of_its_own() {
        let mail = |message: &str, changes: Vec<ChangeId>| Event::Mailed {
            recipient: "AD@city.example".into(),
            message: message.into(),
            tasks: Vec::new(),
            changes,
            result: MailResult::Sent,
        };
        let change = || vec![ChangeId("0".into())];
        let state = history([
            mail("<0@x>", vec![]),
            mail("<1@x>", change()),
            mail("<2@x>", change()),
        ]);
        let expected = BTreeMap::from([("ad@city.example".to_owned(), "<1@x>".to_owned())]);
        assert_eq!(state.directory_threads(), &expected);
    }

    /// AD 34: a name that was used once stays its user's.
    #[test]
    fn accounts_memberships_and_names_add_up() {
        let [one, two] = [1, 2].map(|n| Guid::from_wire(&[n; 16]).unwrap());
        let account = |name: &str, guid, login: &str, how| Event::Account {
            user: user(name),
            guid,
            dn: Dn::parse("CN=Kim Lee,OU=ITS,DC=city,DC=example").unwrap(),
            login: login.into(),
            upn: Some(format!("{login}@City.example")),
            mail: None,
            how,
        };
        let member = |group: &str, change| Event::Membership {
            user: Some(user("kim")),
            account: one,
            group: GroupKey::new(group),
            change,
        };
        let state = history([
            account("lucy", two, "lucy", How::Seen),
            account("kim", one, "Kim.Lee", How::Adopted),
            account("kim", one, "kim.ray", How::Seen),
            account("kim", two, "other", How::Seen),
            member("APP-GIS", MemberChange::Add),
            member("its-all", MemberChange::Add),
            member("app-gis", MemberChange::Remove),
        ]);
        let recorded = state.recorded();
        let kim = RecordedAccount {
            guid: one,
            login: "kim.ray".into(),
            upn: Some("kim.ray@City.example".into()),
            mail: None,
            made: Made::Before,
        };
        assert_eq!(recorded.accounts, BTreeMap::from([(user("kim"), kim)]));
        assert_eq!(
            recorded.memberships,
            [(one, GroupKey::new("its-all"))].into()
        );
        for name in ["kim.lee", "kim.lee@city.example", "kim.ray", "other"] {
            assert_eq!(recorded.names_used[name], user("kim"), "{name}");
        }
        assert_eq!(recorded.names_used["lucy"], user("lucy"));
        let again = history([
            account("kim", one, "kim", How::Created),
            account("kim", two, "kim", How::Created),
        ]);
        assert_eq!(again.recorded().accounts[&user("kim")].guid, two);
    }

    #[test]
    fn an_interrupted_run_shows() {
        let started = |plan: &str| Event::RunStarted {
            revision: None,
            instant: Timestamp::UNIX_EPOCH,
            plan: plan.into(),
        };
        let summary = RunSummary {
            applied: 2,
            ..RunSummary::default()
        };
        let state = history([started("a"), Event::RunEnded { summary }]);
        assert_eq!(state.last_run().unwrap().summary, Some(summary));
        let state = history([started("a"), Event::RunEnded { summary }, started("b")]);
        assert_eq!(state.last_run().unwrap().plan, "b");
        assert_eq!(state.last_run().unwrap().summary, None);
    }
}
