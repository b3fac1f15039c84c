//! 5.3: the state of accounts, their passwords, and why somebody is not let in.

use super::{Client, everywhere, on_domain_controller, on_fake, quoted, replace};
use crate::contract::Manners;
use crate::fake_ad::{ClearBind, LongLogin, Options, PASSWORD, PolicyAnswer};
use countersign::apply::password;
use countersign::connector::active_directory::failure::{Operation, classify};
use countersign::connector::active_directory::matching::{self, uac};
use countersign::connector::{
    At, FailureClass as Class, Modification, ModificationKind, NextLogOn, Transport as _, Value,
};
use countersign::dn::Dn;
use countersign::observed;
use ldap3::{Mod, Scope};
use secrecy::{ExposeSecret as _, SecretString};
use std::collections::HashSet;

const CONTROL: &str = "userAccountControl";

fn control(client: &mut Client, dn: &str) -> u32 {
    uac::parse(&client.text(dn, CONTROL)).unwrap()
}

/// Whether the program takes two values of userAccountControl for the same.
fn same(one: u32, other: u32) -> bool {
    let value = |bits: u32| Value::from(bits.cast_signed().to_string());
    matching::same_value(&CONTROL.into(), &value(one), &value(other))
}

#[test]
fn ad_36_flags_of_others_stay_when_one_changes() {
    everywhere(36, |ad| {
        let ann = ad.enabled_user("ann");
        let theirs = uac::DONT_EXPIRE_PASSWORD | 0x4_0000 | 0x10_0000;
        let before = uac::NORMAL_ACCOUNT | theirs;
        ad.client.set(&ann, CONTROL, &[&before.to_string()]).ok();
        let step = |operation, bits: u32| Modification {
            operation,
            attribute: CONTROL.into(),
            values: vec![bits.to_string().into()],
        };
        let steps = [
            step(ModificationKind::Delete, before),
            step(ModificationKind::Add, before | uac::ACCOUNTDISABLE),
        ];
        let at = At::Dn(Dn::parse(&ann).unwrap());
        ad.directory().modify(&at, &steps).unwrap();
        assert_eq!(control(&mut ad.client, &ann), before | uac::ACCOUNTDISABLE);
    });
}

#[test]
fn ad_37_flags_that_cannot_be_set_are_dropped_and_not_compared() {
    everywhere(37, |ad| {
        let ann = ad.enabled_user("ann");
        let written = uac::NORMAL_ACCOUNT | uac::READ_ONLY;
        ad.client.set(&ann, CONTROL, &[&written.to_string()]).ok();
        let read = control(&mut ad.client, &ann);
        assert_eq!(read & uac::READ_ONLY, 0, "{read:x}");
        assert!(same(written, read), "or there would be no end of it");
        assert!(!same(read, read | uac::ACCOUNTDISABLE));
    });
}

#[test]
fn ad_38_every_account_is_of_some_sort() {
    everywhere(38, |ad| {
        let ann = ad.enabled_user("ann");
        for (written, read) in [("2", 514), ("0", 512)] {
            ad.client.set(&ann, CONTROL, &[written]).ok();
            assert_eq!(control(&mut ad.client, &ann), read);
            assert_eq!(uac::kept(written.parse().unwrap()), read);
        }
    });
}

#[test]
fn ad_39_what_a_new_account_is_given() {
    everywhere(39, |ad| {
        let ann = ad.user("ann");
        assert_eq!(control(&mut ad.client, &ann), uac::OF_NEW_ACCOUNT);
        for (name, value) in [
            ("pwdLastSet", "0"),
            ("primaryGroupID", "513"),
            ("accountExpires", "9223372036854775807"),
        ] {
            assert_eq!(ad.client.text(&ann, name), value, "{name}");
        }
    });
}

#[test]
fn ad_40_no_log_on_before_there_is_a_password() {
    everywhere(40, |ad| {
        let ann = ad.user("ann");
        let answer = ad.client.set(&ann, CONTROL, &["512"]);
        match ad.manners {
            Manners::Windows => answer.refused(53, "0000052D: SvcErr"),
            // Samba takes it, and then nobody can log on.
            Manners::Samba => answer.ok(),
        }
        // The order of the program: disabled, password, enabled.
        let bo = ad.user("bo");
        ad.client.set(&bo, CONTROL, &["514"]).ok();
        let at = At::Dn(Dn::parse(&bo).unwrap());
        let secret = SecretString::from(PASSWORD);
        ad.directory()
            .set_password(&at, &secret, NextLogOn::Keep)
            .unwrap();
        ad.client.set(&bo, CONTROL, &["512"]).ok();
        assert_eq!(control(&mut ad.client, &bo) & uac::PASSWD_NOTREQD, 0);
        ad.log_on(&bo, PASSWORD).ok();
    });
}

#[test]
fn ad_41_account_and_password_can_be_made_at_once() {
    everywhere(41, |ad| {
        let (dn, login) = (ad.dn("ann"), ad.login("ann"));
        let text = |value: &str| value.as_bytes().to_vec();
        let all = [
            ("objectClass", text("user")),
            ("sAMAccountName", text(&login)),
            (CONTROL, text("512")),
            ("unicodePwd", quoted(PASSWORD)),
        ];
        ad.client.add_bytes(&dn, &all).ok();
        assert_eq!(control(&mut ad.client, &dn), 512);
        ad.log_on(&dn, PASSWORD).ok();
    });
}

#[test]
fn ad_42_a_password_is_quoted_utf_16_and_never_read() {
    everywhere(42, |ad| {
        let ann = ad.enabled_user("ann");
        let unquoted: Vec<u8> = PASSWORD.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let step = |value| vec![Mod::Replace(b"unicodePwd".to_vec(), HashSet::from([value]))];
        let answer = ad.client.modify(&ann, step(unquoted));
        ad.refused(answer, (53, "0000001F"), (53, "00002035"));
        let secret = SecretString::from("Größer-als-3-Äpfel");
        let at = At::Dn(Dn::parse(&ann).unwrap());
        ad.directory()
            .set_password(&at, &secret, NextLogOn::Keep)
            .unwrap();
        ad.log_on(&ann, secret.expose_secret()).ok();
        let entry = ad.client.read(&ann, &["unicodePwd"]);
        assert!(
            entry.attrs.is_empty() && entry.bin_attrs.is_empty(),
            "{entry:?}"
        );
        // As its user: the old one and the new one in one request.
        let mut user = Client::connect(&ad.settings);
        user.bind(&ann, secret.expose_secret()).ok();
        let change = vec![
            Mod::Delete(b"unicodePwd".to_vec(), HashSet::from([quoted("wrong")])),
            Mod::Add(
                b"unicodePwd".to_vec(),
                HashSet::from([quoted("Another-Horse-8")]),
            ),
        ];
        assert_ne!(user.modify(&ann, change).code, 0);
    });
}

#[test]
fn ad_43_no_password_in_the_clear_nor_over_the_catalogs_port() {
    let options = Options {
        clear_bind: ClearBind::Allowed,
        ..Options::default()
    };
    on_fake(43, options, |ad| {
        let ann = ad.user("ann");
        let mut clear = Client::connect_to(&ad.fake().ldap_url(), &ad.settings);
        clear.bind(&ad.settings.bind_dn, PASSWORD).ok();
        clear.reset(&ann, PASSWORD).refused(53, "00002077");
    });
    let message = "00002077: SvcErr: DSID-03190F4A, problem 5003 (WILL_NOT_PERFORM), data 0";
    assert_eq!(
        classify(Operation::SetPassword, 53, message).class,
        Class::Configuration
    );
    let message = "00002035: LdapErr: DSID-0C090B3E, comment: Operation not allowed through GC port, data 0, v1db1";
    let failure = classify(Operation::SetPassword, 53, message);
    assert_eq!(failure.class, Class::Configuration);
    assert!(failure.message.contains("global catalog"), "{failure}");
}

#[test]
fn ad_44_a_refused_password_has_two_faces_and_one_code() {
    let ask = |ad: &mut super::Room| {
        let ann = ad.user("ann");
        let answer = ad.client.reset(&ann, "short");
        assert!([19, 53].contains(&answer.code), "{answer:?}");
        assert!(answer.text.starts_with("0000052D"), "{answer:?}");
        let at = At::Dn(Dn::parse(&ann).unwrap());
        let failure = ad
            .directory()
            .set_password(&at, &"short".into(), NextLogOn::Keep);
        let failure = failure.unwrap_err();
        assert_eq!(
            (failure.class, failure.extended),
            (Class::PasswordRejected, Some(0x52D))
        );
    };
    on_domain_controller(44, ask);
    for policy_answer in [PolicyAnswer::WillNotPerform, PolicyAnswer::Constraint] {
        let options = Options {
            policy_answer,
            long_login: LongLogin::default(),
            ..Options::default()
        };
        on_fake(44, options, ask);
    }
}

#[test]
fn ad_45_what_is_generated_satisfies_any_policy() {
    everywhere(45, |ad| {
        let ann = ad.user("ann");
        let at = At::Dn(Dn::parse(&ann).unwrap());
        for _ in 0..5 {
            let secret = password::generate(&[]).unwrap();
            let text = secret.expose_secret();
            assert!(text.len() >= 20 && text.is_ascii());
            ad.directory()
                .set_password(&at, &secret, NextLogOn::Keep)
                .unwrap();
        }
    });
}

#[test]
fn ad_46_a_password_is_never_read() {
    const SECRET: [&str; 4] = [
        "unicodePwd",
        "dBCSPwd",
        "ntPwdHistory",
        "supplementalCredentials",
    ];
    everywhere(46, |ad| {
        let ann = ad.enabled_user("ann");
        let entry = ad.client.read(&ann, &SECRET);
        assert!(
            entry.attrs.is_empty() && entry.bin_attrs.is_empty(),
            "{entry:?}"
        );
    });
    let wanted = observed::attributes(["title".into()]);
    assert!(
        !wanted
            .iter()
            .any(|name| SECRET.iter().any(|secret| name.is(secret)))
    );
}

#[test]
fn ad_47_when_a_password_was_set_is_never_or_now() {
    everywhere(47, |ad| {
        let ann = ad.enabled_user("ann");
        let answer = ad.client.set(&ann, "pwdLastSet", &["134000000000000000"]);
        answer.refused(80, "00000057");
        ad.client.set(&ann, "pwdLastSet", &["0"]).ok();
        let answer = ad.log_on(&ann, PASSWORD);
        assert_eq!(answer.code, 49);
        assert!(answer.text.contains("data 773"), "{answer:?}");
        ad.client.set(&ann, "pwdLastSet", &["-1"]).ok();
        ad.log_on(&ann, PASSWORD).ok();
        assert!(ad.client.text(&ann, "pwdLastSet").len() >= 18);
        // What the program sets for a new account.
        let at = At::Dn(Dn::parse(&ann).unwrap());
        let secret = SecretString::from("Another-Horse-8");
        ad.directory()
            .set_password(&at, &secret, NextLogOn::MustChange)
            .unwrap();
        assert_eq!(ad.client.text(&ann, "pwdLastSet"), "0");
    });
}

#[test]
fn ad_48_never_is_written_in_two_ways() {
    everywhere(48, |ad| {
        let ann = ad.enabled_user("ann");
        for never in ["0", "9223372036854775807"] {
            ad.client.set(&ann, "accountExpires", &[never]).ok();
            ad.log_on(&ann, PASSWORD).ok();
            let value = Value::from(ad.client.text(&ann, "accountExpires"));
            assert!(matching::account_expires_never(Some(&value)), "{value:?}");
            let other = Value::from("0");
            assert!(matching::same_values(
                &"accountExpires".into(),
                &[value],
                &[other]
            ));
        }
        ad.client
            .set(&ann, "accountExpires", &["2027-01-01T00:00:00Z"])
            .refused(21, "");
        // The first day of 2001 has passed wherever one is.
        ad.client
            .set(&ann, "accountExpires", &["126227808000000000"])
            .ok();
        assert!(ad.log_on(&ann, PASSWORD).text.contains("data 701"));
    });
}

#[test]
fn ad_49_zero_unlocks() {
    everywhere(49, |ad| {
        let ann = ad.enabled_user("ann");
        ad.client.set(&ann, "lockoutTime", &["0"]).ok();
        ad.log_on(&ann, PASSWORD).ok();
        // A lock is no flag that anybody compares.
        assert_eq!(
            uac::kept(uac::NORMAL_ACCOUNT | uac::LOCKOUT),
            uac::NORMAL_ACCOUNT
        );
        let computed = "msDS-User-Account-Control-Computed";
        if ad.manners == Manners::Samba {
            assert_eq!(ad.client.text(&ann, computed), "0");
        }
    });
}

/// Why a log-on failed, and the words for it.
const REASONS: [(&str, &str); 9] = [
    ("52e", "the name or the password is wrong"),
    ("525", "there is no such account"),
    ("530", "may not log on at this hour"),
    ("531", "may not log on from this machine"),
    ("532", "the password has expired"),
    ("533", "the account is disabled"),
    ("701", "the account has expired"),
    ("773", "must change its password"),
    ("775", "the account is locked"),
];

#[test]
fn ad_50_why_a_log_on_failed_is_said() {
    everywhere(50, |ad| {
        let ann = ad.enabled_user("ann");
        let says = |ad: &super::Room, password: &str, data: &str| {
            let answer = ad.log_on(&ann, password);
            assert_eq!(answer.code, 49);
            assert!(
                answer.text.contains(&format!("data {data}")),
                "{data}: {answer:?}"
            );
        };
        says(ad, "wrong", "52e");
        ad.client.set(&ann, CONTROL, &["514"]).ok();
        says(ad, PASSWORD, "533");
        ad.client.set(&ann, CONTROL, &["512"]).ok();
        ad.client
            .set(&ann, "accountExpires", &["126227808000000000"])
            .ok();
        says(ad, PASSWORD, "701");
        ad.client.set(&ann, "accountExpires", &["0"]).ok();
        ad.client.set(&ann, "pwdLastSet", &["0"]).ok();
        says(ad, PASSWORD, "773");
    });
    for (data, words) in REASONS {
        let message = format!(
            "80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data {data}, v1db1"
        );
        let failure = classify(Operation::Bind, 49, &message);
        assert_eq!(failure.class, Class::Configuration);
        assert!(failure.to_string().contains(words), "{failure}");
        assert!(
            failure.to_string().to_lowercase().contains(data),
            "{failure}"
        );
    }
}

#[test]
fn ad_51_who_is_in_stays_in_when_the_account_is_disabled() {
    everywhere(51, |ad| {
        let ann = ad.enabled_user("ann");
        let mut session = Client::connect(&ad.settings);
        session.bind(&ann, PASSWORD).ok();
        ad.client.set(&ann, CONTROL, &["514"]).ok();
        assert_eq!(ad.log_on(&ann, PASSWORD).code, 49);
        let (found, answer) = session.search("", Scope::Base, "(objectClass=*)", &["dnsHostName"]);
        answer.ok();
        assert_eq!(found.len(), 1);
    });
}

#[test]
fn ad_52_weakening_flags_can_be_set_and_are_kept() {
    everywhere(52, |ad| {
        let ann = ad.enabled_user("ann");
        let weak = uac::NORMAL_ACCOUNT
            | uac::PASSWD_NOTREQD
            | uac::ENCRYPTED_TEXT_PASSWORD_ALLOWED
            | uac::DONT_REQUIRE_PREAUTH;
        ad.client
            .modify(&ann, vec![replace(CONTROL, &[&weak.to_string()])])
            .ok();
        assert_eq!(control(&mut ad.client, &ann), weak);
    });
}

#[test]
fn ad_53_the_last_log_on_is_asked_of_nobody() {
    let wanted = observed::attributes(["title".into()]);
    for stale in ["lastLogon", "lastLogonTimestamp"] {
        assert!(!wanted.iter().any(|name| name.is(stale)), "{stale}");
    }
    // Where it is replicated it changes every fortnight at most: two log-ons, one value.
    on_domain_controller(53, |ad| {
        let ann = ad.enabled_user("ann");
        let mut stamps = Vec::new();
        for _ in 0..2 {
            ad.log_on(&ann, PASSWORD).ok();
            stamps.push(ad.client.texts(&ann, "lastLogonTimestamp"));
        }
        assert_eq!(stamps[0], stamps[1]);
    });
}
