//! A mail as it was delivered to its headers, texts and attachments, as Python's parser reads them.

use super::json;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A mail that was delivered.
#[derive(Debug, Clone)]
pub struct Delivered {
    /// Addresses only.
    pub to: Vec<String>,
    pub subject: String,
    pub message_id: String,
    pub in_reply_to: Option<String>,
    pub text: String,
    pub html: String,
    pub attachments: Vec<Attached>,
}

/// An attachment.
#[derive(Debug, Clone)]
pub struct Attached {
    pub name: String,
    pub text: String,
}

const PARSER: &str = r#"
import email, email.policy, email.utils, json, sys
def content(mail, kind):
    part = mail.get_body((kind,))
    return part.get_content() if part else ""
def read(mail): return {
    "to": [address for _, address in email.utils.getaddresses(mail.get_all("to"))],
    "subject": str(mail["subject"]), "id": str(mail["message-id"]).strip(),
    "reply": mail["in-reply-to"] and str(mail["in-reply-to"]).strip(),
    "text": content(mail, "plain"), "html": content(mail, "html"), "defects": [str(d) for d in mail.defects],
    "attachments": [[part.get_filename(), part.get_payload(decode=True).decode()] for part in mail.iter_attachments()],
}
print(json.dumps([read(email.message_from_binary_file(open(name, "rb"), policy=email.policy.default)) for name in sys.argv[1:]]))
"#;

impl Delivered {
    /// Reads files of RFC 5322.
    pub fn read(files: &[PathBuf]) -> Vec<Self> {
        let output = Command::new("/usr/bin/python3")
            .args(["-c", PARSER])
            .args(files)
            .output()
            .unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{error}");
        let mails = json(&String::from_utf8(output.stdout).unwrap());
        mails.as_array().unwrap().iter().map(Self::of).collect()
    }

    fn of(mail: &Value) -> Self {
        assert_eq!(mail["defects"], Value::Array(Vec::new()), "{mail}");
        let text = |value: &Value| value.as_str().unwrap().replace("\r\n", "\n");
        let list = |value: &Value| value.as_array().unwrap().clone();
        Self {
            to: list(&mail["to"]).iter().map(&text).collect(),
            subject: text(&mail["subject"]),
            message_id: text(&mail["id"]),
            in_reply_to: mail["reply"].as_str().map(str::to_owned),
            text: text(&mail["text"]),
            html: text(&mail["html"]),
            attachments: list(&mail["attachments"])
                .iter()
                .map(|part| Attached {
                    name: text(&part[0]),
                    text: text(&part[1]),
                })
                .collect(),
        }
    }

    /// The attachment whose name ends so.
    #[track_caller]
    pub fn attachment(&self, ending: &str) -> &Attached {
        let mut found = self.attachments.iter().filter(|a| a.name.ends_with(ending));
        match (found.next(), found.next()) {
            (Some(one), None) => one,
            _ => panic!("{ending}: {:?}", self.attachments),
        }
    }
}

/// The files of what a server took from a sender, in that order.
pub(super) fn kept(log: &Path, sender: &str) -> Vec<PathBuf> {
    let log = fs::read_to_string(log).unwrap_or_default();
    log.lines()
        .map(json)
        .filter(|line| line["from"] == sender)
        .map(|line| PathBuf::from(line["file"].as_str().unwrap()))
        .collect()
}
