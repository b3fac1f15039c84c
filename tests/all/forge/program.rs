//! `countersign comment`, as a job calls it.

use super::bed::{Bed, TOKEN};
use super::github;
use serde_json::json;
use std::io::Write as _;
use std::process::{Command, Output, Stdio};
use wiremock::matchers::method;
use wiremock::{Mock, ResponseTemplate};

fn comment(bed: &Bed, more: &[&str], token: Option<&str>, input: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    command
        .args([
            "comment",
            "--forge",
            "github",
            "--repository",
            "city/access",
            "--pull-request",
            "7",
        ])
        .arg(format!("--url=https://{}", bed.front().address))
        .arg("--ca-file")
        .arg(bed.authority())
        .args(more)
        .arg("-")
        .env_remove("COUNTERSIGN_FORGE_TOKEN")
        .env("NO_PROXY", "127.0.0.1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    if let Some(token) = token {
        command.env("COUNTERSIGN_FORGE_TOKEN", token);
    }
    let mut child = command.spawn().unwrap();
    // One that is refused at once does not read it.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn bed() -> Bed {
    let bed = Bed::new();
    bed.get("/api/v3/user", &github::user("ci"));
    bed.get(&format!("{}/issues/7/comments", github::BELOW), &json!([]));
    let answer = ResponseTemplate::new(201).set_body_json(json!({"id": 1}));
    bed.mount(Mock::given(method("POST")).respond_with(answer));
    bed
}

#[test]
fn a_text_becomes_a_comment() {
    let bed = bed();
    let output = comment(
        &bed,
        &["--marker", "diff"],
        Some(TOKEN),
        "# What it means\n",
    );
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(
        said,
        "comment `diff` below #7: 1 written, 0 changed, 0 as they were, 0 removed\n"
    );
    let requests = bed.requests();
    let written: serde_json::Value = requests[2].body_json().unwrap();
    assert_eq!(
        written,
        json!({"body": "<!-- countersign:diff 1 -->\n# What it means\n"})
    );
    assert_eq!(
        requests[2].headers["authorization"],
        format!("Bearer {TOKEN}")
    );
    let output = comment(&bed, &[], Some(TOKEN), " \n");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("0 written"), "{said}");
}

#[test]
fn wrong_usage_and_a_missing_token_are_said_before_anything_is_sent() {
    let bed = bed();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), TOKEN).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(0o644)).unwrap();
    }
    let path = file.path().to_str().unwrap();
    for (more, token, code, expected) in [
        (
            &["--marker", "A B"][..],
            Some(TOKEN),
            64,
            "a marker is 1 to 40",
        ),
        (
            &["--url", "http://git.city.example"],
            Some(TOKEN),
            64,
            "cannot be used multiple times",
        ),
        (&["--token", "x"], Some(TOKEN), 64, "unexpected argument"),
        (
            &[],
            None,
            3,
            "no secret from the environment variable COUNTERSIGN_FORGE_TOKEN, which --token-variable asks for: the variable is not set",
        ),
        (
            &["--token-variable", "NO_SUCH_VARIABLE"],
            Some(TOKEN),
            3,
            "NO_SUCH_VARIABLE",
        ),
        (
            &["--token-file", path],
            None,
            3,
            "others can read or change it",
        ),
        (
            &["/nonexistent/text.md"],
            Some(TOKEN),
            3,
            "cannot read /nonexistent/text.md",
        ),
    ] {
        let output = comment(&bed, more, token, "text");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{more:?}: {said}");
        assert!(said.contains(expected), "{more:?}: {said}");
        assert!(!said.contains(TOKEN));
    }
    for (forge, repository, more, expected) in [
        (
            "forgejo",
            "city/access",
            &[][..],
            "say with --url where this Forgejo is",
        ),
        (
            "github",
            "city",
            &[],
            "--repository: this is not `owner/name`",
        ),
        (
            "github",
            "a/b",
            &["--url=http://x"],
            "only `https://` is encrypted",
        ),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_countersign"))
            .args([
                "comment",
                "--forge",
                forge,
                "--repository",
                repository,
                "--pull-request",
                "7",
                "-",
            ])
            .args(more)
            .env("COUNTERSIGN_FORGE_TOKEN", TOKEN)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(64), "{said}");
        assert!(said.contains(expected), "{said}");
    }
    assert!(bed.requests().is_empty());
}

#[test]
fn what_the_forge_refuses_ends_with_its_words_and_a_way_out() {
    let bed = bed();
    bed.refuse("/api/v3/user", 401, &json!({"message": "Bad credentials"}));
    let output = comment(&bed, &[], Some(TOKEN), "text");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(
        said.contains("401: Bad credentials; the token is not right"),
        "{said}"
    );
}
