//! The contract of transports, on an LDIF file and on a real domain controller.

mod faults;
mod transport;
mod wire;

use countersign::connector::active_directory::ldap::{
    CaSource, LdapDirectory, LdapSettings, LdapTimeouts,
};
use countersign::connector::active_directory::ldif::LdifDirectory;
use countersign::connector::{Attributes, Entry, Transport};
use countersign::dn::{Dn, Rdn};
pub use transport::Manners;
use transport::contract;

const DOMAIN: &str = "\
version: 1

dn: DC=example,DC=test
objectClass: domainDNS

dn: OU=c,DC=example,DC=test
objectClass: organizationalUnit
ou: c
";

fn everything(directory: &mut dyn Transport) -> Vec<Entry> {
    let wanted = [
        "cn",
        "info",
        "member",
        "memberOf",
        "manager",
        "title",
        "userAccountControl",
        "pwdLastSet",
    ];
    let mut all = Vec::new();
    directory
        .read_all(&wanted.map(Into::into), &mut |entry| all.push(entry))
        .unwrap();
    all
}

fn domain_file() -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("directory.ldif");
    std::fs::write(&path, DOMAIN).unwrap();
    (folder, path)
}

#[test]
fn an_ldif_file_keeps_the_contract() {
    let (_folder, path) = domain_file();
    let mut directory = LdifDirectory::open(&path).unwrap();
    let parent = Dn::parse("OU=c,DC=example,DC=test").unwrap();
    contract(&mut directory, &parent, Manners::Windows);
    let written = everything(&mut directory);
    drop(directory);
    let mut again = LdifDirectory::open(&path).unwrap();
    assert_eq!(
        everything(&mut again),
        written,
        "what is in the file is what was in memory"
    );
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.starts_with(DOMAIN), "what was not written is kept");
}

#[test]
fn an_ldif_file_keeps_the_contract_while_it_holds_writes() {
    let (_folder, path) = domain_file();
    let mut directory = LdifDirectory::open(&path).unwrap();
    directory.hold_writes();
    let parent = Dn::parse("OU=c,DC=example,DC=test").unwrap();
    contract(&mut directory, &parent, Manners::Windows);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), DOMAIN);
    directory.flush().unwrap();
    let held = std::fs::read(&path).unwrap();
    let (_folder, each_path) = domain_file();
    let mut directory = LdifDirectory::open(&each_path).unwrap();
    contract(&mut directory, &parent, Manners::Windows);
    assert_eq!(
        held,
        std::fs::read(&each_path).unwrap(),
        "the same bytes, however they got there"
    );
}

/// The domain controller to test against, where there is one: `COUNTERSIGN_TEST_LDAP_URL`, `…_BASE`,
/// `…_BIND`, `…_PASSWORD_FILE`, `…_CA`.
fn domain_controller() -> Option<LdapSettings> {
    let variable = |name: &str| std::env::var(format!("COUNTERSIGN_TEST_LDAP_{name}")).ok();
    let url = variable("URL")?;
    let password = std::fs::read_to_string(variable("PASSWORD_FILE").unwrap()).unwrap();
    Some(LdapSettings {
        start_tls: url.starts_with("ldap://"),
        url,
        base: Dn::parse(&variable("BASE").unwrap()).unwrap(),
        ca: variable("CA").map(|path| CaSource::File(path.into())),
        bind_dn: variable("BIND").unwrap(),
        password: password.trim_end_matches(['\r', '\n']).into(),
        server_name: None,
        timeouts: LdapTimeouts::default(),
    })
}

/// A unit that no earlier run has made: nothing here deletes.
fn new_parent(directory: &mut dyn Transport) -> Dn {
    let seconds = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let name = format!("c{:x}", seconds & 0xFF_FFFF);
    let dn = directory.base().child(Rdn::new("OU", &name));
    let class = Attributes::from([("objectClass".into(), vec!["organizationalUnit".into()])]);
    directory.add(&dn, &class).unwrap();
    dn
}

#[test]
fn a_domain_controller_keeps_the_contract() {
    let Some(settings) = domain_controller() else {
        println!("COUNTERSIGN_TEST_LDAP_URL is not set: nothing to test against");
        return;
    };
    let mut directory = LdapDirectory::connect(&settings).unwrap();
    let parent = new_parent(&mut directory);
    contract(&mut directory, &parent, Manners::Samba);
}
