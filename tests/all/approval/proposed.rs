//! `approve-check` of an open pull request by the reviews of a forge, and what it says where it cannot
//! tell.

use super::forges::{branch, squash, town};
use super::held::set;
use super::hub::{Did, FORGES, Hub, Pull};
use super::{By, Town, request, user};
use crate::bed::Ran;
use countersign::forge::ForgeKind;

fn proposed(town: &Town, head: &str) -> Ran {
    let range = format!("main..{head}");
    town.access
        .run(&["approve-check", &range, "--pull-request"])
}

/// The same without an operator, by flags.
fn flagged(town: &Town, hub: &Hub, head: &str, more: &[&str]) -> Ran {
    let range = format!("main..{head}");
    let flags = hub.flags(&town.access.operator());
    let mut all = vec!["approve-check", &range, "--pull-request"];
    all.extend(flags.iter().map(String::as_str));
    all.extend(more);
    town.access.run_embedded(&all)
}

#[track_caller]
fn says(ran: Ran, code: i32, words: &[&str]) {
    let said = format!("{}{}", ran.out, ran.err);
    assert_eq!(ran.code, code, "{said}");
    for word in words {
        assert!(said.contains(word), "{word:?} is not in\n{said}");
    }
}

#[test]
fn an_open_pull_request_is_approved_by_reviews_of_its_head() {
    for kind in FORGES {
        let (town, hub) = town(kind);
        let head = branch(&town, "maps", "viewer");
        town.access.git(&["checkout", "--quiet", "main"]);
        let pull = Pull::new(7, "sam-l", &head);
        hub.tells_of(&pull);
        says(
            proposed(&town, &head),
            1,
            &["not approved yet", "may approve: ada, ben, cleo"],
        );
        hub.tells(&[
            Pull::new(6, "sam-l", &town.first),
            pull.clone().approved_by(&["ada-l"]),
        ]);
        let how = format!("ada approved #7 on {} as ada-l", kind.title());
        says(
            proposed(&town, &head),
            0,
            &[&how, "approved: it can be merged"],
        );
        says(flagged(&town, &hub, &head, &[]), 0, &[&how]);
        // Its author is nobody's reviewer, whoever they are.
        hub.tells(&[Pull::new(7, "ada-l", &head).approved_by(&["ada-l"])]);
        says(
            proposed(&town, &head),
            1,
            &["it is their own", "says that sam asks for it, and ada"],
        );
        hub.tells(&[pull.said("ada-l", Did::AskedForChanges)]);
        says(proposed(&town, &head), 1, &["asks for changes of #7"]);
    }
}

#[test]
fn reviews_from_before_a_push_are_of_something_else() {
    for kind in FORGES {
        let (town, hub) = town(kind);
        let old = branch(&town, "maps", "viewer");
        town.access.write("README.md", "More\n");
        let head = town.commit(By::Nobody, "More");
        let pull = Pull::new(7, "sam-l", &old)
            .approved_by(&["ada-l"])
            .pushed(&head, "sam-l");
        hub.tells(&[pull]);
        says(proposed(&town, &head), 1, &["has none", "ada (`ada-l`)"]);
        // What was there before is no head of anything any more.
        says(
            proposed(&town, &old),
            1,
            &["knows no open pull request for `main` with this head"],
        );
    }
}

#[test]
fn a_pull_request_is_known_by_its_head_and_its_branch() {
    for kind in FORGES {
        let (town, hub) = town(kind);
        let head = branch(&town, "maps", "viewer");
        let pull = |number, base: &str| Pull {
            base: base.into(),
            ..Pull::new(number, "sam-l", &head).approved_by(&["ada-l"])
        };
        hub.tells(&[pull(7, "sandbox")]);
        says(
            proposed(&town, &head),
            1,
            &["no open pull request for `main`"],
        );
        says(
            flagged(&town, &hub, &head, &["--branch", "sandbox"]),
            0,
            &["approved #7"],
        );
        hub.tells(&[pull(7, "sandbox"), pull(8, "main")]);
        says(proposed(&town, &head), 0, &["approved #8"]);
        hub.tells(&[pull(8, "main"), pull(9, "main")]);
        says(
            proposed(&town, &head),
            1,
            &["several open pull requests have the head", "(#8, #9)"],
        );
    }
}

#[test]
fn control_needs_two_reviewers_before_the_merge_too() {
    for kind in FORGES {
        let (town, hub) = town(kind);
        let text = user("kim", &[town.public("eve")], "");
        let head = town.pull(By::Nobody, "key", &[("users/kim.yaml", &text)]);
        let pull = Pull::new(7, "sam-l", &head).approved_by(&["ada-l"]);
        hub.tells_of(&pull);
        says(
            proposed(&town, &head),
            1,
            &["it needs 2 approvers", "control: credentials of kim"],
        );
        hub.tells(&[pull.approved_by(&["ben-l"])]);
        says(proposed(&town, &head), 0, &[]);
    }
}

#[test]
fn a_tag_and_a_review_count_together() {
    let (town, hub) = town(ForgeKind::GitHub);
    let text = user("kim", &[town.public("eve")], "");
    let head = town.pull(By::Nobody, "key", &[("users/kim.yaml", &text)]);
    hub.tells(&[Pull::new(7, "sam-l", &head).approved_by(&["ada-l"])]);
    for name in ["ada", "ben"] {
        town.approve(By::Ssh(name), name, &head).ends(0);
    }
    says(proposed(&town, &head), 0, &["2 of 2 approvals"]);
}

#[test]
fn a_forge_that_does_not_tell_ends_with_3() {
    for kind in FORGES {
        let (town, hub) = town(kind);
        let head = branch(&town, "maps", "viewer");
        hub.tells(&[Pull::new(7, "sam-l", &head).approved_by(&["ada-l"])]);
        hub.fails(7, 502, None);
        for ran in [proposed(&town, &head), flagged(&town, &hub, &head, &[])] {
            assert_eq!(ran.out, "");
            says(ran, 3, &["could not be read to their end", "502"]);
        }
        // Nobody is there.
        let gone = {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            listener.local_addr().unwrap()
        };
        let there = hub.bed.front().address.to_string();
        set(&town, &there, &gone.to_string());
        says(proposed(&town, &head), 3, &["no answer to"]);
    }
}

#[test]
fn settings_that_are_missing_are_said_before_anything_is_asked() {
    let (town, hub) = town(ForgeKind::Forgejo);
    let head = branch(&town, "maps", "viewer");
    let range = format!("main..{head}");
    let check = |more: &[&str]| {
        let all: Vec<&str> = ["approve-check", &range]
            .iter()
            .chain(more)
            .copied()
            .collect();
        town.access.run_embedded(&all)
    };
    says(
        check(&["--evidence", "forge-reviews"]),
        64,
        &["none is named: say --forge and --repository, or name an operator's file"],
    );
    says(
        check(&["--forge", "forgejo", "--repository", "city/access"]),
        64,
        &["say with --url where this Forgejo is"],
    );
    says(check(&["--forge", "github"]), 64, &["--repository"]);
    says(check(&["--repository", "a/b"]), 64, &["--forge"]);
    says(
        check(&["--forge", "github", "--repository", "a"]),
        64,
        &["this is not `owner/name`"],
    );
    says(
        check(&[
            "--forge",
            "github",
            "--repository",
            "a/b",
            "--evidence",
            "signed-merge",
        ]),
        64,
        &["signed merges ask no forge"],
    );
    says(
        check(&[
            "--forge",
            "github",
            "--repository",
            "a/b",
            "--token-variable",
            "NO_SUCH_VARIABLE",
        ]),
        3,
        &["NO_SUCH_VARIABLE"],
    );
    // An operator whose evidence is another.
    let evidence = hub.evidence(&town.access.operator());
    set(&town, &evidence, "evidence: {module: signed-merge}");
    let ran = town
        .access
        .run(&["approve-check", &range, "--evidence", "forge-reviews"]);
    says(ran, 64, &["forge-reviews asks a forge, and none is named"]);
    assert_eq!(hub.asked(), 0);
}

#[test]
fn after_the_merge_flags_do_as_well_as_an_operator() {
    let (town, hub) = town(ForgeKind::GitLab);
    let head = branch(&town, "maps", "viewer");
    let merge = squash(&town, "maps");
    hub.tells(&[Pull::new(7, "sam-l", &head)
        .merged(&merge)
        .approved_by(&["ada-l"])]);
    let range = format!("{}..main", town.first);
    let mut all = vec!["approve-check".to_owned(), range];
    all.extend(hub.flags(&town.access.operator()));
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    says(
        town.access.run_embedded(&all),
        0,
        &["approved #7 on GitLab"],
    );
}

#[test]
fn a_form_is_its_authors_where_the_flags_say_whose_bot_it_is() {
    for (flag, code) in [
        (&["--form-bot", "form-bot"][..], 0),
        (&["--form-bot", "@me"], 0),
        (&[], 1),
    ] {
        let (town, hub) = town(ForgeKind::Forgejo);
        let text = request("sam", "kim", "viewer");
        let head = town.pull(By::Nobody, "maps", &[("requests/maps.yaml", &text)]);
        let pull = Pull {
            branch: "request/form-12".into(),
            text: "Closes #12.".into(),
            ..Pull::new(7, "form-bot", &head).approved_by(&["ada-l"])
        };
        hub.tells(&[pull]);
        hub.issue(12, "sam-l");
        let own = serde_json::json!({"id": 5, "login": "Form-Bot", "username": "Form-Bot"});
        hub.bed.get("/api/v1/user", &own);
        let words = match code {
            0 => "approved: it can be merged",
            _ => "#7 was opened by form-bot, which is nobody's login",
        };
        says(flagged(&town, &hub, &head, flag), code, &[words]);
    }
}
