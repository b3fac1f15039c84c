//! Notices and hand-overs to mails: each to one recipient, as text and as HTML.

use super::page::CauseLine;
use super::plain::{lines, one_line};
use super::subject::{counted, prefixed};
use super::templates::rendered;
use super::thread::MessageId;
use super::{Attachment, Digest, NotifyError, RunIdentity, Wording};
use crate::desired::Recipient;
use crate::plan::{Notice, NoticePart};
use serde::Serialize;
use std::collections::BTreeMap;

/// Everything such a mail says.
#[derive(Debug, Serialize)]
struct Page {
    organization: String,
    heading: String,
    parts: Vec<Part>,
    causes: Vec<CauseLine>,
    signature: Vec<String>,
    id: String,
    instant: String,
    revision: Option<String>,
}

#[derive(Debug, Serialize)]
struct Part {
    heading: String,
    lines: Vec<String>,
}

impl Part {
    fn of(part: &NoticePart) -> Self {
        Self {
            heading: one_line(&part.heading),
            lines: part.lines.iter().map(|line| one_line(line)).collect(),
        }
    }
}

/// Writes the mail of a notice to one of its recipients.
///
/// # Errors
/// [`NotifyError::Template`], which no input brings about.
pub fn notice(
    notice: &Notice,
    to: &Recipient,
    words: &Wording,
    run: &RunIdentity,
) -> Result<Digest, NotifyError> {
    let page = Page {
        organization: one_line(&words.organization),
        heading: one_line(&notice.subject),
        parts: notice.parts.iter().map(Part::of).collect(),
        causes: notice.causes.iter().map(CauseLine::of).collect(),
        signature: signature(words),
        id: format!("Notice {}", one_line(&notice.id.0)),
        instant: instant(run),
        revision: revision(run),
    };
    mail(&page, to, words, &notice.id.0, run, Vec::new())
}

/// An encrypted first password, on its way.
#[derive(Debug)]
pub struct Sealed<'a> {
    /// The login name it goes with.
    pub login: &'a str,
    /// The file's name.
    pub name: &'a str,
    /// What is in it: an age file, armored.
    pub text: &'a str,
}

/// Writes the mail that hands an encrypted first password on.
///
/// # Errors
/// [`NotifyError::Template`], which no input brings about.
pub fn hand_over(
    sealed: &Sealed<'_>,
    to: &Recipient,
    words: &Wording,
    run: &RunIdentity,
) -> Result<Digest, NotifyError> {
    let heading = format!("the first password of {}", one_line(sealed.login));
    let attachment = Attachment {
        name: sealed.name.to_owned(),
        media_type: "application/octet-stream".to_owned(),
        bytes: sealed.text.as_bytes().to_vec(),
    };
    let said = [
        "The attached file holds it, encrypted to your public key.".to_owned(),
        format!(
            "Read it:  age --decrypt -i YOUR-KEY {}",
            one_line(sealed.name)
        ),
        "Hand it on in person. It must be changed at the first log-on.".to_owned(),
    ];
    let page = Page {
        organization: one_line(&words.organization),
        heading,
        parts: vec![Part {
            heading: String::new(),
            lines: said.to_vec(),
        }],
        causes: Vec::new(),
        signature: signature(words),
        id: one_line(&run.intent),
        instant: instant(run),
        revision: revision(run),
    };
    let intent = format!("{} {}", run.intent, sealed.name);
    mail(&page, to, words, &intent, run, vec![attachment])
}

/// Writes the mail that tells an administrator that mails wait for the next day: of each address how many.
///
/// # Errors
/// [`NotifyError::Template`], which no input brings about.
pub fn capped(
    waiting: &BTreeMap<String, usize>,
    per_day: usize,
    to: &Recipient,
    words: &Wording,
    run: &RunIdentity,
) -> Result<Digest, NotifyError> {
    let lines = waiting.iter().map(|(address, mails)| {
        let mails = counted(*mails, "mail");
        one_line(&format!("{address}: {mails} so far today"))
    });
    let said = format!(
        "An address gets {per_day} mails in a day at most (`mail.perDay` of countersign.yaml). What is more \
         waits for tomorrow; what is about somebody who leaves never waits."
    );
    let page = Page {
        organization: one_line(&words.organization),
        heading: "mails wait for tomorrow".to_owned(),
        parts: vec![
            Part {
                heading: String::new(),
                lines: vec![said],
            },
            Part {
                heading: "Waiting".to_owned(),
                lines: lines.collect(),
            },
        ],
        causes: Vec::new(),
        signature: signature(words),
        id: format!("Run {}", one_line(&run.intent)),
        instant: instant(run),
        revision: revision(run),
    };
    mail(&page, to, words, &run.intent, run, Vec::new())
}

fn mail(
    page: &Page,
    to: &Recipient,
    words: &Wording,
    intent: &str,
    run: &RunIdentity,
    attachments: Vec<Attachment>,
) -> Result<Digest, NotifyError> {
    let written = rendered(words, "notice", page)?;
    Ok(Digest {
        to: to.clone(),
        subject: prefixed(words, &page.heading),
        text: written.text,
        html: written.html,
        failed: written.failed,
        attachments,
        message_id: MessageId::of(intent, &to.mail, &run.sender_domain),
        in_reply_to: Vec::new(),
        tasks: Vec::new(),
        reminded: BTreeMap::new(),
        changes: Vec::new(),
    })
}

fn signature(words: &Wording) -> Vec<String> {
    words.signature.as_deref().map(lines).unwrap_or_default()
}

fn instant(run: &RunIdentity) -> String {
    run.instant.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

fn revision(run: &RunIdentity) -> Option<String> {
    let revision = run.revision.as_deref();
    revision.map(|r| one_line(r).chars().take(12).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::cast;
    use crate::notify::mime::{Sender, render};
    use crate::plan::{NoticeKey, NoticeKind};

    fn told(line: &str) -> Digest {
        let key = NoticeKey {
            user: crate::name::UserName::new("jo.hart").unwrap(),
            kind: NoticeKind::Welcome,
            by: "account".into(),
        };
        let welcome = Notice {
            id: key.id(),
            key,
            user_display: "Jo Hart".into(),
            to: Vec::new(),
            after: Vec::new(),
            subject: format!("ready: the access of {line}"),
            parts: vec![NoticePart {
                heading: "Log-on".into(),
                lines: vec![format!("Login name: {line}")],
            }],
            description: None,
            causes: Vec::new(),
        };
        let to = cast::recipient("jo.hart@city.example", "Jo Hart");
        notice(&welcome, &to, &cast::words(), &cast::run()).unwrap()
    }

    #[test]
    fn a_notice_says_what_it_is_about_and_who_sent_it() {
        let mail = told("jo.hart");
        assert_eq!(
            mail.text,
            "City of Bloomington: ready: the access of jo.hart\n\nLog-on\n  Login name: jo.hart\n\n\n\
             -- \nInformation Technology Services\nhelpdesk@city.example\n\
             Notice n-4b95e79cf5ae, 2027-02-01 05:00 UTC, revision 8f14e45fceea.\n"
        );
        assert_eq!(
            mail.subject,
            "[City of Bloomington] ready: the access of jo.hart"
        );
        assert_eq!(mail.message_id, told("x").message_id, "whatever it says");
    }

    #[test]
    fn what_a_manifest_says_cannot_become_markup_or_a_header() {
        let mail = told("<b onclick=x>\r\nBcc: y");
        assert!(!mail.html.contains("<b onclick"));
        assert!(mail.text.lines().all(|line| !line.starts_with("Bcc:")));
        let from = Sender {
            mail: "access@city.example".into(),
            name: None,
        };
        let mime = render(&mail, &from, cast::run().instant).unwrap();
        assert!(mime.lines().all(|line| !line.starts_with("Bcc:")));
    }
}
