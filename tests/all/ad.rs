//! What Active Directory does, fact by fact: on the fake, which behaves as Microsoft documents it, and
//! on a real domain controller where there is one. `ad_N_…` is about number N of `tests/ad-coverage.md`.
//!
//! Facts are asked for with a client that shares no code with the program; what the program makes of
//! them is asked of the program. Each test has a unit of its own, so all of them share one domain.

mod accounts;
mod answers;
mod changes;
mod coverage;
mod groups;
mod moves;
mod names;
mod reading;
mod secured;
mod values;

use crate::contract::Manners;
use crate::fake_ad::{FakeAd, Options, PASSWORD};
use countersign::connector::active_directory::ldap::{
    CaSource, LdapDirectory, LdapSettings, LdapTimeouts,
};
use countersign::connector::{AttributeName, Entry, Transport};
use countersign::dn::Dn;
use ldap3::controls::RawControl;
use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, LdapResult, Mod, Scope, SearchEntry};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use tokio::runtime::Runtime;

/// Asks the fake, and then the domain controller.
pub fn everywhere(number: u32, ask: impl Fn(&mut Room)) {
    on_fake(number, Options::default(), &ask);
    on_domain_controller(number, ask);
}

/// Asks the fake only.
pub fn on_fake(number: u32, options: Options, ask: impl Fn(&mut Room)) {
    ask(&mut Room::in_fake(number, FakeAd::with(options)));
}

/// Asks the domain controller; says so where there is none.
pub fn on_domain_controller(number: u32, ask: impl Fn(&mut Room)) {
    match domain_controller() {
        Some(settings) => ask(&mut Room::of(number, settings, None)),
        None => {
            assert!(
                std::env::var("COUNTERSIGN_TEST_BED").is_err(),
                "there is a test bed without a domain controller"
            );
            println!("LEFT OUT: number {number} on a domain controller; tests/run has one");
        }
    }
}

fn domain_controller() -> Option<LdapSettings> {
    let variable = |name: &'static str| std::env::var(format!("COUNTERSIGN_TEST_LDAP_{name}")).ok();
    let url = variable("URL")?;
    let password = std::fs::read_to_string(variable("PASSWORD_FILE").unwrap()).unwrap();
    let base = variable("BASE").unwrap();
    Some(LdapSettings {
        start_tls: false,
        url,
        bind_dn: format!("CN=Administrator,CN=Users,{base}"),
        base: Dn::parse(&base).unwrap(),
        ca: Some(CaSource::Pem(
            std::fs::read(variable("CA").unwrap()).unwrap(),
        )),
        password: password.trim_end_matches(['\r', '\n']).into(),
        server_name: None,
        timeouts: LdapTimeouts::default(),
    })
}

/// A unit of one's own in a directory, and a client that may do everything.
pub struct Room {
    pub manners: Manners,
    /// How the program gets there; its base is the whole domain.
    pub settings: LdapSettings,
    /// DN of the unit.
    pub unit: String,
    /// DN of the domain.
    pub base: String,
    /// What every log-on name here begins with, because they are unique in a domain.
    prefix: String,
    pub client: Client,
    fake: Option<FakeAd>,
}

impl Room {
    fn in_fake(number: u32, fake: FakeAd) -> Self {
        let settings = LdapSettings {
            url: fake.ldaps_url(),
            start_tls: false,
            base: Dn::parse(&fake.base_dn()).unwrap(),
            ca: Some(CaSource::Pem(fake.ca_pem().into())),
            bind_dn: fake.admin_dn(),
            password: PASSWORD.into(),
            server_name: None,
            timeouts: LdapTimeouts::default(),
        };
        Self::of(number, settings, Some(fake))
    }

    fn of(number: u32, settings: LdapSettings, fake: Option<FakeAd>) -> Self {
        let mut client = Client::connect(&settings);
        let password = secret(&settings);
        client.bind(&settings.bind_dn, &password).ok();
        let base = settings.base.to_string();
        let prefix = format!("{number}-{:x}", std::process::id() & 0xFFFF);
        let mut room = Self {
            manners: match fake {
                Some(_) => Manners::Windows,
                None => Manners::Samba,
            },
            unit: format!("OU=ad-{prefix},{base}"),
            base,
            settings,
            prefix,
            client,
            fake,
        };
        let unit = room.unit.clone();
        room.add(&unit, "organizationalUnit", &[]).ok();
        room
    }

    /// The fake, where this is one.
    #[track_caller]
    pub fn fake(&self) -> &FakeAd {
        self.fake.as_ref().expect("only the fake is asked here")
    }

    /// The program's own way into the directory, with everything below the unit.
    pub fn directory(&self) -> LdapDirectory {
        let base = Dn::parse(&self.unit).unwrap();
        LdapDirectory::connect(&LdapSettings {
            base,
            ..self.settings.clone()
        })
        .unwrap()
    }

    /// What the program reads below the unit.
    pub fn read_all(&self, attributes: &[&'static str]) -> Vec<Entry> {
        let attributes: Vec<AttributeName> = attributes.iter().map(|a| (*a).into()).collect();
        let mut all = Vec::new();
        let mut found = |entry| all.push(entry);
        self.directory().read_all(&attributes, &mut found).unwrap();
        all
    }

    pub fn login(&self, name: &str) -> String {
        format!("{}.{name}", self.prefix)
    }

    pub fn principal(&self, name: &str) -> String {
        format!(
            "{}@{}",
            self.login(name),
            self.settings.base.domain().unwrap()
        )
    }

    pub fn dn(&self, cn: &str) -> String {
        format!("CN={cn},{}", self.unit)
    }

    /// Adds an object of that class with these attributes.
    pub fn add(&mut self, dn: &str, class: &str, more: &[(&str, &str)]) -> Answer {
        let more = more.iter().map(|(name, value)| (*name, *value));
        let all: Vec<_> = std::iter::once(("objectClass", class))
            .chain(more)
            .collect();
        self.client.add(dn, &all)
    }

    /// A user; its DN.
    pub fn user(&mut self, name: &str) -> String {
        let (dn, login, upn) = (self.dn(name), self.login(name), self.principal(name));
        let names = [
            ("sAMAccountName", login.as_str()),
            ("userPrincipalName", &upn),
        ];
        self.add(&dn, "user", &names).ok();
        dn
    }

    /// An enabled user with [`PASSWORD`]; its DN.
    pub fn enabled_user(&mut self, name: &str) -> String {
        let dn = self.user(name);
        self.client.reset(&dn, PASSWORD).ok();
        self.client.set(&dn, "userAccountControl", &["512"]).ok();
        dn
    }

    /// A global security group; its DN.
    pub fn group(&mut self, name: &str) -> String {
        let (dn, login) = (self.dn(name), self.login(name));
        self.add(&dn, "group", &[("sAMAccountName", &login)]).ok();
        dn
    }

    /// A unit within the unit; its DN.
    pub fn unit(&mut self, name: &str) -> String {
        let dn = format!("OU={name},{}", self.unit);
        self.add(&dn, "organizationalUnit", &[]).ok();
        dn
    }

    /// Whether somebody is let in with a password, and if not, why.
    pub fn log_on(&self, name: &str, password: &str) -> Answer {
        Client::connect(&self.settings).bind(name, password)
    }

    /// That an answer is this on Windows, and that on Samba.
    #[track_caller]
    pub fn refused(&self, answer: Answer, windows: (u32, &str), samba: (u32, &str)) {
        let (code, hex) = match self.manners {
            Manners::Windows => windows,
            Manners::Samba => samba,
        };
        answer.refused(code, hex);
    }
}

fn secret(settings: &LdapSettings) -> String {
    use secrecy::ExposeSecret as _;
    settings.password.expose_secret().to_owned()
}

/// A client of the library underneath, one request after the other.
pub struct Client {
    runtime: Runtime,
    pub ldap: Ldap,
}

/// Result code and message.
#[derive(Debug)]
pub struct Answer {
    pub code: u32,
    pub text: String,
}

impl Answer {
    #[track_caller]
    pub fn ok(self) {
        assert_eq!(self.code, 0, "{}", self.text);
    }

    /// That the result is this one, and that the message begins so.
    #[track_caller]
    pub fn refused(self, code: u32, hex: &str) {
        assert_eq!(self.code, code, "{}", self.text);
        assert!(self.text.starts_with(hex), "{hex}: {}", self.text);
    }
}

impl From<LdapResult> for Answer {
    fn from(result: LdapResult) -> Self {
        let LdapResult { rc, text, .. } = result;
        Self { code: rc, text }
    }
}

impl Client {
    /// Over TLS; nobody is logged on.
    pub fn connect(settings: &LdapSettings) -> Self {
        Self::connect_to(&settings.url, settings)
    }

    pub fn connect_to(url: &str, settings: &LdapSettings) -> Self {
        let Some(CaSource::Pem(pem)) = &settings.ca else {
            panic!("tests have the authority's certificate at hand")
        };
        let mut roots = rustls::RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_slice(pem).unwrap())
            .unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let settings = LdapConnSettings::new().set_config(Arc::new(config));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let ldap = runtime.block_on(async {
            let connected = LdapConnAsync::with_settings(settings, url).await;
            let (connection, ldap) = connected.unwrap();
            tokio::spawn(async move { connection.drive().await.ok() });
            ldap
        });
        Self { runtime, ldap }
    }

    pub fn bind(&mut self, name: &str, password: &str) -> Answer {
        let bound = self.runtime.block_on(self.ldap.simple_bind(name, password));
        bound.unwrap().into()
    }

    /// Sends a control with the next request.
    pub fn with(&mut self, oid: &str, value: Option<Vec<u8>>) -> &mut Self {
        self.ldap.with_controls(RawControl {
            ctype: oid.to_owned(),
            crit: true,
            val: value,
        });
        self
    }

    pub fn add(&mut self, dn: &str, attributes: &[(&str, &str)]) -> Answer {
        let bytes: Vec<_> = attributes
            .iter()
            .map(|(name, value)| (*name, value.as_bytes().to_vec()))
            .collect();
        self.add_bytes(dn, &bytes)
    }

    pub fn add_bytes(&mut self, dn: &str, attributes: &[(&str, Vec<u8>)]) -> Answer {
        let mut all: Vec<(Vec<u8>, HashSet<Vec<u8>>)> = Vec::new();
        for (name, value) in attributes {
            let name = name.as_bytes().to_vec();
            match all.iter_mut().find(|(n, _)| *n == name) {
                Some((_, values)) => {
                    values.insert(value.clone());
                }
                None => all.push((name, HashSet::from([value.clone()]))),
            }
        }
        let answer = self.runtime.block_on(self.ldap.add(dn, all));
        answer.unwrap().into()
    }

    /// A modify request of several steps.
    pub fn modify(&mut self, dn: &str, steps: Vec<Mod<Vec<u8>>>) -> Answer {
        let answer = self.runtime.block_on(self.ldap.modify(dn, steps));
        answer.unwrap().into()
    }

    /// Replaces all values; none clears.
    pub fn set(&mut self, dn: &str, attribute: &'static str, values: &[&str]) -> Answer {
        self.modify(dn, vec![replace(attribute, values)])
    }

    pub fn plus(&mut self, dn: &str, attribute: &'static str, values: &[&str]) -> Answer {
        self.modify(dn, vec![plus(attribute, values)])
    }

    pub fn minus(&mut self, dn: &str, attribute: &'static str, values: &[&str]) -> Answer {
        self.modify(dn, vec![minus(attribute, values)])
    }

    /// Sets a password as an administrator does.
    pub fn reset(&mut self, dn: &str, password: &str) -> Answer {
        let value = HashSet::from([quoted(password)]);
        self.modify(dn, vec![Mod::Replace(b"unicodePwd".to_vec(), value)])
    }

    pub fn rename(&mut self, dn: &str, rdn: &str) -> Answer {
        let answer = self
            .runtime
            .block_on(self.ldap.modifydn(dn, rdn, true, None));
        answer.unwrap().into()
    }

    pub fn relocate(&mut self, dn: &str, rdn: &str, parent: &str) -> Answer {
        let renamed = self.ldap.modifydn(dn, rdn, true, Some(parent));
        self.runtime.block_on(renamed).unwrap().into()
    }

    pub fn delete(&mut self, dn: &str) -> Answer {
        self.runtime.block_on(self.ldap.delete(dn)).unwrap().into()
    }

    /// What a search finds, referrals left out, and its result.
    pub fn search(
        &mut self,
        base: &str,
        scope: Scope,
        filter: &str,
        attributes: &[&'static str],
    ) -> (Vec<SearchEntry>, Answer) {
        let search = self.ldap.search(base, scope, filter, attributes.to_vec());
        let found = self.runtime.block_on(search).unwrap();
        let entries = found.0.into_iter().filter(|entry| !entry.is_ref());
        (
            entries.map(SearchEntry::construct).collect(),
            found.1.into(),
        )
    }

    /// Whether a search of the children does not end within a moment.
    pub fn waits(&mut self, base: &str) -> bool {
        let moment = std::time::Duration::from_millis(300);
        let search = self
            .ldap
            .search(base, Scope::OneLevel, "(objectClass=*)", vec!["cn"]);
        self.runtime
            .block_on(async { tokio::time::timeout(moment, search).await.is_err() })
    }

    /// Where a search refers to.
    pub fn referrals(&mut self, base: &str, filter: &str) -> Vec<String> {
        let search = self.ldap.search(base, Scope::Subtree, filter, vec!["1.1"]);
        self.runtime.block_on(search).unwrap().1.refs
    }

    /// The names of what a search below a base finds.
    #[track_caller]
    pub fn find(&mut self, base: &str, filter: &str) -> Vec<String> {
        let (entries, answer) = self.search(base, Scope::Subtree, filter, &["cn"]);
        answer.ok();
        let mut names: Vec<String> = entries.into_iter().map(|entry| entry.dn).collect();
        names.sort();
        names
    }

    /// An object with these attributes; it must be there.
    #[track_caller]
    pub fn read(&mut self, dn: &str, attributes: &[&'static str]) -> SearchEntry {
        let (mut entries, answer) = self.search(dn, Scope::Base, "(objectClass=*)", attributes);
        answer.ok();
        assert_eq!(entries.len(), 1, "{dn}");
        entries.remove(0)
    }

    /// The values of an attribute as text, sorted.
    #[track_caller]
    pub fn texts(&mut self, dn: &str, attribute: &'static str) -> Vec<String> {
        let entry = self.read(dn, &[attribute]);
        let found = entry.attrs.into_iter();
        let mut found = found.filter(|(name, _)| name.eq_ignore_ascii_case(attribute));
        let mut texts = found.next().map(|(_, values)| values).unwrap_or_default();
        texts.sort();
        texts
    }

    /// The one value of an attribute as text.
    #[track_caller]
    pub fn text(&mut self, dn: &str, attribute: &'static str) -> String {
        let texts = self.texts(dn, attribute);
        assert_eq!(texts.len(), 1, "{attribute} of {dn}: {texts:?}");
        texts.into_iter().next().unwrap()
    }

    /// The one value of an attribute as bytes, which may happen to be text.
    #[track_caller]
    pub fn bytes(&mut self, dn: &str, attribute: &'static str) -> Vec<u8> {
        let entry = self.read(dn, &[attribute]);
        let binary = entry
            .bin_attrs
            .get(attribute)
            .and_then(|v| v.first().cloned());
        let text = || entry.attrs.get(attribute).and_then(|v| v.first());
        binary
            .or_else(|| Some(text()?.clone().into_bytes()))
            .unwrap_or_else(|| panic!("{attribute} of {dn}"))
    }
}

fn bytes_of(values: &[&str]) -> HashSet<Vec<u8>> {
    values.iter().map(|v| v.as_bytes().to_vec()).collect()
}

pub fn replace(attribute: &str, values: &[&str]) -> Mod<Vec<u8>> {
    Mod::Replace(attribute.into(), bytes_of(values))
}

pub fn plus(attribute: &str, values: &[&str]) -> Mod<Vec<u8>> {
    Mod::Add(attribute.into(), bytes_of(values))
}

pub fn minus(attribute: &str, values: &[&str]) -> Mod<Vec<u8>> {
    Mod::Delete(attribute.into(), bytes_of(values))
}

/// unicodePwd as it must be sent: in quotation marks, UTF-16.
pub fn quoted(password: &str) -> Vec<u8> {
    let text = format!("\"{password}\"");
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// The last part of a SID.
pub fn relative_id(sid: &[u8]) -> String {
    u32::from_le_bytes(*sid.last_chunk().unwrap()).to_string()
}

/// Names to compare: without case, in one spelling.
pub fn dns<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> BTreeSet<Dn> {
    let texts = texts.into_iter();
    texts
        .map(|text| Dn::parse(text.as_ref()).unwrap())
        .collect()
}
