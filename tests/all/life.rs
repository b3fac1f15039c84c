//! Whole lives: a folder below `tests/cases/life/` → a story, told as successive commits of an access repository over
//! one living directory: an LDIF file, the fake Active Directory, and a real domain controller. All three must show the
//! same, step by step: plan, outcome, mails, what became of the directory, open tasks.
//!
//! After each step that ends well the plan of the same instant is empty, and carrying it out leaves no trace; nobody
//! whom the directory ever held is gone; and who can log on is tried, where there is a server to try it on.
//!
//! `BLESS=1 cargo test --test all life::` writes `expected/` from what the LDIF file shows; its difference is reviewed
//! as code. `tests/cases/life/README.md` says what a story may say.

mod crowd;
#[path = "../runner/fault.rs"]
mod fault;
#[path = "../runner/files.rs"]
mod files;
mod hand;
#[path = "../runner/held.rs"]
mod held;
#[path = "../runner/mail.rs"]
pub mod mail;
mod place;
mod seen;
mod story;
mod telling;
mod words;

use crate::bed::project;
use held::Held;
use place::Kind;
use story::Story;
use telling::Telling;

/// Tells a story, and holds every step against what is expected of it.
fn told(folder: &str, kind: Kind) {
    if let Err(error) = tell(folder, kind) {
        panic!("{folder}: {error}");
    }
}

fn tell(folder: &str, kind: Kind) -> Result<(), String> {
    let folder = project("tests/cases/life").join(folder);
    let story = Story::read(&folder)?;
    let mut expected = Held::in_folder(folder.join("expected"));
    if kind != Kind::File {
        expected = expected.read_only();
    }
    let Some(mut telling) = Telling::begin(&story, kind)? else {
        return Ok(());
    };
    let mut wrong = Vec::new();
    for step in &story.steps {
        let (text, trouble) = telling.step(step)?;
        let shown = expected.is(&format!("{}.txt", step.name), &text);
        let trouble = trouble.map(|trouble| format!("{}: {trouble}", step.name));
        wrong.extend(shown.err().into_iter().chain(trouble));
    }
    wrong.extend(expected.end().err());
    match wrong.is_empty() {
        true => Ok(()),
        false => Err(wrong.join("\n")),
    }
}

macro_rules! stories {
    ($($name:ident: $folder:literal,)*) => {
        const STORIES: &[&str] = &[$($folder),*];

        $(mod $name {
            use super::{Kind, told};

            #[test]
            fn on_ldif() {
                told($folder, Kind::File);
            }

            #[test]
            fn on_the_fake() {
                told($folder, Kind::Fake);
            }

            #[test]
            fn on_a_domain_controller() {
                told($folder, Kind::Domain);
            }
        })*
    };
}

stories! {
    a_client_added: "a-client-added",
    a_contract_that_ends: "a-contract-that-ends",
    a_department_renamed: "a-department-renamed",
    a_group_of_1501: "a-group-of-1501",
    a_group_of_5001: "a-group-of-5001",
    a_half_finished_run: "a-half-finished-run",
    a_hire: "a-hire",
    a_hire_prepared: "a-hire-prepared",
    a_leave_of_absence: "a-leave-of-absence",
    a_leaver_on_friday: "a-leaver-on-friday",
    a_marriage: "a-marriage",
    a_mover_with_overlap: "a-mover-with-overlap",
    a_rehire: "a-rehire",
    a_rehire_under_a_new_name: "a-rehire-under-a-new-name",
    a_role_retired: "a-role-retired",
    a_supervisor_leaves: "a-supervisor-leaves",
    a_transfer: "a-transfer",
    an_edit_between_plan_and_apply: "an-edit-between-plan-and-apply",
    an_identity_switch: "an-identity-switch",
    an_urgent_leaver: "an-urgent-leaver",
    premium_software: "premium-software",
    two_jobs_at_once: "two-jobs-at-once",
    two_of_one_name: "two-of-one-name",
}

#[test]
fn every_story_is_told() {
    let mut folders: Vec<String> = std::fs::read_dir(project("tests/cases/life"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    folders.sort();
    let mut told = STORIES.to_vec();
    told.sort_unstable();
    assert_eq!(folders, told);
}
