//! Where a domain controller is and how to log on: turns what the operator wrote into an address, a
//! name to verify, and a TLS configuration, or refuses it.

use crate::connector::active_directory::failure::unanswered;
use crate::connector::{Failure, FailureClass};
use crate::dn::Dn;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use secrecy::SecretString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Where a domain controller is, whom it must prove to be, and who logs on.
#[derive(Debug, Clone)]
pub struct LdapSettings {
    /// `ldaps://host[:port]`, or `ldap://host[:port]` together with `start_tls`.
    pub url: String,
    /// Whether an `ldap://` connection becomes an encrypted one before anything else is said on it.
    pub start_tls: bool,
    /// The base of every read.
    pub base: Dn,
    /// The authorities that may vouch for the server; none: those of the system.
    pub ca: Option<CaSource>,
    /// Who logs on: a distinguished name, or a userPrincipalName.
    pub bind_dn: String,
    /// The password.
    pub password: SecretString,
    /// The name that the certificate must have; none: the host of the URL.
    pub server_name: Option<String>,
    /// How long anything may take.
    pub timeouts: LdapTimeouts,
}

/// Certificates of authorities, as PEM.
#[derive(Debug, Clone)]
pub enum CaSource {
    /// In a file.
    File(PathBuf),
    /// Themselves.
    Pem(Vec<u8>),
}

/// How long to wait before giving up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LdapTimeouts {
    /// For finding the address and dialling it; and again for TLS.
    pub connect: Duration,
    /// For logging on, for each write, and for the next entry of a read.
    pub operation: Duration,
    /// For reading everything.
    pub read_all: Duration,
}

impl Default for LdapTimeouts {
    /// Ten seconds to connect; half a minute an operation, a loaded controller's longest; a quarter of an
    /// hour for everything, in which the slowest one measured reads three million entries.
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            operation: Duration::from_secs(30),
            read_all: Duration::from_secs(15 * 60),
        }
    }
}

/// What the URL says, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) host: String,
    pub(super) port: u16,
    /// What the connection is made with: the scheme, and the name that is verified.
    pub(super) url: String,
    pub(super) start_tls: bool,
}

/// Ports of the global catalog, which is read-only.
const CATALOG_PORTS: [u16; 2] = [3268, 3269];

impl Target {
    /// Takes the URL apart, and refuses what is not encrypted or cannot be verified.
    pub(super) fn of(settings: &LdapSettings) -> Result<Self, Failure> {
        let url = settings.url.as_str();
        let wrong = |words: &str| Err(configuration(format!("{url}: {words}")));
        let Some((scheme, rest)) = url.split_once("://") else {
            return wrong("expected `ldaps://host`");
        };
        let (default_port, start_tls) =
            match (scheme.to_ascii_lowercase().as_str(), settings.start_tls) {
                ("ldaps", false) => (636, false),
                ("ldap", true) => (389, true),
                ("ldaps", true) => return wrong("`startTls` belongs to `ldap://`"),
                ("ldap", false) => {
                    return wrong(
                        "plain `ldap://` would send the password and every name in the clear; \
                              use `ldaps://`, or `startTls: true`",
                    );
                }
                _ => return wrong("expected `ldaps://host`"),
            };
        let Some((host, port)) = host_and_port(rest.strip_suffix('/').unwrap_or(rest)) else {
            return wrong("expected a host and perhaps a port after `://`, and nothing else");
        };
        let port = port.unwrap_or(default_port);
        if CATALOG_PORTS.contains(&port) {
            return wrong(
                "this is a port of the global catalog, over which nothing can be written",
            );
        }
        let name = settings.server_name.as_deref().unwrap_or(host);
        if name.contains(':') {
            return wrong("an IPv6 address needs `serverName`, the name in the certificate");
        }
        if ServerName::try_from(name).is_err() {
            return wrong("the name to verify is not a host's name");
        }
        let scheme = if start_tls { "ldap" } else { "ldaps" };
        let url = format!("{scheme}://{name}:{port}");
        Ok(Self {
            host: host.into(),
            port,
            url,
            start_tls,
        })
    }
}

fn host_and_port(text: &str) -> Option<(&str, Option<u16>)> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => rest
            .split_once(']')
            .map(|(host, port)| (host, port.strip_prefix(':')))?,
        None => text
            .split_once(':')
            .map_or((text, None), |(host, port)| (host, Some(port))),
    };
    let is_host = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':');
    let port = port.map(|port| port.parse::<u16>().ok().filter(|port| *port != 0));
    match (host.is_empty(), host.bytes().all(is_host), port) {
        (false, true, None) => Some((host, None)),
        (false, true, Some(Some(port))) => Some((host, Some(port))),
        (true | false, true | false, Some(_) | None) => None,
    }
}

/// Refuses a log-on that the directory would take for an anonymous one (RFC 4513 section 5.1.2).
pub(super) fn has_credentials(settings: &LdapSettings) -> Result<(), Failure> {
    use secrecy::ExposeSecret as _;
    match settings.bind_dn.is_empty() || settings.password.expose_secret().is_empty() {
        true => Err(configuration(
            "a name and a password are needed to log on".into(),
        )),
        false => Ok(()),
    }
}

/// A client that trusts those authorities and nobody else.
pub(super) fn tls_config(ca: Option<&CaSource>) -> Result<Arc<ClientConfig>, Failure> {
    let certificates = match ca {
        Some(CaSource::Pem(pem)) => certificates(pem, "the CA certificates")?,
        Some(CaSource::File(path)) => {
            let name = path.display().to_string();
            let pem = std::fs::read(path)
                .map_err(|error| configuration(format!("{name} cannot be read: {error}")))?;
            certificates(&pem, &name)?
        }
        None => rustls_native_certs::load_native_certs().certs,
    };
    let mut roots = RootCertStore::empty();
    let (taken, _) = roots.add_parsable_certificates(certificates);
    if taken == 0 {
        return Err(configuration(
            "no authority is known that could vouch for the server".into(),
        ));
    }
    // Named, because a default does not exist where two providers are compiled in.
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| configuration(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

fn certificates(pem: &[u8], name: &str) -> Result<Vec<CertificateDer<'static>>, Failure> {
    CertificateDer::pem_slice_iter(pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| configuration(format!("{name}: {error}")))
}

fn configuration(message: String) -> Failure {
    unanswered(FailureClass::Configuration, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(url: &str) -> LdapSettings {
        LdapSettings {
            url: url.into(),
            start_tls: false,
            base: Dn::parse("DC=x").unwrap(),
            ca: None,
            bind_dn: "cn".into(),
            password: "secret".into(),
            server_name: None,
            timeouts: LdapTimeouts::default(),
        }
    }

    fn refused(settings: &LdapSettings) -> String {
        let failure = Target::of(settings).unwrap_err();
        assert_eq!(failure.class, FailureClass::Configuration);
        failure.message
    }

    #[test]
    fn only_encrypted_connections_have_a_target() {
        let target = |url: &str| Target::of(&settings(url)).unwrap();
        let dc = target("LDAPS://dc1.city.example/");
        assert_eq!(
            (dc.host.as_str(), dc.port, dc.start_tls),
            ("dc1.city.example", 636, false)
        );
        assert_eq!(dc.url, "ldaps://dc1.city.example:636");
        assert_eq!(
            target("ldaps://127.0.0.1:1636").url,
            "ldaps://127.0.0.1:1636"
        );
        let start_tls = LdapSettings {
            start_tls: true,
            ..settings("ldap://dc1")
        };
        let dc = Target::of(&start_tls).unwrap();
        assert_eq!(
            (dc.port, dc.start_tls, dc.url.as_str()),
            (389, true, "ldap://dc1:389")
        );
        let plain = refused(&settings("ldap://dc1"));
        assert!(plain.contains("in the clear"), "{plain}");
        assert!(
            refused(&LdapSettings {
                url: "ldaps://dc1".into(),
                ..start_tls
            })
            .contains("startTls")
        );
        for url in [
            "",
            "dc1",
            "ldapi://x",
            "http://x",
            "ldaps://",
            "ldaps://u:p@x",
            "ldaps://x/DC=y",
            "ldaps://x:",
            "ldaps://x:0",
            "ldaps://x:70000",
            "ldaps://x y",
            "ldaps://x?y",
            "ldaps://[::1",
            "ldaps://[::1]x",
        ] {
            assert!(Target::of(&settings(url)).is_err(), "{url}");
        }
        assert!(refused(&settings("ldaps://dc1:3269")).contains("global catalog"));
    }

    #[test]
    fn the_name_to_verify_may_differ_from_the_address() {
        let named = |url: &str| LdapSettings {
            server_name: Some("dc1.city.example".into()),
            ..settings(url)
        };
        let target = Target::of(&named("ldaps://10.0.0.5")).unwrap();
        assert_eq!(
            (target.host.as_str(), target.url.as_str()),
            ("10.0.0.5", "ldaps://dc1.city.example:636")
        );
        let target = Target::of(&named("ldaps://[fe80::1]:1636")).unwrap();
        assert_eq!((target.host.as_str(), target.port), ("fe80::1", 1636));
        assert!(refused(&settings("ldaps://[::1]")).contains("serverName"));
        let odd = LdapSettings {
            server_name: Some("a/b".into()),
            ..settings("ldaps://x")
        };
        assert!(refused(&odd).contains("name to verify"));
    }

    #[test]
    fn authorities_must_be_there() {
        let no_file = CaSource::File("/nonexistent/ca.pem".into());
        for ca in [
            no_file,
            CaSource::Pem(vec![]),
            CaSource::Pem(b"nonsense".to_vec()),
        ] {
            let failure = tls_config(Some(&ca)).unwrap_err();
            assert_eq!(failure.class, FailureClass::Configuration, "{ca:?}");
        }
    }

    #[test]
    fn an_empty_password_is_refused_and_no_password_is_shown() {
        assert!(has_credentials(&settings("ldaps://x")).is_ok());
        assert!(
            has_credentials(&LdapSettings {
                password: "".into(),
                ..settings("")
            })
            .is_err()
        );
        assert!(
            has_credentials(&LdapSettings {
                bind_dn: String::new(),
                ..settings("")
            })
            .is_err()
        );
        assert!(!format!("{:?}", settings("ldaps://x")).contains("secret"));
    }
}
