//! Calls over HTTPS: a path → the whole answer, or why there is none.
//!
//! Invariant: the token goes to the origin of the forge and nowhere else; redirects to any other place
//! are refused before anything is sent there. Proxies are those of the environment (`HTTPS_PROXY`,
//! `ALL_PROXY`, `NO_PROXY`), which see an encrypted tunnel.
//! Invariant: an answer is whole or an error. A list is read to its end, and nothing that could not be
//! read looks like something that is not there.

mod answer;

use super::failure::{ForgeError, help, printable};
use super::settings::{Patience, Settings};
use answer::{Page, Pause, pause};
use rustls_pki_types::{CertificateDer, pem::PemObject as _};
use secrecy::ExposeSecret as _;
use serde::de::DeserializeOwned;
use std::sync::Arc;
use std::time::Duration;
use ureq::http::header::{AUTHORIZATION, LOCATION};
use ureq::http::{HeaderMap, HeaderName, HeaderValue, Method, Request};
use ureq::tls::{Certificate, RootCerts, TlsConfig, TlsProvider};
use ureq::{Agent, Body};

/// Largest answer, in bytes: a page of a hundred pull requests of GitHub has 2 MB.
const LARGEST: u64 = 16 * 1024 * 1024;

/// Most pages of a list: with a hundred items each, far more than anybody reviews.
const MOST_PAGES: u32 = 100;

/// Most redirects of one call: a renamed owner, a renamed repository.
const MOST_REDIRECTS: u32 = 3;

/// Most times that something is asked for when the forge fails or is not reached.
const MOST_TRIES: u32 = 3;

/// How a forge wants to be talked to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Manners {
    /// The header that carries the token, and what stands before it there.
    pub(super) token: (&'static str, &'static str),
    /// What a page's size is called, and the largest that every server gives.
    pub(super) page: (&'static str, usize),
    /// Another header.
    pub(super) version: Option<(&'static str, &'static str)>,
}

/// A forge that can be called.
pub(super) struct Client {
    agent: Agent,
    title: &'static str,
    origin: String,
    /// The path that the forge's interface is below.
    below: String,
    manners: Manners,
    token: (HeaderName, HeaderValue),
    patience: Patience,
}

/// A path below the forge's interface: parts that need not be escaped yet.
pub(super) fn path(parts: &[&str]) -> String {
    let mut path = String::new();
    for part in parts {
        path.push('/');
        for byte in part.bytes() {
            // RFC 3986 section 2.3.
            match byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
                true => path.push(char::from(byte)),
                false => path.push_str(&format!("%{byte:02X}")),
            }
        }
    }
    path
}

/// What one attempt came to.
enum Attempt {
    Done(Answer),
    /// Worth another try, where that can do no harm.
    Failed(ForgeError),
    /// The forge asks for patience.
    Wait(Duration),
    /// Follow this path at the same origin.
    Moved(String),
}

/// An answer that came whole, with a status of success.
pub(super) struct Answer {
    call: String,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    fn json<T: DeserializeOwned>(&self) -> Result<T, ForgeError> {
        serde_json::from_slice(&self.body).map_err(|error| ForgeError::Malformed {
            call: self.call.clone(),
            what: match self.body.first() {
                Some(b'<') => "an HTML page".into(),
                // What serde says may quote a value; the place and the field's name stay.
                Some(_) => printable(&error.to_string()),
                None => "an empty answer".into(),
            },
        })
    }
}

impl Client {
    /// A client of the forge; nothing is sent yet.
    ///
    /// # Errors
    /// When the certificates cannot be read or the token cannot be one.
    pub(super) fn new(settings: &Settings, manners: Manners) -> Result<Self, ForgeError> {
        let title = settings.kind.title();
        let failed = |words: &str| ForgeError::Settings(words.to_owned());
        let (origin, below) = settings.url.api(settings.kind);
        let (name, before) = manners.token;
        let value = format!("{before}{}", settings.token.expose_secret());
        let value = zeroize::Zeroizing::new(value);
        let plain = settings
            .token
            .expose_secret()
            .bytes()
            .all(|b| b.is_ascii_graphic());
        let mut value = HeaderValue::from_str(&value)
            .ok()
            .filter(|_| plain && !settings.token.expose_secret().is_empty())
            .ok_or_else(|| {
                failed("the token is not one line of plain characters; was more than it copied?")
            })?;
        value.set_sensitive(true);
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap_or(AUTHORIZATION);
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = TlsConfig::builder()
            .provider(TlsProvider::Rustls)
            .root_certs(roots(settings)?)
            .unversioned_rustls_crypto_provider(provider)
            .build();
        let patience = settings.patience;
        let agent = Agent::config_builder()
            .tls_config(tls)
            .https_only(true)
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_connect(Some(patience.connect))
            .timeout_global(Some(patience.answer))
            .user_agent(concat!("countersign/", env!("CARGO_PKG_VERSION")))
            .accept("application/json")
            .build()
            .new_agent();
        Ok(Self {
            agent,
            title,
            origin,
            below,
            manners,
            token: (name, value),
            patience,
        })
    }

    /// One thing.
    pub(super) fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ForgeError> {
        self.call(&Method::GET, path, "", None)?.json()
    }

    /// One thing, or none where the forge says that there is no such thing. Only for a path whose
    /// absence says something by itself.
    pub(super) fn find<T: DeserializeOwned>(&self, path: &str) -> Result<Option<T>, ForgeError> {
        match self.get(path) {
            Ok(found) => Ok(Some(found)),
            Err(ForgeError::Refused { status: 404, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A whole list.
    ///
    /// Pages are asked for by number; addresses that the forge names for them are not followed.
    pub(super) fn list<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &str,
    ) -> Result<Vec<T>, ForgeError> {
        let (size_is_called, size) = self.manners.page;
        let mut all = Vec::new();
        let mut before: Option<Vec<u8>> = None;
        for number in 1..=MOST_PAGES {
            let query = format!("{query}{size_is_called}={size}&page={number}");
            let answer = self.call(&Method::GET, path, &query, None)?;
            let items: Vec<T> = answer.json()?;
            if !items.is_empty() && before.as_ref() == Some(&answer.body) {
                // The list knows no pages, and this is the same one again.
                return Ok(all);
            }
            let got = items.len();
            all.extend(items);
            match answer::page(&answer.headers, got, size, all.len()) {
                Page::Last => return Ok(all),
                Page::More => before = Some(answer.body),
            }
        }
        Err(ForgeError::TooManyPages {
            call: self.name(&Method::GET, &format!("{}{path}", self.below)),
            limit: MOST_PAGES,
        })
    }

    /// Sends something, and reads the answer. It is sent once only, unless the forge said that it did
    /// nothing.
    pub(super) fn send<T: DeserializeOwned>(
        &self,
        method: &Method,
        path: &str,
        body: &serde_json::Value,
    ) -> Result<T, ForgeError> {
        self.call(method, path, "", Some(body))?.json()
    }

    /// Deletes something; that it is gone already is as good.
    pub(super) fn delete(&self, path: &str) -> Result<(), ForgeError> {
        match self.call(&Method::DELETE, path, "", None) {
            Ok(_) | Err(ForgeError::Refused { status: 404, .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn call(
        &self,
        method: &Method,
        path: &str,
        query: &str,
        body: Option<&serde_json::Value>,
    ) -> Result<Answer, ForgeError> {
        let mut at = format!("{}{path}", self.below);
        if !query.is_empty() {
            at = format!("{at}?{query}");
        }
        let (mut tries, mut moves, mut waited) = (0, 0, Duration::ZERO);
        loop {
            match self.attempt(method, &at, body)? {
                Attempt::Done(answer) => return Ok(answer),
                Attempt::Moved(to) => {
                    moves += 1;
                    if moves > MOST_REDIRECTS {
                        return Err(ForgeError::Redirected {
                            call: self.name(method, &at),
                            to: "again and again".into(),
                        });
                    }
                    at = to;
                }
                Attempt::Wait(pause) => {
                    // A limit that passes at once is asked about again after a moment.
                    let pause = pause.max(self.patience.pause);
                    waited = waited.saturating_add(pause);
                    if waited > self.patience.rate_limit {
                        return Err(ForgeError::RateLimited {
                            call: self.name(method, &at),
                            seconds: pause.as_secs(),
                        });
                    }
                    std::thread::sleep(pause);
                }
                Attempt::Failed(error) => {
                    tries += 1;
                    if method != Method::GET || tries >= MOST_TRIES {
                        return Err(error);
                    }
                    std::thread::sleep(self.patience.pause * (1 << (tries - 1)));
                }
            }
        }
    }

    fn attempt(
        &self,
        method: &Method,
        at: &str,
        body: Option<&serde_json::Value>,
    ) -> Result<Attempt, ForgeError> {
        let call = || self.name(method, at);
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{at}", self.origin))
            .header(&self.token.0, &self.token.1);
        if let Some((name, value)) = self.manners.version {
            request = request.header(name, value);
        }
        let unsendable = |error: ureq::http::Error| ForgeError::Unanswered {
            call: call(),
            source: error.into(),
        };
        let answered = match body {
            Some(body) => {
                let request = request.header("content-type", "application/json");
                let request = request.body(body.to_string()).map_err(unsendable)?;
                self.agent.run(request)
            }
            None => self.agent.run(request.body(()).map_err(unsendable)?),
        };
        let unanswered = |error: ureq::Error| match error {
            ureq::Error::BodyExceedsLimit(_) => Err(ForgeError::TooLarge {
                call: call(),
                limit: LARGEST,
            }),
            error => Ok(Attempt::Failed(ForgeError::Unanswered {
                call: call(),
                source: error.into(),
            })),
        };
        let response = match answered {
            Ok(response) => response,
            Err(error) => return unanswered(error),
        };
        let (parts, body) = response.into_parts();
        let (status, headers) = (parts.status, parts.headers);
        if status.is_redirection() {
            return self.redirected(method, at, &headers);
        }
        let body = match read(body) {
            Ok(body) => body,
            Err(error) => return unanswered(error),
        };
        if status.is_success() {
            return Ok(Attempt::Done(Answer {
                call: call(),
                headers,
                body,
            }));
        }
        if let Pause::For(pause) = pause(status, &headers, &body, jiff::Timestamp::now()) {
            return Ok(Attempt::Wait(pause));
        }
        let refused = ForgeError::Refused {
            call: call(),
            status: status.as_u16(),
            said: answer::said(&body),
            help: help(status.as_u16()),
        };
        match status.is_server_error() {
            true => Ok(Attempt::Failed(refused)),
            false => Err(refused),
        }
    }

    /// Where a redirect leads, if that is the forge itself and nothing is changed by going there.
    fn redirected(
        &self,
        method: &Method,
        at: &str,
        headers: &HeaderMap,
    ) -> Result<Attempt, ForgeError> {
        let to = headers.get(LOCATION).and_then(|to| to.to_str().ok());
        let to = to.unwrap_or_default();
        let same = match to.strip_prefix(&self.origin) {
            Some(rest) => rest.starts_with('/').then_some(rest),
            None => (to.starts_with('/') && !to.starts_with("//")).then_some(to),
        };
        match same {
            Some(path) if method == Method::GET => Ok(Attempt::Moved(path.to_owned())),
            Some(_) | None => Err(ForgeError::Redirected {
                call: self.name(method, at),
                to: match to.split(['?', '#']).next() {
                    None | Some("") => "which it does not name".into(),
                    Some(to) => printable(to),
                },
            }),
        }
    }

    /// The call as messages name it: without its query, which may hold what nobody should read.
    fn name(&self, method: &Method, at: &str) -> String {
        let path = at.split('?').next().unwrap_or(at);
        let Self { title, origin, .. } = self;
        format!("{title}, {method} {origin}{path}")
    }

    /// Sends a question to another path of the same origin, whose answer changes nothing.
    pub(super) fn ask<T: DeserializeOwned>(
        &self,
        path: &str,
        question: &serde_json::Value,
    ) -> Result<T, ForgeError> {
        match self.attempt(&Method::POST, path, Some(question))? {
            Attempt::Done(answer) => answer.json(),
            Attempt::Failed(error) => Err(error),
            Attempt::Wait(pause) => Err(ForgeError::RateLimited {
                call: self.name(&Method::POST, path),
                seconds: pause.as_secs(),
            }),
            Attempt::Moved(_) => Err(ForgeError::Redirected {
                call: self.name(&Method::POST, path),
                to: "elsewhere".into(),
            }),
        }
    }
}

fn read(mut body: Body) -> Result<Vec<u8>, ureq::Error> {
    body.with_config().limit(LARGEST).read_to_vec()
}

/// Who may vouch for the forge.
fn roots(settings: &Settings) -> Result<RootCerts, ForgeError> {
    let failed = |words: String| ForgeError::Settings(words);
    let certificates: Vec<CertificateDer<'static>> = match &settings.ca_file {
        Some(file) => {
            let name = file.display();
            let pem = std::fs::read(file)
                .map_err(|error| failed(format!("cannot read the certificates {name}: {error}")))?;
            CertificateDer::pem_slice_iter(&pem)
                .collect::<Result<_, _>>()
                .map_err(|error| failed(format!("{name} is not certificates in PEM: {error}")))?
        }
        None => rustls_native_certs::load_native_certs().certs,
    };
    if certificates.is_empty() {
        return Err(failed(
            "no authority is known that could vouch for the forge: name its certificates with `caFile`, or install the system's".into(),
        ));
    }
    let certificates: Vec<_> = certificates
        .iter()
        .map(|der| Certificate::from_der(der).to_owned())
        .collect();
    Ok(RootCerts::Specific(Arc::new(certificates)))
}

/// The methods that change something.
pub(super) const POST: Method = Method::POST;
pub(super) const PATCH: Method = Method::PATCH;
pub(super) const PUT: Method = Method::PUT;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_part_of_a_path_can_leave_its_place() {
        let parts = ["repos", "city/access", "a?b#c", "..%2f", "é", ""];
        assert_eq!(
            path(&parts),
            "/repos/city%2Faccess/a%3Fb%23c/..%252f/%C3%A9/"
        );
    }

    #[test]
    fn a_status_has_a_way_out() {
        for status in [401, 403, 404, 410, 422, 503, 418] {
            assert!(help(status).len() > 20);
        }
    }
}
