//! What people say from a clone: signed, judged by the approved manifests, and done once.

use super::bed::{BRANCH, git, selection};

use super::town::Town;
use countersign::ledger::Event;
use countersign::ledger::inbox::{Letterbox, Message};
use countersign::name::{ResourceName, UserName};
use countersign::plan::TaskId;
use countersign::reconcile::inbox::{Answer, collect};
use jiff::{SignedDuration, Timestamp};
use std::process::Command;

fn read(town: &Town) -> Vec<Answer> {
    collect(&mut town.ledger(), &town.catalog(), Timestamp::now()).unwrap()
}

/// Somebody sends a message from a clone of theirs.
fn say(town: &Town, who: &str, message: Message) {
    say_at(town, who, message, Timestamp::now());
}

fn say_at(town: &Town, who: &str, message: Message, at: Timestamp) {
    let clone = town.bed.path().join(format!("clone-of-{who}"));
    let clone = match clone.exists() {
        true => clone,
        false => town.clone_of(who),
    };
    let letterbox = Letterbox::of(&clone).unwrap().unwrap();
    letterbox.send(message, at).unwrap();
}

fn done(task: &str) -> Message {
    Message::TaskDone {
        task: TaskId(task.to_owned()),
        note: None,
    }
}

#[track_caller]
fn refused(answers: &[Answer], why: &str) {
    let [answer] = answers else {
        panic!("{answers:?}")
    };
    let said = answer.refused.as_deref().unwrap_or("done");
    assert!(said.contains(why), "{said}");
    assert_eq!(answer.finding().unwrap().code, "inbox-refused");
}

#[test]
fn a_maintainer_says_done_from_a_clone_and_the_reconciler_records_it() {
    let town = Town::applied();
    let clone = town.clone_of("sam");
    let task = town.task("maps");
    let ran = town.in_clone(
        &clone,
        &["task", "done", &task, "--note", "in the map room"],
    );
    let ran = ran.ends(0);
    assert!(ran.err.contains("countersign/inbox/"), "{}", ran.err);
    assert_eq!(town.inbox(), 1);
    let answers = read(&town);
    assert_eq!(answers.len(), 1);
    assert_eq!(answers[0].refused, None);
    assert_eq!(answers[0].from, Some(UserName::new("sam").unwrap()));
    assert_eq!(town.inbox(), 0);
    assert!(town.bed.lines().contains("in the map room"));
    assert!(
        !town
            .access
            .tasks()
            .iter()
            .any(|t| t["task"]["id"] == task.as_str())
    );
    let commits = town.bed.commits();
    assert_eq!(read(&town), []);
    assert_eq!(
        town.bed.commits(),
        commits,
        "an empty inbox leaves no trace"
    );
    town.access.run(&["ledger", "verify"]).ends(0);
}

#[test]
fn a_user_selects_an_identity_of_their_own_and_of_nobody_else() {
    let town = Town::applied();
    let clone = town.clone_of("kim");
    let arguments = ["identity", "select", "kim", "Client"];
    town.in_clone(&clone, &arguments).ends(0);
    assert_eq!(read(&town)[0].refused, None);
    let ledger = town.ledger();
    let key = (
        UserName::new("kim").unwrap(),
        ResourceName::new("portal").unwrap(),
    );
    assert_eq!(ledger.history().selections()[&key].identity, "Client");
    drop(ledger);
    let select = |identity: &str| Message::IdentitySelect {
        user: UserName::new("kim").unwrap(),
        resource: ResourceName::new("portal").unwrap(),
        identity: identity.to_owned(),
    };
    say(&town, "sam", select("Member"));
    refused(&read(&town), "sam is not kim, and no administrator");
    say(&town, "kim", select("Nobody"));
    refused(&read(&town), "kim has no identity `Nobody`");
    say(&town, "ada", select("Member"));
    assert_eq!(read(&town)[0].refused, None);
}

#[test]
fn a_maintainer_of_another_resource_and_a_foreign_signer_are_refused_and_it_is_recorded() {
    let town = Town::applied();
    let task = town.task("maps");
    say(&town, "lee", done(&task));
    refused(
        &read(&town),
        "lee is no maintainer of maps, and no administrator",
    );
    town.bed.key("mallory");
    say(&town, "mallory", done(&task));
    refused(&read(&town), "no key of the approved manifests signed it");
    assert_eq!(town.inbox(), 0);
    assert_eq!(town.task("maps"), task, "it is open still");
    assert!(town.bed.lines().contains("no maintainer of maps"));
    say(&town, "ada", done(&task));
    assert_eq!(read(&town)[0].refused, None);
}

#[test]
fn a_key_that_was_taken_out_and_a_person_who_left_say_nothing_any_more() {
    let town = Town::applied();
    let task = town.task("maps");
    let clone = town.clone_of("sam");
    assert!(clone.exists());
    say(&town, "sam", done(&task));
    let other = town.bed.key("sam-new");
    town.write_user("sam", Some(&other), &[]);
    refused(&read(&town), "no key of the approved manifests signed it");
    say(&town, "ada", done(&task));
    town.access
        .edit("users/ada.yaml", "spec:\n", "spec:\n  state: suspended\n");
    town.access.commit("ada is away");
    refused(&read(&town), "ada is not here now");
}

#[test]
fn a_message_counts_once_for_one_ledger_and_for_seven_days() {
    let town = Town::applied();
    let pause = || Message::Pause {
        resource: None,
        reason: "move of the server room".into(),
    };
    say(&town, "ada", pause());
    let sent = git(
        &town.bed.remote(),
        &[
            "for-each-ref",
            "--format=%(objectname)",
            "refs/heads/countersign/inbox",
        ],
    );
    assert_eq!(read(&town)[0].refused, None);
    assert!(
        town.ledger()
            .history()
            .orders()
            .paused()
            .contains_key(&None)
    );
    say(&town, "ada", Message::Unpause { resource: None });
    assert_eq!(read(&town)[0].refused, None);
    // Somebody kept the first one and sends it once more.
    let again = "refs/heads/countersign/inbox/again";
    git(&town.bed.remote(), &["update-ref", again, &sent]);
    refused(&read(&town), "it was read before");
    assert!(town.ledger().history().orders().paused().is_empty());
    assert_eq!(town.inbox(), 0);

    let week = Timestamp::now() - SignedDuration::from_hours(8 * 24);
    say_at(&town, "ada", pause(), week);
    refused(&read(&town), "more than seven days ago");
    // A ledger of the same name elsewhere.
    let other = Town::applied();
    say(&other, "ada", pause());
    let clone = other.bed.path().join("clone-of-ada");
    let town_remote = town.bed.remote().display().to_string();
    let letterbox = Letterbox::of(&clone).unwrap().unwrap();
    assert!(letterbox.send(pause(), Timestamp::now()).is_ok());
    let foreign = git(
        &other.bed.remote(),
        &[
            "for-each-ref",
            "--format=%(objectname)",
            "refs/heads/countersign/inbox",
        ],
    );
    let foreign = foreign.lines().next().unwrap();
    git(
        &other.bed.remote(),
        &[
            "push",
            "--quiet",
            &town_remote,
            &format!("{foreign}:{again}"),
        ],
    );
    let answers = read(&town);
    assert!(answers[0].refused.is_some(), "{answers:?}");
}

/// The same words, signed by somebody else.
fn signed_by(town: &Town, who: &str, commit: &str) -> String {
    let remote = town.bed.remote();
    let said = |format: &str| {
        let format = format!("--format={format}");
        let said = git(&remote, &["show", "--no-patch", &format, commit]);
        said.trim_end_matches('\n').to_owned()
    };
    let key = town.bed.path().join(who);
    let out = Command::new("git")
        .arg("-C")
        .arg(&remote)
        .args(["-c", "gpg.format=ssh", "-c"])
        .arg(format!("user.signingkey={}", key.display()))
        .args(["commit-tree", "-S", "-m", &said("%B"), &said("%T")])
        .env("GIT_AUTHOR_NAME", said("%an"))
        .env("GIT_AUTHOR_EMAIL", said("%ae"))
        .env("GIT_AUTHOR_DATE", format!("{} +0000", said("%at")))
        .env("GIT_COMMITTER_NAME", said("%cn"))
        .env("GIT_COMMITTER_EMAIL", said("%ce"))
        .env("GIT_COMMITTER_DATE", format!("{} +0000", said("%ct")))
        .output()
        .unwrap();
    assert!(
        out.status.success(),
        "{}",
        String::from_utf8_lossy(&out.stderr)
    );
    String::from_utf8(out.stdout).unwrap().trim().to_owned()
}

#[test]
fn nobody_silences_a_message_by_signing_the_same_words_first() {
    let town = Town::applied();
    let pause = Message::Pause {
        resource: None,
        reason: "move of the server room".into(),
    };
    say(&town, "ada", pause);
    let inbox = "refs/heads/countersign/inbox";
    let all = ["for-each-ref", "--format=%(objectname)", inbox];
    let sent = git(&town.bed.remote(), &all);
    let copy = signed_by(&town, "sam", sent.trim());
    let payload = |commit: &str| {
        let text = git(&town.bed.remote(), &["cat-file", "commit", commit]);
        let (headers, message) = text.split_once("gpgsig ").unwrap();
        let (_, message) = message.split_once("\n\n").unwrap();
        format!("{headers}{message}")
    };
    assert_eq!(payload(&copy), payload(sent.trim()));
    let first = format!("{inbox}/0");
    git(&town.bed.remote(), &["update-ref", &first, &copy]);
    let answers = read(&town);
    let refused: Vec<bool> = answers.iter().map(|a| a.refused.is_some()).collect();
    assert_eq!(refused, [true, false], "{answers:?}");
    let ledger = town.ledger();
    assert!(ledger.history().orders().paused().contains_key(&None));
}

#[test]
fn only_administrators_allow_a_plan_or_pause_everything_and_maintainers_pause_their_own() {
    let town = Town::applied();
    let allow = || Message::Allow {
        digest: "abc".into(),
    };
    say(&town, "ada", allow());
    refused(&read(&town), "no plan is held as abc");
    let held = Event::RunHeld {
        digest: "abc".into(),
        steps: Vec::new(),
    };
    let mut record = selection("kim", "x");
    record.event = held;
    town.ledger().append(record).unwrap();
    say(&town, "sam", allow());
    refused(&read(&town), "no administrator");
    say(&town, "ada", allow());
    assert_eq!(read(&town)[0].refused, None);
    let now = Timestamp::now();
    let ledger = town.ledger();
    let orders = ledger.history().orders();
    assert_eq!(orders.allowed("abc", now).unwrap().by, "ada");
    assert_eq!(
        orders.allowed("abc", now + SignedDuration::from_hours(25)),
        None
    );
    drop(ledger);
    let pause = |resource: Option<&str>| Message::Pause {
        resource: resource.map(|r| ResourceName::new(r).unwrap()),
        reason: "upgrade".into(),
    };
    say(&town, "sam", pause(Some("maps")));
    assert_eq!(read(&town)[0].refused, None);
    say(&town, "sam", pause(Some("timesheets")));
    refused(&read(&town), "no maintainer of timesheets");
    say(&town, "sam", pause(None));
    refused(&read(&town), "no administrator");
    let ledger = town.ledger();
    let paused = ledger.history().orders().paused();
    assert_eq!(paused.len(), 1);
}

#[test]
fn what_is_no_message_is_refused_and_taken_out() {
    let town = Town::applied();
    for (name, target) in [("ledger", BRANCH), ("junk", "refs/heads/junk")] {
        if name == "junk" {
            let clone = town.clone_of("ada");
            git(&clone, &["push", "--quiet", "origin", "HEAD:junk"]);
        }
        let into = format!("refs/heads/countersign/inbox/{name}");
        git(&town.bed.remote(), &["update-ref", &into, target]);
    }
    let answers = read(&town);
    assert_eq!(answers.len(), 2);
    assert!(answers.iter().all(|a| a.refused.is_some()), "{answers:?}");
    assert_eq!(town.inbox(), 0);
}

#[test]
fn who_cannot_sign_sends_nothing_and_who_has_the_record_says_it_directly() {
    let town = Town::applied();
    let clone = town.clone_of("sam");
    let task = town.task("maps");
    git(&clone, &["config", "user.signingkey", "/nowhere/key"]);
    let ran = town.in_clone(&clone, &["task", "done", &task]).ends(64);
    assert!(ran.err.contains("user.signingkey"), "{}", ran.err);
    assert_eq!(town.inbox(), 0);
    let ran = town.in_clone(&clone, &["task", "done", &task, "--by", "sam"]);
    assert!(ran.ends(64).err.contains("leave out --by"));
    town.access.run(&["task", "done", &task]).ends(0);
    assert_eq!(town.inbox(), 0);
}
