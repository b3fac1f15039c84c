//! Whether a pull request may be taken for approved, worked out a second time from the rules in words:
//! nobody approves for themselves, who controls what needs two, what is not what was reviewed needs
//! what nobody here can give.

use super::world::World;
use std::collections::{BTreeMap, BTreeSet};

/// A pull request, as everybody sees it.
#[derive(Clone, Debug)]
pub struct Pull {
    /// The town before.
    pub before: World,
    /// The town after each commit, and who is said to have written that; none: nobody here.
    pub steps: Vec<(World, Option<&'static str>)>,
    /// Who opened it; none: nobody here.
    pub opener: Option<&'static str>,
    /// Who approved its last commit.
    pub approvers: BTreeSet<&'static str>,
    /// Whether what became of it is what was reviewed.
    pub is_what_was_reviewed: bool,
}

impl Pull {
    pub fn after(&self) -> &World {
        &self.steps.last().unwrap().0
    }

    /// Whether it is approved; else why not.
    pub fn verdict(&self) -> Result<(), String> {
        let opener = self.opener.ok_or("nobody here opened it")?;
        if !self.is_what_was_reviewed {
            return Err("it is not what was reviewed".into());
        }
        let (before, after) = (&self.before, self.after());
        let mut barred: BTreeSet<&str> = BTreeSet::from([opener]);
        let mut edits: Vec<(&str, String)> = Vec::new();
        // Who asks for what, as far as it was told when a commit was written.
        let mut asked: BTreeMap<&String, &str> = BTreeMap::new();
        asked.extend(before.requests.iter().map(|(name, r)| (name, r.by)));
        let mut last: BTreeMap<&str, &World> = BTreeMap::new();
        let mut brought: BTreeMap<&String, &World> = BTreeMap::new();
        let mut was = before;
        for (is, said) in &self.steps {
            let writer = said.unwrap_or(opener);
            let names: BTreeSet<&String> = was.requests.keys().chain(is.requests.keys()).collect();
            let differ = names
                .into_iter()
                .filter(|name| was.requests.get(*name) != is.requests.get(*name));
            let differ: Vec<&String> = differ.collect();
            let same_but_requests = World {
                requests: was.requests.clone(),
                ..is.clone()
            } == *was;
            // An edit leaves it where it is, and it stays the same person's wish for the same person.
            let of_others = differ.iter().all(|name| {
                let by = asked.get(name);
                let whose = |world: &World| world.requests.get(*name).map(|r| (r.by, r.subject));
                let stays = whose(is).is_some() && whose(is) == whose(was);
                stays && by.is_some_and(|by| *by != writer)
            });
            match same_but_requests && !differ.is_empty() && of_others {
                true => edits.extend(differ.iter().map(|name| (writer, (*name).clone()))),
                false => {
                    barred.insert(writer);
                }
            }
            last.insert(writer, is);
            for name in differ {
                let Some(now) = is.requests.get(name) else {
                    asked.remove(name);
                    continue;
                };
                if asked.get(name) != Some(&now.by) {
                    asked.insert(name, now.by);
                    brought.insert(name, is);
                }
            }
            was = is;
        }
        // A request is brought by whoever asks for it.
        for name in brought.keys() {
            if let Some(request) = after.requests.get(*name)
                && before.requests.get(*name) != Some(request)
                && request.by != opener
            {
                return Err(format!("{name} says that {} asks for it", request.by));
            }
        }
        for (name, someone) in &after.people {
            let old = &before.people[name];
            let gains = !after.holds(name).is_subset(&before.holds(name));
            if old != someone || gains {
                barred.insert(name);
            }
        }
        let names: BTreeSet<&String> = before
            .requests
            .keys()
            .chain(after.requests.keys())
            .collect();
        for name in names {
            let (old, new) = (before.requests.get(name), after.requests.get(name));
            if old != new {
                let both = old.into_iter().chain(new);
                barred.extend(both.flat_map(|request| [request.by, request.subject]));
            }
        }
        let controls = |old: &World, new: &World| {
            let people = old.people.iter().zip(&new.people);
            old.config != new.config
                || people.into_iter().any(|((_, old), (_, new))| {
                    old.administers != new.administers || old.login != new.login
                })
        };
        let mut needed = match controls(before, after) {
            true => 2,
            false => 1,
        };
        for (_, name) in &edits {
            let Some(by) = asked.get(name) else {
                continue;
            };
            let since = last.get(by).or(brought.get(name)).copied();
            let since = since.unwrap_or(before);
            let Some(request) = since.requests.get(name) else {
                needed = 2;
                continue;
            };
            let mut as_asked = after.clone();
            as_asked.requests.insert(name.clone(), request.clone());
            let mut people = after.people.keys();
            if people.any(|who| !after.holds(who).is_subset(&as_asked.holds(who))) {
                needed = 2;
            }
        }
        // Whoever edits a change of who controls what does not approve it.
        if controls(before, after) {
            barred.extend(edits.iter().map(|(editor, _)| *editor));
        }
        let counted = self.approvers.iter().filter(|who| {
            before.people.get(*who).is_some_and(|p| p.administers) && !barred.contains(*who)
        });
        match counted.count() >= needed {
            true => Ok(()),
            false => Err(format!("too few of {needed}")),
        }
    }
}
