//! Which forge, where, and which repository on it: texts of an operator or a command line → what a
//! forge is opened with, or why not.
//!
//! Invariant: no message quotes an address; a password may stand in it.

use super::Login;
use secrecy::SecretString;
use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// What a forge is opened with.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Which software it is.
    pub kind: ForgeKind,
    /// Where people open it in a browser.
    pub url: ForgeUrl,
    /// The repository on it.
    pub repository: RepositoryPath,
    /// Accounts, beside those the forge itself calls bots, that turn filled forms into pull requests.
    pub bots: BTreeSet<Login>,
    /// The certificates (PEM) that the forge's must be signed by; none: the system's.
    pub ca_file: Option<PathBuf>,
    /// The token.
    pub token: SecretString,
    /// How long to wait for anything.
    pub patience: Patience,
}

/// Which software a forge is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ForgeKind {
    /// github.com, GitHub Enterprise Cloud or Server.
    GitHub,
    /// gitlab.com, or one's own GitLab.
    GitLab,
    /// Forgejo, or Gitea, from which it comes.
    Forgejo,
}

impl ForgeKind {
    /// The word for it in files and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::GitHub => "github",
            Self::GitLab => "gitlab",
            Self::Forgejo => "forgejo",
        }
    }

    /// What people call it.
    pub fn title(self) -> &'static str {
        match self {
            Self::GitHub => "GitHub",
            Self::GitLab => "GitLab",
            Self::Forgejo => "Forgejo",
        }
    }

    /// The refs that it keeps the heads of pull requests at, those of forks too.
    pub fn heads(self) -> &'static str {
        match self {
            Self::GitHub | Self::Forgejo => "refs/pull/*/head",
            Self::GitLab => "refs/merge-requests/*/head",
        }
    }

    /// Where it is if nobody says; none where everybody has one of their own.
    pub fn usual_url(self) -> Option<ForgeUrl> {
        let host = match self {
            Self::GitHub => "github.com",
            Self::GitLab => "gitlab.com",
            Self::Forgejo => return None,
        };
        Some(ForgeUrl {
            authority: host.into(),
            path: String::new(),
        })
    }
}

/// Where a forge is: `https://host[:port][/path]`, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForgeUrl {
    /// Host and port, in lower case.
    authority: String,
    /// Begins with a slash and does not end with one, or is empty.
    path: String,
}

/// Why an address of a forge is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)]
pub enum UrlError {
    #[error("only `https://` is encrypted")]
    Plain,
    #[error("a name or password stands in the address")]
    Credentials,
    #[error("the address names no host, or one that cannot be")]
    Host,
    #[error("the port is not a number from 1 to 65535")]
    Port,
    #[error("behind the host only a plain path can stand")]
    Rest,
}

impl ForgeUrl {
    /// Reads an address.
    ///
    /// # Errors
    /// When it is not `https://`, has a login in it, or is no address.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        let scheme = text.get(..8).unwrap_or_default();
        if !scheme.eq_ignore_ascii_case("https://") {
            return Err(UrlError::Plain);
        }
        let rest = &text[8..];
        if rest.contains('@') {
            return Err(UrlError::Credentials);
        }
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, Some(port)),
            Some(_) | None => (authority, None),
        };
        let bracketed = |h: &str| h.strip_prefix('[')?.strip_suffix(']').map(str::to_owned);
        let named = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
        let fits = match bracketed(host) {
            Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
            None => {
                (1..=253).contains(&host.len())
                    && host.starts_with(|c: char| c.is_ascii_alphanumeric())
                    && host.bytes().all(named)
            }
        };
        if !fits {
            return Err(UrlError::Host);
        }
        if let Some(port) = port {
            let digits = port.bytes().all(|b| b.is_ascii_digit());
            let number = port.parse::<u16>().ok().filter(|port| *port != 0);
            number.filter(|_| digits).ok_or(UrlError::Port)?;
        }
        let path = path.trim_end_matches('/');
        let plain = |part: &str| {
            !matches!(part, "" | "." | "..") && part.bytes().all(|b| named(b) || b == b'~')
        };
        if !path.is_empty() && !path[1..].split('/').all(plain) {
            return Err(UrlError::Rest);
        }
        Ok(Self {
            authority: authority.to_ascii_lowercase(),
            path: path.to_owned(),
        })
    }

    /// What every call is below.
    pub(super) fn api(&self, kind: ForgeKind) -> (String, String) {
        let Self { authority, path } = self;
        let origin = format!("https://{authority}");
        match kind {
            // https://docs.github.com/en/rest/using-the-rest-api/getting-started-with-the-rest-api
            ForgeKind::GitHub if authority == "github.com" || authority.ends_with(".ghe.com") => {
                (format!("https://api.{authority}"), path.clone())
            }
            ForgeKind::GitHub => (origin, format!("{path}/api/v3")),
            ForgeKind::GitLab => (origin, format!("{path}/api/v4")),
            ForgeKind::Forgejo => (origin, format!("{path}/api/v1")),
        }
    }
}

impl fmt::Display for ForgeUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "https://{}{}", self.authority, self.path)
    }
}

/// A repository on a forge: `owner/name`; on GitLab with groups between.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryPath(String);

/// That a text is no repository on a forge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is not `owner/name`")]
pub struct RepositoryPathError;

impl RepositoryPath {
    /// Reads `owner/name`.
    ///
    /// # Errors
    /// When there are not at least two parts of letters, digits, `.`, `_` and `-`, or more than two
    /// where the forge has no groups.
    pub fn parse(text: &str, kind: ForgeKind) -> Result<Self, RepositoryPathError> {
        let plain = |part: &str| {
            (1..=255).contains(&part.len())
                && !matches!(part, "." | "..")
                && part
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
        };
        let parts: Vec<&str> = text.split('/').collect();
        let most = match kind {
            ForgeKind::GitHub | ForgeKind::Forgejo => 2,
            // Groups nest at most 20 deep: https://docs.gitlab.com/user/group/subgroups/
            ForgeKind::GitLab => 22,
        };
        match (2..=most).contains(&parts.len()) && parts.iter().all(|part| plain(part)) {
            true => Ok(Self(text.to_owned())),
            false => Err(RepositoryPathError),
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the forge means the same one; no forge tells upper case from lower.
    pub(super) fn is(&self, other: &str) -> bool {
        self.0.eq_ignore_ascii_case(other)
    }

    /// Owner and name.
    pub(super) fn halves(&self) -> (&str, &str) {
        self.0.rsplit_once('/').unwrap_or((&self.0, ""))
    }
}

impl fmt::Display for RepositoryPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// How long to wait for anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// For a connection.
    pub connect: Duration,
    /// For a whole answer, connection included.
    pub answer: Duration,
    /// For a rate limit to pass, all waits of one call together.
    pub rate_limit: Duration,
    /// Before a call that failed is made again; twice as long before the next.
    pub pause: Duration,
}

impl Default for Patience {
    /// Ten seconds to connect and half a minute an answer, as for a directory; two minutes for a rate
    /// limit, the longest that GitHub's secondary ones usually ask for; half a second before another try.
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            answer: Duration::from_secs(30),
            rate_limit: Duration::from_secs(120),
            pause: Duration::from_millis(500),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_leads_to_the_interface_of_its_forge() {
        use ForgeKind::{Forgejo, GitHub, GitLab};
        for (text, kind, expected) in [
            ("https://github.com", GitHub, "https://api.github.com"),
            ("https://GitHub.com/", GitHub, "https://api.github.com"),
            ("https://city.ghe.com", GitHub, "https://api.city.ghe.com"),
            (
                "https://git.city.example:8443",
                GitHub,
                "https://git.city.example:8443/api/v3",
            ),
            ("https://gitlab.com", GitLab, "https://gitlab.com/api/v4"),
            (
                "HTTPS://www.city.example/lab/",
                GitLab,
                "https://www.city.example/lab/api/v4",
            ),
            ("https://[::1]:3000", Forgejo, "https://[::1]:3000/api/v1"),
        ] {
            let (origin, path) = ForgeUrl::parse(text).unwrap().api(kind);
            assert_eq!(format!("{origin}{path}"), expected, "{text}");
        }
    }

    #[test]
    fn what_is_not_encrypted_or_carries_a_login_is_refused_without_quoting_it() {
        use UrlError as E;
        for (text, expected) in [
            ("http://git.city.example", E::Plain),
            ("git.city.example", E::Plain),
            ("", E::Plain),
            ("https://hunter2@git.city.example", E::Credentials),
            ("https://git.city.example/@hunter2", E::Credentials),
            ("https://", E::Host),
            ("https://-x", E::Host),
            ("https://[hunter2]", E::Host),
            ("https://git.city.example:", E::Port),
            ("https://git.city.example:0", E::Port),
            ("https://git.city.example:+1", E::Port),
            ("https://git.city.example/a?token=hunter2", E::Rest),
            ("https://git.city.example/a/../b", E::Rest),
            ("https://git.city.example//a", E::Rest),
            ("https://git.city.example#hunter2", E::Host),
        ] {
            let error = ForgeUrl::parse(text).unwrap_err();
            assert_eq!(error, expected, "{text}");
            assert!(!error.to_string().contains("hunter2"));
        }
    }

    #[test]
    fn a_repository_has_an_owner_and_only_gitlab_has_groups() {
        let parse = |text: &str, kind| RepositoryPath::parse(text, kind).is_ok();
        assert!(parse("city/access", ForgeKind::GitHub));
        assert!(parse("city/its/access.conf", ForgeKind::GitLab));
        for text in [
            "access",
            "/access",
            "city/",
            "city/..",
            "city/a b",
            "city/a%2Fb",
            "city/its/access",
            "city/a?b",
            "city/é",
        ] {
            assert!(!parse(text, ForgeKind::Forgejo), "{text}");
        }
    }
}
