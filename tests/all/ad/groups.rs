//! 5.4: groups, their members, and other links.

use super::{Room, dns, everywhere, minus, on_domain_controller, on_fake, plus, relative_id};
use crate::contract::Manners;
use crate::fake_ad::Options;
use countersign::connector::active_directory::ldap::LdapDirectory;
use countersign::connector::active_directory::matching;
use countersign::connector::{
    At, AttributeName, FailureClass as Class, Guid, Modification, ModificationKind, Transport as _,
};
use countersign::desired::GroupKey;
use countersign::dn::Dn;
use countersign::observed::{self, Protection};
use ldap3::Scope;

const PERMISSIVE: &str = "1.2.840.113556.1.4.1413";
const IN_CHAIN: &str = "1.2.840.113556.1.4.1941";

fn step(operation: ModificationKind, attribute: &'static str, value: &str) -> Modification {
    Modification {
        operation,
        attribute: attribute.into(),
        values: vec![value.into()],
    }
}

/// What the program knows of the unit.
fn observed(ad: &Room) -> observed::Directory {
    observed::collect(&mut ad.directory(), &observed::attributes([])).unwrap()
}

#[test]
fn ad_54_members_come_in_ranges_and_all_are_read() {
    let options = Options {
        max_val_range: 10,
        ..Options::default()
    };
    on_fake(54, options, |ad| {
        let group = ad.group("g");
        let users: Vec<String> = (0..25).map(|n| ad.user(&format!("u{n}"))).collect();
        let all: Vec<&str> = users.iter().map(String::as_str).collect();
        ad.client.plus(&group, "member", &all).ok();
        // Empty, and beside it the first values under another name.
        let entry = ad.client.read(&group, &["member"]);
        assert!(entry.attrs.get("member").is_none_or(Vec::is_empty));
        assert_eq!(entry.attrs["member;range=0-9"].len(), 10);
        let read = observed(ad);
        let key = GroupKey::new(&ad.login("g"));
        assert_eq!(read.groups[&key].members.len(), 25);
    });
    // Samba has no ranges; what it gives at once is as whole.
    on_domain_controller(54, |ad| {
        let (group, ann) = (ad.group("g"), ad.user("ann"));
        ad.client.plus(&group, "member", &[&ann]).ok();
        let entry = ad.client.read(&group, &["member;range=0-*"]);
        let (_, values) = entry.attrs.iter().next().unwrap();
        assert_eq!(dns(values), dns([ann]));
    });
}

#[test]
fn ad_55_member_of_comes_in_ranges_too() {
    let options = Options {
        max_val_range: 10,
        ..Options::default()
    };
    on_fake(55, options, |ad| {
        let ann = ad.user("ann");
        for n in 0..25 {
            let group = ad.group(&format!("g{n}"));
            ad.client.plus(&group, "member", &[&ann]).ok();
        }
        let at = At::Dn(Dn::parse(&ann).unwrap());
        let member_of: AttributeName = "memberOf".into();
        let entry = ad
            .directory()
            .read(&at, std::slice::from_ref(&member_of))
            .unwrap()
            .unwrap();
        assert_eq!(entry.attributes[&member_of].len(), 25);
    });
}

#[test]
fn ad_56_the_primary_group_is_in_no_list_and_counts_as_a_membership() {
    everywhere(56, |ad| {
        let (ann, group) = (ad.user("ann"), ad.group("g"));
        let users = format!("CN=Domain Users,CN=Users,{}", ad.base);
        assert!(ad.client.texts(&ann, "memberOf").is_empty());
        ad.client.plus(&users, "member", &[&ann]).refused(68, "");
        let answer = ad.client.minus(&users, "member", &[&ann]);
        ad.refused(answer, (53, ""), (16, ""));
        let id = relative_id(&ad.client.bytes(&group, "objectSid"));
        ad.client
            .set(&ann, "primaryGroupID", &[&id])
            .refused(53, "");
        ad.client.plus(&group, "member", &[&ann]).ok();
        ad.client.set(&ann, "primaryGroupID", &[&id]).ok();
        assert_eq!(dns(ad.client.texts(&ann, "memberOf")), dns([users]));
        assert!(ad.client.texts(&group, "member").is_empty());
        // The program does not add her again, nor try to take her out.
        let read = observed(ad);
        let guid = Guid::from_wire(&ad.client.bytes(&ann, "objectGUID")).unwrap();
        let key = GroupKey::new(&ad.login("g"));
        assert!(read.is_member(guid, &key));
        assert_eq!(read.groups_of(guid).count(), 0);
    });
}

#[test]
fn ad_57_a_member_twice_and_a_member_that_is_none() {
    everywhere(57, |ad| {
        let (ann, bo, group) = (ad.user("ann"), ad.user("bo"), ad.group("g"));
        ad.client.plus(&group, "member", &[&ann]).ok();
        let answer = ad.client.plus(&group, "member", &[&ann]);
        ad.refused(answer, (68, "00000562"), (68, ""));
        let answer = ad.client.minus(&group, "member", &[&bo]);
        ad.refused(answer, (53, "00000561"), (53, ""));
        // Permissive modify helps on one of the two only, so the program does not ask for it.
        let answer = ad
            .client
            .with(PERMISSIVE, None)
            .plus(&group, "member", &[&ann]);
        match ad.manners {
            Manners::Windows => answer.ok(),
            Manners::Samba => answer.refused(68, ""),
        }
        let at = At::Dn(Dn::parse(&group).unwrap());
        let mut directory = ad.directory();
        let mut class = |operation, dn: &str| {
            directory
                .modify(&at, &[step(operation, "member", dn)])
                .unwrap_err()
                .class
        };
        assert_eq!(class(ModificationKind::Add, &ann), Class::AlreadyThere);
        assert_eq!(class(ModificationKind::Delete, &bo), Class::NotThere);
    });
}

#[test]
fn ad_58_a_modify_does_all_or_nothing() {
    everywhere(58, |ad| {
        let (ann, bo, group) = (ad.user("ann"), ad.user("bo"), ad.group("g"));
        ad.client.plus(&group, "member", &[&ann]).ok();
        ad.client
            .plus(&group, "member", &[&bo, &ann])
            .refused(68, "");
        let nobody = ad.dn("nobody");
        ad.client
            .plus(&group, "member", &[&bo, &nobody])
            .refused(32, "00000525");
        assert_eq!(dns(ad.client.texts(&group, "member")), dns([ann]));
    });
}

#[test]
fn ad_59_no_link_to_what_is_not_there() {
    everywhere(59, |ad| {
        let (ann, group, nobody) = (ad.user("ann"), ad.group("g"), ad.dn("nobody"));
        ad.client
            .plus(&group, "member", &[&nobody])
            .refused(32, "00000525");
        ad.client
            .set(&ann, "manager", &[&nobody])
            .refused(19, "000020B5");
        let class = |dn: &str, attribute: &'static str| {
            let at = At::Dn(Dn::parse(dn).unwrap());
            let step = step(ModificationKind::Add, attribute, &nobody);
            ad.directory().modify(&at, &[step]).unwrap_err().class
        };
        assert_eq!(class(&group, "member"), Class::Gone);
        assert_eq!(class(&ann, "manager"), Class::ValueRejected);
    });
}

#[test]
fn ad_60_a_group_may_be_in_itself() {
    everywhere(60, |ad| {
        let (one, other, ann) = (ad.group("one"), ad.group("other"), ad.user("ann"));
        ad.client.plus(&one, "member", &[&one]).ok();
        ad.client.plus(&one, "member", &[&other]).ok();
        ad.client.plus(&other, "member", &[&one, &ann]).ok();
        let unit = ad.unit.clone();
        let filter = format!("(&(objectCategory=person)(memberOf:{IN_CHAIN}:={one}))");
        assert_eq!(dns(ad.client.find(&unit, &filter)), dns([&ann]));
        // The program counts direct members, and so does not go round in circles.
        let read = observed(ad);
        let guid = Guid::from_wire(&ad.client.bytes(&ann, "objectGUID")).unwrap();
        let groups: Vec<_> = read.groups_of(guid).cloned().collect();
        assert_eq!(groups, [GroupKey::new(&ad.login("other"))]);
    });
}

#[test]
fn ad_61_the_scope_of_a_group_changes_by_way_of_universal() {
    everywhere(61, |ad| {
        let group = ad.group("g");
        let scope = |low: u32| (0x8000_0000 | low).cast_signed().to_string();
        let (global, domain_local, universal) = (scope(2), scope(4), scope(8));
        assert_eq!(ad.client.text(&group, "groupType"), global);
        assert_eq!(global, "-2147483646");
        ad.client
            .set(&group, "groupType", &[&domain_local])
            .refused(53, "");
        ad.client.set(&group, "groupType", &[&universal]).ok();
        ad.client.set(&group, "groupType", &[&domain_local]).ok();
    });
}

#[test]
fn ad_62_a_membership_changes_the_group_and_not_the_user() {
    everywhere(62, |ad| {
        let (ann, group) = (ad.user("ann"), ad.group("g"));
        let numbers = |ad: &mut Room| [&ann, &group].map(|dn| ad.client.text(dn, "uSNChanged"));
        let before = numbers(ad);
        ad.client.plus(&group, "member", &[&ann]).ok();
        let after = numbers(ad);
        assert_eq!(after[0], before[0]);
        assert_ne!(after[1], before[1]);
        ad.client.set(&ann, "title", &["Mayor"]).ok();
        let before = numbers(ad);
        ad.client.set(&ann, "title", &["Mayor"]).ok();
        assert_eq!(numbers(ad), before, "the same again is no change");
    });
}

#[test]
fn ad_63_links_have_two_ends_and_one_of_them_is_written() {
    everywhere(63, |ad| {
        let schema = format!("CN=Schema,CN=Configuration,{}", ad.base);
        let mut id = |name: &'static str| -> u32 {
            let filter = format!("(lDAPDisplayName={name})");
            let (found, _) = ad
                .client
                .search(&schema, Scope::Subtree, &filter, &["linkID"]);
            found[0].attrs["linkID"][0].parse().unwrap()
        };
        for (forward, back) in [
            ("member", "memberOf"),
            ("manager", "directReports"),
            ("managedBy", "managedObjects"),
        ] {
            assert_eq!(id(forward) % 2, 0, "{forward}");
            assert_eq!(id(back), id(forward) + 1, "{back}");
            assert!(matching::is_link(&forward.into()) && !matching::is_link(&back.into()));
        }
        // Two who write at once: values are added and removed, no list is replaced.
        let (ann, bo, cy, group) = (ad.user("ann"), ad.user("bo"), ad.user("cy"), ad.group("g"));
        ad.client.plus(&group, "member", &[&ann, &bo]).ok();
        ad.client.plus(&group, "member", &[&cy]).ok();
        ad.client
            .modify(
                &group,
                vec![minus("member", &[&ann]), plus("member", &[&ad.dn("g")])],
            )
            .ok();
        assert_eq!(dns(ad.client.texts(&group, "member")), dns([bo, cy, group]));
    });
}

#[test]
fn ad_64_members_of_elsewhere_are_kept_as_they_are() {
    on_domain_controller(64, |ad| {
        let (ann, group) = (ad.user("ann"), ad.group("g"));
        ad.client.set(&group, "groupType", &["-2147483640"]).ok();
        ad.client.set(&group, "groupType", &["-2147483644"]).ok();
        // Somebody of another forest: an object stands for them.
        ad.client
            .plus(&group, "member", &["<SID=S-1-5-21-1-2-3-1111>"])
            .ok();
        ad.client.plus(&group, "member", &[&ann]).ok();
        let stranger = format!(
            "CN=S-1-5-21-1-2-3-1111,CN=ForeignSecurityPrincipals,{}",
            ad.base
        );
        let read = observed(ad);
        let key = GroupKey::new(&ad.login("g"));
        assert!(
            read.groups[&key]
                .members
                .contains(&Dn::parse(&stranger).unwrap())
        );
        let at = At::Dn(Dn::parse(&group).unwrap());
        ad.directory()
            .modify(&at, &[step(ModificationKind::Delete, "member", &ann)])
            .unwrap();
        assert_eq!(dns(ad.client.texts(&group, "member")), dns([stranger]));
    });
}

#[test]
fn ad_65_who_is_guarded_is_not_touched() {
    everywhere(65, |ad| {
        let (ann, group) = (ad.user("ann"), ad.group("g"));
        for dn in [&ann, &group] {
            ad.client.set(dn, "adminCount", &["1"]).ok();
        }
        let read = observed(ad);
        let account = read
            .accounts
            .values()
            .find(|a| a.dn == Dn::parse(&ann).unwrap())
            .unwrap();
        assert_eq!(account.protection, Some(Protection::AdminCount));
        let key = GroupKey::new(&ad.login("g"));
        assert_eq!(read.groups[&key].protection, Some(Protection::AdminCount));
    });
}

#[test]
fn ad_66_what_came_with_the_domain_and_who_logs_on_are_never_touched() {
    everywhere(66, |ad| {
        let administrator = format!("CN=Administrator,CN=Users,{}", ad.base);
        assert_ne!(ad.client.delete(&administrator).code, 0);
        let admins = format!("CN=Domain Admins,CN=Users,{}", ad.base);
        assert_ne!(ad.client.delete(&admins).code, 0);
        let mut directory = LdapDirectory::connect(&ad.settings).unwrap();
        let read = observed::collect(&mut directory, &observed::attributes([])).unwrap();
        for login in ["administrator", "krbtgt", "guest"] {
            let account = read
                .accounts
                .values()
                .find(|a| a.login.eq_ignore_ascii_case(login));
            assert_eq!(
                account.unwrap().protection,
                Some(Protection::BuiltIn),
                "{login}"
            );
        }
        let admins = &read.groups[&GroupKey::new("Domain Admins")];
        assert_eq!(admins.protection, Some(Protection::BuiltIn));
        // An ordinary account, for the program that logs on with it, is its own.
        let service = ad.enabled_user("service");
        let mut settings = ad.settings.clone();
        settings.bind_dn.clone_from(&service);
        settings.password = crate::fake_ad::PASSWORD.into();
        settings.base = Dn::parse(&ad.unit).unwrap();
        let mut directory = LdapDirectory::connect(&settings).unwrap();
        let read = observed::collect(&mut directory, &observed::attributes([])).unwrap();
        let account = read
            .accounts
            .values()
            .find(|a| a.dn == Dn::parse(&service).unwrap());
        assert_eq!(account.unwrap().protection, Some(Protection::OwnLogOn));
    });
}
