//! A digest to the bytes of a mail (RFC 5322, MIME): text and HTML as alternatives, files beside them.
//!
//! Invariant: the same digest, sender and date give the same bytes, ASCII with lines ending in CRLF.
//! What `=` could do in a boundary it cannot do in a body: all bodies are quoted-printable or base64.

use super::plain::one_line;
use super::{Attachment, Digest, MessageId};
use jiff::Timestamp;
use lettre::address::Address;
use lettre::message::header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment as Part, Body, Mailbox, Message, MultiPart, SinglePart};
use std::time::{Duration, SystemTime};

/// Who mails come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender {
    /// The address.
    pub mail: String,
    /// The name people read, where there is one.
    pub name: Option<String>,
}

impl Sender {
    /// The part of the address behind the `@`.
    pub fn domain(&self) -> &str {
        self.mail.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

/// That a digest cannot become a mail.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// An address is none that every mail server takes.
    #[error("`{}` is not a mail address of ASCII letters", .0.escape_debug())]
    Address(String),
    /// A date outside what a mail can say.
    #[error("{0} is not a date a mail can carry")]
    Date(Timestamp),
    /// A part that cannot be written as MIME.
    #[error("{0} cannot be written into a mail")]
    Part(String),
}

/// Writes the mail.
///
/// # Errors
/// [`RenderError`] for an address, date or media type that no mail can carry.
pub fn render(digest: &Digest, from: &Sender, date: Timestamp) -> Result<String, RenderError> {
    let seconds = u64::try_from(date.as_second()).map_err(|_| RenderError::Date(date))?;
    let mut message = Message::builder()
        .from(mailbox(&from.mail, from.name.as_deref())?)
        .to(mailbox(&digest.to.mail, digest.to.name.as_deref())?)
        .subject(header_text(&digest.subject))
        .date(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
        .message_id(Some(id(&digest.message_id)?));
    if !digest.in_reply_to.is_empty() {
        let roots: Result<Vec<String>, _> = digest.in_reply_to.iter().map(id).collect();
        let roots = roots?.join(" ");
        message = message.in_reply_to(roots.clone()).references(roots);
    }
    // RFC 3834, and its Exchange counterpart: nobody's absence note should answer.
    for (name, value) in [
        ("Auto-Submitted", "auto-generated"),
        ("X-Auto-Response-Suppress", "All"),
    ] {
        let name = HeaderName::new_from_ascii_str(name);
        message = message.raw_header(HeaderValue::new(name, value.to_owned()));
    }
    let boundary = |part: &str| format!("=_{}_{part}", digest.message_id.local());
    let alternatives = MultiPart::alternative()
        .boundary(boundary("alternative"))
        .singlepart(text_part(&digest.text, ContentType::TEXT_PLAIN)?)
        .singlepart(text_part(&digest.html, ContentType::TEXT_HTML)?);
    let content = match digest.attachments.as_slice() {
        [] => alternatives,
        attachments => attachments.iter().try_fold(
            MultiPart::mixed()
                .boundary(boundary("mixed"))
                .multipart(alternatives),
            |mixed, attachment| Ok(mixed.singlepart(file_part(attachment)?)),
        )?,
    };
    let message = message
        .multipart(content)
        .map_err(|e| RenderError::Part(format!("the mail ({e})")))?;
    String::from_utf8(message.formatted())
        .ok()
        .filter(|text| text.is_ascii())
        .ok_or_else(|| RenderError::Part("a character outside ASCII".to_owned()))
}

fn mailbox(mail: &str, name: Option<&str>) -> Result<Mailbox, RenderError> {
    Ok(Mailbox::new(name.map(header_text), address(mail)?))
}

/// Reads an address as every mail server takes it.
pub(super) fn address(mail: &str) -> Result<Address, RenderError> {
    let refused = || RenderError::Address(mail.to_owned());
    let plain = mail
        .bytes()
        .all(|b| b.is_ascii_graphic() && !b"\"()<>,;:\\[]".contains(&b));
    if !plain {
        return Err(refused());
    }
    mail.parse().map_err(|_| refused())
}

/// An id as a header takes it: nothing but one word in angle brackets.
fn id(id: &MessageId) -> Result<String, RenderError> {
    let inner =
        id.0.strip_prefix('<')
            .and_then(|rest| rest.strip_suffix('>'));
    let plain = |inner: &&str| {
        inner
            .bytes()
            .all(|b| b.is_ascii_graphic() && !b"<>".contains(&b))
    };
    match inner.filter(plain) {
        Some(_) => Ok(id.0.clone()),
        None => Err(RenderError::Part(format!("the Message-ID {:?}", id.0))),
    }
}

/// A header's text: it has no line to end, and does not pretend to be encoded (RFC 2047).
fn header_text(text: &str) -> String {
    one_line(text).replace("=?", "= ?")
}

fn text_part(text: &str, media_type: ContentType) -> Result<SinglePart, RenderError> {
    let text = text.replace("\r\n", "\n").replace('\n', "\r\n");
    let body = encoded(
        text.into_bytes(),
        ContentTransferEncoding::QuotedPrintable,
        "the text",
    )?;
    Ok(SinglePart::builder().header(media_type).body(body))
}

fn file_part(attachment: &Attachment) -> Result<SinglePart, RenderError> {
    let of = |what: &str| format!("{what} of the attachment {:?}", attachment.name);
    let named = |b: u8| b.is_ascii_alphanumeric() || b".-_".contains(&b);
    if !attachment.name.bytes().all(named) {
        return Err(RenderError::Part(of("the name")));
    }
    let media_type = ContentType::parse(&attachment.media_type)
        .map_err(|_| RenderError::Part(of("the media type")))?;
    let bytes = attachment.bytes.clone();
    let body = encoded(bytes, ContentTransferEncoding::Base64, &of("the content"))?;
    Ok(Part::new(attachment.name.clone()).body(body, media_type))
}

fn encoded(
    bytes: Vec<u8>,
    encoding: ContentTransferEncoding,
    what: &str,
) -> Result<Body, RenderError> {
    Body::new_with_encoding(bytes, encoding).map_err(|_| RenderError::Part(what.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::{Threads, cast, digests};
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    fn digest() -> Digest {
        let work = cast::work(&cast::changes());
        let (words, run) = (cast::words(), cast::run());
        let mails = digests(
            &cast::tasks(),
            &[],
            Some(&work),
            &words,
            &run,
            &Threads::default(),
        )
        .unwrap();
        mails.into_iter().next().unwrap()
    }

    fn sender() -> Sender {
        Sender {
            mail: "access@city.example".to_owned(),
            name: Some("Zoë's access".to_owned()),
        }
    }

    fn rendered(digest: &Digest) -> String {
        render(digest, &sender(), cast::run().instant).unwrap()
    }

    #[test]
    fn the_same_digest_and_date_are_the_same_bytes() {
        assert_eq!(rendered(&digest()), rendered(&digest()));
        let mime = rendered(&digest());
        assert!(mime.is_ascii());
        assert_eq!(mime.matches('\n').count(), mime.matches("\r\n").count());
        assert!(
            mime.contains("Date: Mon, 01 Feb 2027 05:00:00 +0000\r\n"),
            "{mime}"
        );
        assert!(
            mime.contains("Subject: [City of Bloomington] 3 tasks: Timetrack (2), uReport (1);")
        );
        assert!(
            mime.contains("To: \"Dana Reyes\" <dana.reyes@city.example>\r\n"),
            "{mime}"
        );
        assert!(mime.contains("Auto-Submitted: auto-generated\r\n"));
    }

    #[test]
    fn it_answers_the_mails_it_revises() {
        let mut digest = digest();
        assert!(!rendered(&digest).contains("In-Reply-To"));
        let root = |n: usize| MessageId(format!("<{n:032x}@city.example>"));
        digest.in_reply_to = vec![root(1), root(2)];
        let mime = rendered(&digest).replace("\r\n ", " ");
        for header in ["In-Reply-To", "References"] {
            let expected = format!("\r\n{header}: {} {}\r\n", root(1), root(2));
            assert!(mime.contains(&expected), "{mime}");
        }
    }

    #[test]
    fn files_arrive_byte_for_byte() {
        let digest = digest();
        let mime = rendered(&digest);
        for attachment in &digest.attachments {
            let named = format!("filename=\"{}\"", attachment.name);
            let part = mime
                .split("\r\n--")
                .find(|part| part.contains(&named))
                .unwrap();
            let (head, body) = part.split_once("\r\n\r\n").unwrap();
            assert!(head.contains("Content-Transfer-Encoding: base64"), "{head}");
            let body: String = body.split_whitespace().collect();
            assert_eq!(STANDARD.decode(body).unwrap(), attachment.bytes);
        }
    }

    #[test]
    fn no_body_can_hold_a_boundary() {
        let mut digest = digest();
        let boundary = format!("--=_{}_mixed", digest.message_id.local());
        let before = rendered(&digest).matches(&boundary).count();
        digest.text.push_str(&format!("\n{boundary}--\n"));
        digest.attachments[0]
            .bytes
            .extend_from_slice(format!("\r\n{boundary}\r\n").as_bytes());
        assert_eq!(rendered(&digest).matches(&boundary).count(), before);
    }

    #[test]
    fn a_subject_that_looks_encoded_is_shown_as_it_is() {
        let mut digest = digest();
        digest.subject = "=?utf-8?q?=0d=0aBcc:_x?=".to_owned();
        assert!(rendered(&digest).contains("\r\nSubject: = ?utf-8?q?=0d=0aBcc:_x?=\r\n"));
    }

    #[test]
    fn what_no_mail_can_carry_is_refused() {
        let refused = |change: &dyn Fn(&mut Digest)| {
            let mut digest = digest();
            change(&mut digest);
            render(&digest, &sender(), cast::run().instant)
                .unwrap_err()
                .to_string()
        };
        for mail in [
            "",
            "dana",
            "dana@",
            "dana@city.example\r\nBcc: x@evil.example",
            "dana@city.example, x@evil.example",
            "Dana <dana@city.example>",
            "\"a b\"@city.example",
            "zoë@city.example",
            "a@b@c",
        ] {
            let message = refused(&|digest| mail.clone_into(&mut digest.to.mail));
            assert!(
                message.ends_with("is not a mail address of ASCII letters"),
                "{mail}"
            );
            assert!(!message.contains('\n'));
        }
        let id = refused(&|d| d.message_id = MessageId("<a@b>\r\nBcc: <x@y>".to_owned()));
        assert!(id.contains("Message-ID"), "{id}");
        let name = refused(&|d| "a\"; x=\"b".clone_into(&mut d.attachments[0].name));
        assert!(name.contains("the name of the attachment"), "{name}");
        let date = "-009999-01-02T01:59:59Z".parse().unwrap();
        let failure = render(&digest(), &sender(), date).unwrap_err();
        assert_eq!(failure, RenderError::Date(date));
    }
}
