//! The directory is kept from pass to pass: only what was touched is read again, and all of it where that would
//! not be all, or somebody wants it.

use super::{Loop, condition};
use crate::bed::json;
use crate::fake::{ADMINS, BASE, Company, KIM, LUCY};
use serde_json::Value;
use std::fs;

fn read(status: &Value) -> (&str, &str) {
    let word = |name: &str| status["last"][name].as_str().unwrap_or_default();
    (word("wake"), word("read"))
}

/// A loop over a company whose people have what they should have.
fn settled() -> Company {
    let company = Company::settled();
    let operator = &company.access.operator();
    let text = fs::read_to_string(operator).unwrap();
    let text = text.replace(
        "ledger:",
        "run: {fetch: 1h, interval: 1h, poll: 1s}\nledger:",
    );
    fs::write(operator, text).unwrap();
    company
}

#[test]
fn a_pass_reads_what_was_touched_and_everything_where_that_is_not_enough() {
    let company = settled();
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
