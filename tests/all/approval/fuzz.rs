//! Random pull requests by random people, merged in random ways: no panic, and none is approved that a
//! second reading of the rules does not approve.
//!
//! The commits, merges and trees are git's; nobody signs, and the reviews are told by a forge that
//! can tell anything. `COUNTERSIGN_TEST_PULLS` says how many pull requests, `COUNTERSIGN_TEST_SEED` which.

mod oracle;
mod world;

use crate::policy::Dice;
use countersign::approval::line::{Means, propose, verify};
use countersign::approval::requirement::Approver;
use countersign::approval::reviews::{Found, Reviewed, Reviews};
use countersign::catalog::Catalog;
use countersign::name::UserName;
use countersign::reconcile::verified::{Linker, Memory};
use countersign::source::objects::Objects;
use git2::{ErrorCode, FileMode, Oid, Repository, Signature};
use jiff::Timestamp;
use oracle::Pull;
use rayon::prelude::*;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use world::{PEOPLE, World};

/// Pull requests of one repository.
const EACH: usize = 50;

/// How many there are, where nobody says.
const PULLS: usize = 500;

/// How a pull request gets onto the branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    Merge,
    Squash,
    /// A merge, and something else that nobody reviewed.
    EvilMerge,
    EvilSquash,
    /// Its commits, one after the other.
    Rebase,
    /// The merge of a head that has more than what was reviewed.
    MoreThanReviewed,
    /// Nobody tells of a pull request.
    Untold,
}

const WAYS: [Way; 10] = [
    Way::Merge,
    Way::Merge,
    Way::Squash,
    Way::Squash,
    Way::Squash,
    Way::EvilMerge,
    Way::EvilSquash,
    Way::Rebase,
    Way::MoreThanReviewed,
    Way::Untold,
];

/// A forge that tells what it was told to.
#[derive(Default)]
struct Told(RefCell<BTreeMap<String, Reviewed>>);

impl Told {
    fn found(&self, commit: &str) -> Found {
        match self.0.borrow().get(commit) {
            Some(reviewed) => Found::PullRequest(reviewed.clone()),
            None => Found::Nothing("nobody knows of it".into()),
        }
    }
}

impl Reviews for Told {
    fn merged(&self, commit: &str, _: &Catalog) -> Result<Found, String> {
        Ok(self.found(commit))
    }

    fn open(&self, head: &str, _: &Catalog) -> Result<Found, String> {
        Ok(self.found(head))
    }
}

/// Writes commits.
struct Pen {
    repository: Repository,
    /// Blobs that were written, by their text.
    written: RefCell<BTreeMap<String, Oid>>,
}

impl Pen {
    fn tree(&self, world: &World) -> Oid {
        let mut folders: BTreeMap<&str, Vec<(&str, Oid)>> = BTreeMap::new();
        let files = world.files();
        for (path, text) in &files {
            let mut written = self.written.borrow_mut();
            let blob = *written
                .entry(text.clone())
                .or_insert_with(|| self.repository.blob(text.as_bytes()).unwrap());
            let (folder, name) = path.split_once('/').unwrap_or(("", path));
            folders.entry(folder).or_default().push((name, blob));
        }
        let built = |entries: &[(&str, Oid)], folders: &[(&str, Oid)]| {
            let mut builder = self.repository.treebuilder(None).unwrap();
            for (name, id) in entries {
                builder.insert(name, *id, FileMode::Blob.into()).unwrap();
            }
            for (name, id) in folders {
                builder.insert(name, *id, FileMode::Tree.into()).unwrap();
            }
            builder.write().unwrap()
        };
        let root = folders.remove("").unwrap();
        let below: Vec<(&str, Oid)> = folders
            .iter()
            .map(|(name, entries)| (*name, built(entries, &[])))
            .collect();
        built(&root, &below)
    }

    fn commit(&self, world: &World, parents: &[&str], message: &str) -> String {
        let who = Signature::new("Anybody", "anybody@town.example", &git2::Time::new(0, 0));
        let who = who.unwrap();
        let tree = self.repository.find_tree(self.tree(world)).unwrap();
        let find = |id: &&str| {
            let id = Oid::from_str(id).unwrap();
            self.repository.find_commit(id).unwrap()
        };
        let parents: Vec<_> = parents.iter().map(find).collect();
        let parents: Vec<_> = parents.iter().collect();
        let made = self
            .repository
            .commit(None, &who, &who, message, &tree, &parents);
        match made {
            Ok(id) => id.to_string(),
            Err(error) => panic!("{error} ({:?})", error.code() == ErrorCode::Exists),
        }
    }
}

/// What became of one, for the count at the end.
type Counts = BTreeMap<(Way, bool), usize>;

fn name(text: &str) -> UserName {
    UserName::new(text).unwrap()
}

/// Some of the people, mostly administrators.
fn some(dice: &mut Dice) -> BTreeSet<&'static str> {
    let mut some = BTreeSet::new();
    for who in PEOPLE {
        if dice.chance(45) {
            some.insert(who);
        }
    }
    some
}

/// One repository, in which pull requests come one after the other.
fn repository(stream: u64) -> Counts {
    let mut dice = Dice::new(stream);
    let folder = tempfile::tempdir().unwrap();
    let pen = Pen {
        repository: Repository::init(folder.path()).unwrap(),
        written: RefCell::default(),
    };
    let mut town = World::first();
    let mut tip = pen.commit(&town, &[], "Everybody");
    let objects = Objects::open(folder.path()).unwrap();
    let now = Timestamp::now();
    let linker = Linker::new(Memory::default(), now);
    let told = Told::default();
    let means = Means {
        objects: &objects,
        link: &linker,
        reviews: Some(&told),
        now,
        seen: &|_| None,
    };
    let mut counts = Counts::new();
    for number in 0..EACH {
        let opener = *dice.one(&PEOPLE);
        let known = !dice.chance(5);
        let mut world = town.clone();
        let mut steps = Vec::new();
        let mut heads = vec![tip.clone()];
        let mut writers = BTreeMap::new();
        for _ in 0..=dice.below(3) {
            for _ in 0..=dice.below(2) {
                world.change(&mut dice, opener);
            }
            let id = pen.commit(&world, &[heads.last().unwrap()], &format!("{number}"));
            let writer = match dice.below(10) {
                0..=5 => Some(opener),
                6..=8 => Some(*dice.one(&PEOPLE)),
                _ => None,
            };
            if let Some(writer) = writer {
                writers.insert(id.clone(), name(writer));
            }
            steps.push((world.clone(), writer));
            heads.push(id);
        }
        let head = heads.last().unwrap().clone();
        let way = *dice.one(&WAYS);
        let mut altered = world.clone();
        while altered == world {
            altered.change(&mut dice, opener);
        }
        let merge = match way {
            Way::Merge | Way::Untold => pen.commit(&world, &[&tip, &head], "Merge"),
            Way::Squash => pen.commit(&world, &[&tip], "Squash"),
            Way::EvilMerge => pen.commit(&altered, &[&tip, &head], "Merge"),
            Way::EvilSquash => pen.commit(&altered, &[&tip], "Squash"),
            Way::Rebase => {
                let mut last = tip.clone();
                for (world, _) in &steps {
                    last = pen.commit(world, &[&last], "Rebased");
                }
                last
            }
            Way::MoreThanReviewed => {
                let more = pen.commit(&altered, &[&head], "More");
                pen.commit(&altered, &[&tip, &more], "Merge")
            }
        };
        let approvers = some(&mut dice);
        let approver = |user: &&str| Approver {
            user: name(user),
            how: "approved #1".into(),
        };
        let reviewed = Reviewed {
            name: "#1".into(),
            head: head.clone(),
            author: match known {
                true => Ok(name(opener)),
                false => Err("ghost".into()),
            },
            writers,
            approvers: approvers.iter().map(approver).collect(),
            remarks: Vec::new(),
        };
        told.0.borrow_mut().clear();
        if way != Way::Untold {
            let both = [merge.clone(), head.clone()];
            let both = both.map(|commit| (commit, reviewed.clone()));
            told.0.borrow_mut().extend(both);
        }
        let pull = Pull {
            before: town.clone(),
            is_what_was_reviewed: match way {
                Way::Merge | Way::Squash => true,
                Way::Rebase => steps.len() == 1,
                Way::EvilMerge | Way::EvilSquash | Way::MoreThanReviewed | Way::Untold => false,
            },
            steps,
            opener: Some(opener).filter(|_| known),
            approvers,
        };
        let verified = verify(&means, &tip, "the one before", &merge).unwrap();
        let approved = verified.verified == merge;
        let expected = pull.verdict();
        assert_eq!(
            approved,
            expected.is_ok(),
            "stream {stream}, number {number}, {way:?}: {expected:?}\n{pull:#?}\n{:#?}",
            verified.judged
        );
        *counts.entry((way, approved)).or_default() += 1;
        // Before the merge it is the same, whatever becomes of it later.
        if way != Way::Untold && dice.chance(25) {
            let proposed = propose(&means, &tip, &head).unwrap();
            let pull = Pull {
                is_what_was_reviewed: true,
                ..pull.clone()
            };
            let expected = pull.verdict();
            assert_eq!(
                proposed.judged.approved,
                expected.is_ok(),
                "stream {stream}, number {number}, before the merge: {expected:?}\n{pull:#?}\n{:#?}",
                proposed.judged
            );
        }
        if approved && verified.stalled.is_none() {
            tip = merge;
            town = pull.after().clone();
        }
    }
    counts
}

#[test]
fn no_random_pull_request_is_approved_that_the_rules_do_not_approve() {
    let said = std::env::var("COUNTERSIGN_TEST_PULLS").ok();
    let pulls = said.and_then(|said| said.parse().ok()).unwrap_or(PULLS);
    let streams = (pulls / EACH).max(1) as u64;
    let counts: Vec<Counts> = (0..streams).into_par_iter().map(repository).collect();
    let mut all = Counts::new();
    for (key, count) in counts.into_iter().flatten() {
        *all.entry(key).or_default() += count;
    }
    eprintln!("{all:?}");
    let of = |way, approved| all.get(&(way, approved)).copied().unwrap_or_default();
    // Both sorts were met, or this would show nothing.
    for way in [Way::Merge, Way::Squash] {
        assert!(of(way, true) > 10 && of(way, false) > 10, "{all:?}");
    }
    for way in [
        Way::EvilMerge,
        Way::EvilSquash,
        Way::MoreThanReviewed,
        Way::Untold,
    ] {
        assert!(of(way, true) == 0 && of(way, false) > 10, "{all:?}");
    }
}
