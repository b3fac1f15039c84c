//! Reading: groups of thousands, pages, and everything that breaks off half-way.

use super::{ADMINS, BASE, Company, LUCY, wanted};
use crate::fake_ad::{Fault, Operation};

/// Adds people that nobody here manages, numbered so.
fn people(company: &Company, numbers: std::ops::Range<usize>) -> Vec<String> {
    let mut added = Vec::new();
    for number in numbers {
        let dn = format!("CN=Other {number},OU=Others,{BASE}");
        company
            .ad
            .change(|ad| ad.add_user(&dn, &format!("other{number}")));
        added.push(dn);
    }
    added
}

/// AD 54, through the whole program.
#[test]
fn nobody_is_revoked_however_many_members_a_group_has() {
    let company = Company::new();
    let access = &company.access;
    access.edit(
        "countersign.yaml",
        "membership: exact",
        "membership: additive",
    );
    access.commit("Others stay");
    access.apply();
    let mut members = 1;
    for size in [1, 1499, 1500, 1501, 3001, 5001] {
        let new = people(&company, members..size);
        company
            .ad
            .change(|ad| new.iter().for_each(|dn| ad.add_member(ADMINS, dn)));
        members = size;
        assert_eq!(company.ad.entry(ADMINS).texts("member").len(), size);
        company.ad.clear_log();
        access.run(&["plan", "--detailed-exitcode"]).ends(0);
        access.apply();
        assert_eq!(company.writes(|_| true), Vec::<String>::new(), "{size}");
    }
    // She loses the role, and nobody else does.
    access.edit(
        "identities/white-glove.yaml",
        "[white-glove.user, white-glove.admin]",
        "[white-glove.user]",
    );
    access.commit("Lucy is no administrator any more");
    assert_eq!(
        wanted(&access.plan()),
        ["remove-member lucy APP-WG-Role-Admin"]
    );
    access.apply();
    let left = company.ad.entry(ADMINS).texts("member");
    assert_eq!(left.len(), 5000);
    assert!(!left.contains(&LUCY.to_owned()));
}

#[test]
fn every_page_of_2500_people_is_read() {
    let company = Company::settled();
    people(&company, 0..2500);
    // The last of them has the login that Nina would get.
    company
        .ad
        .change(|ad| ad.add_user(&format!("CN=Z,OU=Others,{BASE}"), "nina"));
    company.ad.clear_log();
    company.access.run(&["plan", "--detailed-exitcode"]).ends(0);
    let (accounts, others) = parts(&company);
    assert_eq!(accounts.len(), 3);
    assert_eq!(others.len(), 1);
    assert_ne!(
        accounts[0], others[0],
        "groups come over another connection"
    );
    company.access.write(
        "users/nina.yaml",
        "apiVersion: countersign/v1\nkind: User\nmetadata: {name: nina}\nspec:\n  givenName: Nina\n  type: employee\n  organization: seko-farnborough\n",
    );
    company.access.commit("Nina");
    let plan = company
        .access
        .run(&["plan", "--format", "json"])
        .ends(1)
        .json();
    assert_eq!(
        plan["held"][0]["code"], "name-held",
        "its name was seen on the last page"
    );
    assert!(wanted(&plan).is_empty());
}

/// The connection of each page of accounts, and of each page of everything else.
fn parts(company: &Company) -> (Vec<u64>, Vec<u64>) {
    let log = company.ad.log();
    let of = |category: &str| {
        let pages = log.iter().filter(|l| l.operation == Operation::Search);
        let pages = pages.filter(|l| l.filter.contains(category));
        pages.map(|l| l.connection).collect()
    };
    (of("objectCategory=person"), of("objectCategory=group"))
}

#[test]
fn one_connection_carries_everything_where_there_is_no_second() {
    let company = crowd();
    company.ad.clear_log();
    let busy = Fault::answer(Operation::Bind, 2, 51, "busy");
    company.ad.fault(busy);
    company.access.run(&["plan", "--detailed-exitcode"]).ends(0);
    assert_eq!(company.ad.pending_faults(), Vec::<String>::new());
    let (accounts, others) = parts(&company);
    assert_eq!((accounts.len(), others.len()), (3, 1));
    assert_eq!(accounts[0], others[0]);
}

#[test]
fn who_is_few_is_read_over_one_connection() {
    let company = Company::settled();
    company.ad.clear_log();
    company.access.run(&["plan", "--detailed-exitcode"]).ends(0);
    let (accounts, others) = parts(&company);
    assert_eq!(accounts, others);
}

/// That a read which breaks off so is no reason to do anything: nothing is concluded, or it was read
/// once more and there is nothing to do.
fn broken(company: &Company, fault: impl Fn(usize) -> Fault, what: &str) {
    let mut struck = 0;
    let mut refused = 0;
    for nth in 1.. {
        company.ad.fault(fault(nth));
        let plan = company.access.run(&["plan", "--detailed-exitcode"]);
        if !company.ad.pending_faults().is_empty() {
            company.ad.clear_faults();
            break;
        }
        struck += 1;
        refused += usize::from(plan.code == 3);
        assert!(
            plan.code == 3 || (plan.code == 0 && plan.out.ends_with("nothing to do\n")),
            "{what} at {nth}: {}\n{}\n{}",
            plan.code,
            plan.out,
            plan.err
        );
        company.ad.fault(fault(nth));
        let apply = company.access.run(&["apply"]);
        company.ad.clear_faults();
        assert!(
            apply.code == 3 || apply.code == 0,
            "{what} at {nth}: {}",
            apply.err
        );
        assert_eq!(
            company.writes(|_| true),
            Vec::<String>::new(),
            "{what} at {nth}"
        );
    }
    assert!(struck >= 3, "{what} struck only {struck} searches");
    assert!(refused > 0, "{what} was never noticed");
    company.access.run(&["plan", "--detailed-exitcode"]).ends(0);
}

fn crowd() -> Company {
    let company = Company::settled();
    people(&company, 0..2100);
    company
}

#[test]
fn a_connection_dropped_in_the_middle_of_a_page_concludes_nothing() {
    broken(
        &crowd(),
        |nth| Fault::drop_during(Operation::Search, nth),
        "dropped",
    );
}

#[test]
fn a_torn_answer_concludes_nothing() {
    broken(
        &crowd(),
        |nth| Fault::truncate(Operation::Search, nth),
        "truncated",
    );
}

#[test]
fn a_search_that_ends_early_concludes_nothing() {
    let company = crowd();
    for (code, message) in [
        (4, "sizeLimitExceeded"),
        (3, "timeLimitExceeded"),
        (80, "other"),
    ] {
        broken(
            &company,
            |nth| Fault::partial(Operation::Search, nth, code, message),
            message,
        );
    }
}

#[test]
fn accounts_that_are_out_of_sight_are_held_and_not_made_anew() {
    let company = Company::settled();
    company
        .ad
        .change(|ad| ad.hide(&format!("OU=Farnborough,{BASE}")));
    let ran = company.access.run(&["plan", "--format", "json"]);
    assert!(ran.code == 1 || ran.code == 3, "{}\n{}", ran.out, ran.err);
    if ran.code == 1 {
        let plan = ran.json();
        assert_eq!(wanted(&plan), Vec::<String>::new());
        let held = plan["held"].to_string();
        assert!(held.contains("kim") && held.contains("lucy"), "{held}");
    }
    let ran = company.access.run(&["apply"]);
    assert!(ran.code == 1 || ran.code == 3, "{}\n{}", ran.out, ran.err);
    assert_eq!(company.writes(|_| true), Vec::<String>::new());
    company
        .ad
        .change(|ad| ad.unhide(&format!("OU=Farnborough,{BASE}")));
    company.access.run(&["plan", "--detailed-exitcode"]).ends(0);
}

#[test]
fn a_group_out_of_sight_is_held_and_nobody_leaves_another_for_it() {
    let company = Company::settled();
    company.ad.change(|ad| ad.hide(ADMINS));
    let ran = company.access.run(&["apply"]);
    assert_ne!(ran.code, 0, "{}", ran.out);
    company.nobody_lost_anything();
    company.ad.change(|ad| ad.unhide(ADMINS));
    company.access.run(&["plan", "--detailed-exitcode"]).ends(0);
}
