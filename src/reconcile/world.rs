//! Opens what the operator's file names: directory, rosters, mail.

use crate::connector::active_directory::ldap::{
    CaSource, LdapDirectory, LdapSettings, LdapTimeouts,
};
use crate::connector::active_directory::ldif::LdifDirectory;
use crate::connector::roster::Roster;
use crate::connector::{Failure, Transport};
use crate::desired::Desired;
use crate::name::{FieldName, ResourceName};
use crate::notify::mime::Sender;
use crate::notify::outbox::Outbox;
use crate::notify::post::{Letter, Post, PostError, RecipientDomains, Sent};
use crate::notify::smtp::{Smtp, SmtpSettings, SmtpSettingsError};
use crate::operator::{
    DirectoryTransport, Encryption, Ldap, MailTransport, Operator, SecretError, Server,
};
use crate::plan::DirectoryMode;
use crate::reconcile::read_back::Exports;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::path::Path;

/// Why something the operator's file names cannot be opened.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum OpenError {
    #[error("cannot open the directory: {0}")]
    Directory(Failure),
    #[error(transparent)]
    Secret(#[from] SecretError),
    #[error("cannot read {path}")]
    Ca {
        path: String,
        #[source]
        source: std::io::Error,
    },
    #[error("the mail settings cannot be used")]
    Mail(#[from] SmtpSettingsError),
}

/// An opened directory, and who writes it.
pub type OpenDirectory = (Box<dyn Transport>, DirectoryMode);

/// Opens the directory of a resource; none where the operator has none, or the embedded one was
/// never made.
///
/// # Errors
/// [`OpenError`] when it is named and cannot be opened.
pub fn directory(
    operator: &Operator,
    resource: &ResourceName,
) -> Result<Option<OpenDirectory>, OpenError> {
    let Some(directory) = operator.directory(resource) else {
        return Ok(None);
    };
    let transport: Box<dyn Transport> = match &directory.transport {
        DirectoryTransport::Ldif(ldif) => {
            if operator.is_embedded() && !ldif.file.exists() {
                return Ok(None);
            }
            let opened = match &ldif.base {
                Some(base) => LdifDirectory::open_with_base(&ldif.file, base.clone()),
                None => LdifDirectory::open(&ldif.file),
            };
            Box::new(opened.map_err(OpenError::Directory)?)
        }
        DirectoryTransport::Ldap(ldap) => {
            let settings = ldap_settings(ldap)?;
            Box::new(LdapDirectory::connect(&settings).map_err(OpenError::Directory)?)
        }
    };
    Ok(Some((transport, directory.mode)))
}

fn ldap_settings(ldap: &Ldap) -> Result<LdapSettings, OpenError> {
    let Server { encryption, .. } = &ldap.server;
    let (scheme, start_tls) = match encryption {
        Encryption::Tls => ("ldaps", false),
        Encryption::StartTls => ("ldap", true),
    };
    Ok(LdapSettings {
        url: url(scheme, &ldap.server),
        start_tls,
        base: ldap.base.clone(),
        ca: ldap.ca_file.clone().map(CaSource::File),
        bind_dn: ldap.bind.dn.to_string(),
        password: ldap.bind.password.read()?,
        server_name: ldap.server_name.clone(),
        timeouts: LdapTimeouts::default(),
    })
}

fn url(scheme: &str, server: &Server) -> String {
    match server.host.contains(':') {
        true => format!("{scheme}://[{}]:{}", server.host, server.port),
        false => format!("{scheme}://{}:{}", server.host, server.port),
    }
}

fn pem(path: Option<&Path>) -> Result<Option<String>, OpenError> {
    let read = |path: &Path| {
        std::fs::read_to_string(path).map_err(|source| OpenError::Ca {
            path: path.display().to_string(),
            source,
        })
    };
    path.map(read).transpose()
}

/// Opens the rosters of a repository that the operator has a file for; and why others of them cannot be,
/// of which nothing is planned then.
pub fn rosters(
    operator: &Operator,
    fields: BTreeMap<ResourceName, Vec<FieldName>>,
) -> (
    BTreeMap<ResourceName, Roster>,
    BTreeMap<ResourceName, Failure>,
) {
    let (mut rosters, mut broken) = (BTreeMap::new(), BTreeMap::new());
    for (resource, fields) in fields {
        if let Some(path) = operator.roster(&resource) {
            match Roster::open(&path, &fields) {
                Ok(roster) => drop(rosters.insert(resource, roster)),
                Err(failure) => drop(broken.insert(resource, failure)),
            }
        }
    }
    (rosters, broken)
}

/// Reads the exports that resources name, as of an instant.
pub fn exports(operator: &Operator, desired: &Desired, now: Timestamp) -> Exports {
    let named = desired.resources.iter();
    let named = named.filter_map(|(name, terms)| Some((name, terms.read_back.as_ref()?)));
    let read = |key: &str| match operator.export(key) {
        Some(export) => export.read(now).map_err(|failure| failure.message),
        None => Err("the operator's file has no `readBack` of that name".to_owned()),
    };
    named
        .map(|(name, said)| (name.clone(), read(&said.export)))
        .collect()
}

/// What delivers mails, and who they come from.
pub struct Mailer {
    /// Who mails come from.
    pub sender: Sender,
    post: Box<dyn Post>,
    operator: Operator,
}

/// Opens what delivers mails. Nothing is connected before the first mail.
///
/// # Errors
/// [`OpenError`] when the settings or the secret cannot be used.
pub fn mailer(operator: &Operator, name: &str) -> Result<Mailer, OpenError> {
    let post: Box<dyn Post> = match &operator.mail.transport {
        MailTransport::Outbox(folder) => Box::new(Outbox::new(folder)),
        MailTransport::Smtp(smtp) => {
            let login = &smtp.login;
            let scheme = match smtp.server.encryption {
                Encryption::Tls => "smtps",
                Encryption::StartTls => "smtp+starttls",
            };
            let settings = SmtpSettings {
                url: url(scheme, &smtp.server),
                username: login.username.clone(),
                password: login.password.read()?,
                from: operator.mail.from.clone(),
                ca: pem(smtp.ca_file.as_deref())?,
                timeout: smtp.timeout,
            };
            Box::new(Smtp::new(&settings, RecipientDomains::any())?)
        }
    };
    let sender = Sender {
        mail: operator.mail.from.clone(),
        name: Some(name.to_owned()),
    };
    Ok(Mailer {
        sender,
        post,
        operator: operator.clone(),
    })
}

impl Post for Mailer {
    fn send(&mut self, letter: &Letter) -> Result<Sent, PostError> {
        match self.operator.may_mail(&letter.to) {
            true => self.post.send(letter),
            false => Err(PostError::Domain {
                recipient: letter.to.clone(),
            }),
        }
    }
}
