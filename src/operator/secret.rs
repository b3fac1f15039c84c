//! The name of a secret → the secret: from the environment, a file, or a systemd credential.
//!
//! Invariant: what is kept is the name. A secret is read when it is used and lives in a
//! [`SecretString`], which is wiped when dropped and cannot be printed; so one that was exchanged
//! is in force at the next connection. No error quotes one.

use crate::diagnostic::Place;
use secrecy::SecretString;
use std::ffi::OsString;
use std::fmt;
use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Largest secret, in bytes: several times the longest private key in PEM.
const LARGEST: u64 = 64 * 1024;

/// The variable that systemd names the folder of credentials by (systemd.exec, "CREDENTIALS").
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";

/// Where a secret comes from. Printing it shows the name, never the secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretSource {
    pub(super) name: SecretName,
    pub(super) asked: Asked,
}

/// Where a secret is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Asked {
    /// In the operator's file.
    Place(Place),
    /// On the command line, by this flag.
    Flag(&'static str),
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Place(Place {
                file, line, column, ..
            }) => write!(f, "{file}:{line}:{column}"),
            Self::Flag(flag) => f.write_str(flag),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SecretName {
    Env(String),
    File(PathBuf),
    Credential(String),
}

/// That a secret cannot be had.
#[derive(Debug, thiserror::Error)]
#[error("no secret from {name}, which {asked} asks for")]
pub struct SecretError {
    name: String,
    asked: String,
    source: SecretProblem,
}

/// Why a secret cannot be had.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum SecretProblem {
    #[error("the variable is not set")]
    NotSet,
    #[error(
        "${CREDENTIALS} is not set: only a service that systemd starts has credentials (`LoadCredential=`)"
    )]
    NoCredentials,
    #[error("it cannot be read")]
    Unreadable(#[source] io::Error),
    #[error("it is not a file")]
    NotAFile,
    #[error("others can read or change it (mode {0:04o}): `chmod u=rw,g=,o=`")]
    Exposed(u32),
    #[error("it has more than {LARGEST} bytes")]
    TooLarge,
    #[error("it is not UTF-8 text")]
    NotText,
    #[error("it is empty")]
    Empty,
}

impl SecretSource {
    /// The secret in an environment variable that a flag names.
    pub fn variable(name: &str, flag: &'static str) -> Self {
        Self {
            name: SecretName::Env(name.to_owned()),
            asked: Asked::Flag(flag),
        }
    }

    /// The secret in a file that a flag names.
    pub fn file(path: &Path, flag: &'static str) -> Self {
        Self {
            name: SecretName::File(path.to_owned()),
            asked: Asked::Flag(flag),
        }
    }

    /// Reads the secret; one line feed at its end is not part of it.
    ///
    /// # Errors
    /// [`SecretError`] when it is not there, is empty, or others can read or change its file.
    pub fn read(&self) -> Result<SecretString, SecretError> {
        self.read_from(&|name| std::env::var_os(name))
            .map_err(|source| SecretError {
                name: self.to_string(),
                asked: self.asked.to_string(),
                source,
            })
    }

    fn read_from(
        &self,
        environment: &dyn Fn(&str) -> Option<OsString>,
    ) -> Result<SecretString, SecretProblem> {
        let text = match &self.name {
            SecretName::Env(name) => {
                let value = environment(name).ok_or(SecretProblem::NotSet)?;
                Zeroizing::new(value.into_string().map_err(|_| SecretProblem::NotText)?)
            }
            SecretName::File(path) => from_file(path)?,
            SecretName::Credential(name) => {
                let folder = environment(CREDENTIALS).ok_or(SecretProblem::NoCredentials)?;
                from_file(&Path::new(&folder).join(name))?
            }
        };
        let text = text.strip_suffix('\n').unwrap_or(&text);
        let text = text.strip_suffix('\r').unwrap_or(text);
        match text {
            "" => Err(SecretProblem::Empty),
            text => Ok(SecretString::from(text.to_owned())),
        }
    }
}

impl fmt::Display for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            SecretName::Env(name) => write!(f, "the environment variable {name}"),
            SecretName::File(path) => write!(f, "the file {}", path.display()),
            SecretName::Credential(name) => write!(f, "the systemd credential {name}"),
        }
    }
}

fn from_file(path: &Path) -> Result<Zeroizing<String>, SecretProblem> {
    let metadata = std::fs::metadata(path).map_err(SecretProblem::Unreadable)?;
    if !metadata.is_file() {
        return Err(SecretProblem::NotAFile);
    }
    let file = File::open(path).map_err(SecretProblem::Unreadable)?;
    // The file that was opened counts, whatever the name leads to by now.
    let metadata = file.metadata().map_err(SecretProblem::Unreadable)?;
    exposed(&metadata)?;
    if metadata.len() > LARGEST {
        return Err(SecretProblem::TooLarge);
    }
    let mut text = Zeroizing::new(String::with_capacity(metadata.len() as usize + 1));
    match file.take(LARGEST).read_to_string(&mut text) {
        Ok(_) => Ok(text),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Err(SecretProblem::NotText),
        Err(error) => Err(SecretProblem::Unreadable(error)),
    }
}

/// Refuses what others can read, and what the group can change. That the group can read is common:
/// root's file for the service's group; and systemd's access lists show as the group's bits.
#[cfg(unix)]
fn exposed(metadata: &Metadata) -> Result<(), SecretProblem> {
    use std::os::unix::fs::PermissionsExt;
    let mode = metadata.permissions().mode() & 0o7777;
    match mode & 0o027 {
        0 => Ok(()),
        _ => Err(SecretProblem::Exposed(mode)),
    }
}

#[cfg(not(unix))]
fn exposed(_: &Metadata) -> Result<(), SecretProblem> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;
    use std::error::Error as _;
    use std::fs;

    fn source(name: SecretName) -> SecretSource {
        let place = Place {
            file: "operator.yaml".into(),
            line: 12,
            column: 30,
            width: 1,
        };
        SecretSource {
            name,
            asked: Asked::Place(place),
        }
    }

    fn text(result: Result<SecretString, SecretProblem>) -> Result<String, String> {
        result
            .map(|s| s.expose_secret().to_owned())
            .map_err(|problem| problem.to_string())
    }

    fn file(folder: &Path, content: &[u8]) -> PathBuf {
        let path = folder.join("ad-bind");
        let _ = fs::remove_file(&path);
        fs::write(&path, content).unwrap();
        mode(&path, 0o600);
        path
    }

    #[cfg(unix)]
    fn mode(path: &Path, mode: u32) {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[cfg(not(unix))]
    fn mode(_: &Path, _: u32) {}

    #[test]
    fn a_secret_comes_from_where_it_is_said_and_loses_one_line_feed() {
        let folder = tempfile::tempdir().unwrap();
        let path = file(folder.path(), b"hunter2\n\n");
        let directory = folder.path().as_os_str().to_owned();
        let environment = |name: &str| match name {
            "AD_PASSWORD" => Some(OsString::from("hunter2\r\n")),
            "EMPTY" => Some(OsString::from("\n")),
            CREDENTIALS => Some(directory.clone()),
            _ => None,
        };
        let read = |name| text(source(name).read_from(&environment));
        assert_eq!(
            read(SecretName::Env("AD_PASSWORD".into())),
            Ok("hunter2".into())
        );
        assert_eq!(read(SecretName::File(path)), Ok("hunter2\n".into()));
        assert_eq!(
            read(SecretName::Credential("ad-bind".into())),
            Ok("hunter2\n".into())
        );
        assert_eq!(
            read(SecretName::Env("EMPTY".into())),
            Err("it is empty".into())
        );
        assert_eq!(
            read(SecretName::Env("OTHER".into())),
            Err("the variable is not set".into())
        );
        let without = source(SecretName::Credential("ad-bind".into())).read_from(&|_| None);
        assert!(
            text(without)
                .unwrap_err()
                .starts_with("$CREDENTIALS_DIRECTORY is not set")
        );
    }

    #[test]
    fn what_is_no_secret_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let none = |_: &str| None;
        let read = |path: PathBuf| text(source(SecretName::File(path)).read_from(&none));
        assert_eq!(
            read(folder.path().join("no")),
            Err("it cannot be read".into())
        );
        assert_eq!(
            read(folder.path().to_owned()),
            Err("it is not a file".into())
        );
        assert_eq!(read(file(folder.path(), b"\n")), Err("it is empty".into()));
        assert_eq!(
            read(file(folder.path(), b"\xff\xfe")),
            Err("it is not UTF-8 text".into())
        );
        let large = file(folder.path(), &[b'x'; LARGEST as usize + 1]);
        assert_eq!(read(large), Err("it has more than 65536 bytes".into()));
    }

    #[cfg(unix)]
    #[test]
    fn what_others_can_read_or_the_group_can_change_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = file(folder.path(), b"hunter2");
        let source = source(SecretName::File(path.clone()));
        for (bits, taken) in [
            (0o600, true),
            (0o400, true),
            (0o640, true),
            (0o644, false),
            (0o660, false),
            (0o602, false),
        ] {
            mode(&path, bits);
            assert_eq!(source.read_from(&|_| None).is_ok(), taken, "{bits:o}");
        }
    }

    #[test]
    fn nothing_that_is_printed_holds_the_secret() {
        let folder = tempfile::tempdir().unwrap();
        let good = source(SecretName::File(file(folder.path(), b"hunter2")));
        let secret = good.read().unwrap();
        assert!(!format!("{secret:?} {good:?} {good}").contains("hunter2"));
        mode(&folder.path().join("ad-bind"), 0o644);
        let error = source(SecretName::Env("COUNTERSIGN_TEST_UNSET".into()))
            .read()
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "no secret from the environment variable COUNTERSIGN_TEST_UNSET, which operator.yaml:12:30 asks for"
        );
        assert_eq!(
            error.source().unwrap().to_string(),
            "the variable is not set"
        );
    }
}
