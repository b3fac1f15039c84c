//! The program is killed (`kill -9`) at any moment, over and over, while people come and go; then it must
//! have done what a loop does that nobody kills: every account once, every task once, no mail twice
//! but what a crash between the server's answer and the record explains.
//!
//! `COUNTERSIGN_KILLS` (25) says how often, `COUNTERSIGN_SEED` which moments. A twentieth of them, but at least
//! five, is over a domain controller.

use super::place::{Census, Place, tasks};
use crate::bed::{Access, Ran};
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// People who come in one step.
const HIRED: usize = 4;
/// Passes without a kill after which nothing may be left to do.
const PASSES: usize = 3;
/// Kills that one company lives through: with more its people are so many that a pass takes seconds.
const KILLS_A_COMPANY: u64 = 50;

/// Numbers that look like chance, the same for the same seed (Marsaglia's xorshift).
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

fn number(variable: &str, standard: u64) -> u64 {
    let given = std::env::var(variable).ok();
    given.and_then(|text| text.parse().ok()).unwrap_or(standard)
}

fn kills() -> u64 {
    number("COUNTERSIGN_KILLS", 25)
}

/// What happens in the company in one step, always the same.
fn happens(access: &Access, step: usize) {
    for index in 0..HIRED {
        let number = step * HIRED + index;
        let text = format!(
            "apiVersion: countersign/v1\nkind: User\nmetadata: {{name: user-{number}}}\nspec:\n  \
             givenName: User\n  familyName: Number{number}\n  type: employee\n  \
             organization: seko-farnborough\n  access:\n    - {{resource: seko-360}}\n    - {{resource: white-glove}}\n"
        );
        access.write(&format!("users/user-{number}.yaml"), &text);
    }
    if step > 0 {
        let leaver = (step - 1) * HIRED;
        let path = format!("users/user-{leaver}.yaml");
        access.edit(&path, "type: employee", "type: employee\n  state: left");
        let mover = format!("users/user-{}.yaml", leaver + 1);
        access.edit(&mover, "Number", "Changed");
        access.edit(&mover, "    - {resource: white-glove}\n", "");
    }
    access.commit(&format!("Step {step}"));
}

/// Every fail point that is reached is a line in the file that this names, so a letter that replaces its own
/// file in the outbox is seen to have gone out twice.
const LOG: &str = "COUNTERSIGN_FAILPOINTS_LOG";

fn places(access: &Access) -> PathBuf {
    access.operator().with_file_name("places")
}

/// One pass that nobody kills.
fn passes(access: &Access) -> Ran {
    let log = places(access);
    access.run_within(&[(LOG, log.to_str().unwrap())], &["run", "--once"])
}

/// Begins a pass and kills it after a while; whether it had ended by itself.
fn killed(access: &Access, after: Duration) -> bool {
    let mut child = Command::new(env!("CARGO_BIN_EXE_countersign"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .env(LOG, places(access))
        .arg("-C")
        .arg(access.repository())
        .arg("--operator")
        .arg(access.operator())
        .args(["run", "--once"])
        .spawn()
        .unwrap();
    sleep(after);
    let ended = child.try_wait().unwrap().is_some();
    child.kill().unwrap();
    child.wait().unwrap();
    ended
}

/// What a company lived through.
#[derive(Default)]
struct Figures {
    companies: usize,
    kills: u64,
    passes: usize,
    steps: usize,
    operations: usize,
    tasks: usize,
    mails: usize,
    twice: usize,
}

impl Figures {
    fn add(&mut self, other: &Self) {
        self.companies += other.companies;
        self.kills += other.kills;
        self.passes += other.passes;
        self.steps += other.steps;
        self.operations += other.operations;
        self.tasks += other.tasks;
        self.mails += other.mails;
        self.twice += other.twice;
    }

    fn tell(&self, over: &str, seed: u64) {
        println!(
            "{over}: {} kills of {} passes over {} operations, in {} steps of {} companies; {} tasks, {} mails of \
             which {} went out twice; no account twice, no task lost (seed {seed})",
            self.kills,
            self.passes,
            self.operations,
            self.steps,
            self.companies,
            self.tasks,
            self.mails,
            self.twice,
        );
    }
}

/// A company that is killed so often, beside a twin that nobody kills.
fn lived_through(company: &Place, twin: &Place, kills: u64, dice: &mut Dice) -> Figures {
    let (access, other) = (company.access(), twin.access());
    let mut longest = Duration::from_millis(300);
    let mut figures = Figures {
        companies: 1,
        ..Figures::default()
    };
    let before = company.operations();
    let mails_before = access.mails().len();
    while figures.kills < kills {
        happens(access, figures.steps);
        happens(other, figures.steps);
        let clock = Instant::now();
        other.run(&["run", "--once"]);
        longest = longest.max(clock.elapsed());
        figures.steps += 1;
        for _ in 0..=dice.roll() % 4 {
            let share = dice.roll() % 1000;
            let after = longest.mul_f64(share as f64 / 1000.0);
            figures.passes += 1;
            if !killed(access, after) {
                figures.kills += 1;
            }
        }
        // What came and went between two passes is not what it is about: a step is finished.
        passes(access);
        figures.passes += 1;
    }
    let mut said = String::new();
    for _ in 0..PASSES {
        said = passes(access).err;
        other.run(&["run", "--once"]);
    }
    let left = access.run(&["plan"]).out;
    assert!(left.ends_with("nothing to do\n"), "{said}\n{left}");
    assert_eq!(Census::of(company), Census::of(twin));
    Census::of(company).nobody_is_twice();
    let tasks = tasks(access);
    assert_eq!(tasks, super::place::tasks(other));
    let letters = access.mails();
    let mails: BTreeSet<&String> = letters.iter().map(|mail| &mail.message_id).collect();
    let mut sent = letters.len();
    if cfg!(feature = "failpoints") {
        let log = fs::read_to_string(places(access)).unwrap();
        let went_out = log.lines().filter(|l| l.starts_with("outbox-written"));
        sent = sent.max(mails_before + went_out.count());
    }
    // Nothing is asked for without a mail, and nothing asked for twice by two mails.
    for (id, said) in &tasks {
        let of: Vec<_> = letters.iter().filter(|m| m.text.contains(id)).collect();
        let once = of.iter().all(|mail| mail.message_id == of[0].message_id);
        let is_open = said.ends_with("\"open\"");
        assert!(
            once && !(of.is_empty() && is_open),
            "{id}: {said}: {of:#?}\n{}",
            fs::read_to_string(access.ledger()).unwrap()
        );
    }
    figures.tasks = tasks.len();
    figures.mails = mails.len();
    figures.twice = sent - mails.len();
    figures.operations = company.operations() - before;
    assert!(
        figures.twice as u64 <= figures.kills,
        "more than one mail twice a crash"
    );
    figures
}

#[test]
fn whenever_it_is_killed_nothing_is_lost_and_nothing_done_twice() {
    let (kills, seed) = (kills(), number("COUNTERSIGN_SEED", 20_261_129));
    let mut dice = Dice(seed);
    let mut all = Figures::default();
    while all.kills < kills {
        let (company, twin) = match all.companies % 2 {
            0 => (Place::fake(), Place::fake()),
            _ => (Place::fake().shared(), Place::fake()),
        };
        let share = KILLS_A_COMPANY.min(kills - all.kills);
        all.add(&lived_through(&company, &twin, share, &mut dice));
        all.tell("the scripted Active Directory", seed);
    }
    assert!(all.operations as u64 >= 5 * kills, "too little was done");
}

#[test]
fn whenever_it_is_killed_over_a_domain_controller_nothing_is_lost_and_nothing_done_twice() {
    let (Some(company), Some(twin)) = (Place::domain(), Place::domain()) else {
        return;
    };
    let seed = number("COUNTERSIGN_SEED", 20_261_129);
    let kills = (kills() / 20).max(5);
    lived_through(&company, &twin, kills, &mut Dice(seed)).tell("a domain controller", seed);
}

#[test]
fn locks_that_a_kill_left_in_the_repository_of_a_ledger_hold_up_nobody() {
    let company = Place::fake().shared();
    let access = company.access();
    happens(access, 0);
    access.run(&["run", "--once"]).ends(0);
    let repository = company.beside("ledger.jsonl.git");
    for name in ["refs/heads/countersign/ledger.lock", "packed-refs.lock"] {
        let lock = repository.join(name);
        assert!(lock.parent().unwrap().is_dir(), "{}", lock.display());
        fs::write(lock, "").unwrap();
    }
    happens(access, 1);
    access.run(&["run", "--once"]).ends(0);
    happens(access, 2);
    access.run(&["run", "--once"]).ends(0);
    let plan = access.run(&["plan"]).ends(0);
    assert!(plan.out.ends_with("nothing to do\n"), "{}", plan.out);
}
