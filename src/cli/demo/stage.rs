//! The demo's stage: the embedded example, an LDIF directory, an outbox, and a clock that stands still.

use crate::apply::{Connections, Stop};
use crate::approval::{Evidence, Proof, bind};
use crate::author;
use crate::cli::workbench::STATE;
use crate::connector::Transport;
use crate::connector::active_directory::ldif::LdifDirectory;
use crate::ledger::Ledger;
use crate::manifest::parse::Known;
use crate::operator::Operator;
use crate::plan::{Bootstrap, DirectoryMode, Plan};
use crate::reconcile::run::{Means, carry_out};
use crate::reconcile::{self, Situation, World, world};
use crate::report;
use crate::report::plan::{Format, Styling};
use crate::source::Origin;
use crate::source::commit::{Author, Writer};
use anyhow::{Context as _, bail};
use include_dir::{Dir, DirEntry, include_dir};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

static EXAMPLE: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/examples/bloomington");
const REQUEST: &str = include_str!("new-hire.yaml");
const REQUEST_FILE: &str = "requests/2026-11-20-new-hire-alexander.christopherson.yaml";

/// The instant at which the demo plays: 23 November 2026, 9 in the morning in Bloomington.
const NOW: &str = "2026-11-23T14:00:00Z";

pub(super) struct Stage {
    folder: PathBuf,
    operator: Operator,
    now: Timestamp,
    git: Writer,
    act: u32,
}

struct NoStop;

impl Stop for NoStop {
    fn asked(&self) -> bool {
        false
    }
}

impl Stage {
    /// Writes the example and makes it a git repository.
    pub fn set(folder: &Path) -> Result<Self, anyhow::Error> {
        let now: Timestamp = NOW.parse()?;
        let cannot = || format!("cannot write {}", folder.display());
        std::fs::create_dir_all(folder).with_context(cannot)?;
        write_example(&EXAMPLE, folder).with_context(cannot)?;
        author::schemas::begin(folder).with_context(cannot)?;
        author::file(folder, ".gitignore", author::GITIGNORE.as_bytes()).with_context(cannot)?;
        let state = folder.join(STATE);
        std::fs::create_dir_all(state.join("outbox")).with_context(cannot)?;
        std::fs::rename(folder.join("directory.ldif"), state.join("directory.ldif"))
            .with_context(cannot)?;
        let git = Writer::init(folder)?;
        let operator = Operator::embedded(Path::new(STATE), &std::path::absolute(folder)?);
        Ok(Self {
            folder: folder.to_owned(),
            operator,
            now,
            git,
            act: 0,
        })
    }

    pub fn heading(&mut self, text: &str) {
        self.act += 1;
        anstream::println!("\n== {}. {text}\n", self.act);
    }

    /// The first commit: everybody who works there today.
    pub fn repository(&self) -> Result<(), anyhow::Error> {
        let by = author("Dana Reyes", "dana.reyes@city.example", self.now, -96);
        let commit = self.git.commit("The city as it is today", &by)?;
        let reading = self.read()?;
        let catalog = &reading.catalog;
        anstream::println!(
            "{} manifests: {} organizations, {} profiles, {} resources, {} users (commit {})",
            reading.manifests,
            catalog.organizations.len(),
            catalog.profiles.len(),
            catalog.resources.len(),
            catalog.users.len(),
            &commit[..10],
        );
        Ok(())
    }

    fn read(&self) -> Result<reconcile::Reading, anyhow::Error> {
        let origin = Origin::Revision {
            folder: self.folder.clone(),
            revision: "HEAD".to_owned(),
        };
        Ok(reconcile::read(&origin, &mut Known::default())?)
    }

    pub fn validate(&self) -> Result<(), anyhow::Error> {
        let reading = self.read()?;
        let files = reading.source.files.clone();
        let count = reading.manifests;
        let diagnostics = reconcile::diagnose(reading, None, self.now);
        let text = |path: &str| Some(String::from_utf8_lossy(&files.get(path)?.bytes()?).into());
        let format = report::diagnostics::Format::Human;
        anstream::print!(
            "{}",
            report::diagnostics::render(&diagnostics, count, &text, format)
        );
        Ok(())
    }

    /// Prints the plan of now; whether there is nothing in it.
    pub fn plan(&self) -> Result<bool, anyhow::Error> {
        let history = Ledger::read(&self.operator.ledger)?;
        let (plan, ..) = self.planned(&history)?;
        anstream::print!(
            "{}",
            report::plan::render(&plan, Format::Human, Styling::Ansi)
        );
        Ok(plan.is_empty())
    }

    fn planned(
        &self,
        history: &crate::ledger::History,
    ) -> Result<(Plan, Situation, LdifDirectory), anyhow::Error> {
        let mut reading = self.read()?;
        let mut directory = LdifDirectory::open(&self.folder.join(STATE).join("directory.ldif"))?;
        let rosters = BTreeMap::new();
        let mut world = World {
            directory: Some(&mut directory),
            mode: DirectoryMode::Direct,
            rosters: &rosters,
            outer: self.operator.outer(),
            recorded: history.recorded(),
        };
        let situation = reconcile::situation(&mut reading, &mut world, self.now)?;
        let bootstrap = match history.last_run() {
            Some(_) => Bootstrap::default(),
            None => reconcile::bootstrap(
                &self.folder,
                "HEAD",
                &situation,
                self.now,
                &mut Known::default(),
            )?,
        };
        let approval = Evidence::TrustBranch.as_str();
        let plan = reconcile::make_plan(&situation, &world, &reading, &bootstrap, approval);
        Ok((plan, situation, directory))
    }

    pub fn apply(&self) -> Result<(), anyhow::Error> {
        let mut ledger = Ledger::open(&self.operator.ledger)?;
        let (plan, situation, mut directory) = self.planned(ledger.history())?;
        let approved = match bind(plan, Proof::TrustBranch) {
            Ok(approved) => approved,
            Err(refusals) => bail!("refused: {refusals:?}"),
        };
        let rules = &situation.desired.rules;
        let mut mailer = world::mailer(&self.operator, &rules.organization)?;
        let sender = mailer.sender.clone();
        let rosters = BTreeMap::new();
        let mut means = Means {
            connections: Connections {
                directory: Some(&mut directory as &mut dyn Transport),
                rosters: &rosters,
            },
            post: &mut mailer,
            sender: &sender,
            hand_over: &self.operator.hand_over,
            letters: &self.operator.letters(),
            desired: &situation.desired,
            directory: ("Active Directory", &[]),
            closing: &|_, _| Vec::new(),
            clock: &|| self.now,
            stop: &NoStop,
        };
        let outcomes = carry_out(&approved, &mut means, &mut ledger)?;
        anstream::print!("{}", report::outcome::human(approved.plan(), &outcomes));
        Ok(())
    }

    /// The new hire: written, reviewed, merged.
    pub fn request(&self) -> Result<(), anyhow::Error> {
        author::file(&self.folder, REQUEST_FILE, REQUEST.as_bytes())?;
        for line in REQUEST.lines().skip(1) {
            anstream::println!("  {line}");
        }
        let by = author("Noor Haddad", "noor.haddad@city.example", self.now, -48);
        let merger = author("Dana Reyes", "dana.reyes@city.example", self.now, -24);
        let (_, merged) = self.git.merge(
            "New hire: Alexander Christopherson, GIS Analyst",
            &by,
            "Merge: new hire Alexander Christopherson",
            &merger,
        )?;
        anstream::println!(
            "\nDana Reyes, an administrator, reviews and merges it (commit {}).",
            &merged[..10]
        );
        Ok(())
    }

    pub fn closing(&self) {
        let folder = self.folder.display();
        anstream::println!(
            "\n== That was it\n\n\
             The repository is {folder}; the directory, the ledger and the mails are below {folder}/{STATE}.\n\
             Three commands to try next:\n\n  \
             countersign -C {folder} explain alexander.christopherson\n  \
             countersign -C {folder} task list\n  \
             countersign -C {folder} explain-code unknown-reference\n"
        );
    }
}

fn author<'a>(name: &'a str, mail: &'a str, now: Timestamp, hours: i64) -> Author<'a> {
    let at = Timestamp::from_second(now.as_second() + hours * 3600).unwrap_or(now);
    Author { name, mail, at }
}

/// Writes the example; the schemas its first lines name stand beside it, not in the project.
fn write_example(dir: &Dir<'_>, folder: &Path) -> std::io::Result<()> {
    for entry in dir.entries() {
        match entry {
            DirEntry::Dir(dir) => write_example(dir, folder)?,
            DirEntry::File(file) => {
                let name = file.path().to_string_lossy();
                let text = match file.contents_utf8() {
                    Some(text) if name.ends_with(".yaml") => text
                        .replace("../../../schema/", &format!("../{}/", author::SCHEMAS))
                        .replace("../../schema/", &format!("{}/", author::SCHEMAS))
                        .into_bytes(),
                    _ => file.contents().to_vec(),
                };
                author::file(folder, &name, &text)?;
            }
        }
    }
    Ok(())
}
