//! The loop is killed (`kill -9`) at any moment, over and over, while people come and go; then it must
//! have done what a loop does that nobody kills: every account once, every task once, no mail twice
//! but what a crash between the server's answer and the record explains.
//!
//! `COUNTERSIGN_KILLS` (25) says how often, `COUNTERSIGN_SEED` which moments.

use crate::bed::Access;
use crate::fake::Company;
use serde_json::Value;
use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// People who come in one step.
const HIRED: usize = 4;
/// Passes without a kill after which nothing may be left to do.
const PASSES: usize = 3;

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

/// A company whose guards are no part of this.
fn roomy() -> Company {
    let company = Company::settled();
    for narrow in ["count: 5, percent: 10", "count: 1, percent: 10"] {
        company
            .access
            .edit("countersign.yaml", narrow, "count: 9999");
    }
    company.access.commit("Wide guards");
    company
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

/// Begins a pass and kills it after a while; whether it had ended by itself.
fn killed(access: &Access, after: Duration) -> bool {
    let mut child = Command::new(env!("CARGO_BIN_EXE_countersign"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
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

/// Every task ever, by its id: what it is and how it stands.
fn tasks(access: &Access) -> BTreeMap<String, String> {
    let ran = access.run(&["task", "list", "--all", "--format", "json"]);
    let tasks = ran.json();
    let tasks = tasks.as_array().unwrap().iter();
    tasks
        .map(|task: &Value| {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let what = &task["task"];
            let said = format!(
                "{} {} {} {}",
                text(&what["user"]),
                text(&what["action"]),
                text(&what["resource"]),
                task["status"]
            );
            (text(&what["id"]), said)
        })
        .collect()
}

/// The accounts and who is in which group, as the directory has them.
fn accounts(company: &Company) -> Vec<String> {
    let mut found = Vec::new();
    for entry in company.ad.entries() {
        let number = entry.text("employeeNumber");
        for group in entry.texts("member") {
            found.push(format!("{} has {group}", entry.dn));
        }
        if let Some(number) = number {
            let control = entry.number("userAccountControl").unwrap_or_default();
            let login = entry.text("sAMAccountName").unwrap_or_default();
            let is_disabled = control & 2 != 0;
            found.push(format!(
                "{number} is {login} at {}, disabled: {is_disabled}",
                entry.dn
            ));
        }
    }
    found.sort();
    found
}

#[test]
fn whenever_it_is_killed_nothing_is_lost_and_nothing_done_twice() {
    let kills = number("COUNTERSIGN_KILLS", 25);
    let seed = number("COUNTERSIGN_SEED", 20_261_129);
    let mut dice = Dice(seed);
    let (company, twin) = (roomy(), roomy());
    let mut longest = Duration::from_millis(300);
    let (mut killed_in_work, mut steps, mut begun) = (0, 0, 0);
    while killed_in_work < kills {
        happens(&company.access, steps);
        happens(&twin.access, steps);
        let clock = Instant::now();
        twin.access.run(&["run", "--once"]);
        longest = longest.max(clock.elapsed());
        steps += 1;
        for _ in 0..=dice.roll() % 4 {
            let share = dice.roll() % 1000;
            let after = longest.mul_f64(share as f64 / 1000.0);
            begun += 1;
            if !killed(&company.access, after) {
                killed_in_work += 1;
            }
        }
        // What came and went between two passes is not what it is about: a step is finished.
        company.access.run(&["run", "--once"]);
    }
    let mut left = String::new();
    for _ in 0..PASSES {
        company.access.run(&["run", "--once"]);
        twin.access.run(&["run", "--once"]);
        left = company.access.run(&["plan"]).out;
    }
    assert!(left.ends_with("nothing to do\n"), "seed {seed}: {left}");
    assert_eq!(accounts(&company), accounts(&twin), "seed {seed}");
    assert_eq!(tasks(&company.access), tasks(&twin.access), "seed {seed}");
    let mut mails: BTreeMap<String, usize> = BTreeMap::new();
    for mail in company.access.mails() {
        *mails.entry(mail.message_id).or_default() += 1;
    }
    let twice = mails.values().filter(|count| **count > 1).count();
    let most = mails.values().max().copied().unwrap_or_default();
    let operations = company.ad.writes().len();
    println!(
        "{killed_in_work} kills of {begun} passes in {steps} steps over {operations} writes: {} accounts and memberships, \
         {} tasks, {} mails of which {twice} went out twice (seed {seed})",
        accounts(&company).len(),
        tasks(&company.access).len(),
        mails.len(),
    );
    assert!(twice as u64 <= killed_in_work, "at most one mail a crash");
    assert!(most as u64 <= 1 + killed_in_work);
    // Nobody got two accounts: every number stands on one.
    let mut numbers: Vec<String> = company
        .ad
        .entries()
        .iter()
        .filter_map(|e| e.text("employeeNumber"))
        .collect();
    let all = numbers.len();
    numbers.sort();
    numbers.dedup();
    assert_eq!(numbers.len(), all, "an account twice");
}
