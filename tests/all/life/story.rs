//! `story.yaml` → a story: who and what there is at the start, and the steps.

use super::fault::Fault;
use super::files::yaml_of;
use countersign::name::{ResourceName, UserName};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A story.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Story {
    #[serde(skip)]
    pub folder: PathBuf,
    /// What it proves, in a sentence.
    #[allow(dead_code, reason = "for people")]
    pub proves: String,
    /// The rows of the product's table that it works.
    #[serde(default)]
    #[allow(dead_code, reason = "for people")]
    pub rows: Vec<String>,
    /// People nobody writes down one by one.
    #[serde(default)]
    pub crowd: Option<Crowd>,
    /// What happens, in order.
    pub steps: Vec<Step>,
}

/// People who are all alike; in the directory from the start, and adopted, unless something else is said.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Crowd {
    /// How many.
    pub people: usize,
    /// How many on a real domain controller; left out: as many.
    #[serde(default)]
    pub on_a_domain_controller: Option<usize>,
    /// Whether they are nobody's here: in the directory and its group `APP-GIS-View`, and in no manifest.
    #[serde(default)]
    pub foreign: bool,
    /// The step they are hired in; left out: they are there.
    #[serde(default)]
    pub hired: Option<String>,
}

/// A step: a commit, and a run on it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Step {
    /// Its name; the folder of that name, where there is one, holds the manifests that are new or other.
    pub name: String,
    /// When the run begins: `2027-02-05T17:00`, in the city's time.
    pub at: String,
    /// Manifests that are taken out.
    #[serde(default)]
    pub removes: Vec<String>,
    /// What people did in the directory before.
    #[serde(default)]
    pub by_hand: Vec<Hand>,
    /// Which identity people are from the next log-on on.
    #[serde(default)]
    pub selects: Vec<Selects>,
    /// The application whose row-level security is shown.
    #[serde(default)]
    pub exports: Option<ResourceName>,
    /// What people did in the directory between plan and apply.
    #[serde(default)]
    pub meanwhile: Vec<Hand>,
    /// What goes wrong.
    #[serde(default)]
    pub fault: Option<Trouble>,
    /// How the run ends; left out: well, and nothing is left to do.
    #[serde(default)]
    pub exit: i32,
    /// Whose maintainers say done afterwards: a resource's, or `all`.
    #[serde(default)]
    pub done: Option<String>,
}

/// Somebody selects an identity.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Selects {
    pub user: UserName,
    pub application: ResourceName,
    /// Its alias.
    pub identity: String,
}

/// Something a person does in the directory.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Hand {
    /// The entry's DN.
    pub at: String,
    /// The entry is new, of this class.
    #[serde(default)]
    pub new: Option<String>,
    /// Attributes that get these values instead of all they had.
    #[serde(default)]
    pub set: BTreeMap<String, Vec<String>>,
    /// Values that are added.
    #[serde(default)]
    pub add: BTreeMap<String, Vec<String>>,
    /// Values that are taken away.
    #[serde(default)]
    pub take: BTreeMap<String, Vec<String>>,
    /// The DN it has from now on.
    #[serde(default)]
    pub to: Option<String>,
    /// Its owner has chosen a password of their own.
    #[serde(default)]
    pub own_password: bool,
}

/// What goes wrong in a run: exactly one of these, at which effect (the first is 1).
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Trouble {
    /// It is written, and the program dies before it records anything.
    #[serde(default)]
    pub died: Option<usize>,
    /// It is not written.
    #[serde(default)]
    pub refused: Option<usize>,
    /// It is written, and the answer is lost.
    #[serde(default)]
    pub lost_reply: Option<usize>,
    /// Somebody asks the run to stop after so many changes.
    #[serde(default)]
    pub stopped: Option<usize>,
}

impl Trouble {
    pub fn fault(self) -> Option<Fault> {
        let Self {
            died,
            refused,
            lost_reply,
            stopped,
        } = self;
        let died = died.map(Fault::Died);
        let refused = refused.map(Fault::Refused);
        let lost_reply = lost_reply.map(Fault::LostReply);
        died.or(refused)
            .or(lost_reply)
            .or(stopped.map(Fault::Stopped))
    }
}

impl Story {
    /// Reads a story's folder.
    pub fn read(folder: &Path) -> Result<Self, String> {
        let file = folder.join("story.yaml");
        let text =
            std::fs::read_to_string(&file).map_err(|e| format!("{}: {e}", file.display()))?;
        let mut story: Self = yaml_of(&file, &text)?;
        story.folder = folder.to_owned();
        Ok(story)
    }
}
