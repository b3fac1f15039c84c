//! `countersign run` on the real binary: it follows a branch, survives what goes wrong, stops when it is
//! told to, and lets through what a guard holds only when an administrator says so.

mod failpoints;
mod kept;
mod killed;
mod links;
mod monitoring;
mod outage;
mod place;

use crate::bed::{Access, Directory, Post, json};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Long enough for a pass on a machine that does other things, too.
const PATIENCE: Duration = Duration::from_secs(90);

fn city() -> Access {
    Access::example("bloomington")
        .with_ldif(&Access::export_text("bloomington"))
        .operated_by_anchor(&Directory::Ldif, &Post::Outbox)
}

fn set(access: &Access, old: &str, new: &str) {
    let path = access.operator();
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(old), "{old} is not in {text}");
    fs::write(path, text.replacen(old, new, 1)).unwrap();
}

/// A termination of now.
fn leaves(user: &str, more: &str) -> String {
    format!(
        "apiVersion: countersign/v1\nkind: Request\nmetadata: {{name: leaves-{user}}}\nspec:\n  action: Terminate\n  \
         requestedBy: dana.reyes\n  subject: {user}\n  effective: 2026-11-23T09:00\n  reason: resigned\n{more}"
    )
}

fn status(access: &Access) -> Value {
    json(&access.run(&["status", "--format", "json"]).out)
}

fn condition<'a>(status: &'a Value, kind: &str) -> &'a Value {
    let conditions = status["conditions"].as_array().unwrap();
    conditions.iter().find(|c| c["kind"] == kind).unwrap()
}

/// A loop that goes on until it is dropped.
struct Loop<'a> {
    access: &'a Access,
    child: Child,
}

impl<'a> Loop<'a> {
    fn begin(access: &'a Access) -> Self {
        Self::begin_within(access, &[])
    }

    fn begin_within(access: &'a Access, environment: &[(&str, &str)]) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_countersign"))
            .env("NO_COLOR", "1")
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(access.operator().with_file_name("loop.log")).unwrap())
            .arg("-C")
            .arg(access.repository())
            .arg("--operator")
            .arg(access.operator())
            .args(["run", "--log", "json"])
            .spawn()
            .unwrap();
        Self { access, child }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.access.operator().with_file_name("loop.log")).unwrap()
    }

    /// Waits until the loop says something of itself; what a process before it left says nothing of it.
    #[track_caller]
    fn until(&self, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        let begun = Instant::now();
        loop {
            let ran = self.access.run(&["status", "--format", "json"]);
            if ran.code <= 1 {
                let status = json(&ran.out);
                if status["process"] == self.child.id() && is(&status) {
                    return status;
                }
            }
            assert!(
                begun.elapsed() < PATIENCE,
                "{what}: {}\n{}",
                ran.out,
                self.log()
            );
            sleep(Duration::from_millis(100));
        }
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let status = Command::new("kill").args([name, &id]).status().unwrap();
        assert!(status.success());
    }

    /// Asks it to stop; how long it took.
    fn stop(mut self) -> Duration {
        let begun = Instant::now();
        self.signal("-TERM");
        let status = self.child.wait().unwrap();
        assert_eq!(status.code(), Some(0), "{}", self.log());
        begun.elapsed()
    }
}

impl Drop for Loop<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn applied(status: &Value) -> &str {
    status["applied"].as_str().unwrap_or_default()
}

#[test]
fn a_merge_becomes_reality_without_anybody_calling_and_it_stops_when_told() {
    let access = city();
    let going = Loop::begin(&access);
    let first = access.git(&["rev-parse", "HEAD"]).trim().to_owned();
    going.until("the first pass", |s| {
        applied(s) == first && s["next"] != Value::Null
    });
    let before = fs::read_to_string(access.ldif()).unwrap();
    access.write(
        "requests/r.yaml",
        include_str!("../../src/cli/demo/new-hire.yaml"),
    );
    let merged = access.commit("New hire");
    let status = going.until("the merge", |s| applied(s) == merged);
    assert_eq!(status["last"]["wake"], "revision");
    assert!(status["last"]["applied"].as_u64().unwrap() > 3, "{status}");
    let after = fs::read_to_string(access.ldif()).unwrap();
    assert!(!before.contains("a.christopherson2") && after.contains("a.christopherson2"));
    assert!(condition(&status, "Ready")["isTrue"].as_bool().unwrap());
    let took = going.stop();
    println!("stopped within {took:?}");
    assert!(took < Duration::from_secs(10));
}

#[test]
fn what_is_merged_while_it_starts_is_not_left_to_the_next_fetch() {
    let access = city();
    set(
        &access,
        "ledger:",
        "run: {fetch: 1h, interval: 1h}\nledger:",
    );
    let places = access.operator().with_file_name("places");
    let going = Loop::begin_within(
        &access,
        &[
            ("COUNTERSIGN_FAILPOINTS", "fetched=1*delay(1500)"),
            ("COUNTERSIGN_FAILPOINTS_LOG", places.to_str().unwrap()),
        ],
    );
    let begun = Instant::now();
    while !fs::read_to_string(&places).is_ok_and(|said| said.contains("fetched delay")) {
        assert!(begun.elapsed() < PATIENCE, "{}", going.log());
        sleep(Duration::from_millis(10));
    }
    // The first fetch is over, the first pass has not begun.
    let merged = access.commit("Meanwhile");
    going.until("the merge", |s| applied(s) == merged);
}

#[test]
fn one_pass_for_cron_says_how_it_ended() {
    let access = city();
    access.run(&["run", "--once"]).ends(0);
    let mails = access.mails().len();
    let traces = access.traces();
    let ran = access.run(&["run", "--once"]).ends(0);
    assert!(ran.err.contains("the pass is over"), "{}", ran.err);
    assert_eq!(access.mails().len(), mails);
    assert_eq!(
        access.traces(),
        traces,
        "a pass with nothing to do leaves no trace"
    );
    fs::rename(access.ldif(), access.ldif().with_extension("away")).unwrap();
    access.run(&["run", "--once"]).ends(3);
    let stalled = status(&access);
    assert_eq!(condition(&stalled, "Stalled")["reason"], "DirectoryFailed");
}

#[test]
fn what_is_said_of_passes_names_nobody() {
    let access = city();
    access.write(
        "requests/r.yaml",
        include_str!("../../src/cli/demo/new-hire.yaml"),
    );
    access.commit("New hire");
    let ran = access.run(&["run", "--once", "--log", "json"]);
    for line in ran.err.lines() {
        json(line);
    }
    let status = fs::read_to_string(access.ledger().with_extension("jsonl.status.json")).unwrap();
    for said in [&ran.err, &status] {
        assert!(!said.to_lowercase().contains("christopherson"), "{said}");
    }
}

#[test]
fn a_newest_revision_with_mistakes_leaves_the_last_valid_one_in_force_and_is_told_once() {
    let access = city();
    access.run(&["run", "--once"]).ends(0);
    let valid = applied(&status(&access)).to_owned();
    access.write("users/broken.yaml", "kind: [");
    let broken = access.commit("Broken");
    let told = access.mails_of(|access| {
        access.run(&["run", "--once"]).ends(1);
    });
    let said = status(&access);
    assert_eq!(applied(&said), valid);
    assert_eq!(said["seen"], broken.as_str());
    let stalled = condition(&said, "Stalled");
    assert_eq!(stalled["reason"], "InvalidRevision", "{stalled}");
    assert!(!condition(&said, "Ready")["isTrue"].as_bool().unwrap());
    assert!(!told.is_empty());
    for mail in &told {
        assert!(mail.text.contains("users/broken.yaml:1:"), "{}", mail.text);
    }
    let again = access.mails_of(|access| {
        access.run(&["run", "--once"]).ends(1);
    });
    assert_eq!(again.len(), 0, "told once");
    fs::remove_file(access.repository().join("users/broken.yaml")).unwrap();
    let mended = access.commit("Mended");
    access.run(&["run", "--once"]).ends(0);
    assert_eq!(applied(&status(&access)), mended);
}

#[test]
fn what_the_directory_does_not_say_is_held_and_stops_nothing_else() {
    let access = city();
    access.run(&["run", "--once"]).ends(0);
    access.edit(
        "resources/active-directory.yaml",
        "  fields:\n",
        "  fields:\n    - {name: info, source: observed, required: true}\n",
    );
    access.write(
        "requests/r.yaml",
        include_str!("../../src/cli/demo/new-hire.yaml"),
    );
    let merged = access.commit("A remark nobody has, and a new hire");
    access.run(&["validate"]).ends(0);
    access.run(&["run", "--once"]).ends(1);
    let said = status(&access);
    assert_eq!(applied(&said), merged);
    assert_eq!(condition(&said, "Held")["isTrue"], true);
    assert_eq!(condition(&said, "Stalled")["isTrue"], false);
    let ldif = fs::read_to_string(access.ldif()).unwrap();
    assert!(ldif.contains("a.christopherson2"), "she is hired");
    let plan = access.run(&["plan", "--format", "json"]).ends(1).json();
    let held = plan["held"].as_array().unwrap();
    assert!(!held.is_empty());
    for one in held {
        assert_eq!(one["code"], "field-missing", "{one}");
        let reason = one["reason"].as_str().unwrap();
        assert_eq!(
            reason,
            "`info` is needed, and `info` of the account has no value"
        );
    }
}

#[test]
fn a_mistake_that_only_the_directory_shows_is_told_by_its_name() {
    let access = city();
    access.run(&["run", "--once"]).ends(0);
    // An attribute that is written rests on one whose rule refuses what stands there.
    access.edit(
        "resources/active-directory.yaml",
        "  fields:\n",
        "  fields:\n    - {name: info, source: observed, pattern: \"[0-9]+\"}\n    - {name: carLicense, value: \"{{ fields['active-directory'].info }}\"}\n",
    );
    access.commit("A remark that is a number");
    let ldif = fs::read_to_string(access.ldif()).unwrap();
    let title = ldif.lines().find(|l| l.starts_with("title: ")).unwrap();
    let remark = format!("{title}\ninfo: a remark");
    fs::write(access.ldif(), ldif.replacen(title, &remark, 1)).unwrap();
    access.run(&["validate"]).ends(0);
    let told = access.mails_of(|access| {
        access.run(&["run", "--once"]).ends(1);
    });
    assert!(!told.is_empty());
    for mail in &told {
        let text = mail.text.replace("\n  ", " ");
        assert!(text.contains("`carLicense` of"), "{text}");
        assert!(text.contains("countersign plan"), "{text}");
        assert!(!text.contains("it has 0 mistakes"), "{text}");
    }
}

#[test]
fn a_fold_to_come_is_a_mistake_at_its_line_and_stops_nothing_that_was_valid_before() {
    let access = city();
    access.run(&["run", "--once"]).ends(0);
    let valid = applied(&status(&access)).to_owned();
    access.edit(
        "countersign.yaml",
        "spec:\n",
        "spec:\n  foldedThrough: \"2099-01-01\"\n",
    );
    access.commit("A fold to come");
    access.run(&["run", "--once"]).ends(1);
    let said = status(&access);
    assert_eq!(applied(&said), valid);
    assert_eq!(condition(&said, "Stalled")["reason"], "InvalidRevision");
    let base = ["--base", "HEAD~1"].as_slice();
    for more in [&[], base] {
        let found = access.run(&[&["validate", "--format", "json"], more].concat());
        let found = found.ends(1).json();
        assert_eq!(found[0]["code"], "folded-ahead", "{found}");
        assert_eq!(found[0]["file"], "countersign.yaml");
    }
    access.run(&["diff", "HEAD~1", "--format", "json"]).ends(1);
    // Whoever asks about an instant that this revision does not tell of is told so.
    let ran = access.run(&["validate", "--at", "2098-01-01"]).ends(64);
    assert!(ran.err.contains("use --rev"), "{}", ran.err);
    // What mends it is no unfolding.
    access.edit("countersign.yaml", "  foldedThrough: \"2099-01-01\"\n", "");
    let mended = access.commit("Mended");
    access.run(&["validate", "--base", "HEAD~1"]).ends(0);
    access.run(&["run", "--once"]).ends(0);
    assert_eq!(applied(&status(&access)), mended);
}

/// People of the example whose accounts are there.
const LEAVERS: [&str; 3] = ["sam.okafor", "noor.haddad", "tyrell.boone"];

#[test]
fn a_guard_holds_the_whole_run_and_an_administrators_word_lets_through_what_was_held_once() {
    let access = city();
    access.run(&["run", "--once"]).ends(0);
    set(
        &access,
        "  adoptByAnchor",
        "  guards: {disables: {count: 0}}\n  adoptByAnchor",
    );
    access.write("requests/one.yaml", &leaves(LEAVERS[0], ""));
    access.commit("One leaves");
    let directory = fs::read_to_string(access.ldif()).unwrap();
    let told = access.mails_of(|access| {
        access.run(&["run", "--once"]).ends(1);
    });
    assert_eq!(fs::read_to_string(access.ldif()).unwrap(), directory);
    let held = condition(&status(&access), "Held").clone();
    assert!(held["isTrue"].as_bool().unwrap(), "{held}");
    let mail = told
        .iter()
        .find(|m| m.text.contains("countersign allow"))
        .unwrap();
    let digest: String = mail
        .text
        .split("countersign allow ")
        .nth(1)
        .unwrap()
        .chars()
        .take(12)
        .collect();
    assert!(mail.text.contains(LEAVERS[0]), "{}", mail.text);
    access.run(&["allow", "000000000000"]).ends(1);
    // Somebody else leaves before the word is given: it does not cover them.
    access.write("requests/two.yaml", &leaves(LEAVERS[1], ""));
    access.commit("Another one leaves");
    access.run(&["allow", &digest]).ends(0);
    access.run(&["run", "--once"]).ends(1);
    let is_disabled = |user: &str| {
        let plan = json(&access.run(&["plan", "--format", "json"]).out);
        let changes = plan["changes"].as_array().unwrap().clone();
        !changes
            .iter()
            .any(|c| c["user"] == user && c["action"] == "disable")
    };
    assert!(is_disabled(LEAVERS[0]));
    assert!(!is_disabled(LEAVERS[1]));
    access.run(&["run", "--once"]).ends(1);
    assert!(!is_disabled(LEAVERS[1]), "once");
    access.run(&["allow", &digest]).ends(1);
}

#[test]
fn an_urgent_leaver_does_not_wait_for_a_guard_but_has_a_limit_of_a_day() {
    let access = city();
    access.run(&["run", "--once"]).ends(0);
    set(
        &access,
        "  adoptByAnchor",
        "  guards: {disables: {count: 0}, removals: {count: 0}, urgentPerDay: 1}\n  adoptByAnchor",
    );
    for user in LEAVERS {
        let urgent = if user == "tyrell.boone" {
            ""
        } else {
            "  urgent: true\n"
        };
        access.write(&format!("requests/{user}.yaml"), &leaves(user, urgent));
    }
    access.commit("Three leave, two at once");
    let plan = access.run(&["plan"]).ends(1).out;
    for words in [
        "only what concerns those who leave at once is applied",
        "the others wait for `countersign allow`",
    ] {
        assert!(plan.contains(words), "{plan}");
    }
    let mails = access.mails_of(|access| {
        access.run(&["run", "--once"]).ends(1);
    });
    let waits = mails.iter().find(|m| m.text.contains("urgentPerDay"));
    let waits = &waits.unwrap().text;
    assert!(waits.contains("sam.okafor"), "{waits}");
    let plan = json(&access.run(&["plan", "--format", "json"]).out);
    let disabled: Vec<&str> = plan["changes"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|c| c["action"] == "disable")
        .map(|c| c["user"].as_str().unwrap())
        .collect();
    assert_eq!(
        disabled,
        ["sam.okafor", "tyrell.boone"],
        "noor.haddad comes first"
    );
    let again = access.mails_of(|access| {
        access.run(&["run", "--once"]).ends(1);
    });
    assert_eq!(again.len(), 0, "told once");
    // An administrator lets the other one through, and nobody besides.
    let (_, said) = waits.split_once("countersign allow ").unwrap();
    let digest: String = said.chars().take(12).collect();
    access.run(&["allow", &digest]).ends(0);
    access.run(&["run", "--once"]).ends(1);
    let plan = json(&access.run(&["plan", "--format", "json"]).out);
    let changes = plan["changes"].as_array().unwrap().iter();
    let left: BTreeSet<&str> = changes.filter_map(|c| c["user"].as_str()).collect();
    assert_eq!(left, BTreeSet::from(["tyrell.boone"]));
}

#[test]
fn a_ledger_that_was_deleted_is_a_loss_and_no_beginning() {
    let access = city();
    access.run(&["run", "--once"]).ends(0);
    fs::remove_file(access.ledger()).unwrap();
    let directory = fs::read_to_string(access.ldif()).unwrap();
    let mails = access.mails_of(|access| {
        for command in [&["apply"][..], &["run", "--once"]] {
            let said = access.run(command).ends(3).err;
            assert!(said.contains("countersign ledger rebuild"), "{said}");
        }
        access.run(&["ledger", "rebuild"]).ends(0);
        access.run(&["apply"]);
    });
    assert_eq!(mails.len(), 0, "what was settled is asked of nobody");
    assert_eq!(fs::read_to_string(access.ldif()).unwrap(), directory);
}

#[test]
fn a_pause_stops_everything_or_one_resource_and_ends_when_it_is_ended() {
    let access = city();
    access.run(&["run", "--once"]).ends(0);
    access.write(
        "requests/r.yaml",
        include_str!("../../src/cli/demo/new-hire.yaml"),
    );
    access.commit("New hire");
    access.run(&["pause", "--reason", "we move"]).ends(0);
    let directory = fs::read_to_string(access.ldif()).unwrap();
    access.run(&["run", "--once"]).ends(1);
    assert_eq!(fs::read_to_string(access.ldif()).unwrap(), directory);
    let shown = access.run(&["status"]).ends(1).out;
    assert!(shown.contains("everything, by Dana Reyes"), "{shown}");
    // Nor does who asks for it at once.
    let plan = access.run(&["plan", "--format", "json"]).ends(1).json();
    assert_eq!(plan["changes"].as_array().unwrap().len(), 0);
    let held = plan["held"].as_array().unwrap();
    assert!(held.iter().any(|held| held["code"] == "paused"), "{held:?}");
    let mails = access.mails_of(|access| {
        access.run(&["apply"]).ends(1);
    });
    assert_eq!(mails.len(), 0);
    assert_eq!(fs::read_to_string(access.ldif()).unwrap(), directory);
    access.run(&["unpause"]).ends(0);
    let unknown = ["pause", "active-directroy", "--reason", "upgrade"];
    let said = access.run(&unknown).ends(64).err;
    assert!(said.contains("active-directory"), "{said}");
    access.run(&["unpause"]).ends(1);
    let pause = ["pause", "active-directory", "--reason", "upgrade"];
    access.run(&pause).ends(0);
    access.run(&["apply"]).ends(1);
    access.run(&["run", "--once"]).ends(1);
    assert_eq!(fs::read_to_string(access.ldif()).unwrap(), directory);
    access.run(&["unpause", "active-directory"]).ends(0);
    access.run(&["run", "--once"]).ends(0);
    assert_ne!(fs::read_to_string(access.ldif()).unwrap(), directory);
}

fn asked(address: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn get(address: &str, path: &str) -> String {
    asked(
        address,
        &format!("GET {path} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n"),
    )
}

/// A port that nobody listens on now.
fn port() -> u16 {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    socket.local_addr().unwrap().port()
}

#[test]
fn metrics_and_health_are_served_and_a_signed_call_wakes_the_loop() {
    let access = city();
    let (watched, called) = (port(), port());
    let secret = access.operator().with_file_name("webhook");
    fs::write(&secret, "It's a Secret to Everybody\n").unwrap();
    Command::new("chmod")
        .arg("600")
        .arg(&secret)
        .status()
        .unwrap();
    set(
        &access,
        "ledger:",
        &format!(
            "run:\n  fetch: 1h\n  interval: 1h\n  listen: 127.0.0.1:{watched}\n  \
             webhook: {{listen: \"127.0.0.1:{called}\", secret: {{file: {}}}}}\nledger:",
            secret.display()
        ),
    );
    let going = Loop::begin(&access);
    let first = going.until("the first pass", |s| !applied(s).is_empty());
    let watched = format!("127.0.0.1:{watched}");
    assert!(get(&watched, "/healthz").starts_with("HTTP/1.1 200"));
    assert!(get(&watched, "/readyz").starts_with("HTTP/1.1 200"));
    let metrics = get(&watched, "/metrics");
    for name in [
        "countersign_passes_total{result=\"complete\"} 1",
        "countersign_condition{condition=\"Ready\"} 1",
        "countersign_open_tasks{age=\"1d\"}",
    ] {
        assert!(metrics.contains(name), "{name} is not in {metrics}");
    }
    let call = |signature: &str| {
        asked(
            &format!("127.0.0.1:{called}"),
            &format!(
                "POST / HTTP/1.1\r\nHost: here\r\nConnection: close\r\nContent-Length: 13\r\n\
                 X-Hub-Signature-256: sha256={signature}\r\n\r\nHello, World!"
            ),
        )
    };
    let genuine = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    assert!(call(&genuine.replace('7', "6")).starts_with("HTTP/1.1 401"));
    let merged = access.commit("Something");
    assert!(call(genuine).starts_with("HTTP/1.1 202"));
    let second = going.until("the call", |s| applied(s) == merged);
    assert!(second["passes"].as_u64() > first["passes"].as_u64());
    going.signal("-HUP");
    let passes = second["passes"].as_u64();
    going.until("SIGHUP", |s| s["passes"].as_u64() > passes);
}

#[test]
fn a_remote_that_cannot_be_reached_stalls_the_loop_which_goes_on_with_what_it_has() {
    let access = city();
    access.run(&["run", "--once"]).ends(0);
    let away = access.repository().with_file_name("away");
    let operator = access.operator();
    fs::rename(access.repository(), &away).unwrap();
    // Its own folder is the mirror's: the repository that is followed is another one.
    let ran = Command::new(env!("CARGO_BIN_EXE_countersign"))
        .arg("-C")
        .arg(&away)
        .arg("--operator")
        .arg(&operator)
        .args(["run", "--once"])
        .output()
        .unwrap();
    fs::rename(&away, access.repository()).unwrap();
    assert_eq!(ran.status.code(), Some(1));
    let said = status(&access);
    assert_eq!(condition(&said, "Stalled")["reason"], "FetchFailed");
    assert_ne!(said["last"], Value::Null, "a pass was made all the same");
}

#[test]
fn what_somebody_changes_in_the_directory_wakes_the_loop_and_what_it_wrote_itself_does_not_for_long()
 {
    let access = city();
    set(
        &access,
        "ledger:",
        "run: {fetch: 1h, interval: 1h, poll: 1s}\nledger:",
    );
    access.run(&["run", "--once"]).ends(0);
    let going = Loop::begin(&access);
    let first = going.until("the first pass", |s| !applied(s).is_empty());
    sleep(Duration::from_secs(3));
    let quiet = status(&access);
    assert_eq!(quiet["passes"], first["passes"], "nothing changed");
    let ldif = fs::read_to_string(access.ldif()).unwrap();
    let title = ldif.lines().find(|l| l.starts_with("title: ")).unwrap();
    fs::write(access.ldif(), ldif.replacen(title, "title: Emperor", 1)).unwrap();
    let woken = going.until("the change", |s| s["last"]["wake"] == "directory");
    assert!(woken["passes"].as_u64() > first["passes"].as_u64());
    let mended = fs::read_to_string(access.ldif()).unwrap();
    assert!(
        !mended.contains("Emperor"),
        "a managed attribute is put right"
    );
}

#[test]
fn it_stops_within_ten_seconds_whatever_it_waits_for() {
    let access = city();
    // A server that takes connections and never says a word.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}/access.git", silent.local_addr().unwrap());
    let named = access.repository().display().to_string();
    set(
        &access,
        &format!("url: {named}"),
        &format!("url: \"{url}\""),
    );
    let going = Loop::begin(&access);
    let (_connection, _) = silent.accept().unwrap();
    let took = going.stop();
    println!("stopped within {took:?} while git waited");
    assert!(took < Duration::from_secs(10));
}

#[test]
fn a_roster_that_cannot_be_read_is_held_and_everything_else_goes_on() {
    let access = city();
    access.edit(
        "resources/ureport.yaml",
        "connector: manual",
        "connector: roster",
    );
    access.commit("uReport reads a file");
    let roster = access.operator().with_file_name("ureport.csv");
    set(
        &access,
        "mail:",
        &format!(
            "rosters: {{ureport: {{path: {}}}}}\nmail:",
            roster.display()
        ),
    );
    access.run(&["run", "--once"]).ends(0);
    let whole = fs::read(&roster).unwrap();
    access.write(
        "requests/r.yaml",
        include_str!("../../src/cli/demo/new-hire.yaml"),
    );
    access.commit("New hire");
    fs::write(&roster, [0xff, 0xfe, 0, 1]).unwrap();
    access.run(&["run", "--once"]).ends(1);
    let plan = access.run(&["plan"]).ends(1).out;
    assert!(plan.contains("roster-unread"), "{plan}");
    let directory = fs::read_to_string(access.ldif()).unwrap();
    assert!(directory.contains("a.christopherson2"), "the rest went on");
    assert_eq!(fs::read(&roster).unwrap(), [0xff, 0xfe, 0, 1]);
    fs::write(&roster, whole).unwrap();
    access.run(&["run", "--once"]).ends(0);
    let rows = fs::read_to_string(&roster).unwrap();
    assert!(rows.contains("alexander.christopherson"), "{rows}");
}
