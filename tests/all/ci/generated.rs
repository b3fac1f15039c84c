//! Generated files: fresh, stale, written by hand, of a forge that was left.

use super::{city, read};
use crate::bed::Access;
use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

fn init(folder: &std::path::Path, arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_countersign"))
        .arg("init")
        .arg(folder)
        .args(arguments)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env_remove("COUNTERSIGN_OPERATOR")
        .output()
        .unwrap();
    (
        output.status.code().unwrap(),
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

fn says(folder: &std::path::Path, arguments: &[&str]) -> (i32, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_countersign"))
        .arg("-C")
        .arg(folder)
        .args(arguments)
        .env_remove("COUNTERSIGN_OPERATOR")
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    (
        output.status.code().unwrap(),
        String::from_utf8(said).unwrap(),
    )
}

#[test]
fn a_new_repository_has_pipelines_that_are_fresh_and_committed() {
    let folder = tempfile::tempdir().unwrap();
    let sum = "a".repeat(64);
    let url = "https://git.example/countersign";
    let arguments = [
        "--forge",
        "forgejo",
        "--forge",
        "github",
        "--program",
        url,
        "--sha256",
        &sum,
        "--base-branch",
        "trunk",
    ];
    let (code, out, err) = init(folder.path(), &arguments);
    assert_eq!(code, 0, "{out}{err}");
    assert_eq!(says(folder.path(), &["ci", "check"]), (0, String::new()));
    assert_eq!(says(folder.path(), &["validate"]).0, 0);
    assert_eq!(says(folder.path(), &["policy", "test"]).0, 0);
    let text = |path: &str| fs::read_to_string(folder.path().join(path)).unwrap();
    for forge in ["github", "forgejo"] {
        let text = text(&format!(".{forge}/workflows/countersign.yml"));
        assert!(
            text.contains(&format!("COUNTERSIGN_SHA256: \"{sum}\"")),
            "{text}"
        );
        assert!(text.contains("branches: [\"trunk\"]"), "{text}");
    }
    assert!(!folder.path().join(".gitlab-ci.yml").exists());
    let mut status = Command::new("git");
    status.arg("-C").arg(folder.path());
    let status = status.args(["status", "--porcelain"]).output().unwrap();
    assert_eq!(
        String::from_utf8(status.stdout).unwrap(),
        "",
        "not all was committed"
    );
}

#[test]
fn the_forge_is_told_by_the_remote_and_nothing_is_begun_that_is_in_the_way() {
    let folder = tempfile::tempdir().unwrap();
    let git = |arguments: &[&str]| {
        let ran = Command::new("git")
            .arg("-C")
            .arg(folder.path())
            .args(arguments)
            .status();
        assert!(ran.unwrap().success());
    };
    git(&["init", "--quiet"]);
    git(&[
        "remote",
        "add",
        "origin",
        "git@gitlab.city.example:it/access.git",
    ]);
    fs::write(folder.path().join(".gitlab-ci.yml"), "mine: {}\n").unwrap();
    let (code, _, err) = init(folder.path(), &[]);
    assert_eq!(code, 64);
    assert!(
        err.contains(".gitlab-ci.yml") && err.contains("--no-forge"),
        "{err}"
    );
    assert!(!folder.path().join("countersign.yaml").exists());
    fs::remove_file(folder.path().join(".gitlab-ci.yml")).unwrap();
    assert_eq!(init(folder.path(), &[]).0, 0);
    assert!(folder.path().join(".gitlab-ci.yml").exists());
    assert!(!folder.path().join(".github").exists());
}

#[test]
fn what_a_pipeline_would_run_is_refused_where_it_is_no_plain_address() {
    for (url, sum, branch) in [
        ("http://git.example/c", "a".repeat(64), "main"),
        (
            "https://git.example/${{ secrets.X }}",
            "a".repeat(64),
            "main",
        ),
        ("https://git.example/$(id)", "a".repeat(64), "main"),
        ("https://git.example/c\"; id", "a".repeat(64), "main"),
        ("https://git.example/c", "A".repeat(64), "main"),
        ("https://git.example/c", "a".repeat(63), "main"),
        ("https://git.example/c", "a".repeat(64), "main\nx"),
        ("https://git.example/c", "a".repeat(64), "-x"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let branch = format!("--base-branch={branch}");
        let (code, _, err) = init(
            folder.path(),
            &["--program", url, "--sha256", &sum, &branch],
        );
        assert_eq!(code, 64, "{url} {sum} {branch}: {err}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}

#[test]
fn a_changed_question_makes_the_forms_stale_and_generating_makes_them_fresh() {
    let access = city();
    let fresh = access.run_embedded(&["ci", "check"]).ends(0);
    assert_eq!(fresh.out, "");
    access.edit(
        "profiles/city-employee.yaml",
        "label: Office phone",
        "label: Desk phone",
    );
    let stale = access.run_embedded(&["ci", "check"]).ends(1);
    let said: BTreeSet<&str> = stale
        .out
        .lines()
        .map(|l| l.split(' ').next().unwrap())
        .collect();
    assert!(
        said.contains(".github/ISSUE_TEMPLATE/new-hire.yml"),
        "{}",
        stale.out
    );
    assert!(!stale.out.contains("CODEOWNERS"), "{}", stale.out);
    assert!(
        stale.err.contains("countersign ci generate"),
        "{}",
        stale.err
    );
    access.run_embedded(&["ci", "generate"]).ends(0);
    access.run_embedded(&["ci", "check"]).ends(0);
    assert!(
        read(&access, ".github/ISSUE_TEMPLATE/new-hire.yml").contains("Desk phone (officePhone)")
    );
}

#[test]
fn a_request_makes_nothing_stale() {
    let access = city();
    access.run_embedded(&["schema", "--for-repository"]).ends(0);
    access.run_embedded(&["ci", "check"]).ends(0);
    let hire = [
        "request",
        "new-hire",
        "--given-name=Ana",
        "--family-name=Ruiz",
        "--employee-number=001299",
        "--type=employee",
        "--organization=its",
        "--effective=2099-01-04",
        "--requested-by=noor.haddad",
        "--profile=its.gis-analyst",
        "--answer=officePhone=812-555-0117",
        "--answer=publicPhone=812-555-0114",
    ];
    access.run_embedded(&hire).ends(0);
    access.run_embedded(&["ci", "check"]).ends(0);
}

#[test]
fn a_file_of_somebodys_own_is_never_written_over() {
    let access = city();
    let path = ".github/CODEOWNERS";
    access.write(path, "* @me\n");
    let check = access.run_embedded(&["ci", "check"]).ends(1);
    assert!(
        check.out.contains(path) && check.out.contains("by hand"),
        "{}",
        check.out
    );
    access.edit(
        "profiles/city-employee.yaml",
        "label: Office phone",
        "label: Desk phone",
    );
    let before = read(&access, ".github/ISSUE_TEMPLATE/new-hire.yml");
    let refused = access.run_embedded(&["ci", "generate"]).ends(1);
    assert!(
        refused.err.contains(path) && refused.err.contains("nothing was written"),
        "{}",
        refused.err
    );
    assert_eq!(read(&access, path), "* @me\n");
    assert_eq!(read(&access, ".github/ISSUE_TEMPLATE/new-hire.yml"), before);
}

#[cfg(unix)]
#[test]
fn nothing_is_written_through_a_link() {
    let access = city();
    let outside = tempfile::tempdir().unwrap();
    let folder = access.repository().join(".gitlab");
    fs::remove_dir_all(&folder).unwrap();
    std::os::unix::fs::symlink(outside.path(), &folder).unwrap();
    access.run_embedded(&["ci", "generate"]).ends(1);
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
}

#[test]
fn what_was_generated_for_a_forge_that_was_left_goes() {
    let access = city();
    access.edit(
        "countersign.yaml",
        "forges: [github, gitlab, forgejo]",
        "forges: [forgejo]",
    );
    access.write(".github/workflows/mine.yml", "on: push\n");
    let check = access.run_embedded(&["ci", "check"]).ends(1);
    assert!(
        check.out.contains(".gitlab-ci.yml is of a forge"),
        "{}",
        check.out
    );
    access.run_embedded(&["ci", "generate"]).ends(0);
    access.run_embedded(&["ci", "check"]).ends(0);
    assert!(!access.repository().join(".gitlab-ci.yml").exists());
    assert!(
        access
            .repository()
            .join(".github/workflows/mine.yml")
            .exists()
    );
    assert!(
        !access
            .repository()
            .join(".github/workflows/countersign.yml")
            .exists()
    );
}

#[test]
fn nothing_is_generated_from_a_repository_with_mistakes() {
    let access = city();
    access.write("users/ghost.yaml", "apiVersion: countersign/v1\nkind: User\nmetadata: {name: ghost}\nspec: {type: employee, organization: nowhere}\n");
    for command in [
        &["ci", "generate"][..],
        &["ci", "check"],
        &["schema", "--for-repository"],
    ] {
        let ran = access.run_embedded(command).ends(1);
        assert!(ran.err.contains("has mistakes"), "{}", ran.err);
    }
}

#[test]
fn administrators_own_everything_and_supervisors_their_people() {
    let access = city();
    let github = read(&access, ".github/CODEOWNERS");
    let line = |text: &str, begin: &str| {
        text.lines()
            .find(|l| l.starts_with(begin))
            .map(str::to_owned)
    };
    assert_eq!(
        line(&github, "* ").as_deref(),
        Some("* @dana-reyes @priya-raman-city-example @walter-nguyen-city-example")
    );
    let maria = line(&github, "/users/maria.lopez.yaml ").unwrap();
    assert!(
        maria.contains("@NoorH") && maria.contains("@dana-reyes"),
        "{maria}"
    );
    let forgejo = read(&access, ".gitea/CODEOWNERS");
    assert!(forgejo.contains("\n.* @dana-reyes\n"), "{forgejo}");
    assert!(
        forgejo.contains("\nusers/maria\\\\.lopez\\\\.yaml @NoorH @dana-reyes\n"),
        "{forgejo}"
    );
}

#[test]
fn logins_and_file_names_end_no_line() {
    let access = Access::example("bloomington");
    let config = read(&access, "countersign.yaml");
    access.write(
        "countersign.yaml",
        &format!("{config}  pipelines: {{forges: [github]}}\n"),
    );
    access.edit(
        "users/dana.reyes.yaml",
        "dana-reyes-city-example",
        "\"x\\n* @mallory\"",
    );
    let user = read(&access, "users/maria.lopez.yaml");
    fs::remove_file(access.repository().join("users/maria.lopez.yaml")).unwrap();
    access.write("users/m\n* @mallory #.yaml", &user);
    access.run_embedded(&["ci", "generate"]).ends(0);
    let owners = read(&access, ".github/CODEOWNERS");
    assert!(!owners.contains("mallory"), "{owners}");
}

#[test]
fn hooks_before_a_commit_find_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(init(folder.path(), &[]).0, 0);
    let config = super::yaml(&folder.path().join(".pre-commit-config.yaml"));
    let published = super::yaml(&crate::bed::project(".pre-commit-hooks.yaml"));
    let local = config["repos"][0]["hooks"].as_array().unwrap();
    let hooks: Vec<_> = local.iter().chain(published.as_array().unwrap()).collect();
    assert_eq!(hooks.len(), 4);
    let ends = |hook: &serde_json::Value| {
        assert_eq!(hook["pass_filenames"], false);
        let entry = hook["entry"].as_str().unwrap();
        let words: Vec<&str> = entry.split(' ').collect();
        assert_eq!(words[0], "countersign");
        says(folder.path(), &words[1..]).0
    };
    assert!(hooks.iter().all(|hook| ends(hook) == 0));
    fs::write(folder.path().join("users/x.yaml"), "kind: User\n").unwrap();
    assert!(hooks.iter().all(|hook| ends(hook) == 1));
}
