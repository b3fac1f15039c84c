//! A network that fails between the program and the directory, byte by byte: slow, cut after n bytes in
//! either direction, stalled, swallowed. Whatever it does, what was not read to its end takes nothing
//! from anybody, and once it works again everything is as it should be.

use super::{ADMINS, Company, LUCY};
use crate::fake_ad::PASSWORD;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What the network does to a connection.
#[derive(Debug, Clone, Copy)]
enum Weather {
    Fine,
    /// Every piece takes this long.
    Slow(Duration),
    /// After so many bytes from the directory both ends are cut.
    CutAnswers(u64),
    /// After so many bytes to the directory both ends are cut.
    CutRequests(u64),
    /// Nobody is there: every connection is closed at once.
    Closed,
}

/// A way through which the directory is reached.
struct Proxy {
    address: SocketAddr,
    weather: Arc<Mutex<Weather>>,
    /// Bytes that came from the directory over the last connection.
    answered: Arc<AtomicU64>,
    /// Bytes that went to it.
    asked: Arc<AtomicU64>,
}

impl Proxy {
    fn before(directory: SocketAddr) -> Self {
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
                let server = TcpStream::connect(directory).unwrap();
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

    fn set(&self, weather: Weather) {
        *self.weather.lock().unwrap() = weather;
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

fn behind_a_proxy() -> (Company, Proxy) {
    let company = Company::settled();
    let proxy = Proxy::before(company.ad.ldaps_addr());
    let url = format!("url: ldaps://localhost:{}", proxy.address.port());
    (company.connected(&url, PASSWORD), proxy)
}

const NINA: &str = "apiVersion: countersign/v1\nkind: User\nmetadata: {name: nina}\nspec:\n  givenName: Nina\n  \
                    type: employee\n  organization: seko-farnborough\n  access:\n    - {resource: white-glove}\n";

/// One loses a role, another one comes: there is something to read, to take, to make and to give.
fn happens(company: &Company) {
    company.access.edit(
        "identities/white-glove.yaml",
        "[white-glove.user, white-glove.admin]",
        "[white-glove.user]",
    );
    company.access.write("users/nina.yaml", NINA);
    company
        .access
        .commit("Lucy is no administrator any more, and Nina comes");
}

#[test]
fn wherever_the_connection_breaks_nothing_wrong_is_written_and_the_next_runs_finish() {
    let (company, proxy) = behind_a_proxy();
    company.access.run(&["run", "--once"]).ends(0);
    let read = proxy.answered.load(Ordering::Relaxed);
    company.ad.clear_log();
    let shares = [1u64, 13, 40, 60, 80, 95, 99];
    let mut broken = 0;
    // While it is only read: every cut is a read that was not whole.
    for share in shares {
        for weather in [
            Weather::CutAnswers(read * share / 100),
            Weather::CutRequests(300 * share / 100),
        ] {
            proxy.set(weather);
            let ran = company.access.run(&["run", "--once"]);
            assert!([0, 3].contains(&ran.code), "{weather:?}: {}", ran.err);
            broken += u32::from(ran.code == 3);
        }
    }
    proxy.set(Weather::Closed);
    company.access.run(&["run", "--once"]).ends(3);
    assert_eq!(company.writes(|_| true), Vec::<String>::new());
    assert!(broken >= 10, "{broken}");
    // While there is something to write, too.
    happens(&company);
    let mut runs = 0;
    for extra in [0u64, 200, 400, 700, 1100, 1600, 2200, 3000] {
        proxy.set(Weather::CutAnswers(read + extra));
        let ran = company.access.run(&["run", "--once"]);
        assert!([0, 1, 3].contains(&ran.code), "{extra}: {}", ran.err);
        runs += 1;
    }
    proxy.set(Weather::Slow(Duration::from_millis(5)));
    company.access.run(&["run", "--once"]);
    proxy.set(Weather::Fine);
    company.access.run(&["run", "--once"]);
    let plan = company.access.run(&["plan"]).ends(0);
    assert!(plan.out.ends_with("nothing to do\n"), "{}", plan.out);
    let admins = company.ad.entry(ADMINS).texts("member");
    assert!(!admins.contains(&LUCY.to_owned()), "{admins:?}");
    // Nothing went but what was to go, and nobody came twice.
    let out = company.writes(|l| {
        l.changes
            .iter()
            .any(|c| c.attribute == "member" && c.kind == crate::fake_ad::ChangeKind::Delete)
    });
    assert!(out.iter().all(|write| write.contains("Admin")), "{out:?}");
    let nina = company.ad.entries();
    let nina = nina
        .iter()
        .filter(|e| e.text("employeeNumber").as_deref() == Some("nina"));
    assert_eq!(nina.count(), 1);
    println!("{broken} reads broken off, {runs} runs cut while writing: nothing wrong was written");
}
