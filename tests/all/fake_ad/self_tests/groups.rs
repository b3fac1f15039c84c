//! Memberships and other links.

use super::*;
use ldap3::controls::RawControl;

const USERS: &str = "CN=Domain Users,CN=Users,DC=example,DC=test";

fn permissive() -> RawControl {
    RawControl {
        ctype: "1.2.840.113556.1.4.1413".to_owned(),
        crit: true,
        val: None,
    }
}

#[tokio::test]
async fn ad_35_deleting_either_end_ends_the_membership() {
    let fake = cast();
    fake.change(|ad| {
        ad.add_member(STAFF, ANN);
        ad.add_member(STAFF, BOB);
    });
    let mut ldap = admin(&fake).await;
    accepted(ldap.delete(ANN).await);
    assert_eq!(fake.entry(STAFF).texts("member"), [BOB]);
    accepted(ldap.delete(STAFF).await);
    assert!(fake.entry(BOB).texts("memberOf").is_empty());
}

#[tokio::test]
async fn ad_56_the_primary_group_is_in_no_list_and_swaps() {
    let fake = cast();
    let mut ldap = admin(&fake).await;
    assert!(
        !read(&mut ldap, ANN, &["memberOf"])
            .await
            .attrs
            .contains_key("memberOf")
    );
    refused(
        ldap.modify(USERS, plus("member", ANN)).await,
        68,
        "00000562",
    );
    refused(
        ldap.modify(USERS, minus("member", ANN)).await,
        53,
        "00000561",
    );
    let rid = {
        let sid = fake.entry(STAFF).values("objectSid")[0].clone();
        u32::from_le_bytes(*sid.last_chunk().unwrap()).to_string()
    };
    refused(
        ldap.modify(ANN, set("primaryGroupID", &rid)).await,
        53,
        "00000561",
    );
    accepted(ldap.modify(STAFF, plus("member", ANN)).await);
    accepted(ldap.modify(ANN, set("primaryGroupID", &rid)).await);
    assert_eq!(fake.entry(ANN).texts("memberOf"), [USERS]);
    assert!(fake.entry(STAFF).texts("member").is_empty());
}

#[tokio::test]
async fn ad_57_repeated_membership_changes() {
    let fake = cast();
    let mut ldap = admin(&fake).await;
    refused(
        ldap.modify(STAFF, minus("member", ANN)).await,
        53,
        "00000561: SvcErr",
    );
    accepted(
        ldap.with_controls(permissive())
            .modify(STAFF, minus("member", ANN))
            .await,
    );
    accepted(ldap.modify(STAFF, plus("member", ANN)).await);
    refused(
        ldap.modify(STAFF, plus("member", ANN)).await,
        68,
        "00000562: UpdErr",
    );
    accepted(
        ldap.with_controls(permissive())
            .modify(STAFF, plus("member", ANN))
            .await,
    );
    assert_eq!(fake.entry(ANN).texts("memberOf"), [STAFF]);
    assert_eq!(fake.entry(STAFF).texts("member"), [ANN]);
}

#[tokio::test]
async fn ad_58_a_modify_is_atomic() {
    let fake = cast();
    fake.change(|ad| ad.add_member(STAFF, ANN));
    let mut ldap = admin(&fake).await;
    let both = |a, b| vec![Mod::Add("member", values(&[a, b]))];
    refused(ldap.modify(STAFF, both(BOB, ANN)).await, 68, "00000562");
    let missing = "CN=No,OU=ITS,DC=example,DC=test";
    refused(ldap.modify(STAFF, both(BOB, missing)).await, 32, "00000525");
    let mixed = vec![
        set("title", "x").remove(0),
        set("employeeID", "01234567890123456").remove(0),
    ];
    refused(ldap.modify(ANN, mixed).await, 19, "00002082");
    assert_eq!(fake.entry(STAFF).texts("member"), [ANN]);
    assert_eq!(fake.entry(ANN).text("title"), None);
}

#[tokio::test]
async fn ad_59_links_to_nobody() {
    let fake = cast();
    let mut ldap = admin(&fake).await;
    let missing = "CN=No,OU=ITS,DC=example,DC=test";
    let refusal = ldap.modify(STAFF, plus("member", missing)).await.unwrap();
    assert_eq!(refusal.rc, 32);
    let text = "00000525: NameErr: DSID-0310028C, problem 2001 (NO_OBJECT), data 0, best match of:\n\t''\n";
    assert_eq!(refusal.text.trim_end_matches('\0'), text);
    refused(
        ldap.modify(ANN, set("manager", missing)).await,
        19,
        "000020B5: AtrErr",
    );
    accepted(ldap.modify(ANN, set("manager", BOB)).await);
    assert_eq!(fake.entry(BOB).texts("directReports"), [ANN]);
    refused(
        ldap.modify(ANN, minus("manager", ANN)).await,
        16,
        "00002085",
    );
}

#[tokio::test]
async fn ad_60_a_group_may_be_in_itself() {
    let fake = cast();
    fake.change(|ad| ad.add_group("CN=All,OU=ITS,DC=example,DC=test", "all", &[STAFF]));
    let mut ldap = admin(&fake).await;
    let all = "CN=All,OU=ITS,DC=example,DC=test";
    accepted(ldap.modify(STAFF, plus("member", STAFF)).await);
    accepted(ldap.modify(STAFF, plus("member", all)).await);
    accepted(ldap.modify(STAFF, plus("member", ANN)).await);
    let chain = "(memberOf:1.2.840.113556.1.4.1941:=CN=All,OU=ITS,DC=example,DC=test)";
    let mut found = find(&mut ldap, chain).await;
    found.sort();
    assert_eq!(found, [all, ANN, STAFF]);
    // Lines 55 and 82: computed, for one object at a time.
    let entry = read(&mut ldap, ANN, &["msds-memberOfTransitive"]).await;
    assert_eq!(entry.attrs["msds-memberOfTransitive"].len(), 2);
    let wanted = vec!["msds-memberOfTransitive"];
    let found = ldap
        .search(BASE, Scope::Subtree, "(cn=ann)", wanted)
        .await
        .unwrap();
    assert_eq!(found.1.rc, 1);
    assert!(found.1.text.starts_with("00002120"));
}

#[tokio::test]
async fn ad_61_scopes_of_groups() {
    let fake = cast();
    assert_eq!(fake.entry(STAFF).number("groupType"), Some(-2_147_483_646));
    let mut ldap = admin(&fake).await;
    refused(
        ldap.modify(STAFF, set("groupType", "-2147483644")).await,
        53,
        "00002141",
    );
    accepted(ldap.modify(STAFF, set("groupType", "-2147483640")).await);
    accepted(ldap.modify(STAFF, set("groupType", "-2147483644")).await);
    assert_eq!(
        fake.entry(STAFF).number("sAMAccountType"),
        Some(536_870_912)
    );
    let list = "CN=List,OU=ITS,DC=example,DC=test";
    let group = vec![
        ("objectClass", values(&["group"])),
        ("groupType", values(&["2"])),
    ];
    accepted(ldap.add(list, group).await);
    assert_eq!(fake.entry(list).number("sAMAccountType"), Some(268_435_457));
}
