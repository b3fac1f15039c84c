//! A search request to the objects it finds, page by page, and the rootDSE.

use super::directory::{Directory, Life, Miss, NodeId};
use super::read::BASE_ONLY;
use super::refusal::Refusal;
use super::text;
use ldap3_proto::proto::{
    LdapPartialAttribute, LdapResultCode as Code, LdapSearchRequest, LdapSearchResultEntry,
    LdapSearchScope as Scope,
};

/// Controls that are honoured; a critical one that is not listed is refused.
pub mod control {
    pub const PAGED_RESULTS: &str = "1.2.840.113556.1.4.319";
    pub const SHOW_DELETED: &str = "1.2.840.113556.1.4.417";
    pub const LAZY_COMMIT: &str = "1.2.840.113556.1.4.619";
    pub const SD_FLAGS: &str = "1.2.840.113556.1.4.801";
    pub const TREE_DELETE: &str = "1.2.840.113556.1.4.805";
    pub const SEARCH_OPTIONS: &str = "1.2.840.113556.1.4.1338";
    pub const DOMAIN_SCOPE: &str = "1.2.840.113556.1.4.1339";
    pub const PERMISSIVE_MODIFY: &str = "1.2.840.113556.1.4.1413";
    pub const SHOW_RECYCLED: &str = "1.2.840.113556.1.4.2064";
    pub const ALL: &[&str] = &[
        PAGED_RESULTS,
        SHOW_DELETED,
        LAZY_COMMIT,
        SD_FLAGS,
        TREE_DELETE,
        SEARCH_OPTIONS,
        DOMAIN_SCOPE,
        PERMISSIVE_MODIFY,
        SHOW_RECYCLED,
    ];
}

/// What a search's controls ask for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct View {
    pub tombstones: Tombstones,
    pub referrals: Referrals,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tombstones {
    #[default]
    Left,
    Shown,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Referrals {
    #[default]
    Sent,
    /// The client sent the domain-scope control.
    Withheld,
}

impl Directory {
    /// All objects that a search finds, and the referrals to other naming contexts.
    ///
    /// # Errors
    /// No such base, or an attribute that this scope cannot compute.
    pub(super) fn search(
        &self,
        request: &LdapSearchRequest,
        view: View,
    ) -> Result<(Vec<NodeId>, Vec<String>), Refusal> {
        let base = self.base(&request.base, view)?;
        let base_only = |name: &String| BASE_ONLY.iter().any(|one| one.eq_ignore_ascii_case(name));
        if request.scope != Scope::Base && request.attrs.iter().any(base_only) {
            let message = "00002120: SvcErr: DSID-03140594, problem 5012 (DIR_ERROR), data 0\n\0";
            return Err(Refusal::new(Code::OperationsError, message));
        }
        let candidates = match request.scope {
            Scope::Base => vec![base],
            Scope::OneLevel => self.node(base).children.values().copied().collect(),
            Scope::Subtree => self.subtree(base),
            Scope::Children => self.subtree(base).split_off(1),
        };
        let found = candidates
            .into_iter()
            .filter(|&id| self.is_visible(id, view))
            .filter(|&id| self.matches(id, &request.filter) == Some(true))
            .collect();
        let deep = matches!(request.scope, Scope::Subtree | Scope::Children);
        let referred = deep && base == self.domain() && view.referrals == Referrals::Sent;
        Ok((
            found,
            if referred {
                self.referrals()
            } else {
                Vec::new()
            },
        ))
    }

    fn base(&self, name: &str, view: View) -> Result<NodeId, Refusal> {
        match self.find(name) {
            Ok(id) if self.is_visible(id, view) => Ok(id),
            Ok(_) => Err(Refusal::absent(0x208D, "")),
            Err(Miss::Malformed) => Err(Refusal::bad_name()),
            Err(Miss::Absent(best)) => Err(Refusal::absent(0x208D, &best)),
            Err(Miss::Elsewhere) => Err(Refusal::elsewhere(&self.options.domain, name)),
        }
    }

    fn is_visible(&self, id: NodeId, view: View) -> bool {
        let life = self.node(id).life;
        let shown = life == Life::Live || view.tombstones == Tombstones::Shown;
        shown && !self.is_hidden(id)
    }

    fn referrals(&self) -> Vec<String> {
        let domain = &self.options.domain;
        let base = self.dn_text(self.domain());
        let zones = ["ForestDnsZones", "DomainDnsZones"];
        zones
            .iter()
            .map(|zone| format!("ldap://{zone}.{domain}/DC={zone},{base}"))
            .chain([format!("ldap://{domain}/CN=Configuration,{base}")])
            .collect()
    }

    /// What the server tells of itself to everyone.
    pub(super) fn root_dse(&self, request: &LdapSearchRequest) -> LdapSearchResultEntry {
        let [domain, configuration, schema] = [0, 1, 2].map(|at| self.dn_text(self.roots[at]));
        let host = self.options.host();
        let server = format!(
            "CN={},CN=Servers,CN=Default-First-Site-Name,CN=Sites,{configuration}",
            self.options.controller
        );
        let facts: &[(&str, Vec<String>)] = &[
            (
                "namingContexts",
                vec![domain.clone(), configuration.clone(), schema.clone()],
            ),
            ("defaultNamingContext", vec![domain.clone()]),
            ("rootDomainNamingContext", vec![domain]),
            ("configurationNamingContext", vec![configuration]),
            ("schemaNamingContext", vec![schema.clone()]),
            ("subschemaSubentry", vec![format!("CN=Aggregate,{schema}")]),
            ("dnsHostName", vec![host.clone()]),
            (
                "ldapServiceName",
                vec![format!("{}:{host}", self.options.domain)],
            ),
            ("serverName", vec![server.clone()]),
            ("dsServiceName", vec![format!("CN=NTDS Settings,{server}")]),
            ("currentTime", vec![text::generalized_time(self.now)]),
            ("highestCommittedUSN", vec![self.usn.to_string()]),
            (
                "supportedControl",
                control::ALL.iter().map(|&oid| oid.to_owned()).collect(),
            ),
            ("supportedLDAPVersion", vec!["3".to_owned(), "2".to_owned()]),
            (
                "supportedLDAPPolicies",
                vec!["MaxPageSize".to_owned(), "MaxValRange".to_owned()],
            ),
            (
                "supportedExtension",
                vec![
                    "1.3.6.1.4.1.1466.20037".to_owned(),
                    "1.3.6.1.4.1.4203.1.11.3".to_owned(),
                ],
            ),
            (
                "supportedSASLMechanisms",
                vec!["GSSAPI".to_owned(), "GSS-SPNEGO".to_owned()],
            ),
            // Active Directory, with LDAP integration as of Windows 2000, V51, V60, V61.
            (
                "supportedCapabilities",
                ["800", "1670", "1791", "1935", "2080"]
                    .map(|last| format!("1.2.840.113556.1.4.{last}"))
                    .to_vec(),
            ),
            ("domainFunctionality", vec!["7".to_owned()]),
            ("forestFunctionality", vec!["7".to_owned()]),
            ("domainControllerFunctionality", vec!["7".to_owned()]),
            ("isSynchronized", vec!["TRUE".to_owned()]),
            ("isGlobalCatalogReady", vec!["TRUE".to_owned()]),
        ];
        let all = request.attrs.is_empty() || request.attrs.iter().any(|a| a == "*" || a == "+");
        let wanted = |name: &str| all || request.attrs.iter().any(|a| a.eq_ignore_ascii_case(name));
        let attributes = facts
            .iter()
            .filter(|(name, _)| wanted(name))
            .map(|(name, values)| LdapPartialAttribute {
                atype: (*name).to_owned(),
                vals: values
                    .iter()
                    .map(|value| value.clone().into_bytes())
                    .collect(),
            })
            .collect();
        LdapSearchResultEntry {
            dn: String::new(),
            attributes,
        }
    }
}
