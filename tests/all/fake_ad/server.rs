//! Sockets to sessions: two listeners on loopback, TLS, StartTLS, and streams that can be cut short.

use super::Shared;
use super::session::{Session, Turn};
use super::wire;
use super::write::Channel;
use rustls::ServerConfig;
use std::io;
use std::net::TcpListener as StdListener;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;
use tokio_util::bytes::BytesMut;

/// Serves both ports until told to stop, on the thread that calls it.
pub fn run(
    shared: Arc<Shared>,
    config: Arc<ServerConfig>,
    ldaps: StdListener,
    ldap: StdListener,
    stop: oneshot::Receiver<()>,
) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime can be made");
    runtime.block_on(async move {
        let connections = Arc::new(AtomicU64::new(0));
        let server = |channel| Server {
            shared: Arc::clone(&shared),
            acceptor: TlsAcceptor::from(Arc::clone(&config)),
            connections: Arc::clone(&connections),
            channel,
        };
        tokio::select! {
            _ = stop => {}
            _ = server(Channel::Tls).listen(ldaps) => {}
            _ = server(Channel::Clear).listen(ldap) => {}
        }
    });
}

#[derive(Clone)]
struct Server {
    shared: Arc<Shared>,
    acceptor: TlsAcceptor,
    connections: Arc<AtomicU64>,
    /// What a new connection on this port speaks.
    channel: Channel,
}

impl Server {
    async fn listen(self, listener: StdListener) -> io::Result<()> {
        let listener = TcpListener::from_std(listener)?;
        loop {
            let (stream, _) = listener.accept().await?;
            let server = self.clone();
            // A connection that breaks concerns its client only.
            tokio::spawn(async move { server.serve(stream).await.ok() });
        }
    }

    async fn serve(self, stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let number = self.connections.fetch_add(1, Ordering::Relaxed) + 1;
        let mut session = Session::new(number, self.shared, self.channel);
        let allowance = Allowance::default();
        let mut stream = CutStream {
            inner: stream,
            allowance: allowance.clone(),
        };
        if self.channel == Channel::Clear {
            match converse(&mut stream, &mut session, &allowance).await? {
                Ending::Closed => return Ok(()),
                Ending::StartTls => session.channel = Channel::Tls,
            }
        }
        let mut stream = self.acceptor.accept(stream).await?;
        converse(&mut stream, &mut session, &allowance).await?;
        Ok(())
    }
}

enum Ending {
    Closed,
    StartTls,
}

async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    session: &mut Session,
    allowance: &Allowance,
) -> io::Result<Ending> {
    let mut buffer = BytesMut::new();
    loop {
        while let Some(request) = wire::decode(&mut buffer)? {
            match session.turn(request).await {
                Turn::Answer(messages) => {
                    stream.write_all(&wire::encode(messages)?).await?;
                    stream.flush().await?;
                }
                Turn::StartTls(messages) => {
                    stream.write_all(&wire::encode(messages)?).await?;
                    stream.flush().await?;
                    return Ok(Ending::StartTls);
                }
                Turn::Half(mut messages) => {
                    messages.truncate(messages.len() / 2);
                    stream.write_all(&wire::encode(messages)?).await?;
                    stream.flush().await?;
                    return Ok(Ending::Closed);
                }
                Turn::Cut(messages) => {
                    let bytes = wire::encode(messages)?;
                    allowance.limit(bytes.len() / 2);
                    stream.write_all(&bytes).await?;
                    stream.flush().await?;
                    return Ok(Ending::Closed);
                }
                Turn::Close => return Ok(Ending::Closed),
            }
        }
        if stream.read_buf(&mut buffer).await? == 0 {
            return Ok(Ending::Closed);
        }
    }
}

/// How many bytes a stream may still send.
#[derive(Clone)]
struct Allowance(Arc<AtomicUsize>);

impl Default for Allowance {
    fn default() -> Allowance {
        Allowance(Arc::new(AtomicUsize::new(usize::MAX)))
    }
}

impl Allowance {
    fn limit(&self, bytes: usize) {
        self.0.store(bytes, Ordering::Relaxed);
    }
}

/// A TCP stream that breaks when its allowance is spent, below TLS, so that a record ends early.
struct CutStream {
    inner: TcpStream,
    allowance: Allowance,
}

impl AsyncRead for CutStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl AsyncWrite for CutStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let left = self.allowance.0.load(Ordering::Relaxed);
        if left == 0 {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let bytes = &bytes[..bytes.len().min(left)];
        let written = Pin::new(&mut self.inner).poll_write(cx, bytes);
        if let (Poll::Ready(Ok(count)), true) = (&written, left != usize::MAX) {
            self.allowance.limit(left - count);
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
