//! `case.yaml` → what a case starts from, does before, and shows.

use super::files::{Files, files_of, yaml_of};
use countersign::connector::AttributeName;
use countersign::dn::Dn;
use countersign::manifest::config::Guards;
use countersign::name::ResourceName;
use countersign::plan::DirectoryMode;
use countersign::plan::limits::Outer;
use jiff::Timestamp;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A case.
pub struct Case {
    /// Its directory.
    pub folder: PathBuf,
    /// What its `case.yaml` says.
    pub settings: Settings,
}

/// What a `case.yaml` says.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Settings {
    /// What the case proves, in a sentence.
    #[allow(dead_code, reason = "for people")]
    pub proves: String,
    /// The rows of the product's table that it works end to end (`AT4`).
    #[serde(default)]
    pub rows: Vec<String>,
    /// The instant of the plan; left out: 1 February 2027, 8 o'clock.
    #[serde(default = "now")]
    pub now: Timestamp,
    /// Whether the cast's manifests lie below the case's.
    #[serde(default = "yes")]
    pub base: bool,
    /// Files of the cast that are left out.
    #[serde(default)]
    pub leave_out: Vec<String>,
    /// Files that are there a second time, under another name: the new name, and the old one.
    #[serde(default)]
    pub copies: BTreeMap<String, String>,
    /// Symbolic links, and where they lead.
    #[serde(default)]
    pub links: BTreeMap<String, String>,
    /// Files that a remark makes this long, in bytes.
    #[serde(default)]
    pub grown: BTreeMap<String, usize>,
    /// Whether the cast's manifests were applied before, and their tasks done.
    #[serde(default = "yes")]
    pub settled: bool,
    /// Whether there is a directory.
    #[serde(default = "yes")]
    pub directory: bool,
    /// What happened before the plan, in order.
    #[serde(default)]
    pub before: Vec<Before>,
    /// The manifests in force where the record starts (`manifests.1`); left out: nothing is assumed held.
    #[serde(default)]
    pub bootstrap: Option<String>,
    /// The manifests of the revision before, which these must not contradict (`validate --base`).
    #[serde(default)]
    pub follows: Option<String>,
    /// What the operator's file says.
    #[serde(default)]
    pub operator: OperatorSettings,
    /// The files of `expected/`; left out: the plan or, where there is none, the diagnostics.
    #[serde(default)]
    pub shows: Vec<String>,
    /// Codes, actions, tasks and guards the case is about.
    #[serde(default)]
    pub covers: BTreeSet<String>,
    /// Why the plan after the apply is not empty.
    #[serde(default)]
    pub remains: Option<String>,
}

/// Something that happened before the plan: exactly one of its fields.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Before {
    /// When; left out: at the instant of the plan.
    #[serde(default)]
    pub at: Option<Timestamp>,
    /// The manifests of this folder were applied.
    #[serde(default)]
    pub apply: Option<String>,
    /// The maintainers of this resource (or of `all`) said done.
    #[serde(default)]
    pub done: Option<String>,
    /// The entries of this file were put into the directory by hand.
    #[serde(default)]
    pub by_hand: Option<String>,
    /// This file became the export of its name (`timetrack-export.csv`), whose column `number` holds employee
    /// numbers; it was written then.
    #[serde(default)]
    pub export: Option<String>,
    /// The ledger was lost.
    #[serde(default)]
    pub ledger_lost: bool,
}

/// What the operator's file says.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OperatorSettings {
    /// Who writes the directory.
    #[serde(default)]
    pub mode: Option<DirectoryMode>,
    /// The attribute accounts may be adopted by.
    #[serde(default)]
    pub adopt_by_anchor: Option<String>,
    /// The outermost OUs.
    #[serde(default)]
    pub ous: Option<Vec<String>>,
    /// The outermost groups.
    #[serde(default)]
    pub groups: Option<Vec<String>>,
    /// The outermost attributes.
    #[serde(default)]
    pub attributes: Option<Vec<String>>,
    /// Domains that mails may go to.
    #[serde(default)]
    pub recipient_domains: Option<BTreeSet<String>>,
    /// How much one run may do.
    #[serde(default)]
    pub guards: Guards,
    /// Accounts that are never touched.
    #[serde(default)]
    pub protected: BTreeSet<String>,
}

impl OperatorSettings {
    /// The limits they set.
    pub fn outer(&self) -> Result<Outer, String> {
        let dn = |text: &String| Dn::parse(text).map_err(|e| format!("{text}: {e}"));
        let ous = self.ous.as_ref();
        Ok(Outer {
            ous: ous
                .map(|ous| ous.iter().map(dn).collect::<Result<_, _>>())
                .transpose()?,
            groups: self.groups.clone(),
            attributes: self.attributes.as_ref().map(|names| {
                names
                    .iter()
                    .map(|n| AttributeName::new(n.as_str()))
                    .collect()
            }),
            guards: self.guards,
            protected: self.protected.clone(),
            adopt_by_anchor: self
                .adopt_by_anchor
                .as_ref()
                .map(|n| AttributeName::new(n.as_str())),
            recipient_domains: self.recipient_domains.clone(),
        })
    }
}

fn yes() -> bool {
    true
}

fn now() -> Timestamp {
    "2027-02-01T13:00:00Z".parse().expect("an instant")
}

impl Case {
    /// Reads a `case.yaml`.
    pub fn read(file: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(file).map_err(|e| e.to_string())?;
        let settings = yaml_of(file, &text)?;
        let folder = file.parent().unwrap_or(Path::new(".")).to_owned();
        Ok(Self { folder, settings })
    }

    /// The cast's folder.
    pub fn cast(&self) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/_base")
    }

    /// The files of one of its folders of manifests, over the cast's.
    pub fn manifests(&self, folder: &str) -> Result<Files, String> {
        let mut files = match self.settings.base {
            true => self.cast_manifests()?,
            false => Files::new(),
        };
        files.retain(|path, _| !self.settings.leave_out.contains(path));
        let own = self.folder.join(folder);
        if own.exists() {
            files.extend(files_of(&own)?);
        }
        for (copy, of) in &self.settings.copies {
            let bytes = files.get(of).cloned().ok_or_else(|| format!("no {of}"))?;
            files.insert(copy.clone(), bytes);
        }
        for (name, length) in &self.settings.grown {
            let bytes = files.get_mut(name).ok_or_else(|| format!("no {name}"))?;
            bytes.push(b'#');
            bytes.resize(*length, b'x');
        }
        Ok(files)
    }

    /// The cast's manifests.
    pub fn cast_manifests(&self) -> Result<Files, String> {
        files_of(&self.cast().join("manifests"))
    }

    /// The text of one of its files, where it is there.
    pub fn text(&self, name: &str) -> Result<Option<String>, String> {
        let path = self.folder.join(name);
        match path.exists() {
            true => std::fs::read_to_string(path)
                .map(Some)
                .map_err(|e| format!("{name}: {e}")),
            false => Ok(None),
        }
    }

    /// Fails where something the case is about did not come up.
    pub fn covers(&self, covered: &BTreeSet<String>) -> Result<(), String> {
        let missing: Vec<&String> = self.settings.covers.difference(covered).collect();
        match missing.is_empty() {
            true => Ok(()),
            false => Err(format!(
                "the case covers {missing:?}, and only {covered:?} came up"
            )),
        }
    }
}

/// The name of the file a roster is kept in.
pub fn roster_file(resource: &ResourceName) -> String {
    format!("{resource}.csv")
}
