//! Writing: refused, lost, overtaken by somebody else. What failed is said, what can go on goes on,
//! and the next run finishes.

use super::{Company, KIM, wanted};
use crate::fake_ad::{Fault, Operation, Trigger};
use serde_json::Value;

/// Outcomes of an apply: `outcome` by the place of the change in the plan.
fn outcomes(result: &Value) -> Vec<String> {
    let changes = result["changes"].as_array().unwrap().iter();
    changes
        .map(|c| c["outcome"].as_str().unwrap().to_owned())
        .collect()
}

fn apply(company: &Company) -> (i32, Value) {
    let ran = company.access.run(&["apply", "--format", "json"]);
    assert!(
        ran.code == 0 || ran.code == 1,
        "{}\n{}\n{}",
        ran.code,
        ran.out,
        ran.err
    );
    let result = ran.json();
    (ran.code, result)
}

/// What a company looks like when nothing went wrong.
fn expected() -> Vec<String> {
    state(&Company::settled())
}

/// The entries of a company, each with its lines in order.
fn state(company: &Company) -> Vec<String> {
    let text = company.state();
    let entries = text.split("\n\n").map(|entry| {
        let mut lines: Vec<&str> = entry.lines().collect();
        lines.sort_unstable();
        lines.join("\n")
    });
    let mut entries: Vec<String> = entries.collect();
    entries.sort();
    entries
}

/// That a company looks like this.
#[track_caller]
fn same(company: &Company, expected: &[String], what: &str) {
    let state = state(company);
    let new: Vec<&String> = state.iter().filter(|e| !expected.contains(e)).collect();
    let gone: Vec<&String> = expected.iter().filter(|e| !state.contains(e)).collect();
    assert!(
        new.is_empty() && gone.is_empty(),
        "{what}: {new:#?} instead of {gone:#?}"
    );
}

/// AD 44, AD table: a refused password is made anew at most three times.
#[test]
fn a_password_refused_three_times_leaves_the_account_disabled() {
    let company = Company::new();
    let answer = "0000052D: SvcErr: DSID-031A12D2, problem 5003 (WILL_NOT_PERFORM), data 0";
    company.ad.fault(
        Fault::answer(Operation::Modify, 1, 53, answer)
            .at(KIM)
            .times(3),
    );
    let (code, result) = apply(&company);
    assert_eq!(code, 1);
    assert_eq!(company.ad.pending_faults(), Vec::<String>::new());
    let kim = company.ad.entry(KIM);
    assert_eq!(kim.number("userAccountControl").unwrap() & 2, 2, "disabled");
    assert_eq!(kim.password, None);
    let failed = outcomes(&result).iter().filter(|o| *o == "failed").count();
    assert!(failed >= 1, "{result}");
    // Everybody else is in place, and Kim is after the next run.
    let lucy = company.ad.entry(super::LUCY);
    assert_eq!(lucy.number("userAccountControl"), Some(512));
    company.settles_within(3);
    assert_eq!(
        company.ad.entry(KIM).number("userAccountControl"),
        Some(512)
    );
    assert!(company.ad.entry(KIM).password.is_some());
    company.nobody_lost_anything();
}

#[test]
fn an_account_without_a_password_cannot_be_enabled_and_gets_one() {
    let company = Company::new();
    company.access.apply();
    // Somebody takes it away and disables the account.
    company.ad.change(|ad| {
        ad.replace(KIM, "userAccountControl", &["546"]);
        ad.set_password(KIM, None);
        ad.replace(KIM, "pwdLastSet", &["0"]);
    });
    company.settles_within(4);
    let kim = company.ad.entry(KIM);
    assert_eq!(kim.number("userAccountControl").unwrap() & 2, 0);
    assert!(kim.password.is_some());
}

/// AD 76, through the whole program.
#[test]
fn what_a_person_wrote_meanwhile_is_not_overwritten() {
    let company = Company::settled();
    company
        .access
        .edit("users/kim.yaml", "01632 960102", "01632 960199");
    company.access.commit("Kim's new number");
    let edit = Fault::before(Trigger::Write, 1, |ad| {
        ad.replace(KIM, "telephoneNumber", &["112"])
    });
    company.ad.fault(edit.at(KIM));
    let (code, result) = apply(&company);
    assert_eq!((code, outcomes(&result)), (1, vec!["conflict".to_owned()]));
    assert_eq!(
        company.ad.entry(KIM).text("telephoneNumber").as_deref(),
        Some("112")
    );
    // What is there now was planned against: the next run may.
    assert_eq!(wanted(&company.access.plan()), ["update kim"]);
    company.settles_within(2);
    let kim = company.ad.entry(KIM);
    assert_eq!(kim.text("telephoneNumber").as_deref(), Some("01632 960199"));
}

#[test]
fn an_account_moved_meanwhile_is_not_moved_back() {
    let company = Company::settled();
    company.access.edit(
        "users/kim.yaml",
        "organization: seko-farnborough",
        "organization: seko-farnborough\n  ou: [Clients]",
    );
    company.access.commit("Kim's place");
    let elsewhere = "CN=Kim,OU=Services,DC=seko,DC=example";
    company
        .ad
        .fault(Fault::before(Operation::ModifyDn, 1, move |ad| {
            ad.rename(KIM, elsewhere)
        }));
    let (code, result) = apply(&company);
    assert_eq!((code, outcomes(&result)), (1, vec!["conflict".to_owned()]));
    assert!(company.ad.find(elsewhere).is_some());
}

/// Loses the answer to a write, and sees that the next runs come to the same end.
fn lost(nth: usize) {
    let company = Company::new();
    company.ad.fault(Fault::drop_after(Trigger::Write, nth));
    let ran = company.access.run(&["apply"]);
    assert_eq!(
        company.ad.pending_faults(),
        Vec::<String>::new(),
        "write {nth}"
    );
    assert!([0, 1, 3].contains(&ran.code), "write {nth}: {}", ran.err);
    company.settles_within(3);
    same(&company, &expected(), &format!("write {nth}"));
    company.nobody_lost_anything();
    for login in ["jack", "kim", "lucy", "simon"] {
        assert!(
            company.ad.entry_by_sam(login).unwrap().password.is_some(),
            "{login}"
        );
    }
}

#[test]
fn the_lost_answer_to_a_create_is_made_up_for() {
    [1, 2, 4].into_iter().for_each(lost);
}

#[test]
fn the_lost_answer_to_a_password_is_made_up_for() {
    [5, 6, 8].into_iter().for_each(lost);
}

#[test]
fn the_lost_answer_to_a_membership_is_made_up_for() {
    [9, 14, 19].into_iter().for_each(lost);
}

#[test]
fn the_lost_answer_to_enabling_is_made_up_for() {
    [20, 21, 23].into_iter().for_each(lost);
}

#[test]
fn one_object_that_fails_blocks_no_other() {
    let company = Company::new();
    let denied = "00002098: SecErr: DSID-03150F94, problem 4003 (INSUFF_ACCESS_RIGHTS), data 0";
    company.ad.fault(
        Fault::answer(Operation::Add, 1, 50, denied)
            .at(KIM)
            .times(9),
    );
    let (code, _) = apply(&company);
    assert_eq!(code, 1);
    assert!(company.ad.find(KIM).is_none());
    for login in ["jack", "lucy", "simon"] {
        let account = company.ad.entry_by_sam(login).unwrap();
        assert_eq!(account.number("userAccountControl"), Some(512), "{login}");
    }
    company.ad.clear_faults();
    company.settles_within(3);
    same(&company, &expected(), "one failed");
}

/// Answers that writes get, from Microsoft's and Samba's mouths.
const ANSWERS: [(i64, &str); 20] = [
    (1, "00000020: operationsError"),
    (2, "protocolError"),
    (3, "timeLimitExceeded"),
    (11, "00002024: SvcErr: adminLimitExceeded"),
    (16, "00000057: noSuchAttribute"),
    (17, "00000057: undefinedAttributeType"),
    (19, "00002082: AtrErr: constraintViolation"),
    (19, "0000052D: AtrErr: constraintViolation"),
    (20, "00002083: attributeOrValueExists"),
    (21, "0000200B: invalidAttributeSyntax"),
    (32, "0000208D: NameErr: noSuchObject"),
    (34, "0000208F: NameErr: invalidDNSyntax"),
    (50, "00002098: SecErr: insufficientAccessRights"),
    (51, "0000200E: SvcErr: busy"),
    (52, "0000200F: SvcErr: unavailable"),
    (53, "00002077: SvcErr: unwillingToPerform"),
    (53, "0000052D: SvcErr: unwillingToPerform"),
    (65, "0000207D: UpdErr: objectClassViolation"),
    (68, "00000524: UpdErr: entryAlreadyExists"),
    (80, "00002089: other"),
];

/// That every answer to the nth write is told, takes nothing from anybody, and is made up for later.
fn answered(nth: usize) {
    let expected = expected();
    for (code, message) in ANSWERS {
        let company = Company::new();
        company
            .ad
            .fault(Fault::answer(Trigger::Write, nth, code, message).times(4));
        let ran = company.access.run(&["apply", "--format", "json"]);
        let what = format!("{code} {message} at {nth}");
        assert!(
            [0, 1, 3].contains(&ran.code),
            "{what}: {}\n{}",
            ran.code,
            ran.err
        );
        let struck = company.ad.log().iter().any(|l| l.code == Some(code));
        assert!(struck, "{what}");
        company.nobody_lost_anything();
        if ran.code == 1 {
            let result = ran.json();
            for change in result["changes"].as_array().unwrap() {
                let failed = ["failed", "conflict"].contains(&change["outcome"].as_str().unwrap());
                let said = change["detail"].as_str().is_some_and(|d| !d.is_empty());
                assert!(!failed || said, "{what}: {change}");
            }
        }
        company.ad.clear_faults();
        company.settles_within(4);
        same(&company, &expected, &what);
        company.nobody_lost_anything();
    }
}

#[test]
fn any_answer_to_a_create_is_classified() {
    answered(1);
}

#[test]
fn any_answer_to_a_password_is_classified() {
    answered(5);
}

#[test]
fn any_answer_to_a_membership_is_classified() {
    answered(9);
}

#[test]
fn any_answer_to_enabling_is_classified() {
    answered(20);
}
