//! Flags, passwords, times and the state of accounts.

use super::super::{ClearBind, Options, PolicyAnswer};
use super::*;

const NEW: &str = "CN=New,OU=ITS,DC=example,DC=test";
const GOOD: &str = "Brave-Otter-22";

fn flags(fake: &FakeAd, dn: &str) -> i64 {
    fake.entry(dn).number("userAccountControl").unwrap()
}

async fn bind(fake: &FakeAd, name: &str, password: &str) -> LdapResult {
    let mut ldap = connect(settings(fake), &fake.ldaps_url()).await.unwrap();
    ldap.simple_bind(name, password).await.unwrap()
}

#[tokio::test]
async fn ad_36_foreign_flags_stay() {
    let fake = cast();
    let mut ldap = admin(&fake).await;
    accepted(ldap.modify(ANN, set("userAccountControl", "328194")).await);
    assert_eq!(flags(&fake, ANN), 0x2 | 0x200 | 0x1_0000 | 0x4_0000);
}

#[tokio::test]
async fn ad_37_read_only_flags_are_dropped() {
    let fake = cast();
    let mut ldap = admin(&fake).await;
    let all = (512 | 0x10 | 0x40 | 0x80_0000).to_string();
    accepted(ldap.modify(ANN, set("userAccountControl", &all)).await);
    assert_eq!(flags(&fake, ANN), 512);
    fake.change(|ad| ad.replace(ANN, "lockoutTime", &["1"]));
    let live = read(&mut ldap, ANN, &["msDS-User-Account-Control-Computed"]).await;
    assert_eq!(live.attrs["msDS-User-Account-Control-Computed"], ["16"]);
}

#[tokio::test]
async fn ad_38_normal_account_is_added() {
    let fake = cast();
    let mut ldap = admin(&fake).await;
    for (written, stored) in [("2", 514), ("0", 512), ("65538", 66050)] {
        accepted(ldap.modify(ANN, set("userAccountControl", written)).await);
        assert_eq!(flags(&fake, ANN), stored);
    }
}

#[tokio::test]
async fn ad_39_what_a_new_user_is_given() {
    let fake = cast();
    let mut ldap = admin(&fake).await;
    accepted(hire(&mut ldap, NEW, &[("sAMAccountName", "new")]).await);
    let entry = read(&mut ldap, NEW, &["*"]).await;
    let one = |name: &str| entry.attrs[name][0].as_str();
    assert_eq!(one("userAccountControl"), "546");
    assert_eq!(one("pwdLastSet"), "0");
    assert_eq!(one("primaryGroupID"), "513");
    assert_eq!(one("accountExpires"), "9223372036854775807");
    assert_eq!(one("sAMAccountType"), "805306368");
    assert_eq!(one("cn"), "New");
    assert_eq!(one("distinguishedName"), NEW);
    assert_eq!(
        one("objectCategory"),
        "CN=Person,CN=Schema,CN=Configuration,DC=example,DC=test"
    );
    assert_eq!(one("uSNCreated"), one("uSNChanged"));
    assert_eq!(
        entry.attrs["objectClass"],
        ["top", "person", "organizationalPerson", "user"]
    );
    assert_eq!(entry.bin_attrs["objectGUID"][0].len(), 16);
    assert!(!entry.attrs.contains_key("memberOf") && !entry.attrs.contains_key("unicodePwd"));
    let unnamed = "CN=Unnamed,OU=ITS,DC=example,DC=test";
    accepted(hire(&mut ldap, unnamed, &[]).await);
    assert!(
        fake.entry(unnamed)
            .text("sAMAccountName")
            .unwrap()
            .starts_with('$')
    );
}

#[tokio::test]
async fn ad_40_no_enabling_without_a_password() {
    let fake = cast();
    let mut ldap = admin(&fake).await;
    let enabled = [("sAMAccountName", "new"), ("userAccountControl", "512")];
    refused(hire(&mut ldap, NEW, &enabled).await, 53, "0000052D: SvcErr");
    let disabled = [("sAMAccountName", "new"), ("userAccountControl", "514")];
    accepted(hire(&mut ldap, NEW, &disabled).await);
    let refusal = ldap
        .modify(NEW, set("userAccountControl", "512"))
        .await
        .unwrap();
    let text = "0000052D: SvcErr: DSID-031A12D2, problem 5003 (WILL_NOT_PERFORM), data 0\n";
    assert_eq!(
        (refusal.rc, refusal.text.trim_end_matches('\0')),
        (53, text)
    );
    // Enabled but with no password required passes, and is a security finding.
    accepted(ldap.modify(NEW, set("userAccountControl", "544")).await);
    refused(
        ldap.modify(NEW, set("userAccountControl", "512")).await,
        53,
        "0000052D",
    );
    accepted(reset(&mut ldap, NEW, quoted(GOOD)).await);
    accepted(ldap.modify(NEW, set("userAccountControl", "512")).await);
    assert_eq!(bind(&fake, "new@example.test", GOOD).await.rc, 0);
}

#[tokio::test]
async fn ad_41_an_enabled_account_in_one_request() {
    let fake = cast();
    let mut ldap = admin(&fake).await;
    let text = |value: &str| HashSet::from([value.as_bytes().to_vec()]);
    let attributes = vec![
        (b"objectClass".to_vec(), text("user")),
        (b"sAMAccountName".to_vec(), text("new")),
        (b"userAccountControl".to_vec(), text("512")),
        (b"pwdLastSet".to_vec(), text("0")),
        (b"unicodePwd".to_vec(), HashSet::from([quoted(GOOD)])),
    ];
    accepted(ldap.add(NEW, attributes).await);
    assert_eq!(
        (flags(&fake, NEW), fake.entry(NEW).number("pwdLastSet")),
        (512, Some(0))
    );
    assert!(bind(&fake, NEW, GOOD).await.text.contains("data 773"));
    assert!(fake.writes()[0].contains("unicodePwd + (secret)"));
}

#[tokio::test]
async fn ad_42_the_form_of_a_password() {
    let fake = cast();
    let mut ldap = admin(&fake).await;
    let unquoted: Vec<u8> = GOOD.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let narrow = format!("\"{GOOD}\"").into_bytes();
    for bad in [unquoted, narrow, quoted(GOOD)[1..].to_vec()] {
        refused(reset(&mut ldap, ANN, bad).await, 53, "0000001F: SvcErr");
    }
    accepted(reset(&mut ldap, ANN, quoted(GOOD)).await);
    assert_eq!(fake.entry(ANN).password.as_deref(), Some(GOOD));
    let name = || b"unicodePwd".to_vec();
    let change = |old: &str, new: &str| {
        vec![
            Mod::Delete(name(), HashSet::from([quoted(old)])),
            Mod::Add(name(), HashSet::from([quoted(new)])),
        ]
    };
    refused(
        ldap.modify(ANN, change("wrong", "Quiet-Heron-9")).await,
        19,
        "00000056",
    );
    accepted(ldap.modify(ANN, change(GOOD, "Quiet-Heron-9")).await);
    assert_eq!(fake.entry(ANN).password.as_deref(), Some("Quiet-Heron-9"));
    assert!(
        !read(&mut ldap, ANN, &["unicodePwd"])
            .await
            .attrs
            .contains_key("unicodePwd")
    );
}

#[tokio::test]
async fn ad_43_no_password_without_tls() {
    let options = Options {
        clear_bind: ClearBind::Allowed,
        ..Options::default()
    };
    let fake = with_cast(FakeAd::with(options));
    let mut ldap = connect(settings(&fake), &fake.ldap_url()).await.unwrap();
    accepted(ldap.simple_bind(&fake.admin_dn(), PASSWORD).await);
    refused(
        reset(&mut ldap, ANN, quoted(GOOD)).await,
        53,
        "00002077: SvcErr",
    );
    accepted(ldap.modify(ANN, set("title", "x")).await);
}

#[tokio::test]
async fn ad_44_the_password_policy_and_its_two_faces() {
    let fake = cast();
    fake.change(|ad| ad.replace(ANN, "displayName", &["Ann Mayor"]));
    let mut ldap = admin(&fake).await;
    for weak in [
        "Aa1-bc",
        "alllowercase",
        "lower1234",
        "xANN-1234z",
        "My-Mayor-1",
    ] {
        refused(
            reset(&mut ldap, ANN, quoted(weak)).await,
            53,
            "0000052D: SvcErr",
        );
    }
    accepted(reset(&mut ldap, ANN, quoted("Aa1-bcd")).await);
    let options = Options {
        policy_answer: PolicyAnswer::Constraint,
        ..Options::default()
    };
    let fake = with_cast(FakeAd::with(options));
    let mut ldap = admin(&fake).await;
    refused(
        reset(&mut ldap, ANN, quoted("weak")).await,
        19,
        "0000052D: AtrErr",
    );
    fake.change(|ad| ad.replace(BASE, "minPwdLength", &["20"]));
    refused(
        reset(&mut ldap, ANN, quoted(GOOD)).await,
        19,
        "0000052D: AtrErr",
    );
}

#[tokio::test]
async fn ad_47_pwd_last_set_is_zero_or_now() {
    let fake = cast();
    let mut ldap = admin(&fake).await;
    for bad in ["1", "134000000000000000"] {
        refused(
            ldap.modify(ANN, set("pwdLastSet", bad)).await,
            80,
            "00000057",
        );
    }
    accepted(ldap.modify(ANN, set("pwdLastSet", "0")).await);
    assert!(bind(&fake, ANN, PASSWORD).await.text.contains("data 773"));
    accepted(ldap.modify(ANN, set("pwdLastSet", "-1")).await);
    assert_eq!(
        fake.entry(ANN).text("pwdLastSet").as_deref(),
        Some("134435232000000000")
    );
}

#[tokio::test]
async fn ad_48_account_expires_is_a_number_and_zero_means_never() {
    let fake = cast();
    let mut ldap = admin(&fake).await;
    refused(
        ldap.modify(ANN, set("accountExpires", "2027-01-01")).await,
        21,
        "00000057",
    );
    for never in ["0", "9223372036854775807"] {
        accepted(ldap.modify(ANN, set("accountExpires", never)).await);
        assert_eq!(bind(&fake, ANN, PASSWORD).await.rc, 0);
    }
    // One second after the fake's "now".
    accepted(
        ldap.modify(ANN, set("accountExpires", "134435232010000000"))
            .await,
    );
    assert_eq!(bind(&fake, ANN, PASSWORD).await.rc, 0);
    fake.set_now(1_799_049_601);
    assert!(bind(&fake, ANN, PASSWORD).await.text.contains("data 701"));
}

#[tokio::test]
async fn ad_50_why_a_bind_is_refused() {
    let fake = cast();
    let reason = async |name: &str, password: &str| bind(&fake, name, password).await;
    for name in [ANN, "ann@example.test", "EXAMPLE\\ann", "ann@EXAMPLE"] {
        assert_eq!(reason(name, PASSWORD).await.rc, 0, "{name}");
    }
    let wrong = reason(ANN, "wrong").await;
    assert_eq!(wrong.rc, 49);
    assert!(wrong.text.starts_with("80090308: LdapErr: DSID-"));
    assert!(
        wrong
            .text
            .contains("comment: AcceptSecurityContext error, data 52e, v")
    );
    assert!(
        reason("nobody@example.test", PASSWORD)
            .await
            .text
            .contains("data 525")
    );
    fake.change(|ad| ad.replace(ANN, "userAccountControl", &["514"]));
    assert!(reason(ANN, PASSWORD).await.text.contains("data 533"));
    assert!(reason(ANN, "wrong").await.text.contains("data 52e"));
    fake.change(|ad| ad.replace(BOB, "lockoutTime", &["134435232000000000"]));
    assert!(reason(BOB, "wrong").await.text.contains("data 775"));
    // Line 49: writing 0 unlocks.
    accepted(
        admin(&fake)
            .await
            .modify(BOB, set("lockoutTime", "0"))
            .await,
    );
    assert_eq!(reason(BOB, PASSWORD).await.rc, 0);
}
