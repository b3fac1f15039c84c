//! The directory is kept from pass to pass: only what was touched is read again, and all of it where that would
//! not be all, or somebody wants it.

use super::place::Place;
use super::{Loop, condition};
use crate::bed::{Access, json};
use crate::fake::{ADMINS, BASE, Company, KIM, LUCY};
use serde_json::Value;
use std::fs;

fn read(status: &Value) -> (&str, &str) {
    let word = |name: &str| status["last"][name].as_str().unwrap_or_default();
    (word("wake"), word("read"))
}

/// Only the directory wakes the loop.
fn quiet(access: &Access) {
    let operator = &access.operator();
    let text = fs::read_to_string(operator).unwrap();
    let text = text.replace(
        "ledger:",
        "run: {fetch: 1h, interval: 1h, poll: 1s}\nledger:",
    );
    fs::write(operator, text).unwrap();
}

#[test]
fn a_pass_reads_what_was_touched_and_everything_where_that_is_not_enough() {
    let company = Company::settled();
    quiet(&company.access);
    let going = Loop::begin(&company.access);
    let first = going.until("the first pass", |s| read(s) == ("start", "whole"));
    assert_eq!(condition(&first, "Ready")["isTrue"], true);
    // Somebody is made an administrator by hand, which is taken back.
    company.ad.change(|ad| ad.add_member(ADMINS, KIM));
    let woken = going.until("the membership", |s| s["last"]["applied"] == 1);
    assert_eq!(read(&woken), ("directory", "changes"));
    let members = company.ad.entry(ADMINS).texts("member");
    assert_eq!(members, [LUCY], "what nobody approved is gone");
    // What the loop wrote itself is looked at once more, and is as it should be.
    let quiet = going.until("its own write", |s| {
        s["last"]["applied"] == 0 && s["passes"].as_u64() > woken["passes"].as_u64()
    });
    assert_eq!(read(&quiet), ("directory", "changes"));
    // A name that went stands in lists that were not touched.
    let other = format!("CN=Other,OU=Farnborough,{BASE}");
    company.ad.change(|ad| ad.add_user(&other, "other"));
    going.until("one who came", |s| {
        read(s) == ("directory", "changes") && s["passes"].as_u64() > quiet["passes"].as_u64()
    });
    company.ad.change(|ad| ad.remove(&other));
    going.until("one who went", |s| read(s) == ("directory", "whole"));
    going.signal("-HUP");
    let asked = going.until("who asks", |s| read(s) == ("signal", "whole"));
    assert_eq!(asked["last"]["applied"], 0);
    let log = going.log();
    assert!(
        log.lines().all(|line| json(line)["level"] != "ERROR"),
        "{log}"
    );
}

#[test]
fn a_domain_controller_wakes_it_by_dir_sync_and_what_was_done_by_hand_is_undone() {
    let Some(place) = Place::domain() else {
        return;
    };
    let Place::Domain(domain, access) = &place else {
        unreachable!("it was made over a domain controller")
    };
    quiet(access);
    let group = "APP-WG-Role-Admin";
    let before = domain.members(group);
    assert!(!before.is_empty());
    let going = Loop::begin(access);
    let first = going.until("the first pass", |s| read(s) == ("start", "whole"));
    assert_eq!(condition(&first, "Ready")["isTrue"], true);
    // Somebody takes everybody out of a group that says who may do everything.
    let dn = domain.one(&format!("(sAMAccountName={group})")).dn;
    domain.modify(&format!("dn: {dn}\nchangetype: modify\ndelete: member\n"));
    assert!(domain.members(group).is_empty());
    let woken = going.until("the members", |s| s["last"]["applied"] == before.len());
    assert_eq!(read(&woken), ("directory", "changes"));
    assert_eq!(domain.members(group), before);
    let said = going.log();
    let told = said
        .lines()
        .map(json)
        .find(|line| line["fields"]["told_by"] != Value::Null);
    assert_eq!(told.unwrap()["fields"]["told_by"], "DirSync", "{said}");
}
