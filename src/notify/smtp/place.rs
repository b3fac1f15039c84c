//! The URL of a mail server to where it is and how a connection to it becomes an encrypted one.

use super::SmtpSettingsError;
use crate::notify::plain::one_line;

/// A server's place as a URL names it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) start: Start,
    pub(super) host: String,
    pub(super) port: u16,
}

/// When a connection becomes an encrypted one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    /// From its first byte.
    Encrypted,
    /// By STARTTLS, before anything but the greeting.
    Upgraded,
}

impl Place {
    /// Reads a URL; whatever is not encrypted from the start or by STARTTLS is refused.
    pub(super) fn parse(url: &str) -> Result<Self, SmtpSettingsError> {
        let refused = || SmtpSettingsError::Url(shown(url));
        let (scheme, rest) = url.split_once("://").ok_or_else(refused)?;
        let (start, usual) = match scheme {
            "smtps" => (Start::Encrypted, 465),
            "smtp+starttls" => (Start::Upgraded, 587),
            "smtp" => return Err(SmtpSettingsError::Plain(shown(url))),
            _ => return Err(refused()),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = match rest.strip_prefix('[') {
            Some(rest) => rest.split_once(']').ok_or_else(refused)?,
            None => rest.split_at(rest.find(':').unwrap_or(rest.len())),
        };
        let port = match port.strip_prefix(':') {
            Some(port) => port.parse().map_err(|_| refused())?,
            None if port.is_empty() => usual,
            None => return Err(refused()),
        };
        if port == 0 || rustls::pki_types::ServerName::try_from(host).is_err() {
            return Err(refused());
        }
        Ok(Self {
            start,
            host: host.to_owned(),
            port,
        })
    }
}

/// The URL for people; what could be a password in it is left out.
fn shown(url: &str) -> String {
    match url.rsplit_once('@') {
        Some((_, rest)) => format!("…@{}", one_line(rest)),
        None => one_line(url),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_encrypted_places_are_taken() {
        let place = |url: &str| Place::parse(url).map_err(|e| e.to_string());
        let (smtps, starttls) = (Start::Encrypted, Start::Upgraded);
        let of = |start, host: &str, port| {
            Ok(Place {
                start,
                host: host.to_owned(),
                port,
            })
        };
        assert_eq!(
            place("smtps://mail.city.example"),
            of(smtps, "mail.city.example", 465)
        );
        assert_eq!(
            place("smtp+starttls://mail:2587/"),
            of(starttls, "mail", 2587)
        );
        assert_eq!(place("smtps://[::1]:9465"), of(smtps, "::1", 9465));
        let plain = place("smtp://mail.city.example").unwrap_err();
        assert!(plain.contains("could be read on the way"), "{plain}");
        for url in [
            "mail.city.example",
            "smtps://",
            "smtps://:465",
            "smtps://user:pass@mail",
            "smtps://mail/path",
            "smtps://mail?tls=no",
            "smtps://mail:0",
            "smtps://mail:99999",
            "smtps://mail:465x",
            "smtps://[::1",
            "smtps://mail\r\n",
            "SMTP://mail",
            "http://mail",
        ] {
            assert!(place(url).is_err(), "{url}");
        }
    }

    #[test]
    fn a_password_in_a_url_is_not_repeated() {
        for url in ["smtps://user:s3cret@mail", "smtp://user:s3cret@mail"] {
            let message = Place::parse(url).unwrap_err().to_string();
            assert!(
                message.contains("…@mail") && !message.contains("s3cret"),
                "{message}"
            );
        }
    }
}
