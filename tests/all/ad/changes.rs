//! What happened in a directory is read again, and nothing else; what comes of it is what a read of everything
//! finds. Where the log-on may use DirSync the domain is asked so, elsewhere by the numbers of changes.

use super::{Room, everywhere};
use crate::fake_ad::{Options, PASSWORD};
use countersign::connector::active_directory::ldap::{LdapDirectory, LdapSettings};
use countersign::connector::{AttributeName, Since, Transport as _};
use countersign::observed::snapshot::{Extent, Snapshot};
use countersign::observed::{Directory, attributes, collect};
use jiff::Timestamp;

fn wanted() -> Vec<AttributeName> {
    attributes(["title".into()])
}

/// All that a directory says, as text.
fn said(directory: &Directory) -> String {
    let Directory {
        accounts,
        groups,
        units,
        conflicts,
        suffixes,
        ..
    } = directory;
    let members: Vec<_> = accounts
        .keys()
        .map(|guid| directory.groups_of(*guid).collect::<Vec<_>>())
        .collect();
    format!("{accounts:#?}{groups:#?}{units:#?}{conflicts:#?}{suffixes:#?}{members:#?}")
}

/// A directory that somebody looks at again and again.
struct Watched {
    transport: LdapDirectory,
    kept: Option<Snapshot>,
}

impl Watched {
    fn of(transport: LdapDirectory) -> Self {
        let mut watched = Self {
            transport,
            kept: None,
        };
        assert_eq!(watched.look(), Extent::Whole);
        assert_eq!(watched.look(), Extent::Changes);
        watched
    }

    /// Looks again; what had to be read.
    fn look(&mut self) -> Extent {
        let kept = self.kept.take();
        let seen = Snapshot::take(
            &mut self.transport,
            wanted(),
            kept,
            Timestamp::now(),
            &mut |_| {},
        )
        .unwrap();
        let whole = collect(&mut self.transport, &wanted()).unwrap();
        assert_eq!(said(&seen.directory), said(&whole));
        let extent = seen.taken.extent;
        self.kept = Some(seen);
        extent
    }

    fn uses_dir_sync(&self) -> bool {
        let mark = self.kept.as_ref().and_then(|s| s.taken.mark.as_ref());
        mark.unwrap().cookie.is_some()
    }
}

/// Whatever somebody does by hand, one after the other, and what has to be read for it.
fn by_hand(ad: &mut Room, watched: &mut Watched) {
    let (ann, ben) = (ad.user("ann"), ad.user("ben"));
    let editors = ad.group("editors");
    assert_eq!(watched.look(), Extent::Changes, "new ones");
    ad.client.set(&ann, "title", &["Mayor"]).ok();
    assert_eq!(watched.look(), Extent::Changes, "an attribute");
    ad.client.set(&ann, "title", &[]).ok();
    assert_eq!(watched.look(), Extent::Changes, "an attribute that goes");
    ad.client.plus(&editors, "member", &[&ann, &ben]).ok();
    assert_eq!(watched.look(), Extent::Changes, "members");
    ad.client.minus(&editors, "member", &[&ann]).ok();
    assert_eq!(watched.look(), Extent::Changes, "a member that goes");
    ad.client.set(&ben, "manager", &[&ann]).ok();
    assert_eq!(watched.look(), Extent::Changes, "a reference");
    let parks = ad.unit("Parks");
    assert_eq!(watched.look(), Extent::Changes, "a new unit");
    ad.client.set(&ann, "description", &["x"]).ok();
    assert_eq!(watched.look(), Extent::Changes);
    // The group's list and Ben's manager name her, and neither was touched.
    ad.client.rename(&ann, "CN=anna").ok();
    assert_eq!(watched.look(), Extent::Whole, "a rename");
    let anna = ad.dn("anna");
    ad.client.relocate(&anna, "CN=anna", &parks).ok();
    assert_eq!(watched.look(), Extent::Whole, "a move");
    ad.client.rename(&parks, "OU=Gardens").ok();
    assert_eq!(watched.look(), Extent::Whole, "a unit renamed");
    let base = ad.base.clone();
    let out = format!("CN=ben-{},{base}", ad.login("out"));
    let rdn = out.split(',').next().unwrap().to_owned();
    ad.client.relocate(&ben, &rdn, &base).ok();
    assert_eq!(watched.look(), Extent::Whole, "one who leaves the base");
    ad.client.set(&out, "title", &["Elsewhere"]).ok();
    assert_eq!(
        watched.look(),
        Extent::Changes,
        "what is outside is nobody's concern"
    );
    ad.client.relocate(&out, "CN=ben", &ad.unit.clone()).ok();
    // A group's list named him already.
    assert_eq!(watched.look(), Extent::Whole, "one who comes into it");
    ad.client.delete(&editors).ok();
    assert_eq!(watched.look(), Extent::Whole, "one that is deleted");
    assert_eq!(watched.look(), Extent::Changes, "nothing");
}

#[test]
fn what_was_touched_is_read_again_and_comes_to_what_everything_is() {
    everywhere(73, |ad| {
        let mut watched = Watched::of(ad.directory());
        assert_eq!(watched.uses_dir_sync(), ad.fake.is_none());
        by_hand(ad, &mut watched);
    });
}

#[test]
fn who_may_not_use_dir_sync_is_told_by_the_numbers_of_changes() {
    super::on_domain_controller(72, |ad| {
        let reader = ad.enabled_user("reader");
        let settings = LdapSettings {
            bind_dn: reader,
            password: PASSWORD.into(),
            base: countersign::dn::Dn::parse(&ad.unit).unwrap(),
            ..ad.settings.clone()
        };
        let mut watched = Watched::of(LdapDirectory::connect(&settings).unwrap());
        assert!(!watched.uses_dir_sync());
        let ann = ad.user("ann");
        assert_eq!(watched.look(), Extent::Changes);
        ad.client.set(&ann, "title", &["Mayor"]).ok();
        assert_eq!(watched.look(), Extent::Changes);
        ad.client.rename(&ann, "CN=anna").ok();
        assert_eq!(watched.look(), Extent::Whole);
    });
}

#[test]
fn another_copy_of_the_directory_tells_nothing_of_this_one() {
    everywhere(73, |ad| {
        let mut directory = ad.directory();
        let mark = directory.mark().unwrap().unwrap();
        let mut other = mark.clone();
        other.source[0] ^= 1;
        assert_eq!(directory.since(&other, &wanted()).unwrap(), Since::Untold);
        let mut later = mark.clone();
        later.number += 1_000_000;
        assert_eq!(directory.since(&later, &wanted()).unwrap(), Since::Untold);
        // A cookie that it does not take is no answer, either.
        let mut strange = mark;
        if let Some(cookie) = &mut strange.cookie {
            *cookie = b"no cookie at all".to_vec();
            ad.user("ann");
            assert_eq!(directory.since(&strange, &wanted()).unwrap(), Since::Untold);
        }
    });
}

#[test]
fn more_than_is_worth_reading_one_by_one_is_read_as_a_whole() {
    // As many in one answer as no page has, and more than wait for their turn.
    let options = Options {
        max_page_size: 10_000,
        ..Options::default()
    };
    for (count, limit) in [
        (501, options.clone()),
        (4_001, options),
        (1_001, Options::default()),
    ] {
        super::on_fake(73, limit, |ad| {
            let mut watched = Watched::of(ad.directory());
            for n in 0..count {
                let (dn, login) = (ad.dn(&format!("u{n}")), ad.login(&format!("u{n}")));
                ad.fake().change(|fake| fake.add_user(&dn, &login));
            }
            assert_eq!(watched.look(), Extent::Whole, "{count}");
        });
    }
}
