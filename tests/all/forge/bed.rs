//! A mock of a forge, and a front before it that speaks TLS, as every forge does.

use crate::fake_ad::{Certificate, authority};
use countersign::forge::{Forge, ForgeKind, ForgeUrl, Login, Patience, RepositoryPath, Settings};
use secrecy::SecretString;
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio_rustls::TlsAcceptor;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

/// The token of these tests. No request to another place, and no message, may hold it.
pub const TOKEN: &str = "forge-token-0123456789";

/// A forge.
pub struct Bed {
    runtime: Runtime,
    server: MockServer,
    front: Front,
}

/// What speaks TLS before a server.
pub struct Front {
    pub address: SocketAddr,
    pub authority: tempfile::NamedTempFile,
    /// Connections so far.
    pub connections: Arc<AtomicUsize>,
}

impl Front {
    /// A front before another server.
    pub fn before(runtime: &Runtime, server: SocketAddr) -> Self {
        Self::serve(runtime, move |mut tls, _| async move {
            let Ok(mut plain) = TcpStream::connect(server).await else {
                return;
            };
            let _ = copy_bidirectional(&mut tls, &mut plain).await;
        })
    }

    /// A server of its own: each connection, with its number, is handed to a function.
    pub fn serve<F: Future<Output = ()> + Send + 'static>(
        runtime: &Runtime,
        serve: impl Fn(tokio_rustls::server::TlsStream<TcpStream>, usize) -> F + Send + Sync + 'static,
    ) -> Self {
        let (config, pem) = authority::issue(Certificate::Valid, "forge.test");
        let mut authority = tempfile::NamedTempFile::new().unwrap();
        authority.write_all(pem.as_bytes()).unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let (counter, serve) = (connections.clone(), Arc::new(serve));
        runtime.spawn(async move {
            let acceptor = TlsAcceptor::from(config);
            while let Ok((stream, _)) = listener.accept().await {
                let number = counter.fetch_add(1, Ordering::SeqCst);
                let (acceptor, serve) = (acceptor.clone(), serve.clone());
                tokio::spawn(async move {
                    if let Ok(tls) = acceptor.accept(stream).await {
                        serve(tls, number).await;
                    }
                });
            }
        });
        Self {
            address,
            authority,
            connections,
        }
    }

    /// What a forge there is opened with.
    pub fn settings(&self, kind: ForgeKind) -> Settings {
        Settings {
            kind,
            url: ForgeUrl::parse(&format!("https://{}", self.address)).unwrap(),
            repository: RepositoryPath::parse("city/access", kind).unwrap(),
            bots: BTreeSet::from([Login::new("form-bot")]),
            ca_file: Some(self.authority.path().to_owned()),
            token: SecretString::from(TOKEN),
            patience: Patience {
                connect: Duration::from_secs(5),
                answer: Duration::from_secs(10),
                rate_limit: Duration::from_secs(3),
                pause: Duration::from_millis(5),
            },
        }
    }
}

pub fn runtime() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

/// Answers the next request on a connection with these bytes, and closes it.
pub async fn once(mut tls: tokio_rustls::server::TlsStream<TcpStream>, answer: &[u8]) {
    let mut request = vec![0; 64 * 1024];
    let _ = tls.read(&mut request).await;
    let _ = tls.write_all(answer).await;
    let _ = tls.flush().await;
    let _ = tls.shutdown().await;
}

impl Bed {
    pub fn new() -> Self {
        let runtime = runtime();
        let server = runtime.block_on(MockServer::start());
        let front = Front::before(&runtime, *server.address());
        Self {
            runtime,
            server,
            front,
        }
    }

    pub fn front(&self) -> &Front {
        &self.front
    }

    pub fn authority(&self) -> &Path {
        self.front.authority.path()
    }

    pub fn forge(&self, kind: ForgeKind) -> Forge {
        Forge::open(&self.front.settings(kind)).unwrap()
    }

    pub fn mount(&self, mock: Mock) {
        self.runtime.block_on(mock.mount(&self.server));
    }

    /// Answers GET of a path.
    pub fn get(&self, at: &str, body: &Value) {
        let answer = ResponseTemplate::new(200).set_body_json(body);
        self.mount(
            Mock::given(method("GET"))
                .and(path(at))
                .respond_with(answer),
        );
    }

    /// Answers anything at a path.
    pub fn refuse(&self, at: &str, status: u16, body: &Value) {
        let answer = ResponseTemplate::new(status).set_body_json(body);
        // Before what answers well there.
        self.mount(Mock::given(path(at)).respond_with(answer).with_priority(1));
    }

    /// What it answers at these paths.
    pub fn answers(&self, paths: &[String]) -> Vec<(String, Value)> {
        let address = *self.server.address();
        let ask = async |path: &String| {
            let mut stream = TcpStream::connect(address).await.unwrap();
            let request = format!("GET {path} HTTP/1.0\r\nhost: forge\r\n\r\n");
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            let (_, body) = answer.split_once("\r\n\r\n").unwrap();
            (path.clone(), serde_json::from_str(body).unwrap())
        };
        let asked = |path: &String| self.runtime.block_on(ask(path));
        paths.iter().map(asked).collect()
    }

    /// Forgets every answer.
    pub fn reset(&self) {
        self.runtime.block_on(self.server.reset());
    }

    /// What was asked, the oldest first.
    pub fn requests(&self) -> Vec<Request> {
        let requests = self.runtime.block_on(self.server.received_requests());
        requests.unwrap_or_default()
    }

    /// `METHOD path` of what was asked.
    pub fn asked(&self) -> Vec<String> {
        let requests = self.requests();
        let line = |request: &Request| format!("{} {}", request.method, request.url.path());
        requests.iter().map(line).collect()
    }
}
