//! A generated city → the seconds that each stage of its plan takes, within one process.
//!
//! `cargo run --release --example stages -- DIR` reads what `city` wrote. What a command takes on
//! top of these is the start of a program, and printing.

use countersign::connector::active_directory::ldif::LdifDirectory;
use countersign::ledger::Ledger;
use countersign::manifest::parse::{Known, parse};
use countersign::observed::tie::{Claim, Rules, SeenAccounts, tie, used};
use countersign::observed::{Observed, attributes, collect};
use countersign::operator::Operator;
use countersign::plan::limits::Limits;
use countersign::plan::{Bootstrap, DirectoryMode, Inputs, plan};
use countersign::source::Origin;
use countersign::{catalog, desired, reconcile, request, source};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::path::Path;
use std::time::Instant;

/// As the program has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The instant of the plan; any one will do.
const NOW: &str = "2027-01-11T13:00:00Z";

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).ok_or("usage: stages DIR")?;
    let (folder, now) = (Path::new(&folder), NOW.parse::<Timestamp>()?);
    let access = folder.join("access");
    let operator = Operator::load(&folder.join("operator.yaml"), &access)?;
    let mut known = Known::default();
    let origin = Origin::Revision {
        folder: access,
        revision: "HEAD".into(),
    };

    let mut clock = Clock(Instant::now());
    let files = source::read(&origin, &|_| false)?;
    clock.say("read from git");
    let manifests = parse(&files, &mut known);
    clock.say("parse");
    let (catalog, findings) = catalog::link(manifests);
    clock.say("link");
    let cache = folder.join("stages.cache");
    known.save(&cache, &files.files.values().map(|f| f.blob).collect())?;
    clock.say("save the cache");
    let mut known = Known::load(&cache).ok_or("no cache")?;
    clock.say("load the cache");
    let reading = reconcile::read(&origin, &mut known)?;
    clock.say("read, parse and link with it");
    let diagnostics = reconcile::diagnose(reading, None, now);
    clock.say("diagnose, every instant");

    let history = Ledger::read(&folder.join("ledger.jsonl"))?;
    clock.say("read the ledger");
    let mut directory = LdifDirectory::open(&folder.join("directory.ldif"))?;
    clock.say("open the LDIF");
    let rules = desired::expand::rules(&catalog);
    let anchor = operator.outer().adopt_by_anchor.clone();
    let only_read = BTreeSet::from(["employeeID".into()]);
    let wanted = rules.attributes.iter().chain(&only_read).cloned();
    let wanted = attributes(wanted.chain(anchor.clone()));
    let seen = collect(&mut directory, &wanted)?;
    clock.say("collect the directory");
    let limits = Limits::new(&seen.base, &rules, operator.outer())?;
    let mut problems = findings.problems;
    let timeline = request::Timeline::new(&catalog, &mut problems);
    clock.say("fold");
    let recorded = history.recorded();
    let claims = recorded.accounts.iter().map(|(user, account)| {
        let claim = Claim {
            recorded: Some(account.names()),
            ..Claim::default()
        };
        (user.clone(), claim)
    });
    let accounts = tie(
        &seen,
        &claims.collect(),
        &Rules {
            anchor: anchor.as_ref(),
            observed: &only_read,
            covers: &|dn| limits.covers(dn),
            mail: true,
        },
        (used(&recorded.names_used), &SeenAccounts::default()),
    );
    clock.say("tie");
    let (wanted, more) = desired::expand::expand(&catalog, &timeline, &accounts, now);
    let expanded = clock.say("expand");
    let observed = Observed {
        directory: Some(seen),
        rosters: BTreeMap::new(),
        ..Observed::default()
    };
    let plan = plan(&Inputs {
        desired: &wanted,
        observed: &observed,
        recorded,
        limits: Some(&limits),
        outer: operator.outer(),
        bootstrap: &Bootstrap::default(),
        revision: files.revision.as_deref(),
        policies: &reconcile::policies(&catalog),
        approval: "trust-branch",
        mode: DirectoryMode::Direct,
    });
    let compared = clock.say("compare");
    println!("{:8.3} desired state and diff", expanded + compared);
    println!(
        "{} findings, {} changes, {} tasks",
        diagnostics.len() + more.len() + problems.len(),
        plan.changes.len(),
        plan.tasks.len()
    );
    Ok(())
}

/// Tells how long it was since it last told.
struct Clock(Instant);

impl Clock {
    fn say(&mut self, stage: &str) -> f64 {
        let seconds = self.0.elapsed().as_secs_f64();
        println!("{seconds:8.3} {stage}");
        self.0 = Instant::now();
        seconds
    }
}
