//! The reconciler's own key: what it signs ledger commits with, and whose signatures count on them.
//!
//! Invariant: the private key is on the disk only while something is signed, in a private folder.

use crate::approval::signature::{KeyRing, SignatureError, Signer, ssh_key, tool};
use crate::name::{NameError, UserName};
use crate::source::objects::Signed;
use secrecy::{ExposeSecret as _, SecretString};
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::Path;

/// What the key ring calls the owner of every key that counts.
const RECONCILER: &str = "reconciler";

/// The key, and whose signatures count.
#[derive(Debug)]
pub(super) struct SigningKey {
    secret: SecretString,
    ring: KeyRing,
}

/// Why nothing can be signed, or a signature does not count.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum SigningError {
    #[error(
        "`signingKey` is not an SSH private key without a passphrase; `ssh-keygen -t ed25519 -N '' -f FILE` makes one"
    )]
    NotAKey,
    #[error("`ledger.trusted` has a text that is not an SSH public key")]
    NotTrusted,
    #[error("ssh-keygen did not sign with the operator's `signingKey`")]
    Refused,
    #[error("a private folder for the signing key cannot be used")]
    Folder(#[source] io::Error),
    #[error(transparent)]
    Tool(#[from] SignatureError),
    #[error(transparent)]
    Name(#[from] NameError),
}

/// Why a signature does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)]
pub enum Unsigned {
    #[error("it is not signed")]
    Nobody,
    #[error("a key signed it that is neither `signingKey` nor one of `ledger.trusted`")]
    Unknown,
    #[error("{0}")]
    Refused(String),
}

impl SigningKey {
    /// Takes a private key; `trusted` are public keys whose signatures count as well.
    pub(super) fn new(secret: SecretString, trusted: &[String]) -> Result<Self, SigningError> {
        let public = held(&secret, &|folder, key| {
            let arguments = ["-y", "-P", "", "-f"].map(std::ffi::OsStr::new);
            let arguments = [&arguments[..], &[key.as_os_str()]].concat();
            let out = tool("ssh-keygen", "openssh-client", folder, &arguments, b"")?;
            let text = String::from_utf8_lossy(&out.stdout).into_owned();
            match out.status.success() {
                true => ssh_key(&text).ok_or(SigningError::NotAKey),
                false => Err(SigningError::NotAKey),
            }
        })?;
        if trusted.iter().any(|key| ssh_key(key).is_none()) {
            return Err(SigningError::NotTrusted);
        }
        let owner = UserName::new(RECONCILER)?;
        let keys: Vec<String> = std::iter::once(public).chain(trusted.to_vec()).collect();
        let ring = KeyRing::new([(&owner, keys.as_slice())]);
        Ok(Self { secret, ring })
    }

    /// Signs a commit's text as git does (gitformat-signature).
    pub(super) fn sign(&self, text: &str) -> Result<String, SigningError> {
        held(&self.secret, &|folder, key| {
            let arguments = ["-Y", "sign", "-n", "git", "-f"].map(std::ffi::OsStr::new);
            let arguments = [&arguments[..], &[key.as_os_str()]].concat();
            let program = "ssh-keygen";
            let out = tool(
                program,
                "openssh-client",
                folder,
                &arguments,
                text.as_bytes(),
            )?;
            let signature = String::from_utf8_lossy(&out.stdout).trim_end().to_owned();
            match out.status.success() && !signature.is_empty() {
                true => Ok(signature),
                false => Err(SigningError::Refused),
            }
        })
    }

    /// Whether a signature counts; the outer error: it cannot be told.
    pub(super) fn judge(
        &self,
        signed: Option<&Signed>,
    ) -> Result<Result<(), Unsigned>, SigningError> {
        Ok(match self.ring.signer(signed)? {
            Signer::User { .. } => Ok(()),
            Signer::Nobody => Err(Unsigned::Nobody),
            Signer::Unknown => Err(Unsigned::Unknown),
            Signer::Refused(why) => Err(Unsigned::Refused(why)),
        })
    }
}

/// Uses the key as a file, which is gone afterwards.
fn held<T>(
    secret: &SecretString,
    use_it: &dyn Fn(&Path, &Path) -> Result<T, SigningError>,
) -> Result<T, SigningError> {
    let folder = tempfile::Builder::new().prefix("cs-").tempdir();
    let folder = folder.map_err(SigningError::Folder)?;
    let key = folder.path().join("key");
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    let written = super::file::private(&mut options)
        .open(&key)
        .and_then(|mut file| {
            file.write_all(secret.expose_secret().trim_end().as_bytes())?;
            // OpenSSH takes no key whose last line does not end.
            file.write_all(b"\n")
        });
    written.map_err(SigningError::Folder)?;
    use_it(folder.path(), &key)
}
