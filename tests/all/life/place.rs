//! The directory a story is told over: a file, the fake, or a domain controller of its own.

use crate::bed::{Domain, Export, PASSWORD, servers};
use crate::fake_ad;
use crate::fake_ad::FakeAd;
use countersign::connector::Transport;
use countersign::connector::active_directory::ldap::{
    CaSource, LdapDirectory, LdapSettings, LdapTimeouts,
};
use countersign::connector::active_directory::ldif::LdifDirectory;
use countersign::dn::Dn;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The base of every directory.
pub const BASE: &str = "DC=example,DC=test";

/// Which sort of directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    File,
    Fake,
    Domain,
}

/// A directory.
pub enum Place {
    File { folder: TempDir },
    Fake(Box<FakeAd>),
    Domain(Box<Domain>),
}

/// An entry as a witness sees it that shares no code with the program.
pub struct Raw {
    pub dn: String,
    pub attributes: BTreeMap<String, Vec<Vec<u8>>>,
}

impl Place {
    /// One with these entries; none where there is no test bed.
    pub fn with(kind: Kind, export: &Export) -> Option<Self> {
        Some(match kind {
            Kind::File => {
                let folder = temporary();
                std::fs::write(folder.path().join("directory.ldif"), ldif(export)).unwrap();
                Self::File { folder }
            }
            Kind::Fake => {
                let ad = FakeAd::start();
                // The domain is there.
                let entries = export.entries[1..].to_vec();
                ad.load_ldif(&ldif(&Export { entries }));
                Self::Fake(Box::new(ad))
            }
            Kind::Domain => {
                let servers = servers("whole lives")?;
                Self::Domain(Box::new(Domain::with(&servers, export)))
            }
        })
    }

    /// The program's way to it.
    pub fn open(&self) -> Box<dyn Transport> {
        match self {
            Self::File { .. } => {
                let mut directory = LdifDirectory::open(&self.file()).unwrap();
                // Written when it is dropped: thousands of writes are thousands of files otherwise.
                directory.hold_writes();
                Box::new(directory)
            }
            Self::Fake(ad) => Box::new(self.connected(&ad.admin_dn(), fake_ad::PASSWORD).unwrap()),
            Self::Domain(domain) => {
                let password = std::fs::read_to_string(domain.password_file()).unwrap();
                Box::new(
                    self.connected(domain.bind_dn(), password.trim_end())
                        .unwrap(),
                )
            }
        }
    }

    /// The time of its own clock, where that can be set.
    pub fn set_now(&self, now: Timestamp) {
        if let Self::Fake(ad) = self {
            ad.set_now(now.as_second().unsigned_abs());
        }
    }

    /// Everything that is in it.
    pub fn entries(&self) -> Vec<Raw> {
        match self {
            Self::File { .. } => {
                let text = std::fs::read_to_string(self.file()).unwrap();
                let entries = Export::read(&text).entries.into_iter();
                entries
                    .map(|(dn, pairs)| {
                        let mut attributes: BTreeMap<String, Vec<Vec<u8>>> = BTreeMap::new();
                        for (name, value) in pairs {
                            attributes.entry(name).or_default().push(value);
                        }
                        Raw { dn, attributes }
                    })
                    .collect()
            }
            Self::Fake(ad) => {
                let entries = ad.entries().into_iter();
                entries
                    .map(|entry| Raw {
                        dn: entry.dn,
                        attributes: entry.attributes,
                    })
                    .collect()
            }
            Self::Domain(domain) => {
                let entries = domain.search("(objectClass=*)", &["*"]).into_iter();
                entries
                    .map(|entry| Raw {
                        dn: entry.dn,
                        attributes: entry.attributes,
                    })
                    .collect()
            }
        }
    }

    /// What is otherwise as soon as anything in it is.
    pub fn trace(&self) -> String {
        match self {
            Self::File { .. } => std::fs::read_to_string(self.file()).unwrap(),
            Self::Fake(_) | Self::Domain(_) => format!("{:?}", super::seen::state(self.entries())),
        }
    }

    /// Whether somebody gets in with the password of their own; none where there is nothing to log on to.
    pub fn lets_in(&self, dn: &str) -> Option<bool> {
        match self {
            Self::File { .. } => None,
            Self::Fake(_) | Self::Domain(_) => Some(self.connected(dn, PASSWORD).is_ok()),
        }
    }

    fn file(&self) -> PathBuf {
        match self {
            Self::File { folder } => folder.path().join("directory.ldif"),
            Self::Fake(_) | Self::Domain(_) => unreachable!("not a file"),
        }
    }

    fn connected(
        &self,
        bind_dn: &str,
        password: &str,
    ) -> Result<LdapDirectory, countersign::connector::Failure> {
        let (url, ca) = match self {
            Self::File { .. } => unreachable!("not a server"),
            Self::Fake(ad) => (ad.ldaps_url(), ad.ca_file().to_owned()),
            Self::Domain(domain) => (format!("ldaps://{}", domain.address()), domain.ca_file()),
        };
        LdapDirectory::connect(&LdapSettings {
            url,
            start_tls: false,
            base: Dn::parse(BASE).unwrap(),
            ca: Some(CaSource::File(ca)),
            bind_dn: bind_dn.to_owned(),
            password: password.into(),
            server_name: None,
            timeouts: LdapTimeouts::default(),
        })
    }
}

/// A folder in memory where there is one.
pub fn temporary() -> TempDir {
    let memory = Path::new("/dev/shm");
    match memory.is_dir() {
        true => TempDir::new_in(memory),
        false => TempDir::new(),
    }
    .unwrap()
}

fn ldif(export: &Export) -> String {
    let mut text = "version: 1\n\n".to_owned();
    for (dn, attributes) in &export.entries {
        let _ = writeln!(text, "{}", crate::bed::line("dn", dn.as_bytes()));
        for (name, value) in attributes {
            let _ = writeln!(text, "{}", crate::bed::line(name, value));
        }
        text.push('\n');
    }
    text
}
