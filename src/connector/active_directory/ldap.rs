//! Active Directory over LDAP: turns the calls of [`Transport`] into requests to one domain controller.
//!
//! Invariant: only encrypted connections, certificates verified, passwords sent over nothing else.
//! Invariant: one controller a run. Another one may not know yet what was written to this one.
//! Decision: a write whose answer was lost is not repeated here. It may have been done; whoever asked for it
//! reads, and decides.
//! Decision: the library underneath panics on answers that it does not expect. It does so on a thread of its
//! own and comes out as a failure, for which panics must unwind (not `panic = "abort"`).

mod changes;
mod connection;
mod entry;
mod search;
mod settings;

pub use settings::{CaSource, LdapSettings, LdapTimeouts};

use super::failure::{Operation, classify};
use crate::connector::{
    At, AttributeName, Attributes, Entry, Failure, Mark, Modification, ModificationKind, NextLogOn,
    Since, Transport,
};
use crate::dn::{Dn, Rdn};
use connection::{Connection, Setback};
use ldap3::{Ldap, LdapResult, Mod};
use search::name_of;
use secrecy::{ExposeSecret as _, SecretString};
use std::collections::{BTreeSet, HashSet};
use zeroize::Zeroizing;

/// A directory as a domain controller has it.
pub struct LdapDirectory {
    url: String,
    base: Dn,
    connection: Connection,
}

impl LdapDirectory {
    /// Connects, verifies whom to, logs on, and looks whether the base is there.
    ///
    /// It waits; it may be used within an asynchronous runtime, which it then holds up.
    ///
    /// # Errors
    /// [`Configuration`](crate::connector::FailureClass::Configuration) for an address that is not encrypted, a certificate that is not
    /// trusted, a log-on that is refused, a base that is not seen; [`Transient`](crate::connector::FailureClass::Transient) where
    /// nobody answers.
    pub fn connect(settings: &LdapSettings) -> Result<Self, Failure> {
        let connection = Connection::open(settings)?;
        Ok(Self {
            url: settings.url.clone(),
            base: settings.base.clone(),
            connection,
        })
    }

    fn write<F>(
        &mut self,
        operation: Operation,
        request: impl FnOnce(Ldap) -> F,
    ) -> Result<(), Failure>
    where
        F: Future<Output = ldap3::result::Result<LdapResult>> + Send + 'static,
    {
        let mut ldap = self.connection.ready()?;
        ldap.timeout = Some(self.connection.settings().timeouts.operation);
        let request = request(ldap);
        let answer = self.connection.run(async move {
            request
                .await
                .map_err(|error| Setback::of(operation, &error))
        });
        match answer {
            Ok(result) if result.rc == 0 => Ok(()),
            Ok(result) => Err(classify(operation, result.rc, &result.text)),
            Err(Setback::Refused(failure)) => Err(failure),
            Err(Setback::Disconnected(failure)) => {
                self.connection.abandon();
                let message = format!("{}; whether it was written is not known", failure.message);
                Err(Failure { message, ..failure })
            }
        }
    }
}

impl Transport for LdapDirectory {
    fn describe(&self) -> String {
        self.url.clone()
    }

    fn base(&self) -> &Dn {
        &self.base
    }

    fn log_on(&self) -> Option<Dn> {
        Dn::parse(&self.connection.settings().bind_dn).ok()
    }

    fn principal_suffixes(&mut self) -> Result<Option<BTreeSet<String>>, Failure> {
        search::principal_suffixes(&mut self.connection)
    }

    fn mark(&mut self) -> Result<Option<Mark>, Failure> {
        changes::mark(&mut self.connection)
    }

    fn since(&mut self, mark: &Mark, attributes: &[AttributeName]) -> Result<Since, Failure> {
        changes::since(&mut self.connection, mark, attributes)
    }

    fn read_all(
        &mut self,
        attributes: &[AttributeName],
        found: &mut dyn FnMut(Entry),
    ) -> Result<(), Failure> {
        search::read_all(&mut self.connection, attributes, found)
    }

    fn read(&mut self, at: &At, attributes: &[AttributeName]) -> Result<Option<Entry>, Failure> {
        search::read(&mut self.connection, at, attributes)
    }

    fn add(&mut self, dn: &Dn, attributes: &Attributes) -> Result<(), Failure> {
        let dn = dn.to_string();
        let attributes = attributes
            .iter()
            .filter(|(_, values)| !values.is_empty())
            .map(|(name, values)| {
                let values = values.iter().map(|value| value.bytes().to_vec());
                (
                    name.as_str().as_bytes().to_vec(),
                    values.collect::<HashSet<_>>(),
                )
            })
            .collect::<Vec<_>>();
        self.write(Operation::Add, |mut ldap| async move {
            ldap.add(&dn, attributes).await
        })
    }

    fn modify(&mut self, at: &At, modifications: &[Modification]) -> Result<(), Failure> {
        let name = name_of(at);
        let steps = modifications
            .iter()
            .map(|step| {
                let values = step.values.iter().map(|value| value.bytes().to_vec());
                let values = values.collect::<HashSet<_>>();
                let attribute = step.attribute.as_str().as_bytes().to_vec();
                match step.operation {
                    ModificationKind::Add => Mod::Add(attribute, values),
                    ModificationKind::Delete => Mod::Delete(attribute, values),
                }
            })
            .collect::<Vec<_>>();
        self.write(Operation::of(modifications), |mut ldap| async move {
            ldap.modify(&name, steps).await
        })
    }

    fn rename(&mut self, dn: &Dn, rdn: &Rdn, parent: &Dn) -> Result<(), Failure> {
        let stays = dn.parent().as_ref() == Some(parent);
        let (dn, rdn) = (dn.to_string(), rdn.to_string());
        // A rename in place needs fewer rights than a move to where it stands.
        let parent = (!stays).then(|| parent.to_string());
        self.write(Operation::Rename, |mut ldap| async move {
            ldap.modifydn(&dn, &rdn, true, parent.as_deref()).await
        })
    }

    fn set_password(
        &mut self,
        at: &At,
        password: &SecretString,
        next_log_on: NextLogOn,
    ) -> Result<(), Failure> {
        let name = name_of(at);
        let last_set = match next_log_on {
            NextLogOn::MustChange => "0",
            NextLogOn::Keep => "-1",
        };
        let steps = [
            ("unicodePwd", quoted(password)),
            ("pwdLastSet", Wiped::of(last_set)),
        ]
        .map(|(attribute, value)| Mod::Replace(Wiped::of(attribute), HashSet::from([value])));
        self.write(Operation::SetPassword, |mut ldap| async move {
            ldap.modify(&name, steps.into()).await
        })
    }
}

/// Bytes that are wiped from memory when they are dropped.
#[derive(PartialEq, Eq)]
struct Wiped(Zeroizing<Vec<u8>>);

impl Wiped {
    fn of(text: &str) -> Self {
        Self(Zeroizing::new(text.as_bytes().to_vec()))
    }
}

impl AsRef<[u8]> for Wiped {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl std::hash::Hash for Wiped {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.as_slice().hash(state);
    }
}

/// The form of unicodePwd: in quotation marks, UTF-16, little-endian (MS-ADTS 3.1.1.3.1.5.1).
fn quoted(password: &SecretString) -> Wiped {
    let password = password.expose_secret();
    // All of it at once: growing would leave copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(2 * password.len() + 4));
    let quote = || "\"".encode_utf16();
    for unit in quote().chain(password.encode_utf16()).chain(quote()) {
        bytes.extend_from_slice(&unit.to_le_bytes());
    }
    Wiped(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_quoted_utf_16() {
        let bytes = quoted(&SecretString::from("aé😀"));
        assert_eq!(bytes.as_ref(), b"\"\0a\0\xE9\0\x3D\xD8\x00\xDE\"\0");
        assert!(bytes.0.capacity() >= bytes.0.len());
    }
}
