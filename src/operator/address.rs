//! Addresses of servers, and why one is refused: everything that travels is encrypted, and no
//! address carries a password.
//!
//! Invariant: no message quotes an address; a password may stand in it.

use crate::diagnostic::Code;
use std::fmt;
use std::net::Ipv6Addr;
use std::path::Path;

/// A server and how the connection to it is encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// The host: a name or an IP address, IPv6 without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// How the connection is encrypted.
    pub encryption: Encryption,
}

/// How a connection is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encryption {
    /// From its first byte.
    Tls,
    /// By StartTLS before anything else; without it, there is no connection.
    StartTls,
}

/// The address of a git repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitUrl(String);

impl GitUrl {
    /// The address as git takes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for GitUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A protocol, in its two forms.
#[derive(Debug)]
pub(super) struct Protocol {
    /// Scheme and port of the form that is encrypted from the first byte.
    encrypted: (&'static str, u16),
    /// Scheme and port of the form that needs StartTLS.
    plain: (&'static str, u16),
    /// Ports that answer and are of no use, and why.
    refused: &'static [(u16, &'static str)],
}

/// LDAP. The global catalog takes no writes and shows only some of the attributes (MS-ADTS 3.1.1.3.2).
pub(super) const LDAP: Protocol = Protocol {
    encrypted: ("ldaps", 636),
    plain: ("ldap", 389),
    refused: &[(3268, "the global catalog"), (3269, "the global catalog")],
};

/// SMTP: submission (RFC 6409), or submission over implicit TLS (RFC 8314).
pub(super) const SMTP: Protocol = Protocol {
    encrypted: ("smtps", 465),
    plain: ("smtp", 587),
    refused: &[],
};

/// Whether the operator asks for StartTLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Upgrade {
    StartTls,
    None,
}

impl From<bool> for Upgrade {
    fn from(start_tls: bool) -> Self {
        if start_tls {
            Self::StartTls
        } else {
            Self::None
        }
    }
}

/// Why an address is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum AddressError {
    #[error("`{0}://` sends everything in the clear")]
    Plain(String),
    #[error("a name or password stands in the address")]
    Credentials,
    #[error("`{0}://` is not taken here")]
    Scheme(String),
    #[error("the address has no scheme")]
    NoScheme,
    #[error("the address names no host, or one that cannot be")]
    Host,
    #[error("the port is not a number from 1 to 65535")]
    Port,
    #[error("something stands behind host and port")]
    Rest,
    #[error("`startTls` is asked for, and `{0}://` is encrypted from its first byte")]
    Twice(&'static str),
    #[error("port {0} is {1}: nothing can be written there")]
    Refused(u16, &'static str),
    #[error("the address names no repository")]
    NoPath,
}

impl AddressError {
    /// The sort of mistake.
    pub(super) fn code(&self) -> Code {
        match self {
            Self::Plain(_) | Self::Credentials => Code::PlainConnection,
            Self::Scheme(_)
            | Self::NoScheme
            | Self::Host
            | Self::Port
            | Self::Rest
            | Self::Twice(_)
            | Self::Refused(..)
            | Self::NoPath => Code::BadValue,
        }
    }
}

impl Protocol {
    /// What may be written.
    pub(super) fn help(&self) -> String {
        let (encrypted, plain) = (self.encrypted.0, self.plain.0);
        format!(
            "write `{encrypted}://host`, or `{plain}://host` with `startTls: true`; passwords come from the environment, a file or a systemd credential"
        )
    }

    /// Reads the address of a server.
    pub(super) fn server(&self, text: &str, upgrade: Upgrade) -> Result<Server, AddressError> {
        let (scheme, rest) = scheme(text)?;
        let (port, encryption) = if scheme == self.encrypted.0 {
            match upgrade {
                Upgrade::StartTls => return Err(AddressError::Twice(self.encrypted.0)),
                Upgrade::None => (self.encrypted.1, Encryption::Tls),
            }
        } else if scheme == self.plain.0 {
            match upgrade {
                Upgrade::StartTls => (self.plain.1, Encryption::StartTls),
                Upgrade::None => return Err(AddressError::Plain(scheme)),
            }
        } else {
            return Err(AddressError::Scheme(scheme));
        };
        if rest.contains('@') {
            return Err(AddressError::Credentials);
        }
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, behind) = rest.split_at(end);
        if !matches!(behind, "" | "/") {
            return Err(AddressError::Rest);
        }
        let (host, given) = host_and_port(authority)?;
        let port = given.unwrap_or(port);
        match self.refused.iter().find(|(refused, _)| *refused == port) {
            Some((port, why)) => Err(AddressError::Refused(*port, why)),
            None => Ok(Server {
                host,
                port,
                encryption,
            }),
        }
    }
}

/// What may be written for a repository.
pub(super) const GIT_HELP: &str = "write `https://host/path`, `ssh://git@host/path`, `git@host:path` or an absolute path; git itself knows how to log in";

/// Reads the address of a git repository.
pub(super) fn git(text: &str) -> Result<GitUrl, AddressError> {
    let taken = || GitUrl(text.to_owned());
    if Path::new(text).is_absolute() {
        return Ok(taken());
    }
    if !text.contains("://") {
        return scp(text).map(|()| taken());
    }
    let (scheme, rest) = scheme(text)?;
    if scheme == "file" {
        return if rest.starts_with('/') {
            Ok(taken())
        } else {
            Err(AddressError::Host)
        };
    }
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let authority = match (scheme.as_str(), authority.rsplit_once('@')) {
        ("http" | "git" | "ftp", _) => return Err(AddressError::Plain(scheme)),
        ("https", None) | ("ssh", None) => authority,
        ("ssh", Some((user, host))) if is_user(user) => host,
        ("https" | "ssh", Some(_)) => return Err(AddressError::Credentials),
        _ => return Err(AddressError::Scheme(scheme)),
    };
    host_and_port(authority)?;
    match path {
        "" | "/" => Err(AddressError::NoPath),
        _ => Ok(taken()),
    }
}

/// `user@host:path`, as git and scp take it.
fn scp(text: &str) -> Result<(), AddressError> {
    let (authority, path) = text.split_once(':').ok_or(AddressError::NoScheme)?;
    let host = match authority.rsplit_once('@') {
        Some((user, host)) if is_user(user) => host,
        Some(_) => return Err(AddressError::Credentials),
        None if path.contains('@') => return Err(AddressError::Credentials),
        None => authority,
    };
    if !is_host(host) {
        return Err(AddressError::Host);
    }
    // `host::x` would run a program of that name.
    match path.is_empty() || path.starts_with([':', '-']) {
        true => Err(AddressError::NoPath),
        false => Ok(()),
    }
}

fn scheme(text: &str) -> Result<(String, &str), AddressError> {
    let (scheme, rest) = text.split_once("://").ok_or(AddressError::NoScheme)?;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
    match scheme.len() <= 16 && scheme.chars().all(plain) {
        true => Ok((scheme.to_ascii_lowercase(), rest)),
        false => Err(AddressError::NoScheme),
    }
}

fn host_and_port(authority: &str) -> Result<(String, Option<u16>), AddressError> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']').ok_or(AddressError::Host)?;
            host.parse::<Ipv6Addr>().map_err(|_| AddressError::Host)?;
            match port {
                "" => (host, None),
                port => (
                    host,
                    Some(port.strip_prefix(':').ok_or(AddressError::Host)?),
                ),
            }
        }
        None => match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    if !authority.starts_with('[') && !is_host(host) {
        return Err(AddressError::Host);
    }
    let number = |text: &str| match text.bytes().all(|b| b.is_ascii_digit()) {
        true => text.parse().ok().filter(|port| *port != 0),
        false => None,
    };
    match port {
        None => Ok((host.to_owned(), None)),
        Some(port) => Ok((
            host.to_owned(),
            Some(number(port).ok_or(AddressError::Port)?),
        )),
    }
}

fn is_host(text: &str) -> bool {
    (1..=253).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
}

fn is_user(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(host: &str, port: u16, encryption: Encryption) -> Result<Server, AddressError> {
        Ok(Server {
            host: host.into(),
            port,
            encryption,
        })
    }

    #[test]
    fn encrypted_servers_are_taken_with_their_ports() {
        use Encryption::{StartTls, Tls};
        for (text, upgrade, expected) in [
            (
                "ldaps://dc1.city.example",
                Upgrade::None,
                server("dc1.city.example", 636, Tls),
            ),
            ("LDAPS://dc1/", Upgrade::None, server("dc1", 636, Tls)),
            (
                "ldap://dc1:10389",
                Upgrade::StartTls,
                server("dc1", 10389, StartTls),
            ),
            (
                "ldaps://[::1]:1636",
                Upgrade::None,
                server("::1", 1636, Tls),
            ),
            (
                "ldaps://127.0.0.11",
                Upgrade::None,
                server("127.0.0.11", 636, Tls),
            ),
        ] {
            assert_eq!(LDAP.server(text, upgrade), expected, "{text}");
        }
        assert_eq!(
            SMTP.server("smtps://mail", Upgrade::None),
            server("mail", 465, Tls)
        );
        assert_eq!(
            SMTP.server("smtp://mail", Upgrade::StartTls),
            server("mail", 587, StartTls)
        );
    }

    /// AD 43, AD 77: neither in the clear, nor over the global catalog's ports.
    #[test]
    fn what_is_not_encrypted_or_not_an_address_is_refused_without_quoting_it() {
        use AddressError as E;
        for (text, upgrade, expected) in [
            ("ldap://dc1", Upgrade::None, E::Plain("ldap".into())),
            ("ldaps://dc1", Upgrade::StartTls, E::Twice("ldaps")),
            ("ldaps://cn=a:hunter2@dc1", Upgrade::None, E::Credentials),
            ("ldap://hunter2@dc1", Upgrade::StartTls, E::Credentials),
            ("http://dc1", Upgrade::None, E::Scheme("http".into())),
            ("dc1", Upgrade::None, E::NoScheme),
            ("hunter2 ://dc1", Upgrade::None, E::NoScheme),
            ("ldaps://", Upgrade::None, E::Host),
            ("ldaps://-oProxyCommand=x", Upgrade::None, E::Host),
            ("ldaps://[hunter2]", Upgrade::None, E::Host),
            ("ldaps://dc1:", Upgrade::None, E::Port),
            ("ldaps://dc1:+1", Upgrade::None, E::Port),
            ("ldaps://dc1:65536", Upgrade::None, E::Port),
            ("ldaps://dc1/dc=city", Upgrade::None, E::Rest),
            (
                "ldaps://dc1:3269",
                Upgrade::None,
                E::Refused(3269, "the global catalog"),
            ),
        ] {
            let error = LDAP.server(text, upgrade).unwrap_err();
            assert_eq!(error, expected, "{text}");
            assert!(!error.to_string().contains("hunter2"));
        }
        assert_eq!(E::Plain("ldap".into()).code(), Code::PlainConnection);
        assert_eq!(E::Credentials.code(), Code::PlainConnection);
    }

    #[test]
    fn a_repository_is_reached_over_https_ssh_or_on_this_machine() {
        for text in [
            "https://git.city.example/access.git",
            "ssh://git@git.city.example/access.git",
            "ssh://git.city.example:2222/access.git",
            "git@git.city.example:city/access.git",
            "git.city.example:access.git",
            "/srv/git/access.git",
            "file:///srv/git/access.git",
        ] {
            assert_eq!(git(text).map(|url| url.to_string()), Ok(text.to_owned()));
        }
        use AddressError as E;
        for (text, expected) in [
            ("http://git.city.example/a.git", E::Plain("http".into())),
            ("git://git.city.example/a.git", E::Plain("git".into())),
            ("https://token@git.city.example/a.git", E::Credentials),
            ("ssh://git:hunter2@git.city.example/a.git", E::Credentials),
            ("git:hunter2@host:a.git", E::Credentials),
            ("ext::sh -c x", E::NoPath),
            ("ssh://-oProxyCommand=x/a", E::Host),
            ("-oProxyCommand=x:a", E::Host),
            ("https://git.city.example/", E::NoPath),
            ("access.git", E::NoScheme),
            ("file://host/a.git", E::Host),
            ("rsync://host/a", E::Scheme("rsync".into())),
        ] {
            assert_eq!(git(text), Err(expected), "{text}");
        }
    }
}
