//! Reconciling: the pipeline from end to end, with the world at its edges. Every step is a call of
//! the stage it is named after; what this module adds is their order.

pub mod drifted;
pub mod guarded;
pub mod hand_over;
pub mod inbox;
mod mailroom;
pub mod read_back;
pub mod rebuild;
pub mod run;
pub mod stalled;
mod templates;
mod told;
pub mod unapproved;
pub mod verified;
pub mod wanted;
pub mod world;

use crate::catalog::linking::Findings;
use crate::catalog::{Catalog, Problem, link, located};
use crate::connector::roster::Roster;
use crate::connector::{AttributeName, Failure, Guid, Transport};
use crate::desired::accounts::Seen;
use crate::desired::expand::{Glance, Ground, Held, Outlook, Rehearsal, expand, rules};
use crate::desired::{Accounts, Desired, KnownAccount, Rules, Tie};
use crate::diagnostic::{Code, Diagnostic, sorted};
use crate::dn::Dn;
use crate::failpoint::fail_point;
use crate::impact::{Between, Impact, compare, history};
use crate::ledger::History;
use crate::manifest::parse::{Known, Manifests, parse};
use crate::manifest::resource::Connector;
use crate::name::{FieldName, ResourceName, UserName};
use crate::observed::snapshot::Snapshot;
use crate::observed::tie::{Claim, Rules as TieRules, Seeming, SeenAccounts, tie, used};
use crate::observed::{Account, Directory, Observed, Portion, collect_watched};
use crate::plan::limits::{Limits, Outer};
use crate::plan::recorded::Recorded;
use crate::plan::{Bootstrap, DirectoryMode, Finding, Inputs, Plan, Sighting, notice, plan};
use crate::policy::Policies;
use crate::policy::judge::Watch;
use crate::policy::world::Lens;
use crate::request::{Folded, Timeline};
use crate::sorted::Sorted;
use crate::source::{self, Listed, Origin, Source, SourceError};
use jiff::Timestamp;
use read_back::Exports;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use wanted::{Wanted, only_read};

/// A repository that was read and linked.
pub struct Reading {
    /// Its files.
    pub source: Source,
    /// Its manifests.
    pub catalog: Catalog,
    /// What is wrong with it, as far as linking shows.
    pub findings: Findings,
    /// How many manifests it has.
    pub manifests: usize,
}

/// A repository that was read, to be linked.
pub struct Parsed {
    /// Its files.
    pub source: Source,
    manifests: Manifests,
}

impl Parsed {
    /// Reads a repository.
    ///
    /// # Errors
    /// [`SourceError`] when it cannot be read at all.
    pub fn read(origin: &Origin, known: &mut Known) -> Result<Self, SourceError> {
        let source = listed(origin)?.read(&|blob| known.0.contains_key(blob))?;
        let manifests = parse(&source, known);
        Ok(Self { source, manifests })
    }

    /// Reads a repository; what is known is made while its files are listed, and comes back with what was
    /// added to it.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_with(
        origin: &Origin,
        known: impl FnOnce() -> Known + Send,
    ) -> Result<(Self, Known), SourceError> {
        let (listed, mut known) = rayon::join(|| listed(origin), known);
        let source = listed?.read(&|blob| known.0.contains_key(blob))?;
        let manifests = parse(&source, &mut known);
        Ok((Self { source, manifests }, known))
    }

    /// Links it.
    pub fn link(self) -> Reading {
        let Self { source, manifests } = self;
        let count = manifests.list.len() + manifests.broken.len();
        let (mut catalog, mut findings) = link(manifests);
        let (templates, mistakes) = templates::read(&source, &catalog.config.spec.ignore);
        catalog.mail_templates = templates;
        findings.diagnostics.extend(mistakes);
        Reading {
            source,
            catalog,
            findings,
            manifests: count,
        }
    }
}

/// The files of a repository.
fn listed(origin: &Origin) -> Result<Listed, SourceError> {
    fail_point!(
        "repository-read",
        return Err(SourceError::Io {
            path: "the access repository".into(),
            source: crate::failpoint::broken(),
        })
    );
    source::list(origin)
}

/// Reads and links a repository.
///
/// # Errors
/// [`SourceError`] when it cannot be read at all.
pub fn read(origin: &Origin, known: &mut Known) -> Result<Reading, SourceError> {
    Parsed::read(origin, known).map(Parsed::link)
}

/// Links a repository whose files are at hand.
pub fn read_source(source: Source, known: &mut Known) -> Reading {
    let manifests = parse(&source, known);
    Parsed { source, manifests }.link()
}

/// What keeps a plan from being made.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum ReconcileError {
    #[error("the repository has mistakes")]
    Invalid(Vec<Diagnostic>),
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error("the directory was not read to its end, so nothing is planned: {0}")]
    Directory(Failure),
    #[error("a pattern of managed groups cannot be read: {0}")]
    Pattern(#[from] globset::Error),
}

/// Everything a plan is made of, in the order it came about.
pub struct Situation {
    /// What should be.
    pub desired: Desired,
    /// What is.
    pub observed: Observed,
    /// What may be touched.
    pub limits: Option<Limits>,
    /// What is wrong, sorted by place; warnings only.
    pub diagnostics: Vec<Diagnostic>,
    accounts: Accounts,
    /// What came from here, where the directory or an export had to tell what became of something.
    settled: Option<Recorded>,
    seen: Vec<Sighting>,
    findings: Vec<Finding>,
}

impl Situation {
    /// Takes in what exports of manual systems show of the tasks of a record: the plan is made as if it
    /// had been recorded, and says it, so that a run records it first.
    pub fn read_back(&mut self, history: &History, exports: &Exports) {
        let (seen, findings) = read_back::judge(history, &self.desired, exports);
        self.findings = findings;
        if seen.is_empty() {
            return;
        }
        let recorded = history.having_seen(&seen, self.desired.instant);
        let settled = self.observed.directory.as_ref();
        self.settled = Some(match settled {
            Some(directory) => recorded.settled(directory),
            None => recorded,
        });
        self.seen = seen;
    }

    /// Which accounts are whose, and the names that are taken.
    pub fn accounts(&self) -> &Accounts {
        &self.accounts
    }
}

/// What the world gives: where the directory and the rosters are, and what came from here.
pub struct World<'a> {
    /// The directory; none: names are provisional and accounts are left alone.
    pub directory: Option<&'a mut dyn Transport>,
    /// Who writes it.
    pub mode: DirectoryMode,
    /// The rosters.
    pub rosters: &'a BTreeMap<ResourceName, Roster>,
    /// The operator's limits.
    pub outer: &'a Outer,
    /// What came from here.
    pub recorded: &'a Recorded,
}

/// Every mistake of a repository, from one instant on, with its place; sorted. Beside an earlier
/// revision of it also what may not be done to that one.
pub fn diagnose(reading: Reading, base: Option<&Catalog>, now: Timestamp) -> Vec<Diagnostic> {
    diagnosed(reading, base, now).let_go().1
}

/// A repository whose mistakes are known.
pub struct Diagnosed {
    /// Its manifests.
    pub catalog: Catalog,
    /// What is wrong with it, sorted by place.
    pub diagnostics: Vec<Diagnostic>,
    /// What was made to find that: a program that ends now need not take it apart.
    pub remains: Box<dyn Send>,
}

impl Diagnosed {
    /// Its manifests and what is wrong with it; nobody waits until the rest is taken apart.
    pub fn let_go(self) -> (Catalog, Vec<Diagnostic>) {
        let Self {
            catalog,
            diagnostics,
            remains,
        } = self;
        rayon::spawn(move || drop(remains));
        (catalog, diagnostics)
    }
}

/// Every mistake as [`diagnose`] finds them, beside the catalog.
pub fn diagnosed(reading: Reading, base: Option<&Catalog>, now: Timestamp) -> Diagnosed {
    // Among those who do the work: from outside each step of it is handed over, and waited for.
    rayon::scope(|_| diagnosed_here(reading, base, now))
}

fn diagnosed_here(reading: Reading, base: Option<&Catalog>, now: Timestamp) -> Diagnosed {
    let Reading {
        source,
        catalog,
        findings,
        ..
    } = reading;
    let mut problems = findings.problems;
    let accounts = Accounts::default();
    let (timeline, ground) = rayon::join(
        || Timeline::new(&catalog, &mut problems),
        || Arc::new(Ground::new(&catalog)),
    );
    let mut outlook = Outlook::on(ground.clone(), &timeline, &accounts);
    let policies = Policies::compile(&catalog, &mut problems);
    let mut watch = Watch::new(&policies);
    let folded = timeline.at(now);
    let glance = outlook.begin(&ground.at(now), Held::later(&folded), &mut problems);
    let lens = lens(&catalog, &timeline, &outlook, now);
    watch.look(&lens, &glance.names, false, &mut problems);
    ahead(
        &catalog,
        &mut outlook,
        &timeline,
        (&mut watch, now),
        &mut problems,
    );
    timeline.without_effect(now, &mut problems);
    problems.extend(to_come(&catalog, now));
    if let Some(base) = base {
        problems.extend(history::check(base, &catalog, now));
    }
    let mut diagnostics = findings.diagnostics;
    diagnostics.extend(located(problems, &catalog, &source));
    let remains = Box::new((folded, outlook.into_remains()));
    drop(timeline);
    Diagnosed {
        catalog,
        diagnostics: sorted(diagnostics),
        remains,
    }
}

/// The same, where a proposal told already what time brings.
pub fn diagnose_proposed(
    reading: &mut Reading,
    base: &Catalog,
    told: Vec<Problem>,
    now: Timestamp,
) -> Vec<Diagnostic> {
    let Reading {
        source,
        catalog,
        findings,
        ..
    } = reading;
    let Findings {
        mut problems,
        mut diagnostics,
    } = std::mem::take(findings);
    problems.extend(told);
    problems.extend(to_come(catalog, now));
    problems.extend(history::check(base, catalog, now));
    diagnostics.extend(located(problems, catalog, source));
    sorted(diagnostics)
}

/// A fold that is still to come: no revision would tell of what is before it.
fn to_come(catalog: &Catalog, now: Timestamp) -> Option<Problem> {
    let through = catalog.folded_through().filter(|through| now < *through)?;
    let message = format!("requests cannot be folded through {through} yet: it is {now}");
    let problem = Problem::new(
        Code::FoldedAhead,
        &catalog.config.at,
        "foldedThrough",
        message,
    );
    Some(problem.help("put the old value back; `countersign fold` writes it"))
}

/// What becomes otherwise at each instant after one, and until another; instants at which nothing
/// does are left out.
pub fn upcoming(
    catalog: &Catalog,
    now: Timestamp,
    until: Option<Timestamp>,
) -> Vec<(Timestamp, Vec<Impact>)> {
    // What is wrong is told by `diagnose`.
    let mut ignored = Vec::new();
    let accounts = Accounts::default();
    let timeline = Timeline::new(catalog, &mut ignored);
    let mut outlook = Outlook::new(catalog, &timeline, &accounts);
    outlook.at(now, &mut ignored);
    let directory = &catalog.config.spec.directory;
    let within = |instant: &Timestamp| until.is_none_or(|until| *instant <= until);
    let mut found = Vec::new();
    for instant in timeline.after(now).take_while(within) {
        let Glance { names, before } = outlook.at(instant, &mut ignored);
        let impacts = compare(
            Between::Instants,
            directory,
            &before,
            outlook.people(),
            &names,
        );
        if !impacts.is_empty() {
            found.push((instant, impacts));
        }
    }
    found
}

/// Whatever the passing of time brings is a mistake today (SEMANTICS 11).
fn ahead<'a>(
    catalog: &'a Catalog,
    outlook: &mut Outlook<'a>,
    timeline: &'a Timeline<'a>,
    (watch, now): (&mut Watch<'_>, Timestamp),
    problems: &mut Vec<Problem>,
) {
    for instant in timeline.after(now) {
        let glance = outlook.at(instant, problems);
        let lens = lens(catalog, timeline, outlook, instant);
        watch.look(&lens, &glance.names, true, problems);
    }
    watch.finish(&lens(catalog, timeline, outlook, now), problems);
}

/// What policies see at the instant an outlook has come to.
fn lens<'a>(
    catalog: &'a Catalog,
    timeline: &'a Timeline<'a>,
    outlook: &'a Outlook<'_>,
    now: Timestamp,
) -> Lens<'a> {
    Lens {
        catalog,
        timeline,
        now,
        people: outlook.people(),
    }
}

/// Looks at the directory, at all that a plan needs of it, and tells of each account as it comes.
///
/// # Errors
/// [`ReconcileError::Directory`] when it could not be read completely.
pub fn look(
    wanted: &Wanted,
    transport: &mut dyn Transport,
    watcher: &mut dyn FnMut(&Arc<Account>),
) -> Result<Directory, ReconcileError> {
    collect_watched(transport, &wanted.attributes, watcher).map_err(ReconcileError::Directory)
}

/// Looks at the directory as [`look`] does, and keeps it in mind: where it was looked at before and is
/// still good for that, only what was touched since is read.
///
/// # Errors
/// As [`look`].
pub fn look_again(
    wanted: &Wanted,
    transport: &mut dyn Transport,
    kept: Option<Snapshot>,
    watcher: &mut dyn FnMut(&Arc<Account>),
) -> Result<Snapshot, ReconcileError> {
    let attributes = wanted.attributes.clone();
    Snapshot::take(transport, attributes, kept, Timestamp::now(), watcher)
        .map_err(ReconcileError::Directory)
}

/// Looks at the world and works out what should be.
///
/// # Errors
/// [`ReconcileError::Invalid`] when the repository has mistakes, [`ReconcileError::Directory`] when
/// the directory could not be read completely.
pub fn situation(
    reading: &mut Reading,
    world: &mut World<'_>,
    now: Timestamp,
) -> Result<Situation, ReconcileError> {
    let findings = std::mem::take(&mut reading.findings);
    let wanted = Wanted::of(&reading.catalog, world.outer);
    let seen = world.directory.as_deref_mut();
    let seen = seen.map(|transport| look(&wanted, transport, &mut |_| {}));
    let looked = |_: &mut dyn FnMut(Portion)| {
        Ok(seen
            .transpose()?
            .map_or(Looked::Nowhere, |d| Looked::Read(Box::new(d))))
    };
    situation_of(reading, findings, world, looked, now)
}

/// What looking at the directory came to.
pub enum Looked {
    /// There is none at hand.
    Nowhere,
    /// It was read, completely.
    Read(Box<Directory>),
    /// It could not be read: what does not rest on it goes on.
    Unread(Failure),
}

/// Works out what should be, where somebody looks at the directory meanwhile: what does not depend on
/// it comes first, and then `looked` is waited for, which may tell of accounts as they come in.
///
/// # Errors
/// As [`situation`]. Where the directory could not be read, what is missing may look like a mistake, so
/// the failure is told instead of mistakes.
pub fn situation_of(
    reading: &Reading,
    findings: Findings,
    world: &World<'_>,
    looked: impl FnOnce(&mut dyn FnMut(Portion)) -> Result<Looked, ReconcileError>,
    now: Timestamp,
) -> Result<Situation, ReconcileError> {
    let catalog = &reading.catalog;
    let Findings {
        mut problems,
        mut diagnostics,
    } = findings;
    let (timeline, ground) = rayon::join(
        || Timeline::new(catalog, &mut problems),
        || Arc::new(Ground::new(catalog)),
    );
    let rules = rules(catalog);
    let policies = Policies::compile(catalog, &mut problems);
    let folded = timeline.at(now);
    let facts = ground.at(now);
    let recorded = world.recorded;
    let (held, (claimed, used_names)) = rayon::join(
        || Held::new(&facts, &folded),
        || (claims(&folded, recorded), used(&recorded.names_used)),
    );
    let only_read = only_read(catalog);
    let mut rehearsal = Rehearsal::new(&facts, held);
    let mut seeming = Seeming::of(&claimed, world.outer.adopt_by_anchor.is_some());
    let mut within = None;
    let mut see = |portion: Portion| {
        let Portion { base, accounts } = portion;
        // Where the limits cannot be told, that is said at the end.
        let limits = within.get_or_insert_with(|| Limits::new(&base, &rules, world.outer).ok());
        if let Some(within) = limits {
            let covers = |dn: &Dn| within.covers(dn);
            let tie_rules = tie_rules(&rules, within, (world.outer, &only_read), &covers);
            let known = accounts.iter();
            let known = known.filter_map(|account| seeming.look(account, &tie_rules));
            rehearsal.see(base.domain(), known.collect());
        }
    };
    let looked = looked(&mut see)?;
    let held = rehearsal.end();
    let accounts_seen = seeming.into_seen();
    let mut observed = Observed::default();
    let mut limits = None;
    let mut accounts = Accounts::default();
    let mut settled = None;
    let directory = match looked {
        Looked::Nowhere => None,
        Looked::Read(directory) => Some(*directory),
        Looked::Unread(failure) => {
            accounts = remembered(world.recorded);
            let resource = catalog.config.spec.directory.clone();
            observed.unread.insert(resource, failure);
            None
        }
    };
    if let Some(directory) = directory {
        let within = Limits::new(&directory.base, &rules, world.outer)?;
        if !world.recorded.attempts.is_empty() {
            settled = Some(world.recorded.settled(&directory));
        }
        let (claimed, used_names, seen) = match &settled {
            Some(recorded) => {
                let used_names = used(&recorded.names_used);
                (
                    claims(&folded, recorded),
                    used_names,
                    SeenAccounts::default(),
                )
            }
            None => (claimed, used_names, accounts_seen),
        };
        let covers = |dn: &Dn| within.covers(dn);
        let tie_rules = tie_rules(&rules, &within, (world.outer, &only_read), &covers);
        accounts = tie(&directory, &claimed, &tie_rules, (used_names, &seen));
        rayon::spawn(move || drop((claimed, seen)));
        observed.directory = Some(directory);
        limits = Some(within);
    }
    for (resource, roster) in world.rosters {
        match roster.observe() {
            Ok(rows) => drop(observed.rosters.insert(resource.clone(), rows)),
            Err(failure) => drop(observed.unread.insert(resource.clone(), failure)),
        }
    }
    let mut outlook = Outlook::on(ground.clone(), &timeline, &accounts);
    let mut watch = Watch::new(&policies);
    let glance = outlook.begin(&facts, held, &mut problems);
    rayon::spawn(move || drop(folded));
    let seen = lens(catalog, &timeline, &outlook, now);
    let ((), desired) = rayon::join(
        || watch.look(&seen, &glance.names, false, &mut problems),
        || outlook.desired(),
    );
    let watched = (&mut watch, now);
    rayon::scope(|_| ahead(catalog, &mut outlook, &timeline, watched, &mut problems));
    outlook.let_go();
    problems.extend(to_come(catalog, now));
    diagnostics.extend(located(problems, catalog, &reading.source));
    let diagnostics = sorted(diagnostics);
    if crate::diagnostic::any_error(&diagnostics) {
        let unread = observed.unread.remove(&catalog.config.spec.directory);
        return Err(unread.map_or(
            ReconcileError::Invalid(diagnostics),
            ReconcileError::Directory,
        ));
    }
    Ok(Situation {
        desired,
        observed,
        limits,
        diagnostics,
        accounts,
        settled,
        seen: Vec::new(),
        findings: Vec::new(),
    })
}

/// The rules accounts are found by, within these limits.
fn tie_rules<'r>(
    rules: &Rules,
    within: &Limits,
    (outer, only_read): (&'r Outer, &'r BTreeSet<AttributeName>),
    covers: &'r (dyn Fn(&Dn) -> bool + Sync),
) -> TieRules<'r> {
    let mail = AttributeName::from("mail");
    TieRules {
        anchor: outer.adopt_by_anchor.as_ref(),
        observed: only_read,
        covers,
        mail: rules.attributes.contains(&mail) && within.covers_attribute(&mail),
    }
}

/// Makes the plan of a situation.
pub fn make_plan(
    situation: &Situation,
    world: &World<'_>,
    reading: &Reading,
    bootstrap: &Bootstrap,
    approval: &str,
) -> Plan {
    plan(&Inputs {
        desired: &situation.desired,
        observed: &situation.observed,
        recorded: situation.settled.as_ref().unwrap_or(world.recorded),
        limits: situation.limits.as_ref(),
        outer: world.outer,
        bootstrap,
        revision: reading.source.revision.as_deref(),
        policies: &policies(&reading.catalog),
        approval,
        mode: world.mode,
    })
    .seeing(&situation.seen, &situation.findings)
}

/// What was in force at the revision an empty record starts from (SEMANTICS 9).
///
/// # Errors
/// [`ReconcileError`] when that revision cannot be read or has mistakes.
pub fn bootstrap(
    folder: &Path,
    revision: &str,
    situation: &Situation,
    now: Timestamp,
    known: &mut Known,
) -> Result<Bootstrap, ReconcileError> {
    let origin = Origin::Revision {
        folder: folder.to_owned(),
        revision: revision.to_owned(),
    };
    let reading = read(&origin, known)?;
    if reading.catalog.users.is_empty() && reading.catalog.requests.is_empty() {
        return Ok(Bootstrap::default());
    }
    let mut problems = Vec::new();
    let timeline = Timeline::new(&reading.catalog, &mut problems);
    let (desired, more) = expand(&reading.catalog, &timeline, &situation.accounts, now);
    problems.extend(more);
    problems.extend(reading.findings.problems);
    let mut diagnostics = reading.findings.diagnostics;
    diagnostics.extend(located(problems, &reading.catalog, &reading.source));
    if crate::diagnostic::any_error(&diagnostics) {
        return Err(ReconcileError::Invalid(sorted(diagnostics)));
    }
    let notices = notice::all(&desired);
    let (mut manual, mut unsettled) = (BTreeMap::new(), BTreeSet::new());
    for (name, person) in desired.people {
        for (key, entitlement) in &person.entitlements {
            let terms = desired.resources.get(&key.resource);
            if terms.is_some_and(|t| t.connector == Connector::Manual) {
                let at = (name.clone(), key.clone());
                if !entitlement.is_settled() {
                    unsettled.insert(at.clone());
                }
                manual.insert(at, entitlement.fields.to_tree());
            }
        }
    }
    Ok(Bootstrap {
        manual,
        unsettled,
        notices,
    })
}

/// SHA-256 of the configuration, the policies and the templates of mails: what a saved plan must still
/// rest on.
pub fn policies(catalog: &Catalog) -> String {
    let policies: Vec<_> = catalog
        .policies
        .iter()
        .map(|(name, p)| (name, &p.spec))
        .collect();
    let config = &catalog.config.spec;
    let text = match catalog.mail_templates.is_empty() {
        true => serde_json::json!([config, policies]),
        false => serde_json::json!([config, policies, &catalog.mail_templates]),
    };
    let text = text.to_string();
    Sha256::digest(text.as_bytes())
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect()
}

/// What the record knows of accounts: whose they are, and under which names they were seen last.
pub fn remembered(recorded: &Recorded) -> Accounts {
    let mut accounts = Accounts {
        seen: Seen::Remembered,
        taken: used(&recorded.names_used),
        ..Accounts::default()
    };
    let known = recorded.accounts.iter().map(|(user, account)| {
        let known = KnownAccount {
            guid: account.guid,
            tie: Tie::Recorded,
            dn: "".into(),
            login: account.login.as_str().into(),
            upn: account.upn.as_deref().unwrap_or_default().into(),
            cn: user.as_str().into(),
            mail: account.mail.as_deref().map(Into::into),
            by_hand: None,
            observed: Sorted::new(),
        };
        (user.clone(), Arc::new(known))
    });
    accounts.known = known.collect();
    accounts
}

/// What every user brings to find their account by.
fn claims(folded: &Folded, recorded: &Recorded) -> BTreeMap<UserName, Claim> {
    folded
        .people
        .iter()
        .map(|(name, user)| {
            let declared = user.spec.account.as_ref();
            let claim = Claim {
                recorded: recorded.accounts.get(name).map(|account| account.names()),
                declared: declared.and_then(|a| Guid::parse(&a.object_guid)),
                anchor: user.spec.employee_number.as_ref().map(|n| n.0.clone()),
            };
            (name.clone(), claim)
        })
        .collect()
}

/// The fields of the rosters, in the resource's order.
pub fn roster_fields(catalog: &Catalog) -> BTreeMap<ResourceName, Vec<FieldName>> {
    let rosters = catalog
        .resources
        .iter()
        .filter(|(_, r)| r.spec.connector == Some(Connector::Roster));
    rosters
        .map(|(name, r)| {
            (
                name.clone(),
                r.spec.fields.iter().map(|f| f.name.clone()).collect(),
            )
        })
        .collect()
}
