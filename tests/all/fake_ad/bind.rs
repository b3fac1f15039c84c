//! A bind request to the account it proves, or the sub-code that says why not.

use super::ClearBind;
use super::account;
use super::directory::{Directory, NodeId};
use super::refusal::Refusal;
use super::session::Session;
use super::write::Channel;
use ldap3_proto::proto::{LdapBindCred, LdapBindRequest, LdapResultCode as Code};

impl Session {
    /// `None` for an anonymous bind.
    pub fn authenticate(
        &self,
        directory: &Directory,
        bind: &LdapBindRequest,
    ) -> Result<Option<NodeId>, Refusal> {
        let LdapBindCred::Simple(password) = &bind.cred else {
            let comment = "Invalid Authentication method";
            return Err(Refusal::ldap(
                Code::AuthMethodNotSupported,
                0x2027,
                comment,
                "0",
            ));
        };
        if bind.dn.is_empty() || password.is_empty() {
            return Ok(None);
        }
        if self.channel == Channel::Clear && directory.options.clear_bind == ClearBind::Refused {
            let comment = "The server requires binds to turn on integrity checking if SSL\\TLS are \
                           not already active on the connection";
            return Err(Refusal::ldap(
                Code::StrongerAuthRequired,
                0x2028,
                comment,
                "0",
            ));
        }
        let id = directory
            .account(&bind.dn)
            .ok_or_else(|| Refusal::bind("525"))?;
        let content = &directory.node(id).content;
        if content.number("lockoutTime").unwrap_or(0) != 0 {
            return Err(Refusal::bind("775"));
        }
        if content.password.as_ref() != Some(password) {
            return Err(Refusal::bind("52e"));
        }
        match directory.barrier(id) {
            Some(reason) => Err(Refusal::bind(reason)),
            None => Ok(Some(id)),
        }
    }
}

impl Directory {
    /// Finds an account by any name a simple bind takes.
    pub(super) fn account(&self, name: &str) -> Option<NodeId> {
        let found = self
            .find(name)
            .ok()
            .or_else(|| self.by_principal(name))
            .or_else(|| {
                let backslashed = name.split_once('\\').map(|(domain, login)| (login, domain));
                let (login, domain) = backslashed.or_else(|| name.rsplit_once('@'))?;
                let ours = [self.options.domain.clone(), self.options.short_domain()];
                ours.iter()
                    .any(|d| d.eq_ignore_ascii_case(domain))
                    .then(|| self.by_login(login))?
            });
        found.filter(|&id| account::computed_control(&self.node(id).content).is_some())
    }
}
