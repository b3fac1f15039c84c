//! Two small listeners: one that shows metrics and health, one that a forge may call.
//!
//! Invariant: what is asked cannot change anything; the most a call does is wake the loop.

use super::metrics::{Metrics, classic};
use super::status::{ConditionKind, Status};
use super::wake::{Call, Wake};
use super::webhook::is_genuine;
use crate::operator::{SecretError, Webhook};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use jiff::Timestamp;
use secrecy::SecretString;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Bytes of a forge's call that are taken: GitHub sends up to 25 MB, of which none is read.
const LARGEST_CALL: usize = 25 * 1024 * 1024;

/// How long a request may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the loop shows.
#[derive(Debug)]
pub struct Shown {
    /// The metrics.
    pub metrics: Metrics,
    status: Mutex<Status>,
    pulse: Mutex<Timestamp>,
    /// How long the loop may go without a sign of life, in seconds.
    hang: i64,
}

impl Shown {
    /// What a loop that was just started shows; `hang` seconds without a sign of life make it unhealthy.
    pub fn new(status: Status, hang: i64) -> Self {
        Self {
            metrics: Metrics::new(),
            pulse: Mutex::new(status.at),
            status: Mutex::new(status),
            hang,
        }
    }

    /// Shows another status.
    pub fn show(&self, status: &Status) {
        self.metrics.status(status);
        *self.status.lock().unwrap_or_else(PoisonError::into_inner) = status.clone();
    }

    /// Notes a sign of life.
    pub fn alive(&self, now: Timestamp) {
        *self.pulse.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }

    fn is_alive(&self, now: Timestamp) -> bool {
        let pulse = *self.pulse.lock().unwrap_or_else(PoisonError::into_inner);
        now.as_second() - pulse.as_second() <= self.hang
    }

    fn now(&self) -> Status {
        let status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        status.clone()
    }
}

/// Why something cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum ListenError {
    #[error("cannot listen on {address}")]
    Address {
        address: SocketAddr,
        #[source]
        source: io::Error,
    },
    #[error("the listener cannot be started")]
    Runtime(#[source] io::Error),
    #[error("the secret of the webhook cannot be had")]
    Secret(#[from] SecretError),
}

/// What listens; it ends when this is dropped.
#[derive(Debug)]
pub struct Listeners {
    runtime: Option<tokio::runtime::Runtime>,
    /// Where metrics and health are served.
    pub watched: Option<SocketAddr>,
    /// Where the forge may call.
    pub called: Option<SocketAddr>,
}

impl Drop for Listeners {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Begins to listen, on the addresses that are given.
///
/// # Errors
/// [`ListenError`] when an address cannot be had, or the webhook's secret.
pub fn listen(
    watched: Option<SocketAddr>,
    webhook: Option<&Webhook>,
    shown: Arc<Shown>,
    calls: Sender<Call>,
) -> Result<Listeners, ListenError> {
    let mut listeners = Listeners {
        runtime: None,
        watched: None,
        called: None,
    };
    if watched.is_none() && webhook.is_none() {
        return Ok(listeners);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(ListenError::Runtime)?;
    if let Some(address) = watched {
        listeners.watched = Some(serve(&runtime, address, watching(shown))?);
    }
    if let Some(webhook) = webhook {
        let secret = webhook.secret.read()?;
        let router = calling(Caller {
            secret: Arc::new(secret),
            calls,
        });
        listeners.called = Some(serve(&runtime, webhook.listen, router)?);
    }
    listeners.runtime = Some(runtime);
    Ok(listeners)
}

fn serve(
    runtime: &tokio::runtime::Runtime,
    address: SocketAddr,
    router: Router,
) -> Result<SocketAddr, ListenError> {
    let failed = |source| ListenError::Address { address, source };
    let socket = TcpListener::bind(address).map_err(failed)?;
    socket.set_nonblocking(true).map_err(failed)?;
    let bound = socket.local_addr().map_err(failed)?;
    let _inside = runtime.enter();
    let socket = tokio::net::TcpListener::from_std(socket).map_err(failed)?;
    runtime.spawn(async move {
        // It ends with the program; what it would say then nobody needs.
        let _ = axum::serve(socket, router).await;
    });
    Ok(bound)
}

fn watching(shown: Arc<Shown>) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/healthz", get(health))
        .route("/readyz", get(ready))
        .with_state(shown)
}

async fn metrics(State(shown): State<Arc<Shown>>, headers: HeaderMap) -> impl IntoResponse {
    let Ok(text) = shown.metrics.text() else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let asked = headers
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok());
    let is_open = asked.is_some_and(|asked| asked.contains("application/openmetrics-text"));
    let (kind, text) = match is_open {
        true => (
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
            text,
        ),
        false => ("text/plain; version=0.0.4; charset=utf-8", classic(&text)),
    };
    (StatusCode::OK, [(header::CONTENT_TYPE, kind)], text).into_response()
}

async fn health(State(shown): State<Arc<Shown>>) -> impl IntoResponse {
    match shown.is_alive(Timestamp::now()) {
        true => (StatusCode::OK, "alive\n"),
        false => (
            StatusCode::SERVICE_UNAVAILABLE,
            "the loop gave no sign of life\n",
        ),
    }
}

async fn ready(State(shown): State<Arc<Shown>>) -> impl IntoResponse {
    let status = shown.now();
    let stalled = status.condition(ConditionKind::Stalled);
    match stalled {
        Some(stalled) if stalled.is_true => (
            StatusCode::SERVICE_UNAVAILABLE,
            format!("stalled: {}\n", stalled.reason),
        ),
        _ if status.passes == 0 => (
            StatusCode::SERVICE_UNAVAILABLE,
            "no pass was made yet\n".to_owned(),
        ),
        _ => (StatusCode::OK, "ready\n".to_owned()),
    }
}

#[derive(Clone)]
struct Caller {
    secret: Arc<SecretString>,
    calls: Sender<Call>,
}

fn calling(caller: Caller) -> Router {
    Router::new()
        .route("/", post(called))
        .layer(DefaultBodyLimit::max(LARGEST_CALL))
        .with_state(caller)
}

async fn called(State(caller): State<Caller>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if !is_genuine(&body, &header, &caller.secret) {
        // Whoever tries secrets gets few tries.
        tokio::time::sleep(PATIENCE / 10).await;
        return StatusCode::UNAUTHORIZED;
    }
    match caller.calls.send(Call::Wake(Wake::Pushed)) {
        Ok(()) => StatusCode::ACCEPTED,
        Err(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}
