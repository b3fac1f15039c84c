//! `mail preview`, `mail template` and `task remind`, as people type them.

use crate::bed::{Access, Directory, Post};

const NEW_HIRE: &str = include_str!("../../../src/cli/demo/new-hire.yaml");

fn access() -> Access {
    let access = Access::example("bloomington")
        .with_ldif(&Access::export_text("bloomington"))
        .operated_by_anchor(&Directory::Ldif, &Post::Outbox);
    access.write("requests/new-hire.yaml", NEW_HIRE);
    access.commit("New hire");
    access
}

#[test]
fn a_preview_shows_samples_and_real_tasks() {
    let access = access();
    for kind in ["digest", "reminder", "overdue", "notice"] {
        for format in ["text", "html", "eml"] {
            let shown = access.run(&["mail", "preview", kind, "--format", format]);
            assert!(shown.ends(0).out.contains("City"), "{kind} {format}");
        }
    }
    access.apply();
    let tasks = access.run(&["task", "list"]).ends(0).out;
    let id = tasks.split_whitespace().next().unwrap().to_owned();
    let shown = access.run(&["mail", "preview", "--task", &id]).ends(0).out;
    assert!(
        shown.contains(&format!("countersign task done {id}")),
        "{shown}"
    );
    let user = "alexander.christopherson";
    let shown = access.run(&["mail", "preview", "overdue", "--user", user]);
    assert!(shown.ends(0).out.contains("overdue"));
    access.run(&["mail", "preview", "--task", "t-0"]).ends(1);
    access
        .run(&["mail", "preview", "notice", "--task", &id])
        .ends(64);
    let before = access.mails().len();
    access.run(&["task", "remind", &id]).ends(0);
    assert_eq!(access.mails().len(), before + 1);
    access.run(&["task", "done", &id, "--by", "dana"]).ends(0);
    access.run(&["task", "remind", &id]).ends(1);
}

#[test]
fn our_own_templates_are_a_start_for_others() {
    let access = access();
    let names = access.run(&["mail", "template"]).ends(0).out;
    assert_eq!(names, "digest.txt\ndigest.html\nnotice.txt\nnotice.html\n");
    for name in names.lines() {
        let text = access.run(&["mail", "template", name]).ends(0).out;
        access.write(&format!("templates/{name}"), &text);
    }
    access.run(&["validate", "--worktree"]).ends(0);
    access.write("templates/digest.txt", "{{ heading }} in our own words\n");
    let shown = access.run(&["mail", "preview", "--worktree"]).ends(0).out;
    assert!(shown.ends_with("in our own words\n"), "{shown}");
    access.write("templates/digest.txt", "{{ heding }}\n");
    access.run(&["mail", "preview", "--worktree"]).ends(1);
    access.run(&["mail", "template", "letter.txt"]).ends(64);
}
