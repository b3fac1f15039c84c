//! A mail as the text that `expected/` keeps.

use base64::Engine as _;
use countersign::notify::post::Letter;

/// A mail: its head, its text, the names and content of what comes with it.
pub fn mail(letter: &Letter) -> String {
    let mime = letter.mime.replace("\r\n", "\n");
    let (head, body) = mime.split_once("\n\n").unwrap_or((&mime, ""));
    let mut text = format!("To: {}\nSubject: {}\n", letter.to, letter.subject);
    if head.contains("\nIn-Reply-To:") {
        text += "In-Reply-To: (the first mail of the thread)\n";
    }
    text.push('\n');
    for part in parts(head, body) {
        if part.kind.starts_with("text/plain") && part.name.is_none() {
            text += &part.text;
        } else if let Some(name) = part.name {
            // What a script looks like is proven elsewhere.
            let content = part.text.as_str();
            let proven = name.contains(".ps1") || name.ends_with(".age");
            let content = if proven { "" } else { content };
            text += &format!("\n-- {name}\n{content}");
        }
    }
    match text.ends_with('\n') {
        true => text,
        false => text + "\n",
    }
}

struct Part {
    kind: String,
    name: Option<String>,
    text: String,
}

fn parts(head: &str, body: &str) -> Vec<Part> {
    let unfolded = head.replace("\n ", " ").replace("\n\t", " ");
    let header = |name: &str| {
        let mut lines = unfolded.lines();
        let line = lines.find(|l| l.to_lowercase().starts_with(&format!("{name}:")))?;
        Some(line[name.len() + 1..].trim().to_owned())
    };
    let kind = header("content-type").unwrap_or_default();
    if let Some((_, rest)) = kind.split_once("boundary=") {
        let boundary = rest.trim_start_matches('"').split(['"', ';']).next();
        let mark = format!("--{}", boundary.unwrap_or_default());
        let sections = body.split(&mark).skip(1);
        let whole = sections.filter_map(|section| section.trim_start().split_once("\n\n"));
        return whole.flat_map(|(head, body)| parts(head, body)).collect();
    }
    let encoding = header("content-transfer-encoding").unwrap_or_default();
    let bytes = match encoding.as_str() {
        "base64" => {
            let joined: String = body.split_whitespace().collect();
            let engine = base64::engine::general_purpose::STANDARD;
            engine.decode(joined).unwrap_or_default()
        }
        "quoted-printable" => unquoted(body),
        _ => body.as_bytes().to_vec(),
    };
    let disposition = header("content-disposition").unwrap_or_default();
    let name = disposition.split_once("filename=").map(|(_, name)| {
        let end = name.trim_start_matches('"').split(['"', ';']).next();
        end.unwrap_or_default().to_owned()
    });
    vec![Part {
        kind,
        name,
        text: String::from_utf8_lossy(&bytes).replace("\r\n", "\n"),
    }]
}

/// Quoted-printable (RFC 2045 section 6.7).
fn unquoted(text: &str) -> Vec<u8> {
    let joined = text.replace("=\n", "");
    let mut bytes = Vec::new();
    let mut rest = joined.bytes();
    while let Some(byte) = rest.next() {
        let digits = match byte {
            b'=' => [rest.next().unwrap_or(b'0'), rest.next().unwrap_or(b'0')],
            byte => {
                bytes.push(byte);
                continue;
            }
        };
        let digits = String::from_utf8_lossy(&digits).into_owned();
        bytes.push(u8::from_str_radix(&digits, 16).unwrap_or(b'?'));
    }
    bytes
}
