//! A network that fails between the program and a server, byte by byte.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What the network does to a connection.
#[derive(Debug, Clone, Copy)]
pub enum Weather {
    Fine,
    /// Every piece takes this long.
    Slow(Duration),
    /// After so many bytes from the server both ends are cut.
    CutAnswers(u64),
    /// After so many bytes to the server both ends are cut.
    CutRequests(u64),
    /// Nobody is there: every connection is closed at once.
    Closed,
}

/// A way through which a server is reached.
pub struct Proxy {
    address: SocketAddr,
    weather: Arc<Mutex<Weather>>,
    /// Bytes that came from the server over the last connection.
    answered: Arc<AtomicU64>,
    /// Bytes that went to it.
    asked: Arc<AtomicU64>,
}

impl Proxy {
    pub fn before(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = Self {
            address: listener.local_addr().unwrap(),
            weather: Arc::new(Mutex::new(Weather::Fine)),
            answered: Arc::default(),
            asked: Arc::default(),
        };
        let (weather, answered, asked) = (
            proxy.weather.clone(),
            proxy.answered.clone(),
            proxy.asked.clone(),
        );
        thread::spawn(move || {
            for client in listener.incoming() {
                let now = *weather.lock().unwrap();
                let Ok(client) = client else { continue };
                if matches!(now, Weather::Closed) {
                    continue;
                }
                let server = TcpStream::connect(server).unwrap();
                let (slow, asks, answers) = match now {
                    Weather::Fine | Weather::Closed => (Duration::ZERO, u64::MAX, u64::MAX),
                    Weather::Slow(time) => (time, u64::MAX, u64::MAX),
                    Weather::CutAnswers(bytes) => (Duration::ZERO, u64::MAX, bytes),
                    Weather::CutRequests(bytes) => (Duration::ZERO, bytes, u64::MAX),
                };
                asked.store(0, Ordering::Relaxed);
                answered.store(0, Ordering::Relaxed);
                carry(&client, &server, slow, asks, asked.clone());
                carry(&server, &client, slow, answers, answered.clone());
            }
        });
        proxy
    }

    pub fn set(&self, weather: Weather) {
        *self.weather.lock().unwrap() = weather;
    }

    /// Where it listens on this machine.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Bytes that came from the server over the last connection.
    pub fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }

    /// Bytes that went to it over the last connection.
    pub fn asked(&self) -> u64 {
        self.asked.load(Ordering::Relaxed)
    }
}

/// Carries bytes from one end to the other until so many went, then cuts both.
fn carry(from: &TcpStream, to: &TcpStream, slow: Duration, most: u64, count: Arc<AtomicU64>) {
    let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        let mut left = most;
        while let Ok(read) = from.read(&mut buffer) {
            thread::sleep(slow);
            let now = usize::try_from(left).unwrap_or(usize::MAX).min(read);
            if read == 0 || to.write_all(&buffer[..now]).is_err() {
                break;
            }
            count.fetch_add(now as u64, Ordering::Relaxed);
            left -= now as u64;
            if left == 0 {
                break;
            }
        }
        // The other end may have been cut already.
        let _ = from.shutdown(Shutdown::Both);
        let _ = to.shutdown(Shutdown::Both);
    });
}
