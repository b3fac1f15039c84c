//! What lies between: errors, limits, drops, redirects, what is no answer. Nothing of it ever looks like
//! "there is no such pull request", and the token goes nowhere else.

use super::bed::{Bed, Front, TOKEN, once, runtime};
use super::{HEAD, MERGE, OTHER};
use super::{forgejo, github, gitlab};
use countersign::forge::{Forge, ForgeError, ForgeKind, Settings};
use serde_json::json;
use std::error::Error as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use wiremock::matchers::{any, method, path};
use wiremock::{Mock, Request, ResponseTemplate};

/// An error and its causes.
fn words(error: &ForgeError) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        words = format!("{words}: {error}");
        cause = error.source();
    }
    assert!(!words.contains(TOKEN), "{words}");
    words
}

/// Fails that often, then answers well.
fn failing(times: usize, status: u16, header: Option<(&'static str, &'static str)>) -> Mock {
    let asked = AtomicUsize::new(0);
    Mock::given(any()).respond_with(move |_: &Request| {
        if asked.fetch_add(1, Ordering::SeqCst) >= times {
            return ResponseTemplate::new(200).set_body_json(json!([]));
        }
        let answer = ResponseTemplate::new(status).set_body_json(json!({"message": "wait"}));
        match header {
            Some((name, value)) => answer.insert_header(name, value),
            None => answer,
        }
    })
}

#[test]
fn every_refusal_names_call_status_and_a_way_out() {
    let commit = [
        (
            ForgeKind::GitHub,
            format!("{}/commits/{MERGE}/pulls", github::BELOW),
        ),
        (
            ForgeKind::GitLab,
            format!(
                "{}/repository/commits/{MERGE}/merge_requests",
                gitlab::BELOW
            ),
        ),
        (
            ForgeKind::Forgejo,
            format!("{}/commits/{MERGE}/pull", forgejo::BELOW),
        ),
    ];
    for (kind, at) in commit {
        for (status, way_out) in [
            (401, "make a new one"),
            (403, "give it the rights"),
            (404, "check the name of the repository"),
            (410, "switched off"),
            (422, "does not take it"),
            (418, "check the address"),
        ] {
            let bed = Bed::new();
            let body = json!({"message": "No\u{1b}[31m, sir"});
            bed.mount(
                Mock::given(any()).respond_with(ResponseTemplate::new(status).set_body_json(body)),
            );
            let error = bed.forge(kind).merged(MERGE).unwrap_err();
            let words = words(&error);
            let lists = status != 404 || kind != ForgeKind::Forgejo;
            let call = format!("{}, GET https://{}{at}", kind.title(), bed.front().address);
            assert!(!lists || words.contains(&call), "{words}");
            assert!(
                words.contains(&format!(" {status}: No [31m, sir; ")),
                "{words}"
            );
            assert!(words.contains(way_out), "{words}");
        }
    }
}

#[test]
fn what_is_no_answer_of_a_forge_is_an_error() {
    let whole = json!([{"number": 7, "merged_at": null, "merge_commit_sha": null}]).to_string();
    for (body, expected) in [
        ("<!DOCTYPE html><title>Sign in</title>", "an HTML page"),
        ("", "an empty answer"),
        (&whole[..whole.len() - 5], "EOF while parsing"),
        ("{}", "invalid type: map"),
        ("[{\"number\": -7}]", "invalid value"),
        ("[{\"number\": 7, \"merge_commit_sha\": \"x\"}]", "is none"),
        ("null", "invalid type: null"),
    ] {
        let bed = Bed::new();
        let answer = ResponseTemplate::new(200).set_body_string(body);
        bed.mount(Mock::given(any()).respond_with(answer));
        let words = words(&bed.forge(ForgeKind::GitHub).merged(MERGE).unwrap_err());
        assert!(
            words.contains(expected) && words.contains("no proxy answers"),
            "{body}: {words}"
        );
    }
    let deep = "[".repeat(100_000);
    let bed = Bed::new();
    bed.mount(Mock::given(any()).respond_with(ResponseTemplate::new(200).set_body_string(deep)));
    assert!(bed.forge(ForgeKind::GitHub).merged(MERGE).is_err());
}

#[test]
fn an_endless_answer_is_not_read_to_its_end() {
    let runtime = runtime();
    let front = Front::serve(&runtime, |mut tls, _| async move {
        let mut request = vec![0; 64 * 1024];
        let _ = tls.read(&mut request).await;
        let _ = tls
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n[")
            .await;
        let spaces = vec![b' '; 1024 * 1024];
        while tls.write_all(&spaces).await.is_ok() {}
    });
    let forge = Forge::open(&front.settings(ForgeKind::GitHub)).unwrap();
    let error = forge.merged(MERGE).unwrap_err();
    assert!(matches!(error, ForgeError::TooLarge { .. }), "{error}");
    assert_eq!(
        front.connections.load(Ordering::SeqCst),
        1,
        "it was read again"
    );
}

#[test]
fn a_limit_is_waited_for_and_a_long_one_is_an_error() {
    for (status, header) in [
        (429, ("retry-after", "0")),
        (403, ("retry-after", "1")),
        (403, ("x-ratelimit-remaining", "0")),
    ] {
        let bed = Bed::new();
        let header = match header.0 {
            "x-ratelimit-remaining" => {
                let answer = ResponseTemplate::new(status)
                    .insert_header("x-ratelimit-remaining", "0")
                    .insert_header("x-ratelimit-reset", "1700000000");
                bed.mount(
                    Mock::given(any())
                        .respond_with(answer)
                        .up_to_n_times(1)
                        .with_priority(1),
                );
                None
            }
            _ => Some(header),
        };
        let times = usize::from(header.is_some());
        bed.mount(failing(times, status, header));
        assert_eq!(
            bed.forge(ForgeKind::GitHub).merged(MERGE).unwrap(),
            None,
            "{header:?}"
        );
        assert_eq!(bed.requests().len(), 2);
    }
    for after in ["3600", "18446744073709551615"] {
        let bed = Bed::new();
        bed.mount(failing(99, 429, Some(("retry-after", after))));
        let error = bed.forge(ForgeKind::GitHub).merged(MERGE).unwrap_err();
        assert!(
            words(&error).contains(&format!("rate limit for {after} seconds more")),
            "{error}"
        );
        assert_eq!(bed.requests().len(), 1);
    }
}

#[test]
fn a_fault_of_the_forge_is_tried_again_a_few_times_and_only_where_nothing_changes() {
    let bed = Bed::new();
    bed.mount(failing(2, 502, None));
    assert_eq!(bed.forge(ForgeKind::GitHub).merged(MERGE).unwrap(), None);
    bed.reset();
    bed.mount(failing(99, 503, None));
    let error = bed.forge(ForgeKind::GitHub).merged(MERGE).unwrap_err();
    assert!(
        words(&error).contains("503: wait; the fault is on the forge's side"),
        "{error}"
    );
    assert_eq!(bed.requests().len(), 3);
    bed.reset();
    bed.get("/api/v3/user", &github::user("ci"));
    bed.get(&format!("{}/issues/7/comments", github::BELOW), &json!([]));
    bed.mount(Mock::given(method("POST")).respond_with(ResponseTemplate::new(502)));
    let marker = countersign::forge::Marker::new("diff").unwrap();
    let written = bed
        .forge(ForgeKind::GitHub)
        .comment(7, &marker, &["text".into()]);
    assert!(matches!(
        written,
        Err(ForgeError::Refused { status: 502, .. })
    ));
    let asked = bed.asked();
    assert_eq!(
        asked.iter().filter(|line| line.starts_with("POST")).count(),
        1,
        "{asked:?}"
    );
}

#[test]
fn a_connection_that_breaks_is_made_again_and_half_an_answer_is_none() {
    let runtime = runtime();
    // Closed before, within, and behind what it says is the answer.
    let front = Front::serve(&runtime, |tls, number| async move {
        let half = b"HTTP/1.1 200 OK\r\ncontent-length: 400\r\n\r\n[]".as_slice();
        let whole =
            b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n[]".as_slice();
        match number {
            0 => once(tls, b"").await,
            1 => once(tls, half).await,
            _ => once(tls, whole).await,
        }
    });
    let forge = Forge::open(&front.settings(ForgeKind::GitHub)).unwrap();
    assert_eq!(forge.merged(MERGE).unwrap(), None);
    assert_eq!(front.connections.load(Ordering::SeqCst), 3);
    let front = Front::serve(&runtime, |tls, _| async move {
        once(tls, b"HTTP/1.1 200 OK\r\ncontent-length: 400\r\n\r\n[]").await;
    });
    let forge = Forge::open(&front.settings(ForgeKind::GitHub)).unwrap();
    let error = forge.merged(MERGE).unwrap_err();
    assert!(
        words(&error).starts_with("no answer to GitHub, GET https://"),
        "{error}"
    );
}

#[test]
fn a_slow_forge_is_not_waited_for_longer_than_said() {
    let bed = Bed::new();
    let answer = ResponseTemplate::new(200).set_body_json(json!([]));
    bed.mount(Mock::given(any()).respond_with(answer.set_delay(Duration::from_secs(60))));
    let mut settings = bed.front().settings(ForgeKind::GitHub);
    settings.patience.answer = Duration::from_millis(200);
    let began = Instant::now();
    let error = Forge::open(&settings).unwrap().merged(MERGE).unwrap_err();
    assert!(words(&error).contains("timeout"), "{}", words(&error));
    assert!(began.elapsed() < Duration::from_secs(20));
}

#[test]
fn only_redirects_to_the_forge_itself_are_followed() {
    let stranger = Bed::new();
    stranger.mount(
        Mock::given(any()).respond_with(ResponseTemplate::new(200).set_body_json(json!([]))),
    );
    let at = format!("{}/commits/{MERGE}/pulls", github::BELOW);
    let bed = Bed::new();
    let own = format!("https://{}", bed.front().address);
    let elsewhere = format!("https://{}/x", stranger.front().address);
    for (location, followed) in [
        ("/moved?per_page=100".to_owned(), true),
        (format!("{own}/moved"), true),
        (elsewhere.clone(), false),
        (format!("http://{}/moved", bed.front().address), false),
        (format!("//{}/x", stranger.front().address), false),
        (format!("{own}@{}/x", stranger.front().address), false),
        (format!("{own}.evil.example/x"), false),
        ("moved".into(), false),
        (String::new(), false),
        (at.clone(), false),
    ] {
        bed.reset();
        let answer = ResponseTemplate::new(301).insert_header("location", location.as_str());
        bed.mount(Mock::given(path(at.as_str())).respond_with(answer));
        bed.get("/moved", &json!([]));
        match bed.forge(ForgeKind::GitHub).merged(MERGE) {
            Ok(None) => assert!(followed, "{location}"),
            Err(error @ ForgeError::Redirected { .. }) => {
                assert!(!followed, "{location}: {}", words(&error));
            }
            other => panic!("{location}: {other:?}"),
        }
    }
    assert!(
        stranger.requests().is_empty(),
        "the token was sent elsewhere"
    );
    // What changes something is not sent on.
    bed.reset();
    bed.get("/api/v3/user", &github::user("ci"));
    bed.get(&format!("{}/issues/7/comments", github::BELOW), &json!([]));
    let answer = ResponseTemplate::new(307).insert_header("location", "/moved");
    bed.mount(Mock::given(method("POST")).respond_with(answer));
    let marker = countersign::forge::Marker::new("diff").unwrap();
    let written = bed
        .forge(ForgeKind::GitHub)
        .comment(7, &marker, &["text".into()]);
    assert!(
        matches!(written, Err(ForgeError::Redirected { .. })),
        "{written:?}"
    );
}

#[test]
fn a_renamed_repository_is_followed_and_then_known_by_its_name() {
    let bed = Bed::new();
    let at = format!("{}/pulls/7", github::BELOW);
    let answer =
        ResponseTemplate::new(301).insert_header("location", "/api/v3/repositories/1/pulls/7");
    bed.mount(Mock::given(path(at)).respond_with(answer).with_priority(1));
    let mut renamed = github::pull();
    renamed["base"]["repo"]["full_name"] = json!("city/rights");
    bed.get("/api/v3/repositories/1/pulls/7", &renamed);
    github::told(
        &bed,
        &renamed,
        &json!([github::review("mnovak", "APPROVED", HEAD, 12)]),
    );
    let error = bed.forge(ForgeKind::GitHub).pull_request(7).unwrap_err();
    assert!(
        matches!(error, ForgeError::OtherRepository { .. }),
        "{error}"
    );
}

#[test]
fn who_is_not_the_forge_is_told_nothing() {
    let bed = Bed::new();
    let settings = bed.front().settings(ForgeKind::GitHub);
    let other = Bed::new();
    for ca_file in [Some(other.authority().to_owned()), None] {
        let settings = Settings {
            ca_file,
            ..settings.clone()
        };
        match Forge::open(&settings) {
            Ok(forge) => {
                let error = forge.merged(OTHER).unwrap_err();
                assert!(words(&error).contains("certificate"), "{}", words(&error));
            }
            // A machine without any authority.
            Err(error) => assert!(matches!(error, ForgeError::Settings(_)), "{error}"),
        }
    }
    assert!(bed.requests().is_empty());
    let named = "https://localhost.localdomain.invalid";
    let url = countersign::forge::ForgeUrl::parse(named).unwrap();
    let error = Forge::open(&Settings { url, ..settings })
        .unwrap()
        .merged(OTHER)
        .unwrap_err();
    assert!(
        words(&error).contains("check that this machine reaches the forge"),
        "{error}"
    );
}

#[test]
fn what_cannot_be_a_token_or_a_certificate_is_refused_before_anything_is_sent() {
    let bed = Bed::new();
    let settings = bed.front().settings(ForgeKind::GitHub);
    for token in ["", "two words", "line\nfeed", "tökén"] {
        let token = token.to_owned().into();
        let error = Forge::open(&Settings {
            token,
            ..settings.clone()
        })
        .unwrap_err();
        assert!(
            error.to_string().starts_with("the token is not one line"),
            "{error}"
        );
    }
    let mut empty = settings.clone();
    empty.ca_file = Some("/nonexistent/ca.pem".into());
    let error = Forge::open(&empty).unwrap_err().to_string();
    assert!(
        error.starts_with("cannot read the certificates /nonexistent/ca.pem"),
        "{error}"
    );
    let file = tempfile::NamedTempFile::new().unwrap();
    empty.ca_file = Some(file.path().to_owned());
    assert!(Forge::open(&empty).is_err());
    assert!(!format!("{settings:?} {:?}", bed.forge(ForgeKind::GitHub)).contains(TOKEN));
}

#[test]
fn a_proxy_of_the_environment_is_asked_for_a_tunnel() {
    // A proxy that tells whom it was asked for, and refuses.
    let runtime = runtime();
    let listener = runtime
        .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
        .unwrap();
    let address = listener.local_addr().unwrap();
    let asked = Arc::new(std::sync::Mutex::new(Vec::new()));
    let log = asked.clone();
    runtime.spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (mut request, mut piece) = (Vec::new(), vec![0; 4096]);
            while !request.ends_with(b"\r\n\r\n") {
                match stream.read(&mut piece).await {
                    Ok(got) if got > 0 => request.extend_from_slice(&piece[..got]),
                    Ok(_) | Err(_) => break,
                }
            }
            let request = String::from_utf8_lossy(&request).into_owned();
            log.lock().unwrap().push(request);
            let _ = stream
                .write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n")
                .await;
        }
    });
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text.md");
    std::fs::write(&text, "text").unwrap();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_countersign"))
        .args([
            "comment",
            "--forge",
            "github",
            "--repository",
            "city/access",
            "--pull-request",
            "7",
        ])
        .arg(&text)
        .env_remove("NO_PROXY")
        .env_remove("no_proxy")
        .env("HTTPS_PROXY", format!("http://{address}"))
        .env("COUNTERSIGN_FORGE_TOKEN", TOKEN)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(
        said.contains("no answer to GitHub, GET https://api.github.com/user"),
        "{said}"
    );
    let asked = asked.lock().unwrap();
    assert!(!asked.is_empty());
    for request in asked.iter() {
        assert!(
            request.starts_with("CONNECT api.github.com:443 "),
            "{request}"
        );
        assert!(!request.contains(TOKEN), "{request}");
    }
}
