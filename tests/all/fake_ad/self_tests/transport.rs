//! TLS, binding, controls and extended operations.

use super::super::{Certificate, Options};
use super::*;
use ldap3::SearchResult;
use ldap3::controls::{PagedResults, RawControl};
use ldap3::exop::{WhoAmI, WhoAmIResp};

#[tokio::test]
async fn ad_77_no_simple_bind_in_clear() {
    let fake = cast();
    let mut ldap = connect(settings(&fake), &fake.ldap_url()).await.unwrap();
    let result = ldap.simple_bind(&fake.admin_dn(), PASSWORD).await;
    refused(result, 8, "00002028: LdapErr");
}

#[tokio::test]
async fn ad_77_start_tls_makes_a_bind_possible() {
    let fake = cast();
    let with_tls = settings(&fake).set_starttls(true);
    let mut ldap = connect(with_tls, &fake.ldap_url()).await.unwrap();
    accepted(ldap.simple_bind(&fake.admin_dn(), PASSWORD).await);
    accepted(reset(&mut ldap, ANN, quoted("Brave-Otter-22")).await);
}

#[tokio::test]
async fn ad_77_certificates_that_must_not_be_trusted() {
    for certificate in [
        Certificate::OtherName,
        Certificate::Expired,
        Certificate::OtherAuthority,
    ] {
        let fake = FakeAd::with(Options {
            certificate,
            ..Options::default()
        });
        let refused = connect(settings(&fake), &fake.ldaps_url()).await;
        assert!(refused.is_err(), "{certificate:?}");
        let with_tls = settings(&fake).set_starttls(true);
        assert!(
            connect(with_tls, &fake.ldap_url()).await.is_err(),
            "{certificate:?}"
        );
    }
    let fake = cast();
    let by_address = fake.ldaps_url().replace("localhost", "127.0.0.1");
    assert!(connect(settings(&fake), &by_address).await.is_ok());
    let pem = std::fs::read_to_string(fake.ca_file()).unwrap();
    assert_eq!(pem, fake.ca_pem());
}

#[tokio::test]
async fn anonymous_clients_see_the_root_dse_only() {
    let fake = cast();
    let mut ldap = connect(settings(&fake), &fake.ldaps_url()).await.unwrap();
    let SearchResult(_, result) = ldap
        .search(BASE, Scope::Subtree, "(cn=ann)", vec!["cn"])
        .await
        .unwrap();
    refused(Ok(result), 1, "000004DC: LdapErr");
    refused(ldap.modify(ANN, set("title", "x")).await, 1, "000004DC");
    // An empty password is an anonymous bind, whatever the name.
    accepted(ldap.simple_bind(ANN, "").await);
    refused(ldap.delete(ANN).await, 1, "000004DC");
    read(&mut ldap, "", &["*"]).await;
    let paged = PagedResults {
        size: 10,
        cookie: Vec::new(),
    };
    let with_page = ldap.with_controls(paged);
    let SearchResult(_, result) = with_page
        .search("", Scope::Base, "(objectClass=*)", vec!["*"])
        .await
        .unwrap();
    assert_eq!(result.rc, 1);
}

#[tokio::test]
async fn unknown_critical_controls_are_refused() {
    let fake = cast();
    let mut ldap = admin(&fake).await;
    let control = |crit| RawControl {
        ctype: "1.3.6.1.1.12".to_owned(),
        crit,
        val: None,
    };
    let result = ldap
        .with_controls(control(true))
        .modify(ANN, set("title", "x"))
        .await;
    refused(result, 12, "00000057");
    accepted(
        ldap.with_controls(control(false))
            .modify(ANN, set("title", "x"))
            .await,
    );
}

#[tokio::test]
async fn who_am_i() {
    let fake = cast();
    let mut ldap = admin(&fake).await;
    let (exop, _) = ldap.extended(WhoAmI).await.unwrap().success().unwrap();
    assert_eq!(
        exop.parse::<WhoAmIResp>().authzid,
        "u:EXAMPLE\\Administrator"
    );
}

#[tokio::test]
async fn compare() {
    let fake = cast();
    fake.change(|ad| ad.replace(ANN, "title", &["Mayor"]));
    let mut ldap = admin(&fake).await;
    assert!(
        ldap.compare(ANN, "title", "mayor")
            .await
            .unwrap()
            .equal()
            .unwrap()
    );
    assert!(
        !ldap
            .compare(ANN, "title", "clerk")
            .await
            .unwrap()
            .equal()
            .unwrap()
    );
}
