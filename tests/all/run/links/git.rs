//! The links to the remotes of git: the access repository that is fetched, the ledger's branch that is fetched and
//! pushed.
//!
//! Git's own daemon serves them, without encryption; the operator's file names `https`, as it must, and git is told to
//! go another way.

use super::super::place::Place;
use super::{Figures, Town, beside_a_twin, breaks};
use crate::bed::{Access, End, Link, Talk, json};
use std::collections::BTreeSet;
use std::fs;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

/// Serves the repositories of a folder to whoever connects, until the test ends.
fn serve(folder: &Path) -> Link {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = listener.local_addr().unwrap();
    let folder = folder.to_owned();
    thread::spawn(move || {
        for client in listener.incoming() {
            let client = OwnedFd::from(client.unwrap());
            let daemon = Command::new("git")
                .args(["daemon", "--inetd", "--export-all", "--enable=receive-pack"])
                .arg(format!("--base-path={}", folder.display()))
                .arg(&folder)
                .stdin(Stdio::from(client.try_clone().unwrap()))
                .stdout(Stdio::from(client))
                .stderr(Stdio::null())
                .spawn();
            let mut daemon = daemon.unwrap();
            thread::spawn(move || daemon.wait());
        }
    });
    Link::before(server)
}

/// Has git reach a server over a link.
fn lead(access: &Access, server: &str, link: &Link) {
    let home = access.repository().with_file_name(".gitconfig");
    let port = link.address.port();
    let way = format!("[url \"git://127.0.0.1:{port}/\"]\n\tinsteadOf = https://{server}/\n");
    fs::write(home, way).unwrap();
}

/// The turns that break: what is asked for or sent, and what is said to that; the first time also what comes first.
fn turns(connection: usize, talk: &Talk) -> Vec<usize> {
    // A last request of some bytes is the farewell.
    let last = talk.iter().rposition(|said| said.by == End::Server);
    let last = last.unwrap();
    match connection {
        0 => vec![0, last - 1, last],
        _ => vec![last - 1, last],
    }
}

#[test]
fn whatever_breaks_while_the_access_repository_is_fetched_nothing_wrong_comes_about() {
    let mut town = Town::of(Place::fake());
    let link = serve(town.access().repository().parent().unwrap());
    lead(town.access(), "git.example", &link);
    let direct = format!("url: {}", town.access().repository().display());
    town.place
        .operated(&direct, "url: \"https://git.example/access\", timeout: 60s");
    // Without what is new there is nothing to approve it by either.
    town.place
        .operated("module: signed-merge", "module: trust-branch");
    town.happens();
    town.run("");
    assert_eq!(town.told(), 0);
    let before = link.connections();
    town.happens();
    town.run("");
    assert_eq!(town.told(), 0);
    let talks = link.talks(before);
    let (mut figures, mut unfetched) = (Figures::default(), 0);
    beside_a_twin(&mut town, 2, &breaks(&talks, turns), |town, fault| {
        let limits = ("timeout: 60s", "timeout: 1s");
        let written = town.place.operations();
        let twice = figures.meet(town, &link, fault, limits, |town, ran| {
            // What was not fetched changes nothing; what was is done whole.
            if !town.has_fetched() {
                assert!(ran.err.contains("was not fetched"), "{}", ran.err);
                assert_eq!(town.place.operations(), written, "{fault:?}");
                unfetched += 1;
            }
        });
        assert_eq!(twice, 0, "{fault:?}");
    });
    assert!(unfetched > 0);
    figures.tell("a link to the access repository", &town);
    println!("{unfetched} passes without what was new, and without a write");
}

#[test]
fn whatever_breaks_on_the_way_to_the_ledger_nothing_comes_about_that_was_not_announced() {
    let mut town = Town::of(Place::fake().shared());
    let link = serve(&town.place.beside(""));
    lead(town.access(), "git.example", &link);
    let direct = format!("remote: {}", town.place.beside("ledger.git").display());
    town.place.operated(
        &direct,
        "remote: \"https://git.example/ledger.git\", timeout: 30s",
    );
    town.happens();
    town.run("");
    assert_eq!(town.told(), 0);
    let before = link.connections();
    // So that there is something to fetch.
    town.elsewhere();
    town.happens();
    town.run("");
    assert_eq!(town.told(), 0);
    let talks = link.talks(before);
    let (mut figures, mut all) = (Figures::default(), Effects::default());
    beside_a_twin(&mut town, 2, &breaks(&talks, turns), |town, fault| {
        let limits = ("timeout: 30s", "timeout: 1s");
        town.elsewhere();
        let recorded = town.recorded();
        let twice = figures.meet(town, &link, fault, limits, |town, ran| {
            let effects = town.effects(recorded);
            assert_eq!(
                effects.other,
                Vec::<String>::new(),
                "{fault:?}: {}",
                ran.err
            );
            all.announced += effects.announced;
            all.taken_away += effects.taken_away;
        });
        assert_eq!(twice, 0, "{fault:?}");
    });
    figures.tell("a link to the ledger's remote", &town);
    assert!(all.announced > 0 && all.taken_away > 0);
    println!(
        "in disturbed passes {} effects whose intent is on the branch, {} without that only take away, no other",
        all.announced, all.taken_away
    );
}

/// What takes away, and is not put off because the ledger cannot be reached (SEMANTICS 23).
const TAKING_AWAY: [&str; 5] = [
    "disable",
    "reset-password",
    "expire",
    "remove-member",
    "revoke",
];

/// What came about in a run.
#[derive(Default)]
struct Effects {
    /// Its intent is on the branch.
    announced: usize,
    /// It is not, and they take away.
    taken_away: usize,
    /// It is not.
    other: Vec<String>,
}

impl Town {
    /// Whether what is newest is here.
    fn has_fetched(&self) -> bool {
        let here = self.place.beside("access.git");
        let head = self.access().git(&["rev-parse", "HEAD"]);
        git(&here, &["rev-parse", "refs/heads/main"]) == head
    }

    /// How many lines its file has.
    fn recorded(&self) -> usize {
        let text = fs::read_to_string(self.access().ledger()).unwrap();
        text.lines().count()
    }

    /// What came about and is recorded after so many lines.
    fn effects(&self, recorded: usize) -> Effects {
        let remote = self.place.beside("ledger.git");
        let branch = "refs/heads/countersign/ledger";
        let names = git(
            &remote,
            &["ls-tree", "-r", "--name-only", branch, "records/"],
        );
        let mut announced = BTreeSet::new();
        for name in names.lines() {
            let file = git(&remote, &["show", &format!("{branch}:{name}")]);
            let intents = file
                .lines()
                .map(json)
                .filter(|l| l["event"]["intended"].is_object());
            announced.extend(intents.map(|line| line["run"].as_str().unwrap().to_owned()));
        }
        let text = fs::read_to_string(self.access().ledger()).unwrap();
        let mut effects = Effects::default();
        for line in text.lines().skip(recorded).map(json) {
            let (outcome, mailed) = (&line["event"]["outcome"], &line["event"]["mailed"]);
            if outcome["outcome"] != "applied" && mailed["result"] != "sent" {
                continue;
            }
            let is_announced = announced.contains(line["run"].as_str().unwrap());
            match outcome["action"].as_str() {
                _ if is_announced => effects.announced += 1,
                Some(action) if TAKING_AWAY.contains(&action) => effects.taken_away += 1,
                _ => effects.other.push(line.to_string()),
            }
        }
        effects
    }
}

fn git(folder: &Path, arguments: &[&str]) -> String {
    let out = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(arguments)
        .output();
    String::from_utf8(out.unwrap().stdout).unwrap()
}
