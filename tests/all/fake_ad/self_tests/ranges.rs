//! Values in ranges: line 54.

use super::*;
use std::collections::BTreeSet;

const BIG: &str = "CN=Big,OU=ITS,DC=example,DC=test";

fn with_members(count: usize) -> FakeAd {
    let fake = cast();
    fake.change(|ad| {
        let names: Vec<String> = (0..count)
            .map(|n| format!("CN=u{n},OU=Many,{BASE}"))
            .collect();
        for (n, name) in names.iter().enumerate() {
            ad.add_user(name, &format!("u{n}"));
        }
        let members: Vec<&str> = names.iter().map(String::as_str).collect();
        ad.add_group(BIG, "big", &members);
    });
    fake
}

/// As a careful client reads: window by window, until the last is marked so.
async fn all_members(ldap: &mut Ldap) -> (BTreeSet<String>, usize) {
    let (mut members, mut windows) = (BTreeSet::new(), 0);
    let mut low = 0;
    loop {
        let asked = format!("member;range={low}-*");
        let entry = read(ldap, BIG, &[&asked]).await;
        let Some((name, values)) = entry.attrs.into_iter().next() else {
            return (members, windows);
        };
        windows += 1;
        low += values.len();
        members.extend(values);
        if name.ends_with("-*") {
            return (members, windows);
        }
        assert_eq!(name, format!("member;range={}-{}", low - 1500, low - 1));
    }
}

#[tokio::test]
async fn ad_54_member_ranges_of_1500() {
    let sizes = [
        (0, 0),
        (1, 1),
        (1499, 1),
        (1500, 1),
        (1501, 2),
        (3001, 3),
        (5001, 4),
    ];
    for (count, windows) in sizes {
        let fake = with_members(count);
        let mut ldap = admin(&fake).await;
        let (members, taken) = all_members(&mut ldap).await;
        assert_eq!((members.len(), taken), (count, windows));
        let plain = read(&mut ldap, BIG, &["member"]).await;
        if count == 0 {
            assert!(plain.attrs.is_empty());
        } else if count <= 1500 {
            assert_eq!(plain.attrs["member"].len(), count);
            assert_eq!(plain.attrs.len(), 1);
        } else {
            assert!(plain.attrs["member"].is_empty());
            assert_eq!(plain.attrs["member;range=0-1499"].len(), 1500);
        }
    }
}

#[tokio::test]
async fn ad_54_ranges_that_clients_ask_for() {
    let fake = with_members(1501);
    let mut ldap = admin(&fake).await;
    let small = read(&mut ldap, BIG, &["member;range=10-19"]).await;
    assert_eq!(small.attrs["member;range=10-19"].len(), 10);
    let wide = read(&mut ldap, BIG, &["member;range=0-4999"]).await;
    assert_eq!(wide.attrs["member;range=0-1499"].len(), 1500);
    let last = read(&mut ldap, BIG, &["member;range=1500-2999"]).await;
    assert_eq!(last.attrs["member;range=1500-*"].len(), 1);
    let wanted = vec!["member;range=1501-*"];
    let past = ldap
        .search(BIG, Scope::Base, "(objectClass=*)", wanted)
        .await
        .unwrap();
    assert_eq!(past.1.rc, 1);
    // An object's every attribute is ranged with `*` too.
    let all = read(&mut ldap, BIG, &["*"]).await;
    assert!(all.attrs["member"].is_empty() && all.attrs.contains_key("member;range=0-1499"));
}
