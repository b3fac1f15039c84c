//! The test environment to whole programs: a domain controller of one's own, a mail server, an access
//! repository in git with its operator's file, and the real binary run on them.
//!
//! The servers are told by `COUNTERSIGN_TEST_*` variables (`tests/run`). Where they are not, what
//! needs them is left out and says so; with `COUNTERSIGN_TEST_BED` set, a missing one is a failure.
#![allow(dead_code, reason = "each test uses its own part")]

mod access;
mod domain;
mod export;
mod letter;
mod link;

pub use access::{Access, Directory, Post, Ran, json};
pub use domain::Domain;
pub use export::{Attributes, Export, line, unicode_password_line};
pub use letter::Delivered;
#[cfg_attr(
    not(feature = "failpoints"),
    allow(unused_imports, reason = "only the links' own tests look at talks")
)]
pub use link::{Break, End, Link, Talk, Weather, amid};

use std::path::PathBuf;

/// A password that meets Active Directory's complexity rule.
pub const PASSWORD: &str = "Correct-Horse-7";

/// What `tests/run` started.
#[derive(Debug, Clone)]
pub struct Servers {
    /// A stopped domain, to be cloned.
    pub domain: PathBuf,
    pub mail: MailServer,
}

/// A mail server that keeps what it is given.
#[derive(Debug, Clone)]
pub struct MailServer {
    /// `127.0.0.1:PORT`, with STARTTLS.
    pub start_tls: String,
    /// `127.0.0.1:PORT`, TLS from the first byte.
    pub tls: String,
    pub user: String,
    pub password_file: PathBuf,
    pub ca_file: PathBuf,
    /// A line of JSON for every mail it took.
    pub log: PathBuf,
}

/// The servers of the test bed; none where there is no test bed, and then says which tests are left out.
///
/// # Panics
/// There should be a test bed, and something of it is missing.
pub fn servers(suite: &str) -> Option<Servers> {
    const NEEDED: [&str; 7] = [
        "DOMAIN",
        "SMTP_URL",
        "SMTPS_URL",
        "SMTP_USER",
        "SMTP_PASSWORD_FILE",
        "SMTP_CA",
        "SMTP_LOG",
    ];
    let variable = |name: &str| std::env::var(format!("COUNTERSIGN_TEST_{name}")).ok();
    let missing: Vec<&str> = NEEDED
        .into_iter()
        .filter(|name| variable(name).is_none())
        .collect();
    if !missing.is_empty() {
        let missing = missing.join(", COUNTERSIGN_TEST_");
        assert!(
            variable("BED").is_none(),
            "COUNTERSIGN_TEST_{missing} not set, though COUNTERSIGN_TEST_BED is"
        );
        eprintln!("LEFT OUT: {suite}: no COUNTERSIGN_TEST_{missing}; tests/run sets them");
        return None;
    }
    let given = |name: &str| variable(name).unwrap();
    let address = |name: &str| given(name).split_once("://").unwrap().1.to_owned();
    Some(Servers {
        domain: given("DOMAIN").into(),
        mail: MailServer {
            start_tls: address("SMTP_URL"),
            tls: address("SMTPS_URL"),
            user: given("SMTP_USER"),
            password_file: given("SMTP_PASSWORD_FILE").into(),
            ca_file: given("SMTP_CA").into(),
            log: given("SMTP_LOG").into(),
        },
    })
}

/// A folder of the project.
pub fn project(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}
