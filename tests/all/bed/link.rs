//! A network that fails between the program and a server, byte by byte: slow, cut or reset after so many
//! bytes in either direction, closed late, stalled, swallowed. It stands on loopback and ends with its test.
//!
//! What was said over it, and by whom, is kept, so that a test can have it fail in any phase.

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
    /// After so many bytes of a turn of the talk something happens.
    Turn(usize, u64, Break),
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

impl Break {
    pub const ALL: [Self; 4] = [Self::Cut, Self::Reset, Self::SlowClose, Self::Stall];
}

/// What was said on one connection, in turns.
pub type Talk = Vec<Said>;

/// What one end said before the other one spoke.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Said {
    pub by: End,
    pub bytes: u64,
}

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Client,
    Server,
}

/// A break in the middle of a turn.
pub fn amid(talk: &Talk, turn: usize, how: Break) -> Weather {
    Weather::Turn(turn, talk[turn].bytes.div_ceil(2), how)
}

/// How much later a slow end comes.
const LATER: Duration = Duration::from_millis(300);

/// A way through which a server is reached.
pub struct Link {
    pub address: SocketAddr,
    forecast: Arc<Mutex<Forecast>>,
    counts: Arc<Counts>,
    ended: Arc<AtomicBool>,
}

/// Which connections something happens to.
#[derive(Clone, Copy)]
struct Forecast {
    weather: Weather,
    /// Those that come first are fine.
    first: u64,
    /// Then it happens to so many.
    times: u64,
}

impl Forecast {
    fn next(&mut self) -> Weather {
        match (self.first, self.times) {
            (0, 0) => Weather::Fine,
            (0, _) => {
                self.times -= 1;
                self.weather
            }
            _ => {
                self.first -= 1;
                Weather::Fine
            }
        }
    }
}

#[derive(Default)]
struct Counts {
    connections: AtomicU64,
    answered: AtomicU64,
    asked: AtomicU64,
    broken: AtomicU64,
    talks: Mutex<Vec<Talk>>,
}

impl Counts {
    /// How many of these bytes go over a connection, and whether it breaks then; takes note of them.
    fn say(&self, way: Way, bytes: usize) -> (usize, bool) {
        let mut talks = self.talks.lock().unwrap();
        let talk = &mut talks[way.connection];
        if talk.last().is_none_or(|said| said.by != way.by) {
            talk.push(Said {
                by: way.by,
                bytes: 0,
            });
        }
        let left = match way.until {
            Until::Never => u64::MAX,
            Until::Bytes(most) => {
                let own = talk.iter().filter(|said| said.by == way.by);
                most - own.map(|said| said.bytes).sum::<u64>()
            }
            Until::Turn(turn, most) if turn == talk.len() - 1 => most - talk[turn].bytes,
            Until::Turn(..) => u64::MAX,
        };
        let bytes = left.min(bytes as u64);
        if let Some(said) = talk.last_mut() {
            said.bytes += bytes;
        }
        if bytes == left {
            self.broken.fetch_add(1, Ordering::Relaxed);
        }
        let count = match way.by {
            End::Client => &self.asked,
            End::Server => &self.answered,
        };
        count.fetch_add(bytes, Ordering::Relaxed);
        (usize::try_from(bytes).unwrap(), bytes == left)
    }
}

impl Link {
    /// A way to a server.
    pub fn before(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let fine = Forecast {
            weather: Weather::Fine,
            first: 0,
            times: 0,
        };
        let link = Self {
            address: listener.local_addr().unwrap(),
            forecast: Arc::new(Mutex::new(fine)),
            counts: Arc::default(),
            ended: Arc::default(),
        };
        let (forecast, counts, ended) = (
            link.forecast.clone(),
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
                let now = forecast.lock().unwrap().next();
                let connection = {
                    let mut talks = counts.talks.lock().unwrap();
                    talks.push(Talk::new());
                    talks.len() - 1
                };
                match now {
                    Weather::Closed => drop(counts.broken.fetch_add(1, Ordering::Relaxed)),
                    Weather::BlackHole => {
                        counts.broken.fetch_add(1, Ordering::Relaxed);
                        kept.push(client);
                    }
                    Weather::Fine
                    | Weather::Slow(_)
                    | Weather::Answers(..)
                    | Weather::Requests(..)
                    | Weather::Turn(..) => carried(now, &client, server, &counts, connection),
                }
            }
        });
        link
    }

    /// Whatever is connected from now on meets this.
    pub fn set(&self, weather: Weather) {
        self.forecast(weather, 0, u64::MAX);
    }

    /// One connection meets this, after so many others; those and all later ones are fine.
    pub fn once(&self, first: usize, weather: Weather) {
        self.forecast(weather, first as u64, 1);
    }

    fn forecast(&self, weather: Weather, first: u64, times: u64) {
        *self.forecast.lock().unwrap() = Forecast {
            weather,
            first,
            times,
        };
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

    /// Connections that broke since they were counted last.
    pub fn broken(&self) -> u64 {
        self.counts.broken.swap(0, Ordering::Relaxed)
    }

    /// What was said so far on each connection after the first so many.
    pub fn talks(&self, first: u64) -> Vec<Talk> {
        let talks = self.counts.talks.lock().unwrap();
        talks[usize::try_from(first).unwrap()..].to_vec()
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        // Whoever waits for a connection gets one, and ends.
        let _ = TcpStream::connect(self.address);
    }
}

fn carried(
    now: Weather,
    client: &TcpStream,
    server: SocketAddr,
    counts: &Arc<Counts>,
    connection: usize,
) {
    let Ok(server) = TcpStream::connect(server) else {
        return;
    };
    let way = |by| Way {
        by,
        connection,
        slow: Duration::ZERO,
        until: Until::Never,
        how: Break::Cut,
    };
    let (mut asks, mut answers) = (way(End::Client), way(End::Server));
    match now {
        Weather::Slow(time) => (asks.slow, answers.slow) = (time, time),
        Weather::Answers(bytes, how) => (answers.until, answers.how) = (Until::Bytes(bytes), how),
        Weather::Requests(bytes, how) => (asks.until, asks.how) = (Until::Bytes(bytes), how),
        Weather::Turn(turn, bytes, how) => {
            let until = Until::Turn(turn, bytes);
            (asks.until, asks.how) = (until, how);
            (answers.until, answers.how) = (until, how);
        }
        Weather::Fine | Weather::Closed | Weather::BlackHole => {}
    }
    carry(client, &server, asks, counts);
    carry(&server, client, answers, counts);
}

/// One direction of a connection.
#[derive(Clone, Copy)]
struct Way {
    by: End,
    connection: usize,
    slow: Duration,
    until: Until,
    how: Break,
}

/// When it breaks.
#[derive(Clone, Copy)]
enum Until {
    Never,
    /// After so many bytes of this direction.
    Bytes(u64),
    /// After so many bytes of a turn of the talk, whoever's it is.
    Turn(usize, u64),
}

/// Carries bytes from one end to the other until so many went, then breaks.
fn carry(from: &TcpStream, to: &TcpStream, way: Way, counts: &Arc<Counts>) {
    let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
    let counts = counts.clone();
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        let mut is_over = false;
        while let Ok(read) = from.read(&mut buffer) {
            thread::sleep(way.slow);
            if read == 0 {
                // A half that ends leaves the other half open, as git expects.
                let _ = to.shutdown(Shutdown::Write);
                return;
            }
            // First, or the answer is there before what it answers.
            let (now, then_over) = counts.say(way, read);
            if to.write_all(&buffer[..now]).is_err() {
                break;
            }
            is_over = then_over;
            if is_over {
                break;
            }
        }
        if is_over {
            match way.how {
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

/// Ends a connection with a reset, at once: what closes it while the other direction still has it would say
/// farewell first.
fn reset(stream: &TcpStream) {
    let _ = rustix::net::connect_unspec(stream);
}
