//! The connection to one domain controller: dialled, encrypted, logged on, and found again at the same
//! address when it was lost.

use super::settings::{LdapSettings, Target, has_credentials, tls_config};
use crate::connector::active_directory::failure::{Operation, classify, unanswered};
use crate::connector::{Failure, FailureClass};
use crate::failpoint::fail_point;
use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, LdapError, Scope, StdStream};
use rustls::{CertificateError, ClientConfig};
use secrecy::ExposeSecret as _;
use std::net::SocketAddr;
use std::sync::{Arc, mpsc};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use zeroize::Zeroizing;

/// How long the farewell to the server may hold up whoever drops the connection.
const FAREWELL: Duration = Duration::from_millis(200);

/// A connection and what it takes to make it again.
pub(super) struct Connection {
    /// None only while it is dropped.
    runtime: Option<Runtime>,
    settings: LdapSettings,
    target: Target,
    tls: Arc<ClientConfig>,
    controller: Controller,
    ldap: Option<Ldap>,
}

/// Which domain controller it is: its address, and its name for itself.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Controller {
    address: SocketAddr,
    /// dsServiceName of the root (MS-ADTS 3.1.1.3.2.9); none where the server has none.
    service: Option<String>,
    /// Where the forest's configuration is; none where the server does not say.
    configuration: Option<String>,
}

/// Why nothing came of an operation.
#[derive(Debug)]
pub(super) enum Setback {
    /// The directory, or our side, refused it; the connection is as good as before.
    Refused(Failure),
    /// The connection was lost, or cannot be trusted any more.
    Disconnected(Failure),
}

impl Connection {
    /// Connects and logs on.
    pub(super) fn open(settings: &LdapSettings) -> Result<Self, Failure> {
        let target = Target::of(settings)?;
        has_credentials(settings)?;
        fail_point!(
            "directory-connect",
            return Err(unanswered(FailureClass::Transient, "nobody answers"))
        );
        let tls = tls_config(settings.ca.as_ref())?;
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("ldap")
            .enable_io()
            .enable_time()
            .build()
            .map_err(|error| unanswered(FailureClass::Transient, error.to_string()))?;
        let (ldap, controller) = {
            let (settings, target, tls) = (settings.clone(), target.clone(), tls.clone());
            wait(&runtime, async move {
                let addresses = addresses(&target, settings.timeouts.connect).await?;
                connect(&settings, &target, tls, &addresses).await
            })
            .unwrap_or_else(|| Err(malformed()))?
        };
        Ok(Self {
            runtime: Some(runtime),
            settings: settings.clone(),
            target,
            tls,
            controller,
            ldap: Some(ldap),
        })
    }

    /// What it was made from.
    pub(super) fn settings(&self) -> &LdapSettings {
        &self.settings
    }

    /// Where the forest's configuration is, where the server says.
    pub(super) fn configuration(&self) -> Option<&str> {
        self.controller.configuration.as_deref()
    }

    /// The connection, made again where it was lost.
    pub(super) fn ready(&mut self) -> Result<Ldap, Failure> {
        if let Some(ldap) = &mut self.ldap
            && !ldap.is_closed()
        {
            return Ok(ldap.clone());
        }
        let another = self.another();
        let connected =
            self.run(async move { Ok(another.await) })
                .map_err(|setback| match setback {
                    Setback::Refused(failure) | Setback::Disconnected(failure) => failure,
                })?;
        let ldap = connected?;
        self.ldap = Some(ldap.clone());
        Ok(ldap)
    }

    /// Makes another connection: to the same controller, because a second one may not know yet what was
    /// written to this one.
    pub(super) fn another(&self) -> impl Future<Output = Result<Ldap, Failure>> + Send + 'static {
        let (settings, target, tls) =
            (self.settings.clone(), self.target.clone(), self.tls.clone());
        let first = self.controller.clone();
        async move {
            let (ldap, controller) = connect(&settings, &target, tls, &[first.address]).await?;
            if controller != first {
                let words = format!("another domain controller answers at {} now", first.address);
                return Err(unanswered(FailureClass::Transient, words));
            }
            Ok(ldap)
        }
    }

    /// Carries out an operation on the runtime's thread, so that a panic over there, which the library
    /// has for what it does not expect, is a failure here.
    pub(super) fn run<T: Send + 'static>(
        &self,
        operation: impl Future<Output = Result<T, Setback>> + Send + 'static,
    ) -> Result<T, Setback> {
        let done = self
            .runtime
            .as_ref()
            .and_then(|runtime| wait(runtime, operation));
        done.unwrap_or_else(|| Err(Setback::Disconnected(malformed())))
    }

    /// Starts something whose end is told in another way.
    pub(super) fn start(&self, work: impl Future<Output = ()> + Send + 'static) {
        if let Some(runtime) = &self.runtime {
            runtime.spawn(work);
        }
    }

    /// Gives the connection up; the next operation makes another.
    pub(super) fn abandon(&mut self) {
        self.ldap = None;
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let Some(runtime) = self.runtime.take() else {
            return;
        };
        if let Some(mut ldap) = self.ldap.take() {
            let (told, done) = mpsc::sync_channel(1);
            runtime.spawn(async move {
                let _ = told.send(ldap.unbind().await.is_ok());
            });
            let _ = done.recv_timeout(FAREWELL);
        }
        // Not waiting for it: that would panic within another runtime.
        runtime.shutdown_background();
    }
}

/// Waits for work on the runtime's thread; nothing where that panicked. Unlike the runtime's own way of
/// waiting it can be used within another runtime.
fn wait<T: Send + 'static>(
    runtime: &Runtime,
    work: impl Future<Output = T> + Send + 'static,
) -> Option<T> {
    let (tell, told) = mpsc::sync_channel(1);
    runtime.spawn(async move {
        let _ = tell.send(work.await);
    });
    told.recv().ok()
}

async fn addresses(target: &Target, limit: Duration) -> Result<Vec<SocketAddr>, Failure> {
    let transient = |words: String| unanswered(FailureClass::Transient, words);
    let host = &target.host;
    let found = tokio::time::timeout(limit, tokio::net::lookup_host((host.as_str(), target.port)));
    match found.await {
        Err(_) => Err(transient(format!(
            "the address of {host} was not found in time"
        ))),
        Ok(Err(error)) => Err(transient(format!(
            "the address of {host} was not found: {error}"
        ))),
        Ok(Ok(addresses)) => Ok(addresses.collect()),
    }
}

/// Dials the first address that answers, makes the connection an encrypted one, logs on, and looks who
/// is there and whether the base is.
async fn connect(
    settings: &LdapSettings,
    target: &Target,
    tls: Arc<ClientConfig>,
    addresses: &[SocketAddr],
) -> Result<(Ldap, Controller), Failure> {
    let (stream, address) = dial(target, addresses, settings.timeouts.connect).await?;
    let connection = LdapConnSettings::new()
        .set_conn_timeout(settings.timeouts.connect)
        .set_config(tls)
        .set_starttls(target.start_tls)
        .set_std_stream(StdStream::Tcp(stream));
    let (connection, mut ldap) = LdapConnAsync::with_settings(connection, &target.url)
        .await
        .map_err(|error| encryption_failure(target, &error))?;
    // Its end is seen by whoever waits for an answer.
    tokio::spawn(async move {
        let _ = connection.drive().await;
    });
    let limit = settings.timeouts.operation;
    let password = Zeroizing::new(settings.password.expose_secret().to_string());
    let bound = ldap
        .with_timeout(limit)
        .simple_bind(&settings.bind_dn, &password)
        .await;
    let bound = bound.map_err(|error| failure(Operation::Bind, &error))?;
    if bound.rc != 0 {
        return Err(classify(Operation::Bind, bound.rc, &bound.text));
    }
    let controller = controller(&mut ldap, limit, address).await?;
    base_is_there(&mut ldap, limit, &settings.base.to_string()).await?;
    Ok((ldap, controller))
}

async fn dial(
    target: &Target,
    addresses: &[SocketAddr],
    limit: Duration,
) -> Result<(std::net::TcpStream, SocketAddr), Failure> {
    let mut last = format!("{} has no address", target.host);
    for address in addresses {
        let dialled = async {
            let stream = TcpStream::connect(address).await?;
            // Small requests and answers in turn: Nagle's algorithm would hold each back for 40 ms.
            stream.set_nodelay(true)?;
            stream.into_std()
        };
        match tokio::time::timeout(limit, dialled).await {
            Ok(Ok(stream)) => return Ok((stream, *address)),
            Ok(Err(error)) => last = format!("{address} cannot be reached: {error}"),
            Err(_) => last = format!("{address} did not answer in time"),
        }
    }
    Err(unanswered(FailureClass::Transient, last))
}

/// Who is there, as the root says.
async fn controller(
    ldap: &mut Ldap,
    limit: Duration,
    address: SocketAddr,
) -> Result<Controller, Failure> {
    let wanted = ["dsServiceName", "configurationNamingContext"];
    let root = ldap
        .with_timeout(limit)
        .search("", Scope::Base, "(objectClass=*)", wanted);
    let root = root
        .await
        .map_err(|error| failure(Operation::Bind, &error))?;
    if root.1.rc != 0 {
        return Err(classify(Operation::Read, root.1.rc, &root.1.text));
    }
    let mut found = root
        .0
        .into_iter()
        .filter_map(|found| super::entry::attributes(found.0));
    let attributes = found.next().map(|(_, all)| all).unwrap_or_default();
    let text = |wanted: &str| {
        let named = attributes
            .iter()
            .find(|named| named.name.eq_ignore_ascii_case(wanted))?;
        named.values.first()?.text().map(str::to_owned)
    };
    Ok(Controller {
        address,
        service: text("dsServiceName"),
        configuration: text("configurationNamingContext"),
    })
}

/// What may not be seen looks like what is not there; a base that is not seen must not look like an empty one.
async fn base_is_there(ldap: &mut Ldap, limit: Duration, base: &str) -> Result<(), Failure> {
    let found = ldap
        .with_timeout(limit)
        .search(base, Scope::Base, "(objectClass=*)", ["1.1"])
        .await;
    let found = found.map_err(|error| failure(Operation::Bind, &error))?;
    match (found.1.rc, found.0.iter().any(|entry| !entry.is_ref())) {
        (0, true) => Ok(()),
        (0, false) => Err(classify(Operation::ReadAll, 32, base)),
        (code, _) => Err(classify(Operation::ReadAll, code, &found.1.text)),
    }
}

fn encryption_failure(target: &Target, error: &LdapError) -> Failure {
    let configuration = |words: String| unanswered(FailureClass::Configuration, words);
    match error {
        LdapError::LdapResult { result } => Failure {
            code: Some(result.rc),
            ..configuration(format!(
                "{} refuses to encrypt: {}",
                target.url, result.text
            ))
        },
        LdapError::Timeout { .. } => unanswered(
            FailureClass::Transient,
            format!("{}: no TLS in time", target.url),
        ),
        other => match tls_error(other) {
            Some(words) => configuration(format!("{}: {words}", target.url)),
            None => failure(Operation::Bind, other),
        },
    }
}

/// What is wrong with the other side's TLS. It comes inside of an input error.
fn tls_error(error: &LdapError) -> Option<String> {
    let error = match error {
        LdapError::Rustls { source } => source,
        LdapError::DNSName { source } => return Some(source.to_string()),
        LdapError::Io { source } => source.get_ref()?.downcast_ref::<rustls::Error>()?,
        _ => return None,
    };
    Some(match error {
        rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer) => {
            "its certificate is not vouched for by an authority that is trusted (`caFile`)".into()
        }
        rustls::Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => "its certificate is for another name (`serverName` says which to expect)".into(),
        rustls::Error::InvalidCertificate(
            CertificateError::Expired | CertificateError::ExpiredContext { .. },
        ) => "its certificate has expired".into(),
        rustls::Error::InvalidMessage(_) => "what answers does not speak TLS".into(),
        other => other.to_string(),
    })
}

fn malformed() -> Failure {
    unanswered(
        FailureClass::Transient,
        "the directory's answer cannot be understood",
    )
}

/// What an error of the library means.
pub(super) fn failure(operation: Operation, error: &LdapError) -> Failure {
    let transient = |words: &str| unanswered(FailureClass::Transient, words);
    match error {
        LdapError::LdapResult { result } => classify(operation, result.rc, &result.text),
        LdapError::Timeout { .. } => transient("the directory did not answer in time"),
        LdapError::Io { source } => match tls_error(error) {
            Some(words) => unanswered(FailureClass::Configuration, words),
            None => transient(&format!("the connection was lost: {source}")),
        },
        LdapError::OpSend { .. }
        | LdapError::ResultRecv { .. }
        | LdapError::IdScrubSend { .. }
        | LdapError::MiscSend { .. }
        | LdapError::EndOfStream => transient("the connection was lost"),
        LdapError::AddNoValues => unanswered(
            FailureClass::ValueRejected,
            "an attribute without values cannot be added",
        ),
        other => unanswered(FailureClass::Unknown, other.to_string()),
    }
}

impl Setback {
    /// What an error of the library means for the operation and the connection.
    pub(super) fn of(operation: Operation, error: &LdapError) -> Self {
        let failure = failure(operation, error);
        match error {
            LdapError::LdapResult { .. } | LdapError::AddNoValues => Self::Refused(failure),
            _ => Self::Disconnected(failure),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target() -> Target {
        Target {
            host: "localhost".into(),
            port: 0,
            url: "ldaps://localhost:0".into(),
            start_tls: false,
        }
    }

    #[test]
    fn a_connection_is_dialled_where_somebody_answers_and_holds_nothing_back() {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let open = listener.local_addr().unwrap();
        let closed = std::net::TcpListener::bind(("127.0.0.1", 0))
            .unwrap()
            .local_addr()
            .unwrap();
        let limit = Duration::from_secs(5);
        let dialled = runtime.block_on(dial(&target(), &[closed, open], limit));
        let (stream, address) = dialled.unwrap();
        assert_eq!(address, open);
        assert!(stream.nodelay().unwrap());
        for nowhere in [vec![closed], vec![]] {
            let failure = runtime
                .block_on(dial(&target(), &nowhere, limit))
                .unwrap_err();
            assert_eq!(failure.class, FailureClass::Transient);
        }
    }

    #[test]
    fn a_panic_over_there_is_a_failure_here() {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .build()
            .unwrap();
        assert_eq!(wait(&runtime, async { 1 }), Some(1));
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(|_| {}));
        assert_eq!(
            wait::<u8>(&runtime, async { panic!("not of this library") }),
            None
        );
        std::panic::set_hook(hook);
        assert_eq!(
            wait(&runtime, async { 2 }),
            Some(2),
            "and the thread goes on"
        );
    }

    #[test]
    fn errors_of_the_library_lose_the_connection_unless_the_server_answered() {
        let answered = LdapError::LdapResult {
            result: ldap3::LdapResult {
                rc: 68,
                matched: String::new(),
                text: String::new(),
                refs: vec![],
                ctrls: vec![],
            },
        };
        assert!(matches!(
            Setback::of(Operation::Add, &answered),
            Setback::Refused(Failure {
                class: FailureClass::Exists,
                ..
            })
        ));
        let tls = rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
        let untrusted = LdapError::Io {
            source: std::io::Error::other(tls),
        };
        assert!(matches!(
            Setback::of(Operation::Bind, &untrusted),
            Setback::Disconnected(Failure {
                class: FailureClass::Configuration,
                ..
            })
        ));
        for lost in [
            LdapError::EndOfStream,
            LdapError::Io {
                source: std::io::ErrorKind::BrokenPipe.into(),
            },
        ] {
            assert!(matches!(
                Setback::of(Operation::Modify, &lost),
                Setback::Disconnected(Failure {
                    class: FailureClass::Transient,
                    ..
                })
            ));
        }
    }
}
