//! Directories and mail: the settings that lead to a server, or to a file in its stead.

use super::super::address::{LDAP, Protocol, SMTP, Server, Upgrade};
use super::super::settings::{self, Mode};
use super::super::{
    Bind, Directory, DirectoryTransport, Ldap, Ldif, Login, Mail, MailTransport, Smtp,
};
use super::ledger::timeout;
use super::reader::{Reader, keys};
use crate::diagnostic::Code;
use crate::name::ResourceName;
use crate::plan::DirectoryMode;
use std::time::Duration;

/// How long a mail server may take, where the file does not say. Servers look names up before they answer
/// (RFC 5321 section 4.5.3.2 allows minutes); a run should not wait that long for each.
const ANSWER: Duration = Duration::from_secs(30);

impl Reader<'_> {
    pub(super) fn directory(
        &mut self,
        name: &ResourceName,
        given: &settings::Directory,
    ) -> Option<Directory> {
        let route = ["directories", name.as_str()];
        let at = |key: &'static str| [route[0], route[1], key];
        let transport = match (&given.url, &given.ldif) {
            (Some(url), _) => {
                let server = self.server(&LDAP, url, given.start_tls.into(), &at("url"));
                let base = self.needed(&given.base_dn, &route, "baseDn");
                let base = base.and_then(|text| self.dn(text, &keys(&at("baseDn"))));
                let bind = self.needed(&given.bind, &route, "bind");
                let bind = bind.map(|bind| self.bind(bind, &at("bind")));
                let ca_file = self.optional(&given.ca_file, &at("caFile"));
                DirectoryTransport::Ldap(Ldap {
                    server: server?,
                    base: base?,
                    ca_file: ca_file?,
                    server_name: given.server_name.clone(),
                    bind: bind??,
                })
            }
            (None, Some(ldif)) => {
                for key in ["startTls", "baseDn", "caFile", "serverName", "bind"] {
                    self.misplaced(&at(key), "an LDIF file");
                }
                let file = [route[0], route[1], "ldif", "file"];
                let file = self.written(&ldif.file, &keys(&file));
                let base = match &ldif.base_dn {
                    Some(text) => {
                        let route = [route[0], route[1], "ldif", "baseDn"];
                        self.dn(text, &keys(&route)).map(Some)
                    }
                    None => Some(None),
                };
                DirectoryTransport::Ldif(Ldif {
                    file: file?,
                    base: base?,
                })
            }
            (None, None) => return None,
        };
        let mode = match given.mode {
            None | Some(Mode::Direct) => DirectoryMode::Direct,
            Some(Mode::Maintainer) => DirectoryMode::Maintainer,
        };
        Some(Directory { transport, mode })
    }

    pub(super) fn mail(&mut self, given: &settings::Mail) -> Option<Mail> {
        let transport = match (&given.url, &given.outbox) {
            (Some(url), _) => {
                let server = self.server(&SMTP, url, given.start_tls.into(), &["mail", "url"]);
                let ca_file = self.optional(&given.ca_file, &["mail", "caFile"]);
                let password = self.needed(&given.password, &["mail"], "password");
                let password =
                    password.and_then(|secret| self.secret(secret, &["mail", "password"]));
                let username = given.username.as_ref().unwrap_or(&given.from.0).clone();
                if !self.given(&["outer", "recipientDomains"]) {
                    self.say(
                        Code::MissingField,
                        self.key(&["outer"]),
                        "`outer` needs `recipientDomains`: mail goes to a server",
                        Some("list the domains that may be mailed"),
                    );
                }
                MailTransport::Smtp(Smtp {
                    server: server?,
                    ca_file: ca_file?,
                    login: Login {
                        username,
                        password: password?,
                    },
                    timeout: timeout(given.timeout.as_deref(), ANSWER)?,
                })
            }
            (None, Some(outbox)) => {
                for key in ["startTls", "username", "password", "caFile", "timeout"] {
                    self.misplaced(&["mail", key], "an outbox folder");
                }
                MailTransport::Outbox(self.path(outbox, &keys(&["mail", "outbox"]))?)
            }
            (None, None) => return None,
        };
        Some(Mail {
            from: given.from.0.clone(),
            transport,
        })
    }

    pub(super) fn bind(&mut self, given: &settings::Bind, route: &[&str]) -> Option<Bind> {
        let dn = self.dn(&given.dn, &keys(&[route, &["dn"]].concat()));
        let password = self.secret(&given.password, &[route, &["password"]].concat());
        Some(Bind {
            dn: dn?,
            password: password?,
        })
    }

    pub(super) fn server(
        &mut self,
        protocol: &Protocol,
        url: &str,
        upgrade: Upgrade,
        route: &[&str],
    ) -> Option<Server> {
        match protocol.server(url, upgrade) {
            Ok(server) => Some(server),
            Err(error) => {
                self.address(&error, route, &protocol.help());
                None
            }
        }
    }

    pub(super) fn needed<'s, T>(
        &mut self,
        value: &'s Option<T>,
        route: &[&str],
        key: &str,
    ) -> Option<&'s T> {
        if value.is_none() && !self.given(&[route, &[key]].concat()) {
            let name = route.last().copied().unwrap_or_default();
            let message = format!("`{name}` needs `{key}` beside `url`");
            let help = format!("add `{key}:`");
            self.say(Code::MissingField, self.key(route), message, Some(&help));
        }
        value.as_ref()
    }

    pub(super) fn misplaced(&mut self, route: &[&str], of: &str) {
        if self.given(route) {
            let key = route.last().copied().unwrap_or_default();
            let message = format!("{of} has no use for `{key}`");
            let help = "take it out; it belongs beside `url`";
            self.say(Code::UnknownField, self.key(route), message, Some(help));
        }
    }
}
