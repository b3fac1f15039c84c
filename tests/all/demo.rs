//! The demo tells the whole story, the same on every machine, and the README shows what it prints.

use std::path::Path;
use std::process::Command;

fn transcript() -> String {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_countersign"))
        .arg("demo")
        .current_dir(folder.path())
        .env_remove("COUNTERSIGN_OPERATOR")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success(),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let outbox = folder.path().join("countersign-demo/.countersign/outbox");
    let mails = std::fs::read_dir(outbox).unwrap().count();
    assert!(mails >= 3, "{mails} mails");
    // The plan of today, by the commands the demo ends with, on what it left behind.
    let again = |args: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_countersign"))
            .args(["-C", "countersign-demo"])
            .args(args)
            .current_dir(folder.path())
            .env_remove("COUNTERSIGN_OPERATOR")
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{args:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(again(&["task", "list"]).contains("Timetrack"));
    assert!(
        again(&["explain", "alexander.christopherson", "gis-data"]).contains("because profile")
    );
    // The login that the directory has, not the one that the rules would give: somebody else has that.
    let explained = again(&["explain", "alexander.christopherson", "timetrack"]);
    assert!(explained.contains("account a.christopherson2 (a.christopherson2@city.example)"));
    assert!(
        explained.contains("username: a.christopherson2\n"),
        "{explained}"
    );
    assert!(again(&["plan", "--at", "2026-11-23T09:00"]).contains("nothing to do"));
    text.trim().to_owned()
}

#[test]
fn the_readme_shows_what_the_demo_prints() {
    let shown = transcript();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = std::fs::read_to_string(&path).unwrap();
    let (head, rest) = readme
        .split_once("<!-- demo -->")
        .expect("README.md has a demo block");
    let (block, tail) = rest
        .split_once("<!-- /demo -->")
        .expect("the demo block ends");
    let wanted = format!("\n```text\n{shown}\n```\n");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(
            &path,
            format!("{head}<!-- demo -->{wanted}<!-- /demo -->{tail}"),
        )
        .unwrap();
        return;
    }
    assert_eq!(
        block, wanted,
        "run `BLESS=1 cargo test demo` and look at the difference"
    );
}

#[test]
fn the_demo_prints_the_same_twice() {
    assert_eq!(transcript(), transcript());
}

#[test]
fn the_readmes_operator_file_is_one() {
    let readme = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md"));
    let readme = readme.unwrap();
    let block = readme
        .split("```yaml\nversion: 1")
        .nth(1)
        .expect("an operator's file");
    let text = format!("version: 1{}", block.split("```").next().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let repository = folder.path().join("access");
    std::fs::create_dir(&repository).unwrap();
    let file = folder.path().join("operator.yaml");
    std::fs::write(&file, text).unwrap();
    let operator = countersign::operator::Operator::load(&file, &repository).unwrap();
    assert!(operator.may_mail("kim@city.example") && !operator.may_mail("kim@evil.example"));
}
