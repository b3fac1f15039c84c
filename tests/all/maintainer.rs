//! The directory in maintainer mode: the program only reads, its maintainers get a mail with LDIF and
//! PowerShell, and `ldapmodify` does to a real domain controller what the attachment says.

use crate::bed::{Access, Delivered, Directory, Domain, Export, Post, servers};
use serde_json::Value;

const SUITE: &str = "the directory in maintainer mode";
const NEW_HIRE: &str = include_str!("../../src/cli/demo/new-hire.yaml");
const LOGIN: &str = "a.christopherson2";

/// What a plan wants done: `action target`.
fn wanted(plan: &Value) -> Vec<String> {
    let changes = plan["changes"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    changes
        .map(|c| format!("{} {}", text(&c["action"]), text(&c["target"])))
        .collect()
}

/// Applies; the one new mail that has something for the directory.
#[track_caller]
fn asked(access: &Access) -> Delivered {
    let mut mails = access.mails_of(|access| drop(access.apply()));
    mails.retain(|mail| !mail.attachments.is_empty());
    assert_eq!(mails.len(), 1, "{mails:?}");
    mails.remove(0)
}

#[test]
fn the_mailed_ldif_leaves_only_password_and_enabling() {
    let Some(servers) = servers(SUITE) else {
        return;
    };
    let domain = Domain::with(&servers, &Access::export("bloomington"));
    let access = Access::example("bloomington");
    access.write("requests/new-hire.yaml", NEW_HIRE);
    access.commit("New hire");
    let (directory, post) = (Directory::Maintained(&domain), Post::Tls(&servers.mail));
    let access = access.operated_by_anchor(&directory, &post);

    let before = domain.dump();
    let asked = asked(&access);
    assert_eq!(before, domain.dump(), "a maintained directory is only read");
    assert_eq!(asked.to, ["helpdesk@city.example"]);
    let ldif = asked.attachment(".ldif").text.clone();
    let script = asked.attachment(".ps1.txt").text.clone();
    assert!(!ldif.contains("unicodePwd"), "{ldif}");
    assert!(script.contains("Read-Host") && script.contains("-AsSecureString"));
    assert!(script.contains(LOGIN));

    // Nobody did anything yet: nobody is mailed again, and nothing is written.
    let traces = access.traces();
    access.run(&["plan", "--detailed-exitcode"]).ends(2);
    access.apply();
    access.apply();
    assert_eq!(traces, access.traces());
    assert_eq!(before, domain.dump());

    // The help desk gives the attachment to the directory, as it came.
    domain.modify(&ldif);
    let june = domain.account("june.whitaker");
    assert_eq!(
        june.text("telephoneNumber").as_deref(),
        Some("812-555-0134")
    );
    let account = domain.account(LOGIN);
    assert_eq!(account.text("userAccountControl").as_deref(), Some("514"));
    assert_eq!(account.text("employeeNumber").as_deref(), Some("001204"));
    assert_eq!(
        account.text("manager"),
        Some(domain.account("noor.haddad").dn)
    );
    assert!(domain.members("DEPT-ITS").contains(&LOGIN.to_owned()));
    assert!(domain.try_modify(&ldif).is_err(), "it cannot be done twice");

    let left = access.plan();
    assert_eq!(
        wanted(&left),
        ["set-password", "enable"].map(|action| format!("{action} {LOGIN}"))
    );
    access.apply();
    assert_eq!(
        wanted(&access.plan()),
        ["set-password", "enable"].map(|action| format!("{action} {LOGIN}"))
    );

    // The PowerShell's last steps, by other means: a password of their own, to be changed, and enabling.
    let password = crate::bed::unicode_password_line("Correct-Horse-8");
    let dn = &account.dn;
    domain.modify(&format!(
        "dn: {dn}\nchangetype: modify\nreplace: unicodePwd\n{password}\n-\nreplace: pwdLastSet\npwdLastSet: 0\n-\n\ndn: {dn}\nchangetype: modify\nreplace: userAccountControl\nuserAccountControl: 512\n-\n"
    ));
    assert_eq!(wanted(&access.plan()), Vec::<String>::new());
    access.apply();
    access.all_tasks_done();
    // What is left is to say that the access is ready.
    only_a_notice(&access, "welcome");
}

#[test]
fn a_leaver_in_a_maintained_directory_is_asked_for_once() {
    let Some(servers) = servers(SUITE) else {
        return;
    };
    let domain = Domain::with(&servers, &Access::export("bloomington"));
    let access = Access::example("bloomington");
    let (directory, post) = (
        Directory::Maintained(&domain),
        Post::StartTls(&servers.mail),
    );
    let access = access.operated_by_anchor(&directory, &post);
    domain.modify(&asked(&access).attachment(".ldif").text);
    access.all_tasks_done();
    access.run(&["plan", "--detailed-exitcode"]).ends(0);

    access.edit(
        "users/connor.haas.yaml",
        "  organization: fire.station-2",
        "  state: left\n  organization: fire.station-2",
    );
    access.commit("Connor leaves");
    let asked = asked(&access);
    let traces = access.traces();
    access.apply();
    assert_eq!(traces, access.traces());
    domain.modify(&asked.attachment(".ldif").text);
    let connor = domain.account("connor.haas");
    assert_eq!(connor.dn, "CN=Connor Haas,OU=Leavers,DC=example,DC=test");
    assert_eq!(connor.text("userAccountControl").as_deref(), Some("514"));
    assert!(
        !domain
            .members("DEPT-Fire")
            .contains(&"connor.haas".to_owned())
    );
    access.all_tasks_done();
    // What is left is to tell the supervisor what was taken.
    only_a_notice(&access, "departure");
}

/// That nothing is left but one notice of a kind, and nothing at all once it was sent.
fn only_a_notice(access: &Access, kind: &str) {
    let plan = access.plan();
    let notices = plan["notices"].as_array().unwrap();
    let kinds: Vec<&str> = notices
        .iter()
        .map(|n| n["key"]["kind"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, [kind]);
    for nothing in ["changes", "tasks", "held"] {
        assert_eq!(plan[nothing].as_array().map(Vec::len), Some(0), "{nothing}");
    }
    access.apply();
    access.run(&["plan", "--detailed-exitcode"]).ends(0);
}

#[test]
fn the_export_is_read_as_ldap_tools_read_it() {
    // The test bed's own reader: what it hands to `ldapmodify` has every entry but the base.
    let export = Export::read(&Access::export_text("bloomington"));
    let records = export.records("DC=example,DC=test");
    let adds = records.matches("changetype: add").count();
    assert_eq!(adds, export.entries.len() - 1);
}
