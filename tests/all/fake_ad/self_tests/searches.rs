//! Pages, limits, filters, referrals, what may be seen.

use super::*;
use ldap3::adapters::{Adapter, EntriesOnly, PagedResults};
use ldap3::controls::{PagedResults as PagedControl, RawControl};
use ldap3::{SearchOptions, SearchResult};

const PEOPLE: &str = "(&(objectCategory=person)(objectClass=user))";

fn crowd(count: usize) -> FakeAd {
    let fake = FakeAd::start();
    fake.change(|ad| {
        for n in 0..count {
            ad.add_user(&format!("CN=u{n:05},OU=Many,{BASE}"), &format!("u{n:05}"));
        }
    });
    fake
}

async fn many(ldap: &mut Ldap) -> SearchResult {
    let base = format!("OU=Many,{BASE}");
    ldap.search(&base, Scope::OneLevel, PEOPLE, vec!["cn"])
        .await
        .unwrap()
}

/// Sends one page request by hand: entries, and the cookie for the next.
async fn page(ldap: &mut Ldap, size: i32, cookie: Vec<u8>) -> (usize, Vec<u8>, u32) {
    let control = PagedControl { size, cookie };
    let SearchResult(entries, result) = many(ldap.with_controls(control)).await;
    let cookie = result.ctrls.iter().find_map(|control| {
        let value = control.1.val.as_ref()?;
        Some(control.1.parse::<PagedControl>())
            .filter(|_| !value.is_empty())
            .map(|c| c.cookie)
    });
    (entries.len(), cookie.unwrap_or_default(), result.rc)
}

#[tokio::test]
async fn ad_67_an_unpaged_search_ends_at_1000() {
    let fake = crowd(1001);
    let mut ldap = admin(&fake).await;
    let SearchResult(entries, result) = many(&mut ldap).await;
    assert_eq!((entries.len(), result.rc), (1000, 4));
    let limited = ldap.with_search_options(SearchOptions::new().sizelimit(10));
    let SearchResult(entries, result) = many(limited).await;
    assert_eq!((entries.len(), result.rc), (10, 4));
    fake.change(|ad| ad.remove(&format!("CN=u00000,OU=Many,{BASE}")));
    let SearchResult(entries, result) = many(&mut ldap).await;
    assert_eq!((entries.len(), result.rc), (1000, 0));
}

#[tokio::test]
async fn ad_67_pages_hold_at_most_1000() {
    let fake = crowd(2001);
    let mut ldap = admin(&fake).await;
    let (first, cookie, _) = page(&mut ldap, 5000, Vec::new()).await;
    let (second, cookie, _) = page(&mut ldap, 5000, cookie).await;
    let (third, cookie, _) = page(&mut ldap, 5000, cookie).await;
    assert_eq!((first, second, third, cookie.len()), (1000, 1000, 1, 0));
    let adapters: Vec<Box<dyn Adapter<_, _>>> = vec![
        Box::new(EntriesOnly::new()),
        Box::new(PagedResults::new(300)),
    ];
    let stream = ldap.streaming_search_with(adapters, BASE, Scope::Subtree, PEOPLE, vec!["cn"]);
    let mut stream = stream.await.unwrap();
    let mut count = 0;
    while stream.next().await.unwrap().is_some() {
        count += 1;
    }
    stream.finish().await.success().unwrap();
    // Administrator, Guest and krbtgt are people too.
    assert_eq!(count, 2004);
}

#[tokio::test]
async fn ad_68_a_cookie_is_for_one_connection_and_one_use() {
    let fake = crowd(30);
    let mut ldap = admin(&fake).await;
    let (_, cookie, _) = page(&mut ldap, 10, Vec::new()).await;
    let mut other = admin(&fake).await;
    assert_eq!(page(&mut other, 10, cookie.clone()).await.2, 12);
    assert_eq!(page(&mut ldap, 10, cookie.clone()).await.0, 10);
    assert_eq!(page(&mut ldap, 10, cookie).await.2, 12);
}

#[tokio::test]
async fn ad_69_users_persons_and_computers() {
    let fake = cast();
    fake.change(|ad| {
        ad.add_entry(
            "CN=PC1,CN=Computers,DC=example,DC=test",
            &[
                ("objectClass", "computer"),
                ("sAMAccountName", "PC1$"),
                ("userAccountControl", "4096"),
            ],
        );
        ad.add_entry(
            "CN=Contact,OU=ITS,DC=example,DC=test",
            &[("objectClass", "contact")],
        );
    });
    let mut ldap = admin(&fake).await;
    let within = |filter: &str| format!("(&(!(isCriticalSystemObject=TRUE)){filter})");
    assert_eq!(
        find(&mut ldap, &within("(objectClass=user)")).await.len(),
        3
    );
    assert_eq!(
        find(&mut ldap, &within("(objectCategory=person)"))
            .await
            .len(),
        3
    );
    assert_eq!(find(&mut ldap, &within(PEOPLE)).await, [ANN, BOB]);
    assert_eq!(
        find(&mut ldap, &within("(sAMAccountType=805306368)")).await,
        [ANN, BOB]
    );
    assert_eq!(
        find(&mut ldap, &within("(objectClass=group)")).await,
        [STAFF]
    );
    let category = "(objectCategory=CN=Group,CN=Schema,CN=Configuration,DC=example,DC=test)";
    assert_eq!(find(&mut ldap, &within(category)).await, [STAFF]);
}

#[tokio::test]
async fn filters_compare_by_syntax() {
    let fake = cast();
    fake.change(|ad| {
        ad.replace(ANN, "title", &["Mayor of Springfield"]);
        ad.replace(ANN, "userAccountControl", &["66050"]);
        ad.replace(BOB, "employeeNumber", &["0012"]);
    });
    let mut ldap = admin(&fake).await;
    let cases: &[(&str, &[&str])] = &[
        ("(title=mayor OF springfield)", &[ANN]),
        ("(title=MAYOR*field)", &[ANN]),
        ("(title=*of*spring*)", &[ANN]),
        ("(title~=mayor of springfield)", &[ANN]),
        ("(title=mayor)", &[]),
        ("(employeeNumber=12)", &[]),
        (
            "(&(cn=*)(userAccountControl:1.2.840.113556.1.4.803:=65538)(cn=ann))",
            &[ANN],
        ),
        (
            "(&(userAccountControl:1.2.840.113556.1.4.803:=65538)(cn=bob))",
            &[],
        ),
        (
            "(&(userAccountControl:1.2.840.113556.1.4.804:=65538)(cn=ann))",
            &[ANN],
        ),
        ("(&(userAccountControl>=66050)(cn=a*n))", &[ANN]),
        ("(&(userAccountControl<=513)(|(cn=ann)(cn=bob)))", &[BOB]),
        (
            "(&(|(cn=ann)(cn=bob))(!(title=mayor of springfield)))",
            &[BOB],
        ),
        ("(&(|(cn=ann)(cn=bob))(!(title=*)))", &[BOB]),
        (
            "(distinguishedName=cn=ANN,ou=its,dc=example,dc=test)",
            &[ANN],
        ),
        // Neither what the schema lacks nor its negation matches.
        ("(&(cn=ann)(nonsense=x))", &[]),
        ("(&(cn=ann)(!(nonsense=x)))", &[]),
        ("(|(cn=ann)(nonsense=x))", &[ANN]),
    ];
    for (filter, expected) in cases {
        assert_eq!(find(&mut ldap, filter).await, *expected, "{filter}");
    }
    assert_eq!(fake.log().last().unwrap().filter, "(|(cn=ann)(nonsense=x))");
}

#[tokio::test]
async fn ad_70_referrals_at_the_root_of_the_domain() {
    let fake = cast();
    let mut ldap = admin(&fake).await;
    let found = ldap
        .search(BASE, Scope::Subtree, "(cn=ann)", vec!["cn"])
        .await
        .unwrap();
    let (entries, result) = found.success().unwrap();
    assert_eq!((entries.len(), result.refs.len()), (1, 3));
    let configuration = "ldap://example.test/CN=Configuration,DC=example,DC=test";
    assert!(result.refs.iter().any(|uri| uri == configuration));
    let scope = RawControl {
        ctype: "1.2.840.113556.1.4.1339".to_owned(),
        crit: true,
        val: None,
    };
    let found = ldap
        .with_controls(scope)
        .search(BASE, Scope::Subtree, "(cn=ann)", vec!["cn"])
        .await;
    assert!(found.unwrap().1.refs.is_empty());
    let found = ldap
        .search(ITS, Scope::Subtree, "(cn=ann)", vec!["cn"])
        .await
        .unwrap();
    assert!(found.1.refs.is_empty());
    let outside = ldap
        .search("DC=other,DC=test", Scope::Base, "(cn=*)", vec!["cn"])
        .await
        .unwrap();
    assert_eq!(outside.1.rc, 10);
    refused(
        ldap.modify("CN=x,DC=other,DC=test", set("title", "x"))
            .await,
        10,
        "0000202B: RefErr",
    );
}

#[tokio::test]
async fn ad_71_what_may_not_be_read_looks_absent() {
    let fake = cast();
    fake.change(|ad| ad.add_member(STAFF, ANN));
    fake.change(|ad| ad.hide(ITS));
    let mut ldap = admin(&fake).await;
    assert!(find(&mut ldap, "(cn=ann)").await.is_empty());
    let found = ldap
        .search(ITS, Scope::Subtree, "(cn=*)", vec!["cn"])
        .await
        .unwrap();
    assert_eq!(found.1.rc, 32);
    refused(ldap.modify(ANN, set("title", "x")).await, 32, "0000208D");
    // But its login is taken all the same.
    let new = "CN=New,CN=Users,DC=example,DC=test";
    refused(
        hire(&mut ldap, new, &[("sAMAccountName", "ann")]).await,
        68,
        "00000524",
    );
    fake.change(|ad| {
        ad.unhide(ITS);
        ad.conceal("member");
    });
    assert!(read(&mut ldap, STAFF, &["member"]).await.attrs.is_empty());
    assert!(find(&mut ldap, "(member=*)").await.is_empty());
}

#[tokio::test]
async fn ad_73_the_server_tells_who_it_is() {
    let fake = cast();
    let mut ldap = connect(settings(&fake), &fake.ldaps_url()).await.unwrap();
    let dse = read(&mut ldap, "", &["*"]).await;
    let one = |name: &str| dse.attrs[name][0].clone();
    assert_eq!(one("defaultNamingContext"), BASE);
    assert_eq!(one("dnsHostName"), "dc1.example.test");
    assert!(
        dse.attrs["supportedControl"]
            .iter()
            .any(|oid| oid == "1.2.840.113556.1.4.319")
    );
    assert!(one("highestCommittedUSN").parse::<u64>().is_ok());
    let mut ldap = admin(&fake).await;
    let service = read(&mut ldap, &one("dsServiceName"), &["invocationId"]).await;
    let id = service
        .bin_attrs
        .get("invocationId")
        .map(|values| values[0].len());
    assert_eq!(id, Some(16));
}
