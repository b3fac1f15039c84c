//! Limits and rules of attribute values, change stamps, deletion.

use super::super::Values;
use super::*;
use ldap3::controls::RawControl;

#[tokio::test]
async fn ad_15_proxy_addresses_are_taken_as_they_come() {
    let fake = cast();
    let mut ldap = admin(&fake).await;
    let both = values(&["SMTP:a@x.example", "SMTP:b@x.example"]);
    accepted(
        ldap.modify(ANN, vec![Mod::Replace("proxyAddresses", both)])
            .await,
    );
    accepted(
        ldap.modify(BOB, plus("proxyAddresses", "SMTP:a@x.example"))
            .await,
    );
    // Values differ only if they differ without case.
    refused(
        ldap.modify(BOB, plus("proxyAddresses", "smtp:A@x.example"))
            .await,
        20,
        "00002083",
    );
    accepted(
        ldap.modify(BOB, set("proxyAddresses", "smtp:a@x.example"))
            .await,
    );
    assert_eq!(
        fake.entry(BOB).texts("proxyAddresses"),
        ["smtp:a@x.example"]
    );
}

#[tokio::test]
async fn ad_17_limits_can_be_read_from_the_schema() {
    let fake = cast();
    let mut ldap = admin(&fake).await;
    let limits = [
        ("employeeID", "16"),
        ("initials", "6"),
        ("title", "128"),
        ("c", "3"),
    ];
    for (name, upper) in limits {
        let schema = format!("CN=Schema,CN=Configuration,{BASE}");
        let filter = format!("(&(objectClass=attributeSchema)(lDAPDisplayName={name}))");
        let wanted = vec!["rangeUpper", "isSingleValued", "linkID"];
        let found = ldap
            .search(&schema, Scope::OneLevel, &filter, wanted)
            .await
            .unwrap();
        let entry = SearchEntry::construct(found.success().unwrap().0.remove(0));
        assert_eq!(entry.attrs["rangeUpper"], [upper]);
        assert_eq!(entry.attrs["isSingleValued"], ["TRUE"]);
    }
    let member = format!("CN=member,CN=Schema,CN=Configuration,{BASE}");
    let entry = read(&mut ldap, &member, &["linkID", "isSingleValued"]).await;
    assert_eq!(
        (&entry.attrs["linkID"], &entry.attrs["isSingleValued"]),
        (&vec!["2".to_owned()], &vec!["FALSE".to_owned()])
    );
}

#[tokio::test]
async fn ad_18_over_long_values() {
    let fake = cast();
    let mut ldap = admin(&fake).await;
    accepted(
        ldap.modify(ANN, set("employeeID", "0123456789abcdef"))
            .await,
    );
    refused(
        ldap.modify(ANN, set("employeeID", "0123456789abcdefg"))
            .await,
        19,
        "00002082: AtrErr",
    );
    // Characters, not bytes.
    accepted(ldap.modify(ANN, set("initials", "éééééé")).await);
    refused(
        ldap.modify(ANN, set("initials", "ééééééé")).await,
        19,
        "00002082",
    );
    fake.change(|ad| ad.define_attribute("cityBadge", Values::Single, 4));
    refused(
        ldap.modify(ANN, set("cityBadge", "12345")).await,
        19,
        "00002082",
    );
    accepted(ldap.modify(ANN, set("cityBadge", "1234")).await);
}

#[tokio::test]
async fn ad_19_empty_and_absent_values() {
    let fake = cast();
    let mut ldap = admin(&fake).await;
    refused(
        ldap.modify(ANN, set("title", "")).await,
        21,
        "00000057: LdapErr",
    );
    accepted(
        ldap.modify(ANN, vec![Mod::Replace("title", HashSet::new())])
            .await,
    );
    refused(
        ldap.modify(ANN, vec![Mod::Delete("title", HashSet::new())])
            .await,
        16,
        "00002085",
    );
    refused(
        ldap.modify(ANN, minus("title", "Mayor")).await,
        16,
        "00002085",
    );
    accepted(ldap.modify(ANN, plus("title", "Mayor")).await);
    refused(
        ldap.modify(ANN, plus("title", "mayor")).await,
        20,
        "00002083",
    );
    accepted(ldap.modify(ANN, minus("title", "MAYOR")).await);
    refused(
        ldap.modify(ANN, set("noSuchAttribute", "x")).await,
        16,
        "00000057",
    );
    refused(
        ldap.modify(ANN, set("countryCode", "DE")).await,
        21,
        "00000057",
    );
}

#[tokio::test]
async fn ad_20_one_value_only() {
    let fake = cast();
    let mut ldap = admin(&fake).await;
    let two = || values(&["a", "b"]);
    refused(
        ldap.modify(ANN, vec![Mod::Replace("title", two())]).await,
        19,
        "00002081: AtrErr",
    );
    for dn in [ANN, STAFF] {
        refused(
            ldap.modify(dn, vec![Mod::Replace("description", two())])
                .await,
            20,
            "0000200D",
        );
    }
    accepted(
        ldap.modify(ITS, vec![Mod::Replace("description", two())])
            .await,
    );
    accepted(
        ldap.modify(ANN, vec![Mod::Replace("otherTelephone", two())])
            .await,
    );
    refused(
        ldap.modify(ANN, vec![Mod::Replace("manager", values(&[ANN, BOB]))])
            .await,
        19,
        "00002081",
    );
}

#[tokio::test]
async fn ad_22_attributes_that_cannot_be_written() {
    let fake = cast();
    let mut ldap = admin(&fake).await;
    refused(ldap.modify(ANN, set("cn", "Anne")).await, 67, "00002016");
    refused(ldap.modify(ANN, set("name", "Anne")).await, 67, "00002016");
    refused(
        ldap.modify(ANN, plus("memberOf", STAFF)).await,
        53,
        "0000209A: SvcErr",
    );
    refused(
        ldap.modify(ANN, set("objectGUID", "0123456789abcdef"))
            .await,
        19,
        "000020B1",
    );
    refused(
        ldap.modify(ANN, set("uSNChanged", "1")).await,
        19,
        "000020B1",
    );
    refused(
        ldap.modify(ANN, set("sAMAccountType", "1")).await,
        53,
        "0000209A",
    );
    refused(ldap.modify(ANN, plus("member", BOB)).await, 65, "0000207D");
}

#[tokio::test]
async fn ad_29_protection_from_accidental_deletion() {
    let fake = cast();
    fake.change(|ad| {
        ad.add_unit("OU=Parks,DC=example,DC=test");
        ad.protect(ANN);
    });
    let mut ldap = admin(&fake).await;
    refused(ldap.delete(ANN).await, 50, "00002098: SecErr");
    let parks = Some("OU=Parks,DC=example,DC=test");
    refused(
        ldap.modifydn(ANN, "CN=Ann", true, parks).await,
        50,
        "00002098",
    );
    accepted(ldap.modifydn(ANN, "CN=Ann B", true, None).await);
    // Line 30: not for its container's deletion, tree and all.
    refused(ldap.delete(ITS).await, 66, "00002015");
    let tree = RawControl {
        ctype: "1.2.840.113556.1.4.805".to_owned(),
        crit: true,
        val: None,
    };
    accepted(ldap.with_controls(tree).delete(ITS).await);
    assert!(fake.find("CN=Ann B,OU=ITS,DC=example,DC=test").is_none());
    assert_eq!(
        fake.log().last().unwrap().controls,
        ["1.2.840.113556.1.4.805"]
    );
}

#[tokio::test]
async fn ad_32_a_tombstone_is_there_for_those_who_ask() {
    let fake = cast();
    fake.change(|ad| ad.replace(ANN, "title", &["Mayor"]));
    let guid = fake.entry(ANN).guid();
    let mut ldap = admin(&fake).await;
    accepted(ldap.delete(ANN).await);
    let name = format!("<GUID={guid}>");
    refused(ldap.modify(&name, set("title", "x")).await, 32, "0000208D");
    assert!(find(&mut ldap, "(sAMAccountName=ann)").await.is_empty());
    let shown = RawControl {
        ctype: "1.2.840.113556.1.4.417".to_owned(),
        crit: true,
        val: None,
    };
    let filter = "(&(isDeleted=TRUE)(objectClass=user))";
    let found = ldap
        .with_controls(shown)
        .search(BASE, Scope::Subtree, filter, vec!["*"])
        .await;
    let entry = SearchEntry::construct(found.unwrap().success().unwrap().0.remove(0));
    assert_eq!(
        entry.dn,
        format!("CN=Ann\\0ADEL:{guid},CN=Deleted Objects,{BASE}")
    );
    assert_eq!(entry.attrs["lastKnownParent"], [ITS]);
    assert!(!entry.attrs.contains_key("title") && !entry.attrs.contains_key("objectCategory"));
    // Line 34: its names are free.
    accepted(hire(&mut ldap, ANN, &[("sAMAccountName", "ann")]).await);
}

#[tokio::test]
async fn ad_62_what_moves_the_change_number() {
    let fake = cast();
    let usn = |dn: &str| fake.entry(dn).number("uSNChanged").unwrap();
    let (ann, staff) = (usn(ANN), usn(STAFF));
    let mut ldap = admin(&fake).await;
    accepted(ldap.modify(STAFF, plus("member", ANN)).await);
    assert_eq!(usn(ANN), ann);
    assert!(usn(STAFF) > staff);
    accepted(ldap.modify(ANN, set("title", "Mayor")).await);
    let changed = usn(ANN);
    accepted(ldap.modify(ANN, set("title", "Mayor")).await);
    assert_eq!(usn(ANN), changed);
    assert_eq!(
        find(&mut ldap, &format!("(uSNChanged>={changed})")).await,
        [ANN]
    );
    let dse = read(&mut ldap, "", &["highestCommittedUSN"]).await;
    assert_eq!(dse.attrs["highestCommittedUSN"], [changed.to_string()]);
}

#[tokio::test]
async fn ad_65_rights_can_be_missing() {
    let fake = cast();
    fake.change(|ad| ad.deny_writes(ANN));
    let mut ldap = admin(&fake).await;
    refused(
        ldap.modify(ANN, set("title", "x")).await,
        50,
        "00002098: SecErr",
    );
    refused(ldap.modifydn(ANN, "CN=A", true, None).await, 50, "00002098");
    refused(ldap.delete(ANN).await, 50, "00002098");
    fake.change(|ad| ad.deny_writes(ITS));
    refused(
        hire(&mut ldap, "CN=New,OU=ITS,DC=example,DC=test", &[]).await,
        50,
        "00002098",
    );
}

#[tokio::test]
async fn ad_66_built_in_objects_stay() {
    let fake = cast();
    let mut ldap = admin(&fake).await;
    refused(ldap.delete(&fake.admin_dn()).await, 80, "0000055B");
    let entry = read(
        &mut ldap,
        &fake.admin_dn(),
        &["isCriticalSystemObject", "adminCount"],
    )
    .await;
    assert_eq!(entry.attrs["isCriticalSystemObject"], ["TRUE"]);
    assert_eq!(entry.attrs["adminCount"], ["1"]);
}

#[tokio::test]
async fn ad_76_delete_old_and_add_new_is_compare_and_swap() {
    let fake = cast();
    fake.change(|ad| ad.replace(ANN, "title", &["Mayor"]));
    let mut ldap = admin(&fake).await;
    let swap = |old, new| vec![minus("title", old).remove(0), plus("title", new).remove(0)];
    accepted(ldap.modify(ANN, swap("Mayor", "Clerk")).await);
    refused(
        ldap.modify(ANN, swap("Mayor", "Planner")).await,
        16,
        "00002085",
    );
    assert_eq!(fake.entry(ANN).text("title").as_deref(), Some("Clerk"));
}

#[tokio::test]
async fn ad_80_times_are_in_two_forms() {
    let fake = cast();
    let mut ldap = admin(&fake).await;
    accepted(ldap.modify(ANN, set("title", "x")).await);
    fake.set_now(1_799_049_600 + 61);
    accepted(ldap.modify(ANN, set("title", "y")).await);
    let entry = read(
        &mut ldap,
        ANN,
        &["whenCreated", "whenChanged", "pwdLastSet"],
    )
    .await;
    assert_eq!(entry.attrs["whenCreated"], ["20270104080000.0Z"]);
    assert_eq!(entry.attrs["whenChanged"], ["20270104080101.0Z"]);
    assert_eq!(entry.attrs["pwdLastSet"], ["134435232000000000"]);
    assert_eq!(
        find(&mut ldap, "(whenChanged>=20270104080100.0Z)").await,
        [ANN]
    );
}

#[test]
fn ldif_goes_in_and_comes_out() {
    let text = "version: 1\n\n# a comment\ndn: CN=Staff,OU=ITS,DC=example,DC=test\n\
                objectClass: group\nsAMAccountName: staff\nmember: CN=Ann,OU=ITS,DC=exam\n ple,DC=test\n\n\
                dn: CN=Ann,OU=ITS,DC=example,DC=test\nchangetype: add\nobjectClass: user\n\
                sAMAccountName: ann\nuserAccountControl: 512\ndisplayName:: w4Rubg==\n\
                objectGUID:: AAECAwQFBgcICQoLDA0ODw==\n";
    let fake = FakeAd::start();
    fake.load_ldif(text);
    assert_eq!(fake.entry(STAFF).texts("member"), [ANN]);
    let ann = fake.entry(ANN);
    assert_eq!(ann.text("displayName").as_deref(), Some("Änn"));
    assert_eq!(ann.guid(), "03020100-0504-0706-0809-0a0b0c0d0e0f");
    assert_eq!(ann.texts("memberOf"), [STAFF]);
    assert_eq!(ann.password.as_deref(), Some(PASSWORD));
    let written = fake.ldif(ANN);
    let expected = "dn: CN=Ann,OU=ITS,DC=example,DC=test\naccountExpires: 9223372036854775807\n\
                    displayName:: w4Rubg==\nobjectClass: top\nobjectClass: person\n\
                    objectClass: organizationalPerson\nobjectClass: user\nprimaryGroupID: 513\n\
                    sAMAccountName: ann\nuserAccountControl: 512\n\n";
    assert_eq!(written, expected);
    let again = FakeAd::start();
    again.load_ldif(&fake.ldif(ITS));
    assert_eq!(again.ldif(ITS), fake.ldif(ITS));
}
