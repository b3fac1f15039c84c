//! A public key in a manifest → something that a text can be encrypted to: age X25519, or SSH
//! (ed25519, rsa). Only the owner of the private key reads it again.
//!
//! Without the feature `age` keys are told by their form, and nothing is encrypted.

use std::fmt;

/// Whether this program can encrypt at all.
pub const IS_BUILT_IN: bool = cfg!(feature = "age");

/// A public key that a text can be encrypted to.
#[derive(Clone)]
pub struct Recipient {
    #[cfg(feature = "age")]
    key: Key,
}

#[cfg(feature = "age")]
#[derive(Clone)]
enum Key {
    X25519(age::x25519::Recipient),
    Ssh(age::ssh::Recipient),
}

/// Why a text is no key that can be encrypted to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// It is the private one.
    #[error("this is a private key, and it is no longer one that only its owner has")]
    Private,
    /// It is neither an age nor an SSH key.
    #[error(
        "it is neither an age public key (`age1…`) nor an SSH one (`ssh-ed25519 …`, `ssh-rsa …`)"
    )]
    Unknown,
    /// It begins as one and is none: something of it is missing or mistyped.
    #[error("it begins as a public key and is none: something of it is missing or mistyped")]
    Malformed,
}

/// That a text could not be encrypted.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// This program was built without encryption.
    #[error("this program was built without the feature `age`")]
    NotBuiltIn,
    /// The library refuses.
    #[error("the text cannot be encrypted: {0}")]
    Refused(String),
}

/// What the text of a key begins with.
fn form(text: &str) -> Result<&'static str, KeyError> {
    let upper = text.to_uppercase();
    if upper.starts_with("AGE-SECRET-KEY-") || upper.contains("PRIVATE KEY") {
        return Err(KeyError::Private);
    }
    let forms = ["age1", "ssh-ed25519 ", "ssh-rsa "];
    let form = forms.into_iter().find(|form| text.starts_with(form));
    form.ok_or(KeyError::Unknown)
}

impl Recipient {
    /// Reads a public key.
    ///
    /// # Errors
    /// [`KeyError`] where it is none.
    #[cfg(feature = "age")]
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let text = text.trim();
        let key = match form(text)? {
            "age1" => text
                .parse()
                .map(Key::X25519)
                .map_err(|_| KeyError::Malformed),
            _ => text.parse().map(Key::Ssh).map_err(|_| KeyError::Malformed),
        };
        Ok(Self { key: key? })
    }

    /// Reads a public key, as far as its form tells.
    ///
    /// # Errors
    /// [`KeyError`] where it is none.
    #[cfg(not(feature = "age"))]
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        form(text.trim()).map(|_| Self {})
    }

    /// Encrypts a text: an age file, armored (age-encryption.org/v1).
    ///
    /// # Errors
    /// [`SealError`] where that cannot be done.
    #[cfg(feature = "age")]
    pub fn seal(&self, text: &[u8]) -> Result<String, SealError> {
        let key: &dyn age::Recipient = match &self.key {
            Key::X25519(key) => key,
            Key::Ssh(key) => key,
        };
        let refused = |error: &dyn fmt::Display| SealError::Refused(error.to_string());
        let encryptor =
            age::Encryptor::with_recipients(std::iter::once(key)).map_err(|e| refused(&e))?;
        let mut sealed = Vec::new();
        let armored =
            age::armor::ArmoredWriter::wrap_output(&mut sealed, age::armor::Format::AsciiArmor);
        let mut writer = encryptor
            .wrap_output(armored.map_err(|e| refused(&e))?)
            .map_err(|e| refused(&e))?;
        std::io::Write::write_all(&mut writer, text).map_err(|e| refused(&e))?;
        let armored = writer.finish().map_err(|e| refused(&e))?;
        armored.finish().map_err(|e| refused(&e))?;
        String::from_utf8(sealed).map_err(|e| refused(&e))
    }

    /// Encrypts nothing: the feature is missing.
    ///
    /// # Errors
    /// Always [`SealError::NotBuiltIn`].
    #[cfg(not(feature = "age"))]
    pub fn seal(&self, _: &[u8]) -> Result<String, SealError> {
        Err(SealError::NotBuiltIn)
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Recipient")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_told_from_what_is_none() {
        for (text, error) in [
            ("", KeyError::Unknown),
            ("dana", KeyError::Unknown),
            ("ecdsa-sha2-nistp256 AAAA", KeyError::Unknown),
            (
                "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX",
                KeyError::Private,
            ),
            ("-----BEGIN OPENSSH PRIVATE KEY-----", KeyError::Private),
        ] {
            assert_eq!(Recipient::parse(text).err(), Some(error), "{text}");
        }
    }

    #[cfg(feature = "age")]
    #[test]
    fn what_is_sealed_only_its_owner_opens() {
        let owner = age::x25519::Identity::generate();
        let other = age::x25519::Identity::generate();
        let recipient = Recipient::parse(&format!(" {}\n", owner.to_public())).unwrap();
        let sealed = recipient.seal(b"Tr0ub4dor&3").unwrap();
        assert!(sealed.starts_with("-----BEGIN AGE ENCRYPTED FILE-----\n"));
        assert!(!sealed.contains("Tr0ub4dor"));
        assert_eq!(
            age::decrypt(&owner, sealed.as_bytes()).unwrap(),
            b"Tr0ub4dor&3"
        );
        assert!(age::decrypt(&other, sealed.as_bytes()).is_err());
        assert_ne!(sealed, recipient.seal(b"Tr0ub4dor&3").unwrap());
        let cut = owner.to_public().to_string();
        let cut = &cut[..cut.len() - 1];
        assert_eq!(Recipient::parse(cut).err(), Some(KeyError::Malformed));
        for bad in ["ssh-ed25519 AAAAC3Nza", "ssh-rsa x"] {
            assert_eq!(Recipient::parse(bad).err(), Some(KeyError::Malformed));
        }
    }

    #[cfg(feature = "age")]
    #[test]
    fn what_is_sealed_to_an_ssh_key_of_either_sort_its_private_key_opens() {
        for (sort, bits) in [("ed25519", "256"), ("rsa", "2048")] {
            let keys = tempfile::tempdir().unwrap();
            let private = keys.path().join("key");
            let made = std::process::Command::new("ssh-keygen")
                .args(["-q", "-t", sort, "-b", bits, "-N", "", "-C", "noor", "-f"])
                .arg(&private)
                .status();
            assert!(made.unwrap().success(), "{sort}");
            let public = std::fs::read_to_string(private.with_extension("pub")).unwrap();
            let sealed = Recipient::parse(&public)
                .unwrap()
                .seal(b"Tr0ub4dor&3")
                .unwrap();
            let text = std::fs::read(&private).unwrap();
            let owner = age::ssh::Identity::from_buffer(&text[..], None).unwrap();
            let opened = age::decrypt(&owner, sealed.as_bytes()).unwrap();
            assert_eq!(opened, b"Tr0ub4dor&3", "{sort}");
        }
    }
}
