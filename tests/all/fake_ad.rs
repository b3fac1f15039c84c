//! A directory in memory to an LDAPS server on loopback that behaves as Microsoft documents Active
//! Directory to behave, above all where Samba's does not; and that fails on demand.
//!
//! Where the two differ the fake follows Microsoft: member ranges of 1500, pages of 1000, logins of 20
//! characters, no enabling without a password, MS result codes and messages. What it has no idea of:
//! access control lists (but see [`Directory::hide`], [`Directory::deny_writes`]), replication,
//! DirSync and change notification, Kerberos, undeleting. Samba covers those.
//!
//! ```ignore
//! let ad = FakeAd::start();
//! ad.load_ldif(include_str!("directory.ldif"));
//! ad.fault(Fault::drop_after(Trigger::Write, 3));
//! // … run the program against ad.ldaps_url(), trusting ad.ca_file() …
//! assert_eq!(ad.entry("CN=Ann,OU=ITS,DC=example,DC=test").text("title").as_deref(), Some("Mayor"));
//! assert_eq!(ad.writes(), ["modify CN=Ann,OU=ITS,DC=example,DC=test; title = [Mayor]"]);
//! ```
#![allow(dead_code, reason = "each test uses its own part")]

mod account;
pub mod authority;
mod bind;
mod directory;
mod entry;
mod fault;
mod filter;
mod ldif;
mod log;
mod name;
mod provision;
mod read;
mod refusal;
mod relocate;
mod results;
mod schema;
mod search;
mod server;
mod session;
mod setup;
mod step;
mod text;
mod wire;
mod write;

#[cfg(test)]
mod self_tests;

/// What tests name.
#[allow(unused_imports, reason = "each test uses its own part")]
mod public {
    pub use super::directory::Directory;
    pub use super::entry::Entry;
    pub use super::fault::{Effect, Fault, Moment, Trigger};
    pub use super::log::{Change, ChangeKind, Logged, Operation};
    pub use super::name::DnSpelling;
    pub use super::schema::Values;
    pub use super::setup::PASSWORD;
}
#[allow(unused_imports, reason = "each test uses its own part")]
pub use public::*;

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use tokio::sync::oneshot;

/// A running fake. It has a thread of its own, so it serves tests with a runtime, without one, and
/// those that run the program as a child. Stops when dropped.
pub struct FakeAd {
    shared: Arc<Shared>,
    ldaps: SocketAddr,
    ldap: SocketAddr,
    ca_pem: String,
    ca_file: PathBuf,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What may differ between fakes. Everything is deterministic: two fakes with the same options and
/// requests hold the same objects to the byte, GUIDs included.
#[derive(Clone, Debug)]
pub struct Options {
    /// DNS name of the domain; the base DN follows from it.
    pub domain: String,
    /// Name of the domain controller, without the domain.
    pub controller: String,
    /// Where objectGUIDs come from.
    pub seed: u64,
    /// The server's clock, seconds since 1970. It stands still; see [`FakeAd::set_now`].
    pub now: u64,
    pub dn_spelling: DnSpelling,
    /// Most entries a search returns at once (MaxPageSize of the LDAP policies).
    pub max_page_size: usize,
    /// Most values an attribute returns at once (MaxValRange of the LDAP policies).
    pub max_val_range: usize,
    pub certificate: Certificate,
    pub clear_bind: ClearBind,
    pub policy_answer: PolicyAnswer,
    pub absent_parent: AbsentParent,
    pub long_login: LongLogin,
}

/// The server's certificate, for clients that must refuse all but the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Certificate {
    #[default]
    Valid,
    OtherName,
    Expired,
    /// Signed by an authority other than [`FakeAd::ca_pem`].
    OtherAuthority,
}

/// A simple bind without TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClearBind {
    /// Result 8, as since Server 2025.
    #[default]
    Refused,
    /// As before; unicodePwd is still refused (53 00002077).
    Allowed,
}

/// The face of 0000052D on an administrator's reset; both are reported from Windows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PolicyAnswer {
    /// Result 53.
    #[default]
    WillNotPerform,
    /// Result 19.
    Constraint,
}

/// The face of 00002089, a move to where nothing is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AbsentParent {
    /// Result 32.
    #[default]
    NoSuchObject,
    /// Result 80.
    Other,
}

/// The face of a user's login of more than 20 characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LongLogin {
    /// Result 19.
    #[default]
    Constraint,
    /// Result 53 0000001F.
    WillNotPerform,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            domain: "example.test".to_owned(),
            controller: "DC1".to_owned(),
            seed: 1,
            // 2027-01-04T08:00:00Z, a Monday.
            now: 1_799_049_600,
            dn_spelling: DnSpelling::default(),
            max_page_size: 1000,
            max_val_range: 1500,
            certificate: Certificate::default(),
            clear_bind: ClearBind::default(),
            policy_answer: PolicyAnswer::default(),
            absent_parent: AbsentParent::default(),
            long_login: LongLogin::default(),
        }
    }
}

impl Options {
    pub fn host(&self) -> String {
        format!("{}.{}", self.controller.to_ascii_lowercase(), self.domain)
    }

    /// The part before the backslash in `EXAMPLE\ann`.
    pub fn short_domain(&self) -> String {
        let first = self.domain.split('.').next().unwrap_or_default();
        first.to_ascii_uppercase()
    }
}

/// What the server's thread and the test both hold.
struct Shared {
    directory: Mutex<Directory>,
    faults: Mutex<Vec<Fault>>,
    log: Mutex<Vec<Logged>>,
}

impl Shared {
    fn directory(&self) -> MutexGuard<'_, Directory> {
        self.directory
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn faults(&self) -> MutexGuard<'_, Vec<Fault>> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn log(&self) -> MutexGuard<'_, Vec<Logged>> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FakeAd {
    /// Starts a fresh `example.test`.
    pub fn start() -> FakeAd {
        FakeAd::with(Options::default())
    }

    pub fn with(options: Options) -> FakeAd {
        static STARTED: AtomicU64 = AtomicU64::new(0);
        let (config, ca_pem) = authority::issue(options.certificate, &options.host());
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let file = format!("fake-ad-{}-{number}.pem", std::process::id());
        let ca_file = std::env::temp_dir().join(file);
        std::fs::write(&ca_file, &ca_pem).expect("the temporary directory can be written");
        let (ldaps_listener, ldaps) = listener();
        let (ldap_listener, ldap) = listener();
        let shared = Arc::new(Shared {
            directory: Mutex::new(provision::provision(options)),
            faults: Mutex::default(),
            log: Mutex::default(),
        });
        let (stop, stopped) = oneshot::channel();
        let served = Arc::clone(&shared);
        let thread = thread::spawn(move || {
            server::run(served, config, ldaps_listener, ldap_listener, stopped);
        });
        FakeAd {
            shared,
            ldaps,
            ldap,
            ca_pem,
            ca_file,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// `ldaps://localhost:PORT`; the certificate also names 127.0.0.1.
    pub fn ldaps_url(&self) -> String {
        format!("ldaps://localhost:{}", self.ldaps.port())
    }

    /// `ldap://localhost:PORT`, where StartTLS is offered and binding without it refused.
    pub fn ldap_url(&self) -> String {
        format!("ldap://localhost:{}", self.ldap.port())
    }

    pub fn ldaps_addr(&self) -> SocketAddr {
        self.ldaps
    }

    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// The same in a file that lives as long as the fake.
    pub fn ca_file(&self) -> &Path {
        &self.ca_file
    }

    /// `DC=example,DC=test`.
    pub fn base_dn(&self) -> String {
        self.change(|ad| ad.dn_text(ad.domain()))
    }

    /// An account that may do everything; its password is [`PASSWORD`].
    pub fn admin_dn(&self) -> String {
        format!("CN=Administrator,CN=Users,{}", self.base_dn())
    }

    /// Runs any set-up on the directory, between requests.
    pub fn change<T>(&self, change: impl FnOnce(&mut Directory) -> T) -> T {
        change(&mut self.shared.directory())
    }

    /// [`Directory::add_entry`].
    pub fn add(&self, dn: &str, attributes: &[(&str, &str)]) {
        self.change(|ad| ad.add_entry(dn, attributes));
    }

    /// [`Directory::load_ldif`].
    pub fn load_ldif(&self, ldif: &str) {
        self.change(|ad| ad.load_ldif(ldif));
    }

    /// Sets the server's clock, in seconds since 1970.
    pub fn set_now(&self, now: u64) {
        self.change(|ad| ad.now = now);
    }

    /// Plants a failure. Several may wait at once, and strike the same request together.
    pub fn fault(&self, fault: Fault) {
        self.shared.faults().push(fault);
    }

    /// The faults that have not struck yet, as text; empty when a test got what it scripted.
    pub fn pending_faults(&self) -> Vec<String> {
        self.shared
            .faults()
            .iter()
            .map(|fault| format!("{fault:?}"))
            .collect()
    }

    pub fn clear_faults(&self) {
        self.shared.faults().clear();
    }

    /// Every live object of the domain, containers before what they hold.
    pub fn entries(&self) -> Vec<Entry> {
        self.change(|ad| ad.entries())
    }

    /// An object that must be there, by DN or `<GUID=…>`.
    pub fn entry(&self, dn: &str) -> Entry {
        self.change(|ad| ad.entry_of(ad.at(dn)))
    }

    pub fn find(&self, dn: &str) -> Option<Entry> {
        self.change(|ad| ad.find(dn).ok().map(|id| ad.entry_of(id)))
    }

    /// An account by sAMAccountName.
    pub fn entry_by_sam(&self, login: &str) -> Option<Entry> {
        self.change(|ad| ad.by_login(login).map(|id| ad.entry_of(id)))
    }

    /// Everything below a DN as LDIF in a fixed order, without what varies (GUIDs, times, USNs) or
    /// repeats (names, back-links).
    pub fn ldif(&self, base: &str) -> String {
        self.change(|ad| {
            let below: Vec<Entry> = ad
                .subtree(ad.at(base))
                .into_iter()
                .map(|id| ad.entry_of(id))
                .collect();
            ldif::write(&below)
        })
    }

    /// Every request so far.
    pub fn log(&self) -> Vec<Logged> {
        self.shared.log().clone()
    }

    /// Every write so far, a line each.
    pub fn writes(&self) -> Vec<String> {
        let log = self.shared.log();
        log.iter()
            .filter(|logged| logged.operation.is_write())
            .map(Logged::to_string)
            .collect()
    }

    pub fn clear_log(&self) {
        self.shared.log().clear();
    }
}

impl Drop for FakeAd {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        let _ = std::fs::remove_file(&self.ca_file);
    }
}

fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port is free");
    listener
        .set_nonblocking(true)
        .expect("a listener can be non-blocking");
    let address = listener.local_addr().expect("a listener has an address");
    (listener, address)
}
