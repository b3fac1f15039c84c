//! 5.1: what an object is, what it is called, and how a name is written.

use super::{dns, everywhere, on_fake};
use crate::contract::Manners;
use crate::fake::Company;
use crate::fake_ad::Options;
use countersign::connector::active_directory::matching;
use countersign::connector::{At, Entry, Guid, Transport as _};
use countersign::desired::accounts::fold;
use countersign::dn::{Dn, Rdn};
use countersign::observed;

/// An objectGUID in a filter: every byte escaped.
fn guid_filter(guid: &[u8]) -> String {
    let bytes: String = guid.iter().map(|byte| format!("\\{byte:02x}")).collect();
    format!("(objectGUID={bytes})")
}

#[test]
fn ad_1_the_guid_survives_rename_move_and_a_renamed_unit() {
    everywhere(1, |ad| {
        let (ann, parks) = (ad.user("ann"), ad.unit("Parks"));
        let (guid, sid) = (
            ad.client.bytes(&ann, "objectGUID"),
            ad.client.bytes(&ann, "objectSid"),
        );
        ad.client.rename(&ann, "CN=Ann B").ok();
        ad.client.relocate(&ad.dn("Ann B"), "CN=Ann C", &parks).ok();
        ad.client.rename(&parks, "OU=Gardens").ok();
        let now = format!("CN=Ann C,OU=Gardens,{}", ad.unit);
        assert_eq!(ad.client.bytes(&now, "objectGUID"), guid);
        assert_eq!(ad.client.bytes(&now, "objectSid"), sid);
        // The program finds it there, by what it is.
        let guid = Guid::from_wire(&guid).unwrap();
        let entry = ad.directory().read(&At::Guid(guid), &[]).unwrap().unwrap();
        assert_eq!(entry.dn, Dn::parse(&now).unwrap());
        let read: Vec<Entry> = ad.read_all(&[]);
        assert_eq!(read.iter().filter(|e| e.guid == guid).count(), 1);
    });
}

#[test]
fn ad_2_a_guid_is_mixed_bytes_in_a_filter_and_a_name_of_its_own() {
    everywhere(2, |ad| {
        let ann = ad.user("ann");
        let raw = ad.client.bytes(&ann, "objectGUID");
        let unit = ad.unit.clone();
        assert_eq!(dns(ad.client.find(&unit, &guid_filter(&raw))), dns([&ann]));
        let guid = Guid::from_wire(&raw).unwrap();
        assert_eq!(guid.to_wire().as_slice(), raw);
        let name = format!("<GUID={guid}>");
        assert_eq!(dns([ad.client.read(&name, &["cn"]).dn]), dns([&ann]));
        ad.client.set(&name, "title", &["Mayor"]).ok();
        assert_eq!(ad.client.text(&ann, "title"), "Mayor");
    });
}

#[test]
fn ad_2_ten_thousand_guids_go_there_and_back() {
    let mut state: u128 = 0x2545_F491_4F6C_DD1D;
    for _ in 0..10_000 {
        state = state
            .wrapping_mul(0xDA94_2042_E4DD_58B5_2545_F491_4F6C_DD1D)
            .wrapping_add(1);
        let wire = state.to_be_bytes();
        let guid = Guid::from_wire(&wire).unwrap();
        assert_eq!(guid.to_wire(), wire);
        let text = guid.to_string();
        assert_eq!(Guid::parse(&text), Some(guid));
        // The first three groups are little-endian (MS-DTYP 2.3.4).
        let first = u32::from_str_radix(&text[..8], 16).unwrap();
        assert_eq!(first.to_le_bytes(), wire[..4]);
        assert_eq!(
            text[24..36],
            wire[10..]
                .iter()
                .map(|b| format!("{b:02x}"))
                .collect::<String>()
        );
    }
}

#[test]
fn ad_3_whoever_gets_an_old_name_is_somebody_else() {
    everywhere(3, |ad| {
        let ann = ad.user("ann");
        let before = (
            ad.client.bytes(&ann, "objectGUID"),
            ad.client.bytes(&ann, "objectSid"),
        );
        ad.client.delete(&ann).ok();
        ad.user("ann");
        let after = (
            ad.client.bytes(&ann, "objectGUID"),
            ad.client.bytes(&ann, "objectSid"),
        );
        assert_ne!(before.0, after.0);
        assert_ne!(before.1, after.1);
        // To the program the first one is gone: a new one of its name is not taken for it.
        let first = At::Guid(Guid::from_wire(&before.0).unwrap());
        assert_eq!(ad.directory().read(&first, &[]).unwrap(), None);
    });
}

#[test]
fn ad_4_log_on_names_have_few_characters_and_no_forbidden_ones() {
    everywhere(4, |ad| {
        let ann = ad.user("ann");
        for c in matching::LOGIN_FORBIDDEN {
            let name = ad.login(&format!("a{c}b"));
            assert!(!matching::is_login(&name), "{name}");
            ad.client
                .set(&ann, "sAMAccountName", &[&name])
                .refused(19, "0000202F");
        }
        let dotted = ad.login("a.");
        ad.client
            .set(&ann, "sAMAccountName", &[&dotted])
            .refused(19, "");
        assert!(!matching::is_login(&dotted));
        // The directory takes these, and a manifest does not.
        for odd in ["a b", "a@b"] {
            let name = ad.login(odd);
            ad.client.set(&ann, "sAMAccountName", &[&name]).ok();
        }
        let long = format!("{:x<21}", ad.login("l"));
        let answer = ad.client.set(&ann, "sAMAccountName", &[&long]);
        match ad.manners {
            Manners::Windows => answer.refused(19, "0000202F"),
            Manners::Samba => answer.ok(),
        }
    });
}

#[test]
fn ad_5_groups_may_have_longer_names() {
    everywhere(5, |ad| {
        let group = ad.group("g");
        let name = |length: usize| format!("{:x<length$}", ad.login("g"));
        let (longest, longer) = (name(256), name(257));
        ad.client.set(&group, "sAMAccountName", &[&longest]).ok();
        let answer = ad.client.set(&group, "sAMAccountName", &[&longer]);
        ad.refused(answer, (19, "00002082"), (21, ""));
        let login = "sAMAccountName";
        let group = ad
            .read_all(&[login])
            .into_iter()
            .find(|e| e.dn == Dn::parse(&group).unwrap());
        let read = group.unwrap().attributes[&login.into()][0].clone();
        assert_eq!(read.text(), Some(longest.as_str()));
    });
}

#[test]
fn ad_6_log_on_names_differ_in_more_than_case_and_accents() {
    everywhere(6, |ad| {
        ad.user("plain");
        let (other, upper) = (ad.user("other"), ad.login("PLAIN"));
        let answer = ad.client.set(&other, "sAMAccountName", &[&upper]);
        ad.refused(answer, (68, "00000524"), (68, "00002071"));
        let accent = ad.login("pláin");
        let answer = ad.client.set(&other, "sAMAccountName", &[&accent]);
        match ad.manners {
            Manners::Windows => answer.refused(68, "00000524"),
            Manners::Samba => answer.ok(),
        }
    });
    for (one, other) in [
        ("PLAIN", "pláin"),
        ("Straße", "strasse"),
        ("Łukasz", "lukasz"),
        ("Søren", "soren"),
    ] {
        assert_eq!(fold(one), fold(other));
    }
}

#[test]
fn ad_7_log_on_names_and_principal_names_are_one_space() {
    everywhere(7, |ad| {
        let ann = ad.user("ann");
        let upn = ad.principal("bo");
        ad.client.set(&ann, "userPrincipalName", &[&upn]).ok();
        // Who knows Ann by her principal name must not meet another of that log-on name.
        let (dn, login) = (ad.dn("Bo"), ad.login("bo"));
        if ad.manners == Manners::Samba {
            let answer = ad.add(&dn, "user", &[("sAMAccountName", &login)]);
            answer.refused(19, "0000202F");
        }
        let wanted = observed::attributes([]);
        let mut directory =
            countersign::connector::active_directory::ldap::LdapDirectory::connect(&ad.settings)
                .unwrap();
        let directory = observed::collect(&mut directory, &wanted).unwrap();
        let nothing = Default::default();
        let rules = observed::tie::Rules {
            anchor: None,
            observed: &nothing,
            covers: &|_| true,
            mail: true,
        };
        let (nobody, none, nothing_seen) = Default::default();
        let accounts = observed::tie::tie(&directory, &nobody, &rules, (none, &nothing_seen));
        let held = accounts.held;
        assert!(held.logins.contains_key(&*fold(&login)));
        assert!(held.addresses.contains_key(&*fold(&ad.principal("ann"))));
    });
}

#[test]
fn ad_8_common_names_are_unique_in_their_unit() {
    everywhere(8, |ad| {
        let (here, there) = (ad.user("John Smith"), ad.unit("Parks"));
        let login = ad.login("other");
        let again = ad.dn("JOHN smith");
        let answer = ad.add(&again, "user", &[("sAMAccountName", &login)]);
        ad.refused(answer, (68, "00002071"), (68, ""));
        let elsewhere = format!("CN=John Smith,{there}");
        ad.add(&elsewhere, "user", &[("sAMAccountName", &login)])
            .ok();
        assert_eq!(ad.client.texts(&here, "cn"), ["John Smith"]);
        let long = "n".repeat(65);
        let answer = ad.client.rename(&here, &format!("CN={long}"));
        match ad.manners {
            Manners::Windows => answer.refused(19, "00002082"),
            Manners::Samba => answer.ok(),
        }
        assert_eq!(matching::longest(&"cn".into()), Some(64));
    });
}

#[test]
fn ad_9_a_new_common_name_changes_no_other_name() {
    everywhere(9, |ad| {
        let ann = ad.user("ann");
        let names = ["sAMAccountName", "userPrincipalName", "displayName", "mail"];
        ad.client.set(&ann, "displayName", &["Ann Lee"]).ok();
        ad.client.set(&ann, "mail", &["ann@city.example"]).ok();
        let before = names.map(|name| ad.client.text(&ann, name));
        ad.client.rename(&ann, "CN=Ann Moss").ok();
        let now = ad.dn("Ann Moss");
        assert_eq!(names.map(|name| ad.client.text(&now, name)), before);
        assert_eq!(ad.client.text(&now, "name"), "Ann Moss");
    });
}

#[test]
fn ad_10_names_come_back_in_another_spelling_and_mean_the_same() {
    everywhere(10, |ad| {
        for (number, name) in [
            "#1 Lopez, Maria \\ +;=é",
            " leads",
            "trails ",
            "\"x\" <y>",
            "a=b#c",
        ]
        .into_iter()
        .enumerate()
        {
            let unit = Dn::parse(&ad.unit).unwrap();
            let dn = unit.child(Rdn::new("CN", name));
            let login = ad.login(&number.to_string());
            ad.add(&dn.to_string(), "user", &[("sAMAccountName", &login)])
                .ok();
            let below = ad.unit.clone();
            let found = ad.client.find(&below, &format!("(sAMAccountName={login})"));
            let read = Dn::parse(&found[0]).unwrap();
            assert_eq!(read, dn);
            assert_eq!(read.rdn().value(), name);
        }
    });
}

#[test]
fn ad_10_an_escaped_name_parses_to_itself() {
    let alphabet = [
        ',', '+', '"', '\\', '<', '>', ';', '=', '#', ' ', '\0', '\n', 'a', 'é', '漢', '😀',
    ];
    let base = Dn::parse("DC=city,DC=example").unwrap();
    let mut state = 7_u64;
    for _ in 0..10_000 {
        let mut name = String::new();
        for _ in 0..=(state >> 60) {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            name.push(alphabet[(state >> 33) as usize % alphabet.len()]);
        }
        let dn = base.child(Rdn::new("CN", &name));
        let again = Dn::parse(&dn.to_string()).unwrap();
        assert_eq!(again, dn, "{name:?}");
        assert_eq!(again.rdn().value(), name);
        assert_eq!(again.parent(), Some(base.clone()));
    }
}

#[test]
fn ad_11_names_are_compared_without_case() {
    everywhere(11, |ad| {
        let ann = ad.user("Ann  Lee");
        let upper = ann.to_uppercase();
        assert_eq!(dns([ad.client.read(&upper, &["cn"]).dn]), dns([&ann]));
        assert_eq!(Dn::parse(&upper).unwrap(), Dn::parse(&ann).unwrap());
        // Samba takes two blanks for one; Windows does not, and nor does the program.
        let single = ad.dn("Ann Lee");
        let found = ad
            .client
            .search(&single, ldap3::Scope::Base, "(objectClass=*)", &["cn"]);
        match ad.manners {
            Manners::Windows => assert_eq!(found.1.code, 32),
            Manners::Samba => assert_eq!(found.0.len(), 1),
        }
        assert_ne!(Dn::parse(&single).unwrap(), Dn::parse(&ann).unwrap());
    });
}

#[test]
fn ad_12_text_in_a_filter_is_escaped_or_matches_too_much() {
    everywhere(12, |ad| {
        let unit = ad.unit.clone();
        let star = Dn::parse(&unit).unwrap().child(Rdn::new("CN", "a*b"));
        let login = ad.login("star");
        ad.add(&star.to_string(), "user", &[("sAMAccountName", &login)])
            .ok();
        ad.user("a-b");
        assert_eq!(ad.client.find(&unit, "(cn=a*b)").len(), 2);
        assert_eq!(dns(ad.client.find(&unit, r"(cn=a\2ab)")), [star].into());
        for text in ["a)(objectClass=*", "*", "(", ")", "\\", "\0", "a\\2ab"] {
            let escaped = ldap3::ldap_escape(text);
            assert!(
                ad.client.find(&unit, &format!("(cn={escaped})")).is_empty(),
                "{text:?}"
            );
        }
    });
}

#[test]
fn ad_13_units_have_names_that_need_care() {
    everywhere(13, |ad| {
        for name in [
            "Streets, Signs & Lights",
            "Mayor's Office",
            "Parks/Recreation",
            "A & B <c>",
        ] {
            let dn = Dn::parse(&ad.unit).unwrap().child(Rdn::new("OU", name));
            ad.add(&dn.to_string(), "organizationalUnit", &[]).ok();
            let user = dn.child(Rdn::new("CN", "ann"));
            let login = ad.login(&name[..4].replace([',', ' ', '\''], ""));
            ad.add(&user.to_string(), "user", &[("sAMAccountName", &login)])
                .ok();
            let all = ad.read_all(&[]);
            assert!(all.iter().any(|entry| entry.dn == user), "{name}");
            assert_eq!(
                Dn::of_ous(&Dn::parse(&ad.unit).unwrap(), &[name.to_owned()]),
                dn
            );
        }
    });
}

#[test]
fn ad_14_principal_names_are_unique_and_take_any_suffix() {
    everywhere(14, |ad| {
        let (ann, bo) = (ad.user("ann"), ad.user("bo"));
        let taken = ad.principal("ann").to_uppercase();
        let answer = ad.client.set(&bo, "userPrincipalName", &[&taken]);
        ad.refused(answer, (19, "000021C8"), (19, ""));
        ad.client.rename(&ann, "CN=Ann B").ok();
        assert_eq!(
            ad.client.text(&ad.dn("Ann B"), "userPrincipalName"),
            ad.principal("ann")
        );
        // Nobody could log on with this one, and the directory takes it; so the program looks itself.
        let unknown = format!("{}@nowhere.example", ad.login("bo"));
        ad.client.set(&bo, "userPrincipalName", &[&unknown]).ok();
        let suffixes = ad.directory().principal_suffixes().unwrap().unwrap();
        assert!(suffixes.contains("example.test"), "{suffixes:?}");
        assert!(!suffixes.contains("nowhere.example"), "{suffixes:?}");
    });
    // One that was registered is there; on the fake, because the domain is shared.
    on_fake(14, Options::default(), |ad| {
        let partitions = "CN=Partitions,CN=Configuration,DC=example,DC=test";
        ad.fake()
            .change(|fake| fake.replace(partitions, "uPNSuffixes", &["City.example"]));
        let suffixes = ad.directory().principal_suffixes().unwrap().unwrap();
        let expected = ["city.example", "example.test"].map(str::to_owned);
        assert_eq!(suffixes, expected.into());
        // What may not be seen is not known, and then nothing is said.
        ad.fake().change(|fake| fake.hide(partitions));
        assert_eq!(ad.directory().principal_suffixes().unwrap(), None);
    });
}

#[test]
fn ad_14_nobody_gets_a_principal_name_that_ends_nowhere() {
    let company = Company::new();
    let mail = "    mail: ";
    let rule = "    upn: \"{{ account.login }}@nowhere.example\"\n    mail: ";
    company.access.edit("countersign.yaml", mail, rule);
    company.access.commit("Other principal names");
    let plan = ["plan", "--format", "json"];
    let held = company.access.run(&plan).ends(1).json();
    let held = held["held"].as_array().unwrap().iter();
    let kim: Vec<_> = held
        .filter(|h| h["user"] == "kim" && h["code"] == "value-rejected")
        .collect();
    assert_eq!(kim.len(), 1);
    let reason = kim[0]["reason"].as_str().unwrap();
    assert!(
        reason.contains("kim@nowhere.example") && reason.contains("seko.example"),
        "{reason}"
    );
    // Once it is registered, she gets it.
    let partitions = "CN=Partitions,CN=Configuration,DC=seko,DC=example";
    company
        .ad
        .change(|fake| fake.replace(partitions, "uPNSuffixes", &["nowhere.example"]));
    company.settles_within(3);
    let kim = company.ad.entry_by_sam("kim").unwrap();
    assert_eq!(
        kim.text("userPrincipalName").as_deref(),
        Some("kim@nowhere.example")
    );
}

#[test]
fn ad_14_who_has_an_account_keeps_a_principal_name_that_works_and_can_still_leave() {
    let company = Company::settled();
    let rule = "    upn: \"{{ account.login }}@nowhere.example\"\n    mail: ";
    company.access.edit("countersign.yaml", "    mail: ", rule);
    company
        .access
        .edit("users/lucy.yaml", "  type: ", "  login: lucinda\n  type: ");
    company.access.commit("Other principal names");
    let held = company.access.run(&["apply"]).ends(1);
    assert!(held.out.contains("lucinda@nowhere.example"), "{}", held.out);
    let lucy = company.ad.entry_by_sam("lucy").unwrap();
    let has = lucy.text("userPrincipalName").unwrap();
    assert_eq!(has, "lucy@seko.example");
    // It is asked for until it can be had.
    let partitions = "CN=Partitions,CN=Configuration,DC=seko,DC=example";
    let register = |suffixes: &[&str]| {
        company
            .ad
            .change(|fake| fake.replace(partitions, "uPNSuffixes", suffixes));
    };
    let held = company.access.run(&["plan"]).ends(1);
    assert!(held.out.contains("lucinda@nowhere.example"), "{}", held.out);
    register(&["nowhere.example"]);
    company.settles_within(3);
    let lucy = company.ad.entry_by_sam("lucinda").unwrap();
    let has = lucy.text("userPrincipalName").unwrap();
    assert_eq!(has, "lucinda@nowhere.example");
    // And it keeps nobody's account enabled.
    register(&[]);
    company.access.edit("users/lucy.yaml", "lucinda", "luce");
    company
        .access
        .edit("users/lucy.yaml", "  type: ", "  state: left\n  type: ");
    company.access.commit("Lucy leaves");
    company.settles_within(3);
    let lucy = company.ad.entry_by_sam("lucinda").unwrap();
    let control: u32 = lucy.text("userAccountControl").unwrap().parse().unwrap();
    assert_eq!(control & 2, 2, "her account is disabled");
}

#[test]
fn ad_23_a_change_of_case_is_a_rename() {
    everywhere(23, |ad| {
        let ann = ad.user("ann lee");
        ad.client.rename(&ann, "CN=Ann Lee").ok();
        assert_eq!(ad.client.text(&ann, "cn"), "Ann Lee");
        // The program does the same, and sees that it is done.
        let (dn, unit) = (Dn::parse(&ann).unwrap(), Dn::parse(&ad.unit).unwrap());
        let mut directory = ad.directory();
        directory
            .rename(&dn, &Rdn::new("CN", "ANN LEE"), &unit)
            .unwrap();
        let entry = directory.read(&At::Dn(dn.clone()), &[]).unwrap().unwrap();
        assert!(entry.dn == dn && !entry.dn.same_spelling(&dn));
        assert_eq!(entry.dn.rdn().value(), "ANN LEE");
    });
}
