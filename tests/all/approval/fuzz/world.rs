//! A small town as a value, what can be changed in it, and the files that say it.

use super::super::{ADMINISTRATOR, CONFIG, RESOURCES, user};
use crate::policy::Dice;
use std::collections::{BTreeMap, BTreeSet};

/// Who there is; the first three administer at the beginning.
pub const PEOPLE: [&str; 6] = ["ada", "ben", "cleo", "sam", "kim", "lou"];

/// How much of the maps somebody may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Viewer,
    Editor,
}

impl Level {
    fn word(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Editor => "editor",
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Someone {
    pub administers: bool,
    pub level: Option<Level>,
    pub is_clerk: bool,
    pub login: u32,
    pub title: u32,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    pub by: &'static str,
    pub subject: &'static str,
    pub level: Level,
}

/// The town.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct World {
    pub people: BTreeMap<&'static str, Someone>,
    pub requests: BTreeMap<String, Asked>,
    pub config: u32,
    pub readme: u32,
    /// What every clerk may.
    pub clerks: Option<Level>,
}

impl World {
    pub fn first() -> Self {
        let person = |name: &&'static str| {
            let administers = ["ada", "ben", "cleo"].contains(name);
            let someone = Someone {
                administers,
                is_clerk: ["ben", "lou"].contains(name),
                ..Someone::default()
            };
            (*name, someone)
        };
        Self {
            people: PEOPLE.iter().map(person).collect(),
            ..Self::default()
        }
    }

    /// What of the maps somebody may, however they come to it.
    pub fn holds(&self, name: &str) -> BTreeSet<Level> {
        let Some(someone) = self.people.get(name) else {
            return BTreeSet::new();
        };
        let asked = self.requests.values().filter(|r| r.subject == name);
        let asked = asked.map(|r| r.level);
        let clerk = self.clerks.filter(|_| someone.is_clerk);
        asked.chain(someone.level).chain(clerk).collect()
    }

    /// Somebody changes something.
    pub fn change(&mut self, dice: &mut Dice, opener: &'static str) {
        let who = *dice.one(&PEOPLE);
        let level = *dice.one(&[Level::Viewer, Level::Editor]);
        let there: Vec<String> = self.requests.keys().cloned().collect();
        let someone = self.people.get_mut(who).unwrap();
        match dice.below(14) {
            0 => someone.level = Some(level),
            1 => someone.level = None,
            2 => someone.administers = !someone.administers,
            3 => someone.login += 1,
            4 => someone.title += 1,
            5 => someone.is_clerk = !someone.is_clerk,
            6 => self.config += 1,
            7 => self.clerks = *dice.one(&[None, Some(Level::Viewer), Some(Level::Editor)]),
            8 => self.readme += 1,
            9 if !there.is_empty() => {
                self.requests.remove(dice.one(&there));
            }
            10 | 11 if !there.is_empty() => {
                let asked = self.requests.get_mut(dice.one(&there)).unwrap();
                match dice.below(6) {
                    0 => asked.by = who,
                    1 => asked.subject = who,
                    _ => asked.level = level,
                }
            }
            _ => {
                let by = if dice.chance(80) { opener } else { who };
                let subject = *dice.one(&PEOPLE);
                // A name that was taken once is not taken again: that request would be the old one.
                let number = dice.below(1_000_000);
                let asked = Asked { by, subject, level };
                self.requests.insert(format!("r{number}"), asked);
            }
        }
    }

    /// What stands in the repository.
    pub fn files(&self) -> BTreeMap<String, String> {
        let mut files = BTreeMap::new();
        let config = CONFIG.replace("The town", &format!("The town {}", self.config));
        files.insert("countersign.yaml".into(), config);
        files.insert("resources.yaml".into(), RESOURCES.into());
        files.insert("README.md".into(), format!("The town {}\n", self.readme));
        files.insert(
            "organizations/town.yaml".into(),
            "apiVersion: countersign/v1\nkind: Organization\nmetadata: {name: town}\nspec:\n  type: employer\n  ou: [Departments]\n".into(),
        );
        let access = match self.clerks {
            Some(level) => format!("{{resource: maps, level: {}}}", level.word()),
            None => String::new(),
        };
        files.insert(
            "profiles/clerk.yaml".into(),
            format!("apiVersion: countersign/v1\nkind: Profile\nmetadata: {{name: clerk}}\nspec:\n  access: [{access}]\n"),
        );
        for (name, someone) in &self.people {
            let mut more = format!("  title: Number {}\n", someone.title);
            if someone.is_clerk {
                more.push_str("  profiles: [clerk]\n");
            }
            let maps = someone
                .level
                .map(|level| format!("    - {{resource: maps, level: {}}}\n", level.word()));
            match someone.administers {
                true => more.push_str(ADMINISTRATOR),
                false if maps.is_some() => more.push_str("  access:\n"),
                false => {}
            }
            more.push_str(&maps.unwrap_or_default());
            more.push_str(&format!(
                "  credentials:\n    forgeLogins: {{github: {name}-{}}}\n",
                someone.login
            ));
            files.insert(format!("users/{name}.yaml"), user(name, &[], &more));
        }
        for (name, asked) in &self.requests {
            let Asked { by, subject, level } = asked;
            let text = super::super::request(by, subject, level.word());
            let text = text.replace(&format!("name: maps-{subject}"), &format!("name: {name}"));
            // What is to come may still be edited and taken out.
            let text = text.replace("effective: 2020-01-01", "effective: 2099-01-01");
            files.insert(format!("requests/{name}.yaml"), text);
        }
        files
    }
}
