//! Letters to a mail server over SMTP: encrypted and authenticated, or not at all.

mod place;
mod trouble;

use super::mime::{RenderError, address};
use super::plain::one_line;
use super::post::{Letter, Post, PostError, RecipientDomains, Sent};
use crate::failpoint::fail_point;
use lettre::Transport;
use lettre::address::Envelope;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::transport::smtp::{Error, PoolConfig, SmtpTransport};
use place::{Place, Start};
use secrecy::{ExposeSecret, SecretString};
use std::time::{Duration, Instant};
use trouble::{Lasting, Trouble, answer, trouble};

/// So many timeouts are waited for in vain, then a server is given up: one letter that it hangs on keeps no other
/// back, and one that never answers does not hold a run up once for every letter.
const IN_VAIN: u32 = 3;

/// How long an unused connection is kept, in the hope of more letters.
const IDLE: Duration = Duration::from_secs(15);

/// Where mails are handed in and as whom, from the operator's file.
#[derive(Debug, Clone)]
pub struct SmtpSettings {
    /// `smtps://HOST[:465]` (TLS from the first byte) or `smtp+starttls://HOST[:587]` (TLS required before anything else).
    pub url: String,
    /// Whom to log on as.
    pub username: String,
    /// With what.
    pub password: SecretString,
    /// The sender's address.
    pub from: String,
    /// Certificate authorities in PEM form that alone are trusted; none: the system's.
    pub ca: Option<String>,
    /// How long to wait for the connection and for each answer.
    pub timeout: Duration,
}

/// Settings that no mail can be sent with.
#[derive(Debug, thiserror::Error)]
pub enum SmtpSettingsError {
    /// A connection without TLS.
    #[error(
        "`{0}` is refused: over plain smtp the password and the names in every mail could be read \
         on the way; write smtps://HOST (port 465) or smtp+starttls://HOST (port 587)"
    )]
    Plain(String),
    /// Not a URL of ours.
    #[error("`{0}` is not smtps://HOST[:PORT] or smtp+starttls://HOST[:PORT]")]
    Url(String),
    /// A log-on without a name or password.
    #[error("a mail server must be logged on to: `username` and `password` are both needed")]
    Credentials,
    /// The sender's address is none.
    #[error("the sender's address is wrong")]
    From(#[source] RenderError),
    /// The certificate authority is none.
    #[error("the certificate authority is not a certificate in PEM form")]
    Ca,
    /// The TLS library takes none of it.
    #[error("TLS cannot be set up")]
    Tls(#[source] lettre::transport::smtp::Error),
}

/// A mail server, connected to at the first letter and kept for the next.
pub struct Smtp {
    server: String,
    domains: RecipientDomains,
    transport: SmtpTransport,
    timeout: Duration,
    /// How long letters waited for nothing.
    waited: Duration,
}

impl Smtp {
    /// Takes the settings, connecting to nobody yet.
    ///
    /// # Errors
    /// [`SmtpSettingsError`] for everything that can be known without a connection.
    pub fn new(
        settings: &SmtpSettings,
        domains: RecipientDomains,
    ) -> Result<Self, SmtpSettingsError> {
        let place = Place::parse(&settings.url)?;
        if settings.username.is_empty() || settings.password.expose_secret().is_empty() {
            return Err(SmtpSettingsError::Credentials);
        }
        address(&settings.from).map_err(SmtpSettingsError::From)?;
        let tls = trusted(&place.host, settings.ca.as_deref())?;
        let tls = match place.start {
            Start::Encrypted => Tls::Wrapper(tls),
            Start::Upgraded => Tls::Required(tls),
        };
        let password = settings.password.expose_secret().to_owned();
        let transport = SmtpTransport::builder_dangerous(&place.host)
            .port(place.port)
            .tls(tls)
            .credentials(Credentials::new(settings.username.clone(), password))
            .authentication(vec![Mechanism::Plain, Mechanism::Login])
            .timeout(Some(settings.timeout))
            .pool_config(PoolConfig::new().max_size(1).idle_timeout(IDLE))
            .build();
        Ok(Self {
            server: settings.url.clone(),
            domains,
            transport,
            timeout: settings.timeout,
            waited: Duration::ZERO,
        })
    }

    /// Logs on, and keeps the connection for the next letter.
    ///
    /// # Errors
    /// [`PostError::Unreachable`] or [`PostError::Configuration`].
    pub fn check(&self) -> Result<(), PostError> {
        match self.transport.test_connection() {
            Ok(true) => Ok(()),
            Ok(false) => Err(PostError::Unreachable {
                server: self.server.clone(),
                source: "it let us log on and then did not answer".into(),
            }),
            Err(error) => Err(self.failure(error, "")),
        }
    }

    /// The connection broke.
    #[cfg(feature = "failpoints")]
    fn cut_off(&self) -> PostError {
        PostError::Unreachable {
            server: self.server.clone(),
            source: crate::failpoint::broken().into(),
        }
    }

    fn failure(&self, error: Error, recipient: &str) -> PostError {
        let server = self.server.clone();
        let recipient = recipient.to_owned();
        match trouble(&error) {
            Trouble::Recipient(Lasting::Yes) => PostError::Refused {
                recipient,
                answer: answer(&error),
            },
            Trouble::Recipient(Lasting::No) => PostError::Deferred {
                recipient,
                answer: answer(&error),
            },
            Trouble::Settings(reason) => PostError::Configuration { server, reason },
            Trouble::Connection => PostError::Unreachable {
                server,
                source: one_line(&error.to_string()).into(),
            },
        }
    }
}

impl Post for Smtp {
    fn send(&mut self, letter: &Letter) -> Result<Sent, PostError> {
        let recipient = letter.to.clone();
        if !self.domains.admit(&recipient) {
            return Err(PostError::Domain { recipient });
        }
        let envelope = address(&letter.from).and_then(|from| Ok((from, address(&letter.to)?)));
        let (from, to) = envelope.map_err(|source| PostError::Address {
            recipient: recipient.clone(),
            source,
        })?;
        let Ok(envelope) = Envelope::new(Some(from), vec![to]) else {
            return Err(PostError::Address {
                source: RenderError::Address(recipient.clone()),
                recipient,
            });
        };
        // lettre ends every mail with a line end of its own.
        let mime = letter.mime.strip_suffix("\r\n").unwrap_or(&letter.mime);
        fail_point!("smtp", return Err(self.cut_off()));
        if self.waited >= self.timeout * IN_VAIN {
            return Err(PostError::Unreachable {
                server: self.server.clone(),
                source: "it did not answer the letters before this one in time".into(),
            });
        }
        let began = Instant::now();
        let sent = self.transport.send_raw(&envelope, mime.as_bytes());
        let sent = sent.map_err(|error| self.failure(error, &recipient));
        if let Err(PostError::Unreachable { .. }) = sent {
            self.waited += began.elapsed();
        }
        let taken = sent?;
        fail_point!("smtp-accepted", return Err(self.cut_off()));
        let answer = one_line(&taken.message().collect::<Vec<_>>().join(" "));
        Ok(Sent {
            message_id: letter.message_id.clone(),
            answer,
        })
    }
}

/// What TLS trusts: the given authorities and nobody else, or the system's.
fn trusted(host: &str, ca: Option<&str>) -> Result<TlsParameters, SmtpSettingsError> {
    let tls = TlsParameters::builder(host.to_owned());
    let tls = match ca {
        None => tls.certificate_store(CertificateStore::Default),
        Some(pem) if !pem.contains("-----BEGIN CERTIFICATE-----") => {
            return Err(SmtpSettingsError::Ca);
        }
        Some(pem) => {
            let ca = Certificate::from_pem(pem.as_bytes()).map_err(|_| SmtpSettingsError::Ca)?;
            tls.certificate_store(CertificateStore::None)
                .add_root_certificate(ca)
        }
    };
    tls.build().map_err(SmtpSettingsError::Tls)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::MessageId;
    use crate::notify::post::Remedy;
    use std::io::{BufRead, BufReader, Write};

    fn settings(url: &str) -> SmtpSettings {
        SmtpSettings {
            url: url.to_owned(),
            username: "mailer".to_owned(),
            password: "secret".into(),
            from: "access@city.example".to_owned(),
            ca: None,
            timeout: Duration::from_secs(30),
        }
    }

    fn letter(to: &str) -> Letter {
        Letter {
            message_id: MessageId("<1@city.example>".to_owned()),
            from: "access@city.example".to_owned(),
            to: to.to_owned(),
            subject: "s".to_owned(),
            date: jiff::Timestamp::UNIX_EPOCH,
            mime: "Subject: s\r\n\r\nbody\r\n".to_owned(),
        }
    }

    #[test]
    fn settings_without_log_on_or_trust_are_refused() {
        let settings = settings("smtps://mail.city.example");
        let refusal = |settings| match Smtp::new(&settings, RecipientDomains::default()) {
            Ok(_) => "taken".to_owned(),
            Err(error) => error.to_string(),
        };
        assert_eq!(refusal(settings.clone()), "taken");
        let nobody = SmtpSettings {
            username: String::new(),
            ..settings.clone()
        };
        assert!(refusal(nobody).contains("both needed"));
        let silent = SmtpSettings {
            password: "".into(),
            ..settings.clone()
        };
        assert!(refusal(silent).contains("both needed"));
        let from = SmtpSettings {
            from: "a@b\r\nx".to_owned(),
            ..settings.clone()
        };
        assert!(refusal(from).contains("sender's address"));
        let ca = SmtpSettings {
            ca: Some("none".to_owned()),
            ..settings.clone()
        };
        assert!(refusal(ca).contains("PEM form"));
        assert!(!format!("{settings:?}").contains("secret"));
    }

    #[test]
    fn a_server_that_offers_no_tls_gets_neither_password_nor_letter() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("smtp+starttls://{}", listener.local_addr().unwrap());
        let server = std::thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            let mut lines = BufReader::new(&stream).lines();
            let mut heard = Vec::new();
            (&stream).write_all(b"220 plain.example ESMTP\r\n").unwrap();
            while let Some(Ok(line)) = lines.next() {
                let answer: &[u8] = match line.starts_with("EHLO") {
                    true => b"250-plain.example\r\n250 AUTH PLAIN LOGIN\r\n",
                    false => b"250 ok\r\n",
                };
                heard.push(line);
                (&stream).write_all(answer).unwrap();
            }
            heard
        });
        let mut smtp = Smtp::new(&settings(&url), RecipientDomains::new(["city.example"])).unwrap();
        let failure = smtp.send(&letter("dana@city.example")).unwrap_err();
        assert_eq!(failure.remedy(), Remedy::MendSettings);
        assert!(
            failure.to_string().contains("STARTTLS is not supported"),
            "{failure}"
        );
        drop(smtp);
        let heard = server.join().unwrap();
        let beyond = heard
            .iter()
            .find(|line| !line.starts_with("EHLO") && *line != "QUIT");
        assert_eq!(beyond, None);
    }

    #[test]
    fn a_server_that_is_not_there_may_come_back() {
        let free = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let settings = settings(&format!("smtps://{free}"));
        let mut smtp = Smtp::new(&settings, RecipientDomains::new(["city.example"])).unwrap();
        let failure = smtp.send(&letter("dana@city.example")).unwrap_err();
        assert!(
            matches!(failure, PostError::Unreachable { .. }),
            "{failure:?}"
        );
        assert_eq!(failure.remedy(), Remedy::Wait);
    }

    #[test]
    fn a_server_that_never_answers_holds_up_a_few_letters_and_not_all() {
        let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let settings = SmtpSettings {
            timeout: Duration::from_millis(100),
            ..settings(&format!("smtps://{}", silent.local_addr().unwrap()))
        };
        let mut smtp = Smtp::new(&settings, RecipientDomains::new(["city.example"])).unwrap();
        let began = Instant::now();
        for _ in 0..1000 {
            let failure = smtp.send(&letter("dana@city.example")).unwrap_err();
            assert_eq!(failure.remedy(), Remedy::Wait, "{failure}");
        }
        assert!(began.elapsed() < Duration::from_secs(5));
        silent.set_nonblocking(true).unwrap();
        let connections = silent.incoming().take_while(Result::is_ok).count();
        assert!((2..=3).contains(&connections), "{connections}");
    }

    #[test]
    fn a_recipient_outside_the_domains_is_refused_before_any_connection() {
        let settings = settings("smtps://192.0.2.1");
        let mut smtp = Smtp::new(&settings, RecipientDomains::new(["city.example"])).unwrap();
        assert!(matches!(
            smtp.send(&letter("x@evil.example")),
            Err(PostError::Domain { .. })
        ));
        assert!(matches!(
            smtp.send(&letter("x\r\nRCPT TO:<y@z>@city.example")),
            Err(PostError::Address { .. })
        ));
    }
}
