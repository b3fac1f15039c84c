//! GitHub's own description of its interface, served by Prism: what is asked is what it describes, and
//! what it shows as examples is understood. On demand: `tests/forge-contract`.

use super::bed::{Front, runtime};
use countersign::forge::{Forge, ForgeError, ForgeKind, Login, Marker, RepositoryPath};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Prism's port on loopback.
const PORT: &str = "COUNTERSIGN_TEST_PRISM";

/// What is changed in the examples, so that they are of one pull request, that of a form, with a comment
/// of our own: its number of commits, branch and text; the text of a comment.
const INSTEAD: [(&str, &str); 4] = [
    ("\"commits\":3", "\"commits\":1"),
    ("\"ref\":\"new-topic\"", "\"ref\":\"request/form-1347\""),
    ("Please pull these awesome changes in!", "Closes #1347"),
    ("\"Me too\"", "\"<!-- countersign:kept 1 -->\""),
];

/// A front that takes `/api/v3` away, closes after each answer, and notes what Prism says.
fn front(runtime: &tokio::runtime::Runtime, port: u16) -> Front {
    Front::serve(runtime, move |mut tls, _| async move {
        let mut request = Vec::new();
        let mut piece = vec![0; 16 * 1024];
        let head = loop {
            match tls.read(&mut piece).await {
                Ok(got) if got > 0 => request.extend_from_slice(&piece[..got]),
                Ok(_) | Err(_) => return,
            }
            if let Some(end) = request.windows(4).position(|w| w == b"\r\n\r\n") {
                break end + 4;
            }
        };
        let text = String::from_utf8_lossy(&request[..head]).into_owned();
        let length = text.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length")
                .then(|| value.trim().parse::<usize>().ok())?
        });
        while request.len() < head + length.unwrap_or(0) {
            match tls.read(&mut piece).await {
                Ok(got) if got > 0 => request.extend_from_slice(&piece[..got]),
                Ok(_) | Err(_) => return,
            }
        }
        let line = text.replacen(" /api/v3/", " /", 1);
        let line = line.replacen("\r\n\r\n", "\r\nconnection: close\r\n\r\n", 1);
        let Ok(mut prism) = TcpStream::connect(("127.0.0.1", port)).await else {
            return;
        };
        let _ = prism.write_all(line.as_bytes()).await;
        let _ = prism.write_all(&request[head..]).await;
        let mut answer = Vec::new();
        let _ = prism.read_to_end(&mut answer).await;
        let mut answer = String::from_utf8_lossy(&answer).into_owned();
        eprintln!(
            "{} -> {}",
            line.lines().next().unwrap_or(""),
            answer.lines().next().unwrap_or("")
        );
        for (example, instead) in INSTEAD {
            answer = answer.replace(example, instead);
        }
        // Two examples of issues stand one level too deep in the description.
        if let Some((head, body)) = answer.split_once("\r\n\r\n")
            && let Ok(whole) = serde_json::from_str::<serde_json::Value>(body)
            && let (Some(value), None) = (whole.get("value"), whole.get("id"))
        {
            answer = format!("{head}\r\n\r\n{value}");
        }
        // It ends where the connection does.
        let answer = answer.replacen("Content-Length:", "X-Length:", 1);
        let _ = tls.write_all(answer.as_bytes()).await;
        let _ = tls.shutdown().await;
    })
}

#[test]
fn what_is_asked_of_github_is_what_it_describes() {
    let Ok(port) = std::env::var(PORT) else {
        eprintln!("LEFT OUT: GitHub's own description: no {PORT}; tests/forge-contract sets it");
        return;
    };
    let port: u16 = port.parse().unwrap();
    let runtime = runtime();
    let front = front(&runtime, port);
    let mut settings = front.settings(ForgeKind::GitHub);
    // The repository and the numbers of the examples.
    settings.repository = RepositoryPath::parse("octocat/Hello-World", ForgeKind::GitHub).unwrap();
    settings.patience.answer = std::time::Duration::from_secs(60);
    let forge = Forge::open(&settings).unwrap();
    // The example's hash is not one of a merge that it shows, so it is the merge of none.
    let merged = forge.merged("6dcb09b5b57875f334f61aebed695e2e4193db5e");
    assert!(merged.is_ok(), "{merged:?}");
    // The example's open pull request is for another branch.
    let head = "6dcb09b5b57875f334f61aebed695e2e4193db5e";
    assert_eq!(forge.proposed(head, "no-such-branch").unwrap(), None);
    let told = forge.pull_request(1347).unwrap();
    assert_eq!((told.number, told.commits.len()), (1347, 1));
    // The review of the example is by the author, of another commit.
    assert_eq!(told.reviews.len(), 1);
    assert!(told.approvals().is_empty());
    // The form: the issue of the examples is a pull request.
    settings.bots = [Login::new("octocat")].into();
    match Forge::open(&settings).unwrap().pull_request(1347) {
        Err(error @ ForgeError::Form { .. }) => {
            assert!(error.to_string().contains("#1347 is no issue"), "{error}");
        }
        other => panic!("{other:?}"),
    }
    let comment = |marker: &str, texts: &[String]| {
        let marker = Marker::new(marker).unwrap();
        forge.comment(1347, &marker, texts).unwrap()
    };
    assert_eq!(comment("diff", &["text".into()]).written, 1);
    assert_eq!(comment("kept", &["text".into()]).changed, 1);
    assert_eq!(comment("kept", &[]).removed, 1);
}
