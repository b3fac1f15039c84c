//! Letters against a real mail server: what arrives, what fails how, and that nothing goes in the clear.
//!
//! The server is told by `COUNTERSIGN_TEST_SMTP_*`; where it is not, these tests have nothing to
//! meet, and fail if `COUNTERSIGN_TEST_BED` says that it should be there.

#![allow(clippy::unwrap_used)]

use countersign::desired::Recipient;
use countersign::notify::smtp::{Smtp, SmtpSettings};
use countersign::notify::{
    Attachment, Digest, Letter, MessageId, Post, PostError, RecipientDomains, Remedy, Sender,
};
use std::path::PathBuf;
use std::time::Duration;

struct MailServer {
    settings: SmtpSettings,
    implicit_tls: String,
    maildir: PathBuf,
}

/// The mail server of the test bed; none where there is no test bed.
fn mail_server() -> Option<MailServer> {
    let variable = |name: &str| std::env::var(format!("COUNTERSIGN_TEST_{name}")).ok();
    let Some(url) = variable("SMTP_URL") else {
        assert!(variable("BED").is_none(), "the test bed has no mail server");
        eprintln!("skipped: no mail server in COUNTERSIGN_TEST_SMTP_URL");
        return None;
    };
    let file = |name: &str| std::fs::read_to_string(variable(name).unwrap()).unwrap();
    let settings = SmtpSettings {
        url,
        username: variable("SMTP_USER").unwrap(),
        password: file("SMTP_PASSWORD_FILE").trim().into(),
        from: "access@city.example".to_owned(),
        ca: Some(file("SMTP_CA")),
        timeout: Duration::from_secs(30),
    };
    let implicit_tls = variable("SMTPS_URL").unwrap();
    let maildir = PathBuf::from(variable("MAILDIR").unwrap());
    Some(MailServer {
        settings,
        implicit_tls,
        maildir,
    })
}

impl MailServer {
    fn connect(&self) -> Smtp {
        smtp(&self.settings)
    }

    /// How many letters of exactly these bytes the server has kept.
    fn kept(&self, letter: &Letter) -> usize {
        std::fs::read_dir(self.maildir.join("new"))
            .unwrap()
            .filter(|file| {
                let path = file.as_ref().unwrap().path();
                std::fs::read(path).unwrap() == letter.mime.as_bytes()
            })
            .count()
    }
}

fn smtp(settings: &SmtpSettings) -> Smtp {
    Smtp::new(settings, RecipientDomains::new(["city.example"])).unwrap()
}

/// A letter to `TO@city.example`, unlike every other.
fn letter(to: &str) -> Letter {
    let unlike = format!(
        "{}-{to}-{:?}",
        std::process::id(),
        std::time::SystemTime::now()
    );
    let to = format!("{to}@city.example");
    let digest = Digest {
        failed: Vec::new(),
        to: Recipient {
            mail: to.clone(),
            name: Some("Zoë \"Z\" Weiß".to_owned()),
        },
        subject: format!("[City] 1 task: Größe ({unlike})"),
        text: format!(
            ".\n..\n.{unlike}\nFrom here on: Zoë\n{}\n",
            "long ".repeat(300)
        ),
        html: "<p>.</p>\n.\n".to_owned(),
        attachments: vec![Attachment {
            name: "changes.ldif".to_owned(),
            media_type: "text/plain; charset=us-ascii".to_owned(),
            bytes: b".\r\n.\n\0\xff".to_vec(),
        }],
        message_id: MessageId::of(&unlike, &to, "city.example"),
        in_reply_to: Vec::new(),
        tasks: Vec::new(),
        reminded: Default::default(),
        changes: Vec::new(),
    };
    let sender = Sender {
        mail: "access@city.example".to_owned(),
        name: None,
    };
    Letter::of(&digest, &sender, "2027-02-01T05:00:00Z".parse().unwrap()).unwrap()
}

#[test]
fn letters_arrive_byte_for_byte_over_both_kinds_of_tls() {
    let Some(server) = mail_server() else { return };
    let implicit = SmtpSettings {
        url: server.implicit_tls.clone(),
        ..server.settings.clone()
    };
    for settings in [&server.settings, &implicit] {
        let mut smtp = smtp(settings);
        smtp.check().unwrap();
        for n in 0..3 {
            let letter = letter(&format!("dana+{n}"));
            let sent = smtp.send(&letter).unwrap();
            assert_eq!(sent.message_id, letter.message_id);
            assert!(sent.answer.contains("kept"), "{}", sent.answer);
            assert_eq!(server.kept(&letter), 1, "{}", settings.url);
        }
    }
}

#[test]
fn what_never_works_is_told_from_what_may_work_later() {
    let Some(server) = mail_server() else { return };
    let mut smtp = server.connect();
    let mut failure = |to: &str| {
        let failure = smtp.send(&letter(to)).unwrap_err();
        // The next letter finds the connection fit for use again.
        smtp.send(&letter("dana")).unwrap();
        failure
    };
    let refused = failure("reject");
    assert!(matches!(refused, PostError::Refused { .. }), "{refused:?}");
    assert_eq!(
        refused.to_string(),
        "the mail server refuses reject@city.example: 550 5.1.1 no such user"
    );
    assert_eq!(refused.remedy(), Remedy::MendRecipient);
    assert!(matches!(failure("datafail"), PostError::Refused { .. }));
    let deferred = failure("tempfail");
    assert!(
        matches!(deferred, PostError::Deferred { .. }),
        "{deferred:?}"
    );
    assert_eq!(deferred.remedy(), Remedy::Wait);
    let broken = failure("drop");
    assert!(
        matches!(broken, PostError::Unreachable { .. }),
        "{broken:?}"
    );
    assert_eq!(broken.remedy(), Remedy::Wait);
}

#[test]
fn a_letter_put_off_is_taken_the_second_time() {
    let Some(server) = mail_server() else { return };
    let mut smtp = server.connect();
    let letter = letter(&format!("greylist+{}", std::process::id()));
    assert_eq!(smtp.send(&letter).unwrap_err().remedy(), Remedy::Wait);
    smtp.send(&letter).unwrap();
    assert_eq!(server.kept(&letter), 1);
}

#[test]
fn a_letter_whose_reply_was_lost_is_sent_again_as_the_same_bytes() {
    let Some(server) = mail_server() else { return };
    let mut smtp = server.connect();
    let letter = letter("lostreply");
    for tries in 1..=2 {
        let failure = smtp.send(&letter).unwrap_err();
        assert!(
            matches!(failure, PostError::Unreachable { .. }),
            "{failure:?}"
        );
        assert_eq!(server.kept(&letter), tries);
    }
}

#[test]
fn without_the_right_password_or_authority_nothing_is_sent() {
    let Some(server) = mail_server() else { return };
    let letter = letter("dana");
    let reason = |settings: &SmtpSettings| match smtp(settings).send(&letter) {
        Err(failure @ PostError::Configuration { .. }) => {
            assert_eq!(failure.remedy(), Remedy::MendSettings);
            failure.to_string()
        }
        other => panic!("{other:?}"),
    };
    let settings = server.settings.clone();
    let password = reason(&SmtpSettings {
        password: "wrong".into(),
        ..settings.clone()
    });
    assert!(password.contains(": 535 "), "{password}");
    assert!(!password.contains("wrong"), "{password}");
    for url in [&settings.url, &server.implicit_tls] {
        // The system's authorities do not know the test bed's.
        let stranger = reason(&SmtpSettings {
            ca: None,
            url: url.clone(),
            ..settings.clone()
        });
        assert!(stranger.contains("certificate"), "{stranger}");
    }
    let port = settings.url.rsplit_once(':').unwrap().1;
    let wrong_port = SmtpSettings {
        url: format!("smtps://127.0.0.1:{port}"),
        ..settings.clone()
    };
    reason(&wrong_port);
    assert_eq!(server.kept(&letter), 0);
}
