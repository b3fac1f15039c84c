//! Identity, naming and the escaping of names.

use super::super::name::{Dn, Rdn};
use super::super::text;
use super::super::{DnSpelling, Options};
use super::*;

fn guid_filter(guid: &[u8]) -> String {
    let escaped: Vec<String> = guid.iter().map(|b| format!("\\{b:02x}")).collect();
    format!("(objectGUID={})", escaped.concat())
}

#[tokio::test]
async fn ad_1_guid_and_sid_survive_rename_and_move() {
    let fake = cast();
    let before = fake.entry(ANN);
    let mut ldap = admin(&fake).await;
    fake.change(|ad| ad.add_unit("OU=Parks,DC=example,DC=test"));
    accepted(
        ldap.modifydn(ANN, "CN=Ann B", true, Some("OU=Parks,DC=example,DC=test"))
            .await,
    );
    let after = fake.entry("CN=Ann B,OU=Parks,DC=example,DC=test");
    assert_eq!(before.guid(), after.guid());
    assert_eq!(before.values("objectSid"), after.values("objectSid"));
    assert!(fake.find(ANN).is_none());
    let same_seed = cast();
    assert_eq!(before.guid(), same_seed.entry(ANN).guid());
    let other = with_cast(FakeAd::with(Options {
        seed: 2,
        ..Options::default()
    }));
    assert_ne!(before.guid(), other.entry(ANN).guid());
}

#[tokio::test]
async fn ad_2_guid_as_filter_and_as_name() {
    let fake = cast();
    let entry = fake.entry(ANN);
    let mut ldap = admin(&fake).await;
    // Not UTF-8, as nearly every GUID.
    let raw = entry.values("objectGUID")[0].clone();
    assert!(String::from_utf8(raw.clone()).is_err());
    assert_eq!(find(&mut ldap, &guid_filter(&raw)).await, [ANN]);
    let spelt = format!("(objectGUID={})", entry.guid());
    assert!(
        find(&mut ldap, &spelt).await.is_empty(),
        "only the bytes match"
    );
    let dashed = format!("<GUID={}>", entry.guid());
    let hex = format!("<GUID={}>", text::hex(&raw));
    for name in [&dashed, &hex] {
        assert_eq!(read(&mut ldap, name, &["cn"]).await.dn, ANN);
    }
    accepted(ldap.modify(&dashed, set("title", "Mayor")).await);
    assert_eq!(fake.entry(ANN).text("title").as_deref(), Some("Mayor"));
    accepted(ldap.modify(STAFF, plus("member", &hex)).await);
    assert_eq!(fake.entry(STAFF).texts("member"), [ANN]);
    accepted(ldap.modifydn(&dashed, "CN=Ann B", true, None).await);
    // Line 26: the GUID still leads there, the old DN no longer does.
    assert_eq!(
        read(&mut ldap, &hex, &["cn"]).await.dn,
        "CN=Ann B,OU=ITS,DC=example,DC=test"
    );
    refused(ldap.modify(ANN, set("title", "x")).await, 32, "0000208D");
}

#[tokio::test]
async fn ad_3_a_new_object_of_the_same_name_is_another_one() {
    let fake = cast();
    let before = fake.entry(ANN);
    let mut ldap = admin(&fake).await;
    accepted(ldap.delete(ANN).await);
    accepted(hire(&mut ldap, ANN, &[("sAMAccountName", "ann")]).await);
    let after = fake.entry(ANN);
    assert_ne!(before.values("objectSid"), after.values("objectSid"));
    assert_ne!(before.guid(), after.guid());
}

#[tokio::test]
async fn ad_4_logins_of_users() {
    let fake = cast();
    let mut ldap = admin(&fake).await;
    for bad in [
        "a\"b", "a/b", "a\\b", "a[b", "a:b", "a;b", "a|b", "a=b", "a,b", "a+b", "a*b", "a?b",
    ] {
        refused(
            ldap.modify(ANN, set("sAMAccountName", bad)).await,
            19,
            "0000202F",
        );
    }
    for bad in ["ann.", "   ", "a\tb", "a<b", "a>b", "a]b"] {
        refused(
            ldap.modify(ANN, set("sAMAccountName", bad)).await,
            19,
            "0000202F",
        );
    }
    accepted(
        ldap.modify(ANN, set("sAMAccountName", "abcdefghij0123456789"))
            .await,
    );
    let long = set("sAMAccountName", "abcdefghij0123456789x");
    refused(ldap.modify(ANN, long).await, 19, "0000202F");
    let new = "CN=New,OU=ITS,DC=example,DC=test";
    let long = [("sAMAccountName", "abcdefghij0123456789x")];
    refused(hire(&mut ldap, new, &long).await, 19, "0000202F");
}

#[tokio::test]
async fn ad_4_long_logins_may_wear_another_face() {
    let options = Options {
        long_login: super::super::LongLogin::WillNotPerform,
        ..Options::default()
    };
    let fake = with_cast(FakeAd::with(options));
    let mut ldap = admin(&fake).await;
    let long = set("sAMAccountName", "abcdefghij0123456789x");
    refused(ldap.modify(ANN, long).await, 53, "0000001F: SvcErr");
}

#[tokio::test]
async fn ad_5_names_of_groups_may_be_longer() {
    let fake = cast();
    let mut ldap = admin(&fake).await;
    let name = "g".repeat(256);
    accepted(ldap.modify(STAFF, set("sAMAccountName", &name)).await);
    let name = "g".repeat(257);
    refused(
        ldap.modify(STAFF, set("sAMAccountName", &name)).await,
        19,
        "00002082",
    );
}

#[tokio::test]
async fn ad_6_logins_are_unique_without_case_and_accents() {
    let fake = cast();
    let mut ldap = admin(&fake).await;
    let new = "CN=New,OU=ITS,DC=example,DC=test";
    for taken in ["ANN", "ánn", "Añn"] {
        refused(
            hire(&mut ldap, new, &[("sAMAccountName", taken)]).await,
            68,
            "00000524: UpdErr",
        );
    }
    refused(
        hire(&mut ldap, new, &[("sAMAccountName", "Staff")]).await,
        68,
        "00000526",
    );
    refused(
        ldap.modify(BOB, set("sAMAccountName", "Ann")).await,
        68,
        "00000524",
    );
    accepted(ldap.modify(ANN, set("sAMAccountName", "ANN")).await);
    assert_eq!(fake.entry_by_sam("ann").unwrap().dn, ANN);
}

#[tokio::test]
async fn ad_8_common_names_are_unique_in_their_container() {
    let fake = cast();
    let mut ldap = admin(&fake).await;
    for taken in [
        "CN=Ann,OU=ITS,DC=example,DC=test",
        "CN=ÁNN,OU=its,DC=example,DC=test",
    ] {
        let login = [("sAMAccountName", "ann2")];
        refused(hire(&mut ldap, taken, &login).await, 68, "00002071: UpdErr");
    }
    let elsewhere = "CN=Ann,CN=Users,DC=example,DC=test";
    accepted(hire(&mut ldap, elsewhere, &[("sAMAccountName", "ann2")]).await);
    let most = format!("CN={},{ITS}", "n".repeat(64));
    accepted(hire(&mut ldap, &most, &[("sAMAccountName", "n64")]).await);
    let over = format!("CN={},{ITS}", "n".repeat(65));
    refused(
        hire(&mut ldap, &over, &[("sAMAccountName", "n65")]).await,
        19,
        "00002082",
    );
    let over = format!("CN={}", "n".repeat(65));
    refused(ldap.modifydn(ANN, &over, true, None).await, 19, "00002082");
}

#[tokio::test]
async fn ad_10_names_come_back_in_the_servers_spelling() {
    for (spelling, spelt) in [
        (
            DnSpelling::Backslash,
            r"CN=\#1 Lopez\, Maria \\ \+\;\=é,OU=ITS,DC=example,DC=test",
        ),
        (
            DnSpelling::HexPairs,
            r"CN=\231 Lopez\2C Maria \5C \2B\3B\3Dé,OU=ITS,DC=example,DC=test",
        ),
    ] {
        let fake = with_cast(FakeAd::with(Options {
            dn_spelling: spelling,
            ..Options::default()
        }));
        let mut ldap = admin(&fake).await;
        let sent = r"cn=\231 Lopez\2c Maria \\ \2B\3b=\c3\a9 , ou=its, dc=EXAMPLE, dc=test";
        accepted(hire(&mut ldap, sent, &[("sAMAccountName", "ml")]).await);
        assert_eq!(find(&mut ldap, "(sAMAccountName=ml)").await, [spelt]);
        accepted(ldap.modify(STAFF, plus("member", sent)).await);
        let member = &read(&mut ldap, STAFF, &["member"]).await.attrs["member"];
        assert_eq!(member, &[spelt]);
        let filter =
            r"(member=cn=\5c#1 Lopez\5c, Maria \5c\5c \5c+\5c;\5c=é,ou=ITS,dc=example,dc=test)";
        assert_eq!(find(&mut ldap, filter).await, [STAFF]);
    }
    refused(
        admin(&cast())
            .await
            .delete("CN=a+b,DC=example,DC=test")
            .await,
        34,
        "0000208F: NameErr",
    );
}

#[test]
fn ad_10_escaped_names_parse_to_themselves() {
    for value in [
        "a",
        " a ",
        "#a#",
        "a,b+c\"d\\e<f>g;h=i",
        "a\nb",
        "\u{1F600} é",
        "  ",
        "a\0",
    ] {
        let rdn = Rdn::of("CN", value);
        for spelling in [DnSpelling::Backslash, DnSpelling::HexPairs] {
            let text = format!("{},{BASE}", rdn.text(spelling));
            assert_eq!(Dn::parse(&text).unwrap().0[0], rdn, "{text}");
        }
    }
    for bad in [
        "CN", "CN=", "=a", "CN=a+b", "CN=\"a\"", "CN=a\\", "CN=a\\zz", "CN=a;b",
    ] {
        assert_eq!(Rdn::parse(bad), None, "{bad}");
    }
}

#[tokio::test]
async fn ad_12_filter_text_is_data() {
    let fake = cast();
    fake.change(|ad| ad.add_user("CN=A*n (x),OU=ITS,DC=example,DC=test", "star"));
    let mut ldap = admin(&fake).await;
    assert_eq!(find(&mut ldap, r"(cn=A\2an \28x\29)").await.len(), 1);
    assert_eq!(
        find(&mut ldap, "(&(!(adminCount=1))(cn=A*n*))").await.len(),
        2
    );
    assert_eq!(find(&mut ldap, "(&(objectClass=user)(cn=*n))").await, [ANN]);
    assert_eq!(
        find(&mut ldap, "(&(sAMAccountName=*)(cn=*o*b*))").await,
        [BOB]
    );
}

#[tokio::test]
async fn ad_14_principal_names_are_unique() {
    let fake = cast();
    let mut ldap = admin(&fake).await;
    let taken = set("userPrincipalName", "Bob@Example.test");
    let refusal = ldap.modify(ANN, taken).await.unwrap();
    assert_eq!(refusal.rc, 19);
    let text = "000021C8: AtrErr: DSID-03153438, #1:\n\t0: 000021C8: DSID-03153438, problem 1005 \
                (CONSTRAINT_ATT_TYPE), data 0, Att 90290 (userPrincipalName)\n";
    assert_eq!(refusal.text.trim_end_matches('\0'), text);
    accepted(
        ldap.modify(ANN, set("userPrincipalName", "ann@not-registered.example"))
            .await,
    );
}

#[tokio::test]
async fn ad_23_a_change_of_case_is_a_rename() {
    let fake = cast();
    let mut ldap = admin(&fake).await;
    accepted(ldap.modifydn(ANN, "CN=ANN", true, None).await);
    assert_eq!(fake.entry(ANN).dn, "CN=ANN,OU=ITS,DC=example,DC=test");
    assert_eq!(fake.entry(ANN).text("cn").as_deref(), Some("ANN"));
    assert_eq!(fake.entry(ANN).text("name").as_deref(), Some("ANN"));
}

#[tokio::test]
async fn ad_24_links_and_children_follow_a_renamed_unit() {
    let fake = cast();
    fake.change(|ad| {
        ad.add_member(STAFF, ANN);
        ad.replace(BOB, "manager", &[ANN]);
    });
    let usn = fake.entry(ANN).number("uSNChanged");
    let mut ldap = admin(&fake).await;
    accepted(ldap.modifydn(ITS, "OU=Tech", true, None).await);
    let ann = "CN=Ann,OU=Tech,DC=example,DC=test";
    assert_eq!(
        fake.entry("CN=Staff,OU=Tech,DC=example,DC=test")
            .texts("member"),
        [ann]
    );
    assert_eq!(
        fake.entry("CN=Bob,OU=Tech,DC=example,DC=test")
            .texts("manager"),
        [ann]
    );
    assert_eq!(
        fake.entry(ann).texts("directReports"),
        ["CN=Bob,OU=Tech,DC=example,DC=test"]
    );
    // Line 27: a child does not show that its container moved.
    assert_eq!(fake.entry(ann).number("uSNChanged"), usn);
}

#[tokio::test]
async fn ad_25_renames_and_moves_that_cannot_be() {
    let fake = cast();
    let mut ldap = admin(&fake).await;
    refused(
        ldap.modifydn(ANN, "CN=bob", true, None).await,
        68,
        "00002071",
    );
    let missing = Some("OU=No,DC=example,DC=test");
    refused(
        ldap.modifydn(ANN, "CN=Ann", true, missing).await,
        32,
        "00002089",
    );
    refused(
        ldap.modifydn(ANN, "OU=Ann", true, None).await,
        64,
        "00002099",
    );
    refused(
        ldap.modifydn(ANN, "CN=Ann", true, Some(BOB)).await,
        64,
        "00002099",
    );
    refused(ldap.modifydn(ANN, "CN=A", false, None).await, 53, "");
    let options = Options {
        absent_parent: super::super::AbsentParent::Other,
        ..Options::default()
    };
    let fake = with_cast(FakeAd::with(options));
    refused(
        admin(&fake)
            .await
            .modifydn(ANN, "CN=Ann", true, missing)
            .await,
        80,
        "00002089",
    );
    assert_eq!(fake.entry(ANN).dn, ANN);
}
