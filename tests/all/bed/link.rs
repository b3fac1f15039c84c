//! A network that fails between the program and a server, byte by byte: slow, cut or reset after so many
//! bytes in either direction, closed late, stalled, swallowed. It stands on loopback and ends with its test.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What the network does to a connection that begins now.
#[derive(Debug, Clone, Copy)]
pub enum Weather {
    Fine,
    /// Every piece takes this long.
    Slow(Duration),
    /// After so many bytes from the server something happens.
    Answers(u64, Break),
    /// After so many bytes to the server something happens.
    Requests(u64, Break),
    /// Nobody is there: every connection is closed at once.
    Closed,
    /// A connection is taken, and nobody ever says a word.
    BlackHole,
}

/// How a connection breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Break {
    /// Both ends are closed.
    Cut,
    /// Both ends are reset: what was under way is lost.
    Reset,
    /// The end comes a moment later.
    SlowClose,
    /// Nothing goes on, and nothing ends.
    Stall,
}

/// How much later a slow end comes.
const LATER: Duration = Duration::from_millis(300);

/// A way through which a server is reached.
pub struct Link {
    pub address: SocketAddr,
    weather: Arc<Mutex<Weather>>,
    counts: Arc<Counts>,
    ended: Arc<AtomicBool>,
}

#[derive(Default)]
struct Counts {
    connections: AtomicU64,
    answered: AtomicU64,
    asked: AtomicU64,
}

impl Link {
    /// A way to a server.
    pub fn before(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let link = Self {
            address: listener.local_addr().unwrap(),
            weather: Arc::new(Mutex::new(Weather::Fine)),
            counts: Arc::default(),
            ended: Arc::default(),
        };
        let (weather, counts, ended) = (
            link.weather.clone(),
            link.counts.clone(),
            link.ended.clone(),
        );
        thread::spawn(move || {
            let mut kept = Vec::new();
            for client in listener.incoming() {
                if ended.load(Ordering::Relaxed) {
                    return;
                }
                let Ok(client) = client else { continue };
                counts.connections.fetch_add(1, Ordering::Relaxed);
                let now = *weather.lock().unwrap();
                match now {
                    Weather::Closed => {}
                    Weather::BlackHole => kept.push(client),
                    Weather::Fine
                    | Weather::Slow(_)
                    | Weather::Answers(..)
                    | Weather::Requests(..) => carried(now, &client, server, &counts),
                }
            }
        });
        link
    }

    pub fn set(&self, weather: Weather) {
        *self.weather.lock().unwrap() = weather;
    }

    /// Connections so far.
    pub fn connections(&self) -> u64 {
        self.counts.connections.load(Ordering::Relaxed)
    }

    /// Bytes that came from the server since they were counted last.
    pub fn answered(&self) -> u64 {
        self.counts.answered.swap(0, Ordering::Relaxed)
    }

    /// Bytes that went to it since they were counted last.
    pub fn asked(&self) -> u64 {
        self.counts.asked.swap(0, Ordering::Relaxed)
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        // Whoever waits for a connection gets one, and ends.
        let _ = TcpStream::connect(self.address);
    }
}

fn carried(now: Weather, client: &TcpStream, server: SocketAddr, counts: &Arc<Counts>) {
    let Ok(server) = TcpStream::connect(server) else {
        return;
    };
    let never = (u64::MAX, Break::Cut);
    let (slow, asks, answers) = match now {
        Weather::Slow(time) => (time, never, never),
        Weather::Answers(bytes, how) => (Duration::ZERO, never, (bytes, how)),
        Weather::Requests(bytes, how) => (Duration::ZERO, (bytes, how), never),
        Weather::Fine | Weather::Closed | Weather::BlackHole => (Duration::ZERO, never, never),
    };
    carry(client, &server, slow, asks, counts, |c| &c.asked);
    carry(&server, client, slow, answers, counts, |c| &c.answered);
}

/// Carries bytes from one end to the other until so many went, then breaks.
fn carry(
    from: &TcpStream,
    to: &TcpStream,
    slow: Duration,
    (most, how): (u64, Break),
    counts: &Arc<Counts>,
    count: fn(&Counts) -> &AtomicU64,
) {
    let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
    let counts = counts.clone();
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        let mut left = most;
        while let Ok(read) = from.read(&mut buffer) {
            thread::sleep(slow);
            let now = usize::try_from(left).unwrap_or(usize::MAX).min(read);
            if read == 0 {
                // A half that ends leaves the other half open, as git expects.
                let _ = to.shutdown(Shutdown::Write);
                return;
            }
            if to.write_all(&buffer[..now]).is_err() {
                break;
            }
            count(&counts).fetch_add(now as u64, Ordering::Relaxed);
            left -= now as u64;
            if left == 0 {
                break;
            }
        }
        if left == 0 {
            match how {
                Break::Cut => {}
                Break::Reset => {
                    reset(&from);
                    reset(&to);
                }
                Break::SlowClose => thread::sleep(LATER),
                // Whoever waits gives up; then the other direction ends both.
                Break::Stall => return,
            }
        }
        // The other end may have been cut already.
        let _ = from.shutdown(Shutdown::Both);
        let _ = to.shutdown(Shutdown::Both);
    });
}

/// Has the end of a connection be a reset.
fn reset(stream: &TcpStream) {
    let _ = rustix::net::sockopt::set_socket_linger(stream, Some(Duration::ZERO));
}
