//! What [`LdapDirectory`] does when a domain controller of Windows limits, refuses, stalls or goes away.

use super::transport::{Manners, contract};
use crate::fake_ad::{Certificate, FakeAd, Fault, Operation, Options, PASSWORD, Trigger};
use countersign::connector::active_directory::ldap::{
    CaSource, LdapDirectory, LdapSettings, LdapTimeouts,
};
use countersign::connector::{
    At, AttributeName, Attributes, Entry, Failure, FailureClass as Class, Guid, Modification,
    ModificationKind, NextLogOn, Transport,
};
use countersign::dn::{Dn, Rdn};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

const BASE: &str = "DC=example,DC=test";
const ITS: &str = "OU=ITS,DC=example,DC=test";
const ANN: &str = "CN=Ann,OU=ITS,DC=example,DC=test";
const BIG: &str = "CN=Big,OU=ITS,DC=example,DC=test";

fn settings(fake: &FakeAd) -> LdapSettings {
    LdapSettings {
        url: fake.ldaps_url(),
        start_tls: false,
        base: Dn::parse(BASE).unwrap(),
        ca: Some(CaSource::Pem(fake.ca_pem().into())),
        bind_dn: fake.admin_dn(),
        password: PASSWORD.into(),
        server_name: None,
        timeouts: LdapTimeouts::default(),
    }
}

fn with_ann(options: Options) -> FakeAd {
    let fake = FakeAd::with(options);
    fake.change(|ad| {
        ad.add_unit(ITS);
        ad.add_user(ANN, "ann");
    });
    fake
}

fn fake_and_directory() -> (FakeAd, LdapDirectory) {
    let fake = with_ann(Options::default());
    let directory = LdapDirectory::connect(&settings(&fake)).unwrap();
    (fake, directory)
}

fn ann() -> At {
    At::Dn(Dn::parse(ANN).unwrap())
}

fn title(text: &str) -> [Modification; 1] {
    let operation = ModificationKind::Add;
    [Modification {
        operation,
        attribute: "title".into(),
        values: vec![text.into()],
    }]
}

fn read_all(
    directory: &mut LdapDirectory,
    attributes: &[&'static str],
) -> Result<Vec<Entry>, Failure> {
    let attributes = attributes
        .iter()
        .map(|a| AttributeName::from(*a))
        .collect::<Vec<_>>();
    let mut all = Vec::new();
    directory.read_all(&attributes, &mut |entry| all.push(entry))?;
    Ok(all)
}

fn refused(settings: &LdapSettings) -> Failure {
    match LdapDirectory::connect(settings) {
        Ok(_) => panic!("connected"),
        Err(failure) => failure,
    }
}

#[test]
fn the_contract_holds_with_the_manners_of_windows() {
    let fake = FakeAd::start();
    fake.change(|ad| ad.add_unit("OU=c,DC=example,DC=test"));
    let mut directory = LdapDirectory::connect(&settings(&fake)).unwrap();
    contract(
        &mut directory,
        &Dn::parse("OU=c,DC=example,DC=test").unwrap(),
        Manners::Windows,
    );
}

/// AD 54: 0, 1, 1,499, 1,500, 1,501, 3,001 and 5,001 members.
#[test]
fn members_are_read_to_the_last_however_many() {
    const SIZES: [usize; 7] = [0, 1, 1499, 1500, 1501, 3001, 5001];
    let fake = FakeAd::start();
    fake.change(|ad| {
        ad.add_unit(ITS);
        let names = (0..5001)
            .map(|n| format!("CN=u{n},{ITS}"))
            .collect::<Vec<_>>();
        for (n, name) in names.iter().enumerate() {
            ad.add_user(name, &format!("u{n}"));
        }
        let names = names.iter().map(String::as_str).collect::<Vec<_>>();
        for size in SIZES {
            ad.add_group(
                &format!("CN=g{size},{ITS}"),
                &format!("g{size}"),
                &names[..size],
            );
        }
    });
    let mut directory = LdapDirectory::connect(&settings(&fake)).unwrap();
    let all = read_all(&mut directory, &["member", "sAMAccountName"]).unwrap();
    let users = all
        .iter()
        .filter(|e| e.dn.rdn().value().starts_with('u'))
        .count();
    assert_eq!(users, 5001, "more than a page");
    let guids = all
        .iter()
        .map(|entry| entry.guid)
        .collect::<BTreeSet<Guid>>();
    assert_eq!(guids.len(), all.len(), "each once");
    let member = AttributeName::from("member");
    for size in SIZES {
        let dn = Dn::parse(&format!("CN=g{size},{ITS}")).unwrap();
        let among_all = all.iter().find(|entry| entry.dn == dn).unwrap();
        let alone = directory
            .read(&At::Dn(dn), std::slice::from_ref(&member))
            .unwrap()
            .unwrap();
        for entry in [among_all, &alone] {
            let values = entry.attributes.get(&member).into_iter().flatten();
            assert_eq!(values.collect::<BTreeSet<_>>().len(), size);
            assert_eq!(entry.attributes.contains_key(&member), size > 0);
            assert!(
                !entry
                    .attributes
                    .keys()
                    .any(|name| name.as_str().contains(';'))
            );
        }
    }
}

fn with_big_group(members: usize) -> FakeAd {
    let fake = with_ann(Options {
        max_val_range: 10,
        ..Options::default()
    });
    fake.change(|ad| {
        let names = (0..members)
            .map(|n| format!("CN=u{n},{ITS}"))
            .collect::<Vec<_>>();
        for (n, name) in names.iter().enumerate() {
            ad.add_user(name, &format!("u{n}"));
        }
        ad.add_group(
            BIG,
            "big",
            &names.iter().map(String::as_str).collect::<Vec<_>>(),
        );
    });
    fake
}

/// AD 54: a range that does not come is no empty group.
#[test]
fn a_part_of_the_members_that_does_not_come_fails_the_read() {
    let fake = with_big_group(35);
    let mut directory = LdapDirectory::connect(&settings(&fake)).unwrap();
    for part in 1..=3 {
        fake.fault(Fault::answer(Operation::Search, part, 51, "busy").at(BIG));
        let failure = read_all(&mut directory, &["member"]).map(drop).unwrap_err();
        assert_eq!(failure.class, Class::Incomplete, "part {part}: {failure}");
        let left = fake.pending_faults();
        assert!(left.is_empty(), "part {part}: {left:?}");
    }
    assert_eq!(members_of_big(&mut directory), 35);
    // A lost connection costs one more try, because reading again changes nothing.
    fake.fault(Fault::drop_before(Operation::Search, 2).at(BIG));
    assert_eq!(members_of_big(&mut directory), 35);
}

fn members_of_big(directory: &mut LdapDirectory) -> usize {
    let all = read_all(directory, &["member"]).unwrap();
    let big = all
        .iter()
        .find(|entry| entry.dn == Dn::parse(BIG).unwrap())
        .unwrap();
    big.attributes[&"member".into()]
        .iter()
        .collect::<BTreeSet<_>>()
        .len()
}

#[test]
fn a_group_that_changes_while_it_is_read_is_read_again() {
    let fake = with_big_group(35);
    let mut directory = LdapDirectory::connect(&settings(&fake)).unwrap();
    // Without the first member every later one moves up, and one would be skipped.
    let leaves =
        |ad: &mut crate::fake_ad::Directory| ad.remove_member(BIG, &format!("CN=u0,{ITS}"));
    fake.fault(Fault::before(Operation::Search, 2, leaves).at(BIG));
    assert_eq!(members_of_big(&mut directory), 34);
    assert!(fake.pending_faults().is_empty());
    let mut comes = true;
    let toggles = move |ad: &mut crate::fake_ad::Directory| {
        match comes {
            true => ad.add_member(BIG, ANN),
            false => ad.remove_member(BIG, ANN),
        }
        comes = !comes;
    };
    fake.fault(
        Fault::before(Operation::Search, 2, toggles)
            .at(BIG)
            .times(100),
    );
    let failure = read_all(&mut directory, &["member"]).map(drop).unwrap_err();
    assert_eq!(failure.class, Class::Incomplete);
    assert!(
        failure.message.contains("changed while it was read"),
        "{failure}"
    );
}

/// AD 67, AD 68: results 4, 3 and 11, and a connection that is lost within a page.
#[test]
fn a_read_that_ends_early_is_incomplete_and_the_next_one_is_whole() {
    // As many pages as 2,500 entries have on a real one.
    let fake = FakeAd::with(Options {
        max_page_size: 20,
        ..Options::default()
    });
    fake.change(|ad| {
        ad.add_unit(ITS);
        for n in 0..50 {
            ad.add_user(&format!("CN=u{n},{ITS}"), &format!("u{n}"));
        }
    });
    let mut directory = LdapDirectory::connect(&settings(&fake)).unwrap();
    let whole = read_all(&mut directory, &[]).unwrap().len();
    for page in 1..=3 {
        let search = Operation::Search;
        for fault in [
            Fault::partial(search, page, 4, "size"),
            Fault::partial(search, page, 3, "time"),
            Fault::partial(search, page, 11, "admin"),
            Fault::partial(search, page, 51, "busy"),
            Fault::partial(search, page, 52, "unavailable"),
            Fault::partial(search, page, 80, "other"),
            Fault::answer(search, page, 1, "operations"),
            Fault::drop_before(search, page),
            Fault::drop_after(search, page),
            Fault::drop_during(search, page),
            Fault::truncate(search, page),
        ] {
            let what = format!("page {page}: {fault:?}");
            // Connected again, so that the fault strikes a page and nothing that comes before.
            assert!(
                directory
                    .read(&At::Dn(Dn::parse(ITS).unwrap()), &[])
                    .unwrap()
                    .is_some()
            );
            fake.fault(fault);
            let failure = read_all(&mut directory, &[]).map(drop).unwrap_err();
            assert_eq!(failure.class, Class::Incomplete, "{what}: {failure}");
            assert!(fake.pending_faults().is_empty(), "{what}");
        }
        assert_eq!(read_all(&mut directory, &[]).unwrap().len(), whole);
    }
}

#[test]
fn a_write_whose_answer_was_lost_is_not_repeated() {
    let (fake, mut directory) = fake_and_directory();
    fake.clear_log();
    fake.fault(Fault::drop_after(Trigger::Write, 1));
    let failure = directory.modify(&ann(), &title("Mayor")).unwrap_err();
    assert_eq!(failure.class, Class::Transient);
    assert!(
        failure
            .message
            .contains("whether it was written is not known"),
        "{failure}"
    );
    assert_eq!(fake.writes().len(), 1);
    let failure = directory.modify(&ann(), &title("Mayor")).unwrap_err();
    assert_eq!(failure.class, Class::Changed, "it had been written");
    fake.fault(Fault::drop_before(Trigger::Write, 1));
    let add = directory.rename(
        &Dn::parse(ANN).unwrap(),
        &Rdn::new("CN", "Bo"),
        &Dn::parse(ITS).unwrap(),
    );
    assert_eq!(add.unwrap_err().class, Class::Transient);
    assert!(directory.read(&ann(), &[]).unwrap().is_some());
}

#[test]
fn a_connection_lost_in_between_is_made_again() {
    let (fake, mut directory) = fake_and_directory();
    fake.fault(Fault::drop_before(Operation::Search, 1));
    assert!(
        directory.read(&ann(), &[]).unwrap().is_some(),
        "one read is tried twice"
    );
    fake.fault(Fault::drop_before(Operation::Search, 1).times(2));
    let failure = directory.read(&ann(), &[]).unwrap_err();
    assert_eq!(failure.class, Class::Transient);
    directory.modify(&ann(), &title("Mayor")).unwrap();
    drop(fake);
    let failure = directory.modify(&ann(), &title("Mayor")).unwrap_err();
    assert_eq!(failure.class, Class::Transient, "{failure}");
}

#[test]
fn nothing_takes_longer_than_it_may() {
    let fake = with_ann(Options::default());
    // Long enough for what is answered, on a busy machine; what is not answered would take minutes.
    let short = Duration::from_secs(1);
    let timeouts = LdapTimeouts {
        connect: short * 2,
        operation: short,
        read_all: short * 2,
    };
    let limited = LdapSettings {
        timeouts,
        ..settings(&fake)
    };
    let mut directory = LdapDirectory::connect(&limited).unwrap();
    let begin = Instant::now();
    let stall = |on: Operation| Fault::stall(on, 1, Duration::from_mins(5));
    fake.fault(stall(Operation::Modify));
    let failure = directory.modify(&ann(), &title("Mayor")).unwrap_err();
    assert_eq!(failure.class, Class::Transient, "{failure}");
    assert!(directory.read(&ann(), &[]).unwrap().is_some());
    fake.fault(stall(Operation::Search));
    assert_eq!(
        read_all(&mut directory, &[]).map(drop).unwrap_err().class,
        Class::Incomplete
    );
    fake.fault(stall(Operation::Search).times(2));
    assert_eq!(
        directory.read(&ann(), &[]).unwrap_err().class,
        Class::Transient
    );
    fake.clear_faults();
    fake.fault(stall(Operation::Bind));
    assert_eq!(refused(&limited).class, Class::Transient);
    // Somebody listens and never speaks TLS.
    let mute = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("ldaps://localhost:{}", mute.local_addr().unwrap().port());
    assert_eq!(
        refused(&LdapSettings {
            url,
            ..limited.clone()
        })
        .class,
        Class::Transient
    );
    assert!(
        begin.elapsed() < Duration::from_mins(1),
        "{:?}",
        begin.elapsed()
    );
    let closed = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("ldaps://localhost:{}", closed.local_addr().unwrap().port());
    drop(closed);
    assert_eq!(
        refused(&LdapSettings { url, ..limited }).class,
        Class::Transient
    );
}

/// AD 77.
#[test]
fn only_a_certificate_that_is_vouched_for_is_taken() {
    for (certificate, words) in [
        (Certificate::OtherName, "another name"),
        (Certificate::Expired, "expired"),
        (Certificate::OtherAuthority, "vouched"),
    ] {
        let fake = with_ann(Options {
            certificate,
            ..Options::default()
        });
        for settings in [
            settings(&fake),
            LdapSettings {
                url: fake.ldap_url(),
                start_tls: true,
                ..settings(&fake)
            },
        ] {
            let failure = refused(&settings);
            assert_eq!(failure.class, Class::Configuration, "{failure}");
            assert!(failure.message.contains(words), "{failure}");
        }
        let binds = fake
            .log()
            .into_iter()
            .filter(|l| l.operation == Operation::Bind);
        assert_eq!(binds.count(), 0, "no password to somebody else");
    }
    let fake = with_ann(Options::default());
    let failure = refused(&LdapSettings {
        ca: None,
        ..settings(&fake)
    });
    assert_eq!(
        failure.class,
        Class::Configuration,
        "the system's authorities: {failure}"
    );
    let named = LdapSettings {
        server_name: Some("dc1.example.test".into()),
        ..settings(&fake)
    };
    LdapDirectory::connect(&named).unwrap();
    let other = LdapSettings {
        server_name: Some("dc2.example.test".into()),
        ..settings(&fake)
    };
    assert!(refused(&other).message.contains("another name"));
    let start_tls = LdapSettings {
        url: fake.ldap_url(),
        start_tls: true,
        ..settings(&fake)
    };
    let mut directory = LdapDirectory::connect(&start_tls).unwrap();
    directory.modify(&ann(), &title("over StartTLS")).unwrap();
    let plain = LdapSettings {
        start_tls: false,
        ..start_tls
    };
    assert_eq!(refused(&plain).class, Class::Configuration);
    let no_tls = LdapSettings {
        url: fake.ldap_url().replace("ldap:", "ldaps:"),
        ..plain
    };
    let failure = refused(&no_tls);
    assert!(
        matches!(failure.class, Class::Configuration | Class::Transient),
        "{failure}"
    );
}

#[test]
fn a_log_on_that_is_refused_says_why() {
    let fake = with_ann(Options::default());
    let failure = refused(&LdapSettings {
        password: "wrong".into(),
        ..settings(&fake)
    });
    assert_eq!(
        (failure.class, failure.extended),
        (Class::Configuration, Some(0x52E))
    );
    assert!(
        failure
            .message
            .contains("the name or the password is wrong"),
        "{failure}"
    );
    assert!(!failure.message.contains("wrong\""), "no password in words");
    let mut directory = LdapDirectory::connect(&settings(&fake)).unwrap();
    let password = secrecy::SecretString::from("Correct 1 horse");
    let log_on = |fake: &FakeAd| {
        let settings = LdapSettings {
            bind_dn: ANN.into(),
            password: "Correct 1 horse".into(),
            ..settings(fake)
        };
        LdapDirectory::connect(&settings)
            .map(drop)
            .map_err(|failure| failure.extended)
    };
    directory
        .set_password(&ann(), &password, NextLogOn::Keep)
        .unwrap();
    fake.change(|ad| ad.replace(ANN, "userAccountControl", &["514"]));
    assert_eq!(log_on(&fake), Err(Some(0x533)), "disabled");
    fake.change(|ad| ad.replace(ANN, "userAccountControl", &["512"]));
    log_on(&fake).unwrap();
    directory
        .set_password(&ann(), &password, NextLogOn::MustChange)
        .unwrap();
    assert_eq!(log_on(&fake), Err(Some(0x773)), "must change");
}

#[test]
fn what_cannot_be_seen_is_not_taken_for_absent() {
    let fake = with_ann(Options::default());
    let missing = Dn::parse("OU=None,DC=example,DC=test").unwrap();
    let failure = refused(&LdapSettings {
        base: missing,
        ..settings(&fake)
    });
    assert_eq!(failure.class, Class::Configuration, "{failure}");
    let mut directory = LdapDirectory::connect(&settings(&fake)).unwrap();
    fake.change(|ad| ad.conceal("objectGUID"));
    let failure = read_all(&mut directory, &[]).map(drop).unwrap_err();
    assert_eq!(failure.class, Class::Incomplete, "{failure}");
    assert_eq!(
        directory.read(&ann(), &[]).unwrap_err().class,
        Class::Incomplete
    );
    fake.change(|ad| ad.reveal("objectGUID"));
    assert!(directory.read(&ann(), &[]).unwrap().is_some());
    let empty = Dn::parse("CN=System,DC=example,DC=test").unwrap();
    let mut nothing = LdapDirectory::connect(&LdapSettings {
        base: empty,
        ..settings(&fake)
    })
    .unwrap();
    let failure = read_all(&mut nothing, &[]).map(drop).unwrap_err();
    assert_eq!(
        failure.class,
        Class::Incomplete,
        "a base without anything: {failure}"
    );
}

#[test]
fn refusals_have_their_class() {
    let (fake, mut directory) = fake_and_directory();
    fake.change(|ad| ad.deny_writes(ANN));
    let class = |result: Result<(), Failure>| result.unwrap_err().class;
    assert_eq!(
        class(directory.modify(&ann(), &title("Mayor"))),
        Class::Denied
    );
    fake.change(|ad| ad.allow_writes(ANN));
    let elsewhere = Dn::parse("CN=x,DC=other,DC=test").unwrap();
    let attributes = Attributes::from([("objectClass".into(), vec!["user".into()])]);
    assert_eq!(
        class(directory.add(&elsewhere, &attributes)),
        Class::Configuration,
        "a referral"
    );
    let other = |ad: &mut crate::fake_ad::Directory| ad.replace(ANN, "title", &["Theirs"]);
    fake.fault(Fault::before(Trigger::Write, 1, other));
    assert_eq!(
        class(directory.modify(&ann(), &title("Ours"))),
        Class::Changed
    );
    assert_eq!(fake.entry(ANN).text("title").as_deref(), Some("Theirs"));
    for (code, expected) in [
        (8, Class::Configuration),
        (51, Class::Transient),
        (66, Class::HasChildren),
    ] {
        fake.fault(Fault::answer(Trigger::Write, 1, code, ""));
        assert_eq!(class(directory.modify(&ann(), &title("Ours"))), expected);
    }
}

#[test]
fn it_can_be_used_within_a_runtime() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let (_fake, mut directory) = fake_and_directory();
        directory.modify(&ann(), &title("Mayor")).unwrap();
        assert!(!read_all(&mut directory, &["title"]).unwrap().is_empty());
        drop(directory);
    });
}
