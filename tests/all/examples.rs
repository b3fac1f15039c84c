//! The three examples against a real domain controller and a real mail server: they are valid, they
//! are applied, maintainers are mailed and answer, and then there is nothing left to do.

use crate::bed::{Access, Directory, Domain, Post, Servers, servers};
use serde_json::Value;
use std::collections::BTreeSet;

const SUITE: &str = "examples on a domain controller";

/// What every example goes through; what it held on to at the end is looked at by its own test.
struct Story {
    domain: Domain,
    /// The first plan.
    plan: Value,
}

enum Ways {
    /// LDAPS and SMTP with TLS from the first byte.
    Tls,
    /// LDAP and SMTP, both with StartTLS.
    StartTls,
}

fn play(servers: &Servers, example: &str, ways: &Ways) -> Story {
    let domain = Domain::with(servers, &Access::export(example));
    let access = Access::example(example);
    if example == "clear-my-record" {
        // The server made John's account another GUID than the example's export has.
        let john = domain.account("john").guid();
        let given = "44598b70-f3d2-46c2-9811-10c9da25f314";
        access.edit("users/john.yaml", given, &john);
        access.commit("John's account");
    }
    let access = match ways {
        Ways::Tls => {
            access.operated_by_anchor(&Directory::Ldaps(&domain), &Post::Tls(&servers.mail))
        }
        Ways::StartTls => access.operated_by_anchor(
            &Directory::StartTls(&domain),
            &Post::StartTls(&servers.mail),
        ),
    };
    let findings = access.run(&["validate", "--format", "json"]).ends(0).json();
    assert_eq!(codes(&findings), known_warnings(example));
    let plan = access.plan();
    assert_eq!(plan["held"], Value::Array(Vec::new()));
    access.run(&["plan", "--detailed-exitcode"]).ends(2);
    let before = domain.dump();
    assert_eq!(before, domain.dump(), "a plan writes nothing");

    let outcome = access.run(&["apply", "--format", "json"]).ends(0).json();
    for change in outcome["changes"].as_array().unwrap() {
        assert_eq!(change["outcome"], "applied", "{change}");
    }
    let mails = access.mails();
    assert_eq!(outcome["mails"].as_array().unwrap().len(), mails.len());

    // Everybody who has a task is mailed once, and everything asked for is open until it is done.
    let tasks = access.tasks();
    assert_eq!(tasks.len(), plan["tasks"].as_array().unwrap().len());
    let asked: BTreeSet<String> = tasks.iter().flat_map(maintainers).collect();
    // And whose access is ready at once is told so, beside the tasks of others.
    let mut expected: Vec<String> = asked.into_iter().chain(told(&plan)).collect();
    let mut mailed: Vec<String> = mails.iter().flat_map(|mail| mail.to.clone()).collect();
    expected.sort();
    mailed.sort();
    assert_eq!(mailed, expected);
    for task in &tasks {
        let id = task["task"]["id"].as_str().unwrap();
        for maintainer in maintainers(task) {
            let mut theirs = mails.iter().filter(|mail| mail.to == [maintainer.clone()]);
            let is_told = theirs.any(|mail| mail.text.contains(id));
            assert!(is_told, "{id} of {maintainer}");
        }
    }

    at_rest(&access, &domain);
    assert_eq!(access.all_tasks_done(), tasks.len());
    assert_eq!(access.tasks(), Vec::<Value>::new());
    // Now the others' access is ready: they are told, once, and nothing else happens.
    let ready = access.plan();
    assert_eq!(ready["changes"], Value::Array(Vec::new()));
    assert_eq!(ready["tasks"], Value::Array(Vec::new()));
    let before = domain.dump();
    access.apply();
    assert_eq!(before, domain.dump());
    assert_eq!(access.mails().len(), mails.len() + told(&ready).len());
    at_rest(&access, &domain);
    Story { domain, plan }
}

/// Codes of what `validate` finds.
fn codes(findings: &Value) -> Vec<&str> {
    let list = findings.as_array().unwrap();
    list.iter().map(|d| d["code"].as_str().unwrap()).collect()
}

fn known_warnings(example: &str) -> &'static [&'static str] {
    match example {
        // Rosa has a role that is no longer given.
        "clear-my-record" => &["deprecated-role"],
        _ => &[],
    }
}

/// That there is nothing to do, and that doing it leaves no trace.
fn at_rest(access: &Access, domain: &Domain) {
    let (directory, traces) = (domain.dump(), access.traces());
    access.run(&["plan", "--detailed-exitcode"]).ends(0);
    let ran = access.apply();
    assert!(ran.out.ends_with("nothing to do\n"), "{}", ran.out);
    assert_eq!(traces, access.traces());
    assert_eq!(directory, domain.dump());
}

/// Whom the notices of a plan go to.
fn told(plan: &Value) -> Vec<String> {
    let notices = plan["notices"].as_array().unwrap().iter();
    let to = notices.flat_map(|n| n["to"].as_array().unwrap());
    to.map(|r| r["mail"].as_str().unwrap().to_owned()).collect()
}

fn maintainers(task: &Value) -> Vec<String> {
    let maintainers = task["task"]["maintainers"].as_array().unwrap();
    let mail = |m: &Value| m["mail"].as_str().unwrap().to_owned();
    maintainers.iter().map(mail).collect()
}

#[test]
fn white_glove() {
    let Some(servers) = servers(SUITE) else {
        return;
    };
    let Story { domain, plan, .. } = play(&servers, "white-glove", &Ways::Tls);
    assert_eq!(plan["tasks"], Value::Array(Vec::new()));
    let kim = domain.account("kim");
    assert_eq!(kim.dn, "CN=Kim,OU=Farnborough,DC=example,DC=test");
    assert_eq!(kim.text("mail").as_deref(), Some("kim@seko.example"));
    assert_eq!(
        kim.text("userPrincipalName").as_deref(),
        Some("kim@example.test")
    );
    let jack = domain.account("jack");
    assert_eq!(jack.dn, "CN=Jack,OU=ROOM,OU=Clients,DC=example,DC=test");
    assert_eq!(jack.text("mail").as_deref(), Some("jack@room.example"));
    assert_eq!(domain.members("APP-WG-room"), ["jack", "kim", "lucy"]);
    assert_eq!(domain.members("APP-WG-pharma"), ["lucy", "simon"]);
    assert_eq!(domain.members("APP-WG-Role-Admin"), ["lucy"]);
}

#[test]
fn clear_my_record() {
    let Some(servers) = servers(SUITE) else {
        return;
    };
    let Story { domain, .. } = play(&servers, "clear-my-record", &Ways::StartTls);
    let annie = domain.account("annie.lo");
    assert_eq!(annie.dn, "CN=Annie Lo,OU=Contractors,DC=example,DC=test");
    assert_eq!(annie.text("employeeNumber").as_deref(), Some("C-031"));
    let jazmyn = domain.account("jazmyn").dn;
    assert_eq!(annie.text("manager"), Some(jazmyn));
    let john = domain.account("john");
    assert_eq!(john.text("employeeNumber").as_deref(), Some("0121"));
    assert_eq!(
        domain.members("CMR-List-Partnerships"),
        ["jazmyn", "tiffany.andrews"]
    );
}

#[test]
fn bloomington() {
    let Some(servers) = servers(SUITE) else {
        return;
    };
    let Story { domain, .. } = play(&servers, "bloomington", &Ways::Tls);
    let june = domain.account("june.whitaker");
    assert_eq!(
        june.text("telephoneNumber").as_deref(),
        Some("812-555-0134")
    );
    let maria = domain.account("maria.lopez");
    assert_eq!(
        maria.dn,
        "CN=María López,OU=ITS,OU=City Hall,OU=Departments,DC=example,DC=test"
    );
    assert_eq!(
        maria.text("manager"),
        Some(domain.account("noor.haddad").dn)
    );
    let gordon = domain.account("gordon.pruitt");
    assert_eq!(gordon.text("userAccountControl").as_deref(), Some("514"));
}
