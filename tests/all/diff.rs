//! `countersign diff` on real repositories: what pull requests mean, in each form.

use crate::bed::{Access, Directory, Post, Ran, project};
use crate::policy::quoted;
use serde_json::{Value, json};
use std::fs;

const AT: &str = "2027-02-01T08:00";

/// The small city of the policies' tests, committed.
fn city() -> Access {
    let access = Access::empty();
    access.write("city.yaml", include_str!("policy/world.yaml"));
    access.commit("City");
    access
}

fn request(access: &Access, name: &str, rest: &str) {
    let text = format!(
        "apiVersion: countersign/v1\nkind: Request\nmetadata: {{name: {name}}}\nspec:\n  requestedBy: dana.reyes\n{rest}"
    );
    access.write(&format!("requests/{name}.yaml"), &text);
}

const HIRE: &str = "  action: Activate\n  subject: lee.moss\n  effective: \"2027-03-01\"\n  set: {givenName: Lee, familyName: Moss, \
     type: employee, organization: its, supervisor: dana.reyes}\n  profiles: {add: [analyst]}\n  access: {add: [{resource: wg}]}\n";

fn diff(access: &Access, more: &[&str]) -> Ran {
    let mut arguments = vec!["diff", "main", "HEAD", "--at", AT];
    arguments.extend(more);
    access.run_embedded(&arguments)
}

fn branch(access: &Access) {
    access.git(&["switch", "--quiet", "--create", "request"]);
}

/// The kinds of what happens or is averted, of a user, by instant.
fn what(diff: &Value, list: &str, user: &str) -> Vec<(Value, String, String)> {
    let mut found = Vec::new();
    for stage in diff["stages"].as_array().unwrap() {
        for impact in stage[list].as_array().unwrap() {
            if impact["user"] == user {
                let what = &impact["what"];
                let resource = what["entitlement"]["resource"].as_str().unwrap_or_default();
                found.push((
                    stage["instant"].clone(),
                    what["kind"].as_str().unwrap().to_owned(),
                    resource.to_owned(),
                ));
            }
        }
    }
    found
}

fn has(found: &[(Value, String, String)], instant: Value, kind: &str, resource: &str) -> bool {
    found.contains(&(instant, kind.to_owned(), resource.to_owned()))
}

/// The JSON form; the published schema describes it.
#[track_caller]
fn told(access: &Access, code: i32) -> Value {
    let diff = diff(access, &["--format", "json"]).ends(code).json();
    let schema = fs::read_to_string(project("schema/diff.json")).unwrap();
    let schema = serde_json::from_str(&schema).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let wrong: Vec<String> = validator
        .iter_errors(&diff)
        .map(|e| format!("{e} at {}", e.instance_path()))
        .collect();
    assert_eq!(wrong, Vec::<String>::new());
    diff
}

#[test]
fn a_new_hire_is_told_for_the_day_it_begins() {
    let access = city();
    branch(&access);
    request(&access, "hire", HIRE);
    access.commit("Lee Moss");
    let diff = told(&access, 0);
    let begin = json!("2027-03-01T05:00:00Z");
    let happens = what(&diff, "impacts", "lee.moss");
    assert!(has(&happens, begin.clone(), "begins", ""), "{happens:?}");
    for resource in ["active-directory", "gis", "wg"] {
        assert!(
            has(&happens, begin.clone(), "gains", resource),
            "{happens:?}"
        );
    }
    assert_eq!(diff["requests"], json!(["hire"]));
    // A seat is taken, and those who keep White Glove are mailed that day.
    assert_eq!(
        diff["seats"],
        json!([{"resource": "gis", "instant": begin, "before": 2, "after": 3, "seats": 5}])
    );
    let mail = &diff["mails"].as_array().unwrap()[0];
    assert_eq!(
        (&mail["resource"], &mail["to"], &mail["instant"]),
        (&json!("wg"), &json!(["wg@city.example"]), &begin)
    );
    let ran = self::diff(&access, &[]).ends(0);
    for line in [
        "Monday 2027-03-01 00:00 EST",
        "  Lee Moss (lee.moss)",
        "    + begins",
        "GIS data: 2 → 3 of 5",
    ] {
        assert!(ran.out.contains(line), "{line} is not in {}", ran.out);
    }
}

#[test]
fn a_mover_keeps_the_old_access_until_it_ends() {
    let access = city();
    branch(&access);
    request(
        &access,
        "move",
        "  action: Change\n  subject: kim.lee\n  effective: \"2027-03-01T08:00\"\n  profiles: {replace: [everybody], keepUntil: \"2027-03-31\"}\n  \
         access: {add: [{resource: wg}]}\n  set: {organization: city}\n",
    );
    access.commit("Kim moves");
    let diff = told(&access, 0);
    let happens = what(&diff, "impacts", "kim.lee");
    assert!(
        !has(&happens, json!("2027-03-01T13:00:00Z"), "loses", "gis"),
        "{happens:?}"
    );
    assert!(
        has(&happens, json!("2027-04-01T04:00:00Z"), "loses", "gis"),
        "{happens:?}"
    );
}

#[test]
fn a_leaver_loses_everything_then_and_an_urgent_one_is_called_so() {
    for urgent in [false, true] {
        let access = city();
        branch(&access);
        let rest = format!(
            "  action: Terminate\n  subject: kim.lee\n  effective: \"2027-02-05T17:00\"\n  reason: resigned\n  urgent: {urgent}\n"
        );
        request(&access, "leave", &rest);
        access.commit("Kim leaves");
        let diff = told(&access, 0);
        let friday = json!("2027-02-05T22:00:00Z");
        let happens = what(&diff, "impacts", "kim.lee");
        assert!(has(&happens, friday.clone(), "leaves", ""), "{happens:?}");
        assert!(has(&happens, friday, "loses", "gis"), "{happens:?}");
        let leaves = diff["stages"][0]["impacts"]
            .as_array()
            .unwrap()
            .iter()
            .find(|i| i["what"]["kind"] == "leaves");
        assert_eq!(leaves.unwrap()["what"]["urgent"], json!(urgent));
        let ran = self::diff(&access, &[]).ends(0);
        assert_eq!(ran.out.contains("urgent"), urgent, "{}", ran.out);
    }
}

#[test]
fn a_profile_that_gains_is_told_for_everybody_who_has_it() {
    let access = city();
    let mut people = String::new();
    for number in 0..12 {
        people.push_str(&format!(
            "---\napiVersion: countersign/v1\nkind: User\nmetadata: {{name: p{number:02}}}\nspec: {{givenName: P{number:02}, familyName: Lot, \
             type: employee, organization: its, profiles: [everybody]}}\n"
        ));
    }
    access.write("people.yaml", people.trim_start_matches("---\n"));
    access.commit("People");
    branch(&access);
    access.edit(
        "city.yaml",
        "access: [{resource: active-directory}]}\n---",
        "access: [{resource: active-directory}, {resource: wg}]}\n---",
    );
    access.commit("White Glove for everybody");
    let diff = told(&access, 0);
    let at_once = diff["stages"][0]["impacts"].as_array().unwrap();
    let gain = at_once
        .iter()
        .filter(|i| i["what"]["kind"] == "gains" && i["what"]["entitlement"]["resource"] == "wg")
        .count();
    assert!(gain >= 12, "{gain}");
    // Of many, each is folded up.
    let ran = self::diff(&access, &["--format", "markdown"]).ends(0);
    assert!(
        ran.out
            .contains("<details><summary><code>P00 Lot</code> (<code>p00</code>)"),
        "{}",
        ran.out
    );
}

#[test]
fn access_that_ends_by_itself_is_told_for_the_day_it_ends() {
    let access = city();
    branch(&access);
    access.edit(
        "city.yaml",
        "  associated: [acme]\n",
        "  access: [{resource: gis, level: editor, until: \"2027-02-28\"}]\n",
    );
    access.commit("Kim edits in February");
    let diff = told(&access, 0);
    let happens = what(&diff, "impacts", "kim.lee");
    assert!(has(&happens, Value::Null, "gains", "gis"), "{happens:?}");
    assert!(
        has(&happens, json!("2027-03-01T05:00:00Z"), "loses", "gis"),
        "{happens:?}"
    );
}

#[test]
fn a_departure_that_is_taken_back_is_access_that_is_kept() {
    let access = city();
    access.write(
        "policies/all.yaml",
        "apiVersion: countersign/v1\nkind: Policy\nmetadata: {name: all}\nspec: {stage: change, each: gained, validations: [{expression: 'false', \
         message: \"{{ gained.user }} would hold {{ gained.resource }} from {{ gained.at }}\"}], effect: {approvals: 2}}\n",
    );
    access.commit("Every gain is looked at");
    branch(&access);
    let text = fs::read_to_string(access.repository().join("city.yaml")).unwrap();
    let (rest, _) = text
        .split_once(
            "---\napiVersion: countersign/v1\nkind: Request\nmetadata: {name: 2027-09-01-dana}",
        )
        .unwrap();
    access.write("city.yaml", rest);
    access.commit("Dana stays");
    let diff = told(&access, 0);
    let averted = what(&diff, "averted", "dana.reyes");
    let september = json!("2027-09-01T12:00:00Z");
    assert!(
        has(&averted, september.clone(), "leaves", ""),
        "{averted:?}"
    );
    assert!(
        has(&averted, september.clone(), "loses", "gis"),
        "{averted:?}"
    );
    let objections = diff["policies"].as_array().unwrap();
    let gis = objections.iter().find(|o| o["resource"] == "gis").unwrap();
    assert_eq!(
        gis["message"],
        "dana.reyes would hold gis from 2027-09-01T08:00"
    );
    assert_eq!(
        (&gis["effect"], &gis["verdict"], &gis["instant"]),
        (&json!({"approvals": 2}), &json!("no"), &september)
    );
    let ran = self::diff(&access, &[]).ends(0);
    assert!(
        ran.out.contains("what would happen then, and does not:"),
        "{}",
        ran.out
    );
    assert!(
        ran.out
            .contains("needs 2 approvals: dana.reyes would hold gis"),
        "{}",
        ran.out
    );
}

const NO_PREMIUM: &str = "apiVersion: countersign/v1\nkind: Policy\nmetadata: {name: premium}\nspec: {reason: Money is short, stage: change, \
     each: gained, validations: [{expression: 'resources[gained.resource].cost != \"premium\"', message: \"{{ gained.user }} would get premium \
     {{ gained.resource }}\"}], effect: deny}\n";

#[test]
fn what_is_edited_is_not_put_down_to_an_old_request() {
    let access = city();
    branch(&access);
    access.edit(
        "city.yaml",
        "displayName: Kim Q. Lee",
        "displayName: Kimberly Lee",
    );
    access.commit("Kim is Kimberly");
    let told = told(&access, 0);
    let of_kim = |impact: &&Value| impact["user"] == "kim.lee";
    let impacts = told["stages"][0]["impacts"].as_array().unwrap().iter();
    let causes: Vec<String> = impacts
        .filter(of_kim)
        .map(|impact| impact["causes"].to_string())
        .collect();
    assert!(!causes.is_empty(), "{told}");
    for cause in causes {
        assert!(cause.contains("user kim.lee"), "{cause}");
        assert!(!cause.contains("request 2027-01-04-kim"), "{cause}");
    }
}

/// The attributes of a user that become otherwise at once, and what they become.
fn fields(told: &Value, user: &str) -> Vec<(String, String)> {
    let stages = told["stages"].as_array().unwrap();
    let impacts = stages.iter().flat_map(|s| s["impacts"].as_array().unwrap());
    let of_user = impacts.filter(|impact| impact["user"] == user);
    let fields = of_user.filter(|impact| impact["what"]["kind"] == "field");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    fields
        .map(|impact| {
            (
                text(&impact["what"]["name"]),
                text(&impact["what"]["after"]),
            )
        })
        .collect()
}

#[test]
fn a_new_name_keeps_the_login_and_a_login_that_is_said_shows() {
    let access = city();
    branch(&access);
    access.edit("city.yaml", "familyName: Lee\n", "familyName: Park\n");
    access.edit("city.yaml", "  displayName: Kim Q. Lee\n", "");
    access.commit("Kim Park");
    let renamed = told(&access, 0);
    let names: Vec<String> = fields(&renamed, "kim.lee")
        .into_iter()
        .map(|f| f.0)
        .collect();
    assert_eq!(names, ["displayName"], "{renamed}");
    access.edit(
        "city.yaml",
        "familyName: Park\n",
        "familyName: Park\n  login: park\n",
    );
    access.commit("Another login");
    let said = fields(&told(&access, 0), "kim.lee");
    let login = ("sAMAccountName".to_owned(), "park".to_owned());
    assert!(said.contains(&login), "{said:?}");
}

#[test]
fn a_fold_that_writes_down_the_login_changes_nothing() {
    let access = city();
    request(
        &access,
        "2027-01-15-kim",
        "  action: Change\n  subject: kim.lee\n  effective: \"2027-01-15\"\n  set: {familyName: Park}\n",
    );
    access.commit("Kim Park");
    branch(&access);
    // What `countersign fold` writes.
    access.edit(
        "city.yaml",
        "familyName: Lee\n",
        "familyName: Park\n  login: kim.lee\n  mail: kim.lee@city.example\n",
    );
    access.edit("city.yaml", "  displayName: Kim Q. Lee\n", "");
    access.git(&["mv", "requests", "archive"]);
    access.edit(
        "city.yaml",
        "kind: Config\nmetadata: {name: countersign}\nspec:\n",
        "kind: Config\nmetadata: {name: countersign}\nspec:\n  foldedThrough: \"2027-01-20\"\n",
    );
    access.commit("Fold");
    assert_eq!(told(&access, 0)["stages"], json!([]));
}

#[test]
fn another_supervisor_is_told() {
    let access = city();
    branch(&access);
    access.edit(
        "city.yaml",
        "  supervisor: dana.reyes\n  associated",
        "  associated",
    );
    access.commit("Nobody's");
    let diff = told(&access, 0);
    let impacts = diff["stages"][0]["impacts"].as_array().unwrap();
    let what = json!({"kind": "supervisor", "before": "dana.reyes", "after": null});
    assert!(impacts.iter().any(|i| i["what"] == what), "{diff}");
    let human = self::diff(&access, &[]).ends(0).out;
    assert!(
        human.contains("~ supervisor: dana.reyes → (none)"),
        "{human}"
    );
}

#[test]
fn who_leaves_first_is_not_mailed_what_comes_later() {
    let access = city();
    access.edit(
        "city.yaml",
        "maintainers: [{mail: wg@city.example}]",
        "maintainers: [{mail: wg@city.example}, {user: kim.lee}]",
    );
    access.commit("Kim maintains it");
    branch(&access);
    request(&access, "hire", HIRE);
    let leaves = "  action: Terminate\n  subject: kim.lee\n  effective: \"2027-02-20\"\n  reason: resigned\n";
    request(&access, "leave", leaves);
    access.commit("Kim leaves, Lee comes");
    let diff = told(&access, 0);
    let mails = diff["mails"].as_array().unwrap().iter();
    let of_lee: Vec<&Value> = mails
        .filter(|mail| mail["what"].to_string().contains("lee.moss"))
        .collect();
    assert!(!of_lee.is_empty(), "{diff}");
    for mail in of_lee {
        assert_eq!(mail["to"], json!(["wg@city.example"]), "{mail}");
    }
}

#[test]
fn who_stops_the_sign_in_for_a_leave_is_told() {
    let access = city();
    branch(&access);
    request(
        &access,
        "leave",
        "  action: Suspend\n  subject: kim.lee\n  effective: \"2027-02-08\"\n  until: \"2027-02-12\"\n",
    );
    access.commit("Kim is on leave");
    let diff = told(&access, 0);
    let asked = |kind: &str| -> Vec<(Value, Value)> {
        let mails = diff["mails"].as_array().unwrap().iter();
        let mails = mails.filter(|mail| mail["what"].to_string().contains(kind));
        let mails = mails.map(|mail| (mail["resource"].clone(), mail["instant"].clone()));
        mails.collect()
    };
    let wg = || json!("wg");
    assert_eq!(
        asked("\"disables\""),
        [(wg(), json!("2027-02-08T05:00:00Z"))]
    );
    assert_eq!(
        asked("\"enables\""),
        [(wg(), json!("2027-02-13T05:00:00Z"))]
    );
    let human = self::diff(&access, &[]).ends(0).out;
    assert!(human.contains("is disabled for the leave"), "{human}");
}

#[test]
fn a_policy_weakened_in_the_same_pull_request_refuses_it() {
    let access = city();
    access.write("policies/premium.yaml", NO_PREMIUM);
    access.commit("Nothing premium");
    branch(&access);
    access.edit("policies/premium.yaml", "effect: deny", "effect: warn");
    request(&access, "hire", HIRE);
    access.commit("Lee Moss, and be kind");
    let diff = told(&access, 1);
    let objections = diff["policies"].as_array().unwrap();
    assert_eq!(objections[0]["policy"], "premium");
    assert_eq!(objections[0]["effect"], "deny");
    let ran = self::diff(&access, &[]).ends(1);
    assert!(
        ran.out.contains(
            "refused: lee.moss would get premium gis\n  policy premium: Money is short\n"
        ),
        "{}",
        ran.out
    );
}

#[test]
fn premium_software_that_a_pull_request_calls_free_is_premium_still() {
    let access = city();
    access.write("policies/premium.yaml", NO_PREMIUM);
    access.commit("Nothing premium");
    branch(&access);
    access.edit("city.yaml", "cost: premium", "cost: free");
    request(&access, "hire", HIRE);
    access.commit("Lee Moss, and all is free");
    let diff = told(&access, 1);
    let objections = diff["policies"].as_array().unwrap();
    assert_eq!(objections.len(), 1, "{objections:?}");
    assert_eq!(objections[0]["message"], "lee.moss would get premium gis");
}

#[test]
fn it_is_compared_with_where_the_branch_left() {
    let access = city();
    let left = access.git(&["rev-parse", "HEAD"]);
    branch(&access);
    request(&access, "hire", HIRE);
    let head = access.commit("Lee Moss");
    access.git(&["switch", "--quiet", "main"]);
    access.edit("city.yaml", "title: Surveyor", "title: Chief");
    access.commit("Meanwhile");
    access.git(&["switch", "--quiet", "request"]);
    let ran = diff(&access, &["--format", "json"]).ends(0);
    assert!(
        ran.err.contains("main has gone on since: compared with"),
        "{}",
        ran.err
    );
    let diff = ran.json();
    assert_eq!(
        (
            diff["base"].as_str().unwrap(),
            diff["head"].as_str().unwrap()
        ),
        (left.trim(), &*head)
    );
    assert_eq!(what(&diff, "impacts", "kim.lee"), []);
}

#[test]
fn nothing_is_nothing() {
    let access = city();
    branch(&access);
    access.write("README.md", "For people.\n");
    access.commit("Words");
    let diff = told(&access, 0);
    for list in ["stages", "seats", "mails", "requests", "policies"] {
        assert_eq!(diff[list], json!([]), "{list}");
    }
    assert_eq!(
        self::diff(&access, &[]).ends(0).out,
        "nobody gains or loses anything\n"
    );
}

#[test]
fn a_revision_that_is_not_there_or_shares_nothing_fails_and_an_invalid_one_is_told() {
    let access = city();
    for revisions in [&["nowhere"][..], &["main", "nowhere"]] {
        let ran = access.run_embedded(&[&["diff"], revisions].concat());
        assert!(ran.ends(64).err.contains("nowhere"));
    }
    access.run_embedded(&["diff"]).ends(64);
    access.git(&["switch", "--quiet", "--orphan", "other"]);
    access.write("city.yaml", include_str!("policy/world.yaml"));
    access.commit("Another beginning");
    access.run_embedded(&["diff", "main", "other"]).ends(3);
    access.git(&["switch", "--quiet", "main"]);
    branch(&access);
    access.edit("city.yaml", "profiles: [analyst]", "profiles: [analist]");
    access.commit("A slip");
    let ran = diff(&access, &[]).ends(1);
    assert!(
        ran.err.contains("the proposed revision has mistakes"),
        "{}",
        ran.err
    );
}

#[test]
fn who_asks_is_known_by_name_or_by_login_at_a_forge() {
    let access = city();
    access.write(
        "policies/own.yaml",
        "apiVersion: countersign/v1\nkind: Policy\nmetadata: {name: own}\nspec: {stage: change, each: gained, validations: [{expression: \
         'gained.user != actor.name', message: \"{{ actor.name }} asks for themselves\"}], effect: deny}\n",
    );
    access.commit("Nobody asks for themselves");
    branch(&access);
    request(
        &access,
        "more",
        "  action: Change\n  subject: kim.lee\n  effective: \"2027-03-01T08:00\"\n  access: {add: [{resource: gis, level: editor}]}\n",
    );
    access.commit("More for Kim");
    let verdict = |actor: &[&str], code: i32| {
        let mut more = vec!["--format", "json"];
        more.extend(actor);
        let diff = diff(&access, &more).ends(code).json();
        let objections = diff["policies"].as_array().unwrap().iter();
        objections
            .map(|o| o["verdict"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(verdict(&["--actor", "kim.lee"], 1)[0], "no");
    assert_eq!(verdict(&["--actor", "github:KimLee"], 1)[0], "no");
    assert_eq!(verdict(&["--actor", "dana.reyes"], 0), Vec::<String>::new());
    assert_eq!(verdict(&[], 0)[0], "open");
    let ran = diff(&access, &[]).ends(0);
    assert!(
        ran.out
            .contains("may be refused: depends on who asks (whoever asks asks for themselves)"),
        "{}",
        ran.out
    );
    let ran = diff(&access, &["--actor", "kim.le"]).ends(64);
    assert!(
        ran.err
            .contains("there is no user `kim.le` in the revision before; did you mean `kim.lee`?"),
        "{}",
        ran.err
    );
    let ran = diff(&access, &["--actor", "github:nobody"]).ends(64);
    assert!(
        ran.err.contains("has the login `nobody` at github"),
        "{}",
        ran.err
    );
}

#[test]
fn the_plan_tells_what_becomes_otherwise_in_the_directory() {
    let access = Access::example("white-glove")
        .with_ldif(&Access::export_text("white-glove"))
        .operated_by_anchor(&Directory::Ldif, &Post::Outbox);
    branch(&access);
    access.git(&["switch", "--quiet", "request"]);
    access.edit("users/kim.yaml", "01632 960102", "01632 960199");
    access.commit("Kim has another number");
    let ran = access.run(&["diff", "main", "HEAD", "--plan"]).ends(0);
    let (_, plan) = ran.out.split_once("\nin the directory\n").unwrap();
    assert!(
        plan.contains("01632 960199") && plan.contains("Kim"),
        "{plan}"
    );
    assert!(!plan.contains("Jack") && !plan.contains("Simon"), "{plan}");
}

#[test]
fn comments_are_split_and_those_of_a_longer_run_go() {
    let access = city();
    branch(&access);
    let mut people = String::new();
    for number in 0..700 {
        people.push_str(&format!(
            "---\napiVersion: countersign/v1\nkind: User\nmetadata: {{name: p{number:03}}}\nspec: {{givenName: P{number:03}, familyName: \"{}\", \
             type: employee, organization: its, profiles: [everybody], identities: []}}\n",
            "Long".repeat(12)
        ));
    }
    access.write(
        "people.yaml",
        people
            .trim_start_matches("---\n")
            .replace(", identities: []", "")
            .as_str(),
    );
    access.commit("People");
    let comments = access.repository().parent().unwrap().join("comments");
    let out = ["--format", "markdown", "--out", comments.to_str().unwrap()];
    diff(&access, &out).ends(0);
    let parts = |count: usize| -> Vec<String> {
        let text = |n: usize| fs::read_to_string(comments.join(format!("{n}.md"))).unwrap();
        assert!(!comments.join(format!("{}.md", count + 1)).exists());
        (1..=count).map(text).collect()
    };
    let count = fs::read_dir(&comments).unwrap().count();
    assert!(count > 2, "{count}");
    let long = parts(count);
    for (index, part) in long.iter().enumerate() {
        assert!(part.chars().count() <= 65_536, "{}", part.chars().count());
        let title = format!("({} of {count})\n", index + 1);
        assert!(
            part.starts_with("### What this pull request means: 700 people"),
            "{}",
            &part[..80]
        );
        assert!(part.contains(&title));
        assert_eq!(
            part.matches("<details>").count(),
            part.matches("</details>").count()
        );
    }
    let all = long.concat();
    assert!((0..700).all(|n| all.contains(&format!("(<code>p{n:03}</code>)"))));
    // The branch shrinks.
    fs::remove_file(access.repository().join("people.yaml")).unwrap();
    request(&access, "hire", HIRE);
    access.commit("Only Lee");
    diff(&access, &out).ends(0);
    assert_eq!(fs::read_dir(&comments).unwrap().count(), 1);
    let one = parts(1).concat();
    assert!(
        one.starts_with("### What this pull request means: 1 person, 1 begin"),
        "{one}"
    );
}

#[test]
fn names_of_others_are_only_text_in_a_comment() {
    let hostile = "`]<img src=x onerror=alert(1)>[x](https://evil.example) @admins #1 \u{202e}gnp ``` </code></summary></details> | --- \\u0000";
    let access = city();
    access.write(
        "policies/all.yaml",
        &NO_PREMIUM.replace("Money is short", &quoted(hostile)),
    );
    access.commit("Policy");
    branch(&access);
    let name = quoted(hostile);
    request(
        &access,
        "hire",
        &HIRE.replace(
            "givenName: Lee",
            &format!("givenName: Lee, displayName: {name}, title: {name}"),
        ),
    );
    access.commit("Somebody");
    let ran = diff(&access, &["--format", "markdown"]);
    assert!(
        ran.out.contains("onerror"),
        "the name is not shown at all: {}",
        ran.out
    );
    assert!(!ran.out.contains('\u{202e}'), "{}", ran.out);
    for line in ran.out.lines() {
        let outside = outside_code(line);
        for part in ["<img", "](", "@admins", "#1", "onerror", "</details> |"] {
            assert!(!outside.contains(part), "{part} stands free in {line}");
        }
    }
    assert_eq!(
        ran.out.matches("<details>").count(),
        ran.out.matches("</details>\n").count()
    );
    // And a terminal sees no mark that turns its line.
    let ran = diff(&access, &[]);
    assert!(!ran.out.contains('\u{202e}'), "{}", ran.out);
}

/// A line without its code spans and `<code>` elements, as CommonMark reads them.
fn outside_code(line: &str) -> String {
    let mut rest = line;
    let mut outside = String::new();
    while let Some(at) = rest.find(['`', '<']) {
        outside.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(after) = rest.strip_prefix("<code>") {
            let end = after.find("</code>").unwrap_or(after.len());
            assert!(!after[..end].contains(['<', '>', '`']), "{line}");
            rest = after.get(end + "</code>".len()..).unwrap_or_default();
            continue;
        }
        if rest.starts_with('<') {
            outside.push('<');
            rest = &rest[1..];
            continue;
        }
        let ticks = rest.chars().take_while(|c| *c == '`').count();
        let (fence, after) = rest.split_at(ticks);
        // A span ends at the next run of as many backticks.
        let mut end = None;
        let mut from = 0;
        while let Some(at) = after[from..].find(fence) {
            let at = from + at;
            let run = after[at..].chars().take_while(|c| *c == '`').count();
            if run == ticks {
                end = Some(at + run);
                break;
            }
            from = at + run;
        }
        rest = match end {
            Some(end) => &after[end..],
            None => {
                outside.push_str(fence);
                after
            }
        };
    }
    outside + rest
}
