//! 5.1: what values an attribute takes, how many, and which cannot be written.

use super::{everywhere, minus, plus, replace};
use crate::bed::{Access, Directory, Post};
use countersign::connector::active_directory::matching;
use countersign::connector::{
    At, FailureClass as Class, Modification, ModificationKind, Transport as _,
};
use countersign::dn::{Dn, Rdn};
use ldap3::{Mod, Scope};
use std::collections::HashSet;

#[test]
fn ad_15_the_directory_takes_two_primaries_and_one_address_twice() {
    everywhere(15, |ad| {
        let (ann, bo) = (ad.user("ann"), ad.user("bo"));
        let both = ["SMTP:ann@city.example", "SMTP:a@city.example"];
        ad.client.set(&ann, "proxyAddresses", &both).ok();
        ad.client.set(&bo, "proxyAddresses", &both).ok();
        // The prefix in capitals means something, and comes back as it was sent.
        ad.client
            .set(
                &bo,
                "proxyAddresses",
                &["SMTP:bo@city.example", "smtp:b@city.example"],
            )
            .ok();
        let read = ad.client.texts(&bo, "proxyAddresses");
        assert_eq!(read, ["SMTP:bo@city.example", "smtp:b@city.example"]);
        let proxies = "proxyAddresses".into();
        assert!(!matching::same_value(
            &proxies,
            &"SMTP:bo@x".into(),
            &"smtp:bo@x".into()
        ));
    });
}

#[test]
fn ad_16_mail_and_numbers_may_be_two_users() {
    everywhere(16, |ad| {
        let (ann, bo) = (ad.user("ann"), ad.user("bo"));
        for (name, value) in [
            ("mail", "help@city.example"),
            ("employeeID", "4711"),
            ("employeeNumber", "4711"),
        ] {
            for dn in [&ann, &bo] {
                ad.client.set(dn, name, &[value]).ok();
            }
        }
    });
}

#[test]
fn ad_17_the_programs_limits_are_those_of_the_schema() {
    everywhere(17, |ad| {
        let schema = format!("CN=Schema,CN=Configuration,{}", ad.base);
        let mut known = 0;
        for name in matching_names() {
            let filter = format!("(&(objectClass=attributeSchema)(lDAPDisplayName={name}))");
            let wanted = ["rangeUpper", "isSingleValued"];
            let (found, answer) = ad.client.search(&schema, Scope::Subtree, &filter, &wanted);
            answer.ok();
            let Some(found) = found.first() else { continue };
            known += 1;
            let upper = found
                .attrs
                .get("rangeUpper")
                .map(|v| v[0].parse::<usize>().unwrap());
            let attribute = name.into();
            assert_eq!(matching::longest(&attribute), upper, "{name}");
            let single = found.attrs["isSingleValued"][0] == "TRUE";
            // See number 20.
            let single = single || name == "description";
            assert_eq!(matching::is_single_valued(&attribute), single, "{name}");
        }
        assert!(known >= 28, "{known} attributes");
    });
}

/// The attributes that number 17 lists.
fn matching_names() -> [&'static str; 29] {
    [
        "cn",
        "givenName",
        "sn",
        "middleName",
        "initials",
        "displayName",
        "title",
        "department",
        "company",
        "division",
        "description",
        "info",
        "telephoneNumber",
        "mobile",
        "facsimileTelephoneNumber",
        "physicalDeliveryOfficeName",
        "streetAddress",
        "l",
        "st",
        "postalCode",
        "c",
        "co",
        "employeeID",
        "employeeNumber",
        "employeeType",
        "mail",
        "proxyAddresses",
        "ou",
        "manager",
    ]
}

#[test]
fn ad_18_a_value_that_is_too_long_is_refused_either_way() {
    everywhere(18, |ad| {
        let ann = ad.user("ann");
        let answer = ad.client.set(&ann, "initials", &["L.A.M.C"]);
        ad.refused(answer, (19, "00002082"), (21, ""));
        ad.client.set(&ann, "initials", &["L.A.M."]).ok();
        let step = Modification {
            operation: ModificationKind::Add,
            attribute: "employeeID".into(),
            values: vec!["12345678901234567".into()],
        };
        let at = At::Dn(Dn::parse(&ann).unwrap());
        let failure = ad.directory().modify(&at, &[step]).unwrap_err();
        assert_eq!(failure.class, Class::ValueRejected, "{failure}");
    });
}

#[test]
fn ad_19_an_empty_value_is_none_and_clearing_is_to_leave_none() {
    everywhere(19, |ad| {
        let ann = ad.user("ann");
        ad.client.set(&ann, "title", &[""]).refused(21, "");
        ad.client.set(&ann, "title", &[]).ok();
        let none = vec![Mod::Delete(b"title".to_vec(), HashSet::new())];
        ad.client.modify(&ann, none).refused(16, "");
        ad.client.set(&ann, "title", &["Mayor"]).ok();
        ad.client.set(&ann, "title", &[]).ok();
        assert!(ad.client.texts(&ann, "title").is_empty());
    });
}

/// AD 19: text without characters is refused where it is written.
#[test]
fn ad_19_an_empty_text_in_a_manifest_is_a_mistake() {
    let access = Access::example("white-glove")
        .with_ldif(&Access::export_text("white-glove"))
        .operated_by_anchor(&Directory::Ldif, &Post::Outbox);
    let said = "organization: seko-farnborough";
    for nothing in ["\"\"", "\"  \""] {
        let empty = format!("{said}\n  attributes: {{telephoneNumber: {nothing}}}");
        access.edit("users/kim.yaml", said, &empty);
        access.commit("Nothing is said");
        let ran = access.run(&["validate"]).ends(1);
        assert!(
            ran.out.contains("bad-value") && ran.out.contains("users/kim.yaml:"),
            "{}",
            ran.out
        );
        access.edit("users/kim.yaml", &empty, said);
    }
}

#[test]
fn ad_20_a_description_is_one_value() {
    everywhere(20, |ad| {
        for dn in [ad.user("ann"), ad.group("g")] {
            let answer = ad.client.set(&dn, "description", &["one", "two"]);
            assert!([19, 20].contains(&answer.code), "{answer:?}");
            ad.client.set(&dn, "description", &["one"]).ok();
        }
        assert!(matching::is_single_valued(&"description".into()));
    });
}

#[test]
fn ad_21_country_is_three_attributes_that_nothing_ties() {
    everywhere(21, |ad| {
        let ann = ad.user("ann");
        ad.client.set(&ann, "c", &["US"]).ok();
        assert!(ad.client.texts(&ann, "co").is_empty());
        assert!(["", "0"].contains(&ad.client.texts(&ann, "countryCode").concat().as_str()));
        let all = vec![
            replace("c", &["DE"]),
            replace("co", &["Germany"]),
            replace("countryCode", &["276"]),
        ];
        ad.client.modify(&ann, all).ok();
        assert_eq!(ad.client.text(&ann, "countryCode"), "276");
    });
}

#[test]
fn ad_22_some_attributes_cannot_be_written() {
    everywhere(22, |ad| {
        let (ann, group) = (ad.user("ann"), ad.group("g"));
        ad.client.set(&ann, "cn", &["Bo"]).refused(67, "");
        ad.client.set(&ann, "name", &["Bo"]).refused(67, "");
        ad.client.plus(&ann, "memberOf", &[&group]).refused(53, "");
        let answer = ad.client.set(&ann, "objectGUID", &["0123456789abcdef"]);
        ad.refused(answer, (19, ""), (19, ""));
        // The program renames, and says what it cannot write.
        let step = Modification {
            operation: ModificationKind::Add,
            attribute: "memberOf".into(),
            values: vec![group.as_str().into()],
        };
        let dn = Dn::parse(&ann).unwrap();
        let mut directory = ad.directory();
        let failure = directory.modify(&At::Dn(dn.clone()), &[step]).unwrap_err();
        assert_eq!(failure.class, Class::ValueRejected, "{failure}");
        directory
            .rename(&dn, &Rdn::new("CN", "Bo"), &dn.parent().unwrap())
            .unwrap();
    });
}

#[test]
fn ad_76_what_changed_meanwhile_is_not_overwritten() {
    everywhere(76, |ad| {
        let ann = ad.user("ann");
        ad.client.set(&ann, "title", &["Clerk"]).ok();
        let swap = |old: &str, new: &str| vec![minus("title", &[old]), plus("title", &[new])];
        ad.client.modify(&ann, swap("Clerk", "Mayor")).ok();
        ad.client
            .modify(&ann, swap("Clerk", "Chief"))
            .refused(16, "");
        assert_eq!(ad.client.text(&ann, "title"), "Mayor");
        // There is no assertion control (RFC 4528) to do it with.
        let controls = ad.client.texts("", "supportedControl");
        assert!(!controls.is_empty() && !controls.contains(&"1.3.6.1.1.12".to_owned()));
        let step = |operation, text: &str| Modification {
            operation,
            attribute: "title".into(),
            values: vec![text.into()],
        };
        let steps = [
            step(ModificationKind::Delete, "Clerk"),
            step(ModificationKind::Add, "Chief"),
        ];
        let at = At::Dn(Dn::parse(&ann).unwrap());
        let failure = ad.directory().modify(&at, &steps).unwrap_err();
        assert_eq!(failure.class, Class::Changed, "{failure}");
    });
}

#[test]
fn ad_80_times_are_written_in_two_forms() {
    everywhere(80, |ad| {
        let ann = ad.enabled_user("ann");
        let created = ad.client.text(&ann, "whenCreated");
        assert!(created.len() == 17 && created.ends_with(".0Z"), "{created}");
        // 100 nanoseconds since 1601: 2026 is after 134 million million million.
        let set: i64 = ad.client.text(&ann, "pwdLastSet").parse().unwrap();
        let seconds = set / 10_000_000 - 11_644_473_600;
        let created = jiff::civil::DateTime::strptime("%Y%m%d%H%M%S", &created[..14]).unwrap();
        let created = created
            .to_zoned(jiff::tz::TimeZone::UTC)
            .unwrap()
            .timestamp()
            .as_second();
        assert!((seconds - created).abs() < 600, "{seconds} {created}");
    });
}

#[test]
fn ad_81_what_the_schema_calls_mandatory_may_be_left_out() {
    everywhere(81, |ad| {
        let dn = ad.dn("nameless");
        ad.add(&dn, "user", &[]).ok();
        let login = ad.client.text(&dn, "sAMAccountName");
        assert!(login.starts_with('$'), "{login}");
        assert_eq!(ad.client.texts(&dn, "instanceType").len(), 1);
        // An attribute of another class is refused by the server, not guessed at here.
        let answer = ad.client.set(&dn, "groupType", &["2"]);
        assert!(answer.code != 0, "{answer:?}");
    });
}
