//! 5.2 and 5.5: access rights, and the controls that need them. On the domain controller only: the fake
//! has no access control lists, no DirSync and no notifications.

use super::{Client, Room, on_domain_controller};
use crate::fake_ad::PASSWORD;
use countersign::connector::active_directory::ldap::{LdapDirectory, LdapSettings};
use countersign::connector::{FailureClass as Class, Transport as _};
use countersign::dn::Dn;
use ldap3::{Mod, Scope};
use std::collections::HashSet;

const SD_FLAGS: &str = "1.2.840.113556.1.4.801";
const TREE_DELETE: &str = "1.2.840.113556.1.4.805";
const DIR_SYNC: &str = "1.2.840.113556.1.4.841";
const NOTIFY: &str = "1.2.840.113556.1.4.528";

/// SEQUENCE { 4 }: the list of who may what, and nothing that only few may read.
const DACL: [u8; 5] = [0x30, 3, 2, 1, 4];

const DELETE: u32 = 0x1_0000;
const DELETE_TREE: u32 = 0x40;
const DELETE_CHILD: u32 = 0x2;
const LIST: u32 = 0x4;
const READ: u32 = 0x10;

fn descriptor(client: &mut Client, dn: &str) -> Vec<u8> {
    client
        .with(SD_FLAGS, Some(DACL.into()))
        .bytes(dn, "nTSecurityDescriptor")
}

fn write_descriptor(client: &mut Client, dn: &str, descriptor: Vec<u8>) {
    let value = HashSet::from([descriptor]);
    let step = vec![Mod::Replace(b"nTSecurityDescriptor".to_vec(), value)];
    client
        .with(SD_FLAGS, Some(DACL.into()))
        .modify(dn, step)
        .ok();
}

/// A self-relative security descriptor (MS-DTYP 2.4.6) that first denies everyone these rights.
fn denying(descriptor: &[u8], rights: u32) -> Vec<u8> {
    let at = u32::from_le_bytes(descriptor[16..20].try_into().unwrap()) as usize;
    let list = &descriptor[at..];
    let number = |at: usize| u16::from_le_bytes(list[at..at + 2].try_into().unwrap());
    let (size, count) = (number(2), number(4));
    // ACCESS_DENIED_ACE for S-1-1-0.
    let mut entry = vec![1, 0, 20, 0];
    entry.extend(rights.to_le_bytes());
    entry.extend([1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0]);
    let mut new = descriptor[..4].to_vec();
    new.extend([0; 12]);
    new.extend(20_u32.to_le_bytes());
    new.extend(&list[..2]);
    new.extend((size + 20).to_le_bytes());
    new.extend((count + 1).to_le_bytes());
    new.extend(&list[6..8]);
    new.extend(entry);
    new.extend(&list[8..usize::from(size)]);
    new
}

/// Denies everyone these rights on an object; what it was before.
fn deny(client: &mut Client, dn: &str, rights: u32) -> Vec<u8> {
    let before = descriptor(client, dn);
    write_descriptor(client, dn, denying(&before, rights));
    before
}

/// A user in a unit, both protected as the management console does it.
fn protected(ad: &mut Room) -> (String, String) {
    let parks = ad.unit("Parks");
    let (ann, login) = (format!("CN=ann,{parks}"), ad.login("ann"));
    ad.add(&ann, "user", &[("sAMAccountName", &login)]).ok();
    deny(&mut ad.client, &ann, DELETE | DELETE_TREE);
    (parks, ann)
}

#[test]
fn ad_29_protection_takes_object_and_parent_and_forbids_moves() {
    on_domain_controller(29, |ad| {
        let (parks, ann) = protected(ad);
        // Denied on the object only, the parent's right is enough.
        let before = deny(&mut ad.client, &parks, DELETE_CHILD);
        ad.client.delete(&ann).refused(50, "");
        let unit = ad.unit.clone();
        ad.client.relocate(&ann, "CN=ann", &unit).refused(50, "");
        let dn = Dn::parse(&ann).unwrap();
        let failure = ad
            .directory()
            .rename(&dn, &dn.rdn(), &Dn::parse(&unit).unwrap());
        assert_eq!(failure.unwrap_err().class, Class::Denied);
        ad.client.rename(&ann, "CN=Ann Lee").ok();
        let now = format!("CN=Ann Lee,{parks}");
        write_descriptor(&mut ad.client, &parks, before);
        ad.client.delete(&now).ok();
    });
}

#[test]
fn ad_30_deleting_a_tree_asks_no_child_and_is_never_asked_for() {
    on_domain_controller(30, |ad| {
        let (parks, ann) = protected(ad);
        deny(&mut ad.client, &parks, DELETE_CHILD);
        ad.client.delete(&ann).refused(50, "");
        ad.client.delete(&parks).refused(66, "");
        ad.client.with(TREE_DELETE, None).delete(&parks).ok();
        let unit = ad.unit.clone();
        assert!(
            ad.client.find(&unit, "(cn=ann)").is_empty(),
            "though it was protected"
        );
    });
    // A transport has no delete at all, and no control but that of pages.
    for path in crate::ad::reading::program() {
        let text = std::fs::read_to_string(&path).unwrap();
        for trap in [TREE_DELETE, ".delete(", "ControlType::Del"] {
            assert!(!text.contains(trap), "{} has {trap}", path.display());
        }
    }
}

/// The program, logged on as an ordinary user whose base is the room's unit.
fn as_user(ad: &Room, dn: &str) -> LdapSettings {
    LdapSettings {
        bind_dn: dn.to_owned(),
        password: PASSWORD.into(),
        base: Dn::parse(&ad.unit).unwrap(),
        ..ad.settings.clone()
    }
}

#[test]
fn ad_71_what_may_not_be_read_looks_as_if_it_were_not_there() {
    on_domain_controller(71, |ad| {
        let ann = ad.enabled_user("ann");
        let settings = as_user(ad, &ann);
        let mut directory = LdapDirectory::connect(&settings).unwrap();
        assert!(directory.read_all(&[], &mut |_| {}).is_ok());
        let unit = ad.unit.clone();
        deny(&mut ad.client, &unit, LIST | READ);
        let mut user = Client::connect(&ad.settings);
        user.bind(&ann, PASSWORD).ok();
        let (found, _) = user.search(&unit, Scope::Subtree, "(objectClass=*)", &["cn"]);
        // The unit's bare name is left, and nobody below it.
        assert!(
            found.iter().all(|e| e.dn == unit && e.attrs.is_empty()),
            "{found:?}"
        );
        // To the program that is a failure, and not an empty directory.
        let read = LdapDirectory::connect(&settings).and_then(|mut d| d.read_all(&[], &mut |_| {}));
        let failure = read.unwrap_err();
        assert!(
            matches!(failure.class, Class::Configuration | Class::Incomplete),
            "{failure}"
        );
    });
}

#[test]
fn ad_72_dir_sync_is_for_the_privileged_and_for_the_root() {
    // SEQUENCE { flags 0, at most 1 MiB, no cookie }
    let ask = vec![0x30, 10, 2, 1, 0, 2, 3, 0x10, 0, 0, 4, 0];
    on_domain_controller(72, |ad| {
        let ann = ad.enabled_user("ann");
        let base = ad.base.clone();
        let client = ad.client.with(DIR_SYNC, Some(ask.clone()));
        let (found, answer) = client.search(&base, Scope::Subtree, "(objectClass=*)", &[]);
        answer.ok();
        assert!(!found.is_empty());
        let mut user = Client::connect(&ad.settings);
        user.bind(&ann, PASSWORD).ok();
        let client = user.with(DIR_SYNC, Some(ask.clone()));
        let (found, answer) = client.search(&base, Scope::Subtree, "(objectClass=*)", &[]);
        assert!(found.is_empty() && answer.code != 0, "{answer:?}");
    });
}

#[test]
fn ad_74_notifications_take_one_filter_only() {
    on_domain_controller(74, |ad| {
        let unit = ad.unit.clone();
        let client = ad.client.with(NOTIFY, None);
        let (_, answer) = client.search(&unit, Scope::OneLevel, "(cn=ann)", &["cn"]);
        assert_ne!(answer.code, 0, "another filter is refused");
        // With the right one nothing comes until something changes.
        assert!(client.with(NOTIFY, None).waits(&unit));
    });
}

#[test]
fn ad_79_a_security_descriptor_is_read_in_the_parts_one_may_see() {
    on_domain_controller(79, |ad| {
        let ann = ad.enabled_user("ann");
        let mut user = Client::connect(&ad.settings);
        user.bind(&ann, PASSWORD).ok();
        let whole = user.read(&ann, &["nTSecurityDescriptor"]);
        assert!(
            whole.attrs.is_empty() && whole.bin_attrs.is_empty(),
            "{whole:?}"
        );
        let part = descriptor(&mut user, &ann);
        assert!(part.len() > 20);
        // Owner, group and audit list are not in it.
        assert_eq!(part[4..16], [0; 12]);
    });
}
