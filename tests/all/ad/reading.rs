//! 5.5: searches, which server it is, and the way there.

use super::{Client, Room, everywhere, on_domain_controller, on_fake, plus};
use crate::bed::project;
use crate::contract::Manners;
use crate::fake_ad::{Options, PASSWORD};
use countersign::connector::active_directory::ldap::{LdapDirectory, LdapSettings};
use countersign::connector::{At, Attributes, EntryKind, FailureClass as Class, Transport as _};
use countersign::dn::{Dn, Rdn};
use countersign::observed;
use ldap3::Scope;
use std::path::PathBuf;

const EVERY_USER: &str = "(&(objectCategory=person)(objectClass=user))";

#[test]
fn ad_67_a_search_ends_at_the_limit_and_pages_do_not() {
    let options = Options {
        max_page_size: 20,
        ..Options::default()
    };
    on_fake(67, options, |ad| {
        for n in 0..50 {
            ad.user(&format!("u{n}"));
        }
        let unit = ad.unit.clone();
        let (found, answer) = ad.client.search(&unit, Scope::Subtree, EVERY_USER, &["cn"]);
        assert_eq!((found.len(), answer.code), (20, 4));
        let accounts = ad
            .read_all(&[])
            .into_iter()
            .filter(|e| e.kind == EntryKind::Account);
        assert_eq!(accounts.count(), 50);
    });
    // The limits a domain controller has.
    on_domain_controller(67, |ad| {
        let policy = format!(
            "CN=Default Query Policy,CN=Query-Policies,CN=Directory Service,CN=Windows NT,CN=Services,CN=Configuration,{}",
            ad.base
        );
        let limits = ad.client.texts(&policy, "lDAPAdminLimits");
        for limit in ["MaxPageSize=1000", "MaxValRange=1500"] {
            assert!(limits.contains(&limit.to_owned()), "{limits:?}");
        }
    });
}

#[test]
fn ad_69_computers_are_users_and_nobodys_accounts() {
    everywhere(69, |ad| {
        let ann = ad.user("ann");
        let (dn, login) = (ad.dn("pc"), format!("{}$", ad.login("pc")));
        let flags = [
            ("sAMAccountName", login.as_str()),
            ("userAccountControl", "4096"),
        ];
        ad.add(&dn, "computer", &flags).ok();
        let unit = ad.unit.clone();
        assert_eq!(ad.client.find(&unit, "(objectClass=user)").len(), 2);
        assert_eq!(ad.client.find(&unit, EVERY_USER).len(), 1);
        assert_eq!(ad.client.find(&unit, "(sAMAccountType=805306368)").len(), 1);
        let accounts = ad
            .read_all(&[])
            .into_iter()
            .filter(|e| e.kind == EntryKind::Account);
        let accounts: Vec<Dn> = accounts.map(|e| e.dn).collect();
        assert_eq!(accounts, [Dn::parse(&ann).unwrap()]);
    });
}

#[test]
fn ad_70_other_partitions_are_referred_to_and_never_followed() {
    everywhere(70, |ad| {
        let base = ad.base.clone();
        let filter = "(objectClass=domainDNS)";
        let referred = ad.client.referrals(&base, filter);
        assert!(
            referred.iter().any(|url| url.contains("CN=Configuration")),
            "{referred:?}"
        );
        // The program reads on, and fails a write that belongs elsewhere.
        let mut directory = LdapDirectory::connect(&ad.settings).unwrap();
        let mut count = 0;
        directory.read_all(&[], &mut |_| count += 1).unwrap();
        assert!(count > 1);
        let elsewhere = Dn::parse("CN=x,DC=other,DC=test").unwrap();
        let attributes = Attributes::from([("objectClass".into(), vec!["user".into()])]);
        let failure = directory.add(&elsewhere, &attributes).unwrap_err();
        assert!(
            matches!(failure.class, Class::Configuration | Class::Gone),
            "{failure}"
        );
        if ad.manners == Manners::Windows {
            assert_eq!(failure.class, Class::Configuration, "{failure}");
        }
    });
}

#[test]
fn ad_71_what_may_not_be_seen_fails_the_read() {
    on_fake(71, Options::default(), |ad| {
        let ann = ad.user("ann");
        let collect =
            |ad: &Room| observed::collect(&mut ad.directory(), &observed::attributes([])).map(drop);
        collect(ad).unwrap();
        for attribute in ["userAccountControl", "sAMAccountName", "objectGUID"] {
            ad.fake().change(|fake| fake.conceal(attribute));
            let failure = collect(ad).unwrap_err();
            assert_eq!(failure.class, Class::Incomplete, "{attribute}: {failure}");
            assert!(failure.message.contains(attribute), "{failure}");
            ad.fake().change(|fake| fake.reveal(attribute));
        }
        // Whole objects are as if they were not there: to the client, nothing tells the two apart.
        ad.fake().change(|fake| fake.hide(&ann));
        let (_, answer) = ad
            .client
            .search(&ann, Scope::Base, "(objectClass=*)", &["cn"]);
        assert_eq!(answer.code, 32);
    });
}

#[test]
fn ad_73_the_server_says_who_it_is_and_how_far_it_is() {
    everywhere(73, |ad| {
        let service = ad.client.text("", "dsServiceName");
        assert!(service.starts_with("CN=NTDS Settings"), "{service}");
        let mut committed =
            || -> u64 { ad.client.text("", "highestCommittedUSN").parse().unwrap() };
        let before = committed();
        ad.user("ann");
        let mut committed =
            || -> u64 { ad.client.text("", "highestCommittedUSN").parse().unwrap() };
        assert!(committed() > before);
        assert_eq!(ad.client.bytes(&service, "invocationId").len(), 16);
    });
}

#[test]
fn ad_77_nobody_logs_on_in_the_clear() {
    everywhere(77, |ad| {
        let url = match ad.manners {
            Manners::Windows => ad.fake().ldap_url(),
            Manners::Samba => ad.settings.url.replace("ldaps://", "ldap://"),
        };
        let mut clear = Client::connect_to(&url, &ad.settings);
        let password = super::secret(&ad.settings);
        assert_eq!(clear.bind(&ad.settings.bind_dn, &password).code, 8);
        // The program does not even ask.
        let plain = LdapSettings {
            url: url.clone(),
            start_tls: false,
            ..ad.settings.clone()
        };
        let refused = LdapDirectory::connect(&plain).map(drop).unwrap_err();
        assert_eq!(refused.class, Class::Configuration);
        assert!(refused.message.contains("in the clear"), "{refused}");
        let start_tls = LdapSettings {
            start_tls: true,
            ..plain
        };
        LdapDirectory::connect(&start_tls).unwrap();
        // Nor does it trust whoever answers.
        let untrusted = LdapSettings {
            ca: None,
            ..ad.settings.clone()
        };
        let refused = LdapDirectory::connect(&untrusted).map(drop).unwrap_err();
        assert_eq!(refused.class, Class::Configuration, "{refused}");
    });
}

/// The program's source files that know the library.
pub fn program() -> Vec<PathBuf> {
    let folder = project("src/connector/active_directory");
    let below = std::fs::read_dir(folder.join("ldap")).unwrap();
    let below = below.map(|entry| entry.unwrap().path());
    let files: Vec<PathBuf> = below.chain([folder.join("ldap.rs")]).collect();
    assert!(files.len() >= 5);
    files
}

/// What the library has and the program must not use: a pager that goes on whatever the result, and a
/// reader that takes a value for text or bytes by chance.
#[test]
fn ad_78_pages_and_entries_are_not_left_to_the_library() {
    for file in program() {
        let text = std::fs::read_to_string(&file).unwrap();
        for trap in [
            "ldap3::adapters",
            "SearchEntry",
            "EntriesOnly",
            "danger",
            "set_no_tls_verify",
        ] {
            assert!(!text.contains(trap), "{} has {trap}", file.display());
        }
    }
}

#[test]
fn ad_82_every_attribute_is_asked_for_by_name() {
    on_fake(82, Options::default(), |ad| {
        let ann = ad.user("ann");
        let unit = ad.unit.clone();
        for constructed in ["tokenGroups", "msds-memberOfTransitive"] {
            let (_, answer) = ad
                .client
                .search(&unit, Scope::Subtree, EVERY_USER, &[constructed]);
            answer.refused(1, "00002120");
            let (_, answer) =
                ad.client
                    .search(&ann, Scope::Base, "(objectClass=*)", &[constructed]);
            assert_eq!(answer.code, 0, "{constructed}");
        }
        let wanted = observed::attributes(["title".into()]);
        assert!(
            wanted
                .iter()
                .all(|name| !["*", "+"].contains(&name.as_str()))
        );
        assert!(!wanted.iter().any(|name| name.is("tokenGroups")));
        observed::collect(&mut ad.directory(), &wanted).unwrap();
    });
}

#[test]
fn ad_83_attributes_of_others_stay_as_they_are() {
    everywhere(83, |ad| {
        let ann = ad.user("ann");
        let exchange = [
            ("info", "written by Exchange"),
            ("mail", "ann@city.example"),
            ("proxyAddresses", "SMTP:ann@city.example"),
        ];
        for (name, value) in exchange {
            ad.client.modify(&ann, vec![plus(name, &[value])]).ok();
        }
        let before = exchange.map(|(name, _)| ad.client.texts(&ann, name));
        // Renamed, moved, given a password: nothing that was not said is written.
        let parks = ad.unit("Parks");
        let (dn, parent) = (Dn::parse(&ann).unwrap(), Dn::parse(&parks).unwrap());
        let mut directory = ad.directory();
        directory
            .rename(&dn, &Rdn::new("CN", "Ann Lee"), &parent)
            .unwrap();
        let now = parent.child(Rdn::new("CN", "Ann Lee"));
        let (at, secret) = (At::Dn(now.clone()), PASSWORD.into());
        directory
            .set_password(&at, &secret, countersign::connector::NextLogOn::Keep)
            .unwrap();
        let now = now.to_string();
        assert_eq!(
            exchange.map(|(name, _)| ad.client.texts(&now, name)),
            before
        );
    });
}
