//! The fake as a client sees it, behaviour by behaviour. `ad_N` is the line of the catalogue of
//! Active Directory's behaviours that a test enforces.

mod accounts;
mod faults;
mod groups;
mod names;
mod ranges;
mod searches;
mod transport;
mod values;

use super::{FakeAd, PASSWORD};
use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, LdapResult, Mod, Scope, SearchEntry};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use std::collections::HashSet;
use std::sync::Arc;

pub const BASE: &str = "DC=example,DC=test";
pub const ITS: &str = "OU=ITS,DC=example,DC=test";
pub const ANN: &str = "CN=Ann,OU=ITS,DC=example,DC=test";
pub const BOB: &str = "CN=Bob,OU=ITS,DC=example,DC=test";
pub const STAFF: &str = "CN=Staff,OU=ITS,DC=example,DC=test";

/// One unit with two users and an empty group.
pub fn cast() -> FakeAd {
    with_cast(FakeAd::start())
}

pub fn with_cast(fake: FakeAd) -> FakeAd {
    fake.change(|ad| {
        ad.add_unit(ITS);
        ad.add_user(ANN, "ann");
        ad.add_user(BOB, "bob");
        ad.add_group(STAFF, "staff", &[]);
    });
    fake
}

/// How a test's client trusts and connects.
pub fn settings(fake: &FakeAd) -> LdapConnSettings {
    let mut roots = RootCertStore::empty();
    let ca = CertificateDer::from_pem_slice(fake.ca_pem().as_bytes()).unwrap();
    roots.add(ca).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    LdapConnSettings::new().set_config(Arc::new(config))
}

pub async fn connect(settings: LdapConnSettings, url: &str) -> ldap3::result::Result<Ldap> {
    let (connection, ldap) = LdapConnAsync::with_settings(settings, url).await?;
    tokio::spawn(async move { connection.drive().await.ok() });
    Ok(ldap)
}

/// A bound administrator.
pub async fn admin(fake: &FakeAd) -> Ldap {
    let mut ldap = connect(settings(fake), &fake.ldaps_url()).await.unwrap();
    let bound = ldap.simple_bind(&fake.admin_dn(), PASSWORD).await.unwrap();
    bound.success().unwrap();
    ldap
}

/// Asserts result code and Win32 error of an answer; `""` where there is no message.
#[track_caller]
pub fn refused(result: ldap3::result::Result<LdapResult>, rc: u32, win32: &str) {
    let result = result.unwrap();
    assert_eq!(result.rc, rc, "{}", result.text);
    assert!(result.text.starts_with(win32), "{}", result.text);
}

#[track_caller]
pub fn accepted(result: ldap3::result::Result<LdapResult>) {
    let result = result.unwrap();
    assert_eq!(result.rc, 0, "{}", result.text);
}

pub fn values<'a>(values: &[&'a str]) -> HashSet<&'a str> {
    values.iter().copied().collect()
}

pub fn set<'a>(attribute: &'a str, value: &'a str) -> Vec<Mod<&'a str>> {
    vec![Mod::Replace(attribute, values(&[value]))]
}

pub fn plus<'a>(attribute: &'a str, value: &'a str) -> Vec<Mod<&'a str>> {
    vec![Mod::Add(attribute, values(&[value]))]
}

pub fn minus<'a>(attribute: &'a str, value: &'a str) -> Vec<Mod<&'a str>> {
    vec![Mod::Delete(attribute, values(&[value]))]
}

/// A minimal add request for a user, with more attributes.
pub async fn hire(
    ldap: &mut Ldap,
    dn: &str,
    more: &[(&'static str, &str)],
) -> ldap3::result::Result<LdapResult> {
    let mut attributes = vec![("objectClass", values(&["user"]))];
    attributes.extend(more.iter().map(|&(name, value)| (name, values(&[value]))));
    ldap.add(dn, attributes).await
}

/// unicodePwd as it must be sent.
pub fn quoted(password: &str) -> Vec<u8> {
    let text = format!("\"{password}\"");
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

pub async fn reset(ldap: &mut Ldap, dn: &str, value: Vec<u8>) -> ldap3::result::Result<LdapResult> {
    let change = Mod::Replace(b"unicodePwd".to_vec(), HashSet::from([value]));
    ldap.modify(dn, vec![change]).await
}

/// One object with the attributes named.
pub async fn read(ldap: &mut Ldap, dn: &str, attributes: &[&str]) -> SearchEntry {
    let found = ldap
        .search(dn, Scope::Base, "(objectClass=*)", attributes.to_vec())
        .await;
    let (mut entries, _) = found.unwrap().success().unwrap();
    SearchEntry::construct(entries.remove(0))
}

/// Names of what a search below the domain finds, without referrals.
pub async fn find(ldap: &mut Ldap, filter: &str) -> Vec<String> {
    let found = ldap.search(BASE, Scope::Subtree, filter, vec!["cn"]).await;
    let (entries, _) = found.unwrap().success().unwrap();
    let entries = entries.into_iter().filter(|entry| !entry.is_ref());
    entries
        .map(|entry| SearchEntry::construct(entry).dn)
        .collect()
}
