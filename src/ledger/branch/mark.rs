//! What a machine keeps of the branch beside its ledger: how far the two agree, and who it is.

use super::super::LedgerError;
use super::super::file::{beside, private, replace};
use super::super::lease::Sighting;
use rand::TryRng as _;
use rand::rngs::SysRng;
use serde::{Deserialize, Serialize};
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::Path;

/// How far the branch and the file agree.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::ledger) struct Mark {
    /// The remote and the branch.
    pub(in crate::ledger) place: (String, String),
    /// The newest commit that was verified or made here; none: there never was one.
    pub(in crate::ledger) head: Option<String>,
    /// How many bytes of the file stand on the branch.
    pub(in crate::ledger) length: usize,
    /// Where the file's first records come from.
    #[serde(default)]
    pub(in crate::ledger) past: Past,
    /// When that commit was first seen.
    pub(in crate::ledger) seen: Option<Sighting>,
}

/// Where the first records of a file come from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::ledger) enum Past {
    /// It was a ledger before it was shared.
    #[default]
    Own,
    /// It was begun when it was shared, so another may have begun the same one.
    Shared,
}

impl Mark {
    /// Reads what is kept of this branch of this remote; nothing where another one was used.
    pub(super) fn read(ledger: &Path, place: &(String, String)) -> Result<Self, LedgerError> {
        let path = beside(ledger, "branch");
        let fresh = || Self {
            place: place.clone(),
            ..Self::default()
        };
        match std::fs::read(&path) {
            Ok(bytes) => {
                let mark: Self = serde_json::from_slice(&bytes)
                    .map_err(io::Error::other)
                    .map_err(LedgerError::io(&path))?;
                Ok(Some(mark)
                    .filter(|mark| mark.place == *place)
                    .unwrap_or_else(fresh))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(fresh()),
            Err(error) => Err(LedgerError::io(&path)(error)),
        }
    }

    /// Keeps it; it is on the disk when this returns.
    pub(super) fn write(&self, ledger: &Path) -> Result<(), LedgerError> {
        let path = beside(ledger, "branch");
        let text = serde_json::to_vec(self).map_err(LedgerError::Unwritable)?;
        replace(&path, &text).map_err(LedgerError::io(&path))
    }

    /// Forgets it: the branch may be begun anew.
    pub(in crate::ledger) fn forget(ledger: &Path) -> Result<(), LedgerError> {
        let path = beside(ledger, "branch");
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(LedgerError::io(&path)(error))
            }
            _ => Ok(()),
        }
    }
}

/// What this reconciler is known by: a number that was drawn once and is kept beside its ledger.
pub(super) fn instance(ledger: &Path) -> Result<String, LedgerError> {
    let path = beside(ledger, "instance");
    let made = || -> io::Result<()> {
        let mut bytes = [0_u8; 16];
        SysRng
            .try_fill_bytes(&mut bytes)
            .map_err(io::Error::other)?;
        let text: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        match private(&mut options).open(&path) {
            Ok(mut file) => {
                writeln!(file, "{text}")?;
                file.sync_all()
            }
            // Somebody else made it meanwhile.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(error),
        }
    };
    let read = || std::fs::read_to_string(&path).map(|text| text.trim().to_owned());
    let known = match read() {
        Ok(text) if !text.is_empty() => Ok(text),
        Ok(_) => std::fs::remove_file(&path)
            .and_then(|()| made())
            .and_then(|()| read()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => made().and_then(|()| read()),
        Err(error) => Err(error),
    };
    known.map_err(LedgerError::io(&path))
}

/// The name of this machine, as far as it has one.
pub(super) fn host() -> String {
    #[cfg(unix)]
    let name = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    #[cfg(not(unix))]
    let name = std::env::var("COMPUTERNAME").unwrap_or_default();
    let plain = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let name: String = name.chars().filter(plain).take(64).collect();
    match name.is_empty() {
        true => "localhost".into(),
        false => name,
    }
}
