//! Scripted failures, and the log of what was asked.

use super::super::{ChangeKind, Fault, Operation, Trigger};
use super::*;
use ldap3::SearchResult;
use ldap3::adapters::{Adapter, PagedResults};
use std::time::{Duration, Instant};

fn title(fake: &FakeAd, dn: &str) -> Option<String> {
    fake.entry(dn).text("title")
}

#[tokio::test]
async fn an_answer_replaces_the_nth_request() {
    let fake = cast();
    fake.fault(Fault::answer(Operation::Modify, 2, 51, "busy"));
    let mut ldap = admin(&fake).await;
    accepted(ldap.modify(ANN, set("title", "1")).await);
    accepted(ldap.delete(BOB).await);
    assert_eq!(fake.pending_faults().len(), 1);
    refused(ldap.modify(ANN, set("title", "2")).await, 51, "busy");
    assert!(fake.pending_faults().is_empty());
    assert_eq!(title(&fake, ANN).as_deref(), Some("1"));
    accepted(ldap.modify(ANN, set("title", "3")).await);
}

#[tokio::test]
async fn faults_can_repeat_and_be_for_one_object() {
    let fake = cast();
    fake.fault(
        Fault::answer(Trigger::Write, 1, 50, "00002098")
            .at("cn=BOB,ou=its,dc=example,dc=test")
            .times(2),
    );
    let mut ldap = admin(&fake).await;
    for _ in 0..2 {
        accepted(ldap.modify(ANN, set("title", "x")).await);
        refused(ldap.modify(BOB, set("title", "x")).await, 50, "00002098");
    }
    accepted(ldap.modify(BOB, set("title", "x")).await);
}

#[tokio::test]
async fn a_connection_is_dropped_before_or_after_the_write() {
    for (fault, expected) in [
        (Fault::drop_before(Trigger::Write, 1), None),
        (Fault::drop_after(Trigger::Write, 1), Some("x")),
    ] {
        let fake = cast();
        fake.fault(fault);
        let mut ldap = admin(&fake).await;
        assert!(ldap.modify(ANN, set("title", "x")).await.is_err());
        assert_eq!(title(&fake, ANN).as_deref(), expected);
        assert!(ldap.modify(ANN, set("title", "y")).await.is_err());
        accepted(admin(&fake).await.modify(ANN, set("title", "y")).await);
    }
}

#[tokio::test]
async fn ad_68_a_connection_is_dropped_within_a_page() {
    let fake = FakeAd::start();
    fake.change(|ad| {
        for n in 0..40 {
            ad.add_user(&format!("CN=u{n},OU=Many,{BASE}"), &format!("u{n}"));
        }
    });
    fake.fault(Fault::drop_during(Operation::Search, 3));
    let mut ldap = admin(&fake).await;
    let adapters: Vec<Box<dyn Adapter<_, _>>> = vec![Box::new(PagedResults::new(10))];
    let base = format!("OU=Many,{BASE}");
    let stream = ldap.streaming_search_with(adapters, &base, Scope::OneLevel, "(cn=*)", vec!["cn"]);
    let mut stream = stream.await.unwrap();
    let mut count = 0;
    let end = loop {
        match stream.next().await {
            Ok(Some(_)) => count += 1,
            Ok(None) => break stream.finish().await.success().map(|_| ()),
            Err(error) => break Err(error),
        }
    };
    assert!(end.is_err());
    assert_eq!(count, 25);
}

#[tokio::test]
async fn a_tls_stream_is_cut_within_a_record() {
    let fake = cast();
    fake.fault(Fault::truncate(Operation::Search, 1));
    let mut ldap = admin(&fake).await;
    let found = ldap.search(BASE, Scope::Subtree, "(cn=*)", vec!["*"]).await;
    assert!(found.is_err() || found.unwrap().1.rc != 0);
}

#[tokio::test]
async fn a_server_can_be_slow() {
    let fake = cast();
    fake.fault(Fault::stall(
        Operation::Modify,
        1,
        Duration::from_millis(300),
    ));
    fake.fault(Fault::stall(Operation::Modify, 2, Duration::from_mins(5)));
    let mut ldap = admin(&fake).await;
    let start = Instant::now();
    accepted(ldap.modify(ANN, set("title", "x")).await);
    assert!(start.elapsed() >= Duration::from_millis(300));
    let limited = ldap.with_timeout(Duration::from_millis(100));
    assert!(limited.modify(ANN, set("title", "y")).await.is_err());
    // Others are served meanwhile, and the fake stops at once when dropped.
    accepted(admin(&fake).await.modify(BOB, set("title", "y")).await);
    let start = Instant::now();
    drop(fake);
    assert!(start.elapsed() < Duration::from_mins(1));
}

#[tokio::test]
async fn somebody_else_writes_just_before() {
    let fake = cast();
    fake.change(|ad| ad.replace(ANN, "title", &["Clerk"]));
    fake.fault(Fault::before(Operation::Modify, 1, |ad| {
        ad.replace(ANN, "title", &["Mayor"]);
    }));
    let mut ldap = admin(&fake).await;
    let swap = vec![
        minus("title", "Clerk").remove(0),
        plus("title", "Planner").remove(0),
    ];
    refused(ldap.modify(ANN, swap).await, 16, "00002085");
    assert_eq!(title(&fake, ANN).as_deref(), Some("Mayor"));
}

#[tokio::test]
async fn the_log_tells_what_was_asked() {
    let fake = cast();
    let mut ldap = admin(&fake).await;
    fake.clear_log();
    accepted(ldap.modify(ANN, set("title", "Mayor")).await);
    accepted(ldap.modify(STAFF, plus("member", ANN)).await);
    accepted(
        ldap.modifydn(BOB, "CN=Rob", true, Some("CN=Users,DC=example,DC=test"))
            .await,
    );
    accepted(reset(&mut ldap, ANN, quoted("Brave-Otter-22")).await);
    refused(ldap.delete(BOB).await, 32, "0000208D");
    let SearchResult(found, _) = ldap
        .search(BASE, Scope::Subtree, r"(objectGUID=\f3\01*)", vec!["cn"])
        .await
        .unwrap();
    assert_eq!(found.iter().filter(|entry| !entry.is_ref()).count(), 0);
    let expected = [
        "modify CN=Ann,OU=ITS,DC=example,DC=test; title = [Mayor]",
        "modify CN=Staff,OU=ITS,DC=example,DC=test; member + [CN=Ann,OU=ITS,DC=example,DC=test]",
        "modifydn CN=Bob,OU=ITS,DC=example,DC=test to CN=Rob under CN=Users,DC=example,DC=test",
        "modify CN=Ann,OU=ITS,DC=example,DC=test; unicodePwd = (secret)",
        "delete CN=Bob,OU=ITS,DC=example,DC=test -> 32",
    ];
    assert_eq!(fake.writes(), expected);
    let log = fake.log();
    assert_eq!(log.len(), 6);
    assert_eq!(log[1].changes[0].kind, ChangeKind::Add);
    assert_eq!(log[5].filter, r"(objectGUID=\f3\01*)");
    assert_eq!(log[5].attributes, ["cn"]);
}

#[tokio::test]
async fn faults_find_an_object_by_its_guid() {
    let fake = cast();
    fake.fault(Fault::answer(Operation::Modify, 1, 52, "down").at(ANN));
    let guid = format!("<GUID={}>", fake.entry(ANN).guid());
    let mut ldap = admin(&fake).await;
    refused(ldap.modify(&guid, set("title", "x")).await, 52, "down");
    let line = "modify CN=Ann,OU=ITS,DC=example,DC=test; title = [x] -> 52";
    assert_eq!(fake.writes(), [line]);
    assert_eq!(fake.log().last().unwrap().dn, guid);
}

#[tokio::test]
async fn ad_67_a_result_can_be_half_of_it() {
    let fake = cast();
    fake.fault(Fault::partial(Operation::Search, 1, 11, "limit"));
    fake.fault(Fault::partial(Trigger::Write, 1, 52, "went down"));
    let mut ldap = admin(&fake).await;
    let SearchResult(found, result) = ldap
        .search(ITS, Scope::Subtree, "(objectClass=*)", vec!["cn"])
        .await
        .unwrap();
    assert_eq!((found.len(), result.rc), (2, 11));
    refused(ldap.modify(ANN, set("title", "x")).await, 52, "went down");
    assert_eq!(title(&fake, ANN).as_deref(), Some("x"));
}
