//! 5.2: renames, moves, deletion, and what is left of the deleted.

use super::{Client, dns, everywhere, on_domain_controller, replace};
use crate::contract::Manners;
use countersign::connector::{At, FailureClass as Class, Guid, Transport as _};
use countersign::dn::{Dn, Rdn};
use ldap3::{Mod, Scope};
use std::collections::HashSet;

const SHOW_DELETED: &str = "1.2.840.113556.1.4.417";

#[test]
fn ad_24_memberships_managers_and_children_follow() {
    everywhere(24, |ad| {
        let (ann, bo, group) = (ad.user("ann"), ad.user("bo"), ad.group("g"));
        let (parks, streets) = (ad.unit("Parks"), ad.unit("Streets"));
        ad.client.plus(&group, "member", &[&ann]).ok();
        ad.client.plus(&bo, "manager", &[&ann]).ok();
        ad.client.relocate(&ann, "CN=Ann B", &parks).ok();
        ad.client.relocate(&parks, "OU=Gardens", &streets).ok();
        let now = format!("CN=Ann B,OU=Gardens,{streets}");
        assert_eq!(dns(ad.client.texts(&group, "member")), dns([&now]));
        assert_eq!(dns(ad.client.texts(&bo, "manager")), dns([&now]));
        assert_eq!(dns(ad.client.texts(&now, "memberOf")), dns([group]));
    });
}

#[test]
fn ad_25_a_name_that_is_taken_and_a_place_that_is_not_there() {
    everywhere(25, |ad| {
        let ann = ad.user("ann");
        ad.user("bo");
        let answer = ad.client.rename(&ann, "CN=BO");
        ad.refused(answer, (68, "00002071"), (68, ""));
        let nowhere = format!("OU=Nowhere,{}", ad.unit);
        let answer = ad.client.relocate(&ann, "CN=ann", &nowhere);
        ad.refused(answer, (32, "00002089"), (80, "00002095"));
        let class = |name: &str, parent: &str| {
            let (dn, parent) = (Dn::parse(&ann).unwrap(), Dn::parse(parent).unwrap());
            let renamed = ad.directory().rename(&dn, &Rdn::new("CN", name), &parent);
            renamed.unwrap_err().class
        };
        assert_eq!(class("bo", &ad.unit), Class::Exists);
        assert_eq!(class("ann", &nowhere), Class::Gone);
    });
}

#[test]
fn ad_26_after_a_move_only_the_guid_leads_there() {
    everywhere(26, |ad| {
        let (ann, parks) = (ad.user("ann"), ad.unit("Parks"));
        let guid = Guid::from_wire(&ad.client.bytes(&ann, "objectGUID")).unwrap();
        ad.client.relocate(&ann, "CN=ann", &parks).ok();
        ad.client.set(&ann, "title", &["Mayor"]).refused(32, "");
        let mut directory = ad.directory();
        assert_eq!(
            directory
                .read(&At::Dn(Dn::parse(&ann).unwrap()), &[])
                .unwrap(),
            None
        );
        let found = directory.read(&At::Guid(guid), &[]).unwrap().unwrap();
        assert_eq!(found.dn, Dn::parse(&format!("CN=ann,{parks}")).unwrap());
    });
}

#[test]
fn ad_27_children_do_not_show_that_their_unit_moved() {
    everywhere(27, |ad| {
        let parks = ad.unit("Parks");
        let (dn, login) = (format!("CN=ann,{parks}"), ad.login("ann"));
        ad.add(&dn, "user", &[("sAMAccountName", &login)]).ok();
        let before = ad.client.text(&dn, "uSNChanged");
        ad.client.rename(&parks, "OU=Gardens").ok();
        let now = format!("CN=ann,OU=Gardens,{}", ad.unit);
        assert_eq!(ad.client.text(&now, "uSNChanged"), before);
        // So the program reads everything, and does not ask what changed.
        let now = Dn::parse(&now).unwrap();
        assert!(ad.read_all(&[]).iter().any(|entry| entry.dn == now));
    });
}

#[test]
fn ad_28_nothing_moves_to_another_domain() {
    everywhere(28, |ad| {
        let ann = ad.user("ann");
        let answer = ad.client.relocate(&ann, "CN=ann", "OU=x,DC=other,DC=test");
        assert_ne!(answer.code, 0);
        let elsewhere = Dn::parse("OU=x,DC=other,DC=test").unwrap();
        let dn = Dn::parse(&ann).unwrap();
        let failure = ad
            .directory()
            .rename(&dn, &dn.rdn(), &elsewhere)
            .unwrap_err();
        assert!(!failure.message.is_empty());
        assert_eq!(ad.client.texts(&ann, "cn"), ["ann"]);
    });
}

#[test]
fn ad_31_a_user_may_have_children_and_then_cannot_be_deleted() {
    on_domain_controller(31, |ad| {
        let ann = ad.user("ann");
        let store = format!("CN=devices,{ann}");
        ad.add(&store, "classStore", &[]).ok();
        ad.client.delete(&ann).refused(66, "");
        // A move takes the child along, and the program does not take it for a person.
        let parks = ad.unit("Parks");
        ad.client.relocate(&ann, "CN=ann", &parks).ok();
        let entries = ad.read_all(&[]);
        assert!(
            !entries
                .iter()
                .any(|entry| entry.dn.rdn().value() == "devices")
        );
        ad.client
            .read(&format!("CN=devices,CN=ann,{parks}"), &["cn"]);
    });
}

#[test]
fn ad_32_a_deleted_object_is_a_tombstone_without_category() {
    everywhere(32, |ad| {
        let ann = ad.user("ann");
        ad.client.set(&ann, "title", &["Mayor"]).ok();
        let guid = Guid::from_wire(&ad.client.bytes(&ann, "objectGUID")).unwrap();
        ad.client.delete(&ann).ok();
        let name = format!("<GUID={guid}>");
        let (_, answer) = ad
            .client
            .search(&name, Scope::Base, "(objectClass=*)", &["cn"]);
        assert_eq!(answer.code, 32, "only for those who ask: {answer:?}");
        let shown = tombstone(&mut ad.client, &name, "(objectClass=user)");
        let dn = Dn::parse(&shown.dn).unwrap();
        assert_eq!(dn.rdn().value(), format!("ann\nDEL:{guid}"));
        assert_eq!(dn.parent().unwrap().rdn().value(), "Deleted Objects");
        assert!(!shown.attrs.contains_key("title"), "{shown:?}");
        // The program does not see it at all.
        assert_eq!(ad.directory().read(&At::Guid(guid), &[]).unwrap(), None);
    });
}

fn tombstone(client: &mut Client, name: &str, filter: &str) -> ldap3::SearchEntry {
    let wanted = ["cn", "title", "isDeleted", "sAMAccountName"];
    let client = client.with(SHOW_DELETED, None);
    let (mut found, answer) = client.search(name, Scope::Base, filter, &wanted);
    answer.ok();
    assert_eq!(found.len(), 1, "{name}");
    found.remove(0)
}

#[test]
fn ad_33_what_is_undeleted_lets_nobody_in_and_has_lost_its_memberships() {
    on_domain_controller(33, |ad| {
        let (ann, group) = (ad.enabled_user("ann"), ad.group("g"));
        ad.client.set(&ann, "title", &["Mayor"]).ok();
        ad.client.plus(&group, "member", &[&ann]).ok();
        let sid = ad.client.bytes(&ann, "objectSid");
        let guid = Guid::from_wire(&ad.client.bytes(&ann, "objectGUID")).unwrap();
        ad.client.delete(&ann).ok();
        let steps = vec![
            Mod::Delete(b"isDeleted".to_vec(), HashSet::new()),
            replace("distinguishedName", &[&ann]),
        ];
        let deleted = tombstone(&mut ad.client, &format!("<GUID={guid}>"), "(objectClass=*)").dn;
        ad.client
            .with(SHOW_DELETED, None)
            .modify(&deleted, steps)
            .ok();
        assert_eq!(
            Guid::from_wire(&ad.client.bytes(&ann, "objectGUID")),
            Some(guid)
        );
        assert_eq!(ad.client.bytes(&ann, "objectSid"), sid);
        // Windows says disabled; Samba leaves it enabled, and without a password. Either way nobody gets in.
        assert_eq!(ad.log_on(&ann, crate::fake_ad::PASSWORD).code, 49);
        assert!(ad.client.texts(&ann, "memberOf").is_empty());
        assert!(ad.client.texts(&ann, "title").is_empty());
    });
}

#[test]
fn ad_34_a_name_is_free_again_when_its_holder_is_gone() {
    everywhere(34, |ad| {
        let ann = ad.user("ann");
        ad.client.rename(&ann, "CN=Ann B").ok();
        let renamed = ad.login("annb");
        ad.client
            .set(&ad.dn("Ann B"), "sAMAccountName", &[&renamed])
            .ok();
        // The directory remembers neither, so the ledger does.
        let upn = ad.principal("annb");
        ad.client
            .set(&ad.dn("Ann B"), "userPrincipalName", &[&upn])
            .ok();
        let second = ad.user("ann");
        ad.client.delete(&second).ok();
        ad.user("ann");
    });
}

#[test]
fn ad_35_deleting_either_end_ends_the_membership() {
    everywhere(35, |ad| {
        let (ann, bo, group) = (ad.user("ann"), ad.user("bo"), ad.group("g"));
        ad.client.plus(&group, "member", &[&ann, &bo]).ok();
        ad.client.delete(&ann).ok();
        assert_eq!(dns(ad.client.texts(&group, "member")), dns([&bo]));
        ad.client.delete(&group).ok();
        assert!(ad.client.texts(&bo, "memberOf").is_empty());
    });
}

#[test]
fn ad_30_what_has_children_is_not_deleted_without_the_control() {
    everywhere(30, |ad| {
        let parks = ad.unit("Parks");
        let (dn, login) = (format!("CN=ann,{parks}"), ad.login("ann"));
        ad.add(&dn, "user", &[("sAMAccountName", &login)]).ok();
        ad.client.delete(&parks).refused(66, "");
        if ad.manners == Manners::Samba {
            ad.client
                .with("1.2.840.113556.1.4.805", None)
                .delete(&parks)
                .ok();
            assert!(ad.client.find(&ad.unit.clone(), "(cn=ann)").is_empty());
        }
    });
}
