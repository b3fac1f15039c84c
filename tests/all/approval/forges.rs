//! Plan, apply and `approve-check` with a forge's record of reviews as evidence, on real repositories
//! with real merges: what reviewers approved is done, and nothing else.

use super::held::{ACCOUNT, asked, held, operated_with, plan, set};
use super::hub::{Did, FORGES, Hub, Pull, Said};
use super::{ADMINISTRATOR, By, Town, request, user};
use countersign::forge::ForgeKind;
use std::fs;

const FILE: &str = "requests/maps.yaml";

/// A town whose people have logins, and an operator who asks a forge.
pub fn town(kind: ForgeKind) -> (Town, Hub) {
    let hub = Hub::new(kind);
    let town = operated_with("signed-merge", |access, town| {
        for name in ["ada", "ben", "cleo", "sam", "kim"] {
            let more = match name {
                "sam" => "",
                "kim" => ACCOUNT,
                _ => ADMINISTRATOR,
            };
            let keys = match name {
                "kim" => vec![],
                _ => vec![town.public(name)],
            };
            access.write(&format!("users/{name}.yaml"), &known(name, &keys, more));
        }
    });
    set(
        &town,
        "evidence: {module: signed-merge}",
        &hub.evidence(&town.access.operator()),
    );
    (town, hub)
}

/// A user with a login of that name, written as its owner does, at every forge.
pub fn known(name: &str, keys: &[String], more: &str) -> String {
    let text = user(name, keys, more);
    let credentials = if keys.is_empty() {
        "  credentials:\n"
    } else {
        ""
    };
    let login = format!("{}{}-L", name[..1].to_uppercase(), &name[1..]);
    format!(
        "{text}{credentials}    forgeLogins: {{github: {login}, gitlab: {login}, forgejo: {login}}}\n"
    )
}

/// A branch on which sam asks for kim, in one commit that nobody signed.
pub fn branch(town: &Town, name: &str, level: &str) -> String {
    let text = request("sam", "kim", level).replace("maps-kim", name);
    let file = format!("requests/{name}.yaml");
    town.pull(By::Nobody, name, &[(&file, &text)])
}

/// Squashes a branch into main as forges do.
pub fn squash(town: &Town, branch: &str) -> String {
    town.access.git(&["checkout", "--quiet", "main"]);
    town.access.git(&["merge", "--quiet", "--squash", branch]);
    town.commit(By::Nobody, &format!("{branch} (#1)"))
}

/// Checks main from the first commit on; how it ended and what it said.
fn check(town: &Town) -> (i32, String) {
    let range = format!("{}..main", town.first);
    let ran = town.access.run(&["approve-check", &range]);
    (ran.code, format!("{}{}", ran.out, ran.err))
}

#[track_caller]
fn refused(town: &Town, words: &[&str]) {
    let (code, said) = check(town);
    assert_eq!(code, 1, "{said}");
    for word in words {
        assert!(said.contains(word), "{word:?} is not in\n{said}");
    }
}

#[track_caller]
fn approved(town: &Town, by: &[&str]) {
    let range = format!("{}..main", town.first);
    let ran = town
        .access
        .run(&["approve-check", &range, "--format", "json"])
        .ends(0);
    let json = ran.json();
    assert_eq!(json["evidence"], "forge-reviews");
    let last = json["commits"].as_array().unwrap().last().unwrap().clone();
    let counted = last["counted"].as_array().unwrap().iter();
    let counted: Vec<&str> = counted.map(|a| a["user"].as_str().unwrap()).collect();
    assert_eq!(counted, by, "{}", ran.out);
}

#[test]
fn what_reviewers_approved_is_applied_and_known_commits_are_not_asked_about_again() {
    for kind in FORGES {
        for way in ["squash", "merge"] {
            let (town, hub) = town(kind);
            let head = branch(&town, "maps", "viewer");
            let merge = match way {
                "squash" => squash(&town, "maps"),
                _ => town.merge(By::Nobody, "maps"),
            };
            hub.tells(&[Pull::new(7, "sam-l", &head)
                .merged(&merge)
                .approved_by(&["ADA-l"])]);
            let made = plan(&town, 0);
            assert_eq!(made["approval"], "forge-reviews");
            assert_eq!(made["revision"], merge.as_str());
            assert_eq!(asked(&made), [("kim".to_owned(), "maps".to_owned())]);
            let evidence = made["verified"]["evidence"].as_array().unwrap();
            let ours = evidence.iter().find(|e| e["commit"] == merge.as_str());
            let approver = &ours.unwrap()["approvers"][0];
            assert_eq!(approver["user"], "ada");
            let how = format!("approved #7 on {} as ada-l", kind.title());
            assert_eq!(approver["how"], how.as_str());
            let human = town.access.run(&["plan"]).ends(0).out;
            let line = format!("approval: forge-reviews, from {}", &town.first[..12]);
            assert!(human.contains(&line), "{human}");
            town.access.run(&["apply"]).ends(0);
            assert_eq!(town.access.tasks().len(), 1);
            let ledger = fs::read_to_string(town.access.ledger()).unwrap();
            assert!(
                ledger.contains("\"evidence\":\"forge-reviews\""),
                "{ledger}"
            );
            // From then on the record tells it, and the forge is left alone.
            hub.tells(&[]);
            assert_eq!(plan(&town, 0)["revision"], merge.as_str());
            town.access.run(&["apply"]).ends(0);
            assert_eq!(hub.asked(), 0);
        }
    }
}

#[test]
fn what_is_not_approved_is_held_until_it_is() {
    for kind in FORGES {
        let (town, hub) = town(kind);
        let head = branch(&town, "maps", "viewer");
        let merge = squash(&town, "maps");
        let pull = Pull::new(7, "sam-l", &head).merged(&merge);
        hub.tells_of(&pull);
        let made = plan(&town, 1);
        assert_eq!(made["revision"], town.first.as_str());
        assert_eq!(asked(&made), []);
        let held = held(&made);
        let first = format!("not-approved - commit {}", &merge[..12]);
        assert!(held.iter().any(|h| h.starts_with(&first)), "{held:?}");
        town.access.run(&["apply"]).ends(1);
        assert_eq!(town.access.tasks().len(), 0);
        // A review that came too late makes it good.
        hub.tells(&[pull.approved_by(&["cleo-l"])]);
        town.access.run(&["apply"]).ends(0);
        assert_eq!(town.access.tasks().len(), 1);
    }
}

#[test]
fn only_the_last_word_of_others_on_the_last_commit_counts_and_the_rest_is_told() {
    for kind in FORGES {
        let (town, hub) = town(kind);
        let old = branch(&town, "maps", "viewer");
        town.access.write("README.md", "The town of maps\n");
        let head = town.commit(By::Nobody, "More");
        let merge = squash(&town, "maps");
        let new = || Pull::new(7, "sam-l", &old).merged(&merge);
        let pushed = |pull: Pull| pull.pushed(&head, "sam-l");
        let last = || pushed(new());
        let retargeted = Pull {
            retargeted: Some(10),
            ..last().approved_by(&["ada-l"])
        };
        let cases = [
            (last(), &["has none"][..]),
            (last().approved_by(&["sam-l"]), &["it is their own"]),
            (last().approved_by(&["kim-l"]), &["kim", "whom it is about"]),
            (
                pushed(new().approved_by(&["ada-l"])),
                match kind {
                    ForgeKind::Forgejo => &["ada (`ada-l`) approved #7 before it was pushed to"],
                    ForgeKind::GitHub | ForgeKind::GitLab => &["and more was pushed since"],
                },
            ),
            (
                last().said("ada-l", Did::TookBack),
                &["the review of #7 by ada (`ada-l`) was dismissed or taken back"],
            ),
            (
                Pull {
                    reviews: [&last().approved_by(&["ada-l"]), &{
                        let mut later = last().said("ada-l", Did::AskedForChanges);
                        later.reviews[0].hour += 1;
                        later
                    }]
                    .into_iter()
                    .flat_map(|pull| pull.reviews.clone())
                    .collect(),
                    ..last()
                },
                &["ada (`ada-l`) asks for changes of #7"],
            ),
            (
                last().approved_by(&["ghost"]),
                &["`ghost`, which is nobody's login by the revision before"],
            ),
            (retargeted, &["its target branch was changed"]),
        ];
        for (pull, words) in cases {
            hub.tells(&[pull]);
            refused(&town, words);
        }
        hub.tells(&[last().approved_by(&["ada-l"])]);
        approved(&town, &["ada"]);
    }
}

#[test]
fn logins_are_those_of_the_revision_before() {
    let (town, hub) = town(ForgeKind::GitHub);
    // Eve comes, with ada's login beside ada's own; both changes are for others to approve.
    let more = known("eve", &[], "").replace("Eve-L", "ada-l");
    let head = town.pull(By::Nobody, "eve", &[("users/eve.yaml", &more)]);
    let merge = squash(&town, "eve");
    let pull = Pull::new(7, "sam-l", &head).merged(&merge);
    hub.tells(&[pull.clone().approved_by(&["ada-l"])]);
    refused(&town, &["it needs 2 approvers", "has 1: ada"]);
    let first = pull.approved_by(&["ada-l", "ben-l"]);
    hub.tells_of(&first);
    approved(&town, &["ada", "ben"]);
    // From now on that login is nobody's.
    let head = branch(&town, "maps", "viewer");
    let merge = squash(&town, "maps");
    let second = Pull::new(8, "sam-l", &head).merged(&merge);
    hub.tells(&[first.clone(), second.clone().approved_by(&["ada-l"])]);
    refused(&town, &["the login of several users (ada, eve)"]);
    hub.tells(&[first, second.approved_by(&["ben-l"])]);
    approved(&town, &["ben"]);
}

#[test]
fn one_that_was_for_another_branch_is_no_evidence_for_this_one() {
    for kind in FORGES {
        let (town, hub) = town(kind);
        let head = branch(&town, "maps", "viewer");
        let merge = town.merge(By::Nobody, "maps");
        let pull = Pull {
            base: "sandbox".into(),
            ..Pull::new(7, "sam-l", &head)
                .merged(&merge)
                .approved_by(&["ada-l", "ben-l"])
        };
        hub.tells(&[pull]);
        refused(
            &town,
            &["#7 is a pull request for `sandbox`, and `main` is what is followed"],
        );
    }
}

#[test]
fn what_was_changed_while_merging_was_not_reviewed() {
    for kind in FORGES {
        for way in ["squash", "merge"] {
            let (town, hub) = town(kind);
            let head = branch(&town, "maps", "viewer");
            town.access.git(&["checkout", "--quiet", "main"]);
            match way {
                "squash" => town.access.git(&["merge", "--quiet", "--squash", "maps"]),
                _ => town
                    .access
                    .git(&["merge", "--quiet", "--no-ff", "--no-commit", "maps"]),
            };
            town.access.edit(FILE, "level: viewer", "level: editor");
            let merge = town.commit(By::Nobody, "Maps (#7)");
            hub.tells(&[Pull::new(7, "sam-l", &head)
                .merged(&merge)
                .approved_by(&["ada-l", "ben-l"])]);
            refused(
                &town,
                &[
                    "the merge holds what neither side has, in requests/maps.yaml",
                    "what #7 was approved for is not this",
                ],
            );
        }
    }
}

#[test]
fn another_head_than_the_reviewed_one_is_not_approved() {
    for kind in FORGES {
        let (town, hub) = town(kind);
        let good = branch(&town, "good", "viewer");
        branch(&town, "evil", "editor");
        let merge = town.merge(By::Nobody, "evil");
        hub.tells(&[Pull::new(7, "sam-l", &good)
            .merged(&merge)
            .approved_by(&["ada-l", "ben-l"])]);
        refused(&town, &["what #7 was approved for is not this"]);
    }
}

#[test]
fn a_rebase_of_several_commits_is_no_merge_that_was_reviewed() {
    for kind in FORGES {
        let (town, hub) = town(kind);
        let first = branch(&town, "maps", "viewer");
        town.access.write("README.md", "Maps\n");
        let head = town.commit(By::Nobody, "More");
        town.access.git(&["checkout", "--quiet", "main"]);
        town.access.write("notes.txt", "Meanwhile\n");
        // What main got meanwhile is fine.
        let meanwhile = town.pull(By::Nobody, "notes", &[("notes.txt", "Meanwhile\n")]);
        let before = squash(&town, "notes");
        town.access
            .git(&["checkout", "--quiet", "-b", "rebased", "maps"]);
        town.access.git(&["rebase", "--quiet", "main"]);
        let last = town.head();
        town.access.git(&["checkout", "--quiet", "main"]);
        town.access
            .git(&["merge", "--quiet", "--ff-only", "rebased"]);
        let notes = Pull::new(6, "sam-l", &meanwhile)
            .merged(&before)
            .approved_by(&["ada-l"]);
        let maps = Pull::new(7, "sam-l", &first)
            .pushed(&head, "sam-l")
            .merged(&last)
            .approved_by(&["ada-l", "ben-l"]);
        hub.tells(&[notes, maps]);
        refused(
            &town,
            &[
                "knows no pull request that was merged or squashed as this commit",
                "it stands on the branch without a merge",
            ],
        );
        assert_eq!(plan(&town, 1)["revision"], before.as_str());
    }
}

#[test]
fn a_forge_that_fails_in_the_middle_concludes_nothing() {
    for kind in FORGES {
        let (town, hub) = town(kind);
        let first = branch(&town, "maps", "viewer");
        let one = squash(&town, "maps");
        let second = branch(&town, "more", "editor");
        let two = squash(&town, "more");
        let pulls = [
            Pull::new(7, "sam-l", &first)
                .merged(&one)
                .approved_by(&["ada-l"]),
            Pull::new(8, "sam-l", &second)
                .merged(&two)
                .approved_by(&["ada-l"]),
        ];
        for (status, retry, words) in [
            (503, None, "503"),
            (429, Some("9999"), "rate limit"),
            (404, None, "404"),
            (401, None, "the token is not right"),
        ] {
            hub.tells(&pulls);
            hub.fails(8, status, retry);
            let ran = town.access.run(&["apply"]).ends(3);
            let said = format!("the reviews of {two} could not be read to their end");
            assert!(ran.err.contains(&said), "{}", ran.err);
            assert!(ran.err.contains(words), "{}", ran.err);
            assert_eq!(ran.out, "");
            let ledger = fs::read_to_string(town.access.ledger()).unwrap_or_default();
            assert!(!ledger.contains("verified"), "{ledger}");
            assert_eq!(town.access.mails().len(), 0);
        }
        assert_eq!(town.access.run(&["plan"]).ends(3).out, "");
        assert_eq!(check(&town).0, 3);
        hub.tells(&pulls);
        town.access.run(&["apply"]).ends(0);
        assert_eq!(plan(&town, 0)["revision"], two.as_str());
    }
}

#[test]
fn reviews_are_read_to_the_last_page() {
    for kind in FORGES {
        let (town, hub) = town(kind);
        let head = branch(&town, "maps", "viewer");
        let merge = squash(&town, "maps");
        let pull = Pull::new(7, "sam-l", &head)
            .merged(&merge)
            .approved_by(&["ada-l"]);
        let doubts = |login: &str| Said {
            login: login.into(),
            did: Did::AskedForChanges,
            commit: head.clone(),
            hour: 12,
        };
        let first = Pull {
            reviews: [pull.reviews.clone(), vec![doubts("kim-l")]].concat(),
            ..pull
        };
        hub.tells_of(&first);
        approved(&town, &["ada"]);
        hub.tells_of(&first);
        hub.second_page(&first, &[doubts("ada-l")]);
        refused(&town, &["ada (`ada-l`) asks for changes of #7"]);
    }
}

#[test]
fn a_direct_push_is_held_and_signed_tags_cover_it() {
    for kind in FORGES {
        let (town, hub) = town(kind);
        hub.tells(&[]);
        town.access.write(FILE, &request("sam", "kim", "viewer"));
        let pushed = town.commit(By::Nobody, "Quickly");
        refused(
            &town,
            &["a direct push, a rebase of several commits and a fast-forward are none"],
        );
        town.approve(By::Ssh("ada"), "ada", &pushed).ends(0);
        refused(&town, &["it needs 2 approvers", "has 1: ada"]);
        town.approve(By::Ssh("ben"), "ben", &pushed).ends(0);
        approved(&town, &["ada", "ben"]);
        town.access.run(&["apply"]).ends(0);
    }
}

#[test]
fn whoever_is_said_to_have_written_a_commit_does_not_approve_it() {
    // GitLab does not tell whose a commit is.
    for kind in [ForgeKind::GitHub, ForgeKind::Forgejo] {
        let (town, hub) = town(kind);
        let old = branch(&town, "maps", "viewer");
        town.access.write("README.md", "By ada\n");
        let head = town.commit(By::Nobody, "More");
        let merge = squash(&town, "maps");
        let pull = Pull::new(7, "sam-l", &old)
            .pushed(&head, "ada-l")
            .merged(&merge);
        hub.tells(&[pull.clone().approved_by(&["ada-l"])]);
        refused(&town, &["ada", "which does not count", "has none"]);
        hub.tells(&[pull.approved_by(&["ada-l", "ben-l"])]);
        approved(&town, &["ben"]);
    }
}

#[test]
fn an_administrators_edit_that_gives_more_needs_a_second_one() {
    for kind in [ForgeKind::GitHub, ForgeKind::Forgejo] {
        let (town, hub) = town(kind);
        let old = branch(&town, "maps", "viewer");
        town.access.edit(FILE, "level: viewer", "level: editor");
        let head = town.commit(By::Nobody, "More");
        let merge = squash(&town, "maps");
        let pull = Pull::new(7, "sam-l", &old)
            .pushed(&head, "ada-l")
            .merged(&merge);
        hub.tells(&[pull.clone().approved_by(&["ada-l"])]);
        refused(
            &town,
            &[
                "it needs 2 approvers (ada edited request maps",
                "has 1: ada",
            ],
        );
        hub.tells(&[pull.approved_by(&["ada-l", "cleo-l"])]);
        approved(&town, &["ada", "cleo"]);
    }
}

#[test]
fn a_form_is_asked_for_by_whoever_filled_it_in() {
    for kind in FORGES {
        let (town, hub) = town(kind);
        let head = branch(&town, "maps", "viewer");
        let merge = squash(&town, "maps");
        let pull = Pull {
            branch: "request/form-12".into(),
            text: "Closes #12".into(),
            ..Pull::new(7, "form-bot", &head)
                .merged(&merge)
                .approved_by(&["ada-l"])
        };
        hub.tells_of(&pull);
        hub.issue(12, "sam-l");
        approved(&town, &["ada"]);
        // Somebody else filled it in.
        hub.tells_of(&pull);
        hub.issue(12, "ben-l");
        refused(
            &town,
            &["request maps says that sam asks for it, and ben brought it"],
        );
        // Nobody here did.
        hub.tells_of(&pull);
        hub.issue(12, "ghost");
        refused(&town, &["#7 was opened by ghost, which is nobody's login"]);
        // It is gone, and nobody can tell.
        let said = "was opened by the bot form-bot, and whose form it was made from cannot be told";
        hub.tells_of(&pull);
        refused(&town, &[said, "404"]);
        let wrong = Pull {
            text: "Closes #13".into(),
            ..pull
        };
        hub.tells(&[wrong]);
        hub.issue(12, "sam-l");
        refused(&town, &[said, "different issues"]);
    }
}

#[test]
fn gitlabs_merge_of_a_squash_is_the_squash_of_what_was_reviewed() {
    let (town, hub) = town(ForgeKind::GitLab);
    let first = branch(&town, "maps", "viewer");
    town.access.write("README.md", "Maps\n");
    let head = town.commit(By::Nobody, "More");
    let squashed = |altered: bool| {
        town.access
            .git(&["checkout", "--quiet", "-B", "squashed", &town.first]);
        town.access.git(&["merge", "--quiet", "--squash", "maps"]);
        if altered {
            town.access.edit(FILE, "level: viewer", "level: editor");
        }
        let squash = town.commit(By::Nobody, "Maps");
        town.access
            .git(&["branch", "--quiet", "--force", "main", &town.first]);
        (squash, town.merge(By::Nobody, "squashed"))
    };
    let told = |(squash, merge): (String, String)| {
        hub.tells(&[Pull {
            squash: Some(squash),
            ..Pull::new(7, "sam-l", &first)
                .pushed(&head, "sam-l")
                .merged(&merge)
                .approved_by(&["ada-l"])
        }]);
    };
    told(squashed(false));
    approved(&town, &["ada"]);
    told(squashed(true));
    refused(&town, &["what #7 was approved for is not this"]);
}

#[test]
fn what_another_sort_of_evidence_proved_is_proved_again() {
    let (town, hub) = town(ForgeKind::GitHub);
    let text = fs::read_to_string(town.access.operator()).unwrap();
    let evidence = hub.evidence(&town.access.operator());
    set(&town, &evidence, "evidence: {module: signed-merge}");
    town.pull(
        By::Ssh("sam"),
        "maps",
        &[(FILE, &request("sam", "kim", "viewer"))],
    );
    let head = town.head();
    let merge = town.merge(By::Ssh("ada"), "maps");
    town.access.run(&["apply"]).ends(0);
    fs::write(town.access.operator(), text).unwrap();
    hub.tells(&[Pull::new(7, "sam-l", &head).merged(&merge)]);
    plan(&town, 0);
    assert!(hub.asked() > 0);
    // And a record of reviews is none of signatures.
    let (town, hub) = self::town(ForgeKind::GitHub);
    let head = branch(&town, "maps", "viewer");
    let merge = squash(&town, "maps");
    hub.tells(&[Pull::new(7, "sam-l", &head)
        .merged(&merge)
        .approved_by(&["ada-l"])]);
    town.access.run(&["apply"]).ends(0);
    let evidence = hub.evidence(&town.access.operator());
    set(&town, &evidence, "evidence: {module: signed-merge}");
    assert_eq!(plan(&town, 1)["revision"], town.first.as_str());
}

#[test]
fn a_loop_fetches_the_head_that_was_squashed() {
    for kind in FORGES {
        let (town, hub) = town(kind);
        let head = branch(&town, "maps", "viewer");
        let merge = squash(&town, "maps");
        // As on a forge: the branch is gone, and only the forge's own ref has what was reviewed.
        town.access.git(&["branch", "--quiet", "-D", "maps"]);
        let kept = kind.heads().replace('*', "7");
        town.access.git(&["update-ref", &kept, &head]);
        hub.tells(&[Pull::new(7, "sam-l", &head)
            .merged(&merge)
            .approved_by(&["ada-l"])]);
        town.access.run(&["run", "--once"]).ends(0);
        assert_eq!(town.access.tasks().len(), 1);
    }
}
