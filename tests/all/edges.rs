//! Where a time here begins and ends, on the real binary: who left in a hurry cannot log on with
//! anything they knew; a first password is read by its recipient alone, works, and must be changed.

use crate::bed::{Access, Directory, Domain, PASSWORD, Post, servers, unicode_password_line};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

const NEW_HIRE: &str = include_str!("../../src/cli/demo/new-hire.yaml");
const SUPERVISOR: &str = "users/noor.haddad.yaml";
const URGENT: &str = "\
apiVersion: countersign/v1
kind: Request
metadata: {name: 2026-11-23-terminate-sam.okafor}
spec:
  action: Terminate
  requestedBy: noor.haddad
  subject: sam.okafor
  effective: 2026-11-23T09:00
  reason: dismissed
  urgent: true
";

/// Gives the supervisor of the new hire a key of their own.
fn with_key(access: &Access, key: &str) {
    let path = access.repository().join(SUPERVISOR);
    let text = fs::read_to_string(path).unwrap();
    let old = text.lines().find(|l| l.contains("handOverKey")).unwrap();
    access.edit(SUPERVISOR, old, &format!("    handOverKey: {key}"));
}

/// The one hand-over file there is.
fn handed(access: &Access) -> PathBuf {
    let folder = access.hand_over();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    let files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    let [file] = &files[..] else {
        panic!("{files:?}")
    };
    assert_eq!(mode(file), 0o600);
    let name = file.file_name().unwrap().to_str().unwrap();
    assert!(
        name.starts_with("a.christopherson2-20") && name.ends_with("Z.age"),
        "{name}"
    );
    file.clone()
}

/// The password in an opened hand-over file.
fn password(opened: &[u8]) -> String {
    let text = String::from_utf8(opened.to_vec()).unwrap();
    let login = "Login name: a.christopherson2\nPassword: ";
    let password = text.strip_prefix(login).unwrap().trim_end().to_owned();
    assert!(password.len() >= 20);
    password
}

/// That a text stands nowhere but where its recipient reads it.
fn is_nowhere(access: &Access, secret: &str, said: &str) {
    assert!(!said.contains(secret));
    let mut folders = vec![
        access.operator().parent().unwrap().to_owned(),
        access.outbox(),
    ];
    folders.push(access.repository());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => {
                    let bytes = fs::read(&path).unwrap();
                    let found = bytes.windows(secret.len()).any(|w| w == secret.as_bytes());
                    assert!(!found, "{}", path.display());
                }
            }
        }
    }
}

#[test]
fn a_first_password_is_read_by_an_age_key_alone() {
    let owner = age::x25519::Identity::generate();
    let access = Access::example("bloomington")
        .with_ldif(&Access::export_text("bloomington"))
        .operated_by_anchor(&Directory::Ldif, &Post::Outbox);
    with_key(&access, &owner.to_public().to_string());
    access.write("requests/r.yaml", NEW_HIRE);
    access.commit("New hire");
    let ran = access.apply();
    let sealed = fs::read(handed(&access)).unwrap();
    let password = password(&age::decrypt(&owner, &sealed).unwrap());
    let other = age::x25519::Identity::generate();
    assert!(age::decrypt(&other, &sealed).is_err());
    is_nowhere(&access, &password, &format!("{}{}", ran.out, ran.err));
    let mails = access.mails();
    let to = ["noor.haddad@city.example".to_owned()];
    let mut handing = mails
        .iter()
        .filter(|m| m.to == to && m.text.contains("age --decrypt"));
    assert!(handing.next().is_some() && handing.next().is_none());
}

#[test]
fn a_first_password_is_read_by_an_ssh_key_works_and_must_be_changed() {
    let Some(servers) = servers("first passwords on the domain controller") else {
        return;
    };
    let domain = Domain::with(&servers, &Access::export("bloomington"));
    let access = Access::example("bloomington")
        .operated_by_anchor(&Directory::Ldaps(&domain), &Post::Outbox);
    let keys = tempfile::tempdir().unwrap();
    let private = keys.path().join("key");
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "noor", "-f"])
        .arg(&private)
        .status()
        .unwrap();
    assert!(made.success());
    let public = fs::read_to_string(private.with_extension("pub")).unwrap();
    with_key(&access, &format!("\"{}\"", public.trim()));
    access.write("requests/r.yaml", NEW_HIRE);
    access.commit("New hire");
    let ran = access.apply();
    let text = fs::read(&private).unwrap();
    let owner = age::ssh::Identity::from_buffer(&text[..], None).unwrap();
    let sealed = fs::read(handed(&access)).unwrap();
    let password = password(&age::decrypt(&owner, &sealed).unwrap());
    is_nowhere(&access, &password, &format!("{}{}", ran.out, ran.err));
    let login = "a.christopherson2";
    let says = |password: &str| {
        let output = domain.log_on(login, password);
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    assert!(says(&password).contains("data 773"), "{}", says(&password));
    assert!(says("Wrong-Horse-8").contains("data 52e"));
    // As if the user had chosen it: then it lets them in.
    let dn = domain.account(login).dn;
    domain.modify(&format!(
        "dn: {dn}\nchangetype: modify\nreplace: pwdLastSet\npwdLastSet: -1\n"
    ));
    assert!(domain.lets_in(login, &password));
    access.run(&["plan"]).ends(0);
}

#[test]
fn who_left_in_a_hurry_logs_on_with_nothing_they_knew() {
    let Some(servers) = servers("urgent leavers on the domain controller") else {
        return;
    };
    let domain = Domain::with(&servers, &Access::export("bloomington"));
    let access = Access::example("bloomington")
        .operated_by_anchor(&Directory::Ldaps(&domain), &Post::Outbox);
    access.apply();
    let login = domain
        .one("(employeeNumber=001077)")
        .text("sAMAccountName")
        .unwrap();
    let dn = domain.account(&login).dn;
    let secret = unicode_password_line(PASSWORD);
    domain.modify(&format!(
        "dn: {dn}\nchangetype: modify\nreplace: unicodePwd\n{secret}\n-\nreplace: userAccountControl\nuserAccountControl: 512\n"
    ));
    assert!(domain.lets_in(&login, PASSWORD));
    // How often a password was set: a constructed attribute, given to who asks for it.
    let version = |login: &str| -> u32 {
        let filter = format!("(sAMAccountName={login})");
        let found = domain.search(&filter, &["msDS-KeyVersionNumber"]);
        let number = found[0].text("msDS-KeyVersionNumber");
        number.unwrap().parse().unwrap()
    };
    let before = version(&login);
    access.write("requests/r.yaml", URGENT);
    access.commit("Urgent");
    let plan = access.run(&["plan", "--format", "json"]).ends(0).json();
    let first = plan["changes"].as_array().unwrap().iter().take(3);
    let first: Vec<&str> = first.map(|c| c["action"].as_str().unwrap()).collect();
    assert_eq!(first, ["disable", "reset-password", "expire"]);
    access.apply();
    assert!(!domain.lets_in(&login, PASSWORD));
    let left = domain.account(&login);
    // 14:00 UTC, as 100 ns since 1601.
    assert_eq!(left.text("accountExpires").unwrap(), "134399160000000000");
    assert_eq!(left.text("userAccountControl").unwrap(), "514");
    access.all_tasks_done();
    let again = access.run(&["plan"]).ends(0);
    assert!(again.out.contains("nothing to do"), "{}", again.out);
    // Whoever enables it by hand has let nobody in: it has expired, and the password is another one.
    // (The old one alone would not tell: a domain controller takes it for an hour longer, AD.md 46.)
    let said = |password: &str| {
        let output = domain.log_on(&login, password);
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    assert!(said(PASSWORD).contains("data 52e"), "{}", said(PASSWORD));
    let dn = left.dn;
    domain.modify(&format!(
        "dn: {dn}\nchangetype: modify\nreplace: userAccountControl\nuserAccountControl: 512\n"
    ));
    assert!(!domain.lets_in(&login, PASSWORD));
    assert_eq!(version(&login), before + 1);
}
